//! Of which keys more is better: bounds of what programs may have, where a larger one takes nothing from anybody until it is used.
//!
//! A number that trades one thing for another is not here (`vm.swappiness`, `vm.dirty_ratio`, time-outs, default buffer sizes), nor
//! is one that takes memory at once (`vm.nr_hugepages`, `vm.min_free_kbytes`).

use super::Key;
#[cfg(test)]
use super::lookup;
use crate::system::Os;

/// What of a value is a bound, of which more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The number, each number of the row, or the width of the range.
    Whole,
    /// One field of the row, counted from 0.
    Field(usize),
}

/// Keys of Linux, sorted.
const BOUNDS: &[&str] = &[
    "fs.aio-max-nr",
    "fs.epoll.max_user_watches",
    "fs.file-max",
    "fs.inotify.max_queued_events",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "fs.mount-max",
    "fs.mqueue.msg_max",
    "fs.mqueue.msgsize_max",
    "fs.mqueue.queues_max",
    "fs.nr_open",
    "fs.pipe-max-size",
    "fs.pipe-user-pages-hard",
    "fs.pipe-user-pages-soft",
    "kernel.keys.maxbytes",
    "kernel.keys.maxkeys",
    "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys",
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.pid_max",
    "kernel.pty.max",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.threads-max",
    "net.core.netdev_max_backlog",
    "net.core.optmem_max",
    "net.core.rmem_max",
    "net.core.somaxconn",
    "net.core.wmem_max",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.neigh.default.gc_thresh3",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv6.neigh.default.gc_thresh3",
    "net.netfilter.nf_conntrack_max",
    "net.nf_conntrack_max",
    "net.unix.max_dgram_qlen",
    "vm.max_map_count",
];

/// Rows of which the last field is a bound, and the others are where it begins.
const LAST_OF_THREE: &[&str] = &["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];

/// Whether more is better of a key of Linux, by its canonical dotted name, and of which part.
#[must_use]
pub fn bound(name: &str) -> Option<Bound> {
    if BOUNDS.binary_search(&name).is_ok() || name.starts_with("user.max_") {
        return Some(Bound::Whole);
    }
    LAST_OF_THREE.contains(&name).then_some(Bound::Field(2))
}

/// Every key of which more is better, in order.
pub fn bounds() -> impl Iterator<Item = &'static Key> {
    super::keys(Os::Linux).filter(|key| bound(key.name).is_some())
}

/// Whether every name in the tables is one of the catalogue's, and of a type that has an order.
#[cfg(test)]
#[test]
fn every_bound_is_a_key_with_an_order() {
    use crate::value::Type;
    assert!(BOUNDS.is_sorted());
    for name in BOUNDS.iter().chain(LAST_OF_THREE) {
        let key = lookup(Os::Linux, name).unwrap_or_else(|| panic!("{name} is not in the catalogue"));
        let ordered = match bound(name) {
            Some(Bound::Whole) => matches!(key.value, Type::Number(_) | Type::Tuple(..) | Type::Range),
            Some(Bound::Field(at)) => matches!(key.value, Type::Tuple(names, _) if at < names.len()),
            None => false,
        };
        assert!(ordered, "{name} is {}", key.value.describe());
    }
}
