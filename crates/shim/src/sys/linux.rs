//! What only Linux has, or has in its own way. Signal sets are 64-bit words, bit `n - 1` for signal `n`, passed to the kernel
//! directly: both C libraries hide signals 32 to 34 from their own wrappers, and a mask must be restored as it was.

use std::ffi::{c_int, c_long, c_uint, c_ulong};
use std::ptr;
use std::time::Duration;

pub(crate) use runup_machine::system::capability::{get as capabilities, set as set_capabilities};

use super::{Errno, check, errno};

/// Bytes in the kernel's signal set.
const SET_SIZE: usize = 8;

/// Something that `wait_signal` took from the queue.
pub(crate) struct Received(libc::siginfo_t);

impl Received {
    /// The signal's number.
    pub(crate) fn signal(&self) -> i32 {
        self.0.si_signo
    }

    /// Sent by the kernel itself, as a terminal's Ctrl-C is.
    pub(crate) fn sent_by_kernel(&self) -> bool {
        self.0.si_code > 0
    }

    /// Sent with a value, by `sigqueue`.
    pub(crate) fn has_value(&self) -> bool {
        self.0.si_code == libc::SI_QUEUE
    }

    /// The process that sent it with `kill`, `tgkill` or `sigqueue`; 0 where it is in an outer PID namespace.
    pub(crate) fn sender(&self) -> Option<i32> {
        // SAFETY: for the codes of kill, tgkill and sigqueue (not above 0) the kernel has filled in the sender's pid.
        (matches!(self.0.si_code, libc::SI_USER | libc::SI_TKILL | libc::SI_QUEUE)).then(|| unsafe { self.0.si_pid() })
    }
}

/// The signals that are blocked.
pub(crate) fn blocked() -> u64 {
    let mut now = 0u64;
    // SAFETY: a null new set only asks; `now` is SET_SIZE bytes.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            ptr::null::<u64>(),
            &raw mut now,
            SET_SIZE,
        )
    };
    now
}

/// Blocks exactly these signals.
pub(crate) fn set_blocked(set: u64) {
    // SAFETY: `set` is SET_SIZE bytes and lives over the call; the kernel leaves out SIGKILL and SIGSTOP by itself.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const set,
            ptr::null::<u64>(),
            SET_SIZE,
        )
    };
}

/// Takes one pending signal of a set (blocked by the caller), sleeping until there is one or the time is over (EAGAIN).
pub(crate) fn wait_signal(set: u64, timeout: Option<Duration>) -> Result<Received, Errno> {
    // The kernel's own `timespec` of this system call: two longs on every architecture.
    let limit = timeout.map(|time| {
        [
            c_long::try_from(time.as_secs()).unwrap_or(c_long::MAX),
            // 32-bit machines count nanoseconds in 32 bits; they fit.
            #[allow(clippy::unnecessary_fallible_conversions, reason = "c_long is narrower elsewhere")]
            c_long::try_from(time.subsec_nanos()).unwrap_or(0),
        ]
    });
    let limit = limit.as_ref().map_or(ptr::null(), |time| time.as_ptr());
    // SAFETY: an all-zero `siginfo_t` is a valid value of that plain struct.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is SET_SIZE bytes, `info` is valid for writes, `limit` is null or two longs that outlive the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_rt_sigtimedwait,
            &raw const set,
            &raw mut info,
            limit,
            SET_SIZE,
        )
    };
    if answer < 0 { Err(errno()) } else { Ok(Received(info)) }
}

/// Sends a signal on with the value that came with it. The kernel lets a process pass on what `sigqueue` sent.
pub(crate) fn pass_on(process: i32, signal: i32, received: &Received) -> Result<(), Errno> {
    let mut info = received.0;
    info.si_signo = signal;
    // SAFETY: `info` is a whole `siginfo_t` that outlives the call.
    let answer = unsafe { libc::syscall(libc::SYS_rt_sigqueueinfo, process, signal, &raw const info) };
    if answer < 0 { Err(errno()) } else { Ok(()) }
}

