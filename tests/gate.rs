//! Whether a program is started: `exec` and `apply --for` on a machine that is not ready, that becomes ready, and whose check was
//! asked for in words that have no effect.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Done, clean, directory, done, is_root, needs, runup};

const FILES: &str =
    "[[rule]]\nid = \"files\"\nseverity = \"error\"\nrlimit = { resource = \"nofile\", soft = { min = 50000 } }\n";
const BACKLOG: &str =
    "[[rule]]\nid = \"backlog\"\nseverity = \"error\"\nsysctl = { key = \"net.core.somaxconn\", min = 16384 }\n";
const NOISY: &str = "[[rule]]\nid = \"n\"\nseverity = \"error\"\nquiet = { runnable = { max = -1 } }\n";

/// Runs a script in namespaces of its own, with limits for descriptors of 1024 and 20000: `runup` is `$0`, `$1` a directory.
fn script(text: &str, files: &tempfile::TempDir) -> Option<Done> {
    let possible = is_root()
        && Command::new("unshare")
            .args(["--net", "--mount", "true"])
            .status()
            .is_ok_and(|status| status.success());
    needs("namespaces need root", possible);
    let text =
        format!("cd \"$1\"; ulimit -n 20000; ulimit -S -n 1024; echo 4096 > /proc/sys/net/core/somaxconn; {text}");
    let mut command = clean(Command::new("unshare"));
    // Without CAP_SYS_RESOURCE, or root would raise the hard limit.
    command.args([
        "--net",
        "--mount",
        "--propagation",
        "private",
        "setpriv",
        "--bounding-set",
        "-sys_resource",
    ]);
    command.args(["--inh-caps", "-sys_resource", "bash", "-c", &text]);
    command.arg(env!("CARGO_BIN_EXE_runup")).arg(files.path());
    Some(done(command.output().expect("unshare starts")))
}

#[test]
fn an_empty_profile_is_a_mistake_of_exec_too() {
    let na = "[[rule]]\nid = \"a\"\nwhen = \"os == 'macos'\"\nsysctl = { key = \"net.core.somaxconn\", min = 1 }\n";
    let files = directory(&[
        ("empty.toml", "summary = \"nothing\"\n"),
        ("disabled.toml", "extends = [\"./na.toml\"]\ndisable = [\"a\"]\n"),
        ("na.toml", na),
        (
            "waived.toml",
            &format!("{FILES}[[waive]]\nrule = \"files\"\nreason = \"later\"\n"),
        ),
        ("two.toml", &format!("{na}{FILES}")),
    ]);
    let run = |words: &[&str]| support::run_in(files.path(), words);
    for words in [
        &["exec", "./empty.toml", "--", "echo", "started"][..],
        &["exec", "--on-fail=warn", "./empty.toml", "--", "echo", "started"],
        &["exec", "--init", "./disabled.toml", "--", "echo", "started"],
        &[
            "exec",
            "./two.toml",
            "--only",
            "a",
            "--skip",
            "a",
            "--",
            "echo",
            "started",
        ],
    ] {
        let seen = run(words);
        assert_eq!((seen.code, seen.out.as_str()), (125, ""), "{words:?}: {}", seen.err);
        assert!(seen.err.contains("have no rules"), "{}", seen.err);
    }
    for word in ["./na.toml", "./waived.toml"] {
        let seen = run(&["exec", word, "--", "echo", "started"]);
        assert_eq!((seen.code, seen.out.as_str()), (0, "started\n"), "{word}: {}", seen.err);
    }
    let seen = run(&[
        "apply",
        "./empty.toml",
        "--yes",
        "--journal",
        "journal",
        "--for",
        "--",
        "echo",
        "started",
    ]);
    assert_eq!((seen.code, seen.out.as_str()), (2, ""), "{}", seen.err);
}

