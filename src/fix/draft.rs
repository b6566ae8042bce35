//! A plan that is being made: what is taken into it, and why the rest is not.

use std::collections::{BTreeSet, HashMap};

use super::guard;
use super::order;
use super::parameter::{Parameter, swaps};
use super::permit::{Consent, Move, Permit, Refusal};
use super::step::Step;
use crate::catalogue;
use crate::engine::Wishes;
use crate::finding::{Finding, Part};
use crate::host::Host;
use crate::overlay::Overlay;
use crate::rule::{Change, Dialect, Proposal, Reach, Scope, Side, Target};
use crate::system::{Limits, Resource, System, WritableSystem};
use crate::value::{Number, Unit};

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

/// Why what is swapped out cannot come back into memory, as far as that can be told: the kernel would end programs to make room.
fn does_not_fit(host: &Host<'_>) -> Option<String> {
    let used = host
        .meminfo("SwapTotal")
        .ok()?
        .saturating_sub(host.meminfo("SwapFree").ok()?);
    let available = host.meminfo("MemAvailable").ok()?;
    let bytes = |bytes: u64| Unit::Bytes.show(i128::from(bytes), 4096);
    (used > available).then(|| {
        format!(
            "{} are swapped out, and {} of memory are available: the kernel would have to end programs",
            bytes(used),
            bytes(available)
        )
    })
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

impl Plan {
    /// The changes of which the kernel made another value that does as well, with that value; once they are made.
    #[must_use]
    pub fn rounded(&self, machine: &dyn WritableSystem) -> Vec<(&Step, String)> {
        let os = machine.platform().os;
        let rounded = self.steps.iter().filter_map(|step| {
            let now = step.parameter.read(machine).ok()?.form;
            (!step.parameter.same(os, &now, &step.to) && step.would_do(&now)).then_some((step, now))
        });
        rounded.collect()
    }
}

/// A plan that is being made.
pub(super) struct Draft<'a> {
    permit: Permit<'a>,
    /// With every value that was planned for a parameter.
    steps: Vec<(Step, Vec<String>)>,
    /// Where the step of a parameter is, by the name by which all names of its setting meet.
    at: HashMap<Parameter, usize>,
    program: Vec<ProgramLimit>,
    pub(super) left: Vec<Left>,
    pub(super) notes: Vec<String>,
    /// Where rules passed before anything was changed.
    passed: BTreeSet<(String, String)>,
}

/// A rule and the subject that it was held against.
pub(super) fn place_of(finding: &Finding) -> (String, String) {
    (finding.name(), finding.subject.clone())
}

impl<'a> Draft<'a> {
    /// One that begins with steps; `passed` are the places where rules pass before anything is changed.
    pub(super) fn new(permit: Permit<'a>, steps: &[Step], passed: BTreeSet<(String, String)>) -> Self {
        let mut draft = Self {
            permit,
            steps: Vec::new(),
            at: HashMap::new(),
            program: Vec::new(),
            left: Vec::new(),
            notes: Vec::new(),
            passed,
        };
        for step in steps {
            draft.at.insert(draft.meets(&step.parameter), draft.steps.len());
            draft.steps.push((step.clone(), vec![step.to.clone()]));
        }
        draft
    }

    /// Takes what would fix a finding into the plan, or notes why not. Returns whether the machine of the overlay changed.
    pub(super) fn consider(&mut self, finding: &Finding, host: &Host<'_>) -> bool {
        let name = finding.name();
        let leave = |reason: String, part: Option<&Part>| Left {
            finding: name.clone(),
            subject: finding.subject.clone(),
            reason,
            remedy: part
                .and_then(Part::remedy_here)
                .map(|(dialect, text)| (dialect, text.to_owned())),
        };
        let is_left = !finding.severity.is_made(self.permit.permissions.notes);
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
        // A note that could be made is not made, whatever else of it could not.
        let can_be_made = |part: &Part| self.moves(&part.proposal, host).is_ok();
        if is_left && fix.parts.iter().any(can_be_made) {
            if !self.notes.contains(&name) {
                self.notes.push(name.clone());
            }
            return false;
        }
        let mut moved = false;
        for part in &fix.parts {
            match self.moves(&part.proposal, host) {
                Ok(moves) => {
                    for step in moves {
                        match self.take(&name, step) {
                            Ok(changed) => moved |= changed,
                            Err(reason) => {
                                self.left.push(leave(reason, Some(part)));
                                break;
                            }
                        }
                    }
                }
                Err(refusal) => {
                    let part = (!refusal.harmful).then_some(part);
                    self.left.push(leave(refusal.reason, part));
                }
            }
        }
        moved
    }

