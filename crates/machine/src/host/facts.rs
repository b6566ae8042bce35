//! Facts: names that expressions may use, each looked up on first use.

use std::cell::OnceCell;

use super::Host;
use crate::expr::{Term, TermType};
use crate::system::Os;
use crate::value::{Dimension, Version};

/// A fact that expressions may use.
#[derive(Debug)]
pub struct FactInfo {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: TermType,
    /// What it is.
    pub doc: &'static str,
    get: fn(&Host<'_>) -> Option<Term>,
}

/// Every fact, by name.
pub static FACTS: &[FactInfo] = &[
    FactInfo {
        name: "arch",
        kind: TermType::Text,
        doc: "the machine: \"x86_64\", \"aarch64\"",
        get: |host| text(&host.system.platform().arch),
    },
    FactInfo {
        name: "container",
        kind: TermType::Bool,
        doc: "whether this is a container",
        get: |host| Some(Term::Bool(host.engine().is_some())),
    },
    FactInfo {
        name: "container_engine",
        kind: TermType::Text,
        doc: "\"docker\", \"podman\", \"kubernetes\" ..., or \"\" outside a container",
        get: |host| text(host.engine().unwrap_or("")),
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
        get: |host| text(&host.release("ID")),
    },
    FactInfo {
        name: "distro_version",
        kind: TermType::Version,
        doc: "VERSION_ID of os-release",
        get: |host| Some(Term::Version(Version::parse(&host.release("VERSION_ID")))),
    },
    FactInfo {
        name: "kernel",
        kind: TermType::Version,
        doc: "the kernel's version",
        get: |host| Some(Term::Version(Version::parse(&host.system.platform().release))),
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
        get: |host| Some(count(host.numa_nodes())),
    },
    FactInfo {
        name: "os",
        kind: TermType::Text,
        doc: "\"linux\", \"macos\" or \"freebsd\"",
        get: |host| text(host.system.platform().os.name()),
    },
    FactInfo {
        name: "page_size",
        kind: TermType::Number(Dimension::Bytes),
        doc: "bytes in a page of memory",
        get: |host| Some(bytes(u64::from(host.system.platform().page_size))),
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
        get: |host| Some(Term::Bool(host.system.identity().uid == 0)),
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
        get: |host| Some(Term::Bool(host.system.stat("/run/systemd/system").is_ok())),
    },
    FactInfo {
        name: "virt",
        kind: TermType::Text,
        doc: "the hypervisor (\"kvm\", \"xen\", \"vmware\", \"microsoft\" ..., or \"vm\" where it cannot be told), \"\" on bare metal",
        get: |host| text(host.virt().unwrap_or("")),
    },
];

#[derive(Default)]
pub(super) struct Cache {
    values: OnceCell<Vec<OnceCell<Option<Term>>>>,
    virt: OnceCell<Option<String>>,
    meminfo: OnceCell<String>,
    os_release: OnceCell<String>,
    cpus: OnceCell<Option<u64>>,
    ram: OnceCell<Option<u64>>,
}

impl Host<'_> {
    /// The value of a fact; `None` where there is no such fact, or it cannot be learned here.
    pub fn fact(&self, name: &str) -> Option<Term> {
        let at = FACTS.binary_search_by(|fact| fact.name.cmp(name)).ok()?;
        let cells = self
            .facts
            .values
            .get_or_init(|| FACTS.iter().map(|_| OnceCell::new()).collect());
        cells[at].get_or_init(|| (FACTS[at].get)(self)).clone()
    }

    /// Processors that this process may use: affinity, and the tightest cgroup quota rounded up.
    pub fn cpus(&self) -> Option<u64> {
        *self.facts.cpus.get_or_init(|| {
            let usable = self.system.usable_cpus().ok().map(u64::from)?;
            let quota = self.cpu_limit().and_then(|quota| quota.limit.finite());
            // A quota of one and a half processors keeps two busy.
            let quota = quota.and_then(|quota| u64::try_from((quota + 9_999).div_euclid(10_000)).ok());
            Some(quota.map_or(usable, |quota| usable.min(quota.max(1))))
        })
    }

