//! A profile that root did not name, and that is read only because it lies in the working directory.
//!
//! Whoever can write there chooses it. A check changes nothing, but it shows: the line of a mistake is printed, and a link to
//! `/etc/shadow` would print the first line of that. So every file is found below the directory without following a link at any
//! step, and is one of whoever owns the directory, or of root. What is carried out must be of root or of the user behind sudo, where
//! nobody else can put another in its place.
//!
//! The path is walked name by name with `O_NOFOLLOW`, on every kernel: `openat2` could do it in one call since Linux 5.6, where no
//! seccomp profile refuses it, and the walk would have to be there all the same.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use crate::accounts;
use crate::files::{self, Links, Unreadable};
use crate::most;
use crate::system::has_access_list;

/// What is done with the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is checked and shown.
    Show,
    /// It is carried out, for root and the user behind sudo.
    CarryOut {
        /// That user.
        user: Option<u32>,
    },
}

/// The directory below which files are opened.
#[derive(Debug)]
pub struct Guard {
    directory: OwnedFd,
    owner: u32,
    purpose: Purpose,
    first: Cell<Option<u32>>,
}

/// Why a file is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It cannot be read, or is no regular file.
    Unreadable(Unreadable),
    /// It lies outside the directory.
    Outside,
    /// It is somebody's who has no say here.
    Owner(u32),
    /// It is root's, and whoever owns the directory could not read it.
    Secret,
    /// Others can write it, or put another in its place: the directory, or nothing for the file itself.
    Writable(Option<String>),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Unreadable(why) => why.fmt(f),
            Refused::Outside => f.write_str("it lies outside the working directory"),
            Refused::Owner(uid) => write!(f, "it belongs to {}", accounts::name_of(*uid)),
            Refused::Secret => f.write_str("it is root's in a directory of somebody who could not read it"),
            Refused::Writable(None) => f.write_str("others can write it"),
            Refused::Writable(Some(directory)) => write!(
                f,
                "others can write the directory {directory} (its owner is one of them, unless that is root or the user behind sudo)"
            ),
        }
    }
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        Refused::Unreadable(errno.into())
    }
}

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

impl Guard {
    /// Of the working directory.
    ///
    /// # Errors
    /// It cannot be opened; or what lies in it is to be carried out, and others can write it or what is above it.
    pub fn new(purpose: Purpose) -> Result<Self, Refused> {
        let directory = openat(AT_FDCWD, ".", DIRECTORY, Mode::empty())?;
        let stat = fstat(&directory)?;
        let guard = Self {
            owner: stat.st_uid,
            directory,
            purpose,
            first: Cell::new(None),
        };
        guard.ancestors()?;
        Ok(guard)
    }

    /// What is done with the profile.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The owner of the first file that was read.
    #[must_use]
    pub fn first_owner(&self) -> Option<u32> {
        self.first.get()
    }

