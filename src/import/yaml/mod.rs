//! The part of YAML that goss files and redpanda.yaml are written in, with the line of every value; all of JSON is in it.
//!
//! Block mappings and sequences, flow collections, plain and quoted scalars, block scalars and comments. Anchors, aliases, tags,
//! merge keys, directives and a second document are refused by name: a library that reads them is as large as all of the import.

mod flow;

use crate::most::YAML_DEPTH;
use flow::Flow;

/// A value with the line that it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub(super) line: u32,
    pub(super) data: Data,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    /// A scalar; numbers and booleans are texts that look like one.
    Scalar(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the text.
    Map(Vec<(String, Node)>),
}

/// What of a text this reader does not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1.
    pub(super) line: u32,
    /// A sentence without a full stop.
    pub(super) what: String,
}

impl Mistake {
    fn new(line: u32, what: impl Into<String>) -> Self {
        Self {
            line,
            what: what.into(),
        }
    }
}

impl Node {
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn map(&self) -> Option<&[(String, Node)]> {
        match &self.data {
            Data::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.iter().find(|(known, _)| known == key).map(|(_, node)| node)
    }

    /// `true` or `false`, in YAML 1.1's words and in JSON's.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self.scalar()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }
}

/// Reads a document.
pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (row, number) in text.split_inclusive('\n').zip(1_u32..) {
        let content = row.trim_start_matches(' ');
        let indent = row.len() - content.len();
        let trimmed = content.trim_end();
        let begins = start;
        start += row.len();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if trimmed.starts_with('\t') && !trimmed.trim_start().starts_with('#') && !in_flow(text) {
            return Err(Mistake::new(number, "a tab does not indent YAML"));
        }
        match trimmed {
            "---" if lines.is_empty() => continue,
            "---" => return Err(Mistake::new(number, "a second document is not read")),
            "..." => break,
            _ if trimmed.starts_with('%') => return Err(Mistake::new(number, "directives are not read")),
            _ => lines.push(Line {
                number,
                indent,
                start: begins + indent,
                text: trimmed,
            }),
        }
    }
    let mut parser = Parser { text, lines, at: 0 };
    let Some(first) = parser.lines.first().copied() else {
        return Err(Mistake::new(1, "there is nothing in it"));
    };
    let node = parser.block(first.indent, 0)?;
    match parser.lines.get(parser.at) {
        Some(line) => Err(Mistake::new(
            line.number,
            "this is indented less than what it follows, or follows no key",
        )),
        None => Ok(node),
    }
}

/// Whether the whole document is a flow collection, as JSON is.
fn in_flow(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

#[derive(Clone, Copy)]
struct Line<'a> {
    number: u32,
    indent: usize,
    /// Where it begins in the text, after its indentation.
    start: usize,
    text: &'a str,
}

