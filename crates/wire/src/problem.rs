//! Why a call was not done: an RFC 9457 problem document.
//!
//! For: every answer outside 2xx, both ways of reading it. Not for: deciding what to do; `code` is what programs
//! branch on, `detail` is what people read.

use serde::{Deserialize, Serialize};

use crate::{MAX_NAME, MAX_REASON, MAX_URL, Text};

/// The `Content-Type` of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Codes that the agent acts on. Others are shown with their detail.
pub mod code {
    /// 409: a once-grant was redeemed before.
    pub const ALREADY_USED: &str = "already_used";
    /// 409: a technician took the grant back.
    pub const REVOKED: &str = "revoked";
    /// 409: the grant's time is over.
    pub const EXPIRED: &str = "expired";
    /// 403: this computer waits until a technician confirms it.
    pub const HELD: &str = "held";
    /// 403: this computer was archived in the portal.
    pub const ARCHIVED: &str = "archived";
    /// 401: no such credential, or it was taken back.
    pub const UNAUTHENTICATED: &str = "unauthenticated";
    /// 401 or 403: the enrolment key is unknown, used up, expired, or for another company.
    pub const BAD_ENROLLMENT_KEY: &str = "bad_enrollment_key";
    /// 429: too many requests.
    pub const TOO_MANY_REQUESTS: &str = "too_many_requests";
}

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of problem, as a URI; `about:blank` when `code` says all.
    #[serde(rename = "type", default = "blank")]
    pub kind: Text<MAX_URL>,
    /// The same for every problem of one code.
    #[serde(default)]
    pub title: Option<Text<MAX_NAME>>,
    /// The HTTP status, again.
    #[serde(default)]
    pub status: Option<u16>,
    /// What happened to which thing, and what to do now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text<MAX_REASON>>,
    /// Stable name for programs.
    #[serde(default)]
    pub code: Option<Text<MAX_NAME>>,
}

fn blank() -> Text<MAX_URL> {
    Text::clipped("about:blank")
}

impl Problem {
    /// A problem of a code, with the sentence for the person at the computer.
    #[must_use]
    pub fn new(status: u16, code: &str, title: &str, detail: &str) -> Self {
        Self {
            kind: blank(),
            title: Some(Text::clipped(title)),
            status: Some(status),
            detail: Some(Text::clipped(detail)),
            code: Some(Text::clipped(code)),
        }
    }

    /// Whether this is a problem of that code.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.code.as_ref().is_some_and(|own| own.as_str() == code)
    }
}
