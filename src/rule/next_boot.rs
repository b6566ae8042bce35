//! What the next boot makes of a kernel parameter.

use super::known::{owner, untyped};
use super::{Context, NextBoot, SetAtBoot, line};
use crate::catalogue::{self, Namespace, Write, Written};
use crate::persisted::{Persisted, Reader, ceiling};
use crate::value::Value;

/// What it makes of a key, by its canonical dotted name; `None` where nobody can tell, or nobody could set it.
pub(super) fn of(name: &str, cx: &Context<'_>) -> Option<NextBoot> {
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
        None => match line::here(name, text, cx) {
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
