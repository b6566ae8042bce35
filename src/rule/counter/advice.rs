//! What makes a counter grow, and what makes it stop.

use super::super::{Context, Dialect, Proposal, Reach};
use crate::host::in_words;

/// What is known of a counter.
struct Advice {
    /// Names, separated by spaces.
    names: &'static str,
    because: &'static str,
    what: &'static str,
}

/// Counters that runup knows, and what to do about them. A name that is here and not in the kernel is another kernel's.
static ADVICE: &[Advice] = &[
    Advice {
        names: "TcpExt.ListenOverflows TcpExt.ListenDrops",
        because: "an accept queue is full, and the kernel drops connections that the client believes open",
        what: "Raise the backlog that the program passes to listen(2) and net.core.somaxconn alike, then restart the program: the \
smaller of both counts, and a socket keeps the one that it was opened with. If the queue fills again, the program accepts too \
slowly: give it more processors or workers.",
    },
    Advice {
        names: "TcpExt.TCPReqQFullDrop TcpExt.TCPReqQFullDoCookies TcpExt.SyncookiesSent",
        because: "the queue of half-open connections is full",
        what: "Raise the backlog that the program passes to listen(2), net.core.somaxconn and net.ipv4.tcp_max_syn_backlog, then \
restart the program; if nobody sends that many connections on purpose, it is a flood of SYNs, and cookies are the answer to it.",
    },
    Advice {
        names: "TcpExt.TCPTimeWaitOverflow",
        because: "more sockets are in TIME_WAIT than net.ipv4.tcp_max_tw_buckets allows",
        what: "Raise net.ipv4.tcp_max_tw_buckets, or let connections be reused: keep-alive, connection pools.",
    },
    Advice {
        names: "TcpExt.TCPAbortOnMemory",
        because: "TCP is out of memory, or too many connections have no program any more",
        what: "Raise net.ipv4.tcp_max_orphans, or the third number of net.ipv4.tcp_mem, if the machine has the memory.",
    },
    Advice {
        names: "TcpExt.PruneCalled TcpExt.RcvPruned TcpExt.OfoPruned TcpExt.TCPRcvCollapsed TcpExt.TCPRcvQDrop \
TcpExt.TCPMemoryPressures TcpExt.TCPMemoryPressuresChrono TcpExt.TCPOFODrop TcpExt.TCPZeroWindowDrop TcpExt.TCPToZeroWindowAdv",
        because: "receive buffers are full",
        what: "Let the program read faster, or raise the third number of net.ipv4.tcp_rmem; where all of TCP is short of memory, \
raise net.ipv4.tcp_mem.",
    },
    Advice {
        names: "TcpExt.TCPBacklogDrop",
        because: "packets came faster than the program's socket could take them",
        what: "Let the program read faster, or raise the third number of net.ipv4.tcp_rmem.",
    },
    Advice {
        names: "Tcp.RetransSegs TcpExt.TCPTimeouts TcpExt.TCPLostRetransmit TcpExt.TCPSynRetrans TcpExt.TCPFastRetrans \
TcpExt.TCPSlowStartRetrans TcpExt.TCPLossProbes TcpExt.TCPSpuriousRTOs TcpExt.TCPRetransFail",
        because: "packets are lost on the way or at the other end",
        what: "Find where: `ip -s link` shows drops here, `ss -ti` the connections that retransmit; then the path and the receiver.",
    },
    Advice {
        names: "Tcp.AttemptFails Tcp.EstabResets Tcp.OutRsts TcpExt.TCPAbortOnData TcpExt.TCPAbortOnTimeout TcpExt.TCPAbortOnClose",
        because: "connections are refused or reset",
        what: "See which: `ss -ti` and the programs' logs at both ends; a port without a listener refuses every connection.",
    },
    Advice {
        names: "TcpExt.TCPFastOpenListenOverflow",
        because: "more requests of TCP Fast Open wait than the program allows",
        what: "Raise the program's queue length of TCP_FASTOPEN.",
    },
    Advice {
        names: "TcpExt.IPReversePathFilter",
        because: "packets came in on an interface that no answer would leave by",
        what: "Set rp_filter to 2 on interfaces with asymmetric routes, or mend the routes.",
    },
    Advice {
        names: "Udp.RcvbufErrors Udp.InErrors Udp.MemErrors UdpLite.RcvbufErrors",
        because: "the receive buffer of a UDP socket is full",
        what: "Raise net.core.rmem_max and the buffer that the program asks for with SO_RCVBUF, or read faster.",
    },
    Advice {
        names: "Udp.SndbufErrors UdpLite.SndbufErrors",
        because: "the send buffer of a UDP socket is full",
        what: "Raise net.core.wmem_max and the buffer that the program asks for with SO_SNDBUF, or send slower.",
    },
    Advice {
        names: "Ip.ReasmFails Ip.ReasmTimeout Ip.FragFails",
        because: "fragments of packets are lost or come too late",
        what: "Avoid fragments: make the MTU the same all along the path; else raise net.ipv4.ipfrag_high_thresh.",
    },
    Advice {
        names: "softnet.dropped",
        because: "packets came faster than a processor took them off its queue",
        what: "Raise net.core.netdev_max_backlog, and spread the work over processors: RSS with ethtool -L, or RPS.",
    },
    Advice {
        names: "softnet.squeezed",
        because: "a processor ran out of its share of time with packets left",
        what: "Raise net.core.netdev_budget and net.core.netdev_budget_usecs, and spread the work over processors: RSS, or RPS.",
    },
    Advice {
        names: "vmstat.oom_kill",
        because: "the kernel killed a program for want of memory",
        what: "`journalctl -k -g 'Killed process'` names it; give it or its cgroup more memory, or run less.",
    },
    Advice {
        names: "vmstat.pswpin vmstat.pswpout vmstat.pgmajfault vmstat.swap_ra",
        because: "memory is read back from disk",
        what: "Stop what takes the memory, or lower vm.swappiness; `ps --sort=-rss -eo rss,comm | head` names the largest.",
    },
    Advice {
        names: "vmstat.allocstall vmstat.allocstall_dma vmstat.allocstall_dma32 vmstat.allocstall_normal vmstat.allocstall_movable \
vmstat.allocstall_device vmstat.pgscan_direct vmstat.pgsteal_direct vmstat.pgscan_direct_throttle",
        because: "programs wait while the kernel frees memory for them",
        what: "Raise vm.min_free_kbytes or vm.watermark_scale_factor so that it frees earlier, or run less.",
    },
    Advice {
        names: "vmstat.compact_stall vmstat.compact_fail vmstat.thp_fault_fallback vmstat.thp_collapse_alloc_failed",
        because: "memory is fragmented, and programs wait for a large piece of it",
        what: "Set transparent huge pages to madvise and their defrag to defer+madvise, or raise vm.min_free_kbytes.",
    },
    Advice {
        names: "vmstat.zone_reclaim_failed vmstat.zone_reclaim_success vmstat.numa_miss vmstat.numa_foreign vmstat.numa_other \
vmstat.numa_pages_migrated vmstat.numa_hint_faults",
        because: "memory of another NUMA node is used, or a node is emptied to avoid it",
        what: "Set vm.zone_reclaim_mode to 0, and start the program with numactl --interleave=all, or bound to one node.",
    },
    Advice {
        names: "cgroup.pids.max",
        because: "the cgroup's limit on processes and threads was hit, and fork failed",
        what: "Raise it: --pids-limit of docker or podman run, podPidsLimit of the node's kubelet, limits.processes of Incus or LXD, TasksMax= of a unit.",
    },
    Advice {
        names: "cgroup.memory.high",
        because: "the cgroup went over memory.high, and its programs were slowed down",
        what: "Raise memory.high (MemoryHigh= of a unit), or let the program use less.",
    },
    Advice {
        names: "cgroup.memory.max cgroup.memory.oom cgroup.memory.oom_kill",
        because: "the cgroup's memory limit was hit",
        what: "Raise it: --memory of docker or podman run, resources.limits.memory of a pod, limits.memory of Incus or LXD, MemoryMax= of a unit; or let the program use less.",
    },
    Advice {
        names: "cgroup.cpu.nr_throttled cgroup.cpu.throttled_usec",
        because: "the processor quota ran out, and every thread of the cgroup stood still until the next period",
        what: "Give it a larger quota: --cpus of docker or podman run, resources.limits.cpu of a pod, limits.cpu.allowance of Incus or LXD, CPUQuota= of a unit; or run fewer threads.",
    },
];

