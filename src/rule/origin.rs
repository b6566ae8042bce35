//! Where the limits of a process come from: its unit, the manager, a login, a container's runtime, or the program itself.

use super::bounds::{nr_open, together};
use super::{Change, Context, Dialect, Proposal, Reading, Scope, Side, Target, service};
use crate::dialect::systemd::directives;
use crate::host::Host;
use crate::persisted::logins;
use crate::system::{Failure, Limits, Resource};
use crate::systemd::config::Config;
use crate::systemd::given::given;
use crate::systemd::manager::{Origin, default_limits};
use crate::systemd::process::{NotFound, limits_of, main_process, manager_of, unit_of};
use crate::systemd::unit::{Manager, Unit};
use crate::systemd::{missing, process};
use crate::value::Number;

/// The limits of a unit's main process, with evidence on where they come from; of a unit that does not run, what its files give.
pub(super) fn limits_of_unit(
    name: &str,
    resource: Resource,
    cx: &Context<'_>,
    evidence: &mut Vec<String>,
) -> Result<Limits, Reading> {
    match missing(cx.system) {
        Some(Ok(why)) => return Err(Reading::Absent(why)),
        Some(Err(why)) => return Err(Reading::Unreadable(why)),
        None => {}
    }
    let host = cx.host;
    let (unit, running) = process::look(host, name);
    let running = match running {
        Ok(running) => running,
        Err(NotFound::Inactive) => return limits_of_files(name, &unit, resource, cx, evidence),
        Err(other) => return Err(Reading::Unreadable(other.to_string())),
    };
    let Some(pid) = main_process(host, &running, &unit) else {
        return Err(Reading::Unreadable(format!(
            "{} has no process that could be its main one",
            running.directory
        )));
    };
    match limits_of(cx.system, &format!("/proc/{pid}"), resource) {
        Ok(limits) => {
            evidence.push(format!("process {pid} is its main process"));
            evidence.push(of_unit(host, &running.manager, &unit, resource, &limits));
            Ok(limits)
        }
        Err(Failure::Absent) => Err(Reading::Unreadable(format!(
            "process {pid} ended while it was looked at"
        ))),
        Err(failure) => Err(Reading::Unreadable(format!("/proc/{pid}/limits: {failure}"))),
    }
}

fn limits_of_files(
    name: &str,
    unit: &Unit,
    resource: Resource,
    cx: &Context<'_>,
    evidence: &mut Vec<String>,
) -> Result<Limits, Reading> {
    if unit.file.is_none() {
        return Err(Reading::Absent(format!("there is no unit {name} here, and none runs")));
    }
    if unit.masked {
        return Err(Reading::Absent(format!("{name} is masked, and does not run")));
    }
    match asked_by_unit(cx.host, &Manager::System, unit, resource) {
        Ok(Some((limits, words))) => {
            evidence.push(format!("{name} does not run; this is what it would get"));
            evidence.push(words);
            Ok(limits)
        }
        Ok(None) => Err(Reading::Absent(format!(
            "{name} does not run, and no file says what it would get"
        ))),
        Err(unread) => Err(Reading::Unreadable(unread)),
    }
}

/// `LimitNOFILE=SOFT:HARD`
pub(super) fn directive(resource: Resource, soft: Number, hard: Number) -> Vec<String> {
    let change = |side, to: Number| Change {
        target: Target::Limit(resource, side),
        from: None,
        to: to.to_string(),
        scope: Scope::Process,
        hard: None,
    };
    directives(&[change(Side::Soft, soft), change(Side::Hard, hard)])
}

/// A drop-in for the unit.
pub(super) fn propose(
    name: &str,
    resource: Resource,
    (soft, hard): (Option<Number>, Option<Number>),
    cx: &Context<'_>,
) -> Proposal {
    if soft.is_none() && hard.is_none() {
        return Proposal::manual(
            "no single value satisfies the rule",
            format!("Choose limits for {} of {name}.", resource.name()),
        );
    }
    let now = limits_of_unit(name, resource, cx, &mut Vec::new());
    let (soft, hard) = match &now {
        Ok(now) => {
            let (soft, hard) = together(soft, hard, now);
            (soft.unwrap_or(now.soft), hard.unwrap_or(now.hard))
        }
        Err(_) => (
            soft.or(hard).unwrap_or(Number::Unlimited),
            hard.or(soft).unwrap_or(Number::Unlimited),
        ),
    };
    let lines = directive(resource, soft, hard);
    let section = format!("[Service]\n{}", lines.join("\n"));
    let mut proposal = service::edit(name, &lines, cx);
    proposal.remedies.push((Dialect::Systemd, section));
    // No limit on open files is above the kernel's ceiling: systemd would give what it can.
    if let (Resource::Nofile, Some(most)) = (resource, nr_open(cx))
        && let Number::Finite(wanted) = hard
        && wanted > most
        && let Some((_, text)) = proposal
            .remedies
            .iter_mut()
            .find(|(dialect, _)| *dialect == Dialect::Host)
    {
        *text = format!("sudo sysctl -w fs.nr_open={wanted}\n{text}");
    }
    proposal
}

