//! `runup explain`.

mod here;
mod page;

use std::fmt::Write as _;

use clap::ArgMatches;

use page::Page;

use super::output::Streams;
use super::{CommandError, CommandResult, ExitCode, project};
use crate::catalogue::{self, Key, Namespace, Write};
use crate::finding::{Finding, Fix};
use crate::host::Host;
use crate::profile::{self, Profile};
use crate::reference::asked;
use crate::report::text::{hanging, wrap};
use crate::rule::{self, Advice, Dialect, Kind, Rule, Target};
use crate::source::Sources;
use crate::system::live::LiveSystem;
use crate::system::{Os, Resource, SysctlName, System as _};
use crate::text::printable;
use crate::value::Type;

pub(super) fn run(matches: &ArgMatches, sources: &mut Sources, streams: &mut Streams) -> CommandResult {
    let what = matches.get_one::<String>("what").cloned().unwrap_or_default();
    let system = LiveSystem::new();
    let os = system.platform().os;
    let profiles = every_profile(os, sources, streams);
    let mut page = Page::new(streams.width_of_result());
    let host = Host::new(&system);
    if let Some(kind) = rule::find(&what) {
        kind_page(kind, &profiles, &mut page);
    }
    let named = |profile: &Profile| -> Vec<String> {
        let names = profile
            .rules
            .iter()
            .map(|rule| (format!("{}/{}", profile.name, rule.id), &rule.id));
        names
            .filter(|(name, id)| *name == what || **id == what)
            .map(|(name, _)| name)
            .collect()
    };
    let rules: Vec<String> = profiles.iter().flat_map(named).collect();
    if !rules.is_empty() {
        let findings = here::look(&rules, &profiles, &host);
        if rules.len() > MANY && !matches.get_flag("all") {
            let names: Vec<&str> = rules.iter().filter_map(|name| name.split('/').next()).collect();
            here::many(&what, &names, &findings, &mut page);
        } else {
            rule_pages(&what, &profiles, sources, &findings, &host, &mut page);
        }
    }
    subject_page(&what, &profiles, sources, &mut page);
    let key = what.strip_prefix("/proc/sys/").unwrap_or(&what);
    if let Ok(name) = SysctlName::parse(key) {
        key_page(name.dotted(), os, &host, &profiles, sources, &mut page);
    }
    if page.text.is_empty() {
        if let Some(profile) = profiles.iter().find(|profile| profile.name == what) {
            return Err(CommandError::Message(format!(
                "`{what}` is a profile: `runup show {what}` prints it, `runup explain {what}/RULE` says why a rule is there{}",
                profile
                    .rules
                    .first()
                    .map(|rule| format!(", for example `runup explain {what}/{}`", rule.id))
                    .unwrap_or_default()
            )));
        }
        let rules = profiles
            .iter()
            .flat_map(|profile| profile.rules.iter().map(|rule| rule.id.as_str()));
        let kinds = rule::KINDS.iter().map(|kind| kind.name());
        let near = crate::suggest::nearest(&what, rules.chain(kinds)).or_else(|| catalogue::nearest(os, &what));
        let hint = near.map_or_else(|| alike(&what, &profiles), |near| format!("did you mean `{near}`?"));
        return Err(CommandError::Message(format!(
            "there is no rule, key or kind of subject `{what}`; {hint}"
        )));
    }
    streams.try_result(|out| {
        out.write_all(printable(page.text.trim_end()).as_bytes())
            .and_then(|()| writeln!(out))
    })?;
    Ok(ExitCode::Ready)
}

/// So many profiles with a rule are shown in full.
const MANY: usize = 2;

/// What a word stands in: rules, kinds.
fn alike(word: &str, profiles: &[Profile]) -> String {
    let lower = word.to_lowercase();
    let mut found: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        let name = format!("`{name}`");
        if !found.contains(&name) {
            found.push(name);
        }
    };
    for kind in rule::KINDS
        .iter()
        .filter(|kind| kind.docs().summary.to_lowercase().contains(&lower))
    {
        add(kind.name());
    }
    let rules = profiles.iter().flat_map(|profile| &profile.rules);
    rules
        .filter(|rule| rule.id.contains(&lower))
        .for_each(|rule| add(&rule.id));
    found.truncate(6);
    match &found[..] {
        [] => "`runup profiles` lists profiles; `runup show PROFILE` its rules".to_owned(),
        found => format!("what has to do with it: {}", found.join(", ")),
    }
}

