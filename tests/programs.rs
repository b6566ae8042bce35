//! Programs that write keys when they start: what a report says of them, and what `apply --persist` does not write in vain.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::path::Path;

use support::{Done, directory, finding, run};

const PROFILE: &str = r#"
[[rule]]
id = "table"
sysctl = { key = "net.netfilter.nf_conntrack_max", min = 1000000 }
[[rule]]
id = "panic"
sysctl = { key = "kernel.panic", eq = 10 }
[[rule]]
id = "sack"
sysctl = { key = "net.ipv4.tcp_sack", eq = 1 }
"#;

/// A tree of four processors on which kube-proxy is enabled, with options, and a kubelet.
fn tree(table: &str, options: &str, more: &[(&str, &str)]) -> tempfile::TempDir {
    let unit = format!("[Service]\nExecStart=/opt/kube-proxy {options}\n");
    let mut files = vec![
        ("proc/sys/net/netfilter/nf_conntrack_max", table),
        ("proc/sys/kernel/panic", "10\n"),
        ("proc/sys/net/ipv4/tcp_sack", "1\n"),
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("proc/1/comm", "systemd\n"),
        ("run/systemd/system/.keep", ""),
        ("sys/devices/system/cpu/online", "0-3\n"),
        ("etc/modules-load.d/a.conf", "nf_conntrack\n"),
        ("etc/systemd/system/kube-proxy.service", unit.as_str()),
        (
            "etc/systemd/system/kubelet.service",
            "[Service]\nExecStart=/opt/kubelet\n",
        ),
        ("etc/systemd/system/multi-user.target.wants/.keep", ""),
        ("p.toml", PROFILE),
    ];
    files.extend_from_slice(more);
    let place = directory(&files);
    for unit in ["kube-proxy.service", "kubelet.service"] {
        let link = place
            .path()
            .join("etc/systemd/system/multi-user.target.wants")
            .join(unit);
        std::os::unix::fs::symlink(format!("/etc/systemd/system/{unit}"), link).expect("a link");
    }
    place
}

fn on(root: &Path, words: &[&str]) -> Done {
    let profile = root.join("p.toml");
    let mut all = vec![
        words[0],
        profile.to_str().expect("UTF-8"),
        "--root",
        root.to_str().expect("UTF-8"),
    ];
    all.extend(&words[1..]);
    run(&all)
}

const SAID: &str =
    "kube-proxy is enabled here and sets this key to 131072 when it starts (32768 per processor, at least 131072)";

#[test]
fn what_a_program_undoes_is_said_and_counts_for_the_next_boot() {
    let place = tree("4194304\n", "--v=2", &[]);
    let json = on(place.path(), &["check", "--format", "json"]).out;
    let table = finding(&json, "table");
    assert_eq!(table["outcome"], "pass");
    assert_eq!(table["evidence"][0], SAID);
    assert_eq!(table["next_boot"]["fate"], "may-be-undone");
    assert_eq!(table["next_boot"]["by"], "kube-proxy");
    assert_eq!(table["next_boot"]["value"], "131072");
    // The kubelet sets what the rule asks for: nothing is undone.
    let panic = finding(&json, "panic");
    assert_eq!(
        panic["evidence"][0],
        "kubelet is enabled here and sets this key to 10 when it starts"
    );
    assert!(!panic["next_boot"]["by"].is_string(), "{panic:#}");
    assert!(
        !finding(&json, "sack")["evidence"]
            .to_string()
            .contains("when it starts")
    );
    let text = on(place.path(), &["check"]).out;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let undone = "may undo it: kube-proxy sets it to 131072 when it starts";
    assert!(text.contains(undone), "{text}");
    assert_eq!(on(place.path(), &["check"]).code, 0);
    assert_eq!(
        on(place.path(), &["check", "--fail-on", "boot", "--only", "table"]).code,
        1
    );
    for format in ["tap", "junit", "github"] {
        let out = on(place.path(), &["check", "--format", format, "--fail-on", "boot"]).out;
        assert!(out.contains(undone), "{format}: {out}");
    }
    // One that is told to leave it alone undoes nothing.
    let place = tree("4194304\n", "--conntrack-max-per-core=0", &[]);
    let table = finding(&on(place.path(), &["check", "--format", "json"]).out, "table");
    assert!(!table["evidence"].to_string().contains("kube-proxy"), "{table:#}");
}

#[test]
fn a_file_that_a_program_overrides_is_no_promise() {
    let line = [("etc/sysctl.d/60-ct.conf", "net.netfilter.nf_conntrack_max = 3200000\n")];
    let place = tree("131072\n", "", &line);
    let table = finding(&on(place.path(), &["check", "--format", "json"]).out, "table");
    assert_eq!(
        (table["outcome"].as_str(), &table["next_boot"]),
        (Some("fail"), &serde_json::Value::Null)
    );
    assert_eq!(table["evidence"][0], SAID);
    // The value that it is told is the value that lasts.
    let place = tree("131072\n", "--conntrack-max-per-core=1000000", &line);
    let table = finding(&on(place.path(), &["check", "--format", "json"]).out, "table");
    assert_eq!(table["next_boot"]["passes"], true, "{table:#}");
}

#[test]
fn nothing_is_written_for_the_next_boot_that_a_program_overwrites() {
    let place = tree("131072\n", "", &[]);
    let done = on(place.path(), &["apply", "--persist", "--yes"]);
    let said = done.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("In no file: net.netfilter.nf_conntrack_max = 1000000, for p/table: kube-proxy is enabled here"),
        "{}",
        done.out
    );
    assert!(said.contains("tell kube-proxy the value"), "{}", done.out);
    let file = std::fs::read_to_string(place.path().join("etc/sysctl.d/60-runup.conf")).unwrap_or_default();
    assert!(!file.contains("nf_conntrack_max"), "{file}");
    assert_eq!(done.code, 1, "what was to last does not: {}", done.out);
    let live = support::text_of(
        place
            .path()
            .join("proc/sys/net/netfilter/nf_conntrack_max")
            .to_str()
            .expect("UTF-8"),
    );
    assert_eq!(live, "1000000", "until then it is set");
}
