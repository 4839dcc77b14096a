//! A SHA-256 value.
//!
//! For: naming file content, argument lists and keys. Not for: computing one; that needs bytes, which only the agent
//! and `wire` have.
//! Called wherever content is named. The value is kept as text, since it is stored, sent and compared as text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A SHA-256 value as 64 hexadecimal digits in lower case; taken in in either case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(String);

/// What was sent is no SHA-256 value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 value has 64 hexadecimal digits, {sent} characters were sent{}", if *.sent == 64 { ", not all of them such digits" } else { "" })]
pub struct BadSha256 {
    /// How many characters were sent.
    pub sent: usize,
}

impl Sha256 {
    /// Parses 64 hexadecimal digits.
    ///
    /// # Errors
    /// When there are not 64, or one is no hexadecimal digit.
    pub fn parse(text: &str) -> Result<Self, BadSha256> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(BadSha256 { sent: text.chars().count() })
        }
    }

    /// The value of a computed digest.
    #[must_use]
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        use fmt::Write as _;
        Self(digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// The 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sha256 {
    type Error = BadSha256;

    fn try_from(text: String) -> Result<Self, BadSha256> {
        Self::parse(&text)
    }
}

impl From<Sha256> for String {
    fn from(value: Sha256) -> Self {
        value.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(feature = "schema")]
mod schema {
    use utoipa::{
        PartialSchema, ToSchema,
        openapi::{ObjectBuilder, RefOr, Schema, Type},
    };

    impl PartialSchema for super::Sha256 {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .description(Some("SHA-256 as 64 hexadecimal digits"))
                .pattern(Some("^[0-9a-fA-F]{64}$"))
                .into()
        }
    }

    impl ToSchema for super::Sha256 {}
}
