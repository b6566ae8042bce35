//! Changes that can stop a machine, or cut off whoever works on it: what must hold afterwards.
//!
//! The kernel takes each of these writes without a word. A guard says which quantities have to fit, and is held against the
//! machine as it would be with all changes of a plan. What it finds needs consent.

use crate::glob::segments_match;

/// What must hold after a write.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    /// A name of its own.
    pub name: &'static str,
    /// The sysctls, and the files (they begin with `/`), whose writes it looks at; a `*` stands for one segment.
    pub keys: &'static [&'static str],
    /// The values that it looks at; every one where there is none.
    pub to: Option<Test>,
    /// What another sysctl must be, once everything is written, for it to look at all.
    pub only: Option<(&'static str, Test)>,
    /// What can be wrong.
    pub danger: Danger,
    /// What happens then, as a clause: `no program could start`.
    pub harm: &'static str,
    /// Where the kernel does that: its documentation or its source.
    pub source: &'static str,
}

/// A question about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// It is this one.
    Is(i128),
    /// It is another one.
    IsNot(i128),
}

/// What can be wrong with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Danger {
    /// What is in use does not fit into the room any more. A change that makes no less room, and uses no more, is none.
    Room {
        /// How much there is room for.
        room: Quantity,
        /// How much is in use.
        used: Quantity,
        /// What has to stay free.
        margin: Margin,
    },
    /// There is more of something than goes with it.
    MoreThan {
        /// Of what.
        of: Quantity,
        /// So many are fine.
        most: i128,
    },
    /// Nobody can tell cheaply whether it hurts, so it always may.
    CannotTell,
}

/// What has to stay free: the larger of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Margin {
    /// A share of the room.
    pub percent: i128,
    /// In the quantity's own unit.
    pub at_least: i128,
}

