//! Durations as a person writes them, for options, variables and the expressions of profiles alike.
//!
//! Where nothing but a time can stand (an option, its variable) a number alone is seconds. In an expression a number alone is a
//! count of anything, so there a time needs its unit.

use std::fmt;
use std::time::Duration;

/// Names of units of time, with their nanoseconds.
pub(crate) const TIME_UNITS: [(&str, i128); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// The longest time that an option takes. It keeps every deadline within what a clock can say, and a slip such as `10000d` out.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DurationError {
    /// The text that was found, escaped and cut to a readable length.
    found: String,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It does not begin with digits.
    NoNumber,
    /// What stands behind the digits is no unit; and the one that is meant, where that is plain.
    NoUnit(Option<&'static str>),
    /// It has a fraction.
    Fraction,
    /// It is longer than [`LONGEST`].
    TooLong,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a duration: ", self.found)?;
        match self.why {
            Why::NoNumber => f.write_str("write a whole number, of seconds or with a unit: 10, 10s, 500ms, 2m, 1h"),
            Why::NoUnit(Some(unit)) => write!(f, "write `{unit}` for the unit, as in 10{unit}"),
            Why::NoUnit(None) => f.write_str("the units are ns, us, ms, s, m, h and d, as in 10s, 500ms or 2m"),
            Why::Fraction => f.write_str("numbers are whole; write 1500ms for one and a half seconds"),
            Why::TooLong => f.write_str("30 days (30d) are the most"),
        }
    }
}

impl std::error::Error for DurationError {}

/// Reads the duration of an option or of its variable: `500ms`, `10s`, `2m`, `1h`, `1d`; a number alone is seconds. Digits may be
/// grouped with `_`, as in expressions.
///
/// # Errors
/// It is no whole number, its unit is unknown, or it is longer than 30 days.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = |why| DurationError {
        found: super::shown(text),
        why,
    };
    let word = text.trim();
    if !word.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(wrong(Why::NoNumber));
    }
    let digits = word
        .find(|c: char| !(c.is_ascii_digit() || c == '_'))
        .unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    let unit = unit.trim_start();
    if unit.starts_with('.') {
        return Err(wrong(Why::Fraction));
    }
    let unit = if unit.is_empty() { "s" } else { unit };
    let Some((_, nanoseconds)) = TIME_UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(wrong(Why::NoUnit(meant_unit(unit))));
    };
    let number = number
        .bytes()
        .filter(|digit| *digit != b'_')
        .try_fold(0_i128, |sum, digit| {
            sum.checked_mul(10)?.checked_add(i128::from(digit - b'0'))
        });
    number
        .and_then(|number| number.checked_mul(*nanoseconds))
        .and_then(|amount| u64::try_from(amount).ok())
        .map(Duration::from_nanos)
        .filter(|time| *time <= LONGEST)
        .ok_or_else(|| wrong(Why::TooLong))
}

/// The unit of time that a word stands for which people write, and which is none here.
pub(crate) fn meant_unit(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "msec" | "msecs" | "millis" | "milliseconds" => Some("ms"),
        "s" | "sec" | "secs" | "second" | "seconds" => Some("s"),
        "min" | "mins" | "minute" | "minutes" => Some("m"),
        "h" | "hour" | "hours" | "hr" => Some("h"),
        "d" | "day" | "days" => Some("d"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_is_seconds_and_every_unit_is_known() {
        for (text, time) in [
            ("10", Duration::from_secs(10)),
            ("0", Duration::ZERO),
            (" 10s ", Duration::from_secs(10)),
            ("10 s", Duration::from_secs(10)),
            ("5ns", Duration::from_nanos(5)),
            ("7us", Duration::from_micros(7)),
            ("500ms", Duration::from_millis(500)),
            ("1_000ms", Duration::from_secs(1)),
            ("2m", Duration::from_secs(120)),
            ("3h", Duration::from_secs(10_800)),
            ("1d", Duration::from_secs(86_400)),
            ("30d", LONGEST),
        ] {
            assert_eq!(parse_duration(text), Ok(time), "{text}");
        }
    }

    #[test]
    fn a_mistake_says_what_to_write() {
        for (text, words) in [
            ("", "a whole number"),
            ("soon", "a whole number"),
            ("-5s", "a whole number"),
            ("+5", "a whole number"),
            ("_5", "a whole number"),
            ("\u{661}s", "a whole number"),
            ("1.5s", "1500ms"),
            ("10x", "the units are"),
            ("10s5", "the units are"),
            ("2min", "10m"),
            ("2 Minutes", "10m"),
            ("5S", "10s"),
            ("31d", "30 days"),
            ("2592000001ms", "30 days"),
            ("99999999999999999999999999999999999999999d", "30 days"),
        ] {
            let error = parse_duration(text).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        let error = parse_duration("1\u{1b}[31m").expect_err("no unit").to_string();
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}
