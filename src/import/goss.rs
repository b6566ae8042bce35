//! goss files: what of them is about a machine's settings.

use super::ask::{Ask, Direction};
use super::draft::{Draft, Spot};
use super::yaml::{self, Data, Node};
use super::{Entry, Format, ImportError, Input, Reads, Told, Wish};
use crate::document::write::Toml;
use crate::rule;
use crate::system::System;

/// The sections that a goss file can have.
const SECTIONS: &[&str] = &[
    "addr",
    "command",
    "dns",
    "file",
    "gossfile",
    "group",
    "http",
    "interface",
    "kernel-param",
    "matching",
    "mount",
    "package",
    "port",
    "process",
    "service",
    "user",
];

/// Attributes that say something about a check, and nothing about the machine.
const ABOUT: &[&str] = &["title", "meta", "skip"];

/// A file of goss(1), or the JSON of `goss render`.
#[derive(Debug)]
pub struct Goss;

impl Format for Goss {
    fn name(&self) -> &'static str {
        "goss"
    }

    fn help(&self) -> &'static str {
        "kernel-param and port; mount, service and interface as far as there are kinds of subject for them."
    }

    fn by_name(&self, entry: &Entry) -> Option<Told> {
        entry
            .is_file(&["goss.yaml", "goss.yml", "goss.json"])
            .then_some(Told::ByFile)
    }

    fn by_document(&self, root: &Node) -> bool {
        let sections = root.map().unwrap_or_default().iter();
        let mut known = sections.filter(|(key, _)| SECTIONS.contains(&key.as_str()));
        known.any(|(_, node)| node.map().is_some())
    }

    fn reads(&self) -> Reads {
        Reads::Files(&[".yaml", ".yml", ".json", ".conf"])
    }

    fn import(&self, input: &Input, _wish: &Wish, _system: &dyn System, draft: &mut Draft) -> Result<(), ImportError> {
        import(input, draft)
    }
}

fn import(input: &Input, draft: &mut Draft) -> Result<(), ImportError> {
    for entry in &input.entries {
        let Entry::File { path, text } = entry else { continue };
        let root = yaml::parse(text).map_err(|mistake| ImportError::in_yaml(path, mistake))?;
        let Some(sections) = root.map() else {
            return Err(ImportError::Malformed {
                spot: Spot::new(path, 0),
                what: "this is no goss file: at the top stand sections".to_owned(),
            });
        };
        for (section, node) in sections {
            let spot = Spot::new(path, node.line);
            let Some(items) = node.map() else {
                draft.left_out(&spot, format!("`{section}` holds nothing"));
                continue;
            };
            for (name, attributes) in items {
                let mut item = Item {
                    path,
                    section,
                    name,
                    attributes,
                    draft,
                };
                item.import();
            }
        }
    }
    Ok(())
}

/// One thing that a goss file looks at.
struct Item<'a> {
    path: &'a str,
    section: &'a str,
    name: &'a str,
    attributes: &'a Node,
    draft: &'a mut Draft,
}

