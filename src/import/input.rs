//! The files that are imported, read once.

use crate::files::{self, Unreadable, largest};
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

/// Why a file could not be read: what was done, to what, and what came of it.
pub type ReadError = String;

impl Entry {
    /// The path.
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
                let bytes =
                    files::read_named(path, largest::IMPORT).map_err(|why| format!("cannot read {path}: {why}"))?;
                input.entries.push(Entry::File {
                    path: path.to_owned(),
                    text: String::from_utf8_lossy(&bytes).into_owned(),
                });
                continue;
            }
            let failed = |failure: Failure| format!("cannot read {path}: {failure}");
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

    /// The paths.
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
    let failed = |what: &str| format!("cannot read {path}: {what}");
    let bytes = match system.read(path) {
        Ok(bytes) if bytes.len() as u64 <= largest::IMPORT => bytes,
        Ok(_) | Err(Failure::TooLarge(_)) => return Err(failed(&Unreadable::TooLarge(largest::IMPORT).to_string())),
        Err(Failure::NotRegular) => return Err(failed("it is not a regular file")),
        Err(failure) => return Err(failed(&failure.to_string())),
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
