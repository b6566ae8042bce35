//! Patterns of keys, as glob(7) has them and as the two programs expand them.

/// Whether a pattern means a path, segment by segment. In braces, alternatives, for whom they are.
pub(super) fn matches(pattern: &str, path: &str, braces: bool) -> bool {
    if braces && let Some(alternatives) = alternatives(pattern) {
        return alternatives.iter().any(|one| matches(one, path, true));
    }
    let mut segments = path.split('/');
    pattern.split('/').all(|part| {
        segments.next().is_some_and(|segment| {
            // A dot in front is only ever meant by name.
            let hidden = segment.starts_with('.') && !part.starts_with(['.', '\\']);
            !hidden && segment_matches(part.as_bytes(), segment.as_bytes())
        })
    }) && segments.next().is_none()
}

/// What the first braces of a pattern stand for; `None` where there are none that are closed.
fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let bytes = pattern.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'{' => return split(&pattern[at + 1..], &pattern[..at]),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The alternatives of braces whose inside begins `inside`, each between what stands before and after.
fn split(inside: &str, before: &str) -> Option<Vec<String>> {
    let bytes = inside.as_bytes();
    let (mut depth, mut start, mut at) = (0, 0, 0);
    let mut parts = Vec::new();
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'{' => depth += 1,
            b',' if depth == 0 => {
                parts.push(&inside[start..at]);
                start = at + 1;
            }
            b'}' if depth == 0 => {
                parts.push(&inside[start..at]);
                let after = &inside[at + 1..];
                return Some(parts.iter().map(|part| format!("{before}{part}{after}")).collect());
            }
            b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

fn segment_matches(pattern: &[u8], text: &[u8]) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return text.is_empty();
    };
    if *first == b'*' {
        return segment_matches(rest, text)
            || text
                .split_first()
                .is_some_and(|(_, left)| segment_matches(pattern, left));
    }
    let Some((c, left)) = text.split_first() else {
        return false;
    };
    match (first, rest.split_first()) {
        (b'?', _) => segment_matches(rest, left),
        (b'[', _) => match class(rest, *c) {
            Some((found, rest)) => found && segment_matches(rest, left),
            None => *c == b'[' && segment_matches(rest, left),
        },
        (b'\\', Some((escaped, rest))) => escaped == c && segment_matches(rest, left),
        _ => first == c && segment_matches(rest, left),
    }
}

/// Whether a bracket holds a character, and what follows it; `None` where it is not closed.
fn class(pattern: &[u8], c: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match pattern.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, pattern),
    };
    let mut found = false;
    let mut first = true;
    loop {
        // A bracket that comes first stands for itself.
        if rest.first() == Some(&b']') && !first {
            return Some((found != negated, &rest[1..]));
        }
        first = false;
        if let Some((name, after)) = named(rest) {
            let Some(holds) = is_in(name, c) else {
                // A class that nobody knows spoils the whole bracket.
                return Some((false, after));
            };
            found |= holds;
            rest = after;
            continue;
        }
        let (low, after) = member(rest)?;
        rest = after;
        let mut high = low;
        if rest.first() == Some(&b'-') && rest.get(1).is_some_and(|next| *next != b']') {
            (high, rest) = member(&rest[1..])?;
        }
        found |= (low..=high).contains(&c);
    }
}

/// One character of a bracket, perhaps escaped or as `[.x.]`.
fn member(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'\\', c, rest @ ..] | [b'[', b'.', c, b'.', b']', rest @ ..] => Some((*c, rest)),
        [c, rest @ ..] => Some((*c, rest)),
        [] => None,
    }
}

/// The name of a class of characters, `[:alpha:]`, and what follows it.
fn named(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = text.strip_prefix(b"[:")?;
    let end = name.windows(2).position(|two| two == b":]")?;
    let (name, rest) = (&name[..end], &name[end + 2..]);
    name.iter().all(u8::is_ascii_lowercase).then_some((name, rest))
}

fn is_in(class: &[u8], c: u8) -> Option<bool> {
    Some(match class {
        b"alnum" => c.is_ascii_alphanumeric(),
        b"alpha" => c.is_ascii_alphabetic(),
        b"blank" => c == b' ' || c == b'\t',
        b"cntrl" => c.is_ascii_control(),
        b"digit" => c.is_ascii_digit(),
        b"graph" => c.is_ascii_graphic(),
        b"lower" => c.is_ascii_lowercase(),
        b"print" => c.is_ascii_graphic() || c == b' ',
        b"punct" => c.is_ascii_punctuation(),
        b"space" => c.is_ascii_whitespace() || c == 0x0b,
        b"upper" => c.is_ascii_uppercase(),
        b"xdigit" => c.is_ascii_hexdigit(),
        _ => return None,
    })
}
