//! A step whose success is not known is a refusal: what stands before the kernel may refuse to answer, or answer in its place.

use crate::seccomp::{Answer, answer, filter};
use crate::support::{exec_probe, field, needs_root, output};

fn prctl(option: i32, errno: i32) -> Answer {
    answer(libc::SYS_prctl, errno).with_argument(0, option.cast_unsigned())
}

#[test]
#[ignore = "needs root"]
fn what_is_not_known_to_be_done_is_a_refusal() {
    needs_root();
    const DONE: i32 = 0;
    let drop_all: &[&str] = &["--drop-caps", "all"];
    let cases: &[(&[&str], Answer, &str)] = &[
        (
            drop_all,
            prctl(libc::PR_CAPBSET_READ, libc::EPERM),
            "CAP_CHOWN is in the bounding set",
        ),
        // The kernel's answer to a number above its last one, given to all of them.
        (
            drop_all,
            prctl(libc::PR_CAPBSET_READ, libc::EINVAL),
            "CAP_CHOWN is in the bounding set",
        ),
        (drop_all, prctl(libc::PR_CAPBSET_READ, libc::ENOSYS), "PR_CAPBSET_READ"),
        (
            drop_all,
            prctl(libc::PR_CAPBSET_DROP, libc::EPERM),
            "cannot drop CAP_CHOWN",
        ),
        (
            drop_all,
            prctl(libc::PR_CAPBSET_DROP, DONE),
            "CAP_CHOWN is still in the bounding set",
        ),
        (
            &["--drop-caps", "kill"],
            prctl(libc::PR_CAPBSET_READ, libc::EPERM),
            "CAP_KILL",
        ),
        (
            drop_all,
            answer(libc::SYS_capset, DONE),
            "did not take away every capability",
        ),
        (
            drop_all,
            answer(libc::SYS_capget, libc::EPERM),
            "cannot read the capabilities",
        ),
        (
            &["--user", "65534", "--keep-caps", "kill"],
            prctl(libc::PR_CAP_AMBIENT, DONE),
            "did not keep CAP_KILL",
        ),
        (
            &["--no-new-privs"],
            prctl(libc::PR_SET_NO_NEW_PRIVS, DONE),
            "no_new_privs is not set",
        ),
        (
            &["--user", "65534"],
            answer(libc::SYS_setgroups, DONE),
            "exactly these groups",
        ),
        (
            &["--user", "65534"],
            answer(libc::SYS_getgroups, libc::EPERM),
            "cannot read the groups",
        ),
        (
            &["--user", "65534:1"],
            answer(libc::SYS_setresgid, DONE),
            "every user and group id",
        ),
        (
            &["--user", "65534"],
            answer(libc::SYS_setresuid, DONE),
            "every user and group id",
        ),
        // Whether root is one call away is not known.
        (
            &["--user", "65534"],
            answer(libc::SYS_setresuid, libc::EAGAIN).with_argument(0, 0),
            "one call away",
        ),
    ];
    for (words, wrong, expected) in cases {
        let mut command = exec_probe(words, "state");
        filter(&mut command, &[*wrong]);
        let (result, out, err) = output(&mut command);
        assert_eq!(result.status.code(), Some(125), "{words:?} {expected}: {out}{err}");
        assert!(err.contains(expected), "{words:?}: {err}");
        assert_eq!(out, "", "the program was started");
    }
}

#[test]
#[ignore = "needs root"]
fn a_filter_that_is_not_in_the_way_changes_nothing() {
    needs_root();
    let mut command = exec_probe(&["--drop-caps", "all", "--user", "65534", "--no-new-privs"], "state");
    // A kernel that is older than the newest capabilities, of which it knows nothing.
    let unknown = |number: u32| prctl(libc::PR_CAPBSET_READ, libc::EINVAL).with_argument(1, number);
    filter(&mut command, &[unknown(62), unknown(63)]);
    let (result, out, err) = output(&mut command);
    assert_eq!(result.status.code(), Some(0), "{err}");
    for set in ["CapBnd", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(field(&out, set).trim_matches('0'), "", "{set}");
    }
}
