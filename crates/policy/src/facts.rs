//! What an endpoint tells about a program.
//!
//! For: one request's program, on the wire, in the store, in rules. Not for: who asks, or why.
//! Called by `wire` (as the `program` of a request), `domain` and the agent.
//! Every field but path and SHA-256 may be missing, and none is proof: only the SHA-256 is checked again before a
//! program is started. A publisher counts only where `verified` is true.

use serde::{Deserialize, Serialize};

use crate::nature::{self, Kind, Place};
use crate::{Name, Sha256, Text};

/// Most characters of a path: Linux's `PATH_MAX`.
pub const MAX_PATH: usize = 4096;
/// Most characters of a product, a package, an owner.
pub const MAX_NAME: usize = 200;
/// Most characters of a version.
pub const MAX_VERSION: usize = 100;
/// Most characters of a certificate's subject.
pub const MAX_SUBJECT: usize = 500;
/// Most characters of a certificate's thumbprint (SHA-256 in hexadecimal, with room for separators).
pub const MAX_THUMBPRINT: usize = 128;

/// A program as the endpoint found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProgramFacts {
    /// The absolute path, links resolved.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub path: Name<MAX_PATH>,
    /// Digest of the file's content.
    pub sha256: Sha256,
    /// Size of the file in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The account that owns the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub owner: Option<Text<MAX_NAME>>,
    /// Product name from the file's version information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub product: Option<Text<MAX_NAME>>,
    /// Version from the file's version information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub version: Option<Text<MAX_VERSION>>,
    /// The package that the system's package database names for this path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
    /// Who signed the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Publisher>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Package {
    /// Its name, such as `coreutils`.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub name: Name<MAX_NAME>,
    /// Its installed version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub version: Option<Text<MAX_VERSION>>,
    /// Which package database says so, such as `dpkg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub source: Option<Text<MAX_NAME>>,
}

/// The signer of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Publisher {
    /// The certificate's subject.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub subject: Name<MAX_SUBJECT>,
    /// The certificate's thumbprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub thumbprint: Option<Text<MAX_THUMBPRINT>>,
    /// Whether digest, signature and chain were verified on the endpoint. A subject alone proves nothing.
    #[serde(default)]
    pub verified: bool,
}

impl ProgramFacts {
    /// The last part of the path: what people call the program.
    #[must_use]
    pub fn file_name(&self) -> &str {
        nature::file_name(self.path.as_str())
    }

    /// What kind of open-ended program this is, if it is one.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        nature::kind(self.path.as_str())
    }

    /// The place of the file, if it is one where anybody's programs can land.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        nature::place(self.path.as_str())
    }
}
