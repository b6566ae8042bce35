//! Images of every shape: nothing but two files, Alpine's, distroless's and Debian's; and `--user` in each.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::podman::{binary, run};
use crate::{Seen, busybox, container};

/// Makes an image of a tree that a function arranges.
fn image_of(name: &str, arrange: impl Fn(&Path)) {
    let place = crate::support::directory(&[]);
    let root = place.path().join("root");
    std::fs::create_dir(&root).expect("a directory");
    arrange(&root);
    let tar = place.path().join("image.tar");
    let packed = Command::new("tar")
        .arg("-cf")
        .arg(&tar)
        .arg("-C")
        .arg(&root)
        .arg(".")
        .status();
    assert!(packed.is_ok_and(|status| status.success()), "tar");
    let imported = run(&["import", "-q", tar.to_str().expect("UTF-8"), name]);
    assert_eq!(imported.0, 0, "{}", imported.2);
}

fn put(root: &Path, name: &str, from: &Path) {
    let to = root.join(name);
    std::fs::create_dir_all(to.parent().expect("a parent")).expect("directories");
    std::fs::copy(from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755)).expect("a mode");
}

fn write(root: &Path, name: &str, text: &str) {
    let to = root.join(name);
    std::fs::create_dir_all(to.parent().expect("a parent")).expect("directories");
    std::fs::write(to, text).expect("a file");
}

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:1042:1043:web:/srv/web:/bin/false\n";
const GROUP: &str = "root:x:0:\nweb:x:1043:\nlogs:x:1044:other,web\nssl:x:1045:web\nnobody-else:x:1046:other\n";

/// The program's user, groups and HOME.
const WHO: [&str; 2] = [
    "-c",
    "grep -E '^(Uid|Gid|Groups|CapEff):' /proc/self/status; echo home $HOME",
];

fn started(image: &str, words: &[&str], program: &[&str]) -> Seen {
    container(&[], &[&[image, "/runup", "exec"], words, &["--"], program].concat())
}

