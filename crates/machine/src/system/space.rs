//! Which boot this is, and which namespaces. What cannot be told is kept as that, and never compared like a value: two unknown
//! boots are not the same boot, nor two different ones.

use super::{Failure, System};

/// Where the kernel says which boot this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The namespace of a kernel that has none of its kind: all processes are in one. No namespace has this inode.
const ONLY: u64 = 0;

/// Whether two things are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Same {
    /// They are.
    Yes,
    /// They are known to be two.
    No,
    /// Nobody can tell.
    Unknown,
}

/// Which boot a value lives in. There is no equality: ask [`Boot::same`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Boot {
    /// The one with this id.
    Known(String),
    /// None: a tree of files, whose values no boot changes.
    Files,
    /// It could not be told; why.
    Unknown(String),
}

impl Boot {
    /// Whether two boots are one.
    #[must_use]
    pub fn same(&self, other: &Boot) -> Same {
        match (self, other) {
            (Boot::Unknown(_), _) | (_, Boot::Unknown(_)) => Same::Unknown,
            (Boot::Known(left), Boot::Known(right)) if left == right => Same::Yes,
            (Boot::Files, Boot::Files) => Same::Yes,
            (Boot::Known(_) | Boot::Files, Boot::Known(_) | Boot::Files) => Same::No,
        }
    }
}

/// As a record has it. `?` is what older versions wrote where they could not read it.
impl From<String> for Boot {
    fn from(text: String) -> Self {
        match text.as_str() {
            "" | "?" => Boot::Unknown("it could not be read when the record was written".to_owned()),
            "files" => Boot::Files,
            _ => Boot::Known(text),
        }
    }
}

impl From<Boot> for String {
    fn from(boot: Boot) -> Self {
        match boot {
            Boot::Known(id) => id,
            Boot::Files => "files".to_owned(),
            Boot::Unknown(_) => "?".to_owned(),
        }
    }
}

/// What tells a namespace from others of its kind, or why it cannot be asked.
#[derive(Debug, Clone)]
pub struct NamespaceId {
    /// Never given to another one while the machine runs (network namespaces, Linux 5.14).
    pub cookie: Result<u64, Failure>,
    /// Of its file in `/proc/self/ns`. Another one may get it when this one is gone.
    pub inode: Result<u64, Failure>,
}

impl NamespaceId {
    /// One that is known by its inode.
    #[must_use]
    pub fn of_inode(inode: u64) -> Self {
        Self {
            cookie: Err(Failure::Absent),
            inode: Ok(inode),
        }
    }

    /// The only one that there is.
    #[must_use]
    pub fn only() -> Self {
        Self::of_inode(ONLY)
    }
}

/// What tells one boot and one set of namespaces from another: where a value lives, and how long.
#[derive(Debug, Clone)]
pub struct Space {
    /// The boot.
    pub boot: Boot,
    /// The network namespace.
    pub net: NamespaceId,
    /// The IPC namespace.
    pub ipc: NamespaceId,
    /// The user namespace.
    pub user: NamespaceId,
    /// The UTS namespace.
    pub uts: NamespaceId,
    /// The PID namespace.
    pub pid: NamespaceId,
}

impl Space {
    /// A machine without namespaces.
    #[must_use]
    pub fn of(boot: Boot) -> Self {
        Self {
            boot,
            net: NamespaceId::only(),
            ipc: NamespaceId::only(),
            user: NamespaceId::only(),
            uts: NamespaceId::only(),
            pid: NamespaceId::only(),
        }
    }

    /// A tree of files: it has neither boots nor namespaces.
    #[must_use]
    pub fn files() -> Self {
        Self::of(Boot::Files)
    }
}

/// Reads what files tell of it on Linux; a live system knows the network namespace's cookie as well.
pub(super) fn space_of(system: &dyn System) -> Space {
    let id = |name: &str| NamespaceId {
        cookie: Err(Failure::Absent),
        inode: inode(system, name),
    };
    Space {
        boot: boot_of(system),
        net: id("net"),
        ipc: id("ipc"),
        user: id("user"),
        uts: id("uts"),
        pid: id("pid"),
    }
}

fn boot_of(system: &dyn System) -> Boot {
    let text = match system.read(BOOT_ID) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(failure) => return Boot::Unknown(format!("{BOOT_ID}: {failure}")),
    };
    // An empty file mounted over it hides it too.
    let is_id = text.len() == 36 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    if is_id {
        Boot::Known(text)
    } else {
        Boot::Unknown(format!("{BOOT_ID} holds no id of a boot"))
    }
}

fn inode(system: &dyn System, name: &str) -> Result<u64, Failure> {
    // This process's own: of another one that is looked at, only what was entered counts.
    match system.stat(&format!("/proc/self/ns/{name}")) {
        Ok(stat) => Ok(stat.inode),
        // The kernel was built without this kind; what hides /proc hides the directory too.
        Err(Failure::Absent) if system.list("/proc/self/ns").is_ok() => Ok(ONLY),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    #[test]
    fn what_is_not_known_equals_nothing() {
        let known = |id: &str| Boot::from(id.to_owned());
        assert_eq!(known("a").same(&known("a")), Same::Yes);
        assert_eq!(known("a").same(&known("b")), Same::No);
        assert_eq!(Boot::Files.same(&Boot::Files), Same::Yes);
        assert_eq!(Boot::Files.same(&known("a")), Same::No);
        for unknown in ["?", ""] {
            for other in ["?", "", "a", "files"] {
                assert_eq!(
                    known(unknown).same(&known(other)),
                    Same::Unknown,
                    "{unknown:?} {other:?}"
                );
                assert_eq!(
                    known(other).same(&known(unknown)),
                    Same::Unknown,
                    "{unknown:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn only_an_id_is_the_id_of_a_boot() {
        let boot = |text: &str| boot_of(&MemorySystem::linux("6.1.0").file(BOOT_ID, text));
        assert!(matches!(boot("0b3a8a3c-9c43-4d4f-8a8e-0123456789ab\n"), Boot::Known(_)));
        for text in ["", "\n", "?", "0b3a8a3c"] {
            assert!(matches!(boot(text), Boot::Unknown(_)), "{text:?}");
        }
        assert!(matches!(boot_of(&MemorySystem::linux("6.1.0")), Boot::Unknown(_)));
    }
}
