//! Facts: names that expressions may use, each looked up on first use.

use std::cell::OnceCell;

use super::{Host, virt};
use crate::expr::{Term, TermType};
use crate::failure::{Failure, Why};
use crate::system::{Os, Resource};
use crate::value::{Dimension, PortSet, Version};

/// A fact that expressions may use.
#[derive(Debug)]
pub struct FactInfo {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: TermType,
    /// What it is.
    pub doc: &'static str,
    get: fn(&Host<'_>) -> Result<Term, Failure>,
}

/// Every fact, by name.
pub static FACTS: &[FactInfo] = &[
    FactInfo {
        name: "arch",
        kind: TermType::Text,
        doc: "the machine: \"x86_64\", \"aarch64\"",
        get: |host| {
            let arch = host.system.platform().arch.as_deref();
            arch.map(text).ok_or(Failure::untold("which kind of machine this is"))
        },
    },
    FactInfo {
        name: "container",
        kind: TermType::Bool,
        doc: "whether this is a container",
        get: |host| Ok(Term::Bool(host.engine().is_some())),
    },
    FactInfo {
        name: "container_engine",
        kind: TermType::Text,
        doc: "\"docker\", \"podman\", \"kubernetes\", \"lxc\", \"lxd\", \"incus\", \"systemd-nspawn\" ..., or \"\" outside a container",
        get: |host| Ok(text(host.engine().unwrap_or(""))),
    },
    FactInfo {
        name: "cpus",
        kind: TermType::Number(Dimension::None),
        doc: "processors that this process may use: affinity and the cgroup's quota, rounded up",
        get: |host| host.cpus().map(count),
    },
    FactInfo {
        name: "distro",
        kind: TermType::Text,
        doc: "ID of os-release: \"debian\", \"alpine\"; \"\" where there is none",
        get: |host| host.release("ID").map(|id| text(&id)),
    },
    FactInfo {
        name: "distro_version",
        kind: TermType::Version,
        doc: "VERSION_ID of os-release",
        get: |host| {
            host.release("VERSION_ID")
                .map(|version| Term::Version(Version::parse(&version)))
        },
    },
    FactInfo {
        name: "huge_pages_taken",
        kind: TermType::Number(Dimension::None),
        doc: "huge pages of the usual size that programs hold or have reserved; 0 where the kernel has none",
        get: |host| host.huge_pages_taken().map(count),
    },
    FactInfo {
        name: "kernel",
        kind: TermType::Version,
        doc: "the kernel's version",
        get: |host| host.kernel().map(Term::Version),
    },
    FactInfo {
        name: "kubelet",
        kind: TermType::Bool,
        doc: "whether a kubelet has run on this machine: it keeps its pods in /var/lib/kubelet/pods",
        get: |host| match host.system.stat("/var/lib/kubelet/pods") {
            Ok(_) => Ok(Term::Bool(true)),
            Err(Failure::Absent) => Ok(Term::Bool(false)),
            Err(failure) => Err(failure),
        },
    },
    FactInfo {
        name: "machine_ram",
        kind: TermType::Number(Dimension::Bytes),
        doc: "memory of the machine, whatever a cgroup allows this process",
        get: |host| host.machine_ram().map(bytes),
    },
    FactInfo {
        name: "numa_nodes",
        kind: TermType::Number(Dimension::None),
        doc: "NUMA nodes that are online; 1 where the kernel tells of none",
        get: |host| host.numa_nodes().map(count),
    },
    FactInfo {
        name: "open_files",
        kind: TermType::Number(Dimension::None),
        doc: "the soft limit on open files; where it is unlimited, what the kernel lets one process open",
        get: |host| host.open_files().map(count),
    },
    FactInfo {
        name: "os",
        kind: TermType::Text,
        doc: "\"linux\", \"macos\" or \"freebsd\"",
        get: |host| Ok(text(host.system.platform().os.name())),
    },
    FactInfo {
        name: "page_size",
        kind: TermType::Number(Dimension::Bytes),
        doc: "bytes in a page of memory",
        get: |host| host.page_size().map(|size| bytes(u64::from(size))),
    },
    FactInfo {
        name: "ram",
        kind: TermType::Number(Dimension::Bytes),
        doc: "memory that this process may use: the machine's, or the cgroup's limit where that is lower",
        get: |host| host.ram().map(bytes),
    },
    FactInfo {
        name: "root",
        kind: TermType::Bool,
        doc: "whether runup runs as user 0",
        get: |host| Ok(Term::Bool(host.system.identity().uid == 0)),
    },
    FactInfo {
        name: "swap",
        kind: TermType::Number(Dimension::Bytes),
        doc: "swap space of the machine",
        get: |host| host.meminfo("SwapTotal").map(bytes),
    },
    FactInfo {
        name: "systemd",
        kind: TermType::Bool,
        doc: "whether systemd is the first process",
        get: |host| super::has_systemd(host.system).map(Term::Bool),
    },
    FactInfo {
        name: "virt",
        kind: TermType::Text,
        doc: "the hypervisor (\"kvm\", \"xen\", \"vmware\", \"microsoft\" ..., or \"vm\" where it cannot be told), \"\" on bare metal",
        get: |host| host.virt().map(|found| text(found.unwrap_or(""))),
    },
];

#[derive(Default)]
pub(super) struct Cache {
    values: OnceCell<Vec<OnceCell<Result<Term, Failure>>>>,
    virt: OnceCell<Result<Option<String>, Failure>>,
    meminfo: OnceCell<Result<String, Failure>>,
    os_release: OnceCell<Result<String, Failure>>,
    cpus: OnceCell<Result<u64, Failure>>,
    ram: OnceCell<Result<u64, Failure>>,
}

impl Host<'_> {
    /// The value of a fact; `None` where there is no fact of this name.
    ///
    /// # Errors
    /// It cannot be learned here.
    pub fn fact(&self, name: &str) -> Option<Result<Term, Failure>> {
        let at = FACTS.binary_search_by(|fact| fact.name.cmp(name)).ok()?;
        let cells = self
            .facts
            .values
            .get_or_init(|| FACTS.iter().map(|_| OnceCell::new()).collect());
        Some(cells[at].get_or_init(|| (FACTS[at].get)(self)).clone())
    }

