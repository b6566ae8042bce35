//! What somebody may have meant who named a profile that there is none of: a common word, a rule, a key.

use crate::catalogue;
use crate::system::Os;

/// So many names are offered.
const OFFERED: usize = 4;

/// Short names of what summaries call by its whole name.
const SHORT: &[(&str, &str)] = &[
    ("k8s", "kubernetes"),
    ("golang", "go"),
    ("psql", "postgresql"),
    ("pg", "postgresql"),
];

/// What to do instead; `None` where nothing is like it. An author's summary is what a profile is found by: it names programs anyway.
pub(super) fn hint(word: &str, built_in: &[(&str, String)]) -> Option<String> {
    let quoted = |names: &[String]| {
        names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let profiles = profiles(word, built_in);
    if !profiles.is_empty() {
        return Some(format!("did you mean {}?", quoted(&profiles)));
    }
    let having = with_rule(word, built_in);
    if let Some(first) = having.first() {
        let more = if having.len() > 1 {
            format!(" (and {} others)", having.len() - 1)
        } else {
            String::new()
        };
        return Some(format!(
            "it is a rule of {first}{more}: `runup check {first} --only {word}` checks it, `runup explain {first}/{word}` says why it is there"
        ));
    }
    let key = key(word)?;
    Some(format!(
        "it is a key: `runup explain {key}` says what it is and which rules are about it"
    ))
}

/// The built-in profile of a program whose own name says more: `redis-server`, `kafka-broker`.
pub(super) fn of_program<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut names = names.into_iter();
    names.find(|name| word.strip_prefix(name).is_some_and(|rest| rest.starts_with(['-', '_'])))
}

/// Built-in profiles with a word in their name or their summary, those with the name first.
fn profiles(word: &str, built_in: &[(&str, String)]) -> Vec<String> {
    let lower = word.to_lowercase();
    let meant = SHORT
        .iter()
        .find(|(short, _)| *short == lower)
        .map_or(lower.as_str(), |(_, whole)| whole);
    // Two letters stand in too many names.
    let in_name = |name: &&str| meant.len() > 2 && name.contains(meant);
    let names = built_in.iter().map(|(name, _)| *name);
    let mut found: Vec<String> = names.filter(in_name).map(str::to_owned).collect();
    found.sort_by_key(|name| !name.starts_with(meant));
    for (name, text) in built_in {
        let summary = text.lines().find_map(|line| line.strip_prefix("summary = "));
        let mut words = summary.unwrap_or_default().split(|c: char| !c.is_alphanumeric());
        if words.any(|known| known.eq_ignore_ascii_case(meant)) && !found.iter().any(|known| known == name) {
            found.push((*name).to_owned());
        }
    }
    found.truncate(OFFERED);
    found
}

/// Built-in profiles that have a rule of this name themselves.
fn with_rule<'a>(word: &str, built_in: &[(&'a str, String)]) -> Vec<&'a str> {
    let line = format!("id = \"{word}\"");
    let having = built_in
        .iter()
        .filter(|(_, text)| text.lines().any(|known| known == line));
    having.map(|(name, _)| *name).collect()
}

/// A key that is named whole, or by its last part.
fn key(word: &str) -> Option<&'static str> {
    let of = |os: Os| {
        let is_meant = |name: &str| name == word || name.rsplit_once('.').is_some_and(|(_, last)| last == word);
        catalogue::keys(os).map(|key| key.name).find(|name| is_meant(name))
    };
    [Os::Linux, Os::Macos, Os::Freebsd].into_iter().find_map(of)
}

#[cfg(test)]
mod tests {
    use super::hint;
    use crate::profile::search::built_in;

    #[test]
    fn common_words_lead_to_profiles_rules_and_keys() {
        for (word, wanted) in [
            ("node", "`nodejs-api`"),
            ("docker", "`docker-host`"),
            ("k8s", "`kubernetes-node`"),
            ("kubernetes", "`kubernetes-node`"),
            ("postgres", "`postgresql`"),
            ("go", "`api-server`"),
            ("java", "`api-server`"),
            ("api", "`api-server`"),
            ("k6", "`load-test`"),
            ("listen-backlog", "--only listen-backlog"),
            ("somaxconn", "--only somaxconn"),
            ("rp_filter", "`runup explain net.ipv4.conf.*.rp_filter`"),
        ] {
            let hint = hint(word, &built_in().collect::<Vec<_>>()).unwrap_or_default();
            assert!(hint.contains(wanted), "{word}: {hint}");
        }
        let names = || built_in().map(|(name, _)| name);
        assert_eq!(super::of_program("redis-server", names()), Some("redis"));
        assert_eq!(super::of_program("nginx_proxy", names()), Some("nginx"));
        assert_eq!(super::of_program("redistribute", names()), None);
        assert_eq!(hint("xyzzy", &built_in().collect::<Vec<_>>()), None);
    }
}
