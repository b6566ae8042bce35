//! What rules meet over.

use super::super::ResolvedSubject;
use crate::rule::Target;

/// What an expectation is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    /// A setting, whatever kind of rule is about it.
    Setting(Target),
    /// What is only looked at, or follows from several settings.
    Seen {
        kind: &'static str,
        subject: String,
        metric: &'static str,
    },
}

impl Thing {
    /// What a metric of a concrete subject is.
    pub(super) fn of(subject: &ResolvedSubject, name: &str, metric: &'static str) -> Self {
        match subject.kind.sets(&subject.selectors, name, metric) {
            Some(target) => Thing::Setting(target),
            None => Thing::Seen {
                kind: subject.kind.name(),
                subject: name.to_owned(),
                metric,
            },
        }
    }
}
