//! "Did you mean": the name that is nearest to a word.

/// The candidate that is nearest to `word`, if any is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // About one slip for every three letters.
    let limit = (word.chars().count() / 3).clamp(1, 4);
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&lower, &candidate.to_lowercase(), limit)?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether one word is the other with at most one slip: a letter too many, too few, another one, or two neighbours swapped. `-` and `_`
/// are one letter, and so are a large one and a small one. What differs in its digits is another thing (`gc_thresh1`, `gc_thresh2`).
#[must_use]
pub fn is_a_slip(left: &str, right: &str) -> bool {
    let plain = |word: &str| word.to_ascii_lowercase().replace('-', "_");
    let digits = |word: &str| -> String { word.chars().filter(char::is_ascii_digit).collect() };
    digits(left) == digits(right) && distance(&plain(left), &plain(right), 1).is_some()
}

/// Letters to insert, drop, replace or swap with their neighbour; `None` when it takes more than `limit`.
pub fn distance(left: &str, right: &str, limit: usize) -> Option<usize> {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left.len().abs_diff(right.len()) > limit {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i + 1);
        for (j, b) in right.iter().enumerate() {
            let mut cost = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                cost = cost.min(before[j - 1] + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::{is_a_slip, nearest};

    #[test]
    fn one_slip_is_a_slip_and_digits_are_none() {
        for (wrong, right) in [
            ("somaxcon", "somaxconn"),
            ("somaxconnn", "somaxconn"),
            ("somaxcomn", "somaxconn"),
            ("soamxconn", "somaxconn"),
            ("aio_max_nr", "aio-max-nr"),
            ("SoMaxConn", "somaxconn"),
        ] {
            assert!(is_a_slip(wrong, right), "{wrong}");
        }
        for other in ["somaxco", "gc_thresh2", "somaxconn1", "smoaxcon"] {
            assert!(
                !is_a_slip(other, "somaxconn") && !is_a_slip(other, "gc_thresh1"),
                "{other}"
            );
        }
    }

    #[test]
    fn slips_are_forgiven_and_other_words_are_not() {
        assert_eq!(nearest("conections", ["connections", "rate"]), Some("connections"));
        assert_eq!(nearest("mni", ["min", "max"]), Some("min"));
        assert_eq!(nearest("zebra", ["connections", "rate"]), None);
        assert_eq!(
            nearest("net.core.somaxcon", ["net.core.somaxconn"]),
            Some("net.core.somaxconn")
        );
    }
}
