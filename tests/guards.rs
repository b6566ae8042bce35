//! Changes that can stop a machine are refused without consent, with the numbers; so are those of which nobody can tell.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use runup::catalogue::{self, Danger};
use runup::diagnostic::Diagnostics;
use runup::engine::{Check, Options};
use runup::export;
use runup::fix::guard;
use runup::fix::plan::{Consent, LimitsOf, Permissions, Plan, plan};
use runup::host::Host;
use runup::profile::{self, Library, Profile};
use runup::source::Sources;
use runup::system::Os;
use runup::system::memory::{Fault, MemorySystem};
use support::{directory, run, run_in};

const MEMINFO: &str = "MemTotal:         983496 kB\nMemFree:          800000 kB\nMemAvailable:     864000 kB\n\
                       SwapTotal:             0 kB\nSwapFree:              0 kB\nCommitLimit:      491748 kB\n\
                       Committed_AS:     626652 kB\nHugePages_Total:       0\nHugepagesize:       2048 kB\n\
                       Hugetlb:               0 kB\n";

/// The same machine, on which little is promised.
const CALM: &str = "MemTotal: 983496 kB\nMemAvailable: 864000 kB\nSwapTotal: 0 kB\nCommitted_AS: 100000 kB\n\
                    Hugepagesize: 2048 kB\nHugetlb: 0 kB\n";

const CONNECTION: &str = "  sl  local_address remote_address st\n   0: 0100 B80D01200000000000000000020000:0050 01 0\n";
const ROUTES: &str =
    "Iface\tDestination\tGateway\neth0\t00000000\t010011AC\neth0\t000011AC\t00000000\ndocker0\t000012AC\t00000000\n";
const ROUTES6: &str =
    "fe800000000000000000000000000000 40 0 eth0\nfe800000000000000000000000000000 40 0 docker0\n0 0 0 lo\n";
const HUGE: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

/// A small machine on which something is in use of everything.
fn machine() -> MemorySystem {
    MemorySystem::linux("6.1.0")
        .file("/proc/meminfo", MEMINFO)
        .file("/proc/swaps", "Filename Type Size Used Priority\n")
        .file("/proc/loadavg", "0.00 0.01 0.05 2/1000 4321\n")
        .file("/proc/2000/limits", LIMITS)
        .file("/proc/self/limits", &LIMITS.replace("524288", "4096"))
        .file(
            "/proc/self/mountinfo",
            &"22 1 0:2 / / rw - ext4 /dev/sda1 rw\n".repeat(500),
        )
        .file(
            "/proc/self/net/sockstat",
            "TCP: inuse 5 orphan 0 tw 0 alloc 5 mem 5000\nUDP: inuse 2 mem 3000\n",
        )
        .file(
            "/proc/self/net/stat/arp_cache",
            "entries  allocs\n00000200  0\n00000200  0\n",
        )
        .file("/proc/self/net/stat/ndisc_cache", "entries  allocs\n00000200  0\n")
        .file("/proc/self/net/tcp6", CONNECTION)
        .file("/proc/self/net/route", ROUTES)
        .file("/proc/self/net/ipv6_route", ROUTES6)
        .file(HUGE, "0\n")
        .sysctl("fs.file-nr", "20000\t0\t100000")
        .sysctl("fs.aio-nr", "40000")
        .sysctl("kernel.pty.nr", "20")
        .sysctl("kernel.panic", "0")
        .sysctl("kernel.panic_on_oops", "1")
        .sysctl("net.netfilter.nf_conntrack_count", "3000")
        .sysctl("vm.overcommit_memory", "0")
        .sysctl("vm.overcommit_ratio", "50")
        .sysctl("vm.overcommit_kbytes", "0")
        .sysctl("vm.nr_hugepages", "0")
        .sysctl("vm.min_free_kbytes", "45056")
}

const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 524288               files\n";

/// A change that a guard is for.
struct Case {
    guard: &'static str,
    key: &'static str,
    /// What it is.
    live: &'static str,
    /// What bites.
    bites: &'static str,
    /// What does not, with files that make it so.
    holds: (&'static str, &'static [(&'static str, &'static str)]),
    /// The file that would tell; empty where nothing could.
    tells: &'static str,
}

const fn case(guard: &'static str, [key, live, bites, holds, tells]: [&'static str; 5]) -> Case {
    Case {
        guard,
        key,
        live,
        bites,
        holds: (holds, &[]),
        tells,
    }
}

