//! A real, whole machine with a battery and a charger: Debian's kernel in an emulator, runup as root with every capability.
//!
//! Needs a static build (`tools/build-musl`) and `tools/laptop-vm`, or others that `RUNUP_STATIC` and `RUNUP_LAPTOP_VM` name.
#![cfg(target_os = "linux")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::{finding, findings, needs, tool};

/// Boots the machine, and returns what a check on it said.
fn boot(power: &[&str], setup: &str, words: &[&str]) -> Option<(i32, String)> {
    let (binary, machine) = (tool("RUNUP_STATIC"), tool("RUNUP_LAPTOP_VM"));
    needs(
        "the laptop needs RUNUP_STATIC and RUNUP_LAPTOP_VM",
        binary.is_some() && machine.is_some(),
    );
    let output = Command::new(machine?)
        .args(power)
        .args(["--setup", setup])
        .arg(binary?)
        .args(words)
        .args(["--format", "json"])
        .output()
        .expect("the machine boots");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    // Messages are in the same stream, before or after the report.
    let start = out
        .find('{')
        .unwrap_or_else(|| panic!("{out}{}", String::from_utf8_lossy(&output.stderr)));
    let end = out.rfind('}').unwrap_or(out.len() - 1);
    Some((output.status.code().unwrap_or(-1), out[start..=end].to_owned()))
}

#[test]
#[ignore = "needs the emulated machine and a static build"]
fn on_battery_it_is_not_ready() {
    let Some((code, out)) = boot(
        &["--mains", "0", "--battery", "discharging"],
        ":",
        &["check", "fluentconf"],
    ) else {
        return;
    };
    assert_eq!(code, 1);
    let power = finding(&out, "on-mains");
    assert_eq!(
        (
            power["outcome"].as_str(),
            power["actual"].as_str(),
            power["fix"]["reach"].as_str()
        ),
        (Some("fail"), Some("on battery"), Some("manual"))
    );
    assert!(
        power["evidence"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line.as_str().unwrap().contains("BAT0: discharging")),
        "{power:#}"
    );
    // The hard limit of a machine's first process is 4096, and its root may raise it.
    let files = finding(&out, "open-files");
    assert_eq!(
        (files["outcome"].as_str(), files["fix"]["reach"].as_str()),
        (Some("fail"), Some("here")),
        "{files:#}"
    );
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["host"]["container"], Value::Null);
}

#[test]
#[ignore = "needs the emulated machine and a static build"]
fn on_mains_an_untouched_machine_passes_default() {
    let Some((code, out)) = boot(
        &["--mains", "1", "--battery", "charging"],
        ":",
        &["check", "default", "quiet-machine", "--skip", "quiet-cpu"],
    ) else {
        return;
    };
    assert_eq!(code, 0, "{out}");
    for found in findings(&out) {
        assert!(
            matches!(found["outcome"].as_str(), Some("pass" | "n/a")),
            "a false alarm: {found:#}"
        );
    }
    assert_eq!(finding(&out, "on-mains")["actual"], "on mains");
}

/// With the files of a Debian that nobody touched, and the values that they set at boot.
#[test]
#[ignore = "needs the emulated machine, a static build and a Debian tree"]
fn an_untouched_debian_passes_default() {
    let tree = tool("RUNUP_DEBIAN_TREE");
    needs("Debian's own files need a tree in RUNUP_DEBIAN_TREE", tree.is_some());
    let tree = tree.expect("checked");
    let files: Vec<String> = [
        "etc/sysctl.conf",
        "etc/sysctl.d",
        "etc/security",
        "etc/systemd",
        "etc/os-release",
        "etc/profile",
        "etc/bash.bashrc",
        "etc/fstab",
        "usr/lib/sysctl.d",
        "usr/lib/os-release",
        "usr/lib/systemd/system",
        "usr/lib/systemd/system.conf.d",
        "usr/lib/modules-load.d",
    ]
    .iter()
    .filter(|name| tree.join(name).exists())
    .map(|name| format!("{}:/{name}", tree.join(name).display()))
    .collect();
    let (binary, machine) = (tool("RUNUP_STATIC"), tool("RUNUP_LAPTOP_VM"));
    needs(
        "the laptop needs RUNUP_STATIC and RUNUP_LAPTOP_VM",
        binary.is_some() && machine.is_some(),
    );
    // What systemd-sysctl does at boot.
    let setup = "export NO_COLOR=1; cat /usr/lib/sysctl.d/*.conf /etc/sysctl.d/*.conf /etc/sysctl.conf | grep -v '^[#;]' | while IFS='= ' read -r key value; do \
                 [ -z \"$key\" ] || echo \"$value\" > /proc/sys/$(echo \"${key#-}\" | tr . /); done";
    let output = Command::new(machine.expect("checked"))
        .env("LAPTOP_FILES", files.join(" "))
        .args(["--setup", setup])
        .arg(binary.expect("checked"))
        .args(["check", "default", "-v"])
        .output()
        .expect("the machine boots");
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}");
    for word in ["FAIL", "WARN", "NOTE", "UNKNOWN"] {
        assert!(!out.lines().any(|line| line.starts_with(word)), "a false alarm: {out}");
    }
    assert!(out.contains("Ready: "), "{out}");
}

