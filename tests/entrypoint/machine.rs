//! As the first process of a whole machine, with every capability and cgroups of its own.

use std::process::{Command, Output};

use crate::support::{needs, tool};

/// Boots the machine: a preparation, then runup with words.
fn machine(setup: &str, words: &[&str]) -> Option<Output> {
    let (binary, machine) = (tool("RUNUP_STATIC"), tool("RUNUP_LAPTOP_VM"));
    needs(
        "the machine needs RUNUP_STATIC and RUNUP_LAPTOP_VM",
        binary.is_some() && machine.is_some(),
    );
    let mut command = Command::new(machine?);
    command.args(["--setup", setup]).arg(binary?).args(words);
    Some(command.output().expect("the machine boots"))
}

/// Boots the machine with runup as its PID 1, after a preparation by the shell that it replaces. What the program leaves in
/// the console between the machine's marks is returned; the program powers off.
fn boot(prepare: &str, words: &str, program: &str) -> Option<String> {
    let setup = format!(
        "cat > /program <<'END'\n{program}\necho \"=== status 0\"\nexec poweroff -f\nEND\n{prepare}\necho '=== begin'\nexec /bin/subject exec {words} -- sh /program"
    );
    let output = machine(&setup, &[])?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{out}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(out)
}

const PROFILE: &str = "cat > /p.toml <<'END'\n\
    [[rule]]\nid = \"files\"\nseverity = \"error\"\nrlimit = { resource = \"nofile\", soft = { min = 500000 } }\n\
    [[rule]]\nid = \"backlog\"\nseverity = \"error\"\nsysctl = { key = \"net.core.somaxconn\", min = 20000 }\n\
    [[rule]]\nid = \"pids\"\nseverity = \"error\"\ncgroup = { pids_max = { min = 30 } }\n\
    [[rule]]\nid = \"memory\"\nseverity = \"error\"\nmemory = { total = { max = \"256M\" } }\nEND\n\
    mkdir /sys/fs/cgroup/c; echo '+memory +pids' > /sys/fs/cgroup/cgroup.subtree_control; \
    echo 268435456 > /sys/fs/cgroup/c/memory.max; echo 40 > /sys/fs/cgroup/c/pids.max; echo $$ > /sys/fs/cgroup/c/cgroup.procs";

const LOOK: &str = "echo pid $$ parent $PPID; echo files $(ulimit -n) $(ulimit -H -n); echo backlog $(cat /proc/sys/net/core/somaxconn); \
    echo caps $(grep CapEff /proc/self/status); echo first $(cat /proc/1/comm)";

#[test]
#[ignore = "needs the emulated machine and a static build"]
fn as_the_first_process_it_becomes_the_program() {
    // A hard limit of 4096 is the kernel's own; root raises it. The key is the whole machine's, so it takes consent.
    let Some(out) = boot(PROFILE, "--allow risky /p.toml", LOOK) else {
        return;
    };
    for wanted in ["pid 1 parent 0", "files 500000 500000", "backlog 20000", "first sh"] {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
}

#[test]
#[ignore = "needs the emulated machine and a static build"]
fn as_the_first_process_it_supervises_and_the_cgroup_binds_the_program() {
    // Fifty orphans while no more than forty processes may be: they go one after the other, and all are reaped.
    let program = format!(
        "{LOOK}\ni=0; while [ $i -lt 50 ]; do (sleep 0.01 &) ; i=$((i + 1)); [ $((i % 10)) = 0 ] && sleep 0.3; done; sleep 1\n\
         echo zombies $(grep -l 'State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l); echo supervisor $(tr '\\0' ' ' < /proc/1/cmdline)\n\
         (i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i + 1)); done) 2>/dev/null; read bound < /sys/fs/cgroup/c/pids.current; echo bound $bound"
    );
    let Some(out) = boot(PROFILE, "--init --allow risky /p.toml", &program) else {
        return;
    };
    for wanted in [
        "parent 1",
        "files 500000 500000",
        "backlog 20000",
        "zombies 0",
        "supervisor /bin/subject exec",
    ] {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
    let bound: u32 = out
        .lines()
        .find_map(|line| line.strip_prefix("bound "))
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(0);
    assert!((30..=40).contains(&bound), "{out}");
}

#[test]
#[ignore = "needs the emulated machine and a static build"]
fn where_the_cgroup_is_too_small_it_is_refused() {
    let setup = format!("{PROFILE}; echo 20 > /sys/fs/cgroup/c/pids.max");
    let Some(output) = machine(
        &setup,
        &["exec", "--allow", "risky", "/p.toml", "--", "/bin/echo", "started"],
    ) else {
        return;
    };
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(78), "{out}");
    assert!(
        out.contains("room for 20 processes and threads, should be room for at least 30 processes and threads")
            && out.contains("/sys/fs/cgroup/c/pids.max"),
        "{out}"
    );
    assert!(!out.contains("started\n"), "{out}");
}
