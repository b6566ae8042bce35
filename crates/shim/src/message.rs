//! Messages on standard error: one `write` each, from a buffer on the stack, so that lines of two processes do not mix and the
//! waiting supervisor allocates nothing.

use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::os::unix::ffi::OsStrExt;

use super::sys;
use runup_language::text::is_hostile;

/// Longer messages go out in several writes.
const ROOM: usize = 1024;

struct Line {
    bytes: [u8; ROOM],
    used: usize,
}

impl Line {
    fn flush(&mut self) {
        // Nobody is left to tell where standard error is closed or full.
        let _ = sys::write(2, &self.bytes[..self.used]);
        self.used = 0;
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.as_bytes().chunks(ROOM) {
            if self.used + part.len() > ROOM {
                self.flush();
            }
            self.bytes[self.used..self.used + part.len()].copy_from_slice(part);
            self.used += part.len();
        }
        Ok(())
    }
}

/// Says something on standard error, after a prefix (`runup: `), and ends the line.
pub(crate) fn say(prefix: &str, text: fmt::Arguments<'_>) {
    let mut line = Line {
        bytes: [0; ROOM],
        used: 0,
    };
    let _ = line
        .write_str(prefix)
        .and_then(|()| line.write_fmt(text))
        .and_then(|()| line.write_char('\n'));
    line.flush();
}

/// Writes a text as it is to standard output (1) or error (2): help and versions.
pub(crate) fn print(descriptor: i32, text: &str) {
    let mut rest = text.as_bytes();
    while let Ok(written @ 1..) = sys::write(descriptor, rest) {
        rest = &rest[written..];
    }
}

/// Bytes from outside as text that is safe on a terminal: control characters and what is not UTF-8 are escaped.
pub(crate) struct Shown<'a>(pub(crate) &'a [u8]);

impl<'a> Shown<'a> {
    pub(crate) fn new(text: &'a OsStr) -> Self {
        Shown(text.as_bytes())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if !is_hostile(character) {
                    f.write_char(character)?
                } else {
                    write!(f, "{}", character.escape_debug())?
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        assert_eq!(
            Shown(b"a\x1b[31m\n\xff\xe2\x80\xae").to_string(),
            "a\\u{1b}[31m\\n\\xff\\u{202e}"
        );
        assert_eq!(Shown("grün`\"".as_bytes()).to_string(), "grün`\"");
    }
}
