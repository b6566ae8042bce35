//! The end of a report for a person: ready or not, how much of each, and what helps with what fails. The numbers come from the
//! findings' fixes, as they can be made from here.

use crate::catalogue::{self, Write};
use crate::change::{Change, Reach, Scope, Target};
use crate::finding::{Fate, Finding, Fix, Outcome, Report};
use crate::fix::plan::{Consent, is_settable};
use crate::severity::Severity;
use crate::system::Os;

/// How well it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Ready.
    Good,
    /// Ready, with something to look at.
    Mixed,
    /// Not ready, or nothing is known.
    Bad,
}

/// What stands at the end.
#[derive(Debug)]
pub(super) struct Closing {
    /// Whether it is ready.
    pub(super) word: String,
    pub(super) mood: Mood,
    /// How much of each.
    pub(super) counts: String,
    /// What helps, a line each: in words, and the command that does it, where one does.
    pub(super) help: Vec<(String, Option<String>)>,
}

pub(super) fn closing(report: &Report) -> Closing {
    let (word, mood, counts) = verdict(report);
    Closing {
        word,
        mood,
        counts,
        help: helps(report),
    }
}

fn verdict(report: &Report) -> (String, Mood, String) {
    let summary = &report.summary;
    let failed = |severity: Severity| {
        let is_one = |finding: &&Finding| finding.severity == severity && finding.outcome == Outcome::Fail;
        report.findings.iter().filter(is_one).count()
    };
    let many = |number: usize, name: &str| match number {
        0 => None,
        1 => Some(format!("1 {name}")),
        more => Some(format!("{more} {name}s")),
    };
    let some = |number: usize, words: &str| (number > 0).then(|| format!("{number} {words}"));
    let bad: Vec<String> = [
        many(failed(Severity::Error), "error"),
        many(failed(Severity::Warning), "warning"),
        many(failed(Severity::Note), "note"),
        many(report.conflicts.len(), "conflict"),
        some(summary.unknown, "unknown"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let (undone, maybe, not_set) = not_kept_by_boot(report);
    let rest: Vec<String> = [
        some(summary.waived, "waived"),
        Some(format!("{} passed", summary.pass)),
        some(undone, "undone by the next boot"),
        some(maybe, "perhaps undone by the next boot"),
        some(not_set, "set by no file"),
        report
            .unread_blocks()
            .then(|| "what the next boot does is not known".to_owned()),
        some(summary.not_applicable, "not applicable"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let gate = report.gate;
    let gate = if gate.is_chosen() {
        format!(" (--fail-on {gate})")
    } else {
        String::new()
    };
    let all = |bad: Vec<String>, rest: Vec<String>| [bad, rest].concat().join(", ");
    if report.nothing_checked() {
        return (format!("Nothing was checked{gate}"), Mood::Bad, all(bad, rest));
    }
    if !report.ready() {
        return (format!("Not ready{gate}"), Mood::Bad, all(bad, rest));
    }
    if bad.is_empty() {
        let mood = if summary.pass == 0 { Mood::Mixed } else { Mood::Good };
        return (format!("Ready{gate}"), mood, rest.join(", "));
    }
    let only_notes = failed(Severity::Warning) + report.conflicts.len() + summary.unknown == 0;
    let mood = if only_notes && summary.pass > 0 {
        Mood::Good
    } else {
        Mood::Mixed
    };
    (format!("Ready, with {}{gate}", listed(&bad)), mood, rest.join(", "))
}

/// How many of those that pass the next boot does not keep, perhaps does not keep, and that no file sets.
fn not_kept_by_boot(report: &Report) -> (usize, usize, usize) {
    let (mut undone, mut maybe, mut not_set) = (0, 0, 0);
    for next in report
        .findings
        .iter()
        .filter_map(|finding| finding.boot_to_say(report.gate))
    {
        match next.fate {
            Fate::MayBeUndone => maybe += 1,
            Fate::NotSet if next.value.is_none() => not_set += 1,
            Fate::Undone | Fate::NotSet | Fate::Right | Fate::Uncertain => undone += 1,
        }
    }
    (undone, maybe, not_set)
}

/// `a, b and c`.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} and {last}", some.join(", ")),
    }
}

/// What helps with a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Help {
    /// `runup apply` makes it right.
    Apply,
    /// It does that where notes are made, too.
    Notes,
    /// It does that where somebody agrees to it.
    Consent(Consent),
    /// It takes a privilege that root has not here.
    Privilege,
    /// It may pass by itself.
    Wait,
    /// Whoever starts the container gives it.
    Runtime,
    /// It is the host's.
    Host,
    /// The next start of the machine.
    Boot,
    /// A person, in these words.
    Person(String),
    /// Nobody said.
    Nothing,
}

/// What helps with what fails, a line each: first what can be done from here.
fn helps(report: &Report) -> Vec<(String, Option<String>)> {
    let failing: Vec<(&Finding, Help)> = report
        .findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Fail)
        .map(|finding| (finding, help(finding, report)))
        .collect();
    let of = |wanted: &Help| -> Vec<&Finding> {
        let is_wanted = failing.iter().filter(|(_, help)| help == wanted);
        is_wanted.map(|(finding, _)| *finding).collect()
    };
    let mut lines = Vec::new();
    let made = of(&Help::Apply);
    let place = if report.host.recording.is_some() {
        "on that machine"
    } else {
        "here"
    };
    if let Some(command) = command(&made, report) {
        let text = match (made.len(), failing.len()) {
            (1, 1) => format!("It can be fixed {place}:"),
            (made, all) if made == all => format!("All {all} can be fixed {place}:"),
            (made, all) => format!("{made} of {all} can be fixed {place}:"),
        };
        lines.push((text, Some(command)));
    }
    let needs = |count: usize| if count == 1 { "needs" } else { "need" };
    let notes = of(&Help::Notes);
    if let Some(command) = command(&notes, report) {
        let count = match notes.len() {
            1 => "1 note".to_owned(),
            more => format!("{more} notes"),
        };
        lines.push(if made.is_empty() {
            (
                format!("{count} can be fixed {place}:"),
                Some(format!("{command} --notes")),
            )
        } else {
            (format!("{count} more with --notes"), None)
        });
    }
    for consent in Consent::ALL {
        let asking = of(&Help::Consent(consent));
        if !asking.is_empty() {
            let needs = needs(asking.len());
            lines.push((format!("{} {needs} --allow {}", named(&asking), consent.name()), None));
        }
    }
    let waiting = of(&Help::Wait);
    if !waiting.is_empty() {
        let itself = if waiting.len() == 1 { "itself" } else { "themselves" };
        lines.push((format!("{} may pass by {itself}: --wait 2m", named(&waiting)), None));
    }
    let lacking = of(&Help::Privilege);
    if !lacking.is_empty() {
        let needs = needs(lacking.len());
        lines.push((
            format!(
                "{} {needs} a privilege that root has not here, as said above",
                named(&lacking)
            ),
            None,
        ));
    }
    for (help, text) in [
        (Help::Runtime, "be given when the container is started, as said above"),
        (Help::Host, "be changed on the host, as said above"),
        (Help::Boot, "wait for a reboot, as said above"),
    ] {
        let findings = of(&help);
        if !findings.is_empty() {
            let must = if findings.len() == 1 { "has to" } else { "have to" };
            lines.push((format!("{} {must} {text}", named(&findings)), None));
        }
    }
    for (finding, help) in &failing {
        if let Help::Person(words) = help {
            lines.push((format!("{}: {words}", finding.rule), None));
        }
    }
    lines
}

