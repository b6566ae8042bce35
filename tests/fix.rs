//! Changing a machine in memory: every step of apply and of revert fails once and is killed once, and everything comes back.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use runup::diagnostic::Diagnostics;
use runup::engine::Options;
use runup::finding::Outcome;
use runup::fix::apply::{Account, ApplyError, Cause, apply};
use runup::fix::disk::Disk;
use runup::fix::journal::{Journal, checksum};
use runup::fix::plan::{Consent, LimitsOf, Permissions, Plan, PlanError, plan};
use runup::fix::revert::{Request, RevertError, What, forget, revert};
use runup::fix::{MemoryDisk, Undone};
use runup::profile::{self, Library, Profile};
use runup::source::Sources;
use runup::system::memory::{MemorySystem, Reaction};
use runup::system::steps::{Mishap, Steps};
use runup::system::{Boot, Failure, NamespaceId, Os, Process, Resource, Space, System};

const PROFILE: &str = r#"
[params.connections]
default = 20_000

[[rule]]
id = "backlog"
sysctl = { key = "net.core.somaxconn", min = 16384 }

[[rule]]
id = "backlog-again"
sysctl = { key = "net.core.somaxconn", min = "connections" }

[[rule]]
id = "fin"
sysctl = { key = "net.ipv4.tcp_fin_timeout", max = "30s" }

[[rule]]
id = "good-already"
sysctl = { key = "net.ipv4.tcp_max_syn_backlog", min = 1024 }

[[rule]]
id = "receive"
sysctl = { key = "net.ipv4.tcp_rmem", field = "max", min = "16MiB" }

[[rule]]
id = "dirty"
sysctl = { key = "vm.dirty_bytes", min = "1GiB" }

[[rule]]
id = "min-free"
sysctl = { key = "vm.min_free_kbytes", min = "100000KiB" }

[[rule]]
id = "huge-pages"
sysfs = { path = "kernel/mm/transparent_hugepage/enabled", one_of = ["never"] }

[[rule]]
id = "files"
rlimit = { resource = "nofile", soft = { min = "2000000" } }

[[rule]]
id = "no-swap"
memory = { swap = { max = 0 } }
"#;

const PROCESS: Process = Process { pid: 1000, start: 77 };

/// A network namespace with a number, in the first boot.
fn space(net: u64) -> Space {
    in_boot("boot-1", net)
}

fn in_boot(boot: &str, net: u64) -> Space {
    Space {
        net: NamespaceId {
            cookie: Ok(net),
            inode: Ok(4_026_531_000 + net),
        },
        ..Space::of(Boot::Known(boot.to_owned()))
    }
}

fn machine(steps: &Steps) -> MemorySystem {
    let huge = "/sys/kernel/mm/transparent_hugepage/enabled";
    MemorySystem::linux("6.1.0")
        .counted(steps)
        .in_space(space(1))
        .sysctl("net.core.somaxconn", "4096")
        .sysctl("net.core.netdev_max_backlog", "1000")
        .sysctl("net.ipv4.tcp_fin_timeout", "60")
        .sysctl("net.ipv4.tcp_max_syn_backlog", "4096")
        .sysctl("net.ipv4.tcp_rmem", "4096\t131072\t6291456")
        .sysctl("vm.dirty_bytes", "0")
        .sysctl("vm.dirty_ratio", "20")
        .sysctl("vm.min_free_kbytes", "67584")
        .sysctl("vm.overcommit_memory", "0")
        .sysctl("fs.nr_open", "1048576")
        .file(huge, "always [madvise] never\n")
        .reacts(
            huge,
            Reaction::Changes(vec![("/proc/sys/vm/min_free_kbytes".to_owned(), "45056".to_owned())]),
        )
        .reacts(
            "/proc/sys/vm/dirty_bytes",
            Reaction::Changes(vec![("/proc/sys/vm/dirty_ratio".to_owned(), "0".to_owned())]),
        )
        .reacts(
            "/proc/sys/vm/dirty_ratio",
            Reaction::Changes(vec![("/proc/sys/vm/dirty_bytes".to_owned(), "0".to_owned())]),
        )
        .limit(Resource::Nofile, 1024, 4096)
        .file(
            "/proc/swaps",
            "Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2\n",
        )
        .file(
            "/proc/meminfo",
            "MemTotal: 16000000 kB\nMemAvailable: 12000000 kB\nSwapTotal: 1000 kB\nSwapFree: 1000 kB\n",
        )
        .file(
            "/proc/1000/stat",
            "1000 (a b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0\n",
        )
}

fn profiles(text: &str) -> (tempfile::TempDir, Vec<Profile>) {
    let directory = support::directory(&[("p.toml", text)]);
    let mut sources = Sources::new();
    let mut sink = Diagnostics::new();
    let path = directory.path().join("p.toml");
    let profile = profile::load(
        &Library::built_in_only(),
        path.to_str().expect("UTF-8"),
        Os::Linux,
        &mut sources,
        &mut sink,
    );
    assert!(sink.is_empty(), "{:?}", sink.into_sorted());
    (directory, vec![profile.expect("it loads")])
}

