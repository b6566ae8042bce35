//! Which program reads the files when this machine starts, and how that is known.
//!
//! A directory of drop-in files does nothing by itself. systemd brings a program that reads it; elsewhere a service of the init
//! system runs `sysctl --system`, if it is there and enabled. Where nothing is known to read the files, nothing is promised of them.

use super::Reader;
use crate::system::System;

/// What reads the files at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The program; `None` where nothing is known to read them.
    pub reader: Option<Reader>,
    /// What runs it, or by what it is known.
    pub because: &'static str,
    /// Whether it is known to take the files in the order in which systemd-sysctl and `sysctl --system` take them.
    pub in_order: bool,
    /// Whether that program was forbidden to start: systemd-sysctl, by `systemctl mask`.
    pub is_masked: bool,
    /// Whether this is Windows' Linux, whose first process is its own where nobody asked for systemd.
    pub is_wsl: bool,
}

/// A machine of which nothing is known.
impl Default for Start {
    fn default() -> Self {
        Self {
            reader: None,
            because: "nothing",
            in_order: true,
            is_masked: false,
            is_wsl: false,
        }
    }
}

/// A file of an init system that runs `sysctl --system`, and where that is written.
struct Service {
    path: &'static str,
    /// The beginning of an entry's name, where the path is a directory; empty where it is a file.
    begins: &'static str,
    /// Its end.
    ends: &'static str,
    name: &'static str,
    /// What it runs.
    script: &'static str,
    /// What the first process is called where this init system runs: its files are there on machines that start otherwise, too.
    first: &'static [&'static str],
}

/// OpenRC: init.d/sysctl.in of <https://github.com/OpenRC/openrc>, in whichever runlevel it was added to. runit:
/// core-services/08-sysctl.sh of <https://github.com/void-linux/void-runit>. sysvinit: debian/procps.init of
/// <https://salsa.debian.org/debian/procps>, which a link in /etc/rcS.d starts.
const SERVICES: &[Service] = &[
    openrc("/etc/runlevels/boot/sysctl"),
    openrc("/etc/runlevels/sysinit/sysctl"),
    openrc("/etc/runlevels/default/sysctl"),
    Service {
        path: "/etc/runit/core-services/08-sysctl.sh",
        begins: "",
        ends: "",
        name: "runit's 08-sysctl.sh",
        script: "/etc/runit/core-services/08-sysctl.sh",
        first: &["runit", "runit-init"],
    },
    Service {
        path: "/etc/rcS.d",
        begins: "S",
        ends: "procps",
        name: "/etc/init.d/procps",
        script: "/etc/init.d/procps",
        first: &["init"],
    },
];

const fn openrc(path: &'static str) -> Service {
    Service {
        path,
        begins: "",
        ends: "",
        name: "OpenRC's service sysctl",
        script: "/etc/init.d/sysctl",
        first: &["init", "openrc-init"],
    }
}

impl Service {
    fn is_enabled(&self, first: Option<&str>, system: &dyn System) -> bool {
        if first.is_some_and(|first| !self.first.contains(&first)) {
            return false;
        }
        if self.begins.is_empty() {
            return system.read_link(self.path).is_ok() || system.stat(self.path).is_ok();
        }
        let names = system.list(self.path).unwrap_or_default();
        names
            .iter()
            .any(|name| name.starts_with(self.begins) && name.ends_with(self.ends))
    }
}

/// What runs a program that writes what files of tmpfiles.d say, where systemd does not: packages of Gentoo and Alpine bring such a
/// service of OpenRC.
const TMPFILES: &[&str] = &[
    "/etc/runlevels/boot/opentmpfiles-setup",
    "/etc/runlevels/boot/systemd-tmpfiles-setup",
    "/etc/runlevels/boot/systemd-tmpfiles-utils-setup",
];

/// Where the first process may be.
const INIT: &[&str] = &["/sbin/init", "/usr/sbin/init", "/bin/init", "/usr/bin/init"];

impl Start {
    /// Looks.
    #[must_use]
    pub fn of(system: &dyn System) -> Self {
        let found = Self::found(system);
        Start {
            is_masked: found.reader == Some(Reader::Systemd) && is_masked(system),
            ..found
        }
    }

