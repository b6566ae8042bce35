//! Lines of an LXC container's configuration: lxc.container.conf(5).
//!
//! Proxmox keeps them in `/etc/pve/lxc/ID.conf`, and takes only some: `lxc.prlimit.*` and `lxc.cgroup2.*` all of them, of `lxc.sysctl.*`
//! the keys of [`TAKEN_BY_PROXMOX`] and none of `net` (`PVE::LXC::Config`). What it does not take, the container sets for itself.

use super::docker::{cgroup, container_refuses, own};
use super::page::{Basis, Format, Page, spaced};
use super::{pairs, value};
use crate::change::{Change, Target};
use crate::host::Host;

/// Where the lines go.
const WHERE: &str =
    "/var/lib/lxc/NAME/config, or in Proxmox /etc/pve/lxc/ID.conf; they count when the container starts again";

/// The keys that Proxmox lets a container's configuration set.
const TAKEN_BY_PROXMOX: &[&str] = &[
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// What is said of keys that Proxmox does not take.
const NOT_IN_PROXMOX: &str =
    "Proxmox takes no such key in ID.conf: there a line of /etc/sysctl.d in the container sets it";

/// The lines, and where they go.
pub(crate) fn lines(changes: &[Change], host: &Host<'_>) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut is_taken = true;
    for change in changes {
        match &change.target {
            Target::Sysctl(key) if own(key, host) => {
                is_taken &= TAKEN_BY_PROXMOX.contains(&key.as_str());
                lines.push(sysctl(key, change));
            }
            Target::Cgroup(file) => lines.extend(of_cgroup(file, &change.to)),
            Target::Sysctl(_) | Target::Limit(..) | Target::Sysfs(_) | Target::Swap => {}
        }
    }
    lines.extend(pairs(changes).map(|(resource, soft, hard)| limit(resource.name(), soft, hard)));
    if lines.is_empty() {
        return None;
    }
    lines.push(format!("# {WHERE}"));
    if !is_taken {
        lines.push(format!("# {NOT_IN_PROXMOX}"));
    }
    Some(lines.join("\n"))
}

fn sysctl(key: &str, change: &Change) -> String {
    format!("lxc.sysctl.{key} = {}", value(change))
}

fn limit(resource: &str, soft: &str, hard: &str) -> String {
    match soft == hard {
        true => format!("lxc.prlimit.{resource} = {hard}"),
        false => format!("lxc.prlimit.{resource} = {soft}:{hard}"),
    }
}

fn of_cgroup(file: &str, to: &str) -> Option<String> {
    cgroup(file, to)?;
    let name = file.rsplit('/').next().unwrap_or(file);
    Some(format!("lxc.cgroup2.{name} = {to}"))
}

/// Lines for a container's configuration.
#[derive(Debug)]
pub struct Lxc;

impl Format for Lxc {
    fn name(&self) -> &'static str {
        "lxc"
    }

    fn basis(&self) -> Basis {
        Basis::Container
    }

    fn refuses(&self, target: &Target, _asked: &str, host: &Host<'_>) -> Option<String> {
        container_refuses(target, "no line of LXC says it", host)
    }

    fn write(&self, page: &Page<'_>) -> String {
        let sysctls = page.sysctls().map(|(key, entry)| {
            let mut comments = entry.comments.clone();
            if !TAKEN_BY_PROXMOX.contains(&key) {
                comments.push(NOT_IN_PROXMOX.to_owned());
            }
            (comments, vec![sysctl(key, &entry.change)])
        });
        let limits = page.limits().into_iter();
        let limits =
            limits.map(|(resource, soft, hard, comments)| (comments, vec![limit(resource.name(), &soft, &hard)]));
        let cgroups = page.entries.iter().filter_map(|entry| match &entry.change.target {
            Target::Cgroup(file) => Some((entry.comments.clone(), vec![of_cgroup(file, &entry.change.to)?])),
            Target::Sysctl(_) | Target::Limit(..) | Target::Sysfs(_) | Target::Swap => None,
        });
        page.in_lines(WHERE, &spaced(sysctls.chain(limits).chain(cgroups)))
    }
}
