//! Where a key is written: whose value it is, and what that takes.

use super::super::{Context, Reach, Scope};
use super::known::owner;
use crate::catalogue::{Key, Namespace, Write};
use crate::host::{Capability, Runtime};
use crate::system::{Os, SysctlName};

pub(super) fn scope(name: &str, key: Option<&Key>, cx: &Context<'_>) -> Scope {
    match owner(name, key, cx) {
        Namespace::Net => Scope::NetworkNamespace,
        Namespace::Ipc => Scope::IpcNamespace,
        Namespace::User | Namespace::Uts | Namespace::Pid => Scope::OtherNamespace,
        _ => Scope::Host,
    }
}

/// Where a write would have to be made, from evidence, and why there.
pub fn reach(name: &str, key: Option<&Key>, cx: &Context<'_>) -> (Reach, String) {
    match key.map(|key| key.write) {
        Some(Write::Never) => {
            return (
                Reach::Manual,
                "runup never writes this key: it names a program or does damage".to_owned(),
            );
        }
        Some(Write::ReadOnly) => return (Reach::Manual, "the kernel only reports it".to_owned()),
        _ => {}
    }
    if cx.system.platform().os != Os::Linux {
        return match cx.system.identity().uid {
            0 => (Reach::Here, "running as root".to_owned()),
            _ => (Reach::Privileged, "needs root".to_owned()),
        };
    }
    let owner = owner(name, key, cx);
    let contained = cx.host.engine().is_some();
    let hosts = match owner {
        Namespace::Host | Namespace::NetInitial => true,
        Namespace::Net => cx.host.network_is_hosts() == Some(true),
        Namespace::Ipc | Namespace::User | Namespace::Uts | Namespace::Pid => false,
    };
    let path = format!(
        "/proc/sys/{}",
        SysctlName::parse(name)
            .map(|name| name.path().to_owned())
            .unwrap_or_default()
    );
    let read_only = cx.host.mount_of(&path).is_some_and(crate::host::Mount::read_only);
    let unwritable = cx.system.stat(&path).is_ok_and(|stat| stat.mode & 0o222 == 0);
    if contained && hosts {
        // A privileged container could write it; that would change the host.
        let why = if read_only {
            "it is the host's, and /proc/sys is read-only here"
        } else {
            "it is the host's value"
        };
        return (Reach::Host, why.to_owned());
    }
    if unwritable && !contained && cx.host.network_is_hosts() != Some(false) {
        return (Reach::Manual, "the kernel does not let it be set".to_owned());
    }
    if unwritable {
        return (Reach::Host, "this namespace shows it and cannot change it".to_owned());
    }
    if read_only {
        return match contained {
            true => (Reach::Runtime, "/proc/sys is read-only in this container".to_owned()),
            false => (Reach::Privileged, "/proc/sys is mounted read-only".to_owned()),
        };
    }
    let root = cx.system.identity().uid == 0;
    let needed = match owner {
        Namespace::Net => Capability::NetAdmin,
        _ => Capability::SysAdmin,
    };
    // Files below /proc/sys belong to root; `net` also lets whoever holds NET_ADMIN in the namespace's user namespace.
    let may = root || (owner == Namespace::Net && cx.host.capable(Capability::NetAdmin));
    match (may, contained) {
        (true, _) => (Reach::Here, "running as root".to_owned()),
        // It has logins, and root is one of them.
        (false, true) if cx.host.runtime().is_some_and(Runtime::makes_machines) => (
            Reach::Privileged,
            format!("needs root or {} in this container", needed.name()),
        ),
        (false, true) => (
            Reach::Runtime,
            format!("needs root or {} in this container", needed.name()),
        ),
        (false, false) => (Reach::Privileged, "needs root".to_owned()),
    }
}
