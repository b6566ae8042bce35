//! Sockets by NETLINK_SOCK_DIAG: the one interface that tells the accept backlog in force.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::netlink::{self, u32_at};
use crate::system::{Listener, PortUse, Sockets};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const TCP_LISTEN: u8 = 10;
const TCP_TIME_WAIT: u8 = 6;
const UDP_UNCONNECTED: u8 = 7;
/// Bytes of struct inet_diag_req_v2.
const REQUEST: usize = 56;
/// Bytes of struct inet_diag_msg.
const MESSAGE: usize = 72;

/// Every TCP and bound UDP socket of this network namespace.
pub(super) fn sockets() -> Result<Sockets, i32> {
    let mut found = Collector::default();
    for (family, protocol) in [
        (libc::AF_INET, libc::IPPROTO_TCP),
        (libc::AF_INET6, libc::IPPROTO_TCP),
        (libc::AF_INET, libc::IPPROTO_UDP),
        (libc::AF_INET6, libc::IPPROTO_UDP),
    ] {
        match dump(family, protocol, &mut found) {
            Ok(()) => {}
            // A kernel without IPv6, or without the module for UDP, has no such sockets to tell of.
            Err(libc::ENOENT) if protocol == libc::IPPROTO_UDP || family == libc::AF_INET6 => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(found.finish())
}

fn dump(family: i32, protocol: i32, found: &mut Collector) -> Result<(), i32> {
    // struct inet_diag_req_v2: family, protocol, extensions, padding, states, and an empty socket id.
    let mut request = vec![family as u8, protocol as u8, 0, 0];
    let states: u32 = if protocol == libc::IPPROTO_TCP {
        u32::MAX
    } else {
        1 << UDP_UNCONNECTED
    };
    request.extend_from_slice(&states.to_ne_bytes());
    request.resize(REQUEST, 0);
    let tcp = protocol == libc::IPPROTO_TCP;
    netlink::dump(
        libc::NETLINK_SOCK_DIAG,
        SOCK_DIAG_BY_FAMILY,
        &request,
        &mut |kind, body| {
            if kind == SOCK_DIAG_BY_FAMILY && body.len() >= MESSAGE {
                found.add(tcp, body);
            }
        },
    )
    .map(|_| ())
}

#[derive(Default)]
struct Collector {
    listeners: Vec<Listener>,
    ports: BTreeMap<u16, (u32, u32)>,
}

impl Collector {
    /// Takes one struct inet_diag_msg: family, state, timer, retransmissions, then the socket's id (ports in network order and
    /// addresses), expiry, receive queue, send queue.
    fn add(&mut self, tcp: bool, message: &[u8]) {
        let (family, state) = (message[0], message[1]);
        let port = u16::from_be_bytes([message[4], message[5]]);
        let address = &message[8..24];
        let (receive, send) = (u32_at(message, 56), u32_at(message, 60));
        if !tcp || state == TCP_LISTEN {
            let address = if i32::from(family) == libc::AF_INET {
                Ipv4Addr::new(address[0], address[1], address[2], address[3]).to_string()
            } else {
                let mut octets = [0; 16];
                octets.copy_from_slice(address);
                Ipv6Addr::from(octets).to_string()
            };
            self.listeners.push(Listener {
                protocol: if tcp { "tcp" } else { "udp" }.to_owned(),
                address,
                port,
                queued: if tcp { receive } else { 0 },
                backlog: tcp.then_some(send),
            });
            return;
        }
        let (time_wait, other) = self.ports.entry(port).or_default();
        *(if state == TCP_TIME_WAIT { time_wait } else { other }) += 1;
    }

    fn finish(mut self) -> Sockets {
        self.listeners
            .sort_by(|a, b| (a.port, &a.protocol, &a.address).cmp(&(b.port, &b.protocol, &b.address)));
        let ports = self
            .ports
            .into_iter()
            .map(|(port, (time_wait, other))| PortUse { port, time_wait, other });
        Sockets {
            listeners: self.listeners,
            ports: ports.collect(),
        }
    }
}
