//! Packs the built-in profiles: every file in `profiles/`, under its own name, deflated. Together they would be a twentieth of
//! the binary, and a run reads a few of them.

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
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let mut code = String::from("static BUILT_IN: &[(&str, &[u8])] = &[\n");
    for name in names {
        let text = std::fs::read_to_string(directory.join(format!("{name}.toml"))).expect("a profile is a text");
        let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10);
        let path = Path::new(&out).join(format!("{name}.deflated"));
        std::fs::write(&path, packed).expect("OUT_DIR can be written");
        writeln!(
            code,
            "    ({name:?}, include_bytes!({:?})),",
            path.display().to_string()
        )
        .expect("writing to a string");
    }
    code.push_str("];\n");
    std::fs::write(Path::new(&out).join("built_in.rs"), code).expect("OUT_DIR can be written");
}
