//! What this machine says to a rule, and the shortest remedy for where it runs.

use std::fmt::Write as _;

use super::page::Page;
use crate::change::{Change, Dialect, Proposal, Reach, Scope, Target};
use crate::engine::{Check, Depth, Options, WINDOW};
use crate::finding::{Finding, Outcome};
use crate::host::Host;
use crate::profile::Profile;
use crate::remedy;
use crate::report::text::{hanging, wrap};
use crate::severity::Severity;

/// What a check of these rules finds. Nothing where the profiles need values that nobody gave.
pub(super) fn look(rules: &[String], profiles: &[Profile], host: &Host<'_>) -> Vec<Finding> {
    let options = Options {
        only: rules.to_vec(),
        window: WINDOW,
        depth: Depth::Now,
        ..Options::default()
    };
    match Check::prepare(profiles, options, host) {
        Ok(check) => check.run().findings,
        Err(_) => Vec::new(),
    }
}

/// The verdict on one rule, for each subject, and what to do here.
pub(super) fn one(findings: &[Finding], out: &mut Page) {
    for finding in findings {
        let text = match finding.outcome {
            Outcome::Fail => finding.in_a_line(),
            Outcome::Pass => format!(
                "right: {}: {}, asked for {}",
                finding.subject, finding.actual, finding.expected
            ),
            Outcome::Unknown => format!("unknown: {}", finding.reason),
            Outcome::NotApplicable => format!("does not apply: {}", finding.reason),
            Outcome::Waived => format!("waived: {}", finding.waiver.as_deref().unwrap_or_default()),
        };
        for line in hanging(&format!("here: {text}"), out.fit(78), 6) {
            let _ = writeln!(out, "  {line}");
        }
        let width = out.fit(72);
        for line in finding.trace.iter().flat_map(|trace| wrap(trace, width)) {
            let _ = writeln!(out, "        {line}");
        }
        fix(finding, 2, out);
    }
}

/// What to do here about a finding.
fn fix(finding: &Finding, indent: usize, out: &mut Page) {
    for (dialect, text) in finding.fix.iter().flat_map(crate::finding::Fix::remedies_here) {
        for line in text.lines() {
            let lines = match dialect {
                Dialect::Manual | Dialect::Boot => wrap(line, out.fit(66)),
                _ => vec![line.to_owned()],
            };
            let mut label = "to do: ";
            for line in lines {
                let _ = writeln!(out, "{:indent$}  {label:7}{line}", "");
                label = "";
            }
        }
    }
}

/// A rule that many profiles have: what this machine says to each, and what would please all.
pub(super) fn many(rule: &str, names: &[&str], findings: &[Finding], out: &mut Page) {
    let _ = writeln!(out, "{rule} is a rule of {} profiles\n", names.len());
    let mut subjects: Vec<(&str, &str)> = Vec::new();
    for finding in findings
        .iter()
        .filter(|finding| finding.outcome != Outcome::NotApplicable)
    {
        let subject = (finding.kind, finding.subject.as_str());
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    if subjects.is_empty()
        && let Some(finding) = findings.first()
    {
        for line in hanging(&format!("here: does not apply: {}", finding.reason), out.fit(80), 2) {
            let _ = writeln!(out, "{line}");
        }
        out.push('\n');
    }
    for (kind, subject) in subjects {
        let own: Vec<&Finding> = findings
            .iter()
            .filter(|finding| finding.kind == kind && finding.subject == subject)
            .collect();
        let mut seen: Vec<&str> = Vec::new();
        for actual in own.iter().flat_map(|finding| finding.actual.split(", ")) {
            if !actual.is_empty() && !seen.contains(&actual) {
                seen.push(actual);
            }
        }
        let head = if seen.is_empty() {
            format!("{kind} {subject}")
        } else {
            format!("{kind} {subject}, here: {}", seen.join(", "))
        };
        hanging(&head, out.fit(80), 2)
            .iter()
            .for_each(|line| out.push_str(&format!("{line}\n")));
        let of = |outcome: Outcome| {
            let mut of: Vec<&&Finding> = own.iter().filter(|finding| finding.outcome == outcome).collect();
            of.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            of
        };
        for (outcome, word) in [(Outcome::Fail, "not right for"), (Outcome::Unknown, "not known for")] {
            for finding in of(outcome) {
                let severity = match finding.severity {
                    Severity::Error => String::new(),
                    Severity::Warning | Severity::Note => format!(" ({})", finding.severity.name()),
                };
                let line = format!("{word} {}{severity}, should be {}", finding.profile, finding.expected);
                for line in hanging(&line, out.fit(76), 4) {
                    let _ = writeln!(out, "  {line}");
                }
            }
        }
        let right: Vec<&str> = of(Outcome::Pass)
            .iter()
            .map(|finding| finding.profile.as_str())
            .collect();
        if !right.is_empty() {
            for line in hanging(&format!("right for {}", right.join(", ")), out.fit(76), 4) {
                let _ = writeln!(out, "  {line}");
            }
        }
        // What the one asks for that asks for most does for all.
        let most = of(Outcome::Fail).into_iter().max_by_key(|finding| asked(finding));
        if let Some(most) = most {
            let _ = writeln!(out, "  enough for {}, which asks for most:", most.profile);
            fix(most, 2, out);
        }
        out.push('\n');
    }
    let example = findings
        .iter()
        .find(|finding| finding.outcome == Outcome::Fail)
        .map_or_else(
            || names.first().copied().unwrap_or_default(),
            |finding| finding.profile.as_str(),
        );
    let next = format!(
        "`runup explain {example}/{rule}` says why it is asked for and what to do elsewhere; --all does for every profile"
    );
    for line in hanging(&next, out.fit(80), 0) {
        let _ = writeln!(out, "{line}");
    }
}

/// The largest number that the fix of a finding writes.
fn asked(finding: &Finding) -> i128 {
    let changes = finding.fix.iter().flat_map(crate::finding::Fix::changes);
    changes.filter_map(|change| change.to.parse().ok()).max().unwrap_or(0)
}

/// How a key is set for each place that can set it, with the value that is asked for where it is known.
pub(super) fn set(key: &str, value: Option<&str>, host: &Host<'_>) -> Vec<(Dialect, String)> {
    let proposal = Proposal {
        reach: Reach::Here,
        because: String::new(),
        changes: vec![Change {
            target: Target::Sysctl(key.to_owned()),
            from: None,
            to: value.unwrap_or("VALUE").to_owned(),
            scope: Scope::Host,
            hard: None,
        }],
        remedies: Vec::new(),
    };
    remedy::render(&proposal, host)
}
