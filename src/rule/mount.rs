//! Mounts: what holds a path, and how it is mounted.

use super::{Context, Dialect, Docs, Kind, Metric, Observation, Proposal, Reach, Reading, Selectors, disk, reading_of};
use crate::diagnostic::Diagnostics;
use crate::host;
use crate::profile::shape::{Field, Shape, required};
use crate::remedy::quote;
use crate::system::{Failure, Os};
use crate::value::{Choice, Type, Value};

/// Mounts: `mount = { path = "/var/lib/mongodb", type = { one_of = ["xfs"] }, options = { contains = "noatime" } }`.
#[derive(Debug)]
pub struct Mount;

static SELECTORS: &[Field] = &[required(
    "path",
    Shape::Text,
    "An absolute path; the rule is about the mount that holds it. Nothing is read from the path itself.",
)];

static METRICS: &[Metric] = &[
    Metric {
        name: "type",
        value: Some(Type::Choice),
        doc: "The kind of file system: `ext4`, `xfs`, `tmpfs`, `nfs4`.",
    },
    Metric {
        name: "options",
        value: Some(Type::Words),
        doc: "The options of the mount and of its file system, as the kernel lists them: `noatime`, `discard`, `size=64k`.",
    },
    Metric {
        name: "device",
        value: Some(Type::Text),
        doc: "What is mounted: `/dev/sda1`, `tmpfs`, `server:/export`.",
    },
    Metric {
        name: "read_only",
        value: Some(Type::Bool),
        doc: "Whether the mount or its file system is read-only.",
    },
];

static DOCS: Docs = Docs {
    summary: "The mount that holds a path: kind of file system, options, device.",
    text: "Follows the links of a path and finds the mount that it is on in `/proc/self/mountinfo`: the one with the longest \
prefix that nothing else was mounted over. The kernel lists what is in force, so options that are defaults may be missing, and \
`defaults` never is there. `rw` is left out where the mount or its file system is read-only.\n\n\
A path that does not exist is `n/a`: what would hold it cannot be told. One that may not be looked at is `unknown`.\n\n\
A mount is changed by a person. Flags like `noatime` change while it is in use, with `mount -o remount`; what belongs to the file \
system may need it unmounted. In a container the mounts were made outside.",
    example: "[[rule]]\nid = \"data-mount\"\nmount = { path = \"/var/lib/mongodb\", type = { one_of = [\"xfs\"] }, options = { contains = \"noatime\" } }",
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

impl Kind for Mount {
    fn name(&self) -> &'static str {
        "mount"
    }

    fn docs(&self) -> &'static Docs {
        &DOCS
    }

    fn selectors(&self) -> &'static [Field] {
        SELECTORS
    }

    fn metrics(&self) -> &'static [Metric] {
        METRICS
    }

    fn check(&self, selectors: &Selectors, _os: Os, sink: &mut Diagnostics) {
        disk::check_path(selectors, sink);
    }

    fn label(&self, selectors: &Selectors) -> String {
        selectors.text("path").unwrap_or_default().to_owned()
    }

    fn probe(&self, selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let path = selectors.text("path").unwrap_or_default();
        let mut evidence = Vec::new();
        let found = find(path, cx);
        if let Ok((real, mount)) = &found {
            if *real != path {
                evidence.push(format!("{path} leads to {real}"));
            }
            evidence.push(format!("on {}, which is mounted at {}", mount.source, mount.path));
        }
        let readings = wanted.iter().map(|metric| {
            let reading = match &found {
                Ok((_, mount)) => Reading::Value(match *metric {
                    "type" => Value::Choice(Choice {
                        selected: Some(mount.kind.clone()),
                        options: vec![mount.kind.clone()],
                    }),
                    "options" => Value::Words(options(mount)),
                    "device" => Value::Text(mount.source.clone()),
                    _ => Value::Bool(mount.read_only()),
                }),
                Err(why) => why.clone(),
            };
            (*metric, reading)
        });
        vec![Observation {
            subject: path.to_owned(),
            readings: readings.collect(),
            evidence,
        }]
    }

    fn propose(
        &self,
        selectors: &Selectors,
        _: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Proposal {
        let path = selectors.text("path").unwrap_or_default();
        let Ok((_, mount)) = find(path, cx) else {
            return Proposal::manual(
                "what holds the path cannot be told",
                format!("Look at {path}: findmnt -T {path}"),
            );
        };
        let mut change = Options::default();
        for (metric, target) in targets {
            match (*metric, target) {
                ("options", Some(Value::Words(wanted))) => change.add(&options(mount), wanted),
                ("read_only", Some(Value::Bool(wanted))) => {
                    change.on.push(if *wanted { "ro" } else { "rw" }.to_owned());
                }
                ("type", target) => {
                    let kind = target
                        .as_ref()
                        .map_or_else(|| "another kind".to_owned(), Value::to_string);
                    return Proposal::manual(
                        "an existing file system cannot be turned into another",
                        format!(
                            "Make a file system of {kind} on another device, mount it at {path}, and move the data there."
                        ),
                    );
                }
                ("device", _) => {
                    return Proposal::manual(
                        "something else is mounted there",
                        format!(
                            "Mount the right device at {path}, in /etc/fstab too; now it is {}.",
                            mount.source
                        ),
                    );
                }
                _ => {}
            }
        }
        if change.on.is_empty() && change.off.is_empty() {
            return Proposal::manual(
                "the rule does not say which options are wanted",
                format!(
                    "Choose options for {}, and put them into its line in /etc/fstab.",
                    mount.path
                ),
            );
        }
        change.proposal(mount, cx)
    }
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
fn options(mount: &host::Mount) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for option in &mount.options {
        let overruled = option == "rw" && mount.read_only();
        if !overruled && !words.contains(option) {
            words.push(option.clone());
        }
    }
    words
}

