//! What pam_limits gives to a login: limits.conf(5).

use super::limits_conf::{self, Line, Says};
use crate::accounts::rows;
use crate::system::{Limits, Resource, System};
use crate::value::Number;

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
    groups: Vec<(String, u32)>,
}

/// What the files give to a user.
#[must_use]
pub fn of(system: &dyn System, uid: u32, resource: Resource) -> Login {
    let user = user(system, uid);
    let mut best: [Option<(Class, Number, String)>; 2] = [None, None];
    for line in &limits_conf::read(system).0 {
        let (Some(class), Some((sides, value))) = (class(&line.domain, &user), line.gives(resource)) else {
            continue;
        };
        // Where a nearer line has the soft side, process_limit() of pam_limits leaves before it comes to the hard one.
        let nearer = best[0].as_ref().is_some_and(|(known, ..)| *known > class);
        for (at, _) in sides.iter().enumerate().filter(|(_, holds)| **holds) {
            if sides[0] && nearer {
                break;
            }
            if best[at].as_ref().is_none_or(|(known, ..)| class >= *known) {
                best[at] = Some((class, value, line.place.clone()));
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

/// A line for everybody that has the last word about one side of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForAll {
    /// The limit.
    pub limit: Number,
    /// The file.
    pub file: String,
    /// The file and the line: `/etc/security/limits.d/90-db.conf:3`.
    pub place: String,
}

/// The last lines for everybody, of the soft side and the hard one.
#[must_use]
pub fn for_all(system: &dyn System, resource: Resource) -> [Option<ForAll>; 2] {
    let mut last = [None, None];
    for line in &limits_conf::read(system).0 {
        let Some((sides, limit)) = line.gives(resource).filter(|_| line.domain == "*") else {
            continue;
        };
        for (last, _) in last.iter_mut().zip(sides).filter(|(_, holds)| *holds) {
            let file = line
                .place
                .rsplit_once(':')
                .map_or(line.place.as_str(), |(file, _)| file);
            *last = Some(ForAll {
                limit,
                file: file.to_owned(),
                place: line.place.clone(),
            });
        }
    }
    last
}

/// The limits that services run into.
const COMMON: &[Resource] = &[Resource::Nofile, Resource::Nproc, Resource::Memlock, Resource::Stack];

/// The users that lines name, other than by a group or all at once: those are what people write for a service.
#[must_use]
pub fn named(system: &dyn System) -> Vec<(u32, String, Resource)> {
    let mut found = Vec::new();
    for line in &limits_conf::read(system).0 {
        let resource = COMMON.iter().find(|resource| line.gives(**resource).is_some());
        let (Some(resource), Some(uid)) = (resource, uid(system, &line.domain)) else {
            continue;
        };
        let entry = (uid, line.domain.clone(), *resource);
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    found
}

/// A limit on open files that some login gets, whoever it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFiles {
    /// Who: a user, `@group`, `*`, a range of numbers.
    pub domain: String,
    /// Whether it is the hard limit.
    pub hard: bool,
    /// How many.
    pub limit: Number,
    /// The line that says so: `/etc/security/limits.d/90-db.conf:3`.
    pub place: String,
}

/// What the files give of open files to each that they name: of the lines about the same ones the last.
///
/// # Errors
/// A file cannot be read, so that nobody knows what else is given.
pub fn open_files(system: &dyn System) -> Result<Vec<OpenFiles>, String> {
    let (lines, read) = limits_conf::read(system);
    read.map(|()| open_files_of(&lines))
}

fn open_files_of(lines: &[Line]) -> Vec<OpenFiles> {
    // At such a line pam_limits stops reading, and sets nothing; of everybody it cannot be said.
    let freed = |domain: &str| {
        let says = |line: &Line| line.says == Says::Nothing && line.domain == domain;
        domain != "*" && lines.iter().any(says)
    };
    let mut found: Vec<OpenFiles> = Vec::new();
    for line in lines {
        let Some((sides, limit)) = line.gives(Resource::Nofile) else {
            continue;
        };
        // `%` counts logins alone, and a number by itself is the name of nobody.
        let nobody = line.domain.starts_with('%') || line.domain.bytes().all(|byte| byte.is_ascii_digit());
        if nobody || freed(&line.domain) {
            continue;
        }
        for hard in [false, true].into_iter().filter(|hard| sides[usize::from(*hard)]) {
            found.retain(|known| (known.hard, &known.domain) != (hard, &line.domain));
            found.push(OpenFiles {
                domain: line.domain.clone(),
                hard,
                limit,
                place: line.place.clone(),
            });
        }
    }
    found
}

/// The limits on open files that a text of such a file gives to anybody.
pub fn open_files_in(text: &str) -> impl Iterator<Item = Number> {
    let mut lines = Vec::new();
    limits_conf::parse("", text, &mut lines);
    lines
        .into_iter()
        .filter_map(|line| line.gives(Resource::Nofile))
        .map(|(_, limit)| limit)
}

/// The highest number of open files that any login gets: its hard limit, which the kernel holds against `fs.nr_open`. A soft
/// limit above the hard one is cut by pam_limits, and one without bound is what `fs.nr_open` is, or fails anyway; neither counts.
///
/// # Errors
/// A file cannot be read, so that nobody knows what else is given.
pub fn highest_nofile(system: &dyn System) -> Result<Option<OpenFiles>, String> {
    let hard = |given: &OpenFiles| given.hard && given.limit != Number::Unlimited;
    let given = open_files(system)?.into_iter().filter(hard);
    Ok(given.max_by_key(|given| given.limit))
}

/// The number of the one user that a line is about, by the name or a range of one.
fn uid(system: &dyn System, domain: &str) -> Option<u32> {
    // `107:107` and `:107` are one user too; a number by itself is a name.
    if let Some((first, last)) = range(domain)
        && first == last
    {
        return Some(first);
    }
    let passwd = system.read("/etc/passwd").ok()?;
    let user = rows::users(&passwd).find(|user| user.name == domain.as_bytes())?;
    Some(user.uid)
}

fn user(system: &dyn System, uid: u32) -> User {
    let text = |path: &str| system.read(path).unwrap_or_default();
    let owned = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let passwd = text("/etc/passwd");
    let row = rows::users(&passwd).find(|user| user.uid == uid);
    let group = text("/etc/group");
    let groups = row.map_or_else(Vec::new, |user| {
        let his = rows::groups(&group).filter(|group| group.gid == user.gid || group.has(user.name));
        his.map(|group| (owned(group.name), group.gid)).collect()
    });
    User {
        name: row.map_or_else(String::new, |user| owned(user.name)),
        uid,
        groups,
    }
}

/// Groups and the wildcard leave root alone.
fn class(domain: &str, user: &User) -> Option<Class> {
    let within = |text: &str, number: u32| range(text).is_some_and(|(first, last)| (first..=last).contains(&number));
    if within(domain, user.uid) || (!user.name.is_empty() && domain == user.name) {
        return Some(Class::User);
    }
    if user.uid == 0 {
        return None;
    }
    if domain == "*" {
        return Some(Class::Everyone);
    }
    let group = domain.strip_prefix('@')?;
    let is_in = |(name, gid): &(String, u32)| name == group || within(group, *gid);
    user.groups.iter().any(is_in).then_some(Class::Group)
}

/// `1000:2000`, `1000:` and up, `:1000` alone.
fn range(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once(':')?;
    match (first.parse().ok(), last.parse().ok()) {
        (Some(first), Some(last)) => Some((first, last)),
        (Some(first), None) if last.is_empty() => Some((first, u32::MAX)),
        (None, Some(last)) if first.is_empty() => Some((last, last)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::{Fault, MemorySystem};

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

    #[test]
    fn the_highest_number_of_open_files_is_that_of_a_line_that_counts() {
        let highest = |text: &str| {
            let system = MemorySystem::linux("6.1").file("/etc/security/limits.conf", text);
            let found = highest_nofile(&system).expect("it can be read");
            found.map(|found| (found.domain, found.limit.to_string(), found.place.ends_with(":1")))
        };
        let of = |domain: &str, limit: &str, first: bool| Some((domain.to_owned(), limit.to_owned(), first));
        assert_eq!(highest("* - nofile 5\n@a hard nofile 4\n"), of("*", "5", true));
        assert_eq!(
            highest("* - nofile 5\n@a hard nofile 6\nroot hard nproc 9\n"),
            of("@a", "6", false)
        );
        // Replaced by a later line, a soft one, without bound, for logins alone, for nobody, and taken back.
        assert_eq!(highest("* hard nofile 9\n* hard nofile 3\n"), of("*", "3", false));
        for nothing in [
            "* soft nofile 9\n",
            "* hard nofile unlimited\n",
            "%a - nofile 9\n",
            "107 - nofile 9\n",
            "root - nofile 9\nroot -\n",
        ] {
            assert_eq!(highest(nothing), None, "{nothing}");
        }
        assert_eq!(highest("* - nofile 9\n* -\n"), of("*", "9", true));
        assert_eq!(highest("1000: - nofile 9\n"), of("1000:", "9", true));
        let closed = MemorySystem::linux("6.1").fault("/etc/security/limits.conf", Fault::Errno(libc::EACCES));
        assert!(highest_nofile(&closed).is_err());
    }
}
