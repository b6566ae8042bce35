//! What the rules ask for, whether they pass or not: what a file for another place is made of.
//!
//! Rules about the same thing are taken together, so that there is one value for it and all of them hold.

use super::{Check, Planned, ResolvedExpectation, ResolvedSubject, State};
use crate::catalogue::{self, Write};
use crate::recording::is_secret;
use crate::rule::{Change, Context, Dialect, Intent, Observation, Proposal, Reach, Reading, Scope, Target, unit_of};
use crate::value::{Comparator, Comparison, Number, Operand, Value, contradict, correct, impossible, in_order};

/// Everything that the rules of a run ask for.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// One entry for each thing that is to be set, in the order of the rules.
    pub wanted: Vec<Wanted>,
    /// Rules that ask for nothing that can be set.
    pub left: Vec<LeftOver>,
    /// Rules that cannot all hold.
    pub contradictions: Vec<Contradiction>,
    /// Whether root's logins are to have the limits too, and not those of others alone: a wrong one locks the administrator out.
    pub root: bool,
    /// Whether limits on open files and the room that they need were fitted into each other already, so that no file has to tell
    /// what the other one holds.
    pub fitted: bool,
}

/// A thing that is to be set, and to what.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What is set.
    pub target: Target,
    /// Whom it reaches.
    pub scope: Scope,
    /// The value here, as the system writes it; `None` where it could not be read.
    pub live: Option<String>,
    /// What the rules ask for; `None` where they leave it alone and it is only written along with something else.
    pub asked: Option<String>,
    /// The same, but never worse than what this machine has.
    pub kept: String,
    /// Whether the rules hold here.
    pub holds: bool,
    /// Whether the rules hold here, with something else than what they ask for: something better.
    pub better: bool,
    /// What the rules leave open.
    pub demand: Demand,
    /// The rules that ask.
    pub rules: Vec<Asker>,
    /// What the guards say against it; nothing before they were asked.
    pub dangers: Vec<String>,
}

impl Wanted {
    /// What is to be set, by its name.
    #[must_use]
    pub fn subject(&self) -> String {
        subject_of(&self.target)
    }
}

/// A rule that asks for something.
#[derive(Debug, Clone)]
pub struct Asker {
    /// `profile/rule`.
    pub name: String,
    /// Why.
    pub why: Option<String>,
    /// What it asks for, in words.
    pub expected: String,
    /// Whether it speaks against a setting, so that a machine which nobody tuned passes it.
    pub guard: bool,
}

/// Which values would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// Numbers, one for each field: a floor and a ceiling.
    Bounds(Vec<(Option<Number>, Option<Number>)>),
    /// A range that holds the one that is asked for; whether its bounds must be of the same parity.
    Range(Option<bool>),
    /// One of these words.
    Among(Vec<String>),
    /// Any word but these.
    Without(Vec<String>),
}

impl Demand {
    /// Whether a value would do, given as the system writes it. What cannot be read would not.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        let fields = || text.split_ascii_whitespace().map(|field| Number::parse(field).ok());
        match self {
            Demand::Bounds(bounds) => {
                fields().count() == bounds.len()
                    && fields().zip(bounds).all(|(field, (floor, ceiling))| {
                        field.is_some_and(|field| {
                            floor.is_none_or(|floor| field >= floor) && ceiling.is_none_or(|ceiling| field <= ceiling)
                        })
                    })
            }
            // How wide it must be is in the range that is asked for, which is not known here.
            Demand::Range(_) => false,
            Demand::Among(allowed) => allowed.contains(&words(text)),
            Demand::Without(barred) => !barred.contains(&words(text)),
        }
    }
}

/// A rule that no file can speak for, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOver {
    /// `profile/rule`.
    pub rule: String,
    /// What it is about.
    pub subject: String,
    /// Why it is left over.
    pub reason: String,
}

/// Two rules that cannot both hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// What they are about.
    pub subject: String,
    /// Each: `profile/rule`, and what it asks for.
    pub sides: [(String, String); 2],
}

/// Rules about one concrete subject.
struct Group<'a> {
    kind: &'static str,
    observation: Observation,
    members: Vec<Member<'a>>,
    /// Notes that are left out: they ask for nothing here, and a file that contradicts one of them is a contradiction still.
    aside: Vec<Member<'a>>,
}

