//! The kinds of subject on this machine, against what the kernel and iproute2 say of it.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use support::{finding, is_root, needs, run_in, text_of};

/// The finding of one rule, in the namespaces of this thread.
fn look(subject: &str, options: &[&str]) -> serde_json::Value {
    let text = format!("[[rule]]\nid = \"r\"\n{subject}\n");
    let files = support::directory(&[("p.toml", &text)]);
    let words: Vec<&str> = ["check", "./p.toml", "--format", "json"]
        .into_iter()
        .chain(options.iter().copied())
        .collect();
    finding(&run_in(files.path(), &words).out, "r")
}

/// Runs something in a network namespace of its own, whose loopback is up; what it starts is in there, too.
fn in_network_namespace(what: impl FnOnce() + Send) {
    let possible = is_root() && Command::new("ip").arg("-V").output().is_ok();
    needs("network namespaces need root and iproute2", possible);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
            ip(&["link", "set", "lo", "up"]);
            what();
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn tool(name: &str, words: &[&str]) -> String {
    let output = Command::new(name).args(words).output().expect(name);
    assert!(output.status.success(), "{name} {words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn ip(words: &[&str]) -> String {
    tool("ip", words)
}

#[test]
#[ignore = "needs root and iproute2"]
fn an_accept_queue_that_overflows_is_seen_while_it_does() {
    in_network_namespace(|| {
        tool("sysctl", &["-qw", "net.core.somaxconn=1"]);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let rule = "counter = { name = \"TcpExt.ListenOverflows\", during = { max = 0 } }";
        assert_eq!(look(rule, &[])["outcome"], "pass", "nobody has connected yet");
        // Nobody accepts: two connections wait, and the kernel drops the others.
        let held: Vec<TcpStream> = (0..2)
            .map(|_| TcpStream::connect(address).expect("there is room"))
            .collect();
        let total = |max: u32| {
            look(
                &format!("counter = {{ name = \"TcpExt.ListenOverflows\", total = {{ max = {max} }} }}"),
                &[],
            )
        };
        assert_eq!(total(0)["outcome"], "pass");
        let found = std::thread::scope(|scope| {
            let check = scope.spawn(|| {
                // A thread begins in the namespaces of the one that makes it.
                look(rule, &["--window", "2s"])
            });
            while !check.is_finished() {
                let error = TcpStream::connect_timeout(&address, Duration::from_millis(20)).expect_err("it is full");
                assert!(
                    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock),
                    "{error}"
                );
            }
            check.join().expect("a finding")
        });
        assert_eq!(found["outcome"], "fail", "{found:#}");
        let evidence = found["evidence"].to_string();
        assert!(
            evidence.contains(&format!("port {} at 127.0.0.1", address.port())),
            "{evidence}"
        );
        assert!(
            evidence.contains("backlog is 1") && evidence.contains("somaxconn is 1"),
            "{evidence}"
        );
        assert_eq!(total(0)["outcome"], "fail");
        drop(held);
    });
}

/// Counters that do not move meanwhile are those of the file.
#[test]
fn totals_are_those_of_the_files() {
    let vmstat = text_of("/proc/vmstat");
    let of = |field: &str| {
        let line = vmstat
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{field}")).to_owned()
    };
    let oom = format!("counter = {{ name = \"vmstat.oom_kill\", total = {} }}", of("oom_kill"));
    assert_eq!(look(&oom, &[])["outcome"], "pass");
    let squeezed: u64 = text_of("/proc/net/softnet_stat")
        .lines()
        .filter_map(|line| u64::from_str_radix(line.split_whitespace().nth(2)?, 16).ok())
        .sum();
    let found = look(
        &format!("counter = {{ name = \"softnet.squeezed\", total = {{ min = {squeezed} }} }}"),
        &[],
    );
    assert_eq!(found["outcome"], "pass", "{found:#}");
    // Every field of the kernel's own tables can be asked for.
    for file in ["/proc/net/netstat", "/proc/net/snmp"] {
        let text = text_of(file);
        let names = text.lines().step_by(2);
        for (protocol, field) in names.filter_map(|line| {
            let (protocol, fields) = line.split_once(": ")?;
            Some((protocol, fields.split(' ').next_back()?))
        }) {
            let found = look(
                &format!("counter = {{ name = \"{protocol}.{field}\", total = {{ min = 0 }} }}"),
                &[],
            );
            assert_eq!(found["outcome"], "pass", "{found:#}");
        }
    }
}

/// What the finding of a subject says of one metric.
fn value(subject: &str) -> String {
    let found = look(subject, &[]);
    let actual = found["actual"].as_str().expect("a text").to_owned();
    let mut words = actual.split(' ');
    let number = words.find(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
    number.unwrap_or(&actual).to_owned()
}

#[test]
fn limits_and_use_are_those_of_the_files() {
    let limits = [
        ("files", "/proc/sys/fs/file-max"),
        ("aio", "/proc/sys/fs/aio-max-nr"),
        ("threads", "/proc/sys/kernel/threads-max"),
        ("pids", "/proc/sys/kernel/pid_max"),
        ("time-wait", "/proc/sys/net/ipv4/tcp_max_tw_buckets"),
    ];
    for (of, path) in limits {
        let limit = value(&format!("usage = {{ of = \"{of}\", limit = {{ min = 0 }} }}"));
        assert_eq!(limit, text_of(path), "{of}");
    }
    assert_eq!(
        value("usage = { of = \"aio\", used = { min = 0 } }"),
        text_of("/proc/sys/fs/aio-nr")
    );
    let of = ["keys", "key-bytes", "files", "threads", "pids", "time-wait"];
    for of in of {
        let found = look(
            &format!("usage = {{ of = \"{of}\", share = {{ max = \"100%\" }} }}"),
            &[],
        );
        assert_eq!(found["outcome"], "pass", "{found:#}");
    }
}

#[test]
#[ignore = "needs root and iproute2"]
fn time_wait_and_threads_grow_as_they_are_made() {
    in_network_namespace(|| {
        let rule = "usage = { of = \"time-wait\", used = { max = 0 } }";
        assert_eq!(look(rule, &[])["outcome"], "pass");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (server, _) = listener.accept().expect("a connection");
        // Who closes first keeps the port.
        drop(client);
        drop(server);
        std::thread::sleep(Duration::from_millis(50));
        let found = look(rule, &[]);
        assert_eq!(found["actual"], "1 in use", "{found:#}");
        // The table of neighbours is one for all, and the host alone is told of it.
        let hidden = look("usage = { of = \"neighbours-ipv4\", share = { max = \"80%\" } }", &[]);
        assert_eq!(hidden["outcome"], "unknown", "{hidden:#}");
    });
    let threads = || -> u64 {
        let used = value("usage = { of = \"threads\", used = { min = 0 } }");
        used.parse().expect("a number")
    };
    let before = threads();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
    let made: Vec<_> = (0..200)
        .map(|_| {
            let wait = std::sync::Arc::clone(&wait);
            std::thread::spawn(move || {
                let _ = wait.lock().map(|wait| wait.recv());
            })
        })
        .collect();
    let after = threads();
    drop(go);
    for thread in made {
        thread.join().expect("it ends");
    }
    assert!(after >= before + 150, "{before} and then {after}");
}

/// Runs something in a mount namespace of its own.
fn in_mount_namespace(what: impl FnOnce() + Send) {
    needs("mount namespaces need root", is_root());
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // Threads share their root and working directory, and a namespace has its own.
            unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).expect("a mount namespace");
            tool("mount", &["--make-rprivate", "/"]);
            what();
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
#[ignore = "needs root"]
fn a_tmpfs_has_the_options_that_it_was_mounted_with() {
    in_mount_namespace(|| {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("with space");
        std::fs::create_dir(&path).expect("a directory");
        let path = path.to_str().expect("UTF-8");
        tool("mount", &["-t", "tmpfs", "-o", "size=64k,noexec,noatime", "mine", path]);
        std::os::unix::fs::symlink(path, place.path().join("link")).expect("a link");
        let link = place.path().join("link");
        let link = link.to_str().expect("UTF-8");
        let asked = "type = \"tmpfs\", device = \"mine\", read_only = false, \
                     options = { contains = [\"size=64k\", \"noexec\", \"noatime\"], excludes = [\"nosuid\"] }";
        let found = look(&format!("mount = {{ path = \"{link}\", {asked} }}"), &[]);
        assert_eq!(found["outcome"], "pass", "{found:#}");
        let rule = format!("mount = {{ path = \"{link}\", options = {{ excludes = \"noexec\" }} }}");
        let found = look(&rule, &[]);
        assert_eq!(found["outcome"], "fail", "{found:#}");
        // The command of the remedy makes it pass.
        let remedies = found["fix"]["remedies"].to_string();
        let command = format!("mount -o remount,exec '{path}'");
        assert!(remedies.contains(&command), "{remedies}");
        tool("sh", &["-c", &command]);
        assert_eq!(look(&rule, &[])["outcome"], "pass");
        tool("mount", &["-o", "remount,ro,bind", path]);
        let found = look(
            &format!("mount = {{ path = \"{path}\", read_only = true, options = {{ excludes = \"rw\" }} }}"),
            &[],
        );
        assert_eq!(found["outcome"], "pass", "{found:#}");
        // What is mounted over a directory hides what was mounted below it.
        tool("mount", &["-t", "tmpfs", "over", place.path().to_str().expect("UTF-8")]);
        std::fs::create_dir(path).expect("a directory");
        assert_eq!(
            value(&format!("mount = {{ path = \"{path}\", device = {{ not = \"\" }} }}")),
            "device over"
        );
        tool("umount", &[place.path().to_str().expect("UTF-8")]);
        tool("umount", &[path]);
    });
}

#[test]
#[ignore = "needs a kernel that knows NUMA nodes"]
fn numa_nodes_are_those_of_the_directory() {
    let has_memory = text_of("/sys/devices/system/node/has_memory");
    needs("this kernel knows NUMA nodes", !has_memory.is_empty());
    let nodes = std::fs::read_dir("/sys/devices/system/node")
        .expect("a directory")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            name.strip_prefix("node")
                .is_some_and(|number| number.parse::<u32>().is_ok())
        })
        // A node without memory has a total of 0.
        .filter(|name| {
            !text_of(&format!("/sys/devices/system/node/{name}/meminfo")).contains("MemTotal:              0 kB")
        })
        .count();
    assert_eq!(value("numa = { nodes = { min = 0 } }"), nodes.to_string());
    let found = look("numa = { distance = { min = 10 }, spread = { max = \"100%\" } }", &[]);
    assert_eq!(found["outcome"], "pass", "{found:#}");
}

