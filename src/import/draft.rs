//! Rules that are being made, and the profile that comes of them.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::write::{Toml, toml_text};
use crate::persisted::in_order;
use crate::profile::search::Found;
use crate::profile::{self, Library, Profile};
use crate::rule::Severity;
use crate::source::{Origin, Place, Sources};
use crate::system::Os;
use crate::text::printable;

/// A line of a file that is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The file, as the user would write it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
}

/// What a note means for the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The profile does not say what the line says.
    LeftOut,
    /// It does, and there is something to know about it.
    Remark,
}

/// Something to be said about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The line.
    pub spot: Spot,
    /// What it means.
    pub weight: Weight,
    /// A sentence without a full stop.
    pub text: String,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    id: String,
    kind: &'static str,
    subject: Toml,
    when: Option<String>,
    severity: Severity,
    spot: Spot,
}

/// The rules that were made, and what there is to say.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What the profile is for, where a file says it.
    pub summary: Option<String>,
    severity: Severity,
    rules: Vec<Rule>,
    notes: Vec<Note>,
}

/// A profile, made and read.
#[derive(Debug)]
pub struct Made {
    /// Its text: TOML.
    pub text: String,
    /// The same as rules; each points at the line that it comes from where the file's text is in the sources.
    pub profile: Profile,
    /// How many rules there are.
    pub rules: usize,
    /// What is to be said, by file and line.
    pub notes: Vec<Note>,
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

impl Spot {
    /// A line of a file; line 0 is the file as a whole.
    #[must_use]
    pub fn new(file: &str, line: u32) -> Self {
        Self {
            file: file.to_owned(),
            line,
        }
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{}: {}", self.spot, printable(&text))
    }
}

impl Draft {
    /// Nothing yet; rules matter so much where nothing else is said.
    #[must_use]
    pub fn new(severity: Severity) -> Self {
        Self {
            summary: None,
            severity,
            rules: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a rule about something that `id` names.
    pub(super) fn rule(&mut self, id: &str, kind: &'static str, subject: Vec<(&'static str, Toml)>, spot: &Spot) {
        self.conditional(id, kind, subject, None, spot);
    }

    /// The same, under a condition.
    pub(super) fn conditional(
        &mut self,
        id: &str,
        kind: &'static str,
        subject: Vec<(&'static str, Toml)>,
        when: Option<&str>,
        spot: &Spot,
    ) {
        self.rules.push(Rule {
            id: name(id),
            kind,
            subject: Toml::Table(subject),
            when: when.map(str::to_owned),
            severity: self.severity,
            spot: spot.clone(),
        });
    }

    /// Lowers the last rule to a note.
    pub(super) fn soften(&mut self) {
        if let Some(rule) = self.rules.last_mut() {
            rule.severity = Severity::Note;
        }
    }

    /// How many rules there are.
    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    /// Says what a line loses.
    pub(super) fn left_out(&mut self, spot: &Spot, text: impl Into<String>) {
        self.note(spot, Weight::LeftOut, text.into());
    }

    /// Says something about a line that is in the profile all the same.
    pub(super) fn remark(&mut self, spot: &Spot, text: impl Into<String>) {
        self.note(spot, Weight::Remark, text.into());
    }

    fn note(&mut self, spot: &Spot, weight: Weight, text: String) {
        let note = Note {
            spot: spot.clone(),
            weight,
            text,
        };
        // A pattern says the same of each key that it means.
        if self.notes.last() != Some(&note) {
            self.notes.push(note);
        }
    }

    /// Writes the profile and reads it back; a rule that the profile's reader does not take is left out, with its reason.
    pub fn make(mut self, name: &str, files: &[String], library: &Library, sources: &mut Sources) -> Made {
        self.unique();
        loop {
            let (text, ranges) = self.write(files);
            let mut trial = Sources::new();
            let source = trial.add(name, text.as_str(), Origin::CommandLine);
            let mut sink = Diagnostics::new();
            let found = |source| Found {
                name: name.to_owned(),
                source,
            };
            let loaded = profile::load_text(library, found(source), Os::Linux, &mut trial, &mut sink);
            let mistakes = sink.into_sorted();
            if mistakes.is_empty()
                && loaded.is_some()
                && let Some(mut profile) = {
                    // The same text again, among the sources of the run, so that its places mean something there.
                    let source = sources.add(name, text.as_str(), Origin::CommandLine);
                    profile::load_text(library, found(source), Os::Linux, sources, &mut Diagnostics::new())
                }
            {
                self.point(&mut profile, sources);
                return Made {
                    text,
                    profile,
                    rules: self.rules.len(),
                    notes: sorted(self.notes),
                };
            }
            self.drop_mistaken(&mistakes, &ranges);
        }
    }

    /// Takes the rules out that mistakes are about; where nobody can tell, all of them, so that the next round ends it.
    fn drop_mistaken(&mut self, mistakes: &[Diagnostic], ranges: &[std::ops::Range<usize>]) {
        let mut mistaken: Vec<Option<String>> = vec![None; self.rules.len()];
        for mistake in mistakes {
            let place = mistake.place.map_or(usize::MAX, |place| place.start as usize);
            let label = Some(&mistake.label).filter(|label| !label.is_empty());
            let text = label.map_or(mistake.message.clone(), |label| {
                format!("{} ({label})", mistake.message)
            });
            if let Some(at) = ranges.iter().position(|range| range.contains(&place)) {
                mistaken[at].get_or_insert(text);
            }
        }
        if mistaken.iter().all(Option::is_none) {
            mistaken.fill(Some("no profile can say it".to_owned()));
            self.summary = None;
        }
        let rules = std::mem::take(&mut self.rules);
        for (rule, mistake) in rules.into_iter().zip(mistaken) {
            match mistake {
                Some(text) => self.left_out(&rule.spot, format!("`{}`: {text}", rule.id)),
                None => self.rules.push(rule),
            }
        }
    }

    /// Every id once: the second `vm.swappiness` is `vm.swappiness-2`.
    fn unique(&mut self) {
        let mut seen: HashSet<String> = HashSet::new();
        for rule in &mut self.rules {
            let mut id = rule.id.clone();
            let mut number = 2;
            while !seen.insert(id.clone()) {
                id = format!("{}-{number}", rule.id);
                number += 1;
            }
            rule.id = id;
        }
    }

    /// The text, and where each rule stands in it.
    fn write(&self, files: &[String]) -> (String, Vec<std::ops::Range<usize>>) {
        let from = files.join(", ");
        let summary = self.summary.clone().unwrap_or_else(|| format!("what {from} asks for"));
        let mut out = format!("# made by runup import of {}\n", one_line(&from));
        let _ = writeln!(out, "summary = {}", toml_text(&one_line(&summary)));
        let mut ranges = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            out.push('\n');
            let start = out.len();
            let _ = writeln!(out, "[[rule]]\nid = {}", toml_text(&rule.id));
            let _ = writeln!(out, "{} = {}", rule.kind, rule.subject);
            if let Some(when) = &rule.when {
                let _ = writeln!(out, "when = {}", toml_text(when));
            }
            let _ = writeln!(out, "severity = \"{}\"", rule.severity.name());
            let _ = writeln!(out, "why = {}", toml_text(&one_line(&format!("{} says so", rule.spot))));
            ranges.push(start..out.len());
        }
        let notes = sorted(self.notes.clone());
        for (weight, title) in [
            (Weight::LeftOut, "not in this profile:"),
            (Weight::Remark, "to know about it:"),
        ] {
            let lines: Vec<String> = notes
                .iter()
                .filter(|note| note.weight == weight)
                .map(|note| one_line(&note.to_string()))
                .collect();
            if !lines.is_empty() {
                let _ = write!(out, "\n# {title}\n");
            }
            for line in lines {
                let _ = writeln!(out, "#   {line}");
            }
        }
        (out, ranges)
    }

    /// Lets each rule point at its own line, where the file's text is known.
    fn point(&self, profile: &mut Profile, sources: &Sources) {
        let spots: HashMap<&str, &Spot> = self.rules.iter().map(|own| (own.id.as_str(), &own.spot)).collect();
        let mut files: HashMap<&str, Vec<Place>> = HashMap::new();
        for rule in &mut profile.rules {
            let Some(spot) = spots.get(rule.id.as_str()) else {
                continue;
            };
            let lines = files.entry(&spot.file).or_insert_with(|| lines_of(&spot.file, sources));
            let line = (spot.line as usize).checked_sub(1).and_then(|at| lines.get(at));
            rule.place = line.copied().unwrap_or(rule.place);
        }
    }
}

/// Notes by file and line, with the files in the order in which they first come.
fn sorted(notes: Vec<Note>) -> Vec<Note> {
    let mut files: Vec<String> = Vec::new();
    let mut place = |file: &String| match files.iter().position(|known| known == file) {
        Some(at) => at,
        None => {
            files.push(file.clone());
            files.len() - 1
        }
    };
    let keys: Vec<(usize, u32)> = notes
        .iter()
        .map(|note| (place(&note.spot.file), note.spot.line))
        .collect();
    in_order(notes, &keys)
}

/// Where each line of a file stands among the sources of a run, without the space around it; none where its text is not known.
fn lines_of(file: &str, sources: &Sources) -> Vec<Place> {
    let Some(source) = sources.named(file) else {
        return Vec::new();
    };
    let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut start = 0;
    let lines = sources.get(source).text.split_inclusive('\n').map(|line| {
        let inner = line.trim_end();
        let indent = inner.len() - inner.trim_start().len();
        let place = Place {
            source,
            start: clamp(start + indent),
            end: clamp(start + inner.len()),
        };
        start += line.len();
        place
    });
    lines.collect()
}

/// A name of letters, digits, `-`, `_` and `.` that is like a text.
fn name(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(100) {
        match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') => out.push(c),
            '*' => out.push_str("any"),
            _ if !out.ends_with('-') => out.push('-'),
            _ => {}
        }
    }
    let out = out.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if out.is_empty() {
        "rule".to_owned()
    } else {
        out.to_owned()
    }
}

/// Text of a file that must not end its line, nor reach a terminal as it is.
fn one_line(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}
