//! Processors: how many are usable, and what changes their speed.

use super::{
    Change, Context, Dialect, Docs, Intent, Kind, Metric, Observation, Proposal, Reading, Scope, Selectors, Target,
    reach, reading_of,
};
use crate::document::shape::Field;
use crate::failure::Why;
use crate::system::{Failure, Os};
use crate::value::{Type, Unit, Value};

/// Processors: `cpu = { governor = "performance" }`.
#[derive(Debug)]
pub struct Cpu;

static METRICS: &[Metric] = &[
    Metric::new(
        "usable",
        Type::Number(Unit::Count),
        "Processors that this process can keep busy: online, allowed by its affinity, and within the cgroup's quota rounded up.",
    ),
    Metric::new(
        "governor",
        Type::Text,
        "The frequency governor of all processors; where they differ, each name once.",
    ),
    Metric::new(
        "driver",
        Type::Text,
        "The frequency driver: `intel_pstate`, `acpi-cpufreq`.",
    ),
    Metric::new("turbo", Type::Bool, "Whether processors may exceed their base clock."),
    Metric::new("smt", Type::Bool, "Whether two threads share a core."),
];

static DOCS: Docs = Docs {
    summary: "Processors: how many are usable, governor, turbo, SMT.",
    text: "`usable` is what a program can really keep busy, which is less than what the machine has where affinity or a cgroup's \
quota limits it.\n\n\
`governor` and `driver` come from cpufreq; a virtual machine has none, and the rule does not apply there: the host decides. \
`turbo` is intel_pstate's `no_turbo` turned round, or cpufreq's `boost`. A governor belongs to the host, and is set for all \
processors at once.",
    example: "[[rule]]\nid = \"steady-clock\"\nseverity = \"warning\"\ncpu = { governor = \"performance\", turbo = false }",
    remedies: &[
        (
            Dialect::Host,
            "cpupower frequency-set -g performance, or echo into scaling_governor of each processor.",
        ),
        (
            Dialect::Docker,
            "--cpus and --cpuset-cpus for usable processors; governor, turbo and SMT on the host.",
        ),
        (
            Dialect::Kubernetes,
            "resources.limits.cpu for usable processors; the rest on the node.",
        ),
    ],
};

const CPUS: &str = "/sys/devices/system/cpu";

impl Kind for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
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
        "processors".to_owned()
    }

    fn probe(&self, _selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let mut evidence = Vec::new();
        let readings = wanted
            .iter()
            .map(|metric| (*metric, read(metric, cx, &mut evidence)))
            .collect();
        vec![Observation {
            subject: "processors".to_owned(),
            readings,
            evidence,
        }]
    }

    fn propose(
        &self,
        _selectors: &Selectors,
        _observation: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Proposal {
        let mut changes = Vec::new();
        // The governor goes before turbo: some drivers decide about the one when the other is set.
        for (metric, target) in targets {
            match (*metric, target) {
                ("governor", Some(Value::Text(governor))) => {
                    let policies = policies(cx).unwrap_or_default();
                    let offered = policies
                        .first()
                        .and_then(|policy| cx.host.text(&format!("{policy}/scaling_available_governors")).ok());
                    if let Some(offered) = offered.filter(|offered| !offered.split(' ').any(|name| name == governor)) {
                        return Proposal::manual(
                            format!("this machine does not offer the governor `{governor}`"),
                            format!("The governors here are {offered}."),
                        );
                    }
                    for policy in policies {
                        let path = format!("{policy}/scaling_governor");
                        let from = cx.host.text(&path).ok();
                        if cx.intent != Intent::Fix || from.as_deref() != Some(governor) {
                            changes.push(change(path, from, governor));
                        }
                    }
                }
                ("turbo", Some(Value::Bool(on))) => {
                    let (path, word) = match cx.system.stat(&format!("{CPUS}/intel_pstate/no_turbo")) {
                        Ok(_) => (format!("{CPUS}/intel_pstate/no_turbo"), if *on { "0" } else { "1" }),
                        Err(_) => (format!("{CPUS}/cpufreq/boost"), if *on { "1" } else { "0" }),
                    };
                    let from = cx.host.text(&path).ok();
                    changes.push(change(path, from, word));
                }
                ("smt", Some(Value::Bool(on))) => {
                    let path = format!("{CPUS}/smt/control");
                    let from = cx.host.text(&path).ok();
                    changes.push(change(path, from, if *on { "on" } else { "off" }));
                }
                _ => {}
            }
        }
        let Some(Target::Sysfs(path)) = changes.first().map(|change| change.target.clone()) else {
            let what = match targets.first().map(|(metric, _)| *metric) {
                Some("usable") => {
                    "Give it more processors: --cpus of docker run, resources.limits.cpu of a pod, CPUQuota= of a unit, or a larger machine."
                }
                Some("driver") => {
                    "The frequency driver is chosen on the kernel's command line: intel_pstate=disable, amd_pstate=active."
                }
                _ => "Nothing here can be set.",
            };
            return Proposal::manual("no setting does it", what);
        };
        let (reach, because) = reach::of_host_file(&path, cx);
        Proposal {
            reach,
            because,
            changes,
            remedies: Vec::new(),
        }
    }
}

