//! Whether a module is there when the files of sysctl.d are read, so that its keys can be set.

use super::files::{self, Found};
use super::{Reader, Start};
use crate::catalogue::{Module, module_of};
use crate::system::{Failure, SysctlName, System};

/// The directories whose files name modules to load at boot: modules-load.d(5).
const DIRECTORIES: [&str; 5] = [
    "/etc/modules-load.d",
    "/run/modules-load.d",
    "/usr/local/lib/modules-load.d",
    "/usr/lib/modules-load.d",
    "/lib/modules-load.d",
];

/// Lists of modules outside them: the one that an initial file system of Debian's loads (initramfs-tools(7)), and the one that
/// sysvinit's `kmod` and OpenRC's `modules` load. systemd reads the second one only where a link leads to it.
const IN_INITRD: &str = "/etc/initramfs-tools/modules";
const OTHERS: &str = "/etc/modules";

/// The directories of modprobe.d(5).
const MODPROBE: [&str; 5] = [
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
];

/// The directories of udev's rules: udev(7).
const RULES: [&str; 5] = [
    "/etc/udev/rules.d",
    "/run/udev/rules.d",
    "/usr/local/lib/udev/rules.d",
    "/usr/lib/udev/rules.d",
    "/lib/udev/rules.d",
];

/// Why a key may not be there when a program reads the files at boot, in words; `None` where it is, or where another reading
/// follows once it is. What cannot be read says nothing in its favour.
pub(super) fn too_late(name: &SysctlName, start: &Start, system: &dyn System) -> Option<String> {
    if let Some(why) = interface_comes_later(name, start, system) {
        return Some(why);
    }
    let module = module_of(name.dotted())?;
    let in_time = module.loaded_by_systemd && start.reader == Some(Reader::Systemd)
        || is_builtin(module, name, system)
        || is_listed(module, start, system)
        || is_set_when_loaded(module, name, system);
    let late = || {
        format!(
            "{} is there only once {} is loaded, and nothing is known to load it before {} reads the files",
            name.dotted(),
            module.name,
            start.reader.map_or("anything", Reader::name)
        )
    };
    (!in_time).then(late)
}

/// Whether only a module can bring the key, when the kernel takes its command line.
pub(super) fn is_too_late_for_the_kernel(name: &SysctlName, system: &dyn System) -> bool {
    module_of(name.dotted()).is_some_and(|module| !is_builtin(module, name, system))
}

/// Whether the kernel has it without loading anything: it says so in a file beside its modules, or the key is there and the module
/// is not among those that are loaded.
fn is_builtin(module: &Module, name: &SysctlName, system: &dyn System) -> bool {
    if let Some(release) = release(system)
        && let Ok(text) = text(&format!("/lib/modules/{release}/modules.builtin"), system)
    {
        return text.lines().any(|line| name_of(line) == module.name);
    }
    match text("/proc/modules", system) {
        Ok(loaded) => {
            let is_loaded = loaded
                .lines()
                .any(|line| line.split_ascii_whitespace().next() == Some(module.name));
            !is_loaded && system.sysctl(name.dotted()).is_ok()
        }
        // A kernel that was built without modules has no such file, and everything in itself.
        Err(Failure::Absent) => system.sysctl(name.dotted()).is_ok(),
        Err(_) => false,
    }
}

/// Why a key of an interface that programs make is not there yet. systemd has the files read once more for each interface that comes
/// (rules.d/99-systemd.rules.in of <https://github.com/systemd/systemd>).
fn interface_comes_later(name: &SysctlName, start: &Start, system: &dyn System) -> Option<String> {
    let mut segments = name.segments();
    let is_of_interface = segments.next() == Some("net")
        && matches!(segments.next(), Some("ipv4" | "ipv6"))
        && matches!(segments.next(), Some("conf" | "neigh"));
    let interface = segments.next().filter(|_| is_of_interface)?;
    if start.reader != Some(Reader::Procps) || matches!(interface, "all" | "default" | "lo") {
        return None;
    }
    let device = system.read_link(&format!("/sys/class/net/{interface}")).ok()?;
    device.contains("/virtual/").then(|| {
        format!(
            "{} is there only once {interface} is, and nothing is known to read the files again then",
            name.dotted()
        )
    })
}

/// Whether a list of what is loaded at boot has it, or another one that cannot do without it.
fn is_listed(module: &Module, start: &Start, system: &dyn System) -> bool {
    let mut listed = Vec::new();
    let (found, _) = files::drop_ins(system, &DIRECTORIES.map(str::to_owned));
    // One that is made anew at each start is not known to be in time.
    for Found { text, .. } in found.into_iter().filter(lasts) {
        listed.extend(named_in(&text));
    }
    listed.extend(named_in(&system.read(IN_INITRD)));
    if start.reader != Some(Reader::Systemd) {
        listed.extend(named_in(&system.read(OTHERS)));
    }
    listed.extend(on_command_line(system));
    if listed.is_empty() || is_forbidden(module, system) {
        return false;
    }
    if listed.iter().any(|name| name == module.name) {
        return true;
    }
    depends(&listed, module, system)
}

