//! What is in use of each limited thing, and the limit.

use super::super::{Context, Reading, reading_of, sysctl};
use crate::catalogue;
use crate::host::cgroup;
use crate::system::Failure;
use crate::value::Number;

/// What is in use, and how much may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub used: i128,
    pub limit: Number,
    /// Which sysctl sets the limit; `None` where something else does.
    pub key: Option<&'static str>,
    /// Whose it is, where there are several: the fullest.
    pub whose: Option<String>,
}

impl Use {
    fn new(used: i128, limit: i128, key: &'static str) -> Self {
        Self {
            used,
            limit: Number::Finite(limit),
            key: Some(key),
            whose: None,
        }
    }

    /// The part that is in use, in hundredths of a percent. Of nothing, everything is.
    pub(super) fn share(&self) -> i128 {
        match self.limit {
            Number::Unlimited => 0,
            Number::Finite(limit) if limit <= 0 => 10_000,
            Number::Finite(limit) => self.used.saturating_mul(10_000) / limit,
        }
    }

    /// What is left.
    pub(super) fn free(&self) -> Number {
        match self.limit {
            Number::Unlimited => Number::Unlimited,
            Number::Finite(limit) => Number::Finite((limit - self.used).max(0)),
        }
    }
}

/// Looks at one of them; `Err` says why there is nothing to see.
pub(super) fn measure(of: &str, cx: &Context<'_>) -> Result<Use, Reading> {
    match of {
        "conntrack" => {
            let used = number("net.netfilter.nf_conntrack_count", cx)?;
            let key = "net.netfilter.nf_conntrack_max";
            let mut found = Use::new(used, number(key, cx)?, key);
            if found.limit == Number::Finite(0) {
                // The kernel compares only where the limit is not 0.
                found.limit = Number::Unlimited;
            }
            Ok(found)
        }
        "files" => match row("fs.file-nr", cx)?.as_slice() {
            // The second is free ones among those that are allocated; since Linux 2.6 it is 0.
            [allocated, free, max] => Ok(Use::new(allocated - free, *max, "fs.file-max")),
            _ => Err(odd("fs.file-nr")),
        },
        "aio" => Ok(Use::new(
            number("fs.aio-nr", cx)?,
            number("fs.aio-max-nr", cx)?,
            "fs.aio-max-nr",
        )),
        "keys" | "key-bytes" => keys(of, &cx.text("/proc/key-users")?),
        "threads" => Ok(Use::new(
            threads(cx)?,
            number("kernel.threads-max", cx)?,
            "kernel.threads-max",
        )),
        "pids" => Ok(Use::new(pids(cx)?, number("kernel.pid_max", cx)?, "kernel.pid_max")),
        "cgroup-pids" => cgroup_pids(cx),
        "tcp-memory" => match row("net.ipv4.tcp_mem", cx)?.as_slice() {
            [_, _, high] => Ok(Use::new(sockstat("TCP", "mem", cx)?, *high, "net.ipv4.tcp_mem")),
            _ => Err(odd("net.ipv4.tcp_mem")),
        },
        "orphans" => {
            let key = "net.ipv4.tcp_max_orphans";
            let limit = number(key, cx)?;
            Ok(Use::new(sockstat("TCP", "orphan", cx)?, limit, key))
        }
        "time-wait" => {
            let key = "net.ipv4.tcp_max_tw_buckets";
            let limit = number(key, cx)?;
            Ok(Use::new(sockstat("TCP", "tw", cx)?, limit, key))
        }
        "neighbours-ipv6" => neighbours("ndisc_cache", "net.ipv6.neigh.default.gc_thresh3", cx),
        _ => neighbours("arp_cache", "net.ipv4.neigh.default.gc_thresh3", cx),
    }
}

fn odd(what: &str) -> Reading {
    Reading::Unreadable(format!("{what} has another form than expected"))
}

/// The numbers of a sysctl.
fn row(key: &str, cx: &Context<'_>) -> Result<Vec<i128>, Reading> {
    let text = cx.system.sysctl(key).map_err(|failure| match failure {
        Failure::Absent => {
            let known = catalogue::lookup(cx.system.platform().os, key);
            sysctl::absent(key, known, Some(true), cx)
        }
        other => Reading::Unreadable(format!("{key}: {other}")),
    })?;
    let numbers: Result<Vec<i128>, _> = text.split_ascii_whitespace().map(str::parse).collect();
    numbers.map_err(|_| odd(key))
}

