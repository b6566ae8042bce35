//! Mounts: what holds a path, and how it is mounted.

mod options;

use super::{
    Context, Dialect, Docs, Failing, Found, Joint, Mend, Metric, Proposal, Reading, Row, Selectors, Table, Way, disk,
    reading_of,
};
use crate::diagnostic::Diagnostics;
use crate::document::shape::{Field, Shape, required};
use crate::host;
use crate::system::{Failure, Os};
use crate::value::{Choice, Type, Value};
use options::Options;

/// Mounts: `mount = { path = "/var/lib/mongodb", type = { one_of = ["xfs"] }, options = { contains = "noatime" } }`.
#[derive(Debug)]
pub struct Mount;

static SELECTORS: &[Field] = &[required(
    "path",
    Shape::Text,
    "An absolute path; the rule is about the mount that holds it. Nothing is read from the path itself.",
)];

static ROWS: &[Row<host::Mount>] = &[
    Row::new(
        Metric::new(
            "type",
            Type::Choice,
            "The kind of file system: `ext4`, `xfs`, `tmpfs`, `nfs4`.",
        ).said("file system {}"),
        |mount, _, _| {
            Reading::Value(Value::Choice(Choice {
                selected: Some(mount.kind.clone()),
                options: vec![mount.kind.clone()],
            }))
        },
        Way::Joint(&REMOUNT),
    ),
    Row::new(
        Metric::new(
            "options",
            Type::Words,
            "The options of the mount and of its file system, as the kernel lists them: `noatime`, `discard`, `size=64k`.",
        ).said("options {}"),
        |mount, _, _| Reading::Value(Value::Words(in_force(mount))),
        Way::Joint(&REMOUNT),
    ),
    Row::new(
        Metric::new(
            "device",
            Type::Text,
            "What is mounted: `/dev/sda1`, `tmpfs`, `server:/export`.",
        ).said("device {}"),
        |mount, _, _| Reading::Value(Value::Text(mount.source.clone())),
        Way::Joint(&REMOUNT),
    ),
    Row::new(
        Metric::new(
            "read_only",
            Type::Bool,
            "Whether the mount or its file system is read-only.",
        ).switch("read-only", "writable"),
        |mount, _, _| Reading::Value(Value::Bool(mount.read_only())),
        Way::Joint(&REMOUNT),
    ),
];

/// Being read-only is one of the options.
static REMOUNT: Joint = Joint(mend);

static DOCS: Docs = Docs {
    summary: "The mount that holds a path: kind of file system, options, device.",
    text: "Follows the links of a path and finds the mount that it is on in `/proc/self/mountinfo`: the one with the longest \
prefix that nothing else was mounted over. The kernel lists what is in force, so options that are defaults may be missing, and \
`defaults` never is there. `rw` is left out where the mount or its file system is read-only.\n\n\
A path that does not exist is `n/a`: what would hold it cannot be told. One that may not be looked at is `unknown`.\n\n\
A mount is changed by a person. Flags like `noatime` change while it is in use, with `mount -o remount`; what belongs to the file \
system may need it unmounted. In a container the mounts were made outside.",
    example: "[[rule]]\nid = \"data-mount\"\nseverity = \"warning\"\nmount = { path = \"/var/lib/mongodb\", type = { one_of = [\"xfs\"] }, options = { contains = \"noatime\" } }",
    remedies: &[
        (
            Dialect::Host,
            "mount -o remount,OPTION PATH changes it until the next boot; the line in /etc/fstab makes it last.",
        ),
        (
            Dialect::Docker,
            "Use a volume or a bind mount of a file system that is mounted so on the host; --tmpfs PATH:OPTIONS for a tmpfs.",
        ),
        (
            Dialect::Kubernetes,
            "mountOptions of the StorageClass or PersistentVolume; a hostPath is mounted on the node.",
        ),
        (
            Dialect::Systemd,
            "Options= in a .mount unit, where the mount has one and no line in /etc/fstab.",
        ),
    ],
};

impl Table for Mount {
    type Seen = host::Mount;

    const NAME: &'static str = "mount";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<host::Mount>] = ROWS;

    fn check(&self, selectors: &Selectors, _os: Os, sink: &mut Diagnostics) {
        disk::check_path(selectors, sink);
    }

