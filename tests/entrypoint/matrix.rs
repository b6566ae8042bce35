//! Every way in which a runtime starts a container, with runup and without: the program must see no difference.

use crate::profiles::BACKLOG;
use crate::support;
use crate::{IMAGE, container, probe, ready, started};

/// Everything that a process can see of how it was started.
const WHOLE: &str = "/busybox cat /proc/$$/status; /busybox sed 's/^/limit /' /proc/$$/limits; \
    for fd in /proc/$$/fd/*; do /busybox echo fd ${fd##*/} $(/busybox readlink $fd | /busybox sed 's/[0-9]*//g'); done; \
    /busybox env | /busybox sort | /busybox sed 's/^/env /'; /busybox echo umask $(umask); /busybox echo cwd $(/busybox pwd); \
    /busybox echo oom $(/busybox cat /proc/$$/oom_score_adj); /busybox echo nice $(/busybox cut -d' ' -f19 /proc/$$/stat); \
    /busybox echo session $(/busybox cut -d' ' -f6 /proc/$$/stat); /busybox echo terminal $(/busybox cut -d' ' -f7 /proc/$$/stat); \
    /busybox echo cgroup $(/busybox cat /proc/$$/cgroup); for n in net ipc uts mnt pid user; do /busybox readlink /proc/$$/ns/$n | /busybox sed 's/:.*//'; done";

/// Lines that differ from one process to the next by themselves.
const MOVING: [&str; 18] = [
    "Name",
    "Vm",
    "Rss",
    "HugetlbPages",
    "voluntary",
    "nonvoluntary",
    "SigQ",
    "Threads",
    "FDSize",
    "State",
    "THP",
    "Core",
    "untag",
    "x86",
    "Cpus",
    "Mems",
    "Speculation",
    "NSsid",
];

/// The same of a supervised program, which is another process.
const OTHER_PROCESS: [&str; 7] = ["Tgid", "Pid", "PPid", "NStgid", "NSpid", "NSpgid", "session"];

fn lines(text: &str, init: bool) -> Vec<&str> {
    text.lines()
        .filter(|line| !MOVING.iter().any(|name| line.starts_with(name)))
        .filter(|line| !init || !OTHER_PROCESS.iter().any(|name| line.starts_with(name)))
        .collect()
}

const CELLS: [&[&str]; 15] = [
    &[],
    &["--privileged"],
    &["--sysctl", "net.core.somaxconn=5000"],
    &["--ulimit", "nofile=500:600", "--ulimit", "core=0:0"],
    &["--user", "1000:2000"],
    &["--user", "1000:2000", "--group-add", "3000", "--group-add", "4000"],
    &["--cap-drop=ALL"],
    &["--cap-drop=ALL", "--cap-add=NET_BIND_SERVICE", "--user", "1000"],
    &["--read-only"],
    &["--init"],
    &["--tty"],
    &["--network=host"],
    &["--ipc=host", "--uts=host"],
    &["--security-opt=no-new-privileges", "--security-opt=seccomp=unconfined"],
    &[
        "--workdir",
        "/proc",
        "--umask",
        "0077",
        "--env",
        "A=b c",
        "--env",
        "EMPTY=",
    ],
];

#[test]
#[ignore = "needs root, podman and a static build"]
fn the_program_sees_no_difference() {
    if !ready() {
        return;
    }
    for cell in CELLS {
        let mut flags = vec!["--env", "HOSTNAME=here"];
        if !cell.contains(&"--uts=host") {
            flags.extend(["--hostname", "here"]);
        }
        flags.extend(cell);
        let bare = container(&flags, &[IMAGE, "/busybox", "sh", "-c", WHOLE]);
        assert_eq!(bare.code, 0, "{cell:?}: {}", bare.err);
        assert!(lines(&bare.out, true).len() > 40, "{cell:?}: {}", bare.out);
        for words in [&[][..], &["--init", "--quiet"]] {
            let seen = started(&flags, words, &["/busybox", "sh", "-c", WHOLE]);
            assert_eq!(
                (seen.code, seen.err.as_str()),
                (0, ""),
                "{cell:?} {words:?}: {}",
                seen.out
            );
            let init = !words.is_empty();
            assert_eq!(lines(&seen.out, init), lines(&bare.out, init), "{cell:?} {words:?}");
        }
    }
}

