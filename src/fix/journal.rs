//! The durable record of what was changed: one file an apply, written before the first change, gone when all is undone.
//!
//! A file's first line is a checksum of the rest, which is JSON. A file that was damaged is never acted on.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::disk::{self, Disk, DiskError};
use super::parameter::{Parameter, State};
use super::place::Place;
use crate::system::{Boot, Failure, Process};
use crate::text::printable;

const HEADER: &str = "runup.journal/1";

/// One apply.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Counted from 1, never used again.
    pub id: u64,
    /// The machine's name: a directory may be shared.
    pub machine: String,
    /// When, in seconds since 1970-01-01 UTC.
    pub time: i64,
    /// The boot that it was made in.
    pub boot: Boot,
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
    pub lives_in: Place,
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
    /// The file that counts the applies does not hold a number that can be counted on from.
    Count {
        /// The file.
        path: String,
        /// What it holds.
        held: String,
        /// The highest number that is recorded.
        known: u64,
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
            JournalError::Count { path, held, known } => write!(
                f,
                "{path} holds `{}`, and not the number of the last apply: the next one could get a number that was used before\n  \
                 nothing was changed. Write the number of the last apply there ({known} is the highest that is still recorded)",
                printable(held)
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
    /// It cannot be counted on, or the disk's.
    pub fn number(&self, disk: &dyn Disk, entries: &[Entry]) -> Result<u64, JournalError> {
        let path = format!("{}/last", self.directory);
        let known = entries.iter().map(|entry| entry.id).max().unwrap_or(0);
        let held = match disk.read(&path) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).trim().to_owned()),
            Err(Failure::Absent) => None,
            Err(failure) => {
                return Err(JournalError::Disk(DiskError {
                    action: "read",
                    path,
                    failure,
                }));
            }
        };
        let last = match &held {
            Some(text) => text.parse::<u64>().ok(),
            None => Some(0),
        };
        let Some(next) = last.and_then(|last| last.max(known).checked_add(1)) else {
            return Err(JournalError::Count {
                path,
                held: held.unwrap_or_default(),
                known,
            });
        };
        disk::replace(disk, &path, format!("{next}\n").as_bytes(), 0o600, false)?;
        Ok(next)
    }

    /// Removes what a process that was killed while it wrote left behind: the new text of a file before it got its name. It was
    /// never part of the journal, and what it should have replaced is there. To be called with the lock held, so that whoever
    /// wrote it is gone. What only looks like it stays, and so does what cannot be removed: it is in nobody's way.
    pub fn sweep(&self, disk: &dyn Disk) {
        for name in disk.list(&self.directory).unwrap_or_default() {
            let path = format!("{}/{name}", self.directory);
            let left_over = disk.read(&path).is_ok_and(|bytes| is_left_over(&name, &bytes));
            if left_over {
                let _ = disk.remove(&path);
            }
        }
    }

    /// Whether there is a record of an apply, whole, damaged, unreadable or too large.
    #[must_use]
    pub fn holds(&self, disk: &dyn Disk, id: u64) -> bool {
        disk.read(&self.path(id)) != Err(Failure::Absent)
    }

    /// Writes an apply's record. With `durable` it is on the disk when this returns; without, it survives this process only.
    ///
    /// # Errors
    /// The disk's.
    pub fn save(&self, disk: &dyn Disk, entry: &Entry, durable: bool) -> Result<(), DiskError> {
        let path = self.path(entry.id);
        let body = serde_json::to_string_pretty(entry).map_err(|_| DiskError {
            action: "write",
            path: path.clone(),
            failure: Failure::NotText,
        })?;
        let text = format!("{HEADER} {:016x}\n{body}\n", checksum(body.as_bytes()));
        disk::replace(disk, &path, text.as_bytes(), 0o600, durable)
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

/// Whether a file is the new text of a record or of the count, whole or cut short: `.000001.json.new`, `.last.new`.
fn is_left_over(name: &str, bytes: &[u8]) -> bool {
    let Some(of) = name.strip_prefix('.').and_then(|name| name.strip_suffix(".new")) else {
        return false;
    };
    if of == "last" {
        return bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b'\n');
    }
    let common = bytes.len().min(HEADER.len());
    is_entry(of) && bytes[..common] == HEADER.as_bytes()[..common]
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
