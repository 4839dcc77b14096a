//! Halo's webhook: its secret, and what a delivery wakes.
//!
//! Called by the settings pages and API, and by `POST /hooks/halo/{secret}`. The secret and the password are made here,
//! shown once, and kept as SHA-256 alone: both are 256 random bits. The decision a reader would undo: of a delivery,
//! only its id and the numbers of tickets are read; it says nothing that is believed (see `follow.rs`).

use countersign_domain::{audit::Actor, directory::Technician, role::Right, time::Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    App, Error, Result,
    people::require,
    sign_in::{hash, secret_text},
};

const DOCUMENT: &str = "halo_webhook";
/// The user name that goes with a password.
const USER: &str = "halo";
/// Objects of one delivery that are looked at.
const BATCH: usize = 1000;
/// The longest id of a delivery.
const LONGEST_ID: usize = 64;

/// What is kept of the webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    secret_hash: String,
    password_hash: Option<String>,
    made_at: Time,
}

/// Whether Halo must name a user and password, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basic {
    /// It must.
    On,
    /// The secret in the address is enough.
    Off,
}

/// A webhook that was just made: what is shown once.
#[derive(Debug, Clone)]
pub struct NewHook {
    /// The address to type in Halo, with the secret in it.
    pub url: String,
    /// User and password, where they are wanted.
    pub basic: Option<(String, String)>,
}

/// How the webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookState {
    /// When its secret was made.
    pub made_at: Time,
    /// Whether a user and password are wanted.
    pub basic: Basic,
}

/// True if the hashes are the same, in a time that does not tell how much of them is.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
}

impl App {
    async fn kept_hook(&self) -> Result<Option<Kept>> {
        let Some((value, _)) = self.store().setting(DOCUMENT).await? else { return Ok(None) };
        serde_json::from_str(&value).map_err(|error| Error::Sealed(error.to_string()))
    }

    async fn keep_hook(&self, by: &Technician, kept: Option<&Kept>, action: &'static str) -> Result<()> {
        let value = serde_json::to_string(&kept).map_err(|error| Error::Sealed(error.to_string()))?;
        let actor = Actor::Technician(by.id.clone());
        let entry = self.entry(actor, action, "ticketing".to_owned(), None, Value::Null);
        self.store()
            .write(move |tx| {
                let (value, entry) = (value.clone(), entry.clone());
                Box::pin(async move {
                    tx.keep_setting(DOCUMENT, &value).await?;
                    tx.audit(&entry).await
                })
            })
            .await?;
        Ok(())
    }

    /// How the webhook stands; none where there is none.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not read settings.
    pub async fn halo_webhook(&self, by: &Technician) -> Result<Option<HookState>> {
        require(by, Right::ReadSettings)?;
        let kept = self.kept_hook().await?;
        Ok(kept.map(|kept| HookState {
            made_at: kept.made_at,
            basic: if kept.password_hash.is_some() { Basic::On } else { Basic::Off },
        }))
    }

    /// Makes a webhook's secret, in the place of the one before it, which is good for nothing any more.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not change settings.
    pub async fn make_halo_webhook(&self, by: &Technician, basic: Basic) -> Result<NewHook> {
        require(by, Right::EditSettings)?;
        let secret = secret_text(&self.inner.ids.secret());
        let password = (basic == Basic::On).then(|| secret_text(&self.inner.ids.secret()));
        let kept =
            Kept { secret_hash: hash(&secret), password_hash: password.as_deref().map(hash), made_at: self.now() };
        self.keep_hook(by, Some(&kept), "webhook.made").await?;
        Ok(NewHook {
            url: format!("{}/hooks/halo/{secret}", self.public_url()),
            basic: password.map(|password| (USER.to_owned(), password)),
        })
    }

    /// Takes the webhook's secret away.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not change settings.
    pub async fn revoke_halo_webhook(&self, by: &Technician) -> Result<()> {
        require(by, Right::EditSettings)?;
        self.keep_hook(by, None, "webhook.revoked").await
    }

    /// Hears a delivery: the tickets that it names are read soon. How many of its objects were new.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a wrong secret, user or password, and where there is no webhook.
    pub async fn hear(&self, secret: &str, basic: Option<(&str, &str)>, body: &[u8]) -> Result<usize> {
        let kept = self.kept_hook().await?.ok_or(Error::NotFound("webhook"))?;
        let (user, password) = basic.unwrap_or_default();
        let known = is_same(&hash(secret), &kept.secret_hash);
        let signed_in = kept.password_hash.is_none_or(|kept| is_same(&hash(password), &kept) && user == USER);
        if !(known && signed_in) {
            return Err(Error::NotFound("webhook"));
        }
        let heard = &self.inner.heard;
        let new = match serde_json::from_slice(body) {
            Ok(Value::Array(objects)) => objects.iter().take(BATCH).filter(|object| hear_one(heard, object)).count(),
            Ok(object) => usize::from(hear_one(heard, &object)),
            // Something happened in Halo, whatever it tried to say.
            Err(_) => usize::from(heard.add(None, None)),
        };
        Ok(new)
    }
}

fn hear_one(heard: &crate::follow::Heard, object: &Value) -> bool {
    let id =
        |name: &str| object.get(name).and_then(Value::as_str).filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
    let ticket = object.get("object_id").and_then(number).or_else(|| object.pointer("/ticket/id").and_then(number));
    heard.add(id("id").or_else(|| id("escmsg_id")).map(str::to_owned), ticket)
}

/// A ticket's number, which other versions print as a text or with a decimal point.
fn number(value: &Value) -> Option<String> {
    let number = match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let number = number.as_f64().filter(|n| n.fract() == 0.0 && (1.0..1e15).contains(n))?;
            format!("{number:.0}").parse().ok()
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|number| (1..=i64::MAX.unsigned_abs()).contains(number)).map(|number: u64| number.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_numbers_of_tickets_are_taken() {
        for (value, expected) in [
            (json!(2001), Some("2001")),
            (json!(2001.0), Some("2001")),
            (json!(" 2001 "), Some("2001")),
            (json!(0), None),
            (json!(-5), None),
            (json!(1.5), None),
            (json!(1e300), None),
            (json!(u64::MAX), None),
            (json!("2001,2002"), None),
            (json!("' OR 1=1"), None),
            (json!(null), None),
            (json!([2001]), None),
            (json!({ "id": 2001 }), None),
        ] {
            assert_eq!(number(&value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn hashes_are_compared_whole() {
        assert!(is_same("abc", "abc"));
        for other in ["abd", "ab", "abcd", ""] {
            assert!(!is_same("abc", other), "{other}");
        }
    }
}
