//! What it means that something below `/proc` or `/sys` is not there.
//!
//! `ENOENT` says that a kernel has no such thing only where the kernel itself answers. `/sys` may not be mounted at all, container
//! engines lay empty file systems over what a container is not to see, and `/proc` can be mounted so that it shows processes alone.

use crate::failure::{Failure, Why};
use crate::system::{always, filesystem};

/// Types of file systems by which the kernel tells of itself, by their magic (linux/magic.h).
const OF_THE_KERNEL: &[u32] = &[
    0x9fa0,      // proc
    0x4249_4e4d, // binfmt_misc
    0x6265_6572, // sysfs
    0x6367_7270, // cgroup2
    0x0027_e0eb, // cgroup
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0x6265_6570, // configfs
    0x6165_676c, // pstore
    0xcafe_4a11, // bpf
    0xde5e_81e4, // efivarfs
    0x6573_5543, // fusectl
    0xf97c_ff8c, // selinuxfs
    0x0765_5821, // resctrl
];

const TMPFS: u32 = 0x0102_1994;

/// Where version 1 of cgroups mounts its hierarchies, in a directory of its own kind.
const CGROUPS: &str = "/sys/fs/cgroup";

/// A result in which absence is only what is known to be absent.
pub(super) fn explained<T>(path: &str, result: Result<T, Failure>) -> Result<T, Failure> {
    match result {
        Err(Failure::Absent) => Err(why(path)),
        other => other,
    }
}

/// Why a path is not there.
pub(super) fn why(path: &str) -> Failure {
    let below = |root: &&str| {
        path.strip_prefix(*root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let Some(root) = ["/proc", "/sys"].into_iter().find(below) else {
        return Failure::Absent;
    };
    let mut there = path;
    let kind = loop {
        there = there.rsplit_once('/').map_or("", |(parent, _)| parent);
        if there.len() < root.len() {
            return Failure::CannotTell(Why::NotMounted(root));
        }
        match filesystem::magic(there) {
            Ok(kind) => break kind,
            Err(Failure::Absent) => {}
            // What stands in the way says that it does.
            Err(failure) => return failure,
        }
    };
    match kind {
        TMPFS if there == CGROUPS => Failure::Absent,
        kind if !OF_THE_KERNEL.contains(&kind) && there == root => Failure::CannotTell(Why::NotMounted(root)),
        kind if !OF_THE_KERNEL.contains(&kind) => Failure::CannotTell(Why::Masked(there.to_owned())),
        _ => match always::missing_below(there, path) {
            Some(missing) => Failure::CannotTell(Why::NotShown(missing)),
            None => Failure::Absent,
        },
    }
}

/// Whether a file or directory with nothing in it is the kernel's own, and not one that was laid over it: engines lay an empty file
/// system over a directory, and systemd an empty file (`InaccessiblePaths=`).
pub(super) fn why_blank(path: &str) -> Result<(), Failure> {
    if !path.starts_with("/proc/") && !path.starts_with("/sys/") || path == CGROUPS {
        return Ok(());
    }
    match filesystem::magic(path) {
        Ok(kind) if !OF_THE_KERNEL.contains(&kind) => Err(Failure::CannotTell(Why::Masked(path.to_owned()))),
        _ => Ok(()),
    }
}
