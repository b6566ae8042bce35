//! sysctl.d(5).

use super::ask::{Ask, Direction};
use super::draft::{Draft, Spot};
use super::{Entry, Format, ImportError, Input, Reads, Templates, Told, Wish, template};
use crate::catalogue::{self, Written, written};
use crate::document::write::Toml;
use crate::persisted::{Persisted, Reader, Setting};
use crate::recording::is_secret;
use crate::rule::startup::Startup;
use crate::rule::{Severity, Table, glob, taken};
use crate::system::{Os, SysctlName, System};

/// `sysctl.conf`, and the drop-ins of sysctl.d(5).
#[derive(Debug)]
pub struct SysctlD;

impl Format for SysctlD {
    fn name(&self) -> &'static str {
        "sysctl.d"
    }

    fn help(&self) -> &'static str {
        "sysctl.conf, and drop-in files by the rules of sysctl.d(5): names order and mask, patterns leave alone what a line \
         names. A value is what the key must be; a line with a dash in front is a note."
    }

    fn by_name(&self, entry: &Entry) -> Option<Told> {
        if entry.is_file(&["sysctl.conf"]) {
            return Some(Told::ByFile);
        }
        entry.is_drop_in("sysctl.d").then_some(Told::ByDirectory)
    }

    fn by_lines(&self, rows: &[&str]) -> bool {
        rows.iter().all(|row| {
            let (key, value) = row.split_once('=').unwrap_or((row, ""));
            let key = key.trim().trim_start_matches('-');
            let assigns = (row.contains('=') || row.starts_with('-')) && !value.starts_with('=');
            assigns && key.contains(['.', '/']) && !key.contains(|c: char| c.is_whitespace() || "<>![]".contains(c))
        })
    }

    /// The files of a directory mask one another, and are read in an order of their own.
    fn reads(&self) -> Reads {
        Reads::Directory
    }

    fn makes_floors(&self) -> bool {
        true
    }

    fn templates(&self) -> Templates {
        Templates::ByLine
    }

    fn import(&self, input: &Input, wish: &Wish, system: &dyn System, draft: &mut Draft) -> Result<(), ImportError> {
        import(input, wish, system, draft);
        Ok(())
    }
}

/// Reads files and directories as the programs that apply them do.
fn import(input: &Input, wish: &Wish, system: &dyn System, draft: &mut Draft) {
    let mut directories = Vec::new();
    let mut files = Vec::new();
    let mut reader = Reader::Systemd;
    for entry in &input.entries {
        match entry {
            Entry::Directory { path, .. } => directories.push(path.clone()),
            Entry::File { path, text } => {
                // Nothing but sysctl(8) reads it by that name.
                if entry.name() == "sysctl.conf" {
                    reader = Reader::Procps;
                }
                files.push((path.clone(), text.clone()));
            }
        }
    }
    if !directories.is_empty() {
        reader = Reader::Systemd;
    }
    let persisted = Persisted::from_places(&directories, &files, system);
    let direction = if wish.at_least {
        Direction::EqualOrBetter
    } else {
        Direction::Equal
    };
    said(&persisted, reader, &files, (system, None), draft);
    rules(&persisted, reader, direction, None, draft);
}

/// What files say of a machine, with patterns resolved to the keys that it has. The files may be another machine's; `given` are
/// those that were read already, with their texts.
#[must_use]
pub fn of_machine(
    persisted: &Persisted,
    severity: Severity,
    given: &[(String, String)],
    files: &dyn System,
    machine: &dyn System,
) -> Draft {
    let mut draft = Draft::new(severity);
    let reader = Reader::of(machine);
    said(persisted, reader, given, (files, Some(machine)), &mut draft);
    rules(persisted, reader, Direction::Equal, Some(machine), &mut draft);
    draft
}

