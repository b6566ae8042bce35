//! How much there is of what the guards compare, on a machine as it would be.

use std::collections::BTreeSet;

use crate::catalogue::Quantity;
use crate::persisted::logins;
use crate::system::{Failure, Resource, System, row_of_limits};

/// Why a quantity is not known.
#[derive(Debug)]
pub(super) struct CannotTell {
    /// The file or the sysctl that would tell.
    pub what: String,
    /// Why it does not.
    pub why: String,
    /// So much of it there is for certain, by what could be read.
    pub at_least: Option<i128>,
}

/// A machine in one state, looked at for one write.
pub(super) struct View<'a> {
    /// As it is.
    pub machine: &'a dyn System,
    /// In the state that is looked at.
    pub system: &'a dyn System,
    /// The sysctl or the file that is written.
    pub written: &'a str,
}

type Amount = Result<i128, CannotTell>;

fn unknown(what: &str, why: impl ToString) -> CannotTell {
    CannotTell {
        what: what.to_owned(),
        why: why.to_string(),
        at_least: None,
    }
}

fn odd(what: &str) -> CannotTell {
    unknown(what, "it has another form than expected")
}

fn text(system: &dyn System, path: &str) -> Result<String, CannotTell> {
    let bytes = system.read(path).map_err(|failure| unknown(path, failure))?;
    String::from_utf8(bytes).map_err(|_| unknown(path, Failure::NotText))
}

/// A number of a sysctl or a file.
pub(super) fn number(system: &dyn System, name: &str, field: usize) -> Amount {
    let text = if name.starts_with('/') {
        text(system, name)?
    } else {
        system.sysctl(name).map_err(|failure| unknown(name, failure))?
    };
    let word = text.split_ascii_whitespace().nth(field);
    word.and_then(|word| word.parse().ok()).ok_or_else(|| odd(name))
}

/// A line of `/proc/meminfo`, in its own unit, which is KiB where it has one.
fn meminfo(system: &dyn System, name: &str) -> Amount {
    const FILE: &str = "/proc/meminfo";
    let text = text(system, FILE)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let word = line.and_then(|line| line.split_ascii_whitespace().next());
    let number = word.and_then(|word| word.parse().ok());
    number.ok_or_else(|| unknown(FILE, format!("it does not tell {name}")))
}

/// How much there is of it.
pub(super) fn measure(quantity: Quantity, view: &View<'_>) -> Amount {
    let View {
        machine,
        system,
        written,
    } = *view;
    let own = |file: &str| format!("{}/{file}", machine.process_directory());
    match quantity {
        Quantity::Written(field) => number(system, written, field),
        Quantity::WrittenOrNoLimit => {
            number(system, written, 0).map(|limit| if limit == 0 { i128::MAX } else { limit })
        }
        Quantity::Constant(number, _) => Ok(number),
        Quantity::Sysctl(name) => number(machine, name, 0),
        Quantity::Meminfo(name) => meminfo(machine, name),
        Quantity::TenthOfMemory => meminfo(machine, "MemTotal").map(|total| total / 10),
        Quantity::CommitLimit => commit_limit(machine, system),
        Quantity::MemoryTaken => {
            const RESERVE: &str = "vm.min_free_kbytes";
            let reserve = match (number(machine, RESERVE, 0), number(system, RESERVE, 0)) {
                (Ok(now), Ok(then)) => (then - now).max(0),
                // Not written, so not taken.
                _ if written != RESERVE => 0,
                (Err(unknown), _) | (_, Err(unknown)) => return Err(unknown),
            };
            Ok(huge_pages_added(machine, system)? + reserve)
        }
        Quantity::Threads => threads(machine),
        Quantity::ProcessNumbers => {
            let highest = processes(machine)?.into_iter().map(i128::from).max();
            Ok(threads(machine)?.max(highest.unwrap_or(0)))
        }
        Quantity::Mappings => mappings(machine),
        Quantity::HardDescriptors => highest_hard_descriptors(machine),
        Quantity::Mounts => lines(&text(machine, &own("mountinfo"))?),
        Quantity::SocketPages(protocol) => socket_pages(machine, &own("net/sockstat"), protocol),
        Quantity::Neighbours(table) => neighbours(machine, &own(&format!("net/stat/{table}"))),
        Quantity::Ipv6Connections => ipv6_connections(machine, &own("net/tcp6")),
        Quantity::Interfaces(table) => interfaces(machine, &own(&format!("net/{table}"))),
    }
}

fn lines(text: &str) -> Amount {
    Ok(i128::try_from(text.lines().count()).unwrap_or(i128::MAX))
}

