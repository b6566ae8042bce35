//! The Test Anything Protocol, version 13, which `prove` and many CI systems read: it has all that is needed here, and Debian's `prove`
//! calls a later one a mistake.
//!
//! What blocks the gate is `not ok`. What is wrong and does not block is `ok` with the reason after it, and what was not judged is
//! skipped: a harness counts by these words alone, and must come to the verdict of the exit code.

use std::io::{self, Write};

use super::{Format, Style};
use crate::diagnostic::Diagnostic;
use crate::finding::{Finding, Fix, Outcome, Report};
use crate::source::Sources;
use crate::text::printable;

/// A line for each finding, with what is wrong below it as a comment.
#[derive(Debug)]
pub struct Tap;

impl Format for Tap {
    fn name(&self) -> &'static str {
        "tap"
    }

    fn write(&self, report: &Report, _sources: &Sources, _style: Style, out: &mut dyn Write) -> io::Result<()> {
        let points = points(report);
        writeln!(out, "TAP version 13\n1..{}", points.len())?;
        for (number, point) in (1..).zip(&points) {
            point.write(number, out)?;
        }
        Ok(())
    }

    fn write_mistakes(&self, mistakes: &[Diagnostic], _sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "TAP version 13")?;
        for mistake in mistakes {
            comment(&super::in_a_line(mistake), out)?;
        }
        writeln!(out, "Bail out! Nothing was checked")
    }
}

/// A test point.
struct Point {
    ok: bool,
    name: String,
    /// After `# SKIP`: why it was not judged.
    skipped: Option<String>,
    /// Each a comment.
    said: Vec<String>,
}

/// Everything that the gate looks at, one point for each.
fn points(report: &Report) -> Vec<Point> {
    let mut points: Vec<Point> = report.findings.iter().map(|finding| of(finding, report)).collect();
    points.extend(report.conflicts.iter().map(|conflict| Point {
        ok: !conflict.blocks(report.gate),
        name: format!("no conflict about {}", conflict.subject),
        skipped: None,
        said: vec![super::in_words(conflict)],
    }));
    points.extend(report.unread.iter().map(|unread| Point {
        ok: !report.unread_blocks(),
        name: "what the next boot does can be told".to_owned(),
        skipped: None,
        said: vec![unread.to_string()],
    }));
    points.extend(report.why_nothing().map(|why| Point {
        ok: false,
        name: "something was checked".to_owned(),
        skipped: None,
        said: vec![why.to_owned()],
    }));
    points
}

fn of(finding: &Finding, report: &Report) -> Point {
    let blocks = finding.blocks(report.gate);
    let skipped = match finding.outcome {
        _ if blocks => None,
        Outcome::NotApplicable | Outcome::Unknown => Some(format!("{}: {}", finding.outcome.name(), finding.reason)),
        Outcome::Waived => Some(format!("waived: {}", finding.waiver.as_deref().unwrap_or_default())),
        Outcome::Fail | Outcome::Pass => None,
    };
    let mut said = Vec::new();
    if matches!(finding.outcome, Outcome::Fail | Outcome::Unknown) && skipped.is_none() {
        said.push(format!(
            "{} ({}): {}",
            finding.outcome.name(),
            finding.severity.name(),
            finding.reason
        ));
        if finding.outcome == Outcome::Fail {
            said.push(format!("is {}, should be {}", finding.actual, finding.expected));
        }
        said.extend(finding.why.clone());
        let remedies = finding.fix.iter().flat_map(Fix::remedies_here);
        said.extend(remedies.map(|(_, text)| text.to_owned()));
        let dangerous = finding.fix.iter().filter(|fix| !fix.dangers.is_empty());
        said.extend(dangerous.map(|fix| format!("danger: {}", fix.warning())));
    }
    if let Some(next) = finding.boot_to_say(report.gate) {
        said.push(format!("the next boot {}", next.words()));
    }
    Point {
        ok: !blocks,
        name: format!("{} {}", finding.name(), finding.subject).trim_end().to_owned(),
        skipped,
        said,
    }
}

impl Point {
    fn write(&self, number: usize, out: &mut dyn Write) -> io::Result<()> {
        let word = if self.ok { "ok" } else { "not ok" };
        write!(out, "{word} {number} - {}", escaped(&self.name))?;
        if let Some(why) = &self.skipped {
            write!(out, " # SKIP {}", escaped(why))?;
        }
        writeln!(out)?;
        self.said.iter().try_for_each(|text| comment(text, out))
    }
}

/// A comment, each of its lines marked as one: a line of a value must not be read as a test point.
fn comment(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let text = printable(text);
    text.lines().try_for_each(|line| writeln!(out, "# {line}"))
}

/// One line in which no `#` begins a directive.
fn escaped(text: &str) -> String {
    let line = printable(text).replace('\n', " ");
    line.replace('\\', "\\\\").replace('#', "\\#")
}
