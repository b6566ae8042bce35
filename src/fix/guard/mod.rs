//! Holding a change against the guards of the catalogue: whether the machine, as it would be, could stop.

mod measure;

use std::collections::VecDeque;

use super::journal::Record;
use super::parameter::Parameter;
use super::step::Step;
use crate::catalogue::{AT_START, Danger, Guard, Margin, Quantity, guards};
use crate::engine::{Wanted, Wishes};
use crate::finding::Report;
use crate::overlay::Overlay;
use crate::persisted::Persisted;
use crate::rule::Target;
use crate::system::{Os, System};
use measure::{CannotTell, View, measure, number};

/// The file that a step which turns swap off is told by.
pub(super) const SWAPS: &str = "/proc/swaps";

/// What a guard says against a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objection {
    /// In words, with the numbers.
    pub words: String,
    /// Whether it was measured that it does harm; else it may, and nobody can tell.
    pub measured: bool,
}

/// What is wrong with a write, in words, one for each guard that bites or cannot tell.
///
/// `machine` is as it is, `before` with the changes that were taken into the plan already, and `after` with this one too.
/// `written` is a sysctl's canonical name or a file.
#[must_use]
pub fn dangers(written: &str, machine: &dyn System, before: &dyn System, after: &dyn System) -> Vec<String> {
    let objections = objections(written, machine, before, after);
    objections.into_iter().map(|objection| objection.words).collect()
}

fn objections(written: &str, machine: &dyn System, before: &dyn System, after: &dyn System) -> Vec<Objection> {
    if machine.platform().os != Os::Linux {
        return Vec::new();
    }
    let view = |system| View {
        machine,
        system,
        written,
    };
    guards()
        .iter()
        .filter(|guard| guard.watches(written))
        .filter_map(|guard| danger(guard, &view(before), &view(after)))
        .collect()
}

/// Orders steps so that none is dangerous after those before it, as far as there is such an order. Where there is none, the
/// dangers of the first are noted with it; unless they were agreed to it counts as not made.
pub(super) fn in_safe_order(steps: Vec<Step>, machine: &dyn System, agreed: bool) -> Vec<Step> {
    let so_far = Overlay::new(machine);
    let mut ordered = Vec::with_capacity(steps.len());
    let mut steps = VecDeque::from(steps);
    while !steps.is_empty() {
        let harmless = |step: &Step| dangers_of(step, machine, &so_far).is_empty();
        let at = steps.iter().position(harmless);
        let Some(mut step) = steps.remove(at.unwrap_or(0)) else {
            break;
        };
        if at.is_none() {
            step.dangers = dangers_of(&step, machine, &so_far);
        }
        if at.is_some() || agreed {
            step.parameter.set_on(&so_far, &step.to);
        }
        ordered.push(step);
    }
    ordered
}

fn dangers_of(step: &Step, machine: &dyn System, so_far: &Overlay<'_>) -> Vec<String> {
    let written = match &step.parameter {
        Parameter::Sysctl { name } => name,
        Parameter::Sysfs { path } => path,
        Parameter::Swap { .. } => SWAPS,
        Parameter::Limit { .. } => return Vec::new(),
    };
    let after = Overlay::new(so_far);
    step.parameter.set_on(&after, &step.to);
    dangers(written, machine, so_far, &after)
}

/// What speaks against putting a recorded change back, on the machine as it is now.
pub(super) fn objections_to_undoing(record: &Record, machine: &dyn System) -> Vec<Objection> {
    let written = match &record.parameter {
        Parameter::Sysctl { name } => name,
        Parameter::Sysfs { path } => path,
        // Swap comes back, and makes room.
        Parameter::Swap { .. } | Parameter::Limit { .. } => return Vec::new(),
    };
    let after = Overlay::new(machine);
    let effects = record.effects.iter().map(|effect| (&effect.parameter, &effect.before));
    let mut family: Vec<_> = std::iter::once((&record.parameter, &record.before))
        .chain(effects)
        .collect();
    // Of twins the one that counts comes last: setting it makes the other 0, and so would setting the other to 0.
    family.sort_by_key(|(_, before)| before.form != "0");
    for (parameter, before) in family {
        match parameter {
            Parameter::Sysctl { name } => after.set_sysctl(name, &before.form),
            Parameter::Sysfs { path } => after.set_file(path, &before.form),
            Parameter::Swap { .. } | Parameter::Limit { .. } => {}
        }
    }
    objections(written, machine, machine, &after)
}

