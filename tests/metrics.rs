//! Every metric of every kind, on machines that hold it, that do not have it, that cannot tell, that refuse, and that answer nonsense.
//! A metric without a row fails.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use runup::diagnostic::{Diagnostics, render};
use runup::engine::{Check, Options};
use runup::failure::{Failure, Why};
use runup::finding::Finding;
use runup::host::Host;
use runup::profile::{self, Library};
use runup::rule::KINDS;
use runup::source::Sources;
use runup::system::memory::MemorySystem;
use runup::system::{
    Answer, Channels, ClockCost, ClockState, Filesystem, Identity, Interface, Listener, Os, Platform, PortUse,
    Question, Resource, Sockets, Stat, System,
};

/// For each metric of each kind what comes of a rule about it.
const ROWS: &str = include_str!("metrics/rows.txt");

struct Row {
    kind: &'static str,
    metric: &'static str,
    rule: &'static str,
    /// On a machine that is known not to have the thing.
    absent: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    let lines = ROWS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let (absent, rest) = line.split_once(' ').expect("an outcome");
        let rest = rest.trim_start();
        let at = rest
            .find("  ")
            .or_else(|| rest.find(&format!(" {} = ", rest.split(' ').next()?)))
            .expect("a rule");
        let (name, rule) = rest.split_at(at);
        let (kind, metric) = name.split_once(' ').unwrap_or((name, ""));
        Row {
            kind,
            metric,
            rule: rule.trim(),
            absent,
        }
    })
}

fn one(system: &dyn System, subject: &str) -> Finding {
    let text = format!("[[rule]]\nid = \"r\"\n{subject}\n");
    let files = support::directory(&[("p.toml", &text)]);
    let path = files.path().join("p.toml");
    let (mut sources, mut sink) = (Sources::new(), Diagnostics::new());
    let library = Library::for_user(false, None);
    let loaded = profile::load(
        &library,
        path.to_str().expect("UTF-8"),
        Os::Linux,
        &mut sources,
        &mut sink,
    );
    let profiles: Vec<_> = loaded.into_iter().collect();
    assert!(sink.is_empty(), "{}", render(&sink.into_sorted(), &sources, false));
    let host = Host::new(system);
    let check = Check::prepare(&profiles, Options::default(), &host)
        .unwrap_or_else(|mistakes| panic!("{}", render(&mistakes, &sources, false)));
    let mut findings = check.run().findings;
    assert_eq!(findings.len(), 1, "{subject}: {findings:#?}");
    findings.remove(0)
}

