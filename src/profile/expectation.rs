//! Comparators: from `min = "connections + 1024"` to a typed expectation.

use super::fields::MODIFIERS;
use super::scope::{Names, describe, expression, expression_at};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::raw::{Data, Entry, Raw};
use crate::expr::TermType;
use crate::rule::{Asked, AskedOperand, Expectation, Kind, Metric, Selectors};
use crate::source::{Place, Sources};
use crate::system::Os;
use crate::value::{Comparator, Dimension, Number, OperandShape, PortRange, PortSet, Type, Unit, Value};

/// Whether a key stands beside comparators without being one.
#[must_use]
pub fn is_modifier(name: &str) -> bool {
    MODIFIERS.iter().any(|field| field.name == name)
}

/// Reads the expectations on one subject.
pub struct ExpectationReader<'a> {
    /// The texts.
    pub sources: &'a Sources,
    /// Where mistakes go.
    pub sink: &'a mut Diagnostics,
    /// What expressions may name.
    pub names: &'a Names,
    /// The subject's kind.
    pub kind: &'static dyn Kind,
    /// The system that the subject is written for.
    pub os: Os,
}

impl ExpectationReader<'_> {
    /// Reads a metric's value: a table of comparators, or a value that it must equal.
    pub fn metric(&mut self, metric: &'static Metric, selectors: &Selectors, raw: &Raw) -> Option<Expectation> {
        let Data::Table(table) = &raw.data else {
            let value = self.type_of(metric, selectors, &[(Comparator::Eq, raw)]);
            let operand = self.operand(Comparator::Eq, value, raw)?;
            let asked = vec![Asked {
                comparator: Comparator::Eq,
                operand,
                place: raw.place,
            }];
            return Some(Expectation {
                metric,
                value,
                field: None,
                asked,
                prefer: None,
            });
        };
        let mut entries = Vec::new();
        for entry in &table.entries {
            if Comparator::parse(&entry.key).is_some() || is_modifier(&entry.key) {
                entries.push(entry);
            } else {
                self.sink.push(
                    Diagnostic::at(entry.key_place, format!("unknown comparator `{}`", entry.key))
                        .label("not known here")
                        .suggest(
                            &entry.key,
                            Comparator::names().chain(MODIFIERS.iter().map(|field| field.name)),
                            "comparators",
                        ),
                );
            }
        }
        self.comparators(metric, selectors, &entries, raw.place)
    }

    /// Reads the comparators among a table's entries.
    pub fn comparators(
        &mut self,
        metric: &'static Metric,
        selectors: &Selectors,
        entries: &[&Entry],
        place: Place,
    ) -> Option<Expectation> {
        let modifier = |name: &str| entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value);
        let asked: Vec<(Comparator, &Raw)> = entries
            .iter()
            .filter_map(|entry| Some((Comparator::parse(&entry.key)?, &entry.value)))
            .collect();
        if asked.is_empty() {
            let what = if metric.name.is_empty() {
                self.kind.name()
            } else {
                metric.name
            };
            let names = Comparator::names()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ");
            self.sink.push(
                Diagnostic::at(place, format!("this `{what}` expects nothing"))
                    .label("no comparator here")
                    .help(format!("comparators: {names}")),
            );
            return None;
        }
        let mut value = self.type_of(metric, selectors, &asked);
        if let Some(raw) = modifier("unit") {
            value = self.with_unit(value, raw);
        }
        let mut field = None;
        if let Some(raw) = modifier("field") {
            (field, value) = self.field(value, raw)?;
        }
        let mut out = Vec::new();
        for (comparator, raw) in asked {
            if !comparator.applies_to(value) {
                self.does_not_apply(comparator, value, raw, entries);
                continue;
            }
            if let Some(operand) = self.operand(comparator, value, raw) {
                out.push(Asked {
                    comparator,
                    operand,
                    place: raw.place,
                });
            }
        }
        let prefer = modifier("prefer").and_then(|raw| self.same(value, raw));
        (!out.is_empty()).then_some(Expectation {
            metric,
            value,
            field,
            asked: out,
            prefer,
        })
    }

    fn does_not_apply(&mut self, comparator: Comparator, value: Type, raw: &Raw, entries: &[&Entry]) {
        let key = entries
            .iter()
            .find(|entry| std::ptr::eq(&entry.value, raw))
            .map_or(raw.place, |entry| entry.key_place);
        let usable: Vec<String> = Comparator::all()
            .filter(|other| other.applies_to(value))
            .map(|other| format!("`{}`", other.name()))
            .collect();
        let mut help = format!("what can be compared here: {}", usable.join(", "));
        if let Type::Tuple(names, _) = value {
            let first = names
                .last()
                .map_or_else(|| "1".to_owned(), |name| format!("\"{name}\""));
            help = format!("say which field is meant, like `field = {first}`; or {help}");
        }
        self.sink.push(
            Diagnostic::at(
                key,
                format!("`{}` cannot compare {}", comparator.name(), value.describe()),
            )
            .label(format!("the value here is {}", value.describe()))
            .help(help),
        );
    }

    fn type_of(&self, metric: &'static Metric, selectors: &Selectors, asked: &[(Comparator, &Raw)]) -> Type {
        if let Some(value) = self.kind.type_of(selectors, metric, self.os) {
            return value;
        }
        // Nobody knows the subject's type, so what it is compared with decides.
        let text = self.kind.text_type();
        let by_value = |raw: &Raw| match &raw.data {
            Data::Integer(_) => Type::Number(Unit::Count),
            Data::Text(word) if Type::Number(Unit::Count).parse(word).is_ok() => Type::Number(Unit::Count),
            Data::List(list) if list.iter().all(|item| matches!(item.data, Data::Integer(_))) => {
                Type::Tuple(&[], Unit::Count)
            }
            _ => text,
        };
        for (comparator, raw) in asked {
            match comparator {
                Comparator::Min | Comparator::Max => return Type::Number(Unit::Count),
                Comparator::Covers | Comparator::Width | Comparator::Parity => return Type::Range,
                Comparator::Disjoint => return Type::Ports,
                Comparator::Contains | Comparator::Excludes => return Type::Words,
                Comparator::OneOf => {
                    return match &raw.data {
                        Data::List(list) if list.iter().all(|item| by_value(item) == Type::Number(Unit::Count)) => {
                            Type::Number(Unit::Count)
                        }
                        _ => text,
                    };
                }
                Comparator::Eq | Comparator::Not => return by_value(raw),
                Comparator::StartsWith => {}
            }
        }
        text
    }

    fn with_unit(&mut self, value: Type, raw: &Raw) -> Type {
        let unit = raw.text().and_then(Unit::parse);
        match (unit, value) {
            (Some(unit), Type::Number(_)) => Type::Number(unit),
            (Some(unit), Type::Tuple(names, _)) => Type::Tuple(names, unit),
            (Some(_), other) => {
                self.sink.push(
                    Diagnostic::at(raw.place, "only numbers have a unit")
                        .label(format!("the value here is {}", other.describe())),
                );
                value
            }
            (None, _) => {
                let names: Vec<&str> = Unit::all().map(Unit::name).filter(|name| !name.is_empty()).collect();
                self.sink.push(
                    Diagnostic::at(raw.place, "this is not a unit")
                        .label("not known here")
                        .suggest(raw.text().unwrap_or(""), names, "units"),
                );
                value
            }
        }
    }

    fn field(&mut self, value: Type, raw: &Raw) -> Option<(Option<usize>, Type)> {
        let Type::Tuple(names, unit) = value else {
            self.sink.push(
                Diagnostic::at(raw.place, "only a value of several numbers has fields")
                    .label(format!("the value here is {}", value.describe())),
            );
            return None;
        };
        let index = match &raw.data {
            Data::Integer(number) => {
                let index = usize::try_from(*number).ok().and_then(|number| number.checked_sub(1));
                index.filter(|index| names.is_empty() || *index < names.len())
            }
            Data::Text(name) => names.iter().position(|known| known == name),
            _ => None,
        };
        let Some(index) = index else {
            let known = if names.is_empty() {
                "fields are counted from 1".to_owned()
            } else {
                format!("its fields are {}", names.join(", "))
            };
            self.sink.push(
                Diagnostic::at(raw.place, "there is no such field")
                    .label("not a field")
                    .help(known),
            );
            return None;
        };
        Some((Some(index), Type::Number(unit)))
    }

    fn operand(&mut self, comparator: Comparator, value: Type, raw: &Raw) -> Option<AskedOperand> {
        match comparator.operand_shape() {
            OperandShape::Same => self.same(value, raw),
            OperandShape::Number => self.number(Unit::Count, raw),
            OperandShape::Range => self.range(raw),
            OperandShape::Ports => self.ports(raw),
            OperandShape::Parity => match raw.text() {
                Some("same") => Some(AskedOperand::Parity { same: true }),
                Some("different") => Some(AskedOperand::Parity { same: false }),
                _ => self.wrong(raw, "`parity` is \"same\" or \"different\""),
            },
            OperandShape::Text => match raw.text() {
                Some(text) => Some(AskedOperand::Literal(Value::Text(text.to_owned()))),
                None => self.wrong(raw, "a string is needed here"),
            },
            OperandShape::Many => {
                let Data::List(list) = &raw.data else {
                    return self.wrong(raw, format!("`{}` takes an array of values", comparator.name()));
                };
                if list.is_empty() {
                    return self.wrong(raw, "an empty array allows nothing");
                }
                let operands: Vec<AskedOperand> = list.iter().filter_map(|item| self.same(value, item)).collect();
                if operands.len() < list.len() {
                    return None;
                }
                Some(collect(operands))
            }
            OperandShape::TextList => {
                if value == Type::Ports {
                    return self.ports(raw);
                }
                let words: Option<Vec<Value>> = match &raw.data {
                    Data::Text(text) => Some(vec![Value::Text(text.clone())]),
                    Data::List(list) => list
                        .iter()
                        .map(|item| item.text().map(|text| Value::Text(text.to_owned())))
                        .collect(),
                    _ => None,
                };
                match words.filter(|words| !words.is_empty()) {
                    Some(words) => Some(AskedOperand::Literals(words)),
                    None => self.wrong(raw, "a string, or an array of strings, is needed here"),
                }
            }
        }
    }

    fn wrong<T>(&mut self, raw: &Raw, message: impl Into<String>) -> Option<T> {
        self.sink
            .push(Diagnostic::at(raw.place, message).label(format!("this is {}", raw.kind())));
        None
    }

    /// An operand of the subject's own type.
    fn same(&mut self, value: Type, raw: &Raw) -> Option<AskedOperand> {
        if let Some(computed) = self.braced(value, raw) {
            return computed;
        }
        match (value, &raw.data) {
            (Type::Number(unit), _) => self.number(unit, raw),
            (Type::Range, _) => self.range(raw),
            (Type::Ports, _) => self.ports(raw),
            (Type::Tuple(_, unit), Data::List(list)) => {
                let operands: Vec<AskedOperand> = list.iter().filter_map(|item| self.number(unit, item)).collect();
                (operands.len() == list.len()).then(|| collect(operands)).map(as_tuple)
            }
            (Type::Words, Data::List(list)) => {
                let words: Option<Vec<String>> = list.iter().map(|item| item.text().map(str::to_owned)).collect();
                match words {
                    Some(words) => Some(AskedOperand::Literal(Value::Words(words))),
                    None => self.wrong(raw, "an array of strings is needed here"),
                }
            }
            (Type::Bool, Data::Bool(flag)) => Some(AskedOperand::Literal(Value::Bool(*flag))),
            (Type::Choice | Type::Text, Data::Text(text)) => Some(AskedOperand::Literal(Value::Text(text.clone()))),
            (Type::Choice | Type::Text, Data::Integer(number)) => {
                Some(AskedOperand::Literal(Value::Text(number.to_string())))
            }
            (_, Data::Text(text)) => match value.parse(text) {
                Ok(value) => Some(AskedOperand::Literal(value)),
                Err(error) => {
                    self.sink.push(
                        Diagnostic::at(raw.place, format!("this cannot be compared with {}", value.describe()))
                            .label(error.to_string()),
                    );
                    None
                }
            },
            (_, _) => self.wrong(raw, format!("{} is needed here", value.describe())),
        }
    }

    /// `${...}`: an expression where a literal text is expected.
    fn braced(&mut self, value: Type, raw: &Raw) -> Option<Option<AskedOperand>> {
        if !matches!(value, Type::Choice | Type::Text | Type::Version | Type::Bool) {
            return None;
        }
        let inner = raw.text()?.strip_prefix("${")?.strip_suffix('}')?;
        let (condition, kind) = match expression_at(inner, 2, raw, self.names, self.sources, self.sink) {
            Some(read) => read,
            None => return Some(None),
        };
        let fits = match value {
            Type::Bool => kind == TermType::Bool,
            Type::Version => matches!(kind, TermType::Version | TermType::Text),
            _ => matches!(kind, TermType::Text | TermType::Number(Dimension::None)),
        };
        if !fits {
            return Some(self.wrong(
                raw,
                format!(
                    "the expression is {}, and {} is needed",
                    describe(kind),
                    value.describe()
                ),
            ));
        }
        Some(Some(AskedOperand::Computed(condition)))
    }

    /// A number in a unit: an integer, or an expression.
    fn number(&mut self, unit: Unit, raw: &Raw) -> Option<AskedOperand> {
        if let Data::Integer(number) = raw.data {
            return match number.checked_mul(unit.bare_scale()) {
                Some(number) => Some(AskedOperand::Literal(Value::Number(Number::Finite(number)))),
                None => self.wrong(raw, "this number is too large"),
            };
        }
        if raw.text().is_none() {
            return self.wrong(raw, "an integer, or a string with an expression, is needed here");
        }
        let (condition, kind) = expression(raw, self.names, self.sources, self.sink)?;
        match kind {
            TermType::Unlimited | TermType::Number(Dimension::None) => Some(AskedOperand::Computed(condition)),
            TermType::Number(dimension) if dimension == unit.dimension() => Some(AskedOperand::Computed(condition)),
            TermType::Number(_) if unit.dimension() == Dimension::None => {
                self.sink.push(
                    Diagnostic::at(
                        raw.place,
                        "this number is a plain count, and what is asked for has a unit",
                    )
                    .label(format!("this is {}", describe(kind)))
                    .help("give the plain number, or say `unit = \"...\"`"),
                );
                None
            }
            other => {
                self.sink.push(
                    Diagnostic::at(
                        raw.place,
                        format!("this is {}, and a number of {} is needed", describe(other), unit.name()),
                    )
                    .label(format!("this is {}", describe(other))),
                );
                None
            }
        }
    }

    fn range(&mut self, raw: &Raw) -> Option<AskedOperand> {
        match &raw.data {
            Data::Text(text) => match PortRange::parse(text) {
                Ok(range) => Some(AskedOperand::Literal(Value::Range(range))),
                Err(error) => {
                    self.sink.push(
                        Diagnostic::at(raw.place, "this is not a range")
                            .label(error.to_string())
                            .help("a range is written \"10240-65535\", or [\"first\", \"last\"] with expressions"),
                    );
                    None
                }
            },
            Data::List(list) if list.len() == 2 => {
                let bounds: Vec<AskedOperand> = list.iter().filter_map(|item| self.number(Unit::Count, item)).collect();
                (bounds.len() == 2).then(|| collect(bounds))
            }
            _ => self.wrong(
                raw,
                "a range is written \"10240-65535\", or [\"first\", \"last\"] with expressions",
            ),
        }
    }

    fn ports(&mut self, raw: &Raw) -> Option<AskedOperand> {
        let text = match &raw.data {
            Data::Text(text) if text == "listening" => return Some(AskedOperand::Listening),
            Data::Text(text) if text == "reserved" => return Some(AskedOperand::Reserved),
            Data::Text(text) => text.clone(),
            Data::Integer(port) => port.to_string(),
            Data::List(list) => {
                let words: Vec<String> = list
                    .iter()
                    .map(|item| match &item.data {
                        Data::Integer(port) => port.to_string(),
                        Data::Text(text) => text.clone(),
                        other => format!("{other:?}"),
                    })
                    .collect();
                words.join(",")
            }
            _ => {
                return self.wrong(
                    raw,
                    "ports are written \"8080,9000-9100\", \"listening\" or \"reserved\"",
                );
            }
        };
        match PortSet::parse(&text) {
            Ok(ports) => Some(AskedOperand::Literal(Value::Ports(ports))),
            Err(error) => {
                self.sink.push(
                    Diagnostic::at(raw.place, "this is not a list of ports")
                        .label(error.to_string())
                        .help("ports are written \"8080,9000-9100\", \"listening\" or \"reserved\""),
                );
                None
            }
        }
    }
}

/// Several operands as one: literal where all are.
fn collect(operands: Vec<AskedOperand>) -> AskedOperand {
    if operands
        .iter()
        .all(|operand| matches!(operand, AskedOperand::Literal(_)))
    {
        let values = operands.into_iter().filter_map(|operand| match operand {
            AskedOperand::Literal(value) => Some(value),
            _ => None,
        });
        return AskedOperand::Literals(values.collect());
    }
    AskedOperand::Mixed(operands)
}

/// The numbers of a list as one tuple, where they are known already.
fn as_tuple(operand: AskedOperand) -> AskedOperand {
    match operand {
        AskedOperand::Literals(values) => {
            let numbers = values.iter().filter_map(|value| match value {
                Value::Number(number) => Some(*number),
                _ => None,
            });
            AskedOperand::Literal(Value::Tuple(numbers.collect()))
        }
        other => other,
    }
}
