//! Units, managers, container engines and clocks: outcomes on hosts in memory, and agreement with systemd's own programs.

mod support;

use std::path::Path;
use std::process::Command;

use runup::diagnostic::Diagnostics;
use runup::engine::{Check, Options};
use runup::finding::{Finding, Outcome};
use runup::host::Host;
use runup::profile::{self, Library};
use runup::rule::Dialect;
use runup::source::Sources;
use runup::system::live::LiveSystem;
use runup::system::memory::{Fault, MemorySystem};
use runup::system::recording::{Recorder, Recording, Replay};
use runup::system::rooted::RootedSystem;
use runup::system::{ClockCost, ClockState, Failure, Os, Resource, System};
use runup::systemd::config::Config;
use runup::systemd::unit::{Manager, Unit};
use support::{can, directory, is_root};

/// The finding of a single rule about a subject, as TOML.
fn find(system: &dyn System, subject: &str) -> Finding {
    let place = directory(&[("p.toml", &format!("[[rule]]\nid = \"r\"\n{subject}\n"))]);
    let path = place.path().join("p.toml");
    let (mut sources, mut sink) = (Sources::new(), Diagnostics::new());
    let library = Library::for_user(false, None);
    let profile = profile::load(
        &library,
        path.to_str().expect("UTF-8"),
        system.platform().os,
        &mut sources,
        &mut sink,
    );
    assert!(sink.is_empty(), "{subject}: {:?}", sink.into_sorted());
    let profiles = [profile.expect("a profile")];
    let host = Host::new(system);
    let check = Check::prepare(&profiles, Options::default(), &host).expect("no mistake");
    let mut findings = check.run().findings;
    assert_eq!(findings.len(), 1, "{subject}");
    findings.remove(0)
}

fn outcome(system: &dyn System, subject: &str) -> Outcome {
    find(system, subject).outcome
}

/// The remedy of a finding that failed.
fn remedy(finding: &Finding, dialect: Dialect) -> String {
    let fix = finding.fix.as_ref().expect("a fix");
    let found = fix.remedies.iter().find(|(known, _)| *known == dialect);
    found.map(|(_, text)| text.clone()).unwrap_or_default()
}

fn has(finding: &Finding, words: &str) {
    assert!(
        finding.evidence.iter().any(|line| line.contains(words)),
        "{words:?} is not in {:#?}",
        finding.evidence
    );
}

fn limits_table(nofile: &str) -> String {
    format!(
        "Limit                     Soft Limit           Hard Limit           Units\nMax processes             7823                 7823                 processes\nMax open files            {nofile}                files\nMax locked memory         8388608              8388608              bytes\n"
    )
}

fn stat(name: &str, parent: u32, start: u64) -> String {
    format!("1 ({name}) S {parent} 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 {start} 1 1\n")
}

const V2: &str = "30 20 0:1 / / rw - ext4 /dev/sda1 rw\n31 20 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
const HYBRID: &str = "30 20 0:1 / / rw - ext4 /dev/sda1 rw\n31 20 0:2 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n32 20 0:2 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n33 20 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

/// A host with systemd 252 and a web server of two processes that it started.
fn host() -> MemorySystem {
    MemorySystem::linux("6.1.0")
        .file("/run/systemd/system/.keep", "")
        .file("/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so", "")
        .file("/proc/1/limits", &limits_table("1073741816 1073741816"))
        .sysctl("fs.nr_open", "1048576")
        .sysctl("kernel.pid_max", "4194304")
        .sysctl("kernel.threads-max", "15646")
        .file("/proc/self/mountinfo", V2)
        .file("/proc/self/cgroup", "0::/user.slice/user-0.slice/session-1.scope\n")
        .file("/sys/fs/cgroup/system.slice/nginx.service/cgroup.procs", "100\n101\n")
        .file("/sys/fs/cgroup/system.slice/nginx.service/pids.max", "2346\n")
        .file("/sys/fs/cgroup/system.slice/nginx.service/memory.max", "max\n")
        .file("/sys/fs/cgroup/system.slice/nginx.service/cpu.max", "150000 100000\n")
        .file("/proc/100/stat", &stat("nginx", 1, 500))
        .file("/proc/101/stat", &stat("nginx", 100, 510))
        .file("/proc/100/oom_score_adj", "-500\n")
        .file("/proc/100/limits", &limits_table("1024                 524288"))
        .file("/proc/101/limits", &limits_table("7                    7"))
        .file("/proc/100/cgroup", "0::/system.slice/nginx.service\n")
        .file(
            "/usr/lib/systemd/system/nginx.service",
            "[Service]\nExecStart=/usr/sbin/nginx -g 'daemon on;'\n",
        )
        .link(
            "/etc/systemd/system/multi-user.target.wants/nginx.service",
            "/usr/lib/systemd/system/nginx.service",
        )
}

const NOFILE: &str = "rlimit = { resource = \"nofile\", unit = \"nginx.service\", soft = { min = 65536 } }";

