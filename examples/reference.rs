//! Writes the reference of profiles and kinds as Markdown: `cargo run --example reference -- docs`.
//!
//! It is not a command of runup's: who runs that has `explain` and `show`, and every image would carry it.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a tool of the source tree writes there"
)]

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(directory) = std::env::args().nth(1) else {
        eprintln!("usage: cargo run --example reference -- DIRECTORY");
        return ExitCode::from(2);
    };
    for page in runup::reference::pages() {
        let path = Path::new(&directory).join(&page.path);
        let parent = path.parent().unwrap_or(Path::new("."));
        let done = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, &page.text));
        if let Err(error) = done {
            eprintln!("cannot write {}: {error}", path.display());
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