/// Lines that set nothing, and lines that no program understands.
fn said(
    persisted: &Persisted,
    reader: Reader,
    given: &[(String, String)],
    (system, machine): (&dyn System, Option<&dyn System>),
    draft: &mut Draft,
) {
    let inventory = persisted.inventory(reader);
    for unused in &inventory.unused {
        let spot = Spot::new(&unused.file, unused.line);
        if unused.replaced {
            draft.remark(&spot, unused.why.clone());
        } else {
            draft.left_out(&spot, unused.why.clone());
        }
    }
    for refused in &inventory.refused {
        let spot = Spot::new(&refused.line.file, refused.line.line);
        let key = refused.name.dotted();
        // A profile says what a machine must be, and a line that sets nothing says nothing of it; but a check of the file fails there.
        if machine.is_none() || is_secret(key) {
            draft.left_out(&spot, format!("the kernel refuses it: {key} {}", refused.why));
            continue;
        }
        let subject = vec![
            ("line", Toml::text(format!("{key} = {}", refused.line.value))),
            ("line_refused", Toml::Table(vec![("eq", Toml::Bool(false))])),
        ];
        draft.rule(&format!("{key}-line"), <Startup as Table>::NAME, subject, &spot);
        if refused.lenient {
            draft.soften();
        }
    }
    for path in persisted.files() {
        let spot = Spot::new(path, 0);
        let text = match given.iter().find(|(known, _)| known == path) {
            Some((_, text)) => text.clone(),
            None => match system.read(path) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(failure) => {
                    draft.left_out(&spot, format!("it cannot be read: {failure}"));
                    continue;
                }
            },
        };
        for line in crate::persisted::not_understood(&text) {
            let row = text
                .split('\n')
                .nth((line as usize).saturating_sub(1))
                .unwrap_or_default();
            let said = match template::is_in(row) {
                true => template::SAID,
                false => "this is no setting: a line is KEY = VALUE",
            };
            draft.left_out(&Spot::new(path, line), said);
        }
    }
}

fn rules(persisted: &Persisted, reader: Reader, direction: Direction, machine: Option<&dyn System>, draft: &mut Draft) {
    let settings = persisted.inventory(reader).settings;
    for (at, setting) in settings.iter().enumerate() {
        let spot = Spot::new(&setting.assignment.file, setting.assignment.line);
        if template::is_in(&setting.assignment.value) {
            draft.left_out(&spot, template::SAID);
            continue;
        }
        if let Some(other) = &setting.other {
            let key = setting.name.dotted();
            let value = if is_secret(key) {
                "(not shown)"
            } else {
                other.value.as_str()
            };
            let (reader, place) = (reader.other().name(), Spot::new(&other.file, other.line));
            draft.remark(&spot, format!("{reader} sets {key} to `{value}` instead ({place})"));
        }
        if let Some(rest) = setting.rest.as_ref().filter(|_| !is_secret(setting.name.dotted())) {
            let taken = &setting.assignment.value;
            draft.remark(
                &spot,
                format!("the kernel takes `{taken}`, and leaves out `{rest}` behind it"),
            );
        }
        match (setting.is_pattern, machine) {
            (false, _) => {
                let value = of_unknown(setting, machine, &spot, draft);
                let value = value.as_deref().unwrap_or(&setting.assignment.value);
                one(&setting.name, value, direction, setting, &spot, draft);
            }
            (true, Some(system)) => {
                for name in persisted.expand(setting, system) {
                    // Another pattern may have the last word on this key.
                    if let Some(wins) = persisted.assignment(&name, reader)
                        && (wins.file.as_str(), wins.line) == (&setting.assignment.file, setting.assignment.line)
                    {
                        one(&name, &wins.value, direction, setting, &spot, draft);
                    }
                }
            }
            (true, None) => {
                let later = settings[at + 1..].iter().filter(|other| other.is_pattern);
                let overlaps = later
                    .filter(|other| other.assignment.value != setting.assignment.value)
                    .find(|other| may_overlap(setting.name.path(), other.name.path()));
                match overlaps {
                    Some(other) => draft.left_out(
                        &spot,
                        format!(
                            "{}:{} says something else of some of the same keys, and a pattern of a rule has no exceptions",
                            other.assignment.file, other.assignment.line
                        ),
                    ),
                    None => pattern(setting, direction, &spot, draft),
                }
            }
        }
    }
}

