//! Patterns over names: a `*` stands for any text within a segment, and `{a,b}` for either.
//!
//! Patterns of systemd's own files are another language, that of glob(7): see `persisted`.

/// Whether a name matches a pattern; both are one segment.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    if let Some((before, rest)) = pattern.split_once('{')
        && let Some((inside, after)) = rest.split_once('}')
    {
        return inside
            .split(',')
            .any(|choice| matches(&format!("{before}{choice}{after}"), name));
    }
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let inside = name.strip_prefix(start).and_then(|left| left.strip_suffix(end));
    let Some(mut left) = inside else { return false };
    middle.split('*').all(|part| match left.find(part) {
        Some(at) => {
            left = &left[at + part.len()..];
            true
        }
        None => false,
    })
}

/// Whether a name has as many segments as a pattern, and each matches. `separator` stands between them: `.` in keys, `/` in paths.
#[must_use]
pub fn segments_match(pattern: &str, name: &str, separator: char) -> bool {
    let mut segments = name.split(separator);
    pattern
        .split(separator)
        .all(|part| segments.next().is_some_and(|segment| matches(part, segment)))
        && segments.next().is_none()
}

/// Whether a text is a pattern.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '{'])
}

#[cfg(test)]
mod tests {
    use super::{matches, segments_match};

    #[test]
    fn stars_match_within_a_segment_and_braces_choose() {
        assert!(matches("*", "eth0"));
        assert!(matches("*", ""));
        assert!(matches("eth*", "eth0.100"));
        assert!(matches("*0*", "eth0.100"));
        assert!(!matches("eth*", "wlan0"));
        assert!(matches("a*b*c", "aXbYc"));
        assert!(!matches("a*bc", "abd"));
        assert!(!matches("ab*ba", "aba"));
        assert!(matches("a**b", "ab"));
        assert!(!matches("a*b*b", "ab"));
        assert!(!matches("eth0", "eth"));
        assert!(matches("{sd*,nvme*n*}", "nvme0n1"));
        assert!(!matches("{sd*,nvme*n*}", "loop0"));
    }

    #[test]
    fn segments_match_one_by_one() {
        assert!(segments_match("net.*.conf", "net.ipv4.conf", '.'));
        assert!(!segments_match("net.*", "net.ipv4.conf", '.'));
        assert!(!segments_match("net.*.conf", "net.conf", '.'));
        assert!(segments_match("block/{sd*,vd*}/queue", "block/vda/queue", '/'));
        // The other separator is a letter like any: `eth0/100` is one segment of a key.
        assert!(segments_match("conf.*.rp_filter", "conf.eth0/100.rp_filter", '.'));
    }
}
