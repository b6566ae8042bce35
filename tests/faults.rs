//! A host in memory on which things go wrong: no report is wrong, and nothing panics.

mod support;

use proptest::prelude::*;
use runup::diagnostic::Diagnostics;
use runup::engine::{Check, Options};
use runup::finding::{Outcome, Report};
use runup::host::Host;
use runup::profile::{self, Library};
use runup::recording::{Recorder, Recording, Replay};
use runup::report::{self, Format, Style};
use runup::source::Sources;
use runup::system::memory::{Fault, MemorySystem};
use runup::system::{Listener, Os, PortUse, Resource, Sockets, System};
use runup::value::Number;

/// A healthy host: what every built-in profile may ask for.
fn healthy() -> MemorySystem {
    let sockets = Sockets {
        listeners: vec![Listener {
            protocol: "tcp".into(),
            address: "0.0.0.0".into(),
            port: 8080,
            queued: 0,
            backlog: Some(511),
        }],
        ports: vec![PortUse {
            port: 40_000,
            time_wait: 3,
            other: 0,
        }],
    };
    let keys = [
        ("net.ipv4.tcp_syncookies", "1"),
        ("net.ipv4.tcp_timestamps", "1"),
        ("net.ipv4.tcp_sack", "1"),
        ("net.ipv4.tcp_abort_on_overflow", "0"),
        ("net.ipv4.tcp_max_tw_buckets", "65536"),
        ("net.ipv4.tcp_fin_timeout", "60"),
        ("net.ipv4.tcp_low_latency", "0"),
        ("net.ipv4.tcp_fack", "0"),
        ("net.ipv4.ip_local_port_range", "32768\t60999"),
        ("net.ipv4.ip_local_reserved_ports", ""),
        ("net.core.rmem_max", "212992"),
        ("net.core.wmem_max", "212992"),
        ("vm.min_free_kbytes", "45056"),
        ("vm.swappiness", "60"),
        ("fs.file-max", "9223372036854775807"),
        ("fs.nr_open", "1048576"),
        ("net.core.somaxconn", "4096"),
        ("net.core.netdev_max_backlog", "1000"),
        ("net.ipv4.tcp_max_syn_backlog", "2048"),
        ("net.ipv4.tcp_keepalive_time", "7200"),
        ("fs.inotify.max_user_watches", "524288"),
        ("fs.inotify.max_user_instances", "128"),
        ("user.max_user_namespaces", "60000"),
    ];
    let mut system = MemorySystem::linux("6.1.0-18-amd64")
        .file(
            "/proc/meminfo",
            "MemTotal: 16000000 kB\nMemAvailable: 12000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        )
        .file(
            "/proc/self/mountinfo",
            "30 20 0:1 / / rw - ext4 /dev/sda1 rw\n31 20 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        )
        .file("/proc/self/cgroup", "0::/\n")
        .file("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n")
        .file("/sys/fs/cgroup/pids.max", "max\n")
        .file("/sys/fs/cgroup/pids.current", "100\n")
        .file("/sys/fs/cgroup/cpu.stat", "nr_periods 0\nnr_throttled 0\n")
        .file("/sys/class/power_supply/BAT0/type", "Battery\n")
        .file("/sys/class/power_supply/BAT0/status", "Full\n")
        .file("/sys/class/power_supply/AC/type", "Mains\n")
        .file("/sys/class/power_supply/AC/online", "1\n")
        .file(
            "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor",
            "performance\n",
        )
        .samples(
            "/proc/stat",
            &[
                "cpu  0 0 0 1000 0 0 0 0\nprocs_running 1\n",
                "cpu  1 0 0 1060 0 0 0 0\nprocs_running 1\n",
            ],
        )
        .samples("/proc/uptime", &["100.00 0\n", "100.30 0\n"])
        .file(
            "/proc/self/net/dev",
            "h\nh\n  lo: 5 0 0 0 0 0 0 0 5 0\neth0: 100 0 0 0 0 0 0 0 100 0\n",
        )
        .sockets(Ok(sockets))
        .filesystem(
            "/",
            runup::system::Filesystem {
                kind: "ext4".into(),
                size: 1 << 40,
                available: 1 << 39,
                inodes: 1 << 20,
                inodes_free: 1 << 19,
                read_only: false,
            },
        );
    for (key, text) in keys {
        system = system.sysctl(key, text);
    }
    for resource in Resource::all() {
        system = system.limit(resource, Number::Finite(1_048_576), Number::Finite(1_048_576));
    }
    system
}

fn check(system: &dyn System, names: &[&str]) -> (Report, Sources) {
    let mut sources = Sources::new();
    let mut sink = Diagnostics::new();
    let profiles: Vec<_> = names
        .iter()
        .filter_map(|name| {
            profile::load(
                &Library::built_in_only(),
                name,
                system.platform().os,
                &mut sources,
                &mut sink,
            )
        })
        .collect();
    assert!(sink.is_empty(), "{sink:?}");
    let host = Host::new(system);
    let report = Check::prepare(&profiles, Options::default(), &host)
        .expect("built-in profiles evaluate")
        .run();
    (report, sources)
}

fn all() -> Vec<&'static str> {
    profile::search::built_in_names().collect()
}

fn text(report: &Report, sources: &Sources, format: &dyn Format) -> String {
    let mut out = Vec::new();
    let style = Style {
        verbose: true,
        explain: true,
        ..Style::default()
    };
    format.write(report, sources, style, &mut out).expect("memory takes it");
    String::from_utf8(out).expect("reports are text")
}

#[test]
fn a_healthy_host_passes() {
    let (report, _) = check(
        &healthy(),
        &[
            "default",
            "load-test",
            "quiet-machine",
            "api-server",
            "container",
            "ci",
            "fluentconf",
        ],
    );
    let bad: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| matches!(finding.outcome, Outcome::Fail | Outcome::Unknown))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// The ways in which a file fails.
const FAULTS: [Fault; 5] = [
    Fault::Errno(nix::libc::EACCES),
    Fault::Errno(nix::libc::EIO),
    Fault::Errno(nix::libc::ENOENT),
    Fault::VanishesAfter(1),
    Fault::ShortRead(0),
];

/// Every file fails in every way, one at a time: what passed without the fault may become unknown or not applicable, and never
/// turns from fail to pass.
#[test]
fn each_fault_on_each_file_is_told_and_never_taken_for_a_value() {
    let names = all();
    let (before, _) = check(&healthy(), &names);
    let paths: Vec<String> = healthy().paths().map(str::to_owned).collect();
    for path in paths {
        for fault in FAULTS {
            let (after, sources) = check(&healthy().fault(&path, fault.clone()), &names);
            for (old, new) in before.findings.iter().zip(&after.findings) {
                assert_eq!((&old.profile, &old.rule), (&new.profile, &new.rule));
                if old.outcome == Outcome::Fail {
                    assert_ne!(new.outcome, Outcome::Pass, "{path} {fault:?}: {new:#?}");
                }
                if new.outcome == Outcome::Unknown && new.outcome != old.outcome {
                    assert!(!new.reason.is_empty(), "{path} {fault:?}: {new:#?}");
                }
            }
            if matches!(fault, Fault::Errno(nix::libc::EACCES | nix::libc::EIO)) && path.starts_with("/proc/sys/") {
                let key = path.trim_start_matches("/proc/sys/").replace('/', ".");
                // A rule whose condition does not hold is not looked at, whatever its file says.
                let looked_at = before
                    .findings
                    .iter()
                    .zip(&after.findings)
                    .filter(|(old, new)| new.subject == key && old.outcome != Outcome::NotApplicable);
                for (_, finding) in looked_at {
                    assert_eq!(finding.outcome, Outcome::Unknown, "{path} {fault:?}: {finding:#?}");
                }
            }
            for format in report::FORMATS.iter().copied() {
                text(&after, &sources, format);
            }
        }
    }
}

#[test]
fn text_that_is_not_utf8_is_unknown() {
    let system = healthy().bytes("/proc/sys/net/core/somaxconn", b"\xff\xfe\n");
    let (report, _) = check(&system, &["container"]);
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.subject == "net.core.somaxconn")
        .unwrap();
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(finding.reason.contains("not UTF-8"), "{}", finding.reason);
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let system = healthy().sysctl("net.ipv4.tcp_syncookies", "\u{1b}]0;owned\u{7}\u{202e}0");
    let (report, sources) = check(&system, &["default"]);
    let text = text(&report, &sources, report::TERMINAL);
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{7}') && !text.contains('\u{202e}'),
        "{text:?}"
    );
    assert!(text.contains("\\u{1b}"), "{text}");
}