#[test]
fn a_limit_of_a_unit_names_the_line_that_sets_it() {
    // Nothing is said: what was compiled in.
    let finding = find(&host(), NOFILE);
    assert_eq!(
        (finding.outcome, finding.subject.as_str()),
        (Outcome::Fail, "nofile of nginx.service")
    );
    has(&finding, "process 100 is its main process");
    has(&finding, "no file sets DefaultLimitNOFILE: compiled into systemd 252");
    assert_eq!(
        remedy(&finding, Dialect::Host),
        "sudo systemctl edit nginx.service\n    [Service]\n    LimitNOFILE=65536:524288\nsudo systemctl restart nginx.service"
    );
    assert_eq!(
        remedy(&finding, Dialect::Systemd),
        "[Service]\nLimitNOFILE=65536:524288"
    );

    let manager = host().file(
        "/etc/systemd/system.conf.d/10-files.conf",
        "[Manager]\n\nDefaultLimitNOFILE=1024:524288\n",
    );
    has(
        &find(&manager, NOFILE),
        "DefaultLimitNOFILE=1024:524288 in /etc/systemd/system.conf.d/10-files.conf:3",
    );

    let unit = host().file(
        "/usr/lib/systemd/system/nginx.service",
        "[Service]\nExecStart=/usr/sbin/nginx\nLimitNOFILE=1024:524288\n",
    );
    has(
        &find(&unit, NOFILE),
        "LimitNOFILE=1024:524288 in /usr/lib/systemd/system/nginx.service:3",
    );

    let drop_in = unit.file(
        "/etc/systemd/system/nginx.service.d/override.conf",
        "[Service]\nLimitNOFILE=infinity\nLimitNOFILE=\\\n 512:524288\n",
    );
    let finding = find(&drop_in, NOFILE);
    has(
        &finding,
        "LimitNOFILE=512:524288 in /etc/systemd/system/nginx.service.d/override.conf:3",
    );
    has(&finding, "the program changed its soft limit from 512 itself");

    let later = host().file(
        "/etc/systemd/system/nginx.service.d/override.conf",
        "[Service]\nLimitNOFILE=65536\n",
    );
    has(
        &find(&later, NOFILE),
        "LimitNOFILE=65536 in /etc/systemd/system/nginx.service.d/override.conf:2; the process has 1024:524288",
    );
}

#[test]
fn what_cannot_be_known_of_a_unit_is_said() {
    // It does not run: what it would get.
    let files = |system: MemorySystem| {
        system
            .file(
                "/usr/lib/systemd/system/db.service",
                "[Service]\nExecStart=/bin/db\nLimitNOFILE=100000\n",
            )
            .file("/etc/systemd/system/system.d/x", "")
    };
    let rule = NOFILE.replace("nginx", "db");
    let finding = find(&files(host()), &rule);
    assert_eq!(finding.outcome, Outcome::Pass);
    has(&finding, "db.service does not run; this is what it would get");
    // No such unit, no systemd, another system: n/a. A file that cannot be read: unknown.
    assert_eq!(outcome(&host(), &rule), Outcome::NotApplicable);
    assert_eq!(outcome(&MemorySystem::linux("6.1.0"), NOFILE), Outcome::NotApplicable);
    assert_eq!(
        outcome(&MemorySystem::on(Os::Macos, "24.1.0"), NOFILE),
        Outcome::NotApplicable
    );
    let hidden = host().fault("/proc/100/limits", Fault::Errno(libc::EACCES));
    assert_eq!(outcome(&hidden, NOFILE), Outcome::Unknown);
    let gone = host().fault("/proc/100/limits", Fault::Errno(libc::ENOENT));
    assert_eq!(outcome(&gone, NOFILE), Outcome::Unknown);
    let unread = files(host()).fault("/usr/lib/systemd/system/db.service", Fault::Errno(libc::EIO));
    assert_eq!(outcome(&unread, &rule), Outcome::Unknown);
    let hidden = host().fault("/sys/fs/cgroup", Fault::Errno(libc::EACCES));
    assert_eq!(outcome(&hidden, NOFILE), Outcome::Unknown);
}

#[test]
fn the_main_process_is_the_one_that_the_manager_started() {
    // The older of two that the manager is the parent of runs another program: an old shim that outlived its daemon.
    let base = |mounts: &str, root: &str| {
        MemorySystem::linux("5.4")
            .file("/run/systemd/system/.keep", "")
            .file("/proc/self/mountinfo", mounts)
            .file(
                &format!("{root}/system.slice/containerd.service/cgroup.procs"),
                "300\n200\n",
            )
            .file(
                &format!("{root}/system.slice/containerd.service/sub/cgroup.procs"),
                "201\n",
            )
            .file("/proc/200/stat", &stat("containerd-shim", 1, 50))
            .file("/proc/201/stat", &stat("sh", 200, 60))
            .file("/proc/300/stat", &stat("containerd", 1, 500))
            .file("/proc/200/limits", &limits_table("2 2"))
            .file("/proc/201/limits", &limits_table("3 3"))
            .file("/proc/300/limits", &limits_table("4 4"))
            .file(
                "/lib/systemd/system/containerd.service",
                "[Service]\nExecStart=-/usr/bin/containerd\nPIDFile=containerd.pid\n",
            )
    };
    let rule = |value: u32| format!("rlimit = {{ resource = \"nofile\", unit = \"containerd\", hard = {value} }}");
    let system = base(V2, "/sys/fs/cgroup");
    assert_eq!(outcome(&system, &rule(4)), Outcome::Pass);
    let system = base(HYBRID, "/sys/fs/cgroup/systemd");
    assert_eq!(outcome(&system, &rule(4)), Outcome::Pass);
    // The file that the unit names decides, if its process is one of the unit's.
    assert_eq!(
        outcome(
            &base(V2, "/sys/fs/cgroup").file("/run/containerd.pid", "201\n"),
            &rule(3)
        ),
        Outcome::Pass
    );
    assert_eq!(
        outcome(
            &base(V2, "/sys/fs/cgroup").file("/run/containerd.pid", "999\n"),
            &rule(4)
        ),
        Outcome::Pass
    );
}

