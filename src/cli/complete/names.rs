//! The names that only the tool itself knows: profiles, their rules and parameters, keys.

use super::Candidate;
use crate::catalogue;
use crate::cli::output::Streams;
use crate::cli::project::{self, Unnamed};
use crate::diagnostic::Diagnostics;
use crate::profile::{self, Library, Profile, merge};
use crate::rule;
use crate::shim::signal_names;
use crate::source::Sources;
use crate::system::live::LiveSystem;
use crate::system::{Os, Resource, System};

/// Every profile that is found by name.
pub(super) fn profiles(streams: &mut Streams) -> Vec<Candidate> {
    let library = project::library();
    let mut sources = Sources::new();
    let names = library.names();
    project::say_skipped(&library, streams);
    names
        .iter()
        .filter(|(name, _)| !name.starts_with('-'))
        .map(|(name, _)| {
            let mut sink = Diagnostics::new();
            let summary = merge::load(&library, name, &mut sources, &mut sink).and_then(|merged| merged.summary);
            Candidate::new(name, summary.unwrap_or_default())
        })
        .collect()
}

/// The rules of the profiles that are named, or of the one that the command takes without a name; with a `/` in what is typed
/// as `PROFILE/RULE`.
pub(super) fn rules(command: &str, words: &[String], text: &str, streams: &mut Streams) -> Vec<Candidate> {
    let profiles = named(command, words, streams);
    rules_of(&profiles, text)
}

fn rules_of(profiles: &[Profile], text: &str) -> Vec<Candidate> {
    let with_profile = text.contains('/');
    profiles
        .iter()
        .flat_map(|profile| profile.rules.iter().map(move |rule| (profile, rule)))
        .map(|(profile, rule)| {
            let why = rule.why.clone().unwrap_or_default();
            if with_profile {
                Candidate::new(format!("{}/{}", profile.name, rule.id), why)
            } else {
                Candidate::new(&rule.id, why)
            }
        })
        .collect()
}

/// `NAME=` for every parameter; after the `=` the values, where they are a list.
pub(super) fn parameters(command: &str, words: &[String], text: &str, streams: &mut Streams) -> Vec<Candidate> {
    let profiles = named(command, words, streams);
    let params = profiles.iter().flat_map(|profile| &profile.params);
    match text.split_once('=') {
        None => params
            .map(|param| Candidate::new(format!("{}=", param.name), param.help.clone().unwrap_or_default()))
            .collect(),
        Some((name, _)) => params
            .filter(|param| param.name == name)
            .flat_map(profile::Param::choices)
            .map(|value| Candidate::new(format!("{name}={value}"), ""))
            .collect(),
    }
}

/// Everything that `explain` knows: rules, kinds of subject, limits and keys.
pub(super) fn subjects(text: &str, streams: &mut Streams) -> Vec<Candidate> {
    let os = os();
    let library = project::library();
    let mut sources = Sources::new();
    let profiles: Vec<Profile> = library
        .names()
        .iter()
        .filter_map(|(name, _)| load(&library, name, os, &mut sources))
        .collect();
    project::say_skipped(&library, streams);
    let kinds = rule::KINDS
        .iter()
        .map(|kind| Candidate::new(kind.name(), kind.docs().summary));
    let limits = Resource::all().map(|limit| Candidate::new(limit.name(), limit.doc()));
    let keys = catalogue::keys(os)
        .filter(|key| !key.name.contains('*'))
        .map(|key| Candidate::new(key.name, key.summary));
    rules_of(&profiles, text)
        .into_iter()
        .chain(kinds)
        .chain(limits)
        .chain(keys)
        .collect()
}

/// `FROM=`, then `FROM=TO`: signals.
pub(super) fn rewrites(text: &str) -> Vec<Candidate> {
    match text.split_once('=') {
        None => signal_names()
            .map(|name| Candidate::new(format!("{name}="), ""))
            .collect(),
        Some((from, _)) => signal_names()
            .chain(["none"])
            .map(|to| Candidate::new(format!("{from}={to}"), ""))
            .collect(),
    }
}

fn os() -> Os {
    LiveSystem::new().platform().os
}

fn load(library: &Library, word: &str, os: Os, sources: &mut Sources) -> Option<Profile> {
    let mut sink = Diagnostics::new();
    let profile = profile::load(library, word, os, sources, &mut sink);
    // One with mistakes has perhaps not all of its rules, and `check` says what is wrong.
    profile.filter(|_| sink.is_empty())
}

/// The profiles that a command line is about, as far as they can be loaded.
fn named(command: &str, words: &[String], streams: &mut Streams) -> Vec<Profile> {
    let mut sources = Sources::new();
    if !words.is_empty() {
        let library = project::library();
        // Standard input is the shell's, and nothing of it may be taken.
        let words = words.iter().filter(|word| !is_stream(word));
        return words
            .filter_map(|word| load(&library, word, os(), &mut sources))
            .collect();
    }
    let unnamed = match command {
        "apply" | "export" => Unnamed::CarriedOut,
        "check" | "record" => Unnamed::Shown,
        // The others take none that is not named.
        _ => return Vec::new(),
    };
    project::load_profiles(&[], os(), unnamed, &mut sources, streams).unwrap_or_default()
}

fn is_stream(word: &str) -> bool {
    word == "-" || word.starts_with("/dev/") || word.starts_with("/proc/")
}
