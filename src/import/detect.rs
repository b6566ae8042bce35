//! Which format files are in: every format is asked, first what their names tell, then what stands in them.

use std::cmp::Reverse;
use std::fmt;

use super::input::read_text;
use super::{Entry, FORMATS, Format, Input, ReadError, Spot, Templates, Told, names, template, yaml};
use crate::system::System;

/// Why it is not clear which format files are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetectError {
    /// A file of a directory cannot be read.
    Unreadable(ReadError),
    /// Nothing was named.
    Nothing,
    /// Not everything that was named is in one format: two paths, each with the name of its format.
    Mixed([(String, &'static str); 2]),
    /// No format knows what this path names.
    Unknown(String),
    /// Nor can any, since another program has yet to fill it in: the line that shows it.
    Template(Spot),
    /// A text that more than one format could have written.
    Ambiguous {
        /// The path that was named.
        path: String,
        /// The names of the formats, for each text the strictest first.
        formats: Vec<&'static str>,
    },
}

impl fmt::Display for DetectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DetectError::Unreadable(error) => write!(f, "{error}"),
            DetectError::Nothing => f.write_str("there is nothing to import"),
            DetectError::Mixed([(path, format), (other, others)]) => {
                write!(f, "{path} is {format}, and {other} is {others}; import them one by one")
            }
            DetectError::Unknown(path) => write!(
                f,
                "neither the name of {path} nor its text tells its format; --from FORMAT does: {}",
                names(|_| true).join(", ")
            ),
            DetectError::Template(spot) => write!(f, "{spot}: {}", template::SAID),
            DetectError::Ambiguous { path, formats } => {
                write!(f, "{path} could be {}; --from FORMAT says which", formats.join(" or "))
            }
        }
    }
}

impl std::error::Error for DetectError {}

impl From<ReadError> for DetectError {
    fn from(error: ReadError) -> Self {
        DetectError::Unreadable(error)
    }
}

/// The one format of everything that is named.
///
/// # Errors
/// See [`DetectError`].
pub fn detect(input: &Input, system: &dyn System) -> Result<&'static dyn Format, DetectError> {
    let mut found: Option<(&'static dyn Format, &str)> = None;
    for entry in &input.entries {
        let format = one(entry, system)?;
        match found {
            Some((known, path)) if known.name() != format.name() => {
                return Err(DetectError::Mixed([
                    (path.to_owned(), known.name()),
                    (entry.path().to_owned(), format.name()),
                ]));
            }
            _ => found = Some((format, entry.path())),
        }
    }
    found.map(|(format, _)| format).ok_or(DetectError::Nothing)
}

fn one(entry: &Entry, system: &dyn System) -> Result<&'static dyn Format, DetectError> {
    if let Some(format) = by_name(entry) {
        return Ok(format);
    }
    let path = entry.path();
    let mut candidates: Vec<&'static dyn Format> = Vec::new();
    let mut add = |text: &str| {
        for format in by_content(text) {
            if !candidates.iter().any(|known| known.name() == format.name()) {
                candidates.push(format);
            }
        }
    };
    match entry {
        Entry::File { text, .. } => add(text),
        Entry::Directory { names, .. } => {
            for name in names.iter().filter(|name| name.ends_with(".conf")) {
                add(&read_text(&format!("{path}/{name}"), system)?);
            }
        }
    }
    match candidates[..] {
        [format] => Ok(format),
        [] => match entry {
            Entry::File { text, .. } => Err(match template::line_of(text, Templates::WholeFile) {
                Some(line) => DetectError::Template(Spot::new(path, line)),
                None => DetectError::Unknown(path.to_owned()),
            }),
            Entry::Directory { .. } => Err(DetectError::Unknown(path.to_owned())),
        },
        _ => Err(DetectError::Ambiguous {
            path: path.to_owned(),
            formats: candidates.iter().map(|format| format.name()).collect(),
        }),
    }
}

