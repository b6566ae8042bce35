//! What a program was told: its command line, and the file of its configuration.

use crate::catalogue::{Config, Setting, Unless};
use crate::host::Host;
use crate::system::Failure;

/// Options of one program.
pub(super) struct Options {
    /// The words of the command line that count.
    line: Vec<String>,
    /// The file's text; empty where there is none.
    file: String,
}

/// The keys that are looked for in files. A recording keeps no other line.
const KEYS: &[&str] = &[
    "ip-forward",
    "maxPerCore",
    "min",
    "protectKernelDefaults",
    "tcpCloseWaitTimeout",
    "tcpEstablishedTimeout",
];

/// The options that are looked for in command lines. A recording keeps no other.
const OPTIONS: &[&str] = &[
    "--config",
    "--conntrack-max-per-core",
    "--conntrack-min",
    "--conntrack-tcp-timeout-close-wait",
    "--conntrack-tcp-timeout-established",
    "--ip-forward",
    "--protect-kernel-defaults",
];

impl Options {
    /// Reads them; `root` is where the program's own files are.
    ///
    /// # Errors
    /// Nobody can tell: why.
    pub(super) fn read(host: &Host<'_>, line: Vec<String>, root: &str, config: Config) -> Result<Self, String> {
        let mut options = Self {
            line,
            file: String::new(),
        };
        let path = match config {
            Config::None => None,
            Config::File(path) => Some((path.to_owned(), false)),
            Config::Option(name, alone) => options.word(name).map(|path| (path.to_owned(), alone)),
        };
        let Some((path, alone)) = path else {
            return Ok(options);
        };
        if !path.starts_with('/') {
            return Err(format!("{path} is below a directory that is not known"));
        }
        options.file = match (host.text(&format!("{root}{path}")), config) {
            (Ok(text), _) => text,
            (Err(Failure::Absent), Config::File(_)) => String::new(),
            (Err(failure), _) => return Err(format!("{path}: {failure}")),
        };
        if alone {
            options.line.clear();
        }
        Ok(options)
    }

    /// The word of an option: `--name=word`, or `--name word`.
    fn word(&self, name: &str) -> Option<&str> {
        let mut found = None;
        let mut words = self.line.iter().peekable();
        while let Some(word) = words.next() {
            if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
                found = Some(value);
            } else if word == name {
                // One of a switch alone means that it is on.
                let next = words.peek().filter(|next| !next.starts_with('-'));
                found = Some(next.map_or("true", |next| next.as_str()));
            }
        }
        found.map(|word| word.trim_matches(['"', '\'']))
    }

    /// The value of a key in the file, which is YAML with a key to a line, or JSON.
    fn value(&self, key: &str) -> Option<&str> {
        let found = self.file.split(['\n', ',', '{', '}']).find_map(|piece| {
            let (name, value) = piece.split_once(':')?;
            (name.trim().trim_matches('"') == key).then_some(value)
        })?;
        let value = found.split(" #").next().unwrap_or_default();
        let value = value.trim().trim_matches(['"', '\'']);
        (!matches!(value, "" | "null" | "~")).then_some(value)
    }

    fn text(&self, option: &str, key: &str) -> Option<&str> {
        self.word(option).or_else(|| self.value(key))
    }

    /// A switch; `None` where nobody says.
    pub(super) fn switch(&self, unless: &Unless) -> Option<bool> {
        self.text(unless.option, unless.key)?.to_ascii_lowercase().parse().ok()
    }

    /// A number; `None` where it is none.
    pub(super) fn number(&self, setting: &Setting) -> Option<i128> {
        match self.text(setting.option, setting.key) {
            Some(text) => text.parse().ok(),
            None => Some(setting.default),
        }
    }

    /// A span of time in seconds, as Go writes it: `24h0m0s`.
    pub(super) fn seconds(&self, setting: &Setting) -> Option<i128> {
        match self.text(setting.option, setting.key) {
            Some(text) => go_seconds(text),
            None => Some(setting.default),
        }
    }
}

fn go_seconds(text: &str) -> Option<i128> {
    let (mut total, mut digits) = (0_i128, String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let number: i128 = std::mem::take(&mut digits).parse().ok()?;
        total += number
            * match c {
                'h' => 3600,
                'm' => 60,
                's' => 1,
                _ => return None,
            };
    }
    (digits.is_empty() || digits == "0").then_some(total)
}

/// What a recording keeps of the files that are read here; `None` for other files.
pub(crate) fn without_others(path: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let rest = path.strip_prefix("/proc/")?;
    let (pid, rest) = rest.split_once('/')?;
    if pid.parse::<u32>().is_err() {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    if rest == "cmdline" {
        let is_known = |word: &&str| OPTIONS.iter().any(|option| word.split('=').next() == Some(option));
        return Some(
            text.split('\0')
                .filter(is_known)
                .collect::<Vec<_>>()
                .join("\0")
                .into_bytes(),
        );
    }
    rest.starts_with("root/").then(|| {
        let is_known = |line: &&str| {
            let key = line.split(':').next().unwrap_or_default();
            KEYS.contains(&key.trim().trim_matches('"'))
        };
        text.lines()
            .filter(is_known)
            .collect::<Vec<_>>()
            .join("\n")
            .into_bytes()
    })
}