fn every_profile(os: Os, sources: &mut Sources, streams: &mut Streams) -> Vec<Profile> {
    let library = project::library();
    let mut profiles = Vec::new();
    for (name, _) in library.names() {
        let mut sink = crate::diagnostic::Diagnostics::new();
        if let Some(profile) = profile::load(&library, &name, os, sources, &mut sink) {
            // A broken profile of the user's explains nothing; `check` says what is wrong with it.
            if sink.is_empty() {
                profiles.push(profile);
            }
        }
    }
    project::say_skipped(&library, streams);
    profiles
}

fn paragraph(text: &str, indent: usize, out: &mut Page) {
    for block in text.split("\n\n") {
        for line in wrap(&block.replace('\n', " "), out.fit(80 - indent)) {
            let _ = writeln!(out, "{:indent$}{line}", "");
        }
        out.push('\n');
    }
}

fn kind_page(kind: &dyn Kind, profiles: &[Profile], out: &mut Page) {
    let docs = kind.docs();
    for line in hanging(&format!("{}: {}", kind.name(), docs.summary), out.fit(80), 2) {
        let _ = writeln!(out, "{line}");
    }
    out.push('\n');
    paragraph(docs.text, 0, out);
    out.push_str("Keys\n");
    for field in kind.selectors() {
        let _ = writeln!(out, "  {}", field.name);
        for line in wrap(field.doc, out.fit(74)) {
            let _ = writeln!(out, "      {line}");
        }
    }
    for metric in kind.metrics().filter(|metric| !metric.name.is_empty()) {
        let of = metric
            .value
            .map(|value| format!(" ({})", Type::describe(value)))
            .unwrap_or_default();
        let _ = writeln!(out, "  {}{of}", metric.name);
        for line in wrap(metric.doc, out.fit(74)) {
            let _ = writeln!(out, "      {line}");
        }
    }
    out.push_str("\nExample\n");
    for line in docs.example.lines() {
        let _ = writeln!(out, "  {line}");
    }
    if !docs.remedies.is_empty() {
        out.push_str("\nHow to fix it\n");
        for (dialect, text) in docs.remedies {
            for (at, line) in wrap(text, out.fit(66)).into_iter().enumerate() {
                let _ = writeln!(out, "  {:<12}{line}", if at == 0 { dialect.name() } else { "" });
            }
        }
    }
    let rules: Vec<String> = profiles
        .iter()
        .flat_map(|profile| {
            let uses = |rule: &&Rule| {
                rule.subject
                    .as_ref()
                    .is_some_and(|subject| subject.kind.name() == kind.name())
            };
            profile
                .rules
                .iter()
                .filter(uses)
                .map(move |rule| format!("{}/{}", profile.name, rule.id))
        })
        .collect();
    if !rules.is_empty() {
        out.push_str("\nRules that use it\n");
        paragraph(&rules.join(", "), 2, out);
    }
    out.push('\n');
}

/// What is asked of a limit, or of an attribute under `/sys`, by its name in a report.
fn subject_page(what: &str, profiles: &[Profile], sources: &Sources, out: &mut Page) {
    let resource = Resource::parse(what);
    let label = if resource.is_some() {
        what.to_owned()
    } else {
        format!("/sys/{}", what.trim_start_matches("/sys/"))
    };
    let mut rules: Vec<String> = Vec::new();
    for profile in profiles {
        for rule in &profile.rules {
            let named =
                |target: Target| matches!(target, Target::Limit(..) | Target::Sysfs(_)) && target.name() == label;
            if rule.subject.as_ref().is_some_and(|subject| subject.sets().any(named)) {
                let why = rule.why.as_deref().map(|why| format!("; {why}")).unwrap_or_default();
                let asks = asked(rule, sources).join(", ");
                rules.push(format!(
                    "{}/{} ({}): {asks}{why}",
                    profile.name,
                    rule.id,
                    rule.severity.name()
                ));
            }
        }
    }
    if let Some(resource) = resource {
        let flag = resource
            .ulimit_flag()
            .map(|flag| format!(", `ulimit -{flag}`"))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "{what}: the limit on {}{flag}; {}= in a unit\n",
            resource.doc(),
            resource.systemd_name()
        );
    } else if rules.is_empty() {
        return;
    } else {
        let _ = writeln!(out, "{label}\n");
    }
    if !rules.is_empty() {
        out.push_str("Rules about it\n");
        for rule in rules {
            for (at, line) in wrap(&rule, out.fit(74)).into_iter().enumerate() {
                let _ = writeln!(out, "{:indent$}{line}", "", indent = if at == 0 { 2 } else { 6 });
            }
        }
        out.push('\n');
    }
}

