//! A page for each profile.

use std::fmt::Write as _;

use super::{Entry, MADE, Page, asked, code, label_of, origin, systems, words};
use crate::document::raw::{Raw, Table};
use crate::source::{SourceId, Sources};

pub(super) fn page(entry: &Entry, sources: &Sources) -> Page {
    let profile = entry.main();
    let mut text = format!("{MADE}# {}\n\n", entry.name);
    if let Some(summary) = &profile.summary {
        let _ = writeln!(text, "{}.\n", words(summary));
    }
    if !entry.extends.is_empty() {
        let parents: Vec<String> = entry
            .extends
            .iter()
            .map(|name| format!("[{name}]({name}.md)"))
            .collect();
        let _ = writeln!(text, "It takes over everything from {}.\n", parents.join(" and "));
    }
    let _ = writeln!(text, "```sh\nrunup check {}\n```\n", entry.name);
    parameters(entry, sources, &mut text);
    text.push_str("## Rules\n");
    for rule in &profile.rules {
        self::rule(entry, &rule.id, sources, &mut text);
    }
    Page {
        path: format!("profiles/{}.md", entry.name),
        text,
    }
}

fn parameters(entry: &Entry, sources: &Sources, out: &mut String) {
    let params = &entry.main().raw.params;
    if params.is_empty() {
        return;
    }
    out.push_str("## Parameters\n\n`--set NAME=VALUE` gives one another value.\n\n");
    out.push_str("| name | default | at least | at most | what it is | from |\n|---|---|---|---|---|---|\n");
    for param in params {
        let field = |name: &str| param.value.table().and_then(|table| table.get(name));
        let shown = |name: &str| field(name).map(|raw| code(&operand(raw, sources))).unwrap_or_default();
        let help = field("help").and_then(Raw::text).map(words).unwrap_or_default();
        let one_of = field("one_of")
            .map(|raw| format!(" One of {}.", code(sources.text(raw.place))))
            .unwrap_or_default();
        let from = param
            .value
            .table()
            .map(|table| from(table, entry.main().source, sources))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {help}{one_of} | {} |",
            param.key,
            shown("default"),
            shown("min"),
            shown("max"),
            from.unwrap_or_default()
        );
    }
    out.push('\n');
}

/// An operand without the quotes of an expression.
fn operand(raw: &Raw, sources: &Sources) -> String {
    raw.text()
        .map_or_else(|| sources.text(raw.place).to_owned(), str::to_owned)
}

/// The other files that a table's values come from; `None` where they all stand in the profile's own.
fn from(table: &Table, own: SourceId, sources: &Sources) -> Option<String> {
    let mut places = Vec::new();
    collect(table, &mut places);
    places.sort_unstable();
    places.dedup();
    let others: Vec<String> = places
        .iter()
        .filter(|source| **source != own)
        .map(|source| origin(*source, sources))
        .map(|name| format!("[{name}]({name}.md)"))
        .collect();
    let changed = places.contains(&own);
    match (others.is_empty(), changed) {
        (true, _) => None,
        (false, false) => Some(others.join(", ")),
        (false, true) => Some(format!("{}, changed here", others.join(", "))),
    }
}

fn collect(table: &Table, out: &mut Vec<SourceId>) {
    // The id is in every file that says anything of the rule, and is nothing that it says.
    for entry in table.entries.iter().filter(|entry| entry.key != "id") {
        match entry.value.table() {
            Some(inner) => collect(inner, out),
            None => out.push(entry.value.place.source),
        }
    }
}

fn rule(entry: &Entry, id: &str, sources: &Sources, out: &mut String) {
    let Some(rule) = entry.main().rules.iter().find(|rule| rule.id == id) else {
        return;
    };
    let _ = writeln!(out, "\n### {}\n", id);
    let readings = entry.readings_of(id, sources);
    let everywhere = readings.len() == 1 && readings[0].systems.len() > 1;
    for reading in &readings {
        let Some(subject) = &reading.rule.subject else { continue };
        let label = label_of(reading.rule);
        let kind = subject.kind.name();
        let name = label.strip_prefix(kind).unwrap_or_default().trim();
        let name = if name.is_empty() {
            String::new()
        } else {
            format!(" {}", code(name))
        };
        let asks: Vec<String> = asked(reading.rule, sources).iter().map(|ask| code(ask)).collect();
        let on = if everywhere {
            String::new()
        } else {
            format!(" ({})", systems(&reading.systems))
        };
        let _ = writeln!(out, "- [{kind}](../kinds/{kind}.md){name}{on}: {}", asks.join(", "));
    }
    for condition in &rule.when {
        let _ = writeln!(out, "- when {}", code(condition.expr.text()));
    }
    let _ = writeln!(out, "- severity: {}", rule.severity.name());
    if let Some(vendor) = rule.vendor {
        let _ = writeln!(out, "- the vendor {} it", verb(vendor.name()));
    }
    if let Some(advice) = rule.advice {
        let _ = writeln!(out, "- it speaks against a setting: {}", advice.name());
    }
    if let Some(why) = &rule.why {
        let _ = writeln!(out, "- why: {}", words(why));
    }
    if let Some(remedy) = &rule.remedy {
        let _ = writeln!(out, "- do: {}", words(remedy));
    }
    if let Some(source) = &rule.source {
        let _ = writeln!(out, "- source: <{source}>");
    }
    let raw = entry.raw_rule(id);
    if let Some(from) = raw.and_then(|raw| from(&raw.table, entry.main().source, sources)) {
        let _ = writeln!(out, "- from {from}");
    }
}

/// What the vendor does, as a clause about the state that the rule guards against.
fn verb(name: &str) -> &str {
    match name {
        "refuses" => "refuses to start without",
        "degrades" => "lowers a limit of its own without",
        "warns" => "warns without",
        other => other,
    }
}
