//! The clock: whether it is right, and what reading it costs.

use std::cell::OnceCell;

use super::{
    Context, Dialect, Docs, Evidence, Failing, Found, Joint, Metric, Proposal, Reach, Reading, Row, Selectors, Table,
    Way, reach,
};
use crate::system::{ClockCost, Failure, Os};
use crate::value::{Choice, Type, Unit, Value};

/// The clock: `clock = { synchronised = true, slow = false }`.
#[derive(Debug)]
pub struct Clock;

static ROWS: &[Row<Seen>] = &[
    Row::new(
        Metric::new(
            "synchronised",
            Type::Bool,
            "Whether something keeps the kernel's clock right, so that its error is known to be below 16 seconds.",
        )
        .switch("synchronised", "not synchronised"),
        synchronised,
        Way::Own(time_service),
    ),
    Row::new(
        Metric::new(
            "source",
            Type::Choice,
            "The clock source in use: `tsc`, `kvm-clock`, `hpet`.",
        )
        .said("clock source {}"),
        source,
        Way::Joint(&SOURCE),
    ),
    Row::new(
        Metric::new(
            "available",
            Type::Words,
            "The clock sources that the kernel would take.",
        )
        .said("clock sources {}"),
        available,
        Way::Joint(&SOURCE),
    ),
    Row::new(
        Metric::new(
            "slow",
            Type::Bool,
            "Whether reading the clock spends more than a tenth of its time in the kernel.",
        )
        .switch("slow to read", "quick to read"),
        |seen, cx, evidence| measured(seen, cx, evidence, |cost| Value::Bool(share(cost) > 10)),
        Way::Joint(&SOURCE),
    ),
    Row::new(
        Metric::new(
            "cost",
            Type::Number(Unit::Nanoseconds),
            "Processor time that one reading takes.",
        )
        .said("{} for one reading"),
        |seen, cx, evidence| measured(seen, cx, evidence, |cost| Value::number(i128::from(nanoseconds(cost)))),
        Way::Joint(&SOURCE),
    ),
];

/// There is one source in use: which one is wanted, and how dear it is, cannot be put right apart.
static SOURCE: Joint = Joint(|failing| another_source(failing.of("source"), failing.cx));

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

/// What it takes to read the clock, measured where a metric asks for it.
#[derive(Debug, Default)]
pub struct Seen {
    cost: OnceCell<Result<ClockCost, Failure>>,
}

impl Table for Clock {
    type Seen = Seen;

    const NAME: &'static str = "clock";
    const DOCS: &'static Docs = &DOCS;
    const ROWS: &'static [Row<Seen>] = ROWS;

    fn look(&self, _selectors: &Selectors, _cx: &Context<'_>) -> Vec<Found<Seen>> {
        vec![Found::new(Self::NAME, Ok(Seen::default()))]
    }
}

fn time_service(failing: &Failing<'_>) -> Proposal {
    let cx = failing.cx;
    // A rule that wants the clock left alone is not helped by a time service.
    if failing.target() == Some(&Value::Bool(false)) {
        return Proposal::manual(
            "something keeps the clock right",
            "Stop the time service: `timedatectl set-ntp false`, or whatever else sets the clock here.",
        );
    }
    let command = if crate::systemd::is_running(cx.system) {
        "sudo timedatectl set-ntp true"
    } else {
        "sudo chronyd"
    };
    Proposal {
        reach: reach::outside(Reach::Privileged, cx),
        because: "the clock is the host's, and setting it takes CAP_SYS_TIME".to_owned(),
        changes: Vec::new(),
        remedies: vec![(Dialect::Host, command.to_owned())],
    }
}

/// How another clock source comes into use: the one that is wanted, or the best one that the kernel offers.
pub(super) fn another_source(wanted: Option<&Value>, cx: &Context<'_>) -> Proposal {
    let offered = offered(cx).unwrap_or_default();
    // Of what there is, the one that is read without the kernel.
    let better = ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"];
    let now = current(cx).unwrap_or_default();
    let better = better
        .into_iter()
        .find(|name| *name != now && offered.iter().any(|known| known == name));
    let wanted = wanted.map(Value::to_string);
    match wanted.or_else(|| better.map(str::to_owned)) {
        Some(name) => Proposal {
            reach: reach::outside(Reach::Manual, cx),
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

fn synchronised(_: &Seen, cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
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

/// What follows from the cost of a reading. How it was found comes before all other evidence, once.
fn measured(seen: &Seen, cx: &Context<'_>, evidence: &mut Evidence, value: fn(&ClockCost) -> Value) -> Reading {
    let cost = seen.cost.get_or_init(|| {
        let cost = cx.system.clock_cost()?;
        let mut lines = vec![format!(
            "a reading takes {} ns, {} % of it in the kernel",
            nanoseconds(&cost),
            share(&cost)
        )];
        lines.extend(current(cx).map(|source| format!("the clock source is {source}")));
        evidence.splice(0..0, lines);
        Ok(cost)
    });
    match cost {
        Ok(cost) => Reading::Value(value(cost)),
        Err(Failure::Absent) => Reading::Absent("the clock's cost is measured on a running Linux".to_owned()),
        Err(other) => Reading::Unreadable(format!("the clock's cost: {other}")),
    }
}

fn nanoseconds(cost: &ClockCost) -> u64 {
    (cost.user + cost.system) * 1000 / cost.readings.max(1)
}

/// The kernel's share of the time, in percent; what is a little more than a whole number counts as the next.
fn share(cost: &ClockCost) -> u64 {
    (cost.system * 100).div_ceil((cost.user + cost.system).max(1))
}

/// A file of the kernel's about its clock sources.
fn text(file: &str, cx: &Context<'_>) -> Result<String, Reading> {
    match cx.system.platform().os {
        Os::Linux => cx.text(&format!("{SOURCES}/{file}")),
        Os::Macos | Os::Freebsd => Err(Reading::Absent("only Linux tells of it".to_owned())),
    }
}

fn current(cx: &Context<'_>) -> Result<String, Reading> {
    text("current_clocksource", cx)
}

/// The sources that could be in use.
fn offered(cx: &Context<'_>) -> Result<Vec<String>, Reading> {
    let text = text("available_clocksource", cx)?;
    Ok(text.split_ascii_whitespace().map(str::to_owned).collect())
}

fn available(_: &Seen, cx: &Context<'_>, _: &mut Evidence) -> Reading {
    offered(cx).map_or_else(|why| why, |sources| Reading::Value(Value::Words(sources)))
}

/// The source in use, and those that could be: a row of every kind that has it.
pub(super) fn source<S>(_: &S, cx: &Context<'_>, _: &mut Evidence) -> Reading {
    match current(cx) {
        Ok(current) => {
            let mut options = offered(cx).unwrap_or_default();
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
