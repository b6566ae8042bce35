//! The same fix in every dialect: for a shell on the host, for a drop-in file, for Docker, Kubernetes, systemd, macOS.
//!
//! One file a dialect; each turns [`Change`]s into text that its reader can paste. A dialect that cannot make a change says
//! nothing of it.

pub(crate) mod docker;
pub(crate) mod host;
pub(crate) mod kubernetes;
pub(crate) mod macos;
pub(crate) mod systemd;

use crate::change::{Change, Dialect, Proposal, Reach, Side, Target};
use crate::host::Host;
use crate::system::{Os, Resource};

/// The remedies for a proposal: what follows from its changes, then what its kind says in words.
#[must_use]
pub fn render(proposal: &Proposal, host: &Host<'_>) -> Vec<(Dialect, String)> {
    let os = host.system.platform().os;
    let mut remedies: Vec<(Dialect, String)> = Vec::new();
    if !proposal.changes.is_empty() && proposal.reach != Reach::Manual {
        let changes = &proposal.changes;
        let mut add = |dialect: Dialect, text: Option<String>| {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                remedies.push((dialect, text));
            }
        };
        match os {
            Os::Linux => {
                add(Dialect::Host, host::commands(changes, host));
                add(Dialect::Persist, host::persist(changes));
                add(Dialect::Docker, docker::command(changes, host));
                add(Dialect::Kubernetes, kubernetes::manifest(changes, host));
                add(Dialect::Systemd, systemd::section(changes));
            }
            Os::Macos | Os::Freebsd => {
                add(
                    if os == Os::Macos { Dialect::Macos } else { Dialect::Host },
                    macos::commands(changes),
                );
                add(Dialect::Persist, macos::persist(changes, os));
            }
        }
    }
    for (dialect, text) in &proposal.remedies {
        remedies.retain(|(known, _)| known != dialect);
        remedies.push((*dialect, text.clone()));
    }
    remedies.sort_by_key(|(dialect, _)| *dialect);
    remedies
}

/// The dialect for the place that the check runs in.
#[must_use]
pub fn dialect_here(proposal: &Proposal, remedies: &[(Dialect, String)], host: &Host<'_>) -> Option<Dialect> {
    let container = match host.engine() {
        Some("kubernetes") => Dialect::Kubernetes,
        _ => Dialect::Docker,
    };
    let shell = if host.system.platform().os == Os::Macos {
        Dialect::Macos
    } else {
        Dialect::Host
    };
    // A limit that a shell in the container gives itself is gone with the shell; what starts the container must give it.
    let limits = proposal
        .changes
        .iter()
        .any(|change| matches!(change.target, Target::Limit(..)));
    let wanted: &[Dialect] = match proposal.reach {
        Reach::Here if limits && host.engine().is_some() => &[container, Dialect::Docker],
        Reach::Runtime => &[container, Dialect::Docker, Dialect::Manual],
        Reach::Boot => &[Dialect::Boot, Dialect::Manual],
        Reach::Manual => &[Dialect::Manual, shell],
        Reach::Here | Reach::Privileged | Reach::Host => &[shell, Dialect::Manual],
    };
    wanted
        .iter()
        .copied()
        .find(|dialect| remedies.iter().any(|(known, _)| known == dialect))
}

/// The value of a change with fields separated by single spaces, as people write it.
pub(crate) fn value(change: &Change) -> String {
    change.to.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// `sudo ` where commands need it.
fn sudo(host: &Host<'_>) -> &'static str {
    if host.system.identity().uid == 0 { "" } else { "sudo " }
}

/// What changes ask of the limits on a resource.
pub(crate) struct Wanted<'a> {
    pub(crate) resource: Resource,
    /// `None` where it is left alone.
    pub(crate) soft: Option<&'a str>,
    /// `None` where it is left alone.
    pub(crate) hard: Option<&'a str>,
    /// The hard limit now, where it is known and left alone.
    stays: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// The pair for a dialect that always names both sides: a hard limit that is left alone is not lowered.
    pub(crate) fn both(&self) -> (&'a str, &'a str) {
        let either = self.soft.or(self.hard).unwrap_or("unlimited");
        (self.soft.unwrap_or(either), self.hard.or(self.stays).unwrap_or(either))
    }
}

/// The limits that changes ask for, by resource.
pub(crate) fn limits(changes: &[Change]) -> Vec<Wanted<'_>> {
    let mut found: Vec<Wanted<'_>> = Vec::new();
    for change in changes {
        if let Target::Limit(resource, side) = &change.target {
            let at = found
                .iter()
                .position(|known| known.resource == *resource)
                .unwrap_or_else(|| {
                    found.push(Wanted {
                        resource: *resource,
                        soft: None,
                        hard: None,
                        stays: None,
                    });
                    found.len() - 1
                });
            let wanted = &mut found[at];
            match side {
                Side::Soft => (wanted.soft, wanted.stays) = (Some(change.to.as_str()), change.hard.as_deref()),
                Side::Hard => wanted.hard = Some(&change.to),
            }
        }
    }
    found
}
