//! The machine's own disk, or the part of it below a directory that stands for `/`.

#![allow(clippy::disallowed_methods, reason = "this is where the disk is touched")]

use std::any::Any;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, Flock, FlockArg};

use super::disk::{Disk, LockFailure};
use crate::files::{self, Links};
use crate::most;
use crate::system::Failure;
use crate::system::rooted::resolve_below;

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

    /// Where a path really is. Below another root links lead nowhere outside it; the last name is taken as it is.
    fn real(&self, path: &str) -> Result<PathBuf, Failure> {
        if self.root == Path::new("/") {
            return Ok(PathBuf::from(path));
        }
        let (parent, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or(("", path));
        Ok(resolve_below(&self.root, parent)?.join(name))
    }
}

impl LiveDisk {
    /// A directory that others can write must not decide what is written to the machine.
    fn trusted(&self, lock: &str) -> Result<(), LockFailure> {
        let real = self.real(lock).map_err(LockFailure::Failed)?;
        let directory = real.parent().unwrap_or(Path::new("/"));
        let metadata = std::fs::metadata(directory).map_err(|error| LockFailure::Failed(failure(&error)))?;
        let own = metadata.uid() == nix::unistd::geteuid().as_raw();
        if own && metadata.mode() & 0o022 == 0 {
            Ok(())
        } else {
            Err(LockFailure::Others)
        }
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

/// A lock that is held. The guard of the library panics where the kernel refuses to unlock.
struct Lock(Option<Flock<File>>);

impl Drop for Lock {
    fn drop(&mut self) {
        let Some(Err((held, _))) = self.0.take().map(Flock::unlock) else {
            return;
        };
        // Closed by hand, which ends the lock too: nobody has a copy of the descriptor.
        let descriptor = held.as_raw_fd();
        std::mem::forget(held);
        let _ = nix::unistd::close(descriptor);
    }
}

impl Disk for LiveDisk {
    fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        // A link, a pipe or a device in its place is not what was written.
        let (file, stat) = files::open_at(AT_FDCWD, &self.real(path)?, Links::Refused)?;
        Ok(files::take(file, &stat, most::JOURNAL)?)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        let entries = std::fs::read_dir(self.real(path)?).map_err(|error| match error.raw_os_error() {
            // Something is there, and it holds no names.
            Some(errno @ libc::ENOTDIR) => Failure::Io(errno),
            _ => failure(&error),
        })?;
        let mut names = Vec::new();
        for entry in entries {
            // A part of a directory is not what is in it. No file of ours has a name that is not UTF-8.
            let entry = entry.map_err(|error| failure(&error))?;
            names.extend(entry.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    }

    fn make_directory(&self, path: &str, mode: u32) -> Result<(), Failure> {
        let real = self.real(path)?;
        if std::fs::symlink_metadata(&real).is_ok_and(|link| link.is_symlink()) && self.root != Path::new("/") {
            return Err(Failure::OutsideTree);
        }
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
            .open(self.real(path)?)
            .map_err(|error| failure(&error))?;
        file.write_all(bytes).map_err(|error| failure(&error))
    }

    fn sync(&self, path: &str) -> Result<(), Failure> {
        let file = File::open(self.real(path)?).map_err(|error| failure(&error))?;
        match file.sync_all() {
            Ok(()) => Ok(()),
            // Some file systems have nothing to wait for, and say so.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        std::fs::rename(self.real(from)?, self.real(to)?).map_err(|error| failure(&error))
    }

    fn remove(&self, path: &str) -> Result<(), Failure> {
        std::fs::remove_file(self.real(path)?).map_err(|error| failure(&error))
    }

    fn lock(&self, path: &str, holder: &str) -> Result<Box<dyn Any>, LockFailure> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(self.real(path).map_err(LockFailure::Failed)?)
            .map_err(|error| LockFailure::Failed(failure(&error)))?;
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Err(LockFailure::Failed(Failure::NotRegular));
        }
        self.trusted(path)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut lock) => {
                // Only for whoever finds it held.
                let _ = lock.set_len(0);
                let _ = lock.write_all(holder.as_bytes());
                Ok(Box::new(Lock(Some(lock))))
            }
            Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
                let mut name = String::new();
                let _ = file.rewind();
                let _ = file.take(most::LOCK_HOLDER).read_to_string(&mut name);
                Err(LockFailure::Held(name))
            }
            Err((_, errno)) => Err(LockFailure::Failed(Failure::Io(errno as i32))),
        }
    }
}
