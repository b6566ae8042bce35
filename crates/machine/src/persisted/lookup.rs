//! The lines that one program reads, by what they are about: a key that is looked up costs no walk through all of them.

use std::collections::{HashMap, HashSet};

use super::files::DropIn;
use super::syntax::Line;
use super::{Assignment, Persisted, Reader, taken};
use crate::catalogue;
use crate::system::SysctlName;

/// The lines of one reader, by their numbers in the order in which it sees them.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    reader: Reader,
    /// The file and the line in it; `None` for the file that procps reads at the end.
    lines: Vec<(Option<usize>, usize)>,
    named: HashMap<String, Vec<usize>>,
    pub(super) patterns: Vec<usize>,
    /// Every key as it is spelled: procps keeps a pattern away from a key that some line names in the spelling that the pattern comes
    /// to.
    spelled: HashSet<String>,
}

/// A line that wins, and when it is written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) at: usize,
    pub(super) by: Assignment,
}

impl Lookup {
    pub(super) fn new(persisted: &Persisted, reader: Reader) -> Self {
        let mut lookup = Self {
            reader,
            lines: Vec::new(),
            named: HashMap::new(),
            patterns: Vec::new(),
            spelled: HashSet::new(),
        };
        let files = persisted.drop_ins.iter().enumerate();
        let seen = files.filter(|(_, file)| file.is_seen_by(reader));
        let last = persisted.last.iter().filter(|_| reader == Reader::Procps);
        let all = seen
            .map(|(at, file)| (Some(at), file))
            .chain(last.map(|file| (None, file)));
        for (file, (row, line)) in
            all.flat_map(|(at, file)| file.lines(reader).iter().enumerate().map(move |line| (at, line)))
        {
            let at = lookup.lines.len();
            lookup.lines.push((file, row));
            match line.path() {
                Some(_) if line.is_pattern() => lookup.patterns.push(at),
                Some(path) => lookup.named.entry(path.to_owned()).or_default().push(at),
                None => {}
            }
            if !line.is_pattern() {
                lookup.spelled.insert(line.written.clone());
            }
        }
        lookup
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn line<'a>(&self, at: usize, persisted: &'a Persisted) -> Option<(&'a DropIn, &'a Line)> {
        let (file, row) = *self.lines.get(at)?;
        let file = match file {
            Some(file) => persisted.drop_ins.get(file)?,
            None => persisted.last.as_ref()?,
        };
        Some((file, file.lines(self.reader).get(row)?))
    }

