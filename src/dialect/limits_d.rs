//! `/etc/security/limits.d/*.conf`.

use super::page::{Basis, Format, Page, elsewhere, spaced};
use crate::change::Target;
use crate::host::Host;
use crate::system::Resource;

/// Where limits of logins stay.
pub(crate) const LIMITS_D: &str = "/etc/security/limits.d/60-runup.conf";

/// The lines of limits.conf(5); none for a resource that it lacks. `*` does not mean root with Debian's pam_limits; elsewhere it does,
/// and root needs no line.
pub(crate) fn limits_lines(resource: Resource, soft: &str, hard: &str, root: bool) -> Vec<String> {
    let Some(name) = resource.limits_conf_name() else {
        return Vec::new();
    };
    let who: &[&str] = if root { &["*", "root"] } else { &["*"] };
    let line = |(side, bound)| {
        let bound = in_limits_conf_unit(resource, bound);
        who.iter().map(move |who| format!("{who} {side} {name} {bound}"))
    };
    [("soft", soft), ("hard", hard)].into_iter().flat_map(line).collect()
}

/// limits.conf(5) counts most sizes in KiB, processor time in minutes, and niceness as programs do.
fn in_limits_conf_unit(resource: Resource, text: &str) -> String {
    let sized = matches!(
        resource,
        Resource::As
            | Resource::Core
            | Resource::Data
            | Resource::Fsize
            | Resource::Memlock
            | Resource::Rss
            | Resource::Stack
    );
    match text.parse::<u128>() {
        Ok(bytes) if sized => bytes.div_ceil(1024).to_string(),
        Ok(seconds) if resource == Resource::Cpu => seconds.div_ceil(60).to_string(),
        Ok(ceiling) if resource == Resource::Nice => (20 - i128::try_from(ceiling).unwrap_or(40).min(40)).to_string(),
        _ => text.to_owned(),
    }
}

/// Limits of logins through PAM: limits.conf(5).
#[derive(Debug)]
pub struct LimitsD;

impl Format for LimitsD {
    fn name(&self) -> &'static str {
        "limits.d"
    }

    fn basis(&self) -> Basis {
        Basis::Host
    }

    fn refuses(&self, target: &Target, _asked: &str, _host: &Host<'_>) -> Option<String> {
        match *target {
            Target::Limit(resource, _) if resource.limits_conf_name().is_none() => {
                Some("limits.conf(5) has no name for it: --to systemd".to_owned())
            }
            Target::Limit(..) => None,
            _ => Some(elsewhere(target)),
        }
    }

    fn write(&self, page: &Page<'_>) -> String {
        let root = if page.root || !spares_root(page.host) {
            ""
        } else {
            " but root's"
        };
        let about = format!("{LIMITS_D}; it holds for logins{root}, and no service sees it");
        page.in_lines(&about, &settings(page))
    }
}

/// Whether lines for everybody and for groups leave root alone: Debian's pam_limits does that, and what is built from Debian.
/// Where nobody can tell what is here it counts as Debian's.
pub(crate) fn spares_root(host: &Host<'_>) -> bool {
    let field = |name: &str| host.release(name).unwrap_or_default();
    let (id, like) = (field("ID"), field("ID_LIKE"));
    id.is_empty() || id == "debian" || like.split(' ').any(|like| like == "debian")
}

/// The settings alone.
pub(super) fn settings(page: &Page<'_>) -> String {
    let limits = page.limits().into_iter();
    spaced(limits.map(|(resource, soft, hard, comments)| (comments, limits_lines(resource, &soft, &hard, page.root))))
}
