//! From raw text to values and back.

use std::fmt;

use super::{Choice, Number, ParseError, PortRange, PortSet, Type, Value, Version};

impl Number {
    /// Reads an integer (decimal, or hexadecimal with `0x`), `unlimited`, `infinity` or `max`.
    ///
    /// # Errors
    /// It is none of these, or over 128 bits.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let word = text.trim();
        if matches!(word, "unlimited" | "infinity" | "max") {
            return Ok(Number::Unlimited);
        }
        let number = match word.strip_prefix("0x") {
            Some(digits) if !digits.starts_with(['+', '-']) => i128::from_str_radix(digits, 16),
            _ => word.parse(),
        };
        number
            .map(Number::Finite)
            .map_err(|_| ParseError::new("an integer", text))
    }

    /// The number, if it is finite.
    #[must_use]
    pub fn finite(self) -> Option<i128> {
        match self {
            Number::Finite(number) => Some(number),
            Number::Unlimited => None,
        }
    }
}

impl From<i128> for Number {
    fn from(number: i128) -> Self {
        Number::Finite(number)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Finite(number) => number.fmt(f),
            Number::Unlimited => f.write_str("unlimited"),
        }
    }
}

impl Type {
    /// Reads a raw text, as the system or a person writes it.
    ///
    /// # Errors
    /// It is not a value of this type.
    pub fn parse(self, raw: &str) -> Result<Value, ParseError> {
        match self {
            Type::Number(_) => Number::parse(raw).map(Value::Number),
            Type::Tuple(..) => {
                let fields: Result<Vec<Number>, ParseError> = raw.split_ascii_whitespace().map(Number::parse).collect();
                match fields {
                    Ok(fields) if !fields.is_empty() => Ok(Value::Tuple(fields)),
                    _ => Err(ParseError::new("integers, separated by white space", raw)),
                }
            }
            Type::Range => PortRange::parse(raw).map(Value::Range),
            Type::Ports => PortSet::parse(raw).map(Value::Ports),
            Type::Choice => parse_choice(raw),
            Type::Text => Ok(Value::Text(raw.trim().to_owned())),
            Type::Bool => match raw.trim() {
                "1" | "Y" | "y" | "yes" | "on" | "true" | "enabled" => Ok(Value::Bool(true)),
                "0" | "N" | "n" | "no" | "off" | "false" | "disabled" => Ok(Value::Bool(false)),
                _ => Err(ParseError::new("true or false", raw)),
            },
            Type::Version => {
                let version = Version::parse(raw);
                if version.is_numeric() {
                    Ok(Value::Version(version))
                } else {
                    Err(ParseError::new("a version", raw))
                }
            }
            Type::Words => Ok(Value::Words(raw.split_ascii_whitespace().map(str::to_owned).collect())),
        }
    }
}

fn parse_choice(raw: &str) -> Result<Value, ParseError> {
    let mut choice = Choice {
        selected: None,
        options: Vec::new(),
    };
    for word in raw.split_ascii_whitespace() {
        let bracketed = word.strip_prefix('[').and_then(|word| word.strip_suffix(']'));
        if let Some(word) = bracketed
            && choice.selected.replace(word.to_owned()).is_some()
        {
            return Err(ParseError::new("a list with one entry in brackets", raw));
        }
        choice.options.push(bracketed.unwrap_or(word).to_owned());
    }
    // `none` alone, or `tsc`: a list of one is its own selection.
    if choice.options.len() == 1 && choice.selected.is_none() {
        choice.selected = choice.options.first().cloned();
    }
    if choice.options.is_empty() {
        Err(ParseError::new("one word or more", raw))
    } else {
        Ok(Value::Choice(choice))
    }
}

impl Value {
    /// A finite number.
    #[must_use]
    pub fn number(number: impl Into<i128>) -> Self {
        Value::Number(Number::Finite(number.into()))
    }

    /// One field of a tuple, counted from 0.
    #[must_use]
    pub fn field(&self, index: usize) -> Option<Number> {
        match self {
            Value::Tuple(fields) => fields.get(index).copied(),
            _ => None,
        }
    }

