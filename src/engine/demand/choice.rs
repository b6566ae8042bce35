//! The value that several rules leave for one metric, or for one field of it.

use super::claim::{Claim, tighten};
use super::left::no_setting;
use crate::value::{Comparator, Comparison, Operand, Value, contradict, correct, impossible};

/// A value for a file.
#[derive(Clone)]
pub(super) struct Choice {
    /// What is asked for.
    pub(super) asked: Value,
    /// That, or what is better here.
    pub(super) kept: Value,
}

/// What all rules say of one metric, or of one field of it.
pub(super) struct Slot<'a> {
    pub(super) metric: &'static str,
    pub(super) field: Option<usize>,
    /// The rules that the choice satisfies.
    pub(super) claims: Vec<Claim<'a>>,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) choice: Option<Choice>,
}

impl<'a> Slot<'a> {
    /// What claims about one place come to: one value for all of them, else for as many as go, in their order. The others come back
    /// with the reason why they are left out.
    pub(super) fn new(claims: Vec<Claim<'a>>, live: Option<&Value>) -> (Self, Vec<(Claim<'a>, String)>) {
        let prefer = claims.iter().find_map(|claim| claim.expectation.prefer.as_ref());
        let first = claims.first().map(|claim| claim.expectation);
        let mut slot = Self {
            metric: first.map_or("", |asked| asked.metric.name),
            field: first.and_then(|asked| asked.field),
            claims: Vec::new(),
            comparisons: Vec::new(),
            choice: None,
        };
        let (mut all, mut without) = (Vec::new(), Vec::new());
        let fits = |claim: &Claim<'a>| {
            let fits = !contradict(&all, claim.comparisons());
            if fits {
                tighten(&mut all, claim.comparisons());
            }
            fits
        };
        let (claims, torn): (Vec<_>, Vec<_>) = claims.into_iter().partition(fits);
        slot.choice = choose(&all, live, prefer);
        let together = slot.choice.is_some();
        if together {
            (slot.claims, slot.comparisons) = (claims.clone(), all.clone());
        }
        for claim in claims.into_iter().filter(|_| !together) {
            let mut trial = slot.comparisons.clone();
            tighten(&mut trial, claim.comparisons());
            match choose(&trial, live, prefer) {
                Some(choice) => {
                    (slot.comparisons, slot.choice) = (trial, Some(choice));
                    slot.claims.push(claim);
                }
                None => without.push(claim),
            }
        }
        let holds = live.is_some_and(|live| all.iter().all(|comparison| comparison.holds(live)));
        let left = without.into_iter().chain(torn);
        let left = left.map(|claim| (claim, slot.why_not(&claim, holds))).collect();
        (slot, left)
    }

    fn why_not(&self, claim: &Claim<'_>, holds: bool) -> String {
        match (impossible(claim.comparisons()), &claim.planned.rule.remedy) {
            (Some(why), Some(text)) => return format!("{why}. {text}"),
            (Some(why), None) => return why,
            (None, _) => {}
        }
        match self.claims.first() {
            Some(other) => format!(
                "no value was found that satisfies it together with {}",
                other.planned.name()
            ),
            None if holds => "it holds here, and does not say which value is wanted".to_owned(),
            None => no_setting(claim.planned, &[]),
        }
    }

    pub(super) fn holds(&self, value: &Value) -> bool {
        self.comparisons.iter().all(|comparison| comparison.holds(value))
    }
}

/// The value that is asked for, and that or what is better here; `None` where the comparisons do not say which.
fn choose(comparisons: &[Comparison], live: Option<&Value>, prefer: Option<&Value>) -> Option<Choice> {
    let holds = live.is_some_and(|live| comparisons.iter().all(|comparison| comparison.holds(live)));
    if let Some(asked) = correct(comparisons, None, prefer) {
        let kept = live.and_then(|live| correct(comparisons, Some(live), prefer));
        let kept = kept.unwrap_or_else(|| asked.clone());
        return Some(Choice { asked, kept });
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
    Some(Choice {
        asked: value.clone(),
        kept: value,
    })
}
