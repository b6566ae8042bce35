//! The resources that `setrlimit` limits: one table of their names, units and words.

use crate::value::{Number, Unit};

/// A resource that `setrlimit` limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are those of setrlimit(2)")]
pub enum Resource {
    As,
    Core,
    Cpu,
    Data,
    Fsize,
    Locks,
    Memlock,
    Msgqueue,
    Nice,
    Nofile,
    Nproc,
    Rss,
    Rtprio,
    Rttime,
    Sigpending,
    Stack,
}

/// The soft and the hard limit on a resource, in the resource's own unit (bytes for sizes, a count for the rest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct Limits {
    /// What binds.
    pub soft: Number,
    /// How far the soft limit may be raised without privilege.
    pub hard: Number,
}

/// What is known of a resource: its names, and what its numbers count.
struct ResourceInfo {
    resource: Resource,
    name: &'static str,
    row: &'static str,
    ulimit: Option<char>,
    unit: Unit,
    doc: &'static str,
}

const fn resource(
    resource: Resource,
    name: &'static str,
    row: &'static str,
    ulimit: Option<char>,
    unit: Unit,
    doc: &'static str,
) -> ResourceInfo {
    ResourceInfo {
        resource,
        name,
        row,
        ulimit,
        unit,
        doc,
    }
}

/// Every resource, in the order of the enum. The rows are those of `/proc/PID/limits`.
const RESOURCES: [ResourceInfo; 16] = [
    resource(
        Resource::As,
        "as",
        "Max address space",
        Some('v'),
        Unit::Bytes,
        "address space",
    ),
    resource(
        Resource::Core,
        "core",
        "Max core file size",
        Some('c'),
        Unit::Bytes,
        "size of a core file",
    ),
    resource(
        Resource::Cpu,
        "cpu",
        "Max cpu time",
        Some('t'),
        Unit::Seconds,
        "processor time",
    ),
    resource(
        Resource::Data,
        "data",
        "Max data size",
        Some('d'),
        Unit::Bytes,
        "data segment",
    ),
    resource(
        Resource::Fsize,
        "fsize",
        "Max file size",
        Some('f'),
        Unit::Bytes,
        "size of a file that is written",
    ),
    resource(
        Resource::Locks,
        "locks",
        "Max file locks",
        Some('x'),
        Unit::Count,
        "file locks",
    ),
    resource(
        Resource::Memlock,
        "memlock",
        "Max locked memory",
        Some('l'),
        Unit::Bytes,
        "memory locked in RAM",
    ),
    resource(
        Resource::Msgqueue,
        "msgqueue",
        "Max msgqueue size",
        Some('q'),
        Unit::Bytes,
        "POSIX message queues",
    ),
    resource(
        Resource::Nice,
        "nice",
        "Max nice priority",
        Some('e'),
        Unit::Count,
        "nice ceiling, as 20 minus the nice value",
    ),
    resource(
        Resource::Nofile,
        "nofile",
        "Max open files",
        Some('n'),
        Unit::Count,
        "open file descriptors",
    ),
    resource(
        Resource::Nproc,
        "nproc",
        "Max processes",
        Some('u'),
        Unit::Count,
        "processes and threads of the user",
    ),
    resource(
        Resource::Rss,
        "rss",
        "Max resident set",
        Some('m'),
        Unit::Bytes,
        "resident memory; Linux ignores it",
    ),
    resource(
        Resource::Rtprio,
        "rtprio",
        "Max realtime priority",
        Some('r'),
        Unit::Count,
        "real-time priority",
    ),
    resource(
        Resource::Rttime,
        "rttime",
        "Max realtime timeout",
        Some('R'),
        Unit::Microseconds,
        "real-time processor time without a blocking call",
    ),
    resource(
        Resource::Sigpending,
        "sigpending",
        "Max pending signals",
        Some('i'),
        Unit::Count,
        "signals that wait",
    ),
    resource(
        Resource::Stack,
        "stack",
        "Max stack size",
        Some('s'),
        Unit::Bytes,
        "stack",
    ),
];

impl Resource {
    /// Every resource.
    pub fn all() -> impl Iterator<Item = Resource> {
        RESOURCES.iter().map(|info| info.resource)
    }

