//! `/etc/sysctl.d/*.conf`.

use super::page::{Basis, Format, Page, elsewhere, spaced};
use super::value;
use crate::catalogue;
use crate::change::{Change, Target};
use crate::host::Host;
use crate::system::Os;

/// Where sysctls stay.
pub(crate) const SYSCTL_D: &str = "/etc/sysctl.d/60-runup.conf";
/// Where kernel modules are named that must be there before their keys are set.
pub(crate) const MODULES_D: &str = "/etc/modules-load.d/60-runup.conf";

/// A line of sysctl.d(5).
pub(crate) fn sysctl_line(key: &str, change: &Change) -> String {
    format!("{key} = {}", value(change))
}

/// The module that must be loaded at boot before a key is set. One that systemd loads anyway needs no line.
pub(crate) fn module(key: &str) -> Option<&'static str> {
    let module = catalogue::module_of(key)?;
    (!module.loaded_by_systemd).then_some(module.name)
}

/// The modules without which keys are not there.
pub(crate) fn modules<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let mut names: Vec<&str> = keys.filter_map(module).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Sysctls that stay: sysctl.d(5).
#[derive(Debug)]
pub struct SysctlD;

impl Format for SysctlD {
    fn name(&self) -> &'static str {
        "sysctl.d"
    }

    fn basis(&self) -> Basis {
        Basis::Host
    }

    fn systems(&self) -> &'static [Os] {
        &[Os::Linux, Os::Freebsd]
    }

    fn refuses(&self, target: &Target, _asked: &str, _host: &Host<'_>) -> Option<String> {
        (!matches!(target, Target::Sysctl(_))).then(|| elsewhere(target))
    }

    fn write(&self, page: &Page<'_>) -> String {
        let mut about = format!("{SYSCTL_D}; `sysctl --system` reads it at once");
        let modules = modules(page.sysctls().map(|(key, _)| key));
        if !modules.is_empty() {
            // One file cannot hold another one, and without it the keys are not there when this one is read.
            about += &format!("\n# and {MODULES_D}, so that their keys are there at boot, with the lines");
            about += &modules
                .iter()
                .map(|module| format!("\n#   {module}"))
                .collect::<String>();
        }
        page.in_lines(&about, &settings(page))
    }
}

/// The settings alone.
pub(super) fn settings(page: &Page<'_>) -> String {
    spaced(
        page.sysctls()
            .map(|(key, entry)| (&entry.comments, vec![sysctl_line(key, &entry.change)])),
    )
}
