//! Settings of network interfaces, `conf.IFACE.*`: which of them the kernel puts together with the one of `conf.all`, and how. A key
//! is read from its own file, and the kernel goes by what both come to.
//!
//! From the `IN_DEV_*` macros of include/linux/inetdevice.h, and of IPv6 from `ipv6_rthdr_rcv()` of net/ipv6/exthdrs.c and the uses of
//! `cnf` in net/ipv6; what `all` and `default` write through is tried on the kernel that runs the tests. A key that is in no table is
//! one of which nobody looked this up.

/// What the one of `conf.all` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum All {
    /// The larger of both counts: `IN_DEV_MAXCONF`, and of switches `IN_DEV_ORCONF`, for which one that is on is enough.
    Larger,
    /// The smaller of both counts: `IN_DEV_ANDCONF`, for which both must be on.
    Smaller,
    /// The smaller one on an interface that forwards, else the larger: `IN_DEV_RX_REDIRECTS`.
    SmallerWhereForwarding,
    /// Writing it sets every interface, and each can be set to something else later.
    WrittenThrough,
    /// Nobody reads it.
    NotRead,
}

/// One family of addresses.
struct Family {
    directory: &'static str,
    leaves: &'static [(&'static str, All)],
}

const FAMILIES: &[Family] = &[
    Family {
        directory: "net.ipv4.conf.",
        leaves: &[
            ("accept_local", All::Larger),
            ("accept_redirects", All::SmallerWhereForwarding),
            ("accept_source_route", All::Smaller),
            ("arp_accept", All::Larger),
            ("arp_announce", All::Larger),
            ("arp_filter", All::Larger),
            ("arp_ignore", All::Larger),
            ("arp_notify", All::Larger),
            ("bootp_relay", All::Smaller),
            ("forwarding", All::WrittenThrough),
            ("log_martians", All::Larger),
            ("mc_forwarding", All::Smaller),
            ("medium_id", All::NotRead),
            ("promote_secondaries", All::Larger),
            ("proxy_arp", All::Larger),
            ("proxy_arp_pvlan", All::NotRead),
            ("route_localnet", All::Larger),
            ("rp_filter", All::Larger),
            ("secure_redirects", All::Larger),
            ("send_redirects", All::Larger),
            ("shared_media", All::Larger),
            ("src_valid_mark", All::Larger),
            ("tag", All::NotRead),
        ],
    },
    Family {
        directory: "net.ipv6.conf.",
        leaves: &[
            ("accept_ra", All::NotRead),
            ("accept_ra_defrtr", All::NotRead),
            ("accept_ra_pinfo", All::NotRead),
            ("accept_ra_rtr_pref", All::NotRead),
            ("accept_redirects", All::NotRead),
            ("accept_source_route", All::Smaller),
            ("addr_gen_mode", All::WrittenThrough),
            ("autoconf", All::NotRead),
            ("dad_transmits", All::NotRead),
            ("disable_ipv6", All::WrittenThrough),
            ("forwarding", All::WrittenThrough),
            ("ignore_routes_with_linkdown", All::WrittenThrough),
            ("max_addresses", All::NotRead),
            ("router_solicitations", All::NotRead),
            ("use_tempaddr", All::NotRead),
        ],
    },
];

/// A setting of an interface, by the parts of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevConf<'a> {
    /// `net.ipv4.conf.`
    pub directory: &'static str,
    /// `eth0`, `all`, `default`; with slashes for dots.
    pub interface: &'a str,
    /// `rp_filter`
    pub leaf: &'static str,
    /// What the one of `all` does.
    pub all: All,
}

impl DevConf<'_> {
    /// The same setting of another interface, by its name in a key.
    #[must_use]
    pub fn of(&self, interface: &str) -> String {
        format!("{}{interface}.{}", self.directory, self.leaf)
    }

    /// Whether it is an interface's own, and neither `all`'s nor `default`'s.
    #[must_use]
    pub fn is_own(&self) -> bool {
        !matches!(self.interface, "all" | "default")
    }
}

impl All {
    /// What the kernel goes by, of an interface's own number and that of `all`.
    #[must_use]
    pub fn effective(self, own: i128, all: i128, forwarding: bool) -> i128 {
        match self {
            All::Larger => own.max(all),
            All::Smaller => own.min(all),
            All::SmallerWhereForwarding if forwarding => own.min(all),
            All::SmallerWhereForwarding => own.max(all),
            All::WrittenThrough | All::NotRead => own,
        }
    }
}

/// What is known of a key as a setting of an interface, by its canonical dotted name.
#[must_use]
pub fn devconf(name: &str) -> Option<DevConf<'_>> {
    // Most keys are told apart by their first letters.
    let family = FAMILIES.iter().find(|family| name.starts_with(family.directory))?;
    let (interface, leaf) = name.strip_prefix(family.directory)?.split_once('.')?;
    let (leaf, all) = family.leaves.iter().find(|(known, _)| *known == leaf)?;
    Some(DevConf {
        directory: family.directory,
        interface,
        leaf,
        all: *all,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_known_by_family_and_name() {
        let rp = devconf("net.ipv4.conf.eth0/100.rp_filter").expect("known");
        assert_eq!((rp.interface, rp.all, rp.is_own()), ("eth0/100", All::Larger, true));
        assert_eq!(rp.of("all"), "net.ipv4.conf.all.rp_filter");
        let of = |name| devconf(name).map(|known| known.all);
        assert_eq!(of("net.ipv6.conf.all.accept_redirects"), Some(All::NotRead));
        assert_eq!(
            of("net.ipv4.conf.all.accept_redirects"),
            Some(All::SmallerWhereForwarding)
        );
        assert_eq!(of("net.ipv4.conf.all.nothing"), None);
        assert_eq!(of("net.ipv4.ip_forward"), None);
        assert_eq!(All::SmallerWhereForwarding.effective(1, 0, true), 0);
        assert_eq!(All::SmallerWhereForwarding.effective(1, 0, false), 1);
    }

    #[test]
    fn the_leaves_are_sorted_and_stand_there_once() {
        for family in FAMILIES {
            assert!(
                family.leaves.is_sorted_by(|left, right| left.0 < right.0),
                "{}",
                family.directory
            );
        }
    }
}
