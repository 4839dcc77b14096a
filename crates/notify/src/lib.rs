//! Mail and signed webhooks: how this server tells people and programs outside that something needs them.
//!
//! Both go out through `egress`, so that whoever types an address cannot reach the inside of a network with it. Not for:
//! what is told, to whom and how often, and trying again; `app` decides that. Called by `app`.
//!
//! The decision a reader would undo: what a receiver answers is told as a status alone. Its body would let whoever can
//! type an address read what stands behind it.

mod mail;
mod webhook;

use countersign_domain::text;
use countersign_egress::Egress;
use url::Url;

pub use mail::{Mail, MailServer, Tls, is_address};
pub use webhook::{Delivery, Hook, SIGNATURE, signature};

/// Why nothing was told, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failed(String);

impl Failed {
    fn new(words: &str) -> Self {
        Self(text::line(words, 500))
    }

    /// An error with its causes, as one line.
    fn because(what: &str, error: &dyn std::error::Error) -> Self {
        let mut words = format!("{what}: {error}");
        let mut next = error.source();
        while let Some(cause) = next {
            let cause_words = cause.to_string();
            if !words.contains(&cause_words) {
                words = format!("{words}: {cause_words}");
            }
            next = cause.source();
        }
        Self::new(&words)
    }
}

/// Sends. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notifier {
    egress: Egress,
}

impl Notifier {
    /// Sends through this way out.
    #[must_use]
    pub const fn new(egress: Egress) -> Self {
        Self { egress }
    }

    /// Whether a webhook may have this address, as far as can be told without resolving its name.
    ///
    /// # Errors
    /// The sentence that says why not, and the line of the configuration that would allow it.
    pub fn check(&self, url: &Url) -> Result<(), Failed> {
        self.egress.check(url).map_err(|refusal| Failed::new(&refusal.to_string()))
    }

    /// Hands one mail to a mail server.
    ///
    /// # Errors
    /// The server's own words, or why it was not reached.
    pub async fn mail(&self, server: &MailServer, mail: &Mail) -> Result<(), Failed> {
        mail::send(&self.egress, server, mail).await
    }

    /// Posts one signed body.
    ///
    /// # Errors
    /// Anything but a 2xx answer: its status, or why there was none.
    pub async fn webhook(&self, hook: &Hook, delivery: &Delivery) -> Result<(), Failed> {
        webhook::post(&self.egress, hook, delivery).await
    }
}
