//! The few files that the entrypoint reads: `/etc/passwd` and `/etc/group`, `fs.nr_open`, and the start of a program that would
//! not start. It runs before any `System` is made, and must cost next to nothing.

use std::ffi::OsStr;

use runup_language::most;
use runup_machine::files::{self, Unreadable};

/// A whole file.
///
/// # Errors
/// As the system says; or it is no regular file, or larger than any such file is.
pub(crate) fn read(path: &str) -> Result<Vec<u8>, Unreadable> {
    files::read(path, most::ACCOUNTS)
}

/// At most the first `size` bytes of a file.
///
/// # Errors
/// As the system says; or it is no regular file.
pub(crate) fn read_start(path: &OsStr, size: u64) -> Result<Vec<u8>, Unreadable> {
    files::start(path, size)
}
