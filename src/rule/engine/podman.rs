//! Podman: containers.conf.

use super::{Told, driver, pair, written};
use crate::diagnostic::Diagnostics;
use crate::document::{self, raw::Data, raw::Table};
use crate::host::Capability;
use crate::persisted::files::drop_ins;
use crate::rule::{Context, Failing, Reading};
use crate::source::{Origin, Sources};
use crate::system::{Failure, Limits, Resource};
use crate::systemd::is_running;
use crate::systemd::process::{home_of, limits_of};
use crate::value::{Number, Value};

/// What podman gives where nobody asks for anything.
const DEFAULT: i128 = 1_048_576;

/// What the files say, each with the file that says it last.
#[derive(Default)]
struct Config {
    ulimits: Option<(Vec<String>, String)>,
    manager: Option<(String, String)>,
}

/// Who makes the cgroups, and what says so.
pub(super) fn cgroup_driver(cx: &Context<'_>) -> Told<Value> {
    if let Some((name, file)) = config(cx)?.manager {
        return Ok((driver(&name), format!("cgroup_manager in {file}")));
    }
    let name = if is_running(cx.system) { "systemd" } else { "cgroupfs" };
    let line = format!("nothing sets cgroup_manager: podman takes {name} here");
    Ok((driver(name), line))
}

/// The limits of a container, and where they come from.
pub(super) fn limits(resource: Resource, cx: &Context<'_>) -> Told<Limits> {
    if let Some((list, file)) = config(cx)?.ulimits {
        let name = resource.name();
        let own = list
            .iter()
            .rev()
            .find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='));
        if let Some(text) = own {
            return match pair(text) {
                Some(limits) => Ok((limits, format!("default_ulimits in {file}"))),
                None => Err(Reading::Unreadable(format!("{file}: {name}={text} is no limit"))),
            };
        }
    }
    let most = Limits {
        soft: Number::Finite(DEFAULT),
        hard: Number::Finite(DEFAULT),
    };
    if cx.host.capable(Capability::SysResource) {
        return Ok((most, format!("nothing sets it: podman gives {DEFAULT}")));
    }
    // Of whoever asks: another process that is looked at starts no container.
    let own = limits_of(cx.system, "/proc/self", resource)
        .map_err(|failure| Reading::Unreadable(format!("/proc/self/limits: {failure}")))?;
    let limits = Limits {
        soft: own.soft.min(most.soft),
        hard: own.hard.min(most.hard),
    };
    Ok((
        limits,
        format!("nothing sets it: podman gives {DEFAULT}, or what this user may have"),
    ))
}

fn config(cx: &Context<'_>) -> Result<Config, Reading> {
    let mut texts: Vec<(String, Result<Vec<u8>, Failure>)> = Vec::new();
    let mut bases = vec!["/usr/share/containers".to_owned(), "/etc/containers".to_owned()];
    let uid = cx.system.identity().uid;
    if uid != 0 {
        bases.extend(home_of(cx.host, uid).map(|home| format!("{home}/.config/containers")));
    }
    for base in &bases {
        let path = format!("{base}/containers.conf");
        let text = cx.system.read(&path);
        texts.push((path, text));
        let (files, closed) = drop_ins(cx.system, &[format!("{base}/containers.conf.d")]);
        texts.extend(files.into_iter().map(|file| (file.path, file.text)));
        texts.extend(closed.into_iter().map(|(path, failure)| (path, Err(failure))));
    }
    let mut config = Config::default();
    for (path, text) in texts {
        let text = match text {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(Failure::Absent) => continue,
            Err(failure) => return Err(Reading::Unreadable(format!("{path}: {failure}"))),
        };
        let table = toml(&path, text)?;
        let get = |section: &str, key: &str| table.get(section)?.table()?.get(key);
        if let Some(Data::List(list)) = get("containers", "default_ulimits").map(|value| &value.data) {
            let entries = list.iter().filter_map(|entry| entry.text().map(str::to_owned));
            config.ulimits = Some((entries.collect(), path.clone()));
        }
        if let Some(name) = get("engine", "cgroup_manager").and_then(|value| value.text()) {
            config.manager = Some((name.to_owned(), path));
        }
    }
    Ok(config)
}

/// A file as the tables that profiles are read to. Podman takes no file with a mistake in it, so nothing of such a one counts.
fn toml(path: &str, text: String) -> Result<Table, Reading> {
    let mut sources = Sources::new();
    let source = sources.add(path, text, Origin::File);
    let mut mistakes = Diagnostics::new();
    let table = document::parse(&sources, source, &mut mistakes);
    if mistakes.is_empty() {
        Ok(table)
    } else {
        Err(Reading::Unreadable(format!("{path} is no TOML")))
    }
}

/// A drop-in. A list replaces the one before, so that what was in it stands in the new one too.
pub(super) fn remedy(limits: &[(Resource, Limits)], failing: &Failing<'_>) -> Option<String> {
    let mut text = String::new();
    if !limits.is_empty() {
        let known = config(failing.cx)
            .ok()
            .and_then(|config| config.ulimits)
            .map_or_else(Vec::new, |(list, _)| list);
        let ours = |entry: &String| {
            limits
                .iter()
                .any(|(resource, _)| entry.split('=').next() == Some(resource.name()))
        };
        let kept = known.into_iter().filter(|entry| !ours(entry));
        let new = limits
            .iter()
            .map(|(resource, limits)| format!("{}={}:{}", resource.name(), written(limits.soft), written(limits.hard)));
        let list: Vec<String> = kept.chain(new).map(|entry| format!("\"{entry}\"")).collect();
        text.push_str(&format!("[containers]\ndefault_ulimits = [{}]\n", list.join(", ")));
    }
    if let Some(name) = failing.of("cgroup_driver") {
        text.push_str(&format!("[engine]\ncgroup_manager = \"{name}\"\n"));
    }
    (!text.is_empty()).then(|| {
        format!(
            "# /etc/containers/containers.conf.d/60-runup.conf:\n{}",
            text.trim_end()
        )
    })
}
