//! What is there on every kernel. Where it is missing, something hides it or nobody copied it, and what it would tell is unknown.

/// On every kernel that runs a machine, wherever `/proc` and `/sys` are mounted whole.
const EVERYWHERE: &[&str] = &[
    "/proc/1",
    "/proc/cmdline",
    "/proc/cpuinfo",
    "/proc/interrupts",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/mounts",
    "/proc/net",
    "/proc/self",
    "/proc/stat",
    "/proc/sys",
    "/proc/sys/fs",
    "/proc/sys/kernel",
    "/proc/sys/net",
    "/proc/sys/vm",
    "/proc/uptime",
    "/proc/version",
    "/proc/vmstat",
    "/sys/bus",
    "/sys/class",
    "/sys/devices",
    "/sys/devices/system/cpu/online",
    "/sys/fs",
    "/sys/kernel",
    "/sys/module",
];

/// On nearly every kernel. Where it is missing from a live one, that one was built without modules, without swap or for one
/// purpose; missing from a tree, nobody copied it.
const NEARLY: &[&str] = &[
    "/proc/diskstats",
    "/proc/key-users",
    "/proc/modules",
    "/proc/swaps",
    "/proc/sys/fs/file-max",
    "/proc/sys/fs/file-nr",
    "/proc/sys/fs/nr_open",
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/threads-max",
    "/proc/sys/net/core",
    "/proc/sys/net/core/rmem_max",
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/net/core/wmem_max",
    "/proc/sys/net/ipv4",
    "/proc/sys/net/ipv4/ip_local_port_range",
    "/proc/sys/net/ipv4/tcp_max_syn_backlog",
    "/proc/sys/net/ipv4/tcp_mem",
    "/proc/sys/net/ipv4/tcp_rmem",
    "/proc/sys/net/ipv4/tcp_wmem",
    "/proc/sys/vm/dirty_ratio",
    "/proc/sys/vm/max_map_count",
    "/proc/sys/vm/min_free_kbytes",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/swappiness",
];

/// Directories with an entry for each device: what is not in one of them, where others are, is not in the machine.
const DEVICES: &[&str] = &[
    "/sys/block",
    "/sys/bus/pci/devices",
    "/sys/class/net",
    "/sys/class/power_supply",
];

/// The file or directory that every kernel has, at or above a path and below the directory `there`.
#[cfg(target_os = "linux")]
pub(super) fn missing_below(there: &str, path: &str) -> Option<&'static str> {
    EVERYWHERE
        .iter()
        .copied()
        .find(|known| known.len() > there.len() && holds(known, path))
}

/// Every file and directory at or above a path that should be in a tree that somebody copied, the uppermost first.
pub(super) fn in_trees(path: &str) -> impl Iterator<Item = &'static str> + use<'_> {
    let known = EVERYWHERE.iter().chain(NEARLY).copied();
    known.filter(move |known| holds(known, path))
}

/// The directory that would have an entry for the device that a path is about.
pub(super) fn devices(path: &str) -> Option<&'static str> {
    DEVICES
        .iter()
        .copied()
        .find(|known| path != *known && holds(known, path))
}

fn holds(known: &str, path: &str) -> bool {
    path.strip_prefix(known)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_by_its_uppermost_part() {
        assert_eq!(
            missing_below("/proc", "/proc/sys/net/core/somaxconn"),
            Some("/proc/sys")
        );
        assert_eq!(
            missing_below("/proc/sys", "/proc/sys/net/core/somaxconn"),
            Some("/proc/sys/net")
        );
        assert_eq!(missing_below("/proc/sys/net", "/proc/sys/net/netfilter/x"), None);
        assert_eq!(missing_below("/proc", "/proc/modules"), None);
        assert!(in_trees("/proc/sys/vm/swappiness").eq(["/proc/sys", "/proc/sys/vm", "/proc/sys/vm/swappiness"]));
        assert_eq!(
            missing_below("/proc", "/proc/12/status"),
            None,
            "a process may have ended"
        );
    }
}
