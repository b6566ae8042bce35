//! `runup docs`.

use clap::ArgMatches;

use super::output::{self, Streams};
use super::{CommandError, CommandResult, ExitCode};
use crate::reference;

pub(super) fn run(matches: &ArgMatches, streams: &mut Streams) -> CommandResult {
    let directory = matches
        .get_one::<String>("output")
        .map_or(".", |path| path.trim_end_matches('/'));
    let pages = reference::pages();
    for page in &pages {
        let path = format!("{directory}/{}", page.path);
        if let Some((parent, _)) = path.rsplit_once('/') {
            std::fs::create_dir_all(parent)
                .map_err(|error| CommandError::Message(format!("cannot make the directory {parent}: {error}")))?;
        }
        output::replace(&path, page.text.as_bytes(), 0o644).map_err(CommandError::Message)?;
    }
    streams.message(&format!("runup: {} pages written below {directory}\n", pages.len()));
    Ok(ExitCode::Ready)
}
