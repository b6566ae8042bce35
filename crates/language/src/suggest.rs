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
    // At least so many letters are inserted or dropped; words far apart in length are not compared letter by letter, however long.
    if left.chars().count().abs_diff(right.chars().count()) > limit {
        return None;
    }
    Some(strsim::osa_distance(left, right)).filter(|distance| *distance <= limit)
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
