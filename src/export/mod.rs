//! What the rules of profiles ask for, as a file for another place: one file each, behind one interface, over one model.
//!
//! A format gets the things that are to be set ([`Wanted`]), refuses those that it cannot hold, with the reason, and writes the
//! rest. What is left over is listed in the file, where it can hold comments.

mod ansible;
mod compose;
mod container;
mod docker;
mod kubernetes;
mod launchd;
mod limits_d;
mod room;
mod shell;
mod sysctl_d;
mod systemd;
mod tmpfiles_d;

pub use container::{Container, Place};
pub(crate) use limits_d::spares_root;

use std::collections::HashSet;

use crate::catalogue::{self, Write};
use crate::dialect::sysctl_d::MODULES_D;
use crate::engine::{LeftOver, Wanted, Wishes};
use crate::host::Host;
use crate::rule::{Change, Side, Target};
use crate::system::{Os, Resource};
use crate::text::printable;

/// Every format.
pub static FORMATS: &[&dyn Format] = &[
    &sysctl_d::SysctlD,
    &limits_d::LimitsD,
    &tmpfiles_d::TmpfilesD,
    &systemd::Systemd,
    &docker::Docker,
    &compose::Compose,
    &kubernetes::Kubernetes,
    &ansible::Ansible,
    &launchd::Launchd,
    &shell::Shell,
];

/// The format with a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// Which value a format writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// What is asked for, and never less than what the container has by itself.
    Container,
    /// What is asked for, and where this machine has better, that: what is higher is never lowered.
    Host,
    /// What is asked for, compared with what there is when the file is used.
    Later,
}

/// A form of a file.
pub trait Format: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Which value it writes.
    fn basis(&self) -> Basis;

    /// The systems that it is for.
    fn systems(&self) -> &'static [Os] {
        &[Os::Linux]
    }

    /// Whether the file is a program.
    fn is_program(&self) -> bool {
        false
    }

    /// Why it cannot hold something; `None` where it can.
    fn refuses(&self, wanted: &Wanted, host: &Host<'_>) -> Option<String>;

    /// The file.
    fn write(&self, page: &Page<'_>) -> String;
}

/// What a file is made of.
pub struct Page<'a> {
    /// The profiles, by name.
    pub profiles: &'a [String],
    /// The machine that was looked at.
    pub host: &'a Host<'a>,
    /// The unit that the file is for.
    pub unit: Option<&'a str>,
    /// The container that it is for.
    pub container: Option<&'a Container<'a>>,
    /// Whether limits of logins are for root too.
    pub root: bool,
    /// What the file sets.
    pub entries: Vec<Entry<'a>>,
    /// What it does not.
    pub left: Vec<LeftOver>,
}

/// One thing that a file sets.
#[derive(Debug)]
pub struct Entry<'a> {
    /// What is asked, and by whom.
    pub wanted: &'a Wanted,
    /// The change, with the value that this format writes.
    pub change: Change,
    /// Words for a person, each a line.
    pub comments: Vec<String>,
}

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
                .or_else(|| format.refuses(wanted, host))
        };
        match refusal {
            Some(reason) => left.extend(wanted.rules.iter().map(|rule| LeftOver {
                rule: rule.name.clone(),
                subject: wanted.target.name().to_owned(),
                reason: reason.clone(),
            })),
            None => entries.push(Entry {
                wanted,
                comments: comments(wanted, format.basis()),
                change: Change {
                    target: wanted.target.clone(),
                    from: wanted.live.clone(),
                    to: value.clone(),
                    scope: wanted.scope,
                    hard: hard_beside(&wanted.target, wishes),
                },
            }),
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
    let entries = catalogue::in_order(entries, |entry| match &entry.change.target {
        Target::Sysctl(name) => Some(name),
        _ => None,
    });
    let page = Page {
        profiles,
        host,
        unit,
        container,
        root: wishes.root,
        entries,
        left,
    };
    let conditions = match format.basis() {
        Basis::Container => page.conditions(),
        Basis::Host | Basis::Later => Vec::new(),
    };
    Exported {
        text: Some(format.write(&page)),
        left: page.left,
        conditions,
    }
}

