//! What the next boot will set: by table, and against systemd-sysctl and `sysctl --system` themselves on generated trees.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests arrange files")]

mod support;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use runup::persisted::{Assignment, Persisted, Reader};
use runup::system::memory::MemorySystem;
use runup::system::rooted::RootedSystem;
use support::{counted, is_root, needs, rounds};

fn tree(files: &[(&str, &str)]) -> Persisted {
    let mut system = MemorySystem::linux("6.1.0");
    for (path, text) in files {
        system = system.file(path, text);
    }
    Persisted::read(&system)
}

fn both(files: &[(&str, &str)], key: &str) -> (Option<String>, Option<String>) {
    let prediction = tree(files).of(key);
    let show = |assignment: Option<Assignment>| {
        assignment.map(|assignment| format!("{} {}:{}", assignment.value, assignment.file, assignment.line))
    };
    (show(prediction.systemd), show(prediction.procps))
}

#[test]
fn the_last_file_by_name_wins_and_earlier_directories_mask() {
    let files = [
        ("/etc/sysctl.d/50-a.conf", "net.core.somaxconn = 1\n"),
        ("/usr/lib/sysctl.d/60-b.conf", "# no\n\nnet/core/somaxconn=2\n"),
        ("/usr/lib/sysctl.d/50-a.conf", "net.core.somaxconn = 3\n"),
        ("/run/sysctl.d/70-c.txt", "net.core.somaxconn = 4\n"),
    ];
    let (systemd, procps) = both(&files, "net.core.somaxconn");
    assert_eq!(systemd.as_deref(), Some("2 /usr/lib/sysctl.d/60-b.conf:3"));
    assert_eq!(systemd, procps);
    assert_eq!(both(&files, "net.core.rmem_max"), (None, None));
}

#[test]
fn sysctl_conf_is_read_by_procps_alone() {
    let files = [
        ("/etc/sysctl.d/99-z.conf", "vm.swappiness = 10\n"),
        ("/etc/sysctl.conf", "vm.swappiness = 20\n"),
    ];
    let (systemd, procps) = both(&files, "vm.swappiness");
    assert_eq!(systemd.as_deref(), Some("10 /etc/sysctl.d/99-z.conf:1"));
    assert_eq!(procps.as_deref(), Some("20 /etc/sysctl.conf:1"));
}

#[test]
fn a_named_key_keeps_patterns_away_wherever_it_stands() {
    let files = [(
        "/etc/sysctl.d/a.conf",
        "net.ipv4.conf.eth0.rp_filter = 1\n-net.ipv4.conf.lo.rp_filter\nnet.ipv4.conf.*.rp_filter = 2\n",
    )];
    let value = |key| both(&files, key).0;
    assert_eq!(
        value("net.ipv4.conf.eth0.rp_filter").as_deref(),
        Some("1 /etc/sysctl.d/a.conf:1")
    );
    assert_eq!(value("net.ipv4.conf.lo.rp_filter"), None);
    assert_eq!(
        value("net.ipv4.conf.eth0/100.rp_filter").as_deref(),
        Some("2 /etc/sysctl.d/a.conf:3")
    );
}

#[test]
fn a_file_can_be_tried_before_it_is_written() {
    let before = tree(&[("/etc/sysctl.d/99-local.conf", "vm.swappiness = 60\n")]);
    let with = before.with_file("/etc/sysctl.d/60-runup.conf", "vm.swappiness = 10\n");
    assert_eq!(
        with.of("vm.swappiness").systemd.map(|line| line.value).as_deref(),
        Some("60")
    );
    let with = before.with_file("/etc/sysctl.d/99-zz.conf", "vm.swappiness = 10\n");
    assert_eq!(
        with.of("vm.swappiness").systemd.map(|line| line.value).as_deref(),
        Some("10")
    );
    assert!(tree(&[]).is_empty() && !before.is_empty());
}

