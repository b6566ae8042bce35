//! `NAME|UID[:GROUP|:GID]`: who the program shall be, read from the image's own files.
//!
//! Static, and so without NSS: `/etc/passwd` and `/etc/group` are all that is asked, and an image without them can still use
//! numbers.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;

use super::message::Shown;
use super::{files, sys};
use runup_machine::accounts::rows;
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
    let known = passwd.as_deref().unwrap_or_default();
    let entry = rows::users(known).find(|user| match number {
        Some(uid) => user.uid == uid,
        None => user.name == name,
    });
    let (uid, primary) = match (entry, number) {
        (Some(user), _) => (usable(user.uid)?, usable(user.gid)?),
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
    let home = entry.map(|user| user.home).filter(|home| !home.is_empty());
    let home = OsString::from_vec(home.unwrap_or(b"/").to_vec());
    let (gid, mut groups) = match group {
        Some(group) => {
            let gid = resolve_group(group, || load(GROUP))?;
            (gid, vec![gid])
        }
        None => {
            let of = |user: rows::User<'_>| memberships(&load(GROUP), user.name);
            (primary, entry.map_or_else(|| Ok(Vec::new()), of)?)
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
    let found = rows::groups(text.as_deref().unwrap_or_default()).find(|group| group.name == name);
    match found {
        Some(group) => usable(group.gid),
        None => Err(UserError::Unknown {
            what: "group",
            name: name.to_vec(),
            file: GROUP,
            unreadable: text.err(),
        }),
    }
}

/// An id, where the text is all digits.
fn number(text: &[u8]) -> Result<Option<u32>, UserError> {
    if !text.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    let id = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    usable(id.unwrap_or(u32::MAX)).map(Some)
}

/// An id that somebody can have. 2^32 - 1 means "leave it" to the kernel, so that the program would stay who runup is.
fn usable(id: u32) -> Result<u32, UserError> {
    if id < u32::MAX {
        Ok(id)
    } else {
        Err(UserError::Form("an id is at most 4294967294"))
    }
}

/// The groups whose members name a login.
fn memberships(text: &Text, login: &[u8]) -> Result<Vec<u32>, UserError> {
    let of = rows::groups(text.as_deref().unwrap_or_default()).filter(|group| group.has(login));
    of.map(|group| usable(group.gid)).collect()
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
    fn an_id_that_means_leave_it_is_refused_in_the_files_too() {
        let files = |users: &'static str, groups: &'static str, wanted: &str| {
            let read = |path: &str| Ok((if path == PASSWD { users } else { groups }).into());
            resolve_in(wanted.as_bytes(), &Database { read, own_group: 7 })
        };
        let fine = "a:x:1:1::/:\n";
        assert_eq!(files(fine, "g:x:2:a\n", "a"), user(1, 1, &[1, 2], "/"));
        for (users, groups, wanted) in [
            ("a:x:4294967295:1::/:\n", "", "a"),
            ("a:x:1:4294967295::/:\n", "", "a"),
            (fine, "g:x:4294967295:a\n", "a"),
            (fine, "g:x:4294967295:\n", "a:g"),
        ] {
            assert!(
                matches!(files(users, groups, wanted), Err(UserError::Form(_))),
                "{users} {groups}"
            );
        }
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
