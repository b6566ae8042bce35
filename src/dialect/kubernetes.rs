//! What a pod's manifest or the node's kubelet must say.

use std::fmt::Write as _;

use super::docker::{interface, not_a_containers};
use super::page::{Basis, Format, Page, commented};
use super::shell::setting;
use super::{docker, limits, value};
use crate::catalogue::{self, Namespace};
use crate::change::{Change, Target};
use crate::host::Host;
use crate::system::Os;

pub(crate) fn manifest(changes: &[Change], host: &Host<'_>) -> Option<String> {
    let (mut safe, mut notes): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for change in changes {
        match &change.target {
            Target::Sysctl(key) if docker::own(key, host) => {
                safe.push(format!("    {}", sysctl(key, change).replace('\n', "\n    ")));
                notes.push(format!("# {}", permission(key)));
            }
            Target::Sysctl(name) | Target::Sysfs(name) => {
                notes.push(format!("# {name} belongs to the node: set it there, not in a pod"));
            }
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
pub(crate) fn sysctl(key: &str, change: &Change) -> String {
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
        "a pod cannot set the limit {name}; `runup exec` raises it in the container up to the hard limit; \
         for more, the node's container runtime must give {bound} by default"
    )
}

/// A pod with what the profile asks for, and a container that stands for yours.
#[derive(Debug)]
pub struct Kubernetes;

/// How a pod comes to a sysctl.
enum Way {
    /// `securityContext.sysctls`.
    Field,
    /// A privileged init container: the namespace is the pod's, and no field sets it.
    Init,
}

fn way(key: &str, host: &Host<'_>) -> Result<Way, String> {
    if docker::own(key, host) {
        return match interface(key) {
            None => Ok(Way::Field),
            // What every pod has, once its network is there.
            Some("eth0" | "lo") => Ok(Way::Init),
            Some(name) => Err(format!(
                "the interface {name} is this machine's, and a pod has none of this name"
            )),
        };
    }
    match catalogue::lookup(Os::Linux, key).map(|known| known.namespace) {
        Some(Namespace::Uts) => Ok(Way::Init),
        _ => Err(not_a_containers(&Target::Sysctl(key.to_owned()))),
    }
}

impl Format for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn basis(&self) -> Basis {
        Basis::Container
    }

    fn refuses(&self, target: &Target, asked: &str, host: &Host<'_>) -> Option<String> {
        match target {
            Target::Sysctl(key) => way(key, host).err(),
            Target::Limit(resource, _) => Some(no_limit(resource.name(), asked)),
            Target::Cgroup(file) => match file.rsplit('/').next() {
                Some("memory.max") if asked != "max" => None,
                Some("memory.max") => Some("a container without a limit has none".to_owned()),
                Some("pids.max") => Some("podPidsLimit of the node's kubelet".to_owned()),
                _ => Some("no field of a pod says it".to_owned()),
            },
            other => Some(not_a_containers(other)),
        }
    }

    fn write(&self, page: &Page<'_>) -> String {
        let (init, fields): (Vec<_>, Vec<_>) = page
            .sysctls()
            .partition(|(key, _)| matches!(way(key, page.host), Ok(Way::Init)));
        let mut out = format!(
            "# {}\n# the container `app` stands for yours\napiVersion: v1\nkind: Pod\nmetadata:\n  name: runup-{}\nspec:\n",
            page.title(),
            page.slug()
        );
        if !fields.is_empty() {
            out.push_str("  securityContext:\n    sysctls:\n");
        }
        for (key, entry) in fields {
            commented(&entry.comments, "    # ", &mut out);
            commented(&[permission(key)], "    # ", &mut out);
            commented(sysctl(key, &entry.change).lines(), "    ", &mut out);
        }
        if !init.is_empty() {
            out.push_str(
                "  initContainers:\n  # privileged, for what is the pod's own and no field of a pod sets\n  \
                 - name: runup\n    image: busybox:stable\n    securityContext:\n      privileged: true\n    \
                 command:\n    - sh\n    - -ec\n    - |\n",
            );
        }
        for (key, entry) in init {
            commented(&entry.comments, "      # ", &mut out);
            let _ = writeln!(out, "      sysctl -w {}", setting(key, &entry.change));
        }
        out.push_str("  containers:\n  - name: app\n    image: example.com/app:latest\n");
        for entry in &page.entries {
            if matches!(entry.change.target, Target::Cgroup(_)) {
                out.push_str("    resources:\n      limits:\n");
                commented(&entry.comments, "        # ", &mut out);
                let _ = writeln!(out, "        memory: \"{}\"", entry.change.to);
            }
        }
        commented(page.leftovers(), "# ", &mut out);
        out
    }
}
