//! What `--persist` writes must be safe on the machine that boots with it, which has not what was set by hand.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::fs;

use support::{Done, directory, run};
use tempfile::TempDir;

const FILE: &str = "etc/sysctl.d/60-runup.conf";

/// A machine whose memory is promised to more than a half: strict overcommit is safe with a ratio of 80, not with the kernel's 50.
fn machine(ratio: &str, rules: &str) -> TempDir {
    directory(&[
        (
            "proc/meminfo",
            "MemTotal: 983496 kB\nMemAvailable: 864000 kB\nSwapTotal: 0 kB\nCommitted_AS: 600000 kB\n\
             Hugepagesize: 2048 kB\nHugetlb: 0 kB\n",
        ),
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("run/systemd/system/.keep", ""),
        // A kernel that was built without huge pages.
        ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
        ("proc/sys/vm/overcommit_memory", "0\n"),
        ("proc/sys/vm/overcommit_ratio", ratio),
        ("proc/sys/vm/overcommit_kbytes", "0\n"),
        ("proc/sys/vm/swappiness", "60\n"),
        ("p.toml", rules),
    ])
}

fn rule(id: &str, key: &str, asks: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\nsysctl = {{ key = \"{key}\", {asks} }}\nseverity = \"error\"\n")
}

fn persist(machine: &TempDir, more: &[&str]) -> Done {
    let root = machine.path().to_str().expect("UTF-8");
    let profile = format!("{root}/p.toml");
    run(&[&["apply", &profile, "--root", root, "--persist", "--yes"], more].concat())
}

fn settings(machine: &TempDir) -> Vec<String> {
    let text = fs::read_to_string(machine.path().join(FILE)).unwrap_or_default();
    let set = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    set.map(str::to_owned).collect()
}

#[test]
fn what_is_safe_only_with_what_was_set_by_hand_does_not_last() {
    let strict = rule("strict", "vm.overcommit_memory", "eq = 2");
    let by_hand = machine("80\n", &strict);
    let done = persist(&by_hand, &[]);
    let said = done.out.split_whitespace().collect::<Vec<_>>().join(" ");
    // It is made now, where there is room; the next boot has the kernel's ratio again.
    assert!(
        said.contains("In no file: vm.overcommit_memory = 2, for p/strict: at the next boot"),
        "{said}"
    );
    assert!(said.contains("CommitLimit would be 491748 kB"), "{said}");
    assert_eq!((done.code, settings(&by_hand)), (1, Vec::new()), "{said}{}", done.err);

    // In a file of somebody else, or of runup's own, the ratio lasts as well.
    let in_a_file = machine("80\n", &strict);
    fs::create_dir_all(in_a_file.path().join("etc/sysctl.d")).expect("it is made");
    fs::write(
        in_a_file.path().join("etc/sysctl.d/10-own.conf"),
        "vm.overcommit_ratio = 80\n",
    )
    .expect("it is written");
    let done = persist(&in_a_file, &[]);
    assert_eq!(
        (done.code, settings(&in_a_file)),
        (0, vec!["vm.overcommit_memory = 2".to_owned()]),
        "{}{}",
        done.out,
        done.err
    );
    let together = machine("50\n", &(rule("ratio", "vm.overcommit_ratio", "min = 80") + &strict));
    let done = persist(&together, &[]);
    assert_eq!(settings(&together).len(), 2, "{}{}", done.out, done.err);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);

    // Somebody may agree to it.
    let agreed = machine("80\n", &strict);
    let done = persist(&agreed, &["--allow", "risky"]);
    assert_eq!(
        settings(&agreed),
        ["vm.overcommit_memory = 2"],
        "{}{}",
        done.out,
        done.err
    );
}

#[test]
fn what_is_safe_lasts_beside_what_is_refused() {
    let rules = rule("ratio", "vm.overcommit_ratio", "min = 60")
        + &rule("strict", "vm.overcommit_memory", "eq = 2")
        + &rule("swap", "vm.swappiness", "max = 10");
    let machine = machine("50\n", &rules);
    let done = persist(&machine, &[]);
    let mut lasting = settings(&machine);
    lasting.sort();
    assert_eq!(
        lasting,
        ["vm.overcommit_ratio = 60", "vm.swappiness = 10"],
        "{}{}",
        done.out,
        done.err
    );
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
}