    /// The whole of a file.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn read(&self, path: &Path) -> Result<Vec<u8>, Refused> {
        let names = names(path).ok_or(Refused::Outside)?;
        let (name, directories) = names.split_last().ok_or(Refused::Outside)?;
        let mut directory = openat(&self.directory, ".", DIRECTORY, Mode::empty())?;
        let mut way = String::from(".");
        for name in directories {
            directory = open_directory(&directory, name)?;
            way = format!("{way}/{}", name.to_string_lossy());
            self.directory_is_trusted(&directory, &way)?;
        }
        let (file, stat) = files::open_at(&directory, Path::new(name), Links::Refused).map_err(Refused::Unreadable)?;
        self.file_is_trusted(&file, &stat)?;
        if self.first.get().is_none() {
            self.first.set(Some(stat.st_uid));
        }
        files::take(file, &stat, most::PROFILE).map_err(Refused::Unreadable)
    }

    fn file_is_trusted(&self, file: &std::fs::File, stat: &FileStat) -> Result<(), Refused> {
        match self.purpose {
            Purpose::Show if stat.st_uid == self.owner => Ok(()),
            // Whoever owns a directory can give any file in it another name.
            Purpose::Show if stat.st_uid == 0 && stat.st_mode & 0o004 == 0 => Err(Refused::Secret),
            Purpose::Show if stat.st_uid == 0 => Ok(()),
            Purpose::CarryOut { user } if stat.st_uid == 0 || Some(stat.st_uid) == user => {
                if others_write(file, stat) {
                    return Err(Refused::Writable(None));
                }
                Ok(())
            }
            Purpose::Show | Purpose::CarryOut { .. } => Err(Refused::Owner(stat.st_uid)),
        }
    }

    /// The working directory and all above it, by descriptors: nobody can change where `..` leads to.
    fn ancestors(&self) -> Result<(), Refused> {
        if self.purpose == Purpose::Show {
            return Ok(());
        }
        let mut directory = openat(&self.directory, ".", DIRECTORY, Mode::empty())?;
        let mut way = String::from(".");
        loop {
            self.directory_is_trusted(&directory, &way)?;
            let above = openat(&directory, "..", DIRECTORY, Mode::empty())?;
            let (here, there) = (fstat(&directory)?, fstat(&above)?);
            if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino) {
                return Ok(());
            }
            way = if way == "." {
                "..".to_owned()
            } else {
                format!("../{way}")
            };
            directory = above;
        }
    }

    /// Whether nobody but root and the user can put another file or directory in the place of one of theirs here.
    fn directory_is_trusted(&self, directory: &OwnedFd, way: &str) -> Result<(), Refused> {
        let Purpose::CarryOut { user } = self.purpose else {
            return Ok(());
        };
        let stat = fstat(directory)?;
        let trusted = stat.st_uid == 0 || Some(stat.st_uid) == user;
        // In a sticky directory everybody may add, and nobody take away or rename what is another's.
        let sticky = stat.st_mode & 0o1000 != 0;
        if trusted && (sticky || !others_write(directory, &stat)) {
            return Ok(());
        }
        let real = std::fs::canonicalize(way).map_or_else(|_| way.to_owned(), |path| path.display().to_string());
        Err(Refused::Writable(Some(real)))
    }
}

/// Whether somebody besides the owner can write it. A group of the owner's own is himself, but for an access list, whose users show
/// as the group's bits.
fn others_write(file: &impl std::os::fd::AsFd, stat: &FileStat) -> bool {
    let group = stat.st_mode & 0o020 != 0
        && (has_access_list(file.as_fd()) || !accounts::is_private_group(stat.st_gid, stat.st_uid));
    group || stat.st_mode & 0o002 != 0
}

/// Opens a directory in another, which must be no link.
fn open_directory(above: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Refused> {
    match openat(above, name, DIRECTORY, Mode::empty()) {
        Ok(directory) => Ok(directory),
        // Of a link, too, the kernel says that it is no directory.
        Err(Errno::ENOTDIR | Errno::ELOOP) => {
            let stat = fstatat(above, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
            let link = stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFLNK.bits();
            Err(Refused::Unreadable(if link {
                Unreadable::Link
            } else {
                Unreadable::System(libc::ENOTDIR)
            }))
        }
        Err(errno) => Err(errno.into()),
    }
}

/// A path's names, `..` taken out of it: where no link is followed, that is by the text alone. `None` where it leads outside.
fn names(path: &Path) -> Option<Vec<&OsStr>> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => names.push(name),
            Component::CurDir => {}
            Component::ParentDir => drop(names.pop()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below() {
        let shown = |path: &str| names(Path::new(path)).map(|names| names.join(OsStr::new("/")));
        assert_eq!(shown("./.runup/../a.toml"), Some("a.toml".into()));
        assert_eq!(shown("a/./b.toml"), Some("a/b.toml".into()));
        for outside in ["../a.toml", "a/../../b.toml", "/etc/shadow"] {
            assert_eq!(shown(outside), None, "{outside}");
        }
    }
}
