//! The only place that touches the machine.
//!
//! Everything that runup learns of a host goes through [`System`], passed explicitly. Besides the live machine there are a
//! directory that stands for `/` ([`rooted`]), a host in memory with faults to inject ([`memory`]), and recordings
//! ([`recording`]): what a live host answered, saved to a file and played back anywhere.

mod filesystem;
pub mod live;
pub mod memory;
mod procfs;
pub mod recording;
mod redact;
pub mod rooted;
mod space;
pub mod steps;
mod sysctl_name;
mod writable;

pub(crate) use filesystem::has_access_list;
pub use procfs::{limits as row_of_limits, parent_and_start};
pub use space::{Boot, NamespaceId, Same, Space};
pub use sysctl_name::{NameError, SysctlName};
pub use writable::{Process, WritableSystem, process_start, start_of};

use std::fmt;
use std::time::Duration;

use crate::value::{Number, Unit};

/// Why a question about the machine has no answer. The cases are never merged: absent is not unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// There is no such thing (ENOENT, ENOTDIR, ENXIO, ENODEV, or no such call on this platform).
    Absent,
    /// It exists, and this process may not read it (EACCES, EPERM); the errno.
    Denied(i32),
    /// It can only be written (`/proc/sys/net/ipv4/route/flush`).
    WriteOnly,
    /// Reading failed otherwise; the errno.
    Io(i32),
    /// The name tries to leave the tree that it belongs to, or is not a name at all.
    OutsideTree,
    /// The answer is not UTF-8 text where text was needed.
    NotText,
    /// It is a pipe, a device or a socket where a file was expected: reading it could take for ever.
    NotRegular,
    /// It has more bytes than are read of such a file; how many those are.
    TooLarge(u64),
    /// A recording was asked for something that was not recorded: nothing is known, not even absence. Holds the question.
    NotRecorded(String),
}

/// The operating system that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    /// Linux.
    Linux,
    /// macOS.
    Macos,
    /// FreeBSD.
    Freebsd,
}

/// What `uname` says, and the constants of the platform.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Platform {
    /// The operating system.
    pub os: Os,
    /// The kernel's release: `6.1.0-18-amd64`.
    pub release: String,
    /// The machine: `x86_64`, `aarch64`.
    pub arch: String,
    /// The node name.
    pub hostname: String,
    /// Bytes in a page of memory.
    pub page_size: u32,
    /// Clock ticks a second in `/proc/stat` and `/proc/PID/stat` (USER_HZ).
    pub ticks_per_second: u32,
}

/// Who this process is.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// Process id, in its own PID namespace.
    pub pid: u32,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Effective capabilities (Linux: `CapEff` as bits by number); 0 where there are none.
    pub capabilities: u64,
}

/// What kind of thing a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A regular file, procfs and sysfs attributes included.
    File,
    /// A directory.
    Directory,
    /// A symbolic link (only where links are not followed).
    Link,
    /// Anything else.
    Other,
}

/// What `stat` says of a path, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stat {
    /// Kind of the target.
    pub kind: FileKind,
    /// Permission bits, `0o644`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Inode number; of `/proc/self/ns/net` it identifies the namespace.
    pub inode: u64,
}

/// The file system that holds a path, as `statfs` describes it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Filesystem {
    /// Its type: `ext2/ext3`-like magics by their usual name (`ext4`, `xfs`, `tmpfs`, `proc`), else the magic in hexadecimal.
    pub kind: String,
    /// Bytes in all.
    pub size: u64,
    /// Bytes that an unprivileged user may still use.
    pub available: u64,
    /// Inodes in all; 0 where the file system does not count them.
    pub inodes: u64,
    /// Inodes that are still free.
    pub inodes_free: u64,
    /// Mounted read-only.
    pub read_only: bool,
}

/// A resource that `setrlimit` limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are those of setrlimit(2)")]
pub enum Resource {
    As,
    Core,
    Cpu,
    Data,
    Fsize,
    Locks,
    Memlock,
    Msgqueue,
    Nice,
    Nofile,
    Nproc,
    Rss,
    Rtprio,
    Rttime,
    Sigpending,
    Stack,
}

/// The soft and the hard limit on a resource, in the resource's own unit (bytes for sizes, a count for the rest).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What binds.
    pub soft: Number,
    /// How far the soft limit may be raised without privilege.
    pub hard: Number,
}

