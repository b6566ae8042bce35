//! The kernel's clock: whether it is kept right, and what reading it costs.

#![allow(unsafe_code, reason = "system calls that no crate of ours wraps")]

use std::time::{Duration, Instant};

use super::tree::errno;
use crate::system::{ClockCost, ClockState, Failure};

/// How long the clock is read: ten ticks of a kernel that counts a hundred a second, by which processor time is told apart.
const SPAN: Duration = Duration::from_millis(100);

/// Readings between two looks at the time that has passed.
const BATCH: u64 = 1000;

/// adjtimex(2) that changes nothing, which everyone may call.
pub(super) fn state() -> Result<ClockState, Failure> {
    let mut state = std::mem::MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: zeroed, its modes ask for no change; the kernel fills it where the answer is not -1.
    let state = unsafe {
        if libc::adjtimex(state.as_mut_ptr()) == -1 {
            return Err(Failure::of(errno()));
        }
        state.assume_init()
    };
    // The widths differ between machines.
    #[allow(clippy::useless_conversion, reason = "the widths differ between machines")]
    Ok(ClockState {
        maximum_error: i64::from(state.maxerror),
        estimated_error: i64::from(state.esterror),
    })
}

/// Reads the clock for a tenth of a second. A thread of its own does: its processor time begins at nothing, so that what this
/// process did before counts for neither side.
pub(super) fn cost() -> Result<ClockCost, Failure> {
    std::thread::Builder::new()
        .spawn(read)
        .map_err(|error| error.raw_os_error().map_or(Failure::Absent, Failure::Io))?
        .join()
        .unwrap_or(Err(Failure::Io(libc::EIO)))
}

fn read() -> Result<ClockCost, Failure> {
    let start = Instant::now();
    let mut readings = 0;
    while start.elapsed() < SPAN {
        let mut time = std::mem::MaybeUninit::<libc::timespec>::uninit();
        for _ in 0..BATCH {
            // SAFETY: the structure is there to be filled.
            unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr()) };
            std::hint::black_box(&time);
        }
        readings += BATCH;
    }
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the kernel fills the structure where the answer is 0.
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) != 0 {
            return Err(Failure::of(errno()));
        }
        usage.assume_init()
    };
    let microseconds = |time: libc::timeval| {
        #[allow(clippy::useless_conversion, reason = "the widths differ between machines")]
        let (seconds, rest) = (i64::from(time.tv_sec), i64::from(time.tv_usec));
        u64::try_from(seconds * 1_000_000 + rest).unwrap_or(0)
    };
    Ok(ClockCost {
        readings,
        user: microseconds(usage.ru_utime),
        system: microseconds(usage.ru_stime),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_readings_is_told() {
        let cost = cost().unwrap();
        assert!(cost.readings >= BATCH, "{cost:?}");
        // Waiting for a processor is no processor time.
        assert!(cost.user + cost.system > 0, "{cost:?}");
        assert!(cost.user + cost.system < 1_000_000, "{cost:?}");
    }
}
