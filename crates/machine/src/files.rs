//! Every file that is not the kernel's is opened here: profiles, recordings, imports, drop-in files, `/etc/passwd`, the journal.
//!
//! A file that somebody else can put in its place must not stop or fill this process: a pipe that nobody writes to would be waited
//! for as long as the machine runs, `/dev/zero` has no end, and of a sparse file a disk holds more than memory does. So a file is
//! opened without waiting, must be a regular one, and has a limit (`most`). What is below `/proc`, `/sys` and the cgroups is the kernel's,
//! by `fstatfs`, and as long as it is.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use crate::failure::{Failure, describe_errno};

/// Why a file was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// The system says no; the errno.
    System(i32),
    /// It is a directory.
    Directory,
    /// It is a link where none is followed.
    Link,
    /// It is a pipe, a device or a socket: the word for it.
    Special(&'static str),
    /// It has more bytes than are read.
    TooLarge(u64),
}

impl From<Errno> for Unreadable {
    fn from(errno: Errno) -> Self {
        Unreadable::System(errno as i32)
    }
}

impl From<std::io::Error> for Unreadable {
    fn from(error: std::io::Error) -> Self {
        Unreadable::System(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

impl From<Unreadable> for Failure {
    fn from(why: Unreadable) -> Self {
        match why {
            Unreadable::System(libc::ENOENT | libc::ENOTDIR | libc::ENXIO | libc::ENODEV) => Failure::Absent,
            Unreadable::System(errno @ (libc::EACCES | libc::EPERM)) => Failure::Denied(errno),
            Unreadable::System(errno) => Failure::Io(errno),
            Unreadable::Directory => Failure::Io(libc::EISDIR),
            Unreadable::Link => Failure::Io(libc::ELOOP),
            Unreadable::Special(_) => Failure::NotRegular,
            Unreadable::TooLarge(limit) => Failure::TooLarge(limit),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::System(errno) => f.write_str(&describe_errno(*errno)),
            Unreadable::Directory => f.write_str("it is a directory"),
            Unreadable::Link => f.write_str("it is a symbolic link, and links are not followed here"),
            Unreadable::Special(what) => write!(f, "it is not a regular file: it is {what}"),
            Unreadable::TooLarge(limit) => write!(f, "it is larger than {}", size(*limit)),
        }
    }
}

/// A limit in words.
#[must_use]
pub fn size(bytes: u64) -> String {
    crate::value::Unit::Bytes.show(i128::from(bytes), 4096)
}

/// Whether links are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// As everywhere.
    Followed,
    /// The last name must be no link.
    Refused,
}

/// The path that a text stands for, whose names need not be UTF-8 ([`crate::text::from_bytes`]).
#[must_use]
pub fn real(path: &Path) -> Cow<'_, Path> {
    use std::os::unix::ffi::OsStrExt as _;
    match path.to_str() {
        Some(text) if crate::text::is_raw(text) => {
            Cow::Owned(Path::new(OsStr::from_bytes(&crate::text::to_bytes(text))).to_owned())
        }
        _ => Cow::Borrowed(path),
    }
}

/// The whole of a file.
///
/// # Errors
/// See [`Unreadable`].
pub fn read(path: impl AsRef<Path>, limit: u64) -> Result<Vec<u8>, Unreadable> {
    let (file, stat) = open_at(AT_FDCWD, path.as_ref(), Links::Followed)?;
    take(file, &stat, limit)
}

/// At most the first `bytes` bytes of a file, however long it is.
///
/// # Errors
/// See [`Unreadable`].
pub fn start(path: impl AsRef<Path>, bytes: u64) -> Result<Vec<u8>, Unreadable> {
    let (file, _) = open_at(AT_FDCWD, path.as_ref(), Links::Followed)?;
    let mut content = Vec::new();
    file.take(bytes).read_to_end(&mut content)?;
    Ok(content)
}

/// The same of a file that a person names on the command line, where `-`, `/dev/stdin`, `/dev/fd/N` and `/proc/self/fd/N` (what
/// `<(...)` of a shell gives) are streams: they are read, and waited for, up to the limit.
///
/// # Errors
/// See [`Unreadable`].
#[expect(
    clippy::disallowed_methods,
    reason = "a descriptor of this process's own is no file of the machine"
)]
pub fn read_named(path: &str, limit: u64) -> Result<Vec<u8>, Unreadable> {
    let Some(descriptor) = stream(path) else {
        return read(path, limit);
    };
    let mut bytes = Vec::new();
    match descriptor {
        // Not opened anew: a socket cannot be, and there may be no /dev.
        0 => std::io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)?,
        _ => File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?,
    };
    if bytes.len() as u64 > limit {
        return Err(Unreadable::TooLarge(limit));
    }
    Ok(bytes)
}