#[test]
fn the_last_line_counts_by_whichever_name_of_the_setting() {
    let files = [
        ("/etc/sysctl.d/10-a.conf", "net.netfilter.nf_conntrack_max = 262144\n"),
        ("/etc/sysctl.d/20-b.conf", "net.nf_conntrack_max = 65536\n"),
    ];
    for key in ["net.netfilter.nf_conntrack_max", "net.nf_conntrack_max"] {
        let (systemd, procps) = both(&files, key);
        assert_eq!(systemd.as_deref(), Some("65536 /etc/sysctl.d/20-b.conf:1"), "{key}");
        assert_eq!(systemd, procps);
    }
    // A pattern sets `all` too, which is ip_forward.
    let files = [(
        "/etc/sysctl.d/a.conf",
        "net.ipv4.ip_forward = 1\nnet.ipv4.conf.*.forwarding = 0\n",
    )];
    let (systemd, _) = both(&files, "net.ipv4.ip_forward");
    assert_eq!(systemd.as_deref(), Some("0 /etc/sysctl.d/a.conf:2"));
    // systemd leaves a line that is repeated as it was at its old place, so that the other name has the last word.
    let text = "net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.forwarding = 0\nnet.ipv4.ip_forward = 1\n";
    let set = |value: &str| Some(value.to_owned());
    assert_eq!(of(text, "net.ipv4.ip_forward"), (set("0"), set("1")));
}

#[test]
fn the_last_unit_of_a_setting_makes_the_other_one_0() {
    let (ratio, bytes) = ("vm.dirty_ratio", "vm.dirty_bytes");
    let value = |text: &str, key: &str| {
        let (systemd, procps) = of(text, key);
        assert_eq!(systemd, procps, "{text}");
        systemd.unwrap_or_default()
    };
    let later = "vm.dirty_ratio = 10\nvm.dirty_bytes = 67108864\n";
    assert_eq!(
        (value(later, ratio).as_str(), value(later, bytes).as_str()),
        ("0", "67108864")
    );
    let earlier = "vm.dirty_bytes = 67108864\nvm.dirty_ratio = 10\n";
    assert_eq!(
        (value(earlier, ratio).as_str(), value(earlier, bytes).as_str()),
        ("10", "0")
    );
    assert_eq!(value("vm.dirty_bytes = 67108864\n", ratio), "0");
    // The kernel takes a 0 for no change where it is 0 already, and elsewhere for one.
    let zero = "vm.dirty_bytes = 67108864\nvm.dirty_ratio = 0\n";
    assert_eq!(value(zero, bytes), "67108864");
    let zero = "vm.overcommit_kbytes = 1000000\nvm.overcommit_ratio = 0\n";
    assert_eq!(value(zero, "vm.overcommit_kbytes"), "0");
}

/// What both programs make of one file, without its name.
fn of(text: &str, key: &str) -> (Option<String>, Option<String>) {
    let prediction = tree(&[("/etc/sysctl.d/a.conf", text)]).of(key);
    let value = |assignment: Option<Assignment>| assignment.map(|assignment| assignment.value);
    (value(prediction.systemd), value(prediction.procps))
}

