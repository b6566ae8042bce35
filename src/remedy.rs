//! A proposal in every dialect of [`dialect`](crate::dialect), and which of them is for the place that the check runs in.

use crate::change::{Dialect, Proposal, Reach, Target};
use crate::dialect::{docker, kubernetes, macos, shell, systemd};
use crate::host::Host;
use crate::system::Os;

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
                add(Dialect::Host, shell::commands(changes, host));
                add(Dialect::Persist, shell::persist(changes));
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
