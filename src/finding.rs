//! What came of evaluating rules: the one result model that every report is made from.

use crate::change::{Change, Dialect, Proposal};
use crate::gate::Gate;
use crate::severity::{Advice, Severity, Vendor};
use crate::source::Place;

/// The outcome of one rule on one subject. Never merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It is not as it should be.
    Fail,
    /// It exists, or nobody can tell, and it could not be read.
    Unknown,
    /// It would not be `pass`, and a waiver says that this is accepted for now.
    Waived,
    /// It is as it should be.
    Pass,
    /// There is no such subject here, or the rule's `when` is false.
    NotApplicable,
}

impl Outcome {
    /// Its name in every format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::Unknown => "unknown",
            Outcome::NotApplicable => "n/a",
            Outcome::Waived => "waived",
        }
    }
}

/// What came of one rule on one subject.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The profile that was named on the command line.
    pub profile: String,
    /// The rule's id.
    pub rule: String,
    /// The kind of subject; empty where the rule says nothing about this operating system.
    pub kind: &'static str,
    /// The subject, concrete.
    pub subject: String,
    /// The outcome.
    pub outcome: Outcome,
    /// How much it matters.
    pub severity: Severity,
    /// What the vendor does about it.
    pub vendor: Option<Vendor>,
    /// Set where the rule speaks against a setting.
    pub advice: Option<Advice>,
    /// What was asked for, in words.
    pub expected: String,
    /// What there is; empty where nothing was read.
    pub actual: String,
    /// Why this is the outcome, in one sentence.
    pub reason: String,
    /// How computed numbers came about: `connections + 1024 = 11024`.
    pub trace: Vec<String>,
    /// More of what was seen.
    pub evidence: Vec<String>,
    /// Why the rule exists.
    pub why: Option<String>,
    /// Where that is documented.
    pub source: Option<String>,
    /// Where the rule asks for it.
    pub origin: Place,
    /// What would make it pass; only for `fail`.
    pub fix: Option<Fix>,
    /// The reason of the waiver that holds, or of one that held until it ran out. What passes has one only where the next boot undoes
    /// it, and the waiver holds.
    pub waiver: Option<String>,
    /// Whether looking again later may give another answer.
    pub transient: bool,
    /// Set where the next boot turns the outcome round, or nobody can promise that it does not.
    pub next_boot: Option<AfterBoot>,
}

/// How a finding fares at the next boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It fails now, and will be as it should.
    Right,
    /// It fails now; a file sets it right, and something stands against that.
    Uncertain,
    /// It passes now, and will not.
    Undone,
    /// It passes now, and something may undo it.
    MayBeUndone,
    /// It passes now, and nothing sets it at boot.
    NotSet,
}

impl Fate {
    /// Its name in every format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fate::Right => "right",
            Fate::Uncertain => "uncertain",
            Fate::Undone => "undone",
            Fate::MayBeUndone => "may-be-undone",
            Fate::NotSet => "not-set",
        }
    }
}

/// What the next boot makes of a finding that it turns round, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfterBoot {
    /// How it fares.
    pub fate: Fate,
    /// The value that is set then, or that the kernel starts with where nothing sets it; `None` where that is not known.
    pub value: Option<String>,
    /// The file that says so, and the line, counted from 1; `None` where no file does.
    pub place: Option<(String, u32)>,
    /// Which program reads it, where the two that could do it differ; or sets it, where no file does.
    pub by: Option<&'static str>,
    /// Why it is not certain.
    pub because: Option<String>,
}

impl AfterBoot {
    /// Whether it will be as it should; `None` where nobody can tell.
    #[must_use]
    pub fn passes(&self) -> Option<bool> {
        match self.fate {
            Fate::Right => Some(true),
            Fate::Undone => Some(false),
            Fate::NotSet => self.value.is_some().then_some(false),
            Fate::Uncertain | Fate::MayBeUndone => None,
        }
    }

    /// What the next boot does, in words that follow `the next boot`.
    #[must_use]
    pub fn words(&self) -> String {
        let value = self.value.as_deref().unwrap_or_default();
        let place = self.place.as_ref().map_or_else(String::new, |(file, line)| {
            let by = self.by.map(|by| format!(", read by {by}")).unwrap_or_default();
            format!(" ({file}:{line}{by})")
        });
        let because = self.because.as_deref().unwrap_or_default();
        match self.fate {
            Fate::Right => format!("sets it right: {value}{place}"),
            Fate::Uncertain => format!("may not set it right: {because}; {value} is set{place}"),
            Fate::Undone => format!("undoes it: {value}{place}"),
            Fate::MayBeUndone if self.place.is_none() => format!("may undo it: {because}"),
            Fate::MayBeUndone => format!("may undo it: {because}; {value} is set{place}"),
            Fate::NotSet if self.value.is_some() => format!("undoes it: {because}, and the kernel starts with {value}"),
            Fate::NotSet => format!("may undo it: {because}, and what the kernel starts with is not known"),
        }
    }
}

