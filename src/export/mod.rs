//! What the rules of profiles ask for, as a file for another place.
//!
//! Here it is decided what the file sets ([`Wanted`]), and to which value; what its form cannot hold is left over, with the reason, and
//! listed in the file, where it can hold comments. How each form is written is in [`dialect`](crate::dialect).

mod container;
mod room;

pub use crate::dialect::page::{Basis, Format};
pub use crate::dialect::{FORMATS, find};
pub use container::{Container, Place};

use std::collections::HashSet;

use crate::catalogue::{self, Write};
use crate::dialect::docker::runtimes_differ;
use crate::dialect::page::{Entry, Leeway, Page, one_line};
use crate::dialect::sysctl_d::{MODULES_D, module};
use crate::engine::{Demand, LeftOver, Wanted, Wishes};
use crate::host::Host;
use crate::rule::{Change, Side, Target};
use crate::system::Os;

/// What came of an export.
#[derive(Debug)]
pub struct Exported {
    /// The file; `None` where there is nothing to put into it.
    pub text: Option<String>,
    /// What is not in it, and why.
    pub left: Vec<LeftOver>,
    /// What to know of the place where the file is used: what its host must have, and when to leave something out.
    pub conditions: Vec<String>,
}

/// Makes a file. `container` is the one that a file for containers is for; the machine is then as it looks from inside of it.
#[must_use]
pub fn export(
    format: &dyn Format,
    wishes: &Wishes,
    profiles: &[String],
    unit: Option<&str>,
    host: &Host<'_>,
    container: Option<&Container<'_>>,
) -> Exported {
    let (mut entries, mut left) = (Vec::new(), wishes.left.clone());
    // Whether something needs no file, because it is so anyway.
    let mut satisfied = false;
    let container = container.filter(|_| format.basis() == Basis::Container);
    for wanted in &wishes.wanted {
        let known = container.filter(|container| container.tells(&wanted.target));
        let value = match (format.basis(), known) {
            (Basis::Host, _) => Some(&wanted.kept),
            (Basis::Container, Some(_)) => wanted.asked.as_ref().map(|_| &wanted.kept),
            (Basis::Container | Basis::Later, _) => wanted.asked.as_ref(),
        };
        // The other side of a limit, which only hosts keep.
        let Some(value) = value else { continue };
        let has = known.filter(|_| wanted.holds).map(|container| container.has(wanted));
        satisfied |= has.is_some();
        // The limits here are this process's, and say nothing of what a service or a login has.
        let apart = format.basis() == Basis::Container || matches!(wanted.target, Target::Limit(..));
        let guard = apart && wanted.better && wanted.rules.iter().all(|rule| rule.guard);
        let refusal = if has.is_some() {
            has
        } else if guard {
            Some(
                "it speaks against a setting that nothing makes there: writing it would only lower what is better"
                    .into(),
            )
        } else {
            unfit(wanted, value)
                .or_else(|| wanted.says_nothing(value))
                .or_else(|| refuses(format, wanted, host))
        };
        match refusal {
            Some(reason) => left.extend(wanted.rules.iter().map(|rule| LeftOver {
                rule: rule.name.clone(),
                subject: wanted.target.name().to_owned(),
                reason: reason.clone(),
            })),
            None => {
                let change = Change {
                    target: wanted.target.clone(),
                    from: wanted.live.clone(),
                    to: value.clone(),
                    scope: wanted.scope,
                    hard: hard_beside(&wanted.target, wishes),
                };
                entries.push((wanted, change));
            }
        }
    }
    if !wishes.fitted {
        left.extend(room::missing(format, &entries, host));
    }
    let mut seen: HashSet<LeftOver> = HashSet::new();
    left.retain(|entry| seen.insert(entry.clone()));
    if entries.is_empty() && !satisfied {
        return Exported {
            text: None,
            left,
            conditions: Vec::new(),
        };
    }
    // Whoever reads the file sets one after the other.
    let entries = catalogue::in_order(entries, |(_, change)| match &change.target {
        Target::Sysctl(name) => Some(name),
        _ => None,
    });
    let entry = |(wanted, change)| Entry {
        change,
        comments: comments(wanted, format.basis()),
        leeway: leeway(&wanted.demand),
    };
    let page = Page {
        profiles,
        host,
        unit,
        runtime_known: container.is_none_or(|container| *container.place() == Place::Recorded),
        root: wishes.root,
        entries: entries.into_iter().map(entry).collect(),
        left: left.iter().map(sentence).collect(),
    };
    let conditions = match format.basis() {
        Basis::Container => conditions(format, &page),
        Basis::Host | Basis::Later => Vec::new(),
    };
    Exported {
        text: Some(format.write(&page)),
        left,
        conditions,
    }
}

