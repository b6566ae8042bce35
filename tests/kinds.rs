//! The kinds of subject on a host in memory: every outcome, and a recording that gives the same report.

mod support;

use runup::diagnostic::{Diagnostics, render};
use runup::engine::{Check, Depth, Options};
use runup::finding::{Finding, Outcome};
use runup::host::Host;
use runup::profile::{self, Library};
use runup::recording::{Recorder, Recording, Replay};
use runup::rule::{Dialect, Reach};
use runup::source::Sources;
use runup::system::memory::{Fault, MemorySystem};
use runup::system::{
    Answer, Channels, ClockCost, ClockState, Endpoint, Failure, Filesystem, Held, Interface, Listener, Os, PortUse,
    Question, Sockets, System,
};

/// The findings of one rule about these subjects, and what a profile is told of its mistakes.
fn look(system: &dyn System, subject: &str, depth: Depth) -> Result<Vec<Finding>, String> {
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
        depth,
        ..Options::default()
    };
    let check = Check::prepare(&profiles, options, &host).map_err(|mistakes| render(&mistakes, &sources, false))?;
    Ok(check.run().findings)
}

/// The findings, which a recording must give once more.
fn all(system: &MemorySystem, subject: &str) -> Vec<Finding> {
    let recorder = Recorder::new(system);
    let findings = look(&recorder, subject, Depth::Everything).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let json = recorder.finish().to_json().expect("a recording");
    let replay = Replay::new(Recording::parse(json.as_bytes()).expect("a recording"));
    let again = look(&replay, subject, Depth::NextBoot).expect("the same profile");
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
    look(&MemorySystem::linux("6.1"), subject, Depth::NextBoot).expect_err("a mistake")
}

fn remedy(finding: &Finding, dialect: Dialect) -> String {
    let fix = finding.fix.as_ref().unwrap_or_else(|| panic!("{finding:#?}"));
    let found = fix.remedies().into_iter().find(|(known, _)| *known == dialect);
    found.map(|(_, text)| text).unwrap_or_else(|| panic!("{fix:#?}"))
}

fn reach(finding: &Finding) -> Reach {
    let fix = finding.fix.as_ref().unwrap_or_else(|| panic!("{finding:#?}"));
    fix.lead().expect("a part").proposal.reach
}

/// Holds the parts of a finding's fix against the words that each must have, so that nothing that failed is forgotten.
#[track_caller]
fn assert_parts(system: &MemorySystem, subject: &str, wanted: &[&[&str]]) {
    let fix = one(system, subject).fix.expect("a fix");
    let texts = fix.parts.iter().map(|part| {
        let texts: Vec<&str> = part.remedies.iter().map(|(_, text)| text.as_str()).collect();
        texts.join("\n")
    });
    let texts: Vec<String> = texts.collect();
    assert_eq!(texts.len(), wanted.len(), "{texts:#?}");
    for (text, words) in texts.iter().zip(wanted) {
        assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
    }
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
    assert_eq!(finding.actual, "3 counted during the check");
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
        .fault(NETSTAT, Fault::Errno(nix::libc::EACCES));
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
    assert_eq!(
        (finding.outcome, finding.actual.as_str()),
        (Outcome::Fail, "2 counted so far")
    );
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
    let system = MemorySystem::linux("6.1")
        .file("/proc/vmstat", "nr_free_pages 5\noom_kill 1\n")
        .sysctl("vm.swappiness", "60");
    assert_eq!(
        outcome(&system, "counter = { name = \"vmstat.oom_kill\", total = { max = 0 } }"),
        Outcome::Fail
    );
    assert_eq!(outcome(&system, dropped), Outcome::NotApplicable);
    let without_proc = MemorySystem::linux("6.1");
    assert_eq!(outcome(&without_proc, dropped), Outcome::Unknown);
    assert_eq!(outcome(&without_proc, &usage("keys", EIGHTY)), Outcome::Unknown);
}

/// A host whose tables are used in part.
fn used() -> MemorySystem {
    MemorySystem::linux("6.1.0")
        .sysctl("net.core.somaxconn", "4096")
        .sysctl("net.core.netdev_max_backlog", "1000")
        .sysctl("net.netfilter.nf_conntrack_count", "60000")
        .sysctl("net.netfilter.nf_conntrack_max", "65536")
        .sysctl("fs.file-nr", "512\t0\t9223372036854775807")
        .sysctl("fs.aio-nr", "60000")
        .sysctl("fs.aio-max-nr", "65536")
        .sysctl("kernel.threads-max", "1000")
        .sysctl("kernel.pid_max", "4194304")
        .sysctl("net.ipv4.tcp_mem", "100\t200\t300")
        .sysctl("net.ipv4.tcp_max_orphans", "100")
        .sysctl("net.ipv4.tcp_max_tw_buckets", "100")
        .sysctl("net.ipv4.neigh.default.gc_thresh3", "1024")
        .file("/proc/loadavg", "0.26 0.81 0.71 2/950 1037\n")
        .file(
            "/proc/key-users",
            "    0:     9 8/8 3/1000000 40/25000000\n 1000:   190 190/190 190/200 3000/20000\n",
        )
        .file(
            "/proc/self/net/sockstat",
            "sockets: used 13\nTCP: inuse 1 orphan 90 tw 95 alloc 1 mem 290\n",
        )
        .file("/proc/self/net/stat/arp_cache", "entries  allocs\n000003e8 00000002\n")
}

fn usage(of: &str, asked: &str) -> String {
    format!("usage = {{ of = \"{of}\", {asked} }}")
}

const EIGHTY: &str = "share = { max = \"80%\" }";

#[test]
fn a_full_table_fails_and_its_limit_is_raised_to_a_power_of_two() {
    let system = used();
    for (of, key, to) in [
        ("conntrack", "net.netfilter.nf_conntrack_max", "131072"),
        ("aio", "fs.aio-max-nr", "131072"),
        ("keys", "kernel.keys.maxkeys", "256"),
        ("threads", "kernel.threads-max", "2048"),
        ("orphans", "net.ipv4.tcp_max_orphans", "128"),
        ("time-wait", "net.ipv4.tcp_max_tw_buckets", "128"),
        ("neighbours-ipv4", "net.ipv4.neigh.default.gc_thresh3", "2048"),
    ] {
        let finding = one(&system, &usage(of, EIGHTY));
        assert_eq!(finding.outcome, Outcome::Fail, "{of}");
        assert!(finding.transient);
        let change = finding
            .fix
            .as_ref()
            .and_then(|fix| fix.changes().next())
            .expect("a fix");
        assert_eq!(change.target, runup::rule::Target::Sysctl(key.to_owned()));
        assert_eq!(change.to, to, "{of}");
        assert_eq!(remedy(&finding, Dialect::Host), format!("sysctl -w {key}={to}"));
    }
    let keys = one(&system, &usage("keys", EIGHTY));
    assert_eq!(keys.evidence, ["uid 1000: 190 of 200 in use"]);
    let memory = one(&system, &usage("tcp-memory", EIGHTY));
    assert_eq!((memory.outcome, reach(&memory)), (Outcome::Fail, Reach::Manual));
    for of in ["files", "pids", "key-bytes"] {
        assert_eq!(outcome(&system, &usage(of, EIGHTY)), Outcome::Pass, "{of}");
    }
}