fn rule_pages(
    what: &str,
    profiles: &[Profile],
    sources: &Sources,
    findings: &[Finding],
    host: &Host<'_>,
    out: &mut Page,
) {
    for profile in profiles {
        for rule in &profile.rules {
            let name = format!("{}/{}", profile.name, rule.id);
            if what != name && what != rule.id {
                continue;
            }
            let _ = writeln!(out, "{name} ({})", rule.severity.name());
            if let Some(subject) = &rule.subject {
                let (kind, label) = (subject.kind.name(), subject.kind.label(&subject.selectors));
                let label = if label == kind {
                    String::new()
                } else {
                    format!(" {label}")
                };
                let _ = writeln!(out, "  {kind}{label}");
            }
            let own = |finding: &&Finding| finding.profile == profile.name && finding.rule == rule.id;
            let findings: Vec<Finding> = findings.iter().filter(own).cloned().collect();
            here::one(&findings, out);
            let asks = asked(rule, sources).join(", ");
            if !asks.is_empty() {
                for line in wrap(&format!("asks for {asks}"), out.fit(78)) {
                    let _ = writeln!(out, "  {line}");
                }
            }
            for condition in &rule.when {
                for line in wrap(&format!("when {}", condition.expr.text()), 78) {
                    let _ = writeln!(out, "  {line}");
                }
            }
            if let Some(why) = &rule.why {
                for line in wrap(&format!("why: {why}"), out.fit(78)) {
                    let _ = writeln!(out, "  {line}");
                }
            }
            if let Some(vendor) = rule.vendor {
                let _ = writeln!(out, "  the vendor: {}", vendor.name());
            }
            if let Some(source) = &rule.source {
                let _ = writeln!(out, "  source: {source}");
            }
            if let Some(advice) = rule.advice {
                for line in wrap(advice.words(), out.fit(78)) {
                    let _ = writeln!(out, "  {line}");
                }
            }
            if rule.advice.is_some_and(Advice::explains) {
                out.push('\n');
                continue;
            }
            if let Some(remedy) = &rule.remedy {
                for line in wrap(&format!("do: {remedy}"), out.fit(78)) {
                    let _ = writeln!(out, "  {line}");
                }
            }
            // A kind with many metrics has a remedy for each, which `explain KIND` lists; here they would mislead.
            if let Some(subject) = rule.subject.as_ref().filter(|subject| subject.kind.metric(2).is_none()) {
                let key = subject.sets().find(|target| matches!(target, Target::Sysctl(_)));
                let remedies = match &key {
                    Some(key) => {
                        let changes = findings
                            .iter()
                            .filter_map(|finding| finding.fix.as_ref())
                            .flat_map(Fix::changes);
                        let mut wanted = changes.filter(|change| change.target == *key);
                        setting(key.name(), wanted.next().map(|change| change.to.as_str()), host)
                    }
                    None => {
                        let texts = subject.kind.docs().remedies.iter();
                        texts.map(|(dialect, text)| (*dialect, (*text).to_owned())).collect()
                    }
                };
                remedy_lines(&remedies, 2, out);
            }
            out.push('\n');
        }
    }
}

/// How a key is set: by what can set it, where this system has it; else in the words of its kind.
fn setting(key: &str, value: Option<&str>, host: &Host<'_>) -> Vec<(Dialect, String)> {
    let os = host.system.platform().os;
    let of_another = || {
        [Os::Linux, Os::Macos, Os::Freebsd]
            .into_iter()
            .any(|os| catalogue::lookup(os, key).is_some())
    };
    if catalogue::lookup(os, key).is_some() || !of_another() {
        let mut remedies = here::set(key, value, host);
        if os == Os::Linux {
            let unit = "A unit cannot set a key; systemd-sysctl applies /etc/sysctl.d at boot.";
            remedies.push((Dialect::Systemd, unit.to_owned()));
        }
        return remedies;
    }
    let is_there = |dialect: Dialect| (dialect == Dialect::Macos) == catalogue::lookup(Os::Macos, key).is_some();
    let texts = crate::rule::sysctl::Sysctl.docs().remedies.iter();
    texts
        .filter(|(dialect, _)| is_there(*dialect))
        .map(|(dialect, text)| (*dialect, text.replace("KEY", key)))
        .collect()
}

