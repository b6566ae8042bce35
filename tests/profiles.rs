//! Every rule of every built-in profile, on a host that it passes and on a host that it fails.
//!
//! `tests/profiles/NAME.toml` has a line for each rule that the profile itself states, on each system that the rule names:
//!
//! ```toml
//! [host]                        # what every host of this file has, over tests/hosts/server.toml or mac.toml
//! [rule.open-files]
//! pass = { limits = { nofile = "65536" } }
//! fail = { limits = { nofile = "1024:4096" } }
//! na = { set = { production = "false" } }      # where `when` is false; may be left out
//! ```
//!
//! A description, or a list of them for a rule that names several systems (`os = "macos"`), is described by
//! [`support::host::Description`].

mod support;

use std::collections::BTreeSet;

use runup::diagnostic::{Diagnostics, render};
use runup::engine::{Check, Options};
use runup::finding::Outcome;
use runup::fix::plan::{Consent, LimitsOf, Permissions, PlanError, plan};
use runup::host::Host;
use runup::profile::{self, Library, Setting};
use runup::source::Sources;
use runup::system::Os;
use serde::Deserialize;
use serde_json::Value;
use support::host::Description;
use support::toml_as_json;

/// One table: the common part of its hosts, and its lines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    host: Description,
    #[serde(default)]
    rule: std::collections::BTreeMap<String, Line>,
}

/// The hosts of one rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    pass: Hosts,
    fail: Hosts,
    #[serde(default)]
    na: Option<Hosts>,
}

/// One host, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Hosts {
    One(Box<Description>),
    Several(Vec<Description>),
}

