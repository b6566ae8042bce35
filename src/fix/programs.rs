//! Lines of sysctl.d that would be in vain, since a program sets the key otherwise when it starts.

use crate::engine::Wishes;
use crate::host::Host;
use crate::rule::Target;
use crate::writers::{self, Later};

/// What is to be kept and is set otherwise, each with what is said of it.
#[must_use]
pub fn overwritten(wishes: &Wishes, lasting: &dyn Fn(&Target) -> bool, host: &Host<'_>) -> Vec<(Target, String)> {
    let wanted = wishes.wanted.iter().filter(|wanted| lasting(&wanted.target));
    let said = wanted.filter_map(|wanted| {
        let Target::Sysctl(key) = &wanted.target else {
            return None;
        };
        let breaks = |later: &Later| later.value.as_ref().is_some_and(|value| !wanted.demand.holds(value));
        let later = writers::of(host, key).into_iter().find(breaks)?;
        let rules: Vec<&str> = wanted.rules.iter().map(|rule| rule.name.as_str()).collect();
        let words = format!(
            "{key} = {}, for {}: {}; tell {} the value",
            wanted.kept,
            rules.join(" and "),
            later.words,
            later.program
        );
        Some((wanted.target.clone(), words))
    });
    said.collect()
}