/// The names of a few rules, or how many they are.
fn named(findings: &[&Finding]) -> String {
    let mut names: Vec<String> = findings.iter().map(|finding| finding.rule.clone()).collect();
    names.dedup();
    if names.len() > 3 {
        return findings.len().to_string();
    }
    listed(&names)
}

fn help(finding: &Finding, report: &Report) -> Help {
    match by_fix(finding, report) {
        // Waiting is for what nothing but time changes: a setting that helps is there already.
        Help::Person(_) | Help::Nothing if finding.transient => Help::Wait,
        help => help,
    }
}

fn by_fix(finding: &Finding, report: &Report) -> Help {
    let Some(fix) = &finding.fix else { return Help::Nothing };
    let is_tree = report.again.as_ref().is_some_and(|again| again.tree);
    let mut all = None;
    for part in &fix.parts {
        let part = match part.proposal.reach {
            // Whoever is root already becomes no more by `sudo`.
            Reach::Privileged if report.host.root && !is_tree => Help::Privilege,
            Reach::Here | Reach::Privileged => by_us(&part.proposal.changes, fix, report),
            Reach::Runtime => Help::Runtime,
            Reach::Host => Help::Host,
            Reach::Boot => Help::Boot,
            Reach::Manual => {
                let words = part.remedy_here().map(|(_, words)| words);
                words.map_or(Help::Nothing, |words| Help::Person(short(words)))
            }
        };
        // What is hardest to come by decides.
        if matches!(all, None | Some(Help::Apply)) {
            all = Some(part);
        }
    }
    let all = all.unwrap_or(Help::Nothing);
    if all == Help::Apply && !finding.severity.is_made(false) {
        return Help::Notes;
    }
    all
}

