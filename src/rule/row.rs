//! A line of a kind's table. One item says all of a metric: its name and type, how it is read, how it is judged over a time, and what
//! would make it right.

use super::{Context, Metric, Observation, Reading, Said, Selectors};
use crate::change::Proposal;
use crate::value::{Number, Value};

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

    /// The same, whose metric has words around its value.
    #[must_use]
    pub const fn said(mut self, words: &'static str) -> Self {
        self.metric.said = Some(Said::Around(words));
        self
    }

    /// The same, whose metric has words for true and for false.
    #[must_use]
    pub const fn switch(mut self, yes: &'static str, no: &'static str) -> Self {
        self.metric.said = Some(Said::Switch(yes, no));
        self
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

    /// Whether a metric is among those that fail.
    #[must_use]
    pub fn asks(&self, metric: &str) -> bool {
        self.targets.iter().any(|(name, _)| *name == metric)
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