/// A socket that listens.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Listener {
    /// `tcp` or `udp` (a bound UDP socket counts as listening).
    pub protocol: String,
    /// The local address as text: `0.0.0.0`, `::1`.
    pub address: String,
    /// The local port.
    pub port: u16,
    /// Connections that wait to be accepted.
    pub queued: u32,
    /// The accept backlog in force (what `listen` asked for, capped by somaxconn when it was called); `None` where it cannot be seen.
    pub backlog: Option<u32>,
}

/// How many TCP sockets hold a local port, without listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PortUse {
    /// The local port.
    pub port: u16,
    /// Sockets in TIME_WAIT.
    pub time_wait: u32,
    /// Sockets in any other state but LISTEN.
    pub other: u32,
}

/// Every socket of a network namespace, summed up.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Sockets {
    /// Listening sockets, by port, then address.
    pub listeners: Vec<Listener>,
    /// TCP sockets by local port, ascending.
    pub ports: Vec<PortUse>,
}

/// Processor time that a process has used.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProcessTime {
    /// Process id.
    pub pid: u32,
    /// Its name (`comm`); empty where it belongs to somebody else and is being recorded.
    pub name: String,
    /// User and system time, in clock ticks.
    pub ticks: u64,
    /// Runnable or running when it was looked at.
    pub running: bool,
}

/// A battery of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Battery {
    /// Whether it is being drained.
    pub discharging: bool,
    /// Charge in percent.
    pub charge: u8,
}

/// A network interface, as rtnetlink and its driver tell of it. `None` is what the driver does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// The loopback interface.
    pub loopback: bool,
    /// Switched on.
    pub up: bool,
    /// Bytes in the largest packet.
    pub mtu: u32,
    /// Packets that wait to be sent before the queueing discipline drops some (`txqueuelen`).
    pub transmit_queue: u32,
    /// Whether the other end of the cable is there; `None` while it is down.
    pub carrier: Option<bool>,
    /// The queueing discipline at its root.
    pub qdisc: Option<String>,
    /// Those of its queues, where the one at the root gives each queue one of its own.
    pub queue_qdiscs: Vec<String>,
    /// Packets that were received and dropped, since it was made.
    pub rx_dropped: u64,
    /// Packets that the hardware had no room for, since it was made.
    pub rx_missed: u64,
    /// The driver's name.
    pub driver: Option<String>,
    /// Mbit/s.
    pub speed: Option<u32>,
    /// Sends and receives at once.
    pub full_duplex: Option<bool>,
    /// Packets that the receive ring holds.
    pub ring_rx: Option<u32>,
    /// Packets that it could hold.
    pub ring_rx_max: Option<u32>,
    /// Its hardware queues.
    pub channels: Option<Channels>,
    /// Generic receive offload.
    pub gro: Option<bool>,
    /// Generic segmentation offload.
    pub gso: Option<bool>,
    /// TCP segmentation offload.
    pub tso: Option<bool>,
    /// The errno with which questions to drivers are refused here.
    pub refused: Option<i32>,
    /// Whether `/sys/class/net` shows this very interface: `/sys` may have been mounted for another network namespace.
    pub in_sys: bool,
}

/// How many hardware queues an interface has, and could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs, reason = "the names are those of ethtool(8)")]
pub struct Channels {
    pub rx: u32,
    pub tx: u32,
    pub combined: u32,
    pub rx_max: u32,
    pub tx_max: u32,
    pub combined_max: u32,
}

/// What the kernel knows of its clock's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClockState {
    /// The largest that it can be, in microseconds; 16 seconds where nobody keeps the clock right.
    pub maximum_error: i64,
    /// What the time service thinks it is, in microseconds.
    pub estimated_error: i64,
}

/// What it took to read the clock many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClockCost {
    /// How many times.
    pub readings: u64,
    /// Processor time outside the kernel, in microseconds.
    pub user: u64,
    /// Processor time in the kernel, in microseconds.
    pub system: u64,
}

/// A machine that can be asked.
///
/// Paths are absolute. A name that comes from a profile must have passed the form check of its kind before it gets here; the
/// live system checks again when it opens the file.
pub trait System {
    /// The platform. Cheap; never fails.
    fn platform(&self) -> &Platform;

    /// Who asks.
    fn identity(&self) -> Identity;

    /// The whole of a file. Files under `/proc/sys` are read with one `read(2)`.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn read(&self, path: &str) -> Result<Vec<u8>, Failure>;

    /// The names in a directory, sorted, without `.` and `..`.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn list(&self, path: &str) -> Result<Vec<String>, Failure>;

    /// What a path names, links followed.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn stat(&self, path: &str) -> Result<Stat, Failure>;

