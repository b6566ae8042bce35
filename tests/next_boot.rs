//! What the next boot makes of a machine: by the program that this one has, with the modules that are there in time, and where no file
//! says anything. On trees of files that stand for machines; a real systemd agrees in a test that needs root.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Done, directory, finding, run};
use tempfile::TempDir;

const SYSTEMD: (&str, &str) = ("run/systemd/system/.keep", "");
/// sysvinit of Debian, which runs `sysctl --system`.
const PROCPS: (&str, &str) = ("etc/rcS.d/S01procps", "");
/// Alpine's.
const OPENRC: (&str, &str) = ("etc/runlevels/boot/sysctl", "");
/// An init system of which nothing is known.
const ANOTHER: (&str, &str) = ("proc/1/comm", "init\n");
const WSL: (&str, &str) = ("proc/sys/kernel/osrelease", "5.15.0-microsoft-standard-WSL2\n");

fn machine(asks: &str, files: &[(&str, &str)]) -> TempDir {
    let rule = format!("[[rule]]\nid = \"r\"\nseverity = \"error\"\nsysctl = {{ {asks} }}\n");
    let mut all = vec![("proc/sys/kernel/osrelease", "6.1.0\n"), ("p.toml", rule.as_str())];
    all.extend_from_slice(files);
    directory(&all)
}

fn on(machine: &TempDir, words: &[&str]) -> Done {
    let root = machine.path().to_str().expect("UTF-8");
    let profile = format!("{root}/p.toml");
    run(&[&[words[0], &profile, "--root", root], &words[1..]].concat())
}

fn seen(machine: &TempDir) -> Value {
    finding(&on(machine, &["check", "--format", "json"]).out, "r")
}

/// How it fares at the next boot, in one word.
fn fate(machine: &TempDir) -> Option<String> {
    seen(machine)["next_boot"]["fate"].as_str().map(str::to_owned)
}

fn persist(machine: &TempDir) -> Done {
    on(machine, &["apply", "--persist", "--yes"])
}

