//! JUnit XML: a suite for each profile, a case for each finding.

use std::io::{self, Write};

use crate::diagnostic::Diagnostic;
use crate::finding::{Finding, Outcome, Report};
use crate::rule::Severity;
use crate::source::Sources;

pub(super) fn write(report: &Report, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let total = Counts::of(report.findings.iter());
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"runup\" {}>", total.attributes())?;
    for profile in &report.profiles {
        let findings = || report.findings.iter().filter(|finding| finding.profile == *profile);
        writeln!(
            out,
            "  <testsuite name=\"{}\" {} hostname=\"{}\">",
            escape(profile),
            Counts::of(findings()).attributes(),
            escape(&report.host.hostname)
        )?;
        for finding in findings() {
            case(finding, sources, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

/// Only what keeps the run from being ready is a failure or an error there: a warning must not turn a gate red.
#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            counts.tests += 1;
            match verdict(finding) {
                Verdict::Failure => counts.failures += 1,
                Verdict::Error => counts.errors += 1,
                Verdict::Skipped => counts.skipped += 1,
                Verdict::Passed => {}
            }
        }
        counts
    }

    fn attributes(&self) -> String {
        format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
            self.tests, self.failures, self.errors, self.skipped
        )
    }
}

enum Verdict {
    Passed,
    Failure,
    Error,
    Skipped,
}

fn verdict(finding: &Finding) -> Verdict {
    match (finding.outcome, finding.severity) {
        (Outcome::Fail, Severity::Error) => Verdict::Failure,
        (Outcome::Unknown, Severity::Error) => Verdict::Error,
        (Outcome::NotApplicable | Outcome::Waived | Outcome::Unknown, _) => Verdict::Skipped,
        (Outcome::Pass | Outcome::Fail, _) => Verdict::Passed,
    }
}

fn case(finding: &Finding, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let position = sources.position(finding.origin);
    let file = sources.get(finding.origin.source).display_name();
    write!(
        out,
        "    <testcase classname=\"{}\" name=\"{} {}\" file=\"{}\" line=\"{}\"",
        escape(&finding.profile),
        escape(&finding.rule),
        escape(&finding.subject),
        escape(&file),
        position.line
    )?;
    let said = match finding.outcome {
        Outcome::Fail => format!("is {}, should be {}", finding.actual, finding.expected),
        Outcome::Waived => finding.waiver.clone().unwrap_or_default(),
        _ => finding.reason.clone(),
    };
    let mut detail = Vec::new();
    detail.extend(finding.why.clone());
    detail.extend(
        finding
            .fix
            .as_ref()
            .and_then(|fix| fix.remedy_here())
            .map(|(_, text)| text.to_owned()),
    );
    let detail = escape(&detail.join("\n"));
    match verdict(finding) {
        Verdict::Failure => {
            writeln!(
                out,
                ">\n      <failure message=\"{}\" type=\"fail\">{detail}</failure>\n    </testcase>",
                escape(&said)
            )
        }
        Verdict::Error => {
            writeln!(
                out,
                ">\n      <error message=\"{}\" type=\"unknown\">{detail}</error>\n    </testcase>",
                escape(&said)
            )
        }
        Verdict::Skipped => {
            writeln!(
                out,
                ">\n      <skipped message=\"{}: {}\"/>\n    </testcase>",
                finding.outcome.name(),
                escape(&said)
            )
        }
        Verdict::Passed if finding.outcome == Outcome::Fail => writeln!(
            out,
            ">\n      <system-out>{}: {}\n{detail}</system-out>\n    </testcase>",
            finding.severity.name(),
            escape(&said)
        ),
        Verdict::Passed => writeln!(out, "/>"),
    }
}

pub(super) fn write_mistakes(mistakes: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let count = mistakes.len();
    let counts = format!("tests=\"{count}\" failures=\"0\" errors=\"{count}\" skipped=\"0\"");
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"runup\" {counts}>")?;
    writeln!(out, "  <testsuite name=\"profiles\" {counts}>")?;
    for mistake in mistakes {
        let (file, line) = mistake.place.map_or((String::new(), 0), |place| {
            (sources.get(place.source).display_name(), sources.position(place).line)
        });
        writeln!(
            out,
            "    <testcase classname=\"profiles\" name=\"{file}:{line}\" file=\"{file}\" line=\"{line}\">\n      \
             <error message=\"{}\" type=\"profile\"/>\n    </testcase>",
            escape(&super::in_a_line(mistake)),
            file = escape(&file),
        )?;
    }
    writeln!(out, "  </testsuite>")?;
    writeln!(out, "</testsuites>")
}

/// Text for an attribute or an element. XML 1.0 has no way to write most control characters, so they are replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in super::printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_breaks_out_of_an_attribute() {
        assert_eq!(escape("a<b>&\"c\"\u{1}\n"), "a&lt;b&gt;&amp;&quot;c&quot;\\u{1}&#10;");
    }
}
