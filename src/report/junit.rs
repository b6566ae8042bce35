//! JUnit XML: a suite for each profile, a case for each finding.

use std::io::{self, Write};

use super::{Format, Style};
use crate::diagnostic::Diagnostic;
use crate::finding::{Conflict, Finding, Fix, Outcome, Report};
use crate::gate::Gate;
use crate::source::{Place, Sources};

/// JUnit XML, which most servers for continuous integration show as tests.
#[derive(Debug)]
pub struct Junit;

impl Format for Junit {
    fn name(&self) -> &'static str {
        "junit"
    }

    fn write(&self, report: &Report, sources: &Sources, _style: Style, out: &mut dyn Write) -> io::Result<()> {
        write(report, sources, out)
    }

    fn write_mistakes(&self, mistakes: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
        write_mistakes(mistakes, sources, out)
    }
}

fn write(report: &Report, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let gate = report.gate;
    let findings = |profile: &str| -> Vec<&Finding> {
        let of = |finding: &&Finding| finding.profile == profile;
        report.findings.iter().filter(of).collect()
    };
    let all = report.findings.iter().map(|finding| Verdict::of(finding, gate));
    let conflicts = || {
        report
            .conflicts
            .iter()
            .map(|conflict| Verdict::of_conflict(conflict, gate))
    };
    let unread = || report.unread.iter().map(|_| Verdict::of_unread(report));
    let nothing = || report.why_nothing().map(|_| Verdict::Error);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"runup\" {}>",
        Counts::of(all.chain(conflicts()).chain(unread()).chain(nothing())).attributes()
    )?;
    for profile in &report.profiles {
        let findings = findings(profile);
        let counts = Counts::of(findings.iter().map(|finding| Verdict::of(finding, gate)));
        suite(profile, &counts, report, out)?;
        for finding in findings {
            case(finding, gate, sources, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    if !report.conflicts.is_empty() {
        suite("conflicts", &Counts::of(conflicts()), report, out)?;
        for conflict in &report.conflicts {
            let [left, _] = &conflict.sides;
            open("conflicts", &conflict.subject, left.origin, sources, out)?;
            let verdict = Verdict::of_conflict(conflict, gate);
            verdict.close("conflict", &super::in_words(conflict), &escape(NEITHER), out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    if !report.unread.is_empty() {
        suite("next boot", &Counts::of(unread()), report, out)?;
        for (number, said) in (1..).zip(&report.unread) {
            write!(out, "    <testcase classname=\"next boot\" name=\"unread {number}\"")?;
            Verdict::of_unread(report).close("unread", said, "", out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    if let Some(why) = report.why_nothing() {
        suite("runup", &Counts::of(nothing().into_iter()), report, out)?;
        write!(out, "    <testcase classname=\"runup\" name=\"something was checked\"")?;
        Verdict::Error.close("nothing", why, "", out)?;
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

const NEITHER: &str = "No value satisfies both; runup does not choose.";

fn suite(name: &str, counts: &Counts, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "  <testsuite name=\"{}\" {} hostname=\"{}\">",
        escape(name),
        counts.attributes(),
        escape(&report.host.hostname)
    )
}

/// Only what keeps the run from being ready is a failure or an error there: what the gate lets through must not turn it red.
#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of(verdicts: impl Iterator<Item = Verdict>) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            counts.tests += 1;
            match verdict {
                Verdict::Failure => counts.failures += 1,
                Verdict::Error => counts.errors += 1,
                Verdict::Skipped => counts.skipped += 1,
                Verdict::Passed | Verdict::Remark(_) => {}
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
    /// Passed for the gate, and not as it should be; with how much it matters.
    Remark(&'static str),
    Failure,
    Error,
    Skipped,
}

impl Verdict {
    fn of(finding: &Finding, gate: Gate) -> Self {
        match finding.outcome {
            Outcome::Unknown if finding.blocks(gate) => Verdict::Error,
            _ if finding.blocks(gate) => Verdict::Failure,
            Outcome::NotApplicable | Outcome::Waived | Outcome::Unknown => Verdict::Skipped,
            Outcome::Fail => Verdict::Remark(finding.severity.name()),
            Outcome::Pass if finding.boot_to_say(gate).is_some() => Verdict::Remark("next boot"),
            Outcome::Pass => Verdict::Passed,
        }
    }

    fn of_conflict(conflict: &Conflict, gate: Gate) -> Self {
        if conflict.blocks(gate) {
            Verdict::Failure
        } else {
            Verdict::Remark("conflict")
        }
    }

    fn of_unread(report: &Report) -> Self {
        if report.unread_blocks() {
            Verdict::Error
        } else {
            Verdict::Remark("next boot")
        }
    }

    /// The rest of a case: what came of it, in words, with an escaped detail.
    fn close(&self, kind: &str, said: &str, detail: &str, out: &mut dyn Write) -> io::Result<()> {
        let said = escape(said);
        let inner = match self {
            Verdict::Passed => return writeln!(out, "/>"),
            Verdict::Failure => format!("<failure message=\"{said}\" type=\"{kind}\">{detail}</failure>"),
            Verdict::Error => format!("<error message=\"{said}\" type=\"{kind}\">{detail}</error>"),
            Verdict::Skipped => format!("<skipped message=\"{kind}: {said}\"/>"),
            Verdict::Remark(word) => format!("<system-out>{word}: {said}\n{detail}</system-out>"),
        };
        writeln!(out, ">\n      {inner}\n    </testcase>")
    }
}

fn open(class: &str, name: &str, origin: Place, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let file = sources.get(origin.source).display_name();
    write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
        escape(class),
        escape(name),
        escape(&file),
        sources.position(origin).line
    )
}

fn case(finding: &Finding, gate: Gate, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    // A rule for other systems has no subject here.
    let name = format!("{} {}", finding.rule, finding.subject);
    let name = name.trim_end();
    open(&finding.profile, name, finding.origin, sources, out)?;
    let undone = finding.boot_to_say(gate);
    let said = match (finding.outcome, undone) {
        (Outcome::Fail, _) => format!("is {}, should be {}", finding.actual, finding.expected),
        (Outcome::Waived, _) => finding.waiver.clone().unwrap_or_default(),
        (_, Some(next)) => format!(
            "is {}, should be {}, and the next boot {}",
            finding.actual,
            finding.expected,
            next.words()
        ),
        (Outcome::Pass | Outcome::Unknown | Outcome::NotApplicable, None) => finding.reason.clone(),
    };
    let mut detail = Vec::new();
    detail.extend(finding.why.clone());
    let remedies = finding.fix.iter().flat_map(Fix::remedies_here);
    detail.extend(remedies.map(|(_, text)| text.to_owned()));
    let fix = finding.fix.as_ref().filter(|fix| !fix.dangers.is_empty());
    detail.extend(fix.map(|fix| format!("danger: {}", fix.warning())));
    let kind = if undone.is_some() {
        "boot"
    } else {
        finding.outcome.name()
    };
    Verdict::of(finding, gate).close(kind, &said, &escape(&detail.join("\n")), out)
}

fn write_mistakes(mistakes: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
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
    for c in crate::text::printable(text).chars() {
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
