//! What a new network or IPC namespace has by itself: the values that a container begins with.
//!
//! Of most keys a new namespace takes the kernel's constant, whatever the host has set. Some are computed from the machine's
//! memory, and some are taken over from the initial namespace. A key without a row here is one of which this is not known, or of
//! which the host decides: `net.ipv4.conf.*`, and with it `net.ipv4.ip_forward`, are copies of the initial namespace's unless
//! `net.core.devconf_inherit_init_net` says otherwise, and so are `net.ipv4.tcp_congestion_control` and `net.ipv4.neigh.*`.

/// A version of the kernel: major and minor.
pub type Kernel = (u16, u16);

/// Where a new namespace takes a value from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The kernel's own constant; what the host has makes no difference.
    Constant,
    /// A copy of the initial namespace's value as it is at that moment. The row's values are what a host has that nobody changed.
    Initial,
}

/// The value from one kernel on.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The first kernel.
    pub since: Kernel,
    /// What it is.
    pub value: Begin,
}

/// A value that a namespace begins with.
#[derive(Debug, Clone, Copy)]
pub enum Begin {
    /// As the kernel shows it, but with single spaces.
    Text(&'static str),
    /// The entries of TCP's table of established connections divided by a number, and no less than 128.
    PerConnection(u64),
}

/// What is known of one key.
#[derive(Debug)]
pub struct Fresh {
    /// Its canonical dotted name.
    pub key: &'static str,
    /// Where a new namespace takes it from.
    pub origin: Origin,
    /// By kernel, ascending. Before the first nothing is known here.
    pub steps: &'static [Step],
    /// Where that is written.
    pub source: &'static str,
}

/// What a new namespace has of a key, by its canonical dotted name.
#[must_use]
pub fn fresh(key: &str) -> Option<&'static Fresh> {
    let at = FRESH.binary_search_by(|row| row.key.cmp(key)).ok()?;
    Some(&FRESH[at])
}

/// Every row.
pub fn all() -> impl Iterator<Item = &'static Fresh> {
    FRESH.iter()
}

impl Fresh {
    /// The value on a kernel; on the newest that is known where none is named. `ram` is the machine's memory in bytes; without it
    /// what is computed from memory is given as it is on a large machine, which is the most that it can be.
    #[must_use]
    pub fn on(&self, kernel: Option<Kernel>, ram: Option<u64>) -> Option<String> {
        let step = self
            .steps
            .iter()
            .rev()
            .find(|step| kernel.is_none_or(|kernel| step.since <= kernel))?;
        Some(step.value.text(ram))
    }
}

impl Begin {
    /// Whether it depends on the machine's memory.
    #[must_use]
    pub fn is_computed(self) -> bool {
        matches!(self, Begin::PerConnection(_))
    }

    /// As the kernel shows it, but with single spaces.
    #[must_use]
    pub fn text(self, ram: Option<u64>) -> String {
        match self {
            Begin::Text(text) => text.to_owned(),
            Begin::PerConnection(divisor) => (established(ram) / divisor).max(128).to_string(),
        }
    }
}

/// Entries of the table of established connections: one for 128 KiB of memory, as a power of two, and at most 512 Ki of them
/// (`tcp_init` in net/ipv4/tcp.c, without `thash_entries=` on the kernel's command line).
fn established(ram: Option<u64>) -> u64 {
    const MOST: u64 = 512 << 10;
    // The kernel counts whole MiB, and more memory than MemTotal says: its own is not in there.
    ram.map_or(MOST, |ram| {
        (ram.div_ceil(1 << 20) << 3).checked_next_power_of_two().unwrap_or(MOST)
    })
    .min(MOST)
}

/// From the oldest kernel that is still asked for: what is older has these too, or is not known.
const OLD: Kernel = (4, 4);
/// Its `tcp_sk_init` was read; some of these were the host's in older ones.
const READ: Kernel = (4, 19);

const CORE: &str = "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/core/net_namespace.c";
const TCP: &str = "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/ipv4/tcp_ipv4.c";
const INET: &str = "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/ipv4/af_inet.c";
const FRAGMENTS: &str =
    "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/ipv4/ip_fragment.c";
