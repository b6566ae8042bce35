//! What the rules ask for, whether they pass or not: what a file for another place is made of.
//!
//! Rules about the same thing are taken together, so that there is one value for it and all of them hold.

use super::super::{Check, Planned, ResolvedSubject, State};
use super::claim::Claim;
use super::clash::Claims;
use super::group::Group;
use super::groups::Groups;
use super::left::{left_over, no_setting, not_here};
use super::thing::Thing;
use super::wanted::{Collection, Contradiction, LeftOver, Wishes};
use crate::date::date_of;
use crate::rule::{Context, Intent, Observation};

/// What is being brought together.
struct Meeting<'a> {
    /// By the kind, which speaks for all metrics of a subject at once, and the first of them.
    groups: Groups<(&'static str, Thing), Group<'a>>,
    /// All claims, those of notes that are left out too: they ask for nothing here, and a file that contradicts one is a
    /// contradiction still.
    claims: Claims<'a>,
}

impl Check<'_> {
    /// Looks at the machine for what the rules ask of it, whether they pass or not.
    #[must_use]
    pub fn wishes(&self) -> Wishes {
        let cx = Context {
            system: self.host.system,
            host: self.host,
            window: None,
            intent: Intent::Export,
            starting: false,
        };
        let mut collected = Collection::default();
        let mut meeting = Meeting {
            groups: Groups::new(),
            claims: Claims::new(),
        };
        for planned in &self.planned {
            let left = self.meet(planned, &cx, &mut meeting);
            collected.wishes.left.extend(left);
        }
        collected.wishes.contradictions = self.contradictions(&meeting.claims);
        for group in meeting.groups.into_values() {
            group.ask(&cx, &mut collected);
        }
        collected.finish()
    }

    /// Brings a rule together with the others about the same subjects, or says why it has no part in a file.
    fn meet<'s>(&'s self, planned: &'s Planned<'_>, cx: &Context<'_>, meeting: &mut Meeting<'s>) -> Vec<LeftOver> {
        let subject = planned.rule.subject.as_ref();
        let label = subject.map_or_else(String::new, |subject| subject.kind.label(&subject.selectors));
        let subject = match self.settable(planned) {
            Ok(subject) => subject,
            Err(reason) => return vec![left_over(planned, &label, reason)],
        };
        let metrics: Vec<&'static str> = subject.expectations.iter().map(|asked| asked.metric.name).collect();
        let observations = subject.kind.probe(&subject.selectors, &metrics, cx);
        if observations.is_empty() {
            return vec![left_over(planned, &label, "nothing here matches")];
        }
        let is_made = planned.rule.severity.is_made(!self.options.leave_notes);
        let mut left = Vec::new();
        for observation in observations {
            if let Some(reason) = not_here(subject, &observation, cx) {
                left.push(left_over(planned, &observation.subject, reason));
                continue;
            }
            if !is_made {
                left.extend(left_note(planned, subject, &observation, cx));
            }
            let first = subject.kind.metric(0).map_or("", |metric| metric.name);
            for claim in Claim::all(planned, subject) {
                meeting.claims.add(claim, &observation.subject, cx.host);
            }
            if is_made {
                let thing = Thing::of(subject, &observation.subject, first, cx.host);
                let new = || Group::of(observation.subject.clone());
                let group = meeting.groups.entry((subject.kind.name(), thing), new);
                group.claims.extend(Claim::all(planned, subject));
                group.see(observation);
            }
        }
        left
    }

    /// What a rule expects, where a file could speak for it; else why none can.
    fn settable<'s>(&self, planned: &'s Planned<'_>) -> Result<&'s ResolvedSubject, String> {
        if let Some((waiver, true)) = planned.waiver(date_of(self.host.system.now())) {
            return Err(format!("waived: {}", waiver.reason));
        }
        if let Some(advice) = planned.rule.advice.filter(|advice| advice.explains()) {
            return Err(advice.words().to_owned());
        }
        match &planned.state {
            State::Decided(_, reason) => Err(reason.clone()),
            State::Ready(subject) if subject.needs_samples() => Err(no_setting(planned, &[])),
            State::Ready(subject) => Ok(subject),
        }
    }

    /// Claims that contradict each other, where at least one of the two is made.
    fn contradictions(&self, claims: &Claims<'_>) -> Vec<Contradiction> {
        let page_size = self.host.system.platform().page_size;
        let is_made = |claim: &Claim<'_>| claim.planned.rule.severity.is_made(!self.options.leave_notes);
        let clashes = claims
            .clashes(&|left, right| (is_made(left) || is_made(right)) && !std::ptr::eq(left.planned, right.planned));
        let said = clashes.into_iter().map(|clash| Contradiction {
            sides: [0, 1].map(|at| (clash.sides[at].claim.planned.name(), clash.words(at, page_size))),
            names: clash.sides.map(|side| side.name.clone()),
            subject: clash.subject,
        });
        said.collect()
    }
}

/// Why a note asks for nothing, which is its being one only where it could ask.
fn left_note(
    planned: &Planned<'_>,
    subject: &ResolvedSubject,
    observation: &Observation,
    cx: &Context<'_>,
) -> Vec<LeftOver> {
    let mut alone = Group::of(observation.subject.clone());
    alone.see(observation.clone());
    alone.claims.extend(Claim::all(planned, subject));
    let mut would = Collection::default();
    alone.ask(cx, &mut would);
    if would.wishes.wanted.is_empty() {
        return would.wishes.left;
    }
    let reason = "it is a note, and without --notes those are left out";
    vec![left_over(planned, &observation.subject, reason)]
}
