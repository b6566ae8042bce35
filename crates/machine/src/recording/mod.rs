//! What a host answered, saved to a file and played back anywhere.
//!
//! A recording holds each question with its answers in order, so that what is sampled twice plays back as it was. It holds no
//! secrets: key material, serial numbers and the names of other users' processes stay out, from what the recorder returns as
//! well, so that the report that is made while recording is the one that the recording gives.

mod redact;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cmdline;
use crate::failure::Why;
use crate::files;
use crate::system::{self, Failure, Identity, Platform, Question, Stat, SysctlName, System};
use redact::{nameless, redact};

/// The version of the format.
pub const SCHEMA: &str = "runup.recording/2";

/// A host's answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    schema: String,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub time: i64,
    /// What made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    platform: Platform,
    identity: Identity,
    process: String,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, Vec<Answer<Text>>>,
    #[serde(default)]
    directories: BTreeMap<String, Answer<Vec<String>>>,
    #[serde(default)]
    stats: BTreeMap<String, Answer<Stat>>,
    #[serde(default)]
    links: BTreeMap<String, Answer<String>>,
    #[serde(default)]
    sysctls: BTreeMap<String, Vec<Answer<Text>>>,
    /// By what was asked: `limits nofile`, `sockets`.
    #[serde(default)]
    answers: BTreeMap<String, Vec<Answer<system::Answer>>>,
}

/// An answer: the thing, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Failed { error: ErrorWord },
    Is(T),
}

/// A failure by a word, or by its errno.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum ErrorWord {
    Word(String),
    Denied { denied: i32 },
    Io { errno: i32 },
    CannotTell { cannot_tell: String },
}

/// Before the limit, in a failure's word.
const TOO_LARGE: &str = "larger-than-";

/// A file's content: text, or where it is none, hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Hex { hex: String },
}

impl Text {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Text::Text(text.to_owned()),
            Err(_) => Text::Hex {
                hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            },
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Text::Text(text) => text.clone().into_bytes(),
            Text::Hex { hex } => {
                let digits = hex.as_bytes().chunks(2);
                digits
                    .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                    .collect()
            }
        }
    }
}

impl<T: Clone> Answer<T> {
    fn of<U>(result: &Result<U, Failure>, convert: impl FnOnce(&U) -> T) -> Self {
        match result {
            Ok(value) => Answer::Is(convert(value)),
            Err(failure) => Answer::Failed {
                error: match failure {
                    Failure::Absent => ErrorWord::Word("absent".to_owned()),
                    Failure::WriteOnly => ErrorWord::Word("write-only".to_owned()),
                    Failure::OutsideTree => ErrorWord::Word("outside".to_owned()),
                    Failure::NotText => ErrorWord::Word("not-text".to_owned()),
                    Failure::NotRegular => ErrorWord::Word("not-regular".to_owned()),
                    Failure::TooLarge(limit) => ErrorWord::Word(format!("{TOO_LARGE}{limit}")),
                    Failure::CannotTell(Why::NotRecorded(_)) => ErrorWord::Word("not-recorded".to_owned()),
                    Failure::CannotTell(why) => ErrorWord::CannotTell {
                        cannot_tell: why.to_string(),
                    },
                    Failure::Denied(errno) => ErrorWord::Denied { denied: *errno },
                    Failure::Io(errno) => ErrorWord::Io { errno: *errno },
                },
            },
        }
    }

    fn result(&self, question: &str) -> Result<T, Failure> {
        match self {
            Answer::Is(value) => Ok(value.clone()),
            Answer::Failed { error } => Err(match error {
                ErrorWord::Denied { denied } => Failure::Denied(*denied),
                ErrorWord::Io { errno } => Failure::Io(*errno),
                ErrorWord::CannotTell { cannot_tell } => Failure::CannotTell(Why::Said(cannot_tell.clone())),
                ErrorWord::Word(word) => match word.as_str() {
                    "absent" => Failure::Absent,
                    "write-only" => Failure::WriteOnly,
                    "outside" => Failure::OutsideTree,
                    "not-text" => Failure::NotText,
                    "not-regular" => Failure::NotRegular,
                    other => match other.strip_prefix(TOO_LARGE).and_then(|limit| limit.parse().ok()) {
                        Some(limit) => Failure::TooLarge(limit),
                        None => Failure::CannotTell(Why::NotRecorded(question.to_owned())),
                    },
                },
            }),
        }
    }
}

