//! Kernel parameters.

use super::known::{namespace, owner, untyped};
use super::{
    Change, Context, Dialect, Docs, Evidence, Failing, Found, Later, Metric, NextBoot, Observation, Proposal, Reach,
    Reading, Row, Scope, Selectors, Table, Target, Way, conf, glob, next_boot, reading_of,
};
use crate::catalogue::{self, Key, Namespace, Ordered, Write};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, optional, required};
use crate::failure::Why;
use crate::host::{Capability, Runtime, in_words};
use crate::system::{Failure, NameError, Os, SysctlName};
use crate::value::{Comparator, Number, Order, Type, Value, in_order, is_ordered};
use crate::writers;

/// Kernel parameters: `sysctl = { key = "net.core.somaxconn", min = 4096 }`.
#[derive(Debug)]
pub struct Sysctl;

static SELECTORS: &[Field] = &[
    required(
        "key",
        Shape::PerSystem(&Shape::Text),
        "The key, in the form of sysctl.d(5): `net.core.somaxconn`, or `net/ipv4/conf/eth0.100/rp_filter` where a name has dots. \
         A `*` stands for any one segment. One for each system: `{ linux = \"...\", macos = \"...\" }`.",
    ),
    optional(
        "known",
        Shape::Bool,
        "The key is right even where runup does not know it: a module's, or a newer kernel's. `false`: it was taken over from a file as it \
         stands there, so that a name that is one slip from a known one is a rule that fails, and no mistake of the profile.",
    ),
    optional(
        "own",
        Shape::Bool,
        "Of a setting of a network interface: what its own file holds counts, as a line of a file sets it, and not what the kernel \
         makes of that and of `conf.all`.",
    ),
];

static ROWS: &[Row<Value>] = &[Row::new(
    Metric::untyped("", "The value of the key."),
    |value, _, _| Reading::Value(value.clone()),
    Way::Own(write),
)];

static DOCS: Docs = Docs {
    summary: "A kernel parameter, as sysctl(8) shows it.",
    text: "Reads the key with one read from `/proc/sys` (on macOS and FreeBSD from sysctl(3)) and compares its typed value: \
tabs and spaces are the same, and one field of a row like `net.ipv4.tcp_rmem` can be addressed with `field`.\n\n\
A key that is not there is looked up in the catalogue of known keys. Known, and not in this kernel or configuration: `n/a`. \
Known to exist in the host's network namespace alone, and this is another: `unknown`. Known to nobody, and one slip from a known \
key of the same directory (`net.core.somaxcon`): a mistake of the profile, as a mistyped field is, since a typo must not pass for a \
rule that does not apply. Known to nobody otherwise: `unknown`. `known = true` says that the key is right; in a file of sysctl.d, which \
is not a profile, a mistyped line is a rule that fails.\n\n\
With `*`, every match is a finding of its own. The kernel uses the larger of `conf.all.rp_filter` and the interface's, and so \
does the comparison; it is the same with `arp_ignore`, `log_martians`, `send_redirects` and others, and of \
`accept_source_route` the smaller counts. Where `conf.all` is in the way the fix sets it, and gives the other interfaces for their own \
what they had from it. `own = true` asks for the file alone.\n\n\
Of IPv6 the kernel does not read `conf.all.accept_ra`, `accept_redirects`, `autoconf` and others, and writes \
`conf.all.disable_ipv6` and `forwarding` through to the interfaces: what a rule asks of these is asked of every interface too.\n\n\
What a fix reaches depends on whose value it is: a key of the network or IPC namespace is the container's own, and a runtime \
can be asked to set it; every other key is the host's, whoever reads it. Keys that name programs or do damage are compared and \
never written.\n\n\
Some programs write keys when they start, after every file was read: kube-proxy, the kubelet, Docker's daemon, systemd-networkd, \
tuned, ufw. Where one runs, or a unit starts it at boot, the finding about such a key says so, with the value as far as it follows \
from the program's options. A value that breaks the rule counts like a line of a file that the next boot reads.",
    example: "[[rule]]\nid = \"listen-backlog\"\nseverity = \"warning\"\nsysctl = { key = { linux = \"net.core.somaxconn\", macos = \"kern.ipc.somaxconn\" }, min = 4096 }",
    remedies: &[
        (
            Dialect::Host,
            "sysctl -w KEY=VALUE sets it until the next boot; a file in /etc/sysctl.d makes it last.",
        ),
        (
            Dialect::Docker,
            "--sysctl KEY=VALUE for net.* (not with --network=host), kernel.shm*, kernel.msg*, kernel.sem and fs.mqueue.* (not with --ipc=host); everything else on the host.",
        ),
        (
            Dialect::Kubernetes,
            "securityContext.sysctls of the pod; keys that are not safe need allowedUnsafeSysctls of the node's kubelet; host keys belong to the node.",
        ),
        (
            Dialect::Lxc,
            "The same keys: lxc.sysctl.KEY = VALUE in the container's configuration, or a file of /etc/sysctl.d in the container where it \
             can be written there. Proxmox takes kernel.shm*, kernel.msg* and kernel.sem alone.",
        ),
        (
            Dialect::Incus,
            "The same keys: linux.sysctl.KEY of the container, in LXD too.",
        ),
        (
            Dialect::Nspawn,
            "No option sets a key; with a private network net.* is set in the container, by a file of /etc/sysctl.d.",
        ),
        (
            Dialect::Systemd,
            "A unit cannot set a key; systemd-sysctl applies /etc/sysctl.d at boot.",
        ),
        (
            Dialect::Macos,
            "sysctl -w KEY=VALUE sets it until the next boot; a LaunchDaemon that runs it makes it last.",
        ),
    ],
};