fn number(key: &str, cx: &Context<'_>) -> Result<i128, Reading> {
    match row(key, cx)?.as_slice() {
        [number] => Ok(*number),
        _ => Err(odd(key)),
    }
}

/// The user whose keys fill most of what is theirs: `uid: usage keys/instantiated quota-keys/max quota-bytes/max` (keyrings(7)).
fn keys(of: &str, text: &str) -> Result<Use, Reading> {
    let mut fullest: Option<Use> = None;
    for line in text.lines() {
        let entry = key_user(line).ok_or_else(|| odd("/proc/key-users"))?;
        let (used, limit) = if of == "keys" { entry.keys } else { entry.bytes };
        let key = match (of, entry.uid) {
            ("keys", 0) => "kernel.keys.root_maxkeys",
            ("keys", _) => "kernel.keys.maxkeys",
            (_, 0) => "kernel.keys.root_maxbytes",
            _ => "kernel.keys.maxbytes",
        };
        let found = Use {
            whose: Some(format!("uid {}", entry.uid)),
            ..Use::new(used, limit, key)
        };
        if fullest.as_ref().is_none_or(|known| found.share() > known.share()) {
            fullest = Some(found);
        }
    }
    fullest.ok_or_else(|| Reading::Absent("nobody here has keys".to_owned()))
}

struct KeyUser {
    uid: u32,
    keys: (i128, i128),
    bytes: (i128, i128),
}

fn key_user(line: &str) -> Option<KeyUser> {
    let (uid, rest) = line.split_once(':')?;
    let mut words = rest.split_ascii_whitespace().skip(2);
    let mut pair = || {
        let (used, limit) = words.next()?.split_once('/')?;
        Some((used.parse().ok()?, limit.parse().ok()?))
    };
    Some(KeyUser {
        uid: uid.trim().parse().ok()?,
        keys: pair()?,
        bytes: pair()?,
    })
}

/// Every thread of the machine: `0.26 0.81 0.71 2/95 1037`, of which 95 (proc_loadavg(5)).
fn threads(cx: &Context<'_>) -> Result<i128, Reading> {
    let text = cx.text("/proc/loadavg")?;
    let all = text
        .split_ascii_whitespace()
        .nth(3)
        .and_then(|pair| pair.split_once('/')?.1.parse().ok());
    all.ok_or_else(|| odd("/proc/loadavg"))
}

/// Every thread takes a number. Since Linux 6.14 a PID namespace has a limit of its own, and the kernel tells only of the whole
/// machine's threads; then those that can be seen are counted.
fn pids(cx: &Context<'_>) -> Result<i128, Reading> {
    let inode = cx.system.stat(&format!("{}/ns/pid", cx.system.process_directory()));
    // The inode of the namespace that the kernel began with is a constant.
    let initial = inode.is_ok_and(|stat| stat.inode == 0xefff_fffc);
    if initial {
        return threads(cx);
    }
    match cx.host.kernel() {
        Ok(kernel) if kernel.major_minor() < (6, 14) => return threads(cx),
        Ok(_) => {}
        Err(failure) => return Err(Reading::Unreadable(failure.to_string())),
    }
    let numeric = |name: &&String| name.bytes().all(|byte| byte.is_ascii_digit());
    let processes = cx
        .system
        .list("/proc")
        .map_err(|failure| reading_of(&failure, "/proc"))?;
    let mut tasks = 0;
    for pid in processes.iter().filter(numeric) {
        let path = format!("/proc/{pid}/task");
        match cx.system.list(&path) {
            Ok(found) => tasks += i128::try_from(found.len()).unwrap_or(i128::MAX),
            // It ended meanwhile.
            Err(Failure::Absent) => {}
            Err(failure) => return Err(reading_of(&failure, &path)),
        }
    }
    Ok(tasks)
}

