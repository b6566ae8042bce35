//! The lines of a drop-in file.

use super::Reader;
use super::pattern;
use crate::most;

/// A line that says something to the program that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u32,
    /// The path below `/proc/sys` by which the program knows the key, perhaps a pattern: systemd tidies it up, procps leaves it.
    pub(super) written: String,
    /// The path that is meant in the end; `None` where the program cannot open it.
    path: Option<String>,
    /// What stands after the `=`. A line without one keeps patterns away from the key.
    pub(super) value: Option<String>,
    /// Whether a dash stands in front: the program says nothing where the kernel refuses the value.
    pub(super) lenient: bool,
    reader: Reader,
}

/// The lines as one of the programs understands them.
pub(super) fn parse(text: &str, reader: Reader) -> Vec<Line> {
    let mut lines = Vec::new();
    for (row, number) in text.split('\n').zip(1..) {
        match reader {
            // systemd ends a line at each of the three; whoever looks for its number counts `\n`.
            Reader::Systemd => {
                for part in row.split(['\r', '\0']) {
                    // systemd reads no further either.
                    if part.len() >= most::SYSTEMD_LINE {
                        return lines;
                    }
                    lines.extend(line(part, number, reader));
                }
            }
            // To a C program a string ends at the first NUL.
            Reader::Procps => {
                let seen = row.split('\0').next().unwrap_or_default();
                lines.extend(line(seen, number, reader));
            }
        }
    }
    lines
}

fn line(text: &str, number: u32, reader: Reader) -> Option<Line> {
    let is_space = |c: char| match reader {
        Reader::Systemd => matches!(c, ' ' | '\t'),
        Reader::Procps => matches!(c, ' ' | '\t'..='\r'),
    };
    let text = text.trim_matches(is_space);
    if text.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.trim_matches(is_space).to_owned())),
        None => (text, None),
    };
    let (dash, key) = match key.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, key),
    };
    if value.is_none() && !dash {
        return None;
    }
    let key = match reader {
        Reader::Systemd => key.trim_matches(is_space),
        // It takes two dashes for one, and white space after a dash for a part of the key.
        Reader::Procps => {
            let key = if dash {
                key.strip_prefix('-').unwrap_or(key)
            } else {
                key
            };
            if dash && key.starts_with(is_space) {
                return None;
            }
            key.trim_end_matches(is_space)
        }
    };
    let written = path_of(key);
    match reader {
        Reader::Systemd => {
            let path = tidy(&written)?;
            Some(Line {
                number,
                written: path.clone(),
                path: Some(path),
                value,
                lenient: dash,
                reader,
            })
        }
        Reader::Procps => {
            let mut line = Line {
                number,
                path: None,
                written,
                value,
                lenient: dash,
                reader,
            };
            let mut openable = line.written.as_str();
            if line.is_pattern() {
                openable = openable.trim_end_matches('/');
            }
            line.path = resolve(openable);
            Some(line)
        }
    }
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

/// A path without empty segments and `.`; `None` where nothing is left, or where it holds `..`, which systemd does not take.
fn tidy(path: &str) -> Option<String> {
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !matches!(*segment, "" | "."))
        .collect();
    (!segments.is_empty() && !segments.contains(&"..")).then(|| segments.join("/"))
}

/// Where a path leads as the kernel follows it; `None` out of the tree, and where it can only be a directory.
fn resolve(path: &str) -> Option<String> {
    if path.ends_with('/') || matches!(path.rsplit('/').next(), Some("." | "..")) {
        return None;
    }
    let mut place = vec!["proc", "sys"];
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(place.pop()),
            name => place.push(name),
        }
    }
    let below = place.strip_prefix(&["proc", "sys"])?;
    (!below.is_empty()).then(|| below.join("/"))
}

impl Line {
    /// The path that it is about, perhaps a pattern; `None` where there can be no such key.
    pub(super) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    pub(super) fn is_pattern(&self) -> bool {
        self.written.contains(['*', '?', '['])
    }

    /// Whether it is about a key, by its path.
    pub(super) fn means(&self, path: &str) -> bool {
        self.path.as_deref().is_some_and(|own| {
            if self.is_pattern() {
                pattern::matches(own, path, self.reader == Reader::Systemd)
            } else {
                own == path
            }
        })
    }

    /// How a key that the pattern means is spelled when the pattern has been expanded.
    pub(super) fn expanded(&self, path: &str) -> String {
        if self.reader == Reader::Systemd {
            return path.to_owned();
        }
        let segments: Vec<&str> = path.split('/').collect();
        let mut depth = 0_usize;
        let spelled: Vec<&str> = self
            .written
            .trim_end_matches('/')
            .split('/')
            .map(|part| {
                match part {
                    "" | "." => return part,
                    ".." => {
                        depth = depth.saturating_sub(1);
                        return part;
                    }
                    _ => depth += 1,
                }
                if part.contains(['*', '?', '[', '\\']) {
                    segments.get(depth - 1).copied().unwrap_or(part)
                } else {
                    part
                }
            })
            .collect();
        spelled.join("/")
    }
}
