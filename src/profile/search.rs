//! Where profiles are found.
//!
//! A path is taken as it is. A name is looked for in `./.runup/`, then `$XDG_CONFIG_HOME/runup/profiles`, then
//! `/etc/runup/profiles`, then among the built-in ones. Root looks neither into the working directory nor into XDG: a directory
//! that an application can write must not shadow a profile that root applies. What a built-in profile extends is built in.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::guard::{Guard, Purpose, Refused};
use crate::diagnostic::Diagnostic;
use crate::files::{self, Unreadable};
use crate::most;
use crate::source::{Origin, Place, SourceId, Sources};

include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// The places where profiles are looked for by name.
#[derive(Debug, Default)]
pub struct Library {
    directories: Vec<PathBuf>,
    /// Where an ordinary user's profiles would be, and root's are not.
    passed_over: Vec<PathBuf>,
    /// What opens files below the working directory, where root did not name them.
    guard: Option<Guard>,
    /// Directories that could not be searched.
    skipped: RefCell<Vec<PathBuf>>,
}

/// The directory of a project's profiles.
const OWN: &str = ".runup";

/// A profile that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The name under which findings are reported.
    pub name: String,
    /// The text.
    pub source: SourceId,
}

/// Which profile the text of a name is looked for from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The command line.
    CommandLine,
    /// A profile's `extends`, at a place.
    Profile(Place),
}

impl Library {
    /// The places that hold for a user. `config` is `$XDG_CONFIG_HOME` or what stands for it.
    #[must_use]
    pub fn for_user(root: bool, config: Option<PathBuf>) -> Self {
        let mut own = vec![PathBuf::from(OWN)];
        own.extend(config.map(|config| config.join("runup/profiles")));
        let etc = PathBuf::from("/etc/runup/profiles");
        let (directories, passed_over) = if root {
            (vec![etc], own)
        } else {
            (own.into_iter().chain([etc]).collect(), Vec::new())
        };
        Self {
            directories,
            passed_over,
            ..Self::default()
        }
    }

    /// The places that hold for root and a profile that was not named: the working directory's own, by a guard, and `/etc`.
    #[must_use]
    pub fn guarded(guard: Guard, config: Option<PathBuf>) -> Self {
        let mut library = Self::for_user(true, config);
        library.directories.insert(0, PathBuf::from(OWN));
        library.passed_over.retain(|directory| directory != Path::new(OWN));
        library.guard = Some(guard);
        library
    }

    /// Whose the first file is that the guard let through.
    #[must_use]
    pub fn guard_owner(&self) -> Option<u32> {
        self.guard.as_ref().and_then(Guard::first_owner)
    }

    /// Directories that were passed over, since this user cannot search them.
    #[must_use]
    pub fn skipped(&self) -> Vec<PathBuf> {
        self.skipped.borrow().clone()
    }

    fn skip(&self, directory: &Path) {
        let mut skipped = self.skipped.borrow_mut();
        if !skipped.iter().any(|known| known == directory) {
            skipped.push(directory.to_owned());
        }
    }

    /// Only what is built in.
    #[must_use]
    pub fn built_in_only() -> Self {
        Self::default()
    }

