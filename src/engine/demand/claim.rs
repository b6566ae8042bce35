//! One expectation of one rule.

use super::super::{Planned, ResolvedExpectation, ResolvedSubject};
use super::range::lower;
use crate::rule::speech;
use crate::system::Os;
use crate::value::{Comparator, Comparison, Number, Operand, Value};

/// One expectation of one rule.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) planned: &'a Planned<'a>,
    pub(super) subject: &'a ResolvedSubject,
    pub(super) expectation: &'a ResolvedExpectation,
}

impl<'a> Claim<'a> {
    /// Everything that a rule expects.
    pub(super) fn all(planned: &'a Planned<'a>, subject: &'a ResolvedSubject) -> impl Iterator<Item = Claim<'a>> {
        subject.expectations.iter().map(move |expectation| Claim {
            planned,
            subject,
            expectation,
        })
    }

    pub(super) fn comparisons(&self) -> &'a [Comparison] {
        &self.expectation.comparisons
    }

    pub(super) fn accepts(&self, value: &Value) -> bool {
        self.comparisons().iter().all(|comparison| comparison.holds(value))
    }

    /// The one row that it asks for.
    pub(super) fn row(&self) -> Option<&'a Value> {
        self.comparisons()
            .iter()
            .find_map(|comparison| match &comparison.operand {
                Operand::Value(row @ Value::Tuple(_)) if comparison.comparator == Comparator::Eq => Some(row),
                _ => None,
            })
    }

    /// The lowest and the highest number that would do, as far as the comparisons bound them; of a range, of its low end.
    pub(super) fn span(&self) -> (Option<Number>, Option<Number>) {
        let number = |value: &Value| match value {
            Value::Number(number) => Some(*number),
            Value::Range(range) => Some(Number::Finite(i128::from(range.lo))),
            _ => None,
        };
        let (mut floor, mut ceiling) = (None, None);
        for comparison in self.comparisons() {
            let (low, high) = match (comparison.comparator, &comparison.operand) {
                (Comparator::Min, Operand::Value(value)) => (number(value), None),
                (Comparator::Max | Comparator::Covers, Operand::Value(value)) => (None, number(value)),
                (Comparator::Eq, Operand::Value(value)) => (number(value), number(value)),
                (Comparator::OneOf, Operand::Many(values)) => {
                    let numbers = || values.iter().filter_map(number);
                    (numbers().min(), numbers().max())
                }
                _ => (None, None),
            };
            floor = floor.max(low);
            ceiling = lower(ceiling, high);
        }
        (floor, ceiling)
    }

    /// What it asks for, in words.
    pub(super) fn words(&self, page_size: Option<u32>) -> String {
        self.subject.words(self.expectation, page_size)
    }
}

impl ResolvedSubject {
    /// Whether something is asked that one look cannot tell, and that nothing sets.
    pub(in super::super) fn needs_samples(&self) -> bool {
        self.expectations.iter().any(|asked| asked.metric.over.needs_samples())
    }

    /// A value as floors and ceilings rank it: a number that stands for no limit is above every other.
    pub(in super::super) fn ranked(&self, subject: &str, asked: &ResolvedExpectation, value: Value, os: Os) -> Value {
        let is_bound = |one: &Comparison| matches!(one.comparator, Comparator::Min | Comparator::Max);
        match value {
            Value::Number(Number::Finite(number))
                if self.kind.no_limit(subject, os).contains(&number) && asked.comparisons.iter().all(is_bound) =>
            {
                Value::Number(Number::Unlimited)
            }
            value => value,
        }
    }

    /// What is expected of one metric, in words, as it is spoken of.
    pub(in super::super) fn words(&self, expectation: &ResolvedExpectation, page_size: Option<u32>) -> String {
        let ResolvedExpectation {
            metric,
            comparisons,
            value,
            ..
        } = expectation;
        let shown: Vec<Comparison> = comparisons.iter().map(|asked| metric.shown_of(asked)).collect();
        speech::asks(metric, &shown, *value, page_size)
    }
}

impl Planned<'_> {
    /// `profile/rule`.
    pub(in super::super) fn name(&self) -> String {
        format!("{}/{}", self.profile.name, self.rule.id)
    }
}

/// Adds comparisons to those that must hold already. Of two floors the higher says everything that both do, so that a list grows
/// with what is different and not with the number of rules.
pub(super) fn tighten(held: &mut Vec<Comparison>, more: &[Comparison]) {
    for new in more {
        let number = bound(new);
        let is_like = |old: &Comparison| old.comparator == new.comparator && bound(old).is_some();
        match held.iter().position(|old| number.is_some() && is_like(old)) {
            Some(at) if new.comparator == Comparator::Min && number <= bound(&held[at]) => {}
            Some(at) if new.comparator == Comparator::Max && number >= bound(&held[at]) => {}
            Some(at) => held[at].clone_from(new),
            None if held.contains(new) => {}
            None => held.push(new.clone()),
        }
    }
}

/// The number of a floor or a ceiling.
fn bound(comparison: &Comparison) -> Option<Number> {
    match (comparison.comparator, &comparison.operand) {
        (Comparator::Min | Comparator::Max, Operand::Value(Value::Number(number))) => Some(*number),
        _ => None,
    }
}
