//! What the kernel makes of lines, on this kernel: generated values, written by systemd-sysctl and by `sysctl --system` in namespaces
//! of their own, beside what was predicted of them.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests arrange files")]

mod support;

use std::path::Path;
use std::process::Command;

use runup::persisted::{Assignment, Persisted};
use runup::system::memory::MemorySystem;
use support::{Dice, counted, is_root, needs, rounds};

/// A key of a namespace with the value that it begins with, numbers or texts that are in its bounds, and what may stand in front.
struct Tried {
    key: &'static str,
    start: &'static str,
    good: &'static [&'static str],
    before: &'static [&'static str],
}

const FRONT: &[&str] = &[
    "",
    "",
    "",
    "",
    "\"",
    "'",
    "+",
    "0",
    "0x",
    "00",
    "- ",
    "x",
    "000000000000000",
];
const PLAIN: &[&str] = &["", "", "", "\"", "+", "x", "- "];
const NUMBERS: &[&str] = &[
    "600",
    "12",
    "8",
    "1",
    "1000",
    "33",
    "000000000000000000077",
    "00000000000000000012",
];

const KEYS: &[Tried] = &[
    tried("net.core.somaxconn", "7", NUMBERS, FRONT),
    tried("net.ipv4.conf.lo.rp_filter", "0", NUMBERS, FRONT),
    tried(
        "net.ipv4.conf.lo.arp_filter",
        "0",
        &["-5", "-1", "7", "2147483648"],
        PLAIN,
    ),
    tried("net.ipv4.tcp_keepalive_time", "7200", NUMBERS, FRONT),
    tried("net.ipv4.tcp_syncookies", "1", &["0", "2", "1"], FRONT),
    tried(
        "net.ipv4.neigh.lo.base_reachable_time_ms",
        "30000",
        &["40000", "1000"],
        PLAIN,
    ),
    tried("net.ipv4.neigh.lo.gc_stale_time", "60", NUMBERS, PLAIN),
    tried(
        "net.ipv4.tcp_notsent_lowat",
        "4294967295",
        &["4294967295", "131072", "4294967296000000000000"],
        PLAIN,
    ),
    tried(
        "kernel.shmmax",
        "4096",
        &["18446744073692774399", "68719476736", "18446744073709551616"],
        FRONT,
    ),
    tried("kernel.msgmnb", "16384", NUMBERS, FRONT),
    tried(
        "net.ipv4.tcp_rmem",
        "4096 131072 6291456",
        &[
            "5000 87380 8388608",
            "5000 87380",
            "5000",
            "5000\t87380  8388608",
            "5000, 87380",
            "5000 x 9",
            "0x2000 020000 0xffff",
        ],
        PLAIN,
    ),
    tried(
        "net.ipv4.ip_local_port_range",
        "32768 60999",
        &[
            "20000 60001",
            "1024\t65535",
            "1024-65535",
            "20000",
            "60001 20000",
            "20000 70000",
            "0x4000 0xffff",
            "20000,60001",
        ],
        PLAIN,
    ),
    tried(
        "net.ipv4.ping_group_range",
        "1 0",
        &["0 2147483647", "5 4", "0", "7 9", "0 4294967295"],
        PLAIN,
    ),
    tried(
        "net.ipv4.ip_local_reserved_ports",
        "7",
        &[
            "8080",
            "8080,9000-9100",
            "8080, 9090",
            "",
            "9100-9000",
            "70000",
            "8080,",
            ",8080",
            "0x10",
            "010",
            "1-",
            "5,5-6",
        ],
        &["", "", "", "\"", "x"],
    ),
    tried(
        "net.ipv4.tcp_congestion_control",
        "reno",
        &["reno", "reno reno"],
        &["", "", "\"", "'"],
    ),
    tried(
        "kernel.domainname",
        "start",
        &["example.org", "a b", "\"a\"", "7"],
        &["", "x"],
    ),
];

const BEHIND: &[&str] = &[
    "",
    "",
    "",
    "",
    " # ten minutes",
    "   # x",
    "#x",
    " ; x",
    "\t# x",
    "K",
    "M",
    " 9",
    " x",
    ",",
    ";",
    ".5",
    "s",
    "\"",
    "'",
    " #",
    "e3",
    "\x0b# x",
    "\r",
];

const fn tried(
    key: &'static str,
    start: &'static str,
    good: &'static [&'static str],
    before: &'static [&'static str],
) -> Tried {
    Tried {
        key,
        start,
        good,
        before,
    }
}

/// One line for each key, and sometimes one before it.
fn text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for tried in KEYS {
        if dice.pick(&["", "", "twice"]) == "twice" {
            text += &format!("{} = {}\n", tried.key, tried.good[0]);
        }
        let (before, value, behind) = (dice.pick(tried.before), dice.pick(tried.good), dice.pick(BEHIND));
        text += &format!("{} = {before}{value}{behind}\n", tried.key);
    }
    text
}

