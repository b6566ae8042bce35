//! Making the changes of a plan: all of them, or none.

use std::fmt;

use super::disk::{Disk, DiskError, LockFailure};
use super::journal::{EffectRecord, Entry, Journal, JournalError, Record};
use super::order;
use super::parameter::Parameter;
use super::place::Place;
use super::plan::Plan;
use super::standing::is_over;
use super::step::Step;
use super::undo;
use crate::system::{Boot, Failure, Process, Space, System, WritableSystem, start_of};

/// What a record says of who applied what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// The profiles.
    pub profiles: Vec<String>,
    /// The command that the changes last for.
    pub command: Option<String>,
}

/// Why nothing was changed, or not everything, and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyError {
    /// Somebody else is changing the machine.
    Busy(String),
    /// The journal's directory is somebody else's, or others can write it.
    Others(String),
    /// The journal.
    Journal {
        /// What is wrong with it.
        error: JournalError,
        /// The directory.
        directory: String,
    },
    /// What tells this boot or a namespace from others cannot be read, so that a record could not be used later.
    Unidentified(String),
    /// A value is not what it was when the plan was made.
    Moved {
        /// Of what.
        parameter: Parameter,
        /// What the plan saw.
        planned: String,
        /// What it is now.
        now: String,
    },
    /// A change could not be made.
    Step(Box<StepFailure>),
}

/// A change that could not be made, and what became of those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// Of what.
    pub parameter: Parameter,
    /// What was to be written.
    pub to: String,
    /// Why not.
    pub cause: Cause,
    /// What could not be put back; empty where everything was.
    pub stuck: Vec<String>,
    /// The apply whose record holds what could not be put back.
    pub record: Option<u64>,
}

/// Why a change could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The kernel refused it.
    Refused(Failure),
    /// The kernel took it and did something else.
    Became(String),
    /// It could not be read back.
    Unreadable(Failure),
    /// It made the kernel change what an earlier change had set: the parameter, and what it became.
    Undid(String, String),
    /// The journal could not be kept.
    Journal(DiskError),
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApplyError::Busy(holder) => {
                let holder = if holder.is_empty() { "another process" } else { holder };
                write!(
                    f,
                    "{holder} is changing this machine now; nothing was changed. Try again when it is done"
                )
            }
            ApplyError::Others(directory) => write!(
                f,
                "{directory} belongs to somebody else, or others can write to it: what is recorded there cannot be trusted, and nothing \
                 was changed. Make it your own (chown, chmod 700), or name another directory with --journal"
            ),
            ApplyError::Journal { error, directory } => {
                write!(f, "{error}")?;
                if let JournalError::Disk(_) = error {
                    write!(
                        f,
                        "\n  without a record of what was there nothing is changed: make {directory} writable, or name another \
                         directory with --journal"
                    )?;
                }
                Ok(())
            }
            ApplyError::Unidentified(what) => write!(
                f,
                "it cannot be told {what}. What is recorded now could not be known again later, and so not be undone: nothing was \
                 changed. Make that file readable here (it is the kernel's; a sandbox or a mount over it hides it), or run this \
                 outside"
            ),
            ApplyError::Moved {
                parameter,
                planned,
                now,
            } => write!(
                f,
                "{} changed from `{planned}` to `{now}` since the plan was made; nothing was changed. Run it again",
                parameter.show()
            ),
            ApplyError::Step(failure) => write!(f, "{failure}"),
        }
    }
}

impl fmt::Display for StepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot set {} to `{}`: ", self.parameter.show(), self.to)?;
        match &self.cause {
            Cause::Refused(failure) => write!(f, "{failure}{}", hint(failure))?,
            Cause::Became(other) => write!(f, "the kernel reported success, and it is `{other}`")?,
            Cause::Undid(other, became) => write!(
                f,
                "with it the kernel set {other} to `{became}`, which another rule asks for otherwise; --skip leaves one of them out"
            )?,
            Cause::Unreadable(failure) => write!(f, "it could not be read back: {failure}")?,
            Cause::Journal(error) => write!(f, "{error}")?,
        }
        if self.stuck.is_empty() {
            return f.write_str("\n  everything that was changed before it was put back");
        }
        f.write_str("\n  these could not be put back:")?;
        for line in &self.stuck {
            write!(f, "\n    {line}")?;
        }
        match self.record {
            Some(id) => write!(f, "\n  `runup revert {id}` tries again"),
            None => Ok(()),
        }
    }
}

