//! The part of a machine that a value belongs to, as the journal has it. Values in two different ones have nothing to do with
//! each other.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::parameter::Parameter;
use crate::catalogue::{self, Namespace};
use crate::system::{NamespaceId, Os, Platform, Same, Space};

/// A part of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Place {
    /// The whole of it.
    Host,
    /// A namespace, with what was known of it. Without either number nobody can tell which one it is.
    Namespace {
        /// Of which kind.
        kind: Kind,
        /// See [`NamespaceId::cookie`].
        cookie: Option<u64>,
        /// See [`NamespaceId::inode`].
        inode: Option<u64>,
    },
}

/// Kinds of namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of namespaces(7)")]
pub enum Kind {
    Net,
    Ipc,
    User,
    Uts,
    Pid,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Net, Kind::Ipc, Kind::User, Kind::Uts, Kind::Pid];

    fn name(self) -> &'static str {
        match self {
            Kind::Net => "network namespace",
            Kind::Ipc => "IPC namespace",
            Kind::User => "user namespace",
            Kind::Uts => "UTS namespace",
            Kind::Pid => "PID namespace",
        }
    }

    fn of(self, space: &Space) -> &NamespaceId {
        match self {
            Kind::Net => &space.net,
            Kind::Ipc => &space.ipc,
            Kind::User => &space.user,
            Kind::Uts => &space.uts,
            Kind::Pid => &space.pid,
        }
    }
}

impl Place {
    /// Where a parameter's value lives, on a kernel of this release.
    #[must_use]
    pub fn of(parameter: &Parameter, platform: &Platform, space: &Space) -> Self {
        kind_of(parameter, platform).map_or(Place::Host, |kind| Place::of_kind(kind, space))
    }

    fn of_kind(kind: Kind, space: &Space) -> Self {
        let id = kind.of(space);
        Place::Namespace {
            kind,
            cookie: id.cookie.as_ref().ok().copied(),
            inode: id.inode.as_ref().ok().copied(),
        }
    }

    /// Why nobody could tell this place from others, if nobody could.
    #[must_use]
    pub fn unidentified(&self, space: &Space) -> Option<String> {
        let Place::Namespace {
            kind,
            cookie: None,
            inode: None,
        } = self
        else {
            return None;
        };
        let id = kind.of(space);
        let why = id.inode.as_ref().err().or(id.cookie.as_ref().err());
        let why = why.map_or_else(String::new, |failure| format!(" (/proc/self/ns: {failure})"));
        Some(format!("which {} this is{why}", kind.name()))
    }

    /// The place of the same kind where this process is.
    #[must_use]
    pub fn here(&self, space: &Space) -> Place {
        match self {
            Place::Host => Place::Host,
            Place::Namespace { kind, .. } => Place::of_kind(*kind, space),
        }
    }

    /// Whether two places in one boot are one. A cookie is never given twice, so it decides where both are known; an inode tells
    /// two namespaces apart for sure, and is taken for proof that they are one where nothing better is known.
    #[must_use]
    pub fn same(&self, other: &Place) -> Same {
        let known = |left: &Option<u64>, right: &Option<u64>| match (left, right) {
            (Some(left), Some(right)) if left == right => Same::Yes,
            (Some(_), Some(_)) => Same::No,
            (None, _) | (_, None) => Same::Unknown,
        };
        match (self, other) {
            (Place::Host, Place::Host) => Same::Yes,
            (
                Place::Namespace { kind, cookie, inode },
                Place::Namespace {
                    kind: other_kind,
                    cookie: other_cookie,
                    inode: other_inode,
                },
            ) if kind == other_kind => match known(cookie, other_cookie) {
                Same::Unknown => known(inode, other_inode),
                told => told,
            },
            (Place::Host | Place::Namespace { .. }, Place::Host | Place::Namespace { .. }) => Same::No,
        }
    }
}

