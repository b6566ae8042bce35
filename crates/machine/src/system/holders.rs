//! Which processes have a listening socket open: the kernel tells a socket's inode, and each process links to its own.

use std::collections::BTreeSet;

use super::{Endpoint, Failure, Held, System, procfs};

/// Who listens on a port, by the tables and processes of a `/proc`.
pub(super) fn of_files(system: &dyn System, of: &Endpoint) -> Result<Vec<Held>, Failure> {
    let sockets = procfs::listeners(&|path| system.read(path), of)?;
    of_sockets(system, sockets)
}

/// Who has these sockets open, each an address and an inode.
///
/// # Errors
/// A socket is in no process that can be looked at, and some cannot.
pub(super) fn of_sockets(system: &dyn System, sockets: Vec<(String, u64)>) -> Result<Vec<Held>, Failure> {
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    let mut found: Vec<BTreeSet<String>> = vec![BTreeSet::new(); sockets.len()];
    let mut refused = None;
    let mut is_first_seen = false;
    for name in system.list("/proc")? {
        let Ok(pid) = name.parse::<u32>() else { continue };
        let descriptors = match system.list(&format!("/proc/{pid}/fd")) {
            Ok(descriptors) => descriptors,
            // It has ended since.
            Err(Failure::Absent) => continue,
            Err(failure) => {
                refused = Some(failure);
                continue;
            }
        };
        is_first_seen |= pid == 1;
        for descriptor in descriptors {
            let Ok(link) = system.read_link(&format!("/proc/{pid}/fd/{descriptor}")) else {
                continue;
            };
            let Some(inode) = inode_of(&link) else { continue };
            for ((_, wanted), names) in sockets.iter().zip(&mut found) {
                if *wanted == inode {
                    names.extend(name_of(system, pid));
                }
            }
        }
    }
    // With hidepid, processes of others are not even listed: the first one always belongs to somebody.
    if !is_first_seen && refused.is_none() {
        refused = Some(Failure::Denied(libc::EACCES));
    }
    if let Some(failure) = refused
        && found.iter().any(BTreeSet::is_empty)
    {
        return Err(failure);
    }
    let held = sockets.into_iter().zip(found).map(|((address, _), names)| Held {
        address,
        by: names.into_iter().collect(),
    });
    Ok(held.collect())
}

/// `socket:[12345]`.
fn inode_of(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn name_of(system: &dyn System, pid: u32) -> Option<String> {
    let comm = system.read(&format!("/proc/{pid}/comm")).ok()?;
    let name = String::from_utf8_lossy(&comm);
    Some(name.trim_end_matches('\n').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::{Fault, MemorySystem};

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
         0: 00000000:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 777 1 0 100 0 0 10 0\n   \
         1: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 778 1 0 100 0 0 10 0\n   \
         2: 0100007F:18EC 00000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 779 1 0 100 0 0 10 0\n";

    fn endpoint() -> Endpoint {
        Endpoint {
            protocol: "tcp".to_owned(),
            port: 6379,
        }
    }

    fn machine() -> MemorySystem {
        MemorySystem::linux("6.1")
            .file("/proc/net/tcp", TABLE)
            .file("/proc/1/comm", "systemd\n")
            .link("/proc/1/fd/3", "socket:[777]")
            .file("/proc/42/comm", "redis-server\n")
            .link("/proc/42/fd/0", "/dev/null")
            .link("/proc/42/fd/6", "socket:[777]")
            .link("/proc/42/fd/7", "socket:[778]")
            .file("/proc/43/comm", "another\n")
            .link("/proc/43/fd/7", "socket:[779]")
    }

    #[test]
    fn each_socket_has_all_who_have_it_open() {
        let held = of_files(&machine(), &endpoint()).expect("everything is seen");
        let names: Vec<(&str, Vec<&str>)> = held
            .iter()
            .map(|held| (held.address.as_str(), held.by.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(
            names,
            [
                ("0.0.0.0", vec!["redis-server", "systemd"]),
                ("127.0.0.1", vec!["redis-server"])
            ]
        );
    }

    #[test]
    fn who_may_not_look_does_not_know_and_who_may_knows_that_it_is_nobody() {
        let nobody = machine().file("/proc/net/tcp", &TABLE.replace(" 778 ", " 999 "));
        let held = of_files(&nobody, &endpoint()).expect("everything is seen");
        assert!(held[1].by.is_empty(), "{held:?}");
        let refused = nobody.fault("/proc/43/fd", Fault::Errno(13));
        assert_eq!(of_files(&refused, &endpoint()), Err(Failure::Denied(13)));
        // What is found is found, whatever else is hidden.
        let refused = machine().fault("/proc/43/fd", Fault::Errno(13));
        assert!(of_files(&refused, &endpoint()).is_ok());
    }
}
