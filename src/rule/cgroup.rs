//! Limits of the process's cgroup.

use super::{
    Change, Context, Dialect, Docs, Kind, Metric, Observation, Proposal, Reach, Reading, Scope, Selectors, Target,
    reading_of,
};
use crate::document::shape::Field;
use crate::host::Mount;
use crate::host::cgroup::{Hierarchy, Tightest, number};
use crate::system::{Failure, Os};
use crate::value::{Number, Type, Unit, Value};

/// Limits of the process's cgroup: `cgroup = { pids_available = { min = 512 } }`.
#[derive(Debug)]
pub struct Cgroup;

static METRICS: &[Metric] = &[
    Metric::new(
        "memory_max",
        Type::Number(Unit::Bytes),
        "The memory limit: beyond it, something is killed.",
    ),
    Metric::new(
        "memory_available",
        Type::Number(Unit::Bytes),
        "What is left below the memory limit.",
    ),
    Metric::new(
        "pids_max",
        Type::Number(Unit::Count),
        "Processes and threads that may exist.",
    ),
    Metric::new(
        "pids_available",
        Type::Number(Unit::Count),
        "Processes and threads that may still be made.",
    ),
    Metric::new(
        "cpu_max",
        Type::Number(Unit::Centipercent),
        "The processor quota in percent of one processor: 250% is two and a half.",
    ),
    Metric::new(
        "throttled",
        Type::Number(Unit::Centipercent),
        "Share of the scheduling periods so far in which the quota ran out.",
    ),
    Metric::new(
        "controllers",
        Type::Words,
        "The controllers that the machine's cgroups offer, by their names in version 2: `cpu`, `io`, `memory`; those of both versions, where both are used.",
    ),
    Metric::new(
        "version",
        Type::Text,
        "`v2`, `v1`, or `hybrid` where the controllers are in v1 and the process in both.",
    ),
];

static DOCS: Docs = Docs {
    summary: "Limits of the cgroup that the process runs in: memory, processors, pids.",
    text: "Finds the process's cgroup in either version, and reads the limit at every level up to the root that can be seen: \
the tightest one wins, and the finding names the cgroup that sets it. `max` is above every number.\n\n\
Seen from inside a container with a cgroup namespace of its own, limits above it are hidden; what is shown is what is visible \
from here.\n\n\
The limits are given by whoever made the cgroup: the container's runtime, Kubernetes, or systemd.",
    example: "[[rule]]\nid = \"room-for-threads\"\nseverity = \"warning\"\ncgroup = { pids_available = { min = 4096 } }",
    remedies: &[
        (Dialect::Docker, "--memory, --cpus and --pids-limit."),
        (
            Dialect::Kubernetes,
            "resources.limits of the container; podPidsLimit of the node's kubelet.",
        ),
        (Dialect::Systemd, "MemoryMax=, CPUQuota= and TasksMax= in the unit."),
    ],
};