    /// Whether something reads the files when the machine starts.
    #[must_use]
    pub fn reads(&self) -> bool {
        self.reader.is_some() && !self.is_masked
    }

    /// Why nothing is promised where nothing [reads](Self::reads) the files.
    #[must_use]
    pub fn nobody(&self) -> &'static str {
        match self.is_masked {
            true => {
                "systemd-sysctl.service is masked, so that nothing reads the files of sysctl.d when the machine starts"
            }
            false => "nothing is known here that reads the files of sysctl.d when the machine starts",
        }
    }

    fn found(system: &dyn System) -> Self {
        let is = |reader, because| Start {
            reader,
            because,
            ..Start::default()
        };
        if system.stat("/run/systemd/system").is_ok() {
            return is(Some(Reader::Systemd), "systemd");
        }
        let wsl = is_wsl(system).then(|| boot_of_wsl(system));
        if let Some(Wsl::Systemd) = wsl {
            let because = "systemd, which /etc/wsl.conf asks for";
            return Start {
                is_wsl: true,
                ..is(Some(Reader::Systemd), because)
            };
        }
        if let Some(Wsl::Command) = wsl {
            return Start {
                is_wsl: true,
                ..is(Some(Reader::Procps), "the command in /etc/wsl.conf")
            };
        }
        // An image that nobody started: its first process tells.
        let leads_to_systemd = |path: &str| system.read_link(path).is_ok_and(|link| link.ends_with("/systemd"));
        let first = first_process(system);
        let is_systemd = first.as_deref().is_none_or(|first| first == "systemd");
        if wsl.is_none() && is_systemd && INIT.iter().any(|path| leads_to_systemd(path)) {
            return is(Some(Reader::Systemd), "systemd");
        }
        let service = SERVICES
            .iter()
            .find(|service| service.is_enabled(first.as_deref(), system));
        match service.filter(|_| wsl.is_none()) {
            Some(service) => Start {
                in_order: runs_procps(service.script, system),
                ..is(Some(Reader::Procps), service.name)
            },
            None => Start {
                is_wsl: wsl.is_some(),
                ..Start::default()
            },
        }
    }
}

impl Start {
    /// Whether files of tmpfiles.d are read when the machine starts.
    #[must_use]
    pub fn tmpfiles_are_read(&self, system: &dyn System) -> bool {
        let is_enabled = |path: &str| system.read_link(path).is_ok() || system.stat(path).is_ok();
        self.reader == Some(Reader::Systemd) || TMPFILES.iter().any(|path| is_enabled(path))
    }
}

/// Whether a script has procps take the files in its order. Alpine's for OpenRC takes a package's files first, then
/// /etc/sysctl.d, then /etc/sysctl.conf, then /run (main/openrc/sysctl.initd of <https://gitlab.alpinelinux.org/alpine/aports>), and
/// busybox's sysctl(8) knows no `--system`.
fn runs_procps(script: &str, system: &dyn System) -> bool {
    let text = system.read(script).unwrap_or_default();
    let is_busybox = ["/sbin/sysctl", "/usr/sbin/sysctl", "/bin/sysctl"]
        .iter()
        .any(|path| system.read_link(path).is_ok_and(|link| link.contains("busybox")));
    !is_busybox && String::from_utf8_lossy(&text).contains("--system")
}

/// Whether the administrator forbade systemd to run the program: systemctl(1) leaves a link to /dev/null for `mask`, an empty file
/// does the same, and so does the kernel's command line (systemd-debug-generator(8)). What is masked below /run is not when the
/// machine starts anew.
fn is_masked(system: &dyn System) -> bool {
    const UNIT: &str = "systemd-sysctl.service";
    let path = format!("/etc/systemd/system/{UNIT}");
    let is_null = system.read_link(&path).is_ok_and(|link| link == "/dev/null");
    let line = system.read(super::kernel::CMDLINE).unwrap_or_default();
    let line = String::from_utf8_lossy(&line);
    let mut masks = line
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix("systemd.mask="));
    is_null || system.read(&path).is_ok_and(|text| text.is_empty()) || masks.any(|name| name == UNIT)
}

