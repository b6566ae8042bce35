//! The only place that touches the machine.
//!
//! Everything that runup learns of a host goes through [`System`], passed explicitly. Besides the live machine there are a
//! directory that stands for `/` ([`rooted`]), a host in memory with faults to inject ([`memory`]), and recordings
//! ([`crate::recording`]): what a live host answered, saved to a file and played back anywhere.

mod always;
mod answer;
pub mod capability;
mod filesystem;
mod holders;
pub mod live;
pub mod memory;
mod procfs;
mod question;
mod reread;
mod resource;
pub mod rooted;
mod space;
pub mod steps;
mod sysctl_name;
mod writable;

pub use crate::failure::{Failure, describe_errno};
pub use answer::{
    Battery, Channels, ClockCost, ClockState, Endpoint, FileKind, Filesystem, Held, Identity, Interface, Listener, Os,
    Platform, PortUse, ProcessTime, Sockets, Stat,
};
pub use capability::Capability;
pub use filesystem::has_access_list;
pub use procfs::{limits as row_of_limits, parent_and_start};
pub use question::{Answer, Question};
pub use reread::Reread;
pub use resource::{Limits, Resource};
pub use space::{Boot, NamespaceId, Same, Space};
pub use sysctl_name::{NameError, SysctlName};
pub use writable::{Process, WritableSystem, process_start, start_of};

use std::time::Duration;

/// A machine that can be asked.
///
/// Paths are absolute. A name that comes from a profile must have passed the form check of its kind before it gets here; the
/// live system checks again when it opens the file.
pub trait System {
    /// The platform. Cheap; never fails.
    fn platform(&self) -> &Platform;

    /// Who asks.
    fn identity(&self) -> Identity;

    /// The whole of a file. Files under `/proc/sys` are read with one `read(2)`.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn read(&self, path: &str) -> Result<Vec<u8>, Failure>;

    /// A file that is going to be read again and again. Nothing is opened before the first reading.
    fn open<'s>(&'s self, path: &str) -> Box<dyn Reread + 's> {
        Box::new(reread::ByPath {
            system: self,
            path: path.to_owned(),
        })
    }

    /// The names in a directory, sorted, without `.` and `..`.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn list(&self, path: &str) -> Result<Vec<String>, Failure>;

    /// What a path names, links followed.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn stat(&self, path: &str) -> Result<Stat, Failure>;

    /// The target of a symbolic link, as it is written in the link.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn read_link(&self, path: &str) -> Result<String, Failure>;

    /// The raw text of a sysctl, named in its canonical dotted form with `/` for a dot inside a segment
    /// (`net.ipv4.conf.eth0/100.rp_filter`), as sysctl(8) prints it but for the final newline.
    ///
    /// # Errors
    /// Any [`Failure`].
    fn sysctl(&self, name: &str) -> Result<String, Failure>;

    /// What no single file tells. The typed forms below are what callers use.
    ///
    /// # Errors
    /// Any [`Failure`]. [`Failure::Absent`] says that this machine is known to have no such thing.
    fn ask(&self, question: &Question) -> Result<Answer, Failure>;

    question::typed! {
        limits(resource: Resource => resource) -> Limits(Limits);
        usable_cpus() -> UsableCpus(u32);
        sockets() -> Sockets(Sockets);
        holders(endpoint: &Endpoint => endpoint.clone()) -> Holders(Vec<Held>);
        interfaces() -> Interfaces(Vec<Interface>);
        processes() -> Processes(Vec<ProcessTime>);
        batteries() -> Batteries(Vec<Battery>);
        low_power_mode() -> LowPowerMode(bool);
        clock() -> Clock(ClockState);
        clock_cost() -> ClockCost(ClockCost);
        filesystem(path: &str => path.to_owned()) -> Filesystem(Filesystem);
    }

    /// A variable of this process's own environment, only for the few that say where it runs (`container`,
    /// `KUBERNETES_SERVICE_HOST`).
    fn environment(&self, name: &str) -> Option<String>;

    /// Seconds since 1970-01-01 UTC.
    fn now(&self) -> i64;

    /// Waits; a recording does not.
    fn pause(&self, duration: Duration);

    /// The directory under `/proc` of the process that is looked at: `/proc/self`, or `/proc/PID`.
    fn process_directory(&self) -> &str;
}
