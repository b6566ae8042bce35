//! What options of plugins mean, as data, and the forms of their values.

use crate::document::write::Toml;
use crate::import::ask::Direction;
use crate::import::number;

/// Options of every unit that say when and where it holds.
pub(super) const COMMON: &[&str] = &[
    "type",
    "enabled",
    "devices",
    "devices_udev_regex",
    "replace",
    "drop",
    "priority",
    "uname_regex",
    "cpuinfo_regex",
];

/// Options that are one attribute under `/sys` each: plugin, option, path.
pub(super) const ATTRIBUTES: &[(&str, &str, &str)] = &[
    ("cpu", "min_perf_pct", "devices/system/cpu/intel_pstate/min_perf_pct"),
    ("cpu", "max_perf_pct", "devices/system/cpu/intel_pstate/max_perf_pct"),
    (
        "cpu",
        "energy_performance_preference",
        "devices/system/cpu/cpufreq/policy*/energy_performance_preference",
    ),
    ("vm", "transparent_hugepages", "kernel/mm/transparent_hugepage/enabled"),
    ("vm", "transparent_hugepage", "kernel/mm/transparent_hugepage/enabled"),
    (
        "vm",
        "transparent_hugepage.defrag",
        "kernel/mm/transparent_hugepage/defrag",
    ),
    (
        "net",
        "nf_conntrack_hashsize",
        "module/nf_conntrack/parameters/hashsize",
    ),
    ("selinux", "avc_cache_threshold", "fs/selinux/avc/cache_threshold"),
    (
        "scsi_host",
        "alpm",
        "class/scsi_host/host*/link_power_management_policy",
    ),
    (
        "audio",
        "timeout",
        "module/{snd_hda_intel,snd_ac97_codec}/parameters/power_save",
    ),
    ("acpi", "platform_profile", "firmware/acpi/platform_profile"),
    // Of each screen that such a card drives.
    ("video", "panel_power_savings", "class/drm/*/amdgpu/panel_power_savings"),
];

/// What `energy_perf_bias` is called and what the kernel shows of it
/// (<https://docs.kernel.org/admin-guide/pm/intel_epb.html>).
pub(super) const ENERGY_BIAS: &[(&str, i128)] = &[
    ("performance", 0),
    ("balance-performance", 4),
    ("normal", 6),
    ("balance-power", 8),
    ("power", 15),
    ("powersave", 15),
];

/// Why an option is no rule.
const NOT_RULES: &[(&str, &str, &str)] = &[
    ("script", "", "a rule runs no program"),
    (
        "cpu",
        "force_latency",
        "the daemon holds /dev/cpu_dma_latency open for it, and no file shows it",
    ),
    ("scheduler", "", "it is about threads that run, and not about a setting"),
    (
        "bootloader",
        "",
        "it is about the boot loader's files; rules see the kernel's command line",
    ),
    ("mounts", "", "no rule looks at barriers"),
    ("irqbalance", "", "it is a setting of irqbalance's own"),
    ("systemd", "", "it is written into systemd's configuration"),
];

/// Why an option that no rule says is not one.
pub(super) fn why_not(kind: &str, key: &str) -> String {
    NOT_RULES
        .iter()
        .find(|(known, name, _)| *known == kind && (*name == key || name.is_empty()))
        .map_or_else(|| "no rule looks at it".to_owned(), |(_, _, why)| (*why).to_owned())
}

/// What stands before a value: `>` raises to it, `<` lowers to it.
pub(super) fn modified(value: &str) -> (Direction, &str) {
    let value = value.trim();
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    match value.split_at_checked(1) {
        Some((">", rest)) => (Direction::Floor, rest.trim()),
        Some(("<", rest)) => (Direction::Ceiling, rest.trim()),
        _ => (Direction::Equal, value),
    }
}

/// `a|b`: the first that the machine takes.
pub(super) fn alternatives(value: &str) -> Result<Toml, String> {
    let words: Option<Vec<Toml>> = value.split('|').map(|word| number::literal(word.trim())).collect();
    let mut words = words.ok_or("no profile can hold it")?;
    Ok(match words.len() {
        1 => words.remove(0),
        _ => Toml::Table(vec![("one_of", Toml::List(words))]),
    })
}

pub(super) fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "y" | "yes" | "t" => Some(true),
        "0" | "false" | "n" | "no" | "f" => Some(false),
        _ => None,
    }
}

/// A read-ahead in KiB; with an `s` behind it, in sectors of 512 bytes.
pub(super) fn readahead(value: &str) -> Option<i128> {
    let mut words = value.split_ascii_whitespace();
    let number: i128 = words.next()?.parse::<u32>().ok()?.into();
    match words.next() {
        None => Some(number),
        Some(unit) if unit.starts_with('s') => Some(number / 2),
        Some(_) => None,
    }
}