impl<'a> Group<'a> {
    fn new(kind: &'static str, observation: Observation) -> Self {
        Self {
            kind,
            observation,
            members: Vec::new(),
            aside: Vec::new(),
        }
    }
}

#[derive(Clone, Copy)]
struct Member<'a> {
    planned: &'a Planned<'a>,
    subject: &'a ResolvedSubject,
}

/// What all rules say of one metric, or of one field of it.
struct Slot<'a> {
    metric: &'static str,
    field: Option<usize>,
    comparisons: Vec<Comparison>,
    prefer: Option<&'a Value>,
    askers: Vec<&'a Member<'a>>,
    /// What is asked for, and that or better.
    value: Option<(Value, Value)>,
}

impl Check<'_> {
    /// Looks at the machine for what the rules ask of it, whether they pass or not.
    #[must_use]
    pub fn wishes(&self) -> Wishes {
        let mut wishes = Wishes::default();
        let mut groups: Vec<Group<'_>> = Vec::new();
        let cx = Context {
            system: self.host.system,
            host: self.host,
            samples: None,
            intent: Intent::Export,
        };
        let today = crate::date::date_of(self.host.system.now());
        for planned in &self.planned {
            let left = |subject: &str, reason: String| left_over(planned, subject, reason);
            let label = planned
                .rule
                .subject
                .as_ref()
                .map(|subject| subject.kind.label(&subject.selectors))
                .unwrap_or_default();
            if let Some((waiver, true)) = planned.waiver(today) {
                wishes.left.push(left(&label, format!("waived: {}", waiver.reason)));
                continue;
            }
            if let Some(advice) = planned.rule.advice.filter(|advice| advice.explains()) {
                wishes.left.push(left(&label, advice.words().to_owned()));
                continue;
            }
            let subject = match &planned.state {
                State::Decided(_, reason) => {
                    wishes.left.push(left(&label, reason.clone()));
                    continue;
                }
                State::Ready(subject) => subject,
            };
            if subject.kind.transient() {
                wishes.left.push(left(&label, no_setting(planned, None)));
                continue;
            }
            let metrics: Vec<&'static str> = subject
                .expectations
                .iter()
                .map(|expectation| expectation.metric.name)
                .collect();
            let observations = subject.kind.probe(&subject.selectors, &metrics, &cx);
            if observations.is_empty() {
                wishes.left.push(left(&label, "nothing here matches".to_owned()));
            }
            for observation in observations {
                if let Some(reason) = not_here(subject, &observation, &cx) {
                    wishes.left.push(left(&observation.subject, reason));
                    continue;
                }
                let member = Member { planned, subject };
                let is_made = planned.rule.severity.is_made(!self.options.leave_notes);
                if !is_made {
                    wishes.left.extend(left_note(member, &observation, &cx));
                }
                let same = groups.iter().position(|group| {
                    group.observation.subject == observation.subject && group.kind == subject.kind.name()
                });
                let at = same.unwrap_or(groups.len());
                match groups.get_mut(at) {
                    Some(group) => {
                        for (metric, reading) in observation.readings {
                            if group.observation.reading(metric).is_none() {
                                group.observation.readings.push((metric, reading));
                            }
                        }
                    }
                    None => groups.push(Group::new(subject.kind.name(), observation)),
                }
                let group = &mut groups[at];
                let members = if is_made { &mut group.members } else { &mut group.aside };
                members.push(member);
            }
        }
        for group in &groups {
            group.ask(&cx, &mut wishes);
        }
        wishes
    }
}