#[test]
fn each_program_has_its_own_reading() {
    let set = |value: &str| Some(value.to_owned());
    let key = "net.ipv4.conf.lo.tag";
    let all = "net.ipv4.conf.*.tag = 2\n";
    for (text, systemd, procps) in [
        // A carriage return, and a NUL, are line ends to systemd.
        ("a = 1\rnet.ipv4.conf.lo.tag = 1\r\n".to_owned(), set("1"), None),
        (
            "net.ipv4.conf.lo.tag = 1\0net.ipv4.conf.lo.tag = 2\n".to_owned(),
            set("2"),
            set("1"),
        ),
        // systemd tidies paths up; procps compares them as they are spelled, and lets the kernel follow them.
        (format!("net/ipv4//conf/lo/tag = 1\n{all}"), set("1"), set("2")),
        (format!("/net/ipv4/./conf/lo/tag = 1\n{all}"), set("1"), set("2")),
        (format!("-net/ipv4//conf/lo/tag\n{all}"), None, set("2")),
        ("net/ipv4/conf/lo/tag/ = 1\n".to_owned(), set("1"), None),
        ("net/core/../ipv4/conf/lo/tag = 1\n".to_owned(), None, set("1")),
        // Two dashes are one to procps, and white space after a dash belongs to the key.
        (format!("--net.ipv4.conf.lo.tag\n{all}"), set("2"), None),
        ("- net.ipv4.conf.lo.tag = 1\n".to_owned(), set("1"), None),
        // Braces are for systemd alone, where something else makes it a pattern.
        ("net.ipv4.conf.{lo,all}.t*g = 1\n".to_owned(), set("1"), None),
        ("net.ipv4.conf.{lo,all}.tag = 1\n".to_owned(), None, None),
        ("net.ipv4.conf.[[:alpha:]]\\o.tag = 1\n".to_owned(), set("1"), set("1")),
        // Vertical white space is none to systemd, and nothing but ASCII is any.
        ("\x0bnet.ipv4.conf.lo.tag = 1\n".to_owned(), None, set("1")),
        ("\u{a0}net.ipv4.conf.lo.tag = 1\n".to_owned(), None, None),
        // The value begins after the first `=`; what looks like a comment behind it is a part of it.
        (
            "net.ipv4.conf.lo.tag = 1 = 2 # 3\n".to_owned(),
            set("1 = 2 # 3"),
            set("1 = 2 # 3"),
        ),
        // A number cannot be nothing: systemd has tried no other line, procps has.
        (
            "net.ipv4.conf.lo.tag = 1\nnet.ipv4.conf.lo.tag =\n".to_owned(),
            None,
            set("1"),
        ),
        // At a line of a mebibyte systemd stops reading the file.
        (
            format!(
                "net.ipv4.conf.lo.tag = 1\n#{}\nnet.ipv4.conf.lo.tag = 2\n",
                "x".repeat(1 << 20)
            ),
            set("1"),
            set("2"),
        ),
    ] {
        let shown: String = text.chars().take(90).collect();
        assert_eq!(of(&text, key), (systemd, procps), "{shown:?}");
    }
    // A list of ports can be nothing, and both empty it.
    let ports = "net.ipv4.ip_local_reserved_ports";
    assert_eq!(of(&format!("{ports} = 7\n{ports} =\n"), ports), (set(""), set("")));
}

#[test]
fn a_line_counts_as_far_as_the_kernel_takes_it() {
    let set = |value: &str| Some(value.to_owned());
    let (number, row, range) = (
        "net.core.somaxconn",
        "net.ipv4.tcp_rmem",
        "net.ipv4.ip_local_port_range",
    );
    for (key, lines, systemd, procps) in [
        // Behind a number and white space the kernel takes anything.
        (number, &["600   # ten", "0x10 ; x"][..], set("16"), set("16")),
        (number, &["600 700"], set("600"), set("600")),
        (
            row,
            &["4096\t87380 8388608 # three"],
            set("4096 87380 8388608"),
            set("4096 87380 8388608"),
        ),
        (range, &["20000 60001 # ports"], set("20000 60001"), set("20000 60001")),
        // What it refuses leaves what was written before; systemd has written nothing before.
        (number, &["600", "64K"], None, set("600")),
        (number, &["600", "33#x"], None, set("600")),
        (number, &["\"600\""], None, None),
        (range, &["9000 65500", "1024-65535"], None, set("9000 65500")),
        ("net.core.default_qdisc", &["fq", "fq   # fair"], None, set("fq")),
        // Of a row the numbers before the mistake are set, and the others are as the line before made them.
        (
            row,
            &["1 2 3", "4096 87380 # two"],
            set("4096 87380"),
            set("4096 87380 3"),
        ),
        // A 0 behind which something stands is a 0.
        ("vm.overcommit_kbytes", &["1000000", "0 # off"], set("0"), set("0")),
    ] {
        let text: String = lines.iter().map(|line| format!("{key} = {line}\n")).collect();
        assert_eq!(of(&text, key), (systemd, procps), "{text:?}");
    }
    let text = "net.core.somaxconn = 64K\nnet.core.somaxconn = 600 # x\nvm.swappiness = ten\n-net.ipv4.conf.*.rp_filter = yes\n";
    let inventory = tree(&[("/etc/sysctl.d/a.conf", text)]).inventory(Reader::Systemd);
    let refused: Vec<(&str, u32, bool)> = inventory
        .refused
        .iter()
        .map(|refused| (refused.name.dotted(), refused.line.line, refused.lenient))
        .collect();
    // The first line is made up for by the second.
    assert_eq!(
        refused,
        [("vm.swappiness", 3, false), ("net.ipv4.conf.*.rp_filter", 4, true)]
    );
    assert_eq!(inventory.settings.len(), 1, "{inventory:#?}");
    assert_eq!(inventory.settings[0].rest.as_deref(), Some("# x"));
}

