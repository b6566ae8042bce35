//! As `dumb-init`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::{Outcome, print};
use crate::message::Shown;
use crate::signals::{Rewrites, Signal};
use crate::supervision::{Place, Supervision, Verbosity, Voice};
use crate::sys;

const VERSION: &str = concat!("dumb-init v1.2.5 (runup ", env!("CARGO_PKG_VERSION"), ")\n");

const HELP: &str = "\
runup under the name of dumb-init: starts a program in a session of its own, forwards signals and reaps orphans.

Usage: dumb-init [OPTION...] [--] COMMAND [ARGUMENT...]

  -c, --single-child    signals go to the command alone, in this session  (or: DUMB_INIT_SETSID=0)
  -r, --rewrite FROM:TO sends signal FROM on as TO, or not at all if TO is 0; by number; may be repeated
  -v, --verbose         says what is done                                 (or: DUMB_INIT_DEBUG=1)
  -h, --help
  -V, --version
";

// To the letter, here and in the message for no command: other programs compare these.
const REWRITE_USAGE: &str = "\
Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.
This option can be specified multiple times.
Use --help for full usage.
";

/// The largest signal that can be rewritten: real-time signals are sent on as they are.
const LARGEST: i32 = 31;

const LONG: [(&str, u8); 5] = [
    ("help", b'h'),
    ("single-child", b'c'),
    ("rewrite", b'r'),
    ("verbose", b'v'),
    ("version", b'V'),
];

pub(super) fn parse(name: &[u8], words: &[OsString]) -> Outcome {
    let mut parsed = Parsed {
        rewrites: Vec::new(),
        session: true,
        verbose: false,
    };
    let mut next = 0;
    while let Some([b'-', letters @ ..]) = words
        .get(next)
        .map(|word| word.as_bytes())
        .filter(|word| word.len() > 1)
    {
        next += 1;
        let mut following = || {
            next += 1;
            words.get(next - 1).map(|word| word.as_bytes())
        };
        let end = match letters {
            b"-" => break,
            [b'-', long @ ..] => parsed.long(name, long, &mut following),
            short => parsed.short(name, short, &mut following),
        };
        if let Some(status) = end {
            return Outcome::End(status);
        }
    }
    let Some(command) = words.get(next..).filter(|command| !command.is_empty()) else {
        let name = Shown(name);
        print(
            2,
            &format!("Usage: {name} [option] program [args]\nTry {name} --help for full usage.\n"),
        );
        return Outcome::End(1);
    };
    Outcome::Run(Box::new(parsed.supervision()), command.to_vec())
}

struct Parsed {
    /// From and to, by number; 0 drops.
    rewrites: Vec<(i32, i32)>,
    session: bool,
    verbose: bool,
}

impl Parsed {
    /// A word of short options; the status to end with, if it comes to that.
    fn short<'a>(
        &mut self,
        name: &[u8],
        letters: &'a [u8],
        following: &mut dyn FnMut() -> Option<&'a [u8]>,
    ) -> Option<u8> {
        let mut letters = letters;
        while let [letter, rest @ ..] = letters {
            letters = rest;
            let value = if *letter != b'r' {
                None
            } else if rest.is_empty() {
                following()
            } else {
                Some(std::mem::take(&mut letters))
            };
            if let Some(status) = self.one(name, *letter, value) {
                return Some(status);
            }
        }
        None
    }

    /// A long option, perhaps shortened as far as it stays clear.
    fn long<'a>(&mut self, name: &[u8], word: &'a [u8], following: &mut dyn FnMut() -> Option<&'a [u8]>) -> Option<u8> {
        let mut halves = word.splitn(2, |byte| *byte == b'=');
        let (stem, inline) = (halves.next().unwrap_or_default(), halves.next());
        let exact = LONG.iter().find(|(known, _)| known.as_bytes() == stem);
        let mut prefixed = LONG.iter().filter(|(known, _)| known.as_bytes().starts_with(stem));
        match exact.or_else(|| prefixed.next().filter(|_| prefixed.next().is_none())) {
            Some((_, b'r')) => self.one(name, b'r', inline.or_else(following)),
            Some((_, letter)) if inline.is_none() => self.one(name, *letter, None),
            _ => {
                print(
                    2,
                    &format!("{}: unrecognized option '--{}'\n", Shown(name), Shown(word)),
                );
                Some(1)
            }
        }
    }

    fn one(&mut self, name: &[u8], letter: u8, value: Option<&[u8]>) -> Option<u8> {
        match letter {
            b'h' => {
                print(2, HELP);
                return Some(0);
            }
            b'V' => {
                print(2, VERSION);
                return Some(0);
            }
            b'c' => self.session = false,
            b'v' => self.verbose = true,
            b'r' => match value.and_then(rewrite) {
                Some(pair) => self.rewrites.push(pair),
                None => {
                    print(2, REWRITE_USAGE);
                    return Some(1);
                }
            },
            other => {
                print(
                    2,
                    &format!("{}: invalid option -- '{}'\n", Shown(name), Shown(&[other])),
                );
                return Some(1);
            }
        }
        None
    }

    fn supervision(mut self) -> Supervision {
        self.verbose |= sys::variable("DUMB_INIT_DEBUG") == Some(b"1");
        self.session &= sys::variable("DUMB_INIT_SETSID") != Some(b"0");
        let mut rewrites = Rewrites::default();
        let mut set = |from, to| {
            if let Some(from) = Signal::from_number(from) {
                rewrites.set(from, Signal::from_number(to));
            }
        };
        if self.session {
            // The new session has nobody who could answer a terminal's stop signal; SIGSTOP needs no answer.
            for signal in [libc::SIGTSTP, libc::SIGTTOU, libc::SIGTTIN] {
                set(signal, libc::SIGSTOP);
            }
        }
        for (from, to) in self.rewrites {
            set(from, to);
        }
        Supervision {
            verbosity: if self.verbose {
                Verbosity::Everything
            } else {
                Verbosity::Errors
            },
            place: if self.session {
                Place::OwnSession
            } else {
                Place::SameGroup
            },
            to_group: self.session,
            terminates_group: self.session,
            stops_itself: true,
            rewrites,
            ..Supervision::new(Voice::DumbInit)
        }
    }
}

fn rewrite(text: &[u8]) -> Option<(i32, i32)> {
    let (from, to) = str::from_utf8(text).ok()?.split_once(':')?;
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    ((1..=LARGEST).contains(&from) && (0..=LARGEST).contains(&to)).then_some((from, to))
}