impl Group<'_> {
    fn ask(&self, cx: &Context<'_>, wishes: &mut Wishes) {
        let Some(first) = self.members.first() else { return };
        let slots = self.slots(wishes);
        let name = self.observation.subject.as_str();
        // The values of every metric, whole: fields are put into the row that there is.
        let mut targets: Vec<(&'static str, Value, Value)> = Vec::new();
        for slot in &slots {
            let Some((asked, kept)) = &slot.value else { continue };
            let Some(index) = slot.field else {
                targets.retain(|(metric, ..)| *metric != slot.metric);
                targets.push((slot.metric, asked.clone(), kept.clone()));
                continue;
            };
            let whole = self.observation.value(slot.metric);
            let known = targets.iter().position(|(metric, ..)| *metric == slot.metric);
            let (before_asked, before_kept) = match (known, whole) {
                (Some(at), _) => (Some(&targets[at].1), Some(&targets[at].2)),
                (None, whole) => (whole, whole),
            };
            let put = |row: Option<&Value>, field: &Value, which: fn(&(Value, Value)) -> &Value| {
                let (row, Value::Number(number)) = (row?, field) else {
                    return None;
                };
                let Some(order) = first.subject.kind.order(&self.observation) else {
                    return row.with_field(index, *number);
                };
                // Every field that is asked for, in the row as it is: what one of them moved, another may need.
                let Some(Value::Tuple(live)) = whole else { return None };
                let pins: Vec<(usize, Number)> = slots
                    .iter()
                    .filter(|other| other.metric == slot.metric)
                    .filter_map(|other| match (other.field, which(other.value.as_ref()?)) {
                        (Some(at), Value::Number(number)) => Some((at, *number)),
                        _ => None,
                    })
                    .collect();
                in_order(order, live, &pins).map(Value::Tuple)
            };
            let new = (
                put(before_asked, asked, |value| &value.0),
                put(before_kept, kept, |value| &value.1),
                known,
            );
            match new {
                (Some(asked), Some(kept), Some(at)) => targets[at] = (slot.metric, asked, kept),
                (Some(asked), Some(kept), None) => targets.push((slot.metric, asked, kept)),
                _ => {
                    for member in &slot.askers {
                        let reason = "it asks for one field of a row whose other fields could not be read, or are asked to be out of order";
                        wishes.left.push(left_over(member.planned, name, reason.to_owned()));
                    }
                }
            }
        }
        let propose = |metrics: &dyn Fn(&str) -> bool, intent: Intent| -> Proposal {
            let wanted: Vec<(&'static str, Option<Value>)> = targets
                .iter()
                .filter(|(metric, ..)| metrics(metric))
                .map(|(metric, asked, kept)| {
                    let value = if intent == Intent::Keep { kept } else { asked };
                    (*metric, Some(value.clone()))
                })
                .collect();
            let cx = Context { intent, ..*cx };
            first
                .subject
                .kind
                .propose(&first.subject.selectors, &self.observation, &wanted, &cx)
        };
        // Each rule alone: what it has a part in.
        let mut parts: Vec<(&Member<'_>, Vec<Target>)> = Vec::new();
        for member in &self.members {
            let asks = |metric: &str| {
                slots.iter().any(|slot| {
                    slot.metric == metric
                        && slot.value.is_some()
                        && slot.askers.iter().any(|asker| std::ptr::eq(*asker, member))
                }) && targets.iter().any(|(name, ..)| *name == metric)
            };
            if !targets.iter().any(|(metric, ..)| asks(metric)) {
                // Why was said where its value was looked for.
                continue;
            }
            let proposal = propose(&asks, Intent::Keep);
            match refusal(member.planned, &proposal) {
                Some(reason) => wishes.left.push(left_over(member.planned, name, reason)),
                None => parts.push((
                    member,
                    proposal.changes.into_iter().map(|change| change.target).collect(),
                )),
            }
        }
        if parts.is_empty() {
            return;
        }
        let (asked, kept) = (propose(&|_| true, Intent::Export), propose(&|_| true, Intent::Keep));
        for change in kept.changes {
            let mut rules: Vec<Asker> = Vec::new();
            for (member, own) in &parts {
                if own.contains(&change.target) {
                    rules.push(asker(member, cx));
                }
            }
            let asked = asked.changes.iter().find(|asked| asked.target == change.target);
            let holds = slots.iter().filter(|slot| slot.value.is_some()).all(|slot| {
                self.compared(slot)
                    .is_some_and(|value| slot.comparisons.iter().all(|comparison| comparison.holds(&value)))
            });
            let wanted = Wanted {
                demand: self.demand(&slots, &change),
                holds,
                better: holds && asked.is_none_or(|asked| asked.to != change.to),
                asked: asked.map(|asked| asked.to.clone()),
                target: change.target,
                scope: change.scope,
                live: change.from,
                kept: change.to,
                rules,
                dangers: Vec::new(),
            };
            match never(&wanted, cx) {
                Some(reason) => {
                    for rule in &wanted.rules {
                        wishes.left.push(LeftOver {
                            rule: rule.name.clone(),
                            subject: name.to_owned(),
                            reason: reason.clone(),
                        });
                    }
                }
                None => add(wanted, wishes),
            }
        }
    }

    /// What all members say, metric by metric and field by field.
    fn slots<'b>(&'b self, wishes: &mut Wishes) -> Vec<Slot<'b>> {
        let mut slots: Vec<Slot<'b>> = Vec::new();
        for (member, expectation) in expectations(&self.members) {
            let at = slots
                .iter()
                .position(|slot| slot.metric == expectation.metric.name && slot.field == expectation.field);
            let at = at.unwrap_or_else(|| {
                slots.push(Slot {
                    metric: expectation.metric.name,
                    field: expectation.field,
                    comparisons: Vec::new(),
                    prefer: None,
                    askers: Vec::new(),
                    value: None,
                });
                slots.len() - 1
            });
            let slot = &mut slots[at];
            if contradict(&slot.comparisons, &expectation.comparisons) {
                if let Some(other) = slot.askers.first() {
                    wishes.contradictions.push(Contradiction {
                        subject: self.observation.subject.clone(),
                        sides: [other, &member].map(|side| (side.planned.name(), side.expected(expectation))),
                    });
                }
                continue;
            }
            slot.comparisons.extend(expectation.comparisons.iter().cloned());
            slot.prefer = slot.prefer.or(expectation.prefer.as_ref());
            slot.askers.push(member);
        }
        self.broken_notes(&slots, wishes);
        for slot in &mut slots {
            let live = self.compared(slot);
            slot.value = choose(&slot.comparisons, live.as_ref(), slot.prefer);
            if slot.value.is_some() {
                continue;
            }
            // Not all of them together: as many as go, in order.
            let mut taken: Vec<Comparison> = Vec::new();
            let (mut with, mut without) = (Vec::new(), Vec::new());
            for member in std::mem::take(&mut slot.askers) {
                let own = member
                    .subject
                    .expectations
                    .iter()
                    .filter(|own| own.metric.name == slot.metric && own.field == slot.field)
                    .flat_map(|own| own.comparisons.iter().cloned());
                let mut trial = taken.clone();
                trial.extend(own);
                match choose(&trial, live.as_ref(), slot.prefer) {
                    Some(value) => {
                        (taken, slot.value) = (trial, Some(value));
                        with.push(member);
                    }
                    None => without.push(member),
                }
            }
            let holds = live.is_some_and(|live| slot.comparisons.iter().all(|comparison| comparison.holds(&live)));
            for member in without {
                let asked = member.subject.expectations.iter();
                let never = asked
                    .filter(|own| own.metric.name == slot.metric && own.field == slot.field)
                    .find_map(|own| impossible(&own.comparisons));
                let reason = if let Some(why) = never {
                    match &member.planned.rule.remedy {
                        Some(text) => format!("{why}. {text}"),
                        None => why,
                    }
                } else if let Some(other) = with.first() {
                    format!(
                        "no value was found that satisfies it together with {}",
                        other.planned.name()
                    )
                } else if holds {
                    "it holds here, and does not say which value is wanted".to_owned()
                } else {
                    no_setting(member.planned, None)
                };
                wishes
                    .left
                    .push(left_over(member.planned, &self.observation.subject, reason));
            }
            (slot.comparisons, slot.askers) = (taken, with);
        }
        slots
    }

    /// Notes are left out, and not broken without a word.
    fn broken_notes(&self, slots: &[Slot<'_>], wishes: &mut Wishes) {
        for (note, expectation) in expectations(&self.aside) {
            let about = |slot: &&Slot<'_>| slot.metric == expectation.metric.name && slot.field == expectation.field;
            let slot = slots.iter().find(about);
            let contradicted = slot.filter(|slot| contradict(&slot.comparisons, &expectation.comparisons));
            if let Some(other) = contradicted.and_then(|slot| slot.askers.first()) {
                wishes.contradictions.push(Contradiction {
                    subject: self.observation.subject.clone(),
                    sides: [*other, note].map(|side| (side.planned.name(), side.expected(expectation))),
                });
            }
        }
    }

    /// The value that a slot is about, as it is here.
    fn compared(&self, slot: &Slot<'_>) -> Option<Value> {
        let whole = self.observation.value(slot.metric)?;
        match slot.field {
            Some(index) => whole.field(index).map(Value::Number),
            None => Some(whole.clone()),
        }
    }

    /// Which values a change leaves open.
    fn demand(&self, slots: &[Slot<'_>], change: &Change) -> Demand {
        let exact = || Demand::Among(vec![words(&change.to)]);
        // A limit that needs room: any more will do.
        // A key that gives way to the one that the rules are about: on that side of it all is well.
        if let (Target::Sysctl(key), Ok(number)) = (&change.target, Number::parse(&change.to))
            && slots.iter().all(|slot| slot.metric.is_empty())
            && *key != self.observation.subject
        {
            let from = change.from.as_deref().and_then(|from| Number::parse(from).ok());
            let is_lowered = from.is_some_and(|from| number < from);
            let bounds = if is_lowered {
                (None, Some(number))
            } else {
                (Some(number), None)
            };
            return Demand::Bounds(vec![bounds]);
        }
        let single = slots.iter().all(|slot| slot.metric.is_empty());
        if !single {
            return match (&change.target, Number::parse(&change.to)) {
                (Target::Sysctl(_), Ok(number)) => Demand::Bounds(vec![(Some(number), None)]),
                _ => exact(),
            };
        }
        let slots: Vec<&Slot<'_>> = slots.iter().filter(|slot| slot.value.is_some()).collect();
        let fields = change.to.split_ascii_whitespace().count();
        let mut bounds = vec![(None, None); fields];
        for slot in &slots {
            for comparison in &slot.comparisons {
                let place = bounds.get_mut(slot.field.unwrap_or(0));
                match (comparison.comparator, &comparison.operand, place) {
                    (Comparator::Min, Operand::Value(Value::Number(number)), Some(place)) => {
                        place.0 = place.0.max(Some(*number));
                    }
                    (Comparator::Max, Operand::Value(Value::Number(number)), Some(place)) => {
                        place.1 = Some(place.1.map_or(*number, |other: Number| other.min(*number)));
                    }
                    (Comparator::Covers | Comparator::Width | Comparator::Parity, ..) if slots.len() == 1 => {
                        let simple = slot.comparisons.iter().all(|comparison| {
                            matches!(
                                comparison.comparator,
                                Comparator::Covers | Comparator::Width | Comparator::Parity
                            )
                        });
                        let parity = slot.comparisons.iter().find_map(|comparison| match comparison.operand {
                            Operand::SameParity(same) => Some(same),
                            _ => None,
                        });
                        return if simple { Demand::Range(parity) } else { exact() };
                    }
                    (Comparator::OneOf, Operand::Many(values), _) if slot.comparisons.len() == 1 => {
                        return Demand::Among(values.iter().map(|value| words(&value.kernel_form())).collect());
                    }
                    (Comparator::Not, Operand::Value(value), _) if slot.comparisons.len() == 1 => {
                        return Demand::Without(vec![words(&value.kernel_form())]);
                    }
                    _ => return exact(),
                }
            }
        }
        Demand::Bounds(bounds)
    }
}

/// Why a note asks for nothing, which is its being one only where it could ask.
fn left_note<'a>(note: Member<'a>, observation: &Observation, cx: &Context<'_>) -> Vec<LeftOver> {
    let (planned, subject) = (note.planned, observation.subject.clone());
    let mut alone = Group::new(note.subject.kind.name(), observation.clone());
    alone.members.push(note);
    let mut wishes = Wishes::default();
    alone.ask(cx, &mut wishes);
    if wishes.wanted.is_empty() {
        return wishes.left;
    }
    vec![left_over(
        planned,
        &subject,
        "it is a note, and without --notes those are left out".to_owned(),
    )]
}

/// What each of some rules expects, one by one.
fn expectations<'m, 'a>(members: &'m [Member<'a>]) -> impl Iterator<Item = (&'m Member<'a>, &'m ResolvedExpectation)> {
    members.iter().flat_map(|member| {
        member
            .subject
            .expectations
            .iter()
            .map(move |expectation| (member, expectation))
    })
}