const ICMP: &str = "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/ipv4/icmp.c";
const BRIDGE: &str = "https://docs.kernel.org/networking/bridge.html";
const TRACK: &str = "https://docs.kernel.org/networking/nf_conntrack-sysctl.html";
const UNIX: &str = "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/unix/af_unix.c";
const IPV6: &str = "https://docs.kernel.org/networking/ip-sysctl.html";
const MESSAGES: &str =
    "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/msg.h";
const SEMAPHORES: &str =
    "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/sem.h";
const MEMORY: &str = "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/shm.h";
const QUEUES: &str =
    "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/linux/ipc_namespace.h";

/// By name.
static FRESH: &[Fresh] = &[
    row("fs.mqueue.msg_default", QUEUES, &[from(OLD, "10")]),
    row("fs.mqueue.msg_max", QUEUES, &[from(OLD, "10")]),
    row("fs.mqueue.msgsize_default", QUEUES, &[from(OLD, "8192")]),
    row("fs.mqueue.msgsize_max", QUEUES, &[from(OLD, "8192")]),
    row("fs.mqueue.queues_max", QUEUES, &[from(OLD, "256")]),
    row("kernel.msgmax", MESSAGES, &[from(OLD, "8192")]),
    row("kernel.msgmnb", MESSAGES, &[from(OLD, "16384")]),
    row("kernel.msgmni", MESSAGES, &[from(OLD, "32000")]),
    row("kernel.sem", SEMAPHORES, &[from(OLD, "32000 1024000000 500 32000")]),
    row("kernel.shm_rmid_forced", MEMORY, &[from(OLD, "0")]),
    row("kernel.shmall", MEMORY, &[from(OLD, "18446744073692774399")]),
    row("kernel.shmmax", MEMORY, &[from(OLD, "18446744073692774399")]),
    row("kernel.shmmni", MEMORY, &[from(OLD, "4096")]),
    row("net.bridge.bridge-nf-call-ip6tables", BRIDGE, &[from((5, 3), "1")]),
    row("net.bridge.bridge-nf-call-iptables", BRIDGE, &[from((5, 3), "1")]),
    row("net.core.optmem_max", CORE, &[from((6, 8), "131072")]),
    row("net.core.somaxconn", CORE, &[from(OLD, "128"), from((5, 4), "4096")]),
    row("net.core.tstamp_allow_data", CORE, &[from(OLD, "1")]),
    row("net.core.txrehash", CORE, &[from((5, 18), "1")]),
    row("net.ipv4.icmp_echo_ignore_all", ICMP, &[from(OLD, "0")]),
    row("net.ipv4.icmp_echo_ignore_broadcasts", ICMP, &[from(OLD, "1")]),
    row("net.ipv4.ip_default_ttl", INET, &[from(READ, "64")]),
    row("net.ipv4.ip_local_port_range", INET, &[from(OLD, "32768 60999")]),
    row("net.ipv4.ip_local_reserved_ports", INET, &[from(OLD, "")]),
    row("net.ipv4.ip_no_pmtu_disc", INET, &[from(OLD, "0")]),
    row("net.ipv4.ip_nonlocal_bind", INET, &[from(OLD, "0")]),
    row("net.ipv4.ip_unprivileged_port_start", INET, &[from((4, 11), "1024")]),
    row("net.ipv4.ipfrag_high_thresh", FRAGMENTS, &[from(OLD, "4194304")]),
    row("net.ipv4.ipfrag_low_thresh", FRAGMENTS, &[from(OLD, "3145728")]),
    row("net.ipv4.ipfrag_time", FRAGMENTS, &[from(OLD, "30")]),
    row("net.ipv4.ping_group_range", INET, &[from(OLD, "1 0")]),
    row("net.ipv4.tcp_abort_on_overflow", TCP, &[from(READ, "0")]),
    row("net.ipv4.tcp_adv_win_scale", TCP, &[from(READ, "1")]),
    row("net.ipv4.tcp_autocorking", TCP, &[from(READ, "1")]),
    row("net.ipv4.tcp_base_mss", TCP, &[from(OLD, "1024")]),
    row("net.ipv4.tcp_dsack", TCP, &[from(READ, "1")]),
    row("net.ipv4.tcp_early_retrans", TCP, &[from(READ, "3")]),
    row("net.ipv4.tcp_ecn", TCP, &[from(OLD, "2")]),
    row("net.ipv4.tcp_fack", TCP, &[from(READ, "0")]),
    row("net.ipv4.tcp_fastopen", TCP, &[from(READ, "1")]),
    row("net.ipv4.tcp_fin_timeout", TCP, &[from((4, 6), "60")]),
    row("net.ipv4.tcp_frto", TCP, &[from(READ, "2")]),
    row("net.ipv4.tcp_keepalive_intvl", TCP, &[from((4, 5), "75")]),
    row("net.ipv4.tcp_keepalive_probes", TCP, &[from((4, 5), "9")]),
    row("net.ipv4.tcp_keepalive_time", TCP, &[from((4, 5), "7200")]),
    row("net.ipv4.tcp_max_reordering", TCP, &[from(READ, "300")]),
    row(
        "net.ipv4.tcp_max_syn_backlog",
        TCP,
        &[share(READ, 256), share((5, 4), 128)],
    ),
    row("net.ipv4.tcp_max_tw_buckets", TCP, &[share(READ, 2)]),
    row("net.ipv4.tcp_min_rtt_wlen", TCP, &[from(READ, "300")]),
    row("net.ipv4.tcp_moderate_rcvbuf", TCP, &[from(READ, "1")]),
    row("net.ipv4.tcp_mtu_probing", TCP, &[from(READ, "0")]),
    row("net.ipv4.tcp_no_metrics_save", TCP, &[from(READ, "0")]),
    row("net.ipv4.tcp_notsent_lowat", TCP, &[from(READ, "4294967295")]),
    row("net.ipv4.tcp_orphan_retries", TCP, &[from((4, 9), "0")]),
    row("net.ipv4.tcp_recovery", TCP, &[from(READ, "1")]),
    row("net.ipv4.tcp_reordering", TCP, &[from((4, 9), "3")]),
    row("net.ipv4.tcp_retries1", TCP, &[from((4, 9), "3")]),
    row("net.ipv4.tcp_retries2", TCP, &[from((4, 9), "15")]),
    row("net.ipv4.tcp_rfc1337", TCP, &[from(READ, "0")]),
    copied(
        "net.ipv4.tcp_rmem",
        TCP,
        &[
            from((4, 15), "4096 87380 6291456"),
            from((4, 20), "4096 131072 6291456"),
            from((6, 16), "4096 131072 33554432"),
        ],
    ),
    row("net.ipv4.tcp_sack", TCP, &[from(READ, "1")]),
    row("net.ipv4.tcp_slow_start_after_idle", TCP, &[from(READ, "1")]),
    row("net.ipv4.tcp_syn_retries", TCP, &[from((4, 9), "6")]),
    row("net.ipv4.tcp_synack_retries", TCP, &[from((4, 9), "5")]),
    row("net.ipv4.tcp_syncookies", TCP, &[from((4, 6), "1")]),
    row("net.ipv4.tcp_timestamps", TCP, &[from(READ, "1")]),
    row("net.ipv4.tcp_tw_reuse", TCP, &[from(READ, "2")]),
    row("net.ipv4.tcp_window_scaling", TCP, &[from(READ, "1")]),
    copied("net.ipv4.tcp_wmem", TCP, &[from((4, 15), "4096 16384 4194304")]),
    row("net.ipv6.bindv6only", IPV6, &[from(OLD, "0")]),
    row("net.netfilter.nf_conntrack_acct", TRACK, &[from(OLD, "0")]),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_established",
        TRACK,
        &[from(OLD, "432000")],
    ),
    row(
        "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
        TRACK,
        &[from(OLD, "120")],
    ),
    row("net.unix.max_dgram_qlen", UNIX, &[from(OLD, "10")]),
];

const fn row(key: &'static str, source: &'static str, steps: &'static [Step]) -> Fresh {
    Fresh {
        key,
        origin: Origin::Constant,
        steps,
        source,
    }
}

const fn copied(key: &'static str, source: &'static str, steps: &'static [Step]) -> Fresh {
    Fresh {
        key,
        origin: Origin::Initial,
        steps,
        source,
    }
}

const fn from(since: Kernel, text: &'static str) -> Step {
    Step {
        since,
        value: Begin::Text(text),
    }
}

const fn share(since: Kernel, divisor: u64) -> Step {
    Step {
        since,
        value: Begin::PerConnection(divisor),
    }
}
