//! A directory that stands for `/`: the tree of another machine, or an image that is not running.

#![allow(clippy::disallowed_methods, reason = "this stands for the machine")]

use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use nix::fcntl::AT_FDCWD;

use super::{
    Answer, Failure, Identity, Limits, Os, Platform, Process, Question, Resource, Space, Stat, SysctlName, System,
    WritableSystem, always, filesystem, holders, procfs,
};
use crate::failure::Why;
use crate::files::{self, Links};
use crate::most;
use crate::text;

/// A directory that stands for `/`.
#[derive(Debug)]
pub struct RootedSystem {
    root: PathBuf,
    platform: Platform,
    identity: Identity,
}

impl RootedSystem {
    /// Uses a directory.
    ///
    /// # Errors
    /// It is not there, or is none.
    pub fn new(root: impl AsRef<Path>) -> std::io::Result<Self> {
        let root = root.as_ref().canonicalize()?;
        if !root.is_dir() {
            return Err(std::io::Error::from(std::io::ErrorKind::NotADirectory));
        }
        let platform = Platform {
            os: Os::Linux,
            release: None,
            arch: None,
            hostname: root.display().to_string(),
            page_size: None,
            ticks_per_second: 100,
        };
        // Nobody acts on a tree of files; what a fix would take is told for an ordinary user.
        let identity = Identity {
            pid: 0,
            uid: 65534,
            gid: 65534,
            capabilities: 0,
        };
        let mut system = Self {
            root,
            platform,
            identity,
        };
        system.platform.release = system.sysctl("kernel.osrelease").ok().or_else(|| system.version());
        system.platform.arch = system.sysctl("kernel.arch").ok();
        // Other machines come with pages of several sizes.
        system.platform.page_size = match system.platform.arch.as_deref() {
            Some("x86_64" | "i686" | "i586" | "i386" | "s390x" | "riscv64") => Some(4096),
            _ => None,
        };
        if let Ok(hostname) = system.sysctl("kernel.hostname") {
            system.platform.hostname = hostname;
        }
        Ok(system)
    }

    /// The same directory, with its files to be written as root would write a machine's.
    #[must_use]
    pub fn as_root(mut self) -> Self {
        self.identity = Identity {
            pid: 0,
            uid: 0,
            gid: 0,
            capabilities: u64::MAX >> 23,
        };
        self
    }

    /// `Linux version 6.1.0-18-amd64 (builder@host) ...`
    fn version(&self) -> Option<String> {
        let text = String::from_utf8(self.read("/proc/version").ok()?).ok()?;
        text.strip_prefix("Linux version ")?
            .split(' ')
            .next()
            .map(str::to_owned)
    }

    fn names(&self, path: &str) -> Result<Vec<String>, Failure> {
        filesystem::names(self.resolve(path)?)
    }

    fn holds(&self, path: &str) -> bool {
        self.resolve(path).is_ok_and(|path| path.exists())
    }

    /// What it means that something is not in the tree: somebody copied what he wanted of `/proc` and `/sys`, and nobody else has
    /// what he left out. Where the directory is there with something in it, it was copied, and what is missing was not there.
    fn told<T>(&self, path: &str, result: Result<T, Failure>) -> Result<T, Failure> {
        let of_kernel = ["/proc", "/sys"].iter().any(|root| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if !of_kernel || !matches!(result, Err(Failure::Absent)) {
            return result;
        }
        let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
        let parent = always::devices(path).unwrap_or(parent);
        let is_empty = || self.names(parent).map_or(true, |names| names.is_empty());
        let missing = always::in_trees(path).find(|known| !self.holds(known));
        let missing = missing.or_else(|| is_empty().then_some(parent));
        match missing {
            Some(missing) => Err(Failure::CannotTell(Why::NotInTree(missing.to_owned()))),
            None => result,
        }
    }

    /// The real path of a path in the tree, links followed, never outside it: an absolute link starts at the tree's own root.
    fn resolve(&self, path: &str) -> Result<PathBuf, Failure> {
        resolve_below(&self.root, path)
    }
}

/// The real path of a path below a root directory, links followed, never outside it: an absolute link starts at the root.
///
/// # Errors
/// Too many links.
pub fn resolve_below(root: &Path, path: &str) -> Result<PathBuf, Failure> {
    let mut inside = PathBuf::new();
    let mut todo: Vec<String> = parts(&files::real(Path::new(path))).into_iter().rev().collect();
    let mut links = 0;
    while let Some(part) = todo.pop() {
        if part == ".." {
            inside.pop();
            continue;
        }
        inside.push(&*files::real(Path::new(&part)));
        let real = root.join(&inside);
        if let Ok(target) = std::fs::read_link(&real) {
            links += 1;
            if links > most::LINKS {
                return Err(Failure::Io(libc::ELOOP));
            }
            if target.is_absolute() {
                inside = PathBuf::new();
            } else {
                inside.pop();
            }
            todo.extend(parts(&target).into_iter().rev());
        }
    }
    Ok(root.join(inside))
}

fn parts(path: &Path) -> Vec<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(text::from_bytes(part.as_bytes())),
            Component::ParentDir => parts.push("..".to_owned()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    parts
}

fn not_in_files(what: &'static str) -> Failure {
    Failure::CannotTell(Why::NotInFiles(what))
}

impl System for RootedSystem {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        // Links were followed already, inside the tree.
        let read = || -> Result<Vec<u8>, Failure> {
            let (file, stat) = files::open_at(AT_FDCWD, &self.resolve(path)?, Links::Refused)?;
            Ok(files::take(file, &stat, most::TREE)?)
        };
        self.told(path, read())
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        self.told(path, self.names(path))
    }

