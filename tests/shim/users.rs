//! Who the program is and what it may do.
#![allow(unsafe_code)]

use crate::support::{exec, exec_probe, field, needs_root, output};

fn state(words: &[&str]) -> String {
    let (result, out, err) = output(&mut exec_probe(words, "state"));
    assert_eq!(result.status.code(), Some(0), "{words:?}: {err}");
    out
}

fn four(id: u32) -> String {
    [id.to_string().as_str(); 4].join("\t")
}

#[test]
#[ignore = "needs root"]
fn another_user_all_the_way() {
    needs_root();
    for init in [&[][..], &["--init"]] {
        let with = |words: &[&'static str]| state(&[init, words].concat());
        let out = with(&["--user", "65534:12345"]);
        assert_eq!(
            (field(&out, "Uid"), field(&out, "Gid"), field(&out, "Groups")),
            (four(65534).as_str(), four(12345).as_str(), "12345")
        );
        for set in ["CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(field(&out, set).trim_matches('0'), "", "{set}");
        }
        let out = with(&["--user", "4242"]);
        assert_eq!(
            (field(&out, "Uid"), field(&out, "Gid")),
            (four(4242).as_str(), four(0).as_str())
        );
        assert!(field(&out, "env").split('|').any(|entry| entry == "HOME=/"), "{out}");
        let out = with(&["--user=root"]);
        assert_eq!(field(&out, "Uid"), four(0));
        assert!(field(&out, "env").split('|').any(|entry| entry == "HOME=/root"));
    }
}

#[test]
#[ignore = "needs root"]
fn capabilities_are_kept_and_dropped() {
    needs_root();
    let bit = |number: u8| format!("{:016x}", 1u64 << number);
    let out = state(&["--user", "65534", "--keep-caps", "net_bind_service"]);
    for set in ["CapPrm", "CapEff", "CapInh", "CapAmb"] {
        assert_eq!(field(&out, set), bit(10), "{set}");
    }
    let out = state(&["--drop-caps", "all", "--keep-caps", "CAP_KILL"]);
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(field(&out, set), bit(5), "{set}");
    }
    let out = state(&["--user=65534", "--drop-caps=all", "--no-new-privs"]);
    assert_eq!(
        (field(&out, "CapBnd").trim_matches('0'), field(&out, "NoNewPrivs")),
        ("", "1")
    );
    let out = state(&["--drop-caps", "chown,setpcap"]);
    let bounding = u64::from_str_radix(field(&out, "CapBnd"), 16).expect("a set");
    assert_eq!(bounding & (1 | 1 << 8), 0);
    assert_ne!(bounding, 0);
}

#[test]
#[ignore = "needs root"]
fn without_privilege_nothing_is_half_done() {
    needs_root();
    use std::os::unix::process::CommandExt;
    // What a container started as another user sees.
    let mut command = exec(&["--user", "root", "--", "/bin/true"]);
    let (result, _, err) = output(command.uid(65534).gid(65534));
    assert_eq!(result.status.code(), Some(125), "{err}");
    assert!(err.contains("CAP_SETUID"), "{err}");
    let (result, _, err) = output(
        exec(&["--user", "65534:65534", "--", "/bin/true"])
            .uid(65534)
            .gid(65534),
    );
    assert_eq!(result.status.code(), Some(0), "it is that user already: {err}");
    let (result, _, err) = output(exec(&["--drop-caps", "all", "--", "/bin/true"]).uid(65534).gid(65534));
    assert_eq!(result.status.code(), Some(125));
    assert!(err.contains("CAP_SETPCAP"), "{err}");
    let (result, ..) = output(
        exec(&["--drop-caps", "all", "--no-new-privs", "--", "/bin/true"])
            .uid(65534)
            .gid(65534),
    );
    assert_eq!(result.status.code(), Some(0));
    let (result, _, err) = output(exec(&["--keep-caps", "kill", "--", "/bin/true"]).uid(65534).gid(65534));
    assert_eq!(result.status.code(), Some(125));
    assert!(err.contains("--cap-add"), "{err}");
}
