//! A script for any POSIX shell, which looks before it writes and can take back what it wrote.

use std::fmt::Write as _;

use crate::catalogue::{self, Write};
use crate::dialect::page::{Basis, Format, Leeway, Page, commented, elsewhere};
use crate::dialect::value;
use crate::host::Host;
use crate::rule::Target;
use crate::system::Os;
use crate::text::quote;
use crate::value::Number;

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
                    let allowed: Vec<String> = allowed.iter().map(|word| quote(word)).collect();
                    writeln!(settings, "  among {target} {} {}", quote(&asked), allowed.join(" "))
                }
                Leeway::Without(barred) => {
                    let barred: Vec<String> = barred.iter().map(|word| quote(word)).collect();
                    writeln!(settings, "  without {target} {} {}", quote(&asked), barred.join(" "))
                }
            };
        }
        let mut out = format!("#!/bin/sh\n# {}\n", page.title());
        commented(&page.leftovers(), "# ", &mut out);
        out.push_str(
            &FUNCTIONS
                .replace("@NAME@", &page.slug())
                .replace("  @SETTINGS@\n", &settings),
        );
        out
    }
}
