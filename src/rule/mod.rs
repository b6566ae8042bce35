//! What a rule can be about: the kinds of subject, one file each.
//!
//! A kind declares its name, its documentation, its selectors (which subject), its metrics (what of it can be compared), how
//! it is probed, and what would fix it. Adding one touches its own file and one line of `registry`. A kind never writes: it
//! returns the changes that it would make.

pub mod cgroup;
pub mod clock;
pub mod counter;
pub mod cpu;
pub mod disk;
pub mod engine;
pub mod glob;
pub mod interface;
pub mod kernel;
mod logins;
pub mod memory;
pub mod mount;
pub mod numa;
mod origin;
pub mod ports;
pub mod power;
pub mod quiet;
mod reach;
mod registry;
pub mod rlimit;
pub mod service;
pub mod startup;
pub mod sysctl;
pub mod sysfs;
pub mod systemd;
pub mod usage;

pub use registry::{KINDS, find};

use std::any::Any;
use std::fmt;

use crate::date::Date;
use crate::diagnostic::Diagnostics;
use crate::document::shape::Field;
use crate::expr::Expr;
use crate::host::Host;
use crate::source::Place;
use crate::system::{Failure, Os, Resource, System};
use crate::value::{Comparator, Order, Type, Unit, Value};

/// How much a rule matters. Ordered: a note is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something will suffer.
    Warning,
    /// Not ready without it.
    Error,
}

/// What the vendor of the software does about it: the source of the severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// Refuses to start or to install.
    Refuses,
    /// Starts, and lowers one of its own limits.
    Degrades,
    /// Prints a warning.
    Warns,
    /// Recommends it in the documentation.
    Recommends,
    /// Sets it with its own tuner, unit file or image.
    Sets,
}

/// What a rule that speaks against a setting says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advice {
    /// The setting does nothing.
    NoEffect,
    /// The setting hurts.
    Harmful,
    /// The setting is not what it is believed to be.
    Misunderstood,
}

/// One expectation about one subject, of a profile that has been read for one operating system.
#[derive(Debug)]
pub struct Rule {
    /// Unique within its profile.
    pub id: String,
    /// Where the rule asks for it: the subject's own place.
    pub place: Place,
    /// How much it matters.
    pub severity: Severity,
    /// What the vendor does about it.
    pub vendor: Option<Vendor>,
    /// Set where the rule speaks against a setting.
    pub advice: Option<Advice>,
    /// Why, in one sentence.
    pub why: Option<String>,
    /// Where that is documented: a URL.
    pub source: Option<String>,
    /// What to do, in the author's words, where no change of a setting can do it.
    pub remedy: Option<String>,
    /// The rule applies only where all of these hold: its own condition and its file's.
    pub when: Vec<Condition>,
    /// What it is about; `None` where the rule says nothing about this operating system.
    pub subject: Option<Subject>,
}

/// A condition with its place.
#[derive(Debug, Clone)]
pub struct Condition {
    /// An expression that is true or false.
    pub expr: Expr,
    /// Where the string stands whose text the expression is.
    pub raw: Place,
    /// Whether spans in the expression are spans in the text (false for a string with escapes).
    pub exact: bool,
}

/// What a rule looks at, and what it expects there.
#[derive(Debug)]
pub struct Subject {
    /// The kind.
    pub kind: &'static dyn Kind,
    /// Which one.
    pub selectors: Selectors,
    /// What is expected of its metrics; never empty.
    pub expectations: Vec<Expectation>,
    /// The kind's table.
    pub place: Place,
}

/// What is expected of one metric.
#[derive(Debug)]
pub struct Expectation {
    /// The metric.
    pub metric: &'static Metric,
    /// The type that its value has here.
    pub value: Type,
    /// The field of a tuple that is compared, counted from 0.
    pub field: Option<usize>,
    /// The comparators with what they compare to; never empty.
    pub asked: Vec<Asked>,
    /// What a fix should write where the comparators leave a choice.
    pub prefer: Option<AskedOperand>,
}

