//! Names of sysctls.

use std::fmt;

use crate::most;

/// A sysctl's name, checked in form: no way out of the tree, no empty segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SysctlName {
    dotted: String,
    path: String,
}

/// Why a text is not the name of a sysctl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// Nothing there.
    Empty,
    /// A separator at the beginning: an absolute path.
    Absolute,
    /// Two separators in a row, or one at the end.
    EmptySegment,
    /// A segment `..` or `.`: a way out of the tree.
    Parent,
    /// A NUL, another control character, or white space.
    Character(char),
    /// Longer than any path may be.
    TooLong,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => f.write_str("it is empty"),
            NameError::Absolute => f.write_str("it begins with a separator; a name is relative to the tree of sysctls"),
            NameError::EmptySegment => f.write_str("a segment between two separators is empty"),
            NameError::Parent => f.write_str("`.` and `..` lead outside the tree of sysctls"),
            NameError::Character(c) => write!(f, "it contains the character {:?}", *c),
            NameError::TooLong => write!(f, "it is longer than {} bytes", most::SYSCTL_NAME),
        }
    }
}

impl std::error::Error for NameError {}

impl SysctlName {
    /// Reads a name by the rule of sysctl.d(5): if the first separator is a slash, the name is a path and is left alone; if it
    /// is a dot, dots separate segments and slashes stand for dots within them.
    ///
    /// # Errors
    /// The text is not a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > most::SYSCTL_NAME {
            return Err(NameError::TooLong);
        }
        let mut first = None;
        let mut plain = true;
        let mut last = b'.';
        for byte in text.bytes() {
            match byte {
                b'.' | b'/' => {
                    first = first.or(Some(byte));
                    plain &= byte == b'.' && last != b'.';
                }
                0..=b' ' | 0x7f => return Err(NameError::Character(char::from(byte))),
                _ => {}
            }
            last = byte;
        }
        if plain && last != b'.' {
            // As nearly all are: single dots between segments, and nothing that could lead anywhere else.
            return Ok(Self {
                dotted: text.to_owned(),
                path: swap(text),
            });
        }
        let name = if first == Some(b'/') {
            Self {
                dotted: swap(text),
                path: text.to_owned(),
            }
        } else {
            Self {
                dotted: text.to_owned(),
                path: swap(text),
            }
        };
        // A text that is a way out as it stands is called so, whichever separator was meant.
        if has_dots(text) || has_dots(&name.path) {
            return Err(NameError::Parent);
        }
        let path = name.path.as_bytes();
        if path[0] == b'/' {
            return Err(NameError::Absolute);
        }
        if path[path.len() - 1] == b'/' || path.windows(2).any(|pair| pair == b"//") {
            return Err(NameError::EmptySegment);
        }
        Ok(name)
    }

    /// The path of a canonical dotted name, in a buffer; `None` where it does not fit. For the hot path, which makes no string.
    #[cfg(target_os = "linux")]
    pub(super) fn path_into<'a>(dotted: &str, buffer: &'a mut [u8]) -> Option<&'a str> {
        let target = buffer.get_mut(..dotted.len())?;
        for (to, from) in target.iter_mut().zip(dotted.bytes()) {
            *to = swapped(from);
        }
        std::str::from_utf8(target).ok()
    }

    /// With dots between segments, and slashes for dots within them: `net.ipv4.conf.eth0/100.rp_filter`.
    #[must_use]
    pub fn dotted(&self) -> &str {
        &self.dotted
    }

    /// The path below `/proc/sys`: `net/ipv4/conf/eth0.100/rp_filter`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The segments of the path.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.split('/')
    }

    /// Whether a `*` stands in it.
    #[must_use]
    pub fn is_glob(&self) -> bool {
        self.path.contains('*')
    }
}

/// Whether a segment of a path is `.` or `..`.
fn has_dots(path: &str) -> bool {
    let bytes = path.as_bytes();
    let edge = |at: Option<usize>| at.is_none_or(|at| bytes.get(at).is_none_or(|byte| *byte == b'/'));
    (0..bytes.len()).any(|at| {
        bytes[at] == b'.'
            && edge(at.checked_sub(1))
            && (edge(Some(at + 1)) || (bytes.get(at + 1) == Some(&b'.') && edge(Some(at + 2))))
    })
}

fn swapped(byte: u8) -> u8 {
    match byte {
        b'.' => b'/',
        b'/' => b'.',
        other => other,
    }
}

/// The text with dots and slashes exchanged.
fn swap(text: &str) -> String {
    let bytes = text.bytes().map(swapped).collect();
    // One ASCII byte took the place of another, so it is text as before.
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_separator_decides() {
        let paths = |text| SysctlName::parse(text).map(|name| name.path().to_owned());
        assert_eq!(paths("net.core.somaxconn").as_deref(), Ok("net/core/somaxconn"));
        assert_eq!(
            paths("net.ipv4.conf.eth0/100.rp_filter").as_deref(),
            Ok("net/ipv4/conf/eth0.100/rp_filter")
        );
        assert_eq!(
            paths("net/ipv4/conf/eth0.100/rp_filter").as_deref(),
            Ok("net/ipv4/conf/eth0.100/rp_filter")
        );
        let name = SysctlName::parse("net/ipv4/conf/eth0.100/rp_filter").unwrap();
        assert_eq!(name.dotted(), "net.ipv4.conf.eth0/100.rp_filter");
        assert_eq!(SysctlName::parse(name.dotted()).unwrap(), name);
    }

    #[test]
    fn no_traversal() {
        for (text, error) in [
            ("", NameError::Empty),
            ("../../etc/shadow", NameError::Parent),
            ("/etc/passwd", NameError::Absolute),
            ("net..x", NameError::EmptySegment),
            ("net/../x", NameError::Parent),
            ("net.//.x", NameError::Parent),
            ("net/ipv4/", NameError::EmptySegment),
            ("net.\0.x", NameError::Character('\0')),
            ("net. core", NameError::Character(' ')),
        ] {
            assert_eq!(SysctlName::parse(text), Err(error), "{text:?}");
        }
    }
}
