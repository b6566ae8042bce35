//! The supervisor: signals, exit statuses, orphans.
#![allow(unsafe_code)]

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::rounds::{counted, rounds};
use crate::support::{binary, children, exec, exec_probe, kill, needs_root, output, status, until, wait};

fn start(command: &mut Command) -> (Child, std::io::Lines<BufReader<ChildStdout>>) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert_eq!(lines.next().expect("a line").expect("UTF-8"), "ready");
    (child, lines)
}

#[test]
fn the_exit_status_is_the_programs() {
    for code in [0, 1, 2, 64, 125, 126, 127, 128, 255] {
        let (result, _, err) = output(&mut exec_probe(&["--init"], &format!("exit {code}")));
        assert_eq!((result.status.code(), err.as_str()), (Some(code), ""));
    }
    for signal in [libc::SIGHUP, libc::SIGKILL, libc::SIGTERM, 34, 40, 64] {
        let (result, _, err) = output(&mut exec_probe(&["--init"], &format!("die {signal}")));
        assert_eq!(result.status.code(), Some(128 + signal));
        assert!(err.contains("was killed by"), "{err}");
    }
    let (result, _, err) = output(&mut exec_probe(
        &["--init", "--quiet", "--map-exit", "143=0,3=4"],
        "die 15",
    ));
    assert_eq!((result.status.code(), err.as_str()), (Some(0), ""));
    assert_eq!(
        output(&mut exec_probe(
            &["--init", "--map-exit=143=0", "--map-exit", "3=4"],
            "exit 3"
        ))
        .0
        .status
        .code(),
        Some(4)
    );
}

#[test]
fn every_signal_that_can_be_forwarded_is() {
    for group in [&["--init"][..], &["--init", "--group"]] {
        let (mut child, mut lines) = start(&mut exec_probe(group, "signals"));
        let not = [libc::SIGKILL, libc::SIGSTOP, libc::SIGCHLD, libc::SIGTERM];
        for signal in (1..=64).filter(|signal| !not.contains(signal)) {
            // The C library keeps 32 and 33 from its programs; the kernel knows nothing of that.
            if (32..35).contains(&signal) {
                continue;
            }
            kill(child.id(), signal);
            let line = lines.next().expect("a line").expect("UTF-8");
            assert_eq!(line.split(' ').next(), Some(signal.to_string().as_str()), "{group:?}");
        }
        kill(child.id(), libc::SIGTERM);
        assert_eq!(
            wait(&mut child, Duration::from_secs(5)).and_then(|status| status.code()),
            Some(0)
        );
    }
}

#[test]
fn values_come_along() {
    let (mut child, mut lines) = start(&mut exec_probe(&["--init"], "signals"));
    let value = libc::sigval {
        sival_ptr: 4711 as *mut libc::c_void,
    };
    // SAFETY: no pointer is followed.
    unsafe { libc::sigqueue(i32::try_from(child.id()).expect("a pid"), 50, value) };
    assert_eq!(lines.next().expect("a line").expect("UTF-8"), "50 4711");
    kill(child.id(), libc::SIGTERM);
    assert!(wait(&mut child, Duration::from_secs(5)).is_some());
}

#[test]
fn signals_are_rewritten_and_dropped() {
    let (mut child, mut lines) = start(&mut exec_probe(
        &["--init", "--rewrite", "HUP=USR1,INT=none", "--rewrite=USR2=RTMIN+3"],
        "signals",
    ));
    for (sent, got) in [(libc::SIGHUP, libc::SIGUSR1), (libc::SIGUSR2, 37)] {
        kill(child.id(), libc::SIGINT);
        kill(child.id(), sent);
        let line = lines.next().expect("a line").expect("UTF-8");
        assert_eq!(line.split(' ').next(), Some(got.to_string().as_str()));
    }
    kill(child.id(), libc::SIGTERM);
    assert!(wait(&mut child, Duration::from_secs(5)).is_some());
}

