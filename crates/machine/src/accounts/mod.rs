//! Users and groups by `/etc/passwd` and `/etc/group`. What a directory service knows besides is not asked: nobody is taken for
//! trusted by it, and a user without a name is told by the number. [`rows`] reads the two files, for everybody.

pub mod rows;

use crate::files;
use crate::most;

/// A user's name, or the number.
#[must_use]
pub fn name_of(uid: u32) -> String {
    let passwd = text("/etc/passwd");
    let user = rows::users(&passwd).find(|user| user.uid == uid);
    user.map_or_else(
        || format!("uid {uid}"),
        |user| String::from_utf8_lossy(user.name).into_owned(),
    )
}

/// Whether a group is a user's own: it has his name, and nobody else is in it.
#[must_use]
pub fn is_private_group(gid: u32, uid: u32) -> bool {
    is_private(&text("/etc/passwd"), &text("/etc/group"), gid, uid)
}

fn is_private(passwd: &[u8], group: &[u8], gid: u32, uid: u32) -> bool {
    let (Some(user), Some(group)) = (
        rows::users(passwd).find(|user| user.uid == uid),
        rows::groups(group).find(|group| group.gid == gid),
    ) else {
        return false;
    };
    let alone = group.members().all(|member| member == user.name);
    let primary = rows::users(passwd).any(|other| other.gid == gid && other.uid != uid);
    group.name == user.name && alone && !primary
}

fn text(path: &str) -> Vec<u8> {
    files::read(path, most::ACCOUNTS).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::is_private;

    #[test]
    fn a_private_group_has_the_users_name_and_nobody_else() {
        let passwd = b"ann:x:1000:1000::/:\nbob:x:1001:100::/:\n";
        assert!(is_private(passwd, b"ann:x:1000:\n", 1000, 1000));
        assert!(is_private(passwd, b"ann:x:1000: ann\n", 1000, 1000));
        for group in ["ann:x:1000:ann,bob\n", "other:x:1000:\n", "ann:x:1001:\n", ""] {
            assert!(!is_private(passwd, group.as_bytes(), 1000, 1000), "{group}");
        }
        // Somebody else's own group.
        assert!(!is_private(
            b"ann:x:1000:1000::/:\nbob:x:1001:1000::/:\n",
            b"ann:x:1000:\n",
            1000,
            1000
        ));
    }
}
