//! Which keys a server signs with: `GET /agent/v1/keys`.
//!
//! For: the key set, signed by the root key whose fingerprint stands in the enrolment key. Not for: keeping private
//! keys; the server seals those.
//! Called by the server (signing) and the agent (opening).
//! Two levels, so that a signing key can be changed, or lost, without visiting every computer.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256 as Hasher};

use crate::signed::{self, BadSignature, PublicKey};
use crate::{Id, Refused, Text, Time, read};

/// What a key set's signature covers before its bytes.
pub const PREFIX: &str = "countersign-keys-v1";
/// Most characters of a signed document on the wire.
pub const MAX_SIGNED: usize = 65_536;
/// Hexadecimal digits of a [`Fingerprint`].
pub const FINGERPRINT_DIGITS: usize = 32;

/// The keys of a server, valid together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KeySet {
    /// The server's id; grants carry it too.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub server: Id,
    /// Rises with every change. An endpoint refuses a lower one than it has seen.
    pub serial: u64,
    /// The keys.
    pub keys: Vec<Key>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Key {
    /// Its id.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub id: Id,
    /// What it may sign.
    pub role: Role,
    /// Its public half.
    pub public_key: PublicKey,
    /// After this moment nothing signed by it counts.
    pub not_after: Time,
}

/// What a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Grants.
    Grant,
    /// Policy bundles.
    Policy,
    /// Something a newer server knows of.
    #[serde(other)]
    Unknown,
}

/// A key set as it travels: base64 of its JSON, and the root key's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignedKeySet {
    /// Base64 of the JSON of a [`KeySet`].
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub payload: Text<MAX_SIGNED>,
    /// Base64 of 64 bytes.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub signature: Text<MAX_SIGNED>,
}

/// A key set whose signature was checked. There is no other way to get one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKeys(KeySet);

/// The first 16 bytes of the SHA-256 of a public key, as 32 hexadecimal digits: too many to find another key for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

/// Why a signed document was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The signature holds, but the content cannot be understood.
    #[error("the signed content is not understood: {0}")]
    Content(#[from] Refused),
    /// Signed by a key that the key set does not have, or has for something else.
    #[error("it is signed by the key {0}, which the server's key set does not allow")]
    UnknownKey(Id),
    /// Signed by a key whose time is over by the clock given.
    #[error("it is signed by the key {key}, which ended at {not_after}")]
    KeyEnded {
        /// The key.
        key: Id,
        /// When it ended.
        not_after: Time,
    },
    /// The content names another key or server than the one that signed it.
    #[error("its content names another key or server than the one that signed it")]
    Mismatch,
}

/// Signs a key set with the root key's seed.
///
/// # Errors
/// When it is larger than a signed document may be.
pub fn sign_set(set: &KeySet, root_seed: &[u8; 32]) -> Result<SignedKeySet, NotSigned> {
    let (payload, signature) = signed::sign(PREFIX, &serde_json::to_vec(set)?, root_seed);
    Ok(SignedKeySet { payload: payload.try_into()?, signature: signature.try_into()? })
}

/// A document could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum NotSigned {
    /// It has no JSON form.
    #[error("it has no JSON form: {0}")]
    Json(#[from] serde_json::Error),
    /// It is too large.
    #[error("it is too large: {0}")]
    Size(#[from] countersign_policy::text::BadText),
}

/// The fingerprint of a public key.
#[must_use]
pub fn fingerprint(key: &PublicKey) -> Fingerprint {
    let digest: [u8; 32] = Hasher::digest(key.as_bytes()).into();
    Fingerprint(crate::Sha256::from_digest(&digest).as_str().chars().take(FINGERPRINT_DIGITS).collect())
}

/// The public key of a private seed.
#[must_use]
pub fn public_of(seed: &[u8; 32]) -> PublicKey {
    PublicKey::of_seed(seed)
}

impl SignedKeySet {
    /// The key set, if the root key signed it.
    ///
    /// # Errors
    /// When the signature does not hold, or the content is not understood.
    pub fn open(&self, root: &PublicKey) -> Result<TrustedKeys, NotOpened> {
        let payload = signed::open(PREFIX, self.payload.as_str(), self.signature.as_str(), root)?;
        Ok(TrustedKeys(read(&payload)?))
    }
}

impl TrustedKeys {
    /// The set's serial.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.0.serial
    }

    /// The server's id.
    #[must_use]
    pub fn server(&self) -> &Id {
        &self.0.server
    }

    /// The key of that id, if it may sign this and its time is not over.
    ///
    /// # Errors
    /// When there is none, it is for something else, or it ended.
    pub fn key(&self, id: &Id, role: Role, now: Time) -> Result<&Key, NotOpened> {
        let key = self
            .0
            .keys
            .iter()
            .find(|key| key.id == *id && key.role == role)
            .ok_or_else(|| NotOpened::UnknownKey(id.clone()))?;
        if now > key.not_after {
            return Err(NotOpened::KeyEnded { key: id.clone(), not_after: key.not_after });
        }
        Ok(key)
    }
}

impl Fingerprint {
    /// Parses 32 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == FINGERPRINT_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
