//! Lines of sysctl.d, held against what the kernel makes of them here.

use super::taken::here;
use super::{Context, Failing, Reading, sysctl};
use crate::catalogue::{self, Written, written};
use crate::persisted::Assignment;
use crate::system::{Failure, Os, SysctlName};
use crate::value::Value;

/// `KEY = VALUE`, as a rule has it.
pub(super) fn split(line: &str) -> Option<(SysctlName, &str)> {
    let (key, value) = line.split_once('=')?;
    let name = SysctlName::parse(key.trim()).ok()?;
    Some((name, value.trim()))
}

/// Why the kernel refuses a line of the administrator's files, whatever else this machine has.
pub(super) fn refused(key: &str, line: &Assignment) -> Option<String> {
    let known = catalogue::lookup(Os::Linux, key)?;
    let why = written(key, Some(known.value), &line.value);
    why.refused().map(str::to_owned)
}

/// What to do about a line that the kernel refuses. The reason stands in it, so that every form of a report says it.
pub(super) fn correct(failing: &Failing<'_>) -> String {
    let line = failing.selectors.text("line").and_then(split);
    let why = line.and_then(|(name, text)| match here(name.dotted(), text, failing.cx) {
        Written::Refused { set, why } => Some((name, set, why)),
        Written::Whole(_) | Written::Front { .. } | Written::Unknown => None,
    });
    match why {
        Some((name, None, why)) => format!("Correct the line, which sets nothing: {} {why}.", name.dotted()),
        Some((name, Some(set), why)) => format!("Correct the line, which sets {set} alone: {} {why}.", name.dotted()),
        None => "Correct the line.".to_owned(),
    }
}

/// Whether the kernel refuses a line.
pub(super) fn refusal(line: &str, cx: &Context<'_>) -> Reading {
    if cx.system.platform().os != Os::Linux {
        return Reading::Absent("only Linux has such files".to_owned());
    }
    let Some((name, text)) = split(line) else {
        return Reading::Unreadable(format!("`{line}` is no line of sysctl.d: KEY = VALUE"));
    };
    let key = name.dotted();
    if !name.is_glob() {
        match cx.system.sysctl(key) {
            Err(Failure::Absent) => {
                return sysctl::absent(key, catalogue::lookup(Os::Linux, key), None, cx);
            }
            // It is there; what it is makes no difference.
            Ok(_) | Err(Failure::WriteOnly) => {}
            Err(failure) => return Reading::Unreadable(format!("{key}: {failure}")),
        }
    }
    match here(key, text, cx) {
        Written::Refused { .. } => Reading::Value(Value::Bool(true)),
        Written::Whole(_) | Written::Front { .. } => Reading::Value(Value::Bool(false)),
        Written::Unknown => Reading::Unreadable(format!("nobody knows what {key} takes")),
    }
}
