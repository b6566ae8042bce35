//! `runup import`.

use std::fmt::Display;

use clap::ArgMatches;

use super::output::{self, Streams};
use super::{CommandError, CommandResult, ExitCode, inputs};
use crate::import::{self, Draft, Input, Made, Note, Weight, Wish};
use crate::persisted::Persisted;
use crate::profile::{Library, Profile};
use crate::rule::Severity;
use crate::source::{Origin, Sources};
use crate::system::System;
use crate::system::live::LiveSystem;
use crate::text::printable;

pub(super) fn run(matches: &ArgMatches, sources: &mut Sources, streams: &mut Streams) -> CommandResult {
    let system = LiveSystem::new();
    let input = Input::read(&inputs::words(matches, "file"), &system).map_err(failed)?;
    let text = |name: &str| matches.get_one::<String>(name);
    let format = match text("from").and_then(|name| import::find(name)) {
        Some(format) => format,
        None => import::detect(&input, &system).map_err(failed)?,
    };
    let wish = Wish {
        at_least: matches.get_flag("at-least"),
        domain: text("domain").cloned(),
        severity: text("severity").and_then(|name| Severity::parse(name)),
    };
    if wish.domain.is_some() && !format.has_domains() {
        let formats = import::names(|format| format.has_domains());
        return Err(CommandError::Message(format!(
            "--domain goes with {}",
            formats.join(", ")
        )));
    }
    let draft = import::import(&input, format, &wish, &system).map_err(failed)?;
    let made = draft.make("import", &input.paths(), &Library::built_in_only(), sources);
    say(&made.notes, streams);
    if made.rules == 0 {
        return Err(CommandError::Message(format!(
            "nothing of {} can be a rule",
            printable(&input.paths().join(", "))
        )));
    }
    match text("output") {
        Some(path) => output::replace(path, made.text.as_bytes(), 0o644).map_err(CommandError::Message)?,
        None => streams.try_result(|out| out.write_all(made.text.as_bytes()))?,
    }
    Ok(ExitCode::Ready)
}

/// An import that came to nothing, as the user is told it.
fn failed(error: impl Display) -> CommandError {
    CommandError::Message(error.to_string())
}

/// What cannot be a rule, and what there is to know about one.
fn say(notes: &[Note], streams: &mut Streams) {
    for note in notes {
        let word = match note.weight {
            Weight::LeftOut => "left out",
            Weight::Remark => "note",
        };
        streams.message(&format!("runup: {word}: {note}\n"));
    }
}

/// What a machine's sysctl.d files say, or those that are named, as a profile whose rules point into them.
pub(super) fn sysctl_d(
    words: &[String],
    machine: &dyn System,
    sources: &mut Sources,
    streams: &mut Streams,
) -> Result<Profile, CommandError> {
    let live = LiveSystem::new();
    // What is named is this machine's, whatever machine is looked at.
    let files: &dyn System = if words.is_empty() { machine } else { &live };
    let (mut directories, mut texts) = (Vec::new(), Vec::new());
    let persisted = if words.is_empty() {
        Persisted::read(machine)
    } else {
        let input = Input::read(words, files).map_err(failed)?;
        for entry in input.entries {
            match entry {
                import::Entry::Directory { path, .. } => directories.push(path),
                import::Entry::File { path, text } => texts.push((path, text)),
            }
        }
        Persisted::from_places(&directories, &texts, files)
    };
    if let Some(unread) = persisted.unread().first() {
        return Err(CommandError::Message(format!(
            "{unread}; nothing was checked\n  `--sysctl-d FILE...` names those that are to be checked without it"
        )));
    }
    // A stream is read once.
    for (path, text) in &texts {
        sources.add(path, text.as_str(), Origin::File);
    }
    for path in persisted
        .files()
        .filter(|path| !texts.iter().any(|(known, _)| known == path))
    {
        if let Ok(bytes) = files.read(path) {
            sources.add(path, String::from_utf8_lossy(&bytes), Origin::File);
        }
    }
    let draft: Draft = import::of_machine(&persisted, Severity::Error, &texts, files, machine);
    let paths: Vec<String> = persisted.files().map(str::to_owned).collect();
    let made: Made = draft.make("sysctl.d", &paths, &Library::built_in_only(), sources);
    say(&made.notes, streams);
    if made.rules == 0 {
        return Err(CommandError::Message(
            "no file of sysctl.d says anything about this machine".to_owned(),
        ));
    }
    Ok(made.profile)
}
