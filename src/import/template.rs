//! Texts that another program has yet to fill in: Go's and Jinja's `{{ }}`, Jinja's `{% %}`, ERB's `<% %>`, and variables as in a shell.

use super::{ImportError, Spot};

/// What is said of one.
pub(super) const SAID: &str = "this is a template; render it first";

/// Which texts of a format are templates, and how much of a file is lost by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Templates {
    /// Nothing of a file with one can be told: what stands around it may be repeated or left out.
    WholeFile,
    /// The same; but `${...}` is the format's own.
    OwnVariables,
    /// The format says it of each line.
    ByLine,
}

/// Whether a text holds something that is to be filled in.
pub(super) fn is_in(text: &str) -> bool {
    is_foreign(text) || text.contains("${")
}

fn is_foreign(text: &str) -> bool {
    ["{{", "{%", "<%"].iter().any(|mark| text.contains(mark))
}

/// The first line of a text that is to be filled in, counted from 1. Comments are nobody's.
pub(super) fn line_of(text: &str, templates: Templates) -> Option<u32> {
    let is_one = match templates {
        Templates::WholeFile | Templates::ByLine => is_in,
        Templates::OwnVariables => is_foreign,
    };
    let mut rows = text.lines().zip(1..);
    let found = rows.find(|(row, _)| !row.trim_start().starts_with(['#', ';']) && is_one(row));
    found.map(|(_, number)| number)
}

/// That a file is none.
///
/// # Errors
/// It is one.
pub(super) fn refuse(path: &str, text: &str, templates: Templates) -> Result<(), ImportError> {
    match line_of(text, templates) {
        Some(line) if templates != Templates::ByLine => Err(ImportError::Malformed {
            spot: Spot::new(path, line),
            what: SAID.to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Templates, line_of};

    #[test]
    fn what_is_to_be_filled_in_is_found_and_comments_are_not() {
        let whole = |text| line_of(text, Templates::WholeFile);
        assert_eq!(whole("a: 1\nb: {{ x }}\n"), Some(2));
        assert_eq!(whole("{% if a %}\n"), Some(1));
        assert_eq!(whole("a = <%= b %>"), Some(1));
        assert_eq!(whole("a = ${B}"), Some(1));
        assert_eq!(whole("# {{ x }}\na = {b: {c: 1}}\n"), None);
        assert_eq!(line_of("a = ${B}", Templates::OwnVariables), None);
    }
}
