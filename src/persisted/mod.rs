//! What the next boot will set: the drop-in files of sysctl.d(5), read as the two programs that apply them read them.
//!
//! systemd-sysctl does it at every boot of a machine with systemd; `sysctl --system` of procps does it elsewhere, and whenever
//! somebody runs it. They agree on nearly everything: which directories there are, that a file masks one of the same name in a
//! later directory, that files come in the order of their names over all directories, that a pattern leaves alone what a line
//! names. Where they differ, [`Prediction`] says both.

mod files;
mod syntax;

use crate::system::{SysctlName, System};
use files::DropIn;
use syntax::{Line, Meaning};

/// The line that wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// What it sets, as it stands there.
    pub value: String,
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
}

/// What each program will set; `None` where it leaves the key alone.
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
}

/// Which program reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Systemd,
    Procps,
}

impl Persisted {
    /// Reads a machine's files. Of one that cannot be read nothing is known, and it counts as empty.
    #[must_use]
    pub fn read(system: &dyn System) -> Self {
        files::read(system)
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
        self.drop_ins.iter().chain(&self.last).all(|file| file.lines.is_empty())
    }

    /// What a key will be set to, by its canonical dotted name.
    #[must_use]
    pub fn of(&self, key: &str) -> Prediction {
        let Ok(name) = SysctlName::parse(key) else {
            return Prediction::default();
        };
        Prediction {
            systemd: self.winner(name.path(), Reader::Systemd),
            procps: self.winner(name.path(), Reader::Procps),
        }
    }

    /// The lines that a reader sees, in its order, each with its file.
    fn lines(&self, reader: Reader) -> impl Iterator<Item = (&DropIn, &Line)> {
        let last = self.last.iter().filter(move |_| reader == Reader::Procps);
        self.drop_ins
            .iter()
            .chain(last)
            .flat_map(|file| file.lines.iter().map(move |line| (file, line)))
    }

    fn winner(&self, path: &str, reader: Reader) -> Option<Assignment> {
        let assignment = |(file, line): (&DropIn, &Line)| {
            Some(Assignment {
                value: line.value.clone()?,
                file: file.path.clone(),
                line: line.number,
            })
        };
        let named: Vec<(&DropIn, &Line)> = self
            .lines(reader)
            .filter(|(_, line)| !line.is_pattern() && line.path == path && line.meaning(reader) != Meaning::Nothing)
            .collect();
        // A line that names the key keeps every pattern away from it, wherever it stands.
        if let Some(last) = named.last() {
            return match reader {
                // The last one counts, also where it sets nothing.
                Reader::Systemd => assignment(*last).filter(|_| last.1.meaning(reader) == Meaning::Sets),
                // One after the other is written.
                Reader::Procps => named
                    .iter()
                    .rev()
                    .find(|(_, line)| line.meaning(reader) == Meaning::Sets)
                    .and_then(|last| assignment(*last)),
            };
        }
        let patterns = self
            .lines(reader)
            .filter(|(_, line)| line.is_pattern() && line.meaning(reader) != Meaning::Nothing);
        let mut order: Vec<(&DropIn, &Line)> = Vec::new();
        for (file, line) in patterns {
            let known = order.iter().position(|(_, other)| other.path == line.path);
            match (reader, known) {
                // systemd keeps a pattern once: repeated as it was, at its old place; changed, at the end.
                (Reader::Systemd, Some(at)) if order[at].1.value == line.value => {}
                (Reader::Systemd, Some(at)) => {
                    order.remove(at);
                    order.push((file, line));
                }
                _ => order.push((file, line)),
            }
        }
        order
            .into_iter()
            .rev()
            // The kernel refuses nothing as a number, and what was written before stays.
            .find(|(_, line)| {
                line.meaning(reader) == Meaning::Sets && line.value.as_deref() != Some("") && line.matches(path)
            })
            .and_then(assignment)
    }

    fn put(&mut self, file: DropIn) {
        if file.path == files::LAST {
            self.last = Some(file);
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
