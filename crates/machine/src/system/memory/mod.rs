//! A host in memory, with faults to inject: a public stand-in for tests of everything that asks a [`System`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

mod write;

pub use write::Reaction;

use super::question::not_asked;
use super::steps::Steps;
use super::{
    Answer, ClockCost, ClockState, Failure, FileKind, Filesystem, Identity, Interface, Limits, Os, Platform,
    ProcessTime, Question, Resource, Sockets, Space, Stat, SysctlName, System,
};
use crate::failure::Why;
use crate::value::Number;

/// What goes wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Every read fails with this errno.
    Errno(i32),
    /// It is there for so many reads, and then gone.
    VanishesAfter(u32),
    /// Reads end after so many bytes, as a first read of 32 bytes would see it.
    ShortRead(usize),
    /// After so many reads it holds another text.
    ChangesTo(String, u32),
}

/// A host in memory.
#[derive(Debug)]
pub struct MemorySystem {
    platform: Platform,
    identity: Identity,
    files: BTreeMap<String, Vec<Vec<u8>>>,
    links: BTreeMap<String, String>,
    modes: BTreeMap<String, u32>,
    sysctls: BTreeMap<String, String>,
    limits: BTreeMap<Resource, Limits>,
    filesystems: BTreeMap<String, Filesystem>,
    /// One after the other; the last one stays.
    answers: RefCell<BTreeMap<Question, Vec<Result<Answer, Failure>>>>,
    environment: BTreeMap<String, String>,
    now: i64,
    faults: BTreeMap<String, Fault>,
    reads: RefCell<BTreeMap<String, u32>>,
    pauses: Cell<u32>,
    /// What was written since.
    written: RefCell<BTreeMap<String, Vec<u8>>>,
    set: RefCell<BTreeMap<Resource, Limits>>,
    reactions: BTreeMap<String, Vec<Reaction>>,
    steps: Steps,
    space: Option<Space>,
}

impl Default for MemorySystem {
    fn default() -> Self {
        Self::linux("6.1.0")
    }
}

impl MemorySystem {
    /// A Linux host with nothing on it.
    #[must_use]
    pub fn linux(release: &str) -> Self {
        Self::on(Os::Linux, release)
    }

    /// A host with nothing on it.
    #[must_use]
    pub fn on(os: Os, release: &str) -> Self {
        let platform = Platform {
            os,
            release: Some(release.to_owned()),
            arch: Some("x86_64".to_owned()),
            hostname: "memory".to_owned(),
            page_size: Some(4096),
            ticks_per_second: 100,
        };
        Self {
            platform,
            identity: Identity {
                pid: 1000,
                uid: 0,
                gid: 0,
                capabilities: u64::MAX >> 23,
            },
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            modes: BTreeMap::new(),
            sysctls: BTreeMap::new(),
            limits: BTreeMap::new(),
            filesystems: BTreeMap::new(),
            answers: RefCell::new(BTreeMap::from([
                (Question::Sockets, vec![Ok(Answer::Sockets(Sockets::default()))]),
                (Question::Processes, vec![Ok(Answer::Processes(Vec::new()))]),
                (Question::UsableCpus, vec![Ok(Answer::UsableCpus(2))]),
                (Question::LowPowerMode, vec![Err(Failure::Absent)]),
            ])),
            environment: BTreeMap::new(),
            now: 1_800_000_000,
            faults: BTreeMap::new(),
            reads: RefCell::default(),
            pauses: Cell::new(0),
            written: RefCell::default(),
            set: RefCell::default(),
            reactions: BTreeMap::new(),
            steps: Steps::default(),
            space: None,
        }
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        self.samples(path, &[text])
    }

    /// Adds a file whose reads give these texts one after the other; the last one stays.
    #[must_use]
    pub fn samples(mut self, path: &str, texts: &[&str]) -> Self {
        self.files.insert(
            path.to_owned(),
            texts.iter().map(|text| text.as_bytes().to_vec()).collect(),
        );
        self
    }

    /// Adds a file of any bytes.
    #[must_use]
    pub fn bytes(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.insert(path.to_owned(), vec![bytes.to_vec()]);
        self
    }

