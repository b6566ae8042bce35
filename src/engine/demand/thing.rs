//! What rules meet over, and what the kernel ties it to.

use super::super::ResolvedSubject;
use crate::catalogue;
use crate::host::Host;
use crate::rule::{Side, Target};

/// What an expectation is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    /// A setting, whatever kind of rule is about it, and by the name by which all its names meet.
    Setting(Target),
    /// What is only looked at, or follows from several settings.
    Seen {
        kind: &'static str,
        subject: String,
        metric: &'static str,
    },
}

/// A thing, or one field of it.
pub(super) type Place = (Thing, Option<usize>);

impl Thing {
    /// What a metric of a concrete subject is.
    pub(super) fn of(subject: &ResolvedSubject, name: &str, metric: &'static str, host: &Host<'_>) -> Self {
        match subject.kind.sets(&subject.selectors, name, metric) {
            Some(target) => Thing::Setting(canonical(target, host)),
            None => Thing::Seen {
                kind: subject.kind.name(),
                subject: name.to_owned(),
                metric,
            },
        }
    }

    /// The key, if it is a sysctl.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Thing::Setting(Target::Sysctl(key)) => Some(key),
            _ => None,
        }
    }
}

/// A setting by the name by which all its names meet.
pub(super) fn canonical(target: Target, host: &Host<'_>) -> Target {
    let meet = |name: &str| {
        let name = catalogue::canonical(name, || host.user_namespace_is_initial()).to_owned();
        match name.starts_with('/') {
            true => Target::Sysfs(name),
            false => Target::Sysctl(name),
        }
    };
    match &target {
        Target::Sysctl(name) | Target::Sysfs(name) => meet(name),
        Target::Limit(..) | Target::Cgroup(_) | Target::Swap => target,
    }
}

fn sysctl(key: &str) -> Thing {
    Thing::Setting(Target::Sysctl(key.to_owned()))
}

/// The same setting in its other unit: while one of them counts the other is 0.
pub(super) fn twin((thing, field): &Place) -> Option<Place> {
    Some((sysctl(catalogue::twin(thing.key()?)?), *field))
}

/// What the number of a place cannot be above, as the kernel has it.
pub(super) fn ceilings((thing, field): &Place) -> Vec<Place> {
    let Thing::Setting(target) = thing else {
        return Vec::new();
    };
    match (target, field) {
        (Target::Limit(resource, side), _) => {
            let hard = Thing::Setting(Target::Limit(*resource, Side::Hard));
            let room = catalogue::ceiling_of_limit(*resource).map(sysctl);
            let own = (*side == Side::Soft).then_some(hard);
            own.into_iter().chain(room).map(|thing| (thing, None)).collect()
        }
        (Target::Sysctl(key), Some(field)) if catalogue::ordered(key).is_some() => {
            // The rows that must be in order have three numbers.
            (field + 1..3).map(|above| (thing.clone(), Some(above))).collect()
        }
        (Target::Sysctl(key), None) => {
            let row = catalogue::series(key).map_or(&[][..], |(keys, _)| keys);
            let above = row.iter().skip_while(|other| *other != key).skip(1).copied();
            above
                .chain(catalogue::ceiling_of(key))
                .map(|key| (sysctl(key), None))
                .collect()
        }
        _ => Vec::new(),
    }
}
