//! Putting one change back, with what the kernel changed along with it. Only what is still as it was left.

use super::guard;
use super::journal::{Entry, Record};
use super::parameter::Parameter;
use crate::system::{Failure, WritableSystem};

/// What became of putting a change back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// It is as it was before.
    Back,
    /// So it is, and nobody could tell whether that does harm; what was not known.
    BackUntold(String),
    /// It was so already.
    Already,
    /// It is gone: an interface, a device, a process.
    Gone,
    /// Somebody else has changed it since; the value that it has.
    Changed(String),
    /// What it was before would stop the machine now, or cut it off; the guards' words.
    Held(String),
    /// It could not be put back.
    Failed(String),
}

impl Undone {
    /// Whether the change is there still, and its record is kept.
    pub(super) fn is_left(&self) -> bool {
        match self {
            Undone::Changed(_) | Undone::Held(_) | Undone::Failed(_) => true,
            Undone::Back | Undone::BackUntold(_) | Undone::Already | Undone::Gone => false,
        }
    }
}

/// How a change is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// At once, by the apply that made it a moment ago and cannot go on: the machine still is as it was.
    AtOnce,
    /// Later: not where the guards of the catalogue know that the machine cannot go back any more.
    Guarded,
    /// In any case, also what somebody else has changed since.
    Forced,
}

/// Puts a change back where its value is still the one that was left, or in any case.
fn undo(step: &Record, machine: &dyn WritableSystem, care: Care) -> Undone {
    let force = care == Care::Forced;
    let os = machine.platform().os;
    let parameter = &step.parameter;
    let now = match parameter.read(machine) {
        Ok(state) => state.form,
        Err(Failure::Absent) if parameter.is_gone(machine) => return Undone::Gone,
        Err(Failure::Absent) => {
            return Undone::Failed("it is not there, and something is mounted where it should be".to_owned());
        }
        Err(failure) => return Undone::Failed(failure.to_string()),
    };
    let is = |form: &str| parameter.same(os, &now, form);
    let ours = is(&step.to) || step.after.as_deref().is_some_and(is) || step.inherited.iter().any(|form| is(form));
    if is(&step.before.form) && !ours {
        // Killed before it was written; or killed while it was put back, when what goes with it may still be missing.
        return follow(step, machine, force, Undone::Already);
    }
    if !ours && !force {
        return Undone::Changed(now);
    }
    if care != Care::Guarded {
        return restore(step, machine, force);
    }
    let objections = guard::objections_to_undoing(step, machine);
    let (harm, doubt): (Vec<_>, Vec<_>) = objections.into_iter().partition(|objection| objection.measured);
    let joined = |said: Vec<guard::Objection>| {
        let words: Vec<String> = said.into_iter().map(|objection| objection.words).collect();
        words.join("; ")
    };
    if !harm.is_empty() {
        return Undone::Held(joined(harm));
    }
    match restore(step, machine, force) {
        // The machine has lived with it, so doubt alone must not keep it from going back, perhaps for ever.
        Undone::Back if !doubt.is_empty() => Undone::BackUntold(joined(doubt)),
        undone => undone,
    }
}

/// The parameter and what goes with it, each with what was there, and what was left.
fn family(step: &Record) -> impl Iterator<Item = (&Parameter, &str, Option<&str>)> {
    std::iter::once((&step.parameter, step.before.form.as_str(), step.after.as_deref())).chain(
        step.effects
            .iter()
            .map(|effect| (&effect.parameter, effect.before.form.as_str(), effect.after.as_deref())),
    )
}

/// Whether a value is as it was before.
fn differs(parameter: &Parameter, before: &str, machine: &dyn WritableSystem) -> bool {
    parameter
        .read(machine)
        .is_ok_and(|state| !parameter.same(machine.platform().os, &state.form, before))
}

