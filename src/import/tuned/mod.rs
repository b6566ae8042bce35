//! Profiles of the tuned daemon: `include`, variables, and units that later profiles change.

mod options;
mod plugins;

use super::draft::{Draft, Spot};
use super::input::read_text;
use super::{Entry, Format, ImportError, Input, Reads, Templates, Told, Wish, template};
use crate::most;
use crate::system::System;

/// Where tuned looks for a profile that another one includes, after the directory beside it.
const DIRECTORIES: [&str; 4] = [
    "/etc/tuned/profiles",
    "/etc/tuned",
    "/usr/lib/tuned/profiles",
    "/usr/lib/tuned",
];

/// A profile of the tuned daemon.
#[derive(Debug)]
pub struct Tuned;

impl Format for Tuned {
    fn name(&self) -> &'static str {
        "tuned"
    }

    fn help(&self) -> &'static str {
        "a profile's directory or its tuned.conf, with what it includes; `>` and `<` before a value are floor and ceiling."
    }

    fn by_name(&self, entry: &Entry) -> Option<Told> {
        let told = match entry {
            Entry::File { .. } => entry.is_file(&[FILE]),
            Entry::Directory { names, .. } => names.iter().any(|name| name == FILE),
        };
        told.then_some(Told::ByFile)
    }

    fn by_lines(&self, rows: &[&str]) -> bool {
        let section = rows
            .first()
            .is_some_and(|row| row.starts_with('[') && row.ends_with(']'));
        section && rows.iter().any(|row| row.contains('='))
    }

    fn strictness(&self) -> u8 {
        3
    }

    fn templates(&self) -> Templates {
        Templates::OwnVariables
    }

    /// A directory is one profile, and what else lies in it is for the profile to name.
    fn reads(&self) -> Reads {
        Reads::Directory
    }

    fn import(&self, input: &Input, _wish: &Wish, system: &dyn System, draft: &mut Draft) -> Result<(), ImportError> {
        import(input, system, draft)
    }
}

/// The file in a profile's directory that is the profile.
const FILE: &str = "tuned.conf";

/// One option of a unit.
#[derive(Debug, Clone)]
struct Setting {
    key: String,
    value: String,
    spot: Spot,
}

/// A section of a profile.
#[derive(Debug, Clone)]
struct Unit {
    name: String,
    spot: Spot,
    options: Vec<Setting>,
}

/// Everything that was read so far.
struct Loader<'a> {
    system: &'a dyn System,
    draft: &'a mut Draft,
    units: Vec<Unit>,
    variables: Vec<(String, String)>,
    seen: Vec<String>,
}

fn import(input: &Input, system: &dyn System, draft: &mut Draft) -> Result<(), ImportError> {
    for entry in &input.entries {
        let (path, text) = match entry {
            Entry::File { path, text } => (path.clone(), text.clone()),
            Entry::Directory { path, .. } => {
                let path = format!("{path}/{FILE}");
                let text = read_text(&path, system)?;
                template::refuse(&path, &text, Templates::OwnVariables)?;
                (path, text)
            }
        };
        let mut loader = Loader {
            system,
            draft,
            units: Vec::new(),
            variables: Vec::new(),
            seen: vec![path.clone()],
        };
        loader.profile(&path, &text, 0);
        let (units, variables) = (loader.units, loader.variables);
        for unit in &units {
            plugins::unit(unit, &units, &variables, draft);
        }
    }
    Ok(())
}

