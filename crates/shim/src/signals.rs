//! Signals by name and number, and which is passed on as which.

use std::fmt;

/// One more than the largest signal number.
const COUNT: usize = 65;

/// The first real-time signal that a program may use. glibc, bash's `kill -l` and container runtimes all mean 34 by `RTMIN`;
/// musl, which keeps one more to itself, would say 35.
const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

const NAMES: &[(&str, i32)] = &[
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    #[cfg(target_os = "linux")]
    ("STKFLT", libc::SIGSTKFLT),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    #[cfg(target_os = "linux")]
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
];

/// Every signal that has a name of its own, without `SIG`.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// A signal number from 1 to 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(i32);

impl Signal {
    /// A signal by its number, if there is one of that number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Signal> {
        (1..=RTMAX).contains(&number).then_some(Signal(number))
    }

    /// A signal as people write it: `TERM`, `SIGTERM`, `term`, `15`, `RTMIN+3`, `RTMAX-1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Signal> {
        if let Ok(number) = text.parse() {
            return Signal::from_number(number);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let real_time = |rest: &str, base: i32, sign: &str, direction: i32| {
            let offset = if rest.is_empty() {
                0
            } else {
                rest.strip_prefix(sign)?.parse().ok()?
            };
            let number = base.checked_add(direction.checked_mul(offset)?)?;
            (RTMIN..=RTMAX).contains(&number).then_some(Signal(number))
        };
        if let Some(rest) = name.strip_prefix("RTMIN") {
            return real_time(rest, RTMIN, "+", 1);
        }
        if let Some(rest) = name.strip_prefix("RTMAX") {
            return real_time(rest, RTMAX, "-", -1);
        }
        let name = if name == "POLL" { "IO" } else { name };
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, number)| Signal(*number))
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Signal {
    /// `SIGTERM`, `SIGRTMIN+3`; what has no name by its number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => write!(f, "SIG{name}"),
            None if self.0 == RTMIN => f.write_str("SIGRTMIN"),
            None if self.0 > RTMIN => write!(f, "SIGRTMIN+{}", self.0 - RTMIN),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// Which signal is sent on in place of which; at first each in its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrites {
    // By number; 0 where the signal is dropped. Bytes, so that the waiting supervisor holds little.
    table: [u8; COUNT],
}

impl Default for Rewrites {
    fn default() -> Self {
        let mut table = [0; COUNT];
        for (number, entry) in (0u8..).zip(&mut table) {
            *entry = number;
        }
        Rewrites { table }
    }
}

impl Rewrites {
    /// From now on, `from` is sent on as `to`, or not at all.
    pub fn set(&mut self, from: Signal, to: Option<Signal>) {
        let to = to.map_or(0, |signal| u8::try_from(signal.number()).unwrap_or(0));
        if let Some(entry) = usize::try_from(from.number())
            .ok()
            .and_then(|index| self.table.get_mut(index))
        {
            *entry = to;
        }
    }

    /// What `signal` is sent on as.
    #[must_use]
    pub fn get(&self, signal: Signal) -> Option<Signal> {
        let entry = usize::try_from(signal.number())
            .ok()
            .and_then(|index| self.table.get(index))?;
        Signal::from_number(i32::from(*entry))
    }

    /// Adds what one `FROM=TO` says (`TERM=QUIT`; `TERM=none` or `TERM=0` drops it).
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse_into(&mut self, text: &str) -> Result<(), String> {
        let Some((from, to)) = text.split_once('=') else {
            return Err(format!("`{text}` is not of the form FROM=TO, such as TERM=QUIT"));
        };
        let signal = |name: &str| {
            Signal::parse(name).ok_or_else(|| format!("`{name}` is not a signal; write TERM, SIGTERM, 15 or RTMIN+3"))
        };
        let from = signal(from)?;
        if [libc::SIGKILL, libc::SIGSTOP].contains(&from.number()) {
            return Err(format!("{from} cannot be rewritten: no process ever sees it"));
        }
        if from.number() == libc::SIGCHLD {
            return Err(format!(
                "{from} cannot be rewritten: it is how the supervisor learns of its children"
            ));
        }
        let to = if to == "0" || to.eq_ignore_ascii_case("none") {
            None
        } else {
            Some(signal(to)?)
        };
        self.set(from, to);
        Ok(())
    }
}

/// Which exit status is given in place of which; at first each in its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitMap {
    table: [u8; 256],
}

impl Default for ExitMap {
    fn default() -> Self {
        let mut table = [0; 256];
        for (number, entry) in (0u8..=255).zip(&mut table) {
            *entry = number;
        }
        ExitMap { table }
    }
}

impl ExitMap {
    /// From now on, `from` is given as `to`.
    pub fn set(&mut self, from: u8, to: u8) {
        self.table[usize::from(from)] = to;
    }

    /// What `status` is given as.
    #[must_use]
    pub fn get(&self, status: u8) -> u8 {
        self.table[usize::from(status)]
    }

    /// Adds what one `FROM=TO` says (`143=0`).
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse_into(&mut self, text: &str) -> Result<(), String> {
        let pair = text
            .split_once('=')
            .and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        let (from, to) =
            pair.ok_or_else(|| format!("`{text}` is not of the form STATUS=STATUS, 0 to 255, such as 143=0"))?;
        self.set(from, to);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_real_time_signals_parse() {
        for text in ["TERM", "SIGTERM", "sigterm", "term", "15"] {
            assert_eq!(Signal::parse(text).map(Signal::number), Some(15), "{text}");
        }
        assert_eq!(Signal::parse("RTMIN+3").map(Signal::number), Some(37));
        assert_eq!(Signal::parse("SIGRTMAX-1").map(Signal::number), Some(63));
        assert_eq!(Signal::parse("POLL"), Signal::parse("IO"));
        for text in [
            "",
            "0",
            "65",
            "-1",
            "SIG",
            "TERMX",
            "RTMIN-1",
            "RTMIN+31",
            "RTMAX+1",
            "RTMIN+99999999999",
        ] {
            assert_eq!(Signal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_name_reads_back() {
        for number in 1..=64 {
            let signal = Signal::from_number(number).expect("in range");
            let shown = signal.to_string();
            assert_eq!(
                Signal::parse(shown.trim_start_matches("signal ")),
                Some(signal),
                "{shown}"
            );
        }
    }

    #[test]
    fn rewriting_drops_and_replaces() {
        let mut rewrites = Rewrites::default();
        let term = Signal::parse("TERM").expect("known");
        assert_eq!(rewrites.get(term), Some(term));
        rewrites.parse_into("TERM=QUIT").expect("valid");
        assert_eq!(rewrites.get(term).map(Signal::number), Some(libc::SIGQUIT));
        rewrites.parse_into("15=none").expect("valid");
        assert_eq!(rewrites.get(term), None);
        for wrong in [
            "TERM",
            "TERM=",
            "=TERM",
            "KILL=TERM",
            "STOP=TERM",
            "CHLD=TERM",
            "TERM=65",
            "nothing=TERM",
        ] {
            assert!(rewrites.parse_into(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn exit_statuses_map_once() {
        let mut map = ExitMap::default();
        map.parse_into("143=0").expect("valid");
        map.parse_into("0=7").expect("valid");
        assert_eq!((map.get(143), map.get(0), map.get(1)), (0, 7, 1));
        for wrong in ["143", "256=0", "1=256", "-1=0", "a=b", ""] {
            assert!(map.parse_into(wrong).is_err(), "{wrong}");
        }
    }
}
