//! The `runup` command.

use std::process::ExitCode;

/// Elsewhere the system's allocator keeps its memory.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: runup::arena::Arena = runup::arena::Arena::new();

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    ALLOCATOR.adopt();
    let code = runup::cli::run(std::env::args_os().collect());
    ExitCode::from(code.number())
}
