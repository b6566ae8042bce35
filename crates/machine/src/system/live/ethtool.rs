//! What a network driver tells, by SIOCETHTOOL. These questions need no privilege.

#![allow(unsafe_code, reason = "ioctl takes C structures")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::tree::errno;
use crate::system::{Channels, Interface};

const GDRVINFO: u32 = 0x03;
const GRINGPARAM: u32 = 0x10;
const GTSO: u32 = 0x1e;
const GGSO: u32 = 0x23;
const GGRO: u32 = 0x2b;
const GCHANNELS: u32 = 0x3c;
const GLINKSETTINGS: u32 = 0x4c;
/// Words of the buffer. The largest answer is that of GLINKSETTINGS: 12 words, and three masks of at most 127 each.
const WORDS: usize = 512;

/// A socket to ask through; or the errno of making one.
pub(super) struct Ethtool(Result<OwnedFd, i32>);

impl Ethtool {
    pub(super) fn new() -> Self {
        // SAFETY: the result is a new descriptor or -1.
        Self(unsafe {
            match libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) {
                -1 => Err(errno()),
                fd => Ok(OwnedFd::from_raw_fd(fd)),
            }
        })
    }

    /// Fills in what the driver tells. What it does not know stays as it is; what nobody may ask is noted.
    pub(super) fn ask(&self, interface: &mut Interface) {
        let name = interface.name.clone();
        match self.query(&name, GDRVINFO) {
            Ok(answer) => interface.driver = driver(&answer),
            Err(libc::EOPNOTSUPP | libc::ENODEV) => {}
            Err(errno) => {
                interface.refused = Some(errno);
                return;
            }
        }
        if let Ok(answer) = self.link_settings(&name) {
            // SPEED_UNKNOWN is all ones; DUPLEX_HALF is 0 and DUPLEX_FULL 1.
            interface.speed = Some(answer[1]).filter(|speed| *speed != 0 && *speed != u32::MAX);
            interface.full_duplex = match answer[2].to_ne_bytes()[0] {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            };
        }
        // struct ethtool_ringparam: the largest of receive, mini, jumbo and transmit, then what they are.
        if let Ok(answer) = self.query(&name, GRINGPARAM) {
            (interface.ring_rx_max, interface.ring_rx) = (Some(answer[1]), Some(answer[5]));
        }
        // struct ethtool_channels: the most of receive, transmit, other and combined, then what they are.
        if let Ok(answer) = self.query(&name, GCHANNELS) {
            interface.channels = Some(Channels {
                rx: answer[5],
                tx: answer[6],
                combined: answer[8],
                rx_max: answer[1],
                tx_max: answer[2],
                combined_max: answer[4],
            });
        }
        let on = |question: u32| self.query(&name, question).ok().map(|answer| answer[1] != 0);
        (interface.gro, interface.gso, interface.tso) = (on(GGRO), on(GGSO), on(GTSO));
    }

    /// Two steps: to a first question without room for masks, the kernel answers how many words they take, negated.
    fn link_settings(&self, name: &str) -> Result<[u32; WORDS], i32> {
        /// The byte of struct ethtool_link_settings that holds that number.
        const MASK_WORDS: usize = 15;
        let first = self.query(name, GLINKSETTINGS)?;
        let mut place = first[MASK_WORDS / 4].to_ne_bytes();
        let words = place[MASK_WORDS % 4].cast_signed();
        if words >= 0 {
            return Err(libc::EBADMSG);
        }
        place = [0; 4];
        place[MASK_WORDS % 4] = words.wrapping_neg().cast_unsigned();
        let mut buffer = [0; WORDS];
        buffer[0] = GLINKSETTINGS;
        buffer[MASK_WORDS / 4] = u32::from_ne_bytes(place);
        self.exchange(name, buffer)
    }

    fn query(&self, name: &str, question: u32) -> Result<[u32; WORDS], i32> {
        let mut buffer = [0; WORDS];
        buffer[0] = question;
        self.exchange(name, buffer)
    }

    fn exchange(&self, name: &str, mut buffer: [u32; WORDS]) -> Result<[u32; WORDS], i32> {
        let socket = self.0.as_ref().map_err(|errno| *errno)?;
        // SAFETY: a structure of bytes and a union of plain data, for which zeros are a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        let name = crate::text::to_bytes(name);
        // The kernel ends names at 15 bytes, so that one stays NUL.
        if name.len() >= request.ifr_name.len() {
            return Err(libc::ENODEV);
        }
        for (to, from) in request.ifr_name.iter_mut().zip(name.iter().copied()) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_data = buffer.as_mut_ptr().cast();
        // SAFETY: the descriptor is open, the structure is the one that SIOCETHTOOL takes, and it points to a buffer that has room
        // for the longest answer to any of the questions above. Both outlive the call.
        let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) };
        if result < 0 { Err(errno()) } else { Ok(buffer) }
    }
}

/// struct ethtool_drvinfo: after the question 32 bytes with the name.
fn driver(answer: &[u32; WORDS]) -> Option<String> {
    let bytes: Vec<u8> = answer[1..9].iter().flat_map(|word| word.to_ne_bytes()).collect();
    let name: Vec<u8> = bytes.into_iter().take_while(|byte| *byte != 0).collect();
    String::from_utf8(name).ok().filter(|name| !name.is_empty())
}
