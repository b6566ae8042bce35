//! Port ranges and sets of ports.

use std::fmt;

use super::ParseError;

/// A closed range of ports, or of other numbers of that form (`net.ipv4.ping_group_range` holds group ids).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortRange {
    /// The first.
    pub lo: u32,
    /// The last; never below the first where the range is a profile's. The kernel shows `1 0` for an empty range.
    pub hi: u32,
}

impl PortRange {
    /// Reads `32768 60999`, `10240-65535`.
    ///
    /// # Errors
    /// It is not two numbers.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError::new("two numbers, first and last", text);
        let text_trimmed = text.trim();
        let mut words = text_trimmed
            .split(|c: char| c.is_ascii_whitespace() || c == '-')
            .filter(|word| !word.is_empty());
        let (lo, hi) = (words.next().ok_or_else(error)?, words.next().ok_or_else(error)?);
        if words.next().is_some() || text_trimmed.starts_with('-') {
            return Err(error());
        }
        let number = |word: &str| word.parse::<u32>().map_err(|_| error());
        Ok(Self {
            lo: number(lo)?,
            hi: number(hi)?,
        })
    }

    /// How many numbers it holds.
    #[must_use]
    pub fn width(self) -> u64 {
        if self.hi < self.lo {
            0
        } else {
            u64::from(self.hi - self.lo) + 1
        }
    }

    /// Whether another range lies inside it.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self {
            lo: self.lo.min(other.lo),
            hi: self.hi.max(other.hi),
        }
    }

    /// Whether the bounds are both even or both odd.
    #[must_use]
    pub fn same_parity(self) -> bool {
        self.lo % 2 == self.hi % 2
    }

    /// The ports in it.
    #[must_use]
    pub fn ports(self) -> PortSet {
        let clamp = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        if self.hi < self.lo {
            PortSet::default()
        } else {
            PortSet::from_ranges([(clamp(self.lo), clamp(self.hi))])
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.lo, self.hi)
    }
}

/// A set of ports: sorted, disjoint ranges with gaps between them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct PortSet {
    ranges: Vec<(u16, u16)>,
}

impl PortSet {
    /// Reads `8080,9000-9100`; the empty text is the empty set.
    ///
    /// # Errors
    /// Something in it is not a port, or a range runs backwards.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let trimmed = text.trim();
        let mut ranges = Vec::new();
        if !trimmed.is_empty() {
            for item in trimmed.split(',') {
                let error = || ParseError::new("ports and ranges of ports, separated by commas", item);
                let port = |word: &str| word.trim().parse::<u16>().map_err(|_| error());
                let (lo, hi) = match item.split_once('-') {
                    Some((lo, hi)) => (port(lo)?, port(hi)?),
                    None => (port(item)?, port(item)?),
                };
                if hi < lo {
                    return Err(error());
                }
                ranges.push((lo, hi));
            }
        }
        Ok(Self::from_ranges(ranges))
    }

    /// The union of closed ranges.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let mut list: Vec<(u16, u16)> = ranges.into_iter().collect();
        list.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(list.len());
        for (lo, hi) in list {
            match merged.last_mut() {
                Some(last) if u32::from(lo) <= u32::from(last.1) + 1 => last.1 = last.1.max(hi),
                _ => merged.push((lo, hi)),
            }
        }
        Self { ranges: merged }
    }

    /// The closed ranges, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = (u16, u16)> + '_ {
        self.ranges.iter().copied()
    }

    /// How many ports it holds.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.ranges.iter().map(|(lo, hi)| u32::from(hi - lo) + 1).sum()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether it holds a port.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        let at = self.ranges.partition_point(|(lo, _)| *lo <= port);
        at > 0 && self.ranges[at - 1].1 >= port
    }

    /// The ports that are in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut ranges = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (lo, hi) = (a.0.max(b.0), a.1.min(b.1));
            if lo <= hi {
                ranges.push((lo, hi));
            }
            if a.1 < b.1 {
                left.next()
            } else {
                right.next()
            };
        }
        Self { ranges }
    }

    /// The ports that are in this one and not in the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let mut cuts = other.ranges.iter().peekable();
        for (lo, hi) in &self.ranges {
            let mut from = u32::from(*lo);
            while cuts.peek().is_some_and(|cut| cut.1 < *lo) {
                cuts.next();
            }
            let mut ahead = cuts.clone();
            while let Some(cut) = ahead.next_if(|cut| cut.0 <= *hi) {
                if from < u32::from(cut.0) {
                    // What stands before the cut lies within a range of ports, so it fits.
                    ranges.push((u16::try_from(from).unwrap_or(u16::MAX), cut.0 - 1));
                }
                from = from.max(u32::from(cut.1) + 1);
            }
            if from <= u32::from(*hi) {
                ranges.push((u16::try_from(from).unwrap_or(u16::MAX), *hi));
            }
        }
        Self { ranges }
    }

    /// The ports that are in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.ranges().chain(other.ranges()))
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (lo, hi)) in self.ranges.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            if lo == hi {
                write!(f, "{comma}{lo}")?
            } else {
                write!(f, "{comma}{lo}-{hi}")?
            }
        }
        Ok(())
    }
}
