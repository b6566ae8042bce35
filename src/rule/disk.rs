//! File systems: space, inodes, kind.

use super::{
    Context, Dialect, Docs, Evidence, Failing, Found, Joint, Metric, Proposal, Reading, Row, Selectors, Table, Way,
    reading_of,
};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, required};
use crate::system::{Filesystem, Os};
use crate::value::{Type, Unit, Value};

/// File systems: `disk = { path = "/var/lib", free = { min = "10G" } }`.
#[derive(Debug)]
pub struct Disk;

static SELECTORS: &[Field] = &[required(
    "path",
    Shape::Text,
    "An absolute path on the file system. Nothing is read from the path itself.",
)];

static ROWS: &[Row<Seen>] = &[
    Row::new(
        number("free", Unit::Bytes, "Space that an ordinary user may still take.").said("{} free"),
        |seen, _, _| told(i128::from(seen.filesystem.available)),
        Way::Joint(&SPACE),
    ),
    Row::new(
        number("free_share", Unit::Centipercent, "The same as a share of the whole.").said("{} free"),
        |seen, _, _| told(share(seen.filesystem.available, seen.filesystem.size)),
        Way::Joint(&SPACE),
    ),
    Row::new(
        number("inodes_free", Unit::Count, "Files that can still be made.").said("room for {} more files"),
        |seen, _, _| of_inodes(seen, i128::from(seen.filesystem.inodes_free)),
        Way::Joint(&INODES),
    ),
    Row::new(
        number("inodes_share", Unit::Centipercent, "The same as a share of the whole.").said("{} of its inodes free"),
        |seen, _, _| of_inodes(seen, share(seen.filesystem.inodes_free, seen.filesystem.inodes)),
        Way::Joint(&INODES),
    ),
    Row::new(
        Metric::new(
            "filesystem",
            Type::Text,
            "The kind of file system: `ext4`, `xfs`, `tmpfs`.",
        )
        .said("file system {}"),
        filesystem,
        Way::Own(elsewhere),
    ),
    Row::new(
        Metric::new("read_only", Type::Bool, "Whether it is mounted read-only.").switch("read-only", "writable"),
        |seen, _, _| Reading::Value(Value::Bool(seen.filesystem.read_only)),
        Way::Own(remount),
    ),
];

/// More space is a larger share of it.
static SPACE: Joint = Joint(free_space);

/// And so it is with inodes.
static INODES: Joint = Joint(delete_files);

const fn number(name: &'static str, unit: Unit, doc: &'static str) -> Metric {
    Metric::new(name, Type::Number(unit), doc)
}

static DOCS: Docs = Docs {
    summary: "The file system of a path: space, inodes, kind.",
    text: "Asks the kernel with statfs(2) for the file system that holds a path. `free` is what an ordinary user may take: root's \
reserve is not in it. A file system that does not count inodes (btrfs) has no `inodes_free`, and the rule does not apply there.\n\n\
A path that does not exist is `n/a`: its file system cannot be told. A tree of files does not tell of \
file systems, and there the rule is unknown.",
    example: "[[rule]]\nid = \"data-disk\"\nseverity = \"warning\"\ndisk = { path = \"/var/lib\", free = { min = \"10G\" }, filesystem = { one_of = [\"xfs\", \"ext4\"] } }",
    remedies: &[(
        Dialect::Manual,
        "Free space on the file system, grow it, or use another path.",
    )],
};

/// What the kernel tells of the file system of a path.
#[derive(Debug)]
pub struct Seen {
    path: String,
    filesystem: Filesystem,
}

impl Table for Disk {
    type Seen = Seen;

    const NAME: &'static str = "disk";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Seen>] = ROWS;

    fn check(&self, selectors: &Selectors, _os: Os, sink: &mut Diagnostics) {
        check_path(selectors, sink);
    }

    fn label(&self, selectors: &Selectors) -> String {
        path(selectors).to_owned()
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Seen>> {
        let path = path(selectors).to_owned();
        let seen = match cx.system.filesystem(&path) {
            Ok(filesystem) => Ok(Seen {
                path: path.clone(),
                filesystem,
            }),
            Err(failure) => Err(reading_of(&failure, &path)),
        };
        vec![Found::new(path, seen)]
    }
}

/// The path that a rule is about.
pub(super) fn path(selectors: &Selectors) -> &str {
    selectors.text("path").unwrap_or_default()
}

fn by_hand(what: String) -> Proposal {
    Proposal::manual("only a person can", what)
}

fn free_space(failing: &Failing<'_>) -> Proposal {
    let path = path(failing.selectors);
    by_hand(format!(
        "Free space on the file system of {path}, or grow it: `du -xh {path} | sort -h | tail` names the largest."
    ))
}

fn delete_files(failing: &Failing<'_>) -> Proposal {
    let path = path(failing.selectors);
    by_hand(format!(
        "Delete files on the file system of {path}: every small file takes an inode."
    ))
}

fn elsewhere(failing: &Failing<'_>) -> Proposal {
    let path = path(failing.selectors);
    by_hand(format!(
        "Put {path} on another file system; an existing one cannot be turned into it."
    ))
}

fn remount(failing: &Failing<'_>) -> Proposal {
    let path = path(failing.selectors);
    by_hand(match failing.switch("read_only") {
        Some(true) => format!("Mount the file system of {path} so that nothing writes to it: mount -o remount,ro."),
        Some(false) | None => {
            format!("Mount the file system of {path} so that it can be written: mount -o remount,rw.")
        }
    })
}

/// Whether `path` is an absolute path that stays where it says.
pub(super) fn check_path(selectors: &Selectors, sink: &mut Diagnostics) {
    let (Some(path), Some(place)) = (selectors.text("path"), selectors.place("path")) else {
        return;
    };
    let bad =
        !path.starts_with('/') || path.split('/').any(|segment| segment == "..") || path.contains(char::is_control);
    if bad {
        sink.push(Diagnostic::at(place, "`path` must be an absolute path without `..`").label("not such a path"));
    }
}

fn told(number: i128) -> Reading {
    Reading::Value(Value::number(number))
}

fn share(part: u64, whole: u64) -> i128 {
    i128::from(part) * 10_000 / i128::from(whole.max(1))
}

fn of_inodes(seen: &Seen, number: i128) -> Reading {
    let Filesystem { kind, inodes, .. } = &seen.filesystem;
    match inodes {
        0 => Reading::Absent(format!("the {kind} of {} does not count inodes", seen.path)),
        _ => told(number),
    }
}

/// ext2, ext3 and ext4 have one magic; the mount's type tells them apart.
fn filesystem(seen: &Seen, cx: &Context<'_>, _: &mut Evidence) -> Reading {
    let kind = &seen.filesystem.kind;
    let mount = (kind == "ext4").then(|| cx.host.mount_of(&seen.path)).flatten();
    let mount = mount.filter(|mount| mount.kind.starts_with("ext"));
    Reading::Value(Value::Text(mount.map_or(kind, |mount| &mount.kind).clone()))
}
