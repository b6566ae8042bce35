//! Undoing what was applied: in reverse order, only where a value is still the one that was written.

use std::fmt;

use super::apply::{self, ApplyError};
use super::disk::{Disk, DiskError};
use super::journal::{Entry, Journal, Record};
use super::parameter::Parameter;
use super::standing::{Standing, standing};
use super::undo::{self, Care, Undone};
use crate::system::{Failure, Process, Same, WritableSystem, process_start};

/// What to undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Request {
    /// One apply; without it, all that were made here.
    pub id: Option<u64>,
    /// Also what somebody else has changed since, what cannot be told to have been made here, and what a guard holds.
    pub force: bool,
    /// The apply of this process's own command.
    pub own: bool,
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The apply.
    pub id: u64,
    /// Of what.
    pub parameter: Parameter,
    /// What was written.
    pub to: String,
    /// What was there before.
    pub before: String,
    /// What became of it.
    pub what: What,
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// See [`Undone`].
    Undone(Undone),
    /// A later apply set it again, and will put the older value back.
    HandedTo(u64),
}

/// What was undone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reverted {
    /// In the order in which it was done.
    pub lines: Vec<Line>,
    /// Applies that are not of this boot, or made in other namespaces, or of which that cannot be told, with why they were left
    /// alone.
    pub foreign: Vec<(u64, String)>,
    /// Applies that were undone by force though it cannot be told that they were made here; why not.
    pub unclear: Vec<(u64, String)>,
}

impl Reverted {
    /// Whether everything is as it was.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.lines
            .iter()
            .all(|line| !matches!(&line.what, What::Undone(undone) if undone.is_left()))
    }

    /// Whether something went back though nobody could tell whether that does harm.
    #[must_use]
    pub fn doubtful(&self) -> bool {
        self.lines
            .iter()
            .any(|line| matches!(line.what, What::Undone(Undone::BackUntold(_))))
    }
}

/// Why nothing was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevertError {
    /// The lock or the journal.
    Apply(ApplyError),
    /// There is no such apply.
    Unknown(u64),
    /// It was not made here; why.
    Foreign(u64, String),
    /// It cannot be told whether it was made here; why.
    Unclear(u64, String),
    /// A later apply changed what goes along with its changes; the kernel ties the two together.
    Overlaps(u64, u64, String),
    /// A command for which it was made still runs.
    Running(u64, u32, String),
    /// The journal could not be kept while undoing.
    Disk(DiskError),
}

impl fmt::Display for RevertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RevertError::Apply(error) => write!(f, "{error}"),
            RevertError::Unknown(id) => write!(
                f,
                "there is no apply {id} to undo; `runup revert --list` shows what there is"
            ),
            RevertError::Foreign(id, why) => write!(f, "apply {id} cannot be undone here: {why}"),
            RevertError::Unclear(id, why) => write!(f, "apply {id} was left alone: {}", unclear(*id, why)),
            RevertError::Overlaps(id, later, what) => write!(
                f,
                "apply {later} came after apply {id} and changed {what}, which the kernel moves along with it: `runup revert {later}` \
                 first, or `runup revert` for all"
            ),
            RevertError::Running(id, pid, command) => write!(
                f,
                "apply {id} lasts as long as process {pid} ({command}), which puts everything back when it ends; --force does it now"
            ),
            RevertError::Disk(error) => write!(
                f,
                "{error}\n  what was undone so far stays undone; run it again when that is mended"
            ),
        }
    }
}

/// What to do with an apply of which nobody can tell whether it was made here.
#[must_use]
pub fn unclear(id: u64, why: &str) -> String {
    format!(
        "{why}. Mend that and run it again; or, if you know that it was made here, `runup revert --force {id}` undoes it, and if you \
         know that it was not, `runup revert --forget {id}` removes its record"
    )
}

