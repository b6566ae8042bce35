//! Where a counter stands, and how its file is read.

use super::super::{Context, Reading, reading_of};
use crate::suggest;
use crate::system::Failure;

/// A counter, by the file that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter<'a> {
    /// A field of a protocol, in one of the two tables of `/proc/PID/net`.
    Protocol {
        /// `netstat` or `snmp`.
        table: &'static str,
        /// `TcpExt`.
        protocol: &'a str,
        /// `ListenOverflows`.
        field: &'a str,
    },
    /// A column of `/proc/net/softnet_stat`, counted from 0; each line is a processor.
    Softnet(usize),
    /// A line of `/proc/vmstat`.
    Vmstat(&'a str),
    /// An event of the process's cgroup.
    Cgroup(&'static CgroupCounter),
}

/// An event that a cgroup counts, in either version.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CgroupCounter {
    /// Its name in a rule, after `cgroup.`.
    pub name: &'static str,
    /// The controller.
    pub controller: &'static str,
    /// The file and its line in version 2.
    unified: (&'static str, &'static str),
    /// The same in version 1, where there is such a thing; the whole file where the line is empty.
    legacy: Option<(&'static str, &'static str)>,
    /// What the number in version 1 is divided by.
    scale: i128,
}

const fn event(
    name: &'static str,
    controller: &'static str,
    unified: (&'static str, &'static str),
    legacy: Option<(&'static str, &'static str)>,
) -> CgroupCounter {
    CgroupCounter {
        name,
        controller,
        unified,
        legacy,
        scale: 1,
    }
}

/// Every event that can be asked for. Version 1 counts time in nanoseconds, and failed charges instead of `max`.
static EVENTS: &[CgroupCounter] = &[
    event("pids.max", "pids", ("pids.events", "max"), Some(("pids.events", "max"))),
    event("memory.high", "memory", ("memory.events", "high"), None),
    event(
        "memory.max",
        "memory",
        ("memory.events", "max"),
        Some(("memory.failcnt", "")),
    ),
    event("memory.oom", "memory", ("memory.events", "oom"), None),
    event(
        "memory.oom_kill",
        "memory",
        ("memory.events", "oom_kill"),
        Some(("memory.oom_control", "oom_kill")),
    ),
    event(
        "cpu.nr_throttled",
        "cpu",
        ("cpu.stat", "nr_throttled"),
        Some(("cpu.stat", "nr_throttled")),
    ),
    CgroupCounter {
        scale: 1_000,
        ..event(
            "cpu.throttled_usec",
            "cpu",
            ("cpu.stat", "throttled_usec"),
            Some(("cpu.stat", "throttled_time")),
        )
    },
];

const NETSTAT: &[&str] = &["TcpExt", "IpExt", "MPTcpExt"];
const SNMP: &[&str] = &["Ip", "Icmp", "IcmpMsg", "Tcp", "Udp", "UdpLite"];
/// The columns of softnet_stat that have a name here. The first is what was processed.
const SOFTNET: &[(&str, usize)] = &[("dropped", 1), ("squeezed", 2)];