    /// The target of a symbolic link, as it is written in the link.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn read_link(&self, path: &str) -> Result<String, Failure>;

    /// The file system that holds a path.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn filesystem(&self, path: &str) -> Result<Filesystem, Failure>;

    /// The raw text of a sysctl, named in its canonical dotted form with `/` for a dot inside a segment
    /// (`net.ipv4.conf.eth0/100.rp_filter`), as sysctl(8) prints it but for the final newline.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn sysctl(&self, name: &str) -> Result<String, Failure>;

    /// The limits of the process that is looked at: this one, or the one that `--pid` names.
    ///
    /// # Errors
    /// [`Failure::Absent`] where the platform has no such resource.
    fn limits(&self, resource: Resource) -> Result<Limits, Failure>;

    /// The processors that the process that is looked at may run on.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn usable_cpus(&self) -> Result<u32, Failure>;

    /// The sockets of the network namespace that is looked at.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn sockets(&self) -> Result<Sockets, Failure>;

    /// The network interfaces of the network namespace that is looked at, in the kernel's order.
    ///
    /// # Errors
    /// [`Failure::Absent`] where nothing tells of them.
    fn interfaces(&self) -> Result<Vec<Interface>, Failure> {
        Err(Failure::Absent)
    }

    /// Every process that can be seen, by pid.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn processes(&self) -> Result<Vec<ProcessTime>, Failure>;

    /// The machine's batteries, where files do not tell of them (macOS, FreeBSD).
    ///
    /// # Errors
    /// [`Failure::Absent`] where files do, or nothing does.
    fn batteries(&self) -> Result<Vec<Battery>, Failure> {
        Err(Failure::Absent)
    }

    /// Whether the system saves energy at the cost of speed (macOS).
    ///
    /// # Errors
    /// [`Failure::Absent`] where there is no such mode.
    fn low_power_mode(&self) -> Result<bool, Failure> {
        Err(Failure::Absent)
    }

    /// What the kernel knows of its clock's error (Linux).
    ///
    /// # Errors
    /// [`Failure::Absent`] where it cannot be asked.
    fn clock(&self) -> Result<ClockState, Failure> {
        Err(Failure::Absent)
    }

    /// Measures what reading the clock takes, for a tenth of a second (Linux).
    ///
    /// # Errors
    /// [`Failure::Absent`] where it cannot be measured.
    fn clock_cost(&self) -> Result<ClockCost, Failure> {
        Err(Failure::Absent)
    }

    /// A variable of this process's own environment, only for the few that say where it runs (`container`,
    /// `KUBERNETES_SERVICE_HOST`).
    fn environment(&self, name: &str) -> Option<String>;

    /// Seconds since 1970-01-01 UTC.
    fn now(&self) -> i64;

    /// Waits; a recording does not.
    fn pause(&self, duration: Duration);

    /// The directory under `/proc` of the process that is looked at: `/proc/self`, or `/proc/PID`.
    fn process_directory(&self) -> &str;
}

impl Os {
    /// Its name in expressions, profiles and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Os::Linux => "linux",
            Os::Macos => "macos",
            Os::Freebsd => "freebsd",
        }
    }

    /// The one with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Os::Linux, Os::Macos, Os::Freebsd]
            .into_iter()
            .find(|os| os.name() == name)
    }
}

/// What is known of a resource: its names, and what its numbers count.
struct ResourceInfo {
    resource: Resource,
    name: &'static str,
    row: &'static str,
    ulimit: Option<char>,
    unit: Unit,
    doc: &'static str,
}

const fn resource(
    resource: Resource,
    name: &'static str,
    row: &'static str,
    ulimit: Option<char>,
    unit: Unit,
    doc: &'static str,
) -> ResourceInfo {
    ResourceInfo {
        resource,
        name,
        row,
        ulimit,
        unit,
        doc,
    }
}

