//! What each plugin's options are as rules.

use super::options::{ATTRIBUTES, COMMON, ENERGY_BIAS, alternatives, boolean, modified, readahead, why_not};
use super::{Setting, Unit, expand, unquoted};
use crate::document::write::Toml;
use crate::import::ask::{Ask, Direction};
use crate::import::draft::{Draft, Spot};
use crate::import::number;
use crate::rule;

/// One unit, with what holds for all of its options.
struct Plugin<'a> {
    kind: &'a str,
    devices: Option<String>,
    /// The devices of other units of the same plugin, which take theirs first.
    taken: Vec<String>,
    when: Option<String>,
    draft: &'a mut Draft,
}

/// Makes rules of a unit.
pub(super) fn unit(unit: &Unit, all: &[Unit], variables: &[(String, String)], draft: &mut Draft) {
    let option = |key: &str| unit.options.iter().rfind(|option| option.key == key);
    let value = |key: &str| option(key).map(|option| expand(&option.value, variables));
    if value("enabled").is_some_and(|on| matches!(on.to_ascii_lowercase().as_str(), "0" | "false" | "no" | "off")) {
        return draft.remark(&unit.spot, format!("[{}] is not enabled", unit.name));
    }
    let kind = value("type").unwrap_or_else(|| unit.name.clone());
    let mut when = None;
    // Where the whole unit holds under a condition that no rule can have, all of it is left out.
    let mut without = None;
    for key in ["uname_regex", "cpuinfo_regex", "devices_udev_regex"] {
        let Some(pattern) = value(key) else { continue };
        let word = pattern.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if key == "uname_regex" && word && ARCHITECTURES.contains(&pattern.as_str()) {
            when = Some(format!("arch == '{pattern}'"));
        } else {
            without = Some(format!("it holds only where `{key}` matches, which no rule can ask"));
        }
    }
    let of = |unit: &Unit, key: &str| {
        let option = unit.options.iter().rfind(|option| option.key == key);
        option.map(|option| expand(&option.value, variables))
    };
    let taken = all
        .iter()
        .filter(|other| other.name != unit.name && of(other, "type").as_deref().unwrap_or(&other.name) == kind)
        .filter_map(|other| of(other, "devices"))
        .collect();
    let mut plugin = Plugin {
        kind: &kind,
        devices: value("devices"),
        taken,
        when,
        draft,
    };
    for setting in unit
        .options
        .iter()
        .filter(|option| !COMMON.contains(&option.key.as_str()))
    {
        let expanded = Setting {
            value: expand(&setting.value, variables),
            ..setting.clone()
        };
        let done = match &without {
            Some(why) => Err(why.clone()),
            None if expanded.value.contains("${") => Err(format!("`{}` is decided where tuned runs", expanded.value)),
            None => plugin.option(&expanded),
        };
        if let Err(why) = done {
            plugin
                .draft
                .left_out(&setting.spot, format!("[{}] {}: {why}", unit.name, setting.key));
        }
    }
    plugin.command_line(unit, variables, without.is_some());
}

/// What `uname -m` says of the machines that tuned knows.
const ARCHITECTURES: &[&str] = &["x86_64", "aarch64", "ppc64le", "s390x", "riscv64"];

