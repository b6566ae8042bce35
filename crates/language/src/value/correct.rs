//! The value that a fix would write, and whether two rules can both be satisfied.

use super::compare::same;
use super::{Comparator, Comparison, Number, Operand, PortRange, Value};

/// The last port.
const LAST: u32 = 65535;

/// The nearest value to `actual` that satisfies all comparisons. A number is only raised to a floor or lowered to a ceiling.
/// `None` where no value satisfies them, or nothing says which.
#[must_use]
pub fn correct(comparisons: &[Comparison], actual: Option<&Value>, prefer: Option<&Value>) -> Option<Value> {
    let satisfies = |value: &Value| comparisons.iter().all(|comparison| comparison.holds(value));
    if let Some(actual) = actual
        && satisfies(actual)
    {
        return Some(actual.clone());
    }
    // What the author prefers is taken where it satisfies, but never against a floor or ceiling that already holds.
    if let Some(preferred) = prefer.filter(|value| satisfies(value)) {
        return Some(preferred.clone());
    }
    for comparison in comparisons {
        match (&comparison.comparator, &comparison.operand) {
            (Comparator::Eq, Operand::Value(value)) => return Some(value.clone()).filter(satisfies),
            (Comparator::OneOf, Operand::Many(values)) => return values.iter().find(|value| satisfies(value)).cloned(),
            _ => {}
        }
    }
    let nearest = match actual {
        Some(Value::Range(range)) => Some(Value::Range(widen(*range, comparisons))),
        Some(Value::Ports(ports)) => {
            let mut ports = ports.clone();
            for comparison in comparisons {
                if let Operand::Value(Value::Ports(other)) = &comparison.operand {
                    ports = match comparison.comparator {
                        Comparator::Contains => ports.union(other),
                        _ => ports.minus(other),
                    };
                }
            }
            Some(Value::Ports(ports))
        }
        Some(Value::Words(words)) => Some(Value::Words(with_words(words, comparisons))),
        _ => clamp(comparisons, actual),
    };
    nearest.filter(satisfies)
}

/// Why no value at all satisfies the comparisons, whatever the machine has; `None` where one may. (Bounds that exclude each other are
/// a mistake of the profile, and never come this far.)
#[must_use]
pub fn impossible(comparisons: &[Comparison]) -> Option<String> {
    // The kernel takes ports from 1 (net/ipv4/sysctl_net_ipv4.c), and the two narrower ranges are the widest of the other parity.
    const WIDEST: [PortRange; 3] = [
        PortRange { lo: 1, hi: LAST },
        PortRange { lo: 1, hi: LAST - 1 },
        PortRange { lo: 2, hi: LAST },
    ];
    let of = |wanted: Comparator| {
        comparisons
            .iter()
            .filter(move |comparison| comparison.comparator == wanted)
    };
    let fits = |range: &PortRange| {
        let range = Value::Range(*range);
        of(Comparator::Width)
            .chain(of(Comparator::Parity))
            .all(|asked| asked.holds(&range))
    };
    let too_wide = of(Comparator::Width).next().is_some() && !WIDEST.iter().any(fits);
    too_wide.then(|| format!("no range can be so wide: there are {LAST} ports"))
}

/// Raises to the highest floor, lowers to the lowest ceiling.
fn clamp(comparisons: &[Comparison], actual: Option<&Value>) -> Option<Value> {
    let bounds = |wanted: Comparator| {
        comparisons.iter().filter_map(
            move |comparison| match (&comparison.operand, comparison.comparator == wanted) {
                (Operand::Value(Value::Number(number)), true) => Some(*number),
                _ => None,
            },
        )
    };
    let (floor, ceiling) = (bounds(Comparator::Min).max(), bounds(Comparator::Max).min());
    let mut number = match (actual, floor, ceiling) {
        (Some(Value::Number(number)), _, _) => *number,
        (_, Some(floor), _) => floor,
        (_, None, Some(ceiling)) => ceiling,
        _ => return None,
    };
    if let Some(ceiling) = ceiling {
        number = number.min(ceiling);
    }
    if let Some(floor) = floor {
        number = number.max(floor);
    }
    Some(Value::Number(number))
}

