//! The command line as a person and a pipeline use it.

mod support;

use std::process::{Command, Stdio};

use support::{directory, done, finding, is_root, run, run_in, runup};

const PASSES: &str = "[[rule]]\nid = \"a\"\nwhy = \"w\"\nsource = \"https://x.example/\"\nsysctl = { key = \"net.core.somaxconn\", min = 1 }\n";
const WARNS: &str = "[[rule]]\nid = \"b\"\nseverity = \"warning\"\nwhy = \"50% of\\nit\"\nsysctl = { key = \"net.core.somaxconn\", min = 2_000_000_000 }\n";
const FAILS: &str =
    "[[rule]]\nid = \"c\"\nseverity = \"error\"\nsysctl = { key = \"net.core.somaxconn\", min = 2_000_000_000 }\n";

#[test]
fn exit_codes_say_ready_not_ready_or_a_mistake() {
    let files = directory(&[("passes.toml", PASSES), ("warns.toml", WARNS), ("fails.toml", FAILS)]);
    let code = |words: &[&str]| run_in(files.path(), words).code;
    assert_eq!(code(&["check", "./passes.toml"]), 0);
    assert_eq!(code(&["check", "./warns.toml"]), 0);
    assert_eq!(code(&["check", "./warns.toml", "--fail-on", "warning"]), 1);
    assert_eq!(code(&["check", "./warns.toml", "--fail-on", "note"]), 1);
    assert_eq!(code(&["check", "./fails.toml"]), 1);
    assert_eq!(code(&["check", "./passes.toml", "./fails.toml"]), 1);
    assert_eq!(
        code(&["check", "./fails.toml", "--skip", "c"]),
        2,
        "nothing was checked"
    );
    assert_eq!(
        code(&["check", "./passes.toml", "./fails.toml", "--only", "passes/a"]),
        0
    );
    assert_eq!(code(&["check", "./passes.toml", "--only", "zz"]), 2);
    assert_eq!(code(&["check", "./gone.toml"]), 2);
    assert_eq!(code(&["check", "--no-such-option"]), 2);
    assert_eq!(code(&[]), 2);
    assert_eq!(code(&["--help"]), 0);
    assert_eq!(code(&["--version"]), 0);
}

#[test]
fn stdout_is_the_result_alone_and_fits_eighty_columns() {
    for words in [
        &[
            "check",
            "load-test",
            "realtime",
            "fluentconf",
            "-v",
            "--set",
            "connections=40000",
        ][..],
        &["check", "realtime", "--explain"],
        &["profiles"],
        &["explain", "net.core.somaxconn"],
        &["explain", "rlimit"],
        &["explain", "open-files"],
        &["--help"],
        &["check", "--help"],
        &["check", "-h"],
        &["exec", "--help"],
        &["apply", "--help"],
        &["revert", "--help"],
        &["explain", "--help"],
        &["profiles", "--help"],
        &["show", "--help"],
        &["export", "--help"],
        &["import", "--help"],
        &["record", "--help"],
        &["diff", "--help"],
        &["schema", "--help"],
        &["completions", "--help"],
        &["man", "--help"],
    ] {
        let done = run(words);
        assert!(done.err.is_empty(), "{words:?}: {}", done.err);
        for line in done.out.lines() {
            // What is to be pasted, and addresses, are not broken.
            let unbreakable = line.contains("/etc/")
                || line.contains("https://")
                || line.contains("# ")
                || line.contains("docker run")
                || line.contains("launchctl");
            assert!(line.chars().count() <= 80 || unbreakable, "{words:?}: {line}");
            assert!(!line.contains('\u{1b}'), "colour in a pipe: {line:?}");
        }
    }
}

