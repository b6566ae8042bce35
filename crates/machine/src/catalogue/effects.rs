//! What a write changes besides its own key.

use std::collections::{BTreeSet, HashMap};

use crate::glob::segments_match;

/// A write that changes other keys too.
#[derive(Debug, Clone, Copy)]
pub struct SideEffect {
    /// The sysctl, or the attribute under `/sys`, that is written.
    pub written: &'static str,
    /// What changes with it; a `*` stands for one segment.
    pub changes: &'static [&'static str],
    /// How.
    pub how: &'static str,
}

static EFFECTS: &[SideEffect] = &[
    effect(
        "vm.dirty_bytes",
        &["vm.dirty_ratio"],
        "the ratio becomes 0: the two are one setting in two units",
    ),
    effect(
        "vm.dirty_ratio",
        &["vm.dirty_bytes"],
        "the bytes become 0: the two are one setting in two units",
    ),
    effect(
        "vm.dirty_background_bytes",
        &["vm.dirty_background_ratio"],
        "the ratio becomes 0: the two are one setting in two units",
    ),
    effect(
        "vm.dirty_background_ratio",
        &["vm.dirty_background_bytes"],
        "the bytes become 0: the two are one setting in two units",
    ),
    effect(
        "vm.overcommit_kbytes",
        &["vm.overcommit_ratio"],
        "the ratio becomes 0: the two are one setting in two units",
    ),
    effect(
        "vm.overcommit_ratio",
        &["vm.overcommit_kbytes"],
        "the kilobytes become 0: the two are one setting in two units",
    ),
    effect(
        "net.ipv4.ip_forward",
        &["net.ipv4.conf.*.forwarding", "net.ipv4.conf.all.accept_redirects"],
        "every interface follows, and a router accepts no redirects",
    ),
    effect(
        "net.ipv4.conf.all.forwarding",
        &[
            "net.ipv4.ip_forward",
            "net.ipv4.conf.*.forwarding",
            "net.ipv4.conf.all.accept_redirects",
        ],
        "every interface follows, and a router accepts no redirects",
    ),
    effect(
        "net.ipv6.conf.all.forwarding",
        &["net.ipv6.conf.*.forwarding"],
        "every interface follows",
    ),
    effect(
        "net.ipv6.conf.all.disable_ipv6",
        &["net.ipv6.conf.*.disable_ipv6"],
        "every interface follows",
    ),
    effect(
        "net.ipv4.tcp_congestion_control",
        &["net.ipv4.tcp_allowed_congestion_control"],
        "every program may use the algorithm from then on",
    ),
    effect(
        "kernel.watchdog",
        &["kernel.nmi_watchdog", "kernel.soft_watchdog"],
        "both detectors follow",
    ),
    effect(
        "kernel.nmi_watchdog",
        &["kernel.watchdog"],
        "it is 1 while either detector is",
    ),
    effect(
        "kernel.soft_watchdog",
        &["kernel.watchdog"],
        "it is 1 while either detector is",
    ),
    effect(
        "/sys/kernel/mm/transparent_hugepage/enabled",
        &["vm.min_free_kbytes"],
        "the kernel computes it again",
    ),
];

const fn effect(written: &'static str, changes: &'static [&'static str], how: &'static str) -> SideEffect {
    SideEffect { written, changes, how }
}

/// What a write of a sysctl or an attribute changes besides itself.
#[must_use]
pub fn side_effects(written: &str) -> Option<&'static SideEffect> {
    EFFECTS.iter().find(|effect| effect.written == written)
}

/// How early a sysctl is to be written: the lower the earlier. What makes room for others comes first.
#[must_use]
pub fn rank(name: &str) -> u8 {
    match name {
        // Descriptors cannot be allowed beyond these.
        "fs.nr_open" | "fs.file-max" => 0,
        // The range of ports cannot reach below what is not privileged.
        "net.ipv4.ip_unprivileged_port_start" => 0,
        // What a socket may ask for is cut to these.
        "net.core.rmem_max" | "net.core.wmem_max" => 1,
        _ => 2,
    }
}

/// Puts what is to be written one after the other into an order in which nothing undoes what was written before it: by rank, and
/// what changes others before those others. Otherwise the order stays. What is not a sysctl has no name, and stays where it is
/// among its like.
#[must_use]
pub fn in_order<T>(mut items: Vec<T>, name: impl Fn(&T) -> Option<&str>) -> Vec<T> {
    items.sort_by_key(|item| name(item).map_or(2, rank));
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, item) in items.iter().enumerate() {
        if let Some(name) = name(item) {
            places.entry(name).or_default().push(at);
        }
    }
    let changed = |item: &T| -> Vec<usize> {
        let patterns = name(item)
            .and_then(side_effects)
            .map_or(&[][..], |effect| effect.changes);
        let of = |pattern: &&str| match pattern.contains('*') {
            false => places.get(pattern).cloned().unwrap_or_default(),
            // Few keys change a whole family, and each of them is there once.
            true => (places.iter())
                .filter(|(other, _)| segments_match(pattern, other, '.') && name(item) != Some(**other))
                .flat_map(|(_, at)| at.clone())
                .collect(),
        };
        patterns.iter().flat_map(of).collect()
    };
    let changes: Vec<Vec<usize>> = items.iter().map(changed).collect();
    before(items, &changes)
}

/// Puts each item before those that it changes, by their places; otherwise the order stays. Where they go round in a circle, the next
/// one goes first.
#[must_use]
pub fn before<T>(items: Vec<T>, changes: &[Vec<usize>]) -> Vec<T> {
    let mut waits = vec![0_usize; items.len()];
    for (at, changed) in changes.iter().enumerate() {
        changed
            .iter()
            .filter(|other| **other != at)
            .for_each(|other| waits[*other] += 1);
    }
    let mut open: BTreeSet<usize> = (0..items.len()).collect();
    let mut free: BTreeSet<usize> = open.iter().copied().filter(|at| waits[*at] == 0).collect();
    let mut left: Vec<Option<T>> = items.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(left.len());
    while let Some(at) = free.pop_first().or_else(|| open.first().copied()) {
        open.remove(&at);
        ordered.extend(left[at].take());
        for other in changes[at].iter().filter(|other| open.contains(other)) {
            waits[*other] = waits[*other].saturating_sub(1);
            if waits[*other] == 0 {
                free.insert(*other);
            }
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn what_changes_others_comes_before_them() {
        let keys = vec![
            "net.ipv4.conf.eth0.forwarding",
            "vm.swappiness",
            "net.ipv4.ip_forward",
            "fs.nr_open",
            "net.ipv4.tcp_allowed_congestion_control",
            "net.ipv4.tcp_congestion_control",
        ];
        let ordered = in_order(keys, |key| Some(key));
        assert_eq!(
            ordered,
            [
                "fs.nr_open",
                "vm.swappiness",
                "net.ipv4.ip_forward",
                "net.ipv4.conf.eth0.forwarding",
                "net.ipv4.tcp_congestion_control",
                "net.ipv4.tcp_allowed_congestion_control",
            ]
        );
    }
}
