//! Other programs' files as profiles: theirs as they ship them, and every word of what cannot be one.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests read what was written")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use runup::engine::{Check, Options};
use runup::host::Host;
use runup::import::{Draft, Entry, FORMATS, Format, Input, Made, Weight, Wish, find, import};
use runup::profile::Library;
use runup::source::Sources;
use runup::system::memory::MemorySystem;
use runup::system::rooted::RootedSystem;
use support::{directory, finding, needs, rounds, run, run_in};

fn named(format: &str) -> &'static dyn Format {
    find(format).expect("a format of the list")
}

/// Makes a profile of one file in memory.
fn made(format: &str, path: &str, text: &str, wish: &Wish) -> Made {
    let system = MemorySystem::linux("6.1.0").file(path, text);
    let input = Input::read(&[path.to_owned()], &system).expect("it is there");
    let draft = import(&input, named(format), wish, &system).unwrap_or_else(|error| panic!("{error}"));
    draft.make(
        "import",
        &[path.to_owned()],
        &Library::built_in_only(),
        &mut Sources::new(),
    )
}

fn plain(format: &str, path: &str, text: &str) -> Made {
    made(format, path, text, &Wish::default())
}

/// The rules alone, a line each: what stands between `[[rule]]` and the end.
fn rules(made: &Made) -> Vec<String> {
    let lines = made.text.lines().filter(|line| !line.starts_with('#'));
    let kinds: Vec<&str> = runup::rule::KINDS.iter().map(|kind| kind.name()).collect();
    lines
        .filter(|line| line.split_once(" = ").is_some_and(|(key, _)| kinds.contains(&key)))
        .map(str::to_owned)
        .collect()
}

/// What cannot be a rule: `LINE: text`.
fn left_out(made: &Made) -> Vec<String> {
    let left = made.notes.iter().filter(|note| note.weight == Weight::LeftOut);
    left.map(|note| format!("{}: {}", note.spot.line, note.text)).collect()
}

fn has(list: &[String], line: u32, part: &str) -> bool {
    list.iter()
        .any(|text| text.starts_with(&format!("{line}: ")) && text.contains(part))
}

/// A Debian package, unpacked; got once and kept.
fn package(name: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("runup-ci/packages");
    let unpacked = cache.join(name);
    if unpacked.join(".complete").exists() {
        return Some(unpacked);
    }
    let work = tempfile::tempdir().ok()?;
    let got = Command::new("apt-get")
        .args(["-qq", "-o", "APT::Sandbox::User=root", "download", name])
        .current_dir(work.path())
        .status();
    let file = got.ok().filter(std::process::ExitStatus::success).and_then(|_| {
        let mut files = std::fs::read_dir(work.path()).ok()?;
        files.find_map(|entry| Some(entry.ok()?.path()).filter(|path| path.extension().is_some_and(|end| end == "deb")))
    });
    std::fs::create_dir_all(&unpacked).ok()?;
    let done = file.is_some_and(|file| {
        let status = Command::new("dpkg-deb").arg("-x").arg(file).arg(&unpacked).status();
        status.is_ok_and(|status| status.success())
    });
    needs(&format!("the Debian package {name} cannot be had here"), done);
    std::fs::write(unpacked.join(".complete"), "").ok()?;
    Some(unpacked)
}

