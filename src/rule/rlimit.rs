//! Limits of a process.

use super::bounds::{nr_open, together};
use super::{
    Change, Context, Dialect, Docs, Failing, Found, Intent, Joint, Metric, Proposal, Reach, Reading, Row, Scope,
    Selectors, Side, Table, Target, Way, origin, reach, reading_of,
};
use crate::diagnostic::Diagnostics;
use crate::document::shape::{Field, Shape, optional, required};
use crate::system::{Limits, Os, Resource};
use crate::systemd::unit::full_name;
use crate::value::{Number, Type, Unit, Value};

/// Limits of a process: `rlimit = { resource = "nofile", soft = { min = 65536 } }`.
#[derive(Debug)]
pub struct Rlimit;

static SELECTORS: &[Field] = &[
    required(
        "resource",
        Shape::OneOf(&[
            "as",
            "core",
            "cpu",
            "data",
            "fsize",
            "locks",
            "memlock",
            "msgqueue",
            "nice",
            "nofile",
            "nproc",
            "rss",
            "rtprio",
            "rttime",
            "sigpending",
            "stack",
        ]),
        "The resource, by its name in prlimit(1) and `--ulimit`: `nofile` is open files, `nproc` processes, `memlock` locked memory.",
    ),
    optional(
        "unit",
        Shape::Text,
        "A unit of systemd (`nginx.service`): the limits of its main process, instead of this process's.",
    ),
];

static ROWS: &[Row<Limits>] = &[
    Row::new(
        Metric::untyped("soft", "The soft limit: what binds.").said("soft limit {}"),
        |limits, _, _| Reading::Value(Value::Number(limits.soft)),
        Way::Joint(&BOTH),
    ),
    Row::new(
        Metric::untyped(
            "hard",
            "The hard limit: how far the soft one can be raised without privilege.",
        )
        .said("hard limit {}"),
        |limits, _, _| Reading::Value(Value::Number(limits.hard)),
        Way::Joint(&BOTH),
    ),
];

/// One call sets both, and neither can be chosen without the other.
static BOTH: Joint = Joint(set);

static DOCS: Docs = Docs {
    summary: "A limit of this process, or of the one that `--pid` or `unit` names.",
    text: "Reads the soft and the hard limit with prlimit(2). Sizes are in bytes (`8M` may be written), the rest are counts; \
`unlimited` is above every number.\n\n\
A floor asks for enough, and a ceiling guards against too much: a descriptor limit of a thousand million makes old programs \
that close every possible descriptor at start take minutes. No limit on open files can be above `fs.nr_open`.\n\n\
A process hands its limits to what it starts. A program can raise its own soft limit up to the hard one; to raise the hard one \
takes CAP_SYS_RESOURCE, so in a container the runtime must give it, and for a service the unit. limits.conf holds for logins \
through PAM alone, and no service sees it.\n\n\
With `unit`, and for a process that `--pid` or `--unit` names, the finding says where the limit comes from: the unit's file or \
a drop-in with its line, the manager's default, limits.conf for a login, a container's runtime, or the program itself. A unit \
that does not run is judged by what its files would give it. Its main process is found by its cgroup; systemd is not asked.",
    example: "[[rule]]\nid = \"open-files\"\nseverity = \"warning\"\nrlimit = { resource = \"nofile\", soft = { min = 65536 } }",
    remedies: &[
        (
            Dialect::Host,
            "ulimit in the shell that starts the program, up to the hard limit; prlimit(1) as root beyond; /etc/security/limits.d for logins.",
        ),
        (
            Dialect::Docker,
            "--ulimit nofile=SOFT:HARD, or default-ulimits of the daemon.",
        ),
        (
            Dialect::Kubernetes,
            "No field of a pod sets it: `runup exec` raises it in the container up to the hard limit; beyond, the node's container runtime must give more.",
        ),
        (
            Dialect::Lxc,
            "lxc.prlimit.nofile = SOFT:HARD in the container's configuration, in Proxmox too.",
        ),
        (Dialect::Incus, "limits.kernel.nofile of the container, in LXD too."),
        (
            Dialect::Nspawn,
            "--rlimit=RLIMIT_NOFILE=SOFT:HARD, or LimitNOFILE= in its .nspawn file.",
        ),
        (
            Dialect::Systemd,
            "LimitNOFILE=SOFT:HARD in the unit; limits.conf does not reach services.",
        ),
        (
            Dialect::Macos,
            "ulimit in the shell, up to the hard limit; `launchctl limit maxfiles SOFT HARD` for what launchd starts.",
        ),
    ],
};

fn resource(selectors: &Selectors) -> Option<Resource> {
    Resource::parse(selectors.text("resource")?)
}

impl Table for Rlimit {
    type Seen = Limits;

    const NAME: &'static str = "rlimit";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Limits>] = ROWS;

    fn type_of(&self, selectors: &Selectors, _metric: &Metric, _os: Os) -> Option<Type> {
        Some(Type::Number(resource(selectors).map_or(Unit::Count, Resource::unit)))
    }

    fn check(&self, selectors: &Selectors, _os: Os, sink: &mut Diagnostics) {
        super::service::check_unit(selectors, sink);
    }

