//! What the next boot will set: the drop-in files of sysctl.d(5), read as the two programs that apply them read them.
//!
//! systemd-sysctl does it at every boot of a machine with systemd; `sysctl --system` of procps does it elsewhere, where a service of
//! the init system runs it ([`Start`]), and whenever somebody does. They agree on nearly everything: which directories there are, that a file masks one of the same name in a
//! later directory, that files come in the order of their names over all directories, that a pattern leaves alone what a line
//! names. Where they differ, [`Prediction`] says both:
//!
//! | | systemd-sysctl 252 | procps 4.0.2 |
//! |---|---|---|
//! | `/etc/sysctl.conf` | only where a link leads to it | at the end |
//! | hidden files | not read | read |
//! | a line ends at | `\n`, `\r`, NUL; at 1 MiB it gives up the file | `\n`; it is cut at a NUL |
//! | `a//b`, `a/./b`, `a/b/` | the same key as `a/b` | keys of their own, for the kernel to follow |
//! | `a/../b` | not taken | taken |
//! | `- key`, `--key` | the first one is taken | the second one is taken |
//! | `{a,b}` in a pattern | alternatives | itself |
//! | a key set twice | the last line alone is written | one after the other |
//!
//! What a machine's own boot makes of a key, [`Persisted::outlook`] says: by the program that it has, with what stands on the kernel's
//! command line, and only where the module that brings the key is there in time.
//!
//! What the kernel then makes of a value is predicted as far as its type tells: see [`catalogue::written`]. A value that it refuses
//! sets nothing. A line counts for every name of its setting, and makes the same setting in another unit 0.

mod bounds;
pub mod ceiling;
pub mod files;
mod inventory;
mod kernel;
pub mod limits_conf;
pub mod logins;
mod lookup;
mod modules;
mod outlook;
pub mod pam;
mod pattern;
pub mod shells;
mod start;
mod syntax;
mod taken;

use std::cell::OnceCell;

#[cfg(doc)]
use crate::catalogue;
use crate::system::{Failure, SysctlName, System};
use files::DropIn;
pub use inventory::{Inventory, Refused, Setting, Unused, in_order, not_understood};
pub use kernel::CMDLINE;
use lookup::Lookup;
pub use outlook::Outlook;
pub use start::Start;

/// The line that wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// What it sets: as the kernel reads it, or as it stands there where the key is not known.
    pub value: String,
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
}

/// What each program would set; `None` where it leaves the key alone. Which of them this machine has, [`Persisted::outlook`] knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prediction {
    /// systemd-sysctl.
    pub systemd: Option<Assignment>,
    /// procps' `sysctl --system`.
    pub procps: Option<Assignment>,
}

/// The drop-in files of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Persisted {
    /// In the order in which they are applied, masked ones left out.
    drop_ins: Vec<DropIn>,
    /// `/etc/sysctl.conf`, which procps alone reads, at the end.
    last: Option<DropIn>,
    /// What is there and cannot be read.
    unread: Vec<Unread>,
    /// What the kernel's command line sets.
    kernel: Vec<(SysctlName, String)>,
    start: Start,
    lookups: Lookups,
}

/// Made of the files when they are first asked for, so that they are no part of what these are.
#[derive(Debug, Clone, Default)]
struct Lookups([OnceCell<Lookup>; 2]);

impl PartialEq for Lookups {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Lookups {}

/// A file that is there and cannot be read, or a directory that cannot be listed: what it sets is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The file or directory.
    pub path: String,
    /// Why.
    pub failure: Failure,
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} cannot be read, so what it sets is not known: {}",
            self.path, self.failure
        )
    }
}

/// Which program reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// systemd-sysctl.
    Systemd,
    /// procps' sysctl(8).
    Procps,
}

