//! Values of expressions. Total: every evaluation ends with a value or an error, and never panics.

use std::cmp::Ordering;

use super::{Binary, Expr, ExprError, Function, Node, Op, Term};
use crate::value::{Dimension, Version};

/// Where an expression's names get their values.
pub trait Environment {
    /// The value of a parameter or fact.
    ///
    /// # Errors
    /// Why it cannot be learned, for a person.
    fn value(&self, name: &str) -> Result<Term, String>;
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
            if let Ok(term) = env.value(name) {
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
            .map_err(|why| EvalError::Unavailable(format!("`{name}` cannot be learned here: {why}"))),
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
