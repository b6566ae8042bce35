//! Copies of runup whose file gives privileges refuse to do anything; nobody else is refused.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{binary, needs_root, output};

const NOBODY: u32 = 65534;

/// A copy that everybody can start, gone with this.
struct Copy {
    _place: tempfile::TempDir,
    path: PathBuf,
}

fn copy(name: &str, mode: u32) -> Copy {
    let place = tempfile::tempdir().expect("a temporary directory");
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).expect("our directory");
    let path = place.path().join(name);
    std::fs::copy(binary(), &path).expect("a copy");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("our file");
    Copy { _place: place, path }
}

fn as_nobody(path: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(path);
    command.args(words).uid(NOBODY).gid(NOBODY).current_dir("/");
    let (result, out, err) = output(&mut command);
    (result.status.code(), out, err)
}

/// File capabilities in the kernel's form (`struct vfs_cap_data`, revision 2).
fn set_capabilities(path: &Path, permitted: u32, effective: bool) {
    let words = [0x0200_0000 | u32::from(effective), permitted, 0, 0, 0];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let path = CString::new(path.as_os_str().as_bytes()).expect("no NUL");
    // SAFETY: both strings are NUL-terminated, and the value is valid for its length.
    let answer = unsafe {
        libc::setxattr(
            path.as_ptr(),
            c"security.capability".as_ptr(),
            bytes.as_ptr().cast(),
            bytes.len(),
            0,
        )
    };
    assert_eq!(answer, 0, "setxattr: {}", std::io::Error::last_os_error());
}

#[test]
#[ignore = "needs root"]
fn a_file_that_gives_privileges_does_nothing() {
    needs_root();
    let exec: &[&str] = &["exec", "--user", "0:0", "--", "/usr/bin/id", "-u"];
    let check: &[&str] = &["check", "/etc/shadow"];
    let with_capability = copy("runup-cap", 0o755);
    set_capabilities(&with_capability.path, 1 << 7, true);
    let not_effective = copy("runup-permitted", 0o755);
    set_capabilities(&not_effective.path, 1 << 7, false);
    for (Copy { path, _place }, why) in [
        (copy("runup", 0o4755), "set-user-id"),
        (copy("runup", 0o2755), "set-group-id"),
        (copy("runup", 0o6755), "set-user-id"),
        (with_capability, "its file gives them"),
        (not_effective, "its file gives them"),
    ] {
        for (words, status) in [
            (exec, 125),
            (check, 2),
            (&["--version"], 2),
            (&["revert", "--list"], 2),
            (&["record"], 2),
        ] {
            let (code, out, err) = as_nobody(&path, words);
            assert_eq!(code, Some(status), "{} {words:?}: {out}{err}", path.display());
            assert!(err.contains(why) && err.contains("help:"), "{err}");
            assert_eq!(out, "", "{words:?}");
            assert!(!err.contains("root:"), "{err}");
        }
    }
    for name in ["tini", "docker-init", "dumb-init"] {
        let (code, out, err) = as_nobody(&copy(name, 0o4755).path, &["--", "/usr/bin/id", "-u"]);
        assert_eq!((code, out.as_str()), (Some(125), ""), "{err}");
    }
}

#[test]
#[ignore = "needs root"]
fn privileges_that_were_handed_down_are_no_reason() {
    needs_root();
    let plain = copy("runup-plain", 0o755);
    let path = plain.path.to_str().expect("UTF-8");
    // The file asks for "effective" and gives nothing: the kernel sets AT_SECURE, as it does when a security module changes
    // the domain, and nothing was gained.
    let secure = copy("runup-secure", 0o755);
    set_capabilities(&secure.path, 0, true);
    let (code, out, err) = as_nobody(&secure.path, &["exec", "--", "/usr/bin/id", "-u"]);
    assert_eq!((code, out.trim()), (Some(0), "65534"), "{err}");
    // Set-user-id of whoever starts it gives nothing.
    let own = copy("runup-own", 0o4755);
    let (result, out, err) = output(Command::new(&own.path).args(["exec", "--", "/usr/bin/id", "-u"]));
    assert_eq!((result.status.code(), out.trim()), (Some(0), "0"), "{err}");

    let line = format!("{path} exec -- /usr/bin/id -u");
    let ways: &[(&[&str], &str)] = &[
        (&[path, "exec", "--", "/usr/bin/id", "-u"], "0"),
        (&["su", "-s", "/bin/sh", "nobody", "-c", &line], "65534"),
        (
            &["runuser", "-u", "nobody", "--", path, "exec", "--", "/usr/bin/id", "-u"],
            "65534",
        ),
        (
            &[
                "unshare",
                "--user",
                "--map-root-user",
                path,
                "exec",
                "--",
                "/usr/bin/id",
                "-u",
            ],
            "0",
        ),
        (&["unshare", "--user", path, "exec", "--", "/usr/bin/id", "-u"], "65534"),
        (
            &[
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--inh-caps=+kill,+chown",
                "--ambient-caps=+kill,+chown",
                path,
                "exec",
                "--",
                "/usr/bin/id",
                "-u",
            ],
            "65534",
        ),
        // Capabilities in the bounding and the inheritable set only, as container runtimes leave them to other users.
        (
            &[
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--inh-caps=+kill,+chown",
                path,
                "exec",
                "--",
                "/usr/bin/id",
                "-u",
            ],
            "65534",
        ),
        (
            &[
                "setpriv",
                "--securebits=+noroot",
                path,
                "exec",
                "--",
                "/usr/bin/id",
                "-u",
            ],
            "0",
        ),
        (
            &["setpriv", "--no-new-privs", path, "exec", "--", "/usr/bin/id", "-u"],
            "0",
        ),
        (&["sudo", "-n", path, "exec", "--", "/usr/bin/id", "-u"], "0"),
        (
            &["sudo", "-n", "-u", "nobody", path, "exec", "--", "/usr/bin/id", "-u"],
            "65534",
        ),
    ];
    for (words, uid) in ways {
        // sudo is on no machine for certain, and CI has none.
        if words[0] == "sudo" && !Path::new("/usr/bin/sudo").exists() {
            continue;
        }
        let (result, out, err) = output(Command::new(words[0]).args(&words[1..]).current_dir("/"));
        assert_eq!((result.status.code(), out.trim()), (Some(0), *uid), "{words:?}: {err}");
    }
}
