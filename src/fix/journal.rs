//! The durable record of what was changed: one file an apply, written before the first change, gone when all is undone.
//!
//! A file's first line is a checksum of the rest, which is JSON. A file that was damaged is never acted on.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::disk::{self, Disk, DiskError};
use super::parameter::{Parameter, State};
use crate::system::{Failure, Process};

const HEADER: &str = "runup.journal/1";

/// One apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counted from 1, never used again.
    pub id: u64,
    /// The machine's name: a directory may be shared.
    pub machine: String,
    /// When, in seconds since 1970-01-01 UTC.
    pub time: i64,
    /// The kernel's id of the boot.
    pub boot: String,
    /// For which profiles.
    pub profiles: Vec<String>,
    /// The process that applies, or for whose command it is.
    pub holder: Option<Process>,
    /// The command that it lasts for.
    pub command: Option<String>,
    /// Whether every step was done and verified.
    pub done: bool,
    /// The changes, in the order in which they are made.
    pub steps: Vec<Record>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Of what.
    pub parameter: Parameter,
    /// Where its value lives.
    pub lives_in: String,
    /// What was there.
    pub before: State,
    /// What is written.
    pub to: String,
    /// What was there afterwards; not known before it was done.
    pub after: Option<String>,
    /// What the kernel changes along with it.
    pub effects: Vec<EffectRecord>,
    /// Applies that were reverted before this one, and whose old value this one restores now.
    pub absorbed: Vec<u64>,
    /// What those had written: a value of ours like `to`.
    pub inherited: Vec<String>,
}

/// Something that the kernel changes along with a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectRecord {
    /// What.
    pub parameter: Parameter,
    /// What was there.
    pub before: State,
    /// What was there afterwards; not known before it was done.
    pub after: Option<String>,
}

/// What is wrong with the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalError {
    /// A file of it is not what was written.
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The disk.
    Disk(DiskError),
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::Damaged { path, why } => write!(
                f,
                "the journal {path} is damaged: {why}\n  nothing was changed. What it recorded can be read there; put the values \
                 back by hand, then `runup revert --forget N` removes record N"
            ),
            JournalError::Disk(error) => write!(f, "{error}"),
        }
    }
}

impl From<DiskError> for JournalError {
    fn from(error: DiskError) -> Self {
        JournalError::Disk(error)
    }
}

/// The directory that holds the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    directory: String,
}

impl Journal {
    /// The one in a directory.
    #[must_use]
    pub fn new(directory: impl Into<String>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// The file of the lock that whoever changes anything holds.
    #[must_use]
    pub fn lock_path(&self) -> String {
        format!("{}/lock", self.directory)
    }

    fn path(&self, id: u64) -> String {
        format!("{}/{id:06}.json", self.directory)
    }

    /// Every apply that was not undone, the oldest first.
    ///
    /// # Errors
    /// One of the files is damaged, or cannot be read.
    pub fn entries(&self, disk: &dyn Disk) -> Result<Vec<Entry>, JournalError> {
        let names = match disk.list(&self.directory) {
            Ok(names) => names,
            Err(Failure::Absent) => return Ok(Vec::new()),
            Err(failure) => {
                return Err(JournalError::Disk(DiskError {
                    action: "list",
                    path: self.directory.clone(),
                    failure,
                }));
            }
        };
        let mut entries = Vec::new();
        for name in names.iter().filter(|name| is_entry(name)) {
            let path = format!("{}/{name}", self.directory);
            let bytes = disk.read(&path).map_err(|failure| DiskError {
                action: "read",
                path: path.clone(),
                failure,
            })?;
            let entry = parse(&bytes).map_err(|why| JournalError::Damaged {
                path: path.clone(),
                why,
            })?;
            if self.path(entry.id) != path {
                return Err(JournalError::Damaged {
                    path,
                    why: format!("it is the record of apply {}", entry.id),
                });
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The number of the next apply, counted on from the last one that there ever was.
    ///
    /// # Errors
    /// The disk's.
    pub fn number(&self, disk: &dyn Disk, entries: &[Entry]) -> Result<u64, DiskError> {
        let path = format!("{}/last", self.directory);
        let last = disk
            .read(&path)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok()?.trim().parse::<u64>().ok());
        let known = entries.last().map(|entry| entry.id);
        let next = last.max(known).unwrap_or(0) + 1;
        disk::replace(disk, &path, format!("{next}\n").as_bytes(), 0o600, false)?;
        Ok(next)
    }

    /// Whether there is a record of an apply, whole or damaged.
    #[must_use]
    pub fn holds(&self, disk: &dyn Disk, id: u64) -> bool {
        disk.read(&self.path(id)).is_ok()
    }

    /// Writes an apply's record. With `durable` it is on the disk when this returns; without, it survives this process only.
    ///
    /// # Errors
    /// The disk's.
    pub fn save(&self, disk: &dyn Disk, entry: &Entry, durable: bool) -> Result<(), DiskError> {
        let body = serde_json::to_string_pretty(entry).unwrap_or_default();
        let text = format!("{HEADER} {:016x}\n{body}\n", checksum(body.as_bytes()));
        disk::replace(disk, &self.path(entry.id), text.as_bytes(), 0o600, durable)
    }

    /// Removes an apply's record.
    ///
    /// # Errors
    /// The disk's.
    pub fn forget(&self, disk: &dyn Disk, id: u64) -> Result<(), DiskError> {
        disk::remove(disk, &self.path(id))
    }
}

/// `000001.json`.
fn is_entry(name: &str) -> bool {
    name.strip_suffix(".json")
        .is_some_and(|number| number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn parse(bytes: &[u8]) -> Result<Entry, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let (first, body) = text.split_once('\n').ok_or("it is cut short")?;
    let sum = match first.rsplit_once(' ') {
        Some((HEADER, sum)) => sum,
        Some((other, _)) if other.starts_with("runup.journal/") => {
            return Err(format!("it was written by another version of runup ({other})"));
        }
        _ => return Err("its first line is not that of a journal".to_owned()),
    };
    let body = body.strip_suffix('\n').ok_or("it is cut short")?;
    if sum != format!("{:016x}", checksum(body.as_bytes())) {
        return Err("its checksum does not fit: it was edited or cut short".to_owned());
    }
    serde_json::from_str(body).map_err(|error| error.to_string())
}

/// FNV-1a: tells a file that was edited or cut from one that was not; nobody's secret depends on it.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
