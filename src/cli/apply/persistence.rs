//! What `apply --persist` writes, so that it is there after the next boot too.

use std::collections::HashSet;

use super::super::CommandError;
use super::super::output::Streams;
use super::Run;
use crate::catalogue;
use crate::engine::{Check, Wishes};
use crate::finding::{Outcome, Report};
use crate::fix::journal::Entry;
use crate::fix::persist::{self, PersistError, Persistence};
use crate::fix::plan::{Consent, Left, Permissions, Plan};
use crate::fix::revert::{Request, revert};
use crate::fix::room::{self, Fitted};
use crate::fix::units::{self, DropIn};
use crate::fix::{Parameter, Step, guard, programs};
use crate::host::Host;
use crate::persisted::ceiling;
use crate::rule::{Reach, Target};
use crate::shim;
use crate::system::Same;

impl Run<'_> {
    /// The files that make last what is planned, what was applied before, and what the next boot would undo.
    /// What they need besides is planned along with them.
    pub(super) fn persistence(
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
    pub(super) fn persist(
        &self,
        persistence: &Persistence,
        id: Option<u64>,
        streams: &mut Streams,
    ) -> Result<(), CommandError> {
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
}
