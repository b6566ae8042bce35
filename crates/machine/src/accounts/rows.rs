//! The rows of `/etc/passwd` and `/etc/group`, as bytes: a name need not be UTF-8.
//!
//! They are read as glibc's `files` service reads them, so that this program and the rest of the machine mean the same user by the
//! same file. White space before a row is skipped, and so are comments, rows of the older NIS form (`+name`, `-name`), rows
//! without a name, and rows whose numbers are none. A number may have white space and a `+` before it; one that 32 bits do not
//! hold makes the row nobody's. Fields that are missing at the end are empty; of a member only the white space before it goes. Of several rows that fit, the first one counts, which
//! is why these are iterators.

/// A row of `/etc/passwd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User<'a> {
    /// The login name; never empty.
    pub name: &'a [u8],
    /// The user's number.
    pub uid: u32,
    /// The number of the user's own group.
    pub gid: u32,
    /// The home directory; empty where none is given.
    pub home: &'a [u8],
}

/// A row of `/etc/group`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group<'a> {
    /// The group's name; never empty.
    pub name: &'a [u8],
    /// The group's number.
    pub gid: u32,
    members: &'a [u8],
}

impl<'a> Group<'a> {
    /// The login names of those who are in the group besides the users whose own group it is.
    pub fn members(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let names = self.members.split(|byte| *byte == b',').map(<[u8]>::trim_ascii_start);
        names.filter(|name| !name.is_empty())
    }

    /// Whether a login name is one of the members.
    #[must_use]
    pub fn has(&self, name: &[u8]) -> bool {
        self.members().any(|member| member == name)
    }
}

/// The users of a text in the form of `/etc/passwd`, in its order.
pub fn users(text: &[u8]) -> impl Iterator<Item = User<'_>> {
    text.split(|byte| *byte == b'\n').filter_map(user)
}

/// The groups of a text in the form of `/etc/group`, in its order.
pub fn groups(text: &[u8]) -> impl Iterator<Item = Group<'_>> {
    text.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = line_of(line)?.splitn(4, |byte| *byte == b':');
        let name = fields.next()?;
        let gid = number(fields.nth(1)?)?;
        let members = fields.next().unwrap_or_default();
        Some(Group { name, gid, members })
    })
}

/// A line of `/etc/passwd` as a user; `None` where it is nobody's.
pub(crate) fn user(line: &[u8]) -> Option<User<'_>> {
    let mut fields = line_of(line)?.split(|byte| *byte == b':');
    let name = fields.next()?;
    let uid = number(fields.nth(1)?)?;
    let gid = number(fields.next()?)?;
    let home = fields.nth(1).unwrap_or_default();
    Some(User { name, uid, gid, home })
}

/// A line without the white space before it, where a user or group can be in it.
fn line_of(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii_start();
    (!matches!(line.first(), None | Some(b'#' | b'+' | b'-' | b':'))).then_some(line)
}

/// A number of 32 bits, as glibc takes it here. Written out: this runs for every row, and most hold digits alone.
fn number(field: &[u8]) -> Option<u32> {
    let field = field.trim_ascii_start();
    let digits = field.strip_prefix(b"+").unwrap_or(field);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_of(line: &str) -> Option<(String, u32, u32, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all: Vec<_> = users(line.as_bytes()).collect();
        assert!(all.len() < 2, "{line:?} is one row");
        all.first()
            .map(|user| (text(user.name), user.uid, user.gid, text(user.home)))
    }

    #[test]
    fn a_row_is_read_as_glibc_reads_it() {
        let row = |name: &str, uid, gid, home: &str| Some((name.to_owned(), uid, gid, home.to_owned()));
        for (line, expected) in [
            (
                "ann:x:1000:100:Ann:/home/ann:/bin/sh",
                row("ann", 1000, 100, "/home/ann"),
            ),
            ("  lead:x:11:12::/l:/s", row("lead", 11, 12, "/l")),
            ("gidonly:x:16:16", row("gidonly", 16, 16, "")),
            ("no-password::16:16::/h:", row("no-password", 16, 16, "/h")),
            ("spaced:x: 17:\t18::/h:/s", row("spaced", 17, 18, "/h")),
            ("plus:x:+18:+19::/h:/s", row("plus", 18, 19, "/h")),
            ("zeros:x:0018:19::/h:/s", row("zeros", 18, 19, "/h")),
            ("largest:x:4294967295:0::/h:/s", row("largest", u32::MAX, 0, "/h")),
            ("windows:x:27:28::/h:/s\r", row("windows", 27, 28, "/h")),
        ] {
            assert_eq!(user_of(line), expected, "{line:?}");
        }
    }

    #[test]
    fn what_is_nobodys_row_is_skipped() {
        for line in [
            "",
            "   ",
            "#comm:x:12:12::/c:/s",
            "  # comment:x:1:1::/:",
            "+nis:x:13:13::/n:/s",
            "-nis:x:14:14::/n:/s",
            "+",
            ":x:23:23::/e:/s",
            "name",
            "name:x",
            "short:x:15",
            "negative:x:-1:19::/h:/s",
            "negative-group:x:1:-19::/h:/s",
            "over:x:4294967296:20::/h:/s",
            "far-over:x:99999999999999999999999:20::/h:/s",
            "junk:x:21x:21::/h:/s",
            "after:x:21 :21::/h:/s",
            "hex:x:0x1a:26::/h:/s",
            "no-uid:x::22::/h:/s",
            "no-gid:x:22:::/h:/s",
            "sign:x:+:1::/h:/s",
            "signs:x:++1:1::/h:/s",
            "windows:x:28:28\r",
        ] {
            assert_eq!(user_of(line), None, "{line:?}");
        }
    }

    #[test]
    fn the_first_row_that_fits_counts_and_a_bad_one_hides_none() {
        let text = b"dup:x:bad:1::/bad:\ndup:x:24:24::/first:\ndup:x:25:25::/second:\n\xff:x:7:7::/\xfe:";
        let homes = |name: &[u8]| users(text).find(|user| user.name == name).map(|user| user.home);
        assert_eq!(homes(b"dup"), Some(&b"/first"[..]));
        assert_eq!(homes(b"\xff"), Some(&b"/\xfe"[..]));
        assert_eq!(users(text).count(), 3);
    }

    #[test]
    fn groups_have_members_or_none() {
        let text = b"root:x:0:\n a:x:11:x\n#c:x:1:x\n+n:x:2:x\nshort:x:15\ntwo:x\nspaced:x: 17: a, b,,c \nover:x:-1:a\nbad:x:1x:a\nmore:x:22:a,b:c\n";
        let found: Vec<_> = groups(text)
            .map(|group| (group.name, group.gid, group.members().collect::<Vec<_>>()))
            .collect();
        let row = |name: &'static str, gid, members: &[&'static str]| {
            (
                name.as_bytes(),
                gid,
                members.iter().map(|name| name.as_bytes()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            found,
            [
                row("root", 0, &[]),
                row("a", 11, &["x"]),
                row("short", 15, &[]),
                row("spaced", 17, &["a", "b", "c "]),
                row("more", 22, &["a", "b:c"]),
            ]
        );
        assert!(groups(b"g:x:1:ann, bob").any(|group| group.has(b"bob") && !group.has(b"an")));
    }
}
