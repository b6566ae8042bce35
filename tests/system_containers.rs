//! Containers that are used as machines are (LXC, LXD, Incus, systemd-nspawn), and those that are not: who is told what, and what
//! the next start reads.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::path::Path;

use runup::diagnostic::Diagnostics;
use runup::engine::{Check, Depth, Options};
use runup::finding::{Finding, Report};
use runup::host::Host;
use runup::profile::{self, Library};
use runup::source::Sources;
use runup::system::memory::MemorySystem;
use runup::system::{Os, Resource};
use runup::value::Number;
use support::{Done, directory, run};

/// What LXC mounts over procfs: all of `/proc/sys` read-only, and the network's part of it not.
const MIXED: &str = "20 1 0:1 / / rw - ext4 a rw\n21 20 0:2 / /proc rw - proc proc rw\n\
                     22 21 0:2 /sys /proc/sys ro - proc proc rw\n23 22 0:2 /sys/net /proc/sys/net rw - proc proc rw\n";

const PROFILE: &str = r#"
[[rule]]
id = "backlog"
sysctl = { key = "net.core.somaxconn", min = 65535 }
[[rule]]
id = "messages"
sysctl = { key = "kernel.msgmax", min = 65536 }
[[rule]]
id = "swappiness"
sysctl = { key = "vm.swappiness", max = 10 }
[[rule]]
id = "files"
rlimit = { resource = "nofile", hard = { min = 1000000 } }
"#;

/// A container with systemd in it, as its runtime tells of itself.
fn container(engine: &str) -> MemorySystem {
    let nofile = |number| Number::Finite(number);
    let system = MemorySystem::linux("6.1.0")
        .file("/run/systemd/system/.keep", "")
        .file("/proc/self/mountinfo", MIXED)
        .file("/proc/self/uid_map", "         0     100000      65536\n")
        .sysctl("net.core.somaxconn", "4096")
        .sysctl("kernel.msgmax", "8192")
        .sysctl("vm.swappiness", "60")
        .sysctl("fs.nr_open", "1048576")
        .limit(Resource::Nofile, nofile(1024), nofile(524_288));
    match engine {
        "lxd" => system.file("/dev/lxd/sock", "").file("/run/systemd/container", "lxc"),
        "incus" => system.file("/dev/incus/sock", "").file("/run/systemd/container", "lxc"),
        "podman" => system.file("/run/.containerenv", ""),
        "docker" => system.file("/.dockerenv", ""),
        other => system.file("/run/systemd/container", other),
    }
}

fn check(system: &MemorySystem) -> Report {
    let place = directory(&[("p.toml", PROFILE)]);
    let path = place.path().join("p.toml");
    let (mut sources, mut sink) = (Sources::new(), Diagnostics::new());
    let library = Library::for_user(false, None);
    let path = path.to_str().expect("UTF-8");
    let profile = profile::load(&library, path, Os::Linux, &mut sources, &mut sink);
    let profiles = [profile.unwrap_or_else(|| panic!("{:?}", sink.into_sorted()))];
    let options = Options {
        depth: Depth::NextBoot,
        ..Options::default()
    };
    let host = Host::new(system);
    Check::prepare(&profiles, options, &host).expect("no mistake").run()
}

fn finding<'a>(report: &'a Report, rule: &str) -> &'a Finding {
    let found = report.findings.iter().find(|finding| finding.rule == rule);
    found.unwrap_or_else(|| panic!("no {rule}"))
}

/// What the report says to do here, by a rule.
fn told(report: &Report, rule: &str) -> String {
    let fix = finding(report, rule).fix.as_ref().expect("a fix");
    let part = fix.parts.first().expect("a part");
    part.remedy_here().map(|(_, text)| text.to_owned()).unwrap_or_default()
}

#[test]
fn each_is_told_in_its_own_words() {
    for (engine, messages, files) in [
        (
            "lxc",
            "lxc.sysctl.kernel.msgmax = 65536\n# /var/lib/lxc/NAME/config, or in Proxmox /etc/pve/lxc/ID.conf; they count when the \
             container starts again",
            "lxc.prlimit.nofile = 1000000\n# /var/lib/lxc",
        ),
        (
            "lxd",
            "lxc config set NAME linux.sysctl.kernel.msgmax 65536\nlxc restart NAME",
            "lxc config set NAME limits.kernel.nofile 1000000\nlxc restart NAME",
        ),
        (
            "incus",
            "incus config set NAME linux.sysctl.kernel.msgmax 65536\nincus restart NAME",
            "incus config set NAME limits.kernel.nofile 1000000\nincus restart NAME",
        ),
        (
            "systemd-nspawn",
            "nsenter -t \"$(machinectl show NAME -p Leader --value)\" --ipc sysctl -w kernel.msgmax=65536",
            "systemd-nspawn --rlimit=RLIMIT_NOFILE=1000000:1000000 ...",
        ),
        (
            "podman",
            "podman run --sysctl kernel.msgmax=65536 ...",
            "podman run --ulimit nofile=1000000:1000000 ...",
        ),
        (
            "docker",
            "docker run --sysctl kernel.msgmax=65536 ...",
            "docker run --ulimit nofile=1000000:1000000 ...",
        ),
    ] {
        let report = check(&container(engine));
        assert_eq!(told(&report, "messages"), messages, "{engine}");
        assert!(
            told(&report, "files").starts_with(files),
            "{engine}: {}",
            told(&report, "files")
        );
        // What is the container's own and can be written is written in it; what is the host's is the host's everywhere.
        assert_eq!(
            told(&report, "backlog"),
            "sysctl -w net.core.somaxconn=65535",
            "{engine}"
        );
        assert_eq!(told(&report, "swappiness"), "sysctl -w vm.swappiness=10", "{engine}");
        let reach = finding(&report, "swappiness").fix.as_ref().expect("a fix").parts[0]
            .proposal
            .reach;
        assert_eq!(reach.name(), "host", "{engine}");
    }
}

