//! Who calls: an endpoint by its credential, a technician by API token or by the portal's session.
//!
//! A session counts only with its form token on everything that changes something, so that no other site can act with
//! it; a token counts alone.

use std::sync::Arc;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
};
use countersign_app::{App, ComputerContext, sign_in::Caller};
use countersign_domain::directory::Technician;

use super::{Shared, problem::Problem};

/// Header that carries a session's form token.
pub(crate) const FORM_TOKEN: &str = "x-form-token";

/// The name of the portal's cookie. `__Host-` needs https (RFC 6265bis), so plain http on loopback goes without.
pub(crate) const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-countersign" } else { "countersign" }
}

/// The value of `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of the portal's cookie, if the browser sent one.
pub(crate) fn cookie(parts: &Parts, secure: bool) -> Option<String> {
    let name = cookie_name(secure);
    parts
        .headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

fn unauthenticated(sentence: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", sentence)
}

/// What a technician proves himself with.
#[derive(Clone)]
pub(crate) enum Credential {
    /// An API token.
    Token(String),
    /// The portal's cookie.
    Session(String),
}

impl Credential {
    /// Who it belongs to now; none once it is over.
    pub(crate) async fn caller(&self, app: &App) -> countersign_app::Result<Option<Caller>> {
        match self {
            Self::Token(token) => app.token_caller(token).await,
            Self::Session(cookie) => app.session_caller(cookie).await,
        }
    }
}

/// A technician.
pub(crate) struct By(pub(crate) Caller, pub(crate) Credential);

impl By {
    /// The technician.
    pub(crate) fn technician(&self) -> &Technician {
        &self.0.technician
    }

    /// Refuses a caller whose token has no `decide` scope, or whose role only reads.
    pub(crate) fn decider(&self) -> Result<&Technician, Problem> {
        if self.0.may_decide {
            return Ok(&self.0.technician);
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "may_not_decide",
            "This token or role may not decide. Make a token with the decide scope, or ask an administrator for another role.",
        ))
    }
}

impl<S> FromRequestParts<S> for By
where
    Shared: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let shared = Shared::from_ref(state);
        let credential = match bearer(&parts.headers) {
            Some(token) => Credential::Token(token.to_owned()),
            None => Credential::Session(cookie(parts, shared.setup.secure).ok_or_else(|| {
                unauthenticated("Send an API token as Authorization: Bearer, or sign in to the portal.")
            })?),
        };
        let caller = credential.caller(&shared.app).await?.ok_or_else(|| match credential {
            Credential::Token(_) => {
                unauthenticated("The token is unknown, revoked or out of time. Make a new one in the portal.")
            }
            Credential::Session(_) => {
                unauthenticated("The session is over. Sign in again; what you typed is still on the page.")
            }
        })?;
        if matches!(credential, Credential::Token(_)) {
            return Ok(Self(caller, credential));
        }
        let safe = matches!(parts.method, Method::GET | Method::HEAD);
        let token = parts.headers.get(FORM_TOKEN).and_then(|value| value.to_str().ok());
        if !safe && token != caller.form_token.as_deref() {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "form_token",
                "The form token is missing or of another session. Load the page again.",
            ));
        }
        Ok(Self(caller, credential))
    }
}

/// An endpoint, with its company and names.
pub(crate) struct Endpoint(pub(crate) Arc<ComputerContext>);

impl<S> FromRequestParts<S> for Endpoint
where
    Shared: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let credential = bearer(&parts.headers).ok_or_else(|| {
            unauthenticated("Send the computer's credential as Authorization: Bearer. Enrol it first.")
        })?;
        let shared = Shared::from_ref(state);
        let context = shared.app.computer_caller(credential).await?.ok_or_else(|| {
            unauthenticated("The computer's credential is unknown or was taken back. Enrol the computer again.")
        })?;
        if context.archived {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "archived",
                "This computer was archived in the portal, so it cannot ask. A technician can restore it, or enrol it again.",
            ));
        }
        if context.held_credential {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "held",
                "This computer is known and came without its old credential. A technician must confirm it in the portal.",
            ));
        }
        Ok(Self(context))
    }
}
