//! How values are written, for whoever wrote one otherwise.

use crate::expr::TermType;
use crate::value::Dimension;

/// A value as it is written, by its type.
pub(super) fn example(kind: TermType) -> &'static str {
    match kind {
        TermType::Number(Dimension::None) => "20000",
        TermType::Number(Dimension::Time) => "60s; the units are us, ms, s, m and h",
        TermType::Number(Dimension::Bytes) => "64MiB; the units are K, M, G and T",
        TermType::Number(Dimension::Percent) => "50%",
        TermType::Version => "6.1",
        TermType::Bool => "true",
        TermType::Text => "text",
        TermType::Unlimited => "unlimited",
    }
}

/// What a value becomes that is a number in another notation: `20k`, `1e6`, `1,000`; of a share `50` without its sign.
pub(super) fn meant(text: &str, kind: TermType) -> Option<String> {
    match kind {
        TermType::Number(Dimension::Percent) => {
            let whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            whole.then(|| format!("{text}%"))
        }
        TermType::Number(Dimension::None) => in_digits(text).map(|number| number.to_string()),
        TermType::Number(Dimension::Time | Dimension::Bytes)
        | TermType::Version
        | TermType::Bool
        | TermType::Text
        | TermType::Unlimited => None,
    }
}

/// A whole number that is written with a suffix, an exponent or separators.
fn in_digits(text: &str) -> Option<i128> {
    let whole = |digits: &str| {
        digits
            .parse::<i128>()
            .ok()
            .filter(|_| digits.starts_with(|c: char| c.is_ascii_digit()))
    };
    let lower = text.to_ascii_lowercase();
    if let Some((digits, power)) = lower.split_once('e') {
        return whole(digits)?.checked_mul(10_i128.checked_pow(power.parse().ok()?)?);
    }
    for (suffix, times) in [("k", 1_000), ("m", 1_000_000)] {
        if let Some(digits) = lower.strip_suffix(suffix) {
            return whole(digits)?.checked_mul(times);
        }
    }
    // `1,000` is a thousand to some and one to others; groups of three tell.
    let mut groups = text.split([',', '\'', ' ']);
    let first = groups.next().filter(|first| first.len() <= 3)?;
    let rest: Vec<&str> = groups.collect();
    let is_group = |group: &&str| group.len() == 3;
    (!rest.is_empty() && rest.iter().all(is_group)).then_some(())?;
    whole(&format!("{first}{}", rest.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_other_notations_are_understood_and_others_are_not() {
        let number = |text: &str| meant(text, TermType::Number(Dimension::None));
        for (text, wanted) in [
            ("20k", "20000"),
            ("2M", "2000000"),
            ("1e6", "1000000"),
            ("1,000", "1000"),
            ("1'000'000", "1000000"),
        ] {
            assert_eq!(number(text).as_deref(), Some(wanted), "{text}");
        }
        for text in ["1.5", "ten", "k", "1,00", "e6", "-5k", "1e99", "1,000,", "", "+5k"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(
            meant("50", TermType::Number(Dimension::Percent)).as_deref(),
            Some("50%")
        );
        assert_eq!(meant("50", TermType::Number(Dimension::Bytes)), None);
    }
}
