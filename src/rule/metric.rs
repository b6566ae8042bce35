//! What of a subject can be compared. One item says all of it: its name and type, how it is read, how it is judged over a time, and
//! what would make it right.

use super::{Context, Observation, Reading, Selectors};
use crate::change::Proposal;
use crate::value::{Number, Type, Value};

/// What everybody outside the kind's own file knows of a metric.
#[derive(Debug)]
pub struct Metric {
    /// Its key in the kind's table; empty for the only metric of a kind whose comparators stand in the table itself.
    pub name: &'static str,
    /// Its type; `None` where it depends on the selectors ([`Kind::type_of`](super::Kind::type_of)).
    pub value: Option<Type>,
    /// What it is, in a sentence.
    pub doc: &'static str,
    /// How it is judged where it is looked at more than once.
    pub over: Over,
    /// The selector without which it means nothing.
    pub about: Option<&'static str>,
    /// The only words that it can be; empty where it can be any.
    pub words: &'static [&'static str],
    /// Whether what fails may pass a little later by itself, so that it is worth waiting for.
    pub settles: bool,
}

/// How a metric is judged over a time in which it is looked at more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Over {
    /// A state that stays unless somebody changes it: one look tells, and of several the worst counts.
    State,
    /// A number that goes up and down by itself: every look counts, and of them the worst.
    Peak,
    /// What was counted between the first look and the last.
    Growth,
    /// A share or a speed between the first look and the last.
    Rate,
}

impl Over {
    /// Whether one look cannot tell.
    #[must_use]
    pub fn needs_samples(self) -> bool {
        self != Over::State
    }
}

impl Metric {
    /// A metric of one type: a state that does not pass by itself.
    #[must_use]
    pub const fn new(name: &'static str, value: Type, doc: &'static str) -> Self {
        Self {
            value: Some(value),
            ..Self::untyped(name, doc)
        }
    }

    /// The same, with a type that depends on the selectors.
    #[must_use]
    pub const fn untyped(name: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            value: None,
            doc,
            over: Over::State,
            about: None,
            words: &[],
            settles: false,
        }
    }

    /// The same, judged in another way.
    #[must_use]
    pub const fn over(self, over: Over) -> Self {
        Self { over, ..self }
    }

    /// The same, which means nothing without a selector.
    #[must_use]
    pub const fn about(self, selector: &'static str) -> Self {
        Self {
            about: Some(selector),
            ..self
        }
    }

    /// The same, which can be one of a few words alone.
    #[must_use]
    pub const fn one_of(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }

    /// The same, which may become right by itself.
    #[must_use]
    pub const fn settles(self) -> Self {
        Self { settles: true, ..self }
    }
}

/// Evidence worth showing, each a line: which cgroup is the tightest, which process makes the noise.
pub type Evidence = Vec<String>;

/// A line of a kind's table. `S` is what one look at a subject has seen.
pub struct Row<S: 'static> {
    /// What everybody may know.
    pub metric: Metric,
    /// Reads it from what was seen.
    pub read: fn(&S, &Context<'_>, &mut Evidence) -> Reading,
    /// What would make it right.
    pub way: Way,
}

impl<S> Row<S> {
    /// A line.
    #[must_use]
    pub const fn new(metric: Metric, read: fn(&S, &Context<'_>, &mut Evidence) -> Reading, way: Way) -> Self {
        Self { metric, read, way }
    }
}

/// What would make a metric what a rule asks for.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// Something that is done for this metric alone.
    Own(Mend),
    /// Something that is written in one piece with other metrics: one line of a unit, one drop-in, one remount.
    Joint(&'static Joint),
}

/// Makes a proposal.
pub type Mend = fn(&Failing<'_>) -> Proposal;

/// What is written in one piece for several metrics. Two of them are the same where they are the same `static`.
#[derive(Debug)]
pub struct Joint(pub Mend);

/// Metrics of a subject that are not what rules ask for, and that are put right together.
pub struct Failing<'a> {
    /// Which subject the rule is about.
    pub selectors: &'a Selectors,
    /// The concrete subject, and what was read of it.
    pub observation: &'a Observation,
    /// Each metric with the value that it is to have; `None` where no single value would do. Never empty, in the order of the rule.
    pub targets: &'a [(&'static str, Option<Value>)],
    /// The machine.
    pub cx: &'a Context<'a>,
}

impl Failing<'_> {
    /// The value that the metric is to have, where there is one metric.
    #[must_use]
    pub fn target(&self) -> Option<&Value> {
        self.targets.iter().find_map(|(_, value)| value.as_ref())
    }

    /// The value that a metric is to have; `None` where it is not among those that fail, or no single value would do.
    #[must_use]
    pub fn of(&self, metric: &str) -> Option<&Value> {
        self.targets
            .iter()
            .find_map(|(name, value)| value.as_ref().filter(|_| *name == metric))
    }

    /// The number that a metric is to be.
    #[must_use]
    pub fn number(&self, metric: &str) -> Option<Number> {
        match self.of(metric) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// Whether a metric is to be on or off.
    #[must_use]
    pub fn switch(&self, metric: &str) -> Option<bool> {
        match self.of(metric) {
            Some(Value::Bool(on)) => Some(*on),
            _ => None,
        }
    }
}
