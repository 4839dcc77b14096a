//! The server's id and its signing keys: made at the first start, sealed from then on.

use countersign_domain::{id::ServerId, time::Time};
use countersign_store::Store;
use ed25519_dalek::{Signer as _, SigningKey, Verifier as _};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Error, Result, clock::Ids, seal::Sealer};

/// How long a grant key is used.
const GRANT_KEY_YEARS: i64 = 5;

/// The keys of this installation.
pub struct Keys {
    /// Signs the key set; its fingerprint stands in enrolment keys.
    pub root: Zeroizing<[u8; 32]>,
    /// Signs grants.
    pub grant: Zeroizing<[u8; 32]>,
    /// What is publicly said of the grant key.
    pub grant_facts: GrantKeyFacts,
    audit: SigningKey,
}

/// What is publicly said of the grant key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GrantKeyFacts {
    /// Its id.
    pub id: String,
    /// Rises with every change of the key set.
    pub serial: u64,
    /// When it was made.
    pub created_at: Time,
    /// After this nothing signed with it counts.
    pub not_after: Time,
}

impl Keys {
    pub(crate) async fn load(store: &Store, sealer: &Sealer, ids: &dyn Ids, now: Time) -> Result<Self> {
        let root = seed(store, sealer, ids, "root_key", now).await?;
        let grant = seed(store, sealer, ids, "grant_key_1", now).await?;
        let audit = seed(store, sealer, ids, "audit_key", now).await?;
        let facts = GrantKeyFacts {
            id: "grant-1".to_owned(),
            serial: 1,
            created_at: now,
            not_after: now.plus_seconds(GRANT_KEY_YEARS * 365 * 24 * 3600),
        };
        let grant_facts = document(store, "grant_key", &facts).await?;
        Ok(Self { root, grant, grant_facts, audit: SigningKey::from_bytes(&audit) })
    }

    /// Signs a checkpoint's hash.
    #[must_use]
    pub fn sign_checkpoint(&self, hash: &str) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        STANDARD.encode(self.audit.sign(hash.as_bytes()).to_bytes())
    }

    /// True if a checkpoint's signature is ours.
    #[must_use]
    pub fn is_checkpoint_ours(&self, hash: &str, signature: &str) -> bool {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        STANDARD
            .decode(signature)
            .ok()
            .and_then(|bytes| ed25519_dalek::Signature::from_slice(&bytes).ok())
            .is_some_and(|signature| self.audit.verifying_key().verify(hash.as_bytes(), &signature).is_ok())
    }
}

/// The sealed seed of a key; made if there is none. Two nodes that start together keep the same one.
async fn seed(store: &Store, sealer: &Sealer, ids: &dyn Ids, name: &str, now: Time) -> Result<Zeroizing<[u8; 32]>> {
    let place = format!("secrets/{name}/sealed");
    let kept = if let Some(kept) = store.secret(name).await? {
        kept
    } else {
        let fresh = sealer.seal(&place, &*Zeroizing::new(ids.secret()), ids)?;
        let name = name.to_owned();
        store
            .write(move |tx| {
                let (name, fresh) = (name.clone(), fresh.clone());
                Box::pin(async move { tx.secret_or(&name, &fresh, now).await })
            })
            .await?
    };
    let opened = sealer.open(&place, &kept)?;
    let seed: [u8; 32] =
        opened.as_slice().try_into().map_err(|_| Error::Sealed(format!("The secret for {place} is not a key.")))?;
    Ok(Zeroizing::new(seed))
}

/// A settings document that is written once, at the first start.
async fn document<T: Serialize + for<'d> Deserialize<'d>>(store: &Store, name: &'static str, fresh: &T) -> Result<T> {
    let broken =
        |error: serde_json::Error| Error::Sealed(format!("The settings document {name} cannot be read: {error}"));
    if store.setting(name).await?.is_none() {
        let value = serde_json::to_string(fresh).map_err(broken)?;
        let written = store
            .write(move |tx| {
                let value = value.clone();
                Box::pin(async move { tx.set_setting(name, &value, None).await })
            })
            .await;
        // Another node may have been first; its document is the one that counts.
        if !matches!(written, Ok(()) | Err(countersign_store::Error::Stale)) {
            written?;
        }
    }
    let (value, _) = store.setting(name).await?.ok_or(Error::NotFound("settings document"))?;
    serde_json::from_str(&value).map_err(broken)
}

pub(crate) async fn server_id(store: &Store, ids: &dyn Ids) -> Result<ServerId> {
    document(store, "server_id", &ServerId::from_uuid(ids.uuid())).await
}
