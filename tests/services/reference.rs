//! Agreement with systemd's own programs, with podman, and with the machine's clock.

use std::path::Path;
use std::process::Command;

use runup::finding::Outcome;
use runup::system::live::LiveSystem;
use runup::system::rooted::RootedSystem;
use runup::system::{Resource, System};
use runup::systemd::config::Config;
use runup::systemd::unit::{Manager, Unit};

use super::support::{directory, is_root, needs};
use super::{find, outcome};

/// What systemd-analyze makes of a unit in a tree: its drop-ins in their order, and a limit's two sides.
fn systemds_view(root: &Path, unit: &str, resource: Resource) -> (Vec<String>, Option<(String, String)>) {
    let output = Command::new("systemd-analyze")
        .env("SYSTEMD_LOG_LEVEL", "debug")
        .arg(format!("--root={}", root.display()))
        .args(["verify", unit])
        .output()
        .expect("systemd-analyze");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Other units are described too.
    let own = text
        .split("-> Unit ")
        .find(|part| part.starts_with(unit))
        .unwrap_or_default();
    let after = |line: &str, start: &str| line.trim().strip_prefix(start).map(|rest| rest.trim().to_owned());
    let all = |start: &str| own.lines().filter_map(|line| after(line, start)).collect::<Vec<_>>();
    let below = |path: &String| {
        path.strip_prefix(root.to_str().expect("UTF-8"))
            .unwrap_or(path)
            .to_owned()
    };
    let name = resource.systemd_name();
    let hard = all(&format!("{name}:")).pop();
    let soft = all(&format!("{name}Soft:")).pop();
    (all("DropIn Path:").iter().map(below).collect(), soft.zip(hard))
}

#[test]
#[ignore = "needs systemd-analyze"]
fn units_and_drop_ins_are_read_as_systemd_reads_them() {
    let installed = Command::new("systemd-analyze").arg("--version").output().is_ok();
    needs("systemd-analyze is not installed", installed);
    let unit = "[Service]\nExecStart=/bin/true\n";
    let set = |value: &str| format!("[Service]\nLimitNOFILE={value}\n");
    let mut files: Vec<(String, String)> = vec![
        ("bin/true".to_owned(), "#!/bin/sh\n".to_owned()),
        ("usr/lib/systemd/system/a-b-c@.service".to_owned(), unit.to_owned()),
        (
            "usr/lib/systemd/system/own.service".to_owned(),
            format!("{unit}LimitNOFILE=9\n"),
        ),
    ];
    // A tree in which each directory that could count has a file of its own, and one that all of them have.
    for (at, name) in [
        "a-b-c@x", "a-b-c@", "a-b-", "a-", "a-b-@", "a-b-@x", "a-b-c", "a-b-c-", "own", "other", "b-",
    ]
    .iter()
    .enumerate()
    {
        for (place, path) in ["etc", "run", "usr/lib"].iter().enumerate() {
            let below = format!("{path}/systemd/system/{name}.service.d");
            files.push((
                format!("{below}/{at}-{place}.conf"),
                set(&format!("{}:{}", at + 1, (at + 1) * 100)),
            ));
            files.push((format!("{below}/same.conf"), set(&(at * 10 + place + 1).to_string())));
        }
    }
    files.push((
        "usr/lib/systemd/system/service.d/zz.conf".to_owned(),
        "[Service]\nLimitMEMLOCK=1M\n".to_owned(),
    ));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let tree = directory(&files);
    std::os::unix::fs::symlink("own.service", tree.path().join("usr/lib/systemd/system/other.service"))
        .expect("an alias");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(tree.path().join("bin/true"), executable).expect("a program");
    let system = RootedSystem::new(tree.path()).expect("a tree");
    for name in ["a-b-c@x.service", "own.service"] {
        let ours = Unit::read(&system, &Manager::System, name);
        let mut paths = ours.config.paths().map(str::to_owned);
        assert_eq!(paths.next(), ours.file);
        let (theirs, limit) = systemds_view(tree.path(), name, Resource::Nofile);
        assert!(theirs.len() > 6, "{name}: {theirs:?}");
        assert_eq!(paths.collect::<Vec<_>>(), theirs, "{name}");
        let (limits, _) = ours.limits(Resource::Nofile).expect("a limit");
        assert_eq!(
            Some((limits.soft.to_string(), limits.hard.to_string())),
            limit,
            "{name}"
        );
    }
    assert_eq!(
        Unit::read(&system, &Manager::System, "other.service").name,
        "own.service"
    );
}

