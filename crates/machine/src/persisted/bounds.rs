//! Lines that the kernel refuses for what another key is by then: local ports may not begin below the privileged ones.

use super::Persisted;
use crate::catalogue;
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
}

fn first(value: &str) -> Option<i128> {
    value.split_ascii_whitespace().next()?.parse().ok()
}
