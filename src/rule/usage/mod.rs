//! How full the kernel's limited things are: connections tracked, files, keys, threads, neighbours.

mod measure;

use super::{
    Change, Context, Dialect, Docs, Failing, Found, Joint, Metric, Observation, Proposal, Reach, Reading, Row, Scope,
    Selectors, Table, Target, Way, sysctl,
};
use crate::document::shape::{Field, Shape, required};
use crate::host::in_words;
use crate::system::Os;
use crate::value::{Number, Type, Unit, Value};
use measure::{Use, measure};

/// How full something is: `usage = { of = "conntrack", share = { max = "80%" } }`.
#[derive(Debug)]
pub struct Usage;

static SELECTORS: &[Field] = &[required(
    "of",
    Shape::OneOf(&[
        "conntrack",
        "files",
        "aio",
        "keys",
        "key-bytes",
        "threads",
        "pids",
        "cgroup-pids",
        "tcp-memory",
        "orphans",
        "time-wait",
        "neighbours-ipv4",
        "neighbours-ipv6",
    ]),
    "What is used: tracked connections, open files of the machine, requests of asynchronous I/O, keys and their bytes of the \
     fullest user, threads of the machine, their numbers, processes and threads of the fullest cgroup, pages of TCP, connections \
     without a program, sockets in TIME_WAIT, neighbours.",
)];

static ROWS: &[Row<Use>] = &[
    Row::new(
        Metric::new(
            "share",
            Type::Number(Unit::Centipercent),
            "The part of the limit that is in use.",
        )
        .said("{} in use")
        .settles(),
        |found, _, _| number(Number::Finite(found.share())),
        Way::Joint(&LIMIT),
    ),
    Row::new(
        Metric::untyped("used", "How much is in use.")
            .said("{} in use")
            .settles(),
        |found, _, _| number(Number::Finite(found.used)),
        Way::Joint(&LIMIT),
    ),
    // A limit stays as it is set.
    Row::new(
        Metric::untyped("limit", "How much may be in use.").said("limit {}"),
        |found, _, _| number(found.limit),
        Way::Joint(&LIMIT),
    ),
    Row::new(
        Metric::untyped("free", "How much may still be used.")
            .said("{} free")
            .settles(),
        |found, _, _| number(found.free()),
        Way::Joint(&LIMIT),
    ),
];

/// One limit makes all of them right.
static LIMIT: Joint = Joint(raise);

fn number(number: Number) -> Reading {
    Reading::Value(Value::Number(number))
}

static DOCS: Docs = Docs {
    summary: "How full a table or another limited thing of the kernel is.",
    text: "Holds what is in use against its limit: `nf_conntrack_count` against `nf_conntrack_max`, `fs.file-nr` against \
`fs.file-max`, `fs.aio-nr` against `fs.aio-max-nr`, `/proc/key-users` against the limits on keys (the user whose share is largest \
counts), the threads of `/proc/loadavg` against `kernel.threads-max` or `kernel.pid_max`, `pids.current` against `pids.max` (the \
fullest cgroup up the tree counts), `/proc/net/sockstat` against the third number of `tcp_mem` (pages), `tcp_max_orphans` and \
`tcp_max_tw_buckets`, and the neighbours of `/proc/net/stat` against `gc_thresh3`.\n\n\
A limit that is reached shows nowhere until something fails: a new connection, a fork, a container that cannot be started. What \
is not there (no connections are tracked, no cgroup limits) is `n/a`; what belongs to the host and is hidden in this network \
namespace is `unknown`.\n\n\
A fix raises the limit and never lowers it: to what `limit` or `free` asks for, and for a `share` to the next power of two, so \
that it holds for a while. What is used goes down by itself or by a person's doing, so `--wait` looks again.",
    example: "[[rule]]\nid = \"conntrack-room\"\nseverity = \"warning\"\nusage = { of = \"conntrack\", share = { max = \"80%\" } }",
    remedies: &[
        (
            Dialect::Host,
            "Raise the limit with sysctl -w; or find who uses so much, and stop it.",
        ),
        (
            Dialect::Docker,
            "--pids-limit for cgroup-pids, --sysctl net.ipv4.tcp_max_tw_buckets=N for time-wait; everything else on the host.",
        ),
        (
            Dialect::Kubernetes,
            "podPidsLimit of the node's kubelet for cgroup-pids; everything else on the node.",
        ),
        (Dialect::Systemd, "TasksMax= in the unit for cgroup-pids."),
    ],
};

impl Table for Usage {
    type Seen = Use;

    const NAME: &'static str = "usage";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Use>] = ROWS;

    fn type_of(&self, selectors: &Selectors, metric: &Metric, _os: Os) -> Option<Type> {
        let unit = match selectors.text("of") {
            Some("key-bytes") => Unit::Bytes,
            Some("tcp-memory") => Unit::Pages,
            _ => Unit::Count,
        };
        metric.value.or(Some(Type::Number(unit)))
    }

