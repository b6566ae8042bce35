//! Which numbers the kernel needs in order and does not hold in order by itself: it takes `net.ipv4.tcp_mem` with its first number
//! above its last, and does then what nobody meant.

use crate::value::Order;

/// Numbers that must not fall, and what happens where they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordered {
    /// How they belong together.
    pub order: Order,
    /// What the kernel makes of them when they are out of order.
    pub otherwise: &'static str,
}

/// `__sk_mem_raise_allocated()` grants whatever is below the first number before it looks at the others.
const MEMORY: Ordered = Ordered {
    order: Order::Shares,
    otherwise: "up to the first number the kernel gives whatever is asked for, so the last one bounds nothing",
};

/// A socket begins with the second number, and tuning raises it up to the third.
const BUFFER: Ordered = Ordered {
    order: Order::Steps,
    otherwise: "a socket begins with a buffer beyond the largest that it may have, and the last number bounds nothing",
};

/// `neigh_periodic_work()` does nothing below the first, `neigh_alloc()` collects by force from the second on and fails at the third.
const NEIGHBOURS: Ordered = Ordered {
    order: Order::Steps,
    otherwise: "the table is full before the kernel clears out old neighbours in time",
};

/// Keys whose value is a row that must be in order.
const ROWS: &[(&str, Ordered)] = &[
    ("net.ipv4.tcp_mem", MEMORY),
    ("net.ipv4.tcp_rmem", BUFFER),
    ("net.ipv4.tcp_wmem", BUFFER),
    ("net.ipv4.udp_mem", MEMORY),
];

/// Keys that make up a row together, one number each.
const SERIES: &[([&str; 3], Ordered)] = &[
    (
        [
            "net.ipv4.neigh.default.gc_thresh1",
            "net.ipv4.neigh.default.gc_thresh2",
            "net.ipv4.neigh.default.gc_thresh3",
        ],
        NEIGHBOURS,
    ),
    (
        [
            "net.ipv6.neigh.default.gc_thresh1",
            "net.ipv6.neigh.default.gc_thresh2",
            "net.ipv6.neigh.default.gc_thresh3",
        ],
        NEIGHBOURS,
    ),
];

/// What is known of the order of a key's row.
#[must_use]
pub fn ordered(name: &str) -> Option<&'static Ordered> {
    let found = ROWS.iter().find(|(known, _)| *known == name);
    found.map(|(_, ordered)| ordered)
}

/// The keys that a key is in a row with, and what is known of their order.
#[must_use]
pub fn series(name: &str) -> Option<(&'static [&'static str; 3], &'static Ordered)> {
    // Most keys are told apart by their first letters.
    if !name.contains(".gc_thresh") {
        return None;
    }
    let found = SERIES.iter().find(|(keys, _)| keys.contains(&name));
    found.map(|(keys, ordered)| (keys, ordered))
}

/// Whether every name is one of the catalogue's, and its value can be in a row.
#[cfg(test)]
#[test]
fn every_row_is_of_keys_that_have_numbers() {
    use super::lookup;
    use crate::system::Os;
    use crate::value::Type;
    for (name, _) in ROWS {
        let key = lookup(Os::Linux, name).expect("a key");
        assert!(matches!(key.value, Type::Tuple(names, _) if names.len() == 3), "{name}");
    }
    for name in SERIES.iter().flat_map(|(keys, _)| keys) {
        let key = lookup(Os::Linux, name).expect("a key");
        assert!(matches!(key.value, Type::Number(_)), "{name}");
    }
}
