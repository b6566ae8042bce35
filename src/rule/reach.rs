//! Where a change to the whole host can be made.

use super::{Context, Reach};
use crate::host::Capability;
use crate::system::Os;

/// The reach of a change that only root of the host may make, to a file that may be read-only here.
pub(super) fn of_host_file(path: &str, cx: &Context<'_>) -> (Reach, String) {
    if cx.host.engine().is_some() {
        return (
            Reach::Host,
            "it is the host's, and a container should not change it".to_owned(),
        );
    }
    if cx.system.stat(path).is_ok_and(|stat| stat.mode & 0o222 == 0) {
        return (
            Reach::Boot,
            "the kernel does not let it be changed while it runs".to_owned(),
        );
    }
    if cx.host.mount_of(path).is_some_and(crate::host::Mount::read_only) {
        return (Reach::Privileged, "its file system is mounted read-only".to_owned());
    }
    of_root(cx)
}

/// The reach of a change to the whole host that no file stands for.
pub(super) fn of_host(cx: &Context<'_>) -> (Reach, String) {
    match cx.host.engine() {
        Some(_) => (
            Reach::Host,
            "it is the host's, and a container should not change it".to_owned(),
        ),
        None => of_root(cx),
    }
}

/// The reach of what a person does to the host itself: from a container it is out of reach.
pub(super) fn outside(otherwise: Reach, cx: &Context<'_>) -> Reach {
    match cx.host.engine() {
        Some(_) => Reach::Host,
        None => otherwise,
    }
}

/// The reach of a change that root may make here.
pub(super) fn of_root(cx: &Context<'_>) -> (Reach, String) {
    match cx.system.identity().uid {
        0 => (Reach::Here, "running as root".to_owned()),
        _ => (Reach::Privileged, "needs root".to_owned()),
    }
}

/// The reach of commands for root of the host, which are never run from here: for a person they are the same, whoever checks.
pub(super) fn of_commands(cx: &Context<'_>) -> Reach {
    match cx.host.engine() {
        Some(_) => Reach::Host,
        None => Reach::Privileged,
    }
}

/// The same for a unit: a container that systemd starts in has units of its own.
pub(super) fn of_unit(cx: &Context<'_>) -> Reach {
    match cx.host.has_next_boot() {
        true => Reach::Privileged,
        false => Reach::Host,
    }
}

/// Whether this process may raise hard limits. A user namespace's own capabilities do not count.
pub(super) fn may_raise_limits(cx: &Context<'_>) -> bool {
    cx.host.capable(Capability::SysResource)
        && (cx.system.platform().os != Os::Linux || cx.host.user_namespace_is_initial())
}
