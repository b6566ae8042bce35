//! A shell on a Linux host, and the files there that make a change last.

use std::fmt::Write as _;

use super::limits_d::{LIMITS_D, limits_lines};
use super::page::{Basis, Format, Leeway, Page, commented, elsewhere};
use super::sysctl_d::{SYSCTL_D, sysctl_line};
use super::tmpfiles_d::{TMPFILES_D, tmpfiles_line};
use super::{limits, pairs, value};
use crate::catalogue::{self, Write};
use crate::change::{Change, Target};
use crate::host::Host;
use crate::system::{Os, Resource};
use crate::value::Number;

pub(crate) fn commands(changes: &[Change], host: &Host<'_>) -> Option<String> {
    let sudo = sudo(host);
    let mut lines: Vec<String> = Vec::new();
    for change in changes {
        match &change.target {
            Target::Sysctl(key) => lines.push(format!("{sudo}sysctl -w {}", setting(key, change))),
            Target::Sysfs(path) | Target::Cgroup(path) => {
                lines.push(format!("echo {} | {sudo}tee {}", quote(&value(change)), quote(path)))
            }
            Target::Swap => lines.push(format!("{sudo}swapoff -a")),
            Target::Limit(..) => {}
        }
    }
    for wanted in limits(changes) {
        let resource = wanted.resource;
        let is_own = host.system.process_directory() == "/proc/self";
        // What every shell has, and everybody knows. Of other limits ulimit has other units in each shell.
        if let (Some(soft), None, Resource::Nofile, true) = (wanted.soft, wanted.hard, resource, is_own) {
            lines.push(format!("ulimit -Sn {soft}"));
            continue;
        }
        // prlimit says both in one command, and raises the hard one where it may.
        let sudo = if wanted.hard.is_some() { sudo } else { "" };
        // A side that is left alone is said too: `=:N` looks cut off.
        let now = || host.system.limits(resource).map(|now| now.soft.to_string());
        let soft = wanted.soft.map_or_else(|| now().unwrap_or_default(), str::to_owned);
        let hard = wanted.hard.or(wanted.stays).unwrap_or("");
        let pid = host.system.process_directory().trim_start_matches("/proc/");
        let pid = if pid == "self" { "$$" } else { pid };
        lines.push(format!("{sudo}prlimit --pid {pid} --{}={soft}:{hard}", resource.name()));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A value quoted for a POSIX shell, only where it needs to be.
#[must_use]
pub fn quote(text: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | ',' | '+' | '=' | '@' | '%');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else if crate::text::is_raw(text) {
        // Bytes that are no text, as bash, ksh and zsh take them.
        let part = |c: char| match (crate::text::raw_byte(c), c) {
            (Some(byte), _) => format!("\\x{byte:02x}"),
            (None, '\'' | '\\') => format!("\\{c}"),
            (None, c) => c.to_string(),
        };
        format!("$'{}'", text.chars().map(part).collect::<String>())
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A sysctl and its value, as sysctl(8) and runtimes take them, in one word.
pub(crate) fn setting(key: &str, change: &Change) -> String {
    quote(&format!("{key}={}", value(change)))
}

/// The lines of the files that make changes last on Linux, each after its file.
pub(crate) fn persist(changes: &[Change]) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for change in changes {
        match &change.target {
            Target::Sysctl(key) => lines.push(format!("{SYSCTL_D}: {}", sysctl_line(key, change))),
            Target::Sysfs(path) => lines.push(format!("{TMPFILES_D}: {}", tmpfiles_line(path, change))),
            Target::Swap => lines.push("/etc/fstab: remove or comment out the lines of type swap".to_owned()),
            Target::Cgroup(_) | Target::Limit(..) => {}
        }
    }
    for (resource, soft, hard) in pairs(changes) {
        let both = limits_lines(resource, soft, hard, true);
        lines.extend(both.iter().map(|line| format!("{LIMITS_D}: {line}")));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// `sudo ` where commands need it.
fn sudo(host: &Host<'_>) -> &'static str {
    if host.system.identity().uid == 0 { "" } else { "sudo " }
}

/// A script with `apply` and `undo`.
#[derive(Debug)]
pub struct Shell;

/// What the script is made of besides its list of settings.
const FUNCTIONS: &str = include_str!("shell.sh");

impl Format for Shell {
    fn name(&self) -> &'static str {
        "shell"
    }

    fn basis(&self) -> Basis {
        Basis::Later
    }

    fn systems(&self) -> &'static [Os] {
        &[Os::Linux, Os::Macos, Os::Freebsd]
    }

    fn is_program(&self) -> bool {
        true
    }

    fn refuses(&self, target: &Target, _asked: &str, host: &Host<'_>) -> Option<String> {
        match target {
            Target::Sysctl(key) => {
                let known = catalogue::lookup(host.system.platform().os, key);
                matches!(known.map(|known| known.write), Some(Write::OneWay | Write::Lossy))
                    .then(|| "a script could not take it back".to_owned())
            }
            Target::Sysfs(_) => None,
            Target::Limit(..) => Some(
                "a script cannot change the limits of what calls it: `runup exec`, or --to limits.d or systemd"
                    .to_owned(),
            ),
            other => Some(elsewhere(other)),
        }
    }

    fn write(&self, page: &Page<'_>) -> String {
        let words = |words: &[String]| words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        let mut settings = String::new();
        for entry in &page.entries {
            commented(&entry.comments, "  # ", &mut settings);
            let target = quote(entry.change.target.name());
            let asked = value(&entry.change);
            let _ = match &entry.leeway {
                Leeway::Bounds(bounds) => {
                    let side = |number: Option<Number>| number.map(|number| number.to_string()).unwrap_or_default();
                    let bounds: Vec<String> = bounds
                        .iter()
                        .map(|(floor, ceiling)| format!("{}:{}", side(*floor), side(*ceiling)))
                        .collect();
                    writeln!(settings, "  bounds {target} {}", bounds.join(" "))
                }
                Leeway::Range(parity) => {
                    let parity = match parity {
                        None => "any",
                        Some(true) => "same",
                        Some(false) => "different",
                    };
                    writeln!(settings, "  range {target} {asked} {parity}")
                }
                Leeway::Among(allowed) => {
                    writeln!(settings, "  among {target} {} {}", quote(&asked), words(allowed))
                }
                Leeway::Without(barred) => {
                    writeln!(settings, "  without {target} {} {}", quote(&asked), words(barred))
                }
            };
        }
        let mut out = format!("#!/bin/sh\n# {}\n", page.title());
        commented(page.leftovers(), "# ", &mut out);
        out.push_str(
            &FUNCTIONS
                .replace("@NAME@", &page.slug())
                .replace("  @SETTINGS@\n", &settings),
        );
        out
    }
}
