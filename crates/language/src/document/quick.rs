//! The form of TOML that profiles are written in, read in one pass.
//!
//! A check of a hundred rules is done in half a millisecond, and the full parser took longer than that for the profile alone, most
//! of it for memory. What this reader does not know for certain (escapes, quoted keys, floats, a table that is opened twice, any
//! mistake at all) it leaves alone: it answers `None`, and the full parser reads the text and reports what is wrong. That both
//! read the same from what both read is a test.
//!
//! One reader over the events of `toml_parser`, under the full parser, was measured instead: of a profile with a hundred rules the
//! events alone, before any value is made of them, take 1.18 million instructions, and this reader with all its values 0.96
//! million. A whole check takes 5 million.

use super::raw::{Data, Entry, Raw, Table};
use crate::date::Date;
use crate::most;
use crate::source::{Place, SourceId};

/// Reads a profile; `None` where the full parser must.
pub(super) fn parse(text: &str, source: SourceId) -> Option<Table> {
    if u32::try_from(text.len()).is_err() {
        return None;
    }
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        source,
    };
    let mut root = Table::default();
    // Names at the top that were opened by headers; anything else there is a value, and takes no header.
    let mut opened: Vec<(String, Opened)> = Vec::new();
    // The table that entries go to: a path of at most two steps into the root.
    let mut current = Current::Root;
    // Tables that dotted keys made, of the current table; no other table may be extended so.
    let mut dotted: Vec<String> = Vec::new();
    loop {
        reader.blank_lines()?;
        let Some(first) = reader.peek() else { return Some(root) };
        if first == b'[' {
            current = reader.header(&mut root, &mut opened)?;
            dotted.clear();
        } else {
            let table = current.table(&mut root)?;
            let known = matches!(current, Current::Root).then_some(&opened);
            reader.entry(table, &mut dotted, known)?;
        }
        reader.line_end()?;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Opened {
    /// `[[name]]`
    List,
    /// `[name]`
    Table,
    /// `[name.sub]` alone: the name's own table is implied.
    Implied,
}

enum Current {
    Root,
    /// An entry of the root: its table, or the last one of its list.
    Entry(usize),
    /// An entry of such a table.
    Inner(usize, usize),
}

impl Current {
    fn table<'a>(&self, root: &'a mut Table) -> Option<&'a mut Table> {
        match *self {
            Current::Root => Some(root),
            Current::Entry(at) => table_of(&mut root.entries.get_mut(at)?.value),
            Current::Inner(at, inner) => table_of(
                &mut table_of(&mut root.entries.get_mut(at)?.value)?
                    .entries
                    .get_mut(inner)?
                    .value,
            ),
        }
    }
}

