//! `net.core`: sockets and devices, whatever the protocol.

use super::{Key, Namespace, Write, key};
use crate::value::{Type, Unit};

const NET: &str = "https://docs.kernel.org/admin-guide/sysctl/net.html";

pub(super) static KEYS: &[Key] = &[
    key("net.core.bpf_jit_enable", "Whether BPF programs are compiled to machine code.", NET).ns(Namespace::NetInitial),
    key("net.core.bpf_jit_harden", "Hardening of compiled BPF programs; costs speed.", NET).ns(Namespace::NetInitial),
    key("net.core.bpf_jit_limit", "Bytes that compiled BPF programs of all users may take.", NET).ns(Namespace::NetInitial).unit(Unit::Bytes),
    key("net.core.busy_poll", "How long poll and select spin on the device queue before they sleep; 0 is off. Costs power.", NET).ns(Namespace::NetInitial).unit(Unit::Microseconds),
    key("net.core.busy_read", "How long a read spins on the device queue before it sleeps; 0 is off. Costs power.", NET).ns(Namespace::NetInitial).unit(Unit::Microseconds),
    key("net.core.default_qdisc", "The queueing discipline that new network devices get.", NET).ns(Namespace::NetInitial).of(Type::Text),
    key("net.core.dev_weight", "Packets that one device may hand over in one round of the softirq.", NET).ns(Namespace::NetInitial),
    key("net.core.flow_limit_table_len", "Entries of the table with which one busy flow is kept from starving the others.", NET).ns(Namespace::NetInitial),
    key("net.core.gro_normal_batch", "Packets that are gathered before they go up the stack.", NET).ns(Namespace::NetInitial),
    key("net.core.max_skb_frags", "Fragments that one packet may have.", NET).ns(Namespace::NetInitial),
    key("net.core.message_burst", "How many network warnings may come at once in the kernel log.", NET).ns(Namespace::NetInitial),
    key("net.core.message_cost", "How long network warnings in the kernel log are held back.", NET).ns(Namespace::NetInitial).unit(Unit::Seconds),
    key("net.core.netdev_budget", "Packets that one round of the receive softirq may handle; exhausting it shows as time_squeeze.", NET).ns(Namespace::NetInitial),
    key("net.core.netdev_budget_usecs", "Time that one round of the receive softirq may take.", NET).ns(Namespace::NetInitial).unit(Unit::Microseconds),
    key("net.core.netdev_max_backlog", "Packets that wait for a processor when they arrive faster than the stack takes them; beyond, they are dropped and counted in softnet_stat.", NET).ns(Namespace::NetInitial),
    key("net.core.netdev_rss_key", "The key with which devices spread flows over queues.", NET).ns(Namespace::NetInitial).of(Type::Text).write(Write::ReadOnly).secret(),
    key("net.core.optmem_max", "Bytes of ancillary data that one socket may hold.", NET).ns(Namespace::Net).namespaced(6, 8).unit(Unit::Bytes),
    key("net.core.rmem_default", "Receive buffer of a socket that is neither TCP nor set by the program.", NET).ns(Namespace::NetInitial).unit(Unit::Bytes),
    key("net.core.rmem_max", "The largest receive buffer that a program may ask for; TCP's own tuning has a limit of its own in tcp_rmem.", NET).ns(Namespace::NetInitial).unit(Unit::Bytes),
    key("net.core.rps_sock_flow_entries", "Entries of the table that steers flows to the processor of their program; 0 is off.", NET).ns(Namespace::NetInitial),
    key("net.core.somaxconn", "Upper bound of the accept queue that listen(2) asks for. A full queue drops connections that the client believes open.", NET).ns(Namespace::Net),
    key("net.core.tstamp_allow_data", "Whether programs may see data together with transmit timestamps.", NET).ns(Namespace::Net),
    key("net.core.txrehash", "Whether a connection that sees trouble tries another path.", NET).ns(Namespace::Net),
    key("net.core.wmem_default", "Send buffer of a socket that is neither TCP nor set by the program.", NET).ns(Namespace::NetInitial).unit(Unit::Bytes),
    key("net.core.wmem_max", "The largest send buffer that a program may ask for; TCP's own tuning has a limit of its own in tcp_wmem.", NET).ns(Namespace::NetInitial).unit(Unit::Bytes),
    key("net.core.xfrm_acq_expires", "How long the kernel waits for an IPsec key.", NET).ns(Namespace::Net).unit(Unit::Seconds),
];
