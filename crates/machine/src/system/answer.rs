//! What a machine answers: the types.

use crate::value::Version;

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
    /// The kernel's release, `6.1.0-18-amd64`; `None` where nothing tells.
    pub release: Option<String>,
    /// The machine, `x86_64` or `aarch64`; `None` where nothing tells.
    pub arch: Option<String>,
    /// The node name.
    pub hostname: String,
    /// Bytes in a page of memory; `None` where nothing tells.
    pub page_size: Option<u32>,
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

/// A port of one protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The number.
    pub port: u16,
}

/// A socket that listens, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Held {
    /// The local address as text.
    pub address: String,
    /// The names (`comm`) of the processes that have it open, sorted, each once. Empty where every process could be looked at and
    /// none has: the kernel itself holds it, or a process of another PID namespace.
    pub by: Vec<String>,
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

impl Platform {
    /// The kernel's version; `None` where nothing tells.
    #[must_use]
    pub fn kernel(&self) -> Option<Version> {
        self.release.as_deref().map(Version::parse)
    }

    /// Its first two numbers, and `(0, 0)` where nothing tells: the oldest kernel has the fewest namespaces, so that nothing is
    /// taken for a container's own by mistake.
    #[must_use]
    pub fn kernel_or_oldest(&self) -> (u16, u16) {
        self.kernel().map_or((0, 0), |kernel| kernel.major_minor())
    }

    /// Whether the kernel is this one, `(major, minor)`, or a newer one; `None` where nothing tells.
    #[must_use]
    pub fn is_at_least(&self, version: (u16, u16)) -> Option<bool> {
        self.kernel().map(|kernel| kernel.major_minor() >= version)
    }
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

    /// Its name as people write it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Os::Linux => "Linux",
            Os::Macos => "macOS",
            Os::Freebsd => "FreeBSD",
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
