//! Linux.

#![allow(unsafe_code, reason = "system calls that no crate of ours wraps")]
#![allow(clippy::disallowed_methods, reason = "this is where the machine is touched")]

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::fcntl::AT_FDCWD;

use super::kept::Kept;
use super::tree::{Tree, errno, read_once};
use super::{ProcessError, clock, interfaces, missing, sock_diag};
use crate::files::{self, Links};
use crate::system::capability;
use crate::system::question::not_asked;
use crate::system::reread::Reread;
use crate::system::{
    Answer, Endpoint, Failure, Held, Identity, Interface, Limits, Os, Platform, Question, Resource, Sockets, Stat,
    SysctlName, System, filesystem, holders, procfs,
};
use crate::value::Number;

/// The machine that this process runs on.
pub struct LiveSystem {
    platform: Platform,
    pub(super) proc_sys: Tree,
    pub(super) sys: Tree,
    target: Option<Target>,
    /// What single reads go to; clearing a page for each of a hundred keys would take as long as a tenth of the check.
    buffer: RefCell<Box<[u8; 4096]>>,
}

/// Another process, which `--pid` names.
struct Target {
    pid: u32,
    directory: String,
    /// Where the kernel has pidfds; it is readable once the process has ended.
    pidfd: Option<OwnedFd>,
    /// Clock ticks after boot: tells it from a later process with its number.
    start: u64,
    /// The errno of entering its namespaces, if that failed.
    network: Result<(), i32>,
    ipc: Result<(), i32>,
}

impl Default for LiveSystem {
    fn default() -> Self {
        Self::new()
    }
}

