//! Sets of capabilities, as people write them.

use std::fmt;

use runup_machine::system::Capability;

/// The name of every capability that has one here, in small letters and without `cap_`.
pub fn names() -> impl Iterator<Item = &'static str> {
    Capability::ALL.iter().map(|capability| capability.short_name())
}

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
            match Capability::parse(word) {
                _ if word.is_empty() => {}
                Some(capability) => set |= 1 << capability.number(),
                None if ["all", "cap_all"].iter().any(|all| word.eq_ignore_ascii_case(all)) => set = u64::MAX,
                None => return Err(unknown(word)),
            }
        }
        Ok(CapabilitySet(set))
    }
}

fn unknown(word: &str) -> String {
    let upper = word.to_ascii_uppercase();
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
    let near = |known: &&Capability| known.name()[4..].contains(name) && name.len() > 2;
    match Capability::ALL.iter().find(near) {
        Some(near) => format!(
            "`{word}` is not a capability; did you mean `{}`?",
            near.name()[4..].to_ascii_lowercase()
        ),
        None => format!("`{word}` is not a capability; capabilities(7) lists them"),
    }
}

/// A capability's number by its name, `CAP_NET_ADMIN`.
pub(crate) struct Name(pub(crate) u8);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Capability::of_number(self.0) {
            Some(capability) => f.write_str(capability.name()),
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
}
