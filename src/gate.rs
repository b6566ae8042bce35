//! What keeps a run from being ready.

use std::fmt;

use crate::severity::Severity;

/// What keeps a run from being ready: `--fail-on`. It is a part of the report, so that every format and the exit code say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// The least severity whose fail or unknown does.
    pub level: Severity,
    /// Whether a rule of such a severity that passes now does, too, where nothing promises that it will after the next boot: that
    /// undoes it, or may, or no file sets it and it is not known to be what the kernel starts with. And that nobody can tell what a file
    /// of the next boot does.
    pub boot: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            level: Severity::Error,
            boot: false,
        }
    }
}

impl Gate {
    /// What the next boot undoes.
    pub const BOOT: &'static str = "boot";

    /// Every word that `--fail-on` takes.
    #[must_use]
    pub fn words() -> [&'static str; 4] {
        [
            Severity::Error.name(),
            Severity::Warning.name(),
            Severity::Note.name(),
            Self::BOOT,
        ]
    }

    /// The gate that words name: of several severities the least one, which takes the others in; `boot` adds to it, and alone it
    /// adds to errors. Words that are none of [`Gate::words`] name nothing.
    #[must_use]
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut level = None;
        let mut boot = false;
        for word in words {
            boot |= word == Self::BOOT;
            let named = Severity::parse(word);
            level = match (level, named) {
                (Some(known), Some(named)) => Some(std::cmp::min(known, named)),
                (known, named) => known.or(named),
            };
        }
        Self {
            level: level.unwrap_or(Severity::Error),
            boot,
        }
    }

    /// Whether it is another than the usual one, so that a report says which.
    #[must_use]
    pub fn is_chosen(self) -> bool {
        self != Self::default()
    }
}

/// As `--fail-on` takes it: `warning,boot`.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.level.name())?;
        if self.boot {
            write!(f, ",{}", Self::BOOT)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Gate;

    #[test]
    fn the_least_severity_counts_and_boot_adds_to_it() {
        let said = |words: &[&str]| Gate::of(words.iter().copied()).to_string();
        assert_eq!(said(&[]), "error");
        assert_eq!(said(&["boot"]), "error,boot");
        assert_eq!(said(&["boot", "warning"]), "warning,boot");
        assert_eq!(said(&["error", "note", "warning"]), "note");
        assert!(!Gate::of(["error"]).is_chosen() && Gate::of(["boot"]).is_chosen());
    }
}
