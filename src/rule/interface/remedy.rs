//! The commands that change an interface.

use super::super::{Context, Dialect, Failing, Proposal, Reach};
use super::Facts;
use crate::dialect::shell::quote;
use crate::host::Runtime;
use crate::value::{Number, PortSet, Value};

const SETTING: &str = "it is a setting of the interface";
const RESTARTS: &str = "it is a setting of the driver's, and the link goes down for a moment";

/// The interface as it is.
fn facts(failing: &Failing<'_>) -> Facts {
    let all = failing.cx.system.interfaces().unwrap_or_default();
    let own = all.into_iter().find(|facts| facts.name == name(failing));
    own.unwrap_or_default()
}

fn name<'a>(failing: &'a Failing<'_>) -> &'a str {
    &failing.observation.subject
}

/// The number that a metric is to be; there is no interface without limits.
fn number(metric: &str, failing: &Failing<'_>) -> Option<i128> {
    failing.number(metric).and_then(Number::finite)
}

/// Where that is done, and why there: of the host's network namespace everything is the host's; of a container's own the runtime made it.
fn place(because: &str, cx: &Context<'_>) -> (Reach, String) {
    match (cx.host.engine(), cx.host.network_is_hosts()) {
        (None, _) => (Reach::Manual, because.to_owned()),
        (Some(_), Some(true)) => (Reach::Host, "the interface is the host's".to_owned()),
        (Some(_), Some(false) | None) => (Reach::Runtime, "the runtime made the interface".to_owned()),
    }
}

/// What no command does.
fn words(because: &str, words: impl Into<String>, failing: &Failing<'_>) -> Proposal {
    let (reach, because) = place(because, failing.cx);
    Proposal {
        reach,
        because,
        changes: Vec::new(),
        remedies: vec![(Dialect::Manual, words.into())],
    }
}

/// Commands, run by a person: the connection that they are given over may go through the interface.
fn commands(because: &str, commands: &[String], failing: &Failing<'_>) -> Proposal {
    let cx = failing.cx;
    let sudo = if cx.system.identity().uid == 0 { "" } else { "sudo " };
    // Of two commands with a pipe between them, the second one writes.
    let privileged = |command: &String| match command.split_once(" | ") {
        Some((left, right)) => format!("{left} | {sudo}{right}"),
        None => format!("{sudo}{command}"),
    };
    let all: Vec<String> = commands.iter().map(privileged).collect();
    let (reach, because) = place(because, cx);
    let remedy = match reach {
        Reach::Host => (Dialect::Manual, format!("On the host: {}", all.join("; "))),
        Reach::Runtime => {
            let inside = "From the host, in this network namespace (nsenter -t PID -n)";
            (Dialect::Manual, format!("{inside}: {}", all.join("; ")))
        }
        Reach::Here | Reach::Privileged | Reach::Boot | Reach::Manual => (Dialect::Host, all.join("\n")),
    };
    Proposal {
        reach,
        because,
        changes: Vec::new(),
        remedies: vec![remedy],
    }
}

/// What makes it last, on the host itself: in a container the runtime makes the interface anew.
fn lasting(mut proposal: Proposal, text: String, cx: &Context<'_>) -> Proposal {
    if cx.host.engine().is_none() {
        proposal.remedies.push((Dialect::Persist, text));
    }
    proposal
}

/// The size of packets, which the network of a container takes from an option.
pub(super) fn mtu(failing: &Failing<'_>) -> Proposal {
    let (name, dev) = (name(failing), quote(name(failing)));
    let Some(mtu) = number("mtu", failing) else {
        return no_value(failing);
    };
    let mut proposal = commands(
        "every host and switch on the link must take packets of that size",
        &[format!("ip link set dev {dev} mtu {mtu}")],
        failing,
    );
    let option = match failing.cx.host.runtime() {
        Some(Runtime::Docker | Runtime::Kubernetes) => Some((
            Dialect::Docker,
            format!("docker network create --opt com.docker.network.driver.mtu={mtu} NETWORK"),
        )),
        Some(Runtime::Podman) => Some((
            Dialect::Docker,
            format!("podman network create --opt mtu={mtu} NETWORK"),
        )),
        Some(Runtime::Lxc) => Some((
            Dialect::Lxc,
            format!("lxc.net.0.mtu = {mtu}\n# or in Proxmox mtu={mtu} of net0 in /etc/pve/lxc/ID.conf"),
        )),
        Some(Runtime::Lxd) => Some((Dialect::Incus, format!("lxc config device set NAME {dev} mtu {mtu}"))),
        Some(Runtime::Incus) => Some((Dialect::Incus, format!("incus config device set NAME {dev} mtu {mtu}"))),
        Some(Runtime::Nspawn) | None => None,
    };
    proposal.remedies.extend(option);
    let files = format!(
        "the configuration of {name}: MTUBytes={mtu} in [Link] of its .network file (systemd-networkd), mtu {mtu} in \
         /etc/network/interfaces, or nmcli connection modify {dev} 802-3-ethernet.mtu {mtu}"
    );
    lasting(proposal, files, failing.cx)
}

