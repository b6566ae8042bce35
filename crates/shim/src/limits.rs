//! Setting this process's own limits: as far as asked, or as far as it goes, and never an error that leaves half of it done.

use std::fmt;

use super::{files, sys};
use runup_language::value::Number;
use runup_machine::system::{Failure, Limits, Resource};

/// What is wanted of one resource, in its own unit (bytes, seconds or a count, as in setrlimit(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitWish {
    /// The resource.
    pub resource: Resource,
    /// The soft limit; `None` leaves it, as far as the hard one allows.
    pub soft: Option<Number>,
    /// The hard limit; `None` leaves it, unless the soft one is to be above it.
    pub hard: Option<Number>,
}

/// Why less was set than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clamp {
    /// The hard limit stands at this, and raising it takes CAP_SYS_RESOURCE in the initial user namespace.
    HardLimit(Number),
    /// No process may have more open files than `fs.nr_open`, which is this.
    NrOpen(u64),
}

/// What came of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// What was asked for.
    pub wish: LimitWish,
    /// What was in force before.
    pub before: Limits,
    /// What is in force now, read back.
    pub after: Limits,
    /// Why that is less than was asked for; `None` where it is what was asked for.
    pub clamp: Option<Clamp>,
}

impl fmt::Display for Clamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Clamp::HardLimit(Number::Finite(limit)) => {
                write!(f, "the hard limit is {limit}, and raising it needs CAP_SYS_RESOURCE")
            }
            Clamp::HardLimit(Number::Unlimited) => {
                f.write_str("the hard limit cannot be changed without CAP_SYS_RESOURCE")
            }
            Clamp::NrOpen(limit) => write!(f, "fs.nr_open is {limit}, above which no process can go"),
        }
    }
}

/// Sets the limits that are wished for, on this process, as far as they can be.
///
/// A wish for a soft limit above the hard one raises the hard one too, where that is allowed; where it is not, the soft limit
/// goes up to the hard one. Descriptors never go above `fs.nr_open`, as the kernel has it: with a hard limit above that
/// (inherited from before it was lowered) it refuses even to lower the soft one, so the hard one comes down to it.
///
/// # Errors
/// [`Failure::Absent`] where the platform has no such resource, [`Failure::Denied`] where nothing at all may be set (seccomp),
/// [`Failure::Io`] for anything else. Nothing has been changed then.
pub fn apply(wish: LimitWish) -> Result<Applied, Failure> {
    let number = wish.resource.number().ok_or(Failure::Absent)?;
    let ceiling = if wish.resource == Resource::Nofile {
        nr_open()
    } else {
        None
    };
    let before = sys::limits(number).map_err(failure)?;
    let (attempts, clamps) = attempts(wish, before, ceiling);
    let mut done = None;
    for (attempt, clamp) in attempts.into_iter().zip(clamps) {
        match if attempt == before {
            Ok(())
        } else {
            sys::set_limits(number, attempt.0, attempt.1)
        } {
            Ok(()) => {
                done = Some(clamp);
                break;
            }
            Err(libc::EPERM) => {}
            Err(errno) => return Err(failure(errno)),
        }
    }
    let clamp = done.ok_or(Failure::Denied(libc::EPERM))?;
    let after = sys::limits(number).map_err(failure)?;
    Ok(Applied {
        wish,
        before: pair(before),
        after: pair(after),
        clamp,
    })
}

/// Sets several, in their order.
///
/// # Errors
/// As [`apply`] has it, with the resource; those before it are set.
pub fn apply_all(wishes: Vec<LimitWish>) -> Result<Vec<Applied>, (Resource, Failure)> {
    wishes
        .into_iter()
        .map(|wish| apply(wish).map_err(|failure| (wish.resource, failure)))
        .collect()
}

