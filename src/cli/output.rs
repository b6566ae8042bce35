//! stdout carries the result and nothing else; everything that is said about it goes to stderr.

use std::io::{self, IsTerminal, Write};

/// The two streams, each with its own colour.
#[derive(Debug)]
pub(super) struct Streams {
    colour_result: bool,
    colour_messages: bool,
}

impl Streams {
    /// Decides on colour once: `NO_COLOR`, `CLICOLOR_FORCE`, `TERM=dumb`, then whether the stream is a terminal.
    pub(super) fn new() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0");
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = |terminal: bool| !set("NO_COLOR") && (forced || (terminal && !dumb));
        Self {
            colour_result: colour(io::stdout().is_terminal()),
            colour_messages: colour(io::stderr().is_terminal()),
        }
    }

    /// Whether the result is coloured.
    pub(super) fn colour_result(&self) -> bool {
        self.colour_result
    }

    /// Whether messages are coloured.
    pub(super) fn colour_messages(&self) -> bool {
        self.colour_messages
    }

    /// Writes the result in one go.
    pub(super) fn try_result(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut buffer = Vec::new();
        write(&mut buffer)?;
        let mut out = io::stdout().lock();
        match out.write_all(&buffer).and_then(|()| out.flush()) {
            // Whoever reads has seen enough. What was found is still so, and the exit code says it.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Writes a result whose loss nobody would notice (help on a closed pipe).
    pub(super) fn result(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let _ = self.try_result(write);
    }

    /// Says something about the result. There is nobody left to tell when this fails.
    pub(super) fn message(&mut self, text: &str) {
        let _ = io::stderr()
            .lock()
            .write_all(crate::report::printable_keeping_colour(text).as_bytes());
    }
}
