//! Other shims' names: linked or copied as `tini`, `docker-init` or `dumb-init`, runup takes their options and variables, and
//! gives their exit statuses.
//!
//! One thing is different on purpose: options end at the first word that is none, for tini too, whose own parser goes on
//! looking (`tini bash -m` fails there).

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::exec;
use super::init::supervise;
use super::message::print;
use super::supervision::Supervision;

mod dumb_init;
mod tini;

/// What the words of a command line come to.
enum Outcome {
    /// Supervise this command.
    Run(Box<Supervision>, Vec<OsString>),
    /// End with this status; what there was to say is said.
    End(u8),
}

/// Whether a command line begins with another shim's name.
#[must_use]
pub fn is_shim(arguments: &[OsString]) -> bool {
    arguments.first().and_then(|name| shim_of(name.as_bytes())).is_some()
}

type Parse = fn(&[u8], &[OsString]) -> Outcome;

fn shim_of(name: &[u8]) -> Option<Parse> {
    match name.rsplit(|byte| *byte == b'/').next()? {
        b"tini" | b"tini-static" | b"docker-init" => Some(|_, words| tini::parse(words)),
        b"dumb-init" => Some(dumb_init::parse),
        _ => None,
    }
}

/// Runs as another shim if `arguments` begins with that one's name. Returns the exit status, or `None` if it is not one.
pub fn entry(arguments: &[OsString]) -> Option<u8> {
    let name = arguments.first()?.as_bytes();
    Some(match shim_of(name)?(name, &arguments[1..]) {
        Outcome::End(status) => status,
        Outcome::Run(how, command) => supervise(&how, &mut || match exec::find(&command) {
            Ok(launch) => how.voice.refuse(&exec::become_program(&launch)),
            Err(error) => how.voice.refuse(&error),
        }),
    })
}
