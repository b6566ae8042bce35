//! Where this process runs, as far as it decides what it can change: container, namespaces, mounts, capabilities.

use super::Host;
use crate::failure::Failure;
use crate::system::{Capability, Os, System};

/// Whether this is a container, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Container {
    /// A host, or a virtual machine.
    None,
    /// A container; the engine's name (`docker`, `podman`, `kubernetes`, `lxc`, `lxd`, `incus`, `systemd-nspawn` ...), or `container` where
    /// it cannot be told.
    Engine(String),
}

/// One line of `mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its number.
    pub id: u32,
    /// The number of the mount that it is mounted on.
    pub parent: u32,
    /// Where it is mounted.
    pub path: String,
    /// The file system's type.
    pub kind: String,
    /// The part of the file system that is mounted there (`/` for the whole).
    pub root: String,
    /// Options of the mount and of the file system.
    pub options: Vec<String>,
    /// What is mounted.
    pub source: String,
}

impl Mount {
    /// Whether nothing below it can be written.
    #[must_use]
    pub fn read_only(&self) -> bool {
        self.options.iter().any(|option| option == "ro")
    }
}

impl Host<'_> {
    /// The mounts that the process sees, in the order of the kernel; later ones cover earlier ones.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn mounts(&self) -> Result<&[Mount], Failure> {
        let mounts = self.mounts.get_or_init(|| {
            let text = self.text(&format!("{}/mountinfo", self.system.process_directory()))?;
            Ok(text.lines().filter_map(parse_mount).collect())
        });
        mounts.as_deref().map_err(Clone::clone)
    }

    /// The mount that holds a path; `None` where the mounts cannot be read, too.
    pub fn mount_of(&self, path: &str) -> Option<&Mount> {
        let holds = |mount: &&Mount| {
            mount.path == "/"
                || path == mount.path
                || path
                    .strip_prefix(mount.path.as_str())
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        let held: Vec<&Mount> = self.mounts().ok()?.iter().filter(holds).collect();
        // The last one that is mounted on the longest prefix is the one on top, but for what another was mounted over later.
        let mut best: Option<&Mount> = None;
        for mount in held.iter().copied().filter(|mount| !is_hidden(mount, &held)) {
            if best.is_none_or(|old| mount.path.len() >= old.path.len()) {
                best = Some(mount);
            }
        }
        best
    }

    /// Whether this is a container. What the engines leave behind decides: their marker files, `container=` in the environment
    /// of the first process, and the service address that Kubernetes puts into every pod.
    pub fn container(&self) -> &Container {
        self.container.get_or_init(|| {
            if self.system.platform().os != Os::Linux {
                return Container::None;
            }
            let engine = |name: &str| Container::Engine(name.to_owned());
            // A virtual machine whose disk was made from an image has the image's marker files and is none: all its namespaces
            // are the initial ones, and no engine starts a container so on a file system of its own.
            if self.namespaces_are_initial() && self.system.filesystem("/").is_ok_and(|root| root.kind != "overlay") {
                return Container::None;
            }
            if self
                .system
                .environment("KUBERNETES_SERVICE_HOST")
                .is_some_and(|host| !host.is_empty())
            {
                return engine("kubernetes");
            }
            if self.system.stat("/run/.containerenv").is_ok() {
                return engine("podman");
            }
            if self.system.stat("/.dockerenv").is_ok() {
                return engine("docker");
            }
            // systemd-nspawn, LXC and others tell by this variable, and systemd in the container keeps it in a file.
            let told = self
                .system
                .environment("container")
                .or_else(|| self.text("/run/systemd/container").ok());
            match told.as_deref() {
                // One without systemd, for whoever sees no more of the first process.
                None | Some("") if self.mounts().is_ok_and(has_lxcfs) => engine(manager_of_lxc(self.system)),
                None | Some("") => Container::None,
                Some("oci") => engine("container"),
                Some("lxc") => engine(manager_of_lxc(self.system)),
                Some(name) => engine(name),
            }
        })
    }

    /// Whether the PID, UTS and IPC namespaces are those that the kernel began with: their inodes are constants of its ABI.
    fn namespaces_are_initial(&self) -> bool {
        const INITIAL: [(&str, u64); 3] = [("pid", 0xefff_fffc), ("uts", 0xefff_fffe), ("ipc", 0xefff_ffff)];
        INITIAL.iter().all(|(name, inode)| {
            let path = format!("{}/ns/{name}", self.system.process_directory());
            let stat = match self.system.stat(&path) {
                // Another user's process does not tell. It is looked at from here, so what is true of here has to do.
                Err(Failure::Denied(_)) => self.system.stat(&format!("/proc/self/ns/{name}")),
                other => other,
            };
            stat.is_ok_and(|stat| stat.inode == *inode)
        })
    }

    /// The container engine's name, if this is a container.
    pub fn engine(&self) -> Option<&str> {
        match self.container() {
            Container::None => None,
            Container::Engine(name) => Some(name),
        }
    }

    /// Whether the process has a capability. Elsewhere than on Linux root has them all.
    pub fn capable(&self, capability: Capability) -> bool {
        let identity = self.system.identity();
        match self.system.platform().os {
            Os::Linux => identity.capabilities & (1 << capability.number()) != 0,
            Os::Macos | Os::Freebsd => identity.uid == 0,
        }
    }

    /// Whether the network namespace is the initial one, the host's; `None` where nobody can tell.
    ///
    /// `net.core.netdev_max_backlog` and its like are registered in the initial namespace alone, in every kernel so far.
    pub fn network_is_hosts(&self) -> Option<bool> {
        *self.initial_network.get_or_init(|| {
            if self.system.platform().os != Os::Linux {
                return Some(true);
            }
            match self.system.stat("/proc/sys/net/core/netdev_max_backlog") {
                Ok(_) => Some(true),
                Err(Failure::Absent) => match self.system.stat("/proc/sys/net/core/somaxconn") {
                    Ok(_) => Some(false),
                    Err(_) => None,
                },
                Err(_) => None,
            }
        })
    }

    /// Whether the user namespace is the initial one: all user ids map to themselves.
    pub fn user_namespace_is_initial(&self) -> bool {
        *self.initial_user.get_or_init(|| {
            self.text("/proc/self/uid_map").ok().is_none_or(|map| {
                let mut words = map.split_ascii_whitespace();
                words.next() == Some("0") && words.next() == Some("0") && words.next() == Some("4294967295")
            })
        })
    }
}