impl LiveSystem {
    /// This machine, as this process sees it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            platform: platform(),
            proc_sys: Tree::new(c"/proc/sys"),
            sys: Tree::new(c"/sys"),
            target: None,
            buffer: RefCell::new(Box::new([0; 4096])),
        }
    }

    /// This machine, as another process sees it. This process enters that one's network and IPC namespaces: the values of their
    /// keys are those of whoever opens the file.
    ///
    /// # Errors
    /// There is no such process, or it ended meanwhile.
    pub fn for_process(pid: u32) -> Result<Self, ProcessError> {
        let directory = format!("/proc/{pid}");
        let start = start_time(&directory).ok_or(ProcessError::NoSuchProcess)?;
        let pidfd = open_pidfd(pid);
        let network = enter(&directory, "net", libc::CLONE_NEWNET);
        let ipc = enter(&directory, "ipc", libc::CLONE_NEWIPC);
        // Between the first look and the last one it must have been the same process.
        if start_time(&directory) != Some(start) {
            return Err(ProcessError::Recycled);
        }
        let target = Target {
            pid,
            directory,
            pidfd,
            start,
            network,
            ipc,
        };
        Ok(Self {
            target: Some(target),
            ..Self::new()
        })
    }

    /// Reads a file below a tree with one read; sysctl handlers return end-of-file to the second.
    fn read_tree(&self, tree: &Tree, name: &str) -> Result<Vec<u8>, Failure> {
        let mut buffer = self.buffer.borrow_mut();
        let fd = open_to_read(tree, name)?;
        let count = read_once(&fd, buffer.as_mut_slice()).map_err(Failure::of)?;
        if count < buffer.len() {
            return Ok(buffer[..count].to_vec());
        }
        drop(fd);
        // It was full, so there may be more: open it again with more room, until there is some left.
        let mut size = 64 * 1024;
        loop {
            let mut buffer = vec![0_u8; size];
            let fd = open_to_read(tree, name)?;
            let count = read_once(&fd, &mut buffer).map_err(Failure::of)?;
            if count < size || size >= crate::most::KERNEL_FILE {
                buffer.truncate(count);
                return Ok(buffer);
            }
            size *= 4;
        }
    }

    /// Whether `/sys/class/net` is of the network namespace whose interfaces these are: who mounted `/sys` decides.
    fn sys_shows(&self, found: &[interfaces::Found]) -> bool {
        let text = |name: &str, file: &str| {
            let bytes = self.read(&format!("/sys/class/net/{name}/{file}")).ok()?;
            Some(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        // Not every name there is an interface: `bonding_masters` is a file.
        let names = self.list("/sys/class/net").unwrap_or_default();
        let shown = names.iter().filter(|name| text(name, "ifindex").is_some()).count();
        shown == found.len()
            && found.iter().all(|found| {
                let name = &found.interface.name;
                text(name, "ifindex") == Some(found.index.to_string())
                    && text(name, "address").is_some_and(|address| address == found.address)
            })
    }

    /// Whether the namespace that a key belongs to is the one that is looked at.
    pub(super) fn reachable(&self, name: &str) -> Result<(), Failure> {
        let Some(target) = &self.target else { return Ok(()) };
        let entered = if name.starts_with("net/") {
            target.network
        } else if is_ipc_key(name) {
            target.ipc
        } else if let Some(namespace) = other_namespace(name) {
            // Nobody enters these; what is seen here is this process's own.
            let inode = |directory: &str| self.stat(&format!("{directory}/ns/{namespace}")).map(|stat| stat.inode);
            match (inode(&target.directory), inode("/proc/self")) {
                (Ok(theirs), Ok(ours)) if theirs == ours => Ok(()),
                _ => Err(libc::EPERM),
            }
        } else {
            Ok(())
        };
        entered.map_err(Failure::of)
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, Failure> {
        if let Some(name) = path.strip_prefix("/proc/sys/") {
            self.reachable(name)?;
            return self.read_tree(&self.proc_sys, name);
        }
        // A list of processes comes in several reads, each of a page.
        if let Some(name) = path
            .strip_prefix("/sys/")
            .filter(|name| !name.ends_with("/cgroup.procs"))
        {
            return self.read_tree(&self.sys, name);
        }
        Ok(files::read(path, crate::most::MACHINE)?)
    }

    /// Opens a file that is read again from its start; `None` where each reading needs a file of its own: sysctl handlers answer once.
    pub(super) fn open_file(&self, path: &str) -> Result<Option<File>, Failure> {
        if path.starts_with("/proc/sys/") {
            return Ok(None);
        }
        let opened = match path.strip_prefix("/sys/") {
            Some(name) => open_to_read(&self.sys, name).map(File::from),
            None => files::open_at(AT_FDCWD, Path::new(path), Links::Followed)
                .map(|(file, _)| file)
                .map_err(Failure::from),
        };
        missing::explained(path, opened).map(Some)
    }

    fn limits_of_process(&self, resource: Resource) -> Result<Limits, Failure> {
        let number_of = raw(resource)?;
        let mut limits = std::mem::MaybeUninit::<libc::rlimit64>::uninit();
        let pid = match &self.target {
            Some(target) => {
                still_there(target)?;
                target.pid.cast_signed()
            }
            None => 0,
        };
        // SAFETY: with no new limits nothing is changed, and the kernel fills the structure where it answers 0.
        let limits = unsafe {
            if libc::prlimit64(pid, number_of, std::ptr::null(), limits.as_mut_ptr()) == 0 {
                Ok(limits.assume_init())
            } else {
                Err(errno())
            }
        };
        match limits {
            Ok(limits) => Ok(Limits {
                soft: number(limits.rlim_cur),
                hard: number(limits.rlim_max),
            }),
            // A seccomp profile may deny prlimit, and another user's process may be closed to it; the table in /proc is not.
            Err(libc::EPERM | libc::ENOSYS | libc::EACCES) => {
                let text = self.read(&format!("{}/limits", self.process_directory()))?;
                procfs::limits(&String::from_utf8_lossy(&text), resource)
            }
            Err(libc::ESRCH) => Err(Failure::Absent),
            Err(errno) => Err(Failure::of(errno)),
        }
    }

    fn affinity(&self) -> Result<u32, Failure> {
        let pid = self.target.as_ref().map_or(0, |target| target.pid.cast_signed());
        let mut mask = vec![0_u64; 16];
        loop {
            let size = mask.len() * 8;
            // SAFETY: the buffer is valid for `size` bytes; the kernel writes at most that many and says how many.
            let count = unsafe { libc::syscall(libc::SYS_sched_getaffinity, pid, size, mask.as_mut_ptr()) };
            if count > 0 {
                return Ok(mask.iter().map(|word| word.count_ones()).sum());
            }
            match errno() {
                // The machine has more processors than the mask has room for.
                libc::EINVAL if mask.len() < crate::most::PROCESSOR_WORDS => mask.resize(mask.len() * 4, 0),
                other => return Err(Failure::of(other)),
            }
        }
    }

    fn own_sockets(&self) -> Result<Sockets, Failure> {
        if let Some(target) = &self.target {
            target.network.map_err(Failure::of)?;
        }
        match sock_diag::sockets() {
            Ok(sockets) => Ok(sockets),
            // No such netlink family, or a seccomp profile: the tables in /proc say most of it.
            Err(_) => procfs::sockets(&|path| self.read(path)),
        }
    }

    fn holders(&self, of: &Endpoint) -> Result<Vec<Held>, Failure> {
        if let Some(target) = &self.target {
            target.network.map_err(Failure::of)?;
        }
        match sock_diag::listeners(of) {
            Ok(sockets) => holders::of_sockets(self, sockets),
            Err(_) => holders::of_files(self, of),
        }
    }

    fn own_interfaces(&self) -> Result<Vec<Interface>, Failure> {
        if let Some(target) = &self.target {
            target.network.map_err(Failure::of)?;
        }
        let found = interfaces::interfaces().map_err(Failure::of)?;
        let in_sys = self.sys_shows(&found);
        let interfaces = found.into_iter().map(|found| Interface {
            in_sys,
            ..found.interface
        });
        Ok(interfaces.collect())
    }
}

/// Keys of the IPC namespace.
fn is_ipc_key(name: &str) -> bool {
    ["kernel/shm", "kernel/msg", "kernel/sem", "fs/mqueue/"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// The namespace of keys that belong to neither the network, IPC nor the host.
fn other_namespace(name: &str) -> Option<&'static str> {
    match name {
        "kernel/hostname" | "kernel/domainname" => Some("uts"),
        "kernel/ns_last_pid" | "kernel/pid_max" => Some("pid"),
        _ if name.starts_with("user/") => Some("user"),
        _ => None,
    }
}

fn open_to_read(tree: &Tree, name: &str) -> Result<OwnedFd, Failure> {
    match tree.open(name, libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY) {
        Err(Failure::Denied(errno)) => {
            // Nobody may read a file that has no read bit at all, root neither: it is there to be written.
            let write_only = tree
                .open(name, libc::O_PATH)
                .is_ok_and(|fd| mode_of(&fd).is_some_and(|mode| mode & 0o444 == 0));
            Err(if write_only {
                Failure::WriteOnly
            } else {
                Failure::Denied(errno)
            })
        }
        other => other,
    }
}

fn mode_of(fd: &OwnedFd) -> Option<u32> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the descriptor is open, and the kernel fills the structure where it answers 0.
    unsafe {
        if libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()) == 0 {
            Some(stat.assume_init().st_mode)
        } else {
            None
        }
    }
}

impl System for LiveSystem {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn identity(&self) -> Identity {
        // SAFETY: these cannot fail.
        let (pid, uid, gid) = unsafe { (libc::getpid(), libc::geteuid(), libc::getegid()) };
        Identity {
            pid: pid.cast_unsigned(),
            uid,
            gid,
            capabilities: capability::get().map_or(0, |sets| sets.effective),
        }
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let bytes = missing::explained(path, self.read_file(path))?;
        // An empty file that is not the kernel's was laid over one that is.
        if bytes.is_empty() {
            missing::why_blank(path)?;
        }
        Ok(bytes)
    }

    fn open<'s>(&'s self, path: &str) -> Box<dyn Reread + 's> {
        Box::new(Kept {
            system: self,
            path: path.to_owned(),
            file: None,
        })
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        let names = missing::explained(path, filesystem::names(path))?;
        if names.is_empty() {
            missing::why_blank(path)?;
        }
        Ok(names)
    }

    fn stat(&self, path: &str) -> Result<Stat, Failure> {
        missing::explained(path, filesystem::stat(path))
    }

    fn read_link(&self, path: &str) -> Result<String, Failure> {
        missing::explained(path, filesystem::link(path))
    }

    fn sysctl(&self, name: &str) -> Result<String, Failure> {
        let mut buffer = [0_u8; 1024];
        // The tree checks the path's form once more when it opens it.
        let path = SysctlName::path_into(name, &mut buffer).ok_or(Failure::OutsideTree)?;
        self.reachable(path)?;
        let mut bytes = match self.read_tree(&self.proc_sys, path) {
            Err(Failure::Absent) => return Err(missing::why(&format!("/proc/sys/{path}"))),
            other => other?,
        };
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        String::from_utf8(bytes).map_err(|_| Failure::NotText)
    }

    fn ask(&self, question: &Question) -> Result<Answer, Failure> {
        match question {
            Question::Limits(resource) => self.limits_of_process(*resource).map(Answer::Limits),
            Question::UsableCpus => self.affinity().map(Answer::UsableCpus),
            Question::Sockets => self.own_sockets().map(Answer::Sockets),
            Question::Holders(of) => self.holders(of).map(Answer::Holders),
            Question::Interfaces => self.own_interfaces().map(Answer::Interfaces),
            Question::Processes => {
                procfs::processes(&|path| self.read(path), &|path| self.list(path)).map(Answer::Processes)
            }
            // Files tell of batteries, and no kernel has such a mode.
            Question::Batteries => Err(not_asked(question)),
            Question::LowPowerMode => Err(Failure::Absent),
            Question::Clock => clock::state().map(Answer::Clock),
            Question::ClockCost => clock::cost().map(Answer::ClockCost),
            Question::Filesystem(path) => filesystem::of(path).map(Answer::Filesystem),
        }
    }

    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn now(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
        }
    }

    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn process_directory(&self) -> &str {
        self.target
            .as_ref()
            .map_or("/proc/self", |target| target.directory.as_str())
    }
}

