//! Everything that the files set, line by line: what the key-by-key answer of [`Persisted::of`] is made of, turned round.

use std::collections::HashSet;

use super::files::DropIn;
use super::lookup::Lookup;
use super::syntax::Line;
use super::{Assignment, Persisted, Reader, pattern, syntax, taken};
use crate::catalogue::Written;
use crate::system::{SysctlName, System};

/// One key, or one pattern of keys, that the files set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key, or the pattern.
    pub name: SysctlName,
    /// Whether it is a pattern.
    pub is_pattern: bool,
    /// The line that wins.
    pub assignment: Assignment,
    /// What stands behind the value, and the kernel leaves out: most often a comment.
    pub rest: Option<String>,
    /// Whether the line begins with a dash: a kernel that refuses the value is no failure.
    pub lenient: bool,
    /// What the other program sets instead, where the two differ.
    pub other: Option<Assignment>,
    /// Of a pattern, the keys that it matches and a line names: the pattern says nothing about them.
    pub excluded: Vec<(SysctlName, Option<String>)>,
}

/// A line that sets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// Why: a sentence without a full stop.
    pub why: String,
    /// Whether another line says it instead, so that nothing is missing.
    pub replaced: bool,
}

/// A line that the kernel refuses, and that no later one makes up for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The key, or the pattern.
    pub name: SysctlName,
    /// The line, with its value as it stands there.
    pub line: Assignment,
    /// Whether the line begins with a dash.
    pub lenient: bool,
    /// Why: `takes an integer, and ...`
    pub why: String,
}

/// Everything that the files set, in the order of the files, and what they hold besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// What is set.
    pub settings: Vec<Setting>,
    /// What sets nothing.
    pub unused: Vec<Unused>,
    /// What the kernel refuses.
    pub refused: Vec<Refused>,
}

impl Persisted {
    /// Everything that is set, as one of the programs reads the files, and what only the other one reads.
    #[must_use]
    pub fn inventory(&self, reader: Reader) -> Inventory {
        let mut found = Inventory::default();
        let mut seen: HashSet<String> = HashSet::new();
        let both = [reader, reader.other()].map(|reader| self.lookup(reader));
        for (own, first) in both.iter().zip([true, false]) {
            for (file, line) in own.all(self) {
                let Some(path) = line.path() else {
                    if first {
                        found
                            .unused
                            .push(unused(file, line, "it names nothing below /proc/sys"));
                    }
                    continue;
                };
                let name = match SysctlName::parse(path) {
                    Ok(name) if name.path() == path || !path.contains('/') => name,
                    wrong => {
                        if first {
                            let why = match wrong {
                                Ok(_) => "a dot in the first part of the name means nothing".to_owned(),
                                Err(error) => format!("this is no key: {error}"),
                            };
                            found.unused.push(unused(file, line, &why));
                        }
                        continue;
                    }
                };
                if !seen.insert(path.to_owned()) {
                    continue;
                }
                let setting = if line.is_pattern() {
                    pattern_of(&name, own, self, &mut found)
                } else {
                    key(&name, both, self, &mut found)
                };
                found.settings.extend(setting);
            }
        }
        let files: Vec<&str> = self.files().collect();
        let place = |setting: &Setting| {
            let file = files.iter().position(|path| *path == setting.assignment.file);
            (file.unwrap_or(files.len()), setting.assignment.line)
        };
        let keys: Vec<(usize, u32)> = found.settings.iter().map(place).collect();
        found.settings = in_order(found.settings, &keys);
        found
    }

