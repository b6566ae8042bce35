//! Whether a program is started on this machine, and with which limits; and what is said about it. `exec` and `apply --for` are
//! the same gate.

use super::output::Streams;
use crate::finding::{Finding, Outcome, Report};
use crate::host::Host;
use crate::remedy;
use crate::report::printable;
use crate::rule::{Dialect, Proposal, Reach, Severity, Side, Target};
use crate::shim::options::OnFail;
use crate::shim::{ExecOptions, LimitWish, Refusal};
use crate::system::Resource;
use crate::value::Number;

/// So many rules are named on the one screen that a refusal takes.
const NAMED: usize = 8;

/// The limits that failing rules ask for, wherever they could be given: this process goes as far as it can.
pub(super) fn limits(report: &Report) -> Vec<LimitWish> {
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

/// Whether the program is started, and what is said about it.
pub(super) fn verdict(
    report: &Report,
    options: &ExecOptions,
    host: &Host<'_>,
    streams: &mut Streams,
) -> Result<(), Refusal> {
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
