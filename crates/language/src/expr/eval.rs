//! Values of expressions. Total: every evaluation ends with a value or an error, and never panics.

use std::cmp::Ordering;
use std::fmt;

use super::{Binary, Expr, ExprError, Function, Node, Op, TermType};
use crate::value::{Dimension, Unit, Version};

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

/// Where an expression's names get their values.
pub trait Environment {
    /// The value of a parameter or fact.
    fn value(&self, name: &str) -> Option<Term>;
    /// A live value.
    ///
    /// # Errors
    /// Why it cannot be read, for a person.
    fn sysctl(&self, key: &str) -> Result<Term, String>;
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvalError {
    /// It is wrong: it overflows, or divides by zero.
    Invalid(ExprError),
    /// Something that it needs cannot be learned here.
    Unavailable(String),
}

impl Expr {
    /// Its value.
    ///
    /// # Errors
    /// It overflows or divides by zero, or needs what cannot be learned here.
    pub fn eval(&self, env: &dyn Environment) -> Result<Term, EvalError> {
        eval(&self.root, env)
    }

    /// How its value came about: `connections + 1024 = 11024`; `None` where there is nothing to compute.
    #[must_use]
    pub fn trace(&self, env: &dyn Environment) -> Option<String> {
        if self.is_literal() {
            return None;
        }
        let value = self.eval(env).ok()?.show();
        let mut trace = format!("{} = {value}", self.text.trim());
        let mut inputs: Vec<String> = Vec::new();
        for (name, _) in self.names() {
            if let Some(term) = env.value(name) {
                let input = format!("{name} = {}", term.show());
                // A name that stands alone is its own trace.
                if !inputs.contains(&input) && trace != input {
                    inputs.push(input);
                }
            }
        }
        if !inputs.is_empty() {
            trace.push_str(&format!(" ({})", inputs.join(", ")));
        }
        Some(trace)
    }
}

fn invalid(node: &Node, message: impl Into<String>) -> EvalError {
    EvalError::Invalid(ExprError::new(node.span.clone(), message))
}

fn eval(node: &Node, env: &dyn Environment) -> Result<Term, EvalError> {
    match &node.op {
        Op::Literal(term) => Ok(term.clone()),
        Op::Name(name) => env
            .value(name)
            .ok_or_else(|| EvalError::Unavailable(format!("`{name}` cannot be learned on this machine"))),
        Op::Negate(inner) => match eval(inner, env)? {
            Term::Number { amount, dimension } => {
                let amount = amount.checked_neg().ok_or_else(|| overflow(node))?;
                Ok(Term::Number { amount, dimension })
            }
            _ => Err(invalid(inner, "a number is needed here")),
        },
        Op::Not(inner) => Ok(Term::Bool(!truth(inner, env)?)),
        Op::Binary(Binary::And, left, right) => Ok(Term::Bool(truth(left, env)? && truth(right, env)?)),
        Op::Binary(Binary::Or, left, right) => Ok(Term::Bool(truth(left, env)? || truth(right, env)?)),
        Op::Binary(op, left, right) => binary(node, *op, &eval(left, env)?, &eval(right, env)?),
        Op::Call(function, arguments) => call(node, *function, arguments, env),
    }
}

fn truth(node: &Node, env: &dyn Environment) -> Result<bool, EvalError> {
    match eval(node, env)? {
        Term::Bool(value) => Ok(value),
        _ => Err(invalid(node, "true or false is needed here")),
    }
}

fn overflow(node: &Node) -> EvalError {
    invalid(node, "this overflows 128 bits")
}

fn binary(node: &Node, op: Binary, left: &Term, right: &Term) -> Result<Term, EvalError> {
    let ordering = |test: fn(Ordering) -> bool| match compare(left, right) {
        Some(ordering) => Ok(Term::Bool(test(ordering))),
        None => Err(invalid(node, "these cannot be compared")),
    };
    match op {
        Binary::Equal => return ordering(Ordering::is_eq),
        Binary::NotEqual => return ordering(Ordering::is_ne),
        Binary::Less => return ordering(Ordering::is_lt),
        Binary::LessEqual => return ordering(Ordering::is_le),
        Binary::Greater => return ordering(Ordering::is_gt),
        Binary::GreaterEqual => return ordering(Ordering::is_ge),
        _ => {}
    }
    let (
        Term::Number {
            amount: a,
            dimension: x,
        },
        Term::Number {
            amount: b,
            dimension: y,
        },
    ) = (left, right)
    else {
        return Err(invalid(node, "numbers are needed here"));
    };
    let (a, b) = (*a, *b);
    if matches!(op, Binary::Divide | Binary::Modulo) && b == 0 {
        return Err(invalid(node, "this divides by zero"));
    }
    let amount = match op {
        Binary::Add => a.checked_add(b),
        Binary::Subtract => a.checked_sub(b),
        Binary::Multiply => a.checked_mul(b),
        Binary::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    let dimension = match op {
        Binary::Multiply if *x == Dimension::None => *y,
        Binary::Divide if x == y => Dimension::None,
        _ => *x,
    };
    Ok(Term::Number {
        amount: amount.ok_or_else(|| overflow(node))?,
        dimension,
    })
}

fn compare(left: &Term, right: &Term) -> Option<Ordering> {
    match (left, right) {
        (
            Term::Number {
                amount: a,
                dimension: x,
            },
            Term::Number {
                amount: b,
                dimension: y,
            },
        ) if x == y => Some(a.cmp(b)),
        (Term::Unlimited, Term::Unlimited) => Some(Ordering::Equal),
        (Term::Unlimited, Term::Number { .. }) => Some(Ordering::Greater),
        (Term::Number { .. }, Term::Unlimited) => Some(Ordering::Less),
        (Term::Bool(a), Term::Bool(b)) => Some(a.cmp(b)),
        (Term::Text(a), Term::Text(b)) => Some(a.cmp(b)),
        (Term::Version(a), Term::Version(b)) => Some(a.cmp(b)),
        (Term::Version(a), Term::Text(b)) => Some(a.cmp(&Version::parse(b))),
        (Term::Text(a), Term::Version(b)) => Some(Version::parse(a).cmp(b)),
        _ => None,
    }
}

fn call(node: &Node, function: Function, arguments: &[Node], env: &dyn Environment) -> Result<Term, EvalError> {
    if let (Function::Version | Function::Sysctl, Op::Literal(Term::Text(text))) = (function, &arguments[0].op) {
        return match function {
            Function::Version => Ok(Term::Version(Version::parse(text))),
            _ => env.sysctl(text).map_err(EvalError::Unavailable),
        };
    }
    let terms: Vec<Term> = arguments
        .iter()
        .map(|argument| eval(argument, env))
        .collect::<Result<_, _>>()?;
    let pick = |keep_left: fn(Ordering) -> bool, left: &Term, right: &Term| match compare(left, right) {
        Some(ordering) => Ok(if keep_left(ordering) {
            left.clone()
        } else {
            right.clone()
        }),
        None => Err(invalid(node, "these cannot be compared")),
    };
    match (function, terms.as_slice()) {
        (Function::Min, [first, rest @ ..]) => rest
            .iter()
            .try_fold(first.clone(), |least, term| pick(Ordering::is_le, &least, term)),
        (Function::Max, [first, rest @ ..]) => rest
            .iter()
            .try_fold(first.clone(), |most, term| pick(Ordering::is_ge, &most, term)),
        (Function::Clamp, [value, low, high]) => {
            if compare(low, high) == Some(Ordering::Greater) {
                return Err(invalid(node, "the lower bound of `clamp` is above the upper one"));
            }
            let raised = pick(Ordering::is_ge, value, low)?;
            pick(Ordering::is_le, &raised, high)
        }
        (Function::Abs, [Term::Number { amount, dimension }]) => {
            let amount = amount.checked_abs().ok_or_else(|| overflow(node))?;
            Ok(Term::Number {
                amount,
                dimension: *dimension,
            })
        }
        (Function::CeilPow2, [Term::Number { amount, dimension }]) => {
            let amount = u128::try_from(*amount).unwrap_or(0).max(1).checked_next_power_of_two();
            let amount = amount
                .and_then(|amount| i128::try_from(amount).ok())
                .ok_or_else(|| overflow(node))?;
            Ok(Term::Number {
                amount,
                dimension: *dimension,
            })
        }
        (
            Function::Percent,
            [
                Term::Number {
                    amount: share,
                    dimension: kind,
                },
                Term::Number {
                    amount: whole,
                    dimension,
                },
            ],
        ) => {
            // A bare share is percent, a written one hundredths of it.
            let parts = if *kind == Dimension::Percent { 10_000 } else { 100 };
            let amount = whole
                .checked_mul(*share)
                .ok_or_else(|| overflow(node))?
                .div_euclid(parts);
            Ok(Term::Number {
                amount,
                dimension: *dimension,
            })
        }
        _ => Err(invalid(node, format!("`{}` cannot take these values", function.name()))),
    }
}
