use super::*;
use crate::value::Value;

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

/// What a kernel has registered anywhere is never taken for a slip, whatever directory it stands in.
#[test]
fn no_real_key_is_near_another_one() {
    let real: Vec<&str> = include_str!("names/linux.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert!(real.len() > 1_000, "{}", real.len());
    let mut known: Vec<&str> = keys(Os::Linux).filter_map(|key| key.name.rsplit('.').next()).collect();
    known.sort_unstable();
    known.dedup();
    let others = real.iter().filter(|name| !known.contains(*name));
    let near: Vec<(&str, &str)> = others
        .flat_map(|name| known.iter().map(move |key| (*name, *key)))
        .filter(|(name, key)| name.len().abs_diff(key.len()) < 2 && crate::suggest::is_a_slip(name, key))
        .collect();
    assert!(near.is_empty(), "{near:#?}: these belong into the catalogue");
    for key in keys(Os::Linux) {
        assert_eq!(meant(Os::Linux, key.name), None, "{}", key.name);
    }
    assert_eq!(
        meant(Os::Linux, "net.core.somaxcon").as_deref(),
        Some("net.core.somaxconn")
    );
    assert_eq!(
        meant(Os::Linux, "net.ipv4.neigh.eth0/1.gc_stale_tme").as_deref(),
        Some("net.ipv4.neigh.eth0/1.gc_stale_time")
    );
    assert_eq!(meant(Os::Linux, "net.ipv4.neigh.default.gc_thresh4"), None);
    assert_eq!(meant(Os::Macos, "kern.maxfile").as_deref(), Some("kern.maxfiles"));
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

#[test]
fn what_a_new_namespace_has_is_known_by_key_and_never_less_in_a_newer_kernel() {
    let mut before = "";
    for row in fresh_keys() {
        assert!(before < row.key, "{} stands before {before}", row.key);
        before = row.key;
        let key = lookup(Os::Linux, row.key).unwrap_or_else(|| panic!("{} is not in the catalogue", row.key));
        assert!(matches!(key.namespace, Namespace::Net | Namespace::Ipc), "{}", row.key);
        assert!(
            row.source.starts_with("https://") && !row.steps.is_empty(),
            "{}",
            row.key
        );
        let value = |step: &Step| {
            let text = step.value.text(None);
            key.value
                .parse(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", row.key))
        };
        for pair in row.steps.windows(2) {
            assert!(pair[0].since < pair[1].since, "{}", row.key);
            // Without a named kernel a file leaves out what the newest has by itself: no older one may have more.
            if let (Some(_), Value::Number(old), Value::Number(new)) =
                (bound(row.key), value(&pair[0]), value(&pair[1]))
            {
                assert!(old <= new, "{}", row.key);
            }
        }
    }
    // What a larger number of is better must not be lowered by a file.
    for key in bounds().filter(|key| matches!(key.namespace, Namespace::Net | Namespace::Ipc)) {
        assert!(
            fresh(key.name).is_some(),
            "what a new namespace has of {} is not known",
            key.name
        );
    }
}

#[test]
fn what_is_computed_from_memory_grows_with_it() {
    let row = fresh("net.ipv4.tcp_max_syn_backlog").expect("a row");
    let on = |kernel, gib: u64| row.on(Some(kernel), Some(gib << 30)).expect("a value");
    assert_eq!(on((4, 19), 1), "128");
    assert_eq!(on((4, 19), 16), "512");
    assert_eq!(on((6, 1), 16), "1024");
    assert_eq!(on((6, 1), 1024), "4096");
    assert_eq!(row.on(None, None).as_deref(), Some("4096"));
    assert_eq!(row.on(Some((3, 10)), None), None);
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
