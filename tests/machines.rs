//! Machines as they are: secrets on the kernel's command line, kernels from before there were today's files, and supplies of power
//! that say little. Each is a tree of files.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests arrange files")]

mod support;

use runup::recording::Recorder;
use runup::system::System;
use runup::system::memory::MemorySystem;
use support::{directory, findings, run_in};

/// The outcome of each rule on a tree, and everything that was said in all forms.
struct Said {
    outcomes: Vec<(String, String)>,
    findings: Vec<serde_json::Value>,
    all: String,
}

impl Said {
    fn outcome(&self, rule: &str) -> &str {
        let found = self.outcomes.iter().find(|(known, _)| known == rule);
        found.map_or_else(|| panic!("no rule {rule}: {}", self.all), |(_, outcome)| outcome)
    }

    fn word(&self, rule: &str, word: &str) -> &str {
        let found = self.findings.iter().find(|finding| finding["rule"] == rule);
        found.and_then(|finding| finding[word].as_str()).unwrap_or_default()
    }

    fn actual(&self, rule: &str) -> &str {
        self.word(rule, "actual")
    }
}

/// Checks rules, each an id and its subject, on a tree of these files.
fn check(files: &[(&str, &str)], rules: &[(&str, &str)]) -> Said {
    let profile: Vec<String> = rules
        .iter()
        .map(|(id, subject)| format!("[[rule]]\nid = \"{id}\"\n{subject}\n"))
        .collect();
    let tree: Vec<(String, &str)> = files
        .iter()
        .map(|(path, text)| (format!("tree{path}"), *text))
        .collect();
    let mut files: Vec<(&str, &str)> = tree.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let profile = profile.join("\n");
    files.push(("p.toml", &profile));
    let place = directory(&files);
    let said = |of: &[&str], words: &[&str]| run_in(place.path(), &[&["check", "p.toml"], of, words].concat());
    said_by(&said, &["--root", "tree"])
}

fn said_by(said: &dyn Fn(&[&str], &[&str]) -> support::Done, of: &[&str]) -> Said {
    let json = said(of, &["--format", "json"]);
    assert!(json.code < 2, "{}", json.err);
    let word = |finding: &serde_json::Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let findings = findings(&json.out);
    let outcomes = findings
        .iter()
        .map(|finding| (word(finding, "rule"), word(finding, "outcome")))
        .collect();
    let forms: [&[&str]; 5] = [
        &["-v"],
        &["--explain"],
        &["--format", "github"],
        &["--format", "junit"],
        &["--format", "tap"],
    ];
    let mut all = json.out;
    for form in forms {
        let done = said(of, form);
        all.push_str(&done.out);
        all.push_str(&done.err);
    }
    Said {
        outcomes,
        findings,
        all,
    }
}

const SECRETS: &str = "BOOT_IMAGE=/vmlinuz ro iommu.passthrough=1 keyboard=us secretmem.enable=1 tokenring=2 \
                       rd.luks.key=/hunter1 db-password=\"hunter2 x\" inst.ks=https://u:hunter3@h/ks quiet\n";

#[test]
fn the_command_line_is_judged_as_it_is_and_shown_without_its_secrets() {
    let rules = [
        (
            "has",
            "kernel = { cmdline = { contains = [\"iommu.passthrough=1\", \"keyboard=us\", \"tokenring=2\"] } }",
        ),
        ("not", "kernel = { cmdline = { excludes = [\"iommu.passthrough=1\"] } }"),
        (
            "starts",
            "kernel = { cmdline = { starts_with = \"secretmem.enable=1\" } }",
        ),
        (
            "secret",
            "kernel = { cmdline = { contains = [\"rd.luks.key=/hunter1\"] } }",
        ),
        (
            "no-secret",
            "kernel = { cmdline = { excludes = [\"rd.luks.key=/hunter1\"] } }",
        ),
        (
            "another",
            "kernel = { cmdline = { contains = [\"rd.luks.key=/hunter4\"] } }",
        ),
        ("in-one-word", "kernel = { cmdline = { excludes = [\"x\\\"\"] } }"),
    ];
    let tree = [("/proc/cmdline", SECRETS), ("/proc/sys/kernel/osrelease", "6.1.0\n")];
    let said = check(&tree, &rules);
    for (rule, outcome) in [
        ("has", "pass"),
        ("not", "fail"),
        ("starts", "pass"),
        ("secret", "pass"),
        ("no-secret", "fail"),
        ("another", "fail"),
        ("in-one-word", "pass"),
    ] {
        assert_eq!(said.outcome(rule), outcome, "{rule}: {}", said.all);
    }
    assert!(said.all.contains("rd.luks.key=***") && said.all.contains("iommu.passthrough=1"));
    let own: Vec<&str> = said.all.lines().filter(|line| line.contains("hunter")).collect();
    assert!(own.is_empty(), "{own:#?}");
}