/// One line of evidence on a process, by its directory in `/proc`; `None` where nothing tells.
pub(super) fn of_process(cx: &Context<'_>, directory: &str, resource: Resource, now: &Limits) -> Option<String> {
    let host = cx.host;
    let cgroup = host.text(&format!("{directory}/cgroup")).unwrap_or_default();
    if let Some(engine) = runtime_of(&cgroup).or_else(|| host.engine()) {
        return Some(format!("given by the container's runtime ({engine})"));
    }
    let (name, path) = unit_of(host, directory)?;
    if name.starts_with("session-") {
        return Some(login(cx, directory, resource, now));
    }
    if name.ends_with(".scope") {
        return Some(format!("{name} was started by another program, whose limits it has"));
    }
    let manager = manager_of(host, &path);
    let unit = Unit::read(host.system, &manager, &name);
    Some(of_unit(host, &manager, &unit, resource, now))
}

/// What makes new limits of a process last, where it is a service's: its unit, and no line for logins.
pub(super) fn lasting(
    cx: &Context<'_>,
    directory: &str,
    resource: Resource,
    (soft, hard): (Number, Number),
) -> Vec<(Dialect, String)> {
    let Some((name, _)) = unit_of(cx.host, directory).filter(|(name, _)| name.ends_with(".service")) else {
        return Vec::new();
    };
    let lines = directive(resource, soft, hard);
    let edit = service::edit(&name, &lines, cx).remedies.into_iter();
    edit.map(|(_, text)| (Dialect::Persist, text)).collect()
}

/// The container engine whose cgroup this is.
fn runtime_of(cgroup: &str) -> Option<&'static str> {
    const MARKS: &[(&str, &str)] = &[
        ("kubepods", "kubernetes"),
        ("/docker-", "docker"),
        ("/docker/", "docker"),
        ("/libpod-", "podman"),
        ("/crio-", "cri-o"),
        ("/cri-containerd-", "containerd"),
        ("/lxc.payload", "lxc"),
        ("/lxc/", "lxc"),
    ];
    MARKS
        .iter()
        .find(|(mark, _)| cgroup.contains(mark))
        .map(|(_, name)| *name)
}

fn login(cx: &Context<'_>, directory: &str, resource: Resource, now: &Limits) -> String {
    let uid = cx.system.stat(directory).map_or(u32::MAX, |stat| stat.uid);
    let login = logins::of(cx.system, uid, resource);
    if login.gives(now) {
        return format!("given to the login by {}", login.places.join(" and "));
    }
    if login.places.is_empty() {
        return "a login's, and no line of limits.conf is about it: what the login's service has".to_owned();
    }
    format!(
        "{} gives a login other limits: the shell or the program changed them, or it began before that was written",
        login.places.join(" and ")
    )
}

/// One line of evidence on what the files say of a unit, and whether its process has that.
pub(super) fn of_unit(host: &Host<'_>, manager: &Manager, unit: &Unit, resource: Resource, now: &Limits) -> String {
    let asked = match asked_by_unit(host, manager, unit, resource) {
        Ok(Some(asked)) => asked,
        Ok(None) => return format!("neither {} nor its manager's files set it: inherited", unit.name),
        Err(unread) => return format!("nobody can tell where it comes from: {unread}"),
    };
    let (limits, words) = asked;
    if limits == *now {
        return words;
    }
    if *manager != Manager::System && limits.hard > now.hard {
        return format!("{words}; a user's manager gives no more than it has, {}", now.hard);
    }
    if limits.hard == now.hard {
        return format!(
            "{words}; the program changed its soft limit from {} itself",
            limits.soft
        );
    }
    format!(
        "{words}; the process has {}:{}, so the program changed them itself, or the unit was started before",
        now.soft, now.hard
    )
}