impl Kind for Cgroup {
    fn name(&self) -> &'static str {
        "cgroup"
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
        "cgroup".to_owned()
    }

    fn probe(&self, _selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let mut evidence = Vec::new();
        let readings: Vec<(&'static str, Reading)> = wanted
            .iter()
            .map(|metric| (*metric, self::read(metric, cx, &mut evidence)))
            .collect();
        if cx.host.engine().is_some() && readings.iter().any(|(_, reading)| matches!(reading, Reading::Value(_))) {
            evidence.push("as visible from this container's cgroup namespace".to_owned());
        }
        vec![Observation {
            subject: "cgroup".to_owned(),
            readings,
            evidence,
        }]
    }

    fn propose(
        &self,
        _selectors: &Selectors,
        observation: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Proposal {
        let mut changes = Vec::new();
        for (metric, target) in targets {
            let file = match *metric {
                "memory_max" => "memory.max",
                "pids_max" => "pids.max",
                _ => continue,
            };
            let Some(Value::Number(wanted)) = target else { continue };
            let to = if *wanted == Number::Unlimited {
                "max".to_owned()
            } else {
                wanted.to_string()
            };
            let from = observation.value(metric).map(Value::to_string);
            changes.push(Change {
                target: Target::Cgroup(file.to_owned()),
                from,
                to,
                scope: Scope::Cgroup,
                hard: None,
            });
        }
        if !changes.is_empty() {
            let (reach, because) = match cx.host.engine() {
                Some(_) => (Reach::Runtime, "the runtime made this cgroup"),
                None => (
                    Reach::Privileged,
                    "whoever made the cgroup sets its limits; of a service, its unit",
                ),
            };
            return Proposal {
                reach,
                because: because.to_owned(),
                changes,
                remedies: shell(targets, cx),
            };
        }
        let what = match targets.first().map(|(metric, _)| *metric) {
            Some("cpu_max" | "throttled") => {
                "Give it a larger quota: --cpus of docker run, resources.limits.cpu of a pod, CPUQuota= of a unit."
            }
            Some("memory_available") => "Raise the memory limit, or free memory in the cgroup.",
            Some("controllers") => {
                "Start the kernel with the controller: cgroup_enable=NAME on its command line, or a kernel that was built with it."
            }
            Some("pids_available") => "Raise the limit (--pids-limit, podPidsLimit, TasksMax=), or end processes.",
            _ => {
                "Boot with the other cgroup hierarchy: systemd.unified_cgroup_hierarchy=1 on the kernel's command line."
            }
        };
        Proposal::manual("whoever made the cgroup decides", what)
    }
}

/// On a host: the unit that the tightest cgroup belongs to is asked for more; a cgroup of nobody's is written to.
fn shell(targets: &[(&'static str, Option<Value>)], cx: &Context<'_>) -> Vec<(Dialect, String)> {
    let mut lines = Vec::new();
    for (metric, target) in targets {
        let Some(Value::Number(wanted)) = target else { continue };
        let (property, controller, files) = match *metric {
            "memory_max" => ("MemoryMax", "memory", ["memory.max", "memory.limit_in_bytes"]),
            "pids_max" => ("TasksMax", "pids", ["pids.max", "pids.max"]),
            _ => continue,
        };
        let Ok(Some(tree)) = cx.host.cgroup(controller) else {
            continue;
        };
        let file = files[usize::from(!tree.unified)];
        let Ok(Some(found)) = cx.host.tightest(&tree, file, number) else {
            continue;
        };
        let name = found.directory.rsplit('/').next().unwrap_or_default();
        let unlimited = *wanted == Number::Unlimited;
        lines.push(
            if [".service", ".scope", ".slice"].iter().any(|end| name.ends_with(end)) {
                let to = if unlimited {
                    "infinity".to_owned()
                } else {
                    wanted.to_string()
                };
                format!("systemctl set-property {name} {property}={to}")
            } else {
                let to = match (unlimited, file) {
                    (true, "memory.limit_in_bytes") => "-1".to_owned(),
                    (true, _) => "max".to_owned(),
                    _ => wanted.to_string(),
                };
                format!("echo {to} > {}/{file}", found.directory)
            },
        );
    }
    if lines.is_empty() {
        return Vec::new();
    }
    vec![(Dialect::Host, lines.join("\n"))]
}

fn read(metric: &str, cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
    if cx.system.platform().os != Os::Linux {
        return Reading::Absent("there are no cgroups on this system".to_owned());
    }
    let read = match metric {
        "memory_max" => limit(cx.host.memory_limit(), "memory", "memory limit", evidence),
        "cpu_max" => limit(cx.host.cpu_limit(), "cpu", "processor quota", evidence),
        "pids_max" => {
            let found = cx.host.cgroup("pids").and_then(|tree| match tree {
                Some(tree) => cx.host.tightest(&tree, "pids.max", number),
                None => Ok(None),
            });
            limit(found, "pids", "limit on pids", evidence)
        }
        "memory_available" => tree("memory", cx).and_then(|tree| {
            let files = match tree.unified {
                true => ["memory.max", "memory.current"],
                false => ["memory.limit_in_bytes", "memory.usage_in_bytes"],
            };
            available(&tree, files, cx, evidence)
        }),
        "pids_available" => {
            tree("pids", cx).and_then(|tree| available(&tree, ["pids.max", "pids.current"], cx, evidence))
        }
        "throttled" => tree("cpu", cx).and_then(|tree| throttled(&tree, cx)),
        "controllers" => controllers(cx),
        _ => version(cx),
    };
    read.map_or_else(|reading| reading, Reading::Value)
}

/// What it means that a controller's files cannot be found.
fn cannot_tell(failure: &Failure, what: &str) -> Reading {
    Reading::Unreadable(format!("the {what} of this process's cgroup: {failure}"))
}

fn no_controller(name: &str) -> Reading {
    Reading::Absent(format!("no {name} controller limits this process"))
}

fn tree(controller: &str, cx: &Context<'_>) -> Result<Hierarchy, Reading> {
    let found = cx
        .host
        .cgroup(controller)
        .map_err(|failure| cannot_tell(&failure, "hierarchy"))?;
    found.ok_or_else(|| no_controller(controller))
}

fn limit(
    found: Result<Option<Tightest>, Failure>,
    controller: &str,
    what: &str,
    evidence: &mut Vec<String>,
) -> Result<Value, Reading> {
    let found = found.map_err(|failure| cannot_tell(&failure, what))?;
    let found = found.ok_or_else(|| no_controller(controller))?;
    note(&found.limit, &found.directory, what, evidence);
    Ok(Value::Number(found.limit))
}

fn note(limit: &Number, directory: &str, what: &str, evidence: &mut Vec<String>) {
    if *limit != Number::Unlimited {
        evidence.push(format!("the tightest {what} is at {directory}"));
    }
}

/// The least that is left at any level, by the files with the limit and with what is used.
fn available(
    tree: &Hierarchy,
    [limit, used]: [&str; 2],
    cx: &Context<'_>,
    evidence: &mut Vec<String>,
) -> Result<Value, Reading> {
    let mut least: Option<(Number, String)> = None;
    let mut seen = false;
    for directory in tree.directories() {
        let file = |name: &str| {
            let path = format!("{directory}/{name}");
            let told = cx.host.told(&path).map_err(|failure| reading_of(&failure, &path))?;
            let odd = || Reading::Unreadable(format!("{path} has another form than expected"));
            told.map(|text| number(&text).ok_or_else(odd)).transpose()
        };
        let Some(most) = file(limit)? else { continue };
        seen = true;
        let (Number::Finite(most), Some(Number::Finite(used))) = (most, file(used)?) else {
            continue;
        };
        let left = Number::Finite((most - used).max(0));
        if least.as_ref().is_none_or(|(known, _)| left < *known) {
            least = Some((left, directory));
        }
    }
    match least {
        Some((left, directory)) => {
            note(&left, &directory, "room", evidence);
            Ok(Value::Number(left))
        }
        None if seen => Ok(Value::Number(Number::Unlimited)),
        None => Err(Reading::Absent(format!("no cgroup of this process has {limit}"))),
    }
}

/// The controllers of version 2 at the root that can be seen, and those of version 1 that are mounted anywhere.
fn controllers(cx: &Context<'_>) -> Result<Value, Reading> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |text: &str, separator: char| {
        for name in text.split(separator).filter(|name| !name.is_empty()) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    };
    let own = cx.text(&format!("{}/cgroup", cx.system.process_directory()))?;
    // `4:memory:/path` is version 1; of version 2 there is one line, without names.
    for line in own.lines() {
        if let Some((_, rest)) = line.split_once(':')
            && let Some((controllers, _)) = rest.split_once(':')
        {
            let controllers = controllers.split(',').filter(|name| !name.starts_with("name="));
            // The one that has another name now.
            let controllers = controllers.map(|name| if name == "blkio" { "io" } else { name });
            add(&controllers.collect::<Vec<_>>().join(","), ',');
        }
    }
    if let Some(mount) = mounts(cx)?.iter().find(|mount| mount.kind == "cgroup2") {
        add(&cx.text(&format!("{}/cgroup.controllers", mount.path))?, ' ');
    }
    match names.is_empty() {
        true => Err(Reading::Absent("no cgroup controllers are in use here".to_owned())),
        false => Ok(Value::Words(names)),
    }
}

fn mounts<'a>(cx: &Context<'a>) -> Result<&'a [Mount], Reading> {
    let read = |failure| Reading::Unreadable(format!("the mounts of this process: {failure}"));
    cx.host.mounts().map_err(read)
}

