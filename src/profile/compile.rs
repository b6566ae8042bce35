//! From raw, merged tables to rules: names resolved, expressions parsed and typed, operands fitted to their subject's type.

use super::Profile;
use super::expectation::{ExpectationReader, is_modifier};
use super::fields;
use super::merge::{Merged, RawRule, is_per_system};
use super::params::{self, Param};
use super::scope::{Names, expression};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::raw::{Data, Entry, Raw, Table};
use crate::document::shape;
use crate::expr::TermType;
use crate::rule::{self, Advice, Condition, Kind, Rule, Selector, Selectors, Severity, Subject, Vendor, Waiver};
use crate::source::{Place, Sources};
use crate::system::Os;
use crate::value::Comparator;

/// Reads a merged profile for one operating system. What is written for another is checked in form all the same.
pub fn compile(merged: Merged, os: Os, sources: &Sources, sink: &mut Diagnostics) -> Profile {
    let mut reader = Reader {
        sources,
        sink,
        os,
        names: Names::new(Vec::new()),
        ids: merged.rules.iter().map(|rule| rule.id.clone()).collect(),
    };
    let params = params::read(&merged.params, sources, reader.sink);
    reader.names = Names::new(
        params
            .iter()
            .map(|param: &Param| (param.name.clone(), param.kind))
            .collect(),
    );
    let rules = merged.rules.iter().filter_map(|raw| reader.rule(raw)).collect();
    let waivers: Vec<Waiver> = merged
        .waivers
        .iter()
        .filter_map(|raw| reader.waiver(raw, &merged.rules))
        .collect();
    reader.waived_twice(&waivers);
    reader.unused(&merged, &params);
    Profile {
        name: merged.name.clone(),
        source: merged.source,
        summary: merged.summary.clone(),
        params,
        rules,
        waivers,
        raw: merged,
    }
}

struct Reader<'a> {
    sources: &'a Sources,
    sink: &'a mut Diagnostics,
    os: Os,
    names: Names,
    /// Every rule of the profile.
    ids: Vec<String>,
}

