//! What the kernel ties together: settings with several names, settings in two units of which one alone counts, and settings that
//! cannot be above others.

use crate::system::Resource;

/// Names of one setting. Whatever is written by one of them is read by all.
struct Alias {
    /// The first is the one by which they meet.
    names: &'static [&'static str],
    /// Whether the others are the first one only in the first user namespace: elsewhere they are that namespace's own.
    first_user_namespace: bool,
}

const ALIASES: &[Alias] = &[
    // One row each of nf_ct_sysctl_table and nf_ct_netfilter_table, over one variable.
    alias(&["net.netfilter.nf_conntrack_max", "net.nf_conntrack_max"]),
    // nf_conntrack_htable_size, which the module's parameter resizes as the sysctl does.
    alias(&[
        "net.netfilter.nf_conntrack_buckets",
        "/sys/module/nf_conntrack/parameters/hashsize",
    ]),
    // IPV4_DEVCONF_FORWARDING of all: devinet_sysctl_forward() handles both.
    alias(&["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"]),
    // The policy of the process that writes decides about nodes; the number is one.
    alias(&["vm.nr_hugepages", "vm.nr_hugepages_mempolicy"]),
    // Rows of init_user_ns.ucount_max, which `fs` shows wherever it is read.
    of_users(&["fs.inotify.max_user_instances", "user.max_inotify_instances"]),
    of_users(&["fs.inotify.max_user_watches", "user.max_inotify_watches"]),
    of_users(&["fs.fanotify.max_user_groups", "user.max_fanotify_groups"]),
    of_users(&["fs.fanotify.max_user_marks", "user.max_fanotify_marks"]),
];

const fn alias(names: &'static [&'static str]) -> Alias {
    Alias {
        names,
        first_user_namespace: false,
    }
}

const fn of_users(names: &'static [&'static str]) -> Alias {
    Alias {
        names,
        first_user_namespace: true,
    }
}

/// Every name of a setting, its own among them; none where it has no other.
#[must_use]
pub fn names(name: &str) -> &'static [&'static str] {
    find(name).map_or(&[], |alias| alias.names)
}

/// The name by which a sysctl or an attribute under `/sys` meets its other names. `is_first` tells whether this is the first user
/// namespace; it is asked only where it matters.
#[must_use]
pub fn canonical(name: &str, is_first: impl FnOnce() -> bool) -> &str {
    match find(name) {
        Some(alias) if !alias.first_user_namespace || is_first() => alias.names[0],
        _ => name,
    }
}

fn find(name: &str) -> Option<&'static Alias> {
    ALIASES.iter().find(|alias| alias.names.contains(&name))
}

/// One setting in two units: while one of them counts the other is 0.
struct Pair {
    keys: [&'static str; 2],
    /// Whether a 0 that is written makes the other one 0 too. Elsewhere the kernel refuses it, or takes it for no change where it is 0
    /// already.
    zero_counts: bool,
}

/// The handlers of mm/page-writeback.c and mm/util.c: `dirty_ratio` looks whether the value has changed, the others do not.
const PAIRS: &[Pair] = &[
    pair(["vm.dirty_bytes", "vm.dirty_ratio"], false),
    pair(["vm.dirty_background_bytes", "vm.dirty_background_ratio"], true),
    pair(["vm.overcommit_kbytes", "vm.overcommit_ratio"], true),
];

const fn pair(keys: [&'static str; 2], zero_counts: bool) -> Pair {
    Pair { keys, zero_counts }
}

/// The same setting in its other unit.
#[must_use]
pub fn twin(key: &str) -> Option<&'static str> {
    other(key).map(|(other, _)| other)
}

/// The sysctl that becomes 0 when another one is set to a value.
#[must_use]
pub fn zeroed_by(key: &str, value: &str) -> Option<&'static str> {
    let (other, pair) = other(key)?;
    (pair.zero_counts || value.trim() != "0").then_some(other)
}

fn other(key: &str) -> Option<(&'static str, &'static Pair)> {
    // Nearly every key that is asked for is told apart by its first letters.
    if !key.starts_with("vm.") {
        return None;
    }
    PAIRS.iter().find_map(|pair| match pair.keys {
        [left, right] if key == left => Some((right, pair)),
        [left, right] if key == right => Some((left, pair)),
        _ => None,
    })
}

/// Sysctls that the kernel refuses to have above another one; of a range, above its low end.
const CEILINGS: &[(&str, &str)] = &[
    // ipv4_privileged_ports() and ipv4_local_port_range() each look at the other.
    ("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_port_range"),
    // sched_rt_global_validate().
    ("kernel.sched_rt_runtime_us", "kernel.sched_rt_period_us"),
];

/// The sysctl above which another one cannot be.
#[must_use]
pub fn ceiling_of(key: &str) -> Option<&'static str> {
    CEILINGS
        .iter()
        .find(|(lower, _)| *lower == key)
        .map(|(_, upper)| *upper)
}

/// The two sysctls of which the first cannot be above the second, where a key is one of them.
#[must_use]
pub fn kept_below(key: &str) -> Option<(&'static str, &'static str)> {
    CEILINGS
        .iter()
        .find(|(lower, upper)| *lower == key || *upper == key)
        .copied()
}

/// The sysctl above which no limit of a process can be.
#[must_use]
pub fn ceiling_of_limit(resource: Resource) -> Option<&'static str> {
    // do_prlimit() refuses a hard limit above it, and a soft one is never above the hard one.
    (resource == Resource::Nofile).then_some("fs.nr_open")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_known_by_every_name_and_by_one_alone() {
        let mut all: Vec<&str> = ALIASES.iter().flat_map(|alias| alias.names).copied().collect();
        for name in &all {
            assert_eq!(canonical(name, || true), names(name)[0], "{name}");
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a name stands in two rows");
        assert_eq!(canonical("vm.swappiness", || true), "vm.swappiness");
        assert!(names("vm.swappiness").is_empty());
    }

    #[test]
    fn another_user_namespace_has_numbers_of_its_own() {
        let key = "user.max_inotify_watches";
        assert_eq!(canonical(key, || true), "fs.inotify.max_user_watches");
        assert_eq!(canonical(key, || false), key);
        assert_eq!(
            canonical("net.nf_conntrack_max", || false),
            "net.netfilter.nf_conntrack_max"
        );
    }

    #[test]
    fn a_zero_says_nothing_where_the_kernel_looks_for_a_change() {
        assert_eq!(zeroed_by("vm.dirty_bytes", "1048576"), Some("vm.dirty_ratio"));
        assert_eq!(zeroed_by("vm.dirty_ratio", "0"), None);
        assert_eq!(zeroed_by("vm.overcommit_ratio", "0\n"), Some("vm.overcommit_kbytes"));
        assert_eq!(zeroed_by("vm.swappiness", "1"), None);
        assert_eq!(twin("vm.dirty_background_ratio"), Some("vm.dirty_background_bytes"));
    }
}
