//! The kinds of subject on a host in memory: every outcome, and a recording that gives the same report.

mod support;

use runup::diagnostic::{Diagnostics, render};
use runup::engine::{Check, Options};
use runup::finding::{Finding, Outcome};
use runup::host::Host;
use runup::profile::{self, Library};
use runup::rule::{Dialect, Reach};
use runup::source::Sources;
use runup::system::memory::{Fault, MemorySystem};
use runup::system::recording::{Recorder, Recording, Replay};
use runup::system::{Listener, Os, Sockets, System};

/// The findings of one rule about these subjects, and what a profile is told of its mistakes.
fn look(system: &dyn System, subject: &str, thorough: bool) -> Result<Vec<Finding>, String> {
    let text = format!("[[rule]]\nid = \"r\"\n{subject}\n");
    let files = support::directory(&[("p.toml", &text)]);
    let path = files.path().join("p.toml");
    let (mut sources, mut sink) = (Sources::new(), Diagnostics::new());
    let os = system.platform().os;
    let library = Library::for_user(false, None);
    let loaded = profile::load(&library, path.to_str().expect("UTF-8"), os, &mut sources, &mut sink);
    let profiles: Vec<_> = loaded.into_iter().collect();
    if !sink.is_empty() {
        return Err(render(&sink.into_sorted(), &sources, false));
    }
    let host = Host::new(system);
    let options = Options {
        thorough,
        ..Options::default()
    };
    let check = Check::prepare(&profiles, options, &host).map_err(|mistakes| render(&mistakes, &sources, false))?;
    Ok(check.run().findings)
}

/// The findings, which a recording must give once more.
fn all(system: &MemorySystem, subject: &str) -> Vec<Finding> {
    let recorder = Recorder::new(system);
    let findings = look(&recorder, subject, true).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let json = recorder.finish().to_json().expect("a recording");
    let replay = Replay::new(Recording::parse(json.as_bytes()).expect("a recording"));
    let again = look(&replay, subject, false).expect("the same profile");
    assert_eq!(format!("{findings:#?}"), format!("{again:#?}"), "{subject}");
    findings
}

fn one(system: &MemorySystem, subject: &str) -> Finding {
    let mut findings = all(system, subject);
    assert_eq!(findings.len(), 1, "{subject}: {findings:#?}");
    findings.remove(0)
}

fn outcome(system: &MemorySystem, subject: &str) -> Outcome {
    one(system, subject).outcome
}

fn mistake(subject: &str) -> String {
    look(&MemorySystem::linux("6.1"), subject, false).expect_err("a mistake")
}

fn remedy(finding: &Finding, dialect: Dialect) -> String {
    let fix = finding.fix.as_ref().unwrap_or_else(|| panic!("{finding:#?}"));
    let found = fix.remedies.iter().find(|(known, _)| *known == dialect);
    found
        .map(|(_, text)| text.clone())
        .unwrap_or_else(|| panic!("{fix:#?}"))
}

fn reach(finding: &Finding) -> Reach {
    finding
        .fix
        .as_ref()
        .unwrap_or_else(|| panic!("{finding:#?}"))
        .proposal
        .reach
}

/// A container of podman's on a host that is somebody else's.
fn in_container(system: MemorySystem) -> MemorySystem {
    system.file("/run/.containerenv", "")
}

const NETSTAT: &str = "/proc/self/net/netstat";

fn netstat(overflows: u32) -> String {
    format!("TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 {overflows} {overflows}\n")
}

#[test]
fn a_counter_that_grows_fails_and_one_that_stands_still_passes() {
    let rule = "counter = { name = \"TcpExt.ListenOverflows\", during = { max = 0 } }";
    let full = Sockets {
        listeners: vec![Listener {
            protocol: "tcp".into(),
            address: "0.0.0.0".into(),
            port: 8080,
            queued: 2,
            backlog: Some(1),
        }],
        ports: Vec::new(),
    };
    let system = MemorySystem::linux("6.1")
        .samples(NETSTAT, &[&netstat(5), &netstat(8)])
        .sysctl("net.core.somaxconn", "1")
        .sockets(Ok(full));
    let finding = one(&system, rule);
    assert_eq!(finding.outcome, Outcome::Fail);
    assert_eq!(finding.actual, "during 3");
    assert!(finding.transient);
    assert!(
        finding.evidence.iter().any(|line| line.contains("port 8080")),
        "{:?}",
        finding.evidence
    );
    let what = remedy(&finding, Dialect::Manual);
    assert!(
        what.contains("net.core.somaxconn") && what.contains("listen(2)"),
        "{what}"
    );

    let quiet = MemorySystem::linux("6.1").file(NETSTAT, &netstat(5));
    assert_eq!(outcome(&quiet, rule), Outcome::Pass);
    assert_eq!(quiet.pauses(), 1);
    let total = one(
        &quiet,
        "counter = { name = \"TcpExt.ListenOverflows\", total = { max = 4 } }",
    );
    assert_eq!((total.outcome, total.transient), (Outcome::Fail, false));
    assert_eq!(quiet.pauses(), 1, "a total needs no second sample");
}

