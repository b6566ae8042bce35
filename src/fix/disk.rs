//! Files that outlive a change: the journal, and what makes a change last. Each replaced in one piece or not at all.

use std::any::Any;
use std::fmt;

use crate::system::Failure;

/// A disk, in the steps in which a file is replaced. Paths are absolute.
pub trait Disk {
    /// The whole of a file.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn read(&self, path: &str) -> Result<Vec<u8>, Failure>;

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn list(&self, path: &str) -> Result<Vec<String>, Failure>;

    /// Makes a directory and those above it; one that is there already is left as it is.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn make_directory(&self, path: &str, mode: u32) -> Result<(), Failure>;

    /// Makes a file that was not there, and follows no link.
    ///
    /// # Errors
    /// Any [`Failure`]; a part of the file may be there then.
    fn create(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), Failure>;

    /// Waits until a file's contents, or a directory's entries, are on the disk.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn sync(&self, path: &str) -> Result<(), Failure>;

    /// Gives a file another name in the place of what has that name now, in one piece.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn rename(&self, from: &str, to: &str) -> Result<(), Failure>;

    /// Removes a file.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn remove(&self, path: &str) -> Result<(), Failure>;

    /// Takes a lock that ends with the guard, or with the process.
    ///
    /// # Errors
    /// Somebody else has it, or it cannot be taken.
    fn lock(&self, path: &str, holder: &str) -> Result<Box<dyn Any>, LockFailure>;
}

/// Why a lock could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockFailure {
    /// Somebody has it; who says so.
    Held(String),
    /// The lock's file cannot be used.
    Failed(Failure),
    /// The directory is somebody else's, or others can write it.
    Others,
}

/// What failed on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskError {
    /// What was tried: `write`, `read`, `remove`.
    pub action: &'static str,
    /// With which file.
    pub path: String,
    /// How it failed.
    pub failure: Failure,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.action, self.path, self.failure)
    }
}

/// The directory that holds a path.
fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// Where a file is written before it takes the place of the one at a path.
pub fn unfinished(path: &str) -> String {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    format!("{directory}/.{name}.new")
}

/// Replaces a file in one piece. With `durable` it is on the disk when this returns.
///
/// # Errors
/// What failed; then the old file is there as it was, and nothing else.
pub fn replace(disk: &dyn Disk, path: &str, bytes: &[u8], mode: u32, durable: bool) -> Result<(), DiskError> {
    let new = unfinished(path);
    let failed = |failure: Failure| {
        let _ = disk.remove(&new);
        DiskError {
            action: "write",
            path: path.to_owned(),
            failure,
        }
    };
    disk.make_directory(parent(path), 0o755).map_err(failed)?;
    match disk.create(&new, bytes, mode) {
        // Left behind by one that was killed.
        Err(Failure::Io(libc::EEXIST)) => {
            disk.remove(&new).map_err(failed)?;
            disk.create(&new, bytes, mode).map_err(failed)?;
        }
        other => other.map_err(failed)?,
    }
    // Always: a name that a crash of the machine leaves without contents would be a damaged file.
    disk.sync(&new).map_err(failed)?;
    disk.rename(&new, path).map_err(failed)?;
    if durable {
        disk.sync(parent(path)).map_err(failed)?;
    }
    Ok(())
}

/// Removes a file; one that is not there is no error.
///
/// # Errors
/// What failed.
pub fn remove(disk: &dyn Disk, path: &str) -> Result<(), DiskError> {
    let failed = |failure: Failure| DiskError {
        action: "remove",
        path: path.to_owned(),
        failure,
    };
    match disk.remove(path) {
        Ok(()) => disk.sync(parent(path)).map_err(failed),
        Err(Failure::Absent) => Ok(()),
        Err(failure) => Err(failed(failure)),
    }
}
