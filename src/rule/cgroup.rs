//! Limits of the process's cgroup.

use super::{
    Change, Context, Dialect, Docs, Evidence, Failing, Found, Joint, Metric, Observation, Proposal, Reach, Reading,
    Row, Scope, Selectors, Table, Target, Way, reading_of,
};
use crate::host::Mount;
use crate::host::cgroup::{Hierarchy, Tightest, number};
use crate::system::{Failure, Os};
use crate::value::{Number, Type, Unit, Value};

/// Limits of the process's cgroup: `cgroup = { pids_available = { min = 512 } }`.
#[derive(Debug)]
pub struct Cgroup;

/// Limits are given to a cgroup together, by whoever made it.
static LIMITS: Joint = Joint(limits);

type Read = fn(&(), &Context<'_>, &mut Evidence) -> Reading;

const fn number_of(name: &'static str, unit: Unit, doc: &'static str, read: Read, way: Way) -> Row<()> {
    Row::new(Metric::new(name, Type::Number(unit), doc), read, way)
}

static ROWS: &[Row<()>] = &[
    number_of(
        "memory_max",
        Unit::Bytes,
        "The memory limit: beyond it, something is killed.",
        |(), cx, evidence| limit(cx.host.memory_limit(), "memory", "memory limit", evidence),
        Way::Joint(&LIMITS),
    ).said("memory limit {}"),
    number_of(
        "memory_available",
        Unit::Bytes,
        "What is left below the memory limit.",
        memory_available,
        Way::Own(|_| decided("Raise the memory limit, or free memory in the cgroup.")),
    ).said("{} left below the memory limit"),
    number_of(
        "pids_max",
        Unit::Count,
        "Processes and threads that may exist.",
        pids_max,
        Way::Joint(&LIMITS),
    ).said("room for {} processes and threads"),
    number_of(
        "pids_available",
        Unit::Count,
        "Processes and threads that may still be made.",
        pids_available,
        Way::Own(|_| decided("Raise the limit (--pids-limit, podPidsLimit, TasksMax=), or end processes.")),
    ).said("room for {} more processes and threads"),
    number_of(
        "cpu_max",
        Unit::Centipercent,
        "The processor quota in percent of one processor: 250% is two and a half.",
        |(), cx, evidence| limit(cx.host.cpu_limit(), "cpu", "processor quota", evidence),
        Way::Own(larger_quota),
    ).said("processor quota {}"),
    number_of(
        "throttled",
        Unit::Centipercent,
        "Share of the scheduling periods so far in which the quota ran out.",
        |(), cx, _| told(tree("cpu", cx).and_then(|tree| throttled(&tree, cx))),
        Way::Own(larger_quota),
    ).said("held back by the processor quota in {} of its periods"),
    Row::new(
        Metric::new(
            "controllers",
            Type::Words,
            "The controllers that the machine's cgroups offer, by their names in version 2: `cpu`, `io`, `memory`; those of both versions, where both are used.",
        ).said("controllers {}"),
        |(), cx, _| told(controllers(cx)),
        Way::Own(|_| {
            decided(
                "Start the kernel with the controller: cgroup_enable=NAME on its command line, or a kernel that was built with it.",
            )
        }),
    ),
    Row::new(
        Metric::new(
            "version",
            Type::Text,
            "`v2`, `v1`, or `hybrid` where the controllers are in v1 and the process in both.",
        ).said("version {}"),
        |(), cx, _| told(version(cx)),
        Way::Own(other_hierarchy),
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

impl Table for Cgroup {
    type Seen = ();

    const NAME: &'static str = "cgroup";
    const DOCS: &'static Docs = &DOCS;
    const ROWS: &'static [Row<()>] = ROWS;

    fn look(&self, _selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<()>> {
        let seen = match cx.system.platform().os {
            Os::Linux => Ok(()),
            Os::Macos | Os::Freebsd => Err(Reading::Absent("there are no cgroups on this system".to_owned())),
        };
        vec![Found::new("cgroup", seen)]
    }

    fn remark(&self, _selectors: &Selectors, observation: &mut Observation, cx: &Context<'_>) {
        let mut readings = observation.readings.iter();
        if cx.host.engine().is_some() && readings.any(|(_, reading)| matches!(reading, Reading::Value(_))) {
            let line = "as visible from this container's cgroup namespace";
            observation.evidence.push(line.to_owned());
        }
    }
}

/// What a limit is called.
struct Named {
    metric: &'static str,
    controller: &'static str,
    /// The directive of a unit.
    property: &'static str,
    /// The file in version 2, and in version 1.
    files: [&'static str; 2],
}

static NAMED: [Named; 2] = [
    Named {
        metric: "memory_max",
        controller: "memory",
        property: "MemoryMax",
        files: ["memory.max", "memory.limit_in_bytes"],
    },
    Named {
        metric: "pids_max",
        controller: "pids",
        property: "TasksMax",
        files: ["pids.max", "pids.max"],
    },
];

fn limits(failing: &Failing<'_>) -> Proposal {
    let (mut changes, mut lines) = (Vec::new(), Vec::new());
    for named in &NAMED {
        let Some(wanted) = failing.number(named.metric) else {
            continue;
        };
        changes.push(Change {
            target: Target::Cgroup(named.files[0].to_owned()),
            from: failing.observation.value(named.metric).map(Value::to_string),
            to: match wanted {
                Number::Unlimited => "max".to_owned(),
                Number::Finite(wanted) => wanted.to_string(),
            },
            scope: Scope::Cgroup,
            hard: None,
        });
        lines.extend(shell(named, wanted, failing.cx));
    }
    if changes.is_empty() {
        return decided("Choose a limit: the rule says only what it may not be.");
    }
    let (reach, because) = match failing.cx.host.engine() {
        Some(_) => (Reach::Runtime, "the runtime made this cgroup"),
        None => (
            Reach::Privileged,
            "whoever made the cgroup sets its limits; of a service, its unit",
        ),
    };
    let lines = (!lines.is_empty()).then(|| (Dialect::Host, lines.join("\n")));
    Proposal {
        reach,
        because: because.to_owned(),
        changes,
        remedies: Vec::from_iter(lines),
    }
}

/// On a host: the unit that the tightest cgroup belongs to is asked for more; a cgroup of nobody's is written to.
fn shell(named: &Named, wanted: Number, cx: &Context<'_>) -> Option<String> {
    let tree = cx.host.cgroup(named.controller).ok()??;
    let file = named.files[usize::from(!tree.unified)];
    let found = cx.host.tightest(&tree, file, number).ok()??;
    let name = found.directory.rsplit('/').next().unwrap_or_default();
    if [".service", ".scope", ".slice"].iter().any(|end| name.ends_with(end)) {
        let to = match wanted {
            Number::Unlimited => "infinity".to_owned(),
            Number::Finite(wanted) => wanted.to_string(),
        };
        return Some(format!("systemctl set-property {name} {}={to}", named.property));
    }
    let to = match (wanted, file) {
        (Number::Unlimited, "memory.limit_in_bytes") => "-1".to_owned(),
        (Number::Unlimited, _) => "max".to_owned(),
        (Number::Finite(wanted), _) => wanted.to_string(),
    };
    Some(format!("echo {to} > {}/{file}", found.directory))
}

fn decided(what: &str) -> Proposal {
    Proposal::manual("whoever made the cgroup decides", what)
}

fn larger_quota(_: &Failing<'_>) -> Proposal {
    decided(
        "Give it a larger quota: --cpus of docker or podman run, resources.limits.cpu of a pod, limits.cpu.allowance of Incus or LXD, CPUQuota= of a unit.",
    )
}

fn other_hierarchy(_: &Failing<'_>) -> Proposal {
    decided("Boot with the other cgroup hierarchy: systemd.unified_cgroup_hierarchy=1 on the kernel's command line.")
}

fn told(found: Result<Value, Reading>) -> Reading {
    found.map_or_else(|reading| reading, Reading::Value)
}

fn pids_max((): &(), cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    let found = cx.host.cgroup("pids").and_then(|tree| match tree {
        Some(tree) => cx.host.tightest(&tree, "pids.max", number),
        None => Ok(None),
    });
    limit(found, "pids", "limit on pids", evidence)
}

fn memory_available((): &(), cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    told(tree("memory", cx).and_then(|tree| {
        let files = match tree.unified {
            true => ["memory.max", "memory.current"],
            false => ["memory.limit_in_bytes", "memory.usage_in_bytes"],
        };
        available(&tree, files, cx, evidence)
    }))
}

fn pids_available((): &(), cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    told(tree("pids", cx).and_then(|tree| available(&tree, ["pids.max", "pids.current"], cx, evidence)))
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

fn limit(found: Result<Option<Tightest>, Failure>, controller: &str, what: &str, evidence: &mut Evidence) -> Reading {
    match found {
        Ok(Some(found)) => {
            note(&found.limit, &found.directory, what, evidence);
            Reading::Value(Value::Number(found.limit))
        }
        Ok(None) => no_controller(controller),
        Err(failure) => cannot_tell(&failure, what),
    }
}

fn note(limit: &Number, directory: &str, what: &str, evidence: &mut Evidence) {
    if *limit != Number::Unlimited {
        evidence.push(format!("the tightest {what} is at {directory}"));
    }
}

/// The least that is left at any level, by the files with the limit and with what is used.
fn available(
    tree: &Hierarchy,
    [limit, used]: [&str; 2],
    cx: &Context<'_>,
    evidence: &mut Evidence,
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
