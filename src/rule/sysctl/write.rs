//! Writes a key, and what must give way to it.

use super::super::{Change, Context, Failing, Proposal, Reach, Reading, Target};
use super::conf;
use super::place::{reach, scope};
use crate::catalogue::{self, Ordered, Write};
use crate::value::{Number, Value, in_order};

/// Writes the key, and what must give way to it.
pub fn write(failing: &Failing<'_>) -> Proposal {
    let (observation, cx) = (failing.observation, failing.cx);
    let name = observation.subject.as_str();
    let key = catalogue::lookup(cx.system.platform().os, name);
    if let Some(Reading::NoSuch(why)) = observation.reading("") {
        return Proposal::manual(why.clone(), format!("correct the name: a line for {name} sets nothing"));
    }
    // A list of words that is made longer may name what this kernel does not have.
    let Some(value) = failing.target().filter(|value| !matches!(value, Value::Words(_))) else {
        return Proposal::manual(
            "no single value satisfies the rule",
            format!("choose a value for {name} and set it with sysctl"),
        );
    };
    let (reach, because) = reach(name, key, cx);
    if reach == Reach::Manual {
        let what = match key.map(|key| key.write) {
            Some(Write::Never) => format!("{name} is for a person to set, who knows what it starts or breaks"),
            _ => format!("{name} cannot be set: it follows from the machine, or from how the kernel was started"),
        };
        return Proposal::manual(because, what);
    }
    let mut from = observation.value("").map(Value::kernel_form);
    // What is without limit has a number of its own, if the key has one at all.
    let numbers = key.map_or(&[][..], |key| key.no_limit);
    let own = |number: &i128| from.as_deref() == Some(number.to_string().as_str());
    let number = numbers.iter().find(|number| own(number)).or_else(|| numbers.first());
    let value = match (value, number) {
        (Value::Number(Number::Unlimited), Some(number)) => &Value::number(*number),
        (value, _) => value,
    };
    let scope = scope(name, key, cx);
    let change = |name: &str, from: Option<String>, to: String| Change {
        target: Target::Sysctl(name.to_owned()),
        from,
        to,
        scope,
        hard: None,
    };
    if conf::combined(name).is_some() {
        // What was read may be what the kernel goes by, and not what the file holds.
        let live = cx.system.sysctl(name).ok();
        from = live.map(|live| live.trim().to_owned()).or(from);
        if let Value::Number(Number::Finite(wanted)) = value
            && !failing.selectors.flag("own")
            && let Some((steps, why)) = conf::steps(name, *wanted, cx)
        {
            let changes = steps.into_iter();
            return Proposal {
                reach,
                because: format!("{because}; {why}"),
                changes: changes
                    .map(|(key, from, to)| change(&key, Some(from.to_string()), to.to_string()))
                    .collect(),
                remedies: Vec::new(),
            };
        }
    }
    let mut changes = vec![change(name, from, value.kernel_form())];
    // Other keys that it is in a row with give way, as the fields of one value do.
    if let (Value::Number(number), Some(series)) = (value, series(name, cx)) {
        let (row, at) = (series.row(), series.at);
        let new = in_order(series.ordered.order, &row, &[(at, *number)]).unwrap_or_else(|| row.clone());
        for ((key, old), new) in series.keys.iter().zip(&new).filter(|((_, old), new)| old != *new) {
            if *key != name {
                changes.push(change(key, Some(old.to_string()), new.to_string()));
            }
        }
        // It is right already where the others alone are out of order.
        if row[at] == *number && changes.len() > 1 {
            changes.remove(0);
        }
    }
    Proposal {
        reach,
        because,
        changes,
        remedies: Vec::new(),
    }
}

/// Keys that make up a row together.
pub(super) struct Series {
    /// Each, and what it is.
    keys: Vec<(&'static str, Number)>,
    /// The place of the one that was asked for.
    at: usize,
    pub(super) ordered: &'static Ordered,
}

impl Series {
    pub(super) fn row(&self) -> Vec<Number> {
        self.keys.iter().map(|(_, number)| *number).collect()
    }
}

/// The row that a key is in; `None` where it is in none, or a key of it cannot be read.
pub(super) fn series(name: &str, cx: &Context<'_>) -> Option<Series> {
    let (keys, ordered) = catalogue::series(name)?;
    let read = |key: &&'static str| {
        let text = cx.system.sysctl(key).ok()?;
        Number::parse(text.trim()).ok().map(|number| (*key, number))
    };
    Some(Series {
        keys: keys.iter().map(read).collect::<Option<_>>()?,
        at: keys.iter().position(|key| *key == name)?,
        ordered,
    })
}
