//! Completions, asked of the tool and tried in the shells themselves.

mod support;

use std::path::Path;
use std::process::Command;

use support::{clean, directory, done, run, run_in};

/// What `runup complete` answers: the first line, and the words that fit.
fn answer(directory: &Path, words: &[&str]) -> (String, Vec<String>) {
    let mut all = vec!["complete", "--"];
    all.extend(words);
    let done = run_in(directory, &all);
    assert_eq!(done.code, 0, "{words:?}: {}", done.err);
    let mut lines = done.out.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let words = lines
        .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
        .collect();
    (first, words)
}

fn words(words: &[&str]) -> Vec<String> {
    answer(Path::new("/"), words).1
}

#[test]
fn names_are_offered_where_they_belong() {
    for (line, expected) in [
        (&["ch"][..], &["check"][..]),
        (&["check", "redi"], &["redis"]),
        (&["apply", "redi"], &["redis"]),
        (&["exec", "redi"], &["redis"]),
        (&["export", "redi"], &["redis"]),
        (&["record", "redi"], &["redis"]),
        (&["show", "redi"], &["redis"]),
        (&["diff", "a", "--profile", "redi"], &["redis"]),
        (&["check", "postgresql", "redi"], &["redis"]),
        (&["check", "redis", "--only", "open-f"], &["open-files"]),
        (
            &["check", "--only=open-f", "redis", "--skip=open-f"],
            &["--skip=open-files"],
        ),
        (&["exec", "redis", "--skip", "open-f"], &["open-files"]),
        (&["exec", "redis", "--skip", "swap,open-f"], &["swap,open-files"]),
        (&["export", "redis", "--only", "redis/open-f"], &["redis/open-files"]),
        (&["check", "redis", "--set", "maxc"], &["maxclients="]),
        (&["apply", "redis", "--set=maxc"], &["--set=maxclients="]),
        (&["show", "redis", "--set", "maxc"], &["maxclients="]),
        (&["check", "--format", "js"], &["json"]),
        (&["check", "--format=js"], &["--format=json"]),
        (&["check", "--fail-on", "warning,bo"], &["warning,boot"]),
        (&["export", "--to", "kub"], &["kubernetes"]),
        (&["apply", "--allow", ""], &["one-way", "risky", "swapoff"]),
        (&["exec", "--allow", ""], &["one-way", "risky", "swapoff"]),
        (&["exec", "--on-fail", ""], &["refuse", "warn"]),
        (&["exec", "--pdeathsig", "TER"], &["TERM"]),
        (&["exec", "--drop-caps", "chown,net_adm"], &["chown,net_admin"]),
        (&["exec", "--rewrite", "TERM=QU"], &["TERM=QUIT"]),
        (&["exec", "--wait-f"], &["--wait-for-all"]),
        (&["explain", "net.core.somax"], &["net.core.somaxconn"]),
        (&["explain", "rlim"], &["rlimit"]),
        (&["explain", "redis/open-f"], &["redis/open-files"]),
        (&["man", "expl"], &["explain"]),
        (&["completions", "z"], &["zsh"]),
        (&["no-such-command", ""], &[]),
        (&["explain", "redis", ""], &[]),
    ] {
        assert_eq!(words(line), expected, "{line:?}");
    }
}

#[test]
fn options_that_are_given_are_offered_again_only_where_that_means_something() {
    let offered = words(&["check", "--explain", "--set", "a=1", "-v", "--"]);
    assert!(!offered.contains(&"--explain".to_owned()), "{offered:?}");
    assert!(!offered.contains(&"--verbose".to_owned()), "{offered:?}");
    assert!(offered.contains(&"--set".to_owned()), "{offered:?}");
    let all = words(&["exec", "-"]);
    let help = run(&["exec", "--help"]).out;
    for option in all.iter().filter(|word| *word != "--") {
        assert!(help.contains(option.as_str()), "{option}");
    }
    assert!(all.len() > 20 && all.contains(&"--".to_owned()), "{all:?}");
    assert!(
        !words(&[""]).contains(&"complete".to_owned()),
        "it is for the shells alone"
    );
}

