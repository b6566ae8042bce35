//! Fixes of one parameter that several rules ask for: one value where one satisfies all, and nobody's where none does.

mod support;

use runup::diagnostic::Diagnostics;
use runup::engine::{Check, Options};
use runup::finding::Report;
use runup::host::Host;
use runup::profile::{self, Library};
use runup::source::Sources;
use runup::system::memory::MemorySystem;
use runup::system::{Os, Resource};

/// A rule about a sysctl.
fn rule(id: &str, subject: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\nsource = \"https://{id}.example/\"\n{subject}\n")
}

/// What a check of several profiles says.
fn check(system: &MemorySystem, texts: &[&str]) -> Report {
    let (mut sources, mut sink) = (Sources::new(), Diagnostics::new());
    let names: Vec<String> = (0..texts.len()).map(|at| format!("p{at}.toml")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().copied()).collect();
    let directory = support::directory(&files);
    let profiles: Vec<_> = names
        .iter()
        .filter_map(|name| {
            let path = directory.path().join(name).display().to_string();
            profile::load(&Library::built_in_only(), &path, Os::Linux, &mut sources, &mut sink)
        })
        .collect();
    assert!(sink.is_empty(), "{:?}", sink.into_sorted());
    let host = Host::new(system);
    let check = Check::prepare(&profiles, Options::default(), &host).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    check.run()
}

/// What each failing rule would write, in the order of the rules.
fn fixes(report: &Report) -> Vec<String> {
    let fixes = report.findings.iter().filter_map(|finding| finding.fix.as_ref());
    fixes
        .filter_map(|fix| fix.changes().next().map(|change| change.to.clone()))
        .collect()
}

fn overcommit(now: &str) -> MemorySystem {
    MemorySystem::linux("6.1.0").sysctl("vm.overcommit_memory", now)
}

#[test]
fn floors_go_as_far_as_the_farthest() {
    let system = MemorySystem::linux("6.1.0").sysctl("vm.max_map_count", "65530");
    let low = rule("low", "sysctl = { key = \"vm.max_map_count\", min = 262144 }");
    let high = rule("high", "sysctl = { key = \"vm.max_map_count\", min = 1048576 }");
    assert_eq!(fixes(&check(&system, &[&low, &high])), ["1048576", "1048576"]);
    let ceiling = rule(
        "ceiling",
        "sysctl = { key = \"vm.max_map_count\", min = 100000, max = 300000 }",
    );
    assert_eq!(fixes(&check(&system, &[&low, &ceiling])), ["262144", "262144"]);
}

#[test]
fn contradicting_rules_keep_each_its_own_fix_and_both_sources() {
    let one = rule("one", "sysctl = { key = \"vm.overcommit_memory\", eq = 1 }");
    let two = rule("two", "sysctl = { key = \"vm.overcommit_memory\", eq = 2 }");
    let report = check(&overcommit("0"), &[&one, &two]);
    assert_eq!(fixes(&report), ["1", "2"]);
    let conflict = &report.conflicts[0];
    assert_eq!(conflict.sides.each_ref().map(|side| side.expected.as_str()), ["1", "2"]);
    assert_eq!(
        conflict.sides.each_ref().map(|side| side.source.as_deref()),
        [Some("https://one.example/"), Some("https://two.example/")]
    );
}

#[test]
fn a_preference_gives_way_to_what_another_rule_needs() {
    let one = rule("one", "sysctl = { key = \"vm.overcommit_memory\", eq = 1 }");
    let any = rule(
        "any",
        "sysctl = { key = \"vm.overcommit_memory\", not = 2, prefer = 0 }",
    );
    let report = check(&overcommit("2"), &[&one, &any]);
    assert!(report.conflicts.is_empty());
    assert_eq!(fixes(&report), ["1", "1"]);
}

#[test]
fn rules_about_fields_of_a_row_share_one_row() {
    let system = MemorySystem::linux("6.1.0").sysctl("net.ipv4.tcp_mem", "300\t400\t600");
    let field = |name: &str, most: u32| {
        let subject = format!("sysctl = {{ key = \"net.ipv4.tcp_mem\", field = \"{name}\", max = {most} }}");
        rule(name, &subject)
    };
    let text = format!("{}{}{}", field("low", 100), field("pressure", 150), field("high", 200));
    assert_eq!(fixes(&check(&system, &[&text])), ["100 150 200"; 3]);
}