    /// Memory that this process may use, in bytes: the machine's, or the tightest cgroup limit.
    pub fn ram(&self) -> Option<u64> {
        *self.facts.ram.get_or_init(|| {
            let total = self.machine_ram()?;
            let limit = self
                .memory_limit()
                .and_then(|limit| u64::try_from(limit.limit.finite()?).ok());
            Some(limit.map_or(total, |limit| total.min(limit)))
        })
    }

    /// Memory of the machine, in bytes.
    pub fn machine_ram(&self) -> Option<u64> {
        match self.system.platform().os {
            Os::Linux => self.meminfo("MemTotal"),
            Os::Macos => self.system.sysctl("hw.memsize").ok()?.trim().parse().ok(),
            Os::Freebsd => self.system.sysctl("hw.physmem").ok()?.trim().parse().ok(),
        }
    }

    /// A line of `/proc/meminfo`, in bytes.
    pub fn meminfo(&self, name: &str) -> Option<u64> {
        let text = self
            .facts
            .meminfo
            .get_or_init(|| self.text("/proc/meminfo").unwrap_or_default());
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let mut words = line.split_ascii_whitespace();
        let number: u64 = words.next()?.parse().ok()?;
        Some(if words.next() == Some("kB") {
            number * 1024
        } else {
            number
        })
    }

    /// NUMA nodes that are online.
    pub fn numa_nodes(&self) -> u64 {
        let Some(list) = self.text("/sys/devices/system/node/online") else {
            return 1;
        };
        crate::value::PortSet::parse(&list).map_or(1, |set| u64::from(set.len()).max(1))
    }

    /// The hypervisor; `None` on bare metal.
    pub fn virt(&self) -> Option<&str> {
        let found = self.facts.virt.get_or_init(|| {
            if let Some(kind) = self.text("/sys/hypervisor/type").filter(|kind| !kind.is_empty()) {
                return Some(kind);
            }
            let vendor = self.text("/sys/class/dmi/id/sys_vendor").unwrap_or_default();
            let product = self.text("/sys/class/dmi/id/product_name").unwrap_or_default();
            const KNOWN: &[(&str, &str)] = &[
                ("KVM", "kvm"),
                ("QEMU", "qemu"),
                ("Amazon EC2", "amazon"),
                ("VMware", "vmware"),
                ("innotek", "virtualbox"),
                ("VirtualBox", "virtualbox"),
                ("Xen", "xen"),
                ("Bochs", "bochs"),
                ("Parallels", "parallels"),
                ("BHYVE", "bhyve"),
                ("Google Compute Engine", "google"),
                ("OpenStack", "openstack"),
                ("Hetzner", "kvm"),
                ("Virtual Machine", "microsoft"),
            ];
            let named = KNOWN
                .iter()
                .find(|(mark, _)| vendor.contains(mark) || product.contains(mark));
            if let Some((_, name)) = named {
                return Some((*name).to_owned());
            }
            // Firecracker and other small machines have no DMI; the processor's flag is all there is.
            let flags = self.text("/proc/cpuinfo")?;
            let guest = flags
                .lines()
                .find(|line| line.starts_with("flags"))
                .is_some_and(|line| line.split(' ').any(|flag| flag == "hypervisor"));
            guest.then(|| {
                let clock = self
                    .text("/sys/devices/system/clocksource/clocksource0/available_clocksource")
                    .unwrap_or_default();
                if clock.contains("kvm-clock") {
                    "kvm".to_owned()
                } else {
                    "vm".to_owned()
                }
            })
        });
        found.as_deref()
    }

    /// A field of os-release; empty where there is none.
    pub fn release(&self, field: &str) -> String {
        let text = self.facts.os_release.get_or_init(|| {
            self.text("/etc/os-release")
                .or_else(|| self.text("/usr/lib/os-release"))
                .unwrap_or_default()
        });
        let found = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix('='));
        found
            .map(|value| value.trim_matches(['"', '\'']).to_owned())
            .unwrap_or_default()
    }
}

fn text(value: &str) -> Option<Term> {
    Some(Term::Text(value.to_owned()))
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
