//! Settings of network interfaces: what the kernel goes by, which is not always what the key's own file says.

use super::super::{Context, glob};
use crate::catalogue::{All, DevConf, devconf};
use crate::system::SysctlName;

/// Said of a key that is judged by its own file alone.
pub(super) const BY_ITS_FILE: &str = "judged by what its own file holds, as a line of a file sets it";

/// The setting of one interface, where the kernel puts it together with that of `all`.
pub(super) fn combined(name: &str) -> Option<DevConf<'_>> {
    let conf = devconf(name).filter(DevConf::is_own)?;
    match conf.all {
        All::Larger | All::Smaller | All::SmallerWhereForwarding => Some(conf),
        All::WrittenThrough | All::NotRead => None,
    }
}

/// The setting of `all`, where it is the interfaces' own that count.
pub(super) fn of_interfaces(name: &str) -> Option<DevConf<'_>> {
    let conf = devconf(name).filter(|conf| conf.interface == "all")?;
    let written_through = conf.all == All::WrittenThrough && conf.directory == "net.ipv6.conf.";
    (written_through || conf.all == All::NotRead).then_some(conf)
}

fn number(key: &str, cx: &Context<'_>) -> Option<i128> {
    cx.system.sysctl(key).ok()?.trim().parse().ok()
}

fn forwards(conf: &DevConf<'_>, cx: &Context<'_>) -> bool {
    let key = format!("{}{}.forwarding", conf.directory, conf.interface);
    number(&key, cx).is_some_and(|value| value != 0)
}

/// What the kernel goes by, of an interface's own number and that of `all`.
pub(super) fn effective(conf: &DevConf<'_>, own: i128, all: i128, cx: &Context<'_>) -> i128 {
    conf.all.effective(own, all, forwards(conf, cx))
}

/// What the kernel goes by, and how that comes about, where it is not what the interface's own file says.
pub(super) fn here(name: &str, own: i128, cx: &Context<'_>) -> Option<(i128, String)> {
    let conf = combined(name)?;
    let all = number(&conf.of("all"), cx)?;
    let counts = effective(&conf, own, all, cx);
    let which = if counts > own { "larger" } else { "smaller" };
    let said = format!("{own} on the interface, {all} on all; the kernel uses the {which}");
    (counts != own).then_some((counts, said))
}

/// The keys of the interfaces whose value is not that of `all`, by path.
pub(super) fn apart(conf: &DevConf<'_>, cx: &Context<'_>) -> Vec<SysctlName> {
    let Some(all) = number(&conf.of("all"), cx) else {
        return Vec::new();
    };
    let names = others(conf, cx).into_iter();
    let apart = names.filter(|(_, value)| *value != all).map(|(name, _)| name);
    apart.collect()
}

/// The same setting of every other interface and of `default`, with what it is.
fn others(conf: &DevConf<'_>, cx: &Context<'_>) -> Vec<(SysctlName, i128)> {
    let Ok(pattern) = SysctlName::parse(&conf.of("*")) else {
        return Vec::new();
    };
    let paths = glob::expand("/proc/sys", pattern.path(), cx).unwrap_or_default();
    let names = paths.iter().filter_map(|path| SysctlName::parse(path).ok());
    let others = names.filter(|name| {
        let known = devconf(name.dotted());
        known.is_some_and(|known| known.interface != "all" && known.interface != conf.interface)
    });
    others
        .filter_map(|name| number(name.dotted(), cx).map(|value| (name, value)))
        .collect()
}

/// A key, what it is and what it is to be.
pub(super) type Step = (String, i128, i128);

/// What must be written for an interface to have a value, where its own file is not enough: `all` gives way, and every other
/// interface gets for its own what it had from `all`. These come first, so that none is without it for a moment.
pub(super) fn steps(name: &str, wanted: i128, cx: &Context<'_>) -> Option<(Vec<Step>, String)> {
    let conf = combined(name)?;
    let (own, key) = (number(name, cx)?, conf.of("all"));
    let all = number(&key, cx)?;
    if effective(&conf, wanted, all, cx) == wanted {
        return None;
    }
    let mut steps: Vec<Step> = Vec::new();
    // Writing `default` would set every interface that nobody has set, this one too.
    for (other, value) in others(&conf, cx) {
        let other_conf = devconf(other.dotted())?;
        if !other_conf.is_own() {
            continue;
        }
        let had = effective(&other_conf, value, all, cx);
        if effective(&other_conf, value, wanted, cx) != had {
            steps.push((other.dotted().to_owned(), value, had));
        }
    }
    if own != wanted {
        steps.push((name.to_owned(), own, wanted));
    }
    steps.push((key, all, wanted));
    let which = if all > wanted { "larger" } else { "smaller" };
    let why = format!(
        "the kernel uses the {which} of this and of conf.all, which must give way; other interfaces keep what they had \
         from it, and one that is made later has conf.default's"
    );
    Some((steps, why))
}

/// What an interface begins with where no file sets `default` either: `ipv4_devconf_dflt` and `ipv6_devconf_dflt` of the same files.
pub(super) fn default_at_start(conf: &DevConf<'_>) -> i128 {
    let is_routed = conf.directory == "net.ipv4.conf." && conf.leaf == "accept_source_route";
    if is_routed { 1 } else { all_at_start(conf) }
}

/// What `all` is when the kernel has started and no file sets it: `ipv4_devconf` of net/ipv4/devinet.c, `ipv6_devconf` of
/// net/ipv6/addrconf.c.
pub(super) fn all_at_start(conf: &DevConf<'_>) -> i128 {
    let on = ["accept_redirects", "secure_redirects", "send_redirects", "shared_media"];
    i128::from(conf.directory == "net.ipv4.conf." && on.contains(&conf.leaf))
}