#[test]
fn laptops_servers_and_mice() {
    let source = |system: &MemorySystem| {
        let (report, _) = check(system, &["quiet-machine"]);
        let finding = report
            .findings
            .iter()
            .find(|finding| finding.rule == "on-mains")
            .unwrap()
            .clone();
        (finding.outcome, finding.actual)
    };
    let base = || MemorySystem::linux("6.1").file("/sys/class/net/lo/mtu", "65536\n");
    let supply = |system: MemorySystem, name: &str, files: &[(&str, &str)]| {
        files.iter().fold(system, |system, (file, text)| {
            system.file(&format!("/sys/class/power_supply/{name}/{file}"), text)
        })
    };
    let battery = |status| [("type", "Battery\n"), ("status", status), ("capacity", "50\n")];
    assert_eq!(
        source(&base()),
        (Outcome::Pass, "on mains".into()),
        "a server has no battery"
    );
    let unplugged = supply(
        supply(base(), "BAT0", &battery("Discharging\n")),
        "AC",
        &[("type", "Mains\n"), ("online", "0\n")],
    );
    assert_eq!(source(&unplugged), (Outcome::Fail, "on battery".into()));
    let usb = supply(
        supply(base(), "BAT0", &battery("Discharging\n")),
        "ucsi",
        &[("type", "USB\n"), ("online", "1\n")],
    );
    assert_eq!(source(&usb).0, Outcome::Pass, "a USB-C supply is a charger");
    let held = supply(base(), "BAT0", &battery("Not charging\n"));
    assert_eq!(source(&held).0, Outcome::Pass, "not charging is on mains");
    let second = supply(
        supply(base(), "BAT0", &battery("Full\n")),
        "BAT1",
        &battery("Discharging\n"),
    );
    assert_eq!(source(&second).0, Outcome::Fail, "one drained battery is enough");
    let mouse = supply(
        base(),
        "hid",
        &[
            ("type", "Battery\n"),
            ("scope", "Device\n"),
            ("status", "Discharging\n"),
        ],
    );
    assert_eq!(
        source(&mouse).0,
        Outcome::Pass,
        "a mouse's battery is none of the machine's"
    );
    let hidden = supply(base(), "BAT0", &battery("x\n"))
        .fault("/sys/class/power_supply/BAT0/status", Fault::Errno(nix::libc::EACCES));
    assert_eq!(source(&hidden).0, Outcome::Unknown);
}

