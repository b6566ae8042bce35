//! Rules that no value can satisfy. They are reported, never resolved silently.

use std::collections::HashMap;

use super::super::{Planned, State};
use super::claim::{Claim, tighten};
use super::groups::Groups;
use super::thing::Thing;
use crate::date::Date;
use crate::finding::{Conflict, ConflictSide, Finding, Outcome};
use crate::value::{Comparison, contradict};

/// A claim, and the subject by the name that its rule has for it.
type Named<'a> = (Claim<'a>, &'a str);

/// Every pair of contradicting rules of different profiles.
pub(in super::super) fn conflicts(
    planned: &[Planned<'_>],
    findings: &[Finding],
    today: Date,
    page_size: Option<u32>,
) -> Vec<Conflict> {
    let mut places: Groups<(Thing, Option<usize>), Vec<Named<'_>>> = Groups::new();
    let subjects = subjects(findings);
    for planned in planned {
        let State::Ready(subject) = &planned.state else {
            continue;
        };
        let names = subjects.get(&(planned.profile.name.as_str(), planned.rule.id.as_str()));
        for name in names.into_iter().flatten() {
            for claim in Claim::all(planned, subject) {
                let thing = Thing::of(subject, name, claim.expectation.metric.name);
                let place = places.entry((thing, claim.expectation.field), Vec::new);
                place.push((claim, *name));
            }
        }
    }
    let mut found = Vec::new();
    for (_, named) in places.iter() {
        let claims: Vec<Claim<'_>> = named.iter().map(|(claim, _)| *claim).collect();
        for (left, right) in clashes(&claims) {
            if claims[left].planned.profile.name != claims[right].planned.profile.name {
                found.push(Conflict {
                    subject: named[left].1.to_owned(),
                    sides: [left, right].map(|at| side(&claims[at], today, page_size)),
                });
            }
        }
    }
    found
}

/// The concrete subjects of each rule. Nothing is asked of what is not there.
fn subjects(findings: &[Finding]) -> HashMap<(&str, &str), Vec<&str>> {
    let mut subjects: HashMap<(&str, &str), Vec<&str>> = HashMap::new();
    for finding in findings {
        if finding.outcome != Outcome::NotApplicable {
            let rule = (finding.profile.as_str(), finding.rule.as_str());
            subjects.entry(rule).or_default().push(&finding.subject);
        }
    }
    subjects
}

/// The claims about one place that contradict each other, by their numbers, two at a time.
///
/// Pairs are looked for only where a claim contradicts what all before it come to: nearly always none does, and then this is linear.
pub(super) fn clashes(claims: &[Claim<'_>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut held: Vec<Comparison> = Vec::new();
    for (at, claim) in claims.iter().enumerate() {
        let own = claim.comparisons();
        if !contradict(&held, own) {
            tighten(&mut held, own);
            continue;
        }
        let known = pairs.len();
        let against = (0..at).filter(|other| contradict(claims[*other].comparisons(), own));
        pairs.extend(against.map(|other| (other, at)));
        // No single one: what the others leave together is nothing that it accepts.
        if pairs.len() == known {
            pairs.push((0, at));
        }
    }
    pairs.sort_unstable();
    pairs
}

fn side(claim: &Claim<'_>, today: Date, page_size: Option<u32>) -> ConflictSide {
    let (planned, rule) = (claim.planned, claim.planned.rule);
    ConflictSide {
        name: planned.name(),
        expected: claim.words(page_size),
        source: rule.source.clone(),
        origin: rule.place,
        severity: rule.severity,
        waived: planned.waiver(today).is_some_and(|(_, holds)| holds),
    }
}
