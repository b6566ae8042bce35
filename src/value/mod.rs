//! Typed values: what a subject's raw text means, and how two of them compare.
//!
//! A value is never compared as text. The kernel separates the fields of a tuple with tabs, a person with spaces; `max` in a
//! cgroup file and `unlimited` in `ulimit` are the same limit. Each [`Type`] has one parser and one canonical printed form, and
//! printing then parsing gives the same value back.

// mod compare;
// mod parse;
// mod ports;
// mod units;

// pub use compare::{Comparator, Comparison, Correction, Judgement};
#[derive(Debug, Clone, Copy, PartialEq, Eq)] pub struct PortRange; #[derive(Debug, Clone, PartialEq, Eq)] pub struct PortSet;
#[derive(Debug, Clone, Copy, PartialEq, Eq)] pub enum Unit { Count }

use std::fmt;

/// A number that may be without bound. `Unlimited` is above every finite number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Number {
    /// A number in the unit of its [`Type`]. 128 bits, since `kernel.shmmax` exceeds a signed 64-bit integer.
    Finite(i128),
    /// `unlimited` (rlimits), `infinity` (systemd), `max` (cgroup files).
    Unlimited,
}

/// The selected entries of a list that the kernel prints with brackets: `always [madvise] never`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The entry in brackets; `None` where the kernel brackets nothing.
    pub selected: Option<String>,
    /// Every entry, in the kernel's order, the selected one included.
    pub options: Vec<String>,
}

/// A dotted version, compared by its leading numbers: `6.1.0-18-amd64` is `6.1.0`, and `6.1` equals `6.1.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
// Equality is by number, not by text.
pub struct Version {
    /// The leading numbers.
    pub numbers: Vec<u32>,
    /// The text as it was read, which is what is shown.
    pub text: String,
}

/// A typed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number, perhaps without bound.
    Number(Number),
    /// Several numbers in one file: `net.ipv4.tcp_rmem`, `kernel.sem`.
    Tuple(Vec<Number>),
    /// A closed range of ports or numbers: `32768 60999`.
    Range(PortRange),
    /// A list of ports and port ranges: `8080,9000-9100`.
    Ports(PortSet),
    /// A bracketed choice.
    Choice(Choice),
    /// Free text, with surrounding white space removed.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// A version.
    Version(Version),
    /// Words in no particular order: a kernel command line, mount options.
    Words(Vec<String>),
}

/// What a subject's raw text is parsed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// [`Value::Number`] in a unit.
    Number(Unit),
    /// [`Value::Tuple`] whose fields have these names (empty where nobody names them) and this unit.
    Tuple(&'static [&'static str], Unit),
    /// [`Value::Range`].
    Range,
    /// [`Value::Ports`].
    Ports,
    /// [`Value::Choice`].
    Choice,
    /// [`Value::Text`].
    Text,
    /// [`Value::Bool`].
    Bool,
    /// [`Value::Version`].
    Version,
    /// [`Value::Words`].
    Words,
}

/// Why a text is not a value of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What was expected, for a person: `an integer`.
    pub expected: String,
    /// The text that was found, escaped and cut to a readable length.
    pub found: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found `{}`", self.expected, self.found)
    }
}

impl std::error::Error for ParseError {}
