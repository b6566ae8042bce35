//! Where the drop-in files are, and which of them count.

use super::Persisted;
use super::syntax::{self, Line};
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
    pub(super) lines: Vec<Line>,
}

impl DropIn {
    pub(super) fn parse(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            lines: syntax::parse(text),
        }
    }

    /// Its name without the directory, which is what masks and orders.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
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
    let mut found = Persisted::default();
    for directory in DIRECTORIES {
        for name in system.list(directory).unwrap_or_default() {
            if !name.ends_with(".conf") || name.len() < 6 {
                continue;
            }
            let path = format!("{directory}/{name}");
            if found.drop_ins.iter().any(|known| known.name() == name) {
                continue;
            }
            // A link to /dev/null reads as nothing, and masks like any other file.
            let text = if system.read_link(&path).is_ok_and(|target| target == "/dev/null") {
                Vec::new()
            } else {
                system.read(&path).unwrap_or_default()
            };
            found
                .drop_ins
                .push(DropIn::parse(&path, &String::from_utf8_lossy(&text)));
        }
    }
    found.drop_ins.sort_by(|left, right| left.name().cmp(right.name()));
    if let Ok(text) = system.read(LAST) {
        found.last = Some(DropIn::parse(LAST, &String::from_utf8_lossy(&text)));
    }
    found
}
