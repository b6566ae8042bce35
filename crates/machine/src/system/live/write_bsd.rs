//! Changing a live macOS or FreeBSD machine: sysctls. Limits belong to processes and cannot be set from outside, and there is no
//! `/sys` and no swap to turn off.

use super::LiveSystem;
use super::platform::raw;
use crate::system::{Boot, Failure, Limits, Process, Resource, Space, System, WritableSystem};
use crate::value::Number;

impl WritableSystem for LiveSystem {
    fn write(&self, _path: &str, _bytes: &[u8]) -> Result<(), Failure> {
        Err(Failure::Absent)
    }

    fn set_sysctl(&self, name: &str, text: &str) -> Result<(), Failure> {
        use sysctl::Sysctl;
        let failed = |error: sysctl::SysctlError| match error {
            sysctl::SysctlError::NotFound(_) => Failure::Absent,
            sysctl::SysctlError::NoWriteAccess => Failure::Denied(libc::EPERM),
            sysctl::SysctlError::IoError(error) => Failure::of_io(&error),
            _ => Failure::Io(libc::EIO),
        };
        let control = sysctl::Ctl::new(name).map_err(failed)?;
        control.set_value_string(text).map(|_| ()).map_err(failed)
    }

    fn limits_of(&self, process: Process, resource: Resource) -> Result<Limits, Failure> {
        if process.pid != self.identity().pid {
            return Err(Failure::Absent);
        }
        self.limits(resource)
    }

    fn set_limits_of(&self, process: Process, resource: Resource, limits: Limits) -> Result<(), Failure> {
        if process.pid != self.identity().pid {
            return Err(Failure::Absent);
        }
        let word = |number: Number| match number {
            Number::Unlimited => Ok(rlimit::INFINITY),
            Number::Finite(number) => u64::try_from(number).map_err(|_| Failure::Io(libc::EINVAL)),
        };
        let (soft, hard) = (word(limits.soft)?, word(limits.hard)?);
        raw(resource)
            .ok_or(Failure::Absent)?
            .set(soft, hard)
            .map_err(|error| Failure::of_io(&error))
    }

    fn set_swap(&self, _device: &str, _priority: Option<i32>) -> Result<(), Failure> {
        Err(Failure::Absent)
    }

    fn space(&self) -> Space {
        let boot = self
            .sysctl("kern.bootsessionuuid")
            .or_else(|_| self.sysctl("kern.boottime"));
        Space::of(match boot {
            Ok(boot) if !boot.is_empty() => Boot::Known(boot),
            Ok(_) => Boot::Unknown("kern.boottime is empty".to_owned()),
            Err(failure) => Boot::Unknown(format!("kern.boottime: {failure}")),
        })
    }

    fn is_gone(&self, _path: &str) -> bool {
        // There is nothing that one could mount over a sysctl here.
        true
    }
}