    /// The changes of a proposal, if all of them may be made.
    fn moves(&self, proposal: &Proposal, host: &Host<'_>) -> Result<Vec<Move>, Refusal> {
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
        let after = Overlay::new(self.permit.overlay);
        let permit = &self.permit;
        let mut moves = Vec::new();
        for change in &proposal.changes {
            match &change.target {
                Target::Sysctl(key) => {
                    permit
                        .sysctl(key, host)
                        .map_err(|reason| reason.unwrap_or_else(because))?;
                    let name = key.clone();
                    after.set_sysctl(&name, &change.to);
                    permit.guarded(&name, &after)?;
                    let scope = scope(change, host);
                    moves.push(Move::Set(Parameter::Sysctl { name }, change.to.clone(), scope));
                }
                Target::Sysfs(path) => {
                    permit
                        .file(path, true, host)
                        .map_err(|reason| reason.unwrap_or_else(because))?;
                    let path = path.clone();
                    after.set_file(&path, &change.to);
                    permit.guarded(&path, &after)?;
                    moves.push(Move::Set(Parameter::Sysfs { path }, change.to.clone(), change.scope));
                }
                Target::Swap => {
                    if proposal.reach != Reach::Here {
                        return Err(because().into());
                    }
                    permit.consent(Consent::Swapoff, "what is swapped out must fit into memory")?;
                    if let Some(reason) = does_not_fit(host) {
                        return Err(Refusal { reason, harmful: true });
                    }
                    after.set_swap_off();
                    permit.guarded(guard::SWAPS, &after)?;
                    moves.extend(swaps_off(permit.machine));
                }
                Target::Limit(..) => {}
                Target::Cgroup(_) => return Err(because().into()),
            }
        }
        for resource in Resource::all() {
            if let Some(limits) = wanted_limits(&proposal.changes, resource, permit.overlay) {
                if proposal.reach != Reach::Here {
                    return Err(because().into());
                }
                moves.push(permit.limit(resource, limits, host)?);
            }
        }
        Ok(moves)
    }

    /// Takes one change. Returns whether it is new.
    pub(super) fn take(&mut self, by: &str, step: Move) -> Result<bool, String> {
        let (parameter, to, scope) = match step {
            Move::Set(parameter, to, scope) => (parameter, to, scope),
            Move::Program(resource, to) => return Ok(self.take_program(by, resource, to)),
        };
        self.keeps_its_twin(&parameter, &to)?;
        let meets = self.meets(&parameter);
        let is_new = match self.at.get(&meets).copied() {
            Some(at) => self.take_again(at, by, &to)?,
            None => {
                let step = self.first_step(&parameter, &to, scope, by)?;
                if let Some(step) = &step {
                    self.at.insert(meets, self.steps.len());
                    self.steps.push((step.clone(), vec![to.clone()]));
                }
                step.is_some()
            }
        };
        if is_new {
            parameter.set_on(self.permit.overlay, &to);
        }
        Ok(is_new)
    }

