//! Why a question about the machine has no answer.

use std::fmt;

use runup_language::value::Unit;

/// Why a question about the machine has no answer. The cases are never merged: absent is not unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// There is no such thing (ENOENT, ENOTDIR, ENXIO, ENODEV, or no such call on this platform).
    Absent,
    /// It exists, and this process may not read it (EACCES, EPERM); the errno.
    Denied(i32),
    /// It can only be written (`/proc/sys/net/ipv4/route/flush`).
    WriteOnly,
    /// Reading failed otherwise; the errno.
    Io(i32),
    /// The name tries to leave the tree that it belongs to, or is not a name at all.
    OutsideTree,
    /// The answer is not UTF-8 text where text was needed.
    NotText,
    /// It is a pipe, a device or a socket where a file was expected: reading it could take for ever.
    NotRegular,
    /// It has more bytes than are read of such a file; how many those are.
    TooLarge(u64),
    /// A recording was asked for something that was not recorded: nothing is known, not even absence. Holds the question.
    NotRecorded(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Absent => f.write_str("does not exist"),
            Failure::Denied(errno) | Failure::Io(errno) => f.write_str(&describe_errno(*errno)),
            Failure::WriteOnly => f.write_str("can only be written"),
            Failure::OutsideTree => f.write_str("leads outside its tree"),
            Failure::NotText => f.write_str("is not UTF-8 text"),
            Failure::NotRegular => f.write_str("is not a regular file"),
            Failure::TooLarge(limit) => write!(f, "is larger than {}", Unit::Bytes.show(i128::from(*limit), 4096)),
            Failure::NotRecorded(what) => write!(f, "was not recorded: {what}"),
        }
    }
}

impl std::error::Error for Failure {}

/// The system's words for an errno, without Rust's `(os error N)`.
#[must_use]
pub fn describe_errno(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