impl Planned<'_> {
    fn name(&self) -> String {
        format!("{}/{}", self.profile.name, self.rule.id)
    }
}

impl Member<'_> {
    /// What the rule asks of the thing that another expectation is about.
    fn expected(&self, about: &ResolvedExpectation) -> String {
        let own = self
            .subject
            .expectations
            .iter()
            .filter(|own| own.metric.name == about.metric.name && own.field == about.field);
        describe(own, Some(4096))
    }
}

fn asker(member: &Member<'_>, cx: &Context<'_>) -> Asker {
    let rule = member.planned.rule;
    Asker {
        name: member.planned.name(),
        why: rule.why.clone(),
        expected: describe(member.subject.expectations.iter(), cx.system.platform().page_size),
        guard: rule.advice.is_some(),
    }
}

fn describe<'a>(expectations: impl Iterator<Item = &'a ResolvedExpectation>, page_size: Option<u32>) -> String {
    let all: Vec<String> = expectations
        .map(|expectation| {
            let unit = unit_of(expectation.value);
            let asked: Vec<String> = expectation
                .comparisons
                .iter()
                .map(|comparison| comparison.describe(unit, page_size))
                .collect();
            match expectation.metric.name {
                "" => asked.join(", "),
                name => format!("{name} {}", asked.join(", ")),
            }
        })
        .collect();
    all.join(", ")
}

