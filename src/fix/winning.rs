//! Which file of sysctl.d a setting is written to so that the next boot ends with it, and which settings are written nowhere.
//!
//! Files are read in the order of their names, and the last line for a key counts. Against a later file of a package runup's own
//! takes a name that comes after it; what the administrator wrote is never overruled, and is named instead. Where the boot is right
//! by somebody else's line, no second one is written. Nothing is written where nothing is known to read it.

use super::disk::{Disk, DiskError};
use super::sealed::{is_sealed, names_in, there};
use crate::catalogue;
use crate::dialect::limits_d::LIMITS_D;
use crate::dialect::sysctl_d::SYSCTL_D;
use crate::engine::Wanted;
use crate::persisted::logins::{self, ForAll};
use crate::persisted::{Assignment, Outlook, Persisted, Start};
use crate::rule::{Side, Target};
use crate::system::{Resource, System};

/// The directory of the administrator, where runup's own file is.
const DIRECTORY: &str = "/etc/sysctl.d";

/// Names that come ever later, for when a package's file comes after the usual one.
const LATER: &[&str] = &["99-runup.conf", "99-zz-runup.conf", "zz-runup.conf", "zzzz-runup.conf"];

/// What came of it.
pub(super) struct Chosen {
    /// The file.
    pub(super) path: String,
    /// What is written.
    pub(super) wanted: Vec<Wanted>,
    /// What is not, why, and what to do.
    pub(super) refused: Vec<String>,
    /// Keys of runup's file so far that somebody else's line overruled: under a name that comes later they would overrule it.
    pub(super) overruled: Vec<String>,
}

/// Every file of runup's in the directory, by whichever of its names, in the order in which they are read. A copy that somebody made
/// under another name is theirs.
///
/// # Errors
/// The directory or a file in it cannot be read.
pub(super) fn own_files(disk: &dyn Disk) -> Result<Vec<String>, DiskError> {
    let mut own = Vec::new();
    for name in names_in(disk, DIRECTORY)? {
        if !SYSCTL_D.ends_with(&format!("/{name}")) && !LATER.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{DIRECTORY}/{name}");
        let is_own = path == SYSCTL_D || there(disk, &path)?.is_some_and(|bytes| is_sealed(&bytes));
        if is_own {
            own.push(path);
        }
    }
    own.sort();
    Ok(own)
}

/// Every path that a file of runup's may have there.
pub(super) fn paths() -> impl Iterator<Item = String> {
    let later = LATER.iter().map(|name| format!("{DIRECTORY}/{name}"));
    later.chain([SYSCTL_D.to_owned()])
}

/// Chooses.
pub(super) fn choose(wanted: Vec<Wanted>, own: &[String], system: &dyn System) -> Chosen {
    let persisted = Persisted::read(system);
    let path = own.last().map_or(SYSCTL_D, String::as_str).to_owned();
    let is_own = |file: &str| own.iter().any(|own| own == file);
    let mut chosen = Chosen {
        path,
        wanted: Vec::new(),
        refused: Vec::new(),
        overruled: Vec::new(),
    };
    let is_right = |wanted: &Wanted| {
        let Outlook { set, doubt, .. } = persisted.outlook(wanted.target.name(), system);
        let set = set.filter(|set| doubt.is_none() && !is_own(&set.file));
        set.is_some_and(|set| wanted.is_satisfied_by(&set.value))
    };
    let open: Vec<Wanted> = wanted.into_iter().filter(|wanted| !is_right(wanted)).collect();
    if open.is_empty() {
        return chosen;
    }
    if !persisted.start().reads() {
        chosen.refused.push(nobody_reads(&open, persisted.start()));
        return chosen;
    }
    let (mut kept, mut beaten) = (Vec::new(), Vec::new());
    let with = persisted.with_file(&chosen.path, &text(&open));
    // What is written beside it comes first where it must.
    let together: Vec<String> = open.iter().map(|wanted| wanted.target.name().to_owned()).collect();
    let refused = |wanted: &Wanted, with: &Persisted| {
        let key = wanted.target.name();
        let (lower, upper) = catalogue::kept_below(key)?;
        let other = if key == lower { upper } else { lower };
        let why = with
            .out_of_bounds(key, system)
            .filter(|_| !together.iter().any(|known| known == other))?;
        Some(format!("{}: {why}. Have a profile ask for {other} too", asked(wanted)))
    };
    for wanted in open {
        match after(&wanted, &with, &chosen.path, system) {
            None if let Some(why) = refused(&wanted, &with) => chosen.refused.push(why),
            Some(by) if !is_of_a_package(&by.file, system) => chosen.refused.push(overruled(&wanted, &by)),
            Some(_) => beaten.push(wanted),
            None => kept.push(wanted),
        }
    }
    if !beaten.is_empty() {
        let all = text(kept.iter().chain(&beaten));
        let wins = |name: &&&str| {
            let path = format!("{DIRECTORY}/{name}");
            let with = persisted.with_file(&path, &all);
            path > chosen.path
                && beaten
                    .iter()
                    .all(|wanted| after(wanted, &with, &path, system).is_none())
        };
        match LATER.iter().find(wins) {
            Some(name) => {
                chosen.overruled = not_counting(own, &persisted, system);
                chosen.path = format!("{DIRECTORY}/{name}");
                kept.append(&mut beaten);
            }
            None => {
                let with = persisted.with_file(&chosen.path, &all);
                let by = |wanted: &Wanted| Some(overruled(wanted, &after(wanted, &with, &chosen.path, system)?));
                chosen.refused.extend(beaten.iter().filter_map(by));
            }
        }
    }
    chosen.wanted = kept;
    chosen
}

