//! Logins through the real pam_limits of Debian, on a machine of their own: with limits that were written without the room for
//! them a login loses its limit; with what `apply --persist` writes, read again at a boot, it gets it.
//!
//! Needs `RUNUP_DEBIAN_TREE`, which `tests/support/debian-tree` makes, and what the tests of the laptop need.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::path::Path;
use std::process::Command;

use support::{directory, done, finding, is_root, needs, podman, tool};

/// Copies su(1) and the modules of PAM that it loads, with their libraries, out of the tree. The shell of the machine has a su of
/// its own in /bin.
const COPY: &str = r#"
set -eu
cd "$1"
modules=lib/x86_64-linux-gnu/security
files=$(for name in rootok env mail limits unix deny permit; do echo "/$modules/pam_$name.so"; done)
for file in /bin/su $files; do
  for needed in "$file" $(chroot . ldd "$file" | grep -o '/[^ ]*'); do cp -L --parents ".$needed" "$2"; done
done
mkdir -p "$2/usr/bin"
mv "$2/bin/su" "$2/usr/bin/su"
cp -rL --parents etc/pam.d etc/login.defs "$2"
"#;

/// What the machine does. `boot` stands for one: the kernel's own value, and the files over it.
const SCRIPT: &str = r#"
export PATH=/bin
printf 'root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\n' > /etc/passwd
printf 'root:x:0:\nann:x:1000:\n' > /etc/group
printf 'root:*:19000::::::\nann:*:19000::::::\n' > /etc/shadow
mkdir -p /etc/security/limits.d /etc/default /etc/sysctl.d
# What starts this machine reads nothing; `boot` does, and stands for what would.
mkdir -p /run/systemd/system
touch /etc/environment /etc/default/locale /etc/security/pam_env.conf /etc/security/limits.conf
login() { for user in ann root; do echo "$user $(/usr/bin/su -s /bin/sh $user -c 'ulimit -Sn; ulimit -Hn' | tr '\n' ' ')"; done; }
boot() { sysctl -qw fs.nr_open=1048576; for file in /etc/sysctl.d/*.conf; do [ ! -e "$file" ] || sysctl -qp "$file"; done; }
old=/etc/security/limits.d/60-old.conf
written() { echo "$1" > $old; echo "@@ $2"; login; rm $old; }
written '' untouched
written '* - nofile 2097152
root - nofile 2097152' above
written '* soft nofile 2097152' soft
written '* - nofile unlimited' unlimited
written '* hard NOFILE 7000k more' words
written '1000: - nofile 6000' range
written 'ann -
* - nofile 6000' freed
echo '* - nofile 2097152' > $old
echo "@@ report before"; subject check default --only logins --format json
rm $old
echo "@@ applied"; subject apply /p.toml --persist --allow risky --yes --journal /journal
echo "@@ at once"; login
boot
echo "@@ after a boot"; login
echo "@@ report after"; subject check default --only logins --format json
echo "@@ end"
"#;

const PROFILE: &str = "[[rule]]\nid = \"files\"\nrlimit = { resource = \"nofile\", soft = { min = 2097152 } }\n";

#[test]
#[ignore = "needs root, podman, a static build, the emulated machine and a Debian tree"]
fn a_login_gets_its_limit_with_the_room_for_it_and_loses_it_without() {
    let (tree, machine, binary) = (tool("RUNUP_DEBIAN_TREE"), tool("RUNUP_LAPTOP_VM"), podman::binary());
    let possible = tree.is_some() && machine.is_some() && binary.is_some() && is_root();
    needs(
        "logins on a machine need RUNUP_DEBIAN_TREE, RUNUP_LAPTOP_VM and what containers need",
        possible,
    );
    let (tree, machine, binary) = (
        tree.expect("checked"),
        machine.expect("checked"),
        binary.expect("checked"),
    );
    let files = directory(&[("script", SCRIPT), ("p.toml", PROFILE), ("copied/none", "")]);
    let at = |name: &str| files.path().join(name);
    let copied = Command::new("sh")
        .args(["-c", COPY, "sh"])
        .arg(&tree)
        .arg(at("copied"))
        .output();
    let copied = done(copied.expect("sh"));
    assert_eq!(copied.code, 0, "{}", copied.err);
    let pair = |from: &Path, to: &str| format!("{}:/{to}", from.display());
    let mut brought: Vec<String> = ["usr", "lib", "lib64", "etc/pam.d", "etc/login.defs"]
        .iter()
        .map(|name| pair(&at("copied").join(name), name))
        .collect();
    brought.extend(["script", "p.toml"].iter().map(|name| pair(&at(name), name)));
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
    let given = |name: &str| {
        section(name)
            .lines()
            .map(|line| line.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let outcome = |name: &str| {
        let said = section(name);
        let (start, end) = (said.find('{').expect("a report"), said.rfind('}').expect("a report"));
        finding(&said[start..=end], "logins")["outcome"].clone()
    };

    // What pam_limits makes of lines: nothing of what the kernel refuses, and the rest as it is read here.
    let lost = ["ann 1024 4096", "root 1024 4096"];
    assert_eq!(given("untouched"), lost, "{out}");
    assert_eq!(given("above"), lost, "{out}");
    assert_eq!(given("soft")[0], "ann 4096 4096", "{out}");
    assert_eq!(given("unlimited")[0], "ann 1048576 1048576", "{out}");
    assert_eq!(given("words")[0], "ann 1024 7000", "{out}");
    assert_eq!(given("range")[0], "ann 6000 6000", "{out}");
    assert_eq!(given("freed"), lost, "{out}");
    assert_eq!(outcome("report before"), "fail", "{out}");

    let all = ["ann 2097152 2097152", "root 2097152 2097152"];
    assert_eq!(given("at once"), all, "{out}");
    assert_eq!(given("after a boot"), all, "{out}");
    assert_eq!(outcome("report after"), "pass", "{out}");
}
