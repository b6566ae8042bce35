//! Docker: daemon.json, the options of its daemon, and what containerd hands on.

use serde_json::{Map, Value as Json, json};

use super::{Told, driver, number, pair, written};
use crate::rule::origin::asked_by_unit;
use crate::rule::{Context, Failing, Reading};
use crate::system::{Failure, Limits, Resource};
use crate::systemd::is_running;
use crate::systemd::process::{find, limits_of, main_process};
use crate::systemd::unit::{Manager, Unit};
use crate::value::Value;

const FILE: &str = "/etc/docker/daemon.json";
const UNIT: &str = "docker.service";

/// A switch of the daemon's, in its file and among its options.
pub(super) struct Switch {
    key: &'static str,
    /// What it is where nobody says anything.
    default: bool,
}

pub(super) static LIVE_RESTORE: Switch = Switch {
    key: "live-restore",
    default: false,
};

pub(super) static USERLAND_PROXY: Switch = Switch {
    key: "userland-proxy",
    default: true,
};

impl Switch {
    /// Whether it is on, and what says so: the file counts more than an option.
    pub(super) fn read(&self, cx: &Context<'_>) -> Told<Value> {
        let Switch { key, default } = self;
        let file = file(cx)?;
        let option = format!("--{key}");
        let given = options(cx).iter().find_map(|word| match word.strip_prefix(&option)? {
            "" => Some(true),
            rest => crate::systemd::values::boolean(rest.strip_prefix('=')?),
        });
        let (on, line) = match (file.get(*key).and_then(Json::as_bool), given) {
            (Some(on), _) => (on, format!("\"{key}\": {on} in {FILE}")),
            (None, Some(on)) => (on, format!("{option} in {UNIT}")),
            (None, None) => (*default, format!("nothing sets {key}: it is {default} then")),
        };
        Ok((Value::Bool(on), line))
    }
}

/// Who makes the cgroups, and what says so.
pub(super) fn cgroup_driver(cx: &Context<'_>) -> Told<Value> {
    let file = file(cx)?;
    let options = options(cx);
    let listed = file.get("exec-opts").and_then(Json::as_array).into_iter().flatten();
    let listed = listed.filter_map(Json::as_str).map(|text| (text.to_owned(), FILE));
    let given = values(&options, "--exec-opt").map(|text| (text, UNIT));
    let found = listed.chain(given).find_map(|(text, place)| {
        let name = text.strip_prefix("native.cgroupdriver=")?;
        Some((name.to_owned(), place))
    });
    if let Some((name, place)) = found {
        return Ok((driver(&name), format!("native.cgroupdriver={name} in {place}")));
    }
    // Docker's own choice.
    let mounts = cx.host.mounts();
    let mounts = mounts.map_err(|failure| Reading::Unreadable(format!("the mounts: {failure}")))?;
    let unified = !mounts.iter().any(|mount| mount.kind == "cgroup");
    let name = if unified && is_running(cx.system) {
        "systemd"
    } else {
        "cgroupfs"
    };
    let line = format!("nothing sets native.cgroupdriver: Docker takes {name} here");
    Ok((driver(name), line))
}

/// The limits of a container, and where they come from.
pub(super) fn limits(resource: Resource, cx: &Context<'_>) -> Told<Limits> {
    let name = resource.name();
    if let Some(limits) = in_file(&file(cx)?, name)? {
        return Ok((limits, format!("default-ulimits in {FILE}")));
    }
    let given =
        values(&options(cx), "--default-ulimit").find_map(|text| pair(text.strip_prefix(name)?.strip_prefix('=')?));
    if let Some(limits) = given {
        return Ok((limits, format!("--default-ulimit in {UNIT}")));
    }
    // Whoever starts the containers hands its own limits on: containerd, unless Docker started one itself.
    let own = Unit::read(cx.system, &Manager::System, "containerd.service");
    let unit = if own.file.is_some() && !own.masked {
        own
    } else {
        Unit::read(cx.system, &Manager::System, UNIT)
    };
    if let Ok(running) = find(cx.host, &unit.name)
        && let Some(pid) = main_process(cx.host, &running, &unit)
    {
        return match limits_of(cx.system, &format!("/proc/{pid}"), resource) {
            Ok(limits) => Ok((
                limits,
                format!(
                    "nothing sets default-ulimits: containers inherit the limits of {}, process {pid}",
                    unit.name
                ),
            )),
            Err(failure) => Err(Reading::Unreadable(format!("/proc/{pid}/limits: {failure}"))),
        };
    }
    if unit.file.is_none() {
        return Err(Reading::Absent(
            "nothing sets default-ulimits, and neither containerd nor Docker is a unit here".to_owned(),
        ));
    }
    match asked_by_unit(cx.host, &Manager::System, &unit, resource) {
        Ok(Some((limits, words))) => Ok((
            limits,
            format!(
                "nothing sets default-ulimits: containers inherit from {}, which gets {words}",
                unit.name
            ),
        )),
        Ok(None) => Err(Reading::Absent(format!(
            "no file says what {} gets, and it does not run",
            unit.name
        ))),
        Err(why) => Err(Reading::Unreadable(why)),
    }
}

