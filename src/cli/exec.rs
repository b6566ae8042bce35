//! `runup exec`: what profiles add to the start of a program. The rest is the [`shim`]'s.

use std::ffi::OsStr;
use std::path::Path;

use super::gate::{self, Asked, Terms};
use super::output::{self, Streams};
use super::project;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::{Depth, Options, WINDOW};
use crate::finding::NO_RULES;
use crate::finding::Report;
use crate::fix::apply::in_place;
use crate::fix::plan::{Consent, LimitsOf, Permissions, Plan, PlanError, plan};
use crate::host::Host;
use crate::profile::{self, Profile, Setting};
use crate::report::{self, Style};
use crate::shim::{Applied, ExecOptions, LimitWish, Preparation, Refusal};
use crate::source::Sources;
use crate::system::System;
use crate::system::live::LiveSystem;

/// Evaluates the profiles that `exec` was given.
pub(super) struct Profiles {
    /// Takes the command's allocator into use, once there is something to evaluate.
    adopt: fn(),
    evaluated: Option<Evaluated>,
}

struct Evaluated {
    sources: Sources,
    profiles: Vec<Profile>,
    options: Options,
    system: LiveSystem,
    /// What was found before anything was done.
    first: Report,
    /// Whether anything was set since.
    changed: bool,
}

impl Profiles {
    pub(super) fn new(adopt: fn()) -> Self {
        Self { adopt, evaluated: None }
    }
}

impl Preparation for Profiles {
    fn prepare(&mut self, options: &ExecOptions) -> Result<Vec<LimitWish>, Refusal> {
        if options.profiles.is_empty() {
            return Ok(Vec::new());
        }
        (self.adopt)();
        let mut streams = Streams::new();
        let mut sources = Sources::new();
        let evaluated = evaluate(options, &mut sources, &mut streams);
        let (profiles, checked, system, first, plan) = match evaluated {
            Ok(evaluated) => evaluated,
            Err(mistakes) => return Err(gate::mistaken(&mistakes, &sources, &mut streams)),
        };
        let wishes = gate::limits(&first, &plan.program, options.notes);
        self.evaluated = Some(Evaluated {
            sources,
            profiles,
            options: checked,
            system,
            first,
            changed: !plan.steps.is_empty(),
        });
        Ok(wishes)
    }

    fn judge_limits(&mut self, options: &ExecOptions, applied: &[Applied]) -> Result<(), Refusal> {
        let Some(evaluated) = self.evaluated.take() else {
            return Ok(());
        };
        let mut streams = Streams::new();
        let terms = terms(options);
        let host = Host::new(&evaluated.system);
        let asked = Asked {
            profiles: &evaluated.profiles,
            options: &evaluated.options,
            sources: &evaluated.sources,
            first: evaluated.first,
            changed: evaluated.changed,
        };
        let report = gate::look(asked, applied, &terms, &host, &mut streams)?;
        if let Some(path) = &options.report {
            write_report(path, &report, &evaluated.sources, &mut streams)?;
        }
        gate::verdict(&report, &terms, &host, &mut streams)
    }
}

fn terms(options: &ExecOptions) -> Terms<'_> {
    Terms {
        on_fail: options.on_fail,
        wait: options.wait,
        quiet: options.quiet,
        verbose: options.verbose && !options.quiet,
        program: options.command.first().map_or(OsStr::new(""), |word| word),
        otherwise: "--on-fail warn, or RUNUP_ON_FAIL=warn,",
    }
}

type Evaluation = (Vec<Profile>, Options, LiveSystem, Report, Plan);

/// Checks, and fixes what may be fixed from here.
fn evaluate(
    options: &ExecOptions,
    sources: &mut Sources,
    streams: &mut Streams,
) -> Result<Evaluation, Vec<Diagnostic>> {
    let system = LiveSystem::new();
    let library = project::library();
    let mut sink = Diagnostics::new();
    let mut profiles = Vec::new();
    for word in &options.profiles {
        let Some(word) = word.to_str() else {
            sink.push(Diagnostic::general("the name of a profile is not UTF-8 text"));
            continue;
        };
        profiles.extend(profile::load(&library, word, system.platform().os, sources, &mut sink));
    }
    project::say_skipped(&library, streams);
    let mut settings = Vec::new();
    for word in &options.set {
        match Setting::parse(word, sources) {
            Ok(setting) => settings.push(setting),
            Err(mistake) => sink.push(mistake),
        }
    }
    let mut allowed = std::collections::BTreeSet::new();
    for word in &options.allow {
        match Consent::parse(word) {
            Some(consent) => {
                allowed.insert(consent);
            }
            None => sink.push(
                Diagnostic::general(format!("`{word}` cannot be allowed"))
                    .help("risky, one-way and swapoff can, with --allow or RUNUP_ALLOW"),
            ),
        }
    }
    if !sink.is_empty() {
        return Err(sink.into_sorted());
    }
    let checked = Options {
        settings,
        only: options.only.clone(),
        skip: options.skip.clone(),
        window: WINDOW,
        depth: Depth::Now,
        starting: true,
        leave_notes: !options.notes,
    };
    let permissions = Permissions {
        allowed,
        notes: options.notes,
        limits: LimitsOf::Program,
        own_only: true,
    };
    let (plan, first) = plan(&profiles, &checked, &system, &permissions).map_err(|error| match error {
        PlanError::Diagnostics(mistakes) => mistakes,
        PlanError::Conflicts(conflicts) => conflicts
            .iter()
            .map(|conflict| {
                let [left, right] = &conflict.sides;
                Diagnostic::general(format!(
                    "{}: {} wants {}, {} wants {}",
                    conflict.subject, left.name, left.expected, right.name, right.expected
                ))
                .help("--skip leaves one of them out")
            })
            .collect(),
    })?;
    if first.findings.is_empty() {
        return Err(vec![
            Diagnostic::general(format!("nothing would be checked: {NO_RULES}"))
                .help("to start the program unchecked, name no profile"),
        ]);
    }
    let failures = in_place(&plan, &system);
    for failure in &failures {
        streams.message(&format!("runup: {failure}\n"));
    }
    for step in &plan.steps {
        for danger in &step.dangers {
            let name = step.parameter.show();
            streams.message(&crate::text::printable(&format!(
                "runup: set {name} to {}, though {danger}\n",
                step.to
            )));
        }
    }
    if options.verbose {
        let rounded = plan.rounded(&system);
        for step in &plan.steps {
            let now = rounded.iter().find(|(known, _)| std::ptr::eq(*known, step));
            streams.message(&format!(
                "runup: set {} from {} to {}\n",
                step.parameter.show(),
                step.before.form,
                now.map_or(&step.to, |(_, now)| now)
            ));
        }
    }
    Ok((profiles, checked, system, first, plan))
}

fn write_report(
    path: &std::ffi::OsStr,
    report: &Report,
    sources: &Sources,
    streams: &mut Streams,
) -> Result<(), Refusal> {
    let mut text = Vec::new();
    let written = report::KEPT
        .write(report, sources, Style::default(), &mut text)
        .map_err(|error| error.to_string())
        .and_then(|()| match Path::new(path).to_str() {
            Some(path) => output::replace(path, &text, 0o644),
            None => Err("the report's name is not UTF-8 text".to_owned()),
        });
    written.map_err(|error| {
        streams.message(&format!("runup: {error}\n  the program was not started\n"));
        Refusal::Failed
    })
}