/// Every resource, in the order of the enum. The rows are those of `/proc/PID/limits`.
const RESOURCES: [ResourceInfo; 16] = [
    resource(
        Resource::As,
        "as",
        "Max address space",
        Some('v'),
        Unit::Bytes,
        "address space",
    ),
    resource(
        Resource::Core,
        "core",
        "Max core file size",
        Some('c'),
        Unit::Bytes,
        "size of a core file",
    ),
    resource(
        Resource::Cpu,
        "cpu",
        "Max cpu time",
        Some('t'),
        Unit::Seconds,
        "processor time",
    ),
    resource(
        Resource::Data,
        "data",
        "Max data size",
        Some('d'),
        Unit::Bytes,
        "data segment",
    ),
    resource(
        Resource::Fsize,
        "fsize",
        "Max file size",
        Some('f'),
        Unit::Bytes,
        "size of a file that is written",
    ),
    resource(
        Resource::Locks,
        "locks",
        "Max file locks",
        Some('x'),
        Unit::Count,
        "file locks",
    ),
    resource(
        Resource::Memlock,
        "memlock",
        "Max locked memory",
        Some('l'),
        Unit::Bytes,
        "memory locked in RAM",
    ),
    resource(
        Resource::Msgqueue,
        "msgqueue",
        "Max msgqueue size",
        Some('q'),
        Unit::Bytes,
        "POSIX message queues",
    ),
    resource(
        Resource::Nice,
        "nice",
        "Max nice priority",
        Some('e'),
        Unit::Count,
        "nice ceiling, as 20 minus the nice value",
    ),
    resource(
        Resource::Nofile,
        "nofile",
        "Max open files",
        Some('n'),
        Unit::Count,
        "open file descriptors",
    ),
    resource(
        Resource::Nproc,
        "nproc",
        "Max processes",
        Some('u'),
        Unit::Count,
        "processes and threads of the user",
    ),
    resource(
        Resource::Rss,
        "rss",
        "Max resident set",
        Some('m'),
        Unit::Bytes,
        "resident memory; Linux ignores it",
    ),
    resource(
        Resource::Rtprio,
        "rtprio",
        "Max realtime priority",
        Some('r'),
        Unit::Count,
        "real-time priority",
    ),
    resource(
        Resource::Rttime,
        "rttime",
        "Max realtime timeout",
        Some('R'),
        Unit::Microseconds,
        "real-time processor time without a blocking call",
    ),
    resource(
        Resource::Sigpending,
        "sigpending",
        "Max pending signals",
        Some('i'),
        Unit::Count,
        "signals that wait",
    ),
    resource(
        Resource::Stack,
        "stack",
        "Max stack size",
        Some('s'),
        Unit::Bytes,
        "stack",
    ),
];

impl Resource {
    /// Every resource.
    pub fn all() -> impl Iterator<Item = Resource> {
        RESOURCES.iter().map(|info| info.resource)
    }

    /// Every name.
    #[must_use]
    pub fn names() -> &'static [&'static str] {
        const NAMES: [&str; 16] = {
            let mut names = [""; 16];
            let mut at = 0;
            while at < 16 {
                names[at] = RESOURCES[at].name;
                at += 1;
            }
            names
        };
        &NAMES
    }

    fn info(self) -> &'static ResourceInfo {
        &RESOURCES[self as usize]
    }

    /// The one with a name: `nofile`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        RESOURCES
            .iter()
            .find(|info| info.name == name)
            .map(|info| info.resource)
    }

    /// Its name in prlimit(1), `--ulimit` and profiles: `nofile`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// What it limits.
    #[must_use]
    pub fn doc(self) -> &'static str {
        self.info().doc
    }

    /// What its numbers count.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.info().unit
    }

    /// Its row in `/proc/PID/limits`: `Max open files`.
    #[must_use]
    pub fn row(self) -> &'static str {
        self.info().row
    }

    /// Its option of bash's `ulimit`.
    #[must_use]
    pub fn ulimit_flag(self) -> Option<char> {
        self.info().ulimit
    }

    /// Its name in limits.conf(5), which lacks one.
    #[must_use]
    pub fn limits_conf_name(self) -> Option<&'static str> {
        (self != Resource::Rttime).then(|| self.name())
    }

    /// Its directive in a unit: `LimitNOFILE`.
    #[must_use]
    pub fn systemd_name(self) -> String {
        format!("Limit{}", self.name().to_uppercase())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Absent => f.write_str("does not exist"),
            Failure::Denied(errno) | Failure::Io(errno) => f.write_str(&describe_errno(*errno)),
            Failure::WriteOnly => f.write_str("can only be written"),
            Failure::OutsideTree => f.write_str("leads outside its tree"),
            Failure::NotText => f.write_str("is not UTF-8 text"),
            Failure::NotRegular => f.write_str("is not a regular file"),
            Failure::TooLarge(limit) => write!(f, "is larger than {}", crate::files::size(*limit)),
            Failure::NotRecorded(what) => write!(f, "was not recorded: {what}"),
        }
    }
}

impl std::error::Error for Failure {}

/// The system's words for an errno, without Rust's `(os error N)`.
#[must_use]
pub fn describe_errno(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
