//! Going back can stop a machine as a change can: where it is known that it would, revert leaves the value and keeps its record.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::fs;
use std::path::PathBuf;

use support::{Done, directory, run};
use tempfile::TempDir;

const BUSY: &str = "MemTotal: 983496 kB\nMemAvailable: 864000 kB\nSwapTotal: 0 kB\nCommitted_AS: 626652 kB\n\
                    Hugepagesize: 2048 kB\nHugetlb: 0 kB\n";
const CALM: &str = "MemTotal: 983496 kB\nMemAvailable: 864000 kB\nSwapTotal: 0 kB\nCommitted_AS: 100000 kB\n\
                    Hugepagesize: 2048 kB\nHugetlb: 0 kB\n";
const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 524288               files\n";

/// A tree that stands for a machine on which little is in use.
struct Machine(TempDir);

impl Machine {
    fn new(values: &[(&str, &str)]) -> Self {
        let machine = Self(directory(&[
            ("proc/meminfo", CALM),
            ("proc/loadavg", "0.00 0.01 0.05 2/100 4321\n"),
            ("proc/1/limits", LIMITS),
            ("proc/self/limits", LIMITS),
            ("proc/sys/kernel/osrelease", "6.1.0\n"),
            // A kernel that was built without huge pages.
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
        ]));
        for (key, value) in values {
            machine.write(&Self::file(key), value);
        }
        machine
    }

    fn file(key: &str) -> String {
        format!("proc/sys/{}", key.replace('.', "/"))
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("it is below the tree")).expect("it is made");
        fs::write(path, text).expect("it is written");
    }

    fn value(&self, key: &str) -> String {
        let text = fs::read_to_string(self.at(&Self::file(key))).expect("it is there");
        text.trim_end().to_owned()
    }

    fn run(&self, words: &[&str]) -> Done {
        let root = self.0.path().to_str().expect("UTF-8");
        run(&[words, &["--root", root]].concat())
    }

    fn apply(&self, key: &str, asks: &str) {
        self.write(
            "p.toml",
            &format!("[[rule]]\nid = \"r\"\nsysctl = {{ key = \"{key}\", {asks} }}\n"),
        );
        let profile = self.at("p.toml");
        let done = self.run(&["apply", profile.to_str().expect("UTF-8"), "--yes"]);
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    }

    /// What `revert` with these words says in one line, and its exit code.
    fn revert(&self, words: &[&str]) -> (String, i32) {
        let done = self.run(&[&["revert"], words].concat());
        let said = format!("{} {}", done.out, done.err);
        (said.split_whitespace().collect::<Vec<_>>().join(" "), done.code)
    }

    /// Reverting is refused with these words, as often as it is tried, until `--force`.
    fn is_held(&self, key: &str, says: &[&str]) {
        let (now, list) = (self.value(key), self.run(&["revert", "--list"]).out);
        for _ in 0..2 {
            let (said, code) = self.revert(&[]);
            assert_eq!(code, 1, "{said}");
            for word in says.iter().chain(&["--force", key]) {
                assert!(said.contains(word), "{word}: {said}");
            }
            assert_eq!(self.value(key), now);
            assert_eq!(self.run(&["revert", "--list"]).out, list);
        }
    }

    fn goes_back(&self, key: &str, words: &[&str], to: &str) -> String {
        let (said, code) = self.revert(words);
        assert_eq!((code, self.value(key).as_str()), (0, to), "{said}");
        assert_eq!(self.run(&["revert", "--list"]).out, "");
        said
    }
}

/// The values before, the key, what is asked of it, the file that tells of more in use since, and what is said then.
type Case = (
    Pairs,
    &'static str,
    &'static str,
    (&'static str, &'static str),
    &'static str,
);
type Pairs = &'static [(&'static str, &'static str)];

