//! What this binary becomes when `PROBE` is set: a small program that tells what it was given. It runs from `.init_array`,
//! before Rust's start-up code touches signals and descriptors, and before libtest starts a thread.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "looks at itself in /proc")]

use std::io::Write;

use runup::shim::{LimitWish, apply_limit};
use runup::system::Resource;
use runup::value::Number;

// SAFETY: the section holds pointers to functions without needs, called once before main.
#[used]
#[unsafe(link_section = ".init_array")]
static PROBE: extern "C" fn() = run;

extern "C" fn run() {
    let Ok(what) = std::env::var("PROBE") else { return };
    let words: Vec<&str> = what.split(' ').collect();
    let number = |index: usize| words.get(index).and_then(|word| word.parse().ok()).unwrap_or(0);
    let status = match words[0] {
        "state" => state(),
        "pause" => loop {
            // SAFETY: no precondition.
            unsafe { libc::pause() };
        },
        "exit" => number(1),
        "die" => {
            // SAFETY: no pointers.
            unsafe { libc::kill(libc::getpid(), number(1)) };
            1
        }
        "stubborn" => stubborn(),
        "orphans" => orphans(number(1)),
        "signals" => signals(),
        "limits" => limits(),
        other => panic!("no probe {other}"),
    };
    let _ = std::io::stdout().flush();
    // SAFETY: no precondition.
    unsafe { libc::_exit(status) }
}

fn say(text: &str) {
    println!("{text}");
    let _ = std::io::stdout().flush();
}

fn state() -> i32 {
    // First of all: reading /proc takes a descriptor.
    let open: Vec<String> = (0..256)
        .filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0)
        .map(|fd| fd.to_string())
        .collect();
    let mut text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    // SAFETY: none of these has a precondition.
    let (pid, group, nice) = unsafe {
        (
            libc::getpid(),
            libc::getpgrp(),
            libc::getpriority(libc::PRIO_PROCESS, 0),
        )
    };
    text += &format!("pid: {pid}\npgrp: {group}\nnice: {nice}\nfds: {}\n", open.join(" "));
    text += &format!("cwd: {}\n", std::env::current_dir().unwrap_or_default().display());
    text += &format!(
        "oom: {}\n",
        std::fs::read_to_string("/proc/self/oom_score_adj")
            .unwrap_or_default()
            .trim()
    );
    let environment: Vec<String> = std::env::vars()
        .filter(|(name, _)| name != "PROBE")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    text += &format!("env: {}", environment.join("|"));
    if open.iter().any(|fd| fd == "1") {
        say(&text);
    } else if let Ok(path) = std::env::var("PROBE_OUT") {
        let _ = std::fs::write(path, text);
    }
    0
}

/// Ignores what asks it to end.
fn stubborn() -> i32 {
    // SAFETY: no handler is installed.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    say("ready");
    loop {
        // SAFETY: no precondition.
        unsafe { libc::pause() };
    }
}

fn block_all() -> libc::sigset_t {
    // SAFETY: the set is filled before use.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        set
    }
}

fn take(set: &libc::sigset_t, milliseconds: i64) -> Option<(i32, usize)> {
    let limit = libc::timespec {
        tv_sec: 0,
        tv_nsec: milliseconds * 1_000_000,
    };
    // SAFETY: the set and the limit are valid, the info is written by the call.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let signal = libc::sigtimedwait(set, &raw mut info, &raw const limit);
        (signal > 0).then(|| (signal, info.si_value().sival_ptr as usize))
    }
}

/// Says the number and the value of each signal that comes, until SIGTERM.
fn signals() -> i32 {
    let set = block_all();
    say("ready");
    loop {
        match take(&set, 500) {
            Some((libc::SIGTERM, _)) => return 0,
            Some((signal, value)) => say(&format!("{signal} {value}")),
            None => {}
        }
    }
}

/// Leaves so many orphans behind, in bursts, and counts the real-time signals that come meanwhile, until SIGTERM.
fn orphans(count: i32) -> i32 {
    let set = block_all();
    say("ready");
    let (mut made, mut received) = (0, 0);
    loop {
        while let Some((signal, _)) = take(&set, i64::from(made >= count) * 20) {
            match signal {
                libc::SIGTERM => {
                    say(&format!("received: {received}"));
                    return 0;
                }
                libc::SIGCHLD => {}
                _ => received += 1,
            }
        }
        if made < count {
            burst(200.min(count - made));
            made += 200.min(count - made);
            if made >= count {
                say("made");
            }
        }
    }
}

/// A child that makes so many children and ends without them.
fn burst(count: i32) {
    // SAFETY: one thread; the children only wait and end.
    unsafe {
        let parent = libc::fork();
        if parent == 0 {
            for index in 0..count {
                if libc::fork() == 0 {
                    libc::usleep((index % 7) as u32 * 300);
                    libc::_exit(0);
                }
            }
            libc::_exit(0);
        }
        libc::waitpid(parent, std::ptr::null_mut(), 0);
    }
}

/// Sets a limit where seccomp answers EPERM to prlimit64.
fn limits() -> i32 {
    let statement = |code: u32, jt, jf, k| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let number = libc::SYS_prlimit64 as u32;
    let mut filter = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        statement(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
        ),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the filter outlives the call, and the kernel copies it.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program);
    }
    let wish = LimitWish {
        resource: Resource::Nofile,
        soft: Some(Number::Finite(77)),
        hard: None,
    };
    say(&format!(
        "applied: {:?}",
        apply_limit(wish).map(|applied| applied.after.soft)
    ));
    say(&std::fs::read_to_string("/proc/self/limits")
        .unwrap_or_default()
        .replace("Max open files", "nofile:"));
    0
}
