//! What a write changes besides its own key.

/// A write that changes other keys too.
#[derive(Debug, Clone, Copy)]
pub struct SideEffect {
    /// The sysctl, or the attribute under `/sys`, that is written.
    pub written: &'static str,
    /// What changes with it; a `*` stands for one segment.
    pub changes: &'static [&'static str],
    /// How.
    pub how: &'static str,
}

static EFFECTS: &[SideEffect] = &[
    effect(
        "vm.dirty_bytes",
        &["vm.dirty_ratio"],
        "the ratio becomes 0: the two are one setting in two units",
    ),
    effect(
        "vm.dirty_ratio",
        &["vm.dirty_bytes"],
        "the bytes become 0: the two are one setting in two units",
    ),
    effect(
        "vm.dirty_background_bytes",
        &["vm.dirty_background_ratio"],
        "the ratio becomes 0: the two are one setting in two units",
    ),
    effect(
        "vm.dirty_background_ratio",
        &["vm.dirty_background_bytes"],
        "the bytes become 0: the two are one setting in two units",
    ),
    effect(
        "vm.overcommit_kbytes",
        &["vm.overcommit_ratio"],
        "the ratio becomes 0: the two are one setting in two units",
    ),
    effect(
        "vm.overcommit_ratio",
        &["vm.overcommit_kbytes"],
        "the kilobytes become 0: the two are one setting in two units",
    ),
    effect(
        "net.ipv4.ip_forward",
        &["net.ipv4.conf.*.forwarding", "net.ipv4.conf.all.accept_redirects"],
        "every interface follows, and a router accepts no redirects",
    ),
    effect(
        "net.ipv4.conf.all.forwarding",
        &[
            "net.ipv4.ip_forward",
            "net.ipv4.conf.*.forwarding",
            "net.ipv4.conf.all.accept_redirects",
        ],
        "every interface follows, and a router accepts no redirects",
    ),
    effect(
        "net.ipv6.conf.all.forwarding",
        &["net.ipv6.conf.*.forwarding"],
        "every interface follows",
    ),
    effect(
        "net.ipv6.conf.all.disable_ipv6",
        &["net.ipv6.conf.*.disable_ipv6"],
        "every interface follows",
    ),
    effect(
        "/sys/kernel/mm/transparent_hugepage/enabled",
        &["vm.min_free_kbytes"],
        "the kernel computes it again",
    ),
];

const fn effect(written: &'static str, changes: &'static [&'static str], how: &'static str) -> SideEffect {
    SideEffect { written, changes, how }
}

/// What a write of a sysctl or an attribute changes besides itself.
#[must_use]
pub fn side_effects(written: &str) -> Option<&'static SideEffect> {
    EFFECTS.iter().find(|effect| effect.written == written)
}
