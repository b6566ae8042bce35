//! Whether the machine is quiet: processors, network, pressure.

use std::collections::BTreeMap;

use super::{
    Context, Dialect, Docs, Evidence, Failing, Found, Metric, Over, Proposal, Reading, Row, Sampler, Selectors, Table,
    Way,
};
use crate::host::text;
use crate::system::{Failure, Os, ProcessTime, Reread};
use crate::value::{Type, Unit, Value};

/// Quiet: `quiet = { cpu = { max = "10%" }, network = { max = "1M" } }`.
#[derive(Debug)]
pub struct Quiet;

const fn share(name: &'static str, doc: &'static str) -> Metric {
    Metric::new(name, Type::Number(Unit::Centipercent), doc).settles()
}

static ROWS: &[Row<()>] = &[
    Row::new(
        share(
            "cpu",
            "Processor time in use during the window, as a share of all processors; runup's own is not counted.",
        )
        .said("{} of processor time used by other programs")
        .over(Over::Rate),
        used,
        Way::Own(less_noise),
    ),
    Row::new(
        share(
            "steal",
            "Processor time that the hypervisor gave to other guests during the window.",
        )
        .said("{} of processor time taken by the hypervisor")
        .over(Over::Rate),
        stolen,
        Way::Own(another_host),
    ),
    Row::new(
        Metric::new(
            "runnable",
            Type::Number(Unit::Count),
            "Tasks that run or want to at either end of the window, the more of both; runup is not counted.",
        )
        .said("{} tasks running or waiting to run")
        .over(Over::Peak)
        .settles(),
        runnable,
        Way::Own(less_noise),
    ),
    Row::new(
        Metric::new(
            "network",
            Type::Number(Unit::BytesPerSecond),
            "Bytes a second over all interfaces but loopback, both ways.",
        )
        .said("{} of network traffic")
        .over(Over::Rate)
        .settles(),
        on_network,
        Way::Own(less_noise),
    ),
    Row::new(
        share(
            "pressure",
            "Share of the last ten seconds in which some task waited for a processor (PSI).",
        )
        .said("{} of the time with tasks waiting for a processor"),
        |(), cx, _| pressure("cpu", cx),
        Way::Own(less_noise),
    ),
    Row::new(
        share("memory_pressure", "The same for memory.").said("{} of the time with tasks waiting for memory"),
        |(), cx, _| pressure("memory", cx),
        Way::Own(less_noise),
    ),
    Row::new(
        share("io_pressure", "The same for disks.").said("{} of the time with tasks waiting for disks"),
        |(), cx, _| pressure("io", cx),
        Way::Own(less_noise),
    ),
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

impl Table for Quiet {
    type Seen = ();

    const NAME: &'static str = "quiet";
    const DOCS: &'static Docs = &DOCS;
    const ROWS: &'static [Row<()>] = ROWS;

    fn label(&self, _selectors: &Selectors) -> String {
        "this machine".to_owned()
    }

    fn sampler<'a>(&self, cx: &Context<'a>) -> Sampler<'a> {
        let system = cx.system;
        let table = format!("{}/net/dev", system.process_directory());
        let (mut stat, mut uptime) = (system.open("/proc/stat"), system.open("/proc/uptime"));
        let mut devices = system.open(&table);
        let pid = system.identity().pid;
        Box::new(move || {
            let processes = system.processes().unwrap_or_default();
            let own = processes.iter().find(|process| process.pid == pid);
            Box::new(Sample {
                cpu: cpu(&mut *stat, &mut *uptime),
                network: text(devices.read()).map(|table| network(&table)),
                own: own.map_or(0, |process| process.ticks),
                processes,
            })
        })
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<()>> {
        let seen = match cx.system.platform().os {
            Os::Linux => Ok(()),
            Os::Macos | Os::Freebsd => Err(Reading::Absent(
                "this system keeps no counters that runup reads".to_owned(),
            )),
        };
        vec![Found::new(self.label(selectors), seen)]
    }
}

fn another_host(_: &Failing<'_>) -> Proposal {
    Proposal::manual(
        "other guests of the same host take the time",
        "Move to a machine that is not shared, or run again later.",
    )
}

fn less_noise(_: &Failing<'_>) -> Proposal {
    Proposal::manual(
        "something else is running",
        "Stop or pause what makes the noise, or wait for it: --wait 2m.",
    )
}

