//! `runup export`.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::ArgMatches;

use super::output::{self, Streams};
use super::project::{self, Unnamed};
use super::{CommandError, CommandResult, ExitCode, inputs};
use crate::engine::{Check, Depth, Options, Wishes};
use crate::export::{self, Basis, Container, Format};
use crate::finding::Report;
use crate::fix;
use crate::host::Host;
use crate::recording::Replay;
use crate::source::Sources;
use crate::system::System;
use crate::system::live::LiveSystem;
use crate::text::printable;
use crate::value::Version;

pub(super) fn run(matches: &ArgMatches, sources: &mut Sources, streams: &mut Streams) -> CommandResult {
    let name = matches.get_one::<String>("to").map_or("", String::as_str);
    let Some(format) = export::find(name) else {
        return Err(CommandError::Message(format!("there is no format `{name}`")));
    };
    let unit = unit(matches, format)?;
    let system: Box<dyn System> = match matches.get_one::<String>("host") {
        Some(path) => Box::new(Replay::new(inputs::load_recording(path)?)),
        None => Box::new(LiveSystem::new()),
    };
    let os = system.platform().os;
    if !format.systems().contains(&os) {
        let wanted: Vec<&str> = format.systems().iter().map(|os| os.name()).collect();
        return Err(CommandError::Message(format!(
            "{name} is for {}, and this is {}; `--host FILE` takes a recording that was made there",
            wanted.join(" or "),
            os.name()
        )));
    }
    let words = inputs::words(matches, "profile");
    let profiles = project::load_profiles(&words, os, Unnamed::CarriedOut, sources, streams)?;
    let options = Options {
        settings: inputs::settings(matches, sources)?,
        only: inputs::words(matches, "only"),
        skip: inputs::words(matches, "skip"),
        // What changes from moment to moment is no setting.
        window: Duration::ZERO,
        depth: Depth::Now,
        starting: false,
        leave_notes: !matches.get_flag("notes"),
    };
    let kernel = matches.get_one::<Version>("kernel").cloned();
    let container = container(format, system.as_ref(), kernel, matches.contains_id("host"))?;
    // What is inside the container, where the file is for one.
    let inside = container.as_ref().map(Container::system);
    let host = Host::new(inside.as_ref().map_or(system.as_ref(), |inside| inside as &dyn System));
    let check = Check::prepare(&profiles, options, &host).map_err(CommandError::Diagnostics)?;
    let mut wishes = check.wishes();
    fix::guard::mark(&mut wishes, &|_| true, system.as_ref(), system.as_ref());
    let report = (profiles.len() > 1).then(|| check.run());
    contradictions(report.as_ref(), &wishes)?;
    let names: Vec<String> = profiles.iter().map(|profile| profile.name.clone()).collect();
    let exported = export::export(format, &wishes, &names, unit, &host, container.as_ref());
    for left in &exported.left {
        streams.message(&format!("runup: left out: {}\n", export::sentence(left)));
    }
    for condition in &exported.conditions {
        streams.message(&format!("runup: {condition}\n"));
    }
    let Some(text) = exported.text else {
        return Err(CommandError::Message(format!(
            "nothing of {} can be exported to {name}",
            printable(&names.join(", "))
        )));
    };
    match matches.get_one::<String>("output") {
        Some(path) => {
            let mode = if format.is_program() { 0o755 } else { 0o644 };
            output::replace(path, text.as_bytes(), mode).map_err(CommandError::Message)?;
        }
        None => streams.try_result(|out| out.write_all(text.as_bytes()))?,
    }
    Ok(ExitCode::Ready)
}

/// The container that a file is for.
fn container<'a>(
    format: &dyn Format,
    system: &'a dyn System,
    kernel: Option<Version>,
    recorded: bool,
) -> Result<Option<Container<'a>>, CommandError> {
    match (format.basis(), kernel) {
        (Basis::Container, None) if recorded => Ok(Some(Container::recorded(system))),
        (Basis::Container, kernel) => Ok(Some(Container::new(system, kernel))),
        (Basis::Host | Basis::Later, None) => Ok(None),
        (Basis::Host | Basis::Later, Some(_)) => Err(CommandError::Message(
            "--kernel goes with --to docker, compose, kubernetes, lxc or incus; other files are for the machine that is looked at, \
             or for that of --host FILE"
                .to_owned(),
        )),
    }
}

/// The unit that a drop-in is for.
fn unit<'a>(matches: &'a ArgMatches, format: &dyn Format) -> Result<Option<&'a str>, CommandError> {
    let Some(unit) = matches.get_one::<String>("unit") else {
        return Ok(None);
    };
    if format.name() != "systemd" {
        return Err(CommandError::Message("--unit goes with --to systemd".to_owned()));
    }
    if !is_service(unit) {
        return Err(CommandError::Message(format!(
            "`{}` is not the name of a service: nginx.service",
            printable(unit)
        )));
    }
    Ok(Some(unit))
}

/// Whether a word is the name of a service's unit, and of nothing outside its directory.
pub(super) fn is_service(unit: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    let named = unit
        .rsplit_once('.')
        .is_some_and(|(name, kind)| !name.is_empty() && kind == "service");
    named && unit.chars().all(plain)
}

/// Rules that contradict each other are for a person to choose between.
fn contradictions(report: Option<&Report>, wishes: &Wishes) -> Result<(), CommandError> {
    let reported = report.into_iter().flat_map(|report| &report.conflicts).map(|conflict| {
        let [left, right] = &conflict.sides;
        (
            &conflict.subject,
            [(&left.name, &left.expected), (&right.name, &right.expected)],
        )
    });
    let found = wishes.contradictions.iter().map(|found| {
        let [left, right] = &found.sides;
        (&found.subject, [(&left.0, &left.1), (&right.0, &right.1)])
    });
    let mut seen: BTreeSet<(&String, &String, &String)> = BTreeSet::new();
    let mut lines: Vec<String> = Vec::new();
    for (subject, [left, right]) in reported.chain(found) {
        if seen.insert((subject, left.0, right.0)) {
            lines.push(format!(
                "{subject}: {} asks for {}, {} for {}",
                left.0, left.1, right.0, right.1
            ));
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    Err(CommandError::Message(format!(
        "these rules contradict each other; `--skip` one of each:\n  {}",
        lines.join("\n  ")
    )))
}
