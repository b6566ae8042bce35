//! A unit's file, its other names and its drop-ins.

use super::config::{Config, Setting};
use crate::persisted::files::{name_of, target};
use crate::system::{Failure, System};
use runup_language::document::shape::is_name;

/// Whose manager has a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manager {
    /// The first process.
    System,
    /// A user's.
    User {
        /// Who.
        uid: u32,
        /// The home directory; empty where it is not known.
        home: String,
    },
}

impl Manager {
    /// The directories of units, the one that counts most first.
    fn directories(&self) -> Vec<String> {
        match self {
            Manager::System => [
                "/etc/systemd/system.control",
                "/run/systemd/system.control",
                "/run/systemd/transient",
                "/run/systemd/generator.early",
                "/etc/systemd/system",
                "/etc/systemd/system.attached",
                "/run/systemd/system",
                "/run/systemd/system.attached",
                "/run/systemd/generator",
                "/usr/local/lib/systemd/system",
                "/usr/lib/systemd/system",
                "/lib/systemd/system",
                "/run/systemd/generator.late",
            ]
            .map(str::to_owned)
            .to_vec(),
            Manager::User { uid, home } => {
                let own = |below: &str| (!home.is_empty()).then(|| format!("{home}/{below}"));
                let run = |below: &str| Some(format!("/run/user/{uid}/systemd/{below}"));
                let all = |path: &str| Some(path.to_owned());
                [
                    own(".config/systemd/user.control"),
                    run("user.control"),
                    run("transient"),
                    run("generator.early"),
                    own(".config/systemd/user"),
                    all("/etc/systemd/user"),
                    run("user"),
                    all("/run/systemd/user"),
                    run("generator"),
                    own(".local/share/systemd/user"),
                    all("/usr/local/share/systemd/user"),
                    all("/usr/share/systemd/user"),
                    all("/usr/local/lib/systemd/user"),
                    all("/usr/lib/systemd/user"),
                    run("generator.late"),
                ]
                .into_iter()
                .flatten()
                .collect()
            }
        }
    }

    /// The name of its configuration file.
    pub fn configuration(&self) -> &'static str {
        match self {
            Manager::System => "system.conf",
            Manager::User { .. } => "user.conf",
        }
    }
}

/// A unit as its files describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its own name, which an alias is not.
    pub name: String,
    /// Its other names that have drop-ins.
    pub aliases: Vec<String>,
    /// Its file; `None` where there is none.
    pub file: Option<String>,
    /// A link to `/dev/null` keeps it from being started.
    pub masked: bool,
    /// What its file and its drop-ins say.
    pub config: Config,
}

/// A unit's name as systemctl completes it: without a type it is a service.
#[must_use]
pub fn full_name(name: &str) -> String {
    if type_of(name).is_some() {
        name.to_owned()
    } else {
        format!("{name}.service")
    }
}

/// The type that a name ends with.
pub fn type_of(name: &str) -> Option<&str> {
    const TYPES: &[&str] = &[
        "service",
        "scope",
        "slice",
        "socket",
        "timer",
        "target",
        "mount",
        "automount",
        "swap",
        "path",
        "device",
    ];
    let (prefix, kind) = name.rsplit_once('.')?;
    (!prefix.is_empty() && TYPES.contains(&kind)).then_some(kind)
}

/// Whether a text can name a unit: the characters that systemd takes, and nothing that leaves a directory.
#[must_use]
pub fn is_unit_name(name: &str) -> bool {
    let plain = name.replace(['@', ':', '\\'], "a");
    name.len() < 256 && (is_name(&plain) || (plain.starts_with(['-', '_']) && is_name(&plain[1..])))
}

/// `foo@bar.service` is an instance of `foo@.service`.
fn template_of(name: &str) -> Option<String> {
    let (stem, kind) = name.rsplit_once('.')?;
    let (prefix, instance) = stem.split_once('@')?;
    (!instance.is_empty()).then(|| format!("{prefix}@.{kind}"))
}

/// The directories of drop-ins that a name has below a directory of units, in the order in which they mask one another:
/// `a-b@c.service.d`, those of the template `a-b@.service`, those of `a-@c.service`.
fn drop_in_names(name: &str, names: &mut Vec<String>) {
    names.push(format!("{name}.d"));
    if let Some(template) = template_of(name) {
        drop_in_names(&template, names);
    }
    let Some((stem, kind)) = name.rsplit_once('.') else {
        return;
    };
    let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
    // A dash at the end is what was cut off already.
    let Some(at) = prefix.trim_end_matches('-').rfind('-') else {
        return;
    };
    let shorter = &prefix[..=at];
    if instance.is_empty() {
        drop_in_names(&format!("{shorter}.{kind}"), names);
    } else {
        drop_in_names(&format!("{shorter}@{instance}.{kind}"), names);
    }
}

