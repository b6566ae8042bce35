//! Units of systemd: whether they run, and what they may use.

use super::{Context, Dialect, Docs, Kind, Metric, Observation, Proposal, Reach, Reading, Selectors};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::dialect::shell::quote;
use crate::document::shape::{Field, Shape, required};
use crate::host::Host;
use crate::host::cgroup::{number, quota};
use crate::system::{Failure, Os, System};
use crate::systemd::process::{self, NotFound, Running, main_process};
use crate::systemd::unit::{Manager, Unit, full_name, is_unit_name, type_of};
use crate::systemd::{is_running, is_tree, missing};
use crate::value::{Number, Type, Unit as ValueUnit, Value};

/// A unit: `service = { unit = "irqbalance.service", active = false }`.
#[derive(Debug)]
pub struct Service;

static SELECTORS: &[Field] = &[required(
    "unit",
    Shape::Text,
    "The unit, as systemctl takes it: `nginx.service`; without a type it is a service.",
)];

static METRICS: &[Metric] = &[
    Metric::new("active", Type::Bool, "Whether it has processes."),
    Metric::new(
        "enabled",
        Type::Bool,
        "Whether a link in a `.wants` or `.requires` directory, or a name that was given to it, has it started.",
    ),
    Metric::new(
        "exists",
        Type::Bool,
        "Whether there is such a unit, by its file or its cgroup; a masked one counts as none.",
    ),
    Metric::new(
        "tasks_max",
        Type::Number(ValueUnit::Count),
        "Processes and threads that it may have.",
    ),
    Metric::new(
        "memory_max",
        Type::Number(ValueUnit::Bytes),
        "Its memory limit: beyond it, something is killed.",
    ),
    Metric::new(
        "cpu_quota",
        Type::Number(ValueUnit::Centipercent),
        "Its processor quota in percent of one processor: 250% is two and a half.",
    ),
    Metric::new(
        "oom_score_adjust",
        Type::Number(ValueUnit::Count),
        "How its main process is favoured when memory runs out: -1000 (never killed) to 1000 (first).",
    ),
];

