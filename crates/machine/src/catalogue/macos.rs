//! macOS and FreeBSD.

use super::{Key, Write, key};
use crate::system::Os;
use crate::value::Unit;

const XNU: &str = "https://github.com/apple-oss-distributions/xnu";
const BSD: &str = "https://man.freebsd.org/cgi/man.cgi?query=tuning&sektion=7";

const fn mac(name: &'static str, summary: &'static str, source: &'static str) -> Key {
    let mut key = key(name, summary, source);
    key.os = Os::Macos;
    key
}

const fn bsd(name: &'static str, summary: &'static str, source: &'static str) -> Key {
    let mut key = key(name, summary, source);
    key.os = Os::Freebsd;
    key
}

pub(super) static KEYS: &[Key] = &[
    mac("hw.memsize", "Memory of the machine.", XNU)
        .unit(Unit::Bytes)
        .write(Write::ReadOnly),
    mac("hw.ncpu", "Processors.", XNU).write(Write::ReadOnly),
    mac("kern.ipc.maxsockbuf", "The largest socket buffer.", XNU).unit(Unit::Bytes),
    mac(
        "kern.ipc.somaxconn",
        "Upper bound of the accept queue that listen(2) asks for.",
        XNU,
    ),
    mac("kern.maxfiles", "Open files of the whole machine.", XNU),
    mac("kern.maxfilesperproc", "Open files that one process may have.", XNU),
    mac("kern.maxproc", "Processes of the whole machine.", XNU),
    mac("kern.maxprocperuid", "Processes of one user.", XNU),
    mac(
        "net.inet.ip.portrange.first",
        "First port that outgoing connections take.",
        XNU,
    ),
    mac("net.inet.ip.portrange.hifirst", "First port of the high range.", XNU),
    mac("net.inet.ip.portrange.hilast", "Last port of the high range.", XNU),
    mac(
        "net.inet.ip.portrange.last",
        "Last port that outgoing connections take.",
        XNU,
    ),
    mac(
        "net.inet.tcp.keepidle",
        "Idle time before the first keepalive probe.",
        XNU,
    )
    .unit(Unit::Milliseconds),
    mac(
        "net.inet.tcp.msl",
        "The maximum segment lifetime; TIME_WAIT lasts twice as long.",
        XNU,
    )
    .unit(Unit::Milliseconds),
];

pub(super) static FREEBSD: &[Key] = &[
    bsd("hw.ncpu", "Processors.", BSD).write(Write::ReadOnly),
    bsd("hw.physmem", "Memory of the machine.", BSD)
        .unit(Unit::Bytes)
        .write(Write::ReadOnly),
    bsd("kern.ipc.maxsockbuf", "The largest socket buffer.", BSD).unit(Unit::Bytes),
    bsd(
        "kern.ipc.soacceptqueue",
        "Upper bound of the accept queue that listen(2) asks for.",
        BSD,
    ),
    bsd("kern.ipc.somaxconn", "The older name of kern.ipc.soacceptqueue.", BSD),
    bsd("kern.maxfiles", "Open files of the whole machine.", BSD),
    bsd("kern.maxfilesperproc", "Open files that one process may have.", BSD),
    bsd("kern.maxproc", "Processes of the whole machine.", BSD),
    bsd(
        "net.inet.ip.portrange.first",
        "First port that outgoing connections take.",
        BSD,
    ),
    bsd(
        "net.inet.ip.portrange.last",
        "Last port that outgoing connections take.",
        BSD,
    ),
    bsd(
        "net.inet.tcp.msl",
        "The maximum segment lifetime; TIME_WAIT lasts twice as long.",
        BSD,
    )
    .unit(Unit::Milliseconds),
];
