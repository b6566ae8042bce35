//! A file for one dialect: what it is made of, and the interface that every form of a file has.
//!
//! A format says which things it cannot hold, with the reason, and writes the rest. Which values there are to write, and what is left
//! over, [`export`](crate::export) decides: nothing here knows of rules.

use super::pairs;
use crate::change::{Change, Target};
use crate::host::Host;
use crate::system::{Os, Resource};
use crate::text::printable;
use crate::value::Number;

/// What every file says in its first lines, before the names of the profiles.
pub(crate) const MARK: &str = "written by runup for ";

/// Which value a format writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// What is asked for, and never less than what the container has by itself.
    Container,
    /// What is asked for, and where this machine has better, that: what is higher is never lowered.
    Host,
    /// What is asked for, compared with what there is when the file is used.
    Later,
}

/// A form of a file.
pub trait Format: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Which value it writes.
    fn basis(&self) -> Basis;

    /// The systems that it is for.
    fn systems(&self) -> &'static [Os] {
        &[Os::Linux]
    }

    /// Whether the file is a program.
    fn is_program(&self) -> bool {
        false
    }

    /// Why it cannot hold something; `None` where it can.
    /// `asked` is the value that the rules ask for.
    fn refuses(&self, target: &Target, asked: &str, host: &Host<'_>) -> Option<String>;

    /// The file.
    fn write(&self, page: &Page<'_>) -> String;
}

/// What a file is made of.
pub struct Page<'a> {
    /// The profiles, by name.
    pub profiles: &'a [String],
    /// The machine that was looked at.
    pub host: &'a Host<'a>,
    /// The unit that the file is for.
    pub unit: Option<&'a str>,
    /// Whether it is known which runtime it is for, or none is.
    pub runtime_known: bool,
    /// Whether limits of logins are for root too.
    pub root: bool,
    /// What the file sets.
    pub entries: Vec<Entry<'a>>,
    /// What it does not, each in a line.
    pub left: Vec<String>,
}

/// One thing that a file sets.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The change, with the value that this format writes.
    pub change: Change,
    /// Words for a person, each a line.
    pub comments: Vec<String>,
    /// What the rules leave open.
    pub leeway: Leeway<'a>,
}

/// What the rules leave open of a value, for a file that looks before it writes.
#[derive(Debug, Clone, Copy)]
pub enum Leeway<'a> {
    /// Numbers, one for each field: a floor and a ceiling.
    Bounds(&'a [(Option<Number>, Option<Number>)]),
    /// A range that holds the one that is asked for; whether its bounds must be of the same parity.
    Range(Option<bool>),
    /// One of these words.
    Among(&'a [String]),
    /// Any word but these.
    Without(&'a [String]),
}

impl Page<'_> {
    /// The first line of every file, without the comment's sign.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{MARK}{}", one_line(&self.profiles.join(", ")))
    }

    /// A name for the file's own use: letters, digits and hyphens.
    #[must_use]
    pub fn slug(&self) -> String {
        let mut slug = String::new();
        for c in self.profiles.join("-").to_ascii_lowercase().chars() {
            if c.is_ascii_alphanumeric() {
                slug.push(c);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.truncate(50);
        let slug = slug.trim_end_matches('-');
        if slug.is_empty() {
            "profile".to_owned()
        } else {
            slug.to_owned()
        }
    }

    /// A file of settings in lines: the title, what to know of the file, the settings, and what is left over.
    pub(crate) fn in_lines(&self, about: &str, settings: &str) -> String {
        let mut out = format!("# {}\n# {about}\n{settings}", self.title());
        if !self.left.is_empty() {
            out.push('\n');
        }
        commented(self.leftovers(), "# ", &mut out);
        out
    }

    /// The changes of all entries.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.entries.iter().map(|entry| entry.change.clone()).collect()
    }

    /// What is left over, a line each, after a heading; nothing where nothing is.
    #[must_use]
    pub fn leftovers(&self) -> Vec<String> {
        if self.left.is_empty() {
            return Vec::new();
        }
        let mut lines = vec!["not in this file:".to_owned()];
        lines.extend(self.left.iter().map(|left| format!("  {left}")));
        lines
    }

    /// Entries about sysctls, with their keys.
    pub fn sysctls(&self) -> impl Iterator<Item = (&str, &Entry<'_>)> {
        self.entries.iter().filter_map(|entry| match &entry.change.target {
            Target::Sysctl(key) => Some((key.as_str(), entry)),
            _ => None,
        })
    }

    /// The limits of processes: soft, hard, and what there is to say of them.
    #[must_use]
    pub fn limits(&self) -> Vec<(Resource, String, String, Vec<String>)> {
        let changes = self.changes();
        pairs(&changes)
            .map(|(resource, soft, hard)| {
                let mut said: Vec<String> = Vec::new();
                let own = self
                    .entries
                    .iter()
                    .filter(|entry| matches!(entry.change.target, Target::Limit(other, _) if other == resource));
                for comment in own.flat_map(|entry| &entry.comments) {
                    if !said.contains(comment) {
                        said.push(comment.clone());
                    }
                }
                (resource, soft.to_owned(), hard.to_owned(), said)
            })
            .collect()
    }
}

/// Settings, each after an empty line and what there is to say of it; one without lines is left out.
pub(crate) fn spaced<T: AsRef<str>>(
    settings: impl Iterator<Item = (impl IntoIterator<Item = T>, Vec<String>)>,
) -> String {
    let mut out = String::new();
    for (comments, lines) in settings.filter(|(_, lines)| !lines.is_empty()) {
        out.push('\n');
        commented(comments, "# ", &mut out);
        commented(lines, "", &mut out);
    }
    out
}

/// Lines as comments.
pub(crate) fn commented<T: AsRef<str>>(lines: impl IntoIterator<Item = T>, sign: &str, out: &mut String) {
    for line in lines {
        out.push_str(sign);
        out.push_str(line.as_ref());
        out.push('\n');
    }
}

/// Text of a profile or the system that must not end its line.
pub(crate) fn one_line(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Where something else than what a format holds is set.
pub(crate) fn elsewhere(target: &Target) -> String {
    match target {
        Target::Sysctl(_) => "a sysctl: --to sysctl.d, ansible or shell",
        Target::Limit(..) => "a limit of processes: --to limits.d or systemd, or `runup exec`",
        Target::Sysfs(_) => "a switch under /sys: --to tmpfiles.d, ansible or shell",
        Target::Cgroup(_) => "a limit of a cgroup: --to systemd, docker or compose",
        Target::Swap => "swap: remove or comment out the lines of type swap in /etc/fstab",
    }
    .to_owned()
}
