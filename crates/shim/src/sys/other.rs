//! macOS and FreeBSD: what they share with Linux, in its signatures. What they lack answers ENOSYS.

use std::ffi::{c_int, c_uint};
use std::time::Duration;

use super::{Errno, check};
use runup_machine::system::capability::CapabilitySets;

/// Something that `wait_signal` took from the queue. There is no such call here, so there is none.
pub(crate) struct Received(std::convert::Infallible);

#[allow(clippy::unused_self, reason = "the signatures are those of Linux")]
impl Received {
    pub(crate) fn signal(&self) -> i32 {
        match self.0 {}
    }

    pub(crate) fn sent_by_kernel(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn has_value(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn sender(&self) -> Option<i32> {
        match self.0 {}
    }
}

pub(crate) fn blocked() -> u64 {
    // SAFETY: an all-zero set is a valid one; a null new set only asks.
    let set = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_SETMASK, std::ptr::null(), &raw mut set);
        set
    };
    // SAFETY: the set was filled in above.
    (1..32)
        .filter(|signal| unsafe { libc::sigismember(&raw const set, *signal) == 1 })
        .map(|signal| 1 << (signal - 1))
        .sum()
}

pub(crate) fn set_blocked(wanted: u64) {
    // SAFETY: the set is made empty before use, and outlives the calls.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in (1..32).filter(|signal| wanted >> (signal - 1) & 1 == 1) {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

pub(crate) fn wait_signal(_: u64, _: Option<Duration>) -> Result<Received, Errno> {
    Err(libc::ENOSYS)
}

pub(crate) fn pass_on(_: i32, _: i32, received: &Received) -> Result<(), Errno> {
    match received.0 {}
}

pub(super) fn pipe_cloexec(ends: &mut [c_int; 2]) -> Result<(), Errno> {
    // SAFETY: the array is valid for two writes.
    check(unsafe { libc::pipe(ends.as_mut_ptr()) })?;
    for end in ends {
        // SAFETY: no pointers are passed.
        check(unsafe { libc::fcntl(*end, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    }
    Ok(())
}

/// Real and effective user id; the saved one cannot be asked for on macOS, and stands as the effective one.
pub(crate) fn user_ids() -> [u32; 3] {
    // SAFETY: no precondition, cannot fail.
    unsafe { [libc::getuid(), libc::geteuid(), libc::geteuid()] }
}

/// As [`user_ids`], for groups.
pub(crate) fn group_ids() -> [u32; 3] {
    // SAFETY: no precondition, cannot fail.
    unsafe { [libc::getgid(), libc::getegid(), libc::getegid()] }
}

/// Real and effective user id, and real and effective group id.
pub(crate) fn start_ids() -> [(u32, u32); 2] {
    let ([user, effective_user, _], [group, effective_group, _]) = (user_ids(), group_ids());
    [(user, effective_user), (group, effective_group)]
}

pub(crate) fn is_secure() -> bool {
    false
}

pub(crate) fn root_is_plain() -> bool {
    false
}

/// Of root, `setuid` sets all three.
pub(crate) fn set_user(id: u32) -> Result<(), Errno> {
    // SAFETY: no pointers are passed.
    check(unsafe { libc::setuid(id) }).map(drop)
}

/// Of root, `setgid` sets all three.
pub(crate) fn set_group(id: u32) -> Result<(), Errno> {
    // SAFETY: no pointers are passed.
    check(unsafe { libc::setgid(id) }).map(drop)
}

pub(crate) fn become_subreaper() -> Result<(), Errno> {
    Err(libc::ENOSYS)
}

pub(crate) fn is_subreaper() -> bool {
    false
}

pub(crate) fn set_parent_death_signal(_: i32) -> Result<(), Errno> {
    Err(libc::ENOSYS)
}

pub(crate) fn set_no_new_privileges() -> Result<(), Errno> {
    Err(libc::ENOSYS)
}

pub(crate) fn no_new_privileges() -> Result<bool, Errno> {
    Err(libc::ENOSYS)
}

pub(crate) fn set_keep_capabilities(_: bool) -> Result<(), Errno> {
    Err(libc::ENOSYS)
}

pub(crate) fn in_bounding_set(_: u8) -> Result<bool, Errno> {
    Err(libc::EINVAL)
}

pub(crate) fn drop_from_bounding_set(_: u8) -> Result<(), Errno> {
    Err(libc::ENOSYS)
}

pub(crate) fn raise_ambient(_: u8) -> Result<(), Errno> {
    Err(libc::ENOSYS)
}

pub(crate) fn is_ambient(_: u8) -> Result<bool, Errno> {
    Err(libc::ENOSYS)
}

pub(crate) fn capabilities() -> Result<CapabilitySets, Errno> {
    Err(libc::ENOSYS)
}

pub(crate) fn set_capabilities(_: &CapabilitySets) -> Result<(), Errno> {
    Err(libc::ENOSYS)
}

/// Soft and hard limit on a resource; `u64::MAX` is no limit.
pub(crate) fn limits(resource: c_uint) -> Result<(u64, u64), Errno> {
    let mut pair = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the struct is valid for writes.
    check(unsafe { libc::getrlimit(resource as _, &raw mut pair) })?;
    #[allow(clippy::unnecessary_cast, reason = "signed on some systems")]
    let plain = |limit: libc::rlim_t| {
        if limit == libc::RLIM_INFINITY {
            u64::MAX
        } else {
            limit as u64
        }
    };
    Ok((plain(pair.rlim_cur), plain(pair.rlim_max)))
}

/// Sets the soft and the hard limit on a resource, `u64::MAX` for none.
pub(crate) fn set_limits(resource: c_uint, soft: u64, hard: u64) -> Result<(), Errno> {
    #[allow(
        clippy::unnecessary_min_or_max,
        reason = "the least that means no limit differs between systems"
    )]
    let native = |limit: u64| {
        libc::rlim_t::try_from(limit)
            .unwrap_or(libc::RLIM_INFINITY)
            .min(libc::RLIM_INFINITY)
    };
    let pair = libc::rlimit {
        rlim_cur: native(soft),
        rlim_max: native(hard),
    };
    // SAFETY: the struct is valid for reads.
    check(unsafe { libc::setrlimit(resource as _, &raw const pair) }).map(drop)
}
