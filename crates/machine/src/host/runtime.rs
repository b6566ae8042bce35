//! What started a container, as far as it decides who gives the container its values, and whether it has a next boot of its own.

use super::{Host, Mount, has_systemd};
use crate::catalogue::{self, Namespace};
use crate::system::Os;

/// What started a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// Docker, and what nobody can tell from it.
    Docker,
    /// Podman.
    Podman,
    /// A kubelet.
    Kubernetes,
    /// LXC by itself, or Proxmox, which nothing in the container tells from it for sure.
    Lxc,
    /// LXD.
    Lxd,
    /// Incus.
    Incus,
    /// systemd-nspawn.
    Nspawn,
}

impl Runtime {
    /// The runtime by the name that [`Host::engine`] gives.
    #[must_use]
    pub fn of(engine: &str) -> Self {
        match engine {
            "podman" => Runtime::Podman,
            "kubernetes" => Runtime::Kubernetes,
            "lxc" | "lxc-libvirt" => Runtime::Lxc,
            "lxd" => Runtime::Lxd,
            "incus" => Runtime::Incus,
            "systemd-nspawn" => Runtime::Nspawn,
            _ => Runtime::Docker,
        }
    }

    /// Whether it makes containers that are used as machines are: with an init of their own, logins, and a disk that outlives a
    /// restart.
    #[must_use]
    pub fn makes_machines(self) -> bool {
        match self {
            Runtime::Lxc | Runtime::Lxd | Runtime::Incus | Runtime::Nspawn => true,
            Runtime::Docker | Runtime::Podman | Runtime::Kubernetes => false,
        }
    }
}

/// A container in words: `a docker container`, `an LXC container`.
#[must_use]
pub fn in_words(engine: &str) -> String {
    let name = match engine {
        "container" => return "a container".to_owned(),
        "lxc" => "LXC",
        "lxd" => "LXD",
        "incus" => "Incus",
        "lxc-libvirt" => "LXC (libvirt)",
        "openvz" => "OpenVZ",
        other => other,
    };
    // The letters of an abbreviation are spoken one by one: an L, an LXC container.
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']) || name.starts_with("LX");
    format!("{} {name} container", if vowel { "an" } else { "a" })
}

