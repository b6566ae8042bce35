//! What a metric is and what is asked of it, in its own words: a report says `98 % of processor time used by other programs`, and not
//! `cpu 98 %`.

use super::{Metric, Said};
use crate::value::{Comparator, Comparison, Operand, Type, Unit, Value};

fn around(metric: &Metric, text: &str) -> String {
    match metric.said {
        Some(Said::Around(words)) => words.replacen("{}", text, 1),
        Some(Said::Switch(..)) | None if metric.name.is_empty() => text.to_owned(),
        Some(Said::Switch(..)) | None => format!("{} {text}", metric.name.replace('_', " ")),
    }
}

/// What a metric is, in words.
#[must_use]
pub fn is(metric: &Metric, value: &Value, unit: Unit, page_size: Option<u32>) -> String {
    match (metric.said, value) {
        (Some(Said::Switch(yes, no)), Value::Bool(on)) => if *on { yes } else { no }.to_owned(),
        _ => around(metric, &value.show(unit, page_size)),
    }
}

/// What is asked of a metric, in words.
#[must_use]
pub fn asks(metric: &Metric, comparisons: &[Comparison], value: Type, page_size: Option<u32>) -> String {
    let unit = super::unit_of(value);
    if let (Some(Said::Switch(yes, no)), [Comparison { comparator, operand }]) = (metric.said, comparisons)
        && let (Comparator::Eq | Comparator::Not, Operand::Value(Value::Bool(on))) = (comparator, operand)
    {
        let on = *on == (*comparator == Comparator::Eq);
        return if on { yes } else { no }.to_owned();
    }
    let describe = |comparison: &Comparison| match (comparison.comparator, &comparison.operand, value) {
        // One of the words does.
        (Comparator::StartsWith, Operand::Value(start), Type::Words) => format!("with {start}..."),
        _ => comparison.describe(unit, page_size),
    };
    let asked: Vec<String> = comparisons.iter().map(describe).collect();
    around(metric, &asked.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::KINDS;

    #[test]
    fn every_metric_with_a_name_has_words_of_its_type() {
        for kind in KINDS {
            for metric in kind.metrics().filter(|metric| !metric.name.is_empty()) {
                let (kind, name) = (kind.name(), metric.name);
                let is_switch = metric.value == Some(Type::Bool);
                let texts = match metric.said {
                    None => panic!("{kind} {name} has no words"),
                    Some(Said::Around(text)) => {
                        assert!(!is_switch && text.matches("{}").count() == 1, "{kind} {name}: {text}");
                        vec![text]
                    }
                    Some(Said::Switch(yes, no)) => {
                        assert!(is_switch && yes != no, "{kind} {name}: {yes}");
                        vec![yes, no]
                    }
                };
                // The form of a key is nobody's language, but for a state that the kernel calls so.
                let has_key = |text: &&str| text.contains('_') && name != "time_wait";
                assert!(!texts.iter().any(has_key), "{kind} {name}");
            }
        }
    }
}
