//! What stands between a text that came from elsewhere and a terminal, a file or a shell.

/// Whether a terminal does something else with a character than show it: controls, and those that turn the direction of writing
/// round.
#[must_use]
pub fn is_hostile(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text that came from the system or from a profile, fit for a terminal: control characters are spelled out, and so are the
/// characters that turn the direction of text round.
#[must_use]
pub fn printable(text: &str) -> String {
    let hostile = |c: char| is_hostile(c) && c != '\n' && c != '\t';
    if !text.contains(hostile) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| {
            if hostile(c) {
                c.escape_unicode().to_string()
            } else {
                c.to_string()
            }
        })
        .collect()
}

/// The same, but for the escape sequences of colours, which runup's own messages carry.
#[must_use]
pub fn printable_keeping_colour(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        let (before, escape) = rest.split_at(at);
        out.push_str(&printable(before));
        let body = &escape[2..];
        let end = body.find(|c: char| !(c.is_ascii_digit() || c == ';'));
        match end {
            Some(end) if body[end..].starts_with('m') => {
                out.push_str(&escape[..end + 3]);
                rest = &escape[end + 3..];
            }
            _ => {
                out.push_str("\\u{1b}[");
                rest = body;
            }
        }
    }
    out.push_str(&printable(rest));
    out
}