    /// The keys of a machine that a pattern means and no line names, by path.
    #[must_use]
    pub fn expand(&self, setting: &Setting, system: &dyn System) -> Vec<SysctlName> {
        let mut paths = vec![String::new()];
        for part in setting.name.path().split('/') {
            let mut next = Vec::new();
            for parent in paths {
                let join = |name: &str| format!("{parent}{}{name}", if parent.is_empty() { "" } else { "/" });
                if !part.contains(['*', '?', '[', '{', '\\']) {
                    next.push(join(part));
                    continue;
                }
                let names = system.list(&format!("/proc/sys/{parent}")).unwrap_or_default();
                // In braces alternatives may hold slashes; such a pattern is matched as a whole, by neither program here.
                next.extend(
                    names
                        .iter()
                        .filter(|name| pattern::matches(part, name, true))
                        .map(|name| join(name)),
                );
            }
            paths = next;
        }
        paths
            .iter()
            .filter(|path| system.stat(&format!("/proc/sys/{path}")).is_ok())
            .filter_map(|path| SysctlName::parse(path).ok())
            .filter(|name| !setting.excluded.iter().any(|(other, _)| other == name))
            .collect()
    }

    /// The line that wins for a key, as one of the programs reads it, else as the other one does.
    #[must_use]
    pub fn assignment(&self, name: &SysctlName, reader: Reader) -> Option<Assignment> {
        let comes_to = |reader| self.lookup(reader).comes_to(name, self);
        comes_to(reader).or_else(|| comes_to(reader.other()))
    }
}

fn key(name: &SysctlName, both: [&Lookup; 2], persisted: &Persisted, out: &mut Inventory) -> Option<Setting> {
    let [first, second] = both.map(|lookup| lookup.written(name, persisted).map(|written| written.by));
    let own = if first.is_some() { both[0] } else { both[1] };
    let lines = own.naming(name.path(), persisted);
    let winner = first.clone().or(second);
    let is_winner = |file: &DropIn, line: &Line| {
        let is = |winner: &Assignment| file.path == winner.file && line.number == winner.line;
        winner.as_ref().is_some_and(is)
    };
    // What a later line makes up for is no loss.
    let last = lines.iter().position(|(_, file, line)| is_winner(file, line));
    let lost = lines.get(last.unwrap_or_default()..).unwrap_or_default();
    let lost: Vec<Refused> = lost
        .iter()
        .filter_map(|(_, file, line)| refused(name, file, line))
        .collect();
    let is_lost = |line: &Line, file: &DropIn| {
        let is = |lost: &Refused| lost.line.file == file.path && lost.line.line == line.number;
        lost.iter().any(is)
    };
    let Some(assignment) = winner.clone() else {
        // A line without a value keeps patterns away, and says all that it has to say by that.
        for (_, file, line) in lines.iter().filter(|(_, _, line)| line.value.is_some()) {
            if !is_lost(line, file) {
                out.unused.push(unused(file, line, "an empty value sets no number"));
            }
        }
        out.refused.extend(lost);
        return None;
    };
    // Another name of the setting, or the setting in its other unit, may have the last word.
    let [last, other] = both.map(|lookup| lookup.comes_to(name, persisted));
    let last = if first.is_some() { last } else { other.clone() }.unwrap_or_else(|| assignment.clone());
    let is_last = (&last.file, last.line) == (&assignment.file, assignment.line);
    let by = match is_last {
        true => format!("{}:{} sets {} instead", last.file, last.line, name.dotted()),
        false => format!(
            "{}:{} makes {} {} after it",
            last.file,
            last.line,
            name.dotted(),
            last.value
        ),
    };
    let (mut lenient, mut rest) = (false, None);
    for (_, file, line) in &lines {
        if is_last && is_winner(file, line) {
            lenient = line.lenient;
            rest = ignored(name, line);
        } else if line.value.is_some() && !is_lost(line, file) {
            out.unused.push(Unused {
                replaced: true,
                ..unused(file, line, &by)
            });
        }
    }
    out.refused.extend(lost);
    is_last.then(|| Setting {
        name: name.clone(),
        is_pattern: false,
        lenient,
        rest,
        other: first.and(other).filter(|other| other.value != assignment.value),
        assignment,
        excluded: Vec::new(),
    })
}

