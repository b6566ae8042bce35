//! The lines of systemd's files: systemd.syntax(7).

/// An assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) section: String,
    pub(super) key: String,
    pub(super) value: String,
    /// Where it begins, counted from 1.
    pub(super) number: u32,
}

/// A logical line: what a backslash at the end continues is one with what follows.
struct Logical {
    text: String,
    /// The first and the last physical line, counted from 1.
    first: u32,
    last: u32,
}

fn logical(text: &str) -> Vec<Logical> {
    let mut found: Vec<Logical> = Vec::new();
    let mut open = false;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (row, number) in text.split('\n').zip(1..) {
        // systemd ends a line at each of the three; whoever looks for its number counts `\n`.
        for part in row.split(['\r', '\0']) {
            let part = part.trim_start_matches([' ', '\t']);
            // A comment between continued lines is left out, and ends nothing.
            if part.starts_with(['#', ';']) || (part.is_empty() && !open) {
                continue;
            }
            // A backslash that another one escapes continues nothing.
            let continued = part.len() - part.trim_end_matches('\\').len();
            let (piece, continues) = match part.strip_suffix('\\') {
                Some(piece) if continued % 2 == 1 => (format!("{piece} "), true),
                _ => (part.to_owned(), false),
            };
            match found.last_mut() {
                Some(line) if open => {
                    line.text.push_str(&piece);
                    line.last = number;
                }
                _ => found.push(Logical {
                    text: piece,
                    first: number,
                    last: number,
                }),
            }
            open = continues;
        }
    }
    found
}

/// Every assignment, in order. What stands before the first section, and what is none, says nothing.
pub(super) fn parse(text: &str) -> Vec<Line> {
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in logical(text) {
        let text = line.text.trim();
        if let Some(name) = text.strip_prefix('[') {
            section = name.strip_suffix(']').unwrap_or_default().to_owned();
        } else if let (Some((key, value)), false) = (text.split_once('='), section.is_empty()) {
            lines.push(Line {
                section: section.clone(),
                key: key.trim().to_owned(),
                value: value.trim().to_owned(),
                number: line.first,
            });
        }
    }
    lines
}

/// Options of a daemon's command line that say something of its containers, and nothing secret.
const OPTIONS: &[&str] = &["--default-ulimit", "--exec-opt", "--live-restore", "--userland-proxy"];

/// A file's text without the lines that could hold a secret (environment, credentials, arguments of programs); the others keep
/// their numbers.
pub fn without_secrets(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let mut rows: Vec<String> = vec![String::new(); text.split('\n').count()];
    let physical: Vec<&str> = text.split('\n').collect();
    for line in logical(&text) {
        let (first, last) = (line.first as usize - 1, line.last as usize - 1);
        let trimmed = line.text.trim();
        let key = trimmed.split('=').next().unwrap_or_default().trim();
        let said = key.starts_with("Limit")
            || key.starts_with("Default")
            || key.starts_with('[')
            || matches!(
                key,
                "RemoveIPC"
                    | "TasksMax"
                    | "MemoryMax"
                    | "CPUQuota"
                    | "OOMScoreAdjust"
                    | "PIDFile"
                    | "PAMName"
                    | "Type"
                    | "RemainAfterExit"
                    | "WantedBy"
                    | "RequiredBy"
                    | "Alias"
                    | "DefaultInstance"
            );
        if said {
            for at in first..=last {
                physical[at].clone_into(&mut rows[at]);
            }
        } else if key == "ExecStart" {
            rows[first] = command(trimmed);
        }
    }
    rows.join("\n").into_bytes()
}

/// `ExecStart=` with the program and the options that are known to be harmless.
fn command(line: &str) -> String {
    let value = line.split_once('=').map_or("", |(_, value)| value.trim());
    let mut kept = Vec::new();
    let mut wants_value = false;
    for (at, word) in value.split_ascii_whitespace().enumerate() {
        let option = OPTIONS
            .iter()
            .any(|option| word == *option || word.strip_prefix(option).is_some_and(|rest| rest.starts_with('=')));
        if at == 0 || option || (wants_value && !word.starts_with('-')) {
            kept.push(word);
        }
        wants_value = OPTIONS.contains(&word);
    }
    format!("ExecStart={}", kept.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<(String, String, u32)> {
        let lines = parse(text).into_iter();
        lines
            .map(|line| (format!("{}.{}", line.section, line.key), line.value, line.number))
            .collect()
    }

    #[test]
    fn lines_continue_over_comments_and_end_at_an_escaped_backslash() {
        let text =
            "Lost=1\n[Service]\n A = b \\\n# between\n  ; and\n  c\nB=x\\\\\nC=\\\n\nD=1\n[Other\nE=2\n[X]\nF=\\";
        let expected = [
            ("Service.A", "b  c", 3),
            ("Service.B", "x\\\\", 7),
            ("Service.C", "", 8),
            ("Service.D", "1", 10),
            ("X.F", "", 14),
        ];
        let found = said(text);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((key, value, number), expected) in found.iter().zip(expected) {
            assert_eq!((key.as_str(), value.as_str(), *number), expected);
        }
    }

    #[test]
    fn secrets_are_left_out_and_lines_keep_their_numbers() {
        let text = b"[Service]\nEnvironment=TOKEN=1 \\\n  PASSWORD=2\nLimitNOFILE=\\\n 5\nExecStart=/usr/bin/dockerd --token x --default-ulimit nofile=1:2 --live-restore y\nPassword=z";
        let kept = String::from_utf8(without_secrets(text)).unwrap();
        assert_eq!(
            kept,
            "[Service]\n\n\nLimitNOFILE=\\\n 5\nExecStart=/usr/bin/dockerd --default-ulimit nofile=1:2 --live-restore y\n"
        );
        assert_eq!(said(&kept)[0], ("Service.LimitNOFILE".to_owned(), "5".to_owned(), 4));
    }
}
