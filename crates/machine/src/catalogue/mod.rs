//! What is known of sysctl keys: type, unit, namespace, first and last kernel, and who may write them.
//!
//! The catalogue decides what a missing key means. A key that is known, and not in this kernel or configuration, does not
//! apply; one that nobody knows is a typo, and a typo must never be "not applicable" for ever.

mod at_start;
mod devconf;
mod direction;
mod effects;
mod fresh;
mod guards;
mod linux_fs;
mod linux_kernel;
mod linux_net_core;
mod linux_net_ipv4;
mod linux_net_other;
mod linux_user;
mod linux_vm;
mod macos;
mod modules;
mod order;
mod ties;
mod trigger;
mod writers;
mod written;

pub use at_start::{at_start, is_sized};
pub use devconf::{All, DevConf, devconf};
pub use direction::{Bound, bound, bounds};
pub use effects::{SideEffect, before, in_order, rank, side_effects};
pub use fresh::{Fresh, Kernel, Origin, Step, all as fresh_keys, fresh};
pub use guards::{AT_START, Danger, Guard, Margin, Quantity, Test, guards, harms};
pub use modules::{Module, module_of};
pub use order::{Ordered, ordered, series};
pub use ties::{canonical, ceiling_of, ceiling_of_limit, kept_below, names, twin, zeroed_by};
pub use trigger::trigger;
pub use writers::{Config, Sets, Setting, To, Unless, Writer, writers};
pub use written::{Written, written};

use crate::glob::segments_match;
use crate::system::Os;
use crate::value::{Type, Unit};

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
    /// Numbers that stand for no limit at all, and so are above every other; the one that this kernel takes comes first.
    pub no_limit: &'static [i128],
    /// First kernel that makes anything of the parity of a range's bounds.
    pub parity_since: Option<(u16, u16)>,
    /// Kubernetes lets any pod set it since this minor version of 1.x ("safe" sysctls).
    pub kubernetes_safe_since: Option<u16>,
    /// What it is, in one or two sentences.
    pub summary: &'static str,
    /// Where that is documented.
    pub source: &'static str,
}

/// The tables, each sorted by name.
static TABLES: &[&[Key]] = &[
    linux_fs::KEYS,
    linux_kernel::KEYS,
    linux_net_core::KEYS,
    linux_net_ipv4::KEYS,
    linux_net_other::KEYS,
    linux_user::KEYS,
    linux_vm::KEYS,
    macos::KEYS,
    macos::FREEBSD,
];

/// What is known of a key, given by its canonical dotted name. An exact name goes before a pattern.
#[must_use]
pub fn lookup(os: Os, name: &str) -> Option<&'static Key> {
    let tables = || {
        TABLES
            .iter()
            .filter(|table| table.first().is_some_and(|key| key.os == os))
    };
    for table in tables() {
        // The tables are sorted and hardly overlap: two comparisons pass over most.
        if table.first().is_none_or(|key| name < key.name) || table.last().is_none_or(|key| name > key.name) {
            continue;
        }
        if let Ok(at) = table.binary_search_by(|key| key.name.cmp(name)) {
            return Some(&table[at]);
        }
    }
    // Every pattern has a `*` in its fourth segment and one more after it. Most names are shorter, and no walk through the tables
    // is spent on them.
    if name.bytes().filter(|byte| *byte == b'.').count() < 4 {
        return None;
    }
    tables()
        .flat_map(|table| table.iter())
        .find(|key| key.name.contains('*') && segments_match(key.name, name, '.'))
}

/// Every key of an operating system.
pub fn keys(os: Os) -> impl Iterator<Item = &'static Key> {
    TABLES
        .iter()
        .flat_map(|table| table.iter())
        .filter(move |key| key.os == os)
}

