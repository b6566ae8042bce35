//! Limits on open files and `fs.nr_open`, which none of them may be above, are made to last together or not at all; on trees of
//! files that stand for machines.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::path::Path;

use support::{Done, directory, run};

const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 524288               files\n";

const SYSCTL_D: &str = "etc/sysctl.d/60-runup.conf";
const LIMITS_D: &str = "etc/security/limits.d/60-runup.conf";
const DROP_IN: &str = "etc/systemd/system/a.service.d/60-runup.conf";
const NR_OPEN: &str = "proc/sys/fs/nr_open";

/// A machine whose logins get little, with `fs.nr_open` as the kernel has it, and a profile that asks for `files` of each.
fn tree(files: &str, more: &[(&str, &str)]) -> tempfile::TempDir {
    let profile =
        format!("[[rule]]\nid = \"files\"\nrlimit = {{ resource = \"nofile\", soft = {{ min = {files} }} }}\n");
    let mut all = vec![
        (NR_OPEN, "1048576\n"),
        ("proc/sys/fs/file-max", "9223372036854775807\n"),
        ("proc/sys/net/core/somaxconn", "65535\n"),
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("proc/self/limits", LIMITS),
        ("run/systemd/system/marker", ""),
        ("p.toml", profile.as_str()),
    ];
    all.extend_from_slice(more);
    directory(&all)
}

fn apply(root: &Path, words: &[&str]) -> Done {
    let profile = root.join("p.toml");
    let (profile, place) = (profile.to_str().expect("UTF-8"), root.to_str().expect("UTF-8"));
    let named = words.first().is_some_and(|word| !word.starts_with('-'));
    let mut all = vec!["apply"];
    all.extend((!named).then_some(profile));
    all.extend(words);
    all.extend(["--root", place, "--persist", "--yes"]);
    run(&all)
}

fn settings(root: &Path, path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let says = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().filter(says).map(str::to_owned).collect()
}

fn now(root: &Path) -> String {
    std::fs::read_to_string(root.join(NR_OPEN))
        .expect("a value")
        .trim()
        .to_owned()
}

/// What a profile for many connections asks for, as the built-in ones do.
#[test]
fn a_limit_that_needs_room_brings_it_along() {
    let asked: [(&[&str], &str); 4] = [
        (&[], "2097152"),
        (
            &["redis", "--set", "maxclients=2000000", "--only", "open-files"],
            "2000032",
        ),
        (
            &["api-server", "--set", "connections=2000000", "--only", "open-files"],
            "4000512",
        ),
        (&["haproxy", "--set", "maxconn=2000000", "--only", "open-files"], ""),
    ];
    for (words, files) in asked {
        let root = tree("2097152", &[]);
        let root = root.path();
        let applied = apply(root, words);
        let limits = settings(root, LIMITS_D);
        assert_eq!(limits.len(), 2, "{words:?}: {}{}", applied.out, applied.err);
        let given = limits[0].rsplit(' ').next().expect("a number").to_owned();
        assert!(files.is_empty() || files == given, "{words:?}: {limits:?}");
        assert_eq!(
            limits,
            [format!("* soft nofile {given}"), format!("* hard nofile {given}")]
        );
        let number = |text: &str| text.parse::<u64>().expect("a number");
        assert!(number(&given) > 1_048_576, "{given}");
        // At once and at the next boot.
        assert_eq!(now(root), given, "{words:?}: {}", applied.out);
        assert_eq!(settings(root, SYSCTL_D), [format!("fs.nr_open = {given}")], "{words:?}");
        // Neither file asks for what the other one holds.
        let text = std::fs::read_to_string(root.join(LIMITS_D)).expect("it was written");
        assert!(!text.contains("fs.nr_open"), "{text}");
        assert!(applied.out.contains("root's limits are left"), "{}", applied.out);
    }
}

