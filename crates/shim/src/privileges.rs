//! Who the program is and what it may do: one order, in one place.
//!
//! The order is the kernel's: each step needs a privilege that a later one gives up, or is undone by an earlier one.

use super::bounding;
use super::capability::{CapabilitySet, Name};
use super::signals::Signal;
use super::step::{ORDER, PrivilegeError, Step};
use super::sys::{self, Errno};
use super::user::User;
use runup_machine::system::Capability;
use runup_machine::system::capability::CapabilitySets;

/// What is to be changed, resolved: nothing in it needs to be looked up any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Privileges {
    /// Who to become.
    pub user: Option<User>,
    /// Capabilities that nothing from here on can get again.
    pub drop: CapabilitySet,
    /// Capabilities that survive the change of user, and `execve`.
    pub keep: CapabilitySet,
    /// No set-user-id file or file capability works from here on.
    pub no_new_privileges: bool,
    /// A signal when the parent dies, and the parent that is meant.
    pub parent_death: Option<(Signal, i32)>,
}

const NEEDS_ROOT: &str = "changing the user takes CAP_SETUID and CAP_SETGID: start the container as root (`docker run \
                          --user 0`, no `runAsUser`), or leave --user out";

const ROOT_WITHOUT: &str = "changing the user takes CAP_SETUID and CAP_SETGID, which this root lacks: `docker run --cap-add \
                            SETUID --cap-add SETGID`, securityContext.capabilities.add of a pod, or leave --user out";

/// What is missing to change the user.
fn needs() -> &'static str {
    if sys::user_ids()[1] == 0 {
        ROOT_WITHOUT
    } else {
        NEEDS_ROOT
    }
}

/// Takes every step that is asked for, in [`ORDER`].
///
/// # Errors
/// The first step that fails; the caller ends the process, so that nothing runs half changed.
pub fn apply(privileges: &Privileges) -> Result<(), PrivilegeError> {
    if *privileges == Privileges::default() {
        return Ok(());
    }
    let mut privileges = privileges.clone();
    if privileges.keep == CapabilitySet::ALL {
        // `all` means all that there are, now: the steps take them away.
        let sets = own_sets(Step::Capabilities)?;
        privileges.keep = CapabilitySet::from_bits(sets.permitted);
    }
    let already = privileges.user.as_ref().is_some_and(is_already);
    ORDER.into_iter().try_for_each(|step| take(step, &privileges, already))
}

/// Whether this process is that user already and has no privilege to become anybody else: then there is nothing to do, and the
/// groups that the runtime gave stay.
fn is_already(user: &User) -> bool {
    let may = match sys::capabilities() {
        Ok(sets) => sets.permitted & (1 << Capability::Setuid.number() | 1 << Capability::Setgid.number()) != 0,
        // Not known, so every step is taken; elsewhere there are none.
        Err(_) => cfg!(target_os = "linux"),
    };
    !may && user.uid != 0 && sys::user_ids() == [user.uid; 3] && sys::group_ids() == [user.gid; 3]
}

fn take(step: Step, privileges: &Privileges, already: bool) -> Result<(), PrivilegeError> {
    let user = privileges.user.as_ref().filter(|_| !already);
    let dropped = privileges.drop.without(privileges.keep);
    let failed = |what: String, help: &'static str| {
        move |errno: Errno| PrivilegeError {
            step,
            errno,
            what,
            help,
        }
    };
    match (step, user) {
        (Step::BoundingSet, _) => bounding::drop(dropped, privileges.no_new_privileges),
        (Step::Groups, Some(user)) => {
            sys::set_groups(&user.groups).map_err(failed(format!("cannot set the groups {:?}", user.groups), needs()))
        }
        (Step::Group, Some(user)) => {
            sys::set_group(user.gid).map_err(failed(format!("cannot become group {}", user.gid), needs()))
        }
        (Step::KeepCapabilities, Some(_)) if !privileges.keep.is_empty() => sys::set_keep_capabilities(true).map_err(
            failed("cannot keep capabilities over the change of user".to_owned(), ""),
        ),
        (Step::User, Some(user)) => {
            sys::set_user(user.uid).map_err(failed(format!("cannot become user {}", user.uid), needs()))
        }
        (Step::Capabilities, _) => set_capabilities(user, dropped, privileges.keep),
        (Step::AmbientSet, _) => privileges.keep.numbers().try_for_each(|number| {
            sys::raise_ambient(number).map_err(failed(
                format!("cannot keep {}", Name(number)),
                "ambient capabilities need Linux 4.3",
            ))
        }),
        (Step::ParentDeathSignal, _) => parent_death(privileges),
        (Step::NoNewPrivileges, _) if privileges.no_new_privileges => {
            sys::set_no_new_privileges().map_err(failed("cannot set no_new_privs".to_owned(), "it needs Linux 3.5"))
        }
        (Step::Verify, _) => verify(privileges, user),
        _ => Ok(()),
    }
}