/// The known name that is nearest to one that nobody knows.
#[must_use]
pub fn nearest(os: Os, name: &str) -> Option<&'static str> {
    // `core.somaxconn`: the last segment alone may be right.
    let last = name.rsplit('.').next().unwrap_or(name);
    // What holds of one family of addresses says nothing of the other.
    let family = |name: &str| {
        ["net.ipv4.", "net.ipv6."]
            .into_iter()
            .find(|family| name.starts_with(family))
    };
    let own = family(name);
    let names = || {
        keys(os)
            .map(|key| key.name)
            .filter(move |known| own.is_none() || family(known) == own)
    };
    let ending = || names().find(|known| known.rsplit('.').next() == Some(last) && !known.contains('*'));
    crate::suggest::nearest(name, names()).or_else(ending)
}

/// The name that one which nobody knows was meant to be: in the same directory, with one slip in its last segment. No key of Linux is
/// so near to another one that is not in the catalogue, which a test holds over the names of 4.4 to today; so what is near and not on
/// a machine is a mistake.
#[must_use]
pub fn meant(os: Os, name: &str) -> Option<String> {
    if lookup(os, name).is_some() {
        return None;
    }
    let (directory, last) = name.rsplit_once('.')?;
    let near = |key: &&Key| {
        key.name.rsplit_once('.').is_some_and(|(known, leaf)| {
            leaf != "*" && segments_match(known, directory, '.') && crate::suggest::is_a_slip(last, leaf)
        })
    };
    let key = keys(os).find(near)?;
    let (_, leaf) = key.name.rsplit_once('.')?;
    Some(format!("{directory}.{leaf}"))
}

impl Key {
    /// Whether a kernel has it, given what it needs.
    #[must_use]
    pub fn exists_on(&self, kernel: (u16, u16)) -> bool {
        self.since.is_none_or(|since| kernel >= since) && self.until.is_none_or(|until| kernel < until)
    }

    /// Whose value it is on a kernel.
    #[must_use]
    pub fn namespace_on(&self, kernel: (u16, u16)) -> Namespace {
        match (self.namespaced_since, self.namespace) {
            (Some(since), Namespace::Net) if kernel < since => Namespace::NetInitial,
            (Some(since), _) if kernel < since => Namespace::Host,
            (_, namespace) => namespace,
        }
    }

    const fn unit(mut self, unit: Unit) -> Self {
        self.value = match self.value {
            Type::Tuple(names, _) => Type::Tuple(names, unit),
            _ => Type::Number(unit),
        };
        self
    }

    const fn tuple(mut self, names: &'static [&'static str], unit: Unit) -> Self {
        self.value = Type::Tuple(names, unit);
        self
    }

    const fn of(mut self, value: Type) -> Self {
        self.value = value;
        self
    }

    const fn ns(mut self, namespace: Namespace) -> Self {
        self.namespace = namespace;
        self
    }

    const fn since(mut self, major: u16, minor: u16) -> Self {
        self.since = Some((major, minor));
        self
    }

    const fn until(mut self, major: u16, minor: u16) -> Self {
        self.until = Some((major, minor));
        self
    }

    const fn namespaced(mut self, major: u16, minor: u16) -> Self {
        self.namespaced_since = Some((major, minor));
        self
    }

    const fn needs(mut self, what: &'static str) -> Self {
        self.needs = Some(what);
        self
    }

    const fn write(mut self, write: Write) -> Self {
        self.write = write;
        self
    }

    const fn no_limit(mut self, numbers: &'static [i128]) -> Self {
        self.no_limit = numbers;
        self
    }

    const fn parity_since(mut self, major: u16, minor: u16) -> Self {
        self.parity_since = Some((major, minor));
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn kubernetes(mut self, minor: u16) -> Self {
        self.kubernetes_safe_since = Some(minor);
        self
    }

    const fn source(mut self, source: &'static str) -> Self {
        self.source = source;
        self
    }
}

/// A key of Linux that holds a count, belongs to the host and can be written: what most keys are, and the rest is said.
const fn key(name: &'static str, summary: &'static str, source: &'static str) -> Key {
    Key {
        name,
        os: Os::Linux,
        value: Type::Number(Unit::Count),
        namespace: Namespace::Host,
        since: None,
        until: None,
        namespaced_since: None,
        needs: None,
        write: Write::Yes,
        secret: false,
        no_limit: &[],
        parity_since: None,
        kubernetes_safe_since: None,
        summary,
        source,
    }
}

#[cfg(test)]
mod tests;