fn in_file(file: &Map<String, Json>, name: &str) -> Result<Option<Limits>, Reading> {
    let Some(entry) = file.get("default-ulimits").and_then(|all| all.get(name)) else {
        return Ok(None);
    };
    // The names are taken in any case.
    let side = |wanted: &str| {
        entry
            .as_object()?
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(wanted))
            .and_then(|(_, value)| value.as_i64())
            .map(|value| number(i128::from(value)))
    };
    match (side("soft"), side("hard")) {
        (Some(soft), Some(hard)) => Ok(Some(Limits { soft, hard })),
        _ => Err(Reading::Unreadable(format!(
            "{FILE}: default-ulimits.{name} has no numbers Soft and Hard"
        ))),
    }
}

fn file(cx: &Context<'_>) -> Result<Map<String, Json>, Reading> {
    match cx.system.read(FILE) {
        Ok(bytes) if bytes.trim_ascii().is_empty() => Ok(Map::new()),
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|_| Reading::Unreadable(format!("{FILE} is no JSON object, and Docker does not start with it"))),
        Err(Failure::Absent) => Ok(Map::new()),
        Err(failure) => Err(Reading::Unreadable(format!("{FILE}: {failure}"))),
    }
}

/// The words of the daemon's command line in its unit.
fn options(cx: &Context<'_>) -> Vec<String> {
    let unit = Unit::read(cx.system, &Manager::System, UNIT);
    let line = unit.config.text("Service", "ExecStart").unwrap_or_default();
    line.split_ascii_whitespace()
        .map(|word| word.trim_matches(['"', '\'']).to_owned())
        .collect()
}

/// What is given with an option, after `=` or as the next word.
fn values<'a>(options: &'a [String], option: &'a str) -> impl Iterator<Item = String> + 'a {
    options.iter().enumerate().filter_map(move |(at, word)| {
        let rest = word.strip_prefix(option)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value.to_owned()),
            None if rest.is_empty() => options.get(at + 1).cloned(),
            None => None,
        }
    })
}

/// What to put into daemon.json.
pub(super) fn remedy(limits: &[(Resource, Limits)], failing: &Failing<'_>) -> Option<String> {
    let mut file = Map::new();
    let mut ulimits = Map::new();
    for (resource, limits) in limits {
        let (soft, hard) = (i64::try_from(written(limits.soft)), i64::try_from(written(limits.hard)));
        let entry = json!({
            "Name": resource.name(),
            "Soft": soft.unwrap_or(-1),
            "Hard": hard.unwrap_or(-1),
        });
        ulimits.insert(resource.name().to_owned(), entry);
    }
    if !ulimits.is_empty() {
        file.insert("default-ulimits".to_owned(), Json::Object(ulimits));
    }
    if let Some(name) = failing.of("cgroup_driver") {
        file.insert("exec-opts".to_owned(), json!([format!("native.cgroupdriver={name}")]));
    }
    for (metric, switch) in [("live_restore", &LIVE_RESTORE), ("userland_proxy", &USERLAND_PROXY)] {
        let on = failing.switch(metric).map(|on| (switch.key.to_owned(), Json::Bool(on)));
        file.extend(on);
    }
    if file.is_empty() {
        return None;
    }
    let text = serde_json::to_string_pretty(&file).ok()?;
    Some(format!("# merge into {FILE}:\n{text}\nsudo systemctl restart docker"))
}
