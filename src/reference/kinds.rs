//! A page for each kind of subject.

use std::fmt::Write as _;

use super::{Entry, MADE, Page, anchor, words};
use crate::rule::{Kind, Rule};
use crate::value::{Comparator, Type};

pub(super) fn page(kind: &dyn Kind, entries: &[Entry]) -> Page {
    let docs = kind.docs();
    let name = kind.name();
    let mut text = format!("{MADE}# {name}\n\n{}\n\n{}\n\n", docs.summary, docs.text.trim());
    let _ = writeln!(text, "```toml\n{}\n```\n", docs.example.trim());
    if !kind.selectors().is_empty() {
        text.push_str("## Which one\n\n| key | what it is |\n|---|---|\n");
        for field in kind.selectors() {
            let needed = if field.required { " Required." } else { "" };
            let _ = writeln!(text, "| `{}` | {}{needed} |", field.name, cell(field.doc));
        }
        text.push('\n');
    }
    text.push_str("## What can be compared\n\n");
    let named: Vec<_> = kind.metrics().filter(|metric| !metric.name.is_empty()).collect();
    if named.is_empty() {
        let all: Vec<String> = Comparator::names().map(|name| format!("`{name}`")).collect();
        let doc = kind.metric(0).map_or("", |metric| metric.doc);
        let _ = writeln!(
            text,
            "{} The comparators stand in the table itself: {}.\n",
            cell(doc),
            all.join(", ")
        );
    } else {
        text.push_str("| key | type | what it is |\n|---|---|---|\n");
        for metric in named {
            let of = metric.value.map_or("", Type::describe);
            let _ = writeln!(text, "| `{}` | {of} | {} |", metric.name, cell(metric.doc));
        }
        text.push('\n');
    }
    if !docs.remedies.is_empty() {
        text.push_str("## How to fix it\n\n| where | what to do |\n|---|---|\n");
        for (dialect, remedy) in docs.remedies {
            let _ = writeln!(text, "| {} | {} |", dialect.name(), words(remedy));
        }
        text.push('\n');
    }
    let uses = |rule: &&Rule| rule.subject.as_ref().is_some_and(|subject| subject.kind.name() == name);
    let mut rows: Vec<String> = Vec::new();
    for entry in entries {
        let mut ids: Vec<&str> = Vec::new();
        for rule in entry
            .readings
            .iter()
            .flat_map(|profile| profile.rules.iter().filter(uses))
        {
            if !ids.contains(&rule.id.as_str()) {
                ids.push(&rule.id);
            }
        }
        if !ids.is_empty() {
            let links: Vec<String> = ids
                .iter()
                .map(|id| format!("[{id}](../profiles/{}.md#{})", entry.name, anchor(id)))
                .collect();
            rows.push(format!(
                "| [{0}](../profiles/{0}.md) | {1} |",
                entry.name,
                links.join(", ")
            ));
        }
    }
    if !rows.is_empty() {
        let _ = write!(
            text,
            "## Rules that use it\n\n| profile | rules |\n|---|---|\n{}\n",
            rows.join("\n")
        );
    }
    Page {
        path: format!("kinds/{name}.md"),
        text,
    }
}

/// Documentation that is Markdown already, in a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
