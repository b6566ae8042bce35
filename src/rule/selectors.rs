//! Which subject a rule is about: the keys of its table that are no comparators.

use super::Condition;
use crate::source::Place;

/// The selectors of a subject, by name.
#[derive(Debug, Clone, Default)]
pub struct Selectors {
    entries: Vec<(&'static str, Selector, Place)>,
}

/// The value of one selector.
#[derive(Debug, Clone)]
pub enum Selector {
    /// Text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// Several texts.
    Texts(Vec<String>),
    /// An integer.
    Number(i128),
    /// An expression; a number once the run has begun.
    Computed(Condition),
}

impl Selectors {
    /// Adds one.
    pub fn push(&mut self, name: &'static str, value: Selector, place: Place) {
        self.entries.push((name, value, place));
    }

    /// All of them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Selector)> {
        self.entries.iter_mut().map(|(name, value, _)| (*name, value))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Selector, Place)> {
        self.entries.iter().map(|(name, value, place)| (*name, value, *place))
    }

    /// A text selector.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.entries
            .iter()
            .find(|(key, _, _)| *key == name)
            .and_then(|(_, value, _)| match value {
                Selector::Text(text) => Some(text.as_str()),
                _ => None,
            })
    }

    /// A selector of several texts; none where it is not there.
    #[must_use]
    pub fn texts(&self, name: &str) -> &[String] {
        self.entries
            .iter()
            .find_map(|(key, value, _)| match value {
                Selector::Texts(texts) if *key == name => Some(texts.as_slice()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// A number selector, once evaluated.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i128> {
        self.entries
            .iter()
            .find(|(key, _, _)| *key == name)
            .and_then(|(_, value, _)| match value {
                Selector::Number(number) => Some(*number),
                _ => None,
            })
    }

    /// A switch; false where it is not there.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.entries
            .iter()
            .any(|(key, value, _)| *key == name && matches!(value, Selector::Bool(true)))
    }

    /// What a switch says, where it is given.
    #[must_use]
    pub fn switch(&self, name: &str) -> Option<bool> {
        self.entries.iter().find_map(|(key, value, _)| match value {
            Selector::Bool(value) if *key == name => Some(*value),
            _ => None,
        })
    }

    /// Where a selector stands.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<Place> {
        self.entries
            .iter()
            .find(|(key, _, _)| *key == name)
            .map(|(_, _, place)| *place)
    }
}
