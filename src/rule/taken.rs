//! What the kernel of this machine makes of a text, where the catalogue does not know the key too.

use super::Context;
use crate::catalogue::{self, Written, written};
use crate::value::{Type, Unit};

/// What the kernel makes of a text that a file sets a key to. Of a key that nobody knows the value that it has tells what it holds, but
/// not what it refuses.
pub fn here(name: &str, text: &str, cx: &Context<'_>) -> Written {
    match catalogue::lookup(cx.system.platform().os, name) {
        Some(key) => written(name, Some(key.value), text),
        None => {
            let live = cx.system.sysctl(name).ok();
            match written(name, live.and_then(|live| looks_like(&live)), text) {
                Written::Refused { .. } => Written::Unknown,
                taken => taken,
            }
        }
    }
}

/// The type of a value that the kernel shows.
#[must_use]
pub fn looks_like(live: &str) -> Option<Type> {
    let is_number = |word: &str| Type::Number(Unit::Count).parse(word).is_ok();
    match live.split_ascii_whitespace().count() {
        0 => None,
        _ if !live.split_ascii_whitespace().all(is_number) => None,
        1 => Some(Type::Number(Unit::Count)),
        _ => Some(Type::Tuple(&[], Unit::Count)),
    }
}
