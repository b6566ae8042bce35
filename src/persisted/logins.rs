//! What pam_limits gives to a login: limits.conf(5).

use super::files::drop_ins;
use crate::system::{Limits, Resource, System};
use crate::value::{Number, Unit};

/// A line that holds for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The limits that the lines give; a side is `None` where none says anything of it.
    pub soft: Option<Number>,
    /// The same for the hard limit.
    pub hard: Option<Number>,
    /// The lines that say so: `/etc/security/limits.d/90-db.conf:3`.
    pub places: Vec<String>,
}

impl Login {
    /// Whether a process that has these limits can have them from here.
    #[must_use]
    pub fn gives(&self, limits: &Limits) -> bool {
        let same = |said: Option<Number>, is: Number| said.is_none_or(|said| said == is);
        !self.places.is_empty() && same(self.soft, limits.soft) && same(self.hard, limits.hard)
    }
}

/// How near a line is to the user: of two the nearer one counts, of equals the later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Everyone,
    Group,
    User,
}

struct User {
    name: String,
    uid: u32,
    groups: Vec<String>,
}

/// What the files give to a user.
#[must_use]
pub fn of(system: &dyn System, uid: u32, resource: Resource) -> Login {
    let user = user(system, uid);
    let mut best: [Option<(Class, Number, String)>; 2] = [None, None];
    for (path, text) in files(system) {
        for (line, number) in text.lines().zip(1..) {
            let line = line.split('#').next().unwrap_or_default();
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let [domain, kind, item, value] = fields[..] else {
                continue;
            };
            if resource.limits_conf_name() != Some(item) {
                continue;
            }
            let (Some(class), Some(value)) = (class(domain, &user), limit(resource, value)) else {
                continue;
            };
            for (at, word) in ["soft", "hard"].into_iter().enumerate() {
                let holds = kind == "-" || kind == word;
                if holds && best[at].as_ref().is_none_or(|(known, ..)| class >= *known) {
                    best[at] = Some((class, value, format!("{path}:{number}")));
                }
            }
        }
    }
    let [soft, hard] = best;
    let mut places: Vec<String> = [&soft, &hard]
        .into_iter()
        .flatten()
        .map(|(_, _, place)| place.clone())
        .collect();
    places.dedup();
    Login {
        soft: soft.map(|(_, number, _)| number),
        hard: hard.map(|(_, number, _)| number),
        places,
    }
}

/// The limits that services run into.
const COMMON: &[Resource] = &[Resource::Nofile, Resource::Nproc, Resource::Memlock, Resource::Stack];

/// The users that lines name, other than by a group or all at once: those are what people write for a service.
#[must_use]
pub fn named(system: &dyn System) -> Vec<(u32, String, Resource)> {
    let mut found = Vec::new();
    for (_, text) in files(system) {
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let [domain, _, item, _] = fields[..] else { continue };
            let resource = COMMON.iter().find(|resource| resource.limits_conf_name() == Some(item));
            let (Some(resource), Some(uid)) = (resource, uid(system, domain)) else {
                continue;
            };
            let entry = (uid, domain.to_owned(), *resource);
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
    }
    found
}

/// The number of a user, by the name or the number itself.
fn uid(system: &dyn System, domain: &str) -> Option<u32> {
    if let Ok(number) = domain.parse() {
        return Some(number);
    }
    let passwd = system.read("/etc/passwd").ok()?;
    let passwd = String::from_utf8_lossy(&passwd);
    let row = passwd.lines().find(|row| row.split(':').next() == Some(domain))?;
    row.split(':').nth(2)?.parse().ok()
}

fn files(system: &dyn System) -> Vec<(String, String)> {
    const MAIN: &str = "/etc/security/limits.conf";
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let main = system.read(MAIN).ok().map(|bytes| (MAIN.to_owned(), text(bytes)));
    let (more, _) = drop_ins(system, &["/etc/security/limits.d".to_owned()]);
    let more = more
        .into_iter()
        .filter_map(|file| Some((file.path, text(file.text.ok()?))));
    main.into_iter().chain(more).collect()
}

fn user(system: &dyn System, uid: u32) -> User {
    let text = |path: &str| {
        system
            .read(path)
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let passwd = text("/etc/passwd");
    let row = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let row = row
        .into_iter()
        .find(|fields| fields.get(2).and_then(|field| field.parse().ok()) == Some(uid));
    let field = |at: usize| {
        row.as_ref()
            .and_then(|fields| fields.get(at))
            .copied()
            .unwrap_or_default()
    };
    let (name, gid) = (field(0).to_owned(), field(3));
    let groups = text("/etc/group");
    let groups = groups.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [group, _, number, members] = fields[..] else {
            return None;
        };
        (number == gid || members.split(',').any(|member| member == name)).then(|| group.to_owned())
    });
    User {
        groups: groups.collect(),
        name,
        uid,
    }
}

/// Groups and the wildcard leave root alone.
fn class(domain: &str, user: &User) -> Option<Class> {
    let number = domain.parse::<u32>().ok() == Some(user.uid);
    if number || (!user.name.is_empty() && domain == user.name) {
        return Some(Class::User);
    }
    if user.uid == 0 {
        return None;
    }
    if domain == "*" {
        return Some(Class::Everyone);
    }
    let group = domain.strip_prefix('@')?;
    user.groups.iter().any(|known| known == group).then_some(Class::Group)
}

/// Sizes are in KiB, processor time in minutes, nice levels as people know them.
fn limit(resource: Resource, text: &str) -> Option<Number> {
    if matches!(text, "unlimited" | "infinity" | "-1") && resource != Resource::Nice {
        return Some(Number::Unlimited);
    }
    let number: i128 = text.parse().ok()?;
    Some(Number::Finite(match (resource, resource.unit()) {
        (Resource::Nice, _) => 20 - number,
        (Resource::Msgqueue, _) => number,
        (_, Unit::Bytes) => number * 1024,
        (_, Unit::Seconds) => number * 60,
        _ => number,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    #[test]
    fn the_nearest_line_counts_and_of_equals_the_last() {
        let system = MemorySystem::linux("6.1")
            .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:100::/home/ann:/bin/sh\n")
            .file("/etc/group", "users:x:100:\ndb:x:200:bob,ann\n")
            .file(
                "/etc/security/limits.conf",
                "# all\n* soft nofile 1\n@db - nofile 4096\n@db soft nofile 2048 # less\n* hard memlock 64\nann - memlock unlimited\n",
            )
            .file("/etc/security/limits.d/50.conf", "* - nofile 5\n@other - nofile 6\n");
        let login = of(&system, 1000, Resource::Nofile);
        assert_eq!(
            (login.soft, login.hard),
            (Some(Number::Finite(2048)), Some(Number::Finite(4096)))
        );
        assert_eq!(
            login.places,
            ["/etc/security/limits.conf:4", "/etc/security/limits.conf:3"]
        );
        assert!(login.gives(&Limits {
            soft: Number::Finite(2048),
            hard: Number::Finite(4096)
        }));
        assert!(!login.gives(&Limits {
            soft: Number::Finite(1024),
            hard: Number::Finite(4096)
        }));
        assert_eq!(of(&system, 1000, Resource::Memlock).hard, Some(Number::Unlimited));
        // The wildcard leaves root alone, and nobody's lines give nothing.
        assert_eq!(of(&system, 0, Resource::Nofile).places, Vec::<String>::new());
        let other = of(&system, 1001, Resource::Memlock);
        assert_eq!((other.soft, other.hard), (None, Some(Number::Finite(65_536))));
    }
}