impl Reader<'_> {
    fn rule(&mut self, raw: &RawRule) -> Option<Rule> {
        let text = |key: &str| raw.table.get(key).and_then(Raw::text).map(str::to_owned);
        let mut when = Vec::new();
        for condition in [raw.file_when.as_ref(), raw.table.get("when")].into_iter().flatten() {
            when.extend(self.condition(condition));
        }
        let subjects = self.subjects(raw);
        let (place, subject) = subjects?;
        let systems = systems(raw);
        if let Some(source) = raw.table.get("source")
            && source
                .text()
                .is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://"))
        {
            self.sink
                .push(Diagnostic::at(source.place, "`source` must be a URL").label("not a URL"));
        }
        Some(Rule {
            id: raw.id.clone(),
            place,
            severity: text("severity")
                .as_deref()
                .and_then(Severity::parse)
                .unwrap_or(Severity::DEFAULT),
            vendor: text("vendor").as_deref().and_then(Vendor::parse),
            advice: text("advice").as_deref().and_then(Advice::parse),
            why: text("why"),
            source: text("source"),
            remedy: text("remedy"),
            when,
            subject,
            systems,
        })
    }

    fn condition(&mut self, raw: &Raw) -> Option<Condition> {
        if let Data::Bool(value) = raw.data {
            let expr = crate::expr::Expr::parse(if value { "true" } else { "false" }).ok()?;
            return Some(Condition {
                expr,
                raw: raw.place,
                exact: false,
            });
        }
        let (condition, kind) = expression(raw, &self.names, self.sources, self.sink)?;
        if kind != TermType::Bool {
            self.sink.push(
                Diagnostic::at(raw.place, "a condition must be true or false")
                    .label(format!("this is {}", super::scope::describe(kind)))
                    .help("compare it with something: `kernel >= version(\"5.4\")`, `os == \"linux\"`"),
            );
            return None;
        }
        Some(condition)
    }

    /// The one kind of subject that the rule names, read for this operating system, and the place to point at.
    fn subjects(&mut self, raw: &RawRule) -> Option<(Place, Option<Subject>)> {
        let named: Vec<(&'static dyn Kind, &Entry)> = raw
            .table
            .entries
            .iter()
            .filter_map(|entry| Some((rule::find(&entry.key)?, entry)))
            .collect();
        let Some((first, entry)) = named.first().copied() else {
            let kinds = rule::KINDS
                .iter()
                .map(|kind| format!("`{}`", kind.name()))
                .collect::<Vec<_>>()
                .join(", ");
            // A kind whose name has a slip is said to be an unknown key, and that is the mistake.
            let has_slip = raw.table.entries.iter().any(|entry| {
                let kinds = rule::KINDS.iter().map(|kind| kind.name());
                let is_field = fields::RULE.iter().any(|field| field.name == entry.key);
                !is_field && crate::suggest::nearest(&entry.key, kinds).is_some()
            });
            if has_slip {
                return None;
            }
            let none = Diagnostic::at(raw.place, format!("the rule `{}` names no subject", raw.id))
                .label("this rule looks at nothing");
            let others = self.ids.iter().map(String::as_str).filter(|id| *id != raw.id);
            let is_close = |id: &&str| crate::suggest::is_a_slip(id, &raw.id);
            self.sink.push(
                match others
                    .clone()
                    .find(is_close)
                    .or_else(|| crate::suggest::nearest(&raw.id, others))
                {
                    Some(id) => none.help(format!(
                        "did you mean `{id}`, which is there already? Else a rule has one of {kinds}"
                    )),
                    None => none.help(format!("a rule has one of {kinds}")),
                },
            );
            return None;
        };
        if named.len() > 1 && !named.iter().all(|(_, entry)| is_per_system(&entry.value)) {
            let (_, second) = named[1];
            self.sink.push(
                Diagnostic::at(second.key_place, format!("the rule `{}` names two kinds of subject", raw.id))
                    .label("a second subject")
                    .related(entry.key_place, "the first")
                    .help("one rule has one subject; write a second rule, or one kind for each system: `sysctl.linux`, `rlimit.macos`"),
            );
            return None;
        }
        if !named.iter().any(|(_, entry)| is_per_system(&entry.value)) {
            let subject = self.subject(first, &entry.value, self.os);
            return Some((entry.key_place, subject));
        }
        let mut chosen: Option<(Place, Subject)> = None;
        let mut seen: Vec<(&str, Place)> = Vec::new();
        for (kind, entry) in &named {
            let Data::Table(table) = &entry.value.data else {
                continue;
            };
            for variant in &table.entries {
                if let Some((_, other)) = seen.iter().find(|(name, _)| *name == variant.key) {
                    self.sink.push(
                        Diagnostic::at(
                            variant.key_place,
                            format!("the rule `{}` names two subjects for {}", raw.id, variant.key),
                        )
                        .label("a second one")
                        .related(*other, "the first"),
                    );
                    continue;
                }
                seen.push((variant.key.as_str(), variant.key_place));
                let Some(os) = Os::parse(&variant.key) else { continue };
                let subject = self.subject(*kind, &variant.value, os);
                if os == self.os {
                    chosen = subject.map(|subject| (variant.key_place, subject));
                }
            }
        }
        Some(match chosen {
            Some((place, subject)) => (place, Some(subject)),
            None => (entry.key_place, None),
        })
    }

    fn subject(&mut self, kind: &'static dyn Kind, raw: &Raw, os: Os) -> Option<Subject> {
        let Some(table) = raw.table() else {
            self.sink.push(
                Diagnostic::at(raw.place, format!("`{}` must be a table", kind.name()))
                    .label(format!("this is {}", raw.kind()))
                    .help(format!("for example:\n{}", kind.docs().example.trim())),
            );
            return None;
        };
        let before = self.sink.len();
        // A subject that this system does not have is read as another system's, so that its mistakes show everywhere.
        let written_for = |field: &shape::Field| match (field.shape, table.get(field.name).and_then(Raw::table)) {
            (shape::Shape::PerSystem(_), Some(table)) if table.get(os.name()).is_none() => {
                table.entries.iter().find_map(|entry| Os::parse(&entry.key))
            }
            _ => None,
        };
        let other = kind.selectors().iter().find_map(written_for);
        let mut for_this_system = other.is_none();
        let os = other.unwrap_or(os);
        let mut selectors = Selectors::default();
        for field in kind.selectors() {
            match table.get(field.name) {
                None if field.required => self.sink.push(
                    Diagnostic::at(raw.place, format!("`{}` needs `{}`", kind.name(), field.name))
                        .label(format!("`{}` is missing here", field.name))
                        .help(field.doc),
                ),
                None => {}
                Some(value) => {
                    shape::check(value, &field.shape, field.name, self.sink);
                    for_this_system &= self.selector(kind, field, value, os, &mut selectors);
                }
            }
        }
        if self.sink.len() == before && for_this_system {
            kind.check(&selectors, os, self.sink);
        }
        let flat = kind.metrics().find(|metric| metric.name.is_empty());
        let mut expectations = Vec::new();
        let known = |name: &str| {
            kind.selectors().iter().any(|field| field.name == name)
                || kind.metrics().any(|metric| metric.name == name)
                || flat.is_some() && (Comparator::parse(name).is_some() || is_modifier(name))
        };
        for entry in table.entries.iter().filter(|entry| !known(&entry.key)) {
            let selectors = kind.selectors().iter().map(|field| field.name);
            let metrics = kind.metrics().map(|metric| metric.name).filter(|name| !name.is_empty());
            let comparators: Vec<&str> = if flat.is_some() {
                Comparator::names().collect()
            } else {
                Vec::new()
            };
            let known: Vec<&str> = selectors.chain(metrics).chain(comparators).collect();
            self.sink
                .push(shape::unknown_key(entry, &format!("`{}`", kind.name()), &known));
        }
        let mistaken = self.sink.len() > before;
        let mut expect = ExpectationReader {
            sources: self.sources,
            sink: self.sink,
            names: &self.names,
            kind,
            os,
        };
        let has_comparator = table
            .entries
            .iter()
            .any(|entry| Comparator::parse(&entry.key).is_some());
        if mistaken && flat.is_some() && !has_comparator {
            // What is unknown may have been meant as a comparator; saying that there is none would be a second report of it.
        } else if let Some(metric) = flat {
            let entries: Vec<&Entry> = table
                .entries
                .iter()
                .filter(|entry| Comparator::parse(&entry.key).is_some() || is_modifier(&entry.key))
                .collect();
            expectations.extend(expect.comparators(metric, &selectors, &entries, raw.place));
        } else {
            for metric in kind.metrics() {
                if let Some(value) = table.get(metric.name) {
                    expectations.extend(expect.metric(metric, &selectors, value));
                }
            }
            if expectations.is_empty() && self.sink.len() == before {
                let metrics: Vec<String> = kind.metrics().map(|metric| format!("`{}`", metric.name)).collect();
                self.sink.push(
                    Diagnostic::at(raw.place, format!("this `{}` expects nothing", kind.name()))
                        .label("nothing to compare")
                        .help(format!("name one of {}", metrics.join(", "))),
                );
            }
        }
        self.meaning(kind, &expectations, &selectors, raw.place);
        // Text of another system than this one is only checked; so is a rule with a mistake.
        (for_this_system && self.sink.len() == before).then_some(Subject {
            kind,
            selectors,
            expectations,
            place: raw.place,
        })
    }

    /// Whether every metric has the selector that it is about, and is compared with what it can be.
    fn meaning(&mut self, kind: &dyn Kind, expectations: &[rule::Expectation], selectors: &Selectors, place: Place) {
        for expectation in expectations {
            let metric = expectation.metric.name;
            if let Some(selector) = expectation.metric.about.filter(|name| selectors.place(name).is_none()) {
                self.sink.push(
                    Diagnostic::at(place, format!("`{metric}` of `{}` needs `{selector}`", kind.name()))
                        .label(format!("`{selector}` is missing here")),
                );
            }
            let words = expectation.metric.words;
            for asked in expectation.asked.iter().filter(|_| !words.is_empty()) {
                let given: Vec<&crate::value::Value> = match &asked.operand {
                    rule::AskedOperand::Literal(value) => vec![value],
                    rule::AskedOperand::Literals(values) => values.iter().collect(),
                    _ => Vec::new(),
                };
                for value in given.iter().map(|value| value.to_string()) {
                    if !words.contains(&value.as_str()) {
                        self.sink.push(
                            Diagnostic::at(asked.place, format!("`{metric}` is never `{value}`"))
                                .label("no such word")
                                .suggest(&value, words.iter().copied(), "it can be"),
                        );
                    }
                }
            }
        }
    }

    /// Reads one selector; false where it has no value for this system.
    fn selector(&mut self, kind: &dyn Kind, field: &shape::Field, value: &Raw, os: Os, out: &mut Selectors) -> bool {
        let mut value = value;
        let mut form = field.shape;
        if let shape::Shape::PerSystem(inner) = field.shape {
            form = *inner;
            if let Some(table) = value.table() {
                // The other systems' values are checked in form too, so that a typo shows wherever the profile is read.
                for entry in table.entries.iter().filter(|entry| entry.key != os.name()) {
                    let (Some(text), Some(other)) = (entry.value.text(), Os::parse(&entry.key)) else {
                        continue;
                    };
                    let mut selectors = Selectors::default();
                    selectors.push(field.name, Selector::Text(text.to_owned()), entry.value.place);
                    kind.check(&selectors, other, self.sink);
                }
                match table.get(os.name()) {
                    Some(own) => value = own,
                    None => return false,
                }
            }
        }
        let selector = match (&value.data, form) {
            (Data::Bool(flag), _) => Selector::Bool(*flag),
            (Data::Integer(number), _) => Selector::Number(*number),
            (Data::Text(_), shape::Shape::Expression) => {
                match expression(value, &self.names, self.sources, self.sink) {
                    Some((condition, _)) => Selector::Computed(condition),
                    None => return true,
                }
            }
            (Data::Text(text), _) => Selector::Text(text.clone()),
            (Data::List(items), shape::Shape::List(_)) => {
                Selector::Texts(items.iter().filter_map(Raw::text).map(str::to_owned).collect())
            }
            _ => return true,
        };
        out.push(field.name, selector, value.place);
        true
    }

    fn waiver(&mut self, raw: &Raw, rules: &[RawRule]) -> Option<Waiver> {
        let table = raw.table()?;
        if let Some(reason) = table
            .get("reason")
            .filter(|raw| raw.text().is_some_and(|text| text.trim().is_empty()))
        {
            self.sink.push(
                Diagnostic::at(reason.place, "a waiver says why")
                    .label("empty")
                    .help("the report shows the reason until the waiver ends"),
            );
        }
        let rule = table.get("rule")?;
        let id = rule.text()?;
        // `profile/rule` is how reports name it, so that is accepted too.
        let id = id.rsplit('/').next().unwrap_or(id);
        if !rules.iter().any(|known| known.id == id) {
            self.sink.push(
                Diagnostic::at(rule.place, format!("there is no rule `{id}` to waive"))
                    .label("not known here")
                    .suggest(id, rules.iter().map(|rule| rule.id.as_str()), "the rules are"),
            );
        }
        let until = match table.get("until").map(|raw| &raw.data) {
            Some(Data::Date(date)) => Some(*date),
            _ => None,
        };
        Some(Waiver {
            rule: id.to_owned(),
            reason: table.get("reason")?.text()?.to_owned(),
            until,
            place: raw.place,
        })
    }

    fn waived_twice(&mut self, waivers: &[Waiver]) {
        for (at, waiver) in waivers.iter().enumerate() {
            let twin = waivers[..at]
                .iter()
                .find(|other| other.rule == waiver.rule && other.place.source == waiver.place.source);
            if let Some(twin) = twin {
                self.sink.push(
                    Diagnostic::at(waiver.place, format!("the rule `{}` is waived twice", waiver.rule))
                        .label("waived again")
                        .related(twin.place, "waived first here"),
                );
            }
        }
    }

    /// A parameter that nothing in its own file uses is a mistake there, whatever becomes of the rules afterwards.
    fn unused(&mut self, merged: &Merged, params: &[Param]) {
        for param in params.iter().filter(|param| !self.names.used(&param.name)) {
            let used_by_parent_rule = merged.rules.iter().any(|rule| mentions_table(&rule.table, &param.name));
            // A rule that was disabled, or that is for another system, may have used it: look at the file's own text.
            let text = &self.sources.get(param.place.source).text;
            let mentions = words(text).filter(|word| *word == param.name).count();
            if !used_by_parent_rule && mentions < 2 {
                self.sink.push(
                    Diagnostic::at(param.place, format!("nothing uses the parameter `{}`", param.name))
                        .label("declared here")
                        .help("use it in an expression, or remove it"),
                );
            }
        }
    }
}

/// The systems that a rule is written for: those that its subject has a form for, or that a key of its subject has.
fn systems(raw: &RawRule) -> Vec<Os> {
    let named = raw
        .table
        .entries
        .iter()
        .filter(|entry| rule::find(&entry.key).is_some());
    let tables = named.filter_map(|entry| entry.value.table());
    let inner = tables.flat_map(|table| {
        let own = table.entries.iter().map(|entry| entry.key.as_str());
        let of_keys = table.entries.iter().filter_map(|entry| entry.value.table());
        own.chain(of_keys.flat_map(|table| table.entries.iter().map(|entry| entry.key.as_str())))
    });
    let mut systems: Vec<Os> = Vec::new();
    for os in inner.filter_map(Os::parse) {
        if !systems.contains(&os) {
            systems.push(os);
        }
    }
    systems
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}

fn mentions_table(table: &Table, name: &str) -> bool {
    table.entries.iter().any(|entry| mentions(&entry.value, name))
}

fn mentions(raw: &Raw, name: &str) -> bool {
    match &raw.data {
        Data::Text(text) => words(text).any(|word| word == name),
        Data::List(list) => list.iter().any(|item| mentions(item, name)),
        Data::Table(table) => mentions_table(table, name),
        _ => false,
    }
}