/// Notes beside each thing that is wished for what is dangerous about it. They are taken one after the other, in an order in which
/// none is dangerous after those before it; what is left over is dangerous, and counts as not made. `counts` says what will be made
/// at all, and `start` is the machine that it begins with.
pub fn mark(wishes: &mut Wishes, counts: &dyn Fn(&Target) -> bool, machine: &dyn System, start: &dyn System) {
    let so_far = Overlay::new(start);
    let mut open: VecDeque<usize> = (0..wishes.wanted.len())
        .filter(|at| counts(&wishes.wanted[*at].target))
        .collect();
    let dangers_after = |wanted: &Wanted, so_far: &Overlay<'_>| match &wanted.target {
        Target::Sysctl(written) | Target::Sysfs(written) => {
            let after = Overlay::new(so_far);
            wish(wanted, &after);
            dangers(written, machine, so_far, &after)
        }
        Target::Limit(..) | Target::Cgroup(_) | Target::Swap => Vec::new(),
    };
    let harmless = |at: usize, wishes: &Wishes| dangers_after(&wishes.wanted[at], &so_far).is_empty();
    while let Some(next) = open.iter().position(|at| harmless(*at, wishes)) {
        let Some(at) = open.remove(next) else { break };
        wish(&wishes.wanted[at], &so_far);
    }
    for at in open {
        wishes.wanted[at].dangers = dangers_after(&wishes.wanted[at], &so_far);
    }
}

fn wish(wanted: &Wanted, overlay: &Overlay<'_>) {
    match &wanted.target {
        Target::Sysctl(name) => overlay.set_sysctl(name, &wanted.kept),
        Target::Sysfs(path) => overlay.set_file(path, &wanted.kept),
        Target::Limit(..) | Target::Cgroup(_) | Target::Swap => {}
    }
}

/// The machine as the next boot begins with it, as far as guards ask: what was set by hand and is in no file is gone then, and
/// makes no room any more.
#[must_use]
pub fn at_boot<'a>(machine: &'a dyn System, persisted: &Persisted) -> Overlay<'a> {
    let overlay = Overlay::new(machine);
    let mut values: Vec<(&str, String)> = Vec::new();
    for (key, start) in AT_START {
        let outlook = persisted.outlook(key, machine);
        let set = outlook.set.filter(|_| outlook.doubt.is_none());
        match (set, start) {
            (Some(set), _) => values.push((key, set.value)),
            (None, Some(start)) if machine.sysctl(key).is_ok() => values.push((key, (*start).to_owned())),
            (None, _) => {}
        }
    }
    // Of a setting in two units the one that counts comes last: setting the other one to 0 would make it 0.
    values.sort_by_key(|(_, value)| value != "0");
    values.iter().for_each(|(key, value)| overlay.set_sysctl(key, value));
    overlay
}

/// Notes beside the fix of each finding what is dangerous about making it by hand, alone. Nothing is read for a change that no
/// guard watches.
pub fn warn(report: &mut Report, machine: &dyn System) {
    if machine.platform().os != Os::Linux {
        return;
    }
    let watched = |written: &str| guards().iter().any(|guard| guard.watches(written));
    for fix in report.findings.iter_mut().filter_map(|finding| finding.fix.as_mut()) {
        let mut found = Vec::new();
        for change in fix.changes() {
            let after = Overlay::new(machine);
            let written = match &change.target {
                Target::Sysctl(name) if watched(name) => {
                    after.set_sysctl(name, &change.to);
                    name.as_str()
                }
                Target::Sysfs(path) if watched(path) => {
                    after.set_file(path, &change.to);
                    path.as_str()
                }
                Target::Swap => {
                    after.set_swap_off();
                    SWAPS
                }
                Target::Sysctl(_) | Target::Sysfs(_) | Target::Limit(..) | Target::Cgroup(_) => continue,
            };
            found.extend(dangers(written, machine, machine, &after));
        }
        fix.dangers = found;
    }
}

