//! Waiting for what changes from moment to moment.

use std::time::{Duration, Instant};

use super::output::Streams;
use crate::engine::Check;
use crate::finding::{Finding, Outcome, Report};
use crate::shim;

/// How long to wait before looking again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long nothing is said while nothing changes.
const SILENCE: Duration = Duration::from_secs(10);

/// Looks again at what changes from moment to moment, until it passes or the time is up. Says what is waited for, and how long
/// still, to whoever is given: on a terminal in one line that is written anew.
///
/// Whoever ends this process meanwhile ends it at once, as PID 1 and before a program that is supervised too: nothing is half
/// done while it waits.
pub(super) fn wait(check: &Check<'_>, report: &mut Report, limit: Duration, mut to: Option<&mut Streams>) {
    let start = Instant::now();
    let mut said: Option<(Vec<String>, Instant)> = None;
    let mut endable = None;
    loop {
        let names = restless(report);
        let left = limit.saturating_sub(start.elapsed());
        if names.is_empty() || left.is_zero() {
            if let Some(streams) = to {
                streams.progress("");
            }
            return;
        }
        endable.get_or_insert_with(shim::let_signals_end);
        if let Some(streams) = to.as_deref_mut().filter(|streams| streams.messages_are_seen()) {
            streams.progress(&format!(
                "runup: waiting up to {} s for {}",
                left.as_secs().max(1),
                now(report)
            ));
            std::thread::sleep(AGAIN.min(left));
            *report = check.again(report);
            continue;
        }
        let news = said
            .as_ref()
            .is_none_or(|(before, when)| *before != names || when.elapsed() >= SILENCE);
        if news {
            if let Some(streams) = to.as_deref_mut() {
                let still = if said.is_some() { "still " } else { "" };
                streams.message(&format!(
                    "runup: {still}waiting up to {} s for {}\n",
                    left.as_secs().max(1),
                    names.join(", ")
                ));
            }
            said = Some((names, Instant::now()));
        }
        std::thread::sleep(AGAIN.min(left));
        *report = check.again(report);
    }
}

/// The rules that are waited for, each with what there is now.
fn now(report: &Report) -> String {
    let waited = report
        .findings
        .iter()
        .filter(|finding| finding.transient && matches!(finding.outcome, Outcome::Fail | Outcome::Unknown));
    let words: Vec<String> = waited
        .map(|finding| match finding.actual.as_str() {
            "" => finding.rule.clone(),
            actual => format!("{} ({actual})", finding.rule),
        })
        .collect();
    words.join(", ")
}

/// The rules that may pass when they are looked at again.
fn restless(report: &Report) -> Vec<String> {
    let mut names: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| finding.transient && matches!(finding.outcome, Outcome::Fail | Outcome::Unknown))
        .map(Finding::name)
        .collect();
    names.dedup();
    names
}