/// Whether a file is there when the machine starts again.
fn lasts(found: &Found) -> bool {
    !found.path.starts_with(files::EMPTY_AT_BOOT)
}

/// The modules that a list names: the first word of each line.
fn named_in(text: &Result<Vec<u8>, Failure>) -> Vec<String> {
    let Ok(text) = text else { return Vec::new() };
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    lines
        .filter_map(|line| line.split_ascii_whitespace().next())
        .map(|word| word.replace('-', "_"))
        .collect()
}

/// Whether modprobe.d(5) or the kernel's command line keeps a module from being loaded by its name: systemd-modules-load goes by
/// `blacklist` too, and `install` has something else done in its place.
fn is_forbidden(module: &Module, system: &dyn System) -> bool {
    let is_it = |name: &str| name.replace('-', "_") == module.name;
    let line = text(super::kernel::CMDLINE, system).unwrap_or_default();
    let mut lists = line.split_ascii_whitespace().filter_map(|word| {
        word.strip_prefix("modprobe.blacklist=")
            .or(word.strip_prefix("module_blacklist="))
    });
    if lists.any(|list| list.split(',').any(is_it)) {
        return true;
    }
    let (found, _) = files::drop_ins(system, &MODPROBE.map(str::to_owned));
    let mut texts = found.into_iter().filter_map(|found| found.text.ok());
    texts.any(|text| {
        String::from_utf8_lossy(&text).lines().any(|line| {
            let mut words = line.split_ascii_whitespace();
            matches!(words.next(), Some("blacklist" | "install")) && words.next().is_some_and(is_it)
        })
    })
}

/// Those that the kernel's command line has systemd load.
fn on_command_line(system: &dyn System) -> Vec<String> {
    let Ok(line) = text(super::kernel::CMDLINE, system) else {
        return Vec::new();
    };
    let mut named = Vec::new();
    for word in line.split_ascii_whitespace() {
        let Some((key, value)) = word.split_once('=') else {
            continue;
        };
        if matches!(key.replace('-', "_").as_str(), "modules_load" | "rd.modules_load") {
            named.extend(value.split(',').map(|name| name.replace('-', "_")));
        }
    }
    named
}

/// Whether one of the modules brings another one with it, by the kernel's own list of who needs whom.
fn depends(listed: &[String], module: &Module, system: &dyn System) -> bool {
    let Some(release) = release(system) else {
        return false;
    };
    let Ok(text) = text(&format!("/lib/modules/{release}/modules.dep"), system) else {
        return false;
    };
    let brings = |line: &str| {
        let (own, others) = line.split_once(':')?;
        let is_listed = listed.contains(&name_of(own));
        (is_listed
            && others
                .split_ascii_whitespace()
                .any(|other| name_of(other) == module.name))
        .then_some(())
    };
    text.lines().any(|line| brings(line).is_some())
}

/// Whether a rule of udev has the files read once the module is there, as sysctl.d(5) shows it.
fn is_set_when_loaded(module: &Module, name: &SysctlName, system: &dyn System) -> bool {
    let (found, _) = files::named(system, &RULES.map(str::to_owned), ".rules");
    let mut texts = found.into_iter().filter(lasts).filter_map(|found| found.text.ok());
    texts.any(|text| {
        let text = String::from_utf8_lossy(&text).replace("\\\n", " ");
        text.lines().any(|line| sets_when_loaded(line, module, name))
    })
}

fn sets_when_loaded(line: &str, module: &Module, name: &SysctlName) -> bool {
    let line = line.trim();
    let plain: String = line.split_ascii_whitespace().collect();
    let about = plain.contains("SUBSYSTEM==\"module\"")
        && plain.contains(&format!("KERNEL==\"{}\"", module.name))
        && !line.starts_with('#');
    let Some((_, command)) = line.split_once("RUN").filter(|_| about) else {
        return false;
    };
    if command.contains("sysctl --system") {
        return true;
    }
    if !command.contains("systemd-sysctl") {
        return false;
    }
    let prefixes = command.split("--prefix=").skip(1);
    let mut prefixes = prefixes
        .filter_map(|rest| rest.split([' ', '"', ',']).next())
        .peekable();
    let path = format!("/{}/", name.path());
    let covers = |prefix: &str| {
        let prefix = prefix.trim_matches('/').replace('.', "/");
        path.starts_with(&format!("/{prefix}/"))
    };
    prefixes.peek().is_none() || prefixes.any(covers)
}

/// `kernel/net/netfilter/nf_conntrack.ko.zst` is `nf_conntrack`.
fn name_of(path: &str) -> String {
    let file = path.trim().rsplit('/').next().unwrap_or_default();
    file.split('.').next().unwrap_or_default().replace('-', "_")
}

fn release(system: &dyn System) -> Option<String> {
    let release = text("/proc/sys/kernel/osrelease", system).ok()?;
    let release = release.trim();
    (!release.is_empty() && !release.contains('/')).then(|| release.to_owned())
}

