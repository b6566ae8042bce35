//! The built-in profiles, and everything that is made from the same descriptions as they are read by.

mod support;

use runup::diagnostic::{Diagnostics, render};
use runup::profile::{self, Library};
use runup::source::Sources;
use runup::system::Os;
use support::{run, toml_as_json};

#[test]
fn every_profile_loads_on_every_system_and_every_rule_says_why_and_whence() {
    for name in profile::search::built_in_names() {
        for os in [Os::Linux, Os::Macos, Os::Freebsd] {
            let (mut sources, mut sink) = (Sources::new(), Diagnostics::new());
            let profile = profile::load(&Library::built_in_only(), name, os, &mut sources, &mut sink);
            let mistakes = sink.into_sorted();
            assert!(mistakes.is_empty(), "{}", render(&mistakes, &sources, false));
            let profile = profile.expect("it loads");
            assert!(profile.summary.is_some(), "{name} has no summary");
            for rule in &profile.rules {
                assert!(rule.source.is_some(), "{name}/{} has no source", rule.id);
                let why = rule
                    .why
                    .as_deref()
                    .unwrap_or_else(|| panic!("{name}/{} does not say why", rule.id));
                assert!(
                    !why.ends_with('.'),
                    "{name}/{}: reasons are clauses, without a full stop",
                    rule.id
                );
            }
            for rule in &profile.raw.rules {
                let says = rule.table.get("severity").is_some();
                assert!(says, "{name}/{}: what is built in says how much it matters", rule.id);
            }
            for param in &profile.params {
                assert!(param.help.is_some(), "{name}: what is {}?", param.name);
            }
        }
    }
}

#[test]
fn the_committed_schema_is_the_one_that_the_command_prints() {
    let committed = include_str!("../schemas/profile.schema.json");
    assert!(
        run(&["schema"]).out == committed,
        "run: cargo run -- schema > schemas/profile.schema.json"
    );
}

/// The built-in profiles and the kinds' examples against the schema, by a validator that is not ours.
#[test]
fn profiles_validate_against_the_schema() {
    let schema = serde_json::from_str(include_str!("../schemas/profile.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let validate = |what: &str, text: &str| {
        let table = toml_as_json::parse(text);
        let errors: Vec<String> = validator
            .iter_errors(&table)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        (what.to_owned(), errors)
    };
    for (name, text) in profile::search::built_in() {
        let (name, errors) = validate(name, &text);
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
    for kind in runup::rule::KINDS {
        let (name, errors) = validate(kind.name(), kind.docs().example);
        assert!(errors.is_empty(), "the example of {name}: {errors:#?}");
    }
    for wrong in [
        "sumary = 'x'",
        "[[rule]]\nsysctl = { key = 'a.b', min = 1 }",
        "[[rule]]\nid = 'x'\nsysctl = { key = 'a.b', mni = 1 }",
        "[[rule]]\nid = 'x'\nseverity = 'fatal'\nmemory = { swap = 0 }",
        "[params.p]\ndefault = 1.5",
    ] {
        assert!(!validate("", wrong).1.is_empty(), "{wrong}");
    }
}

/// What is copied from an example says how much it matters.
#[test]
fn examples_say_their_severities() {
    let example = include_str!("../examples/entrypoint/api.toml");
    let kinds = runup::rule::KINDS.iter().map(|kind| (kind.name(), kind.docs().example));
    for (name, text) in kinds.chain([("examples/entrypoint/api.toml", example)]) {
        let rules = text.matches("[[rule]]").count();
        assert_eq!(text.matches("\nseverity = ").count(), rules, "{name}");
    }
}

/// The kinds' own examples are right profiles, too.
#[test]
fn examples_load() {
    for kind in runup::rule::KINDS {
        let files = support::directory(&[("p.toml", kind.docs().example)]);
        let done = support::run_in(files.path(), &["check", "./p.toml", "--format", "json"]);
        assert!(!done.out.is_empty(), "{}: {}", kind.name(), done.err);
    }
}
