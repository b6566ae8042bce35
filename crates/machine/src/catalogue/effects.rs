//! What a write changes besides its own key.

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

/// Settings in two units: a write of one makes the other 0 (overcommit_ratio_handler() and its like in mm/).
const TWINS: [[&str; 2]; 3] = [
    ["vm.dirty_bytes", "vm.dirty_ratio"],
    ["vm.dirty_background_bytes", "vm.dirty_background_ratio"],
    ["vm.overcommit_kbytes", "vm.overcommit_ratio"],
];

/// The sysctl that becomes 0 when another one is written.
#[must_use]
pub fn twin(written: &str) -> Option<&'static str> {
    TWINS.iter().find_map(|[left, right]| match written {
        name if name == *left => Some(*right),
        name if name == *right => Some(*left),
        _ => None,
    })
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
    let mut ordered = Vec::with_capacity(items.len());
    while !items.is_empty() {
        let free = |at: usize| {
            let Some(own) = name(&items[at]) else { return true };
            !items
                .iter()
                .enumerate()
                .any(|(other, item)| other != at && name(item).is_some_and(|written| changes(written, own)))
        };
        // Where they go round in a circle, simply the next one.
        let at = (0..items.len()).find(|at| free(*at)).unwrap_or(0);
        ordered.push(items.remove(at));
    }
    ordered
}

/// Whether writing one key changes another.
fn changes(written: &str, other: &str) -> bool {
    written != other
        && side_effects(written)
            .is_some_and(|effect| effect.changes.iter().any(|pattern| segments_match(pattern, other, '.')))
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
