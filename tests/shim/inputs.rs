//! Bad input: each has its exit status and a message that says what to do, and nothing is half done.
#![allow(unsafe_code)]

use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use crate::support::{directory, exec, exec_probe, field, file, output};

/// Both ways, with the status and a part of the message.
fn refused(words: &[&str], prepare: impl Fn(&mut Command), code: i32, part: &str) {
    for init in [false, true] {
        let mut all = if init { vec!["--init"] } else { vec![] };
        all.extend(words);
        let mut command = exec(&all);
        prepare(&mut command);
        let (result, out, err) = output(&mut command);
        assert_eq!(result.status.code(), Some(code), "{all:?}: {err}");
        assert!(err.contains(part) && err.starts_with("runup: "), "{all:?}: {err}");
        assert_eq!(out, "");
    }
}

#[test]
fn commands_that_are_not_there() {
    refused(&["--", "no-such-command"], |_| {}, 127, "PATH");
    refused(&["--", "/no/such/command"], |_| {}, 127, "no such file");
    refused(&["--", "/etc/passwd/x"], |_| {}, 127, "not a directory");
    refused(&["--", ""], |_| {}, 127, "empty");
    refused(
        &["--", "./sh"],
        |command| {
            let _ = command.env("PATH", "/bin");
        },
        127,
        "working directory",
    );
    refused(
        &["--", "sh", "-c", "exit 3"],
        |command| {
            let _ = command.env("PATH", "/nonexistent");
        },
        127,
        "/nonexistent",
    );
    let (result, ..) = output(exec(&["--", "sh", "-c", "exit 3"]).env_remove("PATH"));
    assert_eq!(result.status.code(), Some(3), "without PATH there is a default");
}

#[test]
fn files_that_cannot_be_executed() {
    let place = directory("files");
    let path = |name: &str| place.join(name).to_str().expect("UTF-8").to_owned();
    file(&place.join("plain"), b"echo hello\n", 0o755);
    refused(&["--", &path("plain")], |_| {}, 126, "#!/bin/sh");
    file(&place.join("locked"), b"#!/bin/sh\n", 0o644);
    refused(&["--", &path("locked")], |_| {}, 126, "chmod +x");
    refused(
        &["--", "locked"],
        |command| {
            let _ = command.env("PATH", &place);
        },
        126,
        "chmod +x",
    );
    refused(&["--", place.to_str().expect("UTF-8")], |_| {}, 126, "directory");
    file(&place.join("orphaned"), b"#!/no/such/interpreter -x\n", 0o755);
    refused(&["--", &path("orphaned")], |_| {}, 127, "/no/such/interpreter");
    file(&place.join("windows"), b"#!/bin/sh\r\necho\r\n", 0o755);
    refused(&["--", &path("windows")], |_| {}, 127, "line ends");
    file(&place.join("empty"), b"", 0o755);
    refused(&["--", &path("empty")], |_| {}, 126, "empty");
    let mut foreign = [0u8; 128];
    foreign[..4].copy_from_slice(b"\x7fELF");
    file(&place.join("foreign"), &foreign, 0o755);
    refused(&["--", &path("foreign")], |_| {}, 126, "another machine");
    let _ = std::fs::remove_file(place.join("loop"));
    std::os::unix::fs::symlink("loop", place.join("loop")).expect("a link");
    refused(&["--", &path("loop")], |_| {}, 127, "circle");
    // PATH goes on after a file that cannot be executed.
    file(&place.join("sh"), b"", 0o644);
    let (result, ..) = output(exec(&["--", "sh", "-c", "exit 3"]).env("PATH", format!("{}:/bin", place.display())));
    assert_eq!(result.status.code(), Some(3));
}

#[test]
fn too_many_arguments() {
    use std::os::unix::process::CommandExt;
    // More than a quarter of the stack limit: of the one in force when the program starts, not when runup does.
    let long = "x".repeat(100_000);
    for init in [&[][..], &["--init"]] {
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -S -s 8192; exec \"$0\" \"$@\""])
            .arg(crate::support::binary())
            .arg("exec")
            .args(init);
        command
            .args(["--", "/bin/true"])
            .args(std::iter::repeat_n(&long, 15))
            .env("PADDING", "y".repeat(100_000));
        // SAFETY: only a system call between fork and exec.
        unsafe { command.pre_exec(|| Ok(())) };
        let (result, ..) = output(&mut command);
        assert_eq!(result.status.code(), Some(0));
    }
}

