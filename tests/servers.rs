//! Real servers from Debian's packages: what they complain of or refuse, `runup check` predicted, and after its remedy they are
//! silent.
//!
//! Needs in `RUNUP_DEBIAN_TREE` the directory that `tests/support/debian-tree` makes; each server runs in a container of it, or in
//! a machine of its own where the setting is the whole host's.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::path::PathBuf;

use serde_json::Value;
use support::podman::{binary, run};
use support::{findings, needs, tool};

/// A server that is started too small.
struct Server {
    /// The profile, and parameters that say how the server is configured.
    words: &'static [&'static str],
    /// The subject that the rule is about.
    subject: &'static str,
    /// Flags of the runtime that make it too small.
    flags: &'static [&'static str],
    /// Starts it, and lets it say what it has to say.
    start: &'static str,
    /// A part of what it says.
    complaint: &'static str,
}

/// Makes a database of PostgreSQL, which is what starts it for the first time, too.
const DATABASE: &str = "mkdir /tmp/d; chown postgres /tmp/d; setpriv --reuid postgres --regid postgres --clear-groups \
                        /usr/lib/postgresql/15/bin/initdb -D /tmp/d --no-sync";

const SERVERS: [Server; 8] = [
    Server {
        words: &["redis"],
        subject: "net.core.somaxconn",
        flags: &["--sysctl", "net.core.somaxconn=128"],
        start: "timeout 2 redis-server --port 7777",
        complaint: "The TCP backlog setting of 511 cannot be enforced",
    },
    Server {
        words: &["redis"],
        subject: "nofile",
        flags: &["--ulimit", "nofile=1000:2000"],
        start: "timeout 2 redis-server --port 7777",
        complaint: "You requested maxclients of 10000 requiring at least 10032",
    },
    Server {
        words: &["nginx", "--set", "worker_connections=4000"],
        subject: "nofile",
        flags: &["--ulimit", "nofile=512:512"],
        start: "printf 'error_log stderr warn;\\nevents { worker_connections 4000; }\\nhttp {}\\n' > /tmp/n; timeout 2 nginx -c /tmp/n -g 'daemon off;'",
        complaint: "4000 worker_connections exceed open file resource limit: 512",
    },
    Server {
        words: &["haproxy", "--set", "maxconn=4000"],
        subject: "nofile",
        flags: &["--ulimit", "nofile=1024:1024"],
        start: "printf 'global\\n maxconn 4000\\ndefaults\\n mode http\\n timeout client 1s\\n timeout connect 1s\\n timeout server 1s\\n\
                frontend f\\n bind 127.0.0.1:8081\\n' > /tmp/h; timeout 2 haproxy -db -f /tmp/h",
        complaint: "Cannot raise FD limit to",
    },
    Server {
        words: &["memcached", "--set", "connections=4096"],
        subject: "nofile",
        flags: &["--ulimit", "nofile=512:512"],
        start: "timeout 2 memcached -u nobody -c 4096",
        complaint: "failed to set rlimit for open files",
    },
    Server {
        words: &["etcd", "--set", "clients=100"],
        subject: "nofile",
        flags: &["--ulimit", "nofile=64:64"],
        start: "timeout 2 etcd --data-dir /tmp/e",
        complaint: "file descriptor limit[64] of etcd process is too low",
    },
    // The first start, that of initdb, does not count descriptors.
    Server {
        words: &["postgresql"],
        subject: "nofile",
        flags: &["--ulimit", "nofile=40:40"],
        start: "mkdir /tmp/d; chown postgres /tmp/d; cd /tmp; as='setpriv --reuid postgres --regid postgres --clear-groups'; \
                pg=/usr/lib/postgresql/15/bin; $as $pg/initdb -D /tmp/d --no-sync > /dev/null 2>&1; \
                $as timeout 5 $pg/postgres -D /tmp/d -k /tmp -c listen_addresses=127.0.0.1",
        complaint: "insufficient file descriptors available",
    },
    Server {
        words: &["postgresql", "--set", "max_stack_depth=2MiB"],
        subject: "stack",
        flags: &["--ulimit", "stack=1048576:1048576"],
        start: "mkdir /tmp/d; chown postgres /tmp/d; cd /tmp; as='setpriv --reuid postgres --regid postgres --clear-groups'; \
                pg=/usr/lib/postgresql/15/bin; $as $pg/initdb -D /tmp/d --no-sync; \
                $as timeout 5 $pg/postgres -D /tmp/d -k /tmp -c listen_addresses= -c max_stack_depth=2MB",
        complaint: "\"max_stack_depth\" must not exceed",
    },
];

/// The tree, and the static build, where containers can run.
fn ground() -> Option<(PathBuf, PathBuf)> {
    let binary = binary()?;
    let tree = tool("RUNUP_DEBIAN_TREE");
    needs("servers need a Debian tree in RUNUP_DEBIAN_TREE", tree.is_some());
    Some((tree?, binary))
}

