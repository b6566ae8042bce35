//! What a container engine gives to containers that ask for nothing.

mod docker;
mod podman;

use super::{
    Context, Dialect, Docs, Evidence, Failing, Found, Joint, Metric, Proposal, Reading, Row, Selectors, Side, Table,
    Way, reach,
};
use crate::document::shape::{Field, Shape, required};
use crate::system::{Failure, Limits, Os, Resource};
use crate::value::{Choice, Number, Type, Unit, Value};

/// A container engine's defaults: `engine = { name = "docker", nofile_hard = { max = 1048576 } }`.
#[derive(Debug)]
pub struct Engine;

static SELECTORS: &[Field] = &[required("name", Shape::OneOf(&["docker", "podman"]), "The engine.")];

/// The metrics of the limits, as soft and hard.
static LIMITS: [(Resource, [&str; 2]); 2] = [
    (Resource::Nofile, ["nofile_soft", "nofile_hard"]),
    (Resource::Nproc, ["nproc_soft", "nproc_hard"]),
];

/// All defaults stand in one file.
static DEFAULTS: Joint = Joint(defaults);

type Read = fn(&Seen, &Context<'_>, &mut Evidence) -> Reading;

const fn default(metric: Metric, read: Read) -> Row<Seen> {
    Row::new(metric, read, Way::Joint(&DEFAULTS))
}

const fn count(name: &'static str, doc: &'static str) -> Metric {
    Metric::new(name, Type::Number(Unit::Count), doc)
}

static ROWS: &[Row<Seen>] = &[
    Row::new(
        Metric::new("exists", Type::Bool, "Whether the engine is installed.").switch("installed", "not installed"),
        |seen, _, _| Reading::Value(Value::Bool(seen.place.is_some())),
        Way::Own(install),
    ),
    default(
        count(
            "nofile_soft",
            "The soft limit on open files of a container that asks for none.",
        )
        .said("soft limit on open files {}"),
        |seen, cx, evidence| limit(Resource::Nofile, Side::Soft, seen, cx, evidence),
    ),
    default(
        count("nofile_hard", "The hard one.").said("hard limit on open files {}"),
        |seen, cx, evidence| limit(Resource::Nofile, Side::Hard, seen, cx, evidence),
    ),
    default(
        count(
            "nproc_soft",
            "The soft limit on processes and threads of a user, in a container that asks for none.",
        )
        .said("soft limit on processes {}"),
        |seen, cx, evidence| limit(Resource::Nproc, Side::Soft, seen, cx, evidence),
    ),
    default(
        count("nproc_hard", "The hard one of these.").said("hard limit on processes {}"),
        |seen, cx, evidence| limit(Resource::Nproc, Side::Hard, seen, cx, evidence),
    ),
    default(
        Metric::new(
            "cgroup_driver",
            Type::Choice,
            "Who makes the cgroups of containers: `systemd` or `cgroupfs`.",
        )
        .said("cgroup driver {}")
        .one_of(&["systemd", "cgroupfs"]),
        |seen, cx, evidence| {
            seen.tell(evidence, |engine| match engine {
                Name::Docker => docker::cgroup_driver(cx),
                Name::Podman => podman::cgroup_driver(cx),
            })
        },
    ),
    default(
        Metric::new(
            "live_restore",
            Type::Bool,
            "Whether containers go on while Docker's daemon is restarted.",
        )
        .switch("live restore on", "live restore off"),
        |seen, cx, evidence| switch(&docker::LIVE_RESTORE, seen, cx, evidence),
    ),
    default(
        Metric::new(
            "userland_proxy",
            Type::Bool,
            "Whether Docker starts a process for each published port, that copies what the kernel could forward.",
        )
        .switch("userland proxy on", "userland proxy off"),
        |seen, cx, evidence| switch(&docker::USERLAND_PROXY, seen, cx, evidence),
    ),
];

static DOCS: Docs = Docs {
    summary: "What a container engine gives to containers that ask for nothing.",
    text: "Docker: `/etc/docker/daemon.json` and the options in its unit. Where neither sets `default-ulimits`, a container has \
what the process has that starts it, which is containerd, where that is a service of its own, and not Docker's daemon: the \
limits of the running one, else those that its unit would get.\n\n\
Podman: containers.conf with its drop-ins, for an ordinary user those of the home directory too. Where nothing is set a container \
gets 1048576 open files and processes, or what the user may have where that is less. Podman has no daemon, so `live_restore` and \
`userland_proxy` are n/a.\n\n\
Too few open files stop a busy server; a limit of a thousand million makes old programs that close every possible descriptor at \
start take minutes. An engine that is not installed is n/a, but for `exists`.",
    example: "[[rule]]\nid = \"container-files\"\nseverity = \"warning\"\nengine = { name = \"docker\", nofile_hard = { max = 1048576 } }",
    remedies: &[
        (
            Dialect::Host,
            "default-ulimits in /etc/docker/daemon.json, then systemctl restart docker; default_ulimits in a file below \
             /etc/containers/containers.conf.d.",
        ),
        (Dialect::Docker, "--ulimit nofile=SOFT:HARD for one container."),
    ],
};

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Docker,
    Podman,
}