impl Table for Sysctl {
    type Seen = Value;

    const NAME: &'static str = "sysctl";
    const DOCS: &'static Docs = &DOCS;
    const SELECTORS: &'static [Field] = SELECTORS;
    const ROWS: &'static [Row<Value>] = ROWS;

    fn check(&self, selectors: &Selectors, _os: Os, sink: &mut Diagnostics) {
        if let (Some(key), Some(place)) = (selectors.text("key"), selectors.place("key"))
            && let Err(error) = SysctlName::parse(key)
        {
            sink.push(
                Diagnostic::at(place, format!("this cannot be the name of a sysctl: {error}")).label("not a name"),
            );
        }
    }

    fn check_here(&self, selectors: &Selectors, cx: &Context<'_>, sink: &mut Diagnostics) {
        let (Some(key), Some(place)) = (selectors.text("key"), selectors.place("key")) else {
            return;
        };
        if selectors.switch("known").is_some() {
            return;
        }
        let Some((name, meant)) = SysctlName::parse(key).ok().and_then(|name| {
            let meant = slip(&name, cx)?;
            Some((name, meant))
        }) else {
            return;
        };
        sink.push(
            Diagnostic::at(place, format!("there is no key `{}`", name.dotted()))
                .label("not on this machine, and not known")
                .help(format!(
                    "did you mean `{meant}`? If the name is right, say `known = true`"
                )),
        );
    }

    fn type_of(&self, selectors: &Selectors, _metric: &Metric, os: Os) -> Option<Type> {
        let name = SysctlName::parse(selectors.text("key")?).ok()?;
        catalogue::lookup(os, name.dotted()).map(|key| key.value)
    }

    fn label(&self, selectors: &Selectors) -> String {
        let key = selectors.text("key").unwrap_or_default();
        SysctlName::parse(key).map_or_else(|_| key.to_owned(), |name| name.dotted().to_owned())
    }

    fn sets(&self, _selectors: &Selectors, subject: &str, _metric: &str) -> Option<Target> {
        Some(Target::Sysctl(subject.to_owned()))
    }