#[test]
fn macos_is_read_by_its_own_keys() {
    let system = MemorySystem::on(Os::Macos, "24.1.0")
        .sysctl("kern.maxfiles", "122880")
        .sysctl("kern.maxfilesperproc", "61440")
        .sysctl("kern.ipc.somaxconn", "128")
        .sysctl("net.inet.ip.portrange.first", "49152")
        .sysctl("net.inet.ip.portrange.last", "65535")
        .sysctl("hw.memsize", "17179869184")
        .limit(Resource::Nofile, 256, Number::Unlimited)
        .limit(Resource::Nproc, 2666, 4000)
        .user(501, 0);
    let (report, sources) = check(&system, &["fluentconf"]);
    let outcome = |rule: &str| report.findings.iter().find(|finding| finding.rule == rule).unwrap();
    assert_eq!(outcome("maxfiles").outcome, Outcome::Pass);
    assert_eq!(outcome("maxfilesperproc").outcome, Outcome::Fail);
    assert_eq!(outcome("somaxconn").subject, "kern.ipc.somaxconn");
    assert_eq!(outcome("ephemeral-ports").outcome, Outcome::Pass);
    assert_eq!(outcome("quiet-cpu").outcome, Outcome::NotApplicable);
    let text = text(&report, &sources, report::TERMINAL);
    assert!(text.contains("sudo sysctl kern.ipc.somaxconn=40000"), "{text}");
    assert!(text.contains("launchctl limit maxfiles 10000 "), "{text}");
}

