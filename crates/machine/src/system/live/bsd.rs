//! macOS and FreeBSD: typed sysctls by the `sysctl` crate, and what the C library tells of the rest.

#![allow(unsafe_code, reason = "uname and sysconf are C calls")]
#![allow(clippy::disallowed_methods, reason = "this is where the machine is touched")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sysctl::Sysctl as _;

use super::ProcessError;
use crate::system::question::not_asked;
use crate::system::{Answer, Failure, Identity, Limits, Os, Platform, Question, Resource, Stat, System, filesystem};
use crate::value::Number;

/// The machine that this process runs on.
pub struct LiveSystem {
    platform: Platform,
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
        Self { platform: platform() }
    }

    /// There is no way to another process's limits here.
    ///
    /// # Errors
    /// Always.
    pub fn for_process(_pid: u32) -> Result<Self, ProcessError> {
        Err(ProcessError::Unsupported)
    }
}

impl System for LiveSystem {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn identity(&self) -> Identity {
        // SAFETY: these cannot fail.
        let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
        Identity {
            pid: std::process::id(),
            uid,
            gid,
            capabilities: 0,
        }
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        Ok(crate::files::read(path, crate::most::MACHINE)?)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        filesystem::names(path)
    }

    fn stat(&self, path: &str) -> Result<Stat, Failure> {
        filesystem::stat(path)
    }

    fn read_link(&self, path: &str) -> Result<String, Failure> {
        filesystem::link(path)
    }

    fn sysctl(&self, name: &str) -> Result<String, Failure> {
        let failed = |error: sysctl::SysctlError| match error {
            sysctl::SysctlError::NotFound(_) => Failure::Absent,
            sysctl::SysctlError::NoReadAccess => Failure::WriteOnly,
            sysctl::SysctlError::IoError(error) => Failure::of_io(&error),
            _ => Failure::Io(libc::EIO),
        };
        let control = sysctl::Ctl::new(name).map_err(failed)?;
        control.value_string().map_err(failed)
    }

    fn ask(&self, question: &Question) -> Result<Answer, Failure> {
        match question {
            Question::Limits(resource) => limits(*resource).map(Answer::Limits),
            Question::UsableCpus => {
                let cpus = std::thread::available_parallelism().map_err(|error| Failure::of_io(&error))?;
                Ok(Answer::UsableCpus(u32::try_from(cpus.get()).unwrap_or(u32::MAX)))
            }
            Question::Batteries => supply::batteries().map(Answer::Batteries),
            Question::LowPowerMode => supply::low_power_mode().map(Answer::LowPowerMode),
            Question::Filesystem(path) => filesystem::of(path).map(Answer::Filesystem),
            Question::Sockets
            | Question::Holders(_)
            | Question::Interfaces
            | Question::Processes
            | Question::Clock
            | Question::ClockCost => Err(not_asked(question)),
        }
    }

    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn now(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn process_directory(&self) -> &'static str {
        "/proc/self"
    }
}

/// This process's limits; there is no other one's to be had.
fn limits(resource: Resource) -> Result<Limits, Failure> {
    let resource = raw(resource).ok_or(Failure::Absent)?;
    let (soft, hard) = resource.get().map_err(|error| Failure::of_io(&error))?;
    let number = |limit: u64| {
        if limit >= rlimit::INFINITY {
            Number::Unlimited
        } else {
            Number::Finite(i128::from(limit))
        }
    };
    Ok(Limits {
        soft: number(soft),
        hard: number(hard),
    })
}

pub(super) fn raw(resource: Resource) -> Option<rlimit::Resource> {
    Some(match resource {
        Resource::As => rlimit::Resource::AS,
        Resource::Core => rlimit::Resource::CORE,
        Resource::Cpu => rlimit::Resource::CPU,
        Resource::Data => rlimit::Resource::DATA,
        Resource::Fsize => rlimit::Resource::FSIZE,
        Resource::Memlock => rlimit::Resource::MEMLOCK,
        Resource::Nofile => rlimit::Resource::NOFILE,
        Resource::Nproc => rlimit::Resource::NPROC,
        Resource::Rss => rlimit::Resource::RSS,
        Resource::Stack => rlimit::Resource::STACK,
        _ => return None,
    })
}

