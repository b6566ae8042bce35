//! Limits on open files and `fs.nr_open`, which none of them may be above: made to last together, or not at all.
//!
//! pam_limits sets what limits.d says at every login. Where the kernel refuses that, most systems refuse the login, root's and
//! that of sudo(8) too; Debian goes on without the limit. A service's manager gives it what it can, which is less than was asked.

use crate::dialect::sysctl_d::SYSCTL_D;
use crate::engine::{Asker, Demand, Wanted, Wishes};
use crate::host::Host;
use crate::persisted::ceiling::{self, AtBoot};
use crate::persisted::logins;
use crate::rule::{Scope, Target};
use crate::system::{Os, Resource};
use crate::value::Number;

/// What comes of the limits that files are to give.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fitted {
    /// What needs room that must be made at once and at every boot.
    pub raise: Option<Raise>,
    /// What is in no file, and why.
    pub refused: Vec<String>,
}

/// Room that limits need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    /// What `fs.nr_open` must be.
    pub to: i128,
    /// The rules whose limits need it.
    pub rules: Vec<String>,
    /// The highest of the limits.
    needed: Number,
}

/// Fits wishes that are about to be written: what needs room in `fs.nr_open` brings it along, and what cannot have it is taken
/// out. `now` is what `fs.nr_open` will be when everything that is planned is made, `unit` the service that the limits are for.
#[must_use]
pub fn fit(
    wishes: &mut Wishes,
    lasting: &dyn Fn(&Target) -> bool,
    now: Option<i128>,
    unit: Option<&str>,
    host: &Host<'_>,
) -> Fitted {
    let mut fitted = Fitted::default();
    if host.system.platform().os != Os::Linux {
        return fitted;
    }
    wishes.fitted = true;
    let nofile = |wanted: &&Wanted| is_nofile(&wanted.target) && lasting(&wanted.target);
    let limits: Vec<&Wanted> = wishes.wanted.iter().filter(nofile).collect();
    let needed = limits
        .iter()
        .filter_map(|wanted| Number::parse(&wanted.kept).ok())
        .max();
    if let Some(needed) = needed {
        let rules = rules_of(&limits);
        let room = match needed {
            Number::Finite(number) => room_for(number, now, &rules, wishes, host),
            // systemd takes this for as much as there may be.
            Number::Unlimited if unit.is_some() => Ok(None),
            Number::Unlimited => {
                Err("without a bound a login fails where PAM is older than 1.5.2; ask for a number".to_owned())
            }
        };
        match room {
            Ok(None) => {}
            Ok(Some(to)) => {
                let askers = limits.iter().flat_map(|wanted| wanted.rules.iter().cloned()).collect();
                bring(wishes, to, now, askers);
                fitted.raise = Some(Raise { to, rules, needed });
            }
            Err(why) => {
                let raise = Raise { to: 0, rules, needed };
                fitted.refused.push(refuse(wishes, &raise, unit, &why));
            }
        }
    }
    let named = |wanted: &Wanted| is_ceiling(&wanted.target) && (fitted.raise.is_some() || lasting(&wanted.target));
    if let Some(at) = wishes.wanted.iter().position(named)
        && let Err(why) = keep_above_logins(&mut wishes.wanted[at], host)
    {
        wishes.wanted.remove(at);
        fitted.refused.push(why);
    }
    fitted
}

/// Takes the limits out, and what would make room for them. Returns that and why, for a person.
pub fn refuse(wishes: &mut Wishes, raise: &Raise, unit: Option<&str>, why: &str) -> String {
    let bound = |target: &Target| is_nofile(target) || is_ceiling(target);
    wishes.wanted.retain(|wanted| !bound(&wanted.target));
    let (what, harm) = match unit {
        Some(unit) => (format!("the limit of {unit}"), "the service would not get it"),
        None => ("the limit of logins".to_owned(), "logins would fail, or lose the limit"),
    };
    format!(
        "{what} on open files, and {} with it: {} would set {}, and {harm}: {why}",
        ceiling::KEY,
        raise.rules.join(" and "),
        raise.needed
    )
}

fn is_nofile(target: &Target) -> bool {
    matches!(target, Target::Limit(Resource::Nofile, _))
}

/// Whether this is `fs.nr_open`.
#[must_use]
pub fn is_ceiling(target: &Target) -> bool {
    matches!(target, Target::Sysctl(name) if name == ceiling::KEY)
}

fn rules_of(limits: &[&Wanted]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for rule in limits.iter().flat_map(|wanted| &wanted.rules) {
        if !names.contains(&rule.name) {
            names.push(rule.name.clone());
        }
    }
    names
}