    /// Adds a symbolic link. Paths below it are found below its target.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.links.insert(path.to_owned(), target.to_owned());
        self
    }

    /// Gives a file permission bits other than 0644.
    #[must_use]
    pub fn mode(mut self, path: &str, mode: u32) -> Self {
        self.modes.insert(path.to_owned(), mode);
        self
    }

    /// Adds a sysctl; on Linux it is a file under `/proc/sys`.
    #[must_use]
    pub fn sysctl(mut self, name: &str, text: &str) -> Self {
        if self.platform.os == Os::Linux {
            let path = SysctlName::parse(name)
                .map(|name| name.path().to_owned())
                .unwrap_or_default();
            return self.file(&format!("/proc/sys/{path}"), &format!("{text}\n"));
        }
        self.sysctls.insert(name.to_owned(), text.to_owned());
        self
    }

    /// Sets a limit.
    #[must_use]
    pub fn limit(mut self, resource: Resource, soft: impl Into<Number>, hard: impl Into<Number>) -> Self {
        self.limits.insert(
            resource,
            Limits {
                soft: soft.into(),
                hard: hard.into(),
            },
        );
        self
    }

    /// Sets the machine.
    #[must_use]
    pub fn arch(mut self, arch: &str) -> Self {
        self.platform.arch = Some(arch.to_owned());
        self
    }

    /// Sets who asks.
    #[must_use]
    pub fn user(mut self, uid: u32, capabilities: u64) -> Self {
        self.identity.uid = uid;
        self.identity.gid = uid;
        self.identity.capabilities = capabilities;
        self
    }

    /// Adds a file system that is mounted at a path.
    #[must_use]
    pub fn filesystem(mut self, path: &str, filesystem: Filesystem) -> Self {
        self.filesystems.insert(path.to_owned(), filesystem);
        self
    }

    /// Answers a question.
    #[must_use]
    pub fn answer(self, question: Question, answer: Result<Answer, Failure>) -> Self {
        self.answers.borrow_mut().insert(question, vec![answer]);
        self
    }

    /// Sets the sockets.
    #[must_use]
    pub fn sockets(self, sockets: Result<Sockets, Failure>) -> Self {
        self.answer(Question::Sockets, sockets.map(Answer::Sockets))
    }

    /// Sets the network interfaces.
    #[must_use]
    pub fn interfaces(self, interfaces: Result<Vec<Interface>, Failure>) -> Self {
        self.answer(Question::Interfaces, interfaces.map(Answer::Interfaces))
    }

    /// Sets the processes: what the first look sees, what the second, and so on.
    #[must_use]
    pub fn processes(self, samples: Vec<Vec<ProcessTime>>) -> Self {
        let answers = samples
            .into_iter()
            .map(|sample| Ok(Answer::Processes(sample)))
            .collect();
        self.answers.borrow_mut().insert(Question::Processes, answers);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Says whether the machine saves energy; where nothing is said it cannot.
    #[must_use]
    pub fn low_power(self, on: bool) -> Self {
        self.answer(Question::LowPowerMode, Ok(Answer::LowPowerMode(on)))
    }

    /// Sets the number of usable processors.
    #[must_use]
    pub fn cpus(self, cpus: u32) -> Self {
        self.answer(Question::UsableCpus, Ok(Answer::UsableCpus(cpus)))
    }

    /// Sets what the kernel knows of its clock's error.
    #[must_use]
    pub fn clock(self, state: Result<ClockState, Failure>) -> Self {
        self.answer(Question::Clock, state.map(Answer::Clock))
    }

    /// Sets what reading the clock takes.
    #[must_use]
    pub fn clock_cost(self, cost: Result<ClockCost, Failure>) -> Self {
        self.answer(Question::ClockCost, cost.map(Answer::ClockCost))
    }

    /// Sets the time.
    #[must_use]
    pub fn now(mut self, now: i64) -> Self {
        self.now = now;
        self
    }

    /// Makes something go wrong with a file.
    #[must_use]
    pub fn fault(mut self, path: &str, fault: Fault) -> Self {
        self.faults.insert(path.to_owned(), fault);
        self
    }

    /// Every file that there is.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// How often it was waited.
    #[must_use]
    pub fn pauses(&self) -> u32 {
        self.pauses.get()
    }

    /// The path with every link in it followed.
    fn resolve(&self, path: &str) -> String {
        let mut path = path.to_owned();
        for _ in 0..8 {
            let link = self.links.iter().rev().find(|(link, _)| {
                path == **link
                    || path
                        .strip_prefix(link.as_str())
                        .is_some_and(|rest| rest.starts_with('/'))
            });
            let Some((link, target)) = link else { break };
            let rest = &path[link.len()..];
            let base = if target.starts_with('/') {
                target.clone()
            } else {
                normalize(&format!(
                    "{}/{target}",
                    link.rsplit_once('/').map_or("", |(parent, _)| parent)
                ))
            };
            path = format!("{base}{rest}");
        }
        path
    }

    fn mounted_at(&self, path: &str) -> Option<Filesystem> {
        let holds = |mount: &str| {
            path == mount || mount == "/" || path.strip_prefix(mount).is_some_and(|rest| rest.starts_with('/'))
        };
        let held = self.filesystems.iter().filter(|(mount, _)| holds(mount));
        held.max_by_key(|(mount, _)| mount.len())
            .map(|(_, filesystem)| filesystem.clone())
    }

    /// What it means that something is not there. A file system of which nothing was said is not mounted.
    fn absent(&self, path: &str) -> Failure {
        let below = |root: &str| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut roots = ["/proc", "/sys"].into_iter();
        match roots.find(|root| below(root) && !self.is_directory(root)) {
            Some(root) if self.platform.os == Os::Linux => Failure::CannotTell(Why::NotMounted(root)),
            _ => Failure::Absent,
        }
    }

    fn is_directory(&self, path: &str) -> bool {
        // The root is a directory like others, whose name ends where the slash begins.
        let path = path.trim_end_matches('/');
        let below = |known: &String| known.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        self.files.keys().any(below) || self.links.keys().any(below)
    }
}