    fn label(&self, selectors: &Selectors) -> String {
        disk::path(selectors).to_owned()
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<host::Mount>> {
        let path = disk::path(selectors);
        let mut evidence = Vec::new();
        let found = find(path, cx).map(|(real, mount)| {
            if real != path {
                evidence.push(format!("{path} leads to {real}"));
            }
            evidence.push(format!("on {}, which is mounted at {}", mount.source, mount.path));
            mount.clone()
        });
        vec![Found {
            subject: path.to_owned(),
            seen: found,
            evidence,
        }]
    }
}

/// What is to be done with the mount that holds the path.
fn with_mount(failing: &Failing<'_>, mend: impl FnOnce(&str, &host::Mount) -> Proposal) -> Proposal {
    let path = disk::path(failing.selectors);
    match find(path, failing.cx) {
        Ok((_, mount)) => mend(path, mount),
        Err(_) => Proposal::manual(
            "what holds the path cannot be told",
            format!("Look at {path}: findmnt -T {path}"),
        ),
    }
}

fn another_kind(failing: &Failing<'_>) -> Proposal {
    let kind = failing
        .of("type")
        .map_or_else(|| "another kind".to_owned(), Value::to_string);
    with_mount(failing, |path, _| {
        Proposal::manual(
            "an existing file system cannot be turned into another",
            format!("Make a file system of {kind} on another device, mount it at {path}, and move the data there."),
        )
    })
}

fn another_device(failing: &Failing<'_>) -> Proposal {
    with_mount(failing, |path, mount| {
        Proposal::manual(
            "something else is mounted there",
            format!(
                "Mount the right device at {path}, in /etc/fstab too; now it is {}.",
                mount.source
            ),
        )
    })
}

/// Another device or kind of file system comes first: the options of the mount that is there now say nothing of it.
fn mend(failing: &Failing<'_>) -> Proposal {
    let another: [(&str, Mend); 2] = [("type", another_kind), ("device", another_device)];
    let mut own = another.iter().filter(|(metric, _)| failing.asks(metric));
    let Some((_, first)) = own.next() else {
        return remount(failing);
    };
    let mut proposal = first(failing);
    let Some((_, said)) = proposal.remedies.first_mut() else {
        return proposal;
    };
    for (_, other) in own {
        let more = other(failing).remedies.into_iter().map(|(_, text)| text);
        more.for_each(|text| *said = format!("{said}\n{text}"));
    }
    if let (Some(Value::Words(wanted)), Some(Value::Words(now))) =
        (failing.of("options"), failing.observation.value("options"))
    {
        let new: Vec<&str> = wanted
            .iter()
            .filter(|word| !now.contains(word))
            .map(String::as_str)
            .collect();
        if !new.is_empty() {
            *said = format!("{said}\nIts line in /etc/fstab needs {}.", new.join(","));
        }
    }
    if let Some(read_only) = failing.switch("read_only") {
        let option = if read_only { "ro" } else { "rw" };
        *said = format!("{said}\nMount it {option}.");
    }
    proposal
}

fn remount(failing: &Failing<'_>) -> Proposal {
    with_mount(failing, |_, mount| {
        let mut change = Options::default();
        if let Some(Value::Words(wanted)) = failing.of("options") {
            change.add(&in_force(mount), wanted);
        }
        if let Some(wanted) = failing.switch("read_only") {
            change.turn_on(if wanted { "ro" } else { "rw" });
        }
        let choose = || {
            format!(
                "Choose options for {}, and put them into its line in /etc/fstab.",
                mount.path
            )
        };
        if change.is_empty() {
            return Proposal::manual("the rule does not say which options are wanted", choose());
        }
        let mut proposal = change.proposal(mount, failing.cx);
        if failing.targets.iter().any(|(_, wanted)| wanted.is_none())
            && let Some((_, text)) = proposal.remedies.last_mut()
        {
            // The last to be said is where options are written down.
            *text = format!("{text}\n{}", choose());
        }
        proposal
    })
}

/// The path with every link followed, and the mount that holds it.
fn find<'a>(path: &str, cx: &Context<'a>) -> Result<(String, &'a host::Mount), Reading> {
    if cx.system.platform().os != Os::Linux {
        return Err(Reading::Absent("only Linux lists its mounts so".to_owned()));
    }
    let real = resolve(path, cx).map_err(|failure| reading_of(&failure, path))?;
    match cx.host.mount_of(&real) {
        Some(mount) => Ok((real, mount)),
        None => Err(Reading::Unreadable(format!(
            "no mount in {}/mountinfo holds {real}",
            cx.system.process_directory()
        ))),
    }
}

/// Follows the links of a path as the process that is looked at would. Of another process, that is below its own root.
fn resolve(path: &str, cx: &Context<'_>) -> Result<String, Failure> {
    let root = match cx.system.process_directory() {
        "/proc/self" => String::new(),
        directory => format!("{directory}/root"),
    };
    let mut inside: Vec<String> = Vec::new();
    let mut todo: Vec<String> = segments(path).rev().collect();
    let mut links = 0;
    while let Some(segment) = todo.pop() {
        if segment == ".." {
            inside.pop();
            continue;
        }
        inside.push(segment);
        // What is no link answers EINVAL; what is not there, or may not be looked at, says so below.
        if let Ok(target) = cx.system.read_link(&format!("{root}/{}", inside.join("/"))) {
            links += 1;
            if links > 40 {
                return Err(Failure::Io(libc::ELOOP));
            }
            if target.starts_with('/') {
                inside.clear();
            } else {
                inside.pop();
            }
            todo.extend(segments(&target).rev());
        }
    }
    let real = format!("/{}", inside.join("/"));
    cx.system.stat(&format!("{root}{real}"))?;
    Ok(real)
}

fn segments(path: &str) -> impl DoubleEndedIterator<Item = String> {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.map(str::to_owned)
}

/// The options that are in force, each once.
fn in_force(mount: &host::Mount) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for option in &mount.options {
        let overruled = option == "rw" && mount.read_only();
        if !overruled && !words.contains(option) {
            words.push(option.clone());
        }
    }
    words
}