#[test]
#[ignore = "needs the emulated machine and a static build"]
fn huge_pages_cgroups_and_swap_are_read_as_they_are() {
    let profile = "[[rule]]\nid = \"thp\"\nsysfs = { path = \"kernel/mm/transparent_hugepage/enabled\", eq = \"never\" }\n\
                   [[rule]]\nid = \"defrag\"\nsysfs = { path = \"kernel/mm/transparent_hugepage/defrag\", not = \"always\", prefer = \"madvise\" }\n\
                   [[rule]]\nid = \"pids\"\ncgroup = { pids_max = { max = 50 } }\n\
                   [[rule]]\nid = \"memory\"\ncgroup = { memory_max = 268435456 }\n\
                   [[rule]]\nid = \"ram\"\nmemory = { total = { max = \"256M\" } }\n\
                   [[rule]]\nid = \"swap\"\nmemory = { swap = 0 }\n\
                   [[rule]]\nid = \"version\"\nkernel = { version = { min = \"6.1\" } }\n";
    let setup = format!(
        "printf '%s' '{profile}' > /tmp/p.toml; mkdir /sys/fs/cgroup/c; echo '+memory +pids' > /sys/fs/cgroup/cgroup.subtree_control; \
         mkdir /sys/fs/cgroup/c/d; echo 268435456 > /sys/fs/cgroup/c/memory.max; echo 40 > /sys/fs/cgroup/c/pids.max; \
         echo $$ > /sys/fs/cgroup/c/cgroup.procs; echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"
    );
    let Some((_, out)) = boot(&[], &setup, &["check", "/tmp/p.toml"]) else {
        return;
    };
    let thp = finding(&out, "thp");
    assert_eq!(
        (thp["outcome"].as_str(), thp["actual"].as_str()),
        (Some("fail"), Some("madvise")),
        "{thp:#}"
    );
    assert_eq!(thp["fix"]["reach"], "here");
    assert_eq!(
        (
            thp["fix"]["changes"][0]["from"].as_str(),
            thp["fix"]["changes"][0]["to"].as_str()
        ),
        (Some("madvise"), Some("never"))
    );
    assert!(
        thp["fix"]["remedies"]["persist"]
            .as_str()
            .unwrap()
            .contains("/etc/tmpfiles.d/"),
        "{thp:#}"
    );
    assert_eq!(finding(&out, "pids")["outcome"], "pass");
    assert_eq!(finding(&out, "pids")["actual"], "room for 40 processes and threads");
    assert_eq!(finding(&out, "memory")["outcome"], "pass");
    assert_eq!(
        finding(&out, "ram")["outcome"],
        "pass",
        "the cgroup's limit is the memory that there is"
    );
    assert_eq!(finding(&out, "swap")["outcome"], "pass");
    assert_eq!(finding(&out, "version")["outcome"], "pass");
}

/// What a whole machine is asked to change: descriptors above the hard limit and above `fs.nr_open`, huge pages, swap, SMT.
const CHANGES: &str = r#"
[[rule]]
id = "files"
rlimit = { resource = "nofile", soft = { min = 2000000 } }
[[rule]]
id = "huge-pages"
sysfs = { path = "kernel/mm/transparent_hugepage/enabled", eq = "never" }
[[rule]]
id = "min-free"
sysctl = { key = "vm.min_free_kbytes", min = "60000KiB" }
[[rule]]
id = "dirty"
sysctl = { key = "vm.dirty_bytes", min = "64MiB" }
[[rule]]
id = "swap"
memory = { swap = 0 }
[[rule]]
id = "smt"
cpu = { smt = false }
[[rule]]
id = "clock"
kernel = { version = { min = "5.0" } }
"#;

