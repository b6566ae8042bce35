//! Rules that no value can satisfy. They are reported, never resolved silently.

use std::collections::HashMap;

use super::super::{Planned, State};
use super::claim::{Claim, tighten};
use super::groups::Groups;
use super::thing::{Place, Thing, ceilings, twin};
use crate::date::date_of;
use crate::finding::{Conflict, ConflictSide, Finding, Outcome};
use crate::host::Host;
use crate::value::{Comparison, Number, Value, contradict};

/// A claim, and its subject by the name that its rule has for it.
#[derive(Clone)]
pub(super) struct Named<'a> {
    pub(super) claim: Claim<'a>,
    pub(super) name: String,
}

/// All claims, by what they are about.
pub(super) struct Claims<'a>(Groups<Place, Vec<Named<'a>>>);

/// Two claims that contradict each other.
pub(super) struct Clash<'c, 'a> {
    /// What they are about, and what ties it together where that is not one thing by one name.
    pub(super) subject: String,
    pub(super) sides: [&'c Named<'a>; 2],
    is_tied: bool,
}

/// Which of two claims are for somebody to choose between.
pub(super) type Counts<'c> = &'c dyn Fn(&Claim<'_>, &Claim<'_>) -> bool;

/// Every pair of contradicting rules of different profiles.
pub(in super::super) fn conflicts(planned: &[Planned<'_>], findings: &[Finding], host: &Host<'_>) -> Vec<Conflict> {
    let mut claims = Claims::new();
    let subjects = subjects(findings);
    for planned in planned {
        let names = subjects.get(&(planned.profile.name.as_str(), planned.rule.id.as_str()));
        if let (State::Ready(subject), Some(names)) = (&planned.state, names) {
            for name in names {
                Claim::all(planned, subject).for_each(|claim| claims.add(claim, name, host));
            }
        }
    }
    let today = date_of(host.system.now());
    let page_size = host.system.platform().page_size;
    let apart = |left: &Claim<'_>, right: &Claim<'_>| left.planned.profile.name != right.planned.profile.name;
    let side = |clash: &Clash<'_, '_>, at: usize| {
        let (planned, rule) = (clash.sides[at].claim.planned, clash.sides[at].claim.planned.rule);
        ConflictSide {
            name: planned.name(),
            expected: clash.words(at, page_size),
            source: rule.source.clone(),
            origin: rule.place,
            severity: rule.severity,
            waived: planned.waiver(today).is_some_and(|(_, holds)| holds),
        }
    };
    let found = claims.clashes(&apart).into_iter();
    found
        .map(|clash| Conflict {
            sides: [side(&clash, 0), side(&clash, 1)],
            subject: clash.subject,
        })
        .collect()
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

impl Clash<'_, '_> {
    /// What one side asks for, in words; with what it asks it of, where the two sides have different names or fields.
    pub(super) fn words(&self, side: usize, page_size: Option<u32>) -> String {
        let Named { claim, name } = self.sides[side];
        let words = claim.words(page_size);
        match claim.expectation.field {
            _ if !self.is_tied => words,
            Some(field) => format!("{name} field {} {words}", field + 1),
            None => format!("{name} {words}"),
        }
    }
}

impl<'a> Claims<'a> {
    pub(super) fn new() -> Self {
        Self(Groups::new())
    }

    pub(super) fn add(&mut self, claim: Claim<'a>, name: &str, host: &Host<'_>) {
        let thing = Thing::of(claim.subject, name, claim.expectation.metric.name, host);
        let place = self.0.entry((thing, claim.expectation.field), Vec::new);
        let name = name.to_owned();
        place.push(Named { claim, name });
    }

    /// Every pair that contradicts each other, in one place or by what the kernel ties together.
    pub(super) fn clashes<'c>(&'c self, counts: Counts<'_>) -> Vec<Clash<'c, 'a>> {
        let mut found = Vec::new();
        for (place, here) in self.0.iter() {
            let pairs = contradictions(here)
                .into_iter()
                .map(|(left, right)| [&here[left], &here[right]]);
            let pairs = pairs.filter(|[left, right]| counts(&left.claim, &right.claim));
            found.extend(pairs.map(|sides| clash(sides, "are one setting")));
            if let Some(there) = twin(place).and_then(|other| self.0.get(&other)) {
                found.extend(
                    of_twins(here, there, counts)
                        .map(|sides| clash(sides, "cannot both count, since one makes the other 0")),
                );
            }
            if let (thing, Some(field)) = place
                && let Some(rows) = self.0.get(&(thing.clone(), None))
            {
                found.extend(of_row(*field, here, rows, counts).map(|sides| clash(sides, "")));
            }
            for there in ceilings(place).iter().filter_map(|above| self.0.get(above)) {
                found.extend(
                    of_bounds(here, there, counts)
                        .map(|sides| clash(sides, "are in order: the first is at most the second")),
                );
            }
        }
        found
    }
}

fn clash<'c, 'a>(sides: [&'c Named<'a>; 2], tie: &str) -> Clash<'c, 'a> {
    let [left, right] = sides;
    let is_tied = left.name != right.name || left.claim.expectation.field != right.claim.expectation.field;
    let subject = match left.name == right.name {
        true => left.name.clone(),
        false => format!("{} and {} ({tie})", left.name, right.name),
    };
    Clash {
        subject,
        sides,
        is_tied,
    }
}

/// The claims about one place that contradict each other, by their numbers, two at a time.
///
/// A claim is held against each earlier one only where it contradicts what these come to: nearly always none does, and then this is
/// linear. Claims that have no part in what the others come to (`torn`) are held against every later one.
fn contradictions(here: &[Named<'_>]) -> Vec<(usize, usize)> {
    let (mut pairs, mut torn) = (Vec::new(), Vec::new());
    let mut held: Vec<Comparison> = Vec::new();
    for (at, Named { claim, .. }) in here.iter().enumerate() {
        let own = claim.comparisons();
        let against = |other: &usize| contradict(here[*other].claim.comparisons(), own);
        if !contradict(&held, own) {
            tighten(&mut held, own);
            let found = torn.iter().copied().filter(against);
            pairs.extend(found.map(|other| (other, at)));
            continue;
        }
        let known = pairs.len();
        pairs.extend((0..at).filter(against).map(|other| (other, at)));
        // No single one: what the others leave together is nothing that it accepts.
        if pairs.len() == known {
            pairs.push((0, at));
        }
        torn.push(at);
    }
    pairs.sort_unstable();
    pairs
}

/// Two claims that both need their own unit of one setting to count: 0 will not do for either. Each two units are looked at once.
fn of_twins<'c, 'a>(here: &'c [Named<'a>], there: &'c [Named<'a>], counts: Counts<'_>) -> Option<[&'c Named<'a>; 2]> {
    let is_first = here.first()?.name < there.first()?.name;
    let needs = |named: &&Named<'_>| !named.claim.accepts(&Value::number(0));
    let pair = |left: &'c Named<'a>| {
        let right = there
            .iter()
            .filter(needs)
            .find(|right| counts(&left.claim, &right.claim))?;
        Some([left, right])
    };
    here.iter().filter(|_| is_first).filter(needs).find_map(pair)
}

