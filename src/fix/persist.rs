//! Making changes last: drop-in files that the next boot reads, each replaced in one piece, known as ours by their first words
//! and a checksum, and gone again with `revert --persist`.
//!
//! What is written are the exported files of the same rules, reduced to what would not last by itself.

use std::collections::HashSet;
use std::fmt;

use super::apply;
use super::disk::{self, Disk, DiskError};
use super::journal::Journal;
use super::room;
use super::sealed::{names_in, ours, sealed, there};
use super::units::DropIn;
use super::winning;
use crate::catalogue;
use crate::dialect::limits_d::{LIMITS_D, spares_root};
use crate::dialect::page::MARK;
use crate::dialect::sysctl_d::{MODULES_D, SYSCTL_D, modules};
use crate::dialect::systemd::drop_in;
use crate::dialect::tmpfiles_d::TMPFILES_D;
use crate::engine::Wishes;
use crate::export::{self, Format};
use crate::host::Host;
use crate::persisted::{Persisted, Start, ceiling};
use crate::rule::Target;
use crate::system::{Failure, Os};

/// A file that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where.
    pub path: String,
    /// What was there; `None` where there was nothing.
    pub before: Option<Vec<u8>>,
    /// What will be there.
    pub text: String,
}

/// A file of runup's own in the place of which another one is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Where.
    pub path: String,
    /// What is in it.
    pub before: Vec<u8>,
}

/// What will be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Persistence {
    /// Files whose contents change.
    pub files: Vec<File>,
    /// Files that go: what they say is in another one, with a name that comes later.
    pub replaced: Vec<Replaced>,
    /// Files of others that cannot be read: what they set after ours is not known.
    pub unread: Vec<String>,
    /// Files that must be read by somebody before they count: `systemctl daemon-reload`.
    pub then: Vec<String>,
    /// What was asked for and is in no file, because it would do harm; why, and what to do.
    pub refused: Vec<String>,
    /// Whether limits of logins are written, and root's are not.
    pub root_left: bool,
}

impl Persistence {
    /// The file of sysctl.d that is written.
    fn sysctls(&self) -> Option<&File> {
        self.files.iter().find(|file| is_of_sysctl_d(&file.path))
    }
}

fn is_of_sysctl_d(path: &str) -> bool {
    path.starts_with("/etc/sysctl.d/")
}

/// Why a file was not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersistError {
    /// It is not ours, or somebody changed it.
    Edited(String),
    /// Somebody changed it since it was shown.
    Moved(String),
    /// Somebody else is writing, or the journal's directory cannot be used.
    Busy(String),
    /// The disk.
    Disk(DiskError),
}

impl fmt::Display for PersistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PersistError::Edited(path) => write!(
                f,
                "{path} is not as runup wrote it, and stays as it is; move it away, or let --force replace it"
            ),
            PersistError::Moved(path) => write!(f, "{path} changed since it was shown; run it again"),
            PersistError::Busy(why) => f.write_str(why),
            PersistError::Disk(error) => write!(f, "{error}"),
        }
    }
}

impl From<DiskError> for PersistError {
    fn from(error: DiskError) -> Self {
        PersistError::Disk(error)
    }
}

/// Where a format's file goes; `None` for one that is not for this machine's next boot.
fn path_of(format: &dyn Format, os: Os, unit: Option<&str>, profiles: &[String]) -> Option<String> {
    Some(match (format.name(), os) {
        ("sysctl.d", Os::Linux) => SYSCTL_D.to_owned(),
        ("tmpfiles.d", Os::Linux) => TMPFILES_D.to_owned(),
        // A service sees nothing of what logins get.
        ("limits.d", Os::Linux) if unit.is_none() => LIMITS_D.to_owned(),
        ("systemd", Os::Linux) => drop_in(unit?),
        ("launchd", Os::Macos) => format!("/Library/LaunchDaemons/runup.{}.plist", slug(profiles)),
        _ => return None,
    })
}

fn slug(profiles: &[String]) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    profiles.join("-").chars().map(plain).collect()
}

