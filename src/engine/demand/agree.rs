//! The fixes of one setting that different rules ask for: following one must not undo another.

use std::collections::{HashMap, HashSet};

use super::super::{Planned, ResolvedExpectation, ResolvedSubject, State, judge};
use super::groups::Groups;
use super::thing::{Thing, canonical};
use crate::catalogue;
use crate::finding::{Conflict, Finding, Fix, Outcome};
use crate::host::Host;
use crate::rule::{Change, Target};
use crate::value::{Number, Order, Value, in_order};

/// A change of a number, or of a row of them, that one finding asks for.
struct Ask<'a> {
    finding: usize,
    /// The part of its fix, and the change there.
    change: (usize, usize),
    from: Vec<Number>,
    to: Vec<Number>,
    /// What the rule expects of this very setting, and not of what moves along with it.
    expects: Vec<&'a ResolvedExpectation>,
    /// Whether the rule is about fields alone: one about a whole row or range says more than its fields do.
    is_about_fields: bool,
}

/// Makes the fixes of one setting the same where one value satisfies every rule that asks for another: as far as the farthest
/// floor or ceiling goes, and all fields of a row at once. Rules that contradict each other keep each its own: nobody chooses.
/// Notes that are not going to be made (`notes` is false) move no value of the others.
pub(in super::super) fn agree(
    findings: &mut [Finding],
    planned: &[Planned<'_>],
    conflicts: &[Conflict],
    notes: bool,
    host: &Host<'_>,
) {
    // Most checks have nothing to agree on, and those of a container's start are to cost little.
    if findings.iter().filter(|finding| finding.fix.is_some()).nth(1).is_none() {
        return;
    }
    let groups = asks(findings, planned, conflicts, notes, host);
    for (target, asks) in groups.iter().filter(|(_, asks)| asks.len() > 1) {
        let row = agreed(target, asks);
        for (ask, to) in asks.iter().zip(row) {
            if to != ask.to {
                let words: Vec<String> = to.iter().map(Number::to_string).collect();
                rewrite(
                    &mut findings[ask.finding],
                    ask.change,
                    |change| change.to = words.join(" "),
                    host,
                );
            }
        }
    }
    one_unit(findings, &groups, host);
}

/// Of a setting in two units one counts. Where the rules about one of them are content with its being 0, and those about the other are
/// not, all set the other: each its own would undo the other's.
fn one_unit(findings: &mut [Finding], groups: &Groups<Target, Vec<Ask<'_>>>, host: &Host<'_>) {
    let needs = |ask: &&Ask<'_>| !ask.accepts(0, Number::Finite(0));
    for (target, asks) in groups.iter() {
        let twin = match target {
            Target::Sysctl(key) => catalogue::twin(key),
            _ => None,
        };
        let others = twin.and_then(|twin| groups.get(&Target::Sysctl(twin.to_owned())));
        let (Some(others), Some(first)) = (others, asks.iter().find(needs)) else {
            continue;
        };
        let fix = findings[first.finding].fix.as_ref();
        let Some(change) = fix.map(|fix| change_of(fix, first.change).clone()) else {
            continue;
        };
        for other in others.iter().filter(|_| !others.iter().any(|other| needs(&other))) {
            rewrite(
                &mut findings[other.finding],
                other.change,
                |own| own.clone_from(&change),
                host,
            );
        }
    }
}

/// What failing rules would write, by what they would write it to.
fn asks<'a>(
    findings: &[Finding],
    planned: &'a [Planned<'_>],
    conflicts: &[Conflict],
    notes: bool,
    host: &Host<'_>,
) -> Groups<Target, Vec<Ask<'a>>> {
    let rules: HashMap<(&str, &str), &ResolvedSubject> = planned
        .iter()
        .filter_map(|planned| match &planned.state {
            State::Ready(subject) => Some(((planned.profile.name.as_str(), planned.rule.id.as_str()), subject)),
            State::Decided(..) => None,
        })
        .collect();
    let sides = conflicts.iter().flat_map(|conflict| &conflict.sides);
    let torn: HashSet<&str> = sides.map(|side| side.name.as_str()).collect();
    let mut groups: Groups<Target, Vec<Ask<'_>>> = Groups::new();
    for (at, finding) in findings.iter().enumerate() {
        let is_made = finding.outcome == Outcome::Fail && finding.severity.is_made(notes);
        let subject = rules.get(&(finding.profile.as_str(), finding.rule.as_str()));
        let (Some(subject), Some(fix), true) = (subject, &finding.fix, is_made) else {
            continue;
        };
        if !torn.is_empty() && torn.contains(finding.name().as_str()) {
            continue;
        }
        let parts = fix.parts.iter().enumerate();
        let changes = parts.flat_map(|(part, of)| {
            let changes = of.proposal.changes.iter().enumerate();
            changes.map(move |(number, change)| ((part, number), change))
        });
        for (number, change) in changes {
            let target = canonical(change.target.clone(), host);
            let own = Thing::Setting(target.clone());
            let about =
                |asked: &&ResolvedExpectation| Thing::of(subject, &finding.subject, asked.metric.name, host) == own;
            let expects = subject.expectations.iter().filter(about).collect();
            if let Some(ask) = Ask::of((at, number), change, subject, expects) {
                groups.entry(target, Vec::new).push(ask);
            }
        }
    }
    groups
}

