//! `extends`: several files become one profile.
//!
//! Rules merge by id and field by field; the child wins. What two parents set differently and the child leaves open is an
//! error, unless one of them extends the other's file and so meant to change it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::fields;
use super::search::{Found, From, Library};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::raw::{Data, Entry, Raw, Table};
use crate::document::shape::{self, SYSTEMS};
use crate::files;
use crate::most::{self, EXTENDS, EXTENDS_IN_A_ROW};
use crate::rule;
use crate::source::{Origin, Place, SourceId, Sources};

/// A profile with everything that it extends, in raw form.
#[derive(Debug, Clone)]
pub struct Merged {
    /// Its name.
    pub name: String,
    /// Its own file.
    pub source: SourceId,
    /// Its own summary.
    pub summary: Option<String>,
    /// Parameters by name.
    pub params: Vec<Entry>,
    /// Rules in order: inherited ones first.
    pub rules: Vec<RawRule>,
    /// Waivers of every file.
    pub waivers: Vec<Raw>,
    /// Every file that took part, this one's too.
    pub sources: HashSet<SourceId>,
}

/// A rule in raw form.
#[derive(Debug, Clone)]
pub struct RawRule {
    /// Its id.
    pub id: String,
    /// Where the id stands in the file that named it last.
    pub place: Place,
    /// Its fields; each knows the file that it comes from.
    pub table: Table,
    /// The `when` of the file that first had it.
    pub file_when: Option<Raw>,
}

/// Reads a profile and everything that it extends.
pub fn load(library: &Library, word: &str, sources: &mut Sources, sink: &mut Diagnostics) -> Option<Merged> {
    let found = match library.find(word, From::CommandLine, sources) {
        Ok(found) => found,
        Err(diagnostic) => {
            sink.push(diagnostic);
            return None;
        }
    };
    load_found(library, found, sources, sink)
}

/// The same, from a text that was found already.
pub fn load_found(library: &Library, found: Found, sources: &mut Sources, sink: &mut Diagnostics) -> Option<Merged> {
    Loader {
        library,
        sources,
        sink,
        open: Vec::new(),
        read: HashMap::new(),
        followed: 0,
        bytes: 0,
        full: false,
    }
    .read(found)
}

/// A file that is being read.
struct Open {
    identity: String,
    /// As messages name it.
    name: String,
}

struct Loader<'a> {
    library: &'a Library,
    sources: &'a mut Sources,
    sink: &'a mut Diagnostics,
    /// The files that are being read, outermost first: a file that extends one of them closes a cycle.
    open: Vec<Open>,
    /// What was read already, by identity. Many paths may lead to one file: 28 layers of two files each, in which each extends
    /// both of the next, would be read 2^28 times.
    read: HashMap<String, Merged>,
    /// How many words of `extends` were followed.
    followed: usize,
    /// How many bytes those had.
    bytes: u64,
    /// Whether it was said that they are too many.
    full: bool,
}