#[test]
fn a_counter_that_is_not_there_is_told_from_one_that_is_misspelt() {
    let system = MemorySystem::linux("6.1").file(NETSTAT, &netstat(5));
    let of = |name: &str| {
        one(
            &system,
            &format!("counter = {{ name = \"{name}\", during = {{ max = 0 }} }}"),
        )
    };
    // Another kernel counts it.
    assert_eq!(of("TcpExt.TCPRcvQDrop").outcome, Outcome::NotApplicable);
    assert_eq!(of("MPTcpExt.MPCapableSYNRX").outcome, Outcome::NotApplicable);
    let typo = of("TcpExt.ListenOverflow");
    assert_eq!(typo.outcome, Outcome::Unknown);
    assert!(
        typo.reason.contains("did you mean `TcpExt.ListenOverflows`?"),
        "{}",
        typo.reason
    );
    let sure = one(&system, "counter = { name = \"TcpExt.Odd\", known = true, total = 0 }");
    assert_eq!(sure.outcome, Outcome::NotApplicable);
    let message = mistake("counter = { name = \"softnet.droped\", during = { max = 0 } }");
    assert!(message.contains("did you mean `softnet.dropped`?"), "{message}");

    let denied = MemorySystem::linux("6.1")
        .file(NETSTAT, &netstat(5))
        .fault(NETSTAT, Fault::Errno(libc::EACCES));
    let rule = "counter = { name = \"TcpExt.ListenOverflows\", during = { max = 0 } }";
    assert_eq!(outcome(&denied, rule), Outcome::Unknown);
    assert_eq!(
        outcome(&MemorySystem::on(Os::Macos, "23"), rule),
        Outcome::NotApplicable
    );
    let gone = MemorySystem::linux("6.1")
        .file(NETSTAT, &netstat(5))
        .fault(NETSTAT, Fault::ChangesTo("nonsense".to_owned(), 1));
    assert_ne!(outcome(&gone, rule), Outcome::Pass);
}

#[test]
fn a_cgroup_counts_its_own_events_and_the_nearest_one_above_that_counts_does_for_it() {
    let cgroup = |files: &[(&str, &str)]| {
        let mut system = MemorySystem::linux("6.1")
            .file("/proc/self/cgroup", "0::/a/b\n")
            .file(
                "/proc/self/mountinfo",
                "30 20 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            )
            .file("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n");
        for (path, text) in files {
            system = system.file(path, text);
        }
        system
    };
    let rule = "counter = { name = \"cgroup.memory.oom_kill\", total = { max = 0 } }";
    let killed = cgroup(&[("/sys/fs/cgroup/a/memory.events", "oom 1\noom_kill 2\n")]);
    let finding = one(&killed, rule);
    assert_eq!((finding.outcome, finding.actual.as_str()), (Outcome::Fail, "total 2"));
    assert!(
        finding.evidence[0].contains("/sys/fs/cgroup/a"),
        "{:?}",
        finding.evidence
    );
    assert_eq!(reach(&one(&in_container(killed), rule)), Reach::Runtime);
    assert_eq!(outcome(&cgroup(&[]), rule), Outcome::NotApplicable);
    let throttled = cgroup(&[("/sys/fs/cgroup/a/b/cpu.stat", "nr_throttled 1\nthrottled_usec 20000\n")]);
    let rule = "counter = { name = \"cgroup.cpu.throttled_usec\", total = { max = \"10ms\" } }";
    assert_eq!(outcome(&throttled, rule), Outcome::Fail);
}

#[test]
fn softnet_and_vmstat_are_the_hosts() {
    let system = MemorySystem::linux("6.1")
        .samples(
            "/proc/self/net/softnet_stat",
            &["00000001 00000000 00000003\n", "00000002 00000002 00000003\n"],
        )
        .file("/proc/vmstat", "nr_free_pages 5\noom_kill 1\n");
    let dropped = "counter = { name = \"softnet.dropped\", during = { max = 0 } }";
    let finding = one(&in_container(system), dropped);
    assert_eq!((finding.outcome, reach(&finding)), (Outcome::Fail, Reach::Host));
    assert!(remedy(&finding, Dialect::Manual).contains("net.core.netdev_max_backlog"));
    let system = MemorySystem::linux("6.1").file("/proc/vmstat", "nr_free_pages 5\noom_kill 1\n");
    assert_eq!(
        outcome(&system, "counter = { name = \"vmstat.oom_kill\", total = { max = 0 } }"),
        Outcome::Fail
    );
    assert_eq!(outcome(&system, dropped), Outcome::NotApplicable);
}