/// The words with those that must be there, and without those that may not be.
fn with_words(words: &[String], comparisons: &[Comparison]) -> Vec<String> {
    let mut words = words.to_vec();
    for comparison in comparisons {
        let Operand::Many(asked) = &comparison.operand else {
            continue;
        };
        let asked: Vec<String> = asked.iter().map(Value::to_string).collect();
        match comparison.comparator {
            Comparator::Contains => {
                let missing: Vec<String> = asked.into_iter().filter(|word| !words.contains(word)).collect();
                words.extend(missing);
            }
            Comparator::Excludes => words.retain(|word| !asked.contains(word)),
            _ => {}
        }
    }
    words
}

/// Widens a range, never narrows it: the union with what it must cover, then for width, then for parity.
fn widen(mut range: PortRange, comparisons: &[Comparison]) -> PortRange {
    for comparison in comparisons {
        if let (Comparator::Covers, Operand::Value(Value::Range(inner))) = (comparison.comparator, &comparison.operand)
        {
            range = range.hull(*inner);
        }
    }
    for comparison in comparisons {
        if let (Comparator::Width, Operand::Value(Value::Number(Number::Finite(width)))) =
            (comparison.comparator, &comparison.operand)
        {
            let missing = u32::try_from((width - i128::from(range.width())).clamp(0, i128::from(LAST))).unwrap_or(LAST);
            // Upward first: the low end is where servers listen.
            let up = missing.min(LAST.saturating_sub(range.hi));
            range.hi += up;
            range.lo = range.lo.saturating_sub(missing - up).max(1);
        }
    }
    for comparison in comparisons {
        if let (Comparator::Parity, Operand::SameParity(same)) = (comparison.comparator, &comparison.operand)
            && range.same_parity() != *same
        {
            if range.hi < LAST {
                range.hi += 1;
            } else {
                range.lo = range.lo.saturating_sub(1).max(1);
            }
        }
    }
    range
}

/// Whether it is certain that no value satisfies both lists.
#[must_use]
pub fn contradict(left: &[Comparison], right: &[Comparison]) -> bool {
    let all = || left.iter().chain(right);
    // A finite list of candidates decides: it is enough to try them.
    for comparison in all() {
        let candidates: Vec<&Value> = match (&comparison.comparator, &comparison.operand) {
            (Comparator::Eq, Operand::Value(value)) => vec![value],
            (Comparator::OneOf, Operand::Many(values)) => values.iter().collect(),
            _ => continue,
        };
        return !candidates
            .iter()
            .any(|value| all().all(|other| other.holds(value) || undecided(other, value)));
    }
    let bounds = |wanted: Comparator| {
        all().filter_map(
            move |comparison| match (&comparison.operand, comparison.comparator == wanted) {
                (Operand::Value(Value::Number(number)), true) => Some(*number),
                _ => None,
            },
        )
    };
    if let (Some(floor), Some(ceiling)) = (bounds(Comparator::Min).max(), bounds(Comparator::Max).min()) {
        if floor > ceiling {
            return true;
        }
        let barred = |number: Number| {
            all().any(|other| matches!((&other.comparator, &other.operand), (Comparator::Not, Operand::Value(value)) if same(value, &Value::Number(number))))
        };
        if floor == ceiling && barred(floor) {
            return true;
        }
    }
    let parities = all().filter_map(|comparison| match comparison.operand {
        Operand::SameParity(same) => Some(same),
        _ => None,
    });
    let (mut same_wanted, mut different_wanted) = (false, false);
    for same in parities {
        same_wanted |= same;
        different_wanted |= !same;
    }
    same_wanted && different_wanted
}