#[test]
fn a_recording_knows_what_it_hides() {
    let profile = "[[rule]]\nid = \"secret\"\nkernel = { cmdline = { contains = [\"rd.luks.key=/hunter1\"] } }\n\
                   [[rule]]\nid = \"stars\"\nkernel = { cmdline = { contains = [\"rd.luks.key=***\"] } }\n\
                   [[rule]]\nid = \"no-secret\"\nkernel = { cmdline = { excludes = [\"rd.luks.key=/hunter4\"] } }\n\
                   [[rule]]\nid = \"start\"\nkernel = { cmdline = { starts_with = \"rd.luks.key=/h\" } }\n\
                   [[rule]]\nid = \"name\"\nkernel = { cmdline = { starts_with = \"rd.luks.key=\" } }\n\
                   [[rule]]\nid = \"lacks\"\nkernel = { cmdline = { contains = [\"rd.luks.key=/hunter1\", \"nohz\"] } }\n\
                   [[rule]]\nid = \"other\"\nkernel = { cmdline = { contains = [\"quiet\", \"iommu.passthrough=1\"] } }\n";
    let system = MemorySystem::linux("6.1").file("/proc/cmdline", SECRETS);
    let recorder = Recorder::new(&system);
    recorder.read("/proc/cmdline").expect("it is there");
    let held = recorder.finish().to_json().expect("a recording");
    let place = directory(&[("p.toml", profile), ("r.json", &held)]);
    assert!(held.contains("rd.luks.key=***") && !held.contains("hunter"), "{held}");
    let said = |of: &[&str], words: &[&str]| run_in(place.path(), &[&["check", "p.toml"], of, words].concat());
    let said = said_by(&said, &["--host", "r.json"]);
    for (rule, outcome) in [
        ("secret", "unknown"),
        ("stars", "unknown"),
        ("no-secret", "unknown"),
        ("start", "unknown"),
        ("name", "pass"),
        ("lacks", "fail"),
        ("other", "pass"),
    ] {
        assert_eq!(said.outcome(rule), outcome, "{rule}: {}", said.all);
    }
    let diff = run_in(place.path(), &["diff", "r.json", "r.json"]);
    assert!(!diff.out.contains("hunter"), "{}", diff.out);
}

/// An interface may be called what no key can: it is there, and nobody has looked at it.
#[test]
fn an_interface_whose_name_no_key_can_have_is_unknown_to_a_pattern() {
    let profile = "[[rule]]\nid = \"filter\"\nsysctl = { key = \"net.ipv4.conf.*.rp_filter\", eq = 2 }\n";
    let check = |files: &[(&str, &str)]| {
        let place = directory(&[&[("p.toml", profile), ("proc/sys/kernel/osrelease", "6.1.0\n")], files].concat());
        let json = run_in(place.path(), &["check", "p.toml", "--root", ".", "--format", "json"]).out;
        let word = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let told = findings(&json).into_iter();
        told.map(|one| format!("{}: {}", word(&one, "subject"), word(&one, "outcome")))
            .collect::<Vec<_>>()
    };
    let own = ("proc/sys/net/ipv4/conf/eth0/rp_filter", "2\n");
    let odd = ("proc/sys/net/ipv4/conf/a\u{1b}[8mb/rp_filter", "0\n");
    assert_eq!(check(&[own]), ["net.ipv4.conf.eth0.rp_filter: pass"]);
    let both = check(&[own, odd]);
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(
        both.contains(&"net.ipv4.conf.a\u{1b}[8mb.rp_filter: unknown".to_owned()),
        "{both:?}"
    );
    assert_eq!(check(&[odd]), ["net.ipv4.conf.a\u{1b}[8mb.rp_filter: unknown"]);
}

