//! Network interfaces: sizes, queues, offloads, what they drop.

mod remedy;

use super::{Context, Dialect, Docs, Kind, Metric, Observation, Proposal, Reading, Selectors, glob, reading_of};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, required};
use crate::system::{Failure, Interface as Facts, Os};
use crate::value::{Choice, Type, Unit, Value};

/// Network interfaces: `interface = { name = "*", mtu = { min = 1500 } }`.
#[derive(Debug)]
pub struct Interface;

static SELECTORS: &[Field] = &[required(
    "name",
    Shape::Text,
    "The interface, or a pattern: `*` for any run of characters, `{eth*,en*}` for either. A pattern leaves out loopback and \
     interfaces that are down.",
)];

const fn number(name: &'static str, doc: &'static str) -> Metric {
    Metric::new(name, Type::Number(Unit::Count), doc)
}

const fn switch(name: &'static str, doc: &'static str) -> Metric {
    Metric::new(name, Type::Bool, doc)
}

const fn word(name: &'static str, doc: &'static str) -> Metric {
    Metric::new(name, Type::Choice, doc)
}

static METRICS: &[Metric] = &[
    number("mtu", "Bytes in the largest packet, without the frame around it."),
    word("driver", "The driver's name: `virtio_net`, `ena`, `mlx5_core`, `veth`."),
    number("speed", "Mbit/s, as agreed with the other end."),
    number(
        "queues_rx",
        "Queues that it receives with, each served by one processor.",
    ),
    number("queues_tx", "Queues that it sends with."),
    number(
        "transmit_queue",
        "Packets that may wait to be sent (txqueuelen), where the queueing discipline does not count by itself.",
    ),
    word(
        "qdisc",
        "The queueing discipline: `fq`, `fq_codel`, `pfifo_fast`. Of `mq`, which only shares out the queues, what each of them has.",
    ),
    switch("carrier", "Whether something is at the other end of the cable."),
    word("duplex", "`full`, or `half`: sends or receives, and not both at once.").one_of(&["full", "half"]),
    number(
        "ring_rx",
        "Packets that the ring holds into which the hardware receives.",
    ),
    switch(
        "offload_gro",
        "Whether received packets are put together into larger ones (GRO).",
    ),
    switch(
        "offload_gso",
        "Whether large packets are cut only just before they are sent (GSO).",
    ),
    switch("offload_tso", "Whether the hardware cuts them (TSO)."),
    number(
        "rx_dropped",
        "Packets that were received and thrown away, since the interface was made.",
    ),
    number(
        "rx_missed",
        "Packets for which the hardware had no room, since the interface was made.",
    ),
    switch(
        "rps",
        "Whether any queue hands its packets to other processors (receive packet steering).",
    ),
];

static DOCS: Docs = Docs {
    summary: "A network interface: MTU, speed, queues, queueing discipline, ring, offloads, drops.",
    text: "Asks the kernel by rtnetlink for the interfaces of the network namespace, and their drivers by ethtool's ioctl, as \
ip(8), tc(8) and ethtool(8) do; these questions need no privilege. With a pattern, every interface that matches and is up is a \
finding of its own, loopback left out; no match is `n/a`, and so is a name that is not here. Where the \
system cannot be asked for its interfaces (macOS, a tree of files) the rule is unknown.\n\n\
What a driver does not tell is `n/a`: a bridge has no ring, a virtual card often no speed. How many queues there are and whether \
RPS is on stands in `/sys/class/net`, which shows the namespace of whoever mounted it: where that is another, the queues are asked \
of the driver, and RPS is `unknown`.\n\n\
`rx_dropped` and `rx_missed` count since the interface was made. Nothing is written: changing an interface can cut the very \
connection that it is done over, so the commands are for a person, and both ends of a link need the same MTU.",
    example: "[[rule]]\nid = \"mtu\"\nseverity = \"warning\"\ninterface = { name = \"*\", mtu = { min = 1500 } }",
    remedies: &[
        (
            Dialect::Host,
            "ip link set for MTU and transmit queue, tc qdisc replace for the queueing discipline, ethtool -G, -L and -K for ring, queues and offloads; all of it until the next boot.",
        ),
        (
            Dialect::Docker,
            "docker network create --opt com.docker.network.driver.mtu=N for the MTU; a container's own interface has no ring and no hardware queues.",
        ),
        (
            Dialect::Kubernetes,
            "The MTU is in the configuration of the network plugin (CNI); the rest belongs to the node.",
        ),
    ],
};

