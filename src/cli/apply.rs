//! `runup apply`.

use std::io::IsTerminal;
use std::time::Duration;

use clap::ArgMatches;

use super::check::{load_profiles, settings, verdict, words};
use super::ground::Ground;
use super::output::Streams;
use super::{CommandError, CommandResult, ExitCode};
use crate::engine::{Check, Options};
use crate::fix::apply::{Account, apply};
use crate::fix::plan::{Consent, LimitsOf, Permissions, Plan, PlanError, plan};
use crate::fix::revert::{Request, revert};
use crate::host::Host;
use crate::profile::Profile;
use crate::report::{self, Format, Style};
use crate::rule::Severity;
use crate::shim;
use crate::source::Sources;

pub(super) fn run(matches: &ArgMatches, sources: &mut Sources, streams: &mut Streams) -> CommandResult {
    let ground = Ground::new(matches)?;
    let machine = ground.machine.as_ref();
    let command: Vec<std::ffi::OsString> = matches
        .get_many::<std::ffi::OsString>("command")
        .map(|words| words.cloned().collect())
        .unwrap_or_default();
    let for_command = matches.get_flag("for");
    if for_command && command.is_empty() {
        return Err(CommandError::Message(
            "--for lasts as long as a command: `runup apply PROFILE --for -- COMMAND ARGUMENTS`".to_owned(),
        ));
    }
    let profiles = load_profiles(
        &words(matches, "profile"),
        machine.platform().os,
        machine.identity().uid == 0,
        sources,
    )?;
    let options = Options {
        settings: settings(matches, sources)?,
        only: words(matches, "only"),
        skip: words(matches, "skip"),
        window: matches
            .get_one::<Duration>("window")
            .copied()
            .unwrap_or(crate::engine::WINDOW),
        thorough: false,
    };
    let permissions = Permissions {
        allowed: words(matches, "allow")
            .iter()
            .filter_map(|word| Consent::parse(word))
            .collect(),
        limits: if for_command {
            LimitsOf::Program
        } else {
            ground.limits_of(matches)?
        },
    };
    let (plan, before) = plan(&profiles, &options, machine, &permissions).map_err(|error| match error {
        PlanError::Diagnostics(list) => CommandError::Diagnostics(list),
        PlanError::Conflicts(list) => CommandError::Message(contradiction(&list)),
    })?;
    let run = Run {
        ground: &ground,
        sources,
        profiles: &profiles,
        options,
    };
    let account = Account {
        profiles: profiles.iter().map(|profile| profile.name.clone()).collect(),
        command: for_command.then(|| shown_command(&command)),
    };
    if for_command {
        return run.lasting(&plan, &account, &command, matches, streams);
    }
    let colour = streams.colour_result();
    streams.try_result(|out| report::changes::plan(&plan, colour, out))?;
    if matches.get_flag("dry-run") {
        streams.message(&format!("runup: {}; nothing was changed\n", would(&plan)));
        return Ok(verdict(&before, Severity::Error, streams));
    }
    if !plan.steps.is_empty() {
        if !agreed(&plan, matches, streams)? {
            return Err(CommandError::Message("nothing was changed".to_owned()));
        }
        let id = run.apply(&plan, &account)?;
        if let Some(id) = id {
            streams.message(&format!(
                "runup: {} made; `runup revert {id}` undoes this\n",
                changes(plan.steps.len())
            ));
        }
    }
    let after = run.check()?;
    streams.try_result(|out| {
        writeln!(out)?;
        let style = Style {
            colour,
            ..Style::default()
        };
        report::write(Format::Text, &after, run.sources, style, out)
    })?;
    Ok(verdict(&after, Severity::Error, streams))
}

struct Run<'a> {
    ground: &'a Ground,
    sources: &'a Sources,
    profiles: &'a [Profile],
    options: Options,
}