/// A rule that only a runtime or privilege can satisfy, in each cell: started with the value, or refused with the right words.
#[test]
#[ignore = "needs root, podman and a static build"]
fn each_cell_is_fixed_or_refused_as_it_can_be() {
    if !ready() {
        return;
    }
    let host = support::text_of("/proc/sys/net/core/somaxconn");
    let given = "net.core.somaxconn=30000";
    let cells: [(&[&str], Result<(), &str>); 13] = [
        (&[], Err("podman run --sysctl net.core.somaxconn=30000")),
        (&["--privileged"], Ok(())),
        (&["--privileged", "--read-only"], Ok(())),
        (&["--privileged", "--init"], Ok(())),
        (&["--sysctl", given], Ok(())),
        (
            &["--sysctl", given, "--user", "1000", "--cap-drop=ALL", "--read-only"],
            Ok(()),
        ),
        (
            &["--ulimit", "nofile=500:600"],
            Err("podman run --sysctl net.core.somaxconn=30000"),
        ),
        (&["--user", "1000"], Err("podman run --sysctl net.core.somaxconn=30000")),
        (&["--privileged", "--user", "1000"], Err("net.core.somaxconn=30000")),
        (&["--cap-drop=ALL"], Err("podman run --sysctl net.core.somaxconn=30000")),
        (&["--read-only"], Err("podman run --sysctl net.core.somaxconn=30000")),
        (&["--init"], Err("podman run --sysctl net.core.somaxconn=30000")),
        (&["--network=host"], Err("on the host")),
    ];
    for (flags, wanted) in cells {
        let seen = probe(flags, &BACKLOG);
        match wanted {
            Ok(()) => assert_eq!(
                (seen.code, seen.field("backlog ")),
                (0, "30000"),
                "{flags:?}: {}",
                seen.err
            ),
            Err(part) => {
                assert_eq!((seen.code, seen.out.as_str()), (78, ""), "{flags:?}: {}", seen.err);
                assert!(seen.err.contains(part), "{flags:?}: {}", seen.err);
                assert!(
                    seen.err.lines().count() <= 24,
                    "more than a screen, {flags:?}: {}",
                    seen.err
                );
            }
        }
    }
    // On a terminal everything comes out of one end.
    let refused = probe(&["--tty"], &BACKLOG);
    assert_eq!(refused.code, 78, "{}", refused.out);
    assert!(refused.out.contains("podman run --sysctl"), "{}", refused.out);
    assert_eq!(support::text_of("/proc/sys/net/core/somaxconn"), host);
}

/// A container that is started again in the same network namespace finds its value there.
#[test]
#[ignore = "needs root, podman and a static build"]
fn started_again_it_changes_nothing() {
    if !ready() {
        return;
    }
    let name = format!("runup-again-{}", std::process::id());
    let ip = |words: &[&str]| {
        std::process::Command::new("ip")
            .args(words)
            .status()
            .is_ok_and(|status| status.success())
    };
    assert!(ip(&["netns", "add", &name]), "iproute2 and root make a namespace");
    let network = format!("--network=ns:/run/netns/{name}");
    let flags = ["--privileged", network.as_str()];
    let words = ["--verbose", BACKLOG[0], BACKLOG[1], BACKLOG[2], BACKLOG[3], BACKLOG[4]];
    let (first, second) = (probe(&flags, &words), probe(&flags, &words));
    assert!(ip(&["netns", "del", &name]));
    assert_eq!((first.code, first.field("backlog ")), (0, "30000"), "{}", first.err);
    assert!(first.err.contains("set net.core.somaxconn"), "{}", first.err);
    assert_eq!((second.code, second.field("backlog ")), (0, "30000"), "{}", second.err);
    assert!(!second.err.contains("set net.core.somaxconn"), "{}", second.err);
}
