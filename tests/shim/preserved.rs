//! The program gets what runup got.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::support::{directory, exec_probe, field, output};

/// Puts a process into a state that nothing has by default.
fn unusual(command: &mut Command) {
    // SAFETY: between fork and exec only system calls are made.
    unsafe {
        command.pre_exec(|| {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for signal in [libc::SIGTERM, libc::SIGUSR1, libc::SIGTTIN, 40] {
                libc::sigaddset(&raw mut set, signal);
            }
            libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
            for signal in [
                libc::SIGHUP,
                libc::SIGPIPE,
                libc::SIGCHLD,
                libc::SIGTTOU,
                libc::SIGSEGV,
                41,
            ] {
                libc::signal(signal, libc::SIG_IGN);
            }
            libc::umask(0o137);
            libc::setpriority(libc::PRIO_PROCESS, 0, 3);
            libc::dup2(1, 200);
            libc::dup2(1, 9);
            Ok(())
        });
    }
}

/// The probe started without runup between, for comparison: a test runner leaves descriptors and ignored signals of its own.
fn bare() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.env("PROBE", "state");
    command
}

/// What must be the same with runup and without.
const FIELDS: [&str; 14] = [
    "SigBlk",
    "SigIgn",
    "SigCgt",
    "Umask",
    "nice",
    "oom",
    "cwd",
    "env",
    "fds",
    "Uid",
    "Gid",
    "Groups",
    "CapEff",
    "NoNewPrivs",
];

fn same(words: &[&str], prepare: impl Fn(&mut Command), read: impl Fn(&mut Command) -> String) {
    let (mut with, mut without) = (exec_probe(words, "state"), bare());
    // Both have the environment of a command that went through the same hands.
    for command in [&mut with, &mut without] {
        command
            .env_clear()
            .env("PROBE", "state")
            .env("PATH", "/bin")
            .env("EMPTY", "")
            .env("HOME", "/x");
        prepare(command);
    }
    let (with, without) = (read(&mut with), read(&mut without));
    for name in FIELDS {
        assert_eq!(field(&with, name), field(&without, name), "{name} with {words:?}");
    }
}

fn printed(command: &mut Command) -> String {
    let (result, out, err) = output(command);
    assert_eq!((result.status.code(), err.as_str()), (Some(0), ""));
    out
}

const WAYS: [&[&str]; 3] = [&[], &["--init"], &["--init", "--group", "--subreaper"]];

#[test]
fn everything_unusual_is_preserved() {
    let place = directory("cwd");
    for words in WAYS {
        let prepare = |command: &mut Command| {
            command.current_dir(&place);
            unusual(command);
        };
        same(words, prepare, |command| {
            let out = printed(command);
            let blocked = u64::from_str_radix(field(&out, "SigBlk"), 16).expect("a mask");
            assert_eq!(blocked, 1 << 14 | 1 << 9 | 1 << 20 | 1 << 39, "TERM, USR1, TTIN and 40");
            let ignored = u64::from_str_radix(field(&out, "SigIgn"), 16).expect("a mask");
            let wanted = 1 | 1 << 12 | 1 << 16 | 1 << 21 | 1 << 10 | 1 << 40;
            assert_eq!(ignored & wanted, wanted, "HUP, PIPE, CHLD, TTOU, SEGV and 41");
            out
        });
    }
}

#[test]
fn nothing_unusual_is_added() {
    for words in WAYS {
        same(words, |_| {}, printed);
    }
}

#[test]
fn the_program_keeps_the_pid() {
    let mut child = exec_probe(&[], "pause").spawn().expect("starts");
    let exe = std::env::current_exe().expect("a path");
    crate::support::until("the program is there", || {
        std::path::Path::new(&format!("/proc/{}/exe", child.id()))
            .canonicalize()
            .is_ok_and(|at| at == exe)
    });
    child.kill().expect("our child");
    child.wait().expect("our child");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the probe's file")]
fn closed_descriptors_stay_closed() {
    let place = directory("closed").join("out");
    for words in WAYS {
        for closed in [&[0][..], &[1], &[2], &[0, 1, 2]] {
            let prepare = |command: &mut Command| {
                command.env("PROBE_OUT", &place);
                // SAFETY: between fork and exec only system calls are made.
                unsafe {
                    command.pre_exec(move || {
                        for descriptor in closed {
                            libc::close(*descriptor);
                        }
                        Ok(())
                    });
                }
            };
            same(words, prepare, |command| {
                let _ = std::fs::remove_file(&place);
                let out = printed(command);
                let out = if closed.contains(&1) {
                    std::fs::read_to_string(&place).expect("the probe wrote it")
                } else {
                    out
                };
                assert!(
                    closed
                        .iter()
                        .all(|gone| !field(&out, "fds").split(' ').any(|open| open == gone.to_string())),
                    "{out}"
                );
                out
            });
        }
    }
}
