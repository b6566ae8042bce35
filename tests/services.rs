//! Units, managers, container engines and clocks: outcomes on hosts in memory, and agreement with systemd's own programs.

#[path = "services/defaults.rs"]
mod defaults;
#[path = "services/reference.rs"]
mod reference;
mod support;

use std::path::Path;
use std::process::Command;

use runup::diagnostic::Diagnostics;
use runup::engine::{Check, Options};
use runup::finding::{Finding, Outcome};
use runup::host::Host;
use runup::profile::{self, Library};
use runup::recording::{Recorder, Recording, Replay};
use runup::rule::Dialect;
use runup::source::Sources;
use runup::system::memory::{Fault, MemorySystem};
use runup::system::{Os, System};
use support::{directory, is_root, needs};

/// The findings of a single rule about a subject, as TOML.
fn all(system: &dyn System, subject: &str) -> Vec<Finding> {
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
    check.run().findings
}

/// The only one.
fn find(system: &dyn System, subject: &str) -> Finding {
    let mut findings = all(system, subject);
    assert_eq!(findings.len(), 1, "{subject}");
    findings.remove(0)
}

fn outcome(system: &dyn System, subject: &str) -> Outcome {
    find(system, subject).outcome
}

/// The remedy of a finding that failed.
fn remedy(finding: &Finding, dialect: Dialect) -> String {
    let fix = finding.fix.as_ref().expect("a fix");
    let found = fix.remedies().into_iter().find(|(known, _)| *known == dialect);
    found.map(|(_, text)| text).unwrap_or_default()
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
fn a_unit_that_asks_for_everything_gets_what_systemd_has() {
    let rule = |least: u32| NOFILE.replace("65536", &least.to_string());
    let stopped = |line: &str| {
        MemorySystem::linux("6.1.0")
            .file("/run/systemd/system/.keep", "")
            .file("/sys/fs/cgroup/cgroup.procs", "")
            .file("/proc/self/mountinfo", V2)
            .file("/proc/1/limits", &limits_table("1048576              1048576"))
            .sysctl("fs.nr_open", "1048576")
            .file("/usr/lib/systemd/system/nginx.service", &format!("[Service]\n{line}\n"))
    };
    let infinity = stopped("LimitNOFILE=infinity");
    assert_eq!(outcome(&infinity, &rule(1_048_576)), Outcome::Pass);
    let finding = find(&infinity, &rule(2_000_000));
    assert_eq!(
        (finding.outcome, finding.actual.as_str()),
        (Outcome::Fail, "soft limit 1048576")
    );
    has(
        &finding,
        "of which systemd gives 1048576: none is above fs.nr_open (1048576)",
    );
    assert_eq!(
        outcome(&stopped("LimitNOFILE=4194304"), &rule(2_000_000)),
        Outcome::Fail
    );
    // The manager's default is a limit like every other.
    let default = stopped("").file("/etc/systemd/system.conf", "[Manager]\nDefaultLimitNOFILE=infinity\n");
    assert_eq!(find(&default, &rule(2_000_000)).actual, "soft limit 1048576");
    // One that runs with that is said to have what its line gives, and no program to have changed it.
    let running = host()
        .file("/proc/1/limits", &limits_table("1048576              1048576"))
        .file("/proc/100/limits", &limits_table("1048576              1048576"))
        .file(
            "/etc/systemd/system/nginx.service.d/a.conf",
            "[Service]\nLimitNOFILE=infinity\n",
        );
    let finding = find(&running, &rule(65_536));
    assert_eq!(finding.outcome, Outcome::Pass);
    has(&finding, "of which systemd gives 1048576");
    assert!(
        !finding.evidence.iter().any(|line| line.contains("changed")),
        "{finding:#?}"
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
    // A line that is read may not be the last word where a drop-in cannot be.
    let closed = files(host())
        .file("/etc/systemd/system/db.service.d/x.conf", "")
        .fault("/etc/systemd/system/db.service.d", Fault::Errno(libc::EACCES));
    assert_eq!(outcome(&closed, &rule), Outcome::Unknown);
    // Another name for the one that runs.
    let alias = host().link(
        "/etc/systemd/system/web.service",
        "/usr/lib/systemd/system/nginx.service",
    );
    let finding = find(&alias, &NOFILE.replace("nginx", "web"));
    assert_eq!(finding.outcome, Outcome::Fail);
    has(&finding, "process 100 is its main process");
    let hidden = host().fault("/sys/fs/cgroup", Fault::Errno(libc::EACCES));
    assert_eq!(outcome(&hidden, NOFILE), Outcome::Unknown);
    // Its processes may be in cgroups below its own, and those nobody can see.
    let own = "/sys/fs/cgroup/system.slice/nginx.service";
    let below = host()
        .file(&format!("{own}/cgroup.procs"), "")
        .fault(own, Fault::Errno(libc::EACCES));
    let idle = "service = { unit = \"nginx\", active = false }";
    assert_eq!(outcome(&below, idle), Outcome::Unknown);
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

/// Of a pattern each unit of the system that runs is a finding, and its remedy names that unit.
#[test]
fn a_pattern_of_units_is_those_that_run() {
    let slice = "/sys/fs/cgroup/system.slice/system-db.slice";
    let system = ["15-main", "16-main"]
        .into_iter()
        .zip([700, 800])
        .fold(host(), |system, (name, pid)| {
            system
                .file(&format!("{slice}/db@{name}.service/cgroup.procs"), &format!("{pid}\n"))
                .file(&format!("/proc/{pid}/stat"), &stat("db", 1, 1))
                .file(
                    &format!("/proc/{pid}/oom_score_adj"),
                    if pid == 700 { "-900\n" } else { "0\n" },
                )
        });
    // A user's own is not the system's.
    let system = system.file(
        "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/db@17-mine.service/cgroup.procs",
        "900\n",
    );
    let rule =
        |unit: &str| format!("service = {{ unit = \"{unit}\", oom_score_adjust = {{ max = -900, prefer = -900 }} }}");
    let found = all(&system, &rule("db@*.service"));
    let outcomes: Vec<(&str, Outcome)> = found.iter().map(|one| (one.subject.as_str(), one.outcome)).collect();
    assert_eq!(
        outcomes,
        [
            ("db@15-main.service", Outcome::Pass),
            ("db@16-main.service", Outcome::Fail)
        ]
    );
    assert!(remedy(&found[1], Dialect::Host).contains("systemctl edit db@16-main.service"));
    let none = find(&system, &rule("other@*.service"));
    assert_eq!(none.outcome, Outcome::NotApplicable);
    assert!(
        none.reason.contains("no unit other@*.service runs here"),
        "{}",
        none.reason
    );
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

/// What is said of one metric must not be lost where another one fails too.
#[test]
fn what_is_wrong_with_a_unit_is_put_right_together() {
    let says = |system: &MemorySystem, unit: &str, asked: &str, commands: &str| {
        let finding = find(system, &format!("service = {{ unit = \"{unit}\", {asked} }}"));
        assert_eq!(finding.outcome, Outcome::Fail, "{asked}");
        assert_eq!(remedy(&finding, Dialect::Host), commands, "{asked}");
        finding
    };
    let running = host();
    let stopped = MemorySystem::linux("6.1")
        .file("/run/systemd/system/.keep", "")
        .file("/proc/self/mountinfo", V2)
        .file("/sys/fs/cgroup/cgroup.procs", "")
        .file(
            "/usr/lib/systemd/system/nginx.service",
            "[Service]\nExecStart=/usr/sbin/nginx\n",
        );
    let apart = "sudo systemctl enable nginx.service\nsudo systemctl stop nginx.service";
    let only_now = "sudo systemctl disable nginx.service\nsudo systemctl start nginx.service";
    // What holds already is to stay so: `disable --now` would undo it.
    says(&running, "nginx", "active = false, enabled = true", apart);
    says(&running, "nginx", "enabled = false, active = true", only_now);
    says(&stopped, "nginx", "active = true, enabled = false", only_now);
    says(&stopped, "nginx", "enabled = true, active = false", apart);
    says(
        &running,
        "nginx",
        "active = false, enabled = false",
        "sudo systemctl disable --now nginx.service",
    );
    says(
        &stopped,
        "nginx",
        "active = true, enabled = true",
        "sudo systemctl enable --now nginx.service",
    );

    let drop_in = "sudo systemctl edit nginx.service\n    [Service]\n    TasksMax=4096\n    CPUQuota=200%\n    \
                   OOMScoreAdjust=-900\nsudo systemctl restart nginx.service";
    let asked = "cpu_quota = { min = \"200%\" }, oom_score_adjust = -900, tasks_max = { min = 4096 }";
    let limits = says(&running, "nginx", asked, drop_in);
    assert_eq!(
        remedy(&limits, Dialect::Systemd),
        "[Service]\nTasksMax=4096\nCPUQuota=200%\nOOMScoreAdjust=-900"
    );
    // A drop-in does not stop what runs.
    let all = format!("sudo systemctl disable --now nginx.service\n{drop_in}");
    says(&running, "nginx", &format!("{asked}, active = false"), &all);
    let gone = says(
        &running,
        "nginx",
        &format!("{asked}, active = false, exists = false"),
        drop_in,
    );
    assert_eq!(
        remedy(&gone, Dialect::Manual),
        "Stop it (`sudo systemctl disable --now nginx.service`), then remove nginx.service."
    );
    // No command of systemd starts what is not there.
    let rule = "service = { unit = \"irqbalance\", exists = true, active = true }";
    let missing = find(&running, rule);
    let fix = missing.fix.as_ref().expect("a fix");
    assert!(fix.remedies().iter().all(|(_, text)| !text.contains("systemctl")));
    assert!(remedy(&missing, Dialect::Manual).starts_with("Install irqbalance.service"));
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
fn a_limit_of_another_unit_is_no_limit_of_the_exported_one() {
    let profile = directory(&[(
        "p.toml",
        &format!(
            "[[rule]]\nid = \"r\"\n{NOFILE}\n[[rule]]\nid = \"s\"\nservice = {{ unit = \"nginx\", active = false }}\n"
        ),
    )]);
    let system = host();
    let recorder = Recorder::new(&system);
    find(&recorder, NOFILE);
    find(&recorder, "service = { unit = \"nginx\", active = false }");
    let json = recorder.finish().to_json().expect("JSON");
    let recording = directory(&[("host.json", &json)]);
    let path = recording.path().join("host.json");
    let done = support::run_in(
        profile.path(),
        &[
            "export",
            "./p.toml",
            "--to",
            "systemd",
            "--host",
            path.to_str().expect("UTF-8"),
        ],
    );
    assert!(!done.out.contains("LimitNOFILE=65536"), "{}", done.out);
    for rule in ["p/r", "p/s"] {
        assert!(
            done.err.contains(&format!("left out: {rule}")),
            "{}{}",
            done.out,
            done.err
        );
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
#[ignore = "needs root and a cgroup hierarchy"]
fn check_unit_looks_at_the_units_process() {
    let root = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup"]
        .iter()
        .find(|root| Path::new(root).join("cgroup.procs").exists());
    needs(
        "making a cgroup takes root and a hierarchy",
        is_root() && root.is_some(),
    );
    let place = Path::new(root.expect("a hierarchy")).join("system.slice/runup-test.service");
    needs("cgroups cannot be made here", std::fs::create_dir_all(&place).is_ok());
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
