//! Sockets by NETLINK_SOCK_DIAG: the one interface that tells the accept backlog in force.

#![allow(unsafe_code, reason = "netlink speaks in C structures")]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::tree::{errno, read_once};
use crate::system::{Listener, PortUse, Sockets};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const TCP_LISTEN: u8 = 10;
const TCP_TIME_WAIT: u8 = 6;
const UDP_UNCONNECTED: u8 = 7;
/// Bytes of struct nlmsghdr.
const HEADER: usize = 16;
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
    // SAFETY: the result is a new descriptor or -1.
    let socket = unsafe {
        match libc::socket(
            libc::AF_NETLINK,
            libc::SOCK_DGRAM | libc::SOCK_CLOEXEC,
            libc::NETLINK_SOCK_DIAG,
        ) {
            -1 => return Err(errno()),
            fd => OwnedFd::from_raw_fd(fd),
        }
    };
    // struct nlmsghdr, then struct inet_diag_req_v2: family, protocol, extensions, padding, states, and an empty socket id.
    let mut request = Vec::with_capacity(HEADER + 56);
    request.extend_from_slice(&u32::to_ne_bytes(72));
    request.extend_from_slice(&u16::to_ne_bytes(SOCK_DIAG_BY_FAMILY));
    request.extend_from_slice(&u16::to_ne_bytes((libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16));
    request.extend_from_slice(&[0; 8]);
    request.extend_from_slice(&[family as u8, protocol as u8, 0, 0]);
    let states: u32 = if protocol == libc::IPPROTO_TCP {
        u32::MAX
    } else {
        1 << UDP_UNCONNECTED
    };
    request.extend_from_slice(&states.to_ne_bytes());
    request.resize(72, 0);
    // SAFETY: the descriptor is open and the buffer valid for its length.
    let sent = unsafe { libc::send(socket.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) };
    if sent < 0 {
        return Err(errno());
    }
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let count = read_once(&socket, &mut buffer)?;
        let mut rest = &buffer[..count];
        while rest.len() >= HEADER {
            let length = u32_at(rest, 0) as usize;
            if length < HEADER || length > rest.len() {
                return Err(libc::EBADMSG);
            }
            let body = &rest[HEADER..length];
            match u16_at(rest, 4) {
                NLMSG_DONE => return Ok(()),
                NLMSG_ERROR => {
                    let code = if body.len() >= 4 {
                        u32_at(body, 0).cast_signed()
                    } else {
                        -libc::EBADMSG
                    };
                    return Err(code.wrapping_neg());
                }
                SOCK_DIAG_BY_FAMILY if body.len() >= MESSAGE => found.add(protocol == libc::IPPROTO_TCP, body),
                _ => {}
            }
            // Messages are padded to four bytes.
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        }
        if count == 0 {
            return Err(libc::EBADMSG);
        }
    }
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

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}
