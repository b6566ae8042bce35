//! Drop-ins for units: what rules that name one ask of it, where it fails.
//!
//! The lines are those that the finding tells a person to put into `systemctl edit`.

use std::collections::HashSet;

use crate::dialect::page::{MARK, one_line};
use crate::dialect::systemd::drop_in;
use crate::engine::{Asker, Demand, Wanted, Wishes};
use crate::finding::{Finding, Outcome, Report};
use crate::host::Host;
use crate::profile::Profile;
use crate::rule::{Dialect, Scope, Side, Target};
use crate::system::{Limits, Resource};
use crate::systemd::unit::{Manager, Unit, full_name};
use crate::systemd::values;
use crate::value::Number;

/// A drop-in of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIn {
    /// The unit.
    pub unit: String,
    lines: Vec<Line>,
    /// Directives of which rules want two values.
    contested: Vec<String>,
}

/// A directive and its value, with the findings that ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    text: String,
    /// What is said of it in the file.
    comments: Vec<String>,
    /// Each by its rule and its subject.
    findings: Vec<(String, String)>,
}

impl Line {
    fn directive(&self) -> &str {
        self.text.split_once('=').map_or("", |(directive, _)| directive)
    }
}

/// What is asked of units, and what of that no file can say: a sentence each.
#[must_use]
pub fn asked(report: &Report, profiles: &[Profile], notes: bool, host: &Host<'_>) -> (Vec<DropIn>, Vec<String>) {
    let (mut drop_ins, mut refused): (Vec<DropIn>, Vec<String>) = (Vec::new(), Vec::new());
    let fails = |finding: &&Finding| finding.outcome == Outcome::Fail && finding.severity.is_made(notes);
    for finding in report.findings.iter().filter(fails) {
        let (Some(unit), Some(fix)) = (unit_of(finding, profiles), &finding.fix) else {
            continue;
        };
        let sections = fix.parts.iter().flat_map(|part| &part.remedies);
        let lines = sections
            .filter(|(dialect, _)| *dialect == Dialect::Systemd)
            .flat_map(|(_, text)| text.lines().filter(|line| !line.starts_with('[')));
        let lines: Vec<&str> = lines.collect();
        if lines.is_empty() {
            continue;
        }
        if let Some(why) = no_service(&unit, host) {
            refused.push(format!(
                "{} of {unit}, for {}: {why}",
                lines.join(" and "),
                finding.name()
            ));
            continue;
        }
        let at = drop_ins.iter().position(|known| known.unit == unit).unwrap_or_else(|| {
            drop_ins.push(DropIn {
                unit: unit.clone(),
                lines: Vec::new(),
                contested: Vec::new(),
            });
            drop_ins.len() - 1
        });
        for line in lines {
            refused.extend(drop_ins[at].ask(line, finding));
        }
    }
    drop_ins.retain(|drop_in| !drop_in.lines.is_empty());
    (drop_ins, refused)
}

/// The unit that a finding's rule names.
fn unit_of(finding: &Finding, profiles: &[Profile]) -> Option<String> {
    let profile = profiles.iter().find(|profile| profile.name == finding.profile)?;
    let rule = profile.rules.iter().find(|rule| rule.id == finding.rule)?;
    rule.subject.as_ref()?.selectors.text("unit").map(full_name)
}

/// Why a file for the system's manager would mean nothing to a unit.
fn no_service(unit: &str, host: &Host<'_>) -> Option<&'static str> {
    if !unit.ends_with(".service") {
        return Some("it is no service, whose files alone runup writes");
    }
    let known = Unit::read(host.system, &Manager::System, unit);
    known
        .file
        .is_none()
        .then_some("the system's manager has no file of this unit; a user's has files of its own")
}

impl DropIn {
    /// Adds a line. Two values of one directive are for a person to choose between, who is told so.
    fn ask(&mut self, text: &str, finding: &Finding) -> Option<String> {
        let new = Line {
            text: text.to_owned(),
            comments: vec![comment(finding)],
            findings: vec![(finding.name(), finding.subject.clone())],
        };
        let Some(at) = self.lines.iter().position(|known| known.directive() == new.directive()) else {
            if !self.contested.iter().any(|name| name == new.directive()) {
                self.lines.push(new);
            }
            return None;
        };
        let known = &mut self.lines[at];
        if known.text == new.text {
            known.comments.extend(new.comments);
            known.findings.extend(new.findings);
            return None;
        }
        let known = self.lines.remove(at);
        self.contested.push(known.directive().to_owned());
        let names = |line: &Line| {
            line.findings
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(" and ")
        };
        Some(format!(
            "{} and {} of {}: {} and {} ask for them, and a unit has one; --skip leaves out one of the rules",
            known.text,
            new.text,
            self.unit,
            names(&known),
            names(&new)
        ))
    }

    /// What its limit on open files comes to, for [`fit`](super::room::fit): beside what else is to be set.
    #[must_use]
    pub fn open_files(&self, others: &Wishes) -> Option<Wishes> {
        let (line, limits) = self.limit()?;
        let is_other = |wanted: &&Wanted| !matches!(wanted.target, Target::Limit(..));
        let mut wanted: Vec<Wanted> = others.wanted.iter().filter(is_other).cloned().collect();
        wanted.push(Wanted {
            target: Target::Limit(Resource::Nofile, Side::Hard),
            scope: Scope::Process,
            live: None,
            asked: Some(limits.hard.to_string()),
            kept: limits.hard.to_string(),
            holds: false,
            better: false,
            demand: Demand::Bounds(vec![(Some(limits.hard), None)]),
            rules: line
                .findings
                .iter()
                .map(|(name, _)| asker(name, &limits.hard))
                .collect(),
            dangers: Vec::new(),
        });
        Some(Wishes {
            wanted,
            contradictions: others.contradictions.clone(),
            ..Wishes::default()
        })
    }

    /// Takes the limit on open files out, for which there is no room.
    pub fn without_open_files(&mut self) {
        let name = Resource::Nofile.systemd_name();
        self.lines.retain(|line| line.directive() != name);
    }

    fn limit(&self) -> Option<(&Line, Limits)> {
        let name = Resource::Nofile.systemd_name();
        let line = self.lines.iter().find(|line| line.directive() == name)?;
        let (_, value) = line.text.split_once('=')?;
        Some((line, values::limits(Resource::Nofile, value)?))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> String {
        drop_in(&self.unit)
    }

    /// The file; `None` where nothing is left to say.
    #[must_use]
    pub fn text(&self, profiles: &[String]) -> Option<String> {
        if self.lines.is_empty() {
            return None;
        }
        let mut text = format!(
            "# {MARK}{}\n# {}; then systemctl daemon-reload and restart {}\n\n[Service]\n",
            one_line(&profiles.join(", ")),
            self.path(),
            self.unit
        );
        for line in &self.lines {
            for comment in &line.comments {
                text += &format!("# {comment}\n");
            }
            text += &format!("{}\n", line.text);
        }
        Some(text)
    }

    /// The findings that it answers, by rule and subject.
    pub fn findings(&self) -> HashSet<(String, String)> {
        self.lines
            .iter()
            .flat_map(|line| line.findings.iter().cloned())
            .collect()
    }
}

fn comment(finding: &Finding) -> String {
    let why = finding.why.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
    one_line(&format!("{}: {}{why}", finding.name(), finding.expected))
}

fn asker(name: &str, hard: &Number) -> Asker {
    Asker {
        name: name.to_owned(),
        why: None,
        expected: format!("at least {hard}"),
        guard: false,
    }
}
