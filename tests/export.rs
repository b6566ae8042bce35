//! What is exported, read by those for whom it is written.
//!
//! Nothing here changes this machine: sysctls are set in network namespaces and containers of their own. `RUNUP_PYTHON_TOOLS`
//! may name a directory with `ansible-playbook`, `podman-compose` and `kubernetes-validate`.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests read what was written")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use runup::diagnostic::Diagnostics;
use runup::engine::{Check, Options, Wishes};
use runup::export::{self, Basis, Container, FORMATS};
use runup::host::Host;
use runup::profile::{self, Library};
use runup::recording::Recorder;
use runup::source::Sources;
use runup::system::memory::MemorySystem;
use runup::system::{Os, Resource, System};
use runup::value::Number;
use support::{Done, clean, directory, done, is_root, needs, run, runup, tool};

/// Keys that a network namespace has for itself, and nothing else.
const NETWORK: &str = r#"
summary = "network keys"
[[rule]]
id = "backlog"
sysctl = { key = "net.core.somaxconn", min = 5000 }
why = "a burst"
[[rule]]
id = "keepalive"
sysctl = { key = "net.ipv4.tcp_keepalive_time", max = 1800 }
[[rule]]
id = "ports"
sysctl = { key = "net.ipv4.ip_local_port_range", covers = "20000-61000", parity = "different" }
[[rule]]
id = "buffers"
sysctl = { key = "net.ipv4.tcp_rmem", field = "max", min = "16MiB" }
[[rule]]
id = "sack"
sysctl = { key = "net.ipv4.tcp_sack", eq = 0 }
[[rule]]
id = "retries"
sysctl = { key = "net.ipv4.tcp_syn_retries", min = 2, max = 9 }
"#;

/// Something of everything.
const ALL: &str = r#"
summary = "something of everything"
[[rule]]
id = "backlog"
sysctl = { key = "net.core.somaxconn", min = 1000 }
why = "a {{ burst }} # and -- more"
[[rule]]
id = "syn"
sysctl = { key = "net.ipv4.tcp_max_syn_backlog", min = 5000 }
[[rule]]
id = "range"
sysctl = { key = "net.ipv4.ip_local_port_range", covers = "20000-61000" }
[[rule]]
id = "messages"
sysctl = { key = "kernel.msgmax", min = 9000 }
[[rule]]
id = "swappiness"
sysctl = { key = "vm.swappiness", max = 10 }
[[rule]]
id = "files"
rlimit = { resource = "nofile", soft = { min = 2048 } }
[[rule]]
id = "locked"
rlimit = { resource = "memlock", soft = { min = "64MiB" } }
[[rule]]
id = "huge"
sysfs = { path = "kernel/mm/transparent_hugepage/enabled", not = "always", prefer = "madvise" }
[[rule]]
id = "pattern"
sysctl = { key = "kernel.core_pattern", eq = "core" }
[[rule]]
id = "count"
sysctl = { key = "fs.aio-nr", max = 5 }
[[rule]]
id = "secret"
sysctl = { key = "net.ipv4.tcp_fastopen_key", eq = "1-2-3-4" }
[[rule]]
id = "typo"
sysctl = { key = "net.core.of_nobody", min = 5 }
[[rule]]
id = "room"
memory = { available = { min = "1M" } }
[[rule]]
id = "waived"
sysctl = { key = "net.core.netdev_max_backlog", min = 9 }
[[waive]]
rule = "waived"
reason = "not yet"
"#;

fn host() -> MemorySystem {
    let mut system = MemorySystem::linux("6.1.0-18-amd64")
        .file(
            "/sys/kernel/mm/transparent_hugepage/enabled",
            "[always] madvise never\n",
        )
        .file("/proc/self/mountinfo", "")
        .file("/proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n");
    for (key, value) in [
        ("net.core.somaxconn", "4096"),
        ("net.core.netdev_max_backlog", "1000"),
        ("net.ipv4.tcp_max_syn_backlog", "2048"),
        ("net.ipv4.ip_local_port_range", "32768\t60999"),
        ("net.ipv4.tcp_rmem", "4096\t131072\t6291456"),
        ("net.ipv4.tcp_fastopen_key", "5e1f-0-0-0"),
        ("kernel.msgmax", "8192"),
        ("kernel.core_pattern", "|/bin/handler"),
        ("vm.swappiness", "60"),
        ("fs.aio-nr", "7"),
        ("fs.nr_open", "1048576"),
    ] {
        system = system.sysctl(key, value);
    }
    let finite = Number::Finite;
    system.limit(Resource::Nofile, finite(1024), finite(524_288)).limit(
        Resource::Memlock,
        finite(8 << 20),
        finite(8 << 20),
    )
}