    /// The names that can be found, without duplicates, each with where it would be found; sorted.
    #[must_use]
    pub fn names(&self) -> Vec<(String, Option<PathBuf>)> {
        let mut names: Vec<(String, Option<PathBuf>)> = Vec::new();
        let mut add = |name: String, path: Option<PathBuf>| {
            if !names.iter().any(|(known, _)| *known == name) {
                names.push((name, path));
            }
        };
        for directory in &self.directories {
            #[expect(
                clippy::disallowed_methods,
                reason = "profiles are what the user gives, not the machine's state"
            )]
            let entries = std::fs::read_dir(directory);
            if matches!(&entries, Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied) {
                self.skip(directory);
            }
            for entry in entries.into_iter().flatten().flatten() {
                let path = entry.path();
                if path.extension().is_some_and(|extension| extension == "toml")
                    && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
                {
                    add(stem.to_owned(), Some(path.clone()));
                }
            }
        }
        for (name, _) in BUILT_IN {
            add((*name).to_owned(), None);
        }
        names.sort();
        names
    }

    /// Finds a profile by name or path.
    ///
    /// # Errors
    /// It does not exist, or cannot be read.
    pub fn find(&self, word: &str, from: From, sources: &mut Sources) -> Result<Found, Diagnostic> {
        let asked_in = match from {
            From::CommandLine => None,
            From::Profile(place) => Some((place, sources.get(place.source))),
        };
        let problem = |message: String| match from {
            From::CommandLine => Diagnostic::general(message),
            From::Profile(place) => Diagnostic::at(place, message),
        };
        let built_in_parent = asked_in.is_some_and(|(_, source)| source.origin == Origin::BuiltIn);
        if !built_in_parent {
            if is_path(word) {
                let path = match asked_in {
                    Some((_, source)) => {
                        let parent = Path::new(&source.name).parent().unwrap_or(Path::new(""));
                        parent.join(word.strip_prefix("./").unwrap_or(word))
                    }
                    None => PathBuf::from(word),
                };
                let beside = asked_in.map(|(_, source)| PathBuf::from(&source.name));
                return match self.load(&path, beside.as_deref(), sources) {
                    Ok(source) => Ok(Found {
                        name: name_of(&path),
                        source,
                    }),
                    Err(LoadError::Refused(why)) if beside.is_none() => {
                        Err(problem(not_named(word, &why, self.purpose())))
                    }
                    Err(error) => Err(problem(format!(
                        "cannot read the profile `{}`: {error}",
                        path.display()
                    ))),
                };
            }
            for directory in &self.directories {
                let path = directory.join(format!("{word}.toml"));
                match self.load(&path, Some(Path::new("")), sources) {
                    Ok(source) => {
                        return Ok(Found {
                            name: word.to_owned(),
                            source,
                        });
                    }
                    Err(error) if error.is_absent() => {}
                    Err(LoadError::Unreadable(Unreadable::System(libc::EACCES))) if !can_search(directory) => {
                        self.skip(directory);
                    }
                    Err(error) => {
                        return Err(problem(format!(
                            "cannot read the profile `{}`: {error}",
                            path.display()
                        )));
                    }
                }
            }
        }
        if let Some((name, packed)) = BUILT_IN.iter().find(|(name, _)| *name == word) {
            return Ok(Found {
                name: word.to_owned(),
                source: sources.add(*name, unpack(packed), Origin::BuiltIn),
            });
        }
        let names = self.names();
        let known = || names.iter().map(|(name, _)| name.as_str());
        let diagnostic = problem(format!("there is no profile `{word}`"));
        if let Some(path) = self.is_passed_over(word) {
            return Err(diagnostic.help(format!(
                "{path} is here, and root does not read it unless it is named by its path"
            )));
        }
        Err(
            match super::alike::of_program(word, known()).or_else(|| crate::suggest::nearest(word, known())) {
                Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
                None => match super::alike::hint(word, &built_in().collect::<Vec<_>>()) {
                    Some(hint) => diagnostic.help(hint),
                    None => diagnostic.help(
                        "`runup profiles` lists those that there are; a file is named by its path, like ./mine.toml",
                    ),
                },
            },
        )
    }
}

/// The built-in profiles: name and text.
pub fn built_in() -> impl Iterator<Item = (&'static str, String)> {
    BUILT_IN.iter().map(|(name, packed)| (*name, unpack(packed)))
}

