//! What several commands read from their command line, and the verdict that they end with.

use clap::ArgMatches;

use super::output::Streams;
use super::{CommandError, ExitCode};
use crate::diagnostic::Diagnostics;
use crate::finding::Report;
use crate::profile::Setting;
use crate::recording::Recording;
use crate::source::Sources;

/// The exit code that says what the report says.
pub(super) fn verdict(report: &Report, streams: &mut Streams) -> ExitCode {
    if let Some(why) = report.why_nothing() {
        streams.message(&format!("runup: nothing was checked: {why}\n"));
        return ExitCode::Error;
    }
    if report.ready() {
        ExitCode::Ready
    } else {
        ExitCode::NotReady
    }
}

/// The words of an option that may be repeated.
pub(super) fn words(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches
        .get_many::<String>(name)
        .map(|words| words.cloned().collect())
        .unwrap_or_default()
}

/// Reads `--set`.
pub(super) fn settings(matches: &ArgMatches, sources: &mut Sources) -> Result<Vec<Setting>, CommandError> {
    let mut settings = Vec::new();
    let mut sink = Diagnostics::new();
    for word in words(matches, "set") {
        match Setting::parse(&word, sources) {
            Ok(setting) => settings.push(setting),
            Err(diagnostic) => sink.push(diagnostic),
        }
    }
    if sink.is_empty() {
        Ok(settings)
    } else {
        Err(CommandError::Diagnostics(sink.into_sorted()))
    }
}

/// Reads a recording.
pub(super) fn load_recording(path: &str) -> Result<Recording, CommandError> {
    Recording::load(path).map_err(|error| CommandError::Message(format!("cannot use the recording {path}: {error}")))
}
