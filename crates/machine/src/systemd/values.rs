//! What stands behind the `=` of a setting: systemd.exec(5), systemd.resource-control(5), systemd.time(7).

use crate::system::{Limits, Resource};
use crate::value::{Number, Unit};

/// `LimitNOFILE=1024:524288`; one number is both. `None` where systemd would say that it is no limit, and go on.
#[must_use]
pub fn limits(resource: Resource, text: &str) -> Option<Limits> {
    let (soft, hard) = text.split_once(':').unwrap_or((text, text));
    // A colon at the very end is passed over.
    let hard = hard.strip_suffix(':').filter(|rest| !rest.is_empty()).unwrap_or(hard);
    let (soft, hard) = (limit(resource, soft)?, limit(resource, hard)?);
    (soft <= hard).then_some(Limits { soft, hard })
}

fn limit(resource: Resource, text: &str) -> Option<Number> {
    if text == "infinity" {
        return Some(Number::Unlimited);
    }
    let number = match (resource, resource.unit()) {
        (Resource::Nice, _) => nice(text)?,
        (_, Unit::Bytes) => size(text)?,
        (_, Unit::Seconds) => {
            let span = span(text, 1_000_000)?;
            (span + 999_999) / 1_000_000
        }
        (_, Unit::Microseconds) => span(text, 1)?,
        _ => whole(text)?,
    };
    // The largest number is the kernel's word for no limit, and must be written as one.
    (number < i128::from(u64::MAX)).then_some(Number::Finite(number))
}

/// A nice level with its sign, or the kernel's number for it, 40 to 1 (0 where nothing may be raised).
fn nice(text: &str) -> Option<i128> {
    if let Some(level) = text.strip_prefix('+') {
        return whole(level).filter(|level| *level < 20).map(|level| 20 - level);
    }
    if let Some(level) = text.strip_prefix('-') {
        return whole(level).filter(|level| *level <= 20).map(|level| 20 + level);
    }
    whole(text).filter(|number| *number <= 40)
}

/// A number as C reads it: `16`, `0x10`, `020`.
fn whole(text: &str) -> Option<i128> {
    let text = text.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let (digits, radix) = if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        (digits, 16)
    } else if let Some(digits) = text.strip_prefix("0b") {
        (digits, 2)
    } else if let Some(digits) = text.strip_prefix("0o") {
        (digits, 8)
    } else if text.len() > 1 && text.starts_with('0') {
        (&text[1..], 8)
    } else {
        (text, 10)
    };
    digits
        .chars()
        .all(|digit| digit.is_digit(radix))
        .then(|| u64::from_str_radix(digits, radix).ok().map(i128::from))
        .flatten()
}

/// A size in bytes: `64K`, `1.5G`, `1G 500M`; the letters are powers of 1024.
#[must_use]
pub fn size(text: &str) -> Option<i128> {
    const LETTERS: [(&str, u32); 8] = [
        ("E", 60),
        ("P", 50),
        ("T", 40),
        ("G", 30),
        ("M", 20),
        ("K", 10),
        ("B", 0),
        ("", 0),
    ];
    let mut rest = text.trim_start();
    let mut sum = 0_i128;
    // The larger unit comes first.
    let mut from = 0;
    loop {
        let (number, after) = decimal(rest)?;
        let after = after.trim_start();
        let at = (from..LETTERS.len()).find(|at| after.starts_with(LETTERS[*at].0))?;
        let (letter, power) = LETTERS[at];
        sum = sum.checked_add(number.times(1 << power)?)?;
        rest = after[letter.len()..].trim_start();
        if rest.is_empty() {
            return (sum <= i128::from(u64::MAX)).then_some(sum);
        }
        from = at + 1;
    }
}

/// A span of time in microseconds: `90`, `1min 30s`, `2.5h`; a number without a unit counts `bare` microseconds.
fn span(text: &str, bare: i128) -> Option<i128> {
    const UNITS: &[(&str, i128)] = &[
        ("seconds", 1_000_000),
        ("second", 1_000_000),
        ("sec", 1_000_000),
        ("s", 1_000_000),
        ("minutes", 60_000_000),
        ("minute", 60_000_000),
        ("min", 60_000_000),
        ("months", 2_629_800_000_000),
        ("month", 2_629_800_000_000),
        ("M", 2_629_800_000_000),
        ("msec", 1_000),
        ("ms", 1_000),
        ("m", 60_000_000),
        ("hours", 3_600_000_000),
        ("hour", 3_600_000_000),
        ("hr", 3_600_000_000),
        ("h", 3_600_000_000),
        ("days", 86_400_000_000),
        ("day", 86_400_000_000),
        ("d", 86_400_000_000),
        ("weeks", 604_800_000_000),
        ("week", 604_800_000_000),
        ("w", 604_800_000_000),
        ("years", 31_557_600_000_000),
        ("year", 31_557_600_000_000),
        ("y", 31_557_600_000_000),
        ("usec", 1),
        ("us", 1),
        ("µs", 1),
        ("μs", 1),
    ];
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0_i128;
    while !rest.is_empty() {
        let (number, after) = decimal(rest)?;
        let after = after.trim_start();
        let unit = UNITS.iter().find(|(name, _)| after.starts_with(name));
        let (name, scale) = unit.copied().unwrap_or(("", bare));
        sum = sum.checked_add(number.times(scale)?)?;
        let next = after[name.len()..].trim_start();
        // What is neither a unit nor the next number.
        if name.is_empty() && !next.is_empty() && !next.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        rest = next;
    }
    Some(sum)
}