/// Whether a person who names this means a stream.
#[must_use]
pub fn is_stream(path: &str) -> bool {
    stream(path).is_some()
}

/// The descriptor that is read.
fn stream(path: &str) -> Option<u32> {
    if matches!(path, "-" | "/dev/stdin") {
        return Some(0);
    }
    let number = path
        .strip_prefix("/dev/fd/")
        .or_else(|| path.strip_prefix("/proc/self/fd/"))?;
    number
        .parse()
        .ok()
        .filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Opens a regular file, without waiting, and says what it is.
///
/// # Errors
/// It cannot be opened, or is none.
pub fn open_at(directory: impl AsFd, name: &Path, links: Links) -> Result<(File, FileStat), Unreadable> {
    let name = &*real(name);
    let (no_follow, at) = match links {
        Links::Followed => (OFlag::empty(), AtFlags::empty()),
        Links::Refused => (OFlag::O_NOFOLLOW, AtFlags::AT_SYMLINK_NOFOLLOW),
    };
    // To open some devices is to act: a watchdog starts to count, a tape rewinds. Procfs has none, and is asked often.
    if !name.starts_with("/proc") {
        regular(&fstatat(&directory, name, at)?)?;
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | no_follow;
    let descriptor = openat(&directory, name, flags, Mode::empty())?;
    let stat = fstat(&descriptor)?;
    regular(&stat)?;
    Ok((File::from(descriptor), stat))
}

/// Reads an open file up to a limit.
///
/// # Errors
/// See [`Unreadable`].
pub fn take(mut file: File, stat: &FileStat, limit: u64) -> Result<Vec<u8>, Unreadable> {
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if size > limit && !is_kernels(&file) {
        return Err(Unreadable::TooLarge(limit));
    }
    // A file of the kernel's does not know its length, and std would start with 32 bytes.
    let room = usize::try_from(size.clamp(4096, 1 << 20)).unwrap_or(4096);
    let mut bytes = Vec::with_capacity(room + 1);
    file.by_ref().take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        if !is_kernels(&file) {
            return Err(Unreadable::TooLarge(limit));
        }
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Whether it is a regular file. The null device is one without contents: a link to it masks a file.
fn regular(stat: &FileStat) -> Result<(), Unreadable> {
    match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFREG => Ok(()),
        SFlag::S_IFDIR => Err(Unreadable::Directory),
        SFlag::S_IFLNK => Err(Unreadable::Link),
        SFlag::S_IFIFO => Err(Unreadable::Special("a pipe")),
        SFlag::S_IFSOCK => Err(Unreadable::Special("a socket")),
        SFlag::S_IFCHR if is_null(stat) => Ok(()),
        _ => Err(Unreadable::Special("a device")),
    }
}

/// `/dev/null`, wherever it is.
fn is_null(stat: &FileStat) -> bool {
    #[cfg(target_os = "linux")]
    return stat.st_rdev == libc::makedev(1, 3);
    #[cfg(not(target_os = "linux"))]
    nix::sys::stat::stat("/dev/null").is_ok_and(|null| null.st_rdev == stat.st_rdev)
}

/// Whether a file's bytes come from the kernel, and not from whoever could write a disk.
#[cfg(target_os = "linux")]
fn is_kernels(file: &File) -> bool {
    use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, PROC_SUPER_MAGIC, SYSFS_MAGIC, fstatfs};
    let kinds = [PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC];
    fstatfs(file).is_ok_and(|stat| kinds.contains(&stat.filesystem_type()))
}

#[cfg(not(target_os = "linux"))]
fn is_kernels(_file: &File) -> bool {
    false
}
