//! Which format a file is in, by its name, or else by what stands in it.

use super::{Entry, Format, Input, goss, requirements, yaml};
use crate::system::System;

/// The format of everything that is named.
///
/// # Errors
/// Nobody can tell, or it could be several.
pub fn detect(input: &Input, system: &dyn System) -> Result<Format, String> {
    let mut found: Option<(Format, &str)> = None;
    for entry in &input.entries {
        let format = one(entry, system)?;
        match found {
            Some((known, path)) if known != format => {
                return Err(format!(
                    "{path} is {}, and {} is {}; import them one by one",
                    known.name(),
                    entry.path(),
                    format.name()
                ));
            }
            _ => found = Some((format, entry.path())),
        }
    }
    found
        .map(|(format, _)| format)
        .ok_or_else(|| "there is nothing to import".to_owned())
}

fn one(entry: &Entry, system: &dyn System) -> Result<Format, String> {
    let path = entry.path();
    if let Some(format) = by_name(entry) {
        return Ok(format);
    }
    let names: Vec<&str> = Format::ALL.iter().map(|(name, _)| *name).collect();
    let candidates = match entry {
        Entry::File { text, .. } => by_content(text),
        Entry::Directory { names, .. } => {
            let mut all: Vec<Format> = Vec::new();
            for name in names.iter().filter(|name| name.ends_with(".conf")) {
                let text = super::input::read_text(&format!("{path}/{name}"), system)?;
                for format in by_content(&text) {
                    if !all.contains(&format) {
                        all.push(format);
                    }
                }
            }
            all
        }
    };
    match candidates[..] {
        [format] => Ok(format),
        [] => Err(format!(
            "nobody can tell what {path} is; --from FORMAT says it: {}",
            names.join(", ")
        )),
        _ => {
            let could: Vec<&str> = candidates.iter().map(|format| format.name()).collect();
            Err(format!(
                "{path} could be {}; --from FORMAT says which",
                could.join(" or ")
            ))
        }
    }
}

fn by_name(entry: &Entry) -> Option<Format> {
    let path = std::path::Path::new(entry.path());
    let parent = path.parent().and_then(|parent| parent.file_name()).unwrap_or_default();
    match entry {
        Entry::Directory { names, .. } => match entry.name() {
            _ if names.iter().any(|name| name == "tuned.conf") => Some(Format::Tuned),
            "sysctl.d" => Some(Format::SysctlD),
            "limits.d" => Some(Format::LimitsD),
            _ => None,
        },
        Entry::File { .. } => match entry.name() {
            "sysctl.conf" => Some(Format::SysctlD),
            "limits.conf" => Some(Format::LimitsD),
            "tuned.conf" => Some(Format::Tuned),
            "redpanda.yaml" => Some(Format::Redpanda),
            "goss.yaml" | "goss.yml" | "goss.json" => Some(Format::Goss),
            name if name.ends_with(".conf") && parent == "sysctl.d" => Some(Format::SysctlD),
            name if name.ends_with(".conf") && parent == "limits.d" => Some(Format::LimitsD),
            _ => None,
        },
    }
}

/// Every format whose form all lines have that say anything.
fn by_content(text: &str) -> Vec<Format> {
    let rows: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|row| !row.is_empty() && !row.starts_with(['#', ';']))
        .collect();
    let mut found = Vec::new();
    if rows.is_empty() {
        return found;
    }
    let all = |is: fn(&str) -> bool| rows.iter().all(|row| is(row));
    if rows[0].starts_with('[') && rows[0].ends_with(']') && rows.iter().any(|row| row.contains('=')) {
        found.push(Format::Tuned);
    }
    if all(|row| requirements::requirement(row).is_some()) {
        found.push(Format::Requirements);
    }
    if all(|row| {
        let words: Vec<&str> = row
            .split('#')
            .next()
            .unwrap_or_default()
            .split_ascii_whitespace()
            .collect();
        matches!(words[..], [_, "soft" | "hard" | "-", _, _] | [_, "-"])
    }) {
        found.push(Format::LimitsD);
    }
    if all(|row| {
        let (key, value) = row.split_once('=').unwrap_or((row, ""));
        let key = key.trim().trim_start_matches('-');
        let assigns = (row.contains('=') || row.starts_with('-')) && !value.starts_with('=');
        assigns && key.contains(['.', '/']) && !key.contains(|c: char| c.is_whitespace() || "<>![]".contains(c))
    }) {
        found.push(Format::SysctlD);
    }
    if found.is_empty()
        && let Ok(root) = yaml::parse(text)
        && let Some(sections) = root.map()
    {
        if sections.iter().any(|(key, node)| key == "rpk" && node.map().is_some()) {
            found.push(Format::Redpanda);
        }
        if sections
            .iter()
            .any(|(key, node)| goss::SECTIONS.contains(&key.as_str()) && node.map().is_some())
        {
            found.push(Format::Goss);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Format, by_content};

    #[test]
    fn what_stands_in_a_file_tells_its_format() {
        for (text, formats) in [
            (
                "# x\nvm.swappiness = 1\n-net.ipv4.conf.all.rp_filter\n",
                &[Format::SysctlD][..],
            ),
            ("vm.max_map_count >= 262144\nnofile >= 65535\n", &[Format::Requirements]),
            ("* soft nofile 1024\n@dba - memlock unlimited\n", &[Format::LimitsD]),
            ("[main]\nsummary=x\n", &[Format::Tuned]),
            ("kernel-param:\n  vm.swappiness:\n    value: '1'\n", &[Format::Goss]),
            ("rpk:\n  tune_swappiness: true\n", &[Format::Redpanda]),
            (
                "rpk:\n  a: true\nport:\n  tcp:1:\n    listening: true\n",
                &[Format::Redpanda, Format::Goss],
            ),
            ("vm.swappiness == 1\n", &[Format::Requirements]),
            ("vm.swappiness = 1\necho hello\n", &[]),
            ("", &[]),
        ] {
            assert_eq!(by_content(text), formats, "{text}");
        }
    }
}
