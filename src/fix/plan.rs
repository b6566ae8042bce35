//! What would be changed, in which order, and what cannot be changed from here.
//!
//! The plan is made on an [`Overlay`]: each change is taken as made, and the profiles are checked again, until nothing more can
//! be fixed. So two floors for one key, a limit that needs another one raised first, and an expression over a value that is
//! about to change all come out right.

use std::collections::BTreeSet;

use super::guard;
use super::order;
use super::parameter::{Parameter, swaps};
use super::step::Step;
use crate::catalogue::{self, Write};
use crate::diagnostic::Diagnostic;
use crate::engine::{Check, Options};
use crate::finding::{Conflict, Finding, Fix, Outcome, Report};
use crate::host::{Capability, Host};
use crate::overlay::Overlay;
use crate::profile::Profile;
use crate::rule::{Change, Dialect, Reach, Scope, Side, Target};
use crate::system::{Limits, Os, Process, Resource, SysctlName, System, WritableSystem};
use crate::value::Number;

/// What somebody has to agree to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Consent {
    /// A change that reaches beyond this container, or could stop the machine.
    Risky,
    /// A change that cannot be undone, or not exactly.
    OneWay,
    /// Swap off: what is swapped out must fit into memory.
    Swapoff,
}

impl Consent {
    /// All of them.
    pub const ALL: [Consent; 3] = [Consent::Risky, Consent::OneWay, Consent::Swapoff];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Consent::Risky => "risky",
            Consent::OneWay => "one-way",
            Consent::Swapoff => "swapoff",
        }
    }

    /// The one with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|consent| consent.name() == name)
    }
}

/// Whose limits may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitsOf {
    /// Nobody's: a process cannot change those of whoever called it.
    Nobody,
    /// Those of a program that is about to be started.
    Program,
    /// Another process's.
    Process(Process),
}

/// What a plan may hold.
#[derive(Debug, Clone)]
pub struct Permissions {
    /// What was agreed to.
    pub allowed: BTreeSet<Consent>,
    /// Whether what notes ask for is made, too: much of it is a matter of taste, and a change is for the whole machine.
    pub notes: bool,
    /// Whose limits may be changed.
    pub limits: LimitsOf,
    /// Whether only what is this container's own may be changed without consent, and nothing of a host, contained or not.
    pub own_only: bool,
}

/// Limits that a program is to be started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramLimit {
    /// On what.
    pub resource: Resource,
    /// What they are now.
    pub before: Limits,
    /// What they will be.
    pub to: Limits,
    /// The rules that ask for it.
    pub by: Vec<String>,
}

/// A rule that fails and will not be fixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// `profile/rule`.
    pub finding: String,
    /// The subject.
    pub subject: String,
    /// Why not.
    pub reason: String,
    /// What to do.
    pub remedy: Option<(Dialect, String)>,
}

/// What will be done, and what will not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The changes, in order.
    pub steps: Vec<Step>,
    /// The limits of the program that will be started.
    pub program: Vec<ProgramLimit>,
    /// What fails and stays so.
    pub left: Vec<Left>,
    /// What could be made, and stays as it is since it is only a note: `profile/rule`.
    pub notes: Vec<String>,
}

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
    let mut draft = Draft {
        machine,
        overlay: &overlay,
        permissions,
        steps: Vec::new(),
        program: Vec::new(),
        left: Vec::new(),
        notes: Vec::new(),
        passed: first
            .findings
            .iter()
            .filter(|finding| finding.outcome == Outcome::Pass)
            .map(place_of)
            .collect(),
    };
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
    for finding in &first.findings {
        let seen = report
            .findings
            .iter()
            .any(|later| later.profile == finding.profile && later.rule == finding.rule);
        if finding.outcome == Outcome::Fail && !seen {
            draft.consider(finding, &host);
        }
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
        let steps = self.steps.iter().map(|step| (step.clone(), vec![step.to.clone()]));
        let mut draft = Draft {
            machine,
            overlay: &overlay,
            permissions,
            steps: steps.collect(),
            program: Vec::new(),
            left: Vec::new(),
            notes: Vec::new(),
            passed: BTreeSet::new(),
        };
        let path = SysctlName::parse(key).map_or_else(|_| String::new(), |name| name.path().to_owned());
        draft
            .sysctl(key, &format!("/proc/sys/{path}"), &Host::new(&overlay))
            .map_err(|why| why.unwrap_or_else(|| format!("{key} cannot be written from here; it takes root")))?;
        for name in by {
            let parameter = Parameter::Sysctl { name: key.to_owned() };
            draft.take(name, Move::Set(parameter, to.to_owned(), Scope::Host))?;
        }
        self.steps = draft.finish().steps;
        Ok(())
    }
}

