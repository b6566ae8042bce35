//! Documents: TOML whose every key and value knows its place, and the one description of what may stand where.
//!
//! [`raw`] is TOML with places, and [`parse`] reads it; [`shape`] says what a table may hold, and checks it; [`mod@write`] writes TOML.

mod quick;
pub mod raw;
mod read;
pub mod shape;
pub mod write;

pub use read::parse;
