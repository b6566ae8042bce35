//! The steps to the program's identity, and one that failed.

use std::fmt;

use runup_machine::failure::describe_errno;

/// One step on the way to the program's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Out of the bounding set; needs CAP_SETPCAP, which the change of user takes away.
    BoundingSet,
    /// Supplementary groups; needs CAP_SETGID.
    Groups,
    /// Group ids; needs CAP_SETGID.
    Group,
    /// Keep the permitted capabilities over the change of user.
    KeepCapabilities,
    /// User ids. Clears the effective capabilities, and the parent-death signal.
    User,
    /// Permitted, effective and inheritable set.
    Capabilities,
    /// What `execve` hands on without any privilege of the file; must be permitted and inheritable.
    AmbientSet,
    /// Cleared by a change of user, so it comes after that.
    ParentDeathSignal,
    /// Kept over everything from here on.
    NoNewPrivileges,
    /// The last look: nothing gets the old identity back.
    Verify,
}

/// Every step, in the order in which they are taken. Before the first stand what the profile asks for and the limits, which
/// need privileges; after the last stand the signals and `execve`.
pub const ORDER: [Step; 10] = [
    Step::BoundingSet,
    Step::Groups,
    Step::Group,
    Step::KeepCapabilities,
    Step::User,
    Step::Capabilities,
    Step::AmbientSet,
    Step::ParentDeathSignal,
    Step::NoNewPrivileges,
    Step::Verify,
];

/// A step that failed. The program must not be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivilegeError {
    /// Which.
    pub step: Step,
    /// The errno, 0 where it was found out otherwise.
    pub errno: i32,
    /// What was tried.
    pub what: String,
    /// What to do about it.
    pub help: &'static str,
}

impl fmt::Display for PrivilegeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.errno != 0 {
            write!(f, ": {}", describe_errno(self.errno))?;
        }
        if self.help.is_empty() {
            Ok(())
        } else {
            write!(f, "\n  help: {}", self.help)
        }
    }
}

impl std::error::Error for PrivilegeError {}
