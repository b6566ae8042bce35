//! What the integration tests share: running the command in a clean environment, and finding what some of them need.

#![allow(dead_code, reason = "each test uses a part")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    missing_docs,
    reason = "tests arrange files"
)]

pub mod host;
pub mod podman;
mod rounds;
pub mod toml_as_json;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[allow(unused_imports, reason = "each test uses a part")]
pub use rounds::{counted, rounds};

/// The command under test, in an environment that says nothing.
pub fn runup() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_runup")))
}

/// A command in an environment that says nothing.
pub fn clean(mut command: Command) -> Command {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent");
    command
}

/// What a command did.
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn done(output: Output) -> Done {
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs the command with words, in a directory.
pub fn run_in(directory: &Path, words: &[&str]) -> Done {
    done(
        runup()
            .current_dir(directory)
            .args(words)
            .output()
            .expect("the command starts"),
    )
}

/// Runs the command with words.
pub fn run(words: &[&str]) -> Done {
    run_in(Path::new("/"), words)
}

/// A directory with files.
pub fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(path, text).expect("a file");
    }
    directory
}

/// What a test that was asked for needs. Such a test is ignored by default, with what it needs as the reason, and never passes
/// without having run.
pub fn needs(what: &str, possible: bool) {
    assert!(
        possible,
        "this test was asked for (--include-ignored) and cannot run: {what}"
    );
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A program, a build or a tree that tests need: where an environment variable says, else where the repository's own tools put it.
pub fn tool(variable: &str) -> Option<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cache = || {
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
        Some(cache?.join("runup-ci"))
    };
    let usual = match variable {
        "RUNUP_STATIC" => Some(top.join("target/musl/x86_64-unknown-linux-musl/release/runup")),
        "RUNUP_LAPTOP_VM" => Some(top.join("tools/laptop-vm")),
        "RUNUP_WITH_CONTAINERS" => Some(top.join("tools/with-containers")),
        "RUNUP_DEBIAN_TREE" => cache().map(|cache| cache.join("debian")),
        "RUNUP_PYTHON_TOOLS" => cache().map(|cache| cache.join("python/bin")),
        _ => None,
    };
    let path = std::env::var_os(variable).map(PathBuf::from).or(usual)?;
    path.exists().then_some(path)
}

/// A report's findings by rule: outcome, reach and the whole finding.
pub fn findings(json: &str) -> Vec<serde_json::Value> {
    let report: serde_json::Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(report["schema"], "runup.report/1");
    report["findings"].as_array().expect("findings").clone()
}

/// The only finding of a rule.
pub fn finding(json: &str, rule: &str) -> serde_json::Value {
    let all: Vec<_> = findings(json)
        .into_iter()
        .filter(|finding| finding["rule"] == rule)
        .collect();
    assert_eq!(all.len(), 1, "{rule}: {all:#?}");
    all[0].clone()
}

/// The text of a file, without its last newline.
#[allow(clippy::disallowed_methods, reason = "tests look for themselves")]
pub fn text_of(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim_end().to_owned()
}

/// TOML as JSON, through the parser that the library uses: for validators.
pub fn toml_as_json(text: &str) -> serde_json::Value {
    json_of_table(toml::de::DeTable::parse(text).expect("TOML").into_inner())
}

fn json_of_table(table: toml::de::DeTable<'_>) -> serde_json::Value {
    table
        .into_iter()
        .map(|(key, value)| (key.into_inner().into_owned(), json_of(value.into_inner())))
        .collect()
}

fn json_of(value: toml::de::DeValue<'_>) -> serde_json::Value {
    use toml::de::DeValue;
    match value {
        DeValue::String(text) => text.into_owned().into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .expect("64 bits")
            .into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().expect("a float").into(),
        DeValue::Boolean(value) => value.into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(list) => list.into_iter().map(|item| json_of(item.into_inner())).collect(),
        DeValue::Table(inner) => json_of_table(inner),
    }
}

/// Cheap pseudo-random numbers, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        of[usize::try_from(self.0 % (of.len() as u64)).unwrap_or(0)]
    }
}
