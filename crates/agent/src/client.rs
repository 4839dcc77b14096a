//! Calls to the server.
//!
//! For: one method per call of `/agent/v1`, and a failure that says whether trying again makes sense. Not for: trying
//! again; `ask` decides that.
//! Called by `enroll` and `request`. Answers are read up to a limit, redirects are not followed, and plain HTTP leaves
//! this computer only when that was asked for.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use countersign_wire::decision::{DecisionAnswer, OutcomeBody};
use countersign_wire::enroll::EnrollBody;
use countersign_wire::keys::SignedKeySet;
use countersign_wire::problem::Problem;
use countersign_wire::request::{RequestAnswer, RequestBody};
use countersign_wire::{Id, Text, read};
use reqwest::{Method, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use crate::config::Transport;

/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 1 << 20;
/// How long any call may take, the waiting asked for apart.
const DEADLINE: Duration = Duration::from_secs(15);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Longest pause that a server can ask for.
const MAX_RETRY_AFTER: u64 = 24 * 3600;

/// A connection to one server.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    credential: Option<String>,
}

/// An address that is not used.
#[derive(Debug, thiserror::Error)]
pub enum BadServer {
    /// Neither http nor https, or no host.
    #[error("{0} is no address of a server. It looks like https://countersign.example.com")]
    NotHttp(Url),
    /// Plain HTTP to another computer.
    #[error(
        "{0} is not encrypted, so anybody on the way could read the credential. Use https, or, for a trial in a network \
         that you trust, enrol with --insecure-http."
    )]
    Unencrypted(Url),
    /// The TLS library refuses to start.
    #[error("No encrypted connection can be made on this computer: {0}. Are CA certificates installed?")]
    Tls(String),
}

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection, or no answer. Whether the server did something is not known.
    #[error("{server} does not answer ({why}). Check the network, and that the server is running.")]
    Unreachable {
        /// The server.
        server: String,
        /// What the network said.
        why: String,
    },
    /// Whoever answered cannot prove to be the server.
    #[error(
        "{server} showed a certificate that is not accepted ({why}), so nothing was sent. Check the address, this \
         computer's date and time, and that the system trusts the certificate's issuer."
    )]
    Untrusted {
        /// The server.
        server: String,
        /// What the TLS library said.
        why: String,
    },
    /// The server says that it cannot now: 429, 5xx.
    #[error("{}", busy(*.status, .detail.as_deref(), *.retry_after))]
    Busy {
        /// The HTTP status.
        status: u16,
        /// The server's own sentence.
        detail: Option<String>,
        /// When to try again, where it said so.
        retry_after: Option<Duration>,
    },
    /// Something else than our server answered, or a server of another kind.
    #[error("{server} gave an answer that is not understood ({why}). Is this the address of a Countersign server?")]
    NotUnderstood {
        /// The server.
        server: String,
        /// What was wrong.
        why: String,
    },
    /// The server refuses, and will again.
    #[error("{}", refused(*.status, .problem))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its words.
        problem: Problem,
    },
}

fn busy(status: u16, detail: Option<&str>, retry_after: Option<Duration>) -> String {
    let what = detail.map_or_else(
        || match status {
            429 => "The server takes no more requests from here for now.".to_owned(),
            _ => format!("The server has a problem of its own (HTTP {status})."),
        },
        str::to_owned,
    );
    match retry_after {
        Some(time) => format!("{what} It can be tried again in {} s.", time.as_secs()),
        None => what,
    }
}

fn refused(status: u16, problem: &Problem) -> String {
    let said = problem.detail.as_ref().map(Text::as_str).filter(|text| !text.is_empty());
    match (status, said) {
        (401, _) => {
            "The server does not know this computer's credential: it was revoked, or the server is another one. \
                     Enrol this computer again with a new key from the portal."
                .to_owned()
        }
        (_, Some(said)) => said.to_owned(),
        (403, None) => "This computer waits until a technician confirms it in the portal, under Computers.".to_owned(),
        (404, None) => "The server does not know this request. Run the command again to ask anew.".to_owned(),
        (_, None) => format!("The server refuses (HTTP {status})."),
    }
}

impl Failure {
    /// Whether the same call can succeed later, and when the server wants to be asked again.
    #[must_use]
    pub fn later(&self) -> Option<Option<Duration>> {
        match self {
            Self::Unreachable { .. } | Self::Untrusted { .. } | Self::NotUnderstood { .. } => Some(None),
            Self::Busy { retry_after, .. } => Some(*retry_after),
            Self::Refused { .. } => None,
        }
    }
}