#[test]
fn roots_lines_are_written_where_that_is_agreed_to() {
    let root = tree("65536", &[]);
    let applied = apply(root.path(), &["--allow", "risky"]);
    assert_eq!(
        settings(root.path(), LIMITS_D),
        [
            "* soft nofile 65536",
            "root soft nofile 65536",
            "* hard nofile 65536",
            "root hard nofile 65536"
        ]
    );
    assert!(!applied.out.contains("root's limits are left"), "{}", applied.out);
    // There is room for it as it is.
    assert!(!root.path().join(SYSCTL_D).exists());
    // With another PAM than Debian's `*` means root as well, and nothing is left out.
    let root = tree("65536", &[("etc/os-release", "ID=fedora\n")]);
    let applied = apply(root.path(), &[]);
    assert_eq!(settings(root.path(), LIMITS_D).len(), 2);
    assert!(!applied.out.contains("root's limits"), "{}", applied.out);
}

#[test]
fn a_service_gets_its_limit_with_the_room_for_it_or_not_at_all() {
    let root = tree("2097152", &[]);
    let applied = apply(root.path(), &["--unit", "a.service"]);
    let set = settings(root.path(), DROP_IN);
    assert_eq!(set, ["[Service]", "LimitNOFILE=2097152"], "{}", applied.out);
    assert_eq!(settings(root.path(), SYSCTL_D), ["fs.nr_open = 2097152"]);
    let root = tree("2097152", &[("etc/sysctl.d/99-x.conf", "\nfs.nr_open = 1048576\n")]);
    let applied = apply(root.path(), &["--unit", "a.service"]);
    assert_ne!(applied.code, 0);
    assert!(!root.path().join(DROP_IN).exists() && !root.path().join(SYSCTL_D).exists());
    assert!(applied.out.contains("the service would not get it"), "{}", applied.out);
}

/// Neither file, with the two numbers and what to do.
#[test]
fn a_limit_that_will_have_no_room_is_written_nowhere() {
    let beaten = ("etc/sysctl.d/99-x.conf", "# ours\nfs.nr_open = 1048576\n");
    // A file that only the other reader takes counts: whoever runs it takes the room away.
    let others = ("etc/sysctl.conf", "fs.nr_open = 1048576\n");
    let pattern = ("etc/sysctl.d/99-x.conf", "fs.nr_ope? = 1048576\n");
    for (file, place) in [
        (beaten, Some("/etc/sysctl.d/99-x.conf:2")),
        (others, Some("/etc/sysctl.conf:1")),
        // Our line names the key, and a pattern does not touch it then.
        (pattern, None),
    ] {
        for words in [
            &[][..],
            &["redis", "--set", "maxclients=2000000", "--only", "open-files"],
            &[
                "haproxy",
                "--set",
                "maxconn=2000000",
                "--only",
                "open-files",
                "--only",
                "open-files-per-process",
            ],
        ] {
            let root = tree("2097152", &[file]);
            let applied = apply(root.path(), words);
            let there = |path: &str| root.path().join(path).exists();
            assert_eq!(there(LIMITS_D), there(SYSCTL_D), "{words:?}: {}", applied.out);
            let Some(place) = place else {
                assert!(there(LIMITS_D), "{words:?}: {}", applied.out);
                continue;
            };
            assert!(!there(LIMITS_D), "{words:?}: {}", applied.out);
            assert_eq!(applied.code, 1, "{words:?}: {}", applied.err);
            let said = applied.out.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [
                "In no file:",
                "fs.nr_open is",
                place,
                "sets it to 1048576 at boot",
                "run this again",
            ] {
                assert!(said.contains(part), "{words:?} {part}: {said}");
            }
        }
    }
}

