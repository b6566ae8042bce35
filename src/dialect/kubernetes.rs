//! What a pod's manifest or the node's kubelet must say.

use super::{docker, limits, value};
use crate::catalogue;
use crate::change::{Change, Target};
use crate::host::Host;
use crate::system::Os;

pub(crate) fn manifest(changes: &[Change], host: &Host<'_>) -> Option<String> {
    let (mut safe, mut notes): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for change in changes {
        match &change.target {
            Target::Sysctl(key) if docker::own(key, host) => {
                safe.push(format!("    {}", entry(key, change).replace('\n', "\n    ")));
                notes.push(format!("# {}", permission(key)));
            }
            Target::Sysctl(key) => notes.push(format!("# {key} belongs to the node: set it there, not in a pod")),
            Target::Sysfs(path) => notes.push(format!("# {path} belongs to the node: set it there, not in a pod")),
            Target::Swap => notes.push("# swap belongs to the node".to_owned()),
            Target::Cgroup(file) => notes.push(match file.rsplit('/').next() {
                Some("memory.max") => format!("# resources.limits.memory of the container: {}", change.to),
                Some("pids.max") => "# podPidsLimit of the node's kubelet".to_owned(),
                _ => "# resources.limits of the container".to_owned(),
            }),
            Target::Limit(..) => {}
        }
    }
    for wanted in limits(changes) {
        let bound = wanted.hard.or(wanted.soft).unwrap_or("unlimited");
        notes.push(format!(
            "# {}",
            no_limit(wanted.resource.name(), bound).replace("; ", ";\n# ")
        ));
    }
    let mut text = String::new();
    if !safe.is_empty() {
        text = format!("securityContext:\n  sysctls:\n{}", safe.join("\n"));
    }
    for note in notes {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&note);
    }
    (!text.is_empty()).then_some(text)
}

/// An entry of `securityContext.sysctls`.
pub(crate) fn entry(key: &str, change: &Change) -> String {
    format!("- name: {key}\n  value: \"{}\"", value(change))
}

/// Who lets a pod set a key.
pub(crate) fn permission(key: &str) -> String {
    match catalogue::lookup(Os::Linux, key).and_then(|key| key.kubernetes_safe_since) {
        Some(0) => format!("{key} is safe for any pod"),
        Some(minor) => format!("{key} is safe for any pod since Kubernetes 1.{minor}"),
        None => format!("{key} needs the node's kubelet to run with --allowed-unsafe-sysctls={key}"),
    }
}

/// Why a pod does not set a limit.
pub(crate) fn no_limit(name: &str, bound: &str) -> String {
    format!(
        "a pod cannot set the limit {name}: up to the hard limit `runup exec` raises it in the container; \
         beyond, the default limits of the node's container runtime are to give {bound}"
    )
}
