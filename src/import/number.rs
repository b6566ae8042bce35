//! Numbers as the files of other programs write them, and operands as a profile does.

use crate::document::write::Toml;

/// An integer as the kernel reads one that is written to a key: decimal, octal after a zero, hexadecimal after `0x`.
pub(super) fn kernel(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() || !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let lower = digits.to_ascii_lowercase();
    let number = match lower.strip_prefix("0x") {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_hexdigit()) => i128::from_str_radix(rest, 16).ok()?,
        Some(_) => return None,
        None if lower.len() > 1 && lower.starts_with('0') => i128::from_str_radix(&lower, 8).ok()?,
        None => lower.parse().ok()?,
    };
    // No key of any kernel holds more than 64 bits.
    (number <= i128::from(u64::MAX)).then_some(if negative { -number } else { number })
}

/// Several of them, separated by white space.
pub(super) fn row(text: &str) -> Option<Vec<i128>> {
    let numbers: Option<Vec<i128>> = text.split_ascii_whitespace().map(kernel).collect();
    numbers.filter(|numbers| !numbers.is_empty())
}

/// A text that a profile takes as it stands: `${...}` would be an expression there.
pub(super) fn literal(text: &str) -> Option<Toml> {
    let is_expression = text.starts_with("${") && text.ends_with('}');
    (!is_expression && !text.contains(char::is_control)).then(|| Toml::text(text))
}

#[cfg(test)]
mod tests {
    use super::{kernel, literal, row};

    #[test]
    fn numbers_are_read_as_the_kernel_reads_them() {
        assert_eq!(kernel("010"), Some(8));
        assert_eq!(kernel("0x1F"), Some(31));
        assert_eq!(kernel("-1"), Some(-1));
        assert_eq!(kernel("18446744073709551615"), Some(i128::from(u64::MAX)));
        for wrong in ["", "-", "0x", "08", "+5", "5k", "0x-1", "1_000", "18446744073709551616"] {
            assert_eq!(kernel(wrong), None, "{wrong}");
        }
        assert_eq!(row("4 4\t1 7"), Some(vec![4, 4, 1, 7]));
        assert_eq!(row(" "), None);
    }

    #[test]
    fn a_text_that_reads_as_an_expression_is_no_literal() {
        assert!(literal("core.%e").is_some());
        assert!(literal("${ram}").is_none());
        assert!(literal("a\nb").is_none());
    }
}
