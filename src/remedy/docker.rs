//! Flags for `docker run` and `podman run`.

use super::{limits, quote, soft_and_hard, value};
use crate::catalogue::{self, Namespace};
use crate::host::Host;
use crate::rule::{Change, Target};
use crate::system::Os;
use crate::value::Version;

pub(super) fn flags(changes: &[Change], host: &Host<'_>) -> Option<String> {
    let mut flags: Vec<String> = Vec::new();
    for change in changes {
        match &change.target {
            Target::Sysctl(key) => {
                if own(key, host) {
                    flags.push(format!("--sysctl {}", quote(&format!("{key}={}", value(change)))));
                }
            }
            Target::Cgroup(file) => {
                let name = file.rsplit('/').next().unwrap_or(file);
                flags.extend(match name {
                    "pids.max" => Some(format!(
                        "--pids-limit {}",
                        if change.to == "max" { "-1" } else { &change.to }
                    )),
                    "memory.max" => Some(format!(
                        "--memory {}",
                        if change.to == "max" { "0" } else { &change.to }
                    )),
                    _ => None,
                });
            }
            Target::Limit(..) | Target::Sysfs(_) | Target::Swap => {}
        }
    }
    for (resource, soft, hard) in limits(changes) {
        let (soft, hard) = soft_and_hard(soft, hard);
        let word = |text: &str| {
            if text == "unlimited" {
                "-1".to_owned()
            } else {
                text.to_owned()
            }
        };
        flags.push(format!("--ulimit {}={}:{}", resource.name(), word(soft), word(hard)));
    }
    (!flags.is_empty()).then(|| format!("docker run {} ...", flags.join(" ")))
}

/// Whether a container has a value of its own for a key, which a runtime can be asked to set.
pub(super) fn own(key: &str, host: &Host<'_>) -> bool {
    let kernel = Version::parse(&host.system.platform().release).major_minor();
    match catalogue::lookup(Os::Linux, key) {
        Some(known) => matches!(known.namespace_on(kernel), Namespace::Net | Namespace::Ipc),
        None => key.starts_with("net."),
    }
}
