//! What an approval allows.
//!
//! For: the grant, its signed form, and the hash of arguments it is bound to. Not for: deciding, or redeeming.
//! Called by the server (signing) and the agent (opening, then comparing with what is about to be started).
//! It names everything it is good for, and has no default that widens it: a missing field is an error, and "any
//! arguments" must be said.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256 as Hasher};

use crate::keys::{MAX_SIGNED, NotOpened, NotSigned, Role, TrustedKeys};
use crate::{Id, MAX_NAME, Name, Sha256, Text, Time, read, signed};

/// What a grant's signature covers before its bytes.
pub const PREFIX: &str = "countersign-grant-v1";
/// What [`arguments_hash`] covers before the arguments.
pub const ARGUMENTS_PREFIX: &str = "countersign-arguments-v1";

/// What one approval allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Grant {
    /// The server that says so.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub server: Id,
    /// The key it is signed with.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub key: Id,
    /// The computer it is good on.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub computer: Id,
    /// The request it answers.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub request: Id,
    /// The account that may use it.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub account: Name<MAX_NAME>,
    /// The system's id of that account, where the endpoint sent one.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub user_id: Option<Text<MAX_NAME>>,
    /// The account the program runs as; the system's administrator when none was asked for.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub run_as: Option<Text<MAX_NAME>>,
    /// The program, by content.
    pub program_sha256: Sha256,
    /// Its arguments.
    pub arguments: Arguments,
    /// The script that the program is to run, by content, where there is one.
    pub script_sha256: Option<Sha256>,
    /// How often it may be used.
    pub uses: Uses,
    /// How long it lasts, **counted from when the endpoint asked**: the wait for the decision is part of it. It
    /// is the end of the grant less the receipt of the request, both by the server's clock. So the endpoint needs no
    /// clock that agrees with the server's, only one that cannot be set: time since boot.
    pub seconds: u64,
    /// When it was signed, by the server's clock.
    pub issued_at: Time,
}

/// Which arguments a grant covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Arguments {
    /// Whatever they are.
    Any,
    /// Exactly those of this [`arguments_hash`].
    Exact {
        /// The hash.
        sha256: Sha256,
    },
}

/// How often a grant may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Uses {
    /// Once.
    Once,
    /// As often as wanted while it lasts.
    Unlimited,
}

/// A grant as it travels: base64 of its JSON, and a signature over those bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignedGrant {
    /// The key to check it with; the same stands inside.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub key_id: Id,
    /// Base64 of the JSON of a [`Grant`].
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub payload: Text<MAX_SIGNED>,
    /// Base64 of 64 bytes: Ed25519 over [`PREFIX`], a zero byte, and the payload's bytes.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub signature: Text<MAX_SIGNED>,
}

/// Signs a grant with the seed of the key that it names.
///
/// # Errors
/// When it is larger than a signed document may be.
pub fn sign(grant: &Grant, seed: &[u8; 32]) -> Result<SignedGrant, NotSigned> {
    let (payload, signature) = signed::sign(PREFIX, &serde_json::to_vec(grant)?, seed);
    Ok(SignedGrant { key_id: grant.key.clone(), payload: payload.try_into()?, signature: signature.try_into()? })
}

impl SignedGrant {
    /// The grant, if a key of the set signed it that may, and that had not ended by `now`.
    ///
    /// What the grant is good for is then still to be compared with what is about to happen.
    ///
    /// # Errors
    /// When the key is unknown, for something else or ended, the signature does not hold, the content is not
    /// understood, or it names another key or server.
    pub fn open(&self, keys: &TrustedKeys, now: Time) -> Result<Grant, NotOpened> {
        let key = keys.key(&self.key_id, Role::Grant, now)?;
        let payload = signed::open(PREFIX, self.payload.as_str(), self.signature.as_str(), &key.public_key)?;
        let grant: Grant = read(&payload)?;
        if grant.key != self.key_id || grant.server != *keys.server() {
            return Err(NotOpened::Mismatch);
        }
        Ok(grant)
    }
}

/// The hash of an argument list.
///
/// First the name that the program is called by (the last part of what was typed), since some programs are many
/// programs in one file; then its arguments. Each goes in with its length, so that no other list has the same bytes.
#[must_use]
pub fn arguments_hash<I>(arguments: I) -> Sha256
where
    I: IntoIterator,
    I::Item: AsRef<[u8]>,
{
    let mut hasher = Hasher::new();
    hasher.update(ARGUMENTS_PREFIX);
    for argument in arguments {
        let argument = argument.as_ref();
        hasher.update((argument.len() as u64).to_le_bytes());
        hasher.update(argument);
    }
    Sha256::from_digest(&hasher.finalize().into())
}
