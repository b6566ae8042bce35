//! What stays out of a recording: of files that may hold secrets only the lines are kept that a kind reads.

use crate::accounts::rows;
use crate::persisted::{pam, shells};
use crate::{systemd, writers};

/// A file's content as it may be recorded, where it is one of those whose other lines may be secret; `None` for the rest.
pub(super) fn redact(path: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    if shells::counts(path) {
        return Some(shells::without_secrets(bytes));
    }
    if path.contains("/systemd/") {
        return Some(systemd::without_secrets(bytes));
    }
    if path.ends_with("/daemon.json") {
        return Some(daemon(bytes));
    }
    if path.contains("/containers.conf") {
        return Some(containers(bytes));
    }
    if path == "/etc/passwd" {
        return Some(passwd(bytes));
    }
    pam::without_others(path, bytes).or_else(|| writers::without_others(path, bytes))
}

/// Docker's configuration with the keys that a kind reads; what is no JSON stays none.
fn daemon(bytes: &[u8]) -> Vec<u8> {
    const KEYS: &[&str] = &[
        "default-ulimits",
        "exec-opts",
        "ip-forward",
        "live-restore",
        "userland-proxy",
    ];
    match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes) {
        Ok(mut map) => {
            map.retain(|key, _| KEYS.contains(&key.as_str()));
            serde_json::to_vec(&map).unwrap_or_default()
        }
        Err(_) => b"not JSON".to_vec(),
    }
}

/// Podman's configuration with the keys that a kind reads; lines keep their numbers.
fn containers(bytes: &[u8]) -> Vec<u8> {
    const KEYS: &[&str] = &["default_ulimits", "cgroup_manager"];
    let text = String::from_utf8_lossy(bytes);
    let mut depth = 0_usize;
    let lines = text.split('\n').map(|line| {
        let key = line.split('=').next().unwrap_or_default().trim();
        let continues = depth > 0;
        if continues || KEYS.contains(&key) {
            let count = |c: char| line.matches(c).count();
            depth = (depth + count('[')).saturating_sub(count(']'));
            line
        } else if line.trim_start().starts_with('[') {
            line
        } else {
            ""
        }
    });
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

/// Accounts without what people wrote of themselves; lines keep their numbers.
fn passwd(bytes: &[u8]) -> Vec<u8> {
    let rows = bytes.split(|byte| *byte == b'\n').map(|line| {
        let Some(user) = rows::user(line) else {
            return Vec::new();
        };
        let ids = format!(":x:{}:{}::", user.uid, user.gid);
        [user.name, ids.as_bytes(), user.home, b":"].concat()
    });
    rows.collect::<Vec<_>>().join(&b'\n')
}

/// `1234 (name) S ...` without the name, for a process of somebody else.
pub(super) fn nameless(stat: &[u8]) -> Vec<u8> {
    let (open, close) = (
        stat.iter().position(|byte| *byte == b'('),
        stat.iter().rposition(|byte| *byte == b')'),
    );
    match (open, close) {
        (Some(open), Some(close)) if open < close => [&stat[..=open], &stat[close..]].concat(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(path: &str, text: &str) -> String {
        String::from_utf8(redact(path, text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn what_no_kind_reads_is_left_out() {
        let json = r#"{"live-restore": true, "proxies": {"http-proxy": "http://u:secret@x"}}"#;
        assert_eq!(kept("/etc/docker/daemon.json", json), r#"{"live-restore":true}"#);
        assert_eq!(kept("/etc/docker/daemon.json", "{secret"), "not JSON");
        let toml =
            "[containers]\nenv = [\"TOKEN=secret\"]\ndefault_ulimits = [\n  \"nofile=1:2\",\n]\n[engine]\nhelper = 1\n";
        assert_eq!(
            kept("/etc/containers/containers.conf", toml),
            "[containers]\n\ndefault_ulimits = [\n  \"nofile=1:2\",\n]\n[engine]\n\n"
        );
        assert_eq!(
            kept("/etc/passwd", "ann:x:1:2:Ann Other,555:/home/ann:/bin/sh\n"),
            "ann:x:1:2::/home/ann:\n"
        );
        assert_eq!(
            kept(
                "/etc/passwd",
                "# Ann's, 555\n+nis:x:1:1:secret:/:\nann:x:+1: 2:Ann:/a:/b\nbob:x:3:4\n"
            ),
            "\n\nann:x:1:2::/a:\nbob:x:3:4:::\n"
        );
        assert_eq!(nameless(b"12 (a (b) c) S 1 2"), b"12 () S 1 2");
        assert_eq!(redact("/proc/meminfo", b"x"), None);
    }
}
