//! A shell on macOS or FreeBSD, and what makes a change last there.

use super::page::{Basis, Format, Page, elsewhere};
use super::shell::setting;
use super::{pairs, value};
use crate::change::{Change, Target};
use crate::host::Host;
use crate::system::{Os, Resource};

pub(crate) fn commands(changes: &[Change]) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for change in changes {
        if let Target::Sysctl(key) = &change.target {
            lines.push(format!("sudo sysctl {}", setting(key, change)));
        }
    }
    for (resource, soft, hard) in pairs(changes) {
        if let Some(limit) = limit(resource, soft, hard) {
            lines.push(format!("sudo {limit}    # for what launchd starts from now on"));
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
    for (resource, soft, hard) in pairs(changes) {
        if let (Some(limit), Os::Macos) = (limit(resource, soft, hard), os) {
            lines.push(format!("a LaunchDaemon that runs at load: /bin/{limit}"));
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The command that sets a limit, if launchctl(1) knows it.
fn limit(resource: Resource, soft: &str, hard: &str) -> Option<String> {
    launchd_name(resource).map(|name| format!("launchctl limit {name} {soft} {hard}"))
}

/// The name of a limit in launchctl(1).
fn launchd_name(resource: Resource) -> Option<&'static str> {
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
            commands.push(format!("/usr/sbin/sysctl {}", setting(key, &entry.change)));
        }
        for (resource, soft, hard, comments) in page.limits() {
            said.extend(comments);
            commands.extend(limit(resource, &soft, &hard).map(|limit| format!("/bin/{limit}")));
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