impl Loader<'_> {
    /// Reads a file once, whichever way leads to it.
    fn read(&mut self, found: Found) -> Option<Merged> {
        if self.open.is_empty() {
            return self.merge(found);
        }
        let identity = self.identity(found.source);
        if let Some(known) = self.read.get(&identity) {
            return Some(known.clone());
        }
        let merged = self.merge(found)?;
        self.read.insert(identity, merged.clone());
        Some(merged)
    }

    fn merge(&mut self, found: Found) -> Option<Merged> {
        let mut table = crate::document::parse(self.sources, found.source, self.sink);
        let whole = Place {
            source: found.source,
            start: 0,
            end: 0,
        };
        shape::check_table(&table, whole, fields::PROFILE, "a profile", &|_| false, &[], self.sink);
        let parents = self.parents(&found, &table);
        let mut merged = self.merge_parents(&found, parents, &table);
        merged.summary = table.get("summary").and_then(Raw::text).map(str::to_owned);
        self.own_params(&mut merged, &table);
        self.own_rules(&mut merged, &mut table);
        self.disable(&mut merged, &table);
        if let Some(Data::List(waivers)) = table.get("waive").map(|raw| &raw.data) {
            merged.waivers.extend(waivers.iter().cloned());
        }
        Some(merged)
    }

    fn parents(&mut self, found: &Found, table: &Table) -> Vec<(Merged, Place)> {
        let Some(Data::List(extends)) = table.get("extends").map(|raw| &raw.data) else {
            return Vec::new();
        };
        let own = self.identity(found.source);
        let own_name = self.sources.get(found.source).display_name();
        let mut parents = Vec::new();
        for raw in extends {
            let Some(word) = raw.text() else { continue };
            if self.too_much(raw.place) {
                break;
            }
            match self.library.find(word, From::Profile(raw.place), self.sources) {
                Err(diagnostic) => self.sink.push(diagnostic),
                Ok(parent) => {
                    self.bytes += self.sources.get(parent.source).text.len() as u64;
                    let identity = self.identity(parent.source);
                    let on_the_way = self.open.iter().position(|open| open.identity == identity);
                    if identity == own || on_the_way.is_some() {
                        let parent_name = self.sources.get(parent.source).display_name();
                        let mut names: Vec<&str> = self.open[on_the_way.unwrap_or(self.open.len())..]
                            .iter()
                            .map(|open| open.name.as_str())
                            .collect();
                        names.extend([own_name.as_str(), parent_name.as_str()]);
                        let cycle = names.join(" -> ");
                        self.sink.push(
                            Diagnostic::at(raw.place, format!("`extends` goes round in a circle: {cycle}"))
                                .label("this closes the circle"),
                        );
                        continue;
                    }
                    self.open.push(Open {
                        identity: own.clone(),
                        name: own_name.clone(),
                    });
                    let merged = self.read(parent);
                    self.open.pop();
                    parents.extend(merged.map(|merged| (merged, raw.place)));
                }
            }
        }
        parents
    }

    /// Whether one more would be too many, or too deep; says so once.
    fn too_much(&mut self, place: Place) -> bool {
        self.followed += 1;
        let mistake = if self.followed > EXTENDS {
            Diagnostic::at(
                place,
                format!("the profile's files name more than {EXTENDS} others in `extends`"),
            )
        } else if self.open.len() >= EXTENDS_IN_A_ROW {
            Diagnostic::at(
                place,
                format!("more than {EXTENDS_IN_A_ROW} files extend one another in a row"),
            )
        } else if self.bytes > most::PROFILE {
            let size = files::size(most::PROFILE);
            Diagnostic::at(
                place,
                format!("what the profile's files extend is larger than {size} in all"),
            )
        } else {
            return false;
        };
        if !self.full {
            self.full = true;
            self.sink.push(
                mistake
                    .label("no more than that are read")
                    .help("one file may extend several at once"),
            );
        }
        true
    }

    /// What makes two texts the same file: a file has many spellings. What it extends is looked for beside the name that it has
    /// here, so a link in another directory is another file.
    fn identity(&self, source: SourceId) -> String {
        let source = self.sources.get(source);
        let path = Path::new(&source.name);
        let real = match (source.origin, path.parent(), path.file_name()) {
            (Origin::File, Some(parent), Some(name)) => {
                let parent = if parent.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    parent
                };
                std::fs::canonicalize(parent).ok().map(|parent| parent.join(name))
            }
            _ => None,
        };
        real.map_or_else(|| source.display_name(), |path| path.display().to_string())
    }

    fn merge_parents(&mut self, found: &Found, parents: Vec<(Merged, Place)>, own: &Table) -> Merged {
        let mut merged = Merged {
            name: found.name.clone(),
            source: found.source,
            summary: None,
            params: Vec::new(),
            rules: Vec::new(),
            waivers: Vec::new(),
            sources: HashSet::from([found.source]),
        };
        for (parent, extends) in parents {
            let known = merged.sources.clone();
            for param in parent.params {
                match merged.params.iter_mut().find(|old| old.key == param.key) {
                    None => merged.params.push(param),
                    Some(old) => {
                        let own = own
                            .get("params")
                            .and_then(Raw::table)
                            .and_then(|params| params.get(&param.key));
                        let what = format!("the parameter `{}`", param.key);
                        let mut join = Join {
                            left: &known,
                            right: &parent.sources,
                            extends,
                            sink: self.sink,
                        };
                        if let (Data::Table(old), Data::Table(new)) = (&mut old.value.data, param.value.data) {
                            join.tables(old, new, own.and_then(Raw::table), &what);
                        }
                    }
                }
            }
            for rule in parent.rules {
                match merged.rules.iter_mut().find(|old| old.id == rule.id) {
                    None => merged.rules.push(rule),
                    Some(old) => {
                        let own = own_rules(own).find(|table| rule_id(table) == Some(rule.id.as_str()));
                        let what = format!("the rule `{}`", rule.id);
                        let mut join = Join {
                            left: &known,
                            right: &parent.sources,
                            extends,
                            sink: self.sink,
                        };
                        join.tables(&mut old.table, rule.table, own, &what);
                    }
                }
            }
            for waiver in parent.waivers {
                if !merged.waivers.contains(&waiver) {
                    merged.waivers.push(waiver);
                }
            }
            merged.sources.extend(parent.sources);
        }
        merged
    }

    fn own_params(&mut self, merged: &mut Merged, table: &Table) {
        let Some(params) = table.get("params").and_then(Raw::table) else {
            return;
        };
        for entry in &params.entries {
            if !shape::is_name(&entry.key) || entry.key.contains(['.', '-']) {
                self.sink.push(
                    Diagnostic::at(entry.key_place, format!("`{}` cannot name a parameter", entry.key))
                        .label("letters, digits and `_` only: expressions use it as a name"),
                );
                continue;
            }
            if let Some(fact) = crate::host::FACTS.iter().find(|fact| fact.name == entry.key) {
                self.sink.push(
                    Diagnostic::at(
                        entry.key_place,
                        format!("`{}` is a fact, and cannot name a parameter", entry.key),
                    )
                    .label(fact.doc),
                );
                continue;
            }
            match merged.params.iter_mut().find(|old| old.key == entry.key) {
                Some(old) => {
                    if let (Data::Table(old), Data::Table(new)) = (&mut old.value.data, &entry.value.data) {
                        overlay(old, new);
                    }
                }
                None => merged.params.push(entry.clone()),
            }
        }
    }

    /// Takes the table's rules out of it; of a big profile they are most of what there is.
    fn own_rules(&mut self, merged: &mut Merged, table: &mut Table) {
        let Some(Data::List(list)) = table.take("rule").map(|raw| raw.data) else {
            return;
        };
        let file_when = table.get("when");
        let kinds: Vec<&str> = rule::KINDS.iter().map(|kind| kind.name()).collect();
        // A big profile must not cost a scan for each rule.
        let inherited: std::collections::HashMap<String, usize> = merged
            .rules
            .iter()
            .enumerate()
            .map(|(at, rule)| (rule.id.clone(), at))
            .collect();
        let mut seen: std::collections::HashMap<String, Place> = std::collections::HashMap::new();
        for raw in list {
            let Data::Table(own) = raw.data else { continue };
            shape::check_table(
                &own,
                raw.place,
                fields::RULE,
                "a rule",
                &|key| kinds.contains(&key),
                &kinds,
                self.sink,
            );
            let (Some(id), Some(id_place)) = (rule_id(&own).map(str::to_owned), own.get("id").map(|raw| raw.place))
            else {
                continue;
            };
            if let Some(first) = seen.insert(id.clone(), id_place) {
                self.sink.push(
                    Diagnostic::at(id_place, format!("the rule id `{id}` is used twice"))
                        .label("used again")
                        .related(first, "used first here")
                        .help("each rule of a profile has an id of its own"),
                );
                continue;
            }
            match inherited.get(&id) {
                Some(at) => {
                    let rule = &mut merged.rules[*at];
                    rule.place = id_place;
                    override_rule(&mut rule.table, &own);
                }
                None => merged.rules.push(RawRule {
                    id,
                    place: id_place,
                    table: own,
                    file_when: file_when.cloned(),
                }),
            }
        }
    }

    fn disable(&mut self, merged: &mut Merged, table: &Table) {
        let Some(Data::List(ids)) = table.get("disable").map(|raw| &raw.data) else {
            return;
        };
        for raw in ids {
            let Some(id) = raw.text() else { continue };
            match merged.rules.iter().position(|rule| rule.id == id) {
                Some(at) => {
                    merged.rules.remove(at);
                }
                None => self.sink.push(
                    Diagnostic::at(raw.place, format!("there is no rule `{id}` to disable"))
                        .label("not known here")
                        .suggest(id, merged.rules.iter().map(|rule| rule.id.as_str()), "the rules are"),
                ),
            }
        }
    }
}

