//! Units of numbers, and what a quantity of one is in another.

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// A bare number.
    None,
    /// Bytes; the base is one byte.
    Bytes,
    /// Time; the base is one nanosecond.
    Time,
    /// A share; the base is one hundredth of a percent.
    Percent,
}

/// The unit that a subject's numbers are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the units")]
pub enum Unit {
    /// A count of anything.
    Count,
    Bytes,
    Kib,
    Mib,
    /// Pages of memory.
    Pages,
    /// Sectors of 512 bytes.
    Sectors,
    Seconds,
    Centiseconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    Percent,
    /// Hundredths of a percent; what a person writes bare is percent.
    Centipercent,
    BytesPerSecond,
}

/// Which way a quantity goes that is not a whole number of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Up: for a floor.
    Up,
    /// Down: for a ceiling.
    Down,
    /// Not at all: it must be a whole number.
    Exact,
}

/// Why a quantity cannot be given in a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitMismatch {
    /// It is in pages, and nobody knows how large they are.
    PageSize,
    /// It measures something else.
    Dimension,
    /// It is not a whole number of units.
    NotWhole,
    /// It is too large for 128 bits.
    Overflow,
}

impl Unit {
    const ALL: [Unit; 14] = [
        Unit::Count,
        Unit::Bytes,
        Unit::Kib,
        Unit::Mib,
        Unit::Pages,
        Unit::Sectors,
        Unit::Seconds,
        Unit::Centiseconds,
        Unit::Milliseconds,
        Unit::Microseconds,
        Unit::Nanoseconds,
        Unit::Percent,
        Unit::Centipercent,
        Unit::BytesPerSecond,
    ];

    /// Every unit.
    pub fn all() -> impl Iterator<Item = Unit> {
        Self::ALL.into_iter()
    }

    /// Its name in a profile's `unit = "..."` and in reports; empty for a count.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Unit::Count => "",
            Unit::Bytes => "bytes",
            Unit::Kib => "KiB",
            Unit::Mib => "MiB",
            Unit::Pages => "pages",
            Unit::Sectors => "sectors",
            Unit::Seconds => "s",
            Unit::Centiseconds => "cs",
            Unit::Milliseconds => "ms",
            Unit::Microseconds => "us",
            Unit::Nanoseconds => "ns",
            Unit::Percent => "%",
            Unit::Centipercent => "0.01%",
            Unit::BytesPerSecond => "bytes/s",
        }
    }

    /// The unit with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name.is_empty() {
            return None;
        }
        Self::all().find(|unit| unit.name() == name)
    }

    /// What it measures.
    #[must_use]
    pub fn dimension(self) -> Dimension {
        match self {
            Unit::Count => Dimension::None,
            Unit::Bytes | Unit::Kib | Unit::Mib | Unit::Pages | Unit::Sectors | Unit::BytesPerSecond => {
                Dimension::Bytes
            }
            Unit::Seconds | Unit::Centiseconds | Unit::Milliseconds | Unit::Microseconds | Unit::Nanoseconds => {
                Dimension::Time
            }
            Unit::Percent | Unit::Centipercent => Dimension::Percent,
        }
    }

    /// Base units of its dimension in one of it; `page_size` in bytes. `None` for pages where nobody knows how large they are.
    #[must_use]
    pub fn scale(self, page_size: impl Into<Option<u32>>) -> Option<i128> {
        Some(match self {
            Unit::Count | Unit::Bytes | Unit::BytesPerSecond | Unit::Nanoseconds | Unit::Centipercent => 1,
            Unit::Kib => 1 << 10,
            Unit::Mib => 1 << 20,
            Unit::Pages => return page_size.into().map(i128::from),
            Unit::Sectors => 512,
            Unit::Seconds => 1_000_000_000,
            Unit::Centiseconds => 10_000_000,
            Unit::Milliseconds => 1_000_000,
            Unit::Microseconds => 1_000,
            Unit::Percent => 100,
        })
    }

    /// What one of a number that a person writes without a unit is.
    #[must_use]
    pub fn bare_scale(self) -> i128 {
        if self == Unit::Centipercent { 100 } else { 1 }
    }

    /// A quantity in base units of a dimension (or a bare number) in this unit.
    ///
    /// # Errors
    /// It measures something else, is not a whole number of units where it must be, or is too large.
    pub fn from_quantity(
        self,
        amount: i128,
        dimension: Dimension,
        page_size: impl Into<Option<u32>>,
        rounding: Rounding,
    ) -> Result<i128, UnitMismatch> {
        if dimension == Dimension::None {
            return amount.checked_mul(self.bare_scale()).ok_or(UnitMismatch::Overflow);
        }
        if dimension != self.dimension() {
            return Err(UnitMismatch::Dimension);
        }
        let scale = self.scale(page_size).ok_or(UnitMismatch::PageSize)?;
        let (whole, rest) = (amount.div_euclid(scale), amount.rem_euclid(scale));
        match rounding {
            _ if rest == 0 => Ok(whole),
            Rounding::Up => Ok(whole + 1),
            Rounding::Down => Ok(whole),
            Rounding::Exact => Err(UnitMismatch::NotWhole),
        }
    }

    /// A number of this unit for a person: `64 KiB`, `4096 pages (16 MiB)`, `0.35 %`, `60 s`.
    #[must_use]
    pub fn show(self, number: i128, page_size: impl Into<Option<u32>>) -> String {
        match self {
            Unit::Count => number.to_string(),
            Unit::Bytes => show_bytes(number),
            Unit::BytesPerSecond => format!("{}/s", show_bytes(number)),
            Unit::Kib | Unit::Mib if number.unsigned_abs() < 1024 => format!("{number} {}", self.name()),
            Unit::Kib | Unit::Mib | Unit::Pages | Unit::Sectors => {
                match self.scale(page_size).and_then(|scale| number.checked_mul(scale)) {
                    Some(bytes) => format!("{number} {} ({})", self.name(), show_bytes(bytes)),
                    None => format!("{number} {}", self.name()),
                }
            }
            Unit::Centipercent => {
                let sign = if number < 0 { "-" } else { "" };
                let number = number.unsigned_abs();
                match number % 100 {
                    0 => format!("{sign}{} %", number / 100),
                    rest => format!("{sign}{}.{rest:02} %", number / 100),
                }
            }
            _ => format!("{number} {}", self.name()),
        }
    }
}

