//! Rows that the kernel needs in order: no rule passes over one that is not, and no fix makes one.

mod support;

use proptest::prelude::*;
use runup::diagnostic::Diagnostics;
use runup::engine::{Check, Options};
use runup::finding::{Finding, Outcome};
use runup::host::Host;
use runup::profile::{self, Library};
use runup::rule::Target;
use runup::source::Sources;
use runup::system::Os;
use runup::system::memory::MemorySystem;
use support::{directory, finding, run};

const NEIGHBOURS: [&str; 3] = [
    "net.ipv4.neigh.default.gc_thresh1",
    "net.ipv4.neigh.default.gc_thresh2",
    "net.ipv4.neigh.default.gc_thresh3",
];

/// What a check says of the rules of one text.
fn check(machine: &MemorySystem, text: &str) -> Vec<Finding> {
    let (mut sources, mut sink) = (Sources::new(), Diagnostics::new());
    let files = directory(&[("p.toml", text)]);
    let path = files.path().join("p.toml").display().to_string();
    let profiles: Vec<_> = profile::load(&Library::built_in_only(), &path, Os::Linux, &mut sources, &mut sink)
        .into_iter()
        .collect();
    assert!(sink.is_empty(), "{:?}", sink.into_sorted());
    let host = Host::new(machine);
    let check = Check::prepare(&profiles, Options::default(), &host).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    check.run().findings
}

fn rule(id: &str, subject: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\nseverity = \"error\"\nsysctl = {{ {subject} }}\n")
}

fn row_of(text: &str) -> Vec<i64> {
    text.split_whitespace()
        .map(|word| word.parse().expect("a number"))
        .collect()
}

/// The row that a finding's fix would write, over the one that there is.
fn written(finding: &Finding, live: &[i64; 3]) -> Vec<i64> {
    let changes: Vec<_> = finding.fix.as_ref().expect("a fix").changes().collect();
    assert!(!changes.is_empty(), "{finding:#?}");
    let mut row = live.to_vec();
    for change in changes {
        let Target::Sysctl(key) = &change.target else {
            panic!("{change:?}");
        };
        match NEIGHBOURS.iter().position(|known| known == key) {
            Some(at) => row[at] = change.to.parse().expect("a number"),
            None => row = row_of(&change.to),
        }
    }
    row
}

/// A machine with a row, and a rule about one of its numbers.
fn arrange(key: usize, live: &[i64; 3], at: usize, asked: &str) -> (MemorySystem, String) {
    let rows = [
        "net.ipv4.tcp_mem",
        "net.ipv4.udp_mem",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    ];
    let machine = MemorySystem::linux("6.1.0");
    match rows.get(key) {
        Some(key) => {
            let text = live.map(|number| number.to_string()).join("\t");
            let subject = format!("key = \"{key}\", field = {}, {asked}", at + 1);
            (machine.sysctl(key, &text), rule("row", &subject))
        }
        None => {
            let machine = NEIGHBOURS.iter().zip(live).fold(machine, |machine, (key, number)| {
                machine.sysctl(key, &number.to_string())
            });
            (machine, rule("row", &format!("key = \"{}\", {asked}", NEIGHBOURS[at])))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(support::rounds(400)))]
    #[test]
    fn what_is_proposed_is_in_order_and_passes_and_what_passes_is_left(
        key in 0..5_usize,
        live in prop::array::uniform3(1..2000_i64),
        sorted in prop::bool::weighted(0.7),
        at in 0..3_usize,
        floor in prop::option::of(1..2000_i64),
        more in 0..1000_i64,
        has_ceiling: bool,
    ) {
        let mut live = live;
        if sorted {
            live.sort_unstable();
        }
        let ceiling = (has_ceiling || floor.is_none()).then_some(floor.unwrap_or(500) + more);
        let asked: Vec<String> = [("min", floor), ("max", ceiling)]
            .iter()
            .filter_map(|(name, number)| number.map(|number| format!("{name} = {number}")))
            .collect();
        let (machine, text) = arrange(key, &live, at, &asked.join(", "));
        let holds = |number: i64| floor.is_none_or(|floor| number >= floor) && ceiling.is_none_or(|ceiling| number <= ceiling);
        let findings = check(&machine, &text);
        let passes = live.is_sorted() && holds(live[at]);
        prop_assert_eq!(findings[0].outcome == Outcome::Pass, passes, "{:?}", findings);
        if passes {
            prop_assert!(findings[0].fix.is_none());
        } else {
            let row = written(&findings[0], &live);
            prop_assert!(row.is_sorted() && holds(row[at]), "{:?} -> {:?}", live, row);
            // As near as can be: what the rule is about goes to its bound, and no further.
            let nearest = live[at].max(floor.unwrap_or(0)).min(ceiling.unwrap_or(i64::MAX));
            prop_assert_eq!(row[at], nearest);
        }
    }
}

