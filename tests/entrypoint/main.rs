//! `runup exec` in real containers and as the first process of a real machine: what was read, set and refused, and what the
//! program sees, asserted from inside it.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, missing_docs, reason = "tests look for themselves")]

mod examples;
mod machine;
mod matrix;
mod profiles;
mod roots;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use support::podman::{binary, image, run};

/// An image with runup and a static shell, and nothing else.
pub const IMAGE: &str = "localhost/runup-entrypoint";

/// A static shell with its tools.
pub fn busybox() -> Option<PathBuf> {
    let found = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists());
    support::needs("the entrypoint's containers need a static busybox", found.is_some());
    found
}

pub fn ready() -> bool {
    static READY: OnceLock<bool> = OnceLock::new();
    *READY.get_or_init(|| {
        let (Some(binary), Some(busybox)) = (binary(), busybox()) else {
            return false;
        };
        image(IMAGE, &[(&binary, "runup"), (Path::new(&busybox), "busybox")]);
        true
    })
}

/// What the program says of itself: its status, limits, descriptors, environment.
pub const PROBE: &str = "/busybox cat /proc/self/status; /busybox echo pid $$; /busybox echo nofile $(ulimit -n); /busybox echo hard $(ulimit -H -n); \
                         /busybox echo fds $(/busybox ls /proc/$$/fd | /busybox wc -l); /busybox echo backlog $(/busybox cat /proc/sys/net/core/somaxconn); \
                         /busybox echo home $HOME; /busybox echo given $(/busybox env | /busybox grep -c RUNUP)";

pub struct Seen {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Seen {
    pub fn field(&self, name: &str) -> &str {
        self.out
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_else(|| panic!("no {name}: {}{}", self.out, self.err))
            .trim_start_matches(':')
            .trim()
    }
}

/// Runs a container with flags and words of `exec`, whose program is the probe.
pub fn probe(flags: &[&str], words: &[&str]) -> Seen {
    started(flags, words, &["/busybox", "sh", "-c", PROBE])
}

pub fn started(flags: &[&str], words: &[&str], program: &[&str]) -> Seen {
    let all = [&[IMAGE, "/runup", "exec"], words, &["--"], program].concat();
    container(flags, &all)
}

/// Runs a container with an image and its command.
pub fn container(flags: &[&str], command: &[&str]) -> Seen {
    let (code, out, err) = run(&[&["run", "--rm"], flags, command].concat());
    Seen { code, out, err }
}
