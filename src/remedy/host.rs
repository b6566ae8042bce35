//! A shell on a Linux host, and the files that make a change last.

use super::{limits, sudo, value};
use crate::change::{Change, Target};
use crate::host::Host;
use crate::system::Resource;
use crate::text::quote;

/// Where sysctls stay.
pub(crate) const SYSCTL_D: &str = "/etc/sysctl.d/60-runup.conf";
/// Where kernel modules are named that must be there before their keys are set.
pub(crate) const MODULES_D: &str = "/etc/modules-load.d/60-runup.conf";
/// Where limits of logins stay.
pub(crate) const LIMITS_D: &str = "/etc/security/limits.d/60-runup.conf";
/// Where switches under `/sys` stay.
pub(crate) const TMPFILES_D: &str = "/etc/tmpfiles.d/60-runup.conf";

pub(super) fn commands(changes: &[Change], host: &Host<'_>) -> Option<String> {
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

pub(super) fn persist(changes: &[Change]) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for change in changes {
        match &change.target {
            Target::Sysctl(key) => lines.push(format!("{SYSCTL_D}: {}", sysctl_line(key, change))),
            Target::Sysfs(path) => lines.push(format!("{TMPFILES_D}: {}", tmpfiles_line(path, change))),
            Target::Swap => lines.push("/etc/fstab: remove or comment out the lines of type swap".to_owned()),
            Target::Cgroup(_) | Target::Limit(..) => {}
        }
    }
    for wanted in limits(changes) {
        let (resource, (soft, hard)) = (wanted.resource, wanted.both());
        for line in limits_lines(resource, soft, hard) {
            // `*` does not stand for root there.
            let root = line.replacen('*', "root", 1);
            lines.extend([format!("{LIMITS_D}: {line}"), format!("{LIMITS_D}: {root}")]);
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A line of sysctl.d(5).
pub(crate) fn sysctl_line(key: &str, change: &Change) -> String {
    format!("{key} = {}", value(change))
}

/// A line of tmpfiles.d(5), where `%` begins a specifier.
pub(crate) fn tmpfiles_line(path: &str, change: &Change) -> String {
    format!(
        "w {} - - - - {}",
        path.replace('%', "%%"),
        value(change).replace('%', "%%")
    )
}

/// The lines of limits.conf(5); none for a resource that it lacks.
pub(crate) fn limits_lines(resource: Resource, soft: &str, hard: &str) -> Vec<String> {
    let name = resource.limits_conf_name();
    let line = |name, side, bound| format!("* {side} {name} {}", in_limits_conf_unit(resource, bound));
    name.map_or_else(Vec::new, |name| {
        vec![line(name, "soft", soft), line(name, "hard", hard)]
    })
}

/// limits.conf(5) counts most sizes in KiB, processor time in minutes, and niceness as programs do.
fn in_limits_conf_unit(resource: Resource, text: &str) -> String {
    let sized = matches!(
        resource,
        Resource::As
            | Resource::Core
            | Resource::Data
            | Resource::Fsize
            | Resource::Memlock
            | Resource::Rss
            | Resource::Stack
    );
    match text.parse::<u128>() {
        Ok(bytes) if sized => bytes.div_ceil(1024).to_string(),
        Ok(seconds) if resource == Resource::Cpu => seconds.div_ceil(60).to_string(),
        Ok(ceiling) if resource == Resource::Nice => (20 - i128::try_from(ceiling).unwrap_or(40).min(40)).to_string(),
        _ => text.to_owned(),
    }
}
