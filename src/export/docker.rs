//! Flags for `docker run` and `podman run`.

use crate::dialect::docker;
use crate::dialect::docker::{not_a_containers, runtime_refuses};
use crate::dialect::page::{Basis, Format, Page};
use crate::host::Host;
use crate::rule::Target;

/// Flags in one line, and nothing else: a line that is put into another has no room for comments.
#[derive(Debug)]
pub struct Docker;

impl Format for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn basis(&self) -> Basis {
        Basis::Container
    }

    fn refuses(&self, target: &Target, _asked: &str, host: &Host<'_>) -> Option<String> {
        refuses(target, host)
    }

    fn write(&self, page: &Page<'_>) -> String {
        format!("{}\n", docker::flags(&page.changes(), page.host).join(" "))
    }
}

/// What neither a flag nor a Compose file says.
pub(super) fn refuses(target: &Target, host: &Host<'_>) -> Option<String> {
    match target {
        Target::Sysctl(key) => runtime_refuses(key, host),
        Target::Limit(..) => None,
        Target::Cgroup(file) => {
            let known = docker::cgroup(file, "").is_some();
            (!known).then(|| "no flag of a runtime says it".to_owned())
        }
        other => Some(not_a_containers(other)),
    }
}
