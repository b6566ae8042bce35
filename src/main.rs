//! The `runup` command.

use std::process::ExitCode;

use runup::arena::Arena;

#[global_allocator]
static ALLOCATOR: Arena = Arena::new();

fn main() -> ExitCode {
    ALLOCATOR.adopt();
    let code = runup::cli::run(std::env::args_os().collect());
    ExitCode::from(code as u8)
}