#[test]
fn rules_about_several_fields_get_one_row() {
    let machine = MemorySystem::linux("6.1.0").sysctl("net.ipv4.tcp_mem", "300\t400\t600");
    let field = |name: &str, asked: &str| {
        rule(
            name,
            &format!("key = \"net.ipv4.tcp_mem\", field = \"{name}\", {asked}"),
        )
    };
    let both = format!("{}{}", field("pressure", "max = 200"), field("high", "max = 220"));
    for finding in check(&machine, &both) {
        assert_eq!(written(&finding, &[300, 400, 600]), [150, 200, 220]);
    }
}

#[test]
fn the_next_boot_does_not_pass_with_a_row_out_of_order() {
    let files = directory(&[
        ("proc/sys/kernel/osrelease", "5.15.0\n"),
        ("proc/sys/kernel/arch", "x86_64\n"),
        ("proc/meminfo", "MemTotal:       33554432 kB\n"),
        ("proc/sys/net/ipv4/tcp_mem", "300\t400\t600\n"),
        ("etc/sysctl.d/90-a.conf", "net.ipv4.tcp_mem = 600 600 500\n"),
    ]);
    let json = run(&[
        "check",
        "default",
        "--root",
        &files.path().display().to_string(),
        "--format",
        "json",
    ])
    .out;
    let finding = finding(&json, "tcp-memory-in-pages");
    assert_eq!(finding["outcome"], "pass", "{finding}");
    assert!(finding.to_string().contains("90-a.conf"), "{finding}");
}

/// 32 GiB of memory, and numbers that were meant to be bytes: a quarter of memory is 2097152 pages.
#[test]
fn memory_for_tcp_in_bytes_is_lowered_as_a_whole() {
    let tree = |row: &str| {
        directory(&[
            ("proc/sys/kernel/osrelease", "5.15.0\n"),
            ("proc/sys/kernel/arch", "x86_64\n"),
            ("proc/meminfo", "MemTotal:       33554432 kB\n"),
            (
                "proc/self/net/sockstat",
                "sockets: used 9\nTCP: inuse 4 orphan 0 tw 0 alloc 5 mem 3\n",
            ),
            ("proc/sys/net/ipv4/tcp_mem", row),
        ])
    };
    let apply = |files: &tempfile::TempDir| {
        let root = files.path().display().to_string();
        run(&[
            "apply",
            "default",
            "--root",
            &root,
            "--only",
            "tcp-memory-in-pages",
            "--dry-run",
        ])
        .out
    };
    let files = tree("8388608\t8388608\t8388608\n");
    let plan = apply(&files);
    assert!(plan.contains("+ 2097152 2097152 2097152\n"), "{plan}");
    let export = tree("3145728\t4194304\t6291456\n");
    assert!(
        apply(&export).contains("+ 1048576 1398101 2097152\n"),
        "{}",
        apply(&export)
    );

    // What the old mending left behind does not pass.
    let files = tree("8388608\t8388608\t2097152\n");
    let root = files.path().display().to_string();
    let json = run(&["check", "default", "--root", &root, "--format", "json"]).out;
    let found = finding(&json, "tcp-memory-in-pages");
    assert_eq!(found["outcome"], "fail", "{found}");
    assert!(
        found["reason"].as_str().expect("a reason").contains("out of order"),
        "{found}"
    );
    assert!(
        apply(&files).contains("+ 2097152 2097152 2097152\n"),
        "{}",
        apply(&files)
    );
}

#[test]
fn neighbours_give_way_to_the_one_that_is_raised() {
    let files = directory(&[
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("proc/sys/net/ipv4/neigh/default/gc_thresh1", "128\n"),
        ("proc/sys/net/ipv4/neigh/default/gc_thresh2", "512\n"),
        ("proc/sys/net/ipv4/neigh/default/gc_thresh3", "1024\n"),
        (
            "p.toml",
            &rule("neighbours", &format!("key = \"{}\", min = 8192", NEIGHBOURS[1])),
        ),
    ]);
    let root = files.path().display().to_string();
    let profile = files.path().join("p.toml").display().to_string();
    let plan = run(&["apply", &profile, "--root", &root, "--dry-run"]).out;
    for key in &NEIGHBOURS[1..] {
        let last = if *key == NEIGHBOURS[1] { 512 } else { 1024 };
        assert!(plan.contains(&format!("{key}\n  - {last}\n  + 8192\n")), "{plan}");
    }
    assert!(!plan.contains("gc_thresh1"), "{plan}");
}

#[test]
fn a_range_of_ports_that_falls_is_no_range() {
    let machine = MemorySystem::linux("6.1.0").sysctl("net.ipv4.ip_local_port_range", "60999\t32768");
    let found = check(
        &machine,
        &rule(
            "ports",
            "key = \"net.ipv4.ip_local_port_range\", covers = \"40000-50000\"",
        ),
    );
    assert_ne!(found[0].outcome, Outcome::Pass, "{found:?}");
}
