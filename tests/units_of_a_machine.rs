//! What units get of the limits that they ask for, and what a system container reads when it starts, on a Debian that boots for it:
//! foretold, and looked at after.
//!
//! Needs root, a static build in `RUNUP_STATIC`, and what `tools/booted-debian` needs. Where that machine's first process lacks
//! CAP_SYS_RESOURCE every limit ends at what it has; where it has the capability, open files end at `fs.nr_open`.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::path::Path;
use std::process::Command;

use support::{Done, directory, done, is_root, needs, tool};

/// Units by their name, and what they ask for.
const UNITS: [(&str, &str); 5] = [
    ("infinity", "infinity"),
    ("above", "1024:9000000"),
    ("at-start", "1024:infinity"),
    ("more", "800000"),
    ("few", "5000"),
];

/// Puts the units there; each writes down what it got.
fn setup() -> String {
    let unit = |(name, asked): &(&str, &str)| {
        format!(
            "printf '[Service]\\nType=oneshot\\nLimitNOFILE={asked}\\nExecStart=/bin/sh -c \"grep open /proc/self/limits >/run/{name}\"\\n' \
             >/etc/systemd/system/{name}.service"
        )
    };
    UNITS.iter().map(unit).collect::<Vec<_>>().join("\n")
}

/// The least and the most that a unit is foretold, by a rule that always fails.
const RULES: &str = "soft = { min = 1000000000 }, hard = { min = 1000000000 }";

/// What a command prints on a Debian that boots for it, with the profile and the static build in `/subject`.
fn boot(profile: &str, setup: &str, script: &str) -> Done {
    let binary = tool("RUNUP_STATIC");
    let installed = ["debootstrap", "ip", "nsenter"];
    let installed = installed
        .iter()
        .all(|name| Command::new(name).arg("--version").output().is_ok());
    needs(
        "a Debian that boots needs root, debootstrap, util-linux, iproute2 and a static build",
        is_root() && installed && binary.is_some(),
    );
    let binary = binary.expect("checked").canonicalize().expect("a path");
    let files = directory(&[("p.toml", profile)]);
    std::fs::copy(&binary, files.path().join("runup")).expect("a copy");
    let booted = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/booted-debian");
    let output = Command::new(booted)
        .arg("--copy")
        .arg(format!("{}:/subject", files.path().display()))
        .args(["--setup", setup, "--", "sh", "-c", script])
        .output();
    done(output.expect("it starts"))
}

#[test]
#[ignore = "needs root, a static build and a Debian that boots"]
fn what_a_unit_would_get_is_what_it_gets() {
    let rule = |(name, _): &(&str, &str)| {
        format!("[[rule]]\nid = \"{name}\"\nrlimit = {{ resource = \"nofile\", unit = \"{name}.service\", {RULES} }}\n")
    };
    let rules: String = UNITS.iter().map(rule).collect();
    let names: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
    let script = format!(
        "/subject/runup check /subject/p.toml --format json --fail-on note; echo '@@'; \
         for unit in {}; do systemctl start $unit; echo \"$unit $(cat /run/$unit)\"; done",
        names.join(" ")
    );
    let done = boot(&rules, &setup(), &script);
    let (report, got) = done
        .out
        .split_once("@@\n")
        .unwrap_or_else(|| panic!("{}{}", done.out, done.err));
    for (name, asked) in UNITS {
        let line = got.lines().find(|line| line.starts_with(&format!("{name} ")));
        let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
        let [_, _, _, _, soft, hard, ..] = words.as_slice() else {
            panic!("{name}: {got}{}", done.err);
        };
        let finding = support::finding(report, name);
        assert_eq!(
            finding["actual"],
            format!("soft limit {soft}, hard limit {hard}"),
            "{name} asks for {asked}: {finding:#}"
        );
    }
}

const OWN: &str = "[[rule]]\nid = \"backlog\"\nsysctl = { key = \"net.core.somaxconn\", min = 5000 }\n\
                   [[rule]]\nid = \"swappiness\"\nsysctl = { key = \"vm.swappiness\", max = 0 }\n";

#[test]
#[ignore = "needs root, a static build and a Debian that boots"]
fn a_container_that_systemd_starts_in_reads_its_files_for_what_is_its_own() {
    // It tells that Podman started it, and its part of /proc/sys/net can be written, as LXC's can.
    let setup = "printf 'net.core.somaxconn = 1234\\nvm.swappiness = 7\\n' >/etc/sysctl.d/60-a.conf";
    let script = "cat /proc/sys/net/core/somaxconn; sysctl -qw net.core.somaxconn=6000; \
                  /subject/runup check /subject/p.toml --format json; echo '@@'; \
                  /subject/runup apply /subject/p.toml --persist --yes --journal /j; cat /etc/sysctl.d/60-runup.conf; \
                  systemctl restart systemd-sysctl; cat /proc/sys/net/core/somaxconn";
    let done = boot(OWN, setup, script);
    let (report, rest) = done
        .out
        .split_once("@@\n")
        .unwrap_or_else(|| panic!("{}{}", done.out, done.err));
    let (at_boot, report) = report.split_once('\n').expect("lines");
    assert_eq!(at_boot, "1234", "systemd-sysctl ran: {}", done.err);
    let backlog = support::finding(report, "backlog");
    assert_eq!(backlog["next_boot"]["value"], "1234", "{backlog:#}");
    let swappiness = support::finding(report, "swappiness");
    assert!(swappiness["next_boot"].is_null(), "the host's: {swappiness:#}");
    assert!(
        rest.contains("net.core.somaxconn = 6000") || rest.contains("net.core.somaxconn = 5000"),
        "{rest}{}",
        done.err
    );
    assert!(!rest.contains("\nvm.swappiness = 0"), "{rest}");
    let lasts: u32 = rest
        .trim_end()
        .rsplit('\n')
        .next()
        .and_then(|line| line.parse().ok())
        .expect("a number");
    assert!(lasts >= 5000, "{rest}{}", done.err);
}
