//! Whether the machine is quiet: processors, network, pressure.

use std::any::Any;
use std::collections::BTreeMap;

use super::{Context, Dialect, Docs, Kind, Metric, Observation, Over, Proposal, Reading, Selectors};
use crate::document::shape::Field;
use crate::system::{Failure, Os, ProcessTime};
use crate::value::{Type, Unit, Value};

/// Quiet: `quiet = { cpu = { max = "10%" }, network = { max = "1M" } }`.
#[derive(Debug)]
pub struct Quiet;

static METRICS: &[Metric] = &[
    Metric::new(
        "cpu",
        Type::Number(Unit::Centipercent),
        "Processor time in use during the window, as a share of all processors; runup's own is not counted.",
    )
    .over(Over::Rate)
    .settles(),
    Metric::new(
        "steal",
        Type::Number(Unit::Centipercent),
        "Processor time that the hypervisor gave to other guests during the window.",
    )
    .over(Over::Rate)
    .settles(),
    Metric::new(
        "runnable",
        Type::Number(Unit::Count),
        "Tasks that run or want to, runup not counted.",
    )
    .over(Over::Peak)
    .settles(),
    Metric::new(
        "network",
        Type::Number(Unit::BytesPerSecond),
        "Bytes a second over all interfaces but loopback, both ways.",
    )
    .over(Over::Rate)
    .settles(),
    Metric::new(
        "pressure",
        Type::Number(Unit::Centipercent),
        "Share of the last ten seconds in which some task waited for a processor (PSI).",
    )
    .settles(),
    Metric::new(
        "memory_pressure",
        Type::Number(Unit::Centipercent),
        "The same for memory.",
    )
    .settles(),
    Metric::new("io_pressure", Type::Number(Unit::Centipercent), "The same for disks.").settles(),
];

static DOCS: Docs = Docs {
    summary: "Whether something else keeps the machine busy right now.",
    text: "Takes two samples with a pause between them (`--window`, 300 ms by default) and compares the counters: processor \
time, time stolen by the hypervisor, bytes on the network. What makes the noise is named: the busiest processes and interfaces.\n\n\
Noise comes and goes, so `--wait 2m` looks again until it is quiet. The pressure metrics are the kernel's own averages over ten \
seconds, and do not exist where it was built or started without PSI.",
    example: "[[rule]]\nid = \"quiet-cpu\"\nseverity = \"warning\"\nquiet = { cpu = { max = \"10%\" } }",
    remedies: &[(
        Dialect::Manual,
        "Stop or pause what the finding names, or wait for it: --wait 2m.",
    )],
};

struct Sample {
    cpu: Result<CpuTimes, Failure>,
    network: Result<BTreeMap<String, u64>, Failure>,
    processes: Vec<ProcessTime>,
    own: u64,
}

#[derive(Clone, Copy)]
struct CpuTimes {
    total: u64,
    idle: u64,
    steal: u64,
    running: u64,
    /// When it was taken: a counter of the kernel's own, in hundredths of a second since boot.
    uptime: u64,
}

