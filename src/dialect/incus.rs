//! Configuration of a container of Incus or LXD, which share it: `linux.sysctl.*`, `limits.kernel.*` and others.

use super::docker::{cgroup, container_refuses, own};
use super::page::{Basis, Format, Page, commented};
use super::shell::quote;
use super::{pairs, value};
use crate::change::{Change, Target};
use crate::host::{Host, Runtime};

/// The commands for this container, whose name nothing in it tells for sure.
pub(crate) fn commands(changes: &[Change], host: &Host<'_>) -> Option<String> {
    // LXD's client is named after what it began with.
    let client = match host.runtime() {
        Some(Runtime::Lxd) => "lxc",
        Some(_) | None => "incus",
    };
    let mut lines: Vec<String> = settings(changes, host)
        .map(|(key, value)| format!("{client} config set NAME {key} {}", quote(&value)))
        .collect();
    if lines.is_empty() {
        return None;
    }
    lines.push(format!("{client} restart NAME"));
    Some(lines.join("\n"))
}

/// Keys of the configuration with their values.
fn settings<'a>(changes: &'a [Change], host: &'a Host<'_>) -> impl Iterator<Item = (String, String)> + 'a {
    let single = changes.iter().filter_map(|change| match &change.target {
        Target::Sysctl(key) if own(key, host) => Some(sysctl(key, change)),
        Target::Cgroup(file) => of_cgroup(file, &change.to),
        Target::Sysctl(_) | Target::Limit(..) | Target::Sysfs(_) | Target::Swap => None,
    });
    single.chain(pairs(changes).map(|(resource, soft, hard)| limit(resource.name(), soft, hard)))
}

fn sysctl(key: &str, change: &Change) -> (String, String) {
    (format!("linux.sysctl.{key}"), value(change))
}

fn limit(resource: &str, soft: &str, hard: &str) -> (String, String) {
    let both = match soft == hard {
        true => hard.to_owned(),
        false => format!("{soft}:{hard}"),
    };
    (format!("limits.kernel.{resource}"), both)
}

fn of_cgroup(file: &str, to: &str) -> Option<(String, String)> {
    let key = match cgroup(file, to)?.1 {
        "pids_limit" => "limits.processes",
        _ => "limits.memory",
    };
    // A key that is not set limits nothing.
    Some((key.to_owned(), if to == "max" { String::new() } else { to.to_owned() }))
}

/// A profile of Incus or LXD, as `incus profile edit` takes it.
#[derive(Debug)]
pub struct Incus;

impl Format for Incus {
    fn name(&self) -> &'static str {
        "incus"
    }

    fn basis(&self) -> Basis {
        Basis::Container
    }

    fn refuses(&self, target: &Target, _asked: &str, host: &Host<'_>) -> Option<String> {
        container_refuses(target, "no key of a container's configuration says it", host)
    }

    fn write(&self, page: &Page<'_>) -> String {
        let name = page.slug();
        let mut out = format!(
            "# {title}\n\
             # incus profile create {name}; incus profile edit {name} < THIS; incus profile add CONTAINER {name}\n\
             # with LXD: lxc instead of incus. It counts when the container starts again.\n\
             config:{}\n",
            if page.entries.is_empty() { " {}" } else { "" },
            title = page.title(),
        );
        let mut set = |comments: &[String], (key, value): (String, String)| {
            commented(comments, "  # ", &mut out);
            commented([format!("{key}: \"{value}\"")], "  ", &mut out);
        };
        for (key, entry) in page.sysctls() {
            set(&entry.comments, sysctl(key, &entry.change));
        }
        for (resource, soft, hard, comments) in page.limits() {
            set(&comments, limit(resource.name(), &soft, &hard));
        }
        for entry in &page.entries {
            if let Target::Cgroup(file) = &entry.change.target
                && let Some(setting) = of_cgroup(file, &entry.change.to)
            {
                set(&entry.comments, setting);
            }
        }
        commented(page.leftovers(), "# ", &mut out);
        out
    }
}
