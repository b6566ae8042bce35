//! Whether this process has privileges that come from runup's own file, and not from whoever started it.
//!
//! A copy of runup that is set-user-id, set-group-id or has file capabilities would give them to everybody: `exec` starts any
//! program as any user, `check` reads any file. Nobody needs such a copy, so it refuses to do anything.

use std::fmt;

use super::sys::{self, Errno};

/// Privileges that the file gave, by what gives them away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elevation {
    /// Real and effective user id differ.
    User(u32, u32),
    /// Real and effective group id differ.
    Group(u32, u32),
    /// Capabilities that were not handed down, as bits by number.
    Capabilities(u64),
    /// The kernel says that something was gained, and its answer to what it was is an errno.
    Unknown(Errno),
}

impl fmt::Display for Elevation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Elevation::User(real, effective) => write!(
                f,
                "user {real} started this, and it runs as user {effective}: its file is set-user-id"
            )?,
            Elevation::Group(real, effective) => write!(
                f,
                "group {real} started this, and it runs as group {effective}: its file is set-group-id"
            )?,
            Elevation::Capabilities(bits) => write!(
                f,
                "it has capabilities ({bits:#x}) that whoever started it did not hand down: its file gives them"
            )?,
            Elevation::Unknown(errno) => write!(
                f,
                "the kernel says that its file may give privileges, and does not say which: {}",
                runup_machine::failure::describe_errno(*errno)
            )?,
        }
        f.write_str(
            "\n  nothing was done: such a file makes everybody root who can start it\n  help: take that away (`chmod ug-s`, `setcap -r` \
             on the file), and start runup with sudo, or as the container's user",
        )
    }
}

/// What this process has from its file; `None` where that is nothing.
///
/// Costs one system call as root and none as anybody else, and needs neither `/proc` nor the file. `AT_SECURE` alone says
/// nothing: a security module sets it too, as SELinux does when a program enters another domain.
#[must_use]
pub fn elevation() -> Option<Elevation> {
    let [user, group] = sys::start_ids();
    if user.0 != user.1 {
        return Some(Elevation::User(user.0, user.1));
    }
    if group.0 != group.1 {
        return Some(Elevation::Group(group.0, group.1));
    }
    // Root has everything from being root, unless that was switched off; of others the kernel says when they gained anything.
    let may_have_gained = if user.0 == 0 {
        sys::root_is_plain()
    } else {
        sys::is_secure()
    };
    if !may_have_gained {
        return None;
    }
    // After `execve` a process that is not root has the ambient capabilities, and what the file gave.
    match sys::capabilities() {
        Ok(sets) => {
            let gained = (0..64)
                .filter(|number| sets.permitted >> number & 1 == 1 && sys::is_ambient(*number) != Ok(true))
                .fold(0, |bits, number| bits | 1 << number);
            (gained != 0).then_some(Elevation::Capabilities(gained))
        }
        Err(errno) => Some(Elevation::Unknown(errno)),
    }
}

/// Says why nothing is done here.
pub fn refuse(elevation: Elevation) {
    super::message::say("runup: ", format_args!("refused: {elevation}"));
}
