//! The machine: everything that runup learns of a host, and the one way in which it changes one.
//!
//! ```text
//! recording
//! writers
//! systemd overlay
//! host
//! persisted
//! catalogue
//! system accounts
//! files
//! failure glob cmdline
//! ```
//! A module imports from the rows below its own.
//!
//! * [`system`]: the machine that is asked, and written: live, in a tree, in memory, laid over another one.
//! * [`recording`]: what a live host answered, saved to a file and played back anywhere, without its secrets.
//! * [`host`]: facts for expressions, and the surroundings that decide what can be changed from here.
//! * [`persisted`]: what the next boot will set, from the drop-in files.
//! * [`systemd`]: what systemd was told, from its files, and which processes its units have.
//! * [`writers`]: which programs of this machine write a key when they start.
//! * [`catalogue`]: what is known of sysctl keys, so that a missing one can be told from a typo.
//! * [`accounts`]: users and groups by their files.
//! * [`files`]: how a file that is not the kernel's is opened: a regular one, without waiting, up to a limit.
//! * [`glob`]: patterns over names.
//! * [`cmdline`]: the words of a kernel's command line, and which of them nobody may see.
//! * [`failure`]: why there is no answer.

pub mod accounts;
pub mod catalogue;
pub mod cmdline;
pub mod failure;
pub mod files;
pub mod glob;
pub mod host;
pub mod overlay;
pub mod persisted;
pub mod recording;
pub mod system;
pub mod systemd;
pub mod writers;

use runup_language::{expr, most, suggest, text, value};
