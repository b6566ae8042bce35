//! What a rule can be about: the kinds of subject, one file each.
//!
//! A kind declares its name, its documentation, its selectors (which subject), its metrics (what of it can be compared), how
//! it is probed, and what would fix it. Adding one touches its own file and one line of `registry`. A kind never writes: it
//! returns the changes that it would make.

mod bounds;
pub mod cgroup;
pub mod clock;
pub mod counter;
pub mod cpu;
pub mod disk;
pub mod engine;
pub mod glob;
pub mod interface;
pub mod kernel;
mod kind;
mod line;
mod logins;
pub mod memory;
mod metric;
pub mod mount;
pub mod numa;
mod observation;
mod origin;
pub mod ports;
pub mod power;
pub mod quiet;
mod reach;
mod registry;
pub mod rlimit;
mod row;
mod selectors;
pub mod service;
pub mod speech;
pub mod startup;
pub mod sysctl;
pub mod sysfs;
pub mod systemd;
mod table;
pub mod taken;
pub mod usage;
mod window;

pub use crate::change::{Change, Dialect, Proposal, Reach, Scope, Side, Target};
pub use crate::severity::{Advice, Severity, Vendor};
pub use kind::{Context, Docs, Intent, Kind};
pub use metric::{Metric, Over, Said, Veil};
pub use observation::{Later, NextBoot, Observation, Reading, SetAtBoot, reading_of};
pub use registry::{KINDS, find};
pub use row::{Evidence, Failing, Joint, Mend, Row, Way};
pub use selectors::{Selector, Selectors};
pub use table::{Found, Table};
pub use window::{Sampler, Window};

use crate::date::Date;
use crate::expr::Expr;
use crate::source::Place;
use crate::system::Os;
use crate::value::{Comparator, Type, Unit, Value};

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
    /// The systems that it speaks of, where it names any.
    pub systems: Vec<Os>,
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

impl Subject {
    /// The settings that it asks for, as far as they can be told without looking; a pattern is one name.
    pub fn sets(&self) -> impl Iterator<Item = Target> {
        let label = self.kind.label(&self.selectors);
        let of = move |asked: &Expectation| self.kind.sets(&self.selectors, &label, asked.metric.name);
        self.expectations.iter().filter_map(of)
    }
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

/// The unit of a type's numbers.
#[must_use]
pub fn unit_of(value: Type) -> Unit {
    match value {
        Type::Number(unit) | Type::Tuple(_, unit) => unit,
        _ => Unit::Count,
    }
}
