//! Counters of the kernel: what was dropped, retried, killed or throttled.

mod advice;
mod place;

use std::any::Any;
use std::collections::BTreeMap;

use super::{Context, Dialect, Docs, Kind, Metric, Observation, Over, Proposal, Reading, Selectors, reading_of};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, optional, required};
use crate::suggest;
use crate::system::{Failure, Os};
use crate::value::{Type, Unit, Value};
use place::{Counter as At, Missing};

/// Counters: `counter = { name = "TcpExt.ListenOverflows", during = { max = 0 } }`.
#[derive(Debug)]
pub struct Counter;

static SELECTORS: &[Field] = &[
    required(
        "name",
        Shape::Text,
        "The counter: `TcpExt.ListenOverflows` and other fields of /proc/net/netstat and /proc/net/snmp by protocol; \
         `softnet.dropped` and `softnet.squeezed`; `vmstat.FIELD` of /proc/vmstat; of the process's cgroup `cgroup.pids.max`, \
         `cgroup.memory.high`, `.max`, `.oom` and `.oom_kill`, `cgroup.cpu.nr_throttled` and `.throttled_usec`.",
    ),
    optional(
        "known",
        Shape::Bool,
        "The name is right though runup does not know it: where the kernel does not count it, the rule does not apply.",
    ),
];

static METRICS: &[Metric] = &[
    Metric::untyped("during", "How much it grew during the window.")
        .over(Over::Growth)
        .settles(),
    Metric::untyped(
        "total",
        "Its value: all that was counted since boot, or since the namespace or cgroup was made.",
    ),
];

static DOCS: Docs = Docs {
    summary: "A counter of the kernel's: overflows, drops, retransmits, kills, throttling.",
    text: "Reads the counters of the network namespace (`/proc/net/netstat` and `/proc/net/snmp`), of packet processing on each \
processor (`/proc/net/softnet_stat`, summed), of memory management (`/proc/vmstat`) or of the process's cgroup, in either version. \
What softnet and vmstat count is the whole host's, inside a container too.\n\n\
`during` is what was added between two samples (`--window`, 300 ms by default): it says what goes wrong *now*, and `--wait` looks \
again until it stops. `total` holds everything since boot, so it stays when the cause is gone.\n\n\
A name that this kernel does not count is `n/a` where runup knows that others do, and `unknown` with the nearest name otherwise, \
since a typo must not pass for a counter that does not apply; `known = true` says that the name is right. A cgroup without the \
controller, and the root cgroup, count nothing: `n/a`.\n\n\
No counter can be set; the remedy is what makes it stop.",
    example: "[[rule]]\nid = \"accept-queue\"\nseverity = \"warning\"\ncounter = { name = \"TcpExt.ListenOverflows\", during = { max = 0 } }",
    remedies: &[
        (
            Dialect::Manual,
            "Remove the cause, which differs by counter; the finding names it.",
        ),
        (
            Dialect::Docker,
            "Of a cgroup's counters: more memory (--memory), processors (--cpus) or processes (--pids-limit).",
        ),
        (
            Dialect::Kubernetes,
            "Of a cgroup's counters: resources.limits of the container, podPidsLimit of the node's kubelet.",
        ),
        (
            Dialect::Systemd,
            "Of a cgroup's counters: MemoryMax=, CPUQuota= and TasksMax= of the unit.",
        ),
    ],
};

/// The text of every file that a counter may stand in.
struct Sample(BTreeMap<String, Result<String, Failure>>);

impl Kind for Counter {
    fn name(&self) -> &'static str {
        "counter"
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
        if let Err((wrong, near)) = At::parse(name) {
            let mut diagnostic = Diagnostic::at(place, wrong).label("not a counter");
            if let Some(near) = near {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            sink.push(diagnostic);
        }
    }

    fn type_of(&self, selectors: &Selectors, _metric: &Metric, _os: Os) -> Option<Type> {
        let unit = match selectors.text("name") {
            Some("cgroup.cpu.throttled_usec") => Unit::Microseconds,
            _ => Unit::Count,
        };
        Some(Type::Number(unit))
    }

