//! `runup.report/1`: the wire format, apart from the internals. Keys are only ever added within a version.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{Format, Style};
use crate::change::{Change, Side, Target};
use crate::diagnostic::Diagnostic;
use crate::finding::{ConflictSide, Finding, Part, Report};
use crate::gate::Gate;
use crate::source::{Origin, Place, Sources};

/// A report.
#[derive(Debug, Serialize)]
pub struct ReportV1<'a> {
    schema: &'static str,
    ready: bool,
    gate: GateV1,
    time: i64,
    host: Host<'a>,
    profiles: &'a [String],
    summary: Summary,
    findings: Vec<FindingV1<'a>>,
    conflicts: Vec<Conflict<'a>>,
    /// Files of the next boot that cannot be read.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unread: &'a [String],
}

/// What keeps the run from being ready: `--fail-on`.
#[derive(Debug, Serialize)]
struct GateV1 {
    level: &'static str,
    boot: bool,
}

#[derive(Debug, Serialize)]
struct Host<'a> {
    hostname: &'a str,
    os: &'a str,
    kernel: Option<&'a str>,
    arch: Option<&'a str>,
    cpus: Option<u64>,
    ram: Option<Number>,
    container: Option<&'a str>,
    pid: Option<u32>,
    recording: Option<&'a str>,
    root: bool,
}

#[derive(Debug, Serialize)]
struct Summary {
    pass: usize,
    fail: usize,
    unknown: usize,
    #[serde(rename = "n/a")]
    not_applicable: usize,
    waived: usize,
    conflicts: usize,
}

#[derive(Debug, Serialize)]
struct FindingV1<'a> {
    profile: &'a str,
    rule: &'a str,
    kind: &'a str,
    subject: &'a str,
    outcome: &'a str,
    severity: &'a str,
    vendor: Option<&'a str>,
    advice: Option<&'a str>,
    expected: &'a str,
    actual: &'a str,
    reason: &'a str,
    trace: &'a [String],
    evidence: &'a [String],
    why: Option<&'a str>,
    source: Option<&'a str>,
    origin: OriginV1,
    waiver: Option<&'a str>,
    transient: bool,
    next_boot: Option<NextBootV1<'a>>,
    blocks: bool,
    fix: Option<Fix<'a>>,
}

#[derive(Debug, Serialize)]
struct OriginV1 {
    file: Option<String>,
    built_in: Option<String>,
    line: u32,
    column: u32,
}

#[derive(Debug, Serialize)]
struct Fix<'a> {
    reach: &'a str,
    because: &'a str,
    changes: Vec<ChangeV1<'a>>,
    remedies: BTreeMap<&'a str, String>,
    here: Option<&'a str>,
    /// Where there are several things to do, each by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartV1<'a>>,
    /// What speaks against making the changes by hand.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    dangers: &'a [String],
}

#[derive(Debug, Serialize)]
struct PartV1<'a> {
    reach: &'a str,
    because: &'a str,
    changes: Vec<ChangeV1<'a>>,
    remedies: BTreeMap<&'a str, &'a str>,
    here: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ChangeV1<'a> {
    kind: &'a str,
    target: String,
    from: Option<&'a str>,
    to: &'a str,
    scope: &'a str,
}

#[derive(Debug, Serialize)]
struct Conflict<'a> {
    subject: &'a str,
    blocks: bool,
    sides: [SideV1<'a>; 2],
}

#[derive(Debug, Serialize)]
struct SideV1<'a> {
    rule: &'a str,
    severity: &'a str,
    waived: bool,
    expected: &'a str,
    source: Option<&'a str>,
    origin: OriginV1,
}

/// A number that JavaScript can hold, or else its digits as a string.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Number {
    Exact(u64),
    Digits(String),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        if number <= 1 << 53 {
            Number::Exact(number)
        } else {
            Number::Digits(number.to_string())
        }
    }
}

/// `runup.report/1`: all that is known, for programs.
#[derive(Debug)]
pub struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn write(&self, report: &Report, sources: &Sources, _style: Style, out: &mut dyn Write) -> io::Result<()> {
        write(report, sources, out)
    }

    fn write_mistakes(&self, mistakes: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
        write_mistakes(mistakes, sources, out)
    }
}

fn write(report: &Report, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let json = serde_json::to_string_pretty(&self::report(report, sources))?;
    if !crate::text::is_raw(&json) {
        return writeln!(out, "{json}");
    }
    // Bytes of a name that are no text are spelled out as everywhere else.
    let spelled = |c: char| match crate::text::raw_byte(c) {
        Some(byte) => format!("\\\\x{byte:02x}"),
        None => c.to_string(),
    };
    writeln!(out, "{}", json.chars().map(spelled).collect::<String>())
}

#[derive(Debug, Serialize)]
struct NextBootV1<'a> {
    /// `null` where nobody can tell.
    passes: Option<bool>,
    fate: &'static str,
    value: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<u32>,
    by: Option<&'a str>,
    because: Option<&'a str>,
}

/// A run in which nothing was checked.
#[derive(Debug, Serialize)]
struct MistakesV1<'a> {
    schema: &'static str,
    ready: bool,
    errors: Vec<MistakeV1<'a>>,
}

#[derive(Debug, Serialize)]
struct MistakeV1<'a> {
    message: &'a str,
    help: Option<&'a str>,
    origin: Option<OriginV1>,
}