/// Puts the parameter back, then what goes with it. One may disturb the other (twins zero each other, and refuse a zero), so
/// it goes round until all are as they were.
fn restore(step: &Record, machine: &dyn WritableSystem, force: bool) -> Undone {
    const ROUNDS: usize = 3;
    let goal = goals(step, machine, force);
    let mut refused = None;
    for _ in 0..ROUNDS {
        let mut wrote = false;
        for (parameter, form) in &goal {
            if !differs(parameter, form, machine) {
                continue;
            }
            match parameter.write(machine, form) {
                Ok(()) => wrote = true,
                Err(failure) => refused = Some(failure),
            }
        }
        if !wrote {
            break;
        }
    }
    if differs(&step.parameter, &step.before.form, machine) {
        let now = step.parameter.read(machine).map(|state| state.form).unwrap_or_default();
        return Undone::Failed(match refused {
            Some(failure) => format!(
                "it is `{now}`, and setting it to `{}` failed: {failure}",
                step.before.form
            ),
            None => format!("it is `{now}` after it was set to `{}`", step.before.form),
        });
    }
    for (parameter, form) in goal.iter().skip(1) {
        if differs(parameter, form, machine) {
            return Undone::Failed(format!("{} could not be set back to `{form}`", parameter.show()));
        }
    }
    Undone::Back
}

/// What the parameter and everything that goes with it are to be: what was there before; but what somebody else has set since
/// stays, or comes back where putting the parameter back moves it.
fn goals<'a>(step: &'a Record, machine: &dyn WritableSystem, force: bool) -> Vec<(&'a Parameter, String)> {
    let os = machine.platform().os;
    family(step)
        .map(|(parameter, before, after)| {
            let now = parameter.read(machine).map(|state| state.form).unwrap_or_default();
            let is = |form: &str| parameter.same(os, &now, form);
            // Nobody knows how it was left where this was killed at that moment.
            let ours = *parameter == step.parameter || force || after.is_none_or(is) || is(before);
            (parameter, if ours { before.to_owned() } else { now })
        })
        .collect()
}

/// Puts back what goes with a parameter that is itself as it was.
fn follow(step: &Record, machine: &dyn WritableSystem, force: bool, otherwise: Undone) -> Undone {
    let os = machine.platform().os;
    let left_over = family(step).skip(1).any(|(parameter, before, after)| {
        let now = parameter.read(machine).map(|state| state.form).unwrap_or_default();
        after.is_some_and(|after| parameter.same(os, &now, after)) && !parameter.same(os, &now, before)
    });
    if left_over {
        restore(step, machine, force)
    } else {
        otherwise
    }
}

/// Puts one change back; says what could not be.
pub(super) fn put_back(step: &Record, machine: &dyn WritableSystem) -> Vec<String> {
    match undo(step, machine, Care::AtOnce) {
        Undone::Back | Undone::BackUntold(_) | Undone::Already | Undone::Gone => Vec::new(),
        Undone::Held(why) => vec![format!("{}: {why}", step.parameter.show())],
        Undone::Changed(now) => vec![format!("{} is `{now}`", step.parameter.show())],
        Undone::Failed(why) => vec![format!("{}: {why}", step.parameter.show())],
    }
}

/// Puts back the changes of an apply up to one of them, the last one first. Returns what could not be put back; the rest is
/// taken out of the record.
pub(super) fn back_out(entry: &mut Entry, last: usize, machine: &dyn WritableSystem) -> Vec<String> {
    let mut kept = Vec::new();
    entry.steps.truncate(last + 1);
    for (step, undone) in all(&std::mem::take(&mut entry.steps), machine, Care::AtOnce) {
        let why = match undone {
            Undone::Back | Undone::BackUntold(_) | Undone::Already | Undone::Gone => continue,
            Undone::Changed(now) => format!("{} is `{now}`, and was `{}`", step.parameter.show(), step.before.form),
            Undone::Held(why) | Undone::Failed(why) => format!("{}: {why}", step.parameter.show()),
        };
        kept.push((step.clone(), why));
    }
    kept.reverse();
    let (steps, stuck) = kept.into_iter().unzip();
    entry.steps = steps;
    stuck
}

/// Puts changes back, the last one first. What another change moved along with its own may only come right with that one, so
/// what did not come back is looked at again at the end; so is what only could not go back before another had.
pub(super) fn all<'a>(steps: &'a [Record], machine: &dyn WritableSystem, care: Care) -> Vec<(&'a Record, Undone)> {
    let mut done: Vec<(&Record, Undone)> = steps
        .iter()
        .rev()
        .map(|step| (step, undo(step, machine, care)))
        .collect();
    for (step, undone) in &mut done {
        if undone.is_left() {
            *undone = undo(step, machine, care);
        }
    }
    done
}