    /// A key may be hidden in this namespace.
    fn is_known_unseen(&self, subject: &str, os: Os) -> bool {
        catalogue::lookup(os, subject).is_some()
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Value>> {
        let Some(name) = selectors.text("key").and_then(|key| SysctlName::parse(key).ok()) else {
            return Vec::new();
        };
        let how = How {
            known: selectors.switch("known"),
            own: selectors.flag("own"),
        };
        if !name.is_glob() {
            return observe_all(&name, how, cx);
        }
        let (names, nameless) = match expand(&name, cx) {
            Ok(found) => found,
            Err((directory, failure)) => return vec![Found::new(name.dotted(), Err(reading_of(&failure, &directory)))],
        };
        // A pattern that nobody knows and nothing matches is no better known than such a name.
        if names.is_empty()
            && nameless.is_empty()
            && catalogue::lookup(cx.system.platform().os, name.dotted()).is_none()
        {
            return vec![Found::new(
                name.dotted(),
                Err(absent(name.dotted(), None, how.known, cx)),
            )];
        }
        let named = names.into_iter().map(|name| observe(&name, how, cx));
        let unseen = nameless.into_iter().map(|(path, why)| {
            let why = format!("no key can be written with this name: {why}");
            Found::new(path.replace('/', "."), Err(Reading::Unreadable(why)))
        });
        named.chain(unseen).collect()
    }

    fn next_boot(&self, observation: &Observation, cx: &Context<'_>) -> Option<NextBoot> {
        next_boot::of(observation, cx)
    }

    fn later(&self, observation: &Observation, cx: &Context<'_>) -> Vec<Later> {
        let name = observation.subject.as_str();
        let kind = catalogue::lookup(cx.system.platform().os, name).map(|key| key.value);
        let said = writers::of(cx.host, name).into_iter();
        said.map(|said| Later {
            metric: "",
            program: said.program,
            value: said.value.and_then(|text| kind?.parse(&text).ok()),
            words: said.words,
        })
        .collect()
    }

    fn disorder(&self, observation: &Observation, cx: &Context<'_>) -> Option<String> {
        let name = observation.subject.as_str();
        let (row, ordered) = match (catalogue::ordered(name), observation.value("")) {
            (Some(ordered), Some(Value::Tuple(row))) => (row.clone(), ordered),
            _ => {
                let series = series(name, cx)?;
                (series.row(), series.ordered)
            }
        };
        let words: Vec<String> = row.iter().map(Number::to_string).collect();
        (!is_ordered(&row)).then(|| format!("{} is out of order: {}", words.join(" "), ordered.otherwise))
    }

    fn no_limit(&self, subject: &str, os: Os) -> &'static [i128] {
        catalogue::lookup(os, subject).map_or(&[], |key| key.no_limit)
    }

    fn idle(&self, subject: &str, comparator: Comparator, cx: &Context<'_>) -> Option<String> {
        let platform = cx.system.platform();
        let (major, minor) = match comparator {
            Comparator::Parity => catalogue::lookup(platform.os, subject)?.parity_since?,
            _ => return None,
        };
        let older = platform.kernel()?.major_minor() < (major, minor);
        older.then(|| format!("before kernel {major}.{minor} the parity of its bounds meant nothing"))
    }

    fn order(&self, observation: &Observation) -> Option<Order> {
        catalogue::ordered(&observation.subject).map(|ordered| ordered.order)
    }
}