/// The kind of namespace that a parameter's value belongs to; `None` where it is the whole machine's.
fn kind_of(parameter: &Parameter, platform: &Platform) -> Option<Kind> {
    if platform.os != Os::Linux {
        return None;
    }
    let name = match parameter {
        Parameter::Sysctl { name } => name,
        Parameter::Limit { .. } => return Some(Kind::Pid),
        Parameter::Sysfs { .. } | Parameter::Swap { .. } => return None,
    };
    let namespace = match catalogue::lookup(platform.os, name) {
        // Of a kernel that does not say which it is, the newest is assumed: it has the most namespaces.
        Some(key) => {
            let kernel = platform
                .kernel()
                .map_or((u16::MAX, u16::MAX), |kernel| kernel.major_minor());
            key.namespace_on(kernel)
        }
        None if name.starts_with("net.") => Namespace::Net,
        None => Namespace::Host,
    };
    match namespace {
        Namespace::Host | Namespace::NetInitial => None,
        Namespace::Net => Some(Kind::Net),
        Namespace::Ipc => Some(Kind::Ipc),
        Namespace::User => Some(Kind::User),
        Namespace::Uts => Some(Kind::Uts),
        Namespace::Pid => Some(Kind::Pid),
    }
}

/// `network namespace 4026531840 cookie 1`; without what is not known, and `?` where nothing is.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place::Namespace { kind, cookie, inode } = self else {
            return f.write_str("host");
        };
        f.write_str(kind.name())?;
        if let Some(inode) = inode {
            write!(f, " {inode}")?;
        }
        match (cookie, inode) {
            (Some(cookie), _) => write!(f, " cookie {cookie}"),
            (None, Some(_)) => Ok(()),
            (None, None) => f.write_str(" ?"),
        }
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "host" {
            return Ok(Place::Host);
        }
        let unknown = || format!("`{text}` is no place of a value");
        let kind = Kind::ALL.into_iter().find_map(|kind| {
            // Older versions wrote the PID namespace of a limit in small letters.
            let start = text.get(..kind.name().len())?;
            let rest = text.get(kind.name().len()..)?;
            start.eq_ignore_ascii_case(kind.name()).then_some((kind, rest))
        });
        let (kind, rest) = kind.ok_or_else(unknown)?;
        let number = |word: &str| word.parse::<u64>().map_err(|_| unknown());
        let words: Vec<&str> = rest.split_ascii_whitespace().collect();
        let (inode, cookie) = match words.as_slice() {
            [] | ["?"] => (None, None),
            ["cookie", cookie] => (None, Some(number(cookie)?)),
            [inode, "cookie", cookie] => (Some(number(inode)?), Some(number(cookie)?)),
            [inode] => (Some(number(inode)?), None),
            [_, ..] => return Err(unknown()),
        };
        Ok(Place::Namespace { kind, cookie, inode })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Place::try_from(text.to_owned()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn places_are_written_as_they_are_read() {
        for text in [
            "host",
            "network namespace 4026531840 cookie 1",
            "network namespace cookie 7",
            "IPC namespace 4026531839",
            "PID namespace ?",
        ] {
            assert_eq!(place(text).to_string(), text);
        }
        assert_eq!(place("pid namespace 5"), place("PID namespace 5"));
        for text in [
            "",
            "nowhere",
            "network namespace x",
            "network namespace 1 2",
            "network namespace cookie",
        ] {
            assert!(Place::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_both_know_decides_and_nothing_else() {
        for (left, right, same) in [
            ("host", "host", Same::Yes),
            ("host", "network namespace ?", Same::No),
            ("network namespace 5", "IPC namespace 5", Same::No),
            (
                "network namespace 5 cookie 7",
                "network namespace 5 cookie 7",
                Same::Yes,
            ),
            // The inode was given to another one.
            ("network namespace 5 cookie 7", "network namespace 5 cookie 8", Same::No),
            ("network namespace 5 cookie 7", "network namespace 5", Same::Yes),
            ("network namespace 5 cookie 7", "network namespace 6", Same::No),
            ("network namespace cookie 7", "network namespace 5 cookie 7", Same::Yes),
            ("network namespace cookie 7", "network namespace 5", Same::Unknown),
            ("network namespace ?", "network namespace ?", Same::Unknown),
            ("network namespace ?", "network namespace 5 cookie 7", Same::Unknown),
        ] {
            assert_eq!(place(left).same(&place(right)), same, "{left}, {right}");
            assert_eq!(place(right).same(&place(left)), same, "{right}, {left}");
        }
    }
}