#[test]
fn what_holds_now_alone_is_not_enough() {
    // Raised by hand: there is room for logins until the next boot.
    let root = tree("2097152", &[]);
    std::fs::write(root.path().join(NR_OPEN), "4194304\n").expect("a value");
    let applied = apply(root.path(), &[]);
    assert_eq!(
        settings(root.path(), SYSCTL_D),
        ["fs.nr_open = 4194304"],
        "{}",
        applied.out
    );
    assert_eq!(
        (now(root.path()).as_str(), settings(root.path(), LIMITS_D).len()),
        ("4194304", 2)
    );
    // As systemd sets it at each start, where it is built to.
    let root = tree("2097152", &[]);
    std::fs::write(root.path().join(NR_OPEN), "1073741816\n").expect("a value");
    let applied = apply(root.path(), &[]);
    assert!(!root.path().join(SYSCTL_D).exists(), "{}", applied.out);
    assert_eq!(settings(root.path(), LIMITS_D).len(), 2);
    // Lowered at boot, below a limit that fits now.
    let root = tree("65536", &[("etc/sysctl.d/10-x.conf", "fs.nr_open = 32768\n")]);
    let applied = apply(root.path(), &[]);
    assert_eq!(
        settings(root.path(), SYSCTL_D),
        ["fs.nr_open = 1048576"],
        "{}",
        applied.out
    );
}

#[test]
fn what_no_kernel_takes_and_what_another_rule_forbids_is_not_written() {
    let most = "[[rule]]\nid = \"most\"\nsysctl = { key = \"fs.nr_open\", max = 1048576 }\nseverity = \"error\"\n\
                [[rule]]\nid = \"files\"\nrlimit = { resource = \"nofile\", soft = { min = 2097152 } }\n";
    let cases = [
        ("3000000000", None, "the kernel takes no more than 2147483520"),
        ("\"unlimited\"", None, "ask for a number"),
        ("2097152", Some(most), "p/most wants at most 1048576"),
    ];
    for (files, profile, why) in cases {
        let more: Vec<(&str, &str)> = profile.map(|text| ("p.toml", text)).into_iter().collect();
        let root = tree(files, &more);
        let applied = apply(root.path(), &[]);
        let said = applied.out.split_whitespace().collect::<Vec<_>>().join(" ") + &applied.err;
        assert!(said.contains(why), "{files}: {said}");
        assert!(
            !root.path().join(LIMITS_D).exists() && !root.path().join(SYSCTL_D).exists(),
            "{said}"
        );
        assert_eq!(now(root.path()), "1048576");
    }
}

/// What an earlier version wrote is mended, or goes where it cannot be.
#[test]
fn an_earlier_file_is_not_kept_as_it_was() {
    let root = tree("2097152", &[]);
    assert_eq!(settings(root.path(), LIMITS_D).len(), 0);
    apply(root.path(), &["--allow", "risky"]);
    assert_eq!(settings(root.path(), LIMITS_D).len(), 4);
    // Now the room is gone, and another profile writes a limit of its own.
    std::fs::remove_file(root.path().join(SYSCTL_D)).expect("a file");
    std::fs::write(root.path().join(NR_OPEN), "1048576\n").expect("a value");
    let memory = "[[rule]]\nid = \"locked\"\nrlimit = { resource = \"memlock\", soft = { min = \"1GiB\" } }\n";
    std::fs::write(root.path().join("p.toml"), memory).expect("a profile");
    let row = "Max locked memory         65536                65536                bytes\n";
    std::fs::write(root.path().join("proc/self/limits"), format!("{LIMITS}{row}")).expect("a file");
    let applied = apply(root.path(), &[]);
    assert_eq!(
        settings(root.path(), LIMITS_D),
        ["* soft memlock 1048576", "* hard memlock 1048576"],
        "{}",
        applied.out
    );
}

#[test]
fn fs_nr_open_does_not_go_below_what_logins_get() {
    let ceiling = "[[rule]]\nid = \"ceiling\"\nsysctl = { key = \"fs.nr_open\", min = 1500000 }\n";
    let given = ("etc/security/limits.d/50-db.conf", "db hard nofile 4000000\n");
    let own = ("etc/sysctl.d/50-db.conf", "fs.nr_open = 4000000\n");
    let root = tree("1", &[("p.toml", ceiling), given, own]);
    let applied = apply(root.path(), &[]);
    // The boot is right already, by the file that has room for the login.
    assert!(!root.path().join(SYSCTL_D).exists(), "{}", applied.out);
    let fixed = "[[rule]]\nid = \"ceiling\"\nsysctl = { key = \"fs.nr_open\", eq = 1500000 }\n";
    let root = tree("1", &[("p.toml", fixed), given, own]);
    let applied = apply(root.path(), &[]);
    assert!(!root.path().join(SYSCTL_D).exists(), "{}", applied.out);
    let said = applied.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("/etc/security/limits.d/50-db.conf:1 gives db 4000000 open files"),
        "{said}"
    );
}

