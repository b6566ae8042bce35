//! The cgroup of a unit, and its main process.

use super::unit::{Manager, Unit};
use crate::accounts::rows;
use crate::glob::matches;
use crate::host::Host;
use crate::system::{Failure, Limits, Resource, System, parent_and_start, row_of_limits};

/// A unit that has a cgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its directory in the hierarchy that systemd keeps.
    pub directory: String,
    /// Its path in it: `/system.slice/nginx.service`.
    pub path: String,
    /// Whose manager has it.
    pub manager: Manager,
    /// Its processes, those of cgroups below included, ascending.
    pub pids: Vec<u32>,
}

/// Why a unit's cgroup was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// There is none: it does not run.
    Inactive,
    /// Several users have one of that name.
    Ambiguous(Vec<String>),
    /// The hierarchy cannot be read.
    Unreadable(String),
}

impl std::fmt::Display for NotFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotFound::Inactive => f.write_str("it does not run"),
            NotFound::Ambiguous(paths) => write!(f, "several users have one: {}", paths.join(", ")),
            NotFound::Unreadable(why) => f.write_str(why),
        }
    }
}

/// Where systemd keeps its hierarchy: the named one of version 1, else version 2.
fn hierarchy(host: &Host<'_>) -> Option<String> {
    let mounts = host.mounts().ok()?;
    let named = mounts
        .iter()
        .rfind(|mount| mount.kind == "cgroup" && mount.options.iter().any(|option| option == "name=systemd"));
    let mount = named.or_else(|| mounts.iter().rfind(|mount| mount.kind == "cgroup2"))?;
    Some(mount.path.clone())
}

/// The cgroup of a unit.
///
/// # Errors
/// See [`NotFound`].
pub fn find(host: &Host<'_>, name: &str) -> Result<Running, NotFound> {
    let root = hierarchy(host).ok_or_else(no_hierarchy)?;
    let mut found = Vec::new();
    search(host.system, &root, "", &|entry| entry == name, &mut found).map_err(NotFound::Unreadable)?;
    // The system's own counts before those of users; of these, the one of whoever asks.
    let own = format!("/user-{}.slice/", host.system.identity().uid);
    let best = found
        .iter()
        .find(|path| !path.contains("/user@"))
        .or_else(|| found.iter().find(|path| path.contains(&own)));
    let path = match (best, found.as_slice()) {
        (Some(path), _) | (None, [path]) => path.clone(),
        (None, []) => return Err(NotFound::Inactive),
        (None, _) => return Err(NotFound::Ambiguous(found)),
    };
    let directory = format!("{root}{path}");
    let mut pids = Vec::new();
    collect(host.system, &directory, &mut pids).map_err(NotFound::Unreadable)?;
    pids.sort_unstable();
    Ok(Running {
        manager: manager_of(host, &path),
        directory,
        path,
        pids,
    })
}

