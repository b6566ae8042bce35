//! Which change comes before which, and what the kernel changes along with one.

use std::collections::HashMap;

use super::parameter::{Parameter, State};
use super::step::Step;
use crate::catalogue::{self, All};
use crate::system::{SysctlName, System, WritableSystem};

/// Sorts changes so that each finds what it needs: room for descriptors before descriptors, the governor before turbo, and what
/// changes others before those others. Otherwise the order stays.
pub(super) fn sort(steps: &mut Vec<Step>) {
    steps.sort_by_key(|step| rank(&step.parameter));
    let places: HashMap<&Parameter, usize> = steps
        .iter()
        .enumerate()
        .map(|(at, step)| (&step.parameter, at))
        .collect();
    let changed = |step: &Step| {
        step.effects
            .iter()
            .filter_map(|(changed, _)| places.get(changed).copied())
            .collect()
    };
    let changes: Vec<Vec<usize>> = steps.iter().map(changed).collect();
    *steps = catalogue::before(std::mem::take(steps), &changes);
}

fn rank(parameter: &Parameter) -> u8 {
    match parameter {
        Parameter::Sysctl { name } => catalogue::rank(name),
        // Some drivers decide anew about turbo when the governor changes; SMT off takes processors and their policies away.
        Parameter::Sysfs { path } if path.ends_with("/scaling_governor") => 3,
        Parameter::Sysfs { path } if path.ends_with("/smt/control") => 5,
        Parameter::Sysfs { .. } => 4,
        Parameter::Swap { .. } => 6,
        Parameter::Limit { .. } => 7,
    }
}

/// What the kernel changes along with a parameter, as it is now, and how.
pub(super) fn effects(parameter: &Parameter, machine: &dyn WritableSystem) -> (Vec<(Parameter, State)>, &'static str) {
    let written = match parameter {
        Parameter::Sysctl { name } => name,
        Parameter::Sysfs { path } => path,
        Parameter::Limit { .. } | Parameter::Swap { .. } => return (Vec::new(), ""),
    };
    let (patterns, how) = match (catalogue::side_effects(written), siblings(written)) {
        (Some(effect), _) => (
            effect.changes.iter().map(|name| (*name).to_owned()).collect(),
            effect.how,
        ),
        (None, Some(pattern)) => (vec![pattern], "interfaces without a value of their own may follow"),
        (None, None) => return (Vec::new(), ""),
    };
    let mut found: Vec<(Parameter, State)> = Vec::new();
    for pattern in &patterns {
        for name in expand(pattern, machine) {
            let changed = Parameter::Sysctl { name };
            if changed != *parameter
                && !found.iter().any(|(known, _)| *known == changed)
                && let Ok(state) = changed.read(machine)
            {
                found.push((changed, state));
            }
        }
    }
    let how = if found.is_empty() { "" } else { how };
    (found, how)
}

/// What `all` and `default` stand for may move with them, differently from key to key: every interface's value is kept. Where it is
/// known that nothing moves, nothing is said: `default` moves interfaces of IPv4 alone, and `all` what is written through.
fn siblings(name: &str) -> Option<String> {
    let known = catalogue::devconf(name);
    if known.is_some_and(|known| match known.interface {
        "all" => known.all != All::WrittenThrough,
        _ => known.directory == "net.ipv6.conf.",
    }) {
        return None;
    }
    ["conf", "neigh"].iter().find_map(|table| {
        let (before, after) = name.split_once(&format!(".{table}."))?;
        let key = after.strip_prefix("all.").or_else(|| after.strip_prefix("default."))?;
        before.starts_with("net.").then(|| format!("{before}.{table}.*.{key}"))
    })
}

/// The names that a pattern with at most one `*` for a segment stands for here.
fn expand(pattern: &str, machine: &dyn System) -> Vec<String> {
    let Some((before, after)) = pattern.split_once(".*") else {
        return vec![pattern.to_owned()];
    };
    let directory = format!("/proc/sys/{}", before.replace('.', "/"));
    let names = machine.list(&directory).unwrap_or_default();
    names
        .iter()
        .filter_map(|name| {
            SysctlName::parse(&format!(
                "{}/{name}{}",
                before.replace('.', "/"),
                after.replace('.', "/")
            ))
            .ok()
        })
        .map(|name| name.dotted().to_owned())
        .collect()
}