#[test]
fn the_shell_is_told_what_it_has_to_add() {
    let first = |words: &[&str]| answer(Path::new("/"), words).0;
    assert_eq!(first(&["check", ""]), "nothing");
    assert_eq!(first(&["check", "./"]), "files");
    assert_eq!(first(&["check", "--host", ""]), "files");
    assert_eq!(first(&["check", "--sysctl-d", "/etc/a", ""]), "files");
    assert_eq!(first(&["check", "--sysctl-d", "--fo"]), "nothing");
    assert_eq!(first(&["diff", ""]), "files");
    assert_eq!(first(&["exec", "--report="]), "files");
    assert_eq!(first(&["check", "--root", "/e"]), "directories");
    assert_eq!(first(&["exec", "--init", "redis", "--", "ls", "-"]), "command 4");
    assert_eq!(first(&["apply", "--for", "--", ""]), "command 3");
    assert_eq!(first(&["check", "-", "--on"]), "nothing", "standard input is not read");
}

#[test]
fn a_profile_of_the_working_directory_is_known_and_a_hostile_one_is_harmless() {
    let rule = |id: &str| {
        format!(
            "[[rule]]\nid = \"{id}\"\nwhy = \"a \\u001b[31mred\\tthing\"\nsysctl = {{ key = \"vm.swappiness\", max = 10 }}\n"
        )
    };
    let files = directory(&[
        (".runup.toml", &rule("of-here")),
        (
            "named.toml",
            &format!(
                "[params.kind]\ndefault = \"small\"\none_of = [\"small\", \"large\"]\n{}when = \"kind == 'small'\"\n",
                rule("named")
            ),
        ),
        ("broken.toml", "[[rule]\n"),
    ]);
    let in_files = |words: &[&str]| answer(files.path(), words).1;
    assert_eq!(in_files(&["check", "--only", ""]), ["of-here"]);
    assert_eq!(in_files(&["check", "./named.toml", "--only", ""]), ["named"]);
    assert_eq!(
        in_files(&["exec", "--only", ""]),
        [""; 0],
        "exec takes no profile that is not named"
    );
    assert_eq!(
        in_files(&["check", "./named.toml", "--set", "kind="]),
        ["kind=large", "kind=small"]
    );
    assert_eq!(in_files(&["check", "./broken.toml", "--only", ""]), [""; 0]);
    assert_eq!(in_files(&["check", "./gone.toml", "--only", ""]), [""; 0]);
    let shown = run_in(files.path(), &["complete", "--", "check", "--only", "of"]).out;
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    assert_eq!(shown.matches('\t').count(), 1, "{shown:?}");
}

/// A shell that finds this runup first.
fn shell(program: &str) -> Command {
    let mut command = clean(Command::new(program));
    let own = Path::new(env!("CARGO_BIN_EXE_runup")).parent().expect("a directory");
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap_or_default());
    command.env("PATH", path).env("TERM", "dumb").current_dir("/");
    command
}

/// Calls the function as bash does: the words as bash splits them, the cursor at the end.
const BASH: &str = r#"
compopt() { echo "compopt $*"; }
source <(runup completions bash) || exit 9
COMP_LINE=$1
COMP_POINT=${#1}
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_runup
printf '%s\n' "${COMPREPLY[@]}"
"#;

fn in_bash(line: &str, words: &[&str]) -> Vec<String> {
    let mut command = shell("bash");
    command
        .args(["--norc", "--noprofile", "-c", BASH, "bash", line])
        .args(words);
    let done = done(command.output().expect("bash starts"));
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{line}");
    let mut lines: Vec<String> = done
        .out
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    // A program in two directories of PATH comes twice, and readline shows it once.
    lines.dedup();
    lines
}

#[test]
fn bash_completes() {
    for (line, words, expected) in [
        ("runup check redi", &["runup", "check", "redi"][..], &["redis"][..]),
        (
            "runup check redis --only open-f",
            &["runup", "check", "redis", "--only", "open-f"],
            &["open-files"],
        ),
        (
            "runup  check --format=js",
            &["runup", "check", "--format", "=", "js"],
            &["json"],
        ),
        (
            "runup check --format=",
            &["runup", "check", "--format", "="],
            &["github", "json", "junit", "tap", "text"],
        ),
        (
            "runup check redis --set maxc",
            &["runup", "check", "redis", "--set", "maxc"],
            &["compopt -o nospace", "maxclients="],
        ),
        (
            "runup check redis --set=maxc",
            &["runup", "check", "redis", "--set", "=", "maxc"],
            &["compopt -o nospace", "maxclients="],
        ),
        // A value that ends in `=` and white space: the next word is another one.
        (
            "runup check --set a= redi",
            &["runup", "check", "--set", "a", "=", "redi"],
            &["redis"],
        ),
        (
            "runup exec --drop-caps chown,net_adm",
            &["runup", "exec", "--drop-caps", "chown,net_adm"],
            &["chown,net_admin"],
        ),
        ("runup check \"redi", &["runup", "check", "\"redi"], &["redis"]),
        (
            "runup check --host ",
            &["runup", "check", "--host", ""],
            &["compopt -o bashdefault -o default"],
        ),
        (
            "runup check --root /e",
            &["runup", "check", "--root", "/e"],
            &["compopt -o dirnames"],
        ),
        (
            "runup exec redis -- printen",
            &["runup", "exec", "redis", "--", "printen"],
            &["printenv"],
        ),
        (
            "runup exec -- ls /",
            &["runup", "exec", "--", "ls", "/"],
            &["compopt -o bashdefault -o default"],
        ),
    ] {
        assert_eq!(in_bash(line, words), expected, "{line}");
    }
}

#[test]
fn bash_quotes_what_a_profile_calls_itself_and_runs_nothing_of_it() {
    // A program in the place of runup, so that the names are hostile whoever runs the tests.
    let fake = "#!/bin/sh\nprintf 'nothing\\na $(touch %s/made) b\\t\\n' \"$PWD\"\n";
    let files = directory(&[("runup", fake)]);
    let home = files.path();
    let fake = home.join("runup");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&fake, mode).expect("a mode");
    let name = fake.to_str().expect("text");
    let line = format!("{name} check a");
    let mut command = shell("bash");
    command
        .args(["--norc", "--noprofile", "-c", BASH, "bash", &line, name, "check", "a"])
        .current_dir(home);
    let done = done(command.output().expect("bash starts"));
    assert!(done.out.starts_with("a\\ \\$\\(touch\\ "), "{} {}", done.out, done.err);
    assert!(!home.join("made").exists(), "a name was run");
}