/// The sets after the change of user. Another user than root keeps what was asked for and nothing else, even where it was not
/// root that made the change, of whom alone the kernel takes them.
fn set_capabilities(user: Option<&User>, dropped: CapabilitySet, keep: CapabilitySet) -> Result<(), PrivilegeError> {
    let becomes_other = user.is_some_and(|user| user.uid != 0);
    if !becomes_other && dropped.is_empty() && keep.is_empty() {
        return Ok(());
    }
    let failed = |errno, what, help| PrivilegeError {
        step: Step::Capabilities,
        errno,
        what,
        help,
    };
    if cfg!(not(target_os = "linux")) {
        if dropped.is_empty() && keep.is_empty() {
            return Ok(());
        }
        return Err(failed(
            libc::ENOSYS,
            "capabilities are Linux's".to_owned(),
            "leave --drop-caps and --keep-caps out here",
        ));
    }
    let now = own_sets(Step::Capabilities)?;
    if let Some(missing) = keep.numbers().find(|number| now.permitted >> number & 1 == 0) {
        let help = if sys::in_bounding_set(missing).is_ok() {
            "this container does not have it: give it with `--cap-add`, or `capabilities.add` in the pod"
        } else {
            "this kernel does not know it"
        };
        return Err(failed(
            0,
            format!("cannot keep {}: it is not there to keep", Name(missing)),
            help,
        ));
    }
    let permitted = if becomes_other {
        keep.bits()
    } else {
        now.permitted & !dropped.bits()
    };
    let effective = if becomes_other {
        permitted
    } else {
        now.effective & !dropped.bits() | keep.bits()
    };
    let inheritable = now.inheritable & !dropped.bits() | keep.bits();
    let sets = CapabilitySets {
        effective,
        permitted,
        inheritable,
    };
    if sets == now {
        return Ok(());
    }
    sys::set_capabilities(&sets).map_err(|errno| failed(errno, "cannot set the capabilities".to_owned(), ""))
}

fn parent_death(privileges: &Privileges) -> Result<(), PrivilegeError> {
    let Some((signal, parent)) = privileges.parent_death else {
        return Ok(());
    };
    watch_parent(signal, parent).map_err(|errno| PrivilegeError {
        step: Step::ParentDeathSignal,
        errno,
        what: format!("cannot ask for {signal} when the parent dies"),
        help: "",
    })
}

/// Asks for a signal when the parent dies, and sends it where that has happened already.
pub(crate) fn watch_parent(signal: Signal, parent: i32) -> Result<(), Errno> {
    sys::set_parent_death_signal(signal.number())?;
    if sys::parent_pid() == parent {
        Ok(())
    } else {
        sys::kill(sys::pid(), signal.number())
    }
}

/// The capabilities of this process.
fn own_sets(step: Step) -> Result<CapabilitySets, PrivilegeError> {
    sys::capabilities().map_err(|errno| PrivilegeError {
        step,
        errno,
        what: "cannot read the capabilities".to_owned(),
        help: "a seccomp profile that denies capget, most likely: allow it",
    })
}

