//! `/etc/tmpfiles.d/*.conf`.

use super::value;
use crate::change::Change;

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
