//! A page that is as wide as the terminal.

use std::fmt;

/// Columns that the pages are laid out for.
const LAID_OUT: usize = 80;

/// No text is narrower than that, however narrow the terminal.
const LEAST: usize = 24;

/// The text of a page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) text: String,
    width: usize,
}

impl Page {
    pub(super) fn new(width: usize) -> Self {
        Self {
            text: String::new(),
            width,
        }
    }

    /// What a text may take that would take `columns` of 80.
    pub(super) fn fit(&self, columns: usize) -> usize {
        (self.width + columns).saturating_sub(LAID_OUT).max(LEAST)
    }

    pub(super) fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn push(&mut self, letter: char) {
        self.text.push(letter);
    }
}

impl fmt::Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        Ok(())
    }
}
