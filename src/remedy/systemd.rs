//! Directives for a service's unit.

use super::{limits, soft_and_hard};
use crate::rule::{Change, Target};

pub(super) fn section(changes: &[Change]) -> Option<String> {
    let lines = directives(changes);
    (!lines.is_empty()).then(|| format!("[Service]\n{}", lines.join("\n")))
}

/// The directives of a `[Service]` section.
pub(crate) fn directives(changes: &[Change]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (resource, soft, hard) in limits(changes) {
        let (soft, hard) = soft_and_hard(soft, hard);
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
            let word = if change.to == "max" { "infinity" } else { &change.to };
            lines.extend(match file.rsplit('/').next() {
                Some("pids.max") => Some(format!("TasksMax={word}")),
                Some("memory.max") => Some(format!("MemoryMax={word}")),
                _ => None,
            });
        }
    }
    lines
}
