//! Fixes of one subject that different rules ask for: following one must not undo another.

use std::collections::HashMap;

use super::{Planned, State};
use crate::catalogue;
use crate::finding::{Conflict, Finding, Outcome};
use crate::host::Host;
use crate::remedy;
use crate::rule::{Change, Side, Target};
use crate::value::{Number, Order, Value, in_order};

/// A change of a number, or of a row of them, that one finding asks for.
struct Ask {
    finding: usize,
    change: usize,
    from: Vec<Number>,
    to: Vec<Number>,
}

/// Makes the fixes of one parameter the same where one value satisfies every rule that asks for another: as far as the farthest
/// floor or ceiling goes, and all fields of a row at once. Rules that contradict each other keep each its own: nobody chooses.
/// Notes that are not going to be made (`notes` is false) move no value of the others.
pub(super) fn agree(
    findings: &mut [Finding],
    planned: &[Planned<'_>],
    conflicts: &[Conflict],
    notes: bool,
    host: &Host<'_>,
) {
    let mut groups: Vec<(Target, Vec<Ask>)> = Vec::new();
    let mut shared = false;
    for (at, finding) in findings.iter().enumerate() {
        if finding.outcome != Outcome::Fail || !finding.severity.is_made(notes) {
            continue;
        }
        let changes = finding
            .fix
            .iter()
            .flat_map(|fix| fix.proposal.changes.iter().enumerate());
        for (number, change) in changes {
            let Some(ask) = ask(at, number, change) else { continue };
            match groups.iter_mut().find(|(target, _)| *target == change.target) {
                None => groups.push((change.target.clone(), vec![ask])),
                Some((_, asks)) => {
                    shared |= asks.iter().any(|known| known.to != ask.to);
                    asks.push(ask);
                }
            }
        }
    }
    if !shared {
        return;
    }
    let rules: HashMap<(&str, &str), &Planned<'_>> = planned
        .iter()
        .map(|planned| ((planned.profile.name.as_str(), planned.rule.id.as_str()), planned))
        .collect();
    for (target, mut asks) in groups {
        asks.retain(|ask| !contradicted(&findings[ask.finding], conflicts));
        let same_form = |ask: &Ask| ask.from == asks[0].from && ask.to.len() == asks[0].to.len();
        if asks.len() < 2 || !asks.iter().all(same_form) {
            continue;
        }
        let rule_of = |ask: &Ask| {
            let finding = &findings[ask.finding];
            rules.get(&(finding.profile.as_str(), finding.rule.as_str())).copied()
        };
        // A rule about a whole row or range says more than its fields do.
        let row = asks[0].to.len() > 1;
        if row && !asks.iter().all(|ask| rule_of(ask).is_some_and(is_about_fields)) {
            continue;
        }
        if let Some(order) = order_of(&target) {
            if let Some(row) = one_row(order, &asks, &rule_of) {
                for ask in asks.iter().filter(|ask| ask.to != row) {
                    rewrite(&mut findings[ask.finding], ask.change, &row, host);
                }
            }
            continue;
        }
        let accepts =
            |ask: &Ask, field: usize, value: Number| accepts(rule_of(ask)?, &target, row.then_some(field), value);
        let agreed: Vec<Option<Number>> = (0..asks[0].to.len())
            .map(|field| farthest(&asks, field, &accepts))
            .collect();
        for ask in &asks {
            let to: Vec<Number> = ask
                .to
                .iter()
                .zip(&agreed)
                .map(|(own, agreed)| agreed.unwrap_or(*own))
                .collect();
            if to != ask.to {
                rewrite(&mut findings[ask.finding], ask.change, &to, host);
            }
        }
    }
}

fn ask(finding: usize, number: usize, change: &Change) -> Option<Ask> {
    let numbers = |text: &str| -> Option<Vec<Number>> {
        text.split_ascii_whitespace()
            .map(|word| Number::parse(word).ok())
            .collect()
    };
    let (from, to) = (numbers(change.from.as_deref()?)?, numbers(&change.to)?);
    (from.len() == to.len() && !to.is_empty()).then_some(Ask {
        finding,
        change: number,
        from,
        to,
    })
}

fn contradicted(finding: &Finding, conflicts: &[Conflict]) -> bool {
    !conflicts.is_empty() && {
        let name = finding.name();
        conflicts
            .iter()
            .flat_map(|conflict| &conflict.sides)
            .any(|side| side.name == name)
    }
}

fn is_about_fields(planned: &Planned<'_>) -> bool {
    match &planned.state {
        State::Ready(subject) => subject
            .expectations
            .iter()
            .all(|expectation| expectation.field.is_some()),
        State::Decided(..) => false,
    }
}

/// How the numbers of a target's row belong together, where the kernel needs them in order.
fn order_of(target: &Target) -> Option<Order> {
    match target {
        Target::Sysctl(name) => catalogue::ordered(name).map(|ordered| ordered.order),
        Target::Sysfs(_) | Target::Limit(..) | Target::Cgroup(_) | Target::Swap => None,
    }
}

/// The row in order that has what each rule asks of its own fields; of two for one field the farther. `None` where there is none.
fn one_row<'a>(order: Order, asks: &[Ask], rule_of: &dyn Fn(&Ask) -> Option<&'a Planned<'a>>) -> Option<Vec<Number>> {
    let from = &asks[0].from;
    let mut pins: Vec<(usize, Number)> = Vec::new();
    for ask in asks {
        let State::Ready(subject) = &rule_of(ask)?.state else {
            return None;
        };
        for field in subject.expectations.iter().filter_map(|expectation| expectation.field) {
            let to = *ask.to.get(field)?;
            match pins.iter_mut().find(|(at, _)| *at == field) {
                None => pins.push((field, to)),
                // What stays as it is gives way, and two that go different ways are nobody's to choose between.
                Some((_, known)) if *known == from[field] => *known = to,
                Some((_, known)) if to == from[field] || (to > from[field]) == (*known > from[field]) => {
                    let is_up = *known > from[field];
                    *known = if is_up { to.max(*known) } else { to.min(*known) };
                }
                Some(_) => return None,
            }
        }
    }
    in_order(order, from, &pins)
}

