//! As `tini` and `docker-init`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::{Outcome, print};
use crate::message::Shown;
use crate::signals::Signal;
use crate::supervision::{Supervision, Verbosity, Voice};
use crate::sys;

/// The version of tini whose options these are. Container runtimes want a line that begins with `tini version`.
const VERSION: &str = concat!("tini version 0.19.0 (runup ", env!("CARGO_PKG_VERSION"), ")\n");

const HELP: &str = "\
runup under the name of tini: starts a program, forwards signals to it and reaps orphans.

Usage: tini [OPTION...] [--] PROGRAM [ARGUMENT...]

  -g         signals go to the program's process group   (or: TINI_KILL_PROCESS_GROUP set)
  -s         adopts orphans when not PID 1               (or: TINI_SUBREAPER set)
  -p SIGNAL  the signal to get when the parent dies
  -e STATUS  gives this exit status as 0; may be repeated
  -w         says when an orphan was reaped
  -v         says more; may be repeated                  (or: TINI_VERBOSITY=0 to 3)
  -h, -l, --version
";

const LICENSE: &str = "runup is free software under the MIT license; it contains no code of tini.\n";

fn wrong(text: std::fmt::Arguments<'_>) -> Outcome {
    crate::message::say(Voice::Tini.prefix(), text);
    Outcome::End(1)
}

pub(super) fn parse(words: &[OsString]) -> Outcome {
    if words.len() == 1 && words[0] == "--version" {
        print(1, VERSION);
        return Outcome::End(0);
    }
    let mut how = Supervision {
        warn_unless_reaper: true,
        ..Supervision::new(Voice::Tini)
    };
    let mut verbosity = 1;
    let mut next = 0;
    while let Some([b'-', letters @ ..]) = words
        .get(next)
        .map(|word| word.as_bytes())
        .filter(|word| word.len() > 1)
    {
        next += 1;
        if letters == b"-" {
            break;
        }
        let mut letters = letters;
        while let [letter, rest @ ..] = letters {
            letters = rest;
            match letter {
                b'h' => {
                    print(1, HELP);
                    return Outcome::End(0);
                }
                b'l' => {
                    print(1, LICENSE);
                    return Outcome::End(0);
                }
                b's' => how.subreaper = true,
                b'g' => how.to_group = true,
                b'w' => how.warn_on_reap = true,
                b'v' => verbosity += 1,
                b'p' | b'e' => {
                    let value = if rest.is_empty() {
                        words.get(next).map_or(b"".as_slice(), |word| word.as_bytes())
                    } else {
                        rest
                    };
                    next += usize::from(rest.is_empty());
                    letters = b"";
                    if let Err(outcome) = with_value(&mut how, *letter, value) {
                        return outcome;
                    }
                }
                _ => {
                    print(2, HELP);
                    return Outcome::End(1);
                }
            }
        }
    }
    let Some(command) = words.get(next..).filter(|command| !command.is_empty()) else {
        print(2, HELP);
        return Outcome::End(1);
    };
    how.subreaper |= sys::variable("TINI_SUBREAPER").is_some();
    how.to_group |= sys::variable("TINI_KILL_PROCESS_GROUP").is_some();
    if let Some(text) = sys::variable("TINI_VERBOSITY") {
        verbosity = str::from_utf8(text)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0);
    }
    how.verbosity = match verbosity {
        ..=0 => Verbosity::Errors,
        1 => Verbosity::Notes,
        2 => Verbosity::Steps,
        3.. => Verbosity::Everything,
    };
    Outcome::Run(Box::new(how), command.to_vec())
}

fn with_value(how: &mut Supervision, letter: u8, value: &[u8]) -> Result<(), Outcome> {
    let text = str::from_utf8(value).unwrap_or_default();
    let shown = Shown(value);
    match letter {
        b'p' => {
            how.parent_death =
                Some(Signal::parse(text).ok_or_else(|| wrong(format_args!("-p: `{shown}` is not a signal")))?)
        }
        _ => how.exit_map.set(
            text.parse()
                .map_err(|_| wrong(format_args!("-e: `{shown}` is not an exit status, 0 to 255")))?,
            0,
        ),
    }
    Ok(())
}
