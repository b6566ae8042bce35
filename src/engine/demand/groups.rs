//! Things by what they are about.

use std::collections::HashMap;
use std::hash::Hash;

/// Groups by a key, in the order in which the keys first came: a report must not depend on how a table is hashed.
pub(super) struct Groups<K, V> {
    at: HashMap<K, usize>,
    list: Vec<(K, V)>,
}

impl<K: Clone + Eq + Hash, V> Groups<K, V> {
    pub(super) fn new() -> Self {
        Self {
            at: HashMap::new(),
            list: Vec::new(),
        }
    }

    /// The group of a key, made where it is new.
    pub(super) fn entry(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        let at = *self.at.entry(key.clone()).or_insert(self.list.len());
        if at == self.list.len() {
            self.list.push((key, new()));
        }
        &mut self.list[at].1
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.at.get(key).map(|at| &self.list[*at].1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.list.iter()
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (K, V)> {
        self.list.into_iter()
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = V> {
        self.list.into_iter().map(|(_, value)| value)
    }
}