/// Whether a comparison cannot judge a candidate: the candidate is of another form than what is compared.
fn undecided(comparison: &Comparison, candidate: &Value) -> bool {
    match (&comparison.comparator, &comparison.operand, candidate) {
        (Comparator::Min | Comparator::Max, Operand::Value(Value::Number(_)), Value::Number(_)) => false,
        (Comparator::Min | Comparator::Max, Operand::Value(Value::Version(_)), Value::Version(_)) => false,
        (Comparator::Min | Comparator::Max, ..) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Type;

    fn ask(comparator: Comparator, value: Value) -> Comparison {
        Comparison {
            comparator,
            operand: Operand::Value(value),
        }
    }

    fn number(number: i128) -> Value {
        Value::number(number)
    }

    #[test]
    fn a_fix_only_raises_to_the_floor_or_lowers_to_the_ceiling() {
        let both = [ask(Comparator::Min, number(10)), ask(Comparator::Max, number(20))];
        assert_eq!(correct(&both, Some(&number(5)), None), Some(number(10)));
        assert_eq!(correct(&both, Some(&number(15)), None), Some(number(15)));
        assert_eq!(correct(&both, Some(&number(25)), None), Some(number(20)));
        assert_eq!(
            correct(&both[..1], Some(&Value::Number(Number::Unlimited)), None),
            Some(Value::Number(Number::Unlimited))
        );
        let impossible = [ask(Comparator::Min, number(10)), ask(Comparator::Max, number(5))];
        assert_eq!(correct(&impossible, Some(&number(7)), None), None);
    }

    #[test]
    fn words_are_added_and_taken_away_and_the_others_stay() {
        let words = |text: &str| Type::Words.parse(text).unwrap();
        let ask = |comparator, word: &str| Comparison {
            comparator,
            operand: Operand::Many(vec![Value::Text(word.to_owned())]),
        };
        let both = [ask(Comparator::Contains, "noatime"), ask(Comparator::Excludes, "sync")];
        assert_eq!(correct(&both, Some(&words("rw sync")), None), Some(words("rw noatime")));
        let impossible = [ask(Comparator::Contains, "sync"), ask(Comparator::Excludes, "sync")];
        assert_eq!(correct(&impossible, Some(&words("rw")), None), None);
    }

    #[test]
    fn a_range_is_widened_and_then_made_of_different_parity() {
        let live = Type::Range.parse("32768 60999").unwrap();
        let wanted = [
            ask(Comparator::Covers, Type::Range.parse("10240-65000").unwrap()),
            Comparison {
                comparator: Comparator::Parity,
                operand: Operand::SameParity(false),
            },
        ];
        assert_eq!(
            correct(&wanted, Some(&live), None),
            Type::Range.parse("10240-65001").ok()
        );
        let top = [
            ask(Comparator::Covers, Type::Range.parse("1025-65535").unwrap()),
            Comparison {
                comparator: Comparator::Parity,
                operand: Operand::SameParity(false),
            },
        ];
        assert_eq!(correct(&top, Some(&live), None), Type::Range.parse("1024-65535").ok());
        let width = [ask(Comparator::Width, number(40_000))];
        let wide = correct(&width, Some(&live), None).unwrap();
        assert!(width[0].holds(&wide), "{wide}");
    }

    #[test]
    fn not_has_no_fix_without_prefer() {
        let not = [ask(Comparator::Not, Value::Text("always".into()))];
        let live = Type::Choice.parse("[always] madvise never").unwrap();
        assert_eq!(correct(&not, Some(&live), None), None);
        let prefer = Value::Text("madvise".into());
        assert_eq!(correct(&not, Some(&live), Some(&prefer)), Some(prefer));
    }

    #[test]
    fn contradictions_are_certain() {
        let never = [ask(Comparator::Eq, Value::Text("never".into()))];
        let always = [ask(Comparator::Eq, Value::Text("always".into()))];
        let not_always = [ask(Comparator::Not, Value::Text("always".into()))];
        assert!(contradict(&never, &always));
        assert!(!contradict(&never, &not_always));
        assert!(contradict(&always, &not_always));
        assert!(contradict(
            &[ask(Comparator::Eq, number(1))],
            &[ask(Comparator::Min, number(10))]
        ));
        assert!(contradict(
            &[ask(Comparator::Max, number(1))],
            &[ask(Comparator::Min, number(10))]
        ));
        assert!(!contradict(
            &[ask(Comparator::Min, number(1))],
            &[ask(Comparator::Min, number(10))]
        ));
    }
}
