//! From what was read to a finding.

use super::later::{after_boot, with_programs};
use super::resolve::{ResolvedExpectation, ResolvedSubject};
use super::{Depth, Planned};
use crate::finding::{Finding, Fix, Outcome, Part};
use crate::host::Host;
use crate::remedy;
use crate::rule::{Advice, Context, Dialect, Metric, Observation, Proposal, Reading, Subject, Waiver, speech, unit_of};
use crate::value::{Comparator, Comparison, Number, Operand, Order, PortSet, Value, correct, impossible, in_order};

/// So many words are few enough to be repeated.
const FEW: usize = 3;

/// A finding with nothing read.
pub(super) fn finding(
    planned: &Planned<'_>,
    kind: &'static str,
    subject: String,
    outcome: Outcome,
    reason: String,
) -> Finding {
    let rule = planned.rule;
    Finding {
        profile: planned.profile.name.clone(),
        rule: rule.id.clone(),
        kind,
        subject,
        outcome,
        severity: rule.severity,
        vendor: rule.vendor,
        advice: rule.advice,
        expected: String::new(),
        actual: String::new(),
        reason,
        trace: Vec::new(),
        evidence: Vec::new(),
        why: rule.why.clone(),
        source: rule.source.clone(),
        origin: rule.place,
        fix: None,
        waiver: None,
        next_boot: None,
        transient: rule.subject.as_ref().is_some_and(settles),
    }
}

/// Whether what fails may pass by itself: everything that is asked must.
fn settles(subject: &Subject) -> bool {
    subject
        .expectations
        .iter()
        .all(|expectation| expectation.metric.settles)
}

/// Applies a waiver: one that holds turns fail and unknown into waived; one that ran out is mentioned.
pub(super) fn with_waiver(mut finding: Finding, waiver: Option<(&Waiver, bool)>) -> Finding {
    if let Some((waiver, holds)) = waiver {
        let matters = matches!(finding.outcome, Outcome::Fail | Outcome::Unknown);
        let later = finding.not_kept_by_boot().is_some();
        let until = waiver
            .until
            .map(|date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day));
        if (matters || later) && holds {
            // What passes is no less right for being waived; the waiver is about what the next boot makes of it.
            if matters {
                finding.outcome = Outcome::Waived;
                finding.fix = None;
            }
            finding.waiver = Some(match until {
                Some(until) => format!("{} (until {until})", waiver.reason),
                None => waiver.reason.clone(),
            });
        } else if matters {
            finding.waiver = Some(format!(
                "{} (the waiver ran out on {})",
                waiver.reason,
                until.unwrap_or_default()
            ));
        }
    }
    finding
}

/// What an observation is held against.
pub(super) struct Judged<'a> {
    pub(super) planned: &'a Planned<'a>,
    pub(super) subject: &'a ResolvedSubject,
    /// What was seen at earlier samples of what goes up and down by itself.
    pub(super) earlier: &'a [Observation],
    pub(super) waiver: Option<(&'a Waiver, bool)>,
    pub(super) depth: Depth,
}