/// One comparator with its operand as the profile has it.
#[derive(Debug)]
pub struct Asked {
    /// The comparator.
    pub comparator: Comparator,
    /// The operand, not evaluated yet.
    pub operand: AskedOperand,
    /// Where the operand stands.
    pub place: Place,
}

/// An operand before evaluation.
#[derive(Debug)]
pub enum AskedOperand {
    /// A value that needs no evaluation.
    Literal(Value),
    /// Several of them.
    Literals(Vec<Value>),
    /// A number that is computed.
    Computed(Condition),
    /// Several, some of them computed: the values of a list, the bounds of a range, the fields of a tuple.
    Mixed(Vec<AskedOperand>),
    /// Whether the bounds of a range must have the same parity.
    Parity {
        /// Same, or different.
        same: bool,
    },
    /// The TCP ports that are listened on, without those in `net.ipv4.ip_local_reserved_ports`.
    Listening,
    /// The ports in `net.ipv4.ip_local_reserved_ports`.
    Reserved,
}

/// The selectors of a subject, by name.
#[derive(Debug, Clone, Default)]
pub struct Selectors {
    entries: Vec<(&'static str, Selector, Place)>,
}

/// The value of one selector.
#[derive(Debug, Clone)]
pub enum Selector {
    /// Text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// An integer.
    Number(i128),
    /// An expression; a number once the run has begun.
    Computed(Condition),
}

impl Selectors {
    /// Adds one.
    pub fn push(&mut self, name: &'static str, value: Selector, place: Place) {
        self.entries.push((name, value, place));
    }

    /// All of them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Selector)> {
        self.entries.iter_mut().map(|(name, value, _)| (*name, value))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Selector, Place)> {
        self.entries.iter().map(|(name, value, place)| (*name, value, *place))
    }

    /// A text selector.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.entries
            .iter()
            .find(|(key, _, _)| *key == name)
            .and_then(|(_, value, _)| match value {
                Selector::Text(text) => Some(text.as_str()),
                _ => None,
            })
    }

    /// A number selector, once evaluated.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i128> {
        self.entries
            .iter()
            .find(|(key, _, _)| *key == name)
            .and_then(|(_, value, _)| match value {
                Selector::Number(number) => Some(*number),
                _ => None,
            })
    }

    /// A switch; false where it is not there.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.entries
            .iter()
            .any(|(key, value, _)| *key == name && matches!(value, Selector::Bool(true)))
    }

    /// What a switch says, where it is given.
    #[must_use]
    pub fn switch(&self, name: &str) -> Option<bool> {
        self.entries.iter().find_map(|(key, value, _)| match value {
            Selector::Bool(value) if *key == name => Some(*value),
            _ => None,
        })
    }

    /// Where a selector stands.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<Place> {
        self.entries
            .iter()
            .find(|(key, _, _)| *key == name)
            .map(|(_, _, place)| *place)
    }
}

/// Something of a subject that can be compared.
#[derive(Debug)]
pub struct Metric {
    /// Its key in the kind's table; empty for the only metric of a kind whose comparators stand in the table itself.
    pub name: &'static str,
    /// Its type; `None` where it depends on the selectors ([`Kind::type_of`]).
    pub value: Option<Type>,
    /// What it is, in a sentence.
    pub doc: &'static str,
}

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

/// What came of looking at one metric.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Its value.
    Value(Value),
    /// There is no such thing here, and that is known to be right; the text says why.
    Absent(String),
    /// It exists, or nobody can tell, and it could not be read; the text says why.
    Unreadable(String),
    /// There is no such thing anywhere: whoever asks for it took a wrong name, and it cannot be as asked. The text says why.
    NoSuch(String),
}

/// One subject that was found, with what was read of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Its name, concrete: globs are resolved.
    pub subject: String,
    /// What was read, by metric name; one entry for each metric that was asked for.
    pub readings: Vec<(&'static str, Reading)>,
    /// Evidence worth showing: which cgroup is the tightest, which process makes the noise.
    pub evidence: Vec<String>,
}