/// How options are to change.
#[derive(Default)]
struct Options {
    on: Vec<String>,
    off: Vec<String>,
}

/// Options that are in force as soon as a mount is mounted anew, with it in use.
const REMOUNT: &[&str] = &[
    "rw",
    "ro",
    "atime",
    "noatime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "diratime",
    "nodiratime",
    "lazytime",
    "nolazytime",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "sync",
    "async",
    "discard",
    "nodiscard",
];

/// When access times are written: one of these is always so.
const ACCESS: &[&str] = &["noatime", "relatime", "strictatime"];

impl Options {
    fn add(&mut self, live: &[String], wanted: &[String]) {
        self.on
            .extend(wanted.iter().filter(|word| !live.contains(word)).cloned());
        self.off
            .extend(live.iter().filter(|word| !wanted.contains(word)).cloned());
    }

    /// The words for mount(8): what is to go is said by its opposite; what has a value has none.
    fn words(&self) -> Vec<String> {
        let mut words = self.on.clone();
        for gone in self.off.iter().filter(|gone| !gone.contains('=')) {
            let opposite = match gone.as_str() {
                access if ACCESS.contains(&access) => {
                    if words.iter().any(|word| ACCESS.contains(&word.as_str())) {
                        continue;
                    }
                    if access == "relatime" { "noatime" } else { "relatime" }.to_owned()
                }
                "ro" => "rw".to_owned(),
                "rw" => "ro".to_owned(),
                "sync" => "async".to_owned(),
                other => other
                    .strip_prefix("no")
                    .map_or_else(|| format!("no{other}"), str::to_owned),
            };
            if !words.contains(&opposite) {
                words.push(opposite);
            }
        }
        words
    }

    fn proposal(&self, mount: &host::Mount, cx: &Context<'_>) -> Proposal {
        let words = self.words();
        let options = words.join(",");
        let path = quote(&mount.path);
        if cx.host.engine().is_some() {
            return Proposal {
                reach: Reach::Host,
                because: "the mounts of a container are made outside of it".to_owned(),
                changes: Vec::new(),
                remedies: vec![(
                    Dialect::Manual,
                    format!(
                        "On the host, mount what is at {path} here ({}) with the options {options}.",
                        mount.source
                    ),
                )],
            };
        }
        let sudo = if cx.system.identity().uid == 0 { "" } else { "sudo " };
        let at_once = |word: &String| {
            REMOUNT.contains(&word.as_str())
                || mount.kind == "tmpfs" && (word.starts_with("size=") || word.starts_with("nr_"))
        };
        let left_out: Vec<&str> = self
            .off
            .iter()
            .filter(|gone| gone.contains('='))
            .map(String::as_str)
            .collect();
        let now = if left_out.is_empty() && words.iter().all(at_once) {
            format!("{sudo}mount -o remount,{options} {path}")
        } else {
            // With the line in /etc/fstab changed, so that it is mounted as that says.
            format!("{sudo}umount {path} && {sudo}mount {path}")
        };
        let line = if left_out.is_empty() {
            fstab(mount, &options)
        } else {
            let rest = if words.is_empty() {
                String::new()
            } else {
                format!(", and {options} into them")
            };
            format!(
                "/etc/fstab: take {} out of the options of {}{rest}",
                left_out.join(" and "),
                mount.path
            )
        };
        let because = if words.iter().any(|word| word == "rw") {
            "it was mounted so, or the kernel found an error and made it so, which dmesg tells"
        } else {
            "how a file system is mounted is for a person to change, who knows what uses it"
        };
        Proposal {
            reach: Reach::Manual,
            because: because.to_owned(),
            changes: Vec::new(),
            remedies: vec![(Dialect::Host, now), (Dialect::Persist, line)],
        }
    }
}

/// A line of fstab(5), where white space and the backslash are octal.
fn fstab(mount: &host::Mount, options: &str) -> String {
    let escaped = |text: &str| text.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011");
    let check = match (mount.path.as_str(), mount.kind.as_str()) {
        ("/", _) => 1,
        (_, kind) if kind.starts_with("ext") => 2,
        _ => 0,
    };
    let (source, path) = (escaped(&mount.source), escaped(&mount.path));
    format!(
        "/etc/fstab: {source} {path} {} defaults,{options} 0 {check}",
        mount.kind
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_go_is_said_by_its_opposite() {
        let words = |live: &str, wanted: &str| {
            let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
            let mut change = Options::default();
            change.add(&list(live), &list(wanted));
            change.words().join(",")
        };
        assert_eq!(words("rw relatime", "rw relatime noatime"), "noatime");
        assert_eq!(words("rw relatime", "rw noatime"), "noatime");
        assert_eq!(words("rw relatime", "rw"), "noatime");
        assert_eq!(words("rw noexec sync", "rw"), "exec,async");
        assert_eq!(words("rw discard", "rw"), "nodiscard");
        assert_eq!(words("rw data=writeback", "rw"), "");
    }
}
