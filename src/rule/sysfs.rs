//! Switches under `/sys`.

use super::{
    Change, Context, Dialect, Docs, Failing, Found, Metric, Proposal, Reach, Reading, Row, Scope, Selectors, Table,
    Target, Way, glob, reach, reading_of,
};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, optional, required};
use crate::system::{Failure, Os};
use crate::value::{Type, Unit, Value};

/// Switches under `/sys`: `sysfs = { path = "kernel/mm/transparent_hugepage/enabled", not = "always" }`.
#[derive(Debug)]
pub struct Sysfs;

static SELECTORS: &[Field] = &[
    required(
        "path",
        Shape::Text,
        "The attribute's path below /sys. `*` stands for any run of characters within a segment, `{sd*,nvme*}` for either.",
    ),
    optional(
        "known",
        Shape::Bool,
        "The path is right though runup does not know it: where it is missing, the rule does not apply.",
    ),
];

static ROWS: &[Row<Value>] = &[Row::new(
    Metric::untyped(
        "",
        "The value of the attribute; of a bracketed choice, the selected word.",
    ),
    |value, _, _| Reading::Value(value.clone()),
    Way::Own(write),
)];

static DOCS: Docs = Docs {
    summary: "A switch under /sys: huge pages, I/O schedulers, clock sources.",
    text: "Reads an attribute below `/sys`, and nothing outside it. `always [madvise] never` is a choice whose value is the \
bracketed word; a number is compared as a number.\n\n\
With a pattern, every match is a finding of its own, and no match is `n/a`: a machine without such a disk is fine.\n\n\
Attributes belong to the whole host, so a container can look and not change. Only attributes that are known to be switches are \
ever written; nothing under `/sys/power`, no driver's `bind` or `unbind`, no firmware variables.",
    example: "[[rule]]\nid = \"huge-pages\"\nseverity = \"warning\"\nsysfs = { path = \"kernel/mm/transparent_hugepage/enabled\", not = \"always\", prefer = \"madvise\" }",
    remedies: &[
        (
            Dialect::Host,
            "echo VALUE | sudo tee /sys/PATH sets it until the next boot; a line in /etc/tmpfiles.d makes it last.",
        ),
        (Dialect::Docker, "A container cannot set it: on the host."),
        (Dialect::Kubernetes, "A pod cannot set it: on the node."),
    ],
};

/// Attributes that a fix may write, below `/sys`.
const WRITABLE: &[&str] = &[
    "kernel/mm/transparent_hugepage/{enabled,defrag,shmem_enabled,use_zero_page}",
    "kernel/mm/transparent_hugepage/khugepaged/{defrag,max_ptes_none,max_ptes_swap,pages_to_scan,scan_sleep_millisecs,alloc_sleep_millisecs}",
    "kernel/mm/transparent_hugepage/hugepages-*/enabled",
    "kernel/mm/hugepages/hugepages-*/{nr_hugepages,nr_overcommit_hugepages}",
    "kernel/mm/ksm/{run,pages_to_scan,sleep_millisecs,merge_across_nodes}",
    "block/*/queue/{scheduler,read_ahead_kb,nomerges,nr_requests,rq_affinity,add_random,iostats,write_cache,max_sectors_kb}",
    "devices/system/clocksource/clocksource*/current_clocksource",
    "devices/system/cpu/cpu*/cpufreq/{scaling_governor,scaling_min_freq,scaling_max_freq,energy_performance_preference}",
    "devices/system/cpu/cpufreq/policy*/{scaling_governor,scaling_min_freq,scaling_max_freq,energy_performance_preference}",
    "devices/system/cpu/cpufreq/boost",
    "devices/system/cpu/intel_pstate/{no_turbo,min_perf_pct,max_perf_pct}",
    "devices/system/cpu/smt/control",
    "module/nf_conntrack/parameters/hashsize",
    "class/net/*/queues/*/{rps_cpus,rps_flow_cnt,xps_cpus}",
];

/// Whether a fix may write an attribute, given by its path below `/sys`.
#[must_use]
pub fn is_writable(path: &str) -> bool {
    WRITABLE.iter().any(|pattern| glob::segments_match(pattern, path, '/'))
}

/// The path below `/sys`, without the `/sys/` that some write in front.
fn relative(path: &str) -> &str {
    path.strip_prefix("/sys/").unwrap_or(path)
}

impl Table for Sysfs {
    type Seen = Value;

    const NAME: &'static str = "sysfs";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Value>] = ROWS;

    fn check(&self, selectors: &Selectors, _os: Os, sink: &mut Diagnostics) {
        let (Some(path), Some(place)) = (selectors.text("path"), selectors.place("path")) else {
            return;
        };
        let inside = relative(path);
        let wrong = if inside.is_empty() {
            Some("it is empty")
        } else if inside.starts_with('/') {
            Some("it is an absolute path outside /sys")
        } else if inside.contains(char::is_control) {
            Some("it contains a control character")
        } else if inside.split('/').any(|segment| segment == ".." || segment == ".") {
            Some("`.` and `..` lead outside the tree")
        } else if inside.split('/').any(str::is_empty) {
            Some("a segment between two slashes is empty")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            sink.push(
                Diagnostic::at(place, format!("this cannot be an attribute of /sys: {wrong}"))
                    .label("not a path below /sys")
                    .help("for example \"kernel/mm/transparent_hugepage/enabled\""),
            );
        }
    }

    fn type_of(&self, selectors: &Selectors, _metric: &Metric, _os: Os) -> Option<Type> {
        type_of(selectors)
    }

    fn text_type(&self) -> Type {
        Type::Choice
    }

    fn label(&self, selectors: &Selectors) -> String {
        format!("/sys/{}", relative(selectors.text("path").unwrap_or_default()))
    }

