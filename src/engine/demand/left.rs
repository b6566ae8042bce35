//! Why a rule is left out of a file.

use super::super::{Planned, ResolvedSubject};
use super::wanted::{LeftOver, Wanted};
use crate::catalogue::{self, Write};
use crate::recording::is_secret;
use crate::rule::{Context, Dialect, Observation, Proposal, Reach, Reading, Target};

pub(super) fn left_over(planned: &Planned<'_>, subject: &str, reason: impl Into<String>) -> LeftOver {
    LeftOver {
        rule: planned.name(),
        subject: subject.to_owned(),
        reason: reason.into(),
    }
}

/// Why a subject that was looked at cannot be set on a machine like this one.
pub(super) fn not_here(subject: &ResolvedSubject, observation: &Observation, cx: &Context<'_>) -> Option<String> {
    let os = cx.system.platform().os;
    let reason = |metric: &str| match observation.reading(metric) {
        Some(Reading::Value(_)) => None,
        Some(Reading::Absent(why) | Reading::NoSuch(why)) => Some(why.clone()),
        Some(Reading::Unreadable(_)) if subject.kind.is_known_unseen(&observation.subject, os) => None,
        Some(Reading::Unreadable(why)) => Some(why.clone()),
        None => Some("it was not looked at".to_owned()),
    };
    let mut reasons = subject.expectations.iter().map(|asked| reason(asked.metric.name));
    reasons
        .next()
        .flatten()
        .filter(|_| reasons.all(|reason| reason.is_some()))
}

/// Why nothing of what is proposed can be exported.
pub(super) fn refusal(planned: &Planned<'_>, proposals: &[Proposal]) -> Option<String> {
    let mut changing = proposals.iter().filter(|proposal| !proposal.changes.is_empty());
    let Some(first) = changing.clone().next() else {
        return Some(no_setting(planned, proposals));
    };
    let is_for_people = |proposal: &Proposal| matches!(proposal.reach, Reach::Manual | Reach::Boot);
    changing.all(is_for_people).then(|| first.because.clone())
}

/// That no setting does it, and what does: for each thing that would have to be done.
pub(super) fn no_setting(planned: &Planned<'_>, proposals: &[Proposal]) -> String {
    if let Some(text) = &planned.rule.remedy {
        return format!("no single setting does it: {text}");
    }
    let of_the_state = || "it is about the state of the machine, and no setting does it".to_owned();
    if proposals.is_empty() {
        return of_the_state();
    }
    let mut ways: Vec<String> = Vec::new();
    for proposal in proposals {
        let way = by_other_ways(proposal).unwrap_or_else(of_the_state);
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways.join("; ")
}

/// What does something that no file sets.
fn by_other_ways(proposal: &Proposal) -> Option<String> {
    let said = |wanted: Dialect| {
        let mut found = proposal.remedies.iter().filter(|(dialect, _)| *dialect == wanted);
        found.next().map(|(_, text)| text.clone())
    };
    let at_boot = said(Dialect::Boot);
    at_boot
        .or_else(|| said(Dialect::Persist).map(|text| format!("by itself: {text}")))
        .or_else(|| {
            let is_told = !proposal.because.is_empty() && said(Dialect::Manual).is_none();
            is_told.then(|| proposal.because.clone())
        })
}

/// Why a thing is written to no file, whatever its form.
pub(super) fn never(wanted: &Wanted, cx: &Context<'_>) -> Option<&'static str> {
    let values = || wanted.asked.iter().chain([&wanted.kept]);
    if values().any(|value| value.chars().any(|c| c.is_control() && !c.is_ascii_whitespace())) {
        return Some("its value has control characters");
    }
    let Target::Sysctl(key) = &wanted.target else {
        return None;
    };
    if crate::text::is_raw(key) {
        return Some("its name is not UTF-8 text, which a file here is");
    }
    let known = catalogue::lookup(cx.system.platform().os, key);
    if known.is_some_and(|known| known.secret) || is_secret(key) {
        return Some("its value is a secret");
    }
    if values().any(|value| value == "unlimited") {
        return Some("a sysctl cannot be without bound");
    }
    match known.map(|known| known.write) {
        Some(Write::Never) => Some("runup never writes this key: it names a program or does damage"),
        Some(Write::ReadOnly) => Some("the kernel only reports it"),
        _ => None,
    }
}
