//! Machines as they are: secrets on the kernel's command line, kernels from before there were today's files, and supplies of power
//! that say little. Each is a tree of files.
#![cfg(target_os = "linux")]

mod support;

use runup::recording::Recorder;
use runup::system::System;
use runup::system::memory::MemorySystem;
use support::{directory, findings, run_in};

/// The outcome of each rule on a tree, and everything that was said in all forms.
struct Said {
    outcomes: Vec<(String, String)>,
    all: String,
}

impl Said {
    fn outcome(&self, rule: &str) -> &str {
        let found = self.outcomes.iter().find(|(known, _)| known == rule);
        found.map_or_else(|| panic!("no rule {rule}: {}", self.all), |(_, outcome)| outcome)
    }
}

/// Checks rules, each an id and its subject, on a tree of these files.
fn check(files: &[(&str, &str)], rules: &[(&str, &str)]) -> Said {
    let profile: Vec<String> = rules
        .iter()
        .map(|(id, subject)| format!("[[rule]]\nid = \"{id}\"\n{subject}\n"))
        .collect();
    let tree: Vec<(String, &str)> = files
        .iter()
        .map(|(path, text)| (format!("tree{path}"), *text))
        .collect();
    let mut files: Vec<(&str, &str)> = tree.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let profile = profile.join("\n");
    files.push(("p.toml", &profile));
    let place = directory(&files);
    let said = |of: &[&str], words: &[&str]| run_in(place.path(), &[&["check", "p.toml"], of, words].concat());
    said_by(&said, &["--root", "tree"])
}

fn said_by(said: &dyn Fn(&[&str], &[&str]) -> support::Done, of: &[&str]) -> Said {
    let json = said(of, &["--format", "json"]);
    assert!(json.code < 2, "{}", json.err);
    let word = |finding: &serde_json::Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let outcomes = findings(&json.out)
        .iter()
        .map(|finding| (word(finding, "rule"), word(finding, "outcome")))
        .collect();
    let forms: [&[&str]; 5] = [
        &["-v"],
        &["--explain"],
        &["--format", "github"],
        &["--format", "junit"],
        &["--format", "tap"],
    ];
    let mut all = json.out;
    for form in forms {
        let done = said(of, form);
        all.push_str(&done.out);
        all.push_str(&done.err);
    }
    Said { outcomes, all }
}

const SECRETS: &str = "BOOT_IMAGE=/vmlinuz ro iommu.passthrough=1 keyboard=us secretmem.enable=1 tokenring=2 \
                       rd.luks.key=/hunter1 db-password=\"hunter2 x\" inst.ks=https://u:hunter3@h/ks quiet\n";

#[test]
fn the_command_line_is_judged_as_it_is_and_shown_without_its_secrets() {
    let rules = [
        (
            "has",
            "kernel = { cmdline = { contains = [\"iommu.passthrough=1\", \"keyboard=us\", \"tokenring=2\"] } }",
        ),
        ("not", "kernel = { cmdline = { excludes = [\"iommu.passthrough=1\"] } }"),
        (
            "starts",
            "kernel = { cmdline = { starts_with = \"secretmem.enable=1\" } }",
        ),
        (
            "secret",
            "kernel = { cmdline = { contains = [\"rd.luks.key=/hunter1\"] } }",
        ),
        (
            "no-secret",
            "kernel = { cmdline = { excludes = [\"rd.luks.key=/hunter1\"] } }",
        ),
        (
            "another",
            "kernel = { cmdline = { contains = [\"rd.luks.key=/hunter4\"] } }",
        ),
        ("in-one-word", "kernel = { cmdline = { excludes = [\"x\\\"\"] } }"),
    ];
    let tree = [("/proc/cmdline", SECRETS), ("/proc/sys/kernel/osrelease", "6.1.0\n")];
    let said = check(&tree, &rules);
    for (rule, outcome) in [
        ("has", "pass"),
        ("not", "fail"),
        ("starts", "pass"),
        ("secret", "pass"),
        ("no-secret", "fail"),
        ("another", "fail"),
        ("in-one-word", "pass"),
    ] {
        assert_eq!(said.outcome(rule), outcome, "{rule}: {}", said.all);
    }
    assert!(said.all.contains("rd.luks.key=***") && said.all.contains("iommu.passthrough=1"));
    let own: Vec<&str> = said.all.lines().filter(|line| line.contains("hunter")).collect();
    assert!(own.is_empty(), "{own:#?}");
}

#[test]
fn a_recording_knows_what_it_hides() {
    let profile = "[[rule]]\nid = \"secret\"\nkernel = { cmdline = { contains = [\"rd.luks.key=/hunter1\"] } }\n\
                   [[rule]]\nid = \"stars\"\nkernel = { cmdline = { contains = [\"rd.luks.key=***\"] } }\n\
                   [[rule]]\nid = \"no-secret\"\nkernel = { cmdline = { excludes = [\"rd.luks.key=/hunter4\"] } }\n\
                   [[rule]]\nid = \"start\"\nkernel = { cmdline = { starts_with = \"rd.luks.key=/h\" } }\n\
                   [[rule]]\nid = \"name\"\nkernel = { cmdline = { starts_with = \"rd.luks.key=\" } }\n\
                   [[rule]]\nid = \"lacks\"\nkernel = { cmdline = { contains = [\"rd.luks.key=/hunter1\", \"nohz\"] } }\n\
                   [[rule]]\nid = \"other\"\nkernel = { cmdline = { contains = [\"quiet\", \"iommu.passthrough=1\"] } }\n";
    let system = MemorySystem::linux("6.1").file("/proc/cmdline", SECRETS);
    let recorder = Recorder::new(&system);
    recorder.read("/proc/cmdline").expect("it is there");
    let held = recorder.finish().to_json().expect("a recording");
    let place = directory(&[("p.toml", profile), ("r.json", &held)]);
    assert!(held.contains("rd.luks.key=***") && !held.contains("hunter"), "{held}");
    let said = |of: &[&str], words: &[&str]| run_in(place.path(), &[&["check", "p.toml"], of, words].concat());
    let said = said_by(&said, &["--host", "r.json"]);
    for (rule, outcome) in [
        ("secret", "unknown"),
        ("stars", "unknown"),
        ("no-secret", "unknown"),
        ("start", "unknown"),
        ("name", "pass"),
        ("lacks", "fail"),
        ("other", "pass"),
    ] {
        assert_eq!(said.outcome(rule), outcome, "{rule}: {}", said.all);
    }
    let diff = run_in(place.path(), &["diff", "r.json", "r.json"]);
    assert!(!diff.out.contains("hunter"), "{}", diff.out);
}