#[test]
fn a_rule_about_a_whole_range_is_left_alone() {
    let system = MemorySystem::linux("6.1.0").sysctl("net.ipv4.ip_local_port_range", "32768\t60999");
    let wide = rule(
        "wide",
        "sysctl = { key = \"net.ipv4.ip_local_port_range\", covers = \"20000-60999\", parity = \"different\" }",
    );
    let even = rule(
        "even",
        "sysctl = { key = \"net.ipv4.ip_local_port_range\", covers = \"32768-61000\", parity = \"different\" }",
    );
    for fix in fixes(&check(&system, &[&wide, &even])) {
        let bounds: Vec<u32> = fix
            .split_whitespace()
            .map(|bound| bound.parse().expect("a port"))
            .collect();
        assert_ne!(bounds[0] % 2, bounds[1] % 2, "{fix}");
    }
}

#[test]
fn what_a_conflict_is_about_is_said_where_a_kind_has_many_things() {
    let system =
        MemorySystem::linux("6.1.0").file("/proc/meminfo", "MemTotal: 1000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
    let off = rule("off", "memory = { swap = 0 }");
    let on = rule("on", "memory = { swap = { min = \"1M\" } }");
    let report = check(&system, &[&off, &on]);
    let sides = report.conflicts[0].sides.each_ref().map(|side| side.expected.as_str());
    assert_eq!(sides, ["0 bytes of swap space", "at least 1 MiB of swap space"]);
}

/// What a conflict is about, and what each side asks for.
fn clash(report: &Report) -> Vec<String> {
    let words = |conflict: &runup::finding::Conflict| {
        let [left, right] = conflict.sides.each_ref().map(|side| side.expected.clone());
        format!("{}: {left} | {right}", conflict.subject)
    };
    report.conflicts.iter().map(words).collect()
}

#[test]
fn two_names_of_one_setting_meet() {
    let system = MemorySystem::linux("6.1.0")
        .sysctl("net.netfilter.nf_conntrack_max", "65536")
        .sysctl("net.nf_conntrack_max", "65536");
    let new = rule(
        "new",
        "sysctl = { key = \"net.netfilter.nf_conntrack_max\", min = 262144 }",
    );
    let old = rule("old", "sysctl = { key = \"net.nf_conntrack_max\", max = 131072 }");
    assert_eq!(
        clash(&check(&system, &[&new, &old])),
        [
            "net.netfilter.nf_conntrack_max and net.nf_conntrack_max (are one setting): \
             net.netfilter.nf_conntrack_max at least 262144 | net.nf_conntrack_max at most 131072"
        ]
    );
    let more = rule("more", "sysctl = { key = \"net.nf_conntrack_max\", min = 524288 }");
    let report = check(&system, &[&new, &more]);
    assert_eq!(clash(&report), [""; 0]);
    assert_eq!(
        fixes(&report),
        ["524288", "524288"],
        "each by its own name, both as far as the farther"
    );
}

#[test]
fn a_user_namespace_of_its_own_has_its_own_watches() {
    let machine = |map: &str| {
        MemorySystem::linux("6.1.0")
            .file("/proc/self/uid_map", map)
            .sysctl("fs.inotify.max_user_watches", "8192")
            .sysctl("user.max_inotify_watches", "8192")
    };
    let low = rule("low", "sysctl = { key = \"user.max_inotify_watches\", max = 65536 }");
    let high = rule(
        "high",
        "sysctl = { key = \"fs.inotify.max_user_watches\", min = 524288 }",
    );
    let conflicts = |map: &str| check(&machine(map), &[&low, &high]).conflicts.len();
    assert_eq!(conflicts("0 0 4294967295\n"), 1);
    assert_eq!(conflicts("0 100000 65536\n"), 0);
}

#[test]
fn two_units_of_one_setting_cannot_both_count() {
    let system = MemorySystem::linux("6.1.0")
        .sysctl("vm.dirty_ratio", "20")
        .sysctl("vm.dirty_bytes", "0");
    let bytes = rule("bytes", "sysctl = { key = \"vm.dirty_bytes\", eq = \"64MiB\" }");
    let ratio = rule("ratio", "sysctl = { key = \"vm.dirty_ratio\", eq = 10 }");
    assert_eq!(
        clash(&check(&system, &[&ratio, &bytes])),
        [
            "vm.dirty_bytes and vm.dirty_ratio (cannot both count, since one makes the other 0): \
          vm.dirty_bytes 64 MiB | vm.dirty_ratio 10 %"
        ]
    );
    // 0 is at most 10, so the bytes satisfy both: and that is what both are told to set.
    let low = rule("low", "sysctl = { key = \"vm.dirty_ratio\", max = 10 }");
    let report = check(&system, &[&low, &bytes]);
    assert_eq!(clash(&report), [""; 0]);
    let targets = report.findings.iter().filter_map(|finding| finding.fix.as_ref());
    for fix in targets {
        let change = fix.changes().next().expect("a change");
        assert_eq!(
            (change.target.name(), change.to.as_str()),
            ("vm.dirty_bytes", "67108864")
        );
    }
}

#[test]
fn what_the_kernel_keeps_in_order_is_asked_for_in_order() {
    let system = MemorySystem::linux("6.1.0")
        .limit(Resource::Nofile, 1024, 4096)
        .sysctl("fs.nr_open", "1048576")
        .sysctl("net.ipv4.tcp_mem", "300\t400\t600")
        .sysctl("net.ipv4.neigh.default.gc_thresh1", "128")
        .sysctl("net.ipv4.neigh.default.gc_thresh2", "512")
        .sysctl("net.ipv4.neigh.default.gc_thresh3", "1024")
        .sysctl("net.ipv4.ip_unprivileged_port_start", "1024")
        .sysctl("net.ipv4.ip_local_port_range", "32768\t60999");
    let sysctl = |key: &str, asked: &str| rule("r", &format!("sysctl = {{ key = \"{key}\", {asked} }}"));
    let conflicts = |left: &str, right: &str| check(&system, &[left, right]).conflicts.len();
    let limit = |asked: &str| rule("l", &format!("rlimit = {{ resource = \"nofile\", {asked} }}"));
    let soft = limit("soft = { min = 2_000_000 }");
    assert_eq!(conflicts(&soft, &sysctl("fs.nr_open", "max = 1_048_576")), 1);
    assert_eq!(conflicts(&soft, &sysctl("fs.nr_open", "max = 2_000_000")), 0);
    assert_eq!(conflicts(&soft, &limit("hard = { max = 65536 }")), 1);
    let low = sysctl("net.ipv4.tcp_mem", "field = \"low\", min = 500");
    assert_eq!(
        conflicts(&low, &sysctl("net.ipv4.tcp_mem", "field = \"high\", max = 400")),
        1
    );
    assert_eq!(
        conflicts(&low, &sysctl("net.ipv4.tcp_mem", "field = \"high\", max = 500")),
        0
    );
    let row = sysctl("net.ipv4.tcp_mem", "eq = [300, 400, 600]");
    assert_eq!(conflicts(&low, &row), 1);
    assert_eq!(
        conflicts(&row, &sysctl("net.ipv4.tcp_mem", "field = \"high\", min = 600")),
        0
    );
    let first = sysctl("net.ipv4.neigh.default.gc_thresh1", "min = 4096");
    assert_eq!(
        conflicts(&first, &sysctl("net.ipv4.neigh.default.gc_thresh3", "max = 2048")),
        1
    );
    let ports = sysctl("net.ipv4.ip_local_port_range", "covers = \"1024-65535\"");
    assert_eq!(
        conflicts(&ports, &sysctl("net.ipv4.ip_unprivileged_port_start", "min = 2000")),
        1
    );
    assert_eq!(
        conflicts(&ports, &sysctl("net.ipv4.ip_unprivileged_port_start", "min = 1024")),
        0
    );
}
