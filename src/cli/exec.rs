//! `runup exec`: what profiles add to the start of a program. The rest is the [`shim`]'s.

use std::path::Path;

use super::check::library;
use super::output::{self, Streams};
use crate::diagnostic::{self, Diagnostic, Diagnostics};
use crate::engine::{Check, Depth, Options, WINDOW};
use crate::finding::{Finding, Outcome, Report};
use crate::fix::apply::in_place;
use crate::fix::plan::{Consent, LimitsOf, Permissions, PlanError, plan};
use crate::host::Host;
use crate::profile::{self, Profile, Setting};
use crate::remedy;
use crate::report::{self, Format, Style, printable};
use crate::rule::{Dialect, Proposal, Reach, Severity, Side, Target};
use crate::shim::options::OnFail;
use crate::shim::{Applied, ExecOptions, LimitWish, Preparation, Refusal};
use crate::source::Sources;
use crate::system::live::LiveSystem;
use crate::system::{Resource, System};
use crate::value::Number;

/// So many rules are named on the one screen that a refusal takes.
const NAMED: usize = 8;

/// Evaluates the profiles that `exec` was given.
pub(super) struct Profiles {
    /// Takes the command's allocator into use, once there is something to evaluate.
    adopt: fn(),
    evaluated: Option<Evaluated>,
}

struct Evaluated {
    sources: Sources,
    profiles: Vec<Profile>,
    options: Options,
    system: LiveSystem,
    /// What was found before anything was done.
    first: Report,
    /// Whether anything was set since.
    changed: bool,
}

impl Profiles {
    pub(super) fn new(adopt: fn()) -> Self {
        Self { adopt, evaluated: None }
    }
}

impl Preparation for Profiles {
    fn prepare(&mut self, options: &ExecOptions) -> Result<Vec<LimitWish>, Refusal> {
        if options.profiles.is_empty() {
            return Ok(Vec::new());
        }
        (self.adopt)();
        let mut streams = Streams::new();
        let mut sources = Sources::new();
        let evaluated = evaluate(options, &mut sources, &mut streams);
        let (profiles, checked, system, first, changed) = match evaluated {
            Ok(evaluated) => evaluated,
            Err(mistakes) => {
                let text = diagnostic::render(&mistakes, &sources, streams.colour_messages());
                streams.message(&format!("{text}runup: the program was not started\n"));
                return Err(Refusal::Failed);
            }
        };
        let wishes = limits(&first);
        self.evaluated = Some(Evaluated {
            sources,
            profiles,
            options: checked,
            system,
            first,
            changed,
        });
        Ok(wishes)
    }

    fn judge_limits(&mut self, options: &ExecOptions, applied: &[Applied]) -> Result<(), Refusal> {
        let Some(evaluated) = self.evaluated.take() else {
            return Ok(());
        };
        let mut streams = Streams::new();
        let mut changed = evaluated.changed;
        for done in applied {
            changed |= done.before != done.after;
            if let Some(clamp) = done.clamp.filter(|_| !options.quiet) {
                streams.message(&format!(
                    "runup: the limit {} is {}:{} and could not go further: {clamp}\n",
                    done.wish.resource.name(),
                    done.after.soft,
                    done.after.hard
                ));
            }
        }
        let host = Host::new(&evaluated.system);
        let report = if changed {
            match Check::prepare(&evaluated.profiles, evaluated.options.clone(), &host) {
                Ok(check) => check.run(),
                Err(_) => evaluated.first,
            }
        } else {
            evaluated.first
        };
        if let Some(path) = &options.report {
            write_report(path, &report, &evaluated.sources, &mut streams)?;
        }
        verdict(&report, options, &host, &mut streams)
    }
}

type Evaluation = (Vec<Profile>, Options, LiveSystem, Report, bool);