/// An answer with its status.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl Client {
    /// A client for a server, with the computer's credential once it has one.
    ///
    /// # Errors
    /// When the address is not one to use.
    pub fn new(server: &Url, transport: Transport, credential: Option<&str>) -> Result<Self, BadServer> {
        let encrypted = match server.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(BadServer::NotHttp(server.clone())),
        };
        let Some(host) = server.host() else { return Err(BadServer::NotHttp(server.clone())) };
        if !encrypted && transport == Transport::Safe && !is_this_computer(&host) {
            return Err(BadServer::Unencrypted(server.clone()));
        }
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_DEADLINE)
            .user_agent(concat!("countersign-agent/", env!("CARGO_PKG_VERSION")));
        // Without encryption the system's certificates are not needed, and there may be none.
        let builder = if encrypted { builder } else { builder.tls_certs_only([]) };
        let http = builder.build().map_err(|error| BadServer::Tls(chain(&error)))?;
        let mut base = server.clone();
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self { http, base, credential: credential.map(str::to_owned) })
    }

    /// Enrols: the status tells 201 from 202.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn enroll(&self, body: &EnrollBody) -> Result<(StatusCode, Vec<u8>), Failure> {
        let answer = self.call(Method::POST, &["enroll"], None, Some(body), DEADLINE).await?;
        Ok((answer.status, answer.body))
    }

    /// Sends a request, for the first time or again.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn put_request(&self, id: &Id, body: &RequestBody) -> Result<RequestAnswer, Failure> {
        let answer = self.call(Method::PUT, &["requests", id.as_str()], None, Some(body), DEADLINE).await?;
        self.understand(&answer.body)
    }

    /// Asks for the decision; the server answers when there is one, or after `wait` seconds.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn decision(&self, id: &Id, wait: u64) -> Result<DecisionAnswer, Failure> {
        let deadline = DEADLINE + Duration::from_secs(wait);
        let answer = self.call::<()>(Method::GET, &["requests", id.as_str()], Some(wait), None, deadline).await?;
        self.understand(&answer.body)
    }

    /// Says what becomes of a grant. Success is any 2xx, whatever its body.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn outcome(&self, id: &Id, body: &OutcomeBody) -> Result<(), Failure> {
        self.call(Method::PUT, &["requests", id.as_str(), "outcome"], None, Some(body), DEADLINE).await.map(drop)
    }

    /// Takes a request back.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn withdraw(&self, id: &Id) -> Result<(), Failure> {
        self.call::<()>(Method::DELETE, &["requests", id.as_str()], None, None, CONNECT_DEADLINE).await.map(drop)
    }

    /// The server's key set.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn keys(&self) -> Result<SignedKeySet, Failure> {
        let answer = self.call::<()>(Method::GET, &["keys"], None, None, DEADLINE).await?;
        self.understand(&answer.body)
    }

    /// Reads an answer's body.
    ///
    /// # Errors
    /// When it is not what it should be.
    pub fn understand<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        read(body).map_err(|error| self.not_understood(error.to_string()))
    }

    fn not_understood(&self, why: String) -> Failure {
        Failure::NotUnderstood { server: self.name(), why }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let (server, why) = (self.name(), chain(error));
        if causes(error).any(|cause| matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))) {
            return Failure::Untrusted { server, why };
        }
        Failure::Unreachable { server, why }
    }

    /// The server as people know it.
    #[must_use]
    pub fn name(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    async fn call<B: Serialize + Sync>(
        &self,
        method: Method,
        path: &[&str],
        wait: Option<u64>,
        body: Option<&B>,
        deadline: Duration,
    ) -> Result<Answer, Failure> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["agent", "v1"]).extend(path);
        }
        if let Some(wait) = wait {
            url.query_pairs_mut().append_pair("wait", &wait.to_string());
        }
        let mut request = self.http.request(method, url).timeout(deadline).header(header::ACCEPT, "application/json");
        if let Some(credential) = &self.credential {
            request = request.bearer_auth(credential);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok())
            .map(|seconds| Duration::from_secs(seconds.min(MAX_RETRY_AFTER)));
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + part.len() > MAX_ANSWER {
                return Err(self.not_understood(format!("longer than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&part);
        }
        if status.is_success() {
            return Ok(Answer { status, body });
        }
        let problem = read::<Problem>(&body);
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
        {
            let detail = problem.ok().and_then(|problem| problem.detail).map(|detail| detail.to_string());
            return Err(Failure::Busy { status: status.as_u16(), detail, retry_after });
        }
        match problem {
            Ok(problem) => Err(Failure::Refused { status: status.as_u16(), problem }),
            Err(_) => Err(self.not_understood(format!("HTTP {status} without an explanation"))),
        }
    }
}

fn is_this_computer(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
    }
}

/// An error and what caused it, outermost first. `io::Error` hides the error that it wraps from `source`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

/// The innermost cause says most: "connection refused" in place of "error sending request".
fn chain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}
