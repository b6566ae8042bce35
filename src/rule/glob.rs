//! What a pattern of paths stands for on a machine.

use super::Context;
use crate::system::Failure;
pub use runup_machine::glob::{is_pattern, matches, segments_match};

/// Every path below `root` that matches a pattern of segments and exists; in the order of the directories.
///
/// # Errors
/// A directory that may hold some cannot be listed; with its path.
pub(super) fn expand(root: &str, pattern: &str, cx: &Context<'_>) -> Result<Vec<String>, (String, Failure)> {
    let mut found = vec![String::new()];
    for segment in pattern.split('/') {
        let mut next = Vec::new();
        for prefix in found {
            let join = |name: &str| {
                if prefix.is_empty() {
                    name.to_owned()
                } else {
                    format!("{prefix}/{name}")
                }
            };
            if !is_pattern(segment) {
                next.push(join(segment));
                continue;
            }
            let directory = if prefix.is_empty() {
                root.to_owned()
            } else {
                format!("{root}/{prefix}")
            };
            let names = match cx.system.list(&directory) {
                Ok(names) => names,
                Err(Failure::Absent) => continue,
                Err(failure) => return Err((directory, failure)),
            };
            next.extend(
                names
                    .iter()
                    .filter(|name| matches(segment, name))
                    .map(|name| join(name)),
            );
        }
        found = next;
    }
    // What is there and cannot be looked at is found, and says so when it is read.
    found.retain(|path| cx.system.stat(&format!("{root}/{path}")) != Err(Failure::Absent));
    Ok(found)
}