/// Checks, and fixes what may be fixed from here.
fn evaluate(
    options: &ExecOptions,
    sources: &mut Sources,
    streams: &mut Streams,
) -> Result<Evaluation, Vec<Diagnostic>> {
    let system = LiveSystem::new();
    let library = library(system.identity().uid == 0);
    let mut sink = Diagnostics::new();
    let mut profiles = Vec::new();
    for word in &options.profiles {
        let Some(word) = word.to_str() else {
            sink.push(Diagnostic::general("the name of a profile is not UTF-8 text"));
            continue;
        };
        profiles.extend(profile::load(&library, word, system.platform().os, sources, &mut sink));
    }
    let mut settings = Vec::new();
    for word in &options.set {
        match Setting::parse(word, sources) {
            Ok(setting) => settings.push(setting),
            Err(mistake) => sink.push(mistake),
        }
    }
    let mut allowed = std::collections::BTreeSet::new();
    for word in &options.allow {
        match Consent::parse(word) {
            Some(consent) => {
                allowed.insert(consent);
            }
            None => sink.push(
                Diagnostic::general(format!("`{word}` cannot be allowed"))
                    .help("risky, one-way and swapoff can, with --allow or RUNUP_ALLOW"),
            ),
        }
    }
    if !sink.is_empty() {
        return Err(sink.into_sorted());
    }
    let checked = Options {
        settings,
        only: options.only.clone(),
        skip: options.skip.clone(),
        window: WINDOW,
        depth: Depth::Now,
    };
    let permissions = Permissions {
        allowed,
        limits: LimitsOf::Program,
        own_only: true,
    };
    let (plan, first) = plan(&profiles, &checked, &system, &permissions).map_err(|error| match error {
        PlanError::Diagnostics(mistakes) => mistakes,
        PlanError::Conflicts(conflicts) => conflicts
            .iter()
            .map(|conflict| {
                let [left, right] = &conflict.sides;
                Diagnostic::general(format!(
                    "{}: {} wants {}, {} wants {}",
                    conflict.subject, left.name, left.expected, right.name, right.expected
                ))
                .help("--skip leaves one of them out")
            })
            .collect(),
    })?;
    let failures = in_place(&plan, &system);
    for failure in &failures {
        streams.message(&format!("runup: {failure}\n"));
    }
    if options.verbose {
        for step in &plan.steps {
            streams.message(&format!(
                "runup: set {} from {} to {}\n",
                step.parameter.show(),
                step.before.form,
                step.to
            ));
        }
    }
    Ok((profiles, checked, system, first, !plan.steps.is_empty()))
}

/// The limits that failing rules ask for, wherever they could be given: this process goes as far as it can.
fn limits(report: &Report) -> Vec<LimitWish> {
    let mut wishes: Vec<LimitWish> = Vec::new();
    let changes = report
        .findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Fail)
        .filter_map(|finding| finding.fix.as_ref())
        .flat_map(|fix| &fix.proposal.changes);
    for change in changes {
        let (Target::Limit(resource, side), Ok(to)) = (&change.target, Number::parse(&change.to)) else {
            continue;
        };
        let wish = wish_for(&mut wishes, *resource);
        match side {
            Side::Soft => wish.soft = Some(to),
            Side::Hard => wish.hard = Some(to),
        }
    }
    wishes
}

fn wish_for(wishes: &mut Vec<LimitWish>, resource: Resource) -> &mut LimitWish {
    let at = wishes
        .iter()
        .position(|wish| wish.resource == resource)
        .unwrap_or_else(|| {
            wishes.push(LimitWish {
                resource,
                soft: None,
                hard: None,
            });
            wishes.len() - 1
        });
    &mut wishes[at]
}

fn write_report(
    path: &std::ffi::OsStr,
    report: &Report,
    sources: &Sources,
    streams: &mut Streams,
) -> Result<(), Refusal> {
    let mut text = Vec::new();
    let written = report::write(Format::Json, report, sources, Style::default(), &mut text)
        .map_err(|error| error.to_string())
        .and_then(|()| match Path::new(path).to_str() {
            Some(path) => output::replace(path, &text, 0o644),
            None => Err("the report's name is not UTF-8 text".to_owned()),
        });
    written.map_err(|error| {
        streams.message(&format!("runup: {error}\n  the program was not started\n"));
        Refusal::Failed
    })
}

