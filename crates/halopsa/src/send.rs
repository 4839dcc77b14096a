//! One call: sign it, send it, read its answer within bounds, and say what its end means.

use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::{Error, ErrorKind, UnknownCause};
use crate::unreached;
use crate::{Client, Config, lists, words};

/// Query parameters, in order.
pub(crate) type Query = Vec<(&'static str, String)>;

/// What is asked, for the words of an error.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) host: String,
}

impl Call {
    /// A call of a path on the server at `address`.
    pub(crate) fn new(method: &'static str, path: impl Into<String>, address: &Url) -> Self {
        let name = address.host_str().unwrap_or_default();
        let host = address.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Self { method, path: path.into(), host }
    }

    pub(crate) fn error(&self, kind: ErrorKind, status: Option<u16>, words: String) -> Error {
        Error {
            kind,
            status,
            words,
            code: None,
            retry_after: None,
            unreached: None,
            host: self.host.as_str().into(),
            method: self.method,
            path: self.path.clone(),
        }
    }

    pub(crate) fn unknown(&self, cause: UnknownCause, status: Option<u16>, words: String) -> Error {
        self.error(ErrorKind::Unknown(cause), status, words)
    }
}

/// A successful status and its body, yet to be understood.
pub(crate) struct Answer {
    pub(crate) call: Call,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as one record.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| self.not_understood(&error.to_string()))
    }

    /// The body as a record, or as an array whose first member is the record.
    pub(crate) fn first<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if !lists::is_array(&self.body) {
            return self.json();
        }
        let records: Vec<T> = self.json()?;
        records.into_iter().next().ok_or_else(|| self.not_understood("an empty array"))
    }

    /// The error for a body that is not what was asked for, in its own words where it has some.
    pub(crate) fn not_understood(&self, why: &str) -> Error {
        let words = words::extract(&self.body);
        let words = if words.is_empty() || words.starts_with(['{', '[']) { words::one_line(why) } else { words };
        self.call.unknown(UnknownCause::NotUnderstood, Some(self.status), words)
    }
}

impl Client {
    pub(crate) async fn get(&self, path: String, query: Query) -> Result<Answer, Error> {
        self.signed(Method::GET, path, query, None).await
    }

    /// Posts the records as an array, the only form Halo takes everywhere.
    pub(crate) async fn post<T: Serialize>(&self, path: &str, records: &[T]) -> Result<Answer, Error> {
        let body = serde_json::to_vec(records)
            .map_err(|error| self.call("POST", path).error(ErrorKind::Refused, None, error.to_string()))?;
        self.signed(Method::POST, path.to_owned(), Query::new(), Some(body)).await
    }

    /// A call that needs no token.
    pub(crate) async fn get_unsigned(&self, path: &str) -> Result<Answer, Error> {
        let call = self.call("GET", path);
        self.inner.permit.acquire(self.urgency).await;
        let request = self.inner.http.get(self.url(path)).header(ACCEPT, "application/json");
        self.limited(exchange(call, request, &self.inner.config).await).await
    }

    async fn signed(&self, method: Method, path: String, query: Query, body: Option<Vec<u8>>) -> Result<Answer, Error> {
        let call = self.call(if body.is_some() { "POST" } else { "GET" }, path);
        let attempt = |access: &str| {
            let mut request = self.inner.http.request(method.clone(), self.url(&call.path));
            request = request.query(&query).bearer_auth(access).header(ACCEPT, "application/json");
            if let Some(body) = &body {
                request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
            }
            exchange(call.clone(), request, &self.inner.config)
        };
        self.inner.permit.acquire(self.urgency).await;
        let token = self.token(None).await.map_err(|error| error.under(&call))?;
        let answer = attempt(&token.access).await;
        // A rejected token means that nothing was done, so this one repeat is safe for a POST too.
        let answer = match answer {
            Err(Error { kind: ErrorKind::Unauthorised, .. }) => {
                let token = self.token(Some(&token)).await.map_err(|error| error.under(&call))?;
                self.inner.permit.acquire(self.urgency).await;
                attempt(&token.access).await
            }
            answer => answer,
        };
        self.limited(answer).await
    }