fn json(text: &str) -> Vec<serde_json::Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Every interface of this namespace against iproute2.
fn compare_with_iproute2() {
    let qdiscs = json(&tool("tc", &["-j", "qdisc"]));
    for link in json(&ip(&["-j", "-s", "link"])) {
        let name = link["ifname"].as_str().expect("a name");
        let up = link["flags"]
            .as_array()
            .is_some_and(|flags| flags.iter().any(|flag| flag == "UP"));
        let mut asked = format!("mtu = {}, transmit_queue = {}", link["mtu"], link["txqlen"]);
        if up {
            let carrier = link["flags"]
                .as_array()
                .is_some_and(|flags| flags.iter().all(|flag| flag != "NO-CARRIER"));
            asked += &format!(", carrier = {carrier}");
        }
        let own: Vec<&serde_json::Value> = qdiscs.iter().filter(|qdisc| qdisc["dev"] == name).collect();
        let below = own.iter().find(|qdisc| qdisc["parent"].is_string());
        let root = own
            .iter()
            .find(|qdisc| qdisc["root"] == true)
            .map(|qdisc| &qdisc["kind"]);
        if let Some(kind) = root {
            let kind = below.filter(|_| kind == "mq").map_or(kind, |below| &below["kind"]);
            asked += &format!(", qdisc = {kind}");
        }
        asked += &format!(", rx_dropped = {{ min = {} }}", link["stats64"]["rx"]["dropped"]);
        let found = look(&format!("interface = {{ name = \"{name}\", {asked} }}"), &[]);
        assert_eq!(found["outcome"], "pass", "{found:#}");
        assert!(!found["evidence"].to_string().contains("does not count"), "{found:#}");
    }
}