const fn calm(mut case: Case, files: &'static [(&'static str, &'static str)]) -> Case {
    case.holds.1 = files;
    case
}

/// The guard, then: key, live value, what bites, what does not, the file that tells.
static CASES: &[Case] = &[
    calm(
        case(
            "commit-limit",
            ["vm.overcommit_memory", "0", "eq = 2", "eq = 2", "/proc/meminfo"],
        ),
        &[("/proc/meminfo", CALM)],
    ),
    case(
        "threads",
        [
            "kernel.threads-max",
            "7580",
            "max = 1050",
            "max = 2000",
            "/proc/loadavg",
        ],
    ),
    case(
        "process-numbers",
        ["kernel.pid_max", "32768", "max = 2100", "max = 2600", "/proc/loadavg"],
    ),
    case(
        "open-files",
        [
            "fs.file-max",
            "100000",
            "max = 20100",
            "max = 30000",
            "/proc/sys/fs/file-nr",
        ],
    ),
    case(
        "descriptors-of-a-process",
        [
            "fs.nr_open",
            "1048576",
            "max = 500000",
            "max = 524288",
            "/proc/2000/limits",
        ],
    ),
    case(
        "mounts",
        [
            "fs.mount-max",
            "100000",
            "max = 550",
            "max = 1000",
            "/proc/self/mountinfo",
        ],
    ),
    case(
        "asynchronous-requests",
        [
            "fs.aio-max-nr",
            "65536",
            "max = 30000",
            "max = 50000",
            "/proc/sys/fs/aio-nr",
        ],
    ),
    case(
        "terminals",
        [
            "kernel.pty.max",
            "4096",
            "max = 40",
            "max = 100",
            "/proc/sys/kernel/pty/nr",
        ],
    ),
    case(
        "free-reserve",
        [
            "vm.min_free_kbytes",
            "45056",
            "min = \"200MiB\"",
            "min = \"90MiB\"",
            "/proc/meminfo",
        ],
    ),
    case(
        "memory-taken",
        ["vm.nr_hugepages", "0", "min = 400", "min = 300", "/proc/meminfo"],
    ),
    case(
        "mappings-default",
        ["vm.max_map_count", "1048576", "max = 65000", "max = 262144", ""],
    ),
    case(
        "mappings-in-use",
        [
            "vm.max_map_count",
            "1048576",
            "max = 70500",
            "max = 262144",
            "/proc/2000/maps",
        ],
    ),
    case(
        "tracked-connections",
        [
            "net.netfilter.nf_conntrack_max",
            "65536",
            "max = 3000",
            "max = 8000",
            "/proc/sys/net/netfilter/nf_conntrack_count",
        ],
    ),
    case(
        "tcp-memory",
        [
            "net.ipv4.tcp_mem",
            "10000\t20000\t30000",
            "eq = \"3000 4000 5500\"",
            "eq = \"5000 10000 20000\"",
            "/proc/self/net/sockstat",
        ],
    ),
    case(
        "udp-memory",
        [
            "net.ipv4.udp_mem",
            "10000\t20000\t30000",
            "eq = \"1000 2000 2500\"",
            "eq = \"5000 10000 20000\"",
            "/proc/self/net/sockstat",
        ],
    ),
    case(
        "neighbours-ipv4",
        [
            "net.ipv4.neigh.default.gc_thresh3",
            "4096",
            "max = 512",
            "max = 1024",
            "/proc/self/net/stat/arp_cache",
        ],
    ),
    case(
        "neighbours-ipv6",
        [
            "net.ipv6.neigh.default.gc_thresh3",
            "4096",
            "max = 512",
            "max = 1024",
            "/proc/self/net/stat/ndisc_cache",
        ],
    ),
    calm(
        case(
            "connections-over-ipv6",
            [
                "net.ipv6.conf.all.disable_ipv6",
                "0",
                "eq = 1",
                "eq = 1",
                "/proc/self/net/tcp6",
            ],
        ),
        // To the machine itself, of IPv4 in disguise, and one that is closing.
        &[(
            "/proc/self/net/tcp6",
            "  sl  local remote st\n 0: 1 00000000000000000000000001000000:0050 01\n 1: 1 0000000000000000FFFF00000100007F:0050 01\n \
             2: 1 B80D0120000000000000000002000000:0050 06\n",
        )],
    ),
    calm(
        case(
            "strict-source-check",
            [
                "net.ipv4.conf.all.rp_filter",
                "0",
                "eq = 1",
                "eq = 1",
                "/proc/self/net/route",
            ],
        ),
        &[("/proc/self/net/route", "Iface\tDestination\neth0\t0\neth0\t1\nlo\t2\n")],
    ),
    calm(
        case(
            "forwarding-ipv4",
            ["net.ipv4.ip_forward", "1", "eq = 0", "eq = 0", "/proc/self/net/route"],
        ),
        &[("/proc/self/net/route", "Iface\tDestination\neth0\t0\n")],
    ),
    calm(
        case(
            "forwarding-ipv6",
            [
                "net.ipv6.conf.all.forwarding",
                "1",
                "eq = 0",
                "eq = 0",
                "/proc/self/net/ipv6_route",
            ],
        ),
        &[("/proc/self/net/ipv6_route", "fe80 40 eth0\nfe80 40 lo\n")],
    ),
    case(
        "answers-to-ping",
        ["net.ipv4.icmp_echo_ignore_all", "0", "eq = 1", "max = 0", ""],
    ),
    case(
        "namespaces",
        ["user.max_user_namespaces", "15000", "eq = 0", "max = 100", ""],
    ),
    case(
        "panic-without-memory",
        ["vm.panic_on_oom", "0", "eq = 2", "max = 0", ""],
    ),
    case(
        "panic-at-a-stall",
        ["kernel.softlockup_panic", "0", "eq = 1", "max = 0", ""],
    ),
    calm(
        case(
            "panic-for-ever",
            [
                "kernel.panic_on_oops",
                "0",
                "eq = 1",
                "eq = 1",
                "/proc/sys/kernel/panic",
            ],
        ),
        &[("/proc/sys/kernel/panic", "10\n")],
    ),
    case(
        "no-restart-after-panic",
        [
            "kernel.panic",
            "10",
            "eq = 0",
            "min = 5",
            "/proc/sys/kernel/panic_on_oops",
        ],
    ),
    case(
        "real-time-without-end",
        ["kernel.sched_rt_runtime_us", "950000", "eq = -1", "min = 900000", ""],
    ),
    case(
        "caches-that-stay",
        ["vm.vfs_cache_pressure", "100", "eq = 0", "max = 50", ""],
    ),
];

