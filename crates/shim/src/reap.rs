//! Reaping: every child that has ended, the program and whatever orphans were adopted.

use super::sys::{self, Status};

/// How many are reaped before signals are looked at again, so that a flood of orphans cannot hold up a SIGTERM.
const AT_ONCE: usize = 64;

/// What a round of reaping found.
pub(crate) enum Round {
    /// Nothing more to reap now.
    Done,
    /// There may be more.
    More,
    /// No children are left at all.
    NoChildren,
}

/// Reaps what there is, at most so many, telling `each` about every one.
pub(crate) fn round(each: &mut dyn FnMut(i32, Status)) -> Round {
    for _ in 0..AT_ONCE {
        match sys::wait_any() {
            Ok(Some((pid, status))) => each(pid, status),
            Ok(None) => return Round::Done,
            Err(libc::EINTR) => {}
            Err(_) => return Round::NoChildren,
        }
    }
    Round::More
}

/// The exit status that stands for how a process ended, as shells have it.
pub(crate) fn exit_status(status: Status) -> u8 {
    match status {
        Status::Exited(status) => status,
        Status::Killed(signal, _) | Status::Stopped(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
    }
}
