//! Profiles: from TOML through raw, merged and checked forms to rules.
//!
//! [`fields`] says what may stand where; [`search`] finds files; [`merge`] follows `extends`; `compile` makes rules of it. Every
//! mistake is reported in one pass.

mod alike;
mod compile;
mod expectation;
pub mod fields;
pub mod guard;
pub mod merge;
mod notation;
pub mod params;
pub mod schema;
mod scope;
pub mod search;

use crate::diagnostic::Diagnostics;
use crate::rule::{Rule, Waiver};
use crate::source::{SourceId, Sources};
use crate::system::Os;

pub use expectation::is_modifier;
pub use params::{Param, Setting};
pub use search::Library;

/// A profile with everything that it extends, read for one operating system.
#[derive(Debug)]
pub struct Profile {
    /// Its name, as reports use it.
    pub name: String,
    /// Its own file.
    pub source: SourceId,
    /// What it is for.
    pub summary: Option<String>,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Its rules, inherited ones first.
    pub rules: Vec<Rule>,
    /// Its waivers.
    pub waivers: Vec<Waiver>,
    /// The raw form, for showing where each value comes from.
    pub raw: merge::Merged,
}

/// Loads a profile by name or path. Mistakes go into `sink`; with any, the profile must not be used.
pub fn load(library: &Library, word: &str, os: Os, sources: &mut Sources, sink: &mut Diagnostics) -> Option<Profile> {
    let merged = merge::load(library, word, sources, sink)?;
    Some(compile::compile(merged, os, sources, sink))
}

/// The same for a text that is in `sources` already, under a name of its own.
pub fn load_text(
    library: &Library,
    found: search::Found,
    os: Os,
    sources: &mut Sources,
    sink: &mut Diagnostics,
) -> Option<Profile> {
    let merged = merge::load_found(library, found, sources, sink)?;
    Some(compile::compile(merged, os, sources, sink))
}