/// Whether the program is started, and what is said about it.
fn verdict(report: &Report, options: &ExecOptions, host: &Host<'_>, streams: &mut Streams) -> Result<(), Refusal> {
    let several = report.profiles.len() > 1;
    let bad = |finding: &&Finding| matches!(finding.outcome, Outcome::Fail | Outcome::Unknown);
    if !options.quiet {
        let warnings = report.findings.iter().filter(bad);
        let warnings: Vec<&Finding> = warnings
            .filter(|finding| finding.severity == Severity::Warning)
            .collect();
        for line in lines(&warnings, several) {
            streams.message(&printable(&format!("runup: warning: {line}\n")));
        }
    }
    let blocking: Vec<&Finding> = report.findings.iter().filter(|finding| finding.blocks()).collect();
    if blocking.is_empty() {
        return Ok(());
    }
    let program = options
        .command
        .first()
        .map(|word| word.to_string_lossy().into_owned())
        .unwrap_or_default();
    let refuses = options.on_fail == OnFail::Refuse;
    let mut text = if refuses {
        format!("runup: not ready, so {program} is not started (exit status 78)\n")
    } else {
        format!("runup: not ready, and {program} is started all the same\n")
    };
    let named = lines(&blocking, several);
    for line in named.iter().take(NAMED) {
        text += &format!("  {line}\n");
    }
    if named.len() > NAMED {
        text += &format!("  and {} more, which `runup check` lists\n", named.len() - NAMED);
    }
    text += &how(&blocking, host);
    if refuses {
        text += "--on-fail warn, or RUNUP_ON_FAIL=warn, starts it all the same\n";
    }
    streams.message(&printable(&text));
    if refuses { Err(Refusal::NotReady) } else { Ok(()) }
}

/// A line for each finding; those that are unknown for the same reason share one.
fn lines(findings: &[&Finding], several: bool) -> Vec<String> {
    let name = |finding: &Finding| if several { finding.name() } else { finding.rule.clone() };
    let mut lines: Vec<String> = Vec::new();
    let mut reasons: Vec<&str> = Vec::new();
    for finding in findings {
        if finding.outcome == Outcome::Fail {
            lines.push(format!(
                "{}: {} is {}, should be {}",
                name(finding),
                finding.subject,
                finding.actual,
                finding.expected
            ));
        } else if !reasons.contains(&finding.reason.as_str()) {
            reasons.push(&finding.reason);
            let alike = findings
                .iter()
                .filter(|other| other.outcome != Outcome::Fail && other.reason == finding.reason);
            let names: Vec<String> = alike.map(|other| name(other)).collect();
            lines.push(format!("{}: {}", names.join(", "), finding.reason));
        }
    }
    lines
}

/// What to give to whom, all rules together.
fn how(findings: &[&Finding], host: &Host<'_>) -> String {
    let mut text = String::new();
    let contained = host.engine().is_some();
    for reach in [Reach::Here, Reach::Runtime, Reach::Privileged, Reach::Host] {
        let given: &[(Dialect, &str)] = match (contained, reach) {
            (true, Reach::Host) => &[(Dialect::Host, "on the host")],
            (true, _) => &[
                (Dialect::Docker, "give it to the runtime"),
                (Dialect::Kubernetes, "or in a pod"),
            ],
            (false, _) => &[(Dialect::Host, "as root"), (Dialect::Systemd, "or in a unit")],
        };
        let rendered: Vec<_> = together(findings, reach)
            .iter()
            .map(|proposal| remedy::render(proposal, host))
            .collect();
        for (dialect, head) in given {
            let remedies = rendered.iter().flatten().filter(|(known, _)| known == dialect);
            let lines: Vec<&str> = remedies.flat_map(|(_, remedy)| remedy.lines()).collect();
            if !lines.is_empty() {
                text += &format!("{head}:\n");
            }
            for line in lines {
                text += &format!("  {line}\n");
            }
        }
    }
    for finding in findings {
        if let Some((Dialect::Manual, words)) = finding.fix.as_ref().and_then(|fix| fix.remedy_here()) {
            text += &format!("{}: {words}\n", finding.rule);
        }
    }
    text
}

/// What can be done at a reach: the changes that speak for themselves in one, so that a command names them all, then those that
/// their kind has words of its own for.
fn together(findings: &[&Finding], reach: Reach) -> Vec<Proposal> {
    let mut all = Proposal {
        reach,
        because: String::new(),
        changes: Vec::new(),
        remedies: Vec::new(),
    };
    let mut others = Vec::new();
    let fixes = findings.iter().filter_map(|finding| finding.fix.as_ref());
    for proposal in fixes
        .map(|fix| &fix.proposal)
        .filter(|proposal| proposal.reach == reach)
    {
        if !proposal.remedies.is_empty() {
            others.push(proposal.clone());
            continue;
        }
        for change in &proposal.changes {
            if !all.changes.iter().any(|known| known.target == change.target) {
                all.changes.push(change.clone());
            }
        }
    }
    others.insert(0, all);
    others.retain(|proposal| !proposal.changes.is_empty());
    others
}