fn everything() -> Permissions {
    Permissions {
        notes: true,
        allowed: BTreeSet::from(Consent::ALL),
        limits: LimitsOf::Process(PROCESS),
        own_only: false,
    }
}

fn plan_of(text: &str, machine: &MemorySystem) -> Plan {
    let (_directory, profiles) = profiles(text);
    plan(&profiles, &Options::default(), machine, &everything())
        .unwrap_or_else(|_| panic!("there is a plan"))
        .0
}

fn journal() -> Journal {
    Journal::new("/var/lib/runup")
}

fn account() -> Account {
    Account {
        profiles: vec!["p".to_owned()],
        command: None,
    }
}

/// What is recorded; the number of the last apply stays.
fn records(disk: &MemoryDisk) -> Vec<String> {
    disk.files()
        .into_keys()
        .filter(|path| path.ends_with(".json"))
        .collect()
}

const ALL: Request = Request {
    id: None,
    force: false,
    own: false,
};

#[test]
fn the_plan_is_in_order_and_says_everything() {
    let machine = machine(&Steps::default());
    let plan = plan_of(PROFILE, &machine);
    let lines: Vec<String> = plan
        .steps
        .iter()
        .map(|step| {
            format!(
                "{} {} -> {} {:?}",
                step.parameter.show(),
                step.before.form,
                step.to,
                step.by
            )
        })
        .collect();
    let expected = [
        "fs.nr_open 1048576 -> 2000000 [\"p/files\"]",
        "net.core.somaxconn 4096 -> 20000 [\"p/backlog\", \"p/backlog-again\"]",
        "net.ipv4.tcp_fin_timeout 60 -> 30 [\"p/fin\"]",
        "net.ipv4.tcp_rmem 4096\t131072\t6291456 -> 4096\t131072\t16777216 [\"p/receive\"]",
        "vm.dirty_bytes 0 -> 1073741824 [\"p/dirty\"]",
        "/sys/kernel/mm/transparent_hugepage/enabled madvise -> never [\"p/huge-pages\"]",
        "vm.min_free_kbytes 67584 -> 100000 [\"p/min-free\"]",
        "swap on /dev/sda2 on -2 -> off [\"p/no-swap\"]",
        "nofile of process 1000 1024:4096 -> 2000000:2000000 [\"p/files\"]",
    ];
    assert_eq!(lines, expected);
    assert!(plan.left.is_empty(), "{:?}", plan.left);
    // What the kernel changes along with it is in the plan.
    let dirty = &plan.steps[4];
    assert_eq!(dirty.effects[0].0.show(), "vm.dirty_ratio");
    assert_eq!(dirty.effects[0].1.form, "20");
}

#[test]
fn without_consent_and_without_a_process_it_is_left_with_the_reason() {
    let machine = machine(&Steps::default());
    let (_directory, profiles) = profiles(PROFILE);
    let permissions = Permissions {
        allowed: BTreeSet::new(),
        notes: true,
        limits: LimitsOf::Nobody,
        own_only: false,
    };
    let (plan, _) = plan(&profiles, &Options::default(), &machine, &permissions).unwrap_or_else(|_| panic!("a plan"));
    let left: Vec<(&str, &str)> = plan
        .left
        .iter()
        .map(|left| (left.finding.as_str(), left.reason.as_str()))
        .collect();
    assert!(
        left.iter()
            .any(|(rule, why)| *rule == "p/no-swap" && why.contains("--allow swapoff")),
        "{left:?}"
    );
    assert!(
        left.iter()
            .any(|(rule, why)| *rule == "p/files" && why.contains("--pid")),
        "{left:?}"
    );
    assert_eq!(plan.left.len(), 2);
}

#[test]
fn apply_then_revert_is_the_identity_and_twice_is_once() {
    let steps = Steps::default();
    let machine = machine(&steps);
    let disk = MemoryDisk::new(&steps);
    let before = machine.state();
    let plan = plan_of(PROFILE, &machine);
    assert_eq!(apply(&plan, &machine, &disk, &journal(), &account()), Ok(Some(1)));
    let after = machine.state();
    assert_ne!(before, after);
    // Nothing outside the plan and its declared side effects was touched, and nothing that was good already.
    let touched: Vec<&str> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .map(|(before, _)| before.0.as_str())
        .collect();
    let declared = [
        "/proc/swaps",
        "/proc/sys/fs/nr_open",
        "/proc/sys/net/core/somaxconn",
        "/proc/sys/net/ipv4/tcp_fin_timeout",
        "/proc/sys/net/ipv4/tcp_rmem",
        "/proc/sys/vm/dirty_bytes",
        "/proc/sys/vm/dirty_ratio",
        "/proc/sys/vm/min_free_kbytes",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "nofile",
    ];
    assert_eq!(touched, declared);
    let again = plan_of(PROFILE, &machine);
    // /proc/meminfo of this host does not follow /proc/swaps; that there is nothing left to turn off does.
    assert!(again.steps.is_empty(), "{:?}", again.steps);
    assert_eq!(apply(&again, &machine, &disk, &journal(), &account()), Ok(None));
    let reverted = revert(ALL, &machine, &disk, &journal()).expect("it reverts");
    assert!(reverted.complete(), "{reverted:?}");
    assert_eq!(machine.state(), before);
    assert!(records(&disk).is_empty(), "{:?}", disk.files().keys());
    assert_eq!(
        revert(ALL, &machine, &disk, &journal()),
        Ok(runup::fix::revert::Reverted::default())
    );
}