/// The wishes of profiles on a system, and what becomes of them in a format.
fn with<T>(system: &dyn System, profiles: &[&str], then: impl FnOnce(&Wishes, &[String], &Host<'_>) -> T) -> T {
    let files: Vec<(String, &str)> = (0..)
        .map(|at| format!("p{at}.toml"))
        .zip(profiles.iter().copied())
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let place = directory(&files);
    let library = Library::for_user(false, None);
    let (mut sources, mut sink) = (Sources::new(), Diagnostics::new());
    let loaded: Vec<_> = files
        .iter()
        .filter_map(|(name, _)| {
            let path = place.path().join(name);
            profile::load(&library, path.to_str()?, system.platform().os, &mut sources, &mut sink)
        })
        .collect();
    assert!(sink.is_empty(), "{:#?}", sink.into_sorted());
    let host = Host::new(system);
    let check = Check::prepare(&loaded, Options::default(), &host).expect("no mistakes");
    let names: Vec<String> = loaded.iter().map(|profile| profile.name.clone()).collect();
    then(&check.wishes(), &names, &host)
}

/// A file and what was left out of it.
fn exported(system: &dyn System, profile: &str, format: &str) -> (String, Vec<String>) {
    let format = export::find(format).expect("a format");
    let container = (format.basis() == Basis::Container).then(|| Container::new(system, None));
    let inside = container.as_ref().map(Container::system);
    let system = inside.as_ref().map_or(system, |inside| inside as &dyn System);
    with(system, &[profile], |wishes, names, host| {
        assert_eq!(wishes.contradictions, []);
        let made = export::export(format, wishes, names, None, host, container.as_ref());
        (
            made.text.unwrap_or_default(),
            made.left.iter().map(export::sentence).collect(),
        )
    })
}

/// What is no comment.
fn settings(text: &str) -> Vec<&str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

#[test]
fn neither_hosts_nor_containers_get_less_than_they_have() {
    let host = host();
    let (text, _) = exported(&host, ALL, "sysctl.d");
    assert!(text.starts_with("# written by runup for p0\n"), "{text}");
    assert_eq!(
        settings(&text),
        [
            "net.core.somaxconn = 4096",
            "net.ipv4.tcp_max_syn_backlog = 5000",
            "net.ipv4.ip_local_port_range = 20000 61000",
            "kernel.msgmax = 9000",
            "vm.swappiness = 10",
        ]
    );
    assert!(text.contains("4096 is here; it is better and stays"), "{text}");
    let (text, left) = exported(&host, ALL, "docker");
    assert_eq!(
        text,
        "--sysctl net.ipv4.tcp_max_syn_backlog=5000 \
         --sysctl 'net.ipv4.ip_local_port_range=20000 61000' --sysctl kernel.msgmax=9000 \
         --ulimit nofile=2048:524288 --ulimit memlock=67108864:67108864\n"
    );
    assert!(
        left.iter()
            .any(|line| line.contains("p0/swappiness (vm.swappiness): it is the host's")),
        "{left:#?}"
    );
    assert!(
        left.iter().any(|line| line.starts_with(
            "p0/backlog (net.core.somaxconn): since 5.4 a new namespace has 4096; for an older kernel: \
             net.core.somaxconn=1000"
        )),
        "{left:#?}"
    );
}

#[test]
fn limits_are_counted_as_their_file_counts_them_and_the_hard_one_is_not_lowered() {
    let (text, _) = exported(&host(), ALL, "limits.d");
    assert_eq!(
        settings(&text),
        [
            "* soft nofile 2048",
            "* hard nofile 524288",
            "* soft memlock 65536",
            "* hard memlock 65536",
        ]
    );
    // A wrong line for root locks the administrator out.
    assert!(text.contains("it holds for logins but root's"), "{text}");
    let (text, _) = exported(&host(), ALL, "systemd");
    assert_eq!(
        settings(&text),
        ["[Service]", "LimitNOFILE=2048:524288", "LimitMEMLOCK=67108864"]
    );
    let (text, _) = exported(&host(), ALL, "tmpfiles.d");
    assert_eq!(
        settings(&text),
        ["w /sys/kernel/mm/transparent_hugepage/enabled - - - - madvise"]
    );
}

#[test]
fn what_must_not_be_written_is_in_no_file_and_every_rule_is_accounted_for() {
    for format in FORMATS {
        if !format.systems().contains(&Os::Linux) {
            continue;
        }
        let (text, left) = exported(&host(), ALL, format.name());
        for line in settings(&text) {
            for never in [
                "core_pattern",
                "aio-nr",
                "fastopen",
                "of_nobody",
                "secret",
                "netdev_max",
            ] {
                assert!(!line.contains(never), "{}: {line}", format.name());
            }
        }
        assert!(!text.contains("5e1f"), "{text}");
        let told = |rule: &str| {
            text.contains(&format!("p0/{rule}")) || left.iter().any(|line| line.contains(&format!("p0/{rule}")))
        };
        for rule in ["pattern", "count", "secret", "typo", "room", "waived"] {
            assert!(
                left.iter().any(|line| line.starts_with(&format!("p0/{rule} "))),
                "{}: {rule}: {left:#?}",
                format.name()
            );
        }
        if format.name() != "docker" {
            for rule in [
                "backlog",
                "syn",
                "range",
                "messages",
                "swappiness",
                "files",
                "locked",
                "huge",
            ] {
                assert!(told(rule), "{}: {rule}: {text}", format.name());
            }
            assert!(
                text.lines().take(2).any(|line| line == "# written by runup for p0"),
                "{text}"
            );
            for line in &left {
                assert!(text.contains(line.as_str()), "{}: {line}", format.name());
            }
        }
        assert_eq!(exported(&host(), ALL, format.name()), (text, left), "twice the same");
    }
}

#[test]
fn a_guard_that_holds_with_more_is_no_reason_to_lower_a_containers_value() {
    let profile = "summary = \"x\"\n[[rule]]\nid = \"tiny\"\nadvice = \"harmful\"\nsysctl = { key = \"net.core.somaxconn\", min = 128 }\n";
    let (text, left) = exported(&host(), profile, "docker");
    assert_eq!(text, "\n");
    assert!(left[0].contains("a new namespace has 4096"), "{left:?}");
    // Of this key nothing tells what a container begins with, and the machine's own value has to do.
    let profile = profile.replace("net.core.somaxconn", "net.ipv4.conf.all.arp_announce");
    let host = |value| host().sysctl("net.ipv4.conf.all.arp_announce", value);
    let (text, left) = exported(&host("600"), &profile, "docker");
    assert_eq!(text, "");
    assert!(left[0].contains("would only lower"), "{left:?}");
    let (text, _) = exported(&host("60"), &profile, "docker");
    assert_eq!(text, "--sysctl net.ipv4.conf.all.arp_announce=128\n");
    // Fields are put into the row that there is.
    let buffers = "summary = \"x\"\n[[rule]]\nid = \"a\"\nsysctl = { key = \"net.ipv4.tcp_rmem\", field = \"max\", min = \"16MiB\" }\n\
                   [[rule]]\nid = \"b\"\nsysctl = { key = \"net.ipv4.tcp_rmem\", field = \"default\", min = \"64KiB\" }\n";
    let (text, _) = exported(&self::host(), buffers, "sysctl.d");
    assert_eq!(settings(&text), ["net.ipv4.tcp_rmem = 4096 131072 16777216"]);
}

#[test]
fn rules_about_one_thing_are_satisfied_together_or_refused() {
    let rule = |id: &str, subject: &str| format!("[[rule]]\nid = \"{id}\"\n{subject}\n");
    let one = format!(
        "summary = \"x\"\n{}",
        rule("a", "sysctl = { key = \"fs.nr_open\", min = 10 }")
    );
    let two = format!(
        "summary = \"x\"\n{}{}",
        rule("b", "sysctl = { key = \"fs.nr_open\", min = 2_000_000 }"),
        rule("c", "rlimit = { resource = \"nofile\", soft = { min = 3_000_000 } }")
    );
    let format = export::find("sysctl.d").expect("a format");
    with(&host(), &[&one, &two], |wishes, names, host| {
        assert_eq!(wishes.contradictions, []);
        let text = export::export(format, wishes, names, None, host, None)
            .text
            .expect("a file");
        // What the limit needs counts too.
        assert_eq!(settings(&text), ["fs.nr_open = 3000000"]);
        for name in ["p0/a", "p1/b", "p1/c"] {
            assert!(text.contains(name), "{text}");
        }
    });
    let three = format!(
        "summary = \"x\"\n{}",
        rule("d", "sysctl = { key = \"fs.nr_open\", max = 2_500_000 }")
    );
    with(&host(), &[&two, &three], |wishes, _, _| {
        assert_eq!(wishes.contradictions.len(), 1, "{:#?}", wishes.contradictions);
    });
    let place = directory(&[("two.toml", &two), ("low.toml", &three.replace("2_500_000", "5"))]);
    let refused = support::run_in(
        place.path(),
        &["export", "./two.toml", "./low.toml", "--to", "sysctl.d"],
    );
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("contradict each other"), "{}", refused.err);
    assert!(
        refused
            .err
            .contains("two/b asks for at least 2000000, low/d for at most 5"),
        "{}",
        refused.err
    );
}