impl Kind for Quiet {
    fn name(&self) -> &'static str {
        "quiet"
    }

    fn docs(&self) -> &'static Docs {
        &DOCS
    }

    fn selectors(&self) -> &'static [Field] {
        &[]
    }

    fn metric(&self, at: usize) -> Option<&'static Metric> {
        METRICS.get(at)
    }

    fn sample(&self, cx: &Context<'_>) -> Box<dyn Any> {
        let processes = cx.system.processes().unwrap_or_default();
        let pid = cx.system.identity().pid;
        let own = processes
            .iter()
            .find(|process| process.pid == pid)
            .map_or(0, |process| process.ticks);
        Box::new(Sample {
            cpu: cpu(cx),
            network: network(cx),
            processes,
            own,
        })
    }

    fn label(&self, _selectors: &Selectors) -> String {
        "this machine".to_owned()
    }

    fn probe(&self, _selectors: &Selectors, wanted: &[&'static str], cx: &Context<'_>) -> Vec<Observation> {
        let pair = cx
            .samples
            .and_then(|(before, after)| Some((before.downcast_ref()?, after.downcast_ref()?)));
        let mut evidence = Vec::new();
        let readings = wanted
            .iter()
            .map(|metric| (*metric, read(metric, pair, cx, &mut evidence)))
            .collect();
        vec![Observation {
            subject: "this machine".to_owned(),
            readings,
            evidence,
        }]
    }

    fn propose(
        &self,
        _: &Selectors,
        _: &Observation,
        targets: &[(&'static str, Option<Value>)],
        _: &Context<'_>,
    ) -> Proposal {
        if targets.iter().any(|(metric, _)| *metric == "steal") {
            return Proposal::manual(
                "other guests of the same host take the time",
                "Move to a machine that is not shared, or run again later.",
            );
        }
        Proposal::manual(
            "something else is running",
            "Stop or pause what makes the noise, or wait for it: --wait 2m.",
        )
    }
}

/// `/proc/stat`: user nice system idle iowait irq softirq steal guest guest_nice, in ticks.
fn cpu(cx: &Context<'_>) -> Result<CpuTimes, Failure> {
    let stat = cx.host.text("/proc/stat")?;
    let line = stat
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))
        .ok_or(Failure::NotText)?;
    let fields: Vec<u64> = line
        .split_ascii_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    let field = |at: usize| fields.get(at).copied().unwrap_or(0);
    let running = stat
        .lines()
        .find_map(|line| line.strip_prefix("procs_running ")?.trim().parse().ok())
        .unwrap_or(0);
    let uptime = cx.host.text("/proc/uptime")?;
    let uptime: String = uptime
        .split(' ')
        .next()
        .unwrap_or("")
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    Ok(CpuTimes {
        // Guest time is in user time already.
        total: (0..8).map(field).sum(),
        idle: field(3) + field(4),
        steal: field(7),
        running,
        uptime: uptime.parse().map_err(|_| Failure::NotText)?,
    })
}

/// `/proc/net/dev`: bytes in and out of each interface.
fn network(cx: &Context<'_>) -> Result<BTreeMap<String, u64>, Failure> {
    let table = cx.host.text(&format!("{}/net/dev", cx.system.process_directory()))?;
    let mut bytes = BTreeMap::new();
    for line in table.lines().skip(2) {
        let Some((name, counters)) = line.split_once(':') else {
            continue;
        };
        let fields: Vec<u64> = counters
            .split_ascii_whitespace()
            .filter_map(|field| field.parse().ok())
            .collect();
        if let ("lo", _) | (_, None) = (name.trim(), fields.get(8)) {
            continue;
        }
        bytes.insert(name.trim().to_owned(), fields[0] + fields[8]);
    }
    Ok(bytes)
}

