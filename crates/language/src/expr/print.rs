//! From tree to text: the canonical form, with no more parentheses than it takes.

use std::fmt;

use super::{Binary, Expr, NEGATE_POWER, NOT_POWER, Node, Op};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(&self.root, 0, f)
    }
}

fn print(node: &Node, least: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &node.op {
        Op::Literal(term) => write!(f, "{term}"),
        Op::Name(name) => f.write_str(name),
        Op::Negate(inner) => parenthesized(NEGATE_POWER < least, f, |f| {
            f.write_str("-")?;
            print(inner, NEGATE_POWER, f)
        }),
        Op::Not(inner) => parenthesized(NOT_POWER < least, f, |f| {
            f.write_str("not ")?;
            print(inner, NOT_POWER, f)
        }),
        Op::Binary(op, left, right) => parenthesized(op.power() < least, f, |f| {
            // Left-associative; comparisons do not chain at all.
            let chain = op.power() == Binary::Less.power();
            print(left, op.power() + u8::from(chain), f)?;
            write!(f, " {} ", op.symbol())?;
            print(right, op.power() + 1, f)
        }),
        Op::Call(function, arguments) => {
            write!(f, "{}(", function.name())?;
            for (at, argument) in arguments.iter().enumerate() {
                if at > 0 {
                    f.write_str(", ")?;
                }
                print(argument, 0, f)?;
            }
            f.write_str(")")
        }
    }
}

fn parenthesized(
    needed: bool,
    f: &mut fmt::Formatter<'_>,
    inner: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    if needed {
        f.write_str("(")?;
    }
    inner(f)?;
    if needed {
        f.write_str(")")?;
    }
    Ok(())
}
