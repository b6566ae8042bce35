//! Managers, engines and clocks on hosts in memory.

use runup::finding::Outcome;
use runup::recording::{Recorder, Recording, Replay};
use runup::rule::Dialect;
use runup::system::memory::{Fault, MemorySystem};
use runup::system::{ClockCost, ClockState, Failure, Os};

use super::{find, has, host, limits_table, outcome, remedy, stat};

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
fn the_managers_lines_stand_in_one_file_and_logins_lines_in_another() {
    let logind = host().file("/usr/lib/systemd/systemd-logind", "");
    let finding = find(
        &logind,
        "systemd = { removes_ipc = false, tasks_max = 5000, memlock_soft = { min = \"16M\" }, nofile_soft = { min = 2048 } }",
    );
    assert_eq!(finding.outcome, Outcome::Fail);
    assert_eq!(
        remedy(&finding, Dialect::Persist),
        "/etc/systemd/system.conf.d/60-runup.conf:\n[Manager]\nDefaultLimitNOFILE=2048:524288\n\
         DefaultLimitMEMLOCK=16777216\nDefaultTasksMax=5000\n\
         /etc/systemd/logind.conf.d/60-runup.conf:\n[Login]\nRemoveIPC=no"
    );
    let commands = remedy(&finding, Dialect::Host);
    for command in [
        "sudo tee /etc/systemd/system.conf.d/60-runup.conf\nsudo systemctl daemon-reexec\n",
        "sudo tee /etc/systemd/logind.conf.d/60-runup.conf\nsudo systemctl restart systemd-logind",
    ] {
        assert!(commands.contains(command), "{commands}");
    }
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
fn everything_that_is_asked_of_an_engine_stands_in_one_file() {
    let docker = host().file("/usr/bin/dockerd", "").file(
        "/lib/systemd/system/docker.service",
        "[Service]\nExecStart=/usr/bin/dockerd\nLimitNOFILE=1024\n",
    );
    let asked = "userland_proxy = false, cgroup_driver = \"cgroupfs\", nofile_hard = { min = 2048 }, live_restore = true, exists = false";
    let finding = find(&docker, &format!("engine = {{ name = \"docker\", {asked} }}"));
    assert_eq!(finding.outcome, Outcome::Fail);
    let text = remedy(&finding, Dialect::Host);
    for line in [
        "\"live-restore\": true",
        "\"userland-proxy\": false",
        "\"native.cgroupdriver=cgroupfs\"",
        "\"Hard\": 2048",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(text.matches("systemctl restart docker").count(), 1);
    assert_eq!(remedy(&finding, Dialect::Manual), "Remove docker.");

    let podman = host().file("/usr/bin/podman", "");
    let asked = "cgroup_driver = \"cgroupfs\", nproc_soft = { max = 10 }, nofile_hard = 2097152, exists = false";
    let finding = find(&podman, &format!("engine = {{ name = \"podman\", {asked} }}"));
    assert_eq!(
        remedy(&finding, Dialect::Host),
        "# /etc/containers/containers.conf.d/60-runup.conf:\n[containers]\n\
         default_ulimits = [\"nofile=1048576:2097152\", \"nproc=10:1048576\"]\n[engine]\ncgroup_manager = \"cgroupfs\""
    );
    assert_eq!(remedy(&finding, Dialect::Manual), "Remove podman.");
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
    // There is a clock everywhere, and not everywhere one that can be asked.
    assert_eq!(outcome(&machine("tsc"), &rule("slow = false")), Outcome::Unknown);
    assert_eq!(
        outcome(&MemorySystem::on(Os::Macos, "24.1.0"), &rule("synchronised = true")),
        Outcome::Unknown
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

#[test]
fn the_clock_source_is_one_fact_under_two_names() {
    let sources = "/sys/devices/system/clocksource/clocksource0";
    let host = host()
        .file(&format!("{sources}/current_clocksource"), "hpet\n")
        .file(&format!("{sources}/available_clocksource"), "tsc hpet acpi_pm\n");
    let both = |wanted: &str| {
        ["clock = { source = WANTED }", "kernel = { clocksource = WANTED }"].map(|rule| {
            let finding = find(&host, &rule.replace("WANTED", wanted));
            let fix = finding.fix.map(|fix| fix.remedies());
            (finding.outcome, fix)
        })
    };
    let [clock, kernel] = both("\"tsc\"");
    assert_eq!((&clock.0, clock.1.is_some()), (&Outcome::Fail, true));
    assert_eq!(clock, kernel);
    let [clock, kernel] = both("\"hpet\"");
    assert_eq!(clock.0, Outcome::Pass);
    assert_eq!(clock, kernel);
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
