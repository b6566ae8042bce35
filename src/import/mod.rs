//! Other programs' files as profiles: one file each for the formats, over one model of rules that are being made.
//!
//! What can be a rule becomes one, and knows the file and line that it comes from. What cannot is said, with the same place: a
//! line is never dropped without a word. Whatever the formats make is read by the profile's own reader before anybody sees it, and
//! a rule that it does not take is left out, with its reason.

mod ask;
mod detect;
mod draft;
mod goss;
mod input;
mod limits;
mod number;
mod redpanda;
mod requirements;
mod sysctl;
mod tuned;
mod yaml;

pub use detect::detect;
pub use draft::{Draft, Made, Note, Spot, Weight};
pub use input::{Entry, Input, ReadError};
pub use sysctl::of_machine;

use crate::rule::Severity;
use crate::system::System;

/// A form of a file that is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `sysctl.conf`, and the drop-ins of sysctl.d(5).
    SysctlD,
    /// `limits.conf`, and the drop-ins of limits.conf(5).
    LimitsD,
    /// A profile of the tuned daemon.
    Tuned,
    /// What goss checks.
    Goss,
    /// `key >= value`, a line each.
    Requirements,
    /// The tuners in redpanda.yaml.
    Redpanda,
}

impl Format {
    /// Every format with its name on the command line.
    pub const ALL: [(&'static str, Format); 6] = [
        ("sysctl.d", Format::SysctlD),
        ("limits.d", Format::LimitsD),
        ("tuned", Format::Tuned),
        ("goss", Format::Goss),
        ("requirements", Format::Requirements),
        ("redpanda", Format::Redpanda),
    ];

    /// The one with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, format)| format)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(_, format)| *format == self)
            .map_or("", |(name, _)| name)
    }
}

/// What is wanted of an import.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Numbers of which more is better become floors.
    pub at_least: bool,
    /// Of `limits.conf`, the domain whose lines count; where none is given, `*`, or the only one that there is.
    pub domain: Option<String>,
    /// How much the rules matter; where nothing is said, a requirement is an error and everything else a warning.
    pub severity: Option<Severity>,
}

/// Makes rules of files that were read already.
///
/// # Errors
/// A file is not of the format at all; the message names it.
pub fn import(input: &Input, format: Format, wish: &Wish, system: &dyn System) -> Result<Draft, String> {
    let severity = wish.severity.unwrap_or(match format {
        Format::Requirements => Severity::Error,
        _ => Severity::Warning,
    });
    let mut draft = Draft::new(severity);
    // Of a directory, every file; where a directory means more than that, the format looks at it itself.
    let flat;
    let input = match format {
        Format::SysctlD | Format::Tuned => input,
        _ => {
            flat = input.flat(
                if format == Format::LimitsD {
                    &[".conf"]
                } else {
                    &[".yaml", ".yml", ".json", ".conf"]
                },
                system,
            )?;
            &flat
        }
    };
    match format {
        Format::SysctlD => sysctl::import(input, wish, system, &mut draft),
        Format::LimitsD => limits::import(input, wish, &mut draft),
        Format::Tuned => tuned::import(input, system, &mut draft)?,
        Format::Goss => goss::import(input, &mut draft)?,
        Format::Requirements => requirements::import(input, &mut draft),
        Format::Redpanda => redpanda::import(input, &mut draft)?,
    }
    Ok(draft)
}