#[test]
fn instances_nested_slices_and_users_units_are_found() {
    let user = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/sync.service/cgroup.procs";
    let system = host()
        .file(
            "/sys/fs/cgroup/system.slice/system-pg.slice/pg@15.service/cgroup.procs",
            "400\n",
        )
        .file("/proc/400/stat", &stat("postgres", 1, 1))
        .file("/proc/400/limits", &limits_table("50000 50000"))
        .file(
            "/etc/systemd/system/pg@.service.d/files.conf",
            "[Service]\nLimitNOFILE=50000\n",
        )
        .file(
            "/usr/lib/systemd/system/pg@.service",
            "[Service]\nExecStart=/bin/postgres\n",
        )
        .file(user, "500\n")
        .file("/proc/500/stat", &stat("sync", 499, 1))
        .file("/proc/500/limits", &limits_table("60000 60000"))
        .file("/etc/passwd", "ann:x:1000:1000:Ann:/home/ann:/bin/sh\n")
        .file(
            "/home/ann/.config/systemd/user/sync.service",
            "[Service]\nExecStart=/bin/sync\nLimitNOFILE=60000\n",
        );
    let rule =
        |unit: &str| format!("rlimit = {{ resource = \"nofile\", unit = \"{unit}\", hard = {{ min = 50000 }} }}");
    let finding = find(&system, &rule("pg@15.service"));
    assert_eq!(finding.outcome, Outcome::Pass);
    has(&finding, "/etc/systemd/system/pg@.service.d/files.conf:2");
    let finding = find(&system, &rule("sync.service"));
    assert_eq!(finding.outcome, Outcome::Pass);
    has(&finding, "/home/ann/.config/systemd/user/sync.service:3");
    // Two users have one: nobody can tell which is meant, but for one of them.
    let system = system.file(&user.replace("1000", "1001"), "501\n");
    assert_eq!(outcome(&system, &rule("sync.service")), Outcome::Unknown);
    assert_eq!(outcome(&system.user(1000, 0), &rule("sync.service")), Outcome::Pass);
}

#[test]
fn whether_a_unit_runs_and_is_enabled() {
    let service = |unit: &str, rest: &str| format!("service = {{ unit = \"{unit}\", {rest} }}");
    let finding = find(&host(), &service("nginx.service", "active = false"));
    assert_eq!(finding.outcome, Outcome::Fail);
    has(&finding, "2 processes in /sys/fs/cgroup/system.slice/nginx.service");
    assert_eq!(
        remedy(&finding, Dialect::Host),
        "sudo systemctl disable --now nginx.service"
    );
    let finding = find(&host(), &service("nginx", "enabled = true"));
    assert_eq!(finding.outcome, Outcome::Pass);
    has(
        &finding,
        "started by way of /etc/systemd/system/multi-user.target.wants/nginx.service",
    );
    // A unit that is not there neither runs nor is enabled.
    for (rest, expected) in [
        ("active = false", Outcome::Pass),
        ("active = true", Outcome::Fail),
        ("enabled = false", Outcome::Pass),
        ("exists = true", Outcome::Fail),
        ("tasks_max = { min = 1 }", Outcome::NotApplicable),
    ] {
        assert_eq!(
            outcome(&host(), &service("irqbalance.service", rest)),
            expected,
            "{rest}"
        );
    }
    let masked = host().link("/etc/systemd/system/irqbalance.service", "/dev/null");
    assert_eq!(
        outcome(&masked, &service("irqbalance.service", "exists = false")),
        Outcome::Pass
    );
    // What has no processes may be active all the same.
    let oneshot = host().file(
        "/usr/lib/systemd/system/nft.service",
        "[Service]\nType=oneshot\nRemainAfterExit=yes\n",
    );
    assert_eq!(
        outcome(&oneshot, &service("nft.service", "active = true")),
        Outcome::Unknown
    );
    let timer = host().file("/usr/lib/systemd/system/fstrim.timer", "[Timer]\nOnCalendar=weekly\n");
    assert_eq!(
        outcome(&timer, &service("fstrim.timer", "active = false")),
        Outcome::Unknown
    );
    assert_eq!(
        outcome(&timer, &service("fstrim.timer", "enabled = false")),
        Outcome::Pass
    );
    assert_eq!(
        outcome(&MemorySystem::linux("6.1"), &service("nginx", "active = false")),
        Outcome::NotApplicable
    );
}

#[test]
fn what_a_unit_may_use() {
    let service = |rest: &str| format!("service = {{ unit = \"nginx.service\", {rest} }}");
    for (rest, expected) in [
        ("tasks_max = 2346", Outcome::Pass),
        ("memory_max = { min = \"64G\" }", Outcome::Pass),
        ("cpu_quota = \"150%\"", Outcome::Pass),
        ("oom_score_adjust = { max = -500 }", Outcome::Pass),
        ("oom_score_adjust = { max = -501 }", Outcome::Fail),
    ] {
        assert_eq!(outcome(&host(), &service(rest)), expected, "{rest}");
    }
    let finding = find(&host(), &service("tasks_max = { min = 4096 }"));
    assert_eq!(remedy(&finding, Dialect::Systemd), "[Service]\nTasksMax=4096");
    let bare = host().fault(
        "/sys/fs/cgroup/system.slice/nginx.service/pids.max",
        Fault::Errno(libc::ENOENT),
    );
    assert_eq!(
        outcome(&bare, &service("tasks_max = { min = 1 }")),
        Outcome::NotApplicable
    );
    let hidden = host().fault(
        "/sys/fs/cgroup/system.slice/nginx.service/pids.max",
        Fault::Errno(libc::EACCES),
    );
    assert_eq!(outcome(&hidden, &service("tasks_max = { min = 1 }")), Outcome::Unknown);
}

#[test]
fn a_recording_of_a_unit_gives_the_same_and_holds_no_secret() {
    let system = host().file(
        "/etc/systemd/system/nginx.service.d/env.conf",
        "[Service]\nEnvironment=TOKEN=hunter2\nLimitNOFILE=1024:524288\n",
    );
    let recorder = Recorder::new(&system);
    let live = find(&recorder, NOFILE);
    has(&live, "/etc/systemd/system/nginx.service.d/env.conf:3");
    let json = recorder.finish().to_json().expect("JSON");
    assert!(!json.contains("hunter2") && !json.contains("daemon on"), "{json}");
    let again = find(
        &Replay::new(Recording::parse(json.as_bytes()).expect("a recording")),
        NOFILE,
    );
    assert_eq!((live.outcome, live.evidence), (again.outcome, again.evidence));
}

