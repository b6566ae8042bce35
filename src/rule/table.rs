//! A kind as a table of metrics, from which everything else follows.

use super::row::{Evidence, Failing, Joint, Mend, Row, Way};
use super::{Context, Docs, Kind, Later, Metric, NextBoot, Observation, Reading, Sampler, Selectors};
use crate::change::{Proposal, Target};
use crate::diagnostic::Diagnostics;
use crate::document::shape::Field;
use crate::system::Os;
use crate::value::{Comparator, Order, Type, Value};

/// A kind of subject, by what it has of its own. [`Kind`] is what the rest of the program sees of it.
pub trait Table: Sync + 'static {
    /// What one look at a subject sees, from which its metrics are read.
    type Seen: 'static;

    /// Its key in a rule.
    const NAME: &'static str;

    /// Its documentation.
    const DOCS: &'static Docs;

    /// The keys that say which subject.
    const SELECTORS: &'static [Field] = &[];

    /// What can be compared. One metric with an empty name takes its comparators in the kind's own table.
    const ROWS: &'static [Row<Self::Seen>];

    /// Looks at every subject that the selectors match. An empty answer means that a pattern matches nothing. What costs much is
    /// looked at when a metric is read that needs it.
    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Self::Seen>>;

    /// The name of the subject, for when it was not looked at.
    fn label(&self, selectors: &Selectors) -> String {
        let _ = selectors;
        Self::NAME.to_owned()
    }

    /// Adds evidence that follows from what was read of all metrics that were asked for.
    fn remark(&self, selectors: &Selectors, observation: &mut Observation, cx: &Context<'_>) {
        let _ = (selectors, observation, cx);
    }

    /// Checks the selectors' values in form.
    fn check(&self, selectors: &Selectors, os: Os, sink: &mut Diagnostics) {
        let _ = (selectors, os, sink);
    }

    /// See [`Kind::check_here`].
    fn check_here(&self, selectors: &Selectors, cx: &Context<'_>, sink: &mut Diagnostics) {
        let _ = (selectors, cx, sink);
    }

    /// See [`Kind::type_of`].
    fn type_of(&self, selectors: &Selectors, metric: &Metric, os: Os) -> Option<Type> {
        let _ = (selectors, os);
        metric.value
    }

    /// See [`Kind::text_type`].
    fn text_type(&self) -> Type {
        Type::Text
    }

    /// See [`Kind::sampler`].
    fn sampler<'a>(&self, cx: &Context<'a>) -> Sampler<'a> {
        let _ = cx;
        Box::new(|| Box::new(()))
    }

    /// See [`Kind::sets`].
    fn sets(&self, selectors: &Selectors, subject: &str, metric: &str) -> Option<Target> {
        let _ = (selectors, subject, metric);
        None
    }

    /// See [`Kind::is_known_unseen`].
    fn is_known_unseen(&self, subject: &str, os: Os) -> bool {
        let _ = (subject, os);
        false
    }

    /// See [`Kind::next_boot`].
    fn next_boot(&self, observation: &Observation, cx: &Context<'_>) -> Option<NextBoot> {
        let _ = (observation, cx);
        None
    }

    /// See [`Kind::later`].
    fn later(&self, observation: &Observation, cx: &Context<'_>) -> Vec<Later> {
        let _ = (observation, cx);
        Vec::new()
    }

    /// See [`Kind::disorder`].
    fn disorder(&self, observation: &Observation, cx: &Context<'_>) -> Option<String> {
        let _ = (observation, cx);
        None
    }

    /// See [`Kind::no_limit`].
    fn no_limit(&self, subject: &str, os: Os) -> &'static [i128] {
        let _ = (subject, os);
        &[]
    }

    /// See [`Kind::idle`].
    fn idle(&self, subject: &str, comparator: Comparator, cx: &Context<'_>) -> Option<String> {
        let _ = (subject, comparator, cx);
        None
    }

    /// See [`Kind::order`].
    fn order(&self, observation: &Observation) -> Option<Order> {
        let _ = observation;
        None
    }
}

/// One subject that was looked at.
#[derive(Debug)]
pub struct Found<S> {
    /// Its name, concrete: globs are resolved.
    pub subject: String,
    /// What was seen; where nothing could be, what that means for every metric.
    pub seen: Result<S, Reading>,
    /// Evidence that holds for all metrics.
    pub evidence: Evidence,
}

impl<S> Found<S> {
    /// Without evidence.
    pub fn new(subject: impl Into<String>, seen: Result<S, Reading>) -> Self {
        Self {
            subject: subject.into(),
            seen,
            evidence: Vec::new(),
        }
    }
}

