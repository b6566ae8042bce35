//! Memory and swap.

use super::{
    Change, Context, Dialect, Docs, Kind, Metric, Observation, Proposal, Reading, Scope, Selectors, Target, reach,
};
use crate::document::shape::Field;
use crate::failure::Why;
use crate::system::{Failure, Os};
use crate::value::{Number, Type, Unit, Value};

/// Memory: `memory = { available = { min = "2G" } }`, `memory = { swap = 0 }`.
#[derive(Debug)]
pub struct Memory;

static METRICS: &[Metric] = &[
    Metric {
        name: "total",
        value: Some(Type::Number(Unit::Bytes)),
        doc: "Memory that this process may use: the machine's, or the cgroup's limit where that is lower.",
    },
    Metric {
        name: "available",
        value: Some(Type::Number(Unit::Bytes)),
        doc: "Memory that can be had without swapping, as the kernel estimates it.",
    },
    Metric {
        name: "swap",
        value: Some(Type::Number(Unit::Bytes)),
        doc: "Swap space of the machine; 0 is off.",
    },
    Metric {
        name: "swap_used",
        value: Some(Type::Number(Unit::Bytes)),
        doc: "Swap space in use.",
    },
];

static DOCS: Docs = Docs {
    summary: "Memory that is there and available, and swap.",
    text: "Reads `/proc/meminfo`: MemAvailable is the kernel's estimate of what new programs can have without swapping, which \
free memory is not. `total` honours the cgroup's limit, in which a program in a container really lives.\n\n\
Swap belongs to the host. `swap = 0` asks that there is none; turning it off needs memory for everything that is swapped out.",
    example: "[[rule]]\nid = \"no-swap\"\nseverity = \"warning\"\nmemory = { swap = 0 }",
    remedies: &[
        (
            Dialect::Host,
            "swapoff -a turns swap off until the next boot; /etc/fstab brings it back.",
        ),
        (
            Dialect::Kubernetes,
            "Swap belongs to the node; memory is resources.limits.memory.",
        ),
    ],
};

impl Kind for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn docs(&self) -> &'static Docs {
        &DOCS
    }

    fn selectors(&self) -> &'static [Field] {
        &[]
    }

    fn metrics(&self) -> &'static [Metric] {
        METRICS
    }

    fn label(&self, _selectors: &Selectors) -> String {
        "memory".to_owned()
    }

    fn probe(&self, _selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let mut evidence = Vec::new();
        let readings = wanted
            .iter()
            .map(|metric| (*metric, read(metric, cx, &mut evidence)))
            .collect();
        vec![Observation {
            subject: "memory".to_owned(),
            readings,
            evidence,
        }]
    }

    fn propose(
        &self,
        _selectors: &Selectors,
        observation: &Observation,
        targets: &[(&'static str, Option<Value>)],
        cx: &Context<'_>,
    ) -> Proposal {
        match targets.first() {
            Some(("swap", Some(Value::Number(Number::Finite(0))))) => {
                let (reach, because) = reach::of_host_file("/proc/swaps", cx);
                // /proc/swaps itself is never writable; what counts is whether this is root on the host.
                let (reach, because) = match reach {
                    super::Reach::Boot => reach::of_root(cx),
                    _ => (reach, because),
                };
                let from = observation.value("swap").map(Value::to_string);
                let change = Change {
                    target: Target::Swap,
                    from,
                    to: "0".to_owned(),
                    scope: Scope::Host,
                    hard: None,
                };
                Proposal {
                    reach,
                    because,
                    changes: vec![change],
                    remedies: Vec::new(),
                }
            }
            Some(("swap", _)) => Proposal::manual(
                "the machine has too little swap",
                "Add a swap file or partition: mkswap and swapon.",
            ),
            Some(("swap_used", _)) => Proposal::manual(
                "something was swapped out",
                "Free memory, then swapoff -a and swapon -a bring everything back into memory.",
            ),
            Some(("total", _)) => Proposal::manual(
                "the machine or the cgroup has too little memory",
                "Give it more memory, or raise the container's limit.",
            ),
            _ => Proposal::manual(
                "other programs hold the memory",
                "Stop what is not needed: `ps --sort=-rss -eo rss,comm | head` names the largest.",
            ),
        }
    }
}

fn read(metric: &str, cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
    let host = cx.host;
    let bytes = |bytes: Result<u64, Failure>, what: &str| match bytes {
        Ok(bytes) => Reading::Value(Value::number(i128::from(bytes))),
        Err(failure) => Reading::Unreadable(format!("{what}: {failure}")),
    };
    if metric == "total" {
        // What limits this process may be out of sight.
        let ram = match host.memory_limit() {
            Err(failure @ Failure::CannotTell(Why::NotMounted(_))) => Err(failure),
            _ => host.ram(),
        };
        return bytes(ram, "the amount of memory");
    }
    if cx.system.platform().os != Os::Linux {
        return match metric {
            // `total = 2048.00M  used = 512.00M  free = 1536.00M  (encrypted)`
            "swap" | "swap_used" => match cx.system.sysctl("vm.swapusage") {
                Ok(text) => {
                    let field = if metric == "swap" { "total" } else { "used" };
                    bytes(swap_usage(&text, field).ok_or(Failure::NotText), "vm.swapusage")
                }
                Err(failure) => super::reading_of(&failure, "vm.swapusage"),
            },
            _ => Reading::Absent("this system does not estimate available memory".to_owned()),
        };
    }
    match metric {
        "available" => {
            let machine = host.meminfo("MemAvailable");
            let limit = match host.memory_limit() {
                Ok(limit) => limit.filter(|found| found.limit != Number::Unlimited),
                Err(failure) => return Reading::Unreadable(format!("the memory limit of this process: {failure}")),
            };
            if let Some(limit) = limit {
                evidence.push(format!(
                    "the cgroup {} may use {}",
                    limit.directory,
                    Unit::Bytes.show(limit.limit.finite().unwrap_or(0), 4096)
                ));
                let most = limit.limit.finite().and_then(|most| u64::try_from(most).ok());
                return bytes(
                    machine.map(|machine| most.map_or(machine, |most| machine.min(most))),
                    "available memory",
                );
            }
            bytes(machine, "available memory")
        }
        "swap" => bytes(host.meminfo("SwapTotal"), "swap"),
        _ => {
            let used = host
                .meminfo("SwapTotal")
                .and_then(|total| Ok(total.saturating_sub(host.meminfo("SwapFree")?)));
            bytes(used, "swap in use")
        }
    }
}

fn swap_usage(text: &str, name: &str) -> Option<u64> {
    let rest = text.split(name).nth(1)?.trim_start().strip_prefix('=')?.trim_start();
    let word = rest.split_ascii_whitespace().next()?;
    let (number, scale) = match word.strip_suffix('M') {
        Some(number) => (number, 1_048_576),
        None => (word.strip_suffix('G')?, 1_073_741_824),
    };
    let (whole, hundredths) = number.split_once('.').unwrap_or((number, "0"));
    let hundredths: u64 = format!("{hundredths:0<2}").get(..2)?.parse().ok()?;
    Some(whole.parse::<u64>().ok()? * scale + hundredths * scale / 100)
}

#[cfg(test)]
mod tests {
    use super::swap_usage;

    #[test]
    fn swap_usage_of_macos_is_read() {
        let text = "total = 2048.00M  used = 512.50M  free = 1535.50M  (encrypted)";
        assert_eq!(swap_usage(text, "total"), Some(2048 << 20));
        assert_eq!(swap_usage(text, "used"), Some((512 << 20) + (1 << 19)));
    }
}
