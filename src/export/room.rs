//! Limits on open files that a file gives and that need room in `fs.nr_open`, which the file cannot hold.

use super::{Entry, Format};
use crate::engine::LeftOver;
use crate::host::Host;
use crate::persisted::ceiling::{self, AtBoot};
use crate::rule::Target;
use crate::system::Resource;
use crate::value::Number;

/// What the file does not hold and its limits need, each with the line of sysctl.d that belongs to it.
pub(super) fn missing(format: &dyn Format, entries: &[Entry<'_>], host: &Host<'_>) -> Vec<LeftOver> {
    let holds_it = |entry: &Entry<'_>| matches!(&entry.change.target, Target::Sysctl(key) if key == ceiling::KEY);
    if entries.iter().any(holds_it) {
        return Vec::new();
    }
    let is_nofile = |entry: &&Entry<'_>| matches!(entry.change.target, Target::Limit(Resource::Nofile, _));
    let number = |entry: &Entry<'_>| match Number::parse(&entry.change.to) {
        Ok(Number::Finite(number)) => Some(number),
        Ok(Number::Unlimited) | Err(_) => None,
    };
    let limits: Vec<&Entry<'_>> = entries.iter().filter(is_nofile).collect();
    let Some(most) = limits.iter().filter_map(|entry| number(entry)).max() else {
        return Vec::new();
    };
    let Some(is) = too_low(most, host) else {
        return Vec::new();
    };
    let harm = match format.name() {
        "systemd" => "the service does not get it",
        "docker" | "compose" => "the container does not start",
        _ => "a login fails, or loses it",
    };
    let reason = format!(
        "the limit of {most} here needs it, and {is}: {harm}. It belongs together with a line of /etc/sysctl.d: {} = {most}",
        ceiling::KEY
    );
    let rules = limits.iter().flat_map(|entry| &entry.wanted.rules);
    rules
        .map(|rule| LeftOver {
            rule: rule.name.clone(),
            subject: ceiling::KEY.to_owned(),
            reason: reason.clone(),
        })
        .collect()
}

/// What `fs.nr_open` is or will be, where that is below a limit.
fn too_low(most: i128, host: &Host<'_>) -> Option<String> {
    let now = ceiling::now(host.system).unwrap_or(ceiling::AT_START);
    if most > now {
        return Some(format!("it is {now}"));
    }
    let next = host.persisted()?.lowest_ceiling(host.system);
    (most > next.value).then(|| AtBoot::describe(&next))
}
