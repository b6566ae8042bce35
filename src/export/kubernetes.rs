//! A pod's manifest.

use std::fmt::Write as _;

use crate::catalogue::{self, Namespace};
use crate::dialect::docker::{interface, not_a_containers};
use crate::dialect::page::{Basis, Format, Page, commented};
use crate::dialect::{docker, kubernetes, value};
use crate::host::Host;
use crate::rule::Target;
use crate::system::Os;
use crate::text::quote;

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
            Target::Limit(resource, _) => Some(kubernetes::no_limit(resource.name(), asked)),
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
            commented(&[kubernetes::permission(key)], "    # ", &mut out);
            let lines: Vec<String> = kubernetes::entry(key, &entry.change)
                .lines()
                .map(str::to_owned)
                .collect();
            commented(&lines, "    ", &mut out);
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
            let _ = writeln!(
                out,
                "      sysctl -w {}",
                quote(&format!("{key}={}", value(&entry.change)))
            );
        }
        out.push_str("  containers:\n  - name: app\n    image: example.com/app:latest\n");
        for entry in &page.entries {
            if matches!(entry.change.target, Target::Cgroup(_)) {
                out.push_str("    resources:\n      limits:\n");
                commented(&entry.comments, "        # ", &mut out);
                let _ = writeln!(out, "        memory: \"{}\"", entry.change.to);
            }
        }
        commented(&page.leftovers(), "# ", &mut out);
        out
    }
}
