//! What cannot be told is not taken for absent: trees with little in them, and live machines on which something is hidden.
#![cfg(target_os = "linux")]

mod support;

use std::process::Command;

use support::{Done, clean, directory, done, findings, run_in};

/// Rules that an empty tree once passed, or said that they did not apply.
const NEEDS_A_MACHINE: &str = r#"
[[rule]]
id = "ports"
ports = { used = { max = "25%" } }
[[rule]]
id = "clock"
clock = { synchronised = true }
[[rule]]
id = "interface"
interface = { name = "eth0", mtu = { min = 9000 } }
[[rule]]
id = "nofile"
rlimit = { resource = "nofile", soft = { min = 1000 } }
[[rule]]
id = "cmdline"
kernel = { cmdline = { excludes = ["mitigations=off"] } }
[[rule]]
id = "module"
kernel = { module = "kvm", loaded = false }
[[rule]]
id = "version"
kernel = { version = { max = "4.0" } }
[[rule]]
id = "power"
power = { source = "mains" }
[[rule]]
id = "governor"
cpu = { governor = "performance" }
[[rule]]
id = "smt"
cpu = { smt = false }
[[rule]]
id = "huge-pages"
sysfs = { path = "kernel/mm/transparent_hugepage/enabled", not = "always" }
[[rule]]
id = "disks"
sysfs = { path = "block/*/queue/rotational", eq = 0 }
[[rule]]
id = "rp-filter"
sysctl = { key = "net.ipv4.conf.*.rp_filter", max = 0 }
[[rule]]
id = "disk"
disk = { path = "/", free = { min = "1GiB" } }
[[rule]]
id = "quota"
cgroup = { throttled = { max = "1%" } }
[[rule]]
id = "service"
service = { unit = "irqbalance.service", active = false }
[[rule]]
id = "overflows"
counter = { name = "TcpExt.ListenOverflows", total = { max = 0 } }
[[rule]]
id = "threads"
usage = { of = "threads", share = { max = "80%" } }
[[rule]]
id = "when"
when = "kernel < version('5.4')"
sysctl = { key = "vm.swappiness", max = 0 }
[[rule]]
id = "arch"
when = "arch == 'x86_64'"
sysctl = { key = "vm.swappiness", max = 0 }
[[rule]]
id = "systemd"
when = "systemd"
sysctl = { key = "vm.swappiness", max = 0 }
[[rule]]
id = "pages"
sysctl = { key = "net.ipv4.tcp_mem", field = "high", max = "1GiB" }
"#;

/// Outcome and reason of each rule.
fn said(done: &Done) -> Vec<(String, String, String)> {
    let word = |finding: &serde_json::Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    findings(&done.out)
        .iter()
        .map(|finding| (word(finding, "rule"), word(finding, "outcome"), word(finding, "reason")))
        .collect()
}

fn all_unknown(done: &Done, but: &[&str]) {
    for (rule, outcome, reason) in said(done) {
        assert_eq!(
            outcome == "unknown",
            !but.contains(&rule.as_str()),
            "{rule}: {outcome}, {reason}"
        );
    }
    assert_eq!(done.code, 1, "{}", done.err);
}

/// Runs a shell's words as root of namespaces of its own, with the command as `$RUNUP`.
fn in_namespaces(flags: &[&str], script: &str, place: &std::path::Path) -> Done {
    let mut command = clean(Command::new("unshare"));
    command
        .args(["--mount", "--propagation", "private"])
        .args(flags)
        .args(["sh", "-euc", script])
        .env("RUNUP", env!("CARGO_BIN_EXE_runup"))
        .current_dir(place);
    done(command.output().expect("unshare"))
}

#[test]
fn a_tree_with_almost_nothing_is_not_ready() {
    let files = directory(&[("p.toml", NEEDS_A_MACHINE), ("t/proc/meminfo", "MemTotal: 1000 kB\n")]);
    let done = run_in(files.path(), &["check", "./p.toml", "--root", "t", "--format", "json"]);
    all_unknown(&done, &[]);
    let report: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
    let host = &report["host"];
    assert!(
        host["arch"].is_null() && host["kernel"].is_null() && host["cpus"].is_null(),
        "{host}"
    );
}

#[test]
fn a_directory_that_was_copied_without_a_file_is_known_not_to_have_it() {
    let files = directory(&[
        (
            "p.toml",
            "[[rule]]\nid = \"power\"\npower = { source = \"mains\" }\n\
             [[rule]]\nid = \"governor\"\ncpu = { governor = \"performance\" }\n\
             [[rule]]\nid = \"disk\"\nsysfs = { path = \"block/sdz/queue/rotational\", eq = 0 }\n\
             [[rule]]\nid = \"key\"\nsysctl = { key = \"vm.zone_reclaim_mode\", eq = 0 }\n\
             [[rule]]\nid = \"always\"\nsysctl = { key = \"vm.overcommit_memory\", eq = 0 }\n",
        ),
        ("t/sys/class/net/lo/mtu", "65536\n"),
        ("t/sys/devices/system/cpu/cpufreq/boost", "1\n"),
        ("t/sys/block/sda/size", "1\n"),
        ("t/proc/sys/vm/swappiness", "60\n"),
    ]);
    let done = run_in(files.path(), &["check", "./p.toml", "--root", "t", "--format", "json"]);
    let outcomes: Vec<String> = said(&done).into_iter().map(|(_, outcome, _)| outcome).collect();
    assert_eq!(outcomes, ["pass", "n/a", "n/a", "n/a", "unknown"], "{}", done.out);
}

