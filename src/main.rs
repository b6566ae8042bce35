//! The `runup` command.

fn main() {}