/// vm_commit_limit() in mm/util.c, in KiB.
fn commit_limit(machine: &dyn System, system: &dyn System) -> Amount {
    let bytes = match number(system, "vm.overcommit_kbytes", 0) {
        // Kernels before 3.14 have the ratio alone.
        Err(_) if system.sysctl("vm.overcommit_kbytes") == Err(Failure::Absent) => 0,
        other => other?,
    };
    let swap = swap(system)?;
    if bytes != 0 {
        return Ok(bytes.saturating_add(swap));
    }
    let huge = meminfo(machine, "Hugetlb").or_else(|_| {
        // Older kernels have a line for pages of the default size alone.
        Ok(meminfo(machine, "HugePages_Total").unwrap_or(0) * meminfo(machine, "Hugepagesize").unwrap_or(0))
    })?;
    let memory = meminfo(machine, "MemTotal")? - huge - huge_pages_added(machine, system)?;
    let ratio = number(system, "vm.overcommit_ratio", 0)?;
    Ok(memory.max(0).saturating_mul(ratio) / 100 + swap)
}

/// Swap, in KiB: `/proc/swaps`, where a plan that turns it off shows none, or else the sum in `/proc/meminfo`.
fn swap(system: &dyn System) -> Amount {
    const FILE: &str = "/proc/swaps";
    match text(system, FILE) {
        Ok(text) => text
            .lines()
            .skip(1)
            .map(|line| {
                // Spaces in a path are written as `\040`.
                let size = line.split_ascii_whitespace().nth(2);
                size.and_then(|size| size.parse::<i128>().ok()).ok_or_else(|| odd(FILE))
            })
            .sum(),
        Err(_) => meminfo(system, "SwapTotal"),
    }
}

/// Memory of the huge pages that are to be added, in KiB. Fewer free none for certain: those that are in use stay.
fn huge_pages_added(machine: &dyn System, system: &dyn System) -> Amount {
    const KEY: &str = "vm.nr_hugepages";
    const DIRECTORY: &str = "/sys/kernel/mm/hugepages";
    let added = |name: &str| match machine.sysctl(KEY) {
        Err(Failure::Absent) if name == KEY => Ok(0),
        _ => Ok((number(system, name, 0)? - number(machine, name, 0)?).max(0)),
    };
    let of_key = added(KEY)?;
    let default = match meminfo(machine, "Hugepagesize") {
        Err(_) if of_key == 0 => 0,
        other => other?,
    };
    let mut total = 0;
    let mut of_default = of_key * default;
    let sizes = match machine.list(DIRECTORY) {
        // A kernel without huge pages.
        Err(Failure::Absent) => Vec::new(),
        other => other.map_err(|failure| unknown(DIRECTORY, failure))?,
    };
    for name in sizes {
        let size = name.strip_prefix("hugepages-").and_then(|name| name.strip_suffix("kB"));
        let Some(size) = size.and_then(|size| size.parse::<i128>().ok()) else {
            continue;
        };
        let own = added(&format!("{DIRECTORY}/{name}/nr_hugepages"))? * size;
        // The sysctl is another name of the default size's file.
        if size == default {
            of_default = of_default.max(own);
        } else {
            total += own;
        }
    }
    Ok(total + of_default)
}

/// Every thread of the machine: `0.26 0.81 0.71 2/95 1037`, of which 95 (proc_loadavg(5)).
fn threads(machine: &dyn System) -> Amount {
    const FILE: &str = "/proc/loadavg";
    let text = text(machine, FILE)?;
    let pair = text.split_ascii_whitespace().nth(3);
    let all = pair.and_then(|pair| pair.split_once('/')?.1.parse().ok());
    all.ok_or_else(|| odd(FILE))
}