    fn stat(&self, path: &str) -> Result<Stat, Failure> {
        self.told(path, filesystem::stat(self.resolve(path)?))
    }

    fn read_link(&self, path: &str) -> Result<String, Failure> {
        let (parent, name) = path.rsplit_once('/').ok_or(Failure::OutsideTree)?;
        self.told(
            path,
            filesystem::link(self.resolve(parent)?.join(&*files::real(Path::new(name)))),
        )
    }

    fn sysctl(&self, name: &str) -> Result<String, Failure> {
        let name = SysctlName::parse(name).map_err(|_| Failure::OutsideTree)?;
        let mut bytes = self.read(&format!("/proc/sys/{}", name.path()))?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        String::from_utf8(bytes).map_err(|_| Failure::NotText)
    }

    fn ask(&self, question: &Question) -> Result<Answer, Failure> {
        match question {
            Question::Limits(resource) => {
                let text = self.read("/proc/self/limits")?;
                procfs::limits(&String::from_utf8_lossy(&text), *resource).map(Answer::Limits)
            }
            Question::UsableCpus => {
                procfs::cpus(&|path| self.read(path), &|path| self.list(path)).map(Answer::UsableCpus)
            }
            Question::Sockets => procfs::sockets(&|path| self.read(path)).map(Answer::Sockets),
            Question::Holders(of) => holders::of_files(self, of).map(Answer::Holders),
            Question::Processes => {
                procfs::processes(&|path| self.read(path), &|path| self.list(path)).map(Answer::Processes)
            }
            Question::Interfaces => Err(not_in_files("network interfaces")),
            Question::Batteries => Err(not_in_files("batteries")),
            Question::LowPowerMode => Err(not_in_files("a low-power mode")),
            Question::Clock => Err(not_in_files("a clock")),
            Question::ClockCost => Err(not_in_files("what reading the clock takes")),
            // statfs would tell of the file system that the tree was copied to.
            Question::Filesystem(_) => Err(not_in_files("file systems")),
        }
    }

    fn environment(&self, _name: &str) -> Option<String> {
        None
    }

    fn now(&self) -> i64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    fn pause(&self, _duration: Duration) {
        // Files do not change by themselves.
    }

    fn process_directory(&self) -> &'static str {
        "/proc/self"
    }
}

impl WritableSystem for RootedSystem {
    /// Writes the file as the kernel would show it: in a bracketed choice the bracket moves.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        let real = self.resolve(path)?;
        let old = String::from_utf8(self.read(path)?).map_err(|_| Failure::NotText)?;
        let word = String::from_utf8_lossy(bytes).trim().to_owned();
        let bracketed = old.split_ascii_whitespace().count() > 1 && old.contains('[');
        let new = if bracketed {
            let shown = |old: &str| {
                let bare = old.trim_matches(['[', ']']);
                if bare == word {
                    format!("[{bare}]")
                } else {
                    bare.to_owned()
                }
            };
            old.split_ascii_whitespace().map(shown).collect::<Vec<_>>().join(" ")
        } else {
            word
        };
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_NOCTTY)
            .open(&real)
            .map_err(|error| Failure::of_io(&error))?;
        file.write_all(format!("{new}\n").as_bytes())
            .map_err(|error| Failure::of_io(&error))
    }

    fn limits_of(&self, _process: Process, _resource: Resource) -> Result<Limits, Failure> {
        Err(Failure::Absent)
    }

    fn set_limits_of(&self, _process: Process, _resource: Resource, _limits: Limits) -> Result<(), Failure> {
        Err(Failure::Absent)
    }

    fn set_swap(&self, _device: &str, _priority: Option<i32>) -> Result<(), Failure> {
        Err(Failure::Absent)
    }

    fn space(&self) -> Space {
        Space::files()
    }

    fn is_gone(&self, _path: &str) -> bool {
        // In a tree a file that is not there is not there.
        true
    }
}
