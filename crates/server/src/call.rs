//! Calls of the public HTTP APIs, as any program would make them: for the demo, and for measuring.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use countersign_egress::{Egress, EgressConfig, read_capped};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

/// Answers are read up to this size. They come from servers that this program started.
const MOST: usize = 256 * 1024 * 1024;
/// How long a stream of events may go on.
const STREAM: Duration = Duration::from_hours(24);

/// A caller with a credential.
#[derive(Clone)]
pub(crate) struct Caller {
    client: reqwest::Client,
    base: Url,
    credential: Option<String>,
}

/// An answer: status and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of a success, or the problem's sentence.
    pub(crate) fn ok(self) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        bail!("{} ({})", self.text("/detail").unwrap_or_else(|| self.body.to_string()), self.status)
    }

    fn text(&self, pointer: &str) -> Option<String> {
        self.body.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
    }
}

impl Caller {
    /// A caller of the server at `base`, without a credential.
    pub(crate) fn new(base: &str) -> Result<Self> {
        let base = Url::parse(base)?;
        let host = format!("{}:{}", base.host_str().unwrap_or_default(), base.port_or_known_default().unwrap_or(80));
        let config = EgressConfig { allow_hosts: vec![host], ..EgressConfig::default() };
        let client = Egress::new(&config)?.client_for(&[&base]).map_err(|refusal| anyhow!("{refusal}"))?;
        Ok(Self { client, base, credential: None })
    }

    /// The same, with a credential.
    pub(crate) fn with(&self, credential: &str) -> Self {
        Self { credential: Some(credential.to_owned()), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.send(reqwest::Method::GET, path, None).await?.ok().with_context(|| format!("GET {path}"))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.try_post(path, body).await?.ok().with_context(|| format!("POST {path}"))
    }

    pub(crate) async fn try_post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(reqwest::Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(reqwest::Method::PATCH, path, Some(body)).await?.ok().with_context(|| format!("PATCH {path}"))
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value> {
        self.send(reqwest::Method::DELETE, path, None).await?.ok().with_context(|| format!("DELETE {path}"))
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(reqwest::Method::PUT, path, Some(body)).await
    }

    /// An answer of many records, read as what is wanted of them.
    pub(crate) async fn get_as<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let response = self.request(reqwest::Method::GET, path)?.send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&read_capped(response, MOST).await?)?)
    }

    /// An answer that goes on, such as a stream of events.
    pub(crate) async fn stream(&self, path: &str) -> Result<reqwest::Response> {
        Ok(self.request(reqwest::Method::GET, path)?.timeout(STREAM).send().await?.error_for_status()?)
    }

    fn request(&self, method: reqwest::Method, path: &str) -> Result<reqwest::RequestBuilder> {
        let call = self.client.request(method, self.base.join(path)?);
        Ok(match &self.credential {
            Some(credential) => call.bearer_auth(credential),
            None => call,
        })
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut call = self.request(method.clone(), path)?;
        if let Some(body) = body {
            call = call.json(body);
        }
        let response = call.send().await.with_context(|| format!("{method} {path}"))?;
        let status = response.status().as_u16();
        let bytes = read_capped(response, MOST).await?;
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        Ok(Answer { status, body })
    }
}

/// The text at a pointer, which the API promises to be there.
pub(crate) fn text(value: &Value, pointer: &str) -> Result<String> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| anyhow!("the answer holds no text at {pointer}: {value}"))
}

/// The items of a list.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.pointer("/items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
