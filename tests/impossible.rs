//! Where no value can satisfy a rule, nobody is told to set one.

mod support;

use support::{Done, directory, finding, run_in};
use tempfile::TempDir;

/// A machine with the kernel's own range of ports, and a profile.
fn machine(rule: &str) -> TempDir {
    directory(&[
        ("t/proc/sys/kernel/osrelease", "6.1.0\n"),
        ("t/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
        ("t/proc/sys/vm/swappiness", "60\n"),
        (
            "p.toml",
            &format!("[[rule]]\nid = \"r\"\nseverity = \"error\"\n{rule}\n"),
        ),
    ])
}

fn run(machine: &TempDir, command: &str, words: &[&str]) -> Done {
    run_in(machine.path(), &[&[command], words, &["--root", "t"]].concat())
}

/// Checks that a rule fails for ever: why, and that no command is shown, made or exported.
fn never(rule: &str, why: &str, helps: &str) {
    let machine = machine(rule);
    let checked = run(&machine, "check", &["./p.toml", "--format", "json"]);
    assert_eq!(checked.code, 1, "{}{}", checked.out, checked.err);
    let found = finding(&checked.out, "r");
    assert!(found["reason"].as_str().unwrap_or_default().contains(why), "{found:#}");
    let fix = &found["fix"];
    assert_eq!(fix["reach"], "manual", "{fix:#}");
    assert_eq!(fix["changes"].as_array().map(Vec::len), Some(0), "{fix:#}");
    let remedies = fix["remedies"].as_object().expect("remedies");
    assert_eq!(remedies.keys().collect::<Vec<_>>(), ["manual"], "{fix:#}");
    assert!(
        fix["remedies"]["manual"].as_str().unwrap_or_default().contains(helps),
        "{fix:#}"
    );
    let text = run(&machine, "check", &["./p.toml"]);
    let said = text.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains(why) && !said.contains("sysctl -w") && !said.contains("set it with"),
        "{said}"
    );

    let applied = run(&machine, "apply", &["./p.toml", "--yes"]);
    let said = applied.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(applied.code, 1, "{said}{}", applied.err);
    assert!(said.contains("Left as it is:") && said.contains(why), "{said}");
    let exported = run_in(machine.path(), &["export", "./p.toml", "--to", "sysctl.d"]);
    assert!(exported.err.contains(why), "{}{}", exported.out, exported.err);
}

#[test]
fn there_are_no_more_ports_than_that() {
    let range = |asks: &str| format!("sysctl = {{ key = \"net.ipv4.ip_local_port_range\", {asks} }}");
    never(&range("width = 121_024"), "there are 65535 ports", "Ask for less");
    let words = "remedy = \"Keep connections alive.\"";
    never(
        &format!("{}\n{words}", range("width = 65_536")),
        "there are 65535 ports",
        "Keep connections alive.",
    );
    // One port of the widest range goes for the parity.
    never(
        &range("width = 65_535, parity = \"different\""),
        "there are 65535 ports",
        "Ask for less",
    );
    let fits = machine(&range("width = 65_534, parity = \"different\""));
    let checked = run(&fits, "check", &["./p.toml"]);
    assert!(checked.out.contains("sysctl -w"), "{}", checked.out);
}

#[test]
fn bounds_that_exclude_each_other_are_a_mistake_of_the_profile() {
    let machine = machine("sysctl = { key = \"vm.swappiness\", min = \"20 + 10\", max = 10 }");
    let checked = run(&machine, "check", &["./p.toml"]);
    assert_eq!(checked.code, 2, "{}{}", checked.out, checked.err);
    assert!(
        checked.err.contains("no value can satisfy all of this rule"),
        "{}",
        checked.err
    );
}

#[test]
fn a_load_test_says_what_takes_fewer_ports() {
    let machine = machine("sysctl = { key = \"vm.swappiness\", min = 1 }");
    let check = |settings: &[&str]| {
        let mut words = vec!["load-test", "--only", "ephemeral-ports", "--format", "json"];
        for setting in settings {
            words.extend(["--set", setting]);
        }
        let done = run(&machine, "check", &words);
        assert_eq!(
            done.code,
            i32::from(finding(&done.out, "ephemeral-ports")["outcome"] == "fail"),
            "{}",
            done.err
        );
        finding(&done.out, "ephemeral-ports")
    };
    let alone = check(&["connections=40000", "rate=2000"]);
    assert!(
        alone["expected"].as_str().expect("a text").contains("121024"),
        "{alone:#}"
    );
    let helps = alone["fix"]["remedies"]["manual"].as_str().expect("a text");
    for word in ["alive", "rate", "sources", "targets"] {
        assert!(helps.contains(word), "{word}: {helps}");
    }
    // Each pair of a local address and a target has the range for itself.
    for (settings, outcome) in [
        (["connections=40000", "rate=2000", "sources=4"], "fail"),
        (["connections=40000", "rate=2000", "sources=5"], "pass"),
        (["connections=200000", "rate=0", "targets=8"], "pass"),
        (["connections=200000", "rate=0", "targets=7"], "fail"),
    ] {
        assert_eq!(check(&settings)["outcome"], outcome, "{settings:?}");
    }
    let fewer = check(&["connections=40000", "rate=2000", "sources=4"]);
    assert_eq!(fewer["fix"]["changes"][0]["to"], "32768\t63791", "{fewer:#}");
}
