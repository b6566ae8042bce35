//! What makes changes last, and what the next boot makes of them, on trees of files that stand for machines.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::path::Path;

use runup::fix::journal::Journal;
use runup::fix::persist::{self, File, Persistence, Replaced};
use runup::fix::{MemoryDisk, disk::Disk};
use runup::system::steps::{Mishap, Steps};
use support::{Done, directory, finding, run};

const PROFILE: &str = r#"
[[rule]]
id = "backlog"
sysctl = { key = "net.core.somaxconn", min = 16384 }
[[rule]]
id = "swappiness"
sysctl = { key = "vm.swappiness", max = 10 }
[[rule]]
id = "fin"
sysctl = { key = "net.ipv4.tcp_fin_timeout", max = "45s" }
[[rule]]
id = "table"
sysctl = { key = "net.netfilter.nf_conntrack_max", min = 1000000 }
[[rule]]
id = "huge-pages"
sysfs = { path = "kernel/mm/transparent_hugepage/enabled", eq = "never" }
[[rule]]
id = "files"
severity = "warning"
rlimit = { resource = "nofile", soft = { min = 65536 } }
"#;

const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 4096                 files\n";

fn tree(more: &[(&str, &str)]) -> tempfile::TempDir {
    let mut files = vec![
        ("proc/sys/net/core/somaxconn", "4096\n"),
        ("proc/sys/vm/swappiness", "60\n"),
        ("proc/sys/net/ipv4/tcp_fin_timeout", "30\n"),
        ("proc/sys/net/netfilter/nf_conntrack_max", "65536\n"),
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("run/systemd/system/.keep", ""),
        ("proc/self/limits", LIMITS),
        ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
        ("p.toml", PROFILE),
    ];
    files.extend_from_slice(more);
    directory(&files)
}

fn on(root: &Path, words: &[&str]) -> Done {
    let profile = root.join("p.toml");
    let mut all = vec![
        words[0],
        profile.to_str().expect("UTF-8"),
        "--root",
        root.to_str().expect("UTF-8"),
    ];
    if words[0] == "revert" {
        all.remove(1);
    }
    all.extend(&words[1..]);
    run(&all)
}

fn settings(root: &Path, path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let says = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().filter(says).map(str::to_owned).collect()
}