/// The names of the built-in profiles.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// A text as the build packed it. What is part of the binary is whole.
fn unpack(packed: &[u8]) -> String {
    let bytes = miniz_oxide::inflate::decompress_to_vec(packed).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn is_path(word: &str) -> bool {
    word == "-" || word.contains('/') || word.ends_with(".toml")
}

fn name_of(path: &Path) -> String {
    if path == Path::new("-") {
        return STDIN.to_owned();
    }
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    if stem.is_empty() {
        path.display().to_string()
    } else {
        stem
    }
}

impl Library {
    /// Reads a profile's file. `beside` is the file that asked for it; where nobody did, a person named the path, and it may be a
    /// stream.
    fn load(&self, path: &Path, beside: Option<&Path>, sources: &mut Sources) -> Result<SourceId, LoadError> {
        let bytes = match (&self.guard, path.to_str()) {
            (Some(guard), _) if path.is_relative() => guard.read(path).map_err(LoadError::Refused),
            // A file below the working directory leads nowhere else; one in /etc/runup/profiles may.
            (Some(_), _) if beside.is_some_and(|beside| beside.is_relative() && beside != Path::new("")) => {
                Err(LoadError::Refused(Refused::Outside))
            }
            (_, Some(text)) if beside.is_none() => {
                files::read_named(text, most::PROFILE).map_err(LoadError::Unreadable)
            }
            _ => files::read(path, most::PROFILE).map_err(LoadError::Unreadable),
        };
        let text = String::from_utf8(bytes?).map_err(|error| {
            let text = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            LoadError::NotText(text.iter().filter(|byte| **byte == b'\n').count() + 1)
        })?;
        let name = match path.to_str() {
            // What it extends is looked for in the working directory.
            Some("-") => STDIN.to_owned(),
            _ => path.display().to_string(),
        };
        Ok(sources.add(name, text, Origin::File))
    }

    fn purpose(&self) -> Purpose {
        self.guard.as_ref().map_or(Purpose::Show, Guard::purpose)
    }

    /// A profile of that name where an ordinary user would find it.
    #[expect(clippy::disallowed_methods, reason = "profiles are what the user gives")]
    fn is_passed_over(&self, word: &str) -> Option<String> {
        let paths = self
            .passed_over
            .iter()
            .map(|directory| directory.join(format!("{word}.toml")));
        let found = paths.into_iter().find(|path| std::fs::symlink_metadata(path).is_ok())?;
        let here = if found.is_relative() { "./" } else { "" };
        Some(format!("{here}{}", found.display()))
    }
}

/// Whether names in a directory can be looked up.
fn can_search(directory: &Path) -> bool {
    nix::sys::stat::stat(&directory.join(".")).is_ok()
}

/// Why root does not use a profile that it did not name, and what to do.
#[must_use]
pub fn not_named(path: &str, why: &Refused, purpose: Purpose) -> String {
    let rule = match purpose {
        Purpose::Show => "root reads one that is not named only if it is the directory owner's or root's, and no link",
        Purpose::CarryOut { .. } => {
            "for root to carry it out unnamed it must be root's or that of the user behind sudo, where nobody else can write"
        }
    };
    format!("{path} is here, and is not used: {why}\n  {rule}; if you trust it, name it: {path}")
}

/// The name of a profile that comes from standard input.
const STDIN: &str = "stdin";

/// Why a profile's file cannot be used.
enum LoadError {
    Unreadable(Unreadable),
    /// Root did not name it, and does not trust it.
    Refused(Refused),
    /// A line, counted from 1, is not UTF-8.
    NotText(usize),
}

impl LoadError {
    /// Whether there is no such file. What is no directory has none in it: `HOME=/dev/null`.
    fn is_absent(&self) -> bool {
        matches!(
            self,
            LoadError::Unreadable(Unreadable::System(libc::ENOENT | libc::ENOTDIR))
                | LoadError::Refused(Refused::Unreadable(Unreadable::System(libc::ENOENT | libc::ENOTDIR)))
        )
    }
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LoadError::Unreadable(why) => why.fmt(f),
            LoadError::Refused(why) => why.fmt(f),
            LoadError::NotText(line) => write!(f, "it is not UTF-8 text (line {line})"),
        }
    }
}
