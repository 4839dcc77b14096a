//! What a form sent: its fields, and that it came from a page of this session.
//!
//! Not for: deciding whether a value is fit; use cases do that. Called as an extractor by every route that changes
//! something.
//!
//! The decision a reader would undo: fields are read as a list of pairs and not by `serde`, because a box per row sends
//! the same name many times.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use countersign_app::sign_in::hash;

use crate::http::Shared;
use crate::http::caller::FORM_TOKEN;

use super::Refused;
use super::visitor::Visitor;

/// The fields of a form, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The first value of a field, spaces round it cut; none where it is missing or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The first value of a field as it was typed; empty where it is missing.
    pub(super) fn typed(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// True if the form has the field, empty or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Every value of a field, at most 1000.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).take(1000).collect()
    }
}

/// A form with the visitor who sent it.
pub(crate) struct Signed {
    pub(super) visitor: Visitor,
    pub(super) fields: Fields,
}

impl FromRequest<Shared> for Signed {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, state).await?;
        let header = parts.headers.get(FORM_TOKEN).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = Bytes::from_request(Request::from_parts(parts, body), state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { Refused::TooLarge } else { Refused::Stale }
        })?;
        let fields = Fields::parse(&body);
        let sent = header.unwrap_or_else(|| fields.typed("form_token").to_owned());
        // Digests are compared, so that the time taken tells nothing about the token.
        match &visitor.form_token {
            Some(token) if hash(token) == hash(&sent) => Ok(Self { visitor, fields }),
            _ => Err(Refused::Stale),
        }
    }
}