/// What LXD and Incus leave in their containers: each a socket to ask it by. Incus's may be linked under LXD's name too, for what
/// knows that one alone.
const DEVICES: [(&str, &str); 2] = [("/dev/incus", "incus"), ("/dev/lxd", "lxd")];

/// Which of those that use LXC started a container of LXC.
fn manager_of_lxc(system: &dyn System) -> &'static str {
    let found = DEVICES.iter().find(|(path, _)| system.stat(path).is_ok());
    found.map_or("lxc", |(_, name)| name)
}

/// Whether LXC's file system lies over a file of procfs, as it does in LXC's containers. A host has it elsewhere.
fn has_lxcfs(mounts: &[Mount]) -> bool {
    let over = |mount: &Mount| mount.kind == "fuse.lxcfs" && mount.path.starts_with("/proc/");
    mounts.iter().any(over)
}

/// Whether another of the mounts that hold a path was mounted over this one: on it, or higher up on what it is mounted on.
fn is_hidden(mount: &Mount, held: &[&Mount]) -> bool {
    let mut chain = vec![mount];
    while let Some(parent) = held
        .iter()
        .find(|other| other.id == chain[chain.len() - 1].parent && !chain.iter().any(|known| known.id == other.id))
    {
        chain.push(parent);
    }
    held.iter().any(|other| {
        other.path.len() <= mount.path.len()
            && !chain.iter().any(|known| known.id == other.id)
            && chain.iter().any(|known| known.id == other.parent)
    })
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue` (proc_pid_mountinfo(5)).
fn parse_mount(line: &str) -> Option<Mount> {
    let mut fields = line.split(' ');
    let (id, parent) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let root = fields.nth(1)?;
    let path = fields.next()?;
    let mount_options = fields.next()?;
    let mut rest = fields.skip_while(|field| *field != "-").skip(1);
    let kind = rest.next()?;
    let source = rest.next().unwrap_or("");
    let options = mount_options.split(',').chain(rest.next().unwrap_or("").split(','));
    // The mount's own `ro` and the file system's are both in the list; a bind mount that is `ro` on a `rw` file system is `ro`.
    Some(Mount {
        id,
        parent,
        path: unescape(path),
        kind: kind.to_owned(),
        root: unescape(root),
        options: options.filter(|option| !option.is_empty()).map(str::to_owned).collect(),
        source: unescape(source),
    })
}

/// The kernel writes space, tab, newline and backslash in names as `\040` and the like.
fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes
            .get(at + 1..at + 4)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if bytes[at] == b'\\' => {
                out.push(byte);
                at += 4;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mountinfo_lines_are_read_with_their_escapes() {
        let mount =
            parse_mount("36 35 98:0 / /mnt/a\\040b ro,noatime shared:1 master:2 - ext4 /dev/sda1 rw,errors=continue")
                .unwrap();
        assert_eq!(mount.path, "/mnt/a b");
        assert_eq!(mount.kind, "ext4");
        assert!(mount.read_only());
        assert!(mount.options.contains(&"errors=continue".to_owned()));
        assert_eq!((mount.id, mount.parent), (36, 35));
    }

    #[test]
    fn the_mount_on_top_holds_a_path() {
        let system = crate::system::memory::MemorySystem::linux("6.1").file(
            "/proc/self/mountinfo",
            "20 1 0:1 / / rw - ext4 /dev/a rw\n\
             21 20 0:2 / /data/old rw - ext4 /dev/b rw\n\
             22 20 0:3 / /data rw - xfs /dev/c rw\n\
             23 22 0:4 / /data/log rw - ext4 /dev/d rw\n\
             24 23 0:5 / /data/log rw - tmpfs tmpfs rw\n",
        );
        let host = Host::new(&system);
        let source = |path: &str| host.mount_of(path).map(|mount| mount.source.as_str());
        assert_eq!(source("/etc"), Some("/dev/a"));
        assert_eq!(source("/data/x"), Some("/dev/c"));
        assert_eq!(source("/data/old/x"), Some("/dev/c"), "/data was mounted over it");
        assert_eq!(source("/data/log"), Some("tmpfs"), "the last of two in one place");
        assert_eq!(source("/database"), Some("/dev/a"));
    }
}
