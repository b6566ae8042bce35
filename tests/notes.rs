//! What is made without being asked for by name: errors and warnings. Notes need `--notes`, by every way that changes something or
//! writes what would be changed.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::path::Path;
use std::process::Command;

use runup::diagnostic::Diagnostics;
use runup::engine::Options;
use runup::fix::plan::{Consent, LimitsOf, Permissions, Plan, plan};
use runup::profile::{self, Library, Profile, search::built_in_names};
use runup::rule::Severity;
use runup::source::Sources;
use runup::system::Os;
use runup::system::memory::MemorySystem;
use support::host::Description;
use support::{Done, clean, directory, done, is_root, needs, run};

/// A warning and a note for one key, a note for another, and a note that asks for a limit.
const PROFILE: &str = r#"
[[rule]]
id = "more"
sysctl = { key = "net.core.somaxconn", min = 65535 }
severity = "note"
[[rule]]
id = "backlog"
sysctl = { key = "net.core.somaxconn", min = 4096 }
severity = "warning"
[[rule]]
id = "keepalive"
sysctl = { key = "net.ipv4.tcp_keepalive_time", max = "1800s" }
severity = "note"
[[rule]]
id = "files"
rlimit = { resource = "nofile", soft = { min = 700 } }
severity = "note"
"#;

fn load(names: &[&str]) -> Vec<Profile> {
    let (mut sources, mut sink) = (Sources::new(), Diagnostics::new());
    let profiles = names
        .iter()
        .filter_map(|name| profile::load(&Library::built_in_only(), name, Os::Linux, &mut sources, &mut sink))
        .collect();
    assert!(sink.is_empty(), "{:?}", sink.into_sorted());
    profiles
}

fn plan_of(profiles: &[Profile], machine: &MemorySystem, notes: bool) -> Plan {
    let permissions = Permissions {
        notes,
        allowed: Consent::ALL.into_iter().collect(),
        limits: LimitsOf::Program,
        own_only: false,
    };
    let planned = plan(profiles, &Options::default(), machine, &permissions);
    planned.unwrap_or_else(|error| panic!("a plan: {error:?}")).0
}

