//! From a text to TOML with places: quickly where it is plain, else by the full parser, which tells what is wrong.

use toml::de::{DeTable, DeValue};

use super::quick;
use super::raw::{Data, Entry, Raw, Table};
use crate::date::Date;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Place, SourceId, Sources};

/// Parses a source. Syntax errors are all reported, and what could be understood is returned.
#[must_use]
pub fn parse(sources: &Sources, source: SourceId, diagnostics: &mut Diagnostics) -> Table {
    let quick = quick::parse(&sources.get(source).text, source);
    quick.unwrap_or_else(|| parse_in_full(sources, source, diagnostics))
}

/// The same by the full parser.
fn parse_in_full(sources: &Sources, source: SourceId, diagnostics: &mut Diagnostics) -> Table {
    let text = sources.get(source).text.as_str();
    let (table, errors) = DeTable::parse_recoverable(text);
    if let Some(line) = line_of_yaml(text).filter(|_| !errors.is_empty()) {
        // One mistake, however many the parser stumbles over.
        diagnostics.push(
            Diagnostic::at(place(source, line), "this is YAML, and a profile is TOML")
                .label("not TOML")
                .help(
                    "for example:\n[[rule]]\nid = \"backlog\"\nsysctl = { key = \"net.core.somaxconn\", min = 4096 }",
                ),
        );
        return convert_table(source, DeTable::new());
    }
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        // The parser's message can hold several lines (what it expected); the first says what is wrong.
        let message = error.message();
        let mut lines = message.lines();
        let bare = text.get(span.clone()).filter(|bare| is_bare(bare));
        let diagnostic = Diagnostic::at(
            place(source, span),
            format!("invalid TOML: {}", lines.next().unwrap_or("")),
        );
        let diagnostic = match bare {
            Some(bare) => diagnostic.help(format!("a text stands in quotes: \"{bare}\"")),
            None => diagnostic,
        };
        let rest = lines.collect::<Vec<_>>().join("; ");
        diagnostics.push(if rest.is_empty() {
            diagnostic
        } else {
            diagnostic.label(rest)
        });
    }
    convert_table(source, table.into_inner())
}

/// Whether something that is no value would be a text in quotes: `net.core.somaxconn`, `performance`.
fn is_bare(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
}

/// The first line that says something, where it is YAML: a word and a colon, and what follows is no value of TOML's.
fn line_of_yaml(text: &str) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let said = line.trim();
        if said.is_empty() || said.starts_with('#') {
            at += line.len();
            continue;
        }
        let is_word =
            |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        let is_yaml = said == "---"
            || said
                .split_once(':')
                .is_some_and(|(word, rest)| is_word(word) && (rest.is_empty() || rest.starts_with(' ')));
        return is_yaml.then(|| at..at + line.trim_end().len());
    }
    None
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

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test reads the built-in profiles")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::Diagnostics;

    use crate::source::{Origin, Sources};

    /// What both readers make of a text; the full one's mistakes mean that this one must not have answered.
    fn compare(text: &str) -> Result<bool, String> {
        let mut sources = Sources::new();
        let source = sources.add("x", text, Origin::File);
        let mut sink = Diagnostics::new();
        let full = parse_in_full(&sources, source, &mut sink);
        match quick::parse(text, source) {
            None => Ok(false),
            Some(_) if !sink.is_empty() => Err(format!("{text:?} is wrong: {sink:?}")),
            Some(quick) if quick == full => Ok(true),
            Some(quick) => Err(format!("{text:?}\n{quick:#?}\n{full:#?}")),
        }
    }

    #[test]
    fn both_readers_agree_on_profiles() {
        let profiles = concat!(env!("CARGO_MANIFEST_DIR"), "/../../profiles");
        for profile in std::fs::read_dir(profiles).unwrap() {
            let path = profile.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(compare(&text), Ok(true), "{}", path.display());
        }
        for text in [
            "",
            "a = 1\n[params.x]\ndefault = 10_000 # c\n\n[[rule]]\nid = \"r\"\nsysctl = { key = \"k\", b = [1, 2] }\nx.linux = { a = 1 }\nx.macos = -5\n[[rule]]\nid = 'q'\n[tab]\nd = 2027-01-28\n",
            "a = [\n  1, # one\n  2,\n]\n",
            "a = {}\nb = []\nc = true",
        ] {
            assert_eq!(compare(text), Ok(true), "{text}");
        }
    }

    #[test]
    fn what_is_not_certain_is_left_to_the_full_reader() {
        for text in [
            "a = 1\na = 2",
            "a = 01",
            "a = 1.5",
            "a = \"\\n\"",
            "\"a\" = 1",
            "a = \"\"\"x\"\"\"",
            "[a]\n[a]",
            "a = 1\n[a]",
            "a.b = 1\n[a]",
            "[a.b]\n[a]",
            "a = { b = 1, }",
            "a = 1 b = 2",
            "a = 1__0",
            "a = 0x1f",
            "a = 9223372036854775808",
            "a = 2027-13-01",
            "a = 2027-01-01T00:00:00Z",
            "[a.b]\nx = 1\n[a.b]\n",
            "a = {b = 1}\na.c = 2",
            "a = \u{1}",
            "# \u{1}",
            "a",
            "a =",
            "[a",
            "a = [1",
            "a = tru",
            "a = 1_",
            "a.b.c = 1",
            "[[a.b]]",
            "a\r\n",
        ] {
            assert_eq!(compare(text), Ok(false), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn both_readers_agree_or_one_is_silent(lines in prop::collection::vec(
            prop_oneof![
                Just("[[rule]]".to_owned()), Just("[params.n]".to_owned()), Just("[t]".to_owned()), Just("# note".to_owned()),
                "[a-c](\\.[a-c])? = ([0-9_-]{1,6}|\"[a-z# ]{0,4}\"|'[a-z\"]{0,4}'|true|\\[[0-9, ]{0,6}\\]|\\{ ?([ab] = [0-9],? ?){0,2}\\}|20[0-9]{2}-0[0-9]-[0-3][0-9])",
                "[a-c\\[\\]={}\",.0-9 #-]{0,12}",
            ], 0..8)) {
            let text = lines.join("\n");
            prop_assert!(compare(&text).is_ok(), "{}", compare(&text).unwrap_err());
        }
    }
}
