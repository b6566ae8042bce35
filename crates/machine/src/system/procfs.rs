//! Texts of procfs that several systems read: process times, limits, socket tables.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Endpoint, Failure, Limits, Listener, PortUse, ProcessTime, Resource, Sockets};
use crate::value::{Number, PortSet};

type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, Failure>;
type ListDirectory<'a> = &'a dyn Fn(&str) -> Result<Vec<String>, Failure>;

/// Processors that are on line: the list that the kernel has, or else what its older and other files tell.
pub(super) fn cpus(read: ReadFile<'_>, list: ListDirectory<'_>) -> Result<u32, Failure> {
    const CPUS: &str = "/sys/devices/system/cpu";
    let text = |path: &str| String::from_utf8(read(path)?).map_err(|_| Failure::NotText);
    let why = match text(&format!("{CPUS}/online")) {
        Ok(text) => {
            return PortSet::parse(text.trim())
                .map(|set| set.len())
                .map_err(|_| Failure::NotText);
        }
        Err(failure @ (Failure::Absent | Failure::CannotTell(_))) => failure,
        Err(failure) => return Err(failure),
    };
    // `cpu0 12 0 ...`, after the line for all of them.
    let in_stat = |line: &&str| {
        line.strip_prefix("cpu")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    // `processor : 0`, or on s390x `processor 0: version = ...`.
    let in_cpuinfo = |line: &&str| {
        let rest = line
            .strip_prefix("processor")
            .map(|rest| rest.trim_start_matches([' ', '\t', ':']));
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let count = |lines: usize| u32::try_from(lines).ok().filter(|count| *count > 0);
    let stat = text("/proc/stat")
        .ok()
        .and_then(|text| count(text.lines().filter(in_stat).count()));
    let cpuinfo = || {
        text("/proc/cpuinfo")
            .ok()
            .and_then(|text| count(text.lines().filter(in_cpuinfo).count()))
    };
    let directories = || {
        let names = list(CPUS).ok()?;
        let is_online = |name: &&String| {
            let number = name
                .strip_prefix("cpu")
                .is_some_and(|number| number.parse::<u32>().is_ok());
            // The first one often cannot be taken off line, and has no such file.
            number && text(&format!("{CPUS}/{name}/online")).map_or(true, |online| online.trim() != "0")
        };
        count(names.iter().filter(is_online).count())
    };
    stat.or_else(cpuinfo).or_else(directories).ok_or(why)
}

/// Every process, from `/proc/*/stat`.
pub(super) fn processes(read: ReadFile<'_>, list: ListDirectory<'_>) -> Result<Vec<ProcessTime>, Failure> {
    let mut processes = Vec::new();
    for name in list("/proc")? {
        let Ok(pid) = name.parse::<u32>() else { continue };
        // It may have ended since, or belong to somebody else under hidepid.
        let Ok(stat) = read(&format!("/proc/{pid}/stat")) else {
            continue;
        };
        processes.extend(process(pid, &stat));
    }
    processes.sort_by_key(|process| process.pid);
    Ok(processes)
}

/// `1234 (name) S ...`: the name is in parentheses and may hold anything, parentheses too.
fn process(pid: u32, stat: &[u8]) -> Option<ProcessTime> {
    let rest = after_name(stat)?;
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.len() - rest.len() - 2;
    let name = String::from_utf8_lossy(stat.get(open + 1..close)?).into_owned();
    let fields: Vec<&str> = std::str::from_utf8(rest).ok()?.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    Some(ProcessTime {
        pid,
        name,
        ticks: number(11)? + number(12)?,
        running: *fields.first()? == "R",
    })
}

/// The fields after the name; the first is the state.
pub(super) fn after_name(stat: &[u8]) -> Option<&[u8]> {
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(close + 2..)
}

/// The name, the parent and the start (in clock ticks after boot) of a process, of its `/proc/PID/stat`.
#[must_use]
pub fn parent_and_start(stat: &[u8]) -> Option<(&[u8], u32, u64)> {
    let rest = after_name(stat)?;
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let name = stat.get(open + 1..stat.len() - rest.len() - 2)?;
    let mut fields = std::str::from_utf8(rest).ok()?.split_ascii_whitespace();
    // The parent is the 4th field and the start the 22nd; the name before these is the 2nd.
    let parent = fields.nth(1)?.parse().ok()?;
    Some((name, parent, fields.nth(17)?.parse().ok()?))
}

/// A row of `/proc/PID/limits`.
///
/// # Errors
/// [`Failure::Absent`] where there is no such row, [`Failure::NotText`] where it has another form.
pub fn limits(text: &str, resource: Resource) -> Result<Limits, Failure> {
    let row = text
        .lines()
        .find_map(|line| line.strip_prefix(resource.row()))
        .ok_or(Failure::Absent)?;
    let mut numbers = row.split_ascii_whitespace().map(Number::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(soft)), Some(Ok(hard))) => Ok(Limits { soft, hard }),
        _ => Err(Failure::NotText),
    }
}

