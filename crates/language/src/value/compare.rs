//! Comparators: declared once, with the types that they make sense for.

use super::{Number, PortRange, PortSet, Type, Unit, Value};

/// How a value is compared with what a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparator {
    /// At least.
    Min,
    /// At most.
    Max,
    /// Equal.
    Eq,
    /// Not equal.
    Not,
    /// Equal to one of several.
    OneOf,
    /// The range holds another range.
    Covers,
    /// The range holds so many numbers at least.
    Width,
    /// The bounds of the range are of the same, or of different parity.
    Parity,
    /// Holds all of these.
    Contains,
    /// Holds none of these.
    Excludes,
    /// Has no port in common with others.
    Disjoint,
    /// Begins with.
    StartsWith,
}

/// What stands on the other side of a comparator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperandShape {
    /// A value of the subject's type.
    Same,
    /// An array of such values.
    Many,
    /// A range.
    Range,
    /// A number.
    Number,
    /// `same` or `different`.
    Parity,
    /// Ports.
    Ports,
    /// A text.
    Text,
    /// Texts, or of a list of ports, ports.
    TextList,
}

/// An operand that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// One value.
    Value(Value),
    /// Several values.
    Many(Vec<Value>),
    /// Whether the bounds must be of the same parity.
    SameParity(bool),
}

/// A comparator with its operand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The comparator.
    pub comparator: Comparator,
    /// What it compares with.
    pub operand: Operand,
}

struct Info {
    comparator: Comparator,
    name: &'static str,
    doc: &'static str,
    operand: OperandShape,
    applies: fn(Type) -> bool,
}

const fn info(
    comparator: Comparator,
    name: &'static str,
    operand: OperandShape,
    applies: fn(Type) -> bool,
    doc: &'static str,
) -> Info {
    Info {
        comparator,
        name,
        doc,
        operand,
        applies,
    }
}

/// Every comparator, in the order of the enum.
static TABLE: [Info; 12] = [
    info(
        Comparator::Min,
        "min",
        OperandShape::Same,
        ordered,
        "A floor. A fix raises the value to it, and never lowers one that is higher.",
    ),
    info(
        Comparator::Max,
        "max",
        OperandShape::Same,
        ordered,
        "A ceiling. A fix lowers the value to it, and never raises one that is lower.",
    ),
    info(
        Comparator::Eq,
        "eq",
        OperandShape::Same,
        |_| true,
        "The value must be this one.",
    ),
    info(
        Comparator::Not,
        "not",
        OperandShape::Same,
        |_| true,
        "The value must not be this one. There is no fix without `prefer`.",
    ),
    info(
        Comparator::OneOf,
        "one_of",
        OperandShape::Many,
        |t| matches!(t, Type::Number(_) | Type::Choice | Type::Text | Type::Version),
        "The value must be one of these. A fix writes the first.",
    ),
    info(
        Comparator::Covers,
        "covers",
        OperandShape::Range,
        |t| t == Type::Range,
        "The range must hold this one. A fix writes the union of both.",
    ),
    info(
        Comparator::Width,
        "width",
        OperandShape::Number,
        |t| t == Type::Range,
        "The range must hold at least so many numbers.",
    ),
    info(
        Comparator::Parity,
        "parity",
        OperandShape::Parity,
        |t| t == Type::Range,
        "The bounds of the range must be of the \"same\" or of \"different\" parity.",
    ),
    info(
        Comparator::Contains,
        "contains",
        OperandShape::TextList,
        |t| matches!(t, Type::Words | Type::Ports),
        "All of these must be there.",
    ),
    info(
        Comparator::Excludes,
        "excludes",
        OperandShape::TextList,
        |t| matches!(t, Type::Words | Type::Ports),
        "None of these may be there.",
    ),
    info(
        Comparator::Disjoint,
        "disjoint",
        OperandShape::Ports,
        |t| matches!(t, Type::Range | Type::Ports),
        "No port may be in both: ports, \"listening\" (TCP ports that are listened on and not reserved), or \"reserved\".",
    ),
    info(
        Comparator::StartsWith,
        "starts_with",
        OperandShape::Text,
        |t| matches!(t, Type::Text | Type::Choice | Type::Words),
        "The text, or one of the words, must begin so.",
    ),
];

fn ordered(value: Type) -> bool {
    matches!(value, Type::Number(_) | Type::Version)
}

impl Comparator {
    /// Every comparator.
    pub fn all() -> impl Iterator<Item = Comparator> {
        TABLE.iter().map(|info| info.comparator)
    }

    /// Their names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|info| info.name)
    }

    fn info(self) -> &'static Info {
        &TABLE[self as usize]
    }

    /// Its key in a profile.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// What it means, in a sentence or two.
    #[must_use]
    pub fn doc(self) -> &'static str {
        self.info().doc
    }

    /// What it compares with.
    #[must_use]
    pub fn operand_shape(self) -> OperandShape {
        self.info().operand
    }

    /// Whether it makes sense for a type.
    #[must_use]
    pub fn applies_to(self, value: Type) -> bool {
        (self.info().applies)(value)
    }

    /// The one with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        TABLE.iter().find(|info| info.name == name).map(|info| info.comparator)
    }
}

