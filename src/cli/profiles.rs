//! `runup profiles`.

use clap::ArgMatches;

use super::output::Streams;
use super::{CommandResult, ExitCode, project};
use crate::profile::merge;
use crate::report::text::wrap;
use crate::source::Sources;
use crate::text::printable;

/// A list is no easier to read on a wide terminal.
const LONGEST: usize = 80;

/// No summary is narrower than that, however narrow the terminal.
const LEAST: usize = 16;

pub(super) fn run(_matches: &ArgMatches, sources: &mut Sources, streams: &mut Streams) -> CommandResult {
    let library = project::library();
    let names = library.names();
    let width = names.iter().map(|(name, _)| name.len()).max().unwrap_or(0).clamp(8, 24);
    let mut lines = Vec::new();
    for (name, path) in &names {
        let mut sink = crate::diagnostic::Diagnostics::new();
        let summary = merge::load(&library, name, sources, &mut sink).and_then(|merged| merged.summary);
        let summary = match (summary, sink.is_empty()) {
            (_, false) => "has mistakes: `runup show` says which".to_owned(),
            (Some(summary), true) => summary,
            (None, true) => String::new(),
        };
        let place = path
            .as_ref()
            .map(|path| format!(" [{}]", path.display()))
            .unwrap_or_default();
        let columns = streams
            .width_of_result()
            .min(LONGEST)
            .saturating_sub(width + 2)
            .max(LEAST);
        for (at, part) in wrap(&printable(&format!("{summary}{place}")), columns)
            .into_iter()
            .enumerate()
        {
            lines.push(
                format!(
                    "{:<width$}  {part}",
                    if at == 0 { printable(name) } else { String::new() }
                )
                .trim_end()
                .to_owned(),
            );
        }
    }
    project::say_skipped(&library, streams);
    streams.try_result(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    Ok(ExitCode::Ready)
}