/// Each raises what it writes, or takes a bound away; then more is in use than the old value allows.
#[test]
fn what_would_stop_the_machine_is_left_with_the_numbers() {
    const STRICT: Pairs = &[
        ("vm.overcommit_memory", "2\n"),
        ("vm.overcommit_ratio", "50\n"),
        ("vm.overcommit_kbytes", "0\n"),
    ];
    const FILES: Pairs = &[("fs.file-max", "10000\n"), ("fs.file-nr", "20\t0\t10000\n")];
    let commit = "Committed_AS is 626652 kB and CommitLimit would be 491748 kB";
    let cases: [Case; 4] = [
        (
            STRICT,
            "vm.overcommit_ratio",
            "min = 90",
            ("proc/meminfo", BUSY),
            commit,
        ),
        (STRICT, "vm.overcommit_memory", "eq = 0", ("proc/meminfo", BUSY), commit),
        (
            &[("kernel.threads-max", "7580\n")],
            "kernel.threads-max",
            "min = 64000",
            ("proc/loadavg", "0.00 0.01 0.05 2/9000 4321\n"),
            "the number of threads is 9000 and kernel.threads-max would be 7580",
        ),
        (
            FILES,
            "fs.file-max",
            "min = 100000",
            ("proc/sys/fs/file-nr", "20000\t0\t100000\n"),
            "fs.file-nr is 20000 and fs.file-max would be 10000",
        ),
    ];
    for (values, key, asks, (path, since), says) in cases {
        for forced in [false, true] {
            let machine = Machine::new(values);
            let old = machine.value(key);
            let calm = fs::read_to_string(machine.at(path)).expect("it is there");
            machine.apply(key, asks);
            machine.write(path, since);
            machine.is_held(key, &[says]);
            if forced {
                machine.goes_back(key, &["--force"], &old);
            } else {
                machine.write(path, &calm);
                machine.goes_back(key, &[], &old);
            }
        }
    }
}

#[test]
fn fs_nr_open_stays_while_a_file_gives_logins_more() {
    const KEY: &str = "fs.nr_open";
    const FILE: &str = "etc/security/limits.d/60-runup.conf";
    let says = [
        "/etc/security/limits.d/60-runup.conf:2 gives to * is 2097152 and fs.nr_open would be 1048576",
        "logins and services",
    ];
    let machine = Machine::new(&[(KEY, "1048576\n")]);
    machine.apply(KEY, "min = 2097152");
    machine.write(FILE, "# ours\n* hard nofile 2097152\n");
    machine.is_held(KEY, &says);
    // What is known is enough, whatever else cannot be read.
    fs::remove_file(machine.at("proc/1/limits")).expect("it is there");
    fs::create_dir(machine.at("proc/1/limits")).expect("it is made");
    machine.is_held(KEY, &says);
    fs::remove_file(machine.at(FILE)).expect("it is there");
    let said = machine.goes_back(KEY, &[], "1048576");
    assert!(said.contains("/proc/1/limits cannot be read"), "{said}");
}

/// An interrupted apply, or a machine that does not tell: doubt alone keeps nobody from going back.
#[test]
fn what_nobody_can_tell_goes_back_with_a_word() {
    let key = "vm.overcommit_ratio";
    let machine = Machine::new(&[
        ("vm.overcommit_memory", "2\n"),
        (key, "50\n"),
        ("vm.overcommit_kbytes", "0\n"),
    ]);
    machine.apply(key, "min = 90");
    fs::remove_file(machine.at("proc/meminfo")).expect("it is there");
    let said = machine.goes_back(key, &[], "50");
    assert!(
        said.contains("90 -> 50, as it was; but /proc/meminfo cannot be read"),
        "{said}"
    );
}

/// A rule of thumb is no measurement: the machine has lived with less.
#[test]
fn a_fixed_bound_keeps_nothing_from_going_back() {
    let key = "vm.max_map_count";
    let machine = Machine::new(&[(key, "30000\n")]);
    machine.write("proc/1/maps", "");
    machine.apply(key, "min = 262144");
    let said = machine.goes_back(key, &[], "30000");
    assert!(
        said.contains("as it was; but the kernel's own default is 65530"),
        "{said}"
    );
    machine.apply(key, "min = 262144");
    machine.write(
        "proc/1/maps",
        &"00400000-00452000 r-xp 00000000 08:02 1 /bin/x\n".repeat(40_000),
    );
    machine.is_held(
        key,
        &["the number of mappings of one process is 40000 and vm.max_map_count would be 30000"],
    );
}

/// One change may make room for the going back of another: then the next revert does what this one left.
#[test]
fn what_another_change_makes_room_for_goes_back_after_it() {
    let machine = Machine::new(&[
        ("vm.overcommit_memory", "0\n"),
        ("vm.overcommit_ratio", "50\n"),
        ("vm.overcommit_kbytes", "0\n"),
    ]);
    machine.apply("vm.overcommit_memory", "eq = 2");
    machine.apply("vm.overcommit_ratio", "min = 90");
    machine.write("proc/meminfo", BUSY);
    // The ratio first, which is held; then the mode, after which the ratio says nothing.
    let (said, code) = machine.revert(&[]);
    assert_eq!(
        (code, machine.value("vm.overcommit_memory").as_str()),
        (1, "0"),
        "{said}"
    );
    machine.goes_back("vm.overcommit_ratio", &[], "50");
}