/// The length of the queue.
pub(super) fn transmit_queue(failing: &Failing<'_>) -> Proposal {
    let dev = quote(name(failing));
    match number("transmit_queue", failing) {
        Some(length) => commands(
            SETTING,
            &[format!("ip link set dev {dev} txqueuelen {length}")],
            failing,
        ),
        None => no_value(failing),
    }
}

/// The size of the ring, as far as the hardware has room.
pub(super) fn ring_rx(failing: &Failing<'_>) -> Proposal {
    let name = name(failing);
    let Some(wanted) = number("ring_rx", failing) else {
        return no_value(failing);
    };
    match facts(failing).ring_rx_max.map(i128::from) {
        Some(most) if wanted > most => words(
            "the hardware has no room for more",
            format!("The receive ring of {name} holds {most} at most; ask for that, or use another card."),
            failing,
        ),
        Some(_) | None => commands(RESTARTS, &[format!("ethtool -G {} rx {wanted}", quote(name))], failing),
    }
}

/// The number of queues of both directions. Where they share channels, one number is both.
pub(super) fn queues(failing: &Failing<'_>) -> Proposal {
    let dev = quote(name(failing));
    let (rx, tx) = (number("queues_rx", failing), number("queues_tx", failing));
    let asked = rx.into_iter().chain(tx);
    let (Some(least), Some(most)) = (asked.clone().min(), asked.max()) else {
        return no_value(failing);
    };
    let Some(channels) = facts(failing).channels else {
        return words(
            "the driver cannot change it",
            format!(
                "Give {dev} more queues where it is made: of a virtual card in the hypervisor, of a virtual link with numrxqueues and \
                 numtxqueues of ip link add."
            ),
            failing,
        );
    };
    // Raised to the most that is asked for, both have enough; lowered to the least, neither has too many.
    let shared = if most < i128::from(channels.combined) {
        least
    } else {
        most
    };
    let asked = match channels.combined_max {
        0 => vec![("rx", rx, channels.rx_max), ("tx", tx, channels.tx_max)],
        room => vec![("combined", Some(shared), room)],
    };
    let (mut numbers, mut beyond) = (Vec::new(), Vec::new());
    for (word, wanted, room) in asked {
        match wanted {
            Some(wanted) if wanted > i128::from(room) => beyond.push(format!(
                "{dev} can have {room} at most; give the machine another card, or more queues in the hypervisor."
            )),
            Some(wanted) => numbers.push(format!("{word} {wanted}")),
            None => {}
        }
    }
    let command = commands(RESTARTS, &[format!("ethtool -L {dev} {}", numbers.join(" "))], failing);
    if beyond.is_empty() {
        return command;
    }
    // Words hide a command that stands beside them.
    let beside = command.remedies.iter().filter(|_| !numbers.is_empty());
    beyond.extend(beside.map(|(_, text)| format!("And: {text}")));
    words("the hardware has no more queues", beyond.join("\n"), failing)
}

/// The queueing discipline, of each queue where there are several.
pub(super) fn qdisc(failing: &Failing<'_>) -> Proposal {
    let dev = quote(name(failing));
    let Some(Value::Text(kind)) = failing.target() else {
        return words(SETTING, format!("tc qdisc replace dev {dev} root KIND"), failing);
    };
    let kind = quote(kind);
    let all = if facts(failing).queue_qdiscs.is_empty() {
        vec![format!("tc qdisc replace dev {dev} root {kind}")]
    } else {
        // Each queue gets the default; the one at the root is made anew for that.
        vec![
            format!("sysctl -w net.core.default_qdisc={kind}"),
            format!("tc qdisc del dev {dev} root"),
            format!("tc qdisc add dev {dev} root mq"),
        ]
    };
    let file = format!(
        "/etc/sysctl.d/60-runup.conf: net.core.default_qdisc = {kind} (for every interface that is made after it is read)"
    );
    lasting(commands(SETTING, &all, failing), file, failing.cx)
}