#[test]
fn a_setting_stands_in_a_file_once_by_one_name_and_in_one_unit() {
    let rule = |id: &str, key: &str, asked: &str| {
        format!("[[rule]]\nid = \"{id}\"\nsysctl = {{ key = \"{key}\", {asked} }}\n")
    };
    let system = host()
        .sysctl("net.ipv4.ip_forward", "0")
        .sysctl("net.ipv4.conf.all.forwarding", "0")
        .sysctl("vm.dirty_ratio", "20")
        .sysctl("vm.dirty_bytes", "0");
    let file = |first: &str, second: &str, name: &str| {
        let format = export::find(name).expect("a format");
        with(&system, &[first, second], |wishes, names, host| {
            assert_eq!(wishes.contradictions, []);
            let made = export::export(format, wishes, names, None, host, None);
            let left: Vec<String> = made.left.iter().map(export::sentence).collect();
            (made.text.unwrap_or_default(), left)
        })
    };
    let (router, every) = (
        rule("a", "net.ipv4.ip_forward", "eq = 1"),
        rule("b", "net.ipv4.conf.all.forwarding", "min = 1"),
    );
    let (text, left) = file(&router, &every, "sysctl.d");
    assert_eq!(settings(&text), ["net.ipv4.ip_forward = 1"], "{text}");
    assert!(
        text.contains("p0/a") && text.contains("p1/b") && left.is_empty(),
        "{text}{left:?}"
    );

    // At most 10 % is satisfied by 0, which the bytes bring about.
    let (low, bytes) = (
        rule("low", "vm.dirty_ratio", "max = 10"),
        rule("bytes", "vm.dirty_bytes", "eq = \"64MiB\""),
    );
    for (first, second) in [(&low, &bytes), (&bytes, &low)] {
        let (text, left) = file(first, second, "sysctl.d");
        assert_eq!(settings(&text), ["vm.dirty_bytes = 67108864"], "{text}");
        assert!(
            left[0].contains("vm.dirty_bytes is set, which makes this 0"),
            "{left:?}"
        );
    }
    // Neither needs to count, and the one that does here goes on doing so: the kernel would refuse `vm.dirty_bytes = 0`.
    let few = rule("few", "vm.dirty_bytes", "max = \"1MiB\"");
    let (text, _) = file(&few, &low, "sysctl.d");
    assert_eq!(settings(&text), ["vm.dirty_ratio = 10"], "{text}");
    let (text, left) = file(&few, "summary = \"nothing\"\n", "sysctl.d");
    assert!(
        text.is_empty() && left[0].contains("vm.dirty_ratio counts"),
        "{text}{left:?}"
    );

    let place = directory(&[
        ("one.toml", &bytes),
        ("two.toml", &rule("ratio", "vm.dirty_ratio", "min = 5")),
    ]);
    let refused = support::run_in(
        place.path(),
        &["export", "./one.toml", "./two.toml", "--to", "sysctl.d"],
    );
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(
        refused.err.contains("vm.dirty_bytes and vm.dirty_ratio"),
        "{}",
        refused.err
    );
}