    fn sample(&self, cx: &Context<'_>) -> Box<dyn Any> {
        let texts = place::paths(cx).into_iter().map(|path| {
            let text = cx.host.text(&path);
            (path, text)
        });
        Box::new(Sample(texts.collect()))
    }

    fn label(&self, selectors: &Selectors) -> String {
        selectors.text("name").unwrap_or_default().to_owned()
    }

    fn probe(&self, selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let name = selectors.text("name").unwrap_or_default();
        let mut evidence = Vec::new();
        let readings = read(name, selectors.flag("known"), wanted, cx, &mut evidence);
        let counted =
            |(_, reading): &(_, Reading)| matches!(reading, Reading::Value(value) if *value != Value::number(0));
        if readings.iter().any(counted) {
            evidence.extend(advice::evidence(name, cx));
        }
        vec![Observation {
            subject: name.to_owned(),
            readings,
            evidence,
        }]
    }

    fn propose(
        &self,
        selectors: &Selectors,
        _: &Observation,
        _: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Proposal {
        advice::proposal(selectors.text("name").unwrap_or_default(), cx)
    }
}

fn read(
    name: &str,
    known: bool,
    wanted: &[&'static str],
    cx: &Context<'_>,
    evidence: &mut Vec<String>,
) -> Vec<(&'static str, Reading)> {
    let all = |reading: Reading| wanted.iter().map(|metric| (*metric, reading.clone())).collect();
    if cx.system.platform().os != Os::Linux {
        return all(Reading::Absent(
            "this system keeps no counters that runup reads".to_owned(),
        ));
    }
    let Ok(counter) = At::parse(name) else {
        return all(Reading::Unreadable(format!("{name} is not the name of a counter")));
    };
    let path = match counter.path(cx) {
        Ok(path) => path,
        Err(reading) => return all(reading),
    };
    if matches!(counter, At::Cgroup(_)) {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        evidence.push(format!("counted by the cgroup {directory}"));
    }
    let pair = cx.samples.and_then(|(before, after)| {
        let (before, after): (&Sample, &Sample) = (before.downcast_ref()?, after.downcast_ref()?);
        Some((before.0.get(&path)?, after.0.get(&path)?))
    });
    let now = match pair {
        Some((_, after)) => after.clone(),
        None => cx.host.text(&path),
    };
    let numbers = |text: &Result<String, Failure>| -> Result<Vec<i128>, Reading> {
        let text = text.as_ref().map_err(|failure| reading_of(failure, &path))?;
        counter
            .read(text)
            .map_err(|missing| absent(name, known, &path, &missing))
    };
    let total = numbers(&now);
    wanted
        .iter()
        .map(|metric| {
            let reading = match (&total, *metric, pair) {
                (Err(why), ..) => why.clone(),
                (Ok(after), "during", Some((before, _))) => match numbers(before) {
                    Ok(before) => Reading::Value(Value::number(counter.growth(&before, after))),
                    Err(why) => why,
                },
                (Ok(_), "during", None) => Reading::Unreadable("no samples were taken".to_owned()),
                (Ok(after), ..) => Reading::Value(Value::number(after.iter().sum::<i128>())),
            };
            (*metric, reading)
        })
        .collect()
}

/// Why a file does not hold a counter: the kernel does not count it, or nobody does.
fn absent(name: &str, known: bool, path: &str, missing: &Missing<'_>) -> Reading {
    let family = name.split_once('.').map_or(name, |(family, _)| family);
    match missing {
        Missing::Form => Reading::Unreadable(format!("{path} has another form than expected")),
        Missing::Protocol => Reading::Absent(format!("this kernel counts nothing for {family}")),
        Missing::Field(_) if known || family == "cgroup" || advice::is_known(name) => {
            Reading::Absent(format!("this kernel does not count {name}"))
        }
        Missing::Field(fields) => {
            let field = name.split_once('.').map_or(name, |(_, field)| field);
            let hint = suggest::nearest(field, fields.iter().copied()).map_or_else(
                || "; if the name is right, say `known = true`".to_owned(),
                |near| format!("; did you mean `{family}.{near}`?"),
            );
            Reading::Unreadable(format!(
                "this kernel does not count {name}, and no counter of this name is known{hint}"
            ))
        }
    }
}