#[test]
fn what_a_tree_does_tell_is_its_own() {
    let version = "Linux version 6.1.0-18-amd64 (builder@host) (gcc-12) #1 SMP\n";
    let files = directory(&[
        (
            "p.toml",
            "[[rule]]\nid = \"old\"\nkernel = { version = { max = \"4.0\" } }\n\
             [[rule]]\nid = \"new\"\nkernel = { version = { min = \"6.1\" } }\n\
             [[rule]]\nid = \"cpus\"\ncpu = { usable = 80 }\n\
             [[rule]]\nid = \"limit\"\nrlimit = { resource = \"nofile\", soft = 1024 }\n",
        ),
        ("t/proc/version", version),
        (
            "t/proc/self/limits",
            "Limit Soft Hard Units\nMax open files            1024                 4096                 files\n",
        ),
        ("t/sys/devices/system/cpu/online", "0-79\n"),
    ]);
    let done = run_in(files.path(), &["check", "./p.toml", "--root", "t", "--format", "json"]);
    let outcomes: Vec<String> = said(&done).into_iter().map(|(_, outcome, _)| outcome).collect();
    assert_eq!(outcomes, ["fail", "pass", "pass", "pass"], "{}", done.out);
    let report: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!(report["host"]["kernel"], "6.1.0-18-amd64");
}

#[test]
fn a_default_that_cannot_be_computed_leaves_the_other_rules() {
    let files = directory(&[
        (
            "p.toml",
            "[params.workers]\ndefault = \"cpus * 2\"\nmin = 1\n[params.backlog]\ndefault = 128\n\
             [[rule]]\nid = \"needs\"\nsysctl = { key = \"net.core.somaxconn\", min = \"workers * 64\" }\n\
             [[rule]]\nid = \"set\"\nsysctl = { key = \"net.core.somaxconn\", min = \"backlog\" }\n",
        ),
        ("t/proc/sys/net/core/somaxconn", "4096\n"),
    ]);
    let check = |more: &[&str]| {
        let words = [&["check", "./p.toml", "--root", "t", "--format", "json"], more].concat();
        said(&run_in(files.path(), &words))
    };
    let all = check(&[]);
    assert_eq!((all[0].1.as_str(), all[1].1.as_str()), ("unknown", "pass"), "{all:?}");
    assert!(all[0].2.contains("/sys/devices"), "{all:?}");
    assert_eq!(
        check(&["--set", "workers=2"])[0].1,
        "pass",
        "what is given need not be computed"
    );
    for profile in ["scylladb", "ci-runner"] {
        let done = run_in(files.path(), &["check", profile, "--root", "t"]);
        assert_eq!(done.code, 1, "{profile}: {}", done.err);
    }
}

#[test]
#[ignore = "needs root"]
fn a_machine_without_sys_is_not_ready() {
    let files = directory(&[("p.toml", NEEDS_A_MACHINE)]);
    let only = ["power", "governor", "smt", "huge-pages", "disks", "quota"]
        .map(|rule| format!("--only {rule}"))
        .join(" ");
    let script = format!("umount -R /sys; $RUNUP check ./p.toml {only} --format json");
    let done = in_namespaces(&[], &script, files.path());
    all_unknown(&done, &[]);
    assert!(done.out.contains("/sys is not mounted here"), "{}", done.out);
    // And so says a recording of it.
    let script = "umount -R /sys; $RUNUP record ./p.toml -o h.json";
    assert_eq!(in_namespaces(&[], script, files.path()).code, 0);
    let words = [
        vec!["check", "./p.toml", "--host", "h.json", "--format", "json"],
        only.split(' ').collect(),
    ]
    .concat();
    let again = run_in(files.path(), &words);
    assert_eq!(said(&again), said(&done));
}

#[test]
#[ignore = "needs root"]
fn what_something_else_is_mounted_over_is_hidden_and_not_gone() {
    let files = directory(&[("p.toml", NEEDS_A_MACHINE), ("empty", "")]);
    // As engines hide directories, and as systemd hides files.
    let script =
        "mount -t tmpfs none /sys/devices/system/cpu; mount -t tmpfs none /sys/class; mount --bind empty /proc/cmdline
                  $RUNUP check ./p.toml --only power --only governor --only smt --only cmdline --format json";
    let done = in_namespaces(&[], script, files.path());
    all_unknown(&done, &[]);
    for place in [
        "/sys/class is hidden",
        "/sys/devices/system/cpu is hidden",
        "/proc/cmdline is hidden",
    ] {
        assert!(done.out.contains(place), "{place}: {}", done.out);
    }
}

#[test]
#[ignore = "needs root"]
fn a_proc_of_processes_alone_tells_no_settings() {
    let files = directory(&[("p.toml", NEEDS_A_MACHINE)]);
    let script = "mount -t proc -o subset=pid proc /proc
                  $RUNUP check ./p.toml --only rp-filter --only threads --only cmdline --format json";
    let done = in_namespaces(&["--pid", "--fork"], script, files.path());
    all_unknown(&done, &[]);
    assert!(done.out.contains("every kernel has it"), "{}", done.out);
}
