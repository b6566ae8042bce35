//! What is known of the machine as a whole: facts for expressions, and the surroundings that decide where a fix can be made.
//!
//! Everything here is looked up on first use and remembered: a check that passes asks for little.

pub mod cgroup;
mod facts;
mod surroundings;

pub use facts::{FACTS, FactInfo};
pub use surroundings::{Capability, Container, Mount};

use std::cell::OnceCell;

use crate::system::System;

/// A machine and what was already learned of it.
pub struct Host<'a> {
    /// The machine.
    pub system: &'a dyn System,
    facts: facts::Cache,
    mounts: OnceCell<Vec<Mount>>,
    container: OnceCell<Container>,
    initial_network: OnceCell<Option<bool>>,
    initial_user: OnceCell<bool>,
}

impl<'a> Host<'a> {
    /// Nothing is looked up yet.
    #[must_use]
    pub fn new(system: &'a dyn System) -> Self {
        Self {
            system,
            facts: facts::Cache::default(),
            mounts: OnceCell::new(),
            container: OnceCell::new(),
            initial_network: OnceCell::new(),
            initial_user: OnceCell::new(),
        }
    }

    /// A file's text, trimmed; `None` where it cannot be read.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let bytes = self.system.read(path).ok()?;
        String::from_utf8(bytes).ok().map(|text| text.trim().to_owned())
    }
}