/// The fullest cgroup from the process's own up to the root that can be seen.
fn cgroup_pids(cx: &Context<'_>) -> Result<Use, Reading> {
    let tree = cx.host.cgroup("pids");
    let tree = tree.map_err(|failure| Reading::Unreadable(format!("the cgroup of this process: {failure}")))?;
    let Some(tree) = tree else {
        return Err(Reading::Absent("no pids controller limits this process".to_owned()));
    };
    let mut fullest: Option<Use> = None;
    for directory in tree.directories() {
        let file = |name: &str| {
            let path = format!("{directory}/{name}");
            let told = cx.host.told(&path).map_err(|failure| reading_of(&failure, &path))?;
            told.map(|text| cgroup::number(&text).ok_or_else(|| odd(&path)))
                .transpose()
        };
        let (Some(limit), Some(Number::Finite(used))) = (file("pids.max")?, file("pids.current")?) else {
            continue;
        };
        let found = Use {
            used,
            limit,
            key: None,
            whose: Some(directory),
        };
        let fuller = |known: &Use| {
            (found.limit != Number::Unlimited, found.share()) > (known.limit != Number::Unlimited, known.share())
        };
        if fullest.as_ref().is_none_or(fuller) {
            fullest = Some(found);
        }
    }
    fullest.ok_or_else(|| Reading::Absent("no cgroup of this process has pids.max".to_owned()))
}

/// A number of `/proc/net/sockstat`: `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 273`.
fn sockstat(protocol: &str, field: &str, cx: &Context<'_>) -> Result<i128, Reading> {
    let path = format!("{}/net/sockstat", cx.system.process_directory());
    pair(&cx.text(&path)?, protocol, field).ok_or_else(|| odd(&path))
}

fn pair(text: &str, protocol: &str, field: &str) -> Option<i128> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(protocol)?.strip_prefix(':'))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == field)?;
    words.next()?.parse().ok()
}

/// The table of neighbours, one for all network namespaces; the kernel tells of it in the host's alone.
fn neighbours(table: &str, key: &'static str, cx: &Context<'_>) -> Result<Use, Reading> {
    let path = format!("{}/net/stat/{table}", cx.system.process_directory());
    let hidden = cx.host.network_is_hosts() == Some(false);
    let text = match cx.text(&path) {
        Err(Reading::Absent(_)) if hidden => {
            return Err(Reading::Unreadable(format!(
                "{path} is hidden in this network namespace; the host has it"
            )));
        }
        other => other?,
    };
    let limit = number(key, cx)?;
    let used = entries(&text).ok_or_else(|| odd(&path))?;
    Ok(Use::new(used, limit, key))
}

/// The first column, in hexadecimal; the line of every processor says the same.
fn entries(text: &str) -> Option<i128> {
    let mut lines = text.lines();
    lines
        .next()?
        .split_ascii_whitespace()
        .next()
        .filter(|name| *name == "entries")?;
    i128::from_str_radix(lines.next()?.split_ascii_whitespace().next()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_user_of_keys_is_found_with_the_limit_that_binds_it() {
        let text = "    0:     9 8/8 3/1000000 40/25000000\n 1000:    190 189/189 150/200 3000/20000\n";
        let found = keys("keys", text).unwrap();
        assert_eq!((found.used, found.limit), (150, Number::Finite(200)));
        assert_eq!(found.key, Some("kernel.keys.maxkeys"));
        assert_eq!(found.whose.as_deref(), Some("uid 1000"));
        assert_eq!(keys("key-bytes", text).unwrap().used, 3000);
        let root = keys("keys", "    0:     9 8/8 3/1000000 40/25000000\n").unwrap();
        assert_eq!(root.key, Some("kernel.keys.root_maxkeys"));
        assert!(matches!(keys("keys", "nonsense\n"), Err(Reading::Unreadable(_))));
        assert!(matches!(keys("keys", ""), Err(Reading::Absent(_))));
    }

    #[test]
    fn sockets_and_neighbours_are_counted() {
        let text = "sockets: used 13\nTCP: inuse 1 orphan 2 tw 3 alloc 1 mem 273\nUDP: inuse 0 mem 5\n";
        assert_eq!(pair(text, "TCP", "mem"), Some(273));
        assert_eq!(pair(text, "UDP", "mem"), Some(5));
        assert_eq!(pair(text, "UDP", "tw"), None);
        assert_eq!(
            entries("entries  allocs\n0000001f 00000002\n0000001f 00000002\n"),
            Some(31)
        );
        assert_eq!(entries("something else\n1f\n"), None);
    }

    #[test]
    fn shares_are_of_the_limit_and_what_may_not_be_is_full() {
        let of = |used, limit| Use {
            limit,
            ..Use::new(used, 0, "x")
        };
        assert_eq!(of(50, Number::Finite(200)).share(), 2_500);
        assert_eq!(of(50, Number::Unlimited).share(), 0);
        assert_eq!(of(0, Number::Finite(0)).share(), 10_000);
        assert_eq!(of(50, Number::Finite(20)).free(), Number::Finite(0));
    }
}