fn write_mistakes(mistakes: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let wire = MistakesV1 {
        schema: "runup.report/1",
        ready: false,
        errors: mistakes
            .iter()
            .map(|mistake| MistakeV1 {
                message: &mistake.message,
                help: mistake.help.as_deref(),
                origin: mistake.place.map(|place| origin(place, sources)),
            })
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &wire)?;
    writeln!(out)
}

/// The wire form of a report.
#[must_use]
pub fn report<'a>(report: &'a Report, sources: &Sources) -> ReportV1<'a> {
    ReportV1 {
        schema: "runup.report/1",
        ready: report.ready(),
        gate: GateV1 {
            level: report.gate.level.name(),
            boot: report.gate.boot,
        },
        time: report.time,
        host: Host {
            hostname: &report.host.hostname,
            os: report.host.os,
            kernel: report.host.kernel.as_deref(),
            arch: report.host.arch.as_deref(),
            cpus: report.host.cpus,
            ram: report.host.ram.map(Number::from),
            container: report.host.container.as_deref(),
            pid: report.host.pid,
            recording: report.host.recording.as_deref(),
            root: report.host.root,
        },
        profiles: &report.profiles,
        summary: Summary {
            pass: report.summary.pass,
            fail: report.summary.fail,
            unknown: report.summary.unknown,
            not_applicable: report.summary.not_applicable,
            waived: report.summary.waived,
            conflicts: report.conflicts.len(),
        },
        findings: report
            .findings
            .iter()
            .map(|finding| wire(finding, report.gate, sources))
            .collect(),
        unread: &report.unread,
        conflicts: report
            .conflicts
            .iter()
            .map(|conflict| Conflict {
                subject: &conflict.subject,
                blocks: conflict.blocks(report.gate),
                sides: conflict.sides.each_ref().map(|side| wire_side(side, sources)),
            })
            .collect(),
    }
}

fn wire<'a>(finding: &'a Finding, gate: Gate, sources: &Sources) -> FindingV1<'a> {
    FindingV1 {
        profile: &finding.profile,
        rule: &finding.rule,
        kind: finding.kind,
        subject: &finding.subject,
        outcome: finding.outcome.name(),
        severity: finding.severity.name(),
        vendor: finding.vendor.map(crate::severity::Vendor::name),
        advice: finding.advice.map(crate::severity::Advice::name),
        expected: &finding.expected,
        actual: &finding.actual,
        reason: &finding.reason,
        trace: &finding.trace,
        evidence: &finding.evidence,
        why: finding.why.as_deref(),
        source: finding.source.as_deref(),
        origin: origin(finding.origin, sources),
        waiver: finding.waiver.as_deref(),
        transient: finding.transient,
        next_boot: finding.next_boot.as_ref().map(|next| NextBootV1 {
            passes: next.passes(),
            fate: next.fate.name(),
            value: next.value.as_deref(),
            file: next.place.as_ref().map(|(file, _)| file.as_str()),
            line: next.place.as_ref().map(|(_, line)| *line),
            by: next.by,
            because: next.because.as_deref(),
        }),
        blocks: finding.blocks(gate),
        fix: finding.fix.as_ref().and_then(fixed),
    }
}

fn fixed(fix: &crate::finding::Fix) -> Option<Fix<'_>> {
    let lead = fix.lead()?;
    Some(Fix {
        reach: lead.proposal.reach.name(),
        because: &lead.proposal.because,
        changes: fix.changes().map(change).collect(),
        remedies: fix
            .remedies()
            .into_iter()
            .map(|(dialect, text)| (dialect.name(), text))
            .collect(),
        here: lead.here.map(crate::change::Dialect::name),
        parts: match &fix.parts[..] {
            [_] => Vec::new(),
            parts => parts.iter().map(part).collect(),
        },
        dangers: &fix.dangers,
    })
}

fn part(part: &Part) -> PartV1<'_> {
    let remedies = part.remedies.iter();
    PartV1 {
        reach: part.proposal.reach.name(),
        because: &part.proposal.because,
        changes: part.proposal.changes.iter().map(change).collect(),
        remedies: remedies
            .map(|(dialect, text)| (dialect.name(), text.as_str()))
            .collect(),
        here: part.here.map(crate::change::Dialect::name),
    }
}

fn change(change: &Change) -> ChangeV1<'_> {
    let (kind, target) = match &change.target {
        Target::Sysctl(key) => ("sysctl", key.clone()),
        Target::Limit(resource, Side::Soft) => ("rlimit", format!("{}.soft", resource.name())),
        Target::Limit(resource, Side::Hard) => ("rlimit", format!("{}.hard", resource.name())),
        Target::Sysfs(path) => ("sysfs", path.clone()),
        Target::Cgroup(file) => ("cgroup", file.clone()),
        Target::Swap => ("swap", "all".to_owned()),
    };
    ChangeV1 {
        kind,
        target,
        from: change.from.as_deref(),
        to: &change.to,
        scope: change.scope.name(),
    }
}

fn wire_side<'a>(side: &'a ConflictSide, sources: &Sources) -> SideV1<'a> {
    SideV1 {
        rule: &side.name,
        severity: side.severity.name(),
        waived: side.waived,
        expected: &side.expected,
        source: side.source.as_deref(),
        origin: origin(side.origin, sources),
    }
}

fn origin(place: Place, sources: &Sources) -> OriginV1 {
    let source = sources.get(place.source);
    let position = sources.position(place);
    let (file, built_in) = match source.origin {
        Origin::File => (Some(source.name.clone()), None),
        Origin::BuiltIn | Origin::CommandLine => (None, Some(source.name.clone())),
    };
    OriginV1 {
        file,
        built_in,
        line: position.line,
        column: position.column,
    }
}
