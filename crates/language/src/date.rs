//! Calendar dates: a waiver ends with one.

/// A calendar date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// The UTC calendar date of a time in seconds since 1970-01-01, by the arithmetic of Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>).
#[must_use]
pub fn date_of(time: i64) -> Date {
    // Days are counted from 0000-03-01, so that the leap day is the last of its year.
    let days = time.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let narrow = |number: i64| u8::try_from(number).unwrap_or(0);
    Date {
        year: u16::try_from(year).unwrap_or(u16::MAX),
        month: narrow(month),
        day: narrow(day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        let date = |year, month, day| Date { year, month, day };
        assert_eq!(date_of(0), date(1970, 1, 1));
        assert_eq!(date_of(951_782_400), date(2000, 2, 29));
        assert_eq!(date_of(1_801_353_599), date(2027, 1, 30));
        assert_eq!(date_of(1_801_353_600), date(2027, 1, 31));
        assert_eq!(date_of(4_107_542_400), date(2100, 3, 1));
    }
}
