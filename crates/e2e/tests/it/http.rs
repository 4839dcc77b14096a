//! Calls of the HTTP APIs, by means that share nothing with the programs under test.

use std::sync::Once;

use reqwest::Method;
use serde_json::Value;

use crate::wait::within;

/// A caller, with or without a credential.
#[derive(Clone)]
pub(crate) struct Api {
    client: reqwest::Client,
    pub(crate) url: String,
    credential: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Reply {
    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.body
    }

    /// Checks that this is a problem document of that status and code, with a sentence.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        let detail = self.body["detail"].as_str().unwrap_or_default();
        assert!(detail.len() > 10 && detail.trim_end().ends_with(['.', ')', ']']), "a sentence: {self:?}");
    }
}

impl Api {
    pub(crate) fn new(url: &str) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            rustls::crypto::ring::default_provider().install_default().expect("nobody else installs one");
        });
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self { client: client.expect("a client can be made"), url: url.to_owned(), credential: None }
    }

    pub(crate) fn with(&self, credential: &str) -> Self {
        Self { credential: Some(credential.to_owned()), ..self.clone() }
    }

    /// The same caller of a server that listens elsewhere now.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.call(Method::PUT, path, Some(body.to_string())).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        self.call(Method::PATCH, path, Some(body.to_string())).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, None).await
    }

    /// Any call, with any text as its body.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<String>) -> Reply {
        let what = format!("{method} {path}");
        within(&what, self.try_call(method, path, body)).await.unwrap_or_else(|error| panic!("{what}: {error:?}"))
    }

    /// Any call, to a server that may be gone before it answers.
    pub(crate) async fn try_call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Reply, reqwest::Error> {
        let mut call = self.client.request(method, format!("{}{path}", self.url));
        if let Some(credential) = &self.credential {
            call = call.bearer_auth(credential);
        }
        if let Some(body) = body {
            call = call.header("content-type", "application/json").body(body);
        }
        let response = call.send().await?;
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.to_owned();
        // A stream of events goes on for ever.
        let text = if kind.starts_with("text/event-stream") { String::new() } else { response.text().await? };
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Reply { status, kind, text, body })
    }
}

/// The items of a list.
pub(crate) fn items(list: &Value) -> &[Value] {
    list["items"].as_array().unwrap_or_else(|| panic!("a list has items: {list}"))
}

/// A field that is text.
#[track_caller]
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is text: {value}"))
}
