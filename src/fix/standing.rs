//! Whether a record belongs to what is here: this boot, these namespaces. Known to, known not to, or nobody can tell.

use super::journal::Entry;
use crate::system::{Boot, Same, Space, System};

/// What a record is to this boot and these namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Its values are here.
    Here,
    /// They are elsewhere, or gone; which, and what to do.
    Elsewhere(String),
    /// It cannot be told; why.
    Unclear(String),
}

/// Tells where a record's values are.
#[must_use]
pub fn standing(entry: &Entry, space: &Space) -> Standing {
    match entry.boot.same(&space.boot) {
        Same::Yes => {}
        Same::No => return Standing::Elsewhere(another_boot(entry)),
        Same::Unknown => {
            let why = match (&space.boot, &entry.boot) {
                (Boot::Unknown(why), _) => format!("which boot this is cannot be told ({why})"),
                (_, Boot::Unknown(why)) => format!("in which boot it was made is not known: {why}"),
                (Boot::Known(_) | Boot::Files, Boot::Known(_) | Boot::Files) => String::new(),
            };
            return Standing::Unclear(why);
        }
    }
    let mut unclear = None;
    for step in &entry.steps {
        let here = step.lives_in.here(space);
        match step.lives_in.same(&here) {
            Same::Yes => {}
            Same::No => {
                return Standing::Elsewhere(format!(
                    "{} was set in another namespace ({}; this is {here}): run it there, with nsenter(1), in that container, or with \
                     --pid of a process there. Where that is gone, `runup revert --forget {}` removes the record",
                    step.parameter.show(),
                    step.lives_in,
                    entry.id
                ));
            }
            Same::Unknown => {
                unclear.get_or_insert(format!(
                    "{} was set in {}, and this is {here}: whether they are one cannot be told",
                    step.parameter.show(),
                    step.lives_in
                ));
            }
        }
    }
    unclear.map_or(Standing::Here, Standing::Unclear)
}

fn another_boot(entry: &Entry) -> String {
    match entry.boot {
        Boot::Files => format!(
            "it was made in a tree of files, with --root: undo it so. `runup revert --forget {}` removes its record",
            entry.id
        ),
        Boot::Known(_) | Boot::Unknown(_) => format!(
            "it was made before the machine was restarted, and its values are gone; `runup revert --forget {}` removes its record",
            entry.id
        ),
    }
}

/// Whether a record is known to be of an earlier boot of this very machine. Then its values are gone, since nothing that is
/// recorded outlives a boot, and only then the record may go.
///
/// A boot's id says that two boots are two, and not that one of them is over: the directory may be shared with a machine, or a
/// container, that runs. So the machine's name must be this one's, and the record older than this boot.
#[must_use]
pub fn is_over(entry: &Entry, space: &Space, machine: &dyn System) -> bool {
    let both_known = matches!((&entry.boot, &space.boot), (Boot::Known(_), Boot::Known(_)));
    let name = &machine.platform().hostname;
    both_known
        && entry.boot.same(&space.boot) == Same::No
        && !name.is_empty()
        && entry.machine == *name
        && boot_time(machine).is_some_and(|start| entry.time < start)
}

/// When this boot began, in seconds since 1970-01-01 UTC, of `/proc/stat`.
fn boot_time(machine: &dyn System) -> Option<i64> {
    let bytes = machine.read("/proc/stat").ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}
