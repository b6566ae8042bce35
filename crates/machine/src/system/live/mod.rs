//! The live machine: paired files with the same signatures, chosen by one `cfg`.

#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod ethtool;
#[cfg(target_os = "linux")]
mod interfaces;
#[cfg(target_os = "linux")]
mod kept;
#[cfg(target_os = "linux")]
mod missing;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(not(target_os = "linux"))]
#[path = "bsd.rs"]
mod platform;
#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod platform;
#[cfg(target_os = "linux")]
mod sock_diag;
#[cfg(target_os = "linux")]
mod tree;
#[cfg(not(target_os = "linux"))]
#[path = "write_bsd.rs"]
mod write;
#[cfg(target_os = "linux")]
#[path = "write_linux.rs"]
mod write;

pub use platform::LiveSystem;

use std::fmt;

/// Why another process cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessError {
    /// There is no such process.
    NoSuchProcess,
    /// It is another one by now: the pid was used again.
    Recycled,
    /// This platform cannot do it.
    Unsupported,
    /// A system call failed; the errno.
    Errno(i32),
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProcessError::NoSuchProcess => f.write_str("there is no such process"),
            ProcessError::Recycled => f.write_str("it ended, and another process has its number now"),
            ProcessError::Unsupported => f.write_str("this operating system does not tell of other processes"),
            ProcessError::Errno(errno) => f.write_str(&super::describe_errno(*errno)),
        }
    }
}

impl std::error::Error for ProcessError {}