fn profiles(text: &str) -> Vec<Profile> {
    let directory = directory(&[("p.toml", text)]);
    let mut sink = Diagnostics::new();
    let path = directory.path().join("p.toml");
    let library = Library::built_in_only();
    let profile = profile::load(
        &library,
        path.to_str().expect("UTF-8"),
        Os::Linux,
        &mut Sources::new(),
        &mut sink,
    );
    assert!(sink.is_empty(), "{:?}", sink.into_sorted());
    vec![profile.expect("it loads")]
}

fn rule(id: &str, key: &str, asks: &str) -> String {
    if let Some(path) = key.strip_prefix("/sys/") {
        return format!("[[rule]]\nid = \"{id}\"\nsysfs = {{ path = \"{path}\", {asks} }}\n");
    }
    format!("[[rule]]\nid = \"{id}\"\nsysctl = {{ key = \"{key}\", {asks} }}\n")
}

/// The plan with every consent but `risky`, or with all of them.
fn plan_of(text: &str, machine: &MemorySystem, risky: bool) -> Plan {
    let allowed = Consent::ALL
        .into_iter()
        .filter(|consent| risky || *consent != Consent::Risky);
    let permissions = Permissions {
        allowed: allowed.collect(),
        limits: LimitsOf::Nobody,
        own_only: false,
        notes: true,
    };
    plan(&profiles(text), &Options::default(), machine, &permissions)
        .unwrap_or_else(|_| panic!("there is a plan for\n{text}"))
        .0
}

fn with(case: &Case, files: &[(&str, &str)]) -> MemorySystem {
    // Only one guard looks at them, and they are many.
    let lines = if case.key == "vm.max_map_count" { 70_000 } else { 1 };
    let maps = "00400000-00452000 r-xp 00000000 08:02 1 /bin/x\n".repeat(lines);
    let machine = machine().file("/proc/2000/maps", &maps).sysctl(case.key, case.live);
    files
        .iter()
        .fold(machine, |machine, (path, text)| machine.file(path, text))
}

#[test]
fn every_guard_has_a_case() {
    let known: BTreeSet<&str> = catalogue::guards().iter().map(|guard| guard.name).collect();
    assert_eq!(known.len(), catalogue::guards().len(), "two guards have one name");
    let tried: BTreeSet<&str> = CASES.iter().map(|case| case.guard).collect();
    assert_eq!(known, tried);
}