/// Whether a file or a sysctl holds something that must be neither shown nor recorded. Its own name says so, and not that of a
/// directory above it or a part of another word: a drop-in `10-environment.conf` is no `environ`.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "tcp_fastopen_key",
        "stable_secret",
        "serial",
        "serial_number",
        "product_uuid",
        "machine-id",
        "boot_id",
        "environ",
        "cmdline_key",
    ];
    let mut parts = name.rsplit(['/', '.']);
    let own = parts.next().unwrap_or_default();
    let is_random = own == "uuid" && parts.next() == Some("random");
    let holds_keys = name.contains("/keys/") && !name.starts_with("/proc/sys/");
    NAMES.contains(&own) || own.ends_with("_serial") || is_random || holds_keys
}

/// A drop-in of sysctl.d without the lines that set a secret; the others keep their numbers.
fn without_secret_lines(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let lines = text.split('\n').map(|line| {
        // A comment, or a line that sets nothing, may name it too.
        let mut words = line.split(|c: char| c.is_whitespace() || c == '=');
        if words.any(is_secret) { "#" } else { line }
    });
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

/// Variables that a recording may hold: they say where the process runs.
const VARIABLES: &[&str] = &["container", "KUBERNETES_SERVICE_HOST"];

impl Recording {
    /// Reads a recording from a file, or from a stream that is named: `-`.
    ///
    /// # Errors
    /// It cannot be read, is not a recording, or is one of another version.
    pub fn load(path: &str) -> Result<Self, String> {
        let bytes = files::read_named(path, crate::most::RECORDING).map_err(|why| why.to_string())?;
        Self::parse(&bytes)
    }

    /// Reads a recording.
    ///
    /// # Errors
    /// It is not a recording, or one of another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Header {
            schema: Option<String>,
        }
        let header: Header = serde_json::from_slice(bytes).map_err(|error| format!("it is not JSON: {error}"))?;
        match header.schema.as_deref() {
            Some(SCHEMA) => {}
            Some(other) => {
                return Err(format!(
                    "its format is `{other}`, and this runup reads `{SCHEMA}`; record the host again with this runup"
                ));
            }
            None => return Err("it is JSON, and no recording of `runup record`".to_owned()),
        }
        serde_json::from_slice(bytes).map_err(|error| format!("it is damaged: {error}"))
    }

    /// The recording as it is written to a file.
    ///
    /// # Errors
    /// Never for what a recorder made.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// The platform that was recorded.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Every recorded text, sysctls by their dotted name and files by their path, with its first answer.
    pub fn texts(&self) -> impl Iterator<Item = (String, Result<String, Failure>)> + '_ {
        let text = |name: &str, answers: &[Answer<Text>]| {
            let answer = answers
                .first()
                .map_or_else(|| Err(Failure::Absent), |answer| answer.result(name));
            answer.and_then(|text| String::from_utf8(text.bytes()).map_err(|_| Failure::NotText))
        };
        let sysctls = self
            .sysctls
            .iter()
            .map(move |(name, answers)| (name.clone(), text(name, answers)));
        let files = self
            .files
            .iter()
            .map(move |(path, answers)| (path.clone(), text(path, answers)));
        sysctls.chain(files)
    }

    /// Every recorded limit: resource, soft, hard.
    pub fn limits(&self) -> impl Iterator<Item = (&str, Result<(String, String), Failure>)> + '_ {
        self.answers.iter().filter_map(|(question, answers)| {
            let name = question.strip_prefix("limits ")?;
            let limits = match answers.first()?.result(question) {
                Ok(system::Answer::Limits(limits)) => Ok(limits.into()),
                Ok(_) => Err(Failure::NotText),
                Err(failure) => Err(failure),
            };
            Some((name, limits))
        })
    }

    fn empty(system: &dyn System) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            time: system.now(),
            note: None,
            platform: system.platform().clone(),
            identity: system.identity(),
            process: system.process_directory().to_owned(),
            environment: BTreeMap::new(),
            files: BTreeMap::new(),
            directories: BTreeMap::new(),
            stats: BTreeMap::new(),
            links: BTreeMap::new(),
            sysctls: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }
}

/// Asks another system, and notes what it answers.
pub struct Recorder<'a> {
    system: &'a dyn System,
    recording: RefCell<Recording>,
    own: u32,
}

impl<'a> Recorder<'a> {
    /// Nothing is noted yet.
    #[must_use]
    pub fn new(system: &'a dyn System) -> Self {
        Self {
            system,
            recording: RefCell::new(Recording::empty(system)),
            own: system.identity().uid,
        }
    }