/// Arguments: the directory of the files, then keys and the values that they begin with, in turn. Prints, for each file and each of
/// the programs, what every key is.
const RUN: &str = r#"
files=$1; shift
mount -t proc proc /proc
ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
for place in /etc /run /usr/local/lib /usr/lib/sysctl.d; do mount -t tmpfs none "$place"; done
mkdir /etc/sysctl.d
paths=() starts=()
while [ $# -gt 0 ]; do paths+=("/proc/sys/$(tr ./ /. <<<"$1")"); starts+=("$2"); shift 2; done
for file in "$files"/*; do
  cp "$file" /etc/sysctl.d/a.conf
  for program in '/lib/systemd/systemd-sysctl' '/sbin/sysctl --system'; do
    for at in "${!paths[@]}"; do echo "${starts[$at]}" >"${paths[$at]}"; done
    $program >/dev/null 2>&1 || true
    for path in "${paths[@]}"; do tr '\t' ' ' <"$path"; done
  done
done
"#;

#[test]
#[ignore = "needs root, systemd and procps"]
fn the_kernel_makes_of_lines_what_was_predicted() {
    let namespaces = Command::new("unshare").args(["-nmiu", "true"]).status();
    let possible =
        is_root() && Path::new("/lib/systemd/systemd-sysctl").exists() && namespaces.is_ok_and(|s| s.success());
    needs("the comparison needs root, systemd-sysctl and namespaces", possible);
    let mut dice = Dice(0x5eed_2027);
    let directory = tempfile::tempdir_in("/var/tmp").expect("a directory");
    let texts: Vec<String> = (0..rounds(150)).map(|_| text(&mut dice)).collect();
    for (round, text) in texts.iter().enumerate() {
        std::fs::write(directory.path().join(format!("{round:06}")), text).expect("a file");
    }
    let output = Command::new("unshare")
        .args(["-nmiu", "--propagation", "private", "bash", "-c", RUN, "run"])
        .arg(directory.path())
        .args(KEYS.iter().flat_map(|tried| [tried.key, tried.start]))
        .output()
        .expect("it starts");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let values: Vec<&str> = out.lines().collect();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(values.len(), texts.len() * 2 * KEYS.len(), "{said}");
    let (mut taken, mut refused) = (0, 0);
    for (text, values) in texts.iter().zip(values.chunks(2 * KEYS.len())) {
        let system = MemorySystem::linux("6.1.0").file("/etc/sysctl.d/a.conf", text);
        let persisted = Persisted::read(&system);
        for (at, tried) in KEYS.iter().enumerate() {
            let prediction = persisted.of(tried.key);
            for (program, predicted, found) in [
                ("systemd", prediction.systemd, values[at]),
                ("procps", prediction.procps, values[KEYS.len() + at]),
            ] {
                match predicted {
                    Some(_) => taken += 1,
                    None => refused += 1,
                }
                let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(tried.key)).collect();
                let expected = expected(tried, predicted);
                assert_eq!(found, expected, "{program} with {lines:?}");
            }
        }
    }
    counted(format_args!("{taken} values taken, {refused} refused, as predicted"));
    assert!(taken > texts.len() && refused > texts.len());
}

/// What a key is when a line has set it: of a row that is not given whole the rest stays as it was.
fn expected(tried: &Tried, predicted: Option<Assignment>) -> String {
    let Some(set) = predicted.map(|line| line.value) else {
        return tried.start.to_owned();
    };
    if tried.key == "kernel.domainname" || tried.key.ends_with("reserved_ports") {
        return set.replace('\t', " ");
    }
    // No kernel has an algorithm of another name that comes of these lines.
    if tried.key.ends_with("congestion_control") {
        return tried.start.to_owned();
    }
    let given: Vec<&str> = set.split(' ').collect();
    let rest = tried.start.split(' ').skip(given.len());
    given.iter().copied().chain(rest).collect::<Vec<_>>().join(" ")
}

/// Every number of `net` that a namespace has and the catalogue knows: whether it takes what no C integer holds.
#[test]
#[ignore = "needs root"]
fn no_key_of_a_namespace_takes_more_than_the_catalogue_says() {
    needs("keys of a namespace are set by root alone", is_root());
    const TRY: &str = r#"
mount -t proc proc /proc
for key; do
  path=/proc/sys/$(tr ./ /. <<<"$key"); [ -w "$path" ] || continue
  old=$(cat "$path" 2>/dev/null) || continue
  [[ $old =~ ^-?[0-9]+$ ]] || continue
  if echo 2147483648 2>/dev/null >"$path"; then echo "$key takes"; else echo "$key refuses"; fi
  echo "$old" >"$path" 2>/dev/null
done
"#;
    let keys = runup::catalogue::keys(runup::system::Os::Linux);
    let names: Vec<String> = keys
        .filter(|key| key.name.starts_with("net."))
        .map(|key| key.name.replace('*', "lo"))
        .collect();
    let output = Command::new("unshare")
        .args(["-nm", "--propagation", "private", "bash", "-c", TRY, "try"])
        .args(&names)
        .output()
        .expect("it starts");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut tried = 0;
    for (key, verdict) in out.lines().filter_map(|line| line.split_once(' ')) {
        tried += 1;
        let kind = runup::catalogue::lookup(runup::system::Os::Linux, key).map(|key| key.value);
        let written = runup::catalogue::written(key, kind, "2147483648");
        // What is not said to be refused may be all the same; what is said to be must be.
        assert!(
            written.refused().is_none() || verdict == "refuses",
            "{key} takes 2147483648"
        );
    }
    assert!(tried > 50, "{out}");
}
