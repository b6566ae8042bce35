//! For a person at a terminal: what was checked and where, failures first, each with what is, what should be, why, and what to
//! do about it here; then whether it is ready, how much of each, and what helps. Fits the terminal.

use std::io::{self, Write};

use colored::{Color, Colorize};

use super::closing::{Closing, Mood, closing};
use super::{Format, Style};
use crate::change::{Dialect, Reach};
use crate::diagnostic::Diagnostic;
use crate::finding::{Finding, HostSummary, Outcome, Part, Report};
use crate::host::in_words;
use crate::severity::Severity;
use crate::source::{Origin, Sources};
use crate::text::printable;
use crate::value::Unit;

/// Columns that the labels take.
const INDENT: usize = 12;

/// Below so many columns, labels move to the left.
const NARROW: usize = 60;

/// Text as wide as the terminal, in colour where that has it.
#[derive(Debug)]
pub struct Text;

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn for_terminal(&self) -> bool {
        true
    }

    fn write(&self, report: &Report, sources: &Sources, style: Style, out: &mut dyn Write) -> io::Result<()> {
        write(report, sources, style, out)
    }

    /// Nothing: a person is shown mistakes on stderr, with the lines that they point at.
    fn write_mistakes(&self, _mistakes: &[Diagnostic], _sources: &Sources, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

fn write(report: &Report, sources: &Sources, style: Style, out: &mut dyn Write) -> io::Result<()> {
    colored::control::set_override(style.colour);
    let page = Page { report, sources, style };
    page.header(out)?;
    for wanted in [Outcome::Fail, Outcome::Unknown] {
        let mut findings: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|finding| finding.outcome == wanted)
            .collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        for finding in findings {
            page.finding(finding, out)?;
        }
    }
    page.undone_by_boot(out)?;
    page.conflicts(out)?;
    page.rest(out)?;
    page.verdict(out)
}

struct Page<'a> {
    report: &'a Report,
    sources: &'a Sources,
    style: Style,
}