#[test]
fn files_are_written_once_and_removed() {
    let root = tree(&[]);
    let root = root.path();
    let applied = on(root, &["apply", "--persist", "--yes"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    assert_eq!(
        settings(root, "etc/sysctl.d/60-runup.conf"),
        [
            "net.core.somaxconn = 16384",
            "vm.swappiness = 10",
            "net.ipv4.tcp_fin_timeout = 30",
            "net.netfilter.nf_conntrack_max = 1000000"
        ]
    );
    assert_eq!(settings(root, "etc/modules-load.d/60-runup.conf"), ["nf_conntrack"]);
    assert_eq!(
        settings(root, "etc/tmpfiles.d/60-runup.conf"),
        ["w /sys/kernel/mm/transparent_hugepage/enabled - - - - never"]
    );
    assert_eq!(
        settings(root, "etc/security/limits.d/60-runup.conf"),
        ["* soft nofile 65536", "* hard nofile 65536"]
    );
    assert!(applied.out.contains("root's limits are left"), "{}", applied.out);
    // What was good already is written as it is: no file set it, and the kernel starts with something else.
    assert!(
        applied.out.contains("+ net.ipv4.tcp_fin_timeout = 30"),
        "{}",
        applied.out
    );
    let stamp = |path: &str| std::fs::metadata(root.join(path)).and_then(|file| file.modified()).ok();
    let before = stamp("etc/sysctl.d/60-runup.conf");
    let again = on(root, &["apply", "--persist", "--yes"]);
    assert!(!again.err.contains("written"), "{}", again.err);
    assert_eq!(stamp("etc/sysctl.d/60-runup.conf"), before);
    let removed = on(root, &["revert", "--persist"]);
    assert_eq!((removed.code, removed.out.lines().count()), (0, 4), "{}", removed.out);
    assert!(!root.join("etc/sysctl.d/60-runup.conf").exists());
    assert_eq!(on(root, &["revert"]).code, 0);
    assert_eq!(
        std::fs::read_to_string(root.join("proc/sys/vm/swappiness"))
            .ok()
            .as_deref(),
        Some("60\n")
    );
}

#[test]
fn a_service_gets_its_own_limits() {
    let root = tree(&[]);
    let root = root.path();
    let applied = on(root, &["apply", "--persist", "--yes", "--unit", "nginx.service"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    assert_eq!(
        settings(root, "etc/systemd/system/nginx.service.d/60-runup.conf"),
        ["[Service]", "LimitNOFILE=65536"]
    );
    assert!(!root.join("etc/security").exists());
    assert!(applied.out.contains("systemctl daemon-reload"), "{}", applied.out);
    for name in ["../x.service", "nginx", "a b.service"] {
        let refused = on(root, &["apply", "--persist", "--yes", "--unit", name]);
        assert_eq!(refused.code, 2, "{name}");
    }
    assert_eq!(on(root, &["revert", "--persist"]).code, 0);
    assert!(!root.join("etc/systemd/system/nginx.service.d/60-runup.conf").exists());
}

#[test]
fn two_profiles_share_the_files_and_an_edited_one_stays() {
    let root = tree(&[(
        "q.toml",
        "[[rule]]\nid = \"fin\"\nsysctl = { key = \"net.ipv4.tcp_fin_timeout\", max = \"15s\" }\n",
    )]);
    let root = root.path();
    let file = root.join("etc/sysctl.d/60-runup.conf");
    assert_eq!(on(root, &["apply", "--persist", "--yes", "--skip", "table"]).code, 0);
    let (profile, place) = (root.join("q.toml"), root.to_str().expect("UTF-8"));
    let second = run(&[
        "apply",
        profile.to_str().expect("UTF-8"),
        "--root",
        place,
        "--persist",
        "--yes",
    ]);
    assert_eq!(second.code, 0, "{}{}", second.out, second.err);
    let set = settings(root, "etc/sysctl.d/60-runup.conf");
    assert_eq!(
        set,
        [
            "net.ipv4.tcp_fin_timeout = 15",
            "net.core.somaxconn = 16384",
            "vm.swappiness = 10"
        ]
    );
    let text = std::fs::read_to_string(&file).expect("a file");
    assert!(text.starts_with("# written by runup for p, q ["), "{text}");

    let edited = text.replace("= 16384", "= 99");
    std::fs::write(&file, &edited).expect("edited");
    std::fs::write(root.join("proc/sys/vm/swappiness"), "70\n").expect("a value");
    let refused = on(root, &["apply", "--persist", "--yes"]);
    assert_eq!(refused.code, 2, "{}", refused.out);
    assert!(
        refused.err.contains("not as runup wrote it") && refused.err.contains("--force"),
        "{}",
        refused.err
    );
    assert_eq!(std::fs::read_to_string(&file).ok(), Some(edited.clone()));
    assert_eq!(
        std::fs::read_to_string(root.join("proc/sys/vm/swappiness"))
            .ok()
            .as_deref(),
        Some("70\n")
    );
    assert_eq!(on(root, &["revert", "--persist"]).code, 1);
    assert_eq!(std::fs::read_to_string(&file).ok(), Some(edited));
    assert_eq!(on(root, &["apply", "--persist", "--yes", "--force"]).code, 0);
    assert!(settings(root, "etc/sysctl.d/60-runup.conf").contains(&"net.core.somaxconn = 16384".to_owned()));
}

#[test]
fn check_says_what_the_next_boot_turns_round() {
    let root = tree(&[
        ("etc/sysctl.d/99-local.conf", "# ours\nnet.ipv4.tcp_fin_timeout = 60\n"),
        ("usr/lib/sysctl.d/50-x.conf", "vm.swappiness = 5\n"),
        ("etc/sysctl.conf", "net.core.somaxconn = 20000\n"),
    ]);
    let root = root.path();
    let report = on(root, &["check", "--format", "json"]).out;
    let undone = finding(&report, "fin");
    assert_eq!(undone["outcome"], "pass");
    assert_eq!(undone["next_boot"]["passes"], false);
    assert_eq!(undone["next_boot"]["value"], "60 s");
    assert_eq!(
        (
            undone["next_boot"]["file"].as_str(),
            undone["next_boot"]["line"].as_u64()
        ),
        (Some("/etc/sysctl.d/99-local.conf"), Some(2))
    );
    assert_eq!(undone["next_boot"]["by"], serde_json::Value::Null);
    let set = finding(&report, "swappiness");
    assert_eq!(
        (set["outcome"].as_str(), set["next_boot"]["passes"].as_bool()),
        (Some("fail"), Some(true))
    );
    // The two programs differ, and it is said.
    let backlog = finding(&report, "backlog");
    assert_eq!(backlog["next_boot"], serde_json::Value::Null);
    assert!(
        backlog["evidence"]
            .to_string()
            .contains("only `sysctl --system` reads that"),
        "{backlog:#}"
    );
    assert_eq!(finding(&report, "table")["next_boot"], serde_json::Value::Null);
    let text = on(root, &["check"]).out;
    assert!(
        text.contains("undoes it: 60 s (/etc/sysctl.d/99-local.conf:2)"),
        "{text}"
    );
    assert!(text.contains("1 undone by the next boot"), "{text}");
    // The drop-in that would mend it comes too early, and that is said as well.
    let plan = on(root, &["apply", "--persist", "--dry-run"]).out;
    assert!(
        plan.split_whitespace().collect::<Vec<_>>().join(" ").contains(
            "net.ipv4.tcp_fin_timeout = 30, for p/fin: it would not last, since /etc/sysctl.d/99-local.conf:2 sets it to 60"
        ),
        "{plan}"
    );
    assert!(!root.join("etc/sysctl.d/60-runup.conf").exists());
}

#[test]
fn what_this_hardware_lacks_is_set_in_order_on_a_tree() {
    let cpus = "sys/devices/system/cpu";
    let at = |name: &str| format!("{cpus}/{name}");
    let names = [
        at("cpufreq/policy0/scaling_governor"),
        at("cpufreq/policy0/scaling_available_governors"),
        at("cpufreq/policy1/scaling_governor"),
        at("cpufreq/policy1/scaling_available_governors"),
        at("intel_pstate/no_turbo"),
        at("smt/control"),
        at("smt/active"),
    ];
    let texts = [
        "powersave\n",
        "performance powersave\n",
        "powersave\n",
        "performance powersave\n",
        "0\n",
        "on\n",
        "1\n",
    ];
    let mut files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts).collect();
    files.push(("block/sda/queue/scheduler", ""));
    files.push(("sys/block/sda/queue/scheduler", "[mq-deadline] kyber none\n"));
    files.push((
        "c.toml",
        "[[rule]]\nid = \"cpu\"\ncpu = { governor = \"performance\", turbo = false, smt = false }\n\
                 [[rule]]\nid = \"disk\"\nsysfs = { path = \"block/*/queue/scheduler\", eq = \"none\" }\n",
    ));
    let root = tree(&files);
    let (profile, place) = (root.path().join("c.toml"), root.path().to_str().expect("UTF-8"));
    let words = ["apply", profile.to_str().expect("UTF-8"), "--root", place, "--yes"];
    let read = |name: &str| std::fs::read_to_string(root.path().join(name)).unwrap_or_default();
    let applied = run(&words);
    let order: Vec<&str> = applied.out.lines().filter(|line| line.starts_with("/sys/")).collect();
    let place_of = |part: &str| {
        order
            .iter()
            .position(|line| line.contains(part))
            .unwrap_or_else(|| panic!("{part}: {order:?}"))
    };
    assert!(
        place_of("policy1/scaling_governor") < place_of("no_turbo") && place_of("no_turbo") < place_of("smt/control")
    );
    assert_eq!(read(&names[0]), "performance\n");
    assert_eq!(read(&names[2]), "performance\n");
    assert_eq!(read(&names[4]), "1\n");
    assert_eq!(read(&names[5]), "off\n");
    assert_eq!(read("sys/block/sda/queue/scheduler"), "mq-deadline kyber [none]\n");
    let reverted = run(&["revert", "--root", place]);
    assert_eq!(reverted.code, 0, "{}{}", reverted.out, reverted.err);
    for (name, text) in names.iter().zip(texts) {
        assert_eq!(read(name), text, "{name}");
    }
    assert_eq!(read("sys/block/sda/queue/scheduler"), "[mq-deadline] kyber none\n");
}

#[test]
fn a_failure_at_any_step_leaves_the_files_as_they_were() {
    let file = |path: &str, before: Option<&str>| File {
        path: path.to_owned(),
        before: before.map(|text| text.as_bytes().to_vec()),
        text: "new\n".to_owned(),
    };
    let persistence = Persistence {
        files: vec![
            file("/etc/a", None),
            file("/etc/b", Some("old\n")),
            file("/etc/c", None),
        ],
        replaced: vec![Replaced {
            path: "/etc/gone".to_owned(),
            before: b"was\n".to_vec(),
        }],
        ..Persistence::default()
    };
    let mut failures = 0;
    for step in 0..100 {
        let steps = Steps::default();
        let disk = MemoryDisk::new(&steps);
        disk.put("/etc/b", b"old\n");
        disk.put("/etc/gone", b"was\n");
        let before = disk.files();
        steps.start(Mishap::Fails(step, libc::ENOSPC));
        if persist::write(&persistence, &disk, &Journal::new("/journal")).is_ok() {
            assert_eq!(disk.read("/etc/c").ok().as_deref(), Some(&b"new\n"[..]));
            assert!(disk.read("/etc/gone").is_err(), "step {step}");
            if steps.taken() <= step {
                break;
            }
            continue;
        }
        failures += 1;
        assert_eq!(disk.files(), before, "step {step}");
    }
    assert!(failures >= 14, "only {failures}");
}

#[test]
fn links_in_a_tree_lead_nowhere_outside_it() {
    let outside = directory(&[("x", "")]);
    let root = tree(&[]);
    let root = root.path();
    std::fs::create_dir_all(root.join("etc")).expect("a directory");
    std::fs::create_dir_all(root.join("var/lib")).expect("a directory");
    for (name, target) in [("etc/sysctl.d", "a"), ("var/lib/runup", "j")] {
        std::fs::create_dir_all(outside.path().join(target)).expect("a directory");
        std::os::unix::fs::symlink(outside.path().join(target), root.join(name)).expect("a link");
    }
    let done = on(root, &["apply", "--persist", "--yes"]);
    let left: Vec<_> = ["a", "j"]
        .iter()
        .flat_map(|name| std::fs::read_dir(outside.path().join(name)).expect("listed"))
        .collect();
    assert!(left.is_empty(), "{left:?}: {}{}", done.out, done.err);
}

#[test]
fn a_setting_that_is_written_takes_the_place_of_its_other_unit_and_its_other_name() {
    let rule = |id: &str, key: &str, asked: &str| {
        format!("[[rule]]\nid = \"{id}\"\nseverity = \"error\"\nsysctl = {{ key = \"{key}\", {asked} }}\n")
    };
    let root = directory(&[
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("run/systemd/system/.keep", ""),
        ("proc/sys/vm/dirty_ratio", "20\n"),
        ("proc/sys/vm/dirty_bytes", "0\n"),
        ("proc/sys/net/ipv4/ip_forward", "0\n"),
        ("proc/sys/net/ipv4/conf/all/forwarding", "0\n"),
        (
            "old.toml",
            &(rule("ratio", "vm.dirty_ratio", "min = 40") + &rule("router", "net.ipv4.ip_forward", "eq = 1")),
        ),
        (
            "new.toml",
            &(rule("bytes", "vm.dirty_bytes", "min = \"64MiB\"")
                + &rule("router", "net.ipv4.conf.all.forwarding", "eq = 2")),
        ),
    ]);
    let root = root.path();
    let place = root.to_str().expect("UTF-8");
    let apply = |profile: &str| {
        let profile = format!("{place}/{profile}");
        let done = run(&[
            "apply",
            &profile,
            "--root",
            place,
            "--persist",
            "--yes",
            "--allow",
            "risky",
        ]);
        (done, settings(root, "etc/sysctl.d/60-runup.conf"))
    };
    let (done, first) = apply("old.toml");
    assert_eq!(
        first,
        ["vm.dirty_ratio = 40", "net.ipv4.ip_forward = 1"],
        "{}{}",
        done.out,
        done.err
    );
    let (done, second) = apply("new.toml");
    assert_eq!(
        second,
        ["vm.dirty_bytes = 67108864", "net.ipv4.conf.all.forwarding = 2"],
        "{}{}",
        done.out,
        done.err
    );
}

#[test]
fn a_later_file_undoes_a_setting_by_another_name() {
    let root = directory(&[
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("run/systemd/system/.keep", ""),
        ("proc/sys/net/netfilter/nf_conntrack_max", "262144\n"),
        ("proc/sys/net/nf_conntrack_max", "262144\n"),
        ("etc/sysctl.d/10-a.conf", "net.netfilter.nf_conntrack_max = 262144\n"),
        ("etc/sysctl.d/90-old.conf", "\nnet.nf_conntrack_max = 65536\n"),
        (
            "p.toml",
            "[[rule]]\nid = \"table\"\nsysctl = { key = \"net.netfilter.nf_conntrack_max\", min = 262144 }\n",
        ),
    ]);
    let place = root.path().to_str().expect("UTF-8");
    let profile = format!("{place}/p.toml");
    let json = run(&["check", &profile, "--root", place, "--format", "json"]).out;
    let found = finding(&json, "table");
    assert_eq!(found["outcome"], "pass", "{found:#}");
    assert!(found.to_string().contains("90-old.conf"), "{found:#}");
    let applied = run(&["apply", &profile, "--root", place, "--persist", "--yes"]);
    let words = format!("{}{}", applied.out, applied.err);
    assert!(words.contains("/etc/sysctl.d/90-old.conf:2"), "{words}");
}

/// A tree with a service that does not run.
fn with_service(rules: &str, more: &[(&str, &str)]) -> tempfile::TempDir {
    let mut files = vec![
        ("run/systemd/system/.keep", ""),
        ("sys/fs/cgroup/cgroup.procs", ""),
        (
            "proc/self/mountinfo",
            "30 20 0:1 / / rw - ext4 a rw\n31 20 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        ),
        ("proc/sys/fs/nr_open", "1048576\n"),
        ("usr/lib/systemd/system/a.service", "[Service]\nExecStart=/bin/a\n"),
        ("p.toml", rules),
    ];
    files.extend_from_slice(more);
    tree(&files)
}

const DROP_IN: &str = "etc/systemd/system/a.service.d/60-runup.conf";

#[test]
fn a_rule_that_names_a_unit_gets_its_drop_in() {
    let rules = "[[rule]]\nid = \"files\"\nrlimit = { resource = \"nofile\", unit = \"a.service\", soft = { min = 65536 } }\n\
                 [[rule]]\nid = \"locked\"\nrlimit = { resource = \"memlock\", unit = \"a\", soft = { min = \"1GiB\" } }\n";
    let place = with_service(rules, &[]);
    let root = place.path();
    let done = on(root, &["apply", "--persist", "--yes"]);
    let lines = settings(root, DROP_IN);
    assert_eq!(
        lines,
        ["[Service]", "LimitNOFILE=65536:524288", "LimitMEMLOCK=1073741824"],
        "{}{}",
        done.out,
        done.err
    );
    assert_eq!(
        done.code, 0,
        "it does not run, and gets that when it starts: {}",
        done.out
    );
    assert!(!done.out.contains("Left as it is"), "{}", done.out);
    assert!(
        done.out
            .contains("then: systemctl daemon-reload; systemctl try-restart a.service"),
        "{}",
        done.out
    );
    assert!(
        !root.join("etc/security/limits.d/60-runup.conf").exists(),
        "no login gets it"
    );
    let again = on(root, &["apply", "--persist", "--yes"]);
    assert!(!again.err.contains("written"), "{}", again.err);
    assert_eq!(on(root, &["revert", "--persist"]).code, 0);
    assert!(!root.join(DROP_IN).exists());
}

#[test]
fn a_units_limit_brings_the_room_that_it_needs() {
    let rules = "[[rule]]\nid = \"files\"\nrlimit = { resource = \"nofile\", unit = \"a.service\", soft = { min = 2000000 } }\n";
    let place = with_service(rules, &[]);
    let root = place.path();
    let done = on(root, &["apply", "--persist", "--yes"]);
    assert_eq!(
        settings(root, DROP_IN),
        ["[Service]", "LimitNOFILE=2000000"],
        "{}",
        done.err
    );
    assert_eq!(settings(root, "etc/sysctl.d/60-runup.conf"), ["fs.nr_open = 2000000"]);
    assert_eq!(
        support::text_of(root.join("proc/sys/fs/nr_open").to_str().expect("UTF-8")),
        "2000000"
    );
    assert_eq!(done.code, 0, "{}", done.out);
    // Where a rule forbids that room there is no limit either, and that is no success.
    let less = "[[rule]]\nid = \"least\"\nsysctl = { key = \"fs.nr_open\", max = 1048576 }\n";
    let place = with_service(&format!("{rules}{less}"), &[]);
    let root = place.path();
    let done = on(root, &["apply", "--persist", "--yes"]);
    assert!(!root.join(DROP_IN).exists(), "{}", done.out);
    assert!(
        done.out.contains("In no file:") && done.out.contains("the limit of a.service"),
        "{}",
        done.out
    );
    assert_eq!(done.code, 1);
}

#[test]
fn a_unit_without_a_file_and_two_values_for_one_line_are_for_a_person() {
    let rule = |id: &str, unit: &str, least: u32| {
        format!(
            "[[rule]]\nid = \"{id}\"\nrlimit = {{ resource = \"nofile\", unit = \"{unit}\", soft = {{ min = {least} }} }}\n"
        )
    };
    let rules =
        rule("one", "a.service", 65_536) + &rule("two", "a.service", 70_000) + &rule("three", "a.service", 65_536);
    let place = with_service(&rules, &[]);
    let done = on(place.path(), &["apply", "--persist", "--yes"]);
    assert!(!place.path().join(DROP_IN).exists());
    let said = done.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("p/one and p/two ask for them"), "{}", done.out);
    assert_eq!(done.code, 1);
    // A note is left to --notes.
    let place = with_service(&(rule("one", "a.service", 65_536) + "severity = \"note\"\n"), &[]);
    let _ = on(place.path(), &["apply", "--persist", "--yes"]);
    assert!(!place.path().join(DROP_IN).exists());
    let _ = on(place.path(), &["apply", "--persist", "--yes", "--notes"]);
    assert!(place.path().join(DROP_IN).exists());
}
