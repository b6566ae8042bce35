//! Dumps over netlink: one request, and every message of the answer.

#![allow(unsafe_code, reason = "netlink speaks in C structures")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::tree::{errno, read_once};

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// What the dump is about changed meanwhile, so that it may lack something or have it twice.
const NLM_F_DUMP_INTR: u16 = 0x10;
/// Bytes of struct nlmsghdr: length, type, flags, sequence, port.
const HEADER: usize = 16;

/// Asks for everything of a kind, and passes on the type and the body of each message. Whether the answer is of one piece.
pub(super) fn dump(family: i32, kind: u16, payload: &[u8], each: &mut dyn FnMut(u16, &[u8])) -> Result<bool, i32> {
    // SAFETY: the result is a new descriptor or -1.
    let socket = unsafe {
        match libc::socket(libc::AF_NETLINK, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, family) {
            -1 => return Err(errno()),
            fd => OwnedFd::from_raw_fd(fd),
        }
    };
    let length = HEADER + payload.len();
    let mut request = Vec::with_capacity(length);
    request.extend_from_slice(&u32::to_ne_bytes(length as u32));
    request.extend_from_slice(&u16::to_ne_bytes(kind));
    request.extend_from_slice(&u16::to_ne_bytes((libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16));
    request.extend_from_slice(&[0; 8]);
    request.extend_from_slice(payload);
    // SAFETY: the descriptor is open and the buffer valid for its length.
    let sent = unsafe { libc::send(socket.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) };
    if sent < 0 {
        return Err(errno());
    }
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut whole = true;
    loop {
        let count = read_once(&socket, &mut buffer)?;
        let mut rest = &buffer[..count];
        while rest.len() >= HEADER {
            let length = u32_at(rest, 0) as usize;
            if length < HEADER || length > rest.len() {
                return Err(libc::EBADMSG);
            }
            let body = &rest[HEADER..length];
            whole &= u16_at(rest, 6) & NLM_F_DUMP_INTR == 0;
            match u16_at(rest, 4) {
                NLMSG_DONE => return Ok(whole),
                NLMSG_ERROR => {
                    let code = if body.len() >= 4 {
                        u32_at(body, 0).cast_signed()
                    } else {
                        -libc::EBADMSG
                    };
                    return Err(code.wrapping_neg());
                }
                kind => each(kind, body),
            }
            // Messages are padded to four bytes.
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        }
        if count == 0 {
            return Err(libc::EBADMSG);
        }
    }
}

/// The attributes in a message, by type: length, type, value, padding.
pub(super) fn attributes(mut rest: &[u8]) -> Vec<(u16, &[u8])> {
    const HEADER: usize = 4;
    /// The two upper bits say how the value is made up.
    const TYPE: u16 = 0x3fff;
    let mut found = Vec::new();
    while rest.len() >= HEADER {
        let length = usize::from(u16_at(rest, 0));
        if length < HEADER || length > rest.len() {
            break;
        }
        found.push((u16_at(rest, 2) & TYPE, &rest[HEADER..length]));
        rest = &rest[length.next_multiple_of(4).min(rest.len())..];
    }
    found
}

/// A number at a place, which must be there.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

#[cfg(test)]
mod tests {
    use super::attributes;

    #[test]
    fn attributes_are_told_apart_and_damaged_ones_end_the_list() {
        let mut bytes = Vec::new();
        let mut add = |length: u16, kind: u16, value: &[u8]| {
            bytes.extend_from_slice(&length.to_ne_bytes());
            bytes.extend_from_slice(&kind.to_ne_bytes());
            bytes.extend_from_slice(value);
        };
        add(7, 3, b"lo\0\0");
        add(8, 0x8004, &1500_u32.to_ne_bytes());
        add(200, 5, b"");
        assert_eq!(
            attributes(&bytes),
            [(3, b"lo\0".as_slice()), (4, 1500_u32.to_ne_bytes().as_slice())]
        );
        assert_eq!(attributes(&[1, 0, 0, 0]), []);
    }
}
