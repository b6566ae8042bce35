//! The structure of the house: what imports what. Every crate's documentation has a map of its modules, and an import goes down it.
//! Inside a module no two files import each other, however long the way round.

#![allow(
    clippy::disallowed_methods,
    missing_docs,
    reason = "the test reads the source tree, not the machine"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module by its path from the crate's root: `["rule", "mount"]`.
type Module = Vec<String>;

/// A crate's modules, with the paths that each names in its code, tests left out.
struct Sources {
    root: PathBuf,
    modules: BTreeMap<Module, Vec<Module>>,
    /// What a module passes on under its own name: `(module, name)` to the module that has it.
    passed_on: BTreeMap<(Module, String), Module>,
}

#[test]
fn imports_go_down_the_map() {
    let mut climbs = Vec::new();
    for sources in crates() {
        let map = sources.map();
        let known: BTreeSet<&String> = map.keys().collect();
        let there: BTreeSet<&String> = sources.modules.keys().filter_map(|module| module.first()).collect();
        assert_eq!(
            known,
            there,
            "the map in {} names every module once",
            sources.root.display()
        );
        let edges = sources.edges(&Vec::new());
        let up = edges.iter().filter(|(from, to)| map[from] >= map[to]);
        climbs.extend(up.map(|(from, to)| format!("{}: {from} -> {to}", sources.root.display())));
    }
    assert!(
        climbs.is_empty(),
        "imports that do not go down the map:\n{}",
        climbs.join("\n")
    );
}

#[test]
fn no_circle_of_imports() {
    let mut circles = Vec::new();
    for sources in crates() {
        let mut parents: BTreeSet<Module> = BTreeSet::new();
        for module in sources.modules.keys() {
            parents.extend((0..module.len()).map(|length| module[..length].to_vec()));
        }
        for parent in parents {
            let circle = circle(&sources.edges(&parent)).map(|circle| circle.join(" -> "));
            circles.extend(
                circle.map(|circle| format!("{}, in `{}`: {circle}", sources.root.display(), parent.join("::"))),
            );
        }
    }
    assert!(
        circles.is_empty(),
        "modules import each other in a circle:\n{}",
        circles.join("\n")
    );
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    let code = "use crate::a::{b::{self, c}, d as e};\nuse super::f;\n// use crate::no;\nfn g() { crate::h::i(\"crate::no\") }\n\
                #[cfg(test)]\nmod tests {\n    use crate::no;\n}\n";
    let here = vec!["x".to_owned(), "y".to_owned()];
    let mut paths: Vec<String> = paths_in(&without_tests(code), &here)
        .iter()
        .map(|path| path.join("::"))
        .collect();
    paths.sort();
    assert_eq!(paths, ["a::b", "a::b::c", "a::d", "h::i", "x::f"]);
    let edge = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(circle(&BTreeSet::from([edge("a", "b"), edge("b", "c")])), None);
    assert!(circle(&BTreeSet::from([edge("a", "b"), edge("b", "c"), edge("c", "b")])).is_some());
}

fn crates() -> Vec<Sources> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let members = std::fs::read_dir(top.join("crates")).unwrap();
    let mut roots: Vec<PathBuf> = members.map(|member| member.unwrap().path().join("src")).collect();
    roots.push(top.join("src"));
    roots.sort();
    assert!(roots.len() > 3, "{roots:?}");
    roots.into_iter().map(Sources::read).collect()
}

impl Sources {
    fn read(root: PathBuf) -> Self {
        let mut texts: BTreeMap<Module, String> = BTreeMap::new();
        collect(&root, &mut Vec::new(), &mut texts);
        let mut sources = Sources {
            root,
            modules: BTreeMap::new(),
            passed_on: BTreeMap::new(),
        };
        for (module, text) in &texts {
            let text = without_tests(text);
            for tree in uses(&text, "pub use ") {
                for path in expand(&tree) {
                    let Some(name) = path.last().cloned() else { continue };
                    let path = absolute(&path, module).unwrap_or_else(|| [module.clone(), path].concat());
                    let owner = (1..path.len()).rev().find(|end| texts.contains_key(&path[..*end]));
                    if let Some(end) = owner {
                        sources.passed_on.insert((module.clone(), name), path[..end].to_vec());
                    }
                }
            }
            sources.modules.insert(module.clone(), paths_in(&text, module));
        }
        sources
    }

    /// The module that holds what a path names, through what others pass on.
    fn owner(&self, path: &[String]) -> Module {
        let end = (0..=path.len())
            .rev()
            .find(|end| self.modules.contains_key(&path[..*end]) || *end == 0)
            .unwrap_or(0);
        let module = path[..end].to_vec();
        let passed_on = path
            .get(end)
            .and_then(|name| self.passed_on.get(&(module.clone(), name.clone())));
        match passed_on {
            Some(owner) if *owner != module => owner.clone(),
            _ => module,
        }
    }

    /// The imports between the children of a module, each with all that is below it.
    fn edges(&self, parent: &Module) -> BTreeSet<(String, String)> {
        let child = |module: &Module| {
            let below = module.len() > parent.len() && module.starts_with(parent);
            below.then(|| module[parent.len()].clone())
        };
        let mut edges = BTreeSet::new();
        for (module, paths) in &self.modules {
            let Some(from) = child(module) else { continue };
            for path in paths {
                if let Some(to) = child(&self.owner(path)).filter(|to| *to != from) {
                    edges.insert((from.clone(), to));
                }
            }
        }
        edges
    }