/// A rule about a field that the row which another one asks for does not satisfy.
fn of_row<'c, 'a>(
    field: usize,
    here: &'c [Named<'a>],
    rows: &'c [Named<'a>],
    counts: Counts<'_>,
) -> Option<[&'c Named<'a>; 2]> {
    let rows = rows
        .iter()
        .filter_map(|named| Some((named, named.claim.row()?.field(field)?)));
    let refuses = |named: &&Named<'_>, number: Number| !named.claim.accepts(&Value::Number(number));
    let mut pairs = rows.filter_map(|(row, number)| {
        let fit = |named: &&Named<'a>| counts(&named.claim, &row.claim) && refuses(named, number);
        Some([here.iter().find(fit)?, row])
    });
    pairs.next()
}

/// A floor here that is above a ceiling there. The highest floor and the lowest ceiling tell; where the two are not for anybody to
/// choose between, the next one against each of them does.
fn of_bounds<'c, 'a>(here: &'c [Named<'a>], there: &'c [Named<'a>], counts: Counts<'_>) -> Option<[&'c Named<'a>; 2]> {
    let floor = |named: &Named<'_>| named.claim.span().0;
    let ceiling = |named: &Named<'_>| named.claim.span().1;
    let highest = |against: Option<&Named<'_>>| {
        let fit = |named: &&Named<'_>| against.is_none_or(|other| counts(&named.claim, &other.claim));
        here.iter()
            .filter(|named| floor(named).is_some())
            .filter(fit)
            .max_by_key(|named| floor(named))
    };
    let lowest = |against: Option<&Named<'_>>| {
        let fit = |named: &&Named<'_>| against.is_none_or(|other| counts(&other.claim, &named.claim));
        let bounded = there.iter().filter(|named| ceiling(named).is_some());
        bounded
            .filter(fit)
            .min_by_key(|named| ceiling(named).unwrap_or(Number::Unlimited))
    };
    let (lower, upper) = (highest(None)?, lowest(None)?);
    let tries = [(Some(lower), lowest(Some(lower))), (highest(Some(upper)), Some(upper))];
    let mut pairs = tries.into_iter().filter_map(|(lower, upper)| Some([lower?, upper?]));
    pairs.find(|[lower, upper]| floor(lower) > ceiling(upper))
}