#[test]
fn after_the_grace_period_it_is_killed() {
    let (mut child, _lines) = start(&mut exec_probe(&["--init", "--quiet", "--grace", "300ms"], "stubborn"));
    let begin = Instant::now();
    kill(child.id(), libc::SIGTERM);
    assert_eq!(
        wait(&mut child, Duration::from_secs(5)).and_then(|status| status.code()),
        Some(137)
    );
    assert!(
        (250..2000).contains(&begin.elapsed().as_millis()),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_signal_at_any_moment_is_not_lost() {
    // Before its first instruction the supervisor can only die of a signal, as any program; from then on the program gets it.
    let mut outcomes = [0; 2];
    let rounds = u64::from(rounds(2000));
    for round in 0..rounds {
        // All of the first four milliseconds.
        let moment = Duration::from_micros(round * 4000 / rounds);
        let words: &[&str] = if round % 2 == 0 {
            &["--init", "--quiet"]
        } else {
            &["--init", "--quiet", "--group"]
        };
        let mut child = exec_probe(words, "pause").stdin(Stdio::null()).spawn().expect("starts");
        std::thread::sleep(moment);
        kill(child.id(), libc::SIGTERM);
        let Some(status) = wait(&mut child, Duration::from_secs(10)) else {
            panic!("lost after {moment:?}, {words:?}")
        };
        match (status.code(), status.signal()) {
            (Some(143), None) => outcomes[0] += 1,
            (None, Some(libc::SIGTERM)) => outcomes[1] += 1,
            other => panic!("{other:?} after {moment:?}"),
        }
    }
    counted(format_args!(
        "{rounds} signals, {} taken by the program, {} before the supervisor began",
        outcomes[0], outcomes[1]
    ));
    // How many of each there are is the machine's speed; that there are none of one kind would be a test of nothing.
    assert!(rounds < 50 || outcomes[0] > rounds / 20, "{outcomes:?}");
}

#[test]
#[ignore = "needs root"]
fn a_signal_to_pid_1_is_not_lost() {
    needs_root();
    let rounds = u64::from(rounds(200));
    for round in 0..rounds {
        let mut command = Command::new("unshare");
        command
            .args(["-pf", "--kill-child"])
            .arg(binary())
            .args(["exec", "--init", "--quiet", "--"]);
        command
            .arg(std::env::current_exe().expect("a path"))
            .env("PROBE", "pause")
            .stdin(Stdio::null());
        let mut outer = command.spawn().expect("unshare starts");
        let mut first = 0;
        // Until then PID 1 is a copy of unshare.
        until("PID 1 is ours", || {
            first = children(outer.id()).first().copied().unwrap_or(0);
            first != 0
                && binary()
                    .file_name()
                    .is_some_and(|name| status(first, "Name") == name.to_string_lossy())
        });
        std::thread::sleep(Duration::from_micros(round * 4000 / rounds));
        // The function in .init_array blocks; until it has run, the kernel drops what comes, as of any PID 1. While it waits
        // for signals, they do not show as blocked.
        until("signals are blocked", || {
            status(first, "SigBlk").starts_with("ffff") || !children(first).is_empty()
        });
        kill(first, libc::SIGTERM);
        assert_eq!(
            wait(&mut outer, Duration::from_secs(10)).and_then(|status| status.code()),
            Some(143),
            "round {round}"
        );
    }
    counted(format_args!("{rounds} signals to PID 1"));
}

#[test]
fn no_orphan_and_no_signal_is_lost_under_load() {
    let orphans = rounds(20_000);
    let (mut child, mut lines) = start(&mut exec_probe(
        &["--init", "--subreaper", "--quiet"],
        &format!("orphans {orphans}"),
    ));
    let pid = child.id();
    let (told, made) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut last = String::new();
        for line in lines.by_ref() {
            last = line.expect("UTF-8");
            if last == "made" {
                told.send(String::new()).expect("the test listens");
            }
        }
        told.send(last).expect("the test listens");
    });
    let mut sent = 0;
    while made.try_recv().is_err() {
        kill(pid, 40 + sent % 5);
        sent += 1;
        std::thread::sleep(Duration::from_millis(1));
    }
    until("every orphan is reaped", || children(pid).len() == 1);
    kill(pid, libc::SIGTERM);
    assert_eq!(made.recv().expect("its last line"), format!("received: {sent}"));
    counted(format_args!(
        "{orphans} orphans reaped, {sent} signals passed on meanwhile"
    ));
    assert_eq!(
        wait(&mut child, Duration::from_secs(10)).and_then(|status| status.code()),
        Some(0)
    );
}

#[test]
fn waits_for_all_when_asked() {
    let begin = Instant::now();
    let script = "(sleep 0.5; exit 3) & exit 7";
    let (result, ..) = output(&mut exec(&[
        "--init",
        "--subreaper",
        "--wait-for-all",
        "--",
        "sh",
        "-c",
        script,
    ]));
    assert_eq!(result.status.code(), Some(7));
    assert!(begin.elapsed() > Duration::from_millis(450));
}

#[test]
fn the_waiting_supervisor_sleeps() {
    let mut child = exec_probe(&["--init"], "pause")
        .stdin(Stdio::null())
        .spawn()
        .expect("starts");
    until("the program runs", || !children(child.id()).is_empty());
    std::thread::sleep(Duration::from_millis(300));
    let before = status(child.id(), "voluntary_ctxt_switches");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(status(child.id(), "voluntary_ctxt_switches"), before);
    kill(child.id(), libc::SIGTERM);
    assert!(wait(&mut child, Duration::from_secs(5)).is_some());
}

#[test]
fn a_dead_parent_is_noticed() {
    for words in [&["--pdeathsig", "TERM"][..], &["--init", "--pdeathsig=TERM"]] {
        let mut between = Command::new("sh");
        between
            .args(["-c", "\"$0\" exec \"$@\" & echo $!; sleep 0.3"])
            .arg(binary())
            .args(words)
            .arg("--");
        between
            .arg(std::env::current_exe().expect("a path"))
            .env("PROBE", "pause")
            .process_group(0);
        let child = between
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.expect("piped"))
            .read_line(&mut line)
            .expect("a pid");
        let pid: u32 = line.trim().parse().expect("a pid");
        until("it is gone", || {
            matches!(status(pid, "State").chars().next(), None | Some('Z'))
        });
    }
}