    /// Passes a limited call on to the permit.
    async fn limited(&self, answer: Result<Answer, Error>) -> Result<Answer, Error> {
        if let Err(Error { kind: ErrorKind::RateLimited, retry_after, .. }) = &answer {
            self.inner.permit.limited(*retry_after).await;
        }
        answer
    }

    fn call(&self, method: &'static str, path: impl Into<String>) -> Call {
        Call::new(method, path, &self.inner.config.resource)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.inner.config.resource.as_str().trim_end_matches('/'))
    }
}

impl Error {
    /// A sign-in's failure as the failure of the call that needed the token.
    fn under(self, call: &Call) -> Self {
        Self { method: call.method, path: call.path.clone(), ..self }
    }
}

/// Sends one request and reads its answer; the deadline covers both.
pub(crate) async fn exchange(call: Call, request: RequestBuilder, config: &Config) -> Result<Answer, Error> {
    let work = async {
        let mut response = request.send().await.map_err(|error| broken(&call, &error, None))?;
        let status = response.status();
        let read = read(&call, &mut response, config.max_body).await;
        if !status.is_success() {
            // The status decides; a body that broke off only costs the words.
            return Err(failed(&call, status, response.headers(), &read.unwrap_or_default()));
        }
        Ok((status.as_u16(), read?))
    };
    match tokio::time::timeout(config.deadline, work).await {
        Ok(Ok((status, body))) => Ok(Answer { call, status, body }),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(call.unknown(UnknownCause::Deadline, None, format!("no answer within {:?}", config.deadline))),
    }
}

async fn read(call: &Call, response: &mut Response, max: usize) -> Result<Vec<u8>, Error> {
    let status = Some(response.status().as_u16());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(call, &error, status))? {
        if body.len() + chunk.len() > max {
            return Err(call.unknown(UnknownCause::TooLarge, status, format!("more than {max} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The class of a call that ended without a status. Only a failed connect is sure to have sent nothing.
fn broken(call: &Call, error: &reqwest::Error, status: Option<u16>) -> Error {
    let kind = if status.is_none() && (error.is_connect() || error.is_builder()) {
        ErrorKind::NotSent
    } else if error.is_timeout() {
        ErrorKind::Unknown(UnknownCause::Deadline)
    } else {
        ErrorKind::Unknown(UnknownCause::Cut)
    };
    let unreached = (kind == ErrorKind::NotSent).then(|| unreached::why(error));
    Error { unreached, ..call.error(kind, status, words::causes(error)) }
}

/// The class of a call that ended with a status other than success.
fn failed(call: &Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let kind = match status.as_u16() {
        401 => ErrorKind::Unauthorised,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        429 => ErrorKind::RateLimited,
        408 | 500..=599 => ErrorKind::Unknown(UnknownCause::ServerFault),
        300..=499 => ErrorKind::Refused,
        _ => ErrorKind::Unknown(UnknownCause::NotUnderstood),
    };
    let words = match headers.get(reqwest::header::LOCATION).and_then(|to| to.to_str().ok()) {
        Some(to) if status.is_redirection() => words::one_line(&format!("redirected to {to}, which is not followed")),
        _ => words::extract(body),
    };
    Error {
        code: words::code(body).map(Into::into),
        retry_after: retry_after(headers),
        ..call.error(kind, Some(status.as_u16()), words)
    }
}

/// `Retry-After` in seconds, or as a date compared with the server's own clock; at most an hour.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    let seconds = if let Ok(seconds) = asked.parse::<u64>() {
        seconds
    } else {
        let until = rfc2822::parse(asked).ok()?.timestamp();
        let now = rfc2822::parse(text(DATE)?).ok()?.timestamp();
        u64::try_from(until.as_second() - now.as_second()).unwrap_or_default()
    };
    Some(Duration::from_secs(seconds.min(3600)))
}
