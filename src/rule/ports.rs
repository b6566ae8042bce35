//! Ports: ephemeral ones in use, and listeners with the backlog that is in force.

use super::{
    Context, Dialect, Docs, Evidence, Failing, Found, Joint, Metric, Proposal, Reading, Row, Selectors, Table, Way,
};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, optional};
use crate::system::{Endpoint, Failure, Listener, Os, Sockets, System};
use crate::value::{Choice, Number, PortRange, PortSet, Type, Unit, Value};

/// Ports: `ports = { used = { max = "50%" } }`, `ports = { port = 8080, state = "listening" }`.
#[derive(Debug)]
pub struct Ports;

static SELECTORS: &[Field] = &[
    optional(
        "port",
        Shape::Expression,
        "The port that `state`, `backlog` and `queued` are about.",
    ),
    optional(
        "protocol",
        Shape::OneOf(&["tcp", "udp"]),
        "The protocol of `port`; `tcp` where nothing is said.",
    ),
    optional(
        "held_by",
        Shape::List(&Shape::Text),
        "Names of programs whose own port it is: while one of them holds it, `state` is `free`.",
    ),
];

static ROWS: &[Row<Seen>] = &[
    Row::new(
        number(
            "used",
            Unit::Centipercent,
            "Share of the ephemeral ports that TCP sockets hold.",
        ).said("{} in use"),
        |seen, cx, evidence| told(ephemeral(seen, cx, evidence).map(|ports| ports.held * 10_000 / ports.all.max(1))),
        Way::Joint(&CLOSED),
    ),
    Row::new(
        number("free", Unit::Count, "Ephemeral ports that no TCP socket holds.").said("{} free"),
        |seen, cx, evidence| told(ephemeral(seen, cx, evidence).map(|ports| ports.all - ports.held)),
        Way::Joint(&CLOSED),
    ),
    Row::new(
        number(
            "time_wait",
            Unit::Count,
            "Sockets in TIME_WAIT on ephemeral ports: what is left of the last run.",
        ).said("{} in TIME_WAIT"),
        |seen, cx, evidence| told(ephemeral(seen, cx, evidence).map(|ports| ports.waiting)),
        Way::Joint(&CLOSED),
    ),
    Row::new(
        Metric::new(
            "state",
            Type::Choice,
            "`listening` or `free`: whether something listens on `port`.",
        ).said("{}")
        .about("port")
        .one_of(&["listening", "free"])
        .settles(),
        state,
        Way::Own(start_or_stop),
    ),
    Row::new(
        number(
            "backlog",
            Unit::Count,
            "The accept queue in force of what listens on `port`: what the program asked for, cut to somaxconn when it called \
             listen.",
        ).said("accept queue of {}")
        .about("port"),
        backlog,
        Way::Own(ask_for_more),
    ),
    Row::new(
        number("queued", Unit::Count, "Connections that wait to be accepted on `port`.").said("{} waiting to be accepted").about("port"),
        queued,
        Way::Own(accept_faster),
    ),
];

/// Waiting, or a wider range, helps all three.
static CLOSED: Joint = Joint(wait);

const fn number(name: &'static str, unit: Unit, doc: &'static str) -> Metric {
    Metric::new(name, Type::Number(unit), doc).settles()
}

static DOCS: Docs = Docs {
    summary: "Ephemeral ports in use, and what listens on a port with which backlog.",
    text: "`used`, `free` and `time_wait` hold the sockets of this network namespace against `ip_local_port_range` without \
`ip_local_reserved_ports`. A port counts once, however many connections share it. To one destination, each connection takes a \
port of its own, and a closed one keeps it in TIME_WAIT for 60 s on Linux: no setting changes that, and waiting longer is not \
needed.\n\n\
`backlog` is the queue that the kernel really keeps, from the socket itself. It is the smaller of what the program passed to \
listen(2) and `net.core.somaxconn` *at that moment*: raising somaxconn alone does nothing, neither for a program that asks for \
511 nor for one that is already running.\n\n\
`held_by` names the programs that may hold the port already, so that a check of a server that runs does not fail for the server's own \
port: `held_by = [\"redis-server\"]`. A name is what `ps -o comm` shows, of which the kernel keeps 15 characters. Of several sockets that \
listen on the port, each must be one of theirs. Before a program is started (`runup exec`, `apply --for`) nobody else may hold it, one \
of the same name neither. Only root can see who holds what: for others, a port that is held by somebody is not \
judged.",
    example: "[[rule]]\nid = \"web-backlog\"\nseverity = \"warning\"\nports = { port = 8080, backlog = { min = 1024 } }",
    remedies: &[(
        Dialect::Manual,
        "For used ports: wait 60 s for TIME_WAIT to end, widen net.ipv4.ip_local_port_range, or use more source addresses. For a backlog: raise somaxconn and the program's own backlog, then restart it.",
    )],
};