#[test]
#[ignore = "needs root"]
fn apply_for_is_the_gate_that_exec_is() {
    let files = directory(&[
        ("p.toml", &format!("{FILES}{BACKLOG}")),
        ("low.toml", &FILES.replace("50000", "9000")),
    ]);
    let apply = "\"$0\" apply --yes --journal \"$1/journal\"";
    let show = "sh -c 'ulimit -n; cat /proc/sys/net/core/somaxconn'";
    // Refused: the limit went as far as it goes, which is not enough; what was changed is undone.
    let Some(seen) = script(
        &format!("{apply} ./p.toml --for -- {show}; echo code $? $(cat /proc/sys/net/core/somaxconn)"),
        &files,
    ) else {
        return;
    };
    assert_eq!(seen.out, "code 78 4096\n", "{}", seen.err);
    for part in [
        "the limit nofile is 20000:20000 and could not go further",
        "not ready, so sh is not started (exit status 78)",
        "files: nofile: soft limit 20000, should be soft limit at least 50000",
        "--on-fail warn starts it all the same",
        "1 change undone",
    ] {
        assert!(seen.err.contains(part), "{part}: {}", seen.err);
    }
    assert!(!seen.err.contains("RUNUP_"), "{}", seen.err);
    // Started all the same, with as much as there is; the caller keeps what it had.
    let warned = script(
        &format!("{apply} ./p.toml --on-fail warn --for -- {show}; echo code $? $(ulimit -n) $(cat /proc/sys/net/core/somaxconn)"),
        &files,
    )
    .expect("as before");
    assert_eq!(warned.out, "20000\n16384\ncode 0 1024 4096\n", "{}", warned.err);
    assert!(warned.err.contains("started all the same"), "{}", warned.err);
    // Enough, and the command's own status.
    let seen = script(
        &format!("{apply} ./low.toml --for -- sh -c 'ulimit -n; exit 7'; echo code $?"),
        &files,
    )
    .expect("as before");
    assert_eq!(seen.out, "9000\ncode 7\n", "{}", seen.err);
    // exec says the same of the same machine.
    let seen = script(&format!("\"$0\" exec ./p.toml -- {show}; echo code $?"), &files).expect("as before");
    assert_eq!(seen.out, "code 78\n", "{}", seen.err);
    assert!(seen.err.contains("the limit nofile is 20000:20000"), "{}", seen.err);
    // A dry run tells what a check would; a command that is not there changes nothing.
    let seen = script(
        &format!(
            "{apply} ./p.toml --dry-run --for -- {show}; echo code $?; {apply} ./p.toml --for -- nosuch; echo code $?"
        ),
        &files,
    )
    .expect("as before");
    assert_eq!(seen.out, "code 1\ncode 127\n", "{}", seen.err);
    assert!(!seen.err.contains("undone"), "{}", seen.err);
}

#[test]
#[ignore = "needs root"]
fn a_wait_ends_when_it_is_quiet_and_the_program_starts() {
    let files = directory(&[(
        "p.toml",
        &format!("{BACKLOG}[[rule]]\nid = \"still\"\nseverity = \"error\"\nquiet = {{ network = {{ max = 100 }} }}\n"),
    )]);
    // A link of this namespace's own, on which a few seconds long something is sent.
    let noise = "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip link add v0 type veth peer name v1; ip addr add 10.9.9.1/24 dev v0; \
                 ip link set v0 up; ip link set v1 up; ip neigh add 10.9.9.2 lladdr 02:00:00:00:00:01 dev v0; \
                 (for i in {1..60}; do printf '%1000s' > /dev/udp/10.9.9.2/9; sleep 0.05; done) > /dev/null 2>&1 & sleep 0.2;";
    for start in [
        "\"$0\" exec --allow risky --wait 40 ./p.toml -- echo started",
        "RUNUP_WAIT=40s \"$0\" exec --init --allow risky ./p.toml -- echo started",
        "\"$0\" apply ./p.toml --yes --journal \"$1/journal\" --wait 40s --for -- echo started",
        "\"$0\" apply ./p.toml --yes --journal \"$1/journal\" --wait 40s > /dev/null && echo started",
    ] {
        let Some(seen) = script(&format!("{noise} {start}"), &files) else {
            return;
        };
        assert_eq!(
            (seen.code, seen.out.as_str()),
            (0, "started\n"),
            "{start}: {}",
            seen.err
        );
        assert!(
            seen.err.contains("waiting up to 40 s for p/still") || seen.err.contains("waiting up to 39 s for p/still"),
            "{start}: {}",
            seen.err
        );
    }
    // Without a wait it is refused.
    let seen = script(
        &format!("{noise} \"$0\" exec --allow risky ./p.toml -- echo started"),
        &files,
    )
    .expect("as before");
    assert_eq!((seen.code, seen.out.as_str()), (78, ""), "{}", seen.err);
}

