//! What a rule asks for, in the words of its own file.

use crate::rule::Rule;
use crate::source::Sources;
use crate::system::Os;
use crate::value::Type;

/// What a rule asks for, each comparator for itself: `soft min "connections + 1024"`.
#[must_use]
pub fn asked(rule: &Rule, sources: &Sources) -> Vec<String> {
    let Some(subject) = &rule.subject else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    for expectation in &subject.expectations {
        let mut of: Vec<String> = Vec::new();
        if !expectation.metric.name.is_empty() {
            of.push(expectation.metric.name.to_owned());
        }
        if let Some(at) = expectation.field {
            // The type is that of the field; the row's own has the names.
            let row = [Os::Linux, Os::Macos, Os::Freebsd]
                .into_iter()
                .find_map(|os| subject.kind.type_of(&subject.selectors, expectation.metric, os));
            of.push(match row {
                Some(Type::Tuple(names, _)) if at < names.len() => format!("field {}", names[at]),
                _ => format!("field {}", at + 1),
            });
        }
        for asked in &expectation.asked {
            let mut words = of.clone();
            words.push(asked.comparator.name().to_owned());
            words.push(sources.text(asked.place).to_owned());
            parts.push(words.join(" "));
        }
    }
    parts
}

/// The name of what a rule is about, after its kind: `sysctl net.core.somaxconn`, `cpu`.
#[must_use]
pub fn label_of(rule: &Rule) -> String {
    let Some(subject) = &rule.subject else {
        return String::new();
    };
    let (kind, label) = (subject.kind.name(), subject.kind.label(&subject.selectors));
    if label == kind || label.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind} {label}")
    }
}
