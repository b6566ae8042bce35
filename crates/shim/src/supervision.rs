//! How the supervisor shall behave: the one description that `--init` and the other shims' names fill in.

use std::fmt;
use std::time::Duration;

use super::exec::LaunchError;
use super::message;
use super::signals::{ExitMap, Rewrites, Signal};

/// Whose name the shim runs under: its messages and exit statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// `runup exec`.
    Runup,
    /// `tini`, `tini-static` or `docker-init`.
    Tini,
    /// `dumb-init`.
    DumbInit,
}

/// How much is said on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors.
    Errors,
    /// What a person will want to know: which signal killed the program.
    Notes,
    /// What the supervisor did with the program.
    Steps,
    /// Every signal and every process that was reaped.
    Everything,
}

/// Where the child lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a process group of its own, in the foreground if the supervisor was.
    OwnGroup,
    /// In a session of its own, with the terminal as its controlling one.
    OwnSession,
    /// In the supervisor's process group.
    SameGroup,
}

/// How the supervisor behaves.
#[derive(Debug, Clone)]
pub struct Supervision {
    /// Whose messages and exit statuses.
    pub voice: Voice,
    /// How much is said.
    pub verbosity: Verbosity,
    /// Where the child lives.
    pub place: Place,
    /// Signals go to the child's process group, not to the child alone.
    pub to_group: bool,
    /// What is sent on as what.
    pub rewrites: Rewrites,
    /// Which exit status is given as which.
    pub exit_map: ExitMap,
    /// How long after a first SIGTERM, SIGINT or SIGQUIT the child is killed; `None` for never.
    pub grace: Option<Duration>,
    /// Wait for every process that is left when the child has ended.
    pub wait_for_all: bool,
    /// Adopt orphans where this is not PID 1.
    pub subreaper: bool,
    /// Say where orphans will not be reaped.
    pub warn_unless_reaper: bool,
    /// Say when an orphan was reaped.
    pub warn_on_reap: bool,
    /// A signal to the supervisor (and so on to the child) when its own parent dies.
    pub parent_death: Option<Signal>,
    /// Stop with SIGTSTP, SIGTTIN and SIGTTOU, having sent them on, instead of following what the child does.
    pub stops_itself: bool,
    /// SIGTERM to what is left of the child's group at the end.
    pub terminates_group: bool,
}

impl Supervision {
    /// A plain supervisor.
    #[must_use]
    pub fn new(voice: Voice) -> Self {
        Supervision {
            voice,
            verbosity: Verbosity::Notes,
            place: Place::OwnGroup,
            to_group: false,
            rewrites: Rewrites::default(),
            exit_map: ExitMap::default(),
            grace: None,
            wait_for_all: false,
            subreaper: false,
            warn_unless_reaper: false,
            warn_on_reap: false,
            parent_death: None,
            stops_itself: false,
            terminates_group: false,
        }
    }

    /// Says something, if that much is to be said.
    pub(crate) fn say(&self, level: Verbosity, text: fmt::Arguments<'_>) {
        if level <= self.verbosity {
            message::say(self.voice.prefix(), text);
        }
    }
}

impl Voice {
    /// What every message begins with.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Voice::Runup => "runup: ",
            Voice::Tini => "[tini] ",
            Voice::DumbInit => "[dumb-init] ",
        }
    }

    /// The exit status of a failure of the shim itself.
    #[must_use]
    pub fn own_failure(self) -> u8 {
        match self {
            Voice::Runup => 125,
            Voice::Tini | Voice::DumbInit => 1,
        }
    }

    /// The exit status for a program that could not be started.
    #[must_use]
    pub fn launch_failure(self, error: &LaunchError) -> u8 {
        match (self, error.errno) {
            (Voice::Runup, _) => error.status(),
            (Voice::Tini, libc::ENOENT) => 127,
            (Voice::Tini, libc::EACCES) => 126,
            (Voice::Tini, _) => 1,
            (Voice::DumbInit, _) => 2,
        }
    }

    /// Says why a program could not be started, and gives the exit status for it.
    pub(crate) fn refuse(self, error: &LaunchError) -> u8 {
        message::say(self.prefix(), format_args!("{error}"));
        self.launch_failure(error)
    }
}