/// What to try, best first: with the hard limit that the wish needs, then with the one that there is.
fn attempts(wish: LimitWish, (soft, hard): (u64, u64), ceiling: Option<u64>) -> ([(u64, u64); 2], [Option<Clamp>; 2]) {
    let wanted_soft = wish.soft.map_or(soft, plain);
    // A hard limit that is asked for is a ceiling for the soft one as well, unless that is asked for by name.
    let wanted_hard = wish
        .hard
        .map_or(hard, plain)
        .max(if wish.soft.is_some() { wanted_soft } else { 0 });
    let top = ceiling.unwrap_or(u64::MAX);
    let clamped = |limit: u64| limit.min(top);
    let asked = if wish.soft.is_some() { wanted_soft } else { 0 }.max(wish.hard.map_or(0, plain));
    let by_kernel = (asked > top).then_some(Clamp::NrOpen(top));
    let full = (clamped(wanted_soft.min(wanted_hard)), clamped(wanted_hard));
    let kept_hard = clamped(hard.min(wanted_hard));
    let kept = (full.0.min(kept_hard), kept_hard);
    ([full, kept], [by_kernel, Some(Clamp::HardLimit(number(kept_hard)))])
}

fn nr_open() -> Option<u64> {
    if cfg!(target_os = "linux") {
        std::str::from_utf8(&files::read("/proc/sys/fs/nr_open").ok()?)
            .ok()?
            .trim()
            .parse()
            .ok()
    } else {
        None
    }
}

fn failure(errno: i32) -> Failure {
    match errno {
        libc::EPERM | libc::EACCES => Failure::Denied(errno),
        libc::EINVAL | libc::ENOSYS => Failure::Absent,
        _ => Failure::Io(errno),
    }
}

/// A limit as the kernel has it; what it cannot hold is the nearest that it can.
fn plain(limit: Number) -> u64 {
    match limit {
        Number::Unlimited => u64::MAX,
        Number::Finite(limit) => u64::try_from(limit.max(0)).unwrap_or(u64::MAX),
    }
}

fn number(limit: u64) -> Number {
    if limit == u64::MAX {
        Number::Unlimited
    } else {
        Number::Finite(i128::from(limit))
    }
}

fn pair((soft, hard): (u64, u64)) -> Limits {
    Limits {
        soft: number(soft),
        hard: number(hard),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(soft: Option<i128>, hard: Option<i128>) -> LimitWish {
        LimitWish {
            resource: Resource::Nofile,
            soft: soft.map(Number::Finite),
            hard: hard.map(Number::Finite),
        }
    }

    #[test]
    fn a_soft_wish_above_the_hard_limit_falls_back_to_it() {
        let (tries, clamps) = attempts(wish(Some(9000), None), (1024, 4096), None);
        assert_eq!(tries, [(9000, 9000), (4096, 4096)]);
        assert_eq!(clamps, [None, Some(Clamp::HardLimit(Number::Finite(4096)))]);
    }

    #[test]
    fn a_soft_wish_below_the_hard_limit_leaves_it() {
        assert_eq!(attempts(wish(Some(2000), None), (1024, 4096), None).0[0], (2000, 4096));
    }

    #[test]
    fn a_hard_wish_below_the_soft_limit_takes_it_along() {
        assert_eq!(attempts(wish(None, Some(512)), (1024, 4096), None).0[0], (512, 512));
    }

    #[test]
    fn nothing_goes_above_nr_open() {
        let (tries, clamps) = attempts(wish(Some(9000), None), (1024, 1024), Some(5000));
        assert_eq!((tries[0], clamps[0]), ((5000, 5000), Some(Clamp::NrOpen(5000))));
        // An inherited hard limit above it comes down, or the soft one could not even be lowered.
        let (tries, clamps) = attempts(wish(Some(512), None), (1024, 9000), Some(5000));
        assert_eq!((tries[0], clamps[0]), ((512, 5000), None));
    }

    #[test]
    fn unlimited_is_the_kernels_largest() {
        let unlimited = LimitWish {
            resource: Resource::Core,
            soft: Some(Number::Unlimited),
            hard: None,
        };
        assert_eq!(attempts(unlimited, (0, u64::MAX), None).0[0], (u64::MAX, u64::MAX));
    }

    #[test]
    fn what_is_set_is_read_back() {
        let wanted = LimitWish {
            resource: Resource::Core,
            soft: Some(Number::Finite(0)),
            hard: None,
        };
        let applied = apply(wanted).expect("the core limit may be lowered");
        assert_eq!((applied.after.soft, applied.clamp), (Number::Finite(0), None));
        assert_eq!(apply(wanted).map(|again| again.before), Ok(applied.after));
    }
}
