//! `--unit`: the main process of a unit of systemd.

use super::CommandError;
use crate::host::Host;
use crate::system::System;
use crate::systemd::process::{NotFound, find, main_process};
use crate::systemd::unit::{Manager, Unit, full_name, is_unit_name};

/// The process that a unit is about, found by its cgroup.
pub(super) fn process_of(system: &dyn System, name: &str) -> Result<u32, CommandError> {
    let fail = |why: String| Err(CommandError::Message(format!("cannot look at the unit {name}: {why}")));
    if !is_unit_name(name) {
        return fail("this cannot be the name of a unit".to_owned());
    }
    let full = full_name(name);
    let host = Host::new(system);
    let running = match find(&host, &full) {
        Ok(running) => running,
        Err(NotFound::Inactive) => {
            let known = Unit::read(system, &Manager::System, &full);
            // An alias has no cgroup; its unit has one.
            if known.name != full
                && let Ok(running) = find(&host, &known.name)
            {
                return main(&host, &running, &known, name);
            }
            return fail(if known.masked {
                "it is masked, and does not run".to_owned()
            } else if known.file.is_some() {
                format!("it does not run; start it with systemctl start {full}")
            } else {
                format!("there is no cgroup of {full}, and no file of a unit; systemctl list-units shows what runs")
            });
        }
        Err(other) => return fail(other.to_string()),
    };
    let unit = Unit::read(system, &running.manager, &full);
    main(&host, &running, &unit, name)
}

fn main(
    host: &Host<'_>,
    running: &crate::systemd::process::Running,
    unit: &Unit,
    name: &str,
) -> Result<u32, CommandError> {
    main_process(host, running, unit).ok_or_else(|| {
        CommandError::Message(format!(
            "cannot look at the unit {name}: {} has no process that could be its main one",
            running.directory
        ))
    })
}
