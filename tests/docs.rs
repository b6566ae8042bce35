//! The reference pages: committed as they are made, whole, and with links that lead somewhere.
#![allow(clippy::disallowed_methods, reason = "tests read what is committed")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use runup::reference;
use support::run;

fn docs() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

#[test]
fn the_committed_pages_are_those_that_would_be_made() {
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for page in reference::pages() {
        let committed = std::fs::read_to_string(docs().join(&page.path)).unwrap_or_default();
        assert!(
            committed == page.text,
            "docs/{} is not up to date: cargo run --example reference -- docs",
            page.path
        );
        wanted.insert(page.path);
    }
    for directory in ["profiles", "kinds"] {
        for entry in std::fs::read_dir(docs().join(directory)).expect("pages") {
            let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
            let path = format!("{directory}/{name}");
            assert!(wanted.contains(&path), "docs/{path} is a page of nothing: remove it");
        }
    }
}

#[test]
fn every_rule_and_every_kind_has_its_place() {
    let pages = reference::pages();
    let page = |path: &str| &pages.iter().find(|page| page.path == path).expect(path).text;
    for kind in runup::rule::KINDS {
        let text = page(&format!("kinds/{}.md", kind.name()));
        for metric in kind.metrics().filter(|metric| !metric.name.is_empty()) {
            assert!(
                text.contains(&format!("| `{}` |", metric.name)),
                "{}.{}",
                kind.name(),
                metric.name
            );
        }
    }
    let load = page("profiles/load-test.md");
    for part in [
        "It takes over everything from [quiet-machine](quiet-machine.md).",
        "| `busy` | `10%` | `0%` | `100%` | share of all processors that other programs may use | [quiet-machine](quiet-machine.md) |",
        "### on-mains\n\n- [power](../kinds/power.md) `power supply`: `source eq \"mains\"`\n- severity: error\n",
        "- [power](../kinds/power.md) `power supply` (macOS): `low_power_mode eq false`",
        "- from [quiet-machine](quiet-machine.md)",
    ] {
        assert!(load.contains(part), "{part}\n{load}");
    }
    let keys = page("keys.md");
    assert!(
        keys.contains("[realtime/listen-backlog](profiles/realtime.md#listen-backlog) (warning): `min \"backlog\"`")
    );
    assert!(keys.contains("| `kern.ipc.somaxconn` |") && keys.contains("| `nofile` | open file descriptors |"));
    // The same words as `explain` has.
    let explained = run(&["explain", "net.core.somaxconn"]);
    assert!(
        explained
            .out
            .contains("realtime/listen-backlog (warning): min \"backlog\""),
        "{}",
        explained.out
    );
}

/// Every link between pages leads to a page, and to a heading of it.
#[test]
fn links_lead_somewhere() {
    let pages = reference::pages();
    let mut links = 0;
    for page in &pages {
        let parent = Path::new(&page.path).parent().unwrap_or(Path::new(""));
        for target in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let mut place: Vec<String> = parent.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            for part in path.split('/') {
                match part {
                    ".." => drop(place.pop()),
                    part => place.push(part.to_owned()),
                }
            }
            let place = place.join("/");
            let found = pages.iter().find(|other| other.path == place);
            let found = found.unwrap_or_else(|| panic!("{}: {target} leads nowhere", page.path));
            let plain = |line: &str| line.trim_start_matches('#').trim().replace(['.', '/', '`'], "");
            let has = |line: &str| line.starts_with('#') && plain(line) == heading;
            assert!(
                heading.is_empty() || found.text.lines().any(has),
                "{}: {target}",
                page.path
            );
            links += 1;
        }
    }
    assert!(links > 100, "{links}");
}

/// What the pages that people write name is there: files, directories, and the rooms of the house.
#[test]
fn what_is_written_by_hand_names_what_there_is() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = 0;
    for page in ["docs/architecture.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(top.join(page)).expect(page);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links {
            let place = top.join(page).parent().expect("a directory").join(link);
            assert!(place.exists(), "{page}: {link} leads nowhere");
        }
        let words = text.split('`').skip(1).step_by(2);
        let paths = words.filter(|word| {
            let starts = ["src/", "crates/", "tests/", "benches/", "tools/", "docs/", ".ci/"];
            starts.iter().any(|start| word.starts_with(start)) && !word.contains([' ', '*']) && !word.contains("NAME")
        });
        for path in paths {
            assert!(top.join(path).exists(), "{page}: there is no {path}");
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
    // Every room of the map is in the table.
    let page = std::fs::read_to_string(docs().join("architecture.md")).expect("the page");
    for entry in std::fs::read_dir(top.join("src")).expect("the source") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let room = name.trim_end_matches(".rs");
        assert!(
            ["lib", "main"].contains(&room) || page.contains(&format!("`{room}`")),
            "docs/architecture.md does not name the room {room}"
        );
    }
}
