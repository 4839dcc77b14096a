//! Moments on the wire.
//!
//! For: RFC 3339 text outside, microseconds inside. Not for: reading a clock; moments come in as arguments.
//! Called wherever a body carries a time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A moment: microseconds since 1970-01-01T00:00:00Z. On the wire it is RFC 3339 text in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(i64);

/// What was sent is no RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time looks like 2026-11-24T09:30:00Z")]
pub struct BadTime;

impl Time {
    /// The last moment that RFC 3339 text can name here: 9999-12-30T22:00:00Z.
    pub const MAX: Self = Self(253_402_207_200_000_000);

    /// A moment from microseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// Outside the years that RFC 3339 text can name.
    pub fn from_micros(micros: i64) -> Result<Self, BadTime> {
        jiff::Timestamp::from_microsecond(micros).map_err(|_| BadTime)?;
        Ok(Self(micros))
    }

    /// Parses RFC 3339 text. Parts of a microsecond are cut.
    ///
    /// # Errors
    /// When it is not RFC 3339.
    pub fn parse(text: &str) -> Result<Self, BadTime> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| BadTime)?;
        Ok(Self(moment.as_microsecond()))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The constructors let in only what jiff can name; the epoch would stand for a bug, not for a time.
        f.pad(&jiff::Timestamp::from_microsecond(self.0).unwrap_or_default().to_string())
    }
}

impl TryFrom<String> for Time {
    type Error = BadTime;

    fn try_from(text: String) -> Result<Self, BadTime> {
        Self::parse(&text)
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

#[cfg(feature = "schema")]
mod schema {
    use utoipa::{
        PartialSchema, ToSchema,
        openapi::{ObjectBuilder, RefOr, Schema, Type},
    };

    impl PartialSchema for super::Time {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .description(Some("RFC 3339"))
                .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
                .into()
        }
    }

    impl ToSchema for super::Time {}
}
