//! Changing a live Linux machine.

#![allow(unsafe_code, reason = "system calls that no crate of ours wraps")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::LiveSystem;
use super::platform::{number, raw};
use super::tree::errno;
use crate::system::filesystem;
use crate::system::space::space_of;
use crate::system::{Failure, Limits, Process, Resource, Space, System, WritableSystem, process_start};
use crate::value::Number;

/// Types of file system that a tree may be (magic.h).
const PROC: i64 = 0x9fa0;
const SYSFS: i64 = 0x6265_6572;

impl WritableSystem for LiveSystem {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        let (tree, name, magic) = if let Some(name) = path.strip_prefix("/proc/sys/") {
            self.reachable(name)?;
            (&self.proc_sys, name, PROC)
        } else if let Some(name) = path.strip_prefix("/sys/") {
            (&self.sys, name, SYSFS)
        } else {
            return Err(Failure::OutsideTree);
        };
        let fd = tree.open(name, libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY)?;
        // A file system that somebody mounted over the tree is not the kernel's answer.
        if magic_of(&fd)? != magic {
            return Err(Failure::OutsideTree);
        }
        let mut left = bytes;
        while !left.is_empty() {
            // SAFETY: the descriptor is open, and the buffer is valid for its length.
            let count = unsafe { libc::write(fd.as_raw_fd(), left.as_ptr().cast(), left.len()) };
            match usize::try_from(count) {
                Ok(0) => return Err(Failure::Io(libc::EIO)),
                Ok(count) => left = left.get(count..).unwrap_or_default(),
                Err(_) => match errno() {
                    libc::EINTR => {}
                    other => return Err(Failure::of(other)),
                },
            }
        }
        Ok(())
    }

    fn limits_of(&self, process: Process, resource: Resource) -> Result<Limits, Failure> {
        let raw = raw(resource)?;
        let _held = hold(self, process)?;
        let mut limits = std::mem::MaybeUninit::<libc::rlimit64>::uninit();
        // SAFETY: with no new limits nothing is changed, and the kernel fills the structure where it answers 0.
        unsafe {
            let pid = process.pid.cast_signed();
            if libc::prlimit64(pid, raw, std::ptr::null(), limits.as_mut_ptr()) != 0 {
                return Err(of_process(errno()));
            }
            let limits = limits.assume_init();
            Ok(Limits {
                soft: number(limits.rlim_cur),
                hard: number(limits.rlim_max),
            })
        }
    }

    fn set_limits_of(&self, process: Process, resource: Resource, limits: Limits) -> Result<(), Failure> {
        let raw = raw(resource)?;
        let _held = hold(self, process)?;
        let limits = libc::rlimit64 {
            rlim_cur: kernel_number(limits.soft)?,
            rlim_max: kernel_number(limits.hard)?,
        };
        let pid = process.pid.cast_signed();
        // SAFETY: the new limits are a valid structure, and the old ones are not asked for.
        match unsafe { libc::prlimit64(pid, raw, &raw const limits, std::ptr::null_mut()) } {
            0 => Ok(()),
            _ => Err(of_process(errno())),
        }
    }

    fn set_swap(&self, device: &str, priority: Option<i32>) -> Result<(), Failure> {
        /// SWAP_FLAG_PREFER and the mask of the priority (swapon(2)).
        const PREFER: i32 = 0x8000;
        const MASK: i32 = 0x7fff;
        let path = std::ffi::CString::new(device).map_err(|_| Failure::OutsideTree)?;
        let flags = priority
            .filter(|priority| *priority >= 0)
            .map_or(0, |priority| PREFER | (priority & MASK));
        // SAFETY: the path is NUL-terminated.
        let answer = unsafe {
            match priority {
                Some(_) => libc::swapon(path.as_ptr(), flags),
                None => libc::swapoff(path.as_ptr()),
            }
        };
        match answer {
            0 => Ok(()),
            _ => Err(Failure::of(errno())),
        }
    }

    fn space(&self) -> Space {
        let mut space = space_of(self);
        space.net.cookie = network_cookie();
        space
    }

    fn is_gone(&self, path: &str) -> bool {
        let kind = if path.starts_with("/proc/") { "proc" } else { "sysfs" };
        let directories = std::iter::successors(path.rsplit_once('/'), |(parent, _)| parent.rsplit_once('/'));
        let nearest = directories
            .map(|(parent, _)| parent)
            .find(|parent| !parent.is_empty() && self.stat(parent).is_ok());
        nearest.is_some_and(|parent| filesystem::of(parent).is_ok_and(|found| found.kind == kind))
    }
}

