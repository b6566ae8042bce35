//! What bounds a limit: the other one of the pair, and for open files `fs.nr_open`.

use super::Context;
use crate::system::{Limits, Os};
use crate::value::Number;

/// A soft limit cannot be above the hard one: raising it past takes both, and so does lowering the hard one below it.
pub(super) fn together(
    mut soft: Option<Number>,
    mut hard: Option<Number>,
    now: &Limits,
) -> (Option<Number>, Option<Number>) {
    if soft.is_some_and(|soft| soft > hard.unwrap_or(now.hard)) {
        hard = soft;
    }
    if hard.is_some_and(|hard| hard < soft.unwrap_or(now.soft)) {
        soft = hard;
    }
    (soft, hard)
}

/// The ceiling of every limit on open files.
pub(super) fn nr_open(cx: &Context<'_>) -> Option<i128> {
    match cx.system.platform().os {
        Os::Linux => cx.system.sysctl("fs.nr_open").ok()?.trim().parse().ok(),
        Os::Macos | Os::Freebsd => None,
    }
}
