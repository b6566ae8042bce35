//! What the kernel makes of a text that is written to a key: a program that reads a file hands over what stands behind the `=` as it
//! is, and what comes of it follows from the key's type alone.
//!
//! | type | handler in kernel/sysctl.c | `600 # x` | in the middle of a row |
//! |---|---|---|---|
//! | a number, a row of numbers | `proc_dointvec()` and its like | takes the number in front of white space | the numbers before it are set already |
//! | a range | two numbers in a copy of its own | takes both | sets nothing |
//! | ports | `proc_do_large_bitmap()` | refuses it: there is no white space in a list | sets nothing |
//! | a name of something that the kernel has | a look for the name | refuses it | |
//! | any other text | `proc_dostring()` | takes all of it | |

use crate::value::{PortSet, Type};

/// What comes of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// All of it is taken, and means this: decimal numbers with a space between them, or the text itself.
    Whole(String),
    /// What stands in front is taken, and the rest makes no difference.
    Front {
        /// What is set.
        set: String,
        /// What stands behind it.
        rest: String,
    },
    /// The kernel answers with an error.
    Refused {
        /// Of a row, the numbers in front of the mistake: they are set all the same.
        set: Option<String>,
        /// Why: `takes a number, and "64K" is none`.
        why: String,
    },
    /// Nobody can tell: the key is not known.
    Unknown,
}

impl Written {
    /// What is set, if that is known.
    #[must_use]
    pub fn set(&self) -> Option<&str> {
        match self {
            Written::Whole(set) | Written::Front { set, .. } => Some(set),
            Written::Refused { set, .. } => set.as_deref(),
            Written::Unknown => None,
        }
    }

    /// Why the kernel answers with an error, if it does.
    #[must_use]
    pub fn refused(&self) -> Option<&str> {
        match self {
            Written::Refused { why, .. } => Some(why),
            Written::Whole(_) | Written::Front { .. } | Written::Unknown => None,
        }
    }
}

/// What a text begins with may be at most so long: `TMPBUFLEN` of kernel/sysctl.c.
const LONGEST_NUMBER: usize = 20;

/// Texts that are names of something that the kernel has or loads a module for: `tcp_set_default_congestion_control()`,
/// `tcp_set_allowed_congestion_control()`, `qdisc_set_default()`.
const NAMES: &[&str] = &[
    "net.core.default_qdisc",
    "net.ipv4.tcp_allowed_congestion_control",
    "net.ipv4.tcp_congestion_control",
];

/// Ranges that may be empty: what ends before it begins is made `1 0` by `ipv4_ping_group_range()`.
const MAY_BE_EMPTY: &[&str] = &["net.ipv4.ping_group_range"];

/// What a key holds at least and at most (its `extra1` and `extra2`, else its C type), where a kernel was seen to refuse what is beyond.
const HOLDS: &[(&str, i128, i128)] = &[
    ("kernel.msgmax", 0, INT),
    ("kernel.msgmnb", 0, INT),
    ("kernel.msgmni", 0, 32_768),
    ("kernel.shmmni", 0, 32_768),
    ("net.core.somaxconn", 0, INT),
    ("net.ipv4.ip_local_port_range", 1, 65_535),
    ("net.ipv4.ping_group_range", 0, 4_294_967_294),
];

/// The most that a C integer holds.
const INT: i128 = i32::MAX as i128;

/// Keys of `net` that are no C integer: an unsigned one, a long one, or a time that the kernel converts. A test tries every key that a
/// namespace has.
const WIDE: &[&str] = &[
    "net.core.bpf_jit_limit",
    "net.ipv4.icmp_ratelimit",
    "net.ipv4.ipfrag_high_thresh",
    "net.ipv4.ipfrag_low_thresh",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_notsent_lowat",
    "net.ipv4.udp_mem",
    "net.netfilter.nf_conntrack_buckets",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
    "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
    "net.nf_conntrack_max",
];

/// What the kernel makes of a text that is written to a key of a type, by its canonical name; `None` is a type that nobody knows.
#[must_use]
pub fn written(key: &str, kind: Option<Type>, text: &str) -> Written {
    let refused = |set: Option<String>, wanted: &str| Written::Refused {
        set,
        why: match text.trim() {
            "" => format!("takes {wanted}, and nothing stands there"),
            text => format!("takes {wanted}, and `{text}` is not that{}", hint(text)),
        },
    };
    match kind {
        Some(Type::Number(_)) => row(key, text, Some(1), |set| refused(set, "an integer")),
        Some(Type::Tuple(fields, _)) => {
            let most = Some(fields.len()).filter(|most| *most > 0);
            let wanted = most.map_or("integers".to_owned(), |most| format!("{most} integers"));
            row(key, text, most, |set| refused(set, &wanted))
        }
        Some(Type::Range) => range(key, text, || {
            refused(None, "a range, two integers with white space between them")
        }),
        Some(Type::Ports) => match ports(text) {
            Some(set) => Written::Whole(set),
            None => refused(None, "a list of ports, without white space"),
        },
        Some(Type::Text | Type::Words) if NAMES.contains(&key) => {
            let is_name = |word: &str| {
                word.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            };
            match text.trim().split(' ').all(is_name) && (kind == Some(Type::Words) || !text.trim().contains(' ')) {
                true => Written::Whole(text.trim().to_owned()),
                false if kind == Some(Type::Words) => refused(None, "names"),
                false => refused(None, "a name"),
            }
        }
        Some(Type::Text | Type::Words) => Written::Whole(text.trim().to_owned()),
        // No key of the kernel has one of these.
        Some(Type::Bool | Type::Choice | Type::Version) | None => Written::Unknown,
    }
}