#[test]
#[ignore = "needs root"]
fn it_does_not_wait_for_what_refuses_anyway() {
    let files = directory(&[("p.toml", &format!("{NOISY}{FILES}"))]);
    let start = Instant::now();
    let Some(seen) = script("\"$0\" exec --wait 30s ./p.toml -- echo started", &files) else {
        return;
    };
    assert_eq!(seen.code, 78, "{}", seen.err);
    assert!(!seen.err.contains("waiting up to"), "{}", seen.err);
    assert!(start.elapsed() < Duration::from_secs(25));
}

/// Starts a command, and comes back when it says that it waits.
fn waiting(command: &mut Command) -> Child {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let found = lines.any(|line| line.is_ok_and(|line| line.contains("waiting up to")));
    assert!(found, "{command:?}");
    // Whoever still speaks must find somebody who listens.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn kill(pid: u32, signal: i32) {
    // SAFETY: no pointers.
    #[allow(unsafe_code)]
    unsafe {
        libc::kill(i32::try_from(pid).expect("a pid"), signal);
    }
}

fn ends(child: &mut Child) -> std::process::ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("our child") {
            return status;
        }
        if start.elapsed() > Duration::from_secs(10) {
            let _ = child.kill();
            panic!("it still waits");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn only_child(pid: u32) -> u32 {
    let text = support::text_of(&format!("/proc/{pid}/task/{pid}/children"));
    text.split_whitespace()
        .next()
        .and_then(|pid| pid.parse().ok())
        .expect("a child")
}

#[test]
#[ignore = "needs root"]
fn a_signal_ends_the_wait_of_pid_1_at_once() {
    let files = directory(&[("p.toml", NOISY)]);
    needs("a PID namespace needs root", is_root());
    for (words, signal) in [
        (&["exec", "--wait", "60s", "./p.toml", "--", "true"][..], libc::SIGTERM),
        (&["exec", "--wait", "60s", "./p.toml", "--", "true"], libc::SIGINT),
        (&["exec", "--wait", "60s", "./p.toml", "--", "true"], 37),
        (
            &["exec", "--init", "--wait", "60s", "./p.toml", "--", "true"],
            libc::SIGTERM,
        ),
        (&["check", "--wait", "60s", "./p.toml"], libc::SIGTERM),
        (
            &["apply", "./p.toml", "--wait", "60s", "--journal", "journal"],
            libc::SIGTERM,
        ),
        (
            &[
                "apply",
                "./p.toml",
                "--wait",
                "60s",
                "--journal",
                "journal",
                "--for",
                "--",
                "true",
            ],
            libc::SIGTERM,
        ),
    ] {
        let mut command = clean(Command::new("unshare"));
        command
            .args([
                "--pid",
                "--fork",
                "--mount-proc",
                "--kill-child",
                env!("CARGO_BIN_EXE_runup"),
            ])
            .args(words)
            .current_dir(files.path());
        let mut outer = waiting(&mut command);
        kill(only_child(outer.id()), signal);
        assert_eq!(ends(&mut outer).code(), Some(128 + signal), "{words:?}");
    }
    // Where this is any process, the signal does what it does by itself; and one that was ignored from the start still is.
    let mut plain = waiting(
        runup()
            .current_dir(files.path())
            .args(["exec", "--wait", "60s", "./p.toml", "--", "true"]),
    );
    kill(plain.id(), libc::SIGTERM);
    assert_eq!(ends(&mut plain).signal(), Some(libc::SIGTERM));
    let mut command = clean(Command::new("sh"));
    command
        .current_dir(files.path())
        .args(["-c", "trap '' HUP; exec \"$0\" exec --wait 3s ./p.toml -- true"]);
    let mut deaf = waiting(command.arg(env!("CARGO_BIN_EXE_runup")));
    kill(deaf.id(), libc::SIGHUP);
    assert_eq!(ends(&mut deaf).code(), Some(78));
}

#[test]
#[ignore = "needs root"]
fn the_program_gets_its_signals_as_they_were_before_a_wait() {
    let files = directory(&[("p.toml", &NOISY.replace("error", "warning"))]);
    needs("a PID namespace needs root", is_root());
    let seen = |words: &[&str]| {
        let mut command = clean(Command::new("unshare"));
        command.args([
            "--pid",
            "--fork",
            "--mount-proc",
            env!("CARGO_BIN_EXE_runup"),
            "exec",
            "--quiet",
        ]);
        let done = done(
            command
                .args(words)
                .args(["--", "cat", "/proc/self/status"])
                .current_dir(files.path())
                .output()
                .expect("starts"),
        );
        assert_eq!(done.code, 0, "{}", done.err);
        done.out
            .lines()
            .filter(|line| line.starts_with("Sig") && !line.starts_with("SigQ"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(&["--wait", "1s", "./p.toml"]), seen(&[]));
}

#[test]
#[ignore = "needs root"]
fn an_apply_without_a_change_says_so_and_is_not_ready() {
    let files = directory(&[
        ("files.toml", FILES),
        ("p.toml", BACKLOG),
        ("ready.toml", &BACKLOG.replace("16384", "16")),
    ]);
    let run = |words: &str| {
        script(
            &format!(
                "\"$0\" apply --yes --journal \"$1/journal\" {words} > /dev/null; echo code $? $(cat /proc/sys/net/core/somaxconn)"
            ),
            &files,
        )
    };
    let read_only = "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys /proc/sys;";
    for words in ["./files.toml", "./files.toml --pid $$"] {
        let Some(seen) = run(words) else { return };
        assert_eq!(seen.out, "code 1 4096\n", "{words}: {}", seen.err);
        assert!(
            seen.err.contains("nothing was changed: what fails cannot be changed"),
            "{words}: {}",
            seen.err
        );
    }
    for (setup, words, code) in [
        ("", "./p.toml --dry-run", 1),
        ("", "./files.toml --dry-run", 1),
        (read_only, "./p.toml", 1),
        ("", "./ready.toml", 0),
    ] {
        let seen = script(
            &format!("{setup} \"$0\" apply --yes --journal \"$1/journal\" {words} > /dev/null; echo code $? $(cat /proc/sys/net/core/somaxconn)"),
            &files,
        )
        .expect("as before");
        assert_eq!(seen.out, format!("code {code} 4096\n"), "{words}: {}", seen.err);
        assert!(seen.err.contains("nothing was changed"), "{words}: {}", seen.err);
    }
    // Nobody in particular, who may change nothing.
    let seen = script(
        "mkdir -m 777 home; cp \"$0\" runup; chmod 755 . runup; chmod 644 *.toml; \
         HOME=$PWD/home setpriv --reuid 65534 --regid 65534 --clear-groups ./runup apply ./p.toml --yes > /dev/null; echo code $?",
        &files,
    )
    .expect("as before");
    assert_eq!(seen.out, "code 1\n", "{}", seen.err);
    assert!(seen.err.contains("nothing was changed: what fails"), "{}", seen.err);
}

/// A check of a server that runs passes with the server's own port. Whoever starts a second one is told that it will not get it.
#[test]
fn a_port_held_by_a_program_of_the_same_name_is_free_to_check_and_not_to_start() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = held.local_addr().expect("it has an address").port();
    let name = std::fs::read_to_string("/proc/self/comm").expect("a name");
    let rule = format!(
        "[[rule]]\nid = \"port\"\nports = {{ port = {port}, state = \"free\", held_by = [\"{}\"] }}\n",
        name.trim()
    );
    let files = directory(&[("p.toml", &rule)]);
    let run = |words: &[&str]| support::run_in(files.path(), words);
    let check = run(&["check", "./p.toml"]);
    assert_eq!(check.code, 0, "{}{}", check.out, check.err);
    for words in [
        &["exec", "./p.toml", "--", "echo", "started"][..],
        &["exec", "--init", "./p.toml", "--", "echo", "started"],
        &["apply", "./p.toml", "--for", "--", "echo", "started"],
    ] {
        let seen = run(words);
        assert_eq!((seen.code, seen.out.as_str()), (78, ""), "{words:?}: {}", seen.err);
        assert!(seen.err.contains(&port.to_string()), "{}", seen.err);
    }
    drop(held);
    let seen = run(&["exec", "./p.toml", "--", "echo", "started"]);
    assert_eq!((seen.code, seen.out.as_str()), (0, "started\n"), "{}", seen.err);
}
