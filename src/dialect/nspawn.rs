//! What the host of a container of systemd-nspawn does: options of its command line, and settings of its namespaces.

use super::docker::{bound, own};
use super::pairs;
use super::shell::setting;
use crate::catalogue::{self, Namespace};
use crate::change::{Change, Target};
use crate::host::Host;
use crate::system::Os;

/// Options for limits. No option of it sets a key, so that what is read-only in the container is set from the host, in the container's
/// namespaces, each time it was started.
pub(crate) fn commands(changes: &[Change], host: &Host<'_>) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    let limits: Vec<String> = pairs(changes)
        .map(|(resource, soft, hard)| {
            let (name, soft, hard) = (resource.name().to_uppercase(), word(soft), word(hard));
            format!("--rlimit=RLIMIT_{name}={soft}:{hard}")
        })
        .collect();
    if !limits.is_empty() {
        lines.push(format!("systemd-nspawn {} ...", limits.join(" ")));
    }
    for change in changes {
        match &change.target {
            Target::Sysctl(key) if own(key, host) => {
                let namespace = match catalogue::lookup(Os::Linux, key).map(|known| known.namespace) {
                    Some(Namespace::Ipc) => "--ipc",
                    Some(_) | None => "--net",
                };
                let setting = setting(key, change);
                lines.push(format!(
                    "nsenter -t \"$(machinectl show NAME -p Leader --value)\" {namespace} sysctl -w {setting}"
                ));
            }
            Target::Cgroup(file) => lines.extend(property(file, &change.to)),
            Target::Sysctl(_) | Target::Limit(..) | Target::Sysfs(_) | Target::Swap => {}
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A bound as systemd writes it.
fn word(text: &str) -> &str {
    if bound(text) == "-1" { "infinity" } else { text }
}

fn property(file: &str, to: &str) -> Option<String> {
    let name = match file.rsplit('/').next()? {
        "pids.max" => "TasksMax",
        "memory.max" => "MemoryMax",
        _ => return None,
    };
    let to = if to == "max" { "infinity" } else { to };
    Some(format!(
        "systemctl set-property systemd-nspawn@NAME.service {name}={to}"
    ))
}
