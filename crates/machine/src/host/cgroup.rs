//! The cgroups of the process that is looked at: v1, v2, and both at once.

use std::cell::OnceCell;

use super::Host;
use crate::failure::{Failure, Why};
use crate::system::Os;
use crate::value::Number;

/// Where the files of one controller are, from the process's own cgroup up to the root that can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Version 2 of the interface.
    pub unified: bool,
    /// The directory at which the hierarchy is mounted.
    pub mount: String,
    /// The process's cgroup below it: `/` or `/system.slice/x.service`.
    pub path: String,
}

/// A number that some cgroup of the tree sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tightest {
    /// The lowest number up the tree.
    pub limit: Number,
    /// The directory that sets it; the process's own where nothing limits.
    pub directory: String,
}

/// What was already learned of the process's cgroups.
#[derive(Default)]
pub(super) struct Cache {
    /// The text of `/proc/PID/cgroup`.
    own: OnceCell<Result<Option<String>, Failure>>,
    memory: OnceCell<Result<Option<Tightest>, Failure>>,
    cpu: OnceCell<Result<Option<Tightest>, Failure>>,
}

/// Where cgroups are usually mounted.
pub(super) const MOUNT: &str = "/sys/fs/cgroup";

/// v1 says "no limit" with the largest page-rounded number.
const NO_LIMIT_V1: i128 = 0x7fff_ffff_ffff_0000;

impl Hierarchy {
    /// The directories from the process's cgroup up to the mount.
    pub fn directories(&self) -> Vec<String> {
        let mut path = self.path.trim_end_matches('/');
        let mut directories = Vec::new();
        loop {
            directories.push(format!("{}{path}", self.mount));
            match path.rfind('/') {
                Some(at) => path = &path[..at],
                None => return directories,
            }
        }
    }
}

impl Host<'_> {
    /// The hierarchy that has a controller (`memory`, `cpu`, `pids`); `None` where there is none.
    ///
    /// # Errors
    /// Any [`Failure`] of the process's cgroup, the mounts, or the controllers that they offer.
    pub fn cgroup(&self, controller: &str) -> Result<Option<Hierarchy>, Failure> {
        if self.system.platform().os != Os::Linux {
            return Ok(None);
        }
        let own = self
            .cgroups
            .own
            .get_or_init(|| self.told(&format!("{}/cgroup", self.system.process_directory())));
        // A kernel without cgroups has no such file.
        let Some(own) = own.as_ref().map_err(Clone::clone)? else {
            return Ok(None);
        };
        let (mut unified, mut unmounted) = (None, false);
        for line in own.lines() {
            let mut fields = line.splitn(3, ':');
            let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            if controllers.is_empty() {
                unified = Some(path);
            } else if controllers.split(',').any(|name| name == controller) {
                let mount = self
                    .mounts()?
                    .iter()
                    .find(|mount| mount.kind == "cgroup" && mount.options.iter().any(|option| option == controller));
                if let Some(mount) = mount {
                    let path = below(path, &mount.root);
                    return Ok(Some(Hierarchy {
                        unified: false,
                        mount: mount.path.clone(),
                        path,
                    }));
                }
                unmounted = true;
            }
        }
        // A hybrid's second hierarchy has no controllers, and says so.
        let mount = self.mounts()?.iter().rfind(|mount| mount.kind == "cgroup2");
        // The process is in a cgroup that nobody can look at: its limits hold all the same.
        if unmounted || (unified.is_some() && mount.is_none()) {
            return Err(Failure::CannotTell(Why::NotMounted(MOUNT)));
        }
        let (Some(path), Some(mount)) = (unified, mount) else {
            return Ok(None);
        };
        let hierarchy = Hierarchy {
            unified: true,
            mount: mount.path.clone(),
            path: below(path, &mount.root),
        };
        let mut is_offered = false;
        for directory in hierarchy.directories() {
            let offered = self.told(&format!("{directory}/cgroup.controllers"))?;
            is_offered |= offered.is_some_and(|text| text.split(' ').any(|name| name == controller));
            if is_offered {
                break;
            }
        }
        Ok(is_offered.then_some(hierarchy))
    }

    /// The lowest number that any cgroup up the tree sets in a file; `read` makes a number of its text.
    ///
    /// # Errors
    /// Any [`Failure`] of one of the files: a limit that cannot be read may be the lowest.
    pub fn tightest(
        &self,
        hierarchy: &Hierarchy,
        file: &str,
        read: fn(&str) -> Option<Number>,
    ) -> Result<Option<Tightest>, Failure> {
        self.lowest(hierarchy, &|directory| {
            let text = self.told(&format!("{directory}/{file}"))?;
            text.map(|text| read(&text).ok_or(Failure::NotText)).transpose()
        })
    }

    fn lowest(
        &self,
        hierarchy: &Hierarchy,
        limit: &dyn Fn(&str) -> Result<Option<Number>, Failure>,
    ) -> Result<Option<Tightest>, Failure> {
        let mut found: Option<Tightest> = None;
        for directory in hierarchy.directories() {
            let Some(limit) = limit(&directory)? else {
                continue;
            };
            if found.as_ref().is_none_or(|found| limit < found.limit) {
                found = Some(Tightest { limit, directory });
            }
        }
        Ok(found)
    }

    /// The tightest memory limit, in bytes; `None` where no controller limits the process.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn memory_limit(&self) -> Result<Option<Tightest>, Failure> {
        self.cgroups.memory.get_or_init(|| self.find_memory_limit()).clone()
    }

    fn find_memory_limit(&self) -> Result<Option<Tightest>, Failure> {
        let Some(hierarchy) = self.cgroup("memory")? else {
            return Ok(None);
        };
        let file = if hierarchy.unified {
            "memory.max"
        } else {
            "memory.limit_in_bytes"
        };
        self.tightest(&hierarchy, file, number)
    }

    /// The tightest processor quota, in hundredths of a percent of one processor; `None` where no controller limits the process.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn cpu_limit(&self) -> Result<Option<Tightest>, Failure> {
        self.cgroups.cpu.get_or_init(|| self.find_cpu_limit()).clone()
    }

    fn find_cpu_limit(&self) -> Result<Option<Tightest>, Failure> {
        let Some(hierarchy) = self.cgroup("cpu")? else {
            return Ok(None);
        };
        if hierarchy.unified {
            return self.tightest(&hierarchy, "cpu.max", quota);
        }
        self.lowest(&hierarchy, &|directory| {
            let text = |name: &str| self.told(&format!("{directory}/{name}"));
            let (Some(allowed), Some(period)) = (text("cpu.cfs_quota_us")?, text("cpu.cfs_period_us")?) else {
                return Ok(None);
            };
            quota(&format!("{allowed} {period}")).map(Some).ok_or(Failure::NotText)
        })
    }
}

