//! A machine that can be changed: [`System`] and the three writes.

use super::{Failure, Limits, Os, Resource, SysctlName, System};

/// A process that cannot be mistaken for a later one with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Process {
    /// Its number in this PID namespace.
    pub pid: u32,
    /// When it started, in clock ticks after boot.
    pub start: u64,
}

/// What tells one boot and one set of namespaces from another: where a value lives, and how long.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Space {
    /// The kernel's id of this boot.
    pub boot: String,
    /// The network namespace: its cookie where the kernel has one, else its inode.
    pub net: String,
    /// The IPC namespace's inode.
    pub ipc: String,
    /// The user namespace's inode.
    pub user: String,
    /// The UTS namespace's inode.
    pub uts: String,
    /// The PID namespace's inode.
    pub pid: String,
}

/// A machine that can be changed.
pub trait WritableSystem: System {
    /// Writes to a file below `/proc/sys` or `/sys` that is there already: opened without following a link out of its tree, known
    /// to be what it claims by its file system's type, one `write(2)`, and more on the same descriptor where the kernel takes less.
    ///
    /// # Errors
    /// Any [`Failure`]. What the kernel took before one is written.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Failure>;

    /// Sets a sysctl, named as [`System::sysctl`] names it.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn set_sysctl(&self, name: &str, text: &str) -> Result<(), Failure> {
        debug_assert_eq!(self.platform().os, Os::Linux, "other systems have a call for it");
        let name = SysctlName::parse(name).map_err(|_| Failure::OutsideTree)?;
        self.write(&format!("/proc/sys/{}", name.path()), format!("{text}\n").as_bytes())
    }

    /// The limits of a process.
    ///
    /// # Errors
    /// [`Failure::Absent`] once it has ended.
    fn limits_of(&self, process: Process, resource: Resource) -> Result<Limits, Failure>;

    /// Sets the limits of a process.
    ///
    /// # Errors
    /// [`Failure::Absent`] once it has ended, [`Failure::Denied`] where the hard limit may not be raised.
    fn set_limits_of(&self, process: Process, resource: Resource, limits: Limits) -> Result<(), Failure>;

    /// Swaps to a device or file with this priority (the kernel's choice where it is negative), or no longer (`None`).
    ///
    /// # Errors
    /// Any [`Failure`].
    fn set_swap(&self, device: &str, priority: Option<i32>) -> Result<(), Failure>;

    /// Where and how long what is written here lives.
    fn space(&self) -> Space;
}

/// The start of a process in clock ticks after boot, of its `/proc/PID/stat`.
#[must_use]
pub fn start_of(system: &dyn System, pid: u32) -> Option<u64> {
    let bytes = system.read(&format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    // The name may hold spaces and parentheses; the last one closes it. The start is the 22nd field, the 20th after the name.
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Reads what tells boots and namespaces apart from files; live systems know the network namespace better.
pub(super) fn space_of(system: &dyn System) -> Space {
    let boot = system.read("/proc/sys/kernel/random/boot_id");
    let inode = |name: &str| {
        // This process's own: of another one that is looked at, only what was entered counts.
        let path = format!("/proc/self/ns/{name}");
        system
            .stat(&path)
            .map_or_else(|_| "?".to_owned(), |stat| stat.inode.to_string())
    };
    Space {
        boot: boot.map_or_else(
            |_| "?".to_owned(),
            |bytes| String::from_utf8_lossy(&bytes).trim().to_owned(),
        ),
        net: inode("net"),
        ipc: inode("ipc"),
        user: inode("user"),
        uts: inode("uts"),
        pid: inode("pid"),
    }
}