/// What `fs.nr_open` must become for a limit; `None` where there is room, now and after the next boot. Else why there cannot be.
fn room_for(
    needed: i128,
    now: Option<i128>,
    rules: &[String],
    wishes: &Wishes,
    host: &Host<'_>,
) -> Result<Option<i128>, String> {
    let persisted = host.persisted().cloned().unwrap_or_default();
    let next = persisted.lowest_ceiling(host.system);
    // Where it cannot be read it is taken for what the kernel starts with.
    if needed <= now.unwrap_or(ceiling::AT_START) && needed <= next.value {
        return Ok(None);
    }
    let Some(now) = now else {
        return Err(format!("{} cannot be read", ceiling::KEY));
    };
    let is = |next: &AtBoot| format!("{} is {now} now, and {}", ceiling::KEY, next.describe());
    if needed > ceiling::MOST {
        return Err(format!(
            "{}; the kernel takes no more than {}",
            is(&next),
            ceiling::MOST
        ));
    }
    let to = needed.max(now);
    // Rules that say nothing of a ceiling may stand before one that does.
    let ceilings = wishes.wanted.iter().filter(|wanted| is_ceiling(&wanted.target));
    let mut lowest = ceilings.filter_map(|asked| Some((at_most(asked)?, asked)));
    if let Some((most, asked)) = lowest.find(|(most, _)| *most < to) {
        let others = asked.rules.iter().map(|rule| &rule.name);
        let others: Vec<&str> = others
            .filter(|name| !rules.contains(name))
            .map(String::as_str)
            .collect();
        return Err(format!(
            "{}, and {} wants at most {most}",
            is(&next),
            others.join(" and ")
        ));
    }
    // Whichever came first is among the wishes; that the other one is not must not count as its consent.
    let mut found = wishes.contradictions.iter();
    if let Some(found) = found.find(|found| found.names.iter().any(|name| name == ceiling::KEY)) {
        let [(one, asks), (other, asks_too)] = &found.sides;
        return Err(format!(
            "{}, and of that {one} asks for {asks}, {other} for {asks_too}",
            is(&next)
        ));
    }
    let with_ours = persisted.with_file(SYSCTL_D, &format!("{} = {to}\n", ceiling::KEY));
    let next = with_ours.lowest_ceiling(host.system);
    match next.by.as_ref() {
        _ if next.value >= needed => Ok(Some(to)),
        None => Err(format!(
            "{}: nothing is known here that reads the files of sysctl.d when the machine starts",
            is(&next)
        )),
        Some(by) => Err(format!(
            "{}, after {SYSCTL_D} is read. Make it {to} in {}:{} or delete that line, and run this again",
            is(&next),
            by.file,
            by.line
        )),
    }
}

/// The most that rules allow a key.
fn at_most(wanted: &Wanted) -> Option<i128> {
    let finite = |number: Number| match number {
        Number::Finite(number) => Some(number),
        Number::Unlimited => None,
    };
    match &wanted.demand {
        Demand::Bounds(bounds) => bounds.first()?.1.and_then(finite),
        Demand::Among(words) => words.iter().filter_map(|word| finite(Number::parse(word).ok()?)).max(),
        Demand::Range(_) | Demand::Without(_) => None,
    }
}

/// A file of ours does not set `fs.nr_open` below what a login gets and the next boot would have had room for.
///
/// # Errors
/// The rules want it lower; a sentence for a person.
fn keep_above_logins(wanted: &mut Wanted, host: &Host<'_>) -> Result<(), String> {
    let Ok(Some(given)) = logins::highest_nofile(host.system) else {
        return Ok(());
    };
    let persisted = host.persisted().cloned().unwrap_or_default();
    let (Number::Finite(limit), Ok(kept)) = (given.limit, wanted.kept.parse::<i128>()) else {
        return Ok(());
    };
    if kept >= limit || limit > persisted.lowest_ceiling(host.system).value {
        return Ok(());
    }
    if at_most(wanted).is_some_and(|most| most < limit) {
        return Err(format!(
            "{}: it would be {kept}, and {} gives {} {limit} open files: those logins would fail. Lower that limit first",
            ceiling::KEY,
            given.place,
            given.domain
        ));
    }
    wanted.kept = limit.to_string();
    Ok(())
}

/// Asks for room where nothing else does, and for enough of it.
pub fn bring(wishes: &mut Wishes, to: i128, now: Option<i128>, rules: Vec<Asker>) {
    let enough = |text: &str| Number::parse(text).is_ok_and(|number| number >= Number::Finite(to));
    if let Some(known) = wishes.wanted.iter_mut().find(|wanted| is_ceiling(&wanted.target)) {
        if !enough(&known.kept) {
            known.kept = to.to_string();
        }
        return;
    }
    wishes.wanted.push(Wanted {
        target: Target::Sysctl(ceiling::KEY.to_owned()),
        scope: Scope::Host,
        live: now.map(|now| now.to_string()),
        asked: Some(to.to_string()),
        kept: to.to_string(),
        holds: now.is_some_and(|now| now >= to),
        better: false,
        demand: Demand::Bounds(vec![(Some(Number::Finite(to)), None)]),
        rules,
        dangers: Vec::new(),
    });
}

/// The text of a limits.d file without lines that no login could have: what an earlier run wrote stays only as far as it does no
/// harm. `sysctls` is the file of sysctl.d with the text that it will have, if one is written.
pub(super) fn without_harm(text: &str, sysctls: Option<(&str, &str)>, host: &Host<'_>) -> String {
    let mut persisted = host.persisted().cloned().unwrap_or_default();
    if let Some((path, sysctls)) = sysctls {
        persisted = persisted.with_file(path, sysctls);
    }
    let most = persisted.lowest_ceiling(host.system).value;
    let harmless = |line: &&str| logins::open_files_in(line).all(|given| given <= Number::Finite(most));
    text.lines().filter(harmless).map(|line| format!("{line}\n")).collect()
}