fn throttled(tree: &Hierarchy, cx: &Context<'_>) -> Result<Value, Reading> {
    let mut text = None;
    for directory in tree.directories() {
        let path = format!("{directory}/cpu.stat");
        text = cx.host.told(&path).map_err(|failure| reading_of(&failure, &path))?;
        if text.is_some() {
            break;
        }
    }
    let text = text.ok_or_else(|| Reading::Absent("no cgroup of this process has cpu.stat".to_owned()))?;
    let counter = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<i128>().ok())
    };
    Ok(match (counter("nr_periods"), counter("nr_throttled")) {
        // Without a quota there are no periods, and nothing is throttled.
        (None | Some(0), _) | (_, None) => Value::number(0),
        (Some(periods), Some(throttled)) => Value::number(throttled * 10_000 / periods),
    })
}

fn version(cx: &Context<'_>) -> Result<Value, Reading> {
    let has = |kind: &str| -> Result<bool, Reading> { Ok(mounts(cx)?.iter().any(|mount| mount.kind == kind)) };
    let name = match (has("cgroup")?, has("cgroup2")?) {
        (true, true) => "hybrid",
        (true, false) => "v1",
        (false, true) => "v2",
        (false, false) => return Err(Reading::Absent("no cgroup hierarchy is mounted here".to_owned())),
    };
    Ok(Value::Text(name.to_owned()))
}
