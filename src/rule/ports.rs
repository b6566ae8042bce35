//! Ports: ephemeral ones in use, and listeners with the backlog that is in force.

use super::{Context, Dialect, Docs, Kind, Metric, Observation, Proposal, Reading, Selectors};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, optional};
use crate::system::{Failure, Listener, Os, Sockets};
use crate::value::{Choice, PortRange, PortSet, Type, Unit, Value};

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
];

static METRICS: &[Metric] = &[
    Metric::new("used", Type::Number(Unit::Centipercent), "Share of the ephemeral ports that TCP sockets hold.").settles(),
    Metric::new("free", Type::Number(Unit::Count), "Ephemeral ports that no TCP socket holds.").settles(),
    Metric::new("time_wait", Type::Number(Unit::Count), "Sockets in TIME_WAIT on ephemeral ports: what is left of the last run.").settles(),
    Metric::new("state", Type::Choice, "`listening` or `free`: whether something listens on `port`.").about("port").one_of(&["listening", "free"]).settles(),
    Metric::new("backlog", Type::Number(Unit::Count), "The accept queue in force of what listens on `port`: what the program asked for, cut to somaxconn when it called listen.").about("port").settles(),
    Metric::new("queued", Type::Number(Unit::Count), "Connections that wait to be accepted on `port`.").about("port").settles(),
];

static DOCS: Docs = Docs {
    summary: "Ephemeral ports in use, and what listens on a port with which backlog.",
    text: "`used`, `free` and `time_wait` hold the sockets of this network namespace against `ip_local_port_range` without \
`ip_local_reserved_ports`. A port counts once, however many connections share it. To one destination, each connection takes a \
port of its own, and a closed one keeps it in TIME_WAIT for 60 s on Linux: no setting changes that, and waiting longer is not \
needed.\n\n\
`backlog` is the queue that the kernel really keeps, from the socket itself. It is the smaller of what the program passed to \
listen(2) and `net.core.somaxconn` *at that moment*: raising somaxconn alone does nothing, neither for a program that asks for \
511 nor for one that is already running.",
    example: "[[rule]]\nid = \"web-backlog\"\nseverity = \"warning\"\nports = { port = 8080, backlog = { min = 1024 } }",
    remedies: &[(
        Dialect::Manual,
        "For used ports: wait 60 s for TIME_WAIT to end, widen net.ipv4.ip_local_port_range, or use more source addresses. For a backlog: raise somaxconn and the program's own backlog, then restart it.",
    )],
};

impl Kind for Ports {
    fn name(&self) -> &'static str {
        "ports"
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
        if let (Some(port), Some(place)) = (selectors.number("port"), selectors.place("port"))
            && !(1..=65535).contains(&port)
        {
            sink.push(Diagnostic::at(place, format!("{port} is no port: they go from 1 to 65535")).label("not a port"));
        }
    }

    fn label(&self, selectors: &Selectors) -> String {
        let protocol = selectors.text("protocol").unwrap_or("tcp");
        match selectors.number("port") {
            Some(port) => format!("{protocol} port {port}"),
            None => "ephemeral ports".to_owned(),
        }
    }

    fn probe(&self, selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let sockets = cx.system.sockets();
        let mut evidence = Vec::new();
        let readings = wanted
            .iter()
            .map(|metric| {
                let reading = match &sockets {
                    Err(Failure::Absent) => Reading::Absent("this system does not tell of its sockets".to_owned()),
                    Err(failure) => Reading::Unreadable(format!("the sockets: {failure}")),
                    Ok(sockets) => match *metric {
                        "used" | "free" | "time_wait" => ephemeral(metric, sockets, cx, &mut evidence),
                        _ => listener(metric, selectors, sockets, cx, &mut evidence),
                    },
                };
                (*metric, reading)
            })
            .collect();
        vec![Observation {
            subject: self.label(selectors),
            readings,
            evidence,
        }]
    }

    fn propose(
        &self,
        selectors: &Selectors,
        _observation: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Proposal {
        let port = selectors.number("port").unwrap_or_default();
        match targets.first() {
            Some(("used" | "free" | "time_wait", _)) => {
                let wait = if cx.system.platform().os == Os::Linux {
                    "60 s"
                } else {
                    "30 s"
                };
                Proposal::manual(
                    "closed connections keep their port for a while",
                    format!("Wait {wait} for TIME_WAIT to end (`--wait 90s` does), or widen the port range."),
                )
            }
            Some(("backlog", target)) => {
                let wanted = target.as_ref().map(Value::to_string).unwrap_or_default();
                let somaxconn = cx
                    .system
                    .sysctl("net.core.somaxconn")
                    .ok()
                    .and_then(|text| text.trim().parse::<i128>().ok());
                let enough = matches!((somaxconn, target), (Some(now), Some(Value::Number(crate::value::Number::Finite(wanted)))) if now >= *wanted);
                let what = if enough {
                    format!("somaxconn is enough; make the program ask listen() for {wanted} and restart it.")
                } else {
                    format!(
                        "Set net.core.somaxconn to {wanted}, make the program ask listen() for as much, and restart it: raising one alone does nothing."
                    )
                };
                Proposal::manual("the smaller of the program's backlog and somaxconn counts", what)
            }
            Some(("state", Some(Value::Text(state)))) if state == "free" => Proposal::manual(
                "another program holds the port",
                format!("Stop what listens on port {port}: `ss -ltnp sport = :{port}` names it."),
            ),
            Some(("state", _)) => Proposal::manual(
                "nothing listens there",
                format!("Start the program that is to listen on port {port}."),
            ),
            _ => Proposal::manual(
                "the program does not accept fast enough",
                "Give the program more processors, or send less.",
            ),
        }
    }
}

