//! What files promise for the next start, and nothing keeps: settings in a place where they have no effect.

use super::{
    Context, Dialect, Docs, Evidence, Failing, Found, Joint, Metric, Proposal, Reading, Row, Selectors, Table, Way,
    line, logins as of_logins,
};
use crate::catalogue;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, optional};
use crate::persisted::shells::{self, Command};
use crate::persisted::{Assignment, logins};
use crate::system::Os;
use crate::systemd::missing;
use crate::systemd::process::{limits_of, unit_of};
use crate::value::{Type, Value};

/// Settings in the wrong place: `startup = { sysctl_in_shell = false }`.
#[derive(Debug)]
pub struct Startup;

static SELECTORS: &[Field] = &[optional(
    "line",
    Shape::Text,
    "The line of a file of sysctl.d that `line_refused` is about: `net.core.somaxconn = 64K`.",
)];

/// The line that a rule is about.
type Line = Option<String>;

static ROWS: &[Row<Line>] = &[
    Row::new(
        switch(
            "sysctl_in_shell",
            "Whether a file that shells read when they start sets kernel parameters: they are set when somebody logs in, and not at \
             boot.",
        ).switch("kernel parameters set by shells when they start", "no kernel parameters set by shells"),
        |_, cx, evidence| told(in_files(shells::of_shells(cx.system), |_| true), evidence),
        Way::Own(|_| by_hand("Move the settings to a file in /etc/sysctl.d, which is read at boot.")),
    ),
    Row::new(
        switch(
            "sysctl_refused",
            "Whether the administrator's own sysctl files set what this kernel refuses: a key that was removed, a value that is \
             none of its type, or local ports below the privileged ones.",
        ).switch("kernel parameters that this kernel refuses", "no kernel parameters that this kernel refuses"),
        |_, cx, evidence| told(refused(cx), evidence),
        Way::Own(|_| by_hand("Delete the lines, or correct them: they do nothing but make sysctl fail.")),
    ),
    Row::new(
        switch(
            "line_refused",
            "Whether the kernel refuses what `line` sets: a number with a unit, quotes, a word where a number stands.",
        )
        .switch("a line that the kernel refuses", "no line that the kernel refuses")
        .about("line"),
        |line, cx, _| line::refusal(line.as_deref().unwrap_or_default(), cx),
        Way::Own(|failing| by_hand(&line::correct(failing))),
    ),
    Row::new(
        switch(
            "limits_ignored",
            "Whether limits.conf gives a named user more than that user's services have: it holds for logins alone.",
        ).switch("limits that do not reach the services they are meant for", "no limits that miss the services they are meant for"),
        |_, cx, evidence| told(ignored(cx), evidence),
        Way::Own(|_| by_hand("Set the limit in the unit: systemctl edit UNIT, LimitNOFILE= in [Service].")),
    ),
    Row::new(
        switch(
            "logins_refused",
            "Whether limits.conf gives a login a hard limit on open files that the kernel refuses: above `fs.nr_open`, as it is or \
             as the next boot makes it.",
        ).switch("a limit with which logins fail", "no limit with which logins fail"),
        |_, cx, evidence| told(of_logins::refused(cx), evidence),
        Way::Joint(&LOGINS),
    ),
    Row::new(
        switch(
            "logins_doubtful",
            "Whether limits.conf gives a login a soft limit on open files that it does not get, or none where nobody can tell \
             whether PAM takes that.",
        ).switch("a limit that a login does not get, or may not", "no limit that a login may not get"),
        |_, cx, evidence| told(of_logins::doubtful(cx), evidence),
        Way::Joint(&LOGINS),
    ),
    Row::new(
        switch("drops_caches", "Whether cron empties the kernel's caches.").switch("caches emptied by cron", "no caches emptied by cron"),
        |_, cx, evidence| {
            told(
                in_files(shells::of_cron(cx.system), |key| key == "vm.drop_caches"),
                evidence,
            )
        },
        Way::Own(|_| {
            by_hand(
                "Delete the job: the kernel gives cached memory back by itself, and what was dropped is read again.",
            )
        }),
    ),
];

/// Room for the highest limit is room for all of them.
static LOGINS: Joint = Joint(lower);

