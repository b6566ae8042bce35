//! Writing TOML: keys, strings and the values of rules that are made, not read.

use std::fmt::{self, Write as _};

/// A value of a rule that is being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toml {
    /// A string.
    Text(String),
    /// An integer; what TOML's 64 bits do not hold is written as a string, which a profile reads as an expression.
    Integer(i128),
    /// `true` or `false`.
    Bool(bool),
    /// An array.
    List(Vec<Toml>),
    /// An inline table.
    Table(Vec<(&'static str, Toml)>),
}

impl Toml {
    /// A string.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Toml::Text(text.into())
    }
}

impl fmt::Display for Toml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Toml::Text(text) => f.write_str(&toml_text(text)),
            Toml::Integer(number) if i64::try_from(*number).is_ok() => number.fmt(f),
            Toml::Integer(number) => write!(f, "\"{number}\""),
            Toml::Bool(value) => value.fmt(f),
            Toml::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Toml::Table(entries) => {
                f.write_str("{ ")?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{} = {value}", if at > 0 { ", " } else { "" }, toml_key(key))?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// A key, in quotes where it needs them.
#[must_use]
pub fn toml_key(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if bare { key.to_owned() } else { toml_text(key) }
}

/// A basic string.
#[must_use]
pub fn toml_text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::{Toml, toml_key, toml_text};

    #[test]
    fn what_is_written_reads_back_as_itself() {
        for text in [
            "",
            "plain",
            "a \"b\" \\ c",
            "tab\tline\nend",
            "\u{0}\u{1b}[31m\u{7f}\u{85}",
            "ß漢'#=",
        ] {
            let line = format!("{} = {}", toml_key(text), toml_text(text));
            let table = toml::de::DeTable::parse(&line).expect("TOML");
            let value = table.get_ref().get(text).and_then(|value| value.get_ref().as_str());
            assert_eq!(value, Some(text));
        }
        let value = Toml::Table(vec![
            ("min", Toml::Integer(i128::from(u64::MAX))),
            ("eq", Toml::List(vec![Toml::Integer(-1), Toml::Bool(true)])),
        ]);
        assert_eq!(value.to_string(), "{ min = \"18446744073709551615\", eq = [-1, true] }");
    }
}
