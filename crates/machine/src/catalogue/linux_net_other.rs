//! `net.ipv6`, `net.netfilter` and the rest of `net`.

use super::{Key, Namespace, Write, key};
use crate::value::{Type, Unit};

const CT: &str = "https://docs.kernel.org/networking/nf_conntrack-sysctl.html";
const IP: &str = "https://docs.kernel.org/networking/ip-sysctl.html";
const BRIDGE: &str = "https://docs.kernel.org/networking/bridge.html";

pub(super) static KEYS: &[Key] = &[
    key(
        "net.bridge.bridge-nf-call-ip6tables",
        "Whether bridged IPv6 packets pass through ip6tables.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("the br_netfilter module")
    .source(BRIDGE),
    key(
        "net.bridge.bridge-nf-call-iptables",
        "Whether bridged IPv4 packets pass through iptables.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("the br_netfilter module")
    .source(BRIDGE),
    key("net.ipv6.bindv6only", "Whether an IPv6 listener leaves IPv4 alone.", CT)
        .ns(Namespace::Net)
        .needs("IPv6")
        .source(IP),
    key(
        "net.ipv6.conf.*.accept_ra",
        "Whether router advertisements are followed.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.accept_ra_defrtr",
        "Whether a router that advertises itself becomes the default one.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.accept_ra_pinfo",
        "Whether addresses are made of the prefixes that routers advertise.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.accept_ra_rtr_pref",
        "Whether the preference that a router advertises counts.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.accept_redirects",
        "Whether redirects change routes.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.accept_source_route",
        "Whether packets that choose their own route are taken.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.autoconf",
        "Whether addresses are made of advertised prefixes.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.dad_transmits",
        "How often a new address is asked for before it is used.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.disable_ipv6",
        "Takes every IPv6 address off the interface; putting it back does not bring them back.",
        CT,
    )
    .ns(Namespace::Net)
    .write(Write::Lossy)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.forwarding",
        "Whether packets that come in here are routed onward.",
        CT,
    )
    .ns(Namespace::Net)
    // On: routes that a router advertised are gone, and do not come back with the value.
    .write(Write::Lossy)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.max_addresses",
        "The most addresses that are made for one interface.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.router_solicitations",
        "How often a router is asked for before that is given up; -1 is without end.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.stable_secret",
        "The key from which stable addresses are made.",
        CT,
    )
    .ns(Namespace::Net)
    .of(Type::Text)
    .secret()
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.conf.*.use_tempaddr",
        "Whether addresses that change are made, and preferred.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.neigh.*.base_reachable_time_ms",
        "How long an IPv6 neighbour counts as reachable.",
        IP,
    )
    .ns(Namespace::Net)
    .unit(Unit::Milliseconds)
    .needs("IPv6"),
    key(
        "net.ipv6.neigh.*.interval_probe_time_ms",
        "How often IPv6 neighbours whose entries a program looks after are probed.",
        IP,
    )
    .ns(Namespace::Net)
    .unit(Unit::Milliseconds)
    .since(6, 0)
    .needs("IPv6"),
    key(
        "net.ipv6.neigh.*.retrans_time_ms",
        "How long a probe of an IPv6 neighbour waits for an answer before the next one.",
        IP,
    )
    .ns(Namespace::Net)
    .unit(Unit::Milliseconds)
    .needs("IPv6"),
    key(
        "net.ipv6.neigh.default.base_reachable_time_ms",
        "How long an IPv6 neighbour of an interface that comes later counts as reachable.",
        IP,
    )
    .ns(Namespace::NetInitial)
    .unit(Unit::Milliseconds)
    .needs("IPv6"),
    key(
        "net.ipv6.neigh.default.gc_thresh1",
        "IPv6 neighbours that are kept without collecting garbage.",
        CT,
    )
    .ns(Namespace::NetInitial)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.neigh.default.gc_thresh2",
        "IPv6 neighbours beyond which garbage is collected after some seconds.",
        CT,
    )
    .ns(Namespace::NetInitial)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.neigh.default.gc_thresh3",
        "The most IPv6 neighbours that are kept.",
        CT,
    )
    .ns(Namespace::NetInitial)
    .needs("IPv6")
    .source(IP),
    key(
        "net.ipv6.neigh.default.interval_probe_time_ms",
        "How often IPv6 neighbours are probed whose entries a program looks after, on an interface that comes later.",
        IP,
    )
    .ns(Namespace::NetInitial)
    .unit(Unit::Milliseconds)
    .since(6, 0)
    .needs("IPv6"),
    key(
        "net.ipv6.neigh.default.retrans_time_ms",
        "How long a probe of an IPv6 neighbour waits for an answer, on an interface that comes later.",
        IP,
    )
    .ns(Namespace::NetInitial)
    .unit(Unit::Milliseconds)
    .needs("IPv6"),
    key(
        "net.ipv6.route.flush",
        "A trigger: writing it forgets the routes that were looked up.",
        CT,
    )
    .ns(Namespace::Net)
    .write(Write::Never)
    .needs("IPv6")
    .source(IP),
    key(
        "net.netfilter.nf_conntrack_acct",
        "Whether connections are counted in packets and bytes.",
        CT,
    )
    .ns(Namespace::Net)
    .needs("the nf_conntrack module"),
    key(
        "net.netfilter.nf_conntrack_buckets",
        "Size of the table that finds connections.",
        CT,
    )
    .ns(Namespace::NetInitial)
    .needs("the nf_conntrack module"),
    key(
        "net.netfilter.nf_conntrack_count",
        "Connections that are tracked now.",
        CT,
    )
    .ns(Namespace::Net)
    .write(Write::ReadOnly)
    .needs("the nf_conntrack module"),
    key(
        "net.netfilter.nf_conntrack_max",
        "Connections that may be tracked; beyond, new ones are dropped and the log says that the table is full.",
        CT,
    )
    .ns(Namespace::NetInitial)
    .needs("the nf_conntrack module"),
    key(
        "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
        "How long a connection is tracked that the other side closed and this one did not.",
        CT,
    )
    .ns(Namespace::Net)
    .unit(Unit::Seconds)
    .needs("the nf_conntrack module"),
    key(
        "net.netfilter.nf_conntrack_tcp_timeout_established",
        "How long an idle connection is tracked.",
        CT,
    )
    .ns(Namespace::Net)
    .unit(Unit::Seconds)
    .needs("the nf_conntrack module"),
    key(
        "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
        "How long a closed connection is tracked.",
        CT,
    )
    .ns(Namespace::Net)
    .unit(Unit::Seconds)
    .needs("the nf_conntrack module"),
    key(
        "net.nf_conntrack_max",
        "The older name of net.netfilter.nf_conntrack_max.",
        CT,
    )
    .ns(Namespace::NetInitial)
    .needs("the nf_conntrack module"),
    key("net.unix.max_dgram_qlen", "Datagrams that wait at a Unix socket.", CT).ns(Namespace::Net),
];