/// The ephemeral ports, without reserved ones, and the sockets that hold them.
fn ephemeral(metric: &str, sockets: &Sockets, cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
    let range = match range(cx) {
        Ok(range) => range,
        Err(reason) => return Reading::Unreadable(reason),
    };
    let reserved = cx.system.sysctl("net.ipv4.ip_local_reserved_ports").ok();
    let reserved = reserved.and_then(|text| PortSet::parse(&text).ok()).unwrap_or_default();
    let usable = range.ports().minus(&reserved);
    let held: Vec<_> = sockets.ports.iter().filter(|held| usable.contains(held.port)).collect();
    let waiting: u64 = held.iter().map(|held| u64::from(held.time_wait)).sum();
    let line = format!(
        "{} of {} ephemeral ports are in use; {waiting} sockets are in TIME_WAIT",
        held.len(),
        usable.len()
    );
    if !evidence.contains(&line) {
        evidence.push(line);
    }
    let count = i128::try_from(held.len()).unwrap_or(i128::MAX);
    let all = i128::from(usable.len());
    Reading::Value(Value::number(match metric {
        "used" => count * 10_000 / all.max(1),
        "free" => all - count,
        _ => i128::from(waiting),
    }))
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

fn listener(
    metric: &str,
    selectors: &Selectors,
    sockets: &Sockets,
    cx: &Context<'_>,
    evidence: &mut Vec<String>,
) -> Reading {
    let Some(port) = selectors.number("port") else {
        return Reading::Unreadable("the rule names no `port`".to_owned());
    };
    let protocol = selectors.text("protocol").unwrap_or("tcp");
    let here = |listener: &&Listener| i128::from(listener.port) == port && listener.protocol == protocol;
    let found: Vec<&Listener> = sockets.listeners.iter().filter(here).collect();
    match metric {
        "state" => {
            let state = if found.is_empty() { "free" } else { "listening" };
            let options = vec!["free".to_owned(), "listening".to_owned()];
            Reading::Value(Value::Choice(Choice {
                selected: Some(state.to_owned()),
                options,
            }))
        }
        _ if found.is_empty() => Reading::Absent(format!("nothing listens on {protocol} port {port}")),
        "queued" => Reading::Value(Value::number(
            found.iter().map(|listener| i128::from(listener.queued)).sum::<i128>(),
        )),
        _ => {
            // The kernel hands connections to any of several listeners of a port, so the smallest queue counts.
            let Some(backlog) = found.iter().map(|listener| listener.backlog).min().flatten() else {
                return Reading::Unreadable("this system does not tell the backlog of a socket".to_owned());
            };
            if let Ok(somaxconn) = cx.system.sysctl("net.core.somaxconn") {
                evidence.push(format!("net.core.somaxconn is {}", somaxconn.trim()));
            }
            Reading::Value(Value::number(i128::from(backlog)))
        }
    }
}