impl Page<'_> {
    /// The first line of every file, without the comment's sign.
    #[must_use]
    pub fn title(&self) -> String {
        format!("written by runup for {}", one_line(&self.profiles.join(", ")))
    }

    /// A name for the file's own use: letters, digits and hyphens.
    #[must_use]
    pub fn slug(&self) -> String {
        let mut slug = String::new();
        for c in self.profiles.join("-").to_ascii_lowercase().chars() {
            if c.is_ascii_alphanumeric() {
                slug.push(c);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.truncate(50);
        let slug = slug.trim_end_matches('-');
        if slug.is_empty() {
            "profile".to_owned()
        } else {
            slug.to_owned()
        }
    }

    /// The changes of all entries.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.entries.iter().map(|entry| entry.change.clone()).collect()
    }

    /// What is left over, a line each, after a heading; nothing where nothing is.
    #[must_use]
    pub fn leftovers(&self) -> Vec<String> {
        if self.left.is_empty() {
            return Vec::new();
        }
        let mut lines = vec!["not in this file:".to_owned()];
        lines.extend(self.left.iter().map(|left| format!("  {}", sentence(left))));
        lines
    }

    /// Entries about sysctls, with their keys.
    pub fn sysctls(&self) -> impl Iterator<Item = (&str, &Entry<'_>)> {
        self.entries.iter().filter_map(|entry| match &entry.change.target {
            Target::Sysctl(key) => Some((key.as_str(), entry)),
            _ => None,
        })
    }

    /// What to know of the place where a container's file is used.
    fn conditions(&self) -> Vec<String> {
        let limits = self.limits().into_iter();
        self.sysctls()
            .filter_map(|(key, entry)| host_must_have(key, &entry.change.to))
            .chain(limits.filter_map(|(resource, soft, hard, _)| self.runtimes_differ(resource, &soft, &hard)))
            .collect()
    }

    /// What to know of a limit that not every runtime gives alike.
    fn runtimes_differ(&self, resource: Resource, soft: &str, hard: &str) -> Option<String> {
        let known = self
            .container
            .is_none_or(|container| *container.place() == Place::Recorded);
        (resource == Resource::Nofile && !known).then(|| container::of_open_files(soft, hard))?
    }

    /// The limits of processes: soft, hard, and what there is to say of them.
    #[must_use]
    pub fn limits(&self) -> Vec<(Resource, String, String, Vec<String>)> {
        let changes = self.changes();
        let limits = crate::dialect::limits(&changes).into_iter();
        limits
            .map(|wanted| {
                let (resource, (soft, hard)) = (wanted.resource, wanted.both());
                let mut said: Vec<String> = Vec::new();
                let own = self
                    .entries
                    .iter()
                    .filter(|entry| matches!(entry.change.target, Target::Limit(other, _) if other == resource));
                for comment in own.flat_map(|entry| &entry.comments) {
                    if !said.contains(comment) {
                        said.push(comment.clone());
                    }
                }
                (resource, soft.to_owned(), hard.to_owned(), said)
            })
            .collect()
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

/// Lines as comments.
fn commented(lines: &[String], sign: &str, out: &mut String) {
    for line in lines {
        out.push_str(sign);
        out.push_str(line);
        out.push('\n');
    }
}

/// Text of a profile or the system that must not end its line.
fn one_line(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
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
        match (basis, known.module(), known.needs) {
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
    Some(match (known.module(), known.needs) {
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

/// Where something else than what a format holds is set.
fn elsewhere(target: &Target) -> String {
    match target {
        Target::Sysctl(_) => "a sysctl: --to sysctl.d, ansible or shell",
        Target::Limit(..) => "a limit of processes: --to limits.d or systemd, or `runup exec`",
        Target::Sysfs(_) => "a switch under /sys: --to tmpfiles.d, ansible or shell",
        Target::Cgroup(_) => "a limit of a cgroup: --to systemd, docker or compose",
        Target::Swap => "swap: remove or comment out the lines of type swap in /etc/fstab",
    }
    .to_owned()
}

/// What a container is not given because it is the host's.
fn not_a_containers(target: &Target) -> String {
    match target {
        Target::Sysctl(_) => "it is the host's, and no container has its own: --to sysctl.d there".to_owned(),
        Target::Sysfs(_) => "it is the host's, and no container has its own: --to tmpfiles.d there".to_owned(),
        other => elsewhere(other),
    }
}

/// The modules without which keys are not there.
pub(crate) fn modules<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let mut names: Vec<&str> = keys
        .filter_map(|key| catalogue::lookup(Os::Linux, key)?.module())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The network interface that a key is about, but for `all` and `default`.
fn interface(key: &str) -> Option<&str> {
    let mut segments = key.split('.');
    let (net, _, table) = (segments.next()?, segments.next()?, segments.next()?);
    let name = segments.next()?;
    segments.next()?;
    (net == "net" && matches!(table, "conf" | "neigh") && !matches!(name, "all" | "default")).then_some(name)
}

/// Whether a container's runtime can set a key; if not, why.
fn runtime_refuses(key: &str, host: &Host<'_>) -> Option<String> {
    if !crate::dialect::docker::own(key, host) {
        return Some(not_a_containers(&Target::Sysctl(key.to_owned())));
    }
    let known = catalogue::lookup(Os::Linux, key);
    if let (Some(kernel), Some(known)) = (host.system.platform().kernel(), known)
        && !known.exists_on(kernel.major_minor())
    {
        return Some(format!("kernel {kernel} has no such key"));
    }
    interface(key).map(|name| format!("the interface {name} is this machine's; a container's own comes later"))
}
