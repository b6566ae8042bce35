//! `runup apply`.

mod persistence;

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::time::Duration;

use clap::ArgMatches;

use super::gate::{self, Asked, Terms};
use super::ground::Ground;
use super::inputs::{settings, verdict, words};
use super::output::Streams;
use super::project::{Unnamed, load_profiles};
use super::wait::wait;
use super::{CommandError, CommandResult, ExitCode};
use crate::engine::{Check, Depth, Options};
use crate::finding::{Fate, Finding, NO_RULES, Outcome, Report};
use crate::fix::apply::{Account, apply};
use crate::fix::guard;
use crate::fix::persist::Persistence;
use crate::fix::plan::{Consent, LimitsOf, Permissions, Plan, PlanError, plan};
use crate::fix::revert::{self, Request, RevertError, revert};
use crate::fix::{Standing, standing};
use crate::host::{Host, Runtime, in_words};
use crate::profile::Profile;
use crate::report::{self, Style};
use crate::shim::options::OnFail;
use crate::shim::{self, Refusal};
use crate::source::Sources;
use crate::system::Same;

pub(super) fn run(matches: &ArgMatches, sources: &mut Sources, streams: &mut Streams) -> CommandResult {
    let ground = Ground::new(matches)?;
    let machine = ground.machine.as_ref();
    let command: Vec<OsString> = matches
        .get_many::<OsString>("command")
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
        Unnamed::CarriedOut,
        sources,
        streams,
    )?;
    let options = Options {
        settings: settings(matches, sources)?,
        only: words(matches, "only"),
        skip: words(matches, "skip"),
        window: matches
            .get_one::<Duration>("window")
            .copied()
            .unwrap_or(crate::engine::WINDOW),
        depth: Depth::NextBoot,
        starting: for_command,
        leave_notes: !matches.get_flag("notes"),
    };
    let permissions = Permissions {
        notes: !options.leave_notes,
        allowed: words(matches, "allow")
            .iter()
            .filter_map(|word| Consent::parse(word))
            .collect(),
        limits: if for_command {
            LimitsOf::Program
        } else {
            ground.limits_of(matches)?
        },
        own_only: false,
    };
    let (mut plan, before) = plan(&profiles, &options, machine, &permissions).map_err(|error| match error {
        PlanError::Diagnostics(list) => CommandError::Diagnostics(list),
        PlanError::Conflicts(list) => CommandError::Message(contradiction(&list)),
    })?;
    let run = Run {
        ground: &ground,
        sources,
        profiles: &profiles,
        options,
        unit: unit(matches)?,
        force: matches.get_flag("force"),
        risky: permissions.allowed.contains(&Consent::Risky),
    };
    let lasts = matches.get_flag("persist");
    let host = Host::new(machine);
    if let (true, false, Some(engine)) = (lasts, host.has_next_boot(), host.engine()) {
        return Err(CommandError::Message(format!(
            "{} has no next boot, and nothing was changed: whoever starts it gives it its values, as `runup export --to {}",
            in_words(engine),
            match host.runtime() {
                Some(Runtime::Lxc) => "lxc` writes them",
                Some(Runtime::Lxd | Runtime::Incus) => "incus` writes them",
                Some(_) | None => "docker` or `--to kubernetes` writes them",
            }
        )));
    }
    let account = Account {
        profiles: profiles.iter().map(|profile| profile.name.clone()).collect(),
        command: for_command.then(|| shown_command(&command)),
    };
    if for_command {
        if before.findings.is_empty() {
            return Err(CommandError::Message(format!("nothing would be checked: {NO_RULES}")));
        }
        return run.lasting(&plan, before, &account, &command, matches, streams);
    }
    let colour = streams.colour_result();
    let persistence = if lasts {
        run.persistence(&mut plan, &before, &permissions)?
    } else {
        Persistence::default()
    };
    streams.try_result(|out| report::changes::plan(&plan, colour, out))?;
    streams.try_result(|out| report::changes::persistence(&persistence, colour, out))?;
    if matches.get_flag("dry-run") {
        streams.message(&format!("runup: {}; nothing was changed\n", would(&plan, &persistence)));
        return Ok(verdict(&before, streams));
    }
    let mut made = None;
    if !plan.steps.is_empty() || !persistence.files.is_empty() {
        if !agreed(plan.steps.len() + persistence.files.len(), matches, streams)? {
            return Err(CommandError::Message("nothing was changed".to_owned()));
        }
        let id = run.apply(&plan, &account)?;
        made = id;
        if let Some(id) = id {
            let until = if lasts {
                ""
            } else {
                " (until the next boot; --persist makes it last)"
            };
            streams.message(&format!(
                "runup: {} made{until}; `runup revert {id}{}` undoes this\n",
                changes(plan.steps.len()),
                same_place(matches)
            ));
            run.say_what_became(&plan, streams);
            run.say_what_stays(streams)?;
        }
        run.persist(&persistence, id, streams)?;
    } else {
        streams.message(&format!("runup: nothing was changed{}\n", why_nothing(&plan)));
    }
    let mut after = run.check(matches.get_one("wait").copied(), streams)?;
    if let Some(id) = made {
        run.keep_what_passed(&before, &after, id)?;
    }
    if !lasts {
        // What was just made until the next boot needs no second word about it.
        for finding in &mut after.findings {
            finding.next_boot.take_if(|next| next.fate == Fate::NotSet);
        }
    }
    guard::warn(&mut after, run.ground.machine.as_ref());
    let width = streams.width_of_result();
    streams.try_result(|out| {
        writeln!(out)?;
        let style = Style {
            width,
            colour,
            ..Style::default()
        };
        report::TERMINAL.write(&after, run.sources, style, out)
    })?;
    let code = verdict(&after, streams);
    // What was to last and does not is no success.
    Ok(match code {
        ExitCode::Ready if !persistence.refused.is_empty() => ExitCode::NotReady,
        code => code,
    })
}