impl Page<'_> {
    fn header(&self, out: &mut dyn Write) -> io::Result<()> {
        let names = self.report.profiles.join(", ");
        let line = format!("{names} on {}", host_line(&self.report.host)).replace(['\n', '\t'], " ");
        let line = printable(&line);
        for line in hanging(&line, self.style.width, 2) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)
    }

    /// What is right now and will not stay so.
    fn undone_by_boot(&self, out: &mut dyn Write) -> io::Result<()> {
        for finding in &self.report.findings {
            let said = match self.style.verbose || self.style.explain {
                true => finding.not_kept_by_boot(),
                false => finding.boot_to_say(self.report.gate),
            };
            let Some(next) = said else {
                continue;
            };
            let head = format!("{}  {}", self.name(finding), finding.subject);
            writeln!(out, "{} {}", "BOOT   ".color(Color::Yellow).bold(), printable(&head))?;
            self.labelled("is", &finding.actual, out)?;
            self.labelled("should be", &finding.expected, out)?;
            self.labelled("next boot", &next.words(), out)?;
            self.labelled("waiver", finding.waiver.as_deref().unwrap_or_default(), out)?;
            writeln!(out)?;
        }
        for unread in &self.report.unread {
            writeln!(out, "{} not known", "BOOT   ".color(Color::Yellow).bold())?;
            self.labelled("because", unread, out)?;
            writeln!(out)?;
        }
        Ok(())
    }

    fn name(&self, finding: &Finding) -> String {
        if self.report.profiles.len() > 1 {
            finding.name()
        } else {
            finding.rule.clone()
        }
    }

    fn finding(&self, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        let (mark, colour) = match (finding.outcome, finding.severity) {
            (Outcome::Unknown, _) => ("UNKNOWN", Color::Magenta),
            (_, Severity::Error) => ("FAIL", Color::Red),
            (_, Severity::Warning) => ("WARN", Color::Yellow),
            (_, Severity::Note) => ("NOTE", Color::Cyan),
        };
        let mark = format!("{mark:<8}").color(colour).bold();
        let severity = if finding.outcome == Outcome::Unknown {
            format!("  ({})", finding.severity.name())
        } else {
            String::new()
        };
        let subject = printable(&finding.subject);
        let name = printable(&self.name(finding));
        if name.len() + subject.len() + severity.len() + 10 <= self.style.width {
            writeln!(out, "{mark}{}  {subject}{severity}", name.bold())?;
        } else {
            writeln!(out, "{mark}{}{severity}", name.bold())?;
            self.labelled("of", &subject, out)?;
        }
        if let Some(advice) = finding.advice {
            self.labelled("note", advice.words(), out)?;
        }
        if finding.outcome == Outcome::Unknown {
            self.labelled("because", &finding.reason, out)?;
            self.labelled("should be", &finding.expected, out)?;
        } else {
            self.labelled("is", &finding.actual, out)?;
            self.labelled("should be", &finding.expected, out)?;
        }
        for trace in &finding.trace {
            self.labelled("", trace, out)?;
        }
        if finding.outcome == Outcome::Fail && needs_reason(finding) {
            self.labelled("because", &finding.reason, out)?;
        }
        for evidence in &finding.evidence {
            self.labelled("seen", evidence, out)?;
        }
        if let Some(why) = &finding.why {
            self.labelled("why", why, out)?;
        }
        if let Some(waiver) = &finding.waiver {
            self.labelled("waiver", waiver, out)?;
        }
        if let Some(next) = &finding.next_boot {
            self.labelled("next boot", &next.words(), out)?;
        }
        self.fix(finding, out)?;
        if self.style.explain {
            if let Some(source) = &finding.source {
                self.labelled("source", source, out)?;
            }
            let origin = self.sources.get(finding.origin.source);
            if origin.origin == Origin::File {
                let position = self.sources.position(finding.origin);
                self.labelled(
                    "asked in",
                    &format!("{}:{}:{}", origin.name, position.line, position.column),
                    out,
                )?;
            }
        }
        writeln!(out)
    }

    fn fix(&self, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        let Some(fix) = &finding.fix else { return Ok(()) };
        if let [part] = &fix.parts[..] {
            self.remedy(part, out)?;
            self.labelled("danger", &fix.warning(), out)?;
            return self.reach(part, out);
        }
        for part in &fix.parts {
            self.remedy(part, out)?;
            self.reach(part, out)?;
        }
        self.labelled("danger", &fix.warning(), out)
    }

    /// What to do from here.
    fn remedy(&self, part: &Part, out: &mut dyn Write) -> io::Result<()> {
        let label = match part.proposal.reach {
            Reach::Host => "on the host",
            Reach::Boot => "at boot",
            Reach::Manual => "do",
            Reach::Here | Reach::Privileged | Reach::Runtime => "fix",
        };
        match part.remedy_here() {
            None => Ok(()),
            // What is said of the boot loader is a sentence, or one word.
            Some((Dialect::Manual | Dialect::Boot, text)) => self.labelled(label, text, out),
            Some((_, text)) => self.verbatim(label, text, out),
        }
    }

    /// Where it can be done, and with `--explain` what to do elsewhere.
    fn reach(&self, part: &Part, out: &mut dyn Write) -> io::Result<()> {
        let (reach, because) = (part.proposal.reach, &part.proposal.because);
        if !matches!(reach, Reach::Here | Reach::Manual) || self.style.explain {
            let because = match because.is_empty() {
                true => String::new(),
                false => format!(" ({because})"),
            };
            self.labelled("reach", &format!("{}{because}", reach.name()), out)?;
        }
        if self.style.explain {
            for (dialect, text) in part.remedies.iter().filter(|(dialect, _)| Some(*dialect) != part.here) {
                self.verbatim(dialect_label(*dialect), text, out)?;
            }
        }
        Ok(())
    }

    /// Columns before the labels.
    fn margin(&self) -> usize {
        if self.style.width < NARROW { 2 } else { 8 }
    }

    /// A label and a text that is wrapped beside it.
    fn labelled(&self, label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let text = printable(text);
        let (mut label, margin) = (label, self.margin());
        let width = self.style.width - INDENT - margin;
        for line in text.lines().flat_map(|line| wrap(line, width)) {
            writeln!(out, "{:margin$}{}{line}", "", format!("{label:<INDENT$}").dimmed())?;
            label = "";
        }
        Ok(())
    }

    /// A label and text that is to be pasted, so it keeps its lines.
    fn verbatim(&self, label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let text = printable(text);
        let (mut label, margin) = (label, self.margin());
        for line in text.lines() {
            let head = format!("{label:<INDENT$}");
            writeln!(out, "{:margin$}{}{}", "", head.dimmed(), line.green())?;
            label = "";
        }
        Ok(())
    }

    fn conflicts(&self, out: &mut dyn Write) -> io::Result<()> {
        for conflict in &self.report.conflicts {
            writeln!(
                out,
                "{}{}",
                format!("{:<8}", "CONFLICT").color(Color::Red).bold(),
                format!(" {}", printable(&conflict.subject)).bold()
            )?;
            for side in &conflict.sides {
                self.labelled(&side.name, "", out)?;
                writeln!(
                    out,
                    "        {} asks for {}",
                    printable(&side.name),
                    printable(&side.expected)
                )?;
                if let Some(source) = &side.source {
                    writeln!(out, "          {}", printable(source).dimmed())?;
                }
            }
            self.labelled("", "No value satisfies both; runup does not choose.", out)?;
            writeln!(out)?;
        }
        Ok(())
    }

    fn rest(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut listed = false;
        for finding in &self.report.findings {
            let (mark, colour, text) = match finding.outcome {
                Outcome::Waived => ("waived", Color::Blue, finding.waiver.clone().unwrap_or_default()),
                Outcome::Pass if self.style.verbose => ("ok", Color::Green, with_what_was_asked(finding)),
                Outcome::NotApplicable if self.style.verbose => ("n/a", Color::White, finding.reason.clone()),
                _ => continue,
            };
            listed = true;
            let name = printable(&self.name(finding));
            let head = format!("{mark:<8}").color(colour);
            let subject = printable(&finding.subject);
            let text = printable(&text);
            let text = match finding.outcome {
                Outcome::Pass => format!("{subject}: {text}"),
                Outcome::Fail | Outcome::Unknown | Outcome::Waived | Outcome::NotApplicable => text,
            };
            // One line where it fits; a long value gets lines of its own.
            let line = format!("{name}  {text}");
            if line.chars().count() + 8 <= self.style.width {
                writeln!(out, "{head}{line}")?;
                continue;
            }
            writeln!(out, "{head}{name}")?;
            self.labelled("", &text, out)?;
        }
        if listed { writeln!(out) } else { Ok(()) }
    }

    fn verdict(&self, out: &mut dyn Write) -> io::Result<()> {
        let Closing {
            word,
            mood,
            counts,
            help,
        } = closing(self.report);
        let colour = match mood {
            Mood::Good => Color::Green,
            Mood::Mixed => Color::Yellow,
            Mood::Bad => Color::Red,
        };
        let width = self.style.width;
        let line = format!("{word}: {counts}.");
        // A line of its own where there is no room, or where other advice comes first.
        let hint = if self.style.verbose {
            ""
        } else {
            "-v lists all, --explain says more"
        };
        let beside = !hint.is_empty() && help.is_empty() && line.chars().count() + hint.len() + 4 <= width;
        let lines = hanging(&line, width, 2);
        // The word may be longer than the first line.
        let mut left = word.chars().count();
        let last = lines.len() - 1;
        for (at, line) in lines.iter().enumerate() {
            let end = line.char_indices().nth(left).map_or(line.len(), |(at, _)| at);
            let (coloured, rest) = line.split_at(end);
            left = left.saturating_sub(line.trim_start().chars().count() + 1);
            write!(out, "{}{rest}", coloured.color(colour).bold())?;
            if at == last && beside {
                write!(out, "{}", format!("  ({hint})").dimmed())?;
            }
            writeln!(out)?;
        }
        for (words, command) in help {
            let words = printable(&words);
            let command = command.map(|command| printable(&command));
            match command {
                Some(command) if words.chars().count() + 1 + command.chars().count() <= width => {
                    writeln!(out, "{words} {}", command.green())?;
                }
                Some(command) => {
                    hanging(&words, width, 2)
                        .iter()
                        .try_for_each(|line| writeln!(out, "{line}"))?;
                    writeln!(out, "  {}", command.green())?;
                }
                None => hanging(&words, width, 2)
                    .iter()
                    .try_for_each(|line| writeln!(out, "{line}"))?,
            }
        }
        if !beside && !hint.is_empty() {
            writeln!(out, "{}", hint.dimmed())?;
        }
        Ok(())
    }
}

