//! `runup diff`: what differs between two hosts, or between a host then and now.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::ArgMatches;

use super::output::Streams;
use super::{CommandError, CommandResult, ExitCode, inputs, project};
use crate::catalogue;
use crate::host::Host;
use crate::recording::{Recording, is_secret};
use crate::rule::{Rule, Target};
use crate::source::Sources;
use crate::system::live::LiveSystem;
use crate::system::{Failure, Os, Platform, Resource, System};
use crate::text::printable;
use crate::value::{Type, Unit};

pub(super) fn run(matches: &ArgMatches, sources: &mut Sources, streams: &mut Streams) -> CommandResult {
    let path = |name: &str| matches.get_one::<String>(name).cloned();
    let before = inputs::load_recording(&path("before").unwrap_or_default())?;
    let os = before.platform().os;
    let left = answers(&before);
    let right = match path("after") {
        Some(path) => answers(&inputs::load_recording(&path)?),
        None => {
            let live = LiveSystem::new();
            if live.platform().os != os {
                return Err(CommandError::Message(format!(
                    "the recording is of {}, and this machine runs {}; name a second recording",
                    os.name(),
                    live.platform().os.name()
                )));
            }
            left.keys().map(|name| (name.clone(), ask(&live, name))).collect()
        }
    };
    let profiles = match inputs::words(matches, "profile") {
        words if words.is_empty() => Vec::new(),
        words => project::load(&project::library(), &words, os, sources, streams)?,
    };
    let cares = |name: &str| -> Vec<String> {
        let names = profiles.iter().flat_map(|profile| {
            profile
                .rules
                .iter()
                .filter(|rule| is_about(rule, name))
                .map(|rule| format!("{}/{}", profile.name, rule.id))
        });
        names.collect()
    };
    let mut text = String::new();
    let mut count = 0;
    let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    for name in names {
        let (Some(a), Some(b)) = (left.get(name), right.get(name)) else {
            continue;
        };
        if same(name, a, b, os) {
            continue;
        }
        count += 1;
        let rules = cares(name);
        let mark = if rules.is_empty() {
            String::new()
        } else {
            format!("   <- {}", rules.join(", "))
        };
        let _ = writeln!(text, "{name}: {} -> {}{mark}", show(a), show(b));
    }
    let asked = left.keys().filter(|name| right.contains_key(*name)).count();
    let _ = writeln!(text, "{count} of {asked} values that both tell of differ.");
    streams.try_result(|out| out.write_all(printable(&text).as_bytes()))?;
    Ok(if count == 0 {
        ExitCode::Ready
    } else {
        ExitCode::NotReady
    })
}

type Answer = Result<String, Failure>;

/// What says something about a host's settings: sysctls, attributes of `/sys`, limits. Counters and tables are left out.
fn answers(recording: &Recording) -> BTreeMap<String, Answer> {
    let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
    for (name, answer) in recording.texts() {
        let is_setting = !name.starts_with('/') || name.starts_with("/sys/") || name.starts_with("/proc/cmdline");
        if is_setting && !is_secret(&name) {
            answers.insert(name, answer.map(|text| text.trim_end().to_owned()));
        }
    }
    for (name, answer) in recording.limits() {
        answers.insert(
            format!("limit {name}"),
            answer.map(|(soft, hard)| format!("{soft}:{hard}")),
        );
    }
    answers.insert("kernel".to_owned(), release(recording.platform()));
    answers
}

fn release(platform: &Platform) -> Answer {
    let release = platform.release.clone();
    release.ok_or(Failure::untold("which kernel this is"))
}

/// The same question to a live machine.
fn ask(system: &dyn System, name: &str) -> Answer {
    if let Some(resource) = name.strip_prefix("limit ").and_then(Resource::parse) {
        return system
            .limits(resource)
            .map(|limits| format!("{}:{}", limits.soft, limits.hard));
    }
    if name == "kernel" {
        return release(system.platform());
    }
    let text = if name.starts_with('/') {
        Host::new(system).text(name)
    } else {
        system.sysctl(name)
    };
    text.map(|text| text.trim_end().to_owned())
}

/// Whether two answers mean the same: values are compared by their type.
fn same(name: &str, a: &Answer, b: &Answer, os: Os) -> bool {
    let (Ok(left), Ok(right)) = (a, b) else { return a == b };
    if left == right {
        return true;
    }
    let kind = catalogue::lookup(os, name).map_or(Type::Tuple(&[], Unit::Count), |key| key.value);
    matches!((kind.parse(left), kind.parse(right)), (Ok(left), Ok(right)) if left == right)
}

fn show(answer: &Answer) -> String {
    match answer {
        Ok(text) if text.is_empty() => "(empty)".to_owned(),
        Ok(text) => text.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
        Err(Failure::Absent) => "(not there)".to_owned(),
        Err(failure) => format!("({failure})"),
    }
}

fn is_about(rule: &Rule, name: &str) -> bool {
    let Some(subject) = &rule.subject else { return false };
    let named = |target: Target| match (&target, name.strip_prefix("limit ")) {
        (Target::Limit(..), Some(resource)) => target.name() == resource,
        (_, None) => target.name() == name,
        (_, Some(_)) => false,
    };
    subject.sets().any(named) || subject.kind.label(&subject.selectors) == name
}
