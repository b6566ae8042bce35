//! The commands that change an interface.

use super::super::{Context, Dialect, Proposal, Reach};
use super::Facts;
use crate::dialect::shell::quote;
use crate::value::{Number, PortSet, Value};

/// What would make one metric right.
struct Remedy {
    because: &'static str,
    /// For a person, where no command does it.
    words: Option<String>,
    /// Commands, a line each.
    commands: Vec<String>,
    persist: Option<String>,
    docker: Option<String>,
}

impl Remedy {
    fn words(because: &'static str, words: impl Into<String>) -> Self {
        Self {
            because,
            words: Some(words.into()),
            commands: Vec::new(),
            persist: None,
            docker: None,
        }
    }

    fn command(because: &'static str, command: impl Into<String>) -> Self {
        Self {
            because,
            words: None,
            commands: vec![command.into()],
            persist: None,
            docker: None,
        }
    }
}

/// What would make the metrics right, in the place where that can be done.
pub(super) fn proposal(
    name: &str,
    facts: &Facts,
    targets: &[(&'static str, Option<Value>)],
    cx: &Context<'_>,
) -> Proposal {
    let all: Vec<Remedy> = targets
        .iter()
        .map(|(metric, target)| of(metric, target.as_ref(), name, facts, cx))
        .collect();
    let Some(first) = all.first() else {
        return Proposal::manual(
            "nothing is asked for",
            format!("Look at {name}: ip -d link show {name}"),
        );
    };
    let join = |parts: Vec<String>| (!parts.is_empty()).then(|| parts.join("\n"));
    let sudo = if cx.system.identity().uid == 0 { "" } else { "sudo " };
    let commands = all.iter().flat_map(|remedy| &remedy.commands);
    // Of two commands with a pipe between them, the second one writes.
    let privileged = |command: &String| match command.split_once(" | ") {
        Some((left, right)) => format!("{left} | {sudo}{right}"),
        None => format!("{sudo}{command}"),
    };
    let host = join(commands.map(privileged).collect());
    let mut words: Vec<String> = all.iter().filter_map(|remedy| remedy.words.clone()).collect();
    let mut remedies = Vec::new();
    let mut reach = Reach::Manual;
    let mut because = first.because.to_owned();
    if cx.host.engine().is_some() {
        // Of the host's network namespace everything is the host's; of its own the runtime made it.
        (reach, because) = if cx.host.network_is_hosts() == Some(true) {
            (Reach::Host, "the interface is the host's".to_owned())
        } else {
            (Reach::Runtime, "the runtime made the interface".to_owned())
        };
        if let Some(host) = &host {
            let place = match reach {
                Reach::Host => "On the host",
                _ => "From the host, in this network namespace (nsenter -t PID -n)",
            };
            words.push(format!("{place}: {}", host.replace('\n', "; ")));
        }
        remedies.extend(
            join(all.iter().filter_map(|remedy| remedy.docker.clone()).collect()).map(|text| (Dialect::Docker, text)),
        );
    } else {
        if let (false, Some(host)) = (words.is_empty(), &host) {
            // Words come first where both are shown, and must not hide what a command does.
            words.push(format!("And: {}", host.replace('\n', "; ")));
        }
        remedies.extend(host.map(|text| (Dialect::Host, text)));
        remedies.extend(
            join(all.iter().filter_map(|remedy| remedy.persist.clone()).collect()).map(|text| (Dialect::Persist, text)),
        );
    }
    remedies.extend(join(words).map(|text| (Dialect::Manual, text)));
    Proposal {
        reach,
        because,
        changes: Vec::new(),
        remedies,
    }
}

fn of(metric: &str, target: Option<&Value>, name: &str, facts: &Facts, cx: &Context<'_>) -> Remedy {
    let dev = quote(name);
    let number = match target {
        Some(Value::Number(Number::Finite(number))) => Some(*number),
        _ => None,
    };
    let switch = |feature: &str| match target {
        Some(Value::Bool(on)) => Remedy::command(
            "it is a switch of the driver's",
            format!("ethtool -K {dev} {feature} {}", if *on { "on" } else { "off" }),
        ),
        _ => Remedy::words(
            "it is a switch of the driver's",
            format!("ethtool -K {dev} {feature} on, or off"),
        ),
    };
    match (metric, number) {
        ("mtu", Some(mtu)) => Remedy {
            persist: Some(format!(
                "the configuration of {name}: MTUBytes={mtu} in [Link] of its .network file (systemd-networkd), mtu {mtu} in \
                 /etc/network/interfaces, or nmcli connection modify {dev} 802-3-ethernet.mtu {mtu}"
            )),
            docker: Some(format!(
                "docker network create --opt com.docker.network.driver.mtu={mtu} NETWORK"
            )),
            ..Remedy::command(
                "every host and switch on the link must take packets of that size",
                format!("ip link set dev {dev} mtu {mtu}"),
            )
        },
        ("transmit_queue", Some(length)) => Remedy::command(
            "it is a setting of the interface",
            format!("ip link set dev {dev} txqueuelen {length}"),
        ),
        ("ring_rx", Some(wanted)) => match facts.ring_rx_max.map(i128::from) {
            Some(most) if wanted > most => Remedy::words(
                "the hardware has no room for more",
                format!("The receive ring of {name} holds {most} at most; ask for that, or use another card."),
            ),
            _ => Remedy::command(
                "it is a setting of the driver's, and the link goes down for a moment",
                format!("ethtool -G {dev} rx {wanted}"),
            ),
        },
        ("queues_rx" | "queues_tx", Some(wanted)) => channels(metric, wanted, &dev, facts),
        ("qdisc", _) => qdisc(target, &dev, facts),
        ("offload_gro", _) => switch("gro"),
        ("offload_gso", _) => switch("gso"),
        ("offload_tso", _) => switch("tso"),
        ("rps", _) => rps(target, name, cx),
        ("carrier", _) => Remedy::words(
            "nothing is at the other end",
            format!("Plug the cable in, or switch on what is at the other end of {name}: ip link show {dev}"),
        ),
        ("speed" | "duplex", _) => Remedy::words(
            "both ends agree on it",
            format!(
                "Look at the cable and the other end's port (ethtool {dev} shows what each offers); let both negotiate, or set \
                 both alike."
            ),
        ),
        ("driver", _) => Remedy::words(
            "the card decides which driver serves it",
            format!("Give the machine another network card, or load another driver for {name}."),
        ),
        ("rx_missed", _) => {
            let most = facts
                .ring_rx_max
                .map_or_else(|| "N".to_owned(), |most| most.to_string());
            Remedy::words(
                "the hardware had no room for packets",
                format!(
                    "Make the receive ring larger (ethtool -G {dev} rx {most}), and spread its interrupts over processors."
                ),
            )
        }
        _ => Remedy::words(
            "the kernel threw packets away that came in",
            format!(
                "Find why: `ip -s -s link show {dev}` and `ethtool -S {dev}` tell errors from packets that nobody wants; a queue \
                 that is too short is net.core.netdev_max_backlog."
            ),
        ),
    }
}

fn channels(metric: &str, wanted: i128, dev: &str, facts: &Facts) -> Remedy {
    let because = "it is a setting of the driver's, and the link goes down for a moment";
    let Some(channels) = facts.channels else {
        return Remedy::words(
            "the driver cannot change it",
            format!(
                "Give {dev} more queues where it is made: of a virtual card in the hypervisor, of a virtual link with numrxqueues and \
                 numtxqueues of ip link add."
            ),
        );
    };
    let (word, most) = match (channels.combined_max, metric) {
        (0, "queues_rx") => ("rx", channels.rx_max),
        (0, _) => ("tx", channels.tx_max),
        (most, _) => ("combined", most),
    };
    if wanted > i128::from(most) {
        return Remedy::words(
            "the hardware has no more queues",
            format!("{dev} can have {most} at most; give the machine another card, or more queues in the hypervisor."),
        );
    }
    Remedy::command(because, format!("ethtool -L {dev} {word} {wanted}"))
}

fn qdisc(target: Option<&Value>, dev: &str, facts: &Facts) -> Remedy {
    let because = "it is a setting of the interface";
    let Some(Value::Text(kind)) = target else {
        return Remedy::words(because, format!("tc qdisc replace dev {dev} root KIND"));
    };
    let kind = quote(kind);
    let mut remedy = if facts.queue_qdiscs.is_empty() {
        Remedy::command(because, format!("tc qdisc replace dev {dev} root {kind}"))
    } else {
        // Each queue gets the default; the one at the root is made anew for that.
        Remedy {
            commands: vec![
                format!("sysctl -w net.core.default_qdisc={kind}"),
                format!("tc qdisc del dev {dev} root"),
                format!("tc qdisc add dev {dev} root mq"),
            ],
            ..Remedy::command(because, "")
        }
    };
    remedy.persist = Some(format!(
        "/etc/sysctl.d/60-runup.conf: net.core.default_qdisc = {kind} (for every interface that is made after it is read)"
    ));
    remedy
}

fn rps(target: Option<&Value>, name: &str, cx: &Context<'_>) -> Remedy {
    let mask = match target {
        Some(Value::Bool(false)) => "0".to_owned(),
        _ => {
            let online = cx.host.text("/sys/devices/system/cpu/online").unwrap_or_default();
            PortSet::parse(&online).map_or_else(|_| "MASK".to_owned(), |set| mask_of(&set))
        }
    };
    Remedy::command(
        "which processors take packets over is a setting of each receive queue",
        format!("echo {mask} | tee /sys/class/net/{}/queues/rx-*/rps_cpus", quote(name)),
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
