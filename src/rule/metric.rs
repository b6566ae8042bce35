//! What of a subject can be compared, as everybody outside the kind's own file knows it.

use crate::value::{Comparison, Operand, Type, Value};

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
    /// Set where parts of it are secrets, which are compared and never shown.
    pub veil: Option<&'static Veil>,
    /// How it is spoken of; `None` for the only metric of a kind, of which the subject says all.
    pub said: Option<Said>,
}

/// How a metric is spoken of. The same words hold what there is and what is asked for: `is 63 % charged`, `should be at least 80 %
/// charged`. So they are no sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Around a number or a word, which stands in the place of `{}`.
    Around(&'static str),
    /// For true, and for false.
    Switch(&'static str, &'static str),
}

/// How a value is shown of which parts are secrets.
#[derive(Debug)]
pub struct Veil {
    /// The value as it may be shown.
    pub shown: fn(&Value) -> Value,
    /// Why nobody can tell whether a comparison holds: what was seen had lost its secrets already, as in a recording.
    pub undecided: fn(&Comparison, &Value) -> Option<String>,
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
            veil: None,
            said: None,
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

    /// The same, with words around its value: `{} charged`.
    #[must_use]
    pub const fn said(self, words: &'static str) -> Self {
        Self {
            said: Some(Said::Around(words)),
            ..self
        }
    }

    /// The same, with words for true and for false.
    #[must_use]
    pub const fn switch(self, yes: &'static str, no: &'static str) -> Self {
        Self {
            said: Some(Said::Switch(yes, no)),
            ..self
        }
    }

    /// The same, of which parts are secrets.
    #[must_use]
    pub const fn veiled(self, veil: &'static Veil) -> Self {
        Self {
            veil: Some(veil),
            ..self
        }
    }

    /// A value as it may be shown.
    #[must_use]
    pub fn shown(&self, value: &Value) -> Value {
        self.veil.map_or_else(|| value.clone(), |veil| (veil.shown)(value))
    }

    /// What is asked for as it may be shown.
    #[must_use]
    pub fn shown_of(&self, asked: &Comparison) -> Comparison {
        let operand = match &asked.operand {
            Operand::Value(value) => Operand::Value(self.shown(value)),
            Operand::Many(values) => Operand::Many(values.iter().map(|value| self.shown(value)).collect()),
            Operand::SameParity(same) => Operand::SameParity(*same),
        };
        Comparison {
            comparator: asked.comparator,
            operand,
        }
    }

    /// The same, which may become right by itself.
    #[must_use]
    pub const fn settles(self) -> Self {
        Self { settles: true, ..self }
    }
}
