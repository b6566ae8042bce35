//! What it means that a key is not there.

use super::super::{Context, Reading};
use super::known::namespace;
use crate::catalogue::{self, Key, Namespace};
use crate::system::Os;

/// The name that was meant where an interface's own name has dots, as those of VLANs do: sysctl.d(5) writes them as slashes.
pub(super) fn with_slash(name: &str, cx: &Context<'_>) -> Option<String> {
    let segments: Vec<&str> = name.split('.').collect();
    let [net @ "net", family, of @ ("conf" | "neigh"), interface @ .., key] = segments.as_slice() else {
        return None;
    };
    let meant = format!("{net}.{family}.{of}.{}.{key}", interface.join("/"));
    let is_known = || catalogue::lookup(cx.system.platform().os, &meant).is_some() || cx.system.sysctl(&meant).is_ok();
    (interface.len() > 1 && is_known()).then_some(meant)
}

/// What it means that a key is not there.
pub fn absent(name: &str, key: Option<&Key>, known: Option<bool>, cx: &Context<'_>) -> Reading {
    let platform = cx.system.platform();
    let Some(key) = key else {
        if known == Some(true) {
            return Reading::Absent(format!("{name} is not on this machine"));
        }
        if let Some(meant) = catalogue::meant(platform.os, name) {
            return Reading::NoSuch(format!("there is no key {name}; did you mean `{meant}`?"));
        }
        if let Some(meant) = with_slash(name, cx) {
            return Reading::Unreadable(format!(
                "{name} is not on this machine; a dot in an interface's name is written as a slash: `{meant}`"
            ));
        }
        let elsewhere = [Os::Linux, Os::Macos, Os::Freebsd]
            .into_iter()
            .find(|os| catalogue::lookup(*os, name).is_some());
        if let Some(os) = elsewhere {
            return Reading::Unreadable(format!(
                "{name} is a key of {}, and this is {}",
                os.title(),
                platform.os.title()
            ));
        }
        let nearest = catalogue::nearest(platform.os, name);
        let hint = nearest.map_or_else(
            || "; if the name is right, say `known = true`".to_owned(),
            |nearest| format!("; did you mean `{nearest}`?"),
        );
        return Reading::Unreadable(format!(
            "{name} is not on this machine, and no key of this name is known{hint}"
        ));
    };
    match platform.kernel().map(|kernel| kernel.major_minor()) {
        Some(version) => {
            if let Some((major, minor)) = key.until.filter(|until| version >= *until) {
                return Reading::Absent(format!("{name} was removed in kernel {major}.{minor}"));
            }
            if let Some((major, minor)) = key.since.filter(|since| version < *since) {
                return Reading::Absent(format!("{name} came with kernel {major}.{minor}"));
            }
        }
        None if key.since.or(key.until).is_some() => {
            return Reading::Unreadable(format!("{name} is not here, and nothing tells which kernel this is"));
        }
        None => {}
    }
    let own_network = || cx.host.network_is_hosts() == Some(false);
    let hidden = match namespace(key, cx) {
        Namespace::NetInitial => own_network(),
        // Keys of `net` that a namespace of its own owner does not show to it.
        Namespace::Net => own_network() && !cx.host.user_namespace_is_initial() && name.starts_with("net.core."),
        _ => false,
    };
    if hidden {
        return Reading::Unreadable(format!("{name} is hidden in this network namespace; the host has it"));
    }
    match key.needs {
        Some(needs) => Reading::Absent(format!("{name} is not on this machine: it needs {needs}")),
        None => Reading::Absent(format!("this kernel has no {name}")),
    }
}
