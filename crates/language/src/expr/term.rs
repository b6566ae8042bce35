//! What an expression can be.

use std::fmt;

use crate::value::{Dimension, Unit, Version};

/// The type of an expression's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermType {
    /// A number of a dimension.
    Number(Dimension),
    /// `unlimited`.
    Unlimited,
    /// True or false.
    Bool,
    /// A text.
    Text,
    /// A version.
    Version,
}

/// The value of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A number: bare, or in the base units of its dimension (bytes, nanoseconds, hundredths of a percent).
    Number {
        /// How much.
        amount: i128,
        /// Of what.
        dimension: Dimension,
    },
    /// Above every number.
    Unlimited,
    /// True or false.
    Bool(bool),
    /// A text.
    Text(String),
    /// A version.
    Version(Version),
}

impl Term {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> TermType {
        match self {
            Term::Number { dimension, .. } => TermType::Number(*dimension),
            Term::Unlimited => TermType::Unlimited,
            Term::Bool(_) => TermType::Bool,
            Term::Text(_) => TermType::Text,
            Term::Version(_) => TermType::Version,
        }
    }

    /// The value for a person: sizes and durations in units that can be read.
    #[must_use]
    pub fn show(&self) -> String {
        match self {
            Term::Number {
                amount,
                dimension: Dimension::Bytes,
            } => Unit::Bytes.show(*amount, 4096),
            Term::Number {
                amount,
                dimension: Dimension::Percent,
            } => Unit::Centipercent.show(*amount, 4096),
            Term::Text(text) => text.clone(),
            Term::Version(version) => version.to_string(),
            other => other.to_string(),
        }
    }
}

/// The canonical form, which reads back as the same value.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Number {
                amount,
                dimension: Dimension::None,
            } => amount.fmt(f),
            Term::Number {
                amount,
                dimension: Dimension::Bytes,
            } => scaled(
                f,
                *amount,
                &[
                    ("TiB", 1 << 40),
                    ("GiB", 1 << 30),
                    ("MiB", 1 << 20),
                    ("KiB", 1 << 10),
                    ("B", 1),
                ],
            ),
            Term::Number {
                amount,
                dimension: Dimension::Time,
            } => scaled(
                f,
                *amount,
                &[
                    ("h", 3_600_000_000_000),
                    ("m", 60_000_000_000),
                    ("s", 1_000_000_000),
                    ("ms", 1_000_000),
                    ("us", 1_000),
                    ("ns", 1),
                ],
            ),
            // Hundredths that are no whole percent come from arithmetic alone; no literal has them.
            Term::Number {
                amount,
                dimension: Dimension::Percent,
            } if amount % 100 == 0 => write!(f, "{}%", amount / 100),
            Term::Number {
                amount,
                dimension: Dimension::Percent,
            } => f.write_str(&Unit::Centipercent.show(*amount, 4096)),
            Term::Unlimited => f.write_str("unlimited"),
            Term::Bool(value) => value.fmt(f),
            Term::Text(text) if text.contains('"') => write!(f, "'{text}'"),
            Term::Text(text) => write!(f, "\"{text}\""),
            Term::Version(version) => write!(f, "version(\"{version}\")"),
        }
    }
}

fn scaled(f: &mut fmt::Formatter<'_>, amount: i128, units: &[(&str, i128)]) -> fmt::Result {
    let (name, scale) = units
        .iter()
        .find(|(_, scale)| amount % scale == 0 && amount != 0)
        .unwrap_or(&units[units.len() - 1]);
    write!(f, "{}{name}", amount / scale)
}
