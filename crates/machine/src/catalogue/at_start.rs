//! What the kernel starts with: the value of a key that nothing sets.
//!
//! Only what is a constant of the kernel's source, whatever the machine and the options with which the kernel was built. What is
//! computed from memory or processors, what a build option decides, and what distributions patch, is not here; keys of a network or
//! IPC namespace are in [`fresh`](super::fresh), since the first namespace begins as every other one does.

use super::fresh::{Kernel, fresh};
use super::guards::AT_START;

/// What one key starts with.
#[derive(Debug)]
struct Begins {
    /// Its canonical dotted name.
    key: &'static str,
    value: &'static str,
    /// The first kernel of which that is known to be so; the key may be older.
    since: Option<Kernel>,
    /// The first kernel that starts with something else.
    until: Option<Kernel>,
}

const fn row(key: &'static str, value: &'static str) -> Begins {
    Begins {
        key,
        value,
        since: None,
        until: None,
    }
}

const fn until(kernel: Kernel, key: &'static str, value: &'static str) -> Begins {
    Begins {
        until: Some(kernel),
        ..row(key, value)
    }
}

/// By name, from the kernel's source: fs/aio.c, fs/file.c, fs/locks.c, fs/namespace.c, fs/pipe.c, fs/notify/inotify/inotify_user.c,
/// kernel/panic.c, kernel/sched/rt.c, kernel/time/timer.c, mm/compaction.c, mm/page-writeback.c, mm/page_alloc.c, mm/util.c,
/// mm/vmscan.c, fs/dcache.c, include/linux/mm.h, security/keys/key.c, net/core/dev.c, net/core/hotdata.c, net/ipv4/arp.c,
/// net/ipv4/devinet.c and net/ipv6/ndisc.c, and what a kernel of 6.18 showed that nobody had tuned.
static BEGINS: &[Begins] = &[
    row("fs.aio-max-nr", "65536"),
    row("fs.inotify.max_queued_events", "16384"),
    row("fs.inotify.max_user_instances", "128"),
    // Since 5.11 it follows from the memory.
    until((5, 11), "fs.inotify.max_user_watches", "8192"),
    row("fs.lease-break-time", "45"),
    row("fs.mount-max", "100000"),
    row("fs.pipe-max-size", "1048576"),
    row("fs.pipe-user-pages-hard", "0"),
    row("fs.pipe-user-pages-soft", "16384"),
    row("fs.suid_dumpable", "0"),
    row("kernel.core_uses_pid", "0"),
    row("kernel.kexec_load_disabled", "0"),
    row("kernel.keys.maxbytes", "20000"),
    row("kernel.keys.maxkeys", "200"),
    row("kernel.keys.root_maxbytes", "25000000"),
    row("kernel.keys.root_maxkeys", "1000000"),
    row("kernel.kptr_restrict", "0"),
    row("kernel.modules_disabled", "0"),
    row("kernel.sched_rt_period_us", "1000000"),
    row("kernel.sched_rt_runtime_us", "950000"),
    row("kernel.timer_migration", "1"),
    row("net.core.busy_poll", "0"),
    row("net.core.busy_read", "0"),
    row("net.core.netdev_budget", "300"),
    row("net.core.netdev_max_backlog", "1000"),
    row("net.ipv4.conf.all.accept_redirects", "1"),
    row("net.ipv4.conf.all.accept_source_route", "0"),
    row("net.ipv4.conf.all.arp_announce", "0"),
    row("net.ipv4.conf.all.arp_ignore", "0"),
    row("net.ipv4.conf.all.log_martians", "0"),
    row("net.ipv4.conf.all.rp_filter", "0"),
    row("net.ipv4.conf.all.secure_redirects", "1"),
    row("net.ipv4.conf.all.send_redirects", "1"),
    row("net.ipv4.ip_forward", "0"),
    row("net.ipv4.neigh.default.gc_thresh1", "128"),
    row("net.ipv4.neigh.default.gc_thresh2", "512"),
    row("net.ipv4.neigh.default.gc_thresh3", "1024"),
    row("net.ipv6.neigh.default.gc_thresh1", "128"),
    row("net.ipv6.neigh.default.gc_thresh2", "512"),
    row("net.ipv6.neigh.default.gc_thresh3", "1024"),
    row("vm.compaction_proactiveness", "20"),
    row("vm.dirty_background_bytes", "0"),
    row("vm.dirty_background_ratio", "10"),
    row("vm.dirty_bytes", "0"),
    row("vm.dirty_expire_centisecs", "3000"),
    row("vm.dirty_ratio", "20"),
    row("vm.dirty_writeback_centisecs", "500"),
    row("vm.laptop_mode", "0"),
    row("vm.max_map_count", "65530"),
    row("vm.nr_overcommit_hugepages", "0"),
    row("vm.oom_kill_allocating_task", "0"),
    row("vm.overcommit_kbytes", "0"),
    row("vm.page-cluster", "3"),
    row("vm.panic_on_oom", "0"),
    row("vm.stat_interval", "1"),
    row("vm.swappiness", "60"),
    row("vm.vfs_cache_pressure", "100"),
    row("vm.watermark_boost_factor", "15000"),
    row("vm.watermark_scale_factor", "10"),
    Begins {
        since: Some((3, 16)),
        ..row("vm.zone_reclaim_mode", "0")
    },
];