fn read(metric: &str, pair: Option<(&Sample, &Sample)>, cx: &Context<'_>, evidence: &mut Vec<String>) -> Reading {
    if cx.system.platform().os != Os::Linux {
        return Reading::Absent("this system keeps no counters that runup reads".to_owned());
    }
    match metric {
        "pressure" => return psi("cpu", cx),
        "memory_pressure" => return psi("memory", cx),
        "io_pressure" => return psi("io", cx),
        _ => {}
    }
    let Some((before, after)) = pair else {
        return Reading::Unreadable("no samples were taken".to_owned());
    };
    let (old, new) = match (&before.cpu, &after.cpu) {
        (Ok(old), Ok(new)) => (*old, *new),
        (Err(failure), _) | (_, Err(failure)) => return Reading::Unreadable(format!("/proc/stat: {failure}")),
    };
    let number = |number: u64| Reading::Value(Value::number(i128::from(number)));
    let total = new.total.saturating_sub(old.total);
    let share = |part: u64| Some((part * 10_000).checked_div(total)?.min(10_000));
    match metric {
        "cpu" => {
            let own = after.own.saturating_sub(before.own);
            let busy = total
                .saturating_sub(new.idle.saturating_sub(old.idle))
                .saturating_sub(new.steal.saturating_sub(old.steal));
            evidence.extend(busiest(before, after, cx));
            share(busy.saturating_sub(own)).map_or_else(no_time, number)
        }
        "steal" => share(new.steal.saturating_sub(old.steal)).map_or_else(no_time, number),
        "runnable" => number(new.running.saturating_sub(1)),
        _ => {
            let (old_bytes, new_bytes) = match (&before.network, &after.network) {
                (Ok(old), Ok(new)) => (old, new),
                (Err(failure), _) | (_, Err(failure)) => {
                    return Reading::Unreadable(format!("/proc/net/dev: {failure}"));
                }
            };
            let elapsed = new.uptime.saturating_sub(old.uptime);
            if elapsed == 0 {
                return no_time();
            }
            let rate = |name: &String, bytes: u64| {
                bytes.saturating_sub(old_bytes.get(name).copied().unwrap_or(bytes)) * 100 / elapsed
            };
            let mut rates: Vec<(u64, &String)> = new_bytes
                .iter()
                .map(|(name, bytes)| (rate(name, *bytes), name))
                .collect();
            rates.sort_by(|a, b| b.cmp(a));
            for (rate, name) in rates.iter().filter(|(rate, _)| *rate > 0).take(3) {
                evidence.push(format!(
                    "{name}: {}",
                    Unit::BytesPerSecond.show(i128::from(*rate), 4096)
                ));
            }
            number(rates.iter().map(|(rate, _)| rate).sum())
        }
    }
}

fn no_time() -> Reading {
    Reading::Unreadable("no time passed between the two samples: on a live machine a longer --window helps, and files do not change by themselves".to_owned())
}

/// The processes that used most time, each as a share of one processor.
fn busiest(before: &Sample, after: &Sample, cx: &Context<'_>) -> Vec<String> {
    let (Ok(old), Ok(new)) = (&before.cpu, &after.cpu) else {
        return Vec::new();
    };
    let known: BTreeMap<u32, u64> = before
        .processes
        .iter()
        .map(|process| (process.pid, process.ticks))
        .collect();
    let own = cx.system.identity().pid;
    let used = |process: &ProcessTime| {
        process
            .ticks
            .saturating_sub(known.get(&process.pid).copied().unwrap_or(process.ticks))
    };
    let mut list: Vec<(u64, &ProcessTime)> = after
        .processes
        .iter()
        .filter(|process| process.pid != own)
        .map(|process| (used(process), process))
        .collect();
    list.retain(|(ticks, _)| *ticks > 0);
    list.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.pid.cmp(&b.1.pid)));
    let elapsed = new.uptime.saturating_sub(old.uptime).max(1);
    let ticks_per_second = u64::from(cx.system.platform().ticks_per_second.max(1));
    list.iter()
        .take(3)
        .map(|(ticks, process)| {
            let percent = ticks * 100 * 100 / ticks_per_second / elapsed;
            let name = if process.name.is_empty() {
                "(another user's)"
            } else {
                process.name.as_str()
            };
            format!("{name} (pid {}): {percent} % of one processor", process.pid)
        })
        .collect()
}

/// `some avg10=0.35 avg60=...`
fn psi(what: &str, cx: &Context<'_>) -> Reading {
    let path = format!("/proc/pressure/{what}");
    let text = match cx.host.text(&path) {
        Ok(text) => text,
        // EOPNOTSUPP: the kernel has PSI, and was started without it.
        Err(Failure::Absent | Failure::Io(libc::EOPNOTSUPP)) => {
            return Reading::Absent("this kernel keeps no pressure averages (PSI)".to_owned());
        }
        Err(failure) => return Reading::Unreadable(format!("{path}: {failure}")),
    };
    let average = text
        .lines()
        .find_map(|line| line.strip_prefix("some avg10=")?.split(' ').next());
    let hundredths = average.and_then(|average| {
        let (whole, part) = average.split_once('.')?;
        Some(whole.parse::<i128>().ok()? * 100 + part.parse::<i128>().ok()?)
    });
    match hundredths {
        Some(value) => Reading::Value(Value::number(value)),
        None => Reading::Unreadable(format!("{path} has another form than expected")),
    }
}