/// Supplies as drivers report them, with what the machine runs on and the charge of its emptiest battery; `?` where nobody can tell.
/// Those with a mark are states of the tests of UPower, which expects the same there.
const SUPPLIES: &[(&str, &[&str], &str, &str)] = &[
    ("no supply at all", &[], "mains", "-"),
    ("upower: a charger on line", &["AC: type=Mains online=1"], "mains", "-"),
    (
        "upower: a charger off line and no battery",
        &["AC: type=Mains online=0"],
        "mains",
        "-",
    ),
    (
        "upower: drained, charger off line",
        &[
            "AC: type=Mains online=0",
            "BAT0: type=Battery present=1 status=Discharging energy_full=60000000 energy_now=48000000",
        ],
        "battery",
        "80",
    ),
    (
        "upower: drained, and a weak charger on line",
        &[
            "AC: type=Mains online=1",
            "BAT0: type=Battery present=1 status=Discharging energy_full=60000000 energy_now=1500000",
        ],
        "mains",
        "2",
    ),
    (
        "upower: charged",
        &[
            "AC: type=Mains online=1",
            "BAT0: type=Battery present=1 status=Charging energy_full=60000000 energy_now=48000000",
        ],
        "mains",
        "80",
    ),
    (
        "upower: it does not say, charger off line",
        &[
            "AC: type=Mains online=0",
            "BAT0: type=Battery present=1 status=unknown energy_full=60000000 energy_now=48000000",
        ],
        "battery",
        "80",
    ),
    (
        "upower: two do not say, charger off line",
        &[
            "AC: type=Mains online=0",
            "BAT0: type=Battery status=Unknown capacity=80",
            "BAT1: type=Battery status=Unknown capacity=70",
        ],
        "battery",
        "70",
    ),
    (
        "upower: it does not say, charger on line",
        &[
            "AC: type=Mains online=1",
            "BAT0: type=Battery present=1 status=unknown energy_full=60000000 energy_now=48000000",
        ],
        "mains",
        "80",
    ),
    (
        "it does not say, and no charger",
        &["BAT0: type=Battery status=Unknown capacity=50"],
        "?",
        "50",
    ),
    (
        "no status, charger off line",
        &["AC: type=Mains online=0", "BAT0: type=Battery capacity=50"],
        "battery",
        "50",
    ),
    (
        "no status and no charger",
        &["BAT0: type=Battery capacity=50"],
        "?",
        "50",
    ),
    (
        "one does not say while the other is charged",
        &[
            "BAT0: type=Battery status=Unknown capacity=50",
            "BAT1: type=Battery status=Charging capacity=60",
        ],
        "mains",
        "50",
    ),
    (
        "upower: two batteries, one of them drained",
        &[
            "BAT0: type=Battery status=Discharging energy_full=60000000 energy_now=48000000",
            "BAT1: type=Battery status=Full charge_full=10500000 charge_now=10500000",
        ],
        "battery",
        "80",
    ),
    (
        "upower: one of two is taken out",
        &[
            "BAT0: type=Battery present=1 status=Full capacity=97",
            "BAT1: type=Battery present=0 status=unknown energy_full=0 energy_now=0",
        ],
        "mains",
        "97",
    ),
    (
        "upower: the only one is taken out",
        &["BAT0: type=Battery present=0"],
        "mains",
        "-",
    ),
    (
        "taken out, and its driver still says that it is drained",
        &[
            "AC: type=Mains online=0",
            "BAT0: type=Battery present=0 status=Discharging capacity=5",
        ],
        "mains",
        "-",
    ),
    (
        "upower: a capacity that is no number",
        &["BAT0: type=Battery present=1 status=Discharging capacity=-NaN energy_full=60000000"],
        "battery",
        "?",
    ),
    (
        "a capacity that is no number, and its energy",
        &["BAT0: type=Battery status=Discharging capacity=-NaN energy_full=60000000 energy_now=6000000"],
        "battery",
        "10",
    ),
    (
        "upower: charge instead of energy",
        &["BAT0: type=Battery present=1 status=Discharging charge_full=10500000 charge_now=4200000"],
        "battery",
        "40",
    ),
    (
        "upower: of mixed units the one that has both numbers",
        &[
            "BAT0: type=Battery present=1 status=Discharging charge_full=10000000 charge_now=5000000 energy_now=50000000",
        ],
        "battery",
        "50",
    ),
    (
        "upower: more than full",
        &["BAT0: type=Battery present=1 status=Full charge_now=11000000 charge_full=10000000 capacity=110"],
        "mains",
        "100",
    ),
    (
        "one of two does not say how full it is",
        &[
            "BAT0: type=Battery status=Full capacity=97",
            "BAT1: type=Battery status=Full",
        ],
        "mains",
        "?",
    ),
    (
        "upower: not charging, pending",
        &[
            "AC: type=Mains online=1",
            "BAT0: type=Battery status=Not\u{a0}charging capacity=80",
        ],
        "mains",
        "80",
    ),
    (
        "a mouse",
        &["hid: type=Battery scope=Device status=Discharging capacity=5"],
        "mains",
        "-",
    ),
    (
        "USB-C on line",
        &[
            "ucsi: type=USB online=1",
            "BAT0: type=Battery status=Discharging capacity=5",
        ],
        "mains",
        "5",
    ),
    (
        "a UPS is no charger",
        &[
            "ups: type=UPS online=1 status=Full",
            "BAT0: type=Battery status=Discharging capacity=5",
        ],
        "battery",
        "5",
    ),
    (
        "a UPS that is drained",
        &["ups: type=UPS status=Discharging capacity=70"],
        "battery",
        "-",
    ),
    (
        "a UPS that is drained, and the charger behind it",
        &[
            "AC: type=Mains online=1",
            "ups: type=UPS status=Discharging capacity=70",
            "BAT0: type=Battery status=Full capacity=97",
        ],
        "battery",
        "97",
    ),
    (
        "full, and the charger was pulled a moment ago",
        &["AC: type=Mains online=0", "BAT0: type=Battery status=Full capacity=100"],
        "?",
        "100",
    ),
    (
        "held at a limit, and every charger off line",
        &[
            "AC: type=Mains online=0",
            "ucsi: type=USB online=0",
            "BAT0: type=Battery status=Not\u{a0}charging capacity=80",
        ],
        "?",
        "80",
    ),
    (
        "full, and no charger to ask",
        &["BAT0: type=Battery status=Full capacity=100"],
        "mains",
        "100",
    ),
    (
        "a charger that says nothing that can be read",
        &[
            "AC: type=Mains online=maybe",
            "BAT0: type=Battery status=Full capacity=100",
        ],
        "?",
        "100",
    ),
    (
        "a UPS that is full beside a port that gives no power",
        &["ucsi: type=USB online=0", "ups: type=UPS status=Full capacity=100"],
        "mains",
        "-",
    ),
    (
        "a UPS that is charged",
        &["ups: type=UPS status=Charging capacity=70"],
        "mains",
        "-",
    ),
];

