//! A shell on a Linux host, and the files that make a change last.

use super::{limits, quote, soft_and_hard, sudo, value};
use crate::host::Host;
use crate::rule::{Change, Target};

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
    for (resource, soft, hard) in limits(changes) {
        // A shell can set its own limits; prlimit says it in one command, and raises the hard one where it may.
        let (soft, hard) = (soft.unwrap_or(""), hard.unwrap_or(""));
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
            Target::Sysctl(key) => lines.push(format!("/etc/sysctl.d/60-runup.conf: {key} = {}", value(change))),
            Target::Sysfs(path) => lines.push(format!(
                "/etc/tmpfiles.d/60-runup.conf: w {path} - - - - {}",
                value(change)
            )),
            Target::Swap => lines.push("/etc/fstab: remove or comment out the lines of type swap".to_owned()),
            Target::Cgroup(_) | Target::Limit(..) => {}
        }
    }
    for (resource, soft, hard) in limits(changes) {
        let Some(name) = resource.limits_conf_name() else {
            continue;
        };
        let (soft, hard) = soft_and_hard(soft, hard);
        // `*` does not stand for root there.
        for who in ["*", "root"] {
            for (side, text) in [("soft", soft), ("hard", hard)] {
                let number = in_limits_conf_unit(resource, text);
                lines.push(format!(
                    "/etc/security/limits.d/60-runup.conf: {who} {side} {name} {number}"
                ));
            }
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// limits.conf(5) counts most sizes in KiB.
fn in_limits_conf_unit(resource: crate::system::Resource, text: &str) -> String {
    use crate::system::Resource;
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
        _ => text.to_owned(),
    }
}
