//! The machine's own disk, or the part of it below a directory that stands for `/`.

#![allow(clippy::disallowed_methods, reason = "this is where the disk is touched")]

use std::any::Any;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use nix::fcntl::{Flock, FlockArg};

use super::disk::{Disk, LockFailure};
use crate::system::Failure;

/// A disk.
#[derive(Debug, Clone)]
pub struct LiveDisk {
    root: PathBuf,
}

impl LiveDisk {
    /// All of it.
    #[must_use]
    pub fn new() -> Self {
        Self::below("/")
    }

    /// What is below a directory.
    #[must_use]
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn real(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

impl Default for LiveDisk {
    fn default() -> Self {
        Self::new()
    }
}

fn failure(error: &std::io::Error) -> Failure {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => Failure::Absent,
        Some(errno @ (libc::EACCES | libc::EPERM)) => Failure::Denied(errno),
        Some(errno) => Failure::Io(errno),
        None => Failure::Io(libc::EIO),
    }
}

impl Disk for LiveDisk {
    fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        std::fs::read(self.real(path)).map_err(|error| failure(&error))
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        let entries = std::fs::read_dir(self.real(path)).map_err(|error| failure(&error))?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }

    fn make_directory(&self, path: &str, mode: u32) -> Result<(), Failure> {
        let real = self.real(path);
        if real.is_dir() {
            return Ok(());
        }
        let made = DirBuilder::new().recursive(true).mode(mode).create(&real);
        match made {
            Err(_) if real.exists() => Err(Failure::Io(libc::ENOTDIR)),
            other => other.map_err(|error| failure(&error)),
        }
    }

    fn create(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), Failure> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(self.real(path))
            .map_err(|error| failure(&error))?;
        file.write_all(bytes).map_err(|error| failure(&error))
    }

    fn sync(&self, path: &str) -> Result<(), Failure> {
        let file = File::open(self.real(path)).map_err(|error| failure(&error))?;
        match file.sync_all() {
            Ok(()) => Ok(()),
            // Some file systems have nothing to wait for, and say so.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        std::fs::rename(self.real(from), self.real(to)).map_err(|error| failure(&error))
    }

    fn remove(&self, path: &str) -> Result<(), Failure> {
        std::fs::remove_file(self.real(path)).map_err(|error| failure(&error))
    }

    fn lock(&self, path: &str, holder: &str) -> Result<Box<dyn Any>, LockFailure> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(self.real(path))
            .map_err(|error| LockFailure::Failed(failure(&error)))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut lock) => {
                // Only for whoever finds it held.
                let _ = lock.set_len(0);
                let _ = lock.write_all(holder.as_bytes());
                Ok(Box::new(lock))
            }
            Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
                let mut name = String::new();
                let _ = file.rewind();
                let _ = file.read_to_string(&mut name);
                Err(LockFailure::Held(name))
            }
            Err((_, errno)) => Err(LockFailure::Failed(Failure::Io(errno as i32))),
        }
    }
}