/// A decimal number with its fraction.
struct Decimal {
    whole: i128,
    part: i128,
    of: i128,
}

impl Decimal {
    fn times(&self, scale: i128) -> Option<i128> {
        self.whole
            .checked_mul(scale)?
            .checked_add(self.part.checked_mul(scale)? / self.of)
    }
}

fn decimal(text: &str) -> Option<(Decimal, &str)> {
    let end = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, mut rest) = text.split_at(end(text));
    let mut number = Decimal {
        whole: i128::from(digits.parse::<u64>().ok()?),
        part: 0,
        of: 1,
    };
    if let Some(fraction) = rest.strip_prefix('.') {
        let (digits, after) = fraction.split_at(end(fraction));
        // More digits than these change nothing.
        let digits = &digits[..digits.len().min(15)];
        if !digits.is_empty() {
            number.part = digits.parse().ok()?;
            number.of = 10_i128.pow(u32::try_from(digits.len()).ok()?);
        }
        rest = after;
    }
    Some((number, rest))
}

/// `yes`, `on`, `1` and their like.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

/// A number, or a share of what the machine can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Number(Number),
    /// In hundredths of a percent.
    Share(i128),
}

impl Amount {
    /// The number that it comes to where the whole is `all`.
    #[must_use]
    pub fn of(self, all: i128) -> Number {
        match self {
            Amount::Number(number) => number,
            Amount::Share(share) => Number::Finite(all * share / 10_000),
        }
    }
}

/// `TasksMax=`: a number, a percentage, `infinity`.
#[must_use]
pub fn tasks(text: &str) -> Option<Amount> {
    if text == "infinity" {
        return Some(Amount::Number(Number::Unlimited));
    }
    percent(text)
        .filter(|share| *share <= 10_000)
        .map(Amount::Share)
        .or_else(|| {
            whole(text)
                .filter(|number| *number > 0)
                .map(|number| Amount::Number(Number::Finite(number)))
        })
}

/// `12.5%` in hundredths of a percent.
#[must_use]
pub fn percent(text: &str) -> Option<i128> {
    let (number, rest) = decimal(text.strip_suffix('%')?)?;
    rest.is_empty().then(|| number.times(100)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(resource: Resource, text: &str) -> Option<(String, String)> {
        limits(resource, text).map(|limits| (limits.soft.to_string(), limits.hard.to_string()))
    }

    #[test]
    fn limits_are_read_in_the_unit_of_their_resource() {
        let pair = |soft: &str, hard: &str| Some((soft.to_owned(), hard.to_owned()));
        assert_eq!(both(Resource::Nofile, "1024:524288"), pair("1024", "524288"));
        assert_eq!(both(Resource::Nofile, "0x10"), pair("16", "16"));
        assert_eq!(both(Resource::Nofile, "infinity"), pair("unlimited", "unlimited"));
        assert_eq!(both(Resource::Nofile, "5:infinity"), pair("5", "unlimited"));
        // A count takes no size, and a soft limit above the hard one is none.
        for text in ["64K", "", "2:1", "infinity:1", "1:2:3", "-1", "1.5"] {
            assert_eq!(both(Resource::Nofile, text), None, "{text}");
        }
        assert_eq!(both(Resource::Memlock, "1.5M"), pair("1572864", "1572864"));
        assert_eq!(both(Resource::Memlock, "1G 500M"), pair("1598029824", "1598029824"));
        assert_eq!(both(Resource::Memlock, "500M 1G"), None);
        assert_eq!(both(Resource::Memlock, "1MB"), None);
        assert_eq!(both(Resource::Cpu, "1min 30"), pair("90", "90"));
        assert_eq!(both(Resource::Cpu, "1500ms"), pair("2", "2"));
        assert_eq!(both(Resource::Rttime, "2ms"), pair("2000", "2000"));
        assert_eq!(both(Resource::Nice, "+5"), pair("15", "15"));
        assert_eq!(both(Resource::Nice, "-5"), pair("25", "25"));
        assert_eq!(both(Resource::Nice, "41"), None);
    }

    #[test]
    fn shares_are_of_the_whole() {
        assert_eq!(
            tasks("15%").map(|amount| amount.of(32_768)),
            Some(Number::Finite(4_915))
        );
        assert_eq!(tasks("512").map(|amount| amount.of(1)), Some(Number::Finite(512)));
        assert_eq!(tasks("infinity").map(|amount| amount.of(1)), Some(Number::Unlimited));
        assert_eq!((tasks("0"), tasks("101%"), tasks("a lot")), (None, None, None));
    }
}
