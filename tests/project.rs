//! `.runup.toml`, and whose profiles root reads: with two other users, in directories of theirs.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests arrange files")]

mod support;

use std::process::Command;

use support::{Done, clean, directory, done, is_root, needs};

/// Runs a shell's words as root where alice (4242) and mallory (4343) are users, in a directory of alice's.
///
/// `as alice CMD` is a user of its own; `put OWNER MODE FILE` writes a file that fails a rule named like the file.
fn scene(script: &str) -> Done {
    let files = directory(&[]);
    std::fs::copy(env!("CARGO_BIN_EXE_runup"), files.path().join("runup")).expect("a copy");
    let place = files.path().display();
    let script = format!(
        "set -e
        printf 'root:x:0:0::/root:/bin/sh\\nalice:x:4242:4242::/home/alice:/bin/sh\\nmallory:x:4343:4343::/:/bin/sh\\n' > {place}/passwd
        printf 'root:x:0:\\nalice:x:4242:\\nmallory:x:4343:\\nshared:x:4444:alice,mallory\\n' > {place}/group
        mount --bind {place}/passwd /etc/passwd; mount --bind {place}/group /etc/group
        chmod 755 {place}; umask 022; mkdir {place}/d; chown 4242:4242 {place}/d; cd {place}/d
        runup() {{ timeout -k 1 20 {place}/runup \"$@\"; }}
        as() {{ user=$1; shift; HOME=${{home:-/}} setpriv --reuid $user --regid $user --clear-groups {place}/runup \"$@\"; }}
        alice=4242; mallory=4343
        rule() {{ printf '[[rule]]\\nid = \"%s\"\\nseverity = \"error\"\\nsysctl = {{ key = \"vm.swappiness\", min = 1000 }}\\n' $1; }}
        put() {{ mkdir -p $(dirname $3); rule $(basename $3 .toml | tr -d .) > $3; chown $1:$1 $3; chmod $2 $3; }}
        set +e
        {script}"
    );
    let mut command = clean(Command::new("unshare"));
    command.args(["--mount", "--propagation", "private", "bash", "-c", &script]);
    done(command.output().expect("a shell"))
}

/// Each script ends with a command; its exit code, and words that its output holds and does not hold.
fn each(cases: &[(&str, i32, &str)]) {
    needs("other users and a mount namespace need root", is_root());
    for (script, code, said) in cases {
        let done = scene(script);
        let both = format!("{}{}", done.out, done.err);
        assert!(
            done.code == *code && both.contains(said),
            "{script}\n{} {both}",
            done.code
        );
        assert!(
            !both.contains("SECRET") && !both.contains("default on"),
            "{script}\n{both}"
        );
    }
}

#[test]
#[ignore = "needs root"]
fn a_check_reads_the_directory_owners_file_for_root_too_and_says_whose_it_is() {
    each(&[
        ("put 4242 644 .runup.toml; runup check", 1, "runup: using ./.runup.toml of alice\n"),
        ("put 0 644 .runup.toml; runup check 2>&1 | grep -q using && exit 9; runup check", 1, "FAIL"),
        ("put 4242 644 .runup.toml; runup record | grep -q swappiness", 0, "of alice"),
        ("put 4242 644 .runup.toml; as 4343 check", 1, "using ./.runup.toml of alice"),
        // What it extends, by path and by name, is found below the same directory.
        (
            "put 4242 644 .runup/api.toml; put 4242 644 sub/x.toml
             echo 'extends = [\"api\", \"./.runup/../sub/x.toml\"]' > .runup.toml; chown 4242 .runup.toml; runup check -v",
            1,
            "FAIL    x",
        ),
        // Neither a recording nor a tree says who is trusted.
        ("put 4242 644 .runup.toml; as 4242 record ./.runup.toml > ../r; sed -i s/4242/0/ ../r; as 4242 check --host ../r", 1, "FAIL"),
        ("put 4343 644 .runup.toml; runup record load-test > ../r; sed -i 's/\"uid\": 0/\"uid\": 7/' ../r; runup check --host ../r", 2, "belongs to mallory"),
        ("put 4343 644 .runup.toml; mkdir -p t/proc/sys/vm; runup check --root t", 2, "belongs to mallory"),
        ("put 4343 644 .runup/realtime.toml; mkdir -p t/proc/sys/vm; runup check realtime --root t --format json; test $? -lt 2", 0, "\"built_in\": \"realtime\""),
    ]);
}

#[test]
#[ignore = "needs root"]
fn what_leads_elsewhere_or_is_somebody_elses_is_refused_and_nothing_else_is_taken() {
    each(&[
        (
            "echo SECRET > ../s; ln -s ../s .runup.toml; runup check",
            2,
            "symbolic link",
        ),
        ("ln -s gone .runup.toml; runup check", 2, "symbolic link"),
        ("mkfifo .runup.toml; runup check", 2, "it is a pipe"),
        ("mkdir .runup.toml; runup check", 2, "it is a directory"),
        ("put 4343 644 .runup.toml; runup check", 2, "it belongs to mallory"),
        (
            "echo SECRET > .runup.toml; chmod 600 .runup.toml; runup check",
            2,
            "could not read it",
        ),
        (
            "echo SECRET > ../s.toml; echo 'extends = [\"../s.toml\"]' > .runup.toml; runup check",
            2,
            "outside the working directory",
        ),
        (
            "echo SECRET > ../s.toml; echo \"extends = [\\\"$PWD/../s.toml\\\"]\" > .runup.toml; runup check",
            2,
            "outside",
        ),
        (
            "mkdir ../e; echo SECRET > ../e/api.toml; ln -s ../e .runup; echo 'extends = [\"api\"]' > .runup.toml; runup check",
            2,
            "symbolic link",
        ),
        (
            "chown 0:0 .; ln -s /etc/shadow .runup.toml; runup apply --dry-run",
            2,
            "symbolic link",
        ),
        // A name that is flipped all the while never shows what the link leads to.
        (
            "echo SECRET > ../s; put 4242 644 good
             (while :; do ln -s ../s a; mv -T a .runup.toml; cp -p good b; mv -T b .runup.toml; done) & flips=$!
             for n in $(seq 60); do runup check; done; kill $flips; mkdir x; chown 4242 x; put 4242 644 x/.runup.toml; cd x; runup check",
            1,
            "FAIL",
        ),
    ]);
}

#[test]
#[ignore = "needs root"]
fn apply_carries_out_for_root_what_nobody_else_can_have_put_there() {
    let sudo = "export SUDO_UID=4242;";
    let cases = [
        (
            "put 4242 644 .runup.toml; runup apply --dry-run".to_owned(),
            2,
            "others can write the directory",
        ),
        (
            format!("{sudo} put 4242 644 .runup.toml; runup apply --dry-run"),
            1,
            "using ./.runup.toml of alice",
        ),
        (
            format!("{sudo} put 4343 644 .runup.toml; runup apply --dry-run"),
            2,
            "it belongs to mallory",
        ),
        (
            format!("{sudo} put 4242 666 .runup.toml; runup apply --dry-run"),
            2,
            "others can write it",
        ),
        (
            format!("{sudo} put 4242 644 .runup.toml; chmod 777 .; runup apply --dry-run"),
            2,
            "others can write the directory",
        ),
        (
            format!(
                "{sudo} put 4242 644 a/b/.runup.toml; chown 4242 a a/b; chmod 777 a; cd a/b; runup apply --dry-run"
            ),
            2,
            "others can write the directory",
        ),
        (
            format!("{sudo} chown 0 .; chmod 1777 .; put 4242 644 .runup.toml; runup apply --dry-run"),
            1,
            "of alice",
        ),
        // A group of alice's own is alice; one with others in it is not.
        (
            format!("{sudo} put 4242 664 .runup.toml; chmod 775 .; runup apply --dry-run"),
            1,
            "of alice",
        ),
        (
            format!("{sudo} put 4242 644 .runup.toml; chgrp 4444 .; chmod 775 .; runup apply --dry-run"),
            2,
            "others can write the directory",
        ),
        (
            format!(
                "{sudo} sed 's/^alice.*/&mallory/' /etc/group > ../g; mount --bind ../g /etc/group; put 4242 644 .runup.toml; chmod 775 .; runup apply --dry-run"
            ),
            2,
            "others can write the directory",
        ),
        // By its name it is carried out; and an export is carried out elsewhere.
        (
            "put 4242 644 .runup.toml; runup apply ./.runup.toml --dry-run".to_owned(),
            1,
            "swappiness",
        ),
        (
            "put 4242 644 .runup.toml; runup export --to sysctl.d".to_owned(),
            2,
            "others can write the directory",
        ),
        (
            "put 0 644 .runup.toml; chown 0:0 .; runup apply --dry-run".to_owned(),
            1,
            "swappiness",
        ),
        // Only root's own environment speaks of sudo.
        (
            format!("{sudo} put 4343 644 .runup.toml; as 4343 apply --dry-run --journal /nonexistent"),
            1,
            "swappiness",
        ),
    ];
    let cases: Vec<(&str, i32, &str)> = cases
        .iter()
        .map(|(script, code, said)| (script.as_str(), *code, *said))
        .collect();
    each(&cases);
}

#[test]
#[ignore = "needs root"]
fn exec_reads_only_what_it_is_given() {
    each(&[
        ("put 0 644 .runup.toml; runup exec -- echo started", 0, "started"),
        ("put 4242 644 .runup.toml; as 4242 exec -- echo started", 0, "started"),
        (
            "put 4242 644 .runup.toml; runup exec ./.runup.toml -- echo started",
            78,
            "not ready",
        ),
    ]);
}

#[test]
#[ignore = "needs root"]
fn a_directory_that_cannot_be_searched_is_passed_over_with_a_word() {
    let check = "check ci --only open-files";
    let cases = [
        (
            format!("mkdir .runup; chmod 700 .runup; as 4242 {check}; test $? -lt 2"),
            0,
            "no profile is looked for in .runup",
        ),
        (
            format!("mkdir ../h; chmod 700 ../h; home=$PWD/../h as 4242 {check}; test $? -lt 2"),
            0,
            "no profile is looked for in /",
        ),
        (
            format!("chmod 700 .; chown 0 .; as 4242 {check}; test $? -lt 2"),
            0,
            "no profile is looked for in .runup",
        ),
        (format!("home=/dev/null as 4242 {check}; test $? -lt 2"), 0, ""),
        // One that is there and cannot be read is not passed over: another would be taken for it.
        (
            "put 0 600 .runup/ci.toml; as 4242 check ci".to_owned(),
            2,
            "cannot read the profile",
        ),
        // Root is told what it does not read.
        (
            "put 4242 644 .runup/mine.toml; runup check mine".to_owned(),
            2,
            "./.runup/mine.toml is here, and root does not read it",
        ),
    ];
    let cases: Vec<(&str, i32, &str)> = cases
        .iter()
        .map(|(script, code, said)| (script.as_str(), *code, *said))
        .collect();
    each(&cases);
}
