//! Units of systemd: whether they run, and what they may use.

mod remedy;

pub(super) use remedy::edit;

use super::glob::is_pattern;
use super::{Context, Dialect, Docs, Evidence, Found, Joint, Metric, Reading, Row, Selectors, Table, Way};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, required};
use crate::host::cgroup::{number, quota};
use crate::host::{Host, Mount};
use crate::system::{Failure, Os, System};
use crate::systemd::process::{self, NotFound, Running, main_process};
use crate::systemd::unit::{Manager, Unit, full_name, is_unit_name, type_of};
use crate::systemd::values::boolean;
use crate::systemd::{is_running, is_tree, missing};
use crate::value::{Number, Type, Unit as ValueUnit, Value};

/// A unit: `service = { unit = "irqbalance.service", active = false }`.
#[derive(Debug)]
pub struct Service;

static SELECTORS: &[Field] = &[required(
    "unit",
    Shape::Text,
    "The unit, as systemctl takes it: `nginx.service`; without a type it is a service. With a `*`, each of the system's units that \
     run and match: `postgresql@*.service`.",
)];

/// Starting and enabling are one matter: what does the one may undo the other.
static STATE: Joint = Joint(remedy::state);

/// All limits stand in one drop-in.
static LIMITS: Joint = Joint(remedy::limits);