struct Run<'a> {
    ground: &'a Ground,
    sources: &'a Sources,
    profiles: &'a [Profile],
    options: Options,
    unit: Option<&'a str>,
    force: bool,
    /// Whether what could stop the machine was agreed to.
    risky: bool,
}

impl Run<'_> {
    /// Makes the changes. A signal that would end this process waits until they are made or undone.
    fn apply(&self, plan: &Plan, account: &Account) -> Result<Option<u64>, CommandError> {
        let _held = shim::hold_signals();
        let ground = self.ground;
        apply(plan, ground.machine.as_ref(), &ground.disk, &ground.journal, account)
            .map_err(|error| CommandError::Message(error.to_string()))
    }

    /// Says which records of this machine stay in the journal though they may be of another boot: what is not known to be gone is
    /// not thrown away.
    /// Says of which values the kernel made others that do as well.
    fn say_what_became(&self, plan: &Plan, streams: &mut Streams) {
        for (step, now) in plan.rounded(self.ground.machine.as_ref()) {
            let name = step.parameter.show();
            streams.message(&crate::text::printable(&format!(
                "runup: the kernel made {now} of {name} = {}, which does as well\n",
                step.to
            )));
        }
    }

    fn say_what_stays(&self, streams: &mut Streams) -> Result<(), CommandError> {
        let ground = self.ground;
        let machine = ground.machine.as_ref();
        let space = machine.space();
        let entries = ground
            .journal
            .entries(&ground.disk)
            .map_err(|error| CommandError::Message(error.to_string()))?;
        for entry in entries
            .iter()
            .filter(|entry| entry.machine == machine.platform().hostname)
        {
            let id = entry.id;
            let why = match standing(entry, &space) {
                Standing::Unclear(why) => revert::unclear(id, &why),
                Standing::Elsewhere(why) if entry.boot.same(&space.boot) == Same::No => why,
                Standing::Here | Standing::Elsewhere(_) => continue,
            };
            streams.message(&format!("runup: the record of apply {id} stays: {why}\n"));
        }
        Ok(())
    }

    /// A rule that passed before and fails now was broken by what was applied, and that goes back.
    fn keep_what_passed(&self, before: &Report, after: &Report, id: u64) -> Result<(), CommandError> {
        let passed = |finding: &&Finding| {
            before.findings.iter().any(|old| {
                old.outcome == Outcome::Pass
                    && (&old.profile, &old.rule, &old.subject) == (&finding.profile, &finding.rule, &finding.subject)
            })
        };
        let fails = |finding: &&Finding| finding.outcome == Outcome::Fail && !finding.transient;
        let Some(broken) = after.findings.iter().filter(fails).find(passed) else {
            return Ok(());
        };
        let request = Request {
            id: Some(id),
            own: true,
            force: false,
        };
        let ground = self.ground;
        let undone = revert(request, ground.machine.as_ref(), &ground.disk, &ground.journal);
        let undone = match undone {
            Ok(reverted) if reverted.complete() => "everything was undone".to_owned(),
            _ => format!("`runup revert {id}` undoes it"),
        };
        Err(CommandError::Message(format!(
            "with these changes {} fails, which passed before: {}\n  {undone}; --skip leaves out the rule that asked \
             for it",
            broken.name(),
            broken.in_a_line(),
        )))
    }

    /// Looks at the machine as it is now, and waits if that was asked for.
    fn check(&self, limit: Option<Duration>, streams: &mut Streams) -> Result<Report, CommandError> {
        let host = Host::new(self.ground.machine.as_ref());
        let check = Check::prepare(self.profiles, self.options.clone(), &host).map_err(CommandError::Diagnostics)?;
        let mut report = check.run();
        if let Some(limit) = limit {
            wait(&check, &mut report, limit, Some(streams));
        }
        Ok(report)
    }

    /// Applies, runs a command if the machine is ready then, and reverts when it ends, however it ends. stdout is the command's.
    fn lasting(
        &self,
        plan: &Plan,
        before: Report,
        account: &Account,
        command: &[OsString],
        matches: &ArgMatches,
        streams: &mut Streams,
    ) -> CommandResult {
        let mut text = Vec::new();
        report::changes::plan(plan, streams.colour_messages(), &mut text)?;
        streams.message(&String::from_utf8_lossy(&text));
        if matches.get_flag("dry-run") {
            streams.message(&format!(
                "runup: {}; nothing was changed\n",
                would(plan, &Persistence::default())
            ));
            let blocked = before.blocked();
            return Ok(if blocked { ExitCode::NotReady } else { ExitCode::Ready });
        }
        let anything = !plan.steps.is_empty() || !plan.program.is_empty();
        if anything && !agreed(plan.steps.len() + plan.program.len(), matches, streams)? {
            return Err(CommandError::Message("nothing was changed".to_owned()));
        }
        // A mistake in the command changes nothing.
        let found = match shim::find(command) {
            Ok(found) => found,
            Err(error) => {
                streams.message(&format!("runup: {error}\n"));
                return Ok(ExitCode::Program(error.status()));
            }
        };
        let held = shim::hold_signals();
        let ground = self.ground;
        let machine = ground.machine.as_ref();
        let id = apply(plan, machine, &ground.disk, &ground.journal, account)
            .map_err(|error| CommandError::Message(error.to_string()))?;
        if id.is_some() {
            // What is applied already must be undone whatever comes of this.
            let _ = self.say_what_stays(streams);
        }
        let supervision = shim::Supervision::new(shim::Voice::Runup);
        let mut before = Some(before);
        let status = shim::supervise(&supervision, &mut || {
            if let Err(refusal) = self.admit(before.take(), plan, command, matches) {
                return refusal.status();
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
                Ok(reverted) if reverted.complete() && !reverted.doubtful() => {
                    streams.message(&format!("runup: {} undone\n", changes(reverted.lines.len())));
                }
                Ok(reverted) => {
                    let mut text = Vec::new();
                    report::changes::reverted(&reverted, &mut text)?;
                    streams.message(&String::from_utf8_lossy(&text));
                    failed |= !reverted.complete();
                }
                // Somebody was quicker.
                Err(RevertError::Unknown(_)) => {
                    streams.message("runup: what was applied has been undone meanwhile\n");
                }
                Err(error) => {
                    streams.message(&format!("runup: {error}\n  `runup revert` undoes it\n"));
                    failed = true;
                }
            }
        }
        drop(held);
        Ok(ExitCode::Program(if failed && status == 0 { 125 } else { status }))
    }

    /// In the process that becomes the command: raises its limits as far as they go, and judges the machine as the command finds it.
    fn admit(
        &self,
        before: Option<Report>,
        plan: &Plan,
        command: &[OsString],
        matches: &ArgMatches,
    ) -> Result<(), Refusal> {
        let mut streams = Streams::new();
        let Some(first) = before else {
            return Err(Refusal::Failed);
        };
        let wishes = gate::limits(&first, &plan.program, !self.options.leave_notes);
        let applied = shim::apply_limits(wishes).map_err(|(resource, failure)| {
            streams.message(&format!("runup: cannot set the limit {}: {failure}\n", resource.name()));
            Refusal::Failed
        })?;
        let terms = Terms {
            on_fail: match matches.get_one::<String>("on-fail").map(String::as_str) {
                Some("warn") => OnFail::Warn,
                _ => OnFail::Refuse,
            },
            wait: matches.get_one("wait").copied(),
            quiet: false,
            verbose: false,
            program: command.first().map_or(OsStr::new(""), |word| word),
            otherwise: "--on-fail warn",
        };
        let options = Options {
            depth: Depth::Now,
            ..self.options.clone()
        };
        let asked = Asked {
            profiles: self.profiles,
            options: &options,
            sources: self.sources,
            first,
            changed: !plan.steps.is_empty(),
        };
        let host = Host::new(self.ground.machine.as_ref());
        let report = gate::look(asked, &applied, &terms, &host, &mut streams)?;
        gate::verdict(&report, &terms, &host, &mut streams)
    }
}

