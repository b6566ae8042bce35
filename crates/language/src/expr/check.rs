//! Types of expressions, before anything is evaluated.

use super::{Binary, Expr, ExprError, Function, Node, Op, Term, TermType};
use crate::value::Dimension;

/// The names that an expression may use.
pub trait Scope {
    /// The type of a name.
    fn type_of(&self, name: &str) -> Option<TermType>;
    /// Every name, for suggestions.
    fn names(&self) -> Vec<&str>;
    /// The type of a live value.
    fn sysctl_type(&self, key: &str) -> TermType;
}

impl Expr {
    /// The type of its value.
    ///
    /// # Errors
    /// Every unknown name, and every operation on values that it makes no sense for.
    pub fn check(&self, scope: &dyn Scope) -> Result<TermType, Vec<ExprError>> {
        let mut errors = Vec::new();
        let found = check(&self.root, scope, &mut errors);
        match (found, errors.is_empty()) {
            (Some(found), true) => Ok(found),
            _ => Err(errors),
        }
    }
}

fn describe(kind: TermType) -> &'static str {
    match kind {
        TermType::Number(Dimension::None) => "a number",
        TermType::Number(Dimension::Bytes) => "a size",
        TermType::Number(Dimension::Time) => "a duration",
        TermType::Number(Dimension::Percent) => "a percentage",
        TermType::Unlimited => "`unlimited`",
        TermType::Bool => "true or false",
        TermType::Text => "a text",
        TermType::Version => "a version",
    }
}

/// `None` where a mistake was reported below: one mistake must not cause a second report.
fn check(node: &Node, scope: &dyn Scope, errors: &mut Vec<ExprError>) -> Option<TermType> {
    match &node.op {
        Op::Literal(term) => Some(term.kind()),
        Op::Name(name) => {
            let found = scope.type_of(name);
            if found.is_none() {
                let error = ExprError::new(node.span.clone(), format!("there is no parameter or fact `{name}`"));
                let names = scope.names();
                errors.push(match crate::suggest::nearest(name, names.iter().copied()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help(format!("names that are known here: {}", names.join(", "))),
                });
            }
            found
        }
        Op::Negate(inner) => match check(inner, scope, errors)? {
            kind @ TermType::Number(_) => Some(kind),
            other => fail(
                errors,
                inner,
                format!("a number is needed here, and this is {}", describe(other)),
            ),
        },
        Op::Not(inner) => match check(inner, scope, errors)? {
            TermType::Bool => Some(TermType::Bool),
            other => fail(
                errors,
                inner,
                format!("true or false is needed here, and this is {}", describe(other)),
            ),
        },
        Op::Binary(op, left, right) => {
            let found = (check(left, scope, errors), check(right, scope, errors));
            let (Some(a), Some(b)) = found else { return None };
            binary(*op, a, b).or_else(|| {
                fail(
                    errors,
                    node,
                    format!("`{}` cannot join {} and {}", op.symbol(), describe(a), describe(b)),
                )
            })
        }
        Op::Call(function, arguments) => {
            let kinds: Vec<Option<TermType>> = arguments
                .iter()
                .map(|argument| check(argument, scope, errors))
                .collect();
            let kinds: Vec<TermType> = kinds.into_iter().collect::<Option<_>>()?;
            call(*function, arguments, &kinds, scope).or_else(|| {
                let kinds = kinds
                    .iter()
                    .map(|kind| describe(*kind))
                    .collect::<Vec<_>>()
                    .join(" and ");
                fail(errors, node, format!("`{}` cannot take {kinds}", function.name()))
            })
        }
    }
}

fn fail(errors: &mut Vec<ExprError>, node: &Node, message: String) -> Option<TermType> {
    errors.push(ExprError::new(node.span.clone(), message));
    None
}

fn binary(op: Binary, left: TermType, right: TermType) -> Option<TermType> {
    use TermType::{Bool, Number, Text, Unlimited, Version};
    match op {
        Binary::Or | Binary::And => (left == Bool && right == Bool).then_some(Bool),
        Binary::Equal | Binary::NotEqual => comparable(left, right).then_some(Bool),
        Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
            let ordered = comparable(left, right) && !matches!(left, Bool) && (left, right) != (Text, Text);
            ordered.then_some(Bool)
        }
        Binary::Add | Binary::Subtract | Binary::Modulo => match (left, right) {
            (Number(a), Number(b)) if a == b => Some(left),
            _ => None,
        },
        Binary::Multiply => match (left, right) {
            (Number(a), Number(Dimension::None)) | (Number(Dimension::None), Number(a)) => Some(Number(a)),
            _ => None,
        },
        Binary::Divide => match (left, right) {
            (Number(_), Number(Dimension::None)) => Some(left),
            (Number(a), Number(b)) if a == b => Some(Number(Dimension::None)),
            (Unlimited | Version, _) | (_, _) => None,
        },
    }
}

fn comparable(left: TermType, right: TermType) -> bool {
    use TermType::{Number, Text, Unlimited, Version};
    left == right
        || matches!(
            (left, right),
            (Number(_), Unlimited) | (Unlimited, Number(_)) | (Version, Text) | (Text, Version)
        )
}

fn call(function: Function, arguments: &[Node], kinds: &[TermType], scope: &dyn Scope) -> Option<TermType> {
    use TermType::{Number, Unlimited};
    match function {
        Function::Min | Function::Max | Function::Clamp => {
            let number = kinds.iter().copied().find(|kind| matches!(kind, Number(_)))?;
            kinds
                .iter()
                .all(|kind| *kind == number || *kind == Unlimited)
                .then_some(number)
        }
        Function::CeilPow2 | Function::Abs => matches!(kinds, [Number(_)]).then(|| kinds[0]),
        Function::Percent => match kinds {
            [Number(Dimension::None | Dimension::Percent), whole @ Number(_)] => Some(*whole),
            _ => None,
        },
        Function::Version => Some(TermType::Version),
        Function::Sysctl => match &arguments[0].op {
            Op::Literal(Term::Text(key)) => Some(scope.sysctl_type(key)),
            _ => None,
        },
    }
}
