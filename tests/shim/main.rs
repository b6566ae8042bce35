//! The entrypoint, tried on real processes: what the program gets, signals, orphans, terminals, and every bad input.
//!
//! The program that is started is this test binary itself, which `probe` turns into something else before libtest's `main`.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::undocumented_unsafe_blocks,
    clippy::zombie_processes,
    missing_docs,
    reason = "tests start processes and make terminals"
)]

mod elevated;
mod inputs;
mod jobs;
mod preserved;
mod probe;
mod refused;
#[path = "../support/rounds.rs"]
mod rounds;
#[path = "../support/seccomp.rs"]
mod seccomp;
mod signals;
mod support;
mod users;
