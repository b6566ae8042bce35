//! Ready is one value: the exit code and every format say the same, whatever `--fail-on` names.

mod support;

use std::path::Path;

use serde_json::Value;
use support::{directory, run_in};

const WARNS: &str =
    "[[rule]]\nid = \"w\"\nseverity = \"warning\"\nsysctl = { key = \"net.core.somaxconn\", min = 2_000_000_000 }\n";
const NOTES: &str =
    "[[rule]]\nid = \"n\"\nseverity = \"note\"\nsysctl = { key = \"net.core.somaxconn\", min = 2_000_000_000 }\n";
const FAILS: &str = "[[rule]]\nid = \"e\"\nsysctl = { key = \"net.core.somaxconn\", min = 2_000_000_000 }\n";
const PASSES: &str = "[[rule]]\nid = \"p\"\nsysctl = { key = \"vm.swappiness\", max = 200 }\n";
/// Known to nobody, and near nothing that is known.
const UNKNOWN: &str =
    "[[rule]]\nid = \"u\"\nseverity = \"warning\"\nsysctl = { key = \"vm.of_another_kernel\", min = 1 }\n";
const NOT_HERE: &str =
    "[[rule]]\nid = \"o\"\nwhen = \"os == 'solaris'\"\nsysctl = { key = \"vm.swappiness\", max = 200 }\n";
const WAIVED: &str = "[[waive]]\nrule = \"p\"\nreason = \"until the move\"\n";

/// A machine whose next boot sets what is right now to something else.
const TREE: &[(&str, &str)] = &[
    ("proc/sys/net/core/somaxconn", "4096\n"),
    ("proc/sys/vm/swappiness", "10\n"),
    ("proc/sys/kernel/osrelease", "6.1.0\n"),
    ("run/systemd/system/.keep", ""),
];
const UNDOES: (&str, &str) = ("etc/sysctl.d/90-other.conf", "vm.swappiness = 250\n");

/// What one run says in every format: the exit code, and the line of the text's last paragraph that says whether it is ready.
fn said(place: &Path, words: &[&str]) -> (bool, String) {
    let check = |format: &str| {
        let mut all = vec!["check", "--root", "."];
        all.extend(words);
        all.extend(["--format", format]);
        run_in(place, &all)
    };
    let text = check("text");
    let closing = text.out.trim_end().rsplit("\n\n").next().unwrap_or_default();
    let mut lines = closing.lines();
    let mut last = lines.next().unwrap_or_default().to_owned();
    for line in lines.take_while(|line| line.starts_with("  ")) {
        last = format!("{last} {}", line.trim_start());
    }
    let last = last
        .split_once("  (")
        .map_or(last.as_str(), |(line, _)| line)
        .to_owned();
    let ready = text.code == 0;
    let json: Value = serde_json::from_str(&check("json").out).expect("JSON");
    let junit = check("junit").out;
    let github = check("github").out;
    let tap = check("tap").out;
    let what = format!("{words:?}: {last}\n{json:#}\n{junit}\n{github}\n{tap}");
    assert_eq!(json["ready"], ready, "{what}");
    assert_eq!(last.starts_with("Ready"), ready, "{what}");
    assert_eq!(
        !junit.contains("<failure") && !junit.contains("<error"),
        ready,
        "{what}"
    );
    let totals = junit
        .lines()
        .find(|line| line.starts_with("<testsuites"))
        .unwrap_or_default();
    let counted = |name: &str| totals.contains(&format!("{name}=\"0\""));
    assert_eq!(counted("failures") && counted("errors"), ready, "{what}");
    assert_eq!(!github.contains("::error "), ready, "{what}");
    assert_eq!(github.contains("runup: ready"), ready, "{what}");
    assert_eq!(!tap.contains("\nnot ok "), ready, "{what}");
    let blocks = |list: &Value| list.as_array().expect("a list").iter().any(|one| one["blocks"] == true);
    let nothing = last.starts_with("Nothing was checked");
    let unread = json["gate"]["boot"] == true && json["unread"].is_array();
    assert_eq!(
        blocks(&json["findings"]) || blocks(&json["conflicts"]) || unread || nothing,
        !ready,
        "{what}"
    );
    (ready, last.split("  (-v").next().unwrap_or_default().to_owned())
}

/// A tree with one profile.
fn tree(profile: &str, more: &[(&str, &str)]) -> tempfile::TempDir {
    let mut files = TREE.to_vec();
    files.push(("p.toml", profile));
    files.extend_from_slice(more);
    directory(&files)
}

#[test]
fn every_format_says_what_the_exit_code_says() {
    for (profile, fail_on, expected) in [
        (PASSES, "error", (true, "Ready: 1 passed.")),
        (FAILS, "error", (false, "Not ready: 1 error, 0 passed.")),
        (WARNS, "error", (true, "Ready, with 1 warning: 0 passed.")),
        (
            WARNS,
            "warning",
            (false, "Not ready (--fail-on warning): 1 warning, 0 passed."),
        ),
        (
            WARNS,
            "note,error",
            (false, "Not ready (--fail-on note): 1 warning, 0 passed."),
        ),
        (
            NOTES,
            "warning",
            (true, "Ready, with 1 note (--fail-on warning): 0 passed."),
        ),
        (NOTES, "note", (false, "Not ready (--fail-on note): 1 note, 0 passed.")),
        (UNKNOWN, "error", (false, "Nothing was checked: 1 unknown, 0 passed.")),
        (
            UNKNOWN,
            "warning",
            (false, "Not ready (--fail-on warning): 1 unknown, 0 passed."),
        ),
        (
            NOT_HERE,
            "error",
            (false, "Nothing was checked: 0 passed, 1 not applicable."),
        ),
    ] {
        let place = tree(profile, &[]);
        let (ready, last) = said(place.path(), &["./p.toml", "--fail-on", fail_on]);
        assert_eq!((ready, last.as_str()), expected, "{profile} {fail_on}");
    }
}