/// The sockets of the network namespace, and the port that the rule is about.
#[derive(Debug)]
pub struct Seen {
    sockets: Sockets,
    port: Option<i128>,
    protocol: String,
    held_by: Vec<String>,
}

impl Table for Ports {
    type Seen = Seen;

    const NAME: &'static str = "ports";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Seen>] = ROWS;

    fn check(&self, selectors: &Selectors, _os: Os, sink: &mut Diagnostics) {
        if let (Some(port), Some(place)) = (selectors.number("port"), selectors.place("port"))
            && !(1..=65535).contains(&port)
        {
            sink.push(Diagnostic::at(place, format!("{port} is no port: they go from 1 to 65535")).label("not a port"));
        }
        if let (Some(place), None) = (selectors.place("held_by"), selectors.place("port")) {
            sink.push(
                Diagnostic::at(place, "`held_by` says who may hold a port, and there is no `port`")
                    .label("of which port?"),
            );
        }
    }

    fn label(&self, selectors: &Selectors) -> String {
        match selectors.number("port") {
            Some(port) => format!("{} port {port}", protocol(selectors)),
            None if selectors.place("port").is_some() => format!("{} port", protocol(selectors)),
            None => "ephemeral ports".to_owned(),
        }
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Seen>> {
        let seen = match cx.system.sockets() {
            Ok(sockets) => Ok(Seen {
                sockets,
                port: selectors.number("port"),
                protocol: protocol(selectors).to_owned(),
                held_by: selectors.texts("held_by").to_vec(),
            }),
            Err(Failure::Absent) => Err(Reading::Absent("this system does not tell of its sockets".to_owned())),
            Err(failure) => Err(Reading::Unreadable(format!("the sockets: {failure}"))),
        };
        vec![Found::new(Table::label(self, selectors), seen)]
    }
}

fn protocol(selectors: &Selectors) -> &str {
    selectors.text("protocol").unwrap_or("tcp")
}

fn wait(failing: &Failing<'_>) -> Proposal {
    let wait = if failing.cx.system.platform().os == Os::Linux {
        "60 s"
    } else {
        "30 s"
    };
    Proposal::manual(
        "closed connections keep their port for a while",
        format!("Wait {wait} for TIME_WAIT to end (`--wait 90s` does), or widen the port range."),
    )
}

fn start_or_stop(failing: &Failing<'_>) -> Proposal {
    let port = failing.selectors.number("port").unwrap_or_default();
    match failing.target() {
        Some(Value::Text(state)) if state == "free" => Proposal::manual(
            "another program holds the port",
            match protocol(failing.selectors) {
                "udp" => format!("Stop what holds port {port}: `ss -lunp sport = :{port}` names it."),
                _ => format!("Stop what listens on port {port}: `ss -ltnp sport = :{port}` names it."),
            },
        ),
        Some(_) | None => Proposal::manual(
            "nothing listens there",
            format!("Start the program that is to listen on port {port}."),
        ),
    }
}

fn ask_for_more(failing: &Failing<'_>) -> Proposal {
    let wanted = failing.target().map(Value::to_string).unwrap_or_default();
    let somaxconn = failing.cx.system.sysctl("net.core.somaxconn").ok();
    let somaxconn = somaxconn.and_then(|text| text.trim().parse::<i128>().ok());
    let asked = failing.number("backlog").and_then(Number::finite);
    let is_enough = somaxconn.zip(asked).is_some_and(|(now, asked)| now >= asked);
    let what = if is_enough {
        format!("somaxconn is enough; make the program ask listen() for {wanted} and restart it.")
    } else {
        format!(
            "Set net.core.somaxconn to {wanted}, make the program ask listen() for as much, and restart it: raising one alone does nothing."
        )
    };
    Proposal::manual("the smaller of the program's backlog and somaxconn counts", what)
}

fn accept_faster(_: &Failing<'_>) -> Proposal {
    Proposal::manual(
        "the program does not accept fast enough",
        "Give the program more processors, or send less.",
    )
}

/// What became of the ephemeral ports, without reserved ones.
struct Ephemeral {
    all: i128,
    held: i128,
    waiting: i128,
}

fn ephemeral(seen: &Seen, cx: &Context<'_>, evidence: &mut Evidence) -> Result<Ephemeral, Reading> {
    let range = range(cx).map_err(Reading::Unreadable)?;
    let reserved = cx.system.sysctl("net.ipv4.ip_local_reserved_ports").ok();
    let reserved = reserved.and_then(|text| PortSet::parse(&text).ok()).unwrap_or_default();
    let usable = range.ports().minus(&reserved);
    let held = seen.sockets.ports.iter().filter(|held| usable.contains(held.port));
    let (mut count, mut waiting) = (0, 0);
    for port in held {
        count += 1;
        waiting += i128::from(port.time_wait);
    }
    let line = format!(
        "{count} of {} ephemeral ports are in use; {waiting} sockets are in TIME_WAIT",
        usable.len()
    );
    if !evidence.contains(&line) {
        evidence.push(line);
    }
    Ok(Ephemeral {
        all: i128::from(usable.len()),
        held: count,
        waiting,
    })
}

fn told(number: Result<i128, Reading>) -> Reading {
    number.map_or_else(|why| why, |number| Reading::Value(Value::number(number)))
}

/// The range that outgoing connections take their ports from.
fn range(cx: &Context<'_>) -> Result<PortRange, String> {
    let get = |key: &str| cx.system.sysctl(key).map_err(|failure| format!("{key}: {failure}"));
    if cx.system.platform().os == Os::Linux {
        let key = "net.ipv4.ip_local_port_range";
        return PortRange::parse(&get(key)?).map_err(|error| format!("{key}: {error}"));
    }
    let number =
        |key: &str| -> Result<u32, String> { get(key)?.trim().parse().map_err(|_| format!("{key} is not a number")) };
    let (first, last) = (
        number("net.inet.ip.portrange.first")?,
        number("net.inet.ip.portrange.last")?,
    );
    Ok(PortRange {
        lo: first.min(last),
        hi: first.max(last),
    })
}

impl Seen {
    /// What listens on the port.
    fn listeners(&self) -> Result<Vec<&Listener>, Reading> {
        let Some(port) = self.port else {
            return Err(Reading::Unreadable("the rule names no `port`".to_owned()));
        };
        let is_there = |listener: &&Listener| i128::from(listener.port) == port && listener.protocol == self.protocol;
        Ok(self.sockets.listeners.iter().filter(is_there).collect())
    }