    /// What was noted.
    #[must_use]
    pub fn finish(self) -> Recording {
        let mut recording = self.recording.into_inner();
        // An answer that never changed is noted once.
        for answers in recording.files.values_mut().chain(recording.sysctls.values_mut()) {
            fold(answers);
        }
        recording.answers.values_mut().for_each(fold);
        recording
    }

    /// The owner of a process, without noting the question.
    fn is_own(&self, pid: u32) -> bool {
        self.system
            .stat(&format!("/proc/{pid}"))
            .is_ok_and(|stat| stat.uid == self.own)
    }
}

/// The process whose `/proc/PID/stat` this is.
fn pid_of_stat(path: &str) -> Option<u32> {
    path.strip_prefix("/proc/")?.strip_suffix("/stat")?.parse().ok()
}

/// Drops the answers at the end that repeat the one before: playing back repeats the last one anyway.
fn fold<T: PartialEq>(answers: &mut Vec<T>) {
    while answers.len() > 1 && answers[answers.len() - 1] == answers[answers.len() - 2] {
        answers.pop();
    }
}

/// What stands for a secret: it is known to be there, and not what it is.
const SECRET: Failure = Failure::Denied(libc::EACCES);

impl System for Recorder<'_> {
    fn platform(&self) -> &Platform {
        self.system.platform()
    }

    fn identity(&self) -> Identity {
        self.system.identity()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let result = self.system.read(path);
        let result = if path == "/proc/cmdline" {
            result.map(|line| cmdline::without_secrets(&line))
        } else if path.contains("/sysctl.d/") || path == "/etc/sysctl.conf" {
            result.map(|text| without_secret_lines(&text))
        } else if pid_of_stat(path).is_some_and(|pid| !self.is_own(pid)) {
            result.map(|stat| nameless(&stat))
        } else if is_secret(path) {
            result.and(Err(SECRET))
        } else {
            result.map(|bytes| redact(path, &bytes).unwrap_or(bytes))
        };
        let answer = Answer::of(&result, |bytes| Text::of(bytes));
        self.recording
            .borrow_mut()
            .files
            .entry(path.to_owned())
            .or_default()
            .push(answer);
        result
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        let result = self.system.list(path);
        self.recording
            .borrow_mut()
            .directories
            .entry(path.to_owned())
            .or_insert_with(|| Answer::of(&result, Clone::clone));
        result
    }

    fn stat(&self, path: &str) -> Result<Stat, Failure> {
        let result = self.system.stat(path);
        self.recording
            .borrow_mut()
            .stats
            .entry(path.to_owned())
            .or_insert_with(|| Answer::of(&result, |stat| *stat));
        result
    }

    fn read_link(&self, path: &str) -> Result<String, Failure> {
        let result = self.system.read_link(path);
        self.recording
            .borrow_mut()
            .links
            .entry(path.to_owned())
            .or_insert_with(|| Answer::of(&result, Clone::clone));
        result
    }

    fn sysctl(&self, name: &str) -> Result<String, Failure> {
        let result = self.system.sysctl(name);
        let result = if is_secret(name) {
            result.and(Err(SECRET))
        } else {
            result
        };
        let answer = Answer::of(&result, |text| Text::Text(text.clone()));
        self.recording
            .borrow_mut()
            .sysctls
            .entry(name.to_owned())
            .or_default()
            .push(answer);
        result
    }

    fn ask(&self, question: &Question) -> Result<system::Answer, Failure> {
        let key = question.to_string();
        let mut recording = self.recording.borrow_mut();
        let answers = recording.answers.entry(key).or_default();
        // What is not sampled has one answer for the whole recording, and for the report that is made while recording.
        if let (false, Some(known)) = (question.is_sampled(), answers.first()) {
            return known.result(question.what());
        }
        let mut result = self.system.ask(question);
        if let Ok(system::Answer::Processes(processes)) = &mut result {
            for process in processes.iter_mut().filter(|process| !self.is_own(process.pid)) {
                process.name.clear();
            }
        }
        answers.push(Answer::of(&result, Clone::clone));
        result
    }

    fn environment(&self, name: &str) -> Option<String> {
        let value = self.system.environment(name).filter(|_| VARIABLES.contains(&name))?;
        self.recording
            .borrow_mut()
            .environment
            .insert(name.to_owned(), value.clone());
        Some(value)
    }

    fn now(&self) -> i64 {
        self.recording.borrow().time
    }

    fn pause(&self, duration: Duration) {
        self.system.pause(duration);
    }

    fn process_directory(&self) -> &str {
        self.system.process_directory()
    }
}