/// Runs apply, or apply and revert, with every step of it going wrong once, and reverts with a new process.
fn with_every_mishap(mishap: impl Fn(u32) -> Mishap, also_revert: bool) {
    let mut at = 0;
    let mut refused = 0;
    loop {
        let steps = Steps::default();
        let machine = machine(&steps);
        let disk = MemoryDisk::new(&steps);
        let before = machine.state();
        let plan = plan_of(PROFILE, &machine);
        if also_revert {
            apply(&plan, &machine, &disk, &journal(), &account()).expect("nothing goes wrong yet");
        }
        steps.start(mishap(at));
        let failed = if also_revert {
            let reverted = revert(ALL, &machine, &disk, &journal());
            reverted.is_err() || reverted.is_ok_and(|reverted| !reverted.complete())
        } else {
            match apply(&plan, &machine, &disk, &journal(), &account()) {
                Ok(_) => false,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    if !steps.died() {
                        // A failure is undone at once; only the record that could not be removed may remain.
                        assert_eq!(machine.state(), before, "step {at}: {error}");
                    }
                    true
                }
            }
        };
        let done = steps.taken() <= at;
        refused += u32::from(failed);
        steps.start(Mishap::None);
        let reverted = revert(ALL, &machine, &disk, &journal()).unwrap_or_else(|error| panic!("step {at}: {error}"));
        assert!(reverted.complete(), "step {at}: {reverted:?}");
        assert_eq!(machine.state(), before, "step {at}");
        // Neither a record nor the half of one: only the count stays, and the lock is no file here.
        let left: Vec<String> = disk
            .files()
            .into_keys()
            .filter(|path| path != "/var/lib/runup/last")
            .collect();
        assert!(left.is_empty(), "step {at}: {left:?}");
        if done {
            break;
        }
        at += 1;
    }
    assert!(at > 12, "only {at} steps");
    assert!(refused > 2, "only {refused} of {at} were noticed");
}

#[test]
fn killed_at_any_step_of_apply_revert_restores() {
    with_every_mishap(Mishap::Dies, false);
}

#[test]
fn a_failure_at_any_step_of_apply_is_undone() {
    for errno in [libc::EIO, libc::ENOSPC, libc::EROFS, libc::EACCES] {
        with_every_mishap(|at| Mishap::Fails(at, errno), false);
    }
}

#[test]
fn killed_at_any_step_of_revert_the_next_one_finishes() {
    with_every_mishap(Mishap::Dies, true);
}

#[test]
fn a_failure_at_any_step_of_revert_is_mended_by_the_next() {
    with_every_mishap(|at| Mishap::Fails(at, libc::EIO), true);
}

fn one_rule(key: &str, comparator: &str) -> String {
    format!("[[rule]]\nid = \"r\"\nsysctl = {{ key = \"{key}\", {comparator} }}\n")
}

#[test]
fn a_kernel_that_ignores_clamps_or_refuses_makes_it_fail() {
    let path = "/proc/sys/net/core/somaxconn";
    for (reaction, became) in [
        (Reaction::Ignores, Some("4096")),
        (Reaction::ClampsTo(9000), Some("9000")),
        (Reaction::Refuses(libc::EINVAL), None),
        (Reaction::Refuses(libc::EPERM), None),
    ] {
        let steps = Steps::default();
        let machine = machine(&steps).reacts(path, reaction);
        let disk = MemoryDisk::new(&steps);
        let before = machine.state();
        let text = format!(
            "{}[[rule]]\nid = \"other\"\nsysctl = {{ key = \"fs.nr_open\", min = 2000000 }}\n",
            one_rule("net.core.somaxconn", "min = 16384")
        );
        let plan = plan_of(&text, &machine);
        assert_eq!(plan.steps.len(), 2);
        let error = apply(&plan, &machine, &disk, &journal(), &account()).expect_err("it fails");
        let ApplyError::Step(failure) = &error else {
            panic!("{error}")
        };
        let (cause, stuck, record) = (&failure.cause, &failure.stuck, &failure.record);
        match (cause, became) {
            (Cause::Became(value), Some(became)) => assert_eq!(value, became),
            (Cause::Refused(_), None) => {}
            other => panic!("{other:?}"),
        }
        assert!(stuck.is_empty() && record.is_none());
        assert_eq!(machine.state(), before);
        assert!(records(&disk).is_empty());
    }
}