#[test]
#[ignore = "needs root and iproute2"]
fn interfaces_are_those_that_iproute2_shows() {
    let there = Command::new("tc").arg("-V").output().is_ok();
    needs("this needs iproute2", there);
    compare_with_iproute2();
}

#[test]
#[ignore = "needs root and iproute2"]
fn interfaces_of_another_namespace_are_its_own() {
    in_network_namespace(|| {
        let made = Command::new("ip")
            .args([
                "link",
                "add",
                "left0",
                "mtu",
                "1234",
                "txqueuelen",
                "77",
                "numtxqueues",
                "4",
                "numrxqueues",
                "2",
            ])
            .args([
                "type",
                "veth",
                "peer",
                "name",
                "right0",
                "numtxqueues",
                "1",
                "numrxqueues",
                "1",
            ])
            .status();
        needs("this kernel has veth", made.is_ok_and(|status| status.success()));
        ip(&["link", "set", "left0", "up"]);
        let of = |asked: &str| look(&format!("interface = {{ name = \"left0\", {asked} }}"), &[]);
        let pass = |asked: &str| {
            let found = of(asked);
            assert_eq!(found["outcome"], "pass", "{found:#}");
            found
        };
        pass("mtu = 1234, transmit_queue = 77, driver = \"veth\", carrier = false, speed = 10000, duplex = \"full\"");
        ip(&["link", "set", "right0", "up"]);
        pass("carrier = true, queues_rx = 2, queues_tx = 4");
        // /sys shows the namespace of whoever mounted it, which has no such interface.
        assert_eq!(of("rps = false")["outcome"], "unknown");
        assert_eq!(of("ring_rx = 1")["outcome"], "n/a");
        tool("tc", &["qdisc", "add", "dev", "left0", "root", "handle", "1:", "mq"]);
        tool("tc", &["qdisc", "replace", "dev", "left0", "parent", "1:1", "pfifo"]);
        pass("qdisc = \"mq\"");
        for queue in ["1:2", "1:3", "1:4"] {
            tool("tc", &["qdisc", "replace", "dev", "left0", "parent", queue, "pfifo"]);
        }
        let found = pass("qdisc = \"pfifo\"");
        assert!(
            found["evidence"]
                .to_string()
                .contains("mq, with pfifo for each of its 4 queues"),
            "{found:#}"
        );
        compare_with_iproute2();
        // The command of a remedy makes the rule pass.
        let found = of("mtu = 1500");
        let command = "ip link set dev left0 mtu 1500";
        assert!(found["fix"]["remedies"].to_string().contains(command), "{found:#}");
        tool("sh", &["-c", command]);
        pass("mtu = 1500");
    });
}

