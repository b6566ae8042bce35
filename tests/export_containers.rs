//! What is exported for containers, held against namespaces and containers that were just made.
//!
//! Nothing here changes this machine. Containers need root, podman, and in `RUNUP_STATIC` the path of a static build.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests read what was written")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use runup::catalogue::{self, Bound, Namespace, Origin};
use runup::host::Host;
use runup::profile::search::built_in_names;
use runup::recording::Recorder;
use runup::system::live::LiveSystem;
use runup::system::memory::MemorySystem;
use runup::system::{Os, Resource, System};
use runup::value::{Number, Value};
use support::{Done, directory, done, is_root, needs, podman, run, run_in, text_of};

const FORMATS: [&str; 3] = ["docker", "compose", "kubernetes"];

/// The values of all keys that a container has for itself, in namespaces that were made for it.
fn fresh_namespace() -> Option<BTreeMap<String, String>> {
    const SCRIPT: &str =
        "for path; do if [ -r $path ]; then echo $path; cat $path; echo; fi; done 2>/dev/null | grep . || true";
    let own = catalogue::keys(Os::Linux)
        .filter(|key| matches!(key.namespace, Namespace::Net | Namespace::Ipc) && !key.secret)
        .filter(|key| !key.name.contains('*'));
    let output = Command::new("unshare")
        .args(["--net", "--ipc", "--uts", "--", "sh", "-c", SCRIPT, "sh"])
        .args(own.map(|key| format!("/proc/sys/{}", key.name.replace('.', "/"))))
        .output();
    let made = output.ok().map(done).filter(|made| is_root() && made.code == 0);
    needs("new namespaces need root and unshare", made.is_some());
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut key = String::new();
    for line in made?.out.lines() {
        match line.strip_prefix("/proc/sys/") {
            Some(name) => {
                key = name.replace('/', ".");
                values.insert(key.clone(), String::new());
            }
            None => {
                values.insert(key.clone(), words(line));
            }
        }
    }
    assert!(values.len() > 60, "{values:?}");
    Some(values)
}