#[test]
fn every_guard_bites_and_lets_go_and_says_what_it_cannot_tell() {
    for case in CASES {
        let guard = catalogue::guards().iter().find(|guard| guard.name == case.guard);
        let guard = guard.unwrap_or_else(|| panic!("{}", case.guard));
        let (harmful, harmless) = (rule("r", case.key, case.bites), rule("r", case.key, case.holds.0));
        let name = case.guard;

        let refused = plan_of(&harmful, &with(case, &[]), false);
        assert!(refused.steps.is_empty(), "{name}: {:?}", refused.steps);
        let left = refused
            .left
            .first()
            .unwrap_or_else(|| panic!("{name}: nothing is left"));
        assert!(
            left.reason.contains(guard.harm) && left.reason.contains("`--allow risky`"),
            "{name}: {}",
            left.reason
        );
        assert_eq!(left.remedy, None, "{name}: the command that does it is no remedy");
        if !matches!(guard.danger, Danger::CannotTell) {
            assert!(
                left.reason.contains(|c: char| c.is_ascii_digit()),
                "{name}: {}",
                left.reason
            );
        }

        let agreed = plan_of(&harmful, &with(case, &[]), true);
        assert_eq!(agreed.steps.len(), 1, "{name}: {:?}", agreed.left);
        assert!(
            agreed.steps[0].dangers.iter().any(|said| said.contains(guard.harm)),
            "{name}"
        );

        let harmless_plan = plan_of(&harmless, &with(case, case.holds.1), false);
        assert!(harmless_plan.left.is_empty(), "{name}: {:?}", harmless_plan.left);
        if harmless == harmful {
            assert_eq!(harmless_plan.steps.len(), 1, "{name}");
        }

        let needs_nothing = matches!(guard.danger, Danger::CannotTell) && guard.only.is_none();
        if case.tells.is_empty() {
            let constant = matches!(
                guard.danger,
                Danger::Room {
                    used: catalogue::Quantity::Constant(..),
                    ..
                }
            );
            assert!(needs_nothing || constant, "{name}: what does it read?");
            continue;
        }
        for fault in [libc::EACCES, libc::EIO].map(Fault::Errno) {
            let blind = with(case, case.holds.1).fault(case.tells, fault);
            let refused = plan_of(&harmful, &blind, false);
            let reason = refused.left.first().map(|left| left.reason.clone()).unwrap_or_default();
            let file = case
                .tells
                .trim_start_matches("/proc/sys/")
                .replace("kernel/", "kernel.");
            assert!(refused.steps.is_empty(), "{name}: {reason}");
            assert!(
                reason.contains("cannot be read")
                    && (reason.contains(case.tells) || reason.contains(&file.replace('/', "."))),
                "{name}: {reason}"
            );
        }
    }
}

const TOGETHER: &str = "[[rule]]\nid = \"strict\"\nsysctl = { key = \"vm.overcommit_memory\", eq = 2 }\n\
                        [[rule]]\nid = \"limit\"\nsysctl = { key = \"vm.overcommit_ratio\", min = 90 }\n";

#[test]
fn the_numbers_are_said() {
    let strict = rule("strict", "vm.overcommit_memory", "eq = 2");
    let plan = plan_of(&strict, &machine(), false);
    assert_eq!(
        plan.left[0].reason,
        "Committed_AS is 626652 kB and CommitLimit would be 491748 kB: no program could start, and `runup revert` could not \
         either; `--allow risky` agrees to that"
    );
    // Room there is, and not enough to go on with.
    let nearly = machine().file("/proc/meminfo", &MEMINFO.replace("626652", "480000"));
    let plan = plan_of(&strict, &nearly, false);
    assert!(
        plan.left[0].reason.starts_with(
            "Committed_AS is 480000 kB and CommitLimit would be 491748 kB, less than 65536 kB above it: soon no program"
        ),
        "{}",
        plan.left[0].reason
    );
}

