//! What a kind of subject must tell of itself, and what it is given to look with.

use std::fmt;

use super::observation::reading_of;
use super::{Later, Metric, NextBoot, Observation, Reading, Sampler, Selectors, Window};
use crate::change::{Dialect, Proposal, Target};
use crate::diagnostic::Diagnostics;
use crate::document::shape::Field;
use crate::host::Host;
use crate::system::{Os, System};
use crate::value::{Comparator, Order, Type, Value};

/// The documentation of a kind, from which `explain`, the schema and the reference pages are made.
#[derive(Debug)]
pub struct Docs {
    /// One line.
    pub summary: &'static str,
    /// Markdown: what it reads, what the outcomes mean, what a fix does.
    pub text: &'static str,
    /// A rule that uses it, as TOML.
    pub example: &'static str,
    /// What to do on a host, in Docker, in Kubernetes, under systemd and on macOS where they differ: `(dialect, text)`.
    pub remedies: &'static [(Dialect, &'static str)],
}

/// What a probe may use.
pub struct Context<'a> {
    /// The machine.
    pub system: &'a dyn System,
    /// What is known of it.
    pub host: &'a Host<'a>,
    /// What [`Kind::sampler`] took so far.
    pub window: Option<Window<'a>>,
    /// What a proposal is for.
    pub intent: Intent,
    /// A program is about to be started: what runs already is another one, whatever its name.
    pub starting: bool,
}

/// What [`Kind::fixes`] is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// The changes that this machine needs; what is so already is no change.
    Fix,
    /// Everything that is asked for, for another place, whether it is so here or not.
    Export,
    /// The same for this machine to keep: what is not asked for, and would have to be written along with it, stays as it is.
    Keep,
}

impl Context<'_> {
    /// A file's text, trimmed; what reading it means where it has none.
    ///
    /// # Errors
    /// The reading that the failure means.
    pub fn text(&self, path: &str) -> Result<String, Reading> {
        self.host.text(path).map_err(|failure| reading_of(&failure, path))
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("sampled", &self.window.is_some())
            .finish_non_exhaustive()
    }
}

/// A kind of subject, as the rest of the program sees it. [`Table`](super::Table) is what one is made of.
pub trait Kind: Sync {
    /// Its key in a rule.
    fn name(&self) -> &'static str;

    /// Its documentation.
    fn docs(&self) -> &'static Docs;

    /// The keys that say which subject.
    fn selectors(&self) -> &'static [Field];

    /// What can be compared, by its place in the kind's table. One metric with an empty name takes its comparators in the kind's own
    /// table.
    fn metric(&self, at: usize) -> Option<&'static Metric>;

    /// Checks the selectors' values in form.
    fn check(&self, selectors: &Selectors, os: Os, sink: &mut Diagnostics);

    /// Checks on a machine what only a machine can tell: whether a name that nobody knows is one all the same. Nothing is judged with a
    /// mistake.
    fn check_here(&self, selectors: &Selectors, cx: &Context<'_>, sink: &mut Diagnostics);

    /// The type of a metric whose type depends on the selectors; `None` where nobody knows, and the comparators decide.
    fn type_of(&self, selectors: &Selectors, metric: &Metric, os: Os) -> Option<Type>;

    /// The type of a text whose type nobody knows.
    fn text_type(&self) -> Type;

    /// Begins to take samples; each call of what it returns takes one. What is read each time is opened once.
    fn sampler<'a>(&self, cx: &Context<'a>) -> Sampler<'a>;

    /// The name of the subject, for when it was not looked at.
    fn label(&self, selectors: &Selectors) -> String;

    /// What a metric of a subject is a setting of, where it is one thing that is written in the form in which it is compared: there
    /// rules meet, whatever their kinds and names. `None` where a metric follows from something else, or stands for several things.
    fn sets(&self, selectors: &Selectors, subject: &str, metric: &str) -> Option<Target>;

    /// Whether a subject that cannot be read here can be asked for elsewhere all the same, since it is known what it is.
    fn is_known_unseen(&self, subject: &str, os: Os) -> bool;

    /// Looks at every subject that the selectors match; `wanted` are the metrics that are asked for. An empty answer means that
    /// a pattern matches nothing.
    fn probe(&self, selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation>;

    /// What the next boot will make of the subject, where files say so: by metric.
    fn next_boot(&self, observation: &Observation, cx: &Context<'_>) -> Option<NextBoot>;

    /// What programs of this machine make of the subject when they start, whatever the next boot's files say.
    fn later(&self, observation: &Observation, cx: &Context<'_>) -> Vec<Later>;

    /// What is wrong with a subject whatever a rule asks of it: numbers that the kernel needs in order, and that are not.
    fn disorder(&self, observation: &Observation, cx: &Context<'_>) -> Option<String>;

    /// Numbers that stand for no limit, so that they are above every other where a rule asks for a floor or a ceiling.
    fn no_limit(&self, subject: &str, os: Os) -> &'static [i128];

    /// Why a comparator means nothing of the subject on this kernel.
    fn idle(&self, subject: &str, comparator: Comparator, cx: &Context<'_>) -> Option<String>;

    /// How the numbers of a row belong together, where the kernel needs them in order.
    fn order(&self, observation: &Observation) -> Option<Order>;

    /// What would make the metrics be `targets`: one proposal for each piece that can be done by itself.
    fn fixes(
        &self,
        selectors: &Selectors,
        observation: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Vec<Proposal>;
}

impl dyn Kind + '_ {
    /// Everything that can be compared.
    pub fn metrics(&self) -> impl Iterator<Item = &'static Metric> {
        (0..).map_while(|at| self.metric(at))
    }

    /// Whether there is more than one metric, so that a reading needs its metric's name.
    #[must_use]
    pub fn has_several(&self) -> bool {
        self.metric(1).is_some()
    }
}

impl fmt::Debug for dyn Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", self.name())
    }
}
