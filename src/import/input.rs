//! The files that are imported, read once.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

use crate::files::{self, Unreadable};
use crate::most;
use crate::system::{Failure, FileKind, System};

/// One thing that the command line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file with its text.
    File {
        /// The path as it was given.
        path: String,
        /// What stands in it.
        text: String,
    },
    /// A directory with the names in it, sorted.
    Directory {
        /// The path as it was given, without a slash at the end.
        path: String,
        /// The names.
        names: Vec<String>,
    },
}

/// Everything that the command line names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    /// In the order of the command line.
    pub entries: Vec<Entry>,
}

/// A file or a directory that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// Its path, as it was given or found.
    pub path: String,
    /// What came of it.
    pub why: ReadFailure,
}

/// What came of reading a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadFailure {
    /// It is not opened, or not to its end: it is too large, or a stream that cannot be read.
    File(Unreadable),
    /// It is a pipe, a device or a socket: to read one could take for ever.
    NotRegular,
    /// The machine did not answer.
    System(Failure),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: ", self.path)?;
        match &self.why {
            ReadFailure::File(why) => write!(f, "{why}"),
            ReadFailure::NotRegular => f.write_str("it is not a regular file"),
            ReadFailure::System(failure) => write!(f, "{failure}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl ReadError {
    fn new(path: &str, why: ReadFailure) -> Self {
        Self {
            path: path.to_owned(),
            why,
        }
    }
}

impl Entry {
    /// The path as it was given, or as it was found in a directory.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Entry::File { path, .. } | Entry::Directory { path, .. } => path,
        }
    }

    /// The last part of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    /// The name of the directory that it lies in, as far as the path says it; else empty.
    fn parent(&self) -> &str {
        let parent = Path::new(self.path()).parent().and_then(Path::file_name);
        parent.and_then(OsStr::to_str).unwrap_or_default()
    }

    /// Whether it is a file with one of these names.
    pub(super) fn is_file(&self, names: &[&str]) -> bool {
        matches!(self, Entry::File { .. }) && names.contains(&self.name())
    }

    /// Whether it is a directory of drop-in files that is called `directory`, or a `.conf` file in one.
    pub(super) fn is_drop_in(&self, directory: &str) -> bool {
        match self {
            Entry::Directory { .. } => self.name() == directory,
            Entry::File { .. } => self.name().ends_with(".conf") && self.parent() == directory,
        }
    }
}

impl Input {
    /// Reads what a person's paths name, streams too: `-`, `/dev/fd/63`.
    ///
    /// # Errors
    /// One of them cannot be read, or is no text.
    pub fn read(paths: &[String], system: &dyn System) -> Result<Self, ReadError> {
        let mut input = Self::default();
        for path in paths {
            let path = match path.trim_end_matches('/') {
                "" => "/",
                path => path,
            };
            if files::is_stream(path) {
                let bytes = files::read_named(path, most::IMPORT)
                    .map_err(|why| ReadError::new(path, ReadFailure::File(why)))?;
                input.entries.push(Entry::File {
                    path: path.to_owned(),
                    text: String::from_utf8_lossy(&bytes).into_owned(),
                });
                continue;
            }
            let failed = |failure: Failure| ReadError::new(path, ReadFailure::System(failure));
            let stat = system.stat(path).map_err(failed)?;
            input.entries.push(if stat.kind == FileKind::Directory {
                Entry::Directory {
                    path: path.to_owned(),
                    names: system.list(path).map_err(failed)?,
                }
            } else {
                Entry::File {
                    path: path.to_owned(),
                    text: read_text(path, system)?,
                }
            });
        }
        Ok(input)
    }

    /// The paths of everything, in the order of the command line.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.path().to_owned()).collect()
    }

    /// The same with the files in the place of directories, those whose names end in one of `endings`.
    pub(super) fn flat(&self, endings: &[&str], system: &dyn System) -> Result<Self, ReadError> {
        let mut flat = Self::default();
        for entry in &self.entries {
            match entry {
                Entry::File { .. } => flat.entries.push(entry.clone()),
                Entry::Directory { path, names } => {
                    for name in names
                        .iter()
                        .filter(|name| endings.iter().any(|end| name.ends_with(end)))
                    {
                        let path = format!("{path}/{name}");
                        let text = read_text(&path, system)?;
                        flat.entries.push(Entry::File { path, text });
                    }
                }
            }
        }
        Ok(flat)
    }
}

/// The text of a file. Bytes that are no UTF-8 are shown as such; no format has a use for them.
pub(super) fn read_text(path: &str, system: &dyn System) -> Result<String, ReadError> {
    let why = match system.read(path) {
        Ok(bytes) if bytes.len() as u64 <= most::IMPORT => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Ok(_) | Err(Failure::TooLarge(_)) => ReadFailure::File(Unreadable::TooLarge(most::IMPORT)),
        Err(Failure::NotRegular) => ReadFailure::NotRegular,
        Err(failure) => ReadFailure::System(failure),
    };
    Err(ReadError::new(path, why))
}
