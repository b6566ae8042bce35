//! `runup revert`.

use clap::ArgMatches;

use super::ground::Ground;
use super::output::Streams;
use super::{CommandError, CommandResult, ExitCode};
use crate::fix::persist;
use crate::fix::revert::{self, Request};
use crate::fix::{Standing, standing};
use crate::report;
use crate::shim;

pub(super) fn run(matches: &ArgMatches, streams: &mut Streams) -> CommandResult {
    let ground = Ground::new(matches)?;
    let machine = ground.machine.as_ref();
    let failed = |error: &dyn std::fmt::Display| CommandError::Message(error.to_string());
    if matches.get_flag("list") {
        let entries = ground.journal.entries(&ground.disk).map_err(|error| failed(&error))?;
        let space = machine.space();
        let entries: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                let not_here = match standing(&entry, &space) {
                    Standing::Here => None,
                    Standing::Elsewhere(why) => Some(format!("cannot be undone here: {why}")),
                    Standing::Unclear(why) => Some(revert::unclear(entry.id, &why)),
                };
                (entry, not_here)
            })
            .collect();
        if entries.is_empty() {
            streams.message("runup: nothing is applied\n");
        }
        streams.try_result(|out| report::changes::journal(&entries, out))?;
        return Ok(ExitCode::Ready);
    }
    if matches.get_flag("persist") {
        return unpersist(&ground, matches.get_flag("force"), streams);
    }
    if let Some(id) = matches.get_one::<u64>("forget") {
        revert::forget(*id, machine, &ground.disk, &ground.journal).map_err(|error| failed(&error))?;
        streams.message(&format!(
            "runup: the record of apply {id} is gone; nothing was changed\n"
        ));
        return Ok(ExitCode::Ready);
    }
    let request = Request {
        id: matches.get_one::<u64>("id").copied(),
        force: matches.get_flag("force"),
        own: false,
    };
    let reverted = {
        let _held = shim::hold_signals();
        revert::revert(request, machine, &ground.disk, &ground.journal).map_err(|error| failed(&error))?
    };
    streams.try_result(|out| report::changes::reverted(&reverted, out))?;
    if reverted.lines.is_empty() {
        streams.message("runup: there is nothing to undo here\n");
        // Something was applied, and not here: whoever asks for it to be undone must know that it was not.
        return Ok(if reverted.foreign.is_empty() {
            ExitCode::Ready
        } else {
            ExitCode::Error
        });
    }
    match persist::files(&ground.disk) {
        Ok(files) if files.is_empty() => {}
        Ok(files) => streams.message(&format!(
            "runup: {} still sets values at the next boot; `runup revert --persist` removes what runup wrote\n",
            files.join(", ")
        )),
        Err(error) => streams.message(&format!(
            "runup: whether a file still sets values at the next boot cannot be told: {error}\n"
        )),
    }
    Ok(if reverted.complete() && reverted.foreign.is_empty() {
        ExitCode::Ready
    } else {
        ExitCode::NotReady
    })
}

/// Removes the files that make changes last.
fn unpersist(ground: &Ground, force: bool, streams: &mut Streams) -> CommandResult {
    let (removed, kept) = persist::remove(&ground.disk, &ground.journal, force)
        .map_err(|error| CommandError::Message(error.to_string()))?;
    streams.try_result(|out| removed.iter().try_for_each(|path| writeln!(out, "{path}: removed")))?;
    for persist::Kept { path, why } in &kept {
        streams.message(&format!("runup: {path} {why}, and stays; --force removes it\n"));
    }
    if removed.is_empty() && kept.is_empty() {
        streams.message("runup: there is no file of runup's to remove\n");
    }
    Ok(if kept.is_empty() {
        ExitCode::Ready
    } else {
        ExitCode::NotReady
    })
}
