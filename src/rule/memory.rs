//! Memory and swap.

use super::{
    Change, Context, Dialect, Docs, Evidence, Failing, Found, Joint, Metric, Proposal, Reading, Row, Scope, Selectors,
    Table, Target, Way, reach,
};
use crate::failure::Why;
use crate::system::{Failure, Os};
use crate::value::{Number, Type, Unit, Value};

/// Memory: `memory = { available = { min = "2G" } }`, `memory = { swap = 0 }`.
#[derive(Debug)]
pub struct Memory;

const fn bytes(name: &'static str, doc: &'static str) -> Metric {
    Metric::new(name, Type::Number(Unit::Bytes), doc)
}

static ROWS: &[Row<()>] = &[
    Row::new(
        bytes(
            "total",
            "Memory that this process may use: the machine's, or the cgroup's limit where that is lower.",
        )
        .said("{} in all"),
        total,
        Way::Own(more_memory),
    ),
    Row::new(
        bytes(
            "available",
            "Memory that can be had without swapping, as the kernel estimates it.",
        )
        .said("{} available"),
        available,
        Way::Own(less_use),
    ),
    Row::new(
        bytes("swap", "Swap space of the machine; 0 is off.").said("{} of swap space"),
        swap,
        Way::Joint(&SWAP),
    ),
    Row::new(
        bytes("swap_used", "Swap space in use.").said("{} swapped out"),
        swap_used,
        Way::Joint(&SWAP),
    ),
];

/// What is swapped out, and whether there is swap at all, is one thing to decide.
static SWAP: Joint = Joint(swapping);

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

impl Table for Memory {
    type Seen = ();

    const NAME: &'static str = "memory";
    const DOCS: &'static Docs = &DOCS;
    const ROWS: &'static [Row<()>] = ROWS;

    fn look(&self, _selectors: &Selectors, _cx: &Context<'_>) -> Vec<Found<()>> {
        vec![Found::new("memory", Ok(()))]
    }
}

fn more_memory(_: &Failing<'_>) -> Proposal {
    Proposal::manual(
        "the machine or the cgroup has too little memory",
        "Give it more memory, or raise the container's limit.",
    )
}

fn less_use(_: &Failing<'_>) -> Proposal {
    Proposal::manual(
        "other programs hold the memory",
        "Stop what is not needed: `ps --sort=-rss -eo rss,comm | head` names the largest.",
    )
}

fn swapping(failing: &Failing<'_>) -> Proposal {
    const BACK: &str = "Free memory, then swapoff -a and swapon -a bring everything back into memory.";
    const MORE: &str = "Add a swap file or partition: mkswap and swapon.";
    match (failing.of("swap"), failing.asks("swap"), failing.asks("swap_used")) {
        // Without swap nothing is swapped out.
        (Some(none), ..) if *none == Value::number(0) => swap_off(failing),
        (_, true, true) => Proposal::manual("the machine has too little swap", format!("{MORE}\n{BACK}")),
        (_, true, false) => Proposal::manual("the machine has too little swap", MORE),
        (_, false, _) => Proposal::manual("something was swapped out", BACK),
    }
}

fn swap_off(failing: &Failing<'_>) -> Proposal {
    let (reach, because) = reach::of_host(failing.cx);
    let change = Change {
        target: Target::Swap,
        from: failing.observation.value("swap").map(Value::to_string),
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

fn read(bytes: Result<u64, Failure>, what: &str) -> Reading {
    match bytes {
        Ok(bytes) => Reading::Value(Value::number(i128::from(bytes))),
        Err(failure) => Reading::Unreadable(format!("{what}: {failure}")),
    }
}

fn total(_: &(), cx: &Context<'_>, _: &mut Evidence) -> Reading {
    // What limits this process may be out of sight.
    let ram = match cx.host.memory_limit() {
        Err(failure @ Failure::CannotTell(Why::NotMounted(_))) => Err(failure),
        Ok(_) | Err(_) => cx.host.ram(),
    };
    read(ram, "the amount of memory")
}

fn available(_: &(), cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    if cx.system.platform().os != Os::Linux {
        return Reading::Absent("this system does not estimate available memory".to_owned());
    }
    let machine = cx.host.meminfo("MemAvailable");
    let limit = match cx.host.memory_limit() {
        Ok(limit) => limit.filter(|found| found.limit != Number::Unlimited),
        Err(failure) => return Reading::Unreadable(format!("the memory limit of this process: {failure}")),
    };
    let Some(limit) = limit else {
        return read(machine, "available memory");
    };
    evidence.push(format!(
        "the cgroup {} may use {}",
        limit.directory,
        Unit::Bytes.show(limit.limit.finite().unwrap_or(0), 4096)
    ));
    let most = limit.limit.finite().and_then(|most| u64::try_from(most).ok());
    let least = machine.map(|machine| most.map_or(machine, |most| machine.min(most)));
    read(least, "available memory")
}

fn swap(_: &(), cx: &Context<'_>, _: &mut Evidence) -> Reading {
    match cx.system.platform().os {
        Os::Linux => read(cx.host.meminfo("SwapTotal"), "swap"),
        Os::Macos | Os::Freebsd => of_sysctl("total", cx),
    }
}

fn swap_used(_: &(), cx: &Context<'_>, _: &mut Evidence) -> Reading {
    if cx.system.platform().os != Os::Linux {
        return of_sysctl("used", cx);
    }
    let total = cx.host.meminfo("SwapTotal");
    let used = total.and_then(|total| Ok(total.saturating_sub(cx.host.meminfo("SwapFree")?)));
    read(used, "swap in use")
}

/// `total = 2048.00M  used = 512.00M  free = 1536.00M  (encrypted)`, as macOS says it.
fn of_sysctl(field: &str, cx: &Context<'_>) -> Reading {
    match cx.system.sysctl("vm.swapusage") {
        Ok(text) => read(swap_usage(&text, field).ok_or(Failure::NotText), "vm.swapusage"),
        Err(failure) => super::reading_of(&failure, "vm.swapusage"),
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
