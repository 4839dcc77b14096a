//! How people and their programs prove who they are: one-use links, portal sessions, API tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_domain::{
    audit::Actor,
    directory::{MAX_NAME, Technician},
    id::{TechnicianId, TokenId},
    role::Right,
    text,
};
use countersign_store::{ComputerContext, NewToken, PortalSession, TokenRow};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

use crate::{App, Error, Result, people::require};

/// How long a one-use link is good, in seconds.
const LINK_SECONDS: i64 = 24 * 3600;
/// How long a portal session lasts at the most, in seconds.
const SESSION_SECONDS: i64 = 12 * 3600;
/// How long it lasts without being seen.
const IDLE_SECONDS: i64 = 2 * 3600;
/// How old "seen" may get before it is written again.
const SEEN_SECONDS: i64 = 60;

/// The form under which secrets are kept: SHA-256. They have 256 random bits, so no salt and no slow hash are needed.
#[must_use]
pub fn hash(secret: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(secret.as_bytes()).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn secret_text(secret: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(secret)
}

/// Who calls, and what the way of proving it allows.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub technician: Technician,
    /// May decide: by the role, and by the token's own scope.
    pub may_decide: bool,
    /// What a form must carry; sessions of the portal alone.
    pub form_token: Option<String>,
}

/// A new session: what the browser keeps.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The cookie's value.
    pub cookie: String,
    /// How long the cookie is kept, in seconds.
    pub seconds: i64,
}

impl App {
    /// Makes a one-use sign-in link for a technician; the path of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none such.
    pub async fn make_sign_in_link(&self, actor: Actor, id: &TechnicianId) -> Result<String> {
        let row = self.store().technician(id).await?.ok_or(Error::NotFound("technician"))?;
        let secret = secret_text(&self.inner.ids.secret());
        let now = self.now();
        let entry = self.entry(actor, "sign_in_link.made", id.to_string(), None, serde_json::Value::Null);
        self.store()
            .add_sign_in_link(hash(&secret), row.technician.id, now, now.plus_seconds(LINK_SECONDS), entry)
            .await?;
        Ok(format!("/sign-in/{secret}"))
    }

    /// Whose one-use link this is, without using it: opening a link never signs in by itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in_link_owner(&self, secret: &str) -> Result<Option<Technician>> {
        Ok(self.store().sign_in_link(&hash(secret), self.now()).await?.map(|row| row.technician))
    }

    /// Uses a one-use link up and opens a session.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the link is unknown, used or out of time.
    pub async fn sign_in(&self, secret: &str) -> Result<NewSession> {
        let technician = self.sign_in_link_owner(secret).await?.ok_or(Error::NotFound("sign-in link"))?;
        let now = self.now();
        let cookie = secret_text(&self.inner.ids.secret());
        let session = PortalSession {
            hash: hash(&cookie),
            technician_id: technician.id.to_string(),
            form_token: secret_text(&self.inner.ids.secret()),
            seen_at: now.0,
            expires_at: now.plus_seconds(SESSION_SECONDS).0,
        };
        let actor = Actor::Technician(technician.id.clone());
        let entry = self.entry(actor, "technician.signed_in", technician.id.to_string(), None, serde_json::Value::Null);
        if self.store().sign_in(hash(secret), session, now, entry).await? {
            Ok(NewSession { cookie, seconds: SESSION_SECONDS })
        } else {
            Err(Error::NotFound("sign-in link"))
        }
    }

    /// Who a portal cookie belongs to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_caller(&self, cookie: &str) -> Result<Option<Caller>> {
        let now = self.now();
        let hash = hash(cookie);
        let Some((session, row)) = self.store().portal_session(&hash, now, now.plus_seconds(-IDLE_SECONDS)).await?
        else {
            return Ok(None);
        };
        if now.0 - session.seen_at > SEEN_SECONDS * 1_000_000 {
            self.store().session_seen(&hash, now).await?;
        }
        let may_decide = row.technician.role.may(Right::Decide);
        Ok(Some(Caller { technician: row.technician, may_decide, form_token: Some(session.form_token) }))
    }

    /// Ends a portal session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out(&self, cookie: &str, by: &Technician) -> Result<()> {
        let actor = Actor::Technician(by.id.clone());
        let entry = self.entry(actor, "technician.signed_out", by.id.to_string(), None, serde_json::Value::Null);
        self.store().end_session(&hash(cookie), entry).await?;
        Ok(())
    }

    /// Who an API token belongs to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token_caller(&self, token: &str) -> Result<Option<Caller>> {
        let owner = self.store().token_owner(&hash(token), self.now()).await?;
        Ok(owner.map(|(row, scope)| {
            let may_decide = scope && row.technician.role.may(Right::Decide);
            Caller { technician: row.technician, may_decide, form_token: None }
        }))
    }

    /// The computer that a credential belongs to, with the names around it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn computer_caller(&self, credential: &str) -> Result<Option<Arc<ComputerContext>>> {
        Ok(self.store().computer_by_credential(&hash(credential)).await?)
    }

    /// Makes an API token for a technician; it is told once.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such technician.
    pub async fn make_token(
        &self,
        actor: Actor,
        owner: &TechnicianId,
        name: &str,
        may_decide: bool,
    ) -> Result<(TokenId, String)> {
        let row = self.store().technician(owner).await?.ok_or(Error::NotFound("technician"))?;
        let token = format!("cst_{}", secret_text(&self.inner.ids.secret()));
        let id = TokenId::from_uuid(self.inner.ids.uuid());
        let entry = self.entry(
            actor,
            "token.made",
            id.to_string(),
            None,
            serde_json::json!({ "technician": owner, "name": name, "may_decide": may_decide }),
        );
        let new = NewToken {
            id: id.clone(),
            technician: row.technician.id,
            name: text::line(name, MAX_NAME),
            hash: hash(&token),
            may_decide,
            expires_at: None,
            created_at: self.now(),
        };
        self.store().add_token(new, entry).await?;
        Ok((id, token))
    }

    /// The caller's own tokens; an administrator's view holds all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tokens(&self, by: &Technician) -> Result<Vec<TokenRow>> {
        let of = if by.may(Right::EditPeople) { None } else { Some(&by.id) };
        Ok(self.store().tokens(of).await?)
    }

    /// Revokes a token: one's own, or anybody's for an administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none such, or it is somebody else's.
    pub async fn revoke_token(&self, by: &Technician, id: &TokenId) -> Result<()> {
        let tokens = self.tokens(by).await?;
        if !tokens.iter().any(|token| token.id == id.as_str()) {
            return Err(Error::NotFound("token"));
        }
        let actor = Actor::Technician(by.id.clone());
        let entry = self.entry(actor, "token.revoked", id.to_string(), None, serde_json::Value::Null);
        if self.store().revoke_token(id, self.now(), entry).await? { Ok(()) } else { Err(Error::NotFound("token")) }
    }

    /// Makes a token by a portal session's wish.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where a token for somebody else is asked for without the right, or one that decides by a
    /// caller who may not.
    pub async fn make_token_for(
        &self,
        by: &Caller,
        owner: &TechnicianId,
        name: &str,
        may_decide: bool,
    ) -> Result<(TokenId, String)> {
        if *owner != by.technician.id {
            require(&by.technician, Right::EditPeople)?;
        }
        if may_decide && !by.may_decide {
            return Err(Error::forbidden("may_not_decide", "A token that decides is made by somebody who may decide."));
        }
        self.make_token(Actor::Technician(by.technician.id.clone()), owner, name, may_decide).await
    }
}