impl Observation {
    /// One metric's reading and no evidence.
    #[must_use]
    pub fn single(subject: impl Into<String>, metric: &'static str, reading: Reading) -> Self {
        Self {
            subject: subject.into(),
            readings: vec![(metric, reading)],
            evidence: Vec::new(),
        }
    }

    /// The reading of a metric.
    #[must_use]
    pub fn reading(&self, metric: &str) -> Option<&Reading> {
        self.readings
            .iter()
            .find(|(name, _)| *name == metric)
            .map(|(_, reading)| reading)
    }

    /// The value of a metric, if it was read.
    #[must_use]
    pub fn value(&self, metric: &str) -> Option<&Value> {
        match self.reading(metric) {
            Some(Reading::Value(value)) => Some(value),
            _ => None,
        }
    }
}

/// What the next boot will set something to.
#[derive(Debug, Clone, PartialEq)]
pub struct NextBoot {
    /// The metric.
    pub metric: &'static str,
    /// The value.
    pub value: Value,
    /// The file that says so.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// Which program reads it, where they differ: `systemd-sysctl`, `sysctl --system`.
    pub by: Option<&'static str>,
}

/// Where a change can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// This process may do it now.
    Here,
    /// In the same place, with more privilege.
    Privileged,
    /// The container's runtime must.
    Runtime,
    /// On the host only.
    Host,
    /// On the kernel's command line, or at the next start.
    Boot,
    /// A person must.
    Manual,
}

/// Whom a change reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One process and its children.
    Process,
    /// A network namespace.
    NetworkNamespace,
    /// An IPC namespace.
    IpcNamespace,
    /// A user, UTS or PID namespace.
    OtherNamespace,
    /// A cgroup and everything in it.
    Cgroup,
    /// The whole host.
    Host,
}

/// What a change is made to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A sysctl, by its canonical dotted name.
    Sysctl(String),
    /// A limit of a process.
    Limit(Resource, Side),
    /// An attribute under `/sys`, by its absolute path.
    Sysfs(String),
    /// A limit of the process's cgroup, by controller file (`pids.max`).
    Cgroup(String),
    /// Swap, all of it.
    Swap,
}

/// Which of the two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The soft limit.
    Soft,
    /// The hard limit.
    Hard,
}

/// One change that would be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// To what.
    pub target: Target,
    /// The value now, as the system writes it; `None` where it could not be read.
    pub from: Option<String>,
    /// The value to write, as the system takes it.
    pub to: String,
    /// Whom it reaches.
    pub scope: Scope,
    /// Of a soft limit: the hard one now, which a dialect that always names both must not lower.
    pub hard: Option<String>,
}

/// What would make a rule pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Where it can be done.
    pub reach: Reach,
    /// Why there, from evidence: `/proc/sys is mounted read-only`, `needs CAP_NET_ADMIN`.
    pub because: String,
    /// The changes, in order; empty where only a person can do something.
    pub changes: Vec<Change>,
    /// Remedies in words that follow from the observation, for the dialects that the changes do not speak for.
    pub remedies: Vec<(Dialect, String)>,
}

impl Proposal {
    /// Nothing that a program could change: a person must.
    #[must_use]
    pub fn manual(because: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            reach: Reach::Manual,
            because: because.into(),
            changes: Vec::new(),
            remedies: vec![(Dialect::Manual, what.into())],
        }
    }
}

/// For whom a remedy is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// A shell on the host.
    Host,
    /// A drop-in file that makes it last.
    Persist,
    /// `docker run` and `podman run`.
    Docker,
    /// A pod's manifest, or the node's kubelet.
    Kubernetes,
    /// A service's unit.
    Systemd,
    /// macOS.
    Macos,
    /// The kernel's command line.
    Boot,
    /// A person, in words.
    Manual,
}