fn own_rules(table: &Table) -> impl Iterator<Item = &Table> {
    let list = match table.get("rule").map(|raw| &raw.data) {
        Some(Data::List(list)) => list.as_slice(),
        _ => &[],
    };
    list.iter().filter_map(Raw::table)
}

fn rule_id(table: &Table) -> Option<&str> {
    table.get("id").and_then(Raw::text)
}

/// Lays a child's rule over an inherited one. Naming another kind of subject replaces the inherited one.
fn override_rule(old: &mut Table, new: &Table) {
    let names_kind = |key: &str| rule::KINDS.iter().any(|kind| kind.name() == key);
    let new_kinds: Vec<&str> = new
        .entries
        .iter()
        .map(|entry| entry.key.as_str())
        .filter(|key| names_kind(key))
        .collect();
    if !new_kinds.is_empty() {
        let per_system = new
            .entries
            .iter()
            .any(|entry| names_kind(&entry.key) && is_per_system(&entry.value));
        old.entries
            .retain(|entry| !names_kind(&entry.key) || per_system || new_kinds.contains(&entry.key.as_str()));
    }
    overlay(old, new);
}

/// Whether a kind's table has one table for each operating system.
#[must_use]
pub fn is_per_system(value: &Raw) -> bool {
    value.table().is_some_and(|table| {
        !table.entries.is_empty()
            && table
                .entries
                .iter()
                .all(|entry| SYSTEMS.contains(&entry.key.as_str()) && entry.value.table().is_some())
    })
}

