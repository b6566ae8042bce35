//! The defaults of systemd's manager.

use super::bounds::together;
use super::service::can_be_asked;
use super::{
    Context, Dialect, Docs, Evidence, Failing, Found, Joint, Metric, Proposal, Reading, Row, Selectors, Side, Table,
    Way, reach,
};
use crate::persisted::files::name_of;
use crate::system::{Failure, Limits, Resource};
use crate::systemd::config::Config;
use crate::systemd::manager::{Origin, default_limits, default_tasks, removes_ipc};
use crate::systemd::unit::Manager;
use crate::value::{Number, Type, Unit, Value};

/// The manager's defaults: `systemd = { nofile_hard = { min = 1048576 } }`.
#[derive(Debug)]
pub struct Systemd;

/// The metrics of the limits, as soft and hard, in the order in which their lines are written.
static LIMITS: [(Resource, [&str; 2]); 3] = [
    (Resource::Nofile, ["nofile_soft", "nofile_hard"]),
    (Resource::Nproc, ["nproc_soft", "nproc_hard"]),
    (Resource::Memlock, ["memlock_soft", "memlock_hard"]),
];

/// All lines of the manager stand in one drop-in.
static MANAGER: Joint = Joint(manager);

type Read = fn(&Config, &Context<'_>, &mut Evidence) -> Reading;

const fn default(name: &'static str, unit: Unit, doc: &'static str, read: Read) -> Row<Config> {
    Row::new(Metric::new(name, Type::Number(unit), doc), read, Way::Joint(&MANAGER))
}

static ROWS: &[Row<Config>] = &[
    default(
        "nofile_soft",
        Unit::Count,
        "The soft limit on open files of units that set none.",
        |config, cx, evidence| limit(Resource::Nofile, Side::Soft, config, cx, evidence),
    )
    .said("soft limit on open files {}"),
    default("nofile_hard", Unit::Count, "The hard one.", |config, cx, evidence| {
        limit(Resource::Nofile, Side::Hard, config, cx, evidence)
    })
    .said("hard limit on open files {}"),
    default(
        "nproc_soft",
        Unit::Count,
        "The soft limit on processes and threads of a user, for units that set none.",
        |config, cx, evidence| limit(Resource::Nproc, Side::Soft, config, cx, evidence),
    )
    .said("soft limit on processes {}"),
    default(
        "nproc_hard",
        Unit::Count,
        "The hard one of these.",
        |config, cx, evidence| limit(Resource::Nproc, Side::Hard, config, cx, evidence),
    )
    .said("hard limit on processes {}"),
    default(
        "memlock_soft",
        Unit::Bytes,
        "The soft limit on locked memory of units that set none.",
        |config, cx, evidence| limit(Resource::Memlock, Side::Soft, config, cx, evidence),
    )
    .said("soft limit on locked memory {}"),
    default(
        "memlock_hard",
        Unit::Bytes,
        "The hard one of that.",
        |config, cx, evidence| limit(Resource::Memlock, Side::Hard, config, cx, evidence),
    )
    .said("hard limit on locked memory {}"),
    default(
        "tasks_max",
        Unit::Count,
        "Processes and threads that a unit may have that sets no TasksMax.",
        tasks_max,
    )
    .said("room for {} processes and threads in a unit"),
    Row::new(
        Metric::new(
            "removes_ipc",
            Type::Bool,
            "Whether logind removes a user's shared memory and semaphores when the last session ends.",
        )
        .switch(
            "a user's shared memory removed with the last session",
            "a user's shared memory kept after the last session",
        ),
        ipc,
        Way::Own(logins),
    ),
];

static DOCS: Docs = Docs {
    summary: "What systemd gives to units that set nothing themselves.",
    text: "Reads system.conf and logind.conf as systemd does: the first of `/etc/systemd`, `/run/systemd`, `/usr/local/lib/systemd` \
and `/usr/lib/systemd` that has the file, then the drop-ins of all four in the order of their names; the last line that can be \
read counts, and an empty one takes back what was said. Where no line says anything, the value that was compiled in: since \
version 240 open files are 1024:524288, and since 250 locked memory is 8 MiB.\n\n\
These are defaults: a unit's own `LimitNOFILE=` counts more, and what a unit really has the kind `rlimit` says with `unit`. \
Changes hold for what is started after `systemctl daemon-reexec`. A share (`DefaultTasksMax=15%`) is of the smaller of \
kernel.pid_max and kernel.threads-max.\n\n\
RemoveIPC matters to databases that run as an ordinary user with a login: their shared memory is gone when that user logs out. \
It spares system users (uids below 1000). Without systemd everything is n/a.",
    example: "[[rule]]\nid = \"shared-memory-stays\"\nseverity = \"warning\"\nsystemd = { removes_ipc = false }",
    remedies: &[
        (
            Dialect::Host,
            "DefaultLimitNOFILE= and its like in a drop-in below /etc/systemd/system.conf.d, then systemctl daemon-reexec; \
             RemoveIPC= below /etc/systemd/logind.conf.d, then systemctl restart systemd-logind.",
        ),
        (
            Dialect::Systemd,
            "LimitNOFILE=, TasksMax= in the unit are better than defaults for all.",
        ),
    ],
};

impl Table for Systemd {
    type Seen = Config;

    const NAME: &'static str = "systemd";
    const DOCS: &'static Docs = &DOCS;
    const ROWS: &'static [Row<Config>] = ROWS;

    fn look(&self, _selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Config>> {
        let seen = can_be_asked(cx).map(|()| Config::read(cx.system, "system.conf"));
        vec![Found::new("systemd", seen)]
    }
}

/// The line that a value comes from, once: both sides of a limit have the same.
fn say(origin: &Origin, key: &str, evidence: &mut Evidence) {
    let line = origin.describe(key);
    if !evidence.contains(&line) {
        evidence.push(line);
    }
}

fn limit(resource: Resource, side: Side, config: &Config, cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    let key = format!("Default{}", resource.systemd_name());
    match default_limits(cx.host, &Manager::System, config, resource) {
        Ok(Some((limits, origin))) => {
            say(&origin, &key, evidence);
            Reading::Value(Value::Number(match side {
                Side::Soft => limits.soft,
                Side::Hard => limits.hard,
            }))
        }
        Ok(None) => Reading::Absent(format!(
            "no file sets {key}, and no manager runs whose limit would be inherited"
        )),
        Err(why) => Reading::Unreadable(why),
    }
}

fn tasks_max(config: &Config, cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    match default_tasks(cx.host, config) {
        Ok((number, origin)) => {
            say(&origin, "DefaultTasksMax", evidence);
            Reading::Value(Value::Number(number))
        }
        Err(why) => Reading::Unreadable(why),
    }
}

fn ipc(_: &Config, cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    let logind = ["/usr/lib/systemd/systemd-logind", "/lib/systemd/systemd-logind"].map(|path| cx.system.stat(path));
    match logind {
        [Err(Failure::Absent), Err(Failure::Absent)] => {
            return Reading::Absent("logind is not installed here".to_owned());
        }
        [Err(failure), Err(Failure::Absent)] | [_, Err(failure)] if failure != Failure::Absent => {
            return Reading::Unreadable(format!("/usr/lib/systemd/systemd-logind: {failure}"));
        }
        [Ok(_) | Err(_), Ok(_) | Err(_)] => {}
    }
    match removes_ipc(cx.host) {
        Ok((on, origin)) => {
            say(&origin, "RemoveIPC", evidence);
            Reading::Value(Value::Bool(on))
        }
        Err(why) => Reading::Unreadable(why),
    }
}

fn manager(failing: &Failing<'_>) -> Proposal {
    let config = Config::read(failing.cx.system, "system.conf");
    let mut lines = limit_lines(failing, &config);
    lines.extend(failing.number("tasks_max").map(|most| match most {
        Number::Unlimited => "DefaultTasksMax=infinity".to_owned(),
        Number::Finite(most) => format!("DefaultTasksMax={most}"),
    }));
    let file = drop_in("system.conf", &lines, &config, "Manager");
    proposal(&file, "Manager", &lines, "systemctl daemon-reexec", failing.cx)
}

fn logins(failing: &Failing<'_>) -> Proposal {
    let word = |on| if on { "yes" } else { "no" };
    let line = failing
        .switch("removes_ipc")
        .map(|on| format!("RemoveIPC={}", word(on)));
    let lines = Vec::from_iter(line);
    let config = Config::read(failing.cx.system, "logind.conf");
    let file = drop_in("logind.conf", &lines, &config, "Login");
    proposal(&file, "Login", &lines, "systemctl restart systemd-logind", failing.cx)
}

/// Lines for a section of a drop-in, and what has them read.
fn proposal(file: &str, section: &str, lines: &[String], then: &str, cx: &Context<'_>) -> Proposal {
    if lines.is_empty() {
        return Proposal::manual("no single value satisfies the rule", "Choose the manager's defaults.");
    }
    Proposal {
        reach: reach::of_unit(cx),
        because: "the manager's defaults are root's to set".to_owned(),
        changes: Vec::new(),
        remedies: vec![
            (Dialect::Host, write(file, section, lines, then)),
            (Dialect::Persist, format!("{file}:\n[{section}]\n{}", lines.join("\n"))),
        ],
    }
}

/// `DefaultLimitNOFILE=SOFT:HARD` for each resource that is to change; the side that nobody speaks of stays as it is.
fn limit_lines(failing: &Failing<'_>, config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    for (resource, [soft, hard]) in LIMITS {
        let (soft, hard) = (failing.number(soft), failing.number(hard));
        let Some(either) = soft.or(hard) else { continue };
        let now = default_limits(failing.cx.host, &Manager::System, config, resource);
        let alike = Limits {
            soft: either,
            hard: either,
        };
        let now = now.ok().flatten().map_or(alike, |(limits, _)| limits);
        let (soft, hard) = together(soft, hard, &now);
        let own = super::origin::directive(resource, soft.unwrap_or(now.soft), hard.unwrap_or(now.hard));
        lines.extend(own.into_iter().map(|line| format!("Default{line}")));
    }
    lines
}

/// The path of a drop-in whose lines count: after every file that says something of the same.
fn drop_in(name: &str, lines: &[String], config: &Config, section: &str) -> String {
    const OURS: &str = "60-runup.conf";
    let keys: Vec<&str> = lines.iter().filter_map(|line| line.split('=').next()).collect();
    let directory = format!("{name}.d/");
    let last = keys
        .iter()
        .flat_map(|key| config.all(section, key))
        .filter(|setting| setting.file.contains(&directory))
        .map(|setting| name_of(&setting.file).to_owned())
        .max()
        .filter(|last| last.as_str() > OURS);
    let file = last.map_or_else(
        || OURS.to_owned(),
        |last| format!("{}-runup.conf", last.trim_end_matches(".conf")),
    );
    format!("/etc/systemd/{directory}{file}")
}

fn write(file: &str, section: &str, lines: &[String], then: &str) -> String {
    let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    format!(
        "sudo mkdir -p {directory}\nprintf '[{section}]\\n{}\\n' | sudo tee {file}\nsudo {then}",
        lines.join("\\n")
    )
}