impl<'a> Counter<'a> {
    /// The counter with a name.
    ///
    /// # Errors
    /// What is wrong with the name, and the one that is nearest to it.
    pub(super) fn parse(name: &'a str) -> Result<Self, (String, Option<String>)> {
        let Some((family, field)) = name.split_once('.') else {
            return Err((format!("`{name}` has no dot: a counter is FAMILY.FIELD"), None));
        };
        let plain = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let unknown = |known: Vec<&str>| {
            let near = suggest::nearest(field, known.iter().copied()).map(|near| format!("{family}.{near}"));
            Err((
                format!("`{family}` counts no `{field}`, but {}", known.join(", ")),
                near,
            ))
        };
        match family {
            "softnet" => match SOFTNET.iter().find(|(known, _)| *known == field) {
                Some((_, column)) => Ok(Counter::Softnet(*column)),
                None => unknown(SOFTNET.iter().map(|(known, _)| *known).collect()),
            },
            "cgroup" => match EVENTS.iter().find(|event| event.name == field) {
                Some(event) => Ok(Counter::Cgroup(event)),
                None => unknown(EVENTS.iter().map(|event| event.name).collect()),
            },
            _ if !plain(field) => Err((format!("`{field}` is not the name of a counter"), None)),
            "vmstat" => Ok(Counter::Vmstat(field)),
            _ => {
                let table = |table: &'static str| Counter::Protocol {
                    table,
                    protocol: family,
                    field,
                };
                if NETSTAT.contains(&family) {
                    return Ok(table("netstat"));
                }
                if SNMP.contains(&family) {
                    return Ok(table("snmp"));
                }
                let families = || {
                    NETSTAT
                        .iter()
                        .chain(SNMP)
                        .copied()
                        .chain(["softnet", "vmstat", "cgroup"])
                };
                Err((
                    format!(
                        "`{family}` is no family of counters; they are {}",
                        families().collect::<Vec<_>>().join(", ")
                    ),
                    suggest::nearest(family, families()).map(|near| format!("{near}.{field}")),
                ))
            }
        }
    }

    /// The file that holds it here.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn path(self, cx: &Context<'_>) -> Result<String, Reading> {
        let process = cx.system.process_directory();
        Ok(match self {
            Counter::Protocol { table, .. } => format!("{process}/net/{table}"),
            Counter::Softnet(_) => format!("{process}/net/softnet_stat"),
            Counter::Vmstat(_) => "/proc/vmstat".to_owned(),
            Counter::Cgroup(event) => return event.path(cx),
        })
    }

    /// What it counts in a text of its file: one number, of softnet one for each processor. `Err` is why it is not there, with the
    /// names that are.
    pub(super) fn read(self, text: &str) -> Result<Vec<i128>, Missing<'_>> {
        match self {
            Counter::Protocol { protocol, field, .. } => protocol_field(text, protocol, field),
            Counter::Softnet(column) => {
                let lines = text
                    .lines()
                    .map(|line| i128::from_str_radix(line.split_ascii_whitespace().nth(column)?, 16).ok());
                lines.collect::<Option<Vec<_>>>().ok_or(Missing::Form)
            }
            Counter::Vmstat(field) => keyed(text, field),
            Counter::Cgroup(event) => event.read(text),
        }
    }

    /// How much it grew between two readings. The columns of softnet are 32 bits wide, and begin again at 0.
    pub(super) fn growth(self, before: &[i128], after: &[i128]) -> i128 {
        let wraps = matches!(self, Counter::Softnet(_));
        before
            .iter()
            .zip(after)
            .map(|(old, new)| match new - old {
                less if less < 0 && wraps => less + (1 << 32),
                grown => grown.max(0),
            })
            .sum()
    }
}

/// Why a counter is not in its file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missing<'a> {
    /// The file has no such field; the ones that it has.
    Field(Vec<&'a str>),
    /// The file has no such protocol.
    Protocol,
    /// The file has another form.
    Form,
}

impl CgroupCounter {
    fn path(&self, cx: &Context<'_>) -> Result<String, Reading> {
        let controller = self.controller;
        let found = cx.host.cgroup(controller);
        let found = found.map_err(|failure| Reading::Unreadable(format!("the cgroup of this process: {failure}")))?;
        let Some(tree) = found else {
            return Err(Reading::Absent(format!(
                "no {controller} controller counts for this process"
            )));
        };
        let file = if tree.unified {
            self.unified.0
        } else {
            let nothing = || Reading::Absent(format!("version 1 of cgroups does not count {}", self.name));
            self.legacy.ok_or_else(nothing)?.0
        };
        // The cgroup may not have the controller, and then the nearest one above that has it counts; the root of a hierarchy
        // is the whole machine, limits nothing and counts nothing.
        for directory in tree.directories() {
            let path = format!("{directory}/{file}");
            match cx.system.stat(&path) {
                Ok(_) => return Ok(path),
                Err(Failure::Absent) => {}
                Err(failure) => return Err(reading_of(&failure, &path)),
            }
        }
        Err(Reading::Absent(format!("no cgroup of this process has {file}")))
    }

    fn read<'a>(&self, text: &'a str) -> Result<Vec<i128>, Missing<'a>> {
        if let Ok(whole) = text.trim().parse() {
            return Ok(vec![whole]);
        }
        let legacy = self.legacy.filter(|(_, line)| *line != self.unified.1);
        match (keyed(text, self.unified.1), legacy) {
            (Ok(found), _) => Ok(found),
            (Err(_), Some((_, line))) => keyed(text, line).map(|found| found.iter().map(|n| n / self.scale).collect()),
            (Err(missing), None) => Err(missing),
        }
    }
}

/// `name number`, a line each.
fn keyed<'a>(text: &'a str, name: &str) -> Result<Vec<i128>, Missing<'a>> {
    let mut names = Vec::new();
    for line in text.lines() {
        let (key, number) = line.split_once(' ').ok_or(Missing::Form)?;
        if key == name {
            return number
                .trim()
                .parse()
                .map(|number| vec![number])
                .map_err(|_| Missing::Form);
        }
        names.push(key);
    }
    Err(Missing::Field(names))
}

/// Two lines for each protocol: the names of its fields, then their numbers.
fn protocol_field<'a>(text: &'a str, protocol: &str, field: &str) -> Result<Vec<i128>, Missing<'a>> {
    // The kernel lists a type of ICMP message once there was one.
    let unseen = protocol == "IcmpMsg"
        && (field.strip_prefix("InType"))
            .or_else(|| field.strip_prefix("OutType"))
            .is_some_and(|number| number.parse::<u8>().is_ok());
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(protocol)?.strip_prefix(':'));
    let (Some(names), Some(numbers)) = (lines.next(), lines.next()) else {
        return if unseen { Ok(vec![0]) } else { Err(Missing::Protocol) };
    };
    let names: Vec<&str> = names.split_ascii_whitespace().collect();
    match names.iter().position(|name| *name == field) {
        Some(at) => {
            let number = numbers.split_ascii_whitespace().nth(at);
            let number = number.and_then(|number| number.parse().ok());
            number.map(|number| vec![number]).ok_or(Missing::Form)
        }
        None if unseen => Ok(vec![0]),
        None => Err(Missing::Field(names)),
    }
}

