//! What a failed call means for the caller: was it carried out, and what did Halo say?

use std::time::Duration;

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method} {path}: {kind}{}{}", status.map(|status| format!(" ({status})")).unwrap_or_default(), said(words))]
pub struct Error {
    /// Whether the call was carried out, and what may be done next.
    pub kind: ErrorKind,
    /// The HTTP status, if an answer began to arrive.
    pub status: Option<u16>,
    /// Halo's own words, or those of the network, in one line of at most 500 characters. May be empty.
    pub words: String,
    /// The machine-readable code of an OAuth error, such as `invalid_scope`.
    pub code: Option<Box<str>>,
    /// For how long Halo asked to be left alone, at most an hour.
    pub retry_after: Option<Duration>,
    /// Why no connection came about, where none did.
    pub unreached: Option<Unreached>,
    /// The host that was called, with its port where the address names one; for a sign-in, the authorisation server.
    pub host: Box<str>,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path below the resource address, such as `/Tickets`.
    pub path: String,
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

/// The classes of a failed call. All but [`Unknown`](Self::Unknown) mean that it was certainly not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// Halo examined the call and said no (400 and its like, or a redirect): the same call will fail again.
    #[error("refused")]
    Refused,
    /// The record does not exist, or is hidden from this agent: Halo does not tell these apart.
    #[error("not found")]
    NotFound,
    /// The token was rejected, and a fresh one too.
    #[error("the token was rejected")]
    Unauthorised,
    /// The application lacks the scope or the agent the right: Halo does not tell these apart.
    #[error("not permitted")]
    Forbidden,
    /// Too many calls. See [`Error::retry_after`].
    #[error("too many calls")]
    RateLimited,
    /// No connection came about, so nothing was sent.
    #[error("no connection")]
    NotSent,
    /// No token, so the call was not sent.
    #[error("sign-in failed: {0}")]
    Token(TokenError),
    /// The call was sent and its outcome is not known: it may have been carried out, or may still be.
    #[error("outcome unknown: {0}")]
    Unknown(UnknownCause),
}

/// Why no connection came about, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreached {
    /// The name is not known.
    NoSuchHost,
    /// Nobody listens at that port.
    Refused,
    /// Nothing answered within the time for connecting.
    TooSlow,
    /// The server's certificate is not trusted, not for this name, or not of this time.
    Certificate,
    /// What answers does not speak TLS, or breaks off in its first words.
    NotTls,
    /// Something else; the words tell.
    Other,
}

/// Why an outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownCause {
    /// 5xx or 408.
    #[error("server fault")]
    ServerFault,
    /// The connection broke after the call was sent.
    #[error("the connection broke")]
    Cut,
    /// No complete answer within the deadline.
    #[error("no answer in time")]
    Deadline,
    /// A successful status with a body that is not what was asked for, such as a web page.
    #[error("the answer was not understood")]
    NotUnderstood,
    /// The answer was larger than [`Config::max_body`](crate::Config::max_body).
    #[error("the answer was too large")]
    TooLarge,
}

/// Why no token was got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Wrong client id or secret.
    #[error("wrong client id or secret")]
    InvalidClient,
    /// A scope that does not exist, or that the application was not given.
    #[error("a scope was rejected")]
    InvalidScope,
    /// The application does not allow signing in with client id and secret.
    #[error("the application does not allow this sign-in")]
    UnauthorizedClient,
    /// Another rejection; Halo's words say which.
    #[error("rejected")]
    Rejected,
    /// The authorisation server could not be reached.
    #[error("no connection")]
    NotSent,
    /// It failed, broke off, took too long, or limits sign-ins: worth another try later.
    #[error("unavailable")]
    Unavailable,
    /// It answered with something that is no token, such as a web page: probably a wrong address.
    #[error("the answer was not understood")]
    NotUnderstood,
}

impl TokenError {
    /// Whether trying again with the same configuration is pointless until a person changed something.
    #[must_use]
    pub fn is_rejection(self) -> bool {
        match self {
            Self::InvalidClient | Self::InvalidScope | Self::UnauthorizedClient | Self::Rejected => true,
            Self::NotSent | Self::Unavailable | Self::NotUnderstood => false,
        }
    }
}