/// Composes the files. `lasting` says which targets are to be kept beyond the next boot.
///
/// # Errors
/// A file of that name is not ours, unless `force`.
pub fn compose(
    wishes: &Wishes,
    lasting: &dyn Fn(&Target) -> bool,
    profiles: &[String],
    unit: Option<&str>,
    host: &Host<'_>,
    disk: &dyn Disk,
    force: bool,
) -> Result<Persistence, PersistError> {
    let os = host.system.platform().os;
    let mut composed = Persistence::default();
    for format in export::FORMATS.iter().copied() {
        let Some(mut path) = path_of(format, os, unit, profiles) else {
            continue;
        };
        let mut own = Wishes {
            wanted: wishes
                .wanted
                .iter()
                .filter(|wanted| lasting(&wanted.target) && export::refuses(format, wanted, host).is_none())
                .cloned()
                .collect(),
            root: wishes.root,
            fitted: wishes.fitted,
            ..Wishes::default()
        };
        if own.wanted.is_empty() {
            continue;
        }
        if path == TMPFILES_D && !Start::of(host.system).tmpfiles_are_read(host.system) {
            composed.refused.push(no_tmpfiles(&own));
            continue;
        }
        let files = path == SYSCTL_D;
        let mut old = Vec::new();
        let mut overruled = Vec::new();
        if files {
            old = winning::own_files(disk)?;
            let chosen = winning::choose(own.wanted, &old, host.system);
            composed.refused.extend(chosen.refused);
            (path, own.wanted, overruled) = (chosen.path, chosen.wanted, chosen.overruled);
            if own.wanted.is_empty() {
                continue;
            }
        }
        if path == LIMITS_D {
            let (left, refused) = winning::limits(own.wanted, host.system);
            composed.refused.extend(refused);
            own.wanted = left;
            if own.wanted.is_empty() {
                continue;
            }
        }
        let Some(text) = export::export(format, &own, profiles, unit, host, None).text else {
            continue;
        };
        let logins = path == LIMITS_D;
        let text = match files {
            // It says of itself where it is.
            true => {
                let text = text.replacen(SYSCTL_D, &path, 1);
                take_over(&mut composed, disk, (&old, &path), &overruled, text, force)?
            }
            false => text,
        };
        add(&mut composed, disk, path, &text, force, host)?;
        composed.root_left |= logins && !wishes.root && spares_root(host);
        if files {
            let keys = own.wanted.iter().filter_map(|wanted| match &wanted.target {
                Target::Sysctl(key) => Some(key.as_str()),
                _ => None,
            });
            let modules = modules(keys);
            if !modules.is_empty() {
                let text = format!("# {MARK}{}\n\n{}\n", profiles.join(", "), modules.join("\n"));
                add(&mut composed, disk, MODULES_D.to_owned(), &text, force, host)?;
            }
            let after = Persisted::read(host.system);
            composed.unread = after.unread().iter().map(ToString::to_string).collect();
        }
    }
    if let Some(unit) = unit.filter(|_| composed.files.iter().any(|file| file.path.contains("/systemd/"))) {
        composed
            .then
            .push(format!("systemctl daemon-reload; systemctl restart {unit}"));
    }
    Ok(composed)
}

/// Adds the drop-in of a unit that rules name. Returns whether anything of it is new.
///
/// # Errors
/// A file of that name is not ours, unless `force`.
pub fn add_drop_in(
    composed: &mut Persistence,
    drop_in: &DropIn,
    profiles: &[String],
    host: &Host<'_>,
    disk: &dyn Disk,
    force: bool,
) -> Result<bool, PersistError> {
    let Some(text) = drop_in.text(profiles) else {
        return Ok(false);
    };
    let path = drop_in.path();
    // What the limits of the profiles come to for the service that the files are for stands in the same file.
    let pending = composed.files.iter().position(|file| file.path == path);
    let text = match pending.map(|at| composed.files.remove(at)) {
        Some(file) => ours(file.text.as_bytes()).map_or_else(|| text.clone(), |old| join(&old, &text)),
        None => text,
    };
    add(composed, disk, path.clone(), &text, force, host)?;
    let is_new = composed.files.iter().any(|file| file.path == path);
    if is_new && pending.is_none() {
        // One that does not run is not to be started by this.
        let then = format!("systemctl daemon-reload; systemctl try-restart {}", drop_in.unit);
        composed.then.push(then);
    }
    Ok(is_new)
}

/// Adds a file, joined with what an earlier apply wrote there, if that changes anything.
fn add(
    composed: &mut Persistence,
    disk: &dyn Disk,
    path: String,
    text: &str,
    force: bool,
    host: &Host<'_>,
) -> Result<(), PersistError> {
    let before = there(disk, &path)?;
    let text = match before.as_deref().map(ours) {
        None => text.to_owned(),
        Some(Some(old)) => join(&old, text),
        Some(None) if force => text.to_owned(),
        Some(None) => return Err(PersistError::Edited(path)),
    };
    let text = if path == LIMITS_D {
        let sysctls = composed.sysctls();
        room::without_harm(
            &text,
            sysctls.map(|file| (file.path.as_str(), file.text.as_str())),
            host,
        )
    } else {
        text
    };
    let text = sealed(&text);
    if before.as_deref() != Some(text.as_bytes()) {
        composed.files.push(File { path, before, text });
    }
    Ok(())
}

