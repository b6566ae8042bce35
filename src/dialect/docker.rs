//! Flags for `docker run` and `podman run`.

use super::page::{Basis, Format, Page, elsewhere};
use super::{pairs, shell::setting};
use crate::catalogue::{self, Namespace};
use crate::change::{Change, Target};
use crate::host::{Host, Runtime};
use crate::system::{Os, Resource};
use crate::value::Number;

pub(crate) fn command(changes: &[Change], host: &Host<'_>) -> Option<String> {
    let flags = flags(changes, host);
    // The two take the same flags, and a machine with Podman may have no other.
    let program = match host.runtime() {
        Some(Runtime::Podman) => "podman",
        Some(_) | None => "docker",
    };
    (!flags.is_empty()).then(|| format!("{program} run {} ...", flags.join(" ")))
}

/// The flags, each with its value.
fn flags(changes: &[Change], host: &Host<'_>) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for change in changes {
        match &change.target {
            Target::Sysctl(key) => {
                if own(key, host) {
                    flags.push(format!("--sysctl {}", setting(key, change)));
                }
            }
            Target::Cgroup(file) => {
                flags.extend(cgroup(file, &change.to).map(|(flag, _, value)| format!("{flag} {value}")))
            }
            Target::Limit(..) | Target::Sysfs(_) | Target::Swap => {}
        }
    }
    for (resource, soft, hard) in pairs(changes) {
        flags.push(format!("--ulimit {}={}:{}", resource.name(), bound(soft), bound(hard)));
    }
    flags
}

/// A bound as runtimes write it.
pub(crate) fn bound(text: &str) -> &str {
    if text == "unlimited" { "-1" } else { text }
}

/// A limit of a cgroup: the flag, the key in a Compose file, and the value.
pub(crate) fn cgroup<'a>(file: &str, to: &'a str) -> Option<(&'static str, &'static str, &'a str)> {
    let or = |without: &'a str| if to == "max" { without } else { to };
    match file.rsplit('/').next() {
        Some("pids.max") => Some(("--pids-limit", "pids_limit", or("-1"))),
        Some("memory.max") => Some(("--memory", "mem_limit", or("0"))),
        _ => None,
    }
}

/// Whether a container has a value of its own for a key, which a runtime can be asked to set.
pub(crate) fn own(key: &str, host: &Host<'_>) -> bool {
    let kernel = host.system.platform().kernel_or_oldest();
    match catalogue::lookup(Os::Linux, key) {
        Some(known) => matches!(known.namespace_on(kernel), Namespace::Net | Namespace::Ipc),
        None => key.starts_with("net."),
    }
}

/// What to know of a limit that not every runtime gives alike: the flag that raises Docker's soft limit on open files lowers
/// another runtime's.
pub(crate) fn runtimes_differ(page: &Page<'_>, resource: Resource, soft: &str, hard: &str) -> Option<String> {
    let above = |text: &str| Number::parse(text).is_ok_and(|number| number >= Number::Finite(MOST_OPEN_FILES));
    let unlike = resource == Resource::Nofile && !page.runtime_known;
    (unlike && !above(soft)).then(|| {
        format!(
            "nofile: {soft}:{hard} is for runtimes that give 1024:524288, as Docker does since 25 and containerd since 2.0; \
             Podman as root and older ones give {MOST_OPEN_FILES} by themselves: leave it out there (--host with a recording \
             of such a container does)"
        )
    })
}

/// Descriptors that the most generous runtime gives: the kernel's default of `fs.nr_open`.
const MOST_OPEN_FILES: i128 = 1_048_576;

/// What a container is not given because it is the host's.
pub(crate) fn not_a_containers(target: &Target) -> String {
    match target {
        Target::Sysctl(_) => "it is the host's, and no container has its own: --to sysctl.d there".to_owned(),
        Target::Sysfs(_) => "it is the host's, and no container has its own: --to tmpfiles.d there".to_owned(),
        other => elsewhere(other),
    }
}

/// The network interface that a key is about, but for `all` and `default`.
pub(crate) fn interface(key: &str) -> Option<&str> {
    let mut segments = key.split('.');
    let (net, _, table) = (segments.next()?, segments.next()?, segments.next()?);
    let name = segments.next()?;
    segments.next()?;
    (net == "net" && matches!(table, "conf" | "neigh") && !matches!(name, "all" | "default")).then_some(name)
}

/// Why what starts a container cannot set something; `None` where it can. `unsaid` is said of what it has no word for.
pub(crate) fn container_refuses(target: &Target, unsaid: &str, host: &Host<'_>) -> Option<String> {
    match target {
        Target::Sysctl(key) => runtime_refuses(key, host),
        Target::Limit(..) => None,
        Target::Cgroup(file) => cgroup(file, "").is_none().then(|| unsaid.to_owned()),
        other => Some(not_a_containers(other)),
    }
}

/// Whether a container's runtime can set a key; if not, why.
fn runtime_refuses(key: &str, host: &Host<'_>) -> Option<String> {
    if !own(key, host) {
        return Some(not_a_containers(&Target::Sysctl(key.to_owned())));
    }
    let known = catalogue::lookup(Os::Linux, key);
    if let (Some(kernel), Some(known)) = (host.system.platform().kernel(), known)
        && !known.exists_on(kernel.major_minor())
    {
        return Some(format!("kernel {kernel} has no such key"));
    }
    interface(key).map(|name| format!("the interface {name} is this machine's; a container's own comes later"))
}

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
        container_refuses(target, "no flag of a runtime says it", host)
    }

    fn write(&self, page: &Page<'_>) -> String {
        format!("{}\n", flags(&page.changes(), page.host).join(" "))
    }
}
