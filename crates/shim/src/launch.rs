//! `runup exec`, from its options to the program.

use std::os::unix::ffi::OsStrExt;

use super::exec;
use super::init::supervise;
use super::limits::{self, Applied, LimitWish};
use super::message;
use super::options::ExecOptions;
use super::privileges::{self, Privileges};
use super::state;
use super::supervision::{Supervision, Verbosity, Voice};
use super::sys;
use super::user;

/// Why the program must not be started, said already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The machine is not ready: exit status 78.
    NotReady,
    /// Something failed, or was asked for wrongly: exit status 125.
    Failed,
}

impl Refusal {
    /// The exit status.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Refusal::NotReady => 78,
            Refusal::Failed => 125,
        }
    }
}

/// What profiles add to the start of a program. It runs in the process that becomes the program, with every privilege that
/// runup was given; under `--init` that is the child, so that nothing of it stays in the supervisor's memory.
///
/// Whoever refuses has said why on standard error.
pub trait Preparation {
    /// Evaluates the profiles, sets sysctls and the OOM score, and says which limits are wished for.
    ///
    /// # Errors
    /// The program must not be started.
    fn prepare(&mut self, options: &ExecOptions) -> Result<Vec<LimitWish>, Refusal>;

    /// Judges what became of the wishes, each applied as far as it could be, in their order.
    ///
    /// # Errors
    /// The program must not be started.
    fn judge_limits(&mut self, options: &ExecOptions, applied: &[Applied]) -> Result<(), Refusal>;
}

/// No profile: nothing to prepare.
#[derive(Debug, Default, Clone, Copy)]
pub struct Nothing;

impl Preparation for Nothing {
    fn prepare(&mut self, _: &ExecOptions) -> Result<Vec<LimitWish>, Refusal> {
        Ok(Vec::new())
    }

    fn judge_limits(&mut self, _: &ExecOptions, _: &[Applied]) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Starts the program: becomes it, and then does not return; or supervises it to its end (`--init`).
///
/// Returns the exit status for this process: the program's own, 78 where it was refused, 127 and 126 where the command was not
/// found or cannot be executed, 125 for a failure of runup's own. Everything has been said on standard error.
pub fn run(options: &ExecOptions, preparation: &mut dyn Preparation) -> u8 {
    if options.init {
        // First of all: what arrives before this would end the supervisor, or, of PID 1, be lost.
        state::block_all();
        return supervise(&supervision(options), &mut || start(options, preparation, None));
    }
    let parent = options.parent_death.is_some().then(sys::parent_pid);
    start(options, preparation, parent)
}

/// Everything up to `execve`, in the process that becomes the program. Returns the exit status if that fails.
///
/// The order: command, user and groups are looked up first, so that a mistake there changes nothing; then sysctls and limits,
/// which need privileges; then what [`privileges::ORDER`] lists; last the signals, and `execve`.
fn start(options: &ExecOptions, preparation: &mut dyn Preparation, parent: Option<i32>) -> u8 {
    let failed = |text: &dyn std::fmt::Display| {
        message::say(Voice::Runup.prefix(), format_args!("{text}"));
        Refusal::Failed.status()
    };
    let mut launch = match exec::find(&options.command) {
        Ok(launch) => launch,
        Err(error) => return Voice::Runup.refuse(&error),
    };
    let user = match options
        .user
        .as_ref()
        .map(|text| user::resolve(text.as_bytes()))
        .transpose()
    {
        Ok(user) => user,
        Err(error) => return failed(&error),
    };
    let wishes = match preparation.prepare(options) {
        Ok(wishes) => wishes,
        Err(refusal) => return refusal.status(),
    };
    let applied = match limits::apply_all(wishes) {
        Ok(applied) => applied,
        Err((resource, failure)) => {
            return failed(&format_args!("cannot set the limit {}: {failure}", resource.name()));
        }
    };
    if let Err(refusal) = preparation.judge_limits(options, &applied) {
        return refusal.status();
    }
    launch.home = user.as_ref().map(|user| user.home.clone());
    let privileges = Privileges {
        user,
        drop: options.drop_capabilities,
        keep: options.keep_capabilities,
        no_new_privileges: options.no_new_privileges,
        parent_death: options.parent_death.zip(parent),
    };
    if let Err(error) = privileges::apply(&privileges) {
        return failed(&error);
    }
    Voice::Runup.refuse(&exec::become_program(&launch))
}

/// The supervisor that the options describe.
fn supervision(options: &ExecOptions) -> Supervision {
    Supervision {
        verbosity: match (options.quiet, options.verbose) {
            (true, _) => Verbosity::Errors,
            (_, true) => Verbosity::Everything,
            _ => Verbosity::Notes,
        },
        to_group: options.group,
        rewrites: options.rewrites.clone(),
        exit_map: options.exit_map.clone(),
        grace: options.grace,
        wait_for_all: options.wait_for_all,
        subreaper: options.subreaper,
        parent_death: options.parent_death,
        ..Supervision::new(Voice::Runup)
    }
}
