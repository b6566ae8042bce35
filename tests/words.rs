//! What is said to people: the end of a report, explanations, help, and what to do about a mistake.

mod support;

use support::{directory, run, run_in};

/// A profile whose rules fail on the tree below, each for another reason.
const FAILS: &str = "\
[params.many]
default = 8192
[[rule]]
id = \"backlog\"
sysctl = { key = \"net.core.somaxconn\", min = \"many\" }
[[rule]]
id = \"swappiness\"
severity = \"note\"
sysctl = { key = \"vm.swappiness\", max = 10 }
[[rule]]
id = \"mains\"
severity = \"warning\"
power = { source = \"mains\" }
[[rule]]
id = \"other\"
sysctl.macos = { key = \"kern.maxfiles\", min = 10 }
";

const TREE: &[(&str, &str)] = &[
    ("p.toml", FAILS),
    ("proc/sys/net/core/somaxconn", "4096\n"),
    ("proc/sys/vm/swappiness", "60\n"),
    ("proc/sys/kernel/osrelease", "6.1.0\n"),
    ("sys/class/power_supply/AC/type", "Mains\n"),
    ("sys/class/power_supply/AC/online", "0\n"),
    ("sys/class/power_supply/BAT0/type", "Battery\n"),
    ("sys/class/power_supply/BAT0/status", "Discharging\n"),
    ("sys/class/power_supply/BAT0/capacity", "63\n"),
];

#[test]
fn a_report_ends_with_the_command_that_fixes_it_and_what_helps_with_the_rest() {
    let place = directory(TREE);
    let words = ["check", "./p.toml", "--root", ".", "--set", "many=5000", "-v"];
    let out = run_in(place.path(), &words).out;
    let closing = out.trim_end().rsplit("\n\n").next().expect("an end");
    let lines: Vec<&str> = closing.lines().collect();
    let sudo = if support::is_root() { "" } else { "sudo " };
    assert_eq!(
        lines[0],
        "Not ready: 1 error, 1 warning, 1 note, 0 passed, 1 not applicable."
    );
    assert_eq!(
        lines[1],
        format!("1 of 3 can be fixed here: {sudo}runup apply ./p.toml --set many=5000 --root .")
    );
    assert!(lines.contains(&"1 note more with --notes"), "{closing}");
    assert!(lines.contains(&"mains: plug the charger in"), "{closing}");
    assert!(out.contains("only on macOS"), "{out}");
    // The command is one that works, and needs no root for files of one's own.
    let command: Vec<&str> = lines[1].split("runup ").nth(1).expect("a command").split(' ').collect();
    let journal = place.path().join("journal");
    let mut applied = command.clone();
    applied.extend(["--yes", "--journal", journal.to_str().expect("UTF-8")]);
    let done = run_in(place.path(), &applied);
    let now = support::text_of(
        place
            .path()
            .join("proc/sys/net/core/somaxconn")
            .to_str()
            .expect("UTF-8"),
    );
    assert_eq!(now.trim(), "5000", "{}{}", done.out, done.err);
}

/// A name can be anything that a file system takes.
#[test]
fn a_file_that_is_named_like_an_option_or_a_colour_is_shown_as_what_can_be_typed() {
    let colour = "\u{1b}[8m.toml";
    let place = directory(&[
        TREE[0],
        TREE[1],
        TREE[3],
        ("-x.toml", FAILS),
        (colour, "[[rule]]\nid = \"a\"\nbad = 1\n"),
        ("two\nlines.toml", "bad = 1\n"),
    ]);
    let out = run_in(place.path(), &["check", "--root", ".", "--", "-x.toml"]).out;
    assert!(out.contains("runup apply ./-x.toml --root ."), "{out}");
    let err = run_in(place.path(), &["check", &format!("./{colour}")]).err;
    assert!(err.contains("./\\u{1b}[8m.toml:") && !err.contains('\u{1b}'), "{err}");
    let err = run_in(place.path(), &["check", "./two\nlines.toml"]).err;
    assert!(err.contains("./two\\nlines.toml:"), "{err}");
}

/// What goes up and down by itself is waited for where nothing else helps: requests that nobody holds do not become more.
#[test]
fn what_a_setting_makes_right_is_not_waited_for() {
    let profile = "[[rule]]\nid = \"requests\"\nusage = { of = \"aio\", free = { min = 1000 } }\n\
                   [[rule]]\nid = \"web\"\nseverity = \"warning\"\nports = { port = 80, state = \"listening\" }\n";
    let place = directory(&[
        ("p.toml", profile),
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("proc/sys/fs/aio-nr", "0\n"),
        ("proc/sys/fs/aio-max-nr", "100\n"),
        ("proc/net/tcp", "  sl  local_address rem_address   st\n"),
        ("proc/net/tcp6", "  sl  local_address rem_address   st\n"),
        ("proc/net/udp", "  sl  local_address rem_address   st\n"),
        ("proc/net/udp6", "  sl  local_address rem_address   st\n"),
    ]);
    let out = run_in(place.path(), &["check", "./p.toml", "--root", "."]).out;
    let sudo = if support::is_root() { "" } else { "sudo " };
    let fixed = format!("1 of 2 can be fixed here: {sudo}runup apply ./p.toml --root .");
    assert!(out.contains(&fixed), "{out}");
    assert!(out.contains("web may pass by itself: --wait 2m"), "{out}");
    assert!(!out.contains("requests may pass"), "{out}");
}

#[test]
fn what_passes_says_what_was_asked_for() {
    let place = directory(TREE);
    let words = ["check", "./p.toml", "--root", ".", "--set", "many=100", "-v"];
    let out = run_in(place.path(), &words).out;
    assert!(
        out.contains("backlog  net.core.somaxconn: 4096 (asked for: at least 100)"),
        "{out}"
    );
    assert!(out.contains("Ready, with 1 warning and 1 note: 1 passed"), "{out}");
}

#[test]
fn a_quiet_check_prints_nothing_and_ends_with_the_same_code() {
    let place = directory(TREE);
    let quiet = run_in(place.path(), &["check", "./p.toml", "--root", ".", "-q"]);
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (1, "", ""));
    let mistake = run_in(place.path(), &["check", "./none.toml", "-q"]);
    assert!(
        mistake.code == 2 && mistake.err.contains("cannot read"),
        "{}",
        mistake.err
    );
}

#[test]
fn colour_can_be_asked_for() {
    let place = directory(TREE);
    let check = |more: &[&str]| {
        let mut words = vec!["check", "./p.toml", "--root", "."];
        words.extend(more);
        run_in(place.path(), &words).out.contains('\x1b')
    };
    assert!(!check(&[]) && !check(&["--color", "auto"]) && !check(&["--color", "never"]));
    assert!(check(&["--color", "always"]));
}

#[test]
fn a_rule_that_many_profiles_have_fits_a_screen() {
    let short = run(&["explain", "open-files"]).out;
    assert!(short.lines().count() < 50, "{short}");
    assert!(short.contains("rlimit nofile, here: "), "{short}");
    assert!(short.contains("--all"), "{short}");
    // A rule of another system: five profiles have it, and here it says nothing.
    #[cfg(target_os = "linux")]
    {
        let apart = run(&["explain", "low-power-mode"]).out;
        assert!(apart.contains("here: does not apply: only on macOS"), "{apart}");
    }
    let all = run(&["explain", "open-files", "--all"]).out;
    assert!(all.lines().count() > 200 && all.contains("load-test/open-files (error)"));
}

#[test]
fn only_what_can_set_a_key_is_named_for_it() {
    let host = run(&["explain", "fs.file-max"]).out;
    assert!(host.contains("sysctl -w fs.file-max=VALUE"), "{host}");
    assert!(!host.contains("--sysctl"), "{host}");
    assert!(
        run(&["explain", "net.core.somaxconn"])
            .out
            .contains("docker run --sysctl")
    );
    let rule = run(&["explain", "fluentconf/maxfiles"]).out;
    assert!(!rule.contains("--sysctl") && rule.contains("here: "), "{rule}");
}

#[test]
fn help_has_examples_and_exit_codes_for_every_command() {
    let help = run(&["help"]);
    assert_eq!((help.code, help.out.clone()), (0, run(&["--help"]).out));
    for command in [
        "check",
        "exec",
        "apply",
        "revert",
        "explain",
        "profiles",
        "show",
        "export",
        "import",
        "record",
        "diff",
        "schema",
        "completions",
        "man",
    ] {
        let help = run(&["help", command]).out;
        assert!(
            help.contains("Examples:\n") && help.contains("Exit codes: "),
            "{command}: {help}"
        );
        assert_eq!(help, run(&[command, "--help"]).out);
        let wide = help.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{command}");
    }
}

#[test]
fn a_mistake_says_what_to_write() {
    for (words, wanted) in [
        (&["check", "node"][..], "`nodejs-api`"),
        (&["check", "listen-backlog"], "--only listen-backlog"),
        (&["check", "--pid", "node"], "`pgrep node` finds it"),
        (&["check", "--json"], "did you mean --format json?"),
        (
            &["check", "load-test", "--set", "connections=20k"],
            "--set connections=20000",
        ),
        (&["check", "load-test", "--set", "busy=50"], "--set busy=50%"),
        (&["check", "load-test", "--set", "duration=10"], "`10s`"),
        (&["check", "load-test", "--set", "duration=x"], "duration=60s"),
        (&["explain", "backlog"], "`listen-backlog`"),
        (&["explain", "battery"], "`power`"),
    ] {
        let done = run(words);
        assert!(done.code == 2 && done.err.contains(wanted), "{words:?}: {}", done.err);
        assert!(!done.err.contains("to pass"), "{words:?}: {}", done.err);
    }
}

#[test]
fn a_mistake_of_a_profile_says_what_to_write() {
    let rule = |subject: &str| format!("[[rule]]\nid = \"a\"\n{subject}\n");
    for (text, wanted, unwanted) in [
        ("[rule]\nid = \"a\"\n".to_owned(), "[[rule]]", "nothing at all"),
        (
            "extends = \"load-test\"\n".to_owned(),
            "extends = [\"load-test\"]",
            "nothing at all",
        ),
        (
            rule("ulimit = { resource = \"nofile\", soft = 1 }"),
            "did you mean `rlimit`?",
            "names no subject",
        ),
        (
            rule("sysctl = { key = \"net.core.somaxconn\", value = 1 }"),
            "did you mean `eq`?",
            "known keys",
        ),
        (
            rule("sysctl = { key = net.core.somaxconn, min = 1 }"),
            "in quotes: \"net.core.somaxconn\"",
            "nothing at all",
        ),
        (
            "rules:\n  - id: a\n    sysctl:\n      key: net.core.somaxconn\n".to_owned(),
            "this is YAML",
            "unquoted key",
        ),
        (
            "extends = [\"load-test\"]\n[[rule]]\nid = \"open-file\"\nseverity = \"note\"\n".to_owned(),
            "did you mean `open-files`",
            "nothing at all",
        ),
    ] {
        let place = directory(&[("p.toml", &text)]);
        let done = run_in(place.path(), &["check", "./p.toml"]);
        assert!(done.code == 2 && done.err.contains(wanted), "{text}: {}", done.err);
        assert!(!done.err.contains(unwanted), "{text}: {}", done.err);
    }
}