/// Keys that the kernel sizes by the memory of the machine each time it starts: tcp_init() and tcp_sk_init() of net/ipv4,
/// udp_table_init() of net/ipv4/udp.c, calculate_min_free_kbytes() of mm/page_alloc.c, set_max_threads() of kernel/fork.c,
/// files_maxfiles_init() of fs/file_table.c.
const SIZED: &[&str] = &[
    "fs.file-max",
    "kernel.threads-max",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_mem",
    "net.ipv4.udp_mem",
    "vm.min_free_kbytes",
];

/// Whether the kernel sizes a key by the memory of the machine when it starts: a value of today, kept in a file, would be wrong when
/// that changes.
#[must_use]
pub fn is_sized(key: &str) -> bool {
    SIZED.contains(&key)
}

/// What a key is when the kernel has started and nothing has set it, as the kernel shows it but with single spaces; `None` where that
/// is not known. `ram` tells the machine's memory in bytes, and is asked only where the value follows from it.
#[must_use]
pub fn at_start(key: &str, kernel: Option<Kernel>, ram: &dyn Fn() -> Option<u64>) -> Option<String> {
    if let Ok(at) = BEGINS.binary_search_by(|row| row.key.cmp(key)) {
        let begins = &BEGINS[at];
        let fits = match kernel {
            Some(kernel) => {
                begins.since.is_none_or(|since| kernel >= since) && begins.until.is_none_or(|until| kernel < until)
            }
            None => begins.since.is_none() && begins.until.is_none(),
        };
        return fits.then(|| begins.value.to_owned());
    }
    if let Some((_, start)) = AT_START.iter().find(|(known, _)| *known == key) {
        return start.map(str::to_owned);
    }
    let row = fresh(key)?;
    let kernel = Some(kernel?);
    if !row.steps.iter().any(|step| step.value.is_computed()) {
        return row.on(kernel, None);
    }
    row.on(kernel, Some(ram()?))
}

#[cfg(test)]
mod tests {
    use super::super::{Os, lookup};
    use super::*;

    #[test]
    fn what_a_kernel_starts_with_is_a_value_of_the_key() {
        for pair in BEGINS.windows(2) {
            assert!(
                pair[0].key < pair[1].key,
                "{} stands before {}",
                pair[0].key,
                pair[1].key
            );
        }
        for row in BEGINS {
            assert!(fresh(row.key).is_none(), "{} is said twice", row.key);
            if let Some(key) = lookup(Os::Linux, row.key) {
                assert!(key.value.parse(row.value).is_ok(), "{}", row.key);
            }
        }
        let start = |key, kernel| at_start(key, Some(kernel), &|| None);
        assert_eq!(start("kernel.panic", (6, 1)).as_deref(), Some("0"));
        assert_eq!(start("net.core.somaxconn", (4, 19)).as_deref(), Some("128"));
        assert_eq!(start("net.core.somaxconn", (6, 1)).as_deref(), Some("4096"));
        assert_eq!(start("fs.inotify.max_user_watches", (5, 15)), None);
        assert_eq!(
            start("net.ipv4.tcp_max_tw_buckets", (6, 1)),
            None,
            "it follows from the memory"
        );
        assert_eq!(start("kernel.pid_max", (6, 1)), None);
    }
}
