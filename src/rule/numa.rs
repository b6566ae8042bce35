//! NUMA: memory that is nearer to some processors than to others.

use super::{
    Context, Dialect, Docs, Evidence, Failing, Found, Joint, Mend, Metric, Observation, Proposal, Reading, Row,
    Selectors, Table, Way, reading_of,
};
use crate::system::{Failure, Os};
use crate::value::{PortSet, Type, Unit, Value};

/// NUMA: `numa = { nodes = { max = 1 } }`.
#[derive(Debug)]
pub struct Numa;

static ROWS: &[Row<Vec<u32>>] = &[
    Row::new(
        Metric::new(
            "nodes",
            Type::Number(Unit::Count),
            "Nodes that are online and have memory.",
        ).said("{} with memory"),
        |nodes, _, _| told(Ok(i128::try_from(nodes.len()).unwrap_or(i128::MAX))),
        Way::Joint(&POLICY),
    ),
    Row::new(
        Metric::new(
            "distance",
            Type::Number(Unit::Count),
            "The largest distance between two of them, as the firmware tells it: 10 is the node itself, 20 twice as far.",
        ).said("largest distance {}"),
        |nodes, cx, _| told(distance(nodes, cx)),
        Way::Joint(&POLICY),
    ),
    Row::new(
        Metric::new(
            "spread",
            Type::Number(Unit::Centipercent),
            "How uneven they are filled: the share of free memory of the emptiest node less that of the fullest.",
        ).said("filled unevenly by {}"),
        |nodes, cx, evidence| told(spread(nodes, cx, evidence)),
        Way::Joint(&POLICY),
    ),
];

/// A program has one policy: memory from all nodes or from one.
static POLICY: Joint = Joint(policy);

static DOCS: Docs = Docs {
    summary: "NUMA nodes: how many, how far apart, how evenly filled.",
    text: "Reads the nodes below `/sys/devices/system/node` that are online and have memory; nodes of processors alone do not \
count. A kernel without NUMA tells of no nodes, and the rule is `n/a`: all memory is equally near.\n\n\
Memory is taken from the node that a program runs on. One large program fills that node while others are empty, and the kernel \
swaps or drops caches with memory left: `spread` shows that. The finding names the nodes that the process may use, where those \
are not all.\n\n\
How many nodes there are and how far apart is built into the machine, or set in its firmware or its hypervisor; what a program \
makes of them is decided where it is started.",
    example: "[[rule]]\nid = \"one-node\"\nseverity = \"warning\"\nnuma = { nodes = { max = 1 } }",
    remedies: &[
        (
            Dialect::Host,
            "numactl --interleave=all CMD spreads a program's memory; numactl --cpunodebind=0 --membind=0 CMD keeps it on a node.",
        ),
        (
            Dialect::Docker,
            "--cpuset-cpus and --cpuset-mems keep a container on a node.",
        ),
        (
            Dialect::Kubernetes,
            "The node's kubelet: topologyManagerPolicy single-numa-node, with the static CPU and memory managers.",
        ),
        (
            Dialect::Systemd,
            "NUMAPolicy=interleave with NUMAMask=all, or NUMAPolicy=bind with NUMAMask= and CPUAffinity=numa.",
        ),
    ],
};

impl Table for Numa {
    /// The nodes that are online and have memory, by number.
    type Seen = Vec<u32>;

    const NAME: &'static str = "numa";
    const DOCS: &'static Docs = &DOCS;
    const ROWS: &'static [Row<Vec<u32>>] = ROWS;

