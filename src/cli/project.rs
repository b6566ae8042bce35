//! Whose profiles a command reads, and which one where it names none.
//!
//! Trust is this process's own user, never that of a recording or of a tree that is looked at.

use std::path::Path;

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::CommandError;
use super::output::Streams;
use crate::accounts;
use crate::diagnostic::Diagnostics;
use crate::profile::guard::{Guard, Purpose};
use crate::profile::{self, Library, Profile};
use crate::source::Sources;
use crate::system::Os;

/// The profile of a working directory.
const PROJECT: &str = "./.runup.toml";

/// What a command does with a profile that it was not given by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// It shows what comes of it: `check`, `record`.
    Shown,
    /// It changes a machine by it, or writes what is to change one: `apply`, `export`.
    CarriedOut,
}

/// Whether this process is root.
pub(super) fn is_root() -> bool {
    geteuid().is_root()
}

/// Where profiles are looked for, for whoever runs this.
pub(super) fn library() -> Library {
    Library::for_user(is_root(), configuration())
}

/// `$XDG_CONFIG_HOME`, or what stands for it.
fn configuration() -> Option<std::path::PathBuf> {
    std::env::var_os("XDG_CONFIG_HOME")
        .filter(|path| !path.is_empty())
        .map(std::path::PathBuf::from)
        .or_else(|| {
            std::env::var_os("HOME")
                .filter(|home| !home.is_empty())
                .map(|home| Path::new(&home).join(".config"))
        })
}

/// Loads the profiles that are named; without one, `.runup.toml` if it is here, else `default`.
pub(super) fn load_profiles(
    words: &[String],
    os: Os,
    unnamed: Unnamed,
    sources: &mut Sources,
    streams: &mut Streams,
) -> Result<Vec<Profile>, CommandError> {
    if !words.is_empty() {
        return load(&library(), words, os, sources, streams);
    }
    if !is_here(streams)? {
        return load(&library(), &["default".to_owned()], os, sources, streams);
    }
    let words = [PROJECT.to_owned()];
    if !is_root() {
        say_owner(owner(), streams);
        return load(&library(), &words, os, sources, streams);
    }
    let purpose = match unnamed {
        Unnamed::Shown => Purpose::Show,
        Unnamed::CarriedOut => Purpose::CarryOut { user: behind_sudo() },
    };
    let guard =
        Guard::new(purpose).map_err(|why| CommandError::Message(profile::search::not_named(PROJECT, &why, purpose)))?;
    let library = Library::guarded(guard, configuration());
    let loaded = load(&library, &words, os, sources, streams);
    say_owner(library.guard_owner(), streams);
    loaded
}

/// Loads profiles by name or path.
pub(super) fn load(
    library: &Library,
    words: &[String],
    os: Os,
    sources: &mut Sources,
    streams: &mut Streams,
) -> Result<Vec<Profile>, CommandError> {
    let mut sink = Diagnostics::new();
    let mut profiles: Vec<Profile> = Vec::new();
    for word in words {
        if let Some(profile) = profile::load(library, word, os, sources, &mut sink) {
            if profiles.iter().any(|known| known.name == profile.name) {
                return Err(CommandError::Message(format!(
                    "the profile `{}` is named twice",
                    profile.name
                )));
            }
            profiles.push(profile);
        }
    }
    say_skipped(library, streams);
    if sink.is_empty() {
        Ok(profiles)
    } else {
        Err(CommandError::Diagnostics(sink.into_sorted()))
    }
}

/// Says which directories could not be looked into.
pub(super) fn say_skipped(library: &Library, streams: &mut Streams) {
    for directory in library.skipped() {
        streams.message(&format!(
            "runup: no profile is looked for in {}: this user cannot search it\n",
            directory.display()
        ));
    }
}

/// Whether the working directory has a profile, whatever it is.
fn is_here(streams: &mut Streams) -> Result<bool, CommandError> {
    match nix::sys::stat::lstat(PROJECT) {
        Ok(_) => Ok(true),
        Err(Errno::ENOENT) => Ok(false),
        // What an ordinary user cannot see is nobody's project of his; root must not take that for an answer.
        Err(Errno::EACCES) if !is_root() => {
            streams.message(
                "runup: whether there is a .runup.toml here is not known: this user cannot search the directory\n",
            );
            Ok(false)
        }
        Err(errno) => Err(CommandError::Message(format!(
            "whether there is a .runup.toml here is not known: {}; name the profile that is meant",
            errno.desc()
        ))),
    }
}

fn owner() -> Option<u32> {
    nix::sys::stat::stat(PROJECT).ok().map(|stat| stat.st_uid)
}

/// A person must know that somebody else chose what is checked.
fn say_owner(owner: Option<u32>, streams: &mut Streams) {
    if let Some(owner) = owner.filter(|owner| *owner != geteuid().as_raw()) {
        streams.message(&format!("runup: using {PROJECT} of {}\n", accounts::name_of(owner)));
    }
}

/// The user who became root by sudo. Only root's own environment says so.
fn behind_sudo() -> Option<u32> {
    std::env::var("SUDO_UID").ok()?.parse().ok()
}
