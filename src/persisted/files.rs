//! Where the drop-in files are, and which of them count.

use super::syntax::{self, Line};
use super::{Persisted, Reader};
use crate::system::System;

/// The directories, the one whose files mask the others' first.
const DIRECTORIES: [&str; 5] = [
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
];

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
        self.path.rsplit('/').next().unwrap_or(&self.path)
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
fn target(directory: &str, link: &str) -> String {
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
    let mut found = Persisted {
        drop_ins: read_directories(&DIRECTORIES.map(str::to_owned), system),
        last: None,
    };
    if let Ok(text) = system.read(LAST) {
        found.last = Some(DropIn::parse(LAST, &String::from_utf8_lossy(&text)));
    }
    found
}

/// The drop-in files of directories, of which the first masks the others.
pub(super) fn read_directories(directories: &[String], system: &dyn System) -> Vec<DropIn> {
    let mut found: Vec<DropIn> = Vec::new();
    for directory in directories {
        for name in system.list(directory).unwrap_or_default() {
            let path = format!("{directory}/{name}");
            if !name.ends_with(".conf") || found.iter().any(|known| known.name() == name) {
                continue;
            }
            let target = system.read_link(&path).ok().map(|link| target(directory, &link));
            // A link to /dev/null reads as nothing, and masks like any other file.
            let text = match target.as_deref() {
                Some("/dev/null") => Vec::new(),
                _ => system.read(&path).unwrap_or_default(),
            };
            found.push(DropIn {
                target,
                ..DropIn::parse(&path, &String::from_utf8_lossy(&text))
            });
        }
    }
    found.sort_by(|left, right| left.name().cmp(right.name()));
    found
}
