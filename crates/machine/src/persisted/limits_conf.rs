//! The lines of limits.conf(5), read as pam_limits reads them.
//!
//! Fields are separated by spaces and tabs, the value is the rest of the line and counts as far as it is a number, and capital
//! letters mean the same as small ones but in the first field.

use super::files::{drop_ins, name_of};
use crate::system::{Failure, Resource, System};
use crate::value::{Number, Unit};

/// The file that is read first; then come the drop-ins.
const MAIN: &str = "/etc/security/limits.conf";
const DIRECTORY: &str = "/etc/security/limits.d";

/// The kernel's word for no limit, and what a number that is too large is read as.
const INFINITY: i128 = u64::MAX as i128;

/// One line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// `/etc/security/limits.d/90-db.conf:3`
    pub(super) place: String,
    /// Who: a user, `@group`, `*`, a range of numbers.
    pub(super) domain: String,
    pub(super) says: Says,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// A limit on an item, for the soft side, the hard one, or both.
    Limit {
        /// For the soft side.
        soft: bool,
        /// For the hard side.
        hard: bool,
        /// On what, in small letters.
        item: String,
        /// The value as it stands there, in small letters.
        value: String,
    },
    /// `root -`: whoever it is gets no limit from these files at all.
    Nothing,
}

impl Line {
    /// What it gives of a resource, and for which sides; `None` where it is about something else or no number.
    pub(super) fn gives(&self, resource: Resource) -> Option<([bool; 2], Number)> {
        match &self.says {
            Says::Limit {
                soft,
                hard,
                item,
                value,
            } if resource.limits_conf_name() == Some(item) => Some(([*soft, *hard], limit(resource, value)?)),
            Says::Limit { .. } | Says::Nothing => None,
        }
    }
}

/// The lines of all files, in the order in which they are read.
///
/// # Errors
/// A file that is there cannot be read: the path, and why. Those that can are returned as well.
pub(super) fn read(system: &dyn System) -> (Vec<Line>, Result<(), String>) {
    let (mut lines, mut unread) = (Vec::new(), Ok(()));
    let mut take = |path: &str, text: Result<Vec<u8>, Failure>| match text {
        Ok(bytes) => parse(path, &String::from_utf8_lossy(&bytes), &mut lines),
        Err(Failure::Absent) => {}
        Err(failure) => unread = Err(format!("{path}: {failure}")),
    };
    take(MAIN, system.read(MAIN));
    let (files, closed) = drop_ins(system, &[DIRECTORY.to_owned()]);
    // glob(3) passes over hidden files.
    for file in files.into_iter().filter(|file| !name_of(&file.path).starts_with('.')) {
        take(&file.path, file.text);
    }
    if let Some((directory, failure)) = closed.first() {
        unread = Err(format!("{directory}: {failure}"));
    }
    (lines, unread)
}

/// Adds the lines of a file.
pub(super) fn parse(path: &str, text: &str, out: &mut Vec<Line>) {
    for (line, number) in text.split('\n').zip(1_u32..) {
        let line = line.split('#').next().unwrap_or_default();
        let Some((domain, says)) = fields(line) else { continue };
        out.push(Line {
            place: format!("{path}:{number}"),
            domain: domain.to_owned(),
            says,
        });
    }
}

/// Who a line is about and what it says, without the comment behind it; `None` where pam_limits makes nothing of it.
#[must_use]
pub fn fields(line: &str) -> Option<(&str, Says)> {
    let mut words = line.split_ascii_whitespace();
    let (domain, kind) = (words.next()?, words.next()?.to_ascii_lowercase());
    let (item, value) = match (words.next(), words.next()) {
        (Some(item), Some(value)) => (item.to_ascii_lowercase(), value.to_ascii_lowercase()),
        // Whatever begins with a dash says it, where it is the last word.
        (None, _) if kind.starts_with('-') => return Some((domain, Says::Nothing)),
        _ => return None,
    };
    let (soft, hard) = match kind.as_str() {
        "soft" => (true, false),
        "hard" => (false, true),
        "-" => (true, true),
        _ => return None,
    };
    let says = Says::Limit {
        soft,
        hard,
        item,
        value,
    };
    Some((domain, says))
}

/// What a value comes to, in the unit of prlimit(2): in the file sizes are in KiB, processor time in minutes, nice levels as people
/// know them. `None` where no number stands in front.
#[must_use]
pub fn limit(resource: Resource, text: &str) -> Option<Number> {
    if resource != Resource::Nice && matches!(text, "unlimited" | "infinity" | "-1" | "-") {
        return Some(Number::Unlimited);
    }
    let number = leading_number(text)?;
    if resource == Resource::Nice {
        return Some(Number::Finite(20 - number.clamp(-20, 19)));
    }
    // A negative number is a very large one there: strtoull(3).
    let number = if number < 0 { number + INFINITY + 1 } else { number };
    let number = match (resource, resource.unit()) {
        (Resource::Msgqueue, _) => number,
        (_, Unit::Bytes) => number * 1024,
        (_, Unit::Seconds) => number * 60,
        _ => number,
    };
    Some(match number < INFINITY {
        true => Number::Finite(number),
        false => Number::Unlimited,
    })
}

/// The number that a text begins with, as strtol(3) finds it: `64000k` is 64000. Too large ones become the largest there is.
fn leading_number(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let digits = digits.get(..end).filter(|digits| !digits.is_empty())?;
    match digits.parse::<u64>() {
        Ok(number) if negative => Some(-i128::from(number)),
        Ok(number) => Some(number.into()),
        Err(_) => Some(INFINITY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str, resource: Resource) -> Option<([bool; 2], Number)> {
        let mut lines = Vec::new();
        parse("/x", line, &mut lines);
        lines.first().and_then(|line| line.gives(resource))
    }

    #[test]
    fn a_line_is_read_as_pam_limits_reads_it() {
        let both = [true, true];
        let nofile = |line: &str| given(line, Resource::Nofile);
        assert_eq!(
            nofile("*\tHARD  NoFile 64000 # x"),
            Some(([false, true], Number::Finite(64_000)))
        );
        assert_eq!(
            nofile(" * - nofile 64000k and more"),
            Some((both, Number::Finite(64_000)))
        );
        for word in [
            "unlimited",
            "Infinity",
            "-1",
            "-",
            "99999999999999999999",
            "18446744073709551615",
        ] {
            assert_eq!(
                nofile(&format!("* - nofile {word}")),
                Some((both, Number::Unlimited)),
                "{word}"
            );
        }
        // It wraps round, as C has it.
        let wrapped = Number::Finite(i128::from(u64::MAX) - 1);
        assert_eq!(nofile("* - nofile -2"), Some((both, wrapped)));
        for nothing in [
            "* - nofile many",
            "* nofile 5",
            "* middle nofile 5",
            "* soft nofile",
            "* - nproc 5",
        ] {
            assert_eq!(nofile(nothing), None, "{nothing}");
        }
        assert_eq!(given("* - nice -5", Resource::Nice), Some((both, Number::Finite(25))));
        assert_eq!(
            given("* - memlock 64", Resource::Memlock),
            Some((both, Number::Finite(65_536)))
        );
        let mut lines = Vec::new();
        parse("/x", "\n#\nroot -\n", &mut lines);
        assert_eq!((lines[0].place.as_str(), &lines[0].says), ("/x:3", &Says::Nothing));
    }
}
