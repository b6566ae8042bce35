//! What runup was given, recorded before anything of it could change.
//!
//! Rust's standard library ignores SIGPIPE and opens `/dev/null` for each of descriptors 0 to 2 that is closed, before `main`.
//! Both would leak into the program that runup becomes. A function in `.init_array` runs before that, in a static binary too.
//! It also blocks every signal where this is PID 1: the kernel throws away what arrives there without a handler and is not
//! blocked, so that a SIGTERM in the first moments would be lost.
#![allow(unsafe_code)]

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::sys;

/// The signals whose disposition anything in this program could change. Real-time signals are nobody's here: what is not
/// touched passes through `execve` by itself, and each question costs a system call at every start.
const NAMED: RangeInclusive<i32> = 1..=31;

/// What this program itself comes to ignore: the standard library, SIGPIPE. Handlers are reset by `execve`.
const IGNORED_BY_US: [i32; 1] = [libc::SIGPIPE];

static CAPTURED: AtomicBool = AtomicBool::new(false);
static BLOCKED: AtomicU64 = AtomicU64::new(0);
static IGNORED: AtomicU64 = AtomicU64::new(0);

// SAFETY: the section holds pointers to functions that the C runtime calls once before main, one thread, C library ready. glibc
// and macOS pass argc, argv and envp, musl passes nothing: a function that takes nothing serves all of them.
#[used]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static AT_START: extern "C" fn() = at_start;

extern "C" fn at_start() {
    capture();
    for descriptor in 0..3 {
        if !sys::is_open(descriptor) {
            // Takes the lowest free number, which is this one. The root directory, since it is always there (the standard
            // library aborts without /dev/null), and neither a read nor a write of it succeeds. execve closes it again.
            let _ = sys::open(c"/", libc::O_RDONLY | libc::O_DIRECTORY);
        }
    }
    if sys::pid() == 1 {
        block_all();
    }
}

fn capture() {
    BLOCKED.store(sys::blocked(), Relaxed);
    let ignored = NAMED
        .filter(|signal| sys::is_ignored(*signal))
        .fold(0, |set, signal| set | bit(signal));
    IGNORED.store(ignored, Relaxed);
    CAPTURED.store(true, Relaxed);
}

/// The bit of a signal in a set.
pub(crate) fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Blocks every signal that can be blocked: first of all that a supervisor does.
pub(crate) fn block_all() {
    if !CAPTURED.load(Relaxed) {
        capture();
    }
    sys::set_blocked(u64::MAX);
}

/// Every signal waits while this lives; then the mask is again as it was.
#[derive(Debug)]
pub struct Held {
    before: u64,
}

/// Makes every signal wait: for work that must not be cut in half.
#[must_use]
pub fn hold_signals() -> Held {
    let before = sys::blocked();
    sys::set_blocked(u64::MAX);
    Held { before }
}

impl Drop for Held {
    fn drop(&mut self) {
        sys::set_blocked(self.before);
    }
}

/// What a signal does by itself other than end a process; and what ends one for its own mistake, or for a limit that it set.
const NOT_ENDING: [i32; 20] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGURG,
    libc::SIGWINCH,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGPIPE,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    // macOS's and FreeBSD's SIGINFO; on Linux SIGIO, which nobody sends to end something.
    29,
];

/// While this lives, signals act as on a process that was just started; see [`let_signals_end`].
#[derive(Debug)]
pub struct Endable {
    blocked: u64,
    handled: u64,
}

/// Lets a signal end this process at once, while it does nothing but wait: one that came before, too.
///
/// Signals are blocked here as PID 1, in a supervisor and in its child before the program starts, so that none is lost. Unblocked
/// they do what they do by themselves; but for PID 1, which the kernel protects from every signal that it has no handler for.
/// There each gets one that ends the process with 128 + its number.
#[must_use]
pub fn let_signals_end() -> Endable {
    if !CAPTURED.load(Relaxed) {
        capture();
    }
    let blocked = sys::blocked();
    let mut handled = 0;
    if sys::pid() == 1 {
        for signal in (1..=64).filter(|signal| !NOT_ENDING.contains(signal)) {
            if !sys::is_ignored(signal) && sys::end_with(signal) {
                handled |= bit(signal);
            }
        }
    }
    sys::set_blocked(BLOCKED.load(Relaxed));
    Endable { blocked, handled }
}

impl Drop for Endable {
    fn drop(&mut self) {
        // Blocked before the handlers go: what comes in between waits for the program.
        sys::set_blocked(self.blocked);
        for signal in (1..=64).filter(|signal| self.handled & bit(*signal) != 0) {
            sys::set_ignored(signal, false);
        }
    }
}

/// Whether a signal was ignored when runup was started.
pub(crate) fn was_ignored(signal: i32) -> bool {
    IGNORED.load(Relaxed) & bit(signal) != 0
}

/// Gives back the dispositions and then the signal mask as runup got them; to be called directly before `execve`, which by
/// itself resets handlers, and keeps ignored signals and the mask.
pub fn restore() {
    if !CAPTURED.load(Relaxed) {
        return;
    }
    for signal in IGNORED_BY_US {
        if !was_ignored(signal) {
            sys::set_ignored(signal, false);
        }
    }
    // Somebody may have taken a signal that was ignored, in between; mostly there are none.
    for signal in NAMED.filter(|signal| was_ignored(*signal)) {
        sys::set_ignored(signal, true);
    }
    sys::set_blocked(BLOCKED.load(Relaxed));
}
