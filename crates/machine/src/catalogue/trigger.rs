//! Keys that hold no value: writing them does something once, and there is nothing to read afterwards.

/// Each, and what it does.
const TRIGGERS: &[(&str, &str)] = &[
    // ipv4_sysctl_rtcache_flush(), ipv6_sysctl_rtcache_flush(): both are of mode 0200.
    ("net.ipv4.route.flush", "forgets the routes that were looked up"),
    ("net.ipv6.route.flush", "forgets the routes that were looked up"),
    // sysctl_compaction_handler(), of mode 0200.
    ("vm.compact_memory", "compacts memory"),
    // drop_caches_sysctl_handler(), of mode 0200 since 4.12.
    ("vm.drop_caches", "empties the caches"),
];

/// What a write to a key does, where the key is no setting but an action.
#[must_use]
pub fn trigger(name: &str) -> Option<&'static str> {
    TRIGGERS.iter().find(|(known, _)| *known == name).map(|(_, does)| *does)
}

#[cfg(test)]
#[test]
fn no_fix_writes_an_action() {
    use super::{Write, lookup};
    use crate::system::Os;
    for (name, _) in TRIGGERS {
        assert_eq!(
            lookup(Os::Linux, name).map(|key| key.write),
            Some(Write::Never),
            "{name}"
        );
    }
}
