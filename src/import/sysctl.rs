//! sysctl.d(5), and what every format makes of a key with a value.

use super::draft::{Draft, Spot};
use super::number;
use super::{Entry, Input, Wish};
use crate::catalogue::{self, Bound};
use crate::persisted::{Persisted, Reader, Setting};
use crate::profile::write::Toml;
use crate::rule::{self, Severity, glob};
use crate::system::recording::is_secret;
use crate::system::{Os, SysctlName, System};
use crate::value::{PortRange, PortSet, Type};

/// What a file wants of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// This one.
    Equal,
    /// This one, or more where the catalogue knows that more is better.
    EqualOrBetter,
    /// At least this one.
    Floor,
    /// At most this one.
    Ceiling,
    /// Any other one.
    Other,
}

impl Direction {
    /// The comparator's key.
    pub(super) fn comparator(self) -> &'static str {
        match self {
            Direction::Equal | Direction::EqualOrBetter => "eq",
            Direction::Floor => "min",
            Direction::Ceiling => "max",
            Direction::Other => "not",
        }
    }
}

/// What is asked of a key.
pub(super) struct Ask<'a> {
    /// The key's name, in any of its forms.
    pub(super) key: &'a str,
    /// The value as the file writes it.
    pub(super) value: &'a str,
    /// What is wanted of it.
    pub(super) direction: Direction,
    /// The condition under which it is wanted.
    pub(super) when: Option<&'a str>,
    /// The line.
    pub(super) spot: &'a Spot,
}

/// Reads files and directories as the programs that apply them do.
pub(super) fn import(input: &Input, wish: &Wish, system: &dyn System, draft: &mut Draft) {
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
    said(&persisted, reader, &files, system, draft);
    rules(&persisted, reader, direction, None, draft);
}

/// What files say of a machine, with patterns resolved to the keys that it has. The files may be another machine's.
#[must_use]
pub fn of_machine(persisted: &Persisted, severity: Severity, files: &dyn System, machine: &dyn System) -> Draft {
    let mut draft = Draft::new(severity);
    let reader = Reader::of(machine);
    said(persisted, reader, &[], files, &mut draft);
    rules(persisted, reader, Direction::Equal, Some(machine), &mut draft);
    draft
}

/// Lines that set nothing, and lines that no program understands.
fn said(persisted: &Persisted, reader: Reader, given: &[(String, String)], system: &dyn System, draft: &mut Draft) {
    let inventory = persisted.inventory(reader);
    for unused in &inventory.unused {
        let spot = Spot::new(&unused.file, unused.line);
        if unused.replaced {
            draft.remark(&spot, unused.why.clone());
        } else {
            draft.left_out(&spot, unused.why.clone());
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
            draft.left_out(&Spot::new(path, line), "this is no setting: a line is KEY = VALUE");
        }
    }
}