struct Parser<'a> {
    text: &'a str,
    lines: Vec<Line<'a>>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn block(&mut self, indent: usize, depth: usize) -> Result<Node, Mistake> {
        let line = self.lines[self.at];
        if depth > YAML_DEPTH {
            return Err(Mistake::new(
                line.number,
                format!("more than {YAML_DEPTH} values in one another"),
            ));
        }
        if is_item(line.text) {
            self.sequence(indent, depth)
        } else if !line.text.starts_with(['{', '[']) && key_of(line.text).is_some() {
            self.mapping(indent, depth)
        } else {
            // It stands where its own further lines stand, too.
            self.value(line, line.text, indent.saturating_sub(1), depth)
        }
    }

    fn sequence(&mut self, indent: usize, depth: usize) -> Result<Node, Mistake> {
        let first = self.lines[self.at].number;
        let mut items = Vec::new();
        while let Some(line) = self.lines.get(self.at).copied() {
            if line.indent != indent || !is_item(line.text) {
                break;
            }
            let rest = line.text[1..].trim_start();
            if rest.is_empty() || rest.starts_with('#') {
                self.at += 1;
                items.push(self.nested(indent, line.number, depth)?);
            } else {
                // The rest of the line is a line of its own, further in.
                let offset = line.text.len() - rest.len();
                self.lines[self.at] = Line {
                    indent: indent + offset,
                    start: line.start + offset,
                    text: rest,
                    ..line
                };
                items.push(self.block(indent + offset, depth + 1)?);
            }
        }
        Ok(Node {
            line: first,
            data: Data::List(items),
        })
    }

    fn mapping(&mut self, indent: usize, depth: usize) -> Result<Node, Mistake> {
        let first = self.lines[self.at].number;
        let mut entries: Vec<(String, Node)> = Vec::new();
        while let Some(line) = self.lines.get(self.at).copied() {
            if line.indent != indent || is_item(line.text) {
                break;
            }
            let Some((key, rest)) = key_of(line.text) else {
                return Err(Mistake::new(line.number, "this is no key with a value"));
            };
            if key == "<<" {
                return Err(Mistake::new(line.number, "merge keys are not read"));
            }
            refuse(&key, line.number)?;
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(Mistake::new(line.number, format!("the key `{key}` is there twice")));
            }
            let value = if rest.is_empty() || rest.starts_with('#') {
                self.at += 1;
                self.nested(indent, line.number, depth)?
            } else {
                self.value(line, rest, indent, depth)?
            };
            entries.push((key, value));
        }
        Ok(Node {
            line: first,
            data: Data::Map(entries),
        })
    }

    /// What follows a key or a dash that has nothing behind it.
    fn nested(&mut self, indent: usize, line: u32, depth: usize) -> Result<Node, Mistake> {
        match self.lines.get(self.at).copied() {
            Some(next) if next.indent > indent || (next.indent == indent && is_item(next.text)) && depth > 0 => {
                self.block(next.indent, depth + 1)
            }
            Some(next) if next.indent == indent && is_item(next.text) => self.block(next.indent, depth + 1),
            _ => Ok(Node {
                line,
                data: Data::Scalar(String::new()),
            }),
        }
    }

    /// A value that begins on a line, behind a key or alone; moves past its last line.
    fn value(&mut self, line: Line<'a>, text: &'a str, indent: usize, depth: usize) -> Result<Node, Mistake> {
        refuse(text, line.number)?;
        let node = |data| Node {
            line: line.number,
            data,
        };
        if text.starts_with(['|', '>']) {
            self.at += 1;
            let mut out = String::new();
            while let Some(next) = self.lines.get(self.at).filter(|next| next.indent > indent) {
                out.push_str(next.text);
                out.push('\n');
                self.at += 1;
            }
            return Ok(node(Data::Scalar(out)));
        }
        if text.starts_with(['{', '[', '"', '\'']) {
            let start = line.start + (text.as_ptr() as usize - line.text.as_ptr() as usize);
            let mut flow = Flow {
                text: self.text,
                at: start,
                line: line.number,
            };
            let data = flow.value(depth)?;
            let rest = self.text[flow.at..].lines().next().unwrap_or_default().trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(Mistake::new(flow.line, format!("`{rest}` after the end of a value")));
            }
            while self.lines.get(self.at).is_some_and(|next| next.number <= flow.line) {
                self.at += 1;
            }
            return Ok(Node {
                line: line.number,
                data: data.data,
            });
        }
        let mut out = without_comment(text).to_owned();
        self.at += 1;
        // A plain scalar goes on over lines that are further in.
        while let Some(next) = self.lines.get(self.at).filter(|next| next.indent > indent) {
            if key_of(next.text).is_some() {
                return Err(Mistake::new(next.number, "a key inside a text"));
            }
            out.push(' ');
            out.push_str(without_comment(next.text));
            self.at += 1;
        }
        Ok(node(Data::Scalar(out)))
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

fn without_comment(text: &str) -> &str {
    text.find(" #").map_or(text, |at| &text[..at]).trim_end()
}

/// What this reader does not know, by its first character.
fn refuse(text: &str, line: u32) -> Result<(), Mistake> {
    let what = if text.starts_with("{{") {
        "a template must be expanded first"
    } else {
        match text.chars().next() {
            Some('&') => "anchors are not read",
            Some('*') => "aliases are not read",
            Some('!') => "tags are not read",
            Some('?') if text.len() == 1 || text.starts_with("? ") => "complex keys are not read",
            Some('@' | '`') => "a text cannot begin so",
            _ => return Ok(()),
        }
    };
    Err(Mistake::new(
        line,
        format!("{what}: `{}`", text.chars().take(40).collect::<String>()),
    ))
}