fn table_of(raw: &mut Raw) -> Option<&mut Table> {
    match &mut raw.data {
        Data::Table(table) => Some(table),
        Data::List(list) => match &mut list.last_mut()?.data {
            Data::Table(table) => Some(table),
            _ => None,
        },
        _ => None,
    }
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    source: SourceId,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn place(&self, start: usize, end: usize) -> Place {
        // The text's length fits, and these lie in it.
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Place {
            source: self.source,
            start: narrow(start),
            end: narrow(end),
        }
    }

    fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// A comment, if one is here. Control characters are not allowed in it.
    fn comment(&mut self) -> Option<()> {
        if self.peek() == Some(b'#') {
            while let Some(byte) = self.peek().filter(|byte| *byte != b'\n') {
                if (byte < b' ' && byte != b'\t') || byte == 0x7f {
                    return None;
                }
                self.at += 1;
            }
        }
        Some(())
    }

    /// White space, newlines and comments.
    fn blank_lines(&mut self) -> Option<()> {
        loop {
            self.spaces();
            self.comment()?;
            if self.peek() != Some(b'\n') {
                return Some(());
            }
            self.at += 1;
        }
    }

    fn line_end(&mut self) -> Option<()> {
        self.spaces();
        self.comment()?;
        match self.peek() {
            None => Some(()),
            Some(b'\n') => {
                self.at += 1;
                Some(())
            }
            Some(_) => None,
        }
    }

    fn bare_key(&mut self) -> Option<(String, Place)> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        {
            self.at += 1;
        }
        (self.at > start).then(|| (self.text[start..self.at].to_owned(), self.place(start, self.at)))
    }

    fn header(&mut self, root: &mut Table, opened: &mut Vec<(String, Opened)>) -> Option<Current> {
        let start = self.at;
        self.take(b'[')?;
        let list = self.take(b'[').is_some();
        let (name, name_place) = self.bare_key()?;
        let inner = if self.take(b'.').is_some() {
            Some(self.bare_key()?)
        } else {
            None
        };
        self.take(b']')?;
        if list {
            self.take(b']')?;
        }
        let whole = self.place(start, self.at);
        let known = opened.iter().find(|(known, _)| *known == name).map(|(_, how)| *how);
        let at = root.entries.iter().position(|entry| entry.key == name);
        let empty = |place: Place| Raw {
            place,
            data: Data::Table(Table::default()),
        };
        match (list, inner, known, at) {
            (true, None, Some(Opened::List), Some(at)) => {
                let Data::List(items) = &mut root.entries[at].value.data else {
                    return None;
                };
                items.push(empty(whole));
                Some(Current::Entry(at))
            }
            (true, None, None, None) => {
                opened.push((name.clone(), Opened::List));
                let value = Raw {
                    place: whole,
                    data: Data::List(vec![empty(whole)]),
                };
                root.entries.push(Entry {
                    key: name,
                    key_place: name_place,
                    value,
                });
                Some(Current::Entry(root.entries.len() - 1))
            }
            (false, None, None, None) => {
                opened.push((name.clone(), Opened::Table));
                root.entries.push(Entry {
                    key: name,
                    key_place: name_place,
                    value: empty(whole),
                });
                Some(Current::Entry(root.entries.len() - 1))
            }
            (false, Some((key, key_place)), Some(Opened::Implied) | None, at) => {
                if known.is_none() {
                    if at.is_some() {
                        return None;
                    }
                    opened.push((name.clone(), Opened::Implied));
                    root.entries.push(Entry {
                        key: name,
                        key_place: name_place,
                        value: empty(name_place),
                    });
                }
                let at = at.unwrap_or(root.entries.len() - 1);
                let table = table_of(&mut root.entries[at].value)?;
                if table.get(&key).is_some() {
                    return None;
                }
                table.entries.push(Entry {
                    key,
                    key_place,
                    value: empty(whole),
                });
                Some(Current::Inner(at, table.entries.len() - 1))
            }
            _ => None,
        }
    }

    /// `key = value`, or `key.sub = value`.
    fn entry(
        &mut self,
        table: &mut Table,
        dotted: &mut Vec<String>,
        opened: Option<&Vec<(String, Opened)>>,
    ) -> Option<()> {
        let (key, key_place) = self.bare_key()?;
        let inner = if self.take(b'.').is_some() {
            Some(self.bare_key()?)
        } else {
            None
        };
        self.spaces();
        self.take(b'=')?;
        self.spaces();
        let value = self.value(0)?;
        if opened.is_some_and(|opened| opened.iter().any(|(name, _)| *name == key)) {
            return None;
        }
        let known = table.entries.iter_mut().find(|entry| entry.key == key);
        match (inner, known) {
            (None, None) => table.entries.push(Entry { key, key_place, value }),
            (Some((sub, sub_place)), None) => {
                let inner = Table {
                    entries: vec![Entry {
                        key: sub,
                        key_place: sub_place,
                        value,
                    }],
                };
                dotted.push(key.clone());
                table.entries.push(Entry {
                    key,
                    key_place,
                    value: Raw {
                        place: key_place,
                        data: Data::Table(inner),
                    },
                });
            }
            (Some((sub, sub_place)), Some(entry)) if dotted.contains(&key) => {
                let inner = table_of(&mut entry.value)?;
                if inner.get(&sub).is_some() {
                    return None;
                }
                inner.entries.push(Entry {
                    key: sub,
                    key_place: sub_place,
                    value,
                });
            }
            _ => return None,
        }
        Some(())
    }

    fn value(&mut self, depth: u8) -> Option<Raw> {
        if depth > most::QUICK_DEPTH {
            return None;
        }
        let start = self.at;
        let data = match self.peek()? {
            quote @ (b'"' | b'\'') => self.string(quote)?,
            b'[' => self.array(depth)?,
            b'{' => self.inline_table(depth)?,
            b't' => self.word("true", Data::Bool(true))?,
            b'f' => self.word("false", Data::Bool(false))?,
            b'0'..=b'9' | b'-' => self.number()?,
            _ => return None,
        };
        Some(Raw {
            place: self.place(start, self.at),
            data,
        })
    }

    fn word(&mut self, word: &str, data: Data) -> Option<Data> {
        self.bytes[self.at..]
            .starts_with(word.as_bytes())
            .then(|| self.at += word.len())?;
        self.value_ends().then_some(data)
    }

    fn value_ends(&self) -> bool {
        matches!(
            self.peek(),
            None | Some(b' ' | b'\t' | b'\n' | b',' | b']' | b'}' | b'#')
        )
    }

    fn string(&mut self, quote: u8) -> Option<Data> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek()? {
                byte if byte == quote => break,
                // Escapes and control characters are the full parser's.
                b'\\' if quote == b'"' => return None,
                byte if (byte < b' ' && byte != b'\t') || byte == 0x7f => return None,
                _ => self.at += 1,
            }
        }
        let text = self.text[start..self.at].to_owned();
        self.at += 1;
        // Two quotes and a third one open a text of several lines.
        if text.is_empty() && self.peek() == Some(quote) {
            return None;
        }
        Some(Data::Text(text))
    }

    /// A decimal integer, or a date.
    fn number(&mut self) -> Option<Data> {
        let start = self.at;
        let negative = self.take(b'-').is_some();
        let digits = self.at;
        let mut number: i128 = 0;
        let mut last = b'_';
        while let Some(byte) = self.peek() {
            match byte {
                b'0'..=b'9' => number = number.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?,
                b'_' if last != b'_' => {}
                _ => break,
            }
            last = byte;
            self.at += 1;
        }
        if last == b'_' {
            return None;
        }
        if self.peek() == Some(b'-') && self.at - start == 4 && !negative {
            return self.date(start);
        }
        let leading_zero = self.bytes[digits] == b'0' && self.at - digits > 1;
        // TOML's integers have 64 bits; beyond, the full parser decides.
        let fits = i64::try_from(number).is_ok();
        (!leading_zero && fits && self.value_ends()).then_some(Data::Integer(if negative { -number } else { number }))
    }

    /// `2027-01-31`, with nothing behind it.
    fn date(&mut self, start: usize) -> Option<Data> {
        let text = self.text.get(start..start + 10)?;
        let bytes = text.as_bytes();
        let shaped = bytes.iter().enumerate().all(|(at, byte)| {
            if at == 4 || at == 7 {
                *byte == b'-'
            } else {
                byte.is_ascii_digit()
            }
        });
        if !shaped {
            return None;
        }
        let (year, month, day): (u16, u8, u8) = (
            text[..4].parse().ok()?,
            text[5..7].parse().ok()?,
            text[8..].parse().ok()?,
        );
        self.at = start + 10;
        // A space may go on to a time, and the end of a month is the full parser's business.
        let plain = matches!(self.peek(), None | Some(b'\n')) && (1..=12).contains(&month) && (1..=28).contains(&day);
        plain.then_some(Data::Date(Date { year, month, day }))
    }

    fn array(&mut self, depth: u8) -> Option<Data> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blank_lines()?;
            if self.take(b']').is_some() {
                return Some(Data::List(items));
            }
            items.push(self.value(depth + 1)?);
            self.blank_lines()?;
            if self.take(b',').is_none() {
                self.take(b']')?;
                return Some(Data::List(items));
            }
        }
    }

    fn inline_table(&mut self, depth: u8) -> Option<Data> {
        self.at += 1;
        let mut table = Table::default();
        self.spaces();
        if self.take(b'}').is_some() {
            return Some(Data::Table(table));
        }
        loop {
            self.spaces();
            let (key, key_place) = self.bare_key()?;
            self.spaces();
            self.take(b'=')?;
            self.spaces();
            let value = self.value(depth + 1)?;
            if table.get(&key).is_some() {
                return None;
            }
            table.entries.push(Entry { key, key_place, value });
            self.spaces();
            if self.take(b',').is_none() {
                self.take(b'}')?;
                return Some(Data::Table(table));
            }
        }
    }
}