/// A file for another place says what its limits need besides, in itself and on stderr.
#[test]
fn an_exported_limit_names_the_room_that_it_needs() {
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hosts/recorded/server.json");
    let export = |to: &str, files: &str| {
        let set = format!("maxclients={files}");
        let all = [
            "export",
            "redis",
            "--to",
            to,
            "--set",
            &set,
            "--only",
            "open-files",
            "--host",
            recording,
        ];
        run(&all)
    };
    for (to, harm) in [
        ("limits.d", "a login fails, or loses it"),
        ("systemd", "the service does not get it"),
        ("docker", "the container does not start"),
        ("compose", "the container does not start"),
    ] {
        let said = export(to, "2000000");
        for text in [&said.err, &said.out] {
            // docker's form is a command, which holds no comments.
            if to == "docker" && std::ptr::eq(text, &said.out) {
                continue;
            }
            let words = text
                .split_whitespace()
                .filter(|word| *word != "#")
                .collect::<Vec<_>>()
                .join(" ");
            assert!(
                words.contains("fs.nr_open = 2000032") && words.contains(harm),
                "{to}: {text}"
            );
            assert!(words.contains("it is 1048576"), "{to}: {text}");
        }
        let enough = export(to, "20000");
        assert!(!enough.err.contains("fs.nr_open"), "{to}: {}", enough.err);
    }
}

#[test]
fn a_limit_that_stays_keeps_its_room() {
    let root = tree("2097152", &[]);
    let root = root.path();
    apply(root, &[]);
    let limits = root.join(LIMITS_D);
    let edited = std::fs::read_to_string(&limits).expect("it was written") + "@dba soft nofile 4096\n";
    std::fs::write(&limits, edited).expect("it is written");
    let place = root.to_str().expect("UTF-8");
    let removed = run(&["revert", "--persist", "--root", place]);
    assert_eq!(removed.code, 1, "{}{}", removed.out, removed.err);
    assert!(removed.err.contains("fs.nr_open that a limit"), "{}", removed.err);
    assert_eq!(settings(root, SYSCTL_D), ["fs.nr_open = 2097152"]);
    let forced = run(&["revert", "--persist", "--force", "--root", place]);
    assert_eq!(forced.code, 0, "{}{}", forced.out, forced.err);
    assert!(!root.join(SYSCTL_D).exists() && !limits.exists());
}

#[test]
fn a_ceiling_holds_whichever_profile_is_named_first() {
    for low_first in [true, false] {
        let low = "[[rule]]\nid = \"low\"\nsysctl = { key = \"fs.nr_open\", max = 1_048_576 }\nseverity = \"error\"\n";
        let root = tree("2097152", &[("low.toml", low)]);
        let root = root.path();
        let place = root.to_str().expect("UTF-8");
        let (low, high) = (format!("{place}/low.toml"), format!("{place}/p.toml"));
        let names = if low_first { [&low, &high] } else { [&high, &low] };
        let applied = run(&["apply", names[0], names[1], "--root", place, "--persist", "--yes"]);
        assert_eq!(applied.code, 2, "{}{}", applied.out, applied.err);
        assert!(applied.err.contains("nofile and fs.nr_open"), "{}", applied.err);
        assert_eq!(now(root), "1048576", "{low_first}: {}", applied.out);
        assert_eq!(
            (settings(root, LIMITS_D), settings(root, SYSCTL_D)),
            (Vec::new(), Vec::new()),
            "{}",
            applied.out
        );
    }
}
