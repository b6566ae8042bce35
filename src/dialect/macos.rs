//! A shell on macOS or FreeBSD, and what makes a change last there.

use super::page::{Basis, Format, Page, elsewhere};
use super::{limits, value};
use crate::change::{Change, Target};
use crate::host::Host;
use crate::system::{Os, Resource};
use crate::text::quote;

pub(crate) fn commands(changes: &[Change]) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for change in changes {
        if let Target::Sysctl(key) = &change.target {
            lines.push(format!("sudo sysctl {}", quote(&format!("{key}={}", value(change)))));
        }
    }
    for wanted in limits(changes) {
        let (resource, (soft, hard)) = (wanted.resource, wanted.both());
        if let Some(name) = launchd_name(resource) {
            lines.push(format!(
                "sudo launchctl limit {name} {soft} {hard}    # for what launchd starts from now on"
            ))
        }
        if let Some(flag) = resource.ulimit_flag() {
            lines.push(format!("ulimit -{flag} {soft}    # for this shell"));
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

pub(crate) fn persist(changes: &[Change], os: Os) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for change in changes {
        if let Target::Sysctl(key) = &change.target {
            lines.push(match os {
                Os::Freebsd => format!("/etc/sysctl.conf: {key}={}", value(change)),
                _ => format!(
                    "a LaunchDaemon that runs at load: /usr/sbin/sysctl {key}={}",
                    value(change)
                ),
            });
        }
    }
    for wanted in limits(changes) {
        let (resource, (soft, hard)) = (wanted.resource, wanted.both());
        if let (Some(name), Os::Macos) = (launchd_name(resource), os) {
            lines.push(format!(
                "a LaunchDaemon that runs at load: /bin/launchctl limit {name} {soft} {hard}"
            ));
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The name of a limit in launchctl(1).
pub(crate) fn launchd_name(resource: Resource) -> Option<&'static str> {
    Some(match resource {
        Resource::Nofile => "maxfiles",
        Resource::Nproc => "maxproc",
        Resource::Stack => "stack",
        Resource::Core => "core",
        Resource::Cpu => "cpu",
        Resource::Data => "data",
        Resource::Fsize => "filesize",
        Resource::Memlock => "memlock",
        Resource::Rss => "rss",
        _ => return None,
    })
}

/// A property list that sets everything at boot.
#[derive(Debug)]
pub struct Launchd;

impl Format for Launchd {
    fn name(&self) -> &'static str {
        "launchd"
    }

    fn basis(&self) -> Basis {
        Basis::Host
    }

    fn systems(&self) -> &'static [Os] {
        &[Os::Macos]
    }

    fn refuses(&self, target: &Target, _asked: &str, _host: &Host<'_>) -> Option<String> {
        match *target {
            Target::Sysctl(_) => None,
            Target::Limit(resource, _) if launchd_name(resource).is_some() => None,
            Target::Limit(..) => Some("launchctl(1) has no name for it".to_owned()),
            _ => Some(elsewhere(target)),
        }
    }

    fn write(&self, page: &Page<'_>) -> String {
        let label = format!("runup.{}", page.slug());
        let path = format!("/Library/LaunchDaemons/{label}.plist");
        let (mut commands, mut said): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for (key, entry) in page.sysctls() {
            said.extend(entry.comments.iter().cloned());
            let setting = format!("{key}={}", value(&entry.change));
            commands.push(format!("/usr/sbin/sysctl {}", quote(&setting)));
        }
        for (resource, soft, hard, comments) in page.limits() {
            said.extend(comments);
            if let Some(name) = launchd_name(resource) {
                commands.push(format!("/bin/launchctl limit {name} {soft} {hard}"));
            }
        }
        said.extend(page.leftovers());
        let mut comment = format!(
            "{}\n     {path}, owned by root:wheel; then launchctl bootstrap system {path}",
            page.title()
        );
        for line in said {
            comment.push_str("\n     ");
            comment.push_str(&line);
        }
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- {}\n-->\n\
             <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
             <plist version=\"1.0\">\n<dict>\n  <key>Label</key>\n  <string>{label}</string>\n  \
             <key>ProgramArguments</key>\n  <array>\n    <string>/bin/sh</string>\n    <string>-c</string>\n    \
             <string>{}</string>\n  </array>\n  <key>RunAtLoad</key>\n  <true/>\n</dict>\n</plist>\n",
            // Two hyphens would end an XML comment.
            comment.replace("--", "- -"),
            escape(&commands.join("; ")),
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