/// Loads, evaluates on an empty root directory, and validates against the schema.
fn holds(name: &str, made: &Made) {
    let schema = serde_json::from_str(include_str!("../schemas/profile.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let directory = directory(&[("profile.toml", &made.text), ("root/etc/hostname", "x\n")]);
    let shown = run_in(directory.path(), &["show", "./profile.toml"]);
    assert_eq!(shown.code, 0, "{name}: {}", shown.err);
    let json = support::toml_as_json(&made.text);
    let mistakes: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(mistakes.is_empty(), "{name}: {mistakes:?}");
    let system = RootedSystem::new(directory.path().join("root").to_str().expect("a path")).expect("a root");
    let host = Host::new(&system);
    let list = std::slice::from_ref(&made.profile);
    let check =
        Check::prepare(list, Options::default(), &host).unwrap_or_else(|mistakes| panic!("{name}: {mistakes:?}"));
    assert_eq!(check.run().findings.is_empty(), made.rules == 0, "{name}");
}

#[test]
fn every_profile_of_tuned_is_imported_and_every_line_of_it_is_a_rule_or_is_said() {
    let Some(tuned) = package("tuned") else { return };
    let mut seen = 0;
    let mut all_left: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(tuned.join("usr/lib/tuned")).expect("profiles") {
        let directory = entry.expect("an entry").path();
        if !directory.join("tuned.conf").exists() {
            continue;
        }
        let path = directory.to_str().expect("UTF-8").to_owned();
        let system = runup::system::live::LiveSystem::new();
        let input = Input::read(std::slice::from_ref(&path), &system).expect("it is there");
        let draft: Draft = import(&input, named("tuned"), &Wish::default(), &system).expect("a profile");
        let made = draft.make(
            "import",
            std::slice::from_ref(&path),
            &Library::built_in_only(),
            &mut Sources::new(),
        );
        holds(&path, &made);
        // Of its own file, every option has a place in the profile.
        let text = std::fs::read_to_string(directory.join("tuned.conf")).expect("text");
        let own = directory.join("tuned.conf").display().to_string();
        let mut section = String::new();
        for (line, number) in text.lines().zip(1_u32..) {
            let line = line.trim();
            if line.starts_with('[') {
                section = line.to_owned();
            }
            let key = line.split('=').next().unwrap_or_default().trim();
            let about = ["type", "devices", "uname_regex", "cpuinfo_regex", "priority"].contains(&key);
            let option = line.contains('=') && !line.starts_with('#') && !about;
            if !option || ["[main]", "[variables]"].contains(&section.as_str()) {
                continue;
            }
            let spot = format!("{own}:{number} says so");
            let noted = made
                .notes
                .iter()
                .any(|note| note.spot.file == own && note.spot.line == number);
            // Words for the command line are one rule together.
            let words = key.starts_with("cmdline") && made.text.contains("command-line");
            assert!(
                made.text.contains(&spot) || noted || words,
                "{own}:{number} {line} is lost"
            );
        }
        let left = made.notes.iter().filter(|note| note.weight == Weight::LeftOut);
        all_left.extend(left.map(|note| note.text.clone()));
        seen += 1;
    }
    assert!(seen >= 30, "{seen}");
    for part in [
        "[script] script: a rule runs no program",
        "[cpu] force_latency: the daemon holds /dev/cpu_dma_latency open",
        "[vm.thunderx] transparent_hugepages: it holds only where `cpuinfo_regex` matches",
        "[scheduler] ps_blacklist: it is about threads",
        "[disk] apm: no rule looks at it",
        "[video] radeon_powersave: no rule looks at it",
        "${f:virt_check:virtual-guest:throughput-performance}` includes is decided where tuned runs",
    ] {
        assert!(all_left.iter().any(|text| text.contains(part)), "{part}: {all_left:#?}");
    }
}

#[test]
fn the_drop_ins_of_debian_are_checked_on_a_machine() {
    let (Some(procps), Some(systemd)) = (package("procps"), package("systemd")) else {
        return;
    };
    let place = |root: &Path| root.join("usr/lib/sysctl.d").display().to_string();
    let imported = run(&["import", &place(&procps), &place(&systemd)]);
    assert_eq!(imported.code, 0, "{}", imported.err);
    assert!(imported.err.is_empty(), "{}", imported.err);
    for rule in [
        "sysctl = { key = \"fs.protected_hardlinks\", eq = 1 }",
        "sysctl = { key = \"fs.protected_regular\", eq = 2 }",
        "sysctl = { key = \"kernel.pid_max\", eq = 4194304 }",
    ] {
        assert!(imported.out.contains(rule), "{}", imported.out);
    }
    let root = directory(&[
        ("proc/sys/kernel/pid_max", "32768\n"),
        ("proc/sys/fs/protected_hardlinks", "1\n"),
    ]);
    let root = root.path().to_str().expect("UTF-8");
    let report = run(&[
        "check",
        "--root",
        root,
        "--format",
        "json",
        "--sysctl-d",
        &place(&procps),
        &place(&systemd),
    ]);
    assert_eq!(report.code, 1, "{}", report.err);
    let failed = finding(&report.out, "kernel.pid_max");
    assert_eq!(failed["outcome"], "fail");
    assert!(
        failed["origin"]["file"]
            .as_str()
            .is_some_and(|file| file.ends_with("/50-pid-max.conf")),
        "{failed:#}"
    );
    assert_eq!(finding(&report.out, "fs.protected_hardlinks")["outcome"], "pass");
}

const MACHINE: [(&str, &str); 12] = [
    ("root/proc/sys/vm/swappiness", "60\n"),
    ("root/proc/sys/vm/dirty_ratio", "20\n"),
    ("root/proc/sys/net/core/somaxconn", "4096\n"),
    ("root/proc/sys/net/ipv4/conf/all/rp_filter", "0\n"),
    ("root/proc/sys/net/ipv4/conf/default/rp_filter", "2\n"),
    ("root/proc/sys/net/ipv4/conf/eth0/rp_filter", "0\n"),
    ("root/proc/sys/net/ipv4/conf/wg0.1/rp_filter", "2\n"),
    ("root/run/systemd/system/x", ""),
    (
        "root/etc/sysctl.d/10-a.conf",
        "vm.swappiness = 10\nnet.core.somaxconn = 4096\n",
    ),
    ("root/etc/sysctl.d/50-masked.conf", "# nothing\n"),
    ("root/usr/lib/sysctl.d/50-masked.conf", "vm.dirty_ratio = 1\n"),
    (
        "root/usr/lib/sysctl.d/90-z.conf",
        "# late\n  vm.swappiness = 20\n\nnet.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\n-vm.dirty_ratio = 30\necho no\n",
    ),
];

#[test]
fn a_machine_is_held_to_its_own_files_with_their_lines_in_every_format() {
    let here = directory(&MACHINE);
    let check = |format: &str| {
        run_in(
            here.path(),
            &["check", "--root", "root", "--format", format, "--sysctl-d"],
        )
    };
    let json = check("json");
    assert_eq!(json.code, 1, "{}", json.err);
    let swappiness = finding(&json.out, "vm.swappiness");
    assert_eq!(swappiness["outcome"], "fail");
    assert_eq!(swappiness["origin"]["file"], "/usr/lib/sysctl.d/90-z.conf");
    assert_eq!(swappiness["origin"]["line"], 2);
    assert_eq!(swappiness["origin"]["column"], 3);
    assert_eq!(finding(&json.out, "net.core.somaxconn")["outcome"], "pass");
    // The pattern means what is there and no line names.
    assert_eq!(finding(&json.out, "net.ipv4.conf.eth0.rp_filter")["outcome"], "fail");
    assert_eq!(finding(&json.out, "net.ipv4.conf.default.rp_filter")["outcome"], "pass");
    assert!(!json.out.contains("net.ipv4.conf.all.rp_filter"));
    // With a dash in front, a refusal is none; masked files say nothing.
    let dirty = finding(&json.out, "vm.dirty_ratio");
    assert_eq!(
        (&dirty["severity"], &dirty["expected"]),
        (&"note".into(), &"30 %".into()),
        "{dirty:#}"
    );
    assert!(
        json.err
            .contains("left out: /usr/lib/sysctl.d/90-z.conf:7: this is no setting"),
        "{}",
        json.err
    );
    assert!(
        json.err
            .contains("note: /etc/sysctl.d/10-a.conf:1: /usr/lib/sysctl.d/90-z.conf:2 sets vm.swappiness")
    );
    let text = check("text");
    assert!(
        text.out.contains("/usr/lib/sysctl.d/90-z.conf:2 says so"),
        "{}",
        text.out
    );
    let github = check("github");
    let annotation = "::error file=/usr/lib/sysctl.d/90-z.conf,line=2,col=3,title=sysctl.d/vm.swappiness fail::";
    assert!(github.out.contains(annotation), "{}", github.out);
    // Together with a profile, what contradicts it is found.
    std::fs::write(
        here.path().join("mine.toml"),
        "[[rule]]\nid = \"swap\"\nsysctl = { key = \"vm.swappiness\", max = 5 }\n",
    )
    .expect("a profile");
    let both = run_in(here.path(), &["check", "./mine.toml", "--root", "root", "--sysctl-d"]);
    assert!(both.out.contains("CONFLICT"), "{}", both.out);
    let empty = directory(&[("root/proc/sys/vm/swappiness", "60\n")]);
    let nothing = run_in(empty.path(), &["check", "--root", "root", "--sysctl-d"]);
    assert_eq!(nothing.code, 2);
    assert!(
        nothing.err.contains("no file of sysctl.d says anything"),
        "{}",
        nothing.err
    );
}

#[test]
fn a_line_that_the_kernel_refuses_fails_at_its_place_in_every_format() {
    let mut files = MACHINE.to_vec();
    let text = "net.core.somaxconn = 64K\nvm.swappiness = 20 # low\nvm.laptop_mode = yes\n";
    files.push(("root/usr/lib/sysctl.d/95-late.conf", text));
    let here = directory(&files);
    let check = |format: &str| {
        let words = ["check", "--root", "root", "--format", format, "--sysctl-d"];
        run_in(here.path(), &words)
    };
    let json = check("json");
    assert_eq!(json.code, 1);
    let refused = finding(&json.out, "net.core.somaxconn-line");
    assert_eq!(refused["outcome"], "fail");
    assert_eq!(refused["origin"]["file"], "/usr/lib/sysctl.d/95-late.conf");
    assert_eq!(refused["origin"]["line"], 1);
    // What is not on this machine cannot be refused by it.
    assert_eq!(finding(&json.out, "vm.laptop_mode-line")["outcome"], "n/a");
    assert_eq!(finding(&json.out, "vm.swappiness")["expected"], "20");
    let note = "note: /usr/lib/sysctl.d/95-late.conf:2: the kernel takes `20`, and leaves out `# low` behind it";
    assert!(json.err.contains(note), "{}", json.err);
    for format in ["text", "github", "junit", "tap", "json"] {
        let report = check(format);
        assert_eq!(report.code, 1, "{format}");
        let said: String = report.out.split_whitespace().collect::<Vec<_>>().join(" ");
        let why = "net.core.somaxconn takes an integer, and `64K` is not that: the kernel knows no units";
        assert!(said.contains(why), "{format}: {}", report.out);
        assert!(said.contains("95-late.conf"), "{format}: {}", report.out);
    }
    // What a profile can say of such a line is nothing.
    let made = plain("sysctl.d", "/x.conf", text);
    assert_eq!(rules(&made), ["sysctl = { key = \"vm.swappiness\", eq = 20 }"]);
    assert!(has(
        &left_out(&made),
        1,
        "the kernel refuses it: net.core.somaxconn takes an integer"
    ));
}

#[test]
fn sysctl_values_are_rules_of_their_type_or_are_said() {
    let text = "net.core.somaxconn = 010\nvm.swappiness = ten\nkernel.sem = 250 32000\nkernel.sem = 1 2 3 4 5\n\
                net.ipv4.ip_local_port_range = 1024 65535\nkernel.shmmax = 18446744073692774399\nnet.ipv4.tcp_fastopen_key = 1-2-3-4\n\
                sysctl -w a.b=c\nkernel.core_pattern = ${ram}\nnet.core.somaxcon = 5\nvm.dirty_ratio =\n\
                net.ipv4.conf.e?.rp_filter = 1\nkernel.domainname = example.org\n-net.ipv4.conf.eth0.arp_filter\n\
                net.ipv4.conf.*.arp_filter = 1\n";
    let made = plain("sysctl.d", "/x.conf", text);
    let expected = [
        "sysctl = { key = \"net.core.somaxconn\", eq = 8 }",
        "sysctl = { key = \"kernel.sem\", eq = [1, 2, 3, 4] }",
        "sysctl = { key = \"net.ipv4.ip_local_port_range\", eq = \"1024-65535\" }",
        "sysctl = { key = \"kernel.shmmax\", eq = \"18446744073692774399\" }",
        "sysctl = { key = \"net.core.somaxcon\", known = false, eq = 5 }",
        "sysctl = { key = \"kernel.domainname\", eq = \"example.org\" }",
    ];
    assert_eq!(rules(&made), expected, "{}", made.text);
    let left = left_out(&made);
    for (line, part) in [
        (2, "vm.swappiness takes an integer, and `ten` is not that"),
        (7, "is a secret"),
        (8, "this is no key: it contains the character ' '"),
        (9, "this is a template; render it first"),
        (11, "vm.dirty_ratio takes an integer, and nothing stands there"),
        (12, "only `*` and `{a,b}` stand for something"),
        (15, "it does not mean net.ipv4.conf.eth0.arp_filter"),
    ] {
        assert!(has(&left, line, part), "{line} {part}: {left:#?}");
    }
    assert_eq!(left.len(), 7, "{left:#?}");
    for left in &left {
        assert!(
            made.text.contains(left.split_once(": ").expect("a text").1),
            "{left} is in the profile as a comment"
        );
    }
    let wish = Wish {
        at_least: true,
        ..Wish::default()
    };
    let text = "vm.max_map_count = 262144\nvm.swappiness = 1\nnet.ipv4.tcp_rmem = 1 2 3\nkernel.sem = 1 2 3 4\nnet.ipv4.ip_local_port_range = 1 2\n";
    let floors = rules(&made_with("sysctl.d", text, &wish));
    assert_eq!(
        floors,
        [
            "sysctl = { key = \"vm.max_map_count\", min = 262144 }",
            "sysctl = { key = \"vm.swappiness\", eq = 1 }",
            "sysctl = { key = \"net.ipv4.tcp_rmem\", field = \"min\", eq = 1 }",
            "sysctl = { key = \"net.ipv4.tcp_rmem\", field = \"default\", eq = 2 }",
            "sysctl = { key = \"net.ipv4.tcp_rmem\", field = \"max\", min = 3 }",
            "sysctl = { key = \"kernel.sem\", field = \"semmsl\", min = 1 }",
            "sysctl = { key = \"kernel.sem\", field = \"semmns\", min = 2 }",
            "sysctl = { key = \"kernel.sem\", field = \"semopm\", min = 3 }",
            "sysctl = { key = \"kernel.sem\", field = \"semmni\", min = 4 }",
            "sysctl = { key = \"net.ipv4.ip_local_port_range\", covers = \"1-2\" }",
        ]
    );
}

#[test]
fn limits_are_read_as_pam_limits_reads_them() {
    let text = "* SOFT NoFile 65535\n* hard nofile 64k # web\n* - nproc 0x100\n* soft nproc UNLIMITED\n\
                * soft nofile \"9000\"\n* hard core 10 and more\n* soft core {{ core }}\n";
    let made = plain("limits.d", "/limits.conf", text);
    let expected = [
        "rlimit = { resource = \"nofile\", soft = { eq = 65535 } }",
        "rlimit = { resource = \"nofile\", hard = { eq = 64 } }",
        "rlimit = { resource = \"nproc\", hard = { eq = 0 } }",
        "rlimit = { resource = \"nproc\", soft = { eq = \"unlimited\" } }",
        "rlimit = { resource = \"core\", hard = { eq = 10240 } }",
    ];
    assert_eq!(rules(&made), expected, "{}", made.text);
    let left = left_out(&made);
    assert!(has(&left, 5, "pam_limits leaves the line out"), "{left:#?}");
    assert!(has(&left, 7, "this is a template; render it first"), "{left:#?}");
    for said in [
        "/limits.conf:2: pam_limits takes `64` of `64k`",
        "/limits.conf:3: pam_limits takes `0` of `0x100`, and with that nobody whom it is for can log in",
        "/limits.conf:6: what stands behind the value makes no difference",
    ] {
        assert!(made.text.contains(said), "{said}: {}", made.text);
    }
}

#[test]
fn templates_are_told_in_every_format() {
    for (format, text) in [
        (
            "goss",
            "kernel-param:\n  vm.swappiness:\n    value: '{{ .Vars.swap }}'\n",
        ),
        ("redpanda", "rpk:\n{{ if .tune }}\n  tune_swappiness: true\n{{ end }}\n"),
        ("requirements", "vm.max_map_count >= ${MAPS}\n"),
        (
            "tuned",
            "[bootloader]\ncmdline_x=+nohz_full={{.IsolatedCpus}} {{if .a}}b{{end}}\n",
        ),
    ] {
        let input = Input {
            entries: vec![Entry::File {
                path: "/x".to_owned(),
                text: text.to_owned(),
            }],
        };
        let format = runup::import::find(format).expect("a format");
        let system = MemorySystem::linux("6.1");
        let error = runup::import::import(&input, format, &Wish::default(), &system).expect_err(text);
        let said = error.to_string();
        assert!(
            said.starts_with("/x:") && said.ends_with("this is a template; render it first"),
            "{said}"
        );
    }
    // Of files whose lines stand for themselves the others are taken.
    let made = plain(
        "sysctl.d",
        "/x.conf",
        "vm.swappiness = 1\n{% if a %}\nvm.laptop_mode = {{ b }}\nkernel.core_pattern = {{ c }}\n",
    );
    assert_eq!(rules(&made), ["sysctl = { key = \"vm.swappiness\", eq = 1 }"]);
    let left = left_out(&made);
    for line in [2, 3, 4] {
        assert!(
            has(&left, line, "this is a template; render it first"),
            "{line}: {left:#?}"
        );
    }
    // tuned's own variables are none.
    let made = plain(
        "tuned",
        "/tuned.conf",
        "[variables]\na=1\n[sysctl]\nvm.swappiness=${a}\n[cpu]\nboost=1\n",
    );
    let expected = ["sysctl = { key = \"vm.swappiness\", eq = 1 }", "cpu = { turbo = true }"];
    assert_eq!(rules(&made), expected, "{}", made.text);
}

#[test]
fn limits_are_those_of_one_domain() {
    let text = "# <domain> <type> <item> <value>\n* soft nofile 1024\n* hard nofile 4096\n@dba - memlock unlimited # all of it\n\
                * soft nofile 2048\noracle - nproc 16384\noracle hard core 10\n* - maxlogins 4\n* soft nofile\nroot -\n* - nice -5\n* - nproc 5k\n";
    let made = plain("limits.d", "/limits.conf", text);
    assert_eq!(
        rules(&made),
        [
            "rlimit = { resource = \"nofile\", hard = { eq = 4096 } }",
            "rlimit = { resource = \"nofile\", soft = { eq = 2048 } }",
            "rlimit = { resource = \"nice\", soft = { eq = 25 } }",
            "rlimit = { resource = \"nice\", hard = { eq = 25 } }",
            "rlimit = { resource = \"nproc\", soft = { eq = 5 } }",
            "rlimit = { resource = \"nproc\", hard = { eq = 5 } }",
        ],
        "{}",
        made.text
    );
    let left = left_out(&made);
    for (line, part) in [
        (4, "it is for `@dba`; --domain '@dba' takes its lines"),
        (6, "it is for `oracle`"),
        (7, "it is for `oracle`"),
        (8, "a number of logins"),
        (9, "this is no limit"),
        (10, "frees root from every limit"),
    ] {
        assert!(has(&left, line, part), "{line} {part}: {left:#?}");
    }
    let wish = Wish {
        at_least: true,
        domain: Some("oracle".to_owned()),
        ..Wish::default()
    };
    let oracle = made_with("limits.d", text, &wish);
    let rules = rules(&oracle);
    assert!(
        rules.contains(&"rlimit = { resource = \"nproc\", hard = { min = 16384 } }".to_owned()),
        "{rules:#?}"
    );
    assert!(
        rules.contains(&"rlimit = { resource = \"core\", hard = { eq = 10240 } }".to_owned()),
        "{rules:#?}"
    );
    assert!(
        rules.contains(&"rlimit = { resource = \"nofile\", soft = { min = 2048 } }".to_owned()),
        "{rules:#?}"
    );
}

#[test]
fn tuned_says_floors_alternatives_conditions_and_drops() {
    let here = directory(&[
        (
            "base/tuned.conf",
            "[main]\nsummary=base\n[variables]\nra=4096\n[sysctl]\nvm.swappiness=10\nvm.dirty_ratio=5\n[disk]\nreadahead=>${ra}\n[cpu]\ngovernor=conservative|powersave\n",
        ),
        (
            "mine/tuned.conf",
            "[main]\nsummary=mine \"quoted\"\ninclude=base, missing\n[variables]\nv=30\n[sysctl]\ndrop=vm.dirty_ratio\nvm.swappiness=<${v} # comment\nnet.ipv4.tcp_rmem=\"4096 87380 16777216\"\n\
             [sysctl.arm]\ntype=sysctl\nuname_regex=aarch64\nkernel.numa_balancing=0\n[disk-sata]\ntype=disk\ndevices=sd*\nelevator=mq-deadline\nreadahead=8192 s\n\
             [script]\nscript=x.sh\n[off]\nenabled=0\nx=1\n[bootloader]\ncmdline=+a=1 b\ncmdline_x=-b\n[net]\nnf_conntrack_hashsize=4\ncoalesce=x\nloose line\n",
        ),
    ]);
    let done = run_in(here.path(), &["import", "mine"]);
    assert_eq!(done.code, 0, "{}", done.err);
    for part in [
        "summary = \"mine \\\"quoted\\\"\"",
        "cpu = { governor = { one_of = [\"conservative\", \"powersave\"] } }",
        "sysctl = { key = \"vm.swappiness\", max = 30 }",
        "sysctl = { key = \"net.ipv4.tcp_rmem\", eq = [4096, 87380, 16777216] }",
        "sysctl = { key = \"kernel.numa_balancing\", eq = 0 }\nwhen = \"arch == 'aarch64'\"",
        "sysfs = { path = \"block/{vd*,xvd*,nvme*n*}/queue/read_ahead_kb\", min = 4096 }",
        "sysfs = { path = \"block/sd*/queue/read_ahead_kb\", eq = 4096 }",
        "kernel = { cmdline = { contains = [\"a=1\"] } }",
        "sysfs = { path = \"module/nf_conntrack/parameters/hashsize\", eq = 4 }",
    ] {
        assert!(done.out.contains(part), "{part}\n{}", done.out);
    }
    assert!(!done.out.contains("vm.dirty_ratio"), "{}", done.out);
    for part in [
        "left out: mine/tuned.conf:3: the profile `missing` that it includes is not found",
        "left out: mine/tuned.conf:20: [script] script: a rule runs no program",
        "note: mine/tuned.conf:21: [off] is not enabled",
        "left out: mine/tuned.conf:30: this is no option",
        "left out: mine/tuned.conf:29: [net] coalesce: no rule looks at it",
    ] {
        assert!(done.err.contains(part), "{part}\n{}", done.err);
    }
}

#[test]
fn goss_requirements_and_redpanda_say_what_they_can() {
    let goss = "kernel-param:\n  vm.swappiness:\n    value: '10'\n  vm.max_map_count:\n    value:\n      and:\n      - ge: 262144\n      - lt: 1000000\n  net.core.somaxconn:\n    value: {match-regexp: 'x'}\n\
                port:\n  tcp:22:\n    listening: true\n    ip: [0.0.0.0]\nfile:\n  /etc/passwd:\n    exists: true\ncommand:\n  echo hi:\n    exit-status: 0\nuser: {}\n";
    let made = plain("goss", "/goss.yaml", goss);
    let list = rules(&made);
    for rule in [
        "sysctl = { key = \"vm.swappiness\", eq = 10 }",
        "sysctl = { key = \"vm.max_map_count\", min = 262144 }",
        "sysctl = { key = \"vm.max_map_count\", max = 999999 }",
        "ports = { port = 22, protocol = \"tcp\", state = \"listening\" }",
    ] {
        assert!(list.contains(&rule.to_owned()), "{rule}: {list:#?}");
    }
    let left = left_out(&made);
    for (line, part) in [
        (10, "the matcher `match-regexp` has no comparator"),
        (14, "port tcp:22 ip: no rule looks at it"),
        (17, "file /etc/passwd exists: no rule looks at it"),
        (20, "command echo hi exit-status"),
    ] {
        assert!(has(&left, line, part), "{line} {part}: {left:#?}");
    }
    let json = r#"{"kernel-param": {"vm.swappiness": {"value": "10"}}}"#;
    assert_eq!(rules(&plain("goss", "/goss.json", json)), [list[0].clone()]);

    let requirements = "# before it starts\nvm.max_map_count >= 262144\nnofile >= 65535\nnofile.hard > 65535\nmemlock == unlimited # locked\n\
                        kernel >= 5.4\nnet.ipv4.tcp_rmem >= 5\nvm.swappiness < ten\nstack >= 8MiB\nvm.min_free_kbytes <= 64MiB\nhello world\nfoo >= 3\nvm.swappiness != 60\n";
    let made = plain("requirements", "/r", requirements);
    assert_eq!(
        rules(&made),
        [
            "sysctl = { key = \"vm.max_map_count\", min = 262144 }",
            "rlimit = { resource = \"nofile\", soft = { min = 65535 } }",
            "rlimit = { resource = \"nofile\", hard = { min = 65536 } }",
            "rlimit = { resource = \"memlock\", soft = { eq = \"unlimited\" } }",
            "kernel = { version = { min = \"5.4\" } }",
            "rlimit = { resource = \"stack\", soft = { min = \"8MiB\" } }",
            "sysctl = { key = \"vm.min_free_kbytes\", max = \"64MiB\" }",
            "sysctl = { key = \"vm.swappiness\", not = 60 }",
        ],
        "{}",
        made.text
    );
    assert!(made.text.contains("severity = \"error\""));
    let left = left_out(&made);
    for (line, part) in [
        (7, "net.ipv4.tcp_rmem takes 3 integers"),
        (8, "take an integer"),
        (11, "this is no requirement"),
        (12, "neither a sysctl nor a limit"),
    ] {
        assert!(has(&left, line, part), "{line} {part}: {left:#?}");
    }

    let redpanda = "redpanda:\n  data_directory: /var/lib/redpanda\nrpk:\n  tune_network: true\n  tune_aio_events: true\n  tune_swappiness: true\n\
                    \x20 tune_transparent_hugepages: true\n  tune_clocksource: true\n  tune_fstrim: false\n  coredump_dir: /x\n";
    let made = plain("redpanda", "/redpanda.yaml", redpanda);
    assert_eq!(
        rules(&made),
        [
            "sysctl = { key = \"fs.aio-max-nr\", min = 1048576 }",
            "sysctl = { key = \"vm.swappiness\", eq = 1 }",
            "sysfs = { path = \"kernel/mm/transparent_hugepage/enabled\", eq = \"always\" }",
            "clock = { source = \"tsc\" }",
        ]
    );
    let left = left_out(&made);
    assert!(
        has(&left, 4, "`tune_network`") && has(&left, 10, "`coredump_dir`"),
        "{left:#?}"
    );
    assert!(!left.iter().any(|text| text.contains("fstrim")));
}

#[test]
fn a_format_that_nobody_can_tell_is_an_error_that_says_so() {
    let here = directory(&[
        ("a.txt", "hello\n"),
        (
            "both.yaml",
            "rpk:\n  tune_swappiness: true\nport:\n  tcp:1:\n    listening: true\n",
        ),
        ("goss.yaml", "kernel-param:\n  a: &x\n    value: 1\n"),
        ("empty.conf", "# nothing\n"),
        ("mixed/10.conf", "vm.swappiness = 1\n"),
        ("mixed/20.conf", "* soft nofile 5\n"),
        ("r.txt", "vm.swappiness >= 1\n"),
    ]);
    for (words, said) in [
        (
            &["import", "a.txt"][..],
            "neither the name of a.txt nor its text tells its format; --from FORMAT does: sysctl.d, limits.d",
        ),
        (
            &["import", "both.yaml"],
            "both.yaml could be redpanda or goss; --from FORMAT says which",
        ),
        (&["import", "mixed"], "mixed could be sysctl.d or limits.d"),
        (&["import", "goss.yaml"], "goss.yaml:2: anchors are not read"),
        (
            &["import", "--from", "sysctl.d", "empty.conf"],
            "nothing of empty.conf can be a rule",
        ),
        (&["import", "none"], "cannot read none: does not exist"),
        (&["import", "--domain", "x", "r.txt"], "--domain goes with limits.d"),
        (&["import", "mixed/10.conf", "mixed/20.conf"], "import them one by one"),
    ] {
        let done = run_in(here.path(), words);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{words:?}: {}", done.err);
        assert!(done.err.contains(said), "{words:?}: {}", done.err);
    }
    let done = run_in(here.path(), &["import", "r.txt", "-o", "out.toml"]);
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "", ""));
    let checked = run_in(here.path(), &["check", "./out.toml", "-v"]);
    assert!(checked.out.contains("vm.swappiness"), "{}", checked.out);
}

