//! A proposal in every dialect of [`dialect`](crate::dialect), and which of them is for the place that the check runs in.

use crate::change::{Dialect, Proposal, Reach, Target};
use crate::dialect::{docker, incus, kubernetes, lxc, macos, nspawn, shell, systemd};
use crate::host::{Host, Runtime};
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
                // What few use is said where it is used.
                match host.runtime() {
                    Some(Runtime::Lxc) => add(Dialect::Lxc, lxc::lines(changes, host)),
                    Some(Runtime::Lxd | Runtime::Incus) => add(Dialect::Incus, incus::commands(changes, host)),
                    Some(Runtime::Nspawn) => add(Dialect::Nspawn, nspawn::commands(changes, host)),
                    Some(Runtime::Docker | Runtime::Podman | Runtime::Kubernetes) | None => {}
                }
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

/// The dialect of what started this container; Docker's where nobody can tell, and for a container that is yet to be made.
#[must_use]
pub fn of_runtime(host: &Host<'_>) -> Dialect {
    match host.runtime() {
        Some(Runtime::Kubernetes) => Dialect::Kubernetes,
        Some(Runtime::Lxc) => Dialect::Lxc,
        Some(Runtime::Lxd | Runtime::Incus) => Dialect::Incus,
        Some(Runtime::Nspawn) => Dialect::Nspawn,
        Some(Runtime::Docker | Runtime::Podman) | None => Dialect::Docker,
    }
}

/// The dialect for the place that the check runs in.
#[must_use]
pub fn dialect_here(proposal: &Proposal, remedies: &[(Dialect, String)], host: &Host<'_>) -> Option<Dialect> {
    let container = of_runtime(host);
    let shell = if host.system.platform().os == Os::Macos {
        Dialect::Macos
    } else {
        Dialect::Host
    };
    // A limit that a shell in the container gives itself is gone with the shell; what starts the container must give it. In one that is
    // used as a machine is, logins and units give limits, as on a host.
    let limits = proposal
        .changes
        .iter()
        .any(|change| matches!(change.target, Target::Limit(..)));
    let is_machine = host.runtime().is_some_and(Runtime::makes_machines);
    let wanted: &[Dialect] = match proposal.reach {
        Reach::Here if limits && host.engine().is_some() && !is_machine => &[container, Dialect::Docker],
        Reach::Runtime if is_machine => &[container, Dialect::Manual],
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