fn row<T: Table + ?Sized>(metric: &str) -> Option<&'static Row<T::Seen>> {
    T::ROWS.iter().find(|row| row.metric.name == metric)
}

impl<T: Table> Kind for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn docs(&self) -> &'static Docs {
        T::DOCS
    }

    fn selectors(&self) -> &'static [Field] {
        T::SELECTORS
    }

    fn metric(&self, at: usize) -> Option<&'static Metric> {
        T::ROWS.get(at).map(|row| &row.metric)
    }

    fn check(&self, selectors: &Selectors, os: Os, sink: &mut Diagnostics) {
        Table::check(self, selectors, os, sink);
    }

    fn check_here(&self, selectors: &Selectors, cx: &Context<'_>, sink: &mut Diagnostics) {
        Table::check_here(self, selectors, cx, sink);
    }

    fn type_of(&self, selectors: &Selectors, metric: &Metric, os: Os) -> Option<Type> {
        Table::type_of(self, selectors, metric, os)
    }

    fn text_type(&self) -> Type {
        Table::text_type(self)
    }

    fn sampler<'a>(&self, cx: &Context<'a>) -> Sampler<'a> {
        Table::sampler(self, cx)
    }

    fn label(&self, selectors: &Selectors) -> String {
        Table::label(self, selectors)
    }

    fn sets(&self, selectors: &Selectors, subject: &str, metric: &str) -> Option<Target> {
        Table::sets(self, selectors, subject, metric)
    }

    fn is_known_unseen(&self, subject: &str, os: Os) -> bool {
        Table::is_known_unseen(self, subject, os)
    }

    fn probe(&self, selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let found = self.look(selectors, cx).into_iter();
        let observed = found.map(|found| {
            let mut evidence = found.evidence;
            let mut read = |metric: &'static str| match (&found.seen, row::<T>(metric)) {
                (Ok(seen), Some(row)) => (row.read)(seen, cx, &mut evidence),
                (Err(reading), _) => reading.clone(),
                (Ok(_), None) => Reading::Unreadable(format!("{} has no metric {metric}", T::NAME)),
            };
            let readings = wanted.iter().map(|metric| (*metric, read(metric))).collect();
            let mut observation = Observation {
                subject: found.subject,
                readings,
                evidence,
            };
            self.remark(selectors, &mut observation, cx);
            observation
        });
        observed.collect()
    }

    fn next_boot(&self, observation: &Observation, cx: &Context<'_>) -> Option<NextBoot> {
        Table::next_boot(self, observation, cx)
    }

    fn later(&self, observation: &Observation, cx: &Context<'_>) -> Vec<Later> {
        Table::later(self, observation, cx)
    }

    fn disorder(&self, observation: &Observation, cx: &Context<'_>) -> Option<String> {
        Table::disorder(self, observation, cx)
    }

    fn no_limit(&self, subject: &str, os: Os) -> &'static [i128] {
        Table::no_limit(self, subject, os)
    }

    fn idle(&self, subject: &str, comparator: Comparator, cx: &Context<'_>) -> Option<String> {
        Table::idle(self, subject, comparator, cx)
    }

    fn order(&self, observation: &Observation) -> Option<Order> {
        Table::order(self, observation)
    }

    /// In the order of the table, whatever the order in the rule: a kind may need one before the other.
    fn fixes(
        &self,
        selectors: &Selectors,
        observation: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Vec<Proposal> {
        let propose = |mend: Mend, targets: &[(&'static str, Option<Value>)]| {
            mend(&Failing {
                selectors,
                observation,
                targets,
                cx,
            })
        };
        let mut proposals = Vec::new();
        let mut done: Vec<&'static Joint> = Vec::new();
        for line in T::ROWS {
            let is_own = |(metric, _): &&(&'static str, Option<Value>)| *metric == line.metric.name;
            match line.way {
                Way::Own(mend) => {
                    let own: Vec<_> = targets.iter().filter(is_own).cloned().collect();
                    if !own.is_empty() {
                        proposals.push(propose(mend, &own));
                    }
                }
                Way::Joint(joint) => {
                    let is_known = done.iter().any(|known| std::ptr::eq(*known, joint));
                    if is_known || !targets.iter().any(|target| is_own(&target)) {
                        continue;
                    }
                    let has = |metric: &str| match row::<T>(metric).map(|row| row.way) {
                        Some(Way::Joint(other)) => std::ptr::eq(other, joint),
                        Some(Way::Own(_)) | None => false,
                    };
                    let all: Vec<_> = targets.iter().filter(|(metric, _)| has(metric)).cloned().collect();
                    proposals.push(propose(joint.0, &all));
                    done.push(joint);
                }
            }
        }
        proposals
    }
}
