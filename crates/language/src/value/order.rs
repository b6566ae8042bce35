//! Rows of numbers that must not fall: `net.ipv4.tcp_mem`, whose first number may not be above its last.

use super::Number;

/// How the numbers of a row that must not fall belong together, which says what gives way when one of them is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Shares of one total: where the upper ones are lowered below a lower one, the lower ones are lowered in proportion.
    Shares,
    /// Sizes of their own: only what would be out of order gives way, and only as far as it must.
    Steps,
}

/// Whether no number is above a later one.
#[must_use]
pub fn is_ordered(row: &[Number]) -> bool {
    row.is_sorted()
}

/// A row in which some numbers (`pins`: where, and what) are set, the others as they were as far as the order allows. What lies
/// below a number that is lowered gives way downwards, what lies above one that is raised gives way upwards: a ceiling on the last
/// is one on all of them. Nothing is raised in proportion, since that would ask for more than anybody did.
///
/// `None` where the pins themselves are out of order, or not in the row.
#[must_use]
pub fn in_order(order: Order, row: &[Number], pins: &[(usize, Number)]) -> Option<Vec<Number>> {
    let mut pinned: Vec<Option<Number>> = vec![None; row.len()];
    for (at, number) in pins {
        *pinned.get_mut(*at)? = Some(*number);
    }
    let asked: Vec<Number> = pinned.iter().flatten().copied().collect();
    if !is_ordered(&asked) {
        return None;
    }
    let mut new = row.to_vec();
    if order == Order::Shares && is_ordered(row) {
        in_proportion(row, &pinned, &mut new);
    }
    for (at, number) in pins {
        new[*at] = *number;
    }
    // From each pin down to the one before it, then what is above the last one.
    let last = pinned.iter().rposition(Option::is_some)?;
    for at in (0..last).rev() {
        new[at] = pinned[at].unwrap_or(new[at].min(new[at + 1]));
    }
    for at in 1..new.len() {
        new[at] = pinned[at].unwrap_or(new[at].max(new[at - 1]));
    }
    Some(new)
}

/// Lowers what lies below a lowered pin, up to the next pin, in the proportion to it that it had.
fn in_proportion(row: &[Number], pinned: &[Option<Number>], new: &mut [Number]) {
    let mut from = 0;
    for (at, pin) in pinned.iter().enumerate() {
        let Some(pin) = pin else { continue };
        if let (Number::Finite(to), Number::Finite(old)) = (pin, row[at])
            && old > 0
            && row[from..at].iter().any(|lower| lower > pin)
        {
            for place in from..at {
                if let Number::Finite(lower) = row[place] {
                    let share = lower.checked_mul(*to).map_or(*to, |product| product / old);
                    new[place] = Number::Finite(share.max(1).min(*to));
                }
            }
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(numbers: &[i128]) -> Vec<Number> {
        numbers.iter().map(|number| Number::Finite(*number)).collect()
    }

    fn set(order: Order, numbers: &[i128], at: usize, to: i128) -> Vec<Number> {
        in_order(order, &row(numbers), &[(at, Number::Finite(to))]).expect("a row")
    }

    #[test]
    fn shares_are_lowered_in_proportion_and_raised_as_far_as_they_must() {
        let high = |to| set(Order::Shares, &[300, 400, 600], 2, to);
        assert_eq!(high(900), row(&[300, 400, 900]));
        assert_eq!(high(500), row(&[300, 400, 500]), "it still fits");
        assert_eq!(high(150), row(&[75, 100, 150]));
        assert_eq!(set(Order::Shares, &[8, 8, 8], 2, 2), row(&[2, 2, 2]));
        assert_eq!(set(Order::Shares, &[300, 400, 600], 0, 450), row(&[450, 450, 600]));
        assert_eq!(set(Order::Shares, &[300, 400, 600], 0, 100), row(&[100, 400, 600]));
    }

    #[test]
    fn steps_give_way_only_as_far_as_they_must() {
        let high = |to| set(Order::Steps, &[4096, 131_072, 6_291_456], 2, to);
        assert_eq!(high(65_536), row(&[4096, 65_536, 65_536]));
        assert_eq!(high(2048), row(&[2048, 2048, 2048]));
        let low = set(Order::Steps, &[4096, 131_072, 6_291_456], 0, 262_144);
        assert_eq!(low, row(&[262_144, 262_144, 6_291_456]));
    }

    #[test]
    fn a_row_that_is_out_of_order_is_put_in_order_around_the_pin() {
        assert_eq!(set(Order::Shares, &[8, 8, 2], 2, 2), row(&[2, 2, 2]));
        assert_eq!(set(Order::Steps, &[9, 1, 5], 0, 9), row(&[9, 9, 9]));
        assert_eq!(set(Order::Steps, &[9, 1, 5], 1, 4), row(&[4, 4, 5]));
    }

    #[test]
    fn several_pins_hold_together_or_there_is_no_row() {
        let pins = |pins: &[(usize, i128)]| {
            let pins: Vec<_> = pins.iter().map(|(at, to)| (*at, Number::Finite(*to))).collect();
            in_order(Order::Shares, &row(&[300, 400, 600]), &pins)
        };
        assert_eq!(pins(&[(0, 90), (2, 120)]), Some(row(&[90, 90, 120])));
        assert_eq!(pins(&[(2, 120), (1, 100)]), Some(row(&[75, 100, 120])));
        assert_eq!(pins(&[(0, 200), (2, 120)]), None);
        assert_eq!(pins(&[(3, 1)]), None);
    }
}