#[test]
fn steps_of_one_plan_are_seen_together() {
    // With 90 % there is room; the rule that needs it stands first, and its step comes last.
    let names = |plan: &Plan| -> Vec<String> { plan.steps.iter().map(|step| step.parameter.show()).collect() };
    let plan = plan_of(TOGETHER, &machine(), false);
    assert_eq!(
        names(&plan),
        ["vm.overcommit_ratio", "vm.overcommit_memory"],
        "{:?}",
        plan.left
    );
    // Kilobytes are 0 as soon as the ratio is written, and only they left room.
    let kilobytes = machine().sysctl("vm.overcommit_kbytes", "900000");
    let lower = TOGETHER.replace("min = 90", "eq = 40");
    let plan = plan_of(&lower, &kilobytes, false);
    assert_eq!(names(&plan), ["vm.overcommit_memory"]);
    assert!(
        plan.left[0].reason.contains("CommitLimit would be 393398"),
        "{}",
        plan.left[0].reason
    );
    // What is in huge pages is not there for promises, and what is swapped to is.
    let huge = format!("{TOGETHER}{}", rule("huge", "vm.nr_hugepages", "min = 100"));
    let plan = plan_of(&huge, &machine(), false);
    assert_eq!(names(&plan).len(), 2, "{:?}", plan.left);
    assert!(
        plan.left[0].reason.contains("CommitLimit would be 700826"),
        "{}",
        plan.left[0].reason
    );
    let swap = "Filename Type Size Used Priority\n/dev/sda2 partition 500000 0 -2\n";
    let swapping = machine().file("/proc/swaps", swap).file(
        "/proc/meminfo",
        &MEMINFO.replace("SwapTotal:             0", "SwapTotal: 500000"),
    );
    let strict = rule("strict", "vm.overcommit_memory", "eq = 2");
    assert_eq!(names(&plan_of(&strict, &swapping, false)).len(), 1);
    let off = format!("{strict}[[rule]]\nid = \"swap\"\nmemory = {{ swap = 0 }}\n");
    let plan = plan_of(&off, &swapping, false);
    assert_eq!(names(&plan), ["vm.overcommit_memory"]);
    assert!(
        plan.left[0].reason.contains("CommitLimit would be 491748"),
        "{}",
        plan.left[0].reason
    );
    // Panic and restart.
    let panic = format!(
        "{}{}",
        rule("oops", "kernel.panic_on_oops", "eq = 1"),
        rule("restart", "kernel.panic", "eq = 10")
    );
    assert_eq!(
        names(&plan_of(&panic, &machine().sysctl("kernel.panic_on_oops", "0"), false)),
        ["kernel.panic", "kernel.panic_on_oops"]
    );
}

#[test]
fn what_is_better_than_before_is_let_through() {
    // It was wrong already, and is less so.
    let full = machine()
        .sysctl("vm.overcommit_memory", "2")
        .sysctl("kernel.threads-max", "900");
    for (key, asks) in [
        ("vm.overcommit_ratio", "min = 55"),
        ("vm.overcommit_memory", "eq = 0"),
        ("kernel.threads-max", "min = 1010"),
    ] {
        let plan = plan_of(&rule("r", key, asks), &full, false);
        assert_eq!(plan.steps.len(), 1, "{key}: {:?}", plan.left);
    }
    let plan = plan_of(&rule("r", "vm.overcommit_ratio", "max = 45"), &full, false);
    assert!(plan.steps.is_empty());
    let plan = plan_of(&rule("r", HUGE, "min = 1000"), &machine(), false);
    assert!(plan.left[0].reason.contains("2048000 kB"), "{}", plan.left[0].reason);
}

#[test]
fn a_connection_that_sshd_tells_of_counts() {
    let none = "  sl  local_address remote_address st\n";
    let asks = rule("r", "net.ipv6.conf.eth0.disable_ipv6", "eq = 1");
    let by_ssh = |peer: &str| {
        let machine = machine()
            .file("/proc/self/net/tcp6", none)
            .sysctl("net.ipv6.conf.eth0.disable_ipv6", "0")
            .environment("SSH_CONNECTION", &format!("{peer} 50000 2001:db8::1 22"));
        plan_of(&asks, &machine, false).steps.len()
    };
    assert_eq!(
        (by_ssh("2001:db8::2"), by_ssh("192.0.2.1"), by_ssh("::ffff:192.0.2.1")),
        (0, 1, 1)
    );
}

/// A tree that stands for the same machine.
fn tree() -> tempfile::TempDir {
    directory(&[
        (
            "p.toml",
            TOGETHER
                .split("[[rule]]\nid = \"limit\"")
                .next()
                .expect("the first rule"),
        ),
        ("proc/meminfo", MEMINFO),
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("run/systemd/system/.keep", ""),
        // A kernel that was built without huge pages.
        ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
        ("proc/sys/vm/overcommit_memory", "0\n"),
        ("proc/sys/vm/overcommit_ratio", "50\n"),
        ("proc/sys/vm/overcommit_kbytes", "0\n"),
    ])
}

