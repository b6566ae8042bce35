//! The expression language: numbers with units, parameters, facts and live values. Total, without side effects, checked.
//!
//! ```text
//! connections + 1024        percent(3, ram)         kernel >= version("4.12") and not container
//! sysctl("fs.aio-nr") + 51026 * cpus                ceil_pow2(max(connections, 4096))
//! ```

mod check;
mod eval;
mod lex;
mod parse;
mod print;
mod term;

pub use check::Scope;
pub use eval::{Environment, EvalError};
pub use term::{Term, TermType};

use std::ops::Range;

/// A mistake in an expression, at bytes of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprError {
    /// Where.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl ExprError {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// An expression.
#[derive(Debug, Clone)]
pub struct Expr {
    text: String,
    root: Node,
}

/// Equal where they have the same structure, wherever their parts stand.
impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        same(&self.root, &other.root)
    }
}

#[derive(Debug, Clone)]
struct Node {
    span: Range<usize>,
    op: Op,
}

#[derive(Debug, Clone)]
enum Op {
    Literal(Term),
    Name(String),
    Negate(Box<Node>),
    Not(Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Min,
    Max,
    CeilPow2,
    Clamp,
    Percent,
    Abs,
    Version,
    Sysctl,
}

impl Function {
    const ALL: [(Function, &'static str, usize, usize); 8] = [
        (Function::Min, "min", 2, usize::MAX),
        (Function::Max, "max", 2, usize::MAX),
        (Function::CeilPow2, "ceil_pow2", 1, 1),
        (Function::Clamp, "clamp", 3, 3),
        (Function::Percent, "percent", 2, 2),
        (Function::Abs, "abs", 1, 1),
        (Function::Version, "version", 1, 1),
        (Function::Sysctl, "sysctl", 1, 1),
    ];

    fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(function, ..)| *function == self)
            .map_or("", |(_, name, ..)| name)
    }
}

impl Binary {
    fn symbol(self) -> &'static str {
        match self {
            Binary::Or => "or",
            Binary::And => "and",
            Binary::Equal => "==",
            Binary::NotEqual => "!=",
            Binary::Less => "<",
            Binary::LessEqual => "<=",
            Binary::Greater => ">",
            Binary::GreaterEqual => ">=",
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::Modulo => "%",
        }
    }

    /// How tightly it binds; comparisons do not chain.
    fn power(self) -> u8 {
        match self {
            Binary::Or => 1,
            Binary::And => 2,
            Binary::Equal
            | Binary::NotEqual
            | Binary::Less
            | Binary::LessEqual
            | Binary::Greater
            | Binary::GreaterEqual => 4,
            Binary::Add | Binary::Subtract => 5,
            Binary::Multiply | Binary::Divide | Binary::Modulo => 6,
        }
    }
}

/// What `not` binds to: comparisons and everything tighter.
const NOT_POWER: u8 = 3;
/// What a sign binds to.
const NEGATE_POWER: u8 = 7;

impl Expr {
    /// Its text, as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is a single value, with nothing to compute.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        match &self.root.op {
            Op::Literal(_) => true,
            Op::Negate(inner) => matches!(inner.op, Op::Literal(_)),
            _ => false,
        }
    }

    /// The names that it uses, each with where it stands.
    #[must_use]
    pub fn names(&self) -> Vec<(&str, Range<usize>)> {
        let mut names = Vec::new();
        visit(&self.root, &mut |node| {
            if let Op::Name(name) = &node.op {
                names.push((name.as_str(), node.span.clone()));
            }
        });
        names
    }
}

fn visit<'a>(node: &'a Node, see: &mut dyn FnMut(&'a Node)) {
    see(node);
    match &node.op {
        Op::Literal(_) | Op::Name(_) => {}
        Op::Negate(inner) | Op::Not(inner) => visit(inner, see),
        Op::Binary(_, left, right) => {
            visit(left, see);
            visit(right, see);
        }
        Op::Call(_, arguments) => arguments.iter().for_each(|argument| visit(argument, see)),
    }
}

fn same(left: &Node, right: &Node) -> bool {
    match (&left.op, &right.op) {
        (Op::Literal(left), Op::Literal(right)) => left == right,
        (Op::Name(left), Op::Name(right)) => left == right,
        (Op::Negate(left), Op::Negate(right)) | (Op::Not(left), Op::Not(right)) => same(left, right),
        (Op::Binary(op, a, b), Op::Binary(other, c, d)) => op == other && same(a, c) && same(b, d),
        (Op::Call(function, left), Op::Call(other, right)) => {
            function == other
                && left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
