//! Typed values: what a subject's raw text means, and how two of them compare.
//!
//! A value is never compared as text. The kernel separates the fields of a tuple with tabs, a person with spaces; `max` in a
//! cgroup file and `unlimited` in `ulimit` are the same limit. Each [`Type`] has one parser and one canonical printed form, and
//! printing then parsing gives the same value back.

mod compare;
mod correct;
mod duration;
mod order;
mod parse;
mod ports;
mod units;
mod version;

pub use compare::{Comparator, Comparison, Operand, OperandShape};
pub use correct::{contradict, correct, impossible};
pub use duration::{DurationError, parse_duration};
pub(crate) use duration::{TIME_UNITS, meant_unit};
pub use order::{Order, in_order, is_ordered};
pub use ports::{PortRange, PortSet};
pub use units::{Dimension, Rounding, Unit, UnitMismatch};
pub use version::Version;

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
    /// The entry in brackets, or the only entry; `None` where the kernel brackets nothing.
    pub selected: Option<String>,
    /// Every entry, in the kernel's order, the selected one included.
    pub options: Vec<String>,
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

impl Type {
    /// What it is, for a message.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Type::Number(_) => "a number",
            Type::Tuple(..) => "a row of numbers",
            Type::Range => "a range",
            Type::Ports => "a list of ports",
            Type::Choice => "one of several words",
            Type::Text => "a text",
            Type::Bool => "true or false",
            Type::Version => "a version",
            Type::Words => "a list of words",
        }
    }
}

/// A text for a message: escaped, and cut to a readable length.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        shown.push_str("...");
    }
    shown
}

/// Why a text is not a value of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What was expected, for a person: `an integer`.
    pub expected: &'static str,
    /// The text that was found, escaped and cut to a readable length.
    pub found: String,
}

impl ParseError {
    fn new(expected: &'static str, found: &str) -> Self {
        Self {
            expected,
            found: shown(found),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found `{}`", self.expected, self.found)
    }
}

impl std::error::Error for ParseError {}