/// The limits that a unit gets when it starts, and the line that says so.
///
/// # Errors
/// A file cannot be read.
pub(super) fn asked_by_unit(
    host: &Host<'_>,
    manager: &Manager,
    unit: &Unit,
    resource: Resource,
) -> Result<Option<(Limits, String)>, String> {
    let key = resource.systemd_name();
    if let Some(unread) = unit.config.unread() {
        return Err(unread);
    }
    let asked = match unit.limits(resource) {
        Some((limits, setting)) => Some((limits, Origin::File(setting).describe(&key))),
        None => {
            let config = Config::read(host.system, manager.configuration());
            let default = default_limits(host, manager, &config, resource)?;
            default.map(|(limits, origin)| (limits, origin.describe(&format!("Default{key}"))))
        }
    };
    let Some((limits, words)) = asked else {
        return Ok(None);
    };
    // What a user's manager has itself is nobody's to know who does not see its process.
    if *manager != Manager::System {
        return Ok(Some((limits, words)));
    }
    let given = given(host, resource, &limits).map_err(|why| format!("{words}: {why}"))?;
    Ok(Some(match given {
        Some((limits, why)) => {
            let words = format!("{words}, of which systemd gives {}: {why}", limits.hard);
            (limits, words)
        }
        None => (limits, words),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Intent;
    use crate::system::memory::MemorySystem;

    /// Evidence on a process of user 0 with these limits, by its cgroup.
    fn seen(system: MemorySystem, cgroup: &str, soft: i128, hard: i128) -> String {
        let system = system
            .file("/proc/200/cgroup", &format!("1:name=systemd:{cgroup}\n0::/\n"))
            .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
            .file("/etc/security/limits.d/9.conf", "root - nofile 4096\n");
        let host = Host::new(&system);
        let cx = Context {
            system: &system,
            host: &host,
            window: None,
            intent: Intent::Fix,
            starting: false,
        };
        let now = Limits {
            soft: Number::Finite(soft),
            hard: Number::Finite(hard),
        };
        of_process(&cx, "/proc/200", Resource::Nofile, &now).unwrap_or_default()
    }

    #[test]
    fn the_cgroup_of_a_process_tells_who_gave_it_its_limits() {
        let plain = || MemorySystem::linux("6.1");
        let session = "/user.slice/user-0.slice/session-3.scope";
        assert_eq!(
            seen(plain(), session, 4096, 4096),
            "given to the login by /etc/security/limits.d/9.conf:1"
        );
        assert!(
            seen(plain(), session, 1024, 4096)
                .starts_with("/etc/security/limits.d/9.conf:1 gives a login other limits")
        );
        let container = "/system.slice/docker-0123456789abcdef.scope";
        assert_eq!(
            seen(plain(), container, 1, 1),
            "given by the container's runtime (docker)"
        );
        let inside = plain().environment("container", "lxc");
        assert_eq!(seen(inside, "/", 1, 1), "given by the container's runtime (lxc)");
        assert_eq!(
            seen(plain(), "/system.slice/run-r1.scope", 1, 1),
            "run-r1.scope was started by another program, whose limits it has"
        );
        let unit = plain().file("/etc/systemd/system/x.service", "[Service]\nLimitNOFILE=5:6\n");
        assert_eq!(
            seen(unit, "/system.slice/x.service/payload", 6, 6),
            "LimitNOFILE=5:6 in /etc/systemd/system/x.service:2; the program changed its soft limit from 5 itself"
        );
        // A user's manager that was told nothing hands on what it got.
        let user = "/user.slice/user-7.slice/user@7.service/app.slice/y.service";
        assert_eq!(
            seen(plain(), user, 1, 1),
            "neither y.service nor its manager's files set it: inherited"
        );
        let asks = plain().file(
            "/run/user/7/systemd/user/y.service",
            "[Service]\nLimitNOFILE=infinity\n",
        );
        assert_eq!(
            seen(asks, user, 1, 524_288),
            "LimitNOFILE=infinity in /run/user/7/systemd/user/y.service:2; a user's manager gives no more than it has, 524288"
        );
        // No unit at all: nothing is told.
        assert_eq!(seen(plain(), "/", 1, 1), "");
    }
}
