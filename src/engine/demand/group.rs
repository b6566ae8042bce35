//! Rules about one concrete subject, and what they set there.

use std::collections::HashMap;

use super::super::Planned;
use super::choice::{Choice, Slot};
use super::claim::Claim;
use super::groups::Groups;
use super::left::{left_over, never, no_setting, refusal};
use super::range::Demand;
use super::wanted::{Asker, Collection, LeftOver, Wanted};
use crate::rule::{Change, Context, Intent, Observation, Proposal, Target};
use crate::system::Os;
use crate::value::{Number, Order, Value, in_order};

/// Rules about one concrete subject.
pub(super) struct Group<'a> {
    pub(super) observation: Observation,
    /// What the rules ask for that are made.
    pub(super) claims: Vec<Claim<'a>>,
}

/// A value for every metric, whole: fields are put into the row that there is.
type Rows = Vec<(&'static str, Choice)>;

impl<'a> Group<'a> {
    pub(super) fn of(subject: String) -> Self {
        Self {
            observation: Observation {
                subject,
                readings: Vec::new(),
                evidence: Vec::new(),
            },
            claims: Vec::new(),
        }
    }

    /// Takes in what a rule had looked at: each asks for its own metrics.
    pub(super) fn see(&mut self, observation: Observation) {
        for (metric, reading) in observation.readings {
            if self.observation.reading(metric).is_none() {
                self.observation.readings.push((metric, reading));
            }
        }
    }

    /// What the rules come to, and why some of them come to nothing.
    pub(super) fn ask(&self, cx: &Context<'_>, into: &mut Collection) {
        let slots = self.slots(cx.system.platform().os, &mut into.wishes.left);
        let rows = self.rows(&slots, &mut into.wishes.left);
        let parts = self.parts(&slots, &rows, cx, &mut into.wishes.left);
        if parts.is_empty() {
            return;
        }
        let everything: Vec<&'static str> = rows.iter().map(|(metric, _)| *metric).collect();
        let asked = self.propose(&rows, &everything, Intent::Export, cx);
        let kept = self.propose(&rows, &everything, Intent::Keep, cx);
        for change in kept.into_iter().flat_map(|proposal| proposal.changes) {
            let mut changes = asked.iter().flat_map(|proposal| &proposal.changes);
            let asked = changes.find(|asked| asked.target == change.target);
            let asked = asked.map(|asked| asked.to.clone());
            let wanted = self.wanted(&slots, &parts, change, asked, cx);
            match never(&wanted, cx) {
                Some(reason) => into.leave(&wanted, &self.observation.subject, reason),
                None => into.add(wanted, cx.host),
            }
        }
    }

    /// What all rules say, metric by metric and field by field.
    fn slots(&self, os: Os, left: &mut Vec<LeftOver>) -> Vec<Slot<'a>> {
        let mut places: Groups<(&str, Option<usize>), Vec<Claim<'a>>> = Groups::new();
        for claim in &self.claims {
            let place = (claim.expectation.metric.name, claim.expectation.field);
            places.entry(place, Vec::new).push(*claim);
        }
        let mut slots = Vec::new();
        for ((metric, field), claims) in places.into_iter() {
            let (slot, without) = Slot::new(claims, self.compared(metric, field, os).as_ref());
            let subject = &self.observation.subject;
            left.extend(
                without
                    .into_iter()
                    .map(|(claim, why)| left_over(claim.planned, subject, why)),
            );
            slots.push(slot);
        }
        slots
    }

    /// A metric's value here, or that of one of its fields.
    fn compared(&self, metric: &str, field: Option<usize>, os: Os) -> Option<Value> {
        let whole = self.observation.value(metric)?;
        let value = match field {
            Some(index) => whole.field(index).map(Value::Number),
            None => Some(whole.clone()),
        };
        let asked = |claim: &&Claim<'_>| claim.expectation.metric.name == metric && claim.expectation.field == field;
        let rank = |value, claim: &Claim<'_>| {
            let subject = &self.observation.subject;
            claim.subject.ranked(subject, claim.expectation, value, os)
        };
        value.map(|value| self.claims.iter().filter(asked).fold(value, rank))
    }

    fn rows(&self, slots: &[Slot<'_>], left: &mut Vec<LeftOver>) -> Rows {
        let mut metrics: Groups<&'static str, Vec<&Slot<'_>>> = Groups::new();
        for slot in slots.iter().filter(|slot| slot.choice.is_some()) {
            metrics.entry(slot.metric, Vec::new).push(slot);
        }
        let order = self.claims.first();
        let order = order.and_then(|claim| claim.subject.kind.order(&self.observation));
        let mut rows = Vec::new();
        for (metric, slots) in metrics.into_iter() {
            let live = self.observation.value(metric);
            let asked = row(&slots, live, order, |choice| &choice.asked);
            let kept = row(&slots, live, order, |choice| &choice.kept);
            if let (Some(asked), Some(kept)) = (asked, kept) {
                rows.push((metric, Choice { asked, kept }));
                continue;
            }
            let (whole, fields): (Vec<&Slot<'_>>, Vec<&Slot<'_>>) = slots.iter().partition(|slot| slot.field.is_none());
            rows.extend(whole.iter().filter_map(|slot| Some((metric, slot.choice.clone()?))));
            for claim in fields.iter().flat_map(|slot| &slot.claims) {
                let reason = "it asks for one field of a row whose other fields could not be read, or are asked to be out of order";
                left.push(left_over(claim.planned, &self.observation.subject, reason));
            }
        }
        rows
    }

    fn propose(&self, rows: &Rows, metrics: &[&str], intent: Intent, cx: &Context<'_>) -> Vec<Proposal> {
        let wanted: Vec<(&'static str, Option<Value>)> = rows
            .iter()
            .filter(|(metric, _)| metrics.contains(metric))
            .map(|(metric, choice)| {
                let value = if intent == Intent::Keep {
                    &choice.kept
                } else {
                    &choice.asked
                };
                (*metric, Some(value.clone()))
            })
            .collect();
        let cx = Context { intent, ..*cx };
        let Some(first) = self.claims.first().filter(|_| !wanted.is_empty()) else {
            return Vec::new();
        };
        let subject = first.subject;
        subject.kind.fixes(&subject.selectors, &self.observation, &wanted, &cx)
    }

    /// Each rule alone, with the settings that it has a part in. Rules about the same metrics have the same.
    fn parts(
        &self,
        slots: &[Slot<'a>],
        rows: &Rows,
        cx: &Context<'_>,
        left: &mut Vec<LeftOver>,
    ) -> Vec<(Claim<'a>, Vec<Target>)> {
        let mut rules: Groups<*const Planned<'_>, (Claim<'a>, Vec<&'static str>)> = Groups::new();
        // In the order of the rules, whatever metric of theirs comes first.
        for claim in &self.claims {
            rules.entry(std::ptr::from_ref(claim.planned), || (*claim, Vec::new()));
        }
        for slot in slots
            .iter()
            .filter(|slot| rows.iter().any(|(metric, _)| *metric == slot.metric))
        {
            for claim in slot.claims.iter().filter(|_| slot.choice.is_some()) {
                let rule = rules.entry(std::ptr::from_ref(claim.planned), || (*claim, Vec::new()));
                rule.1.push(slot.metric);
            }
        }
        let mut proposals: HashMap<Vec<&'static str>, Vec<Proposal>> = HashMap::new();
        let mut parts = Vec::new();
        // A rule without a value was left over where that was looked for.
        for (claim, metrics) in rules.into_values().filter(|(_, metrics)| !metrics.is_empty()) {
            let proposals = proposals
                .entry(metrics)
                .or_insert_with_key(|metrics| self.propose(rows, metrics, Intent::Keep, cx));
            match refusal(claim.planned, proposals) {
                Some(reason) => left.push(left_over(claim.planned, &self.observation.subject, reason)),
                None => {
                    let (_, without): (Vec<_>, Vec<_>) = proposals
                        .iter()
                        .cloned()
                        .partition(|proposal| !proposal.changes.is_empty());
                    if !without.is_empty() {
                        let reason = format!("in part: {}", no_setting(claim.planned, &without));
                        left.push(left_over(claim.planned, &self.observation.subject, reason));
                    }
                    let changes = proposals.iter().flat_map(|proposal| &proposal.changes);
                    parts.push((claim, changes.map(|change| change.target.clone()).collect()));
                }
            }
        }
        parts
    }

    fn wanted(
        &self,
        slots: &[Slot<'_>],
        parts: &[(Claim<'_>, Vec<Target>)],
        change: Change,
        asked: Option<String>,
        cx: &Context<'_>,
    ) -> Wanted {
        let holds = slots.iter().filter(|slot| slot.choice.is_some()).all(|slot| {
            let here = self.compared(slot.metric, slot.field, cx.system.platform().os);
            here.is_some_and(|value| slot.holds(&value))
        });
        let own = parts.iter().filter(|(_, targets)| targets.contains(&change.target));
        Wanted {
            rules: own.map(|(claim, _)| asker(claim, cx)).collect(),
            demand: self.demand(slots, &change),
            holds,
            better: holds && asked.as_ref() != Some(&change.to),
            asked,
            target: change.target,
            scope: change.scope,
            live: change.from,
            kept: change.to,
            dangers: Vec::new(),
        }
    }

    /// Which values a change leaves open.
    fn demand(&self, slots: &[Slot<'_>], change: &Change) -> Demand {
        let first = slots.first().zip(self.claims.first());
        let own = first.and_then(|(slot, claim)| {
            let subject = claim.subject;
            let name = &self.observation.subject;
            subject.kind.sets(&subject.selectors, name, slot.metric)
        });
        let (is_single, number) = (
            slots.iter().all(|slot| slot.metric.is_empty()),
            Number::parse(&change.to).ok(),
        );
        match (&change.target, number) {
            // A key that gives way to the one that the rules are about, or makes room for a limit: on that side of it all is well.
            (Target::Sysctl(_), Some(number)) if own.as_ref() != Some(&change.target) => {
                let from = change.from.as_deref().and_then(|from| Number::parse(from).ok());
                let is_lowered = is_single && from.is_some_and(|from| number < from);
                let (floor, ceiling) = if is_lowered {
                    (None, Some(number))
                } else {
                    (Some(number), None)
                };
                Demand::Bounds(vec![(floor, ceiling)])
            }
            _ if !is_single => Demand::exactly(&change.to),
            _ => {
                let chosen = slots.iter().filter(|slot| slot.choice.is_some());
                let asked: Vec<_> = chosen.map(|slot| (slot.field, slot.comparisons.as_slice())).collect();
                Demand::of(&asked, &change.to)
            }
        }
    }
}

/// A metric's value with what is chosen for its fields. `None` where the row is not known, or the fields are out of order.
fn row(slots: &[&Slot<'_>], live: Option<&Value>, order: Option<Order>, which: fn(&Choice) -> &Value) -> Option<Value> {
    let chosen = |slot: &Slot<'_>| slot.choice.as_ref().map(|choice| which(choice).clone());
    let whole = slots.iter().rfind(|slot| slot.field.is_none());
    let whole = whole.and_then(|slot| chosen(slot));
    let fields = slots.iter().filter_map(|slot| match (slot.field, chosen(slot)) {
        (Some(at), Some(Value::Number(number))) => Some((at, number)),
        _ => None,
    });
    let pins: Vec<(usize, Number)> = fields.collect();
    if pins.is_empty() {
        return whole;
    }
    match (order, live) {
        // Every field that is asked for, in the row as it is: what one of them moved, another may need.
        (Some(order), Some(Value::Tuple(live))) => in_order(order, live, &pins).map(Value::Tuple),
        (Some(_), _) => None,
        (None, _) => pins
            .iter()
            .try_fold(whole.or_else(|| live.cloned())?, |row, (at, number)| {
                row.with_field(*at, *number)
            }),
    }
}

fn asker(claim: &Claim<'_>, cx: &Context<'_>) -> Asker {
    let rule = claim.planned.rule;
    let page_size = cx.system.platform().page_size;
    let asked: Vec<String> = Claim::all(claim.planned, claim.subject)
        .map(|own| own.words(page_size))
        .collect();
    Asker {
        name: claim.planned.name(),
        why: rule.why.clone(),
        expected: asked.join(", "),
        guard: rule.advice.is_some(),
    }
}
