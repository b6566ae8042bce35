//! The tuners that redpanda.yaml turns on, as far as they are one setting each.

use super::ask::{Ask, Direction};
use super::draft::{Draft, Spot};
use super::yaml::{self, Node};
use super::{Entry, Format, ImportError, Input, Reads, Told, Wish};
use crate::document::write::Toml;
use crate::system::System;

/// Why a tuner is no rule.
const NOT_SETTINGS: &[(&str, &str)] = &[
    (
        "tune_network",
        "it spreads interrupts and queues over processors by the machine's layout",
    ),
    (
        "tune_disk_scheduler",
        "it is for the devices below the data directory, which the file names and a rule cannot follow",
    ),
    (
        "tune_disk_nomerges",
        "it is for the devices below the data directory, which the file names and a rule cannot follow",
    ),
    (
        "tune_disk_write_cache",
        "it is for the devices below the data directory, and on one cloud only",
    ),
    (
        "tune_disk_irq",
        "it spreads the disks' interrupts over processors by the machine's layout",
    ),
    ("tune_fstrim", "it starts a timer that trims file systems"),
    (
        "tune_cpu",
        "it changes the kernel's command line and the governor, by what the machine offers",
    ),
    ("tune_coredump", "it installs a program that takes core files"),
    (
        "tune_ballast_file",
        "it makes a file that can be deleted when the disk is full",
    ),
    ("enable_memory_locking", "it is an option of the broker, and no limit"),
    ("overprovisioned", "it is an option of the broker"),
];

/// redpanda.yaml, of which the section `rpk` names tuners.
#[derive(Debug)]
pub struct Redpanda;

impl Format for Redpanda {
    fn name(&self) -> &'static str {
        "redpanda"
    }

    fn help(&self) -> &'static str {
        "the tuners under `rpk:` in redpanda.yaml that are one setting each."
    }

    fn by_name(&self, entry: &Entry) -> Option<Told> {
        entry.is_file(&["redpanda.yaml"]).then_some(Told::ByFile)
    }

    fn by_document(&self, root: &Node) -> bool {
        root.get("rpk").and_then(Node::map).is_some()
    }

    /// One key that no other program has says more than the many sections of goss.
    fn strictness(&self) -> u8 {
        1
    }

    fn reads(&self) -> Reads {
        Reads::Files(&[".yaml", ".yml", ".json", ".conf"])
    }

    fn import(&self, input: &Input, _wish: &Wish, _system: &dyn System, draft: &mut Draft) -> Result<(), ImportError> {
        import(input, draft)
    }
}

fn import(input: &Input, draft: &mut Draft) -> Result<(), ImportError> {
    for entry in &input.entries {
        let Entry::File { path, text } = entry else { continue };
        let root = yaml::parse(text).map_err(|mistake| ImportError::in_yaml(path, mistake))?;
        let Some(section) = root.get("rpk").and_then(Node::map) else {
            draft.left_out(&Spot::new(path, 0), "there is no section `rpk` in it");
            continue;
        };
        for (key, node) in section {
            tuner(key, node, &Spot::new(path, node.line), draft);
        }
        for (key, node) in root.map().unwrap_or_default().iter().filter(|(key, _)| key != "rpk") {
            draft.left_out(
                &Spot::new(path, node.line),
                format!("`{key}` is about the broker, and not the machine"),
            );
        }
    }
    Ok(())
}

fn tuner(key: &str, node: &Node, spot: &Spot, draft: &mut Draft) {
    let on = match node.boolean() {
        // What is off asks for nothing.
        Some(false) => return,
        Some(true) => true,
        None => false,
    };
    let sysctl = |key, value, direction, draft: &mut Draft| {
        let ask = Ask {
            key,
            value,
            direction,
            when: None,
            spot,
        };
        ask.make(draft);
    };
    match key {
        "tune_aio_events" if on => sysctl("fs.aio-max-nr", "1048576", Direction::Floor, draft),
        "tune_swappiness" if on => sysctl("vm.swappiness", "1", Direction::Equal, draft),
        "tune_transparent_hugepages" if on => {
            let path = Toml::text("kernel/mm/transparent_hugepage/enabled");
            draft.rule(key, "sysfs", vec![("path", path), ("eq", Toml::text("always"))], spot);
        }
        "tune_clocksource" if on => {
            // The tuner does nothing where the clock is not on offer, and it is one of x86.
            draft.conditional(
                key,
                "clock",
                vec![("source", Toml::text("tsc"))],
                Some("arch == 'x86_64'"),
                spot,
            );
            draft.remark(
                spot,
                "the tuner lets a machine be that does not offer `tsc`; the rule does not",
            );
        }
        _ => {
            let why = NOT_SETTINGS
                .iter()
                .find(|(known, _)| *known == key)
                .map(|(_, why)| *why);
            let why = why.unwrap_or("it is no tuner that stands for one setting");
            draft.left_out(spot, format!("`{key}`: {why}"));
        }
    }
}
