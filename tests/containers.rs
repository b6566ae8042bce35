//! Real containers: right outcomes, right reach, right remedies.
//!
//! Needs root, podman, and in `RUNUP_STATIC` the path of a static build. `RUNUP_WITH_CONTAINERS` may name a wrapper that makes
//! podman work where cgroups or capabilities of the machine do not let it.
#![cfg(target_os = "linux")]

mod support;

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;
use support::finding;
use support::podman::run as podman;

const IMAGE: &str = "localhost/runup-test";

/// The static build, where containers can run; the image is made once.
fn ready() -> Option<&'static PathBuf> {
    static READY: OnceLock<Option<PathBuf>> = OnceLock::new();
    READY
        .get_or_init(|| {
            let binary = support::podman::binary()?;
            support::podman::image(IMAGE, &[(&binary, "runup")]);
            Some(binary)
        })
        .as_ref()
}

/// Runs a check in a container and returns its report.
fn check(flags: &[&str], words: &[&str]) -> (i32, String) {
    let mut all = vec!["run", "--rm"];
    all.extend(flags);
    all.extend([IMAGE, "/runup", "check"]);
    all.extend(words);
    all.extend(["--format", "json"]);
    let (code, out, err) = podman(&all);
    assert!(out.starts_with('{'), "{all:?}: {out}{err}");
    (code, out)
}

