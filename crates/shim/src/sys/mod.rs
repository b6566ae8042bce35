//! The funnel: every system call of the entrypoint is made here, behind a safe signature, and every error is an errno.
//!
//! What differs between kernels is in `linux.rs` and `other.rs`, two files with the same signatures.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int};
use std::os::fd::RawFd;
use std::ptr;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::*;

/// A number from `errno.h`.
pub(crate) type Errno = i32;

/// Which side of a fork this is.
pub(crate) enum Fork {
    /// The process that was there; holds the id of the new one.
    Parent(i32),
    /// The new process.
    Child,
}

/// What became of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It called `exit` with this status, 0 to 255.
    Exited(u8),
    /// A signal ended it; whether it left a core.
    Killed(i32, bool),
    /// A signal stopped it. It lives.
    Stopped(i32),
}

/// The errno of the call that has just failed.
pub(crate) fn errno() -> Errno {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub(crate) fn check(answer: c_int) -> Result<c_int, Errno> {
    if answer < 0 { Err(errno()) } else { Ok(answer) }
}

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// The variables of the environment as this process was given them, `NAME=value`, in their order.
pub(crate) fn environment() -> impl Iterator<Item = &'static CStr> {
    // SAFETY: reading a pointer that the C library set before main; runup has one thread and never changes its environment.
    let mut next = unsafe { environ };
    std::iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: `next` points into the NULL-terminated array of the environment, not past its end.
        let entry = unsafe { *next };
        if entry.is_null() {
            return None;
        }
        // SAFETY: the entry before which we stopped was not the last, so one more is there.
        next = unsafe { next.add(1) };
        // SAFETY: every entry is a NUL-terminated string that lives as long as the process.
        Some(unsafe { CStr::from_ptr(entry) })
    })
}

/// The value of an environment variable.
pub(crate) fn variable(name: &str) -> Option<&'static [u8]> {
    environment().find_map(|entry| entry.to_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// Becomes another program; comes back only with the reason why not. `environment` of `None` is this process's own.
pub(crate) fn execve(file: &CStr, arguments: &[CString], environment: Option<&[&CStr]>) -> Errno {
    let terminated = |strings: &mut dyn Iterator<Item = *const c_char>| -> Vec<*const c_char> {
        strings.chain(std::iter::once(ptr::null())).collect()
    };
    let argv = terminated(&mut arguments.iter().map(|word| word.as_ptr()));
    let own = environment.map(|entries| terminated(&mut entries.iter().map(|entry| entry.as_ptr())));
    // SAFETY: reading the C library's pointer, as in `environment`.
    let envp = own.as_ref().map_or(unsafe { environ }, |pointers| pointers.as_ptr());
    // SAFETY: `file` is NUL-terminated, and both arrays are NULL-terminated and outlive the call.
    unsafe { libc::execve(file.as_ptr(), argv.as_ptr(), envp) };
    errno()
}

/// Makes a second process of this one.
pub(crate) fn fork() -> Result<Fork, Errno> {
    // SAFETY: runup has one thread, so that the child finds no lock held.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// Ends the process without running anything else of it.
pub(crate) fn exit_now(status: u8) -> ! {
    // SAFETY: no precondition.
    unsafe { libc::_exit(c_int::from(status)) }
}

/// A pipe, reading end first, closed on exec. Never descriptors 0 to 2: those may be closed on purpose, and messages go to 2.
pub(crate) fn pipe() -> Result<(RawFd, RawFd), Errno> {
    let mut ends = [0; 2];
    pipe_cloexec(&mut ends)?;
    let mut high = [0; 2];
    for (end, high) in ends.iter().zip(&mut high) {
        *high = if *end > 2 { *end } else { above_standard(*end)? };
    }
    Ok((high[0], high[1]))
}

/// Moves a descriptor to a number above 2, closed on exec.
pub(crate) fn above_standard(descriptor: RawFd) -> Result<RawFd, Errno> {
    // SAFETY: no pointers are passed.
    let copy = check(unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3) })?;
    close(descriptor);
    Ok(copy)
}