pub(super) fn pipe_cloexec(ends: &mut [c_int; 2]) -> Result<(), Errno> {
    // SAFETY: the array is valid for two writes. Not blocking: the reader looks once, after the writer is gone.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) }).map(drop)
}

/// Real, effective and saved user id.
pub(crate) fn user_ids() -> [u32; 3] {
    // No id, should a seccomp filter refuse the question.
    let mut ids = [u32::MAX; 3];
    let [real, effective, saved] = &mut ids;
    // SAFETY: three valid places; with those it cannot fail.
    unsafe { libc::getresuid(real, effective, saved) };
    ids
}

/// Real, effective and saved group id.
pub(crate) fn group_ids() -> [u32; 3] {
    // No id, should a seccomp filter refuse the question.
    let mut ids = [u32::MAX; 3];
    let [real, effective, saved] = &mut ids;
    // SAFETY: three valid places; with those it cannot fail.
    unsafe { libc::getresgid(real, effective, saved) };
    ids
}

/// Real and effective user id, and real and effective group id, as the kernel set them at `execve`. No system call.
pub(crate) fn start_ids() -> [(u32, u32); 2] {
    // SAFETY: no precondition; the kernel gives every program these four.
    let id = |kind: c_ulong| u32::try_from(unsafe { libc::getauxval(kind) }).unwrap_or(u32::MAX);
    [
        (id(libc::AT_UID), id(libc::AT_EUID)),
        (id(libc::AT_GID), id(libc::AT_EGID)),
    ]
}

/// Whether `execve` may have given privileges: by the file, or by a security module.
pub(crate) fn is_secure() -> bool {
    // SAFETY: no precondition.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Whether user id 0 means nothing to capabilities here (SECBIT_NOROOT, capabilities(7)).
pub(crate) fn root_is_plain() -> bool {
    const NOROOT: c_int = 1;
    // Where the question is refused, root is taken for what it is nearly everywhere; `--user` is refused without capabilities.
    prctl(libc::PR_GET_SECUREBITS, 0, 0).is_ok_and(|bits| bits & NOROOT != 0)
}

/// Sets all three user ids.
pub(crate) fn set_user(id: u32) -> Result<(), Errno> {
    // SAFETY: no pointers are passed.
    check(unsafe { libc::setresuid(id, id, id) }).map(drop)
}

/// Sets all three group ids.
pub(crate) fn set_group(id: u32) -> Result<(), Errno> {
    // SAFETY: no pointers are passed.
    check(unsafe { libc::setresgid(id, id, id) }).map(drop)
}

/// `prctl` with integers.
fn prctl(option: c_int, second: u64, third: u64) -> Result<c_int, Errno> {
    // SAFETY: the callers below use only options whose arguments are integers.
    check(unsafe { libc::prctl(option, second as c_ulong, third as c_ulong, 0 as c_ulong, 0 as c_ulong) })
}

/// Orphans among the descendants of this process become its children.
pub(crate) fn become_subreaper() -> Result<(), Errno> {
    prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0).map(drop)
}

/// Whether this process has called [`become_subreaper`], or whoever executed it has.
pub(crate) fn is_subreaper() -> bool {
    let mut answer: c_int = 0;
    // SAFETY: the kernel writes one int.
    unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut answer) == 0 && answer != 0 }
}

/// This process gets a signal when the thread that made it ends. Cleared by a change of user.
pub(crate) fn set_parent_death_signal(signal: i32) -> Result<(), Errno> {
    prctl(libc::PR_SET_PDEATHSIG, u64::try_from(signal).unwrap_or(0), 0).map(drop)
}

/// No `execve` from here on gives privileges.
pub(crate) fn set_no_new_privileges() -> Result<(), Errno> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(drop)
}

/// Whether that is so.
pub(crate) fn no_new_privileges() -> Result<bool, Errno> {
    prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0).map(|answer| answer == 1)
}