/// Of limits of logins those that a file of ours can give to everybody, and why the others are in none. All files of limits.d are
/// the administrator's.
pub(super) fn limits(wanted: Vec<Wanted>, system: &dyn System) -> (Vec<Wanted>, Vec<String>) {
    let mut refused: Vec<(Resource, String)> = Vec::new();
    let mut right: Vec<Target> = Vec::new();
    for wanted in &wanted {
        let Target::Limit(resource, side) = wanted.target else {
            continue;
        };
        let [soft, hard] = logins::for_all(system, resource);
        let last = match side {
            Side::Soft => soft,
            Side::Hard => hard,
        };
        let Some(last) = last.filter(|last| last.file != LIMITS_D) else {
            continue;
        };
        let comes_later = last.file.starts_with("/etc/security/limits.d/") && last.file.as_str() > LIMITS_D;
        if wanted.is_satisfied_by(&last.limit.to_string()) {
            right.push(wanted.target.clone());
        } else if comes_later {
            refused.push((resource, overruled_limit(wanted, &last)));
        }
    }
    let mut left = wanted;
    left.retain(|wanted| match wanted.target {
        Target::Limit(resource, _) => {
            let of_it = |target: &&Target| matches!(target, Target::Limit(other, _) if *other == resource);
            // A soft limit and its hard one are written together.
            let is_right = right.iter().filter(of_it).count() == 2;
            !is_right && refused.iter().all(|(other, _)| *other != resource)
        }
        Target::Sysctl(_) | Target::Sysfs(_) | Target::Cgroup(_) | Target::Swap => true,
    });
    (left, refused.into_iter().map(|(_, why)| why).collect())
}

fn overruled_limit(wanted: &Wanted, by: &ForAll) -> String {
    format!(
        "{}: it would not last, since {} gives everybody {} after any line of runup's. Change or delete that line, and run this again",
        asked(wanted),
        by.place,
        by.limit
    )
}

/// The line that has the last word over one of a file of ours, where that is not as the rules ask.
fn after(wanted: &Wanted, with: &Persisted, path: &str, system: &dyn System) -> Option<Assignment> {
    let set = with.outlook(wanted.target.name(), system).set?;
    (set.file != path && !wanted.is_satisfied_by(&set.value)).then_some(set)
}

/// Whether a file came with a package, or is made anew at each start: nobody's own words. A link counts as what it leads to.
fn is_of_a_package(file: &str, system: &dyn System) -> bool {
    let target = system.read_link(file).ok();
    let target = target.map(|link| crate::persisted::files::target(DIRECTORY, &link));
    let file = target.as_deref().unwrap_or(file);
    ["/usr/lib/", "/lib/", "/run/"]
        .iter()
        .any(|place| file.starts_with(place))
}

/// Keys that runup's own files set without effect.
fn not_counting(own: &[String], persisted: &Persisted, system: &dyn System) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, line) in persisted.own_lines() {
        let counts = |set: Assignment| own.contains(&set.file);
        if own.contains(&line.file) && !persisted.outlook(&key, system).set.is_some_and(counts) {
            keys.push(key);
        }
    }
    keys
}

fn text<'a>(wanted: impl IntoIterator<Item = &'a Wanted>) -> String {
    let line = |wanted: &Wanted| format!("{} = {}\n", wanted.target.name(), wanted.kept);
    wanted.into_iter().map(line).collect()
}

fn asked(wanted: &Wanted) -> String {
    let mut rules: Vec<&str> = wanted.rules.iter().map(|rule| rule.name.as_str()).collect();
    rules.dedup();
    format!(
        "{} = {}, for {}",
        wanted.target.name(),
        wanted.kept,
        rules.join(" and ")
    )
}

fn overruled(wanted: &Wanted, by: &Assignment) -> String {
    format!(
        "{}: it would not last, since {}:{} sets it to {} after any line of runup's. Change or delete that line, and run this again",
        asked(wanted),
        by.file,
        by.line,
        by.value
    )
}

fn nobody_reads(wanted: &[Wanted], start: &Start) -> String {
    let all: Vec<String> = wanted.iter().map(asked).collect();
    let settings: Vec<String> = wanted
        .iter()
        .map(|wanted| {
            let value = wanted.kept.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            match value.contains(' ') {
                true => format!("sysctl.{}=\"{value}\"", wanted.target.name()),
                false => format!("sysctl.{}={value}", wanted.target.name()),
            }
        })
        .collect();
    let settings = settings.join(" ");
    let what_to_do = if start.is_masked {
        "Let systemd run the program again, with `systemctl unmask systemd-sysctl.service`, and run this again"
            .to_owned()
    } else if start.is_wsl {
        format!(
            "Have systemd started, with the lines `[boot]` and `systemd=true` in /etc/wsl.conf, then `wsl --shutdown` from Windows, and \
             run this again. Or let the kernel set it: `[wsl2]` and `kernelCommandLine = {settings}` in %UserProfile%\\.wslconfig"
        )
    } else {
        format!(
            "Have the init system run `sysctl --system` (OpenRC: `rc-update add sysctl boot`), and run this again. Or let the kernel set \
             it, since 5.8, on its command line: {settings}"
        )
    };
    format!("{}: {}. {what_to_do}", all.join("; "), start.nobody())
}