    /// Every name.
    #[must_use]
    pub fn names() -> &'static [&'static str] {
        const NAMES: [&str; 16] = {
            let mut names = [""; 16];
            let mut at = 0;
            while at < 16 {
                names[at] = RESOURCES[at].name;
                at += 1;
            }
            names
        };
        &NAMES
    }

    fn info(self) -> &'static ResourceInfo {
        &RESOURCES[self as usize]
    }

    /// The one with a name: `nofile`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        RESOURCES
            .iter()
            .find(|info| info.name == name)
            .map(|info| info.resource)
    }

    /// Its name in prlimit(1), `--ulimit` and profiles: `nofile`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// What it limits.
    #[must_use]
    pub fn doc(self) -> &'static str {
        self.info().doc
    }

    /// What its numbers count.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.info().unit
    }

    /// Its row in `/proc/PID/limits`: `Max open files`.
    #[must_use]
    pub fn row(self) -> &'static str {
        self.info().row
    }

    /// The number that this platform's `setrlimit` has for it; `None` where there is no such limit.
    #[must_use]
    #[allow(clippy::unnecessary_cast, reason = "the constants are unsigned with glibc alone")]
    pub fn number(self) -> Option<u32> {
        let number = match self {
            Resource::As => libc::RLIMIT_AS,
            Resource::Core => libc::RLIMIT_CORE,
            Resource::Cpu => libc::RLIMIT_CPU,
            Resource::Data => libc::RLIMIT_DATA,
            Resource::Fsize => libc::RLIMIT_FSIZE,
            Resource::Memlock => libc::RLIMIT_MEMLOCK,
            Resource::Nofile => libc::RLIMIT_NOFILE,
            Resource::Nproc => libc::RLIMIT_NPROC,
            Resource::Rss => libc::RLIMIT_RSS,
            Resource::Stack => libc::RLIMIT_STACK,
            #[cfg(target_os = "linux")]
            Resource::Locks => libc::RLIMIT_LOCKS,
            #[cfg(target_os = "linux")]
            Resource::Msgqueue => libc::RLIMIT_MSGQUEUE,
            #[cfg(target_os = "linux")]
            Resource::Nice => libc::RLIMIT_NICE,
            #[cfg(target_os = "linux")]
            Resource::Rtprio => libc::RLIMIT_RTPRIO,
            #[cfg(target_os = "linux")]
            Resource::Rttime => libc::RLIMIT_RTTIME,
            #[cfg(target_os = "linux")]
            Resource::Sigpending => libc::RLIMIT_SIGPENDING,
            #[cfg(not(target_os = "linux"))]
            _ => return None,
        };
        Some(number as u32)
    }

    /// Its option of bash's `ulimit`.
    #[must_use]
    pub fn ulimit_flag(self) -> Option<char> {
        self.info().ulimit
    }

    /// Its name in limits.conf(5), which lacks one.
    #[must_use]
    pub fn limits_conf_name(self) -> Option<&'static str> {
        (self != Resource::Rttime).then(|| self.name())
    }

    /// Its directive in a unit: `LimitNOFILE`.
    #[must_use]
    pub fn systemd_name(self) -> String {
        format!("Limit{}", self.name().to_uppercase())
    }
}

/// As a recording has them: numbers or `unlimited`, as texts.
impl From<Limits> for (String, String) {
    fn from(limits: Limits) -> Self {
        (limits.soft.to_string(), limits.hard.to_string())
    }
}

impl TryFrom<(String, String)> for Limits {
    type Error = String;

    fn try_from((soft, hard): (String, String)) -> Result<Self, String> {
        let number = |text: &str| Number::parse(text).map_err(|error| format!("{text:?} is no limit: {error}"));
        Ok(Limits {
            soft: number(&soft)?,
            hard: number(&hard)?,
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(
    clippy::disallowed_methods,
    reason = "a test holds the table against the kernel's own"
)]
mod tests {
    use super::Resource;

    #[test]
    fn every_resource_has_its_row_of_proc_under_its_number() {
        // The kernel prints the rows in the order of the numbers.
        let text = std::fs::read_to_string("/proc/self/limits").expect("proc is mounted");
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows.len(), Resource::all().count());
        for resource in Resource::all() {
            let number = resource.number().expect("Linux has them all") as usize;
            assert!(rows[number].starts_with(resource.row()), "{}", resource.name());
        }
    }
}