impl Loader<'_> {
    fn profile(&mut self, path: &str, text: &str, depth: usize) {
        let (mut units, mistakes) = sections(path, text);
        for spot in mistakes {
            self.draft
                .left_out(&spot, "this is no option: a line is NAME = VALUE, below a [section]");
        }
        let directory = path.rsplit_once('/').map_or(".", |(directory, _)| directory);
        for setting in units.iter_mut().flat_map(|unit| &mut unit.options) {
            setting.value = setting.value.replace("${i:PROFILE_DIR}", directory);
        }
        let (main, rest): (Vec<Unit>, Vec<Unit>) = units.into_iter().partition(|unit| unit.name == "main");
        let (variables, units): (Vec<Unit>, Vec<Unit>) = rest.into_iter().partition(|unit| unit.name == "variables");
        for setting in variables.iter().flat_map(|unit| &unit.options) {
            self.variable(setting, directory);
        }
        for setting in main.iter().flat_map(|unit| &unit.options) {
            match setting.key.as_str() {
                "summary" if depth == 0 => self.draft.summary = Some(setting.value.clone()),
                "summary" | "description" | "uname_regex" => {}
                "include" => self.include(setting, directory, depth),
                other => self.draft.left_out(
                    &setting.spot,
                    format!("`{other}` of a profile is nothing that a rule says"),
                ),
            }
        }
        for unit in units {
            self.merge(unit);
        }
    }

    fn variable(&mut self, setting: &Setting, directory: &str) {
        if setting.key != "include" {
            let value = expand(&setting.value, &self.variables);
            self.define(&setting.key, value);
            return;
        }
        let value = &setting.value;
        let path = if value.starts_with('/') {
            value.clone()
        } else {
            format!("{directory}/{value}")
        };
        match read_text(&path, self.system) {
            Ok(text) => {
                for row in text
                    .lines()
                    .map(str::trim)
                    .filter(|row| !row.starts_with(['#', ';', '[']))
                {
                    if let Some((key, value)) = row.split_once('=') {
                        let value = expand(&unquoted(value.trim()), &self.variables);
                        self.define(key.trim(), value);
                    }
                }
            }
            Err(error) => self
                .draft
                .remark(&setting.spot, format!("its variables are not known: {error}")),
        }
    }

    fn define(&mut self, name: &str, value: String) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value));
    }

    fn include(&mut self, setting: &Setting, directory: &str, depth: usize) {
        let names = expand(&setting.value, &self.variables);
        if names.contains("${") {
            self.draft.left_out(
                &setting.spot,
                format!("what `{names}` includes is decided where tuned runs"),
            );
            return;
        }
        for name in names.split([',', ';']).map(str::trim).filter(|name| !name.is_empty()) {
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) && !name.starts_with('.');
            if !plain {
                self.draft
                    .left_out(&setting.spot, format!("`{name}` is not the name of a profile"));
                continue;
            }
            let beside = match directory.rsplit_once('/') {
                Some((parent, _)) => parent,
                None if directory == "." => "..",
                None => ".",
            };
            let found = std::iter::once(beside)
                .chain(DIRECTORIES)
                .map(|directory| match directory {
                    "." => format!("{name}/{FILE}"),
                    directory => format!("{directory}/{name}/{FILE}"),
                })
                .find_map(|path| Some((read_text(&path, self.system).ok()?, path)));
            match found {
                None => self.draft.left_out(
                    &setting.spot,
                    format!("the profile `{name}` that it includes is not found"),
                ),
                // A profile that is included twice, or by itself, is read once.
                Some((_, path)) if self.seen.contains(&path) || depth >= most::TUNED_IN_A_ROW => {}
                Some((text, path)) => {
                    self.seen.push(path.clone());
                    self.profile(&path, &text, depth + 1);
                }
            }
        }
    }

    /// A unit of the same name as an earlier one changes it, or takes its place where it says so.
    fn merge(&mut self, unit: Unit) {
        let replaces = unit.options.iter().any(|option| {
            option.key == "replace" && matches!(option.value.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on")
        });
        let Some(known) = self.units.iter_mut().find(|known| known.name == unit.name) else {
            self.units.push(unit);
            return;
        };
        if replaces {
            *known = unit;
            return;
        }
        // What a unit is, and for which devices, is said anew by each profile.
        known
            .options
            .retain(|option| !matches!(option.key.as_str(), "type" | "enabled" | "devices"));
        for dropped in unit.options.iter().filter(|option| option.key == "drop") {
            let names: Vec<&str> = dropped.value.split([',', ';']).map(str::trim).collect();
            known.options.retain(|option| !names.contains(&option.key.as_str()));
        }
        for option in unit.options {
            known.options.retain(|old| old.key != option.key);
            known.options.push(option);
        }
    }
}

/// The sections of a file, and lines that are in none of its forms. A section that comes twice is one.
fn sections(path: &str, text: &str) -> (Vec<Unit>, Vec<Spot>) {
    let mut units: Vec<Unit> = Vec::new();
    let mut mistakes = Vec::new();
    let mut current: Option<usize> = None;
    for (row, number) in text.lines().zip(1..) {
        let spot = Spot::new(path, number);
        // A comment behind a value has a space before it.
        let row = row.find(" #").or_else(|| row.find("\t#")).map_or(row, |at| &row[..at]);
        let line = row.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let at = units.iter().position(|unit| unit.name == name);
            current = Some(at.unwrap_or_else(|| {
                units.push(Unit {
                    name: name.to_owned(),
                    spot,
                    options: Vec::new(),
                });
                units.len() - 1
            }));
            continue;
        }
        let Some(unit) = current.and_then(|at| units.get_mut(at)) else {
            mistakes.push(spot);
            continue;
        };
        if row.starts_with([' ', '\t'])
            && let Some(last) = unit.options.last_mut()
        {
            // A value goes on over lines that are indented.
            last.value.push(' ');
            last.value.push_str(line);
            continue;
        }
        match line.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                let key = key.trim().to_owned();
                unit.options.retain(|option| option.key != key);
                unit.options.push(Setting {
                    key,
                    value: value.trim().to_owned(),
                    spot,
                });
            }
            _ => mistakes.push(spot),
        }
    }
    (units, mistakes)
}

/// Puts variables in the place of their names. Functions, and names that nobody defined, stay.
fn expand(text: &str, variables: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let end = after.find('}');
        let value = end.and_then(|end| variables.iter().find(|(name, _)| *name == after[2..end]));
        match (end, value) {
            // What a value holds is not expanded again: it was when it was defined.
            (Some(end), Some((_, value))) if !before.ends_with('\\') => {
                out.push_str(value);
                rest = &after[end + 1..];
            }
            _ => {
                out.push_str("${");
                rest = &after[2..];
            }
        }
        if out.len() > most::TUNED_VALUE {
            break;
        }
    }
    out.push_str(rest);
    out
}

/// A value without the quotes around it.
fn unquoted(text: &str) -> String {
    let quoted = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(text).to_owned()
}
