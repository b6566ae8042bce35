//! Keys that are there only once a module of the kernel is loaded, where the kernel has it as a module at all.
//!
//! What programs load while the machine runs (a firewall's rules, a bridge, a container's network) comes after the files of sysctl.d
//! were read, and a line for such a key then had nothing to write to.
//!
//! Not here are keys whose value names a module: the kernel loads it when the value is written by somebody who may
//! (`net.ipv4.tcp_congestion_control`: `tcp_ca_find_autoload` in net/ipv4/tcp_cong.c; `net.core.default_qdisc`: `qdisc_set_default` in
//! net/sched/sch_api.c).

/// A module, and the keys that it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module {
    /// Its name, with underscores.
    pub name: &'static str,
    /// How the dotted names of its keys begin, or a whole name.
    keys: &'static [&'static str],
    /// Whether systemd loads it before anything else.
    pub loaded_by_systemd: bool,
    /// Where that is written.
    pub source: &'static str,
}

const fn module(name: &'static str, keys: &'static [&'static str], source: &'static str) -> Module {
    Module {
        name,
        keys,
        loaded_by_systemd: false,
        source,
    }
}

static MODULES: &[Module] = &[
    module(
        "br_netfilter",
        &["net.bridge."],
        "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/bridge/br_netfilter_hooks.c",
    ),
    module(
        "nf_conntrack",
        &[
            "net.netfilter.nf_conntrack_",
            "net.netfilter.nf_flowtable_",
            "net.nf_conntrack_max",
        ],
        "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/netfilter/nf_conntrack_standalone.c",
    ),
    module(
        "ip_vs",
        &["net.ipv4.vs."],
        "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/netfilter/ipvs/ip_vs_ctl.c",
    ),
    module(
        "sctp",
        &["net.sctp."],
        "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/sctp/sysctl.c",
    ),
    module(
        "sunrpc",
        &["sunrpc."],
        "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/net/sunrpc/sysctl.c",
    ),
    Module {
        loaded_by_systemd: true,
        ..module(
            "ipv6",
            &["net.ipv6."],
            "https://github.com/systemd/systemd/blob/main/src/core/kmod-setup.c",
        )
    },
];

/// The module without which a key is not there, by its canonical dotted name.
#[must_use]
pub fn module_of(key: &str) -> Option<&'static Module> {
    MODULES
        .iter()
        .find(|module| module.keys.iter().any(|begins| key.starts_with(begins)))
}

#[cfg(test)]
mod tests {
    use super::super::{Os, keys};
    use super::*;

    /// What a person is told that a key needs, and what is loaded for it, are one thing.
    #[test]
    fn a_key_that_names_a_module_as_its_need_has_it_here() {
        for key in keys(Os::Linux) {
            let named = key
                .needs
                .and_then(|needs| needs.strip_prefix("the ")?.strip_suffix(" module"));
            let named = named.filter(|name| !name.contains(' '));
            let known = module_of(key.name).filter(|module| !module.loaded_by_systemd);
            assert_eq!(named, known.map(|module| module.name), "{}", key.name);
        }
        assert_eq!(module_of("net.netfilter.nf_log.0"), None);
        assert_eq!(module_of("net.core.somaxconn"), None);
    }
}
