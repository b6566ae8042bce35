//! Network interfaces by rtnetlink: those of this thread's network namespace, whatever `/sys` shows.

use super::ethtool::Ethtool;
use super::netlink::{self, attributes, u32_at};
use crate::system::Interface;

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWQDISC: u16 = 36;
const RTM_GETQDISC: u16 = 38;
/// Bytes of struct ifinfomsg: family, padding, type, index, flags, change.
const LINK: usize = 16;
/// Bytes of struct tcmsg: family, padding, interface, handle, parent, info.
const QDISC: usize = 20;
const TCA_KIND: u16 = 1;
const TC_H_ROOT: u32 = 0xffff_ffff;

/// An interface with what tells whether `/sys` shows the same one.
pub(super) struct Found {
    pub interface: Interface,
    /// Its number.
    pub index: u32,
    /// Its hardware address as `/sys` writes it; empty where it has none.
    pub address: String,
}

/// Every interface of this network namespace, by number.
pub(super) fn interfaces() -> Result<Vec<Found>, i32> {
    let mut found = links()?;
    let qdiscs = qdiscs()?;
    let ethtool = Ethtool::new();
    for Found { interface, index, .. } in &mut found {
        ethtool.ask(interface);
        let own = || qdiscs.iter().filter(|qdisc| qdisc.interface == *index);
        let Some(root) = own().find(|qdisc| qdisc.parent == TC_H_ROOT) else {
            continue;
        };
        // A class belongs to a queueing discipline whose number is the upper half of the class's.
        let below = own().filter(|qdisc| qdisc.parent != TC_H_ROOT && qdisc.parent >> 16 == root.handle >> 16);
        if matches!(root.kind.as_str(), "mq" | "mqprio" | "taprio") {
            interface.queue_qdiscs = below.map(|qdisc| qdisc.kind.clone()).collect();
        }
    }
    Ok(found)
}

/// Repeats a dump until nothing changed while it was made, a few times.
fn dump<T>(kind: u16, payload: &[u8], take: impl Fn(u16, &[u8]) -> Option<T>) -> Result<Vec<T>, i32> {
    let mut tries = 0;
    loop {
        let mut all = Vec::new();
        let whole = netlink::dump(libc::NETLINK_ROUTE, kind, payload, &mut |kind, body| {
            all.extend(take(kind, body))
        })?;
        tries += 1;
        if whole || tries == 4 {
            return Ok(all);
        }
    }
}

fn links() -> Result<Vec<Found>, i32> {
    dump(RTM_GETLINK, &[0; LINK], |kind, body| {
        (kind == RTM_NEWLINK && body.len() >= LINK).then(|| link(body))
    })
}

fn link(body: &[u8]) -> Found {
    let flags = u32_at(body, 8);
    let flag = |flag: i32| flags & flag.cast_unsigned() != 0;
    let mut found = Found {
        interface: Interface {
            loopback: flag(libc::IFF_LOOPBACK),
            up: flag(libc::IFF_UP),
            ..Interface::default()
        },
        index: u32_at(body, 4),
        address: String::new(),
    };
    let interface = &mut found.interface;
    for (kind, value) in attributes(&body[LINK..]) {
        match kind {
            libc::IFLA_IFNAME => interface.name = text(value),
            libc::IFLA_MTU => interface.mtu = number(value),
            libc::IFLA_TXQLEN => interface.transmit_queue = number(value),
            libc::IFLA_QDISC => interface.qdisc = Some(text(value)),
            // The kernel tells it of interfaces that are up alone, in its files; here it is false of others.
            libc::IFLA_CARRIER => interface.carrier = interface.up.then(|| value.first().is_some_and(|on| *on != 0)),
            // struct rtnl_link_stats64; the seventh and the sixteenth number.
            libc::IFLA_STATS64 => {
                interface.rx_dropped = wide(value, 6);
                interface.rx_missed = wide(value, 15);
            }
            libc::IFLA_ADDRESS => {
                let octets: Vec<String> = value.iter().map(|octet| format!("{octet:02x}")).collect();
                found.address = octets.join(":");
            }
            _ => {}
        }
    }
    found
}

/// A queueing discipline, and what it is put on.
struct Qdisc {
    interface: u32,
    handle: u32,
    parent: u32,
    kind: String,
}

fn qdiscs() -> Result<Vec<Qdisc>, i32> {
    dump(RTM_GETQDISC, &[0; QDISC], |kind, body| {
        if kind != RTM_NEWQDISC || body.len() < QDISC {
            return None;
        }
        let name = attributes(&body[QDISC..])
            .into_iter()
            .find(|(kind, _)| *kind == TCA_KIND);
        Some(Qdisc {
            interface: u32_at(body, 4),
            handle: u32_at(body, 8),
            parent: u32_at(body, 12),
            kind: text(name?.1),
        })
    })
}

/// Text up to the NUL that ends it.
fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    crate::text::from_bytes(&value[..end])
}

fn number(value: &[u8]) -> u32 {
    if value.len() >= 4 { u32_at(value, 0) } else { 0 }
}

fn wide(value: &[u8], at: usize) -> u64 {
    let bytes = value.get(at * 8..at * 8 + 8).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u64::from_ne_bytes)
}