#[test]
fn the_managers_defaults() {
    let rule = |rest: &str| format!("systemd = {{ {rest} }}");
    // Nothing is said: what was compiled in, and what the first process hands on.
    for (rest, words) in [
        ("nofile_soft = 1024", "compiled into systemd 252"),
        ("nofile_hard = 524288", "compiled into systemd 252"),
        ("memlock_hard = \"8M\"", "compiled into systemd since version 250"),
        (
            "nproc_hard = 7823",
            "no file sets DefaultLimitNPROC: inherited from the first process",
        ),
        ("tasks_max = 2346", "compiled into systemd: 15%"),
    ] {
        let finding = find(&host(), &rule(rest));
        assert_eq!(finding.outcome, Outcome::Pass, "{rest}: {finding:#?}");
        has(&finding, words);
    }
    let old = |version: u32, kernel: &str| {
        MemorySystem::linux(kernel)
            .file("/run/systemd/system/.keep", "")
            .file(&format!("/lib/systemd/libsystemd-shared-{version}.so"), "")
            .sysctl("kernel.pid_max", "32768")
            .sysctl("kernel.threads-max", "100000")
    };
    assert_eq!(outcome(&old(219, "3.10"), &rule("nofile_hard = 4096")), Outcome::Pass);
    assert_eq!(
        outcome(&old(219, "3.10"), &rule("tasks_max = { min = 999999999 }")),
        Outcome::Pass
    );
    assert_eq!(outcome(&old(229, "4.4"), &rule("tasks_max = 512")), Outcome::Pass);
    assert_eq!(
        outcome(&old(245, "5.4"), &rule("memlock_soft = \"64K\"")),
        Outcome::Pass
    );
    let red_hat = old(252, "5.14").file("/etc/os-release", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n");
    assert_eq!(outcome(&red_hat, &rule("tasks_max = 26214")), Outcome::Pass);
    assert_eq!(
        outcome(
            &old(252, "5.14").sysctl("fs.nr_open", "65536"),
            &rule("nofile_hard = 65536")
        ),
        Outcome::Pass
    );

    let told = host()
        .file(
            "/usr/lib/systemd/system.conf",
            "[Manager]\nDefaultLimitNOFILE=8192\nDefaultTasksMax=50%\n",
        )
        .file(
            "/etc/systemd/system.conf.d/90-site.conf",
            "[Manager]\nDefaultLimitNOFILE=4096:16384\nDefaultTasksMax=wrong\n",
        );
    let finding = find(
        &told,
        &rule("nofile_soft = { min = 65536 }, nofile_hard = { min = 8192 }, tasks_max = 7823"),
    );
    assert_eq!(finding.outcome, Outcome::Fail);
    has(
        &finding,
        "DefaultLimitNOFILE=4096:16384 in /etc/systemd/system.conf.d/90-site.conf:2",
    );
    has(&finding, "DefaultTasksMax=50% in /usr/lib/systemd/system.conf:3");
    // Ours must come after the line that counts now.
    let host_remedy = remedy(&finding, Dialect::Host);
    assert!(
        host_remedy.contains("/etc/systemd/system.conf.d/90-site-runup.conf"),
        "{host_remedy}"
    );
    assert!(host_remedy.contains("DefaultLimitNOFILE=65536\\n"), "{host_remedy}");
    assert!(host_remedy.ends_with("sudo systemctl daemon-reexec"), "{host_remedy}");

    let reset = told.file("/run/systemd/system.conf.d/99.conf", "[Manager]\nDefaultLimitNOFILE=\n");
    assert_eq!(outcome(&reset, &rule("nofile_hard = 524288")), Outcome::Pass);
    let unread = reset.fault("/run/systemd/system.conf.d/99.conf", Fault::Errno(libc::EACCES));
    assert_eq!(outcome(&unread, &rule("nproc_hard = 1")), Outcome::Unknown);
    assert_eq!(
        outcome(&MemorySystem::linux("6.1"), &rule("nofile_soft = 1024")),
        Outcome::NotApplicable
    );
}

#[test]
fn whether_a_users_shared_memory_goes_at_logout() {
    let rule = "systemd = { removes_ipc = false }";
    assert_eq!(outcome(&host(), rule), Outcome::NotApplicable);
    let logind = host().file("/usr/lib/systemd/systemd-logind", "");
    let finding = find(&logind, rule);
    assert_eq!(finding.outcome, Outcome::Fail);
    has(&finding, "no file sets RemoveIPC: compiled into logind: yes");
    assert!(
        remedy(&finding, Dialect::Persist)
            .starts_with("/etc/systemd/logind.conf.d/60-runup.conf:\n[Login]\nRemoveIPC=no")
    );
    let told = logind.file("/etc/systemd/logind.conf", "[Login]\n#RemoveIPC=yes\nRemoveIPC=off\n");
    let finding = find(&told, rule);
    assert_eq!(finding.outcome, Outcome::Pass);
    has(&finding, "RemoveIPC=off in /etc/systemd/logind.conf:3");
    let red_hat = host()
        .file("/usr/lib/systemd/systemd-logind", "")
        .file("/etc/os-release", "ID=\"rhel\"\n");
    assert_eq!(outcome(&red_hat, rule), Outcome::Pass);
}

#[test]
fn what_docker_gives_to_containers() {
    let rule = |rest: &str| format!("engine = {{ name = \"docker\", {rest} }}");
    assert_eq!(outcome(&host(), &rule("exists = false")), Outcome::Pass);
    assert_eq!(outcome(&host(), &rule("nofile_hard = 1")), Outcome::NotApplicable);
    let docker = || {
        host()
            .file("/usr/bin/dockerd", "")
            .file(
                "/lib/systemd/system/docker.service",
                "[Service]\nExecStart=/usr/bin/dockerd -H fd://\nLimitNOFILE=infinity\n",
            )
            .file(
                "/lib/systemd/system/containerd.service",
                "[Service]\nExecStart=/usr/bin/containerd\nLimitNOFILE=1048576\n",
            )
    };
    // It does not run: what containerd would get. It runs: what it has.
    let finding = find(&docker(), &rule("nofile_hard = { max = 1000 }"));
    assert_eq!(finding.outcome, Outcome::Fail);
    has(
        &finding,
        "containers inherit from containerd.service, which gets LimitNOFILE=1048576 in /lib/systemd",
    );
    let text = remedy(&finding, Dialect::Host);
    assert!(
        text.contains("\"Hard\": 1000") && text.contains("\"Soft\": 1000"),
        "{text}"
    );
    let running = docker()
        .file("/sys/fs/cgroup/system.slice/containerd.service/cgroup.procs", "300\n")
        .file("/proc/300/stat", &stat("containerd", 1, 1))
        .file("/proc/300/limits", &limits_table("1024 524288"));
    let finding = find(&running, &rule("nofile_soft = 1024, nofile_hard = 524288"));
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    has(&finding, "the limits of containerd.service, process 300");
    // daemon.json counts more, and so do the daemon's options.
    let json = r#"{"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 64000, "Soft": -1}}, "live-restore": true, "exec-opts": ["native.cgroupdriver=systemd"]}"#;
    let told = docker().file("/etc/docker/daemon.json", json);
    for rest in [
        "nofile_hard = 64000",
        "live_restore = true",
        "userland_proxy = true",
        "cgroup_driver = \"systemd\"",
    ] {
        assert_eq!(outcome(&told, &rule(rest)), Outcome::Pass, "{rest}");
    }
    let options = docker().file(
        "/etc/systemd/system/docker.service.d/x.conf",
        "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd --default-ulimit nofile=5:6 --userland-proxy=false\n",
    );
    for rest in [
        "nofile_soft = 5, nofile_hard = 6",
        "userland_proxy = false",
        "live_restore = false",
    ] {
        assert_eq!(outcome(&options, &rule(rest)), Outcome::Pass, "{rest}");
    }
    let finding = find(&docker(), &rule("live_restore = true, userland_proxy = false"));
    let text = remedy(&finding, Dialect::Host);
    assert!(
        text.contains("\"live-restore\": true") && text.contains("\"userland-proxy\": false"),
        "{text}"
    );
    for broken in ["{", "[]", r#"{"default-ulimits": {"nofile": {"Hard": 1}}}"#] {
        let system = docker().file("/etc/docker/daemon.json", broken);
        assert_eq!(outcome(&system, &rule("nofile_hard = 1")), Outcome::Unknown, "{broken}");
    }
    let hidden = docker()
        .file("/etc/docker/daemon.json", "{}")
        .fault("/etc/docker/daemon.json", Fault::Errno(libc::EACCES));
    assert_eq!(outcome(&hidden, &rule("live_restore = false")), Outcome::Unknown);
}

#[test]
fn what_podman_gives_to_containers() {
    let rule = |rest: &str| format!("engine = {{ name = \"podman\", {rest} }}");
    let podman = || host().file("/usr/bin/podman", "");
    assert_eq!(
        outcome(
            &podman(),
            &rule("nofile_soft = 1048576, nofile_hard = 1048576, exists = true")
        ),
        Outcome::Pass
    );
    assert_eq!(outcome(&podman(), &rule("live_restore = true")), Outcome::NotApplicable);
    assert_eq!(outcome(&podman(), &rule("cgroup_driver = \"systemd\"")), Outcome::Pass);
    let told = podman()
        .file(
            "/usr/share/containers/containers.conf",
            "[engine]\ncgroup_manager = \"cgroupfs\"\n[containers]\ndefault_ulimits = [\"nofile=1:2\"]\n",
        )
        .file(
            "/etc/containers/containers.conf.d/9.conf",
            "[containers]\ndefault_ulimits = [\n  \"nproc=7:8\",\n  \"nofile=100:200\",\n]\n",
        );
    let finding = find(
        &told,
        &rule("nofile_soft = 100, nofile_hard = { min = 1024 }, cgroup_driver = \"cgroupfs\""),
    );
    assert_eq!(finding.outcome, Outcome::Fail);
    has(&finding, "default_ulimits in /etc/containers/containers.conf.d/9.conf");
    has(&finding, "cgroup_manager in /usr/share/containers/containers.conf");
    let text = remedy(&finding, Dialect::Host);
    assert!(
        text.contains("default_ulimits = [\"nproc=7:8\", \"nofile=100:1024\"]"),
        "{text}"
    );
    // An ordinary user gets no more than there is.
    let rootless = podman()
        .user(1000, 0)
        .file("/proc/self/limits", &limits_table("1024                 4096"))
        .file("/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n");
    assert_eq!(
        outcome(&rootless, &rule("nofile_soft = 1024, nofile_hard = 4096")),
        Outcome::Pass
    );
    let own = rootless.file(
        "/home/ann/.config/containers/containers.conf",
        "[containers]\ndefault_ulimits = [\"nofile=9:9\"]\n",
    );
    assert_eq!(outcome(&own, &rule("nofile_soft = 9")), Outcome::Pass);
    let broken = podman().file("/etc/containers/containers.conf", "[containers\n");
    assert_eq!(outcome(&broken, &rule("nofile_soft = 9")), Outcome::Unknown);
}

#[test]
fn podman_takes_the_driver_that_we_say() {
    let output = Command::new("podman")
        .args(["info", "--format", "{{.Host.CgroupManager}}"])
        .output();
    let theirs = output.ok().filter(|output| output.status.success());
    if !can(
        "podman is not installed, or does not run",
        is_root() && theirs.is_some(),
    ) {
        return;
    }
    let theirs = String::from_utf8_lossy(&theirs.expect("an answer").stdout)
        .trim()
        .to_owned();
    let rule = format!("engine = {{ name = \"podman\", cgroup_driver = \"{theirs}\" }}");
    let finding = find(&LiveSystem::new(), &rule);
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
}

#[test]
fn the_clock() {
    let rule = |rest: &str| format!("clock = {{ {rest} }}");
    let state = |maximum_error| {
        Ok(ClockState {
            maximum_error,
            estimated_error: 1,
        })
    };
    let cost = |user, system| {
        Ok(ClockCost {
            readings: 1_000_000,
            user,
            system,
        })
    };
    let sources = "/sys/devices/system/clocksource/clocksource0";
    let machine = |name: &str| {
        MemorySystem::linux("6.1")
            .file(&format!("{sources}/current_clocksource"), &format!("{name}\n"))
            .file(&format!("{sources}/available_clocksource"), "tsc hpet acpi_pm \n")
            .file("/run/systemd/system/.keep", "")
    };
    let right = machine("tsc").clock(state(40_000)).clock_cost(cost(25_000, 0));
    for rest in [
        "synchronised = true",
        "source = \"tsc\"",
        "available = { contains = \"hpet\" }",
        "slow = false",
        "cost = { max = \"25ns\" }",
    ] {
        assert_eq!(outcome(&right, &rule(rest)), Outcome::Pass, "{rest}");
    }
    let wrong = machine("hpet")
        .clock(state(16_000_000))
        .clock_cost(cost(100_000, 400_000));
    let finding = find(&wrong, &rule("synchronised = true"));
    assert_eq!(finding.outcome, Outcome::Fail);
    assert_eq!(remedy(&finding, Dialect::Host), "sudo timedatectl set-ntp true");
    let finding = find(&wrong, &rule("slow = false"));
    assert_eq!(finding.outcome, Outcome::Fail);
    has(&finding, "a reading takes 500 ns, 80 % of it in the kernel");
    has(&finding, "the clock source is hpet");
    assert_eq!(remedy(&finding, Dialect::Boot), "clocksource=tsc");
    // A tenth is not slow, more is.
    assert_eq!(
        outcome(&machine("tsc").clock_cost(cost(90_000, 10_000)), &rule("slow = false")),
        Outcome::Pass
    );
    assert_eq!(
        outcome(&machine("tsc").clock_cost(cost(90_000, 10_200)), &rule("slow = false")),
        Outcome::Fail
    );
    // Not there, and not told.
    assert_eq!(outcome(&machine("tsc"), &rule("slow = false")), Outcome::NotApplicable);
    assert_eq!(
        outcome(&MemorySystem::on(Os::Macos, "24.1.0"), &rule("synchronised = true")),
        Outcome::NotApplicable
    );
    let denied = machine("tsc").clock(Err(Failure::Denied(libc::EPERM)));
    assert_eq!(outcome(&denied, &rule("synchronised = true")), Outcome::Unknown);
    // A recording plays back what was measured.
    let recorder = Recorder::new(&wrong);
    let subject = rule("slow = false, synchronised = true");
    let live = find(&recorder, &subject);
    let json = recorder.finish().to_json().expect("JSON");
    let again = find(
        &Replay::new(Recording::parse(json.as_bytes()).expect("a recording")),
        &subject,
    );
    assert_eq!((live.outcome, live.evidence), (again.outcome, again.evidence));
    let empty = Recorder::new(&wrong).finish().to_json().expect("JSON");
    let unasked = Replay::new(Recording::parse(empty.as_bytes()).expect("a recording"));
    assert_eq!(outcome(&unasked, &subject), Outcome::Unknown);
}

#[cfg(target_os = "linux")]
#[test]
fn this_machines_clock_is_measured() {
    let system = LiveSystem::new();
    let state = system.clock().expect("adjtimex");
    assert!(state.maximum_error >= 0);
    let cost = system.clock_cost().expect("a measurement");
    // Faster than light crosses a room, slower than a disk.
    let nanoseconds = (cost.user + cost.system) * 1000 / cost.readings;
    assert!((1..100_000).contains(&nanoseconds), "{cost:?}");
}

#[test]
fn whether_systemd_is_the_first_process_is_a_fact() {
    let rule = "when = \"systemd\"\nclock = { source = \"tsc\" }";
    let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    assert_eq!(outcome(&host().file(source, "tsc\n"), rule), Outcome::Pass);
    assert_eq!(
        outcome(&MemorySystem::linux("6.1").file(source, "tsc\n"), rule),
        Outcome::NotApplicable
    );
}

/// What systemd-analyze makes of a unit in a tree: its drop-ins in their order, and a limit's two sides.
fn systemds_view(root: &Path, unit: &str, resource: Resource) -> (Vec<String>, Option<(String, String)>) {
    let output = Command::new("systemd-analyze")
        .env("SYSTEMD_LOG_LEVEL", "debug")
        .arg(format!("--root={}", root.display()))
        .args(["verify", unit])
        .output()
        .expect("systemd-analyze");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Other units are described too.
    let own = text
        .split("-> Unit ")
        .find(|part| part.starts_with(unit))
        .unwrap_or_default();
    let after = |line: &str, start: &str| line.trim().strip_prefix(start).map(|rest| rest.trim().to_owned());
    let all = |start: &str| own.lines().filter_map(|line| after(line, start)).collect::<Vec<_>>();
    let below = |path: &String| {
        path.strip_prefix(root.to_str().expect("UTF-8"))
            .unwrap_or(path)
            .to_owned()
    };
    let name = resource.systemd_name();
    let hard = all(&format!("{name}:")).pop();
    let soft = all(&format!("{name}Soft:")).pop();
    (all("DropIn Path:").iter().map(below).collect(), soft.zip(hard))
}

#[test]
fn units_and_drop_ins_are_read_as_systemd_reads_them() {
    let installed = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !can("systemd-analyze is not installed", installed) {
        return;
    }
    let unit = "[Service]\nExecStart=/bin/true\n";
    let set = |value: &str| format!("[Service]\nLimitNOFILE={value}\n");
    let mut files: Vec<(String, String)> = vec![
        ("bin/true".to_owned(), "#!/bin/sh\n".to_owned()),
        ("usr/lib/systemd/system/a-b-c@.service".to_owned(), unit.to_owned()),
        (
            "usr/lib/systemd/system/own.service".to_owned(),
            format!("{unit}LimitNOFILE=9\n"),
        ),
    ];
    // A tree in which each directory that could count has a file of its own, and one that all of them have.
    for (at, name) in [
        "a-b-c@x", "a-b-c@", "a-b-", "a-", "a-b-@", "a-b-@x", "a-b-c", "a-b-c-", "own", "other", "b-",
    ]
    .iter()
    .enumerate()
    {
        for (place, path) in ["etc", "run", "usr/lib"].iter().enumerate() {
            let below = format!("{path}/systemd/system/{name}.service.d");
            files.push((
                format!("{below}/{at}-{place}.conf"),
                set(&format!("{}:{}", at + 1, (at + 1) * 100)),
            ));
            files.push((format!("{below}/same.conf"), set(&(at * 10 + place + 1).to_string())));
        }
    }
    files.push((
        "usr/lib/systemd/system/service.d/zz.conf".to_owned(),
        "[Service]\nLimitMEMLOCK=1M\n".to_owned(),
    ));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let tree = directory(&files);
    std::os::unix::fs::symlink("own.service", tree.path().join("usr/lib/systemd/system/other.service"))
        .expect("an alias");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(tree.path().join("bin/true"), executable).expect("a program");
    let system = RootedSystem::new(tree.path()).expect("a tree");
    for name in ["a-b-c@x.service", "own.service"] {
        let ours = Unit::read(&system, &Manager::System, name);
        let mut paths = ours.config.paths().map(str::to_owned);
        assert_eq!(paths.next(), ours.file);
        let (theirs, limit) = systemds_view(tree.path(), name, Resource::Nofile);
        assert!(theirs.len() > 6, "{name}: {theirs:?}");
        assert_eq!(paths.collect::<Vec<_>>(), theirs, "{name}");
        let (limits, _) = ours.limits(Resource::Nofile).expect("a limit");
        assert_eq!(
            Some((limits.soft.to_string(), limits.hard.to_string())),
            limit,
            "{name}"
        );
    }
    assert_eq!(
        Unit::read(&system, &Manager::System, "other.service").name,
        "own.service"
    );
}

#[test]
fn units_are_enabled_where_systemctl_says_so() {
    let installed = Command::new("systemctl").arg("--version").output().is_ok();
    if !can("systemctl is not installed", installed) {
        return;
    }
    let units = [
        ("wanted", "WantedBy=multi-user.target"),
        ("required", "RequiredBy=basic.target"),
        ("named", "Alias=another-name.service"),
        ("left", "WantedBy=multi-user.target"),
        ("hidden", "WantedBy=multi-user.target"),
    ];
    let files: Vec<(String, String)> = units
        .iter()
        .map(|(name, install)| {
            let text = format!("[Service]\nExecStart=/bin/true\n[Install]\n{install}\n");
            (format!("usr/lib/systemd/system/{name}.service"), text)
        })
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let tree = directory(&files);
    let systemctl = |words: &[&str]| {
        let output = Command::new("systemctl")
            .arg(format!("--root={}", tree.path().display()))
            .args(words)
            .output()
            .expect("systemctl");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    systemctl(&["enable", "wanted.service", "required.service", "named.service"]);
    systemctl(&["mask", "hidden.service"]);
    std::fs::write(tree.path().join("usr/lib/systemd/systemd"), "").expect("a file");
    let system = RootedSystem::new(tree.path()).expect("a tree");
    for (name, _) in units {
        let theirs = systemctl(&["is-enabled", &format!("{name}.service")]) == "enabled";
        let ours = find(
            &system,
            &format!("service = {{ unit = \"{name}\", enabled = {theirs} }}"),
        );
        assert_eq!(ours.outcome, Outcome::Pass, "{name}: {ours:#?}");
        let there = find(
            &system,
            &format!("service = {{ unit = \"{name}\", exists = {} }}", name != "hidden"),
        );
        assert_eq!(there.outcome, Outcome::Pass, "{name}: {there:#?}");
        // Nothing runs in a tree.
        assert_eq!(
            outcome(&system, &format!("service = {{ unit = \"{name}\", active = false }}")),
            Outcome::NotApplicable
        );
    }
}

#[test]
fn values_are_read_as_systemd_reads_them() {
    let installed = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !can("systemd-analyze is not installed", installed) {
        return;
    }
    let sizes = [
        "1.5M",
        "1.",
        ".5G",
        "5K3",
        "1G500M",
        "1M 5K",
        "1MB",
        "1K 2K",
        "-5",
        "",
        "infinity",
        "1K:infinity",
        "2:1",
        "1:",
    ];
    let counts = [
        "0b11",
        "0o17",
        "017",
        "+5",
        "08",
        "0",
        "5: 7",
        "5 : 7",
        "1:2:",
        ":7",
        "1:2:3",
        "64K",
        "18446744073709551615",
        "18446744073709551614",
    ];
    let times = ["1min30", "1.5h", "5x", "1 s", "1month", "3 4", "1500ms", "90", "1:2"];
    let nice = ["+5", "-5", "+20", "-20", "-21", "41", "0"];
    let rows = sizes
        .iter()
        .map(|text| (Resource::Memlock, text))
        .chain(counts.iter().map(|text| (Resource::Nofile, text)))
        .chain(times.iter().map(|text| (Resource::Cpu, text)))
        .chain(times.iter().map(|text| (Resource::Rttime, text)))
        .chain(nice.iter().map(|text| (Resource::Nice, text)));
    // One unit for each, so that systemd is started once.
    let rows: Vec<(Resource, &&str, String)> = rows
        .enumerate()
        .map(|(at, (resource, text))| (resource, text, format!("u{at}.service")))
        .collect();
    let mut files = vec![("bin/true".to_owned(), "#!/bin/sh\n".to_owned())];
    for (resource, text, name) in &rows {
        let unit = format!("[Service]\nExecStart=/bin/true\n{}={text}\n", resource.systemd_name());
        files.push((format!("usr/lib/systemd/system/{name}"), unit));
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let tree = directory(&files);
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(tree.path().join("bin/true"), executable).expect("a program");
    let output = Command::new("systemd-analyze")
        .env("SYSTEMD_LOG_LEVEL", "debug")
        .arg(format!("--root={}", tree.path().display()))
        .arg("verify")
        .args(rows.iter().map(|(_, _, name)| name))
        .output()
        .expect("systemd-analyze");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let system = RootedSystem::new(tree.path()).expect("a tree");
    let mut read = 0;
    for (resource, written, name) in &rows {
        let own = text
            .split("-> Unit ")
            .find(|part| part.starts_with(name.as_str()))
            .expect("a unit");
        let side = |suffix: &str| {
            let start = format!("{}{suffix}: ", resource.systemd_name());
            own.lines()
                .find_map(|line| line.trim().strip_prefix(&start).map(str::to_owned))
        };
        let theirs = side("Soft").zip(side(""));
        let number = |number: runup::value::Number| {
            number
                .finite()
                .map_or(u64::MAX.to_string(), |number| number.to_string())
        };
        let ours = Unit::read(&system, &Manager::System, name)
            .limits(*resource)
            .map(|(limits, _)| (number(limits.soft), number(limits.hard)));
        assert_eq!(ours, theirs, "{}={written}", resource.systemd_name());
        read += usize::from(theirs.is_some());
    }
    assert!(read > 20, "{read}");
}

#[test]
fn configuration_is_put_together_as_systemd_does() {
    let installed = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !can("systemd-analyze is not installed", installed) {
        return;
    }
    let places = ["etc", "run", "usr/local/lib", "usr/lib"];
    // Each subset of the places has the main file, and a drop-in of one name; each place has one of its own.
    for subset in 0_usize..16 {
        let mut files = Vec::new();
        for (at, place) in places.iter().enumerate() {
            files.push((
                format!("{place}/systemd/system.conf.d/{}-own.conf", 9 - at),
                "[Manager]\n",
            ));
            files.push((format!("{place}/systemd/system.conf.d/.hidden{at}.conf"), "[Manager]\n"));
            files.push((format!("{place}/systemd/system.conf.d/{at}.txt"), "[Manager]\n"));
            if subset >> at & 1 == 1 {
                files.push((format!("{place}/systemd/system.conf"), "[Manager]\n"));
                files.push((format!("{place}/systemd/system.conf.d/5-same.conf"), "[Manager]\n"));
            }
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let tree = directory(&files);
        std::os::unix::fs::symlink("/dev/null", tree.path().join("etc/systemd/system.conf.d/7-own.conf"))
            .expect("a mask");
        let output = Command::new("systemd-analyze")
            .arg(format!("--root={}", tree.path().display()))
            .args(["cat-config", "systemd/system.conf"])
            .output()
            .expect("systemd-analyze");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let root = tree.path().to_str().expect("UTF-8");
        let theirs: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# ")?.strip_prefix(root))
            .collect();
        let system = RootedSystem::new(tree.path()).expect("a tree");
        let config = Config::read(&system, "system.conf");
        assert_eq!(config.paths().collect::<Vec<_>>(), theirs, "{subset:04b}");
    }
}

/// A cgroup of this machine that systemd's hierarchy could have, put away at the end.
struct Cgroup(std::path::PathBuf);

impl Drop for Cgroup {
    fn drop(&mut self) {
        for _ in 0..50 {
            if std::fs::remove_dir(&self.0).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        if let Some(parent) = self.0.parent() {
            // Only an empty one goes.
            let _ = std::fs::remove_dir(parent);
        }
    }
}

#[test]
fn check_unit_looks_at_the_units_process() {
    let root = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup"]
        .iter()
        .find(|root| Path::new(root).join("cgroup.procs").exists());
    if !can(
        "making a cgroup takes root and a hierarchy",
        is_root() && root.is_some(),
    ) {
        return;
    }
    let place = Path::new(root.expect("a hierarchy")).join("system.slice/runup-test.service");
    if !can("cgroups cannot be made here", std::fs::create_dir_all(&place).is_ok()) {
        return;
    }
    let _cgroup = Cgroup(place.clone());
    // A shell with other limits than ours, in a cgroup of its own.
    let script = format!(
        "echo $$ > {}/cgroup.procs; ulimit -Sn 77; exec sleep 60",
        place.display()
    );
    let mut child = Command::new("sh").args(["-c", &script]).spawn().expect("a shell");
    let profile = directory(&[(
        "p.toml",
        "[[rule]]\nid = \"r\"\nrlimit = { resource = \"nofile\", soft = 77 }\n",
    )]);
    let mut done = support::run_in(profile.path(), &["check", "./p.toml", "--unit", "runup-test", "-v"]);
    for _ in 0..100 {
        if done.code == 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        done = support::run_in(profile.path(), &["check", "./p.toml", "--unit", "runup-test", "-v"]);
    }
    // What is wrong with it lasts only by its unit.
    let more = [(
        "p.toml",
        "[[rule]]\nid = \"r\"\nrlimit = { resource = \"nofile\", soft = { min = 78 } }\n",
    )];
    let wrong = support::run_in(
        directory(&more).path(),
        &["check", "./p.toml", "--unit", "runup-test", "--explain"],
    );
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(
        wrong.out.contains("systemctl edit runup-test.service") && wrong.out.contains("    LimitNOFILE=78:"),
        "{}{}",
        wrong.out,
        wrong.err
    );
    let done = support::run(&["check", "--unit", "runup-test-that-is-not"]);
    assert_eq!(done.code, 2);
    assert!(
        done.err
            .contains("there is no cgroup of runup-test-that-is-not.service"),
        "{}",
        done.err
    );
    let done = support::run(&["check", "--unit", "../x"]);
    assert_eq!(done.code, 2);
}
