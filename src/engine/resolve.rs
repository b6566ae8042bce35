//! Conditions and operands, evaluated on a machine.

use super::params::evaluate_at;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{EvalError, Term};
use crate::host::Host;
use crate::profile::params::Values;
use crate::rule::{AskedOperand, Condition, Expectation, Kind, Metric, Rule, Selector, Selectors, Subject, unit_of};
use crate::source::Place;
use crate::value::{
    Comparator, Comparison, Dimension, Number, Operand, PortRange, PortSet, Rounding, Type, Unit, UnitMismatch, Value,
    Version, contradict,
};

/// A subject whose expectations are all known.
#[derive(Debug)]
pub struct ResolvedSubject {
    /// The kind.
    pub kind: &'static dyn Kind,
    /// Which one.
    pub selectors: Selectors,
    /// What is expected.
    pub expectations: Vec<ResolvedExpectation>,
    /// How computed numbers came about.
    pub trace: Vec<String>,
}

/// What is expected of one metric.
#[derive(Debug)]
pub struct ResolvedExpectation {
    /// The metric.
    pub metric: &'static Metric,
    /// The type of what is compared.
    pub value: Type,
    /// The field of a tuple that is compared.
    pub field: Option<usize>,
    /// All of these must hold.
    pub comparisons: Vec<Comparison>,
    /// What a fix should write where the comparisons leave a choice.
    pub prefer: Option<Value>,
}

/// Whether a rule applies: `Ok(None)` if it does, `Ok(Some(reason))` if not.
///
/// # Errors
/// Why that cannot be known here.
pub fn applies(rule: &Rule, values: &Values<'_>, sink: &mut Diagnostics) -> Result<Option<String>, String> {
    for condition in &rule.when {
        match condition.expr.eval(values) {
            Ok(Term::Bool(true)) => {}
            Ok(_) => return Ok(Some(format!("only when {}", condition.expr.text().trim()))),
            Err(EvalError::Unavailable(why)) => return Err(format!("whether it applies is unknown: {why}")),
            Err(EvalError::Invalid(_)) => {
                if let Err(diagnostic) = evaluate_at(condition, values) {
                    sink.push(diagnostic);
                }
                return Ok(Some("its condition cannot be evaluated".to_owned()));
            }
        }
    }
    Ok(None)
}

/// Evaluates selectors and operands. Mistakes go into `sink`.
///
/// # Errors
/// Why an operand cannot be known here.
pub fn subject(
    subject: &Subject,
    values: &Values<'_>,
    host: &Host<'_>,
    sink: &mut Diagnostics,
) -> Result<ResolvedSubject, String> {
    let mut resolver = Resolver {
        values,
        host,
        sink,
        trace: Vec::new(),
    };
    let mut selectors = subject.selectors.clone();
    for (name, selector) in selectors.iter_mut() {
        if let Selector::Computed(condition) = selector {
            let condition = condition.clone();
            match resolver.term(&condition)? {
                Some(Term::Number { amount, .. }) => *selector = Selector::Number(amount),
                Some(_) => resolver
                    .sink
                    .push(Diagnostic::at(condition.raw, format!("`{name}` must be a number"))),
                None => {}
            }
        }
    }
    let mut expectations = Vec::with_capacity(subject.expectations.len());
    for expectation in &subject.expectations {
        expectations.push(resolver.expectation(expectation)?);
    }
    Ok(ResolvedSubject {
        kind: subject.kind,
        selectors,
        expectations,
        trace: resolver.trace,
    })
}

struct Resolver<'a, 'b> {
    values: &'a Values<'b>,
    host: &'a Host<'b>,
    sink: &'a mut Diagnostics,
    trace: Vec<String>,
}

impl Resolver<'_, '_> {
    fn expectation(&mut self, expectation: &Expectation) -> Result<ResolvedExpectation, String> {
        let mut comparisons = Vec::with_capacity(expectation.asked.len());
        for asked in &expectation.asked {
            let rounding = match asked.comparator {
                Comparator::Min | Comparator::Width => Rounding::Up,
                Comparator::Max => Rounding::Down,
                _ => Rounding::Exact,
            };
            let value = if asked.comparator == Comparator::Width {
                Type::Number(Unit::Count)
            } else {
                expectation.value
            };
            if let Some(operand) = self.operand(&asked.operand, value, rounding, asked.place)? {
                comparisons.push(Comparison {
                    comparator: asked.comparator,
                    operand,
                });
            }
        }
        if comparisons.len() > 1 && contradict(&comparisons, &[]) {
            let asked = &expectation.asked[expectation.asked.len() - 1];
            self.sink.push(
                Diagnostic::at(asked.place, "no value can satisfy all of this rule")
                    .label("contradicts what stands before it"),
            );
        }
        let prefer = match &expectation.prefer {
            Some(operand) => {
                match self.operand(operand, expectation.value, Rounding::Exact, expectation.asked[0].place)? {
                    Some(Operand::Value(value)) => Some(value),
                    _ => None,
                }
            }
            None => None,
        };
        Ok(ResolvedExpectation {
            metric: expectation.metric,
            value: expectation.value,
            field: expectation.field,
            comparisons,
            prefer,
        })
    }