/// The namespace's own /sys tells of queues and of RPS.
#[test]
#[ignore = "needs root and iproute2"]
fn a_sys_of_the_same_namespace_is_believed() {
    in_network_namespace(|| {
        unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        tool("mount", &["--make-rprivate", "/"]);
        tool("mount", &["-t", "sysfs", "sysfs", "/sys"]);
        let found = look(
            "interface = { name = \"lo\", queues_rx = 1, queues_tx = 1, rps = false }",
            &[],
        );
        let has_rps = Path::new("/sys/class/net/lo/queues/rx-0/rps_cpus").exists();
        needs("this kernel has RPS", has_rps);
        assert_eq!(found["outcome"], "pass", "{found:#}");
        std::fs::write("/sys/class/net/lo/queues/rx-0/rps_cpus", "1").expect("a mask");
        let found = look("interface = { name = \"lo\", rps = true }", &[]);
        assert_eq!(found["outcome"], "pass", "{found:#}");
        assert!(
            found["evidence"].to_string().contains("rx-0 hands its packets"),
            "{found:#}"
        );
        tool("umount", &["/sys"]);
    });
}

/// A recording of this machine gives the report that the machine gave.
#[test]
fn a_recording_tells_the_same_of_all_kinds() {
    let rules = r#"
[[rule]]
id = "counter"
counter = { name = "TcpExt.ListenOverflows", during = { max = 1000000 } }
[[rule]]
id = "usage"
usage = { of = "aio", share = { max = "100%" }, limit = { min = 1 } }
[[rule]]
id = "mount"
mount = { path = "/etc", options = { contains = "no-such-option" } }
[[rule]]
id = "numa"
numa = { nodes = { max = 64 }, distance = { max = 254 } }
[[rule]]
id = "interface"
interface = { name = "*", mtu = { min = 100000 }, queues_rx = { min = 1 }, qdisc = { not = "x" } }
"#;
    let files = support::directory(&[("p.toml", rules)]);
    let path = files.path();
    let recorded = run_in(path, &["record", "./p.toml", "--output", "host.json"]);
    assert_eq!(recorded.code, 0, "{}", recorded.err);
    let live = support::findings(&run_in(path, &["check", "./p.toml", "--format", "json"]).out);
    let replayed =
        support::findings(&run_in(path, &["check", "./p.toml", "--host", "host.json", "--format", "json"]).out);
    assert!(live.len() >= 4, "{live:#?}");
    assert_eq!(live, replayed);
}

/// A limit that is too low for what is asked goes the way of every sysctl: applied, and taken back.
#[test]
#[ignore = "needs root and iproute2"]
fn the_limit_of_a_table_is_raised_and_put_back() {
    in_network_namespace(|| {
        let key = "/proc/sys/net/ipv4/tcp_max_tw_buckets";
        let before = text_of(key);
        let rule = "[[rule]]\nid = \"r\"\nusage = { of = \"time-wait\", limit = { min = 300001 } }\n";
        let files = support::directory(&[("p.toml", rule)]);
        // The journal is kept in memory that only this thread sees.
        unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        tool("mount", &["--make-rprivate", "/"]);
        tool("mount", &["-t", "tmpfs", "journal", "/var/lib"]);
        let done = run_in(files.path(), &["apply", "./p.toml", "--yes"]);
        assert_eq!(
            (done.code, text_of(key).as_str()),
            (0, "300001"),
            "{}{}",
            done.out,
            done.err
        );
        let done = run_in(files.path(), &["revert"]);
        assert_eq!((done.code, text_of(key)), (0, before), "{}{}", done.out, done.err);
    });
}