impl Hosts {
    fn all(&self) -> &[Description] {
        match self {
            Hosts::One(one) => std::slice::from_ref(&**one),
            Hosts::Several(several) => several,
        }
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "tables are the test's own files")]
fn every_rule_passes_and_fails_where_its_table_says() {
    let mut wrong = Vec::new();
    for (name, text) in profile::search::built_in() {
        let path = format!("{}/tests/profiles/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let table = std::fs::read_to_string(&path);
        let table = table.unwrap_or_else(|error| panic!("{path}: {error}"));
        let table: Table =
            serde_json::from_value(toml_as_json::parse(&table)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let rules = own_rules(&text);
        for id in table.rule.keys() {
            if !rules.iter().any(|(known, _)| known == id) {
                wrong.push(format!("{name}: a line for `{id}`, which is no rule of the profile"));
            }
        }
        for (id, systems) in &rules {
            let Some(line) = table.rule.get(id) else {
                wrong.push(format!("{name}/{id}: no line"));
                continue;
            };
            for (outcome, hosts) in [
                (Outcome::Pass, Some(&line.pass)),
                (Outcome::Fail, Some(&line.fail)),
                (Outcome::NotApplicable, line.na.as_ref()),
            ] {
                let Some(hosts) = hosts else { continue };
                let mut seen = BTreeSet::new();
                for host in hosts.all() {
                    let host = table.host.clone().with(host);
                    seen.insert(host.os().name());
                    wrong.extend(look(name, id, &host, outcome));
                }
                let missing: Vec<&str> = systems.iter().copied().filter(|os| !seen.contains(os)).collect();
                if outcome != Outcome::NotApplicable && !missing.is_empty() {
                    wrong.push(format!("{name}/{id}: no {outcome:?} line for {}", missing.join(", ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[allow(clippy::disallowed_methods, reason = "tables are the test's own files")]
fn every_table_is_of_a_profile() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/profiles");
    for entry in std::fs::read_dir(directory).expect("it is there") {
        let file = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        let name = file.strip_suffix(".toml");
        let known = name.is_some_and(|name| profile::search::built_in_names().any(|known| known == name));
        assert!(known, "tests/profiles/{file} is of no built-in profile");
    }
}

/// Profiles whose vendors contradict each other, with what about.
const CONTRADICTIONS: &[(&str, &str, &str)] = &[
    ("elasticsearch/no-swap", "redis/swap", "memory"),
    ("cassandra/no-swap", "scylladb/swap", "memory"),
    ("opensearch/no-swap", "redpanda/swap", "memory"),
    (
        "redis/background-save",
        "postgresql/strict-overcommit",
        "vm.overcommit_memory",
    ),
    (
        "clickhouse/overcommit",
        "postgresql/strict-overcommit",
        "vm.overcommit_memory",
    ),
    (
        "mongodb/huge-pages",
        "clickhouse/huge-pages",
        "/sys/kernel/mm/transparent_hugepage/enabled",
    ),
    // What the kubelet sets itself is a side, too.
    (
        "kubernetes-node/overcommit-set",
        "postgresql/strict-overcommit",
        "vm.overcommit_memory",
    ),
];

#[test]
fn vendors_that_contradict_each_other_are_named_and_nothing_is_planned() {
    for (left, right, subject) in CONTRADICTIONS {
        let (mut sources, mut sink) = (Sources::new(), Diagnostics::new());
        let profiles: Vec<_> = [left, right]
            .iter()
            .filter_map(|name| {
                let profile = name.split('/').next()?;
                profile::load(&Library::built_in_only(), profile, Os::Linux, &mut sources, &mut sink)
            })
            .collect();
        let system = Description::default().build();
        let permissions = Permissions {
            allowed: Consent::ALL.into_iter().collect(),
            notes: true,
            limits: LimitsOf::Nobody,
            own_only: false,
        };
        let Err(PlanError::Conflicts(conflicts)) = plan(&profiles, &Options::default(), &system, &permissions) else {
            panic!("{left} and {right}: runup chose");
        };
        let found = conflicts.iter().find(|conflict| {
            conflict.subject == *subject
                && [left, right]
                    .iter()
                    .all(|name| conflict.sides.iter().any(|side| side.name == **name))
        });
        let found = found.unwrap_or_else(|| panic!("{left} and {right}: {conflicts:#?}"));
        assert!(found.sides.iter().all(|side| side.source.is_some()), "{found:#?}");
    }
}

/// The rules that a profile's own file states, each with the systems that it names: those of a subject that differs between
/// systems, and else Linux, where every kind of subject is.
fn own_rules(text: &str) -> Vec<(String, Vec<&'static str>)> {
    const SYSTEMS: [&str; 3] = ["linux", "macos", "freebsd"];
    let named = |table: &Value| -> Vec<&'static str> {
        let Value::Object(table) = table else { return Vec::new() };
        let of = |value: &Value| -> Vec<&'static str> {
            let Value::Object(value) = value else { return Vec::new() };
            if value.is_empty() || !value.keys().all(|key| SYSTEMS.contains(&key.as_str())) {
                return Vec::new();
            }
            SYSTEMS.into_iter().filter(|os| value.contains_key(*os)).collect()
        };
        let own = of(&Value::Object(table.clone()));
        if own.is_empty() {
            table.values().flat_map(of).collect()
        } else {
            own
        }
    };
    let profile = toml_as_json::parse(text);
    let rules = profile["rule"].as_array().cloned().unwrap_or_default();
    rules
        .iter()
        .map(|rule| {
            let mut systems: Vec<&'static str> = rule.as_object().expect("a table").values().flat_map(named).collect();
            if systems.is_empty() {
                systems.push("linux");
            }
            (rule["id"].as_str().expect("an id").to_owned(), systems)
        })
        .collect()
}

/// What is wrong with a rule's outcome on a host: nothing, where every finding passes, at least one fails, or none applies.
fn look(name: &str, id: &str, description: &Description, expected: Outcome) -> Option<String> {
    let system = description.build();
    let (mut sources, mut sink) = (Sources::new(), Diagnostics::new());
    let os: Os = description.os();
    let profile = profile::load(&Library::built_in_only(), name, os, &mut sources, &mut sink);
    let settings = description.set.iter().map(|(name, value)| {
        Setting::parse(&format!("{name}={value}"), &mut sources).unwrap_or_else(|_| panic!("{name}={value}"))
    });
    let options = Options {
        settings: settings.collect(),
        only: vec![format!("{name}/{id}")],
        ..Options::default()
    };
    let mistakes = sink.into_sorted();
    assert!(mistakes.is_empty(), "{}", render(&mistakes, &sources, false));
    let profiles = [profile.expect("it loads")];
    let host = Host::new(&system);
    let report = match Check::prepare(&profiles, options, &host) {
        Ok(check) => check.run(),
        Err(mistakes) => return Some(format!("{name}/{id}: {}", render(&mistakes, &sources, false))),
    };
    let outcomes: Vec<Outcome> = report.findings.iter().map(|finding| finding.outcome).collect();
    let right = match expected {
        // With a pattern, one of what it matches is enough to fail.
        Outcome::Fail => {
            outcomes.contains(&Outcome::Fail)
                && outcomes
                    .iter()
                    .all(|outcome| matches!(outcome, Outcome::Fail | Outcome::Pass))
        }
        expected => !outcomes.is_empty() && outcomes.iter().all(|outcome| *outcome == expected),
    };
    if right {
        return None;
    }
    let found: Vec<String> = report
        .findings
        .iter()
        .map(|found| {
            format!(
                "{:?} {}: expected {}, is {} {}",
                found.outcome, found.subject, found.expected, found.actual, found.reason
            )
        })
        .collect();
    Some(format!(
        "{name}/{id} on {}: not {expected:?}, but {}",
        os.name(),
        found.join("; ")
    ))
}
