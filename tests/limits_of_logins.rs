//! What pam_limits makes of lines, on this machine: generated files, read by su(1) through the real module, beside what was
//! predicted of them.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests arrange files")]

mod support;

use std::path::Path;
use std::process::Command;

use runup::persisted::logins;
use runup::system::Resource;
use runup::system::memory::MemorySystem;
use runup::value::Number;
use support::{Dice, counted, is_root, needs, rounds};

/// A few lines about open files, of numbers below what a login has without them.
fn text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..3 {
        let domain = dice.pick(&[
            "*",
            "*",
            "*",
            "nobody",
            "root",
            "@nogroup",
            "65534",
            "65534:",
            ":65534",
            "@60000:70000",
            "Nobody",
        ]);
        let kind = dice.pick(&["soft", "hard", "-", "SOFT", "Hard", "both", "softly"]);
        let item = dice.pick(&["nofile", "nofile", "NOFILE", "NoFile", "nofiles", "\"nofile\""]);
        let value = dice.pick(&["64", "512", "700", "0100", "\"512\"", "5e2", "many", "+99"]);
        let behind = dice.pick(&["", "", "k", ";", " # web", "#x", " and more", "\t", ".5", "_0", ",5"]);
        let space = dice.pick(&[" ", "\t", "   "]);
        text += &format!("{domain}{space}{kind}{space}{item}{space}{value}{behind}\n");
    }
    text
}

/// Arguments: the directory of the files. Prints, for each, the soft and the hard limit of nobody; `-` where the login fails.
const RUN: &str = r#"
mkdir /run/pam.test
printf 'auth sufficient pam_rootok.so\naccount required pam_permit.so\nsession required pam_limits.so\n' >/run/pam.test/su
mount --bind /run/pam.test /etc/pam.d
mount -t tmpfs none /etc/security/limits.d
for file in /dev/null "$1"/*; do
  mount --bind "$file" /etc/security/limits.conf
  su -s /bin/sh nobody -c 'echo $(ulimit -Sn) $(ulimit -Hn)' 2>/dev/null || echo -
  umount /etc/security/limits.conf
done
"#;

#[test]
#[ignore = "needs root, su and pam_limits"]
fn pam_limits_makes_of_lines_what_was_predicted() {
    let module = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/usr/lib"];
    let module = module
        .iter()
        .any(|place| Path::new(place).join("security/pam_limits.so").exists());
    let possible = is_root() && module && Path::new("/etc/security/limits.conf").exists();
    needs("logins need root, su and pam_limits", possible);
    let mut dice = Dice(0x5eed_2028);
    let directory = tempfile::tempdir_in("/var/tmp").expect("a directory");
    let texts: Vec<String> = (0..rounds(150)).map(|_| text(&mut dice)).collect();
    for (round, text) in texts.iter().enumerate() {
        std::fs::write(directory.path().join(format!("{round:06}")), text).expect("a file");
    }
    let script = format!("mount -t tmpfs none /run\n{RUN}");
    // Debian's module begins with the limits of process 1, which has those of the logins here.
    let outer = "ulimit -Hn 4096; ulimit -Sn 1024; exec unshare -mp --fork --mount-proc bash -c \"$0\" run \"$@\"";
    let output = Command::new("bash")
        .args(["-c", outer, &script])
        .arg(directory.path())
        .output()
        .expect("it starts");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let (plain, seen) = out.split_once('\n').unwrap_or_default();
    let seen: Vec<&str> = seen.lines().collect();
    assert_eq!(seen.len(), texts.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let (passwd, group) = ("/etc/passwd", "/etc/group");
    let read = |path: &str| std::fs::read_to_string(path).expect("a file");
    let mut given = 0;
    for (text, seen) in texts.iter().zip(seen) {
        let system = MemorySystem::linux("6.1")
            .file(passwd, &read(passwd))
            .file(group, &read(group))
            .file("/etc/security/limits.conf", text);
        let login = logins::of(&system, 65_534, Resource::Nofile);
        given += usize::from(login.soft.is_some() || login.hard.is_some());
        assert_eq!(seen, expected(login.soft, login.hard, plain), "{text}");
    }
    counted(format_args!("{} files, {given} of which give something", texts.len()));
    assert!(given > texts.len() / 4);
}

/// What a login has that has `plain` without a line: the soft limit is never above the hard one, and `unlimited` is what the kernel has
/// at most.
fn expected(soft: Option<Number>, hard: Option<Number>, plain: &str) -> String {
    let (plain_soft, plain_hard) = plain.split_once(' ').expect("two numbers");
    let most = || {
        let text = std::fs::read_to_string("/proc/sys/fs/nr_open").expect("the kernel's most");
        text.trim().parse().expect("a number")
    };
    let number = |limit: Option<Number>, else_| match limit {
        Some(Number::Finite(number)) => number,
        Some(Number::Unlimited) => most(),
        None => else_,
    };
    let hard: i128 = number(hard, plain_hard.parse().expect("a number"));
    let soft: i128 = number(soft, plain_soft.parse().expect("a number")).min(hard);
    format!("{soft} {hard}")
}
