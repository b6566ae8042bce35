//! The container that a file is written for: what it has by itself, before the file sets anything.
//!
//! A runtime assigns. What a rule asks for as a floor would become a ceiling where the container begins with more, so a file for
//! containers leaves out what the container has by itself, and for the rest starts from there.

use crate::catalogue::{self, Fresh, Kernel, Key, Namespace, Origin};
use crate::engine::{Demand, Wanted};
use crate::host::Host;
use crate::overlay::Overlay;
use crate::rule::{Side, Target};
use crate::system::{Limits, Os, Resource, System};
use crate::value::{Number, Version};

/// Where the container is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nobody said. What some kernel gives by itself is not set, so that no kernel's value is lowered.
    Any,
    /// On this kernel (`--kernel`).
    Kernel(Version),
    /// On the host of a recording, where it does not run yet.
    Host,
    /// It was recorded: it is what was looked at.
    Recorded,
}

/// A container before its file sets anything.
pub struct Container<'a> {
    place: Place,
    base: &'a dyn System,
    /// Memory of the machine in bytes; known of a recorded one.
    ram: Option<u64>,
}

/// Limits that runtimes give a container when nobody says otherwise: the soft one is the least that is usual, for it decides
/// whether there is enough; the hard one is the most that every one of them can give.
///
/// Docker's unit has had 1024:524288 for open files since release 25 (moby/moby 45534), containerd's since 2.0; before, and in
/// Podman as root, both are 1048576. That much is refused (EPERM, and no container starts) where the runtime runs without root
/// below systemd's own hard limit of 524288, and where `fs.nr_open` is lower. The other limits come from `LimitNPROC=infinity`
/// and `LimitCORE=infinity` of the units and from systemd's defaults: systemd-system.conf(5). What is not here differs from
/// machine to machine, or is nothing that a program asks for.
const LIMITS: &[(Resource, Number, Number)] = &[
    (Resource::As, Number::Unlimited, Number::Unlimited),
    (Resource::Core, Number::Finite(0), Number::Unlimited),
    (Resource::Cpu, Number::Unlimited, Number::Unlimited),
    (Resource::Data, Number::Unlimited, Number::Unlimited),
    (Resource::Fsize, Number::Unlimited, Number::Unlimited),
    (Resource::Locks, Number::Unlimited, Number::Unlimited),
    (Resource::Memlock, Number::Finite(64 << 10), Number::Finite(8 << 20)),
    (Resource::Msgqueue, Number::Finite(819_200), Number::Finite(819_200)),
    (Resource::Nofile, Number::Finite(1024), Number::Finite(524_288)),
    (Resource::Nproc, Number::Unlimited, Number::Unlimited),
    (Resource::Rss, Number::Unlimited, Number::Unlimited),
    (Resource::Rttime, Number::Unlimited, Number::Unlimited),
    (Resource::Stack, Number::Finite(8 << 20), Number::Unlimited),
];

impl<'a> Container<'a> {
    /// One on a machine that was named, or on any.
    #[must_use]
    pub fn new(base: &'a dyn System, kernel: Option<Version>) -> Self {
        Self {
            place: kernel.map_or(Place::Any, Place::Kernel),
            base,
            ram: None,
        }
    }

    /// One that a recording tells of: the container itself, or the host that it is to run on.
    #[must_use]
    pub fn recorded(base: &'a dyn System) -> Self {
        let host = Host::new(base);
        // A container in the host's network shows the host's values, and so would one that was not started yet.
        let own = host.engine().is_some() && host.network_is_hosts() != Some(true);
        Self {
            place: if own { Place::Recorded } else { Place::Host },
            base,
            ram: host.machine_ram().ok(),
        }
    }