/// What `export` writes, `import` reads: the same keys, each with the value that was written.
#[test]
fn an_export_comes_back_as_it_went() {
    let here = directory(&[(
        "mine.toml",
        "[[rule]]\nid = \"a\"\nsysctl = { key = \"net.ipv4.tcp_keepalive_time\", eq = 777 }\n\
         [[rule]]\nid = \"b\"\nsysctl = { key = \"net.ipv4.ip_local_port_range\", eq = \"20000-60001\" }\n\
         [[rule]]\nid = \"c\"\nsysctl = { key = \"net.ipv4.tcp_rmem\", eq = [4096, 131072, 7000000] }\n\
         [[rule]]\nid = \"d\"\nrlimit = { resource = \"memlock\", hard = { eq = 1048576 }, soft = { eq = 65536 } }\n",
    )]);
    let export = |to: &str, file: &str| {
        let done = run_in(here.path(), &["export", "./mine.toml", "--to", to, "-o", file]);
        assert_eq!(done.code, 0, "{}", done.err);
        let back = run_in(here.path(), &["import", "--from", to, file]);
        assert_eq!(back.code, 0, "{}", back.err);
        back.out
    };
    let back = export("sysctl.d", "60.conf");
    for rule in [
        "sysctl = { key = \"net.ipv4.tcp_keepalive_time\", eq = 777 }",
        "sysctl = { key = \"net.ipv4.ip_local_port_range\", eq = \"20000-60001\" }",
        "sysctl = { key = \"net.ipv4.tcp_rmem\", eq = [4096, 131072, 7000000] }",
    ] {
        assert!(back.contains(rule), "{rule}\n{back}");
    }
    assert_eq!(back.matches("[[rule]]").count(), 3, "{back}");
    let back = export("limits.d", "60-limits.conf");
    assert!(
        back.contains("rlimit = { resource = \"memlock\", soft = { eq = 65536 } }"),
        "{back}"
    );
    assert!(
        back.contains("rlimit = { resource = \"memlock\", hard = { eq = 1048576 } }"),
        "{back}"
    );
}