/// What a probe may use.
pub struct Context<'a> {
    /// The machine.
    pub system: &'a dyn System,
    /// What is known of it.
    pub host: &'a Host<'a>,
    /// What [`Kind::sample`] returned before and after the window.
    pub samples: Option<(&'a dyn Any, &'a dyn Any)>,
    /// What a proposal is for.
    pub intent: Intent,
}

/// What [`Kind::propose`] is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// The changes that this machine needs; what is so already is no change.
    Fix,
    /// Everything that is asked for, for another place, whether it is so here or not.
    Export,
    /// The same for this machine to keep: what is not asked for, and would have to be written along with it, stays as it is.
    Keep,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("sampled", &self.samples.is_some())
            .finish_non_exhaustive()
    }
}

/// A kind of subject.
pub trait Kind: Sync {
    /// Its key in a rule.
    fn name(&self) -> &'static str;

    /// Its documentation.
    fn docs(&self) -> &'static Docs;

    /// The keys that say which subject.
    fn selectors(&self) -> &'static [Field];

    /// What can be compared. One metric with an empty name takes its comparators in the kind's own table.
    fn metrics(&self) -> &'static [Metric];

    /// Checks the selectors' values in form.
    fn check(&self, selectors: &Selectors, os: Os, sink: &mut Diagnostics) {
        let _ = (selectors, os, sink);
    }

    /// Checks on a machine what only a machine can tell: whether a name that nobody knows is one all the same. Nothing is judged with a
    /// mistake.
    fn check_here(&self, selectors: &Selectors, cx: &Context<'_>, sink: &mut Diagnostics) {
        let _ = (selectors, cx, sink);
    }

    /// The selector without which a metric means nothing.
    fn needs(&self, metric: &str) -> Option<&'static str> {
        let _ = metric;
        None
    }

    /// The only words that a metric can be; empty where it can be any.
    fn values(&self, metric: &str) -> &'static [&'static str] {
        let _ = metric;
        &[]
    }

    /// The type of a metric whose type depends on the selectors; `None` where nobody knows, and the comparators decide.
    fn type_of(&self, selectors: &Selectors, metric: &Metric, os: Os) -> Option<Type> {
        let _ = (selectors, os);
        metric.value
    }

    /// The type of a text whose type nobody knows.
    fn text_type(&self) -> Type {
        Type::Text
    }

    /// Whether it needs two samples with a pause between them.
    fn transient(&self) -> bool {
        false
    }

    /// Whether a metric of a kind that takes two samples needs them: where none does, nobody waits for the second.
    fn sampled(&self, metric: &str) -> bool {
        let _ = metric;
        self.transient()
    }

    /// Whether what fails may pass a little later by itself, so that it is worth waiting for.
    fn settles(&self) -> bool {
        false
    }

    /// The same of one metric.
    fn settles_in(&self, metric: &str) -> bool {
        let _ = metric;
        self.settles()
    }

    /// One sample.
    fn sample(&self, cx: &Context<'_>) -> Box<dyn Any> {
        let _ = cx;
        Box::new(())
    }

    /// The name of the subject, for when it was not looked at.
    fn label(&self, selectors: &Selectors) -> String;

    /// Looks at every subject that the selectors match; `wanted` are the metrics that are asked for. An empty answer means that
    /// a pattern matches nothing.
    fn probe(&self, selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation>;

    /// What the next boot will make of the subject, where files say so: by metric.
    fn next_boot(&self, observation: &Observation, cx: &Context<'_>) -> Option<NextBoot> {
        let _ = (observation, cx);
        None
    }

    /// What is wrong with a subject whatever a rule asks of it: numbers that the kernel needs in order, and that are not.
    fn disorder(&self, observation: &Observation, cx: &Context<'_>) -> Option<String> {
        let _ = (observation, cx);
        None
    }

    /// How the numbers of a row belong together, where the kernel needs them in order.
    fn order(&self, observation: &Observation) -> Option<Order> {
        let _ = observation;
        None
    }

    /// What would make the readings be `targets` (metric and value); `None` values are wishes for which no single value exists.
    fn propose(
        &self,
        selectors: &Selectors,
        observation: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Proposal;
}

impl fmt::Debug for dyn Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", self.name())
    }
}