/// Writes the key, and what must give way to it.
pub(super) fn write(failing: &Failing<'_>) -> Proposal {
    let (observation, cx) = (failing.observation, failing.cx);
    let name = observation.subject.as_str();
    let key = catalogue::lookup(cx.system.platform().os, name);
    if let Some(Reading::NoSuch(why)) = observation.reading("") {
        return Proposal::manual(why.clone(), format!("correct the name: a line for {name} sets nothing"));
    }
    // A list of words that is made longer may name what this kernel does not have.
    let Some(value) = failing.target().filter(|value| !matches!(value, Value::Words(_))) else {
        return Proposal::manual(
            "no single value satisfies the rule",
            format!("choose a value for {name} and set it with sysctl"),
        );
    };
    let (reach, because) = reach(name, key, cx);
    if reach == Reach::Manual {
        let what = match key.map(|key| key.write) {
            Some(Write::Never) => format!("{name} is for a person to set, who knows what it starts or breaks"),
            _ => format!("{name} cannot be set: it follows from the machine, or from how the kernel was started"),
        };
        return Proposal::manual(because, what);
    }
    let mut from = observation.value("").map(Value::kernel_form);
    // What is without limit has a number of its own, if the key has one at all.
    let numbers = key.map_or(&[][..], |key| key.no_limit);
    let own = |number: &i128| from.as_deref() == Some(number.to_string().as_str());
    let number = numbers.iter().find(|number| own(number)).or_else(|| numbers.first());
    let value = match (value, number) {
        (Value::Number(Number::Unlimited), Some(number)) => &Value::number(*number),
        (value, _) => value,
    };
    let scope = scope(name, key, cx);
    let change = |name: &str, from: Option<String>, to: String| Change {
        target: Target::Sysctl(name.to_owned()),
        from,
        to,
        scope,
        hard: None,
    };
    if conf::combined(name).is_some() {
        // What was read may be what the kernel goes by, and not what the file holds.
        let live = cx.system.sysctl(name).ok();
        from = live.map(|live| live.trim().to_owned()).or(from);
        if let Value::Number(Number::Finite(wanted)) = value
            && !failing.selectors.flag("own")
            && let Some((steps, why)) = conf::steps(name, *wanted, cx)
        {
            let changes = steps.into_iter();
            return Proposal {
                reach,
                because: format!("{because}; {why}"),
                changes: changes
                    .map(|(key, from, to)| change(&key, Some(from.to_string()), to.to_string()))
                    .collect(),
                remedies: Vec::new(),
            };
        }
    }
    let mut changes = vec![change(name, from, value.kernel_form())];
    // Other keys that it is in a row with give way, as the fields of one value do.
    if let (Value::Number(number), Some(series)) = (value, series(name, cx)) {
        let (row, at) = (series.row(), series.at);
        let new = in_order(series.ordered.order, &row, &[(at, *number)]).unwrap_or_else(|| row.clone());
        for ((key, old), new) in series.keys.iter().zip(&new).filter(|((_, old), new)| old != *new) {
            if *key != name {
                changes.push(change(key, Some(old.to_string()), new.to_string()));
            }
        }
        // It is right already where the others alone are out of order.
        if row[at] == *number && changes.len() > 1 {
            changes.remove(0);
        }
    }
    Proposal {
        reach,
        because,
        changes,
        remedies: Vec::new(),
    }
}

/// Keys that make up a row together.
struct Series {
    /// Each, and what it is.
    keys: Vec<(&'static str, Number)>,
    /// The place of the one that was asked for.
    at: usize,
    ordered: &'static Ordered,
}

impl Series {
    fn row(&self) -> Vec<Number> {
        self.keys.iter().map(|(_, number)| *number).collect()
    }
}

/// The row that a key is in; `None` where it is in none, or a key of it cannot be read.
fn series(name: &str, cx: &Context<'_>) -> Option<Series> {
    let (keys, ordered) = catalogue::series(name)?;
    let read = |key: &&'static str| {
        let text = cx.system.sysctl(key).ok()?;
        Number::parse(text.trim()).ok().map(|number| (*key, number))
    };
    Some(Series {
        keys: keys.iter().map(read).collect::<Option<_>>()?,
        at: keys.iter().position(|key| *key == name)?,
        ordered,
    })
}

/// Names, and the paths of what has none, with the reason.
type Expanded = (Vec<SysctlName>, Vec<(String, NameError)>);

