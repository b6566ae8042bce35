//! A real, whole machine with a battery and a charger: Debian's kernel in an emulator, runup as root with every capability.
//!
//! Needs in `RUNUP_STATIC` the path of a static build, and in `RUNUP_LAPTOP_VM` a program that boots such a machine:
//! `PROGRAM [--mains 0|1] [--battery discharging|charging|full] [--setup COMMANDS] BINARY ARG...`.
#![cfg(target_os = "linux")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::{can, finding, findings, tool};

/// Boots the machine, and returns what a check on it said.
fn boot(power: &[&str], setup: &str, words: &[&str]) -> Option<(i32, String)> {
    let (binary, machine) = (tool("RUNUP_STATIC"), tool("RUNUP_LAPTOP_VM"));
    if !can(
        "the laptop needs RUNUP_STATIC and RUNUP_LAPTOP_VM",
        binary.is_some() && machine.is_some(),
    ) {
        return None;
    }
    let output = Command::new(machine?)
        .args(power)
        .args(["--setup", setup])
        .arg(binary?)
        .args(words)
        .args(["--format", "json"])
        .output()
        .expect("the machine boots");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    // Messages are in the same stream, before or after the report.
    let start = out
        .find('{')
        .unwrap_or_else(|| panic!("{out}{}", String::from_utf8_lossy(&output.stderr)));
    let end = out.rfind('}').unwrap_or(out.len() - 1);
    Some((output.status.code().unwrap_or(-1), out[start..=end].to_owned()))
}

#[test]
fn on_battery_it_is_not_ready() {
    let Some((code, out)) = boot(
        &["--mains", "0", "--battery", "discharging"],
        ":",
        &["check", "fluentconf"],
    ) else {
        return;
    };
    assert_eq!(code, 1);
    let power = finding(&out, "on-mains");
    assert_eq!(
        (
            power["outcome"].as_str(),
            power["actual"].as_str(),
            power["fix"]["reach"].as_str()
        ),
        (Some("fail"), Some("source battery"), Some("manual"))
    );
    assert!(
        power["evidence"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line.as_str().unwrap().contains("BAT0: discharging")),
        "{power:#}"
    );
    // The hard limit of a machine's first process is 4096, and its root may raise it.
    let files = finding(&out, "open-files");
    assert_eq!(
        (files["outcome"].as_str(), files["fix"]["reach"].as_str()),
        (Some("fail"), Some("here")),
        "{files:#}"
    );
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["host"]["container"], Value::Null);
}

#[test]
fn on_mains_an_untouched_machine_passes_default() {
    let Some((code, out)) = boot(
        &["--mains", "1", "--battery", "charging"],
        ":",
        &["check", "default", "quiet-machine", "--skip", "quiet-cpu"],
    ) else {
        return;
    };
    assert_eq!(code, 0, "{out}");
    for found in findings(&out) {
        assert!(
            matches!(found["outcome"].as_str(), Some("pass" | "n/a")),
            "a false alarm: {found:#}"
        );
    }
    assert_eq!(finding(&out, "on-mains")["actual"], "source mains");
}

#[test]
fn huge_pages_cgroups_and_swap_are_read_as_they_are() {
    let profile = "[[rule]]\nid = \"thp\"\nsysfs = { path = \"kernel/mm/transparent_hugepage/enabled\", eq = \"never\" }\n\
                   [[rule]]\nid = \"defrag\"\nsysfs = { path = \"kernel/mm/transparent_hugepage/defrag\", not = \"always\", prefer = \"madvise\" }\n\
                   [[rule]]\nid = \"pids\"\ncgroup = { pids_max = { max = 50 } }\n\
                   [[rule]]\nid = \"memory\"\ncgroup = { memory_max = 268435456 }\n\
                   [[rule]]\nid = \"ram\"\nmemory = { total = { max = \"256M\" } }\n\
                   [[rule]]\nid = \"swap\"\nmemory = { swap = 0 }\n\
                   [[rule]]\nid = \"version\"\nkernel = { version = { min = \"6.1\" } }\n";
    let setup = format!(
        "printf '%s' '{profile}' > /tmp/p.toml; mkdir /sys/fs/cgroup/c; echo '+memory +pids' > /sys/fs/cgroup/cgroup.subtree_control; \
         mkdir /sys/fs/cgroup/c/d; echo 268435456 > /sys/fs/cgroup/c/memory.max; echo 40 > /sys/fs/cgroup/c/pids.max; \
         echo $$ > /sys/fs/cgroup/c/cgroup.procs; echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"
    );
    let Some((_, out)) = boot(&[], &setup, &["check", "/tmp/p.toml"]) else {
        return;
    };
    let thp = finding(&out, "thp");
    assert_eq!(
        (thp["outcome"].as_str(), thp["actual"].as_str()),
        (Some("fail"), Some("madvise")),
        "{thp:#}"
    );
    assert_eq!(thp["fix"]["reach"], "here");
    assert_eq!(
        (
            thp["fix"]["changes"][0]["from"].as_str(),
            thp["fix"]["changes"][0]["to"].as_str()
        ),
        (Some("madvise"), Some("never"))
    );
    assert!(
        thp["fix"]["remedies"]["persist"]
            .as_str()
            .unwrap()
            .contains("/etc/tmpfiles.d/"),
        "{thp:#}"
    );
    assert_eq!(finding(&out, "pids")["outcome"], "pass");
    assert_eq!(finding(&out, "pids")["actual"], "pids_max 40");
    assert_eq!(finding(&out, "memory")["outcome"], "pass");
    assert_eq!(
        finding(&out, "ram")["outcome"],
        "pass",
        "the cgroup's limit is the memory that there is"
    );
    assert_eq!(finding(&out, "swap")["outcome"], "pass");
    assert_eq!(finding(&out, "version")["outcome"], "pass");
}
