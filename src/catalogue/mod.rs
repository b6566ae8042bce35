//! What is known of sysctl keys: type, unit, namespace, first and last kernel, and who may write them.
//!
//! The catalogue decides what a missing key means. A key that is known, and not in this kernel or configuration, does not
//! apply; one that nobody knows is a typo, and a typo must never be "not applicable" for ever.

use crate::system::Os;
use crate::value::Type;

/// Whose value a key shows, and whom a write reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// The whole host: every container reads, and a privileged one writes, the host's value.
    Host,
    /// One network namespace; each has its own.
    Net,
    /// The host's value, readable and not writable in any network namespace but the initial one, or not there at all.
    NetInitial,
    /// One IPC namespace.
    Ipc,
    /// One user namespace.
    User,
    /// One UTS namespace.
    Uts,
    /// One PID namespace.
    Pid,
}

/// Whether a fix may write a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Write {
    /// Like any other key.
    Yes,
    /// Only towards one side, or not back again (`kernel.modules_disabled`): needs consent.
    OneWay,
    /// It works, but does more than set a value (`disable_ipv6` drops the addresses): needs consent.
    Lossy,
    /// Never: it names a program, or a write does damage (`kernel.core_pattern`, `kernel.modprobe`, `kernel.sysrq`-like triggers).
    Never,
    /// The kernel only reports it.
    ReadOnly,
}

/// One key, or one pattern of keys (`net.ipv4.conf.*.rp_filter`, a `*` standing for one segment).
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The canonical dotted name.
    pub name: &'static str,
    /// Where it exists.
    pub os: Os,
    /// Type and unit of its value.
    pub value: Type,
    /// Whose value it is.
    pub namespace: Namespace,
    /// First kernel that has it, `(major, minor)`; `None` where it is as old as anything that runs today.
    pub since: Option<(u16, u16)>,
    /// First kernel that does not have it any more.
    pub until: Option<(u16, u16)>,
    /// First kernel in which `namespace` holds; before, the key was the host's (or not visible in other namespaces).
    pub namespaced_since: Option<(u16, u16)>,
    /// The module, build option or hardware without which it is not there, for a person: `the nf_conntrack module`.
    pub needs: Option<&'static str>,
    /// Who may write it.
    pub write: Write,
    /// Compared, but never shown nor recorded.
    pub secret: bool,
    /// Kubernetes lets any pod set it since this minor version of 1.x ("safe" sysctls).
    pub kubernetes_safe_since: Option<u16>,
    /// What it is, in one or two sentences.
    pub summary: &'static str,
    /// Where that is documented.
    pub source: &'static str,
}
