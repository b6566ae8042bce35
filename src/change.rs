//! What would be changed, where that can be done, and for whom it is written down: the words that kinds, remedies, fixes and reports
//! share.

use crate::system::Resource;

/// Where a change can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// This process may do it now.
    Here,
    /// In the same place, with more privilege.
    Privileged,
    /// The container's runtime must.
    Runtime,
    /// On the host only.
    Host,
    /// On the kernel's command line, or at the next start.
    Boot,
    /// A person must.
    Manual,
}

/// Whom a change reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One process and its children.
    Process,
    /// A network namespace.
    NetworkNamespace,
    /// An IPC namespace.
    IpcNamespace,
    /// A user, UTS or PID namespace.
    OtherNamespace,
    /// A cgroup and everything in it.
    Cgroup,
    /// The whole host.
    Host,
}

/// What a change is made to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A sysctl, by its canonical dotted name.
    Sysctl(String),
    /// A limit of a process.
    Limit(Resource, Side),
    /// An attribute under `/sys`, by its absolute path.
    Sysfs(String),
    /// A limit of the process's cgroup, by controller file (`pids.max`).
    Cgroup(String),
    /// Swap, all of it.
    Swap,
}

impl Target {
    /// Its name; of a limit, the resource's.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Target::Sysctl(name) | Target::Sysfs(name) | Target::Cgroup(name) => name,
            Target::Limit(resource, _) => resource.name(),
            Target::Swap => "swap",
        }
    }
}

/// Which of the two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The soft limit.
    Soft,
    /// The hard limit.
    Hard,
}

/// One change that would be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// To what.
    pub target: Target,
    /// The value now, as the system writes it; `None` where it could not be read.
    pub from: Option<String>,
    /// The value to write, as the system takes it.
    pub to: String,
    /// Whom it reaches.
    pub scope: Scope,
    /// Of a soft limit: the hard one now, which a dialect that always names both must not lower.
    pub hard: Option<String>,
}

/// What would make a rule pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Where it can be done.
    pub reach: Reach,
    /// Why there, from evidence: `/proc/sys is mounted read-only`, `needs CAP_NET_ADMIN`.
    pub because: String,
    /// The changes, in order; empty where only a person can do something.
    pub changes: Vec<Change>,
    /// Remedies in words that follow from the observation, for the dialects that the changes do not speak for.
    pub remedies: Vec<(Dialect, String)>,
}

impl Proposal {
    /// Nothing that a program could change: a person must.
    #[must_use]
    pub fn manual(because: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            reach: Reach::Manual,
            because: because.into(),
            changes: Vec::new(),
            remedies: vec![(Dialect::Manual, what.into())],
        }
    }
}

/// For whom a remedy is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// A shell on the host.
    Host,
    /// A drop-in file that makes it last.
    Persist,
    /// `docker run` and `podman run`.
    Docker,
    /// A pod's manifest, or the node's kubelet.
    Kubernetes,
    /// The configuration of an LXC container.
    Lxc,
    /// Incus and LXD.
    Incus,
    /// systemd-nspawn.
    Nspawn,
    /// A service's unit.
    Systemd,
    /// macOS.
    Macos,
    /// The kernel's command line.
    Boot,
    /// A person, in words.
    Manual,
}

impl Reach {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reach::Here => "here",
            Reach::Privileged => "privileged",
            Reach::Runtime => "runtime",
            Reach::Host => "host",
            Reach::Boot => "boot",
            Reach::Manual => "manual",
        }
    }
}

impl Scope {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scope::Process => "process",
            Scope::NetworkNamespace => "network namespace",
            Scope::IpcNamespace => "ipc namespace",
            Scope::OtherNamespace => "namespace",
            Scope::Cgroup => "cgroup",
            Scope::Host => "host",
        }
    }
}

impl Dialect {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Host => "host",
            Dialect::Persist => "persist",
            Dialect::Docker => "docker",
            Dialect::Kubernetes => "kubernetes",
            Dialect::Lxc => "lxc",
            Dialect::Incus => "incus",
            Dialect::Nspawn => "nspawn",
            Dialect::Systemd => "systemd",
            Dialect::Macos => "macos",
            Dialect::Boot => "boot",
            Dialect::Manual => "manual",
        }
    }
}
