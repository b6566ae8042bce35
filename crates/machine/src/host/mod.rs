//! What is known of the machine as a whole: facts for expressions, and the surroundings that decide where a fix can be made.
//!
//! Everything here is looked up on first use and remembered: a check that passes asks for little.

pub mod cgroup;
mod facts;
mod runtime;
mod surroundings;
mod virt;

pub use crate::system::Capability;
pub use facts::{FACTS, FactInfo};
pub use runtime::{Runtime, in_words};
pub use surroundings::{Container, Mount};

use std::cell::{OnceCell, RefCell};

use crate::failure::Why;
use crate::persisted::Persisted;
use crate::system::{Failure, Os, System};

/// A machine and what was already learned of it.
pub struct Host<'a> {
    /// The machine.
    pub system: &'a dyn System,
    facts: facts::Cache,
    cgroups: cgroup::Cache,
    mounts: OnceCell<Result<Vec<Mount>, Failure>>,
    container: OnceCell<Container>,
    initial_network: OnceCell<Option<bool>>,
    initial_user: OnceCell<bool>,
    persisted: OnceCell<Persisted>,
    processes: OnceCell<Vec<(u32, String)>>,
    answers: RefCell<Vec<(&'static str, bool)>>,
}

impl<'a> Host<'a> {
    /// Nothing is looked up yet.
    #[must_use]
    pub fn new(system: &'a dyn System) -> Self {
        Self {
            system,
            facts: facts::Cache::default(),
            cgroups: cgroup::Cache::default(),
            mounts: OnceCell::new(),
            container: OnceCell::new(),
            initial_network: OnceCell::new(),
            initial_user: OnceCell::new(),
            persisted: OnceCell::new(),
            processes: OnceCell::new(),
            answers: RefCell::default(),
        }
    }

    /// What the next boot will set, if files do: of a container only one that systemd starts in reads any, and of what they set only what
    /// [`sets_at_boot`](Host::sets_at_boot) says.
    pub fn persisted(&self) -> Option<&Persisted> {
        if self.system.platform().os != Os::Linux || !self.reads_sysctls_at_boot() {
            return None;
        }
        Some(self.persisted.get_or_init(|| Persisted::read(self.system)))
    }

    /// The processes of the machine, with the names that the kernel keeps; none where they cannot be listed. They are listed once: who
    /// wants to see them come and go asks the machine.
    pub fn processes(&self) -> &[(u32, String)] {
        self.processes.get_or_init(|| {
            let all = self.system.processes().unwrap_or_default();
            all.into_iter().map(|process| (process.pid, process.name)).collect()
        })
    }

    /// The answer to a question of this name, which is looked up the first time.
    pub fn remembered(&self, question: &'static str, look: impl FnOnce() -> bool) -> bool {
        let known = self
            .answers
            .borrow()
            .iter()
            .find(|(known, _)| *known == question)
            .map(|(_, answer)| *answer);
        known.unwrap_or_else(|| {
            let answer = look();
            self.answers.borrow_mut().push((question, answer));
            answer
        })
    }

    /// What of the files of the next boot could not be read, where anybody asked for it: a sentence for each.
    pub fn unread(&self) -> Vec<String> {
        let persisted = self.persisted.get();
        let unread = persisted.into_iter().flat_map(Persisted::unread);
        // A recording that was made without them was not meant to tell of the next boot.
        let unread = unread.filter(|unread| !unread.failure.is_not_recorded());
        unread.map(ToString::to_string).collect()
    }

    /// A file's text, trimmed: the one reader of text files, for facts and for all kinds.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn text(&self, path: &str) -> Result<String, Failure> {
        text(self.system.read(path))
    }

    /// The same; `None` where the file is known not to be there.
    ///
    /// # Errors
    /// Any [`Failure`] but [`Failure::Absent`].
    pub fn told(&self, path: &str) -> Result<Option<String>, Failure> {
        match self.text(path) {
            Ok(text) => Ok(Some(text)),
            Err(Failure::Absent) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// What was read as text, without white space at its ends.
///
/// # Errors
/// The reading's own; [`Failure::NotText`] where it is not UTF-8.
pub fn text(read: Result<Vec<u8>, Failure>) -> Result<String, Failure> {
    let text = String::from_utf8(read?).map_err(|_| Failure::NotText)?;
    Ok(text.trim().to_owned())
}

/// Whether systemd is the first process: it leaves this directory behind for whoever asks.
///
/// # Errors
/// Any [`Failure`]; a tree of files in which nobody kept what ran does not tell.
pub fn has_systemd(system: &dyn System) -> Result<bool, Failure> {
    match system.stat("/run/systemd/system") {
        Ok(_) => Ok(true),
        Err(Failure::Absent) => match system.stat("/proc/1") {
            Err(failure @ Failure::CannotTell(Why::NotInTree(_))) => Err(failure),
            _ => Ok(false),
        },
        Err(failure) => Err(failure),
    }
}
