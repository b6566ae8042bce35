//! The files under `examples/entrypoint`, read by those for whom they are written.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::container;
use crate::support::podman::{binary, run};
use crate::support::{directory, done, needs, tool};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/entrypoint")
        .join(name)
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn the_image_is_built_and_starts_its_program() {
    let Some(runup) = binary() else { return };
    let place = directory(&[]);
    for name in ["Dockerfile", "api.toml"] {
        std::fs::copy(example(name), place.path().join(name)).expect("a copy");
    }
    // runup is a static program, too.
    for name in ["runup", "api"] {
        std::fs::copy(&runup, place.path().join(name)).expect("a copy");
    }
    let image = "localhost/runup-example";
    let built = run(&["build", "-q", "-t", image, place.path().to_str().expect("UTF-8")]);
    assert_eq!(built.0, 0, "{}{}", built.1, built.2);
    let seen = container(&["--ulimit", "nofile=300:5000"], &[image, "/api", "--version"]);
    assert_eq!((seen.code, seen.err.as_str()), (0, ""));
    assert!(seen.out.starts_with("runup "), "{}", seen.out);
    // Rlimits as the profile asks, the user of the ENTRYPOINT, and runup as PID 1 before it.
    let words = [
        image,
        "/api",
        "check",
        "--format",
        "json",
        "/etc/runup/profiles/api.toml",
        "--only",
        "open-files",
    ];
    let seen = container(&["--ulimit", "nofile=300:5000"], &words);
    assert_eq!(
        crate::support::finding(&seen.out, "open-files")["actual"],
        "soft limit 4200",
        "{}",
        seen.out
    );
    let refused = container(&["--ulimit", "nofile=300:3000"], &[image, "/api", "--version"]);
    assert_eq!((refused.code, refused.out.as_str()), (78, ""), "{}", refused.err);
    assert!(
        refused.err.contains("podman run --ulimit nofile=4200:4200"),
        "{}",
        refused.err
    );
    let set = container(
        &["--ulimit", "nofile=300:3000", "--env", "RUNUP_SET=connections=2000"],
        &[image, "/api", "--version"],
    );
    assert_eq!((set.code, set.err.as_str()), (0, ""));
    // Root without what changing the user takes.
    let refused = container(
        &["--ulimit", "nofile=300:5000", "--cap-drop=ALL"],
        &[image, "/api", "--version"],
    );
    assert_eq!(refused.code, 125, "{}", refused.out);
    assert!(refused.err.contains("--cap-add SETUID"), "{}", refused.err);
    let flags = [
        "--ulimit",
        "nofile=300:5000",
        "--cap-drop=ALL",
        "--cap-add=SETUID",
        "--cap-add=SETGID",
        "--read-only",
        "--security-opt=no-new-privileges",
    ];
    let seen = container(&flags, &[image, "/api", "--version"]);
    assert_eq!((seen.code, seen.err.as_str()), (0, ""), "as the pod has it");
}

#[test]
#[ignore = "needs kubernetes-validate"]
fn kubernetes_takes_the_pod() {
    let found = tool("RUNUP_PYTHON_TOOLS")
        .map(|place| place.join("kubernetes-validate"))
        .filter(|path| path.exists());
    needs(
        "the pod needs kubernetes-validate in RUNUP_PYTHON_TOOLS",
        found.is_some(),
    );
    let mut command = Command::new(found.expect("checked"));
    let ran = done(
        command
            .arg("--strict")
            .arg(example("pod.yaml"))
            .output()
            .expect("it starts"),
    );
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_takes_the_unit() {
    let there = Command::new("systemd-analyze").arg("--version").output().is_ok();
    needs("the unit needs systemd-analyze", there);
    // Its programs are not installed here: programs that are stand for them.
    let text = std::fs::read_to_string(example("api.service")).expect("the example");
    let text = text
        .replace("/usr/local/bin/runup", "/bin/true")
        .replace("/usr/local/bin/api", "/bin/true");
    let place = directory(&[("api.service", &text)]);
    let mut command = Command::new("systemd-analyze");
    let ran = done(
        command
            .arg("verify")
            .arg(place.path().join("api.service"))
            .output()
            .expect("it starts"),
    );
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
}