/// Whether a change of user from 0 leaves the permitted capabilities. The kernel forgets it at `execve`.
pub(crate) fn set_keep_capabilities(keep: bool) -> Result<(), Errno> {
    prctl(libc::PR_SET_KEEPCAPS, u64::from(keep), 0).map(drop)
}

/// Whether a capability is in the bounding set; EINVAL for a number that this kernel does not know.
pub(crate) fn in_bounding_set(capability: u8) -> Result<bool, Errno> {
    prctl(libc::PR_CAPBSET_READ, u64::from(capability), 0).map(|answer| answer == 1)
}

pub(crate) fn drop_from_bounding_set(capability: u8) -> Result<(), Errno> {
    prctl(libc::PR_CAPBSET_DROP, u64::from(capability), 0).map(drop)
}

pub(crate) fn raise_ambient(capability: u8) -> Result<(), Errno> {
    prctl(
        libc::PR_CAP_AMBIENT,
        libc::PR_CAP_AMBIENT_RAISE as u64,
        u64::from(capability),
    )
    .map(drop)
}

/// Whether a capability is in the ambient set; EINVAL before Linux 4.3, and for a number that this kernel does not know.
pub(crate) fn is_ambient(capability: u8) -> Result<bool, Errno> {
    prctl(
        libc::PR_CAP_AMBIENT,
        libc::PR_CAP_AMBIENT_IS_SET as u64,
        u64::from(capability),
    )
    .map(|answer| answer == 1)
}

/// Soft and hard limit on a resource; `u64::MAX` is no limit.
///
/// `prlimit64`, or the older call where a seccomp profile from before `prlimit64` denies that (EPERM or ENOSYS).
pub(crate) fn limits(resource: c_uint) -> Result<(u64, u64), Errno> {
    let mut pair = [0u64; 2];
    // SAFETY: a null new limit only asks; the kernel writes two 64-bit words.
    let answer = unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, ptr::null::<u64>(), pair.as_mut_ptr()) };
    if answer < 0 {
        let errno = errno();
        if !matches!(errno, libc::EPERM | libc::ENOSYS) {
            return Err(errno);
        }
        pair = older_limits(resource)?;
    }
    Ok((pair[0], pair[1]))
}

/// Sets the soft and the hard limit on a resource, `u64::MAX` for none.
pub(crate) fn set_limits(resource: c_uint, soft: u64, hard: u64) -> Result<(), Errno> {
    let pair = [soft, hard];
    // SAFETY: the kernel reads two 64-bit words; a null old limit asks for nothing.
    let answer = unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, pair.as_ptr(), ptr::null::<u64>()) };
    if answer == 0 {
        return Ok(());
    }
    // EPERM is also the kernel's own answer to raising a hard limit; then the older call says the same.
    match errno() {
        libc::EPERM | libc::ENOSYS => set_older_limits(resource, pair),
        errno => Err(errno),
    }
}

// The older calls take longs, and 64-bit x86 and Arm have them; newer architectures began with `prlimit64` alone.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn older_limits(resource: c_uint) -> Result<[u64; 2], Errno> {
    let mut pair = [0u64; 2];
    // SAFETY: on these architectures `struct rlimit` is two 64-bit words.
    let answer = unsafe { libc::syscall(libc::SYS_getrlimit, resource, pair.as_mut_ptr()) };
    if answer < 0 { Err(errno()) } else { Ok(pair) }
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn set_older_limits(resource: c_uint, pair: [u64; 2]) -> Result<(), Errno> {
    // SAFETY: on these architectures `struct rlimit` is two 64-bit words.
    let answer = unsafe { libc::syscall(libc::SYS_setrlimit, resource, pair.as_ptr()) };
    if answer < 0 { Err(errno()) } else { Ok(()) }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn older_limits(_: c_uint) -> Result<[u64; 2], Errno> {
    Err(libc::EPERM)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn set_older_limits(_: c_uint, _: [u64; 2]) -> Result<(), Errno> {
    Err(libc::EPERM)
}