impl Unit {
    /// Reads a unit of a manager by any of its names.
    #[must_use]
    pub fn read(system: &dyn System, manager: &Manager, name: &str) -> Self {
        let directories = manager.directories();
        let found = fragment(system, &directories, name);
        let own = found.as_ref().map_or(name, |found| found.name.as_str()).to_owned();
        let mut unit = Self {
            aliases: Vec::new(),
            file: found.as_ref().map(|found| found.path.clone()),
            masked: found.as_ref().is_some_and(|found| found.masked),
            config: Config::default(),
            name: own,
        };
        if let (Some(path), false) = (&unit.file, unit.masked) {
            unit.config.add(path, system);
        }
        unit.aliases = unit.other_names(system, &directories, name);
        let mut places: Vec<String> = Vec::new();
        let names = std::iter::once(&unit.name).chain(&unit.aliases);
        for name in names {
            let mut below = Vec::new();
            drop_in_names(name, &mut below);
            for directory in &directories {
                places.extend(below.iter().map(|below| format!("{directory}/{below}")));
            }
        }
        if let Some(kind) = type_of(&unit.name) {
            places.extend(directories.iter().map(|directory| format!("{directory}/{kind}.d")));
        }
        unit.config.add_drop_ins(system, &places);
        unit
    }

    /// Whether a manager has a file of this name, or a link: for the many that no machine has this costs less than to read it.
    #[must_use]
    pub fn is_there(system: &dyn System, manager: &Manager, name: &str) -> bool {
        let directories = manager.directories();
        directories
            .iter()
            .any(|directory| system.stat(&format!("{directory}/{name}")).is_ok())
    }

    /// The names other than its own that lead to it, and have drop-ins.
    fn other_names(&self, system: &dyn System, directories: &[String], asked: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for directory in directories {
            for entry in system.list(directory).unwrap_or_default() {
                let Some(name) = entry.strip_suffix(".d") else { continue };
                let other = name != self.name && type_of(name) == type_of(&self.name);
                if !other || names.iter().any(|known| known == name) {
                    continue;
                }
                let leads_here = || {
                    self.file.is_some()
                        && fragment(system, directories, name).is_some_and(|found| Some(found.path) == self.file)
                };
                // The template of an instance is looked at as such.
                if template_of(&self.name).as_deref() != Some(name) && (name == asked || leads_here()) {
                    names.push(name.to_owned());
                }
            }
        }
        names
    }

    /// A limit that it sets.
    #[must_use]
    pub fn limits(&self, resource: crate::system::Resource) -> Option<(crate::system::Limits, Setting)> {
        let section = match type_of(&self.name) {
            Some("socket") => "Socket",
            Some("mount") => "Mount",
            Some("swap") => "Swap",
            _ => "Service",
        };
        self.config.last(section, &resource.systemd_name(), |text| {
            super::values::limits(resource, text)
        })
    }

    /// The links that have it started: with something else (`multi-user.target.wants/nginx.service`), or by another name that an
    /// administrator gave it (`display-manager.service`). By their paths.
    ///
    /// # Errors
    /// A directory of units cannot be listed.
    pub fn wanted_by(&self, system: &dyn System, manager: &Manager) -> Result<Vec<String>, String> {
        let mut links = Vec::new();
        for directory in manager.directories() {
            let entries = match system.list(&directory) {
                Ok(entries) => entries,
                Err(Failure::Absent) => continue,
                Err(failure) => return Err(format!("{directory}: {failure}")),
            };
            // What a package gives it as another name starts nothing by itself.
            let administrators = !directory.contains("/lib/") && !directory.contains("/share/");
            for entry in entries {
                let path = format!("{directory}/{entry}");
                if [".wants", ".requires", ".upholds"]
                    .iter()
                    .any(|end| entry.ends_with(end))
                {
                    match system.list(&path) {
                        Ok(names) if names.contains(&self.name) => links.push(format!("{path}/{}", self.name)),
                        Ok(_) | Err(Failure::Absent) => {}
                        Err(failure) => return Err(format!("{path}: {failure}")),
                    }
                } else if administrators
                    && entry != self.name
                    && type_of(&entry) == type_of(&self.name)
                    && system.read_link(&path).is_ok_and(|link| name_of(&link) == self.name)
                {
                    links.push(path);
                }
            }
        }
        Ok(links)
    }
}

struct Fragment {
    path: String,
    /// The name at the end of the links.
    name: String,
    masked: bool,
}

/// The file of a name: the first directory that has it counts. A link to another name makes this one an alias.
fn fragment(system: &dyn System, directories: &[String], name: &str) -> Option<Fragment> {
    find(system, directories, name).or_else(|| {
        let template = find(system, directories, &template_of(name)?)?;
        // An instance keeps its name.
        Some(Fragment {
            name: name.to_owned(),
            ..template
        })
    })
}

fn find(system: &dyn System, directories: &[String], name: &str) -> Option<Fragment> {
    let mut name = name.to_owned();
    // systemd follows a chain of aliases; nobody has one as long as this.
    for _ in 0..8 {
        let (directory, path) = directories.iter().find_map(|directory| {
            let path = format!("{directory}/{name}");
            let there = system.read_link(&path).is_ok() || system.stat(&path).is_ok();
            there.then_some((directory, path))
        })?;
        let Ok(link) = system.read_link(&path) else {
            return Some(Fragment {
                path,
                name,
                masked: false,
            });
        };
        let target = target(directory, &link);
        if target == "/dev/null" {
            return Some(Fragment {
                path,
                name,
                masked: true,
            });
        }
        let next = name_of(&target);
        if next == name
            || type_of(next) != type_of(&name)
            || !directories.iter().any(|known| target == format!("{known}/{next}"))
        {
            // A linked unit file from elsewhere keeps the name of the link.
            return Some(Fragment {
                path,
                name,
                masked: false,
            });
        }
        next.clone_into(&mut name);
    }
    None
}
