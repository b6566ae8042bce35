//! `NAME|UID[:GROUP|:GID]`: who the program shall be, read from the image's own files.
//!
//! Static, and so without NSS: `/etc/passwd` and `/etc/group` are all that is asked, and an image without them can still use
//! numbers.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;

use super::message::Shown;
use super::{files, sys};
use runup_machine::files::Unreadable;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// Groups that one process may have, on Linux.
const MAX_GROUPS: usize = 65536;

/// Who the program shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Every group, the first one included, ascending.
    pub groups: Vec<u32>,
    /// The home directory: that of the entry in `/etc/passwd`, else `/`.
    pub home: OsString,
}

/// Why a user or group cannot be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserError {
    /// Not of the form `NAME|UID[:GROUP|:GID]`; what is wrong.
    Form(&'static str),
    /// A name that is not in the file.
    Unknown {
        /// `user` or `group`.
        what: &'static str,
        /// The name, as it was given.
        name: Vec<u8>,
        /// The file that was looked at.
        file: &'static str,
        /// Why it could not be read; `None` if it could.
        unreadable: Option<Unreadable>,
    },
    /// More groups than a process can have.
    TooManyGroups(usize),
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UserError::Form(text) => write!(f, "--user takes NAME|UID[:GROUP|:GID]: {text}"),
            UserError::Unknown {
                what,
                name,
                file,
                unreadable: None,
            } => {
                write!(
                    f,
                    "there is no {what} `{}` in {file}\n  help: add it to the image, or give the number",
                    Shown(name)
                )
            }
            UserError::Unknown {
                what,
                name,
                file,
                unreadable: Some(why),
            } => {
                write!(
                    f,
                    "{what} `{}` cannot be looked up, since {file} cannot be read ({why})",
                    Shown(name)
                )?;
                write!(f, "\n  help: give the number instead; numbers need no file")
            }
            UserError::TooManyGroups(count) => {
                write!(f, "a user with {count} groups: the kernel takes at most {MAX_GROUPS}")
            }
        }
    }
}

impl std::error::Error for UserError {}

/// Finds out who is meant.
///
/// A name must have an entry; a number need not. Without `:GROUP` the groups are those that the files give to the user (for a
/// number without an entry, the group that runup has now); with it, that group alone.
///
/// # Errors
/// See [`UserError`].
pub fn resolve(text: &[u8]) -> Result<User, UserError> {
    resolve_in(
        text,
        &Database {
            read: files::read,
            own_group: sys::group_ids()[1],
        },
    )
}

/// The files, so that tests can bring their own.
struct Database<R: Fn(&str) -> Text> {
    read: R,
    own_group: u32,
}

/// What was read of a file: its text, or why there is none.
type Text = Result<Vec<u8>, Unreadable>;

fn resolve_in<R: Fn(&str) -> Text>(text: &[u8], database: &Database<R>) -> Result<User, UserError> {
    let load = |path| (database.read)(path);
    let (name, group) = match text.iter().position(|byte| *byte == b':') {
        Some(colon) => (&text[..colon], Some(&text[colon + 1..])),
        None => (text, None),
    };
    if name.is_empty() {
        return Err(UserError::Form("the user is missing"));
    }
    if group.is_some_and(<[u8]>::is_empty) {
        return Err(UserError::Form("the group after `:` is missing"));
    }
    let passwd = load(PASSWD);
    let number = number(name)?;
    let entry = match number {
        Some(uid) => find(&passwd, |fields| integer(fields.get(2)) == Some(uid)),
        None => find(&passwd, |fields| fields[0] == name),
    };
    let from_entry = entry
        .as_deref()
        .and_then(|fields| Some((integer(fields.get(2))?, integer(fields.get(3))?)));
    let (uid, primary) = match (from_entry, number) {
        (Some(ids), _) => ids,
        (None, Some(uid)) => (uid, database.own_group),
        (None, None) => {
            return Err(UserError::Unknown {
                what: "user",
                name: name.to_vec(),
                file: PASSWD,
                unreadable: passwd.err(),
            });
        }
    };
    let home = entry
        .as_deref()
        .and_then(|fields| fields.get(5))
        .filter(|home| !home.is_empty());
    let home = OsString::from_vec(home.map_or_else(|| b"/".to_vec(), |home| home.to_vec()));
    let (gid, mut groups) = match group {
        Some(group) => {
            let gid = resolve_group(group, || load(GROUP))?;
            (gid, vec![gid])
        }
        None => {
            let login = entry.as_deref().map(|fields| fields[0]);
            (
                primary,
                login.map_or_else(Vec::new, |login| memberships(&load(GROUP), login)),
            )
        }
    };
    groups.push(gid);
    groups.sort_unstable();
    groups.dedup();
    if groups.len() > MAX_GROUPS {
        return Err(UserError::TooManyGroups(groups.len()));
    }
    Ok(User { uid, gid, groups, home })
}

