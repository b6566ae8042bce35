//! `runup record`.

use clap::ArgMatches;

use super::output::{self, Streams};
use super::project::{self, Unnamed};
use super::{CommandError, CommandResult, ExitCode, inputs};
use crate::engine::{self, Check, Depth, Options};
use crate::host::Host;
use crate::profile::{self, Library};
use crate::recording::Recorder;
use crate::source::Sources;
use crate::system::live::LiveSystem;
use crate::system::{Resource, System};

pub(super) fn run(matches: &ArgMatches, sources: &mut Sources, streams: &mut Streams) -> CommandResult {
    let live = LiveSystem::new();
    let os = live.platform().os;
    // A path that cannot be written is better known before the work.
    let output = matches.get_one::<String>("output");
    if let Some(path) = output {
        output::replaceable(path).map_err(CommandError::Message)?;
    }
    let mut profiles = Vec::new();
    if matches.get_flag("all") {
        let mut sink = crate::diagnostic::Diagnostics::new();
        for name in profile::search::built_in_names() {
            profiles.extend(profile::load(&Library::built_in_only(), name, os, sources, &mut sink));
        }
        if !sink.is_empty() {
            return Err(CommandError::Diagnostics(sink.into_sorted()));
        }
    }
    let words = inputs::words(matches, "profile");
    if !matches.get_flag("all") || !words.is_empty() {
        for profile in project::load_profiles(&words, os, Unnamed::Shown, sources, streams)? {
            if !profiles.iter().any(|known| known.name == profile.name) {
                profiles.push(profile);
            }
        }
    }
    let recorder = Recorder::new(&live);
    let options = Options {
        settings: inputs::settings(matches, sources)?,
        window: matches
            .get_one::<std::time::Duration>("window")
            .copied()
            .unwrap_or(engine::WINDOW),
        depth: Depth::Everything,
        ..Options::default()
    };
    {
        let host = Host::new(&recorder);
        let prepared = Check::prepare(&profiles, options, &host).map_err(CommandError::Diagnostics)?;
        let _ = prepared.run();
        // Facts and limits cost little, and other profiles will ask for them.
        engine::touch(&recorder);
        for resource in Resource::all() {
            let _ = recorder.limits(resource);
        }
    }
    let text = recorder
        .finish()
        .to_json()
        .map_err(|error| CommandError::Message(format!("cannot write the recording: {error}")))?;
    match output {
        Some(path) => output::replace(path, text.as_bytes(), 0o644).map_err(CommandError::Message)?,
        None => streams.try_result(|out| out.write_all(text.as_bytes()))?,
    }
    Ok(ExitCode::Ready)
}