/// What a key that nobody knows is set to, where something stands behind a number: the machine's own value tells whether it is one,
/// else the form of the line.
fn of_unknown(setting: &Setting, machine: Option<&dyn System>, spot: &Spot, draft: &mut Draft) -> Option<String> {
    let (key, text) = (setting.name.dotted(), setting.assignment.value.as_str());
    if catalogue::lookup(Os::Linux, key).is_some() {
        return None;
    }
    let live = machine.and_then(|machine| machine.sysctl(key).ok());
    let kind = match live {
        Some(live) => taken::looks_like(&live),
        None => text
            .split_once(['#', ';'])
            .and_then(|(number, _)| taken::looks_like(number)),
    };
    match written(key, kind, text) {
        Written::Front { set, rest } => {
            draft.remark(
                spot,
                format!("the kernel takes `{set}`, and leaves out `{rest}` behind it"),
            );
            Some(set)
        }
        Written::Whole(_) | Written::Refused { .. } | Written::Unknown => None,
    }
}

fn one(name: &SysctlName, value: &str, direction: Direction, setting: &Setting, spot: &Spot, draft: &mut Draft) {
    let before = draft.len();
    let ask = Ask {
        key: name.dotted(),
        value,
        direction,
        when: None,
        spot,
    };
    ask.make(draft);
    if setting.lenient && draft.len() > before {
        draft.soften();
    }
}

/// A pattern as a pattern of ours, where both mean the same keys. Ours leaves `all` and `default` out, and has no exceptions.
fn pattern(setting: &Setting, direction: Direction, spot: &Spot, draft: &mut Draft) {
    let path = setting.name.path();
    let value = setting.assignment.value.as_str();
    if path.contains(['?', '[', '\\']) || path.split('/').any(|part| part.contains(',') && !part.contains('{')) {
        draft.left_out(spot, "in a pattern of a rule only `*` and `{a,b}` stand for something");
        return;
    }
    let at = path.split('/').position(|part| part == "*");
    let special = |name: &SysctlName| {
        at.and_then(|at| name.path().split('/').nth(at))
            .is_some_and(|part| matches!(part, "all" | "default"))
    };
    let exception = setting
        .excluded
        .iter()
        .find(|(name, other)| !special(name) && other.as_deref() != Some(value));
    if let Some((name, _)) = exception {
        draft.left_out(
            spot,
            format!(
                "it does not mean {}, and a pattern of a rule has no exceptions",
                name.dotted()
            ),
        );
        return;
    }
    one(&setting.name, value, direction, setting, spot, draft);
    // Of the interfaces and the rest that has both.
    let both = matches!(path.split('/').nth(2), Some("conf" | "neigh"));
    for word in ["all", "default"].into_iter().filter(|_| both) {
        let Some(at) = at else { continue };
        let parts: Vec<&str> = path
            .split('/')
            .enumerate()
            .map(|(n, part)| if n == at { word } else { part })
            .collect();
        let Ok(name) = SysctlName::parse(&parts.join("/")) else {
            continue;
        };
        if !setting.excluded.iter().any(|(known, _)| *known == name) {
            one(&name, value, direction, setting, spot, draft);
        }
    }
}

/// Whether two patterns may mean one key: no segment tells them apart for certain.
fn may_overlap(left: &str, right: &str) -> bool {
    let wild = |part: &str| part.contains(['*', '?', '[', '{', '\\']);
    let (left, right): (Vec<&str>, Vec<&str>) = (left.split('/').collect(), right.split('/').collect());
    left.len() == right.len()
        && left.iter().zip(&right).all(|(a, b)| match (wild(a), wild(b)) {
            (false, false) => a == b,
            (true, false) => glob::matches(a, b) || a.contains(['?', '[', '\\']),
            (false, true) => glob::matches(b, a) || b.contains(['?', '[', '\\']),
            (true, true) => true,
        })
}
