//! Kernel parameters.

mod absent;
mod conf;
mod known;
mod look;
mod next_boot;
mod place;
mod write;

pub(super) use absent::absent;
pub(super) use place::reach;
pub(super) use write::write;

use super::{
    Context, Dialect, Docs, Found, Later, Metric, NextBoot, Observation, Reading, Row, Selectors, Table, Target, Way,
    reading_of,
};
use crate::catalogue;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::shape::{Field, Shape, optional, required};
use crate::system::{Os, SysctlName};
use crate::value::{Comparator, Number, Order, Type, Value, is_ordered};
use crate::writers;
use look::{How, expand, observe, observe_all, slip};
use write::series;

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
