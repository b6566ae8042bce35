//! A LaunchDaemon.

use crate::dialect::macos::launchd_name;
use crate::dialect::page::{Basis, Format, Page, elsewhere};
use crate::dialect::value;
use crate::host::Host;
use crate::rule::Target;
use crate::system::Os;
use crate::text::quote;

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
