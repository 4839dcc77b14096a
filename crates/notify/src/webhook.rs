//! A JSON body, posted with a signature that the receiver can check.
//!
//! `Countersign-Signature: t=<seconds>,v1=<hex>`: HMAC-SHA-256 with the shared secret over `<seconds>.<body>`. The time
//! is under the signature, so that a receiver can refuse what was recorded and sent again.

use std::fmt::Write as _;

use countersign_domain::time::Time;
use countersign_egress::Egress;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use url::Url;

use crate::Failed;

/// The header that bears the signature.
pub const SIGNATURE: &str = "countersign-signature";

/// Where bodies are posted to.
#[derive(Clone)]
pub struct Hook {
    /// The address.
    pub url: Url,
    /// The secret that the receiver knows too.
    pub secret: String,
}

/// One body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The same for each try of the same delivery, so that a receiver can leave doubles out. Letters, digits and hyphens.
    pub id: String,
    /// When it is sent.
    pub at: Time,
    /// JSON.
    pub body: String,
}

/// The value of [`SIGNATURE`] for a body sent at `seconds` since 1970.
#[must_use]
pub fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let mut out = format!("t={seconds},v1=");
    // A key of any length is one.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        mac.update(format!("{seconds}.{body}").as_bytes());
        for byte in mac.finalize().into_bytes() {
            // Writing to a String cannot fail.
            let _infallible = write!(out, "{byte:02x}");
        }
    }
    out
}

pub(crate) async fn post(egress: &Egress, hook: &Hook, delivery: &Delivery) -> Result<(), Failed> {
    let client = egress.client_for(&[&hook.url]).map_err(|refusal| Failed::new(&refusal.to_string()))?;
    let signature = signature(&hook.secret, delivery.at.0.div_euclid(1_000_000), &delivery.body);
    let answer = client
        .post(hook.url.clone())
        .header("content-type", "application/json")
        .header("countersign-delivery", &delivery.id)
        .header(SIGNATURE, signature)
        .body(delivery.body.clone())
        .send()
        .await
        // The address may hold a secret of the receiver's.
        .map_err(|error| Failed::because("The webhook was not delivered", &error.without_url()))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    Err(Failed::new(&format!("The webhook's receiver answered {status}; 2xx is wanted")))
}
