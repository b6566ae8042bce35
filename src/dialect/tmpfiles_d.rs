//! `/etc/tmpfiles.d/*.conf`.

use super::page::{Basis, Format, Page, elsewhere, spaced};
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
        let about = format!("{TMPFILES_D}; `systemd-tmpfiles --create {TMPFILES_D}` writes it at once");
        page.in_lines(&about, &settings(page))
    }
}

/// The settings alone.
pub(super) fn settings(page: &Page<'_>) -> String {
    spaced(page.entries.iter().filter_map(|entry| match &entry.change.target {
        Target::Sysfs(path) => Some((&entry.comments, vec![tmpfiles_line(path, &entry.change)])),
        _ => None,
    }))
}