/// Undoes.
///
/// # Errors
/// Nothing more was undone than is said.
pub fn revert(
    request: Request,
    machine: &dyn WritableSystem,
    disk: &dyn Disk,
    journal: &Journal,
) -> Result<Reverted, RevertError> {
    let _lock = apply::lock(disk, journal, &apply::holder(machine, "runup revert")).map_err(RevertError::Apply)?;
    journal.sweep(disk);
    let mut entries = journal.entries(disk).map_err(|error| {
        RevertError::Apply(ApplyError::Journal {
            error,
            directory: journal.directory().to_owned(),
        })
    })?;
    let space = machine.space();
    let mut reverted = Reverted::default();
    // Records of other boots and namespaces have nothing to do with those of here.
    let mut here = Vec::new();
    let mut chosen = Vec::new();
    for entry in &entries {
        let wanted = request.id.is_none_or(|id| id == entry.id);
        match standing(entry, &space) {
            Standing::Here => {
                here.push(entry.id);
                if wanted {
                    chosen.push(entry.id);
                }
            }
            Standing::Elsewhere(_) | Standing::Unclear(_) if !wanted => {}
            // What this process itself made was made here.
            Standing::Unclear(why) if request.force || request.own => {
                here.push(entry.id);
                chosen.push(entry.id);
                if !request.own {
                    reverted.unclear.push((entry.id, why));
                }
            }
            Standing::Elsewhere(why) if request.id.is_some() => return Err(RevertError::Foreign(entry.id, why)),
            Standing::Unclear(why) if request.id.is_some() => return Err(RevertError::Unclear(entry.id, why)),
            Standing::Elsewhere(why) => reverted.foreign.push((entry.id, why)),
            Standing::Unclear(why) => reverted.foreign.push((entry.id, unclear(entry.id, &why))),
        }
    }
    if let Some(id) = request.id {
        let entry = entries
            .iter()
            .find(|entry| entry.id == id)
            .ok_or(RevertError::Unknown(id))?;
        if request.own && is_others(entry, machine) {
            return Err(RevertError::Unknown(id));
        }
        if let Some((later, what)) = overlap(entry, &entries, &here) {
            return Err(RevertError::Overlaps(id, later, what));
        }
    }
    if !request.force && !request.own {
        for entry in entries.iter().filter(|entry| chosen.contains(&entry.id)) {
            if let (Some(command), Some(holder)) = (&entry.command, entry.holder)
                && may_run(holder, machine)
            {
                return Err(RevertError::Running(entry.id, holder.pid, command.clone()));
            }
        }
    }
    let ground = Ground {
        machine,
        disk,
        journal,
        force: request.force,
        here,
    };
    for id in chosen.into_iter().rev() {
        ground.one(id, &mut entries, &mut reverted)?;
    }
    Ok(reverted)
}

/// Whether another process than this one made an apply. A number is never given twice, so where nothing says so it is this one's.
fn is_others(entry: &Entry, machine: &dyn WritableSystem) -> bool {
    let pid = machine.identity().pid;
    entry
        .holder
        .is_some_and(|holder| holder.pid != pid || process_start(machine, pid).is_ok_and(|start| start != holder.start))
}

/// Whether a process still runs, or nobody can tell.
fn may_run(holder: Process, machine: &dyn WritableSystem) -> bool {
    match process_start(machine, holder.pid) {
        Ok(start) => start == holder.start,
        Err(Failure::Absent) => !machine.is_gone(&format!("/proc/{}/stat", holder.pid)),
        Err(_) => true,
    }
}

/// A later apply that touched what goes along with this one's changes, or along whose changes goes what this one touched. The same
/// parameter in both is handed over; what the kernel ties together cannot be.
fn overlap(entry: &Entry, entries: &[Entry], here: &[u64]) -> Option<(u64, String)> {
    let tied = |left: &Record, right: &Record| {
        left.lives_in.same(&right.lives_in) != Same::No
            && left.parameter != right.parameter
            && (right.effects.iter().any(|effect| effect.parameter == left.parameter)
                || left.effects.iter().any(|effect| effect.parameter == right.parameter)
                || left
                    .effects
                    .iter()
                    .any(|effect| right.effects.iter().any(|other| other.parameter == effect.parameter)))
    };
    let after = |later: &&Entry| later.id > entry.id && here.contains(&later.id);
    entries.iter().filter(after).find_map(|later| {
        let both = |left: &Record| {
            later
                .steps
                .iter()
                .find(|right| tied(left, right))
                .map(|right| right.parameter.show())
        };
        entry.steps.iter().find_map(both).map(|what| (later.id, what))
    })
}