#[test]
fn hidden_files_are_for_procps_alone() {
    let (systemd, procps) = both(
        &[("/etc/sysctl.d/.hidden.conf", "net.core.somaxconn = 1\n")],
        "net.core.somaxconn",
    );
    assert_eq!(systemd, None);
    assert_eq!(procps.as_deref(), Some("1 /etc/sysctl.d/.hidden.conf:1"));
}

#[test]
fn a_file_that_is_tried_is_read_as_it_would_be_in_its_place() {
    let system = MemorySystem::linux("6.1.0")
        .link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf")
        .file("/etc/sysctl.conf", "vm.swappiness = 60\n");
    let before = Persisted::read(&system);
    let after = before.with_file("/etc/sysctl.conf", "vm.swappiness = 10\n");
    let value = |persisted: &Persisted| persisted.of("vm.swappiness").systemd.map(|line| line.value);
    assert_eq!(value(&before).as_deref(), Some("60"));
    assert_eq!(value(&after).as_deref(), Some("10"), "through the link");
    for nowhere in ["/etc/sysctl.d/zz.txt", "/opt/zz.conf", "/etc/sysctl.d/sub/zz.conf"] {
        assert_eq!(before.with_file(nowhere, "vm.swappiness = 1\n"), before, "{nowhere}");
    }
}

/// Cheap pseudo-random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit as u64)).unwrap_or(0)
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const DIRECTORIES: [&str; 4] = [
    "etc/sysctl.d",
    "run/sysctl.d",
    "usr/local/lib/sysctl.d",
    "usr/lib/sysctl.d",
];
const NAMES: [&str; 9] = [
    "10-a.conf",
    "50-b.conf",
    "50-B.conf",
    "50-b-c.conf",
    "99-sysctl.conf",
    "9-c.conf",
    ".hidden.conf",
    "ignored.txt",
    "z.conf",
];

/// Keys of a network namespace that take any number and touch no other, and one that can be empty.
const KEYS: [&str; 7] = [
    "net.ipv4.conf.lo.tag",
    "net.ipv4.conf.default.tag",
    "net.ipv4.conf.lo.medium_id",
    "net.ipv4.conf.default.medium_id",
    "net.ipv4.conf.eth0/100.tag",
    "net.ipv4.conf.eth0/100.medium_id",
    "net.ipv4.ip_local_reserved_ports",
];

