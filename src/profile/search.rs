//! Where profiles are found.
//!
//! A path is taken as it is. A name is looked for in `./.runup/`, then `$XDG_CONFIG_HOME/runup/profiles`, then
//! `/etc/runup/profiles`, then among the built-in ones. Root looks neither into the working directory nor into XDG: a directory
//! that an application can write must not shadow a profile that root applies. What a built-in profile extends is built in.

use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::files::{self, Unreadable, largest};
use crate::source::{Origin, Place, SourceId, Sources};

include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// The places where profiles are looked for by name.
#[derive(Debug, Clone, Default)]
pub struct Library {
    directories: Vec<PathBuf>,
}

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
        let mut directories = Vec::new();
        if !root {
            directories.push(PathBuf::from(".runup"));
            directories.extend(config.map(|config| config.join("runup/profiles")));
        }
        directories.push(PathBuf::from("/etc/runup/profiles"));
        Self { directories }
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
                return match load(&path, asked_in.is_none(), sources) {
                    Ok(source) => Ok(Found {
                        name: name_of(&path),
                        source,
                    }),
                    Err(error) => Err(problem(format!(
                        "cannot read the profile `{}`: {error}",
                        path.display()
                    ))),
                };
            }
            for directory in &self.directories {
                let path = directory.join(format!("{word}.toml"));
                match load(&path, false, sources) {
                    Ok(source) => {
                        return Ok(Found {
                            name: word.to_owned(),
                            source,
                        });
                    }
                    Err(LoadError::Unreadable(Unreadable::System(libc::ENOENT))) => {}
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
        let known = names.iter().map(|(name, _)| name.as_str());
        let diagnostic = problem(format!("there is no profile `{word}`"));
        Err(match crate::suggest::nearest(word, known) {
            Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
            None => diagnostic
                .help("`runup profiles` lists those that there are; a file is named by its path, like ./mine.toml"),
        })
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

/// Reads a profile's file; `named` is one whose path a person gave, which may be a stream.
fn load(path: &Path, named: bool, sources: &mut Sources) -> Result<SourceId, LoadError> {
    let bytes = match path.to_str() {
        Some(text) if named => files::read_named(text, largest::PROFILE),
        _ => files::read(path, largest::PROFILE),
    };
    let text = String::from_utf8(bytes.map_err(LoadError::Unreadable)?).map_err(|error| {
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

/// The name of a profile that comes from standard input.
const STDIN: &str = "stdin";

/// Why a profile's file cannot be used.
enum LoadError {
    Unreadable(Unreadable),
    /// A line, counted from 1, is not UTF-8.
    NotText(usize),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LoadError::Unreadable(why) => why.fmt(f),
            LoadError::NotText(line) => write!(f, "it is not UTF-8 text (line {line})"),
        }
    }
}
