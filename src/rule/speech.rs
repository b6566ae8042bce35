//! How each metric is spoken of, in one list that can be read aloud: a report says `98 % of processor time used by other programs`, and
//! not `cpu 98 %`.
//!
//! The same words hold what there is and what is asked for: `is 63 % charged`, `should be at least 80 % charged`. So they are no
//! sentence, and the number or the word stands in the place of `{}`.

use super::{Kind, Metric};
use crate::value::{Comparator, Comparison, Operand, Type, Unit, Value};

/// The words around a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// Around a number or a word, which stands in the place of `{}`.
    Around(&'static str),
    /// For true, and for false.
    Switch(&'static str, &'static str),
}

use Words::{Around, Switch};

/// By kind and metric. A kind whose only metric has no name needs no words: its subject says all.
const LIST: &[(&str, &str, Words)] = &[
    ("rlimit", "soft", Around("soft limit {}")),
    ("rlimit", "hard", Around("hard limit {}")),
    ("cgroup", "memory_max", Around("memory limit {}")),
    ("cgroup", "memory_available", Around("{} left below the memory limit")),
    ("cgroup", "pids_max", Around("room for {} processes and threads")),
    (
        "cgroup",
        "pids_available",
        Around("room for {} more processes and threads"),
    ),
    ("cgroup", "cpu_max", Around("processor quota {}")),
    (
        "cgroup",
        "throttled",
        Around("held back by the processor quota in {} of its periods"),
    ),
    ("cgroup", "controllers", Around("controllers {}")),
    ("cgroup", "version", Around("version {}")),
    ("ports", "used", Around("{} in use")),
    ("ports", "free", Around("{} free")),
    ("ports", "time_wait", Around("{} in TIME_WAIT")),
    ("ports", "state", Around("{}")),
    ("ports", "backlog", Around("accept queue of {}")),
    ("ports", "queued", Around("{} waiting to be accepted")),
    ("power", "source", Around("on {}")),
    ("power", "charge", Around("{} charged")),
    (
        "power",
        "low_power_mode",
        Switch("in Low Power Mode", "not in Low Power Mode"),
    ),
    ("quiet", "cpu", Around("{} of processor time used by other programs")),
    ("quiet", "steal", Around("{} of processor time taken by the hypervisor")),
    ("quiet", "runnable", Around("{} tasks running or waiting to run")),
    ("quiet", "network", Around("{} of network traffic")),
    (
        "quiet",
        "pressure",
        Around("{} of the time with tasks waiting for a processor"),
    ),
    (
        "quiet",
        "memory_pressure",
        Around("{} of the time with tasks waiting for memory"),
    ),
    (
        "quiet",
        "io_pressure",
        Around("{} of the time with tasks waiting for disks"),
    ),
    ("memory", "total", Around("{} in all")),
    ("memory", "available", Around("{} available")),
    ("memory", "swap", Around("{} of swap space")),
    ("memory", "swap_used", Around("{} swapped out")),
    ("disk", "free", Around("{} free")),
    ("disk", "free_share", Around("{} free")),
    ("disk", "inodes_free", Around("room for {} more files")),
    ("disk", "inodes_share", Around("{} of its inodes free")),
    ("disk", "filesystem", Around("file system {}")),
    ("disk", "read_only", Switch("read-only", "writable")),
    ("cpu", "usable", Around("{} usable")),
    ("cpu", "governor", Around("governor {}")),
    ("cpu", "driver", Around("frequency driver {}")),
    ("cpu", "turbo", Switch("turbo on", "turbo off")),
    ("cpu", "smt", Switch("SMT on", "SMT off")),
    ("kernel", "version", Around("version {}")),
    ("kernel", "cmdline", Around("command line {}")),
    ("kernel", "loaded", Switch("loaded", "not loaded")),
    ("kernel", "clocksource", Around("clock source {}")),
    ("counter", "during", Around("{} counted during the check")),
    ("counter", "total", Around("{} counted so far")),
    ("usage", "share", Around("{} in use")),
    ("usage", "used", Around("{} in use")),
    ("usage", "limit", Around("limit {}")),
    ("usage", "free", Around("{} free")),
    ("mount", "type", Around("file system {}")),
    ("mount", "options", Around("options {}")),
    ("mount", "device", Around("device {}")),
    ("mount", "read_only", Switch("read-only", "writable")),
    ("numa", "nodes", Around("{} with memory")),
    ("numa", "distance", Around("largest distance {}")),
    ("numa", "spread", Around("filled unevenly by {}")),
    ("service", "active", Switch("running", "not running")),
    ("service", "enabled", Switch("enabled", "not enabled")),
    ("service", "exists", Switch("installed", "not installed")),
    ("service", "tasks_max", Around("room for {} processes and threads")),
    ("service", "memory_max", Around("memory limit {}")),
    ("service", "cpu_quota", Around("processor quota {}")),
    ("service", "oom_score_adjust", Around("OOM score adjustment {}")),
    ("systemd", "nofile_soft", Around("soft limit on open files {}")),
    ("systemd", "nofile_hard", Around("hard limit on open files {}")),
    ("systemd", "nproc_soft", Around("soft limit on processes {}")),
    ("systemd", "nproc_hard", Around("hard limit on processes {}")),
    ("systemd", "memlock_soft", Around("soft limit on locked memory {}")),
    ("systemd", "memlock_hard", Around("hard limit on locked memory {}")),
    (
        "systemd",
        "tasks_max",
        Around("room for {} processes and threads in a unit"),
    ),
    (
        "systemd",
        "removes_ipc",
        Switch(
            "a user's shared memory removed with the last session",
            "a user's shared memory kept after the last session",
        ),
    ),
    ("engine", "exists", Switch("installed", "not installed")),
    ("engine", "nofile_soft", Around("soft limit on open files {}")),
    ("engine", "nofile_hard", Around("hard limit on open files {}")),
    ("engine", "nproc_soft", Around("soft limit on processes {}")),
    ("engine", "nproc_hard", Around("hard limit on processes {}")),
    ("engine", "cgroup_driver", Around("cgroup driver {}")),
    ("engine", "live_restore", Switch("live restore on", "live restore off")),
    (
        "engine",
        "userland_proxy",
        Switch("userland proxy on", "userland proxy off"),
    ),
    ("clock", "synchronised", Switch("synchronised", "not synchronised")),
    ("clock", "source", Around("clock source {}")),
    ("clock", "available", Around("clock sources {}")),
    ("clock", "slow", Switch("slow to read", "quick to read")),
    ("clock", "cost", Around("{} for one reading")),
    (
        "startup",
        "sysctl_in_shell",
        Switch(
            "kernel parameters set by shells when they start",
            "no kernel parameters set by shells",
        ),
    ),
    (
        "startup",
        "sysctl_refused",
        Switch(
            "kernel parameters that this kernel refuses",
            "no kernel parameters that this kernel refuses",
        ),
    ),
    (
        "startup",
        "limits_ignored",
        Switch(
            "limits that do not reach the services they are meant for",
            "no limits that miss the services they are meant for",
        ),
    ),
    (
        "startup",
        "logins_refused",
        Switch("a limit with which logins fail", "no limit with which logins fail"),
    ),
    (
        "startup",
        "logins_doubtful",
        Switch(
            "a limit that a login does not get, or may not",
            "no limit that a login may not get",
        ),
    ),
    (
        "startup",
        "drops_caches",
        Switch("caches emptied by cron", "no caches emptied by cron"),
    ),
    ("interface", "mtu", Around("MTU {}")),
    ("interface", "driver", Around("driver {}")),
    ("interface", "speed", Around("{} Mbit/s")),
    ("interface", "queues_rx", Around("{} receive queues")),
    ("interface", "queues_tx", Around("{} send queues")),
    ("interface", "transmit_queue", Around("transmit queue of {} packets")),
    ("interface", "qdisc", Around("queueing discipline {}")),
    ("interface", "carrier", Switch("connected", "not connected")),
    ("interface", "duplex", Around("{} duplex")),
    ("interface", "ring_rx", Around("receive ring of {} packets")),
    ("interface", "offload_gro", Switch("GRO on", "GRO off")),
    ("interface", "offload_gso", Switch("GSO on", "GSO off")),
    ("interface", "offload_tso", Switch("TSO on", "TSO off")),
    ("interface", "rx_dropped", Around("{} received packets dropped")),
    ("interface", "rx_missed", Around("{} packets missed by the hardware")),
    ("interface", "rps", Switch("RPS on", "RPS off")),
];

