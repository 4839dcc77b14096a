//! Calls of the public HTTP APIs, as any program would make them.

use anyhow::{Context as _, Result, anyhow, bail};
use countersign_egress::{Egress, EgressConfig, read_capped};
use serde_json::Value;
use url::Url;

/// Answers are read up to this size.
const MOST: usize = 4 * 1024 * 1024;

/// A caller with a credential.
#[derive(Clone)]
pub(super) struct Caller {
    client: reqwest::Client,
    base: Url,
    credential: Option<String>,
}

/// An answer: status and body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// The body of a success, or the problem's sentence.
    pub(super) fn ok(self) -> Result<Value> {
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
    pub(super) fn new(base: &str) -> Result<Self> {
        let base = Url::parse(base)?;
        let host = format!("{}:{}", base.host_str().unwrap_or_default(), base.port_or_known_default().unwrap_or(80));
        let config = EgressConfig { allow_hosts: vec![host], ..EgressConfig::default() };
        let client = Egress::new(&config)?.client_for(&[&base]).map_err(|refusal| anyhow!("{refusal}"))?;
        Ok(Self { client, base, credential: None })
    }

    /// The same, with a credential.
    pub(super) fn with(&self, credential: &str) -> Self {
        Self { credential: Some(credential.to_owned()), ..self.clone() }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        self.send(reqwest::Method::GET, path, None).await?.ok().with_context(|| format!("GET {path}"))
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.try_post(path, body).await?.ok().with_context(|| format!("POST {path}"))
    }

    pub(super) async fn try_post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(reqwest::Method::POST, path, Some(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(reqwest::Method::PATCH, path, Some(body)).await?.ok().with_context(|| format!("PATCH {path}"))
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(reqwest::Method::PUT, path, Some(body)).await
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut call = self.client.request(method.clone(), self.base.join(path)?);
        if let Some(credential) = &self.credential {
            call = call.bearer_auth(credential);
        }
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
pub(super) fn text(value: &Value, pointer: &str) -> Result<String> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| anyhow!("the answer holds no text at {pointer}: {value}"))
}

/// The items of a list.
pub(super) fn items(value: &Value) -> &[Value] {
    value.pointer("/items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
