//! The `runup` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    let code = runup::cli::run(std::env::args_os().collect());
    ExitCode::from(code as u8)
}
