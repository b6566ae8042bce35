//! Users and groups by `/etc/passwd` and `/etc/group`. What a directory service knows besides is not asked: nobody is taken for
//! trusted by it, and a user without a name is told by the number.

use crate::files::{self, largest};

/// A user's name, or the number.
#[must_use]
pub fn name_of(uid: u32) -> String {
    login(uid).unwrap_or_else(|| format!("uid {uid}"))
}

/// Whether a group is a user's own: it has his name, and nobody else is in it.
#[must_use]
pub fn is_private_group(gid: u32, uid: u32) -> bool {
    let Some(name) = login(uid) else { return false };
    let same = |field: Option<&&str>, number: u32| field.and_then(|field| field.parse().ok()) == Some(number);
    let groups = rows("/etc/group");
    let Some(group) = groups.iter().map(|row| fields(row)).find(|row| same(row.get(2), gid)) else {
        return false;
    };
    let members = group.get(3).copied().unwrap_or_default();
    let alone = members
        .split(',')
        .all(|member| member.trim().is_empty() || member.trim() == name);
    let others = rows("/etc/passwd");
    let primary = others
        .iter()
        .map(|row| fields(row))
        .any(|row| same(row.get(3), gid) && !same(row.get(2), uid));
    group[0] == name && alone && !primary
}

fn login(uid: u32) -> Option<String> {
    let rows = rows("/etc/passwd");
    let row = rows
        .iter()
        .map(|row| fields(row))
        .find(|row| row.get(2).and_then(|field| field.parse().ok()) == Some(uid))?;
    Some(row[0].to_owned())
}

fn rows(path: &str) -> Vec<String> {
    let bytes = files::read(path, largest::ACCOUNTS).unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
}

fn fields(row: &str) -> Vec<&str> {
    row.split(':').collect()
}