fn hint(failure: &Failure) -> &'static str {
    match failure {
        Failure::Denied(_) => " (a seccomp profile, a security module or a missing capability)",
        Failure::Io(libc::EINVAL) => " (this kernel does not take such a value)",
        Failure::Io(libc::EROFS) => " (its file system is read-only)",
        _ => "",
    }
}

/// The holder of a lock, as others are told of it.
#[must_use]
pub fn holder(machine: &dyn System, what: &str) -> String {
    format!("process {} ({what})", machine.identity().pid)
}

/// Makes a plan's changes, journalled first and verified one by one. On any failure what was changed is put back.
///
/// Returns the number of the apply; `None` where there is nothing to change.
///
/// # Errors
/// Nothing was changed, or what could not be put back is named.
pub fn apply(
    plan: &Plan,
    machine: &dyn WritableSystem,
    disk: &dyn Disk,
    journal: &Journal,
    account: &Account,
) -> Result<Option<u64>, ApplyError> {
    if plan.steps.is_empty() {
        return Ok(None);
    }
    let of_journal = |error: JournalError| ApplyError::Journal {
        error,
        directory: journal.directory().to_owned(),
    };
    let of_disk = |error: DiskError| of_journal(JournalError::Disk(error));
    let _lock = lock(disk, journal, &holder(machine, "runup apply"))?;
    journal.sweep(disk);
    let entries = journal.entries(disk).map_err(of_journal)?;
    let platform = machine.platform();
    let space = machine.space();
    for step in &plan.steps {
        let now = step
            .parameter
            .read(machine)
            .map_or_else(|failure| failure.to_string(), |state| state.form);
        if !step.parameter.same(platform.os, &now, &step.before.form) {
            return Err(ApplyError::Moved {
                parameter: step.parameter.clone(),
                planned: step.before.form.clone(),
                now,
            });
        }
    }
    for step in &plan.steps {
        let (effects, _) = order::effects(&step.parameter, machine);
        if effects != step.effects {
            return Err(ApplyError::Moved {
                parameter: step.parameter.clone(),
                planned: format!("{} with what goes along with it", step.before.form),
                now: "something else".to_owned(),
            });
        }
    }
    let steps = records(plan, machine, &space);
    identified(&steps, &space)?;
    // What was set before the last restart is gone, and its record helps nobody any more.
    for stale in entries.iter().filter(|entry| is_over(entry, &space, machine)) {
        journal.forget(disk, stale.id).map_err(of_disk)?;
    }
    let pid = machine.identity().pid;
    let mut entry = Entry {
        steps,
        id: journal.number(disk, &entries).map_err(of_journal)?,
        machine: platform.hostname.clone(),
        time: machine.now(),
        boot: space.boot.clone(),
        profiles: account.profiles.clone(),
        holder: start_of(machine, pid).map(|start| Process { pid, start }),
        command: account.command.clone(),
        done: false,
    };
    journal.save(disk, &entry, true).map_err(of_disk)?;
    for at in 0..entry.steps.len() {
        let last = at + 1 == entry.steps.len();
        let mut outcome = set(machine, &mut entry.steps[at], &plan.steps[at]);
        if outcome.is_ok() && last {
            outcome = undone_by_another(machine, &entry.steps[..at]);
        }
        let cause = match outcome {
            Ok(()) => {
                entry.done = last;
                match journal.save(disk, &entry, false) {
                    Ok(()) => continue,
                    Err(error) => Cause::Journal(error),
                }
            }
            Err(cause) => cause,
        };
        entry.done = false;
        return Err(back_out(entry, at, cause, machine, disk, journal));
    }
    Ok(Some(entry.id))
}

/// A record that nobody could know again would be of no use: its old values would be lost.
fn identified(steps: &[Record], space: &Space) -> Result<(), ApplyError> {
    if let Boot::Unknown(why) = &space.boot {
        return Err(ApplyError::Unidentified(format!("which boot this is ({why})")));
    }
    let unknown = steps.iter().find_map(|step| step.lives_in.unidentified(space));
    unknown.map_or(Ok(()), |what| Err(ApplyError::Unidentified(what)))
}

