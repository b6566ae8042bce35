//! Reading below `/proc/sys` and `/sys`, and never beside them.

#![allow(unsafe_code, reason = "openat2 and its fallback are raw system calls")]

use std::cell::{Cell, OnceCell};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::system::Failure;

/// A directory that names are resolved beneath.
pub(super) struct Tree {
    root: &'static CStr,
    directory: OnceCell<Result<OwnedFd, i32>>,
    /// The kernel, or a seccomp profile, refused openat2.
    plain: Cell<bool>,
}

impl Tree {
    pub(super) const fn new(root: &'static CStr) -> Self {
        Self {
            root,
            directory: OnceCell::new(),
            plain: Cell::new(false),
        }
    }

    fn directory(&self) -> Result<RawFd, i32> {
        let opened = self.directory.get_or_init(|| {
            // SAFETY: the path is NUL-terminated; a descriptor that is returned is new and owned by nobody else.
            unsafe {
                match libc::open(self.root.as_ptr(), libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) {
                    -1 => Err(errno()),
                    fd => Ok(OwnedFd::from_raw_fd(fd)),
                }
            }
        });
        opened.as_ref().map(AsRawFd::as_raw_fd).map_err(|errno| *errno)
    }

    /// Opens a name below the directory. Links inside the tree are followed, magic ones and ways out are not.
    pub(super) fn open(&self, name: &str, flags: i32) -> Result<OwnedFd, Failure> {
        with_c_str(name, |path| {
            let directory = self.directory().map_err(Failure::of)?;
            if !self.plain.get() {
                let how = OpenHow {
                    flags: u64::from((flags | libc::O_CLOEXEC).cast_unsigned()),
                    mode: 0,
                    resolve: libc::RESOLVE_BENEATH | libc::RESOLVE_NO_MAGICLINKS,
                };
                // SAFETY: the path is NUL-terminated, `how` has the layout of the kernel's struct open_how and its size is
                // given, and the result is a new descriptor or -1.
                let fd = unsafe {
                    libc::syscall(
                        libc::SYS_openat2,
                        directory,
                        path.as_ptr(),
                        &raw const how,
                        size_of::<OpenHow>(),
                    )
                };
                if let Ok(fd) = RawFd::try_from(fd)
                    && fd >= 0
                {
                    // SAFETY: the call succeeded, so the descriptor is open and owned by nobody else.
                    return Ok(unsafe { OwnedFd::from_raw_fd(fd) });
                }
                match errno() {
                    // Old seccomp profiles answer EPERM to calls that they do not know; procfs and sysfs themselves say EPERM
                    // for a few files, and then the fallback says it again.
                    libc::ENOSYS | libc::EPERM => self.plain.set(true),
                    libc::EXDEV => return Err(Failure::OutsideTree),
                    other => return Err(Failure::of(other)),
                }
            }
            // SAFETY: the path is NUL-terminated and was checked to have no `..`; the result is a new descriptor or -1.
            let fd = unsafe { libc::openat(directory, path.as_ptr(), flags | libc::O_CLOEXEC) };
            if fd < 0 {
                return Err(Failure::of(errno()));
            }
            // SAFETY: the call succeeded, so the descriptor is open and owned by nobody else.
            Ok(unsafe { OwnedFd::from_raw_fd(fd) })
        })
    }
}

#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// Calls with a NUL-terminated copy of a relative name on the stack; refuses names that are none.
fn with_c_str<T>(name: &str, call: impl FnOnce(&CStr) -> Result<T, Failure>) -> Result<T, Failure> {
    let beneath =
        !name.is_empty() && !name.starts_with('/') && name.split('/').all(|part| !part.is_empty() && part != "..");
    if !beneath {
        return Err(Failure::OutsideTree);
    }
    let name = crate::text::to_bytes(name);
    let mut buffer = [0_u8; 1100];
    let Some(target) = buffer.get_mut(..name.len()) else {
        return Err(Failure::Io(libc::ENAMETOOLONG));
    };
    if name.len() >= 1099 {
        return Err(Failure::Io(libc::ENAMETOOLONG));
    }
    target.copy_from_slice(&name);
    match CStr::from_bytes_with_nul(&buffer[..=name.len()]) {
        Ok(path) => call(path),
        Err(_) => Err(Failure::OutsideTree),
    }
}

/// The errno of the last call of this thread.
pub(super) fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// One read(2). `Ok(None)` where the buffer was filled, so that there may be more.
pub(super) fn read_once(fd: &OwnedFd, buffer: &mut [u8]) -> Result<usize, i32> {
    loop {
        // SAFETY: the descriptor is open for the life of `fd`, and the buffer is valid for its length.
        let count = unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        if let Ok(count) = usize::try_from(count) {
            return Ok(count);
        }
        match errno() {
            libc::EINTR => {}
            other => return Err(other),
        }
    }
}