fn platform() -> Platform {
    let mut name = std::mem::MaybeUninit::<libc::utsname>::uninit();
    // SAFETY: the structure is filled where the answer is 0, with NUL-terminated texts.
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
            .map(|c| c.to_ne_bytes()[0])
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    // SAFETY: sysconf only answers.
    let (page, ticks) = unsafe { (libc::sysconf(libc::_SC_PAGESIZE), libc::sysconf(libc::_SC_CLK_TCK)) };
    Platform {
        os: if cfg!(target_os = "freebsd") {
            Os::Freebsd
        } else {
            Os::Macos
        },
        release: name.as_ref().map(|name| text(&name.release)),
        arch: name.as_ref().map(|name| text(&name.machine)),
        hostname: name.as_ref().map(|name| text(&name.nodename)).unwrap_or_default(),
        page_size: u32::try_from(page).ok(),
        ticks_per_second: u32::try_from(ticks).unwrap_or(100),
    }
}

/// The power supply of a Mac.
#[cfg(target_os = "macos")]
mod supply {
    use std::ffi::{c_char, c_void};

    use starship_battery::State;
    use starship_battery::units::ratio::percent;

    use crate::system::{Battery, Failure};

    pub(super) fn batteries() -> Result<Vec<Battery>, Failure> {
        let failed = |_| Failure::Io(libc::EIO);
        let manager = starship_battery::Manager::new().map_err(failed)?;
        let mut found = Vec::new();
        for battery in manager.batteries().map_err(failed)? {
            let battery = battery.map_err(failed)?;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a percentage")]
            let charge = battery.state_of_charge().get::<percent>().clamp(0.0, 100.0) as u8;
            // Empty is drained to the end; everything else that is not discharging is on mains.
            let discharging = matches!(battery.state(), State::Discharging | State::Empty);
            found.push(Battery { discharging, charge });
        }
        Ok(found)
    }

    #[link(name = "objc")]
    unsafe extern "C" {
        fn objc_getClass(name: *const c_char) -> *mut c_void;
        fn sel_registerName(name: *const c_char) -> *mut c_void;
        fn objc_msgSend();
    }

    #[link(name = "Foundation", kind = "framework")]
    unsafe extern "C" {}

    /// `[[NSProcessInfo processInfo] isLowPowerModeEnabled]`, which macOS 12 brought.
    pub(super) fn low_power_mode() -> Result<bool, Failure> {
        type Send<T> = unsafe extern "C" fn(*mut c_void, *mut c_void) -> T;
        type Ask = unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void) -> i8;
        // SAFETY: the names are NUL-terminated; objc_msgSend is called through the types of the methods that it finds, as the
        // Objective-C runtime asks for; a method that is not there is not called.
        unsafe {
            let object = std::mem::transmute::<unsafe extern "C" fn(), Send<*mut c_void>>(objc_msgSend);
            let boolean = std::mem::transmute::<unsafe extern "C" fn(), Send<i8>>(objc_msgSend);
            let ask = std::mem::transmute::<unsafe extern "C" fn(), Ask>(objc_msgSend);
            let class = objc_getClass(c"NSProcessInfo".as_ptr());
            if class.is_null() {
                return Err(Failure::Absent);
            }
            let info = object(class, sel_registerName(c"processInfo".as_ptr()));
            let method = sel_registerName(c"isLowPowerModeEnabled".as_ptr());
            if info.is_null() || ask(info, sel_registerName(c"respondsToSelector:".as_ptr()), method) == 0 {
                return Err(Failure::Absent);
            }
            Ok(boolean(info, method) != 0)
        }
    }
}

/// FreeBSD tells by sysctls: `hw.acpi.acline` is 1 on mains, `hw.acpi.battery.life` the charge.
#[cfg(not(target_os = "macos"))]
mod supply {
    use sysctl::Sysctl as _;

    use crate::system::{Battery, Failure};

    pub(super) fn batteries() -> Result<Vec<Battery>, Failure> {
        let number =
            |name: &str| -> Option<i64> { sysctl::Ctl::new(name).ok()?.value_string().ok()?.trim().parse().ok() };
        let (Some(line), Some(charge)) = (number("hw.acpi.acline"), number("hw.acpi.battery.life")) else {
            return Err(Failure::Absent);
        };
        // A machine without a battery reports a charge of -1.
        if charge < 0 {
            return Ok(Vec::new());
        }
        Ok(vec![Battery {
            discharging: line == 0,
            charge: u8::try_from(charge.min(100)).unwrap_or(0),
        }])
    }

    pub(super) fn low_power_mode() -> Result<bool, Failure> {
        Err(Failure::Absent)
    }
}