fn made_with(format: &str, text: &str, wish: &Wish) -> Made {
    made(format, "/x", text, wish)
}

/// Lines that look like those of one of the formats, and lines that do not.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "vm.swappiness",
        "net.ipv4.conf.*.rp_filter",
        "net/ipv4/tcp_rmem",
        "-kernel.sem",
        "nofile",
        "kernel",
        "readahead",
        "${x}",
        "a: b",
        "governor",
        "cmdline",
        "- x",
        "kernel-param:",
        "  value:",
        "rpk:",
        "[sysctl]",
        "[disk]",
        "[main]",
        "include",
        "*",
        "\"",
        "'",
        "{",
        "é",
    ]);
    let operator = prop::sample::select(vec![
        " = ", "=", ">=", " >= ", ":", ": ", " - ", " soft ", "=>", "", " ",
    ]);
    let value = prop_oneof![
        any::<i128>().prop_map(|number| number.to_string()),
        prop::sample::select(vec![
            "",
            "1 2 3",
            "unlimited",
            "${ram}",
            "${",
            "\"x",
            "[1, {a: 2}]",
            "|",
            "0x",
            "a|b",
            "+r",
            "\u{0}\u{1b}[31m"
        ])
        .prop_map(str::to_owned),
        ".{0,20}",
    ];
    (key, operator, value).prop_map(|(key, operator, value)| format!("{key}{operator}{value}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(rounds(300)))]

    /// Whatever stands in a file, importing it ends, and what comes out is a profile without mistakes.
    #[test]
    fn any_text_is_imported_or_refused(lines in prop::collection::vec(line(), 0..12), noise in ".{0,200}", at_least: bool) {
        let text = format!("{}\n{noise}", lines.join("\n"));
        let wish = Wish { at_least, ..Wish::default() };
        for format in FORMATS.iter().copied() {
            let system = MemorySystem::linux("6.1.0").file("/x", &text);
            let input = Input::read(&["/x".to_owned()], &system).expect("it is there");
            let _ = runup::import::detect(&input, &system);
            let Ok(draft) = import(&input, format, &wish, &system) else { continue };
            let made = draft.make("import", &["/x".to_owned()], &Library::built_in_only(), &mut Sources::new());
            prop_assert_eq!(made.profile.rules.len(), made.rules);
            let raw = made.text.contains(|c: char| c.is_control() && c != '\n');
            prop_assert!(!raw, "control characters");
        }
    }
}

#[test]
fn a_line_that_another_name_or_unit_undoes_is_no_rule() {
    let here = directory(&[
        ("root/proc/sys/kernel/osrelease", "6.1.0\n"),
        ("root/proc/sys/net/ipv4/ip_forward", "0\n"),
        ("root/proc/sys/net/ipv4/conf/all/forwarding", "0\n"),
        ("root/proc/sys/vm/dirty_ratio", "0\n"),
        ("root/proc/sys/vm/dirty_bytes", "67108864\n"),
        (
            "root/etc/sysctl.d/10-a.conf",
            "net.ipv4.ip_forward = 1\nvm.dirty_ratio = 10\n",
        ),
        (
            "root/etc/sysctl.d/20-b.conf",
            "net.ipv4.conf.all.forwarding = 0\nvm.dirty_bytes = 67108864\n",
        ),
    ]);
    let done = run_in(here.path(), &["check", "--root", "root", "--sysctl-d", "-v"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(done.out.contains("2 passed"), "{}", done.out);
    for said in [
        "10-a.conf:1: /etc/sysctl.d/20-b.conf:1 makes net.ipv4.ip_forward 0 after it",
        "10-a.conf:2: /etc/sysctl.d/20-b.conf:2 makes vm.dirty_ratio 0 after it",
    ] {
        assert!(done.err.contains(said), "{}", done.err);
    }
}
