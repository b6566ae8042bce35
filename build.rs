//! Lists the built-in profiles: every file in `profiles/`, under its own name.

#![allow(
    clippy::disallowed_methods,
    reason = "the build reads the source tree, not the machine"
)]

use std::fmt::Write as _;
use std::path::Path;

fn main() {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let directory = Path::new(&root).join("profiles");
    println!("cargo::rerun-if-changed=profiles");
    let mut names: Vec<String> = std::fs::read_dir(&directory)
        .expect("profiles/ is part of the source")
        .filter_map(|entry| {
            entry
                .ok()?
                .file_name()
                .into_string()
                .ok()?
                .strip_suffix(".toml")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    let mut code = String::from("static BUILT_IN: &[(&str, &str)] = &[\n");
    for name in names {
        let path = directory.join(format!("{name}.toml"));
        writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string()).expect("writing to a string");
    }
    code.push_str("];\n");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&out).join("built_in.rs"), code).expect("OUT_DIR can be written");
}
