//! Programs of hosts in memory.

use super::*;
use crate::system::ProcessTime;
use crate::system::memory::MemorySystem;

const MAX: &str = "net.netfilter.nf_conntrack_max";
const PANIC: &str = "kernel.panic";

/// A host with four processors on which a program runs as process 7 with a command line.
fn host(name: &str, line: &str) -> MemorySystem {
    let process = ProcessTime {
        pid: 7,
        name: name.to_owned(),
        ticks: 0,
        running: false,
    };
    MemorySystem::linux("6.1")
        .processes(vec![vec![process]])
        .file("/sys/devices/system/cpu/online", "0-3\n")
        .file("/proc/7/cmdline", &line.replace(' ', "\0"))
}

/// The value that the first program sets and its words.
fn said(system: &MemorySystem, key: &str) -> Option<(Option<String>, String)> {
    let found = of(&Host::new(system), key).into_iter().next()?;
    Some((found.value, found.words))
}

fn value(system: &MemorySystem, key: &str) -> Option<String> {
    said(system, key)?.0
}

#[test]
fn kube_proxys_table_follows_from_its_options() {
    let proxy = |line: &str| host("kube-proxy", &format!("/usr/local/bin/kube-proxy {line}"));
    let (found, words) = said(&proxy("--v=2"), MAX).unwrap();
    assert_eq!(found.as_deref(), Some("131072"));
    assert_eq!(
        words,
        "kube-proxy runs here and sets this key to 131072 when it starts (32768 per processor, at least 131072)"
    );
    assert_eq!(
        value(&proxy("--conntrack-max-per-core=100000"), MAX).as_deref(),
        Some("400000")
    );
    assert_eq!(
        value(&proxy("--conntrack-max-per-core 100000"), MAX).as_deref(),
        Some("400000")
    );
    assert_eq!(
        said(&proxy("--conntrack-max-per-core=0"), MAX),
        None,
        "then it leaves the key alone"
    );
    let established = "net.netfilter.nf_conntrack_tcp_timeout_established";
    assert_eq!(value(&proxy(""), established).as_deref(), Some("86400"));
    let shorter = proxy("--conntrack-tcp-timeout-established=1h30m0s");
    assert_eq!(value(&shorter, established).as_deref(), Some("5400"));
    assert_eq!(
        said(&proxy("--conntrack-tcp-timeout-established=0s"), established),
        None
    );
}

#[test]
fn a_file_of_its_configuration_counts_alone() {
    let proxy = host(
        "kube-proxy",
        "kube-proxy --config=/etc/c.yaml --conntrack-max-per-core=1000000",
    );
    let with = |text: &str| host("kube-proxy", "kube-proxy --config=/etc/c.yaml").file("/proc/7/root/etc/c.yaml", text);
    let null = "conntrack:\n  maxPerCore: null\n  min: 500000 # entries\n";
    assert_eq!(value(&with(null), MAX).as_deref(), Some("500000"));
    assert_eq!(said(&with("conntrack:\n  maxPerCore: 0\n"), MAX), None);
    assert_eq!(
        value(&with("{\"conntrack\":{\"maxPerCore\":200000}}"), MAX).as_deref(),
        Some("800000")
    );
    // One that cannot be read leaves the value open, and says so.
    let (found, words) = said(&proxy, MAX).unwrap();
    assert_eq!(found, None);
    assert!(
        words.contains("unless its configuration says otherwise (/etc/c.yaml"),
        "{words}"
    );
}

#[test]
fn what_is_told_to_leave_a_key_alone_is_not_named() {
    let kubelet = |line: &str| host("kubelet", &format!("/usr/bin/kubelet {line}"));
    assert_eq!(
        said(&kubelet(""), PANIC),
        Some((
            Some("10".to_owned()),
            "kubelet runs here and sets this key to 10 when it starts".to_owned()
        ))
    );
    assert_eq!(said(&kubelet("--protect-kernel-defaults=true"), PANIC), None);
    assert_eq!(said(&kubelet("--protect-kernel-defaults --v=2"), PANIC), None);
    let config = |text: &str| kubelet("--config=/c").file("/proc/7/root/c", text);
    assert_eq!(said(&config("protectKernelDefaults: true\n"), PANIC), None);
    assert_eq!(
        value(&config("protectKernelDefaults: false\n"), PANIC).as_deref(),
        Some("10")
    );
    let docker = host("dockerd", "/usr/bin/dockerd -H fd://");
    assert_eq!(value(&docker, "net.ipv4.ip_forward").as_deref(), Some("1"));
    let off =
        host("dockerd", "/usr/bin/dockerd").file("/proc/7/root/etc/docker/daemon.json", "{\"ip-forward\": false}");
    assert_eq!(said(&off, "net.ipv4.ip_forward"), None);
}

#[test]
fn a_unit_that_is_started_at_boot_is_enough() {
    let files = |line: &str| {
        MemorySystem::linux("6.1")
            .file("/run/systemd/system/.keep", "")
            .file("/sys/devices/system/cpu/online", "0-3\n")
            .file(
                "/etc/systemd/system/kube-proxy.service",
                &format!("[Service]\nExecStart={line}\n"),
            )
    };
    let line = "/opt/kube/bin/kube-proxy \\\n  --conntrack-max-per-core=50000";
    let off = files(line);
    assert_eq!(said(&off, MAX), None, "it is not enabled");
    let on = |line: &str| {
        files(line).link(
            "/etc/systemd/system/multi-user.target.wants/kube-proxy.service",
            "/etc/systemd/system/kube-proxy.service",
        )
    };
    let (found, words) = said(&on(line), MAX).unwrap();
    assert_eq!(found.as_deref(), Some("200000"));
    assert!(
        words.starts_with("kube-proxy is enabled here and sets this key to 200000"),
        "{words}"
    );
    let (found, words) = said(&on("/opt/kube/bin/kube-proxy $ARGUMENTS"), MAX).unwrap();
    assert_eq!(found, None);
    assert!(words.contains("has variables"), "{words}");
}

#[test]
fn other_keys_and_other_places_ask_nothing() {
    let nothing = |system: &MemorySystem, key: &str| of(&Host::new(system), key).is_empty();
    assert!(nothing(&host("kube-proxy", "kube-proxy"), "net.ipv4.tcp_sack"));
    assert!(nothing(&host("someone", "kube-proxy"), MAX));
    let inside = host("kube-proxy", "kube-proxy").file("/.dockerenv", "");
    assert!(nothing(&inside, MAX), "a container");
    let docker = || host("dockerd", "dockerd");
    assert!(!nothing(&docker(), "net.ipv4.ip_forward"));
    let network = docker().file("/proc/sys/net/core/somaxconn", "1\n");
    assert!(
        nothing(&network, "net.ipv4.ip_forward"),
        "a network namespace of its own"
    );
}

#[test]
fn a_recording_keeps_of_them_what_is_read() {
    let kept =
        |path: &str, text: &str| without_others(path, text.as_bytes()).map(|kept| String::from_utf8(kept).unwrap());
    assert_eq!(
        kept(
            "/proc/7/cmdline",
            "kube-proxy\0--token=secret\0--conntrack-min=5\0--config=/c"
        )
        .as_deref(),
        Some("--conntrack-min=5\0--config=/c")
    );
    assert_eq!(
        kept("/proc/7/root/c", "token: secret\nconntrack:\n  min: 5\n").as_deref(),
        Some("  min: 5")
    );
    assert_eq!(kept("/proc/cmdline", "root=/dev/a"), None);
    assert_eq!(kept("/proc/7/limits", "x"), None);
}
