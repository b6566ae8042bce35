//! Other programs' files as profiles: one file for each format, behind one interface, over one model of rules that are being made.
//!
//! What can be a rule becomes one, and knows the file and line that it comes from. What cannot is said, with the same place: a
//! line is never dropped without a word. Whatever the formats make is read by the profile's own reader before anybody sees it, and
//! a rule that it does not take is left out, with its reason.
//!
//! A format says in its own file what it is called, how its files are told from others, which files of a directory it reads, and
//! what becomes of them. [`FORMATS`] is the only list of formats: [`detect()`] and the command line ask it.

mod ask;
mod detect;
mod draft;
mod goss;
mod input;
mod limits;
mod number;
mod redpanda;
mod requirements;
mod sysctl;
mod template;
mod tuned;
mod yaml;

pub use detect::{DetectError, detect};
pub use draft::{Draft, Made, Note, Spot, Weight};
pub use input::{Entry, Input, ReadError, ReadFailure};
pub use sysctl::of_machine;
pub use template::Templates;

use std::fmt;

use crate::rule::Severity;
use crate::system::System;
use yaml::{Mistake, Node};

/// Every format, in the order in which the command line lists them. A format is a file of its own and a line here.
pub static FORMATS: &[&dyn Format] = &[
    &sysctl::SysctlD,
    &limits::LimitsD,
    &tuned::Tuned,
    &goss::Goss,
    &requirements::Requirements,
    &redpanda::Redpanda,
];

/// The format that the command line calls `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// The names of all formats of which something is true, in the order of [`FORMATS`].
pub fn names(which: impl Fn(&dyn Format) -> bool) -> Vec<&'static str> {
    let formats = FORMATS.iter().filter(|format| which(**format));
    formats.map(|format| format.name()).collect()
}

/// A form of files that rules are made of.
///
/// A file is told by its name first ([`by_name`](Self::by_name)), then by its lines ([`by_lines`](Self::by_lines)), and if no
/// format has such lines, as a YAML document ([`by_document`](Self::by_document)). A format overrides those that it can be told by.
pub trait Format: Sync {
    /// What `--from` calls it.
    fn name(&self) -> &'static str;

    /// What its files become, for `import --help`: one line, which the terminal breaks.
    fn help(&self) -> &'static str;

    /// What the name of a file or a directory tells of its format; `None` where it may be anything.
    fn by_name(&self, _entry: &Entry) -> Option<Told> {
        None
    }

    /// Whether a text has the form of this format. `rows` are its lines without the space around them, those left out that are
    /// empty or a comment; there is at least one.
    fn by_lines(&self, _rows: &[&str]) -> bool {
        false
    }

    /// Whether a YAML or JSON document has the keys of this format. Only asked where no format knows the lines.
    fn by_document(&self, _root: &Node) -> bool {
        false
    }

    /// How much the form asks of a text. Where a text could be in several formats, the strictest is named first.
    fn strictness(&self) -> u8 {
        0
    }

    /// What of a directory is read.
    fn reads(&self) -> Reads;

    /// How much its rules matter where the command line does not say it.
    fn severity(&self) -> Severity {
        Severity::Warning
    }

    /// Whether it makes floors of numbers of which more is better: [`Wish::at_least`].
    fn makes_floors(&self) -> bool {
        false
    }

    /// Whether its lines are for domains, of which one can be chosen: [`Wish::domain`].
    fn has_domains(&self) -> bool {
        false
    }

    /// What it makes of a file that another program has yet to fill in.
    fn templates(&self) -> Templates {
        Templates::WholeFile
    }

    /// Makes rules of the files, and says of everything else in them why it is none.
    ///
    /// # Errors
    /// A file is not of this format at all, or one that the format reads itself cannot be read.
    fn import(&self, input: &Input, wish: &Wish, system: &dyn System, draft: &mut Draft) -> Result<(), ImportError>;
}

/// Which name tells a format. The name of a file tells more than that of a directory: `limits.conf` in `sysctl.d` is `limits.d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// That of a directory: the one that is named, or the one that the file lies in.
    ByDirectory,
    /// That of a file: the one that is named, or one that the directory holds.
    ByFile,
}

/// What of a directory a format reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// The format looks at the directory itself, because to it a directory is more than the files in it.
    Directory,
    /// The files whose names end in one of these, as if the command line had named each.
    Files(&'static [&'static str]),
}

/// What the command line wants of the rules, apart from what the files say.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Numbers of which more is better become floors.
    pub at_least: bool,
    /// Of `limits.conf`, the domain whose lines count; where none is given, `*`, or the only one that there is.
    pub domain: Option<String>,
    /// How much the rules matter; where nothing is said, a requirement is an error and everything else a warning.
    pub severity: Option<Severity>,
}

/// Why files became no rules at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportError {
    /// A file cannot be read.
    Unreadable(ReadError),
    /// A file is not of the format.
    Malformed {
        /// The place where that shows.
        spot: Spot,
        /// What is wrong there: a sentence without a full stop.
        what: String,
    },
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImportError::Unreadable(error) => write!(f, "{error}"),
            ImportError::Malformed { spot, what } => write!(f, "{spot}: {what}"),
        }
    }
}

impl std::error::Error for ImportError {}

impl From<ReadError> for ImportError {
    fn from(error: ReadError) -> Self {
        ImportError::Unreadable(error)
    }
}

impl ImportError {
    /// A mistake in the YAML of a file.
    fn in_yaml(path: &str, mistake: Mistake) -> Self {
        ImportError::Malformed {
            spot: Spot::new(path, mistake.line),
            what: mistake.what,
        }
    }
}

/// Makes rules of files that were read already.
///
/// # Errors
/// See [`ImportError`].
pub fn import(input: &Input, format: &dyn Format, wish: &Wish, system: &dyn System) -> Result<Draft, ImportError> {
    let mut draft = Draft::new(wish.severity.unwrap_or(format.severity()));
    let flat = match format.reads() {
        Reads::Directory => None,
        Reads::Files(endings) => Some(input.flat(endings, system)?),
    };
    let input = flat.as_ref().unwrap_or(input);
    for entry in &input.entries {
        if let Entry::File { path, text } = entry {
            template::refuse(path, text, format.templates())?;
        }
    }
    format.import(input, wish, system, &mut draft)?;
    Ok(draft)
}