fn of(name: &str) -> Option<&'static Advice> {
    ADVICE
        .iter()
        .find(|advice| advice.names.split_ascii_whitespace().any(|known| known == name))
}

/// Whether some kernel counts it.
pub(super) fn is_known(name: &str) -> bool {
    of(name).is_some()
}

/// What to do about a counter that grows.
pub(super) fn proposal(name: &str, cx: &Context<'_>) -> Proposal {
    let (because, what) = of(name).map_or(
        (
            "it counts what happens, and cannot be set",
            "Find what makes it grow, and stop that; a counter cannot be set.",
        ),
        |advice| (advice.because, advice.what),
    );
    let mut proposal = Proposal::manual(because, what);
    let contained = cx.host.engine().is_some();
    if contained && ["softnet.", "vmstat."].iter().any(|family| name.starts_with(family)) {
        proposal.reach = Reach::Host;
        proposal.remedies = vec![(Dialect::Manual, format!("On the host, which it belongs to: {what}"))];
    } else if contained && name.starts_with("cgroup.") {
        proposal.reach = Reach::Runtime;
    }
    proposal
}

/// What makes it grow, as far as that can be seen.
pub(super) fn evidence(name: &str, cx: &Context<'_>) -> Vec<String> {
    match name {
        "TcpExt.ListenOverflows" | "TcpExt.ListenDrops" => full_queues(cx),
        _ if name.starts_with("softnet.") || name.starts_with("vmstat.") => match cx.host.engine() {
            Some(engine) => vec![format!("the host's, seen from inside {}", in_words(engine))],
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Listeners whose accept queue is full now. The kernel drops a connection once more wait than the backlog.
fn full_queues(cx: &Context<'_>) -> Vec<String> {
    let Ok(sockets) = cx.system.sockets() else {
        return Vec::new();
    };
    let full = sockets.listeners.iter().filter_map(|listener| {
        let backlog = listener.backlog.filter(|backlog| listener.queued >= *backlog)?;
        (listener.protocol == "tcp" && listener.queued > 0).then(|| {
            format!(
                "port {} at {}: {} connections wait, and its backlog is {backlog}",
                listener.port, listener.address, listener.queued
            )
        })
    });
    let mut lines: Vec<String> = full.take(3).collect();
    if let (false, Ok(somaxconn)) = (lines.is_empty(), cx.system.sysctl("net.core.somaxconn")) {
        lines.push(format!("net.core.somaxconn is {}", somaxconn.trim()));
    }
    lines
}
