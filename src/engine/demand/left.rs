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
        return Some(no_setting(planned, proposals.first()));
    };
    let is_for_people = |proposal: &Proposal| matches!(proposal.reach, Reach::Manual | Reach::Boot);
    changing.all(is_for_people).then(|| first.because.clone())
}

/// That no setting does it, and what does.
pub(super) fn no_setting(planned: &Planned<'_>, proposal: Option<&Proposal>) -> String {
    if let Some(text) = &planned.rule.remedy {
        return format!("no single setting does it: {text}");
    }
    let said = |wanted: Dialect| {
        let remedies = proposal.into_iter().flat_map(|proposal| &proposal.remedies);
        let mut found = remedies.filter(|(dialect, _)| *dialect == wanted);
        found.next().map(|(_, text)| text.clone())
    };
    match (said(Dialect::Boot), said(Dialect::Persist), proposal) {
        (Some(text), ..) => text,
        (None, Some(text), _) => format!("by itself: {text}"),
        (None, None, Some(proposal)) if !proposal.because.is_empty() && said(Dialect::Manual).is_none() => {
            proposal.because.clone()
        }
        _ => "it is about the state of the machine, and no setting does it".to_owned(),
    }
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