/// Runs a script in a container of the tree, which stays as it is.
fn inside(flags: &[&str], script: &str) -> Option<String> {
    let (tree, binary) = ground()?;
    let mount = format!("{}:/runup:ro", binary.display());
    let root = format!("{}:O", tree.display());
    let words = [
        &["run", "--rm", "-v", &mount],
        flags,
        &["--rootfs", &root, "sh", "-c", script],
    ]
    .concat();
    let (_, out, err) = run(&words);
    Some(out + &err)
}

/// The finding about a subject.
fn about(server: &Server, flags: &[&str]) -> Option<Value> {
    let script = format!("/runup check {} --format json 2> /dev/null", server.words.join(" "));
    let out = inside(flags, &script)?;
    let all = findings(&out);
    let found = all
        .iter()
        .filter(|finding| finding["subject"] == server.subject && finding["outcome"] != "n/a");
    // The one that fails, where several are about it.
    let found: Vec<&Value> = found.collect();
    let failing = found.iter().find(|finding| finding["outcome"] == "fail");
    let chosen = failing.or(found.first());
    Some((*chosen.unwrap_or_else(|| panic!("nothing about {}: {out}", server.subject))).clone())
}

#[test]
#[ignore = "needs root, podman, a static build and a Debian tree"]
fn what_a_server_complains_of_was_predicted_and_the_remedy_silences_it() {
    if ground().is_none() {
        return;
    }
    for server in &SERVERS {
        let name = format!("{} {}", server.words[0], server.subject);
        let said = inside(server.flags, server.start).expect("containers run");
        assert!(said.contains(server.complaint), "{name} does not complain: {said}");
        let finding = about(server, server.flags).expect("containers run");
        assert_eq!(finding["outcome"], "fail", "{name}: {finding:#}");
        let remedy = finding["fix"]["remedies"]["docker"]
            .as_str()
            .unwrap_or_else(|| panic!("{finding:#}"));
        let pasted = remedy
            .trim()
            .trim_start_matches("podman run ")
            .trim_end_matches(" ...")
            .split_whitespace();
        let pasted: Vec<&str> = pasted.collect();
        let finding = about(server, &pasted).expect("containers run");
        assert_eq!(finding["outcome"], "pass", "{name}: {remedy}: {finding:#}");
        let said = inside(&pasted, server.start).expect("containers run");
        assert!(!said.contains(server.complaint), "{name}, after {remedy}: {said}");
    }
}

/// PostgreSQL's first shared memory comes from `/dev/shm`, which is the runtime's to size.
#[test]
#[ignore = "needs root, podman, a static build and a Debian tree"]
fn postgresql_without_shared_memory_does_not_start_as_was_predicted() {
    let complaint = "could not resize shared memory segment";
    for (size, outcome) in [("64k", "fail"), ("128m", "pass")] {
        let flags = ["--shm-size", size];
        let Some(said) = inside(&flags, DATABASE) else { return };
        assert_eq!(said.contains(complaint), outcome == "fail", "{size}: {said}");
        let out = inside(&flags, "/runup check postgresql --format json 2> /dev/null").expect("containers run");
        for rule in ["shared-memory-to-start", "shared-memory"] {
            let found = support::finding(&out, rule);
            assert_eq!(found["outcome"], outcome, "{size}: {found:#}");
        }
        let found = support::finding(&out, "shared-memory-to-start");
        let remedies = found["fix"]["remedies"].to_string();
        assert_eq!(remedies.contains("--shm-size"), outcome == "fail", "{remedies}");
    }
}

/// Who holds a port is seen by root alone: another's is a fault, its own is none, and nobody is accused unseen.
#[test]
#[ignore = "needs root, podman, a static build and a Debian tree"]
fn a_port_is_another_programs_or_its_own() {
    let script = "check='/runup check redis --only port-free --format json'\n\
                  printf 'events {}\\nhttp { server { listen 6379; } }\\n' > /tmp/n; nginx -c /tmp/n\n\
                  echo '@@ held'; $check; echo '@@ refused'; timeout 2 redis-server --save ''\n\
                  echo '@@ hidden'; setpriv --reuid daemon --regid daemon --clear-groups $check\n\
                  nginx -c /tmp/n -s stop; sleep 1; echo '@@ free'; $check\n\
                  redis-server --save '' --daemonize yes > /dev/null; sleep 1; echo '@@ own'; $check\n\
                  echo '@@ end'";
    let Some(said) = inside(&[], script) else { return };
    let section = |name: &str| {
        let rest = said
            .split_once(&format!("@@ {name}\n"))
            .unwrap_or_else(|| panic!("{said}"))
            .1;
        rest.split("@@ ").next().unwrap_or(rest).to_owned()
    };
    let found = |name: &str| support::finding(&section(name), "port-free");
    assert!(section("refused").contains("Address already in use"), "{said}");
    assert_eq!(found("held")["outcome"], "fail", "{said}");
    assert!(
        found("held")["evidence"]
            .to_string()
            .contains("nginx holds tcp port 6379"),
        "{said}"
    );
    assert_eq!(found("hidden")["outcome"], "n/a", "{said}");
    assert_eq!(found("free")["outcome"], "pass", "{said}");
    assert_eq!(found("own")["outcome"], "pass", "{said}");
    assert!(
        found("own")["evidence"].to_string().contains("redis-server holds"),
        "{said}"
    );
}
