//! Files that would stop or fill whoever reads them: pipes, devices, files without end, profiles that extend one another.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests arrange files")]

mod support;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Done, clean, directory, done, is_root, needs, run_in};

const RULE: &str = "[[rule]]\nid = \"a\"\nseverity = \"error\"\nsysctl = { key = \"vm.swappiness\", max = 200 }\n";
const RUNUP: &str = env!("CARGO_BIN_EXE_runup");

/// Runs a shell's words in a directory, for 20 seconds and with 1 GB at most: 124 is what a run ends with that would go on.
fn bounded(directory: &Path, script: &str) -> Done {
    let script = format!("ulimit -v 1000000; runup() {{ timeout -k 1 20 {RUNUP} \"$@\"; }}\n{script}");
    let mut command = clean(Command::new("bash"));
    command
        .args(["-c", &script])
        .current_dir(directory)
        .stdin(Stdio::null());
    done(command.output().expect("a shell"))
}

fn pipe(path: &Path) {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).expect("a pipe");
}

/// A pipe, a link to a device without end, and a file that is larger than any that is read.
fn hostile(directory: &Path) {
    pipe(&directory.join("pipe"));
    symlink("/dev/zero", directory.join("zero")).expect("a link");
    let sparse = std::fs::File::create(directory.join("sparse")).expect("a file");
    sparse.set_len(2 << 30).expect("a length");
}

#[test]
fn what_a_person_names_is_a_file_of_bounded_size() {
    let files = directory(&[("p.toml", RULE), ("host.json", "{}")]);
    hostile(files.path());
    for (name, said) in [
        ("pipe", "it is a pipe"),
        ("zero", "it is a device"),
        ("sparse", "larger than "),
    ] {
        for words in [
            format!("check ./{name}"),
            format!("check --host {name}"),
            format!("diff {name}"),
            format!("import --from sysctl.d {name}"),
            format!("check --sysctl-d {name}"),
            format!("exec ./{name} -- true"),
        ] {
            let done = bounded(files.path(), &format!("runup {words}"));
            let said = if name != "sparse" && (words.contains("import") || words.contains("sysctl-d")) {
                "not a regular file"
            } else {
                said
            };
            let expected = if words.starts_with("exec") { 125 } else { 2 };
            assert!(
                done.code == expected && done.err.contains(said),
                "{words}: {} {}",
                done.code,
                done.err
            );
        }
    }
    let limit = bounded(files.path(), "runup check ./sparse").err;
    assert!(limit.contains("larger than 64 MiB"), "{limit}");
}

#[test]
fn a_stream_is_read_where_a_person_names_it() {
    let files = directory(&[("p.toml", RULE), ("s.conf", "vm.swappiness = 60\n")]);
    let record = run_in(files.path(), &["record", "./p.toml", "-o", "host.json"]);
    assert_eq!(record.code, 0, "{}", record.err);
    for script in [
        "runup check - < p.toml",
        "cat p.toml | runup check -",
        "cat p.toml | runup check /dev/stdin",
        "runup check <(cat p.toml)",
        "cat p.toml | runup check /proc/self/fd/0",
        "cat host.json | runup check ./p.toml --host -",
        "runup check ./p.toml --host <(cat host.json)",
        "runup diff <(cat host.json) host.json",
        "cat host.json | runup diff host.json -",
        "cat s.conf | runup import - --from sysctl.d",
        "runup import --from sysctl.d <(cat s.conf)",
    ] {
        let done = bounded(files.path(), script);
        assert_eq!(done.code, 0, "{script}: {}{}", done.out, done.err);
    }
    // A stream is read once, and what is said of it names its lines.
    let done = bounded(
        files.path(),
        "printf 'vm.swappiness = 61\\nnothing here\\n' | runup check --sysctl-d - --format json",
    );
    assert!(
        done.out.contains("vm.swappiness") && done.err.contains("-:2"),
        "{}{}",
        done.out,
        done.err
    );
    // It has a limit too.
    for words in [
        "check -",
        "check --host -",
        "import --from sysctl.d -",
        "check --sysctl-d /dev/stdin",
    ] {
        let done = bounded(files.path(), &format!("runup {words} < /dev/zero"));
        assert!(
            done.code == 2 && done.err.contains("larger than"),
            "{words}: {} {}",
            done.code,
            done.err
        );
    }
    // A file cannot name one: what it extends is a file.
    std::fs::write(files.path().join("e.toml"), "extends = [\"/dev/stdin\"]\n").expect("a file");
    let done = bounded(files.path(), "sleep 30 | runup check ./e.toml; exit ${PIPESTATUS[1]}");
    assert!(
        done.code == 2 && done.err.contains("not a regular file"),
        "{} {}",
        done.code,
        done.err
    );
}

