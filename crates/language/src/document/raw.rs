//! TOML as a tree in which every value knows its place.

use toml::de::{DeTable, DeValue};

use crate::date::Date;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Place, SourceId, Sources};

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

/// Parses a source. Syntax errors are all reported, and what could be understood is returned.
#[must_use]
pub fn parse(sources: &Sources, source: SourceId, diagnostics: &mut Diagnostics) -> Table {
    let quick = super::quick::parse(&sources.get(source).text, source);
    quick.unwrap_or_else(|| parse_in_full(sources, source, diagnostics))
}

/// The same by the full parser.
pub(super) fn parse_in_full(sources: &Sources, source: SourceId, diagnostics: &mut Diagnostics) -> Table {
    let text = sources.get(source).text.as_str();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        // The parser's message can hold several lines (what it expected); the first says what is wrong.
        let message = error.message();
        let mut lines = message.lines();
        let diagnostic = Diagnostic::at(
            place(source, span),
            format!("invalid TOML: {}", lines.next().unwrap_or("")),
        );
        let rest = lines.collect::<Vec<_>>().join("; ");
        diagnostics.push(if rest.is_empty() {
            diagnostic
        } else {
            diagnostic.label(rest)
        });
    }
    convert_table(source, table.into_inner())
}

fn place(source: SourceId, span: std::ops::Range<usize>) -> Place {
    let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Place {
        source,
        start: clamp(span.start),
        end: clamp(span.end),
    }
}

fn convert_table(source: SourceId, table: DeTable<'_>) -> Table {
    let entries = table
        .into_iter()
        .map(|(key, value)| Entry {
            key_place: place(source, key.span()),
            key: key.into_inner().into_owned(),
            value: convert(source, value),
        })
        .collect();
    in_order(entries)
}

/// The entries in the order of the text; the parser sorts them by name.
fn in_order(mut entries: Vec<Entry>) -> Table {
    entries.sort_by_key(|entry| entry.key_place.start);
    Table { entries }
}

fn convert(source: SourceId, value: toml::Spanned<DeValue<'_>>) -> Raw {
    let place = place(source, value.span());
    let data = match value.into_inner() {
        DeValue::String(text) => Data::Text(text.into_owned()),
        DeValue::Integer(integer) => i128::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Data::Other("an integer of over 128 bits"), Data::Integer),
        DeValue::Float(_) => Data::Other("a float"),
        DeValue::Boolean(value) => Data::Bool(value),
        DeValue::Datetime(datetime) => match (datetime.date, datetime.time) {
            (Some(date), None) => Data::Date(Date {
                year: date.year,
                month: date.month,
                day: date.day,
            }),
            _ => Data::Other("a date with a time"),
        },
        DeValue::Array(list) => Data::List(list.into_iter().map(|item| convert(source, item)).collect()),
        DeValue::Table(table) => Data::Table(convert_table(source, table)),
    };
    Raw { place, data }
}
