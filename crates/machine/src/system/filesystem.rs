//! Real files and the file systems that hold them, for live and rooted systems.

#![allow(clippy::disallowed_methods, reason = "this is where the machine is touched")]
#![allow(
    unsafe_code,
    reason = "the structure's type field differs between platforms, and nix hides what it does not know"
)]

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{Failure, FileKind, Filesystem, Stat};
use crate::files::real;
use crate::text;

/// The file system that holds a path.
pub(super) fn of(path: &str) -> Result<Filesystem, Failure> {
    let path = CString::new(text::to_bytes(path)).map_err(|_| Failure::OutsideTree)?;
    let stat = statfs(&path)?;
    let mut filesystem = describe(&stat);
    let mut flags = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path is NUL-terminated, and the structure is filled where the answer is 0. glibc's struct statfs hides the
    // flags, so they are asked for the portable way.
    unsafe {
        if libc::statvfs(path.as_ptr(), flags.as_mut_ptr()) == 0 {
            filesystem.read_only = flags.assume_init().f_flag & libc::ST_RDONLY != 0;
        }
    }
    Ok(filesystem)
}

fn statfs(path: &CStr) -> Result<libc::statfs, Failure> {
    let mut stat = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the path is NUL-terminated, and the structure is filled where the answer is 0.
    unsafe {
        if libc::statfs(path.as_ptr(), stat.as_mut_ptr()) != 0 {
            return Err(Failure::of(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)));
        }
        Ok(stat.assume_init())
    }
}

/// The type of the file system that holds a path, by its magic.
#[cfg(target_os = "linux")]
pub(super) fn magic(path: &str) -> Result<u32, Failure> {
    let path = CString::new(path).map_err(|_| Failure::OutsideTree)?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::unnecessary_cast,
        reason = "magics have 32 bits"
    )]
    statfs(&path).map(|stat| stat.f_type as u32)
}

/// The names in a directory, sorted.
pub(super) fn names(path: impl AsRef<Path>) -> Result<Vec<String>, Failure> {
    let entries = std::fs::read_dir(real(path.as_ref())).map_err(|error| Failure::of_io(&error))?;
    let mut names = Vec::new();
    for entry in entries {
        // A part of a directory is not what is in it.
        let entry = entry.map_err(|error| Failure::of_io(&error))?;
        names.push(text::from_bytes(entry.file_name().as_bytes()));
    }
    names.sort();
    Ok(names)
}

/// What a path names, links followed.
pub(super) fn stat(path: impl AsRef<Path>) -> Result<Stat, Failure> {
    let metadata = std::fs::metadata(real(path.as_ref())).map_err(|error| Failure::of_io(&error))?;
    let kind = if metadata.is_file() {
        FileKind::File
    } else if metadata.is_dir() {
        FileKind::Directory
    } else {
        FileKind::Other
    };
    Ok(Stat {
        kind,
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        inode: metadata.ino(),
    })
}

/// The target of a link, as it is written in it.
pub(super) fn link(path: impl AsRef<Path>) -> Result<String, Failure> {
    let target = std::fs::read_link(real(path.as_ref())).map_err(|error| Failure::of_io(&error))?;
    Ok(text::from_bytes(target.as_os_str().as_bytes()))
}

/// Whether a file has an access list, whose users the mode shows as the group's bits.
#[cfg(target_os = "linux")]
pub fn has_access_list(file: std::os::fd::BorrowedFd<'_>) -> bool {
    use std::os::fd::AsRawFd as _;
    let name = c"system.posix_acl_access";
    // SAFETY: the name is NUL-terminated, and with a size of 0 nothing is written: the kernel only says how much there is.
    let size = unsafe { libc::fgetxattr(file.as_raw_fd(), name.as_ptr(), std::ptr::null_mut(), 0) };
    size > 0
}

/// Nobody asks here: a group's bits count as those of others.
#[cfg(not(target_os = "linux"))]
pub fn has_access_list(_file: std::os::fd::BorrowedFd<'_>) -> bool {
    true
}

#[cfg(target_os = "linux")]
fn describe(stat: &libc::statfs) -> Filesystem {
    // The widths of these fields differ between machines and C libraries.
    #[allow(clippy::unnecessary_cast, reason = "the widths differ between machines")]
    let (kind, block) = (stat.f_type as u64 & 0xffff_ffff, stat.f_bsize as u64);
    let name = MAGICS
        .iter()
        .find(|(magic, _)| *magic == kind)
        .map(|(_, name)| (*name).to_owned());
    Filesystem {
        kind: name.unwrap_or_else(|| format!("0x{kind:x}")),
        size: stat.f_blocks.saturating_mul(block),
        available: stat.f_bavail.saturating_mul(block),
        inodes: stat.f_files,
        inodes_free: stat.f_ffree,
        read_only: false,
    }
}

/// Magics of statfs(2) and the kernel's magic.h.
#[cfg(target_os = "linux")]
const MAGICS: &[(u64, &str)] = &[
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x794c_7630, "overlay"),
    (0x9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    (0x6367_7270, "cgroup2"),
    (0x27_e0eb, "cgroup"),
    (0x6969, "nfs"),
    (0x2fc1_2fc1, "zfs"),
    (0x6573_5546, "fuse"),
    (0xf2f5_2010, "f2fs"),
    (0x8584_58f6, "ramfs"),
    (0x7371_7368, "squashfs"),
    (0x0102_1997, "9p"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0xca45_1a4e, "bcachefs"),
    (0x4d44, "vfat"),
    (0x00c3_6400, "ceph"),
    (0x4750_4653, "gpfs"),
];

#[cfg(not(target_os = "linux"))]
fn describe(stat: &libc::statfs) -> Filesystem {
    #[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
    let (block, available, inodes_free) = (stat.f_bsize as u64, stat.f_bavail as u64, stat.f_ffree as u64);
    let kind: Vec<u8> = stat
        .f_fstypename
        .iter()
        .take_while(|c| **c != 0)
        .map(|c| c.cast_unsigned())
        .collect();
    Filesystem {
        kind: String::from_utf8_lossy(&kind).into_owned(),
        size: stat.f_blocks.saturating_mul(block),
        available: available.saturating_mul(block),
        inodes: stat.f_files,
        inodes_free,
        read_only: false,
    }
}
