//! Signing in: one token for all callers, one renewal at a time.
//!
//! Everybody who finds the token missing, old or rejected waits for the same renewal and shares its end, good or bad.
//! A rejection (wrong secret, unknown scope) is remembered for [`Config::refusal_pause`](crate::Config), because a
//! worker that keeps trying a wrong secret locks the application out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::error::{Error, ErrorKind, TokenError, UnknownCause};
use crate::send::{Answer, Call, exchange};
use crate::{Client, Tenant, loose};

/// Whether a sign-in may be answered from what is known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// Use the token at hand; a remembered rejection is returned without a call.
    Cached,
    /// Ask for a new token now, whatever is known: a person changed something and wants to see it.
    Fresh,
}

/// What is known of the token in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// The scopes Halo says it granted; absent when it does not say.
    pub scopes: Option<Vec<String>>,
    /// For how long Halo said the token is good, at its issue.
    pub lifetime: Duration,
    /// The agent behind the token, if Halo sent an identity token. Read without checking its signature: for display.
    pub identity: Option<IdToken>,
}

/// The parts of an identity token that tell who an application acts as.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct IdToken {
    /// The agent's name.
    #[serde(deserialize_with = "loose::text")]
    pub name: Option<String>,
    /// The agent's mail address.
    #[serde(deserialize_with = "loose::text")]
    pub email: Option<String>,
    /// The agent's id.
    #[serde(deserialize_with = "loose::link")]
    pub agentid: Option<i64>,
}

pub(crate) struct Token {
    pub(crate) access: String,
    info: TokenInfo,
    /// Renewed from here on, some time before it ends.
    renew_at: Instant,
}

/// The token and the last failure to get one.
#[derive(Default)]
pub(crate) struct Tokens {
    state: Mutex<State>,
    /// Held while a renewal is under way.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    /// The last failure; cleared by the next success.
    failure: Option<(Error, Instant)>,
    /// Counts ended renewals, so that those who waited can tell that one ended meanwhile.
    renewals: u64,
}

impl Tokens {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a token's age is measured here, on the monotonic clock, and nowhere else"
)]
fn now() -> Instant {
    Instant::now()
}

impl Client {
    /// Signs in and tells about the token.
    ///
    /// # Errors
    /// If no token is got: of kind [`ErrorKind::Token`].
    pub async fn sign_in(&self, how: SignIn) -> Result<TokenInfo, Error> {
        if how == SignIn::Fresh {
            let mut state = self.inner.tokens.state();
            state.token = None;
            state.failure = None;
        }
        Ok(self.token(None).await?.info.clone())
    }

    /// Asks for a token with other scopes than the configuration's, to see which ones are granted. The token in use stays.
    ///
    /// # Errors
    /// If no token is got: of kind [`ErrorKind::Token`].
    pub async fn try_scopes(&self, scopes: &str) -> Result<TokenInfo, Error> {
        Ok(self.renew(scopes).await?.info)
    }

    /// A token that is good for now and is not `rejected`.
    pub(crate) async fn token(&self, rejected: Option<&Arc<Token>>) -> Result<Arc<Token>, Error> {
        let tokens = &self.inner.tokens;
        let usable = |state: &State| {
            let token = state.token.as_ref().filter(|token| token.renew_at > now())?;
            (!rejected.is_some_and(|rejected| Arc::ptr_eq(rejected, token))).then(|| Arc::clone(token))
        };
        let seen = {
            let state = tokens.state();
            if let Some(token) = usable(&state) {
                return Ok(token);
            }
            self.remembered(&state)?;
            state.renewals
        };
        let _renewing = tokens.renewing.lock().await;
        {
            let state = tokens.state();
            if let Some(token) = usable(&state) {
                return Ok(token);
            }
            // A renewal that ended while we waited and failed is our failure too.
            match &state.failure {
                Some((error, _)) if state.renewals > seen => return Err(error.clone()),
                _ => {}
            }
        }
        let result = self.renew(&self.inner.config.scope).await;
        let mut state = tokens.state();
        state.renewals += 1;
        match result {
            Ok(token) => {
                let token = Arc::new(token);
                state.token = Some(Arc::clone(&token));
                state.failure = None;
                Ok(token)
            }
            Err(error) => {
                state.token = None;
                state.failure = Some((error.clone(), now()));
                Err(error)
            }
        }
    }

