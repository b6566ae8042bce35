//! Job control on a real terminal, driven through a pty.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{binary, children, exec, status, wait};

struct Terminal {
    master: File,
    child: Child,
    seen: String,
    /// What came before what was last expected.
    passed: String,
}

impl Terminal {
    /// Starts a command as the leader of a session on a new terminal.
    fn start(mut command: Command) -> Terminal {
        let (mut master, mut slave) = (0, 0);
        let null = std::ptr::null_mut();
        // SAFETY: two valid places, and nulls for what is not asked for.
        assert_eq!(
            unsafe { libc::openpty(&raw mut master, &raw mut slave, null, null.cast(), null.cast()) },
            0
        );
        // SAFETY: both are open and ours.
        let (master, slave) = unsafe { (File::from_raw_fd(master), File::from_raw_fd(slave)) };
        // SAFETY: no pointers.
        unsafe { libc::fcntl(master.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        let end = |file: &File| Stdio::from(file.try_clone().expect("a descriptor"));
        command.stdin(end(&slave)).stdout(end(&slave)).stderr(end(&slave));
        let slave_descriptor = slave.as_raw_fd();
        // SAFETY: only system calls between fork and exec.
        unsafe {
            command.pre_exec(move || {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY as _, 0);
                libc::close(slave_descriptor);
                Ok(())
            });
        }
        let child = command.spawn().expect("starts");
        // SAFETY: no pointers.
        unsafe { libc::fcntl(master.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        Terminal {
            master,
            child,
            seen: String::new(),
            passed: String::new(),
        }
    }

    fn shell() -> Terminal {
        let mut bash = Command::new("bash");
        bash.args(["--norc", "--noprofile", "--noediting", "-i"])
            .env("PS1", "$ ")
            .env("HOME", "/nonexistent")
            .env("S", binary());
        bash.env_remove("PROMPT_COMMAND").env("TERM", "dumb");
        let mut terminal = Terminal::start(bash);
        terminal.expect("$ ");
        terminal
    }

    fn send(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("the terminal takes it");
    }

    /// Reads until a text comes; what was before it is forgotten.
    fn expect(&mut self, text: &str) {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(at) = self.seen.find(text) {
                self.passed = self.seen.drain(..at + text.len()).collect();
                return;
            }
            assert!(Instant::now() < end, "`{text}` never came: {:?}", self.seen);
            let mut buffer = [0; 4096];
            match self.master.read(&mut buffer) {
                Ok(count) if count > 0 => self.seen += &String::from_utf8_lossy(&buffer[..count]),
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// The command's own output, which the echo of what was typed does not look like.
    fn run(&mut self, line: &str, answer: &str) {
        self.send(&format!("{line}\n"));
        self.expect("\n");
        self.expect(answer);
    }

    /// The command under test ends, with this status.
    fn ends_with(&mut self, code: i32) {
        let Some(status) = wait(&mut self.child, Duration::from_secs(10)) else {
            let about = |pid| format!("{pid} {} {}", status(pid, "Name"), status(pid, "State"));
            let pid = self.child.id();
            let below: Vec<_> = children(pid).into_iter().map(about).collect();
            panic!(
                "still there: {}, {below:?}, foreground {}: {:?}",
                about(pid),
                self.foreground(),
                self.seen
            );
        };
        assert_eq!(status.code(), Some(code));
    }

    fn foreground(&self) -> i32 {
        // SAFETY: no pointers.
        unsafe { libc::tcgetpgrp(self.master.as_raw_fd()) }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_job_stops_continues_and_is_interrupted() {
    let mut terminal = Terminal::shell();
    terminal.run("\"$S\" exec --init -- sh -c 'echo be\"gun\"; cat; :'", "begun");
    terminal.run("one", "one");
    for _ in 0..3 {
        terminal.send("\x1a");
        terminal.expect("Stopped");
        terminal.expect("$ ");
        terminal.run("echo pro\"mpt\"", "prompt");
        terminal.expect("$ ");
        terminal.run("fg", "exec --init");
        terminal.run("two", "two");
    }
    terminal.send("\x03");
    terminal.expect("$ ");
    terminal.run("echo \"st=$?\"", "st=130");
}

#[test]
fn a_background_job_leaves_the_foreground_alone() {
    let mut terminal = Terminal::shell();
    let shell = terminal.foreground();
    terminal.run("\"$S\" exec --init -- sleep 100 &", "$ ");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(terminal.foreground(), shell);
    terminal.run("echo still-\"here\"", "still-here");
    terminal.run("kill %1; wait %1; echo \"st=$?\"", "st=143");
    // One that reads stops, and reads on in the foreground.
    terminal.run("\"$S\" exec --init -- head -n 1 &", "$ ");
    std::thread::sleep(Duration::from_millis(300));
    terminal.run("echo se\"en\"", "seen");
    terminal.run("fg", "exec --init");
    terminal.run("li\"ne", "li\"ne");
    terminal.run("echo \"st=$?\"", "st=0");
}

#[test]
fn the_rest_of_a_script_can_read_again() {
    let mut terminal = Terminal::shell();
    terminal.run("sh -c '\"$S\" exec --init -- true; read x; echo \"got-$x\"'", "");
    terminal.run("word", "got-word");
    terminal.run("echo \"st=$?\"", "st=0");
}

#[test]
fn in_a_pipeline_whoever_reads_the_terminal_can() {
    let mut terminal = Terminal::shell();
    terminal.run(
        "\"$S\" exec --init -- sleep 1 | sh -c 'read x < /dev/tty; echo \"got-$x\"'",
        "",
    );
    terminal.run("word", "got-word");
    terminal.run(
        "echo x | \"$S\" exec --init -- sh -c 'read y < /dev/tty; echo \"have-$y\"'",
        "",
    );
    terminal.run("more", "have-more");
    terminal.run("echo \"st=$?\"", "st=0");
}

#[test]
fn leading_the_session_nothing_freezes() {
    // As PID 1 of a container with a terminal: nobody could wake it after Ctrl-Z.
    for group in [&["--init"][..], &["--init", "--group"]] {
        let mut command = exec(group);
        command.args(["--", "sh", "-c", "echo be\"gun\"; while read x; do echo \"<$x>\"; done"]);
        let mut terminal = Terminal::start(command);
        terminal.expect("begun");
        terminal.run("one", "<one>");
        terminal.send("\x1a");
        std::thread::sleep(Duration::from_millis(200));
        terminal.run("two", "<two>");
        terminal.send("\x03");
        terminal.ends_with(130);
    }
}

#[test]
fn what_the_terminal_sends_comes_once() {
    let mut command = exec(&["--init", "--", "bash", "-c"]);
    command.arg("trap 'echo got-it' INT; echo be\"gun\"; for i in 1 2 3 4 5 6; do sleep 0.1; done; echo en\"ded\"");
    let mut terminal = Terminal::start(command);
    terminal.expect("begun");
    std::thread::sleep(Duration::from_millis(150));
    terminal.send("\x03");
    terminal.expect("got-it");
    terminal.expect("ended");
    assert!(!terminal.passed.contains("got-it"), "twice: {}", terminal.passed);
    terminal.ends_with(0);
}

#[test]
fn a_shell_has_job_control() {
    let mut terminal = Terminal::start({
        let mut command = exec(&["--init", "--", "bash", "--norc", "--noprofile", "--noediting", "-i"]);
        command.env("PS1", "$ ").env("HOME", "/nonexistent");
        command
    });
    terminal.expect("$ ");
    terminal.run("echo \"flags=$-\"", "m");
    terminal.run("sleep 100", "");
    std::thread::sleep(Duration::from_millis(200));
    terminal.send("\x1a");
    terminal.expect("Stopped");
    // bash throws away what was typed before its prompt is back.
    terminal.expect("$ ");
    terminal.run("kill -9 %1; sleep 0.5; exit 5", "");
    terminal.ends_with(5);
}

#[test]
fn giving_up_the_terminal_hangs_nobody_up() {
    // As dumb-init does it: the kernel's SIGHUP and SIGCONT on leaving the terminal are not for the program.
    let name = crate::support::directory("names").join("dumb-init");
    std::fs::copy(binary(), &name).expect("a copy");
    let mut command = Command::new(&name);
    command.args([
        "sh",
        "-c",
        "trap 'echo hung-up; exit 1' HUP; echo be\"gun\"; sleep 1; echo en\"ded\"",
    ]);
    let mut terminal = Terminal::start(command);
    terminal.expect("begun");
    terminal.expect("ended");
    terminal.ends_with(0);
}