/// Every file of a directory with its settings, in order.
fn settings(machine: &TempDir, directory: &str) -> Vec<(String, Vec<String>)> {
    let Ok(entries) = fs::read_dir(machine.path().join(directory)) else {
        return Vec::new();
    };
    let says = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let mut found: Vec<(String, Vec<String>)> = entries
        .map(|entry| entry.expect("it is listed").path())
        .map(|path: std::path::PathBuf| {
            let text = fs::read_to_string(&path).expect("it is read");
            (name(&path), text.lines().filter(says).map(str::to_owned).collect())
        })
        .collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

fn squeezed(done: &Done) -> String {
    format!("{}{}", done.out, done.err)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_reader_is_the_one_that_the_machine_has() {
    let panic = "key = \"kernel.panic\", eq = 10";
    let of = |live, init, files: &[(&str, &str)]| {
        let mut all = vec![("proc/sys/kernel/panic", live), init];
        all.extend_from_slice(files);
        machine(panic, &all)
    };
    let last = ("etc/sysctl.conf", "kernel.panic = 10\n");
    // systemd reads /etc/sysctl.conf only where a link leads to it, and what it does not read is said to be so.
    let unread = of("0\n", SYSTEMD, &[last]);
    assert_eq!(fate(&unread), None);
    assert!(
        seen(&unread)["evidence"]
            .to_string()
            .contains("only `sysctl --system` reads that")
    );
    let procps = of("0\n", PROCPS, &[last]);
    assert_eq!(fate(&procps).as_deref(), Some("right"));
    assert_eq!(seen(&procps)["next_boot"]["by"], "/etc/init.d/procps");
    assert_eq!(fate(&of("0\n", ANOTHER, &[last])).as_deref(), Some("uncertain"));
    let linked = of("0\n", SYSTEMD, &[last]);
    fs::create_dir_all(linked.path().join("etc/sysctl.d")).expect("a directory");
    std::os::unix::fs::symlink("../sysctl.conf", linked.path().join("etc/sysctl.d/99-sysctl.conf")).expect("a link");
    assert_eq!(fate(&linked).as_deref(), Some("right"));
    // procps takes it last, after every other file.
    let both = [
        ("etc/sysctl.d/60-a.conf", "kernel.panic = 10\n"),
        ("etc/sysctl.conf", "kernel.panic = 0\n"),
    ];
    assert_eq!(fate(&of("10\n", SYSTEMD, &both)), None);
    let script = ("etc/init.d/procps", "sysctl $quiet --system\n");
    let in_order = [both[0], both[1], script];
    assert_eq!(fate(&of("10\n", PROCPS, &in_order)).as_deref(), Some("undone"));
    // Alpine's service takes them in another order.
    assert_eq!(fate(&of("10\n", OPENRC, &both)).as_deref(), Some("may-be-undone"));
    assert_eq!(fate(&of("0\n", OPENRC, &[last])).as_deref(), Some("right"));
    assert_eq!(fate(&of("10\n", ANOTHER, &both)).as_deref(), Some("may-be-undone"));
}

#[test]
fn what_is_gone_or_masked_when_the_machine_starts_is_no_promise() {
    let of = |live, files: &[(&str, &str)]| {
        let mut all = vec![("proc/sys/kernel/panic", live), SYSTEMD];
        all.extend_from_slice(files);
        machine("key = \"kernel.panic\", eq = 10", &all)
    };
    // /run is empty when the machine starts.
    let run = ("run/sysctl.d/60-a.conf", "kernel.panic = 10\n");
    assert_eq!(fate(&of("0\n", &[run])).as_deref(), Some("uncertain"));
    assert_eq!(fate(&of("10\n", &[run])).as_deref(), Some("may-be-undone"));
    let lasting = ("usr/lib/sysctl.d/50-a.conf", "kernel.panic = 10\n");
    assert_eq!(fate(&of("10\n", &[run, lasting])), None, "another file says so too");
    let persisted = of("10\n", &[run]);
    assert_eq!(persist(&persisted).code, 0);
    assert_eq!(settings(&persisted, "etc/sysctl.d").len(), 1);

    let own = ("etc/sysctl.d/60-a.conf", "kernel.panic = 10\n");
    let empty = ("etc/systemd/system/systemd-sysctl.service", "");
    let kernel = ("proc/cmdline", "quiet systemd.mask=systemd-sysctl.service\n");
    for mask in [empty, kernel] {
        assert_eq!(fate(&of("0\n", &[own, mask])).as_deref(), Some("uncertain"), "{mask:?}");
    }
    let edited = ("etc/systemd/system/systemd-sysctl.service", "[Service]\n");
    assert_eq!(fate(&of("0\n", &[own, edited])).as_deref(), Some("right"));
    let masked = of("0\n", &[]);
    fs::create_dir_all(masked.path().join("etc/systemd/system")).expect("a directory");
    std::os::unix::fs::symlink("/dev/null", masked.path().join(empty.0)).expect("a link");
    let done = persist(&masked);
    assert_eq!(done.code, 1);
    assert!(
        squeezed(&done).contains("systemctl unmask systemd-sysctl.service"),
        "{}",
        done.out
    );
    assert_eq!(settings(&masked, "etc/sysctl.d"), []);
}

#[test]
fn an_interface_that_no_file_sets_begins_with_what_default_is() {
    let of = |files: &[(&str, &str)]| {
        let mut all = vec![
            SYSTEMD,
            ("proc/sys/net/ipv4/conf/all/rp_filter", "0\n"),
            ("proc/sys/net/ipv4/conf/default/rp_filter", "0\n"),
            ("proc/sys/net/ipv4/conf/eth0/rp_filter", "1\n"),
        ];
        all.extend_from_slice(files);
        machine("key = \"net.ipv4.conf.eth0.rp_filter\", eq = 1", &all)
    };
    // It was set by hand, and `all` says nothing of it.
    let all = |text| ("etc/sysctl.d/60-a.conf", text);
    let undone = of(&[all("net.ipv4.conf.all.rp_filter = 0\n")]);
    assert_eq!(fate(&undone).as_deref(), Some("undone"));
    assert_eq!(fate(&of(&[all("net.ipv4.conf.all.rp_filter = 1\n")])), None);
    assert_eq!(fate(&of(&[all("net.ipv4.conf.default.rp_filter = 1\n")])), None);
    let beyond = of(&[all("net.ipv4.conf.default.rp_filter = 2\n")]);
    assert_eq!(fate(&beyond).as_deref(), Some("undone"));
}

#[test]
fn what_is_set_for_all_is_handed_on_to_an_interface() {
    let of = |leaf: &str, live: &str, asks: &str, files: &str| {
        let path = format!("proc/sys/net/{leaf}");
        let key = leaf.replace('/', ".");
        machine(
            &format!("key = \"net.{key}\", eq = {asks}"),
            &[SYSTEMD, (&path, live), ("etc/sysctl.d/60-a.conf", files)],
        )
    };
    let disable = |live: &str, asks: &str, files: &str| fate(&of("ipv6/conf/eth0/disable_ipv6", live, asks, files));
    let (all, own) = (
        "net.ipv6.conf.all.disable_ipv6 = 1\n",
        "net.ipv6.conf.eth0.disable_ipv6 = 0\n",
    );
    assert_eq!(disable("1\n", "1", all), None, "it is set with all");
    assert_eq!(disable("0\n", "0", all).as_deref(), Some("undone"));
    assert_eq!(disable("0\n", "1", all).as_deref(), Some("right"));
    assert_eq!(
        disable("1\n", "0", &format!("{own}{all}")).as_deref(),
        Some("uncertain")
    );
    assert_eq!(disable("1\n", "0", &format!("{all}{own}")).as_deref(), Some("right"));
    let default = format!("{all}net.ipv6.conf.default.disable_ipv6 = 0\n");
    assert_eq!(disable("0\n", "1", &default).as_deref(), Some("uncertain"));
    // By its other name, too.
    let forwarding = "net.ipv4.conf.eth0.forwarding = 1\nnet.ipv4.ip_forward = 0\n";
    let forwards = |files: &str| fate(&of("ipv4/conf/eth0/forwarding", "0\n", "1", files));
    assert_eq!(forwards(forwarding).as_deref(), Some("uncertain"));
    assert_eq!(forwards("net.ipv4.ip_forward = 1\n").as_deref(), Some("right"));
}

#[test]
fn a_field_that_a_line_leaves_out_is_not_set() {
    let of = |text| {
        machine(
            "key = \"net.ipv4.tcp_rmem\", field = \"max\", min = 16777216",
            &[
                SYSTEMD,
                ("proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t16777216\n"),
                ("etc/sysctl.d/60-a.conf", text),
            ],
        )
    };
    assert_eq!(fate(&of("net.ipv4.tcp_rmem = 4096\n")).as_deref(), Some("not-set"));
    assert_eq!(fate(&of("net.ipv4.tcp_rmem = 4096 131072 16777216\n")), None);
}

#[test]
fn what_another_key_keeps_the_kernel_from_taking_is_no_promise() {
    let of = |range: &str, start: &str, files: &[(&str, &str)]| {
        let mut all = vec![
            SYSTEMD,
            ("proc/sys/net/ipv4/ip_local_port_range", range),
            ("proc/sys/net/ipv4/ip_unprivileged_port_start", start),
        ];
        all.extend_from_slice(files);
        machine("key = \"net.ipv4.ip_local_port_range\", covers = \"1000-65535\"", &all)
    };
    let closed = "32768\t60999\n";
    let line = ("etc/sysctl.d/60-a.conf", "net.ipv4.ip_local_port_range = 1000 65535\n");
    let refused = of(closed, "1024\n", &[line]);
    assert_eq!(fate(&refused).as_deref(), Some("uncertain"));
    let open = |file| (file, "net.ipv4.ip_unprivileged_port_start = 0\n");
    let right = of(closed, "1024\n", &[line, open("etc/sysctl.d/50-a.conf")]);
    assert_eq!(fate(&right).as_deref(), Some("right"));
    let later = of(closed, "1024\n", &[line, open("etc/sysctl.d/70-a.conf")]);
    assert_eq!(fate(&later).as_deref(), Some("uncertain"));
    // What was set by hand is gone by then, and the line is not written.
    let by_hand = of("1000\t65535\n", "0\n", &[]);
    let done = persist(&by_hand);
    assert_eq!(done.code, 1);
    assert!(
        squeezed(&done).contains("ip_unprivileged_port_start is 1024"),
        "{}",
        done.out
    );
    assert_eq!(settings(&by_hand, "etc/sysctl.d"), []);
    let open = of("1000\t65535\n", "0\n", &[open("etc/sysctl.d/50-a.conf")]);
    assert_eq!(persist(&open).code, 0);

    let runtime = [
        SYSTEMD,
        ("proc/sys/kernel/sched_rt_runtime_us", "950000\n"),
        ("etc/sysctl.d/60-a.conf", "kernel.sched_rt_runtime_us = 2000000\n"),
    ];
    let runtime = machine("key = \"kernel.sched_rt_runtime_us\", eq = 2_000_000", &runtime);
    assert_eq!(fate(&runtime).as_deref(), Some("uncertain"));
}

#[test]
fn the_kernels_command_line_counts_and_files_come_after_it() {
    let at = |kernel: &str, line: &str, files: &[(&str, &str)]| {
        let mut all = vec![
            SYSTEMD,
            ("proc/sys/kernel/osrelease", kernel),
            ("proc/cmdline", line),
            ("proc/sys/vm/swappiness", "100\n"),
        ];
        all.extend_from_slice(files);
        machine("key = \"vm.swappiness\", max = 10", &all)
    };
    let set = at("6.1.0\n", "quiet sysctl.vm.swappiness=7\n", &[]);
    let next = seen(&set)["next_boot"].clone();
    assert_eq!(
        (&next["fate"], &next["file"]),
        (&"right".into(), &"/proc/cmdline".into())
    );
    assert_eq!(
        fate(&at("6.1.0\n", "sysctl/vm/swappiness=7\n", &[])).as_deref(),
        Some("right")
    );
    assert_eq!(fate(&at("5.4.0\n", "sysctl.vm.swappiness=7\n", &[])), None);
    let file = ("usr/lib/sysctl.d/10-x.conf", "vm.swappiness = 60\n");
    assert_eq!(fate(&at("6.1.0\n", "sysctl.vm.swappiness=7\n", &[file])), None);
}

#[test]
fn a_key_of_a_module_lasts_where_something_loads_that_in_time() {
    let conntrack = |live, more: &[(&str, &str)]| {
        let mut files = vec![
            SYSTEMD,
            ("proc/sys/net/netfilter/nf_conntrack_max", live),
            ("etc/sysctl.d/60-ct.conf", "net.netfilter.nf_conntrack_max = 4194304\n"),
        ];
        files.extend_from_slice(more);
        machine("key = \"net.netfilter.nf_conntrack_max\", min = 4194304", &files)
    };
    let load = ("etc/modules-load.d/ct.conf", "nf_conntrack\n");
    let late = conntrack("262144\n", &[]);
    assert_eq!(fate(&late).as_deref(), Some("uncertain"));
    let said = squeezed(&on(&late, &["check"]));
    assert!(
        said.contains("may not set it right: net.netfilter.nf_conntrack_max is"),
        "{said}"
    );
    assert!(said.contains("there only once nf_conntrack is loaded"), "{said}");
    assert_eq!(fate(&conntrack("262144\n", &[load])).as_deref(), Some("right"));
    // Right now, and nobody can promise it.
    let right = conntrack("4194304\n", &[]);
    let done = on(&right, &["check"]);
    assert_eq!(done.code, 0, "{}", done.out);
    assert!(done.out.contains("1 perhaps undone by the next boot"), "{}", done.out);
    assert_eq!(on(&right, &["check", "--fail-on", "boot"]).code, 1);
    assert_eq!(
        on(&conntrack("4194304\n", &[load]), &["check", "--fail-on", "boot"]).code,
        0
    );
    // What makes it last is the line that loads the module.
    assert_eq!(persist(&right).code, 0);
    assert_eq!(
        settings(&right, "etc/modules-load.d"),
        [("60-runup.conf".to_owned(), vec!["nf_conntrack".to_owned()])]
    );
    assert_eq!(on(&right, &["check", "--fail-on", "boot"]).code, 0);
}

/// A file for another machine brings what makes its keys be there: one file says it, and a playbook does it.
#[test]
fn an_export_brings_the_module_of_its_keys() {
    let machine = machine(
        "key = \"net.netfilter.nf_conntrack_max\", min = 4194304",
        &[SYSTEMD, ("proc/sys/net/netfilter/nf_conntrack_max", "262144\n")],
    );
    let profile = machine.path().join("p.toml");
    let export = |to: &str| run(&["export", profile.to_str().expect("UTF-8"), "--to", to]).out;
    let file = export("sysctl.d");
    assert!(
        file.contains("# and /etc/modules-load.d/60-runup.conf") && file.contains("\n#   nf_conntrack\n"),
        "{file}"
    );
    let playbook = export("ansible");
    assert!(
        playbook.contains("dest: /etc/modules-load.d/60-runup.conf") && playbook.contains("\n          nf_conntrack\n"),
        "{playbook}"
    );
}

#[test]
fn against_a_packages_later_file_a_name_is_taken_that_comes_later() {
    let machine = machine(
        "key = \"vm.swappiness\", max = 10",
        &[
            SYSTEMD,
            ("proc/sys/vm/swappiness", "60\n"),
            ("usr/lib/sysctl.d/99-vendor.conf", "vm.swappiness = 100\n"),
        ],
    );
    let done = persist(&machine);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let files = settings(&machine, "etc/sysctl.d");
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].0.as_str() > "99-vendor.conf", "{files:?}");
    assert_eq!(on(&machine, &["check", "--fail-on", "boot"]).code, 0);
    // Once is enough, and it is found whatever its name.
    assert!(!persist(&machine).err.contains("written"));
    let removed = on(&machine, &["check"]);
    assert_eq!(removed.code, 0);
    let root = machine.path().to_str().expect("UTF-8");
    let own = fs::read_to_string(machine.path().join("etc/sysctl.d/99-zz-runup.conf")).expect("it is there");
    assert!(
        own.contains("# /etc/sysctl.d/99-zz-runup.conf;"),
        "it says where it is: {own}"
    );
    // A copy under a name of somebody's own is theirs; what a killed run left is not.
    let copy = machine.path().join("etc/sysctl.d/50-mine.conf");
    fs::write(&copy, &own).expect("it is copied");
    fs::write(machine.path().join("etc/sysctl.d/.60-runup.conf.new"), "half").expect("it is written");
    assert_eq!(run(&["revert", "--persist", "--root", root]).code, 0);
    let left: Vec<String> = settings(&machine, "etc/sysctl.d")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(left, ["50-mine.conf"]);
}

