//! Flags for `docker run` and `podman run`.

use super::{limits, value};
use crate::catalogue::{self, Namespace};
use crate::change::{Change, Target};
use crate::host::Host;
use crate::system::Os;
use crate::text::quote;

pub(crate) fn command(changes: &[Change], host: &Host<'_>) -> Option<String> {
    let flags = flags(changes, host);
    (!flags.is_empty()).then(|| format!("docker run {} ...", flags.join(" ")))
}

/// The flags, each with its value.
pub(crate) fn flags(changes: &[Change], host: &Host<'_>) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for change in changes {
        match &change.target {
            Target::Sysctl(key) => {
                if own(key, host) {
                    flags.push(format!("--sysctl {}", quote(&format!("{key}={}", value(change)))));
                }
            }
            Target::Cgroup(file) => {
                flags.extend(cgroup(file, &change.to).map(|(flag, _, value)| format!("{flag} {value}")))
            }
            Target::Limit(..) | Target::Sysfs(_) | Target::Swap => {}
        }
    }
    for wanted in limits(changes) {
        let (resource, (soft, hard)) = (wanted.resource, wanted.both());
        flags.push(format!("--ulimit {}={}:{}", resource.name(), bound(soft), bound(hard)));
    }
    flags
}

/// A bound as runtimes write it.
pub(crate) fn bound(text: &str) -> &str {
    if text == "unlimited" { "-1" } else { text }
}

/// A limit of a cgroup: the flag, the key in a Compose file, and the value.
pub(crate) fn cgroup<'a>(file: &str, to: &'a str) -> Option<(&'static str, &'static str, &'a str)> {
    let or = |without: &'a str| if to == "max" { without } else { to };
    match file.rsplit('/').next() {
        Some("pids.max") => Some(("--pids-limit", "pids_limit", or("-1"))),
        Some("memory.max") => Some(("--memory", "mem_limit", or("0"))),
        _ => None,
    }
}

/// Whether a container has a value of its own for a key, which a runtime can be asked to set.
pub(crate) fn own(key: &str, host: &Host<'_>) -> bool {
    let kernel = host.system.platform().kernel_or_oldest();
    match catalogue::lookup(Os::Linux, key) {
        Some(known) => matches!(known.namespace_on(kernel), Namespace::Net | Namespace::Ipc),
        None => key.starts_with("net."),
    }
}