    fn remembered(&self, state: &State) -> Result<(), Error> {
        match &state.failure {
            Some((error, at)) if is_rejection(error) && at.elapsed() < self.inner.config.refusal_pause => {
                Err(error.clone())
            }
            _ => Ok(()),
        }
    }

    async fn renew(&self, scopes: &str) -> Result<Token, Error> {
        let config = &self.inner.config;
        let mut url = config.auth.clone();
        let path = url.path().trim_end_matches('/');
        url.set_path(&format!("{}/token", path.strip_suffix("/token").unwrap_or(path)));
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", config.client_id.as_str()),
            ("client_secret", config.client_secret.reveal()),
            ("scope", scopes),
        ];
        match &config.tenant {
            Some(Tenant::Query(tenant)) => {
                url.query_pairs_mut().append_pair("tenant", tenant);
            }
            Some(Tenant::Form(tenant)) => form.push(("tenant", tenant)),
            None => {}
        }
        let call = Call::new("POST", url.path(), &url);
        let request = self.inner.http.post(url).header(reqwest::header::ACCEPT, "application/json").form(&form);
        let issued = now();
        match exchange(call, request, config).await {
            Ok(answer) => read_token(&answer, issued),
            Err(error) => Err(rejection(error)),
        }
    }
}

fn is_rejection(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Token(kind) if kind.is_rejection())
}

/// The sign-in's class of a failed exchange.
fn rejection(error: Error) -> Error {
    let kind = match (error.kind, error.code.as_deref(), error.status) {
        (ErrorKind::NotSent, ..) => TokenError::NotSent,
        // A page, a wrong path and a redirect mean a wrong address, not a wrong secret.
        (ErrorKind::Unknown(UnknownCause::NotUnderstood | UnknownCause::TooLarge) | ErrorKind::NotFound, ..)
        | (_, _, Some(300..=399)) => TokenError::NotUnderstood,
        (ErrorKind::Unknown(_) | ErrorKind::RateLimited, ..) => TokenError::Unavailable,
        (_, Some("invalid_client"), _) | (_, None, Some(401)) => TokenError::InvalidClient,
        (_, Some("invalid_scope"), _) => TokenError::InvalidScope,
        (_, Some("unauthorized_client" | "unsupported_grant_type"), _) => TokenError::UnauthorizedClient,
        _ => TokenError::Rejected,
    };
    Error { kind: ErrorKind::Token(kind), ..error }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenBody {
    #[serde(deserialize_with = "loose::text")]
    access_token: Option<String>,
    #[serde(deserialize_with = "loose::integer")]
    expires_in: Option<i64>,
    #[serde(deserialize_with = "loose::text")]
    scope: Option<String>,
    #[serde(deserialize_with = "loose::text")]
    id_token: Option<String>,
}

fn read_token(answer: &Answer, issued: Instant) -> Result<Token, Error> {
    let not_understood = |error: Error| Error { kind: ErrorKind::Token(TokenError::NotUnderstood), ..error };
    let body: TokenBody = answer.json().map_err(not_understood)?;
    let Some(access) = body.access_token else {
        return Err(not_understood(answer.not_understood("no access token in the answer")));
    };
    let lifetime = Duration::from_secs(body.expires_in.and_then(|s| u64::try_from(s).ok()).unwrap_or(3600).min(86_400));
    let margin = (lifetime / 5).min(Duration::from_mins(5));
    let info = TokenInfo {
        scopes: body.scope.map(|scope| scope.split_whitespace().map(str::to_owned).collect()),
        lifetime,
        identity: body.id_token.as_deref().and_then(read_identity),
    };
    Ok(Token { access, info, renew_at: issued + lifetime.saturating_sub(margin) })
}

fn read_identity(token: &str) -> Option<IdToken> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok()
}