impl Comparison {
    /// Whether a value is as it should be. A value of a type that the comparator makes no sense for is not.
    #[must_use]
    pub fn holds(&self, actual: &Value) -> bool {
        match (self.comparator, &self.operand) {
            (Comparator::Min, Operand::Value(floor)) => order(actual, floor).is_some_and(std::cmp::Ordering::is_ge),
            (Comparator::Max, Operand::Value(ceiling)) => order(actual, ceiling).is_some_and(std::cmp::Ordering::is_le),
            (Comparator::Eq, Operand::Value(wanted)) => same(actual, wanted),
            (Comparator::Not, Operand::Value(unwanted)) => !same(actual, unwanted),
            (Comparator::OneOf, Operand::Many(allowed)) => allowed.iter().any(|value| same(actual, value)),
            (Comparator::Covers, Operand::Value(Value::Range(inner))) => {
                range(actual).is_some_and(|range| range.covers(*inner))
            }
            (Comparator::Width, Operand::Value(Value::Number(width))) => {
                range(actual).is_some_and(|range| Number::Finite(i128::from(range.width())) >= *width)
            }
            (Comparator::Parity, Operand::SameParity(same)) => {
                range(actual).is_some_and(|range| range.same_parity() == *same)
            }
            (Comparator::Contains, Operand::Many(words)) => words.iter().all(|word| has(actual, word)),
            (Comparator::Contains, Operand::Value(Value::Ports(ports))) => {
                matches!(actual, Value::Ports(actual) if ports.minus(actual).is_empty())
            }
            (Comparator::Excludes, Operand::Many(words)) => !words.iter().any(|word| has(actual, word)),
            (Comparator::Excludes | Comparator::Disjoint, Operand::Value(Value::Ports(ports))) => {
                ports_of(actual).is_some_and(|actual| actual.intersect(ports).is_empty())
            }
            (Comparator::StartsWith, Operand::Value(Value::Text(start))) => match actual {
                Value::Text(text) => text.starts_with(start.as_str()),
                Value::Choice(choice) => choice
                    .selected
                    .as_ref()
                    .is_some_and(|word| word.starts_with(start.as_str())),
                Value::Words(words) => words.iter().any(|word| word.starts_with(start.as_str())),
                _ => false,
            },
            _ => false,
        }
    }

    /// What is asked for, in words; numbers in a unit.
    #[must_use]
    pub fn describe(&self, unit: Unit, page_size: impl Into<Option<u32>>) -> String {
        let page_size = page_size.into();
        let show = |value: &Value| show(value, unit, page_size);
        let list = |values: &[Value], joint: &str| values.iter().map(show).collect::<Vec<_>>().join(joint);
        match (self.comparator, &self.operand) {
            (Comparator::Min, Operand::Value(value)) => format!("at least {}", show(value)),
            (Comparator::Max, Operand::Value(value)) => format!("at most {}", show(value)),
            (Comparator::Eq, Operand::Value(value)) => show(value),
            (Comparator::Not, Operand::Value(value)) => format!("not {}", show(value)),
            (Comparator::OneOf, Operand::Many(values)) => list(values, " or "),
            (Comparator::Covers, Operand::Value(value)) => format!("covering {value}"),
            (Comparator::Width, Operand::Value(value)) => format!("at least {value} wide"),
            (Comparator::Parity, Operand::SameParity(true)) => "both ends even, or both odd".to_owned(),
            (Comparator::Parity, _) => "one end even and one odd".to_owned(),
            (Comparator::Contains, Operand::Many(values)) => format!("with {}", list(values, " and ")),
            (Comparator::Contains, Operand::Value(value)) => format!("with {value}"),
            (Comparator::Excludes, Operand::Many(values)) => format!("without {}", list(values, " and ")),
            (Comparator::Excludes, Operand::Value(value)) => format!("without {value}"),
            (Comparator::Disjoint, Operand::Value(Value::Ports(ports))) if ports.is_empty() => {
                "apart from those ports".to_owned()
            }
            (Comparator::Disjoint, Operand::Value(value)) => format!("without {value}"),
            (Comparator::StartsWith, Operand::Value(value)) => format!("beginning with {value}"),
            (comparator, _) => comparator.name().to_owned(),
        }
    }
}

/// A value for a person: numbers in their unit, of a choice the selected word.
#[must_use]
pub(crate) fn show(value: &Value, unit: Unit, page_size: impl Into<Option<u32>>) -> String {
    match value {
        Value::Number(Number::Finite(number)) => unit.show(*number, page_size),
        Value::Choice(choice) => choice.selected.clone().unwrap_or_else(|| value.to_string()),
        other => other.to_string(),
    }
}

fn order(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some(left.cmp(right)),
        (Value::Version(left), Value::Version(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Equality across forms: a text names the selected word of a choice, and lists of words have no order.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Choice(choice), Value::Text(word)) | (Value::Text(word), Value::Choice(choice)) => {
            choice.selected.as_deref() == Some(word.as_str())
        }
        (Value::Choice(left), Value::Choice(right)) => left.selected == right.selected,
        (Value::Words(left), Value::Words(right)) => {
            let sorted = |words: &[String]| {
                let mut words = words.to_vec();
                words.sort();
                words
            };
            sorted(left) == sorted(right)
        }
        (left, right) => left == right,
    }
}

fn has(actual: &Value, word: &Value) -> bool {
    match (actual, word) {
        (Value::Words(words), Value::Text(word)) => words.iter().any(|known| known == word),
        _ => false,
    }
}

fn range(value: &Value) -> Option<PortRange> {
    match value {
        Value::Range(range) => Some(*range),
        _ => None,
    }
}

fn ports_of(value: &Value) -> Option<PortSet> {
    match value {
        Value::Ports(ports) => Some(ports.clone()),
        Value::Range(range) => Some(range.ports()),
        _ => None,
    }
}

impl Value {
    /// The value for a person: numbers in their unit, of a choice the selected word.
    #[must_use]
    pub fn show(&self, unit: Unit, page_size: impl Into<Option<u32>>) -> String {
        show(self, unit, page_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (at, info) in TABLE.iter().enumerate() {
            assert_eq!(info.comparator as usize, at, "{}", info.name);
        }
    }
}
