//! Reports: the result of a check in a form that somebody reads, one file for each form, behind one interface.
//!
//! A format says in its own file what it is called, whom it is for, and how it writes a report and mistakes. [`FORMATS`] is the only
//! list of them; [`changes`] is not among them, since plans and what came of them are for a person alone.

pub mod changes;
mod closing;
mod github;
mod json;
mod junit;
mod tap;
pub mod text;

pub use json::report as json_value;

use std::io::{self, Write};

use crate::diagnostic::Diagnostic;
use crate::finding::{Conflict, Report};
use crate::source::Sources;

/// Every format of a report, in the order in which the command line lists them. A format is a file of its own and a line here.
pub static FORMATS: &[&dyn Format] = &[&text::Text, &json::Json, &github::Github, &junit::Junit, &tap::Tap];

/// The format for a person at a terminal: what is written where nobody asks for another one.
pub static TERMINAL: &dyn Format = &text::Text;

/// The format of a report that is kept in a file for later: nothing that is known is left out, and its keys are stable.
pub static KEPT: &dyn Format = &json::Json;

/// The format that the command line calls `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// A form in which the result of a check is written.
///
/// A format is a pure function of the result: it asks no machine and reads no file.
pub trait Format: Sync {
    /// What `--format` calls it.
    fn name(&self) -> &'static str;

    /// Whether a person reads it at a terminal. Only such a format is coloured: a program would take the escapes for text.
    fn for_terminal(&self) -> bool {
        false
    }

    /// Writes the report. `sources` are the texts that its places point into; formats for programs are free to ignore `style`.
    ///
    /// # Errors
    /// Those of the writer.
    fn write(&self, report: &Report, sources: &Sources, style: Style, out: &mut dyn Write) -> io::Result<()>;

    /// Writes the mistakes that kept anything from being checked, so that whoever reads the result is told in its own form.
    ///
    /// # Errors
    /// Those of the writer.
    fn write_mistakes(&self, mistakes: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()>;
}

/// How much a report says, and whether in colour.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Columns that lines for a person may take.
    pub width: usize,
    /// Whether words are coloured and bold, by the escapes that terminals know.
    pub colour: bool,
    /// Whether what passed and what does not apply is listed too, and not only counted.
    pub verbose: bool,
    /// Whether every finding shows the remedies for all places, and how its numbers were computed.
    pub explain: bool,
}

/// Columns where nothing says how many there are.
pub const COLUMNS: usize = 80;

impl Default for Style {
    fn default() -> Self {
        Self {
            width: COLUMNS,
            colour: false,
            verbose: false,
            explain: false,
        }
    }
}

/// A mistake's message with its help, for one line.
fn in_a_line(mistake: &Diagnostic) -> String {
    match &mistake.help {
        Some(help) => format!("{}: {help}", mistake.message),
        None => mistake.message.clone(),
    }
}

/// The two demands of a conflict, in one sentence without a full stop: who asks for what.
#[must_use]
pub fn in_words(conflict: &Conflict) -> String {
    let [left, right] = &conflict.sides;
    format!(
        "{} asks for {}, {} for {}",
        left.name, left.expected, right.name, right.expected
    )
}
