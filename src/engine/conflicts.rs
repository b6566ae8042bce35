//! Rules of profiles given together that no value can satisfy. They are reported, never resolved silently.

use std::collections::HashMap;

use super::{Planned, ResolvedExpectation, State};
use crate::date::Date;
use crate::finding::{Conflict, ConflictSide, Finding, Outcome};
use crate::rule::unit_of;
use crate::value::contradict;

/// Every pair of contradicting rules of different profiles.
pub(super) fn find(planned: &[Planned<'_>], findings: &[Finding], today: Date) -> Vec<Conflict> {
    type Entry<'a> = (&'a Planned<'a>, &'a ResolvedExpectation);
    // Rules meet where they are about the same metric of the same concrete subject.
    let subjects: HashMap<(&str, &str), Vec<&str>> = {
        let mut map: HashMap<(&str, &str), Vec<&str>> = HashMap::new();
        // Nothing is asked of what is not there.
        for finding in findings
            .iter()
            .filter(|finding| finding.outcome != Outcome::NotApplicable)
        {
            map.entry((&finding.profile, &finding.rule))
                .or_default()
                .push(&finding.subject);
        }
        map
    };
    let mut groups: HashMap<(&str, &str, &str, Option<usize>), Vec<Entry<'_>>> = HashMap::new();
    let mut order = Vec::new();
    for planned in planned {
        let State::Ready(subject) = &planned.state else {
            continue;
        };
        let names = subjects.get(&(planned.profile.name.as_str(), planned.rule.id.as_str()));
        for name in names.into_iter().flatten() {
            for expectation in &subject.expectations {
                let key = (subject.kind.name(), *name, expectation.metric.name, expectation.field);
                let group = groups.entry(key).or_default();
                if group.is_empty() {
                    order.push(key);
                }
                group.push((planned, expectation));
            }
        }
    }
    let mut conflicts = Vec::new();
    for key in order {
        let group = &groups[&key];
        for (at, left) in group.iter().enumerate() {
            for right in &group[at + 1..] {
                let apart = left.0.profile.name != right.0.profile.name;
                if apart && contradict(&left.1.comparisons, &right.1.comparisons) {
                    conflicts.push(Conflict {
                        subject: key.1.to_owned(),
                        sides: [side(left, today), side(right, today)],
                    });
                }
            }
        }
    }
    conflicts
}

fn side((planned, expectation): &(&Planned<'_>, &ResolvedExpectation), today: Date) -> ConflictSide {
    let unit = unit_of(expectation.value);
    let asked: Vec<String> = expectation
        .comparisons
        .iter()
        .map(|comparison| comparison.describe(unit, 4096))
        .collect();
    // As in a finding: what of the subject, where a kind has several things to compare.
    let named = match &planned.state {
        State::Ready(subject) if subject.kind.metrics().len() > 1 => expectation.metric.name,
        _ => "",
    };
    let expected = format!("{named} {}", asked.join(", ")).trim_start().to_owned();
    ConflictSide {
        name: format!("{}/{}", planned.profile.name, planned.rule.id),
        expected,
        source: planned.rule.source.clone(),
        origin: planned.rule.place,
        severity: planned.rule.severity,
        waived: planned.waiver(today).is_some_and(|(_, holds)| holds),
    }
}
