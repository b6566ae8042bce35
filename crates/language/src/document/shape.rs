//! One description of what a profile may hold. The reader checks against it, and the JSON Schema is made from it.

use super::raw::{Data, Entry, Raw, Table};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Place;

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// What it means, in a sentence or two.
    pub doc: &'static str,
}

/// What may stand at a place in a profile.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A string.
    Text,
    /// A string that is not empty, of letters, digits, `-`, `_` and `.`.
    Name,
    /// `true` or `false`.
    Bool,
    /// A date.
    Date,
    /// An integer, or a string that holds an expression.
    Expression,
    /// A string that holds an expression with the value true or false.
    Condition,
    /// A boolean, an integer or a string.
    Scalar,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An array.
    List(&'static Shape),
    /// A single value, or an array of them.
    OneOrMany(&'static Shape),
    /// A value, or a table with one for each operating system.
    PerSystem(&'static Shape),
    /// A table with these keys.
    Table(&'static [Field]),
    /// A table whose keys are chosen by the author.
    Map(&'static [Field]),
    /// Comparators on a value: a table of them, or a value that it must equal.
    Comparators,
    /// A rule: its own fields, and a kind of subject that the registry describes.
    Rule,
}

/// The operating systems that a [`Shape::PerSystem`] may tell apart.
pub const SYSTEMS: &[&str] = &["linux", "macos", "freebsd"];

/// A field that must be there.
#[must_use]
pub const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field {
        name,
        shape,
        required: true,
        doc,
    }
}

/// A field that may be left out.
#[must_use]
pub const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field {
        name,
        shape,
        required: false,
        doc,
    }
}

/// Checks a table's keys and the form of its values, and reports everything that is wrong.
///
/// `open` says which unknown keys are somebody else's business (a rule's kinds of subject, which have their own description).
pub fn check_table(
    table: &Table,
    place: Place,
    fields: &[Field],
    what: &str,
    open: &dyn Fn(&str) -> bool,
    also: &[&str],
    sink: &mut Diagnostics,
) {
    for entry in &table.entries {
        match fields.iter().find(|field| field.name == entry.key) {
            Some(field) => check(&entry.value, &field.shape, &entry.key, sink),
            None if open(&entry.key) => {}
            None => {
                let known = fields.iter().map(|field| field.name).chain(also.iter().copied());
                sink.push(unknown_key(entry, what, &known.collect::<Vec<_>>()));
            }
        }
    }
    for field in fields.iter().filter(|field| field.required) {
        if table.get(field.name).is_none() {
            sink.push(
                Diagnostic::at(place, format!("{what} has no `{}`", field.name))
                    .label(format!("`{}` is missing here", field.name))
                    .help(field.doc.to_owned()),
            );
        }
    }
}

/// What other tools call what has another name here.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("value", "eq"),
    ("is", "eq"),
    ("equals", "eq"),
    ("equal", "eq"),
    ("minimum", "min"),
    ("at_least", "min"),
    ("gte", "min"),
    ("ge", "min"),
    ("maximum", "max"),
    ("at_most", "max"),
    ("lte", "max"),
    ("le", "max"),
    ("in", "one_of"),
    ("ulimit", "rlimit"),
    ("limit", "rlimit"),
    ("name", "id"),
    ("level", "severity"),
    ("reason", "why"),
    ("description", "why"),
    ("description", "summary"),
    ("name", "key"),
    ("condition", "when"),
    ("if", "when"),
    ("rules", "rule"),
    ("parameters", "params"),
    ("include", "extends"),
    ("waivers", "waive"),
];

/// The mistake of a key that is not among those that are known, and which one is meant.
#[must_use]
pub fn unknown_key(entry: &Entry, what: &str, known: &[&str]) -> Diagnostic {
    let unknown =
        Diagnostic::at(entry.key_place, format!("unknown key `{}` in {what}", entry.key)).label("not known here");
    let mut meant = OTHER_WORDS.iter().filter(|(other, _)| *other == entry.key);
    match meant.find(|(_, name)| known.contains(name)) {
        Some((_, name)) => unknown.help(format!("did you mean `{name}`?")),
        None => unknown.suggest(&entry.key, known.iter().copied(), "known keys"),
    }
}

/// Checks the form of one value, and reports everything that is wrong.
pub fn check(value: &Raw, shape: &Shape, key: &str, sink: &mut Diagnostics) {
    let expected = |sink: &mut Diagnostics, what: &str| {
        sink.push(
            Diagnostic::at(value.place, format!("`{key}` must be {what}")).label(format!("this is {}", value.kind())),
        );
    };
    match shape {
        Shape::Text => {
            if value.text().is_none() {
                expected(sink, "a string");
            }
        }
        Shape::Name => match value.text() {
            Some(name) if is_name(name) => {}
            Some(_) => sink.push(
                Diagnostic::at(value.place, format!("`{key}` is not a name"))
                    .label("a name has letters, digits, `-`, `_` and `.`, and begins with a letter or digit"),
            ),
            None => expected(sink, "a string"),
        },
        Shape::Bool => {
            if value.boolean().is_none() {
                expected(sink, "`true` or `false`");
            }
        }
        Shape::Date => {
            if !matches!(value.data, Data::Date(_)) {
                expected(sink, "a date, like 2027-01-31 (without quotes)");
            }
        }
        Shape::Expression => {
            if !matches!(value.data, Data::Integer(_) | Data::Text(_)) {
                expected(sink, "an integer, or a string with an expression");
            }
        }
        Shape::Condition => {
            if !matches!(value.data, Data::Text(_) | Data::Bool(_)) {
                expected(sink, "a string with a condition, like \"os == 'linux'\"");
            }
        }
        Shape::Scalar => {
            if !matches!(value.data, Data::Integer(_) | Data::Text(_) | Data::Bool(_)) {
                expected(sink, "a string, an integer or a boolean");
            }
        }
        Shape::OneOf(words) => match value.text() {
            Some(word) if words.contains(&word) => {}
            Some(word) => sink.push(
                Diagnostic::at(value.place, format!("`{word}` is not a value of `{key}`"))
                    .label("not known here")
                    .suggest(word, words.iter().copied(), "known values"),
            ),
            None => expected(sink, "a string"),
        },
        Shape::List(item) => match &value.data {
            Data::List(list) => list.iter().for_each(|each| check(each, item, key, sink)),
            _ => {
                let wrong = Diagnostic::at(value.place, format!("`{key}` must be an array"))
                    .label(format!("this is {}", value.kind()));
                sink.push(match (&value.data, item) {
                    (Data::Table(_), _) => wrong.help(format!("write it with two brackets, once for each: [[{key}]]")),
                    (Data::Text(text), _) => wrong.help(format!("write it in brackets: {key} = [\"{text}\"]")),
                    (_, _) => wrong,
                });
            }
        },
        Shape::OneOrMany(item) => match &value.data {
            Data::List(list) => list.iter().for_each(|each| check(each, item, key, sink)),
            _ => check(value, item, key, sink),
        },
        Shape::PerSystem(item) => match &value.data {
            Data::Table(table) => {
                for entry in &table.entries {
                    if SYSTEMS.contains(&entry.key.as_str()) {
                        check(&entry.value, item, key, sink);
                    } else {
                        sink.push(
                            Diagnostic::at(entry.key_place, format!("unknown operating system `{}`", entry.key))
                                .label("not known here")
                                .suggest(&entry.key, SYSTEMS.iter().copied(), "known systems"),
                        );
                    }
                }
            }
            _ => check(value, item, key, sink),
        },
        Shape::Table(fields) => match &value.data {
            Data::Table(table) => check_table(table, value.place, fields, &format!("`{key}`"), &|_| false, &[], sink),
            _ => expected(sink, "a table"),
        },
        Shape::Map(fields) => match &value.data {
            Data::Table(table) => {
                for entry in &table.entries {
                    check(
                        &entry.value,
                        &Shape::Table(fields),
                        &format!("{key}.{}", entry.key),
                        sink,
                    );
                }
            }
            _ => expected(sink, "a table"),
        },
        // Both are described by the kind that the rule names, and checked where that is known.
        Shape::Comparators | Shape::Rule => {}
    }
}

/// Whether a text can name a rule, a profile or a parameter.
#[must_use]
pub fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
