//! What a file sets, and what is said about the rest.

use std::collections::HashMap;

use super::range::Demand;
use super::range::words;
use super::thing::canonical;
use crate::catalogue;
use crate::host::Host;
use crate::rule::{Scope, Target};

/// Everything that the rules of a run ask for.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// One entry for each thing that is to be set, in the order of the rules.
    pub wanted: Vec<Wanted>,
    /// Rules that ask for nothing that can be set.
    pub left: Vec<LeftOver>,
    /// Rules that cannot all hold.
    pub contradictions: Vec<Contradiction>,
    /// Whether root's logins are to have the limits too, and not those of others alone: a wrong one locks the administrator out.
    pub root: bool,
    /// Whether limits on open files and the room that they need were fitted into each other already, so that no file has to tell
    /// what the other one holds.
    pub fitted: bool,
}

/// A thing that is to be set, and to what.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What is set.
    pub target: Target,
    /// Whom it reaches.
    pub scope: Scope,
    /// The value here, as the system writes it; `None` where it could not be read.
    pub live: Option<String>,
    /// What the rules ask for; `None` where they leave it alone and it is only written along with something else.
    pub asked: Option<String>,
    /// The same, but never worse than what this machine has.
    pub kept: String,
    /// Whether the rules hold here.
    pub holds: bool,
    /// Whether the rules hold here, with something else than what they ask for: something better.
    pub better: bool,
    /// What the rules leave open.
    pub demand: Demand,
    /// The rules that ask.
    pub rules: Vec<Asker>,
    /// What the guards say against it; nothing before they were asked.
    pub dangers: Vec<String>,
}

/// A rule that asks for something.
#[derive(Debug, Clone)]
pub struct Asker {
    /// `profile/rule`.
    pub name: String,
    /// Why.
    pub why: Option<String>,
    /// What it asks for, in words.
    pub expected: String,
    /// Whether it speaks against a setting, so that a machine which nobody tuned passes it.
    pub guard: bool,
}

/// A rule that no file can speak for, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeftOver {
    /// `profile/rule`.
    pub rule: String,
    /// What it is about.
    pub subject: String,
    /// Why it is left over.
    pub reason: String,
}

/// Two rules that cannot both hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// What they are about, and what ties it together where it has two names.
    pub subject: String,
    /// The name of what each is about.
    pub names: [String; 2],
    /// Each: `profile/rule`, and what it asks for.
    pub sides: [(String, String); 2],
}

/// Wishes that are being collected.
#[derive(Default)]
pub(super) struct Collection {
    pub(super) wishes: Wishes,
    at: HashMap<Target, usize>,
}

impl Collection {
    /// Says of every rule that asks for something why it is not set.
    pub(super) fn leave(&mut self, wanted: &Wanted, subject: &str, reason: &str) {
        self.wishes.left.extend(wanted.rules.iter().map(|rule| LeftOver {
            rule: rule.name.clone(),
            subject: subject.to_owned(),
            reason: reason.to_owned(),
        }));
    }

    /// Adds an entry. One that other rules came to by another way (a limit that needs room in `fs.nr_open`) is joined with it.
    pub(super) fn add(&mut self, new: Wanted, host: &Host<'_>) {
        let wanted = &mut self.wishes.wanted;
        let meets = canonical(new.target.clone(), host);
        let at = *self.at.entry(meets).or_insert(wanted.len());
        let Some(old) = wanted.get_mut(at) else {
            wanted.push(new);
            return;
        };
        // Where the rules themselves were found to contradict each other it was said of whom, and better.
        let name = new.target.name();
        let is_known = |known: &Contradiction| known.names.iter().any(|known| known == name);
        if !old.join(&new) && !self.wishes.contradictions.iter().any(is_known) {
            let sides = [&*old, &new].map(|side| {
                let first = side.rules.first();
                first.map_or_else(Default::default, |rule| (rule.name.clone(), rule.expected.clone()))
            });
            self.wishes.contradictions.push(Contradiction {
                subject: name.to_owned(),
                names: [name.to_owned(), name.to_owned()],
                sides,
            });
        }
    }
}

