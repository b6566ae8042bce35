//! Agreement with the reference programs over everything they print.
#![cfg(target_os = "linux")]

mod support;

use std::process::Command;

use runup::catalogue;
use runup::system::live::LiveSystem;
use runup::system::{Failure, Os, Resource, SysctlName, System};
use runup::value::{Number, Type};
use support::{clean, is_root, needs};

/// Keys that change by themselves, or give another value to each reader.
const RESTLESS: &[&str] = &[
    "fs.dentry-state",
    "fs.file-nr",
    "fs.inode-nr",
    "fs.inode-state",
    "fs.aio-nr",
    "fs.quota.",
    "kernel.random.",
    "kernel.ns_last_pid",
    "kernel.pty.nr",
    "net.netfilter.nf_conntrack_count",
    "kernel.perf_event_max_sample_rate",
    "kernel.hung_task_detect_count",
    "kernel.tainted",
    "vm.numa_stat",
    "net.ipv4.tcp_fastopen_key",
];

/// Everything that `sysctl -a` prints is read by us, with the same text and a value of the catalogue's type.
fn agree_with_sysctl() -> usize {
    let output = Command::new("sysctl")
        .arg("-a")
        .env("LC_ALL", "C")
        .output()
        .expect("procps");
    let text = String::from_utf8_lossy(&output.stdout);
    let system = LiveSystem::new();
    let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        // A value of several lines has its further lines printed with the name again.
        let Some((name, value)) = line.split_once(" = ").or_else(|| line.split_once(" =")) else {
            continue;
        };
        match rows.last_mut() {
            Some((known, values)) if known == name => values.push(value),
            _ => rows.push((name.to_owned(), vec![value])),
        }
    }
    let mut checked = 0;
    for (name, values) in &rows {
        let name = SysctlName::parse(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        if RESTLESS.iter().any(|restless| name.dotted().starts_with(restless)) {
            continue;
        }
        let ours = system
            .sysctl(name.dotted())
            .unwrap_or_else(|failure| panic!("{}: {failure}", name.dotted()));
        let lines = |text: &str| {
            text.lines()
                .map(|line| line.trim_end().to_owned())
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>()
        };
        let theirs: Vec<String> = values
            .iter()
            .map(|value| value.trim_end().to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(lines(&ours), theirs, "{}", name.dotted());
        if let Some(key) = catalogue::lookup(Os::Linux, name.dotted()) {
            let ours = key
                .value
                .parse(&ours)
                .unwrap_or_else(|error| panic!("{}: {error}", name.dotted()));
            let theirs = key.value.parse(&values.join("\n")).expect("their text parses");
            assert_eq!(ours, theirs, "{}", name.dotted());
            // What is printed reads back as the same value.
            if !matches!(key.value, Type::Text) {
                assert_eq!(
                    key.value.parse(&ours.to_string()).as_ref(),
                    Ok(&ours),
                    "{}",
                    name.dotted()
                );
            }
        }
        checked += 1;
    }
    checked
}

#[test]
#[ignore = "needs procps"]
fn every_key_that_sysctl_prints() {
    assert!(agree_with_sysctl() > 300);
}

/// The same in a fresh network namespace: this test runs itself there.
#[test]
#[ignore = "needs root"]
fn every_key_that_sysctl_prints_in_a_network_namespace() {
    needs("network namespaces need root", is_root());
    if std::env::var_os("RUNUP_TEST_IN_NETNS").is_some() {
        assert!(agree_with_sysctl() > 200);
        // Longer than one page: read whole, or not at all.
        let ports: String = (1..12_000)
            .map(|port| (port * 2).to_string())
            .collect::<Vec<_>>()
            .join(",");
        write_in_pieces("/proc/sys/net/ipv4/ip_local_reserved_ports", &ports);
        assert_eq!(
            LiveSystem::new().sysctl("net.ipv4.ip_local_reserved_ports").as_deref(),
            Ok(ports.as_str())
        );
        return;
    }
    let own = std::env::current_exe().expect("own path");
    let status = clean(Command::new("unshare"))
        .args(["--net", "--"])
        .arg(own)
        .args([
            "--exact",
            "--include-ignored",
            "every_key_that_sysctl_prints_in_a_network_namespace",
            "--nocapture",
        ])
        .env("RUNUP_TEST_IN_NETNS", "1")
        .status()
        .expect("unshare");
    assert!(status.success());
}

/// The kernel takes at most a page at a time, and goes on where the last write ended.
#[allow(clippy::disallowed_methods, reason = "the test arranges a value")]
fn write_in_pieces(path: &str, text: &str) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(path)
        .expect("the key can be written");
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let count = file.write(rest).expect("the kernel takes ports");
        rest = &rest[count..];
    }
}

#[test]
#[ignore = "needs prlimit(1)"]
fn every_row_that_prlimit_prints() {
    let run = || {
        Command::new("prlimit")
            .args(["--raw", "--noheadings", "--output", "RESOURCE,SOFT,HARD"])
            .output()
    };
    let output = run().expect("prlimit(1)");
    let system = LiveSystem::new();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut seen = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let resource = Resource::parse(&words[0].to_lowercase()).unwrap_or_else(|| panic!("{line}"));
        let limits = system.limits(resource).expect("every resource has limits");
        assert_eq!(
            (limits.soft, limits.hard),
            (Number::parse(words[1]).unwrap(), Number::parse(words[2]).unwrap()),
            "{line}"
        );
        seen += 1;
    }
    assert_eq!(seen, Resource::all().count());
}

#[test]
fn another_process_is_looked_at() {
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 77; exec sleep 60"])
        .spawn()
        .expect("sh");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let system = LiveSystem::for_process(child.id()).expect("it runs");
    assert_eq!(
        system.limits(Resource::Nofile).map(|limits| limits.soft),
        Ok(Number::Finite(77))
    );
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
    assert_eq!(system.limits(Resource::Nofile), Err(Failure::Absent));
    assert!(LiveSystem::for_process(child.id()).is_err());
}

#[test]
fn the_backlog_in_force_is_the_sockets_own() {
    // The standard library asks for 4096 or less, so the kernel's bound shows.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let sockets = LiveSystem::new().sockets().expect("netlink");
    let found = sockets
        .listeners
        .iter()
        .find(|found| found.port == port && found.protocol == "tcp")
        .expect("it listens");
    let somaxconn: u32 = LiveSystem::new().sysctl("net.core.somaxconn").unwrap().parse().unwrap();
    let backlog = found.backlog.expect("netlink tells it");
    assert!(backlog > 0 && backlog <= somaxconn, "{found:?}");
    assert_eq!(found.address, "127.0.0.1");
    let report = support::run(&["explain", "ports"]);
    assert!(report.out.contains("raising somaxconn alone does nothing"));
}

#[test]
fn the_live_system_stays_in_its_trees() {
    let system = LiveSystem::new();
    for path in [
        "/proc/sys/../version",
        "/sys/../etc/passwd",
        "/proc/sys//kernel",
        "/proc/sys/",
    ] {
        assert_eq!(system.read(path), Err(Failure::OutsideTree), "{path}");
    }
    assert_eq!(system.sysctl("../version"), Err(Failure::OutsideTree));
    assert_eq!(system.sysctl("net.ipv4.route.flush"), Err(Failure::WriteOnly));
    assert_eq!(system.sysctl("no.such.key"), Err(Failure::Absent));
}
