//! Where the drop-in files are, and which of them count.

use super::syntax::{self, Line};
use super::{Lookups, Persisted, Reader, Start, Unread, kernel};
use crate::system::{Failure, System};

/// The directories, the one whose files mask the others' first.
const DIRECTORIES: [&str; 5] = [
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
];

/// What is below this is in memory alone, and gone when the machine starts again: file-hierarchy(7).
pub(super) const EMPTY_AT_BOOT: &str = "/run/";

/// What procps reads at the end, and systemd only where a link in a directory leads to it.
pub(super) const LAST: &str = "/etc/sysctl.conf";

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DropIn {
    pub(super) path: String,
    /// Where it leads to, if it is a link.
    pub(super) target: Option<String>,
    systemd: Vec<Line>,
    procps: Vec<Line>,
}

impl DropIn {
    pub(super) fn parse(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            target: None,
            systemd: syntax::parse(text, Reader::Systemd),
            procps: syntax::parse(text, Reader::Procps),
        }
    }

    /// Its name without the directory, which is what masks and orders.
    pub(super) fn name(&self) -> &str {
        name_of(&self.path)
    }

    pub(super) fn lines(&self, reader: Reader) -> &[Line] {
        match reader {
            Reader::Systemd => &self.systemd,
            Reader::Procps => &self.procps,
        }
    }

    /// systemd passes over hidden files.
    pub(super) fn is_seen_by(&self, reader: Reader) -> bool {
        reader == Reader::Procps || !self.name().starts_with('.')
    }

    pub(super) fn copy_lines(&mut self, other: &DropIn) {
        self.systemd.clone_from(&other.systemd);
        self.procps.clone_from(&other.procps);
    }
}

/// Whether a path is one of a drop-in file, by its directory and name.
pub(super) fn counts(path: &str) -> bool {
    rank(path) < DIRECTORIES.len() && path.ends_with(".conf")
}

/// Where a link in a directory leads to, by its text alone.
pub fn target(directory: &str, link: &str) -> String {
    let whole = if link.starts_with('/') {
        link.to_owned()
    } else {
        format!("{directory}/{link}")
    };
    let mut place: Vec<&str> = Vec::new();
    for segment in whole.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(place.pop()),
            name => place.push(name),
        }
    }
    format!("/{}", place.join("/"))
}

/// Which directory a file is in: the lower, the more it counts.
pub(super) fn rank(path: &str) -> usize {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    DIRECTORIES
        .iter()
        .position(|directory| *directory == parent)
        .unwrap_or(DIRECTORIES.len())
}

pub(super) fn read(system: &dyn System) -> Persisted {
    let (drop_ins, unread) = read_directories(&DIRECTORIES.map(str::to_owned), system);
    let mut found = Persisted {
        drop_ins,
        last: None,
        unread,
        kernel: kernel::read(system),
        start: Start::of(system),
        lookups: Lookups::default(),
    };
    match system.read(LAST) {
        Ok(text) => found.last = Some(DropIn::parse(LAST, &String::from_utf8_lossy(&text))),
        Err(Failure::Absent) => {}
        Err(failure) => found.unread.push(Unread {
            path: LAST.to_owned(),
            failure,
        }),
    }
    found
}

/// The drop-in files of directories, of which the first masks the others, and what is there and cannot be read.
pub(super) fn read_directories(directories: &[String], system: &dyn System) -> (Vec<DropIn>, Vec<Unread>) {
    let mut found: Vec<DropIn> = Vec::new();
    let (files, closed) = drop_ins(system, directories);
    let mut unread: Vec<Unread> = closed
        .into_iter()
        .map(|(path, failure)| Unread { path, failure })
        .collect();
    for file in files {
        let text = file.text.unwrap_or_else(|failure| {
            // A link that leads nowhere sets nothing.
            if failure != Failure::Absent {
                unread.push(Unread {
                    path: file.path.clone(),
                    failure,
                });
            }
            Vec::new()
        });
        found.push(DropIn {
            target: file.target,
            ..DropIn::parse(&file.path, &String::from_utf8_lossy(&text))
        });
    }
    (found, unread)
}

/// A drop-in file as it was found.
pub struct Found {
    /// Its path.
    pub path: String,
    /// Where it leads to, if it is a link.
    pub target: Option<String>,
    /// What stands in it.
    pub text: Result<Vec<u8>, Failure>,
}

/// The `*.conf` files of directories, the one whose files mask the others' first; in the order of their names over all of them.
/// Then the directories that are there and cannot be listed.
pub fn drop_ins(system: &dyn System, directories: &[String]) -> (Vec<Found>, Vec<(String, Failure)>) {
    named(system, directories, ".conf")
}

/// The same for files whose names end otherwise.
pub(super) fn named(system: &dyn System, directories: &[String], ending: &str) -> (Vec<Found>, Vec<(String, Failure)>) {
    let mut found: Vec<Found> = Vec::new();
    let mut closed = Vec::new();
    for directory in directories {
        let names = match system.list(directory) {
            Ok(names) => names,
            Err(Failure::Absent) => continue,
            Err(failure) => {
                closed.push((directory.clone(), failure));
                continue;
            }
        };
        for name in names {
            if !name.ends_with(ending) || found.iter().any(|known| name_of(&known.path) == name) {
                continue;
            }
            let path = format!("{directory}/{name}");
            let target = system.read_link(&path).ok().map(|link| target(directory, &link));
            // A link to /dev/null reads as nothing, and masks like any other file.
            let text = match target.as_deref() {
                Some("/dev/null") => Ok(Vec::new()),
                _ => system.read(&path),
            };
            found.push(Found { path, target, text });
        }
    }
    found.sort_by(|left, right| name_of(&left.path).cmp(name_of(&right.path)));
    (found, closed)
}

/// The last segment of a path.
pub fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