/// Looks whether everything was done: what stands between this process and the kernel can answer in the kernel's place.
fn verify(privileges: &Privileges, user: Option<&User>) -> Result<(), PrivilegeError> {
    if let Some(user) = user {
        verify_user(user, privileges.keep)?;
    }
    let dropped = privileges.drop.without(privileges.keep);
    let becomes_other = user.is_some_and(|user| user.uid != 0);
    if cfg!(target_os = "linux") && (becomes_other || !dropped.is_empty() || !privileges.keep.is_empty()) {
        verify_capabilities(dropped, privileges.keep, becomes_other)?;
    }
    if privileges.no_new_privileges && sys::no_new_privileges() != Ok(true) {
        return Err(unverified("no_new_privs is not set after it was set", 0));
    }
    Ok(())
}

fn unverified(what: &str, errno: Errno) -> PrivilegeError {
    PrivilegeError {
        step: Step::Verify,
        errno,
        what: what.to_owned(),
        help: "",
    }
}

fn verify_capabilities(dropped: CapabilitySet, keep: CapabilitySet, becomes_other: bool) -> Result<(), PrivilegeError> {
    let now = own_sets(Step::Verify)?;
    let gone = if becomes_other { !keep.bits() } else { dropped.bits() };
    if (now.permitted | now.effective) & gone != 0 || now.inheritable & dropped.bits() != 0 {
        return Err(unverified("the kernel did not take away every capability", 0));
    }
    for number in keep.numbers() {
        match sys::is_ambient(number) {
            Ok(true) => {}
            Ok(false) => return Err(unverified(&format!("the kernel did not keep {}", Name(number)), 0)),
            Err(errno) => {
                return Err(unverified(
                    &format!("cannot see whether {} is kept", Name(number)),
                    errno,
                ));
            }
        }
    }
    Ok(())
}

fn verify_user(user: &User, keep: CapabilitySet) -> Result<(), PrivilegeError> {
    if sys::user_ids() != [user.uid; 3] || sys::group_ids() != [user.gid; 3] {
        return Err(unverified("the kernel did not set every user and group id", 0));
    }
    let mut groups = sys::groups().map_err(|errno| unverified("cannot read the groups", errno))?;
    groups.sort_unstable();
    groups.dedup();
    if cfg!(target_os = "linux") && groups != user.groups {
        return Err(unverified("the kernel did not set exactly these groups", 0));
    }
    // EINVAL: this user namespace has no such id. Any other answer than these two does not say that it cannot be done.
    let refused = |answer: Result<(), Errno>| matches!(answer, Err(libc::EPERM | libc::EINVAL));
    let may_return = |number| keep.has(number);
    if user.uid != 0 && !may_return(Capability::Setuid.number()) && !refused(sys::set_user(0)) {
        return Err(unverified(
            "the change of user could be undone: root may be one call away",
            0,
        ));
    }
    if user.uid != 0 && user.gid != 0 && !may_return(Capability::Setgid.number()) && !refused(sys::set_group(0)) {
        return Err(unverified(
            "the change of group could be undone: group 0 may be one call away",
            0,
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(step: Step) -> usize {
        ORDER
            .iter()
            .position(|other| *other == step)
            .expect("every step is in the order")
    }

    #[test]
    fn each_step_comes_before_what_would_forbid_or_undo_it() {
        for (earlier, later) in [
            (Step::BoundingSet, Step::User),
            (Step::Groups, Step::User),
            (Step::Group, Step::User),
            (Step::Groups, Step::Group),
            (Step::KeepCapabilities, Step::User),
            (Step::User, Step::Capabilities),
            (Step::Capabilities, Step::AmbientSet),
            (Step::User, Step::ParentDeathSignal),
            (Step::NoNewPrivileges, Step::Verify),
        ] {
            assert!(place(earlier) < place(later), "{earlier:?} before {later:?}");
        }
    }

    #[test]
    fn nothing_asked_is_nothing_done() {
        assert_eq!(apply(&Privileges::default()), Ok(()));
    }
}