/// Takes what other files of ours say into the text of the one that is written, and has them removed.
fn take_over(
    composed: &mut Persistence,
    disk: &dyn Disk,
    (old, path): (&[String], &str),
    overruled: &[String],
    mut text: String,
    force: bool,
) -> Result<String, PersistError> {
    for other in old.iter().rev().filter(|other| *other != path) {
        let Some(before) = there(disk, other)? else {
            continue;
        };
        match ours(&before) {
            Some(said) => text = join(&without(&said, overruled), &text),
            None if force => {}
            None => return Err(PersistError::Edited(other.clone())),
        }
        let path = other.clone();
        composed.replaced.push(Replaced { path, before });
    }
    Ok(text)
}

/// A text without the lines that set some keys, and what stands above each of them.
fn without(text: &str, keys: &[String]) -> String {
    let (mut left, mut above) = (String::new(), String::new());
    for line in text.lines() {
        let name = setting(line);
        if name.as_ref().is_some_and(|name| keys.contains(name)) {
            above.clear();
            continue;
        }
        above.push_str(line);
        above.push('\n');
        if name.is_some() || line.contains(MARK) {
            left.push_str(&above);
            above.clear();
        }
    }
    left + &above
}

/// Why switches below /sys are in no file.
fn no_tmpfiles(own: &Wishes) -> String {
    let names: Vec<String> = own
        .wanted
        .iter()
        .map(|wanted| format!("{} = {}", wanted.target.name(), wanted.kept))
        .collect();
    format!(
        "{}: nothing is known here that reads files of tmpfiles.d when the machine starts. Have the init system write it at every start",
        names.join("; ")
    )
}

/// The new text, and of the old one what the new one does not set.
fn join(old: &str, new: &str) -> String {
    // A property list belongs to its profiles alone.
    if new.starts_with("<?xml") {
        return new.to_owned();
    }
    let names = |text: &str| -> Vec<String> {
        text.lines()
            .find_map(|line| line.split_once(MARK))
            .map(|(_, names)| names.split(", ").map(str::to_owned).collect())
            .unwrap_or_default()
    };
    let mut all = names(old);
    for name in names(new) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    let set: HashSet<String> = new.lines().filter_map(setting).collect();
    let mut kept = String::new();
    let mut comments = String::new();
    for line in old.lines().skip(2) {
        match setting(line) {
            Some(name) if is_replaced(&name, &set) => comments.clear(),
            Some(_) => {
                kept.push_str(&comments);
                kept.push_str(line);
                kept.push('\n');
                comments.clear();
            }
            None if line.starts_with('[') => comments.clear(),
            None => {
                comments.push_str(line);
                comments.push('\n');
            }
        }
    }
    let mut text = String::new();
    for (number, line) in new.lines().enumerate() {
        match line.split_once(MARK).filter(|_| number == 0) {
            Some((sign, _)) => text.push_str(&format!("{sign}{MARK}{}", all.join(", "))),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text + &kept
}

/// Whether one of the settings that a file has now says what another line said: by that name, by another name of the same setting,
/// or in its other unit. Below them the old line would have the last word.
fn is_replaced(name: &str, set: &HashSet<String>) -> bool {
    let others = catalogue::names(name).iter().copied().chain(catalogue::twin(name));
    set.contains(name) || others.into_iter().any(|other| set.contains(other))
}

/// What a line sets: the key of sysctl.d, the path of tmpfiles.d, who, which side and what of limits.d, a unit's directive, a
/// module.
fn setting(line: &str) -> Option<String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ';', '[']) {
        return None;
    }
    if let Some((name, _)) = line.split_once('=') {
        return Some(name.trim().to_owned());
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    Some(words[..words.len().saturating_sub(1).max(1)].join(" "))
}

/// Writes the files, and removes those that they replace: all of it, or nothing.
///
/// # Errors
/// What failed; the files that were written before it are as they were.
pub fn write(persistence: &Persistence, disk: &dyn Disk, journal: &Journal) -> Result<(), PersistError> {
    let _lock = locked(disk, journal)?;
    for file in &persistence.files {
        if there(disk, &file.path)? != file.before {
            return Err(PersistError::Moved(file.path.clone()));
        }
    }
    for old in &persistence.replaced {
        if there(disk, &old.path)?.as_ref() != Some(&old.before) {
            return Err(PersistError::Moved(old.path.clone()));
        }
    }
    for (at, file) in persistence.files.iter().enumerate() {
        if let Err(error) = disk::replace(disk, &file.path, file.text.as_bytes(), 0o644, true) {
            // This one too: it may be there already, and only not be known to be on the disk.
            unwrite(&persistence.files[..=at], disk);
            return Err(PersistError::Disk(error));
        }
    }
    for (at, old) in persistence.replaced.iter().enumerate() {
        if let Err(error) = disk::remove(disk, &old.path) {
            for gone in &persistence.replaced[..=at] {
                if matches!(disk.read(&gone.path), Err(Failure::Absent)) {
                    let _ = disk::replace(disk, &gone.path, &gone.before, 0o644, true);
                }
            }
            unwrite(&persistence.files, disk);
            return Err(PersistError::Disk(error));
        }
    }
    Ok(())
}