#[test]
fn a_tree_is_read_up_to_a_limit_and_what_is_not_read_is_said() {
    let tree = directory(&[
        ("p.toml", RULE),
        (
            "q.toml",
            "[[rule]]\nid = \"b\"\nseverity = \"error\"\nsysctl = { key = \"vm.max_map_count\", min = 1 }\n",
        ),
        ("proc/sys/vm/swappiness", "60\n"),
        ("proc/sys/vm/max_map_count", ""),
        ("etc/sysctl.d/10-a.conf", "vm.swappiness = 60\n"),
    ]);
    let sparse = std::fs::File::create(tree.path().join("proc/sys/vm/max_map_count")).expect("a file");
    sparse.set_len(2 << 30).expect("a length");
    let done = bounded(tree.path(), "runup check ./q.toml --root . --format json");
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    let finding = support::finding(&done.out, "b");
    assert_eq!(finding["outcome"], "unknown");
    assert!(
        finding["reason"]
            .as_str()
            .is_some_and(|why| why.contains("larger than 64 MiB")),
        "{finding}"
    );

    pipe(&tree.path().join("etc/sysctl.d/90-b.conf"));
    let done = bounded(tree.path(), "runup check ./p.toml --root .");
    assert!(
        done.code == 0 && done.out.contains("/etc/sysctl.d/90-b.conf cannot be read"),
        "{}",
        done.out
    );
    let done = bounded(tree.path(), "runup check ./p.toml --root . --format json");
    assert!(
        done.out.contains("\"unread\"") && done.out.contains("is not a regular file"),
        "{}",
        done.out
    );
    let done = bounded(tree.path(), "runup check --sysctl-d --root .");
    assert!(
        done.code == 2 && done.err.contains("90-b.conf cannot be read"),
        "{} {}",
        done.code,
        done.err
    );
}

#[test]
#[ignore = "needs root"]
fn drop_in_files_of_this_machine_cannot_stop_a_check_or_an_apply() {
    needs("a mount namespace of its own needs root", is_root());
    let files = directory(&[("p.toml", RULE), ("passwd", "")]);
    for (arrange, said) in [
        ("mkfifo /etc/sysctl.d/50-x.conf", "not a regular file"),
        ("ln -s /dev/zero /etc/sysctl.d/50-x.conf", "not a regular file"),
        ("truncate -s 2G /etc/sysctl.d/50-x.conf", "larger than 16 MiB"),
    ] {
        for words in ["check ./p.toml", "apply ./p.toml --dry-run", "check --sysctl-d"] {
            let script = format!(
                "unshare --mount --propagation private bash -c '
                 mkdir -p /etc/sysctl.d; mount -t tmpfs t /etc/sysctl.d; {arrange}
                 timeout -k 1 20 {RUNUP} {words}'"
            );
            let done = bounded(files.path(), &script);
            let both = format!("{}{}", done.out, done.err);
            assert_ne!(done.code, 124, "{arrange}: {words} does not end");
            if words.contains("sysctl-d") {
                assert!(done.code == 2 && both.contains(said), "{arrange}: {both}");
            } else {
                assert_eq!(done.code, 0, "{arrange}: {words}: {both}");
            }
        }
    }
    let script = format!(
        "mkfifo pipe; unshare --mount --propagation private bash -c '
         mount --bind pipe /etc/passwd; timeout -k 1 20 {RUNUP} exec --user nobody -- true'"
    );
    let done = bounded(files.path(), &script);
    assert!(
        done.code == 125 && done.err.contains("/etc/passwd cannot be read"),
        "{} {}",
        done.code,
        done.err
    );
}

#[test]
fn a_journal_of_any_size_is_not_read_whole() {
    let files = directory(&[("j/note", "")]);
    let record = std::fs::File::create(files.path().join("j/000001.json")).expect("a file");
    record.set_len(3 << 30).expect("a length");
    for words in ["revert --list", "revert"] {
        let done = bounded(files.path(), &format!("runup {words} --journal j"));
        assert!(
            done.code == 2 && done.err.contains("larger than 64 MiB"),
            "{words}: {} {}",
            done.code,
            done.err
        );
    }
    let done = bounded(files.path(), "runup revert --forget 1 --journal j");
    assert_eq!(done.code, 0, "{}", done.err);
}

#[test]
fn a_recording_is_written_like_every_other_file() {
    let files = directory(&[("p.toml", RULE)]);
    pipe(&files.path().join("pipe"));
    let done = bounded(files.path(), "runup record ./p.toml -o pipe");
    assert!(
        done.code == 2 && done.err.contains("cannot write pipe"),
        "{} {}",
        done.code,
        done.err
    );
}

#[test]
fn a_file_is_read_once_whichever_way_leads_to_it() {
    let files = directory(&[]);
    let write = |name: &str, text: &str| std::fs::write(files.path().join(name), text).expect("a file");
    // Each layer's two files extend both of the next, in spellings of their own.
    for layer in 0..28 {
        let next = layer + 1;
        for side in ["a", "b"] {
            write(
                &format!("{side}{layer}.toml"),
                &format!("extends = [\"./a{next}.toml\", \"././b{next}.toml\"]\n"),
            );
        }
    }
    write("a28.toml", RULE);
    write("b28.toml", &RULE.replace("\"a\"", "\"b\""));
    let done = bounded(files.path(), "runup check ./a0.toml --format json");
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(support::findings(&done.out).len(), 2);

    // A chain has an end, and a circle is one in any spelling.
    for link in 0..10_000 {
        write(
            &format!("c{link}.toml"),
            &format!("extends = [\"./c{}.toml\"]\n", link + 1),
        );
    }
    let done = bounded(files.path(), "runup check ./c0.toml");
    assert!(
        done.code == 2 && done.err.contains("more than 64 files extend one another"),
        "{} {}",
        done.code,
        done.err
    );
    write("r.toml", "extends = [\"././r.toml\"]\n");
    let done = bounded(files.path(), "runup check ./r.toml");
    assert!(
        done.code == 2 && done.err.contains("goes round in a circle"),
        "{} {}",
        done.code,
        done.err
    );
    let many = "\"./a28.toml\", ".repeat(5000);
    write("m.toml", &format!("extends = [{many}]\n"));
    let done = bounded(files.path(), "runup check ./m.toml");
    assert!(
        done.code == 2 && done.err.contains("more than 4096"),
        "{} {}",
        done.code,
        done.err
    );
}