/// Holds every row against what is expected of it, and tells of all that are wrong.
fn every<S: System>(system: impl Fn() -> S, holds: &dyn Fn(&Row, &str) -> bool) {
    let wrong: Vec<String> = rows()
        .filter_map(|row| {
            let finding = one(&system(), row.rule);
            let is_wrong = !holds(&row, finding.outcome.name());
            is_wrong.then(|| {
                format!(
                    "{} {}: {:?} {} {}",
                    row.kind, row.metric, finding.outcome, finding.actual, finding.reason
                )
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_metric_has_a_row() {
    let metrics = KINDS
        .iter()
        .flat_map(|kind| kind.metrics().map(|metric| (kind.name(), metric.name)));
    let metrics: BTreeSet<(&str, &str)> = metrics.collect();
    let listed: Vec<(&str, &str)> = rows().map(|row| (row.kind, row.metric)).collect();
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), metrics);
    assert_eq!(listed.len(), metrics.len(), "a row stands there twice");
}

#[test]
fn what_is_right_passes() {
    every(whole, &|_, outcome| outcome == "pass");
}

#[test]
fn what_is_known_not_to_be_there_is_not_taken_for_something_else() {
    every(|| Says::new(Failure::Absent), &|row, outcome| outcome == row.absent);
}

#[test]
fn what_cannot_be_told_or_read_is_unknown() {
    for failure in [
        Failure::CannotTell(Why::NotMounted("/sys")),
        Failure::CannotTell(Why::NotRecorded("it".to_owned())),
        Failure::Denied(libc::EACCES),
        Failure::Io(libc::EIO),
        Failure::NotRegular,
        Failure::TooLarge(1),
    ] {
        every(|| Says::new(failure.clone()), &|_, outcome| outcome == "unknown");
    }
}

#[test]
fn nonsense_never_passes() {
    // What a question answers has a type. These stand in no file, in its name, or in files of which a line that means nothing says
    // nothing to whoever reads them.
    const ELSEWHERE: &[&str] = &[
        "rlimit",
        "disk",
        "startup",
        "interface",
        "kernel = { version",
        "ports = { port",
        "systemd",
        "engine = { name = \"docker\", exists",
    ];
    const TOLD: &[&str] = &["synchronised", "slow", "cost", "low_power_mode", "enabled"];
    every(|| Nonsense(whole()), &|row, outcome| {
        let elsewhere = ELSEWHERE.iter().any(|start| row.rule.starts_with(start)) || TOLD.contains(&row.metric);
        elsewhere || outcome != "pass"
    });
}

/// A machine that answers everything in the same way.
struct Says {
    platform: Platform,
    failure: Failure,
}

impl Says {
    fn new(failure: Failure) -> Self {
        let platform = Platform {
            os: Os::Linux,
            release: None,
            arch: None,
            hostname: "says".to_owned(),
            page_size: None,
            ticks_per_second: 100,
        };
        Self { platform, failure }
    }
}

impl System for Says {
    fn platform(&self) -> &Platform {
        &self.platform
    }
    fn identity(&self) -> Identity {
        Identity::default()
    }
    fn read(&self, _: &str) -> Result<Vec<u8>, Failure> {
        Err(self.failure.clone())
    }
    fn list(&self, _: &str) -> Result<Vec<String>, Failure> {
        Err(self.failure.clone())
    }
    fn stat(&self, _: &str) -> Result<Stat, Failure> {
        Err(self.failure.clone())
    }
    fn read_link(&self, _: &str) -> Result<String, Failure> {
        Err(self.failure.clone())
    }
    fn sysctl(&self, _: &str) -> Result<String, Failure> {
        Err(self.failure.clone())
    }
    fn ask(&self, _: &Question) -> Result<Answer, Failure> {
        Err(self.failure.clone())
    }
    fn environment(&self, _: &str) -> Option<String> {
        None
    }
    fn now(&self) -> i64 {
        0
    }
    fn pause(&self, _: Duration) {}
    fn process_directory(&self) -> &str {
        "/proc/self"
    }
}

/// A machine whose files are all there, and mean nothing.
struct Nonsense(MemorySystem);

impl System for Nonsense {
    fn platform(&self) -> &Platform {
        self.0.platform()
    }
    fn identity(&self) -> Identity {
        self.0.identity()
    }
    fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.0.read(path).map(|_| b"\xfe nonsense\n".to_vec())
    }
    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        self.0.list(path)
    }
    fn stat(&self, path: &str) -> Result<Stat, Failure> {
        self.0.stat(path)
    }
    fn read_link(&self, path: &str) -> Result<String, Failure> {
        self.0.read_link(path)
    }
    fn sysctl(&self, name: &str) -> Result<String, Failure> {
        System::sysctl(&self.0, name).map(|_| "nonsense".to_owned())
    }
    fn ask(&self, question: &Question) -> Result<Answer, Failure> {
        self.0.ask(question)
    }
    fn environment(&self, name: &str) -> Option<String> {
        System::environment(&self.0, name)
    }
    fn now(&self) -> i64 {
        System::now(&self.0)
    }
    fn pause(&self, duration: Duration) {
        self.0.pause(duration);
    }
    fn process_directory(&self) -> &str {
        self.0.process_directory()
    }
}

/// A machine that has everything.
fn whole() -> MemorySystem {
    let files = [
        ("/proc/self/cgroup", "0::/system.slice/a.service\n"),
        (
            "/proc/self/mountinfo",
            "20 1 8:1 / / rw,noatime - xfs /dev/sda1 rw\n30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        ),
        ("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n"),
        (
            "/proc/meminfo",
            "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        ),
        ("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n"),
        ("/proc/cmdline", "quiet\n"),
        ("/proc/modules", "kvm 1 0 - Live 0x0\n"),
        ("/proc/pressure/cpu", "some avg10=0.35 avg60=0.1 avg300=0.1 total=1\n"),
        (
            "/proc/pressure/memory",
            "some avg10=0.00 avg60=0.1 avg300=0.1 total=1\n",
        ),
        ("/proc/pressure/io", "some avg10=0.00 avg60=0.1 avg300=0.1 total=1\n"),
        (
            "/proc/self/net/netstat",
            "TcpExt: ListenOverflows ListenDrops\nTcpExt: 0 0\n",
        ),
        ("/proc/self/net/dev", "a\nb\n  eth0: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n"),
        ("/proc/self/status", "Uid:\t0\t0\t0\t0\n"),
        ("/proc/1/comm", "systemd\n"),
        (
            "/proc/77/stat",
            "77 (a) S 1 77 77 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0\n",
        ),
        ("/proc/77/oom_score_adj", "-5\n"),
        (
            "/sys/kernel/mm/transparent_hugepage/enabled",
            "always [madvise] never\n",
        ),
        ("/sys/class/power_supply/BAT0/type", "Battery\n"),
        ("/sys/class/power_supply/BAT0/status", "Full\n"),
        ("/sys/class/power_supply/BAT0/capacity", "90\n"),
        (
            "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor",
            "performance\n",
        ),
        (
            "/sys/devices/system/cpu/cpufreq/policy0/scaling_driver",
            "intel_pstate\n",
        ),
        ("/sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
        ("/sys/devices/system/cpu/smt/active", "0\n"),
        (
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
            "tsc\n",
        ),
        (
            "/sys/devices/system/clocksource/clocksource0/available_clocksource",
            "tsc hpet\n",
        ),
        ("/sys/devices/system/node/online", "0\n"),
        ("/sys/devices/system/node/has_memory", "0\n"),
        ("/sys/devices/system/node/node0/distance", "10\n"),
        (
            "/sys/devices/system/node/node0/meminfo",
            "Node 0 MemTotal: 100 kB\nNode 0 MemFree: 50 kB\n",
        ),
        ("/sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n"),
        ("/sys/class/net/eth0/queues/tx-0/tx_maxrate", "0\n"),
        ("/run/systemd/system/.keep", ""),
        ("/usr/lib/systemd/libsystemd-shared-252.so", ""),
        ("/usr/lib/systemd/systemd-logind", ""),
        (
            "/etc/systemd/system/a.service",
            "[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=multi-user.target\n",
        ),
        ("/etc/systemd/system/multi-user.target.wants/a.service", ""),
        ("/usr/bin/dockerd", ""),
        (
            "/etc/docker/daemon.json",
            "{\"default-ulimits\": {\"nofile\": {\"Soft\": 2048, \"Hard\": 4096}, \"nproc\": {\"Soft\": 100, \"Hard\": 200}}, \
              \"exec-opts\": [\"native.cgroupdriver=systemd\"], \"live-restore\": true, \"userland-proxy\": false}",
        ),
        ("/etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
    ];
    let group = "/sys/fs/cgroup/system.slice/a.service";
    let limits = [
        ("cgroup.controllers", "cpu memory pids\n"),
        ("cgroup.procs", "77\n"),
        ("memory.max", "1073741824\n"),
        ("memory.current", "1048576\n"),
        ("pids.max", "512\n"),
        ("pids.current", "5\n"),
        ("cpu.max", "200000 100000\n"),
        ("cpu.stat", "nr_periods 10\nnr_throttled 1\n"),
    ];
    let table = "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max processes             7823                 7823                 processes \n";
    let mut system = MemorySystem::linux("6.1")
        .samples(
            "/proc/stat",
            &[
                "cpu  1 0 0 100 0 0 0 0 0 0\nprocs_running 1\n",
                "cpu  2 0 0 200 0 0 0 0 0 0\nprocs_running 1\n",
            ],
        )
        .samples("/proc/uptime", &["100.00 1\n", "101.00 2\n"])
        .file("/proc/1/limits", table)
        .sysctl("vm.swappiness", "10")
        .sysctl("fs.file-nr", "100\t0\t9000")
        .sysctl("fs.nr_open", "1048576")
        .sysctl("kernel.pid_max", "32768")
        .sysctl("kernel.threads-max", "30000")
        .sysctl("net.ipv4.ip_local_port_range", "32768\t60999")
        .limit(Resource::Nofile, 1024, 4096)
        .filesystem("/", root())
        .sockets(Ok(sockets()))
        .interfaces(Ok(vec![eth0()]))
        .low_power(false)
        .clock(Ok(ClockState {
            maximum_error: 1000,
            estimated_error: 10,
        }))
        .clock_cost(Ok(ClockCost {
            readings: 1_000_000,
            user: 25_000,
            system: 0,
        }));
    for (path, text) in files {
        system = system.file(path, text);
    }
    for (name, text) in limits {
        system = system.file(&format!("{group}/{name}"), text);
    }
    system
}

fn root() -> Filesystem {
    Filesystem {
        kind: "xfs".to_owned(),
        size: 1 << 40,
        available: 1 << 39,
        inodes: 1000,
        inodes_free: 900,
        read_only: false,
    }
}

fn sockets() -> Sockets {
    Sockets {
        listeners: vec![Listener {
            protocol: "tcp".to_owned(),
            address: "0.0.0.0".to_owned(),
            port: 80,
            queued: 0,
            backlog: Some(128),
        }],
        ports: vec![PortUse {
            port: 40_000,
            time_wait: 1,
            other: 0,
        }],
    }
}

fn eth0() -> Interface {
    Interface {
        name: "eth0".to_owned(),
        up: true,
        mtu: 9000,
        transmit_queue: 1000,
        carrier: Some(true),
        qdisc: Some("fq".to_owned()),
        driver: Some("e1000".to_owned()),
        speed: Some(1000),
        full_duplex: Some(true),
        ring_rx: Some(256),
        ring_rx_max: Some(4096),
        channels: Some(Channels {
            rx: 1,
            tx: 1,
            ..Channels::default()
        }),
        gro: Some(true),
        gso: Some(true),
        tso: Some(true),
        in_sys: true,
        ..Interface::default()
    }
}
