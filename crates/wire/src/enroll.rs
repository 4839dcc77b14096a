//! Tying a computer to a server: `POST /agent/v1/enroll`.
//!
//! For: the body, both answers, and the text form of an enrolment key. Not for: checking or counting keys.
//! Called by the server and by `countersign-agent enroll`.
//! The key carries a fingerprint of the server's root key. Without it, the first answer would be trusted whoever gave
//! it, and with it every later grant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::keys::{FINGERPRINT_DIGITS, Fingerprint};
use crate::{Id, MAX_NAME, Name, PublicKey, Text};

/// Most characters of an enrolment key as text.
pub const MAX_ENROLLMENT_KEY: usize = 200;
/// Most characters of a machine id.
pub const MAX_MACHINE_ID: usize = 200;
/// Most characters of a credential.
pub const MAX_CREDENTIAL: usize = 500;

/// The body of `POST /enroll`. A computer that enrols anew sends its old credential as `Authorization: Bearer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EnrollBody {
    /// The whole text of the key, as [`EnrollmentKey`] prints it.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub enrollment_key: Name<MAX_ENROLLMENT_KEY>,
    /// The company's name or id.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub company: Name<MAX_NAME>,
    /// The location's name or id.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub location: Name<MAX_NAME>,
    /// The computer itself.
    pub computer: ComputerFacts,
    /// Version of the agent.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub agent_version: Option<Text<MAX_NAME>>,
}

/// A computer as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ComputerFacts {
    /// Its host name.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub name: Name<MAX_NAME>,
    /// The operating system, such as `Debian GNU/Linux`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub os: Option<Text<MAX_NAME>>,
    /// Its version.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub os_version: Option<Text<MAX_NAME>>,
    /// Names the installation: stays over renames, and does not give away the system's own secret id.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub machine_id: Name<MAX_MACHINE_ID>,
}

/// 201: the computer is enrolled.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Enrolled {
    /// The computer's id from now on.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub computer_id: Id,
    /// The secret for `Authorization: Bearer`. Shown once.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub credential: Name<MAX_CREDENTIAL>,
    /// The server's root key; the agent keeps it only when its fingerprint is the one in the enrolment key.
    pub root_key: PublicKey,
    /// Who decides, as end users know them: "*Sample MSP* must approve this".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub provider: Option<Text<MAX_NAME>>,
}

/// 202: a known machine came without its old credential, and waits until a technician confirms it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Held {
    /// The computer's id once it is confirmed.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub computer_id: Id,
    /// Always true; it tells this answer from [`Enrolled`] for readers that see only the body.
    pub held: bool,
}

impl fmt::Debug for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrolled").field("computer_id", &self.computer_id).finish_non_exhaustive()
    }
}

/// An enrolment key: a secret, and which server it belongs to.
///
/// As text: `csk_` + 32 hexadecimal digits + `_` + the root key's [`Fingerprint`] (32 hexadecimal digits).
#[derive(Clone, PartialEq, Eq)]
pub struct EnrollmentKey {
    /// 32 hexadecimal digits. The server stores only a digest.
    pub secret: String,
    /// Fingerprint of the root key that the server must show.
    pub root_fingerprint: Fingerprint,
}

/// What was typed is no enrolment key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an enrolment key looks like csk_<32 digits>_<32 digits>; copy all of it from the portal")]
pub struct BadEnrollmentKey;

impl EnrollmentKey {
    const SECRET_DIGITS: usize = 32;

    /// A new key from 16 random bytes.
    #[must_use]
    pub fn new(random: u128, root_fingerprint: Fingerprint) -> Self {
        Self { secret: format!("{random:032x}"), root_fingerprint }
    }
}

impl FromStr for EnrollmentKey {
    type Err = BadEnrollmentKey;

    fn from_str(text: &str) -> Result<Self, BadEnrollmentKey> {
        let (secret, fingerprint) =
            text.trim().strip_prefix("csk_").and_then(|rest| rest.split_once('_')).ok_or(BadEnrollmentKey)?;
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !digits(secret, Self::SECRET_DIGITS) || !digits(fingerprint, FINGERPRINT_DIGITS) {
            return Err(BadEnrollmentKey);
        }
        Ok(Self {
            secret: secret.to_ascii_lowercase(),
            root_fingerprint: Fingerprint::parse(fingerprint).ok_or(BadEnrollmentKey)?,
        })
    }
}

impl fmt::Display for EnrollmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "csk_{}_{}", self.secret, self.root_fingerprint)
    }
}

impl fmt::Debug for EnrollmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrollmentKey").field("root_fingerprint", &self.root_fingerprint).finish_non_exhaustive()
    }
}
