//! Time and chance: the one place of this crate that reads the clock, waits, or makes random bytes.
//!
//! Not a clock that can be moved by hand: the simulator plays a foreign service, and a foreign service keeps real time.
//! Tests that need an old token or an old ticket set the value instead of moving the clock.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC, to the millisecond, written the way Halo writes it: no zone mark, `2026-09-01T08:00:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(i64);

/// What Halo shows where a date was never set.
pub(crate) const UNSET: &str = "1899-12-30T00:00:00";

impl Stamp {
    /// The current moment.
    pub(crate) fn now() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the simulator is a service of its own: it keeps real time")]
        Self(Timestamp::now().as_millisecond())
    }

    /// Seconds since 1970, as tokens carry them.
    pub(crate) fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment and `seconds` more.
    pub(crate) fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Reads what clients send: with or without fractions, zone mark or time of day.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(stamp) = text.parse::<Timestamp>() {
            return Some(Self(stamp.as_millisecond()));
        }
        let civil: DateTime = text.parse().ok()?;
        Some(Self(TimeZone::UTC.to_timestamp(civil).ok()?.as_millisecond()))
    }

    /// Halo's "never": dates before 1901 mean that nothing was set.
    pub(crate) fn is_unset(self) -> bool {
        self.0 < -2_177_452_800_000
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(stamp) => {
                let text = stamp.to_string();
                f.write_str(text.trim_end_matches('Z'))
            }
            Err(_) => f.write_str(UNSET),
        }
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a date and time")))
    }
}

/// A set date, or Halo's picture of "never".
pub(crate) fn date_or_unset(date: Option<Stamp>) -> String {
    date.map_or_else(|| UNSET.to_owned(), |stamp| stamp.to_string())
}

/// Measures how long a call takes.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "durations of calls and rate windows are real")]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time since the start.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits, for the `delay` fault only.
#[expect(clippy::disallowed_methods, reason = "a slow Halo is what the delay fault plays")]
pub(crate) async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Random bytes from the system; the numbers of a token or a secret.
///
/// # Panics
/// Never on a system with a random source; without one a simulator that hands out secrets must not run.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        panic!("the system gives no random bytes: {error}");
    }
    bytes
}

/// A random GUID.
pub(crate) fn random_guid() -> String {
    uuid::Builder::from_random_bytes(random()).into_uuid().to_string()
}
