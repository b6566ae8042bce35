//! Why a question about the machine has no answer.

use std::fmt;

use runup_language::value::Unit;

/// Why a question about the machine has no answer. The cases are never merged: what is absent is known not to be there, and what
/// cannot be told may well be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// There is no such thing (ENOENT, ENOTDIR, ENXIO, ENODEV), and what would hold it is there.
    Absent,
    /// Nobody can tell from here, whether it is there or not.
    CannotTell(Why),
    /// It exists, and this process may not read it (EACCES, EPERM); the errno.
    Denied(i32),
    /// It can only be written (`/proc/sys/net/ipv4/route/flush`).
    WriteOnly,
    /// Reading failed otherwise; the errno.
    Io(i32),
    /// The name tries to leave the tree that it belongs to, or is not a name at all.
    OutsideTree,
    /// The answer is not UTF-8 text where text was needed, or has another form than expected.
    NotText,
    /// It is a pipe, a device or a socket where a file was expected: reading it could take for ever.
    NotRegular,
    /// It has more bytes than are read of such a file; how many those are.
    TooLarge(u64),
}

/// Why nobody can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The recording has no answer to this question: it was made before anybody asked it.
    NotRecorded(String),
    /// A tree of files does not hold this: its name, for a person.
    NotInFiles(&'static str),
    /// The tree lacks a file that every kernel has, or the directory in which some kernels have one: its path.
    NotInTree(String),
    /// The file system that would hold it is not mounted here: its usual place.
    NotMounted(&'static str),
    /// Something else is mounted over it, as container engines do with what a container is not to see: where.
    Masked(String),
    /// Every kernel has it, and it is not shown here: `/proc` was mounted to show processes alone (`subset=pid`), or others' hidden.
    NotShown(&'static str),
    /// Neither a call nor a file tells: what, for a person (`which kernel this is`).
    Untold(&'static str),
    /// runup does not know how to ask this system: for what.
    NotAsked(&'static str),
    /// What a machine that was recorded said of it.
    Said(String),
}

impl Failure {
    /// The failure that an errno means.
    #[must_use]
    pub fn of(errno: i32) -> Self {
        match errno {
            libc::ENOENT | libc::ENOTDIR | libc::ENXIO | libc::ENODEV => Failure::Absent,
            libc::EACCES | libc::EPERM => Failure::Denied(errno),
            libc::EXDEV => Failure::OutsideTree,
            other => Failure::Io(other),
        }
    }

    /// The failure that an error of std's means. One without an errno is about the name: it holds a NUL.
    #[must_use]
    pub fn of_io(error: &std::io::Error) -> Self {
        error.raw_os_error().map_or(Failure::OutsideTree, Failure::of)
    }

    /// Neither a call nor a file tells what this names, for a person.
    #[must_use]
    pub fn untold(what: &'static str) -> Self {
        Failure::CannotTell(Why::Untold(what))
    }

    /// Whether nobody asked the question when the recording was made.
    #[must_use]
    pub fn is_not_recorded(&self) -> bool {
        matches!(self, Failure::CannotTell(Why::NotRecorded(_)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Absent => f.write_str("does not exist"),
            Failure::CannotTell(why) => write!(f, "{why}"),
            Failure::Denied(errno) | Failure::Io(errno) => f.write_str(&describe_errno(*errno)),
            Failure::WriteOnly => f.write_str("can only be written"),
            Failure::OutsideTree => f.write_str("leads outside its tree"),
            Failure::NotText => f.write_str("is not UTF-8 text"),
            Failure::NotRegular => f.write_str("is not a regular file"),
            Failure::TooLarge(limit) => write!(f, "is larger than {}", Unit::Bytes.show(i128::from(*limit), 4096)),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::NotRecorded(question) => write!(f, "was not recorded: {question}"),
            Why::NotInFiles(what) => write!(f, "a tree of files does not tell of {what}"),
            Why::NotInTree(path) => write!(f, "this tree does not hold {path}"),
            Why::NotMounted(path) => write!(f, "{path} is not mounted here"),
            Why::Masked(path) => write!(f, "{path} is hidden here: something else is mounted over it"),
            Why::NotShown(path) => write!(f, "{path} is not shown here, and every kernel has it"),
            Why::Untold(what) => write!(f, "nothing here tells {what}"),
            Why::Said(words) => f.write_str(words),
            Why::NotAsked(what) => write!(f, "runup cannot ask this system for {what}"),
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