#[test]
fn nothing_to_export_is_an_error_and_a_link_is_not_followed() {
    let place = directory(&[("p.toml", NETWORK), ("victim", "mine")]);
    let run = |words: &[&str]| support::run_in(place.path(), words);
    let none = run(&["export", "./p.toml", "--to", "tmpfiles.d"]);
    assert_eq!((none.code, none.out.as_str()), (2, ""));
    assert!(
        none.err.contains("nothing of p can be exported to tmpfiles.d"),
        "{}",
        none.err
    );
    assert_eq!(
        run(&["export", "./p.toml", "--to", "docker", "--unit", "a.service"]).code,
        2
    );
    assert_eq!(
        run(&["export", "./p.toml", "--to", "systemd", "--unit", "a/../b.service"]).code,
        2
    );
    assert_eq!(run(&["export", "./p.toml", "--to", "launchd"]).code, 2);
    std::os::unix::fs::symlink("victim", place.path().join("link")).expect("a link");
    let link = run(&["export", "./p.toml", "--to", "sysctl.d", "-o", "link"]);
    assert_eq!(link.code, 2);
    assert!(link.err.contains("symbolic link"), "{}", link.err);
    assert_eq!(
        std::fs::read_to_string(place.path().join("victim")).expect("a file"),
        "mine"
    );
    assert_eq!(
        run(&["export", "./p.toml", "--to", "sysctl.d", "-o", "/dev/null"]).code,
        2
    );
    let made = run(&["export", "./p.toml", "--to", "shell", "-o", "victim"]);
    assert_eq!((made.code, made.out.as_str()), (0, ""), "{}", made.err);
    let text = std::fs::read_to_string(place.path().join("victim")).expect("a file");
    assert!(text.starts_with("#!/bin/sh\n# written by runup for p\n"), "{text}");
    let names: Vec<_> = std::fs::read_dir(place.path())
        .expect("a directory")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(names.len(), 3, "no temporary file stays: {names:?}");
}