#[test]
fn an_older_file_of_ours_is_taken_into_the_one_that_comes_later() {
    let machine = machine(
        "key = \"vm.swappiness\", max = 10",
        &[
            SYSTEMD,
            ("proc/sys/vm/swappiness", "60\n"),
            ("proc/sys/vm/max_map_count", "65530\n"),
            (
                "q.toml",
                "[[rule]]\nid = \"q\"\nseverity = \"error\"\nsysctl = { key = \"vm.max_map_count\", min = 262144 }\n",
            ),
        ],
    );
    let root = machine.path().to_str().expect("UTF-8");
    let other = format!("{root}/q.toml");
    assert_eq!(run(&["apply", &other, "--root", root, "--persist", "--yes"]).code, 0);
    assert_eq!(persist(&machine).code, 0);
    assert_eq!(settings(&machine, "etc/sysctl.d")[0].1.len(), 2);
    // The administrator has the last word about one of the two, and a package about the other.
    let write = |path: &str, text: &str| {
        let path = machine.path().join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("it is made");
        fs::write(path, text).expect("it is written");
    };
    write("etc/sysctl.d/70-mine.conf", "vm.max_map_count = 100000\n");
    write("usr/lib/sysctl.d/99-vendor.conf", "vm.swappiness = 100\n");
    let done = persist(&machine);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let files = settings(&machine, "etc/sysctl.d");
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["70-mine.conf", "99-zz-runup.conf"]);
    assert_eq!(files[1].1, ["vm.swappiness = 10"], "what was overruled stays so");
}