/// Remedies, each after its dialect; what is to be pasted keeps its lines.
fn remedy_lines(remedies: &[(Dialect, String)], indent: usize, out: &mut Page) {
    for (dialect, text) in remedies {
        let mut label = dialect.name();
        for line in text.lines() {
            let is_prose = line.ends_with('.') || line.starts_with('#');
            let lines = if is_prose {
                wrap(line, out.fit(64))
            } else {
                vec![line.to_owned()]
            };
            for line in lines {
                let _ = writeln!(out, "{:indent$}{label:<12}{line}", "");
                label = "";
            }
        }
    }
}

fn key_page(name: &str, os: Os, host: &Host<'_>, profiles: &[Profile], sources: &Sources, out: &mut Page) {
    let key = [os, Os::Linux, Os::Macos, Os::Freebsd]
        .into_iter()
        .find_map(|os| catalogue::lookup(os, name));
    let asking: Vec<(String, &Rule)> = profiles
        .iter()
        .flat_map(|profile| {
            profile
                .rules
                .iter()
                .map(move |rule| (format!("{}/{}", profile.name, rule.id), rule))
        })
        .filter(|(_, rule)| {
            let is_key = |target: Target| matches!(target, Target::Sysctl(key) if key == name);
            rule.subject.as_ref().is_some_and(|subject| subject.sets().any(is_key))
        })
        .collect();
    let live = host.system.sysctl(name);
    if key.is_none() && asking.is_empty() && live.is_err() {
        return;
    }
    let _ = writeln!(out, "{name}");
    if let Some(key) = key {
        describe_key(key, out);
    }
    let harms = catalogue::harms(name);
    if !harms.is_empty() {
        let text = format!(
            "guarded, `--allow risky` where it may be that {}",
            harms.join("; or that ")
        );
        for (at, line) in wrap(&text, out.fit(74)).into_iter().enumerate() {
            let _ = writeln!(out, "{:indent$}{line}", "", indent = if at == 0 { 2 } else { 6 });
        }
    }
    if let Ok(text) = live {
        let shown = if key.is_some_and(|key| key.secret) {
            "(not shown)".to_owned()
        } else {
            text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        };
        let _ = writeln!(out, "  here: {shown}");
    }
    if !asking.is_empty() {
        out.push_str("\n  what profiles ask of it\n");
        for (name, rule) in asking {
            let why = rule.why.as_deref().unwrap_or("");
            let asks = format!("{name} ({}): {}", rule.severity.name(), asked(rule, sources).join(", "));
            for (at, line) in wrap(&asks, out.fit(74)).into_iter().enumerate() {
                let _ = writeln!(out, "{:indent$}{line}", "", indent = if at == 0 { 4 } else { 8 });
            }
            for condition in &rule.when {
                let _ = writeln!(out, "      when {}", condition.expr.text());
            }
            for line in wrap(why, out.fit(72)) {
                let _ = writeln!(out, "      {line}");
            }
        }
    }
    out.push_str("\n  how to set it\n");
    let writable = key.is_none_or(|key| !matches!(key.write, Write::Never | Write::ReadOnly));
    if writable {
        remedy_lines(&setting(name, None, host), 4, out);
    } else {
        out.push_str("    runup never writes it\n");
    }
    out.push('\n');
}

fn describe_key(key: &Key, out: &mut Page) {
    for line in wrap(key.summary, out.fit(78)) {
        let _ = writeln!(out, "  {line}");
    }
    let unit = rule::unit_of(key.value).name();
    let _ = writeln!(
        out,
        "  type: {}{}",
        key.value.describe(),
        if unit.is_empty() {
            String::new()
        } else {
            format!(" in {unit}")
        }
    );
    if let Type::Tuple(names, _) = key.value
        && !names.is_empty()
    {
        let _ = writeln!(out, "  fields: {}", names.join(", "));
    }
    let whose = match key.namespace {
        Namespace::Host => "the whole host's",
        Namespace::Net => "one network namespace's",
        Namespace::NetInitial => "the host's network namespace's alone",
        Namespace::Ipc => "one IPC namespace's",
        Namespace::User => "one user namespace's",
        Namespace::Uts => "one UTS namespace's",
        Namespace::Pid => "one PID namespace's",
    };
    let _ = writeln!(out, "  whose: {whose}");
    if let Some((major, minor)) = key.since {
        let _ = writeln!(out, "  since kernel {major}.{minor}");
    }
    if let Some((major, minor)) = key.until {
        let _ = writeln!(out, "  gone since kernel {major}.{minor}");
    }
    if let Some(needs) = key.needs {
        let _ = writeln!(out, "  needs {needs}");
    }
    let _ = writeln!(out, "  source: {}", key.source);
}