fn remedy<'a>(finding: &'a Value, dialect: &str) -> &'a str {
    finding["fix"]["remedies"][dialect]
        .as_str()
        .unwrap_or_else(|| panic!("no {dialect} remedy: {finding:#}"))
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn a_default_container_is_told_what_its_runtime_must_give() {
    if ready().is_none() {
        return;
    }
    let (code, out) = check(&[], &["realtime"]);
    assert_eq!(code, 1);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["host"]["container"], "podman");
    let backlog = finding(&out, "listen-backlog");
    assert_eq!(
        (backlog["outcome"].as_str(), backlog["fix"]["reach"].as_str()),
        (Some("fail"), Some("runtime"))
    );
    assert!(
        backlog["fix"]["because"].as_str().unwrap().contains("read-only"),
        "{backlog:#}"
    );
    assert_eq!(
        remedy(&backlog, "docker"),
        "podman run --sysctl net.core.somaxconn=32768 ..."
    );
    assert!(remedy(&backlog, "kubernetes").contains("--allowed-unsafe-sysctls=net.core.somaxconn"));
    assert_eq!(backlog["fix"]["here"], "docker");
    // The host's own: hidden in a namespace that is not the initial one, which is neither absent nor wrong.
    let hidden = finding(&out, "device-backlog");
    assert_eq!(hidden["outcome"], "unknown");
    assert!(
        hidden["reason"]
            .as_str()
            .unwrap()
            .contains("hidden in this network namespace"),
        "{hidden:#}"
    );
    // Global keys are the host's value.
    let files = finding(&out, "open-files-of-the-machine");
    assert!(
        files["evidence"][0].as_str().unwrap().contains("the host's value"),
        "{files:#}"
    );
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn what_the_remedies_say_makes_the_next_check_pass() {
    if ready().is_none() {
        return;
    }
    let words = [
        "load-test",
        "--set",
        "connections=12000",
        "--only",
        "open-files",
        "--only",
        "syn-backlog",
        "--only",
        "ephemeral-ports",
    ];
    let narrow = [
        "--sysctl",
        "net.ipv4.ip_local_port_range=40000 41000",
        "--sysctl",
        "net.ipv4.tcp_max_syn_backlog=128",
    ];
    let (code, out) = check(&narrow, &words);
    assert_eq!(code, 1);
    let mut flags: Vec<String> = Vec::new();
    for rule in ["open-files", "syn-backlog", "ephemeral-ports"] {
        let found = finding(&out, rule);
        assert_eq!(found["outcome"], "fail", "{found:#}");
        let text = remedy(&found, "docker")
            .strip_prefix("podman run ")
            .unwrap()
            .strip_suffix(" ...")
            .unwrap()
            .to_owned();
        let (flag, value) = text.split_once(' ').unwrap();
        flags.extend([flag.to_owned(), value.trim_matches('\'').to_owned()]);
    }
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let (code, out) = check(&flags, &words);
    assert_eq!(code, 0, "{flags:?}: {out}");
    for rule in ["open-files", "syn-backlog", "ephemeral-ports"] {
        assert_eq!(finding(&out, rule)["outcome"], "pass", "{flags:?}");
    }
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn a_privileged_container_may_set_its_own_keys_and_not_the_hosts() {
    if ready().is_none() {
        return;
    }
    let (_, out) = check(&["--privileged"], &["realtime", "--set", "backlog=20000"]);
    let backlog = finding(&out, "listen-backlog");
    assert_eq!(
        (backlog["outcome"].as_str(), backlog["fix"]["reach"].as_str()),
        (Some("fail"), Some("here"))
    );
    assert_eq!(remedy(&backlog, "host"), "sysctl -w net.core.somaxconn=20000");
    assert_eq!(backlog["fix"]["changes"][0]["scope"], "network namespace");
    let (_, out) = check(&["--privileged"], &["ci", "--set", "disk=1M"]);
    let files = finding(&out, "watches");
    assert_eq!(files["outcome"], "pass", "the host's value is read");
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn sysctls_given_to_the_runtime_are_seen() {
    if ready().is_none() {
        return;
    }
    let (_, out) = check(
        &["--sysctl", "net.core.somaxconn=777", "--sysctl", "kernel.msgmax=9000"],
        &["container", "--set", "backlog=777"],
    );
    let backlog = finding(&out, "listen-backlog");
    assert_eq!(
        (backlog["outcome"].as_str(), backlog["actual"].as_str()),
        (Some("pass"), Some("777"))
    );
    let (_, out) = check(
        &["--sysctl", "net.core.somaxconn=777"],
        &["container", "--set", "backlog=778"],
    );
    assert_eq!(finding(&out, "listen-backlog")["outcome"], "fail");
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn an_ordinary_user_without_capabilities_reads_and_needs_the_runtime() {
    if ready().is_none() {
        return;
    }
    for flags in [&["--user", "1000:1000"][..], &["--read-only", "--cap-drop=ALL"]] {
        let (code, out) = check(flags, &["realtime"]);
        assert_eq!(code, 1, "{flags:?}");
        let backlog = finding(&out, "listen-backlog");
        assert_eq!(
            (backlog["outcome"].as_str(), backlog["fix"]["reach"].as_str()),
            (Some("fail"), Some("runtime")),
            "{flags:?}"
        );
        let files = finding(&out, "open-files");
        assert_eq!(
            (files["outcome"].as_str(), files["fix"]["reach"].as_str()),
            (Some("fail"), Some("runtime")),
            "{flags:?}"
        );
        assert!(remedy(&files, "docker").starts_with("podman run --ulimit nofile="));
        let buffers = finding(&check(flags, &["default"]).1, "syncookies");
        assert_eq!(buffers["outcome"], "pass", "{flags:?}");
    }
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn the_hosts_network_is_the_hosts() {
    if ready().is_none() {
        return;
    }
    for flags in [&["--network=host"][..], &["--network=host", "--privileged"]] {
        let (_, out) = check(flags, &["realtime", "--set", "backlog=30000"]);
        let backlog = finding(&out, "listen-backlog");
        assert_eq!(
            (backlog["outcome"].as_str(), backlog["fix"]["reach"].as_str()),
            (Some("fail"), Some("host")),
            "{flags:?}: {backlog:#}"
        );
        // What only the initial namespace shows is there.
        assert_ne!(finding(&out, "device-backlog")["outcome"], "unknown", "{flags:?}");
    }
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn limits_given_to_the_runtime_are_seen_and_soft_ones_can_be_raised_here() {
    if ready().is_none() {
        return;
    }
    let rule = ["load-test", "--set", "connections=1000", "--only", "open-files"];
    let (_, out) = check(&["--ulimit", "nofile=100:5000"], &rule);
    let files = finding(&out, "open-files");
    assert_eq!(
        (files["actual"].as_str(), files["fix"]["reach"].as_str()),
        (Some("soft limit 100"), Some("here")),
        "{files:#}"
    );
    let (_, out) = check(&["--ulimit", "nofile=5000:5000"], &rule);
    assert_eq!(finding(&out, "open-files")["outcome"], "pass");
    // Of a container only the hard one is asked for: programs raise the soft one.
    let hard = ["container", "--only", "open-files"];
    let (_, out) = check(&["--ulimit", "nofile=100:5000"], &hard);
    assert_eq!(finding(&out, "open-files")["outcome"], "pass");
    let (_, out) = check(&["--ulimit", "nofile=100:600"], &hard);
    assert_eq!(finding(&out, "open-files")["actual"], "hard limit 600");
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn a_privileged_container_fixes_its_own_network_and_not_the_hosts() {
    if ready().is_none() {
        return;
    }
    let host = || support::text_of("/proc/sys/net/core/somaxconn");
    let before = host();
    let only = ["realtime", "--set", "backlog=30000", "--only", "listen-backlog"];
    let mut words = vec!["run", "--rm", "--privileged", IMAGE, "/runup", "apply"];
    words.extend(only);
    words.extend(["--yes", "--for", "--", "/runup", "check"]);
    words.extend(only);
    words.extend(["--format", "json"]);
    let (code, out, err) = podman(&words);
    assert_eq!(code, 0, "{out}{err}");
    let inside = finding(&out, "listen-backlog");
    assert_eq!(
        (inside["outcome"].as_str(), inside["actual"].as_str()),
        (Some("pass"), Some("30000")),
        "{inside:#}"
    );
    assert!(err.contains("1 change undone"), "{err}");
    assert_eq!(host(), before);
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn what_is_the_hosts_takes_consent() {
    if ready().is_none() {
        return;
    }
    let profile = "[[rule]]\nid = \"swappiness\"\nsysctl = { key = \"vm.swappiness\", max = 1 }\n\
                   [[rule]]\nid = \"backlog\"\nsysctl = { key = \"net.core.somaxconn\", min = 30000 }\n";
    let files = support::directory(&[("p.toml", profile)]);
    let mount = format!("{}:/p.toml", files.path().join("p.toml").display());
    let left = |network: &str, words: &[&str]| {
        let mut all = vec![
            "run",
            "--rm",
            "--privileged",
            network,
            "-v",
            mount.as_str(),
            IMAGE,
            "/runup",
            "apply",
            "/p.toml",
        ];
        all.extend(words);
        let (_, out, err) = podman(&all);
        // Lines are wrapped anywhere.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        out.split_once("Left as it is:")
            .map(|(plan, left)| (words(plan), words(left)))
            .unwrap_or_else(|| (words(&out), err))
    };
    let (plan, kept) = left("--network=none", &["--dry-run"]);
    assert!(
        plan.contains("net.core.somaxconn") && !plan.contains("vm.swappiness"),
        "{plan}"
    );
    assert!(
        kept.contains("vm.swappiness") && kept.contains("--allow risky"),
        "{kept}"
    );
    // The host's network namespace: a dry run, and nothing of it is this container's own.
    let (plan, kept) = left("--network=host", &["--dry-run"]);
    assert!(!plan.contains("net.core.somaxconn"), "{plan}");
    assert!(
        kept.contains("net.core.somaxconn") && kept.contains("--allow risky"),
        "{kept}"
    );
    let (plan, _) = left("--network=host", &["--dry-run", "--allow", "risky"]);
    assert!(
        plan.contains("net.core.somaxconn - 4096 + 30000 here (host);"),
        "{plan}"
    );
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn the_remedy_pasted_into_the_runtime_makes_it_ready() {
    if ready().is_none() {
        return;
    }
    let words = [
        "realtime",
        "--set",
        "backlog=30000",
        "--set",
        "connections=9000",
        "--only",
        "listen-backlog",
        "--only",
        "open-files",
    ];
    let (code, out) = check(&["--ulimit", "nofile=1000:1000"], &words);
    assert_eq!(code, 1, "{out}");
    let mut flags: Vec<String> = Vec::new();
    for rule in ["listen-backlog", "open-files"] {
        let found = finding(&out, rule);
        assert_eq!(found["fix"]["reach"], "runtime", "{found:#}");
        let text = remedy(&found, "docker").to_owned();
        let inner = text
            .strip_prefix("podman run ")
            .and_then(|text| text.strip_suffix(" ..."));
        flags.extend(inner.expect("flags").split(' ').map(str::to_owned));
    }
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let (code, out) = check(&flags, &words);
    assert_eq!(code, 0, "{flags:?}: {out}");
}
