//! The few files that the entrypoint reads: `/etc/passwd` and `/etc/group`, `fs.nr_open`, and the start of a program that would
//! not start. It runs before any `System` is made, and must cost next to nothing.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Read};

/// A whole file.
///
/// # Errors
/// As the system says.
pub(crate) fn read(path: &str) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    OpenOptions::new().read(true).open(path)?.read_to_end(&mut content)?;
    Ok(content)
}

/// At most the first `size` bytes of a file.
///
/// # Errors
/// As the system says.
pub(crate) fn read_start(path: &OsStr, size: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    OpenOptions::new()
        .read(true)
        .open(path)?
        .take(size)
        .read_to_end(&mut content)?;
    Ok(content)
}
