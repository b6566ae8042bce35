//! Starting the entrypoint under test.
#![allow(unsafe_code)]

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// The binary under test: `RUNUP_SHIM_BINARY`, else the command.
pub fn binary() -> PathBuf {
    std::env::var_os("RUNUP_SHIM_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_runup").into(), PathBuf::from)
}

/// `runup exec WORDS...` with none of this machine's `RUNUP_*`.
pub fn exec(words: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"RUNUP_")) {
        command.env_remove(name);
    }
    command.arg("exec").args(words);
    command
}

/// The same, starting this binary as a probe.
pub fn exec_probe(words: &[&str], probe: &str) -> Command {
    let mut command = exec(words);
    command
        .arg("--")
        .arg(std::env::current_exe().expect("this test has a path"));
    command.env("PROBE", probe);
    command
}

/// Runs to the end, and gives what was printed.
pub fn output(command: &mut Command) -> (Output, String, String) {
    // A copy that was just written is busy while another test's child, forked meanwhile, has not closed what it inherited.
    let output = loop {
        match command.stdin(Stdio::null()).output() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            other => break other.expect("the binary starts"),
        }
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

/// The field of a probe's `name: value` lines.
pub fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim()
}

/// Waits for a child, at most so long.
pub fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("our child") {
            return Some(status);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a signal.
pub fn kill(process: u32, signal: i32) {
    // SAFETY: no pointers.
    unsafe { libc::kill(i32::try_from(process).expect("a pid"), signal) };
}

/// What some tests need, which are ignored by default and never pass without having run.
pub fn needs_root() {
    // SAFETY: no precondition.
    let is_root = unsafe { libc::geteuid() } == 0;
    assert!(is_root, "this test was asked for (--include-ignored) and needs root");
}

/// A directory of its own for a test.
pub fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("runup-shim-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).expect("a temporary directory");
    path
}

/// Writes a file with a mode.
#[allow(clippy::disallowed_methods, reason = "the test's own files")]
pub fn file(path: &std::path::Path, text: &[u8], mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).expect("a temporary file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our file");
}

/// A line of `/proc/PID/status`; empty when the process is gone.
#[allow(clippy::disallowed_methods, reason = "looks at the processes under test")]
pub fn status(process: u32, name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim().to_owned()
}

/// The children of a process.
#[allow(clippy::disallowed_methods, reason = "looks at the processes under test")]
pub fn children(process: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
