//! runup: tuning and preflight checks for hosts and containers.

pub mod arena;
pub mod catalogue;
pub mod cli;
pub mod diagnostic;
pub mod engine;
pub mod expr;
pub mod finding;
pub mod host;
pub mod profile;
pub mod remedy;
pub mod report;
pub mod rule;
pub mod source;
pub mod suggest;
pub mod system;
pub mod value;