#[test]
#[ignore = "needs systemctl"]
fn units_are_enabled_where_systemctl_says_so() {
    let installed = Command::new("systemctl").arg("--version").output().is_ok();
    needs("systemctl is not installed", installed);
    let units = [
        ("wanted", "WantedBy=multi-user.target"),
        ("required", "RequiredBy=basic.target"),
        ("named", "Alias=another-name.service"),
        ("left", "WantedBy=multi-user.target"),
        ("hidden", "WantedBy=multi-user.target"),
    ];
    let mut files: Vec<(String, String)> = units
        .iter()
        .map(|(name, install)| {
            let text = format!("[Service]\nExecStart=/bin/true\n[Install]\n{install}\n");
            (format!("usr/lib/systemd/system/{name}.service"), text)
        })
        .collect();
    files.push(("usr/lib/systemd/systemd".to_owned(), String::new()));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let tree = directory(&files);
    let systemctl = |words: &[&str]| {
        let output = Command::new("systemctl")
            .arg(format!("--root={}", tree.path().display()))
            .args(words)
            .output()
            .expect("systemctl");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    systemctl(&["enable", "wanted.service", "required.service", "named.service"]);
    systemctl(&["mask", "hidden.service"]);
    let system = RootedSystem::new(tree.path()).expect("a tree");
    for (name, _) in units {
        let theirs = systemctl(&["is-enabled", &format!("{name}.service")]) == "enabled";
        let ours = find(
            &system,
            &format!("service = {{ unit = \"{name}\", enabled = {theirs} }}"),
        );
        assert_eq!(ours.outcome, Outcome::Pass, "{name}: {ours:#?}");
        let there = find(
            &system,
            &format!("service = {{ unit = \"{name}\", exists = {} }}", name != "hidden"),
        );
        assert_eq!(there.outcome, Outcome::Pass, "{name}: {there:#?}");
        // What runs is not in the files.
        assert_eq!(
            outcome(&system, &format!("service = {{ unit = \"{name}\", active = false }}")),
            Outcome::Unknown
        );
    }
}

#[test]
#[ignore = "needs systemd-analyze"]
fn values_are_read_as_systemd_reads_them() {
    let installed = Command::new("systemd-analyze").arg("--version").output().is_ok();
    needs("systemd-analyze is not installed", installed);
    let sizes = [
        "1.5M",
        "1.",
        ".5G",
        "5K3",
        "1G500M",
        "1M 5K",
        "1MB",
        "1K 2K",
        "-5",
        "",
        "infinity",
        "1K:infinity",
        "2:1",
        "1:",
    ];
    let counts = [
        "0b11",
        "0o17",
        "017",
        "+5",
        "08",
        "0",
        "5: 7",
        "5 : 7",
        "1:2:",
        ":7",
        "1:2:3",
        "64K",
        "18446744073709551615",
        "18446744073709551614",
    ];
    let times = ["1min30", "1.5h", "5x", "1 s", "1month", "3 4", "1500ms", "90", "1:2"];
    let nice = ["+5", "-5", "+20", "-20", "-21", "41", "0"];
    let rows = sizes
        .iter()
        .map(|text| (Resource::Memlock, text))
        .chain(counts.iter().map(|text| (Resource::Nofile, text)))
        .chain(times.iter().map(|text| (Resource::Cpu, text)))
        .chain(times.iter().map(|text| (Resource::Rttime, text)))
        .chain(nice.iter().map(|text| (Resource::Nice, text)));
    // One unit for each, so that systemd is started once.
    let rows: Vec<(Resource, &&str, String)> = rows
        .enumerate()
        .map(|(at, (resource, text))| (resource, text, format!("u{at}.service")))
        .collect();
    let mut files = vec![("bin/true".to_owned(), "#!/bin/sh\n".to_owned())];
    for (resource, text, name) in &rows {
        let unit = format!("[Service]\nExecStart=/bin/true\n{}={text}\n", resource.systemd_name());
        files.push((format!("usr/lib/systemd/system/{name}"), unit));
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let tree = directory(&files);
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(tree.path().join("bin/true"), executable).expect("a program");
    let output = Command::new("systemd-analyze")
        .env("SYSTEMD_LOG_LEVEL", "debug")
        .arg(format!("--root={}", tree.path().display()))
        .arg("verify")
        .args(rows.iter().map(|(_, _, name)| name))
        .output()
        .expect("systemd-analyze");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let system = RootedSystem::new(tree.path()).expect("a tree");
    let mut read = 0;
    for (resource, written, name) in &rows {
        let own = text
            .split("-> Unit ")
            .find(|part| part.starts_with(name.as_str()))
            .expect("a unit");
        let side = |suffix: &str| {
            let start = format!("{}{suffix}: ", resource.systemd_name());
            own.lines()
                .find_map(|line| line.trim().strip_prefix(&start).map(str::to_owned))
        };
        let theirs = side("Soft").zip(side(""));
        let number = |number: runup::value::Number| {
            number
                .finite()
                .map_or(u64::MAX.to_string(), |number| number.to_string())
        };
        let ours = Unit::read(&system, &Manager::System, name)
            .limits(*resource)
            .map(|(limits, _)| (number(limits.soft), number(limits.hard)));
        assert_eq!(ours, theirs, "{}={written}", resource.systemd_name());
        read += usize::from(theirs.is_some());
    }
    assert!(read > 20, "{read}");
}

#[test]
#[ignore = "needs systemd-analyze"]
fn configuration_is_put_together_as_systemd_does() {
    let installed = Command::new("systemd-analyze").arg("--version").output().is_ok();
    needs("systemd-analyze is not installed", installed);
    let places = ["etc", "run", "usr/local/lib", "usr/lib"];
    // Each subset of the places has the main file, and a drop-in of one name; each place has one of its own.
    for subset in 0_usize..16 {
        let mut files = Vec::new();
        for (at, place) in places.iter().enumerate() {
            files.push((
                format!("{place}/systemd/system.conf.d/{}-own.conf", 9 - at),
                "[Manager]\n",
            ));
            files.push((format!("{place}/systemd/system.conf.d/.hidden{at}.conf"), "[Manager]\n"));
            files.push((format!("{place}/systemd/system.conf.d/{at}.txt"), "[Manager]\n"));
            if subset >> at & 1 == 1 {
                files.push((format!("{place}/systemd/system.conf"), "[Manager]\n"));
                files.push((format!("{place}/systemd/system.conf.d/5-same.conf"), "[Manager]\n"));
            }
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let tree = directory(&files);
        std::os::unix::fs::symlink("/dev/null", tree.path().join("etc/systemd/system.conf.d/7-own.conf"))
            .expect("a mask");
        let output = Command::new("systemd-analyze")
            .arg(format!("--root={}", tree.path().display()))
            .args(["cat-config", "systemd/system.conf"])
            .output()
            .expect("systemd-analyze");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let root = tree.path().to_str().expect("UTF-8");
        let theirs: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# ")?.strip_prefix(root))
            .collect();
        let system = RootedSystem::new(tree.path()).expect("a tree");
        let config = Config::read(&system, "system.conf");
        assert_eq!(config.paths().collect::<Vec<_>>(), theirs, "{subset:04b}");
    }
}

#[test]
#[ignore = "needs root and podman"]
fn podman_takes_the_driver_that_we_say() {
    let output = Command::new("podman")
        .args(["info", "--format", "{{.Host.CgroupManager}}"])
        .output();
    let theirs = output.ok().filter(|output| output.status.success());
    needs(
        "podman is not installed, or does not run",
        is_root() && theirs.is_some(),
    );
    let theirs = String::from_utf8_lossy(&theirs.expect("an answer").stdout)
        .trim()
        .to_owned();
    let rule = format!("engine = {{ name = \"podman\", cgroup_driver = \"{theirs}\" }}");
    let finding = find(&LiveSystem::new(), &rule);
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
}

#[cfg(target_os = "linux")]
#[test]
fn this_machines_clock_is_measured() {
    let system = LiveSystem::new();
    let state = system.clock().expect("adjtimex");
    assert!(state.maximum_error >= 0);
    let cost = system.clock_cost().expect("a measurement");
    // Faster than light crosses a room, slower than a disk.
    let nanoseconds = (cost.user + cost.system) * 1000 / cost.readings;
    assert!((1..100_000).contains(&nanoseconds), "{cost:?}");
}
