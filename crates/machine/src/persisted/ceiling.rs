//! `fs.nr_open`, above which no limit on open files can be: what it is, and what the next boot makes of it.

use super::{Assignment, Persisted, Reader};
use crate::system::{Os, System};

/// The key.
pub const KEY: &str = "fs.nr_open";

/// What the kernel starts with.
pub const AT_START: i128 = 1 << 20;

/// The most that the kernel takes.
pub const MOST: i128 = 0x7fff_ff80;

/// What systemd makes of it before anything else, where it is built to: half of the most that a C integer holds, rounded down.
const SYSTEMD_RAISES: i128 = 1_073_741_816;

/// What the next boot makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtBoot {
    /// The value.
    pub value: i128,
    /// The line that sets it; `None` where none does.
    pub by: Option<Assignment>,
}

impl AtBoot {
    /// `/etc/sysctl.d/99-x.conf:3 sets it to 65536 at boot`
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.by {
            Some(by) => format!("{}:{} sets it to {} at boot", by.file, by.line, self.value),
            None => format!("no file sets it, so that the next boot has {}", self.value),
        }
    }
}

/// What it is now; `None` where it cannot be read, or this is not Linux.
#[must_use]
pub fn now(system: &dyn System) -> Option<i128> {
    if system.platform().os != Os::Linux {
        return None;
    }
    system.sysctl(KEY).ok()?.trim().parse().ok()
}

impl Persisted {
    /// What the next boot makes of `fs.nr_open`, as one of the programs reads the files; `now` is what it is.
    #[must_use]
    pub fn ceiling(&self, reader: Reader, now: Option<i128>) -> AtBoot {
        let prediction = self.of(KEY);
        let by = match reader {
            // Where nothing is known to read the files, none of them makes room.
            _ if !self.start.reads() => None,
            Reader::Systemd => prediction.systemd,
            Reader::Procps => prediction.procps,
        };
        let by = by.or_else(|| super::kernel::comes_to(KEY, &self.kernel));
        // What the kernel refuses changes nothing.
        let number = |by: &Assignment| by.value.trim().parse().ok().filter(|value| (64..=MOST).contains(value));
        let raised = reader == Reader::Systemd && now == Some(SYSTEMD_RAISES);
        match by.as_ref().and_then(number) {
            Some(value) => AtBoot { value, by },
            None if raised => AtBoot {
                value: SYSTEMD_RAISES,
                by: None,
            },
            None => AtBoot {
                value: AT_START,
                by: None,
            },
        }
    }

    /// The lower one of what the two programs make of it: somebody may run the other one.
    #[must_use]
    pub fn lowest_ceiling(&self, system: &dyn System) -> AtBoot {
        let (now, own) = (now(system), Reader::of(system));
        let (first, second) = (self.ceiling(own, now), self.ceiling(own.other(), now));
        // Where no file says anything the other program does nothing.
        if second.by.is_some() && second.value < first.value {
            second
        } else {
            first
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    #[test]
    fn the_next_boot_has_what_a_file_sets_else_what_the_kernel_or_systemd_starts_with() {
        let at_boot = |live: &str, file: &str, systemd: bool| {
            let mut system = MemorySystem::linux("6.1").file("/proc/sys/fs/nr_open", live);
            system = system.file("/etc/sysctl.d/9.conf", file);
            if systemd {
                system = system.file("/run/systemd/system/marker", "");
            }
            let found = Persisted::read(&system).lowest_ceiling(&system);
            (found.value, found.by.map(|by| by.line))
        };
        assert_eq!(at_boot("4096", "", true), (AT_START, None));
        assert_eq!(at_boot("2000000", "", true), (AT_START, None));
        assert_eq!(at_boot("1073741816", "", true), (1_073_741_816, None));
        assert_eq!(at_boot("1073741816", "", false), (AT_START, None));
        assert_eq!(at_boot("1073741816", "\nfs.nr_open=70000", true), (70_000, Some(2)));
        for refused in ["4294967296", "63", "many"] {
            let line = format!("fs.nr_open = {refused}");
            assert_eq!(at_boot("1048576", &line, true), (AT_START, None), "{refused}");
        }
    }

    #[test]
    fn of_two_programs_the_lower_one_counts_where_it_sets_anything() {
        let system = MemorySystem::linux("6.1")
            .file("/run/systemd/system/marker", "")
            .file("/proc/sys/fs/nr_open", "2000000")
            .file("/etc/sysctl.d/9.conf", "fs.nr_open=2000000")
            .file("/etc/sysctl.conf", "fs.nr_open=1048576");
        assert_eq!(Persisted::read(&system).lowest_ceiling(&system).value, 1_048_576);
    }
}