impl Host<'_> {
    /// What started this container; `None` where this is none.
    pub fn runtime(&self) -> Option<Runtime> {
        self.engine().map(Runtime::of)
    }

    /// Whether files that are read at boot mean something here. A container that systemd starts in reads them at each start, where its
    /// disk is still the same then. Whoever starts any other container gives it its values.
    pub fn has_next_boot(&self) -> bool {
        match self.runtime() {
            None => true,
            Some(runtime) if runtime.makes_machines() || runtime == Runtime::Podman => {
                has_systemd(self.system) == Ok(true)
            }
            Some(_) => false,
        }
    }

    /// Whether the files of sysctl.d are read when this starts: systemd-sysctl leaves them where `/proc/sys/net` is read-only.
    pub(super) fn reads_sysctls_at_boot(&self) -> bool {
        match self.engine() {
            None => true,
            Some(_) => self.has_next_boot() && !self.is_read_only("/proc/sys/net"),
        }
    }

    /// Whether the next boot can set a key: on a host any, in a container what is its own and not read-only there.
    pub fn sets_at_boot(&self, key: &str) -> bool {
        if self.engine().is_none() {
            return true;
        }
        let namespace = match catalogue::lookup(Os::Linux, key) {
            Some(known) => known.namespace_on(self.system.platform().kernel_or_oldest()),
            None if key.starts_with("net.") => Namespace::Net,
            None => Namespace::Host,
        };
        let own = match namespace {
            Namespace::Net => self.network_is_hosts() != Some(true),
            Namespace::Ipc | Namespace::Uts => true,
            Namespace::Host | Namespace::NetInitial | Namespace::User | Namespace::Pid => false,
        };
        // Only the names of interfaces have dots of their own, and whether a file system is read-only does not depend on these.
        own && self.reads_sysctls_at_boot() && !self.is_read_only(&format!("/proc/sys/{}", key.replace('.', "/")))
    }

    fn is_read_only(&self, path: &str) -> bool {
        self.mount_of(path).is_some_and(Mount::read_only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    fn engine(system: &MemorySystem) -> Option<String> {
        Host::new(system).engine().map(str::to_owned)
    }

    #[test]
    fn those_that_use_lxc_are_told_apart() {
        let plain = || MemorySystem::linux("6.1").file("/run/systemd/container", "lxc\n");
        assert_eq!(engine(&plain()).as_deref(), Some("lxc"));
        assert_eq!(engine(&plain().file("/dev/lxd/sock", "")).as_deref(), Some("lxd"));
        assert_eq!(engine(&plain().file("/dev/incus/sock", "")).as_deref(), Some("incus"));
        let both = plain().file("/dev/incus/sock", "").file("/dev/lxd/sock", "");
        assert_eq!(engine(&both).as_deref(), Some("incus"));
    }

    #[test]
    fn without_a_word_of_systemds_lxcfs_tells() {
        let mounts = |path: &str| {
            let line = format!("40 20 0:5 / {path} rw - fuse.lxcfs lxcfs rw,user_id=0\n");
            MemorySystem::linux("6.1").file("/proc/self/mountinfo", &line)
        };
        assert_eq!(engine(&mounts("/proc/meminfo")).as_deref(), Some("lxc"));
        assert_eq!(
            engine(&mounts("/var/lib/lxcfs")),
            None,
            "a host that runs such containers"
        );
    }

    #[test]
    fn a_next_boot_is_systemds() {
        let boots = |engine: &str, systemd: bool| {
            let mut system = MemorySystem::linux("6.1").file("/run/systemd/container", engine);
            if systemd {
                system = system.file("/run/systemd/system/x", "");
            }
            Host::new(&system).has_next_boot()
        };
        for (name, expected) in [
            ("lxc", true),
            ("systemd-nspawn", true),
            ("podman", true),
            ("docker", false),
        ] {
            assert_eq!(boots(name, true), expected, "{name}");
            assert!(!boots(name, false), "{name} without systemd");
        }
        assert!(Host::new(&MemorySystem::linux("6.1")).has_next_boot(), "a host");
    }

    #[test]
    fn the_next_boot_sets_what_is_the_containers_own() {
        let system = |mounts: &str| {
            MemorySystem::linux("6.1")
                .file("/run/systemd/container", "lxc")
                .file("/run/systemd/system/x", "")
                .file("/proc/self/mountinfo", mounts)
                .sysctl("net.core.somaxconn", "4096")
        };
        let lxc = system(
            "20 1 0:1 / / rw - ext4 a rw\n21 20 0:2 / /proc rw - proc p rw\n\
                          22 21 0:2 /sys /proc/sys ro - proc p rw\n23 22 0:2 /sys/net /proc/sys/net rw - proc p rw\n",
        );
        let host = Host::new(&lxc);
        assert!(host.sets_at_boot("net.core.somaxconn"));
        assert!(!host.sets_at_boot("vm.swappiness"), "it is the host's");
        assert!(!host.sets_at_boot("kernel.msgmax"), "its own, and read-only");
        assert!(host.persisted().is_some());
        // So Podman mounts it: systemd-sysctl does not start there.
        let podman = system("20 1 0:1 / / rw - ext4 a rw\n22 20 0:2 /sys /proc/sys ro - proc p rw\n");
        let host = Host::new(&podman);
        assert!(!host.sets_at_boot("net.core.somaxconn"));
        assert!(host.persisted().is_none());
    }

    #[test]
    fn names_are_spoken_as_they_are() {
        let said = ["lxc", "docker", "incus", "openvz", "systemd-nspawn", "container"].map(in_words);
        assert_eq!(
            said,
            [
                "an LXC container",
                "a docker container",
                "an Incus container",
                "an OpenVZ container",
                "a systemd-nspawn container",
                "a container"
            ]
        );
    }
}