/// Lays one table over another: tables merge, everything else is replaced.
fn overlay(old: &mut Table, new: &Table) {
    for entry in &new.entries {
        match old.entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => match (&mut known.value.data, &entry.value.data) {
                (Data::Table(below), Data::Table(above)) => {
                    overlay(below, above);
                    known.value.place = entry.value.place;
                }
                _ => *known = entry.clone(),
            },
            None => old.entries.push(entry.clone()),
        }
    }
}

/// Joins what two parents say of one thing.
struct Join<'a> {
    left: &'a HashSet<SourceId>,
    right: &'a HashSet<SourceId>,
    extends: Place,
    sink: &'a mut Diagnostics,
}

impl Join<'_> {
    fn tables(&mut self, left: &mut Table, right: Table, child: Option<&Table>, what: &str) {
        for entry in right.entries {
            let Some(old) = left.entries.iter_mut().find(|old| old.key == entry.key) else {
                left.entries.push(entry);
                continue;
            };
            let decided = child.and_then(|child| child.get(&entry.key));
            match (&mut old.value.data, entry.value.data) {
                (Data::Table(below), Data::Table(above)) => {
                    self.tables(below, above, decided.and_then(Raw::table), what);
                }
                (same, ref other) if equal(same, other) => {}
                (_, data) => {
                    let new = Raw {
                        place: entry.value.place,
                        data,
                    };
                    // Where one parent extends the file that the other's value comes from, it meant to change it.
                    let right_changes = self.right.contains(&old.value.place.source);
                    let left_changes = self.left.contains(&new.place.source);
                    if right_changes && !left_changes {
                        old.value = new;
                    } else if decided.is_none() && !left_changes {
                        self.sink.push(
                            Diagnostic::at(
                                self.extends,
                                format!("two of the extended profiles set `{}` of {what} differently", entry.key),
                            )
                            .label("this one and an earlier one disagree")
                            .related(old.value.place, "set here")
                            .related(new.place, "and differently here")
                            .help(format!("set `{}` in this profile to say which holds", entry.key)),
                        );
                    }
                }
            }
        }
    }
}

/// Whether two values say the same, wherever they stand.
fn equal(left: &Data, right: &Data) -> bool {
    match (left, right) {
        (Data::List(left), Data::List(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| equal(&left.data, &right.data))
        }
        (Data::Table(left), Data::Table(right)) => {
            left.entries.len() == right.entries.len()
                && left.entries.iter().all(|entry| {
                    right
                        .get(&entry.key)
                        .is_some_and(|other| equal(&entry.value.data, &other.data))
                })
        }
        (left, right) => left == right,
    }
}