/// Compares one observation with what is expected.
pub(super) fn judge(judged: &Judged<'_>, observation: Observation, cx: &Context<'_>) -> Finding {
    let (planned, subject, depth) = (judged.planned, judged.subject, judged.depth);
    let observation = at_its_worst(observation, judged);
    let page_size = cx.system.platform().page_size;
    let os = cx.system.platform().os;
    let named = subject.kind.has_several();
    let (mut expected, mut actual, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    let (mut failed, mut unknown, mut passed) = (false, false, false);
    for expectation in &subject.expectations {
        let unit = unit_of(expectation.value);
        expected.push(subject.words(expectation, page_size));
        match read(&observation, expectation) {
            Reading::Absent(why) => reasons.push((Outcome::NotApplicable, why)),
            Reading::Unreadable(why) => {
                unknown = true;
                reasons.push((Outcome::Unknown, why));
            }
            Reading::NoSuch(why) => {
                failed = true;
                actual.push("not there".to_owned());
                reasons.push((Outcome::Fail, why));
            }
            Reading::Value(value) => {
                let metric = expectation.metric;
                let is = speech::is(metric, &metric.shown(&value), unit, page_size);
                let ranked = subject.ranked(&observation.subject, expectation, value.clone(), os);
                let idle = |asked: &Comparison| subject.kind.idle(&observation.subject, asked.comparator, cx);
                match against(expectation, &ranked, &idle) {
                    Against::Holds => passed = true,
                    Against::Idle(why) => reasons.push((Outcome::NotApplicable, why)),
                    Against::Undecided(why) => {
                        unknown = true;
                        reasons.push((Outcome::Unknown, why));
                    }
                    Against::Fails(comparison) => {
                        failed = true;
                        let mut why = match ranked == value {
                            true => explain(comparison, &value, metric),
                            false => ": that is no limit".to_owned(),
                        };
                        if let Some(never) = impossible(&expectation.comparisons) {
                            why = format!("{why}, and {never}");
                        }
                        // Many words are named once: what there is stands beside it.
                        let what = match &value {
                            Value::Words(words) if words.len() > FEW => "it".to_owned(),
                            _ => is.clone(),
                        };
                        reasons.push((Outcome::Fail, format!("{what}{why}")));
                    }
                }
                actual.push(is);
            }
        }
    }
    let outcome = match (failed, unknown, passed) {
        (true, ..) => Outcome::Fail,
        (false, true, _) => Outcome::Unknown,
        (false, false, true) => Outcome::Pass,
        _ => Outcome::NotApplicable,
    };
    // A rule about one of several numbers says nothing about them while the kernel makes nothing of the number.
    let disorder = subject.kind.disorder(&observation, cx);
    let outcome = match &disorder {
        Some(why) if outcome == Outcome::Pass => {
            reasons.push((Outcome::Fail, why.clone()));
            Outcome::Fail
        }
        _ => outcome,
    };
    let mut observation = observation;
    if outcome != Outcome::NotApplicable && named {
        let silent = reasons.iter().filter(|(kind, _)| *kind == Outcome::NotApplicable);
        observation
            .evidence
            .extend(silent.map(|(_, why)| format!("does not count here: {why}")));
    }
    let reason = reasons
        .into_iter()
        .find(|(kind, _)| *kind == outcome)
        .map(|(_, why)| why)
        .unwrap_or_default();
    // Folklore is explained. Undoing it helps nobody, and breaks whoever needs what the setting really does.
    let explained = planned.rule.advice.is_some_and(Advice::explains);
    let fix = (!explained && (outcome == Outcome::Fail || depth == Depth::Everything)).then(|| {
        fix(
            planned,
            subject,
            &observation,
            cx,
            outcome == Outcome::Fail,
            disorder.is_some(),
        )
    });
    let next_boot = (depth != Depth::Now && matches!(outcome, Outcome::Pass | Outcome::Fail))
        .then(|| {
            let passes = outcome == Outcome::Pass;
            let next = subject.kind.next_boot(&observation, cx);
            let next = next.and_then(|mut next| {
                observation.evidence.extend(next.aside.take());
                after_boot(subject, &observation, passes, next, cx)
            });
            with_programs(subject, &mut observation, passes, next, cx)
        })
        .flatten();
    let mut finding = finding(planned, subject.kind.name(), observation.subject, outcome, reason);
    finding.next_boot = next_boot;
    finding.expected = expected.join(", ");
    finding.actual = actual.join(", ");
    finding.trace.clone_from(&subject.trace);
    finding.evidence = observation.evidence;
    finding.fix = fix.filter(|_| outcome == Outcome::Fail);
    with_waiver(finding, judged.waiver)
}

/// Of what was looked at more than once the worst: the first reading that is not as expected, or else the last.
fn at_its_worst(mut observation: Observation, judged: &Judged<'_>) -> Observation {
    let own = |seen: &&Observation| seen.subject == observation.subject;
    let earlier: Vec<&Observation> = judged.earlier.iter().filter(own).collect();
    for expectation in judged.subject.expectations.iter().filter(|_| !earlier.is_empty()) {
        let name = expectation.metric.name;
        let fails = |seen: &&&Observation| match read(seen, expectation) {
            Reading::Value(value) => !expectation.comparisons.iter().all(|asked| asked.holds(&value)),
            Reading::Absent(_) | Reading::Unreadable(_) | Reading::NoSuch(_) => false,
        };
        let worst = earlier.iter().find(fails).and_then(|seen| seen.reading(name));
        let known = observation.readings.iter_mut().find(|(known, _)| *known == name);
        if let (Some(worst), Some((_, reading))) = (worst, known) {
            *reading = worst.clone();
        }
    }
    observation
}

/// The value that an expectation is about: the metric's, or one field of it.
fn read(observation: &Observation, expectation: &ResolvedExpectation) -> Reading {
    let reading = observation
        .reading(expectation.metric.name)
        .cloned()
        .unwrap_or_else(|| Reading::Unreadable("it was not looked at".to_owned()));
    match (reading, expectation.field) {
        (Reading::Value(value), Some(index)) => match value.field(index) {
            Some(number) => Reading::Value(Value::Number(number)),
            None => Reading::Unreadable(format!("`{value}` has no field {}", index + 1)),
        },
        (reading, _) => reading,
    }
}

/// What came of holding a value against what is expected of it.
enum Against<'a> {
    Holds,
    Fails(&'a Comparison),
    Undecided(String),
    /// Nothing that is asked means anything here.
    Idle(String),
}

fn against<'a>(
    expectation: &'a ResolvedExpectation,
    value: &Value,
    idle: &dyn Fn(&Comparison) -> Option<String>,
) -> Against<'a> {
    let undecided = |asked: &Comparison| expectation.metric.veil.and_then(|veil| (veil.undecided)(asked, value));
    let asked = || expectation.comparisons.iter();
    let mut counts = asked().filter(|one| idle(one).is_none()).peekable();
    if counts.peek().is_none()
        && let Some(why) = asked().find_map(idle)
    {
        return Against::Idle(why);
    }
    match counts.find(|one| undecided(one).is_none() && !one.holds(value)) {
        Some(fails) => Against::Fails(fails),
        None => asked().find_map(undecided).map_or(Against::Holds, Against::Undecided),
    }
}

