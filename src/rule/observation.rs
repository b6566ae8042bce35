//! What came of looking.

use crate::system::Failure;
use crate::value::Value;

/// What came of looking at one metric.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Its value.
    Value(Value),
    /// There is no such thing here, and that is known to be right; the text says why.
    Absent(String),
    /// It exists, or nobody can tell, and it could not be read; the text says why.
    Unreadable(String),
    /// There is no such thing anywhere: whoever asks for it took a wrong name, and it cannot be as asked. The text says why.
    NoSuch(String),
}

/// One subject that was found, with what was read of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Its name, concrete: globs are resolved.
    pub subject: String,
    /// What was read, by metric name; one entry for each metric that was asked for.
    pub readings: Vec<(&'static str, Reading)>,
    /// Evidence worth showing: which cgroup is the tightest, which process makes the noise.
    pub evidence: Vec<String>,
}

impl Observation {
    /// One metric's reading and no evidence.
    #[must_use]
    pub fn single(subject: impl Into<String>, metric: &'static str, reading: Reading) -> Self {
        Self {
            subject: subject.into(),
            readings: vec![(metric, reading)],
            evidence: Vec::new(),
        }
    }

    /// The reading of a metric.
    #[must_use]
    pub fn reading(&self, metric: &str) -> Option<&Reading> {
        self.readings
            .iter()
            .find(|(name, _)| *name == metric)
            .map(|(_, reading)| reading)
    }

    /// The value of a metric, if it was read.
    #[must_use]
    pub fn value(&self, metric: &str) -> Option<&Value> {
        match self.reading(metric) {
            Some(Reading::Value(value)) => Some(value),
            _ => None,
        }
    }
}

/// What a program makes of something when it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Later {
    /// The metric.
    pub metric: &'static str,
    /// The program.
    pub program: &'static str,
    /// The value that it sets; `None` where nobody can tell.
    pub value: Option<Value>,
    /// All of that in words.
    pub words: String,
}

/// What the next boot makes of something.
#[derive(Debug, Clone, PartialEq)]
pub struct NextBoot {
    /// The metric.
    pub metric: &'static str,
    /// The last line that sets it; `None` where none does.
    pub set: Option<SetAtBoot>,
    /// What it is where nothing sets it; `None` where that is not known.
    pub start: Option<Value>,
    /// Why it may not come to what is set.
    pub doubt: Option<String>,
    /// What is worth knowing of a line that is not read at boot.
    pub aside: Option<String>,
}

/// A line that sets something at boot.
#[derive(Debug, Clone, PartialEq)]
pub struct SetAtBoot {
    /// The value.
    pub value: Value,
    /// The file that says so.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// Who reads it, where the programs differ: `systemd-sysctl`, `sysctl --system`; or that it is the kernel.
    pub by: Option<&'static str>,
}

/// The reading that a failure means, for a thing that is known to exist on this kind of system.
#[must_use]
pub fn reading_of(failure: &Failure, what: &str) -> Reading {
    match failure {
        Failure::Absent => Reading::Absent(format!("{what} does not exist")),
        other => Reading::Unreadable(format!("{what}: {other}")),
    }
}
