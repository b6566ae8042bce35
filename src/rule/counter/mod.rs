//! Counters of the kernel: what was dropped, retried, killed or throttled.

mod advice;
mod place;

use std::collections::BTreeMap;

use super::{
    Context, Dialect, Docs, Evidence, Failing, Found, Metric, Observation, Over, Proposal, Reading, Row, Sampler,
    Selectors, Table, Way, reading_of,
};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, optional, required};
use crate::host::text;
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

static ROWS: &[Row<Counted>] = &[
    Row::new(
        Metric::untyped("during", "How much it grew during the window.")
            .said("{} counted during the check")
            .over(Over::Growth)
            .settles(),
        |counted, _, _| counted.growth.clone(),
        Way::Own(cause),
    ),
    // What was counted once stays.
    Row::new(
        Metric::untyped(
            "total",
            "Its value: all that was counted since boot, or since the namespace or cgroup was made.",
        )
        .said("{} counted so far"),
        |counted, _, _| Reading::Value(Value::number(counted.total)),
        Way::Own(cause),
    ),
];

/// One counter, at the end of the window.
#[derive(Debug)]
pub struct Counted {
    total: i128,
    growth: Reading,
}

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

impl Table for Counter {
    type Seen = Counted;

    const NAME: &'static str = "counter";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Counted>] = ROWS;

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

    fn sampler<'a>(&self, cx: &Context<'a>) -> Sampler<'a> {
        let paths = place::paths(cx).into_iter();
        let mut files: Vec<_> = paths.map(|path| (cx.system.open(&path), path)).collect();
        Box::new(move || {
            let texts = files.iter_mut().map(|(file, path)| (path.clone(), text(file.read())));
            Box::new(Sample(texts.collect()))
        })
    }

    fn label(&self, selectors: &Selectors) -> String {
        selectors.text("name").unwrap_or_default().to_owned()
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Counted>> {
        let name = selectors.text("name").unwrap_or_default();
        let mut evidence = Vec::new();
        let seen = count(name, selectors.flag("known"), cx, &mut evidence);
        vec![Found {
            subject: name.to_owned(),
            seen,
            evidence,
        }]
    }

    fn remark(&self, selectors: &Selectors, observation: &mut Observation, cx: &Context<'_>) {
        let is_counted =
            |(_, reading): &(_, Reading)| matches!(reading, Reading::Value(value) if *value != Value::number(0));
        if observation.readings.iter().any(is_counted) {
            let name = selectors.text("name").unwrap_or_default();
            observation.evidence.extend(advice::evidence(name, cx));
        }
    }
}

/// No counter can be set; what makes it count can be removed.
fn cause(failing: &Failing<'_>) -> Proposal {
    advice::proposal(failing.selectors.text("name").unwrap_or_default(), failing.cx)
}

fn count(name: &str, known: bool, cx: &Context<'_>, evidence: &mut Evidence) -> Result<Counted, Reading> {
    if cx.system.platform().os != Os::Linux {
        return Err(Reading::Absent(
            "this system keeps no counters that runup reads".to_owned(),
        ));
    }
    let Ok(counter) = At::parse(name) else {
        return Err(Reading::Unreadable(format!("{name} is not the name of a counter")));
    };
    let path = counter.path(cx)?;
    if matches!(counter, At::Cgroup(_)) {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        evidence.push(format!("counted by the cgroup {directory}"));
    }
    let numbers = |text: &Result<String, Failure>| -> Result<Vec<i128>, Reading> {
        let text = text.as_ref().map_err(|failure| reading_of(failure, &path))?;
        counter
            .read(text)
            .map_err(|missing| absent(name, known, &path, &missing))
    };
    let ends = cx.window.and_then(|window| window.ends::<Sample>());
    let ends = ends.and_then(|(oldest, newest)| Some((oldest.0.get(&path)?, newest.0.get(&path)?)));
    let now = match ends {
        Some((_, newest)) => numbers(newest)?,
        None => numbers(&cx.host.text(&path))?,
    };
    let growth = match ends {
        Some((oldest, _)) => match numbers(oldest) {
            Ok(before) => Reading::Value(Value::number(counter.growth(&before, &now))),
            Err(why) => why,
        },
        None => Reading::Unreadable("no samples were taken".to_owned()),
    };
    Ok(Counted {
        total: now.iter().sum(),
        growth,
    })
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