fn left_over(planned: &Planned<'_>, subject: &str, reason: String) -> LeftOver {
    LeftOver {
        rule: planned.name(),
        subject: subject.to_owned(),
        reason,
    }
}

/// Why a subject that was looked at cannot be set on a machine like this one.
fn not_here(subject: &ResolvedSubject, observation: &Observation, cx: &Context<'_>) -> Option<String> {
    let mut reasons = subject.expectations.iter().map(|expectation| {
        match observation.reading(expectation.metric.name) {
            Some(Reading::Value(_)) => None,
            Some(Reading::Absent(why) | Reading::NoSuch(why)) => Some(why.clone()),
            // A key that is known can be asked for where it is hidden from here.
            Some(Reading::Unreadable(_))
                if subject.kind.name() == "sysctl"
                    && catalogue::lookup(cx.system.platform().os, &observation.subject).is_some() =>
            {
                None
            }
            Some(Reading::Unreadable(why)) => Some(why.clone()),
            None => Some("it was not looked at".to_owned()),
        }
    });
    reasons
        .next()
        .flatten()
        .filter(|_| reasons.all(|reason| reason.is_some()))
}

/// The value that is asked for, and that or what is better here; `None` where the comparisons do not say which.
fn choose(comparisons: &[Comparison], live: Option<&Value>, prefer: Option<&Value>) -> Option<(Value, Value)> {
    let holds = live.is_some_and(|live| comparisons.iter().all(|comparison| comparison.holds(live)));
    if let Some(free) = correct(comparisons, None, prefer) {
        let kept = live.and_then(|live| correct(comparisons, Some(live), prefer));
        return Some((free.clone(), kept.unwrap_or(free)));
    }
    let says_which = |comparison: &Comparison| {
        matches!(
            comparison.comparator,
            Comparator::Covers | Comparator::Width | Comparator::Contains
        )
    };
    if holds && !comparisons.iter().any(says_which) {
        return None;
    }
    let covered = comparisons
        .iter()
        .find_map(|comparison| match (comparison.comparator, &comparison.operand) {
            (Comparator::Covers, Operand::Value(range @ Value::Range(_))) => Some(range),
            _ => None,
        });
    let value = correct(comparisons, live.or(covered), prefer)?;
    Some((value.clone(), value))
}

