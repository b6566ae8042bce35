//! `/etc/security/limits.d/*.conf`.

use crate::system::Resource;

/// Where limits of logins stay.
pub(crate) const LIMITS_D: &str = "/etc/security/limits.d/60-runup.conf";

/// The lines of limits.conf(5); none for a resource that it lacks.
pub(crate) fn limits_lines(resource: Resource, soft: &str, hard: &str) -> Vec<String> {
    let name = resource.limits_conf_name();
    let line = |name, side, bound| format!("* {side} {name} {}", in_limits_conf_unit(resource, bound));
    name.map_or_else(Vec::new, |name| {
        vec![line(name, "soft", soft), line(name, "hard", hard)]
    })
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