/// One number or more, each of which is set before the next one is looked at.
fn row(key: &str, text: &str, most: Option<usize>, refused: impl Fn(Option<String>) -> Written) -> Written {
    let (mut numbers, mut rest): (Vec<String>, &str) = (Vec::new(), skip(text));
    while !rest.is_empty() && most.is_none_or(|most| numbers.len() < most) {
        match number(rest, b" \t\n").filter(|(number, _)| holds(key, *number)) {
            Some((number, behind)) => {
                numbers.push(number.to_string());
                rest = skip(behind);
            }
            // How many there are is not known, so that this may stand behind the last.
            None if most.is_none() && !numbers.is_empty() => return Written::Unknown,
            None => return refused(Some(numbers.join(" ")).filter(|_| !numbers.is_empty())),
        }
    }
    match (numbers.is_empty(), rest.is_empty()) {
        (true, _) => refused(None),
        (false, true) => Written::Whole(numbers.join(" ")),
        (false, false) => Written::Front {
            set: numbers.join(" "),
            rest: rest.trim_end().to_owned(),
        },
    }
}

/// Two numbers that are looked at together; with one alone the other one stays.
fn range(key: &str, text: &str, refused: impl Fn() -> Written) -> Written {
    match row(key, text, Some(2), |_| refused()) {
        Written::Whole(set) => match in_order(key, &set) {
            Some(set) => Written::Whole(set),
            None => refused(),
        },
        Written::Front { set, rest } => match in_order(key, &set) {
            Some(set) => Written::Front { set, rest },
            None => refused(),
        },
        other @ (Written::Refused { .. } | Written::Unknown) => other,
    }
}

fn in_order(key: &str, set: &str) -> Option<String> {
    let bound = |text: &str| text.parse::<i128>().ok();
    match set.split_once(' ') {
        Some((first, last)) if bound(last) < bound(first) => MAY_BE_EMPTY.contains(&key).then(|| "1 0".to_owned()),
        Some(_) | None => Some(set.to_owned()),
    }
}

/// Ports and ranges of them, with commas between them and nothing else.
fn ports(text: &str) -> Option<String> {
    let (mut found, mut rest): (Vec<String>, &str) = (Vec::new(), text.trim_end_matches('\n'));
    let port = |number: i128| u16::try_from(number).ok();
    while !rest.is_empty() {
        let (first, behind) = number(rest, b"-,")?;
        let first = port(first)?;
        rest = behind;
        let mut last = first;
        if let Some(behind) = rest.strip_prefix('-') {
            let (number, behind) = number(behind, b",")?;
            last = port(number).filter(|last| *last >= first)?;
            rest = behind;
        }
        rest = rest.strip_prefix(',').unwrap_or(rest);
        found.push(format!("{first}-{last}"));
    }
    PortSet::parse(&found.join(",")).ok().map(|ports| ports.to_string())
}

/// The integer that a text begins with, as `proc_get_long()` finds it, and what is behind it: decimal, octal after a zero,
/// hexadecimal after `0x`, and then the end or one of these.
fn number<'a>(text: &'a str, then: &[u8]) -> Option<(i128, &'a str)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let bytes = digits.as_bytes();
    let is_hex = bytes.len() > 2 && bytes[0] == b'0' && bytes[1] | 0x20 == b'x' && bytes[2].is_ascii_hexdigit();
    let (radix, start) = match bytes.first()? {
        b'0' if is_hex => (16, 2),
        b'0' => (8, 0),
        b'1'..=b'9' => (10, 0),
        _ => return None,
    };
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    let end = start + bytes[start..].iter().take_while(|byte| is_digit(byte)).count();
    let behind = &digits[end..];
    let is_long = usize::from(negative) + end > LONGEST_NUMBER;
    if is_long || behind.bytes().next().is_some_and(|byte| !then.contains(&byte)) {
        return None;
    }
    let number = u64::from_str_radix(&digits[start..end], radix).ok()?;
    let number = i128::from(number);
    Some((if negative { -number } else { number }, behind))
}

/// `skip_spaces()`: the vertical ones count in front of a number, and not behind one.
fn skip(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r'])
}

fn holds(key: &str, number: i128) -> bool {
    match HOLDS.iter().find(|(name, ..)| *name == key) {
        Some((_, least, most)) => (*least..=*most).contains(&number),
        None if key.starts_with("net.") && !WIDE.contains(&key) && !key.ends_with("_ms") => number.abs() <= INT,
        None => true,
    }
}