/// What an apply is undone on.
struct Ground<'a> {
    machine: &'a dyn WritableSystem,
    disk: &'a dyn Disk,
    journal: &'a Journal,
    force: bool,
    /// The applies whose values are here.
    here: Vec<u64>,
}

impl Ground<'_> {
    /// Undoes one apply, and removes it from the journal, or keeps what could not be undone.
    fn one(&self, id: u64, entries: &mut Vec<Entry>, reverted: &mut Reverted) -> Result<(), RevertError> {
        let Some(at) = entries.iter().position(|entry| entry.id == id) else {
            return Ok(());
        };
        let mut kept = Vec::new();
        let mut own = Vec::new();
        for step in entries[at].steps.clone().into_iter().rev() {
            match self.hand_over(&step, id, &mut entries[at + 1..])? {
                None => own.push(step),
                Some(what) => {
                    if let What::Undone(_) = what {
                        kept.push(step.clone());
                    }
                    reverted.lines.push(line(id, &step, what));
                }
            }
        }
        own.reverse();
        let care = if self.force { Care::Forced } else { Care::Guarded };
        for (step, undone) in undo::all(&own, self.machine, care) {
            if undone.is_left() {
                kept.push(step.clone());
            }
            reverted.lines.push(line(id, step, What::Undone(undone)));
        }
        kept.reverse();
        if kept.is_empty() {
            self.journal.forget(self.disk, id).map_err(RevertError::Disk)?;
            entries.remove(at);
        } else if kept.len() != entries[at].steps.len() {
            entries[at].steps = kept;
            self.journal
                .save(self.disk, &entries[at], false)
                .map_err(RevertError::Disk)?;
        }
        Ok(())
    }

    /// Gives a change's old value to the next apply that changed the same again, so that reverting that one restores it. `None`
    /// where there is none, and the change is this apply's own to undo.
    fn hand_over(&self, step: &Record, id: u64, later: &mut [Entry]) -> Result<Option<What>, RevertError> {
        let same =
            |other: &Record| other.parameter == step.parameter && other.lives_in.same(&step.lives_in) == Same::Yes;
        let heirs = |entry: &&mut Entry| self.here.contains(&entry.id) && entry.steps.iter().any(same);
        let Some(entry) = later.iter_mut().find(heirs) else {
            return Ok(None);
        };
        let next = entry.id;
        let Some(heir) = entry.steps.iter_mut().find(|other| same(other)) else {
            return Ok(None);
        };
        // Killed after the heir was told and before this one was forgotten, it comes here twice.
        if heir.absorbed.contains(&id) {
            return Ok(Some(What::HandedTo(next)));
        }
        let os = self.machine.platform().os;
        let is = |form: &str| step.parameter.same(os, &heir.before.form, form);
        if !is(&step.to) && !step.after.as_deref().is_some_and(is) && !self.force {
            // Somebody set it between the two, and that is what the later one puts back.
            return Ok(Some(What::Undone(Undone::Changed(heir.before.form.clone()))));
        }
        heir.before = step.before.clone();
        heir.absorbed.push(id);
        heir.inherited
            .extend(std::iter::once(step.to.clone()).chain(step.after.clone()));
        heir.inherited.extend(step.inherited.iter().cloned());
        for effect in &step.effects {
            if let Some(known) = heir
                .effects
                .iter_mut()
                .find(|known| known.parameter == effect.parameter)
            {
                known.before = effect.before.clone();
            }
        }
        self.journal.save(self.disk, entry, true).map_err(RevertError::Disk)?;
        Ok(Some(What::HandedTo(next)))
    }
}

fn line(id: u64, step: &Record, what: What) -> Line {
    Line {
        id,
        parameter: step.parameter.clone(),
        to: step.to.clone(),
        before: step.before.form.clone(),
        what,
    }
}

/// Removes the record of an apply and undoes nothing.
///
/// # Errors
/// There is no such record, or it could not be removed.
pub fn forget(id: u64, machine: &dyn WritableSystem, disk: &dyn Disk, journal: &Journal) -> Result<(), RevertError> {
    let _lock = apply::lock(disk, journal, &apply::holder(machine, "runup revert")).map_err(RevertError::Apply)?;
    // A damaged record too: what it held is lost either way.
    if !journal.holds(disk, id) {
        return Err(RevertError::Unknown(id));
    }
    journal.forget(disk, id).map_err(RevertError::Disk)
}
