//! `runup show`: a profile as TOML with everything resolved, each value with the file that it comes from.

use std::fmt::Write as _;

use clap::ArgMatches;

use super::output::Streams;
use super::{CommandError, CommandResult, ExitCode, inputs, project};
use crate::diagnostic::Diagnostics;
use crate::document::raw::{Data, Entry, Raw};
use crate::document::write::{toml_key, toml_text};
use crate::host::Host;
use crate::profile::merge::Merged;
use crate::profile::params::{self, Values};
use crate::rule::Severity;
use crate::source::{Place, Sources};
use crate::system::System;
use crate::system::live::LiveSystem;
use crate::text::printable;

pub(super) fn run(matches: &ArgMatches, sources: &mut Sources, streams: &mut Streams) -> CommandResult {
    let word = matches.get_one::<String>("profile").cloned().unwrap_or_default();
    let system = LiveSystem::new();
    let settings = inputs::settings(matches, sources)?;
    let mut profiles = project::load(
        &project::library(),
        std::slice::from_ref(&word),
        system.platform().os,
        sources,
        streams,
    )?;
    let Some(profile) = profiles.pop() else {
        return Ok(ExitCode::Error);
    };
    let host = Host::new(&system);
    let mut sink = Diagnostics::new();
    for setting in settings
        .iter()
        .filter(|setting| !profile.params.iter().any(|param| param.name == setting.name))
    {
        sink.push(crate::diagnostic::Diagnostic::at(
            setting.place,
            format!("the profile has no parameter `{}`", setting.name),
        ));
    }
    let values = params::evaluate(&profile.params, &settings, &host, &mut sink);
    if !sink.is_empty() {
        return Err(CommandError::Diagnostics(sink.into_sorted()));
    }
    let text = render(&profile.raw, &values, sources);
    streams.try_result(|out| out.write_all(printable(&text).as_bytes()))?;
    Ok(ExitCode::Ready)
}

/// The profile as TOML that reads back as itself, without `extends`.
fn render(merged: &Merged, values: &Values<'_>, sources: &Sources) -> String {
    let page = Page {
        sources,
        own: merged.source,
    };
    let mut out = String::new();
    let _ = writeln!(out, "# {}: {}", merged.name, sources.get(merged.source).display_name());
    if let Some(summary) = &merged.summary {
        let _ = writeln!(out, "summary = {}", toml_text(summary));
    }
    for param in &merged.params {
        let _ = writeln!(out, "\n[params.{}]{}", param.key, page.from(param.key_place));
        if let Some((_, value)) = values.params().find(|(name, _)| *name == param.key) {
            let _ = writeln!(out, "# its value here: {}", value.show());
        }
        page.entries(&param.value, param.key_place, &mut out);
    }
    for rule in &merged.rules {
        let _ = writeln!(out, "\n[[rule]]{}", page.from(rule.place));
        let first = rule.table.entries.iter().filter(|entry| entry.key == "id");
        let rest = rule.table.entries.iter().filter(|entry| entry.key != "id");
        for entry in first.chain(rest) {
            page.entry(entry, rule.place, &mut out);
        }
        if rule.table.get("severity").is_none() {
            let severity = Severity::DEFAULT.name();
            let _ = writeln!(out, "severity = {}  # no file says one", toml_text(severity));
        }
        if let (Some(when), None) = (&rule.file_when, rule.table.get("when")) {
            let _ = writeln!(out, "when = {}{}", inline(when), page.from(when.place));
        }
    }
    for waiver in &merged.waivers {
        let _ = writeln!(out, "\n[[waive]]{}", page.from(waiver.place));
        page.entries(waiver, waiver.place, &mut out);
    }
    out
}

struct Page<'a> {
    sources: &'a Sources,
    own: crate::source::SourceId,
}

impl Page<'_> {
    /// A comment that names the file, for what does not come from the profile's own.
    fn from(&self, place: Place) -> String {
        if place.source == self.own {
            return String::new();
        }
        let position = self.sources.position(place);
        format!(
            "  # {}:{}",
            self.sources.get(place.source).display_name(),
            position.line
        )
    }

    fn entries(&self, raw: &Raw, parent: Place, out: &mut String) {
        if let Data::Table(table) = &raw.data {
            for entry in &table.entries {
                self.entry(entry, parent, out);
            }
        }
    }

    fn entry(&self, entry: &Entry, parent: Place, out: &mut String) {
        // Values of a table that two files wrote together are told one by one.
        let mut places = Vec::new();
        collect_sources(&entry.value, &mut places);
        places.dedup();
        let comment = if places.len() > 1 || places.first() != Some(&parent.source) {
            let names: Vec<String> = leaves(&entry.value)
                .into_iter()
                .filter(|place| place.source != self.own || places.len() > 1)
                .map(|place| {
                    format!(
                        "{}:{}",
                        self.sources.get(place.source).display_name(),
                        self.sources.position(place).line
                    )
                })
                .collect();
            if names.is_empty() {
                String::new()
            } else {
                format!("  # {}", names.join(", "))
            }
        } else {
            String::new()
        };
        let _ = writeln!(out, "{} = {}{comment}", toml_key(&entry.key), inline(&entry.value));
    }
}

fn collect_sources(raw: &Raw, out: &mut Vec<crate::source::SourceId>) {
    for place in leaves(raw) {
        if !out.contains(&place.source) {
            out.push(place.source);
        }
    }
}

fn leaves(raw: &Raw) -> Vec<Place> {
    match &raw.data {
        Data::Table(table) => table.entries.iter().flat_map(|entry| leaves(&entry.value)).collect(),
        _ => vec![raw.place],
    }
}

fn inline(raw: &Raw) -> String {
    match &raw.data {
        Data::Text(text) => toml_text(text),
        Data::Integer(number) => number.to_string(),
        Data::Bool(value) => value.to_string(),
        Data::Date(date) => format!("{:04}-{:02}-{:02}", date.year, date.month, date.day),
        Data::List(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Data::Table(table) => {
            let entries = table
                .entries
                .iter()
                .map(|entry| format!("{} = {}", toml_key(&entry.key), inline(&entry.value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Data::Other(what) => (*what).to_owned(),
    }
}