impl Kind for Interface {
    fn name(&self) -> &'static str {
        "interface"
    }

    fn docs(&self) -> &'static Docs {
        &DOCS
    }

    fn selectors(&self) -> &'static [Field] {
        SELECTORS
    }

    fn metric(&self, at: usize) -> Option<&'static Metric> {
        METRICS.get(at)
    }

    fn check(&self, selectors: &Selectors, _os: Os, sink: &mut Diagnostics) {
        let (Some(name), Some(place)) = (selectors.text("name"), selectors.place("name")) else {
            return;
        };
        // The kernel's dev_valid_name, and IFNAMSIZ.
        let wrong = if name.is_empty() || name.contains(['/', ':']) || name.contains(char::is_whitespace) {
            Some("it is empty, or has a slash, a colon or white space")
        } else if name.len() > 15 && !glob::is_pattern(name) {
            Some("names of interfaces have 15 characters at most")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            sink.push(Diagnostic::at(place, format!("this cannot be an interface: {wrong}")).label("not a name"));
        }
    }

    fn label(&self, selectors: &Selectors) -> String {
        selectors.text("name").unwrap_or_default().to_owned()
    }

    fn probe(&self, selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let name = selectors.text("name").unwrap_or_default();
        let nothing = |reading: &Reading| {
            vec![Observation {
                subject: name.to_owned(),
                readings: wanted.iter().map(|metric| (*metric, reading.clone())).collect(),
                evidence: Vec::new(),
            }]
        };
        let all = match cx.system.interfaces() {
            Ok(all) => all,
            Err(Failure::Absent) => {
                return nothing(&Reading::Absent(
                    "this system does not tell of its interfaces".to_owned(),
                ));
            }
            Err(failure) => return nothing(&Reading::Unreadable(format!("the interfaces: {failure}"))),
        };
        let pattern = glob::is_pattern(name);
        let found: Vec<&Facts> = all
            .iter()
            .filter(|facts| match pattern {
                true => glob::matches(name, &facts.name) && facts.up && !facts.loopback,
                false => facts.name == name,
            })
            .collect();
        if found.is_empty() && !pattern {
            return nothing(&Reading::Absent(format!("there is no interface {name} here")));
        }
        found.iter().map(|facts| observe(facts, wanted, cx)).collect()
    }

    fn propose(
        &self,
        _: &Selectors,
        observation: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Proposal {
        let name = observation.subject.as_str();
        let all = cx.system.interfaces().unwrap_or_default();
        let facts = all.into_iter().find(|facts| facts.name == name).unwrap_or_default();
        remedy::proposal(name, &facts, targets, cx)
    }
}

