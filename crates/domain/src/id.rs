//! Ids: one newtype per noun, a prefix that names it, a UUID inside.
//!
//! An endpoint makes the id of its request, everything else is numbered by the server. The text is kept as it came
//! (with or without hyphens): two spellings are two ids, and no order is ever taken from an id, only from the server's
//! times.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Why a text is not the id that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{got:?} is not a {noun} id: it starts with {prefix:?} and goes on with a UUID")]
pub struct WrongId {
    /// What the id would name.
    pub noun: &'static str,
    /// The prefix that such an id has.
    pub prefix: &'static str,
    /// What came instead, cut to 80 characters.
    pub got: String,
}

fn parse(text: &str, noun: &'static str, prefix: &'static str) -> Result<String, WrongId> {
    text.strip_prefix(prefix)
        .filter(|rest| matches!(rest.len(), 32 | 36) && uuid::Uuid::try_parse(rest).is_ok())
        .map(|rest| format!("{prefix}{}", rest.to_ascii_lowercase()))
        .ok_or_else(|| WrongId { noun, prefix, got: text.chars().take(80).collect() })
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $noun:literal $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What the text of such an id starts with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id from a UUID that the caller drew.
            #[must_use]
            pub fn from_uuid(uuid: uuid::Uuid) -> Self {
                Self(format!("{}{}", $prefix, uuid.hyphenated()))
            }

            /// The text of the id, prefix included.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = WrongId;
            fn from_str(text: &str) -> Result<Self, WrongId> {
                parse(text, $noun, $prefix).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = WrongId;
            fn try_from(text: String) -> Result<Self, WrongId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// One elevation request, numbered by the endpoint.
    RequestId "request" "req_";
    /// A company of the directory.
    CompanyId "company" "company_";
    /// A location of a company.
    LocationId "location" "location_";
    /// A computer at a location.
    ComputerId "computer" "computer_";
    /// A person who signs in to the portal.
    TechnicianId "technician" "tech_";
    /// An end user's entry in the directory.
    ContactId "contact" "contact_";
    /// One step of a lane.
    StepId "step" "step_";
    /// An enrolment key.
    EnrollmentKeyId "enrollment key" "key_";
    /// An API token.
    TokenId "token" "token_";
    /// This installation.
    ServerId "server" "server_";
}

impl RequestId {
    /// The short form that people read and that a ticket's summary ends with: `CS-` and eight letters or digits.
    ///
    /// Forty bits of the id's SHA-256, so that an endpoint that draws poor ids cannot make neighbours look alike.
    #[must_use]
    pub fn short(&self) -> String {
        countersign_policy::reference::short(&self.0)
    }
}

impl StepId {
    /// When it was made, by the clock of the server that made it; none where it is no UUID of version 7.
    #[must_use]
    pub fn made_at(&self) -> Option<Time> {
        let uuid = uuid::Uuid::try_parse(self.0.strip_prefix(Self::PREFIX)?).ok()?;
        let (seconds, nanos) = uuid.get_timestamp().filter(|_| uuid.get_version_num() == 7)?.to_unix();
        Some(Time(0).plus_seconds(i64::try_from(seconds).ok()?).plus_millis(i64::from(nanos / 1_000_000)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_spelling_and_refuses_others() {
        let hyphens: RequestId = "req_0197c9a0-7d6e-7c3a-8f00-aabbccddeeff".parse().unwrap();
        assert_eq!(hyphens.as_str(), "req_0197c9a0-7d6e-7c3a-8f00-aabbccddeeff");
        assert!("req_0197c9a07d6e7c3a8f00aabbccddeeff".parse::<RequestId>().is_ok());
        for wrong in ["", "req_", "req_1", "company_0197c9a0-7d6e-7c3a-8f00-aabbccddeeff", "req_{0197c9a0}", "../x"] {
            let error = wrong.parse::<RequestId>().unwrap_err().to_string();
            assert!(error.contains("request id"), "{error}");
        }
    }

    #[test]
    fn the_short_form_is_eight_letters_and_differs() {
        let one: RequestId = "req_0197c9a0-7d6e-7c3a-8f00-aabbccddeeff".parse().unwrap();
        let two: RequestId = "req_0197c9a0-7d6e-7c3a-8f00-aabbccddeef0".parse().unwrap();
        assert_eq!(one.short().len(), 11);
        assert_ne!(one.short(), two.short());
        assert_eq!(one.short(), one.short());
    }
}