#[test]
fn what_the_administrator_wrote_is_not_overruled() {
    let machine = |init, files: &[(&str, &str)]| {
        let mut all = vec![init, ("proc/sys/vm/swappiness", "60\n")];
        all.extend_from_slice(files);
        machine("key = \"vm.swappiness\", max = 10", &all)
    };
    let own = machine(SYSTEMD, &[("etc/sysctl.d/99-mine.conf", "\nvm.swappiness = 30\n")]);
    let done = persist(&own);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    assert!(
        squeezed(&done).contains("/etc/sysctl.d/99-mine.conf:2 sets it to 30"),
        "{}",
        done.out
    );
    assert_eq!(settings(&own, "etc/sysctl.d").len(), 1, "no file of ours");
    // /etc/sysctl.conf is the administrator's too, where it is read.
    let last = ("etc/sysctl.conf", "vm.swappiness = 30\n");
    assert_eq!(persist(&machine(PROCPS, &[last])).code, 1);
    assert_eq!(persist(&machine(SYSTEMD, &[last])).code, 0);
    // A line that says something else, and right, is as good as ours.
    let right = machine(SYSTEMD, &[("etc/sysctl.d/99-mine.conf", "vm.swappiness = 5\n")]);
    let done = persist(&right);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(settings(&right, "etc/sysctl.d").len(), 1, "no file of ours");
}