/// What to know of the place where a container's file is used.
fn conditions(format: &dyn Format, page: &Page<'_>) -> Vec<String> {
    let limits = page.limits().into_iter();
    // What is said of limits is about Docker and what takes its place.
    let limits = limits.filter(|_| !matches!(format.name(), "lxc" | "incus"));
    page.sysctls()
        .filter_map(|(key, entry)| host_must_have(key, &entry.change.to))
        .chain(limits.filter_map(|(resource, soft, hard, _)| runtimes_differ(page, resource, &soft, &hard)))
        .collect()
}

/// Why a format cannot hold what is asked for; `None` where it can.
pub(crate) fn refuses(format: &dyn Format, wanted: &Wanted, host: &Host<'_>) -> Option<String> {
    format.refuses(&wanted.target, wanted.asked.as_ref().unwrap_or(&wanted.kept), host)
}

fn leeway(demand: &Demand) -> Leeway<'_> {
    match demand {
        Demand::Bounds(bounds) => Leeway::Bounds(bounds),
        Demand::Range(parity) => Leeway::Range(*parity),
        Demand::Among(allowed) => Leeway::Among(allowed),
        Demand::Without(barred) => Leeway::Without(barred),
    }
}

/// Beside a soft limit: the hard one here, which a runtime that takes both is not to go below.
fn hard_beside(target: &Target, wishes: &Wishes) -> Option<String> {
    let Target::Limit(resource, Side::Soft) = target else {
        return None;
    };
    let hard = Target::Limit(*resource, Side::Hard);
    let wanted = wishes.wanted.iter().find(|wanted| wanted.target == hard);
    wanted.map(|wanted| wanted.kept.clone())
}

/// A rule that is left over, in one line.
#[must_use]
pub fn sentence(left: &LeftOver) -> String {
    let subject = if left.subject.is_empty() {
        String::new()
    } else {
        format!(" ({})", left.subject)
    };
    one_line(&format!("{}{subject}: {}", left.rule, left.reason))
}

fn comments(wanted: &Wanted, basis: Basis) -> Vec<String> {
    let mut lines: Vec<String> = wanted
        .rules
        .iter()
        .map(|rule| {
            let why = rule.why.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
            one_line(&format!("{}: {}{why}", rule.name, rule.expected))
        })
        .collect();
    if basis == Basis::Host {
        match &wanted.live {
            Some(live) if wanted.better && wanted.asked.is_some() => {
                lines.push(one_line(&format!("{live} is here; it is better and stays")))
            }
            None => lines.push("what it is here could not be read".to_owned()),
            _ => {}
        }
    }
    // A container's own values begin anew, whatever is in use here.
    if basis != Basis::Container {
        let said = |danger: &String| one_line(&format!("careful, seen from this machine: {danger}"));
        lines.extend(wanted.dangers.iter().map(said));
    }
    if let Target::Sysctl(key) = &wanted.target
        && let Some(known) = catalogue::lookup(Os::Linux, key)
    {
        match known.write {
            Write::OneWay => lines.push("one way: the kernel does not take it back before the next boot".to_owned()),
            Write::Lossy => lines.push(format!("it does more than set a value: {}", one_line(known.summary))),
            _ => {}
        }
        match (basis, module(key), known.needs) {
            (Basis::Container, ..) | (_, None, None) => {}
            (Basis::Host | Basis::Later, Some(module), _) => lines.push(format!(
                "needs the {module} module at boot: a line `{module}` in {MODULES_D}"
            )),
            (Basis::Host | Basis::Later, None, Some(needs)) => lines.push(format!("needs {needs}")),
        }
    }
    if let (Basis::Container, Target::Sysctl(key)) = (basis, &wanted.target) {
        lines.extend(host_must_have(key, &wanted.kept));
    }
    lines
}

/// What a container's host must have, or a runtime that is told to set a key does not start the container.
fn host_must_have(key: &str, value: &str) -> Option<String> {
    if key == "net.ipv4.tcp_congestion_control" {
        // Since 5.13 no namespace but the initial one may take an algorithm that is not allowed to everybody. Reno always is.
        return (value != "reno").then(|| {
            format!(
                "{key}: the host must have {value} (modprobe tcp_{value}) and list it in \
                 net.ipv4.tcp_allowed_congestion_control, or the container does not start"
            )
        });
    }
    let known = catalogue::lookup(Os::Linux, key)?;
    Some(match (module(key), known.needs) {
        (Some(module), _) => {
            format!("{key}: the host must have loaded {module} (modprobe {module}), or the container does not start")
        }
        (None, Some(needs)) => format!("{key}: the host must have {needs}, or the container does not start"),
        (None, None) => return None,
    })
}

/// Why no file can hold it: names and values that mean something else there.
fn unfit(wanted: &Wanted, value: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/:@+-,=".contains(c);
    let spaced = |c: char| plain(c) || c.is_ascii_whitespace() || "()[]{}*!^~%".contains(c);
    if !wanted.target.name().chars().all(|c| plain(c) && c != '=') {
        return Some("its name has characters that mean something else in files".to_owned());
    }
    (!value.chars().all(spaced)).then(|| "its value has characters that mean something else in files".to_owned())
}