#[test]
fn what_the_kernel_rounds_is_applied_where_every_rule_is_content_with_it() {
    let path = "/proc/sys/net/core/somaxconn";
    let other =
        |asked: &str| format!("[[rule]]\nid = \"other\"\nsysctl = {{ key = \"net.core.somaxconn\", {asked} }}\n");
    for (asked, becomes) in [
        (one_rule("net.core.somaxconn", "min = 10000"), Some("10240")),
        // A second rule that passed before, and that the rounded value breaks.
        (
            one_rule("net.core.somaxconn", "min = 10000") + &other("max = 10100"),
            None,
        ),
        (
            one_rule("net.core.somaxconn", "min = 10000") + &other("max = 10300"),
            Some("10240"),
        ),
        (one_rule("net.core.somaxconn", "eq = 10000"), None),
        // Rounded up, a ceiling is not kept.
        (one_rule("net.core.somaxconn", "max = 1000"), None),
    ] {
        let steps = Steps::default();
        let machine = machine(&steps).reacts(path, Reaction::RoundsUpTo(1024));
        let disk = MemoryDisk::new(&steps);
        let before = machine.state();
        let plan = plan_of(&asked, &machine);
        let applied = apply(&plan, &machine, &disk, &journal(), &account());
        let Some(becomes) = becomes else {
            applied.expect_err("it is not what a rule asks for");
            assert_eq!(machine.state(), before, "{asked}");
            continue;
        };
        applied.expect("the rules are content");
        assert_eq!(System::sysctl(&machine, "net.core.somaxconn").as_deref(), Ok(becomes));
        let entries = journal().entries(&disk).expect("a journal");
        assert_eq!(
            entries[0].steps[0].to, becomes,
            "what it became is what revert looks for"
        );
        revert(ALL, &machine, &disk, &journal()).expect("it is its own value");
        assert_eq!(machine.state(), before, "{asked}");
        assert!(records(&disk).is_empty());
    }
}

#[test]
fn what_was_rounded_is_handed_over_and_undone_with_what_follows() {
    let path = "/proc/sys/net/core/somaxconn";
    for steps_to in [1024, 512] {
        let steps = Steps::default();
        let machine = machine(&steps).reacts(path, Reaction::RoundsUpTo(steps_to));
        let disk = MemoryDisk::new(&steps);
        let before = machine.state();
        for least in [10_000, 20_000] {
            let plan = plan_of(&one_rule("net.core.somaxconn", &format!("min = {least}")), &machine);
            apply(&plan, &machine, &disk, &journal(), &account()).expect("applied");
        }
        revert(Request { id: Some(1), ..ALL }, &machine, &disk, &journal()).expect("handed over");
        revert(ALL, &machine, &disk, &journal()).expect("undone");
        assert_eq!(machine.state(), before);
        // The last of two changes fails: the rounded one goes back with it.
        let machine = machine.reacts("/proc/sys/fs/nr_open", Reaction::Refuses(libc::EINVAL));
        let two = one_rule("net.core.somaxconn", "min = 10000")
            + "[[rule]]\nid = \"other\"\nsysctl = { key = \"fs.nr_open\", min = 2000000 }\n";
        let plan = plan_of(&two, &machine);
        assert_eq!(plan.steps.len(), 2);
        apply(&plan, &machine, &disk, &journal(), &account()).expect_err("refused");
        assert_eq!(machine.state(), before);
    }
}

#[test]
fn what_moved_since_the_plan_is_not_written() {
    let steps = Steps::default();
    let machine = machine(&steps);
    let disk = MemoryDisk::new(&steps);
    let plan = plan_of(PROFILE, &machine);
    machine.meddle("/proc/sys/net/ipv4/tcp_fin_timeout", "45\n");
    let before = machine.state();
    let error = apply(&plan, &machine, &disk, &journal(), &account()).expect_err("it moved");
    assert!(matches!(error, ApplyError::Moved { .. }), "{error}");
    assert_eq!(machine.state(), before);
    assert!(records(&disk).is_empty());
}

#[test]
fn what_somebody_else_changed_since_stays_unless_forced() {
    let steps = Steps::default();
    let machine = machine(&steps);
    let disk = MemoryDisk::new(&steps);
    let plan = plan_of(PROFILE, &machine);
    apply(&plan, &machine, &disk, &journal(), &account()).expect("applied");
    machine.meddle("/proc/sys/net/core/somaxconn", "777\n");
    for _ in 0..2 {
        let reverted = revert(ALL, &machine, &disk, &journal()).expect("reverts");
        assert!(!reverted.complete());
        let changed: Vec<_> = reverted
            .lines
            .iter()
            .filter(|line| matches!(line.what, What::Undone(Undone::Changed(_))))
            .collect();
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].parameter.show(), "net.core.somaxconn");
        assert!(
            machine
                .state()
                .contains(&("/proc/sys/net/core/somaxconn".into(), "777\n".into()))
        );
    }
    let forced = Request { force: true, ..ALL };
    assert!(revert(forced, &machine, &disk, &journal()).expect("reverts").complete());
    assert!(
        machine
            .state()
            .contains(&("/proc/sys/net/core/somaxconn".into(), "4096\n".into()))
    );
    assert!(records(&disk).is_empty());
}

