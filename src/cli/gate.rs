//! Whether a program is started on this machine, and with which limits; and what is said about it. `exec` and `apply --for` are
//! the same gate.

use std::ffi::OsStr;
use std::time::Duration;

use super::output::Streams;
use super::wait::wait;
use crate::diagnostic::{self, Diagnostic};
use crate::engine::{Check, Options};
use crate::finding::{Finding, Fix, Outcome, Report};
use crate::fix::plan::ProgramLimit;
use crate::host::{Host, Runtime};
use crate::profile::Profile;
use crate::remedy;
use crate::report::in_words;
use crate::rule::{Dialect, Proposal, Reach, Severity, Side, Target};
use crate::shim::options::OnFail;
use crate::shim::{Applied, LimitWish, Refusal};
use crate::source::Sources;
use crate::system::Resource;
use crate::text::printable;
use crate::value::Number;

/// So many rules are named on the one screen that a refusal takes.
const NAMED: usize = 8;

/// How the gate was told to behave.
pub(super) struct Terms<'a> {
    /// What to do where the machine is not ready.
    pub(super) on_fail: OnFail,
    /// How long at most rules that change from moment to moment are looked at again.
    pub(super) wait: Option<Duration>,
    /// Says errors alone.
    pub(super) quiet: bool,
    /// Says what was raised and that it is ready, too.
    pub(super) verbose: bool,
    /// The program as it was named.
    pub(super) program: &'a OsStr,
    /// What starts it all the same.
    pub(super) otherwise: &'a str,
}

/// What is asked of the machine, and what it answered before anything was done.
pub(super) struct Asked<'a> {
    pub(super) profiles: &'a [Profile],
    pub(super) options: &'a Options,
    pub(super) sources: &'a Sources,
    pub(super) first: Report,
    /// Whether anything was set since, other than limits.
    pub(super) changed: bool,
}

/// Says which limits could not go all the way, looks at the machine as it is now, and waits if that was asked for.
///
/// # Errors
/// The profiles make no sense on the machine as it is now. That has been said.
pub(super) fn look(
    asked: Asked<'_>,
    applied: &[Applied],
    terms: &Terms<'_>,
    host: &Host<'_>,
    streams: &mut Streams,
) -> Result<Report, Refusal> {
    let mut changed = asked.changed;
    for done in applied {
        changed |= done.before != done.after;
        if terms.verbose && done.before != done.after {
            streams.message(&format!(
                "runup: raised the limit {} from {}:{} to {}:{} (soft:hard)\n",
                done.wish.resource.name(),
                done.before.soft,
                done.before.hard,
                done.after.soft,
                done.after.hard
            ));
        }
        if let Some(clamp) = done.clamp.filter(|_| !terms.quiet) {
            streams.message(&format!(
                "runup: the limit {} is {}:{} and could not go further: {clamp}\n",
                done.wish.resource.name(),
                done.after.soft,
                done.after.hard
            ));
        }
    }
    if !changed && terms.wait.is_none() {
        return Ok(asked.first);
    }
    let check = match Check::prepare(asked.profiles, asked.options.clone(), host) {
        Ok(check) => check,
        Err(mistakes) => return Err(mistaken(&mistakes, asked.sources, streams)),
    };
    let mut report = if changed { check.run() } else { asked.first };
    if let Some(limit) = terms.wait.filter(|_| !is_hopeless(&report, terms)) {
        wait(&check, &mut report, limit, (!terms.quiet).then_some(streams));
    }
    Ok(report)
}

/// Says what is wrong with the profiles.
pub(super) fn mistaken(mistakes: &[Diagnostic], sources: &Sources, streams: &mut Streams) -> Refusal {
    let text = diagnostic::render_within(
        mistakes,
        sources,
        streams.colour_messages(),
        streams.columns_of_messages(),
    );
    streams.message(&format!("{text}runup: the program was not started\n"));
    Refusal::Failed
}

/// Whether the program will be refused however long one waits.
fn is_hopeless(report: &Report, terms: &Terms<'_>) -> bool {
    let for_good = |finding: &Finding| finding.blocks(report.gate) && !finding.transient;
    terms.on_fail == OnFail::Refuse && report.findings.iter().any(for_good)
}

