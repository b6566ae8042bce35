//! The names that expressions of a profile may use, and reading an expression where one stands.

use std::cell::RefCell;
use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::raw::{Data, Raw};
use crate::expr::{Expr, ExprError, Scope, TermType};
use crate::host::FACTS;
use crate::rule::Condition;
use crate::source::Sources;
use crate::value::Dimension;

/// Parameters and facts; remembers which parameters were used.
#[derive(Debug)]
pub struct Names {
    params: Vec<(String, TermType)>,
    used: RefCell<HashSet<String>>,
}

impl Names {
    /// These parameters, and the facts.
    #[must_use]
    pub fn new(params: Vec<(String, TermType)>) -> Self {
        Self {
            params,
            used: RefCell::default(),
        }
    }

    /// Whether an expression used a parameter.
    #[must_use]
    pub fn used(&self, name: &str) -> bool {
        self.used.borrow().contains(name)
    }
}

impl Scope for Names {
    fn type_of(&self, name: &str) -> Option<TermType> {
        if let Some((_, kind)) = self.params.iter().find(|(known, _)| known == name) {
            if !self.used.borrow().contains(name) {
                self.used.borrow_mut().insert(name.to_owned());
            }
            return Some(*kind);
        }
        FACTS.iter().find(|fact| fact.name == name).map(|fact| fact.kind)
    }

    fn names(&self) -> Vec<&str> {
        self.params
            .iter()
            .map(|(name, _)| name.as_str())
            .chain(FACTS.iter().map(|fact| fact.name))
            .collect()
    }

    fn sysctl_type(&self, _key: &str) -> TermType {
        TermType::Number(Dimension::None)
    }
}

/// Reads and types the expression in a string or an integer; reports what is wrong with it.
pub fn expression(
    raw: &Raw,
    names: &Names,
    sources: &Sources,
    sink: &mut Diagnostics,
) -> Option<(Condition, TermType)> {
    let number;
    let text = match &raw.data {
        Data::Text(text) => text.as_str(),
        Data::Integer(value) => {
            number = value.to_string();
            number.as_str()
        }
        _ => return None,
    };
    expression_at(text, 0, raw, names, sources, sink)
}

/// The same for a part of a string, which begins `offset` bytes into it.
pub fn expression_at(
    text: &str,
    offset: usize,
    raw: &Raw,
    names: &Names,
    sources: &Sources,
    sink: &mut Diagnostics,
) -> Option<(Condition, TermType)> {
    let mut report = |errors: Vec<ExprError>| {
        for error in errors {
            let place = raw.part(sources, error.span.start + offset..error.span.end + offset);
            let diagnostic = Diagnostic::at(place, error.message).label("in this expression");
            sink.push(match error.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            });
        }
    };
    let expr = match Expr::parse(text) {
        Ok(expr) => expr,
        Err(errors) => {
            report(errors);
            return None;
        }
    };
    match expr.check(names) {
        Ok(kind) => {
            let exact = raw.part(sources, 0..0) != raw.place;
            let place = if exact {
                raw.part(sources, offset..offset + text.len())
            } else {
                raw.place
            };
            Some((
                Condition {
                    expr,
                    raw: place,
                    exact,
                },
                kind,
            ))
        }
        Err(errors) => {
            report(errors);
            None
        }
    }
}

/// A type, for a message.
#[must_use]
pub fn describe(kind: TermType) -> &'static str {
    match kind {
        TermType::Number(Dimension::None) => "a number",
        TermType::Number(Dimension::Bytes) => "a size in bytes",
        TermType::Number(Dimension::Time) => "a duration",
        TermType::Number(Dimension::Percent) => "a percentage",
        TermType::Unlimited => "without bound",
        TermType::Bool => "true or false",
        TermType::Text => "a text",
        TermType::Version => "a version",
    }
}
