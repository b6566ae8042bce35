//! (profiles, machine) -> report.
//!
//! First everything that can be wrong with the profiles on this machine is found: parameters, conditions and operands are
//! evaluated, and with any mistake nothing is looked at. Then the subjects are probed and compared.

mod demand;
mod judge;
mod later;
mod resolve;
mod samples;

use std::time::Duration;

use crate::date::{Date, date_of};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::finding::{Finding, HostSummary, Outcome, Report, Summary};
use crate::gate::Gate;
use crate::host::Host;
use crate::profile::Profile;
use crate::profile::params::{self, Setting, Values};
use crate::rule::{Context, Intent, Observation, Over, Rule, Waiver, Window};
use crate::system::System;

pub use demand::{Asker, Contradiction, Demand, LeftOver, Wanted, Wishes};
pub use resolve::{ResolvedExpectation, ResolvedSubject};
use samples::Samples;

/// What a run is to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Values for parameters.
    pub settings: Vec<Setting>,
    /// Only these rules (`rule` or `profile/rule`), where any are named.
    pub only: Vec<String>,
    /// Without these rules.
    pub skip: Vec<String>,
    /// The pause between the two samples of transient subjects.
    pub window: Duration,
    /// How far to look.
    pub depth: Depth,
    /// The run decides about the start of a program: what runs already is not it.
    pub starting: bool,
    /// Notes are not going to be made: they have no part in the value that a fix writes, and are among no wishes.
    pub leave_notes: bool,
}

/// How far a run looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// At what is so now: all that counts for a program that is about to start.
    Now,
    /// Also at what the next boot will make of it.
    #[default]
    NextBoot,
    /// Also at what decides about fixes where nothing fails: a recording must hold it.
    Everything,
}

/// The default pause between two samples.
pub const WINDOW: Duration = Duration::from_millis(300);

/// A rule as it applies to this machine.
enum State {
    /// To be probed.
    Ready(ResolvedSubject),
    /// Decided without looking: the outcome and why.
    Decided(Outcome, String),
}

struct Planned<'a> {
    profile: &'a Profile,
    rule: &'a Rule,
    state: State,
}

impl<'a> Planned<'a> {
    /// The waiver of the rule, and whether it holds on a day.
    fn waiver(&self, today: Date) -> Option<(&'a Waiver, bool)> {
        let waiver = self.profile.waivers.iter().find(|waiver| waiver.rule == self.rule.id)?;
        Some((waiver, waiver.until.is_none_or(|last| today <= last)))
    }
}

/// Profiles evaluated on a machine, ready to be checked, once or again.
pub struct Check<'a> {
    host: &'a Host<'a>,
    profiles: &'a [Profile],
    planned: Vec<Planned<'a>>,
    options: Options,
}

impl<'a> Check<'a> {
    /// Evaluates parameters, conditions and operands.
    ///
    /// # Errors
    /// Everything that is wrong, if anything is; then nothing was looked at but facts and live values that expressions name.
    pub fn prepare(profiles: &'a [Profile], options: Options, host: &'a Host<'a>) -> Result<Self, Vec<Diagnostic>> {
        let mut sink = Diagnostics::new();
        for setting in &options.settings {
            let declared = || {
                profiles
                    .iter()
                    .flat_map(|profile| profile.params.iter().map(|param| param.name.as_str()))
            };
            if !declared().any(|name| name == setting.name) {
                sink.push(
                    Diagnostic::at(
                        setting.place,
                        format!("no profile of this run has a parameter `{}`", setting.name),
                    )
                    .label("not known here")
                    .suggest(&setting.name, declared(), "parameters"),
                );
            }
        }
        for word in options.only.iter().chain(&options.skip) {
            let names: Vec<String> = profiles
                .iter()
                .flat_map(|profile| profile.rules.iter().map(|rule| format!("{}/{}", profile.name, rule.id)))
                .collect();
            if !names.iter().any(|name| is_named(word, name)) {
                let rules = names
                    .iter()
                    .filter_map(|name| name.split_once('/').map(|(_, rule)| rule));
                sink.push(
                    Diagnostic::general(format!("no profile of this run has a rule `{word}`"))
                        .suggest(word, rules, "rules"),
                );
            }
        }
        let mut planned = Vec::new();
        for profile in profiles {
            let values = params::evaluate(&profile.params, &options.settings, host, &mut sink);
            for rule in &profile.rules {
                let name = format!("{}/{}", profile.name, rule.id);
                let wanted = options.only.is_empty() || options.only.iter().any(|word| is_named(word, &name));
                if !wanted || options.skip.iter().any(|word| is_named(word, &name)) {
                    continue;
                }
                let state = plan(rule, &values, host, &mut sink);
                if let State::Ready(subject) = &state {
                    subject.kind.check_here(&subject.selectors, &context(host), &mut sink);
                }
                planned.push(Planned { profile, rule, state });
            }
        }
        if sink.is_empty() {
            Ok(Self {
                host,
                profiles,
                planned,
                options,
            })
        } else {
            Err(sink.into_sorted())
        }
    }

