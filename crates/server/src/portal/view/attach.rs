//! Attaching a request to a ticket that is there.

use askama::Template;

use super::frame::Frame;
use crate::portal::text::Text;

/// The ticket that was named, as it stands in the ticketing system.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) summary: String,
    pub(crate) customer: String,
    /// Why it may be the wrong one.
    pub(crate) warning: Option<String>,
}

/// The page: first the number, then the ticket that it is of.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/attach.html")]
pub(crate) struct AttachPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) request: String,
    pub(crate) program: String,
    pub(crate) number: String,
    pub(crate) shown: Option<Shown>,
    pub(crate) error: Option<String>,
}
