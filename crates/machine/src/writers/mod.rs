//! Which programs of this machine write a key when they start: those of the [catalogue](crate::catalogue::writers) that run here, or
//! that a unit starts.
//!
//! Nothing is looked up for a key that no program is known to write. Processes are listed once; a unit's links are looked at once.

mod options;

pub(crate) use options::without_others;

use crate::catalogue::{self, Namespace, Sets, To, Writer};
use crate::host::Host;
use crate::persisted::{Reader, Start};
use crate::system::Os;
use crate::systemd::unit::{Manager, Unit};
use crate::value::PortSet;
use options::Options;

/// What a program will make of a key when it starts again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// The program.
    pub program: &'static str,
    /// The value that it writes; `None` where nobody can tell.
    pub value: Option<String>,
    /// All of that, as a sentence without its full stop.
    pub words: String,
}

/// What programs make of a key, by its dotted name.
#[must_use]
pub fn of(host: &Host<'_>, key: &str) -> Vec<Later> {
    let mut known = catalogue::writers(key).peekable();
    // What is looked at from a container, or in a network of its own, is not what they write.
    if known.peek().is_none() || host.system.platform().os != Os::Linux || host.engine().is_some() {
        return Vec::new();
    }
    let namespace = catalogue::lookup(Os::Linux, key).map(|key| key.namespace);
    if namespace == Some(Namespace::Net) && host.network_is_hosts() == Some(false) {
        return Vec::new();
    }
    known.filter_map(|(writer, sets)| later(host, writer, sets)).collect()
}

fn later(host: &Host<'_>, writer: &'static Writer, sets: &Sets) -> Option<Later> {
    let place = place(host, writer)?;
    let options = place.options(host, writer);
    if let (Some(unless), Ok(options)) = (&sets.unless, &options)
        && options.switch(unless) == Some(unless.is)
    {
        return None;
    }
    let (value, how) = match sets.to {
        To::Value(value) => (options.is_ok().then(|| value.to_owned()), value.to_owned()),
        To::Words(words) => (None, words.to_owned()),
        To::PerProcessor(each, least) => {
            let (each, least) = match &options {
                Ok(options) => (options.number(&each)?, options.number(&least)?),
                Err(_) => (each.default, least.default),
            };
            if each == 0 {
                return None;
            }
            let how = format!("{each} per processor, at least {least}");
            let value = processors(host).map(|count| (each * count).max(least).to_string());
            (value.filter(|_| options.is_ok()), how)
        }
        To::Seconds(setting) => {
            let seconds = match &options {
                Ok(options) => options.seconds(&setting)?,
                Err(_) => setting.default,
            };
            if seconds == 0 {
                return None;
            }
            (options.is_ok().then(|| seconds.to_string()), format!("{seconds} s"))
        }
    };
    let runs = place.words();
    let doubt = match &options {
        Ok(_) => String::new(),
        Err(why) => format!(", unless its configuration says otherwise ({why})"),
    };
    let words = match (&sets.to, &value) {
        (To::Words(_), _) => format!("{} {runs} here and sets this key {how}", writer.name),
        (To::PerProcessor(..), Some(value)) => {
            format!(
                "{} {runs} here and sets this key to {value} when it starts ({how})",
                writer.name
            )
        }
        (To::PerProcessor(..), None) => {
            format!(
                "{} {runs} here and sets this key when it starts ({how}{doubt})",
                writer.name
            )
        }
        (To::Value(_) | To::Seconds(_), _) => {
            format!(
                "{} {runs} here and sets this key to {how} when it starts{doubt}",
                writer.name
            )
        }
    };
    Some(Later {
        program: writer.name,
        value,
        words,
    })
}

/// Where a program is found.
enum Place {
    /// As a process.
    Process(u32),
    /// As a unit that is started at boot.
    Unit(Unit),
}

impl Place {
    fn words(&self) -> &'static str {
        match self {
            Place::Process(_) => "runs",
            Place::Unit(_) => "is enabled",
        }
    }

    /// What it was told; else why nobody can tell.
    fn options(&self, host: &Host<'_>, writer: &Writer) -> Result<Options, String> {
        let (line, root) = match self {
            Place::Process(pid) => {
                let path = format!("/proc/{pid}/cmdline");
                let line = host.text(&path).map_err(|failure| format!("{path}: {failure}"))?;
                let words = line.split('\0').map(str::to_owned).collect();
                (words, format!("/proc/{pid}/root"))
            }
            Place::Unit(unit) => {
                let line = unit.config.text("Service", "ExecStart").unwrap_or_default();
                let words: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
                // What stands in a file of environment variables is read by nobody here.
                if words.iter().any(|word| word.contains('$')) {
                    return Err(format!("ExecStart of {} has variables", unit.name));
                }
                (words, String::new())
            }
        };
        Options::read(host, line, &root, writer.config)
    }
}

/// Where a program runs, or what starts it; `None` where neither is known.
fn place(host: &Host<'_>, writer: &Writer) -> Option<Place> {
    let running = host.processes().iter();
    let running = running.filter(|(_, name)| writer.process == Some(name.as_str()));
    if let Some((pid, _)) = running.min_by_key(|(pid, _)| *pid) {
        return Some(Place::Process(*pid));
    }
    let read = || Unit::read(host.system, &Manager::System, writer.unit);
    let starts_units = || Start::of(host.system).reader == Some(Reader::Systemd);
    if !host.remembered("systemd starts units here", starts_units) {
        return None;
    }
    let enabled = host.remembered(writer.unit, || {
        // Most machines have no such unit, and then nothing more is looked for.
        if !Unit::is_there(host.system, &Manager::System, writer.unit) {
            return false;
        }
        let unit = read();
        unit.file.is_some()
            && !unit.masked
            && unit
                .wanted_by(host.system, &Manager::System)
                .is_ok_and(|links| !links.is_empty())
    });
    enabled.then(|| Place::Unit(read()))
}

/// Processors of the machine, whatever this process may use.
fn processors(host: &Host<'_>) -> Option<i128> {
    let list = host.text("/sys/devices/system/cpu/online").ok()?;
    let count = PortSet::parse(&list).ok()?.len();
    (count > 0).then(|| i128::from(count))
}

#[cfg(test)]
mod tests;
