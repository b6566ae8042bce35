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