    /// All lines, in order.
    pub(super) fn all<'a>(&self, persisted: &'a Persisted) -> impl Iterator<Item = (&'a DropIn, &'a Line)> {
        (0..self.lines.len()).filter_map(move |at| self.line(at, persisted))
    }

    /// The patterns, in order.
    pub(super) fn patterns<'a>(&self, persisted: &'a Persisted) -> impl Iterator<Item = (&'a DropIn, &'a Line)> {
        self.patterns.iter().filter_map(move |at| self.line(*at, persisted))
    }

    /// The lines that name a key, in order.
    pub(super) fn naming<'a>(&self, path: &str, persisted: &'a Persisted) -> Vec<(usize, &'a DropIn, &'a Line)> {
        let at = self.named.get(path).map(Vec::as_slice).unwrap_or_default();
        let found = at
            .iter()
            .filter_map(|at| self.line(*at, persisted).map(|(file, line)| (*at, file, line)));
        found.collect()
    }

    /// What a key will be when every line is written: what is set by whichever of its names comes last, and 0 where the same setting
    /// in its other unit is set later. At boot this is the first user namespace.
    pub(super) fn comes_to(&self, name: &SysctlName, persisted: &Persisted) -> Option<Assignment> {
        let (key, others) = (name.dotted(), catalogue::names(name.dotted()));
        let others = others.iter().filter(|other| **other != key);
        let others = others.filter_map(|other| self.written(&SysctlName::parse(other).ok()?, persisted));
        let own = self
            .written(name, persisted)
            .into_iter()
            .chain(others)
            .max_by_key(|written| written.at);
        let zeroed = catalogue::twin(key).and_then(|twin| {
            let written = self.written(&SysctlName::parse(twin).ok()?, persisted)?;
            (catalogue::zeroed_by(twin, &written.by.value) == Some(key)).then_some(written)
        });
        match (own, zeroed) {
            (own, Some(zeroed)) if own.as_ref().is_none_or(|own| zeroed.at > own.at) => Some(Assignment {
                value: "0".to_owned(),
                ..zeroed.by
            }),
            (own, _) => own.map(|own| own.by),
        }
    }

    /// Whether all lines about a setting say one thing, by whichever name and in whichever unit.
    pub(super) fn agrees(&self, name: &SysctlName, persisted: &Persisted) -> bool {
        let key = name.dotted();
        let others = catalogue::names(key).iter().copied().chain(catalogue::twin(key));
        let names: Vec<SysctlName> = others.filter_map(|other| SysctlName::parse(other).ok()).collect();
        let paths = || names.iter().map(SysctlName::path).chain([name.path()]);
        let about = self
            .all(persisted)
            .filter(|(_, line)| paths().any(|path| line.means(path)));
        let mut values = about.filter_map(|(_, line)| line.value.as_deref());
        let first = values.next();
        values.all(|value| Some(value) == first)
    }

    /// The line that wins for a key by this name alone.
    pub(super) fn written(&self, name: &SysctlName, persisted: &Persisted) -> Option<Written> {
        let path = name.path();
        let mut about = self.naming(path, persisted);
        let matching = self
            .patterns
            .iter()
            .filter_map(|at| self.line(*at, persisted).map(|(file, line)| (*at, file, line)));
        about.extend(matching.filter(|(_, _, line)| line.means(path)));
        about.sort_unstable_by_key(|(at, ..)| *at);
        let (value, (at, file, line)) = match self.reader {
            Reader::Systemd => {
                let last = systemd(&about, name)?;
                (taken::value(name, last.2)?, last)
            }
            Reader::Procps => self.procps(&about, name)?,
        };
        let by = Assignment {
            value,
            file: file.path.clone(),
            line: line.number,
        };
        Some(Written { at, by })
    }

    /// procps writes one after the other, and knows a key by its path as it is spelled. What a line leaves of a row is as the lines
    /// before it made it.
    fn procps<'a>(&self, about: &[About<'a>], name: &SysctlName) -> Option<(String, About<'a>)> {
        let gives_way = |line: &Line| line.is_pattern() && self.spelled.contains(&line.expanded(name.path()));
        let mut last: Option<(String, About<'a>)> = None;
        for about in about.iter().filter(|(_, _, line)| !gives_way(line)) {
            if let Some(value) = taken::value(name, about.2) {
                let value = match &last {
                    Some((before, _)) => taken::over(name, &value, before),
                    None => value,
                };
                last = Some((value, *about));
            }
        }
        last
    }
}

/// A line by its number.
type About<'a> = (usize, &'a DropIn, &'a Line);

/// systemd keeps every key once, in one spelling. A line that names the key keeps every pattern away from it, wherever it stands,
/// and of these lines the last one counts, also where it sets nothing. What is repeated as it was stays at its old place; what is
/// changed goes to the end.
fn systemd<'a>(about: &[About<'a>], name: &SysctlName) -> Option<About<'a>> {
    let mut order: Vec<About<'a>> = Vec::new();
    for (at, file, line) in about {
        match order.iter().position(|(_, _, other)| other.written == line.written) {
            Some(known) if order[known].2.value == line.value => {
                // The later line says so too, and is the one to name where lines name the key itself.
                if !line.is_pattern() {
                    order[known] = (order[known].0, file, line);
                }
                continue;
            }
            Some(known) => drop(order.remove(known)),
            None => {}
        }
        order.push((*at, file, line));
    }
    match order.iter().find(|(_, _, line)| !line.is_pattern()) {
        Some(named) => Some(*named).filter(|(_, _, line)| taken::value(name, line).is_some()),
        None => order
            .into_iter()
            .rfind(|(_, _, line)| taken::value(name, line).is_some()),
    }
}
