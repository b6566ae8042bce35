//! Whether a change may be made from here, and whether somebody agreed to it.

use std::collections::BTreeSet;

use super::guard;
use super::parameter::Parameter;
use crate::catalogue::{self, Namespace, Write};
use crate::change::Scope;
use crate::host::{Capability, Host, Mount};
use crate::overlay::Overlay;
use crate::system::{Limits, Os, Process, Resource, SysctlName, WritableSystem};

/// What somebody has to agree to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Consent {
    /// A change that reaches beyond this container, or could stop the machine.
    Risky,
    /// A change that cannot be undone, or not exactly.
    OneWay,
    /// Swap off: what is swapped out must fit into memory.
    Swapoff,
}

impl Consent {
    /// All of them.
    pub const ALL: [Consent; 3] = [Consent::Risky, Consent::OneWay, Consent::Swapoff];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Consent::Risky => "risky",
            Consent::OneWay => "one-way",
            Consent::Swapoff => "swapoff",
        }
    }

    /// The one with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|consent| consent.name() == name)
    }
}

/// Whose limits may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitsOf {
    /// Nobody's: a process cannot change those of whoever called it.
    Nobody,
    /// Those of a program that is about to be started.
    Program,
    /// Another process's.
    Process(Process),
}

/// What a plan may hold.
#[derive(Debug, Clone)]
pub struct Permissions {
    /// What was agreed to.
    pub allowed: BTreeSet<Consent>,
    /// Whether what notes ask for is made, too: much of it is a matter of taste, and a change is for the whole machine.
    pub notes: bool,
    /// Whose limits may be changed.
    pub limits: LimitsOf,
    /// Whether only what is this container's own may be changed without consent, and nothing of a host, contained or not.
    pub own_only: bool,
}

/// Whether a key that nothing is known of is a setting by where it stands.
#[must_use]
pub fn is_settable(key: &str) -> bool {
    let mut trees = ["net.", "vm.", "user.", "fs.inotify.", "fs.mqueue."].iter();
    trees.any(|tree| key.starts_with(tree))
}

/// Why a change is not made.
pub(super) struct Refusal {
    pub(super) reason: String,
    /// It could stop the machine.
    pub(super) harmful: bool,
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self { reason, harmful: false }
    }
}

/// A change that can be made.
pub(super) enum Move {
    Set(Parameter, String, Scope),
    Program(Resource, Limits),
}

/// What is asked before a change is taken into a plan.
pub(super) struct Permit<'a> {
    /// The machine as it is.
    pub(super) machine: &'a dyn WritableSystem,
    /// The same with what was planned so far.
    pub(super) overlay: &'a Overlay<'a>,
    pub(super) permissions: &'a Permissions,
}

impl Permissions {
    /// Whether a sysctl may be written, as far as that follows from what it is.
    ///
    /// # Errors
    /// It may not; why, where that is for somebody to agree to.
    pub fn key(&self, key: &str, os: Os) -> Result<(), Option<String>> {
        let known = catalogue::lookup(os, key);
        if known.is_some_and(|key| key.secret) {
            return Err(Some(
                "its value is a secret, which no plan shows and no journal keeps".to_owned(),
            ));
        }
        // Where programs are named and machines are stopped, only what is known to be a setting is ever written.
        if known.is_none() && !is_settable(key) {
            return Err(Some(
                "runup does not know this key, and writes none there that it does not know".to_owned(),
            ));
        }
        match known.map(|key| key.write) {
            Some(Write::Never | Write::ReadOnly) => Err(None),
            Some(Write::OneWay) => self
                .consent(Consent::OneWay, "the kernel does not let it be set back")
                .map_err(Some),
            Some(Write::Lossy) => self
                .consent(
                    Consent::OneWay,
                    "setting it does more than its value tells, and that does not come back",
                )
                .map_err(Some),
            Some(Write::Yes) | None => Ok(()),
        }
    }

    fn consent(&self, consent: Consent, why: &str) -> Result<(), String> {
        if self.allowed.contains(&consent) {
            return Ok(());
        }
        Err(format!("{why}; `--allow {}` agrees to that", consent.name()))
    }
}

impl Permit<'_> {
    /// Whether a sysctl may be written from here.
    pub(super) fn sysctl(&self, key: &str, host: &Host<'_>) -> Result<(), Option<String>> {
        let platform = self.machine.platform();
        self.permissions.key(key, platform.os)?;
        if platform.os != Os::Linux {
            return Ok(());
        }
        let known = catalogue::lookup(platform.os, key);
        let namespace = match known {
            Some(known) => known.namespace_on(platform.kernel_or_oldest()),
            None if key.starts_with("net.") => Namespace::Net,
            None => Namespace::Host,
        };
        let hosts = match namespace {
            Namespace::Host | Namespace::NetInitial => true,
            Namespace::Net => host.network_is_hosts() == Some(true),
            _ => false,
        };
        let path = SysctlName::parse(key).map_or_else(|_| String::new(), |name| name.path().to_owned());
        self.file(&format!("/proc/sys/{path}"), hosts, host)
    }

    /// Whether a file may be written from here; `hosts` says that its value is the host's.
    pub(super) fn file(&self, path: &str, hosts: bool, host: &Host<'_>) -> Result<(), Option<String>> {
        if self.machine.platform().os != Os::Linux {
            return Ok(());
        }
        if self.machine.stat(path).is_ok_and(|stat| stat.mode & 0o222 == 0) {
            return Err(None);
        }
        if host.mount_of(path).is_some_and(Mount::read_only) {
            return Err(None);
        }
        if hosts && self.machine.identity().uid != 0 {
            return Err(None);
        }
        if hosts && (self.permissions.own_only || host.engine().is_some()) {
            self.consent(Consent::Risky, "it would change the host for everybody")
                .map_err(Some)?;
        }
        Ok(())
    }

    /// Holds what is written against the guards, on the machine as it would be. What they say needs consent.
    pub(super) fn guarded(&self, written: &str, after: &Overlay<'_>) -> Result<(), Refusal> {
        let dangers = guard::dangers(written, self.machine, self.overlay, after);
        if dangers.is_empty() {
            return Ok(());
        }
        // The command that would do it is not what to do.
        self.consent(Consent::Risky, &dangers.join("; "))
            .map_err(|reason| Refusal { reason, harmful: true })
    }

    pub(super) fn consent(&self, consent: Consent, why: &str) -> Result<(), String> {
        self.permissions.consent(consent, why)
    }

    /// The change that gives limits to whom they are for.
    pub(super) fn limit(&self, resource: Resource, to: Limits, host: &Host<'_>) -> Result<Move, String> {
        match self.permissions.limits {
            LimitsOf::Nobody => Err(
                "a process cannot change the limits of whoever called it: `--for -- COMMAND` starts \
                                     COMMAND with them, `--pid PID` changes those of a running process"
                    .to_owned(),
            ),
            LimitsOf::Program => Ok(Move::Program(resource, to)),
            LimitsOf::Process(process) => {
                let now = self.machine.limits(resource).map_err(|failure| failure.to_string())?;
                if to.hard < now.hard && !host.capable(Capability::SysResource) {
                    self.consent(
                        Consent::OneWay,
                        "a hard limit that was lowered cannot be raised again without \
                                                   CAP_SYS_RESOURCE",
                    )?;
                }
                let parameter = Parameter::Limit {
                    resource: resource.name().to_owned(),
                    process,
                };
                Ok(Move::Set(parameter, format!("{}:{}", to.soft, to.hard), Scope::Process))
            }
        }
    }
}