#[test]
fn boot_adds_to_a_level_and_alone_to_errors() {
    let ready = |profile: &str, words: &[&str]| {
        let place = tree(profile, &[UNDOES]);
        let mut all = vec!["./p.toml"];
        all.extend(words);
        said(place.path(), &all)
    };
    assert_eq!(
        ready(PASSES, &[]),
        (true, "Ready: 1 passed, 1 undone by the next boot.".to_owned())
    );
    assert_eq!(
        ready(PASSES, &["--fail-on", "boot"]),
        (
            false,
            "Not ready (--fail-on error,boot): 1 passed, 1 undone by the next boot.".to_owned()
        )
    );
    let both = format!("{PASSES}{WARNS}");
    assert!(!ready(&both, &["--fail-on", "warning"]).0);
    assert!(!ready(&both, &["--fail-on", "boot"]).0);
    for words in [
        &["--fail-on", "warning,boot"][..],
        &["--fail-on", "boot", "--fail-on", "warning"],
    ] {
        let (ready, last) = ready(&both, words);
        assert!(
            !ready && last.starts_with("Not ready (--fail-on warning,boot)"),
            "{last}"
        );
    }
    // A waiver accepts what the next boot makes of it, and is shown.
    let waived = format!("{PASSES}{WAIVED}");
    assert!(ready(&waived, &["--fail-on", "boot"]).0);
    let place = tree(&waived, &[UNDOES]);
    let shown = run_in(place.path(), &["check", "./p.toml", "--root", "."]).out;
    assert!(shown.contains("BOOT") && shown.contains("until the move"), "{shown}");
}

#[test]
fn a_boot_of_which_nobody_knows_what_it_does_is_not_ready_with_boot() {
    let place = tree(PASSES, &[]);
    // A directory where a file should be cannot be read by root either.
    std::fs::create_dir_all(place.path().join("etc/sysctl.d/50-closed.conf")).expect("it is made");
    assert_eq!(said(place.path(), &["./p.toml"]), (true, "Ready: 1 passed.".to_owned()));
    assert_eq!(
        said(place.path(), &["./p.toml", "--fail-on", "boot"]),
        (
            false,
            "Not ready (--fail-on error,boot): 1 passed, what the next boot does is not known.".to_owned()
        )
    );
    let github = [
        "check",
        "./p.toml",
        "--root",
        ".",
        "--fail-on",
        "boot",
        "--format",
        "github",
    ];
    let github = run_in(place.path(), &github).out;
    assert!(
        github.contains("::error title=next boot::") && github.contains("50-closed.conf"),
        "{github}"
    );
}

#[test]
fn two_rules_that_contradict_each_other_are_not_called_ready() {
    let asks = |id: &str, severity: &str, value: u32| {
        format!(
            "[[rule]]\nid = \"{id}\"\nseverity = \"{severity}\"\nsysctl = {{ key = \"vm.swappiness\", eq = {value} }}\n"
        )
    };
    let run = |left: &str, right: &str, more: &str, words: &[&str]| {
        let left = format!("{}{more}", asks("l", left, 10));
        let place = tree(&left, &[("q.toml", &asks("r", right, 60))]);
        let mut all = vec!["./p.toml", "./q.toml"];
        all.extend(words);
        said(place.path(), &all)
    };
    // The error passes today, and the warning fails: what makes one right makes the other wrong.
    assert_eq!(
        run("error", "warning", "", &[]),
        (
            false,
            "Not ready: 1 warning, 1 conflict, 1 passed, 1 undone by the next boot.".to_owned()
        )
    );
    assert_eq!(
        run("warning", "note", "", &[]),
        (
            true,
            "Ready, with 1 note and 1 conflict: 1 passed, 1 undone by the next boot.".to_owned()
        )
    );
    assert!(!run("warning", "note", "", &["--fail-on", "warning"]).0);
    // A waiver decides which one gives way.
    let waiver = "[[waive]]\nrule = \"l\"\nreason = \"the database wins\"\n";
    assert!(run("error", "warning", waiver, &[]).0);
    // Of what is not there nobody asks two things.
    let gone =
        |value: u32| format!("[[rule]]\nid = \"x\"\nsysctl = {{ key = \"vm.zone_reclaim_mode\", eq = {value} }}\n");
    let place = tree(&format!("{PASSES}{}", gone(0)), &[("q.toml", &gone(1))]);
    assert_eq!(
        said(place.path(), &["./p.toml", "./q.toml"]),
        (true, "Ready: 1 passed, 2 not applicable.".to_owned())
    );
}

#[test]
fn what_fail_on_takes_is_said() {
    let place = tree(PASSES, &[]);
    for word in ["waring", "warning,bot", "warning,", "fatal"] {
        let done = run_in(place.path(), &["check", "./p.toml", "--fail-on", word]);
        assert_eq!(done.code, 2, "{word}");
        assert!(done.err.contains("error, warning, note, boot"), "{}", done.err);
    }
}
