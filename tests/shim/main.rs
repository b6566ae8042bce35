//! The entrypoint, tried on real processes: what the program gets, signals, orphans, terminals, and every bad input.
//!
//! The program that is started is this test binary itself, which `probe` turns into something else before libtest's `main`.

mod inputs;
mod jobs;
mod preserved;
mod probe;
mod signals;
mod support;
mod users;
