use super::*;

#[test]
fn tables_are_sorted_so_that_they_can_be_searched() {
    for table in TABLES {
        for pair in table.windows(2) {
            assert!(
                pair[0].name < pair[1].name,
                "{} stands before {}",
                pair[0].name,
                pair[1].name
            );
            assert_eq!(pair[0].os, pair[1].os);
        }
    }
}

#[test]
fn every_key_is_described_with_its_source() {
    for key in TABLES.iter().flat_map(|table| table.iter()) {
        assert!(
            key.summary.ends_with('.') && key.summary.len() < 240,
            "{}: {}",
            key.name,
            key.summary
        );
        assert!(key.source.starts_with("https://"), "{}", key.name);
    }
}

#[test]
fn an_exact_name_goes_before_a_pattern() {
    let name = |name| lookup(Os::Linux, name).map(|key| key.name);
    assert_eq!(
        name("net.ipv4.conf.eth0/100.rp_filter"),
        Some("net.ipv4.conf.*.rp_filter")
    );
    assert_eq!(
        name("net.ipv4.neigh.default.gc_thresh3"),
        Some("net.ipv4.neigh.default.gc_thresh3")
    );
    assert_eq!(name("net.core.somaxconn"), Some("net.core.somaxconn"));
    assert_eq!(name("kern.maxfiles"), None);
    assert_eq!(
        lookup(Os::Macos, "kern.maxfiles").map(|key| key.name),
        Some("kern.maxfiles")
    );
    assert_eq!(name("net.ipv4.conf.rp_filter"), None);
}

#[test]
fn patterns_have_the_segments_that_lookup_counts_on() {
    for key in TABLES
        .iter()
        .flat_map(|table| table.iter())
        .filter(|key| key.name.contains('*'))
    {
        assert!(key.name.split('.').count() >= 5, "{}", key.name);
    }
}

#[test]
fn a_typo_finds_its_key() {
    assert_eq!(nearest(Os::Linux, "net.core.somaxcon"), Some("net.core.somaxconn"));
    assert_eq!(nearest(Os::Linux, "core.somaxconn"), Some("net.core.somaxconn"));
    assert_eq!(nearest(Os::Linux, "this.is.nothing.like.it"), None);
}

#[test]
fn side_effects_name_keys_that_are_known() {
    for written in [
        "vm.dirty_bytes",
        "net.ipv4.ip_forward",
        "/sys/kernel/mm/transparent_hugepage/enabled",
    ] {
        let effect = side_effects(written).expect(written);
        for changed in effect.changes {
            let name = changed.replace('*', "lo");
            assert!(lookup(Os::Linux, &name).is_some(), "{changed}");
        }
    }
}

/// What the running kernel has agrees with what is written here: types parse, and read-only keys are.
#[test]
#[cfg(target_os = "linux")]
fn the_running_kernel_agrees() {
    use crate::system::{System, live::LiveSystem};
    let system = LiveSystem::new();
    let mut found = 0;
    for key in keys(Os::Linux).filter(|key| !key.name.contains('*')) {
        let Ok(text) = system.sysctl(key.name) else { continue };
        found += 1;
        if let Err(error) = key.value.parse(&text) {
            panic!("{}: {error}", key.name);
        }
        let path = format!("/proc/sys/{}", key.name.replace('.', "/"));
        let writable = system.stat(&path).is_ok_and(|stat| stat.mode & 0o222 != 0);
        // The other way round the hardware may decide (kernel.nmi_watchdog without a counter to watch with).
        assert!(
            !(writable && key.write == Write::ReadOnly),
            "{} can be written",
            key.name
        );
    }
    assert!(found > 100, "only {found} keys of the catalogue are on this machine");
}
