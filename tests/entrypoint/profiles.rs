//! What profiles add to the start: what is fixed, what is refused, what is said.

use crate::support::{self, podman::run};
use crate::{IMAGE, PROBE, Seen, probe, ready, started};

pub const BACKLOG: [&str; 5] = ["api-server", "--set", "backlog=30000", "--only", "listen-backlog"];

#[test]
#[ignore = "needs root, podman and a static build"]
fn without_a_profile_it_only_becomes_the_program() {
    if !ready() {
        return;
    }
    let bare = {
        let mut all = vec!["run", "--rm", IMAGE];
        all.extend(["/busybox", "sh", "-c", PROBE]);
        let (code, out, err) = run(&all);
        Seen { code, out, err }
    };
    for flags in [
        &[][..],
        &["--read-only"],
        &["--cap-drop=ALL"],
        &["--user", "1000:1000"],
        &["--privileged"],
    ] {
        let seen = probe(flags, &[]);
        assert_eq!(seen.code, 0, "{flags:?}: {}", seen.err);
        assert_eq!(seen.err, "", "{flags:?}");
        for name in [
            "pid ", "nofile ", "hard ", "fds ", "given ", "SigBlk", "SigIgn", "SigCgt",
        ] {
            assert_eq!(seen.field(name), bare.field(name), "{flags:?}: {name}");
        }
    }
    assert_eq!(bare.field("pid "), "1");
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn a_default_container_is_refused_with_what_the_runtime_must_give() {
    if !ready() {
        return;
    }
    let refused = probe(&[], &BACKLOG);
    assert_eq!((refused.code, refused.out.as_str()), (78, ""), "{}", refused.err);
    assert!(
        refused.err.contains("podman run --sysctl net.core.somaxconn=30000"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("value: \"30000\""), "{}", refused.err);
    // What it says, given to the runtime, lets it start.
    let given = probe(&["--sysctl", "net.core.somaxconn=30000"], &BACKLOG);
    assert_eq!((given.code, given.field("backlog ")), (0, "30000"), "{}", given.err);
    assert_eq!(given.err, "");
    let warned = probe(&["-e", "RUNUP_ON_FAIL=warn"], &BACKLOG);
    assert_eq!((warned.code, warned.field("backlog ")), (0, "4096"));
    assert!(warned.err.contains("started all the same"), "{}", warned.err);
    let bad = probe(&["-e", "RUNUP_ON_FAIL=maybe"], &BACKLOG);
    assert_eq!(bad.code, 125, "{}", bad.err);
    // Kubernetes names variables after services.
    assert_eq!(probe(&["-e", "RUNUP_PORT=tcp://10.0.0.1:80"], &[]).code, 0);
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn a_privileged_container_sets_its_own_keys_and_not_the_hosts() {
    if !ready() {
        return;
    }
    let host = support::text_of("/proc/sys/net/core/somaxconn");
    let swappiness = support::text_of("/proc/sys/vm/swappiness");
    for flags in [
        &["--privileged"][..],
        &["--privileged", "--init"],
        &["--privileged", "--tty"],
    ] {
        let seen = probe(flags, &BACKLOG);
        assert_eq!(
            (seen.code, seen.field("backlog ")),
            (0, "30000"),
            "{flags:?}: {}{}",
            seen.out,
            seen.err
        );
    }
    assert_eq!(support::text_of("/proc/sys/net/core/somaxconn"), host);
    // The host's network, and the host's memory, are not this container's own.
    let refused = probe(&["--privileged", "--network=host"], &BACKLOG);
    assert_eq!(refused.code, 78, "{}", refused.out);
    assert!(refused.err.contains("on the host"), "{}", refused.err);
    let files = support::directory(&[(
        "p.toml",
        "[[rule]]\nid = \"swappiness\"\nseverity = \"error\"\nsysctl = { key = \"vm.swappiness\", max = 1 }\n",
    )]);
    let mount = format!("{}:/p.toml", files.path().join("p.toml").display());
    let refused = probe(&["--privileged", "-v", &mount], &["/p.toml"]);
    assert_eq!(refused.code, 78, "{}{}", refused.out, refused.err);
    assert_eq!(support::text_of("/proc/sys/vm/swappiness"), swappiness);
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn limits_go_as_far_as_they_can_and_the_rule_decides() {
    if !ready() {
        return;
    }
    let rule = |severity| {
        format!(
            "[[rule]]\nid = \"files\"\nseverity = \"{severity}\"\nrlimit = {{ resource = \"nofile\", soft = {{ min = 9000 }} }}\n"
        )
    };
    let files = support::directory(&[("error.toml", &rule("error")), ("warning.toml", &rule("warning"))]);
    let mount = |name: &str| format!("{}:/p.toml", files.path().join(name).display());
    let (error, warning) = (mount("error.toml"), mount("warning.toml"));
    let raised = probe(&["--ulimit", "nofile=100:10000", "-v", &error], &["/p.toml"]);
    assert_eq!(
        (raised.code, raised.field("nofile "), raised.field("hard ")),
        (0, "9000", "10000"),
        "{}",
        raised.err
    );
    let refused = probe(&["--ulimit", "nofile=100:5000", "-v", &error], &["/p.toml"]);
    assert_eq!(refused.code, 78, "{}", refused.out);
    assert!(refused.err.contains("--ulimit nofile=9000:9000"), "{}", refused.err);
    let clamped = probe(&["--ulimit", "nofile=100:5000", "-v", &warning], &["/p.toml"]);
    assert_eq!((clamped.code, clamped.field("nofile ")), (0, "5000"), "{}", clamped.err);
    assert!(clamped.err.contains("the hard limit is 5000"), "{}", clamped.err);
    let quiet = probe(
        &["--ulimit", "nofile=100:5000", "-v", &warning],
        &["--quiet", "/p.toml"],
    );
    assert_eq!((quiet.code, quiet.err.as_str()), (0, ""));
    // As another user, who could not have raised anything.
    let other = probe(
        &["--ulimit", "nofile=100:10000", "-v", &error],
        &["--user", "1000:2000", "/p.toml"],
    );
    assert_eq!((other.code, other.field("nofile ")), (0, "9000"), "{}", other.err);
    assert_eq!(other.field("Uid").split_whitespace().next(), Some("1000"));
    assert_eq!(other.field("Gid").split_whitespace().next(), Some("2000"));
    assert_eq!(other.field("CapEff"), "0000000000000000");
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn as_init_it_supervises_and_maps_the_exit() {
    if !ready() {
        return;
    }
    let seen = started(
        &[],
        &["--init"],
        &["/busybox", "sh", "-c", "echo pid $$; (/busybox sleep 0.2 &) ; exit 7"],
    );
    assert_eq!(seen.code, 7, "{}", seen.err);
    assert_ne!(seen.field("pid "), "1");
    let killed = started(&[], &["--init", "--quiet"], &["/busybox", "sh", "-c", "kill -TERM $$"]);
    assert_eq!(killed.code, 143);
    let missing = started(&[], &[], &["/no/such/program"]);
    assert_eq!(missing.code, 127, "{}", missing.err);
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn the_report_is_written_where_it_is_asked_for() {
    if !ready() {
        return;
    }
    let files = support::directory(&[]);
    let mount = format!("{}:/out", files.path().display());
    let seen = probe(
        &["-v", &mount, "--sysctl", "net.core.somaxconn=30000"],
        &[
            "--report",
            "/out/r.json",
            "realtime",
            "--set",
            "backlog=30000",
            "--only",
            "listen-backlog",
        ],
    );
    assert_eq!(seen.code, 0, "{}", seen.err);
    let report = support::text_of(files.path().join("r.json").to_str().expect("UTF-8"));
    assert_eq!(support::finding(&report, "listen-backlog")["outcome"], "pass");
}