#[test]
fn what_is_refused_is_not_persisted_either() {
    let tree = tree();
    let at = |path: &str| tree.path().join(path);
    let text = |path: &str| std::fs::read_to_string(at(path)).unwrap_or_default();
    let (profile, root) = (at("p.toml"), tree.path().to_str().expect("UTF-8"));
    let words = |more: &[&'static str]| -> support::Done {
        let mut words = vec![
            "apply",
            profile.to_str().expect("UTF-8"),
            "--root",
            root,
            "--persist",
            "--yes",
        ];
        words.extend(more);
        run(&words)
    };
    // A rule of an earlier apply touched the key, so that it is one of those that are made to last.
    std::fs::write(at("one.toml"), rule("one", "vm.overcommit_memory", "eq = 1")).expect("it is written");
    let one = at("one.toml");
    let earlier = run(&["apply", one.to_str().expect("UTF-8"), "--root", root, "--yes"]);
    assert_eq!(earlier.code, 0, "{}{}", earlier.out, earlier.err);
    let refused = words(&[]);
    let flat = refused.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains(
            "Left as it is: strict vm.overcommit_memory: Committed_AS is 626652 kB and CommitLimit would be 491748 kB"
        ),
        "{}{}",
        refused.out,
        refused.err
    );
    assert_eq!(text("proc/sys/vm/overcommit_memory"), "1\n");
    assert!(!at("etc/sysctl.d/60-runup.conf").exists());
    let agreed = words(&["--allow", "risky"]);
    assert_eq!(agreed.code, 0, "{}{}", agreed.out, agreed.err);
    assert!(
        agreed
            .out
            .contains("risky: Committed_AS is 626652 kB and CommitLimit would be"),
        "{}",
        agreed.out
    );
    assert_eq!(text("proc/sys/vm/overcommit_memory"), "2\n");
    let written = text("etc/sysctl.d/60-runup.conf");
    assert!(written.contains("vm.overcommit_memory = 2"), "{written}");
    // Without the file that tells, it is refused too, and the file is named.
    std::fs::write(at("proc/sys/vm/overcommit_memory"), "0\n").expect("it is written");
    std::fs::remove_file(at("proc/meminfo")).expect("it is there");
    let blind = words(&[]);
    assert!(
        blind.out.contains("/proc/meminfo cannot be read"),
        "{}{}",
        blind.out,
        blind.err
    );
    assert_eq!(text("proc/sys/vm/overcommit_memory"), "0\n");
}

/// Whoever pastes the command that a check shows reads what speaks against it first.
#[test]
fn a_check_says_it_beside_the_command() {
    let tree = tree();
    let at = |path: &str| tree.path().join(path);
    let (profile, root) = (at("p.toml"), tree.path().to_str().expect("UTF-8"));
    let said = |format: &str| {
        let profile = profile.to_str().expect("UTF-8");
        run(&["check", profile, "--root", root, "--format", format]).out
    };
    let words = "Committed_AS is 626652 kB and CommitLimit would be 491748 kB: no program could start";
    for format in ["text", "json", "github", "junit", "tap"] {
        let out = said(format);
        let flat = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains(words) && flat.contains("vm.overcommit_memory=2"),
            "{format}: {out}"
        );
        assert_eq!(flat.contains("--allow risky"), format != "json", "{format}: {out}");
    }
    // Nobody can tell: that is said too. Where there is room nothing is.
    std::fs::remove_file(at("proc/meminfo")).expect("it is there");
    assert!(said("text").contains("/proc/meminfo cannot be read"));
    std::fs::write(at("proc/meminfo"), CALM).expect("it is written");
    assert!(!said("text").contains("danger") && !said("json").contains("dangers"));
    // Nothing is asked of what no guard watches, and of what passes.
    std::fs::remove_file(at("proc/meminfo")).expect("it is there");
    for (key, asks) in [("vm.overcommit_memory", "eq = 0"), ("vm.swappiness", "max = 10")] {
        std::fs::create_dir_all(at("proc/sys/vm")).expect("it is made");
        std::fs::write(at("proc/sys/vm/swappiness"), "60\n").expect("it is written");
        std::fs::write(&profile, rule("r", key, asks)).expect("it is written");
        assert!(!said("json").contains("dangers"), "{key}");
    }
}