/// Every file that any counter may stand in.
pub(super) fn paths(cx: &Context<'_>) -> Vec<String> {
    let process = cx.system.process_directory();
    let mut paths = vec![
        format!("{process}/net/netstat"),
        format!("{process}/net/snmp"),
        format!("{process}/net/softnet_stat"),
        "/proc/vmstat".to_owned(),
    ];
    for event in EVENTS {
        if let Ok(path) = event.path(cx)
            && !paths.contains(&path)
        {
            paths.push(path);
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETSTAT_TEXT: &str =
        "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 7 9\nIpExt: InNoRoutes InOctets\nIpExt: 0 123\n";

    #[test]
    fn names_say_where_a_counter_stands() {
        assert!(matches!(
            Counter::parse("TcpExt.ListenOverflows"),
            Ok(Counter::Protocol { table: "netstat", .. })
        ));
        assert!(matches!(
            Counter::parse("Udp.RcvbufErrors"),
            Ok(Counter::Protocol { table: "snmp", .. })
        ));
        assert_eq!(Counter::parse("softnet.squeezed"), Ok(Counter::Softnet(2)));
        assert!(matches!(
            Counter::parse("cgroup.cpu.throttled_usec"),
            Ok(Counter::Cgroup(_))
        ));
        for (name, near) in [
            ("TcpEx.ListenOverflows", Some("TcpExt.ListenOverflows")),
            ("softnet.squezed", Some("softnet.squeezed")),
            ("cgroup.memory.oomkill", Some("cgroup.memory.oom_kill")),
            ("vmstat.../x", None),
            ("ListenOverflows", None),
        ] {
            assert_eq!(Counter::parse(name).unwrap_err().1.as_deref(), near, "{name}");
        }
    }

    #[test]
    fn fields_are_found_by_their_name_and_protocol() {
        let read = |name: &str| Counter::parse(name).unwrap().read(NETSTAT_TEXT).map_err(|_| ());
        assert_eq!(read("TcpExt.ListenDrops"), Ok(vec![9]));
        assert_eq!(read("IpExt.InOctets"), Ok(vec![123]));
        assert_eq!(read("TcpExt.InOctets"), Err(()));
        assert_eq!(protocol_field(NETSTAT_TEXT, "MPTcpExt", "x"), Err(Missing::Protocol));
        // A kind of message that never came is not listed, and was counted: it never came.
        assert_eq!(protocol_field("Icmp: A\nIcmp: 1\n", "IcmpMsg", "InType8"), Ok(vec![0]));
        assert_eq!(
            protocol_field("IcmpMsg: InType3\nIcmpMsg: 4\n", "IcmpMsg", "InType3"),
            Ok(vec![4])
        );
    }

    #[test]
    fn softnet_counts_in_hexadecimal_on_each_processor_and_wraps() {
        let counter = Counter::Softnet(1);
        let before = counter
            .read("00000cab 0000000a 00000000\n00004a19 ffffffff 00000001\n")
            .unwrap();
        let after = counter
            .read("00000cac 0000000b 00000000\n00004a20 00000002 00000001\n")
            .unwrap();
        assert_eq!(before, [10, 0xffff_ffff]);
        assert_eq!(counter.growth(&before, &after), 1 + 3);
        // Anything else that became less was set back, and did not grow.
        assert_eq!(Counter::Vmstat("x").growth(&[5], &[3]), 0);
    }

    #[test]
    fn a_cgroup_counts_in_either_version() {
        let Ok(Counter::Cgroup(kill)) = Counter::parse("cgroup.memory.oom_kill") else {
            panic!()
        };
        assert_eq!(kill.read("low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\n"), Ok(vec![1]));
        assert_eq!(kill.read("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"), Ok(vec![4]));
        let Ok(Counter::Cgroup(time)) = Counter::parse("cgroup.cpu.throttled_usec") else {
            panic!()
        };
        assert_eq!(time.read("nr_periods 1\nthrottled_usec 250\n"), Ok(vec![250]));
        assert_eq!(
            time.read("nr_periods 1\nnr_throttled 1\nthrottled_time 250000\n"),
            Ok(vec![250])
        );
        let Ok(Counter::Cgroup(max)) = Counter::parse("cgroup.memory.max") else {
            panic!()
        };
        assert_eq!(max.read("12\n"), Ok(vec![12]));
    }
}
