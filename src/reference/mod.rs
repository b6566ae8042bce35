//! The reference pages: Markdown made from the profiles and from what the kinds say of themselves.
//!
//! The same words that `explain` prints, for reading without the program. The pages of the built-in profiles are committed under
//! `docs/`, and a test says whether they are up to date.

mod asked;
mod keys;
mod kinds;
mod profiles;

pub use asked::{asked, label_of};

use std::fmt::Write as _;

use crate::diagnostic::Diagnostics;
use crate::document::raw::{Data, Raw};
use crate::profile::fields;
use crate::profile::merge::RawRule;
use crate::profile::{self, Library, Profile, search};
use crate::rule::{KINDS, Rule};
use crate::source::{SourceId, Sources};
use crate::system::Os;

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its path below the directory of all pages.
    pub path: String,
    /// Markdown.
    pub text: String,
}

/// The systems that a profile is read for, the one whose words come first.
const SYSTEMS: [Os; 3] = [Os::Linux, Os::Macos, Os::Freebsd];

/// A built-in profile, read for every system.
struct Entry {
    name: &'static str,
    /// In the order of [`SYSTEMS`].
    readings: Vec<Profile>,
    extends: Vec<String>,
}

/// A rule as it is on one system or several.
struct Reading<'a> {
    systems: Vec<Os>,
    rule: &'a Rule,
}

impl Entry {
    fn main(&self) -> &Profile {
        &self.readings[0]
    }

    /// What a rule is about, on every system where it is about something; systems with the same words are one.
    fn readings_of<'a>(&'a self, id: &str, sources: &Sources) -> Vec<Reading<'a>> {
        let mut found: Vec<(Reading<'a>, (String, Vec<String>))> = Vec::new();
        for (os, profile) in SYSTEMS.into_iter().zip(&self.readings) {
            let Some(rule) = profile.rules.iter().find(|rule| rule.id == id) else {
                continue;
            };
            if rule.subject.is_none() {
                continue;
            }
            let words = (label_of(rule), asked(rule, sources));
            match found.iter_mut().find(|(_, known)| *known == words) {
                Some((reading, _)) => reading.systems.push(os),
                None => found.push((
                    Reading {
                        systems: vec![os],
                        rule,
                    },
                    words,
                )),
            }
        }
        found.into_iter().map(|(reading, _)| reading).collect()
    }

    /// The rules in raw form, which know the files that they come from.
    fn raw_rule(&self, id: &str) -> Option<&RawRule> {
        self.main().raw.rules.iter().find(|rule| rule.id == id)
    }
}

/// Every page, of the built-in profiles and of every kind.
#[must_use]
pub fn pages() -> Vec<Page> {
    let mut sources = Sources::new();
    let entries: Vec<Entry> = search::built_in_names()
        .filter_map(|name| load(name, &mut sources))
        .collect();
    let mut pages = vec![index(&entries), keys::page(&entries, &sources)];
    pages.extend(entries.iter().map(|entry| profiles::page(entry, &sources)));
    pages.extend(KINDS.iter().map(|kind| kinds::page(*kind, &entries)));
    pages
}

fn load(name: &'static str, sources: &mut Sources) -> Option<Entry> {
    let library = Library::built_in_only();
    let mut readings = Vec::new();
    for os in SYSTEMS {
        readings.push(profile::load(&library, name, os, sources, &mut Diagnostics::new())?);
    }
    let source = readings.first()?.source;
    let table = crate::document::parse(sources, source, &mut Diagnostics::new());
    let extends = match table.get("extends").map(|raw| &raw.data) {
        Some(Data::List(list)) => list.iter().filter_map(Raw::text).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Some(Entry {
        name,
        readings,
        extends,
    })
}

fn index(entries: &[Entry]) -> Page {
    let mut text = String::from(MADE);
    text.push_str("# Reference\n\n## Profiles\n\n| profile | rules | what it is for |\n|---|---|---|\n");
    for entry in entries {
        let profile = entry.main();
        let _ = writeln!(
            text,
            "| [{0}](profiles/{0}.md) | {1} | {2} |",
            entry.name,
            profile.rules.len(),
            words(profile.summary.as_deref().unwrap_or_default())
        );
    }
    text.push_str("\n[Which profile asks what of which key](keys.md)\n\n## Kinds of subject\n\n| kind | what a rule looks at |\n|---|---|\n");
    for kind in KINDS {
        let _ = writeln!(
            text,
            "| [{0}](kinds/{0}.md) | {1} |",
            kind.name(),
            words(kind.docs().summary)
        );
    }
    text.push_str("\n## What a rule says besides its subject\n\n| key | |\n|---|---|\n");
    for field in fields::RULE {
        let _ = writeln!(text, "| {} | {} |", code(field.name), words(field.doc));
    }
    Page {
        path: "README.md".to_owned(),
        text,
    }
}

/// Above every page.
const MADE: &str =
    "<!-- Made by `cargo run --example reference -- docs`; edit the profiles and the kinds, not this. -->\n\n";

/// The names of systems, for a person.
fn systems(list: &[Os]) -> String {
    let titles: Vec<&str> = list.iter().map(|os| os.title()).collect();
    titles.join(", ")
}

/// Text as Markdown that says the same, on one line and fit for a table.
fn words(text: &str) -> String {
    let mut out = String::new();
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '*' | '[' | ']' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Text that is to be read as it stands, on one line and fit for a table.
fn code(text: &str) -> String {
    let text = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|");
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// The anchor that a heading has where Markdown is shown as GitHub shows it.
fn anchor(heading: &str) -> String {
    heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '))
        .map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
        .collect()
}

/// The name of the profile whose file a source is.
fn origin(source: SourceId, sources: &Sources) -> &str {
    &sources.get(source).name
}

#[cfg(test)]
mod tests {
    use super::{anchor, code, words};

    #[test]
    fn text_stays_what_it_is() {
        assert_eq!(
            words("a|b <c> *d*\n e & [f]"),
            "a\\|b &lt;c&gt; \\*d\\* e &amp; \\[f\\]"
        );
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(anchor("net.core.somaxconn-2"), "netcoresomaxconn-2");
    }
}