/// Shows everything that the changes could touch, before, with them, and after; with a crash in between.
const SCRIPT: &str = r#"
state() {
  echo "@@ $1"
  cat /proc/sys/fs/nr_open /sys/kernel/mm/transparent_hugepage/enabled /proc/sys/vm/min_free_kbytes
  cat /proc/sys/vm/dirty_bytes /proc/sys/vm/dirty_ratio /sys/devices/system/cpu/smt/control
  sed 1d /proc/swaps | while read device kind size used priority; do echo "$device $priority"; done
}
everything() { sysctl -a 2>/dev/null | grep -vE "random|dentry|inode|file-nr|pid|aio-nr|sched_domain|entropy|numa_stat|perf_event|tainted|tcp_fastopen_key|stable_secret|threads-max|keys" | sort; }
mkswap /dev/ram0 >/dev/null && swapon /dev/ram0
everything >/run/before
state before
/bin/subject apply /p.toml --yes --allow swapoff --journal /run/j >/run/out 2>&1; echo "apply $?"
state applied
everything >/run/with
/bin/subject revert --journal /run/j >/run/out 2>&1; echo "revert $?"
state reverted
everything >/run/after
echo "@@ changed"; grep -vxFf /run/with /run/before | sed 's/ .*//'
echo "@@ left"; grep -vxFf /run/before /run/after; grep -vxFf /run/after /run/before
/bin/subject apply /p.toml --yes --allow swapoff --journal /run/j --for -- sh -c 'ulimit -n; grep -c "" /proc/swaps' 2>/dev/null; echo "for $?"
state after
i=0
while [ $i -lt 12 ]; do
  /bin/subject apply /p.toml --yes --allow swapoff --journal /run/j >/dev/null 2>&1 & 
  usleep $((i * 40000)); kill -9 $! 2>/dev/null; wait $! 2>/dev/null
  /bin/subject revert --journal /run/j >/run/out 2>&1 || { echo "revert failed"; cat /run/out; }
  everything >/run/after; grep -vxFf /run/before /run/after; grep -vxFf /run/after /run/before
  i=$((i + 1))
done
state killed
"#;