// The real consumers.

fn found(name: &str) -> Option<PathBuf> {
    let own = tool("RUNUP_PYTHON_TOOLS")
        .map(|path| path.join(name))
        .filter(|path| path.exists());
    own.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .map(|place| place.join(name))
            .find(|path| path.exists())
    })
}

/// The programs, where all of them are there.
fn tools(names: &[&str]) -> Option<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = names.iter().filter_map(|name| found(name)).collect();
    needs(&names.join(" and "), paths.len() == names.len());
    Some(paths)
}

/// Whether network namespaces can be made here.
fn namespaces() -> bool {
    let unshare = Command::new("unshare")
        .args(["--net", "--mount", "true"])
        .stderr(Stdio::null())
        .status();
    needs(
        "network namespaces need root and unshare",
        is_root() && unshare.is_ok_and(|status| status.success()),
    );
    true
}

/// Runs a script in a network namespace and a mount namespace of its own; `$runup` is the command.
fn apart(place: &Path, script: &str) -> Done {
    let mut command = clean(Command::new("unshare"));
    command
        .args(["--net", "--mount", "--", "sh", "-euc", script])
        .current_dir(place);
    command
        .env("runup", env!("CARGO_BIN_EXE_runup"))
        .env("LC_ALL", "C.UTF-8");
    done(command.output().expect("unshare starts"))
}

/// Exports with the command.
fn file(place: &Path, profile: &str, format: &str, to: &str, more: &[&str]) -> Done {
    let mut command = runup();
    command
        .current_dir(place)
        .args(["export", profile, "--to", format, "-o", to])
        .args(more);
    let made = done(command.output().expect("the command starts"));
    assert_eq!(made.code, 0, "{}", made.err);
    made
}

#[test]
#[ignore = "needs root"]
fn sysctl_takes_the_file() {
    if !namespaces() {
        return;
    }
    let place = directory(&[("p.toml", NETWORK)]);
    let done = apart(
        place.path(),
        "$runup check --fail-on note ./p.toml >/dev/null && exit 9; sysctl -qw net.ipv4.tcp_syn_retries=8
         $runup export ./p.toml --to sysctl.d -o p.conf; sysctl -p p.conf >/dev/null; $runup check --fail-on note ./p.toml >&2
         sysctl -n net.core.somaxconn net.ipv4.tcp_keepalive_time net.ipv4.ip_local_port_range net.ipv4.tcp_sack net.ipv4.tcp_syn_retries",
    );
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(done.out, "5000\n1800\n20000\t61001\n0\n8\n");
}