/// A feature of the driver's, by ethtool's name.
pub(super) fn offload(feature: &str, failing: &Failing<'_>) -> Proposal {
    let because = "it is a switch of the driver's";
    let command = format!("ethtool -K {} {feature}", quote(name(failing)));
    match failing.target() {
        Some(Value::Bool(true)) => commands(because, &[format!("{command} on")], failing),
        Some(Value::Bool(false)) => commands(because, &[format!("{command} off")], failing),
        Some(_) | None => words(because, format!("{command} on, or off"), failing),
    }
}

/// Which processors take packets over.
pub(super) fn rps(failing: &Failing<'_>) -> Proposal {
    let mask = match failing.target() {
        Some(Value::Bool(false)) => "0".to_owned(),
        Some(_) | None => {
            let online = failing.cx.host.text("/sys/devices/system/cpu/online");
            PortSet::parse(&online.unwrap_or_default()).map_or_else(|_| "MASK".to_owned(), |set| mask_of(&set))
        }
    };
    let name = quote(name(failing));
    commands(
        "which processors take packets over is a setting of each receive queue",
        &[format!("echo {mask} | tee /sys/class/net/{name}/queues/rx-*/rps_cpus")],
        failing,
    )
}

/// A cable.
pub(super) fn carrier(failing: &Failing<'_>) -> Proposal {
    let name = name(failing);
    words(
        "nothing is at the other end",
        format!(
            "Plug the cable in, or switch on what is at the other end of {name}: ip link show {}",
            quote(name)
        ),
        failing,
    )
}

/// What both ends agree on.
pub(super) fn agreed(failing: &Failing<'_>) -> Proposal {
    words(
        "both ends agree on it",
        format!(
            "Look at the cable and the other end's port (ethtool {} shows what each offers); let both negotiate, or set both alike.",
            quote(name(failing))
        ),
        failing,
    )
}

/// Another card.
pub(super) fn driver(failing: &Failing<'_>) -> Proposal {
    let name = name(failing);
    words(
        "the card decides which driver serves it",
        format!("Give the machine another network card, or load another driver for {name}."),
        failing,
    )
}

/// Room in the ring.
pub(super) fn rx_missed(failing: &Failing<'_>) -> Proposal {
    let most = facts(failing).ring_rx_max;
    let most = most.map_or_else(|| "N".to_owned(), |most| most.to_string());
    words(
        "the hardware had no room for packets",
        format!(
            "Make the receive ring larger (ethtool -G {} rx {most}), and spread its interrupts over processors.",
            quote(name(failing))
        ),
        failing,
    )
}

/// What can be told where the rule says only what a number may not be.
fn no_value(failing: &Failing<'_>) -> Proposal {
    words(
        "no single value satisfies the rule",
        format!(
            "Choose a value for {}, and set it with ip(8) or ethtool(8).",
            name(failing)
        ),
        failing,
    )
}

/// A reason, which has to be found first.
pub(super) fn rx_dropped(failing: &Failing<'_>) -> Proposal {
    let dev = quote(name(failing));
    words(
        "the kernel threw packets away that came in",
        format!(
            "Find why: `ip -s -s link show {dev}` and `ethtool -S {dev}` tell errors from packets that nobody wants; a queue \
             that is too short is net.core.netdev_max_backlog."
        ),
        failing,
    )
}

/// A mask of processors as the kernel writes it: hexadecimal words of 32, the highest first.
fn mask_of(processors: &PortSet) -> String {
    let mut words: Vec<u32> = Vec::new();
    for processor in (0..8192_u16).filter(|processor| processors.contains(*processor)) {
        let at = usize::from(processor / 32);
        if words.len() <= at {
            words.resize(at + 1, 0);
        }
        words[at] |= 1 << (processor % 32);
    }
    let mut words = words.iter().rev();
    let first = words.next().map_or_else(|| "0".to_owned(), |word| format!("{word:x}"));
    words.fold(first, |mask, word| format!("{mask},{word:08x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_have_a_bit_for_each_processor() {
        let mask = |list: &str| mask_of(&PortSet::parse(list).unwrap());
        assert_eq!(mask("0-3"), "f");
        assert_eq!(mask("0,33"), "2,00000001");
        assert_eq!(mask(""), "0");
    }
}