const fn switch(name: &'static str, doc: &'static str) -> Metric {
    Metric::new(name, Type::Bool, doc)
}

static DOCS: Docs = Docs {
    summary: "Settings in files where they have no effect, or are made again and again.",
    text: "Looks for settings that somebody believes to be made.\n\n\
`sysctl_in_shell`: `sysctl -w` or a write below `/proc/sys` in /etc/profile, /etc/profile.d, /etc/bash.bashrc, zsh's files, and as \
root in root's own. It runs with each shell, fails for ordinary users, and does not run before somebody logs in.\n\n\
`sysctl_refused`: a line of /etc/sysctl.conf or of the administrator's sysctl.d files for a key that this kernel does not have \
any more (`tcp_tw_recycle` since 4.12), with a value that the kernel does not take (`64K`, `\"65536\"`, `yes`, `33#x`, ports as \
`1024-65535`), or with an `ip_local_port_range` that begins below `ip_unprivileged_port_start`. Behind a number and white space the \
kernel takes anything, a comment too.\n\n\
`line_refused`: the same of one line, whatever file it stands in; `check --sysctl-d` makes such a rule of each line that the kernel \
refuses. Where the key is not on this machine it does not count.\n\n\
`limits_ignored`: a line of limits.conf that names a user, whose running services have a lower soft limit. pam_limits reads that \
file at logins; a service has what its unit says. Lines for groups and for `*` are for people, and are left alone.\n\n\
`logins_refused`: the lines of limits.conf and limits.d about open files (`nofile`), of everybody, a group or a user, the last of \
each. The kernel takes no hard limit above `fs.nr_open`; pam_limits then refuses the login, that of root and of sudo too, and \
with Debian's pam_limits the login goes on without the limit. `unlimited` is handed to the kernel before PAM 1.5.2, and fails; \
since then it is what `fs.nr_open` is. What the next boot makes of `fs.nr_open` is what a file sets, else what the kernel or \
systemd begins with.\n\n\
`logins_doubtful`: a soft limit above `fs.nr_open`, which pam_limits cuts down to the hard one, and `unlimited` where the version \
of PAM cannot be told.\n\n\
`drops_caches`: a write to `vm.drop_caches` in /etc/crontab, /etc/cron.d and the directories of cron's daily and other jobs. \
Tables of users are not read.\n\n\
The finding names file and line. Commands are recognised by their words, comments are not; a script that such a file starts is \
not followed. A file that is there and cannot be read makes the answer unknown.",
    example: "[[rule]]\nid = \"settings-in-shells\"\nseverity = \"warning\"\nstartup = { sysctl_in_shell = false }",
    remedies: &[
        (
            Dialect::Host,
            "A file in /etc/sysctl.d for kernel parameters; Limit...= in the unit for a service's limits.",
        ),
        (
            Dialect::Docker,
            "--sysctl and --ulimit: no file in an image is read when a container starts.",
        ),
        (Dialect::Systemd, "systemctl edit UNIT, and LimitNOFILE= in [Service]."),
    ],
};

impl Table for Startup {
    type Seen = Line;

    const NAME: &'static str = "startup";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Line>] = ROWS;

    fn label(&self, selectors: &Selectors) -> String {
        let line = selectors.text("line").and_then(line::split);
        line.map_or("files read at start".to_owned(), |(name, _)| name.dotted().to_owned())
    }

    fn check(&self, selectors: &Selectors, _os: Os, sink: &mut Diagnostics) {
        if let (Some(text), Some(place)) = (selectors.text("line"), selectors.place("line"))
            && line::split(text).is_none()
        {
            sink.push(Diagnostic::at(place, "this is no line of sysctl.d").label("not KEY = VALUE"));
        }
    }

    fn look(&self, selectors: &Selectors, _cx: &Context<'_>) -> Vec<Found<Line>> {
        let line = selectors.text("line").map(str::to_owned);
        vec![Found::new(Table::label(self, selectors), Ok(line))]
    }
}

fn by_hand(what: &str) -> Proposal {
    Proposal::manual("a person wrote these lines", what)
}

fn lower(failing: &Failing<'_>) -> Proposal {
    by_hand(&of_logins::remedy(failing.cx))
}

