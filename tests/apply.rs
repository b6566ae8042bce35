//! apply and revert on a real kernel, in network namespaces of their own: crashes at any moment, full disks, commands that end in
//! every way.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::collections::BTreeMap;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Done, clean, counted, directory, done, is_root, needs, rounds};

const PROFILE: &str = r#"
[[rule]]
id = "backlog"
sysctl = { key = "net.core.somaxconn", min = 16384 }
[[rule]]
id = "syn-backlog"
sysctl = { key = "net.ipv4.tcp_max_syn_backlog", min = 60000 }
[[rule]]
id = "fin"
sysctl = { key = "net.ipv4.tcp_fin_timeout", max = "30s" }
[[rule]]
id = "forward"
sysctl = { key = "net.ipv4.ip_forward", eq = 0 }
[[rule]]
id = "receive"
sysctl = { key = "net.ipv4.tcp_rmem", field = "max", min = "64MiB" }
[[rule]]
id = "ports"
sysctl = { key = "net.ipv4.ip_local_port_range", covers = "10240-65000" }
[[rule]]
id = "reserved"
sysctl = { key = "net.ipv4.ip_local_reserved_ports", contains = ["20000-20010", "30000"] }
[[rule]]
id = "filter"
sysctl = { key = "net.ipv4.conf.*.rp_filter", eq = 2 }
[[rule]]
id = "good-already"
sysctl = { key = "net.ipv4.tcp_syncookies", min = 1 }
"#;

/// A network namespace that lives as long as this does.
struct Namespace(Child);