fn plan_of_text(text: &str, machine: &MemorySystem, notes: bool) -> Plan {
    let files = directory(&[("p.toml", text)]);
    plan_of(&load(&[path(&files.path().join("p.toml"))]), machine, notes)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn machine() -> MemorySystem {
    MemorySystem::linux("6.1.0")
        .sysctl("net.core.somaxconn", "128")
        .sysctl("net.ipv4.tcp_keepalive_time", "7200")
        .limit(runup::system::Resource::Nofile, 512, 4096)
}

/// What is set to what, and for whom.
fn steps(plan: &Plan) -> Vec<(String, &str, &[String])> {
    let step = |step: &'_ runup::fix::Step| step.parameter.show();
    plan.steps
        .iter()
        .map(|one| (step(one), one.to.as_str(), one.by.as_slice()))
        .collect()
}

#[test]
fn a_note_is_left_and_has_no_part_in_the_value_that_another_rule_asks_for() {
    let plan = plan_of_text(PROFILE, &machine(), false);
    let by = ["p/backlog".to_owned()];
    assert_eq!(steps(&plan), [("net.core.somaxconn".to_owned(), "4096", by.as_slice())]);
    assert!(plan.program.is_empty(), "{:?}", plan.program);
    assert_eq!(plan.notes, ["p/more", "p/keepalive", "p/files"]);
    assert!(plan.left.is_empty(), "{:?}", plan.left);

    let plan = plan_of_text(PROFILE, &machine(), true);
    let to: Vec<&str> = plan.steps.iter().map(|step| step.to.as_str()).collect();
    assert_eq!(to, ["65535", "1800"]);
    assert_eq!(plan.program.len(), 1);
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
}

#[test]
fn a_note_that_a_change_would_break_is_said() {
    let broken = r#"
[[rule]]
id = "more"
sysctl = { key = "net.core.somaxconn", min = 4096 }
severity = "warning"
[[rule]]
id = "not-more"
sysctl = { key = "net.core.somaxconn", max = 1000 }
severity = "note"
"#;
    let plan = plan_of_text(broken, &machine(), false);
    assert_eq!(plan.left.len(), 1, "{plan:?}");
    assert_eq!(plan.left[0].finding, "p/not-more");
    assert!(plan.left[0].reason.contains("passes now"), "{}", plan.left[0].reason);
}

#[test]
fn a_warning_against_a_note_of_another_profile_is_a_contradiction() {
    let files = directory(&[
        (
            "a.toml",
            "[[rule]]\nid = \"more\"\nsysctl = { key = \"net.core.somaxconn\", min = 8192 }\nseverity = \"warning\"\n",
        ),
        (
            "b.toml",
            "[[rule]]\nid = \"less\"\nsysctl = { key = \"net.core.somaxconn\", max = 5000 }\nseverity = \"note\"\n",
        ),
    ]);
    let (a, b) = (files.path().join("a.toml"), files.path().join("b.toml"));
    let applied = run(&["apply", path(&a), path(&b), "--dry-run"]);
    assert_eq!(applied.code, 2, "{}", applied.out);
    assert!(applied.err.contains("a/more wants at least 8192"), "{}", applied.err);
    let exported = run(&["export", path(&a), path(&b), "--to", "sysctl.d"]);
    assert_eq!(exported.code, 2, "{}", exported.out);
    assert!(
        exported.err.contains("a/more asks for at least 8192"),
        "{}",
        exported.err
    );
}

#[test]
fn no_built_in_profile_plans_a_note_unasked() {
    let small = r#"
[sysctls]
"net.core.somaxconn" = "100"
"vm.max_map_count" = "1000"
[files]
"/proc/meminfo" = "MemTotal: 983040 kB\nMemAvailable: 880000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\nCommitLimit: 491520 kB\nCommitted_AS: 100000 kB\n"
"#;
    let small: Description = serde_json::from_value(support::toml_as_json(small)).expect("a description");
    for description in [Description::default(), Description::default().with(&small)] {
        for name in built_in_names() {
            let profiles = load(&[name]);
            let severity = |by: &String| {
                let of = |profile: &&Profile| by.split('/').next() == Some(&profile.name);
                let profile = profiles.iter().find(of).expect("its profile");
                let rule = profile.rules.iter().find(|rule| by.ends_with(&format!("/{}", rule.id)));
                rule.expect("its rule").severity
            };
            let plan = plan_of(&profiles, &description.build(), false);
            let asked = plan.steps.iter().flat_map(|step| &step.by);
            for by in asked.chain(plan.program.iter().flat_map(|limit| &limit.by)) {
                assert_ne!(severity(by), Severity::Note, "{by}");
            }
        }
    }
    // The machine is one that they have notes about.
    for name in ["elasticsearch", "rabbitmq", "mongodb", "scylladb"] {
        let host = Description::default().with(&small).build();
        let plan = plan_of(&load(&[name]), &host, false);
        assert!(!plan.notes.is_empty(), "{name}: {plan:?}");
    }
}

/// Runs a script where the network is its own and the rest of the kernel's settings can only be read.
fn apart(script: &str) -> Option<Done> {
    const READ_ONLY: &str = "for tree in vm fs kernel; do mount --bind /proc/sys/$tree /proc/sys/$tree; \
                             mount -o remount,bind,ro /proc/sys/$tree; done; \
                             mount --bind /sys /sys; mount -o remount,bind,ro /sys; ip link set lo up";
    let unshare = ["--net", "--mount", "--propagation", "private"];
    let possible = is_root()
        && Command::new("unshare")
            .args(unshare)
            .arg("true")
            .status()
            .is_ok_and(|it| it.success());
    needs("a network namespace needs root", possible);
    let mut command = clean(Command::new("unshare"));
    command
        .args(unshare)
        .args(["sh", "-c", &format!("{READ_ONLY}\n{script}")]);
    Some(done(command.output().expect("unshare starts")))
}

const RUNUP: &str = env!("CARGO_BIN_EXE_runup");
const SHOW: &str = "echo $(sysctl -n net.core.somaxconn net.ipv4.tcp_keepalive_time)";
/// Below the floor of the warning.
const TOO_LOW: &str = "sysctl -qw net.core.somaxconn=128";

#[test]
#[ignore = "needs root"]
fn apply_makes_the_warning_in_every_form_and_the_notes_when_asked() {
    let files = directory(&[("p.toml", PROFILE)]);
    let profile = files.path().join("p.toml");
    let apply = format!("{RUNUP} apply {} --yes", path(&profile));
    let journal = format!("--journal {}/journal", path(files.path()));
    for (form, then) in [
        (format!("{apply} {journal} >&2; {SHOW}"), ""),
        (
            format!("{apply} {journal} --only keepalive --only backlog >&2; {SHOW}"),
            "",
        ),
        (
            format!(
                "ulimit -S -n 512; sleep 9 & {apply} {journal} --pid $! >&2; {SHOW}; awk '/open files/ {{ print $4 }}' /proc/$!/limits; kill $!"
            ),
            "512\n",
        ),
        (
            format!("ulimit -S -n 512; {apply} {journal} --for -- sh -c '{SHOW}; ulimit -S -n'"),
            "512\n",
        ),
    ] {
        let Some(made) = apart(&format!("{TOO_LOW}; {form}")) else {
            return;
        };
        assert_eq!(made.out, format!("4096 7200\n{then}"), "{form}: {}", made.err);
        assert!(made.err.contains("--notes makes"), "{form}: {}", made.err);
    }
    let asked = apart(&format!("{TOO_LOW}; {apply} {journal} --notes >&2; {SHOW}")).expect("as before");
    assert_eq!(asked.out, "65535 1800\n", "{}", asked.err);
    // A note that was named is a note still, and alone it is nothing to be made.
    let named = apart(&format!("{apply} {journal} --only keepalive; {SHOW}")).expect("as before");
    assert!(
        named
            .out
            .contains("Left as it is:\n  keepalive is a note; --notes makes it\n"),
        "{}",
        named.out
    );
    assert!(named.out.ends_with("4096 7200\n"), "{}{}", named.out, named.err);
}

#[test]
#[ignore = "needs root"]
fn exec_sets_and_raises_what_is_no_note_and_the_notes_when_asked() {
    let files = directory(&[("p.toml", PROFILE)]);
    let profile = files.path().join("p.toml");
    let exec = format!("{RUNUP} exec {}", path(&profile));
    let shows = format!("-- sh -c '{SHOW}; ulimit -S -n'");
    let start = format!("ulimit -S -n 512; {TOO_LOW};");
    let Some(made) = apart(&format!("{start} {exec} --allow risky {shows}")) else {
        return;
    };
    assert_eq!(made.out, "4096 7200\n512\n", "{}", made.err);
    for asked in [
        format!("{exec} --allow risky --notes {shows}"),
        format!("RUNUP_NOTES=1 {exec} --allow risky {shows}"),
    ] {
        let made = apart(&format!("{start} {asked}")).expect("as before");
        assert_eq!(made.out, "65535 1800\n700\n", "{asked}: {}", made.err);
    }
}

#[test]
fn what_lasts_and_what_is_exported_is_no_note_unless_asked() {
    let files = directory(&[
        ("p.toml", PROFILE),
        ("proc/sys/net/core/somaxconn", "128\n"),
        ("proc/sys/net/ipv4/tcp_keepalive_time", "7200\n"),
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("run/systemd/system/.keep", ""),
        (
            "proc/self/limits",
            "Limit                     Soft Limit           Hard Limit           Units\n\
             Max open files            512                  4096                 files\n",
        ),
    ]);
    let (root, profile) = (path(files.path()).to_owned(), files.path().join("p.toml"));
    let dry = |more: &[&str]| {
        let words = ["apply", path(&profile), "--root", &root, "--dry-run", "--persist"];
        run(&[&words, more].concat()).out
    };
    let plain = dry(&[]);
    assert!(plain.contains("+ net.core.somaxconn = 4096"), "{plain}");
    assert!(
        !plain.contains("keepalive_time") && !plain.contains("limits.d"),
        "{plain}"
    );
    assert!(!dry(&["--unit", "web.service"]).contains("LimitNOFILE"));
    let asked = dry(&["--notes", "--unit", "web.service"]);
    assert!(
        asked.contains("+ net.core.somaxconn = 65535")
            && asked.contains("+ net.ipv4.tcp_keepalive_time = 1800")
            && asked.contains("LimitNOFILE=700:"),
        "{asked}"
    );

    let export = |more: &[&str]| run(&[&["export", path(&profile), "--to", "sysctl.d"], more].concat());
    let plain = export(&[]);
    assert!(plain.out.contains("\nnet.core.somaxconn = 4096\n"), "{}", plain.out);
    assert!(!plain.out.contains("\nnet.ipv4.tcp_keepalive_time ="), "{}", plain.out);
    assert!(
        plain
            .err
            .contains("left out: p/keepalive (net.ipv4.tcp_keepalive_time): it is a note"),
        "{}",
        plain.err
    );
    let asked = export(&["--notes"]);
    assert!(asked.out.contains("\nnet.core.somaxconn = 65535\n"), "{}", asked.out);
    assert!(
        asked.out.contains("\nnet.ipv4.tcp_keepalive_time = 1800\n"),
        "{}",
        asked.out
    );
}

#[test]
fn a_small_machine_is_not_told_to_leave_more_unwritten() {
    let host = |sysctls: &str| {
        let text = format!(
            "[files]\n\"/proc/meminfo\" = \"MemTotal: 983040 kB\\nMemAvailable: 880000 kB\\n\"\n[sysctls]\n{sysctls}"
        );
        let description: Description = serde_json::from_value(support::toml_as_json(&text)).expect("a description");
        plan_of_text(
            "extends = [\"postgresql\"]\n[params.tuned]\ndefault = true\n",
            &Description::default().with(&description).build(),
            true,
        )
    };
    let writes = |plan: &Plan, key: &str| {
        let step = plan.steps.iter().find(|step| step.parameter.show() == key);
        step.map(|step| step.to.clone())
    };
    // A fifth and a tenth of 960 MiB, as the kernel's own ratios are.
    let by_ratio = host("\"vm.dirty_bytes\" = \"0\"\n\"vm.dirty_background_bytes\" = \"0\"\n");
    assert_eq!(writes(&by_ratio, "vm.dirty_bytes").as_deref(), Some("201326592"));
    assert_eq!(
        writes(&by_ratio, "vm.dirty_background_bytes").as_deref(),
        Some("67108864")
    );
    let lower = host("\"vm.dirty_bytes\" = \"100000000\"\n\"vm.dirty_background_bytes\" = \"30000000\"\n");
    assert_eq!(writes(&lower, "vm.dirty_bytes"), None);
    assert_eq!(writes(&lower, "vm.dirty_background_bytes"), None);
}