pub(crate) fn close(descriptor: RawFd) {
    // SAFETY: the callers own the descriptor and do not use it again.
    unsafe { libc::close(descriptor) };
}

/// Whether a descriptor is open.
pub(crate) fn is_open(descriptor: RawFd) -> bool {
    // SAFETY: no pointers are passed.
    unsafe { libc::fcntl(descriptor, libc::F_GETFD) >= 0 }
}

/// Opens a path; the descriptor is closed on exec.
pub(crate) fn open(path: &CStr, flags: c_int) -> Result<RawFd, Errno> {
    // SAFETY: the path is NUL-terminated; without O_CREAT there is no third argument.
    check(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) })
}

/// One `write`.
pub(crate) fn write(descriptor: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the buffer is valid for reads of its length.
    let written = unsafe { libc::write(descriptor, bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(written).map_err(|_| errno())
}

/// One `read`.
pub(crate) fn read(descriptor: RawFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the buffer is valid for writes of its length.
    let got = unsafe { libc::read(descriptor, buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(got).map_err(|_| errno())
}

/// One child that has ended or stopped, if there is one now. ECHILD: there are no children at all.
///
/// By hand, since nix's `waitpid` answers EINVAL for a death by a real-time signal, having already reaped the child.
pub(crate) fn wait_any() -> Result<Option<(i32, Status)>, Errno> {
    let mut word = 0;
    // SAFETY: `word` is valid for writes.
    let pid = check(unsafe { libc::waitpid(-1, &raw mut word, libc::WNOHANG | libc::WUNTRACED) })?;
    if pid == 0 {
        return Ok(None);
    }
    let status = if libc::WIFSTOPPED(word) {
        Status::Stopped(libc::WSTOPSIG(word))
    } else if libc::WIFSIGNALED(word) {
        Status::Killed(libc::WTERMSIG(word), libc::WCOREDUMP(word))
    } else {
        Status::Exited(u8::try_from(libc::WEXITSTATUS(word)).unwrap_or(u8::MAX))
    };
    Ok(Some((pid, status)))
}

/// Sends a signal: to a process, or to a group where the number is negative.
pub(crate) fn kill(target: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: no pointers are passed.
    check(unsafe { libc::kill(target, signal) }).map(drop)
}

pub(crate) fn pid() -> i32 {
    // SAFETY: no precondition, cannot fail.
    unsafe { libc::getpid() }
}

pub(crate) fn parent_pid() -> i32 {
    // SAFETY: no precondition, cannot fail.
    unsafe { libc::getppid() }
}

/// The process group of this process; 0 where its leader is outside the PID namespace.
pub(crate) fn process_group() -> i32 {
    // SAFETY: no precondition, cannot fail.
    unsafe { libc::getpgrp() }
}

/// Whether this process leads its session.
pub(crate) fn is_session_leader() -> bool {
    // SAFETY: no precondition.
    unsafe { libc::getsid(0) == libc::getpid() }
}

/// Puts a process (0: this one) into a group of its own.
pub(crate) fn own_group(process: i32) -> Result<(), Errno> {
    // SAFETY: no pointers are passed.
    check(unsafe { libc::setpgid(process, process) }).map(drop)
}

pub(crate) fn new_session() -> Result<(), Errno> {
    // SAFETY: no precondition.
    check(unsafe { libc::setsid() }).map(drop)
}

/// The foreground group of a terminal, if that is this process's controlling terminal; ENOTTY otherwise.
pub(crate) fn foreground(terminal: RawFd) -> Result<i32, Errno> {
    // SAFETY: no pointers are passed.
    check(unsafe { libc::tcgetpgrp(terminal) })
}

/// Makes a group the foreground one. The caller has SIGTTOU blocked, else a background process would be stopped here.
pub(crate) fn set_foreground(terminal: RawFd, group: i32) -> Result<(), Errno> {
    // SAFETY: no pointers are passed.
    check(unsafe { libc::tcsetpgrp(terminal, group) }).map(drop)
}

pub(crate) fn is_terminal(descriptor: RawFd) -> bool {
    // SAFETY: no pointers are passed.
    unsafe { libc::isatty(descriptor) == 1 }
}

/// Gives up the controlling terminal. Of a session leader, the kernel then sends SIGHUP and SIGCONT to the foreground group.
pub(crate) fn detach_terminal(descriptor: RawFd) -> Result<(), Errno> {
    // SAFETY: the request takes no argument.
    check(unsafe { libc::ioctl(descriptor, libc::TIOCNOTTY as _, 0) }).map(drop)
}

/// Makes a terminal the controlling one of a session that this process leads.
pub(crate) fn attach_terminal(descriptor: RawFd) -> Result<(), Errno> {
    // SAFETY: the request takes an integer.
    check(unsafe { libc::ioctl(descriptor, libc::TIOCSCTTY as _, 0) }).map(drop)
}

/// Leaves the working directory, so that whatever is mounted there can be unmounted.
pub(crate) fn leave_directory() {
    // SAFETY: the path is NUL-terminated. Where `/` cannot be entered there is nothing better to do than to stay.
    unsafe { libc::chdir(c"/".as_ptr()) };
}

/// What stands at the end of a path, links followed: `true` for a regular file.
pub(crate) fn is_file(path: &CStr) -> Result<bool, Errno> {
    // SAFETY: an all-zero `stat` is a valid value of that plain struct.
    let mut found: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the path is NUL-terminated and `found` is valid for writes.
    check(unsafe { libc::stat(path.as_ptr(), &raw mut found) })?;
    Ok(found.st_mode & libc::S_IFMT == libc::S_IFREG)
}

/// Whether this process could execute a file.
pub(crate) fn may_execute(path: &CStr) -> bool {
    // SAFETY: the path is NUL-terminated.
    unsafe { libc::access(path.as_ptr(), libc::X_OK) == 0 }
}

/// Whether a signal is ignored. Numbers that the C library keeps to itself count as not ignored.
pub(crate) fn is_ignored(signal: i32) -> bool {
    // SAFETY: an all-zero `sigaction` is a valid value of that plain struct.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a null new action only asks; `now` is valid for writes.
    let answer = unsafe { libc::sigaction(signal, ptr::null(), &raw mut now) };
    answer == 0 && now.sa_sigaction == libc::SIG_IGN
}

/// Ignores a signal, or gives it its default action.
pub(crate) fn set_ignored(signal: i32, ignored: bool) {
    // SAFETY: neither action is a function of ours. Numbers that cannot be changed answer EINVAL, and were not changed before.
    unsafe { libc::signal(signal, if ignored { libc::SIG_IGN } else { libc::SIG_DFL }) };
}

extern "C" fn end(signal: c_int) {
    // SAFETY: `_exit` may be called in a handler.
    unsafe { libc::_exit(128 + signal) }
}

/// From now on a signal ends this process with 128 + its number, as PID 1 too. Whether that could be arranged: the C library
/// keeps two or three numbers to itself, and other systems have fewer.
pub(crate) fn end_with(signal: i32) -> bool {
    // SAFETY: an all-zero `sigaction` is a valid value of that plain struct: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = end as extern "C" fn(c_int) as libc::sighandler_t;
    // SAFETY: `action` outlives the call, and its handler does nothing that a handler may not do.
    unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) == 0 }
}

/// The supplementary groups of this process.
pub(crate) fn groups() -> Result<Vec<u32>, Errno> {
    // SAFETY: with a size of 0 nothing is written.
    let count = check(unsafe { libc::getgroups(0, ptr::null_mut()) })?;
    let mut list = vec![0; usize::try_from(count).unwrap_or(0)];
    // SAFETY: the list has room for `count` entries.
    let count = check(unsafe { libc::getgroups(count, list.as_mut_ptr()) })?;
    list.truncate(usize::try_from(count).unwrap_or(0));
    Ok(list)
}

pub(crate) fn set_groups(list: &[u32]) -> Result<(), Errno> {
    // SAFETY: the list is valid for reads of its length.
    check(unsafe { libc::setgroups(list.len() as _, list.as_ptr()) }).map(drop)
}
