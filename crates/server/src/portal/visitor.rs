//! Who is at the other end: a technician with a session of the portal.
//!
//! Not for: the API, which takes tokens too. Called as an extractor by every route of the portal but sign-in.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use countersign_app::sign_in::Caller;

use crate::http::caller::{cookie, cookie_name};
use crate::http::{Setup, Shared};

use super::Refused;

/// The `Set-Cookie` of a session; `seconds` 0 takes it away.
pub(super) fn set_cookie(setup: &Setup, value: &str, seconds: i64) -> String {
    let name = cookie_name(setup.secure);
    let secure = if setup.secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// A technician with a session, and the session's own secret.
pub(crate) struct Visitor {
    caller: Caller,
    pub(crate) cookie: String,
    pub(crate) setup: Arc<Setup>,
}

impl Deref for Visitor {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Refused> {
        let cookie = cookie(parts, shared.setup.secure).ok_or(Refused::SignIn)?;
        let caller = shared.app.session_caller(&cookie).await?.ok_or(Refused::SignIn)?;
        Ok(Self { caller, cookie, setup: shared.setup.clone() })
    }
}
