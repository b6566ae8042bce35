//! Processors: how many are usable, and what changes their speed.

mod layout;

use super::{
    Change, Context, Dialect, Docs, Evidence, Failing, Found, Intent, Metric, Proposal, Reading, Row, Scope, Selectors,
    Table, Target, Way, reach, reading_of,
};
use crate::failure::Why;
use crate::system::{Failure, Os};
use crate::value::{Type, Unit, Value};

/// Processors: `cpu = { governor = "performance" }`.
#[derive(Debug)]
pub struct Cpu;

/// In the order in which they are written: some drivers decide about turbo when the governor is set.
static ROWS: &[Row<()>] = &[
    Row::new(
        Metric::new(
            "usable",
            Type::Number(Unit::Count),
            "Processors that this process can keep busy: online, allowed by its affinity, and within the cgroup's quota rounded up.",
        ).said("{} usable"),
        usable,
        Way::Own(|_| {
            no_setting(
                "Give it more processors: --cpus of docker or podman run, resources.limits.cpu of a pod, limits.cpu of Incus or LXD, CPUQuota= of a unit, or a larger machine.",
            )
        }),
    ),
    Row::new(
        Metric::new(
            "governor",
            Type::Text,
            "The frequency governor of all processors; where they differ, each name once.",
        ).said("governor {}"),
        |(), cx, _| of_policies("scaling_governor", cx),
        Way::Own(set_governor),
    ),
    Row::new(
        Metric::new(
            "driver",
            Type::Text,
            "The frequency driver: `intel_pstate`, `acpi-cpufreq`.",
        ).said("frequency driver {}"),
        |(), cx, _| of_policies("scaling_driver", cx),
        Way::Own(|_| {
            no_setting(
                "The frequency driver is chosen on the kernel's command line: intel_pstate=disable, amd_pstate=active.",
            )
        }),
    ),
    Row::new(
        Metric::new("turbo", Type::Bool, "Whether processors may exceed their base clock.").switch("turbo on", "turbo off"),
        turbo,
        Way::Own(set_turbo),
    ),
    Row::new(
        Metric::new("smt", Type::Bool, "Whether two threads share a core.").switch("SMT on", "SMT off"),
        |(), cx, _| layout::smt(cx),
        Way::Own(set_smt),
    ),
];