impl Finding {
    /// What there is and what should be, in one line.
    #[must_use]
    pub fn in_a_line(&self) -> String {
        format!("{}: {}, should be {}", self.subject, self.actual, self.expected)
    }

    /// `profile/rule`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.profile, self.rule)
    }

    /// Whether it keeps a run with this gate from being ready.
    #[must_use]
    pub fn blocks(&self, gate: Gate) -> bool {
        let now = matches!(self.outcome, Outcome::Fail | Outcome::Unknown);
        let later = gate.boot && self.not_kept_by_boot().is_some() && self.waiver.is_none();
        self.severity >= gate.level && (now || later)
    }

    /// What the next boot makes of a rule that passes now, where nothing promises that it will then.
    #[must_use]
    pub fn not_kept_by_boot(&self) -> Option<&AfterBoot> {
        let next = self.next_boot.as_ref()?;
        match next.fate {
            Fate::Undone | Fate::MayBeUndone | Fate::NotSet => Some(next),
            Fate::Right | Fate::Uncertain => None,
        }
    }

    /// The same, where something speaks for its being undone: not where all that is known is that nothing sets it, since a
    /// machine that nobody tuned has that of most keys.
    #[must_use]
    pub fn undone_by_boot(&self) -> Option<&AfterBoot> {
        self.not_kept_by_boot()
            .filter(|next| next.fate != Fate::NotSet || next.value.is_some())
    }

    /// What the next boot makes of it, as far as a report with this gate says it without being asked.
    #[must_use]
    pub fn boot_to_say(&self, gate: Gate) -> Option<&AfterBoot> {
        match gate.boot {
            true => self.not_kept_by_boot(),
            false => self.undone_by_boot(),
        }
    }
}

/// What would make a finding pass: for each metric that fails, or for those that are written in one piece, a part of its own, which can
/// be done whether the others can or not.
#[derive(Debug, Clone)]
pub struct Fix {
    /// Never empty; in the order of the kind's table.
    pub parts: Vec<Part>,
    /// What the guards of the catalogue say against making these changes by hand, alone and at once: a sentence for each.
    pub dangers: Vec<String>,
}

/// What can be done by itself.
#[derive(Debug, Clone)]
pub struct Part {
    /// Where it can be done, the changes, and why there.
    pub proposal: Proposal,
    /// What to do, for whom, in the order of [`Dialect`].
    pub remedies: Vec<(Dialect, String)>,
    /// The dialect of the place that the check ran in.
    pub here: Option<Dialect>,
}

impl Part {
    /// The remedy for the place that the check ran in.
    #[must_use]
    pub fn remedy_here(&self) -> Option<(Dialect, &str)> {
        let here = self.here?;
        self.remedies
            .iter()
            .find(|(dialect, _)| *dialect == here)
            .map(|(dialect, text)| (*dialect, text.as_str()))
    }
}

impl Fix {
    /// What whoever makes the changes by hand must know, in words; empty where nothing speaks against it.
    #[must_use]
    pub fn warning(&self) -> String {
        if self.dangers.is_empty() {
            return String::new();
        }
        format!(
            "{}. `runup apply` makes it only where it does no harm, or with `--allow risky`",
            self.dangers.join("; ")
        )
    }

    /// Every change of every part.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.parts.iter().flat_map(|part| &part.proposal.changes)
    }

    /// The part that speaks for the whole: the first that changes something, or else the first.
    #[must_use]
    pub fn lead(&self) -> Option<&Part> {
        let mut parts = self.parts.iter();
        parts
            .find(|part| !part.proposal.changes.is_empty())
            .or_else(|| self.parts.first())
    }

    /// The remedies for the place that the check ran in: one for each part.
    pub fn remedies_here(&self) -> impl Iterator<Item = (Dialect, &str)> {
        self.parts.iter().filter_map(Part::remedy_here)
    }

    /// What to do for all parts, for whom, in the order of [`Dialect`].
    #[must_use]
    pub fn remedies(&self) -> Vec<(Dialect, String)> {
        let mut all: Vec<(Dialect, String)> = Vec::new();
        let mut said: Vec<&(Dialect, String)> = Vec::new();
        for remedy in self.parts.iter().flat_map(|part| &part.remedies) {
            // Two metrics may be put right by the same words.
            if said.contains(&remedy) {
                continue;
            }
            said.push(remedy);
            let (dialect, text) = remedy;
            match all.iter_mut().find(|(known, _)| known == dialect) {
                Some((_, known)) => *known = format!("{known}\n{text}"),
                None => all.push((*dialect, text.clone())),
            }
        }
        all.sort_by_key(|(dialect, _)| *dialect);
        all
    }
}

/// How many findings there are of each outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Passed.
    pub pass: usize,
    /// Failed.
    pub fail: usize,
    /// Unknown.
    pub unknown: usize,
    /// Not applicable.
    pub not_applicable: usize,
    /// Waived.
    pub waived: usize,
}

