//! What a container engine gives to containers that ask for nothing.

mod docker;
mod podman;

use super::{Context, Dialect, Docs, Kind, Metric, Observation, Proposal, Reach, Reading, Selectors};
use crate::document::shape::{Field, Shape, required};
use crate::system::{Failure, Limits, Os, Resource};
use crate::value::{Choice, Number, Type, Unit, Value};

/// A container engine's defaults: `engine = { name = "docker", nofile_hard = { max = 1048576 } }`.
#[derive(Debug)]
pub struct Engine;

static SELECTORS: &[Field] = &[required("name", Shape::OneOf(&["docker", "podman"]), "The engine.")];

static METRICS: &[Metric] = &[
    Metric::new("exists", Type::Bool, "Whether the engine is installed."),
    Metric::new(
        "nofile_soft",
        Type::Number(Unit::Count),
        "The soft limit on open files of a container that asks for none.",
    ),
    Metric::new("nofile_hard", Type::Number(Unit::Count), "The hard one."),
    Metric::new(
        "nproc_soft",
        Type::Number(Unit::Count),
        "The soft limit on processes and threads of a user, in a container that asks for none.",
    ),
    Metric::new("nproc_hard", Type::Number(Unit::Count), "The hard one of these."),
    Metric::new(
        "cgroup_driver",
        Type::Choice,
        "Who makes the cgroups of containers: `systemd` or `cgroupfs`.",
    )
    .one_of(&["systemd", "cgroupfs"]),
    Metric::new(
        "live_restore",
        Type::Bool,
        "Whether containers go on while Docker's daemon is restarted.",
    ),
    Metric::new(
        "userland_proxy",
        Type::Bool,
        "Whether Docker starts a process for each published port, that copies what the kernel could forward.",
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

/// What one engine's files and processes say.
struct Found {
    value: Value,
    evidence: String,
}

/// Why there is nothing to say.
enum Missing {
    Absent(String),
    Unreadable(String),
}

impl Kind for Engine {
    fn name(&self) -> &'static str {
        "engine"
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

    fn label(&self, selectors: &Selectors) -> String {
        selectors.text("name").unwrap_or_default().to_owned()
    }

    fn probe(&self, selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let name = self.label(selectors);
        let installed = if cx.system.platform().os == Os::Linux {
            installed(&name, cx)
        } else {
            Err(Missing::Absent("engines are looked at on Linux".to_owned()))
        };
        let mut evidence: Vec<String> = Vec::new();
        let mut read = |metric: &'static str| {
            let found = match (&installed, metric) {
                (Err(Missing::Absent(why)), _) => Err(Missing::Absent(why.clone())),
                (Err(Missing::Unreadable(why)), _) => Err(Missing::Unreadable(why.clone())),
                (Ok(there), "exists") => return Reading::Value(Value::Bool(there.is_some())),
                (Ok(Some(place)), _) if place == SNAP => Err(Missing::Unreadable(
                    "Docker is a snap here, whose configuration is kept elsewhere".to_owned(),
                )),
                (Ok(None), _) => Err(Missing::Absent(format!("{name} is not installed here"))),
                (Ok(Some(_)), _) if name == "docker" => docker::read(metric, cx),
                (Ok(Some(_)), _) => podman::read(metric, cx),
            };
            match found {
                Ok(Found { value, evidence: line }) => {
                    if !evidence.contains(&line) {
                        evidence.push(line);
                    }
                    Reading::Value(value)
                }
                Err(Missing::Absent(why)) => Reading::Absent(why),
                Err(Missing::Unreadable(why)) => Reading::Unreadable(why),
            }
        };
        let readings = wanted.iter().map(|metric| (*metric, read(metric))).collect();
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
        let name = self.label(selectors);
        if let Some((_, Some(Value::Bool(there)))) = targets.iter().find(|(metric, _)| *metric == "exists") {
            let what = if *there { "Install" } else { "Remove" };
            return Proposal::manual("only a person can", format!("{what} {name}."));
        }
        let limits = limits(targets, &name, cx);
        let text = if name == "docker" {
            docker::remedy(&limits, targets)
        } else {
            podman::remedy(&limits, targets, cx)
        };
        let Some(text) = text else {
            return Proposal::manual(
                "no single value satisfies the rule",
                format!("Choose the defaults of {name}."),
            );
        };
        let contained = cx.host.engine().is_some();
        Proposal {
            reach: if contained { Reach::Host } else { Reach::Privileged },
            because: "an engine's defaults are in its configuration".to_owned(),
            changes: Vec::new(),
            remedies: vec![(Dialect::Host, text)],
        }
    }
}

/// Docker as a snap.
const SNAP: &str = "/snap/bin/docker";

/// Where the engine's program or unit is; `None` where there is none.
fn installed(name: &str, cx: &Context<'_>) -> Result<Option<String>, Missing> {
    let program = if name == "docker" { "dockerd" } else { "podman" };
    let mut places: Vec<String> = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"]
        .iter()
        .map(|directory| format!("{directory}/{program}"))
        .collect();
    if name == "docker" {
        places.extend(["/usr/lib", "/lib", "/etc"].map(|base| format!("{base}/systemd/system/docker.service")));
        places.push(SNAP.to_owned());
    }
    for path in places {
        match cx.system.stat(&path) {
            Ok(_) => return Ok(Some(path)),
            Err(Failure::Absent) => {}
            Err(failure) => return Err(Missing::Unreadable(format!("{path}: {failure}"))),
        }
    }
    Ok(None)
}

/// The resource and the side that a metric is about.
fn limit_of(metric: &str) -> Option<(Resource, bool)> {
    let (resource, side) = metric.rsplit_once('_')?;
    Some((Resource::parse(resource)?, side == "soft"))
}

fn side(limits: &Limits, soft: bool) -> Value {
    Value::Number(if soft { limits.soft } else { limits.hard })
}

fn driver(name: &str) -> Value {
    Value::Choice(Choice {
        selected: Some(name.to_owned()),
        options: vec!["systemd".to_owned(), "cgroupfs".to_owned()],
    })
}

/// The limits to set, both sides of each.
fn limits(targets: &[(&'static str, Option<Value>)], name: &str, cx: &Context<'_>) -> Vec<(Resource, Limits)> {
    let mut found = Vec::new();
    for resource in [Resource::Nofile, Resource::Nproc] {
        let target = |soft: bool| {
            targets.iter().find_map(|(metric, value)| match value {
                Some(Value::Number(number)) if limit_of(metric) == Some((resource, soft)) => Some(*number),
                _ => None,
            })
        };
        let (soft, hard) = (target(true), target(false));
        let Some(either) = soft.or(hard) else { continue };
        let now = if name == "docker" {
            docker::limits(resource, cx)
        } else {
            podman::limits(resource, cx)
        };
        let now = now.map_or(
            Limits {
                soft: either,
                hard: either,
            },
            |(limits, _)| limits,
        );
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
        soft: count(soft.parse().ok()?),
        hard: count(hard.parse().ok()?),
    };
    Some(limits)
}

fn count(number: i128) -> Number {
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