impl Run<'_> {
    /// Makes the changes. A signal that would end this process waits until they are made or undone.
    fn apply(&self, plan: &Plan, account: &Account) -> Result<Option<u64>, CommandError> {
        let _held = shim::hold_signals();
        let ground = self.ground;
        apply(plan, ground.machine.as_ref(), &ground.disk, &ground.journal, account)
            .map_err(|error| CommandError::Message(error.to_string()))
    }

    fn check(&self) -> Result<crate::finding::Report, CommandError> {
        let host = Host::new(self.ground.machine.as_ref());
        let check = Check::prepare(self.profiles, self.options.clone(), &host).map_err(CommandError::Diagnostics)?;
        Ok(check.run())
    }

    /// Applies, runs a command, and reverts when it ends, however it ends. stdout is the command's.
    fn lasting(
        &self,
        plan: &Plan,
        account: &Account,
        command: &[std::ffi::OsString],
        matches: &ArgMatches,
        streams: &mut Streams,
    ) -> CommandResult {
        let mut text = Vec::new();
        report::changes::plan(plan, streams.colour_messages(), &mut text)?;
        streams.message(&String::from_utf8_lossy(&text));
        if matches.get_flag("dry-run") {
            streams.message(&format!("runup: {}; nothing was changed\n", would(plan)));
            return Ok(ExitCode::Ready);
        }
        let anything = !plan.steps.is_empty() || !plan.program.is_empty();
        if anything && !agreed(plan, matches, streams)? {
            return Err(CommandError::Message("nothing was changed".to_owned()));
        }
        // A mistake in the command changes nothing.
        let found = shim::find(command).map_err(|error| CommandError::Message(error.to_string()))?;
        let held = shim::hold_signals();
        let ground = self.ground;
        let machine = ground.machine.as_ref();
        let id = apply(plan, machine, &ground.disk, &ground.journal, account)
            .map_err(|error| CommandError::Message(error.to_string()))?;
        let supervision = shim::Supervision::new(shim::Voice::Runup);
        let status = shim::supervise(&supervision, &mut || {
            for limit in &plan.program {
                let wish = shim::LimitWish {
                    resource: limit.resource,
                    soft: Some(limit.to.soft),
                    hard: Some(limit.to.hard),
                };
                if let Err(failure) = shim::apply_limit(wish) {
                    Streams::new().message(&format!(
                        "runup: cannot set the limit {} of the command: {failure}\n",
                        limit.resource.name()
                    ));
                    return 125;
                }
            }
            let error = shim::become_program(&found);
            Streams::new().message(&format!("runup: {error}\n"));
            error.status()
        });
        let mut failed = false;
        if let Some(id) = id {
            let request = Request {
                id: Some(id),
                own: true,
                force: false,
            };
            match revert(request, machine, &ground.disk, &ground.journal) {
                Ok(reverted) if reverted.complete() => {
                    streams.message(&format!("runup: {} undone\n", changes(reverted.lines.len())));
                }
                Ok(reverted) => {
                    let mut text = Vec::new();
                    report::changes::reverted(&reverted, &mut text)?;
                    streams.message(&String::from_utf8_lossy(&text));
                    failed = true;
                }
                Err(error) => {
                    streams.message(&format!("runup: {error}\n  `runup revert {id}` undoes it\n"));
                    failed = true;
                }
            }
        }
        drop(held);
        Ok(ExitCode::Program(if failed && status == 0 { 125 } else { status }))
    }
}

/// Asks at a terminal; elsewhere `--yes` must have said so.
fn agreed(plan: &Plan, matches: &ArgMatches, streams: &mut Streams) -> Result<bool, CommandError> {
    if matches.get_flag("yes") {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(CommandError::Message(
            "nobody is here to be asked, so nothing was changed: --yes agrees, --dry-run only shows the plan"
                .to_owned(),
        ));
    }
    let count = plan.steps.len() + plan.program.len();
    streams.message(&format!("Make {}? [y/N] ", changes_definite(count)));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES"))
}

fn changes(count: usize) -> String {
    match count {
        1 => "1 change".to_owned(),
        _ => format!("{count} changes"),
    }
}

fn changes_definite(count: usize) -> String {
    match count {
        1 => "this change".to_owned(),
        _ => format!("these {count} changes"),
    }
}

fn would(plan: &Plan) -> String {
    let mut text = format!("{} would be made", changes(plan.steps.len() + plan.program.len()));
    if !plan.left.is_empty() {
        text += &format!(", {} left", plan.left.len());
    }
    text
}

fn contradiction(conflicts: &[crate::finding::Conflict]) -> String {
    let mut text = "these profiles contradict each other, and nothing was changed:".to_owned();
    for conflict in conflicts {
        let [left, right] = &conflict.sides;
        text += &format!(
            "\n  {}: {} wants {}, {} wants {}",
            conflict.subject, left.name, left.expected, right.name, right.expected
        );
    }
    text + "\n  --skip leaves one of the rules out"
}

fn shown_command(words: &[std::ffi::OsString]) -> String {
    let mut text = words
        .iter()
        .map(|word| crate::remedy::quote(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ");
    if text.len() > 200 {
        text = text.chars().take(200).collect::<String>() + "...";
    }
    text
}