/// The part of a cgroup's path below the root that is mounted.
fn below(path: &str, root: &str) -> String {
    match path.strip_prefix(root.trim_end_matches('/')) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.to_owned(),
        // The process is outside what is mounted: the mount's own root is the nearest that can be seen.
        _ => String::new(),
    }
}

/// A limit in either version's spelling.
#[must_use]
pub fn number(text: &str) -> Option<Number> {
    match Number::parse(text).ok()? {
        Number::Finite(number) if number >= NO_LIMIT_V1 => Some(Number::Unlimited),
        number => Some(number),
    }
}

/// `max 100000` or `50000 100000`, in hundredths of a percent.
pub fn quota(text: &str) -> Option<Number> {
    let mut words = text.split_ascii_whitespace();
    let (quota, period) = (
        words.next()?,
        words.next()?.parse::<i128>().ok().filter(|period| *period > 0)?,
    );
    match Number::parse(quota).ok()? {
        Number::Finite(quota) if quota < 0 => Some(Number::Unlimited),
        Number::Finite(quota) => Some(Number::Finite(quota * 10_000 / period)),
        Number::Unlimited => Some(Number::Unlimited),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    #[test]
    fn the_tightest_limit_up_the_tree_wins() {
        let system = MemorySystem::linux("6.1")
            .file("/proc/self/cgroup", "0::/a/b\n")
            .file(
                "/proc/self/mountinfo",
                "30 20 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            )
            .file("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n")
            .file("/sys/fs/cgroup/a/memory.max", "1048576\n")
            .file("/sys/fs/cgroup/a/b/memory.max", "max\n")
            .file("/sys/fs/cgroup/a/b/cpu.max", "250000 100000\n")
            .file("/proc/meminfo", "MemTotal: 2048 kB\n");
        let host = Host::new(&system);
        let limit = host.memory_limit().unwrap().unwrap();
        assert_eq!(
            limit,
            Tightest {
                limit: Number::Finite(1_048_576),
                directory: "/sys/fs/cgroup/a".into()
            }
        );
        assert_eq!(host.cpu_limit().unwrap().unwrap().limit, Number::Finite(25_000));
        assert_eq!(host.ram(), Ok(1_048_576));
        assert_eq!(host.cpus(), Ok(2));
    }

    #[test]
    fn version_one_and_hybrids_are_read_too() {
        let system = MemorySystem::linux("4.19")
            .file(
                "/proc/self/cgroup",
                "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n0::/docker/x\n",
            )
            .file(
                "/proc/self/mountinfo",
                "31 20 0:1 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n\
                 32 20 0:2 /docker/x /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n\
                 33 20 0:3 / /sys/fs/cgroup/unified ro - cgroup2 cgroup2 rw\n",
            )
            .file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
            .file("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n")
            .file("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
        let host = Host::new(&system);
        assert_eq!(host.memory_limit().unwrap().unwrap().limit, Number::Unlimited);
        assert_eq!(host.cpu_limit().unwrap().unwrap().limit, Number::Finite(5_000));
        assert_eq!(host.cpus(), Ok(1));
        assert_eq!(host.cgroup("pids"), Ok(None));
    }
}