/// The names that a pattern matches. Of interfaces, `all` and `default` are meant only where they are named. The kernel lets an
/// interface be called what no key can be (`dev_valid_name` in net/core/dev.c).
fn expand(pattern: &SysctlName, cx: &Context<'_>) -> Result<Expanded, (String, Failure)> {
    let star = pattern.segments().position(|segment| segment == "*");
    let names = glob::expand("/proc/sys", pattern.path(), cx)?;
    let paths = names.into_iter().filter(|path| {
        !star
            .and_then(|at| path.split('/').nth(at))
            .is_some_and(|name| matches!(name, "all" | "default"))
    });
    let (mut named, mut nameless) = (Vec::new(), Vec::new());
    for path in paths {
        match SysctlName::parse(&path) {
            Ok(name) => named.push(name),
            Err(why) => nameless.push((path, why)),
        }
    }
    Ok((named, nameless))
}

/// How a key is looked at.
#[derive(Clone, Copy)]
struct How {
    known: Option<bool>,
    own: bool,
}

/// The key; where it is `conf.all`'s and the interfaces' own count, those of them too that have another value.
fn observe_all(name: &SysctlName, how: How, cx: &Context<'_>) -> Vec<Found<Value>> {
    let mut found = vec![observe(name, how, cx)];
    if let Some(known) = conf::of_interfaces(name.dotted()).filter(|_| !how.own && found[0].seen.is_ok()) {
        let said = match known.all {
            catalogue::All::NotRead => {
                let leaf = known.leaf;
                format!(
                    "the kernel does not read it: what counts is conf.*.{leaf}, and conf.default.{leaf} for new interfaces"
                )
            }
            catalogue::All::WrittenThrough
            | catalogue::All::Larger
            | catalogue::All::Smaller
            | catalogue::All::SmallerWhereForwarding => {
                "writing it sets every interface, and each can be set to something else later".to_owned()
            }
        };
        found[0].evidence.push(said);
        found.extend(conf::apart(&known, cx).iter().map(|name| observe(name, how, cx)));
    }
    found
}

fn observe(name: &SysctlName, how: How, cx: &Context<'_>) -> Found<Value> {
    let os = cx.system.platform().os;
    let dotted = name.dotted();
    let key = catalogue::lookup(os, dotted);
    let mut evidence = Vec::new();
    let seen = match cx.system.sysctl(dotted) {
        Ok(text) => read(dotted, key, &text, how, cx, &mut evidence),
        Err(Failure::Absent) => Err(absent(dotted, key, how.known, cx)),
        // A tree has no directory of that name, and the one that was meant may well be there.
        Err(Failure::CannotTell(Why::NotInTree(_)))
            if key.is_none() && how.known.is_none() && with_slash(dotted, cx).is_some() =>
        {
            Err(absent(dotted, key, how.known, cx))
        }
        Err(failure) => Err(Reading::Unreadable(format!("{dotted}: {failure}"))),
    };
    // A container that reads the host's value should know it: no setting of the container's changes it.
    if let (Some(key), Ok(_), Some(engine)) = (key, &seen, cx.host.engine())
        && matches!(namespace(key, cx), Namespace::Host | Namespace::NetInitial)
    {
        evidence.push(format!("the host's value, seen from inside {}", in_words(engine)));
    }
    Found {
        subject: dotted.to_owned(),
        seen,
        evidence,
    }
}

fn read(
    name: &str,
    key: Option<&Key>,
    text: &str,
    how: How,
    cx: &Context<'_>,
    evidence: &mut Evidence,
) -> Result<Value, Reading> {
    let value = match key {
        Some(key) => match key.value.parse(text) {
            Ok(value) => value,
            Err(error) => return Err(Reading::Unreadable(format!("{name}: {error}"))),
        },
        None => untyped(text),
    };
    Ok(effective(name, value, how, cx, evidence))
}

