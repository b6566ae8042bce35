//! `--unit`: the main process of a unit of systemd.

use super::CommandError;
use crate::host::Host;
use crate::system::System;
use crate::systemd::process::{NotFound, look, main_process};
use crate::systemd::unit::{full_name, is_unit_name};

/// The process that a unit is about, found by its cgroup.
pub(super) fn process_of(system: &dyn System, name: &str) -> Result<u32, CommandError> {
    let fail = |why: String| Err(CommandError::Message(format!("cannot look at the unit {name}: {why}")));
    if !is_unit_name(name) {
        return fail("this cannot be the name of a unit".to_owned());
    }
    let full = full_name(name);
    let host = Host::new(system);
    let (unit, running) = look(&host, &full);
    match running {
        Ok(running) => main_process(&host, &running, &unit).map_or_else(
            || {
                fail(format!(
                    "{} has no process that could be its main one",
                    running.directory
                ))
            },
            Ok,
        ),
        Err(NotFound::Inactive) => fail(if unit.masked {
            "it is masked, and does not run".to_owned()
        } else if unit.file.is_some() {
            format!("it does not run; start it with systemctl start {full}")
        } else {
            format!("there is no cgroup of {full}, and no file of a unit; systemctl list-units shows what runs")
        }),
        Err(other) => fail(other.to_string()),
    }
}
