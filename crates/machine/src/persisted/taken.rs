//! What the lines come to in the kernel, as far as the key's type tells.

use super::syntax::Line;
use crate::catalogue::{self, Written, written};
use crate::system::{Os, SysctlName};
use crate::value::Type;

/// The type of a key of Linux, or of a pattern; `None` where nobody knows it.
pub(super) fn kind(name: &SysctlName) -> Option<Type> {
    catalogue::lookup(Os::Linux, name.dotted()).map(|key| key.value)
}

/// What the kernel makes of what a line sets; `None` where the line sets nothing, and only keeps patterns away.
pub(super) fn of_line(name: &SysctlName, line: &Line) -> Option<Written> {
    let text = line.value.as_deref()?;
    Some(written(name.dotted(), kind(name), text))
}

/// What a line sets: as the kernel reads it, or as it stands there where the key is not known. `None` where the kernel refuses it, and
/// what was there before stays.
pub(super) fn value(name: &SysctlName, line: &Line) -> Option<String> {
    let text = line.value.as_deref()?;
    match of_line(name, line)? {
        // Most keys are numbers, and nothing is none.
        Written::Unknown => Some(text.to_owned()).filter(|text| !text.is_empty()),
        known => known.set().map(str::to_owned),
    }
}

/// What a key is when one value is written over another: of a row, the numbers that are not given stay.
pub(super) fn over(name: &SysctlName, value: &str, before: &str) -> String {
    match kind(name) {
        Some(Type::Tuple(..) | Type::Range) => {
            let given = value.split(' ').count();
            let rest = before.split(' ').skip(given);
            value.split(' ').chain(rest).collect::<Vec<_>>().join(" ")
        }
        Some(Type::Number(_) | Type::Ports | Type::Choice | Type::Text | Type::Bool | Type::Version | Type::Words)
        | None => value.to_owned(),
    }
}
