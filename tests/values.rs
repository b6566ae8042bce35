//! Printing and reading back is the identity for values of every type; sets of ports agree with a naive model.

mod support;

use std::collections::BTreeSet;

use proptest::prelude::*;
use runup::value::{Comparator, Comparison, Number, Operand, PortRange, PortSet, Type, Unit, Value, correct};

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![any::<i128>().prop_map(Number::Finite), Just(Number::Unlimited)]
}

fn ranges() -> impl Strategy<Value = Vec<(u16, u16)>> {
    prop::collection::vec(
        (any::<u16>(), 0_u16..500).prop_map(|(lo, width)| (lo, lo.saturating_add(width))),
        0..20,
    )
}

fn value() -> impl Strategy<Value = (Type, Value)> {
    const NAMES: &[&str] = &[];
    let word = "[a-z][a-z0-9_-]{0,8}";
    prop_oneof![
        number().prop_map(|number| (Type::Number(Unit::Count), Value::Number(number))),
        prop::collection::vec(number(), 1..6)
            .prop_map(|fields| (Type::Tuple(NAMES, Unit::Count), Value::Tuple(fields))),
        (any::<u32>(), any::<u32>()).prop_map(|(lo, hi)| (Type::Range, Value::Range(PortRange { lo, hi }))),
        ranges().prop_map(|ranges| (Type::Ports, Value::Ports(PortSet::from_ranges(ranges)))),
        (prop::collection::btree_set(word, 1..5), any::<prop::sample::Index>()).prop_map(|(options, index)| {
            let options: Vec<String> = options.into_iter().collect();
            let text = options.iter().enumerate().map(|(at, word)| {
                if at == index.index(options.len()) {
                    format!("[{word}]")
                } else {
                    word.clone()
                }
            });
            let text = text.collect::<Vec<_>>().join(" ");
            (Type::Choice, Type::Choice.parse(&text).expect("a choice"))
        }),
        "[!-~]([ -~]{0,20}[!-~])?".prop_map(|text| (Type::Text, Value::Text(text))),
        any::<bool>().prop_map(|flag| (Type::Bool, Value::Bool(flag))),
        prop::collection::vec(word, 0..5).prop_map(|words| (Type::Words, Value::Words(words))),
    ]
}

fn naive(ranges: &[(u16, u16)]) -> BTreeSet<u16> {
    ranges.iter().flat_map(|(lo, hi)| *lo..=*hi).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(support::rounds(256)))]
    #[test]
    fn print_then_parse_is_the_identity((kind, value) in value()) {
        let printed = value.to_string();
        let again = kind.parse(&printed);
        prop_assert_eq!(again.as_ref(), Ok(&value), "{}", printed);
        prop_assert_eq!(kind.parse(&printed).unwrap().to_string(), printed);
    }

    #[test]
    fn no_text_makes_a_type_panic(text in "\\PC{0,40}") {
        for kind in [Type::Number(Unit::Bytes), Type::Tuple(&[], Unit::Count), Type::Range, Type::Ports, Type::Choice, Type::Text, Type::Bool, Type::Version, Type::Words] {
            if let Ok(value) = kind.parse(&text) {
                let _ = (value.to_string(), value.kernel_form(), value.show(Unit::Bytes, 4096));
            }
        }
    }

    #[test]
    fn port_sets_agree_with_plain_sets(a in ranges(), b in ranges(), port in any::<u16>()) {
        let (left, right) = (PortSet::from_ranges(a.clone()), PortSet::from_ranges(b.clone()));
        let (plain_left, plain_right) = (naive(&a), naive(&b));
        let plain = |set: &PortSet| naive(&set.ranges().collect::<Vec<_>>());
        prop_assert_eq!(plain(&left.union(&right)), plain_left.union(&plain_right).copied().collect());
        prop_assert_eq!(plain(&left.intersect(&right)), plain_left.intersection(&plain_right).copied().collect());
        prop_assert_eq!(plain(&left.minus(&right)), plain_left.difference(&plain_right).copied().collect());
        prop_assert_eq!(left.len() as usize, plain_left.len());
        prop_assert_eq!(left.contains(port), plain_left.contains(&port));
    }

    #[test]
    fn a_fix_satisfies_the_rule_and_never_worsens(floor in -1000_i128..1000, room in 0_i128..1000, live in -3000_i128..3000) {
        let ask = |comparator, number: i128| Comparison { comparator, operand: Operand::Value(Value::number(number)) };
        let rules = [ask(Comparator::Min, floor), ask(Comparator::Max, floor + room)];
        let actual = Value::number(live);
        let fixed = correct(&rules, Some(&actual), None).expect("the bounds leave room");
        prop_assert!(rules.iter().all(|rule| rule.holds(&fixed)));
        if rules.iter().all(|rule| rule.holds(&actual)) {
            prop_assert_eq!(fixed, actual);
        }
    }

    #[test]
    fn a_widened_range_holds_what_it_held(lo in 1_u32..60_000, width in 1_u32..5_000, want in 1_u32..65_000, wide in 1_i128..64_000, same in any::<bool>()) {
        let live = PortRange { lo, hi: (lo + width).min(65_535) };
        let inner = PortRange { lo: want, hi: (want + 100).min(65_535) };
        let rules = [
            Comparison { comparator: Comparator::Covers, operand: Operand::Value(Value::Range(inner)) },
            Comparison { comparator: Comparator::Width, operand: Operand::Value(Value::number(wide)) },
            Comparison { comparator: Comparator::Parity, operand: Operand::SameParity(same) },
        ];
        if let Some(Value::Range(fixed)) = correct(&rules, Some(&Value::Range(live)), None) {
            prop_assert!(fixed.covers(live) && fixed.covers(inner) && fixed.hi <= 65_535 && fixed.lo >= 1);
            prop_assert!(rules.iter().all(|rule| rule.holds(&Value::Range(fixed))));
        }
    }
}