    /// Looks at the machine.
    #[must_use]
    pub fn run(&self) -> Report {
        let findings = self.findings(&|_| true);
        self.report(findings.into_iter().flatten().collect(), Gate::default())
    }

    /// Looks again at what may have changed since: transient rules that did not pass. The rest stays as it was.
    #[must_use]
    pub fn again(&self, before: &Report) -> Report {
        let stale = |planned: &Planned<'_>| {
            before.findings.iter().any(|finding| {
                finding.transient
                    && matches!(finding.outcome, Outcome::Fail | Outcome::Unknown)
                    && finding.rule == planned.rule.id
                    && finding.profile == planned.profile.name
            })
        };
        let fresh = self.findings(&stale);
        let mut findings = Vec::new();
        for (planned, new) in self.planned.iter().zip(fresh) {
            if stale(planned) {
                findings.extend(new);
            } else {
                let same =
                    |finding: &&Finding| finding.rule == planned.rule.id && finding.profile == planned.profile.name;
                findings.extend(before.findings.iter().filter(same).cloned());
            }
        }
        self.report(findings, before.gate)
    }

    fn report(&self, findings: Vec<Finding>, gate: Gate) -> Report {
        let mut findings = findings;
        let conflicts = if self.profiles.len() > 1 {
            demand::conflicts(&self.planned, &findings, self.host)
        } else {
            Vec::new()
        };
        let notes = !self.options.leave_notes;
        demand::agree(&mut findings, &self.planned, &conflicts, notes, self.host);
        Report {
            host: summary(self.host),
            profiles: self.profiles.iter().map(|profile| profile.name.clone()).collect(),
            summary: Summary::of(&findings),
            findings,
            conflicts,
            unread: self.host.unread(),
            gate,
            time: self.host.system.now(),
            again: None,
        }
    }

    fn findings(&self, wanted: &dyn Fn(&Planned<'_>) -> bool) -> Vec<Vec<Finding>> {
        let samples = self.sample(wanted);
        let today = date_of(self.host.system.now());
        self.planned
            .iter()
            .map(|planned| {
                if !wanted(planned) {
                    return Vec::new();
                }
                self.look(planned, &samples, planned.waiver(today))
            })
            .collect()
    }

    fn look(&self, planned: &Planned<'_>, samples: &Samples<'_>, waiver: Option<(&Waiver, bool)>) -> Vec<Finding> {
        let subject = match &planned.state {
            State::Decided(outcome, reason) => {
                let kind = planned
                    .rule
                    .subject
                    .as_ref()
                    .map(|subject| (subject.kind.name(), subject.kind.label(&subject.selectors)));
                let (kind, subject) = kind.unwrap_or_default();
                let finding = judge::finding(planned, kind, subject, *outcome, reason.clone());
                return vec![judge::with_waiver(finding, waiver)];
            }
            State::Ready(subject) => subject,
        };
        let kind = subject.kind;
        let cx = Context {
            system: self.host.system,
            host: self.host,
            window: samples.window(kind),
            intent: Intent::Fix,
            starting: self.options.starting,
        };
        let metrics: Vec<&'static str> = subject
            .expectations
            .iter()
            .map(|expectation| expectation.metric.name)
            .collect();
        let observations = kind.probe(&subject.selectors, &metrics, &cx);
        if observations.is_empty() {
            let reason = "nothing here matches".to_owned();
            let finding = judge::finding(
                planned,
                kind.name(),
                kind.label(&subject.selectors),
                Outcome::NotApplicable,
                reason,
            );
            return vec![judge::with_waiver(finding, waiver)];
        }
        let earlier = earlier(subject, &cx);
        observations
            .into_iter()
            .map(|observation| {
                let judged = judge::Judged {
                    planned,
                    subject,
                    earlier: &earlier,
                    waiver,
                    depth: self.options.depth,
                };
                judge::judge(&judged, observation, &cx)
            })
            .collect()
    }

    /// Samples of every kind of which something is asked that one look cannot tell.
    fn sample(&self, wanted: &dyn Fn(&Planned<'_>) -> bool) -> Samples<'_> {
        let cx = context(self.host);
        let kinds = self.planned.iter().filter(|planned| wanted(planned));
        let kinds = kinds.filter_map(|planned| match &planned.state {
            State::Ready(subject) if subject.needs_samples() => Some(subject.kind),
            State::Ready(_) | State::Decided(..) => None,
        });
        let mut samples = Samples::begin(kinds, &cx);
        samples.take(self.options.window, &cx);
        samples
    }
}

/// What goes up and down by itself, as it was at the earlier samples.
fn earlier(subject: &ResolvedSubject, cx: &Context<'_>) -> Vec<Observation> {
    let expectations = subject.expectations.iter().map(|asked| asked.metric);
    let peaks: Vec<&'static str> = expectations
        .filter(|metric| metric.over == Over::Peak)
        .map(|metric| metric.name)
        .collect();
    if peaks.is_empty() {
        return Vec::new();
    }
    let windows = cx.window.into_iter().flat_map(Window::earlier);
    let seen = windows.flat_map(|window| {
        let cx = Context {
            window: Some(window),
            ..*cx
        };
        subject.kind.probe(&subject.selectors, &peaks, &cx)
    });
    seen.collect()
}

/// For what needs no samples.
fn context<'a>(host: &'a Host<'a>) -> Context<'a> {
    Context {
        system: host.system,
        host,
        window: None,
        intent: Intent::Fix,
        starting: false,
    }
}

fn plan(rule: &Rule, values: &Values<'_>, host: &Host<'_>, sink: &mut Diagnostics) -> State {
    // Before the condition, which may ask for what another platform has not.
    let Some(subject) = &rule.subject else {
        let systems: Vec<&str> = rule.systems.iter().map(|os| os.title()).collect();
        return State::Decided(Outcome::NotApplicable, format!("only on {}", systems.join(" and ")));
    };
    match resolve::applies(rule, values, sink) {
        Ok(None) => {}
        Ok(Some(reason)) => return State::Decided(Outcome::NotApplicable, reason),
        Err(reason) => return State::Decided(Outcome::Unknown, reason),
    }
    match resolve::subject(subject, values, host, sink) {
        Ok(subject) => State::Ready(subject),
        Err(reason) => State::Decided(Outcome::Unknown, reason),
    }
}

/// Whether a word of the command line names a rule: `rule`, or `profile/rule`.
fn is_named(word: &str, name: &str) -> bool {
    word == name || name.split_once('/').is_some_and(|(_, rule)| rule == word)
}

fn summary(host: &Host<'_>) -> HostSummary {
    let platform = host.system.platform();
    let directory = host.system.process_directory();
    HostSummary {
        hostname: platform.hostname.clone(),
        os: platform.os.name(),
        kernel: platform.release.clone(),
        arch: platform.arch.clone(),
        cpus: host.cpus().ok(),
        ram: host.ram().ok(),
        container: host.engine().map(str::to_owned),
        pid: directory.strip_prefix("/proc/").and_then(|pid| pid.parse().ok()),
        recording: None,
        root: host.system.identity().uid == 0,
    }
}

/// The processes, facts and files of a machine that a report of these profiles would need, asked for without judging.
pub fn touch(system: &dyn System) {
    let host = Host::new(system);
    for fact in crate::host::FACTS {
        let _ = host.fact(fact.name);
    }
}