fn still_there(target: &Target) -> Result<(), Failure> {
    if let Some(pidfd) = &target.pidfd {
        let mut poll = libc::pollfd {
            fd: pidfd.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one valid structure, and no waiting.
        if unsafe { libc::poll(&raw mut poll, 1, 0) } == 1 {
            return Err(Failure::Absent);
        }
    }
    if start_time(&target.directory) == Some(target.start) {
        Ok(())
    } else {
        Err(Failure::Absent)
    }
}

/// The 22nd field of `/proc/PID/stat`.
fn start_time(directory: &str) -> Option<u64> {
    let text = std::fs::read(format!("{directory}/stat")).ok()?;
    procfs::after_name(&text)?
        .split(|byte| *byte == b' ')
        .nth(19)
        .and_then(|field| std::str::from_utf8(field).ok()?.parse().ok())
}

fn open_pidfd(pid: u32) -> Option<OwnedFd> {
    // SAFETY: no memory is passed; the result is a new descriptor or -1.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        i32::try_from(fd)
            .ok()
            .filter(|fd| *fd >= 0)
            .map(|fd| OwnedFd::from_raw_fd(fd))
    }
}

/// Enters a namespace of a process, if it is another than ours.
fn enter(directory: &str, name: &str, kind: i32) -> Result<(), i32> {
    let theirs = format!("{directory}/ns/{name}");
    let inode = |path: &str| std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    let errno_of = |error: std::io::Error| error.raw_os_error().unwrap_or(libc::EIO);
    if inode(&theirs).map_err(errno_of)? == inode(&format!("/proc/self/ns/{name}")).map_err(errno_of)? {
        return Ok(());
    }
    let file = std::fs::File::open(&theirs).map_err(errno_of)?;
    // SAFETY: the descriptor is open; only namespaces of this thread change.
    if unsafe { libc::setns(file.as_raw_fd(), kind) } == 0 {
        Ok(())
    } else {
        Err(errno())
    }
}