/// The limits that failing rules ask for, wherever they could be given: this process goes as far as it can. What the plan found
/// for a resource counts more: it has seen what its own changes make of the rules. Notes count where they are asked for.
pub(super) fn limits(report: &Report, planned: &[ProgramLimit], notes: bool) -> Vec<LimitWish> {
    let mut wishes: Vec<LimitWish> = Vec::new();
    let changes = report
        .findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Fail && finding.severity.is_made(notes))
        .filter_map(|finding| finding.fix.as_ref())
        .flat_map(Fix::changes);
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
    for limit in planned {
        *wish_for(&mut wishes, limit.resource) = LimitWish {
            resource: limit.resource,
            soft: (limit.to.soft != limit.before.soft).then_some(limit.to.soft),
            hard: (limit.to.hard != limit.before.hard).then_some(limit.to.hard),
        };
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

/// Whether the program is started, and what is said about it.
pub(super) fn verdict(
    report: &Report,
    terms: &Terms<'_>,
    host: &Host<'_>,
    streams: &mut Streams,
) -> Result<(), Refusal> {
    let several = report.profiles.len() > 1;
    let bad = |finding: &&Finding| matches!(finding.outcome, Outcome::Fail | Outcome::Unknown);
    if !terms.quiet {
        let warnings = report.findings.iter().filter(bad);
        let warnings: Vec<&Finding> = warnings
            .filter(|finding| finding.severity == Severity::Warning)
            .collect();
        for line in lines(&warnings, several) {
            streams.message(&printable(&format!("runup: warning: {line}\n")));
        }
    }
    let blocking: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.blocks(report.gate))
        .collect();
    if !report.blocked() {
        if terms.verbose {
            streams.message(&printable(&ready_line(report)));
        }
        return Ok(());
    }
    let program = terms.program.to_string_lossy();
    let refuses = terms.on_fail == OnFail::Refuse;
    let mut text = if refuses {
        format!("runup: not ready, so {program} is not started (exit status 78)\n")
    } else {
        format!("runup: not ready, and {program} is started all the same\n")
    };
    let mut named = lines(&blocking, several);
    let conflicts = report.conflicts.iter().filter(|conflict| conflict.blocks(report.gate));
    named.extend(conflicts.map(|conflict| format!("{}: {}", conflict.subject, in_words(conflict))));
    for line in named.iter().take(NAMED) {
        text += &format!("  {line}\n");
    }
    if named.len() > NAMED {
        text += &format!("  and {} more, which `runup check` lists\n", named.len() - NAMED);
    }
    text += &how(&blocking, host);
    if refuses {
        text += &format!("{} starts it all the same\n", terms.otherwise);
    }
    streams.message(&printable(&text));
    if refuses { Err(Refusal::NotReady) } else { Ok(()) }
}

/// What was held against the machine, and how it came out, for whoever reads the log.
fn ready_line(report: &Report) -> String {
    let summary = &report.summary;
    let some = |number: usize, words: &str| (number > 0).then(|| format!("{number} {words}"));
    let counts: Vec<String> = [
        some(summary.pass, "passed"),
        some(summary.fail, "failed, none of which keeps it from starting"),
        some(summary.unknown, "unknown"),
        some(summary.waived, "waived"),
        some(summary.not_applicable, "not applicable"),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!(
        "runup: ready for {}: {}\n",
        report.profiles.join(", "),
        counts.join(", ")
    )
}

/// A line for each finding; those that are unknown for the same reason share one.
fn lines(findings: &[&Finding], several: bool) -> Vec<String> {
    let name = |finding: &Finding| if several { finding.name() } else { finding.rule.clone() };
    let mut lines: Vec<String> = Vec::new();
    let mut reasons: Vec<&str> = Vec::new();
    for finding in findings {
        if finding.outcome == Outcome::Fail {
            lines.push(format!("{}: {}", name(finding), finding.in_a_line()));
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
    let is_machine = host.runtime().is_some_and(Runtime::makes_machines);
    let outside = [(remedy::of_runtime(host), "where the container is started")];
    // What is done in one place stands under one head.
    let mut said: Vec<(&str, Vec<String>)> = Vec::new();
    for reach in [Reach::Here, Reach::Runtime, Reach::Privileged, Reach::Host] {
        let given: &[(Dialect, &str)] = match (contained, reach) {
            (true, Reach::Host) => &[(Dialect::Host, "on the host")],
            (true, Reach::Runtime) if is_machine => &outside,
            (true, _) if is_machine => &[(Dialect::Host, "as root")],
            (true, _) => &[
                (Dialect::Docker, "start the container with"),
                (Dialect::Kubernetes, "or in a pod"),
            ],
            (false, _) => &[(Dialect::Host, "to fix it"), (Dialect::Systemd, "or in a unit")],
        };
        let rendered: Vec<_> = together(findings, reach)
            .iter()
            .map(|proposal| remedy::render(proposal, host))
            .collect();
        for (dialect, head) in given {
            let remedies = rendered.iter().flatten().filter(|(known, _)| known == dialect);
            let lines = remedies.flat_map(|(_, remedy)| remedy.lines()).map(str::to_owned);
            match said.iter_mut().find(|(known, _)| known == head) {
                Some((_, known)) => known.extend(lines),
                None => said.push((head, lines.collect())),
            }
        }
    }
    for (head, lines) in said {
        // Comments alone are nothing to do.
        if lines.iter().any(|line| !line.trim_start().starts_with('#')) {
            text += &format!("{head}:\n");
            lines.iter().for_each(|line| text += &format!("  {line}\n"));
        }
    }
    for finding in findings {
        for part in finding.fix.iter().flat_map(|fix| &fix.parts) {
            match part.remedy_here() {
                Some((Dialect::Manual, words)) => text += &format!("{}: {words}\n", finding.rule),
                // What changes something was named above.
                Some((_, commands)) if part.proposal.changes.is_empty() => {
                    text += &format!("{}:\n", finding.rule);
                    commands.lines().for_each(|line| text += &format!("  {line}\n"));
                }
                Some(_) | None => {}
            }
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
        .flat_map(|fix| &fix.parts)
        .map(|part| &part.proposal)
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