impl Summary {
    /// Counts.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let mut summary = Self::default();
        for finding in findings {
            *match finding.outcome {
                Outcome::Pass => &mut summary.pass,
                Outcome::Fail => &mut summary.fail,
                Outcome::Unknown => &mut summary.unknown,
                Outcome::NotApplicable => &mut summary.not_applicable,
                Outcome::Waived => &mut summary.waived,
            } += 1;
        }
        summary
    }

    /// How many rules were decided: passed or failed. With none, nothing was checked.
    #[must_use]
    pub fn decided(&self) -> usize {
        self.pass + self.fail
    }
}

/// Two rules of profiles given together that no value can satisfy.
#[derive(Debug, Clone)]
pub struct Conflict {
    /// The subject.
    pub subject: String,
    /// Each side: `profile/rule`, what it asks for, its source, and where it asks.
    pub sides: [ConflictSide; 2],
}

impl Conflict {
    /// Whether it keeps a run with this gate from being ready: at least one of the two rules fails or will, and which one that is
    /// nobody has decided. A waiver decides it.
    #[must_use]
    pub fn blocks(&self, gate: Gate) -> bool {
        let concerns = |side: &ConflictSide| side.severity >= gate.level;
        self.sides.iter().any(concerns) && !self.sides.iter().any(|side| side.waived)
    }
}

/// One side of a [`Conflict`].
#[derive(Debug, Clone)]
pub struct ConflictSide {
    /// `profile/rule`.
    pub name: String,
    /// What it asks for, in words.
    pub expected: String,
    /// Where that is documented.
    pub source: Option<String>,
    /// Where the rule asks for it.
    pub origin: Place,
    /// How much it matters.
    pub severity: Severity,
    /// Whether a waiver accepts that it fails.
    pub waived: bool,
}

/// What a report says of the machine that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSummary {
    /// The node name.
    pub hostname: String,
    /// `linux`, `macos` or `freebsd`.
    pub os: &'static str,
    /// The kernel's release, where anything tells.
    pub kernel: Option<String>,
    /// The machine.
    pub arch: Option<String>,
    /// Processors that this process may use.
    pub cpus: Option<u64>,
    /// Memory that this process may use, in bytes.
    pub ram: Option<u64>,
    /// The container engine, or that there is none.
    pub container: Option<String>,
    /// The process that was looked at, where it is another one (`--pid`).
    pub pid: Option<u32>,
    /// The recording that answered, where it was not the live machine.
    pub recording: Option<String>,
    /// Whether the check ran as root.
    pub root: bool,
}

/// Why there is nothing to check, whatever the machine is.
pub const NO_RULES: &str = "these profiles have no rules, or --only and --skip left none";

/// The result of one run.
#[derive(Debug, Clone)]
pub struct Report {
    /// The machine.
    pub host: HostSummary,
    /// The profiles that were named, in order.
    pub profiles: Vec<String>,
    /// Everything that was found, in the order of the profiles and their rules.
    pub findings: Vec<Finding>,
    /// Rules of different profiles that contradict each other.
    pub conflicts: Vec<Conflict>,
    /// The counts.
    pub summary: Summary,
    /// Files of the next boot that are there and cannot be read: a sentence for each. What they set is not known.
    pub unread: Vec<String>,
    /// What keeps the run from being ready.
    pub gate: Gate,
    /// Seconds since 1970-01-01 UTC at which the check began.
    pub time: i64,
    /// How the command line means this run again; `None` where nothing does.
    pub again: Option<Again>,
}

/// How the command line means a run again.
#[derive(Debug, Clone)]
pub struct Again {
    /// What stands after `runup apply`: profiles, parameters, the place.
    pub words: String,
    /// Whether whoever types it is root.
    pub root: bool,
    /// Whether it is about a tree of files, of which a root is the owner.
    pub tree: bool,
}

impl Report {
    /// Something was decided, and nothing that the gate names stands against it. Every format and the exit code say this.
    #[must_use]
    pub fn ready(&self) -> bool {
        !self.nothing_checked() && !self.blocked()
    }

    /// Whether a finding or a conflict keeps the run from being ready, or that nobody knows what the next boot does, where the gate
    /// asks for that. Where nothing was decided, nothing does.
    #[must_use]
    pub fn blocked(&self) -> bool {
        let gate = self.gate;
        self.findings.iter().any(|finding| finding.blocks(gate))
            || self.conflicts.iter().any(|conflict| conflict.blocks(gate))
            || self.unread_blocks()
    }

    /// Whether it does that a file of the next boot cannot be read.
    #[must_use]
    pub fn unread_blocks(&self) -> bool {
        self.gate.boot && !self.unread.is_empty()
    }

    /// Why nothing was checked, where nothing was.
    #[must_use]
    pub fn why_nothing(&self) -> Option<&'static str> {
        self.nothing_checked().then_some(if self.findings.is_empty() {
            NO_RULES
        } else if self.summary.unknown > 0 {
            "nothing of what these profiles ask for could be read"
        } else {
            "no rule of these profiles applies here; -v says why"
        })
    }

    /// Whether not one rule was decided, so that nothing is known. Where something unknown stands against it, it is not ready, and
    /// that is known.
    #[must_use]
    pub fn nothing_checked(&self) -> bool {
        self.summary.decided() == 0 && self.summary.waived == 0 && !self.blocked()
    }
}
