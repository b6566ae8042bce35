//! The `runup` command.

use std::process::ExitCode;

/// Elsewhere the system's allocator keeps its memory.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: runup::arena::Arena = runup::arena::Arena::new();

fn adopt() {
    #[cfg(target_os = "linux")]
    ALLOCATOR.adopt();
}

fn main() -> ExitCode {
    ExitCode::from(runup::cli::run(std::env::args_os().collect(), adopt).number())
}
