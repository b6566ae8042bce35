//! One thing on a machine that can be set: how it is read, written and compared, and where its value lives.

use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::overlay::Overlay;
use crate::system::{Failure, Limits, Os, Process, Resource, SysctlName, WritableSystem};
use crate::value::{Number, Type, Value};

/// One thing that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Parameter {
    /// A sysctl.
    Sysctl {
        /// Its canonical dotted name.
        name: String,
    },
    /// An attribute under `/sys`.
    Sysfs {
        /// Its absolute path.
        path: String,
    },
    /// Both limits of a process on a resource.
    Limit {
        /// The resource's name.
        resource: String,
        /// Whose.
        process: Process,
    },
    /// A device or file that is swapped to.
    Swap {
        /// Its path.
        device: String,
    },
}

/// What a parameter is at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What the system shows, byte for byte: `always [madvise] never`.
    pub raw: String,
    /// What has to be written for it to be so: `madvise`.
    pub form: String,
}

impl State {
    fn plain(text: String) -> Self {
        Self {
            form: text.clone(),
            raw: text,
        }
    }
}

impl Parameter {
    /// Its name, for a person.
    #[must_use]
    pub fn show(&self) -> String {
        match self {
            Parameter::Sysctl { name } => name.clone(),
            Parameter::Sysfs { path } => path.clone(),
            Parameter::Limit { resource, process } => format!("{resource} of process {}", process.pid),
            Parameter::Swap { device } => format!("swap on {device}"),
        }
    }

    /// What it is now.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn read(&self, machine: &dyn WritableSystem) -> Result<State, Failure> {
        match self {
            Parameter::Sysctl { name } => machine.sysctl(name).map(State::plain),
            Parameter::Sysfs { path } => {
                let bytes = machine.read(path)?;
                let raw = String::from_utf8(bytes).map_err(|_| Failure::NotText)?;
                let raw = raw.trim_end_matches('\n').to_owned();
                let form = match Type::Choice.parse(&raw) {
                    Ok(Value::Choice(choice)) if choice.options.len() > 1 => choice.selected.unwrap_or(raw.clone()),
                    _ => raw.clone(),
                };
                Ok(State { raw, form })
            }
            Parameter::Limit { resource, process } => {
                let resource = Resource::parse(resource).ok_or(Failure::Absent)?;
                let limits = machine.limits_of(*process, resource)?;
                Ok(State::plain(format!("{}:{}", limits.soft, limits.hard)))
            }
            Parameter::Swap { device } => {
                let bytes = machine.read("/proc/swaps")?;
                let priority = swaps(&String::from_utf8_lossy(&bytes))
                    .into_iter()
                    .find(|(known, _)| known == device)
                    .map(|(_, priority)| priority);
                Ok(State::plain(
                    priority.map_or_else(|| "off".to_owned(), |priority| format!("on {priority}")),
                ))
            }
        }
    }

    /// Whether it is known to be gone (an interface, a device, a process), where reading it says that it is absent.
    #[must_use]
    pub fn is_gone(&self, machine: &dyn WritableSystem) -> bool {
        match self {
            Parameter::Sysctl { name } => {
                SysctlName::parse(name).is_ok_and(|name| machine.is_gone(&format!("/proc/sys/{}", name.path())))
            }
            Parameter::Sysfs { path } => machine.is_gone(path),
            // Absent is the machine's word for a process that has ended.
            Parameter::Limit { .. } => true,
            // The table does not go away; what is no longer swapped to is not absent, but off.
            Parameter::Swap { .. } => false,
        }
    }

    /// Sets it.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub fn write(&self, machine: &dyn WritableSystem, form: &str) -> Result<(), Failure> {
        let invalid = Failure::Io(libc::EINVAL);
        match self {
            Parameter::Sysctl { name } => machine.set_sysctl(name, form),
            Parameter::Sysfs { path } => machine.write(path, format!("{form}\n").as_bytes()),
            Parameter::Limit { resource, process } => {
                let resource = Resource::parse(resource).ok_or(Failure::Absent)?;
                let (soft, hard) = form.split_once(':').ok_or(invalid.clone())?;
                let number = |text: &str| Number::parse(text).map_err(|_| invalid.clone());
                let limits = Limits {
                    soft: number(soft)?,
                    hard: number(hard)?,
                };
                machine.set_limits_of(*process, resource, limits)
            }
            Parameter::Swap { device } => match form.strip_prefix("on ") {
                Some(priority) => machine.set_swap(device, Some(priority.parse().map_err(|_| invalid)?)),
                None => machine.set_swap(device, None),
            },
        }
    }

    /// As if it were set, on a machine where nothing is.
    pub(super) fn set_on(&self, overlay: &Overlay<'_>, form: &str) {
        match self {
            Parameter::Sysctl { name } => overlay.set_sysctl(name, form),
            Parameter::Sysfs { path } => overlay.set_file(path, form),
            Parameter::Swap { .. } => overlay.set_swap_off(),
            Parameter::Limit { resource, .. } => {
                if let (Some(resource), Some((soft, hard))) = (Resource::parse(resource), form.split_once(':'))
                    && let (Ok(soft), Ok(hard)) = (Number::parse(soft), Number::parse(hard))
                {
                    overlay.set_limits(resource, Limits { soft, hard });
                }
            }
        }
    }

    /// Whether two forms are the same value: as numbers, rows, lists of ports; what the kernel spaces otherwise is the same.
    #[must_use]
    pub fn same(&self, os: Os, left: &str, right: &str) -> bool {
        if left == right {
            return true;
        }
        let kind = match self {
            Parameter::Sysctl { name } => catalogue::lookup(os, name).map(|key| key.value),
            // What swap has for its priority is the kernel's choice where none was asked for.
            Parameter::Swap { .. } => return left.starts_with("on") && right.starts_with("on"),
            Parameter::Sysfs { .. } | Parameter::Limit { .. } => None,
        };
        if let Some(kind) = kind
            && let (Ok(left), Ok(right)) = (kind.parse(left), kind.parse(right))
        {
            return left == right;
        }
        left.split_ascii_whitespace().eq(right.split_ascii_whitespace())
    }
}

/// The devices that are swapped to, with their priorities, of `/proc/swaps`. The kernel writes a space in a path as `\040`.
#[must_use]
pub fn swaps(text: &str) -> Vec<(String, i32)> {
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let device = fields.next()?.replace("\\040", " ");
            let priority = fields.next_back()?.parse().ok()?;
            Some((device, priority))
        })
        .collect()
}