    /// Where it is to run.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The machine as it looks from inside.
    #[must_use]
    pub fn system(&self) -> Overlay<'a> {
        let overlay = Overlay::new(self.base);
        if self.place == Place::Recorded {
            return overlay;
        }
        for row in catalogue::fresh_keys() {
            if let Some(value) = self.begins_with(row) {
                overlay.set_sysctl(row.key, &value);
            }
        }
        for (resource, soft, hard) in LIMITS {
            let (soft, hard) = (*soft, *hard);
            overlay.set_limits(*resource, Limits { soft, hard });
        }
        match &self.place {
            Place::Kernel(version) => overlay.with_release(&version.to_string()),
            Place::Any | Place::Host | Place::Recorded => overlay,
        }
    }

    /// The kernel that it is to run on, where that is known.
    fn kernel(&self) -> Option<Kernel> {
        match &self.place {
            Place::Any => None,
            Place::Kernel(version) => Some(version.major_minor()),
            Place::Host | Place::Recorded => Some(self.base.platform().kernel()?.major_minor()),
        }
    }

    /// What it has of a key by itself; `None` where that is not known, or where the key is the host's.
    fn begins_with(&self, row: &Fresh) -> Option<String> {
        if !self.owns(catalogue::lookup(Os::Linux, row.key)?) {
            return None;
        }
        match (row.origin, &self.place) {
            (Origin::Initial, Place::Host) => self.base.sysctl(row.key).ok(),
            (Origin::Initial | Origin::Constant, _) => row.on(self.kernel(), self.ram),
        }
    }

    /// Whether its kernel has a key, and a value of it for each container.
    fn owns(&self, key: &Key) -> bool {
        self.kernel().is_none_or(|kernel| {
            key.exists_on(kernel) && matches!(key.namespace_on(kernel), Namespace::Net | Namespace::Ipc)
        })
    }

    /// Whether what it has of a thing by itself is known, so that the file need not and must not set less.
    #[must_use]
    pub fn tells(&self, target: &Target) -> bool {
        match (target, &self.place) {
            (Target::Limit(..), Place::Recorded) => true,
            (Target::Sysctl(key), Place::Recorded) => match catalogue::lookup(Os::Linux, key) {
                Some(known) => self.owns(known),
                None => key.starts_with("net."),
            },
            (Target::Sysctl(key), _) => catalogue::fresh(key).is_some_and(|row| self.begins_with(row).is_some()),
            (Target::Limit(resource, _), _) => LIMITS.iter().any(|(known, ..)| known == resource),
            (Target::Sysfs(_) | Target::Cgroup(_) | Target::Swap, _) => false,
        }
    }

    /// Why a thing that is asked for is left out: the container has it by itself.
    #[must_use]
    pub fn has(&self, wanted: &Wanted) -> String {
        let live = wanted.live.as_deref().unwrap_or_default();
        let live = live.split_whitespace().collect::<Vec<_>>().join(" ");
        let row = match &wanted.target {
            _ if self.place == Place::Recorded => return format!("the container that was recorded has {live}"),
            Target::Sysctl(key) => catalogue::fresh(key),
            Target::Limit(_, side) => {
                let side = match side {
                    Side::Soft => "soft",
                    Side::Hard => "hard",
                };
                return format!("usual runtimes give it by themselves: the {side} limit is {live}");
            }
            Target::Sysfs(_) | Target::Cgroup(_) | Target::Swap => None,
        };
        let from = match row.map(|row| row.origin) {
            Some(Origin::Initial) if self.place == Place::Host => " (it is the host's, which is copied)",
            Some(Origin::Initial) => " on a host that nobody changed",
            Some(Origin::Constant) | None => "",
        };
        let setting = || {
            let asked = wanted.asked.as_deref().unwrap_or(&wanted.kept);
            let asked: Vec<&str> = asked.split_ascii_whitespace().collect();
            format!("{}={}", wanted.target.name(), asked.join(" "))
        };
        if let (Some(row), None) = (row, self.ram)
            && row
                .steps
                .iter()
                .any(|step| !wanted.demand.holds(&step.value.text(Some(0))) && step.value.is_computed())
        {
            return format!(
                "a new namespace computes it from the machine's memory, up to {live}; where that gives too little: {}",
                setting()
            );
        }
        let Some(row) = row.filter(|_| self.place == Place::Any) else {
            return format!("a new namespace there has {live}{from}");
        };
        match since(row, &wanted.demand) {
            Some((major, minor)) => format!(
                "since {major}.{minor} a new namespace has {live}{from}; for an older kernel: {} \
                 (--kernel VERSION writes it)",
                setting()
            ),
            None => format!("a new namespace has {live}{from}"),
        }
    }
}

/// The first kernel from which on a new namespace satisfies what is asked; `None` where every one does that is known.
fn since(row: &Fresh, demand: &Demand) -> Option<Kernel> {
    let fails = |step: &&catalogue::Step| !demand.holds(&step.value.text(None));
    let last = row.steps.iter().rposition(|step| fails(&step))?;
    row.steps.get(last + 1).map(|step| step.since)
}
