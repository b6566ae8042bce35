//! Lines that come to nothing for what another key is: the kernel refuses local ports that begin below the privileged ones, and hands
//! what is set for all interfaces on to each of them.

use super::Persisted;
use crate::catalogue::{self, All};
use crate::system::{SysctlName, System};

impl Persisted {
    /// Why the kernel does not take what the files set a key to, though it is of the key's type: it is out of bounds that another key
    /// makes, as that is when the line is written. `None` where nothing says so.
    #[must_use]
    pub fn out_of_bounds(&self, key: &str, system: &dyn System) -> Option<String> {
        let (lower, upper) = catalogue::kept_below(key)?;
        let other = if key == lower { upper } else { lower };
        let lookup = self.lookup(self.start.reader?);
        let written = |key| lookup.written(&SysctlName::parse(key).ok()?, self);
        let own = written(key)?;
        let kernel = system.platform().kernel().map(|kernel| kernel.major_minor());
        let then = match written(other).filter(|other| other.at < own.at) {
            Some(other) => other.by.value,
            None => catalogue::at_start(other, kernel, &|| None)?,
        };
        let (mine, bound) = (first(&own.by.value)?, first(&then)?);
        let meets = if key == lower { mine <= bound } else { bound <= mine };
        (!meets).then(|| {
            format!(
                "the kernel refuses {key} = {} while {other} is {then}, and by then that is what it is",
                own.by.value
            )
        })
    }

    /// Why what the files set for one interface may not stay: a line for all of them comes later, and the kernel hands it on to each.
    /// systemd has the line of an interface read once more when that comes, which is earlier or later.
    pub(super) fn handed_on(&self, key: &str) -> Option<String> {
        let conf = catalogue::devconf(key).filter(|conf| conf.is_own() && conf.all == All::WrittenThrough)?;
        let lookup = self.lookup(self.start.reader?);
        let written = |key: &str| lookup.written(&SysctlName::parse(key).ok()?, self);
        let own = written(key)?;
        let all = conf.of("all");
        let names = catalogue::names(&all).iter().copied().chain([all.as_str()]);
        let later = names
            .filter_map(written)
            .filter(|all| all.at > own.at)
            .max_by_key(|all| all.at)?;
        (later.by.value != own.by.value).then(|| {
            format!(
                "{}:{} sets {all} to {} after it, and the kernel hands that on to every interface",
                later.by.file, later.by.line, later.by.value
            )
        })
    }
}

fn first(value: &str) -> Option<i128> {
    value.split_ascii_whitespace().next()?.parse().ok()
}