#[test]
fn a_recording_gives_the_report_that_was_made_with_it() {
    let live = healthy();
    let recorder = Recorder::new(&live);
    let (recorded, sources) = check(&recorder, &all());
    let json = recorder.finish().to_json().unwrap();
    let replay = Replay::new(Recording::parse(json.as_bytes()).unwrap());
    let (replayed, replayed_sources) = check(&replay, &all());
    for format in report::FORMATS.iter().copied() {
        assert_eq!(
            text(&recorded, &sources, format),
            text(&replayed, &replayed_sources, format)
        );
    }
}

#[test]
fn what_was_not_recorded_is_unknown_and_not_absent() {
    let live = healthy();
    let recorder = Recorder::new(&live);
    check(&recorder, &["container"]);
    let replay = Replay::new(recorder.finish());
    let (report, _) = check(&replay, &["realtime"]);
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.rule == "device-backlog")
        .unwrap();
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(finding.reason.contains("was not recorded"), "{}", finding.reason);
}

#[test]
fn secrets_stay_out_of_recordings() {
    let live = healthy()
        .sysctl("net.ipv4.tcp_fastopen_key", "deadbeef-cafebabe")
        .environment("AWS_SECRET", "hunter2");
    let recorder = Recorder::new(&live);
    assert!(recorder.sysctl("net.ipv4.tcp_fastopen_key").is_err());
    assert_eq!(recorder.environment("AWS_SECRET"), None);
    let json = recorder.finish().to_json().unwrap();
    assert!(!json.contains("deadbeef") && !json.contains("hunter2"), "{json}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(support::rounds(32)))]
    #[test]
    fn any_text_in_any_file_gives_a_report(which in 0_usize..200, text in "\\PC{0,40}|[0-9 \t\n,-]{0,40}") {
        let paths: Vec<String> = healthy().paths().map(str::to_owned).collect();
        let path = &paths[which % paths.len()];
        let (report, sources) = check(&healthy().file(path, &text), &all());
        for format in report::FORMATS.iter().copied() {
            self::text(&report, &sources, format);
        }
    }
    /// What one fault does not do, several at once do not do either.
    #[test]
    fn several_faults_at_once_make_no_rule_pass(some in prop::collection::vec((0_usize..200, 0..FAULTS.len()), 2..6)) {
        let names = all();
        let (before, _) = check(&healthy(), &names);
        let paths: Vec<String> = healthy().paths().map(str::to_owned).collect();
        let system = some.iter().fold(healthy(), |system, (path, fault)| {
            system.fault(&paths[path % paths.len()], FAULTS[*fault].clone())
        });
        let (after, sources) = check(&system, &names);
        for (old, new) in before.findings.iter().zip(&after.findings) {
            prop_assert_eq!((&old.profile, &old.rule), (&new.profile, &new.rule));
            prop_assert!(old.outcome != Outcome::Fail || new.outcome != Outcome::Pass, "{:?}: {:#?}", some, new);
            prop_assert!(new.outcome != Outcome::Unknown || !new.reason.is_empty(), "{:?}: {:#?}", some, new);
        }
        for format in report::FORMATS.iter().copied() {
            text(&after, &sources, format);
        }
    }
}