impl Namespace {
    fn new() -> Option<Self> {
        let possible = is_root()
            && Command::new("unshare")
                .args(["-n", "true"])
                .status()
                .is_ok_and(|s| s.success());
        needs("a network namespace needs root", possible);
        let mut child = Command::new("unshare")
            .args([
                "-n",
                "sh",
                "-c",
                "ip link set lo up; echo 1 > /proc/sys/net/ipv4/ip_forward; echo ready; exec sleep 1000",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare starts");
        let mut line = String::new();
        let mut out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
        std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
        assert_eq!(line, "ready\n");
        Some(Self(child))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = clean(Command::new("nsenter"));
        command.args(["-t", &self.0.id().to_string(), "-n", program]);
        command
    }

    fn runup(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_runup"))
    }

    fn run(&self, words: &[&str]) -> Done {
        done(self.runup().args(words).output().expect("it starts"))
    }

    /// Every key that sysctl prints, but for those that change by themselves.
    fn values(&self) -> BTreeMap<String, String> {
        const RESTLESS: &[&str] = &[
            "random",
            "net.netfilter.nf_conntrack_count",
            "dentry-state",
            "inode",
            "file-nr",
            "ns_last_pid",
            "pty.nr",
            "aio-nr",
            "aio_nr",
            "sched_domain",
            "cad_pid",
            "nf_log",
            "kernel.keys",
            "boot_id",
            "entropy",
        ];
        let out = done(self.command("sysctl").arg("-a").output().expect("sysctl starts")).out;
        assert!(out.lines().count() > 500, "{out}");
        out.lines()
            .filter_map(|line| line.split_once(" = "))
            .filter(|(key, _)| !RESTLESS.iter().any(|part| key.contains(part)))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    fn value(&self, key: &str) -> String {
        done(
            self.command("sysctl")
                .args(["-n", key])
                .output()
                .expect("sysctl starts"),
        )
        .out
        .trim()
        .to_owned()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
#[ignore = "needs root"]
fn apply_then_revert_is_the_identity_over_every_key() {
    let Some(space) = Namespace::new() else { return };
    let files = directory(&[("p.toml", PROFILE)]);
    let (profile, journal) = (files.path().join("p.toml"), files.path().join("journal"));
    let apply = ["apply", path(&profile), "--journal", path(&journal), "--yes"];
    let before = space.values();

    let dry = space.run(&["apply", path(&profile), "--journal", path(&journal), "--dry-run"]);
    assert!(
        dry.out.contains("net.core.somaxconn\n  - 4096\n  + 16384\n"),
        "{}",
        dry.out
    );
    let asked = done(
        space
            .runup()
            .args(&apply[..4])
            .stdin(Stdio::null())
            .output()
            .expect("starts"),
    );
    assert_eq!(asked.code, 2);
    assert!(asked.err.contains("--yes"), "{}", asked.err);
    assert_eq!(space.values(), before, "neither changed anything");

    let applied = space.run(&apply);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    let after = space.values();
    let changed: Vec<&str> = before
        .iter()
        .filter(|(key, value)| after.get(*key) != Some(value))
        .map(|(key, _)| key.as_str())
        .collect();
    // The plan, and what the kernel is known to change along with it; nothing else.
    let declared = |key: &&&str| {
        let key: &str = key;
        !(matches!(
            key,
            "net.core.somaxconn"
                | "net.ipv4.ip_forward"
                | "net.ipv4.ip_local_port_range"
                | "net.ipv4.ip_local_reserved_ports"
                | "net.ipv4.tcp_fin_timeout"
                | "net.ipv4.tcp_max_syn_backlog"
                | "net.ipv4.tcp_rmem"
                | "net.ipv4.conf.lo.rp_filter"
                | "net.ipv4.conf.all.accept_redirects"
        ) || (key.starts_with("net.ipv4.conf.") && key.ends_with(".forwarding")))
    };
    let surprises: Vec<&&str> = changed.iter().filter(declared).collect();
    assert!(surprises.is_empty(), "{surprises:?}");
    assert!(changed.len() >= 9, "{changed:?}");
    assert_eq!(after["net.ipv4.tcp_rmem"].split_whitespace().last(), Some("67108864"));

    let again = space.run(&apply);
    assert_eq!(again.code, 0);
    assert!(!again.err.contains("made"), "{}", again.err);
    assert_eq!(space.values(), after);

    let reverted = space.run(&["revert", "--journal", path(&journal)]);
    assert_eq!(reverted.code, 0, "{}{}", reverted.out, reverted.err);
    assert_eq!(space.values(), before);
    assert_eq!(space.run(&["revert", "--journal", path(&journal)]).code, 0);
    assert_eq!(space.values(), before);
}

/// The kernel keeps times in its ticks: of 1001 ms it makes 1004 with 250 of them a second, 1010 with 100.
#[test]
#[ignore = "needs root"]
fn what_the_kernel_rounds_is_applied_and_goes_back() {
    const KEY: &str = "net.ipv4.neigh.lo.retrans_time_ms";
    let Some(space) = Namespace::new() else { return };
    let rule = |asked: &str| format!("[[rule]]\nid = \"r\"\nsysctl = {{ key = \"{KEY}\", {asked} }}\n");
    let files = directory(&[("p.toml", &rule("min = 1001")), ("eq.toml", &rule("eq = 1001"))]);
    let (profile, journal) = (files.path().join("p.toml"), files.path().join("journal"));
    let before = space.value(KEY);
    let applied = space.run(&["apply", path(&profile), "--journal", path(&journal), "--yes"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    let became: u32 = space.value(KEY).parse().expect("a number");
    assert!(became >= 1001, "{became}");
    let is_told = applied.err.contains(&format!("made {became} of {KEY} = 1001"));
    assert_eq!(is_told, became != 1001, "{}", applied.err);
    let reverted = space.run(&["revert", "--journal", path(&journal)]);
    assert_eq!(reverted.code, 0, "{}{}", reverted.out, reverted.err);
    assert_eq!(space.value(KEY), before);

    let shown = space.run(&[
        "exec",
        "-v",
        path(&profile),
        "--",
        "cat",
        "/proc/sys/net/ipv4/neigh/lo/retrans_time_ms",
    ]);
    assert_eq!(
        (shown.code, shown.out.trim()),
        (0, became.to_string().as_str()),
        "{}",
        shown.err
    );
    assert!(
        shown.err.contains(&format!("from {before} to {became}")),
        "{}",
        shown.err
    );

    // One number alone is asked for, and the kernel cannot keep it.
    let exact = files.path().join("eq.toml");
    let failed = space.run(&["apply", path(&exact), "--journal", path(&journal), "--yes"]);
    assert_eq!(
        failed.code,
        if became == 1001 { 0 } else { 2 },
        "{}{}",
        failed.out,
        failed.err
    );
}

/// Cheap pseudo-random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
#[ignore = "needs root"]
fn killed_at_any_moment_two_at_a_time_revert_restores() {
    let Some(space) = Namespace::new() else { return };
    let second = PROFILE
        .replace("16384", "32768")
        .replace("30s", "20s")
        .replace("64MiB", "128MiB");
    let files = directory(&[("p.toml", PROFILE), ("q.toml", &second)]);
    let journal = files.path().join("journal");
    let journal = path(&journal);
    let keys = [
        "net.core.somaxconn",
        "net.ipv4.tcp_max_syn_backlog",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.ip_forward",
        "net.ipv4.tcp_rmem",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.conf.lo.rp_filter",
        "net.ipv4.conf.all.forwarding",
        "net.ipv4.conf.all.accept_redirects",
    ];
    let snapshot = || {
        let out = space.command("sysctl").args(keys).output().expect("sysctl starts");
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let start = |name: &str| {
        space
            .runup()
            .args(["apply", path(&files.path().join(name)), "--journal", journal, "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts")
    };
    let all = space.values();
    let before = snapshot();
    let clock = Instant::now();
    assert!(start("p.toml").wait().expect("ends").success());
    let whole = clock.elapsed();
    space.run(&["revert", "--journal", journal]);
    let mut dice = Dice(0x2026_1123);
    let (mut interrupted, mut finished) = (0, 0);
    let rounds = rounds(220);
    for round in 0..rounds {
        // Every fourth time two at once, one or both of which are killed.
        let mut appliers = vec![start("p.toml")];
        if round % 4 == 0 {
            appliers.push(start("q.toml"));
        }
        let micros = u64::try_from(whole.as_micros()).expect("short") * 5 / 4;
        std::thread::sleep(Duration::from_micros(dice.below(micros)));
        let spare = if appliers.len() == 2 && dice.below(2) == 0 {
            1
        } else {
            0
        };
        for applier in appliers.iter_mut().skip(spare) {
            let _ = applier.kill();
        }
        for applier in &mut appliers {
            let status = applier.wait().expect("ends");
            finished += u32::from(status.code().is_some());
            interrupted += u32::from(status.signal().is_some());
        }
        let reverted = space.run(&["revert", "--journal", journal]);
        assert_eq!(reverted.code, 0, "round {round}: {}{}", reverted.out, reverted.err);
        assert_eq!(snapshot(), before, "round {round}: {}", reverted.out);
    }
    counted(format_args!(
        "{rounds} rounds, {interrupted} applies killed on their way, {finished} ended before the kill"
    ));
    // Of a few rounds any may end either way.
    assert!(
        rounds < 50 || interrupted > rounds / 5,
        "only {interrupted} were killed in time"
    );
    assert!(rounds < 50 || finished > rounds / 50, "only {finished} finished");
    assert_eq!(space.values(), all);
    let list = space.run(&["revert", "--list", "--journal", journal]);
    assert_eq!(list.out, "");
}

#[test]
#[ignore = "needs root"]
fn it_lasts_as_long_as_the_command_however_that_ends() {
    let Some(space) = Namespace::new() else { return };
    let files = directory(&[("p.toml", PROFILE)]);
    let (profile, journal) = (files.path().join("p.toml"), files.path().join("journal"));
    let journal = path(&journal);
    let words = |script: &str| {
        let mut words: Vec<String> = [
            "apply",
            path(&profile),
            "--journal",
            journal,
            "--yes",
            "--for",
            "--",
            "sh",
            "-c",
        ]
        .map(str::to_owned)
        .to_vec();
        words.push(script.to_owned());
        words
    };
    let before = space.values();
    let done = done(
        space
            .runup()
            .args(words("sysctl -n net.core.somaxconn; exit 7"))
            .output()
            .expect("starts"),
    );
    assert_eq!((done.code, done.out.as_str()), (7, "16384\n"), "{}", done.err);
    assert_eq!(space.values(), before);

    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        let mut child = space
            .runup()
            .args(words("echo up; exec sleep 100"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        let mut out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
        std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
        assert_eq!(space.value("net.core.somaxconn"), "16384");
        let listed = space.run(&["revert", "--journal", journal]);
        assert_eq!(listed.code, 2, "not while it runs: {}", listed.out);
        assert!(listed.err.contains("lasts as long"), "{}", listed.err);
        kill(child.id(), signal);
        let status = child.wait().expect("ends");
        assert_eq!(status.code(), Some(128 + signal));
        assert_eq!(space.values(), before, "after signal {signal}");
    }

    // Nobody can wait for SIGKILL; revert finishes the job.
    let mut child = space
        .runup()
        .args(words("echo up; exec sleep 1"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
    child.kill().expect("killed");
    child.wait().expect("ends");
    assert_eq!(space.value("net.core.somaxconn"), "16384");
    let reverted = space.run(&["revert", "--journal", journal]);
    assert_eq!(reverted.code, 0, "{}", reverted.err);
    assert_eq!(space.values(), before);

    // A command that is not there changes nothing.
    let missing = space.run(&[
        "apply",
        path(&profile),
        "--journal",
        journal,
        "--yes",
        "--for",
        "--",
        "/no/such/command",
    ]);
    assert_eq!(missing.code, 127, "{}", missing.err);
    assert_eq!(space.values(), before);
}

#[test]
#[ignore = "needs root"]
fn the_program_gets_its_limits_and_the_caller_keeps_its_own() {
    let Some(space) = Namespace::new() else { return };
    let rule = "[[rule]]\nid = \"files\"\nrlimit = { resource = \"nofile\", soft = { min = 900 } }\n";
    let files = directory(&[("p.toml", rule)]);
    let (profile, journal) = (files.path().join("p.toml"), files.path().join("journal"));
    let script = format!(
        "ulimit -S -n 500; \"$0\" apply {} --journal {} --yes --for -- sh -c 'ulimit -n'; ulimit -n",
        path(&profile),
        path(&journal)
    );
    let out = done(
        space
            .command("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_runup")])
            .output()
            .expect("starts"),
    );
    assert_eq!(out.out, "900\n500\n", "{}", out.err);

    // Of a running process, and back.
    let mut sleeper = Command::new("sh")
        .args(["-c", "ulimit -S -n 500; exec sleep 100"])
        .spawn()
        .expect("starts");
    std::thread::sleep(Duration::from_millis(100));
    let pid = sleeper.id().to_string();
    let limit = || {
        let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits");
        text.lines()
            .find(|line| line.starts_with("Max open files"))
            .and_then(|line| line.split_whitespace().nth(3).map(str::to_owned))
    };
    let run = |words: &[&str]| support::run(words);
    let applied = run(&[
        "apply",
        path(&profile),
        "--journal",
        path(&journal),
        "--yes",
        "--pid",
        &pid,
    ]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    assert_eq!(limit().as_deref(), Some("900"));
    let reverted = run(&["revert", "--journal", path(&journal)]);
    assert_eq!(reverted.code, 0, "{}{}", reverted.out, reverted.err);
    assert_eq!(limit().as_deref(), Some("500"));
    let applied = run(&[
        "apply",
        path(&profile),
        "--journal",
        path(&journal),
        "--yes",
        "--pid",
        &pid,
    ]);
    assert_eq!(applied.code, 0);
    let _ = sleeper.kill();
    let _ = sleeper.wait();
    let gone = run(&["revert", "--journal", path(&journal)]);
    assert_eq!(gone.code, 0, "{}", gone.err);
    assert!(gone.out.contains("is gone"), "{}", gone.out);
}

#[test]
#[ignore = "needs root"]
fn without_a_journal_nothing_is_changed() {
    let Some(space) = Namespace::new() else { return };
    let files = directory(&[("p.toml", PROFILE), ("file", "")]);
    let profile = files.path().join("p.toml");
    let before = space.values();
    let place = files.path().join("mounted");
    std::fs::create_dir(&place).expect("a directory");
    let apply = format!("exec \"$0\" apply {} --yes --journal", path(&profile));
    for (mount, journal, said) in [
        (
            "mount -t tmpfs -o size=4k,mode=700,ro none",
            path(&place).to_owned(),
            "read-only",
        ),
        // One page: the lock has none, the record takes more than there is.
        (
            "mount -t tmpfs -o size=4k,mode=700 none",
            path(&place).to_owned(),
            "no space",
        ),
        ("true", format!("{}/file", files.path().display()), "not a directory"),
        ("true", "/proc/nothing".to_owned(), "/proc/nothing"),
    ] {
        let script = format!("{mount} {}; {apply} {journal}", path(&place));
        let mut command = space.command("unshare");
        command.args(["-m", "sh", "-c", &script, env!("CARGO_BIN_EXE_runup")]);
        let done = done(command.output().expect("starts"));
        assert_eq!(done.code, 2, "{mount}: {}{}", done.out, done.err);
        let text = done.err.to_lowercase();
        assert!(
            text.contains(said) && text.contains("--journal"),
            "{mount}: {}",
            done.err
        );
        assert_eq!(space.values(), before, "{mount}");
    }
    // A key whose file system is read-only is left as it is, and said.
    let journal = files.path().join("journal");
    let script = format!(
        "mount --bind /proc/sys/net/ipv4/tcp_rmem /proc/sys/net/ipv4/tcp_rmem && mount -o remount,bind,ro \
         /proc/sys/net/ipv4/tcp_rmem; {apply} {}",
        path(&journal)
    );
    let mut command = space.command("unshare");
    command.args(["-m", "sh", "-c", &script, env!("CARGO_BIN_EXE_runup")]);
    let done = done(command.output().expect("starts"));
    let left = done.out.split("Left as it is:").nth(1).unwrap_or_default();
    assert!(
        left.contains("receive") && left.contains("read-only"),
        "{}{}",
        done.out,
        done.err
    );
    assert_eq!(space.value("net.core.somaxconn"), "16384");
    assert_eq!(space.value("net.ipv4.tcp_rmem"), before["net.ipv4.tcp_rmem"]);
    assert_eq!(space.run(&["revert", "--journal", path(&journal)]).code, 0);
    assert_eq!(space.values(), before);
}

#[test]
#[ignore = "needs root"]
fn journals_of_other_namespaces_are_left_alone() {
    let (Some(one), Some(two)) = (Namespace::new(), Namespace::new()) else {
        return;
    };
    let files = directory(&[("p.toml", PROFILE)]);
    let (profile, journal) = (files.path().join("p.toml"), files.path().join("journal"));
    let journal = path(&journal);
    assert_eq!(
        one.run(&["apply", path(&profile), "--journal", journal, "--yes"]).code,
        0
    );
    let before = two.values();
    let other = two.run(&["revert", "--journal", journal]);
    assert_eq!(other.code, 2, "{}", other.out);
    assert!(other.out.contains("another namespace"), "{}", other.out);
    assert_eq!(two.run(&["revert", "1", "--journal", journal]).code, 2);
    assert_eq!(two.values(), before);
    assert_eq!(
        two.run(&["apply", path(&profile), "--journal", journal, "--yes"]).code,
        0
    );
    // Its own is undone, and that the other's is not is no success.
    assert_eq!(one.run(&["revert", "--journal", journal]).code, 1);
    assert_eq!(one.value("net.core.somaxconn"), "4096");
    assert_eq!(two.value("net.core.somaxconn"), "16384");
    assert_eq!(two.run(&["revert", "--journal", journal]).code, 0);
    assert_eq!(two.values(), before);
}

#[test]
#[ignore = "needs root"]
fn an_ordinary_user_keeps_a_journal_at_home_or_changes_nothing() {
    needs("another user needs root", is_root());
    let rule = "[[rule]]\nid = \"files\"\nrlimit = { resource = \"nofile\", soft = { min = 900 } }\n";
    let files = directory(&[("p.toml", rule), ("home/x", "")]);
    let binary = files.path().join("runup");
    std::fs::copy(env!("CARGO_BIN_EXE_runup"), &binary).expect("a copy");
    let open = Command::new("chmod").args(["-R", "a+rwX"]).arg(files.path()).status();
    assert!(open.is_ok_and(|status| status.success()));
    let run = |home: &str| {
        let script = format!(
            "ulimit -S -n 500; sleep 5 & pid=$!; {binary} apply {profile} --pid $pid --yes; echo \"code $?\"; \
             grep 'open files' /proc/$pid/limits; {binary} revert; echo \"code $?\"; grep 'open files' /proc/$pid/limits; kill $pid",
            binary = path(&binary),
            profile = path(&files.path().join("p.toml"))
        );
        let mut command = clean(Command::new("setpriv"));
        command.args([
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            "sh",
            "-c",
            &script,
        ]);
        done(command.env("HOME", home).output().expect("setpriv starts"))
    };
    let limits = |done: &Done| -> Vec<String> {
        let rows = done.out.lines().filter(|line| line.starts_with("Max open files"));
        rows.filter_map(|line| line.split_whitespace().nth(3).map(str::to_owned))
            .collect()
    };
    let home = files.path().join("home");
    let kept = run(path(&home));
    assert_eq!(limits(&kept), ["900", "500"], "{}{}", kept.out, kept.err);
    let nowhere = run("/nonexistent");
    assert!(nowhere.out.contains("code 2"), "{}", nowhere.out);
    assert!(
        nowhere.err.contains("/nonexistent/.local/state/runup") && nowhere.err.contains("--journal"),
        "{}",
        nowhere.err
    );
    assert_eq!(limits(&nowhere), ["500", "500"]);
}

#[test]
#[ignore = "needs root"]
fn a_process_in_another_namespace_is_reached_by_its_number() {
    let Some(space) = Namespace::new() else { return };
    let rule = "[[rule]]\nid = \"backlog\"\nsysctl = { key = \"net.core.somaxconn\", min = 16384 }\n";
    let files = directory(&[("p.toml", rule)]);
    let (profile, journal) = (files.path().join("p.toml"), files.path().join("journal"));
    let journal = path(&journal);
    // The process that `unshare` became is in the namespace.
    let pid = space.0.id().to_string();
    let host = support::text_of("/proc/sys/net/core/somaxconn");
    let applied = support::run(&["apply", path(&profile), "--journal", journal, "--yes", "--pid", &pid]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    assert_eq!(space.value("net.core.somaxconn"), "16384");
    assert_eq!(support::text_of("/proc/sys/net/core/somaxconn"), host);
    let from_here = support::run(&["revert", "--journal", journal]);
    assert_eq!(from_here.code, 2);
    assert!(from_here.out.contains("--pid"), "{}", from_here.out);
    let there = support::run(&["revert", "--journal", journal, "--pid", &pid]);
    assert_eq!(there.code, 0, "{}{}", there.out, there.err);
    assert_eq!(space.value("net.core.somaxconn"), "4096");
}

#[test]
#[ignore = "needs root"]
fn a_lock_names_its_holder() {
    let Some(space) = Namespace::new() else { return };
    let files = directory(&[("p.toml", PROFILE), ("journal/lock", "")]);
    let profile = files.path().join("p.toml");
    let journal = files.path().join("journal");
    let mut holder = Command::new("flock");
    holder.arg(journal.join("lock")).args([
        "sh",
        "-c",
        "echo 'process 4 (runup apply)' > \"$0\"; echo held; exec sleep 100",
    ]);
    holder.arg(journal.join("lock"));
    // SAFETY: only a system call between fork and exec.
    #[allow(unsafe_code)]
    unsafe {
        holder.pre_exec(|| {
            libc::setsid();
            Ok(())
        });
    }
    let mut holder = holder.stdout(Stdio::piped()).spawn().expect("flock starts");
    let mut line = String::new();
    let mut out = std::io::BufReader::new(holder.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
    let busy = space.run(&["apply", path(&profile), "--journal", path(&journal), "--yes"]);
    assert_eq!(busy.code, 2);
    assert!(busy.err.contains("process 4 (runup apply)"), "{}", busy.err);
    kill_group(holder.id());
    let _ = holder.wait();
}

fn kill(pid: u32, signal: i32) {
    // SAFETY: no pointers.
    #[allow(unsafe_code)]
    unsafe {
        libc::kill(i32::try_from(pid).expect("a pid"), signal);
    }
}

fn kill_group(pid: u32) {
    // SAFETY: no pointers.
    #[allow(unsafe_code)]
    unsafe {
        libc::kill(-i32::try_from(pid).expect("a pid"), libc::SIGKILL);
    }
}

const FORWARD: &str = "[[rule]]\nid = \"forward\"\nsysctl = { key = \"net.ipv4.ip_forward\", eq = 0 }\n";

#[test]
#[ignore = "needs root"]
fn what_the_kernel_moves_along_is_undone_only_where_nobody_touched_it() {
    let Some(space) = Namespace::new() else { return };
    let files = directory(&[
        ("p.toml", FORWARD),
        (
            "q.toml",
            "[[rule]]\nid = \"all\"\nsysctl = { key = \"net.ipv4.conf.all.forwarding\", eq = 1 }\n",
        ),
    ]);
    let journal = files.path().join("journal");
    let journal = path(&journal);
    let apply = |name: &str| {
        let done = space.run(&["apply", path(&files.path().join(name)), "--journal", journal, "--yes"]);
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    };
    let set = |key: &str, value: &str| {
        let status = space
            .command("sysctl")
            .args(["-qw", &format!("{key}={value}")])
            .status();
        assert!(status.is_ok_and(|status| status.success()));
    };
    // Somebody sets an interface back while it is applied, and that stays.
    apply("p.toml");
    assert_eq!(space.value("net.ipv4.conf.lo.forwarding"), "0");
    set("net.ipv4.conf.default.forwarding", "1");
    set("net.ipv4.conf.lo.forwarding", "1");
    set("net.ipv4.conf.lo.forwarding", "0");
    set("net.ipv4.conf.default.forwarding", "0");
    assert_eq!(space.run(&["revert", "--journal", journal]).code, 0);
    assert_eq!(space.value("net.ipv4.conf.lo.forwarding"), "1");
    apply("p.toml");
    set("net.ipv4.conf.default.forwarding", "1");
    set("net.ipv4.conf.lo.forwarding", "1");
    set("net.ipv4.ip_forward", "0");
    set("net.ipv4.conf.lo.forwarding", "1");
    assert_eq!(space.run(&["revert", "--journal", journal]).code, 0);
    assert_eq!(space.value("net.ipv4.ip_forward"), "1");
    // Two names of one setting cannot be undone out of order.
    apply("p.toml");
    apply("q.toml");
    let list = space.run(&["revert", "--list", "--journal", journal]).out;
    let ids: Vec<&str> = list
        .lines()
        .filter_map(|line| line.strip_prefix("apply ")?.split(' ').next())
        .collect();
    let refused = space.run(&["revert", ids[0], "--journal", journal]);
    assert_eq!(refused.code, 2, "{}", refused.out);
    assert!(
        refused.err.contains(&format!("`runup revert {}` first", ids[1])),
        "{}",
        refused.err
    );
    assert_eq!(space.run(&["revert", "--journal", journal]).code, 0);
    assert_eq!(space.value("net.ipv4.ip_forward"), "1");
}

#[test]
#[ignore = "needs root"]
fn what_passed_before_is_not_broken() {
    let Some(space) = Namespace::new() else { return };
    let rules = "[[rule]]\nid = \"default\"\nsysctl = { key = \"net.ipv4.conf.default.rp_filter\", min = 2 }\n\
                 [[rule]]\nid = \"lo\"\nsysctl = { key = \"net.ipv4.conf.lo.rp_filter\", max = 0 }\n";
    let files = directory(&[("p.toml", rules)]);
    let journal = files.path().join("journal");
    let before = space.values();
    let done = space.run(&[
        "apply",
        path(&files.path().join("p.toml")),
        "--journal",
        path(&journal),
        "--yes",
    ]);
    let after = space.values();
    if done.code == 0 {
        // This kernel did not move the interface along.
        assert_eq!(
            after["net.ipv4.conf.lo.rp_filter"],
            before["net.ipv4.conf.lo.rp_filter"]
        );
    } else {
        assert!(done.err.contains("which passed before"), "{}", done.err);
        assert_eq!(after, before);
    }
}

#[test]
#[ignore = "needs root"]
fn numbers_are_not_used_again() {
    let Some(space) = Namespace::new() else { return };
    let files = directory(&[("p.toml", FORWARD)]);
    let journal = files.path().join("journal");
    let profile = files.path().join("p.toml");
    let words = ["apply", path(&profile), "--journal", path(&journal), "--yes"];
    for id in 1..4 {
        let done = space.run(&words);
        assert!(
            done.err.contains(&format!("`runup revert {id} --journal ")),
            "{}",
            done.err
        );
        assert_eq!(space.run(&["revert", "--journal", path(&journal)]).code, 0);
    }
}
