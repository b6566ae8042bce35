//! Which profile asks what of which key.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Entry, MADE, Page, anchor, asked, code, words};
use crate::catalogue;
use crate::source::Sources;
use crate::system::Resource;

/// The kinds whose subjects have names of their own, with the title of their table.
const TABLES: [(&str, &str); 3] = [
    ("sysctl", "Kernel parameters"),
    ("rlimit", "Limits of processes"),
    ("sysfs", "Switches under /sys"),
];

pub(super) fn page(entries: &[Entry], sources: &Sources) -> Page {
    let mut text = format!("{MADE}# Which profile asks what of which key\n");
    for (kind, title) in TABLES {
        // By key; then by rule, in the order of the profiles.
        let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in entries {
            for rule in &entry.main().rules {
                for reading in entry.readings_of(&rule.id, sources) {
                    let Some(subject) = reading
                        .rule
                        .subject
                        .as_ref()
                        .filter(|subject| subject.kind.name() == kind)
                    else {
                        continue;
                    };
                    let asks: Vec<String> = asked(reading.rule, sources).iter().map(|ask| code(ask)).collect();
                    let line = format!(
                        "[{0}/{1}](profiles/{0}.md#{2}) ({3}): {4}",
                        entry.name,
                        rule.id,
                        anchor(&rule.id),
                        rule.severity.name(),
                        asks.join(", ")
                    );
                    let lines = rows.entry(subject.kind.label(&subject.selectors)).or_default();
                    if !lines.contains(&line) {
                        lines.push(line);
                    }
                }
            }
        }
        if rows.is_empty() {
            continue;
        }
        let _ = write!(
            text,
            "\n## {title}\n\n| name | what it is | asked by |\n|---|---|---|\n"
        );
        for (name, lines) in rows {
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                code(&name),
                words(&[about(kind, &name), guarded(kind, &name)].concat()),
                lines.join("<br>")
            );
        }
    }
    Page {
        path: "keys.md".to_owned(),
        text,
    }
}

/// That a change may need `--allow risky`, and why.
fn guarded(kind: &str, name: &str) -> String {
    let harms = match kind {
        "sysctl" | "sysfs" => catalogue::harms(name),
        _ => Vec::new(),
    };
    if harms.is_empty() {
        return String::new();
    }
    format!(" Guarded: it may be that {}.", harms.join("; or that "))
}

fn about(kind: &str, name: &str) -> String {
    match kind {
        "sysctl" => super::SYSTEMS
            .into_iter()
            .find_map(|os| catalogue::lookup(os, name))
            .map_or(String::new(), |key| key.summary.to_owned()),
        "rlimit" => Resource::parse(name).map_or(String::new(), |resource| resource.doc().to_owned()),
        _ => String::new(),
    }
}