/// The names of the system's units that have a cgroup and match a pattern, sorted.
///
/// # Errors
/// [`NotFound::Unreadable`].
pub fn running(host: &Host<'_>, pattern: &str) -> Result<Vec<String>, NotFound> {
    let root = hierarchy(host).ok_or_else(no_hierarchy)?;
    let mut found = Vec::new();
    let is_it = |entry: &str| matches(pattern, entry);
    search(host.system, &root, "", &is_it, &mut found).map_err(NotFound::Unreadable)?;
    let system_own = found.iter().filter(|path| !path.contains("/user@"));
    let mut names: Vec<String> = system_own
        .filter_map(|path| path.rsplit('/').next())
        .map(|entry| entry.strip_prefix('_').unwrap_or(entry).to_owned())
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn no_hierarchy() -> NotFound {
    NotFound::Unreadable("no cgroup hierarchy is mounted here".to_owned())
}

/// A unit by any of its names, and its cgroup. What does not run is looked for with the system's manager.
pub fn look(host: &Host<'_>, name: &str) -> (Unit, Result<Running, NotFound>) {
    let found = find(host, name);
    let manager = found
        .as_ref()
        .map_or(Manager::System, |running| running.manager.clone());
    let unit = Unit::read(host.system, &manager, name);
    match found {
        // An alias has no cgroup; its unit has one.
        Err(NotFound::Inactive) if unit.name != name => {
            let found = find(host, &unit.name);
            (unit, found)
        }
        found => (unit, found),
    }
}

/// Goes down through slices and users' managers alone: what is below a service is its own business.
fn search(
    system: &dyn System,
    root: &str,
    path: &str,
    is_it: &dyn Fn(&str) -> bool,
    found: &mut Vec<String>,
) -> Result<(), String> {
    let directory = format!("{root}{path}");
    let entries = match system.list(&directory) {
        Ok(entries) => entries,
        // It went meanwhile.
        Err(Failure::Absent) if !path.is_empty() => return Ok(()),
        Err(failure) => return Err(format!("{directory}: {failure}")),
    };
    for entry in entries {
        // A name that could be taken for a file of a controller has an underscore in front.
        if is_it(&entry) || entry.strip_prefix('_').is_some_and(is_it) {
            found.push(format!("{path}/{entry}"));
        }
        if entry.ends_with(".slice") || (entry.starts_with("user@") && entry.ends_with(".service")) {
            search(system, root, &format!("{path}/{entry}"), is_it, found)?;
        }
    }
    Ok(())
}

/// The processes of a cgroup and of those below it.
fn collect(system: &dyn System, directory: &str, pids: &mut Vec<u32>) -> Result<(), String> {
    let file = format!("{directory}/cgroup.procs");
    match system.read(&file) {
        Ok(text) => pids.extend(
            String::from_utf8_lossy(&text)
                .lines()
                .filter_map(|line| line.parse::<u32>().ok()),
        ),
        // It went meanwhile, or is a threaded one, whose processes are named above it.
        Err(Failure::Absent | Failure::Io(libc::EOPNOTSUPP)) => return Ok(()),
        Err(failure) => return Err(format!("{file}: {failure}")),
    }
    let entries = match system.list(directory) {
        Err(Failure::Absent) => return Ok(()),
        other => other.map_err(|failure| format!("{directory}: {failure}"))?,
    };
    for entry in entries {
        let below = format!("{directory}/{entry}");
        let file = format!("{below}/cgroup.procs");
        // Files of controllers have a dot in their names as units have; only a cgroup has processes.
        match system.stat(&file) {
            Ok(_) => collect(system, &below, pids)?,
            Err(Failure::Absent) => {}
            // A service with processes that nobody can see is not one without.
            Err(failure) => return Err(format!("{file}: {failure}")),
        }
    }
    Ok(())
}

/// Whose manager has the unit at a path: `/user.slice/user-1000.slice/user@1000.service/app.slice/x.service` is user 1000's.
#[must_use]
pub fn manager_of(host: &Host<'_>, path: &str) -> Manager {
    let owner = path.rsplit_once('/').and_then(|(parents, _)| {
        let (_, rest) = parents.rsplit_once("/user@")?;
        rest.split_once(".service")?.0.parse::<u32>().ok()
    });
    let Some(uid) = owner else { return Manager::System };
    let home = home_of(host, uid).unwrap_or_default();
    Manager::User { uid, home }
}

/// A user's home directory.
#[must_use]
pub fn home_of(host: &Host<'_>, uid: u32) -> Option<String> {
    let passwd = host.system.read("/etc/passwd").ok()?;
    let user = rows::users(&passwd).find(|user| user.uid == uid)?;
    // Without one it is no directory, and nothing is below it.
    (!user.home.is_empty()).then(|| String::from_utf8_lossy(user.home).into_owned())
}

/// The process that a unit is about. systemd remembers it, and tells nobody without being asked; what it goes by is known: the
/// file that the unit names, else the process that the manager started (its parent is none of the unit's), which runs the
/// program of `ExecStart=`; of several, the one that started first.
#[must_use]
pub fn main_process(host: &Host<'_>, running: &Running, unit: &Unit) -> Option<u32> {
    let named = unit.config.text("Service", "PIDFile").and_then(|file| {
        let file = if file.starts_with('/') {
            file
        } else {
            format!("/run/{file}")
        };
        host.text(&file).ok()?.parse::<u32>().ok()
    });
    if let Some(pid) = named.filter(|pid| running.pids.contains(pid)) {
        return Some(pid);
    }
    let program = unit
        .config
        .text("Service", "ExecStart")
        .and_then(|line| line.split_ascii_whitespace().next().map(str::to_owned));
    // The kernel keeps 15 bytes of a name.
    let program = program.as_deref().map(|path| {
        let name = path
            .trim_start_matches(['@', '-', ':', '+', '!'])
            .rsplit('/')
            .next()
            .unwrap_or_default();
        name.as_bytes()[..name.len().min(15)].to_vec()
    });
    let mut candidates: Vec<(bool, u64, u32)> = Vec::new();
    for pid in &running.pids {
        let Ok(stat) = host.system.read(&format!("/proc/{pid}/stat")) else {
            continue;
        };
        let Some((name, parent, start)) = parent_and_start(&stat) else {
            continue;
        };
        if !running.pids.contains(&parent) {
            let other = program.as_deref().is_some_and(|program| program != name);
            candidates.push((other, start, *pid));
        }
    }
    candidates.sort_unstable();
    candidates.first().map(|(_, _, pid)| *pid)
}

/// The limits of a process, by its directory in `/proc`.
///
/// # Errors
/// Any [`Failure`] of reading its table.
pub fn limits_of(system: &dyn System, directory: &str, resource: Resource) -> Result<Limits, Failure> {
    let text = system.read(&format!("{directory}/limits"))?;
    row_of_limits(&String::from_utf8_lossy(&text), resource)
}

/// The unit that a process belongs to, with its path in systemd's hierarchy.
#[must_use]
pub fn unit_of(host: &Host<'_>, directory: &str) -> Option<(String, String)> {
    let text = host.text(&format!("{directory}/cgroup")).ok()?;
    let path = |controllers: &str| {
        text.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            (fields.next()? == controllers).then(|| fields.next().unwrap_or("/").to_owned())
        })
    };
    let path = path("name=systemd").or_else(|| path(""))?;
    // What is below a service or a scope is its own business, except that a user's manager has units of its own.
    let mut end = 0;
    let mut found = None;
    for segment in path.split('/') {
        end += segment.len();
        let name = segment.strip_prefix('_').unwrap_or(segment);
        if name.ends_with(".service") || name.ends_with(".scope") {
            found = Some((name.to_owned(), path[..end].to_owned()));
            if !name.starts_with("user@") {
                break;
            }
        }
        end += 1;
    }
    found
}
