//! `/etc/sysctl.d/*.conf`.

use crate::dialect::page::{Basis, Format, Page, commented, elsewhere};
use crate::dialect::sysctl_d::{SYSCTL_D, sysctl_line};
use crate::host::Host;
use crate::rule::Target;
use crate::system::Os;

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
        let mut out = format!("# {}\n# {SYSCTL_D}; `sysctl --system` reads it at once\n", page.title());
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
    for (key, entry) in page.sysctls() {
        out.push('\n');
        commented(&entry.comments, "# ", out);
        out.push_str(&sysctl_line(key, &entry.change));
        out.push('\n');
    }
}