/// Bytes in the largest binary unit that leaves at least one, exact or with one decimal.
fn show_bytes(number: i128) -> String {
    const NAMES: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let magnitude = number.unsigned_abs();
    let sign = if number < 0 { "-" } else { "" };
    let Some(power) = (1..=NAMES.len()).rev().find(|power| magnitude >= 1 << (10 * power)) else {
        return format!("{number} bytes");
    };
    let scale = 1_u128 << (10 * power);
    let name = NAMES[power - 1];
    if magnitude.is_multiple_of(scale) {
        return format!("{sign}{} {name}", magnitude / scale);
    }
    // Rounded to the nearest tenth; what rounds to 1024 is left as it is.
    let whole = magnitude / scale;
    let tenth = (magnitude % scale * 10 + scale / 2) / scale;
    let (whole, tenth) = if tenth == 10 { (whole + 1, 0) } else { (whole, tenth) };
    format!("{sign}{whole}.{tenth} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_round_up_and_ceilings_down() {
        let pages = |rounding| Unit::Pages.from_quantity(4097, Dimension::Bytes, 4096, rounding);
        assert_eq!(pages(Rounding::Up), Ok(2));
        assert_eq!(pages(Rounding::Down), Ok(1));
        assert_eq!(pages(Rounding::Exact), Err(UnitMismatch::NotWhole));
        assert_eq!(
            Unit::Pages.from_quantity(5, Dimension::Time, 4096, Rounding::Up),
            Err(UnitMismatch::Dimension)
        );
    }

    #[test]
    fn a_bare_number_for_hundredths_of_a_percent_is_percent() {
        assert_eq!(
            Unit::Centipercent.from_quantity(5, Dimension::None, 4096, Rounding::Exact),
            Ok(500)
        );
        assert_eq!(
            Unit::Centipercent.from_quantity(50, Dimension::Percent, 4096, Rounding::Exact),
            Ok(50)
        );
    }

    #[test]
    fn numbers_are_shown_for_a_person() {
        assert_eq!(Unit::Bytes.show(65536, 4096), "64 KiB");
        assert_eq!(Unit::Bytes.show(2_684_354_560, 4096), "2.5 GiB");
        assert_eq!(Unit::Bytes.show(1000, 4096), "1000 bytes");
        assert_eq!(Unit::Pages.show(4096, 4096), "4096 pages (16 MiB)");
        assert_eq!(Unit::Centipercent.show(35, 4096), "0.35 %");
        assert_eq!(Unit::Centipercent.show(500, 4096), "5 %");
        assert_eq!(Unit::Seconds.show(60, 4096), "60 s");
    }
}