/// Why a proposal cannot be exported.
fn refusal(planned: &Planned<'_>, proposal: &Proposal) -> Option<String> {
    if proposal.changes.is_empty() {
        return Some(no_setting(planned, Some(proposal)));
    }
    matches!(proposal.reach, Reach::Manual | Reach::Boot).then(|| proposal.because.clone())
}

/// That no setting does it, and what does.
fn no_setting(planned: &Planned<'_>, proposal: Option<&Proposal>) -> String {
    if let Some(text) = &planned.rule.remedy {
        return format!("no single setting does it: {text}");
    }
    let said = |wanted: Dialect| {
        let remedies = proposal.into_iter().flat_map(|proposal| &proposal.remedies);
        let mut found = remedies.filter(|(dialect, _)| *dialect == wanted);
        found.next().map(|(_, text)| text.clone())
    };
    match (said(Dialect::Boot), said(Dialect::Persist), proposal) {
        (Some(text), ..) => text,
        (None, Some(text), _) => format!("by itself: {text}"),
        (None, None, Some(proposal)) if !proposal.because.is_empty() && said(Dialect::Manual).is_none() => {
            proposal.because.clone()
        }
        _ => "it is about the state of the machine, and no setting does it".to_owned(),
    }
}

/// Why a thing is written to no file, whatever its form.
fn never(wanted: &Wanted, cx: &Context<'_>) -> Option<String> {
    let values = || wanted.asked.iter().chain([&wanted.kept]);
    if values().any(|value| value.chars().any(|c| c.is_control() && !c.is_ascii_whitespace())) {
        return Some("its value has control characters".to_owned());
    }
    let Target::Sysctl(key) = &wanted.target else {
        return None;
    };
    let known = catalogue::lookup(cx.system.platform().os, key);
    if known.is_some_and(|known| known.secret) || is_secret(key) {
        return Some("its value is a secret".to_owned());
    }
    if values().any(|value| value == "unlimited") {
        return Some("a sysctl cannot be without bound".to_owned());
    }
    match known.map(|known| known.write) {
        Some(Write::Never) => Some("runup never writes this key: it names a program or does damage".to_owned()),
        Some(Write::ReadOnly) => Some("the kernel only reports it".to_owned()),
        _ => None,
    }
}

