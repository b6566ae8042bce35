//! Network interfaces: sizes, queues, offloads, what they drop.

mod remedy;

use super::{
    Context, Dialect, Docs, Evidence, Found, Joint, Metric, Reading, Row, Selectors, Table, Way, glob, reading_of,
};
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

type Read = fn(&Facts, &Context<'_>, &mut Evidence) -> Reading;

/// Both kinds of queue are often the same ones, and one command sets their number.
static QUEUES: Joint = Joint(remedy::queues);

const fn number(name: &'static str, doc: &'static str, read: Read, way: Way) -> Row<Facts> {
    Row::new(Metric::new(name, Type::Number(Unit::Count), doc), read, way)
}

const fn switch(name: &'static str, doc: &'static str, read: Read, way: Way) -> Row<Facts> {
    Row::new(Metric::new(name, Type::Bool, doc), read, way)
}

const fn word(name: &'static str, doc: &'static str) -> Metric {
    Metric::new(name, Type::Choice, doc)
}

static ROWS: &[Row<Facts>] = &[
    number(
        "mtu",
        "Bytes in the largest packet, without the frame around it.",
        |facts, _, _| count(facts.mtu),
        Way::Own(remedy::mtu),
    ).said("MTU {}"),
    Row::new(
        word("driver", "The driver's name: `virtio_net`, `ena`, `mlx5_core`, `veth`.").said("driver {}"),
        |facts, _, _| told(facts.driver.as_deref().map(chosen), "its name", facts),
        Way::Own(remedy::driver),
    ),
    number(
        "speed",
        "Mbit/s, as agreed with the other end.",
        |facts, _, _| told(facts.speed.map(count), "a speed", facts),
        Way::Own(remedy::agreed),
    ).said("{} Mbit/s"),
    number(
        "queues_rx",
        "Queues that it receives with, each served by one processor.",
        |facts, cx, _| queues("rx-", facts.channels.map(|known| known.rx + known.combined), facts, cx),
        Way::Joint(&QUEUES),
    ).said("{} receive queues"),
    number(
        "queues_tx",
        "Queues that it sends with.",
        |facts, cx, _| queues("tx-", facts.channels.map(|known| known.tx + known.combined), facts, cx),
        Way::Joint(&QUEUES),
    ).said("{} send queues"),
    number(
        "transmit_queue",
        "Packets that may wait to be sent (txqueuelen), where the queueing discipline does not count by itself.",
        |facts, _, _| count(facts.transmit_queue),
        Way::Own(remedy::transmit_queue),
    ).said("transmit queue of {} packets"),
    Row::new(
        word(
            "qdisc",
            "The queueing discipline: `fq`, `fq_codel`, `pfifo_fast`. Of `mq`, which only shares out the queues, what each of them has.",
        ).said("queueing discipline {}"),
        qdisc,
        Way::Own(remedy::qdisc),
    ),
    switch(
        "carrier",
        "Whether something is at the other end of the cable.",
        |facts, _, _| match facts.carrier {
            Some(carrier) => Reading::Value(Value::Bool(carrier)),
            None => Reading::Absent(format!("{} is down", facts.name)),
        },
        Way::Own(remedy::carrier),
    ).switch("connected", "not connected"),
    Row::new(
        word("duplex", "`full`, or `half`: sends or receives, and not both at once.").said("{} duplex").one_of(&["full", "half"]),
        duplex,
        Way::Own(remedy::agreed),
    ),
    number(
        "ring_rx",
        "Packets that the ring holds into which the hardware receives.",
        ring_rx,
        Way::Own(remedy::ring_rx),
    ).said("receive ring of {} packets"),
    switch(
        "offload_gro",
        "Whether received packets are put together into larger ones (GRO).",
        |facts, _, _| told(facts.gro.map(is), "of GRO", facts),
        Way::Own(|failing| remedy::offload("gro", failing)),
    ).switch("GRO on", "GRO off"),
    switch(
        "offload_gso",
        "Whether large packets are cut only just before they are sent (GSO).",
        |facts, _, _| told(facts.gso.map(is), "of GSO", facts),
        Way::Own(|failing| remedy::offload("gso", failing)),
    ).switch("GSO on", "GSO off"),
    switch(
        "offload_tso",
        "Whether the hardware cuts them (TSO).",
        |facts, _, _| told(facts.tso.map(is), "of TSO", facts),
        Way::Own(|failing| remedy::offload("tso", failing)),
    ).switch("TSO on", "TSO off"),
    number(
        "rx_dropped",
        "Packets that were received and thrown away, since the interface was made.",
        |facts, _, _| count(facts.rx_dropped),
        Way::Own(remedy::rx_dropped),
    ).said("{} received packets dropped"),
    number(
        "rx_missed",
        "Packets for which the hardware had no room, since the interface was made.",
        |facts, _, _| count(facts.rx_missed),
        Way::Own(remedy::rx_missed),
    ).said("{} packets missed by the hardware"),
    switch(
        "rps",
        "Whether any queue hands its packets to other processors (receive packet steering).",
        rps,
        Way::Own(remedy::rps),
    ).switch("RPS on", "RPS off"),
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

impl Table for Interface {
    type Seen = Facts;

    const NAME: &'static str = "interface";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Facts>] = ROWS;

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

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Facts>> {
        let name = selectors.text("name").unwrap_or_default();
        let is_pattern = glob::is_pattern(name);
        let is_meant = |facts: &Facts| match is_pattern {
            true => glob::matches(name, &facts.name) && facts.up && !facts.loopback,
            false => facts.name == name,
        };
        let nothing = |reading| vec![Found::new(name, Err(reading))];
        let found: Vec<Found<Facts>> = match cx.system.interfaces() {
            Ok(all) => all.into_iter().filter(is_meant).map(found).collect(),
            Err(Failure::Absent) => {
                let why = "this system does not tell of its interfaces";
                return nothing(Reading::Absent(why.to_owned()));
            }
            Err(failure) => return nothing(Reading::Unreadable(format!("the interfaces: {failure}"))),
        };
        if found.is_empty() && !is_pattern {
            return nothing(Reading::Absent(format!("there is no interface {name} here")));
        }
        found
    }
}

fn found(facts: Facts) -> Found<Facts> {
    Found {
        subject: facts.name.clone(),
        evidence: facts.driver.iter().map(|driver| format!("driver {driver}")).collect(),
        seen: Ok(facts),
    }
}

fn is(on: bool) -> Reading {
    Reading::Value(Value::Bool(on))
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

/// What only the driver knows.
fn told(reading: Option<Reading>, what: &str, facts: &Facts) -> Reading {
    let name = &facts.name;
    match (reading, facts.refused) {
        (Some(reading), _) => reading,
        (None, Some(errno)) => Reading::Unreadable(format!(
            "the driver of {name} may not be asked: {}",
            crate::system::describe_errno(errno)
        )),
        (None, None) => Reading::Absent(format!("the driver of {name} does not tell {what}")),
    }
}

fn duplex(facts: &Facts, _: &Context<'_>, _: &mut Evidence) -> Reading {
    let word = |full: bool| if full { "full" } else { "half" };
    let reading = facts.full_duplex.map(word).map(chosen);
    told(reading, "whether it sends and receives at once", facts)
}

fn ring_rx(facts: &Facts, _: &Context<'_>, evidence: &mut Evidence) -> Reading {
    let most = facts.ring_rx_max;
    evidence.extend(most.map(|most| format!("its receive ring can hold {most}")));
    told(facts.ring_rx.map(count), "of a ring", facts)
}

/// The discipline at the root, or of what is shared out there, that of every queue.
fn qdisc(facts: &Facts, _: &Context<'_>, evidence: &mut Evidence) -> Reading {
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

/// As many as have a directory there, whose names begin with `prefix`; else as many as the driver has of them.
fn queues(prefix: &str, channels: Option<u32>, facts: &Facts, cx: &Context<'_>) -> Reading {
    if facts.in_sys
        && let Ok(names) = queue_names(facts, cx)
    {
        let found = names.iter().filter(|name| name.starts_with(prefix)).count();
        return count(i128::try_from(found).unwrap_or(i128::MAX));
    }
    told(channels.map(count), "how many queues it has", facts)
}

/// Whether any receive queue has a mask of processors that is not 0.
fn rps(facts: &Facts, cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
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
    is(on)
}