#[test]
fn limits_of_logins_are_not_overruled_either() {
    let given = |line: &str| {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 4096                 files\n";
        let rule =
            "[[rule]]\nid = \"r\"\nseverity = \"error\"\nrlimit = { resource = \"nofile\", soft = { min = 65536 } }\n";
        let files = [
            SYSTEMD,
            ("proc/sys/fs/nr_open", "1048576\n"),
            ("proc/self/limits", limits),
            ("etc/security/limits.d/90-old.conf", line),
            ("p.toml", rule),
        ];
        let machine = machine("key = \"kernel.panic\", eq = 0", &files);
        let done = persist(&machine);
        (squeezed(&done), settings(&machine, "etc/security/limits.d").len())
    };
    let (said, files) = given("# old\n* - nofile 1024\n");
    assert!(
        said.contains("/etc/security/limits.d/90-old.conf:2 gives everybody 1024"),
        "{said}"
    );
    assert_eq!(files, 1, "no file of ours: {said}");
    let (said, files) = given("* - nofile 100000\n");
    assert_eq!(files, 1, "no file of ours: {said}");
    assert_eq!(given("ann - nofile 1024\n").1, 2);
}

#[test]
fn where_nothing_reads_nothing_is_promised_nor_written() {
    let watches = "key = \"fs.inotify.max_user_watches\", min = 524288";
    let files = [
        WSL,
        ANOTHER,
        ("proc/sys/fs/inotify/max_user_watches", "8192\n"),
        ("etc/sysctl.conf", "fs.inotify.max_user_watches = 524288\n"),
    ];
    let wsl = machine(watches, &files);
    assert_eq!(fate(&wsl).as_deref(), Some("uncertain"));
    let done = persist(&wsl);
    let said = squeezed(&done);
    assert_eq!(done.code, 1, "{said}");
    for word in [
        "systemd=true",
        "/etc/wsl.conf",
        "sysctl.fs.inotify.max_user_watches=524288",
        ".wslconfig",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!said.contains("will not last"), "{said}");
    assert_eq!(settings(&wsl, "etc/sysctl.d"), []);
    // It does what it says.
    for (path, text) in [
        ("etc/wsl.conf", "[boot]\nsystemd=true\n"),
        ("proc/cmdline", "sysctl.fs.inotify.max_user_watches=524288\n"),
    ] {
        let mended = machine(watches, &[&files[..], &[(path, text)]].concat());
        assert_eq!(persist(&mended).code, 0, "{path}");
        assert_eq!(on(&mended, &["check", "--fail-on", "boot"]).code, 0, "{path}");
    }
    // The same with any other init system.
    let other = machine(
        "key = \"kernel.panic\", eq = 10",
        &[ANOTHER, ("proc/sys/kernel/panic", "0\n")],
    );
    let done = persist(&other);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    assert!(squeezed(&done).contains("rc-update add sysctl boot"), "{}", done.out);
}

