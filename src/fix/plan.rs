//! What would be changed, in which order, and what cannot be changed from here.
//!
//! The plan is made on an [`Overlay`]: each change is taken as made, and the profiles are checked again, until nothing more can
//! be fixed. So two floors for one key, a limit that needs another one raised first, and an expression over a value that is
//! about to change all come out right.

use std::collections::{BTreeSet, HashSet};

use super::draft::{Draft, place_of};
use super::parameter::Parameter;
use super::permit::{Move, Permit};
use crate::diagnostic::Diagnostic;
use crate::engine::{Check, Options};
use crate::finding::{Conflict, Finding, Outcome, Report};
use crate::host::Host;
use crate::overlay::Overlay;
use crate::profile::Profile;
use crate::rule::{Scope, Target};
use crate::system::WritableSystem;

pub use super::draft::{Left, Plan, ProgramLimit};
pub use super::permit::{Consent, LimitsOf, Permissions, is_settable};

/// Why there is no plan.
#[derive(Debug)]
pub enum PlanError {
    /// Mistakes in the profiles.
    Diagnostics(Vec<Diagnostic>),
    /// Profiles that contradict each other.
    Conflicts(Vec<Conflict>),
}

/// So many times a change may make another one possible.
const ROUNDS: usize = 32;

/// Plans what would make profiles pass. Also returns the report of the check that it began with.
///
/// # Errors
/// The profiles are wrong, or contradict each other.
pub fn plan(
    profiles: &[Profile],
    options: &Options,
    machine: &dyn WritableSystem,
    permissions: &Permissions,
) -> Result<(Plan, Report), PlanError> {
    let overlay = Overlay::new(machine);
    let host = Host::new(&overlay);
    let mut options = options.clone();
    options.leave_notes = !permissions.notes;
    let skipped = options.skip.clone();
    let first = Check::prepare(profiles, options.clone(), &host)
        .map_err(PlanError::Diagnostics)?
        .run();
    if !first.conflicts.is_empty() {
        return Err(PlanError::Conflicts(first.conflicts));
    }
    // What changes by itself, and what cannot be seen on the overlay, is looked at once.
    let mut once: BTreeSet<String> = first
        .findings
        .iter()
        .filter(|finding| finding.transient || is_swap(finding))
        .map(Finding::name)
        .collect();
    let passes = first.findings.iter().filter(|finding| finding.outcome == Outcome::Pass);
    let permit = Permit {
        machine,
        overlay: &overlay,
        permissions,
    };
    let mut draft = Draft::new(permit, &[], passes.map(place_of).collect());
    let mut report = first.clone();
    for _ in 0..ROUNDS {
        let host = Host::new(&overlay);
        draft.left.clear();
        draft.notes.clear();
        let mut moved = false;
        for finding in report
            .findings
            .iter()
            .filter(|finding| finding.outcome == Outcome::Fail)
        {
            moved |= draft.consider(finding, &host);
        }
        if !moved {
            break;
        }
        let host = Host::new(&overlay);
        options.skip.extend(once.iter().cloned());
        once.clear();
        report = Check::prepare(profiles, options.clone(), &host)
            .map_err(PlanError::Diagnostics)?
            .run();
    }
    // Rules that were looked at once are missing from the later rounds.
    let host = Host::new(&overlay);
    let rule = |finding: &Finding| (finding.profile.clone(), finding.rule.clone());
    let seen: HashSet<(String, String)> = report.findings.iter().map(rule).collect();
    for finding in &first.findings {
        if finding.outcome == Outcome::Fail && !seen.contains(&rule(finding)) {
            draft.consider(finding, &host);
        }
    }
    if draft.has_steps() {
        options.skip.clone_from(&skipped);
        let check = Check::prepare(profiles, options, &host).map_err(PlanError::Diagnostics)?;
        draft.leave_open(&check.wishes());
    }
    Ok((draft.finish(), first))
}

impl Plan {
    /// Adds a change of a key that no finding asks for by itself: room for what files will give at the next login.
    ///
    /// # Errors
    /// It may not be made from here; why.
    pub fn add(
        &mut self,
        key: &str,
        to: &str,
        by: &[String],
        machine: &dyn WritableSystem,
        permissions: &Permissions,
    ) -> Result<(), String> {
        let overlay = Overlay::new(machine);
        let permit = Permit {
            machine,
            overlay: &overlay,
            permissions,
        };
        permit
            .sysctl(key, &Host::new(&overlay))
            .map_err(|why| why.unwrap_or_else(|| format!("{key} cannot be written from here; it takes root")))?;
        let mut draft = Draft::new(permit, &self.steps, BTreeSet::new());
        for name in by {
            let parameter = Parameter::Sysctl { name: key.to_owned() };
            draft.take(name, Move::Set(parameter, to.to_owned(), Scope::Host))?;
        }
        self.steps = draft.finish().steps;
        Ok(())
    }
}

fn is_swap(finding: &Finding) -> bool {
    finding
        .fix
        .as_ref()
        .is_some_and(|fix| fix.changes().any(|change| matches!(change.target, Target::Swap)))
}