fn rules(persisted: &Persisted, reader: Reader, direction: Direction, machine: Option<&dyn System>, draft: &mut Draft) {
    let settings = persisted.inventory(reader).settings;
    for (at, setting) in settings.iter().enumerate() {
        let spot = Spot::new(&setting.assignment.file, setting.assignment.line);
        if let Some(other) = &setting.other {
            draft.remark(
                &spot,
                format!(
                    "{} sets {} to `{}` instead ({}:{})",
                    reader.other().name(),
                    setting.name.dotted(),
                    other.value,
                    other.file,
                    other.line
                ),
            );
        }
        match (setting.is_pattern, machine) {
            (false, _) => one(
                &setting.name,
                &setting.assignment.value,
                direction,
                setting,
                &spot,
                draft,
            ),
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

impl Ask<'_> {
    /// Makes the rule, or the rules where the value has several numbers that are not all asked for alike.
    pub(super) fn make(&self, draft: &mut Draft) {
        let name = match SysctlName::parse(self.key) {
            Ok(name) => name,
            Err(error) => return draft.left_out(self.spot, format!("`{}` is no key: {error}", self.key)),
        };
        let key = name.dotted();
        let known = catalogue::lookup(Os::Linux, key);
        if known.is_some_and(|known| known.secret) || is_secret(key) {
            return draft.left_out(
                self.spot,
                format!("the value of {key} is a secret, and a profile is no place for it"),
            );
        }
        if known.is_none() {
            let near = catalogue::nearest(Os::Linux, key);
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            draft.remark(
                self.spot,
                format!("no key {key} is known: where it is missing, the rule is unknown{hint}"),
            );
        }
        let kind = known.map_or_else(|| looks_like(self.value), |known| known.value);
        let bound = catalogue::bound(key).filter(|_| self.direction == Direction::EqualOrBetter);
        match kind {
            Type::Number(_) => self.number(&name, bound, draft),
            Type::Tuple(fields, _) => self.row(&name, fields, bound, draft),
            other => self.word(&name, other, bound, draft),
        }
    }

    fn push(
        &self,
        name: &SysctlName,
        field: Option<(usize, &str)>,
        comparator: &'static str,
        value: Toml,
        draft: &mut Draft,
    ) {
        let mut id = name.dotted().to_owned();
        let mut subject = vec![("key", Toml::text(name.dotted()))];
        if let Some((at, field)) = field {
            id = format!(
                "{id}-{}",
                if field.is_empty() {
                    (at + 1).to_string()
                } else {
                    field.to_owned()
                }
            );
            let at = i128::try_from(at + 1).unwrap_or_default();
            subject.push((
                "field",
                if field.is_empty() {
                    Toml::Integer(at)
                } else {
                    Toml::text(field)
                },
            ));
        }
        subject.push((comparator, value));
        draft.conditional(&id, rule::sysctl::Sysctl::NAME, subject, self.when, self.spot);
    }

    fn number(&self, name: &SysctlName, bound: Option<Bound>, draft: &mut Draft) {
        let Some(number) = number::kernel(self.value.trim()) else {
            return self.refuse(name, "an integer", draft);
        };
        let comparator = bound.map_or(self.direction.comparator(), |_| "min");
        self.push(name, None, comparator, Toml::Integer(number), draft);
    }

    fn row(&self, name: &SysctlName, fields: &[&str], bound: Option<Bound>, draft: &mut Draft) {
        let Some(numbers) = number::row(self.value) else {
            return self.refuse(name, "integers", draft);
        };
        if !fields.is_empty() && numbers.len() > fields.len() {
            return self.refuse(name, &format!("{} integers", fields.len()), draft);
        }
        let whole = fields.is_empty() || numbers.len() == fields.len();
        if whole && bound.is_none() && matches!(self.direction.comparator(), "eq" | "not") {
            let list = numbers.into_iter().map(Toml::Integer).collect();
            return self.push(name, None, self.direction.comparator(), Toml::List(list), draft);
        }
        // Of a row that is not given whole the kernel sets what is given, and leaves the rest; a comparison has no such custom.
        let sets = matches!(self.direction, Direction::Equal | Direction::EqualOrBetter);
        if self.direction == Direction::Other || !(whole || sets) {
            return self.refuse(name, &format!("{} integers", fields.len()), draft);
        }
        for (at, number) in numbers.into_iter().enumerate() {
            let floor = bound.is_some_and(|bound| bound == Bound::Whole || bound == Bound::Field(at));
            let comparator = if floor { "min" } else { self.direction.comparator() };
            let field = fields.get(at).copied().unwrap_or_default();
            self.push(name, Some((at, field)), comparator, Toml::Integer(number), draft);
        }
    }

    fn word(&self, name: &SysctlName, kind: Type, bound: Option<Bound>, draft: &mut Draft) {
        if !matches!(self.direction.comparator(), "eq" | "not") {
            return draft.left_out(
                self.spot,
                format!(
                    "{} is {}, of which there is no more or less",
                    name.dotted(),
                    kind.describe()
                ),
            );
        }
        let text = self.value.trim();
        let operand = match kind {
            Type::Range => PortRange::parse(text).ok().map(|range| Toml::text(range.to_string())),
            Type::Ports => PortSet::parse(text).ok().map(|ports| Toml::text(ports.to_string())),
            Type::Bool => match number::kernel(text) {
                Some(0) => Some(Toml::Bool(false)),
                Some(_) => Some(Toml::Bool(true)),
                None => None,
            },
            Type::Choice if text.split_ascii_whitespace().count() != 1 => None,
            Type::Choice | Type::Text => number::literal(text),
            _ => None,
        };
        let Some(operand) = operand else {
            return self.refuse(name, kind.describe(), draft);
        };
        let comparator = match (kind, bound) {
            (Type::Range, Some(_)) => "covers",
            _ => self.direction.comparator(),
        };
        self.push(name, None, comparator, operand, draft);
    }

    fn refuse(&self, name: &SysctlName, wanted: &str, draft: &mut Draft) {
        draft.left_out(
            self.spot,
            format!(
                "{} takes {wanted}, and `{}` is not that",
                name.dotted(),
                self.value.trim()
            ),
        );
    }
}

/// The type of a key that nobody knows, by the value that it is given.
fn looks_like(value: &str) -> Type {
    use crate::value::Unit;
    match number::row(value) {
        Some(numbers) if numbers.len() == 1 => Type::Number(Unit::Count),
        Some(_) => Type::Tuple(&[], Unit::Count),
        None => Type::Text,
    }
}