/// Adds an entry. One that other rules came to by another way (a limit that needs room in `fs.nr_open`) is joined with it.
fn add(new: Wanted, wishes: &mut Wishes) {
    let Some(old) = wishes.wanted.iter_mut().find(|old| old.target == new.target) else {
        wishes.wanted.push(new);
        return;
    };
    if !join(old, &new) {
        let side = |wanted: &Wanted| {
            let first = wanted.rules.first();
            (
                first.map(|rule| rule.name.clone()).unwrap_or_default(),
                first.map(|rule| rule.expected.clone()).unwrap_or_default(),
            )
        };
        wishes.contradictions.push(Contradiction {
            subject: subject_of(&new.target),
            sides: [side(old), side(&new)],
        });
    }
}

fn join(old: &mut Wanted, new: &Wanted) -> bool {
    if let (Demand::Bounds(ours), Demand::Bounds(theirs)) = (&mut old.demand, &new.demand)
        && let ([ours], [theirs]) = (ours.as_mut_slice(), theirs.as_slice())
    {
        let ceiling = match (ours.1, theirs.1) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (left, right) => left.or(right),
        };
        let floor = ours.0.max(theirs.0);
        if let (Some(floor), Some(ceiling)) = (floor, ceiling)
            && floor > ceiling
        {
            return false;
        }
        *ours = (floor, ceiling);
        let within = |text: &str| {
            let number = Number::parse(text).ok()?;
            let number = ceiling.map_or(number, |ceiling| number.min(ceiling));
            Some(floor.map_or(number, |floor| number.max(floor)).to_string())
        };
        old.asked = old.asked.as_deref().or(new.asked.as_deref()).and_then(within);
        old.kept = within(&old.kept).unwrap_or_else(|| old.kept.clone());
        old.better = old.live.as_deref() == Some(old.kept.as_str()) && old.asked.as_deref() != Some(old.kept.as_str());
    } else if words(&old.kept) != words(&new.kept) || old.asked != new.asked {
        return false;
    }
    old.holds &= new.holds;
    old.rules.extend(new.rules.iter().cloned());
    true
}

/// What a change is made to, by name.
fn subject_of(target: &Target) -> String {
    match target {
        Target::Sysctl(name) | Target::Sysfs(name) | Target::Cgroup(name) => name.clone(),
        Target::Limit(resource, _) => resource.name().to_owned(),
        Target::Swap => "swap".to_owned(),
    }
}

/// Fields separated by single spaces.
fn words(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}