/// What there is, and what was asked for where that is not the same.
fn with_what_was_asked(finding: &Finding) -> String {
    if finding.expected.is_empty() || finding.expected == finding.actual {
        return finding.actual.clone();
    }
    format!("{} (asked for: {})", finding.actual, finding.expected)
}

/// Whether the reason says more than what is and what should be.
fn needs_reason(finding: &Finding) -> bool {
    let plain = [" is too low", " is too high", " is not what it should be"];
    !finding.reason.is_empty() && !plain.iter().any(|end| finding.reason.ends_with(end))
}

fn dialect_label(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Host => "host",
        Dialect::Persist => "to last",
        Dialect::Docker => "Docker",
        Dialect::Kubernetes => "Kubernetes",
        Dialect::Lxc => "LXC",
        Dialect::Incus => "Incus",
        Dialect::Nspawn => "nspawn",
        Dialect::Systemd => "systemd",
        Dialect::Macos => "macOS",
        Dialect::Boot => "at boot",
        Dialect::Manual => "do",
    }
}

/// `web1: linux 6.1.0, x86_64, 8 CPUs, 16 GiB, docker container`.
#[must_use]
pub fn host_line(host: &HostSummary) -> String {
    let system = match &host.kernel {
        Some(kernel) => format!("{} {kernel}", host.os),
        None => host.os.to_owned(),
    };
    let mut parts = vec![system];
    parts.extend(host.arch.clone());
    if let Some(cpus) = host.cpus {
        parts.push(format!("{cpus} CPU{}", if cpus == 1 { "" } else { "s" }));
    }
    if let Some(ram) = host.ram {
        parts.push(Unit::Bytes.show(i128::from(ram), 4096));
    }
    if let Some(container) = &host.container {
        parts.push(format!("in {}", in_words(container)));
    }
    if let Some(pid) = host.pid {
        parts.push(format!("as process {pid} sees it"));
    }
    if let Some(recording) = &host.recording {
        parts.push(format!("from the recording {recording}"));
    }
    format!("{} ({})", host.hostname, parts.join(", "))
}