/// The service that `--unit` names.
fn unit(matches: &ArgMatches) -> Result<Option<&str>, CommandError> {
    let Some(unit) = matches.get_one::<String>("unit") else {
        return Ok(None);
    };
    if super::export::is_service(unit) {
        return Ok(Some(unit));
    }
    Err(CommandError::Message(format!(
        "`{}` is not the name of a service: nginx.service",
        crate::text::printable(unit)
    )))
}

/// Asks at a terminal; elsewhere `--yes` must have said so.
fn agreed(count: usize, matches: &ArgMatches, streams: &mut Streams) -> Result<bool, CommandError> {
    if matches.get_flag("yes") {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(CommandError::Message(
            "nobody is here to be asked, so nothing was changed: --yes agrees, --dry-run only shows the plan"
                .to_owned(),
        ));
    }
    streams.message(&format!("Make {}? [y/N] ", changes_definite(count)));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES"))
}

/// The options that make another command look where this one did.
fn same_place(matches: &ArgMatches) -> String {
    let mut text = String::new();
    for option in ["root", "journal"] {
        if let Some(place) = matches.get_one::<String>(option) {
            text += &format!(" --{option} {}", crate::dialect::shell::quote(place));
        }
    }
    text
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

/// Why an apply without a change had none to make.
fn why_nothing(plan: &Plan) -> &'static str {
    if plan.left.is_empty() {
        ""
    } else {
        ": what fails cannot be changed from here, or is not allowed to be"
    }
}

fn would(plan: &Plan, persistence: &Persistence) -> String {
    let mut text = format!("{} would be made", changes(plan.steps.len() + plan.program.len()));
    match persistence.files.len() {
        0 => {}
        1 => text += ", 1 file written",
        more => text += &format!(", {more} files written"),
    }
    let left = plan.left.len() + plan.notes.len();
    if left > 0 {
        text += &format!(", {left} left");
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

fn shown_command(words: &[OsString]) -> String {
    let mut text = words
        .iter()
        .map(|word| crate::dialect::shell::quote(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ");
    if text.len() > 200 {
        text = text.chars().take(200).collect::<String>() + "...";
    }
    text
}