#[test]
fn an_explanation_names_the_guard() {
    let out = run(&["explain", "vm.overcommit_memory"]).out;
    let flat = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("guarded, `--allow risky` where it may be that no program could start"),
        "{out}"
    );
    assert!(!run(&["explain", "net.core.somaxconn"]).out.contains("guarded"));
}

/// pam_limits gives a login that is yet to come what the file says, and the kernel refuses more than fs.nr_open.
#[test]
fn what_logins_are_given_counts_for_fs_nr_open() {
    let lower = rule("r", "fs.nr_open", "max = 1000000");
    let machine = || machine().sysctl("fs.nr_open", "2097152");
    assert_eq!(plan_of(&lower, &machine(), false).steps.len(), 1);
    let files = "root soft nofile 5\n@db hard nofile 1048576\n";
    let given = machine().file("/etc/security/limits.d/90-db.conf", files);
    let plan = plan_of(&lower, &given, false);
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    assert_eq!(
        plan.left[0].reason,
        "the hard limit on descriptors that /etc/security/limits.d/90-db.conf:2 gives to @db is 1048576 and fs.nr_open would be \
         1000000: logins and services that are given such a limit fail; `--allow risky` agrees to that"
    );
    assert_eq!(plan_of(&lower, &given, true).steps.len(), 1);
    // What cannot be read is no leave to go on; what is known is enough to say the numbers.
    let closed = machine().fault("/etc/security/limits.conf", Fault::Errno(libc::EACCES));
    let reason = &plan_of(&lower, &closed, false).left[0].reason;
    assert!(
        reason.contains("/etc/security/limits.conf") && reason.contains("nobody can tell"),
        "{reason}"
    );
    let both = given.fault("/proc/2000/limits", Fault::Errno(libc::EACCES));
    let reason = &plan_of(&lower, &both, false).left[0].reason;
    assert!(reason.contains("90-db.conf:2 gives to @db is 1048576"), "{reason}");
}

#[test]
fn an_export_says_it_in_the_file() {
    let machine = machine().sysctl("net.netfilter.nf_conntrack_max", "65536");
    let text = format!(
        "{}{}",
        rule("strict", "vm.overcommit_memory", "eq = 2"),
        rule("ratio", "vm.overcommit_ratio", "min = 60")
    );
    let (profiles, host) = (profiles(&text), Host::new(&machine));
    let check = Check::prepare(&profiles, Options::default(), &host).unwrap_or_else(|_| panic!("it is prepared"));
    let mut wishes = check.wishes();
    guard::mark(&mut wishes, &|_| true, &machine, &machine);
    let format = export::find("sysctl.d").expect("it is one");
    let exported = export::export(format, &wishes, &["p".to_owned()], None, &host, None);
    let file = exported.text.expect("there is one");
    // Seen together with the ratio.
    let said =
        "# careful, seen from this machine: Committed_AS is 626652 kB and CommitLimit would be 590097 kB: no program";
    assert!(
        file.contains(said) && file.contains("vm.overcommit_memory = 2"),
        "{file}"
    );
}

/// What a machine is, for the bounds below.
type State = BTreeMap<&'static str, i128>;

const RANDOM: [(&str, i128); 9] = [
    ("vm.overcommit_memory", 3),
    ("vm.overcommit_ratio", 120),
    ("vm.overcommit_kbytes", 900_000),
    ("vm.nr_hugepages", 500),
    ("vm.min_free_kbytes", 400_000),
    ("kernel.threads-max", 3000),
    ("kernel.pid_max", 4000),
    ("fs.file-max", 40_000),
    ("net.netfilter.nf_conntrack_max", 6000),
];

