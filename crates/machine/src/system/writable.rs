//! A machine that can be changed: [`System`] and the three writes.

use super::{Failure, Limits, Os, Resource, Space, SysctlName, System};

/// A process that cannot be mistaken for a later one with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Process {
    /// Its number in this PID namespace.
    pub pid: u32,
    /// When it started, in clock ticks after boot.
    pub start: u64,
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

    /// Whether what a path names is known to be gone, where reading it says that it is absent: the file system that would hold it
    /// is there. Below a directory that something was mounted over nothing is known to be gone.
    fn is_gone(&self, path: &str) -> bool;
}

/// The start of a process in clock ticks after boot, of its `/proc/PID/stat`.
///
/// # Errors
/// Any [`Failure`] of reading that; [`Failure::Absent`] does not say that there is no such process, which may be hidden.
pub fn process_start(system: &dyn System, pid: u32) -> Result<u64, Failure> {
    let bytes = system.read(&format!("/proc/{pid}/stat"))?;
    let text = String::from_utf8_lossy(&bytes);
    // The name may hold spaces and parentheses; the last one closes it. The start is the 22nd field, the 20th after the name.
    let start = text
        .rsplit_once(')')
        .and_then(|(_, fields)| fields.split_ascii_whitespace().nth(19)?.parse().ok());
    start.ok_or(Failure::Io(libc::EIO))
}

/// The same, where it can be told.
#[must_use]
pub fn start_of(system: &dyn System, pid: u32) -> Option<u64> {
    process_start(system, pid).ok()
}
