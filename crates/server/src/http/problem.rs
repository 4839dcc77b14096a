//! Failures as problem documents (RFC 9457): one place maps each failure to a status.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use countersign_app::{Error, psa::Cause};
use serde::Serialize;
use utoipa::ToSchema;

/// A failure, told as a problem document.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(transparent)]
pub(crate) struct Problem(Box<Document>);

/// A problem document.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Document {
    /// Always `about:blank`: `code` says which problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: String,
    /// HTTP status.
    status: u16,
    /// What happened, to which thing, what to do now.
    detail: String,
    /// Stable code for programs.
    code: String,
    /// The field it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// Who decided first.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// When, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// Seconds until it is worth trying again, told in the header `Retry-After`.
    #[serde(skip)]
    retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem with its code and sentence.
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Document {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Problem").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            field: None,
            by: None,
            at: None,
            retry_after_s: None,
        }))
    }

    /// Names the field that it is about.
    pub(crate) fn about(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into()).filter(|field: &String| !field.is_empty());
        self
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::NotFound(_) | Error::NoRecord { .. } => StatusCode::NOT_FOUND,
            Error::Forbidden { .. } => StatusCode::FORBIDDEN,
            Error::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Error::AlreadyDecided(_) | Error::Conflict { .. } | Error::NotConnected => StatusCode::CONFLICT,
            Error::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Error::Psa(fault) if fault.cause == Cause::AddressNotAllowed => StatusCode::UNPROCESSABLE_ENTITY,
            Error::Psa(_) => StatusCode::BAD_GATEWAY,
            Error::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Sealed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
            let chain: Vec<String> = chain.map(ToString::to_string).collect();
            tracing::error!(code = error.code(), error = chain.join(": "), "a call failed");
        }
        let mut problem = Self::new(status, error.code(), error.to_string());
        match error {
            Error::AlreadyDecided(decision) => {
                problem.0.by = Some(decision.by.name.clone());
                problem.0.at = Some(decision.at.rfc3339());
            }
            Error::TooMany(met) => problem.0.retry_after_s = Some(met.retry_after_s),
            Error::Invalid { field: Some(field), .. } => problem.0.field = Some(field.to_owned()),
            _ => {}
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        let kind = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if self.0.status == StatusCode::UNAUTHORIZED.as_u16() {
            let realm = header::HeaderValue::from_static("Bearer realm=\"countersign\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        }
        let unavailable = (self.0.status == StatusCode::SERVICE_UNAVAILABLE.as_u16()).then_some(2);
        if let Some(seconds) = self.0.retry_after_s.or(unavailable) {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
        }
        response
    }
}

/// Result of a route of the APIs.
pub(crate) type Answer<T> = Result<T, Problem>;
