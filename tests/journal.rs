//! The journal on a real kernel that answers badly: what it cannot say, what it refuses to list, and what is left of a process
//! that was killed. No original value is lost.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

#[path = "support/seccomp.rs"]
mod seccomp;
mod support;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use seccomp::{Answer, answer, filter};
use support::{Done, clean, directory, done, is_root, needs};

const KEY: &str = "/proc/sys/net/core/somaxconn";

/// Network and mount namespaces that live as long as this does, two profiles, and a journal. The second profile asks for another
/// key.
struct Place {
    holder: Child,
    files: tempfile::TempDir,
}

impl Place {
    fn new(what: &str) -> Option<Self> {
        let strace = Command::new("strace").arg("--version").output().is_ok();
        needs(&format!("{what} needs root and strace"), is_root() && strace);
        let mut holder = Command::new("unshare")
            .args([
                "--net",
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                "echo ready; exec sleep 1000",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare starts");
        let mut line = String::new();
        let mut out = std::io::BufReader::new(holder.stdout.take().expect("a pipe"));
        std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
        assert_eq!(line, "ready\n");
        let rule = |id: &str, key: &str, asked: &str| {
            format!("[[rule]]\nid = \"{id}\"\nsysctl = {{ key = \"{key}\", {asked} }}\n")
        };
        let files = directory(&[
            ("backlog.toml", &rule("backlog", "net.core.somaxconn", "min = 16384")),
            ("fin.toml", &rule("fin", "net.ipv4.tcp_fin_timeout", "max = \"30s\"")),
        ]);
        Some(Self { holder, files })
    }

    fn path(&self, name: &str) -> String {
        let path: PathBuf = self.files.path().join(name);
        path.to_str().expect("UTF-8").to_owned()
    }

    /// A command in the namespaces.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = clean(Command::new("nsenter"));
        command
            .args(["-t", &self.holder.id().to_string(), "-n", "-m"])
            .args(words);
        command
    }

    fn sh(&self, script: &str) -> String {
        let done = done(self.command(&["sh", "-ec", script]).output().expect("sh starts"));
        assert_eq!(done.code, 0, "{script}: {}", done.err);
        done.out.trim().to_owned()
    }

    fn value(&self) -> String {
        self.sh(&format!("cat {KEY}"))
    }

    /// runup with the journal, behind other words.
    fn runup_behind(&self, before: &[&str], words: &[&str]) -> Command {
        let journal = self.path("journal");
        let words = [before, &[env!("CARGO_BIN_EXE_runup")], words, &["--journal", &journal]].concat();
        self.command(&words)
    }

    fn runup(&self, words: &[&str]) -> Done {
        self.behind(&[], words)
    }

    fn behind(&self, before: &[&str], words: &[&str]) -> Done {
        done(self.runup_behind(before, words).output().expect("it starts"))
    }

    fn apply(&self, profile: &str) -> Done {
        self.apply_behind(&[], profile)
    }

    fn apply_behind(&self, before: &[&str], profile: &str) -> Done {
        self.behind(before, &["apply", &self.path(profile), "--yes"])
    }

    fn records(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.path("journal")).expect("a journal");
        let mut names: Vec<String> = names
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .filter(|name| name != "lock" && name != "last")
            .collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A boot id that cannot be read: hidden by an empty file, by an empty directory, or an error.
#[test]
#[ignore = "needs root and strace"]
fn a_boot_that_cannot_be_told_loses_no_original() {
    let Some(place) = Place::new("a boot that cannot be told") else {
        return;
    };
    let original = place.value();
    let boot_id = "/proc/sys/kernel/random/boot_id";
    let eio = [
        "strace",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        boot_id,
        "-e",
        "inject=read:error=EIO",
    ];
    let empty_file = format!("mount --bind /dev/null {boot_id}");
    let cases: [(&str, &str, &[&str]); 3] = [
        (&empty_file, "umount /proc/sys/kernel/random/boot_id", &[]),
        (
            "mount -t tmpfs none /proc/sys/kernel/random",
            "umount /proc/sys/kernel/random",
            &[],
        ),
        ("true", "true", &eio),
    ];
    for (hide, show, before) in cases {
        let first = place.apply("backlog.toml");
        assert_eq!(first.code, 0, "{}", first.err);
        let record = place.records();
        assert_eq!((record.len(), place.value().as_str()), (1, "16384"));

        place.sh(hide);
        let second = place.apply_behind(before, "fin.toml");
        assert_eq!(second.code, 2, "{hide}: {}{}", second.out, second.err);
        assert!(second.err.contains("boot_id"), "{}", second.err);
        assert_eq!(place.records(), record, "{hide}");
        assert_eq!(place.sh("cat /proc/sys/net/ipv4/tcp_fin_timeout"), "60");
        // It is the same boot, and nobody can tell: kept, said, and undone for whoever knows.
        let reverted = place.behind(before, &["revert"]);
        assert_eq!(reverted.code, 2, "{hide}: {}{}", reverted.out, reverted.err);
        assert!(reverted.out.contains("--force"), "{}", reverted.out);
        let listed = place.behind(before, &["revert", "--list"]);
        assert!(listed.out.contains("cannot be told"), "{}", listed.out);
        assert_eq!((place.records(), place.value().as_str()), (record, "16384"));
        let forced = place.behind(before, &["revert", "--force"]);
        assert_eq!(forced.code, 0, "{hide}: {}{}", forced.out, forced.err);
        assert!(forced.out.contains("cannot be told"), "{}", forced.out);
        place.sh(show);
        assert_eq!((place.value(), place.records().len()), (original.clone(), 0));
    }
}

#[test]
#[ignore = "needs root and strace"]
fn a_journal_that_cannot_be_listed_is_not_an_empty_one() {
    let Some(place) = Place::new("a journal that cannot be listed") else {
        return;
    };
    let original = place.value();
    assert_eq!(place.apply("backlog.toml").code, 0);
    let journal = place.path("journal");
    let broken = [
        "strace",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        &journal,
        "-e",
        "inject=getdents64:error=EIO",
    ];
    for words in [&["revert"][..], &["revert", "--list"], &["revert", "1"]] {
        let done = place.behind(&broken, words);
        assert_eq!(done.code, 2, "{words:?}: {}{}", done.out, done.err);
        assert!(
            done.err.contains(&journal) && !done.err.contains("nothing to undo"),
            "{}",
            done.err
        );
        assert_eq!((place.value().as_str(), place.records().len()), ("16384", 1));
    }
    let applied = place.apply_behind(&broken, "fin.toml");
    assert_eq!(applied.code, 2, "{}{}", applied.out, applied.err);
    assert_eq!(place.sh("cat /proc/sys/net/ipv4/tcp_fin_timeout"), "60");
    assert_eq!(place.runup(&["revert"]).code, 0);
    assert_eq!(place.value(), original);
}

/// The same of the files that make changes last.
#[test]
#[ignore = "needs root and strace"]
fn drop_ins_that_cannot_be_read_are_not_gone() {
    let Some(place) = Place::new("drop-ins that cannot be read") else {
        return;
    };
    let (units, drop_in) = ("/etc/systemd/system", "/etc/sysctl.d/60-runup.conf");
    place.sh(&format!(
        "mkdir -p {units} /etc/sysctl.d; mount -t tmpfs none {units}; mount -t tmpfs none /etc/sysctl.d; echo 'vm.swappiness = 1' > {drop_in}"
    ));
    for (path, inject) in [
        (units, "inject=getdents64:error=EIO"),
        (drop_in, "inject=read:error=EIO"),
    ] {
        let broken = ["strace", "-qq", "-o", "/dev/null", "-P", path, "-e", inject];
        let done = place.behind(&broken, &["revert", "--persist"]);
        assert_eq!(done.code, 2, "{path}: {}{}", done.out, done.err);
        assert!(done.err.contains(path), "{}", done.err);
        assert_eq!(place.sh(&format!("cat {drop_in}")), "vm.swappiness = 1");
    }
}

/// What a sandbox refuses to whoever applies must not make it another namespace to whoever reverts, nor the other way round.
#[test]
#[ignore = "needs root and strace"]
fn a_namespace_is_known_again_by_whatever_both_know() {
    let Some(place) = Place::new("a namespace that is known again") else {
        return;
    };
    let original = place.value();
    let unix = libc::AF_UNIX.cast_unsigned();
    let sandboxes: [&[Answer]; 4] = [
        // RestrictAddressFamilies=AF_INET
        &[answer(libc::SYS_socket, libc::EAFNOSUPPORT).with_argument(0, unix)],
        &[answer(libc::SYS_socket, libc::EPERM)],
        &[answer(libc::SYS_getsockopt, libc::EPERM)],
        &[answer(libc::SYS_uname, libc::EPERM)],
    ];
    for (at, sandbox) in sandboxes.iter().enumerate() {
        for sandboxed in [[true, false], [false, true], [true, true]] {
            for (words, inside) in [
                (&["apply", "backlog.toml"][..], sandboxed[0]),
                (&["revert"], sandboxed[1]),
            ] {
                let profile = place.path("backlog.toml");
                let words = if words[0] == "apply" {
                    vec!["apply", &profile, "--yes"]
                } else {
                    words.to_vec()
                };
                let mut command = place.runup_behind(&[], &words);
                if inside {
                    filter(&mut command, sandbox);
                }
                let done = done(command.output().expect("it starts"));
                assert_eq!(
                    done.code, 0,
                    "sandbox {at} {sandboxed:?} {words:?}: {}{}",
                    done.out, done.err
                );
            }
            assert_eq!(
                (place.value(), place.records().len()),
                (original.clone(), 0),
                "sandbox {at} {sandboxed:?}"
            );
        }
    }
}

/// A file that is not there under something that was mounted over its directory is not a file that is gone.
#[test]
#[ignore = "needs root and strace"]
fn what_is_hidden_is_not_gone() {
    let Some(place) = Place::new("what is hidden") else {
        return;
    };
    let original = place.value();
    assert_eq!(place.apply("backlog.toml").code, 0);
    for directory in ["/proc/sys/net/core", "/proc/sys/net"] {
        place.sh(&format!("mount -t tmpfs none {directory}"));
        let done = place.runup(&["revert"]);
        assert_eq!(done.code, 1, "{directory}: {}{}", done.out, done.err);
        assert!(done.out.contains("mounted"), "{}", done.out);
        place.sh(&format!("umount {directory}"));
        assert_eq!((place.value().as_str(), place.records().len()), ("16384", 1));
    }
    assert_eq!(place.runup(&["revert"]).code, 0);
    assert_eq!(place.value(), original);
    // An interface that is removed takes its keys with it.
    place.sh("ip link add one type dummy 2>/dev/null || ip link add one type veth peer name two");
    let rule = "[[rule]]\nid = \"filter\"\nsysctl = { key = \"net.ipv4.conf.one.rp_filter\", eq = 2 }\n";
    std::fs::write(place.path("one.toml"), rule).expect("a profile");
    assert_eq!(place.apply("one.toml").code, 0);
    place.sh("ip link del one");
    let done = place.runup(&["revert"]);
    assert!(
        done.code == 0 && done.out.contains("is gone"),
        "{}{}",
        done.out,
        done.err
    );
    assert!(place.records().is_empty());
}

#[test]
#[ignore = "needs root and strace"]
fn what_a_killed_process_left_is_removed_and_nothing_else() {
    let Some(place) = Place::new("what a killed process left") else {
        return;
    };
    let original = place.value();
    let journal = place.path("journal");
    // The second apply's own text of the count, and of the record.
    for (when, left) in [("1", ".last.new"), ("2", ".000001.json.new")] {
        let kill = format!("inject=fsync:signal=KILL:when={when}");
        let killed = place.apply_behind(&["strace", "-qq", "-o", "/dev/null", "-e", &kill], "backlog.toml");
        assert_ne!(killed.code, 0);
        assert_eq!(
            (place.records(), place.value()),
            (vec![left.to_owned()], original.clone())
        );
        // Neither is anything of runup's.
        std::fs::write(format!("{journal}/.000009.json.new"), "mine").expect("a file");
        std::fs::write(format!("{journal}/.notes.new"), "runup.journal/1").expect("a file");
        std::os::unix::fs::symlink("/etc/hostname", format!("{journal}/.000008.json.new")).expect("a link");
        let done = if when == "1" {
            place.apply("backlog.toml")
        } else {
            place.runup(&["revert"])
        };
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
        let others = [".000008.json.new", ".000009.json.new", ".notes.new"];
        let names = place.records();
        assert!(!names.contains(&left.to_owned()), "{names:?}");
        assert!(
            others.iter().all(|name| names.contains(&(*name).to_owned())),
            "{names:?}"
        );
        assert_eq!(place.runup(&["revert"]).code, 0);
        assert_eq!(place.value(), original);
        std::fs::remove_dir_all(&journal).expect("removed");
    }
}

#[test]
#[ignore = "needs root and strace"]
fn a_lock_that_cannot_be_unlocked_and_a_count_that_cannot_be_counted_on() {
    let Some(place) = Place::new("a lock that cannot be unlocked") else {
        return;
    };
    let original = place.value();
    let broken = [
        "strace",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "inject=flock:error=EIO:when=2+",
    ];
    let applied = place.apply_behind(&broken, "backlog.toml");
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    let reverted = place.behind(&broken, &["revert"]);
    assert_eq!(reverted.code, 0, "{}{}", reverted.out, reverted.err);
    assert_eq!(place.value(), original);
    // While a command runs that the changes last for, others must get the lock, and so must the end of it: only the first unlocking
    // fails here.
    let once = [&broken[..5], &["inject=flock:error=EIO:when=2"]].concat();
    let mut lasting = place.runup_behind(&once, &["apply", &place.path("backlog.toml"), "--yes", "--for"]);
    let lasting = done(lasting.args(["--", "true"]).output().expect("it starts"));
    assert_eq!((lasting.code, place.value()), (0, original.clone()), "{}", lasting.err);

    for last in ["18446744073709551615\n", "many\n"] {
        std::fs::write(place.path("journal/last"), last).expect("a file");
        let done = place.apply("backlog.toml");
        assert_eq!(done.code, 2, "{}{}", done.out, done.err);
        assert!(done.err.contains("journal/last"), "{}", done.err);
        assert_eq!((place.value(), place.records().len()), (original.clone(), 0));
    }
}