#[test]
fn what_is_asked_for_in_numbers_is_set_exactly_and_never_lowered() {
    let system = used();
    let free = one(&system, &usage("aio", "free = { min = \"51026 * cpus\" }"));
    assert_eq!(free.outcome, Outcome::Fail);
    assert_eq!(remedy(&free, Dialect::Host), "sysctl -w fs.aio-max-nr=162052");
    let limit = one(&system, &usage("aio", "limit = { min = 1048576 }"));
    assert!(!limit.transient);
    assert_eq!(remedy(&limit, Dialect::Host), "sysctl -w fs.aio-max-nr=1048576");
    let less = one(&system, &usage("aio", "used = { max = 10 }"));
    assert_eq!(reach(&less), Reach::Manual);
    // A byte of TCP's is one of a page.
    assert_eq!(
        outcome(&system, &usage("tcp-memory", "used = { max = \"290 * page_size\" }")),
        Outcome::Pass
    );
}

#[test]
fn tables_that_are_not_there_are_told_from_those_that_are_hidden() {
    let bare = MemorySystem::linux("6.1.0").sysctl("net.core.somaxconn", "4096");
    // The module is not loaded; without the key of the initial namespace this is another one.
    assert_eq!(outcome(&bare, &usage("conntrack", EIGHTY)), Outcome::NotApplicable);
    assert_eq!(outcome(&bare, &usage("cgroup-pids", EIGHTY)), Outcome::NotApplicable);
    for of in ["neighbours-ipv4", "orphans", "tcp-memory"] {
        let hidden = one(&bare, &usage(of, EIGHTY));
        assert_eq!(hidden.outcome, Outcome::Unknown, "{of}: {}", hidden.reason);
        assert!(
            hidden.reason.contains("hidden in this network namespace"),
            "{}",
            hidden.reason
        );
    }
    // IPv6 is switched off.
    assert_eq!(
        outcome(&used(), &usage("neighbours-ipv6", EIGHTY)),
        Outcome::NotApplicable
    );
    let mac = MemorySystem::on(Os::Macos, "23");
    assert_eq!(outcome(&mac, &usage("files", EIGHTY)), Outcome::NotApplicable);
    let denied = used().fault("/proc/key-users", Fault::Errno(nix::libc::EACCES));
    assert_eq!(outcome(&denied, &usage("keys", EIGHTY)), Outcome::Unknown);
    let odd = used().file("/proc/self/net/sockstat", "TCP: something else\n");
    assert_eq!(outcome(&odd, &usage("time-wait", EIGHTY)), Outcome::Unknown);
    // No limit is never full.
    let unlimited = used().sysctl("net.netfilter.nf_conntrack_max", "0");
    assert_eq!(outcome(&unlimited, &usage("conntrack", EIGHTY)), Outcome::Pass);
}

