//! Signing in by a one-use link: opening it shows who will be signed in, and only the button does it.

use askama::Template;

use crate::portal::text::Text;

/// What the link is good for.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    /// Good so far. It is spent by the button alone, so that mail scanners cannot use it up.
    Given { secret: String, name: String },
    /// Used, expired or never issued; which one is not told.
    Refused,
    /// The page was opened without a link.
    None,
}

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage {
    pub(crate) text: Text,
    pub(crate) link: Link,
    /// The server's own host, so that a person sees where this is.
    pub(crate) host: String,
}