    /// The crate's map: each module's row in the first block of text of its documentation.
    fn map(&self) -> BTreeMap<String, usize> {
        let text = std::fs::read_to_string(self.root.join("lib.rs")).unwrap();
        let lines = text.lines().skip_while(|line| *line != "//! ```text").skip(1);
        let rows = lines.take_while(|line| *line != "//! ```");
        let mut map = BTreeMap::new();
        for (row, line) in rows.enumerate() {
            for name in line.trim_start_matches("//!").split_whitespace() {
                assert!(
                    map.insert(name.to_owned(), row).is_none(),
                    "`{name}` stands on the map twice"
                );
            }
        }
        map
    }
}

/// Reads every file of a crate but its root.
fn collect(directory: &Path, at: &mut Module, texts: &mut BTreeMap<Module, String>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            at.push(stem);
            collect(&path, at, texts);
            at.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let is_root = at.is_empty() && (stem == "lib" || stem == "main");
            if is_root || stem == "tests" {
                continue;
            }
            let mut module = at.clone();
            if stem != "mod" {
                module.push(stem);
            }
            texts.insert(module, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// The code without comments, strings and what is compiled for tests alone.
fn without_tests(text: &str) -> String {
    let text = match text
        .find("#[cfg(test)]\nmod ")
        .or_else(|| text.find("#[cfg(test)]\n#[allow"))
    {
        Some(at) => &text[..at],
        None => text,
    };
    text.lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .map(|line| line.split('"').step_by(2).collect::<Vec<_>>().join("\"\""))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What stands between a keyword and the semicolon, for every place where the keyword begins a statement.
fn uses(text: &str, keyword: &str) -> Vec<String> {
    let starts = text.match_indices(keyword).filter(|(at, _)| {
        let before = text[..*at].trim_end_matches([' ', '\t']);
        before.is_empty() || before.ends_with(['\n', '{', ';', '}']) || before.ends_with("pub") || before.ends_with(')')
    });
    starts
        .map(|(at, _)| text[at + keyword.len()..].split(';').next().unwrap_or("").to_owned())
        .collect()
}

/// Every path of a tree of imports: `a::{b, c::d}`.
fn expand(tree: &str) -> Vec<Module> {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let (head, body) = (&tree[..open], tree[open + 1..].trim_end().trim_end_matches('}'));
        // One brace belongs to this tree, and any further ones to the last branch.
        let lost = tree[open + 1..].trim_end().len() - body.len() - 1;
        let body = format!("{body}{}", "}".repeat(lost));
        let head: Module = head
            .split("::")
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        let (mut depth, mut branches) = (0, vec![String::new()]);
        for c in body.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    branches.push(String::new());
                    continue;
                }
                _ => {}
            }
            branches.last_mut().unwrap().push(c);
        }
        let branches = branches.iter().filter(|branch| !branch.trim().is_empty());
        return branches
            .flat_map(|branch| expand(branch))
            .map(|path| [head.clone(), path].concat())
            .collect();
    }
    let path = tree.split(" as ").next().unwrap_or("");
    let parts = path
        .split("::")
        .map(str::trim)
        .filter(|part| !part.is_empty() && *part != "self" && *part != "*");
    vec![parts.map(str::to_owned).collect()]
}

/// A path from the crate's root; `None` for one that begins elsewhere.
fn absolute(path: &[String], module: &Module) -> Option<Module> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    match path.first().map(String::as_str) {
        Some("crate") => Some(path[1..].to_vec()),
        Some("super") => {
            let base = &module[..module.len().saturating_sub(ups)];
            Some([base, &path[ups..]].concat())
        }
        _ => None,
    }
}

/// Every path in the code that begins at the crate's root or at a parent.
fn paths_in(text: &str, module: &Module) -> Vec<Module> {
    let mut paths = Vec::new();
    let mut rest = text.to_owned();
    for tree in uses(text, "use ") {
        paths.extend(expand(&tree).iter().filter_map(|path| absolute(path, module)));
        rest = rest.replace(&tree, "");
    }
    for keyword in ["crate::", "super::"] {
        for (at, _) in rest.match_indices(keyword) {
            if rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let end = rest[at..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let path = &rest[at..end.map_or(rest.len(), |end| at + end)];
            let parts: Module = path
                .split("::")
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect();
            paths.extend(absolute(&parts, module));
        }
    }
    paths
}

/// The way round, where there is one.
fn circle(edges: &BTreeSet<(String, String)>) -> Option<Vec<String>> {
    let nodes: BTreeSet<&String> = edges.iter().map(|(from, _)| from).collect();
    nodes.into_iter().find_map(|start| {
        // The shortest way back to where it began.
        let mut ways = vec![vec![start.clone()]];
        let mut seen = BTreeSet::new();
        while let Some(way) = (!ways.is_empty()).then(|| ways.remove(0)) {
            let at = way.last()?;
            for (_, to) in edges.iter().filter(|(from, _)| from == at) {
                let longer = [way.clone(), vec![to.clone()]].concat();
                if to == start {
                    return Some(longer);
                }
                if seen.insert(to.clone()) {
                    ways.push(longer);
                }
            }
        }
        None
    })
}