/// One writer at a time, whoever applies or removes.
fn locked(disk: &dyn Disk, journal: &Journal) -> Result<Box<dyn std::any::Any>, PersistError> {
    apply::lock(disk, journal, "runup, writing files").map_err(|error| PersistError::Busy(error.to_string()))
}

/// Puts files back as they were.
fn unwrite(files: &[File], disk: &dyn Disk) {
    for file in files.iter().rev() {
        // Whatever is not known to be what was just written may be somebody else's.
        if !disk.read(&file.path).is_ok_and(|bytes| bytes == file.text.as_bytes()) {
            continue;
        }
        let _ = match &file.before {
            Some(bytes) => disk::replace(disk, &file.path, bytes, 0o644, true),
            None => disk::remove(disk, &file.path),
        };
    }
}

/// The keys that files of ours set already, by their dotted names.
///
/// # Errors
/// Nobody can tell, since a directory or a file cannot be read.
pub fn own_keys(disk: &dyn Disk, persisted: &Persisted) -> Result<Vec<String>, DiskError> {
    let own = winning::own_files(disk)?;
    let lines = persisted.own_lines().filter(|(_, line)| own.contains(&line.file));
    Ok(lines.map(|(key, _)| key).collect())
}

/// Every file of ours that there is.
///
/// # Errors
/// Nobody can tell, since a directory or a file cannot be read.
pub fn files(disk: &dyn Disk) -> Result<Vec<String>, DiskError> {
    let fixed = [TMPFILES_D, LIMITS_D, MODULES_D];
    let mut paths = winning::own_files(disk)?;
    paths.extend(fixed.map(str::to_owned));
    const UNITS: &str = "/etc/systemd/system";
    for name in names_in(disk, UNITS)? {
        if name.ends_with(".service.d") {
            paths.push(format!("{UNITS}/{name}/60-runup.conf"));
        }
    }
    const DAEMONS: &str = "/Library/LaunchDaemons";
    for name in names_in(disk, DAEMONS)? {
        if name.starts_with("runup.") && name.ends_with(".plist") {
            paths.push(format!("{DAEMONS}/{name}"));
        }
    }
    let mut found = Vec::new();
    for path in paths {
        if there(disk, &path)?.is_some() {
            found.push(path);
        }
    }
    Ok(found)
}

/// A file of runup's that was not removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its path.
    pub path: String,
    /// Why, after its name.
    pub why: &'static str,
}

/// Removes every file of ours; those that somebody changed only with `force`. Returns what was removed, and what was not.
///
/// # Errors
/// The disk's.
pub fn remove(disk: &dyn Disk, journal: &Journal, force: bool) -> Result<(Vec<String>, Vec<Kept>), PersistError> {
    let _lock = locked(disk, journal)?;
    let (mut removed, mut kept) = (Vec::new(), Vec::new());
    let own = files(disk)?;
    let whole = |path: &str| force || disk.read(path).is_ok_and(|bytes| ours(&bytes).is_some());
    // A limit on open files that stays keeps the room that it needs: without it logins fail.
    let needs_room = |path: &String| {
        let text = disk.read(path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).to_ascii_lowercase();
        !is_of_sysctl_d(path) && !whole(path) && text.contains("nofile")
    };
    let room_stays = own.iter().any(needs_room);
    for path in own {
        let room = disk
            .read(&path)
            .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(ceiling::KEY));
        if whole(&path) && !(room_stays && is_of_sysctl_d(&path) && room) {
            disk::remove(disk, &path)?;
            removed.push(path);
        } else {
            let why = if whole(&path) {
                "has the fs.nr_open that a limit on open files needs, which stays"
            } else {
                "is not as runup wrote it"
            };
            kept.push(Kept { path, why });
        }
    }
    // What one that was killed left behind.
    for path in winning::paths().chain([TMPFILES_D, LIMITS_D, MODULES_D].map(str::to_owned)) {
        let left = disk::unfinished(&path);
        // Asked first: a directory that nobody can write is no obstacle where there is nothing.
        if there(disk, &left)?.is_some() {
            disk::remove(disk, &left)?;
        }
    }
    Ok((removed, kept))
}