    fn label(&self, _selectors: &Selectors) -> String {
        "NUMA nodes".to_owned()
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Vec<u32>>> {
        vec![Found::new(Table::label(self, selectors), nodes(cx))]
    }

    /// How full each node is comes first, then which of them are of use here.
    fn remark(&self, _selectors: &Selectors, observation: &mut Observation, cx: &Context<'_>) {
        let nodes = nodes(cx).unwrap_or_default();
        observation.evidence.extend(allowed(&nodes, cx));
    }
}

/// The policy for the first metric that fails, and in words what helps the others: commands for two would undo each other.
fn policy(failing: &Failing<'_>) -> Proposal {
    let ways: [(&str, Mend); 3] = [
        ("nodes", from_all_or_one),
        ("spread", from_all),
        ("distance", on_one_node),
    ];
    let mut own = ways.iter().filter(|(metric, _)| failing.asks(metric));
    let Some((_, first)) = own.next() else {
        return from_all_or_one(failing);
    };
    let mut proposal = first(failing);
    for (metric, other) in own {
        let words = other(failing).remedies.into_iter();
        let said = proposal
            .remedies
            .iter_mut()
            .find(|(dialect, _)| *dialect == Dialect::Manual);
        if let (Some((_, said)), Some((_, words))) = (said, words.into_iter().find(|(of, _)| *of == Dialect::Manual)) {
            *said = format!("{said}\nFor the {metric}: {words}");
        }
    }
    proposal
}

fn from_all_or_one(_: &Failing<'_>) -> Proposal {
    interleaved(
        "the machine is built so",
        "Start the program so that its memory comes from all nodes (numactl --interleave=all CMD), or keep it on one \
         (numactl --cpunodebind=0 --membind=0 CMD); some firmware can present one node (node interleaving).",
    )
}

fn from_all(_: &Failing<'_>) -> Proposal {
    interleaved(
        "what filled the node runs on it, and takes its memory there first",
        "Start what takes most memory so that it takes it from all nodes (numactl --interleave=all CMD), and keep \
         vm.zone_reclaim_mode at 0; `numastat -p NAME` shows where a program's memory is.",
    )
}

fn interleaved(because: &str, what: &str) -> Proposal {
    let commands = [
        (Dialect::Host, "numactl --interleave=all CMD"),
        (Dialect::Systemd, "[Service]\nNUMAPolicy=interleave\nNUMAMask=all"),
    ];
    with_commands(because, what, &commands)
}

fn on_one_node(_: &Failing<'_>) -> Proposal {
    let commands = [
        (Dialect::Host, "numactl --cpunodebind=0 --membind=0 CMD"),
        (
            Dialect::Docker,
            "docker run --cpuset-cpus=\"$(cat /sys/devices/system/node/node0/cpulist)\" --cpuset-mems=0",
        ),
        (
            Dialect::Systemd,
            "[Service]\nNUMAPolicy=bind\nNUMAMask=0\nCPUAffinity=numa",
        ),
    ];
    with_commands(
        "the machine is built so",
        "Keep the program and its memory on one node (numactl --cpunodebind=0 --membind=0 CMD), or on nodes that are near: \
         `numactl --hardware` shows the distances.",
        &commands,
    )
}

fn with_commands(because: &str, what: &str, commands: &[(Dialect, &str)]) -> Proposal {
    let mut proposal = Proposal::manual(because, what);
    let commands = commands.iter().map(|(dialect, text)| (*dialect, (*text).to_owned()));
    proposal.remedies.extend(commands);
    proposal
}

fn told(number: Result<i128, Reading>) -> Reading {
    number.map_or_else(|why| why, |number| Reading::Value(Value::number(number)))
}

const DIRECTORY: &str = "/sys/devices/system/node";

fn odd(path: &str) -> Reading {
    Reading::Unreadable(format!("{path} has another form than expected"))
}

/// The nodes that are online and have memory, by number.
fn nodes(cx: &Context<'_>) -> Result<Vec<u32>, Reading> {
    if cx.system.platform().os != Os::Linux {
        return Err(Reading::Absent("this system does not tell of NUMA nodes".to_owned()));
    }
    let list = |name: &str| -> Result<Option<Vec<u32>>, Reading> {
        let path = format!("{DIRECTORY}/{name}");
        let Some(text) = cx.host.told(&path).map_err(|failure| reading_of(&failure, &path))? else {
            return Ok(None);
        };
        let set = PortSet::parse(&text).map_err(|_| odd(&path))?;
        // Nodes are numbered below MAX_NUMNODES, which is 1024 at most.
        Ok(Some(
            (0..1024).filter(|node| set.contains(*node)).map(u32::from).collect(),
        ))
    };
    // Before 4.13 there was `has_memory` only where memory can be movable, and `has_normal_memory` says the same of the rest.
    let memory = match list("has_memory")? {
        Some(memory) => Some(memory),
        None => list("has_normal_memory")?,
    };
    let memory = match memory {
        Some(memory) => memory,
        None => with_memory(cx)?,
    };
    let online = list("online")?;
    let is_online = |node: &u32| online.as_ref().is_none_or(|online| online.contains(node));
    Ok(memory.into_iter().filter(is_online).collect())
}

/// The nodes that have a directory and tell that they have memory.
fn with_memory(cx: &Context<'_>) -> Result<Vec<u32>, Reading> {
    let none = || Reading::Absent("this kernel tells of no NUMA nodes: all memory is equally near".to_owned());
    let names = match cx.system.list(DIRECTORY) {
        Err(Failure::Absent) => return Err(none()),
        names => names.map_err(|failure| reading_of(&failure, DIRECTORY))?,
    };
    let number = |name: &String| name.strip_prefix("node")?.parse::<u32>().ok();
    let all: Vec<u32> = names.iter().filter_map(number).collect();
    if all.is_empty() {
        return Err(none());
    }
    let mut nodes = Vec::new();
    for node in all {
        let path = format!("{DIRECTORY}/node{node}/meminfo");
        let text = cx.host.text(&path).map_err(|failure| match failure {
            Failure::Absent => Reading::Unreadable(format!("nothing tells whether node {node} has memory")),
            other => reading_of(&other, &path),
        })?;
        if field(&text, "MemTotal:").ok_or_else(|| odd(&path))? > 0 {
            nodes.push(node);
        }
    }
    nodes.sort_unstable();
    Ok(nodes)
}

/// A row of the firmware's table for each node, with a column for each that is online.
fn distance(nodes: &[u32], cx: &Context<'_>) -> Result<i128, Reading> {
    let mut largest = None;
    for node in nodes {
        let path = format!("{DIRECTORY}/node{node}/distance");
        let text = cx.text(&path)?;
        for word in text.split_ascii_whitespace() {
            largest = largest.max(Some(word.parse::<i128>().map_err(|_| odd(&path))?));
        }
    }
    largest.ok_or_else(|| Reading::Absent("no node has memory".to_owned()))
}

fn spread(nodes: &[u32], cx: &Context<'_>, evidence: &mut Evidence) -> Result<i128, Reading> {
    let mut shares = Vec::new();
    for node in nodes {
        let path = format!("{DIRECTORY}/node{node}/meminfo");
        let text = cx.text(&path)?;
        let share = free_share(&text).ok_or_else(|| odd(&path))?;
        evidence.push(format!("node {node}: {} free", Unit::Centipercent.show(share, 4096)));
        shares.push(share);
    }
    let most = shares
        .iter()
        .max()
        .zip(shares.iter().min())
        .map(|(most, least)| most - least);
    most.ok_or_else(|| Reading::Absent("no node has memory".to_owned()))
}

/// `Node 0 MemTotal: 19622092 kB`, and the same for MemFree; in hundredths of a percent.
fn free_share(text: &str) -> Option<i128> {
    let total = field(text, "MemTotal:").filter(|total| *total > 0)?;
    Some(field(text, "MemFree:")? * 10_000 / total)
}

fn field(text: &str, name: &str) -> Option<i128> {
    let mut words = text.lines().map(str::split_ascii_whitespace);
    words.find_map(|mut words| {
        (words.nth(2)? == name)
            .then(|| words.next()?.parse::<i128>().ok())
            .flatten()
    })
}

/// The nodes that the process may use, where those are not all.
fn allowed(nodes: &[u32], cx: &Context<'_>) -> Option<String> {
    let status = cx
        .host
        .text(&format!("{}/status", cx.system.process_directory()))
        .ok()?;
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Mems_allowed_list:"))?
        .trim();
    let set = PortSet::parse(list).ok()?;
    let may = |node: &u32| u16::try_from(*node).is_ok_and(|node| set.contains(node));
    (!nodes.iter().all(may)).then(|| format!("this process may take memory from node {list} only"))
}

#[cfg(test)]
mod tests {
    use super::free_share;

    #[test]
    fn the_free_part_of_a_node_is_read() {
        let text = "Node 1 MemTotal:       1000 kB\nNode 1 MemFree:        250 kB\nNode 1 MemUsed:        750 kB\n";
        assert_eq!(free_share(text), Some(2_500));
        assert_eq!(free_share("Node 1 MemTotal: 0 kB\nNode 1 MemFree: 0 kB\n"), None);
        assert_eq!(free_share(""), None);
    }
}