/// The name of the first process; `None` where none runs, as in an image.
fn first_process(system: &dyn System) -> Option<String> {
    let name = system.read("/proc/1/comm").ok()?;
    let name = String::from_utf8_lossy(&name).trim().to_owned();
    (!name.is_empty()).then_some(name)
}

fn is_wsl(system: &dyn System) -> bool {
    let release = system.read("/proc/sys/kernel/osrelease").unwrap_or_default();
    String::from_utf8_lossy(&release)
        .to_ascii_lowercase()
        .contains("microsoft")
}

/// What `/etc/wsl.conf` says of the start: <https://learn.microsoft.com/windows/wsl/wsl-config>.
enum Wsl {
    Systemd,
    /// A command that reads the files.
    Command,
    Nothing,
}

fn boot_of_wsl(system: &dyn System) -> Wsl {
    let text = system.read("/etc/wsl.conf").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut section = String::new();
    let mut found = Wsl::Nothing;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim().to_ascii_lowercase();
        }
        let Some((key, value)) = line.split_once('=').filter(|_| section == "boot") else {
            continue;
        };
        let value = value.trim().trim_matches('"');
        match key.trim().to_ascii_lowercase().as_str() {
            "systemd" if value.eq_ignore_ascii_case("true") => return Wsl::Systemd,
            "command" if value.contains("sysctl --system") => found = Wsl::Command,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    fn with(files: &[(&str, &str)]) -> Start {
        let mut system = MemorySystem::linux("6.1");
        for (path, text) in files {
            system = system.file(path, text);
        }
        Start::of(&system)
    }

    #[test]
    fn a_program_reads_only_where_something_runs_it() {
        let reader = |files: &[(&str, &str)]| with(files).reader;
        assert_eq!(reader(&[]), None);
        assert_eq!(
            reader(&[("/etc/init.d/procps", "")]),
            None,
            "a script alone starts nothing"
        );
        assert_eq!(reader(&[("/etc/rcS.d/S01procps", "")]), Some(Reader::Procps));
        assert_eq!(reader(&[("/etc/rcS.d/K01procps", "")]), None);
        let other = ("/proc/1/comm", "process_api\n");
        assert_eq!(
            reader(&[("/etc/rcS.d/S01procps", ""), other]),
            None,
            "it is not that which starts here"
        );
        assert_eq!(reader(&[("/etc/runlevels/boot/sysctl", "")]), Some(Reader::Procps));
        assert_eq!(
            reader(&[("/etc/runit/core-services/08-sysctl.sh", "")]),
            Some(Reader::Procps)
        );
        let script = |text: &str| {
            let files = [("/etc/runlevels/boot/sysctl", ""), ("/etc/init.d/sysctl", text)];
            with(&files).in_order
        };
        assert!(script("sysctl ${quiet} --system\n") && !script("sysctl $quiet -p \"$f\"\n"));
        let systemd = ("/run/systemd/system/.keep", "");
        assert_eq!(reader(&[systemd, ("/etc/rcS.d/S01procps", "")]), Some(Reader::Systemd));
    }

    #[test]
    fn on_wsl_its_own_file_decides() {
        let release = ("/proc/sys/kernel/osrelease", "5.15.0-microsoft-standard-WSL2\n");
        let start = |text: &str| with(&[release, ("/etc/wsl.conf", text), ("/etc/rcS.d/S01procps", "")]);
        assert_eq!(start("[boot]\nsystemd = true\n").reader, Some(Reader::Systemd));
        assert_eq!(
            start("[boot]\ncommand=\"sysctl --system\"\n").reader,
            Some(Reader::Procps)
        );
        for nothing in [
            "",
            "[boot]\nsystemd=false\n",
            "[user]\nsystemd=true\n",
            "[boot]\ncommand=true\n",
        ] {
            let start = start(nothing);
            assert_eq!((start.reader, start.is_wsl), (None, true), "{nothing}");
        }
    }
}