fn words(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Exports a profile whole: its notes too.
fn export(profile: &str, format: &str, more: &[&str]) -> Done {
    let mut all = vec!["export", profile, "--notes", "--to", format];
    all.extend(more);
    run(&all)
}

/// The words of a line of flags, as a shell takes them.
fn shell_words(line: &str) -> Vec<String> {
    let script = "eval \"set -- $1\"; for word; do printf '%s\\n' \"$word\"; done";
    let split = Command::new("sh").args(["-euc", script, "sh", line]).output();
    let split = done(split.expect("sh starts"));
    split.out.lines().map(str::to_owned).collect()
}

/// The sysctls that a file sets.
fn sysctls(format: &str, text: &str) -> Vec<(String, String)> {
    let lines = || text.lines().map(str::trim);
    match format {
        "docker" => shell_words(text)
            .iter()
            .filter_map(|word| word.split_once('=').filter(|(key, _)| key.contains('.')))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        "compose" => lines()
            .filter_map(|line| line.strip_suffix('"')?.split_once(": \""))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        _ => lines()
            .zip(lines().skip(1))
            .filter_map(|(name, value)| {
                let value = value.strip_prefix("value: \"")?.strip_suffix('"')?;
                Some((name.strip_prefix("- name: ")?.to_owned(), value.to_owned()))
            })
            .collect(),
    }
}

/// What of a key's value is better the larger it is.
fn size(key: &str, text: &str) -> Option<Vec<Number>> {
    let known = catalogue::lookup(Os::Linux, key)?;
    let value = known.value.parse(text).unwrap_or_else(|error| panic!("{key}: {error}"));
    Some(match (catalogue::bound(key)?, value) {
        (Bound::Field(at), value) => vec![value.field(at).expect("a field")],
        (Bound::Whole, Value::Number(number)) => vec![number],
        (Bound::Whole, Value::Range(range)) => vec![Number::Finite(i128::from(range.width()))],
        (Bound::Whole, Value::Tuple(numbers)) => numbers,
        (Bound::Whole, other) => panic!("{key}: {other}"),
    })
}

#[test]
#[ignore = "needs root"]
fn a_new_namespace_has_what_the_catalogue_says() {
    let Some(fresh) = fresh_namespace() else { return };
    let system = LiveSystem::new();
    let host = Host::new(&system);
    let kernel = system.platform().kernel().unwrap().major_minor();
    let bigger_table = text_of("/proc/cmdline").contains("thash_entries=");
    let mut compared = 0;
    for row in catalogue::fresh_keys() {
        let known = catalogue::lookup(Os::Linux, row.key).expect("a known key");
        let own = matches!(known.namespace_on(kernel), Namespace::Net | Namespace::Ipc);
        // Modules that are not loaded, and what is not built in.
        let (Some(here), true) = (fresh.get(row.key), known.exists_on(kernel) && own) else {
            continue;
        };
        let said = match row.origin {
            Origin::Initial if host.network_is_hosts() != Some(true) => continue,
            Origin::Initial => system.sysctl(row.key).ok().map(|text| words(&text)),
            Origin::Constant if bigger_table && row.steps.iter().any(|step| step.value.is_computed()) => continue,
            Origin::Constant => row.on(Some(kernel), host.machine_ram().ok()),
        };
        assert_eq!(said.as_deref(), Some(here.as_str()), "{} on {kernel:?}", row.key);
        compared += 1;
    }
    assert!(compared > 50, "only {compared} keys are here");
}

#[test]
#[ignore = "needs root"]
fn no_file_for_containers_sets_less_than_a_new_namespace_has() {
    let Some(fresh) = fresh_namespace() else { return };
    let mut set = 0;
    for (profile, format) in built_in_names().flat_map(|name| FORMATS.map(|format| (name, format))) {
        let made = export(profile, format, &[]);
        if made.code == 2 {
            assert!(made.err.contains("can be exported"), "{profile}: {}", made.err);
            continue;
        }
        for (key, value) in sysctls(format, &made.out) {
            set += 1;
            let Some(has) = fresh.get(&key) else { continue };
            if let (Some(written), Some(has)) = (size(&key, &value), size(&key, has)) {
                let less = written.iter().zip(&has).any(|(written, has)| written < has);
                assert!(
                    !less,
                    "{profile} to {format}: {key}={value}, and a new namespace has {has:?}"
                );
            }
            let constant = catalogue::fresh(&key).is_some_and(|row| row.origin == Origin::Constant);
            assert!(
                !constant || value != *has,
                "{profile} to {format}: {key}={value} is there anyway"
            );
        }
        // Runtimes give no limit there.
        for line in made.out.lines().filter(|line| !line.trim().starts_with('#')) {
            assert!(!line.contains("nproc"), "{profile} to {format}: {line}");
        }
        for word in made.out.split_whitespace() {
            if let Some((_, hard)) = word.strip_prefix("nofile=").and_then(|pair| pair.split_once(':')) {
                let hard: u64 = hard.parse().expect("a number");
                assert!(hard >= 524_288, "{profile}: {word}");
            }
        }
    }
    assert!(set > 30, "only {set} sysctls are set: is it read right?");
}

#[test]
fn a_floor_that_new_kernels_satisfy_is_written_for_an_older_one() {
    let redis = |format: &str, more: &[&str]| export("redis", format, &[&["--only", "listen-backlog"], more].concat());
    let since = "net.core.somaxconn): since 5.4 a new namespace has 4096; for an older kernel: net.core.somaxconn=511";
    for format in FORMATS {
        let made = redis(format, &[]);
        assert_eq!(
            (made.code, sysctls(format, &made.out)),
            (0, vec![]),
            "{format}: {}",
            made.out
        );
        assert!(made.err.contains(since), "{format}: {}", made.err);
        assert_eq!(made.out.contains(since), format != "docker", "{format}: {}", made.out);
        for (kernel, written) in [
            ("4.18", true),
            ("5.3.0-76-generic", true),
            ("5.4", false),
            ("v6.1.140", false),
        ] {
            let made = redis(format, &["--kernel", kernel]);
            let wanted = if written {
                vec![("net.core.somaxconn".to_owned(), "511".to_owned())]
            } else {
                vec![]
            };
            assert_eq!(
                (made.code, sysctls(format, &made.out)),
                (0, wanted),
                "{format}, {kernel}: {}",
                made.err
            );
        }
    }
    // A range, a row, and what is computed from the machine's memory.
    let realtime = export("realtime", "docker", &[]);
    assert!(!realtime.out.contains("ip_local_port_range"), "{}", realtime.out);
    let receive = |kernel: &[&str]| {
        let more = [&["--only", "receive-window"], kernel].concat();
        sysctls("docker", &export("network-throughput", "docker", &more).out)
    };
    assert_eq!(receive(&[]), []);
    let row = |text: &str| vec![("net.ipv4.tcp_rmem".to_owned(), text.to_owned())];
    assert_eq!(receive(&["--kernel", "4.18"]), row("4096 87380 12500000"));
    assert_eq!(receive(&["--kernel", "6.12"]), row("4096 131072 12500000"));
    let syn = export("rabbitmq", "docker", &["--only", "syn-backlog"]);
    assert_eq!(syn.out, "\n");
    assert!(
        syn.err.contains("computes it from the machine's memory, up to 4096"),
        "{}",
        syn.err
    );
}

#[test]
fn a_kernel_is_named_as_uname_prints_it() {
    for bad in [
        "latest", "4", "", "418", "4.", ".5", "5 4", "6.x", "bookworm", "-1.2", "6.1;ls",
    ] {
        let made = run(&["export", "redis", "--to", "docker", &format!("--kernel={bad}")]);
        assert_eq!((made.code, made.out.as_str()), (2, ""), "{bad}: {}", made.err);
        assert!(
            made.err.contains("write it as `uname -r` prints it: 4.18"),
            "{bad}: {}",
            made.err
        );
    }
    for good in [
        "4.18",
        "v6.1",
        "5.14.0-427.13.1.el9_4.x86_64",
        "6.6.87.2-microsoft-standard-WSL2",
        "6.18-rc1",
    ] {
        assert_eq!(export("redis", "docker", &["--kernel", good]).code, 0, "{good}");
    }
    for format in ["sysctl.d", "shell"] {
        let made = export("redis", format, &["--kernel", "4.18"]);
        assert_eq!((made.code, made.out.as_str()), (2, ""));
        assert!(
            made.err
                .contains("--kernel goes with --to docker, compose, kubernetes, lxc or incus"),
            "{}",
            made.err
        );
    }
    let both = export("redis", "docker", &["--kernel", "4.18", "--host", "x.json"]);
    assert_eq!(both.code, 2);
}

/// A recording of a machine with some sysctls and a limit on open files.
fn recording(system: MemorySystem, sysctls: &[(&str, &str)], files: (i128, i128)) -> String {
    let mut system = system
        .file("/proc/self/mountinfo", "")
        .file("/proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 500000 kB\n");
    for (key, value) in sysctls {
        system = system.sysctl(key, value);
    }
    let system = system.limit(Resource::Nofile, Number::Finite(files.0), Number::Finite(files.1));
    let recorder = Recorder::new(&system);
    for (key, _) in sysctls {
        let _ = recorder.sysctl(key);
        let _ = recorder.stat(&format!("/proc/sys/{}", key.replace('.', "/")));
    }
    let _ = (recorder.limits(Resource::Nofile), recorder.read("/proc/meminfo"));
    let host = Host::new(&recorder);
    let _ = (host.engine(), host.network_is_hosts(), host.machine_ram());
    recorder.finish().to_json().expect("JSON")
}

const RECORDED: &str = "summary = \"x\"\n\
    [[rule]]\nid = \"backlog\"\nsysctl = { key = \"net.core.somaxconn\", min = 511 }\n\
    [[rule]]\nid = \"syn\"\nsysctl = { key = \"net.ipv4.tcp_max_syn_backlog\", min = 256 }\n\
    [[rule]]\nid = \"window\"\nsysctl = { key = \"net.ipv4.tcp_rmem\", field = \"max\", min = 8_000_000 }\n\
    [[rule]]\nid = \"files\"\nrlimit = { resource = \"nofile\", soft = { min = 2048 } }\n\
    [[rule]]\nid = \"table\"\nsysctl = { key = \"fs.nr_open\", min = 4096 }\n";

#[test]
fn a_recorded_host_names_the_kernel_and_what_is_copied_and_a_recorded_container_its_own_values() {
    let flags = |json: &str| {
        let place = directory(&[("p.toml", RECORDED), ("host.json", json)]);
        let made = run_in(
            place.path(),
            &["export", "./p.toml", "--to", "docker", "--host", "host.json"],
        );
        assert_eq!(made.code, 0, "{}", made.err);
        (made.out.trim_end().to_owned(), made.err)
    };
    // A host: its own accept queue says nothing of a container's, its receive buffers do; 1 GB of memory gives 128.
    let host = |release: &str, window: &str| {
        let own = [
            ("net.core.somaxconn", "65535"),
            ("net.core.netdev_max_backlog", "1000"),
            ("net.ipv4.tcp_max_syn_backlog", "4096"),
            ("net.ipv4.tcp_rmem", window),
        ];
        recording(MemorySystem::linux(release), &own, (1_048_576, 1_048_576))
    };
    let files = "--ulimit nofile=2048:524288";
    let (out, _) = flags(&host("4.18.0-553.el8", "4096 87380 6291456"));
    let syn = "--sysctl net.ipv4.tcp_max_syn_backlog=256";
    assert_eq!(
        out,
        format!("--sysctl net.core.somaxconn=511 {syn} --sysctl 'net.ipv4.tcp_rmem=4096 87380 8000000' {files}")
    );
    let (out, err) = flags(&host("6.1.0", "4096 131072 67108864"));
    assert_eq!(out, format!("{syn} {files}"));
    assert!(
        err.contains("a new namespace there has 4096 131072 67108864 (it is the host's, which is copied)"),
        "{err}"
    );
    // A container: what it has is what it has.
    let container = |backlog: &str, files: (i128, i128)| {
        let own = [
            ("fs.nr_open", "1048576"),
            ("net.core.somaxconn", backlog),
            ("net.ipv4.tcp_max_syn_backlog", "512"),
            ("net.ipv4.tcp_rmem", "4096 131072 9000000"),
        ];
        recording(MemorySystem::linux("4.18.0").file("/.dockerenv", ""), &own, files)
    };
    let (out, err) = flags(&container("600", (1_048_576, 1_048_576)));
    assert_eq!(out, "");
    assert!(err.contains("the container that was recorded has 600"), "{err}");
    assert!(err.contains("p/table (fs.nr_open): it is the host's"), "{err}");
    let (out, _) = flags(&container("128", (1024, 1_048_576)));
    assert_eq!(out, "--sysctl net.core.somaxconn=511 --ulimit nofile=2048:1048576");
}

const NEEDS: &str = "summary = \"x\"\n\
    [[rule]]\nid = \"accounting\"\nsysctl = { key = \"net.netfilter.nf_conntrack_acct\", eq = 1 }\n\
    [[rule]]\nid = \"control\"\nsysctl = { key = \"net.ipv4.tcp_congestion_control\", eq = \"bbr\" }\n";

#[test]
fn what_the_host_must_have_is_said() {
    let own = [
        ("net.core.netdev_max_backlog", "1000"),
        ("net.netfilter.nf_conntrack_acct", "0"),
        ("net.ipv4.tcp_congestion_control", "cubic"),
    ];
    let json = recording(MemorySystem::linux("6.1.0"), &own, (1024, 524_288));
    let place = directory(&[("p.toml", NEEDS), ("host.json", &json)]);
    let to = |format: &str| {
        run_in(
            place.path(),
            &["export", "./p.toml", "--to", format, "--host", "host.json"],
        )
    };
    let module = "the host must have loaded nf_conntrack (modprobe nf_conntrack), or the container does not start";
    let control = "the host must have bbr (modprobe tcp_bbr) and list it in net.ipv4.tcp_allowed_congestion_control, \
                   or the container does not start";
    for format in FORMATS {
        let made = to(format);
        assert_eq!(made.code, 0, "{}", made.err);
        for said in [module, control] {
            assert!(made.err.contains(said), "{format}: {}", made.err);
            assert_eq!(made.out.contains(said), format != "docker", "{format}: {}", made.out);
        }
    }
    let host = to("sysctl.d").out;
    assert!(
        host.contains("# needs the nf_conntrack module at boot: a line `nf_conntrack` in /etc/modules-load.d/"),
        "{host}"
    );
    let book = to("ansible").out;
    let at = |text: &str| book.find(text).unwrap_or_else(|| panic!("{text}: {book}"));
    assert!(at("dest: /etc/modules-load.d/60-runup.conf") < at("          nf_conntrack\n"));
    // Handlers run in the order in which they stand.
    assert!(at("command: systemctl restart systemd-modules-load.service") < at("command: sysctl -p"));
}

/// Flags that can be given here: of limits only those that this process may pass on.
fn possible(words: Vec<String>) -> Vec<String> {
    let system = LiveSystem::new();
    let host = Host::new(&system);
    let raises = host.capable(runup::host::Capability::SysResource);
    let may = |flag: &str, value: &str| {
        let limit = value.split_once('=').filter(|_| flag == "--ulimit");
        raises
            || limit.is_none_or(|(name, pair)| {
                let own = Resource::parse(name).and_then(|resource| system.limits(resource).ok());
                let hard = match pair.rsplit(':').next() {
                    Some("-1") => Number::Unlimited,
                    hard => Number::parse(hard.unwrap_or_default()).expect("a limit"),
                };
                own.is_some_and(|own| hard <= own.hard)
            })
    };
    let pairs = words.chunks(2).filter(|pair| may(&pair[0], &pair[1]));
    pairs.flatten().cloned().collect()
}

#[test]
#[ignore = "needs root, podman and a static build"]
fn a_container_starts_with_every_exported_set_of_flags_and_has_what_is_asked() {
    const IMAGE: &str = "localhost/runup-exported";
    let Some(binary) = podman::binary() else { return };
    podman::image(IMAGE, &[(Path::new(&binary), "runup")]);
    let mut seen: Vec<Vec<String>> = Vec::new();
    for profile in built_in_names() {
        let made = export(profile, "docker", &[]);
        let flags = possible(shell_words(&made.out));
        if flags.is_empty() || seen.contains(&flags) {
            continue;
        }
        seen.push(flags.clone());
        // In a file: what a container that ends at once writes is now and then lost on its way through podman.
        let place = directory(&[]);
        let mount = format!("{}:/out", place.path().display());
        let mut words = vec!["run", "--rm", "-v", &mount];
        words.extend(flags.iter().map(String::as_str));
        words.extend([IMAGE, "/runup", "exec", profile, "--on-fail", "warn"]);
        words.extend(["--report", "/out/report.json", "--", "/runup", "--version"]);
        let (code, _, err) = podman::run(&words);
        assert_eq!(code, 0, "{profile}: {flags:?}: {err}");
        let report = text_of(&format!("{}/report.json", place.path().display()));
        let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        for rule in report["findings"].as_array().expect("findings") {
            let name = |field: &str| rule[field].as_str().unwrap_or_default();
            let own = flags
                .iter()
                .any(|flag| flag.starts_with(&format!("{}=", name("subject"))));
            assert!(!own || name("outcome") == "pass", "{profile}: {flags:?}: {rule:#}");
        }
    }
    assert!(seen.len() > 5, "{seen:?}");
}