static DOCS: Docs = Docs {
    summary: "Whether a unit of systemd runs and is enabled, and what it may use.",
    text: "Asks nobody: a unit runs when its cgroup has processes, it is enabled when a link in a `.wants` or `.requires` \
directory leads to it, and its limits are those of its cgroup. So it works without a bus, in a recording and on a tree of files. \
Units of users' managers are found too.\n\n\
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

/// Lines for a drop-in of a unit, by way of `systemctl edit`.
pub(super) fn edit(unit: &str, lines: &[String], cx: &Context<'_>) -> Proposal {
    let reach = if cx.host.engine().is_some() {
        Reach::Host
    } else {
        Reach::Privileged
    };
    let lines: Vec<String> = lines.iter().map(|line| format!("    {line}")).collect();
    Proposal {
        reach,
        because: "a unit's limits are set by root, in its file or a drop-in".to_owned(),
        changes: Vec::new(),
        remedies: vec![(
            Dialect::Host,
            format!(
                "sudo systemctl edit {word}\n    [Service]\n{}\nsudo systemctl restart {word}",
                lines.join("\n"),
                word = quote(unit)
            ),
        )],
    }
}

impl Kind for Service {
    fn name(&self) -> &'static str {
        "service"
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
        check_unit(selectors, sink);
    }

    fn label(&self, selectors: &Selectors) -> String {
        full_name(selectors.text("unit").unwrap_or_default())
    }

    fn probe(&self, selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let name = self.label(selectors);
        let look = Look::new(&name, cx);
        let mut evidence = Vec::new();
        let readings = wanted
            .iter()
            .map(|metric| (*metric, look.read(metric, cx, &mut evidence)))
            .collect();
        vec![Observation {
            subject: name,
            readings,
            evidence,
        }]
    }

    fn propose(
        &self,
        selectors: &Selectors,
        _: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Proposal {
        let unit = self.label(selectors);
        let mut lines = Vec::new();
        let mut commands: Vec<String> = Vec::new();
        let wish = |name: &str| {
            targets.iter().find_map(|(metric, value)| match value {
                Some(Value::Bool(on)) if *metric == name => Some(*on),
                _ => None,
            })
        };
        match (wish("enabled"), wish("active")) {
            (Some(true), _) | (None, Some(true)) => {
                commands.push(format!("sudo systemctl enable --now {}", quote(&unit)))
            }
            (Some(false), _) | (None, Some(false)) => {
                commands.push(format!("sudo systemctl disable --now {}", quote(&unit)))
            }
            (None, None) => {}
        }
        for (metric, value) in targets {
            let Some(Value::Number(number)) = value else { continue };
            let word = match number {
                Number::Unlimited => "infinity".to_owned(),
                Number::Finite(number) => number.to_string(),
            };
            match (*metric, number) {
                ("tasks_max", _) => lines.push(format!("TasksMax={word}")),
                ("memory_max", _) => lines.push(format!("MemoryMax={word}")),
                ("oom_score_adjust", _) => lines.push(format!("OOMScoreAdjust={word}")),
                // Nothing takes a quota away; systemd takes whole percents.
                ("cpu_quota", Number::Unlimited) => lines.push("CPUQuota=".to_owned()),
                ("cpu_quota", Number::Finite(share)) => lines.push(format!("CPUQuota={}%", (share + 99) / 100)),
                _ => {}
            }
        }
        if !lines.is_empty() {
            let mut proposal = edit(&unit, &lines, cx);
            proposal
                .remedies
                .push((Dialect::Systemd, format!("[Service]\n{}", lines.join("\n"))));
            return proposal;
        }
        if commands.is_empty() {
            return Proposal::manual(
                "only a person can say how",
                format!("Install {unit}, or remove it, as the rule asks."),
            );
        }
        let contained = cx.host.engine().is_some();
        Proposal {
            reach: if contained { Reach::Host } else { Reach::Privileged },
            because: "starting and stopping units takes root".to_owned(),
            changes: Vec::new(),
            remedies: vec![(Dialect::Host, commands.join("\n"))],
        }
    }
}

/// What is known of a unit.
struct Look {
    /// Why nothing can be.
    missing: Option<Reading>,
    running: Result<Running, NotFound>,
    manager: Manager,
    unit: Unit,
}

impl Look {
    fn new(name: &str, cx: &Context<'_>) -> Self {
        let missing = match missing(cx.system) {
            // Of a tree of files, which runs nothing, the files can be asked.
            Some(_) if is_tree(cx.system) => None,
            Some(Ok(why)) => Some(Reading::Absent(why)),
            Some(Err(why)) => Some(Reading::Unreadable(why)),
            None => None,
        };
        let (unit, running) = if missing.is_none() && is_running(cx.system) {
            process::look(cx.host, name)
        } else {
            (Unit::read(cx.system, &Manager::System, name), Err(NotFound::Inactive))
        };
        let manager = running
            .as_ref()
            .map_or(Manager::System, |running| running.manager.clone());
        Self {
            missing,
            running,
            manager,
            unit,
        }
    }

    fn read(&self, metric: &str, cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
        if let Some(missing) = &self.missing {
            return missing.clone();
        }
        match metric {
            "active" => self.active(cx, evidence),
            "enabled" => self.enabled(cx, evidence),
            "exists" => match &self.running {
                Ok(_) => Reading::Value(Value::Bool(true)),
                Err(NotFound::Inactive) => Reading::Value(Value::Bool(self.unit.file.is_some() && !self.unit.masked)),
                Err(other) => Reading::Unreadable(other.to_string()),
            },
            _ => match &self.running {
                Ok(running) => self.limit(metric, running, cx),
                Err(NotFound::Inactive) if self.unit.file.is_none() => {
                    Reading::Absent(format!("there is no unit {} here", self.unit.name))
                }
                Err(NotFound::Inactive) => Reading::Absent(format!("{} does not run", self.unit.name)),
                Err(other) => Reading::Unreadable(other.to_string()),
            },
        }
    }

    fn active(&self, cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
        let answer = |active: bool| Reading::Value(Value::Bool(active));
        if !is_running(cx.system) {
            return Reading::Unreadable("a tree of files does not tell what runs".to_owned());
        }
        match &self.running {
            Ok(running) if !running.pids.is_empty() => {
                evidence.push(format!("{} processes in {}", running.pids.len(), running.directory));
                answer(true)
            }
            Ok(_) | Err(NotFound::Inactive) if self.unit.file.is_none() => answer(false),
            Ok(_) | Err(NotFound::Inactive) if self.unit.masked => {
                evidence.push("it is masked".to_owned());
                answer(false)
            }
            Ok(_) | Err(NotFound::Inactive) => {
                if let Some(unread) = self.unit.config.unread() {
                    return Reading::Unreadable(unread);
                }
                let stays = self.unit.config.text("Service", "RemainAfterExit");
                if !matches!(type_of(&self.unit.name), Some("service" | "scope")) {
                    return Reading::Unreadable(format!(
                        "{} has no processes, and whether it is active only its manager knows",
                        self.unit.name
                    ));
                }
                if stays.as_deref().and_then(crate::systemd::values::boolean) == Some(true) {
                    return Reading::Unreadable(
                        "it may be active after its program ended (RemainAfterExit), which only its manager knows"
                            .to_owned(),
                    );
                }
                answer(false)
            }
            Err(other) => Reading::Unreadable(other.to_string()),
        }
    }

    fn enabled(&self, cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
        if self.unit.masked {
            evidence.push(format!("{} masks it", self.unit.file.as_deref().unwrap_or_default()));
            return Reading::Value(Value::Bool(false));
        }
        match self.unit.wanted_by(cx.system, &self.manager) {
            Ok(links) => {
                if let Some(link) = links.first() {
                    evidence.push(format!("started by way of {link}"));
                }
                Reading::Value(Value::Bool(!links.is_empty()))
            }
            Err(why) => Reading::Unreadable(why),
        }
    }

    fn limit(&self, metric: &str, running: &Running, cx: &Context<'_>) -> Reading {
        if metric == "oom_score_adjust" {
            let Some(pid) = main_process(cx.host, running, &self.unit) else {
                return Reading::Absent(format!("{} has no processes", self.unit.name));
            };
            return value(cx.system, &format!("/proc/{pid}/oom_score_adj"), |text| {
                text.parse().ok().map(Number::Finite)
            });
        }
        let (controller, new, old) = match metric {
            "tasks_max" => ("pids", "pids.max", "pids.max"),
            "memory_max" => ("memory", "memory.max", "memory.limit_in_bytes"),
            _ => ("cpu", "cpu.max", "cpu.cfs_quota_us"),
        };
        let (mount, unified) = match mount_of(cx.host, controller) {
            Ok(Some(found)) => found,
            Ok(None) => return Reading::Absent(format!("no {controller} controller limits units here")),
            Err(failure) => return Reading::Unreadable(format!("the mounts of the machine: {failure}")),
        };
        let directory = format!("{mount}{}", running.path);
        match (metric, unified) {
            ("cpu_quota", true) => value(cx.system, &format!("{directory}/{new}"), quota),
            ("cpu_quota", false) => {
                let period = cx
                    .host
                    .text(&format!("{directory}/cpu.cfs_period_us"))
                    .unwrap_or_default();
                value(cx.system, &format!("{directory}/{old}"), |text| {
                    quota(&format!("{text} {period}"))
                })
            }
            (_, true) => value(cx.system, &format!("{directory}/{new}"), number),
            (_, false) => value(cx.system, &format!("{directory}/{old}"), number),
        }
    }
}

/// Where the hierarchy that has a controller is mounted, and whether it is of version 2.
fn mount_of(host: &Host<'_>, controller: &str) -> Result<Option<(String, bool)>, Failure> {
    let mounts = host.mounts()?;
    let old = mounts
        .iter()
        .rfind(|mount| mount.kind == "cgroup" && mount.options.iter().any(|option| option == controller));
    if let Some(mount) = old {
        return Ok(Some((mount.path.clone(), false)));
    }
    let mount = mounts.iter().rfind(|mount| mount.kind == "cgroup2");
    Ok(mount.map(|mount| (mount.path.clone(), true)))
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