impl Reader {
    /// The one whose reading counts on this machine: where none is known to read the files at boot, it is the one that somebody
    /// can run.
    #[must_use]
    pub fn of(system: &dyn System) -> Self {
        Start::of(system).reader.unwrap_or(Reader::Procps)
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Reader::Systemd => Reader::Procps,
            Reader::Procps => Reader::Systemd,
        }
    }

    /// The command that reads.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reader::Systemd => "systemd-sysctl",
            Reader::Procps => "sysctl --system",
        }
    }
}

impl Persisted {
    /// Reads a machine's files. One that cannot be read counts as empty here, and is among the [`unread`](Self::unread).
    #[must_use]
    pub fn read(system: &dyn System) -> Self {
        files::read(system)
    }

    /// Directories, of which the first masks the others, and then files in the order in which they are given.
    #[must_use]
    pub fn from_places(directories: &[String], files: &[(String, String)], system: &dyn System) -> Self {
        let (mut drop_ins, unread) = files::read_directories(directories, system);
        drop_ins.extend(files.iter().map(|(path, text)| DropIn::parse(path, text)));
        Self {
            drop_ins,
            last: None,
            unread,
            kernel: Vec::new(),
            start: Start::of(system),
            lookups: Lookups::default(),
        }
    }

    /// What reads the files when this machine starts.
    #[must_use]
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// What is there and cannot be read: nobody can tell what the next boot sets by it.
    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// The files that count, in the order in which they are read.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.drop_ins.iter().chain(&self.last).map(|file| file.path.as_str())
    }

    /// The same with a file put in, or in the place of one that is there.
    #[must_use]
    pub fn with_file(&self, path: &str, text: &str) -> Self {
        let mut changed = self.clone();
        changed.put(DropIn::parse(path, text));
        changed
    }

    /// Whether there is nothing that anybody would set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lookup(Reader::Systemd).is_empty() && self.lookup(Reader::Procps).is_empty()
    }

    /// Every line of the administrator's own files that sets one key: the key's dotted name, and where; the value as it stands there.
    pub fn own_lines(&self) -> impl Iterator<Item = (String, Assignment)> {
        let own = |path: &str| path.starts_with("/etc/") || path.starts_with("/usr/local/");
        self.lookup(Reader::Procps)
            .all(self)
            .filter(move |(file, line)| own(file.target.as_deref().unwrap_or(&file.path)) && !line.is_pattern())
            .filter_map(|(file, line)| {
                let name = SysctlName::parse(&line.written).ok()?;
                let assignment = Assignment {
                    value: line.value.clone()?,
                    file: file.path.clone(),
                    line: line.number,
                };
                Some((name.dotted().to_owned(), assignment))
            })
    }

    /// What a key will be set to, by its canonical dotted name.
    #[must_use]
    pub fn of(&self, key: &str) -> Prediction {
        let Ok(name) = SysctlName::parse(key) else {
            return Prediction::default();
        };
        Prediction {
            systemd: self.lookup(Reader::Systemd).comes_to(&name, self),
            procps: self.lookup(Reader::Procps).comes_to(&name, self),
        }
    }

    fn lookup(&self, reader: Reader) -> &Lookup {
        let cell = match reader {
            Reader::Systemd => &self.lookups.0[0],
            Reader::Procps => &self.lookups.0[1],
        };
        cell.get_or_init(|| Lookup::new(self, reader))
    }

    fn put(&mut self, file: DropIn) {
        self.lookups = Lookups::default();
        // What a link leads to is read through it.
        for link in &mut self.drop_ins {
            if link.target.as_deref() == Some(file.path.as_str()) {
                link.copy_lines(&file);
            }
        }
        if file.path == files::LAST {
            self.last = Some(file);
            return;
        }
        if !files::counts(&file.path) {
            return;
        }
        let name = file.name().to_owned();
        match self.drop_ins.iter_mut().find(|known| known.name() == name) {
            // The directory that comes first has the file that counts.
            Some(known) if files::rank(&known.path) < files::rank(&file.path) => {}
            Some(known) => *known = file,
            None => {
                self.drop_ins.push(file);
                self.drop_ins.sort_by(|left, right| left.name().cmp(right.name()));
            }
        }
    }
}
