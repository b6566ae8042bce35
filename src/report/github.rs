//! Annotations of GitHub Actions, on the very line of the profile that asked for it.

use std::io::{self, Write};

use super::{Format, Style};
use crate::diagnostic::Diagnostic;
use crate::finding::{Conflict, Finding, Fix, Outcome, Report};
use crate::gate::Gate;
use crate::severity::Severity;
use crate::source::{Origin, Sources};
use crate::text::printable;

/// GitHub shows so many annotations of each level in a step, and drops the rest without a word.
const SHOWN: usize = 10;

/// Annotations of GitHub Actions: workflow commands on stdout, which its runner shows beside the code.
#[derive(Debug)]
pub struct Github;

impl Format for Github {
    fn name(&self) -> &'static str {
        "github"
    }

    fn write(&self, report: &Report, sources: &Sources, _style: Style, out: &mut dyn Write) -> io::Result<()> {
        write(report, sources, out)
    }

    fn write_mistakes(&self, mistakes: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
        write_mistakes(mistakes, sources, out)
    }
}

fn write(report: &Report, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let mut notes: Vec<Annotation> = report
        .findings
        .iter()
        .filter_map(|finding| of_finding(finding, report.gate, sources))
        .collect();
    notes.extend(
        report
            .conflicts
            .iter()
            .map(|conflict| of_conflict(conflict, report.gate)),
    );
    notes.extend(report.unread.iter().map(|unread| Annotation {
        level: if report.unread_blocks() {
            Level::Error
        } else {
            Level::Warning
        },
        name: "next boot".to_owned(),
        properties: "title=next boot".to_owned(),
        message: format!("what the next boot does is not known: {unread}"),
    }));
    notes.extend(report.why_nothing().map(|why| Annotation {
        level: Level::Error,
        name: "nothing was checked".to_owned(),
        properties: "title=runup".to_owned(),
        message: format!("nothing was checked: {why}"),
    }));
    for level in [Level::Error, Level::Warning, Level::Notice] {
        let notes: Vec<&Annotation> = notes.iter().filter(|note| note.level == level).collect();
        // The last one that is shown speaks for those that are not.
        let room = if notes.len() > SHOWN { SHOWN - 1 } else { notes.len() };
        for note in &notes[..room] {
            writeln!(out, "::{} {}::{}", level.name(), note.properties, data(&note.message))?;
        }
        if notes.len() > room {
            let names: Vec<&str> = notes[room..].iter().map(|note| note.name.as_str()).collect();
            let message = format!("{} more: {}", names.len(), names.join(", "));
            writeln!(out, "::{} title=runup::{}", level.name(), data(&message))?;
        }
    }
    let summary = &report.summary;
    let verdict = match (report.ready(), report.nothing_checked()) {
        (true, _) => "ready",
        (false, true) => "nothing was checked",
        (false, false) => "not ready",
    };
    let gate = match report.gate.is_chosen() {
        true => format!(" (--fail-on {})", report.gate),
        false => String::new(),
    };
    let conflicts = match report.conflicts.len() {
        0 => String::new(),
        1 => ", 1 conflict".to_owned(),
        number => format!(", {number} conflicts"),
    };
    writeln!(
        out,
        "runup: {verdict}{gate}: {} passed, {} failed, {} unknown, {} not applicable, {} waived{conflicts}",
        summary.pass, summary.fail, summary.unknown, summary.not_applicable, summary.waived
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        }
    }
}

struct Annotation {
    level: Level,
    /// What it is called where there is no room for it.
    name: String,
    properties: String,
    message: String,
}

/// What is said of a finding: an error for what keeps the run from being ready, else what its severity says. Of what the next boot
/// undoes there is one where the gate asks for it.
fn of_finding(finding: &Finding, gate: Gate, sources: &Sources) -> Option<Annotation> {
    let undone = finding.boot_to_say(gate);
    let level = match finding.outcome {
        _ if finding.blocks(gate) => Level::Error,
        Outcome::Fail | Outcome::Unknown => match finding.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
            Severity::Note => Level::Notice,
        },
        Outcome::Pass | Outcome::NotApplicable | Outcome::Waived => return None,
    };
    let source = sources.get(finding.origin.source);
    let mut properties = Vec::new();
    if source.origin == Origin::File {
        let position = sources.position(finding.origin);
        properties.push(format!("file={}", property(&source.name)));
        properties.push(format!("line={}", position.line));
        properties.push(format!("col={}", position.column));
    }
    let word = if undone.is_some() {
        "boot"
    } else {
        finding.outcome.name()
    };
    properties.push(format!("title={}", property(&format!("{} {word}", finding.name()))));
    let mut message = match (finding.outcome, undone) {
        (_, Some(next)) => format!(
            "{}: {}, should be {}, and the next boot {}",
            finding.subject,
            finding.actual,
            finding.expected,
            next.words()
        ),
        (Outcome::Fail, None) => finding.in_a_line(),
        (_, None) => format!("{}: {}", finding.subject, finding.reason),
    };
    if let Some(why) = &finding.why {
        message.push_str(&format!("\n{why}"));
    }
    for (_, text) in finding.fix.iter().flat_map(Fix::remedies_here) {
        message.push_str(&format!("\n{text}"));
    }
    if let Some(fix) = finding.fix.as_ref().filter(|fix| !fix.dangers.is_empty()) {
        message.push_str(&format!("\ndanger: {}", fix.warning()));
    }
    Some(Annotation {
        level,
        name: finding.name(),
        properties: properties.join(","),
        message,
    })
}

fn of_conflict(conflict: &Conflict, gate: Gate) -> Annotation {
    let title = format!("conflict: {}", conflict.subject);
    Annotation {
        level: if conflict.blocks(gate) {
            Level::Error
        } else {
            Level::Warning
        },
        properties: format!("title={}", property(&title)),
        name: title,
        message: super::in_words(conflict),
    }
}

fn write_mistakes(mistakes: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    for mistake in mistakes {
        let mut properties = Vec::new();
        if let Some(place) = mistake.place
            && sources.get(place.source).origin == Origin::File
        {
            let position = sources.position(place);
            properties.push(format!("file={}", property(&sources.get(place.source).name)));
            properties.push(format!("line={}", position.line));
            properties.push(format!("col={}", position.column));
        }
        properties.push("title=runup".to_owned());
        let message = data(&super::in_a_line(mistake));
        writeln!(out, "::error {}::{message}", properties.join(","))?;
    }
    Ok(())
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    printable(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a workflow command, which ends at a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn what_ends_a_command_is_escaped() {
        assert_eq!(data("50%\nof: it, all"), "50%25%0Aof: it, all");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
    }
}