/// `/proc/stat`: user nice system idle iowait irq softirq steal guest guest_nice, in ticks.
fn cpu(stat: &mut dyn Reread, uptime: &mut dyn Reread) -> Result<CpuTimes, Failure> {
    let stat = text(stat.read())?;
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
    let uptime = text(uptime.read())?;
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
fn network(table: &str) -> BTreeMap<String, u64> {
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
    bytes
}

/// The samples at both ends of the window, with the processors' times.
struct Ends<'a> {
    oldest: &'a Sample,
    newest: &'a Sample,
    old: CpuTimes,
    new: CpuTimes,
}

impl<'a> Ends<'a> {
    fn of(cx: &Context<'a>) -> Result<Self, Reading> {
        let ends = cx.window.and_then(|window| window.ends::<Sample>());
        let (oldest, newest) = ends.ok_or_else(not_sampled)?;
        Ok(Self {
            oldest,
            newest,
            old: oldest.times()?,
            new: newest.times()?,
        })
    }

    /// A part of the time of all processors, in hundredths of a percent.
    fn share(&self, part: u64) -> Reading {
        let total = self.new.total.saturating_sub(self.old.total);
        match (part * 10_000).checked_div(total) {
            Some(share) => number(share.min(10_000)),
            None => no_time(),
        }
    }
}

impl Sample {
    fn times(&self) -> Result<CpuTimes, Reading> {
        let why = |failure: &Failure| Reading::Unreadable(format!("/proc/stat: {failure}"));
        self.cpu.as_ref().copied().map_err(why)
    }
}

fn not_sampled() -> Reading {
    Reading::Unreadable("no samples were taken".to_owned())
}

fn number(number: u64) -> Reading {
    Reading::Value(Value::number(i128::from(number)))
}

fn used(_: &(), cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    let ends = match Ends::of(cx) {
        Ok(ends) => ends,
        Err(why) => return why,
    };
    let grown = |of: fn(&CpuTimes) -> u64| of(&ends.new).saturating_sub(of(&ends.old));
    let busy = grown(|times| times.total)
        .saturating_sub(grown(|times| times.idle))
        .saturating_sub(grown(|times| times.steal));
    evidence.extend(busiest(&ends, cx));
    ends.share(busy.saturating_sub(ends.newest.own.saturating_sub(ends.oldest.own)))
}

fn stolen(_: &(), cx: &Context<'_>, _: &mut Evidence) -> Reading {
    match Ends::of(cx) {
        Ok(ends) => ends.share(ends.new.steal.saturating_sub(ends.old.steal)),
        Err(why) => why,
    }
}

fn runnable(_: &(), cx: &Context<'_>, _: &mut Evidence) -> Reading {
    let newest = cx.window.and_then(|window| window.newest::<Sample>());
    match newest.ok_or_else(not_sampled).and_then(Sample::times) {
        Ok(times) => number(times.running.saturating_sub(1)),
        Err(why) => why,
    }
}

fn on_network(_: &(), cx: &Context<'_>, evidence: &mut Evidence) -> Reading {
    let ends = match Ends::of(cx) {
        Ok(ends) => ends,
        Err(why) => return why,
    };
    let (old, new) = match (&ends.oldest.network, &ends.newest.network) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(failure), _) | (_, Err(failure)) => return Reading::Unreadable(format!("/proc/net/dev: {failure}")),
    };
    let elapsed = ends.new.uptime.saturating_sub(ends.old.uptime);
    if elapsed == 0 {
        return no_time();
    }
    let rate = |name: &String, bytes: u64| {
        let before = old.get(name).copied().unwrap_or(bytes);
        bytes.saturating_sub(before) * 100 / elapsed
    };
    let mut rates: Vec<(u64, &String)> = new.iter().map(|(name, bytes)| (rate(name, *bytes), name)).collect();
    rates.sort_by(|a, b| b.cmp(a));
    for (rate, name) in rates.iter().filter(|(rate, _)| *rate > 0).take(3) {
        let shown = Unit::BytesPerSecond.show(i128::from(*rate), 4096);
        evidence.push(format!("{name}: {shown}"));
    }
    number(rates.iter().map(|(rate, _)| rate).sum())
}

fn no_time() -> Reading {
    Reading::Unreadable("no time passed between the two samples: on a live machine a longer --window helps, and files do not change by themselves".to_owned())
}

/// The processes that used most time, each as a share of one processor.
fn busiest(ends: &Ends<'_>, cx: &Context<'_>) -> Vec<String> {
    let (before, after) = (ends.oldest, ends.newest);
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
    let elapsed = ends.new.uptime.saturating_sub(ends.old.uptime).max(1);
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
fn pressure(what: &str, cx: &Context<'_>) -> Reading {
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