/// How much each bound is kept by, or, below 0, broken by.
fn slack(state: &State, live: &State) -> Vec<(&'static str, i128)> {
    let of = |key: &str| state[key];
    let grown = |key: &str| (state[key] - live[key]).max(0);
    let huge = grown("vm.nr_hugepages") * 2048;
    let limit = match of("vm.overcommit_kbytes") {
        0 => (983_496 - huge).max(0) * of("vm.overcommit_ratio") / 100,
        kilobytes => kilobytes,
    };
    let conntrack = match of("net.netfilter.nf_conntrack_max") {
        0 => i128::MAX,
        most => most - 3000,
    };
    let mut slack = vec![
        ("threads", of("kernel.threads-max") - 1000),
        ("pids", of("kernel.pid_max") - 2000),
        ("files", of("fs.file-max") - 20_000),
        ("conntrack", conntrack),
        ("reserve", 98_349 - of("vm.min_free_kbytes")),
        ("memory", 864_000 - huge - grown("vm.min_free_kbytes")),
    ];
    if of("vm.overcommit_memory") == 2 {
        slack.push(("commit", limit - 626_652));
    }
    slack
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(support::rounds(48)))]

    /// Whatever is asked of whatever machine: at no step of a plan that nobody agreed to is a bound broken that was not, or
    /// broken further.
    #[test]
    fn no_plan_breaks_a_bound(
        values in proptest::collection::vec(0..1_000_000_i128, RANDOM.len()),
        asked in proptest::collection::vec((0..RANDOM.len(), 0..1_000_000_i128, 0..3_usize), 1..7),
    ) {
        let mut live: State = RANDOM.iter().zip(&values).map(|((key, below), value)| (*key, value % below)).collect();
        // The two are one setting.
        if live["vm.overcommit_kbytes"] % 2 == 0 {
            live.insert("vm.overcommit_kbytes", 0);
        } else {
            live.insert("vm.overcommit_ratio", 0);
        }
        let host = live.iter().fold(machine(), |host, (key, value)| host.sysctl(key, &value.to_string()));
        let mut text = String::new();
        for (at, (which, value, comparator)) in asked.iter().enumerate() {
            let (key, below) = RANDOM[*which];
            let unit = if key.ends_with("_kbytes") { "KiB" } else { "" };
            let word = ["min", "max", "eq"][*comparator];
            text += &rule(&format!("r{at}"), key, &format!("{word} = \"{}{unit}\"", value % below));
        }
        let permissions = Permissions { allowed: BTreeSet::new(), limits: LimitsOf::Nobody, own_only: false, notes: false };
        // Rules that contradict each other have no plan.
        let Ok((plan, _)) = plan(&profiles(&text), &Options::default(), &host, &permissions) else { return Ok(()) };
        let mut state = live.clone();
        for step in &plan.steps {
            let before = slack(&state, &live);
            let name = step.parameter.show();
            let key = RANDOM.iter().find(|(key, _)| *key == name).expect("one of them").0;
            state.insert(key, step.to.trim().parse().expect("a number"));
            match key {
                "vm.overcommit_ratio" => { state.insert("vm.overcommit_kbytes", 0); }
                "vm.overcommit_kbytes" => { state.insert("vm.overcommit_ratio", 0); }
                _ => {}
            }
            for (bound, left) in slack(&state, &live) {
                let was = before.iter().find(|(name, _)| *name == bound).map(|(_, left)| *left);
                prop_assert!(left >= 0 || was.is_some_and(|was| left >= was), "{bound}: {left} after {name}, {was:?} before\n{text}{live:?}");
            }
        }
    }
}

/// The consent to turn swap off says that what is swapped out must fit; that it does not is seen.
#[test]
fn swap_stays_on_where_what_is_in_it_does_not_fit_into_memory() {
    let planned = |available: &str| {
        let meminfo = format!(
            "MemTotal: 8000000 kB\nMemAvailable: {available} kB\nSwapTotal: 5000000 kB\nSwapFree: 1000000 kB\n\
             CommitLimit: 9000000 kB\nCommitted_AS: 100 kB\n"
        );
        let rules = "[[rule]]\nid = \"off\"\nmemory = { swap = 0, available = { min = \"900G\" } }\n";
        let swaps = "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 5000000 4000000 -2\n";
        let place = directory(&[
            ("p.toml", rules),
            ("proc/meminfo", &meminfo),
            ("proc/swaps", swaps),
            ("proc/sys/kernel/osrelease", "6.1.0\n"),
            ("proc/sys/vm/overcommit_memory", "0\n"),
            ("proc/self/cgroup", "0::/\n"),
            (
                "proc/self/mountinfo",
                "20 1 0:2 / / rw - ext4 /dev/sda1 rw\n30 20 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            ),
            ("sys/fs/cgroup/cgroup.controllers", "memory\n"),
        ]);
        let words = ["apply", "./p.toml", "--root", ".", "--dry-run", "--allow", "swapoff"];
        let done = run_in(place.path(), &words);
        format!("{}{}", done.out, done.err)
    };
    let roomy = planned("4100000");
    assert!(
        roomy.contains("swap on /dev/sda2") && roomy.contains("1 change would be made"),
        "{roomy}"
    );
    assert!(roomy.contains("other programs hold the memory"), "{roomy}");
    let full = planned("300000");
    assert!(
        full.contains("0 changes would be made") && full.contains("are swapped out"),
        "{full}"
    );
}