fn ids(seen: &Seen) -> (String, String, String, String) {
    assert_eq!((seen.code, seen.err.as_str()), (0, ""), "{}", seen.out);
    let first = |name: &str| {
        seen.field(name)
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let groups = seen.field("Groups").to_owned();
    (first("Uid"), first("Gid"), groups, seen.field("home ").to_owned())
}

fn is(ids: (String, String, String, String), wanted: (&str, &str, &str, &str)) {
    assert_eq!((ids.0.as_str(), ids.1.as_str(), ids.2.as_str(), ids.3.as_str()), wanted);
}

/// A static shell under the names of its tools, as Alpine has them, and a user with groups.
#[test]
#[ignore = "needs root, podman and a static build"]
fn alpine_shaped() {
    let (Some(runup), Some(busybox)) = (binary(), busybox()) else {
        return;
    };
    let image = "localhost/runup-alpine";
    image_of(image, |root| {
        put(root, "runup", &runup);
        put(root, "bin/busybox", &busybox);
        for name in ["sh", "grep", "cat", "echo"] {
            std::os::unix::fs::symlink("/bin/busybox", root.join("bin").join(name)).expect("a link");
        }
        write(root, "etc/passwd", PASSWD);
        write(root, "etc/group", GROUP);
    });
    let who = |words: &[&str]| ids(&started(image, words, &["sh", WHO[0], WHO[1]]));
    is(who(&["--user", "web"]), ("1042", "1043", "1043 1044 1045", "/srv/web"));
    is(who(&["--user", "web:logs"]), ("1042", "1044", "1044", "/srv/web"));
    is(who(&["--user", "1042"]), ("1042", "1043", "1043 1044 1045", "/srv/web"));
    is(who(&["--user", "7:8"]), ("7", "8", "8", "/"));
    is(
        who(&["--init", "--user", "web"]),
        ("1042", "1043", "1043 1044 1045", "/srv/web"),
    );
    let unknown = started(image, &["--user", "wbe"], &["sh", "-c", "true"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (125, ""));
    assert!(
        unknown.err.contains("wbe") && unknown.err.contains("/etc/passwd"),
        "{}",
        unknown.err
    );
    // Whoever was started as root and is another user cannot go back.
    let back = started(
        image,
        &["--user", "web"],
        &["/runup", "exec", "--user", "root", "--", "sh", "-c", "true"],
    );
    assert_eq!(back.code, 125, "{}", back.err);
}

/// Nothing but runup and a program: no shell, no /etc, no /tmp.
#[test]
#[ignore = "needs root, podman and a static build"]
fn from_scratch() {
    let Some(runup) = binary() else { return };
    let image = "localhost/runup-scratch";
    image_of(image, |root| put(root, "runup", &runup));
    // The only static program that is surely there is runup itself.
    let seen = started(
        image,
        &[
            "--user",
            "4242:4343",
            "load-test",
            "--only",
            "open-files",
            "--on-fail",
            "warn",
            "--quiet",
        ],
        &["/runup", "--version"],
    );
    assert_eq!(seen.code, 0, "{}", seen.err);
    assert!(seen.out.starts_with("runup "), "{}", seen.out);
    let seen = started(image, &["--init"], &["/runup", "exec", "--", "/runup", "--version"]);
    assert_eq!((seen.code, seen.err.as_str()), (0, ""));
    let named = started(image, &["--user", "web"], &["/runup", "--version"]);
    assert_eq!(named.code, 125);
    assert!(named.err.contains("/etc/passwd"), "{}", named.err);
    let missing = started(image, &[], &["sh"]);
    assert_eq!(missing.code, 127, "{}", missing.err);
    assert!(missing.err.contains("PATH"), "{}", missing.err);
}

/// A dynamic program with its loader and library, accounts, certificates and nothing else, as distroless images are.
#[test]
#[ignore = "needs root, podman and a static build"]
fn distroless_shaped() {
    let Some(runup) = binary() else { return };
    let image = "localhost/runup-distroless";
    let program = Path::new("/usr/bin/id");
    image_of(image, |root| {
        put(root, "usr/bin/runup", &runup);
        put(root, "usr/bin/id", program);
        for library in libraries(program) {
            put(root, library.trim_start_matches('/'), Path::new(&library));
        }
        write(
            root,
            "etc/passwd",
            "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
        );
        write(root, "etc/group", "root:x:0:\nnonroot:x:65532:\n");
    });
    for init in [&[][..], &["--init"]] {
        let words = [&[image, "runup", "exec", "--user", "nonroot"], init, &["--", "id"]].concat();
        let seen = container(&["--env", "PATH=/usr/bin", "--read-only", "--workdir", "/"], &words);
        assert_eq!((seen.code, seen.err.as_str()), (0, ""), "{}", seen.out);
        assert!(
            seen.out.starts_with("uid=65532(nonroot) gid=65532(nonroot)"),
            "{}",
            seen.out
        );
    }
}

/// Debian's own shell and library, with a profile in the image's /etc.
#[test]
#[ignore = "needs root, podman and a static build"]
fn debian_shaped() {
    let Some(runup) = binary() else { return };
    let image = "localhost/runup-debian";
    let programs = ["/usr/bin/dash", "/usr/bin/cat", "/usr/bin/grep"];
    image_of(image, |root| {
        put(root, "usr/local/bin/runup", &runup);
        for program in programs {
            put(root, program.trim_start_matches('/'), Path::new(program));
            for library in libraries(Path::new(program)) {
                put(root, library.trim_start_matches('/'), Path::new(&library));
            }
        }
        std::os::unix::fs::symlink("usr/bin", root.join("bin")).expect("a link");
        std::os::unix::fs::symlink("dash", root.join("usr/bin/sh")).expect("a link");
        write(root, "etc/passwd", PASSWD);
        write(root, "etc/group", GROUP);
        write(
            root,
            "etc/runup/profiles/web.toml",
            "summary = \"web\"\n[[rule]]\nid = \"files\"\nseverity = \"error\"\nrlimit = { resource = \"nofile\", soft = { min = 700 } }\n",
        );
    });
    let run = |flags: &[&str]| {
        container(
            flags,
            &[
                image,
                "runup",
                "exec",
                "--user",
                "web",
                "web",
                "--",
                "sh",
                "-c",
                "ulimit -n; grep Uid /proc/self/status",
            ],
        )
    };
    let seen = run(&["--ulimit", "nofile=300:800"]);
    assert_eq!(seen.code, 0, "{}", seen.err);
    assert!(seen.out.starts_with("700\nUid:\t1042"), "{}", seen.out);
    let refused = run(&["--ulimit", "nofile=300:600"]);
    assert_eq!(refused.code, 78, "{}", refused.out);
    assert!(refused.err.contains("--ulimit nofile=700:700"), "{}", refused.err);
}

/// The libraries that a program is loaded with, by their paths here.
fn libraries(program: &Path) -> Vec<String> {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(str::to_owned)
        .collect()
}
