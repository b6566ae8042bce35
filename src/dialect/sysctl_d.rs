//! `/etc/sysctl.d/*.conf`.

use super::value;
use crate::catalogue;
use crate::change::Change;
use crate::system::Os;

/// Where sysctls stay.
pub(crate) const SYSCTL_D: &str = "/etc/sysctl.d/60-runup.conf";
/// Where kernel modules are named that must be there before their keys are set.
pub(crate) const MODULES_D: &str = "/etc/modules-load.d/60-runup.conf";

/// A line of sysctl.d(5).
pub(crate) fn sysctl_line(key: &str, change: &Change) -> String {
    format!("{key} = {}", value(change))
}

/// The modules without which keys are not there.
pub(crate) fn modules<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let mut names: Vec<&str> = keys
        .filter_map(|key| catalogue::lookup(Os::Linux, key)?.module())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
