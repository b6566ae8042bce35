//! The entrypoint alone, without profiles: what its tests and its benchmark start.
//!
//! `shim [exec] ... -- COMMAND` is `runup exec`; under another shim's name it is that shim.

use std::process::ExitCode;

use runup::shim;

fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    if let Some(status) = shim::entry(&arguments) {
        return ExitCode::from(status);
    }
    let named = arguments.get(1).is_some_and(|word| word == "exec");
    let words = arguments.split_off(arguments.len().min(if named { 2 } else { 1 }));
    ExitCode::from(shim::exec_command(words, &mut shim::Nothing))
}