fn words(kind: &str, metric: &str) -> Option<Words> {
    let found = LIST.iter().find(|(of, name, _)| *of == kind && *name == metric);
    found.map(|(_, _, words)| *words)
}

fn around(kind: &dyn Kind, metric: &Metric, text: &str) -> String {
    match words(kind.name(), metric.name) {
        Some(Around(words)) => words.replacen("{}", text, 1),
        Some(Switch(..)) | None if metric.name.is_empty() => text.to_owned(),
        Some(Switch(..)) | None => format!("{} {text}", metric.name.replace('_', " ")),
    }
}

/// What a metric is, in words.
#[must_use]
pub fn is(kind: &dyn Kind, metric: &Metric, value: &Value, unit: Unit, page_size: Option<u32>) -> String {
    match (words(kind.name(), metric.name), value) {
        (Some(Switch(yes, no)), Value::Bool(on)) => if *on { yes } else { no }.to_owned(),
        _ => around(kind, metric, &value.show(unit, page_size)),
    }
}

/// What is asked of a metric, in words.
#[must_use]
pub fn asks(
    kind: &dyn Kind,
    metric: &Metric,
    comparisons: &[Comparison],
    value: Type,
    page_size: Option<u32>,
) -> String {
    let unit = super::unit_of(value);
    if let (Some(Switch(yes, no)), [Comparison { comparator, operand }]) =
        (words(kind.name(), metric.name), comparisons)
        && let (Comparator::Eq | Comparator::Not, Operand::Value(Value::Bool(on))) = (comparator, operand)
    {
        let on = *on == (*comparator == Comparator::Eq);
        return if on { yes } else { no }.to_owned();
    }
    let describe = |comparison: &Comparison| match (comparison.comparator, &comparison.operand, value) {
        // One of the words does.
        (Comparator::StartsWith, Operand::Value(start), Type::Words) => format!("with {start}..."),
        _ => comparison.describe(unit, page_size),
    };
    let asked: Vec<String> = comparisons.iter().map(describe).collect();
    around(kind, metric, &asked.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::KINDS;

    #[test]
    fn every_metric_with_a_name_has_words_and_every_word_a_metric() {
        let mut left: Vec<(&str, &str)> = LIST.iter().map(|(kind, metric, _)| (*kind, *metric)).collect();
        for kind in KINDS {
            for metric in kind.metrics().filter(|metric| !metric.name.is_empty()) {
                let (kind, name) = (kind.name(), metric.name);
                let found = words(kind, name).unwrap_or_else(|| panic!("{kind} {name} has no words"));
                left.retain(|known| *known != (kind, name));
                let is_switch = metric.value == Some(Type::Bool);
                match found {
                    Around(text) => assert!(!is_switch && text.matches("{}").count() == 1, "{kind} {name}: {text}"),
                    Switch(yes, no) => assert!(is_switch && yes != no, "{kind} {name}: {yes}"),
                }
            }
        }
        assert!(left.is_empty(), "no metric: {left:?}");
    }

    #[test]
    fn no_words_have_the_form_of_a_key() {
        for (kind, metric, words) in LIST {
            let texts = match words {
                Around(text) => vec![*text],
                Switch(yes, no) => vec![*yes, *no],
            };
            assert!(
                texts.iter().all(|text| !text.contains('_') || *metric == "time_wait"),
                "{kind} {metric}"
            );
        }
    }
}
