//! Every kind of subject.

use super::Kind;

/// Every kind, in the order in which documentation lists them.
pub static KINDS: &[&dyn Kind] = &[
    &super::sysctl::Sysctl,
    &super::rlimit::Rlimit,
    &super::sysfs::Sysfs,
    &super::cgroup::Cgroup,
    &super::ports::Ports,
    &super::power::Power,
    &super::quiet::Quiet,
    &super::memory::Memory,
    &super::disk::Disk,
    &super::cpu::Cpu,
    &super::kernel::Kernel,
    &super::counter::Counter,
    &super::usage::Usage,
    &super::mount::Mount,
    &super::numa::Numa,
    &super::service::Service,
    &super::systemd::Systemd,
    &super::engine::Engine,
    &super::clock::Clock,
    &super::startup::Startup,
    &super::interface::Interface,
];

/// The kind with a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Kind> {
    KINDS.iter().copied().find(|kind| kind.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_kind_is_documented_and_unlike_the_others() {
        let mut names = HashSet::new();
        for kind in KINDS {
            let name = kind.name();
            assert!(names.insert(name), "{name} is there twice");
            let docs = kind.docs();
            assert!(
                docs.summary.ends_with('.') && docs.summary.len() < 120,
                "{name}: {}",
                docs.summary
            );
            assert!(docs.text.len() > 200, "{name} needs documentation");
            assert!(docs.example.contains(name), "{name}: the example shows another kind");
            assert!(kind.metric(0).is_some(), "{name} has nothing to compare");
            let flat = kind.metrics().any(|metric| metric.name.is_empty());
            assert!(!flat || !kind.has_several(), "{name}: a nameless metric stands alone");
            let mut keys = HashSet::new();
            for key in kind
                .selectors()
                .iter()
                .map(|field| field.name)
                .chain(kind.metrics().map(|metric| metric.name))
            {
                assert!(keys.insert(key), "{name}: {key} is there twice");
            }
            for field in kind.selectors() {
                assert!(field.doc.ends_with('.'), "{name}.{}: {}", field.name, field.doc);
            }
            for metric in kind.metrics() {
                assert!(metric.doc.ends_with('.'), "{name}.{}: {}", metric.name, metric.doc);
            }
        }
    }
}