#[test]
fn what_the_machine_runs_on_is_told_or_it_is_unknown() {
    let rules = [
        ("mains", "power = { source = \"mains\" }"),
        ("battery", "power = { source = \"battery\" }"),
        ("charge", "power = { charge = { min = 101 } }"),
    ];
    let mut wrong = Vec::new();
    for (what, supplies, source, charge) in SUPPLIES {
        let mut files = vec![("/sys/class/net/lo/mtu".to_owned(), "65536".to_owned())];
        files.push(("/sys/class/power_supply/none/scope".to_owned(), "Device".to_owned()));
        for supply in *supplies {
            let (name, attributes) = supply.split_once(": ").expect("a name");
            files.extend(attributes.split(' ').map(|attribute| {
                let (file, text) = attribute.split_once('=').expect("a value");
                let text = text.replace('\u{a0}', " ");
                (format!("/sys/class/power_supply/{name}/{file}"), format!("{text}\n"))
            }));
        }
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let said = check(&files, &rules);
        let told = match (said.outcome("mains"), said.outcome("battery")) {
            ("pass", "fail") => "mains",
            ("fail", "pass") => "battery",
            ("unknown", "unknown") => "?",
            _ => "both",
        };
        let percent = match said.outcome("charge") {
            "n/a" => "-".to_owned(),
            "unknown" => "?".to_owned(),
            _ => said
                .actual("charge")
                .trim_end_matches("charged")
                .trim_end()
                .trim_end_matches('%')
                .trim()
                .to_owned(),
        };
        if (told, percent.as_str()) != (*source, *charge) {
            wrong.push(format!("{what}: {told}, {percent}; should be {source}, {charge}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A machine of Linux 3.10: two processors that share a core, a clock each, and two nodes of memory.
const OLD: &[(&str, &str)] = &[
    ("/proc/sys/kernel/osrelease", "3.10.0-1160.el7.x86_64\n"),
    ("/sys/devices/system/cpu/online", "0-1\n"),
    ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "acpi-cpufreq\n"),
    ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n"),
    ("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0-1\n"),
    ("/sys/devices/system/cpu/cpu1/cpufreq/scaling_driver", "acpi-cpufreq\n"),
    ("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"),
    ("/sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "0-1\n"),
    ("/sys/devices/system/node/online", "0-1\n"),
    ("/sys/devices/system/node/has_normal_memory", "0-1\n"),
    ("/sys/devices/system/node/node0/distance", "10 20\n"),
    ("/sys/devices/system/node/node1/distance", "20 10\n"),
];

/// The same with other files in the place of some, or without them where there is no text.
fn old(changes: &[(&'static str, Option<&'static str>)]) -> Vec<(&'static str, &'static str)> {
    let is_other = |path: &str| changes.iter().any(|(changed, _)| path.starts_with(changed));
    let kept = OLD.iter().copied().filter(|(path, _)| !is_other(path));
    let new = changes.iter().filter_map(|(path, text)| Some((*path, (*text)?)));
    kept.chain(new).collect()
}

const OF_PROCESSORS: &[(&str, &str)] = &[
    ("governor", "cpu = { governor = \"performance\" }"),
    ("driver", "cpu = { driver = \"acpi-cpufreq\" }"),
    ("smt", "cpu = { smt = false }"),
    ("nodes", "numa = { nodes = { max = 1 } }"),
    ("distance", "numa = { distance = { max = 20 } }"),
    ("usable", "cpu = { usable = 2 }"),
];

#[test]
fn a_kernel_from_before_todays_files_is_looked_at_where_it_has_them() {
    let outcomes = |files: &[(&str, &str)]| -> Vec<String> {
        let said = check(files, OF_PROCESSORS);
        said.outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    };
    let all = ["fail", "pass", "fail", "fail", "pass", "pass"];
    assert_eq!(outcomes(OLD), all);
    let said = check(OLD, OF_PROCESSORS);
    assert!(
        said.actual("governor").ends_with("ondemand performance"),
        "{}",
        said.all
    );
    assert!(said.all.contains("no switch for it"), "{}", said.all);

    // Masks instead of lists, and nodes that only their own directories tell of.
    let older = old(&[
        ("/sys/devices/system/cpu/cpu0/topology", None),
        ("/sys/devices/system/cpu/cpu1/topology", None),
        (
            "/sys/devices/system/cpu/cpu0/topology/thread_siblings",
            Some("00000003\n"),
        ),
        (
            "/sys/devices/system/cpu/cpu1/topology/thread_siblings",
            Some("00000003\n"),
        ),
        ("/sys/devices/system/node/has_normal_memory", None),
        (
            "/sys/devices/system/node/node0/meminfo",
            Some("Node 0 MemTotal: 1000 kB\nNode 0 MemFree: 5 kB\n"),
        ),
        (
            "/sys/devices/system/node/node1/meminfo",
            Some("Node 1 MemTotal: 1000 kB\nNode 1 MemFree: 5 kB\n"),
        ),
    ]);
    assert_eq!(outcomes(&older), all);
    let empty_node = old(&[
        ("/sys/devices/system/node/has_normal_memory", None),
        (
            "/sys/devices/system/node/node0/meminfo",
            Some("Node 0 MemTotal: 1000 kB\nNode 0 MemFree: 5 kB\n"),
        ),
        (
            "/sys/devices/system/node/node1/meminfo",
            Some("Node 1 MemTotal: 0 kB\nNode 1 MemFree: 0 kB\n"),
        ),
    ]);
    assert_eq!(outcomes(&empty_node)[3], "pass");
    let untold = old(&[("/sys/devices/system/node/has_normal_memory", None)]);
    assert_eq!(outcomes(&untold)[3], "unknown");
    let alone = old(&[
        (
            "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list",
            Some("0\n"),
        ),
        (
            "/sys/devices/system/cpu/cpu1/topology/thread_siblings_list",
            Some("1\n"),
        ),
    ]);
    assert_eq!(outcomes(&alone)[2], "pass");
    let nonsense = old(&[(
        "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list",
        Some("?\n"),
    )]);
    assert_eq!(outcomes(&nonsense)[2], "unknown");
    // A kernel of today without policies has no cpufreq.
    let new = old(&[("/proc/sys/kernel/osrelease", Some("6.1.0\n"))]);
    assert_eq!(outcomes(&new)[..2], ["n/a", "n/a"]);
}

#[test]
fn processors_are_counted_by_whatever_tells_of_them() {
    let online = "/sys/devices/system/cpu/online";
    let stat = "cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\n";
    let x86 = "processor\t: 0\nmodel name\t: x\n\nprocessor\t: 1\n";
    let s390 =
        "vendor_id       : IBM/S390\n# processors    : 2\nprocessor 0: version = FF\nprocessor 1: version = FF\n";
    for (file, text) in [
        ("/proc/stat", stat),
        ("/proc/cpuinfo", x86),
        ("/proc/cpuinfo", s390),
        ("/proc/version", ""),
    ] {
        let files = old(&[(online, None), (file, Some(text))]);
        let said = check(&files, OF_PROCESSORS);
        assert_eq!(said.outcome("usable"), "pass", "{file}: {}", said.all);
    }
    let files = old(&[(online, None), ("/sys/devices/system/cpu/cpu1/online", Some("0\n"))]);
    assert_eq!(
        check(&files, OF_PROCESSORS).outcome("usable"),
        "fail",
        "one is off line"
    );
    let files = [("/proc/sys/kernel/osrelease", "3.10.0\n")];
    assert_eq!(check(&files, OF_PROCESSORS).outcome("usable"), "unknown");
}

#[test]
fn apply_writes_where_an_older_kernel_has_the_governor() {
    let tree: Vec<(String, &str)> = OLD.iter().map(|(path, text)| (format!("tree{path}"), *text)).collect();
    let mut files: Vec<(&str, &str)> = tree.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    files.push(("p.toml", "[[rule]]\nid = \"g\"\ncpu = { governor = \"performance\" }\n"));
    let place = directory(&files);
    let done = run_in(
        place.path(),
        &["apply", "p.toml", "--root", "tree", "--yes", "--journal", "j"],
    );
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let governor = "tree/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    assert_eq!(
        support::text_of(place.path().join(governor).to_str().expect("UTF-8")),
        "performance"
    );
    assert_eq!(run_in(place.path(), &["check", "p.toml", "--root", "tree"]).code, 0);
}

#[test]
fn a_number_that_means_no_limit_is_above_every_other() {
    let rules = [
        (
            "most",
            "sysctl = { key = \"net.ipv4.tcp_notsent_lowat\", max = \"128KiB\" }",
        ),
        (
            "least",
            "sysctl = { key = \"net.ipv4.tcp_notsent_lowat\", min = \"128KiB\" }",
        ),
        ("itself", "sysctl = { key = \"net.ipv4.tcp_notsent_lowat\", eq = -1 }"),
        (
            "real-time",
            "sysctl = { key = \"kernel.sched_rt_runtime_us\", max = 950000 }",
        ),
        (
            "all-the-time",
            "sysctl = { key = \"kernel.sched_rt_runtime_us\", min = 950000 }",
        ),
        ("pipes", "sysctl = { key = \"fs.pipe-user-pages-soft\", min = 16384 }"),
        (
            "few-pipes",
            "sysctl = { key = \"fs.pipe-user-pages-soft\", max = 16384 }",
        ),
    ];
    let files = [
        ("/proc/sys/kernel/osrelease", "3.10.0\n"),
        ("/proc/sys/net/ipv4/tcp_notsent_lowat", "-1\n"),
        ("/proc/sys/kernel/sched_rt_runtime_us", "-1\n"),
        ("/proc/sys/fs/pipe-user-pages-soft", "0\n"),
    ];
    let said = check(&files, &rules);
    let outcomes: Vec<&str> = rules.iter().map(|(rule, _)| said.outcome(rule)).collect();
    assert_eq!(
        outcomes,
        ["fail", "pass", "pass", "fail", "pass", "pass", "fail"],
        "{}",
        said.all
    );
    assert!(
        said.all.contains("sysctl -w net.ipv4.tcp_notsent_lowat=131072"),
        "{}",
        said.all
    );
    assert!(said.word("most", "reason").contains("no limit"), "{}", said.all);
}

/// `ip link add` and the kernel take names of any bytes but a few, and what a rule is about must not be left out for its name.
#[test]
#[ignore = "needs root"]
fn an_interface_whose_name_is_no_text_is_checked_set_and_put_back() {
    support::needs("a network namespace needs root", support::is_root());
    let profile = "[[rule]]\nid = \"filter\"\nsysctl = { key = \"net.ipv4.conf.a*.rp_filter\", eq = 2 }\n\
                   [[rule]]\nid = \"mtu\"\ninterface = { name = \"a*\", mtu = { min = 9000 }, driver = \"veth\" }\n";
    let place = directory(&[("p.toml", profile)]);
    let script = "N=$(printf 'a\\377'); ip link add \"$N\" type veth peer name p0 && ip link set p0 up && ip link set \"$N\" up || exit 1\n\
                  $R check p.toml; echo == check $?\n\
                  $R check p.toml --format json --only filter\n\
                  $R apply p.toml --only filter --yes --journal j; echo == apply $?\n\
                  cat \"/proc/sys/net/ipv4/conf/$N/rp_filter\"\n\
                  $R revert --journal j; echo == revert $?\n\
                  cat \"/proc/sys/net/ipv4/conf/$N/rp_filter\"\n\
                  $R record p.toml -o r.json && $R check p.toml --host r.json; echo == replay $?\n\
                  $R export p.toml --to sysctl.d | grep -v '^#'\n";
    let mut command = support::clean(std::process::Command::new("unshare"));
    command
        .args(["--net", "--mount", "sh", "-c", script])
        .env("R", env!("CARGO_BIN_EXE_runup"))
        .current_dir(place.path());
    let done = support::done(command.output().expect("unshare starts"));
    let said: Vec<&str> = done.out.split("== ").collect();
    assert_eq!(said.len(), 5, "{}{}", done.out, done.err);
    assert!(said[0].contains(r"net.ipv4.conf.a\xff.rp_filter"), "{}", said[0]);
    assert!(
        said[0].contains(r"sysctl -w $'net.ipv4.conf.a\xff.rp_filter=2'"),
        "{}",
        said[0]
    );
    assert!(said[0].contains(r"ip link set dev $'a\xff' mtu 9000"), "{}", said[0]);
    assert!(
        said[1].starts_with("check 1") && said[1].contains(r#""net.ipv4.conf.a\\xff.rp_filter""#),
        "{}",
        said[1]
    );
    assert!(said[2].starts_with("apply 0\n2\n"), "{}{}", done.out, done.err);
    assert!(said[3].starts_with("revert 0\n0\n"), "{}{}", done.out, done.err);
    assert!(said[3].contains(r"a\xff"), "{}", said[3]);
    assert!(said[4].starts_with("replay 1\n"), "{}", said[4]);
    let named: Vec<&str> = said[4].lines().filter(|line| line.contains("conf.")).collect();
    assert_eq!(
        named,
        ["net.ipv4.conf.all.rp_filter = 2"],
        "a file cannot name the other"
    );
}

/// The same in a tree of files, for all that stands in directories.
#[test]
fn a_file_whose_name_is_no_text_is_read() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = directory(&[
        (
            "p.toml",
            "[[rule]]\nid = \"filter\"\nsysctl = { key = \"net.ipv4.conf.a*.rp_filter\", eq = 2 }\n",
        ),
        ("tree/proc/sys/kernel/osrelease", "6.1.0\n"),
        ("tree/proc/sys/net/ipv4/conf/all/rp_filter", "0\n"),
    ]);
    let name = std::ffi::OsStr::from_bytes(b"a\xff.1");
    let interface = place.path().join("tree/proc/sys/net/ipv4/conf").join(name);
    std::fs::create_dir_all(&interface).expect("a directory");
    std::fs::write(interface.join("rp_filter"), "0\n").expect("a file");
    let done = run_in(place.path(), &["check", "p.toml", "--root", "tree"]);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    assert!(done.out.contains(r"net.ipv4.conf.a\xff/1.rp_filter"), "{}", done.out);
    let done = run_in(
        place.path(),
        &["apply", "p.toml", "--root", "tree", "--yes", "--journal", "j"],
    );
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(
        std::fs::read_to_string(interface.join("rp_filter")).expect("a file"),
        "2\n"
    );
}

#[test]
fn a_key_of_a_vlan_is_told_how_it_is_written() {
    let rules = [
        (
            "dots",
            "sysctl = { key = \"net.ipv4.conf.renamed0.10.rp_filter\", eq = 1 }",
        ),
        (
            "slash",
            "sysctl = { key = \"net.ipv4.conf.renamed0/10.rp_filter\", eq = 1 }",
        ),
        (
            "more",
            "sysctl = { key = \"net.ipv6.neigh.a.b.c.retrans_time_ms\", min = 1 }",
        ),
        (
            "no-interface",
            "sysctl = { key = \"net.ipv4.route.a.b.rp_filter\", eq = 1 }",
        ),
    ];
    let tree = [
        ("/proc/sys/kernel/osrelease", "6.1.0\n"),
        ("/proc/sys/net/ipv4/conf/renamed0.10/rp_filter", "1\n"),
    ];
    let said = check(&tree, &rules);
    assert_eq!(said.outcome("slash"), "pass", "{}", said.all);
    for (rule, hint) in [
        ("dots", "`net.ipv4.conf.renamed0/10.rp_filter`"),
        ("more", "`net.ipv6.neigh.a/b/c.retrans_time_ms`"),
    ] {
        assert_eq!(said.outcome(rule), "unknown", "{}", said.all);
        assert!(
            said.word(rule, "reason").contains(hint),
            "{}",
            said.word(rule, "reason")
        );
    }
    assert!(!said.word("no-interface", "reason").contains("slash"), "{}", said.all);
}
