//! The kernel: version, command line, modules.

use super::{
    Context, Dialect, Docs, Kind, Metric, Observation, Proposal, Reach, Reading, Selectors, clock, reading_of,
};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, is_name, optional};
use crate::recording::without_secrets;
use crate::system::{Failure, Os};
use crate::value::{Type, Value};

/// The kernel: `kernel = { version = { min = "5.4" } }`, `kernel = { module = "br_netfilter", loaded = true }`.
#[derive(Debug)]
pub struct Kernel;

static SELECTORS: &[Field] = &[optional("module", Shape::Name, "The module that `loaded` is about.")];

static METRICS: &[Metric] = &[
    Metric::new(
        "version",
        Type::Version,
        "The kernel's version; what follows the numbers does not count.",
    ),
    Metric::new(
        "cmdline",
        Type::Words,
        "The words of the command line that the kernel was started with.",
    ),
    Metric::new("loaded", Type::Bool, "Whether `module` is loaded, or built in.").about("module"),
    Metric::new(
        "clocksource",
        Type::Choice,
        "The clock source in use. `clock = { source = ... }` is the same and preferred: `clock` says what reading it costs, too.",
    ),
];

static DOCS: Docs = Docs {
    summary: "The kernel's version, command line, modules and clock source.",
    text: "Versions compare by their numbers: `6.1.0-18-amd64` is 6.1. Of the command line, words can be asked for \
(`contains`, `starts_with`) or ruled out (`excludes`).\n\n\
A module counts as loaded when `/proc/modules` lists it, when `/sys/module` has it, or when the kernel's list of built-in ones \
does. In a container the host's modules are seen, and only the host can load one.",
    example: "[[rule]]\nid = \"bridge-filter\"\nseverity = \"warning\"\nkernel = { module = \"br_netfilter\", loaded = true }",
    remedies: &[
        (
            Dialect::Host,
            "modprobe NAME loads a module; a file in /etc/modules-load.d loads it at boot.",
        ),
        (
            Dialect::Boot,
            "GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub and a reboot.",
        ),
    ],
};

impl Kind for Kernel {
    fn name(&self) -> &'static str {
        "kernel"
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
        if let (Some(name), Some(place)) = (selectors.text("module"), selectors.place("module"))
            && !is_name(name)
        {
            sink.push(Diagnostic::at(place, "this cannot be the name of a module"));
        }
    }

    fn label(&self, selectors: &Selectors) -> String {
        selectors
            .text("module")
            .map_or_else(|| "kernel".to_owned(), |module| format!("module {module}"))
    }

    fn probe(&self, selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let readings = wanted
            .iter()
            .map(|metric| {
                let reading = match *metric {
                    "version" => match cx.host.kernel() {
                        Ok(version) => Reading::Value(Value::Version(version)),
                        Err(failure) => Reading::Unreadable(failure.to_string()),
                    },
                    _ if cx.system.platform().os != Os::Linux => Reading::Absent("only Linux tells of it".to_owned()),
                    "cmdline" => text("/proc/cmdline", Type::Words, cx),
                    "clocksource" => clock::source(cx),
                    _ => match selectors.text("module") {
                        Some(module) => loaded(module, cx),
                        None => Reading::Unreadable("the rule names no `module`".to_owned()),
                    },
                };
                (*metric, reading)
            })
            .collect();
        vec![Observation {
            subject: self.label(selectors),
            readings,
            evidence: Vec::new(),
        }]
    }

    fn propose(
        &self,
        selectors: &Selectors,
        observation: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Proposal {
        let module = selectors.text("module").unwrap_or_default();
        let _ = observation;
        let contained = cx.host.engine().is_some();
        match targets.first() {
            Some(("loaded", Some(Value::Bool(true)))) => Proposal {
                reach: if contained { Reach::Host } else { Reach::Privileged },
                because: "loading a module takes root on the host".to_owned(),
                changes: Vec::new(),
                remedies: vec![
                    (Dialect::Host, format!("sudo modprobe {module}")),
                    (Dialect::Persist, format!("/etc/modules-load.d/60-runup.conf: {module}")),
                ],
            },
            Some(("loaded", _)) => Proposal {
                reach: if contained { Reach::Host } else { Reach::Privileged },
                because: "unloading a module takes root on the host".to_owned(),
                changes: Vec::new(),
                remedies: vec![(Dialect::Host, format!("sudo modprobe -r {module}"))],
            },
            Some(("cmdline", _)) => Proposal {
                reach: Reach::Boot,
                because: "the command line is read at boot".to_owned(),
                changes: Vec::new(),
                remedies: vec![(
                    Dialect::Boot,
                    "Change GRUB_CMDLINE_LINUX in /etc/default/grub, run update-grub, and reboot.".to_owned(),
                )],
            },
            Some(("clocksource", value)) => clock::another_source(value.as_ref(), cx),
            _ => Proposal::manual("another kernel is needed", "Install another kernel, and reboot."),
        }
    }
}

fn text(path: &str, kind: Type, cx: &Context<'_>) -> Reading {
    let text = cx.text(path).map(|text| match path {
        // What is neither recorded nor shown cannot be compared either: a recording gives the same report.
        "/proc/cmdline" => String::from_utf8_lossy(&without_secrets(text.as_bytes())).into_owned(),
        _ => text,
    });
    match text.map(|text| kind.parse(&text)) {
        Ok(Ok(value)) => Reading::Value(value),
        Ok(Err(error)) => Reading::Unreadable(format!("{path}: {error}")),
        Err(reading) => reading,
    }
}

/// Module names use `_` and `-` alike.
fn loaded(module: &str, cx: &Context<'_>) -> Reading {
    let name = module.replace('-', "_");
    let answer = |loaded: bool| Reading::Value(Value::Bool(loaded));
    let in_sys = cx.system.stat(&format!("/sys/module/{name}"));
    if in_sys.is_ok() {
        return answer(true);
    }
    let built_in = match &cx.system.platform().release {
        Some(release) => cx.host.told(&format!("/lib/modules/{release}/modules.builtin")),
        None => Err(Failure::untold("which kernel this is")),
    };
    let is_built_in = built_in.as_ref().ok().and_then(Option::as_ref).is_some_and(|list| {
        list.lines().any(|line| {
            let file = line.rsplit('/').next().unwrap_or(line);
            file.strip_suffix(".ko")
                .is_some_and(|file| file.replace('-', "_") == name)
        })
    });
    if is_built_in {
        return answer(true);
    }
    let in_proc = cx.host.told("/proc/modules");
    let is_listed = |text: &String| text.lines().any(|line| line.split(' ').next() == Some(name.as_str()));
    match (&in_proc, in_sys) {
        (Ok(Some(text)), _) if is_listed(text) => answer(true),
        // What is built in and has parameters is in /sys alone, so that both must have been asked. A kernel without modules has
        // everything built in, and nothing else.
        (Ok(_), Err(Failure::Absent)) => answer(false),
        (Ok(_), Err(failure)) => reading_of(&failure, &format!("/sys/module/{name}")),
        (Err(failure), _) => reading_of(failure, "/proc/modules"),
        (Ok(_), Ok(_)) => answer(true),
    }
}
