//! Sockets by NETLINK_SOCK_DIAG: the one interface that tells the accept backlog in force.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::netlink::{self, u32_at};
use crate::system::{Endpoint, Listener, PortUse, Sockets};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const TCP_LISTEN: u8 = 10;
const TCP_TIME_WAIT: u8 = 6;
const UDP_UNCONNECTED: u8 = 7;
/// Bytes of struct inet_diag_req_v2.
const REQUEST: usize = 56;
/// Bytes of struct inet_diag_msg.
const MESSAGE: usize = 72;
/// Where the socket's inode stands in it.
const INODE: usize = 68;

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

/// What listens on a port: the local address and the socket's inode. The kernel goes through its listeners alone, so a million
/// connections cost nothing.
pub(super) fn listeners(of: &Endpoint) -> Result<Vec<(String, u64)>, i32> {
    let (protocol, state) = if of.protocol == "tcp" {
        (libc::IPPROTO_TCP, TCP_LISTEN)
    } else {
        (libc::IPPROTO_UDP, UDP_UNCONNECTED)
    };
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let mut request = vec![family as u8, protocol as u8, 0, 0];
        request.extend_from_slice(&(1_u32 << state).to_ne_bytes());
        // The socket's id begins with its local port.
        request.extend_from_slice(&of.port.to_be_bytes());
        request.resize(REQUEST, 0);
        let dumped = netlink::dump(
            libc::NETLINK_SOCK_DIAG,
            SOCK_DIAG_BY_FAMILY,
            &request,
            &mut |kind, body| {
                if kind == SOCK_DIAG_BY_FAMILY && body.len() >= MESSAGE && port_of(body) == of.port {
                    found.push((address_of(body), u64::from(u32_at(body, INODE))));
                }
            },
        );
        match dumped {
            Ok(_) => {}
            Err(libc::ENOENT) if family == libc::AF_INET6 => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(found)
}

fn port_of(message: &[u8]) -> u16 {
    u16::from_be_bytes([message[4], message[5]])
}

fn address_of(message: &[u8]) -> String {
    let address = &message[8..24];
    if i32::from(message[0]) == libc::AF_INET {
        return Ipv4Addr::new(address[0], address[1], address[2], address[3]).to_string();
    }
    let mut octets = [0; 16];
    octets.copy_from_slice(address);
    Ipv6Addr::from(octets).to_string()
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
        let state = message[1];
        let port = port_of(message);
        let (receive, send) = (u32_at(message, 56), u32_at(message, 60));
        if !tcp || state == TCP_LISTEN {
            self.listeners.push(Listener {
                protocol: if tcp { "tcp" } else { "udp" }.to_owned(),
                address: address_of(message),
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
