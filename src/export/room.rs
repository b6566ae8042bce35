//! Limits on open files that a file gives and that need room in `fs.nr_open`, which the file cannot hold.

use super::Format;
use crate::engine::{LeftOver, Wanted};
use crate::host::Host;
use crate::persisted::ceiling::{self, AtBoot};
use crate::rule::{Change, Target};
use crate::system::Resource;
use crate::value::Number;

/// What the file does not hold and its limits need, each with the line of sysctl.d that belongs to it.
pub(super) fn missing(format: &dyn Format, entries: &[(&Wanted, Change)], host: &Host<'_>) -> Vec<LeftOver> {
    let holds_it = |change: &Change| matches!(&change.target, Target::Sysctl(key) if key == ceiling::KEY);
    if entries.iter().any(|(_, change)| holds_it(change)) {
        return Vec::new();
    }
    let is_nofile = |change: &Change| matches!(change.target, Target::Limit(Resource::Nofile, _));
    let number = |change: &Change| match Number::parse(&change.to) {
        Ok(Number::Finite(number)) => Some(number),
        Ok(Number::Unlimited) | Err(_) => None,
    };
    let limits = || entries.iter().filter(|(_, change)| is_nofile(change));
    let Some(most) = limits().filter_map(|(_, change)| number(change)).max() else {
        return Vec::new();
    };
    let Some(is) = too_low(most, host) else {
        return Vec::new();
    };
    let harm = match format.name() {
        "systemd" => "the service does not get it",
        "docker" | "compose" | "lxc" | "incus" => "the container does not start",
        _ => "a login fails, or loses it",
    };
    let reason = format!(
        "the limit of {most} here needs it, and {is}: {harm}. It belongs together with a line of /etc/sysctl.d: {} = {most}",
        ceiling::KEY
    );
    let rules = limits().flat_map(|(wanted, _)| &wanted.rules);
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