fn text(path: &str, system: &dyn System) -> Result<String, Failure> {
    let bytes = system.read(path)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    const MAX: &str = "net.netfilter.nf_conntrack_max";

    /// Whether a key is there in time, on a machine with these files more.
    fn in_time(key: &str, files: &[(&str, &str)]) -> bool {
        let mut system = MemorySystem::linux("6.1")
            .file("/proc/sys/kernel/osrelease", "6.1.0-1-amd64\n")
            .file("/run/systemd/system/.keep", "");
        for (path, text) in files {
            system = system.file(path, text);
        }
        let name = SysctlName::parse(key).expect("a name");
        too_late(&name, &Start::of(&system), &system).is_none()
    }

    #[test]
    fn a_key_is_in_time_where_something_says_so() {
        assert!(!in_time(MAX, &[]));
        assert!(!in_time(MAX, &[("/proc/modules", "nf_conntrack 1 0 - Live 0x0\n")]));
        assert!(in_time(MAX, &[("/etc/modules-load.d/a.conf", "# x\n nf-conntrack \n")]));
        assert!(!in_time(MAX, &[("/etc/modules-load.d/a.conf", "#nf_conntrack\n")]));
        assert!(
            !in_time(MAX, &[("/etc/modules", "nf_conntrack\n")]),
            "systemd does not read it"
        );
        assert!(in_time(
            MAX,
            &[("/proc/cmdline", "quiet modules-load=a,nf_conntrack\n")]
        ));
        let builtin = "/lib/modules/6.1.0-1-amd64/modules.builtin";
        assert!(in_time(MAX, &[(builtin, "kernel/net/netfilter/nf_conntrack.ko\n")]));
        assert!(!in_time(
            MAX,
            &[(builtin, "kernel/net/netfilter/nf_conntrack_ftp.ko\n")]
        ));
        // A module that needs it brings it.
        let dep = "/lib/modules/6.1.0-1-amd64/modules.dep";
        let needs = "kernel/net/nf_nat.ko.xz: kernel/net/nf_conntrack.ko.xz kernel/lib/libcrc32c.ko.xz\n";
        let nat = ("/usr/lib/modules-load.d/b.conf", "nf_nat\n");
        assert!(in_time(MAX, &[nat, (dep, needs)]));
        assert!(!in_time(MAX, &[nat]));
        let listed = ("/etc/modules-load.d/a.conf", "nf_conntrack\n");
        for forbids in [
            ("/etc/modprobe.d/b.conf", "# no\nblacklist nf-conntrack\n"),
            ("/usr/lib/modprobe.d/b.conf", "install nf_conntrack /bin/false\n"),
            ("/proc/cmdline", "module_blacklist=floppy,nf_conntrack\n"),
        ] {
            assert!(!in_time(MAX, &[listed, forbids]), "{forbids:?}");
        }
        assert!(in_time(
            MAX,
            &[listed, ("/etc/modprobe.d/b.conf", "blacklist floppy\n")]
        ));
        // What is in /run is gone when the machine starts.
        assert!(!in_time(MAX, &[("/run/modules-load.d/a.conf", "nf_conntrack\n")]));
        // A masked list loads nothing.
        assert!(!in_time(MAX, &[nat, (dep, needs), ("/etc/modules-load.d/b.conf", "")]));
        // systemd loads this one itself.
        assert!(in_time("net.ipv6.conf.all.forwarding", &[]));
        assert!(!in_time("net.bridge.bridge-nf-call-iptables", &[]));
    }

    #[test]
    fn an_interface_that_a_program_makes_comes_later_where_no_udev_rule_of_systemd_is() {
        let late = |key: &str, init: &str| {
            let system = MemorySystem::linux("6.1")
                .file(init, "")
                .link("/sys/class/net/br0", "../../devices/virtual/net/br0")
                .link("/sys/class/net/eth0", "../../devices/pci0000:00/0000:00:03.0/net/eth0");
            let name = SysctlName::parse(key).expect("a name");
            too_late(&name, &Start::of(&system), &system).is_some()
        };
        let (procps, systemd) = ("/etc/rcS.d/S01procps", "/run/systemd/system/.keep");
        assert!(late("net.ipv4.conf.br0.rp_filter", procps));
        assert!(!late("net.ipv4.conf.br0.rp_filter", systemd));
        assert!(!late("net.ipv4.conf.eth0.rp_filter", procps));
        assert!(!late("net.ipv4.conf.all.rp_filter", procps));
    }

    #[test]
    fn a_rule_of_udev_counts_for_the_keys_that_it_names() {
        let rule = |text: &str, key: &str| in_time(key, &[("/etc/udev/rules.d/9.rules", text)]);
        let own = "ACTION==\"add\", SUBSYSTEM==\"module\", KERNEL==\"nf_conntrack\", \
                   RUN+=\"/usr/lib/systemd/systemd-sysctl --prefix=/net/netfilter\"\n";
        assert!(rule(own, MAX));
        assert!(!rule(own, "net.nf_conntrack_max"));
        assert!(!rule(&format!("#{own}"), MAX));
        assert!(!rule(&own.replace("nf_conntrack", "br_netfilter"), MAX));
        assert!(rule(
            &own.replace(" --prefix=/net/netfilter", ""),
            "net.nf_conntrack_max"
        ));
    }
}