impl Name {
    /// The selector takes no other name.
    fn of(selectors: &Selectors) -> Self {
        match selectors.text("name") {
            Some("docker") => Name::Docker,
            Some(_) | None => Name::Podman,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Name::Docker => "docker",
            Name::Podman => "podman",
        }
    }
}

/// What an engine's files and processes say of a default, with the line or the process that says it; else the reading that comes of it.
type Told<T> = Result<(T, String), Reading>;

/// An engine, and where its program or unit is.
#[derive(Debug)]
pub struct Seen {
    name: Name,
    /// `None` where it is not installed.
    place: Option<String>,
}

impl Seen {
    /// Reads a default of an engine that is there. What two of them come from is said once.
    fn tell(&self, evidence: &mut Evidence, read: impl FnOnce(Name) -> Told<Value>) -> Reading {
        let told = match self.place.as_deref() {
            Some(SNAP) => Err(Reading::Unreadable(
                "Docker is a snap here, whose configuration is kept elsewhere".to_owned(),
            )),
            Some(_) => read(self.name),
            None => Err(Reading::Absent(format!("{} is not installed here", self.name.text()))),
        };
        match told {
            Ok((value, line)) => {
                if !evidence.contains(&line) {
                    evidence.push(line);
                }
                Reading::Value(value)
            }
            Err(reading) => reading,
        }
    }
}

impl Table for Engine {
    type Seen = Seen;

    const NAME: &'static str = "engine";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Seen>] = ROWS;