fn change(path: String, from: Option<String>, to: &str) -> Change {
    Change {
        target: Target::Sysfs(path),
        from,
        to: to.to_owned(),
        scope: Scope::Host,
        hard: None,
    }
}

/// The directories of the frequency policies, each for one processor or several that share a clock.
fn policies(cx: &Context<'_>) -> Result<Vec<String>, Failure> {
    let names = match cx.system.list(&format!("{CPUS}/cpufreq")) {
        // Without a driver there is no such directory.
        Err(Failure::Absent) => Vec::new(),
        other => other?,
    };
    let mut policies: Vec<String> = names
        .iter()
        .filter(|name| name.starts_with("policy"))
        .map(|name| format!("{CPUS}/cpufreq/{name}"))
        .collect();
    // In the order of the processors, not of the digits.
    policies.sort_by_key(|path| (path.len(), path.clone()));
    Ok(policies)
}

fn read(metric: &str, cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
    if metric == "usable" {
        if let Ok(Some(quota)) = cx.host.cpu_limit()
            && quota.limit.finite().is_some()
        {
            let shown = Unit::Centipercent.show(quota.limit.finite().unwrap_or(0), 4096);
            evidence.push(format!(
                "the cgroup {} has a quota of {shown} of one processor",
                quota.directory
            ));
        }
        // What limits this process may be out of sight.
        let cpus = match cx.host.cpu_limit() {
            Err(failure @ Failure::CannotTell(Why::NotMounted(_))) => Err(failure),
            _ => cx.host.cpus(),
        };
        return match cpus {
            Ok(cpus) => Reading::Value(Value::number(i128::from(cpus))),
            Err(failure) => Reading::Unreadable(format!("the number of processors: {failure}")),
        };
    }
    if cx.system.platform().os != Os::Linux {
        return Reading::Absent("this system has no cpufreq".to_owned());
    }
    match metric {
        "governor" | "driver" => {
            let file = if metric == "governor" {
                "scaling_governor"
            } else {
                "scaling_driver"
            };
            let mut names: Vec<String> = Vec::new();
            let policies = match policies(cx) {
                Ok(policies) => policies,
                Err(failure) => return reading_of(&failure, &format!("{CPUS}/cpufreq")),
            };
            for policy in policies {
                match cx.host.text(&format!("{policy}/{file}")) {
                    Ok(name) => {
                        if !names.contains(&name) {
                            names.push(name);
                        }
                    }
                    // A processor that went offline takes its policy along.
                    Err(Failure::Absent) => {}
                    Err(failure) => return reading_of(&failure, &format!("{policy}/{file}")),
                }
            }
            if names.is_empty() {
                return Reading::Absent(
                    "this machine has no cpufreq: the hypervisor or the firmware decides".to_owned(),
                );
            }
            Reading::Value(Value::Text(names.join(" ")))
        }
        "turbo" => match switch(&format!("{CPUS}/intel_pstate/no_turbo"), cx) {
            Reading::Value(Value::Bool(off)) => Reading::Value(Value::Bool(!off)),
            Reading::Absent(_) => switch(&format!("{CPUS}/cpufreq/boost"), cx),
            other => other,
        },
        _ => switch(&format!("{CPUS}/smt/active"), cx),
    }
}

fn switch(path: &str, cx: &Context<'_>) -> Reading {
    match cx.text(path).map(|text| Type::Bool.parse(&text)) {
        Ok(Ok(value)) => Reading::Value(value),
        Ok(Err(error)) => Reading::Unreadable(format!("{path}: {error}")),
        Err(reading) => reading,
    }
}
