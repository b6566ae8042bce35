//! What is said against folklore is explained, and never changed: whoever set it may need what it really does.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{clean, directory, done, finding, is_root, needs, run};

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A tree with folklore of each sort, and a profile of one's own beside the built-in rules.
fn tree() -> tempfile::TempDir {
    directory(&[
        ("proc/sys/kernel/osrelease", "5.10.0\n"),
        ("run/systemd/system/.keep", ""),
        ("proc/sys/net/ipv4/tcp_tw_reuse", "1\n"),
        ("proc/sys/net/ipv4/tcp_fin_timeout", "30\n"),
        ("proc/sys/net/ipv4/tcp_low_latency", "1\n"),
        ("proc/sys/net/ipv4/tcp_syncookies", "0\n"),
        ("proc/sys/net/core/somaxconn", "128\n"),
        (
            "own.toml",
            "[[rule]]\nid = \"own\"\nsysctl = { key = \"net.core.somaxconn\", min = 4096 }\nseverity = \"error\"\n\
             advice = \"misunderstood\"\nremedy = \"Raise it.\"\n",
        ),
    ])
}

const EXPLAINED: [&str; 4] = ["tw-reuse", "fin-timeout", "low-latency", "own"];

#[test]
fn it_has_no_fix_in_any_report_and_what_hurts_has() {
    let tree = tree();
    let own = tree.path().join("own.toml");
    let check = |format: &str| {
        let words = [
            "check",
            "default",
            path(&own),
            "--root",
            path(tree.path()),
            "--format",
            format,
        ];
        run(&[&words[..], &["--fail-on", "note"]].concat()).out
    };
    let json = check("json");
    for rule in EXPLAINED {
        let finding = finding(&json, rule);
        assert_eq!(finding["outcome"], "fail", "{finding}");
        assert!(finding["fix"].is_null(), "{finding}");
    }
    assert!(!finding(&json, "syncookies")["fix"].is_null());
    let text = check("text");
    assert!(text.contains("nothing needs to be changed"), "{text}");
    for format in ["text", "junit", "github", "tap"] {
        let said = check(format);
        for written in [
            "tcp_tw_reuse=",
            "tcp_fin_timeout=",
            "tcp_low_latency=",
            "somaxconn=",
            "Raise it.",
        ] {
            assert!(!said.contains(written), "{format}: {written}: {said}");
        }
        assert!(said.contains("tcp_syncookies=1"), "{format}: {said}");
    }
}

#[test]
fn nothing_of_it_is_planned_persisted_or_exported() {
    let tree = tree();
    let own = tree.path().join("own.toml");
    let words = [
        "apply",
        "default",
        path(&own),
        "--root",
        path(tree.path()),
        "--dry-run",
        "--notes",
        "--persist",
    ];
    let plan = run(&words);
    assert!(
        plan.out.contains("net.ipv4.tcp_syncookies\n  - 0\n  + 1\n"),
        "{}{}",
        plan.out,
        plan.err
    );
    assert!(plan.out.contains("+ net.ipv4.tcp_syncookies = 1"), "{}", plan.out);
    let (made, left) = plan.out.split_once("Left as it is:").expect("what is left");
    for key in ["tw_reuse", "fin_timeout", "low_latency", "somaxconn"] {
        assert!(!made.contains(key), "{key}: {made}");
        assert!(left.contains(key), "{key}: {left}");
        assert!(!left.contains(&format!("+ net.ipv4.tcp_{key}")), "{left}");
    }
    let export = run(&["export", "default", path(&own), "--to", "sysctl.d", "--notes"]);
    for key in ["tcp_tw_reuse", "tcp_fin_timeout", "somaxconn"] {
        assert!(
            !export
                .out
                .lines()
                .any(|line| !line.starts_with('#') && line.contains(key)),
            "{}",
            export.out
        );
    }
    for rule in ["default/tw-reuse", "default/fin-timeout", "own/own"] {
        assert!(
            export.err.contains(&format!("left out: {rule} ")),
            "{rule}: {}",
            export.err
        );
    }
    let explained = run(&["explain", "default/tw-reuse"]).out;
    let words: Vec<&str> = explained.split_whitespace().collect();
    assert!(words.join(" ").contains("nothing needs to be changed"), "{explained}");
    assert!(!explained.contains("sysctl -w"), "{explained}");
}