fn observe(facts: &Facts, wanted: &[&'static str], cx: &Context<'_>) -> Observation {
    let mut evidence = Vec::new();
    if let Some(driver) = &facts.driver {
        evidence.push(format!("driver {driver}"));
    }
    let readings = wanted
        .iter()
        .map(|metric| (*metric, read(metric, facts, cx, &mut evidence)))
        .collect();
    Observation {
        subject: facts.name.clone(),
        readings,
        evidence,
    }
}

fn count(number: impl Into<i128>) -> Reading {
    Reading::Value(Value::number(number))
}

fn chosen(word: &str) -> Reading {
    Reading::Value(Value::Choice(Choice {
        selected: Some(word.to_owned()),
        options: vec![word.to_owned()],
    }))
}

fn read(metric: &str, facts: &Facts, cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
    let name = &facts.name;
    // What only the driver knows.
    let told = |reading: Option<Reading>, what: &str| match (reading, facts.refused) {
        (Some(reading), _) => reading,
        (None, Some(errno)) => Reading::Unreadable(format!(
            "the driver of {name} may not be asked: {}",
            crate::system::describe_errno(errno)
        )),
        (None, None) => Reading::Absent(format!("the driver of {name} does not tell {what}")),
    };
    let flag = |flag: Option<bool>| flag.map(|on| Reading::Value(Value::Bool(on)));
    match metric {
        "mtu" => count(facts.mtu),
        "transmit_queue" => count(facts.transmit_queue),
        "rx_dropped" => count(facts.rx_dropped),
        "rx_missed" => count(facts.rx_missed),
        "carrier" => match facts.carrier {
            Some(carrier) => Reading::Value(Value::Bool(carrier)),
            None => Reading::Absent(format!("{name} is down")),
        },
        "qdisc" => qdisc(facts, evidence),
        "driver" => told(facts.driver.as_deref().map(chosen), "its name"),
        "speed" => told(facts.speed.map(count), "a speed"),
        "duplex" => {
            let word = |full: bool| if full { "full" } else { "half" };
            told(
                facts.full_duplex.map(word).map(chosen),
                "whether it sends and receives at once",
            )
        }
        "ring_rx" => {
            if let Some(most) = facts.ring_rx_max {
                evidence.push(format!("its receive ring can hold {most}"));
            }
            told(facts.ring_rx.map(count), "of a ring")
        }
        "offload_gro" => told(flag(facts.gro), "of GRO"),
        "offload_gso" => told(flag(facts.gso), "of GSO"),
        "offload_tso" => told(flag(facts.tso), "of TSO"),
        "queues_rx" => queues(facts, "rx-", cx, &told),
        "queues_tx" => queues(facts, "tx-", cx, &told),
        _ => rps(facts, cx, evidence),
    }
}

/// The discipline at the root, or of what is shared out there, that of every queue.
fn qdisc(facts: &Facts, evidence: &mut Vec<String>) -> Reading {
    let Some(root) = &facts.qdisc else {
        return Reading::Absent(format!("{} has no queueing discipline", facts.name));
    };
    let Some(first) = facts.queue_qdiscs.first() else {
        return chosen(root);
    };
    let count = facts.queue_qdiscs.len();
    if facts.queue_qdiscs.iter().all(|kind| kind == first) {
        evidence.push(format!("{root}, with {first} for each of its {count} queues"));
        return chosen(first);
    }
    let mut kinds: Vec<&str> = facts.queue_qdiscs.iter().map(String::as_str).collect();
    kinds.sort_unstable();
    kinds.dedup();
    evidence.push(format!("{root}, whose {count} queues differ: {}", kinds.join(", ")));
    chosen(root)
}

/// The names of the queues that `/sys` has of an interface.
fn queue_names(facts: &Facts, cx: &Context<'_>) -> Result<Vec<String>, Failure> {
    cx.system.list(&format!("/sys/class/net/{}/queues", facts.name))
}

fn queues(facts: &Facts, prefix: &str, cx: &Context<'_>, told: &dyn Fn(Option<Reading>, &str) -> Reading) -> Reading {
    if facts.in_sys
        && let Ok(names) = queue_names(facts, cx)
    {
        let found = names.iter().filter(|name| name.starts_with(prefix)).count();
        return count(i128::try_from(found).unwrap_or(i128::MAX));
    }
    let channels = facts.channels.map(|channels| {
        let own = if prefix == "rx-" { channels.rx } else { channels.tx };
        count(own + channels.combined)
    });
    told(channels, "how many queues it has")
}

/// Whether any receive queue has a mask of processors that is not 0.
fn rps(facts: &Facts, cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
    let name = &facts.name;
    if !facts.in_sys {
        return Reading::Unreadable(format!(
            "the /sys that is mounted here shows another network namespace than that of {name}"
        ));
    }
    let names = match queue_names(facts, cx) {
        Ok(names) => names,
        Err(failure) => return reading_of(&failure, &format!("/sys/class/net/{name}/queues")),
    };
    let mut on = false;
    for queue in names.iter().filter(|queue| queue.starts_with("rx-")) {
        let path = format!("/sys/class/net/{name}/queues/{queue}/rps_cpus");
        let mask = match cx.system.read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
            Err(Failure::Absent) => return Reading::Absent("this kernel has no RPS".to_owned()),
            Err(failure) => return reading_of(&failure, &path),
        };
        // `00000000,0000000f`: 32 processors to a word.
        if mask.chars().any(|digit| digit.is_ascii_hexdigit() && digit != '0') {
            on = true;
            evidence.push(format!("{queue} hands its packets to the processors {mask}"));
        }
    }
    Reading::Value(Value::Bool(on))
}
