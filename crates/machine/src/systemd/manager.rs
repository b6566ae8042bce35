//! What holds for every unit that says nothing: the manager's defaults, those that were compiled in included.

use super::config::{Config, Setting};
use super::unit::Manager;
use super::values::{self, Amount};
use crate::host::Host;
use crate::system::{Failure, Limits, Resource, System};
use crate::value::Number;

/// Where a default comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file.
    File(Setting),
    /// No file says anything: what it is then, and why.
    BuiltIn(String),
}

impl Origin {
    /// `DefaultLimitNOFILE=1024:65536 in /etc/systemd/system.conf:3`, or why it is so without a line.
    #[must_use]
    pub fn describe(&self, key: &str) -> String {
        match self {
            Origin::File(setting) => format!("{key}={} in {}", setting.value, setting.place()),
            Origin::BuiltIn(why) => why.clone(),
        }
    }
}

/// The version of systemd that is installed, by the name of the library that all its programs share; `None` where there is none.
#[must_use]
pub fn version(system: &dyn System) -> Option<u32> {
    let arch = match system.platform().arch.as_deref() {
        Some("x86_64") => "x86_64-linux-gnu",
        Some("aarch64") => "aarch64-linux-gnu",
        _ => "",
    };
    let directories = [
        "/usr/lib/systemd".to_owned(),
        "/lib/systemd".to_owned(),
        "/usr/lib64/systemd".to_owned(),
        format!("/usr/lib/{arch}/systemd"),
    ];
    directories.iter().find_map(|directory| {
        system.list(directory).ok()?.iter().find_map(|name| {
            let rest = name.strip_prefix("libsystemd-shared-")?;
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..digits].parse().ok()
        })
    })
}

/// The default of a limit, and where it comes from. `None` where nobody can tell: it is then what the manager itself was started
/// with, and only the running one knows.
///
/// # Errors
/// A file cannot be read, or the first process's limits cannot.
pub fn default_limits(
    host: &Host<'_>,
    manager: &Manager,
    config: &Config,
    resource: Resource,
) -> Result<Option<(Limits, Origin)>, String> {
    let key = format!("Default{}", resource.systemd_name());
    // What cannot be read could say something else.
    if let Some(unread) = config.unread() {
        return Err(unread);
    }
    if let Some((limits, setting)) = config.last("Manager", &key, |text| values::limits(resource, text)) {
        return Ok(Some((limits, Origin::File(setting))));
    }
    // What a user's manager hands on when it was told nothing is what it got itself.
    if *manager != Manager::System {
        return Ok(None);
    }
    Ok(match resource {
        Resource::Nofile => Some(nofile(host)),
        Resource::Memlock => Some(memlock(host)),
        _ => inherited(host.system, resource)?,
    })
}

fn built_in(limits: (i128, i128), why: String) -> (Limits, Origin) {
    let (soft, hard) = (Number::Finite(limits.0), Number::Finite(limits.1));
    (Limits { soft, hard }, Origin::BuiltIn(why))
}

/// Since version 240 the hard limit is 524288, so that programs can raise theirs, and the soft one stays where select(2) works.
fn nofile(host: &Host<'_>) -> (Limits, Origin) {
    const SOFT: i128 = 1024;
    const HARD: i128 = 524_288;
    match version(host.system) {
        Some(version) if version < 240 => built_in(
            (SOFT, 4096),
            format!("no file sets DefaultLimitNOFILE, and systemd {version} hands on the kernel's 1024:4096"),
        ),
        version => {
            let most = host
                .system
                .sysctl("fs.nr_open")
                .ok()
                .and_then(|text| text.trim().parse::<i128>().ok())
                .filter(|most| *most < HARD);
            let hard = most.unwrap_or(HARD);
            let why = match (most, version) {
                (Some(_), _) => {
                    "no file sets DefaultLimitNOFILE, and fs.nr_open is below systemd's own 524288".to_owned()
                }
                (None, Some(version)) => format!("no file sets DefaultLimitNOFILE: compiled into systemd {version}"),
                (None, None) => "no file sets DefaultLimitNOFILE: compiled into systemd since version 240".to_owned(),
            };
            built_in((SOFT.min(hard), hard), why)
        }
    }
}

