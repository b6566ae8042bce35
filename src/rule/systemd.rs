//! The defaults of systemd's manager.

use super::bounds::together;
use super::{Context, Dialect, Docs, Kind, Metric, Observation, Proposal, Reach, Reading, Selectors, Side};
use crate::document::shape::Field;
use crate::persisted::files::name_of;
use crate::system::{Failure, Limits, Resource};
use crate::systemd::config::Config;
use crate::systemd::manager::{Origin, default_limits, default_tasks, removes_ipc};
use crate::systemd::unit::Manager;
use crate::systemd::{is_tree, missing};
use crate::value::{Number, Type, Unit, Value};

/// The manager's defaults: `systemd = { nofile_hard = { min = 1048576 } }`.
#[derive(Debug)]
pub struct Systemd;

static METRICS: &[Metric] = &[
    Metric::new(
        "nofile_soft",
        Type::Number(Unit::Count),
        "The soft limit on open files of units that set none.",
    ),
    Metric::new("nofile_hard", Type::Number(Unit::Count), "The hard one."),
    Metric::new(
        "nproc_soft",
        Type::Number(Unit::Count),
        "The soft limit on processes and threads of a user, for units that set none.",
    ),
    Metric::new("nproc_hard", Type::Number(Unit::Count), "The hard one of these."),
    Metric::new(
        "memlock_soft",
        Type::Number(Unit::Bytes),
        "The soft limit on locked memory of units that set none.",
    ),
    Metric::new("memlock_hard", Type::Number(Unit::Bytes), "The hard one of that."),
    Metric::new(
        "tasks_max",
        Type::Number(Unit::Count),
        "Processes and threads that a unit may have that sets no TasksMax.",
    ),
    Metric::new(
        "removes_ipc",
        Type::Bool,
        "Whether logind removes a user's shared memory and semaphores when the last session ends.",
    ),
];

static DOCS: Docs = Docs {
    summary: "What systemd gives to units that set nothing themselves.",
    text: "Reads system.conf and logind.conf as systemd does: the first of `/etc/systemd`, `/run/systemd`, `/usr/local/lib/systemd` \
and `/usr/lib/systemd` that has the file, then the drop-ins of all four in the order of their names; the last line that can be \
read counts, and an empty one takes back what was said. Where no line says anything, the value that was compiled in: since \
version 240 open files are 1024:524288, and since 250 locked memory is 8 MiB.\n\n\
These are defaults: a unit's own `LimitNOFILE=` counts more, and what a unit really has the kind `rlimit` says with `unit`. \
Changes hold for what is started after `systemctl daemon-reexec`. A share (`DefaultTasksMax=15%`) is of the smaller of \
kernel.pid_max and kernel.threads-max.\n\n\
RemoveIPC matters to databases that run as an ordinary user with a login: their shared memory is gone when that user logs out. \
It spares system users (uids below 1000). Without systemd everything is n/a.",
    example: "[[rule]]\nid = \"shared-memory-stays\"\nseverity = \"warning\"\nsystemd = { removes_ipc = false }",
    remedies: &[
        (
            Dialect::Host,
            "DefaultLimitNOFILE= and its like in a drop-in below /etc/systemd/system.conf.d, then systemctl daemon-reexec; \
             RemoveIPC= below /etc/systemd/logind.conf.d, then systemctl restart systemd-logind.",
        ),
        (
            Dialect::Systemd,
            "LimitNOFILE=, TasksMax= in the unit are better than defaults for all.",
        ),
    ],
};

/// The resource and the side that a metric is about.
fn limit_of(metric: &str) -> Option<(Resource, Side)> {
    let (resource, side) = metric.rsplit_once('_')?;
    let side = match side {
        "soft" => Side::Soft,
        "hard" => Side::Hard,
        _ => return None,
    };
    Some((Resource::parse(resource)?, side))
}

