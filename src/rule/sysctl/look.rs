//! Looks at keys: by name, by pattern, and what the kernel goes by.

use super::super::{Context, Evidence, Found, Reading, glob};
use super::absent::{absent, with_slash};
use super::conf;
use super::known::{namespace, untyped};
use crate::catalogue::{self, Key, Namespace};
use crate::failure::Why;
use crate::host::in_words;
use crate::system::{Failure, NameError, SysctlName};
use crate::value::{Number, Value};

/// Names, and the paths of what has none, with the reason.
type Expanded = (Vec<SysctlName>, Vec<(String, NameError)>);

/// The names that a pattern matches. Of interfaces, `all` and `default` are meant only where they are named. The kernel lets an
/// interface be called what no key can be (`dev_valid_name` in net/core/dev.c).
pub(super) fn expand(pattern: &SysctlName, cx: &Context<'_>) -> Result<Expanded, (String, Failure)> {
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
pub(super) struct How {
    pub(super) known: Option<bool>,
    pub(super) own: bool,
}

/// The key; where it is `conf.all`'s and the interfaces' own count, those of them too that have another value.
pub(super) fn observe_all(name: &SysctlName, how: How, cx: &Context<'_>) -> Vec<Found<Value>> {
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

pub(super) fn observe(name: &SysctlName, how: How, cx: &Context<'_>) -> Found<Value> {
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
pub(super) fn slip(name: &SysctlName, cx: &Context<'_>) -> Option<String> {
    let meant = catalogue::meant(cx.system.platform().os, name.dotted())?;
    let absent = if name.is_glob() {
        expand(name, cx).is_ok_and(|(named, nameless)| named.is_empty() && nameless.is_empty())
    } else {
        matches!(cx.system.sysctl(name.dotted()), Err(Failure::Absent))
    };
    absent.then_some(meant)
}
