//! `vm`: memory.

use super::{Key, Write, key};
use crate::value::Unit;

const VM: &str = "https://docs.kernel.org/admin-guide/sysctl/vm.html";

pub(super) static KEYS: &[Key] = &[
    key("vm.admin_reserve_kbytes", "Memory that is kept for root.", VM).unit(Unit::Kib),
    key("vm.compact_memory", "A trigger: writing it compacts memory.", VM).write(Write::Never),
    key(
        "vm.compaction_proactiveness",
        "How eagerly memory is compacted in the background.",
        VM,
    )
    .since(5, 9),
    key(
        "vm.dirty_background_bytes",
        "Dirty memory at which writing begins in the background; setting it zeroes the ratio.",
        VM,
    )
    .unit(Unit::Bytes),
    key(
        "vm.dirty_background_ratio",
        "Dirty memory at which writing begins in the background, as a share of what is available.",
        VM,
    )
    .unit(Unit::Percent),
    key(
        "vm.dirty_bytes",
        "Dirty memory at which programs must write themselves; setting it zeroes the ratio.",
        VM,
    )
    .unit(Unit::Bytes),
    key("vm.dirty_expire_centisecs", "Age at which dirty memory is written.", VM).unit(Unit::Centiseconds),
    key(
        "vm.dirty_ratio",
        "Dirty memory at which programs must write themselves, as a share of what is available.",
        VM,
    )
    .unit(Unit::Percent),
    key(
        "vm.dirty_writeback_centisecs",
        "How often dirty memory is looked for.",
        VM,
    )
    .unit(Unit::Centiseconds),
    key("vm.drop_caches", "A trigger: writing it drops the page cache.", VM).write(Write::Never),
    key(
        "vm.extfrag_threshold",
        "Fragmentation at which memory is compacted rather than reclaimed.",
        VM,
    ),
    key(
        "vm.force_cgroup_v2_swappiness",
        "Whether cgroups follow vm.swappiness, on Red Hat's kernels.",
        VM,
    )
    .needs("a kernel of Red Hat"),
    key(
        "vm.hugetlb_shm_group",
        "Group that may use huge pages for shared memory.",
        VM,
    ),
    key("vm.laptop_mode", "Gathers disk writes to spare a battery.", VM),
    key(
        "vm.max_map_count",
        "Memory mappings that one process may have. Search engines and JVMs that map many files run into it with an out-of-memory error.",
        VM,
    ),
    key(
        "vm.min_free_kbytes",
        "Memory that is kept free for what cannot wait; too much of it makes the machine run out of memory at once.",
        VM,
    )
    .unit(Unit::Kib),
    key("vm.mmap_min_addr", "The lowest address that may be mapped.", VM).unit(Unit::Bytes),
    key("vm.nr_hugepages", "Huge pages that are set aside for good.", VM),
    // Which nodes give the pages follows from the memory policy of whoever writes it, which no profile can say.
    key(
        "vm.nr_hugepages_mempolicy",
        "The same number; who writes it sets the pages aside on the nodes of his own memory policy.",
        VM,
    )
    .write(Write::Never),
    key(
        "vm.nr_overcommit_hugepages",
        "Huge pages that may be added when they are asked for.",
        VM,
    ),
    key("vm.numa_stat", "Whether NUMA counters are kept.", VM),
    key(
        "vm.oom_dump_tasks",
        "Whether an out-of-memory kill lists the processes.",
        VM,
    ),
    key(
        "vm.oom_kill_allocating_task",
        "Whether the process that asked is killed rather than the largest.",
        VM,
    ),
    key(
        "vm.overcommit_kbytes",
        "Commit limit in overcommit mode 2; setting it zeroes the ratio.",
        VM,
    )
    .unit(Unit::Kib),
    key(
        "vm.overcommit_memory",
        "What is promised beyond what there is: 0 by a guess, 1 everything, 2 no more than the commit limit.",
        VM,
    ),
    key(
        "vm.overcommit_ratio",
        "Commit limit in overcommit mode 2, as a share of RAM.",
        VM,
    )
    .unit(Unit::Percent),
    key(
        "vm.page-cluster",
        "Pages that are read from swap at once, as a power of two.",
        VM,
    ),
    key(
        "vm.panic_on_oom",
        "Whether running out of memory stops the machine.",
        VM,
    ),
    key(
        "vm.percpu_pagelist_high_fraction",
        "Share of a zone that processors keep for themselves.",
        VM,
    )
    .since(5, 14),
    key("vm.stat_interval", "How often memory counters are summed up.", VM).unit(Unit::Seconds),
    key(
        "vm.swappiness",
        "How readily anonymous memory is swapped rather than cache dropped. 0 does not turn swap off.",
        VM,
    ),
    key(
        "vm.user_reserve_kbytes",
        "Memory that is kept for the user to recover, in overcommit mode 2.",
        VM,
    )
    .unit(Unit::Kib),
    key(
        "vm.vfs_cache_pressure",
        "How readily directory and inode caches are dropped; far beyond 100 it costs speed, and 0 can exhaust memory.",
        VM,
    ),
    key(
        "vm.watermark_boost_factor",
        "How much more is reclaimed after fragmentation.",
        VM,
    ),
    key(
        "vm.watermark_scale_factor",
        "Distance of the watermarks between which memory is reclaimed, in units of 0.01 percent.",
        VM,
    ),
    key(
        "vm.zone_reclaim_mode",
        "Whether memory of the own NUMA node is reclaimed before another node's is used.",
        VM,
    ),
];