/// Lines no wider than `width`, of which all but the first are indented.
#[must_use]
pub fn hanging(text: &str, width: usize, indent: usize) -> Vec<String> {
    let first = wrap(text, width).swap_remove(0);
    let rest = text[first.len()..].trim_start();
    let mut lines = vec![first];
    if !rest.is_empty() {
        let more = wrap(rest, width.saturating_sub(indent)).into_iter();
        lines.extend(more.map(|line| format!("{:indent$}{line}", "")));
    }
    lines
}

/// Breaks a line at spaces; a word that is longer than the width stands alone.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut columns = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if columns > 0 && columns + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            columns = 0;
        }
        if columns > 0 {
            line.push(' ');
            columns += 1;
        }
        line.push_str(word);
        columns += length;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::{hanging, wrap};

    #[test]
    fn all_lines_but_the_first_are_indented_and_none_is_too_wide() {
        assert_eq!(hanging("one two three four", 9, 2), ["one two", "  three", "  four"]);
        assert_eq!(hanging("one", 9, 2), ["one"]);
    }

    #[test]
    fn lines_break_at_spaces_and_keep_every_word() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrap("https://a.very/long/address and", 8),
            ["https://a.very/long/address", "and"]
        );
        assert_eq!(wrap("", 8), [""]);
    }
}