    /// Whether all that listens on the port is what the rule says may; the evidence is who does.
    fn is_its_own(&self, system: &dyn System, evidence: &mut Evidence) -> Result<bool, Reading> {
        let port = self.port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
        let endpoint = Endpoint {
            protocol: self.protocol.clone(),
            port,
        };
        let held = system.holders(&endpoint).map_err(|_| {
            let what = format!(
                "something holds {} port {port}, and who does cannot be seen from here",
                self.protocol
            );
            Reading::Absent(what)
        })?;
        let mut is_own = true;
        for socket in held {
            let who = if socket.by.is_empty() {
                "no process that can be seen from here".to_owned()
            } else {
                socket.by.join(" and ")
            };
            evidence.push(format!(
                "{who} holds {} port {port} of {}",
                self.protocol, socket.address
            ));
            is_own &= socket
                .by
                .iter()
                .any(|name| self.held_by.iter().any(|own| is_name_of(own, name)));
        }
        Ok(is_own)
    }

    /// The same, where something does.
    fn some_listener(&self) -> Result<Vec<&Listener>, Reading> {
        let found = self.listeners()?;
        if found.is_empty() {
            let (protocol, port) = (&self.protocol, self.port.unwrap_or_default());
            return Err(Reading::Absent(format!("nothing listens on {protocol} port {port}")));
        }
        Ok(found)
    }
}

/// The kernel keeps 15 bytes of a program's name.
fn is_name_of(program: &str, comm: &str) -> bool {
    comm.as_bytes() == program.as_bytes().get(..15).unwrap_or(program.as_bytes())
}

fn state(seen: &Seen, cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    let is_free = match seen.listeners() {
        Ok(found) if found.is_empty() => true,
        Ok(_) if seen.held_by.is_empty() => false,
        Ok(_) => match (seen.is_its_own(cx.system, evidence), cx.starting) {
            // One that runs already has the port; the one that is about to start needs it, whoever that is.
            (_, true) => false,
            (Ok(is_own), false) => is_own,
            (Err(why), false) => return why,
        },
        Err(why) => return why,
    };
    Reading::Value(Value::Choice(Choice {
        selected: Some(if is_free { "free" } else { "listening" }.to_owned()),
        options: vec!["free".to_owned(), "listening".to_owned()],
    }))
}

fn queued(seen: &Seen, _: &Context<'_>, _: &mut Evidence) -> Reading {
    let sum = |found: Vec<&Listener>| found.iter().map(|listener| i128::from(listener.queued)).sum();
    told(seen.some_listener().map(sum))
}

fn backlog(seen: &Seen, cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    let found = match seen.some_listener() {
        Ok(found) => found,
        Err(why) => return why,
    };
    // The kernel hands connections to any of several listeners of a port, so the smallest queue counts.
    let Some(backlog) = found.iter().map(|listener| listener.backlog).min().flatten() else {
        return Reading::Unreadable("this system does not tell the backlog of a socket".to_owned());
    };
    if let Ok(somaxconn) = cx.system.sysctl("net.core.somaxconn") {
        evidence.push(format!("net.core.somaxconn is {}", somaxconn.trim()));
    }
    Reading::Value(Value::number(i128::from(backlog)))
}