/// Something that is counted on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// A field of what is written, counted from 0.
    Written(usize),
    /// What is written; 0 stands for no limit.
    WrittenOrNoLimit,
    /// A number that does not depend on the machine, and what it is.
    Constant(i128, &'static str),
    /// A sysctl that counts: its name, and its first number.
    Sysctl(&'static str),
    /// A line of `/proc/meminfo`, in KiB.
    Meminfo(&'static str),
    /// A tenth of the memory, in KiB.
    TenthOfMemory,
    /// What may be promised in overcommit mode 2, in KiB.
    CommitLimit,
    /// What huge pages and the reserve of free memory take at once, beyond what they have, in KiB.
    MemoryTaken,
    /// Threads that exist, all of them: `/proc/loadavg`.
    Threads,
    /// The larger of the threads that exist, each of which has a number, and the highest number of a process.
    ProcessNumbers,
    /// Mappings of the process that has most.
    Mappings,
    /// The highest hard limit on descriptors of a process.
    HardDescriptors,
    /// Mounts of this namespace.
    Mounts,
    /// Pages that the sockets of a protocol hold: `/proc/net/sockstat`.
    SocketPages(&'static str),
    /// Entries of a table of neighbours: `/proc/net/stat/NAME`.
    Neighbours(&'static str),
    /// Connections over IPv6 to other machines.
    Ipv6Connections,
    /// Interfaces that packets can come in by and leave by, without the loopback, by a table of routes below `/proc/net`.
    Interfaces(&'static str),
}

const VM: &str = "https://docs.kernel.org/admin-guide/sysctl/vm.html";
const KERNEL: &str = "https://docs.kernel.org/admin-guide/sysctl/kernel.html";
const FS: &str = "https://docs.kernel.org/admin-guide/sysctl/fs.html";
const IP: &str = "https://docs.kernel.org/networking/ip-sysctl.html";

const FORWARDING: &str =
    "it forwards packets now, and containers, virtual machines and VPNs that count on it lose their network";

const fn margin(percent: i128, at_least: i128) -> Margin {
    Margin { percent, at_least }
}

/// A guard for what must fit, whatever is written.
const fn room(
    name: &'static str,
    keys: &'static [&'static str],
    (room, used, margin): (Quantity, Quantity, Margin),
    harm: &'static str,
    source: &'static str,
) -> Guard {
    let danger = Danger::Room { room, used, margin };
    Guard {
        name,
        keys,
        to: None,
        only: None,
        danger,
        harm,
        source,
    }
}

/// A guard for values of which nobody can tell whether they hurt.
const fn always(
    name: &'static str,
    keys: &'static [&'static str],
    to: Test,
    harm: &'static str,
    source: &'static str,
) -> Guard {
    Guard {
        name,
        keys,
        to: Some(to),
        only: None,
        danger: Danger::CannotTell,
        harm,
        source,
    }
}

/// Settings that other guarded ones are measured against, and what the kernel starts with (mm/util.c, kernel/panic.c). The
/// kilobytes have no start of their own: they are the ratio in another unit, and 0 while that one counts.
pub static AT_START: &[(&str, Option<&str>)] = &[
    ("vm.overcommit_memory", Some("0")),
    ("vm.overcommit_ratio", Some("50")),
    ("vm.overcommit_kbytes", None),
    ("kernel.panic", Some("0")),
];

static GUARDS: &[Guard] = &[
    // __vm_enough_memory() (mm/util.c) refuses every new mapping, and so every fork, once Committed_AS has reached the limit. What
    // was promised before stays promised, so a machine can be above it from the first moment. The limit follows the ratio or the
    // kilobytes, huge pages count as gone, and swap as there.
    Guard {
        only: Some(("vm.overcommit_memory", Test::Is(2))),
        ..room(
            "commit-limit",
            &[
                "vm.overcommit_memory",
                "vm.overcommit_ratio",
                "vm.overcommit_kbytes",
                "vm.nr_hugepages",
                "/sys/kernel/mm/hugepages/*/nr_hugepages",
                "/proc/swaps",
            ],
            (
                Quantity::CommitLimit,
                Quantity::Meminfo("Committed_AS"),
                margin(12, 65_536),
            ),
            "no program could start, and `runup revert` could not either",
            "https://docs.kernel.org/mm/overcommit-accounting.html",
        )
    },
    // copy_process() (kernel/fork.c): EAGAIN as soon as nr_threads has reached it.
    room(
        "threads",
        &["kernel.threads-max"],
        (Quantity::Written(0), Quantity::Threads, margin(20, 100)),
        "no program could start, and `runup revert` could not either",
        KERNEL,
    ),
    // alloc_pid() (kernel/pid.c) finds no number below it. The kernel itself takes anything from 301, or 8 for each processor. A
    // process with a higher number lives on, and tools that size a table by the limit fail on it.
    room(
        "process-numbers",
        &["kernel.pid_max"],
        (Quantity::Written(0), Quantity::ProcessNumbers, margin(20, 100)),
        "no program could start, and `runup revert` could not either",
        KERNEL,
    ),
    // alloc_empty_file() (fs/file_table.c): ENFILE for everybody but root.
    room(
        "open-files",
        &["fs.file-max"],
        (Quantity::Written(0), Quantity::Sysctl("fs.file-nr"), margin(20, 1024)),
        "only root could open files and sockets",
        FS,
    ),
    // do_prlimit() (kernel/sys.c): EPERM for any hard limit above it, whoever asks. pam_limits then ends the login.
    room(
        "descriptors-of-a-process",
        &["fs.nr_open"],
        (Quantity::Written(0), Quantity::HardDescriptors, margin(0, 0)),
        "logins and services that are given such a limit fail",
        FS,
    ),
    // count_mounts() (fs/namespace.c): ENOSPC.
    room(
        "mounts",
        &["fs.mount-max"],
        (Quantity::Written(0), Quantity::Mounts, margin(10, 100)),
        "nothing could be mounted, and containers and services with mounts of their own would not start",
        FS,
    ),
    // ioctx_alloc() (fs/aio.c): EAGAIN.
    room(
        "asynchronous-requests",
        &["fs.aio-max-nr"],
        (Quantity::Written(0), Quantity::Sysctl("fs.aio-nr"), margin(0, 0)),
        "databases and virtual machines that use asynchronous I/O would not start again",
        FS,
    ),
    // devpts_new_index() (fs/devpts/inode.c): ENOSPC. kernel.pty.reserve of them are for the host's own mount alone.
    room(
        "terminals",
        &["kernel.pty.max"],
        (Quantity::Written(0), Quantity::Sysctl("kernel.pty.nr"), margin(0, 32)),
        "nobody could log in over ssh or open a terminal",
        KERNEL,
    ),
    // "Setting this too high will OOM your machine instantly." The kernel's own choice goes up to 5 % (mm/khugepaged.c).
    room(
        "free-reserve",
        &["vm.min_free_kbytes"],
        (Quantity::TenthOfMemory, Quantity::Written(0), margin(0, 0)),
        "the kernel would kill programs at once for want of memory",
        VM,
    ),
    // Huge pages are taken away from everybody else the moment they are asked for, and so is the reserve. (Those of
    // nr_overcommit_hugepages are taken when a program asks, which gets none where there are none.)
    room(
        "memory-taken",
        &[
            "vm.nr_hugepages",
            "/sys/kernel/mm/hugepages/*/nr_hugepages",
            "vm.min_free_kbytes",
        ],
        (
            Quantity::Meminfo("MemAvailable"),
            Quantity::MemoryTaken,
            margin(10, 65_536),
        ),
        "programs would be killed for want of memory",
        "https://docs.kernel.org/admin-guide/mm/hugetlbpage.html",
    ),
    // do_mmap() (mm/mmap.c): ENOMEM. Programs that run on a kernel nobody tuned count on its default, and some map more.
    room(
        "mappings-default",
        &["vm.max_map_count"],
        (
            Quantity::Written(0),
            Quantity::Constant(65_530, "the kernel's own default"),
            margin(0, 0),
        ),
        "programs that map many files would end with an out-of-memory error",
        VM,
    ),
    room(
        "mappings-in-use",
        &["vm.max_map_count"],
        (Quantity::Written(0), Quantity::Mappings, margin(10, 1000)),
        "that process could map no memory and would end",
        VM,
    ),
    // __nf_conntrack_alloc() (net/netfilter/nf_conntrack_core.c) drops the packet of a new connection; 0 is no limit.
    room(
        "tracked-connections",
        &["net.netfilter.nf_conntrack_max", "net.nf_conntrack_max"],
        (
            Quantity::WrittenOrNoLimit,
            Quantity::Sysctl("net.netfilter.nf_conntrack_count"),
            margin(20, 256),
        ),
        "every new connection would be dropped, yours too",
        "https://docs.kernel.org/networking/nf_conntrack-sysctl.html",
    ),
    // __sk_mem_raise_allocated() (net/core/sock.c): above the third number nothing more is buffered.
    room(
        "tcp-memory",
        &["net.ipv4.tcp_mem"],
        (Quantity::Written(2), Quantity::SocketPages("TCP"), margin(20, 1024)),
        "every connection of the machine would stall, yours too",
        IP,
    ),
    room(
        "udp-memory",
        &["net.ipv4.udp_mem"],
        (Quantity::Written(2), Quantity::SocketPages("UDP"), margin(20, 1024)),
        "every UDP socket would lose what it is sent, name resolution too",
        IP,
    ),
    // neigh_alloc() (net/core/neighbour.c): "neighbor table overflow!", and what is not in it cannot be reached.
    room(
        "neighbours-ipv4",
        &["net.ipv4.neigh.default.gc_thresh3"],
        (Quantity::Written(0), Quantity::Neighbours("arp_cache"), margin(20, 64)),
        "machines of the own network could not be reached",
        IP,
    ),
    room(
        "neighbours-ipv6",
        &["net.ipv6.neigh.default.gc_thresh3"],
        (
            Quantity::Written(0),
            Quantity::Neighbours("ndisc_cache"),
            margin(20, 64),
        ),
        "machines of the own network could not be reached",
        IP,
    ),
    // addrconf_ifdown() (net/ipv6/addrconf.c) removes the addresses, and with them what is connected over them.
    Guard {
        name: "connections-over-ipv6",
        keys: &["net.ipv6.conf.*.disable_ipv6"],
        to: Some(Test::Is(1)),
        only: None,
        danger: Danger::MoreThan {
            of: Quantity::Ipv6Connections,
            most: 0,
        },
        harm: "they end, perhaps the one that you sit on among them",
        source: IP,
    },
    // fib_validate_source() (net/ipv4/fib_frontend.c): a packet is dropped where the answer would leave by another interface.
    Guard {
        name: "strict-source-check",
        keys: &["net.ipv4.conf.*.rp_filter"],
        to: Some(Test::Is(1)),
        only: None,
        danger: Danger::MoreThan {
            of: Quantity::Interfaces("route"),
            most: 1,
        },
        harm: "what comes in by one and is answered by another is dropped, perhaps your own connection",
        source: IP,
    },
    // ip_forward() and ip6_forward() drop what is for others. With one interface there is nobody to forward for.
    Guard {
        name: "forwarding-ipv4",
        keys: &["net.ipv4.ip_forward", "net.ipv4.conf.*.forwarding"],
        to: Some(Test::Is(0)),
        only: None,
        danger: Danger::MoreThan {
            of: Quantity::Interfaces("route"),
            most: 1,
        },
        harm: FORWARDING,
        source: IP,
    },
    Guard {
        name: "forwarding-ipv6",
        keys: &["net.ipv6.conf.*.forwarding"],
        to: Some(Test::Is(0)),
        only: None,
        danger: Danger::MoreThan {
            of: Quantity::Interfaces("ipv6_route"),
            most: 1,
        },
        harm: FORWARDING,
        source: IP,
    },
    always(
        "answers-to-ping",
        &["net.ipv4.icmp_echo_ignore_all"],
        Test::Is(1),
        "whatever asks by ping whether this machine lives (load balancers, clusters, monitoring) takes it for dead",
        IP,
    ),
    always(
        "namespaces",
        &[
            "user.max_cgroup_namespaces",
            "user.max_ipc_namespaces",
            "user.max_mnt_namespaces",
            "user.max_net_namespaces",
            "user.max_pid_namespaces",
            "user.max_time_namespaces",
            "user.max_user_namespaces",
            "user.max_uts_namespaces",
            "kernel.unprivileged_userns_clone",
        ],
        Test::Is(0),
        "containers, browsers and services with a sandbox could not start",
        "https://docs.kernel.org/admin-guide/sysctl/user.html",
    ),
    always(
        "panic-without-memory",
        &["vm.panic_on_oom"],
        Test::IsNot(0),
        "the whole machine stops where one program would have been killed",
        VM,
    ),
    always(
        "panic-at-a-stall",
        &["kernel.softlockup_panic"],
        Test::Is(1),
        "the whole machine stops when one processor is busy for some seconds, as in a virtual machine that was paused",
        KERNEL,
    ),
    // Where kernel.panic is 0, a machine that has panicked stands still until somebody comes. The two are seen together.
    Guard {
        only: Some(("kernel.panic", Test::Is(0))),
        ..always(
            "panic-for-ever",
            &["kernel.panic_on_oops"],
            Test::Is(1),
            "with kernel.panic = 0 the machine does not start again after a fault, but stands still until somebody comes",
            KERNEL,
        )
    },
    Guard {
        only: Some(("kernel.panic_on_oops", Test::Is(1))),
        ..always(
            "no-restart-after-panic",
            &["kernel.panic"],
            Test::Is(0),
            "with kernel.panic_on_oops = 1 the machine does not start again after a fault, but stands still until somebody comes",
            KERNEL,
        )
    },
    always(
        "real-time-without-end",
        &["kernel.sched_rt_runtime_us"],
        Test::Is(-1),
        "a real-time thread that does not sleep stops everything else on its processor, the shell too",
        "https://docs.kernel.org/scheduler/sched-rt-group.html",
    ),
    always(
        "caches-that-stay",
        &["vm.vfs_cache_pressure"],
        Test::Is(0),
        "the kernel never gives up names and inodes for want of memory, and can run out of it",
        VM,
    ),
];

/// Every guard.
#[must_use]
pub fn guards() -> &'static [Guard] {
    GUARDS
}

/// What can go wrong with a write of a sysctl or a file, in words: a clause for each guard that looks at it.
#[must_use]
pub fn harms(written: &str) -> Vec<&'static str> {
    let mut harms: Vec<&str> = Vec::new();
    for guard in GUARDS.iter().filter(|guard| guard.watches(written)) {
        if !harms.contains(&guard.harm) {
            harms.push(guard.harm);
        }
    }
    harms
}

impl Guard {
    /// Whether it looks at writes of a sysctl or a file. `default` is for interfaces that do not exist yet.
    #[must_use]
    pub fn watches(&self, written: &str) -> bool {
        let same = |key: &&str| {
            let separator = if key.starts_with('/') { '/' } else { '.' };
            segments_match(key, written, separator)
        };
        !written.contains(".conf.default.") && self.keys.iter().any(same)
    }
}

impl Test {
    /// Its answer for a number.
    #[must_use]
    pub fn holds(self, number: i128) -> bool {
        match self {
            Test::Is(wanted) => number == wanted,
            Test::IsNot(other) => number != other,
        }
    }
}

impl Quantity {
    /// What it is called.
    #[must_use]
    pub fn name(self, written: &str) -> String {
        match self {
            Quantity::Written(_) | Quantity::WrittenOrNoLimit => written.to_owned(),
            Quantity::Constant(_, name) | Quantity::Sysctl(name) | Quantity::Meminfo(name) => name.to_owned(),
            Quantity::TenthOfMemory => "a tenth of the memory".to_owned(),
            Quantity::CommitLimit => "CommitLimit".to_owned(),
            Quantity::MemoryTaken => "what this takes at once".to_owned(),
            Quantity::Threads => "the number of threads".to_owned(),
            Quantity::ProcessNumbers => "the highest number of a process or the number of threads".to_owned(),
            Quantity::Mappings => "the number of mappings of one process".to_owned(),
            Quantity::HardDescriptors => "a hard limit on descriptors".to_owned(),
            Quantity::Mounts => "the number of mounts".to_owned(),
            Quantity::SocketPages(protocol) => format!("the number of pages in {protocol} sockets"),
            Quantity::Neighbours(_) => "the number of neighbours".to_owned(),
            Quantity::Ipv6Connections => "the number of connections over IPv6".to_owned(),
            Quantity::Interfaces(_) => "the number of network interfaces in use".to_owned(),
        }
    }

    /// Its unit, with the space before it.
    #[must_use]
    pub fn unit(self, written: &str) -> &'static str {
        match self {
            Quantity::Written(_) if written.ends_with("_kbytes") => " kB",
            Quantity::Meminfo(_) | Quantity::TenthOfMemory | Quantity::CommitLimit | Quantity::MemoryTaken => " kB",
            Quantity::Written(_)
            | Quantity::WrittenOrNoLimit
            | Quantity::Constant(..)
            | Quantity::Sysctl(_)
            | Quantity::Threads
            | Quantity::ProcessNumbers
            | Quantity::Mappings
            | Quantity::HardDescriptors
            | Quantity::Mounts
            | Quantity::SocketPages(_)
            | Quantity::Neighbours(_)
            | Quantity::Ipv6Connections
            | Quantity::Interfaces(_) => "",
        }
    }

    /// Whether a write changes it; else it is what the machine has now, and stays.
    #[must_use]
    pub fn is_written(self) -> bool {
        match self {
            Quantity::Written(_) | Quantity::WrittenOrNoLimit | Quantity::CommitLimit | Quantity::MemoryTaken => true,
            Quantity::Constant(..)
            | Quantity::Sysctl(_)
            | Quantity::Meminfo(_)
            | Quantity::TenthOfMemory
            | Quantity::Threads
            | Quantity::ProcessNumbers
            | Quantity::Mappings
            | Quantity::HardDescriptors
            | Quantity::Mounts
            | Quantity::SocketPages(_)
            | Quantity::Neighbours(_)
            | Quantity::Ipv6Connections
            | Quantity::Interfaces(_) => false,
        }
    }
}