    fn sets(&self, _selectors: &Selectors, subject: &str, _metric: &str) -> Option<Target> {
        Some(Target::Sysfs(subject.to_owned()))
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Value>> {
        let path = relative(selectors.text("path").unwrap_or_default());
        if cx.system.platform().os != Os::Linux {
            let reading = Reading::Absent("there is no /sys on this system".to_owned());
            return vec![Found::new(format!("/sys/{path}"), Err(reading))];
        }
        let paths = if glob::is_pattern(path) {
            match glob::expand("/sys", path, cx) {
                Ok(paths) => paths,
                Err((directory, failure)) => {
                    let reading = reading_of(&failure, &directory);
                    return vec![Found::new(self.label(selectors), Err(reading))];
                }
            }
        } else {
            vec![path.to_owned()]
        };
        let kind = type_of(selectors);
        let found = paths.iter().map(|path| {
            let full = format!("/sys/{path}");
            let seen = match cx.system.read(&full) {
                Ok(bytes) => parse(&full, kind, &bytes),
                Err(Failure::Absent) if !selectors.flag("known") && !is_writable(path) => Err(missing(path, cx)),
                Err(failure) => Err(reading_of(&failure, &full)),
            };
            Found::new(full, seen)
        });
        found.collect()
    }
}

/// The type of the attributes whose numbers and words are known by their names.
fn type_of(selectors: &Selectors) -> Option<Type> {
    let name = selectors.text("path")?.rsplit('/').next()?;
    Some(match name {
        "read_ahead_kb" | "max_sectors_kb" => Type::Number(Unit::Kib),
        "scheduler" | "scaling_governor" | "current_clocksource" | "defrag" | "shmem_enabled" | "enabled" => {
            Type::Choice
        }
        // A list of processors, often an empty one.
        "isolated" => Type::Text,
        "nomerges" | "nr_requests" | "rotational" | "rq_affinity" | "no_turbo" | "boost" | "max_ptes_none"
        | "nr_hugepages" => Type::Number(Unit::Count),
        _ => return None,
    })
}

/// Writes the attribute, where it is known to be a switch and the kernel offers the value.
fn write(failing: &Failing<'_>) -> Proposal {
    let (observation, cx) = (failing.observation, failing.cx);
    let path = observation.subject.clone();
    let Some(value) = failing.target() else {
        return Proposal::manual(
            "the rule does not say which value is wanted",
            format!("choose a value for {path}"),
        );
    };
    // The kernel refuses a word that it does not offer, so a fix does not promise it.
    if let (Some(Value::Choice(choice)), Value::Text(word)) = (observation.value(""), value)
        && !choice.options.contains(word)
    {
        let offered = choice.options.join(", ");
        return Proposal::manual(
            format!("this kernel does not offer `{word}`"),
            format!("{path} takes {offered} on this machine"),
        );
    }
    if !is_writable(relative(&path)) {
        return Proposal::manual(
            "runup writes only attributes that it knows to be switches",
            format!("echo {value} | sudo tee {path}"),
        );
    }
    let (reach, because) = reach::of_host_file(&path, cx);
    let from = observation.value("").map(Value::kernel_form);
    let change = Change {
        target: Target::Sysfs(path),
        from,
        to: value.kernel_form(),
        scope: Scope::Host,
        hard: None,
    };
    let remedies = if reach == Reach::Boot {
        vec![(Dialect::Manual, because.clone())]
    } else {
        Vec::new()
    };
    Proposal {
        reach,
        because,
        changes: vec![change],
        remedies,
    }
}

/// An attribute that is not there and that nobody knows may be a typo, which must never be `n/a` for ever. What tells is the
/// directory: where that is there too, this kernel has such things, and this is not one of them; a device that is missing as a
/// whole is simply not in this machine.
fn missing(path: &str, cx: &Context<'_>) -> Reading {
    let full = format!("/sys/{path}");
    let top: Vec<&str> = path.split('/').collect();
    let hardware = matches!(top.first(), Some(&("block" | "class" | "bus" | "devices" | "firmware")));
    let parent = full.rsplit_once('/').map_or("", |(parent, _)| parent);
    let siblings = cx.system.list(parent);
    if hardware && siblings.is_err() {
        return Reading::Absent(format!("{full} does not exist"));
    }
    let name = top.last().copied().unwrap_or_default();
    let near = siblings
        .ok()
        .and_then(|names| crate::suggest::nearest(name, names.iter().map(String::as_str)).map(str::to_owned));
    let hint = near.map_or_else(
        || "; if the path is right, say `known = true`".to_owned(),
        |near| format!("; did you mean `{near}`?"),
    );
    Reading::Unreadable(format!(
        "{full} is not on this machine, and no attribute of this name is known{hint}"
    ))
}

fn parse(path: &str, kind: Option<Type>, bytes: &[u8]) -> Result<Value, Reading> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(Reading::Unreadable(format!("{path} is not UTF-8 text")));
    };
    let value = match kind {
        Some(kind) => kind.parse(text),
        None => Type::Number(Unit::Count)
            .parse(text)
            .or_else(|_| Type::Choice.parse(text)),
    };
    value.map_err(|error| Reading::Unreadable(format!("{path}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::is_writable;

    #[test]
    fn only_known_switches_may_be_written() {
        assert!(is_writable("kernel/mm/transparent_hugepage/enabled"));
        assert!(is_writable("block/nvme0n1/queue/scheduler"));
        for path in [
            "power/state",
            "bus/pci/drivers/e1000/unbind",
            "kernel/uevent_helper",
            "firmware/efi/efivars/x",
            "kernel/debug/x",
        ] {
            assert!(!is_writable(path), "{path}");
        }
    }
}