#[test]
#[ignore = "needs root and shellcheck"]
fn the_script_applies_and_undoes() {
    let place = directory(&[("p.toml", NETWORK), ("all.toml", ALL)]);
    file(place.path(), "./p.toml", "shell", "p.sh", &[]);
    file(place.path(), "./all.toml", "shell", "all.sh", &[]);
    for script in ["p.sh", "all.sh"] {
        let parsed = Command::new("sh").arg("-n").arg(place.path().join(script)).status();
        assert!(parsed.is_ok_and(|status| status.success()));
        if let Some(paths) = tools(&["shellcheck"]) {
            let checked = done(
                Command::new(&paths[0])
                    .arg(place.path().join(script))
                    .output()
                    .expect("it starts"),
            );
            assert_eq!(checked.code, 0, "{}", checked.out);
        }
    }
    if !namespaces() {
        return;
    }
    const SHOW: &str = "show() { sysctl -n net.core.somaxconn net.ipv4.tcp_keepalive_time net.ipv4.ip_local_port_range net.ipv4.tcp_rmem net.ipv4.tcp_sack net.ipv4.tcp_syn_retries; }
                        export RUNUP_STATE=$PWD/state/undo\n";
    let done = apart(
        place.path(),
        &format!(
            "{SHOW} show >before; ./p.sh apply; $runup check --fail-on note ./p.toml >&2; show >applied
             sysctl -qw net.ipv4.tcp_keepalive_time=1700; ./p.sh apply; sysctl -n net.ipv4.tcp_keepalive_time
             sysctl -qw net.ipv4.tcp_keepalive_time=1800
             ./p.sh undo; show >after; cmp before after; ! cmp -s before applied; test ! -e state/undo; ./p.sh undo"
        ),
    );
    assert_eq!((done.code, done.out.as_str()), (0, "1700\n"), "{}", done.err);
    // What is better stays; what somebody else changed since stays; an empty or large number is no stumbling block.
    let done = apart(
        place.path(),
        &format!(
            "{SHOW} sysctl -qw net.core.somaxconn=60000 net.ipv4.ip_local_port_range='1024 65535'; ./p.sh apply
             sysctl -qw net.ipv4.tcp_keepalive_time=900; ./p.sh undo; sysctl -n net.core.somaxconn net.ipv4.ip_local_port_range net.ipv4.tcp_keepalive_time"
        ),
    );
    assert_eq!(
        (done.code, done.out.as_str()),
        (0, "60000\n1024\t65535\n900\n"),
        "{}",
        done.err
    );
    assert!(done.err.contains("left at 900"), "{}", done.err);
    let usage = apart(place.path(), "./p.sh || exit $?");
    assert_eq!(usage.code, 2);
}