/// The key of a line, and what follows its colon.
fn key_of(text: &str) -> Option<(String, &str)> {
    if text.starts_with(['"', '\'']) {
        let mut flow = Flow { text, at: 0, line: 0 };
        let key = flow.quoted().ok()?;
        let rest = text[flow.at..].trim_start().strip_prefix(':')?;
        return (rest.is_empty() || rest.starts_with(' ')).then(|| (key, rest.trim()));
    }
    let end = match text.find(": ") {
        Some(at) => at,
        None => text.strip_suffix(':')?.len(),
    };
    let key = text[..end].trim_end();
    (!key.contains(" #") && !key.is_empty()).then(|| (key.to_owned(), text[end + 1..].trim()))
}

#[cfg(test)]
mod tests {
    use super::{Data, Mistake, Node, parse};

    fn show(node: &Node) -> String {
        match &node.data {
            Data::Scalar(text) => format!("{text:?}"),
            Data::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
            Data::Map(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| format!("{key}={}", show(value)))
                    .collect();
                format!("{{{}}}", entries.join(" "))
            }
        }
    }

    #[test]
    fn the_forms_that_goss_files_have() {
        let block = "# c\nport:\n  tcp:22:\n    listening: true # yes\n    ip:\n    - 0.0.0.0\n    - '::'\ncommand:\n  \"echo: x\":\n    exec: |\n      echo a\n      b: c\n    stdout: [a, \"b, c\"]\nempty:\n";
        let node = parse(block).expect("YAML");
        assert_eq!(
            show(&node),
            r#"{port={tcp:22={listening="true" ip=["0.0.0.0" "::"]}} command={echo: x={exec="echo a\nb: c\n" stdout=["a" "b, c"]}} empty=""}"#
        );
        assert_eq!(
            node.get("port")
                .and_then(|port| port.get("tcp:22"))
                .map(|node| node.line),
            Some(4)
        );
        let items = parse("- a: 1\n  b: 2\n-\n  c: 3\n- - x\n  - y\n- plain\n  goes on\n").expect("YAML");
        assert_eq!(show(&items), r#"[{a="1" b="2"} {c="3"} ["x" "y"] "plain goes on"]"#);
    }

    #[test]
    fn json_is_read_as_it_is() {
        let json = "{\n\t\"kernel-param\": {\"vm.swappiness\": {\"value\": \"1\", \"x\": [1, -2.5, null, \"\\u00df\\ud83d\\ude00\"]}}\n}\n";
        assert_eq!(
            show(&parse(json).expect("JSON")),
            "{kernel-param={vm.swappiness={value=\"1\" x=[\"1\" \"-2.5\" \"null\" \"ß😀\"]}}}"
        );
    }

    #[test]
    fn what_is_not_read_is_refused_with_its_line() {
        for (text, line, what) in [
            ("a: 1\nb: &x 2\n", 2, "anchors"),
            ("a: *x\n", 1, "aliases"),
            ("a: !!str 1\n", 1, "tags"),
            ("a:\n  <<: {}\n", 2, "merge"),
            ("a: 1\n---\nb: 2\n", 2, "second document"),
            ("a: 1\na: 2\n", 2, "twice"),
            ("a: {{.Vars.x}}\n", 1, "template"),
            ("a: [1, 2\n", 2, "`]` is missing"),
            ("a: \"x\n", 2, "quote"),
            ("\ta: 1\n", 1, "tab"),
            ("a: {b: 1} c\n", 1, "after the end"),
            ("  a: 1\nb: 2\n", 2, "indented less"),
            ("", 1, "nothing"),
        ] {
            let Mistake { line: at, what: said } = parse(text).expect_err(text);
            assert!(said.contains(what), "{text:?}: {said}");
            assert!(at == line || what == "quote", "{text:?}: line {at}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&"- ".repeat(100_000)).is_err());
    }
}