impl Kind for Systemd {
    fn name(&self) -> &'static str {
        "systemd"
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
        "systemd".to_owned()
    }

    fn probe(&self, _selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let missing = match missing(cx.system) {
            Some(_) if is_tree(cx.system) => None,
            Some(Ok(why)) => Some(Reading::Absent(why)),
            Some(Err(why)) => Some(Reading::Unreadable(why)),
            None => None,
        };
        let mut evidence = Vec::new();
        let config = if missing.is_none() {
            Config::read(cx.system, "system.conf")
        } else {
            Config::default()
        };
        let readings = wanted
            .iter()
            .map(|metric| {
                let reading = missing
                    .clone()
                    .unwrap_or_else(|| read(metric, &config, cx, &mut evidence));
                (*metric, reading)
            })
            .collect();
        evidence.dedup();
        vec![Observation {
            subject: "systemd".to_owned(),
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
        let config = Config::read(cx.system, "system.conf");
        let mut lines = limit_lines(targets, &config, cx);
        let mut login = None;
        for (metric, value) in targets {
            match (*metric, value) {
                ("tasks_max", Some(Value::Number(number))) => lines.push(match number {
                    Number::Unlimited => "DefaultTasksMax=infinity".to_owned(),
                    Number::Finite(number) => format!("DefaultTasksMax={number}"),
                }),
                ("removes_ipc", Some(Value::Bool(on))) => {
                    login = Some(format!("RemoveIPC={}", if *on { "yes" } else { "no" }));
                }
                _ => {}
            }
        }
        let mut commands = Vec::new();
        let mut files = Vec::new();
        if !lines.is_empty() {
            let file = drop_in("system.conf", &lines, &config, "Manager");
            commands.push(write(&file, "Manager", &lines, "systemctl daemon-reexec"));
            files.push(format!("{file}:\n[Manager]\n{}", lines.join("\n")));
        }
        if let Some(line) = login {
            let lines = [line];
            let file = drop_in("logind.conf", &lines, &Config::read(cx.system, "logind.conf"), "Login");
            commands.push(write(&file, "Login", &lines, "systemctl restart systemd-logind"));
            files.push(format!("{file}:\n[Login]\n{}", lines.join("\n")));
        }
        if commands.is_empty() {
            return Proposal::manual("no single value satisfies the rule", "Choose the manager's defaults.");
        }
        let contained = cx.host.engine().is_some();
        Proposal {
            reach: if contained { Reach::Host } else { Reach::Privileged },
            because: "the manager's defaults are root's to set".to_owned(),
            changes: Vec::new(),
            remedies: vec![
                (Dialect::Host, commands.join("\n")),
                (Dialect::Persist, files.join("\n")),
            ],
        }
    }
}

fn read(metric: &str, config: &Config, cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
    let mut say = |origin: &Origin, key: &str| {
        let line = origin.describe(key);
        if !evidence.contains(&line) {
            evidence.push(line);
        }
    };
    if let Some((resource, side)) = limit_of(metric) {
        return match default_limits(cx.host, &Manager::System, config, resource) {
            Ok(Some((limits, origin))) => {
                say(&origin, &format!("Default{}", resource.systemd_name()));
                Reading::Value(Value::Number(if side == Side::Soft {
                    limits.soft
                } else {
                    limits.hard
                }))
            }
            Ok(None) => Reading::Absent(format!(
                "no file sets Default{}, and no manager runs whose limit would be inherited",
                resource.systemd_name()
            )),
            Err(why) => Reading::Unreadable(why),
        };
    }
    if metric == "tasks_max" {
        return match default_tasks(cx.host, config) {
            Ok((number, origin)) => {
                say(&origin, "DefaultTasksMax");
                Reading::Value(Value::Number(number))
            }
            Err(why) => Reading::Unreadable(why),
        };
    }
    let logind = ["/usr/lib/systemd/systemd-logind", "/lib/systemd/systemd-logind"].map(|path| cx.system.stat(path));
    match logind {
        [Err(Failure::Absent), Err(Failure::Absent)] => {
            return Reading::Absent("logind is not installed here".to_owned());
        }
        [Err(failure), Err(Failure::Absent)] | [_, Err(failure)] if failure != Failure::Absent => {
            return Reading::Unreadable(format!("/usr/lib/systemd/systemd-logind: {failure}"));
        }
        _ => {}
    }
    match removes_ipc(cx.host) {
        Ok((on, origin)) => {
            say(&origin, "RemoveIPC");
            Reading::Value(Value::Bool(on))
        }
        Err(why) => Reading::Unreadable(why),
    }
}

/// `DefaultLimitNOFILE=SOFT:HARD` for each resource that is to change; the side that nobody speaks of stays as it is.
fn limit_lines(targets: &[(&'static str, Option<Value>)], config: &Config, cx: &Context<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for resource in [Resource::Nofile, Resource::Nproc, Resource::Memlock] {
        let target = |side: Side| {
            targets.iter().find_map(|(metric, value)| match value {
                Some(Value::Number(number)) if limit_of(metric) == Some((resource, side)) => Some(*number),
                _ => None,
            })
        };
        let (soft, hard) = (target(Side::Soft), target(Side::Hard));
        let Some(either) = soft.or(hard) else { continue };
        let now = default_limits(cx.host, &Manager::System, config, resource)
            .ok()
            .flatten()
            .map_or(
                Limits {
                    soft: either,
                    hard: either,
                },
                |(limits, _)| limits,
            );
        let (soft, hard) = together(soft, hard, &now);
        let own = super::origin::directive(resource, soft.unwrap_or(now.soft), hard.unwrap_or(now.hard));
        lines.extend(own.into_iter().map(|line| format!("Default{line}")));
    }
    lines
}

/// The path of a drop-in whose lines count: after every file that says something of the same.
fn drop_in(name: &str, lines: &[String], config: &Config, section: &str) -> String {
    const OURS: &str = "60-runup.conf";
    let keys: Vec<&str> = lines.iter().filter_map(|line| line.split('=').next()).collect();
    let directory = format!("{name}.d/");
    let last = keys
        .iter()
        .flat_map(|key| config.all(section, key))
        .filter(|setting| setting.file.contains(&directory))
        .map(|setting| name_of(&setting.file).to_owned())
        .max()
        .filter(|last| last.as_str() > OURS);
    let file = last.map_or_else(
        || OURS.to_owned(),
        |last| format!("{}-runup.conf", last.trim_end_matches(".conf")),
    );
    format!("/etc/systemd/{directory}{file}")
}

fn write(file: &str, section: &str, lines: &[String], then: &str) -> String {
    let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    format!(
        "sudo mkdir -p {directory}\nprintf '[{section}]\\n{}\\n' | sudo tee {file}\nsudo {then}",
        lines.join("\\n")
    )
}
