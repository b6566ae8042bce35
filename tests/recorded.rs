//! Every built-in profile over recorded hosts, true ones and written ones, against what was said last time.
//!
//! `tests/hosts/record` makes the recordings; `RUNUP_BLESS=1 cargo test --test recorded` takes what is said now as right, for
//! a person to read in the difference.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests read their own files"
)]

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use runup::profile::search::built_in_names;
use serde_json::Value;
use support::{Done, run_in};

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts/recorded")
}

/// Where the recordings are, so that what is said does not depend on where the project lies.
fn run(words: &[&str]) -> Done {
    run_in(&place(), words)
}

fn recordings() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place()).expect("the recordings");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    paths
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// A line for each finding that is neither pass nor n/a, and the counts of those.
fn profile(host: &str, name: &str) -> String {
    let done = run(&["check", "--host", host, name, "--format", "json"]);
    let report: Value = serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{name}: {error}: {}", done.err));
    let word = match done.code {
        0 => "ready",
        1 => "not ready",
        2 => "nothing was checked",
        other => panic!("{name}: exit code {other}"),
    };
    let summary = &report["summary"];
    let mut lines = format!(
        "== {name}: {word}, {} passed, {} n/a\n",
        summary["pass"], summary["n/a"]
    );
    for finding in report["findings"].as_array().expect("findings") {
        let (outcome, severity) = (text(finding, "outcome"), text(finding, "severity"));
        let said = match outcome {
            "pass" | "n/a" => continue,
            "fail" => format!(
                "is {}, should be {} ({})",
                text(finding, "actual"),
                text(finding, "expected"),
                text(&finding["fix"], "reach")
            ),
            _ => text(finding, "reason").to_owned(),
        };
        writeln!(
            lines,
            "{outcome} {severity} {}  {}: {said}",
            text(finding, "rule"),
            text(finding, "subject")
        )
        .expect("a string");
    }
    lines
}

#[test]
fn every_profile_over_every_host() {
    let bless = std::env::var_os("RUNUP_BLESS").is_some();
    let mut different = Vec::new();
    assert!(recordings().len() >= 12);
    for path in recordings() {
        let host = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        let whole = run(&["check", "--host", host, "default"]);
        let mut said = whole.out;
        for name in built_in_names() {
            said += &profile(host, name);
        }
        let snapshot = path.with_extension("txt");
        let before = std::fs::read_to_string(&snapshot).unwrap_or_default();
        if before == said {
            continue;
        }
        if bless {
            std::fs::write(&snapshot, &said).expect("the snapshot");
        } else {
            let first = before.lines().zip(said.lines()).find(|(old, new)| old != new);
            different.push(format!("{}: {first:#?}", path.display()));
        }
    }
    assert!(
        different.is_empty(),
        "RUNUP_BLESS=1 takes this as right: {}",
        different.join("\n")
    );
}

/// Machines that somebody has tuned, and badly: what `default` is for.
const MISTUNED: &[&str] = &["kernel-3.10.json"];

/// Profiles that are about no product, or about what a product's vendor has not said: their numbers are runup's own.
const NO_PRODUCT: &[&str] = &[
    "api-server",
    "ci",
    "ci-runner",
    "container",
    "fluentconf",
    "load-generator",
    "load-test",
    "low-latency",
    "macos-laptop",
    "microbench",
    "network-throughput",
    "nodejs-api",
    "quiet-machine",
    "realtime",
];

/// On a machine that nobody tuned `default` finds nothing, not even a note, and the profile of a product only what its vendor says.
#[test]
fn an_untouched_machine_is_told_nothing_that_no_vendor_says() {
    let mut wrong = Vec::new();
    for path in recordings() {
        let host = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        if MISTUNED.contains(&host) {
            continue;
        }
        for name in built_in_names().filter(|name| !NO_PRODUCT.contains(name)) {
            let done = run(&["check", "--host", host, name, "--format", "json"]);
            let report: Value = serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{name}: {error}"));
            let findings = report["findings"].as_array().expect("findings");
            let said = findings.iter().filter(|finding| finding["outcome"] == "fail");
            let own = said.filter(|finding| name == "default" || finding["vendor"].is_null());
            wrong.extend(own.map(|finding| format!("{host}: {name}/{}", text(finding, "rule"))));
        }
    }
    // macOS has 128, whatever is set up: a fact of that system, which the profile tells.
    wrong.retain(|wrong| wrong != "macbook.json: memcached/listen-backlog");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A true recording holds everything that the built-in profiles ask for.
#[test]
fn true_recordings_are_whole() {
    for path in recordings() {
        let recording: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).expect("a recording")).expect("a recording");
        if text(&recording, "note").starts_with("written") {
            continue;
        }
        let said = std::fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        let missing: Vec<&str> = said.lines().filter(|line| line.contains("not recorded")).collect();
        assert!(missing.is_empty(), "{}: {missing:#?}", path.display());
    }
}

/// The report that the README shows is what is said of the recorded server.
#[test]
fn the_readme_shows_what_is_said() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("the README");
    let (_, rest) = readme.split_once("$ runup check ").expect("a console");
    let (words, rest) = rest.split_once('\n').expect("a command");
    let (shown, _) = rest.split_once("```").expect("an end");
    let mut all = vec!["check", "--host", "server.json"];
    all.extend(words.split_whitespace());
    let done = run(&all);
    // The first lines say where, and the recording is somewhere else.
    let body = |text: &str| text.split_once("\n\n").expect("a heading").1.trim_end().to_owned();
    let said = body(&done.out).replace("on that machine", "here");
    assert_eq!(body(shown), said, "{}", done.err);
}