    /// Whether anything of the machine is to be changed.
    pub(super) fn has_steps(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Notes of each step what all rules together leave open of its value.
    pub(super) fn leave_open(&mut self, wishes: &Wishes) {
        for wanted in &wishes.wanted {
            let parameter = match &wanted.target {
                Target::Sysctl(name) => Parameter::Sysctl { name: name.clone() },
                Target::Sysfs(path) => Parameter::Sysfs { path: path.clone() },
                Target::Limit(..) | Target::Cgroup(_) | Target::Swap => continue,
            };
            if let Some(at) = self.at.get(&self.meets(&parameter)) {
                self.steps[*at].0.demand = Some(wanted.demand.clone());
            }
        }
    }

    /// A parameter by the name by which all names of its setting meet.
    fn meets(&self, parameter: &Parameter) -> Parameter {
        let (Parameter::Sysctl { name } | Parameter::Sysfs { path: name }) = parameter else {
            return parameter.clone();
        };
        let is_first = || Host::new(self.permit.machine).user_namespace_is_initial();
        let name = catalogue::canonical(name, is_first).to_owned();
        match name.starts_with('/') {
            true => Parameter::Sysfs { path: name },
            false => Parameter::Sysctl { name },
        }
    }

    /// Of a setting in two units one counts: a change that would make 0 of what is planned is not made.
    fn keeps_its_twin(&self, parameter: &Parameter, to: &str) -> Result<(), String> {
        let Parameter::Sysctl { name } = parameter else {
            return Ok(());
        };
        let zeroed = catalogue::zeroed_by(name, to).map(|zeroed| Parameter::Sysctl {
            name: zeroed.to_owned(),
        });
        let planned = zeroed
            .and_then(|zeroed| self.at.get(&zeroed))
            .map(|at| &self.steps[*at].0);
        match planned.filter(|step| step.to.trim() != "0") {
            None => Ok(()),
            Some(step) => Err(format!(
                "it makes {} 0, the same setting in another unit, which {} sets to {}; --skip leaves out one of the rules",
                step.parameter.show(),
                step.by.join(" and "),
                step.to
            )),
        }
    }

    /// Another value for what is planned already. Returns whether it is new; one that comes again means that two rules pull at it.
    fn take_again(&mut self, at: usize, by: &str, to: &str) -> Result<bool, String> {
        let os = self.permit.machine.platform().os;
        let (step, history) = &mut self.steps[at];
        if !step.by.iter().any(|known| known == by) {
            step.by.push(by.to_owned());
        }
        if step.parameter.same(os, &step.to, to) {
            return Ok(false);
        }
        if history.iter().any(|earlier| step.parameter.same(os, earlier, to)) {
            return Err(format!(
                "{} pull {} to {} and to {to}",
                step.by.join(" and "),
                step.parameter.show(),
                step.to
            ));
        }
        history.push(to.to_owned());
        to.clone_into(&mut step.to);
        Ok(true)
    }

    /// The step that sets a parameter; `None` where it is so already.
    fn first_step(&self, parameter: &Parameter, to: &str, scope: Scope, by: &str) -> Result<Option<Step>, String> {
        let machine = self.permit.machine;
        let before = parameter
            .read(machine)
            .map_err(|failure| format!("{}: {failure}", parameter.show()))?;
        if parameter.same(machine.platform().os, &before.form, to) {
            return Ok(None);
        }
        let (effects, effects_how) = order::effects(parameter, machine);
        Ok(Some(Step {
            parameter: parameter.clone(),
            before,
            to: to.to_owned(),
            scope,
            by: vec![by.to_owned()],
            effects,
            effects_how,
            dangers: Vec::new(),
            demand: None,
        }))
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
            let Ok(before) = self.permit.machine.limits(resource) else {
                return false;
            };
            self.program.push(ProgramLimit {
                resource,
                before,
                to,
                by: vec![by.to_owned()],
            });
        }
        self.permit.overlay.set_limits(resource, to);
        true
    }

    pub(super) fn finish(self) -> Plan {
        let mut steps: Vec<Step> = self.steps.into_iter().map(|(step, _)| step).collect();
        order::sort(&mut steps);
        let mut left = self.left;
        let mut ordered = Vec::new();
        let agreed = self.permit.permissions.allowed.contains(&Consent::Risky);
        for step in guard::in_safe_order(steps, self.permit.machine, agreed) {
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

/// Swap off, device by device.
fn swaps_off(machine: &dyn System) -> Vec<Move> {
    let text = machine.read("/proc/swaps").unwrap_or_default();
    let devices = swaps(&String::from_utf8_lossy(&text)).into_iter();
    let off = |device| Move::Set(Parameter::Swap { device }, "off".to_owned(), Scope::Host);
    devices.map(|(device, _)| off(device)).collect()
}

/// Whom a change reaches: a container that shares the host's network changes it for everybody.
fn scope(change: &Change, host: &Host<'_>) -> Scope {
    let is_shared = || host.engine().is_some() && host.network_is_hosts() == Some(true);
    match change.scope {
        Scope::NetworkNamespace if is_shared() => Scope::Host,
        other => other,
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