/// How keys are written: plainly most of the time.
const PLAIN: [&str; 12] = [
    "net.ipv4.conf.lo.tag",
    "net/ipv4/conf/lo/tag",
    "net.ipv4.conf.default.tag",
    "net.ipv4.conf.lo.medium_id",
    "net.ipv4.conf.default.medium_id",
    "net.ipv4.conf.eth0/100.tag",
    "net/ipv4/conf/eth0.100/tag",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.conf.*.tag",
    "net.ipv4.conf.l*.tag",
    "net/ipv4/conf/*/medium_id",
    "net.ipv4.no_such_key",
];
const ODD: [&str; 26] = [
    "net.ipv4.conf.eth0.100.tag",
    "net.ipv4.conf.?o.medium_id",
    "net.ipv4.conf.[dl]*.tag",
    "net.ipv4.conf.[!l]*.tag",
    "net.ipv4.conf.[[:alpha:]]*.medium_id",
    "net.ipv4.conf.{lo,default}.t*g",
    "net.ipv4.conf.{lo,default}.tag",
    "net.ipv4.conf.{l*,eth{0,1}/100}.tag",
    "net.ipv4.conf.l\\o.t?g",
    "net.ipv4.conf.l\\o.tag",
    "net/ipv4/conf/*.*/tag",
    "net.*.conf.lo.tag",
    "net/ipv4//conf/lo/tag",
    "net/ipv4//conf/*/tag",
    "net/ipv4/conf/*//tag",
    "net/ipv4/./conf/lo/tag",
    "net/ipv4/conf/lo/tag/",
    "net/ipv4/conf/*/tag/",
    "/net/ipv4/conf/lo/tag",
    ".net.ipv4.conf.lo.tag",
    "/net/ipv4/conf/*/tag",
    "net.ipv4..conf.lo.tag",
    "net/core/../ipv4/conf/lo/tag",
    "net/core/../ipv4/conf/*/tag",
    "net.ipv4.ip_local_reserved_port?",
    "*",
];

fn text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..dice.below(6) {
        let key = if dice.below(3) == 0 {
            dice.pick(&ODD)
        } else {
            dice.pick(&PLAIN)
        };
        let dash = dice.pick(&["", "", "", "", "-", "-", "--", "- ", "-- ", "---"]);
        let space = dice.pick(&["", " ", " ", "\t", "  ", "\x0c"]);
        let value = dice.below(6) + 1;
        let line = match dice.below(16) {
            0 | 1 => format!("-{key}"),
            2 => format!("# {key} = {value}"),
            3 => format!("\t; {key} = {value}"),
            4 => format!("{key} {value}"),
            5 => format!("{dash}{key}{space}="),
            6 => format!("{dash}{key}"),
            7 => format!(" \t{dash}{key}{space}={space}{value} \t"),
            8 => String::new(),
            _ => format!("{dash}{key} = {value}"),
        };
        text += &line;
        // To procps the value would go on after a carriage return alone, and the kernel refuses such a number.
        let alone = if line.contains('=') { "\n" } else { "\r" };
        text += dice.pick(&["\n", "\n", "\n", "\n", "\n\n", "\r\n", "\r\n", "\0", "\n\r", alone]);
    }
    if dice.below(5) == 0 {
        text = text.trim_end_matches('\n').to_owned();
    }
    text
}

/// Makes a tree of drop-in files below a directory.
fn generate(dice: &mut Dice, root: &Path) {
    for directory in DIRECTORIES {
        let place = root.join(directory);
        std::fs::create_dir_all(&place).expect("directories");
        for name in NAMES {
            let at = place.join(name);
            match dice.below(24) {
                0..=6 => std::fs::write(at, text(dice)).expect("a file"),
                7 => symlink("/dev/null", at).expect("a link"),
                8 => symlink("/nowhere", at).expect("a link"),
                9 => symlink("10-a.conf", at).unwrap_or_default(),
                10 => std::fs::create_dir(at).expect("a directory"),
                11 => std::fs::write(at, "").expect("a file"),
                12 | 13 if directory == "etc/sysctl.d" => symlink("../sysctl.conf", at).expect("a link"),
                _ => {}
            }
        }
    }
    if dice.below(2) == 0 {
        std::fs::write(root.join("etc/sysctl.conf"), text(dice)).expect("a file");
    }
}