/// The changes of a plan as a journal has them.
fn records(plan: &Plan, machine: &dyn WritableSystem, space: &Space) -> Vec<Record> {
    let platform = machine.platform();
    let record = |step: &Step| Record {
        parameter: step.parameter.clone(),
        lives_in: Place::of(&step.parameter, platform, space),
        before: step.before.clone(),
        to: step.to.clone(),
        after: None,
        effects: step
            .effects
            .iter()
            .map(|(parameter, before)| EffectRecord {
                parameter: parameter.clone(),
                before: before.clone(),
                after: None,
            })
            .collect(),
        absorbed: Vec::new(),
        inherited: Vec::new(),
    };
    plan.steps.iter().map(record).collect()
}

/// Makes a plan's changes without a journal, each for itself: what is a container's own goes with the container. One that fails is
/// put back at once, and the rules that need it decide what that means.
pub fn in_place(plan: &Plan, machine: &dyn WritableSystem) -> Vec<StepFailure> {
    let mut failures = Vec::new();
    for (mut record, step) in records(plan, machine, &Space::files()).into_iter().zip(&plan.steps) {
        if let Err(cause) = set(machine, &mut record, step) {
            let (parameter, to) = (record.parameter.clone(), record.to.clone());
            failures.push(StepFailure {
                parameter,
                to,
                cause,
                stuck: undo::put_back(&record, machine),
                record: None,
            });
        }
    }
    failures
}

/// Puts back everything up to a change that went wrong, and keeps a record of what cannot be.
fn back_out(
    mut entry: Entry,
    at: usize,
    cause: Cause,
    machine: &dyn WritableSystem,
    disk: &dyn Disk,
    journal: &Journal,
) -> ApplyError {
    let (parameter, to) = (entry.steps[at].parameter.clone(), entry.steps[at].to.clone());
    let stuck = undo::back_out(&mut entry, at, machine);
    let record = if stuck.is_empty() && journal.forget(disk, entry.id).is_ok() {
        None
    } else {
        let _ = journal.save(disk, &entry, false);
        Some(entry.id)
    };
    ApplyError::Step(Box::new(StepFailure {
        parameter,
        to,
        cause,
        stuck,
        record,
    }))
}

/// Takes the lock, in a directory that is made for it.
pub(super) fn lock(disk: &dyn Disk, journal: &Journal, holder: &str) -> Result<Box<dyn std::any::Any>, ApplyError> {
    let failed = |failure: Failure| ApplyError::Journal {
        error: JournalError::Disk(DiskError {
            action: "use",
            path: journal.directory().to_owned(),
            failure,
        }),
        directory: journal.directory().to_owned(),
    };
    disk.make_directory(journal.directory(), 0o700).map_err(failed)?;
    disk.lock(&journal.lock_path(), holder)
        .map_err(|failure| match failure {
            LockFailure::Held(holder) => ApplyError::Busy(holder),
            LockFailure::Failed(failure) => failed(failure),
            LockFailure::Others => ApplyError::Others(journal.directory().to_owned()),
        })
}

/// Two settings may be one to the kernel (a ratio and its bytes): then the later change undoes the earlier.
fn undone_by_another(machine: &dyn WritableSystem, steps: &[Record]) -> Result<(), Cause> {
    for step in steps {
        let now = step.parameter.read(machine).map_err(Cause::Unreadable)?;
        if !step.parameter.same(machine.platform().os, &now.form, &step.to) {
            return Err(Cause::Undid(step.parameter.show(), now.form));
        }
    }
    Ok(())
}

/// Makes one change and reads it back; what it became is recorded either way. Where the kernel made another value of it with which every
/// rule is content, that one is what was set.
fn set(machine: &dyn WritableSystem, step: &mut Record, planned: &Step) -> Result<(), Cause> {
    let written = step.parameter.write(machine, &step.to);
    let now = step.parameter.read(machine);
    if let Ok(state) = &now {
        step.after = Some(state.form.clone());
    }
    for effect in &mut step.effects {
        effect.after = effect.parameter.read(machine).ok().map(|state| state.form);
    }
    written.map_err(Cause::Refused)?;
    let now = now.map_err(Cause::Unreadable)?;
    let os = machine.platform().os;
    let is = |form: &str| step.parameter.same(os, &now.form, form);
    if is(&step.to) {
        return Ok(());
    }
    // A value that stayed what it was is no change that could be undone.
    if planned.would_do(&now.form) && !is(&step.before.form) {
        step.to = now.form;
        return Ok(());
    }
    Err(Cause::Became(now.form))
}