    fn label(&self, selectors: &Selectors) -> String {
        selectors.text("name").unwrap_or_default().to_owned()
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Seen>> {
        let name = Name::of(selectors);
        let seen = match cx.system.platform().os {
            Os::Linux => installed(name, cx).map(|place| Seen { name, place }),
            Os::Macos | Os::Freebsd => Err(Reading::Absent("engines are looked at on Linux".to_owned())),
        };
        vec![Found::new(name.text(), seen)]
    }
}

fn limit(resource: Resource, side: Side, seen: &Seen, cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    seen.tell(evidence, |engine| {
        let (limits, line) = limits(engine, resource, cx)?;
        let number = match side {
            Side::Soft => limits.soft,
            Side::Hard => limits.hard,
        };
        Ok((Value::Number(number), line))
    })
}

fn switch(switch: &docker::Switch, seen: &Seen, cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    seen.tell(evidence, |engine| match engine {
        Name::Docker => switch.read(cx),
        Name::Podman => Err(Reading::Absent("podman has no daemon".to_owned())),
    })
}

/// The limits of a container, and where they come from.
fn limits(engine: Name, resource: Resource, cx: &Context<'_>) -> Told<Limits> {
    match engine {
        Name::Docker => docker::limits(resource, cx),
        Name::Podman => podman::limits(resource, cx),
    }
}

fn install(failing: &Failing<'_>) -> Proposal {
    let name = Name::of(failing.selectors).text();
    match failing.switch("exists") {
        Some(true) => Proposal::manual("only a person can", format!("Install {name}.")),
        Some(false) => Proposal::manual("only a person can", format!("Remove {name}.")),
        None => no_value(name),
    }
}

fn no_value(name: &str) -> Proposal {
    Proposal::manual(
        "no single value satisfies the rule",
        format!("Choose the defaults of {name}."),
    )
}

fn defaults(failing: &Failing<'_>) -> Proposal {
    let engine = Name::of(failing.selectors);
    let limits = asked(engine, failing);
    let text = match engine {
        Name::Docker => docker::remedy(&limits, failing),
        Name::Podman => podman::remedy(&limits, failing),
    };
    let Some(text) = text else {
        return no_value(engine.text());
    };
    Proposal {
        reach: reach::of_commands(failing.cx),
        because: "an engine's defaults are in its configuration".to_owned(),
        changes: Vec::new(),
        remedies: vec![(Dialect::Host, text)],
    }
}

/// Docker as a snap.
const SNAP: &str = "/snap/bin/docker";

/// Where the engine's program or unit is; `None` where there is none.
fn installed(engine: Name, cx: &Context<'_>) -> Result<Option<String>, Reading> {
    let program = match engine {
        Name::Docker => "dockerd",
        Name::Podman => "podman",
    };
    let mut places: Vec<String> = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"]
        .iter()
        .map(|directory| format!("{directory}/{program}"))
        .collect();
    if engine == Name::Docker {
        places.extend(["/usr/lib", "/lib", "/etc"].map(|base| format!("{base}/systemd/system/docker.service")));
        places.push(SNAP.to_owned());
    }
    for path in places {
        match cx.system.stat(&path) {
            Ok(_) => return Ok(Some(path)),
            Err(Failure::Absent) => {}
            Err(failure) => return Err(Reading::Unreadable(format!("{path}: {failure}"))),
        }
    }
    Ok(None)
}

fn driver(name: &str) -> Value {
    Value::Choice(Choice {
        selected: Some(name.to_owned()),
        options: vec!["systemd".to_owned(), "cgroupfs".to_owned()],
    })
}

/// The limits to set, both sides of each.
fn asked(engine: Name, failing: &Failing<'_>) -> Vec<(Resource, Limits)> {
    let mut found = Vec::new();
    for (resource, [soft, hard]) in LIMITS {
        let (soft, hard) = (failing.number(soft), failing.number(hard));
        let Some(either) = soft.or(hard) else { continue };
        let alike = Limits {
            soft: either,
            hard: either,
        };
        let now = limits(engine, resource, failing.cx).map_or(alike, |(limits, _)| limits);
        let (soft, hard) = super::bounds::together(soft, hard, &now);
        let limits = Limits {
            soft: soft.unwrap_or(now.soft),
            hard: hard.unwrap_or(now.hard),
        };
        found.push((resource, limits));
    }
    found
}

/// `SOFT:HARD` as the engines take it, with -1 for no limit.
fn pair(text: &str) -> Option<Limits> {
    let (soft, hard) = text.split_once(':').unwrap_or((text, text));
    let limits = Limits {
        soft: number(soft.parse().ok()?),
        hard: number(hard.parse().ok()?),
    };
    Some(limits)
}

fn number(number: i128) -> Number {
    if number < 0 {
        Number::Unlimited
    } else {
        Number::Finite(number)
    }
}

/// The same as a number for the engine.
fn written(number: Number) -> i128 {
    number.finite().unwrap_or(-1)
}