impl Plugin<'_> {
    fn option(&mut self, setting: &Setting) -> Result<(), String> {
        let (key, spot) = (setting.key.as_str(), &setting.spot);
        let (direction, value) = modified(&setting.value);
        match (self.kind, key) {
            ("sysctl", _) => {
                self.sysctl(key, value, direction, spot);
                Ok(())
            }
            ("vm", "dirty_ratio" | "dirty_background_ratio" | "dirty_bytes" | "dirty_background_bytes") => {
                let (name, value) = match value.strip_suffix('%') {
                    Some(share) => (key.replace("bytes", "ratio"), share),
                    None => (key.to_owned(), value),
                };
                self.sysctl(&format!("vm.{name}"), value, direction, spot);
                Ok(())
            }
            (
                "scheduler",
                "sched_min_granularity_ns"
                | "sched_migration_cost_ns"
                | "sched_latency_ns"
                | "sched_wakeup_granularity_ns"
                | "sched_tunable_scaling"
                | "sched_nr_migrate",
            ) => {
                self.sysctl(&format!("kernel.{key}"), value, direction, spot);
                self.draft.remark(
                    spot,
                    format!("kernels from 5.13 on keep {key} in debugfs, where no rule looks"),
                );
                Ok(())
            }
            ("sysfs", path) => {
                let path = path.strip_prefix("/sys/").ok_or("it is not below /sys")?;
                self.attribute(path, value, direction, spot)
            }
            ("cpu", "governor") => {
                let subject = vec![("governor", alternatives(value)?)];
                self.push("governor", "cpu", subject, spot);
                Ok(())
            }
            ("cpu", "no_turbo") => {
                let off = boolean(value).ok_or("it is neither true nor false")?;
                let value = if off { "1" } else { "0" };
                self.attribute(
                    "devices/system/cpu/intel_pstate/no_turbo",
                    value,
                    Direction::Equal,
                    spot,
                )
            }
            ("cpu", "boost") => {
                let on = boolean(value).ok_or("it is neither true nor false")?;
                self.push("turbo", "cpu", vec![("turbo", Toml::Bool(on))], spot);
                Ok(())
            }
            ("cpu", "energy_perf_bias") => self.energy_bias(value, spot),
            ("disk", "elevator") => self.queue("scheduler", Toml::text(value), Direction::Equal, spot),
            ("disk", "readahead") => {
                let number = readahead(value).ok_or("it is no number of KiB or sectors")?;
                self.queue("read_ahead_kb", Toml::Integer(number), direction, spot)
            }
            ("modules", module) => {
                let words = value.strip_prefix("+r").unwrap_or(value).trim_start_matches(',').trim();
                let subject = vec![("module", Toml::text(module)), ("loaded", Toml::Bool(true))];
                self.push(&format!("module-{module}"), "kernel", subject, spot);
                if !words.is_empty() {
                    self.draft
                        .remark(spot, format!("no rule looks at the parameters of {module}"));
                }
                Ok(())
            }
            ("service", name) => self.service(name, value, spot),
            ("bootloader", name) if name.starts_with("cmdline") => Ok(()),
            ("net", "mtu" | "txqueuelen") => self.interface(key, value, spot),
            (kind, key) => match ATTRIBUTES
                .iter()
                .find(|(known, name, _)| (*known, *name) == (kind, key))
            {
                Some((_, _, path)) => self.attribute(path, value, direction, spot),
                None => Err(why_not(kind, key)),
            },
        }
    }

    fn push(&mut self, id: &str, kind: &'static str, subject: Vec<(&'static str, Toml)>, spot: &Spot) {
        self.draft.conditional(id, kind, subject, self.when.as_deref(), spot);
    }

    fn sysctl(&mut self, key: &str, value: &str, direction: Direction, spot: &Spot) {
        // tuned puts a slash wherever a dot stands, so that every name is a path.
        let ask = Ask {
            key: &key.replace('.', "/"),
            value,
            direction,
            when: self.when.as_deref(),
            spot,
        };
        ask.make(self.draft);
    }

    /// One attribute of `/sys`, by its path there.
    fn attribute(&mut self, path: &str, value: &str, direction: Direction, spot: &Spot) -> Result<(), String> {
        if path.contains(['?', '[']) {
            return Err("in a pattern of a rule only `*` and `{a,b}` stand for something".to_owned());
        }
        let operand = match number::kernel(value) {
            Some(number) => (direction.comparator(), Toml::Integer(number)),
            None if direction != Direction::Equal => return Err(format!("`{value}` is no integer")),
            None if value.contains('|') => match alternatives(value)? {
                Toml::Table(mut list) => list.pop().ok_or("it is empty")?,
                word => ("eq", word),
            },
            None if value.split_ascii_whitespace().count() == 1 && !value.contains(',') => {
                ("eq", number::literal(value).ok_or("no profile can hold it")?)
            }
            None => {
                return Err(format!(
                    "`{value}` is not one word, and the kernel writes lists in its own way"
                ));
            }
        };
        let mut subject = vec![("path", Toml::text(path))];
        // What another kernel does not have does not apply there.
        if !rule::sysfs::is_writable(path) && !path.contains(['*', '{']) {
            subject.push(("known", Toml::Bool(true)));
        }
        subject.push(operand);
        let id = path.rsplit('/').take(2).collect::<Vec<_>>();
        let id = id.into_iter().rev().collect::<Vec<_>>().join("-");
        self.push(&id, "sysfs", subject, spot);
        Ok(())
    }

    fn energy_bias(&mut self, value: &str, spot: &Spot) -> Result<(), String> {
        // Of several, the first that the machine takes is set.
        let number = |word: &str| match ENERGY_BIAS.iter().find(|(name, _)| *name == word.trim()) {
            Some((_, number)) => Some(*number),
            None => number::kernel(word.trim()).filter(|number| (0..=15).contains(number)),
        };
        let mut numbers: Vec<i128> = Vec::new();
        for word in value.split('|') {
            let number = number(word).ok_or_else(|| format!("`{word}` is no bias"))?;
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        let operand = match numbers[..] {
            [one] => ("eq", Toml::Integer(one)),
            _ => ("one_of", Toml::List(numbers.into_iter().map(Toml::Integer).collect())),
        };
        let path = Toml::text("devices/system/cpu/cpu*/power/energy_perf_bias");
        self.push("energy_perf_bias", "sysfs", vec![("path", path), operand], spot);
        Ok(())
    }

    /// An attribute of the queues of the disks that the unit is for.
    fn queue(&mut self, name: &str, value: Toml, direction: Direction, spot: &Spot) -> Result<(), String> {
        let disks = match self.devices.as_deref().unwrap_or("*") {
            // Disks that cannot be taken out, as tuned sees them.
            "*" => {
                let mut disks = vec!["sd*", "vd*", "xvd*", "nvme*n*"];
                for other in &self.taken {
                    let before = disks.len();
                    let prefix = other
                        .strip_suffix('*')
                        .filter(|prefix| prefix.chars().all(char::is_alphanumeric));
                    disks.retain(|disk| prefix.is_none_or(|prefix| !disk.starts_with(prefix)));
                    if disks.len() == before {
                        return Err(format!(
                            "another unit takes `{other}`, and a pattern of a rule has no exceptions"
                        ));
                    }
                }
                if disks.is_empty() {
                    return Ok(());
                }
                self.draft
                    .remark(spot, "tuned leaves out disks that can be removed, and a pattern cannot");
                match disks[..] {
                    [one] => one.to_owned(),
                    _ => format!("{{{}}}", disks.join(",")),
                }
            }
            list => {
                let names: Vec<&str> = list.split([',', ' ', '\t']).filter(|name| !name.is_empty()).collect();
                if names
                    .iter()
                    .any(|name| name.starts_with('!') || name.contains(['?', '[', '/', '{']))
                {
                    return Err(format!("the devices `{list}` are no pattern of a rule"));
                }
                match names[..] {
                    [one] => one.to_owned(),
                    _ => format!("{{{}}}", names.join(",")),
                }
            }
        };
        let path = Toml::text(format!("block/{disks}/queue/{name}"));
        let subject = vec![("path", path), (direction.comparator(), value)];
        self.push(&format!("disk-{name}"), "sysfs", subject, spot);
        Ok(())
    }

    fn service(&mut self, name: &str, value: &str, spot: &Spot) -> Result<(), String> {
        let unit = name.strip_prefix("service.").ok_or("an option is service.NAME")?;
        if rule::find("service").is_none() {
            return Err("no rule looks at services".to_owned());
        }
        let unit = if unit.contains('.') {
            unit.to_owned()
        } else {
            format!("{unit}.service")
        };
        let mut subject = vec![("unit", Toml::text(unit))];
        for word in value.split([',', ';']).map(str::trim) {
            match word {
                "start" => subject.push(("active", Toml::Bool(true))),
                "stop" => subject.push(("active", Toml::Bool(false))),
                "enable" => subject.push(("enabled", Toml::Bool(true))),
                "disable" => subject.push(("enabled", Toml::Bool(false))),
                other => self
                    .draft
                    .left_out(spot, format!("service {name}: no rule says `{other}`")),
            }
        }
        self.push(name, "service", subject, spot);
        Ok(())
    }

    fn interface(&mut self, key: &str, value: &str, spot: &Spot) -> Result<(), String> {
        let number = number::kernel(value).ok_or("it is no number")?;
        let metric = if key == "mtu" { "mtu" } else { "transmit_queue" };
        let name = self.devices.clone().unwrap_or_else(|| "*".to_owned());
        if rule::find("interface").is_none() || name.contains(['!', ' ', ',']) {
            return Err("no rule looks at it".to_owned());
        }
        let subject = vec![("name", Toml::text(name)), (metric, Toml::Integer(number))];
        self.push(key, "interface", subject, spot);
        Ok(())
    }

    /// Words for the kernel's command line, which the options of a unit add to and take from one after the other.
    fn command_line(&mut self, unit: &Unit, variables: &[(String, String)], without: bool) {
        if self.kind != "bootloader" || without {
            return;
        }
        let mut words: Vec<(String, Spot)> = Vec::new();
        for setting in unit.options.iter().filter(|option| option.key.starts_with("cmdline")) {
            let value = unquoted(&expand(&setting.value, variables));
            if value.contains("${") {
                continue;
            }
            if let Some(gone) = value.strip_prefix('-') {
                let gone: Vec<&str> = gone.split_ascii_whitespace().collect();
                words.retain(|(word, _)| !gone.contains(&word.as_str()));
                self.draft.remark(
                    &setting.spot,
                    "it takes from what other options add, and not from the command line itself",
                );
                continue;
            }
            let added = value.trim_start_matches(['+', '\\']).split_ascii_whitespace();
            words.extend(added.map(|word| (word.to_owned(), setting.spot.clone())));
        }
        let Some((_, spot)) = words.first().cloned() else {
            return;
        };
        let list = words.into_iter().map(|(word, _)| Toml::Text(word)).collect();
        let subject = vec![("cmdline", Toml::Table(vec![("contains", Toml::List(list))]))];
        self.push("command-line", "kernel", subject, &spot);
    }
}
