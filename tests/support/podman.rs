//! Real containers from images that hold nothing but static programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{done, is_root, needs, tool};

/// The static build, where containers can run.
pub fn binary() -> Option<PathBuf> {
    let binary = tool("RUNUP_STATIC").and_then(|path| path.canonicalize().ok());
    let installed = Command::new("podman").arg("--version").output().is_ok();
    let possible = is_root() && installed && binary.is_some();
    needs(
        "containers need root, podman and a static build in RUNUP_STATIC",
        possible,
    );
    binary.filter(|_| possible)
}

/// Makes an image FROM scratch of programs, each at the root by its name.
pub fn image(name: &str, programs: &[(&Path, &str)]) {
    let place = super::directory(&[]);
    for (program, name) in programs {
        std::fs::copy(program, place.path().join(name)).expect("a copy");
    }
    let tar = place.path().join("image.tar");
    let names = programs.iter().map(|(_, name)| *name);
    let status = Command::new("tar")
        .arg("-cf")
        .arg(&tar)
        .arg("-C")
        .arg(place.path())
        .args(names)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "tar");
    let imported = run(&["import", "-q", tar.to_str().expect("UTF-8"), name]);
    assert_eq!(imported.0, 0, "{}", imported.2);
}

/// podman: its exit code, output and messages.
pub fn run(words: &[&str]) -> (i32, String, String) {
    let mut command = match tool("RUNUP_WITH_CONTAINERS") {
        Some(wrapper) => {
            let mut command = Command::new(wrapper);
            command.arg("podman");
            command
        }
        None => Command::new("podman"),
    };
    let done = done(command.args(words).output().expect("podman starts"));
    (done.code, done.out, done.err)
}
