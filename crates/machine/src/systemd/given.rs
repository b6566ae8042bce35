//! What a unit gets of the limits that its files ask for.
//!
//! Where the kernel refuses what is asked, systemd takes the nearest that it can give: both sides lowered to the hard limit that it has
//! itself (`setrlimit_closest` in `src/basic/rlimit-util.c`). The kernel refuses open files above `fs.nr_open` to everybody, and
//! anything above the hard limit to a process without CAP_SYS_RESOURCE. When it starts, the first process raises its own limit on
//! open files: since version 240 to `fs.nr_open` as that is then, before to 65536 (`bump_rlimit_nofile` in `src/core/main.c`).

use super::manager::version;
use super::process::limits_of;
use crate::host::Host;
use crate::persisted::ceiling;
use crate::system::{Capability, Failure, Limits, Resource};
use crate::value::Number;

/// What the system's manager gives a unit that it starts now, and why that is not what is asked; `None` where it is.
///
/// # Errors
/// Nobody can tell, or it can give nothing and the unit does not start: why.
pub fn given(host: &Host<'_>, resource: Resource, asked: &Limits) -> Result<Option<(Limits, String)>, String> {
    let most = (resource == Resource::Nofile)
        .then(|| Number::Finite(ceiling::now(host.system).unwrap_or(ceiling::AT_START)))
        .filter(|most| asked.hard > *most);
    let own = match limits_of(host.system, "/proc/1", resource) {
        Ok(own) => Some(own),
        // Nothing runs in a tree of files. A process that sees no first one cannot know what that has.
        Err(Failure::Absent | Failure::CannotTell(_)) => None,
        Err(failure) => return Err(format!("/proc/1/limits: {failure}")),
    };
    let has = if own.is_some() { "has" } else { "starts with" };
    let own = own.or_else(|| at_start(host, resource));
    let refused = match (&most, &own) {
        (Some(_), _) => true,
        (None, Some(own)) => asked.hard > own.hard && !may_raise(host),
        (None, None) => false,
    };
    let Some(own) = own.filter(|_| refused) else {
        return Ok(None);
    };
    let nearest = Limits {
        soft: asked.soft.min(own.hard),
        hard: asked.hard.min(own.hard),
    };
    if let Some(most) = most.filter(|most| own.hard > *most)
        && nearest != own
    {
        return Err(format!(
            "fs.nr_open is {most}, which was lowered since systemd started: it cannot set a limit of {}, and the unit does not start",
            nearest.hard
        ));
    }
    let why = match most {
        Some(most) => format!("none is above fs.nr_open ({most}), and process 1 {has} {}", own.hard),
        None => format!("process 1 may not raise limits here, and {has} {}", own.hard),
    };
    Ok(Some((nearest, why)))
}

/// What the first process gives itself when it starts, where none runs that could be looked at.
fn at_start(host: &Host<'_>, resource: Resource) -> Option<Limits> {
    const BEFORE_240: i128 = 65_536;
    if resource != Resource::Nofile {
        return None;
    }
    let most = ceiling::now(host.system).unwrap_or(ceiling::AT_START);
    let own = match version(host.system) {
        Some(version) if version < 240 => most.min(BEFORE_240),
        Some(_) | None => most,
    };
    Some(Limits {
        soft: Number::Finite(own),
        hard: Number::Finite(own),
    })
}

/// Whether the first process may raise hard limits. A user namespace's own capabilities do not count.
fn may_raise(host: &Host<'_>) -> bool {
    if !host.user_namespace_is_initial() {
        return false;
    }
    let status = host.text("/proc/1/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    match line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok()) {
        Some(capabilities) => capabilities & (1 << Capability::SysResource.number()) != 0,
        // Outside of containers it is root with everything.
        None => host.engine().is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    fn table(nofile: &str, memlock: &str) -> String {
        format!(
            "Limit                     Soft Limit           Hard Limit           Units\n\
             Max open files            {nofile}  {nofile}  files\nMax locked memory         {memlock}  {memlock}  bytes\n"
        )
    }

    /// What comes of `SOFT:HARD`, as the same, with `-` for no change.
    fn of(system: &MemorySystem, resource: Resource, asked: &str) -> String {
        let asked = super::super::values::limits(resource, asked).expect("a limit");
        match given(&Host::new(system), resource, &asked) {
            Ok(None) => "-".to_owned(),
            Ok(Some((limits, _))) => format!("{}:{}", limits.soft, limits.hard),
            Err(why) => why,
        }
    }

    #[test]
    fn open_files_end_at_the_kernels_ceiling() {
        let host = |own: &str, most: &str| {
            MemorySystem::linux("6.1")
                .file("/proc/1/limits", &table(own, "65536"))
                .file("/proc/1/status", "CapEff:\t000001ffffffffff\n")
                .sysctl("fs.nr_open", most)
        };
        let same = host("1048576", "1048576");
        assert_eq!(of(&same, Resource::Nofile, "infinity"), "1048576:1048576");
        assert_eq!(of(&same, Resource::Nofile, "1024:infinity"), "1024:1048576");
        assert_eq!(of(&same, Resource::Nofile, "1048576"), "-");
        // Raised since systemd started: up to the new ceiling a number is given, and above it what systemd has.
        let raised = host("1048576", "4194304");
        assert_eq!(of(&raised, Resource::Nofile, "4194304"), "-");
        assert_eq!(of(&raised, Resource::Nofile, "infinity"), "1048576:1048576");
        // Lowered since: only what systemd has itself is left as it is.
        let lowered = host("1048576", "65536");
        assert_eq!(of(&lowered, Resource::Nofile, "infinity"), "1048576:1048576");
        assert!(of(&lowered, Resource::Nofile, "1024:infinity").contains("does not start"));
        // Other resources have no ceiling of the kernel's.
        assert_eq!(of(&same, Resource::Memlock, "infinity"), "-");
    }

    #[test]
    fn without_the_capability_everything_ends_at_what_the_first_process_has() {
        // So it was seen on a systemd whose capabilities were 1fffeffffff, with 20000.
        let system = MemorySystem::linux("6.1")
            .file("/proc/1/limits", &table("20000", "65536"))
            .file("/proc/1/status", "CapEff:\t000001fffeffffff\n")
            .sysctl("fs.nr_open", "1048576");
        for (asked, gets) in [
            ("infinity", "20000:20000"),
            ("800000", "20000:20000"),
            ("1024:9000000", "1024:20000"),
            ("5", "-"),
        ] {
            assert_eq!(of(&system, Resource::Nofile, asked), gets, "{asked}");
        }
        assert_eq!(of(&system, Resource::Memlock, "infinity"), "65536:65536");
    }

    #[test]
    fn in_a_tree_it_is_what_systemd_starts_with() {
        let tree = || MemorySystem::linux("6.1").sysctl("fs.nr_open", "2000000");
        assert_eq!(of(&tree(), Resource::Nofile, "infinity"), "2000000:2000000");
        let old = tree().file("/usr/lib/systemd/libsystemd-shared-239.so", "");
        assert_eq!(of(&old, Resource::Nofile, "infinity"), "65536:65536");
        assert_eq!(of(&old, Resource::Nofile, "100000"), "-");
    }
}
