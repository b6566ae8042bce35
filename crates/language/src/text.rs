//! What stands between a text that came from elsewhere and a terminal, a file or a shell.

use std::borrow::Cow;

/// Characters that stand for the bytes 0x80 to 0xff of a name that is not UTF-8: the last ones of the last private area, which no
/// name uses.
const RAW: std::ops::RangeInclusive<char> = '\u{10ff80}'..='\u{10ffff}';

fn raw(byte: u8) -> Option<char> {
    char::from_u32(0x10_ff00 + u32::from(byte)).filter(|c| RAW.contains(c))
}

/// A name as text: file systems and the kernel take names of any bytes (`ip link add` too), and one that is left out is one that
/// nobody checks. [`to_bytes`] is the way back.
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if RAW.contains(&c) {
                text.extend(c.encode_utf8(&mut [0; 4]).bytes().filter_map(raw));
            } else {
                text.push(c);
            }
        }
        text.extend(chunk.invalid().iter().copied().filter_map(raw));
    }
    text
}

/// Whether a name has bytes that are not UTF-8.
#[must_use]
pub fn is_raw(text: &str) -> bool {
    // All of these characters begin with this byte, and hardly any others do.
    text.as_bytes().contains(&0xf4) && text.contains(|c| RAW.contains(&c))
}

/// The bytes of a name.
#[must_use]
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !is_raw(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match raw_byte(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// The byte that a character stands for.
#[must_use]
pub fn raw_byte(c: char) -> Option<u8> {
    RAW.contains(&c).then(|| u32::from(c).to_le_bytes()[0])
}

/// Whether a terminal does something else with a character than show it: controls, and those that turn the direction of writing
/// round.
#[must_use]
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || RAW.contains(&c)
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text that came from the system or from a profile, fit for a terminal: control characters are spelled out, and so are the
/// characters that turn the direction of text round; bytes that are no text are `\xff`.
#[must_use]
pub fn printable(text: &str) -> String {
    let hostile = |c: char| is_hostile(c) && c != '\n' && c != '\t';
    if !text.contains(hostile) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| {
            if let Some(byte) = raw_byte(c) {
                format!("\\x{byte:02x}")
            } else if hostile(c) {
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

/// Breaks lines that are wider than `width` at spaces, and indents what follows by `indent` more than the line. What stands between
/// backticks stays in one piece: a command is there to be copied.
#[must_use]
pub fn fold(text: &str, width: usize, indent: usize) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| fold_line(line, width, indent)).collect();
    lines.join("\n")
}

fn fold_line(line: &str, width: usize, indent: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let margin = line.len() - line.trim_start_matches(' ').len();
    let mut is_code = false;
    let pieces = line[margin..].split(|c: char| {
        is_code ^= c == '`';
        c == ' ' && !is_code
    });
    let mut out = " ".repeat(margin);
    let mut columns = margin;
    for (at, piece) in pieces.enumerate() {
        let length = piece.chars().count();
        if at > 0 && columns + 1 + length > width {
            out.push('\n');
            out.push_str(&" ".repeat(margin + indent));
            columns = margin + indent;
        } else if at > 0 {
            out.push(' ');
            columns += 1;
        }
        out.push_str(piece);
        columns += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_at_spaces_and_commands_stay_whole() {
        assert_eq!(fold("a short line", 12, 2), "a short line");
        assert_eq!(
            fold("one two three\n  four five six", 11, 2),
            "one two\n  three\n  four five\n    six"
        );
        assert_eq!(fold("try `a b c d`, or not", 12, 2), "try\n  `a b c d`,\n  or not");
        assert_eq!(fold("averyveryverylongword b", 5, 0), "averyveryverylongword\nb");
        assert_eq!(fold("", 5, 0), "");
    }

    #[test]
    fn a_name_of_any_bytes_is_a_text_and_comes_back() {
        for bytes in [
            &b"eth0"[..],
            b"a\xff",
            b"\xc3",
            "\u{e9}\u{10ffff}".as_bytes(),
            b"\x80\xfe.x",
            b"\xf4\x8f\xbf",
        ] {
            let text = from_bytes(bytes);
            assert_eq!(to_bytes(&text), bytes, "{text:?}");
            assert_eq!(is_raw(&text), !matches!(bytes, b"eth0"), "{text:?}");
        }
        assert_eq!(printable(&from_bytes(b"a\xff/x\n")), "a\\xff/x\n");
        // Nothing that ends a name or leads elsewhere can be hidden in it.
        assert!(!RAW.clone().filter_map(raw_byte).any(|byte| byte < 0x80));
    }
}
