//! The entrypoint: from the options of `runup exec` to the program, and the supervisor that `--init` leaves behind.
//!
//! | file | what it holds |
//! |---|---|
//! | `options` | the command line and the `RUNUP_*` variables |
//! | `launch` | the way from the options to `execve`; profiles plug in as a [`Preparation`] |
//! | `state` | the mask and the dispositions that runup was given, recorded before `main` |
//! | `exec` | finding the program, becoming it, and saying why not |
//! | `limits`, `user`, `capability`, `step`, `bounding`, `privileges` | what the program may use, who it is and what it may do |
//! | `elevation` | whether the file gives privileges, with which nothing is done |
//! | `supervision`, `init`, `signals`, `reap`, `terminal` | the supervisor |
//! | `compat` | the same under the names `tini`, `docker-init` and `dumb-init` |
//! | `sys` | the system calls, behind safe signatures |
//!
//! ```text
//! compat
//! launch
//! init options
//! privileges supervision
//! bounding exec
//! step limits user elevation
//! capability message state signals terminal
//! reap files
//! sys
//! ```
//! A module imports from the rows below its own.
//!
//! `main` calls [`entry`] first, and [`exec_command`] for the words after `runup exec`, before anything else is set up.

use std::ffi::OsString;

mod bounding;
mod capability;
mod compat;
mod elevation;
mod exec;
mod files;
mod init;
mod launch;
mod limits;
mod message;
pub mod options;
mod privileges;
mod reap;
mod signals;
mod state;
mod step;
mod supervision;
mod sys;
mod terminal;
mod user;

pub use capability::{CapabilitySet, names as capability_names};
pub use compat::{entry, is_shim};
pub use elevation::{Elevation, elevation, refuse};
pub use exec::{Launch, LaunchError, become_program, find};
pub use init::supervise;
pub use launch::{Nothing, Preparation, Refusal, run};
pub use limits::{Applied, Clamp, LimitWish, apply as apply_limit, apply_all as apply_limits};
pub use options::ExecOptions;
pub use privileges::{Privileges, apply as apply_privileges};
pub use signals::{ExitMap, Rewrites, Signal, names as signal_names};
pub use state::{Endable, Held, hold_signals, let_signals_end, restore};
pub use step::{ORDER, PrivilegeError, Step};
pub use supervision::{Place, Supervision, Verbosity, Voice};
pub use user::{User, UserError, resolve as resolve_user};

/// `runup exec`: the words after it, what profiles add, and the text that `--help` prints. Returns the exit status; does not return if this process becomes
/// the program.
pub fn exec_command(words: Vec<OsString>, preparation: &mut dyn Preparation, help: fn() -> String) -> u8 {
    match options::parse(words) {
        Ok(options::Request::Exec(options, remarks)) => {
            for remark in remarks.iter().filter(|_| !options.quiet) {
                message::say(Voice::Runup.prefix(), format_args!("{remark}"));
            }
            run(&options, preparation)
        }
        Ok(options::Request::Help) => {
            message::print(1, &help());
            0
        }
        Err(error) => {
            message::say(Voice::Runup.prefix(), format_args!("{error}"));
            Voice::Runup.own_failure()
        }
    }
}
