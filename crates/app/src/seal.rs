//! Secrets at rest: XChaCha20-Poly1305 under one key, each seal bound to its table, row and column (promise P10).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use zeroize::Zeroizing;

use crate::{Error, Result, clock::Ids};

/// Seals and opens.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
}

impl Sealer {
    /// A sealer with this key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.into()) }
    }

    /// Seals a secret for `place`, `table/row/column`.
    ///
    /// # Errors
    /// When the secret is too large for the cipher, which no secret of ours is.
    pub fn seal(&self, place: &str, secret: &[u8], ids: &dyn Ids) -> Result<String> {
        let random = ids.secret();
        let (nonce, _) = random.split_at(24);
        let nonce = XNonce::try_from(nonce).map_err(|_| Error::Sealed("A nonce has 24 bytes.".to_owned()))?;
        let sealed = self
            .cipher
            .encrypt(&nonce, Payload { msg: secret, aad: place.as_bytes() })
            .map_err(|_| Error::Sealed(format!("The secret for {place} could not be sealed.")))?;
        Ok(format!("v1:{}:{}", STANDARD.encode(nonce), STANDARD.encode(sealed)))
    }

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// When it was sealed with another key, for another place, or was changed.
    pub fn open(&self, place: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>> {
        let wrong = || {
            Error::Sealed(format!(
                "The secret for {place} cannot be opened with this key file. Use the key file that the database was made with, \
                 or set the secret again."
            ))
        };
        let mut parts = sealed.split(':');
        let (Some("v1"), Some(nonce), Some(text), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let nonce = STANDARD.decode(nonce).ok().and_then(|nonce| XNonce::try_from(nonce.as_slice()).ok());
        let nonce = nonce.ok_or_else(wrong)?;
        let text = STANDARD.decode(text).map_err(|_| wrong())?;
        self.cipher
            .decrypt(&nonce, Payload { msg: &text, aad: place.as_bytes() })
            .map(Zeroizing::new)
            .map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::System;

    #[test]
    fn a_seal_opens_in_its_place_with_its_key_alone() {
        let sealer = Sealer::new(&[7; 32]);
        let closed = sealer.seal("secrets/halo/sealed", b"sample", &System).unwrap();
        assert!(!closed.contains("sample"));
        assert_eq!(sealer.open("secrets/halo/sealed", &closed).unwrap().as_slice(), b"sample");
        assert!(sealer.open("secrets/other/sealed", &closed).is_err());
        assert!(Sealer::new(&[8; 32]).open("secrets/halo/sealed", &closed).is_err());
        let mut broken = closed.clone();
        broken.replace_range(broken.len() - 3..broken.len() - 2, "A");
        assert!(broken == closed || sealer.open("secrets/halo/sealed", &broken).is_err());
        assert!(sealer.open("secrets/halo/sealed", "v1:x").is_err());
    }
}