    /// `Ok(None)` where a mistake was reported.
    fn operand(
        &mut self,
        operand: &AskedOperand,
        value: Type,
        rounding: Rounding,
        place: Place,
    ) -> Result<Option<Operand>, String> {
        Ok(match operand {
            AskedOperand::Literal(value) => Some(Operand::Value(value.clone())),
            AskedOperand::Literals(values) => self.several(values.clone(), value, place),
            AskedOperand::Parity { same } => Some(Operand::SameParity(*same)),
            AskedOperand::Listening => Some(Operand::Value(Value::Ports(self.listening()?))),
            AskedOperand::Reserved => Some(Operand::Value(Value::Ports(self.reserved()?))),
            AskedOperand::Computed(condition) => self.computed(condition, value, rounding)?.map(Operand::Value),
            AskedOperand::Mixed(operands) => {
                // The items of a list are numbers of the subject's unit, whatever the list makes of them.
                let item = match value {
                    Type::Tuple(_, unit) => Type::Number(unit),
                    Type::Range => Type::Number(Unit::Count),
                    other => other,
                };
                let mut values = Vec::new();
                for operand in operands {
                    if let Some(Operand::Value(value)) = self.operand(operand, item, rounding, place)? {
                        values.push(value);
                    }
                }
                if values.len() == operands.len() {
                    self.several(values, value, place)
                } else {
                    None
                }
            }
        })
    }

    /// A list of values as the type needs it.
    fn several(&mut self, values: Vec<Value>, value: Type, place: Place) -> Option<Operand> {
        let numbers: Vec<Number> = values
            .iter()
            .filter_map(|value| match value {
                Value::Number(number) => Some(*number),
                _ => None,
            })
            .collect();
        let all = numbers.len() == values.len();
        match (value, numbers.as_slice()) {
            (Type::Range, [Number::Finite(lo), Number::Finite(hi)]) => {
                let bound = |number: &i128| u32::try_from(*number).ok();
                match (bound(lo), bound(hi)) {
                    (Some(lo), Some(hi)) if lo <= hi => Some(Operand::Value(Value::Range(PortRange { lo, hi }))),
                    _ => {
                        self.sink.push(
                            Diagnostic::at(place, format!("{lo} to {hi} is not a range"))
                                .label("first and last, both not negative"),
                        );
                        None
                    }
                }
            }
            (Type::Tuple(..), _) if all => Some(Operand::Value(Value::Tuple(numbers))),
            _ => Some(Operand::Many(values)),
        }
    }

    fn term(&mut self, condition: &Condition) -> Result<Option<Term>, String> {
        match condition.expr.eval(self.values) {
            Ok(term) => {
                if let Some(trace) = condition.expr.trace(self.values)
                    && !self.trace.contains(&trace)
                {
                    self.trace.push(trace);
                }
                Ok(Some(term))
            }
            Err(EvalError::Unavailable(why)) => Err(format!("what is expected is unknown: {why}")),
            Err(EvalError::Invalid(_)) => {
                if let Err(diagnostic) = evaluate_at(condition, self.values) {
                    self.sink.push(diagnostic);
                }
                Ok(None)
            }
        }
    }

    fn computed(&mut self, condition: &Condition, value: Type, rounding: Rounding) -> Result<Option<Value>, String> {
        let Some(term) = self.term(condition)? else {
            return Ok(None);
        };
        Ok(match (value, term) {
            (Type::Bool, Term::Bool(flag)) => Some(Value::Bool(flag)),
            (Type::Version, Term::Version(version)) => Some(Value::Version(version)),
            (Type::Version, Term::Text(text)) => Some(Value::Version(Version::parse(&text))),
            (Type::Text | Type::Choice, term) => Some(Value::Text(term.show())),
            (_, Term::Unlimited) => Some(Value::Number(Number::Unlimited)),
            (kind, Term::Number { amount, dimension }) => {
                let page_size = self.host.system.platform().page_size;
                match unit_of(kind).from_quantity(amount, dimension, page_size, rounding) {
                    Ok(number) => Some(Value::number(number)),
                    Err(error) => {
                        let why = match error {
                            UnitMismatch::PageSize => {
                                let why = "it is in pages, and nothing here tells how large they are";
                                return Err(format!("what is expected is unknown: {why}"));
                            }
                            UnitMismatch::Overflow => "this is too large",
                            UnitMismatch::NotWhole => {
                                "this is not a whole number in the unit of what it is compared with"
                            }
                            UnitMismatch::Dimension => "this measures something else than what it is compared with",
                        };
                        let unit = unit_of(kind).name();
                        let label = if dimension == Dimension::None {
                            String::new()
                        } else {
                            format!("the unit is {unit}")
                        };
                        self.sink.push(Diagnostic::at(condition.raw, why).label(label));
                        None
                    }
                }
            }
            _ => {
                self.sink.push(Diagnostic::at(
                    condition.raw,
                    format!("{} is needed here", value.describe()),
                ));
                None
            }
        })
    }

    /// TCP ports that are listened on, without the reserved ones.
    fn listening(&self) -> Result<PortSet, String> {
        let sockets = self
            .host
            .system
            .sockets()
            .map_err(|failure| format!("the listening sockets: {failure}"))?;
        let tcp = sockets.listeners.iter().filter(|listener| listener.protocol == "tcp");
        let ports = PortSet::from_ranges(tcp.map(|listener| (listener.port, listener.port)));
        Ok(ports.minus(&self.reserved().unwrap_or_default()))
    }

    fn reserved(&self) -> Result<PortSet, String> {
        let key = "net.ipv4.ip_local_reserved_ports";
        let text = self.values_text(key)?;
        PortSet::parse(&text).map_err(|error| format!("{key}: {error}"))
    }

    fn values_text(&self, key: &str) -> Result<String, String> {
        self.host
            .system
            .sysctl(key)
            .map_err(|failure| format!("{key}: {failure}"))
    }
}