/// Since version 250 at least 8 MiB, as kernels since 5.16 have it; before, what the kernel starts with.
fn memlock(host: &Host<'_>) -> (Limits, Origin) {
    const NEW: i128 = 8 << 20;
    const OLD: i128 = 64 << 10;
    let version = version(host.system);
    if version.is_none_or(|version| version >= 250) {
        return built_in(
            (NEW, NEW),
            "no file sets DefaultLimitMEMLOCK: compiled into systemd since version 250".to_owned(),
        );
    }
    // Which kernel this is may not be told; the lower one promises nothing.
    let limit = if host.system.platform().is_at_least((5, 16)) == Some(true) {
        NEW
    } else {
        OLD
    };
    built_in(
        (limit, limit),
        "no file sets DefaultLimitMEMLOCK: the kernel's own".to_owned(),
    )
}

/// What the first process hands on as it got it: it raises but nofile and memlock for itself.
fn inherited(system: &dyn System, resource: Resource) -> Result<Option<(Limits, Origin)>, String> {
    let why = || {
        Origin::BuiltIn(format!(
            "no file sets Default{}: inherited from the first process",
            resource.systemd_name()
        ))
    };
    match super::process::limits_of(system, "/proc/1", resource) {
        Ok(limits) => Ok(Some((limits, why()))),
        Err(Failure::Absent | Failure::CannotTell(_)) => Ok(None),
        Err(failure) => Err(format!("/proc/1/limits: {failure}")),
    }
}

/// How many tasks a unit may have that says nothing.
///
/// # Errors
/// A file cannot be read.
pub fn default_tasks(host: &Host<'_>, config: &Config) -> Result<(Number, Origin), String> {
    if let Some(unread) = config.unread() {
        return Err(unread);
    }
    let (amount, origin) = match config.last("Manager", "DefaultTasksMax", values::tasks) {
        Some((amount, setting)) => (amount, Origin::File(setting)),
        None => {
            let version = version(host.system);
            let (amount, why) = match version {
                Some(version) if version < 228 => (Amount::Number(Number::Unlimited), "no limit before version 228"),
                Some(version) if version < 231 => (Amount::Number(Number::Finite(512)), "compiled into systemd: 512"),
                // Red Hat builds it with a higher share.
                _ if is_red_hat(host) => (Amount::Share(8_000), "compiled into Red Hat's systemd: 80%"),
                _ => (Amount::Share(1_500), "compiled into systemd: 15%"),
            };
            (amount, Origin::BuiltIn(format!("no file sets DefaultTasksMax: {why}")))
        }
    };
    Ok((amount.of(all_tasks(host)?), origin))
}

/// The tasks that a machine can have, of which shares are.
///
/// # Errors
/// The kernel's limits cannot be read.
pub fn all_tasks(host: &Host<'_>) -> Result<i128, String> {
    let mut most = i128::MAX;
    for key in ["kernel.pid_max", "kernel.threads-max"] {
        let text = host.system.sysctl(key).map_err(|failure| format!("{key}: {failure}"))?;
        most = most.min(text.trim().parse().map_err(|_| format!("{key} is no number"))?);
    }
    Ok(most)
}

/// Whether logind removes a user's shared memory and semaphores when the last session ends.
///
/// # Errors
/// A file cannot be read.
pub fn removes_ipc(host: &Host<'_>) -> Result<(bool, Origin), String> {
    let config = Config::read(host.system, "logind.conf");
    if let Some(unread) = config.unread() {
        return Err(unread);
    }
    if let Some((on, setting)) = config.last("Login", "RemoveIPC", values::boolean) {
        return Ok((on, Origin::File(setting)));
    }
    let (on, why) = if is_red_hat(host) {
        (false, "compiled into Red Hat's logind: no")
    } else {
        (true, "compiled into logind: yes")
    };
    Ok((on, Origin::BuiltIn(format!("no file sets RemoveIPC: {why}"))))
}

/// Red Hat Enterprise Linux and what is built from its sources; Fedora is not.
fn is_red_hat(host: &Host<'_>) -> bool {
    let field = |name: &str| host.release(name).unwrap_or_default();
    matches!(field("ID").as_str(), "rhel" | "centos" | "ol") || field("ID_LIKE").split(' ').any(|like| like == "rhel")
}