#[test]
fn what_is_right_and_in_no_file_is_said() {
    let panic = |live| {
        machine(
            "key = \"kernel.panic\", eq = 10",
            &[SYSTEMD, ("proc/sys/kernel/panic", live)],
        )
    };
    let by_hand = panic("10\n");
    let done = on(&by_hand, &["check"]);
    assert_eq!(done.code, 0, "{}", done.out);
    let said = squeezed(&done);
    assert!(
        said.contains("undoes it: no file sets it, and the kernel starts with 0"),
        "{said}"
    );
    assert_eq!(on(&by_hand, &["check", "--fail-on", "boot"]).code, 1);
    assert_eq!(persist(&by_hand).code, 0);
    assert_eq!(settings(&by_hand, "etc/sysctl.d")[0].1, ["kernel.panic = 10"]);
    assert_eq!(on(&by_hand, &["check", "--fail-on", "boot"]).code, 0);
    // What the kernel starts with needs no file.
    let untouched = machine(
        "key = \"vm.swappiness\", max = 80",
        &[SYSTEMD, ("proc/sys/vm/swappiness", "60\n")],
    );
    assert_eq!(fate(&untouched), None);
    assert_eq!(on(&untouched, &["check", "--fail-on", "boot"]).code, 0);
    persist(&untouched);
    assert_eq!(settings(&untouched, "etc/sysctl.d"), []);
    // Where nobody knows that, it is said to whoever asks, and counts for whoever asks for the boot.
    let unknown = machine(
        "key = \"kernel.pid_max\", min = 65536",
        &[SYSTEMD, ("proc/sys/kernel/pid_max", "4194304\n")],
    );
    let seen = seen(&unknown);
    assert_eq!(
        (&seen["next_boot"]["fate"], &seen["next_boot"]["passes"]),
        (&"not-set".into(), &Value::Null)
    );
    assert!(!on(&unknown, &["check"]).out.contains("BOOT"));
    assert!(on(&unknown, &["check", "-v"]).out.contains("BOOT"));
    let gated = on(&unknown, &["check", "--fail-on", "boot"]);
    assert!(
        gated.code == 1 && gated.out.contains("1 set by no file"),
        "{}",
        gated.out
    );
    // What the kernel sizes by the machine's memory is no value to keep for another one.
    let sized = machine(
        "key = \"vm.min_free_kbytes\", min = 1024",
        &[SYSTEMD, ("proc/sys/vm/min_free_kbytes", "67584\n")],
    );
    assert_eq!(persist(&sized).code, 0);
    assert_eq!(settings(&sized, "etc/sysctl.d"), []);
    // A better value is kept, and never lowered.
    assert_eq!(persist(&unknown).code, 0);
    assert_eq!(settings(&unknown, "etc/sysctl.d")[0].1, ["kernel.pid_max = 4194304"]);
}

/// Early in a boot it would keep the kernel from loading what it needs.
#[test]
fn what_needs_consent_is_not_made_at_every_boot_without_it() {
    let machine = machine(
        "key = \"kernel.modules_disabled\", eq = 1",
        &[SYSTEMD, ("proc/sys/kernel/modules_disabled", "1\n")],
    );
    let done = persist(&machine);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    assert!(squeezed(&done).contains("--allow one-way"), "{}", done.out);
    assert_eq!(settings(&machine, "etc/sysctl.d"), []);
}

#[test]
fn boot_counts_for_the_severity_that_counts() {
    let text = "[[rule]]\nid = \"r\"\nseverity = \"warning\"\nsysctl = { key = \"kernel.panic\", eq = 10 }\n";
    let machine = machine(
        "key = \"kernel.panic\", eq = 10",
        &[SYSTEMD, ("proc/sys/kernel/panic", "10\n"), ("p.toml", text)],
    );
    assert_eq!(on(&machine, &["check", "--fail-on", "boot"]).code, 0);
    assert_eq!(on(&machine, &["check", "--fail-on", "warning,boot"]).code, 1);
}
