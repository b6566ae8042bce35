//! What runup foretells, held against what a real Debian with systemd has after it started with the same files.
//!
//! Needs root, debootstrap, and what else `tools/booted-debian` says.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::path::Path;
use std::process::Command;

use support::{directory, done, finding, is_root, needs};

const RUNUP: &str = env!("CARGO_BIN_EXE_runup");

/// Keys of the network namespace, which the machine in namespaces has for itself, with what the kernel starts with.
const KEYS: [(&str, &str); 6] = [
    ("tcp_fin_timeout", "60"),
    ("tcp_syn_retries", "6"),
    ("tcp_synack_retries", "5"),
    ("tcp_retries2", "15"),
    ("tcp_keepalive_probes", "9"),
    ("ip_default_ttl", "64"),
];

/// The files, put there before it starts. Of Debian 12 a link leads from /etc/sysctl.d to /etc/sysctl.conf, of 13 none does.
const FILES: &str = "
echo net.ipv4.tcp_fin_timeout=33 >>/etc/sysctl.conf
printf 'net.ipv4.tcp_syn_retries = 3\\nnet.ipv4.tcp_retries2 = 7\\n' >/etc/sysctl.d/60-own.conf
printf 'net.ipv4.tcp_syn_retries = 4\\nnet/ipv4/tcp_synack_retries = 2\\n' >/usr/lib/sysctl.d/99-vendor.conf
echo net.ipv4.tcp_keepalive_probes=4 >/usr/lib/sysctl.d/50-masked.conf; ln -s /dev/null /etc/sysctl.d/50-masked.conf
";

/// What the started machine does: its files, and values that no file sets, are looked at as a tree; then what there really is.
const SCRIPT: &str = r"
mkdir -p /view/usr/lib /view/sbin /view/proc/sys/net/ipv4 /view/proc/sys/kernel
cp -a /etc /view/; cp -a /usr/lib/sysctl.d /view/usr/lib/; cp -a /sbin/init /view/sbin/init
echo 6.1.0 >/view/proc/sys/kernel/osrelease
for key in $KEYS; do echo 99 >/view/proc/sys/net/ipv4/$key; done
runup check /p.toml --root /view --format json
echo @@
for key in $KEYS; do echo $key $(cat /proc/sys/net/ipv4/$key); done
";

#[test]
#[ignore = "needs root, debootstrap, and a mirror of Debian the first time"]
fn systemd_makes_of_the_files_what_was_foretold() {
    needs("namespaces need root", is_root());
    let rules = KEYS.map(|(key, _)| {
        format!("[[rule]]\nid = \"{key}\"\nseverity = \"error\"\nsysctl = {{ key = \"net.ipv4.{key}\", eq = 99 }}\n")
    });
    let script = format!("KEYS='{}'\n{SCRIPT}", KEYS.map(|(key, _)| key).join(" "));
    let files = directory(&[("p.toml", &rules.concat()), ("script", &script)]);
    for (suite, reads_last) in [("bookworm", true), ("trixie", false)] {
        let mut boot = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/booted-debian"));
        boot.args(["--suite", suite, "--setup", FILES]);
        boot.args(["--copy", &format!("{RUNUP}:usr/bin/runup")]);
        for file in ["p.toml", "script"] {
            boot.args(["--copy", &format!("{}/{file}:{file}", files.path().display())]);
        }
        boot.args(["--", "sh", "/script"]);
        let ran = done(boot.output().expect("it runs"));
        let (report, values) = ran
            .out
            .split_once("@@")
            .unwrap_or_else(|| panic!("{suite}: {}{}", ran.out, ran.err));
        for (key, start) in KEYS {
            let next = &finding(report, key)["next_boot"];
            let foretold = next["value"].as_str().unwrap_or_default();
            let foretold = foretold.split(' ').next().unwrap_or_default();
            let is = values.lines().find_map(|line| line.strip_prefix(&format!("{key} ")));
            assert_eq!(Some(foretold), is, "{suite}: {key}: {next}");
            // And it is not by chance that they are alike.
            let set = matches!(key, "tcp_syn_retries" | "tcp_synack_retries" | "tcp_retries2")
                || key == "tcp_fin_timeout" && reads_last;
            assert_eq!(is != Some(start), set, "{suite}: {key}");
            assert_eq!(next["fate"] == "undone", set, "{suite}: {key}: {next}");
        }
    }
}
