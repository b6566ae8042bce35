//! Fixes of one subject that different rules ask for: following one must not undo another.

use crate::finding::{Finding, Outcome};
use crate::host::Host;
use crate::remedy;
use crate::rule::{Change, Target};
use crate::value::Number;

/// Makes every fix of a number go as far as the farthest one that is asked for, where all go the same way.
pub(super) fn agree(findings: &mut [Finding], host: &Host<'_>) {
    let mut farthest: Vec<(Target, Number)> = Vec::new();
    let mut shared = false;
    for change in findings.iter().flat_map(changes) {
        let Some((from, to)) = numbers(change) else { continue };
        match farthest.iter_mut().find(|(target, _)| *target == change.target) {
            None => farthest.push((change.target.clone(), to)),
            Some((_, known)) if *known != to && (*known > from) == (to > from) => {
                shared = true;
                *known = if to > from { to.max(*known) } else { to.min(*known) };
            }
            Some(_) => {}
        }
    }
    if !shared {
        return;
    }
    for finding in findings.iter_mut().filter(|finding| finding.outcome == Outcome::Fail) {
        let Some(fix) = &mut finding.fix else { continue };
        let mut moved = false;
        for change in &mut fix.proposal.changes {
            let Some((from, to)) = numbers(change) else { continue };
            let known = farthest.iter().find(|(target, _)| *target == change.target);
            if let Some((_, best)) = known
                && *best != to
                && (*best > from) == (to > from)
            {
                change.to = best.to_string();
                moved = true;
            }
        }
        if moved {
            fix.remedies = remedy::render(&fix.proposal, host);
            fix.here = remedy::dialect_here(&fix.proposal, &fix.remedies, host);
        }
    }
}

fn changes(finding: &Finding) -> impl Iterator<Item = &Change> {
    finding
        .fix
        .iter()
        .filter(|_| finding.outcome == Outcome::Fail)
        .flat_map(|fix| &fix.proposal.changes)
}

fn numbers(change: &Change) -> Option<(Number, Number)> {
    let from = Number::parse(change.from.as_deref()?).ok()?;
    let to = Number::parse(&change.to).ok()?;
    Some((from, to))
}