#[test]
#[ignore = "needs the emulated machine and a static build"]
fn a_whole_machine_is_changed_and_put_back() {
    let (binary, machine) = (tool("RUNUP_STATIC"), tool("RUNUP_LAPTOP_VM"));
    needs(
        "the laptop needs RUNUP_STATIC and RUNUP_LAPTOP_VM",
        binary.is_some() && machine.is_some(),
    );
    let (binary, machine) = (binary.expect("checked"), machine.expect("checked"));
    // A block device to swap to, from the same kernel.
    let tree = Command::new(&machine)
        .arg("--tree")
        .output()
        .expect("the machine's files");
    let tree = String::from_utf8_lossy(&tree.stdout).trim().to_owned();
    let modules = || {
        let found = Command::new("find")
            .args([&tree, "-name", "brd.ko"])
            .output()
            .expect("find");
        String::from_utf8_lossy(&found.stdout).lines().next().map(str::to_owned)
    };
    // Two threads of one core, where the program would give two processors; and the files that the test brings.
    let emulator = Command::new("sh")
        .args(["-c", "command -v qemu-system-x86_64"])
        .output()
        .expect("sh");
    let emulator = String::from_utf8_lossy(&emulator.stdout).trim().to_owned();
    let wrapper = format!(
        "#!/bin/bash\nwords=()\nfor word in \"$@\"; do [ \"$word\" = 2 ] && word=2,sockets=1,cores=1,threads=2; words+=(\"$word\"); done\n\
         exec {emulator} -cpu max,vendor=GenuineIntel \"${{words[@]}}\"\n"
    );
    let files = support::directory(&[
        ("bin/qemu-system-x86_64", &wrapper),
        ("p.toml", CHANGES),
        ("script", SCRIPT),
        (
            "none.toml",
            "[[rule]]\nid = \"a\"\nkernel = { version = { min = \"1.0\" } }\n",
        ),
    ]);
    let at = |name: &str| files.path().join(name).display().to_string();
    let chmod = Command::new("chmod")
        .args(["755", &at("bin/qemu-system-x86_64")])
        .status();
    assert!(chmod.is_ok_and(|status| status.success()));
    let brought = format!(
        "{}:/p.toml {}:/none.toml {}:/script {}:/modules/brd.ko",
        at("p.toml"),
        at("none.toml"),
        at("script"),
        modules().expect("Debian's kernel has brd")
    );
    let path = format!("{}:{}", at("bin"), std::env::var("PATH").unwrap_or_default());
    let output = Command::new(machine)
        .env("LAPTOP_FILES", brought)
        .env("PATH", path)
        .arg(binary)
        .args(["apply", "/none.toml", "--for", "--", "sh", "/script"])
        .output()
        .expect("the machine boots");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let section = |name: &str| {
        let start = out
            .find(&format!("@@ {name}\n"))
            .unwrap_or_else(|| panic!("{name}: {out}{}", String::from_utf8_lossy(&output.stderr)));
        let rest = &out[start + name.len() + 4..];
        rest[..rest.find("@@ ").unwrap_or(rest.len())].to_owned()
    };
    let before = section("before");
    assert!(
        before.contains("\n[always] madvise never\n")
            || before.contains("\nalways [madvise] never\n")
            || before.contains("\nalways madvise [never]\n"),
        "{out}"
    );
    assert!(before.contains("/dev/ram0 -"), "{out}");
    let applied = section("applied");
    let lines: Vec<&str> = applied.lines().collect();
    assert_eq!(&lines[1..2], ["always madvise [never]"], "{out}");
    assert!(lines[2].parse::<u64>().is_ok_and(|kib| kib >= 60_000), "{out}");
    assert_eq!(&lines[3..5], ["67108864", "0"], "{out}");
    assert!(!applied.contains("/dev/ram0"), "{out}");
    if before.lines().any(|line| line == "on") {
        assert_eq!(lines[5], "off", "{out}");
    }
    assert!(out.contains("\nrevert 0\n"), "{out}");
    // The limit is that of the program, and so is the room for it.
    assert!(out.contains("\n2000000\n1\nfor 0\n"), "{out}");
    let state = |name: &str| {
        let text = section(name);
        text.lines()
            .filter(|line| !line.starts_with("apply") && !line.starts_with("revert"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    for name in ["reverted", "after", "killed"] {
        assert_eq!(state(name).trim(), state("before").trim(), "{name}: {out}");
    }
    assert_eq!(
        section("left").lines().filter(|line| line.contains(" = ")).count(),
        0,
        "{out}"
    );
    let surprises: Vec<String> = section("changed")
        .lines()
        .filter(|key| !["fs.nr_open", "vm.min_free_kbytes", "vm.dirty_bytes", "vm.dirty_ratio"].contains(key))
        .map(str::to_owned)
        .collect();
    assert!(surprises.is_empty(), "{surprises:?}");
}

/// A program that has reserved 600 MiB of 960 and uses none of them, as a JVM or a browser does: with strict overcommit and a limit
/// of half the memory nothing could be started any more.
const RESERVED: &str = r#"
mkdir -p /j; mount -t ramfs r /j
sleep 1000 | dd bs=600M of=/dev/null 2>/dev/null &
sleep 1
apply() { echo "@@ $1"; shift; /bin/subject apply "$@" --yes --journal /j/j 2>&1; echo "apply $?"; }
mode() { echo "mode $(cat /proc/sys/vm/overcommit_memory)"; }
apply refused /strict.toml; mode
/bin/subject revert --journal /j/j; echo "revert $?"; mode
apply postgresql postgresql
/bin/subject revert --journal /j/j; echo "revert $?"; mode
kill $!; sleep 1
apply agreed /strict.toml --allow risky; mode
/bin/subject revert --journal /j/j; echo "revert $?"; mode
apply by-itself /strict.toml; mode
"#;

#[test]
#[ignore = "needs the emulated machine and a static build"]
fn a_machine_that_has_promised_its_memory_survives() {
    let (binary, machine) = (tool("RUNUP_STATIC"), tool("RUNUP_LAPTOP_VM"));
    needs(
        "the laptop needs RUNUP_STATIC and RUNUP_LAPTOP_VM",
        binary.is_some() && machine.is_some(),
    );
    let files = support::directory(&[
        ("script", RESERVED),
        (
            "strict.toml",
            "[[rule]]\nid = \"strict\"\nsysctl = { key = \"vm.overcommit_memory\", eq = 2 }\nseverity = \"warning\"\n",
        ),
    ]);
    let at = |name: &str| format!("{}:/{name}", files.path().join(name).display());
    let output = Command::new(machine.expect("checked"))
        .env("LAPTOP_FILES", format!("{} {}", at("script"), at("strict.toml")))
        .args(["--setup", "export NO_COLOR=1"])
        .arg(binary.expect("checked"))
        .args(["exec", "--", "sh", "/script"])
        .output()
        .expect("the machine boots");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let section = |name: &str| {
        let start = out
            .find(&format!("@@ {name}\n"))
            .unwrap_or_else(|| panic!("{name}: {out}{}", String::from_utf8_lossy(&output.stderr)));
        let rest = &out[start + 3 + name.len()..];
        rest[..rest.find("@@ ").unwrap_or(rest.len())]
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let refused = section("refused");
    assert!(
        refused.contains("strict vm.overcommit_memory: Committed_AS is 6"),
        "{out}"
    );
    assert!(refused.contains("kB and CommitLimit would be 4"), "{out}");
    assert!(refused.ends_with("revert 0 mode 0"), "{out}");
    // The whole profile, with whatever of it is made.
    assert!(section("postgresql").ends_with("revert 0 mode 0"), "{out}");
    // Where there is room, it is made and undone, and nobody has to agree.
    assert!(
        section("agreed").ends_with("mode 2 vm.overcommit_memory: 2 -> 0 revert 0 mode 0"),
        "{out}"
    );
    assert!(section("by-itself").ends_with("apply 0 mode 2"), "{out}");
}

/// The kernel keeps the hash table of connections in whole pages: of 100000 buckets it makes 100352.
#[test]
#[ignore = "needs the emulated machine and a static build"]
#[allow(clippy::disallowed_methods, reason = "tests look for themselves")]
fn a_table_that_the_kernel_rounds_is_applied() {
    let (binary, machine) = (tool("RUNUP_STATIC"), tool("RUNUP_LAPTOP_VM"));
    needs(
        "the laptop needs RUNUP_STATIC and RUNUP_LAPTOP_VM",
        binary.is_some() && machine.is_some(),
    );
    let machine = machine.expect("checked");
    let tree = Command::new(&machine).arg("--tree").output().expect("it says where");
    let tree = String::from_utf8_lossy(&tree.stdout).trim().to_owned();
    let profile = "[[rule]]\nid = \"r\"\nsysctl = { key = \"net.netfilter.nf_conntrack_buckets\", min = 100000 }\n";
    let place = support::directory(&[("p.toml", profile)]);
    let find = "for m in crc32c_generic libcrc32c nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack; do \
                insmod $(find /tree -name $m.ko) 2>/dev/null; done; export NO_COLOR=1";
    let kernel = std::fs::read_dir(format!("{tree}/lib/modules"))
        .expect("modules")
        .next();
    let kernel = kernel.expect("a kernel").expect("a kernel").path();
    let mut files = vec![format!("{}:/p.toml", place.path().join("p.toml").display())];
    for directory in [
        "net/netfilter",
        "net/ipv4/netfilter",
        "net/ipv6/netfilter",
        "lib",
        "crypto",
    ] {
        let from = kernel.join("kernel").join(directory);
        files.push(format!("{}:/tree/{directory}", from.display()));
    }
    files.extend(std::env::var("LAPTOP_FILES").ok());
    let output = Command::new(machine)
        .env("LAPTOP_FILES", files.join(" "))
        .args(["--setup", find])
        .arg(binary.expect("checked"))
        .args(["apply", "/p.toml", "--yes", "--journal", "/tmp/j"])
        .output()
        .expect("the machine boots");
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}");
    assert!(
        out.contains("made 100352 of net.netfilter.nf_conntrack_buckets = 100000"),
        "{out}"
    );
    assert!(out.contains("Ready: 1 passed"), "{out}");
}