#[test]
fn wrong_options() {
    for (words, part) in [
        (&["true"][..], "there is no `--`"),
        (&[][..], "there is no `--`"),
        (&["--"], "no command"),
        (&["--usr", "x", "--", "true"], "no option `--usr`"),
        (&["--mapexit=1=2", "--", "true"], "did you mean `--map-exit`"),
        (&["--user", "--", "true"], "a value is missing"),
        (&["--grace=soon", "--init", "--", "true"], "not a duration"),
        (&["--grace=1s", "--", "true"], "--init alone"),
        (&["--rewrite=TERM", "--init", "--", "true"], "FROM=TO"),
        (&["--init=perhaps", "--", "true"], "neither 1 nor 0"),
        (&["--pdeathsig=NOPE", "--", "true"], "not a signal"),
        (&["--drop-caps=nothing_such", "--", "true"], "not a capability"),
        (&["--on-fail=maybe", "--", "true"], "refuse"),
        (&["--set=x", "--", "true"], "NAME=VALUE"),
        (&["--user=nobody-here", "--", "true"], "/etc/passwd"),
        (&["--user=root:nothing-here", "--", "true"], "/etc/group"),
    ] {
        let (result, out, err) = output(&mut exec(words));
        assert_eq!(
            (result.status.code(), out.as_str()),
            (Some(125), ""),
            "{words:?}: {err}"
        );
        assert!(err.contains(part), "{words:?}: {err}");
    }
}

#[test]
fn variables_configure_and_wrong_ones_are_errors() {
    let (result, ..) = output(
        exec_probe(&[], "exit 3")
            .env("RUNUP_INIT", "1")
            .env("RUNUP_MAP_EXIT", "3=4 5=6"),
    );
    assert_eq!(result.status.code(), Some(4));
    let (result, ..) = output(
        exec_probe(&["--map-exit", "3=5"], "exit 3")
            .env("RUNUP_INIT", "yes")
            .env("RUNUP_MAP_EXIT", "3=4"),
    );
    assert_eq!(result.status.code(), Some(5), "the command line wins");
    let (result, ..) = output(
        exec_probe(&["--init=no"], "exit 3")
            .env("RUNUP_INIT", "1")
            .env("RUNUP_MAP_EXIT", "3=4"),
    );
    assert_eq!(result.status.code(), Some(3));
    let (result, ..) = output(
        exec_probe(&[], "exit 3")
            .env("RUNUP_PORT", "tcp://10.0.0.1:80")
            .env("RUNUP_USER", ""),
    );
    assert_eq!(result.status.code(), Some(3), "of somebody else, and empty");
    for (name, value) in [
        ("RUNUP_INIT", "2"),
        ("RUNUP_GRACE", "x"),
        ("RUNUP_ON_FAIL", "x"),
        ("RUNUP_REWRITE", "x"),
        ("RUNUP_USER", "nobody-here"),
    ] {
        let (result, _, err) = output(exec_probe(&[], "exit 3").env(name, value));
        assert_eq!(result.status.code(), Some(125), "{name}: {err}");
    }
}