/// The processes that can be seen.
fn processes(machine: &dyn System) -> Result<Vec<u32>, CannotTell> {
    let names = machine.list("/proc").map_err(|failure| unknown("/proc", failure))?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Whether a process ended while it was looked at.
fn has_ended(failure: &Failure) -> bool {
    matches!(failure, Failure::Absent | Failure::Io(libc::ESRCH))
}

fn mappings(machine: &dyn System) -> Amount {
    let mut most = 0;
    for pid in processes(machine)? {
        let path = format!("/proc/{pid}/maps");
        match machine.read(&path) {
            Ok(bytes) => most = most.max(bytes.iter().filter(|byte| **byte == b'\n').count()),
            Err(failure) if has_ended(&failure) => {}
            Err(failure) => return Err(unknown(&path, failure)),
        }
    }
    Ok(i128::try_from(most).unwrap_or(i128::MAX))
}

/// Of the processes that run, and of the logins that are yet to come: pam_limits sets what limits.conf gives with setrlimit(2),
/// which `fs.nr_open` bounds, and where that fails the login does.
fn highest_hard_descriptors(machine: &dyn System) -> Amount {
    let running = of_processes(machine);
    let given = logins::highest_nofile(machine).map_err(|why| unknown("what limits.conf gives", why));
    let given = given.map(|given| given.and_then(|given| given.limit.finite()));
    match (running, given) {
        (Ok(running), Ok(given)) => Ok(given.map_or(running, |given| given.max(running))),
        (Err(unknown), given) => Err(CannotTell {
            at_least: unknown.at_least.max(given.unwrap_or_default()),
            ..unknown
        }),
        (Ok(running), Err(unknown)) => Err(CannotTell {
            at_least: Some(running),
            ..unknown
        }),
    }
}

fn of_processes(machine: &dyn System) -> Amount {
    let mut directories: Vec<String> = processes(machine)?.iter().map(|pid| format!("/proc/{pid}")).collect();
    directories.push(machine.process_directory().to_owned());
    let (mut highest, mut closed) = (None, None);
    for directory in directories {
        let path = format!("{directory}/limits");
        let limit = match machine.read(&path) {
            Err(failure) if has_ended(&failure) => continue,
            read => read.and_then(|bytes| {
                let text = String::from_utf8(bytes).map_err(|_| Failure::NotText)?;
                row_of_limits(&text, Resource::Nofile)
            }),
        };
        match limit {
            Ok(limits) => highest = highest.max(Some(limits.hard.finite().unwrap_or(i128::MAX))),
            Err(failure) => closed = closed.or(Some(unknown(&path, failure))),
        }
    }
    match closed {
        Some(unknown) => Err(CannotTell {
            at_least: highest,
            ..unknown
        }),
        None => highest.ok_or_else(|| unknown("/proc/PID/limits", Failure::Absent)),
    }
}

/// What an amount is called, with the line of a file where that is what gives it.
pub(super) fn name(quantity: Quantity, amount: i128, view: &View<'_>) -> String {
    if quantity == Quantity::HardDescriptors
        && let Ok(Some(given)) = logins::highest_nofile(view.machine)
        && given.limit.finite() == Some(amount)
    {
        return format!(
            "the hard limit on descriptors that {} gives to {}",
            given.place, given.domain
        );
    }
    quantity.name(view.written)
}

/// `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 273`.
fn socket_pages(machine: &dyn System, path: &str, protocol: &str) -> Amount {
    let text = text(machine, path)?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(protocol)?.strip_prefix(':'));
    let pages = line.and_then(|line| {
        let mut words = line.split_ascii_whitespace();
        words.find(|word| *word == "mem")?;
        words.next()?.parse().ok()
    });
    pages.ok_or_else(|| odd(path))
}

/// The first column, in hexadecimal; the line of every processor says the same.
fn neighbours(machine: &dyn System, path: &str) -> Amount {
    let text = text(machine, path)?;
    let mut rows = text.lines().map(|line| line.split_ascii_whitespace().next());
    let entries = match (rows.next().flatten(), rows.next().flatten()) {
        (Some("entries"), Some(word)) => i128::from_str_radix(word, 16).ok(),
        _ => None,
    };
    entries.ok_or_else(|| odd(path))
}

/// Established ones (state 01), but for those to the machine itself and those of IPv4 in disguise; and the one that sshd says
/// this process came by, which may be in another network namespace.
fn ipv6_connections(machine: &dyn System, path: &str) -> Amount {
    const OWN: &str = "00000000000000000000000001000000";
    const MAPPED: &str = "0000000000000000FFFF0000";
    let text = text(machine, path)?;
    let other = |line: &&str| {
        let mut words = line.split_ascii_whitespace().skip(2);
        let (Some(remote), Some("01")) = (words.next(), words.next()) else {
            return false;
        };
        !remote.starts_with(OWN) && !remote.starts_with(MAPPED)
    };
    let open = text.lines().skip(1).filter(other).count();
    let ssh = machine.environment("SSH_CONNECTION");
    let peer = ssh.as_deref().and_then(|words| words.split_ascii_whitespace().next());
    let by_ssh = peer.is_some_and(|peer| peer.contains(':') && !peer.starts_with("::ffff:"));
    Ok(i128::try_from(open).unwrap_or(i128::MAX).max(i128::from(by_ssh)))
}

/// Those that a route leads to, and those that are up: an interface of a VRF has its routes in a table that is not shown.
fn interfaces(machine: &dyn System, path: &str) -> Amount {
    let text = text(machine, path)?;
    // The table of IPv4 has a heading and begins with the interface; that of IPv6 has none and ends with it.
    let name = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (first, last) = (words.next(), words.next_back());
        let name = if path.ends_with("/ipv6_route") { last } else { first };
        name.filter(|name| !matches!(*name, "lo" | "Iface")).map(str::to_owned)
    };
    let up = machine.interfaces().unwrap_or_default().into_iter();
    let up = up.filter(|interface| interface.up && !interface.loopback);
    let names: BTreeSet<String> = text
        .lines()
        .filter_map(name)
        .chain(up.map(|interface| interface.name))
        .collect();
    Ok(i128::try_from(names.len()).unwrap_or(i128::MAX))
}
