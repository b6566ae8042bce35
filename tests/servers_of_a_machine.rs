//! Real servers from Debian's packages whose demands are on the whole host: what they complain of or refuse on a machine of their
//! own, `runup check` predicted there, and after `runup apply` they are silent.
//!
//! Needs `RUNUP_DEBIAN_TREE`, which `tests/support/debian-tree` makes, and what the tests of the laptop need.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{done, finding, is_root, needs, podman, tool};

/// Copies servers with their libraries out of the tree.
const COPY: &str = r#"
set -eu
cd "$1"
for program in usr/bin/redis-server usr/lib/postgresql/15/bin/postgres; do
  for file in "/$program" $(chroot . ldd "/$program" | grep -o '/[^ ]*'); do cp -L --parents ".$file" "$2"; done
done
cp -rL --parents usr/share/postgresql/15 usr/share/zoneinfo/Etc usr/lib/postgresql/15/lib/*.so "$2"
"#;

/// What the machine does. Redis switches huge pages off for itself where it is let; PostgreSQL refuses to be root.
const SCRIPT: &str = r#"
export PATH=/bin:/usr/bin
redis='--set disable_thp=false --only background-save --only huge-pages'
redis() { timeout 20 redis-server --port 7777 --disable-thp no --save '' & sleep 8; kill $!; wait $!; }
server='/usr/lib/postgresql/15/bin/postgres -D /data -c huge_pages=on -c shared_buffers=32MB -c listen_addresses=127.0.0.1'
postgres() { su postgres -c "exec timeout 30 $server" & sleep 12; kill $!; wait $!; }
echo 'postgres:x:105:112::/:/bin/sh' > /etc/passwd
chown -R 105:112 /data; chmod 700 /data; mkdir -p /var/run/postgresql; chmod 777 /var/run/postgresql /tmp
mkdir -p /dev/shm; mount -t tmpfs t /dev/shm; chmod 1777 /dev/shm; chmod 666 /dev/null
echo always > /sys/kernel/mm/transparent_hugepage/enabled
echo "@@ redis predicted"; subject check redis $redis --format json
echo "@@ redis complains"; redis 2>&1
echo "@@ redis applied"; subject apply redis $redis --yes
echo "@@ redis agreed"; subject check redis $redis --format json
echo "@@ redis silent"; redis 2>&1
count=$(su postgres -c "$server -C shared_memory_size_in_huge_pages")
postgres="postgresql --set huge_pages=on --set huge_page_count=$count --only huge-pages"
echo "@@ postgres predicted"; subject check $postgres --format json
echo "@@ postgres refuses"; postgres 2>&1
echo "@@ postgres applied"; subject apply $postgres --yes
echo "@@ postgres agreed"; subject check $postgres --format json
echo "@@ postgres starts"; postgres 2>&1
echo "@@ end"
"#;

/// Makes a database, which the server itself would need minutes for in an emulator.
fn database(tree: &Path, data: &Path) {
    let (tree, data) = (format!("{}:O", tree.display()), format!("{}:/data", data.display()));
    let script = "chown postgres /data && exec setpriv --reuid postgres --regid postgres --clear-groups \
                  /usr/lib/postgresql/15/bin/initdb -D /data -E UTF8 --no-sync";
    let (code, out, err) = podman::run(&["run", "--rm", "-v", &data, "--rootfs", &tree, "sh", "-c", script]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
#[ignore = "needs root, podman, a static build, the emulated machine and a Debian tree"]
fn redis_and_postgresql_find_the_machine_as_they_want_it() {
    let (tree, machine, binary) = (tool("RUNUP_DEBIAN_TREE"), tool("RUNUP_LAPTOP_VM"), podman::binary());
    let possible = tree.is_some() && machine.is_some() && binary.is_some() && is_root();
    needs(
        "servers on a machine need RUNUP_DEBIAN_TREE, RUNUP_LAPTOP_VM and what containers need",
        possible,
    );
    let (tree, machine, binary) = (
        tree.expect("checked"),
        machine.expect("checked"),
        binary.expect("checked"),
    );
    let files = support::directory(&[("script", SCRIPT), ("copied/etc/none", ""), ("data/none", "")]);
    let at = |name: &str| files.path().join(name);
    std::fs::remove_file(at("data/none")).expect("an empty directory");
    let copied = Command::new("sh")
        .args(["-c", COPY, "sh"])
        .arg(&tree)
        .arg(at("copied"))
        .output();
    let copied = done(copied.expect("sh"));
    assert_eq!(copied.code, 0, "{}", copied.err);
    database(&tree, &at("data"));

    let brought: Vec<String> = ["usr", "lib", "lib64"]
        .iter()
        .map(|name| format!("{}:/{name}", at("copied").join(name).display()))
        .chain(
            ["script", "data"]
                .iter()
                .map(|name| format!("{}:/{name}", at(name).display())),
        )
        .collect();
    let output = Command::new(machine)
        .env("LAPTOP_FILES", brought.join(" "))
        .arg(binary)
        .args(["exec", "--", "sh", "/script"])
        .output();
    let output = done(output.expect("the machine boots"));
    let out = &output.out;
    let section = |name: &str| {
        let (_, rest) = out
            .split_once(&format!("@@ {name}\n"))
            .unwrap_or_else(|| panic!("{name}: {out}{}", output.err));
        rest.split("@@ ").next().unwrap_or(rest)
    };
    let outcome = |name: &str, rule: &str| -> Value {
        let said = section(name);
        let (start, end) = (said.find('{').expect("a report"), said.rfind('}').expect("a report"));
        finding(&said[start..=end], rule)["outcome"].clone()
    };

    let complaints = [
        "Memory overcommit must be enabled",
        "Transparent Huge Pages (THP) support enabled",
    ];
    for (rule, complaint) in ["background-save", "huge-pages"].iter().zip(complaints) {
        assert_eq!(outcome("redis predicted", rule), "fail", "{out}");
        assert!(section("redis complains").contains(complaint), "{out}");
        assert_eq!(outcome("redis agreed", rule), "pass", "{out}");
        assert!(!section("redis silent").contains(complaint), "{out}");
    }
    assert!(section("redis silent").contains("Ready to accept connections"), "{out}");

    assert_eq!(outcome("postgres predicted", "huge-pages"), "fail", "{out}");
    assert!(
        section("postgres refuses").contains("could not map anonymous shared memory"),
        "{out}"
    );
    assert_eq!(outcome("postgres agreed", "huge-pages"), "pass", "{out}");
    assert!(
        section("postgres starts").contains("database system is ready to accept connections"),
        "{out}"
    );
}
