//! The bounding set: what no file can give back to this process and its children. What is not known to be dropped is an error.

use super::capability::{CapabilitySet, Name};
use super::step::{PrivilegeError, Step};
use super::sys::{self, Errno};

/// The highest capability of the first kernel with a bounding set for each process (Linux 2.6.25, CAP_MAC_ADMIN). That a kernel
/// does not know one up to here is no answer of that kernel's, but of something that stands before it.
const ALWAYS_KNOWN: u8 = 33;

/// Drops capabilities from the bounding set, and looks whether they are gone.
///
/// # Errors
/// One of them is still there, or nobody can tell.
pub(super) fn drop(dropped: CapabilitySet, no_new_privileges: bool) -> Result<(), PrivilegeError> {
    for number in dropped.numbers() {
        if !holds(number)? {
            continue;
        }
        match sys::drop_from_bounding_set(number) {
            Ok(()) => {}
            // Without CAP_SETPCAP the set stays as it is. It only matters to files that give capabilities, which
            // no_new_privs turns off as well; nor does it matter to a process that is not root otherwise.
            Err(libc::EPERM) if no_new_privileges && sys::user_ids()[1] != 0 => return Ok(()),
            Err(errno) => {
                return Err(failed(
                    errno,
                    format!("cannot drop {} from the bounding set", Name(number)),
                    "it needs CAP_SETPCAP; let the runtime drop it (`--cap-drop`), or add --no-new-privs for a user other than root",
                ));
            }
        }
        // A seccomp filter can answer "done" in the kernel's place.
        if holds(number)? {
            return Err(failed(
                0,
                format!("{} is still in the bounding set after it was dropped", Name(number)),
                "let the runtime drop it (`--cap-drop`), or leave --drop-caps out",
            ));
        }
    }
    Ok(())
}

/// Whether a capability is in the bounding set. One that this kernel does not know is not.
fn holds(number: u8) -> Result<bool, PrivilegeError> {
    match sys::in_bounding_set(number) {
        Ok(held) => Ok(held),
        Err(libc::EINVAL) if number > ALWAYS_KNOWN || cfg!(not(target_os = "linux")) => Ok(false),
        Err(errno) => Err(failed(
            errno,
            format!("cannot see whether {} is in the bounding set", Name(number)),
            "a seccomp profile that denies prctl(PR_CAPBSET_READ), most likely: allow it, let the runtime drop the capabilities \
             (`--cap-drop`) and leave --drop-caps out",
        )),
    }
}

fn failed(errno: Errno, what: String, help: &'static str) -> PrivilegeError {
    PrivilegeError {
        step: Step::BoundingSet,
        errno,
        what,
        help,
    }
}