impl<'a> Ask<'a> {
    fn of(
        at: (usize, (usize, usize)),
        change: &Change,
        subject: &ResolvedSubject,
        expects: Vec<&'a ResolvedExpectation>,
    ) -> Option<Self> {
        let numbers = |text: &str| -> Option<Vec<Number>> {
            let words = text.split_ascii_whitespace();
            words.map(|word| Number::parse(word).ok()).collect()
        };
        let (from, to) = (numbers(change.from.as_deref()?)?, numbers(&change.to)?);
        (from.len() == to.len() && !to.is_empty()).then(|| Self {
            finding: at.0,
            change: at.1,
            from,
            to,
            expects,
            is_about_fields: subject.expectations.iter().all(|asked| asked.field.is_some()),
        })
    }

    /// Whether the rule would pass with a value. Where its own metric is another thing than what is written, farther is better.
    fn accepts(&self, field: usize, value: Number) -> bool {
        let about = (self.to.len() > 1).then_some(field);
        match self.expects.iter().find(|asked| asked.field == about) {
            Some(asked) => {
                let value = Value::Number(value);
                asked.comparisons.iter().all(|comparison| comparison.holds(&value))
            }
            None if self.to[field] > self.from[field] => value >= self.to[field],
            None => value <= self.to[field],
        }
    }
}

/// What each of several asks for one setting comes to.
fn agreed(target: &Target, asks: &[Ask<'_>]) -> Vec<Vec<Number>> {
    let own = || asks.iter().map(|ask| ask.to.clone()).collect();
    let first = &asks[0];
    let same_form = |ask: &Ask<'_>| ask.from == first.from && ask.to.len() == first.to.len();
    let is_row = first.to.len() > 1;
    if !asks.iter().all(same_form) || is_row && !asks.iter().all(|ask| ask.is_about_fields) {
        return own();
    }
    if let Some(order) = order_of(target) {
        return match one_row(order, asks) {
            Some(row) => vec![row; asks.len()],
            None => own(),
        };
    }
    let farthest: Vec<Option<Number>> = (0..first.to.len()).map(|field| farthest(asks, field)).collect();
    let rows = asks.iter().map(|ask| {
        let pairs = ask.to.iter().zip(&farthest);
        pairs.map(|(own, agreed)| agreed.unwrap_or(*own)).collect()
    });
    rows.collect()
}

/// How the numbers of a setting's row belong together, where the kernel needs them in order.
fn order_of(target: &Target) -> Option<Order> {
    match target {
        Target::Sysctl(name) => catalogue::ordered(name).map(|ordered| ordered.order),
        Target::Sysfs(_) | Target::Limit(..) | Target::Cgroup(_) | Target::Swap => None,
    }
}

/// The row in order that has what each rule asks of its own fields; of two for one field the farther. `None` where there is none.
fn one_row(order: Order, asks: &[Ask<'_>]) -> Option<Vec<Number>> {
    let from = &asks[0].from;
    let mut pins: Vec<Option<Number>> = vec![None; from.len()];
    for ask in asks {
        for field in ask.expects.iter().filter_map(|asked| asked.field) {
            let (to, now) = (*ask.to.get(field)?, *from.get(field)?);
            let pin = pins.get_mut(field)?;
            *pin = match *pin {
                // What stays as it is gives way, and two that go different ways are nobody's to choose between.
                Some(known) if known != now && to != now && (to > now) != (known > now) => return None,
                Some(known) if known > now => Some(to.max(known)),
                Some(known) if known < now => Some(to.min(known)),
                _ => Some(to),
            };
        }
    }
    let pins: Vec<(usize, Number)> = (0..).zip(pins).filter_map(|(at, pin)| Some((at, pin?))).collect();
    in_order(order, from, &pins)
}

/// The value of a field that is farthest from what is so now and that every rule which asks for a change of it accepts; `None`
/// where there is none, or where they go different ways.
fn farthest(asks: &[Ask<'_>], field: usize) -> Option<Number> {
    let from = asks[0].from[field];
    let moved: Vec<&Ask<'_>> = asks.iter().filter(|ask| ask.to[field] != from).collect();
    let up = moved.first()?.to[field] > from;
    if moved.iter().any(|ask| (ask.to[field] > from) != up) {
        return None;
    }
    let mut candidates: Vec<Number> = moved.iter().map(|ask| ask.to[field]).collect();
    candidates.sort_unstable();
    candidates.dedup();
    if up {
        candidates.reverse();
    }
    let fits = |value: &Number| moved.iter().all(|ask| ask.accepts(field, *value));
    candidates.into_iter().find(fits)
}

fn rewrite(finding: &mut Finding, change: (usize, usize), new: impl FnOnce(&mut Change), host: &Host<'_>) {
    let Some(fix) = &mut finding.fix else { return };
    let (part, number) = change;
    let mut proposal = fix.parts[part].proposal.clone();
    new(&mut proposal.changes[number]);
    fix.parts[part] = judge::part(proposal, host);
}

fn change_of(fix: &Fix, (part, number): (usize, usize)) -> &Change {
    &fix.parts[part].proposal.changes[number]
}