#[test]
fn what_has_no_effect_without_a_profile_is_a_mistake() {
    for words in [
        &["--only", "backlog"][..],
        &["--skip=backlog"],
        &["--set", "connections=10"],
        &["--allow", "risky"],
        &["--on-fail", "refuse"],
        &["--report", "/dev/null"],
        &["--wait=1s"],
    ] {
        let words = [words, &["--", "sh", "-c", "echo started"]].concat();
        let name = words[0].split('=').next().expect("a name");
        refused(&words, |_| {}, 125, &format!("{name} is given and no profile is"));
        refused(&words, |_| {}, 125, "name a profile before `--`");
    }
    for name in ["RUNUP_SET", "RUNUP_ONLY", "RUNUP_SKIP"] {
        let set = |command: &mut Command| {
            let _ = command.env(name, "a=1");
        };
        refused(
            &["--", "sh", "-c", "echo started"],
            set,
            125,
            &format!("{name} is given and no profile is"),
        );
        let (result, out, err) = output(exec(&["--", "sh", "-c", "echo started"]).env(name, ""));
        assert_eq!(
            (result.status.code(), out.as_str(), err.as_str()),
            (Some(0), "started\n", ""),
            "empty"
        );
    }
    // What the image that others build on may say for all of them.
    let policies = |words: &[&str]| {
        let mut command = exec(words);
        command
            .env("RUNUP_ON_FAIL", "warn")
            .env("RUNUP_REPORT", "/nonexistent/report")
            .env("RUNUP_ALLOW", "risky")
            .env("RUNUP_WAIT", "2m");
        output(&mut command)
    };
    let (result, out, err) = policies(&["--", "sh", "-c", "echo started"]);
    assert_eq!((result.status.code(), out.as_str()), (Some(0), "started\n"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    for name in [
        "RUNUP_ON_FAIL",
        "RUNUP_REPORT",
        "RUNUP_ALLOW",
        "RUNUP_WAIT",
        "have no effect",
    ] {
        assert!(err.contains(name), "{name}: {err}");
    }
    let (result, _, err) = policies(&["--quiet", "--", "true"]);
    assert_eq!((result.status.code(), err.as_str()), (Some(0), ""));
}

#[test]
fn mistyped_variables_are_mistakes_and_others_a_line() {
    for (name, meant) in [
        ("RUNUP_PROFILE", "RUNUP_PROFILES"),
        ("RUNUP_PORFILES", "RUNUP_PROFILES"),
        ("RUNUP_ONFAIL", "RUNUP_ON_FAIL"),
        ("RUNUP_ONYL", "RUNUP_ONLY"),
        ("RUNUP_NONEWPRIVS", "RUNUP_NO_NEW_PRIVS"),
    ] {
        let set = |command: &mut Command| {
            let _ = command.env(name, "load-test");
        };
        let words = ["--", "sh", "-c", "echo started"];
        refused(&words, set, 125, &format!("there is no variable `{name}`"));
        refused(&words, set, 125, &format!("did you mean `{meant}`?"));
    }
    let strange = std::ffi::OsStr::from_bytes(b"RUNUP_\xff_DEBUG");
    let (result, out, err) = output(
        exec(&["--", "sh", "-c", "echo started"])
            .env("RUNUP_LOG_LEVEL", "1")
            .env(strange, "1"),
    );
    assert_eq!((result.status.code(), out.as_str()), (Some(0), "started\n"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(
        err.contains("RUNUP_LOG_LEVEL") && err.contains("RUNUP_\\xff_DEBUG"),
        "{err}"
    );
    let mut command = exec(&["--", "sh", "-c", "echo started"]);
    for name in [
        "RUNUP_PORT",
        "RUNUP_PORT_80_TCP_ADDR",
        "RUNUP_SERVICE_HOST",
        "RUNUP_API_SERVICE_HOST",
        "RUNUP_API_PORT_80_TCP",
        "RUNUP_VERSION",
        "RUNUP_DOWNLOAD_URL",
        "RUNUP_HOME",
        "TINI_SUBREAPER",
    ] {
        command.env(name, "1");
    }
    let (result, out, err) = output(&mut command);
    assert_eq!(
        (result.status.code(), out.as_str(), err.as_str()),
        (Some(0), "started\n", "")
    );
}

#[test]
fn limits_are_set_where_seccomp_denies_prlimit() {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    let (result, out, _) = output(command.env("PROBE", "limits"));
    assert_eq!(result.status.code(), Some(0));
    assert_eq!(field(&out, "applied"), "Ok(Finite(77))");
    assert!(field(&out, "nofile").starts_with("77 "), "{out}");
}

#[test]
fn nothing_raw_reaches_the_terminal() {
    refused(&["--", "/no/\x1b[31mred"], |_| {}, 127, "\\u{1b}[31mred");
}
