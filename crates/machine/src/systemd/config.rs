//! A configuration file with its drop-ins.

use super::syntax::{self, Line};
use crate::persisted::files::{Found, drop_ins, name_of};
use crate::system::{Failure, System};

/// The directories of configuration, the one that counts most first.
const DIRECTORIES: [&str; 4] = [
    "/etc/systemd",
    "/run/systemd",
    "/usr/local/lib/systemd",
    "/usr/lib/systemd",
];

/// Assignments of several files, in the order in which they are read: of two, the later one counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    files: Vec<File>,
    /// Files that are there and cannot be read, so that nobody knows what they say.
    unread: Vec<(String, Failure)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    path: String,
    lines: Vec<Line>,
}

/// An assignment, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// What stands behind the `=`.
    pub value: String,
    /// The file.
    pub file: String,
    /// The line on which it begins, counted from 1.
    pub line: u32,
}

impl Setting {
    /// `/etc/systemd/system.conf:3`
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

impl Config {
    /// Reads a file of systemd's configuration by its name (`system.conf`): the first that there is in the four directories, and
    /// after it the drop-ins of all of them.
    #[must_use]
    pub fn read(system: &dyn System, name: &str) -> Self {
        let mut config = Self::default();
        for directory in DIRECTORIES {
            if config.add(&format!("{directory}/{name}"), system) {
                break;
            }
        }
        config.add_drop_ins(system, &DIRECTORIES.map(|directory| format!("{directory}/{name}.d")));
        config
    }

    /// Adds a file; whether it is there.
    pub(super) fn add(&mut self, path: &str, system: &dyn System) -> bool {
        match system.read(path) {
            Err(Failure::Absent) => false,
            text => {
                self.put(path, text);
                true
            }
        }
    }

    /// Adds the drop-ins of directories, the one whose files mask the others' first.
    pub(super) fn add_drop_ins(&mut self, system: &dyn System, directories: &[String]) {
        let (files, closed) = drop_ins(system, directories);
        self.unread.extend(closed);
        for Found { path, text, .. } in files {
            // systemd passes over hidden files.
            if !name_of(&path).starts_with('.') {
                self.put(&path, text);
            }
        }
    }

    fn put(&mut self, path: &str, text: Result<Vec<u8>, Failure>) {
        match text {
            Ok(text) => self.files.push(File {
                path: path.to_owned(),
                lines: syntax::parse(&String::from_utf8_lossy(&text)),
            }),
            Err(failure) => self.unread.push((path.to_owned(), failure)),
        }
    }

    /// The files that were read, in their order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.path.as_str())
    }

    /// Why it is not known what all of it says: a file that cannot be read.
    #[must_use]
    pub fn unread(&self) -> Option<String> {
        let (path, failure) = self.unread.first()?;
        Some(format!("{path}: {failure}"))
    }

    /// The assignments of a key in a section, in the order in which they are read.
    pub fn all(&self, section: &str, key: &str) -> impl Iterator<Item = Setting> {
        let means = move |line: &&Line| line.section == section && line.key == key;
        self.files.iter().flat_map(move |file| {
            file.lines.iter().filter(means).map(|line| Setting {
                value: line.value.clone(),
                file: file.path.clone(),
                line: line.number,
            })
        })
    }

    /// The assignment that counts: the last one that can be read; one of nothing takes back what was said before.
    pub fn last<T>(&self, section: &str, key: &str, read: impl Fn(&str) -> Option<T>) -> Option<(T, Setting)> {
        let mut found = None;
        for setting in self.all(section, key) {
            if setting.value.is_empty() {
                found = None;
            } else if let Some(value) = read(&setting.value) {
                found = Some((value, setting));
            }
        }
        found
    }

    /// The last assignment's text.
    #[must_use]
    pub fn text(&self, section: &str, key: &str) -> Option<String> {
        self.last(section, key, |text| Some(text.to_owned()))
            .map(|(text, _)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::{Fault, MemorySystem};

    #[test]
    fn the_last_that_can_be_read_counts_and_nothing_takes_back() {
        let system = MemorySystem::linux("6.1")
            .file("/usr/lib/systemd/system.conf", "[Manager]\nA=main\nLost=1\n")
            .file("/etc/systemd/system.conf", "[Manager]\nA=1\nB=1\nC=1\n")
            .file("/usr/lib/systemd/system.conf.d/10-a.conf", "[Manager]\nA=2\nB=\n")
            .file("/etc/systemd/system.conf.d/05-b.conf", "[Manager]\nA=9\nC=wrong\n")
            .file("/run/systemd/system.conf.d/20-c.conf", "[Manager]\nA=3\n")
            .link("/etc/systemd/system.conf.d/20-c.conf", "/dev/null");
        let config = Config::read(&system, "system.conf");
        let number = |key| config.last("Manager", key, |text| text.parse::<u32>().ok());
        let (a, place) = number("A").unwrap();
        assert_eq!(
            (a, place.place().as_str()),
            (2, "/usr/lib/systemd/system.conf.d/10-a.conf:2")
        );
        assert_eq!(number("B"), None);
        assert_eq!(number("C").unwrap().0, 1);
        assert_eq!(number("Lost"), None);
        assert_eq!(config.unread(), None);
        let system = system.fault("/etc/systemd/system.conf.d/05-b.conf", Fault::Errno(libc::EACCES));
        let unread = Config::read(&system, "system.conf").unread().unwrap();
        assert_eq!(unread, "/etc/systemd/system.conf.d/05-b.conf: Permission denied");
    }
}
