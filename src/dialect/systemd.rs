//! Directives for a service's unit.

use super::page::{Basis, Format, Page, commented, elsewhere, one_line};
use super::pairs;
use crate::change::{Change, Target};
use crate::host::Host;
use crate::system::Resource;

pub(crate) fn section(changes: &[Change]) -> Option<String> {
    let lines = directives(changes);
    (!lines.is_empty()).then(|| format!("[Service]\n{}", lines.join("\n")))
}

/// The directives of a `[Service]` section.
pub(crate) fn directives(changes: &[Change]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (resource, soft, hard) in pairs(changes) {
        lines.push(limit(resource, soft, hard));
    }
    for change in changes {
        if let Target::Cgroup(file) = &change.target {
            lines.extend(cgroup(file, &change.to));
        }
    }
    lines
}

/// Where the drop-in of a unit is.
pub(crate) fn drop_in(unit: &str) -> String {
    format!("/etc/systemd/system/{unit}.d/60-runup.conf")
}

/// The directive for a limit of processes.
fn limit(resource: Resource, soft: &str, hard: &str) -> String {
    let (name, soft, hard) = (resource.systemd_name(), word(soft), word(hard));
    match soft == hard {
        true => format!("{name}={hard}"),
        false => format!("{name}={soft}:{hard}"),
    }
}

/// A bound as units write it, whoever wrote it: limits of processes know `unlimited`, and cgroups `max`.
fn word(bound: &str) -> &str {
    match bound {
        "unlimited" | "max" => "infinity",
        bound => bound,
    }
}

/// The directive for a limit of a cgroup, if there is one.
fn cgroup(file: &str, to: &str) -> Option<String> {
    let word = word(to);
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
        let about = format!("{}; then systemctl daemon-reload and restart {unit}", drop_in(&unit));
        let mut section = "\n[Service]\n".to_owned();
        for (resource, soft, hard, comments) in page.limits() {
            commented(comments, "# ", &mut section);
            commented([limit(resource, &soft, &hard)], "", &mut section);
        }
        for entry in &page.entries {
            if let Target::Cgroup(file) = &entry.change.target {
                commented(&entry.comments, "# ", &mut section);
                commented(cgroup(file, &entry.change.to), "", &mut section);
            }
        }
        page.in_lines(&about, &section)
    }
}
