//! runup: tuning and preflight checks for hosts and containers.
//!
//! # The map of the house
//!
//! ```text
//! cli ──> engine ──> rule ──> system          what the command does, from the outside in
//!   │        │         │
//!   │        │         └──> host, catalogue   what is known of the machine, and of keys
//!   │        └──> remedy                      a fix in every dialect
//!   ├──> fix ──> engine, system, persisted    plan, journal, apply, revert, and what makes it last
//!   ├──> shim                                 starting a program, and staying as its init
//!   ├──> export ──> remedy, engine            what rules ask for, as a file for another place
//!   ├──> import ──> profile, persisted        other programs' files become profiles
//!   ├──> profile ──> rule, expr, value        TOML becomes rules
//!   └──> report  ──> finding                  the one result model, in every format
//! ```
//!
//! * [`profile`]: TOML with places, `extends`, checked against one description of the fields, compiled to rules.
//! * [`expr`] and [`value`]: the expression language; typed values, comparators, units, and the value that a fix would write.
//! * [`rule`]: the kinds of subject, one file each: documentation, types, probe, fix. A kind never writes.
//! * [`system`]: the only place that touches the machine: live, rooted, in memory, recorded.
//! * [`host`]: facts for expressions, and the surroundings that decide what can be changed from here.
//! * [`catalogue`]: what is known of sysctl keys, so that a missing one can be told from a typo.
//! * [`engine`]: first every mistake, then every probe, then findings, conflicts and waivers.
//! * [`remedy`]: the same change for a shell, Docker, Kubernetes, systemd, macOS.
//! * [`shim`]: the entrypoint: starting a program exactly, and the supervisor that `--init` leaves behind.
//! * [`export`]: what the rules ask for, as a file: sysctl.d, a unit's drop-in, Compose, Kubernetes, Ansible, a script.
//! * [`import`]: other programs' files as profiles, with everything said that no rule can say.
//! * [`fix`]: changing a machine and undoing it: planned without touching, journalled before, verified after.
//! * [`systemd`]: what systemd was told, from its files, and which processes its units have.
//! * [`persisted`]: what the next boot will set, from the drop-in files.
//! * [`finding`], [`gate`] and [`report`]: the result, what of it keeps a run from being ready, and its forms. A report never sees the
//!   machine.
//! * [`mod@reference`]: the reference pages, and what a rule asks for in words.
//! * [`accounts`]: users and groups by their files.
//! * [`files`]: how a file that is not the kernel's is opened: a regular one, without waiting, up to a limit.
//! * [`diagnostic`] and [`source`]: mistakes that point into a file.
//!
//! Nothing below [`cli`] prints or exits, but for the shim, which has no one above it. A check changes nothing: only [`fix`] and the
//! shim write, through [`system::WritableSystem`] and system calls of their own.

#[cfg(target_os = "linux")]
pub mod arena;
pub mod cli;
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
pub mod shim;

pub use runup_language::{date, diagnostic, document, expr, source, suggest, value};
pub use runup_machine::{accounts, catalogue, failure, files, host, persisted, recording, system, systemd};