/// What is most likely wrong with a text that the kernel refuses.
fn hint(text: &str) -> &'static str {
    let text = text.trim();
    let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if ["{{", "{%", "<%", "${"].iter().any(|mark| text.contains(mark)) {
        ": this is a template; render it first"
    } else if text.starts_with(['"', '\'']) {
        ": the quotes are a part of it"
    } else if matches!(
        text.to_ascii_lowercase().as_str(),
        "yes" | "no" | "on" | "off" | "true" | "false" | "enabled" | "disabled"
    ) {
        ": the kernel knows no such words, but 1 and 0"
    } else if digits(text) && text.contains(['#', ';']) {
        ": a comment must be a line of its own"
    } else if digits(text) && text.ends_with(['k', 'K', 'm', 'M', 'g', 'G', 'b', 'B']) {
        ": the kernel knows no units"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::system::Os;

    fn of(key: &str, text: &str) -> (Option<String>, bool) {
        let kind = catalogue::lookup(Os::Linux, key).expect("a key").value;
        let written = written(key, Some(kind), text);
        (written.set().map(str::to_owned), written.refused().is_some())
    }

    fn takes(key: &str, text: &str, set: &str) {
        assert_eq!(of(key, text), (Some(set.to_owned()), false), "{key} {text:?}");
    }

    fn refuses(key: &str, texts: &[&str]) {
        for text in texts {
            assert_eq!(of(key, text), (None, true), "{key} {text:?}");
        }
    }

    #[test]
    fn a_number_ends_at_white_space_and_at_nothing_else() {
        let key = "net.core.somaxconn";
        for text in [
            "600",
            "600   # ten",
            "600 ; x",
            "600\t#",
            "\x0b600",
            "600 700",
            "0x258",
            "0X258",
            "01130",
        ] {
            takes(key, text, "600");
        }
        takes(key, "0", "0");
        takes("net.ipv4.tcp_keepalive_time", "-1", "-1");
        takes("kernel.shmmax", "18446744073692774399", "18446744073692774399");
        takes("net.ipv4.tcp_notsent_lowat", "4294967295", "4294967295");
        refuses("net.core.rmem_max", &["2147483648", "4294967296"]);
        refuses(
            key,
            &[
                "33#x",
                "64K",
                "\"65536\"",
                "yes",
                "1024-65535",
                "1,048,576",
                "1_000",
                "",
                " ",
                "+5",
                "08",
                "0x",
                "0xg",
                "- 5",
                "5.5",
                "1e3",
                "600\r",
                "600\x0b# x",
                "18446744073709551616",
                "2147483648",
                "-1",
                "000000000000000000600",
            ],
        );
    }

    #[test]
    fn the_numbers_of_a_row_are_set_one_after_the_other() {
        let key = "net.ipv4.tcp_rmem";
        takes(key, "4096\t87380  8388608 # three", "4096 87380 8388608");
        takes(key, "4096 87380 8388608 9", "4096 87380 8388608");
        takes(key, "4096", "4096");
        let begun = |set: &str| (Some(set.to_owned()), true);
        assert_eq!(of(key, "4096 87380 # two"), begun("4096 87380"));
        assert_eq!(of(key, "4096 x 7"), begun("4096"));
        refuses(key, &["4096,87380,8388608", "\"4096 87380 8388608\""]);
    }

    #[test]
    fn a_range_is_set_as_a_whole_or_not_at_all() {
        let key = "net.ipv4.ip_local_port_range";
        takes(key, "20000 60001 # ports", "20000 60001");
        takes(key, "0x4000 0xffff", "16384 65535");
        refuses(
            key,
            &[
                "1024-65535",
                "20000 x",
                "\"9000 65500\"",
                "60001 20000",
                "20000 70000",
                "0 5",
            ],
        );
        takes("net.ipv4.ping_group_range", "5 4", "1 0");
        refuses("net.ipv4.ping_group_range", &["0 4294967295"]);
    }

    #[test]
    fn a_list_of_ports_has_no_white_space() {
        let key = "net.ipv4.ip_local_reserved_ports";
        takes(key, "8080,9000-9100,", "8080,9000-9100");
        takes(key, "0x10", "16");
        takes(key, "", "");
        refuses(
            key,
            &[
                "8080 # x",
                "8080, 9090",
                "9100-9000",
                "70000",
                ",8080",
                "8080-",
                " 8080",
                "x",
            ],
        );
    }

    #[test]
    fn a_text_is_taken_as_it_is_unless_it_is_a_name() {
        takes("kernel.core_pattern", "core.%e # x", "core.%e # x");
        takes("net.ipv4.tcp_allowed_congestion_control", "cubic reno", "cubic reno");
        takes("net.core.default_qdisc", "fq_codel", "fq_codel");
        refuses("net.core.default_qdisc", &["fq   # fair", "\"fq\"", "fq codel"]);
        refuses("net.ipv4.tcp_congestion_control", &["cubic # text"]);
        refuses("net.ipv4.tcp_allowed_congestion_control", &["cubic reno # both"]);
        assert_eq!(written("a.b", None, "600 # x"), Written::Unknown);
    }
}