/// The format that the name tells best; of several that it tells equally well, the first of the list.
fn by_name(entry: &Entry) -> Option<&'static dyn Format> {
    let mut best: Option<(Told, &'static dyn Format)> = None;
    for format in FORMATS.iter().copied() {
        if let Some(told) = format.by_name(entry)
            && best.is_none_or(|(known, _)| told > known)
        {
            best = Some((told, format));
        }
    }
    best.map(|(_, format)| format)
}

/// Every format that a text could be in, the strictest first.
fn by_content(text: &str) -> Vec<&'static dyn Format> {
    let rows: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|row| !row.is_empty() && !row.starts_with(['#', ';']))
        .collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let formats = FORMATS.iter().copied();
    let mut found: Vec<&'static dyn Format> = formats.clone().filter(|format| format.by_lines(&rows)).collect();
    if found.is_empty()
        && let Ok(root) = yaml::parse(text)
    {
        found.extend(formats.filter(|format| format.by_document(&root)));
    }
    found.sort_by_key(|format| Reverse(format.strictness()));
    found
}

#[cfg(test)]
mod tests {
    use super::{Entry, by_content, by_name};

    #[test]
    fn what_stands_in_a_file_tells_its_format() {
        for (text, formats) in [
            (
                "# x\nvm.swappiness = 1\n-net.ipv4.conf.all.rp_filter\n",
                &["sysctl.d"][..],
            ),
            ("vm.max_map_count >= 262144\nnofile >= 65535\n", &["requirements"]),
            ("* soft nofile 1024\n@dba - memlock unlimited\n", &["limits.d"]),
            ("[main]\nsummary=x\n", &["tuned"]),
            ("kernel-param:\n  vm.swappiness:\n    value: '1'\n", &["goss"]),
            ("rpk:\n  tune_swappiness: true\n", &["redpanda"]),
            (
                "rpk:\n  a: true\nport:\n  tcp:1:\n    listening: true\n",
                &["redpanda", "goss"],
            ),
            ("vm.swappiness == 1\n", &["requirements"]),
            ("vm.swappiness = 1\necho hello\n", &[]),
            // A line that several forms have: what asks more of it stands first.
            ("[a>=b]\n", &["tuned", "requirements"]),
            ("a>= soft b c\n", &["requirements", "limits.d"]),
            ("a.b=x soft c d\n", &["limits.d", "sysctl.d"]),
            // Where lines have a form, nobody asks whether they are a document too.
            ("{\"rpk\":{\"a.b\":\"c=d\"}}\n", &["sysctl.d"]),
            ("", &[]),
        ] {
            let names: Vec<&str> = by_content(text).iter().map(|format| format.name()).collect();
            assert_eq!(names, formats, "{text}");
        }
    }

    #[test]
    fn the_name_of_a_file_tells_more_than_that_of_a_directory() {
        let file = |path: &str| Entry::File {
            path: path.to_owned(),
            text: String::new(),
        };
        let directory = |path: &str, names: &[&str]| Entry::Directory {
            path: path.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        for (entry, format) in [
            (file("/etc/sysctl.d/10-a.conf"), Some("sysctl.d")),
            (file("sysctl.d/limits.conf"), Some("limits.d")),
            (file("limits.d/sysctl.conf"), Some("sysctl.d")),
            (file("sysctl.d/tuned.conf"), Some("tuned")),
            (file("sysctl.d/readme.txt"), None),
            (file("x.conf"), None),
            (file("goss.json"), Some("goss")),
            (file("redpanda.yaml"), Some("redpanda")),
            (directory("/etc/limits.d", &["a.conf"]), Some("limits.d")),
            (directory("/etc/sysctl.d", &["a.conf", "tuned.conf"]), Some("tuned")),
            (directory("sysctl.conf", &[]), None),
        ] {
            assert_eq!(by_name(&entry).map(|format| format.name()), format, "{entry:?}");
        }
    }
}
