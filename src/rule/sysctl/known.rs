//! What is known of a sysctl by its name, or taken for it where nobody knows it.

use super::super::Context;
use crate::catalogue::{Key, Namespace};
use crate::value::{Type, Unit, Value};

/// A value of a type that nobody knows: what it looks like decides.
pub(super) fn untyped(text: &str) -> Value {
    let number = Type::Number(Unit::Count).parse(text);
    let tuple = || Type::Tuple(&[], Unit::Count).parse(text);
    number
        .or_else(|_| tuple())
        .unwrap_or_else(|_| Value::Text(text.trim().to_owned()))
}

/// Whose value a key is on this kernel.
pub(super) fn namespace(key: &Key, cx: &Context<'_>) -> Namespace {
    key.namespace_on(cx.system.platform().kernel_or_oldest())
}

/// Whose value it is; of a key that nobody knows, its subtree tells as much as can be told.
pub(super) fn owner(name: &str, key: Option<&Key>, cx: &Context<'_>) -> Namespace {
    match key {
        Some(key) => namespace(key, cx),
        None if name.starts_with("net.") => Namespace::Net,
        None => Namespace::Host,
    }
}
