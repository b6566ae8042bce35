//! Which values would do, where several would.

use crate::value::{Comparator, Comparison, Number, Operand, Value};

/// A floor and a ceiling.
type Bounds = (Option<Number>, Option<Number>);

/// Which values would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// Numbers, one for each field: a floor and a ceiling.
    Bounds(Vec<(Option<Number>, Option<Number>)>),
    /// A range that holds the one that is asked for; whether its bounds must be of the same parity.
    Range(Option<bool>),
    /// One of these words.
    Among(Vec<String>),
    /// Any word but these.
    Without(Vec<String>),
}

impl Demand {
    /// Whether a value would do, given as the system writes it. What cannot be read would not.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        let fields = || text.split_ascii_whitespace().map(|field| Number::parse(field).ok());
        match self {
            Demand::Bounds(bounds) => {
                fields().count() == bounds.len()
                    && fields().zip(bounds).all(|(field, (floor, ceiling))| {
                        field.is_some_and(|field| {
                            floor.is_none_or(|floor| field >= floor) && ceiling.is_none_or(|ceiling| field <= ceiling)
                        })
                    })
            }
            // How wide it must be is in the range that is asked for, which is not known here.
            Demand::Range(_) => false,
            Demand::Among(allowed) => allowed.contains(&words(text)),
            Demand::Without(barred) => !barred.contains(&words(text)),
        }
    }

    /// No other value than this one.
    pub(super) fn exactly(text: &str) -> Self {
        Demand::Among(vec![words(text)])
    }

    /// What comparisons leave open of a value that is written as `to`; each stands beside the field that it is about.
    pub(super) fn of(asked: &[(Option<usize>, &[Comparison])], to: &str) -> Self {
        if let [(_, [only])] = asked
            && let Some(words) = among(only)
        {
            return words;
        }
        if let [(_, all)] = asked
            && let Some(range) = range(all)
        {
            return range;
        }
        let mut bounds: Vec<Bounds> = vec![(None, None); to.split_ascii_whitespace().count()];
        for (field, comparisons) in asked {
            for comparison in *comparisons {
                let place = bounds.get_mut(field.unwrap_or(0));
                match (comparison.comparator, &comparison.operand, place) {
                    (Comparator::Min, Operand::Value(Value::Number(floor)), Some(place)) => {
                        place.0 = place.0.max(Some(*floor));
                    }
                    (Comparator::Max, Operand::Value(Value::Number(ceiling)), Some(place)) => {
                        place.1 = lower(place.1, Some(*ceiling));
                    }
                    _ => return Demand::exactly(to),
                }
            }
        }
        Demand::Bounds(bounds)
    }

    /// What two demands of one number leave together: `Some(None)` where that is nothing, `None` where one of them is of another
    /// form.
    pub(super) fn within(&self, other: &Demand) -> Option<Option<Bounds>> {
        let (Demand::Bounds(ours), Demand::Bounds(theirs)) = (self, other) else {
            return None;
        };
        let ([ours], [theirs]) = (ours.as_slice(), theirs.as_slice()) else {
            return None;
        };
        let (floor, ceiling) = (ours.0.max(theirs.0), lower(ours.1, theirs.1));
        let is_empty = floor.zip(ceiling).is_some_and(|(floor, ceiling)| floor > ceiling);
        Some((!is_empty).then_some((floor, ceiling)))
    }

    /// The nearest number between a floor and a ceiling.
    pub(super) fn fit(text: &str, floor: Option<Number>, ceiling: Option<Number>) -> Option<String> {
        let number = Number::parse(text).ok()?;
        let number = ceiling.map_or(number, |ceiling| number.min(ceiling));
        Some(floor.map_or(number, |floor| number.max(floor)).to_string())
    }
}

/// The lower of two ceilings, of which none is higher than any.
pub(super) fn lower(one: Option<Number>, other: Option<Number>) -> Option<Number> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn among(comparison: &Comparison) -> Option<Demand> {
    let word = |value: &Value| words(&value.kernel_form());
    match (comparison.comparator, &comparison.operand) {
        (Comparator::OneOf, Operand::Many(values)) => Some(Demand::Among(values.iter().map(word).collect())),
        (Comparator::Not, Operand::Value(value)) => Some(Demand::Without(vec![word(value)])),
        _ => None,
    }
}

fn range(comparisons: &[Comparison]) -> Option<Demand> {
    let of_ranges = |comparison: &Comparison| {
        matches!(
            comparison.comparator,
            Comparator::Covers | Comparator::Width | Comparator::Parity
        )
    };
    let parity = comparisons.iter().find_map(|comparison| match comparison.operand {
        Operand::SameParity(same) => Some(same),
        _ => None,
    });
    (!comparisons.is_empty() && comparisons.iter().all(of_ranges)).then_some(Demand::Range(parity))
}

/// Fields separated by single spaces.
pub(super) fn words(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}
