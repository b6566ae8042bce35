//! How a finding fares later: at the next boot, and when programs start that set what it is about.

use super::resolve::ResolvedSubject;
use crate::finding::{AfterBoot, Fate};
use crate::rule::{Context, NextBoot, Observation, unit_of};
use crate::system::Os;
use crate::value::{Unit, Value, is_ordered};

/// What the next boot makes of a subject, where that turns the outcome round or may.
pub(super) fn after_boot(
    subject: &ResolvedSubject,
    observation: &Observation,
    passes_now: bool,
    next: NextBoot,
    cx: &Context<'_>,
) -> Option<AfterBoot> {
    let os = cx.system.platform().os;
    let passes = |value: &Value| passes_with(subject, observation, next.metric, value, os);
    let unit = subject
        .expectations
        .first()
        .map_or(Unit::Count, |expectation| unit_of(expectation.value));
    let show = |value: &Value| value.show(unit, cx.system.platform().page_size);
    let start = next.start.as_ref().and_then(passes);
    // A machine that nobody tuned is as the kernel starts it, and nothing is to be said of that.
    let not_set = |because: String| {
        (passes_now && start != Some(true)).then(|| AfterBoot {
            fate: Fate::NotSet,
            value: next.start.as_ref().filter(|_| start.is_some()).map(show),
            place: None,
            by: None,
            because: Some(because),
        })
    };
    let Some(set) = next.set else {
        return not_set(next.doubt.unwrap_or_else(|| "no file sets it".to_owned()));
    };
    let Some(then) = passes(&set.value) else {
        // Of a row it gives the first numbers alone, and the kernel leaves the others.
        return not_set(format!("{}:{} does not set that field", set.file, set.line));
    };
    let fate = match (passes_now, then, &next.doubt) {
        (false, true, None) => Fate::Right,
        (true, false, None) => Fate::Undone,
        (true, true, None) | (false, false, _) => return None,
        (false, true, Some(_)) => Fate::Uncertain,
        // It is right whether the line counts or not.
        (true, true, Some(_)) if start == Some(true) => return None,
        (true, _, Some(_)) => Fate::MayBeUndone,
    };
    Some(AfterBoot {
        fate,
        value: Some(show(&set.value)),
        place: Some((set.file, set.line)),
        by: set.by,
        because: next.doubt,
    })
}

/// What is said of programs as evidence, and what the next boot comes to with them: they set their keys after its files were read, and
/// whenever they start again. `next_boot` is what the files make of the finding.
pub(super) fn with_programs(
    subject: &ResolvedSubject,
    observation: &mut Observation,
    passes_now: bool,
    next_boot: Option<AfterBoot>,
    cx: &Context<'_>,
) -> Option<AfterBoot> {
    let platform = cx.system.platform();
    let mut next_boot = next_boot;
    for later in subject.kind.later(observation, cx) {
        observation.evidence.push(later.words);
        let Some(value) = &later.value else { continue };
        if passes_with(subject, observation, later.metric, value, platform.os) != Some(false) {
            continue;
        }
        let unit = subject.expectations.first();
        let unit = unit.map_or(Unit::Count, |expectation| unit_of(expectation.value));
        let value = value.show(unit, platform.page_size);
        // A file that sets it right does so in vain.
        next_boot = passes_now.then(|| AfterBoot {
            fate: Fate::MayBeUndone,
            because: Some(format!("{} sets it to {value} when it starts", later.program)),
            value: Some(value),
            place: None,
            by: Some(later.program),
        });
    }
    next_boot
}

/// Whether what is asked holds with a value; `None` where the value has not the field that is asked for.
fn passes_with(
    subject: &ResolvedSubject,
    observation: &Observation,
    metric: &str,
    value: &Value,
    os: Os,
) -> Option<bool> {
    let mut passes = true;
    for expectation in subject
        .expectations
        .iter()
        .filter(|expectation| expectation.metric.name == metric)
    {
        let value = match expectation.field {
            Some(index) => Value::Number(value.field(index)?),
            None => value.clone(),
        };
        let value = subject.ranked(&observation.subject, expectation, value, os);
        passes &= expectation
            .comparisons
            .iter()
            .all(|comparison| comparison.holds(&value));
    }
    if let (Some(_), Value::Tuple(row)) = (subject.kind.order(observation), value) {
        passes &= is_ordered(row);
    }
    Some(passes)
}
