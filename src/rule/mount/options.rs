//! How the options of a mount are changed.

use super::super::{Context, Dialect, Proposal, Reach};
use crate::dialect::shell::quote;
use crate::host;

/// How options are to change.
#[derive(Default)]
pub(super) struct Options {
    /// Options that are wanted and not in force.
    on: Vec<String>,
    /// Options that are in force and not wanted.
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
    /// Whether all are to stay as they are.
    pub(super) fn is_empty(&self) -> bool {
        self.on.is_empty() && self.off.is_empty()
    }

    /// Takes an option that is wanted, once.
    pub(super) fn turn_on(&mut self, option: &str) {
        if !self.on.iter().any(|known| known == option) {
            self.on.push(option.to_owned());
        }
    }

    /// Takes what differs between two lists.
    pub(super) fn add(&mut self, live: &[String], wanted: &[String]) {
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

    /// The commands for now, and the line that makes it last.
    pub(super) fn proposal(&self, mount: &host::Mount, cx: &Context<'_>) -> Proposal {
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
