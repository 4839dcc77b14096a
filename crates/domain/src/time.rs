//! Points in time: microseconds since 1970-01-01 UTC, as the database keeps them.
//!
//! Text forms (RFC 3339) are made where people and programs read them, in `server` and `psa`. Spans are plain seconds.

use serde::{Deserialize, Serialize};

/// A point in time, in microseconds UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// The point `seconds` later; stays at the end of time instead of wrapping.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The point `millis` milliseconds later.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1_000)))
    }

    /// Whole seconds from `earlier` to here; 0 where `earlier` is not earlier, since clocks can be set back.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        let micros = self.0.saturating_sub(earlier.0);
        if micros > 0 { micros / 1_000_000 } else { 0 }
    }
}

impl Time {
    /// RFC 3339 text in UTC with milliseconds, the form of every API: `2026-11-24T14:02:07.123Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.stamp().map_or_else(|| "-".to_owned(), |stamp| format!("{stamp:.3}"))
    }

    /// The form that stands in tickets and mails: `2026-11-24 14:02:07 UTC`.
    #[must_use]
    pub fn for_people(self) -> String {
        self.stamp().map_or_else(|| "-".to_owned(), |stamp| stamp.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
    }

    /// Reads an RFC 3339 text with any offset; none where it is not one.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.trim().parse::<jiff::Timestamp>().ok().map(|stamp| Self(stamp.as_microsecond()))
    }

    fn stamp(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_microsecond(self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_time() {
        let time = Time::parse_rfc3339("2026-11-24T14:02:07.123456+02:00").unwrap();
        assert_eq!(time.rfc3339(), "2026-11-24T12:02:07.123Z");
        assert_eq!(time.for_people(), "2026-11-24 12:02:07 UTC");
        assert_eq!(Time::parse_rfc3339("yesterday"), None);
        assert_eq!(Time(i64::MAX).rfc3339(), "-");
    }

    #[test]
    fn spans_do_not_wrap_and_clocks_may_go_back() {
        assert_eq!(Time(i64::MAX).plus_seconds(9), Time(i64::MAX));
        assert_eq!(Time(5).seconds_since(Time(9_000_000)), 0);
        assert_eq!(Time(9_500_000).seconds_since(Time(500_000)), 9);
    }
}
