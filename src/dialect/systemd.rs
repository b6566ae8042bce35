//! Directives for a service's unit.

use super::limits;
use super::page::{Basis, Format, Page, commented, elsewhere, one_line};
use crate::change::{Change, Target};
use crate::host::Host;

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

/// Limits of a service: systemd.exec(5), systemd.resource-control(5).
#[derive(Debug)]
pub struct Systemd;

impl Format for Systemd {
    fn name(&self) -> &'static str {
        "systemd"
    }

    fn basis(&self) -> Basis {
        Basis::Host
    }

    fn refuses(&self, target: &Target, _asked: &str, _host: &Host<'_>) -> Option<String> {
        match target {
            Target::Limit(..) => None,
            Target::Cgroup(file) => cgroup(file, "")
                .is_none()
                .then(|| "no directive of a unit says it".to_owned()),
            other => Some(format!("a unit cannot set it: {}", elsewhere(other))),
        }
    }

    fn write(&self, page: &Page<'_>) -> String {
        let unit = one_line(page.unit.unwrap_or("NAME.service"));
        let mut out = format!(
            "# {}\n# /etc/systemd/system/{unit}.d/60-runup.conf; then systemctl daemon-reload and restart {unit}\n\n[Service]\n",
            page.title()
        );
        let changes = page.changes();
        for (resource, _, _, comments) in page.limits() {
            commented(&comments, "# ", &mut out);
            let own = |change: &&Change| matches!(change.target, Target::Limit(other, _) if other == resource);
            let own: Vec<Change> = changes.iter().filter(own).cloned().collect();
            commented(&directives(&own), "", &mut out);
        }
        for entry in &page.entries {
            if matches!(entry.change.target, Target::Cgroup(_)) {
                commented(&entry.comments, "# ", &mut out);
                commented(&directives(std::slice::from_ref(&entry.change)), "", &mut out);
            }
        }
        let left = page.leftovers();
        if !left.is_empty() {
            out.push('\n');
        }
        commented(&left, "# ", &mut out);
        out
    }
}
