//! `/etc/tmpfiles.d/*.conf`.

use super::page::{Basis, Format, Page, commented, elsewhere};
use super::value;
use crate::change::{Change, Target};
use crate::host::Host;

/// Where switches under `/sys` stay.
pub(crate) const TMPFILES_D: &str = "/etc/tmpfiles.d/60-runup.conf";

/// A line of tmpfiles.d(5), where `%` begins a specifier.
pub(crate) fn tmpfiles_line(path: &str, change: &Change) -> String {
    format!(
        "w {} - - - - {}",
        path.replace('%', "%%"),
        value(change).replace('%', "%%")
    )
}

/// Switches under `/sys` that stay: tmpfiles.d(5).
#[derive(Debug)]
pub struct TmpfilesD;

impl Format for TmpfilesD {
    fn name(&self) -> &'static str {
        "tmpfiles.d"
    }

    fn basis(&self) -> Basis {
        Basis::Host
    }

    fn refuses(&self, target: &Target, _asked: &str, _host: &Host<'_>) -> Option<String> {
        (!matches!(target, Target::Sysfs(_))).then(|| elsewhere(target))
    }

    fn write(&self, page: &Page<'_>) -> String {
        let mut out = format!(
            "# {}\n# {TMPFILES_D}; `systemd-tmpfiles --create {TMPFILES_D}` writes it at once\n",
            page.title()
        );
        lines(page, &mut out);
        let left = page.leftovers();
        if !left.is_empty() {
            out.push('\n');
        }
        commented(&left, "# ", &mut out);
        out
    }
}

/// The settings alone.
pub(super) fn lines(page: &Page<'_>, out: &mut String) {
    for entry in &page.entries {
        if let Target::Sysfs(path) = &entry.change.target {
            out.push('\n');
            commented(&entry.comments, "# ", out);
            out.push_str(&tmpfiles_line(path, &entry.change));
            out.push('\n');
        }
    }
}
