//! Versions.

use std::cmp::Ordering;
use std::fmt;

/// A dotted version, compared by its leading numbers: `6.1.0-18-amd64` is `6.1.0`, and `6.1` equals `6.1.0`.
#[derive(Debug, Clone)]
pub struct Version {
    numbers: Vec<u32>,
    text: String,
}

impl Version {
    /// Reads a version. Every text is one; a text that begins with no number is below all others.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let mut numbers = Vec::new();
        for part in text.strip_prefix('v').unwrap_or(text).split('.') {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if digits == 0 {
                break;
            }
            numbers.push(part[..digits].parse().unwrap_or(u32::MAX));
            if digits < part.len() {
                break;
            }
        }
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        Self {
            numbers,
            text: text.to_owned(),
        }
    }

    /// The first two numbers: `(6, 1)`.
    #[must_use]
    pub fn major_minor(&self) -> (u16, u16) {
        let number = |at: usize| {
            self.numbers
                .get(at)
                .map_or(0, |n| u16::try_from(*n).unwrap_or(u16::MAX))
        };
        (number(0), number(1))
    }

    /// Whether it begins with a number.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        self.text
            .trim_start_matches('v')
            .starts_with(|c: char| c.is_ascii_digit())
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.numbers == other.numbers
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_their_leading_numbers() {
        let version = Version::parse;
        assert_eq!(version("6.1.0-18-amd64"), version("6.1"));
        assert!(version("4.9") < version("4.12"));
        assert!(version("5.4.0-rc1") >= version("5.4"));
        assert!(version("edge") < version("0.1"));
        assert_eq!(version("6.18.44-fc-v669").major_minor(), (6, 18));
    }
}
