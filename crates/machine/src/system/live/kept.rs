//! A file of the live machine that is opened once and read again from its start, as `/proc` and the cgroups allow.

#![allow(clippy::disallowed_methods, reason = "this is where the machine is touched")]

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;

use super::LiveSystem;
use crate::most;
use crate::system::reread::Reread;
use crate::system::{Failure, System};

/// What one reading asks for at first: the counters of a network namespace fit.
const ROOM: usize = 16 * 1024;

/// A file that stays open after its first reading.
pub(super) struct Kept<'s> {
    pub(super) system: &'s LiveSystem,
    pub(super) path: String,
    pub(super) file: Option<File>,
}

impl Reread for Kept<'_> {
    fn read(&mut self) -> Result<Vec<u8>, Failure> {
        if self.file.is_none() {
            // The way in checks what is laid over the file, and says why there is none.
            let Some(file) = self.system.open_file(&self.path)? else {
                return self.system.read(&self.path);
            };
            self.file = Some(file);
        }
        let Some(file) = &self.file else {
            return Err(Failure::Absent);
        };
        let bytes = all(file);
        match &bytes {
            Ok(bytes) if !bytes.is_empty() => {}
            // A cgroup that was removed, or a file that somebody covered meanwhile: what it means is told by its path.
            Ok(_) | Err(_) => {
                self.file = None;
                return self.system.read(&self.path);
            }
        }
        bytes
    }
}

/// The whole of an open file, from its start.
fn all(file: &File) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; ROOM];
    let mut filled = 0;
    loop {
        if filled == bytes.len() {
            bytes.resize(bytes.len() * 2, 0);
        }
        match file.read_at(&mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::of_io(&error)),
        }
        if filled as u64 > most::MACHINE {
            return Err(Failure::TooLarge(most::MACHINE));
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
