//! What can be asked of a machine that no single file tells.
//!
//! A new question is a variant of [`Question`], one of [`Answer`] and a line of `typed!` in [`System`]; the compiler then leads to the machines
//! that must answer it: the live ones, and a tree of files. Nothing is answered by default.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Battery, ClockCost, ClockState, Endpoint, Failure, Filesystem, Held, Interface, Limits, ProcessTime, Resource,
    Sockets,
};
use crate::failure::Why;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// The limits on a resource of the process that is looked at: this one, or the one that `--pid` names.
    Limits(Resource),
    /// How many processors the process that is looked at may run on.
    UsableCpus,
    /// The sockets of the network namespace that is looked at.
    Sockets,
    /// Who listens on a port. No answer where some listener's process cannot be seen from here.
    Holders(Endpoint),
    /// The network interfaces of the network namespace that is looked at, in the kernel's order.
    Interfaces,
    /// Every process that can be seen, by pid.
    Processes,
    /// The batteries, where no files tell of them (macOS, FreeBSD).
    Batteries,
    /// Whether the system saves energy at the cost of speed (macOS).
    LowPowerMode,
    /// What the kernel knows of its clock's error (Linux).
    Clock,
    /// What reading the clock takes, measured for a tenth of a second (Linux).
    ClockCost,
    /// The file system that holds a path.
    Filesystem(String),
}

/// The answer to the question of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each answers the question of its name")]
pub enum Answer {
    Limits(Limits),
    UsableCpus(u32),
    Sockets(Sockets),
    Holders(Vec<Held>),
    Interfaces(Vec<Interface>),
    Processes(Vec<ProcessTime>),
    Batteries(Vec<Battery>),
    LowPowerMode(bool),
    Clock(ClockState),
    ClockCost(ClockCost),
    Filesystem(Filesystem),
}

impl Question {
    /// Whether the answer changes while somebody watches, so that what is asked twice is recorded twice. The others have one answer
    /// for a whole recording: free space and the clock's error change all the time, and nobody compares two of them.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        matches!(self, Question::Sockets | Question::Interfaces | Question::Processes)
    }

    /// What is asked for, for a person.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self {
            Question::Limits(_) => "the limits of a process",
            Question::UsableCpus => "usable processors",
            Question::Sockets => "its sockets",
            Question::Holders(_) => "who holds a port",
            Question::Interfaces => "its interfaces",
            Question::Processes => "its processes",
            Question::Batteries => "its batteries",
            Question::LowPowerMode => "a low-power mode",
            Question::Clock => "its clock",
            Question::ClockCost => "what reading its clock takes",
            Question::Filesystem(_) => "its file systems",
        }
    }
}

/// Its key in a recording: `limits nofile`, `filesystem /var/lib`.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Question::Limits(resource) => write!(f, "limits {}", resource.name()),
            Question::UsableCpus => f.write_str("usable_cpus"),
            Question::Sockets => f.write_str("sockets"),
            Question::Holders(of) => write!(f, "holders {} {}", of.protocol, of.port),
            Question::Interfaces => f.write_str("interfaces"),
            Question::Processes => f.write_str("processes"),
            Question::Batteries => f.write_str("batteries"),
            Question::LowPowerMode => f.write_str("low_power_mode"),
            Question::Clock => f.write_str("clock"),
            Question::ClockCost => f.write_str("clock_cost"),
            Question::Filesystem(path) => write!(f, "filesystem {path}"),
        }
    }
}

/// The typed forms of [`System::ask`]: each asks, and takes the answer out of its variant. Only a recording that somebody wrote by
/// hand answers another question.
macro_rules! typed {
    ($($method:ident($($argument:ident: $kind:ty => $value:expr)?) -> $answer:ident($type:ty);)*) => {
        $(
            #[doc = concat!("[`Question::", stringify!($answer), "`].")]
            ///
            /// # Errors
            /// Any [`Failure`].
            fn $method(&self $(, $argument: $kind)?) -> Result<$type, Failure> {
                match self.ask(&Question::$answer $(($value))?)? {
                    Answer::$answer(answer) => Ok(answer),
                    _ => Err(Failure::NotText),
                }
            }
        )*
    };
}
pub(super) use typed;

/// What a machine answers that cannot be asked.
pub(super) fn not_asked(question: &Question) -> Failure {
    Failure::CannotTell(Why::NotAsked(question.what()))
}
