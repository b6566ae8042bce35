//! What the next boot makes of a kernel parameter.

use super::super::{Context, NextBoot, Observation, SetAtBoot, taken};
use super::conf;
use super::known::{owner, untyped};
use crate::catalogue::{self, All, DevConf, Namespace, Write, Written};
use crate::persisted::{Persisted, Reader, ceiling};
use crate::value::{Number, Value};

/// What it makes of what was seen; `None` where nobody can tell, or nobody could set it.
pub(super) fn of(observation: &Observation, cx: &Context<'_>) -> Option<NextBoot> {
    let name = observation.subject.as_str();
    match conf::combined(name) {
        Some(known) if !observation.evidence.iter().any(|line| line == conf::BY_ITS_FILE) => together(name, &known, cx),
        Some(_) | None => handed_on(name, cx).or_else(|| of_key(name, cx)),
    }
}

/// What an interface that no file sets has of what they set for all, where the kernel hands that on.
fn handed_on(name: &str, cx: &Context<'_>) -> Option<NextBoot> {
    let known = catalogue::devconf(name).filter(|known| known.is_own() && known.all == All::WrittenThrough)?;
    let own = of_key(name, cx)?;
    if own.set.is_some() {
        return None;
    }
    let all = of_key(&known.of("all"), cx).filter(|all| all.set.is_some())?;
    let of_new = of_key(&known.of("default"), cx).and_then(|default| default.set);
    // An interface that comes later begins with what `default` is.
    let differs = of_new.filter(|default| all.set.as_ref().is_some_and(|all| all.value != default.value));
    let doubt = differs.map(|default| {
        format!(
            "{}:{} sets {} otherwise, which counts where the interface comes later",
            default.file,
            default.line,
            known.of("default")
        )
    });
    Some(NextBoot {
        start: own.start,
        doubt: all.doubt.clone().or(doubt),
        ..all
    })
}

/// What the kernel goes by for an interface when the files have set it and `all`. One that none sets begins with what `default` is,
/// and follows it when that is set later (`devinet_copy_dflt_conf()` of net/ipv4/devinet.c).
fn together(name: &str, known: &DevConf<'_>, cx: &Context<'_>) -> Option<NextBoot> {
    let (own, all) = (of_key(name, cx), of_key(&known.of("all"), cx));
    let number = |value: &Value| match value {
        Value::Number(Number::Finite(number)) => Some(*number),
        _ => None,
    };
    let set = |next: &Option<NextBoot>| number(&next.as_ref()?.set.as_ref()?.value);
    let of_all = set(&all).unwrap_or_else(|| conf::all_at_start(known));
    let own_at_start = own.as_ref().and_then(|own| number(own.start.as_ref()?));
    let own = match set(&own) {
        Some(_) => own,
        None => of_key(&known.of("default"), cx)
            .filter(|next| next.set.is_some())
            .or(own),
    };
    let start = own_at_start.map(|own| Value::number(conf::effective(known, own, of_all, cx)));
    if set(&own).is_none() && set(&all).is_none() {
        return own.map(|own| NextBoot { start, ..own });
    }
    let begins = || own_at_start.unwrap_or_else(|| conf::default_at_start(known));
    let mine = set(&own).unwrap_or_else(begins);
    let counts = conf::effective(known, mine, of_all, cx);
    let (first, second) = if counts == mine { (own, all) } else { (all, own) };
    let mut next = first.filter(|next| next.set.is_some()).or(second)?;
    next.start = start;
    if let Some(set) = &mut next.set {
        set.value = Value::number(counts);
    }
    Some(next)
}

/// The same of a key by its canonical dotted name, by itself.
fn of_key(name: &str, cx: &Context<'_>) -> Option<NextBoot> {
    if !cx.host.sets_at_boot(name) {
        return None;
    }
    let persisted = cx.host.persisted()?;
    let outlook = persisted.outlook(name, cx.system);
    let mut next = NextBoot {
        metric: "",
        set: None,
        start: start(name, persisted, cx),
        doubt: outlook.doubt,
        aside: outlook.aside,
    };
    let Some(set) = outlook.set else {
        return says_more_than_nothing(name, persisted, cx).then_some(next);
    };
    match value(name, &set.value, cx) {
        Some(value) => {
            next.set = Some(SetAtBoot {
                value,
                file: set.file,
                line: set.line,
                by: outlook.by,
            });
            Some(next)
        }
        // What the kernel would refuse changes nothing.
        None => {
            next.doubt = None;
            next.aside = Some(format!(
                "{}:{} sets it to `{}`, which the kernel does not take",
                set.file, set.line, set.value
            ));
            says_more_than_nothing(name, persisted, cx).then_some(next)
        }
    }
}

fn value(name: &str, text: &str, cx: &Context<'_>) -> Option<Value> {
    match catalogue::lookup(cx.system.platform().os, name) {
        Some(key) => key.value.parse(text).ok(),
        None => match taken::here(name, text, cx) {
            Written::Whole(set) | Written::Front { set, .. } => Some(untyped(&set)),
            Written::Refused { .. } | Written::Unknown => Some(untyped(text)),
        },
    }
}

/// What the key is where nothing sets it.
fn start(name: &str, persisted: &Persisted, cx: &Context<'_>) -> Option<Value> {
    // systemd raises this one before anything else, where it is built to.
    if name == ceiling::KEY {
        let next = persisted.ceiling(Reader::of(cx.system), ceiling::now(cx.system));
        return next.by.is_none().then(|| untyped(&next.value.to_string()));
    }
    let kernel = cx.system.platform().kernel().map(|kernel| kernel.major_minor());
    let text = catalogue::at_start(name, kernel, &|| cx.host.machine_ram().ok())?;
    value(name, &text, cx)
}

/// Whether it says something that no file sets a key: only where every file was read, and somebody could set it there.
fn says_more_than_nothing(name: &str, persisted: &Persisted, cx: &Context<'_>) -> bool {
    let key = catalogue::lookup(cx.system.platform().os, name);
    let owner = owner(name, key, cx);
    // A network namespace of somebody's own; a tree of files has none.
    let is_gone_by_then = owner == Namespace::Net
        && cx.host.network_is_hosts() == Some(false)
        && cx.system.read_link("/proc/self/ns/net").is_ok();
    persisted.unread().is_empty()
        && !is_gone_by_then
        && !key.is_some_and(|key| matches!(key.write, Write::ReadOnly | Write::Never))
}