fn is_swap(finding: &Finding) -> bool {
    finding.fix.as_ref().is_some_and(|fix| {
        fix.proposal
            .changes
            .iter()
            .any(|change| matches!(change.target, Target::Swap))
    })
}

struct Draft<'a> {
    machine: &'a dyn WritableSystem,
    overlay: &'a Overlay<'a>,
    permissions: &'a Permissions,
    /// With every value that was planned for a parameter: one that comes again means that two rules pull at it.
    steps: Vec<(Step, Vec<String>)>,
    program: Vec<ProgramLimit>,
    left: Vec<Left>,
    notes: Vec<String>,
    /// Where rules passed before anything was changed.
    passed: BTreeSet<(String, String)>,
}

/// A rule and the subject that it was held against.
fn place_of(finding: &Finding) -> (String, String) {
    (finding.name(), finding.subject.clone())
}

/// Why a change is not made.
struct Refusal {
    reason: String,
    /// It could stop the machine.
    harmful: bool,
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self { reason, harmful: false }
    }
}

/// A change that can be made.
enum Move {
    Set(Parameter, String, Scope),
    Program(Resource, Limits),
}

impl Draft<'_> {
    /// Takes what would fix a finding into the plan, or notes why not. Returns whether the machine of the overlay changed.
    fn consider(&mut self, finding: &Finding, host: &Host<'_>) -> bool {
        let name = finding.name();
        let leave = |reason: String, fix: Option<&Fix>| Left {
            finding: name.clone(),
            subject: finding.subject.clone(),
            reason,
            remedy: fix
                .and_then(Fix::remedy_here)
                .map(|(dialect, text)| (dialect, text.to_owned())),
        };
        let is_left = !finding.severity.is_made(self.permissions.notes);
        if is_left && self.passed.contains(&place_of(finding)) {
            let reason =
                "this note passes now, and would not with these changes; --skip leaves out the rule that asks for them";
            self.left.push(leave(reason.to_owned(), None));
            return false;
        }
        let Some(fix) = &finding.fix else {
            let explained = finding.advice.filter(|advice| advice.explains());
            let reason = explained.map_or_else(|| finding.reason.clone(), |advice| advice.words().to_owned());
            self.left.push(leave(reason, None));
            return false;
        };
        let moves = match self.moves(fix, host) {
            Ok(moves) => moves,
            Err(refusal) => {
                let fix = (!refusal.harmful).then_some(fix);
                self.left.push(leave(refusal.reason, fix));
                return false;
            }
        };
        if is_left {
            if !self.notes.contains(&name) {
                self.notes.push(name);
            }
            return false;
        }
        let mut moved = false;
        for step in moves {
            match self.take(&name, step) {
                Ok(changed) => moved |= changed,
                Err(reason) => {
                    self.left.push(leave(reason, Some(fix)));
                    return moved;
                }
            }
        }
        moved
    }

    /// The changes of a fix, if all of them may be made.
    fn moves(&self, fix: &Fix, host: &Host<'_>) -> Result<Vec<Move>, Refusal> {
        let proposal = &fix.proposal;
        let because = || {
            if proposal.because.is_empty() {
                proposal.reach.name().to_owned()
            } else {
                proposal.because.clone()
            }
        };
        if proposal.changes.is_empty() || !matches!(proposal.reach, Reach::Here | Reach::Host) {
            return Err(because().into());
        }
        // What is changed together is seen together.
        let after = Overlay::new(self.overlay);
        let mut moves = Vec::new();
        for change in &proposal.changes {
            match &change.target {
                Target::Sysctl(key) => {
                    let path = SysctlName::parse(key).map_or_else(|_| String::new(), |name| name.path().to_owned());
                    self.sysctl(key, &format!("/proc/sys/{path}"), host)
                        .map_err(|reason| reason.unwrap_or_else(because))?;
                    let name = key.clone();
                    // A container that shares the host's network changes it for everybody.
                    let shared = host.engine().is_some() && host.network_is_hosts() == Some(true);
                    let scope = match change.scope {
                        Scope::NetworkNamespace if shared => Scope::Host,
                        other => other,
                    };
                    after.set_sysctl(&name, &change.to);
                    self.guarded(&name, &after)?;
                    moves.push(Move::Set(Parameter::Sysctl { name }, change.to.clone(), scope));
                }
                Target::Sysfs(path) => {
                    self.file(path, true, host)
                        .map_err(|reason| reason.unwrap_or_else(because))?;
                    let path = path.clone();
                    after.set_file(&path, &change.to);
                    self.guarded(&path, &after)?;
                    moves.push(Move::Set(Parameter::Sysfs { path }, change.to.clone(), change.scope));
                }
                Target::Swap => {
                    if proposal.reach != Reach::Here {
                        return Err(because().into());
                    }
                    self.consent(Consent::Swapoff, "what is swapped out must fit into memory")?;
                    after.set_swap_off();
                    self.guarded(guard::SWAPS, &after)?;
                    let text = self.machine.read("/proc/swaps").unwrap_or_default();
                    for (device, _) in swaps(&String::from_utf8_lossy(&text)) {
                        moves.push(Move::Set(Parameter::Swap { device }, "off".to_owned(), Scope::Host));
                    }
                }
                Target::Limit(..) => {}
                Target::Cgroup(_) => return Err(because().into()),
            }
        }
        for resource in Resource::all() {
            if let Some(limits) = wanted_limits(&proposal.changes, resource, self.overlay) {
                if proposal.reach != Reach::Here {
                    return Err(because().into());
                }
                moves.push(self.limit(resource, limits, host)?);
            }
        }
        Ok(moves)
    }

    fn limit(&self, resource: Resource, to: Limits, host: &Host<'_>) -> Result<Move, String> {
        match self.permissions.limits {
            LimitsOf::Nobody => Err(
                "a process cannot change the limits of whoever called it: `--for -- COMMAND` starts \
                                     COMMAND with them, `--pid PID` changes those of a running process"
                    .to_owned(),
            ),
            LimitsOf::Program => Ok(Move::Program(resource, to)),
            LimitsOf::Process(process) => {
                let now = (self.machine as &dyn System)
                    .limits(resource)
                    .map_err(|failure| failure.to_string())?;
                if to.hard < now.hard && !host.capable(Capability::SysResource) {
                    self.consent(
                        Consent::OneWay,
                        "a hard limit that was lowered cannot be raised again without \
                                                   CAP_SYS_RESOURCE",
                    )?;
                }
                let parameter = Parameter::Limit {
                    resource: resource.name().to_owned(),
                    process,
                };
                Ok(Move::Set(parameter, format!("{}:{}", to.soft, to.hard), Scope::Process))
            }
        }
    }

    /// Whether a sysctl may be written from here.
    fn sysctl(&self, key: &str, path: &str, host: &Host<'_>) -> Result<(), Option<String>> {
        use catalogue::Namespace;
        let platform = self.machine.platform();
        let known = catalogue::lookup(platform.os, key);
        if known.is_some_and(|key| key.secret) {
            return Err(Some(
                "its value is a secret, which no plan shows and no journal keeps".to_owned(),
            ));
        }
        // Where programs are named and machines are stopped, only what is known to be a setting is ever written.
        if known.is_none()
            && !["net.", "vm.", "user.", "fs.inotify.", "fs.mqueue."]
                .iter()
                .any(|tree| key.starts_with(tree))
        {
            return Err(Some(
                "runup does not know this key, and writes none there that it does not know".to_owned(),
            ));
        }
        match known.map(|key| key.write) {
            Some(Write::Never | Write::ReadOnly) => return Err(None),
            Some(Write::OneWay) => self
                .consent(Consent::OneWay, "the kernel does not let it be set back")
                .map_err(Some)?,
            Some(Write::Lossy) => self
                .consent(
                    Consent::OneWay,
                    "setting it does more than its value tells, and that does not come back",
                )
                .map_err(Some)?,
            Some(Write::Yes) | None => {}
        }
        if platform.os != Os::Linux {
            return Ok(());
        }
        let namespace = match known {
            Some(known) => known.namespace_on(platform.kernel_or_oldest()),
            None if key.starts_with("net.") => Namespace::Net,
            None => Namespace::Host,
        };
        let hosts = match namespace {
            Namespace::Host | Namespace::NetInitial => true,
            Namespace::Net => host.network_is_hosts() == Some(true),
            _ => false,
        };
        self.file(path, hosts, host)
    }

    /// Whether a file may be written from here; `hosts` says that its value is the host's.
    fn file(&self, path: &str, hosts: bool, host: &Host<'_>) -> Result<(), Option<String>> {
        if self.machine.platform().os != Os::Linux {
            return Ok(());
        }
        if self.machine.stat(path).is_ok_and(|stat| stat.mode & 0o222 == 0) {
            return Err(None);
        }
        if host.mount_of(path).is_some_and(crate::host::Mount::read_only) {
            return Err(None);
        }
        if hosts && self.machine.identity().uid != 0 {
            return Err(None);
        }
        if hosts && (self.permissions.own_only || host.engine().is_some()) {
            self.consent(Consent::Risky, "it would change the host for everybody")
                .map_err(Some)?;
        }
        Ok(())
    }

    /// Holds what is written against the guards, on the machine as it would be. What they say needs consent.
    fn guarded(&self, written: &str, after: &Overlay<'_>) -> Result<(), Refusal> {
        let dangers = guard::dangers(written, self.machine, self.overlay, after);
        if dangers.is_empty() {
            return Ok(());
        }
        // The command that would do it is not what to do.
        self.consent(Consent::Risky, &dangers.join("; "))
            .map_err(|reason| Refusal { reason, harmful: true })
    }

    fn consent(&self, consent: Consent, why: &str) -> Result<(), String> {
        if self.permissions.allowed.contains(&consent) {
            return Ok(());
        }
        Err(format!("{why}; `--allow {}` agrees to that", consent.name()))
    }

    /// Takes one change. Returns whether it is new.
    fn take(&mut self, by: &str, step: Move) -> Result<bool, String> {
        let (parameter, to, scope) = match step {
            Move::Set(parameter, to, scope) => (parameter, to, scope),
            Move::Program(resource, to) => return Ok(self.take_program(by, resource, to)),
        };
        let os = self.machine.platform().os;
        match self.steps.iter_mut().find(|(step, _)| step.parameter == parameter) {
            Some((step, history)) => {
                if !step.by.iter().any(|known| known == by) {
                    step.by.push(by.to_owned());
                }
                if parameter.same(os, &step.to, &to) {
                    return Ok(false);
                }
                if history.iter().any(|earlier| parameter.same(os, earlier, &to)) {
                    return Err(format!(
                        "{} pull {} to {} and to {to}",
                        step.by.join(" and "),
                        parameter.show(),
                        step.to
                    ));
                }
                history.push(to.clone());
                step.to.clone_from(&to);
            }
            None => {
                let before = parameter
                    .read(self.machine)
                    .map_err(|failure| format!("{}: {failure}", parameter.show()))?;
                if parameter.same(os, &before.form, &to) {
                    return Ok(false);
                }
                let (effects, effects_how) = order::effects(&parameter, self.machine);
                let history = vec![to.clone()];
                let step = Step {
                    parameter: parameter.clone(),
                    before,
                    to: to.clone(),
                    scope,
                    by: vec![by.to_owned()],
                    effects,
                    effects_how,
                    dangers: Vec::new(),
                };
                self.steps.push((step, history));
            }
        }
        match &parameter {
            Parameter::Sysctl { name } => self.overlay.set_sysctl(name, &to),
            Parameter::Sysfs { path } => self.overlay.set_file(path, &to),
            Parameter::Limit { resource, .. } => {
                if let (Some(resource), Some((soft, hard))) = (Resource::parse(resource), to.split_once(':'))
                    && let (Ok(soft), Ok(hard)) = (Number::parse(soft), Number::parse(hard))
                {
                    self.overlay.set_limits(resource, Limits { soft, hard });
                }
            }
            Parameter::Swap { .. } => self.overlay.set_swap_off(),
        }
        Ok(true)
    }

    fn take_program(&mut self, by: &str, resource: Resource, to: Limits) -> bool {
        if let Some(known) = self.program.iter_mut().find(|known| known.resource == resource) {
            if !known.by.iter().any(|known| known == by) {
                known.by.push(by.to_owned());
            }
            if known.to == to {
                return false;
            }
            known.to = to;
        } else {
            let Ok(before) = self.machine.limits(resource) else {
                return false;
            };
            self.program.push(ProgramLimit {
                resource,
                before,
                to,
                by: vec![by.to_owned()],
            });
        }
        self.overlay.set_limits(resource, to);
        true
    }

    fn finish(self) -> Plan {
        let mut steps: Vec<Step> = self.steps.into_iter().map(|(step, _)| step).collect();
        order::sort(&mut steps);
        let mut left = self.left;
        let mut ordered = Vec::new();
        let agreed = self.permissions.allowed.contains(&Consent::Risky);
        for step in guard::in_safe_order(steps, self.machine, agreed) {
            match agreed {
                // Each was harmless when it was planned, and what was planned later has changed that.
                false if !step.dangers.is_empty() => left.extend(step.by.iter().map(|rule| Left {
                    finding: rule.clone(),
                    subject: step.parameter.show(),
                    reason: format!("{}; `--allow risky` agrees to that", step.dangers.join("; ")),
                    remedy: None,
                })),
                _ => ordered.push(step),
            }
        }
        let steps = ordered;
        left.dedup();
        Plan {
            steps,
            program: self.program,
            left,
            notes: self.notes,
        }
    }
}

/// Both limits that changes ask for on a resource, with what is there for the side that they leave alone.
fn wanted_limits(changes: &[Change], resource: Resource, system: &dyn System) -> Option<Limits> {
    let side = |wanted: Side| {
        changes.iter().find_map(|change| match &change.target {
            Target::Limit(of, side) if *of == resource && *side == wanted => Number::parse(&change.to).ok(),
            _ => None,
        })
    };
    let (soft, hard) = (side(Side::Soft), side(Side::Hard));
    if soft.is_none() && hard.is_none() {
        return None;
    }
    let now = system.limits(resource).ok()?;
    Some(Limits {
        soft: soft.unwrap_or(now.soft),
        hard: hard.unwrap_or(now.hard),
    })
}
