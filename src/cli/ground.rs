//! What `apply` and `revert` act on: the machine, its disk, and the journal.

use clap::ArgMatches;

use super::CommandError;
use crate::fix::LiveDisk;
use crate::fix::journal::Journal;
use crate::fix::plan::LimitsOf;
use crate::system::live::LiveSystem;
use crate::system::rooted::RootedSystem;
use crate::system::{Process, WritableSystem, start_of};

pub(super) struct Ground {
    pub(super) machine: Box<dyn WritableSystem>,
    pub(super) disk: LiveDisk,
    pub(super) journal: Journal,
    /// The running machine, and not a tree of files, which has no namespaces.
    pub(super) live: bool,
}

impl Ground {
    /// Takes `--root`, `--pid` and `--journal`.
    pub(super) fn new(matches: &ArgMatches) -> Result<Self, CommandError> {
        let root = matches.try_get_one::<String>("root").ok().flatten();
        let pid = matches.try_get_one::<u32>("pid").ok().flatten();
        let machine: Box<dyn WritableSystem> = match (root, pid) {
            (Some(path), _) => Box::new(
                RootedSystem::new(path)
                    .map_err(|error| CommandError::Message(format!("cannot use {path} as a root directory: {error}")))?
                    .as_root(),
            ),
            (None, Some(pid)) => Box::new(
                LiveSystem::for_process(*pid)
                    .map_err(|error| CommandError::Message(format!("cannot look at process {pid}: {error}")))?,
            ),
            (None, None) => Box::new(LiveSystem::new()),
        };
        let disk = root.map_or_else(LiveDisk::new, LiveDisk::below);
        let journal = match matches.get_one::<String>("journal") {
            Some(directory) => std::path::absolute(directory)
                .ok()
                .and_then(|path| path.to_str().map(str::to_owned))
                .ok_or_else(|| CommandError::Message(format!("cannot use {directory} for the journal")))?,
            None => state_directory(super::project::is_root())?,
        };
        Ok(Self {
            machine,
            disk,
            journal: Journal::new(journal),
            live: root.is_none(),
        })
    }

    /// Whose limits may be changed: those of `--pid`.
    pub(super) fn limits_of(&self, matches: &ArgMatches) -> Result<LimitsOf, CommandError> {
        let Some(pid) = matches.get_one::<u32>("pid").copied() else {
            return Ok(LimitsOf::Nobody);
        };
        let start = start_of(self.machine.as_ref(), pid)
            .ok_or_else(|| CommandError::Message(format!("cannot look at process {pid}: there is no such process")))?;
        Ok(LimitsOf::Process(Process { pid, start }))
    }
}

/// Where the journal outlives a restart.
fn state_directory(root: bool) -> Result<String, CommandError> {
    if root {
        return Ok("/var/lib/runup".to_owned());
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|path| path.starts_with('/'));
    variable("XDG_STATE_HOME")
        .or_else(|| variable("HOME").map(|home| format!("{home}/.local/state")))
        .map(|base| format!("{base}/runup"))
        .ok_or_else(|| {
            CommandError::Message("there is no HOME to keep the journal in; name a directory with --journal".to_owned())
        })
}