/// What is wrong with a value, after the value itself.
fn explain(comparison: &Comparison, value: &Value, metric: &Metric) -> String {
    match (comparison.comparator, &comparison.operand) {
        (Comparator::Min, _) => " is too low".to_owned(),
        (Comparator::Max, _) => " is too high".to_owned(),
        (Comparator::Parity, Operand::SameParity(false)) => {
            let even = matches!(value, Value::Range(range) if range.lo % 2 == 0);
            format!(": both ends are {}", if even { "even" } else { "odd" })
        }
        (Comparator::Parity, _) => ": one end is even and one odd".to_owned(),
        (Comparator::Covers, _) => " does not cover it".to_owned(),
        (Comparator::Width, _) => match value {
            Value::Range(range) => format!(" has room for {} only", range.width()),
            _ => " is too narrow".to_owned(),
        },
        (Comparator::Disjoint | Comparator::Excludes, Operand::Value(Value::Ports(others))) => {
            let own = match value {
                Value::Range(range) => range.ports(),
                Value::Ports(ports) => ports.clone(),
                _ => PortSet::default(),
            };
            format!(" holds {}", own.intersect(others))
        }
        (Comparator::Excludes, Operand::Many(words)) => {
            let found: Vec<String> = words
                .iter()
                .filter(|word| holds(value, word))
                .map(|word| metric.shown(word).to_string())
                .collect();
            format!(" has {}", found.join(" and "))
        }
        (Comparator::Contains, Operand::Many(words)) => {
            let missing: Vec<String> = words
                .iter()
                .filter(|word| !holds(value, word))
                .map(|word| metric.shown(word).to_string())
                .collect();
            format!(" lacks {}", missing.join(" and "))
        }
        _ => " is not what it should be".to_owned(),
    }
}

/// A row with one field set: the others give way where the kernel needs them in order, since it would not check.
fn with_field(order: Option<Order>, whole: &Value, index: usize, number: Number) -> Option<Value> {
    match (order, whole) {
        (Some(order), Value::Tuple(row)) => in_order(order, row, &[(index, number)]).map(Value::Tuple),
        _ => whole.with_field(index, number),
    }
}