#[test]
#[ignore = "needs fish"]
fn fish_completes() {
    for (line, expected) in [
        ("runup check redi", &["redis"][..]),
        ("runup check redis --only open-f", &["open-files"]),
        ("runup check redis --set maxc", &["maxclients="]),
        ("runup check --format=js", &["--format=json"]),
        ("runup exec --on-fail=", &["--on-fail=refuse", "--on-fail=warn"]),
        ("runup explain net.core.somax", &["net.core.somaxconn"]),
        ("runup check --host /etc/passw", &["/etc/passwd", "/etc/passwd-"]),
        (
            "runup check --host=/etc/passw",
            &["--host=/etc/passwd", "--host=/etc/passwd-"],
        ),
        ("runup check --root /etc/pro", &["/etc/profile.d/"]),
        ("runup exec redis -- ls --almost", &["--almost-all"]),
    ] {
        let home = directory(&[]);
        let mut command = shell("fish");
        command.env("HOME", home.path()).args([
            "-c",
            "runup completions fish | source; complete --do-complete $argv[1]",
            line,
        ]);
        let done = done(command.output().expect("fish starts"));
        let words: Vec<&str> = done.out.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(words, expected, "{line}: {}", done.err);
    }
}

/// Types a line and a tab into a zsh on a terminal, until what is expected stands there.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty -b z zsh -f -i
zpty -w z 'PS1=; stty -echo; autoload -Uz compinit; compinit -D; eval "$(runup completions zsh)"; print RE""ADY'
look() {
    local all part
    repeat 400; do
        if zpty -r -t z part; then all+=$part; else sleep 0.05; fi
        [[ $all == *"$1"* ]] && return 0
    done
    print -r -- "$all"
    return 1
}
look READY || exit 8
zpty -w -n z "$1"$'\t'
look "$2"
"#;

#[test]
#[ignore = "needs zsh"]
fn zsh_completes() {
    for (line, expected) in [
        ("runup check redi", "check redis "),
        ("runup check redis --only open-f", "open-files"),
        ("runup check redis --set maxc", "maxclients="),
        ("runup check --format=js", "--format=json"),
        ("runup exec --on-fail=", "refuse"),
        ("runup explain net.core.somax", "net.core.somaxconn"),
        ("runup check --host /etc/hostn", "/etc/hostname"),
        ("runup check --host=/etc/hostn", "--host=/etc/hostname"),
        ("runup check --root /etc/profile", "/etc/profile.d/"),
        ("runup exec redis -- ls --almost", "--almost-all"),
    ] {
        let done = done(
            shell("zsh")
                .args(["-f", "-c", ZSH, "zsh", line, expected])
                .output()
                .expect("zsh starts"),
        );
        assert_eq!(done.code, 0, "{line}: {} {}", done.out, done.err);
    }
}
