//! `runup apply`.

use std::collections::HashSet;
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
use crate::catalogue;
use crate::engine::{Check, Depth, Options, Wishes};
use crate::finding::{Fate, Finding, NO_RULES, Outcome, Report};
use crate::fix::Parameter;
use crate::fix::Step;
use crate::fix::apply::{Account, apply};
use crate::fix::guard;
use crate::fix::journal::Entry;
use crate::fix::persist::{self, PersistError, Persistence};
use crate::fix::plan::{Consent, Left, LimitsOf, Permissions, Plan, PlanError, plan};
use crate::fix::programs;
use crate::fix::revert::{self, Request, RevertError, revert};
use crate::fix::room::{self, Fitted};
use crate::fix::units::{self, DropIn};
use crate::fix::{Standing, standing};
use crate::host::{Host, Runtime, in_words};
use crate::persisted::ceiling;
use crate::profile::Profile;
use crate::report::{self, Style};
use crate::rule::{Reach, Target};
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

    /// The files that make last what is planned, what was applied before, and what the next boot would undo.
    /// What they need besides is planned along with them.
    fn persistence(
        &self,
        plan: &mut Plan,
        before: &Report,
        permissions: &Permissions,
    ) -> Result<Persistence, CommandError> {
        let ground = self.ground;
        let machine = ground.machine.as_ref();
        let host = Host::new(machine);
        let check = Check::prepare(self.profiles, self.options.clone(), &host).map_err(CommandError::Diagnostics)?;
        let space = machine.space();
        // A rule may have another name for a setting than the one by which it was changed.
        let meets = |name: &str| catalogue::canonical(name, || host.user_namespace_is_initial()).to_owned();
        let name_of = |parameter: &Parameter| match parameter {
            Parameter::Sysctl { name } | Parameter::Sysfs { path: name } => Some(meets(name)),
            Parameter::Limit { .. } | Parameter::Swap { .. } => None,
        };
        let mut touched: HashSet<String> = plan.steps.iter().filter_map(|step| name_of(&step.parameter)).collect();
        let entries = ground
            .journal
            .entries(&ground.disk)
            .map_err(|error| CommandError::Message(error.to_string()))?;
        let of_this_boot = |entry: &Entry| entry.boot.same(&space.boot) == Same::Yes;
        for entry in entries.into_iter().filter(of_this_boot) {
            touched.extend(entry.steps.iter().filter_map(|step| name_of(&step.parameter)));
        }
        let undone = before
            .findings
            .iter()
            .filter(|finding| finding.not_kept_by_boot().is_some())
            // What the kernel made by itself it makes again, of the memory that is there then.
            .filter(|finding| finding.undone_by_boot().is_some() || !catalogue::is_sized(&finding.subject));
        let undone: HashSet<String> = undone.map(|finding| meets(&finding.subject)).collect();
        let contained = host.engine().is_some();
        let untouched = |error: PersistError| CommandError::Message(format!("{error}\n  nothing was changed"));
        // What is in a file of runup's own stays in it, with the value that is asked for today.
        if let Some(persisted) = host.persisted() {
            let own = persist::own_keys(&ground.disk, persisted).map_err(|error| untouched(error.into()))?;
            touched.extend(own.iter().map(|key| meets(key)));
        }
        // What nobody agreed to change is not made at every boot either, though it is so now.
        let os = machine.platform().os;
        let mut held = Vec::new();
        let undone: HashSet<String> = undone.difference(&touched).cloned().collect();
        let undone: HashSet<String> = undone
            .into_iter()
            .filter(|key| match permissions.key(key, os) {
                Ok(()) => true,
                Err(why) => {
                    held.extend(why.map(|why| format!("{key}, which is right now: {why}")));
                    false
                }
            })
            .collect();
        held.sort();
        let fails = |target: &Target| {
            before
                .findings
                .iter()
                .filter(|finding| finding.outcome == Outcome::Fail)
                .filter_map(|finding| finding.fix.as_ref())
                .flat_map(|fix| &fix.parts)
                // A login that asks for more than its container was given fails.
                .filter(|part| !contained || part.proposal.reach == Reach::Here)
                .flat_map(|part| &part.proposal.changes)
                .any(|change| change.target == *target)
        };
        // The next boot sets the values of the machine, not those of a network namespace that is gone by then.
        let elsewhere = ground.live && !contained && host.network_is_hosts() == Some(false);
        let mut wishes = check.wishes();
        let lasting = |target: &Target| match target {
            Target::Sysctl(name) if elsewhere && name.starts_with("net.") => false,
            // What is the host's, no start of a container sets.
            Target::Sysctl(name) if !host.sets_at_boot(name) => false,
            Target::Sysfs(_) if contained => false,
            Target::Sysctl(name) => touched.contains(&meets(name)) || undone.contains(&meets(name)),
            Target::Sysfs(path) => touched.contains(&meets(path)),
            // The limits here are this process's, and say nothing of what a service or a login has.
            Target::Limit(..) => self.unit.is_some() || fails(target),
            Target::Cgroup(_) => self.unit.is_some(),
            Target::Swap => false,
        };
        let mut dangerous = self.dangers_at_boot(&mut wishes, &lasting, &host);
        dangerous.extend(programs::overwritten(&wishes, &lasting, &host));
        let lasting = |target: &Target| lasting(target) && dangerous.iter().all(|(known, _)| known != target);
        let names: Vec<String> = self.profiles.iter().map(|profile| profile.name.clone()).collect();
        wishes.root = permissions.allowed.contains(&Consent::Risky);
        let (mut drop_ins, mut refused) = units::asked(before, self.profiles, permissions.notes, &host);
        let mut raised = false;
        for drop_in in &mut drop_ins {
            let fitted = self.fit_unit(drop_in, &mut wishes, plan, permissions, &host);
            raised |= fitted.raise.is_some();
            refused.extend(fitted.refused);
        }
        let lasting = |target: &Target| lasting(target) || raised && room::is_ceiling(target);
        let fitted = self.fit(&mut wishes, &lasting, plan, permissions, self.unit, &host);
        let raised = fitted.raise.is_some();
        let lasting = |target: &Target| lasting(target) || raised && room::is_ceiling(target);
        let composed = persist::compose(&wishes, &lasting, &names, self.unit, &host, &ground.disk, self.force);
        let mut composed = composed.map_err(untouched)?;
        for drop_in in &drop_ins {
            let disk = &ground.disk;
            if persist::add_drop_in(&mut composed, drop_in, &names, &host, disk, self.force).map_err(untouched)? {
                let done = drop_in.findings();
                let is_done = |left: &Left| done.contains(&(left.finding.clone(), left.subject.clone()));
                plan.left.retain(|left| !is_done(left));
            }
        }
        let dangerous = dangerous.into_iter().map(|(_, words)| words);
        composed
            .refused
            .extend(dangerous.chain(fitted.refused).chain(refused).chain(held));
        Ok(composed)
    }

    /// What could stop the machine at the next boot, which has not what was set by hand: the targets, each with what is said of it.
    fn dangers_at_boot(
        &self,
        wishes: &mut Wishes,
        lasting: &dyn Fn(&Target) -> bool,
        host: &Host<'_>,
    ) -> Vec<(Target, String)> {
        let persisted = host.persisted().cloned().unwrap_or_default();
        guard::mark(wishes, lasting, host.system, &guard::at_boot(host.system, &persisted));
        let dangerous = wishes
            .wanted
            .iter()
            .filter(|wanted| !self.risky && !wanted.dangers.is_empty());
        dangerous
            .map(|wanted| {
                let rules: Vec<&str> = wanted.rules.iter().map(|rule| rule.name.as_str()).collect();
                let words = format!(
                    "{} = {}, for {}: at the next boot {}; `--allow risky` agrees to that",
                    wanted.target.name(),
                    wanted.kept,
                    rules.join(" and "),
                    wanted.dangers.join("; ")
                );
                (wanted.target.clone(), words)
            })
            .collect()
    }

    /// Fits limits on open files and the room that they need into each other, and plans that room for now.
    fn fit(
        &self,
        wishes: &mut Wishes,
        lasting: &dyn Fn(&Target) -> bool,
        plan: &mut Plan,
        permissions: &Permissions,
        unit: Option<&str>,
        host: &Host<'_>,
    ) -> Fitted {
        let machine = self.ground.machine.as_ref();
        let is_ceiling = |step: &&Step| matches!(&step.parameter, Parameter::Sysctl { name } if name == ceiling::KEY);
        let planned = plan.steps.iter().find(is_ceiling).and_then(|step| step.to.parse().ok());
        let now = planned.or_else(|| ceiling::now(machine));
        let mut fitted = room::fit(wishes, lasting, now, unit, host);
        let Some(raise) = fitted.raise.take_if(|raise| now.is_none_or(|now| raise.to > now)) else {
            return fitted;
        };
        match plan.add(ceiling::KEY, &raise.to.to_string(), &raise.rules, machine, permissions) {
            Ok(()) => fitted.raise = Some(raise),
            Err(why) => fitted.refused.push(room::refuse(wishes, &raise, unit, &why)),
        }
        fitted
    }

    /// The same for the limit on open files of one unit: what needs room brings it into the wishes, and else leaves the drop-in.
    fn fit_unit(
        &self,
        drop_in: &mut DropIn,
        wishes: &mut Wishes,
        plan: &mut Plan,
        permissions: &Permissions,
        host: &Host<'_>,
    ) -> Fitted {
        let Some(mut own) = drop_in.open_files(wishes) else {
            return Fitted::default();
        };
        let is_limit = |target: &Target| matches!(target, Target::Limit(..));
        let fitted = self.fit(&mut own, &is_limit, plan, permissions, Some(&drop_in.unit), host);
        if !fitted.refused.is_empty() {
            drop_in.without_open_files();
        }
        if let Some(raise) = &fitted.raise {
            let asked = own.wanted.into_iter().find(|wanted| room::is_ceiling(&wanted.target));
            let rules = asked.map(|asked| asked.rules).unwrap_or_default();
            room::bring(wishes, raise.to, ceiling::now(self.ground.machine.as_ref()), rules);
        }
        fitted
    }

    /// Writes the files. Where that fails, what was just applied is undone as well: all of it is made, or nothing.
    fn persist(&self, persistence: &Persistence, id: Option<u64>, streams: &mut Streams) -> Result<(), CommandError> {
        if persistence.files.is_empty() {
            return Ok(());
        }
        let _held = shim::hold_signals();
        let ground = self.ground;
        let Err(error) = persist::write(persistence, &ground.disk, &ground.journal) else {
            let paths: Vec<&str> = persistence.files.iter().map(|file| file.path.as_str()).collect();
            streams.message(&format!(
                "runup: written {}; `runup revert --persist` removes what runup wrote\n",
                paths.join(", ")
            ));
            return Ok(());
        };
        let Some(id) = id else {
            return Err(CommandError::Message(format!("{error}\n  nothing was changed")));
        };
        let request = Request {
            id: Some(id),
            own: true,
            force: false,
        };
        let undone = revert(request, ground.machine.as_ref(), &ground.disk, &ground.journal);
        let undone = match undone {
            Ok(reverted) if reverted.complete() => "what was applied was undone".to_owned(),
            _ => format!("what was applied could not be undone; `runup revert {id}` tries again"),
        };
        Err(CommandError::Message(format!("{error}\n  {undone}")))
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