/// Every socket, from the tables in `/proc/net`. They do not tell the backlog.
pub(super) fn sockets(read: ReadFile<'_>) -> Result<Sockets, Failure> {
    let mut listeners = Vec::new();
    let mut ports: BTreeMap<u16, (u32, u32)> = BTreeMap::new();
    for (table, protocol) in [("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp")] {
        let text = match read(&format!("/proc/net/{table}")) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| Failure::NotText)?,
            // Without IPv6 there are no tables of it.
            Err(Failure::Absent) if table != "tcp" => continue,
            Err(failure) => return Err(failure),
        };
        for line in text.lines().skip(1) {
            let Some(row) = socket(line) else { continue };
            match (protocol, row.state) {
                ("tcp", 10) | ("udp", 7) => listeners.push(Listener {
                    protocol: protocol.to_owned(),
                    address: row.address,
                    port: row.port,
                    queued: if protocol == "tcp" { row.receive } else { 0 },
                    backlog: None,
                }),
                ("tcp", 6) => ports.entry(row.port).or_default().0 += 1,
                ("tcp", _) => ports.entry(row.port).or_default().1 += 1,
                _ => {}
            }
        }
    }
    listeners.sort_by(|a, b| (a.port, &a.protocol, &a.address).cmp(&(b.port, &b.protocol, &b.address)));
    let ports = ports
        .into_iter()
        .map(|(port, (time_wait, other))| PortUse { port, time_wait, other })
        .collect();
    Ok(Sockets { listeners, ports })
}

/// What listens on a port, from the same tables: the local address and the socket's inode.
pub(super) fn listeners(read: ReadFile<'_>, of: &Endpoint) -> Result<Vec<(String, u64)>, Failure> {
    let listening = if of.protocol == "tcp" { 10 } else { 7 };
    let mut found = Vec::new();
    for table in [of.protocol.clone(), format!("{}6", of.protocol)] {
        let text = match read(&format!("/proc/net/{table}")) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| Failure::NotText)?,
            Err(Failure::Absent) if table.ends_with('6') => continue,
            Err(failure) => return Err(failure),
        };
        let rows = text.lines().skip(1).filter_map(socket);
        let rows = rows.filter(|row| row.port == of.port && row.state == listening);
        found.extend(rows.map(|row| (row.address, row.inode)));
    }
    Ok(found)
}

struct Row {
    address: String,
    port: u16,
    state: u8,
    receive: u32,
    inode: u64,
}

/// `  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 ...`: addresses in hexadecimal words of the machine's byte order.
fn socket(line: &str) -> Option<Row> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (address, port) = fields.next()?.split_once(':')?;
    let state = u8::from_str_radix(fields.nth(1)?, 16).ok()?;
    let (_, receive) = fields.next()?.split_once(':')?;
    // Between them stand the timer, retransmissions, the user and probes.
    let inode = fields.nth(4).and_then(|field| field.parse().ok()).unwrap_or(0);
    let words: Vec<[u8; 4]> = (0..address.len() / 8)
        .map(|at| {
            u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16)
                .ok()
                .map(u32::to_ne_bytes)
        })
        .collect::<Option<_>>()?;
    let address = match words.as_slice() {
        [v4] => Ipv4Addr::from(*v4).to_string(),
        [a, b, c, d] => {
            let mut octets = [0; 16];
            for (at, word) in [a, b, c, d].into_iter().enumerate() {
                octets[at * 4..at * 4 + 4].copy_from_slice(word);
            }
            Ipv6Addr::from(octets).to_string()
        }
        _ => return None,
    };
    Some(Row {
        address,
        port: u16::from_str_radix(port, 16).ok()?,
        state,
        receive: u32::from_str_radix(receive, 16).ok()?,
        inode,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = b"42 (a) b (c) R 1 42 42 0 -1 4194304 100 0 0 0 7 5 0 0 20 0 1 0 100 1000 10";
        assert_eq!(parent_and_start(stat), Some((&b"a) b (c"[..], 1, 100)));
        let process = process(42, stat).unwrap();
        assert_eq!(
            (process.name.as_str(), process.ticks, process.running),
            ("a) b (c", 12, true)
        );
    }

    #[test]
    fn socket_tables_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 1 1\n   1: 0100007F:8000 0100007F:1F90 06 00000000:00000000 03:00000000 00000000     0        0 0 3\n";
        let read = |path: &str| {
            if path == "/proc/net/tcp" {
                Ok(table.as_bytes().to_vec())
            } else {
                Err(Failure::Absent)
            }
        };
        let sockets = sockets(&read).unwrap();
        assert_eq!(sockets.listeners.len(), 1);
        assert_eq!(
            (
                sockets.listeners[0].address.as_str(),
                sockets.listeners[0].port,
                sockets.listeners[0].queued
            ),
            ("127.0.0.1", 8080, 3)
        );
        assert_eq!(
            sockets.ports,
            [PortUse {
                port: 0x8000,
                time_wait: 1,
                other: 0
            }]
        );
    }

    #[test]
    fn limits_are_read_by_their_row() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 524288               files     \nMax file size             unlimited            unlimited            bytes\n";
        assert_eq!(
            limits(text, Resource::Nofile),
            Ok(Limits {
                soft: Number::Finite(1024),
                hard: Number::Finite(524_288)
            })
        );
        assert_eq!(
            limits(text, Resource::Fsize),
            Ok(Limits {
                soft: Number::Unlimited,
                hard: Number::Unlimited
            })
        );
        assert_eq!(limits(text, Resource::Rtprio), Err(Failure::Absent));
    }
}