#[test]
fn two_applies_come_back_in_either_order() {
    for order in [[2, 1], [1, 2]] {
        for kill in 0..40 {
            let steps = Steps::default();
            let machine = machine(&steps);
            let disk = MemoryDisk::new(&steps);
            let before = machine.state();
            for floor in [8000, 16384] {
                let text = format!(
                    "{}[[rule]]\nid = \"d\"\nsysctl = {{ key = \"vm.dirty_bytes\", min = {} }}\n",
                    one_rule("net.core.somaxconn", &format!("min = {floor}")),
                    floor * 65536
                );
                apply(&plan_of(&text, &machine), &machine, &disk, &journal(), &account()).expect("applied");
            }
            for id in order {
                let request = Request { id: Some(id), ..ALL };
                // The first is killed somewhere, and done again.
                steps.start(Mishap::Dies(kill));
                let _ = revert(request, &machine, &disk, &journal());
                steps.start(Mishap::None);
                match revert(request, &machine, &disk, &journal()) {
                    Ok(reverted) => assert!(reverted.complete(), "{order:?} {kill}: {reverted:?}"),
                    Err(RevertError::Unknown(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(machine.state(), before, "{order:?}, killed at {kill}");
            assert!(disk.files().keys().all(|path| !path.ends_with(".json")));
        }
    }
}

#[test]
fn the_older_apply_after_a_crash_of_the_newer() {
    // The newer one was killed before it wrote anything: what is there is the older one's value.
    for kill in 0..30 {
        let steps = Steps::default();
        let machine = machine(&steps);
        let disk = MemoryDisk::new(&steps);
        let before = machine.state();
        let first = plan_of(&one_rule("net.core.somaxconn", "min = 8000"), &machine);
        apply(&first, &machine, &disk, &journal(), &account()).expect("applied");
        let second = plan_of(&one_rule("net.core.somaxconn", "min = 16384"), &machine);
        steps.start(Mishap::Dies(kill));
        let _ = apply(&second, &machine, &disk, &journal(), &account());
        steps.start(Mishap::None);
        let _ = revert(Request { id: Some(1), ..ALL }, &machine, &disk, &journal());
        let rest = revert(ALL, &machine, &disk, &journal()).expect("reverts");
        assert!(rest.complete(), "{kill}: {rest:?}");
        assert_eq!(machine.state(), before, "killed at {kill}");
    }
}

#[test]
fn another_boot_another_namespace_and_damage_are_errors() {
    let steps = Steps::default();
    let machine = machine(&steps);
    let disk = MemoryDisk::new(&steps);
    let plan = plan_of(&one_rule("net.core.somaxconn", "min = 8000"), &machine);
    apply(&plan, &machine, &disk, &journal(), &account()).expect("applied");
    let one = Request { id: Some(1), ..ALL };

    let elsewhere = self::machine(&steps).in_space(space(2));
    let untouched = elsewhere.state();
    let error = revert(one, &elsewhere, &disk, &journal()).expect_err("another namespace");
    assert!(error.to_string().contains("nsenter"), "{error}");
    let reverted = revert(ALL, &elsewhere, &disk, &journal()).expect("nothing of its own");
    assert_eq!((reverted.lines.len(), reverted.foreign.len()), (0, 1));
    assert_eq!(elsewhere.state(), untouched);

    let later = self::machine(&steps).in_space(in_boot("boot-2", 1));
    let error = revert(one, &later, &disk, &journal()).expect_err("another boot");
    assert!(error.to_string().contains("--forget 1"), "{error}");
    assert_eq!(later.state(), untouched);
    // That the boot is another one says that it is not this one, and not that it is over: another machine may share the
    // directory.
    let told = |start: i64| {
        self::machine(&steps)
            .in_space(in_boot("boot-2", 1))
            .file("/proc/stat", &format!("cpu 1 1\nbtime {start}\n"))
    };
    for unproven in [&later, &told(System::now(&later) - 1)] {
        apply(&plan, unproven, &disk, &journal(), &account()).expect("applied");
        assert!(
            journal()
                .entries(&disk)
                .expect("whole")
                .iter()
                .any(|entry| entry.id == 1)
        );
        let newest = journal().entries(&disk).expect("whole").last().expect("one").id;
        forget(newest, unproven, &disk, &journal()).expect("forgotten");
    }
    disk.put("/var/lib/runup/last", b"1\n");
    // The next apply after a restart drops what the restart has undone.
    apply(&plan, &told(System::now(&later) + 1), &disk, &journal(), &account()).expect("applied");
    assert_eq!(journal().entries(&disk).expect("whole").len(), 1);
    forget(2, &later, &disk, &journal()).expect("forgotten");
    assert!(matches!(
        forget(2, &later, &disk, &journal()),
        Err(RevertError::Unknown(2))
    ));

    apply(&plan, &machine_after(&machine), &disk, &journal(), &account()).expect("applied");
    let path = "/var/lib/runup/000003.json";
    let whole = disk.read(path).expect("a record");
    let state = machine.state();
    for damaged in [
        whole[..whole.len() / 2].to_vec(),
        Vec::new(),
        String::from_utf8_lossy(&whole).replace("4096", "4097").into_bytes(),
        String::from_utf8_lossy(&whole)
            .replace("journal/1", "journal/9")
            .into_bytes(),
        vec![0xff; 20],
    ] {
        disk.put(path, &damaged);
        let error = revert(ALL, &machine, &disk, &journal()).expect_err("damaged");
        assert!(error.to_string().contains("damaged"), "{error}");
        let error = apply(&plan_of(PROFILE, &machine), &machine, &disk, &journal(), &account()).expect_err("damaged");
        assert!(error.to_string().contains(path), "{error}");
        assert_eq!(machine.state(), state);
    }
}

/// Rewrites a record, as another version of runup would have written it.
fn rewrite(disk: &MemoryDisk, id: u64, change: impl Fn(&str) -> String) {
    let path = format!("/var/lib/runup/{id:06}.json");
    let text = String::from_utf8(disk.read(&path).expect("a record")).expect("text");
    let (_, body) = text.split_once('\n').expect("two lines");
    let body = change(body.trim_end());
    let text = format!("runup.journal/1 {:016x}\n{body}\n", checksum(body.as_bytes()));
    disk.put(&path, text.as_bytes());
}

#[test]
fn a_record_of_an_unknown_boot_or_namespace_is_kept_said_and_undone_by_force() {
    let unknown_boot = |text: &str| text.replace("\"boot-1\"", "\"?\"");
    let namespace = |to: &'static str| {
        move |text: &str| {
            assert!(text.contains("network namespace 4026531001 cookie 1"), "{text}");
            text.replace("network namespace 4026531001 cookie 1", to)
        }
    };
    let changes: [&dyn Fn(&str) -> String; 3] = [&unknown_boot, &namespace("network namespace ?"), &|text| {
        unknown_boot(&namespace("network namespace cookie 9")(text))
    }];
    for change in changes {
        let steps = Steps::default();
        let machine = machine(&steps).file("/proc/stat", "btime 99999999999\n");
        let disk = MemoryDisk::new(&steps);
        let before = machine.state();
        let first = plan_of(&one_rule("net.core.somaxconn", "min = 8000"), &machine);
        apply(&first, &machine, &disk, &journal(), &account()).expect("applied");
        rewrite(&disk, 1, change);
        let second = plan_of(&one_rule("net.ipv4.tcp_fin_timeout", "max = \"30s\""), &machine);
        apply(&second, &machine, &disk, &journal(), &account()).expect("applied");
        assert_eq!(records(&disk).len(), 2, "it is kept");

        let error = revert(Request { id: Some(1), ..ALL }, &machine, &disk, &journal()).expect_err("unclear");
        assert!(error.to_string().contains("--force 1"), "{error}");
        let reverted = revert(ALL, &machine, &disk, &journal()).expect("the other one");
        assert_eq!((reverted.lines.len(), reverted.foreign.len()), (1, 1), "{reverted:?}");
        assert_eq!(records(&disk).len(), 1, "it is kept");

        let reverted = revert(Request { force: true, ..ALL }, &machine, &disk, &journal()).expect("forced");
        assert!(reverted.complete() && reverted.unclear.len() == 1, "{reverted:?}");
        assert_eq!(machine.state(), before);
        assert!(records(&disk).is_empty());
    }
}

#[test]
fn what_older_versions_recorded_is_undone_without_force() {
    for place in ["network namespace cookie 1", "network namespace 4026531001"] {
        let steps = Steps::default();
        let machine = machine(&steps);
        let disk = MemoryDisk::new(&steps);
        let before = machine.state();
        let plan = plan_of(&one_rule("net.core.somaxconn", "min = 8000"), &machine);
        apply(&plan, &machine, &disk, &journal(), &account()).expect("applied");
        rewrite(&disk, 1, |text| {
            text.replace("network namespace 4026531001 cookie 1", place)
        });
        assert!(revert(ALL, &machine, &disk, &journal()).expect("reverts").complete());
        assert_eq!(machine.state(), before, "{place}");
    }
}

#[test]
fn where_a_record_could_not_be_known_again_nothing_is_applied() {
    let failure = || Failure::Denied(libc::EACCES);
    let hidden = NamespaceId {
        cookie: Err(failure()),
        inode: Err(failure()),
    };
    for (space, what) in [
        (
            Space {
                boot: Boot::Unknown("boot_id: hidden".to_owned()),
                ..space(1)
            },
            "boot_id: hidden",
        ),
        (
            Space {
                net: hidden,
                ..space(1)
            },
            "network namespace",
        ),
    ] {
        let steps = Steps::default();
        let machine = machine(&steps);
        let disk = MemoryDisk::new(&steps);
        let first = plan_of(&one_rule("net.ipv4.tcp_fin_timeout", "max = \"30s\""), &machine);
        apply(&first, &machine, &disk, &journal(), &account()).expect("applied");
        let machine = machine.in_space(space);
        let state = machine.state();
        let plan = plan_of(&one_rule("net.core.somaxconn", "min = 8000"), &machine);
        let error = apply(&plan, &machine, &disk, &journal(), &account()).expect_err("refused");
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!((machine.state(), records(&disk).len()), (state, 1));
    }
}

#[test]
fn the_count_never_starts_again() {
    for held in ["18446744073709551615\n", "many\n", "", "-1\n"] {
        let steps = Steps::default();
        let machine = machine(&steps);
        let disk = MemoryDisk::new(&steps);
        disk.put("/var/lib/runup/last", held.as_bytes());
        let state = machine.state();
        let plan = plan_of(PROFILE, &machine);
        let error = apply(&plan, &machine, &disk, &journal(), &account()).expect_err("it cannot count on");
        assert!(error.to_string().contains("/var/lib/runup/last"), "{error}");
        assert_eq!((machine.state(), records(&disk).len()), (state, 0));
    }
}

/// A machine as fresh as another one was.
fn machine_after(_: &MemorySystem) -> MemorySystem {
    machine(&Steps::default())
}

#[test]
fn one_apply_at_a_time() {
    let steps = Steps::default();
    let machine = machine(&steps);
    let disk = MemoryDisk::new(&steps);
    let plan = plan_of(PROFILE, &machine);
    let guard = disk.lock("/var/lib/runup/lock", "x");
    let error = apply(&plan, &machine, &disk, &journal(), &account()).expect_err("held");
    assert!(matches!(error, ApplyError::Busy(_)), "{error}");
    drop(guard);
    apply(&plan, &machine, &disk, &journal(), &account()).expect("free again");
}

#[test]
fn rules_that_pull_at_one_value_are_not_obeyed() {
    let machine = machine(&Steps::default());
    let text = "[[rule]]\nid = \"up\"\nsysctl = { key = \"net.core.somaxconn\", min = 9000 }\n\
                [[rule]]\nid = \"down\"\nsysctl = { key = \"net.core.somaxconn\", max = 5000 }\n";
    let plan = plan_of(text, &machine);
    assert!(plan.left.iter().any(|left| left.reason.contains("pull")), "{plan:?}");
}

#[test]
fn twins_cannot_both_be_set() {
    let steps = Steps::default();
    let machine = machine(&steps);
    let disk = MemoryDisk::new(&steps);
    let before = machine.state();
    let bytes = one_rule("vm.dirty_bytes", "min = \"1GiB\"");
    let ratio = one_rule("vm.dirty_ratio", "min = 30").replace("\"r\"", "\"s\"");
    let mut plan = plan_of(&format!("{bytes}{ratio}"), &machine);
    assert_eq!(plan.steps.len(), 1);
    let left = &plan.left[0].reason;
    assert!(
        left.contains("it makes vm.dirty_bytes 0") && left.contains("--skip"),
        "{left}"
    );
    // A plan that holds both all the same is found out where the first one is read back.
    plan.steps.extend(plan_of(&ratio, &machine).steps);
    let error = apply(&plan, &machine, &disk, &journal(), &account()).expect_err("one undoes the other");
    assert!(error.to_string().contains("--skip"), "{error}");
    assert_eq!(machine.state(), before);
    assert!(records(&disk).is_empty());
}

/// Two profiles that ask for one thing each.
fn plan_of_two(rules: [&str; 2], machine: &MemorySystem) -> Result<Plan, PlanError> {
    let [(_one, first), (_two, second)] = rules.map(|rule| {
        let text = format!("[[rule]]\nid = \"r\"\nsysctl = {{ {rule} }}\n");
        let (place, mut profiles) = profiles(&text);
        (place, profiles.remove(0))
    });
    let (first, mut second) = (first, second);
    second.name = "other".to_owned();
    plan(&[first, second], &Options::default(), machine, &everything()).map(|(plan, _)| plan)
}

#[test]
fn a_setting_is_changed_once_by_whatever_name_and_in_one_unit() {
    let machine = machine(&Steps::default())
        .sysctl("net.ipv4.ip_forward", "0")
        .sysctl("net.ipv4.conf.all.forwarding", "0");
    let made = |plan: &Plan| -> Vec<String> {
        let steps = plan.steps.iter();
        steps
            .map(|step| format!("{} = {} for {}", step.parameter.show(), step.to, step.by.len()))
            .collect()
    };
    let forward = "key = \"net.ipv4.ip_forward\", eq = 1";
    let all = |value: u32| format!("key = \"net.ipv4.conf.all.forwarding\", eq = {value}");
    let plan = plan_of_two([forward, &all(1)], &machine).expect("a plan");
    assert_eq!(made(&plan), ["net.ipv4.ip_forward = 1 for 2"]);
    assert!(matches!(
        plan_of_two([forward, &all(0)], &machine),
        Err(PlanError::Conflicts(conflicts)) if conflicts.len() == 1
    ));

    let bytes = "key = \"vm.dirty_bytes\", min = \"1GiB\"";
    assert!(matches!(
        plan_of_two([bytes, "key = \"vm.dirty_ratio\", eq = 10"], &machine),
        Err(PlanError::Conflicts(conflicts)) if conflicts.len() == 1
    ));
    let plan = plan_of_two(["key = \"vm.dirty_ratio\", max = 10", bytes], &machine).expect("a plan");
    assert_eq!(made(&plan), ["vm.dirty_bytes = 1073741824 for 2"]);
}

#[test]
fn contradicting_profiles_have_no_plan() {
    let (_one, mut first) = profiles(&one_rule("net.core.somaxconn", "min = 9000"));
    let directory = support::directory(&[("q.toml", &one_rule("net.core.somaxconn", "max = 5000"))]);
    let path = directory.path().join("q.toml");
    let second = profile::load(
        &Library::built_in_only(),
        path.to_str().expect("UTF-8"),
        Os::Linux,
        &mut Sources::new(),
        &mut Diagnostics::new(),
    );
    first.extend(second);
    let result = plan(&first, &Options::default(), &machine(&Steps::default()), &everything());
    assert!(matches!(result, Err(PlanError::Conflicts(list)) if list.len() == 1));
}

#[test]
fn the_report_of_the_plan_is_that_of_a_check() {
    let machine = machine(&Steps::default());
    let (_directory, profiles) = profiles(PROFILE);
    let (_, report) =
        plan(&profiles, &Options::default(), &machine, &everything()).unwrap_or_else(|_| panic!("a plan"));
    let failing = report
        .findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Fail);
    assert_eq!(failing.count(), 9);
}

/// A machine with keys of its own and a profile of one rule for each entry, and the keys with their values.
fn made_up(rules: &[(usize, u32, bool, u32)], steps: &Steps) -> (MemorySystem, String, BTreeMap<&'static str, u32>) {
    let mut machine = MemorySystem::linux("6.1.0").in_space(space(1)).counted(steps);
    let mut live = BTreeMap::new();
    let mut text = String::new();
    for (at, (key, value, floor, bound)) in rules.iter().enumerate() {
        live.entry(KEYS[*key]).or_insert(*value);
        let word = if *floor { "min" } else { "max" };
        text += &format!(
            "[[rule]]\nid = \"r{at}\"\nsysctl = {{ key = \"{}\", {word} = {bound} }}\n",
            KEYS[*key]
        );
    }
    for (key, value) in &live {
        machine = machine.sysctl(key, &value.to_string());
    }
    (machine, text, live)
}

/// Keys with their texts, one rule for each: a floor or a ceiling.
fn any_host() -> impl Strategy<Value = Vec<(usize, u32, bool, u32)>> {
    proptest::collection::vec((0..KEYS.len(), 0..5000_u32, any::<bool>(), 0..5000_u32), 1..12)
}

/// Numbers that take any value, touch no other, and are watched by no guard, so that each can go back to whatever it was.
const KEYS: [&str; 5] = [
    "net.core.somaxconn",
    "net.core.netdev_budget",
    "net.ipv4.tcp_max_syn_backlog",
    "net.core.netdev_max_backlog",
    "fs.inotify.max_user_watches",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(support::rounds(256)))]
    #[test]
    fn only_what_fails_is_moved_only_as_far_as_asked_and_all_of_it_back(rules in any_host()) {
        let steps = Steps::default();
        let (machine, text, live) = made_up(&rules, &steps);
        let disk = MemoryDisk::new(&steps);
        let before = machine.state();
        let plan = plan_of(&text, &machine);
        let pulled = !plan.left.is_empty();
        apply(&plan, &machine, &disk, &journal(), &account()).expect("it applies");
        for (key, value) in &live {
            let own: Vec<_> = rules.iter().filter(|rule| KEYS[rule.0] == *key).collect();
            let floor = own.iter().filter(|rule| rule.2).map(|rule| rule.3).max();
            let ceiling = own.iter().filter(|rule| !rule.2).map(|rule| rule.3).min();
            let now: u32 = System::sysctl(&machine, key).expect("there").parse().expect("a number");
            if floor > ceiling && floor.is_some() && ceiling.is_some() {
                continue;
            }
            // Better than asked stays; what fails moves to the bound, and not beyond it.
            let expected = floor.map_or(*value, |floor| floor.max(*value));
            let expected = ceiling.map_or(expected, |ceiling| ceiling.min(expected));
            prop_assert_eq!(now, expected, "{}", key);
        }
        if !pulled {
            prop_assert!(plan_of(&text, &machine).steps.is_empty());
        }
        prop_assert!(revert(ALL, &machine, &disk, &journal()).expect("it reverts").complete());
        prop_assert_eq!(machine.state(), before);
        prop_assert!(records(&disk).is_empty());
    }
    /// Whatever the plan, whichever step of apply and of the revert after it goes wrong: the next revert ends it.
    #[test]
    fn whatever_goes_wrong_at_any_step_it_all_comes_back(
        rules in any_host(),
        at in prop::array::uniform2(0..80_u32),
        kinds in prop::array::uniform2(0..4_usize),
    ) {
        let mishap = |which: usize| match kinds[which] {
            0 | 1 => Mishap::Dies(at[which]),
            2 => Mishap::Fails(at[which], libc::EIO),
            _ => Mishap::Fails(at[which], libc::ENOSPC),
        };
        let steps = Steps::default();
        let (machine, text, _) = made_up(&rules, &steps);
        let disk = MemoryDisk::new(&steps);
        let before = machine.state();
        let plan = plan_of(&text, &machine);
        steps.start(mishap(0));
        if apply(&plan, &machine, &disk, &journal(), &account()).is_err() && !steps.died() {
            prop_assert_eq!(machine.state(), before.clone(), "a failure is undone at once");
        }
        steps.start(mishap(1));
        let _ = revert(ALL, &machine, &disk, &journal());
        steps.start(Mishap::None);
        let reverted = revert(ALL, &machine, &disk, &journal()).expect("it reverts");
        prop_assert!(reverted.complete(), "{:?}", reverted);
        prop_assert_eq!(machine.state(), before);
        prop_assert!(records(&disk).is_empty());
    }
}
