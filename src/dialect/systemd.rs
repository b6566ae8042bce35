//! Directives for a service's unit.

use super::limits;
use crate::change::{Change, Target};

pub(crate) fn section(changes: &[Change]) -> Option<String> {
    let lines = directives(changes);
    (!lines.is_empty()).then(|| format!("[Service]\n{}", lines.join("\n")))
}

/// The directives of a `[Service]` section.
pub(crate) fn directives(changes: &[Change]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for wanted in limits(changes) {
        let (resource, (soft, hard)) = (wanted.resource, wanted.both());
        let word = |text: &str| {
            if text == "unlimited" {
                "infinity".to_owned()
            } else {
                text.to_owned()
            }
        };
        let name = resource.systemd_name();
        lines.push(match soft == hard {
            true => format!("{name}={}", word(hard)),
            false => format!("{name}={}:{}", word(soft), word(hard)),
        });
    }
    for change in changes {
        if let Target::Cgroup(file) = &change.target {
            lines.extend(cgroup(file, &change.to));
        }
    }
    lines
}

/// The directive for a limit of a cgroup, if there is one.
pub(crate) fn cgroup(file: &str, to: &str) -> Option<String> {
    let word = if to == "max" { "infinity" } else { to };
    match file.rsplit('/').next() {
        Some("pids.max") => Some(format!("TasksMax={word}")),
        Some("memory.max") => Some(format!("MemoryMax={word}")),
        _ => None,
    }
}
