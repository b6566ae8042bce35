//! What the next boot makes of one key, as far as this machine's own files, its kernel's command line and its init system tell.

use super::{Assignment, Lookups, Persisted, Reader, files, modules};
use crate::system::{SysctlName, System};

/// What the next boot makes of a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outlook {
    /// The last line that sets it; `None` where nothing that is read does.
    pub set: Option<Assignment>,
    /// What reads that line, where it is not plain: systemd-sysctl and `sysctl --system` differ, or it is not systemd that starts
    /// this machine, or the kernel does it itself.
    pub by: Option<&'static str>,
    /// Why it may not come to that.
    pub doubt: Option<String>,
    /// A line that says something else, and that nothing reads when the machine starts.
    pub aside: Option<String>,
}

impl Persisted {
    /// What the next boot makes of a key, by its canonical dotted name.
    #[must_use]
    pub fn outlook(&self, key: &str, system: &dyn System) -> Outlook {
        let Ok(name) = SysctlName::parse(key) else {
            return Outlook::default();
        };
        let prediction = self.of(key);
        let differ = match (&prediction.systemd, &prediction.procps) {
            (Some(systemd), Some(procps)) => systemd.value != procps.value,
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => true,
        };
        let (own, other) = match self.start.reader {
            Some(Reader::Procps) | None => (prediction.procps, prediction.systemd),
            Some(Reader::Systemd) => (prediction.systemd, prediction.procps),
        };
        let aside = other
            .filter(|_| differ)
            .and_then(|other| self.aside(own.as_ref(), &other));
        let by_kernel = || {
            let set = super::kernel::comes_to(key, &self.kernel)?;
            (!modules::is_too_late_for_the_kernel(&name, system)).then_some(set)
        };
        match (own, self.start.reader.filter(|_| self.start.reads())) {
            (Some(own), Some(reader)) => Outlook {
                by: match reader {
                    Reader::Systemd => differ.then(|| reader.name()),
                    Reader::Procps => Some(self.start.because),
                },
                doubt: modules::too_late(&name, &self.start, system)
                    .or_else(|| self.out_of_order(&name))
                    .or_else(|| self.gone_by_then(key, &own))
                    .or_else(|| self.out_of_bounds(key, system))
                    .or_else(|| self.handed_on(key)),
                aside,
                set: Some(own),
            },
            (None, Some(_)) => Outlook {
                set: by_kernel(),
                by: Some(KERNEL),
                doubt: None,
                aside,
            },
            (own, None) => match by_kernel() {
                Some(set) => Outlook {
                    aside: own.map(|own| self.nobody_reads(&own)),
                    set: Some(set),
                    by: Some(KERNEL),
                    doubt: None,
                },
                None => Outlook {
                    doubt: own.as_ref().map(|_| self.start.nobody().to_owned()),
                    set: own,
                    by: None,
                    aside: None,
                },
            },
        }
    }

    /// Why the last line may not be the one that counts: lines differ, and it is not known in which order they are taken.
    fn out_of_order(&self, name: &SysctlName) -> Option<String> {
        if self.start.in_order || self.lookup(Reader::Procps).agrees(name, self) {
            return None;
        }
        let because = self.start.because;
        Some(format!(
            "{because} may read the files in an order of its own, and they do not say the same"
        ))
    }

    /// Why a line may not be there any more: /run is empty when a machine starts. Where the other files come to the same it makes no
    /// difference.
    fn gone_by_then(&self, key: &str, own: &Assignment) -> Option<String> {
        if !own.file.starts_with(files::EMPTY_AT_BOOT) {
            return None;
        }
        let mut others = self.clone();
        others.lookups = Lookups::default();
        others
            .drop_ins
            .retain(|file| !file.path.starts_with(files::EMPTY_AT_BOOT));
        let prediction = others.of(key);
        let other = match self.start.reader {
            Some(Reader::Systemd) => prediction.systemd,
            Some(Reader::Procps) | None => prediction.procps,
        };
        (other.map(|other| other.value).as_ref() != Some(&own.value)).then(|| {
            format!(
                "{} is gone when the machine starts, unless something makes it anew",
                own.file
            )
        })
    }

    fn nobody_reads(&self, own: &Assignment) -> String {
        let nobody = self.start.nobody();
        format!("{}:{} sets it to {}, and {nobody}", own.file, own.line, own.value)
    }

    /// What a line that is not read at boot says.
    fn aside(&self, own: Option<&Assignment>, other: &Assignment) -> Option<String> {
        match self.start.reader {
            Some(Reader::Systemd) if own.is_none_or(|own| own != other) => Some(format!(
                "{}:{} sets it to {}, and only `sysctl --system` reads that: systemd-sysctl does not at boot",
                other.file, other.line, other.value
            )),
            Some(_) | None => None,
        }
    }
}

/// Who sets what stands on the kernel's command line.
const KERNEL: &str = "the kernel itself";
