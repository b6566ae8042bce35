//! `kernel`: processes, IPC, scheduling, panics, profiling.

use super::{Key, Namespace, Write, key};
use crate::value::{Type, Unit};

const KERN: &str = "https://docs.kernel.org/admin-guide/sysctl/kernel.html";

pub(super) static KEYS: &[Key] = &[
    key(
        "kernel.apparmor_restrict_unprivileged_userns",
        "Whether AppArmor keeps unprivileged programs from making user namespaces, on Ubuntu's kernels.",
        KERN,
    )
    .needs("a kernel of Ubuntu"),
    key(
        "kernel.core_pattern",
        "Where core files go; a pipe names a program that the kernel runs as root.",
        KERN,
    )
    .of(Type::Text)
    .write(Write::Never),
    key(
        "kernel.core_pipe_limit",
        "Programs that take core files at the same time.",
        KERN,
    )
    .write(Write::Never),
    key(
        "kernel.core_uses_pid",
        "Whether core files carry the process's number.",
        KERN,
    ),
    key(
        "kernel.dmesg_restrict",
        "Whether the kernel log is for root only.",
        KERN,
    ),
    key("kernel.domainname", "The NIS domain.", KERN)
        .of(Type::Text)
        .ns(Namespace::Uts),
    key("kernel.hostname", "The host's name.", KERN)
        .of(Type::Text)
        .ns(Namespace::Uts),
    key(
        "kernel.hotplug",
        "The program that the kernel starts for each device that comes or goes; empty where nobody wants that.",
        KERN,
    )
    .of(Type::Text)
    .write(Write::Never)
    .needs("CONFIG_UEVENT_HELPER"),
    key(
        "kernel.hung_task_timeout_secs",
        "How long a process may hang before the log says so.",
        KERN,
    )
    .unit(Unit::Seconds),
    key(
        "kernel.io_uring_disabled",
        "Whether io_uring is refused: 1 to the unprivileged, 2 to all.",
        KERN,
    )
    .since(6, 6),
    key(
        "kernel.kexec_load_disabled",
        "Whether another kernel can be loaded; once set, it stays.",
        KERN,
    )
    .write(Write::OneWay),
    key("kernel.keys.maxbytes", "Bytes of keys that one user may hold.", KERN).unit(Unit::Bytes),
    key(
        "kernel.keys.maxkeys",
        "Keys that one user may hold; a keyring for each container counts.",
        KERN,
    ),
    key("kernel.keys.root_maxbytes", "Bytes of keys that root may hold.", KERN).unit(Unit::Bytes),
    key(
        "kernel.keys.root_maxkeys",
        "Keys that root may hold; a keyring for each container counts.",
        KERN,
    ),
    key("kernel.kptr_restrict", "Whether kernel addresses are hidden.", KERN),
    key("kernel.modprobe", "The program that loads modules.", KERN)
        .of(Type::Text)
        .write(Write::Never),
    key(
        "kernel.modules_disabled",
        "Whether modules can be loaded; once set, it stays.",
        KERN,
    )
    .write(Write::OneWay),
    key("kernel.msgmax", "Size that a System V message may have.", KERN)
        .ns(Namespace::Ipc)
        .unit(Unit::Bytes),
    key("kernel.msgmnb", "Bytes that a System V queue may hold.", KERN)
        .ns(Namespace::Ipc)
        .unit(Unit::Bytes),
    key("kernel.msgmni", "System V queues of one IPC namespace.", KERN).ns(Namespace::Ipc),
    key(
        "kernel.nmi_watchdog",
        "Whether a hardware counter watches for hung processors; takes one performance counter and some time.",
        KERN,
    ),
    key(
        "kernel.ns_last_pid",
        "The last process number of the PID namespace.",
        KERN,
    )
    .ns(Namespace::Pid)
    .write(Write::Never),
    key(
        "kernel.numa_balancing",
        "Whether memory follows the threads between NUMA nodes.",
        KERN,
    )
    .needs("a kernel built for NUMA"),
    key("kernel.osrelease", "The kernel's release.", KERN)
        .of(Type::Text)
        .write(Write::ReadOnly),
    key(
        "kernel.panic",
        "Seconds after which a stopped kernel starts again; 0 is never.",
        KERN,
    )
    .unit(Unit::Seconds),
    key("kernel.panic_on_oops", "Whether a fault in the kernel stops it.", KERN),
    key(
        "kernel.perf_cpu_time_max_percent",
        "Processor time that sampling may take.",
        KERN,
    )
    .unit(Unit::Percent),
    key(
        "kernel.perf_event_max_sample_rate",
        "Samples a second that profiling may take.",
        KERN,
    ),
    key(
        "kernel.perf_event_mlock_kb",
        "Memory that one user may lock for profiling.",
        KERN,
    )
    .unit(Unit::Kib),
    key(
        "kernel.perf_event_paranoid",
        "What the unprivileged may profile: less the higher it is.",
        KERN,
    ),
    key("kernel.pid_max", "Process and thread numbers of the machine.", KERN),
    key("kernel.poweroff_cmd", "The program that turns the machine off.", KERN)
        .of(Type::Text)
        .write(Write::Never),
    key("kernel.printk", "Which messages go to the console.", KERN).of(Type::Tuple(
        &["console", "default", "minimum", "boot_default"],
        Unit::Count,
    )),
    key("kernel.pty.max", "Pseudo-terminals of the machine.", KERN),
    key("kernel.random.boot_id", "A number that is another at every boot.", KERN)
        .of(Type::Text)
        .write(Write::ReadOnly)
        .secret(),
    key(
        "kernel.random.entropy_avail",
        "Bits of entropy; a constant on newer kernels.",
        KERN,
    )
    .write(Write::ReadOnly),
    key("kernel.random.uuid", "A new random number at each reading.", KERN)
        .of(Type::Text)
        .write(Write::ReadOnly)
        .secret(),
    key(
        "kernel.randomize_va_space",
        "Address space randomisation: 2 is whole.",
        KERN,
    ),
    key(
        "kernel.sched_autogroup_enabled",
        "Whether each session is scheduled as a group.",
        KERN,
    )
    .needs("CONFIG_SCHED_AUTOGROUP"),
    key(
        "kernel.sched_latency_ns",
        "Time in which every runnable task runs once; in debugfs since kernel 5.13.",
        KERN,
    )
    .until(5, 13)
    .unit(Unit::Nanoseconds),
    key(
        "kernel.sched_migration_cost_ns",
        "How long a task counts as warm on its processor; in debugfs since kernel 5.13.",
        KERN,
    )
    .until(5, 13)
    .unit(Unit::Nanoseconds),
    key(
        "kernel.sched_min_granularity_ns",
        "How long a task runs at least; in debugfs since kernel 5.13.",
        KERN,
    )
    .until(5, 13)
    .unit(Unit::Nanoseconds),
    key(
        "kernel.sched_rt_runtime_us",
        "Time that real-time tasks may take of each period; -1 is all.",
        KERN,
    )
    .no_limit(&[-1]),
    key(
        "kernel.sched_wakeup_granularity_ns",
        "How far a task that wakes must be behind to take the processor; in debugfs since kernel 5.13.",
        KERN,
    )
    .until(5, 13)
    .unit(Unit::Nanoseconds),
    key(
        "kernel.sem",
        "System V semaphores: of one set, of all, operations of one call, sets.",
        KERN,
    )
    .of(Type::Tuple(&["semmsl", "semmns", "semopm", "semmni"], Unit::Count))
    .ns(Namespace::Ipc),
    key(
        "kernel.shm_rmid_forced",
        "Whether shared memory that nobody has attached is destroyed.",
        KERN,
    )
    .ns(Namespace::Ipc)
    .kubernetes(0),
    key(
        "kernel.shmall",
        "Pages of System V shared memory of one IPC namespace.",
        KERN,
    )
    .ns(Namespace::Ipc)
    .unit(Unit::Pages),
    key("kernel.shmmax", "Size of one segment of System V shared memory.", KERN)
        .ns(Namespace::Ipc)
        .unit(Unit::Bytes),
    key(
        "kernel.shmmni",
        "Segments of System V shared memory of one IPC namespace.",
        KERN,
    )
    .ns(Namespace::Ipc),
    key(
        "kernel.softlockup_panic",
        "Whether a processor that hangs stops the machine.",
        KERN,
    ),
    key(
        "kernel.split_lock_mitigate",
        "Whether programs that lock across cache lines are slowed down.",
        KERN,
    ),
    key("kernel.sysrq", "What the keyboard's emergency keys may do.", KERN).write(Write::Never),
    key("kernel.task_delayacct", "Whether delays of tasks are counted.", KERN).since(5, 14),
    key("kernel.threads-max", "Threads of the machine.", KERN),
    key(
        "kernel.timer_migration",
        "Whether timers move to busy processors.",
        KERN,
    ),
    key(
        "kernel.unprivileged_bpf_disabled",
        "Whether the unprivileged may load BPF programs; 1 stays until the next boot.",
        KERN,
    )
    .write(Write::OneWay),
    key(
        "kernel.unprivileged_userns_clone",
        "Whether the unprivileged may make user namespaces, on Debian's kernels.",
        KERN,
    )
    .needs("a kernel of Debian"),
    key(
        "kernel.usermodehelper.bset",
        "Capabilities of programs that the kernel starts.",
        KERN,
    )
    .tuple(&["low", "high"], Unit::Count)
    .write(Write::Never),
    key(
        "kernel.usermodehelper.inheritable",
        "Capabilities of programs that the kernel starts.",
        KERN,
    )
    .tuple(&["low", "high"], Unit::Count)
    .write(Write::Never),
    key("kernel.watchdog", "Whether hung processors are watched for.", KERN),
    key(
        "kernel.yama.ptrace_scope",
        "Who may trace whom; 3 stays until the next boot.",
        KERN,
    )
    .write(Write::OneWay)
    .needs("the Yama security module"),
];
