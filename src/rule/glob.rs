//! Patterns over the names in a directory: `*` within a segment, and `{a,b}` for either.

use super::Context;
use crate::system::Failure;

/// Whether a name matches a pattern.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    if let Some((before, rest)) = pattern.split_once('{')
        && let Some((inside, after)) = rest.split_once('}')
    {
        return inside
            .split(',')
            .any(|choice| matches(&format!("{before}{choice}{after}"), name));
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(end) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= end.len() && rest.ends_with(end)
}

/// Whether a text is a pattern.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '{'])
}

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

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_match_within_a_segment_and_braces_choose() {
        assert!(matches("*", "eth0"));
        assert!(matches("eth*", "eth0.100"));
        assert!(matches("*0*", "eth0.100"));
        assert!(!matches("eth*", "wlan0"));
        assert!(matches("a*b*c", "aXbYc"));
        assert!(!matches("a*bc", "abd"));
        assert!(!matches("ab*ba", "aba"));
        assert!(matches("{sd*,nvme*n*}", "nvme0n1"));
        assert!(!matches("{sd*,nvme*n*}", "loop0"));
    }
}