impl Item<'_> {
    fn import(&mut self) {
        let spot = Spot::new(self.path, self.attributes.line);
        if self.attributes.get("skip").and_then(Node::boolean) == Some(true) {
            return self.draft.remark(
                &spot,
                format!("goss skips {} {}, and so does the profile", self.section, self.name),
            );
        }
        let Some(attributes) = self.attributes.map().filter(|attributes| !attributes.is_empty()) else {
            return self
                .draft
                .left_out(&spot, format!("{} {} says nothing", self.section, self.name));
        };
        for (attribute, value) in attributes.iter().filter(|(name, _)| !ABOUT.contains(&name.as_str())) {
            let spot = Spot::new(self.path, value.line);
            let done = match (self.section, attribute.as_str()) {
                ("kernel-param", "value") => self.parameter(value, &spot),
                ("port", "listening") => self.port(value, &spot),
                ("mount", "filesystem") => self.mount("type", one_word(value), &spot),
                ("mount", "opts") => {
                    let words = list(value).map(|words| Toml::Table(vec![("contains", Toml::List(words))]));
                    self.mount("options", words, &spot)
                }
                ("service", "enabled") => self.service("enabled", value, &spot),
                ("service", "running") => self.service("active", value, &spot),
                ("interface", "mtu") => self.interface(value, &spot),
                _ => Err("no rule looks at it".to_owned()),
            };
            if let Err(why) = done {
                self.draft
                    .left_out(&spot, format!("{} {} {attribute}: {why}", self.section, self.name));
            }
        }
    }

    fn parameter(&mut self, value: &Node, spot: &Spot) -> Result<(), String> {
        let mut asks: Vec<(Direction, String)> = Vec::new();
        matchers(value, &mut asks)?;
        for (direction, value) in asks {
            let ask = Ask {
                key: self.name,
                value: &value,
                direction,
                when: None,
                spot,
            };
            ask.make(self.draft);
        }
        Ok(())
    }

    fn port(&mut self, value: &Node, spot: &Spot) -> Result<(), String> {
        let (protocol, number) = self.name.split_once(':').ok_or("a port is PROTOCOL:NUMBER")?;
        let port: u16 = number.parse().map_err(|_| "a port is PROTOCOL:NUMBER".to_owned())?;
        let protocol = match protocol {
            "tcp" | "tcp6" => "tcp",
            "udp" | "udp6" => "udp",
            _ => return Err("rules know ports of TCP and UDP".to_owned()),
        };
        let state = match value.boolean() {
            Some(true) => "listening",
            Some(false) => "free",
            None => return Err("it is neither true nor false".to_owned()),
        };
        let subject = vec![
            ("port", Toml::Integer(i128::from(port))),
            ("protocol", Toml::text(protocol)),
            ("state", Toml::text(state)),
        ];
        self.draft.rule(&format!("port-{}", self.name), "ports", subject, spot);
        self.draft.remark(
            spot,
            format!("port {}: a rule counts listeners of IPv4 and IPv6 alike", self.name),
        );
        Ok(())
    }

    fn mount(&mut self, metric: &'static str, value: Option<Toml>, spot: &Spot) -> Result<(), String> {
        let value = value.ok_or("it is no plain value")?;
        let subject = vec![("path", Toml::text(self.name)), (metric, value)];
        self.kind("mount", subject, spot)?;
        self.draft.remark(
            spot,
            format!("mount {}: a rule looks at the mount that holds the path", self.name),
        );
        Ok(())
    }

    fn service(&mut self, metric: &'static str, value: &Node, spot: &Spot) -> Result<(), String> {
        let on = value.boolean().ok_or("it is neither true nor false")?;
        let unit = if self.name.contains('.') {
            self.name.to_owned()
        } else {
            format!("{}.service", self.name)
        };
        self.kind(
            "service",
            vec![("unit", Toml::text(unit)), (metric, Toml::Bool(on))],
            spot,
        )
    }

    fn interface(&mut self, value: &Node, spot: &Spot) -> Result<(), String> {
        let number = value.scalar().and_then(|text| text.parse::<u32>().ok());
        let mtu = number.ok_or("it is no plain number")?;
        let subject = vec![("name", Toml::text(self.name)), ("mtu", Toml::Integer(mtu.into()))];
        self.kind("interface", subject, spot)
    }

    fn kind(&mut self, kind: &'static str, subject: Vec<(&'static str, Toml)>, spot: &Spot) -> Result<(), String> {
        if rule::find(kind).is_none() {
            return Err("no rule looks at it".to_owned());
        }
        self.draft.rule(&format!("{kind}-{}", self.name), kind, subject, spot);
        Ok(())
    }
}

/// What matchers ask of a value, all of which must hold.
fn matchers(node: &Node, out: &mut Vec<(Direction, String)>) -> Result<(), String> {
    match &node.data {
        Data::Scalar(text) => {
            out.push((Direction::Equal, text.clone()));
            Ok(())
        }
        Data::List(_) => Err("a list of patterns is compared as text, and a rule compares values".to_owned()),
        Data::Map(entries) => {
            for (name, value) in entries {
                let number = || {
                    let text = value.scalar().ok_or("a matcher takes a number")?;
                    text.parse::<i64>()
                        .map(i128::from)
                        .map_err(|_| format!("`{text}` is no integer"))
                };
                match name.as_str() {
                    "ge" => out.push((Direction::Floor, number()?.to_string())),
                    "le" => out.push((Direction::Ceiling, number()?.to_string())),
                    "gt" => out.push((Direction::Floor, (number()? + 1).to_string())),
                    "lt" => out.push((Direction::Ceiling, (number()? - 1).to_string())),
                    "and" => {
                        let Data::List(parts) = &value.data else {
                            return Err("`and` takes a list".to_owned());
                        };
                        for part in parts {
                            matchers(part, out)?;
                        }
                    }
                    "not" => match value.scalar() {
                        Some(text) => out.push((Direction::Other, text.to_owned())),
                        None => return Err("`not` of a matcher has no comparator".to_owned()),
                    },
                    "equal" => match value.scalar() {
                        Some(text) => out.push((Direction::Equal, text.to_owned())),
                        None => return Err("`equal` takes a value".to_owned()),
                    },
                    other => return Err(format!("the matcher `{other}` has no comparator")),
                }
            }
            Ok(())
        }
    }
}

fn one_word(node: &Node) -> Option<Toml> {
    node.scalar().filter(|text| !text.is_empty()).map(Toml::text)
}

fn list(node: &Node) -> Option<Vec<Toml>> {
    match &node.data {
        Data::List(items) => items
            .iter()
            .map(one_word)
            .collect::<Option<Vec<Toml>>>()
            .filter(|words| !words.is_empty()),
        _ => one_word(node).map(|word| vec![word]),
    }
}