    /// The tuple with another number in one field.
    #[must_use]
    pub fn with_field(&self, index: usize, number: Number) -> Option<Value> {
        match self {
            Value::Tuple(fields) if index < fields.len() => {
                let mut fields = fields.clone();
                fields[index] = number;
                Some(Value::Tuple(fields))
            }
            _ => None,
        }
    }

    /// The text that the kernel takes for this value: fields separated by tabs, of a choice the selected word alone.
    #[must_use]
    pub fn kernel_form(&self) -> String {
        match self {
            Value::Tuple(fields) => fields.iter().map(Number::to_string).collect::<Vec<_>>().join("\t"),
            Value::Range(range) => format!("{}\t{}", range.lo, range.hi),
            Value::Choice(choice) => choice.selected.clone().unwrap_or_default(),
            Value::Bool(value) => if *value { "1" } else { "0" }.to_owned(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => number.fmt(f),
            Value::Tuple(fields) => {
                for (at, field) in fields.iter().enumerate() {
                    write!(f, "{}{field}", if at > 0 { " " } else { "" })?;
                }
                Ok(())
            }
            Value::Range(range) => range.fmt(f),
            Value::Ports(ports) => ports.fmt(f),
            Value::Choice(choice) => {
                let mut bracketed = false;
                for (at, option) in choice.options.iter().enumerate() {
                    let space = if at > 0 { " " } else { "" };
                    if !bracketed && choice.selected.as_ref() == Some(option) {
                        bracketed = true;
                        write!(f, "{space}[{option}]")?;
                    } else {
                        write!(f, "{space}{option}")?;
                    }
                }
                Ok(())
            }
            Value::Text(text) => f.write_str(text),
            Value::Bool(value) => value.fmt(f),
            Value::Version(version) => version.fmt(f),
            Value::Words(words) => f.write_str(&words.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Unit;

    #[test]
    fn tabs_and_spaces_are_the_same() {
        let tuple = Type::Tuple(&["min", "default", "max"], Unit::Bytes);
        assert_eq!(
            tuple.parse("4096\t131072\t6291456\n"),
            tuple.parse("4096 131072 6291456")
        );
        assert_eq!(Type::Range.parse("32768\t60999\n"), Type::Range.parse("32768-60999"));
    }

    #[test]
    fn limits_have_one_meaning_in_every_spelling() {
        let number = Type::Number(Unit::Count);
        assert_eq!(number.parse("max\n"), Ok(Value::Number(Number::Unlimited)));
        assert_eq!(number.parse("unlimited"), number.parse("infinity"));
        assert!(Number::Unlimited > Number::Finite(i128::MAX));
        assert_eq!(
            number.parse("18446744073692774399"),
            Ok(Value::number(18_446_744_073_692_774_399_i128))
        );
    }

    #[test]
    fn the_bracketed_word_is_selected_and_a_single_word_too() {
        let selected = |raw| match Type::Choice.parse(raw) {
            Ok(Value::Choice(choice)) => choice.selected,
            other => panic!("{other:?}"),
        };
        assert_eq!(selected("always [madvise] never").as_deref(), Some("madvise"));
        assert_eq!(selected("none\n").as_deref(), Some("none"));
        assert_eq!(selected("tsc hpet acpi_pm"), None);
        assert!(Type::Choice.parse("[a] [b]").is_err());
        assert!(Type::Choice.parse("").is_err());
    }

    #[test]
    fn nonsense_is_no_value() {
        for (kind, raw) in [
            (Type::Number(Unit::Count), ""),
            (Type::Number(Unit::Count), "12 13"),
            (Type::Number(Unit::Count), "0x-5"),
            (Type::Range, "1"),
            (Type::Range, "1-2-3"),
            (Type::Range, "-1-2"),
            (Type::Ports, "80,,90"),
            (Type::Ports, "90-80"),
            (Type::Ports, "70000"),
            (Type::Bool, "2"),
            (Type::Version, "edge"),
        ] {
            assert!(kind.parse(raw).is_err(), "{kind:?} {raw:?}");
        }
    }
}
