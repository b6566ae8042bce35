//! Words of an expression.

use std::ops::Range;

use super::{ExprError, Term};
use crate::value::{Dimension, TIME_UNITS, meant_unit};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Literal(Term),
    Word(String),
    Symbol(&'static str),
    End,
}

/// Sizes that may follow the digits of a number, in bytes; times may, too.
const SIZE_UNITS: &[(&str, i128)] = &[
    ("B", 1),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("T", 1 << 40),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Every unit, with its dimension and size in that one's base.
fn units() -> impl Iterator<Item = (&'static str, Dimension, i128)> {
    let sizes = SIZE_UNITS.iter().map(|(name, size)| (*name, Dimension::Bytes, *size));
    sizes.chain(TIME_UNITS.iter().map(|(name, size)| (*name, Dimension::Time, *size)))
}

/// Longer symbols first.
const SYMBOLS: &[&str] = &["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ","];

pub(super) fn lex(text: &str) -> Result<Vec<(Token, Range<usize>)>, Vec<ExprError>> {
    let mut tokens = Vec::new();
    let mut errors = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let start = at;
        if first.is_ascii_whitespace() {
            at += 1;
        } else if first.is_ascii_digit() {
            at = word_end(text, at);
            match number(&text[start..at], start, text, &mut at) {
                Ok(term) => tokens.push((Token::Literal(term), start..at)),
                Err(error) => errors.push(error),
            }
        } else if first.is_ascii_alphabetic() || first == '_' {
            at = word_end(text, at);
            let token = match &text[start..at] {
                "true" => Token::Literal(Term::Bool(true)),
                "false" => Token::Literal(Term::Bool(false)),
                "unlimited" => Token::Literal(Term::Unlimited),
                word => Token::Word(word.to_owned()),
            };
            tokens.push((token, start..at));
        } else if first == '"' || first == '\'' {
            match text[at + 1..].find(first) {
                Some(length) => {
                    let inner = text[at + 1..at + 1 + length].to_owned();
                    at += length + 2;
                    tokens.push((Token::Literal(Term::Text(inner)), start..at));
                }
                None => {
                    errors.push(
                        ExprError::new(start..text.len(), "the text is not closed")
                            .help(format!("end it with {first}")),
                    );
                    at = text.len();
                }
            }
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| bytes[at..].starts_with(symbol.as_bytes())) {
            at += symbol.len();
            tokens.push((Token::Symbol(symbol), start..at));
        } else {
            at += first.len_utf8();
            let help = match first {
                '&' => Some("write `and`"),
                '|' => Some("write `or`"),
                '!' => Some("write `not`"),
                '=' => Some("write `==` to compare"),
                '.' => Some("numbers are whole: write 1500ms for 1.5 s, 50% for one half"),
                _ => None,
            };
            let error = ExprError::new(start..at, format!("`{}` means nothing here", first.escape_debug()));
            errors.push(match help {
                Some(help) => error.help(help),
                None => error,
            });
        }
    }
    tokens.push((Token::End, text.len()..text.len()));
    if errors.is_empty() { Ok(tokens) } else { Err(errors) }
}

fn word_end(text: &str, at: usize) -> usize {
    let end = text[at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    end.map_or(text.len(), |length| at + length)
}

/// A number with its unit, if it has one. `%` right behind it is part of it where no operand follows: `5%`, but `5 % 3`.
fn number(word: &str, start: usize, text: &str, at: &mut usize) -> Result<Term, ExprError> {
    let span = start..start + word.len();
    let digits_end = word
        .find(|c: char| !(c.is_ascii_digit() || c == '_'))
        .unwrap_or(word.len());
    let digits: String = word[..digits_end].chars().filter(|c| *c != '_').collect();
    let too_large = || ExprError::new(span.clone(), "this number is too large");
    let amount: i128 = digits.parse().map_err(|_| too_large())?;
    let unit = &word[digits_end..];
    if unit.is_empty() {
        if text[*at..].starts_with('%') && !operand_follows(&text[*at + 1..]) {
            *at += 1;
            let amount = amount.checked_mul(100).ok_or_else(too_large)?;
            return Ok(Term::Number {
                amount,
                dimension: Dimension::Percent,
            });
        }
        return Ok(Term::Number {
            amount,
            dimension: Dimension::None,
        });
    }
    match units().find(|(name, ..)| *name == unit) {
        Some((_, dimension, scale)) => Ok(Term::Number {
            amount: amount.checked_mul(scale).ok_or_else(too_large)?,
            dimension,
        }),
        None => {
            let error = ExprError::new(start + digits_end..span.end, format!("`{unit}` is not a unit"));
            // Decimal prefixes and words that people write; the nearest name in letters would be a wrong one.
            let meant = match unit.to_ascii_lowercase().as_str() {
                "kb" => Some("KiB"),
                "mb" => Some("MiB"),
                "gb" => Some("GiB"),
                "tb" => Some("TiB"),
                _ => meant_unit(unit),
            };
            if let Some(name) = meant {
                return Err(error.help(format!("write `{name}`; sizes count by 1024, and minutes are `m`")));
            }
            Err(match crate::suggest::nearest(unit, units().map(|(name, ..)| name)) {
                Some(name) => error.help(format!("did you mean `{name}`?")),
                None => error.help("sizes: B K M G T KiB MiB GiB TiB; durations: ns us ms s m h d; shares: %"),
            })
        }
    }
}

/// Whether what follows a `%` is the right side of a modulo.
fn operand_follows(rest: &str) -> bool {
    let rest = rest.trim_start();
    let word = &rest[..word_end(rest, 0)];
    match rest.chars().next() {
        None => false,
        Some(c) if c.is_ascii_alphanumeric() || c == '_' => !matches!(word, "and" | "or"),
        Some(c) => matches!(c, '(' | '"' | '\''),
    }
}
