//! What the kernel's command line sets: `sysctl.KEY=VALUE`, and parameters that have always been the same as a key.
//!
//! The kernel itself sets these before it starts the first process (`do_sysctl_args` in fs/proc/proc_sysctl.c, since 5.8), so that
//! every file that is read later has the last word. A key of a module is not there by then, whatever loads that module. Parameters
//! are taken when the line is parsed, long before, so that a key counts wherever it stands.

use super::Assignment;
use crate::catalogue;
use crate::system::{SysctlName, System};

/// Where it is.
pub const CMDLINE: &str = "/proc/cmdline";

/// The first kernel that takes `sysctl.KEY=VALUE`.
const SINCE: (u16, u16) = (5, 8);

/// Parameters by another name: `core_param` in kernel/panic.c.
const PARAMETERS: &[(&str, &str)] = &[
    ("panic", "kernel.panic"),
    ("panic_on_warn", "kernel.panic_on_warn"),
    ("panic_print", "kernel.panic_print"),
];

/// What the kernel's command line sets, in the order in which the kernel sets it.
pub(super) fn read(system: &dyn System) -> Vec<(SysctlName, String)> {
    let kernel = system.platform().kernel();
    let line = system.read(CMDLINE).unwrap_or_default();
    parse(
        &String::from_utf8_lossy(&line),
        kernel.is_none_or(|kernel| kernel.major_minor() >= SINCE),
    )
}

fn parse(line: &str, takes_keys: bool) -> Vec<(SysctlName, String)> {
    let (mut parameters, mut keys) = (Vec::new(), Vec::new());
    for word in words(line).take_while(|word| word != "--") {
        let known = |(name, value): (&str, &str)| {
            let (_, key) = PARAMETERS.iter().find(|(parameter, _)| *parameter == name)?;
            Some((SysctlName::parse(key).ok()?, value.to_owned()))
        };
        parameters.extend(word.split_once('=').and_then(known));
        if takes_keys {
            keys.extend(key_of(&word));
        }
    }
    parameters.append(&mut keys);
    parameters
}

/// `sysctl.KEY=VALUE`.
fn key_of(word: &str) -> Option<(SysctlName, String)> {
    let rest = word.strip_prefix("sysctl")?.strip_prefix(['.', '/'])?;
    let (key, value) = rest.split_once('=')?;
    // To the kernel every dot is a slash, wherever it stands.
    let name = SysctlName::parse(&key.replace('.', "/")).ok()?;
    (!value.is_empty()).then(|| (name, value.to_owned()))
}

/// The words of the line. White space between quotes belongs to a word, and quotes around a value or a whole word do not.
fn words(line: &str) -> impl Iterator<Item = String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_ascii_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.into_iter().filter(|word| !word.is_empty())
}

/// What a key is set to: by the last of its names that stands there, and 0 where its other unit comes later.
pub(super) fn comes_to(key: &str, set: &[(SysctlName, String)]) -> Option<Assignment> {
    if set.is_empty() {
        return None;
    }
    let names = catalogue::names(key);
    let twin = catalogue::twin(key);
    let says = |(name, value): &(SysctlName, String)| {
        let name = name.dotted();
        if name == key || names.contains(&name) {
            return Some(value.clone());
        }
        let zeroed = Some(name) == twin && catalogue::zeroed_by(name, value) == Some(key);
        zeroed.then(|| "0".to_owned())
    };
    let value = set.iter().rev().find_map(says)?;
    Some(Assignment {
        value,
        file: CMDLINE.to_owned(),
        line: 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_slashes_separate_and_quotes_hold_a_value_together() {
        let line = "BOOT_IMAGE=/v sysctl.vm.swappiness=5 sysctl/kernel/panic=10 sysctl.net/ipv4/tcp_rmem=\"1 2 3\" sysctlx.a=1 \
                    sysctl.kernel.sysrq= sysctl.vm.swappiness=7 -- sysctl.fs.nr_open=9";
        let found = parse(line, true);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(name, value)| (name.dotted(), value.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("vm.swappiness", "5"),
                ("kernel.panic", "10"),
                ("net.ipv4.tcp_rmem", "1 2 3"),
                ("vm.swappiness", "7")
            ]
        );
        let value = |key| comes_to(key, &parse(line, true)).map(|set| set.value);
        assert_eq!(value("vm.swappiness").as_deref(), Some("7"));
        assert_eq!(value("fs.nr_open"), None);
        let old = parse("panic=7 sysctl.vm.swappiness=5", false);
        assert_eq!(
            comes_to("kernel.panic", &old).map(|set| set.value).as_deref(),
            Some("7")
        );
        assert_eq!(comes_to("vm.swappiness", &old), None);
        // A parameter is taken earlier than any key, wherever it stands.
        let both = parse("sysctl.kernel.panic=10 panic=0 quiet", true);
        assert_eq!(
            comes_to("kernel.panic", &both).map(|set| set.value).as_deref(),
            Some("10")
        );
    }

    #[test]
    fn another_name_and_another_unit_count() {
        let value = |line, key| comes_to(key, &parse(line, true)).map(|set| set.value);
        let bytes = "sysctl.vm.dirty_ratio=20 sysctl.vm.dirty_bytes=1073741824";
        assert_eq!(value(bytes, "vm.dirty_ratio").as_deref(), Some("0"));
        assert_eq!(
            value("sysctl.net.ipv4.conf.all.forwarding=1", "net.ipv4.ip_forward").as_deref(),
            Some("1")
        );
    }
}