    /// The kernel's version.
    ///
    /// # Errors
    /// Nothing tells: `uname` is refused, or a tree of files has neither `kernel.osrelease` nor `/proc/version`.
    pub fn kernel(&self) -> Result<Version, Failure> {
        let version = self.system.platform().kernel();
        version.ok_or(Failure::untold("which kernel this is"))
    }

    /// Bytes in a page of memory.
    ///
    /// # Errors
    /// Nothing tells: of a tree of files, only some kinds of machine have pages of one size.
    pub fn page_size(&self) -> Result<u32, Failure> {
        let size = self.system.platform().page_size;
        size.ok_or(Failure::untold("how large a page of memory is"))
    }

    /// Processors that this process may use: affinity, and the tightest cgroup quota rounded up.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn cpus(&self) -> Result<u64, Failure> {
        let found = self.facts.cpus.get_or_init(|| {
            let usable = self.system.usable_cpus().map(u64::from)?;
            let quota = of_process(self.cpu_limit())?.and_then(|quota| quota.limit.finite());
            // A quota of one and a half processors keeps two busy.
            let quota = quota.and_then(|quota| u64::try_from((quota + 9_999).div_euclid(10_000)).ok());
            Ok(quota.map_or(usable, |quota| usable.min(quota.max(1))))
        });
        found.clone()
    }

    /// Memory that this process may use, in bytes: the machine's, or the tightest cgroup limit.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn ram(&self) -> Result<u64, Failure> {
        let found = self.facts.ram.get_or_init(|| {
            let total = self.machine_ram()?;
            let limit = of_process(self.memory_limit())?.and_then(|limit| u64::try_from(limit.limit.finite()?).ok());
            Ok(limit.map_or(total, |limit| total.min(limit)))
        });
        found.clone()
    }

    /// Memory of the machine, in bytes.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn machine_ram(&self) -> Result<u64, Failure> {
        let key = match self.system.platform().os {
            Os::Linux => return self.meminfo("MemTotal"),
            Os::Macos => "hw.memsize",
            Os::Freebsd => "hw.physmem",
        };
        self.system.sysctl(key)?.trim().parse().map_err(|_| Failure::NotText)
    }

    /// A line of `/proc/meminfo`, in bytes.
    ///
    /// # Errors
    /// Any [`Failure`]; [`Failure::Absent`] where this kernel has no such line.
    pub fn meminfo(&self, name: &str) -> Result<u64, Failure> {
        let text = self.facts.meminfo.get_or_init(|| self.text("/proc/meminfo"));
        let text = text.as_ref().map_err(Clone::clone)?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let mut words = line.ok_or(Failure::Absent)?.split_ascii_whitespace();
        let number: u64 = words
            .next()
            .and_then(|word| word.parse().ok())
            .ok_or(Failure::NotText)?;
        Ok(if words.next() == Some("kB") {
            number * 1024
        } else {
            number
        })
    }

    /// Huge pages of the usual size that somebody has: in use, or promised to a mapping that does not use them yet.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn huge_pages_taken(&self) -> Result<u64, Failure> {
        let total = match self.meminfo("HugePages_Total") {
            // A kernel without them.
            Err(Failure::Absent) => return Ok(0),
            other => other?,
        };
        let reserved = match self.meminfo("HugePages_Rsvd") {
            Err(Failure::Absent) => 0,
            other => other?,
        };
        Ok(total.saturating_sub(self.meminfo("HugePages_Free")?) + reserved)
    }

    /// The soft limit on open files of the process that is looked at.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn open_files(&self) -> Result<u64, Failure> {
        let soft = self.system.limits(Resource::Nofile)?.soft;
        if let Some(soft) = soft.finite() {
            return u64::try_from(soft).map_err(|_| Failure::NotText);
        }
        let most = self.system.sysctl(match self.system.platform().os {
            Os::Linux => "fs.nr_open",
            Os::Macos | Os::Freebsd => "kern.maxfilesperproc",
        })?;
        most.trim().parse().map_err(|_| Failure::NotText)
    }

    /// NUMA nodes that are online; a kernel without them has one.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn numa_nodes(&self) -> Result<u64, Failure> {
        match self.told("/sys/devices/system/node/online")? {
            Some(list) => PortSet::parse(&list)
                .map(|set| u64::from(set.len()).max(1))
                .map_err(|_| Failure::NotText),
            None => match self.system.list("/sys/devices/system/node") {
                Ok(names) => {
                    let nodes = names.iter().filter(|name| {
                        let number = name.strip_prefix("node").unwrap_or_default();
                        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
                    });
                    Ok(u64::try_from(nodes.count()).unwrap_or(u64::MAX).max(1))
                }
                // A recording of a kernel without nodes was not asked for the directory.
                Err(failure) if failure == Failure::Absent || failure.is_not_recorded() => Ok(1),
                Err(failure) => Err(failure),
            },
        }
    }

    /// The hypervisor; `None` on bare metal.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn virt(&self) -> Result<Option<&str>, Failure> {
        let found = self.facts.virt.get_or_init(|| virt::find(self));
        found.as_ref().map(Option::as_deref).map_err(Clone::clone)
    }

    /// A field of os-release; empty where there is none.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn release(&self, field: &str) -> Result<String, Failure> {
        let text = self.facts.os_release.get_or_init(|| {
            let found = match self.told("/etc/os-release")? {
                Some(text) => Some(text),
                None => self.told("/usr/lib/os-release")?,
            };
            Ok(found.unwrap_or_default())
        });
        let text = text.as_ref().map_err(Clone::clone)?;
        let found = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix('='));
        Ok(found
            .map(|value| value.trim_matches(['"', '\'']).to_owned())
            .unwrap_or_default())
    }
}

/// A limit of the process that is looked at, as far as it can be seen from here. Of a tree of files nobody is a process, and nothing
/// limits it. A process that sees no cgroups (a chroot, a sandbox) may be limited all the same: numbers are computed from what is
/// seen, and the kinds that are about the limit itself ask for it themselves, and say that nobody can tell.
fn of_process<T>(limit: Result<Option<T>, Failure>) -> Result<Option<T>, Failure> {
    match limit {
        Err(Failure::CannotTell(Why::NotInTree(_) | Why::NotMounted(super::cgroup::MOUNT))) => Ok(None),
        other => other,
    }
}

fn text(value: &str) -> Term {
    Term::Text(value.to_owned())
}

fn count(value: u64) -> Term {
    Term::Number {
        amount: i128::from(value),
        dimension: Dimension::None,
    }
}

fn bytes(value: u64) -> Term {
    Term::Number {
        amount: i128::from(value),
        dimension: Dimension::Bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_sorted_by_name_so_that_they_can_be_searched() {
        assert!(FACTS.is_sorted_by_key(|fact| fact.name));
    }
}
