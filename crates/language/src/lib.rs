//! The language that profiles are written in, without a machine: nothing here reads a file or asks anything.
//!
//! ```text
//! document expr
//! diagnostic date value
//! source suggest text most
//! ```
//! A module imports from the rows below its own.
//!
//! * [`value`]: typed values, comparators, units, and the value that a fix would write.
//! * [`expr`]: expressions over parameters, facts and live values.
//! * [`document`]: TOML with places, checked against one description of the fields.
//! * [`diagnostic`] and [`source`]: mistakes that point into a file.
//! * [`suggest`]: what a misspelt word was meant to be.
//! * [`text`]: what stands between a text from elsewhere and a terminal or a shell.
//! * [`date`]: calendar dates.
//! * [`most`]: how much is read of anything, for all crates.

#![forbid(unsafe_code)]

pub mod date;
pub mod diagnostic;
pub mod document;
pub mod expr;
pub mod most;
pub mod source;
pub mod suggest;
pub mod text;
pub mod value;