#[test]
fn a_key_that_proxmox_does_not_take_is_said_to_be() {
    // Where the network's part is read-only too, the runtime must set it.
    let read_only = MIXED
        .lines()
        .take(3)
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    let report = check(&container("lxc").file("/proc/self/mountinfo", &read_only));
    let text = told(&report, "backlog");
    assert!(text.starts_with("lxc.sysctl.net.core.somaxconn = 65535\n"), "{text}");
    assert!(text.contains("Proxmox takes no such key"), "{text}");
    assert!(!told(&report, "messages").contains("takes no such key"));
}

#[test]
fn only_what_is_its_own_is_undone_by_its_next_start() {
    let with = |engine: &str| {
        let system = container(engine)
            .sysctl("net.core.somaxconn", "65535")
            .sysctl("vm.swappiness", "10")
            .file(
                "/etc/sysctl.d/60-a.conf",
                "net.core.somaxconn = 4096\nvm.swappiness = 60\n",
            );
        check(&system)
    };
    for engine in ["lxc", "incus", "systemd-nspawn"] {
        let report = with(engine);
        let next = finding(&report, "backlog").undone_by_boot();
        let line = next.and_then(|next| next.place.as_ref()).map(|(_, line)| *line);
        assert_eq!(line, Some(1), "{engine}");
        assert!(finding(&report, "swappiness").undone_by_boot().is_none(), "{engine}");
    }
    let report = with("docker");
    assert!(
        finding(&report, "backlog").undone_by_boot().is_none(),
        "Docker starts none again"
    );
}

fn tree(more: &[(&str, &str)]) -> tempfile::TempDir {
    let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                  Max open files            1024                 524288               files\n";
    let mut files = vec![
        ("proc/sys/net/core/somaxconn", "4096\n"),
        ("proc/sys/kernel/msgmax", "8192\n"),
        ("proc/sys/vm/swappiness", "60\n"),
        ("proc/sys/fs/nr_open", "1048576\n"),
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("proc/self/limits", limits),
        ("proc/self/mountinfo", MIXED),
        ("proc/self/uid_map", "0 100000 65536\n"),
        ("p.toml", PROFILE),
    ];
    files.extend_from_slice(more);
    directory(&files)
}

fn persist(root: &Path) -> Done {
    let profile = root.join("p.toml");
    let (profile, root) = (profile.to_str().expect("UTF-8"), root.to_str().expect("UTF-8"));
    run(&[
        "apply",
        profile,
        "--root",
        root,
        "--persist",
        "--yes",
        "--allow",
        "risky",
    ])
}

#[test]
fn what_lasts_in_a_container_is_its_own() {
    let root = tree(&[("run/systemd/system/.keep", ""), ("run/systemd/container", "lxc\n")]);
    let done = persist(root.path());
    let written = support::text_of(root.path().join("etc/sysctl.d/60-runup.conf").to_str().expect("UTF-8"));
    assert!(
        written.contains("net.core.somaxconn = 65535"),
        "{}{}",
        done.out,
        done.err
    );
    assert!(!written.contains("swappiness"), "the host's: {written}");
    assert!(!written.contains("msgmax"), "read-only there: {written}");
    // A login that asks for more than the container was given would fail.
    assert!(!root.path().join("etc/security/limits.d/60-runup.conf").exists());
}

#[test]
fn a_container_without_a_start_of_its_own_gets_no_file() {
    for (more, says) in [
        (
            vec![("run/systemd/container", "lxc\n")],
            "an LXC container has no next boot, and nothing was changed: whoever starts it gives it its values, as `runup export --to \
             lxc` writes them",
        ),
        (
            vec![(".dockerenv", ""), ("run/systemd/system/.keep", "")],
            "a docker container has no next boot, and nothing was changed: whoever starts it gives it its values, as `runup export \
             --to docker` or `--to kubernetes` writes them",
        ),
    ] {
        let root = tree(&more);
        let done = persist(root.path());
        assert_eq!(done.code, 2, "{}", done.out);
        assert!(done.err.contains(says), "{}", done.err);
        assert!(!root.path().join("etc/sysctl.d").exists());
    }
}

#[test]
fn their_configuration_can_be_exported() {
    let root = tree(&[]);
    let profile = root.path().join("p.toml");
    let export = |format: &str| {
        let done = run(&[
            "export",
            profile.to_str().expect("UTF-8"),
            "--to",
            format,
            "--kernel",
            "6.1",
        ]);
        assert_eq!(done.code, 0, "{}", done.err);
        done.out
    };
    let lxc = export("lxc");
    for line in [
        "lxc.sysctl.net.core.somaxconn = 65535",
        "lxc.sysctl.kernel.msgmax = 65536",
        "lxc.prlimit.nofile = 1000000",
    ] {
        assert!(lxc.lines().any(|known| known == line), "{line}: {lxc}");
    }
    assert!(
        lxc.contains("#   p/swappiness (vm.swappiness): it is the host's"),
        "{lxc}"
    );
    let incus = export("incus");
    for line in [
        "config:",
        "  linux.sysctl.net.core.somaxconn: \"65535\"",
        "  limits.kernel.nofile: \"1000000\"",
    ] {
        assert!(incus.lines().any(|known| known == line), "{line}: {incus}");
    }
    assert!(!incus.contains("Podman"), "{incus}");
}
