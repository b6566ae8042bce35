//! File systems: space, inodes, kind.

use super::{Context, Dialect, Docs, Kind, Metric, Observation, Proposal, Reading, Selectors, reading_of};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, required};
use crate::system::Os;
use crate::value::{Type, Unit, Value};

/// File systems: `disk = { path = "/var/lib", free = { min = "10G" } }`.
#[derive(Debug)]
pub struct Disk;

static SELECTORS: &[Field] = &[required(
    "path",
    Shape::Text,
    "An absolute path on the file system. Nothing is read from the path itself.",
)];

static METRICS: &[Metric] = &[
    Metric::new(
        "free",
        Type::Number(Unit::Bytes),
        "Space that an ordinary user may still take.",
    ),
    Metric::new(
        "free_share",
        Type::Number(Unit::Centipercent),
        "The same as a share of the whole.",
    ),
    Metric::new(
        "inodes_free",
        Type::Number(Unit::Count),
        "Files that can still be made.",
    ),
    Metric::new(
        "inodes_share",
        Type::Number(Unit::Centipercent),
        "The same as a share of the whole.",
    ),
    Metric::new(
        "filesystem",
        Type::Text,
        "The kind of file system: `ext4`, `xfs`, `tmpfs`.",
    ),
    Metric::new("read_only", Type::Bool, "Whether it is mounted read-only."),
];

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

impl Kind for Disk {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn docs(&self) -> &'static Docs {
        &DOCS
    }

    fn selectors(&self) -> &'static [Field] {
        SELECTORS
    }

    fn metric(&self, at: usize) -> Option<&'static Metric> {
        METRICS.get(at)
    }

    fn check(&self, selectors: &Selectors, _os: Os, sink: &mut Diagnostics) {
        check_path(selectors, sink);
    }

    fn label(&self, selectors: &Selectors) -> String {
        selectors.text("path").unwrap_or_default().to_owned()
    }

    fn probe(&self, selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let path = selectors.text("path").unwrap_or_default();
        let filesystem = cx.system.filesystem(path);
        let share = |part: u64, whole: u64| i128::from(part) * 10_000 / i128::from(whole.max(1));
        let readings = wanted
            .iter()
            .map(|metric| {
                let reading = match &filesystem {
                    Err(failure) => reading_of(failure, path),
                    Ok(found) => match *metric {
                        "free" => Reading::Value(Value::number(i128::from(found.available))),
                        "free_share" => Reading::Value(Value::number(share(found.available, found.size))),
                        "inodes_free" | "inodes_share" if found.inodes == 0 => {
                            Reading::Absent(format!("the {} of {path} does not count inodes", found.kind))
                        }
                        "inodes_free" => Reading::Value(Value::number(i128::from(found.inodes_free))),
                        "inodes_share" => Reading::Value(Value::number(share(found.inodes_free, found.inodes))),
                        "read_only" => Reading::Value(Value::Bool(found.read_only)),
                        _ => Reading::Value(Value::Text(self::kind(&found.kind, path, cx))),
                    },
                };
                (*metric, reading)
            })
            .collect();
        vec![Observation {
            subject: path.to_owned(),
            readings,
            evidence: Vec::new(),
        }]
    }

    fn propose(
        &self,
        selectors: &Selectors,
        _: &Observation,
        targets: &[(&'static str, Option<Value>)],
        _: &Context<'_>,
    ) -> Proposal {
        let path = selectors.text("path").unwrap_or_default();
        let what = match targets.first().map(|(metric, _)| *metric) {
            Some("filesystem") => {
                format!("Put {path} on another file system; an existing one cannot be turned into it.")
            }
            Some("read_only") => {
                format!("Mount the file system of {path} so that it can be written: mount -o remount,rw.")
            }
            Some("inodes_free" | "inodes_share") => {
                format!("Delete files on the file system of {path}: every small file takes an inode.")
            }
            _ => format!(
                "Free space on the file system of {path}, or grow it: `du -xh {path} | sort -h | tail` names the largest."
            ),
        };
        Proposal::manual("only a person can", what)
    }
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

/// ext2, ext3 and ext4 have one magic; the mount's type tells them apart.
fn kind(name: &str, path: &str, cx: &Context<'_>) -> String {
    if name == "ext4"
        && let Some(mount) = cx.host.mount_of(path).filter(|mount| mount.kind.starts_with("ext"))
    {
        return mount.kind.clone();
    }
    name.to_owned()
}
