//! Commands in the start files of shells and in cron's tables that set kernel parameters: where they do not belong.

use crate::system::{Failure, System};

/// Read by every shell that somebody starts, or by every login.
const SHELLS: &[&str] = &[
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/zshrc",
    "/etc/zprofile",
    "/etc/zsh/zshrc",
    "/etc/zsh/zprofile",
];
/// Read by root's shells, and readable by root alone.
const ROOTS: &[&str] = &["/root/.bashrc", "/root/.bash_profile", "/root/.profile", "/root/.zshrc"];
const SHELL_DIRECTORIES: &[&str] = &["/etc/profile.d"];

const CRON: &[&str] = &["/etc/crontab"];
const CRON_DIRECTORIES: &[&str] = &[
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
];

/// A command that sets something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The key, dotted; a file's name where the command reads keys from it.
    pub key: String,
    /// `/etc/bash.bashrc:12`.
    pub place: String,
}

/// Commands in the files that shells read: everybody's, and as root those of root.
///
/// # Errors
/// A file that is there and cannot be read, in words.
pub fn of_shells(system: &dyn System) -> Result<Vec<Command>, String> {
    let mut files = SHELLS.to_vec();
    if system.identity().uid == 0 {
        files.extend(ROOTS);
    }
    read(system, &files, SHELL_DIRECTORIES)
}

/// Commands in cron's tables and in the scripts that it starts. Tables of users are theirs, and are not read.
///
/// # Errors
/// A file that is there and cannot be read, in words.
pub fn of_cron(system: &dyn System) -> Result<Vec<Command>, String> {
    read(system, CRON, CRON_DIRECTORIES)
}

/// Whether a path is one of these files.
#[must_use]
pub fn counts(path: &str) -> bool {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    [SHELLS, ROOTS, CRON].iter().any(|files| files.contains(&path))
        || [SHELL_DIRECTORIES, CRON_DIRECTORIES]
            .iter()
            .any(|directories| directories.contains(&parent))
}

/// A file's lines that set something; the others, which may hold secrets, are left empty and keep their numbers.
#[must_use]
pub fn without_secrets(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let lines = text.split('\n').map(|line| match commands(line).is_empty() {
        true => "",
        false => line,
    });
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

fn read(system: &dyn System, files: &[&str], directories: &[&str]) -> Result<Vec<Command>, String> {
    let mut paths: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
    for directory in directories {
        // Hidden files are no tables and no scripts.
        let names = match system.list(directory) {
            Err(Failure::Absent) => continue,
            // A recording that was made before anybody asked has none that it could show.
            Err(failure) if failure.is_not_recorded() => continue,
            other => other.map_err(|failure| format!("{directory}: {failure}"))?,
        };
        let names = names.iter().filter(|name| !name.starts_with('.'));
        paths.extend(names.map(|name| format!("{directory}/{name}")));
    }
    let mut found = Vec::new();
    for path in paths {
        let text = match system.read(&path) {
            Ok(text) => text,
            Err(Failure::Absent | Failure::Io(libc::EISDIR)) => continue,
            Err(failure) => return Err(format!("{path}: {failure}")),
        };
        for (line, number) in String::from_utf8_lossy(&text).lines().zip(1..) {
            let place = format!("{path}:{number}");
            found.extend(commands(line).into_iter().map(|key| Command {
                key,
                place: place.clone(),
            }));
        }
    }
    Ok(found)
}

/// What the commands of a line set: arguments of sysctl, and files below /proc/sys that something is written to.
fn commands(line: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut sysctl = false;
    let mut writes = false;
    for word in words(line) {
        match word {
            ";" | "&" | "|" => (sysctl, writes) = (false, false),
            ">" | "tee" => writes = true,
            _ if word.starts_with("/proc/sys/") => {
                if writes {
                    keys.push(word["/proc/sys/".len()..].replace('/', "."));
                }
                writes = false;
            }
            _ if word == "sysctl" || word.ends_with("/sysctl") => sysctl = true,
            "-p" | "--load" | "--system" if sysctl => keys.push("the files of sysctl.d".to_owned()),
            _ if sysctl && !word.starts_with('-') => {
                if let Some((key, _)) = word.split_once('=') {
                    keys.push(key.replace('/', "."));
                }
            }
            _ => {}
        }
    }
    keys
}

/// Words and separators of a line up to a comment. Quotes are left out: what is in them is a command often enough.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        let separator = matches!(c, ';' | '&' | '|' | '>');
        if c == '#' && before.is_whitespace() {
            break;
        }
        if separator || c.is_whitespace() || matches!(c, '"' | '\'' | '(' | ')' | '`') {
            if let Some(from) = start.take() {
                words.push(&line[from..at]);
            }
            if separator {
                words.push(&line[at..at + 1]);
            }
        } else if start.is_none() {
            start = Some(at);
        }
        before = c;
    }
    if let Some(from) = start {
        let end = line[from..]
            .find(|c: char| c.is_whitespace())
            .map_or(line.len(), |length| from + length);
        words.push(&line[from..end]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sets_a_key_is_told_from_what_reads_one() {
        let set = [
            ("sudo sysctl -w net.core.somaxconn=1024", "net.core.somaxconn"),
            ("if true; then /sbin/sysctl -q vm/swappiness=1 ; fi", "vm.swappiness"),
            ("echo 3 > /proc/sys/vm/drop_caches", "vm.drop_caches"),
            (
                "0 4 * * * root sync; echo 1 >/proc/sys/vm/drop_caches",
                "vm.drop_caches",
            ),
            (
                "5 * * * * root echo 1 | tee -a /proc/sys/vm/drop_caches # hourly",
                "vm.drop_caches",
            ),
            ("bash -c 'sysctl -w vm.drop_caches=3'", "vm.drop_caches"),
            ("sysctl -p", "the files of sysctl.d"),
        ];
        for (line, key) in set {
            assert_eq!(commands(line), [key], "{line}");
        }
        for line in [
            "# sysctl -w net.core.somaxconn=1024",
            "echo hello # sysctl -w a.b=1",
            "max=$(sysctl -n net.core.somaxconn)",
            "cat /proc/sys/vm/swappiness > /tmp/x",
            "alias ports='sysctl net.ipv4.ip_local_port_range'",
            "PS1=x",
        ] {
            assert_eq!(commands(line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn other_lines_stay_out_of_recordings() {
        let text = without_secrets(b"export TOKEN=hunter2\nsysctl -w vm.swappiness=1\n");
        assert_eq!(text, b"\nsysctl -w vm.swappiness=1\n");
    }
}