/// A network of its own, as a proxy's machine has it: a thousand local ports, and ports in TIME_WAIT that are taken again.
struct Network(Child);

impl Network {
    fn new() -> Option<Self> {
        const UP: &str = "for tree in vm fs kernel; do mount --bind /proc/sys/$tree /proc/sys/$tree; \
                          mount -o remount,bind,ro /proc/sys/$tree; done; \
                          mount --bind /sys /sys; mount -o remount,bind,ro /sys; \
                          ip link set lo up; ip address add 10.99.0.1/32 dev lo; \
                          sysctl -qw net.ipv4.ip_local_port_range='20000 20999' net.ipv4.tcp_tw_reuse=1 \
                          net.ipv4.tcp_fin_timeout=30; echo ready; exec sleep 1000";
        let unshare = ["--net", "--mount", "--propagation", "private"];
        let tried = Command::new("unshare").args(unshare).arg("true").status();
        needs(
            "a network namespace needs root",
            is_root() && tried.is_ok_and(|it| it.success()),
        );
        let mut child = Command::new("unshare")
            .args(unshare)
            .args(["sh", "-c", UP])
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("a line");
        assert_eq!(line, "ready\n");
        Some(Self(child))
    }

    /// Runs something on a thread that lives in this network.
    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/proc/{}/ns/net", self.0.id())).expect("its namespace");
        let enter = move || {
            nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET).expect("the thread goes there");
            work()
        };
        std::thread::scope(|scope| scope.spawn(enter).join().expect("no panic"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As many upstream connections as the ports go round once and a third, at most three hundred a second, each closed by the proxy,
/// so that its port is in TIME_WAIT. Returns how many there were, and for how many there was no port.
fn connect_upstream(port: u16) -> (usize, usize) {
    const CONNECTIONS: u32 = 1300;
    let upstream = TcpListener::bind(("10.99.0.1", port)).expect("a port");
    std::thread::spawn(move || {
        for stream in upstream.incoming() {
            // Until the proxy closes.
            let _ = stream.and_then(|mut stream| stream.read(&mut [0]));
        }
    });
    let (start, address) = (Instant::now(), SocketAddr::from(([10, 99, 0, 1], port)));
    let (mut connected, mut without_port) = (0, 0);
    for number in 0..CONNECTIONS {
        // A machine that is slow only makes it slower, and the ports longer in TIME_WAIT.
        std::thread::sleep((Duration::from_micros(3333) * number).saturating_sub(start.elapsed()));
        match TcpStream::connect(address) {
            Ok(_) => connected += 1,
            Err(error) if error.raw_os_error() == Some(nix::libc::EADDRNOTAVAIL) => without_port += 1,
            Err(error) => panic!("connection {number}: {error}"),
        }
    }
    (connected, without_port)
}

#[test]
#[ignore = "needs root"]
fn a_proxy_that_takes_ports_again_still_can_after_apply() {
    let Some(network) = Network::new() else { return };
    let before = network.inside(|| connect_upstream(8081));
    assert_eq!(before, (1300, 0));
    let journal = directory(&[]);
    let mut apply = clean(Command::new("nsenter"));
    apply.args([
        "-t",
        &network.0.id().to_string(),
        "-n",
        "-m",
        env!("CARGO_BIN_EXE_runup"),
    ]);
    apply.args([
        "apply",
        "default",
        "--yes",
        "--notes",
        "--journal",
        path(journal.path()),
    ]);
    let applied = done(apply.output().expect("nsenter starts"));
    assert!(applied.code < 2, "{}{}", applied.out, applied.err);
    // The same again, with the notes that are none of folklore made too. Another upstream has no connection to any port yet.
    assert_eq!(network.inside(|| connect_upstream(8082)), before, "{}", applied.out);
}
