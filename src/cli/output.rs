//! stdout carries the result and nothing else; everything that is said about it goes to stderr.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use crate::report;

/// Between these a line is as wide as the terminal: below, nothing fits; above, the eye loses the line.
const COLUMNS: std::ops::RangeInclusive<usize> = 40..=120;

/// Columns that help may take on stdout.
pub(super) fn columns() -> usize {
    width(io::stdout())
}

fn width(stream: impl AsFd) -> usize {
    let Some((terminal_size::Width(columns), _)) = terminal_size::terminal_size_of(stream) else {
        return report::COLUMNS;
    };
    match usize::from(columns) {
        // A terminal that does not know.
        0 => report::COLUMNS,
        columns => columns.clamp(*COLUMNS.start(), *COLUMNS.end()),
    }
}

/// The two streams, each with its own colour.
#[derive(Debug)]
pub(super) struct Streams {
    colour_result: bool,
    colour_messages: bool,
}

impl Streams {
    /// Decides on colour once: `NO_COLOR`, `CLICOLOR_FORCE` or `FORCE_COLOR`, `TERM=dumb`, then whether the stream is a terminal.
    pub(super) fn new() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let on = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        let forced = on("CLICOLOR_FORCE") || on("FORCE_COLOR");
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = |terminal: bool| !set("NO_COLOR") && (forced || (terminal && !dumb));
        Self {
            colour_result: colour(io::stdout().is_terminal()),
            colour_messages: colour(io::stderr().is_terminal()),
        }
    }

    /// Takes what the command line says of colour, which counts more than the variables.
    pub(super) fn choose_colour(&mut self, when: Option<&str>) {
        let colour = match when {
            Some("always") => true,
            Some("never") => false,
            Some(_) | None => return,
        };
        (self.colour_result, self.colour_messages) = (colour, colour);
    }

    /// Writes a line that the next one takes the place of; nothing where messages go to no terminal.
    pub(super) fn progress(&mut self, text: &str) {
        if self.messages_are_seen() {
            let line: String = crate::text::printable(text)
                .chars()
                .take(self.width_of_messages() - 1)
                .collect();
            let _ = io::stderr().lock().write_all(format!("\r\x1b[K{line}").as_bytes());
        }
    }

    /// Columns that the result may take: the terminal's, but none too narrow to read; elsewhere as many as everybody has.
    pub(super) fn width_of_result(&self) -> usize {
        width(io::stdout())
    }

    /// Columns that messages may take.
    pub(super) fn width_of_messages(&self) -> usize {
        width(io::stderr())
    }

    /// Columns that sentences of a message may take: a file has no end of a line.
    pub(super) fn columns_of_messages(&self) -> usize {
        if self.messages_are_seen() {
            self.width_of_messages()
        } else {
            usize::MAX
        }
    }

    /// Says something in sentences, which are folded where the terminal ends.
    pub(super) fn folded(&mut self, text: &str) {
        self.message(&crate::text::fold(text, self.columns_of_messages(), 2));
    }

    /// Whether messages go to a terminal, so that a line can be written again.
    pub(super) fn messages_are_seen(&self) -> bool {
        io::stderr().is_terminal()
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
            .write_all(crate::text::printable_keeping_colour(text).as_bytes());
    }
}

/// Whether a file can be written anew at a path. Root may be asked to write where somebody else can put a link, so a link is not
/// followed; nor is anything else replaced that is not a file.
pub(super) fn replaceable(path: &str) -> Result<(), String> {
    use nix::errno::Errno;
    use nix::sys::stat::{SFlag, lstat};
    let failed = |what: &str| format!("cannot write {path}: {what}");
    match lstat(path) {
        Ok(stat) => match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFREG => Ok(()),
            SFlag::S_IFLNK => Err(failed("it is a symbolic link, and links are not followed")),
            _ => Err(failed("it is not a file")),
        },
        Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(failed(error.desc())),
    }
}

/// Writes a file anew, whole or not at all.
pub(super) fn replace(path: &str, content: &[u8], mode: u32) -> Result<(), String> {
    use std::os::unix::fs::OpenOptionsExt as _;
    replaceable(path)?;
    let failed = |what: &str| format!("cannot write {path}: {what}");
    let target = std::path::Path::new(path);
    let Some(name) = target.file_name() else {
        return Err(failed("it is not a file"));
    };
    let fresh = target.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let write = || {
        // O_EXCL: a link in its place is not followed either.
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_CLOEXEC)
            .open(&fresh)?;
        let done = file
            .write_all(content)
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&fresh, target));
        if done.is_err() {
            let _ = std::fs::remove_file(&fresh);
        }
        done
    };
    write().map_err(|error| failed(&error.to_string()))
}
