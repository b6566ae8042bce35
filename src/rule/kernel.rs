//! The kernel: version, command line, modules.

use super::{
    Context, Dialect, Docs, Evidence, Failing, Found, Metric, Proposal, Reach, Reading, Row, Selectors, Table, Veil,
    Way, clock, reach, reading_of,
};
use crate::cmdline;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, is_name, optional};
use crate::system::{Failure, Os};
use crate::value::{Comparator, Comparison, Operand, Type, Value};

/// The kernel: `kernel = { version = { min = "5.4" } }`, `kernel = { module = "br_netfilter", loaded = true }`.
#[derive(Debug)]
pub struct Kernel;

static SELECTORS: &[Field] = &[optional("module", Shape::Name, "The module that `loaded` is about.")];

static ROWS: &[Row<Seen>] = &[
    Row::new(
        Metric::new(
            "version",
            Type::Version,
            "The kernel's version; what follows the numbers does not count.",
        ).said("version {}"),
        version,
        Way::Own(another_kernel),
    ),
    Row::new(
        Metric::new(
            "cmdline",
            Type::Words,
            "The words of the command line that the kernel was started with.",
        ).said("command line {}")
        .veiled(&VEIL),
        cmdline,
        Way::Own(at_boot),
    ),
    Row::new(
        Metric::new("loaded", Type::Bool, "Whether `module` is loaded, or built in.").switch("loaded", "not loaded").about("module"),
        is_loaded,
        Way::Own(load_or_unload),
    ),
    Row::new(
        Metric::new(
            "clocksource",
            Type::Choice,
            "The clock source in use. `clock = { source = ... }` is the same and preferred: `clock` says what reading it costs, too.",
        ).said("clock source {}"),
        clock::source,
        Way::Own(|failing| clock::another_source(failing.target(), failing.cx)),
    ),
];

static DOCS: Docs = Docs {
    summary: "The kernel's version, command line, modules and clock source.",
    text: "Versions compare by their numbers: `6.1.0-18-amd64` is 6.1. Of the command line, words can be asked for \
(`contains`, `starts_with`) or ruled out (`excludes`). Values of parameters that are secrets by their name (`rd.luks.key=`, \
`*.password=`) are compared, but neither shown nor recorded; from a recording a rule about one is unknown.\n\n\
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

/// The name of the module that the rule is about.
type Seen = Option<String>;

impl Table for Kernel {
    type Seen = Seen;

    const NAME: &'static str = "kernel";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Seen>] = ROWS;

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

    fn look(&self, selectors: &Selectors, _cx: &Context<'_>) -> Vec<Found<Seen>> {
        let module = selectors.text("module").map(str::to_owned);
        vec![Found::new(Table::label(self, selectors), Ok(module))]
    }
}

fn another_kernel(_: &Failing<'_>) -> Proposal {
    Proposal::manual("another kernel is needed", "Install another kernel, and reboot.")
}

fn at_boot(_: &Failing<'_>) -> Proposal {
    Proposal {
        reach: Reach::Boot,
        because: "the command line is read at boot".to_owned(),
        changes: Vec::new(),
        remedies: vec![(
            Dialect::Boot,
            "Change GRUB_CMDLINE_LINUX in /etc/default/grub, run update-grub, and reboot.".to_owned(),
        )],
    }
}

fn load_or_unload(failing: &Failing<'_>) -> Proposal {
    let module = failing.selectors.text("module").unwrap_or_default();
    let (what, remedies) = if failing.switch("loaded") == Some(true) {
        let at_boot = format!("/etc/modules-load.d/60-runup.conf: {module}");
        let now = format!("sudo modprobe {module}");
        ("loading", vec![(Dialect::Host, now), (Dialect::Persist, at_boot)])
    } else {
        let now = format!("sudo modprobe -r {module}");
        ("unloading", vec![(Dialect::Host, now)])
    };
    Proposal {
        reach: reach::outside(Reach::Privileged, failing.cx),
        because: format!("{what} a module takes root on the host"),
        changes: Vec::new(),
        remedies,
    }
}

fn version(_: &Seen, cx: &Context<'_>, _: &mut Evidence) -> Reading {
    match cx.host.kernel() {
        Ok(version) => Reading::Value(Value::Version(version)),
        Err(failure) => Reading::Unreadable(failure.to_string()),
    }
}

fn cmdline(_: &Seen, cx: &Context<'_>, _: &mut Evidence) -> Reading {
    if let Some(why) = elsewhere(cx) {
        return why;
    }
    match cx.text(CMDLINE) {
        Ok(text) => {
            let words = cmdline::words(&text).map(str::to_owned);
            Reading::Value(Value::Words(words.collect()))
        }
        Err(reading) => reading,
    }
}

/// What a parameter that is a secret is set to is compared, and neither shown nor recorded.
static VEIL: Veil = Veil {
    shown: |value| match value {
        Value::Words(words) => Value::Words(cmdline::all_shown(words)),
        Value::Text(word) => Value::Text(cmdline::shown(word)),
        other => other.clone(),
    },
    undecided,
};

/// A recording has `token=***`, which may be any value that somebody asks for.
fn undecided(asked: &Comparison, value: &Value) -> Option<String> {
    let Value::Words(seen) = value else { return None };
    let hidden = |wanted: &str| seen.iter().find(|word| cmdline::may_be(word, wanted));
    let has = |wanted: &str| seen.iter().any(|word| word == wanted && !cmdline::may_be(word, wanted));
    let texts = |operand: &Operand| -> Vec<String> {
        let values = match operand {
            Operand::Value(value) => std::slice::from_ref(value),
            Operand::Many(values) => values,
            Operand::SameParity(_) => &[],
        };
        values.iter().map(Value::to_string).collect()
    };
    let wanted = texts(&asked.operand);
    let maybe = || wanted.iter().filter(|word| !has(word)).find_map(|word| hidden(word));
    let found = match asked.comparator {
        Comparator::Contains if wanted.iter().all(|word| has(word) || hidden(word).is_some()) => maybe(),
        Comparator::Excludes if !wanted.iter().any(|word| has(word)) => maybe(),
        Comparator::StartsWith => {
            let start = wanted.first()?;
            let begins = |word: &String| word.starts_with(start.as_str()) && !cmdline::may_be(word, start);
            // A parameter's name alone can be told.
            let is_name = |word: &&String| word.strip_suffix(cmdline::HIDDEN) == Some(start);
            let is_told = seen.iter().any(|word| begins(word) || is_name(&word));
            hidden(start).filter(|_| !is_told)
        }
        Comparator::Eq | Comparator::Not => seen.iter().find(|word| {
            let name = word.strip_suffix(cmdline::HIDDEN);
            name.is_some_and(|name| cmdline::may_be(word, name))
        }),
        _ => None,
    };
    found.map(|word| format!("{CMDLINE} has {word}: the value is a secret, which is not in here"))
}

fn is_loaded(module: &Seen, cx: &Context<'_>, _: &mut Evidence) -> Reading {
    match (elsewhere(cx), module) {
        (Some(why), _) => why,
        (None, Some(module)) => loaded(module, cx),
        (None, None) => Reading::Unreadable("the rule names no `module`".to_owned()),
    }
}

/// Why nothing is told of the kernel but its version, where that is so.
fn elsewhere(cx: &Context<'_>) -> Option<Reading> {
    match cx.system.platform().os {
        Os::Linux => None,
        Os::Macos | Os::Freebsd => Some(Reading::Absent("only Linux tells of it".to_owned())),
    }
}

const CMDLINE: &str = "/proc/cmdline";

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