/// Takes `..` out of a path.
fn normalize(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    format!("/{}", parts.join("/"))
}

impl System for MemorySystem {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let path = self.resolve(path);
        let count = {
            let mut reads = self.reads.borrow_mut();
            let count = reads.entry(path.clone()).or_default();
            *count += 1;
            *count - 1
        };
        let fault = self.faults.get(&path);
        if let Some(Fault::Errno(errno)) = fault {
            return Err(match *errno {
                libc::ENOENT | libc::ENOTDIR => Failure::Absent,
                libc::EACCES | libc::EPERM => Failure::Denied(*errno),
                other => Failure::Io(other),
            });
        }
        let texts = match self.files.get(&path) {
            Some(texts) => texts,
            None if self.is_directory(&path) => return Err(Failure::Io(libc::EISDIR)),
            None => return Err(self.absent(&path)),
        };
        let at = (count as usize).min(texts.len().saturating_sub(1));
        let written = self.written.borrow().get(&path).cloned();
        let bytes = written.unwrap_or_else(|| texts.get(at).cloned().unwrap_or_default());
        if self.modes.get(&path).is_some_and(|mode| mode & 0o444 == 0) {
            return Err(Failure::WriteOnly);
        }
        match fault {
            Some(Fault::VanishesAfter(reads)) if count >= *reads => Err(Failure::Absent),
            Some(Fault::ShortRead(length)) => Ok(bytes[..bytes.len().min(*length)].to_vec()),
            Some(Fault::ChangesTo(text, reads)) if count >= *reads => Ok(text.as_bytes().to_vec()),
            _ => Ok(bytes),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        let path = self.resolve(path);
        if let Some(Fault::Errno(errno)) = self.faults.get(&path) {
            return Err(if *errno == libc::ENOENT {
                Failure::Absent
            } else {
                Failure::Denied(*errno)
            });
        }
        let mut names: Vec<String> = self
            .files
            .keys()
            .chain(self.links.keys())
            .filter_map(|known| {
                known
                    .strip_prefix(path.as_str())?
                    .strip_prefix('/')?
                    .split('/')
                    .next()
                    .map(str::to_owned)
            })
            .collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            Err(self.absent(&path))
        } else {
            Ok(names)
        }
    }

    fn stat(&self, path: &str) -> Result<Stat, Failure> {
        let path = self.resolve(path);
        let kind = if self.files.contains_key(&path) {
            FileKind::File
        } else if self.is_directory(&path) {
            FileKind::Directory
        } else {
            return Err(self.absent(&path));
        };
        let usual = if kind == FileKind::Directory { 0o755 } else { 0o644 };
        Ok(Stat {
            kind,
            mode: self.modes.get(&path).copied().unwrap_or(usual),
            uid: 0,
            gid: 0,
            inode: 1,
        })
    }

    fn read_link(&self, path: &str) -> Result<String, Failure> {
        self.links.get(path).cloned().ok_or_else(|| self.absent(path))
    }

    fn sysctl(&self, name: &str) -> Result<String, Failure> {
        if self.platform.os != Os::Linux {
            return self.sysctls.get(name).cloned().ok_or(Failure::Absent);
        }
        let name = SysctlName::parse(name).map_err(|_| Failure::OutsideTree)?;
        let mut bytes = self.read(&format!("/proc/sys/{}", name.path()))?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        String::from_utf8(bytes).map_err(|_| Failure::NotText)
    }

    fn ask(&self, question: &Question) -> Result<Answer, Failure> {
        match question {
            Question::Limits(resource) => self.limit_now(*resource).map(Answer::Limits).ok_or(Failure::Absent),
            Question::Filesystem(path) => self.mounted_at(path).map(Answer::Filesystem).ok_or(Failure::Absent),
            _ => {
                let mut answers = self.answers.borrow_mut();
                let Some(answers) = answers.get_mut(question) else {
                    return Err(not_asked(question));
                };
                match answers.len() {
                    0 => Err(not_asked(question)),
                    1 => answers[0].clone(),
                    _ => answers.remove(0),
                }
            }
        }
    }

    fn environment(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn now(&self) -> i64 {
        self.now
    }

    fn pause(&self, _duration: Duration) {
        self.pauses.set(self.pauses.get() + 1);
    }

    fn process_directory(&self) -> &'static str {
        "/proc/self"
    }
}
