//! What the next boot will set: by table, and against systemd-sysctl and `sysctl --system` themselves on generated trees.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests arrange files")]

mod support;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use runup::persisted::{Assignment, Persisted};
use runup::system::memory::MemorySystem;
use runup::system::rooted::RootedSystem;
use support::{can, is_root};

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
const NAMES: [&str; 7] = [
    "10-a.conf",
    "50-b.conf",
    "50-B.conf",
    "99-sysctl.conf",
    "9-c.conf",
    "ignored.txt",
    "z.conf",
];

/// Keys of a network namespace that each take 0, 1 and 2, and touch no other.
const KEYS: [&str; 6] = [
    "net.ipv4.conf.lo.rp_filter",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.conf.lo.arp_ignore",
    "net.ipv4.conf.default.arp_ignore",
    "net.ipv4.tcp_ecn",
    "net.ipv4.tcp_retrans_collapse",
];

const WRITTEN: [&str; 14] = [
    "net.ipv4.conf.lo.rp_filter",
    "net/ipv4/conf/lo/rp_filter",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.conf.*.rp_filter",
    "net.ipv4.conf.l*.rp_filter",
    "net/ipv4/conf/*/arp_ignore",
    "net.ipv4.conf.[dl]*.arp_ignore",
    "net.ipv4.conf.?o.arp_ignore",
    "net.ipv4.conf.lo.arp_ignore",
    "net.ipv4.tcp_ecn",
    "net.ipv4.tcp_[a-f]cn",
    "net.ipv4.tcp_retrans_collapse",
    "net.ipv4.no_such_key",
    "net.ipv4.conf.default.arp_ignore",
];

fn text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..dice.below(5) {
        let key = dice.pick(&WRITTEN);
        let dash = dice.pick(&["", "", "", "-", "-", " - "]);
        let space = dice.pick(&["", "", " ", "\t", "  "]);
        let line = match dice.below(14) {
            0 => format!("-{key}"),
            1 => format!("# {key} = 2"),
            2 => format!("; {key} = 2"),
            3 => key.to_owned(),
            4 => format!("{key} ="),
            5 => format!("  {key}{space}={space}{}  ", dice.below(3)),
            6 => String::new(),
            _ => format!(
                "{}{key}{space}={space}{}",
                if dash == " - " { "-" } else { dash },
                dice.below(3)
            ),
        };
        text += &line;
        text += dice.pick(&["\n", "\n", "\n", "\n\n"]);
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
            match dice.below(10) {
                0..=2 => std::fs::write(place.join(name), text(dice)).expect("a file"),
                3 if directory != "usr/lib/sysctl.d" => symlink("/dev/null", place.join(name)).expect("a link"),
                4 if directory == "etc/sysctl.d" => symlink("../sysctl.conf", place.join(name)).expect("a link"),
                _ => {}
            }
        }
    }
    if dice.below(2) == 0 {
        std::fs::write(root.join("etc/sysctl.conf"), text(dice)).expect("a file");
    }
}

/// Runs one of the programs on a tree, in a network namespace and below a root of its own, and returns what the keys are then.
const RUN: &str = r#"
set -e
root=$1; program=$2; shift 2
mkdir -p "$root/proc" "$root/dev" "$root/usr.d"
mount --bind "$root/usr" "$root/usr.d"
mount --bind /usr "$root/usr"
mount -t tmpfs none "$root/usr/local"
mkdir -p "$root/usr/local/lib/sysctl.d"
mount --bind "$root/usr.d/local/lib/sysctl.d" "$root/usr/local/lib/sysctl.d"
mount --bind "$root/usr.d/lib/sysctl.d" "$root/usr/lib/sysctl.d"
mount --rbind /dev "$root/dev"
for link in bin sbin lib lib64; do ln -sfn "usr/$link" "$root/$link"; done
mount --rbind /proc "$root/proc"
for key; do echo 7 >"/proc/sys/$(echo "$key" | tr . /)" 2>/dev/null || echo 0 >"/proc/sys/$(echo "$key" | tr . /)"; done
for key; do cat "/proc/sys/$(echo "$key" | tr . /)"; done | tr '\n' ' '
case $program in
  systemd) chroot "$root" /lib/systemd/systemd-sysctl >/dev/null 2>&1 || true ;;
  procps) chroot "$root" /sbin/sysctl --system >/dev/null 2>&1 || true ;;
esac
for key; do cat "/proc/sys/$(echo "$key" | tr . /)"; done | tr '\n' ' '
"#;

#[test]
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
    if !can("the comparison needs root, systemd-sysctl and namespaces", possible) {
        return;
    }
    let mut dice = Dice(0x5eed_2026);
    let mut decided = 0;
    for round in 0..160 {
        let directory = support::directory(&[]);
        let root = directory.path();
        generate(&mut dice, root);
        let system = RootedSystem::new(root).expect("a directory");
        let persisted = Persisted::read(&system);
        for program in ["systemd", "procps"] {
            let output = Command::new("unshare")
                .args(["-nm", "bash", "-c", RUN, "run"])
                .arg(root)
                .arg(program)
                .args(KEYS)
                .output()
                .expect("it starts");
            let out = String::from_utf8_lossy(&output.stdout).into_owned();
            let values: Vec<&str> = out.split_whitespace().collect();
            assert_eq!(
                values.len(),
                2 * KEYS.len(),
                "{out}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            let (before, after) = values.split_at(KEYS.len());
            for (at, key) in KEYS.iter().enumerate() {
                let prediction = persisted.of(key);
                let predicted = if program == "systemd" {
                    prediction.systemd
                } else {
                    prediction.procps
                };
                decided += u32::from(predicted.is_some());
                let expected = match &predicted {
                    // What is not a number is refused, and the value stays.
                    Some(assignment) if assignment.value.parse::<u32>().is_ok() => assignment.value.as_str(),
                    _ => before[at],
                };
                if after[at] == expected {
                    continue;
                }
                let listing = Command::new("sh").args(["-c", "cd \"$0\"; grep -rn '' etc run usr/lib usr/local 2>/dev/null; ls -l etc/sysctl.d run/sysctl.d usr/local/lib/sysctl.d"]).arg(root).output().expect("sh");
                assert_eq!(
                    after[at],
                    expected,
                    "round {round}, {program}, {key}, predicted {predicted:?}\n{}",
                    String::from_utf8_lossy(&listing.stdout)
                );
            }
        }
    }
    assert!(decided > 300, "only {decided} keys were set at all");
}