/// What `runup apply` makes of changes that can be made from here.
fn by_us(changes: &[Change], fix: &Fix, report: &Report) -> Help {
    if changes.is_empty() {
        return Help::Nothing;
    }
    if !fix.dangers.is_empty() {
        return Help::Consent(Consent::Risky);
    }
    let os = Os::parse(report.host.os);
    let contained = report.host.container.is_some();
    let asks = changes.iter().map(|change| match &change.target {
        Target::Sysctl(key) => {
            let known = os.and_then(|os| catalogue::lookup(os, key));
            match known.map(|known| known.write) {
                Some(Write::OneWay | Write::Lossy) => Help::Consent(Consent::OneWay),
                Some(Write::Never | Write::ReadOnly) => Help::Nothing,
                None if !is_settable(key) => Help::Nothing,
                Some(Write::Yes) | None if contained && change.scope == Scope::Host => Help::Consent(Consent::Risky),
                Some(Write::Yes) | None => Help::Apply,
            }
        }
        Target::Sysfs(_) if contained => Help::Consent(Consent::Risky),
        Target::Sysfs(_) | Target::Limit(..) => Help::Apply,
        Target::Swap => Help::Consent(Consent::Swapoff),
        Target::Cgroup(_) => Help::Nothing,
    });
    asks.fold(Help::Apply, |all, ask| if all == Help::Apply { ask } else { all })
}

/// The first sentence, without its full stop.
fn short(words: &str) -> String {
    let line = words.lines().next().unwrap_or_default();
    let end = line.find(". ").unwrap_or(line.len());
    let mut text = line[..end].trim_end_matches('.').to_owned();
    if let Some(first) = text.get(..1).map(str::to_lowercase) {
        // A word in small letters but for its first is the beginning of a sentence and no name.
        if text.chars().nth(1).is_some_and(char::is_lowercase) {
            text.replace_range(..1, &first);
        }
    }
    text
}

/// The command that makes them right, as it is typed; `None` where the run cannot be named again.
fn command(findings: &[&Finding], report: &Report) -> Option<String> {
    let again = report.again.as_ref().filter(|_| !findings.is_empty())?;
    let changes = || {
        findings
            .iter()
            .filter_map(|finding| finding.fix.as_ref())
            .flat_map(Fix::changes)
    };
    let is_limit = |change: &Change| matches!(change.target, Target::Limit(..));
    let privileged = findings
        .iter()
        .filter_map(|finding| finding.fix.as_ref())
        .flat_map(|fix| &fix.parts)
        .any(|part| part.proposal.reach == Reach::Privileged);
    let sudo = if privileged && !again.root { "sudo " } else { "" };
    // Limits are a process's own: those of the shell that the command is typed into.
    let whose = if changes().any(is_limit) && report.host.pid.is_none() {
        " --pid $$"
    } else {
        ""
    };
    Some(format!("{sudo}runup apply {}{whose}", again.words))
}