/// Runs both programs on one tree after the other, in a network namespace and with file systems in memory over the directories.
/// Says for each what the keys are then, a line each; `-` for a key that is not there.
const RUN: &str = r#"
set -e
trees=$1; shift
ip link set lo up
ip link add runup0 type veth peer name eth0.100 2>/dev/null || true
for place in /etc /run /usr/local/lib /usr/lib/sysctl.d; do mount -t tmpfs none "$place"; done
paths=()
for key; do paths+=("/proc/sys/$(tr ./ /. <<<"$key")"); done
for tree in "$trees"/*; do
  for place in /etc /run /usr/local/lib /usr/lib/sysctl.d; do find "$place" -mindepth 1 -delete; done
  for place in etc run usr/local/lib usr/lib/sysctl.d; do cp -a "$tree/$place/." "/$place/"; done
  for program in '/lib/systemd/systemd-sysctl' '/sbin/sysctl --system'; do
    for path in "${paths[@]}"; do [ ! -e "$path" ] || echo 7 >"$path"; done
    $program >/dev/null 2>&1 || true
    for path in "${paths[@]}"; do
      value=-
      [ ! -e "$path" ] || read -r value <"$path" || true
      echo "$value"
    done
  done
done
"#;

fn listing(root: &Path) -> String {
    let script = r#"cd "$0"; find . -type l -printf '%p -> %l\n' -o -type d -name '*.conf' -printf '%p/\n'
        find . -type f | sort | while read -r file; do echo "== $file"; cat -A "$file"; echo; done"#;
    let output = Command::new("sh").args(["-c", script]).arg(root).output().expect("sh");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "needs root, systemd and procps"]
fn the_programs_themselves_do_what_was_predicted() {
    let systemd = Path::new("/lib/systemd/systemd-sysctl").exists();
    let merged = std::fs::read_link("/lib").is_ok();
    let possible = is_root()
        && systemd
        && merged
        && Command::new("unshare")
            .args(["-nm", "true"])
            .status()
            .is_ok_and(|s| s.success());
    needs("the comparison needs root, systemd-sysctl and namespaces", possible);
    let mut dice = Dice(0x5eed_2026);
    // Below /var, which stays visible when there is another /run.
    let directory = tempfile::tempdir_in("/var/tmp").expect("a directory");
    let trees = rounds(400);
    let roots: Vec<PathBuf> = (0..trees)
        .map(|round| directory.path().join(format!("{round:06}")))
        .collect();
    for root in &roots {
        generate(&mut dice, root);
    }
    let output = Command::new("unshare")
        .args(["-nm", "bash", "-c", RUN, "run"])
        .arg(directory.path())
        .args(KEYS)
        .output()
        .expect("it starts");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let values: Vec<&str> = out.lines().collect();
    assert_eq!(
        values.len(),
        roots.len() * 2 * KEYS.len(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (mut decided, mut differ) = (0, 0);
    for (root, values) in roots.iter().zip(values.chunks(2 * KEYS.len())) {
        let persisted = Persisted::read(&RootedSystem::new(root).expect("a directory"));
        for (at, key) in KEYS.iter().enumerate() {
            let prediction = persisted.of(key);
            differ += u32::from(prediction.systemd != prediction.procps);
            for (program, predicted, found) in [
                ("systemd", prediction.systemd, values[at]),
                ("procps", prediction.procps, values[KEYS.len() + at]),
            ] {
                decided += u32::from(predicted.is_some());
                let expected = predicted.as_ref().map_or("7", |assignment| assignment.value.trim());
                // Not every kernel has the pair of devices of which one has a dot in its name.
                assert!(
                    found == expected || (found == "-" && key.contains("eth0")),
                    "{}, {program}, {key}: {found:?}, predicted {predicted:?}\n{}",
                    root.display(),
                    listing(root)
                );
            }
        }
    }
    counted(format_args!(
        "{trees} trees, {decided} predictions of a value, {differ} keys on which the programs differ"
    ));
    assert!(trees < 50 || decided > 2 * trees, "only {decided} keys were set at all");
    assert!(
        trees < 50 || differ > trees / 4,
        "the programs differed only {differ} times"
    );
}
