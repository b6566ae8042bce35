//! What every format makes of a sysctl with a value: a rule of the key's type, or the reason why it is none.

use super::draft::{Draft, Spot};
use super::number;
use crate::catalogue::{self, All, Bound};
use crate::document::write::Toml;
use crate::recording::is_secret;
use crate::rule;
use crate::system::{Os, SysctlName};
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

impl Ask<'_> {
    /// Makes the rule, or the rules where the value has several numbers that are not all asked for alike.
    pub(super) fn make(&self, draft: &mut Draft) {
        let name = match SysctlName::parse(self.key) {
            Ok(name) => name,
            Err(error) => return draft.left_out(self.spot, format!("`{}` is no key: {error}", self.key)),
        };
        let key = name.dotted();
        if let Some(does) = catalogue::trigger(key) {
            let action =
                format!("writing {key} is an action, which {does} once, and no setting: there is nothing to check");
            return draft.left_out(self.spot, action);
        }
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
            let outcome = match catalogue::meant(Os::Linux, key) {
                Some(_) => "fails",
                None => "is unknown",
            };
            draft.remark(
                self.spot,
                format!("no key {key} is known: where it is missing, the rule {outcome}{hint}"),
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
        // A slip in a file is that file's, and a rule of its own that fails; in a profile it would be a mistake.
        if catalogue::meant(Os::Linux, name.dotted()).is_some() {
            subject.push(("known", Toml::Bool(false)));
        }
        // A file sets what the key's own file holds, and not what the kernel makes of it and of `conf.all`.
        let sets = matches!(self.direction, Direction::Equal | Direction::EqualOrBetter);
        if sets && let Some(conf) = catalogue::devconf(name.dotted()) {
            let all = conf.interface == "all";
            if all && conf.all == All::NotRead {
                let (key, leaf) = (name.dotted(), conf.leaf);
                let said = format!("the kernel does not read {key}: ask conf.default.{leaf} and conf.*.{leaf}");
                draft.remark(self.spot, said);
            }
            let together = matches!(conf.all, All::Larger | All::Smaller | All::SmallerWhereForwarding);
            if all == (conf.all == All::NotRead) && (all || together && conf.is_own()) {
                subject.push(("own", Toml::Bool(true)));
            }
        }
        subject.push((comparator, value));
        draft.conditional(
            &id,
            <rule::sysctl::Sysctl as rule::Table>::NAME,
            subject,
            self.when,
            self.spot,
        );
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
        if kind == Type::Words {
            return self.words(name, text, draft);
        }
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

    /// Words in no particular order: that each is there can be asked, and not that there are no others.
    fn words(&self, name: &SysctlName, text: &str, draft: &mut Draft) {
        let comparator = if self.direction == Direction::Other {
            "excludes"
        } else {
            "contains"
        };
        let words: Option<Vec<Toml>> = text.split_ascii_whitespace().map(number::literal).collect();
        match words.filter(|words| !words.is_empty()) {
            Some(words) => self.push(name, None, comparator, Toml::List(words), draft),
            None => self.refuse(name, Type::Words.describe(), draft),
        }
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
