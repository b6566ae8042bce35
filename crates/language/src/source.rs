//! The texts that profiles come from, and places in them.

use std::cell::OnceCell;

/// One of the texts in a [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

/// A span of bytes in one source. Small and copied freely: every value of a profile carries one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Whose text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// Where a text came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A file; its name is the path as the user would write it.
    File,
    /// Compiled into the binary; there is no file that a person could open.
    BuiltIn,
    /// The command line (`--set`).
    CommandLine,
}

/// A text with a name.
#[derive(Debug)]
pub struct Source {
    /// A path, or the name of a built-in profile.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Where it came from.
    pub origin: Origin,
    lines: OnceCell<Vec<u32>>,
}

/// Every text that was loaded in this run.
#[derive(Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
}

/// A line and a column, both counted from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Place {
    /// The part `range` (bytes, relative to this place's start) of this place.
    #[must_use]
    pub fn part(self, range: std::ops::Range<usize>) -> Place {
        let clamp = |n: usize| {
            self.start
                .saturating_add(u32::try_from(n).unwrap_or(u32::MAX))
                .min(self.end)
        };
        Place {
            source: self.source,
            start: clamp(range.start),
            end: clamp(range.end),
        }
    }
}

impl Source {
    /// The name as messages print it: a path, or `built-in:NAME`.
    #[must_use]
    pub fn display_name(&self) -> String {
        match self.origin {
            Origin::BuiltIn => format!("built-in:{}", self.name),
            Origin::File | Origin::CommandLine => self.name.clone(),
        }
    }

    /// Byte offsets at which lines start. Built on first use: most runs never need a line number.
    fn lines(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let newlines = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0)
                .chain(newlines.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX)))
                .collect()
        })
    }
}

impl Sources {
    /// No texts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text. The same text of the same name is one source, however often it is read: two profiles that extend a third
    /// mean the same file.
    ///
    /// # Panics
    /// After four thousand million texts.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>, origin: Origin) -> SourceId {
        let (name, text) = (name.into(), text.into());
        if let Some(at) = self
            .list
            .iter()
            .position(|known| known.origin == origin && known.name == name && known.text == text)
        {
            return SourceId(u32::try_from(at).expect("fewer sources than u32 counts"));
        }
        let id = SourceId(u32::try_from(self.list.len()).expect("fewer sources than u32 counts"));
        self.list.push(Source {
            name,
            text,
            origin,
            lines: OnceCell::new(),
        });
        id
    }

    /// The last text of a name that came from a file.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<SourceId> {
        let at = self
            .list
            .iter()
            .rposition(|source| source.origin == Origin::File && source.name == name)?;
        u32::try_from(at).ok().map(SourceId)
    }

    /// The text behind an id.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0 as usize]
    }

    /// The line and column at which a place starts.
    #[must_use]
    pub fn position(&self, place: Place) -> Position {
        let source = self.get(place.source);
        let lines = source.lines();
        let line = lines.partition_point(|start| *start <= place.start).max(1);
        let start = lines[line - 1] as usize;
        let before = source.text.get(start..place.start as usize).unwrap_or("");
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX),
        }
    }

    /// The text at a place.
    #[must_use]
    pub fn text(&self, place: Place) -> &str {
        self.get(place.source)
            .text
            .get(place.start as usize..place.end as usize)
            .unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let mut sources = Sources::new();
        let source = sources.add("x.toml", "a\nßb = 1\n", Origin::File);
        let at = |start| {
            sources.position(Place {
                source,
                start,
                end: start,
            })
        };
        assert_eq!(at(0), Position { line: 1, column: 1 });
        assert_eq!(at(2), Position { line: 2, column: 1 });
        assert_eq!(at(4), Position { line: 2, column: 2 });
        assert_eq!(at(10), Position { line: 3, column: 1 });
    }
}
