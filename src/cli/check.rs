//! `runup check`.

use std::mem::ManuallyDrop;
use std::time::Duration;

use clap::ArgMatches;

use super::inputs::{load_recording, settings, verdict, words};
use super::output::Streams;
use super::project::{Unnamed, is_root, load_profiles};
use super::wait::wait;
use super::{CommandError, CommandResult};
use crate::dialect::shell::quote;
use crate::engine::{Check, Depth, Options};
use crate::finding::Again;
use crate::fix::guard;
use crate::gate::Gate;
use crate::host::Host;
use crate::profile::Profile;
use crate::recording::Replay;
use crate::report::{self, Format, Style};
use crate::source::{Origin, Sources};
use crate::system::System;
use crate::system::live::LiveSystem;
use crate::system::rooted::RootedSystem;

pub(super) fn run(matches: &ArgMatches, sources: &mut Sources, streams: &mut Streams) -> CommandResult {
    let format = matches
        .get_one::<String>("format")
        .and_then(|name| report::find(name))
        .unwrap_or(report::TERMINAL);
    let result = check(matches, format, sources, streams);
    if let Err(CommandError::Diagnostics(mistakes)) = &result {
        // Whoever reads the result is told in its own form; a person, with the lines, on stderr.
        streams.try_result(|out| format.write_mistakes(mistakes, sources, out))?;
    }
    result
}

fn check(matches: &ArgMatches, format: &dyn Format, sources: &mut Sources, streams: &mut Streams) -> CommandResult {
    let recording = matches.get_one::<String>("host");
    let system: Box<dyn System> = if let Some(path) = recording {
        Box::new(Replay::new(load_recording(path)?))
    } else if let Some(path) = matches.get_one::<String>("root") {
        let system = RootedSystem::new(path);
        Box::new(
            system.map_err(|error| CommandError::Message(format!("cannot use {path} as a root directory: {error}")))?,
        )
    } else if let Some(pid) = process(matches)? {
        let system = LiveSystem::for_process(pid);
        Box::new(system.map_err(|error| CommandError::Message(format!("cannot look at process {pid}: {error}")))?)
    } else {
        Box::new(LiveSystem::new())
    };
    let named = words(matches, "profile");
    // The process ends with the report: taking the profiles apart would be work for nobody.
    let files = matches.get_many::<String>("sysctl-d");
    let mut profiles = ManuallyDrop::new(if files.is_some() && named.is_empty() {
        Vec::new()
    } else {
        load_profiles(&named, system.platform().os, Unnamed::Shown, sources, streams)?
    });
    if files.is_some() || matches.contains_id("sysctl-d") {
        let files: Vec<String> = files.into_iter().flatten().cloned().collect();
        profiles.push(super::import::sysctl_d(&files, system.as_ref(), sources, streams)?);
    }
    let options = Options {
        settings: settings(matches, sources)?,
        only: words(matches, "only"),
        skip: words(matches, "skip"),
        window: matches
            .get_one::<Duration>("window")
            .copied()
            .unwrap_or(crate::engine::WINDOW),
        depth: Depth::NextBoot,
        starting: false,
        leave_notes: false,
    };
    let host = Host::new(system.as_ref());
    let check = ManuallyDrop::new(Check::prepare(&profiles, options, &host).map_err(CommandError::Diagnostics)?);
    let mut report = ManuallyDrop::new(check.run());
    if let Some(limit) = matches.get_one::<Duration>("wait").filter(|_| recording.is_none()) {
        let heard = !matches.get_flag("quiet");
        wait(&check, &mut report, *limit, heard.then_some(&mut *streams));
    }
    guard::warn(&mut report, system.as_ref());
    report.host.recording = recording.cloned();
    let fail_on = words(matches, "fail-on");
    report.gate = Gate::of(fail_on.iter().map(String::as_str));
    report.again = again(matches, &named, &profiles, sources);
    let style = Style {
        width: streams.width_of_result(),
        colour: streams.colour_result() && format.for_terminal(),
        verbose: matches.get_flag("verbose"),
        explain: matches.get_flag("explain"),
    };
    if !matches.get_flag("quiet") {
        streams.try_result(|out| format.write(&report, sources, style, out))?;
    }
    Ok(verdict(&report, streams))
}

/// What the command line says to mean this run again, for `apply`.
fn again(matches: &ArgMatches, named: &[String], profiles: &[Profile], sources: &Sources) -> Option<Again> {
    if matches.contains_id("sysctl-d") || named.iter().any(|word| word == "-") {
        return None;
    }
    let name = |(at, profile): (usize, &Profile)| {
        let source = sources.get(profile.source);
        let is_file = source.origin == Origin::File;
        // What a user finds by name and root would not is named by its path.
        match named.get(at) {
            Some(word) if is_root() || !is_file || source.name.starts_with("/etc/") => word.clone(),
            Some(_) | None if is_file => source.name.clone(),
            Some(_) | None => profile.name.clone(),
        }
    };
    // A file's name that begins like an option is a path, too.
    let word = |name: String| {
        if name.starts_with('-') {
            format!("./{name}")
        } else {
            name
        }
    };
    let mut words: Vec<String> = profiles.iter().enumerate().map(name).map(word).collect();
    for option in ["set", "only", "skip"] {
        for value in self::words(matches, option) {
            words.extend([format!("--{option}"), value]);
        }
    }
    if let Some(root) = matches.get_one::<String>("root") {
        words.extend(["--root".to_owned(), root.clone()]);
    }
    if let Ok(Some(pid)) = process(matches) {
        words.extend(["--pid".to_owned(), pid.to_string()]);
    }
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
    Some(Again {
        words: words.join(" "),
        root: is_root(),
        tree: matches.contains_id("root"),
    })
}

/// The process that `--pid` or `--unit` names.
fn process(matches: &ArgMatches) -> Result<Option<u32>, CommandError> {
    match matches.get_one::<String>("unit") {
        Some(unit) => super::unit::process_of(&LiveSystem::new(), unit).map(Some),
        None => Ok(matches.get_one::<u32>("pid").copied()),
    }
}
