//! A shell on a Linux host.

use super::{limits, value};
use crate::change::{Change, Target};
use crate::host::Host;
use crate::text::quote;

pub(crate) fn commands(changes: &[Change], host: &Host<'_>) -> Option<String> {
    let sudo = sudo(host);
    let mut lines: Vec<String> = Vec::new();
    for change in changes {
        match &change.target {
            Target::Sysctl(key) => lines.push(format!(
                "{sudo}sysctl -w {}",
                quote(&format!("{key}={}", value(change)))
            )),
            Target::Sysfs(path) => lines.push(format!("echo {} | {sudo}tee {}", quote(&value(change)), quote(path))),
            Target::Swap => lines.push(format!("{sudo}swapoff -a")),
            Target::Cgroup(file) => {
                lines.push(format!("echo {} | {sudo}tee {}", value(change), quote(file)));
            }
            Target::Limit(..) => {}
        }
    }
    for wanted in limits(changes) {
        // A shell can set its own limits; prlimit says it in one command, and raises the hard one where it may.
        let resource = wanted.resource;
        let (soft, hard) = (wanted.soft.unwrap_or(""), wanted.hard.unwrap_or(""));
        let pair = if hard.is_empty() {
            format!("{soft}:")
        } else {
            format!("{soft}:{hard}")
        };
        let sudo = if hard.is_empty() { "" } else { sudo };
        let pid = host.system.process_directory().trim_start_matches("/proc/");
        let pid = if pid == "self" { "$$" } else { pid };
        lines.push(format!("{sudo}prlimit --pid {pid} --{}={pair}", resource.name()));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// `sudo ` where commands need it.
fn sudo(host: &Host<'_>) -> &'static str {
    if host.system.identity().uid == 0 { "" } else { "sudo " }
}
