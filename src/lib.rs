//! runup: tuning and preflight checks for hosts and containers.
//!
//! # The map of the house
//!
//! ```text
//! cli
//! report
//! fix import reference
//! export
//! engine
//! finding profile
//! gate rule
//! remedy
//! dialect
//! change severity arena
//! ```
//! A module imports from the rows below its own.
//!
//! * [`cli`]: the command line; `cli/inputs` is what several commands read from it.
//! * [`report`]: the result in every format. It never sees the machine.
//! * [`fix`]: changing a machine and undoing it: planned without touching, journalled before, verified after.
//! * [`import`]: other programs' files as profiles, with everything said that no rule can say.
//! * [`mod@reference`]: the reference pages, and what a rule asks for in words.
//! * [`export`]: what the rules ask for, as a file: which values it sets, and what is left over.
//! * [`engine`]: first every mistake, then every probe, then findings, conflicts and waivers.
//! * [`finding`] and [`gate`]: the result, and what of it keeps a run from being ready.
//! * [`profile`]: a document with what it extends, checked against one description of the fields, compiled to rules.
//! * [`rule`]: the kinds of subject, one file each: documentation, types, probe, fix. A kind never writes.
//! * [`remedy`]: a proposal in every dialect, and the one for the place that the check runs in.
//! * [`dialect`]: how a change is written, as a command and as a file: Docker, Kubernetes, systemd, sysctl.d and others, one file each.
//! * [`change`] and [`severity`]: the words that all of these share.
//! * [`arena`]: an allocator for a process that ends soon.
//!
//! Three crates stand below, which know nothing of rules:
//!
//! * `runup-shim` ([`shim`]): the entrypoint: starting a program exactly, and the supervisor that `--init` leaves behind.
//! * `runup-machine` ([`system`], [`host`], [`catalogue`] and others): every question to a machine, and every write.
//! * `runup-language` ([`value`], [`expr`], [`document`] and others): what a profile says, without any machine.
//!
//! Nothing below [`cli`] prints or exits, but for the shim, which has no one above it. A check changes nothing: only [`fix`] and the
//! shim write, through [`system::WritableSystem`] and system calls of their own.

#[cfg(target_os = "linux")]
pub mod arena;
pub mod change;
pub mod cli;
pub mod dialect;
pub mod engine;
pub mod export;
pub mod finding;
pub mod fix;
pub mod gate;
pub mod import;
pub mod profile;
pub mod reference;
pub mod remedy;
pub mod report;
pub mod rule;
pub mod severity;

pub use runup_language::{date, diagnostic, document, expr, most, source, suggest, text, value};
pub use runup_machine::{
    accounts, catalogue, cmdline, failure, files, host, overlay, persisted, recording, system, systemd, writers,
};
pub use runup_shim as shim;