fn danger(guard: &Guard, before: &View<'_>, after: &View<'_>) -> Option<Objection> {
    let measured = |words| Objection { words, measured: true };
    let guessed = |words| Objection { words, measured: false };
    match looks(guard, after) {
        Ok(false) => return None,
        Ok(true) => {}
        Err(unknown) => return Some(guessed(cannot_tell(guard, after.written, &unknown))),
    }
    // What cannot be told of the machine before is no reason to let a change through.
    let looked = looks(guard, before).unwrap_or(false);
    let found = match guard.danger {
        Danger::Room { room, used, .. } if looked && no_worse(room, used, before, after) => return None,
        Danger::Room { room, used, margin } => fits(guard, (room, used, margin), after),
        Danger::MoreThan { .. } | Danger::CannotTell if looked => return None,
        Danger::MoreThan { of, most } => measure(of, after).map(|count| {
            let name = of.name(after.written);
            (count > most).then(|| format!("{name} is {count}: {}", guard.harm))
        }),
        Danger::CannotTell => return Some(guessed(guard.harm.to_owned())),
    };
    match found {
        Ok(found) if counts_use(guard.danger) => found.map(measured),
        // A rule of thumb: the machine may well live with less.
        Ok(found) => found.map(guessed),
        Err(unknown) => Some(guessed(cannot_tell(guard, after.written, &unknown))),
    }
}

/// Whether a guard counts what is in use, and does not hold a number against a fixed bound or a share of the memory.
fn counts_use(danger: Danger) -> bool {
    let fixed = |quantity: Quantity| matches!(quantity, Quantity::Constant(..) | Quantity::TenthOfMemory);
    match danger {
        Danger::Room { room, used, .. } => !fixed(room) && !fixed(used),
        Danger::MoreThan { .. } => true,
        Danger::CannotTell => false,
    }
}

/// Whether the guard looks at a machine in this state at all.
fn looks(guard: &Guard, view: &View<'_>) -> Result<bool, CannotTell> {
    if let Some(test) = guard.to
        && !test.holds(number(view.system, view.written, 0)?)
    {
        return Ok(false);
    }
    match guard.only {
        Some((key, test)) => Ok(test.holds(number(view.system, key, 0)?)),
        None => Ok(true),
    }
}

/// Whether a change makes no less room, and uses no more. What it does not touch is not read.
fn no_worse(room: Quantity, used: Quantity, before: &View<'_>, after: &View<'_>) -> bool {
    let compared = |quantity: Quantity, better: fn(i128, i128) -> bool| {
        !quantity.is_written()
            || match (measure(quantity, before), measure(quantity, after)) {
                (Ok(before), Ok(after)) => better(before, after),
                _ => false,
            }
    };
    compared(room, |before, after| after >= before) && compared(used, |before, after| after <= before)
}

fn fits(
    guard: &Guard,
    (room, used, margin): (Quantity, Quantity, Margin),
    view: &View<'_>,
) -> Result<Option<String>, CannotTell> {
    let has = measure(room, view)?;
    let kept = (has.saturating_mul(margin.percent) / 100).max(margin.at_least);
    let fit = |needs: i128| has.saturating_sub(needs) >= kept;
    let needs = match measure(used, view) {
        // What is known to be in use is too much already, whatever there is besides.
        Err(CannotTell {
            at_least: Some(known), ..
        }) if !fit(known) => known,
        measured => measured?,
    };
    if fit(needs) {
        return Ok(None);
    }
    let say = |quantity: Quantity, amount: i128| {
        let verb = if quantity.is_written() { "would be" } else { "is" };
        let unit = quantity.unit(view.written);
        format!("{} {verb} {amount}{unit}", measure::name(quantity, amount, view))
    };
    let both = format!("{} and {}", say(used, needs), say(room, has));
    Ok(Some(if has < needs {
        format!("{both}: {}", guard.harm)
    } else {
        let unit = room.unit(view.written);
        format!("{both}, less than {kept}{unit} above it: soon {}", guard.harm)
    }))
}

fn cannot_tell(guard: &Guard, written: &str, unknown: &CannotTell) -> String {
    let CannotTell { what, why, .. } = unknown;
    let asked = match guard.danger {
        Danger::Room { room, used, .. } => {
            format!("whether {} stays below {}", used.name(written), room.name(written))
        }
        Danger::MoreThan { of, .. } => of.name(written),
        Danger::CannotTell => "whether it does harm".to_owned(),
    };
    format!(
        "{what} cannot be read ({why}), so nobody can tell {asked}; it may be that {}",
        guard.harm
    )
}