static DOCS: Docs = Docs {
    summary: "Processors: how many are usable, governor, turbo, SMT.",
    text: "`usable` is what a program can really keep busy, which is less than what the machine has where affinity or a cgroup's \
quota limits it.\n\n\
`governor` and `driver` come from cpufreq, of kernels before 4.3 from each processor's own directory; a virtual machine has none, and the rule does not apply there: the host decides. \
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

impl Table for Cpu {
    type Seen = ();

    const NAME: &'static str = "cpu";
    const DOCS: &'static Docs = &DOCS;
    const ROWS: &'static [Row<()>] = ROWS;

    fn label(&self, _selectors: &Selectors) -> String {
        "processors".to_owned()
    }

    fn look(&self, _selectors: &Selectors, _cx: &Context<'_>) -> Vec<Found<()>> {
        vec![Found::new("processors", Ok(()))]
    }
}

fn no_setting(what: &str) -> Proposal {
    Proposal::manual("no setting does it", what)
}

fn set_governor(failing: &Failing<'_>) -> Proposal {
    let cx = failing.cx;
    let Some(Value::Text(governor)) = failing.target() else {
        return written(Vec::new(), cx);
    };
    let policies = layout::policies(cx).unwrap_or_default();
    let offered = policies
        .first()
        .and_then(|policy| cx.host.text(&format!("{policy}/scaling_available_governors")).ok());
    if let Some(offered) = offered.filter(|offered| !offered.split(' ').any(|name| name == governor)) {
        return Proposal::manual(
            format!("this machine does not offer the governor `{governor}`"),
            format!("The governors here are {offered}."),
        );
    }
    let changes = policies
        .iter()
        .map(|policy| change(format!("{policy}/scaling_governor"), governor, cx));
    let is_needed = |change: &Change| cx.intent != Intent::Fix || change.from.as_ref() != Some(governor);
    written(changes.filter(is_needed).collect(), cx)
}

fn set_turbo(failing: &Failing<'_>) -> Proposal {
    let cx = failing.cx;
    let changes = failing.switch("turbo").map(|on| {
        let off_switch = format!("{CPUS}/intel_pstate/no_turbo");
        match cx.system.stat(&off_switch) {
            Ok(_) => change(off_switch, if on { "0" } else { "1" }, cx),
            Err(_) => change(format!("{CPUS}/cpufreq/boost"), if on { "1" } else { "0" }, cx),
        }
    });
    written(Vec::from_iter(changes), cx)
}

fn set_smt(failing: &Failing<'_>) -> Proposal {
    if !layout::has_smt_switch(failing.cx) {
        return Proposal::manual(
            "this kernel has no switch for it",
            "Turn SMT (Hyper-Threading) on or off in the firmware; or take the second thread of each core off line: \
             `echo 0 | sudo tee /sys/devices/system/cpu/cpuN/online`, for those that topology/thread_siblings_list names.",
        );
    }
    let word = |on| if on { "on" } else { "off" };
    let changes = failing
        .switch("smt")
        .map(|on| change(format!("{CPUS}/smt/control"), word(on), failing.cx));
    written(Vec::from_iter(changes), failing.cx)
}

/// Changes of one setting, all of which can be made where the first one can.
fn written(changes: Vec<Change>, cx: &Context<'_>) -> Proposal {
    let Some(first) = changes.first() else {
        return no_setting("Nothing here can be set.");
    };
    let (reach, because) = reach::of_host_file(first.target.name(), cx);
    Proposal {
        reach,
        because,
        changes,
        remedies: Vec::new(),
    }
}

fn change(path: String, to: &str, cx: &Context<'_>) -> Change {
    Change {
        from: cx.host.text(&path).ok(),
        target: Target::Sysfs(path),
        to: to.to_owned(),
        scope: Scope::Host,
        hard: None,
    }
}

fn usable((): &(), cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    if let Ok(Some(quota)) = cx.host.cpu_limit()
        && let Some(share) = quota.limit.finite()
    {
        let shown = Unit::Centipercent.show(share, 4096);
        evidence.push(format!(
            "the cgroup {} has a quota of {shown} of one processor",
            quota.directory
        ));
    }
    // What limits this process may be out of sight.
    let cpus = match cx.host.cpu_limit() {
        Err(failure @ Failure::CannotTell(Why::NotMounted(_))) => Err(failure),
        Ok(_) | Err(_) => cx.host.cpus(),
    };
    match cpus {
        Ok(cpus) => Reading::Value(Value::number(i128::from(cpus))),
        Err(failure) => Reading::Unreadable(format!("the number of processors: {failure}")),
    }
}

/// Linux alone has files about this.
fn is_told(cx: &Context<'_>) -> Result<(), Reading> {
    match cx.system.platform().os {
        Os::Linux => Ok(()),
        Os::Macos | Os::Freebsd => Err(Reading::Absent("this system has no cpufreq".to_owned())),
    }
}

/// What a file says in the directories of all policies, each word once.
fn of_policies(file: &str, cx: &Context<'_>) -> Reading {
    let policies = is_told(cx)
        .and_then(|()| layout::policies(cx).map_err(|failure| reading_of(&failure, &format!("{CPUS}/cpufreq"))));
    let policies = match policies {
        Ok(policies) => policies,
        Err(reading) => return reading,
    };
    let mut names: Vec<String> = Vec::new();
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
        return Reading::Absent("this machine has no cpufreq: the hypervisor or the firmware decides".to_owned());
    }
    Reading::Value(Value::Text(names.join(" ")))
}

fn turbo((): &(), cx: &Context<'_>, _: &mut Evidence) -> Reading {
    match switch(&format!("{CPUS}/intel_pstate/no_turbo"), cx) {
        Reading::Value(Value::Bool(off)) => Reading::Value(Value::Bool(!off)),
        Reading::Absent(_) => switch(&format!("{CPUS}/cpufreq/boost"), cx),
        other => other,
    }
}

fn switch(path: &str, cx: &Context<'_>) -> Reading {
    let text = is_told(cx).and_then(|()| cx.text(path));
    match text.map(|text| Type::Bool.parse(&text)) {
        Ok(Ok(value)) => Reading::Value(value),
        Ok(Err(error)) => Reading::Unreadable(format!("{path}: {error}")),
        Err(reading) => reading,
    }
}
