//! The dialects in which a change is written, one file each: as a command for a person, as a file, and with how values and names are
//! written there.
//!
//! Each turns [`Change`]s into text that its reader can use as it is. A dialect that cannot make a change says nothing of it in a
//! command, and why in a file.

mod ansible;
mod compose;
pub(crate) mod docker;
pub(crate) mod incus;
pub(crate) mod kubernetes;
pub(crate) mod limits_d;
pub(crate) mod lxc;
pub(crate) mod macos;
pub(crate) mod nspawn;
pub mod page;
pub(crate) mod shell;
pub(crate) mod sysctl_d;
pub(crate) mod systemd;
pub(crate) mod tmpfiles_d;

use crate::change::{Change, Side, Target};
use crate::system::Resource;
use page::Format;

/// Every format.
pub static FORMATS: &[&dyn Format] = &[
    &sysctl_d::SysctlD,
    &limits_d::LimitsD,
    &tmpfiles_d::TmpfilesD,
    &systemd::Systemd,
    &docker::Docker,
    &compose::Compose,
    &kubernetes::Kubernetes,
    &lxc::Lxc,
    &incus::Incus,
    &ansible::Ansible,
    &macos::Launchd,
    &shell::Shell,
];

/// The format with a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// The value of a change with fields separated by single spaces, as people write it.
fn value(change: &Change) -> String {
    change.to.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// What changes ask of the limits on a resource.
struct Bounds<'a> {
    resource: Resource,
    /// `None` where it is left alone.
    soft: Option<&'a str>,
    /// `None` where it is left alone.
    hard: Option<&'a str>,
    /// The hard limit now, where it is known and left alone.
    stays: Option<&'a str>,
}

/// The limits that changes ask for, soft and hard, for a dialect that always names both sides: a hard limit that is left alone is
/// not lowered.
fn pairs(changes: &[Change]) -> impl Iterator<Item = (Resource, &str, &str)> {
    limits(changes).into_iter().map(|asked| {
        let either = asked.soft.or(asked.hard).unwrap_or("unlimited");
        let hard = asked.hard.or(asked.stays).unwrap_or(either);
        (asked.resource, asked.soft.unwrap_or(either), hard)
    })
}

/// The limits that changes ask for, by resource.
fn limits(changes: &[Change]) -> Vec<Bounds<'_>> {
    let mut found: Vec<Bounds<'_>> = Vec::new();
    for change in changes {
        if let Target::Limit(resource, side) = &change.target {
            let at = found
                .iter()
                .position(|known| known.resource == *resource)
                .unwrap_or_else(|| {
                    found.push(Bounds {
                        resource: *resource,
                        soft: None,
                        hard: None,
                        stays: None,
                    });
                    found.len() - 1
                });
            let wanted = &mut found[at];
            match side {
                Side::Soft => (wanted.soft, wanted.stays) = (Some(change.to.as_str()), change.hard.as_deref()),
                Side::Hard => wanted.hard = Some(&change.to),
            }
        }
    }
    found
}