fn resolve_group(name: &[u8], load: impl FnOnce() -> Text) -> Result<u32, UserError> {
    if let Some(gid) = number(name)? {
        return Ok(gid);
    }
    let text = load();
    let gid = find(&text, |fields| fields[0] == name).and_then(|fields| integer(fields.get(2)));
    gid.ok_or_else(|| UserError::Unknown {
        what: "group",
        name: name.to_vec(),
        file: GROUP,
        unreadable: text.err(),
    })
}

/// An id, where the text is all digits. 2^32 - 1 means "leave it" to the kernel, and is nobody's.
fn number(text: &[u8]) -> Result<Option<u32>, UserError> {
    if !text.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    match integer(Some(&text)) {
        Some(id) if id < u32::MAX => Ok(Some(id)),
        _ => Err(UserError::Form("an id is at most 4294967294")),
    }
}

fn integer(field: Option<&&[u8]>) -> Option<u32> {
    std::str::from_utf8(field?).ok()?.parse().ok()
}

/// The lines of such a file, each as its fields. NIS's `+` and `-` lines and comments are nobody's.
fn entries(text: &Text) -> impl Iterator<Item = Vec<&[u8]>> {
    let lines = text.as_deref().unwrap_or_default().split(|byte| *byte == b'\n');
    let real = lines.filter(|line| !matches!(line.first(), None | Some(b'+' | b'-' | b'#')));
    real.map(|line| line.split(|byte| *byte == b':').collect::<Vec<_>>())
        .filter(|fields| fields.len() >= 3)
}

fn find(text: &Text, wanted: impl Fn(&[&[u8]]) -> bool) -> Option<Vec<&[u8]>> {
    entries(text).find(|fields| wanted(fields))
}

/// The groups whose members name a login.
fn memberships(text: &Text, login: &[u8]) -> Vec<u32> {
    let member = |fields: &Vec<&[u8]>| {
        fields.get(3).is_some_and(|members| {
            members
                .split(|byte| *byte == b',')
                .any(|member| member.trim_ascii() == login)
        })
    };
    entries(text)
        .filter(member)
        .filter_map(|fields| integer(fields.get(2)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &[u8] =
        b"root:x:0:0:root:/root:/bin/sh\n# comment:x:9:9\n+nis:x:8:8::/:\nweb:x:33:34:a:/srv/web:/bin/no\n\
                           bare:x:40\nnohome:x:50:51:::\n";
    const GROUPS: &[u8] = b"root:x:0:\nweb:x:34:\naudio:x:29:pulse, web\nlogs:x:4:web,root\nbroken\n";

    fn with_files(text: &str) -> Result<User, UserError> {
        let read = |path: &str| {
            Ok(if path == PASSWD {
                USERS.to_vec()
            } else {
                GROUPS.to_vec()
            })
        };
        resolve_in(text.as_bytes(), &Database { read, own_group: 7 })
    }

    fn without_files(text: &str) -> Result<User, UserError> {
        let read = |_: &str| Err(Unreadable::System(libc::ENOENT));
        resolve_in(text.as_bytes(), &Database { read, own_group: 7 })
    }

    fn user(uid: u32, gid: u32, groups: &[u32], home: &str) -> Result<User, UserError> {
        Ok(User {
            uid,
            gid,
            groups: groups.to_vec(),
            home: home.into(),
        })
    }

    #[test]
    fn a_name_brings_its_groups_and_home() {
        assert_eq!(with_files("web"), user(33, 34, &[4, 29, 34], "/srv/web"));
        assert_eq!(with_files("33"), with_files("web"));
        assert_eq!(with_files("nohome"), user(50, 51, &[51], "/"));
    }

    #[test]
    fn a_group_that_is_given_is_the_only_one() {
        assert_eq!(with_files("web:audio"), user(33, 29, &[29], "/srv/web"));
        assert_eq!(with_files("web:1234"), user(33, 1234, &[1234], "/srv/web"));
    }

    #[test]
    fn numbers_need_no_files() {
        assert_eq!(without_files("1000"), user(1000, 7, &[7], "/"));
        assert_eq!(without_files("1000:2000"), user(1000, 2000, &[2000], "/"));
        assert_eq!(with_files("1000:logs"), user(1000, 4, &[4], "/"));
    }

    #[test]
    fn errors_name_the_file() {
        assert!(with_files("nobody-here").is_err_and(|error| error.to_string().contains("/etc/passwd")));
        assert!(with_files("web:nothing").is_err_and(|error| error.to_string().contains("/etc/group")));
        let error = without_files("web").expect_err("no file");
        assert!(error.to_string().contains("cannot be read"), "{error}");
    }

    #[test]
    fn what_is_no_user_is_refused() {
        for text in [
            "",
            ":",
            ":web",
            "web:",
            "4294967295",
            "99999999999999",
            "web:4294967295",
            "+nis",
            "# comment",
            "bare",
        ] {
            assert!(with_files(text).is_err(), "{text}");
        }
        assert!(with_files("0").is_ok_and(|user| user.uid == 0));
    }
}
