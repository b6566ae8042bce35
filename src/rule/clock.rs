//! The clock: whether it is right, and what reading it costs.

use super::{Context, Dialect, Docs, Kind, Metric, Observation, Proposal, Reach, Reading, Selectors};
use crate::document::shape::Field;
use crate::system::{ClockCost, Failure, Os};
use crate::value::{Choice, Type, Unit, Value};

/// The clock: `clock = { synchronised = true, slow = false }`.
#[derive(Debug)]
pub struct Clock;

static METRICS: &[Metric] = &[
    Metric::new(
        "synchronised",
        Type::Bool,
        "Whether something keeps the kernel's clock right, so that its error is known to be below 16 seconds.",
    ),
    Metric::new(
        "source",
        Type::Choice,
        "The clock source in use: `tsc`, `kvm-clock`, `hpet`.",
    ),
    Metric::new(
        "available",
        Type::Words,
        "The clock sources that the kernel would take.",
    ),
    Metric::new(
        "slow",
        Type::Bool,
        "Whether reading the clock spends more than a tenth of its time in the kernel.",
    ),
    Metric::new(
        "cost",
        Type::Number(Unit::Nanoseconds),
        "Processor time that one reading takes.",
    ),
];

static DOCS: Docs = Docs {
    summary: "Whether the clock is kept right, and whether reading it is cheap.",
    text: "Asks the kernel (adjtimex, changing nothing) for the largest error that its clock can have. A time service keeps it \
small; without one it grows until the kernel says 16 seconds, and the clock counts as not synchronised.\n\n\
Programs that take the time of everything they do read the clock millions of times a second. With a good source (`tsc`, \
`kvm-clock`) no system call is made; with `hpet`, `acpi_pm` or one that the hypervisor handles each reading goes through the \
kernel, and costs ten times as much and more. `slow` and `cost` measure that: for a tenth of a second, only where a rule asks.",
    example: "[[rule]]\nid = \"time-is-right\"\nseverity = \"warning\"\nclock = { synchronised = true }",
    remedies: &[
        (
            Dialect::Host,
            "timedatectl set-ntp true where systemd runs; else start chronyd or ntpd.",
        ),
        (
            Dialect::Boot,
            "clocksource=NAME on the kernel's command line, where the machine's own choice is wrong.",
        ),
    ],
};

const SOURCES: &str = "/sys/devices/system/clocksource/clocksource0";

/// As the kernel's own programs see it: beyond, nobody knows how wrong the clock is, in microseconds.
const UNKNOWN_ERROR: i64 = 16_000_000;

impl Kind for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn docs(&self) -> &'static Docs {
        &DOCS
    }

    fn selectors(&self) -> &'static [Field] {
        &[]
    }

    fn metric(&self, at: usize) -> Option<&'static Metric> {
        METRICS.get(at)
    }

    fn label(&self, _selectors: &Selectors) -> String {
        "clock".to_owned()
    }

    fn probe(&self, _selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let mut evidence = Vec::new();
        let measured = wanted
            .iter()
            .any(|metric| matches!(*metric, "slow" | "cost"))
            .then(|| cx.system.clock_cost());
        if let Some(Ok(cost)) = &measured {
            evidence.push(format!(
                "a reading takes {} ns, {} % of it in the kernel",
                nanoseconds(cost),
                share(cost)
            ));
            if let Ok(source) = text("current_clocksource", cx) {
                evidence.push(format!("the clock source is {source}"));
            }
        }
        let readings = wanted
            .iter()
            .map(|metric| {
                let reading = match (*metric, &measured) {
                    ("synchronised", _) => synchronised(cx, &mut evidence),
                    ("slow" | "cost", Some(Err(failure))) => cannot_measure(failure),
                    ("slow", Some(Ok(cost))) => Reading::Value(Value::Bool(share(cost) > 10)),
                    ("cost", Some(Ok(cost))) => Reading::Value(Value::number(i128::from(nanoseconds(cost)))),
                    _ if cx.system.platform().os != Os::Linux => Reading::Absent("only Linux tells of it".to_owned()),
                    ("available", _) => match text("available_clocksource", cx) {
                        Ok(text) => Reading::Value(Value::Words(text.split(' ').map(str::to_owned).collect())),
                        Err(reading) => reading,
                    },
                    _ => source(cx),
                };
                (*metric, reading)
            })
            .collect();
        vec![Observation {
            subject: "clock".to_owned(),
            readings,
            evidence,
        }]
    }

    fn propose(
        &self,
        _: &Selectors,
        _: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Proposal {
        let contained = cx.host.engine().is_some();
        if targets
            .iter()
            .any(|(metric, value)| *metric == "synchronised" && *value != Some(Value::Bool(false)))
        {
            let command = if crate::systemd::is_running(cx.system) {
                "sudo timedatectl set-ntp true"
            } else {
                "sudo chronyd"
            };
            return Proposal {
                reach: if contained { Reach::Host } else { Reach::Privileged },
                because: "the clock is the host's, and setting it takes CAP_SYS_TIME".to_owned(),
                changes: Vec::new(),
                remedies: vec![(Dialect::Host, command.to_owned())],
            };
        }
        let wanted = targets.iter().find_map(|(metric, value)| match value {
            Some(value) if *metric == "source" => Some(value),
            _ => None,
        });
        another_source(wanted, cx)
    }
}

