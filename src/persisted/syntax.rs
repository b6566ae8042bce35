//! The lines of a drop-in file.

use super::Reader;

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u32,
    /// The key's path below `/proc/sys`; perhaps a pattern.
    pub(super) path: String,
    /// What stands after the `=`; `None` where there is none.
    pub(super) value: Option<String>,
    /// Whether a `-` stands before the key.
    dash: bool,
    /// Whether there is white space between the two, which procps takes for a part of the key.
    gap: bool,
}

/// What a line means to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It sets the key.
    Sets,
    /// It keeps patterns away from the key.
    Excludes,
    /// It is not understood, and skipped.
    Nothing,
}

pub(super) fn parse(text: &str) -> Vec<Line> {
    text.lines()
        .zip(1..)
        .filter_map(|(line, number)| {
            let line = line.trim_matches(|c: char| c.is_ascii_whitespace());
            if line.is_empty() || line.starts_with(['#', ';']) {
                return None;
            }
            let (dash, line) = match line.strip_prefix('-') {
                Some(rest) => (true, rest),
                None => (false, line),
            };
            let (key, value) = match line.split_once('=') {
                Some((key, value)) => (key, Some(value.trim().to_owned())),
                None => (line, None),
            };
            Some(Line {
                gap: dash && key.starts_with(|c: char| c.is_ascii_whitespace()),
                number,
                path: path_of(key.trim()),
                value,
                dash,
            })
        })
        .collect()
}

/// The path below `/proc/sys` of a key: if its first separator is a dot, dots separate and slashes stand for dots.
fn path_of(key: &str) -> String {
    if key.find(['.', '/']).is_some_and(|at| key.as_bytes()[at] == b'.') {
        key.chars()
            .map(|c| match c {
                '.' => '/',
                '/' => '.',
                other => other,
            })
            .collect()
    } else {
        key.to_owned()
    }
}

impl Line {
    pub(super) fn is_pattern(&self) -> bool {
        self.path.contains(['*', '?', '['])
    }

    pub(super) fn meaning(&self, reader: Reader) -> Meaning {
        match (&self.value, self.dash) {
            _ if reader == Reader::Procps && self.gap => Meaning::Nothing,
            // Writing nothing sets nothing. systemd writes a line end at least, and is refused.
            (Some(value), _) if value.is_empty() && reader == Reader::Procps => Meaning::Excludes,
            (Some(_), _) => Meaning::Sets,
            (None, true) => Meaning::Excludes,
            (None, false) => Meaning::Nothing,
        }
    }

    /// Whether a path is one that the pattern means, by the rules of glob(7) within segments.
    pub(super) fn matches(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        self.path.split('/').all(|pattern| {
            segments
                .next()
                .is_some_and(|segment| matches(pattern.as_bytes(), segment.as_bytes()))
        }) && segments.next().is_none()
    }
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            matches(rest, text) || text.split_first().is_some_and(|(_, left)| matches(pattern, left))
        }
        (Some((b'?', rest)), Some((_, left))) => matches(rest, left),
        (Some((b'[', rest)), Some((c, left))) => match class(rest, *c) {
            Some((true, rest)) => matches(rest, left),
            Some((false, _)) => false,
            None => *c == b'[' && matches(rest, left),
        },
        (Some((wanted, rest)), Some((c, left))) => wanted == c && matches(rest, left),
        _ => false,
    }
}

/// Whether a bracket holds a character, and what follows it; `None` where it is not closed.
fn class(pattern: &[u8], c: u8) -> Option<(bool, &[u8])> {
    let (negated, pattern) = match pattern.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, pattern),
    };
    // A bracket that comes first stands for itself.
    let end = pattern.iter().skip(1).position(|byte| *byte == b']')? + 1;
    let (set, rest) = (&pattern[..end], &pattern[end + 1..]);
    let mut at = 0;
    let mut found = false;
    while at < set.len() {
        if at + 2 < set.len() && set[at + 1] == b'-' {
            found |= (set[at]..=set[at + 2]).contains(&c);
            at += 3;
        } else {
            found |= set[at] == c;
            at += 1;
        }
    }
    Some((found != negated, rest))
}
