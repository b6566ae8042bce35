//! A shell on macOS or FreeBSD, and what makes a change last there.

use super::{limits, value};
use crate::change::{Change, Target};
use crate::system::{Os, Resource};
use crate::text::quote;

pub(crate) fn commands(changes: &[Change]) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for change in changes {
        if let Target::Sysctl(key) = &change.target {
            lines.push(format!("sudo sysctl {}", quote(&format!("{key}={}", value(change)))));
        }
    }
    for wanted in limits(changes) {
        let (resource, (soft, hard)) = (wanted.resource, wanted.both());
        if let Some(name) = launchd_name(resource) {
            lines.push(format!(
                "sudo launchctl limit {name} {soft} {hard}    # for what launchd starts from now on"
            ))
        }
        if let Some(flag) = resource.ulimit_flag() {
            lines.push(format!("ulimit -{flag} {soft}    # for this shell"));
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

pub(crate) fn persist(changes: &[Change], os: Os) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for change in changes {
        if let Target::Sysctl(key) = &change.target {
            lines.push(match os {
                Os::Freebsd => format!("/etc/sysctl.conf: {key}={}", value(change)),
                _ => format!(
                    "a LaunchDaemon that runs at load: /usr/sbin/sysctl {key}={}",
                    value(change)
                ),
            });
        }
    }
    for wanted in limits(changes) {
        let (resource, (soft, hard)) = (wanted.resource, wanted.both());
        if let (Some(name), Os::Macos) = (launchd_name(resource), os) {
            lines.push(format!(
                "a LaunchDaemon that runs at load: /bin/launchctl limit {name} {soft} {hard}"
            ));
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The name of a limit in launchctl(1).
pub(crate) fn launchd_name(resource: Resource) -> Option<&'static str> {
    Some(match resource {
        Resource::Nofile => "maxfiles",
        Resource::Nproc => "maxproc",
        Resource::Stack => "stack",
        Resource::Core => "core",
        Resource::Cpu => "cpu",
        Resource::Data => "data",
        Resource::Fsize => "filesize",
        Resource::Memlock => "memlock",
        Resource::Rss => "rss",
        _ => return None,
    })
}