    fn label(&self, selectors: &Selectors) -> String {
        selectors.text("of").unwrap_or_default().to_owned()
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Use>> {
        let of = selectors.text("of").unwrap_or_default();
        let seen = match cx.system.platform().os {
            Os::Linux => measure(of, cx),
            Os::Macos | Os::Freebsd => Err(Reading::Absent("this system does not tell of it".to_owned())),
        };
        let mut evidence = Vec::new();
        if let Ok(found) = &seen {
            let whose = found
                .whose
                .as_ref()
                .map_or_else(String::new, |whose| format!("{whose}: "));
            evidence.push(format!("{whose}{} of {} in use", found.used, found.limit));
            if let (Some(engine), Some(key)) = (cx.host.engine(), found.key)
                && reach_of(key, cx).0 == Reach::Host
            {
                evidence.push(format!("the host's, seen from inside {}", in_words(engine)));
            }
        }
        vec![Found {
            subject: of.to_owned(),
            seen,
            evidence,
        }]
    }
}

/// Raises the limit, as far as all metrics that fail need; what only less use can bring down is for a person.
fn raise(failing: &Failing<'_>) -> Proposal {
    let cx = failing.cx;
    let of = failing.selectors.text("of").unwrap_or_default();
    let person = || Proposal::manual("only less use can bring it down", relief(of));
    let Ok(found) = measure(of, cx) else {
        return person();
    };
    let needed = failing
        .targets
        .iter()
        .map(|(metric, target)| needed(metric, target.as_ref(), &found));
    let Some(needed) = needed.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max()) else {
        return person();
    };
    match found.key {
        None => cgroup_limit(needed, &found, cx),
        // Its third number lets TCP take memory from everybody else, and is computed from RAM at boot.
        Some("net.ipv4.tcp_mem") => Proposal::manual(
            "more memory for TCP is less for everything else",
            format!(
                "{} Else set the third number of net.ipv4.tcp_mem to {needed} pages.",
                relief(of)
            ),
        ),
        Some("kernel.pid_max") if needed > PID_MAX_LIMIT => {
            Proposal::manual(format!("kernel.pid_max ends at {PID_MAX_LIMIT}"), relief(of))
        }
        Some(key) => {
            let live = Reading::Value(Value::Number(found.limit));
            let value = Value::number(needed);
            let observation = Observation::single(key, "", live);
            sysctl::write(&Failing {
                selectors: &Selectors::default(),
                observation: &observation,
                targets: &[("", Some(value))],
                cx,
            })
        }
    }
}

/// The kernel's PID_MAX_LIMIT on 64-bit machines.
const PID_MAX_LIMIT: i128 = 4_194_304;

fn reach_of(key: &str, cx: &Context<'_>) -> (Reach, String) {
    sysctl::reach(key, crate::catalogue::lookup(Os::Linux, key), cx)
}

/// The limit that would make a metric what is asked for; `None` where none would, or the one that there is does.
fn needed(metric: &str, target: Option<&Value>, found: &Use) -> Option<i128> {
    let Some(Value::Number(target)) = target else {
        return None;
    };
    match (metric, *target) {
        ("limit", Number::Finite(limit)) => Some(limit),
        ("share", Number::Finite(share)) if share > 0 && found.share() > share => {
            let exact = (found.used.saturating_mul(10_000) + share - 1) / share;
            let rounded = u64::try_from(exact).ok()?.checked_next_power_of_two()?;
            Some(i128::from(rounded))
        }
        ("free", Number::Finite(free)) if found.free() < Number::Finite(free) => Some(found.used + free),
        _ => None,
    }
}

fn cgroup_limit(needed: i128, found: &Use, cx: &Context<'_>) -> Proposal {
    let (reach, because) = match cx.host.engine() {
        Some(_) => (Reach::Runtime, "the runtime made this cgroup"),
        None => (
            Reach::Privileged,
            "whoever made the cgroup sets its limits; of a service, its unit",
        ),
    };
    let change = Change {
        target: Target::Cgroup("pids.max".to_owned()),
        from: Some(found.limit.to_string()),
        to: needed.to_string(),
        scope: Scope::Cgroup,
        hard: None,
    };
    Proposal {
        reach,
        because: because.to_owned(),
        changes: vec![change],
        remedies: vec![(Dialect::Host, format!("systemctl set-property UNIT TasksMax={needed}"))],
    }
}

/// Who uses it, and how to use less.
fn relief(of: &str) -> &'static str {
    match of {
        "conntrack" => {
            "Have fewer connections, or forget them sooner: `conntrack -S` and `conntrack -L` show them, and \
             net.netfilter.nf_conntrack_tcp_timeout_established keeps idle ones for five days."
        }
        "files" => {
            "Find who holds them: `lsof -n | awk '{print $1}' | sort | uniq -c | sort -n | tail` names the largest."
        }
        "aio" => "Stop what sets up asynchronous I/O and does not need it: databases and storage daemons do.",
        "keys" | "key-bytes" => {
            "Find whose they are in /proc/key-users; every container takes a session key or two of the user that runs it."
        }
        "threads" | "pids" => "Find who makes them: `ps -eo nlwp,comm --sort=-nlwp | head` names the largest.",
        "cgroup-pids" => "End processes in the cgroup, or let its programs start fewer threads.",
        "tcp-memory" => "Find sockets that nobody reads: `ss -tm` shows what each holds.",
        "orphans" => {
            "Lower net.ipv4.tcp_orphan_retries, or find who drops connections with data unsent: `ss -tp state fin-wait-1`."
        }
        "time-wait" => "Wait 60 s for TIME_WAIT to end, or let connections be reused: keep-alive, connection pools.",
        _ => "Have fewer hosts on one network segment, or route between smaller ones: `ip neigh` lists them.",
    }
}