/// A machine that answers as it was recorded.
pub struct Replay {
    recording: Recording,
    asked: RefCell<BTreeMap<String, usize>>,
}

impl Replay {
    /// Plays a recording back.
    #[must_use]
    pub fn new(recording: Recording) -> Self {
        Self {
            recording,
            asked: RefCell::default(),
        }
    }

    /// The next answer to a question; the last one repeats.
    fn next<T: Clone>(&self, kind: &str, name: &str, answers: Option<&[Answer<T>]>) -> Result<T, Failure> {
        let question = format!("{kind}{name}");
        let Some(answers) = answers.filter(|answers| !answers.is_empty()) else {
            return Err(Failure::CannotTell(Why::NotRecorded(question)));
        };
        let mut asked = self.asked.borrow_mut();
        let count = asked.entry(question.clone()).or_default();
        let at = (*count).min(answers.len() - 1);
        *count += 1;
        answers[at].result(&question)
    }
}

fn only<T: Clone>(kind: &str, name: &str, answer: Option<&Answer<T>>) -> Result<T, Failure> {
    let question = format!("{kind}{name}");
    answer.map_or_else(
        || Err(Failure::CannotTell(Why::NotRecorded(question.clone()))),
        |answer| answer.result(&question),
    )
}

impl System for Replay {
    fn platform(&self) -> &Platform {
        &self.recording.platform
    }

    fn identity(&self) -> Identity {
        self.recording.identity.clone()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        // A sysctl that was asked for by name answers by its path too.
        let by_name = || {
            let name = SysctlName::parse(path.strip_prefix("/proc/sys/")?).ok()?;
            self.recording.sysctls.get(name.dotted())
        };
        let answers = self.recording.files.get(path).or_else(by_name);
        self.next("", path, answers.map(Vec::as_slice)).map(|text| text.bytes())
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Failure> {
        only("the directory ", path, self.recording.directories.get(path))
    }

    fn stat(&self, path: &str) -> Result<Stat, Failure> {
        only("what is at ", path, self.recording.stats.get(path))
    }

    fn read_link(&self, path: &str) -> Result<String, Failure> {
        only("the link ", path, self.recording.links.get(path))
    }

    fn sysctl(&self, name: &str) -> Result<String, Failure> {
        let answers = self.recording.sysctls.get(name);
        let text = self.next("the sysctl ", name, answers.map(Vec::as_slice))?;
        String::from_utf8(text.bytes()).map_err(|_| Failure::NotText)
    }

    fn ask(&self, question: &Question) -> Result<system::Answer, Failure> {
        let key = question.to_string();
        let answers = self.recording.answers.get(&key);
        self.next("", &key, answers.map(Vec::as_slice))
    }

    fn environment(&self, name: &str) -> Option<String> {
        self.recording.environment.get(name).cloned()
    }

    fn now(&self) -> i64 {
        self.recording.time
    }

    fn pause(&self, _duration: Duration) {
        // The time of a recording has passed already.
    }

    fn process_directory(&self) -> &str {
        &self.recording.process
    }
}

#[cfg(test)]
mod tests {
    use super::{is_secret, without_secret_lines};

    #[test]
    fn a_secret_is_known_by_its_own_name() {
        for name in [
            "net.ipv4.tcp_fastopen_key",
            "net/ipv6/conf/eth0.1/stable_secret",
            "/sys/class/dmi/id/board_serial",
            "/sys/class/power_supply/BAT0/serial_number",
            "/proc/sys/kernel/random/uuid",
            "kernel.random.boot_id",
            "/proc/12/environ",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "/etc/systemd/system/a.service.d/10-environment.conf",
            "/sys/module/usb_serial_simple/parameters/debug",
            "/proc/sys/kernel/keys/maxkeys",
            "kernel.keys.maxkeys",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_left_out_and_lines_keep_their_numbers() {
        let text = b"# net.ipv4.tcp_fastopen_key 1-2-3-4\nvm.swappiness = 1\nnet/ipv4/tcp_fastopen_key = 1-2-3-4\nvm.laptop_mode = 0\n";
        assert_eq!(
            without_secret_lines(text),
            b"#\nvm.swappiness = 1\n#\nvm.laptop_mode = 0\n"
        );
    }
}