fn pattern_of(name: &SysctlName, own: &Lookup, persisted: &Persisted, out: &mut Inventory) -> Option<Setting> {
    let patterns = own.patterns(persisted);
    let same: Vec<(&DropIn, &Line)> = patterns.filter(|(_, line)| line.path() == Some(name.path())).collect();
    let ((file, line), earlier) = same.split_last()?;
    if line.value.as_deref().is_none_or(str::is_empty) {
        out.unused
            .push(unused(file, line, "a pattern without a value sets nothing"));
        return None;
    }
    out.refused.extend(refused(name, file, line));
    let assignment = Assignment {
        value: taken::value(name, line)?,
        file: file.path.clone(),
        line: line.number,
    };
    let by = format!("{}:{} sets the same pattern instead", assignment.file, assignment.line);
    for (file, line) in earlier {
        out.unused.push(Unused {
            replaced: true,
            ..unused(file, line, &by)
        });
    }
    let mut excluded: Vec<(SysctlName, Option<String>)> = Vec::new();
    for (_, other) in own.all(persisted).filter(|(_, other)| !other.is_pattern()) {
        let named = other.path().filter(|path| line.means(path));
        if let Some(named) = named.and_then(|path| SysctlName::parse(path).ok())
            && !excluded.iter().any(|(known, _)| *known == named)
        {
            let value = own.written(&named, persisted).map(|written| written.by.value);
            excluded.push((named, value));
        }
    }
    Some(Setting {
        name: name.clone(),
        is_pattern: true,
        lenient: line.lenient,
        rest: ignored(name, line),
        other: None,
        assignment,
        excluded,
    })
}

/// Things in the order of their places in files: one sort of numbers, for all kinds of things.
#[must_use]
pub fn in_order<T>(things: Vec<T>, keys: &[(usize, u32)]) -> Vec<T> {
    let mut order: Vec<u128> = Vec::with_capacity(keys.len());
    for (at, (file, line)) in keys.iter().enumerate() {
        order.push((*file as u128) << 96 | u128::from(*line) << 64 | at as u128);
    }
    order.sort_unstable();
    let mut things: Vec<Option<T>> = things.into_iter().map(Some).collect();
    let taken = order
        .into_iter()
        .map(|key| things.get_mut(key as u64 as usize).and_then(Option::take));
    taken.flatten().collect()
}

/// The lines of a text that neither program takes for a setting, a comment or nothing, by number.
#[must_use]
pub fn not_understood(text: &str) -> Vec<u32> {
    let mut read = vec![false; text.split('\n').count() + 1];
    for reader in [Reader::Systemd, Reader::Procps] {
        for line in syntax::parse(text, reader) {
            if let Some(is_read) = read.get_mut(line.number as usize) {
                *is_read = true;
            }
        }
    }
    (1..)
        .zip(text.split('\n'))
        .filter(|(number, line)| {
            let line = line.trim();
            !line.is_empty()
                && !line.starts_with(['#', ';'])
                && !read.get(*number as usize).is_some_and(|is_read| *is_read)
        })
        .map(|(number, _)| number)
        .collect()
}

/// The line as one that the kernel refuses; `None` where it does not.
fn refused(name: &SysctlName, file: &DropIn, line: &Line) -> Option<Refused> {
    let text = line.value.clone()?;
    let written = taken::of_line(name, line)?;
    let why = written.refused()?;
    Some(Refused {
        name: name.clone(),
        line: Assignment {
            value: text,
            file: file.path.clone(),
            line: line.number,
        },
        lenient: line.lenient,
        why: why.to_owned(),
    })
}

/// What stands behind the value of a line.
fn ignored(name: &SysctlName, line: &Line) -> Option<String> {
    match taken::of_line(name, line)? {
        Written::Front { rest, .. } => Some(rest),
        Written::Whole(_) | Written::Refused { .. } | Written::Unknown => None,
    }
}

fn unused(file: &DropIn, line: &Line, why: &str) -> Unused {
    Unused {
        file: file.path.clone(),
        line: line.number,
        why: why.to_owned(),
        replaced: false,
    }
}
