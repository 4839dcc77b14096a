//! A call in, an answer out: plain values, so that every handler is an ordinary function of the state.
//!
//! Error bodies come in the several shapes that Halo is known for (a serialised .NET exception, problem details, a bare
//! `Message`, nothing at all); a client must read them all.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::query::Query;

/// One HTTP call, read completely.
pub(crate) struct Call {
    /// Upper case.
    pub(crate) method: String,
    /// Lower-case path segments, without `api`.
    pub(crate) path: Vec<String>,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// `http://host:port` as the client sees us.
    pub(crate) base: String,
}

impl Call {
    /// A header as text, empty if absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 415 when it does not call itself JSON, 400 when it is none.
    pub(crate) fn json(&self) -> Result<Value, Answer> {
        let kind = self.header("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !(kind.ends_with("/json") || kind.ends_with("+json")) {
            return Err(Answer::problem(415, "Unsupported Media Type", &[]));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Answer::invalid(&format!("The JSON value is not readable: {error}")))
    }

    /// The body of a POST: an array of records. Bare objects are refused unless the switch says otherwise.
    ///
    /// # Errors
    /// 400 for another shape, for nothing at all, and for more than 100 records.
    pub(crate) fn records(&self, bare_object: bool) -> Result<Vec<Value>, Answer> {
        let records = match self.json()? {
            Value::Array(records) => records,
            object @ Value::Object(_) if bare_object => vec![object],
            _ => {
                return Err(Answer::invalid(
                    "Cannot deserialize the current JSON value because the type requires a JSON array (e.g. [1,2,3]).",
                ));
            }
        };
        match records.len() {
            0 => Err(Answer::exception("No records were sent.")),
            1..=100 => Ok(records),
            more => Err(Answer::exception(&format!("{more} records were sent; at most 100 are taken in one call."))),
        }
    }
}

/// Reads one record of a POST into its fields; unknown ones are ignored, wrong types refused.
///
/// # Errors
/// 400 that tells what is wrong.
pub(crate) fn fields<T: DeserializeOwned>(record: Value) -> Result<T, Answer> {
    if !record.is_object() {
        return Err(Answer::invalid("Each element of the array must be an object."));
    }
    serde_json::from_value(record)
        .map_err(|error| Answer::invalid(&format!("The JSON value could not be converted: {error}")))
}

/// Sets a field of a JSON object.
pub(crate) fn set(row: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = row {
        fields.insert(name.to_owned(), value);
    }
}

/// Sets all fields of `more` on a JSON object.
pub(crate) fn extend(row: &mut Value, more: Value) {
    if let (Value::Object(row), Value::Object(more)) = (row, more) {
        row.extend(more);
    }
}

/// What is sent back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content: Content,
    pub(crate) headers: Vec<(&'static str, String)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Nothing,
    Json(Value),
    Text(&'static str, String),
    Raw(Vec<u8>),
}

/// A handler's result: the refusals are answers too, so `?` ends a handler early.
pub(crate) type Reply = Result<Answer, Answer>;

impl Answer {
    fn new(status: u16, content: Content) -> Self {
        Self { status, content, headers: Vec::new() }
    }
    pub(crate) fn json(status: u16, value: Value) -> Self {
        Self::new(status, Content::Json(value))
    }
    pub(crate) fn ok(value: Value) -> Self {
        Self::json(200, value)
    }
    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, Content::Nothing)
    }
    pub(crate) fn raw(content_type: &str, bytes: Vec<u8>) -> Self {
        Self::new(200, Content::Raw(bytes)).with("content-type", content_type)
    }
    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::new(status, Content::Text("text/plain; charset=utf-8", text.to_owned()))
    }
    pub(crate) fn html(status: u16, title: &str) -> Self {
        let page =
            format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n");
        Self::new(status, Content::Text("text/html; charset=utf-8", page))
    }
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A business rule said no: 400 with the serialised exception that Halo sends.
    pub(crate) fn exception(message: &str) -> Self {
        Self::json(
            400,
            json!({
                "ClassName": "System.Exception", "Message": message, "Data": null, "InnerException": null, "HelpURL": null,
                "StackTraceString": null, "RemoteStackTraceString": null, "RemoteStackIndex": 0, "ExceptionMethod": null,
                "HResult": -2_146_233_088, "Source": null, "WatsonBuckets": null,
            }),
        )
    }
    /// The body could not be read: 400 as ASP.NET problem details.
    pub(crate) fn invalid(message: &str) -> Self {
        Self::problem(400, "One or more validation errors occurred.", &[message])
    }
    fn problem(status: u16, title: &str, errors: &[&str]) -> Self {
        let body = json!({
            "type": format!("https://httpstatuses.io/{status}"), "title": title, "status": status, "errors": { "$": errors },
        });
        Self::json(status, body).with("content-type", "application/problem+json; charset=utf-8")
    }
    /// No or no good token: an empty 401.
    pub(crate) fn unauthorized(error: &str) -> Self {
        let challenge = if error.is_empty() { "Bearer".to_owned() } else { format!("Bearer error=\"{error}\"") };
        Self::empty(401).with("www-authenticate", challenge)
    }
    /// A scope or a right is missing; Halo does not say which.
    pub(crate) fn forbidden() -> Self {
        Self::empty(403)
    }
    pub(crate) fn not_found() -> Self {
        Self::json(404, json!({ "Message": "The record could not be found." }))
    }
    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        Self::empty(405).with("allow", allowed)
    }

    /// The HTTP form.
    pub(crate) fn into_response(self) -> Response {
        let (kind, bytes) = match self.content {
            Content::Nothing => (None, Bytes::new()),
            Content::Json(value) => (Some("application/json; charset=utf-8"), Bytes::from(value.to_string())),
            Content::Text(kind, text) => (Some(kind), Bytes::from(text)),
            Content::Raw(bytes) => (None, Bytes::from(bytes)),
        };
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(kind) = kind {
            response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
