//! How anything is signed here.
//!
//! For: Ed25519 over a prefix and the very bytes that travel. Not for: what is signed; see `grant` and `keys`.
//! Called by those two alone. Nothing is ever serialised again to check it: two serialisers need not agree, and a
//! signature over bytes that nobody sent proves nothing. The prefix keeps one kind of document from passing as another.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// An Ed25519 public key; base64 (RFC 4648, 4) of 32 bytes on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

/// What was sent is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a public key is 32 bytes in base64")]
pub struct BadPublicKey;

/// A signed document that must not be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// Payload or signature is not base64, or the signature is not 64 bytes.
    #[error("the signed document is damaged")]
    Damaged,
    /// The signature is not of this key over these bytes.
    #[error("the signature is wrong")]
    Wrong,
}

impl PublicKey {
    /// The key of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public key of a private seed.
    #[must_use]
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed).verifying_key().to_bytes())
    }
}

impl TryFrom<String> for PublicKey {
    type Error = BadPublicKey;

    fn try_from(text: String) -> Result<Self, BadPublicKey> {
        let bytes = STANDARD.decode(text).map_err(|_| BadPublicKey)?;
        Ok(Self(bytes.try_into().map_err(|_| BadPublicKey)?))
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        STANDARD.encode(key.0)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// What is signed: the prefix, a zero byte, the payload.
fn message(prefix: &str, payload: &[u8]) -> Vec<u8> {
    [prefix.as_bytes(), &[0], payload].concat()
}

/// Signs bytes; returns payload and signature in base64.
pub(crate) fn sign(prefix: &str, payload: &[u8], seed: &[u8; 32]) -> (String, String) {
    let signature = SigningKey::from_bytes(seed).sign(&message(prefix, payload));
    (STANDARD.encode(payload), STANDARD.encode(signature.to_bytes()))
}

/// The payload's bytes, if the key signed them.
pub(crate) fn open(prefix: &str, payload: &str, signature: &str, key: &PublicKey) -> Result<Vec<u8>, BadSignature> {
    let payload = STANDARD.decode(payload).map_err(|_| BadSignature::Damaged)?;
    let signature = STANDARD.decode(signature).map_err(|_| BadSignature::Damaged)?;
    let signature = Signature::from_slice(&signature).map_err(|_| BadSignature::Damaged)?;
    let key = VerifyingKey::from_bytes(key.as_bytes()).map_err(|_| BadSignature::Wrong)?;
    key.verify_strict(&message(prefix, &payload), &signature).map_err(|_| BadSignature::Wrong)?;
    Ok(payload)
}

#[cfg(feature = "schema")]
mod schema {
    use utoipa::{
        PartialSchema, ToSchema,
        openapi::{ObjectBuilder, RefOr, Schema, Type},
    };

    impl PartialSchema for super::PublicKey {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new().schema_type(Type::String).description(Some("Ed25519 public key, base64")).into()
        }
    }

    impl ToSchema for super::PublicKey {}
}
