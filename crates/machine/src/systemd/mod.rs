//! What systemd was told, read from its files as it reads them: the manager's configuration, units and their drop-ins.
//!
//! systemd is never asked (there may be no bus, and a recording has none): which processes a unit has is in its cgroup, what it
//! was told is in its files. What was changed in them since the manager last read them is therefore seen too early.
//!
//! * `syntax`: sections, assignments, comments and continued lines;
//! * [`values`]: limits (`soft:hard`), sizes, spans of time, shares;
//! * [`config`]: a configuration file with its drop-ins, in the order in which they count;
//! * [`mod@unit`]: a unit's file, its other names and its drop-ins;
//! * [`manager`]: what holds for every unit that says nothing, compiled-in values included;
//! * [`given`]: what a unit gets of the limits that it asks for;
//! * [`process`]: the cgroup of a unit, and its main process.

pub mod config;
pub mod given;
pub mod manager;
pub mod process;
mod syntax;
pub mod unit;
pub mod values;

pub use syntax::without_secrets;

use crate::host::has_systemd;
use crate::system::System;

/// Whether systemd is the first process of the machine that is looked at: it leaves this directory behind for whoever asks.
#[must_use]
pub fn is_running(system: &dyn System) -> bool {
    system.stat("/run/systemd/system").is_ok()
}

/// Why nothing can be said of systemd here; `None` where it runs.
pub fn missing(system: &dyn System) -> Option<Result<String, String>> {
    const NOT_LINUX: &str = "there is no systemd on this system";
    if system.platform().os != crate::system::Os::Linux {
        return Some(Ok(NOT_LINUX.to_owned()));
    }
    match has_systemd(system) {
        Ok(true) => None,
        Ok(false) => Some(Ok("systemd is not the first process here".to_owned())),
        Err(failure) => Some(Err(format!("whether systemd is the first process: {failure}"))),
    }
}

/// A tree of files with systemd in it, and no process.
pub fn is_tree(system: &dyn System) -> bool {
    system.stat("/proc/1").is_err()
        && ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]
            .iter()
            .any(|path| system.stat(path).is_ok())
}