fn magic_of(fd: &OwnedFd) -> Result<i64, Failure> {
    let mut stat = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the descriptor is open, and the kernel fills the structure where it answers 0.
    unsafe {
        if libc::fstatfs(fd.as_raw_fd(), stat.as_mut_ptr()) != 0 {
            return Err(Failure::of(errno()));
        }
        #[allow(
            clippy::unnecessary_cast,
            reason = "its type differs between architectures and C libraries"
        )]
        Ok(stat.assume_init().f_type as i64)
    }
}

/// Makes sure that a process is still the one that is meant. While the descriptor is held, its number cannot go to another.
fn hold(system: &LiveSystem, process: Process) -> Result<Option<OwnedFd>, Failure> {
    // SAFETY: no pointers; the answer is a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process.pid, 0) };
    let held = i32::try_from(fd).ok().filter(|fd| *fd >= 0).map(|fd| {
        // SAFETY: the call succeeded, so the descriptor is open and owned by nobody else.
        unsafe { OwnedFd::from_raw_fd(fd) }
    });
    match process_start(system, process.pid) {
        Ok(start) if start == process.start => Ok(held),
        // A later one has its number.
        Ok(_) => Err(Failure::Absent),
        // Hidden from this user (the `hidepid` of /proc), or /proc is not there: it may well live.
        Err(Failure::Absent) if exists(process.pid) => Err(Failure::Denied(libc::EACCES)),
        Err(failure) => Err(failure),
    }
}

/// Whether there is a process of this number, or nobody can tell.
fn exists(pid: u32) -> bool {
    // SAFETY: no pointers are passed, and signal 0 only asks.
    unsafe { libc::kill(pid.cast_signed(), 0) == 0 || errno() != libc::ESRCH }
}

fn of_process(errno: i32) -> Failure {
    match errno {
        libc::ESRCH => Failure::Absent,
        other => Failure::of(other),
    }
}

fn kernel_number(number: Number) -> Result<u64, Failure> {
    match number {
        Number::Unlimited => Ok(libc::RLIM64_INFINITY),
        Number::Finite(number) => u64::try_from(number).map_err(|_| Failure::Io(libc::EINVAL)),
    }
}

/// The cookie of the network namespace that this thread is in (Linux 5.14).
///
/// A socket of any kind tells it. What refuses some kinds, as systemd's `RestrictAddressFamilies=` does, leaves others.
fn network_cookie() -> Result<u64, Failure> {
    let mut refused = Failure::Absent;
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK] {
        match cookie_through(family) {
            Ok(cookie) => return Ok(cookie),
            Err(failure) => refused = failure,
        }
    }
    Err(refused)
}

fn cookie_through(family: i32) -> Result<u64, Failure> {
    // SAFETY: no pointers; the answer is a new descriptor or -1.
    let fd = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(Failure::of(errno()));
    }
    // SAFETY: the call succeeded, so the descriptor is open and owned by nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    const SO_NETNS_COOKIE: i32 = 71;
    const SIZE: libc::socklen_t = 8;
    let mut cookie = 0_u64;
    let mut length = SIZE;
    // SAFETY: both places are valid, and the length says how much room the first has.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    match (answer, length) {
        (0, SIZE) => Ok(cookie),
        (0, _) => Err(Failure::Io(libc::EINVAL)),
        _ => Err(Failure::of(errno())),
    }
}