/// Of a setting of an interface what the kernel goes by: its own and that of `conf.all` together.
fn effective(name: &str, value: Value, how: How, cx: &Context<'_>, evidence: &mut Vec<String>) -> Value {
    let Value::Number(Number::Finite(own)) = value else {
        return value;
    };
    if how.own && conf::combined(name).is_some() {
        evidence.push(conf::BY_ITS_FILE.to_owned());
        return value;
    }
    match conf::here(name, own, cx) {
        Some((counts, said)) => {
            evidence.push(said);
            Value::Number(Number::Finite(counts))
        }
        None => value,
    }
}

/// What a name was meant to be that is not on this machine, and known to nobody.
fn slip(name: &SysctlName, cx: &Context<'_>) -> Option<String> {
    let meant = catalogue::meant(cx.system.platform().os, name.dotted())?;
    let absent = if name.is_glob() {
        expand(name, cx).is_ok_and(|(named, nameless)| named.is_empty() && nameless.is_empty())
    } else {
        matches!(cx.system.sysctl(name.dotted()), Err(Failure::Absent))
    };
    absent.then_some(meant)
}

/// The name that was meant where an interface's own name has dots, as those of VLANs do: sysctl.d(5) writes them as slashes.
fn with_slash(name: &str, cx: &Context<'_>) -> Option<String> {
    let segments: Vec<&str> = name.split('.').collect();
    let [net @ "net", family, of @ ("conf" | "neigh"), interface @ .., key] = segments.as_slice() else {
        return None;
    };
    let meant = format!("{net}.{family}.{of}.{}.{key}", interface.join("/"));
    let is_known = || catalogue::lookup(cx.system.platform().os, &meant).is_some() || cx.system.sysctl(&meant).is_ok();
    (interface.len() > 1 && is_known()).then_some(meant)
}

/// What it means that a key is not there.
pub(super) fn absent(name: &str, key: Option<&Key>, known: Option<bool>, cx: &Context<'_>) -> Reading {
    let platform = cx.system.platform();
    let Some(key) = key else {
        if known == Some(true) {
            return Reading::Absent(format!("{name} is not on this machine"));
        }
        if let Some(meant) = catalogue::meant(platform.os, name) {
            return Reading::NoSuch(format!("there is no key {name}; did you mean `{meant}`?"));
        }
        if let Some(meant) = with_slash(name, cx) {
            return Reading::Unreadable(format!(
                "{name} is not on this machine; a dot in an interface's name is written as a slash: `{meant}`"
            ));
        }
        let elsewhere = [Os::Linux, Os::Macos, Os::Freebsd]
            .into_iter()
            .find(|os| catalogue::lookup(*os, name).is_some());
        if let Some(os) = elsewhere {
            return Reading::Unreadable(format!(
                "{name} is a key of {}, and this is {}",
                os.title(),
                platform.os.title()
            ));
        }
        let nearest = catalogue::nearest(platform.os, name);
        let hint = nearest.map_or_else(
            || "; if the name is right, say `known = true`".to_owned(),
            |nearest| format!("; did you mean `{nearest}`?"),
        );
        return Reading::Unreadable(format!(
            "{name} is not on this machine, and no key of this name is known{hint}"
        ));
    };
    match platform.kernel().map(|kernel| kernel.major_minor()) {
        Some(version) => {
            if let Some((major, minor)) = key.until.filter(|until| version >= *until) {
                return Reading::Absent(format!("{name} was removed in kernel {major}.{minor}"));
            }
            if let Some((major, minor)) = key.since.filter(|since| version < *since) {
                return Reading::Absent(format!("{name} came with kernel {major}.{minor}"));
            }
        }
        None if key.since.or(key.until).is_some() => {
            return Reading::Unreadable(format!("{name} is not here, and nothing tells which kernel this is"));
        }
        None => {}
    }
    let own_network = || cx.host.network_is_hosts() == Some(false);
    let hidden = match namespace(key, cx) {
        Namespace::NetInitial => own_network(),
        // Keys of `net` that a namespace of its own owner does not show to it.
        Namespace::Net => own_network() && !cx.host.user_namespace_is_initial() && name.starts_with("net.core."),
        _ => false,
    };
    if hidden {
        return Reading::Unreadable(format!("{name} is hidden in this network namespace; the host has it"));
    }
    match key.needs {
        Some(needs) => Reading::Absent(format!("{name} is not on this machine: it needs {needs}")),
        None => Reading::Absent(format!("this kernel has no {name}")),
    }
}

