//! Linux capabilities by name.

use std::fmt;

/// The names in the order of their numbers, as in `linux/capability.h`, without `CAP_`.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// Every capability that has a name here, in small letters and without `cap_`.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter()
}

/// The number of the capability to set user ids.
pub(crate) const SETUID: u8 = 7;
/// The number of the capability to set group ids.
pub(crate) const SETGID: u8 = 6;

/// A set of capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CapabilitySet(u64);

impl CapabilitySet {
    /// Every capability, also those that this program has no name for.
    pub const ALL: CapabilitySet = CapabilitySet(u64::MAX);

    /// The set as bits, by number.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a capability is in it.
    #[must_use]
    pub fn has(self, number: u8) -> bool {
        number < 64 && self.0 >> number & 1 == 1
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn without(self, other: CapabilitySet) -> CapabilitySet {
        CapabilitySet(self.0 & !other.0)
    }

    /// What is in either.
    #[must_use]
    pub fn with(self, other: CapabilitySet) -> CapabilitySet {
        CapabilitySet(self.0 | other.0)
    }

    /// The numbers in it, ascending.
    pub fn numbers(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |number| self.has(*number))
    }

    /// A set from its bits.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        CapabilitySet(bits)
    }

    /// A list as people write it: `net_bind_service,CAP_CHOWN`, or `all`. Commas or white space separate.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse(text: &str) -> Result<CapabilitySet, String> {
        let mut set = 0;
        for word in text.split(|character: char| character == ',' || character.is_ascii_whitespace()) {
            let lower = word.to_ascii_lowercase();
            let name = lower.strip_prefix("cap_").unwrap_or(&lower);
            match NAMES.iter().position(|known| *known == name) {
                _ if word.is_empty() => {}
                _ if name == "all" => set = u64::MAX,
                Some(number) => set |= 1 << number,
                None => return Err(unknown(word, name)),
            }
        }
        Ok(CapabilitySet(set))
    }
}

fn unknown(word: &str, name: &str) -> String {
    match NAMES.iter().find(|known| known.contains(name) && name.len() > 2) {
        Some(near) => format!("`{word}` is not a capability; did you mean `{near}`?"),
        None => format!("`{word}` is not a capability; capabilities(7) lists them"),
    }
}

/// A capability's number by its name, `CAP_NET_ADMIN`.
pub(crate) struct Name(pub(crate) u8);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(usize::from(self.0)) {
            Some(name) => write!(f, "CAP_{}", name.to_ascii_uppercase()),
            None => write!(f, "capability {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_in_every_spelling() {
        for text in [
            "net_bind_service",
            "CAP_NET_BIND_SERVICE",
            "cap_net_bind_service",
            "Net_Bind_Service",
        ] {
            assert_eq!(
                CapabilitySet::parse(text).map(CapabilitySet::bits),
                Ok(1 << 10),
                "{text}"
            );
        }
        assert_eq!(
            CapabilitySet::parse("chown, setuid").map(CapabilitySet::bits),
            Ok(1 | 1 << 7)
        );
        assert_eq!(CapabilitySet::parse("all"), Ok(CapabilitySet::ALL));
        assert!(CapabilitySet::parse("bind_service").is_err_and(|text| text.contains("net_bind_service")));
        assert!(CapabilitySet::parse("nonsense").is_err());
    }

    #[test]
    fn numbers_are_the_kernels() {
        let number = |name| CapabilitySet::parse(name).map(CapabilitySet::bits);
        assert_eq!((number("setgid"), number("setuid")), (Ok(1 << SETGID), Ok(1 << SETUID)));
        assert_eq!(
            (number("sys_admin"), number("checkpoint_restore")),
            (Ok(1 << 21), Ok(1 << 40))
        );
    }
}