/// Whether something was found, with what it was as evidence.
fn told(found: Result<Evidence, Reading>, evidence: &mut Evidence) -> Reading {
    match found {
        Ok(found) => {
            let any = !found.is_empty();
            evidence.extend(found);
            Reading::Value(Value::Bool(any))
        }
        Err(reading) => reading,
    }
}

/// The commands that set a key that is meant, as evidence.
fn in_files(commands: Result<Vec<Command>, String>, meant: fn(&str) -> bool) -> Result<Evidence, Reading> {
    let commands = commands.map_err(Reading::Unreadable)?;
    let commands = commands.iter().filter(|command| meant(&command.key));
    Ok(commands
        .map(|command| format!("{} sets {}", command.place, command.key))
        .collect())
}

/// Lines that the kernel refuses.
fn refused(cx: &Context<'_>) -> Result<Evidence, Reading> {
    if cx.system.platform().os != Os::Linux {
        return Err(Reading::Absent("only Linux has such files".to_owned()));
    }
    let Some(persisted) = cx.host.persisted() else {
        return Err(Reading::Absent(
            "a container's own files are not read at boot".to_owned(),
        ));
    };
    if let Some(unread) = persisted.unread().first() {
        return Err(Reading::Unreadable(unread.to_string()));
    }
    let kernel = cx.system.platform().kernel_or_oldest();
    let first = |text: String| text.trim().parse::<i128>().ok();
    let unprivileged = cx.system.sysctl("net.ipv4.ip_unprivileged_port_start").ok();
    let unprivileged = unprivileged.and_then(first).unwrap_or(1024);
    let why = |(key, line): (String, Assignment)| {
        if !cx.host.sets_at_boot(&key) {
            return None;
        }
        let until = catalogue::lookup(Os::Linux, &key).and_then(|key| key.until);
        let why = match until {
            Some((major, minor)) if kernel >= (major, minor) => format!("was removed in kernel {major}.{minor}"),
            _ if let Some(why) = line::refused(&key, &line) => why,
            _ if key == "net.ipv4.ip_local_port_range" => {
                let set = catalogue::written(&key, Some(Type::Range), &line.value);
                let start = set.set()?.split_ascii_whitespace().next()?.parse::<i128>().ok()?;
                (start < unprivileged).then(|| format!("begins at {start}, below the first unprivileged port"))?
            }
            _ => return None,
        };
        Some(format!("{}:{}: {key} {why}", line.file, line.line))
    };
    Ok(persisted.own_lines().filter_map(why).collect())
}

/// Services whose user's lines in limits.conf promise more than they have.
fn ignored(cx: &Context<'_>) -> Result<Evidence, Reading> {
    match missing(cx.system) {
        Some(Ok(why)) => return Err(Reading::Absent(why)),
        Some(Err(why)) => return Err(Reading::Unreadable(why)),
        None => {}
    }
    let named = logins::named(cx.system);
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let processes = cx.system.processes();
    let processes = processes.map_err(|failure| Reading::Unreadable(format!("processes: {failure}")))?;
    let mut found = Vec::new();
    for process in &processes {
        let directory = format!("/proc/{}", process.pid);
        let Some(owner) = owner(&directory, cx) else { continue };
        for (uid, user, resource) in named.iter().filter(|(uid, ..)| *uid == owner) {
            let login = logins::of(cx.system, *uid, *resource);
            // A service of the system's: in a session, and for a user's own manager, the file was read.
            let unit = unit_of(cx.host, &directory)
                .filter(|(name, path)| name.ends_with(".service") && !path.contains("/user.slice/"));
            let (Some((unit, _)), Some(promised)) = (unit, login.soft) else {
                continue;
            };
            let Ok(limits) = limits_of(cx.system, &directory, *resource) else {
                continue;
            };
            if limits.soft < promised {
                let place = login.places.join(", ");
                let name = resource.name();
                found.push(format!(
                    "{place} gives {user} {promised} of {name}; {unit} (process {}) has {}",
                    process.pid, limits.soft
                ));
            }
        }
    }
    Ok(found)
}

/// The user whose rights a process has.
fn owner(directory: &str, cx: &Context<'_>) -> Option<u32> {
    let status = cx.host.text(&format!("{directory}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}