pub(super) fn number(limit: u64) -> Number {
    if limit == libc::RLIM64_INFINITY {
        Number::Unlimited
    } else {
        Number::Finite(i128::from(limit))
    }
}

#[cfg(target_env = "gnu")]
type RawResource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type RawResource = libc::c_int;

/// A resource's number as this C library's prlimit takes it.
#[allow(clippy::useless_conversion, reason = "the number is signed but with glibc")]
pub(super) fn raw(resource: Resource) -> Result<RawResource, Failure> {
    let number = resource.number().ok_or(Failure::Absent)?;
    RawResource::try_from(number).map_err(|_| Failure::Absent)
}

fn platform() -> Platform {
    let mut name = std::mem::MaybeUninit::<libc::utsname>::uninit();
    // SAFETY: the kernel fills the structure where it answers 0, with NUL-terminated texts.
    let name = unsafe {
        if libc::uname(name.as_mut_ptr()) == 0 {
            Some(name.assume_init())
        } else {
            None
        }
    };
    let text = |field: &[libc::c_char]| -> String {
        let bytes: Vec<u8> = field
            .iter()
            .take_while(|c| **c != 0)
            .map(|c| c.cast_unsigned_byte())
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    // Where the call is refused, files say the same.
    let said = |field: Option<String>, file: &str| field.or_else(|| kernel_text(file));
    // SAFETY: sysconf only answers.
    let (page, ticks) = unsafe { (libc::sysconf(libc::_SC_PAGESIZE), libc::sysconf(libc::_SC_CLK_TCK)) };
    Platform {
        os: Os::Linux,
        release: said(name.as_ref().map(|name| text(&name.release)), "osrelease"),
        arch: said(name.as_ref().map(|name| text(&name.machine)), "arch"),
        hostname: said(name.as_ref().map(|name| text(&name.nodename)), "hostname").unwrap_or_default(),
        page_size: u32::try_from(page).ok(),
        ticks_per_second: u32::try_from(ticks).unwrap_or(100),
    }
}

/// A text of `/proc/sys/kernel`, read at once.
fn kernel_text(name: &str) -> Option<String> {
    let mut buffer = [0_u8; 256];
    let mut file = std::fs::File::open(format!("/proc/sys/kernel/{name}")).ok()?;
    let count = file.read(&mut buffer).ok()?;
    let text = std::str::from_utf8(buffer.get(..count)?).ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `c_char` is signed on some machines and unsigned on others.
trait Byte {
    fn cast_unsigned_byte(self) -> u8;
}

impl Byte for i8 {
    fn cast_unsigned_byte(self) -> u8 {
        self.cast_unsigned()
    }
}

impl Byte for u8 {
    fn cast_unsigned_byte(self) -> u8 {
        self
    }
}