fn holds(value: &Value, word: &Value) -> bool {
    let one = Comparison {
        comparator: Comparator::Contains,
        operand: Operand::Many(vec![word.clone()]),
    };
    one.holds(value)
}

fn fix(
    planned: &Planned<'_>,
    subject: &ResolvedSubject,
    observation: &Observation,
    cx: &Context<'_>,
    failed: bool,
    disordered: bool,
) -> Fix {
    let order = subject.kind.order(observation);
    let mut targets: Vec<(&'static str, Option<Value>)> = Vec::new();
    let mut never = None;
    for expectation in &subject.expectations {
        let whole = observation.value(expectation.metric.name);
        let compared = match (whole, expectation.field) {
            (Some(value), Some(index)) => value.field(index).map(Value::Number),
            (value, _) => value.cloned(),
        };
        let os = cx.system.platform().os;
        let compared = compared.map(|value| subject.ranked(&observation.subject, expectation, value, os));
        // What is not there, or could not be read, is not what failed; a name that nobody has is.
        let is_no_name = matches!(observation.reading(expectation.metric.name), Some(Reading::NoSuch(_)));
        if compared.is_none() && failed && !is_no_name {
            continue;
        }
        let holds = compared
            .as_ref()
            .is_some_and(|value| expectation.comparisons.iter().all(|asked| asked.holds(value)));
        // What holds is where it should be, and what is around it is out of order.
        if holds && !disordered {
            continue;
        }
        if let Some(why) = impossible(&expectation.comparisons) {
            never = Some(why);
            continue;
        }
        let target = correct(&expectation.comparisons, compared.as_ref(), expectation.prefer.as_ref());
        let target = match (target, expectation.field, whole) {
            (Some(Value::Number(number)), Some(index), Some(whole)) => with_field(order, whole, index, number),
            (target, None, _) => target,
            _ => None,
        };
        targets.push((expectation.metric.name, target));
    }
    let mut proposals = join(subject.kind.fixes(&subject.selectors, observation, &targets, cx));
    let less = "Ask for less: nothing that can be set here is enough.";
    proposals.extend(never.map(|why| Proposal::manual(why, less)));
    if let Some(text) = &planned.rule.remedy {
        say(&mut proposals, text);
    }
    let parts = proposals.into_iter().map(|proposal| part(proposal, cx.host));
    Fix {
        parts: parts.collect(),
        dangers: Vec::new(),
    }
}

/// Changes that can be made in the same place for the same reason, and have no words of their own, are one thing to do: one command has
/// them all.
fn join(proposals: Vec<Proposal>) -> Vec<Proposal> {
    let mut joined: Vec<Proposal> = Vec::new();
    for proposal in proposals {
        let is_plain = |proposal: &Proposal| !proposal.changes.is_empty() && proposal.remedies.is_empty();
        let is_like = |known: &&mut Proposal| {
            is_plain(known) && known.reach == proposal.reach && known.because == proposal.because
        };
        match joined.iter_mut().find(is_like).filter(|_| is_plain(&proposal)) {
            Some(known) => known.changes.extend(proposal.changes),
            None => joined.push(proposal),
        }
    }
    joined
}

/// Puts the author's words in the place of what the kind would say to people, whatever it is: once, beside what a program can change.
fn say(proposals: &mut Vec<Proposal>, text: &str) {
    let mut is_first = true;
    proposals.retain(|proposal| !proposal.changes.is_empty() || std::mem::take(&mut is_first));
    for proposal in &mut *proposals {
        proposal.remedies.retain(|(dialect, _)| *dialect != Dialect::Manual);
    }
    let said = (Dialect::Manual, text.to_owned());
    let for_people = proposals.iter_mut().find(|proposal| proposal.changes.is_empty());
    match for_people {
        Some(proposal) => proposal.remedies.push(said),
        None => match proposals.first_mut() {
            Some(proposal) => proposal.remedies.push(said),
            None => proposals.push(Proposal::manual("", text)),
        },
    }
}

/// A proposal with what is to be done in every dialect.
pub(super) fn part(proposal: Proposal, host: &Host<'_>) -> Part {
    let remedies = remedy::render(&proposal, host);
    let here = remedy::dialect_here(&proposal, &remedies, host);
    Part {
        proposal,
        remedies,
        here,
    }
}
