//! `runup check`.

use std::mem::ManuallyDrop;
use std::time::Duration;

use clap::ArgMatches;

use super::inputs::{load_recording, settings, verdict, words};
use super::output::Streams;
use super::project::{Unnamed, load_profiles};
use super::wait::wait;
use super::{CommandError, CommandResult};
use crate::engine::{Check, Depth, Options};
use crate::fix::guard;
use crate::gate::Gate;
use crate::host::Host;
use crate::recording::Replay;
use crate::report::{self, Format, Style};
use crate::source::Sources;
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
        leave_notes: false,
    };
    let host = Host::new(system.as_ref());
    let check = ManuallyDrop::new(Check::prepare(&profiles, options, &host).map_err(CommandError::Diagnostics)?);
    let mut report = ManuallyDrop::new(check.run());
    if let Some(limit) = matches.get_one::<Duration>("wait").filter(|_| recording.is_none()) {
        wait(&check, &mut report, *limit, Some(streams));
    }
    guard::warn(&mut report, system.as_ref());
    report.host.recording = recording.cloned();
    let fail_on = words(matches, "fail-on");
    report.gate = Gate::of(fail_on.iter().map(String::as_str));
    let style = Style {
        colour: streams.colour_result() && format.for_terminal(),
        verbose: matches.get_flag("verbose"),
        explain: matches.get_flag("explain"),
    };
    streams.try_result(|out| format.write(&report, sources, style, out))?;
    Ok(verdict(&report, streams))
}

/// The process that `--pid` or `--unit` names.
fn process(matches: &ArgMatches) -> Result<Option<u32>, CommandError> {
    match matches.get_one::<String>("unit") {
        Some(unit) => super::unit::process_of(&LiveSystem::new(), unit).map(Some),
        None => Ok(matches.get_one::<u32>("pid").copied()),
    }
}
