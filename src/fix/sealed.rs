//! How a file that runup wrote is known: by its first words, and by a checksum whether somebody changed it since.

use super::disk::{Disk, DiskError};
use super::journal::checksum;
use crate::dialect::page::MARK;
use crate::system::Failure;

/// The text with its checksum in the line that says whose it is.
pub(super) fn sealed(text: &str) -> String {
    let Some(at) = text.find(MARK) else {
        return text.to_owned();
    };
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    format!("{} [{:016x}]{}", &text[..end], checksum(text.as_bytes()), &text[end..])
}

/// The text of a file of ours without its checksum, if nobody changed it.
pub(super) fn ours(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let at = text.find(MARK)?;
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    let line = &text[at..end];
    let (rest, sum) = line.rsplit_once(" [")?;
    let bare = format!("{}{rest}{}", &text[..at], &text[end..]);
    (sum.strip_suffix(']')? == format!("{:016x}", checksum(bare.as_bytes()))).then_some(bare)
}

/// Whether a file says in its first lines that runup wrote it to last, whether somebody changed it since or not.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut head = text.lines().take(3);
    head.any(|line| {
        let sum = line
            .split_once(MARK)
            .and_then(|(_, rest)| rest.rsplit_once(" [")?.1.strip_suffix(']'));
        sum.is_some_and(|sum| sum.len() == 16 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
}

/// What a file holds; `None` where it is not there.
pub(super) fn there(disk: &dyn Disk, path: &str) -> Result<Option<Vec<u8>>, DiskError> {
    match disk.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Failure::Absent) => Ok(None),
        Err(failure) => Err(DiskError {
            action: "read",
            path: path.to_owned(),
            failure,
        }),
    }
}

/// The names in a directory; none where it is not there.
pub(super) fn names_in(disk: &dyn Disk, path: &str) -> Result<Vec<String>, DiskError> {
    match disk.list(path) {
        Err(Failure::Absent) => Ok(Vec::new()),
        other => other.map_err(|failure| DiskError {
            action: "list",
            path: path.to_owned(),
            failure,
        }),
    }
}