    fn label(&self, selectors: &Selectors) -> String {
        let resource = selectors.text("resource").unwrap_or_default();
        match selectors.text("unit") {
            Some(unit) => format!("{resource} of {}", full_name(unit)),
            None => resource.to_owned(),
        }
    }

    fn sets(&self, selectors: &Selectors, _subject: &str, metric: &str) -> Option<Target> {
        // A unit's limits are another process's, and its files are what sets them.
        let own = resource(selectors).filter(|_| selectors.text("unit").is_none())?;
        let side = if metric == "hard" { Side::Hard } else { Side::Soft };
        Some(Target::Limit(own, side))
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Limits>> {
        let Some(resource) = resource(selectors) else {
            return Vec::new();
        };
        let mut evidence = Vec::new();
        let limits = match selectors.text("unit") {
            Some(unit) => origin::limits_of_unit(&full_name(unit), resource, cx, &mut evidence),
            None => cx
                .system
                .limits(resource)
                .map_err(|failure| reading_of(&failure, &format!("the limit {}", resource.name()))),
        };
        // Of this process itself its owner knows; looking it up would cost every start of a container its time.
        let directory = cx.system.process_directory();
        if let (None, Ok(limits), false) = (selectors.text("unit"), &limits, directory == "/proc/self") {
            evidence.extend(origin::of_process(cx, directory, resource, limits));
        }
        if resource == Resource::Nofile
            && let (Ok(limits), Some(most)) = (&limits, nr_open(cx))
            && limits.hard > Number::Finite(most)
        {
            evidence.push(format!(
                "the hard limit is above fs.nr_open ({most}): nobody can set it again as it is"
            ));
        }
        vec![Found {
            subject: self.label(selectors),
            seen: limits,
            evidence,
        }]
    }
}

/// Sets what is asked for, and the other side where that could not stay.
fn set(failing: &Failing<'_>) -> Proposal {
    let (selectors, cx) = (failing.selectors, failing.cx);
    let asked = (failing.number("soft"), failing.number("hard"));
    if let (Some(unit), Some(resource)) = (selectors.text("unit"), resource(selectors)) {
        return origin::propose(&full_name(unit), resource, asked, cx);
    }
    let now = resource(selectors).and_then(|resource| Some((resource, cx.system.limits(resource).ok()?)));
    let Some((resource, now)) = now else {
        return Proposal::manual(
            "the limits could not be read",
            "look at the process's limits with prlimit(1)",
        );
    };
    let (mut soft, mut hard) = asked;
    if soft.is_none() && hard.is_none() {
        return Proposal::manual(
            "no single value satisfies the rule",
            format!("choose limits for {}", resource.name()),
        );
    }
    (soft, hard) = together(soft, hard, &now);
    if cx.intent == Intent::Keep {
        (soft, hard) = (soft.or(Some(now.soft)), hard.or(Some(now.hard)));
    }
    let mut changes: Vec<Change> = room(resource, hard.max(soft), cx).into_iter().collect();
    let mut change = |side: Side, from: Number, to: Option<Number>| {
        if let Some(to) = to.filter(|to| *to != from || cx.intent != Intent::Fix) {
            changes.push(Change {
                target: Target::Limit(resource, side),
                from: Some(from.to_string()),
                to: to.to_string(),
                scope: Scope::Process,
                hard: (side == Side::Soft).then(|| now.hard.to_string()),
            });
        }
    };
    // Hard first: the soft limit may need the room.
    change(Side::Hard, now.hard, hard);
    change(Side::Soft, now.soft, soft);
    let (reach, because) = match hard.is_some_and(|hard| hard > now.hard) {
        true => reach_of_more(&now, cx),
        false => (Reach::Here, "the hard limit allows it".to_owned()),
    };
    let directory = cx.system.process_directory();
    let limits = (soft.unwrap_or(now.soft), hard.unwrap_or(now.hard));
    Proposal {
        reach,
        because,
        changes,
        remedies: match directory {
            "/proc/self" => Vec::new(),
            other => origin::lasting(cx, other, resource, limits),
        },
    }
}

/// What gives a limit on open files room, where it would be above the kernel's own.
fn room(resource: Resource, wanted: Option<Number>, cx: &Context<'_>) -> Option<Change> {
    let most = nr_open(cx).filter(|_| resource == Resource::Nofile)?;
    let wanted = wanted?.finite().filter(|wanted| *wanted > most)?;
    Some(Change {
        target: Target::Sysctl("fs.nr_open".to_owned()),
        from: Some(most.to_string()),
        to: wanted.to_string(),
        scope: Scope::Host,
        hard: None,
    })
}

/// Where the hard limit can be raised.
fn reach_of_more(now: &Limits, cx: &Context<'_>) -> (Reach, String) {
    if reach::may_raise_limits(cx) {
        (Reach::Here, "this process has CAP_SYS_RESOURCE".to_owned())
    } else if cx.host.engine().is_some() {
        (
            Reach::Runtime,
            format!("the hard limit is {}, and this container may not raise it", now.hard),
        )
    } else {
        (
            Reach::Privileged,
            format!("the hard limit is {}: raising it needs CAP_SYS_RESOURCE", now.hard),
        )
    }
}
