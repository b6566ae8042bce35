//! Reports: one file per format, each a pure function of the result model.

pub mod changes;
mod github;
mod json;
mod junit;
pub mod text;

pub use json::report as json_value;

use std::io::{self, Write};

use crate::diagnostic::Diagnostic;
use crate::finding::{Conflict, Report};
use crate::source::Sources;

/// The formats of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person at a terminal.
    Text,
    /// `runup.report/1`.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// JUnit XML.
    Junit,
}

impl Format {
    /// Every format with its name on the command line.
    pub const ALL: [(&'static str, Format); 4] = [
        ("text", Format::Text),
        ("json", Format::Json),
        ("github", Format::Github),
        ("junit", Format::Junit),
    ];

    /// The one with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, format)| *format)
    }
}

/// How a report is to look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// Colour and bold.
    pub colour: bool,
    /// List what passed and what does not apply, too.
    pub verbose: bool,
    /// Every remedy, every trace.
    pub explain: bool,
}

/// Writes a report.
///
/// # Errors
/// Those of the writer.
pub fn write(format: Format, report: &Report, sources: &Sources, style: Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, sources, style, out),
        Format::Json => json::write(report, sources, out),
        Format::Github => github::write(report, sources, out),
        Format::Junit => junit::write(report, sources, out),
    }
}

/// Writes mistakes that kept anything from being checked, in the form that was asked for. As text they go to stderr instead, with
/// the lines that they point at.
///
/// # Errors
/// Those of the writer.
pub fn write_mistakes(
    format: Format,
    mistakes: &[Diagnostic],
    sources: &Sources,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => Ok(()),
        Format::Json => json::write_mistakes(mistakes, sources, out),
        Format::Github => github::write_mistakes(mistakes, sources, out),
        Format::Junit => junit::write_mistakes(mistakes, sources, out),
    }
}

/// A mistake's message with its help, for one line.
fn in_a_line(mistake: &Diagnostic) -> String {
    match &mistake.help {
        Some(help) => format!("{}: {help}", mistake.message),
        None => mistake.message.clone(),
    }
}

/// What two rules ask for that no value can be.
#[must_use]
pub fn in_words(conflict: &Conflict) -> String {
    let [left, right] = &conflict.sides;
    format!(
        "{} asks for {}, {} for {}",
        left.name, left.expected, right.name, right.expected
    )
}

/// Text that came from the system or from a profile, fit for a terminal: control characters are spelled out, and so are the
/// characters that turn the direction of text round.
#[must_use]
pub fn printable(text: &str) -> String {
    let hostile = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(hostile) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| {
            if hostile(c) {
                c.escape_unicode().to_string()
            } else {
                c.to_string()
            }
        })
        .collect()
}

/// The same, but for the escape sequences of colours, which runup's own messages carry.
#[must_use]
pub fn printable_keeping_colour(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        let (before, escape) = rest.split_at(at);
        out.push_str(&printable(before));
        let body = &escape[2..];
        let end = body.find(|c: char| !(c.is_ascii_digit() || c == ';'));
        match end {
            Some(end) if body[end..].starts_with('m') => {
                out.push_str(&escape[..end + 3]);
                rest = &escape[end + 3..];
            }
            _ => {
                out.push_str("\\u{1b}[");
                rest = body;
            }
        }
    }
    out.push_str(&printable(rest));
    out
}