#[test]
fn in_a_container_the_hosts_tables_are_the_hosts_and_the_cgroup_is_the_runtimes() {
    let cgroup = used()
        .file("/proc/self/cgroup", "0::/a/b\n")
        .file(
            "/proc/self/mountinfo",
            "30 20 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        )
        .file("/sys/fs/cgroup/cgroup.controllers", "pids\n")
        .file("/sys/fs/cgroup/a/pids.max", "100\n")
        .file("/sys/fs/cgroup/a/pids.current", "90\n")
        .file("/sys/fs/cgroup/a/b/pids.max", "max\n")
        .file("/sys/fs/cgroup/a/b/pids.current", "5\n");
    let system = in_container(cgroup);
    let pids = one(&system, &usage("cgroup-pids", EIGHTY));
    assert_eq!((pids.outcome, reach(&pids)), (Outcome::Fail, Reach::Runtime));
    assert_eq!(pids.evidence, ["/sys/fs/cgroup/a: 90 of 100 in use"]);
    assert!(remedy(&pids, Dialect::Docker).contains("--pids-limit"), "{pids:#?}");
    let keys = one(&system, &usage("keys", EIGHTY));
    assert_eq!(reach(&keys), Reach::Host);
    assert!(keys.evidence[1].contains("podman container"), "{:?}", keys.evidence);
    // Since 6.14 the limit is the namespace's own, and so must be what is counted.
    let own = in_container(
        MemorySystem::linux("6.14.0")
            .sysctl("kernel.pid_max", "10")
            .file("/proc/loadavg", "0 0 0 2/950 1037\n")
            .file("/proc/self/ns/pid", "")
            .file("/proc/1/task/1/comm", "a")
            .file("/proc/7/task/7/comm", "b")
            .file("/proc/7/task/8/comm", "b"),
    );
    assert_eq!(outcome(&own, &usage("pids", "used = 3")), Outcome::Pass);
}

/// A host with a data disk, and a link that leads to it.
fn mounted() -> MemorySystem {
    MemorySystem::linux("6.1")
        .file(
            "/proc/self/mountinfo",
            "20 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro\n\
             21 20 8:2 / /srv/my\\040data rw,relatime - ext4 /dev/sdb1 rw,data=writeback\n\
             22 20 0:9 / /ro ro,noatime - xfs /dev/sdc1 rw\n",
        )
        .file("/srv/my data/db/file", "")
        .file("/ro/file", "")
        .file("/var/lib/other/file", "")
        .link("/var/lib/mongodb", "../../srv/my data/db")
}

fn mount(path: &str, asked: &str) -> String {
    format!("mount = {{ path = \"{path}\", {asked} }}")
}

#[test]
fn the_mount_that_holds_a_path_is_found_through_links() {
    let system = mounted();
    let finding = one(
        &system,
        &mount(
            "/var/lib/mongodb",
            "type = { one_of = [\"xfs\"] }, device = \"/dev/sdb1\"",
        ),
    );
    assert_eq!(finding.outcome, Outcome::Fail);
    assert_eq!(finding.evidence[0], "/var/lib/mongodb leads to /srv/my data/db");
    assert!(remedy(&finding, Dialect::Manual).contains("file system of xfs"));
    let passes = [
        ("/var/lib/other", "device = \"/dev/sda1\""),
        (
            "/var/lib/mongodb/file",
            "options = { contains = \"data=writeback\", excludes = \"noatime\" }",
        ),
        (
            "/ro",
            "read_only = true, options = { contains = [\"ro\", \"noatime\"], excludes = [\"rw\"] }",
        ),
    ];
    for (path, asked) in passes {
        assert_eq!(outcome(&system, &mount(path, asked)), Outcome::Pass, "{path} {asked}");
    }
    assert_eq!(
        outcome(&system, &mount("/var/lib/none", "read_only = false")),
        Outcome::NotApplicable
    );
    let bare = MemorySystem::linux("6.1").file("/a/b", "");
    assert_eq!(outcome(&bare, &mount("/a", "read_only = false")), Outcome::Unknown);
    let mac = MemorySystem::on(Os::Macos, "23");
    assert_eq!(outcome(&mac, &mount("/a", "read_only = false")), Outcome::NotApplicable);
    assert!(mistake(&mount("a/../b", "read_only = false")).contains("absolute path"));
}

#[test]
fn the_remedy_of_a_mount_is_a_command_and_a_line() {
    let system = mounted();
    let finding = one(
        &system,
        &mount("/var/lib/mongodb", "options = { contains = \"noatime\" }"),
    );
    assert_eq!((finding.outcome, reach(&finding)), (Outcome::Fail, Reach::Manual));
    assert_eq!(
        remedy(&finding, Dialect::Host),
        "mount -o remount,noatime '/srv/my data'"
    );
    assert_eq!(
        remedy(&finding, Dialect::Persist),
        "/etc/fstab: /dev/sdb1 /srv/my\\040data ext4 defaults,noatime 0 2"
    );
    let rest = one(
        &system,
        &mount("/var/lib/mongodb", "options = { excludes = \"data=writeback\" }"),
    );
    assert_eq!(
        remedy(&rest, Dialect::Host),
        "umount '/srv/my data' && mount '/srv/my data'"
    );
    assert!(remedy(&rest, Dialect::Persist).contains("take data=writeback out"));
    let written = one(&system, &mount("/ro", "read_only = false"));
    assert_eq!(remedy(&written, Dialect::Host), "mount -o remount,rw /ro");
    let inside = one(&in_container(mounted()), &mount("/ro", "read_only = false"));
    assert_eq!(reach(&inside), Reach::Host);
    assert!(remedy(&inside, Dialect::Manual).contains("On the host"));
}

#[test]
fn options_of_a_mount_are_changed_in_one_remount_and_never_of_the_wrong_one() {
    let asked = "options = { contains = \"noatime\" }, read_only = true";
    let wanted: &[&[&str]] = &[&["mount -o remount,noatime,ro ", "defaults,noatime,ro"]];
    assert_parts(&mounted(), &mount("/var/lib/mongodb", asked), wanted);
    // What is mounted now is not what is to be.
    let asked = format!("type = \"xfs\", device = \"/dev/sdz1\", {asked}");
    let wanted: &[&[&str]] = &[&[
        "file system of xfs",
        "the right device",
        "needs noatime.",
        "Mount it ro",
    ]];
    let finding = one(&mounted(), &mount("/var/lib/mongodb", &asked));
    assert_parts(&mounted(), &mount("/var/lib/mongodb", &asked), wanted);
    let fix = finding.fix.as_ref().expect("a fix");
    assert!(fix.remedies().iter().all(|(_, text)| !text.contains("remount")));
    // Which option would begin so nobody can tell, and that is not forgotten for the other.
    let asked = mount(
        "/var/lib/mongodb",
        "options = { starts_with = \"x-\" }, read_only = true",
    );
    assert_parts(&mounted(), &asked, &[&["remount,ro ", "Choose options"]]);
    assert_parts(
        &in_container(mounted()),
        &asked,
        &[&["with the options ro", "Choose options"]],
    );
}

#[test]
fn a_full_file_system_of_the_wrong_kind_is_told_what_helps_each() {
    let full = MemorySystem::linux("6.1").filesystem(
        "/",
        Filesystem {
            kind: "tmpfs".to_owned(),
            size: 1000,
            available: 10,
            inodes: 1000,
            inodes_free: 10,
            read_only: true,
        },
    );
    let rule = "disk = { path = \"/\", free = { min = \"1G\" }, free_share = { min = \"5%\" }, inodes_free = { min = 100 }, \
                inodes_share = { min = \"5%\" }, filesystem = \"xfs\", read_only = false }";
    let wanted: &[&[&str]] = &[
        &["Free space"],
        &["Delete files"],
        &["another file system"],
        &["remount,rw"],
    ];
    assert_parts(&full, rule, wanted);
}

#[test]
fn a_port_and_the_ephemeral_ones_are_each_told_what_helps() {
    let full = Sockets {
        listeners: vec![Listener {
            protocol: "tcp".into(),
            address: "0.0.0.0".into(),
            port: 8080,
            queued: 2,
            backlog: Some(1),
        }],
        ports: vec![PortUse {
            port: 40_000,
            time_wait: 3,
            other: 0,
        }],
    };
    let system = MemorySystem::linux("6.1")
        .sysctl("net.core.somaxconn", "1")
        .sysctl("net.ipv4.ip_local_port_range", "40000\t40009")
        .sockets(Ok(full));
    let rule = "ports = { port = 8080, used = { max = \"5%\" }, free = { min = 10 }, time_wait = 0, state = \"free\", \
                backlog = { min = 1024 }, queued = 0 }";
    let wanted: &[&[&str]] = &[
        &["Wait 60 s"],
        &["Stop what listens on port 8080"],
        &["net.core.somaxconn to 1024"],
        &["more processors"],
    ];
    assert_parts(&system, rule, wanted);
    let finding = one(&system, rule);
    let held = "1 of 10 ephemeral ports are in use; 3 sockets are in TIME_WAIT";
    assert_eq!(finding.evidence, [held, "net.core.somaxconn is 1"]);
}

/// A port of a server that runs is its own; another's is not, and nobody is accused who cannot be seen.
#[test]
fn a_port_that_its_own_program_holds_is_free_for_it() {
    let rule = "ports = { port = 6379, state = \"free\", held_by = [\"redis-server\", \"kube-controller-manager\"] }";
    let listener = |address: &str| Listener {
        protocol: "tcp".into(),
        address: address.into(),
        port: 6379,
        queued: 0,
        backlog: Some(511),
    };
    let told = |sockets: &[(&str, &[&str])]| -> Result<Answer, Failure> {
        let held = sockets.iter().map(|(address, by)| Held {
            address: (*address).to_owned(),
            by: by.iter().map(|name| (*name).to_owned()).collect(),
        });
        Ok(Answer::Holders(held.collect()))
    };
    let of = |answer| {
        let endpoint = Endpoint {
            protocol: "tcp".to_owned(),
            port: 6379,
        };
        let sockets = Sockets {
            listeners: vec![listener("0.0.0.0"), listener("::")],
            ports: Vec::new(),
        };
        let system = MemorySystem::linux("6.1").sockets(Ok(sockets));
        let finding = one(&system.answer(Question::Holders(endpoint), answer), rule);
        (finding.outcome, finding.evidence, finding.reason)
    };
    let redis: (&str, &[&str]) = ("0.0.0.0", &["redis-server", "systemd"]);
    assert_eq!(of(told(&[redis])).0, Outcome::Pass);
    // The kernel keeps 15 bytes of a name.
    assert_eq!(of(told(&[redis, ("::", &["kube-controller"])])).0, Outcome::Pass);
    let (outcome, evidence, _) = of(told(&[redis, ("::", &["nginx"])]));
    assert_eq!(outcome, Outcome::Fail);
    assert!(
        evidence.contains(&"nginx holds tcp port 6379 of ::".to_owned()),
        "{evidence:?}"
    );
    assert_eq!(of(told(&[redis, ("::", &[])])).0, Outcome::Fail);
    assert_eq!(of(told(&[redis, ("::", &["redis-server-2"])])).0, Outcome::Fail);
    for failure in [
        Failure::Denied(13),
        Failure::CannotTell(runup::failure::Why::NotAsked("who holds a port")),
    ] {
        let (outcome, _, reason) = of(Err(failure));
        assert_eq!(outcome, Outcome::NotApplicable);
        assert!(reason.contains("who does cannot be seen"), "{reason}");
    }
    let free = MemorySystem::linux("6.1").sockets(Ok(Sockets::default()));
    assert_eq!(one(&free, rule).outcome, Outcome::Pass);
}

#[test]
fn an_empty_battery_and_a_mode_that_saves_are_two_things_to_do() {
    let supply = "/sys/class/power_supply/BAT0";
    let system = MemorySystem::linux("6.1")
        .file(&format!("{supply}/type"), "Battery\n")
        .file(&format!("{supply}/status"), "Discharging\n")
        .file(&format!("{supply}/capacity"), "10\n")
        .low_power(true);
    let rule = "power = { source = \"mains\", charge = { min = 50 }, low_power_mode = false }";
    assert_parts(&system, rule, &[&["charger"], &["Low Power Mode"]]);
    assert_eq!(one(&system, rule).evidence, ["battery BAT0: discharging, 10 %"]);
}

#[test]
fn what_is_asked_of_a_kernel_is_done_in_different_ways() {
    let sources = "/sys/devices/system/clocksource/clocksource0";
    let system = MemorySystem::linux("6.1")
        .file("/proc/cmdline", "quiet\n")
        .file("/proc/modules", "kvm 1 0 - Live 0x0\n")
        .file(&format!("{sources}/current_clocksource"), "hpet\n")
        .file(&format!("{sources}/available_clocksource"), "hpet tsc\n");
    let rule = "kernel = { version = { min = \"99.0\" }, cmdline = { contains = \"a=1\" }, module = \"br_netfilter\", \
                loaded = true, clocksource = \"tsc\" }";
    let wanted: &[&[&str]] = &[
        &["Install another kernel"],
        &["GRUB_CMDLINE_LINUX"],
        &["sudo modprobe br_netfilter", "/etc/modules-load.d/60-runup.conf"],
        &["echo tsc"],
    ];
    assert_parts(&system, rule, wanted);
}

#[test]
fn a_clock_that_is_wrong_and_slow_needs_a_time_service_and_one_source() {
    let sources = "/sys/devices/system/clocksource/clocksource0";
    let system = MemorySystem::linux("6.1")
        .file("/run/systemd/system/.keep", "")
        .file(&format!("{sources}/current_clocksource"), "hpet\n")
        .file(&format!("{sources}/available_clocksource"), "hpet acpi_pm\n")
        .clock(Ok(ClockState {
            maximum_error: 16_000_000,
            estimated_error: 16_000_000,
        }))
        .clock_cost(Ok(ClockCost {
            readings: 1000,
            user: 100,
            system: 900,
        }));
    let rule = "clock = { synchronised = true, source = \"tsc\", available = { contains = \"tsc\" }, slow = false, \
                cost = { max = 100 } }";
    let once: &[&[&str]] = &[&["timedatectl set-ntp true"], &["echo tsc", "clocksource=tsc"]];
    assert_parts(&system, rule, once);
    let measured = [
        "a reading takes 1000 ns, 90 % of it in the kernel",
        "the clock source is hpet",
        "nothing tells the kernel how wrong its clock is",
    ];
    assert_eq!(one(&system, rule).evidence, measured);
    // Nobody asked what reading it costs.
    let cheap = one(&system, "clock = { source = \"hpet\" }");
    assert!(cheap.evidence.is_empty(), "{:?}", cheap.evidence);
    // One fact under two names.
    let of = |rule: &str| format!("{:?}", one(&system, rule).fix.expect("a fix").parts);
    assert_eq!(
        of("clock = { source = \"tsc\" }"),
        of("kernel = { clocksource = \"tsc\" }")
    );
}

fn numa() -> MemorySystem {
    let node = |total: u32, free: u32| format!("Node 0 MemTotal: {total} kB\nNode 0 MemFree: {free} kB\n");
    let place = "/sys/devices/system/node";
    MemorySystem::linux("6.1")
        .file(&format!("{place}/online"), "0-2\n")
        .file(&format!("{place}/has_memory"), "0,2-3\n")
        .file(&format!("{place}/node0/distance"), "10 21 31\n")
        .file(&format!("{place}/node2/distance"), "31 21 10\n")
        .file(&format!("{place}/node0/meminfo"), &node(1000, 20))
        .file(&format!("{place}/node2/meminfo"), &node(1000, 620))
        .file("/proc/self/status", "Name:\trunup\nMems_allowed_list:\t0\n")
}

#[test]
fn nodes_with_memory_are_counted_with_their_distance_and_filling() {
    let system = numa();
    let finding = one(&system, "numa = { nodes = { max = 1 } }");
    assert_eq!(
        (finding.outcome, finding.actual.as_str()),
        (Outcome::Fail, "2 with memory")
    );
    assert_eq!(finding.evidence, ["this process may take memory from node 0 only"]);
    assert_eq!(remedy(&finding, Dialect::Host), "numactl --interleave=all CMD");
    let uneven = one(&system, "numa = { spread = { max = \"50%\" }, distance = 31 }");
    assert_eq!(uneven.actual, "largest distance 31, filled unevenly by 60 %");
    assert_eq!(uneven.evidence[..2], ["node 0: 2 % free", "node 2: 62 % free"]);
    assert_eq!(outcome(&system, "numa = { nodes = \"numa_nodes - 1\" }"), Outcome::Pass);
    let without_sys = MemorySystem::linux("6.1");
    assert_eq!(
        outcome(&without_sys, "numa = { nodes = { max = 1 } }"),
        Outcome::Unknown
    );
    let bare = MemorySystem::linux("6.1").file("/sys/devices/system/cpu/online", "0\n");
    assert_eq!(outcome(&bare, "numa = { nodes = { max = 1 } }"), Outcome::NotApplicable);
    assert_eq!(
        outcome(&MemorySystem::on(Os::Macos, "23"), "numa = { nodes = 1 }"),
        Outcome::NotApplicable
    );
    let denied = numa().fault(
        "/sys/devices/system/node/node2/meminfo",
        Fault::Errno(nix::libc::EACCES),
    );
    assert_eq!(
        outcome(&denied, "numa = { spread = { max = \"99%\" } }"),
        Outcome::Unknown
    );
    let odd = numa().file("/sys/devices/system/node/node2/distance", "near\n");
    assert_eq!(outcome(&odd, "numa = { distance = { max = 99 } }"), Outcome::Unknown);
}

#[test]
fn many_nodes_that_are_far_and_uneven_get_one_policy_and_words_for_the_rest() {
    let rule = "numa = { nodes = { max = 1 }, distance = { max = 10 }, spread = { max = \"50%\" } }";
    let wanted: &[&[&str]] = &[&[
        "firmware can present one node",
        "numactl --interleave=all CMD",
        "For the spread: ",
        "vm.zone_reclaim_mode",
        "For the distance: ",
        "numactl --hardware",
    ]];
    assert_parts(&numa(), rule, wanted);
    let unit = remedy(&one(&numa(), rule), Dialect::Systemd);
    assert!(unit.contains("interleave") && !unit.contains("bind"), "{unit}");
}

/// A network card, a bridge, a card that is down, and loopback.
fn interfaces() -> Vec<Interface> {
    let card = Interface {
        name: "eth0".into(),
        up: true,
        mtu: 1400,
        transmit_queue: 1000,
        carrier: Some(true),
        qdisc: Some("mq".into()),
        queue_qdiscs: vec!["fq_codel".into(); 4],
        rx_missed: 7,
        driver: Some("ixgbe".into()),
        speed: Some(10_000),
        full_duplex: Some(true),
        ring_rx: Some(512),
        ring_rx_max: Some(4096),
        channels: Some(Channels {
            combined: 4,
            combined_max: 8,
            ..Channels::default()
        }),
        gro: Some(true),
        gso: Some(true),
        tso: Some(false),
        in_sys: true,
        ..Interface::default()
    };
    let bridge = Interface {
        name: "br0".into(),
        up: true,
        mtu: 1500,
        carrier: Some(false),
        qdisc: Some("noqueue".into()),
        in_sys: true,
        ..Interface::default()
    };
    let down = Interface {
        name: "eth1".into(),
        mtu: 1500,
        qdisc: Some("noop".into()),
        in_sys: true,
        ..Interface::default()
    };
    let loopback = Interface {
        name: "lo".into(),
        loopback: true,
        up: true,
        mtu: 65536,
        ..Interface::default()
    };
    vec![loopback, card, bridge, down]
}

fn networked() -> MemorySystem {
    MemorySystem::linux("6.1")
        .sysctl("net.core.somaxconn", "4096")
        .file("/sys/devices/system/cpu/online", "0-3\n")
        .file("/sys/class/net/eth0/queues/rx-0/rps_cpus", "00000000,00000000\n")
        .file("/sys/class/net/eth0/queues/rx-1/rps_cpus", "00000000,00000000\n")
        .file("/sys/class/net/eth0/queues/tx-0/xps_cpus", "0\n")
        .interfaces(Ok(interfaces()))
}

fn interface(name: &str, asked: &str) -> String {
    format!("interface = {{ name = \"{name}\", {asked} }}")
}

#[test]
fn a_pattern_finds_interfaces_that_are_up_and_a_name_finds_any() {
    let system = networked();
    let found = all(&system, &interface("*", "mtu = { min = 1500 }"));
    let seen: Vec<(&str, Outcome)> = found
        .iter()
        .map(|found| (found.subject.as_str(), found.outcome))
        .collect();
    assert_eq!(seen, [("eth0", Outcome::Fail), ("br0", Outcome::Pass)]);
    assert_eq!(remedy(&found[0], Dialect::Host), "ip link set dev eth0 mtu 1500");
    assert!(remedy(&found[0], Dialect::Persist).contains("MTUBytes=1500"));
    let down = interface("eth1", "mtu = 1500, carrier = true");
    let down = one(&system, &down);
    assert_eq!(
        (down.outcome, down.evidence[0].as_str()),
        (Outcome::Pass, "does not count here: eth1 is down")
    );
    assert_eq!(outcome(&system, &interface("lo", "mtu = 65536")), Outcome::Pass);
    for nothing in ["wlan0", "wlan*"] {
        assert_eq!(
            outcome(&system, &interface(nothing, "mtu = 1500")),
            Outcome::NotApplicable
        );
    }
    let refused = MemorySystem::linux("6.1").interfaces(Err(Failure::Denied(libc::EPERM)));
    assert_eq!(outcome(&refused, &interface("*", "mtu = 1500")), Outcome::Unknown);
    let mac = MemorySystem::on(Os::Macos, "23");
    assert_eq!(
        outcome(&mac, &interface("*", "mtu = 1500")),
        Outcome::Unknown,
        "it has some"
    );
    assert!(mistake(&interface("../eth0", "mtu = 1500")).contains("cannot be an interface"));
    assert!(mistake(&interface("eth0", "duplex = \"ful\"")).contains("never `ful`"));
}

#[test]
fn what_the_driver_tells_is_compared_and_what_it_does_not_is_absent() {
    let system = networked();
    let passes = [
        "driver = \"ixgbe\", speed = { min = 10000 }, duplex = \"full\", carrier = true",
        "queues_rx = 2, queues_tx = 1, transmit_queue = 1000, rps = false",
        "qdisc = { one_of = [\"fq\", \"fq_codel\"] }, offload_gro = true, offload_gso = true, rx_dropped = 0",
    ];
    for asked in passes {
        assert_eq!(outcome(&system, &interface("eth0", asked)), Outcome::Pass, "{asked}");
    }
    for metric in [
        "driver = \"x\"",
        "speed = 1",
        "ring_rx = 1",
        "duplex = \"full\"",
        "offload_tso = true",
        "queues_rx = 1",
    ] {
        assert_eq!(
            outcome(&system, &interface("br0", metric)),
            Outcome::NotApplicable,
            "{metric}"
        );
    }
    let mut facts = interfaces();
    facts[1] = Interface {
        name: "eth0".into(),
        refused: Some(libc::EPERM),
        channels: facts[1].channels,
        ..Interface::default()
    };
    let elsewhere = networked().interfaces(Ok(facts));
    assert_eq!(
        outcome(&elsewhere, &interface("eth0", "driver = \"x\"")),
        Outcome::Unknown
    );
    // /sys is of another namespace, so its queues are not this interface's.
    assert_eq!(outcome(&elsewhere, &interface("eth0", "queues_rx = 4")), Outcome::Pass);
    assert_eq!(outcome(&elsewhere, &interface("eth0", "rps = false")), Outcome::Unknown);
}

#[test]
fn the_remedy_of_an_interface_is_the_command_that_changes_it() {
    let system = networked();
    for (asked, command) in [
        (
            "transmit_queue = { min = 5000 }",
            "ip link set dev eth0 txqueuelen 5000",
        ),
        ("ring_rx = { min = 2048 }", "ethtool -G eth0 rx 2048"),
        ("queues_rx = { min = 8 }", "ethtool -L eth0 combined 8"),
        ("offload_tso = true", "ethtool -K eth0 tso on"),
        ("rps = true", "echo f | tee /sys/class/net/eth0/queues/rx-*/rps_cpus"),
        (
            "qdisc = \"fq\"",
            "sysctl -w net.core.default_qdisc=fq\ntc qdisc del dev eth0 root\ntc qdisc add dev eth0 root mq",
        ),
        (
            "mtu = 9000, offload_gro = false",
            "ip link set dev eth0 mtu 9000\nethtool -K eth0 gro off",
        ),
    ] {
        let finding = one(&system, &interface("eth0", asked));
        assert_eq!(
            (finding.outcome, reach(&finding)),
            (Outcome::Fail, Reach::Manual),
            "{asked}"
        );
        assert_eq!(remedy(&finding, Dialect::Host), command, "{asked}");
    }
    let bridge = one(&system, &interface("br0", "qdisc = \"fq\""));
    assert_eq!(remedy(&bridge, Dialect::Host), "tc qdisc replace dev br0 root fq");
    let user = networked().user(1000, 0);
    let steering = one(&user, &interface("eth0", "rps = true"));
    assert_eq!(
        remedy(&steering, Dialect::Host),
        "echo f | sudo tee /sys/class/net/eth0/queues/rx-*/rps_cpus"
    );
    for (asked, words) in [
        ("ring_rx = { min = 9000 }", "4096 at most"),
        ("queues_tx = { min = 16 }", "can have 8 at most"),
        ("speed = { min = 25000 }", "cable"),
        ("rx_missed = { max = 0 }", "ethtool -G eth0 rx 4096"),
    ] {
        let finding = one(&system, &interface("eth0", asked));
        assert!(remedy(&finding, Dialect::Manual).contains(words), "{finding:#?}");
    }
    let inside = one(&in_container(networked()), &interface("eth0", "mtu = { min = 1500 }"));
    assert_eq!(reach(&inside), Reach::Runtime);
    assert_eq!(
        remedy(&inside, Dialect::Docker),
        "podman network create --opt mtu=1500 NETWORK"
    );
    let docker = networked().file("/.dockerenv", "");
    let inside = one(&docker, &interface("eth0", "mtu = { min = 1500 }"));
    assert!(remedy(&inside, Dialect::Docker).contains("network.driver.mtu=1500"));
    let shared = in_container(networked().sysctl("net.core.netdev_max_backlog", "1000"));
    assert_eq!(
        reach(&one(&shared, &interface("eth0", "mtu = { min = 1500 }"))),
        Reach::Host
    );
}

#[test]
fn a_command_for_an_interface_stands_beside_the_words_about_it() {
    let both = interface("eth0", "speed = { min = 25000 }, mtu = 9000, qdisc = \"fq\"");
    let finding = one(&networked(), &both);
    assert!(remedy(&finding, Dialect::Manual).contains("cable"), "{finding:#?}");
    let commands = remedy(&finding, Dialect::Host);
    assert!(
        commands.starts_with("ip link set dev eth0 mtu 9000\nsysctl -w"),
        "{commands}"
    );
    let lasting = remedy(&finding, Dialect::Persist);
    assert!(
        lasting.contains("MTUBytes=9000") && lasting.contains("default_qdisc = fq"),
        "{lasting}"
    );
    // Whoever sees one remedy for each part sees them all.
    let here: Vec<&str> = finding
        .fix
        .iter()
        .flat_map(|fix| fix.remedies_here())
        .map(|(_, text)| text)
        .collect();
    assert!(
        here.len() == 3 && here[0].contains("mtu 9000") && here[1].contains("cable"),
        "{here:?}"
    );

    let inside = remedy(&one(&in_container(networked()), &both), Dialect::Manual);
    for part in [
        "ip link set dev eth0 mtu 9000",
        "cable",
        "tc qdisc add dev eth0 root mq",
    ] {
        assert!(inside.contains(part), "{inside}");
    }

    // Queues of one channel each are set by one number; others are set together.
    let queues = |channels: Channels, asked: &str| {
        let mut facts = interfaces();
        facts[1].channels = Some(channels);
        one(&networked().interfaces(Ok(facts)), &interface("eth0", asked))
    };
    let shared = Channels {
        combined: 2,
        combined_max: 8,
        ..Channels::default()
    };
    let more = "queues_rx = { min = 4 }, queues_tx = { min = 6 }";
    assert_eq!(
        remedy(&queues(shared, more), Dialect::Host),
        "ethtool -L eth0 combined 6"
    );
    let apart = Channels {
        rx: 2,
        tx: 1,
        rx_max: 8,
        tx_max: 4,
        ..Channels::default()
    };
    let finding = queues(apart, "queues_rx = { min = 4 }, queues_tx = { min = 3 }");
    assert_eq!(remedy(&finding, Dialect::Host), "ethtool -L eth0 rx 4 tx 3");
    let words = remedy(&queues(apart, more), Dialect::Manual);
    assert!(
        words.contains("can have 4 at most") && words.contains("And: ethtool -L eth0 rx 4"),
        "{words}"
    );
}

/// Kinds without fields may be at one address: each has samples of its own all the same.
#[test]
fn two_kinds_that_take_samples_do_not_get_each_others() {
    let system = MemorySystem::linux("6.1")
        .samples("/proc/self/net/netstat", &[&netstat(3), &netstat(5)])
        .samples("/proc/stat", &["cpu 0 0 0 0 0 0 0 0\n", "cpu 0 0 0 1000 0 0 0 0\n"])
        .samples("/proc/uptime", &["10.00 0\n", "11.00 0\n"]);
    let rules = "quiet = { cpu = { max = \"10%\" } }\n[[rule]]\nid = \"s\"\n\
        counter = { name = \"TcpExt.ListenOverflows\", during = { max = 0 } }";
    let found: Vec<Outcome> = all(&system, rules).iter().map(|finding| finding.outcome).collect();
    assert_eq!(found, [Outcome::Pass, Outcome::Fail]);
}

/// What each part of a fix would change, and where.
fn parts(finding: &Finding) -> Vec<(Reach, Vec<String>)> {
    let parts = finding.fix.iter().flat_map(|fix| &fix.parts);
    let of = |part: &runup::finding::Part| {
        let changes = part.proposal.changes.iter();
        let changes = changes.map(|change| format!("{}={}", change.target.name(), change.to));
        (part.proposal.reach, changes.collect())
    };
    parts.map(of).collect()
}

#[test]
fn limits_of_a_cgroup_are_one_fix_and_what_its_maker_decides_is_said_beside_it() {
    let system = || {
        MemorySystem::linux("6.1")
            .file("/proc/self/cgroup", "0::/a.slice/b.service\n")
            .file(
                "/proc/self/mountinfo",
                "30 20 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            )
            .file("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n")
            .file("/sys/fs/cgroup/a.slice/b.service/memory.max", "1048576\n")
            .file("/sys/fs/cgroup/a.slice/b.service/memory.current", "1048576\n")
            .file("/sys/fs/cgroup/a.slice/pids.max", "100\n")
            .file("/sys/fs/cgroup/a.slice/pids.current", "100\n")
            .file("/sys/fs/cgroup/a.slice/b.service/cpu.max", "50000 100000\n")
    };
    let rule = "cgroup = { pids_available = { min = 1 }, pids_max = { min = 200 }, memory_available = { min = 1 }, \
                cpu_max = { min = \"100%\" }, memory_max = { min = \"2M\" } }";
    let finding = one(&system(), rule);
    let changes = ["memory.max=2097152", "pids.max=200"].map(str::to_owned).to_vec();
    assert_eq!(parts(&finding)[0], (Reach::Privileged, changes.clone()));
    assert_eq!(
        remedy(&finding, Dialect::Host),
        "systemctl set-property b.service MemoryMax=2097152\nsystemctl set-property a.slice TasksMax=200"
    );
    let words = remedy(&finding, Dialect::Manual);
    for part in ["free memory in the cgroup", "or end processes", "a larger quota"] {
        assert!(words.contains(part), "{words}");
    }
    assert_eq!(parts(&one(&in_container(system()), rule))[0], (Reach::Runtime, changes));
}

#[test]
fn each_setting_of_the_processors_is_changed_where_it_can_be() {
    const CPUS: &str = "/sys/devices/system/cpu";
    let system = |mode: u32, offered: &str| {
        MemorySystem::linux("6.1")
            .cpus(2)
            .file("/proc/self/cgroup", "0::/\n")
            .file(
                "/proc/self/mountinfo",
                "30 20 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            )
            .file(&format!("{CPUS}/cpufreq/policy0/scaling_governor"), "powersave\n")
            .file(&format!("{CPUS}/cpufreq/policy0/scaling_driver"), "intel_pstate\n")
            .file(&format!("{CPUS}/cpufreq/policy0/scaling_available_governors"), offered)
            .file(&format!("{CPUS}/intel_pstate/no_turbo"), "0\n")
            .file(&format!("{CPUS}/smt/active"), "1\n")
            .file(&format!("{CPUS}/smt/control"), "on\n")
            .mode(&format!("{CPUS}/smt/control"), mode)
    };
    let rule = "cpu = { smt = false, turbo = false, driver = \"acpi-cpufreq\", governor = \"performance\", usable = { min = 64 } }";
    let governor = format!("{CPUS}/cpufreq/policy0/scaling_governor=performance");
    let (turbo, smt) = (
        format!("{CPUS}/intel_pstate/no_turbo=1"),
        format!("{CPUS}/smt/control=off"),
    );
    let by_hand = |finding: &Finding| {
        let words = remedy(finding, Dialect::Manual);
        assert!(
            words.contains("more processors") && words.contains("frequency driver is chosen"),
            "{words}"
        );
    };
    let changing = |finding: &Finding| {
        let parts = parts(finding).into_iter();
        parts.filter(|(_, changes)| !changes.is_empty()).collect::<Vec<_>>()
    };
    // What is changed in the same place is one command.
    let finding = one(&system(0o644, "performance powersave\n"), rule);
    by_hand(&finding);
    assert_eq!(
        changing(&finding),
        [(Reach::Here, vec![governor.clone(), turbo.clone(), smt.clone()])]
    );
    let finding = one(&system(0o444, "performance powersave\n"), rule);
    by_hand(&finding);
    assert_eq!(
        changing(&finding),
        [
            (Reach::Here, vec![governor, turbo.clone()]),
            (Reach::Boot, vec![smt.clone()])
        ]
    );
    // A governor that is not offered is no reason to be silent about the rest.
    let finding = one(&system(0o644, "powersave\n"), rule);
    by_hand(&finding);
    assert!(remedy(&finding, Dialect::Manual).contains("The governors here are powersave."));
    assert_eq!(changing(&finding), [(Reach::Here, vec![turbo, smt])]);
}

#[test]
fn controllers_of_both_versions_have_the_names_of_the_second() {
    let rule = "cgroup = { controllers = { contains = [\"cpu\", \"io\", \"memory\"] } }";
    let mounted = "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    let system = |own: &str, offered: &str| {
        MemorySystem::linux("6.1")
            .file("/proc/self/mountinfo", mounted)
            .file("/proc/self/cgroup", own)
            .file("/sys/fs/cgroup/cgroup.controllers", offered)
    };
    assert_eq!(outcome(&system("0::/\n", "cpu io memory pids\n"), rule), Outcome::Pass);
    assert_eq!(outcome(&system("0::/\n", "cpu pids\n"), rule), Outcome::Fail);
    let mixed = system("3:blkio:/\n2:cpu,cpuacct:/\n1:name=systemd:/x\n0::/\n", "memory\n");
    assert_eq!(outcome(&mixed, rule), Outcome::Pass);
    assert_eq!(outcome(&system("", ""), rule), Outcome::NotApplicable);
    assert_eq!(outcome(&MemorySystem::linux("6.1"), rule), Outcome::Unknown);
}

#[test]
fn settings_in_shells_are_named_and_what_stands_beside_them_is_not_recorded() {
    let rule = "startup = { sysctl_in_shell = false }";
    let system = || {
        MemorySystem::linux("6.1").file(
            "/etc/bash.bashrc",
            "export TOKEN=hunter2\nsudo sysctl -w net.core.somaxconn=1024\n",
        )
    };
    let finding = one(&system(), rule);
    assert_eq!(finding.outcome, Outcome::Fail);
    assert_eq!(finding.evidence, ["/etc/bash.bashrc:2 sets net.core.somaxconn"]);
    let (held, denied) = (system(), system());
    let recorder = Recorder::new(&held);
    look(&recorder, rule, Depth::NextBoot).expect("a profile");
    let json = recorder.finish().to_json().expect("a recording");
    assert!(!json.contains("hunter2") && json.contains("somaxconn"), "{json}");
    // A file that nobody may read might set anything.
    let denied = denied.fault("/etc/bash.bashrc", Fault::Errno(nix::libc::EACCES));
    assert_eq!(outcome(&denied, rule), Outcome::Unknown);
    // Root's own are looked at as root alone.
    let own = |uid| {
        MemorySystem::linux("6.1")
            .file("/root/.bashrc", "sysctl -p\n")
            .user(uid, 0)
    };
    assert_eq!(outcome(&own(0), rule), Outcome::Fail);
    assert_eq!(outcome(&own(1000), rule), Outcome::Pass);
}

#[test]
fn lines_that_the_kernel_refuses_are_named_with_the_reason() {
    let rule = "startup = { sysctl_refused = false }";
    let of = |text: &str| {
        let system = MemorySystem::linux("6.1").file("/etc/sysctl.conf", text);
        one(&system, rule)
    };
    for line in [
        "net.core.somaxconn = 64K",
        "net.ipv4.tcp_fin_timeout = 33#x",
        "kernel.pid_max = \"65536\"",
        "net.ipv4.tcp_timestamps = yes",
        "net.ipv4.ip_local_port_range = 1024-65535",
        "fs.aio-max-nr = 1,048,576",
        "net.core.default_qdisc = fq   # fair",
        "net.ipv4.ip_local_port_range = 80 65535 # low",
    ] {
        let finding = of(&format!("vm.swappiness = 10\n{line}\n"));
        assert_eq!(finding.outcome, Outcome::Fail, "{line}");
        assert_eq!(finding.evidence.len(), 1, "{line}: {finding:#?}");
        assert!(finding.evidence[0].starts_with("/etc/sysctl.conf:2: "), "{finding:#?}");
    }
    for line in [
        "net.ipv4.tcp_keepalive_time = 600   # ten minutes",
        "net.ipv4.tcp_allowed_congestion_control = cubic reno",
        "kernel.core_pattern = core # x",
        "net.nobody.knows = 64K",
        "net.ipv4.ip_local_reserved_ports =",
    ] {
        assert_eq!(of(&format!("{line}\n")).outcome, Outcome::Pass, "{line}");
    }
}

#[test]
fn every_line_without_effect_is_told_where_it_belongs() {
    let limits = "* hard nofile 9000000\nroot soft nofile 9000000\n";
    let system = MemorySystem::linux("6.1")
        .file("/etc/bash.bashrc", "sysctl -w net.core.somaxconn=1024\n")
        .file("/etc/sysctl.conf", "net.ipv4.tcp_tw_recycle = 1\n")
        .file("/etc/security/limits.conf", limits)
        .file("/etc/crontab", "0 * * * * root sysctl -w vm.drop_caches=3\n")
        .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        .sysctl("fs.nr_open", "1048576");
    let rule = "startup = { sysctl_in_shell = false, sysctl_refused = false, logins_refused = false, \
                logins_doubtful = false, drops_caches = false }";
    let wanted: &[&[&str]] = &[
        &["Move the settings"],
        &["Delete the lines"],
        &["Lower the limit", "fs.nr_open=9000000"],
        &["Delete the job"],
    ];
    assert_parts(&system, rule, wanted);
}

#[test]
fn of_what_goes_up_and_down_the_worst_sample_counts() {
    let stat = |running: u32| format!("cpu 10 0 0 1000 0 0 0 0\nprocs_running {running}\n");
    let rule = "quiet = { runnable = { max = 4 } }";
    let judged = |first: u32, last: u32| {
        let system = MemorySystem::linux("6.1")
            .samples("/proc/stat", &[&stat(first), &stat(last)])
            .samples("/proc/uptime", &["10.00 0\n", "11.00 0\n"]);
        one(&system, rule)
    };
    let early = judged(9, 1);
    assert_eq!(
        (early.outcome, early.actual.as_str()),
        (Outcome::Fail, "8 tasks running or waiting to run")
    );
    assert!(remedy(&early, Dialect::Manual).contains("--wait"));
    assert_eq!(judged(1, 9).outcome, Outcome::Fail);
    assert_eq!(judged(2, 3).outcome, Outcome::Pass);
}

#[test]
fn too_little_memory_does_not_hide_that_swap_is_to_be_off() {
    let system = MemorySystem::linux("6.1").file(
        "/proc/meminfo",
        "MemTotal: 4000 kB\nMemAvailable: 1000 kB\nSwapTotal: 9 kB\nSwapFree: 9 kB\n",
    );
    let finding = one(&system, "memory = { swap = 0, available = { min = \"2G\" } }");
    let fix = finding.fix.as_ref().expect("a fix");
    assert_eq!(fix.parts.len(), 2);
    assert!(fix.changes().any(|change| change.to == "0"));
    assert!(remedy(&finding, Dialect::Manual).contains("Stop what is not needed"));
}

#[test]
fn swap_that_is_to_be_off_is_not_turned_on_again() {
    let system = MemorySystem::linux("6.1").file(
        "/proc/meminfo",
        "MemTotal: 4000 kB\nMemAvailable: 3000 kB\nSwapTotal: 9 kB\nSwapFree: 5 kB\n",
    );
    let said = |rule: &str| {
        let fix = one(&system, rule).fix.expect("a fix");
        fix.remedies().into_iter().map(|(_, text)| text).collect::<String>()
    };
    let off = said("memory = { swap = 0, swap_used = 0 }");
    assert!(off.contains("swapoff") && !off.contains("swapon"), "{off}");
    let more = said("memory = { swap = { min = \"1G\" }, swap_used = 0 }");
    assert!(more.contains("mkswap") && more.contains("Free memory"), "{more}");
}

#[test]
fn the_authors_words_stand_for_all_that_people_would_be_told() {
    let system = MemorySystem::linux("6.1").file(
        "/proc/meminfo",
        "MemTotal: 4000 kB\nMemAvailable: 9 kB\nSwapTotal: 9 kB\nSwapFree: 9 kB\n",
    );
    let told = |asked: &str| {
        let rule = format!("memory = {{ {asked} }}\nremedy = \"ask the author\"");
        let fix = one(&system, &rule).fix.expect("a fix");
        fix.remedies_here().map(|(_, text)| text.to_owned()).collect::<Vec<_>>()
    };
    let nothing_can_be_set = told("total = { min = \"1T\" }, available = { min = \"1T\" }");
    assert_eq!(nothing_can_be_set, ["ask the author"]);
    let both = told("total = { min = \"1T\" }, swap = 0");
    assert!(
        both.contains(&"ask the author".to_owned()) && both.len() == 2,
        "{both:?}"
    );
}