type Read = fn(&Look, &Context<'_>, &mut Evidence) -> Reading;

const fn limit(name: &'static str, unit: ValueUnit, doc: &'static str, read: Read) -> Row<Look> {
    Row::new(Metric::new(name, Type::Number(unit), doc), read, Way::Joint(&LIMITS))
}

static ROWS: &[Row<Look>] = &[
    Row::new(
        Metric::new("active", Type::Bool, "Whether it has processes.").switch("running", "not running"),
        active,
        Way::Joint(&STATE),
    ),
    Row::new(
        Metric::new(
            "enabled",
            Type::Bool,
            "Whether a link in a `.wants` or `.requires` directory, or a name that was given to it, has it started.",
        )
        .switch("enabled", "not enabled"),
        enabled,
        Way::Joint(&STATE),
    ),
    Row::new(
        Metric::new(
            "exists",
            Type::Bool,
            "Whether there is such a unit, by its file or its cgroup; a masked one counts as none.",
        )
        .switch("installed", "not installed"),
        exists,
        Way::Joint(&STATE),
    ),
    limit(
        "tasks_max",
        ValueUnit::Count,
        "Processes and threads that it may have.",
        |look, cx, _| limit_in(["pids.max", "pids.max"], "pids", look, cx),
    )
    .said("room for {} processes and threads"),
    limit(
        "memory_max",
        ValueUnit::Bytes,
        "Its memory limit: beyond it, something is killed.",
        |look, cx, _| limit_in(["memory.max", "memory.limit_in_bytes"], "memory", look, cx),
    )
    .said("memory limit {}"),
    limit(
        "cpu_quota",
        ValueUnit::Centipercent,
        "Its processor quota in percent of one processor: 250% is two and a half.",
        cpu_quota,
    )
    .said("processor quota {}"),
    limit(
        "oom_score_adjust",
        ValueUnit::Count,
        "How its main process is favoured when memory runs out: -1000 (never killed) to 1000 (first).",
        oom_score_adjust,
    )
    .said("OOM score adjustment {}"),
];

static DOCS: Docs = Docs {
    summary: "Whether a unit of systemd runs and is enabled, and what it may use.",
    text: "Asks nobody: a unit runs when its cgroup has processes, it is enabled when a link in a `.wants` or `.requires` \
directory leads to it, and its limits are those of its cgroup. So it works without a bus, in a recording and on a tree of files. \
Units of users' managers are found too, but not by a pattern: of that, each of the system's units that runs and matches is a finding of its own.\n\n\
A unit that is not there does not run and is not enabled; its limits are then n/a. A oneshot service that stays active after its \
program ended has no processes, and whether it is active only the manager knows: that is unknown, and so it is for sockets, \
timers and targets. Without systemd as the first process everything is n/a; of a tree of files nobody can tell what runs, and that is \
unknown.",
    example: "[[rule]]\nid = \"no-irqbalance\"\nseverity = \"warning\"\nservice = { unit = \"irqbalance.service\", active = false }",
    remedies: &[
        (
            Dialect::Host,
            "systemctl enable --now UNIT, systemctl disable --now UNIT; systemctl edit UNIT for its limits.",
        ),
        (
            Dialect::Systemd,
            "TasksMax=, MemoryMax=, CPUQuota= and OOMScoreAdjust= in the unit.",
        ),
    ],
};

/// Checks the selector `unit`, where a kind has one.
pub(super) fn check_unit(selectors: &Selectors, sink: &mut Diagnostics) {
    if let (Some(name), Some(place)) = (selectors.text("unit"), selectors.place("unit")) {
        if !is_unit_name(name) {
            sink.push(Diagnostic::at(place, "this cannot be the name of a unit"));
        } else if full_name(name).ends_with("@.service") {
            sink.push(
                Diagnostic::at(place, "this is a template, of which no unit runs")
                    .help("name an instance: `postgresql@15-main.service`"),
            );
        }
    }
}

impl Table for Service {
    type Seen = Look;

    const NAME: &'static str = "service";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Look>] = ROWS;

    fn check(&self, selectors: &Selectors, _os: Os, sink: &mut Diagnostics) {
        match (selectors.text("unit"), selectors.place("unit")) {
            (Some(name), Some(place)) if is_pattern(name) => {
                if !is_unit_name(&name.replace('*', "x")) {
                    sink.push(Diagnostic::at(place, "no unit can have such a name"));
                }
            }
            _ => check_unit(selectors, sink),
        }
    }

    fn label(&self, selectors: &Selectors) -> String {
        remedy::unit(selectors)
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Look>> {
        let name = remedy::unit(selectors);
        if let Err(why) = can_be_asked(cx) {
            return vec![Found::new(name, Err(why))];
        }
        if !is_pattern(&name) {
            let look = Look::new(&name, cx);
            return vec![Found::new(name, Ok(look))];
        }
        if !is_running(cx.system) {
            let why = Reading::Unreadable("a tree of files does not tell what runs".to_owned());
            return vec![Found::new(name, Err(why))];
        }
        match process::running(cx.host, &name) {
            Ok(units) if units.is_empty() => {
                let why = Reading::Absent(format!("no unit {name} runs here"));
                vec![Found::new(name, Err(why))]
            }
            Ok(units) => {
                let looked = units.into_iter().map(|unit| {
                    let look = Look::new(&unit, cx);
                    Found::new(unit, Ok(look))
                });
                looked.collect()
            }
            Err(why) => vec![Found::new(name, Err(Reading::Unreadable(why.to_string())))],
        }
    }
}

/// What is known of a unit.
#[derive(Debug)]
pub struct Look {
    unit: Unit,
    running: Result<Running, NotFound>,
}

impl Look {
    fn new(name: &str, cx: &Context<'_>) -> Self {
        let (unit, running) = if is_running(cx.system) {
            process::look(cx.host, name)
        } else {
            (Unit::read(cx.system, &Manager::System, name), Err(NotFound::Inactive))
        };
        Self { unit, running }
    }

    /// Its cgroup; without one it has no limits.
    fn running(&self) -> Result<&Running, Reading> {
        let name = &self.unit.name;
        self.running.as_ref().map_err(|why| match why {
            NotFound::Inactive if self.unit.file.is_none() => Reading::Absent(format!("there is no unit {name} here")),
            NotFound::Inactive => Reading::Absent(format!("{name} does not run")),
            NotFound::Ambiguous(_) | NotFound::Unreadable(_) => Reading::Unreadable(why.to_string()),
        })
    }

    /// Its directory in the hierarchy of a controller, and whether that is of version 2.
    fn directory(&self, controller: &str, cx: &Context<'_>) -> Result<(String, bool), Reading> {
        let running = self.running()?;
        match mount_of(cx.host, controller) {
            Ok(Some((mount, unified))) => Ok((format!("{mount}{}", running.path), unified)),
            Ok(None) => Err(Reading::Absent(format!("no {controller} controller limits units here"))),
            Err(failure) => Err(Reading::Unreadable(format!("the mounts of the machine: {failure}"))),
        }
    }
}

/// Whether anything can be said of systemd here. Of a tree of files, which runs nothing, the files can be asked.
pub(super) fn can_be_asked(cx: &Context<'_>) -> Result<(), Reading> {
    match missing(cx.system) {
        Some(_) if is_tree(cx.system) => Ok(()),
        Some(Ok(why)) => Err(Reading::Absent(why)),
        Some(Err(why)) => Err(Reading::Unreadable(why)),
        None => Ok(()),
    }
}

fn is(on: bool) -> Reading {
    Reading::Value(Value::Bool(on))
}

fn active(look: &Look, cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    let unit = &look.unit;
    if !is_running(cx.system) {
        return Reading::Unreadable("a tree of files does not tell what runs".to_owned());
    }
    match &look.running {
        Ok(running) if !running.pids.is_empty() => {
            evidence.push(format!("{} processes in {}", running.pids.len(), running.directory));
            is(true)
        }
        Ok(_) | Err(NotFound::Inactive) if unit.file.is_none() => is(false),
        Ok(_) | Err(NotFound::Inactive) if unit.masked => {
            evidence.push("it is masked".to_owned());
            is(false)
        }
        Ok(_) | Err(NotFound::Inactive) => {
            if let Some(unread) = unit.config.unread() {
                return Reading::Unreadable(unread);
            }
            let stays = unit.config.text("Service", "RemainAfterExit");
            if !matches!(type_of(&unit.name), Some("service" | "scope")) {
                return Reading::Unreadable(format!(
                    "{} has no processes, and whether it is active only its manager knows",
                    unit.name
                ));
            }
            if stays.as_deref().and_then(boolean) == Some(true) {
                let why = "it may be active after its program ended (RemainAfterExit), which only its manager knows";
                return Reading::Unreadable(why.to_owned());
            }
            is(false)
        }
        Err(other) => Reading::Unreadable(other.to_string()),
    }
}

fn enabled(look: &Look, cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    if look.unit.masked {
        let file = look.unit.file.as_deref().unwrap_or_default();
        evidence.push(format!("{file} masks it"));
        return is(false);
    }
    let running = look.running.as_ref();
    let manager = running.map_or(&Manager::System, |running| &running.manager);
    match look.unit.wanted_by(cx.system, manager) {
        Ok(links) => {
            evidence.extend(links.first().map(|link| format!("started by way of {link}")));
            is(!links.is_empty())
        }
        Err(why) => Reading::Unreadable(why),
    }
}

fn exists(look: &Look, _: &Context<'_>, _: &mut Evidence) -> Reading {
    match &look.running {
        Ok(_) => is(true),
        Err(NotFound::Inactive) => is(look.unit.file.is_some() && !look.unit.masked),
        Err(other) => Reading::Unreadable(other.to_string()),
    }
}

/// A number of its cgroup's, in the files that have it in version 2 and in version 1.
fn limit_in(files: [&str; 2], controller: &str, look: &Look, cx: &Context<'_>) -> Reading {
    match look.directory(controller, cx) {
        Ok((directory, unified)) => {
            let file = files[usize::from(!unified)];
            value(cx.system, &format!("{directory}/{file}"), number)
        }
        Err(reading) => reading,
    }
}

fn cpu_quota(look: &Look, cx: &Context<'_>, _: &mut Evidence) -> Reading {
    match look.directory("cpu", cx) {
        Ok((directory, true)) => value(cx.system, &format!("{directory}/cpu.max"), quota),
        Ok((directory, false)) => {
            let period = cx.host.text(&format!("{directory}/cpu.cfs_period_us"));
            let period = period.unwrap_or_default();
            value(cx.system, &format!("{directory}/cpu.cfs_quota_us"), |text| {
                quota(&format!("{text} {period}"))
            })
        }
        Err(reading) => reading,
    }
}

fn oom_score_adjust(look: &Look, cx: &Context<'_>, _: &mut Evidence) -> Reading {
    let running = match look.running() {
        Ok(running) => running,
        Err(reading) => return reading,
    };
    match main_process(cx.host, running, &look.unit) {
        Some(pid) => value(cx.system, &format!("/proc/{pid}/oom_score_adj"), |text| {
            text.parse().ok().map(Number::Finite)
        }),
        None => Reading::Absent(format!("{} has no processes", look.unit.name)),
    }
}

/// Where the hierarchy that has a controller is mounted, and whether it is of version 2.
fn mount_of<'a>(host: &'a Host<'_>, controller: &str) -> Result<Option<(&'a str, bool)>, Failure> {
    let mounts = host.mounts()?;
    let is_its = |mount: &&Mount| mount.kind == "cgroup" && mount.options.iter().any(|option| option == controller);
    let old = mounts.iter().rfind(is_its);
    let mount = old.or_else(|| mounts.iter().rfind(|mount| mount.kind == "cgroup2"));
    Ok(mount.map(|mount| (mount.path.as_str(), old.is_none())))
}

/// The number in a file. Without its controller a cgroup has no such file, and no limit of its own either.
fn value(system: &dyn System, path: &str, read: impl Fn(&str) -> Option<Number>) -> Reading {
    match system.read(path) {
        Ok(bytes) => match read(String::from_utf8_lossy(&bytes).trim()) {
            Some(number) => Reading::Value(Value::Number(number)),
            None => Reading::Unreadable(format!("{path} has another form than expected")),
        },
        Err(Failure::Absent) => Reading::Absent(format!("{path} does not exist: nothing limits the unit itself")),
        Err(failure) => Reading::Unreadable(format!("{path}: {failure}")),
    }
}