impl Collection {
    /// Everything that was collected. Of a setting in two units only one is set: both in a file, and the later one makes the other 0.
    pub(super) fn finish(mut self) -> Wishes {
        let mut dropped = Vec::new();
        for (at, wanted) in self.wishes.wanted.iter().enumerate() {
            let twin = twin_of(&wanted.target).map(|key| Target::Sysctl(key.to_owned()));
            let Some(other) = twin
                .and_then(|twin| self.at.get(&twin).copied())
                .filter(|other| at < *other)
            else {
                continue;
            };
            let second = &self.wishes.wanted[other];
            let needs = |wanted: &Wanted| !wanted.demand.holds("0");
            let counts = second.live.as_deref().is_some_and(|live| live.trim() != "0");
            let is_second = !needs(wanted) && (needs(second) || counts);
            dropped.push(if is_second { (at, other) } else { (other, at) });
        }
        for (at, kept) in &dropped {
            let (wanted, kept) = (self.wishes.wanted[*at].clone(), self.wishes.wanted[*kept].target.name());
            let reason = match wanted.demand.holds("0") {
                true => format!("{kept} is set, which makes this 0, and that will do"),
                false => format!("{kept} is set, and this one would make it 0: they are one setting in two units"),
            };
            self.leave(&wanted, wanted.target.name(), &reason);
        }
        let mut at = 0..;
        let is_dropped = |at: usize| dropped.iter().any(|(dropped, _)| *dropped == at);
        self.wishes
            .wanted
            .retain(|_| at.next().is_some_and(|at| !is_dropped(at)));
        self.wishes
    }
}

/// The same setting in its other unit.
fn twin_of(target: &Target) -> Option<&'static str> {
    match target {
        Target::Sysctl(key) => catalogue::twin(key),
        Target::Sysfs(_) | Target::Limit(..) | Target::Cgroup(_) | Target::Swap => None,
    }
}

impl Wanted {
    /// Whether the rules hold with a value, given as a file or the system writes it.
    #[must_use]
    pub fn is_satisfied_by(&self, text: &str) -> bool {
        let Demand::Range(parity) = &self.demand else {
            return words(text) == words(&self.kept) || self.demand.holds(text);
        };
        let bounds = |text: &str| -> Option<(i128, i128)> {
            let mut fields = text.split_ascii_whitespace().map(str::parse);
            let both = (fields.next()?.ok()?, fields.next()?.ok()?);
            fields.next().is_none().then_some(both)
        };
        let asked = self.asked.as_deref().unwrap_or(&self.kept);
        let (Some((low, high)), Some((from, to))) = (bounds(text), bounds(asked)) else {
            return false;
        };
        let is_same = (high - low) % 2 == 0;
        low <= from && to <= high && parity.is_none_or(|same| same == is_same)
    }

    /// Why a value says nothing that a file could set.
    #[must_use]
    pub fn says_nothing(&self, value: &str) -> Option<String> {
        let other = twin_of(&self.target).filter(|_| value == "0")?;
        Some(format!(
            "0 says only that {other} counts, which is the same setting in another unit: set that one"
        ))
    }

    /// Takes in what other rules want of the same thing; `false` where no value has both.
    fn join(&mut self, new: &Wanted) -> bool {
        match self.demand.within(&new.demand) {
            Some(None) => return false,
            Some(Some((floor, ceiling))) => {
                let fit = |text: &str| Demand::fit(text, floor, ceiling);
                self.demand = Demand::Bounds(vec![(floor, ceiling)]);
                self.asked = self.asked.as_deref().or(new.asked.as_deref()).and_then(fit);
                self.kept = fit(&self.kept).unwrap_or_else(|| self.kept.clone());
                let kept = Some(self.kept.as_str());
                self.better = self.live.as_deref() == kept && self.asked.as_deref() != kept;
            }
            None if words(&self.kept) != words(&new.kept) || self.asked != new.asked => return false,
            None => {}
        }
        self.holds &= new.holds;
        self.rules.extend(new.rules.iter().cloned());
        true
    }
}