#[test]
fn the_scripts_arithmetic_is_not_bound_by_the_shells() {
    let place = directory(&[("p.toml", NETWORK)]);
    file(place.path(), "./p.toml", "shell", "p.sh", &[]);
    let text = std::fs::read_to_string(place.path().join("p.sh")).expect("a file");
    let (start, end) = (
        text.find("less() {").expect("a function"),
        text.find("# Writes a new value").expect("its end"),
    );
    let script = format!(
        "{}\nfor pair in '1 2' '9 10' '-1 0' '-2 -1' '-10 -9' '9223372036854775807 18446744073692774399'; do
           set -- $pair; less $1 $2 || echo \"$pair\"; ! less $2 $1 || echo \"$2 $1\"; ! less $1 $1 || echo same; done",
        &text[start..end]
    );
    let ran = done(Command::new("sh").args(["-c", &script]).output().expect("sh starts"));
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_takes_the_drop_in() {
    let Some(paths) = tools(&["systemd-analyze"]) else {
        return;
    };
    let place = directory(&[
        ("p.toml", ALL),
        ("dummy.service", "[Service]\nExecStart=/bin/true\n"),
        ("dummy.service.d/x", ""),
    ]);
    let verify = || {
        let mut command = Command::new(&paths[0]);
        command.arg("verify").arg(place.path().join("dummy.service"));
        done(command.output().expect("it starts"))
    };
    let made = file(
        place.path(),
        "./p.toml",
        "systemd",
        "dummy.service.d/60-runup.conf",
        &["--unit", "dummy.service"],
    );
    assert!(made.err.contains("a unit cannot set it"), "{}", made.err);
    let taken = verify();
    assert_eq!((taken.code, taken.err.as_str()), (0, ""));
    let conf = place.path().join("dummy.service.d/60-runup.conf");
    let text = std::fs::read_to_string(&conf).expect("a file");
    assert!(
        text.contains("# /etc/systemd/system/dummy.service.d/60-runup.conf"),
        "{text}"
    );
    // It does read the drop-in.
    std::fs::write(&conf, text.replace("LimitNOFILE=", "LimitNOFILE=x")).expect("a file");
    assert!(verify().err.contains("60-runup.conf"), "{}", verify().err);
}

#[test]
#[ignore = "needs root and systemd-tmpfiles"]
fn systemd_tmpfiles_takes_the_file() {
    let Some(paths) = tools(&["systemd-tmpfiles"]) else {
        return;
    };
    needs("systemd-tmpfiles --root needs root", is_root());
    let (text, _) = exported(&host(), ALL, "tmpfiles.d");
    let place = directory(&[
        ("p.conf", &text),
        ("sys/kernel/mm/transparent_hugepage/enabled", "always\n"),
    ]);
    let mut command = Command::new(&paths[0]);
    command
        .arg("--create")
        .arg(format!("--root={}", place.path().display()))
        .arg(place.path().join("p.conf"));
    let ran = done(command.output().expect("it starts"));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let written =
        std::fs::read_to_string(place.path().join("sys/kernel/mm/transparent_hugepage/enabled")).expect("a file");
    assert_eq!(written.trim(), "madvise");
}

const CONTAINER: &str = r#"
summary = "what a container has of its own"
[[rule]]
id = "backlog"
sysctl = { key = "net.core.somaxconn", min = 5000 }
[[rule]]
id = "ports"
sysctl = { key = "net.ipv4.ip_local_port_range", covers = "20000-61000" }
[[rule]]
id = "messages"
sysctl = { key = "kernel.msgmax", min = 9000 }
[[rule]]
id = "files"
rlimit = { resource = "nofile", soft = { min = 2000 }, hard = { max = 4096 } }
"#;

#[test]
#[ignore = "needs root, podman and a static build"]
fn podman_takes_the_flags() {
    const IMAGE: &str = "localhost/runup-export";
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let wrapper = tool("RUNUP_WITH_CONTAINERS");
    let possible = is_root() && found("podman").is_some() && busybox.is_some() && wrapper.is_some();
    needs(
        "containers need root, podman, busybox and the wrapper in RUNUP_WITH_CONTAINERS",
        possible,
    );
    let place = directory(&[("p.toml", CONTAINER)]);
    file(place.path(), "./p.toml", "docker", "flags", &[]);
    let flags = std::fs::read_to_string(place.path().join("flags")).expect("flags");
    assert_eq!(flags.lines().count(), 1, "{flags}");
    let script = format!(
        "tar -cf image.tar -C $(dirname {busybox}) busybox; podman import -q image.tar {IMAGE} >/dev/null
         eval \"podman run --rm $flags {IMAGE} /busybox sh -c 'cd /proc/sys; cat net/core/somaxconn net/ipv4/ip_local_port_range kernel/msgmax; ulimit -Sn; ulimit -Hn'\"",
        busybox = busybox.unwrap_or_default()
    );
    let mut command = Command::new(wrapper.unwrap_or_default());
    command
        .args(["sh", "-euc", &script])
        .env("flags", flags.trim())
        .current_dir(place.path());
    let ran = done(command.output().expect("it starts"));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(ran.out, "5000\n20000\t61000\n9000\n2000\n4096\n", "{}", ran.err);
}

#[test]
#[ignore = "needs podman-compose and podman"]
fn compose_takes_the_override() {
    let Some(paths) = tools(&["podman-compose", "podman"]) else {
        return;
    };
    let place = directory(&[
        ("p.toml", CONTAINER),
        ("compose.yaml", "services:\n  app:\n    image: example.com/app\n"),
    ]);
    file(place.path(), "./p.toml", "compose", "runup.yaml", &[]);
    let mut command = Command::new(&paths[0]);
    command
        .args(["-f", "compose.yaml", "-f", "runup.yaml", "config"])
        .current_dir(place.path());
    let ran = done(command.output().expect("it starts"));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for line in [
        "image: example.com/app",
        "net.core.somaxconn: '5000'",
        "net.ipv4.ip_local_port_range: 20000 61000",
        "kernel.msgmax: '9000'",
        "soft: 2000",
        "hard: 4096",
    ] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
}

#[test]
#[ignore = "needs kubernetes-validate"]
fn kubernetes_takes_the_manifest() {
    let Some(paths) = tools(&["kubernetes-validate"]) else {
        return;
    };
    let profile = format!(
        "{CONTAINER}[[rule]]\nid = \"domain\"\nsysctl = {{ key = \"kernel.domainname\", eq = \"example.org\" }}\n"
    );
    let place = directory(&[("p.toml", &profile)]);
    file(place.path(), "./p.toml", "kubernetes", "pod.yaml", &[]);
    let pod = place.path().join("pod.yaml");
    let ran = done(
        Command::new(&paths[0])
            .arg("--strict")
            .arg(&pod)
            .output()
            .expect("it starts"),
    );
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let text = std::fs::read_to_string(&pod).expect("a file");
    assert!(
        text.contains(
            "# net.core.somaxconn needs the node's kubelet to run with --allowed-unsafe-sysctls=net.core.somaxconn"
        ),
        "{text}"
    );
    assert!(
        text.contains("# net.ipv4.ip_local_port_range is safe for any pod"),
        "{text}"
    );
    assert!(
        text.contains("      sysctl -w kernel.domainname=example.org\n"),
        "{text}"
    );
    assert!(text.contains("a pod cannot set the limit nofile"), "{text}");
    // It does judge.
    std::fs::write(&pod, text.replace("sysctls:", "sysctl:")).expect("a file");
    let ran = done(
        Command::new(&paths[0])
            .arg("--strict")
            .arg(&pod)
            .output()
            .expect("it starts"),
    );
    assert_ne!(ran.code, 0);
    // Without such a key nothing privileged runs.
    file(
        place.path(),
        "./p.toml",
        "kubernetes",
        "pod.yaml",
        &["--skip", "domain"],
    );
    assert!(!std::fs::read_to_string(&pod).expect("a file").contains("privileged"));
}

#[test]
#[ignore = "needs ansible-playbook"]
fn ansible_takes_the_playbook() {
    let Some(paths) = tools(&["ansible-playbook"]) else {
        return;
    };
    let place = directory(&[("all.toml", ALL), ("p.toml", NETWORK)]);
    file(place.path(), "./all.toml", "ansible", "all.yml", &[]);
    let mut command = Command::new(&paths[0]);
    command
        .args(["-i", "localhost,", "--syntax-check", "all.yml"])
        .current_dir(place.path())
        .env("LC_ALL", "C.UTF-8");
    let parsed = done(command.output().expect("it starts"));
    assert_eq!(parsed.code, 0, "{}{}", parsed.out, parsed.err);
    if !namespaces() {
        return;
    }
    // Directories of its own stand over those of the machine.
    let script = format!(
        "for place in /etc/sysctl.d /etc/security/limits.d; do mkdir -p $place; mount -t tmpfs none $place; done
         export HOME=$PWD ANSIBLE_LOCALHOST_WARNING=false
         $runup export ./p.toml --to ansible -o p.yml
         play() {{ {} -i localhost, -c local -e ansible_become=false -e ansible_python_interpreter={} p.yml; }}
         play >&2; play | grep -o changed=0; $runup check --fail-on note ./p.toml >&2
         sysctl -n net.core.somaxconn net.ipv4.tcp_sack; head -n 1 /etc/sysctl.d/60-runup.conf",
        paths[0].display(),
        found("python3").unwrap_or_else(|| "/usr/bin/python3".into()).display(),
    );
    let ran = apart(place.path(), &script);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(ran.out, "changed=0\n5000\n0\n# written by runup for p\n", "{}", ran.err);
}

#[test]
#[ignore = "needs python3"]
fn launchd_is_given_a_property_list() {
    let Some(paths) = tools(&["python3"]) else { return };
    let profile = r#"
summary = "a Mac"
[[rule]]
id = "backlog"
sysctl = { key = { macos = "kern.ipc.somaxconn" }, min = 1024 }
why = "a burst -- & <more>"
[[rule]]
id = "files"
rlimit = { resource = "nofile", soft = { min = 10_000 } }
"#;
    let mac = MemorySystem::on(Os::Macos, "23.4.0")
        .sysctl("kern.ipc.somaxconn", "128")
        .limit(Resource::Nofile, Number::Finite(256), Number::Unlimited);
    let recorder = Recorder::new(&mac);
    let (text, _) = exported(&recorder, profile, "launchd");
    let recording = recorder.finish().to_json().expect("JSON");
    let place = directory(&[("p0.toml", profile), ("mac.json", &recording)]);
    let again = support::run_in(
        place.path(),
        &[
            "export",
            "./p0.toml",
            "--to",
            "launchd",
            "--host",
            "mac.json",
            "-o",
            "p.plist",
        ],
    );
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(
        std::fs::read_to_string(place.path().join("p.plist")).expect("a file"),
        text
    );
    let script = "import plistlib, sys; p = plistlib.load(open(sys.argv[1], 'rb')); print(p['Label'], p['RunAtLoad'], *p['ProgramArguments'], sep='|')";
    let mut command = Command::new(&paths[0]);
    command.args(["-c", script]).arg(place.path().join("p.plist"));
    let read = done(command.output().expect("python starts"));
    assert_eq!(
        read.out,
        "runup.p0|True|/bin/sh|-c|/usr/sbin/sysctl kern.ipc.somaxconn=1024; /bin/launchctl limit maxfiles 10000 unlimited\n",
        "{}{text}",
        read.err
    );
    assert!(run(&["export", "--help"]).out.contains("launchd"));
}
