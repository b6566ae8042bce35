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

fn bits(signals: &[i32]) -> u64 {
    signals.iter().map(|signal| 1 << (signal - 1)).sum()
}

fn hex(text: &str) -> u64 {
    u64::from_str_radix(text, 16).expect("a mask")
}

#[test]
fn everything_unusual_is_preserved() {
    let place = directory("cwd");
    for words in [&[][..], &["--init"], &["--init", "--group", "--subreaper"]] {
        let mut command = exec_probe(words, "state");
        command
            .current_dir(&place)
            .env_clear()
            .env("PROBE", "state")
            .env("PATH", "/bin")
            .env("EMPTY", "")
            .env("HOME", "/x");
        unusual(&mut command);
        let (result, out, err) = output(&mut command);
        assert_eq!((result.status.code(), err.as_str()), (Some(0), ""), "{words:?}");
        let masked = bits(&[libc::SIGTERM, libc::SIGUSR1, libc::SIGTTIN, 40]);
        let ignored = bits(&[
            libc::SIGHUP,
            libc::SIGPIPE,
            libc::SIGCHLD,
            libc::SIGTTOU,
            libc::SIGSEGV,
            41,
        ]);
        assert_eq!(hex(field(&out, "SigBlk")), masked, "{words:?}");
        assert_eq!(hex(field(&out, "SigIgn")), ignored, "{words:?}");
        assert_eq!(
            (field(&out, "Umask"), field(&out, "nice"), field(&out, "fds")),
            ("0137", "3", "0 1 2 9 200")
        );
        assert_eq!(field(&out, "cwd"), place.to_str().expect("UTF-8"));
        let mut environment: Vec<&str> = field(&out, "env").split('|').collect();
        environment.sort_unstable();
        assert_eq!(environment, ["EMPTY=", "HOME=/x", "PATH=/bin"]);
    }
}

#[test]
fn nothing_unusual_is_added() {
    for words in [&[][..], &["--init"]] {
        let (result, out, err) = output(&mut exec_probe(words, "state"));
        assert_eq!((result.status.code(), err.as_str()), (Some(0), ""));
        assert_eq!(
            (hex(field(&out, "SigBlk")), hex(field(&out, "SigIgn"))),
            (0, 0),
            "{words:?}"
        );
        assert_eq!(field(&out, "fds"), "0 1 2");
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
    for words in [&[][..], &["--init"]] {
        for closed in [vec![0], vec![0, 1, 2], vec![2], vec![1]] {
            let _ = std::fs::remove_file(&place);
            let mut command = exec_probe(words, "state");
            command.env("PROBE_OUT", &place);
            let gone = closed.clone();
            // SAFETY: between fork and exec only system calls are made.
            unsafe {
                command.pre_exec(move || {
                    for descriptor in &gone {
                        libc::close(*descriptor);
                    }
                    Ok(())
                });
            }
            let (result, out, _) = output(&mut command);
            assert_eq!(result.status.code(), Some(0), "{words:?} {closed:?}");
            let out = if closed.contains(&1) {
                std::fs::read_to_string(&place).expect("the probe wrote it")
            } else {
                out
            };
            let open: Vec<String> = (0..3)
                .filter(|descriptor| !closed.contains(descriptor))
                .map(|open: i32| open.to_string())
                .collect();
            assert_eq!(field(&out, "fds"), open.join(" "), "{words:?} {closed:?}");
        }
    }
}
