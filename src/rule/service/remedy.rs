//! What would make a unit what a rule asks for: `systemctl`, and a drop-in.

use super::super::{Context, Dialect, Failing, Proposal, Selectors, reach};
use crate::dialect::shell::quote;
use crate::systemd::unit::full_name;
use crate::value::{Number, Value};

/// The unit that a rule is about, with its type.
pub(super) fn unit(selectors: &Selectors) -> String {
    full_name(selectors.text("unit").unwrap_or_default())
}

/// What has a unit run, or has it started by others, or not.
pub(super) fn state(failing: &Failing<'_>) -> Proposal {
    let word = quote(&failing.observation.subject);
    // No command does anything for a unit that is not there.
    match (failing.asks("exists"), failing.switch("exists")) {
        (true, Some(false)) => return remove(failing, &word),
        (true, _) => return install(failing),
        (false, _) => {}
    }
    let commands = match (wish("enabled", failing), wish("active", failing)) {
        (Some(true), Some(true) | None) | (None, Some(true)) => format!("sudo systemctl enable --now {word}"),
        (Some(false), Some(false) | None) | (None, Some(false)) => format!("sudo systemctl disable --now {word}"),
        (Some(true), Some(false)) => format!("sudo systemctl enable {word}\nsudo systemctl stop {word}"),
        (Some(false), Some(true)) => format!("sudo systemctl disable {word}\nsudo systemctl start {word}"),
        (None, None) => return install(failing),
    };
    Proposal {
        reach: reach::of_unit(failing.cx),
        because: "starting and stopping units takes root".to_owned(),
        changes: Vec::new(),
        remedies: vec![(Dialect::Host, commands)],
    }
}

/// What a rule asks a state to be. One that it asks for and that holds is to stay, so that the command for the other must spare it.
fn wish(metric: &str, failing: &Failing<'_>) -> Option<bool> {
    if failing.targets.iter().any(|(name, _)| *name == metric) {
        return failing.switch(metric);
    }
    match failing.observation.value(metric) {
        Some(Value::Bool(on)) => Some(*on),
        Some(_) | None => None,
    }
}

/// What no command of systemd does: whether there is such a unit, and a wish that no single value satisfies.
pub(super) fn install(failing: &Failing<'_>) -> Proposal {
    let unit = &failing.observation.subject;
    Proposal::manual(
        "only a person can say how",
        format!("Install {unit}, or remove it, as the rule asks."),
    )
}

/// A unit that is to go is stopped first, where the rule says so.
fn remove(failing: &Failing<'_>, word: &str) -> Proposal {
    let stops = ["enabled", "active"]
        .into_iter()
        .any(|metric| failing.switch(metric) == Some(false));
    if !stops {
        return install(failing);
    }
    let unit = &failing.observation.subject;
    Proposal::manual(
        "only a person can say how",
        format!("Stop it (`sudo systemctl disable --now {word}`), then remove {unit}."),
    )
}

/// The lines of a drop-in for what a unit may use.
pub(super) fn limits(failing: &Failing<'_>) -> Proposal {
    let word = |number| match number {
        Number::Unlimited => "infinity".to_owned(),
        Number::Finite(number) => number.to_string(),
    };
    let line = |metric, key| failing.number(metric).map(|number| format!("{key}={}", word(number)));
    let quota = failing.number("cpu_quota").map(|share| match share {
        // Nothing takes a quota away; systemd takes whole percents.
        Number::Unlimited => "CPUQuota=".to_owned(),
        Number::Finite(share) => format!("CPUQuota={}%", (share + 99) / 100),
    });
    let lines = [
        line("tasks_max", "TasksMax"),
        line("memory_max", "MemoryMax"),
        quota,
        line("oom_score_adjust", "OOMScoreAdjust"),
    ];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    if lines.is_empty() {
        return install(failing);
    }
    let mut proposal = edit(&failing.observation.subject, &lines, failing.cx);
    let section = format!("[Service]\n{}", lines.join("\n"));
    proposal.remedies.push((Dialect::Systemd, section));
    proposal
}

/// Lines for a drop-in of a unit, by way of `systemctl edit`.
pub(in crate::rule) fn edit(unit: &str, lines: &[String], cx: &Context<'_>) -> Proposal {
    Proposal {
        reach: reach::of_unit(cx),
        because: "a unit's limits are set by root, in its file or a drop-in".to_owned(),
        changes: Vec::new(),
        remedies: vec![(
            Dialect::Host,
            format!(
                "sudo systemctl edit {word}\n    [Service]\n    {}\nsudo systemctl restart {word}",
                lines.join("\n    "),
                word = quote(unit)
            ),
        )],
    }
}