/// The value of a field that is farthest from what is so now and that every rule which asks for a change of it accepts; `None`
/// where there is none, or where they go different ways.
fn farthest(asks: &[Ask], field: usize, accepts: &dyn Fn(&Ask, usize, Number) -> Option<bool>) -> Option<Number> {
    let from = asks[0].from[field];
    let moved: Vec<&Ask> = asks.iter().filter(|ask| ask.to[field] != from).collect();
    let up = moved.first()?.to[field] > from;
    if moved.iter().any(|ask| (ask.to[field] > from) != up) {
        return None;
    }
    let mut candidates: Vec<Number> = moved.iter().map(|ask| ask.to[field]).collect();
    candidates.sort_unstable();
    if up {
        candidates.reverse();
    }
    let fits = |value: Number| {
        moved.iter().all(|ask| {
            let own = ask.to[field];
            accepts(ask, field, value).unwrap_or(if up { value >= own } else { value <= own })
        })
    };
    candidates.into_iter().find(|value| fits(*value))
}

/// Whether a rule would pass with a value; `None` where its own metric is another thing than what the change writes.
fn accepts(planned: &Planned<'_>, target: &Target, field: Option<usize>, value: Number) -> Option<bool> {
    let State::Ready(subject) = &planned.state else {
        return None;
    };
    // A key that gives way to the rule's own is none that the rule is about.
    if let Target::Sysctl(name) = target
        && catalogue::series(name).is_some()
        && subject.kind.label(&subject.selectors) != *name
    {
        return None;
    }
    let metric = match (subject.kind.name(), target) {
        ("sysctl" | "sysfs", _) => "",
        ("rlimit", Target::Limit(_, Side::Soft)) => "soft",
        ("rlimit", Target::Limit(_, Side::Hard)) => "hard",
        _ => return None,
    };
    let expectation = subject
        .expectations
        .iter()
        .find(|expectation| expectation.metric.name == metric && expectation.field == field)?;
    let value = Value::Number(value);
    Some(
        expectation
            .comparisons
            .iter()
            .all(|comparison| comparison.holds(&value)),
    )
}

fn rewrite(finding: &mut Finding, change: usize, to: &[Number], host: &Host<'_>) {
    let Some(fix) = &mut finding.fix else { return };
    let words: Vec<String> = to.iter().map(Number::to_string).collect();
    fix.proposal.changes[change].to = words.join(" ");
    fix.remedies = remedy::render(&fix.proposal, host);
    fix.here = remedy::dialect_here(&fix.proposal, &fix.remedies, host);
}
