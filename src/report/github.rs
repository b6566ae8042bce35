//! Annotations of GitHub Actions, on the very line of the profile that asked for it.

use std::io::{self, Write};

use super::printable;
use crate::diagnostic::Diagnostic;
use crate::finding::{Finding, Outcome, Report};
use crate::rule::Severity;
use crate::source::{Origin, Sources};

/// GitHub shows so many annotations of each level in a step, and drops the rest without a word.
const SHOWN: usize = 10;

pub(super) fn write(report: &Report, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    for (severity, level) in [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Note, "notice"),
    ] {
        let concerns = |finding: &&Finding| {
            finding.severity == severity && matches!(finding.outcome, Outcome::Fail | Outcome::Unknown)
        };
        let findings: Vec<&Finding> = report.findings.iter().filter(concerns).collect();
        // The last one that is shown speaks for those that are not.
        let room = if findings.len() > SHOWN {
            SHOWN - 1
        } else {
            findings.len()
        };
        for finding in &findings[..room] {
            annotate(level, finding, sources, out)?;
        }
        if findings.len() > room {
            let names: Vec<String> = findings[room..].iter().map(|finding| finding.name()).collect();
            let message = format!("{} more: {}", names.len(), names.join(", "));
            writeln!(out, "::{level} title=runup::{}", data(&message))?;
        }
    }
    for conflict in &report.conflicts {
        let [left, right] = &conflict.sides;
        let message = format!(
            "{} asks for {}, {} for {}",
            left.name, left.expected, right.name, right.expected
        );
        writeln!(
            out,
            "::warning title={}::{}",
            property(&format!("conflict: {}", conflict.subject)),
            data(&message)
        )?;
    }
    let summary = &report.summary;
    writeln!(
        out,
        "runup: {}: {} passed, {} failed, {} unknown, {} not applicable, {} waived",
        match (report.ready(), report.nothing_checked()) {
            (true, _) => "ready",
            (false, true) => "nothing was checked",
            (false, false) => "not ready",
        },
        summary.pass,
        summary.fail,
        summary.unknown,
        summary.not_applicable,
        summary.waived
    )
}

fn annotate(level: &str, finding: &Finding, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let source = sources.get(finding.origin.source);
    let mut properties = Vec::new();
    if source.origin == Origin::File {
        let position = sources.position(finding.origin);
        properties.push(format!("file={}", property(&source.name)));
        properties.push(format!("line={}", position.line));
        properties.push(format!("col={}", position.column));
    }
    properties.push(format!(
        "title={}",
        property(&format!("{} {}", finding.name(), finding.outcome.name()))
    ));
    let mut message = match finding.outcome {
        Outcome::Fail => format!(
            "{} is {}, should be {}",
            finding.subject, finding.actual, finding.expected
        ),
        _ => format!("{}: {}", finding.subject, finding.reason),
    };
    if let Some(why) = &finding.why {
        message.push_str(&format!("\n{why}"));
    }
    if let Some((_, text)) = finding.fix.as_ref().and_then(crate::finding::Fix::remedy_here) {
        message.push_str(&format!("\n{text}"));
    }
    writeln!(out, "::{level} {}::{}", properties.join(","), data(&message))
}

pub(super) fn write_mistakes(mistakes: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
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