#[test]
fn colour_follows_the_usual_variables() {
    let files = directory(&[("fails.toml", FAILS)]);
    let colours = |variables: &[(&str, &str)]| {
        let mut command = runup();
        command
            .current_dir(files.path())
            .args(["check", "./fails.toml"])
            .envs(variables.iter().copied());
        done(command.output().expect("it runs")).out.contains('\u{1b}')
    };
    assert!(!colours(&[]));
    assert!(colours(&[("CLICOLOR_FORCE", "1")]));
    assert!(!colours(&[("CLICOLOR_FORCE", "")]));
    assert!(!colours(&[("CLICOLOR_FORCE", "0")]));
    assert!(!colours(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = runup()
        .args(["explain", "sysctl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let done = done(child.wait_with_output().expect("it ends"));
    assert_eq!((done.code, done.err.as_str()), (0, ""));
}

#[test]
fn json_has_its_documented_structure() {
    let files = directory(&[("p.toml", &format!("{PASSES}{FAILS}"))]);
    let done = run_in(files.path(), &["check", "./p.toml", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!(report["schema"], "runup.report/1");
    assert_eq!(report["ready"], false);
    assert_eq!(
        report["summary"],
        serde_json::json!({ "pass": 1, "fail": 1, "unknown": 0, "n/a": 0, "waived": 0, "conflicts": 0 })
    );
    assert_eq!(report["profiles"], serde_json::json!(["p"]));
    assert!(report["host"]["kernel"].is_string() && report["host"]["cpus"].is_number());
    let failed = finding(&done.out, "c");
    for key in [
        "profile", "rule", "kind", "subject", "outcome", "severity", "expected", "actual", "reason", "why", "source",
        "origin", "fix",
    ] {
        assert!(failed.get(key).is_some(), "{key}");
    }
    assert_eq!(
        failed["origin"],
        serde_json::json!({ "file": "./p.toml", "built_in": null, "line": 9, "column": 1 })
    );
    assert_eq!(failed["fix"]["changes"][0]["to"], "2000000000");
    assert!(
        failed["fix"]["remedies"]["docker"]
            .as_str()
            .unwrap()
            .contains("--sysctl net.core.somaxconn=2000000000")
    );
    assert!(finding(&done.out, "a")["fix"].is_null());
}

#[test]
fn github_annotates_the_line_that_asked() {
    let many: String = (0..15).map(|n| WARNS.replace("\"b\"", &format!("\"w{n}\""))).collect();
    let files = directory(&[("p.toml", FAILS), ("many.toml", &many)]);
    let out = run_in(files.path(), &["check", "./p.toml", "--format", "github"]).out;
    assert!(
        out.starts_with("::error file=./p.toml,line=4,col=1,title=p/c fail::net.core.somaxconn: "),
        "{out}"
    );
    let out = run_in(files.path(), &["check", "./many.toml", "--format", "github"]).out;
    assert_eq!(out.matches("::warning").count(), 10, "{out}");
    assert!(
        out.contains("6 more: many/w9, many/w10") && out.contains("50%25 of%0Ait"),
        "{out}"
    );
    let built_in = run(&[
        "check",
        "load-test",
        "--set",
        "connections=50000",
        "--only",
        "open-files",
        "--format",
        "github",
    ])
    .out;
    assert!(built_in.starts_with("::error title="), "{built_in}");
}

#[test]
fn junit_is_xml_in_which_only_errors_fail() {
    let files = directory(&[("p.toml", &format!("{PASSES}{WARNS}{FAILS}"))]);
    let out = run_in(files.path(), &["check", "./p.toml", "--format", "junit"]).out;
    assert!(
        out.contains("<testsuite name=\"p\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"0\""),
        "{out}"
    );
    assert_eq!(out.matches("<testcase").count(), 3);
    assert_eq!(out.matches("<failure").count(), 1);
}

const HOSTILE: &str = "[[rule]]\nid = \"d\"\nseverity = \"warning\"\nwhy = \"x\\nnot ok 1 - forged # TODO\"\nsysfs = { path = \"kernel/mm/transparent_hugepage/enabled\", eq = \"# SKIP\" }\n";

#[test]
fn in_tap_only_what_blocks_is_not_ok() {
    let files = directory(&[("p.toml", &format!("{PASSES}{WARNS}{FAILS}{HOSTILE}"))]);
    let tap = |gate: &str| {
        let words = ["check", "./p.toml", "--fail-on", gate, "--format", "tap"];
        let done = run_in(files.path(), &words);
        (done.code, done.out)
    };
    let (code, out) = tap("error");
    assert_eq!(code, 1);
    assert!(
        out.starts_with("TAP version 13\n1..4\nok 1 - p/a net.core.somaxconn\n"),
        "{out}"
    );
    let points = |out: &str, word: &str| out.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!((points(&out, "ok "), points(&out, "not ok ")), (3, 1), "{out}");
    let (code, out) = tap("warning");
    assert_eq!((code, points(&out, "not ok ")), (1, 3), "{out}");
    let mistaken = directory(&[("p.toml", "[[rule]]\nid = \"a\"\n")]);
    let done = run_in(mistaken.path(), &["check", "./p.toml", "--format", "tap"]);
    assert_eq!(done.code, 2);
    assert!(done.out.ends_with("Bail out! Nothing was checked\n"), "{}", done.out);
}

#[test]
#[ignore = "needs prove"]
fn prove_counts_as_the_exit_code_does() {
    let prove = |file: &str, text: &str| {
        let place = directory(&[(file, text)]);
        let command = Command::new("prove").arg(place.path().join(file)).output();
        let done = command.expect("prove can be started (Debian: perl)");
        (
            done.status.success(),
            String::from_utf8_lossy(&done.stdout).into_owned(),
        )
    };
    for (rules, ready) in [
        (format!("{PASSES}{WARNS}{HOSTILE}"), true),
        (format!("{PASSES}{FAILS}{HOSTILE}"), false),
    ] {
        let files = directory(&[("p.toml", &rules)]);
        let done = run_in(files.path(), &["check", "./p.toml", "--format", "tap"]);
        assert_eq!(done.code == 0, ready);
        let (passed, said) = prove("r.tap", &done.out);
        assert_eq!(passed, ready, "{said}\n{}", done.out);
        assert!(said.contains("Tests=") && !said.contains("Parse errors"), "{said}");
    }
}

#[test]
fn a_recorded_host_is_checked_again_and_compared() {
    let files = directory(&[("old.toml", FAILS)]);
    let recorded = run_in(files.path(), &["record", "--all", "./old.toml", "-o", "host.json"]);
    assert_eq!((recorded.code, recorded.out.as_str()), (0, ""), "{}", recorded.err);
    let check = || {
        run_in(
            files.path(),
            &[
                "check",
                "--host",
                "host.json",
                "./old.toml",
                "load-test",
                "--format",
                "json",
            ],
        )
    };
    let (first, second) = (check(), check());
    assert_eq!(first.out, second.out);
    assert_eq!(finding(&first.out, "c")["outcome"], "fail");
    let live = run_in(files.path(), &["check", "./old.toml", "--format", "json"]);
    assert_eq!(finding(&first.out, "c")["fix"], finding(&live.out, "c")["fix"]);
    let same = run_in(files.path(), &["diff", "host.json", "host.json"]);
    assert_eq!(
        (same.code, same.out.starts_with("0 of ")),
        (0, true),
        "{}{}",
        same.out,
        same.err
    );
    let path = files.path().join("host.json");
    #[allow(clippy::disallowed_methods, reason = "the test changes a recording")]
    let changed = std::fs::read_to_string(&path).unwrap().replacen(
        "\"net.core.somaxconn\": [\n      \"4096\"",
        "\"net.core.somaxconn\": [\n      \"128\"",
        1,
    );
    #[allow(clippy::disallowed_methods, reason = "the test changes a recording")]
    std::fs::write(files.path().join("then.json"), changed).unwrap();
    let diff = run_in(
        files.path(),
        &["diff", "then.json", "host.json", "--profile", "./old.toml"],
    );
    assert_eq!(diff.code, 1);
    assert!(
        diff.out.contains("net.core.somaxconn: 128 -> 4096   <- old/c"),
        "{}",
        diff.out
    );
    for (text, expected) in [
        ("{", "it is not JSON"),
        ("{}", "no recording"),
        ("{\"schema\":\"runup.recording/9\"}", "runup.recording/9"),
    ] {
        #[allow(clippy::disallowed_methods, reason = "the test arranges a file")]
        std::fs::write(files.path().join("bad.json"), text).unwrap();
        let bad = run_in(files.path(), &["check", "--host", "bad.json"]);
        assert!(bad.code == 2 && bad.err.contains(expected), "{}", bad.err);
    }
}

#[test]
fn a_recording_follows_no_link() {
    let files = directory(&[("p.toml", PASSES), ("victim", "untouched")]);
    std::os::unix::fs::symlink("victim", files.path().join("link")).unwrap();
    let done = run_in(files.path(), &["record", "./p.toml", "-o", "link"]);
    assert!(done.code == 2 && done.err.contains("symbolic link"), "{}", done.err);
    #[allow(clippy::disallowed_methods, reason = "the test looks")]
    let text = std::fs::read_to_string(files.path().join("victim")).unwrap();
    assert_eq!(text, "untouched");
}

#[test]
fn root_reads_no_profile_that_others_could_have_put_there() {
    let files = directory(&[
        (".runup/load-test.toml", PASSES),
        (".runup.toml", PASSES),
        ("conf/runup/profiles/mine.toml", PASSES),
    ]);
    let shadowed = run_in(files.path(), &["show", "load-test"]).out;
    assert_eq!(shadowed.contains("built-in:load-test"), is_root(), "{shadowed}");
    let implied = run_in(files.path(), &["check", "--format", "json"]).out;
    assert!(
        !implied.contains("\"default\""),
        "the caller's own is read by everyone: {implied}"
    );
    assert_eq!(
        run_in(files.path(), &["check", "./.runup.toml"]).code,
        0,
        "an explicit path is read"
    );
}

#[test]
fn waiting_looks_again_and_keeps_stdout_clean() {
    let files = directory(&[(
        "noisy.toml",
        "[[rule]]\nid = \"n\"\nseverity = \"error\"\nquiet = { runnable = { max = -1 } }\n",
    )]);
    let start = std::time::Instant::now();
    let done = run_in(
        files.path(),
        &[
            "check",
            "./noisy.toml",
            "--wait",
            "2s",
            "--window",
            "50ms",
            "--format",
            "json",
        ],
    );
    assert_eq!(done.code, 1);
    assert!(start.elapsed() >= std::time::Duration::from_secs(2));
    assert!(
        done.err.contains("waiting up to") && done.err.contains("noisy/n"),
        "{}",
        done.err
    );
    serde_json::from_str::<serde_json::Value>(&done.out).expect("only the report is on stdout");
}

#[test]
fn show_prints_a_profile_that_means_the_same() {
    let files = directory(&[]);
    let shown = run_in(files.path(), &["show", "realtime"]);
    assert!(shown.out.contains("# built-in:api-server:"), "{}", shown.out);
    #[allow(clippy::disallowed_methods, reason = "the test arranges a file")]
    std::fs::write(files.path().join("realtime.toml"), &shown.out).unwrap();
    let facts = |word: &str| -> Vec<(String, String, String)> {
        let out = run_in(files.path(), &["check", word, "--format", "json"]).out;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
        support::findings(&out)
            .iter()
            .map(|finding| {
                (
                    text(&finding["rule"]),
                    text(&finding["expected"]),
                    text(&finding["severity"]),
                )
            })
            .collect()
    };
    assert_eq!(facts("./realtime.toml"), facts("realtime"));
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).out.contains("runup"), "{shell}");
    }
    for shell in ["elvish", "powershell"] {
        assert!(run(&["completions", shell]).out.contains("map-exit"), "{shell}");
    }
    let exec = run(&["man", "exec"]).out;
    for words in ["map\\-exit", "on\\-fail", "FROM=TO", "WITH --INIT", "COMMAND"] {
        assert!(exec.contains(words), "{words}: {exec}");
    }
    assert!(run(&["man"]).out.contains(".TH runup 1"));
    assert!(run(&["man", "check"]).out.contains("fail\\-on"));
    assert_eq!(run(&["man", "nothing"]).code, 2);
    assert_eq!(run(&["explain", "no-such-thing-at-all"]).code, 2);
}

#[test]
fn a_closed_pipe_does_not_change_the_verdict() {
    let directory = directory(&[(
        "p.toml",
        "[[rule]]\nid = \"never\"\nseverity = \"error\"\nkernel = { version = { min = \"99.0\" } }\n",
    )]);
    let mut child = support::runup()
        .current_dir(directory.path())
        .args(["check", "./p.toml"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("ends").code(), Some(1));
}

#[test]
fn nothing_checked_is_not_ready() {
    let directory = directory(&[("empty.toml", "summary = \"nothing\"\n")]);
    let done = run_in(directory.path(), &["check", "./empty.toml"]);
    assert_eq!(done.code, 2);
    assert!(done.out.contains("Nothing was checked"), "{}", done.out);
    let done = run_in(directory.path(), &["check", "./empty.toml", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!(report["ready"], false);
}

#[test]
fn mistakes_are_reported_in_the_form_that_was_asked_for() {
    let directory = directory(&[(
        "p.toml",
        "[[rule]]\nid = \"a\"\nsysctl = { key = \"vm.swappiness\", mni = 1 }\n",
    )]);
    let run = |format| run_in(directory.path(), &["check", "./p.toml", "--format", format]);
    let json = run("json");
    let report: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!((json.code, &report["ready"]), (2, &serde_json::Value::Bool(false)));
    assert_eq!(report["errors"][0]["origin"]["line"], 3);
    assert!(json.err.contains("did you mean `min`?"));
    let github = run("github");
    assert!(
        github.out.starts_with("::error file=./p.toml,line=3,col="),
        "{}",
        github.out
    );
    let junit = run("junit");
    assert!(
        junit.out.contains("<testsuites") && junit.out.contains("errors=\"1\""),
        "{}",
        junit.out
    );
}

#[test]
fn what_means_nothing_is_a_mistake_of_the_profile() {
    for (subject, said) in [
        ("kernel = { loaded = true }", "needs `module`"),
        ("ports = { state = \"free\" }", "needs `port`"),
        ("ports = { port = 22, state = \"fre\" }", "did you mean `free`?"),
        ("ports = { port = 99999, state = \"free\" }", "99999 is no port"),
        (
            "sysctl = { key = \"vm.swappiness\", min = 10, max = 5 }",
            "no value can satisfy",
        ),
        ("sysctl = { key = \"net.core.rmem_max\", min = \"1MB\" }", "write `MiB`"),
    ] {
        let directory = directory(&[("p.toml", &format!("[[rule]]\nid = \"a\"\n{subject}\n"))]);
        let done = run_in(directory.path(), &["check", "./p.toml"]);
        assert_eq!(done.code, 2, "{subject}: {}{}", done.out, done.err);
        assert!(
            done.err.contains(said) && done.err.contains("p.toml:3"),
            "{subject}: {}",
            done.err
        );
    }
    let waivers = "[[rule]]\nid = \"a\"\nkernel = { version = { min = \"1.0\" } }\n\
                   [[waive]]\nrule = \"a\"\nreason = \" \"\n[[waive]]\nrule = \"a\"\nreason = \"b\"\n";
    let directory = directory(&[("p.toml", waivers)]);
    let done = run_in(directory.path(), &["check", "./p.toml"]);
    assert!(
        done.err.contains("a waiver says why") && done.err.contains("waived twice"),
        "{}",
        done.err
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_path_that_nobody_knows_is_unknown_and_not_passed_over() {
    let root = directory(&[
        ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
        ("sys/block/sda/size", "1\n"),
        ("proc/sys/vm/swappiness", "60\n"),
        (
            "p.toml",
            "[[rule]]\nid = \"typo\"\nsysfs = { path = \"kernel/mm/transparent_hugepage/enabeld\", not = \"always\" }\n\
             [[rule]]\nid = \"said\"\nsysfs = { path = \"kernel/mm/other\", not = \"always\", known = true }\n\
             [[rule]]\nid = \"disk\"\nsysfs = { path = \"block/sdz/queue/rotational\", eq = 0 }\n\
             [[rule]]\nid = \"swappiness\"\nsysctl = { key = \"vm.swappiness\", max = 100 }\n",
        ),
    ]);
    let path = root.path().to_str().expect("UTF-8");
    let done = run_in(root.path(), &["check", "./p.toml", "--root", path, "--format", "json"]);
    let outcome = |rule| support::finding(&done.out, rule)["outcome"].as_str().map(str::to_owned);
    assert_eq!(outcome("typo").as_deref(), Some("unknown"), "{}", done.out);
    assert!(
        support::finding(&done.out, "typo")["reason"]
            .as_str()
            .is_some_and(|why| why.contains("`enabled`"))
    );
    assert_eq!(outcome("said").as_deref(), Some("n/a"));
    assert_eq!(outcome("disk").as_deref(), Some("n/a"));
    assert_eq!(outcome("swappiness").as_deref(), Some("pass"));
}

#[test]
#[cfg(target_os = "linux")]
fn two_floors_of_one_limit_have_one_fix() {
    let directory = directory(&[
        (
            "a.toml",
            "[[rule]]\nid = \"files\"\nrlimit = { resource = \"nofile\", soft = { min = 300 } }\n",
        ),
        (
            "b.toml",
            "[[rule]]\nid = \"files\"\nrlimit = { resource = \"nofile\", soft = { min = 700 } }\n",
        ),
    ]);
    let mut child = std::process::Command::new("sh")
        .args(["-c", "ulimit -S -n 200; ulimit -H -n; exec sleep 100"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
    let (pid, hard) = (child.id().to_string(), line.trim());
    let done = run_in(
        directory.path(),
        &["check", "./a.toml", "./b.toml", "--pid", &pid, "--format", "json"],
    );
    let _ = child.kill();
    let _ = child.wait();
    let report: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
    for finding in report["findings"].as_array().expect("findings") {
        assert_eq!(
            finding["fix"]["remedies"]["host"].as_str(),
            Some(format!("prlimit --pid {pid} --nofile=700:{hard}").as_str())
        );
    }
}

#[test]
fn help_is_not_broken_where_it_was_broken_already() {
    let help = run(&["import", "--help"]).out;
    let formats = help.split("Formats:").nth(1).expect("the formats");
    for line in formats.lines() {
        let words = line.split_whitespace().count();
        let ends = line.ends_with('.') || line.ends_with(':');
        let name = line.starts_with("  ") && !line.starts_with("   ");
        assert!(words != 1 || ends || name, "a word stands alone: {line:?} in {formats}");
    }
    let exec = run(&["exec", "--help"]).out;
    assert!(
        exec.contains("--map-exit <FROM=TO>") && exec.contains("RUNUP_MAP_EXIT"),
        "{exec}"
    );
    assert_eq!(exec, run(&["exec", "--init", "-h"]).out);
}

#[test]
fn a_time_is_seconds_or_has_a_unit_in_every_option() {
    let files = directory(&[("p.toml", PASSES)]);
    for time in ["0", "1ms", "0s", "0m", "5us"] {
        for words in [
            &["check", "./p.toml", "--window", time][..],
            &["check", "./p.toml", "--wait", time],
            &["record", "./p.toml", "--window", time],
            &["apply", "./p.toml", "--dry-run", "--window", time],
            &["apply", "./p.toml", "--dry-run", "--wait", time],
            &["exec", "./p.toml", "--wait", time, "--", "true"],
            &["exec", "--init", "--grace", time, "--", "true"],
        ] {
            let done = run_in(files.path(), words);
            assert_eq!(done.code, 0, "{words:?}: {}", done.err);
        }
        for variable in ["RUNUP_WAIT", "RUNUP_GRACE"] {
            let words = ["exec", "--init", "./p.toml", "--", "true"];
            let mut command = runup();
            command.args(words).current_dir(files.path()).env(variable, time);
            let done = done(command.output().expect("the command starts"));
            assert_eq!(done.code, 0, "{variable}={time}: {}", done.err);
        }
    }
    for time in ["2min", "1.5s", "soon", "31d", "-1", "1m+1s"] {
        let option = format!("--wait={time}");
        for words in [
            &["check", "./p.toml", &option][..],
            &["exec", "./p.toml", &option, "--", "true"],
        ] {
            let done = run_in(files.path(), words);
            assert!(done.err.contains("is not a duration"), "{words:?}: {}", done.err);
            assert!(matches!(done.code, 2 | 125), "{words:?}: {}", done.err);
        }
    }
}

#[test]
fn a_parameter_that_is_a_time_asks_for_its_unit() {
    let profile = format!("[params.pause]\ndefault = \"30s\"\nmin = 5\n{PASSES}when = \"pause > 1s\"\n");
    let files = directory(&[("bound.toml", &profile), ("p.toml", &profile.replace("min = 5\n", ""))]);
    let done = run_in(files.path(), &["check", "./p.toml", "--set", "pause=10"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("did you mean `10s`?"), "{}", done.err);
    assert_eq!(
        run_in(files.path(), &["check", "./p.toml", "--set", "pause=10s"]).code,
        0
    );
    let done = run_in(files.path(), &["check", "./bound.toml"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("did you mean `5s`?"), "{}", done.err);
}

#[test]
fn a_mistake_in_the_command_line_says_what_to_do_next() {
    for (words, next) in [
        (&["check", "--set"][..], "--set connections=20000"),
        (&["check", "--only"], "`runup show PROFILE` lists them"),
        (&["check", "--window"], "500ms, 10s or 2m"),
        (&["check", "--pid", "x"], "pgrep"),
        (&["check", "--format", "jsn"], "`runup check --help`"),
        (&["check", "--onyl", "x"], "'--only'"),
        (&["record", "-o"], "the name of a file"),
        (&["export"], "write --to and one of: sysctl.d"),
        (&["explain"], "net.core.somaxconn"),
        (&["show"], "`runup profiles`"),
        (&["diff"], "`runup record -o FILE`"),
        (&["import"], "/etc/sysctl.d"),
        (&["completions"], "bash, elvish, fish"),
        (&["apply", "--unit", "x"], "add --persist"),
        (&["apply", "x", "--", "ls"], "add --for"),
        (&["apply", "--for"], "-- COMMAND"),
        (&["revert", "0"], "`runup revert --list`"),
        (&["revert", "--list", "--force"], "leave one of them out"),
        (&["chekc"], "`runup --help`"),
        (&["redis"], "`runup check redis`"),
        (&["--bogus"], "`runup --help`"),
    ] {
        let done = run(words);
        assert_eq!(done.code, 2, "{words:?}");
        assert!(done.err.contains(next), "{words:?}: {}", done.err);
        assert!(!done.err.contains("For more information"), "{words:?}: {}", done.err);
    }
}