impl Severity {
    /// That of a rule that says none, once `extends` has merged: who writes a rule means it, and a gate that was forgotten is shut.
    pub const DEFAULT: Severity = Severity::Error;

    /// Its name in profiles and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }

    /// The severity with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Severity::Note, Severity::Warning, Severity::Error]
            .into_iter()
            .find(|severity| severity.name() == name)
    }

    /// Whether `apply`, and all that writes what it would, makes what such a rule asks for: notes only where `notes` asks for them.
    #[must_use]
    pub fn is_made(self, notes: bool) -> bool {
        match self {
            Severity::Error | Severity::Warning => true,
            Severity::Note => notes,
        }
    }
}

impl Vendor {
    const ALL: [Vendor; 5] = [
        Vendor::Refuses,
        Vendor::Degrades,
        Vendor::Warns,
        Vendor::Recommends,
        Vendor::Sets,
    ];

    /// Its name in profiles and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Vendor::Refuses => "refuses",
            Vendor::Degrades => "degrades",
            Vendor::Warns => "warns",
            Vendor::Recommends => "recommends",
            Vendor::Sets => "sets",
        }
    }

    /// The one with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.name() == name)
    }
}

impl Advice {
    const ALL: [Advice; 3] = [Advice::NoEffect, Advice::Harmful, Advice::Misunderstood];

    /// Its name in profiles and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Advice::NoEffect => "no-effect",
            Advice::Harmful => "harmful",
            Advice::Misunderstood => "misunderstood",
        }
    }

    /// Whether the setting is explained and never changed: it does no harm, and whoever set it may need what it really does.
    #[must_use]
    pub fn explains(self) -> bool {
        match self {
            Advice::NoEffect | Advice::Misunderstood => true,
            Advice::Harmful => false,
        }
    }

    /// What it says of the setting, and what that means for whoever made it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Advice::NoEffect => "this setting does nothing; nothing needs to be changed",
            Advice::Harmful => "this setting hurts",
            Advice::Misunderstood => {
                "this setting is not what it is often believed to be; nothing needs to be changed, and who set it for what it really \
                 does keeps it"
            }
        }
    }

    /// The one with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|advice| advice.name() == name)
    }
}

impl Reach {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reach::Here => "here",
            Reach::Privileged => "privileged",
            Reach::Runtime => "runtime",
            Reach::Host => "host",
            Reach::Boot => "boot",
            Reach::Manual => "manual",
        }
    }
}

impl Scope {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scope::Process => "process",
            Scope::NetworkNamespace => "network namespace",
            Scope::IpcNamespace => "ipc namespace",
            Scope::OtherNamespace => "namespace",
            Scope::Cgroup => "cgroup",
            Scope::Host => "host",
        }
    }
}

impl Dialect {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Host => "host",
            Dialect::Persist => "persist",
            Dialect::Docker => "docker",
            Dialect::Kubernetes => "kubernetes",
            Dialect::Systemd => "systemd",
            Dialect::Macos => "macos",
            Dialect::Boot => "boot",
            Dialect::Manual => "manual",
        }
    }
}

/// A rule that is not to hold for a while.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// The rule's id.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// The last day on which it holds, UTC; `None` for ever.
    pub until: Option<Date>,
    /// Where it stands.
    pub place: Place,
}

/// The reading that a failure means, for a thing that is known to exist on this kind of system.
#[must_use]
pub fn reading_of(failure: &Failure, what: &str) -> Reading {
    match failure {
        Failure::Absent => Reading::Absent(format!("{what} does not exist")),
        other => Reading::Unreadable(format!("{what}: {other}")),
    }
}

/// The unit of a type's numbers.
#[must_use]
pub fn unit_of(value: Type) -> Unit {
    match value {
        Type::Number(unit) | Type::Tuple(_, unit) => unit,
        _ => Unit::Count,
    }
}