fn scope(name: &str, key: Option<&Key>, cx: &Context<'_>) -> Scope {
    match owner(name, key, cx) {
        Namespace::Net => Scope::NetworkNamespace,
        Namespace::Ipc => Scope::IpcNamespace,
        Namespace::User | Namespace::Uts | Namespace::Pid => Scope::OtherNamespace,
        _ => Scope::Host,
    }
}

/// Where a write would have to be made, from evidence, and why there.
pub(super) fn reach(name: &str, key: Option<&Key>, cx: &Context<'_>) -> (Reach, String) {
    match key.map(|key| key.write) {
        Some(Write::Never) => {
            return (
                Reach::Manual,
                "runup never writes this key: it names a program or does damage".to_owned(),
            );
        }
        Some(Write::ReadOnly) => return (Reach::Manual, "the kernel only reports it".to_owned()),
        _ => {}
    }
    if cx.system.platform().os != Os::Linux {
        return match cx.system.identity().uid {
            0 => (Reach::Here, "running as root".to_owned()),
            _ => (Reach::Privileged, "needs root".to_owned()),
        };
    }
    let owner = owner(name, key, cx);
    let contained = cx.host.engine().is_some();
    let hosts = match owner {
        Namespace::Host | Namespace::NetInitial => true,
        Namespace::Net => cx.host.network_is_hosts() == Some(true),
        Namespace::Ipc | Namespace::User | Namespace::Uts | Namespace::Pid => false,
    };
    let path = format!(
        "/proc/sys/{}",
        SysctlName::parse(name)
            .map(|name| name.path().to_owned())
            .unwrap_or_default()
    );
    let read_only = cx.host.mount_of(&path).is_some_and(crate::host::Mount::read_only);
    let unwritable = cx.system.stat(&path).is_ok_and(|stat| stat.mode & 0o222 == 0);
    if contained && hosts {
        // A privileged container could write it; that would change the host.
        let why = if read_only {
            "it is the host's, and /proc/sys is read-only here"
        } else {
            "it is the host's value"
        };
        return (Reach::Host, why.to_owned());
    }
    if unwritable && !contained && cx.host.network_is_hosts() != Some(false) {
        return (Reach::Manual, "the kernel does not let it be set".to_owned());
    }
    if unwritable {
        return (Reach::Host, "this namespace shows it and cannot change it".to_owned());
    }
    if read_only {
        return match contained {
            true => (Reach::Runtime, "/proc/sys is read-only in this container".to_owned()),
            false => (Reach::Privileged, "/proc/sys is mounted read-only".to_owned()),
        };
    }
    let root = cx.system.identity().uid == 0;
    let needed = match owner {
        Namespace::Net => Capability::NetAdmin,
        _ => Capability::SysAdmin,
    };
    // Files below /proc/sys belong to root; `net` also lets whoever holds NET_ADMIN in the namespace's user namespace.
    let may = root || (owner == Namespace::Net && cx.host.capable(Capability::NetAdmin));
    match (may, contained) {
        (true, _) => (Reach::Here, "running as root".to_owned()),
        // It has logins, and root is one of them.
        (false, true) if cx.host.runtime().is_some_and(Runtime::makes_machines) => (
            Reach::Privileged,
            format!("needs root or {} in this container", needed.name()),
        ),
        (false, true) => (
            Reach::Runtime,
            format!("needs root or {} in this container", needed.name()),
        ),
        (false, false) => (Reach::Privileged, "needs root".to_owned()),
    }
}