/// How another clock source comes into use: the one that is wanted, or the best one that the kernel offers.
pub(super) fn another_source(wanted: Option<&Value>, cx: &Context<'_>) -> Proposal {
    let contained = cx.host.engine().is_some();
    let available = text("available_clocksource", cx).unwrap_or_default();
    // Of what there is, the one that is read without the kernel.
    let better = ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"];
    let now = text("current_clocksource", cx).unwrap_or_default();
    let better = better
        .into_iter()
        .find(|name| *name != now && available.split(' ').any(|known| known == *name));
    let wanted = wanted.map(Value::to_string);
    match wanted.or_else(|| better.map(str::to_owned)) {
        Some(name) => Proposal {
            reach: if contained { Reach::Host } else { Reach::Manual },
            because: "the kernel chose the source because of what it found in the processor".to_owned(),
            changes: Vec::new(),
            remedies: vec![
                (
                    Dialect::Manual,
                    format!(
                        "Look in the kernel's log why it left `{name}`. If it can be trusted here: \
                         echo {name} | sudo tee {SOURCES}/current_clocksource"
                    ),
                ),
                (Dialect::Boot, format!("clocksource={name}")),
            ],
        },
        None => Proposal::manual(
            "this machine has no clock source that is read without the kernel",
            "Move to a machine or an instance type whose processor's clock can be used (`tsc`).",
        ),
    }
}

fn synchronised(cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
    match cx.system.clock() {
        Ok(state) => {
            let known = state.maximum_error < UNKNOWN_ERROR;
            if known {
                evidence.push(format!("its error is at most {} ms", state.maximum_error / 1000));
            } else {
                evidence.push("nothing tells the kernel how wrong its clock is".to_owned());
            }
            Reading::Value(Value::Bool(known))
        }
        Err(Failure::Absent) => Reading::Absent("this system's clock cannot be asked".to_owned()),
        Err(failure) => Reading::Unreadable(format!("the clock's state: {failure}")),
    }
}

fn cannot_measure(failure: &Failure) -> Reading {
    match failure {
        Failure::Absent => Reading::Absent("the clock's cost is measured on a running Linux".to_owned()),
        other => Reading::Unreadable(format!("the clock's cost: {other}")),
    }
}

fn nanoseconds(cost: &ClockCost) -> u64 {
    (cost.user + cost.system) * 1000 / cost.readings.max(1)
}

/// The kernel's share of the time, in percent; what is a little more than a whole number counts as the next.
fn share(cost: &ClockCost) -> u64 {
    (cost.system * 100).div_ceil((cost.user + cost.system).max(1))
}

fn text(file: &str, cx: &Context<'_>) -> Result<String, Reading> {
    cx.text(&format!("{SOURCES}/{file}"))
}

/// The source in use, and those that could be.
pub(super) fn source(cx: &Context<'_>) -> Reading {
    match text("current_clocksource", cx) {
        Ok(current) => {
            let options = text("available_clocksource", cx).unwrap_or_default();
            let mut options: Vec<String> = options.split_ascii_whitespace().map(str::to_owned).collect();
            if !options.contains(&current) {
                options.push(current.clone());
            }
            Reading::Value(Value::Choice(Choice {
                selected: Some(current),
                options,
            }))
        }
        Err(reading) => reading,
    }
}
