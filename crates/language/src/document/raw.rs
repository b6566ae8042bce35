//! TOML as a tree in which every value knows its place.

use crate::date::Date;
use crate::source::{Place, Sources};

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw {
    /// Where it stands; of a string, the quotes are part of the place.
    pub place: Place,
    /// What it is.
    pub data: Data,
}

/// The kinds of TOML values.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// A string.
    Text(String),
    /// An integer; TOML's 64 bits or more.
    Integer(i128),
    /// `true` or `false`.
    Bool(bool),
    /// A date without a time.
    Date(Date),
    /// An array.
    List(Vec<Raw>),
    /// A table, in no particular order.
    Table(Table),
    /// A float, or a date with a time: nothing in a profile is one.
    Other(&'static str),
}

/// A table's entries.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Key, where the key stands, and value.
    pub entries: Vec<Entry>,
}

/// One entry of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_place: Place,
    /// The value.
    pub value: Raw,
}

impl Table {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Raw> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// Takes the value of a key out.
    pub fn take(&mut self, key: &str) -> Option<Raw> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at).value)
    }

    /// Puts a value in, or in the place of the one that is there.
    pub fn set(&mut self, entry: Entry) {
        match self.entries.iter_mut().find(|old| old.key == entry.key) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }
}

impl Raw {
    /// The string, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The table, if it is one.
    #[must_use]
    pub fn table(&self) -> Option<&Table> {
        match &self.data {
            Data::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match self.data {
            Data::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// What kind of value it is, for a message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Text(_) => "a string",
            Data::Integer(_) => "an integer",
            Data::Bool(_) => "a boolean",
            Data::Date(_) => "a date",
            Data::List(_) => "an array",
            Data::Table(_) => "a table",
            Data::Other(what) => what,
        }
    }

    /// The place of a part of a string's text, `range` counted in bytes of the text. Where the string is written with escapes,
    /// the whole of it: the bytes do not line up.
    #[must_use]
    pub fn part(&self, sources: &Sources, range: std::ops::Range<usize>) -> Place {
        let written = sources.text(self.place);
        match (&self.data, written.as_bytes().first()) {
            (Data::Text(text), Some(b'"' | b'\'')) if written.len() == text.len() + 2 => {
                self.place.part(range.start + 1..range.end + 1)
            }
            _ => self.place,
        }
    }
}
